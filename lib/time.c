/* time -- the clocks and the randomness of the driver. */
#include <stdio.h>

#include "lib/sched.h"

static struct sl_driver *driver(void)
{
    sl_assert(sl_sched_);
    return sl_sched_->driver;
}

sl_time sl_now(void)
{
    struct sl_driver *d = driver();

    return d->now(d);
}

int64_t sl_wall_ms(void)
{
    struct sl_driver *d = driver();

    return d->wall_ms(d);
}

uint64_t sl_random(void)
{
    struct sl_driver *d = driver();

    return d->random(d);
}

void sl_uuid4(char out[37])
{
    uint64_t high = (sl_random() & ~0xf000ULL) | 0x4000;
    uint64_t low = (sl_random() & ~(3ULL << 62)) | 2ULL << 62;

    snprintf(out, 37, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32),
             (unsigned)(high >> 16) & 0xffff, (unsigned)high & 0xffff, (unsigned)(low >> 48),
             (unsigned long long)(low & 0xffffffffffff));
}

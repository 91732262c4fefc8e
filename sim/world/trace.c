#include "sim/world/trace.h"

#include <inttypes.h>

#include "sim/world/text.h"

static uint64_t add_number(uint64_t hash, uint64_t n)
{
    hash ^= n;
    hash *= 0x9fb21c651e98df25; /* an odd constant without structure */
    return hash ^ hash >> 32;
}

enum { TEXTS = 64 };

/* The hash of two texts, remembered by where they stand. */
static uint64_t hash_of(const char *what, const char *whom)
{
    static struct {
        const char *what, *whom;
        uint64_t hash;
    } known[TEXTS];
    size_t at = ((uintptr_t)what / 8 + (uintptr_t)whom) % TEXTS;

    if (known[at].what != what || known[at].whom != whom) {
        known[at].hash = sim_text_hash(slice_of(whom), sim_text_hash(slice_of(what), 0));
        known[at].what = what;
        known[at].whom = whom;
    }
    return known[at].hash;
}

void sim_trace_add(struct sim_trace *trace, const char *what, const char *whom, uint64_t a,
                   uint64_t b)
{
    int64_t now = sl_now().ns;

    trace->hash = add_number(add_number(trace->hash, hash_of(what, whom)), (uint64_t)now);
    trace->hash = add_number(add_number(trace->hash, a), b);
    trace->count++;
    if (trace->out)
        fprintf(trace->out, "%12.6f %s %s %" PRIu64 " %" PRIu64 "\n", (double)now / 1e9, whom, what,
                a, b);
}

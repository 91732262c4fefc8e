#include "sim/world/trace.h"

#include <inttypes.h>

#include "sim/world/text.h"

static uint64_t add_number(uint64_t hash, uint64_t n)
{
    hash ^= n;
    hash *= 0x9fb21c651e98df25; /* an odd constant without structure */
    return hash ^ hash >> 32;
}

void sim_trace_add(struct sim_trace *trace, const char *what, const char *whom, uint64_t a,
                   uint64_t b)
{
    int64_t now;

    if (trace->is_off)
        return;
    now = sl_now().ns;
    trace->hash = sim_text_hash(slice_of(whom), sim_text_hash(slice_of(what), trace->hash));
    trace->hash = add_number(trace->hash, (uint64_t)now);
    trace->hash = add_number(add_number(trace->hash, a), b);
    trace->count++;
    if (trace->out)
        fprintf(trace->out, "%12.6f %s %s %" PRIu64 " %" PRIu64 "\n", (double)now / 1e9, whom, what,
                a, b);
}

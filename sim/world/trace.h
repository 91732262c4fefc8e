/*
 * trace -- what happened in a world, as a hash and, if asked for, as lines of text. Two runs of a seed with the same hash
 * did the same at the same times; the lines show where they part.
 */
#ifndef SIM_WORLD_TRACE_H
#define SIM_WORLD_TRACE_H

#include <stdint.h>
#include <stdio.h>

#include <sluice/time.h>

struct sim_trace {
    uint64_t hash, count;
    FILE *out; /* NULL: no lines. Borrowed */
};

/* Something happened, `what` to `whom`, with two numbers. The texts stay where they are, unchanged, as literals do. */
void sim_trace_add(struct sim_trace *trace, const char *what, const char *whom, uint64_t a,
                   uint64_t b);

#endif

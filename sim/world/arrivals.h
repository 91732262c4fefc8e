/*
 * arrivals -- how many events come, stretch after stretch of time. What is left of one stretch counts in the next: over any
 * time as many come as the rate says, however low it is.
 */
#ifndef SIM_WORLD_ARRIVALS_H
#define SIM_WORLD_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/world/random.h"

/* From `from` on events come at this rate. */
struct sim_rate_step {
    sl_time from;
    double rate;
};

/* How events come. */
struct sim_arrivals {
    double rate;                       /* a second, on average; at most 1,000,000 */
    const struct sim_rate_step *steps; /* in the order of time, in place of `rate`. Borrowed */
    size_t step_count;                 /* 0: `rate` it is */
    bool is_poisson;                   /* at random times; else evenly */
    /* Each stretch is for itself, and what is less than an event in it comes or does not, by chance: the seeds of test/sim
     * stand for worlds of this kind. */
    bool is_rough;
    uint64_t backlog; /* that are there at the start */
    size_t size;      /* bytes of a body */
    double poison;    /* share of events that the service refuses for ever */
};

struct sim_arriving {
    const struct sim_arrivals *arrivals;
    struct sim_random random;
    int64_t left; /* until the next event, in parts of one */
    size_t step;  /* of steps, those that have begun */
};

/* `arrivals` are borrowed. */
void sim_arriving_init(struct sim_arriving *arriving, const struct sim_arrivals *arrivals,
                       struct sim_random random);
/* How many come from `from` to `to`, a second at most. Stretches follow each other. */
uint64_t sim_arriving_next(struct sim_arriving *arriving, sl_time from, sl_time to);

#endif

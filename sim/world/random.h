/*
 * random -- numbers that follow from a seed, in streams of their own: what one part of a world draws does not shift what
 * another part gets. Integers only, so that a seed means the same on every machine.
 */
#ifndef SIM_WORLD_RANDOM_H
#define SIM_WORLD_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/time.h>

struct sim_random {
    uint64_t state;
};

/* A stream of the world `seed`: streams with different numbers have nothing to do with each other. */
struct sim_random sim_random_of(uint64_t seed, uint64_t stream);
/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t sim_random_next(struct sim_random *r);
/* From 0 to `n` - 1; 0 for 0. */
uint64_t sim_random_below(struct sim_random *r, uint64_t n);
/* From `low` to `high`, both included. */
int64_t sim_random_between(struct sim_random *r, int64_t low, int64_t high);
/* True `ppm` times in a million. */
bool sim_random_happens(struct sim_random *r, uint32_t ppm);
/* Exponential with that mean, in steps of 1/1,024 of it, at most 16 times it: the time between events that come by chance. */
sl_dur sim_random_exponential(struct sim_random *r, sl_dur mean);
/* Around `median`: half of them less, one in a hundred `p99` or more, with a straight line between on a logarithmic scale.
 * Always `median` if `p99` is not more than that. */
sl_dur sim_random_latency(struct sim_random *r, sl_dur median, sl_dur p99);

#endif

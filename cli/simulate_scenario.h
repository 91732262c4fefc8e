/*
 * simulate_scenario -- what `simulate` was told, as a world: arrivals, service, troubles, replicas.
 *
 *     --rate      500/s  500/s,poisson  FILE, whose lines are SECONDS,EVENTS_PER_SECOND: from then on, at that rate
 *     --service   50ms,p99=400ms,capacity=40/s,at-once=8
 *     --outage    10m@5m           for ten minutes from the fifth on
 *     --throttle  5%@1h+10m        that share of requests, from the first hour on, for ten minutes
 *     --crash     @2h
 */
#ifndef CLI_SIMULATE_SCENARIO_H
#define CLI_SIMULATE_SCENARIO_H

#include "cli/options.h"
#include "sim/world/world.h"

/* A stretch of time with a name, for charts and warnings. */
struct scenario_stretch {
    sl_time from, to;
    double share; /* of requests: 1 for an outage */
};

enum { STRETCHES_MAX = SIM_WINDOWS_MAX };

struct scenario {
    const struct simulate_options *options;
    struct sim_config config;    /* but for the seed */
    struct sim_rate_step *steps; /* of a file; NULL: none */
    double mean_rate, peak_rate; /* events a second */
    double batches_per_second;   /* the service's capacity; 0: no limit */
    double price;                /* USD per million requests */
    struct scenario_stretch outages[STRETCHES_MAX], throttles[STRETCHES_MAX];
    unsigned outage_count, throttle_count;
};

/*
 * Reads all of it; `options` are borrowed.
 *   0         `scenario` is the caller's: scenario_deinit
 *   PROBLEM   what can't be read, exit status 64
 */
int scenario_read(struct scenario *scenario, const struct simulate_options *options,
                  struct problem *problem);
void scenario_deinit(struct scenario *scenario);

/* How the rate is said: "500/s", "500/s by chance", the file's name. */
const char *scenario_rate_text(const struct scenario *scenario, char out[64]);

#endif

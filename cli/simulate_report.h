/*
 * simulate_report -- what a simulation found, for people and for programs; and what is odd about the configuration.
 */
#ifndef CLI_SIMULATE_REPORT_H
#define CLI_SIMULATE_REPORT_H

#include "cli/simulate_series.h"

/* One run of a scenario. Plain bytes: it may come from another process. */
struct simulation {
    uint64_t seed;
    struct sim_result result;
    struct series series;
    double seconds, cpu_seconds; /* of this machine */
    uint64_t memory_bytes;
    int error; /* 0, or negative: it could not be run */
    bool is_done;
};

/* Appends the report of one run, each line with its newline. */
void simulation_print(const struct simulation *simulation, const struct scenario *scenario,
                      struct strbuf *out);
/* The least, the median and the most over several. `list` is not changed. */
void simulation_print_ranges(const struct simulation *list, size_t count,
                             const struct scenario *scenario, struct strbuf *out);
/* The same as one JSON object and a newline: of one, or of several with their ranges. */
void simulation_print_json(const struct simulation *list, size_t count,
                           const struct scenario *scenario, struct strbuf *out);

/*
 * Appends what is odd: configurations that can't do what they should, and limits that the run has met. Each warning is a
 * line, with a second one "  do:    …". `line` comes before each; `simulation` may be NULL: only what follows from the flags.
 */
void simulation_warn(const struct simulation *simulation, const struct scenario *scenario,
                     struct strbuf *out);

/* What is wrong with sluice itself, as far as it harms: events lost, delivered twice without a cause, deleted too early or out
 * of order, an account that does not add up. NULL: nothing. */
const char *simulation_finding(const struct simulation *simulation);

/* USD for what sluice asked of SQS. */
double simulation_cost(const struct simulation *simulation, const struct scenario *scenario);
/* Different events that the service took. */
uint64_t simulation_delivered(const struct simulation *simulation);

#endif

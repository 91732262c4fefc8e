/*
 * world -- a queue, a service, some processes of sluice between them, and time: run from a seed, judged from outside.
 *
 * A world has two phases. First events come and faults happen, for `duration`. Then both stop, and what is left has to be
 * delivered: within two visibility timeouts and 60 s from when the last event that was given back with a delay, until 60 s
 * after the faults, is visible again; and, for a backlog, as much longer as it takes at twice the rate at which events came.
 */
#ifndef SIM_WORLD_WORLD_H
#define SIM_WORLD_WORLD_H

#include <stdio.h>

#include "sim/world/arrivals.h"
#include "sim/world/faults.h"
#include "sim/world/ledger.h"
#include "sim/world/process.h"
#include "sim/world/receiver.h"
#include "sim/world/sqs.h"
#include "sim/world/trace.h"

enum { SIM_PROCESSES_MAX = 16, SIM_CRASHES_MAX = 64 };

struct sim_sample {
    sl_time at;
    uint64_t visible, in_flight, dead, sent, committed;
    int64_t oldest_ms;
    size_t held;
};

struct sim_config {
    uint64_t seed;
    sl_dur duration;
    bool is_fifo;
    unsigned groups; /* FIFO */
    unsigned processes;
    struct sim_arrivals arrivals;
    struct sim_sqs_options sqs;
    struct sim_receiver_options receiver;
    struct sim_process_options process;
    struct sim_fault_plan faults;
    bool shuffles; /* ready tasks run in any order */
    sl_dur
        deploy_every; /* one process after the other gets a SIGTERM and is started again; 0: never */
    sl_time
        crashes[SIM_CRASHES_MAX]; /* when a process is killed, the first, the second, ... in turn */
    unsigned crash_count;
    bool
        forgets; /* settled events: memory is bounded by the backlog, and the judge sees a little less */
    bool
        stops_at_end; /* there is no second phase: processes are stopped, and what is left is left */
    FILE *trace;      /* NULL: none */
    /* Called every simulated `sample_every`, with what there is to draw; NULL: never. */
    void (*sample)(void *arg, const struct sim_sample *sample);
    void *sample_arg;
    sl_dur sample_every;
};

struct sim_result {
    uint64_t trace_hash, trace_count;
    uint64_t sent, committed, clean, duplicates, explained;
    uint64_t causes[CAUSES];
    uint64_t lost, unexpected, unexplained, early_deletes, disorders, dead;
    uint64_t poison, dead_healthy; /* events that the service refuses; dead ones that it does not */
    uint64_t strange_receipts, wrong_requests, receives_after_signal;
    uint64_t left;        /* in the queue, when the time for that was over */
    sl_dur emptied_after; /* the end of faults */
    sl_dur simulated;
    int64_t peak_oldest_ms;
    uint64_t tally[FAULTS];
    struct sim_process_totals totals; /* over all processes */
    struct sim_sqs_bill bill;
    struct sim_receiver_counts service;
    uint64_t requests[LEGS];
    char finding[256]; /* what is wrong; "": nothing */
};

/* A configuration by chance, and faults: what the seed `seed` stands for. */
void sim_config_draw(struct sim_config *config, uint64_t seed, sl_dur duration);
/* Nothing by chance: one process as `sluice run` starts it, 100 events a second of 200 B, no faults. */
void sim_config_plain(struct sim_config *config, uint64_t seed, sl_dur duration);
/* One line that says it all. */
void sim_config_print(const struct sim_config *config, struct strbuf *out);

/* Runs it, on this thread. 0, or negative: it could not be run. */
int sim_run(const struct sim_config *config, struct sim_result *result);

#endif

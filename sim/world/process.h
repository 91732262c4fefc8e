/*
 * process -- one `sluice run` in a world: the real source, pipeline and sink behind a simulated HTTP client, under somebody who
 * starts it again when it ends.
 *
 * Each start is an *instance* with a number of its own, by which the ledger knows who held an event. An instance ends by a
 * signal, by being killed, or because it could not start.
 */
#ifndef SIM_WORLD_PROCESS_H
#define SIM_WORLD_PROCESS_H

#include <sluice/chan.h>

#include "core/account.h"
#include "pipeline/pipeline.h"
#include "sim/world/net.h"
#include "sim/world/sqs.h"

struct sim_process_options {
    const char *queue; /* as sim_sqs_options */
    size_t batch_count, batch_bytes, concurrency, receivers;
    size_t in_flight_max, in_flight_bytes; /* 0: what run takes by default */
    sl_dur batch_age, drain, receive_wait, timeout;
    sl_dur visibility;               /* 0: the queue's */
    const char *format;              /* NULL: lambda */
    sl_dur restart_min, restart_max; /* between an end and the next start */
};

/* What all instances together did. */
struct sim_process_totals {
    struct account account;
    uint64_t starts, failed_starts, kills, drains, deadlines;
    sl_dur longest_drain_over; /* beyond the drain's limit; negative: within it */
    uint64_t receives_after_signal;
    uint64_t account_errors; /* ends at which the account's sum was wrong */
};

struct sim_process;

/* Starts it, in a task of `ctx`. Everything outlives it. `instances` numbers them over all processes of the world. */
struct sim_process *sim_process_new(struct sl_ctx *ctx, struct sim_net *net,
                                    const struct sim_sqs *sqs, struct sim_ledger *ledger,
                                    struct sim_random random, uint32_t *instances,
                                    const struct sim_process_options *options);

/* One SIGTERM. Nothing happens while no instance runs. */
void sim_process_signal(struct sim_process *process);
/* kill -9. */
void sim_process_kill(struct sim_process *process);
/* A SIGTERM, and it is not started again. */
void sim_process_stop(struct sim_process *process);
/* After stop: waits until it has ended. */
void sim_process_wait(struct sim_process *process);
/* After wait. */
void sim_process_free(struct sim_process *process);

const struct sim_process_totals *sim_process_totals(const struct sim_process *process);
/* Events that it holds, and batches that it sends, right now. */
size_t sim_process_held(const struct sim_process *process);

#endif

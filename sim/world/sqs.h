/*
 * sqs -- SQS in a world: the queue's own service behind the simulated network, with AWS's right to be nasty.
 *
 * What goes over its counter is looked at from outside: which events were given out, to whom, and which were deleted. Events
 * have bodies of a form of their own, {"event":NUMBER,"pad":"...."}, in which they are numbered.
 */
#ifndef SIM_WORLD_SQS_H
#define SIM_WORLD_SQS_H

#include "queue/service.h"
#include "sim/world/ledger.h"
#include "sim/world/net.h"

#define SIM_SQS_HOST  "sqs.us-east-1.amazonaws.com"
#define SIM_QUEUE_URL "https://" SIM_SQS_HOST "/000000000000/"

struct sim_sqs;

struct sim_sqs_options {
    const char *queue; /* with ".fifo" if it is one */
    sl_dur visibility;
    unsigned max_receives; /* before an event goes to QUEUE's dead-letter queue; 0: there is none */
    unsigned in_flight_max; /* 0: 120,000 */
    sl_dur latency, latency_p99;
};

/* Waits. `net`, `faults` and `ledger` outlive it. */
struct sim_sqs *sim_sqs_new(struct sl_ctx *ctx, struct sim_net *net, struct sim_faults *faults,
                            struct sim_ledger *ledger, struct sim_random random,
                            const struct sim_sqs_options *options);
/* Waits. */
void sim_sqs_free(struct sim_sqs *sqs);

/* Sends events `first` to `first` + `count` - 1 (at most 10, and 1 MiB), of `size` bytes each, past the network and its faults. On FIFO
 * queues an event's group is its number modulo `groups`. */
void sim_sqs_send(struct sim_sqs *sqs, uint64_t first, unsigned count, size_t size,
                  unsigned groups);

struct sim_sqs_counts {
    uint64_t visible, in_flight, delayed, dead;
    int64_t oldest_ms; /* age of the oldest event; 0: there is none */
};
struct sim_sqs_counts sim_sqs_counts(const struct sim_sqs *sqs);

/* Empties the dead-letter queue into the ledger; counted they still are. The ledger asks for it by itself. */
void sim_sqs_collect_dead(struct sim_sqs *sqs);

/* The key that is valid at the moment; changes with FAULT_SQS_OLD_KEYS. Valid until then. */
const char *sim_sqs_access_key(const struct sim_sqs *sqs);
/* The true time, which sluice's wall clock may have left. */
int64_t sim_sqs_true_ms(const struct sim_sqs *sqs);

/* Requests by kind, for the bill. */
struct sim_sqs_bill {
    uint64_t receives, deletes, changes, others, sends;
    uint64_t receives_empty; /* of receives, as far as whoever asked has heard so */
    uint64_t chunks;         /* of 64 KB: what AWS charges */
};
const struct sim_sqs_bill *sim_sqs_bill(const struct sim_sqs *sqs);

#endif

/*
 * receiver -- the service in a world: takes batches as docs/service.md has it, keeps the ledger, and goes wrong in every way
 * that the field has seen.
 *
 * It has a capacity: so many requests are worked on at once, the others queue, so that a service that is too slow saturates
 * as a real one does.
 */
#ifndef SIM_WORLD_RECEIVER_H
#define SIM_WORLD_RECEIVER_H

#include "sim/world/ledger.h"
#include "sim/world/net.h"

#define SIM_SERVICE_HOST "perseus.example"
#define SIM_SERVICE_URL  "https://" SIM_SERVICE_HOST "/batch"

/* FAULT_TOO_LARGE refuses bodies from this size on: a limit that depended on nothing would teach sluice to send single
 * events. */
#define SIM_SERVICE_LARGE 12000

struct sim_receiver;

struct sim_receiver_options {
    sl_dur work, work_p99; /* of a batch */
    unsigned at_once;      /* batches that are worked on at once; 0: no limit */
    unsigned queue_max;    /* further ones that wait; more are answered 503; 0: no limit */
    bool
        names_poison; /* in batchItemFailures, as docs/service.md has it; else it refuses the batch: 422 */
    bool refuses_more; /* with more than at_once: 429, Retry-After: 1, at once; nobody waits */
    sl_dur apart; /* it begins a batch so long after the one before at the earliest; 0: at once */
    size_t body_max; /* larger bodies are a 413; 0: no limit */
    bool
        repeats_answers; /* a request whose key was answered before gets the same answer, and is no commit */
    sl_dur latency, latency_p99; /* of the network, one way */
};

struct sim_receiver *sim_receiver_new(struct sim_net *net, struct sim_faults *faults,
                                      struct sim_ledger *ledger, struct sim_random random,
                                      const struct sim_receiver_options *options);
void sim_receiver_free(struct sim_receiver *receiver);

struct sim_receiver_counts {
    uint64_t requests, accepted, refused;
    unsigned working, waiting; /* right now */
};
struct sim_receiver_counts sim_receiver_counts(const struct sim_receiver *receiver);
/* Changes how it works from here on: outages, slow hours. */
void sim_receiver_work_set(struct sim_receiver *receiver, sl_dur work, sl_dur work_p99);

#endif

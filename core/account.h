/*
 * account -- what became of every event, as plain counters.
 *
 * An event that reached memory ends in exactly one of the six sums, or is still held:
 *
 *     received = deleted + returned + dead_lettered + expired + merged + abandoned + held
 *
 * A redelivery counts as received again. `held` is not in here: it is what the source's table
 * holds, and 0 at exit. The lease table (core/lease.h) writes the terms of the equation and asserts
 * it after each change; the stages write the rest.
 */
#ifndef CORE_ACCOUNT_H
#define CORE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

struct account {
    /* the equation */
    uint64_t received;      /* receipts that ended in memory */
    uint64_t deleted;       /* gone from the queue: confirmed by the service, or suppressed */
    uint64_t returned;      /* made visible again by us, or written to the file of --undelivered */
    uint64_t dead_lettered; /* copied to a dead-letter queue */
    uint64_t expired;   /* the lease or the 12 h were lost, or unfit: the queue gives it again */
    uint64_t merged;    /* a second copy of an event that was held */
    uint64_t abandoned; /* none of these when the drain's deadline cut in */

    /* marks and breakdowns, no terms of it */
    uint64_t in_doubt; /* posted without a complete answer, or confirmed without an acknowledged
                          delete */
    uint64_t
        suppressed; /* of deleted: came again after its delivery, deleted without being posted */
    uint64_t returned_refused; /* of returned: the service refused it */
    uint64_t returned_unsent;  /* of returned: not sent in time */

    /* requests */
    uint64_t batches;          /* batches that the service confirmed, whole or in part */
    uint64_t requests;         /* posts to the service, retries included */
    uint64_t receives;         /* receive requests that ended, the empty ones included */
    uint64_t receives_empty;   /* of receives: brought nothing */
    uint64_t receives_aborted; /* cut at shutdown: the queue may still have handed them events */
    uint64_t deletes;          /* delete requests */
};

/* How many events are in none of the six sums: what must be held. Asserts that the sums don't
 * exceed what was received. */
uint64_t account_open(const struct account *account);

#endif

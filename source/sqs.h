/*
 * source/sqs -- an SQS queue: what its files share.
 *
 *     sqs.c          opens the queue, reads its attributes, tells the plan
 *     sqs_receive.c  receivers: credits → long poll → table → runs
 *     sqs_settle.c   verdicts → deletes and returns, in calls of ten
 *     sqs_lease.c    extends what is held
 *
 * All of them work on one lease table (core/lease.h), which alone knows the receipt handles: so receiving, extending,
 * deleting and returning cannot race.
 */
#ifndef SOURCE_SQS_H
#define SOURCE_SQS_H

#include <sluice/batch.h>
#include <sluice/loop.h>

#include "aws/sqs.h"
#include "core/lease.h"
#include "core/pacing.h"
#include "ops/log.h"
#include "source/source.h"

enum {
    /* Calls under way at once for each of deleting, returning and extending: at 10 messages a call and 10 ms a round trip
     * that is 10,000 messages a second each. */
    SQS_CALLERS = 10,
    SQS_EXTENDERS = 4,
};

SL_CHAN_OF(ticket_chan, struct ticket);

/* A task that may be waiting for something to change. */
struct sqs_seat {
    struct sl_parker parker;
    bool waits;
    sl_time until; /* while it waits */
};

/* Waits until woken, `until`, or the end of `ctx`: whoever waits here looks at everything again anyhow. */
static inline void sqs_seat_wait(struct sqs_seat *seat, struct sl_ctx *ctx, sl_time until,
                                 const char *what)
{
    int woken SL_UNUSED;

    seat->waits = true;
    seat->until = until;
    woken = sl_park(&seat->parker, ctx, until, what);
    seat->waits = false;
}

/* What the source remembers of an event besides its lease; by slot. */
struct sqs_memo {
    size_t bytes; /* its credit */
    unsigned receive_count;
};

struct sqs_source {
    struct source base;
    struct source_config config;
    struct sqs_client *client;
    struct sqs_queue *queue;
    struct lease_table *leases;
    struct sqs_memo *memos;
    sl_dur visibility;
    bool can_extend, can_read_attributes;
    char region[64], arn[256]; /* what base.origin points to */

    struct credits credits;
    struct pacing pacing;
    struct sqs_seat *receivers;
    size_t receivers_running;
    uint64_t count_left; /* of config.count; UINT64_MAX: no limit */
    uint64_t count_out;  /* taken off it for receives that are under way */
    sl_time quiet_until; /* no poll before: the last one came back empty without waiting */
    bool is_exhausted;   /* nothing more is to be received, by the user's wish */
    struct message *
        waiting; /* FIFO: runs whose group still has an earlier one out, oldest first; linked by next_run */
    uint32_t receive_number; /* numbers receives, for runs */
    struct message_chan *out;
    struct sl_ctx *life, *delivery, *intake;

    struct ticket_chan *deletes, *returns;
    struct ticket *postponed; /* returns that wait for the last poll; room for every slot */
    size_t postponed_count;
    struct sqs_seat settler; /* waits for the last event to be settled */
    bool verdicts_in;        /* no more verdicts come */

    struct sl_ctx
        *keeping; /* ends when nothing is held any more: extending, and looking at the queue */
    struct sqs_seat extenders[SQS_EXTENDERS];
    sl_time denied_since; /* no extension was permitted since then; SL_NEVER: the last one was */

    struct log_limit receive_log, settle_log, refused_log, lease_log, unfit_log;
};

struct message_chan *sqs_source_receive(struct source *source, struct sl_ctx *life,
                                        struct sl_ctx *delivery, struct sl_ctx *intake);
void sqs_source_settle(struct source *source, struct sl_ctx *life, struct batch_chan *verdicts);
/* Starts the tasks that keep leases alive; they end with `keeping`. */
void sqs_keep_leases(struct sqs_source *sqs, struct sl_ctx *life);

/* Lets all receivers look again whether they may receive. */
void sqs_wake_receivers(struct sqs_source *sqs);
/* Leases were granted: wakes the extenders if one is due earlier than they wait for. */
void sqs_wake_extenders(struct sqs_source *sqs);
/* An event is settled, its ticket is no more: gives its credit back, hands out what waited for it, wakes who waits. */
void sqs_settled(struct sqs_source *sqs, struct ticket ticket);
/*
 * Queues the return of an event whose lease is RETURNING. In the drain it waits until no poll is parked any more: else our
 * own poll would bring it right back, at the price of a receive.
 */
void sqs_queue_return(struct sqs_source *sqs, struct ticket ticket);
/* The last poll has come back: what waited for that is returned. */
void sqs_release_returns(struct sqs_source *sqs);
/* FIFO: hands out the waiting runs that may go, and closes `out` if nothing more can come. */
void sqs_hand_out(struct sqs_source *sqs);
/* FIFO: gives a run that was not handed out back to the queue, last first. */
void sqs_give_back_run(struct sqs_source *sqs, const struct message *run, unsigned delay_s);
/* FIFO: takes the waiting runs of an event's group out of the line, the newest first, to be given back, and closes `out` if
 * nothing more can come; linked by next_run. NULL: there are none. */
struct message *sqs_take_waiting(struct sqs_source *sqs, struct ticket ticket);

/* Reads the queue's attributes, and takes on a changed visibility timeout. Results as sqs_get_attributes. */
int sqs_refresh(struct sqs_source *sqs, struct sl_ctx *ctx, struct sqs_queue_attributes *out,
                struct sqs_failure *failure);

/* Asks whether leases may be extended, without touching one. 0: *may tells; else nobody knows, and the results are those of
 * sqs_change_visibility_batch, without the failure. */
int sqs_ask_to_extend(struct sqs_source *sqs, struct sl_ctx *ctx, bool *may);

/* Logs a failed call at most every ten seconds. */
void sqs_log_failure(struct log_limit *limit, const struct sqs_failure *failure,
                     const char *consequence);

#endif

/*
 * pipeline -- one source, one sink, and the stages between: receive → batch → deliver → settle.
 *
 * Three contexts end one after the other: *intake* at the first signal (or when the source is exhausted), *delivery*
 * shortly before the drain's deadline, *life* at it. Stages end by their input closing; only life cuts.
 */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include <sluice/batch.h>
#include <sluice/ctx.h>

#include "core/account.h"
#include "core/problem.h"
#include "sink/sink.h"
#include "source/source.h"

/*
 * Whoever fills the queue, where that happens in the same process and ends with it (the demonstration). When a drain begins,
 * the feed stops first, and what it sent is received and delivered like the rest; intake ends after that.
 */
struct pipeline_feed {
    struct sl_chan *
        over; /* closes when there is nothing more to send: a drain begins. NULL: that is never so */
    /* Called once, when a drain has begun, whatever its cause: stops sending, and returns when all that was sent has been
     * received, or when `ctx`, which ends with the time for deliveries, has ended. May wait. */
    void (*stop)(void *arg, struct sl_ctx *ctx);
    void *arg;
};

struct pipeline_config {
    struct source_config source; /* account and progress are filled in by the pipeline's caller */
    struct sink_config sink;
    size_t batch_count;               /* 1-10,000 */
    size_t batch_bytes;               /* of the encoded body, never above */
    sl_dur batch_age;                 /* from the batch's first event */
    size_t concurrency;               /* deliveries in flight */
    sl_dur drain;                     /* from the first signal to the end */
    sl_dur run_for;                   /* stop by itself; SL_FOREVER = never */
    const struct pipeline_feed *feed; /* NULL: nobody, or somebody else */
};

/* How it ended; the numbers are in the account. */
enum pipeline_ending {
    PIPELINE_DRAINED,  /* nothing abandoned */
    PIPELINE_DEADLINE, /* the drain's deadline cut in */
    PIPELINE_STOPPED,  /* a second or third signal cut in */
};

struct pipeline_report {
    enum pipeline_ending ending;
    sl_dur drain_took; /* from the end of intake to the end of all */
    sl_dur took;       /* the whole run */
    sl_dur
        visibility; /* what was abandoned comes back within this; 0 = it does not come back by itself */
    int cause;      /* 0, or the negative error of a stage that failed */
};

/* 0, or PROBLEM with the sum in the message: in_flight_max must hold count × (deliveries + 1) + 10 × receivers. */
int pipeline_config_check(const struct pipeline_config *config, struct problem *problem);

/* The age at which a batch goes. A queue gives no more of a group while some of it is held: on a FIFO queue what one round of
 * receives does not bring may be waiting for this batch, and it goes after 200 ms at most. */
sl_dur pipeline_batch_age(const struct pipeline_config *config, const struct source *source);

/*
 * Runs until the source is exhausted, a signal comes or a stage fails, and then drains. `signals` brings one element (int)
 * per signal: the first ends intake, the second delivery, the third everything; NULL: none come. Waits.
 *   0         `report` and the account tell how it went
 *   PROBLEM   it could not start; `problem` says why
 *   negative  unforeseen
 */
int pipeline_run(struct sl_ctx *ctx, const struct pipeline_config *config, struct source *source,
                 struct sink *sink, struct sl_chan *signals, struct pipeline_report *report);

#endif

/*
 * local -- what the sources without a queue behind them share: a table of what is held, credits, and settling.
 *
 * Such a source can't take an event back. Deliveries repeat what failed; what is left in the end is written to the file
 * of --undelivered, one line per event, or, without it, is abandoned: at once if the service refused it for good, so that it
 * takes no credit from those behind it, else in the end.
 */
#ifndef SOURCE_LOCAL_H
#define SOURCE_LOCAL_H

#include <stdio.h>

#include <sluice/loop.h>

#include "ops/log.h"
#include "source/source.h"

struct local_slot {
    uint32_t generation;
    uint32_t next_free;
    char *text; /* the event, kept for --undelivered; NULL: not kept, or the slot is free */
    size_t length;
    bool is_used;
};

struct local_source {
    struct source base;
    struct source_config config;
    struct local_slot *slots;
    uint32_t first_free;
    size_t held, held_bytes;
    struct sl_parker room; /* the receiving task waits here for credits */
    bool waits;
    int undelivered_fd; /* -1: none */
    char arn[96];
    uint64_t count_left;
    struct log_limit refused_log;
};

/* Makes the common part of `local`, which a kind's own struct starts with. `what` names it in the ARN. 0, -ENOMEM or
 * PROBLEM (the file of --undelivered can't be opened). */
int local_init(struct local_source *local, const struct source_ops *ops,
               const struct source_config *config, const char *what, struct problem *problem);
void local_deinit(struct local_source *local);

/*
 * Gives out one event, waiting for credits while intake is live.
 *   SL_OK                    sent
 *   SL_CANCELED, SL_TIMEOUT  intake or life has ended: `text` was not taken
 *   -EILSEQ                  `text` is not UTF-8: not taken
 *   -ENOMEM
 */
int local_give(struct local_source *local, struct sl_ctx *intake, struct message_chan *out,
               struct slice text);

/* An event that was taken out of where it was, but is not given out any more: it goes to the file of --undelivered, or is
 * abandoned. Waits. */
void local_forgo(struct local_source *local, struct slice text);

/* For struct source_ops. */
void local_settle(struct source *source, struct sl_ctx *life, struct batch_chan *verdicts);
size_t local_held(const struct source *source);
size_t local_abandon(struct source *source);
void local_wake(struct source *source);

/* A channel of runs with room for all credits. */
struct message_chan *local_chan(struct local_source *local, struct sl_ctx *life);

#endif

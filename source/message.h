/*
 * message -- what moves through the pipeline: messages towards the service, batches back from it.
 *
 * A message is born in a source and dies there. What travels is only what a batch's body needs; the receipt, the lease
 * and the count of it stay in the source's table, where the message's ticket points. Ownership moves with the channel:
 *
 *     source ──run──▶ batch stage ──batch──▶ delivering task ──the same batch, with fates──▶ source
 *
 * A *run* is a chain of messages that must not be taken apart: one message on a standard queue; on a FIFO queue what one
 * receive brought of one message group. The batch stage copies each record into a batch's body and frees the message;
 * from then on the event is an item of the batch: a ticket and a place in the body.
 *
 * A verdict is the batch itself coming back with a fate for each item; the source acts on it and frees the batch.
 */
#ifndef SOURCE_MESSAGE_H
#define SOURCE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/chan.h>
#include <sluice/time.h>

#include "core/format.h"
#include "core/lease.h"
#include "core/strbuf.h"

/* The storage that the slices of some messages point into (a receive's answer), freed with the last of them. */
struct block {
    struct strbuf bytes;
    unsigned references;
};

/* Takes over the contents of `bytes`, leaving it empty. NULL: no memory, and `bytes` keeps its contents. The block starts
 * with one reference, the caller's. */
struct block *block_new(struct strbuf *bytes);
/* Drops one reference. NULL is fine. */
void block_unref(struct block *block);

struct message {
    struct message *next;     /* the rest of its run */
    struct message *next_run; /* on a run: the next in a list of runs, of whoever owns them */
    struct ticket ticket;     /* its place in the source's table */
    struct block *block;      /* one reference; what `record` points into. NULL: static storage */
    struct record record;     /* what a body is made of */
    bool lull; /* on a run: nothing more comes for a while (FIFO), so the batch leaves with it */
};

/* A message holding one more reference to `block`. NULL: no memory. */
struct message *message_new(struct ticket ticket, const struct record *record, struct block *block);
/* Frees the whole run that starts at `first`, with its references. NULL is fine. */
void message_run_free(struct message *first);
/* The same for what is left in a channel. */
void message_run_drop(struct message **first);
/* How many messages a run holds. */
size_t message_run_length(const struct message *first);

/* What becomes of an event. Until a delivering task decides, FATE_UNDECIDED; never so in a verdict. */
enum fate {
    FATE_UNDECIDED,
    FATE_DELETE,  /* the service confirmed it */
    FATE_REFUSED, /* the service refused it: back to the queue with the growing delay */
    FATE_UNSENT,  /* the drain came first: back to the queue, visible at once */
    FATE_EXPIRED, /* its lease was lost before it was posted: the queue gives it again by itself */
};

struct batch_item {
    struct ticket ticket;
    size_t offset, length;       /* its record in the body */
    size_t id_offset, id_length; /* its message id in `ids` */
    uint32_t run; /* items of one run carry the same number: order matters among them */
    enum fate fate;
    bool in_doubt; /* was in a request whose answer never came complete */
};

struct batch {
    struct batch
        *then; /* goes after this one, by the same task: the rest of a run too long for one batch */
    char id[37];        /* UUID; the Idempotency-Key while the batch is sent as it is */
    struct strbuf body; /* prefix, records with separators, suffix (added by batch_seal) */
    struct strbuf ids;  /* the message ids, one after the other */
    struct batch_item *items;
    size_t count, room;
    bool sealed;
};

/* An empty batch with room for `room` items and the prefix of `format` in its body. NULL: no memory. */
struct batch *batch_new(const struct format *format, size_t room);
/* Frees it and all that follow in `then`. NULL is fine. */
void batch_free(struct batch *batch);
/* The same for what is left in a channel. */
void batch_drop(struct batch **batch);
/*
 * Writes `record` to the end of the body, with a separator before it if it is not the first, and
 * makes it an item of run `run`; `record` is not kept. 0, or -ENOMEM with the batch as it was. The
 * item's fate is FATE_UNDECIDED.
 */
int batch_append(struct batch *batch, const struct format *format, const struct record *record,
                 const struct record_source *origin, struct ticket ticket, uint32_t run);
/* Moves the last `count` items to the end of `to`, with their bytes. 0, or -ENOMEM with both as they were. */
int batch_move_tail(struct batch *batch, size_t count, struct batch *to,
                    const struct format *format);
/* Appends the suffix and gives the batch its id. 0 or -ENOMEM. */
int batch_seal(struct batch *batch, const struct format *format);
/* The body of the items `first` … `first + count - 1`, written over `out`: what a batch of only those would be. */
int batch_slice_body(const struct batch *batch, const struct format *format, size_t first,
                     size_t count, struct strbuf *out);
/* The message id of item `i`; points into the batch. */
struct slice batch_item_id(const struct batch *batch, size_t i);

SL_CHAN_OF(message_chan, struct message *); /* runs */
SL_CHAN_OF(batch_chan, struct batch *);     /* batches, and on their way back verdicts */

#endif

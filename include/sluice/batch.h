/*
 * batch -- gathers things into batches by number, by bytes, and by age of the batch's first thing.
 *
 * struct sl_batcher is the policy alone: it holds no things, reads no clock and never waits. Its
 * owner offers each thing with the time, and flushes when told, or when the deadline comes:
 *
 *     switch (sl_batcher_offer(&b, 1, bytes, now)) {
 *     case SL_BATCH_FITS:           add it
 *     case SL_BATCH_FITS_AND_FULL:  add it, then flush
 *     case SL_BATCH_FLUSH_FIRST:    flush, then offer it again
 *     }
 *
 * sl_batch() is a stage that does this for a channel. An empty batch is never full and never due.
 */
#ifndef SLUICE_BATCH_H
#define SLUICE_BATCH_H

#include <sluice/chan.h>

struct sl_batch_limits {
    size_t count; /* elements; 0 = no limit */
    size_t bytes; /* of the batch as encoded; only a unit alone may exceed it; 0 = no limit */
    size_t overhead_bytes;  /* that every batch has, once: brackets, say */
    size_t separator_bytes; /* between two elements */
    sl_dur age;             /* since the first element; 0 = due at once; SL_FOREVER = no limit */
};

enum sl_batch_fit {
    SL_BATCH_FITS,
    SL_BATCH_FITS_AND_FULL, /* taken, and nothing more fits: flush */
    SL_BATCH_FLUSH_FIRST,   /* not taken: flush, then offer again */
};

/*
 * The fields are the batcher's own; read them through the functions, but `count` and `bytes` may be
 * read for reports.
 */
struct sl_batcher {
    struct sl_batch_limits limits;
    size_t count;  /* elements held */
    size_t bytes;  /* as encoded, with overhead and separators; 0 while empty */
    sl_time first; /* when the first one came */
};

SL_API void sl_batcher_init(struct sl_batcher *b, const struct sl_batch_limits *limits);

/*
 * Offers a unit of `count` elements (at least 1; normally 1) that must stay together, with `bytes`
 * in all without the separators. A unit that is alone bigger than a limit is a batch of its own:
 * FITS_AND_FULL when the batcher is empty.
 */
SL_API_R enum sl_batch_fit sl_batcher_offer(struct sl_batcher *b, size_t count, size_t bytes,
                                            sl_time now);

/* When the batch must leave at the latest; SL_NEVER while it is empty. */
SL_API sl_time sl_batcher_deadline(const struct sl_batcher *b);

/* The batch has left: empty again. */
SL_API void sl_batcher_flushed(struct sl_batcher *b);

/* Changes the age limit, of the batch that is held too: SL_ZERO makes it due at once. */
SL_API void sl_batcher_age_set(struct sl_batcher *b, sl_dur age);

/*
 * A batch: `count` elements of the channel's size in a row. Whoever receives it owns `items`:
 * free().
 */
struct sl_items {
    void *items;
    size_t count;
};

SL_CHAN_OF(sl_batches, struct sl_items);

/*
 * Starts a stage that gathers what comes on `in` into batches, and is the channel (a rendezvous, of
 * `ctx`) that they come out of. A unit is one element and counts `elem_size` bytes. When `in` is
 * closed the last batch leaves and the channel is closed; when `ctx` is cancelled, what is held
 * goes to the drop function of `in` if it has one, and the channel is closed. NULL for `in` gives
 * NULL; so does want of memory for the channel, and then `ctx` is cancelled. If the task can't be
 * started, `ctx` is cancelled as well, and the channel is closed already.
 */
SL_API struct sl_batches *sl_batch(struct sl_ctx *ctx, struct sl_chan *in,
                                   const struct sl_batch_limits *limits);

#endif

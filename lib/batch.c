/*
 * batch -- the stage: one task that owns the open batch and the channel that batches leave by.
 *
 * The storage of a batch goes to the receiver with it. It grows by doubling up to the limit, so that a
 * large limit costs nothing while batches leave by age.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/sched.h"
#include <sluice/batch.h>

enum { ITEMS_FIRST = 16 };

struct batch_stage {
    struct sl_chan *in;
    struct sl_batches *out;
    struct sl_batcher batcher;
    char *items;
    size_t count, room;
};

static int make_room(struct batch_stage *b)
{
    size_t room = b->room ? b->room * 2 : ITEMS_FIRST;
    size_t limit = b->batcher.limits.count, bytes;
    char *items;

    if (b->count < b->room)
        return 0;
    if (limit && room > limit)
        room = limit;
    if (__builtin_mul_overflow(room, b->in->elem_size, &bytes))
        return -ENOMEM;
    items = realloc(b->items, bytes ? bytes : 1);
    if (!items)
        return -ENOMEM;
    b->items = items;
    b->room = room;
    return 0;
}

static void forget(struct batch_stage *b)
{
    b->items = NULL;
    b->count = b->room = 0;
    sl_batcher_flushed(&b->batcher);
}

/* SL_OK, or what sending says: the batch is still here then. */
static int flush(struct batch_stage *b, struct sl_ctx *ctx)
{
    int result;

    if (b->count == 0)
        return SL_OK;
    result = sl_batches_send(b->out, ctx, (struct sl_items){b->items, b->count});
    if (result == SL_OK)
        forget(b);
    return result;
}

/* The newest value stands behind the others, and is not counted yet. */
static int add_newest(struct batch_stage *b, struct sl_ctx *ctx)
{
    size_t bytes = b->in->elem_size;
    bool full;

    /* An element is never refused: all have one size, and the batch left when the next would not fit. */
    full = sl_batcher_offer(&b->batcher, 1, bytes, b->count ? b->batcher.first : sl_now()) ==
           SL_BATCH_FITS_AND_FULL;
    b->count++;
    if (b->batcher.limits.bytes && b->batcher.bytes + bytes > b->batcher.limits.bytes)
        full = true;
    if (full || sl_batcher_deadline(&b->batcher).ns <= sl_sched_->seen.ns)
        return flush(b, ctx);
    return SL_OK;
}

static int gather(struct batch_stage *b, struct sl_ctx *ctx)
{
    for (;;) {
        int result = make_room(b);

        if (result)
            return result;
        result = sl_chan_recv_until(b->in, ctx, sl_batcher_deadline(&b->batcher),
                                    b->items + b->count * b->in->elem_size);
        if (result == SL_OK)
            result = add_newest(b, ctx);
        else if (result == SL_TIMEOUT && sl_ctx_err(ctx) == SL_OK)
            result = flush(b, ctx);
        else if (result == SL_CLOSED)
            return flush(b, ctx);
        if (result != SL_OK)
            return result;
    }
}

SL_TASK(batch_stage)
{
    int result = gather(my, ctx);

    for (size_t i = 0; i < my->count; i++)
        chan_drop(my->in, my->items + i * my->in->elem_size);
    free(my->items);
    sl_batches_close(my->out);
    return result < 0 ? result : 0;
}

struct sl_batches *sl_batch(struct sl_ctx *ctx, struct sl_chan *in,
                            const struct sl_batch_limits *limits)
{
    static const struct sl_task_site site = {"sl_batch", __FILE__, __LINE__,
                                             sizeof(struct batch_stage), sl_task_batch_stage};
    struct sl_batches *out = sl_batches_new(ctx, 0, NULL);
    struct batch_stage *b;

    if (!out)
        return NULL;
    b = task_start(ctx, &site);
    if (!b) {
        sl_batches_close(out);
        return out;
    }
    *b = (struct batch_stage){.in = in, .out = out};
    sl_batcher_init(&b->batcher, limits);
    return out;
}

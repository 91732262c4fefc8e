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
    sl_dur age;
    size_t full; /* elements: all have one size, so that both limits are one number */
    sl_time due; /* SL_NEVER while the batch is empty */
    char *items;
    size_t count, room;
};

static size_t add(size_t a, size_t b)
{
    size_t sum;

    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

/* As many as a batcher with these limits would take; at least one. */
static size_t elements_max(const struct sl_batch_limits *l, size_t elem_size)
{
    size_t each = add(elem_size, l->separator_bytes), by_bytes = SIZE_MAX;

    if (l->bytes && each > 0) {
        by_bytes = l->bytes > l->overhead_bytes ? l->bytes - l->overhead_bytes : 0;
        by_bytes = add(by_bytes, l->separator_bytes) / each;
    }
    if (l->count && l->count < by_bytes)
        return l->count;
    return by_bytes ? by_bytes : 1;
}

static int make_room(struct batch_stage *b)
{
    size_t room = b->room ? b->room * 2 : ITEMS_FIRST, bytes;
    char *items;

    if (room > b->full)
        room = b->full;
    if (__builtin_mul_overflow(room, b->in->elem_size, &bytes))
        return -ENOMEM;
    items = realloc(b->items, bytes ? bytes : 1);
    if (!items)
        return -ENOMEM;
    b->items = items;
    b->room = room;
    return 0;
}

/* SL_OK, or what sending says: the batch is still here then. */
static int flush(struct batch_stage *b, struct sl_ctx *ctx)
{
    int result;

    if (b->count == 0)
        return SL_OK;
    result = sl_batches_send(b->out, ctx, (struct sl_items){b->items, b->count});
    if (result != SL_OK)
        return result;
    b->items = NULL;
    b->count = b->room = 0;
    b->due = SL_NEVER;
    return SL_OK;
}

/* One value, or its absence, and what follows from it. Anything but SL_OK ends the stage. */
static int gather(struct batch_stage *b, struct sl_ctx *ctx)
{
    int result = b->count == b->room ? make_room(b) : 0;

    if (result)
        return result;
    result = sl_chan_recv_until(b->in, ctx, b->due, b->items + b->count * b->in->elem_size);
    if (result == SL_OK) {
        if (b->count++ == 0)
            b->due = sl_time_add(sl_now(), b->age);
        if (b->count < b->full && b->due.ns > sl_sched_->seen.ns)
            return SL_OK;
        return flush(b, ctx);
    }
    if (result == SL_TIMEOUT && ctx->err == SL_OK)
        return flush(b, ctx);
    if (result == SL_CLOSED)
        SL_IGNORE(flush(b, ctx));
    return result;
}

SL_TASK(batch_stage)
{
    int result;

    do {
        result = gather(my, ctx);
    } while (result == SL_OK);
    for (size_t i = 0; i < my->count; i++)
        chan_forget(my->in, my->items + i * my->in->elem_size);
    free(my->items);
    sl_batches_close(my->out);
    return result < 0 ? result : 0;
}

struct sl_batches *sl_batch(struct sl_ctx *ctx, struct sl_chan *in,
                            const struct sl_batch_limits *limits)
{
    static const struct sl_task_site site = {"sl_batch", __FILE__, __LINE__,
                                             sizeof(struct batch_stage), sl_task_batch_stage};
    struct sl_batches *out = in ? sl_batches_new(ctx, 0, NULL) : NULL;
    struct batch_stage *b;

    if (!out)
        return NULL;
    b = task_start(ctx, &site);
    if (!b) {
        sl_batches_close(out);
        return out;
    }
    *b = (struct batch_stage){.in = in,
                              .out = out,
                              .age = limits->age,
                              .full = elements_max(limits, in->elem_size),
                              .due = SL_NEVER};
    return out;
}

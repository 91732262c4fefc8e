/*
 * chan -- channels: a ring of values, a queue of tasks that wait to send, one of those that wait to
 * receive. At most one of the three is in the way of an operation: senders wait only while the ring
 * is full, receivers only while it is empty.
 *
 * Each operation first tries to do its work at once (chan_send_now, chan_recv_now, which select uses
 * as well), and else queues a case and blocks. Whoever does the other half later copies the value
 * and commits the case: no second look after waking is needed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sched.h"

/* Values of one, two or four words are most; a call of memcpy would cost as much as the rest. */
static inline void copy(void *to, const void *from, size_t n)
{
    if (n == 8)
        memcpy(to, from, 8);
    else if (n == 4)
        memcpy(to, from, 4);
    else if (n == 16)
        memcpy(to, from, 16);
    else if (n == 32)
        memcpy(to, from, 32);
    else if (n > 0)
        memcpy(to, from, n);
}

static inline void ring_push(struct sl_chan *ch, const void *value)
{
    size_t at = ch->head + ch->count++;

    if (at >= ch->capacity)
        at -= ch->capacity;
    copy(ch->ring + at * ch->elem_size, value, ch->elem_size);
}

static inline void ring_pop(struct sl_chan *ch, void *value)
{
    copy(value, ch->ring + ch->head * ch->elem_size, ch->elem_size);
    ch->count--;
    if (++ch->head == ch->capacity)
        ch->head = 0;
}

/* SL_OK, SL_CLOSED, SL_WOULD_BLOCK */
static inline int send_now(struct sl_chan *ch, const void *value)
{
    if (ch->closed)
        return SL_CLOSED;
    if (!list_is_empty(&ch->receivers)) {
        struct sl_case *c = case_first(&ch->receivers);

        copy(c->value.into, value, ch->elem_size);
        case_commit(c, SL_OK);
        return SL_OK;
    }
    if (ch->count == ch->capacity)
        return SL_WOULD_BLOCK;
    ring_push(ch, value);
    return SL_OK;
}

static inline int recv_now(struct sl_chan *ch, void *value)
{
    struct sl_case *c;

    if (ch->count > 0) {
        ring_pop(ch, value);
        if (!list_is_empty(&ch->senders)) {
            c = case_first(&ch->senders);
            ring_push(ch, c->value.from);
            case_commit(c, SL_OK);
        }
        return SL_OK;
    }
    if (!list_is_empty(&ch->senders)) {
        c = case_first(&ch->senders);
        copy(value, c->value.from, ch->elem_size);
        case_commit(c, SL_OK);
        return SL_OK;
    }
    return ch->closed ? SL_CLOSED : SL_WOULD_BLOCK;
}

int chan_send_now(struct sl_chan *ch, const void *value)
{
    return send_now(ch, value);
}

int chan_recv_now(struct sl_chan *ch, void *value)
{
    return recv_now(ch, value);
}

/* Counts an operation; after many of them without a wait the others get their turn. */
static inline struct sl_sched *operation(const struct sl_chan *ch)
{
    struct sl_sched *s = sl_sched_;

    sl_assert(s && (!ch || ch->sched == s));
    if (__builtin_expect(--s->operations < 0, 0))
        sl_yield();
    return s;
}

static inline void queue_one(struct sl_task *me, struct sl_link *queue, struct sl_chan *ch,
                             enum sl_case_kind kind)
{
    me->one.ch = ch;
    me->one.kind = kind;
    me->cases = &me->one;
    me->case_count = 1;
    list_add(queue, &me->one.link_);
}

int sl_chan_send(struct sl_chan *ch, struct sl_ctx *ctx, const void *value)
{
    struct sl_sched *s = operation(ch);
    struct sl_task *me;
    int result;

    if (ctx && ctx->err)
        return ctx->err;
    if (__builtin_expect(!ch, 0))
        return sched_wait(ctx, SL_NEVER, "a NULL channel", __builtin_return_address(0));
    result = send_now(ch, value);
    if (result != SL_WOULD_BLOCK)
        return result;
    me = sched_me(s);
    me->one.value.from = value;
    queue_one(me, &ch->senders, ch, SL_CASE_SEND);
    return sched_block(s, me, ctx, __builtin_return_address(0));
}

int sl_chan_recv(struct sl_chan *ch, struct sl_ctx *ctx, void *value)
{
    struct sl_sched *s = operation(ch);
    struct sl_task *me;
    int result;

    if (ctx && ctx->err)
        return ctx->err;
    if (__builtin_expect(!ch, 0))
        return sched_wait(ctx, SL_NEVER, "a NULL channel", __builtin_return_address(0));
    result = recv_now(ch, value);
    if (result != SL_WOULD_BLOCK)
        return result;
    me = sched_me(s);
    me->one.value.into = value;
    queue_one(me, &ch->receivers, ch, SL_CASE_RECV);
    return sched_block(s, me, ctx, __builtin_return_address(0));
}

int sl_chan_recv_until(struct sl_chan *ch, struct sl_ctx *ctx, sl_time until, void *value)
{
    struct sl_sched *s = operation(ch);
    struct sl_task *me = sched_me(s);
    int result = SL_WOULD_BLOCK;

    if (ctx && ctx->err)
        return ctx->err;
    if (ch)
        result = recv_now(ch, value);
    if (result != SL_WOULD_BLOCK)
        return result;
    if (until.ns <= s->seen.ns)
        return SL_TIMEOUT;
    me->waits_on = "a NULL channel";
    if (ch) {
        me->one.value.into = value;
        queue_one(me, &ch->receivers, ch, SL_CASE_RECV);
    }
    result = sched_block_until(me, ctx, until, __builtin_return_address(0));
    return result == WAIT_REACHED ? SL_TIMEOUT : result;
}

int sl_chan_try_send(struct sl_chan *ch, const void *value)
{
    sl_assert(!ch || ch->sched == sl_sched_);
    return ch ? send_now(ch, value) : SL_WOULD_BLOCK;
}

int sl_chan_try_recv(struct sl_chan *ch, void *value)
{
    sl_assert(!ch || ch->sched == sl_sched_);
    return ch ? recv_now(ch, value) : SL_WOULD_BLOCK;
}

void sl_chan_close(struct sl_chan *ch)
{
    sl_assert(ch && ch->sched == sl_sched_);
    sl_assert(!ch->closed);
    ch->closed = true;
    while (!list_is_empty(&ch->receivers))
        case_commit(case_first(&ch->receivers), SL_CLOSED);
    while (!list_is_empty(&ch->senders))
        case_commit(case_first(&ch->senders), SL_CLOSED);
}

size_t sl_chan_len(const struct sl_chan *ch)
{
    return ch ? ch->count : 0;
}

size_t sl_chan_cap(const struct sl_chan *ch)
{
    return ch ? ch->capacity : 0;
}

size_t sl_chan_elem_size(const struct sl_chan *ch)
{
    return ch->elem_size;
}

bool sl_chan_is_closed(const struct sl_chan *ch)
{
    return ch && ch->closed;
}

/* NULL without memory, which `scope` learns. */
static struct sl_chan *chan_alloc(struct sl_ctx *scope, size_t elem_size, size_t capacity)
{
    struct sl_chan *ch = NULL;
    size_t bytes;

    sl_assert(scope && scope->sched == sl_sched_);
    if (scope != scope->sched->emergency && !__builtin_mul_overflow(elem_size, capacity, &bytes) &&
        !__builtin_add_overflow(bytes, sizeof(*ch), &bytes))
        ch = malloc(bytes);
    if (!ch) {
        sl_ctx_cancel(scope, -ENOMEM);
        return NULL;
    }
    *ch = (struct sl_chan){.sched = scope->sched,
                           .elem_size = elem_size,
                           .capacity = capacity,
                           .ring = (char *)(ch + 1),
                           .scope = scope};
    list_init(&ch->receivers);
    list_init(&ch->senders);
    list_add(&scope->channels, &ch->in_scope);
    return ch;
}

struct sl_chan *sl_chan_new(struct sl_ctx *scope, size_t elem_size, size_t capacity,
                            void (*drop)(void *elem))
{
    struct sl_chan *ch = chan_alloc(scope, elem_size, capacity);

    if (ch)
        ch->drop = drop;
    return ch;
}

struct sl_chan *sl_chan_new_typed(struct sl_ctx *scope, const struct sl_chan_type *type,
                                  size_t capacity, void (*drop)(void))
{
    struct sl_chan *ch = chan_alloc(scope, type->elem_size, capacity);

    if (ch) {
        ch->name = type->name;
        ch->typed_drop = drop;
        ch->call_drop = type->call_drop;
    }
    return ch;
}

void sl_chan_forget(void *elem)
{
    (void)elem;
}

/* A value that nobody will receive. */
void chan_drop(struct sl_chan *ch, void *elem)
{
    sl_assert(ch->drop || ch->typed_drop);
    if (ch->typed_drop)
        ch->call_drop(ch->typed_drop, elem);
    else
        ch->drop(elem);
}

void chan_destroy(struct sl_chan *ch)
{
    sl_assert(list_is_empty(&ch->receivers) && list_is_empty(&ch->senders));
    if (ch->gone)
        ch->gone(ch);
    for (; ch->count > 0; ch->count--) {
        chan_drop(ch, ch->ring + ch->head * ch->elem_size);
        if (++ch->head == ch->capacity)
            ch->head = 0;
    }
    list_del(&ch->in_scope);
    free(ch);
}

void sl_chan_free(struct sl_chan *ch)
{
    if (ch)
        chan_destroy(ch);
}

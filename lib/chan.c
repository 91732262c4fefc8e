/*
 * chan -- channels: a ring of values, a queue of tasks that wait to send, one of those that wait to
 * receive. At most one of the three is in the way of an operation: senders wait only while the ring
 * is full, receivers only while it is empty.
 *
 * Each operation first tries to do its work at once (chan_send_now and chan_recv_now, which select
 * uses as well; before them the plain case, for speed), and else queues a case and blocks. Whoever does the other half later copies the value
 * and commits the case: no second look after waking is needed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sched.h"

/* The sizes that copy_small moves: one to four words, which most values have. */
static inline bool is_small(size_t n)
{
    return n >= 8 && n <= 32;
}

/* Two moves that may overlap cover all sizes between. memcpy would cost as much as all the rest. */
static inline void copy_small(void *to, const void *from, size_t n)
{
    char *t = to;
    const char *f = from;

    if (n == 8) {
        memcpy(t, f, 8);
    } else if (n > 16) {
        memcpy(t, f, 16);
        memcpy(t + n - 16, f + n - 16, 16);
    } else {
        memcpy(t, f, 8);
        memcpy(t + n - 8, f + n - 8, 8);
    }
}

static inline void copy(void *to, const void *from, size_t n)
{
    if (is_small(n))
        copy_small(to, from, n);
    else if (n > 0)
        memcpy(to, from, n);
}

static inline void ring_written(struct sl_chan *ch)
{
    ch->count++;
    ch->write += ch->elem_size;
    if (ch->write == ch->ring_end)
        ch->write = ch->ring;
}

static inline void ring_read(struct sl_chan *ch)
{
    ch->count--;
    ch->read += ch->elem_size;
    if (ch->read == ch->ring_end)
        ch->read = ch->ring;
}

/*
 * What can be done at once, for any element and any waiter.
 *   SL_OK, SL_CLOSED, SL_WOULD_BLOCK
 */
int chan_send_now(struct sl_chan *ch, const void *value)
{
    struct sl_case *c;

    if (ch->closed)
        return SL_CLOSED;
    if (!list_is_empty(&ch->receivers)) {
        c = case_first(&ch->receivers);
        copy(c->value.into, value, ch->elem_size);
        case_commit(c, SL_OK);
        return SL_OK;
    }
    if (ch->count == ch->capacity)
        return SL_WOULD_BLOCK;
    copy(ch->write, value, ch->elem_size);
    ring_written(ch);
    return SL_OK;
}

int chan_recv_now(struct sl_chan *ch, void *value)
{
    struct sl_case *c = list_is_empty(&ch->senders) ? NULL : case_first(&ch->senders);

    if (ch->count > 0) {
        copy(value, ch->read, ch->elem_size);
        ring_read(ch);
        if (c) {
            copy(ch->write, c->value.from, ch->elem_size);
            ring_written(ch);
            case_commit(c, SL_OK);
        }
        return SL_OK;
    }
    if (c) {
        copy(value, c->value.from, ch->elem_size);
        case_commit(c, SL_OK);
        return SL_OK;
    }
    return ch->closed ? SL_CLOSED : SL_WOULD_BLOCK;
}

/*
 * The same for the plain case: small elements, a waiter that waits for nothing else. It calls
 * nothing, and what it is inlined into calls others only as its last act: so these functions need no
 * stack frame. COMPLICATED: nothing was done.
 */
enum { COMPLICATED = -1 };

static inline int send_plain(struct sl_chan *ch, const void *value)
{
    struct sl_case *c = case_first(&ch->receivers);

    if (ch->closed || !is_small(ch->elem_size))
        return COMPLICATED;
    if (&c->link_ != &ch->receivers) {
        if (c != &c->task_->one)
            return COMPLICATED;
        copy_small(c->value.into, value, ch->elem_size);
        case_commit_single(c, SL_OK);
        return SL_OK;
    }
    if (ch->count == ch->capacity)
        return SL_WOULD_BLOCK;
    copy_small(ch->write, value, ch->elem_size);
    ring_written(ch);
    return SL_OK;
}

static inline int recv_plain(struct sl_chan *ch, void *value)
{
    struct sl_case *c = case_first(&ch->senders);

    if (!is_small(ch->elem_size))
        return COMPLICATED;
    if (&c->link_ != &ch->senders) {
        if (c != &c->task_->one || ch->count > 0)
            return COMPLICATED;
        copy_small(value, c->value.from, ch->elem_size);
        case_commit_single(c, SL_OK);
        return SL_OK;
    }
    if (ch->count == 0)
        return ch->closed ? SL_CLOSED : SL_WOULD_BLOCK;
    copy_small(value, ch->read, ch->elem_size);
    ring_read(ch);
    return SL_OK;
}

/* Whether the plain case will do: not if cancelled, nor if others have their turn afterwards. */
static inline bool may_begin(struct sl_sched *s, const struct sl_ctx *ctx)
{
    return --s->operations >= 0 && !(ctx && ctx->err);
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

static __attribute__((noinline)) int send_wait(struct sl_chan *ch, struct sl_ctx *ctx,
                                               const void *value, const void *place)
{
    struct sl_sched *s = ch->sched;
    struct sl_task *me = sched_me(s);

    me->one.value.from = value;
    queue_one(me, &ch->senders, ch, SL_CASE_SEND);
    return sched_block(s, me, ctx, place);
}

static __attribute__((noinline)) int recv_wait(struct sl_chan *ch, struct sl_ctx *ctx, void *value,
                                               const void *place)
{
    struct sl_sched *s = ch->sched;
    struct sl_task *me = sched_me(s);

    me->one.value.into = value;
    queue_one(me, &ch->receivers, ch, SL_CASE_RECV);
    return sched_block(s, me, ctx, place);
}

static __attribute__((noinline)) int send_complicated(struct sl_chan *ch, struct sl_ctx *ctx,
                                                      const void *value, const void *place)
{
    int result;

    if (ctx && ctx->err)
        return others_turn(ctx->err);
    if (!ch)
        return sched_wait(ctx, SL_NEVER, "a NULL channel", place);
    result = chan_send_now(ch, value);
    return result == SL_WOULD_BLOCK ? send_wait(ch, ctx, value, place) : others_turn(result);
}

static __attribute__((noinline)) int recv_complicated(struct sl_chan *ch, struct sl_ctx *ctx,
                                                      void *value, const void *place)
{
    int result;

    if (ctx && ctx->err)
        return others_turn(ctx->err);
    if (!ch)
        return sched_wait(ctx, SL_NEVER, "a NULL channel", place);
    result = chan_recv_now(ch, value);
    return result == SL_WOULD_BLOCK ? recv_wait(ch, ctx, value, place) : others_turn(result);
}

int sl_chan_send(struct sl_chan *ch, struct sl_ctx *ctx, const void *value)
{
    struct sl_sched *s = sl_sched_;
    int result = COMPLICATED;

    sl_assert(s && (!ch || ch->sched == s));
    if (may_begin(s, ctx) && ch)
        result = send_plain(ch, value);
    if (result >= 0 && result != SL_WOULD_BLOCK)
        return result;
    if (result == SL_WOULD_BLOCK)
        return send_wait(ch, ctx, value, __builtin_return_address(0));
    return send_complicated(ch, ctx, value, __builtin_return_address(0));
}

int sl_chan_recv(struct sl_chan *ch, struct sl_ctx *ctx, void *value)
{
    struct sl_sched *s = sl_sched_;
    int result = COMPLICATED;

    sl_assert(s && (!ch || ch->sched == s));
    if (may_begin(s, ctx) && ch)
        result = recv_plain(ch, value);
    if (result >= 0 && result != SL_WOULD_BLOCK)
        return result;
    if (result == SL_WOULD_BLOCK)
        return recv_wait(ch, ctx, value, __builtin_return_address(0));
    return recv_complicated(ch, ctx, value, __builtin_return_address(0));
}

static __attribute__((noinline)) int recv_wait_until(struct sl_chan *ch, struct sl_ctx *ctx,
                                                     sl_time until, void *value, const void *place)
{
    struct sl_task *me = sched_me(sl_sched_);
    int result;

    if (until.ns <= me->sched->seen.ns)
        return others_turn(SL_TIMEOUT);
    me->waits_on = "a NULL channel";
    if (ch) {
        me->one.value.into = value;
        queue_one(me, &ch->receivers, ch, SL_CASE_RECV);
    }
    result = sched_block_until(me, ctx, until, place);
    return result == WAIT_REACHED ? SL_TIMEOUT : result;
}

/* SL_WOULD_BLOCK: nothing was done. */
static __attribute__((noinline)) int recv_until_complicated(struct sl_chan *ch, struct sl_ctx *ctx,
                                                            void *value)
{
    int result;

    if (ctx && ctx->err)
        return others_turn(ctx->err);
    result = ch ? chan_recv_now(ch, value) : SL_WOULD_BLOCK;
    return result == SL_WOULD_BLOCK ? result : others_turn(result);
}

int sl_chan_recv_until(struct sl_chan *ch, struct sl_ctx *ctx, sl_time until, void *value)
{
    struct sl_sched *s = sl_sched_;
    int result = COMPLICATED;

    sl_assert(s && (!ch || ch->sched == s));
    if (may_begin(s, ctx) && ch)
        result = recv_plain(ch, value);
    if (result == COMPLICATED)
        result = recv_until_complicated(ch, ctx, value);
    if (result != SL_WOULD_BLOCK)
        return result;
    return recv_wait_until(ch, ctx, until, value, __builtin_return_address(0));
}

int sl_chan_try_send(struct sl_chan *ch, const void *value)
{
    sl_assert(!ch || ch->sched == sl_sched_);
    return ch ? chan_send_now(ch, value) : SL_WOULD_BLOCK;
}

int sl_chan_try_recv(struct sl_chan *ch, void *value)
{
    sl_assert(!ch || ch->sched == sl_sched_);
    return ch ? chan_recv_now(ch, value) : SL_WOULD_BLOCK;
}

void sl_chan_close(struct sl_chan *ch)
{
    sl_assert(ch && ch->sched == sl_sched_);
    sl_assert(!ch->closed);
    ch->closed = true;
    while (!list_is_empty(&ch->receivers)) {
        case_commit(case_first(&ch->receivers), SL_CLOSED);
        if (PLANTED(6))
            break;
    }
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
                           .ring_end = (char *)(ch + 1) + elem_size * capacity,
                           .read = (char *)(ch + 1),
                           .write = (char *)(ch + 1),
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

/* A value out of `ch` that nobody will get. */
void chan_forget(struct sl_chan *ch, void *elem)
{
    if (ch->typed_drop)
        ch->call_drop(ch->typed_drop, elem);
    else if (ch->drop)
        ch->drop(elem);
}

void chan_destroy(struct sl_chan *ch)
{
    sl_assert(list_is_empty(&ch->receivers) && list_is_empty(&ch->senders));
    if (ch->gone)
        ch->gone(ch);
    sl_assert(ch->count == 0 || ch->drop || ch->typed_drop);
    while (ch->count > 0) {
        chan_forget(ch, ch->read);
        ring_read(ch);
    }
    list_del(&ch->in_scope);
    free(ch);
}

void sl_chan_free(struct sl_chan *ch)
{
    if (ch)
        chan_destroy(ch);
}

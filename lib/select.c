/*
 * select -- finds what can be done at once; if nothing can, queues all cases and waits for the first.
 */
#include <errno.h>

#include "lib/sched.h"

/* Takes all cases of a task out of their queues; those that were in none are linked to themselves. */
void cases_unlink(struct sl_task *t)
{
    for (struct sl_case *c = t->cases, *end = c + t->case_count; c < end; c++)
        list_del(&c->link_);
}

static inline bool can_do(const struct sl_sched *s, const struct sl_case *c)
{
    const struct sl_chan *ch = c->ch;

    switch (c->kind) {
    case SL_CASE_SEND:
        return ch && (ch->closed || !list_is_empty(&ch->receivers) || ch->count < ch->capacity);
    case SL_CASE_RECV:
        return ch && (ch->count > 0 || !list_is_empty(&ch->senders) || ch->closed);
    case SL_CASE_AT:
        return c->at.ns <= s->seen.ns;
    case SL_CASE_DEFAULT:
        return false;
    }
    return false;
}

/* The number of one of the bits of `set`, each with the same chance. */
static int choose(struct sl_sched *s, uint64_t set)
{
    uint64_t skip;

    if ((set & (set - 1)) == 0)
        return __builtin_ctzll(set);
    /* The high half of a product is below the count, and as good as even for counts up to 64. */
    skip = (sched_random(s) >> 32) * (uint64_t)__builtin_popcountll(set) >> 32;
    while (skip-- > 0)
        set &= set - 1;
    return __builtin_ctzll(set);
}

static void do_case(struct sl_case *c)
{
    if (c->kind == SL_CASE_SEND)
        c->result = chan_send_now(c->ch, c->value.from);
    else if (c->kind == SL_CASE_RECV)
        c->result = chan_recv_now(c->ch, c->value.into);
    else
        c->result = SL_OK;
}

static int wait_for_one(struct sl_task *me, struct sl_ctx *ctx, struct sl_case *cases, size_t n,
                        const void *place)
{
    struct sl_case *time = NULL;
    int result;

    for (size_t i = 0; i < n; i++) {
        struct sl_case *c = &cases[i];

        c->task_ = me;
        list_init(&c->link_);
        if (c->kind == SL_CASE_AT)
            time = c;
        else if (c->ch)
            list_add(c->kind == SL_CASE_SEND ? &c->ch->senders : &c->ch->receivers, &c->link_);
    }
    me->cases = cases;
    me->case_count = n;
    me->committed = NULL;
    me->waits_on = "nothing (no cases)";
    result = sched_block_until(me, ctx, time ? time->at : SL_NEVER, place);
    if (time && result == WAIT_REACHED) {
        time->result = SL_OK;
        return (int)(time - cases);
    }
    if (me->committed)
        return (int)(me->committed - cases);
    return result == SL_TIMEOUT ? -ETIMEDOUT : -ECANCELED;
}

/* Not inline: its loop would leave the rest of a select too few registers. */
static __attribute__((noinline)) uint64_t
ready_set(const struct sl_sched *s, const struct sl_case *cases, size_t n, int *otherwise)
{
    uint64_t set = 0;

    for (size_t i = 0; i < n; i++) {
        sl_assert(!cases[i].ch || cases[i].ch->sched == s);
        if (can_do(s, &cases[i]))
            set |= 1ULL << i;
        else if (cases[i].kind == SL_CASE_DEFAULT)
            *otherwise = (int)i;
    }
    return set;
}

int sl_select(struct sl_ctx *ctx, struct sl_case *cases, size_t n)
{
    struct sl_sched *s = sl_sched_;
    int chosen, otherwise = -1;
    uint64_t set;

    sl_assert(s && n <= SL_SELECT_MAX);
    set = ready_set(s, cases, n, &otherwise);
    s->operations--;
    if (ctx && ctx->err) {
        chosen = ctx->err == SL_TIMEOUT ? -ETIMEDOUT : -ECANCELED;
    } else {
        if (set == 0 && otherwise < 0)
            return wait_for_one(sched_me(s), ctx, cases, n, __builtin_return_address(0));
        chosen = set == 0 ? otherwise : choose(s, set);
        do_case(&cases[chosen]);
    }
    return otherwise < 0 ? others_turn(chosen) : chosen;
}

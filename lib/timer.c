/*
 * timer -- a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986) of intrusive nodes: setting a
 * timer allocates nothing and so cannot fail. Equal times fire in the order in which they were set.
 */
#include "lib/sched.h"

static bool is_before(const struct sl_timer *a, const struct sl_timer *b)
{
    return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->order_ < b->order_;
}

/* Makes the later root the first child of the other. `prev_` is the parent, or the sibling before. */
static struct sl_timer *meld(struct sl_timer *a, struct sl_timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (is_before(b, a)) {
        struct sl_timer *t = a;

        a = b;
        b = t;
    }
    b->next_ = a->child_;
    if (b->next_)
        b->next_->prev_ = b;
    b->prev_ = a;
    a->child_ = b;
    a->next_ = NULL;
    a->prev_ = NULL;
    return a;
}

/* Pairs from left to right, then melds the pairs from right to left. */
static struct sl_timer *meld_siblings(struct sl_timer *first)
{
    struct sl_timer *pairs = NULL, *root = NULL;

    while (first) {
        struct sl_timer *a = first, *b = a->next_, *pair;

        first = b ? b->next_ : NULL;
        a->next_ = NULL;
        if (b)
            b->next_ = NULL;
        pair = meld(a, b);
        pair->next_ = pairs;
        pairs = pair;
    }
    while (pairs) {
        struct sl_timer *pair = pairs;

        pairs = pair->next_;
        pair->next_ = NULL;
        root = meld(root, pair);
    }
    if (root)
        root->prev_ = NULL;
    return root;
}

static void take_out(struct sl_sched *s, struct sl_timer *t)
{
    if (t == s->timers) {
        s->timers = meld_siblings(t->child_);
    } else {
        if (t->prev_->child_ == t)
            t->prev_->child_ = t->next_;
        else
            t->prev_->next_ = t->next_;
        if (t->next_)
            t->next_->prev_ = t->prev_;
        s->timers = meld(s->timers, meld_siblings(t->child_));
    }
    t->child_ = t->next_ = t->prev_ = NULL;
    t->sched_ = NULL;
}

void sl_timer_init(struct sl_timer *t, void (*fired)(struct sl_timer *t))
{
    *t = (struct sl_timer){.fired = fired};
}

void sl_timer_set(struct sl_timer *t, sl_time at)
{
    struct sl_sched *s = sl_sched_;

    sl_assert(s);
    if (t->sched_)
        take_out(s, t);
    if (at.ns == INT64_MAX)
        return;
    t->at = sl_time_max(at, s->seen);
    t->order_ = ++s->timer_order;
    t->sched_ = s;
    s->timers = meld(s->timers, t);
}

void sl_timer_stop(struct sl_timer *t)
{
    if (t->sched_)
        take_out(t->sched_, t);
}

bool sl_timer_is_set(const struct sl_timer *t)
{
    return t->sched_ != NULL;
}

/* A task's timer that no wait needs any more is left in the heap: here it goes, if it is in the way. */
static bool is_stale(const struct sl_timer *t)
{
    return t->fired == task_timer_fired && !SL_CONTAINER_OF(t, const struct sl_task, timer)->timed;
}

/* When the loop has to wake up at the latest. */
sl_time timers_next(struct sl_sched *s)
{
    while (s->timers && is_stale(s->timers))
        take_out(s, s->timers);
    return s->timers ? s->timers->at : SL_NEVER;
}

/*
 * Only those that are set already: one that a callback sets for now comes with the next poll. As its
 * time is not before `now`, whatever the callback said, it is in nobody's way.
 */
void timers_run(struct sl_sched *s, sl_time now)
{
    uint64_t last = s->timer_order;

    while (s->timers && s->timers->at.ns <= now.ns && s->timers->order_ <= last) {
        struct sl_timer *t = s->timers;

        take_out(s, t);
        t->fired(t);
    }
}

/* Whoever still holds one may stop it after the scheduler has gone. */
void timers_end(struct sl_sched *s)
{
    while (s->timers)
        take_out(s, s->timers);
}

void task_timer_fired(struct sl_timer *timer)
{
    struct sl_task *t = SL_CONTAINER_OF(timer, struct sl_task, timer);

    if (t->timed)
        task_interrupt(t, WAIT_REACHED);
}

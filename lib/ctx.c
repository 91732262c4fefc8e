/*
 * ctx -- the tree of contexts: cancellation goes down, "no task is left" goes up.
 *
 * A context counts its tasks and those of its children that are busy; it tells its parent only when
 * it becomes busy or idle. Memory belongs to the task that made the context: leaving frees it, and
 * with it those under it that the same task has made, or a task that has ended since. What another
 * living task has made it waits for, because that task still holds the pointer.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/sched.h"

/* A task that waits for something about another context. Unlinked by whoever wakes it. */
struct ctx_waiter {
    struct sl_link link;
    struct sl_task *task;
};

static void wake_all(struct sl_link *list)
{
    while (!list_is_empty(list)) {
        struct ctx_waiter *w = SL_CONTAINER_OF(list->next, struct ctx_waiter, link);

        list_del(&w->link);
        task_interrupt(w->task, SL_OK);
    }
}

static struct sl_ctx *child_of_link(struct sl_link *l)
{
    return SL_CONTAINER_OF(l, struct sl_ctx, sibling);
}

/* The context after `at` in a walk of the tree under `top`, parents first; NULL at the end. */
static struct sl_ctx *walk(struct sl_ctx *at, struct sl_ctx *top)
{
    if (!list_is_empty(&at->children))
        return child_of_link(at->children.next);
    while (at != top) {
        if (at->sibling.next != &at->parent->children)
            return child_of_link(at->sibling.next);
        at = at->parent;
    }
    return NULL;
}

static void cancel_one(struct sl_ctx *ctx, int err, int cause)
{
    struct sl_link *l;

    if (ctx->err)
        return;
    ctx->err = err;
    ctx->cause = cause;
    sl_timer_stop(&ctx->timer);
    for (l = ctx->waiters.next; l != &ctx->waiters; l = l->next)
        task_interrupt(SL_CONTAINER_OF(l, struct sl_task, wait_link), err);
    wake_all(&ctx->watchers);
}

static void cancel(struct sl_ctx *top, int err, int cause)
{
    if (top->err)
        return;
    for (struct sl_ctx *ctx = top; ctx; ctx = walk(ctx, top))
        cancel_one(ctx, err, cause);
}

static void deadline_passed(struct sl_timer *t)
{
    cancel(SL_CONTAINER_OF(t, struct sl_ctx, timer), SL_TIMEOUT, -ETIMEDOUT);
}

/* The timer runs only for a deadline that comes before those above, which cancel this one as well. */
static void set_deadline(struct sl_ctx *ctx, sl_time deadline)
{
    ctx->deadline = deadline;
    if (ctx->err)
        return;
    if (ctx->parent && sl_ctx_deadline(ctx->parent).ns <= deadline.ns)
        return;
    if (sl_now().ns >= deadline.ns)
        cancel(ctx, SL_TIMEOUT, -ETIMEDOUT);
    else
        sl_timer_set(&ctx->timer, deadline);
}

/* NULL without memory. */
struct sl_ctx *ctx_make(struct sl_sched *s, struct sl_ctx *parent, sl_time deadline)
{
    struct sl_ctx *ctx = malloc(sizeof(*ctx));

    if (!ctx)
        return NULL;
    *ctx = (struct sl_ctx){.sched = s, .parent = parent, .deadline = SL_NEVER, .maker = s->current};
    list_init(&ctx->sibling);
    list_init(&ctx->children);
    list_init(&ctx->waiters);
    list_init(&ctx->watchers);
    list_init(&ctx->idlers);
    list_init(&ctx->channels);
    list_init(&ctx->made);
    sl_timer_init(&ctx->timer, deadline_passed);
    if (parent) {
        list_add(&parent->children, &ctx->sibling);
        ctx->err = parent->err;
        ctx->cause = parent->cause;
    }
    if (ctx->maker)
        list_add(&ctx->maker->contexts, &ctx->made);
    if (deadline.ns != INT64_MAX)
        set_deadline(ctx, deadline);
    return ctx;
}

struct sl_ctx *sl_ctx_new(struct sl_ctx *parent, const struct sl_ctx_options *options)
{
    static const struct sl_ctx_options none;
    struct sl_sched *s = sl_sched_;
    sl_time deadline = SL_NEVER;
    struct sl_ctx *ctx;

    sl_assert(s && (!parent || parent->sched == s));
    if (!options)
        options = &none;
    if (!parent)
        parent = s->background;
    if (options->timeout.ns != 0)
        deadline = sl_time_add(sl_now(), options->timeout);
    ctx = parent == s->emergency ? NULL : ctx_make(s, parent, deadline);
    if (!ctx) {
        sl_ctx_cancel(parent, -ENOMEM);
        return s->emergency;
    }
    ctx->keep_going = options->keep_going;
    ctx->name = options->name;
    return ctx;
}

void sl_ctx_cancel(struct sl_ctx *ctx, int cause)
{
    sl_assert(cause <= 0 && ctx->sched == sl_sched_);
    cancel(ctx, SL_CANCELED, cause ? cause : -ECANCELED);
}

int sl_ctx_err(const struct sl_ctx *ctx)
{
    return ctx ? ctx->err : SL_OK;
}

int sl_ctx_cause(const struct sl_ctx *ctx)
{
    return ctx ? ctx->cause : 0;
}

const char *sl_ctx_name(const struct sl_ctx *ctx)
{
    return ctx->name;
}

sl_time sl_ctx_deadline(const struct sl_ctx *ctx)
{
    sl_time nearest = SL_NEVER;

    for (; ctx; ctx = ctx->parent)
        nearest = sl_time_min(nearest, ctx->deadline);
    return nearest;
}

void sl_ctx_deadline_set(struct sl_ctx *ctx, sl_time deadline)
{
    if (deadline.ns < ctx->deadline.ns)
        set_deadline(ctx, deadline);
}

/* Which context the waits of a task are cancelled by; NULL: none. */
void ctx_link(struct sl_task *t, struct sl_ctx *ctx)
{
    sl_assert(!ctx || ctx->sched == t->sched);
    if (t->wait_ctx)
        list_cut(&t->wait_link);
    t->wait_ctx = ctx;
    if (ctx)
        list_add(&ctx->waiters, &t->wait_link);
}

static bool is_busy(const struct sl_ctx *ctx)
{
    return ctx->tasks > 0 || ctx->busy_children > 0;
}

void ctx_task_started(struct sl_ctx *ctx)
{
    bool was_busy = is_busy(ctx);

    ctx->tasks++;
    while (!was_busy && ctx->parent) {
        ctx = ctx->parent;
        was_busy = is_busy(ctx);
        ctx->busy_children++;
    }
}

/* Something may have changed for those who leave this context or one above it. */
static void settle(struct sl_ctx *ctx)
{
    for (; ctx; ctx = ctx->parent)
        if (ctx->leaver)
            task_interrupt(ctx->leaver, SL_OK);
}

void ctx_task_ended(struct sl_ctx *ctx)
{
    ctx->tasks--;
    while (!is_busy(ctx)) {
        wake_all(&ctx->idlers);
        if (ctx->leaver)
            task_interrupt(ctx->leaver, SL_OK);
        ctx = ctx->parent;
        if (!ctx)
            return;
        ctx->busy_children--;
    }
}

/* -ECANCELED is what a task got from a wait and passed on: it must not hide what fails after it. */
void ctx_failed(struct sl_ctx *ctx, int cause)
{
    if (!ctx->failure && cause != -ECANCELED)
        ctx->failure = cause;
    if (!ctx->keep_going)
        sl_ctx_cancel(ctx, cause);
}

/* The contexts of a task that ends without leaving them go with the nearest one above that is left. */
void ctx_orphan(struct sl_task *maker)
{
    while (!list_is_empty(&maker->contexts)) {
        struct sl_ctx *ctx = SL_CONTAINER_OF(maker->contexts.next, struct sl_ctx, made);

        list_del(&ctx->made);
        ctx->maker = NULL;
        settle(ctx);
    }
}

static void assert_outside(const struct sl_task *me, const struct sl_ctx *scope)
{
    for (const struct sl_ctx *ctx = me->scope; ctx; ctx = ctx->parent)
        sl_assert(ctx != scope);
}

static int wait_in(struct sl_link *list, struct sl_ctx *ctx, const char *waits_on,
                   const void *place)
{
    struct ctx_waiter w = {.task = sched_me(sl_sched_)};
    int result;

    list_add(list, &w.link);
    result = sched_wait(ctx, SL_NEVER, waits_on, place);
    list_del(&w.link);
    return result;
}

int sl_ctx_wait(struct sl_ctx *scope, struct sl_ctx *ctx)
{
    assert_outside(sched_me(sl_sched_), scope);
    if (ctx && ctx->err)
        return ctx->err;
    if (!is_busy(scope))
        return SL_OK;
    return wait_in(&scope->idlers, ctx, "the tasks of a context", __builtin_return_address(0));
}

int sl_ctx_wait_done(struct sl_ctx *watched, struct sl_ctx *ctx)
{
    if (ctx && ctx != watched && ctx->err)
        return ctx->err;
    if (watched->err)
        return SL_OK;
    return wait_in(&watched->watchers, ctx == watched ? NULL : ctx, "the end of a context",
                   __builtin_return_address(0));
}

/* No task in it or under it, and no context under it that another living task holds, or leaves. */
static bool can_free(struct sl_ctx *top, const struct sl_task *me)
{
    if (is_busy(top))
        return false;
    for (struct sl_ctx *ctx = walk(top, top); ctx; ctx = walk(ctx, top))
        if (ctx->leaver || (ctx->maker && ctx->maker != me))
            return false;
    return true;
}

static void ctx_free(struct sl_ctx *ctx)
{
    while (!list_is_empty(&ctx->channels))
        chan_destroy(SL_CONTAINER_OF(ctx->channels.next, struct sl_chan, in_scope));
    while (!list_is_empty(&ctx->waiters))
        ctx_link(SL_CONTAINER_OF(ctx->waiters.next, struct sl_task, wait_link), NULL);
    list_del(&ctx->made);
    list_del(&ctx->sibling);
    sl_timer_stop(&ctx->timer);
    free(ctx);
}

static void free_tree(struct sl_ctx *top)
{
    struct sl_ctx *ctx = top, *parent;

    for (;;) {
        while (!list_is_empty(&ctx->children))
            ctx = child_of_link(ctx->children.next);
        parent = ctx->parent;
        if (ctx == top)
            break;
        ctx_free(ctx);
        ctx = parent;
    }
    ctx_free(top);
    settle(parent);
}

int sl_ctx_leave(struct sl_ctx *ctx)
{
    struct sl_sched *s = ctx->sched;
    struct sl_task *me = sched_me(s);
    int result;

    if (ctx == s->emergency)
        return -ENOMEM;
    assert_outside(me, ctx);
    sl_assert(!ctx->leaver);
    sl_ctx_cancel(ctx, -ECANCELED);
    ctx->leaver = me;
    while (!can_free(ctx, me))
        (void)sched_wait(NULL, SL_NEVER, "the tasks of a context that it leaves",
                         __builtin_return_address(0));
    result = ctx->failure ? ctx->failure : ctx->cause;
    free_tree(ctx);
    return result == -ECANCELED ? 0 : result;
}

/*
 * task -- starting and ending tasks. The first function on a stack never returns: it runs one task
 * after the other, so that starting one on a used stack is no more than making it ready.
 */
#include <errno.h>
#include <string.h>

#include "lib/sched.h"

/* The stack goes back before the switch away from it: nobody can start a task on it in between. */
static void task_end(struct sl_task *me, int result)
{
    struct sl_sched *s = me->sched;

    if (!list_is_empty(&me->contexts))
        ctx_orphan(me);
    if (me->wait_ctx)
        ctx_link(me, NULL);
    if (sl_timer_is_set(&me->timer))
        sl_timer_stop(&me->timer);
    if (me->scope) {
        if (result < 0)
            ctx_failed(me->scope, result);
        ctx_task_ended(me->scope);
    }
    me->site = NULL;
    s->tasks--;
    me->next = s->free;
    s->free = me;
    s->free_count++;
    sched_switch(s, me);
}

void task_worker(void *arg)
{
    struct sl_task *me = arg;

    fiber_entered(&me->sched->loop);
    for (;;) {
        me->sched->operations = OPERATIONS_MAX;
        task_end(me, me->site->run(me->scope, me->args));
    }
}

static struct sl_task *take_stack(struct sl_sched *s)
{
    struct sl_task *t = s->free;

    if (!t)
        return stack_new(s);
    s->free = t->next;
    s->free_count--;
    return t;
}

/* Makes a task ready and returns the place for its arguments; NULL: no, and `ctx` is cancelled. */
void *task_start(struct sl_ctx *ctx, const struct sl_task_site *site)
{
    struct sl_sched *s = sl_sched_;
    struct sl_task *t = NULL;

    if (s->tasks < s->tasks_max)
        t = take_stack(s);
    if (__builtin_expect(!t, 0)) {
        if (ctx)
            sl_ctx_cancel(ctx, s->tasks < s->tasks_max ? -ENOMEM : -EAGAIN);
        return NULL;
    }
    s->tasks++;
    t->site = site;
    t->scope = ctx;
    t->id = ++s->task_id;
    if (ctx)
        ctx_task_started(ctx);
    ready_push(s, t);
    return t->args;
}

void sl_go_(struct sl_ctx *ctx, const struct sl_task_site *site, const void *args)
{
    void *place;

    sl_assert(ctx && ctx->sched == sl_sched_);
    if (ctx == ctx->sched->emergency)
        return;
    place = task_start(ctx, site);
    if (!place)
        return;
    memcpy(place, args, site->args_size);
}

void sl_yield(void)
{
    struct sl_sched *s = sl_sched_;
    struct sl_task *me = sched_me(s);

    me->waits_on = "its turn";
    me->wait_place = __builtin_return_address(0);
    ready_push(s, me);
    if (s->ready == me && --s->switches > 0)
        ready_pop(s);
    else
        sched_switch(s, me);
    s->operations = OPERATIONS_MAX;
}

/* The part of others_turn that is not wanted inline: it would need a stack frame. */
int task_yield_after(int result)
{
    sl_yield();
    return result;
}

int sl_sleep_until(struct sl_ctx *ctx, sl_time t)
{
    int result;

    if (ctx && ctx->err)
        return ctx->err;
    if (sl_now().ns >= t.ns)
        return SL_OK;
    result = sched_wait(ctx, t, "a time", __builtin_return_address(0));
    return result == WAIT_REACHED ? SL_OK : result;
}

int sl_sleep(struct sl_ctx *ctx, sl_dur d)
{
    if (d.ns <= 0)
        return ctx ? ctx->err : SL_OK;
    return sl_sleep_until(ctx, sl_time_add(sl_now(), d));
}

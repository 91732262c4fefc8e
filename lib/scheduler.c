/*
 * scheduler -- the loop, and the beginning and the end of a scheduler.
 *
 * Tasks switch to each other without coming here. They come when none is ready, and, because a
 * poll costs as much as a hundred switches, when the clock says that the last one is POLL_NS ago; the
 * clock is read every SWITCHES_PER_LOOK switches.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/sched.h"

_Thread_local struct sl_sched *sl_sched_ __attribute__((tls_model("initial-exec")));

/* xoroshiro128+ (Blackman, Vigna 2018): for choices, not for secrets. */
uint64_t sched_random(struct sl_sched *s)
{
    uint64_t a = s->random[0], b = s->random[1];
    uint64_t result = a + b;

    b ^= a;
    s->random[0] = (a << 24 | a >> 40) ^ b ^ (b << 16);
    s->random[1] = b << 37 | b >> 27;
    return result;
}

static bool should_poll(struct sl_sched *s)
{
    if (!s->ready || s->shuffle || atomic_load_explicit(&s->rung, memory_order_relaxed))
        return true;
    s->switches = SWITCHES_PER_LOOK;
    return s->driver->now(s->driver).ns - s->seen.ns >= POLL_NS;
}

/* The part of sched_switch that is not wanted inline: to the loop, or after a look at the clock on. */
void sched_slow(struct sl_sched *s, struct sl_task *me)
{
    struct sl_task *next = NULL;

    if (!should_poll(s)) {
        next = ready_pop(s);
        if (next == me)
            return;
    }
    s->current = next;
    fiber_switch(&me->fiber, next ? &next->fiber : &s->loop);
}

/* What is free above the number that is kept warm; a few at a time, because each is a system call. */
static void trim_stacks(struct sl_sched *s)
{
    for (int i = 0; i < 16 && s->free_count > STACKS_WARM; i++) {
        struct sl_task *t = s->free;

        s->free = t->next;
        s->free_count--;
        stack_free(t);
    }
}

static void poll_world(struct sl_sched *s)
{
    sl_time until = {INT64_MIN};

    trim_stacks(s);
    if (!s->ready && !atomic_load(&s->rung)) {
        until = timers_next(s);
        if (until.ns == INT64_MAX && (s->wakers == 0 || s->driver->is_closed))
            deadlock_report(s);
    }
    s->driver->wait(s->driver, until);
    s->seen = s->driver->now(s->driver);
    timers_run(s, s->seen);
    if (atomic_load(&s->rung))
        bells_answer(s);
    s->switches = SWITCHES_PER_LOOK;
}

/* One of the first eight, so that nobody waits for ever (the chance of 1,000 passes is 10^-58). */
static void shuffle_ready(struct sl_sched *s)
{
    struct sl_task **at = &s->ready;
    unsigned skip = (unsigned)(sched_random(s) >> 61);

    while (skip-- > 0 && (*at)->next)
        at = &(*at)->next;
    if (at != &s->ready) {
        struct sl_task *t = *at;

        *at = t->next;
        if (!t->next)
            s->ready_end = at;
        t->next = s->ready;
        s->ready = t;
    }
    s->switches = 0;
}

static void loop(struct sl_sched *s)
{
    bool polled = false;

    while (!s->finished) {
        if (!s->ready || !s->shuffle || !polled) {
            poll_world(s);
            polled = true;
        }
        if (!s->ready)
            continue;
        if (s->shuffle)
            shuffle_ready(s);
        s->current = ready_pop(s);
        fiber_switch(&s->loop, &s->current->fiber);
        s->current = NULL;
    }
}

/* sched_block that also ends at `until`, with WAIT_REACHED. */
int sched_block_until(struct sl_task *me, struct sl_ctx *ctx, sl_time until, const void *place)
{
    int result;

    if (until.ns != INT64_MAX) {
        if (!sl_timer_is_set(&me->timer) || me->timer.at.ns != until.ns)
            sl_timer_set(&me->timer, until);
        me->timed = true;
    }
    result = sched_block(me->sched, me, ctx, place);
    me->timed = false;
    return result;
}

/* A wait that has no cases: somebody's task_wake or task_interrupt, `ctx` or `until` ends it. */
int sched_wait(struct sl_ctx *ctx, sl_time until, const char *waits_on, const void *place)
{
    struct sl_task *me = sched_me(sl_sched_);

    me->waits_on = waits_on;
    return sched_block_until(me, ctx, until, place);
}

struct first {
    int (*fn)(struct sl_ctx *ctx, void *arg);
    void *arg;
    int *result;
};

/* The first task belongs to no scope, so that it can wait for all of them. */
static int run_first(struct sl_ctx *none, void *args)
{
    struct first *my = args;
    struct sl_sched *s = sl_sched_;
    struct sl_ctx *ctx = sl_ctx_new(NULL, &(struct sl_ctx_options){.name = "main"});
    int result, failure;

    (void)none;
    result = my->fn(ctx, my->arg);
    failure = sl_ctx_leave(ctx);
    *my->result = result < 0 || failure == 0 ? result : failure;
    sl_ctx_leave(s->background); /* still there for those that clean up */
    s->background = NULL;
    s->finished = true;
    return 0;
}

static const struct sl_task_site first_site = {"main", __FILE__, __LINE__, sizeof(struct first),
                                               run_first};

static void sched_deinit(struct sl_sched *s)
{
    bells_end(s);
    timers_end(s);
    while (!list_is_empty(&s->stacks))
        stack_free(SL_CONTAINER_OF(s->stacks.next, struct sl_task, all));
    free(s->background);
    free(s->emergency);
    sl_sched_ = NULL;
}

static int sched_init(struct sl_sched *s, struct sl_driver *driver,
                      const struct sl_run_options *options)
{
    *s = (struct sl_sched){.driver = driver, .tasks_max = TASKS_MAX};
    if (options) {
        s->shuffle = options->shuffle;
        if (options->tasks_max)
            s->tasks_max = options->tasks_max;
    }
    s->ready_end = &s->ready;
    list_init(&s->stacks);
    list_init(&s->bells);
    sl_sched_ = s;
    s->random[0] = driver->random(driver) | 1; /* both zero would stay so */
    s->random[1] = driver->random(driver);
    s->seen = driver->now(driver);
    s->background = ctx_make(s, NULL, SL_NEVER);
    s->emergency = ctx_make(s, NULL, SL_NEVER);
    if (!s->background || !s->emergency)
        return -ENOMEM;
    s->background->name = "background";
    s->emergency->name = "out of memory";
    s->emergency->err = SL_CANCELED;
    s->emergency->cause = -ENOMEM;
    fiber_init_thread(&s->loop);
    return 0;
}

int sl_run_on(struct sl_driver *driver, const struct sl_run_options *options,
              int (*fn)(struct sl_ctx *ctx, void *arg), void *arg)
{
    struct sl_sched s;
    struct first *first;
    int result = 0;

    sl_assert(!sl_sched_);
    result = sched_init(&s, driver, options);
    if (result == 0) {
        first = task_start(NULL, &first_site);
        if (first) {
            *first = (struct first){fn, arg, &result};
            loop(&s);
        } else {
            result = -ENOMEM;
        }
    }
    sched_deinit(&s);
    return result;
}

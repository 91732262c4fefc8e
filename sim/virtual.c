/* virtual -- the driver of virtual.h: waiting is setting the clock. */
#include "sim/virtual.h"

#include <errno.h>
#include <stdlib.h>

enum { SIGNALS_MAX = 64 };

struct world {
    struct sl_driver base;
    sl_time now;
    int64_t wall_base_ms;
    uint64_t random;
    sl_dur offload_max;
    struct sl_signal *signals[SIGNALS_MAX];
};

static _Thread_local struct world *world_;

static struct world *of(struct sl_driver *d)
{
    return SL_CONTAINER_OF(d, struct world, base);
}

static sl_time now(struct sl_driver *d)
{
    return of(d)->now;
}

static int64_t wall_ms(struct sl_driver *d)
{
    return of(d)->wall_base_ms + of(d)->now.ns / 1000000;
}

/* splitmix64 (Steele, Lea, Flood 2014): every seed is as good as any other. */
static uint64_t random64(struct sl_driver *d)
{
    uint64_t z = of(d)->random += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void wait(struct sl_driver *d, sl_time until)
{
    struct world *w = of(d);

    if (until.ns != INT64_MAX && until.ns > w->now.ns)
        w->now = until;
}

static void wake(struct sl_driver *d)
{
    (void)d; /* only from this thread, which does not wait then */
}

static int watch_want(struct sl_driver *d, struct sl_watch *w)
{
    (void)d;
    (void)w;
    return -ENOTSUP;
}

static void watch_close(struct sl_driver *d, struct sl_watch *w)
{
    (void)d;
    (void)w;
}

static int signal_open(struct sl_driver *d, struct sl_signal *signal)
{
    struct world *w = of(d);

    for (int i = 0; i < SIGNALS_MAX; i++) {
        if (!w->signals[i]) {
            w->signals[i] = signal;
            return 0;
        }
    }
    return -EAGAIN;
}

static void signal_close(struct sl_driver *d, struct sl_signal *signal)
{
    struct world *w = of(d);

    for (int i = 0; i < SIGNALS_MAX; i++)
        if (w->signals[i] == signal)
            w->signals[i] = NULL;
}

void sl_virtual_raise(int signo)
{
    sl_assert(world_);
    for (int i = 0; i < SIGNALS_MAX; i++)
        if (world_->signals[i] && world_->signals[i]->signo == signo)
            world_->signals[i]->caught(world_->signals[i]);
}

void sl_virtual_wall_jump(int64_t ms)
{
    sl_assert(world_);
    world_->wall_base_ms += ms;
}

void sl_virtual_leap(sl_dur d)
{
    sl_assert(world_ && d.ns >= 0);
    world_->now = sl_time_add(world_->now, d);
}

struct work {
    struct sl_timer timer;
    struct sl_job *job;
};

static void work_done(struct sl_timer *timer)
{
    struct work *work = SL_CONTAINER_OF(timer, struct work, timer);

    sl_job_done(work->job);
    free(work);
}

static int offload(struct sl_driver *d, struct sl_job *job)
{
    struct world *w = of(d);
    struct work *work = malloc(sizeof(*work));
    sl_dur takes = SL_ZERO;

    if (!work)
        return -ENOMEM;
    if (w->offload_max.ns > 0)
        takes.ns = (int64_t)(random64(d) % (uint64_t)w->offload_max.ns);
    work->job = job;
    sl_timer_init(&work->timer, work_done);
    sl_timer_set(&work->timer, sl_time_add(w->now, takes));
    job->result = job->fn(job->arg);
    return 0;
}

int sl_virtual_run(const struct sl_virtual_options *options,
                   int (*fn)(struct sl_ctx *ctx, void *arg), void *arg)
{
    static const struct sl_virtual_options none;
    const struct sl_virtual_options *o = options ? options : &none;
    struct sl_run_options run = {.tasks_max = o->tasks_max, .shuffle = o->shuffle};
    struct world w = {.base = {.is_closed = true,
                               .now = now,
                               .wall_ms = wall_ms,
                               .random = random64,
                               .wait = wait,
                               .wake = wake,
                               .watch_want = watch_want,
                               .watch_close = watch_close,
                               .signal_open = signal_open,
                               .signal_close = signal_close,
                               .offload = offload},
                      .wall_base_ms = o->wall_ms ? o->wall_ms : 1767225600000, /* 2026-01-01 */
                      .random = o->seed,
                      .offload_max = o->offload_max};
    int result;

    sl_assert(!world_);
    world_ = &w;
    result = sl_run_on(&w.base, &run, fn, arg);
    world_ = NULL;
    return result;
}

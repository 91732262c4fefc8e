/*
 * driver -- the scheduler's border to the world, by libuv.
 *
 * Interest in a descriptor is lazy, because each change costs two system calls and libcurl asks for
 * one or two a request: what is armed stays armed until something else is wanted, or until it
 * reports what nobody wants. A uv_poll_t lives on the heap and is closed at its own pace, so that the
 * watch and the descriptor may go at once.
 *
 * libuv counts in milliseconds. The last one of a wait is therefore waited for by ppoll on libuv's own
 * descriptor.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "lib/uv/driver.h"

static struct uv_driver *of(struct sl_driver *d)
{
    return SL_CONTAINER_OF(d, struct uv_driver, base);
}

static sl_time now(struct sl_driver *d)
{
    struct timespec t;

    (void)d;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (sl_time){(int64_t)t.tv_sec * 1000000000 + t.tv_nsec};
}

static int64_t wall_ms(struct sl_driver *d)
{
    struct timespec t;

    (void)d;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t random64(struct sl_driver *d)
{
    struct uv_driver *u = of(d);

    if (u->random_left == 0) {
        ssize_t n = getrandom(u->random, sizeof(u->random), 0);

        sl_assert(n == sizeof(u->random)); /* up to 256 bytes come whole: getrandom(2) */
        u->random_left = sizeof(u->random) / sizeof(u->random[0]);
    }
    return u->random[--u->random_left];
}

/*
 * libuv before 1.45 (issue 3686) runs what is due once more before it blocks: a thread that loses its core between uv_timer_start and uv_run
 * would find its only timer spent, and wait for ever. A loop that is told to stop does not block.
 */
static void timer_fired(uv_timer_t *t)
{
    uv_stop(t->loop);
}

/* Less than a millisecond: whatever is ready, else the rest of the time on libuv's descriptor. */
static void wait_short(struct uv_driver *u, int64_t ns)
{
    struct pollfd p = {.fd = uv_backend_fd(&u->loop), .events = POLLIN};
    struct timespec t = {.tv_nsec = ns};
    unsigned told = u->told;

    uv_run(&u->loop, UV_RUN_NOWAIT);
    if (u->told != told)
        return;
    if (ppoll(&p, 1, &t, NULL) > 0)
        uv_run(&u->loop, UV_RUN_NOWAIT);
}

static void wait(struct sl_driver *d, sl_time until)
{
    struct uv_driver *u = of(d);
    int64_t left = INT64_MAX;

    if (until.ns != INT64_MIN && until.ns != INT64_MAX)
        left = sl_time_sub(until, now(d)).ns;
    if (until.ns == INT64_MIN || left <= 0) {
        uv_run(&u->loop, UV_RUN_NOWAIT);
    } else if (left < 1000000) {
        wait_short(u, left);
    } else if (left == INT64_MAX) {
        uv_run(&u->loop, UV_RUN_ONCE);
    } else {
        uv_update_time(&u->loop);
        uv_timer_start(&u->timer, timer_fired, (uint64_t)left / 1000000, 0);
        uv_run(&u->loop, UV_RUN_ONCE);
        uv_timer_stop(&u->timer);
    }
}

static void wake(struct sl_driver *d)
{
    uv_async_send(&of(d)->wake);
}

static void woken(uv_async_t *a)
{
    SL_CONTAINER_OF(a, struct uv_driver, wake)->told++;
}

static void free_handle(uv_handle_t *h)
{
    free(h);
}

struct watcher {
    uv_poll_t poll;
    struct sl_watch *watch;
    unsigned armed;
};

static void on_ready(uv_poll_t *p, int status, int events);

static int arm(struct watcher *w, unsigned events)
{
    int uv = 0, result;

    w->armed = 0;
    if (events == 0)
        return uv_poll_stop(&w->poll);
    uv |= events & SL_FD_READ ? UV_READABLE : 0;
    uv |= events & SL_FD_WRITE ? UV_WRITABLE : 0;
    uv |= events & SL_FD_HUP ? UV_DISCONNECT : 0;
    result = uv_poll_start(&w->poll, uv, on_ready);
    if (result == 0)
        w->armed = events;
    return result;
}

static void on_ready(uv_poll_t *p, int status, int events)
{
    struct watcher *w = SL_CONTAINER_OF(p, struct watcher, poll);
    unsigned wanted = w->watch->wanted, got = 0;

    SL_CONTAINER_OF(p->loop, struct uv_driver, loop)->told++;
    got |= events & UV_READABLE ? SL_FD_READ : 0;
    got |= events & UV_WRITABLE ? SL_FD_WRITE : 0;
    got |= events & UV_DISCONNECT ? SL_FD_HUP : 0;
    if (status < 0)
        got = wanted; /* and libuv has stopped the handle */
    /* Before the call, which may end the watch. What cannot be armed again is reported by it too. */
    if (status < 0 || (got & ~wanted))
        SL_IGNORE(arm(w, wanted));
    if (got & wanted)
        sl_watch_ready(w->watch, got & wanted);
}

static int watch_want(struct sl_driver *d, struct sl_watch *watch)
{
    struct watcher *w = watch->driver_;
    int result;

    if (!w) {
        if (watch->wanted == 0)
            return 0;
        w = malloc(sizeof(*w));
        if (!w)
            return -ENOMEM;
        *w = (struct watcher){.watch = watch};
        result = uv_poll_init(&of(d)->loop, &w->poll, watch->fd);
        if (result) {
            free(w);
            return result;
        }
        watch->driver_ = w;
    }
    return watch->wanted == 0 || watch->wanted == w->armed ? 0 : arm(w, watch->wanted);
}

static void watch_close(struct sl_driver *d, struct sl_watch *watch)
{
    struct watcher *w = watch->driver_;

    (void)d;
    uv_close((uv_handle_t *)&w->poll, free_handle);
}

struct catcher {
    uv_signal_t handle;
    struct sl_signal *signal;
    unsigned told;
};

static void on_signal(uv_signal_t *h, int signo)
{
    struct catcher *c = SL_CONTAINER_OF(h, struct catcher, handle);

    (void)signo;
    SL_CONTAINER_OF(h->loop, struct uv_driver, loop)->told++;
    c->told++;
    c->signal->caught(c->signal);
}

static void signal_close(struct sl_driver *d, struct sl_signal *signal)
{
    struct catcher *c = SL_TAKE(signal->driver);

    (void)d;
    uv_signal_stop(&c->handle);                          /* the usual effect is back from here on */
    signal->missed = c->handle.caught_signals - c->told; /* in libuv's pipe: it forgets them */
    uv_close((uv_handle_t *)&c->handle, free_handle);
}

static int signal_open(struct sl_driver *d, struct sl_signal *signal)
{
    struct catcher *c = malloc(sizeof(*c));
    int result;

    if (!c)
        return -ENOMEM;
    *c = (struct catcher){.signal = signal};
    result = uv_signal_init(&of(d)->loop, &c->handle);
    if (result) {
        free(c);
        return result;
    }
    signal->driver = c;
    result = (signal->once ? uv_signal_start_oneshot : uv_signal_start)(&c->handle, on_signal,
                                                                        signal->signo);
    if (result)
        signal_close(d, signal);
    return result;
}

struct work {
    uv_work_t work;
    struct sl_job *job;
};

static void do_work(uv_work_t *w)
{
    struct sl_job *job = SL_CONTAINER_OF(w, struct work, work)->job;

    job->result = job->fn(job->arg);
}

static void work_done(uv_work_t *w, int status)
{
    struct work *work = SL_CONTAINER_OF(w, struct work, work);

    SL_CONTAINER_OF(w->loop, struct uv_driver, loop)->told++;
    work->job->error = status;
    sl_job_done(work->job);
    free(work);
}

static int offload(struct sl_driver *d, struct sl_job *job)
{
    struct work *work = malloc(sizeof(*work));
    int result;

    if (!work)
        return -ENOMEM;
    work->job = job;
    result = uv_queue_work(&of(d)->loop, &work->work, do_work, work_done);
    if (result)
        free(work);
    return result;
}

int uv_driver_init(struct uv_driver *u)
{
    int result;

    *u = (struct uv_driver){.base = {.now = now,
                                     .wall_ms = wall_ms,
                                     .random = random64,
                                     .wait = wait,
                                     .wake = wake,
                                     .watch_want = watch_want,
                                     .watch_close = watch_close,
                                     .signal_open = signal_open,
                                     .signal_close = signal_close,
                                     .offload = offload}};
    result = uv_loop_init(&u->loop);
    if (result)
        return result;
    result = uv_async_init(&u->loop, &u->wake, woken);
    if (result) {
        uv_loop_close(&u->loop);
        return result;
    }
    return uv_timer_init(&u->loop, &u->timer); /* cannot fail */
}

/* Everything but the driver's own two is on the heap. */
static void close_handle(uv_handle_t *h, void *arg)
{
    struct uv_driver *u = arg;
    bool own = h == (uv_handle_t *)&u->wake || h == (uv_handle_t *)&u->timer;

    if (!uv_is_closing(h))
        uv_close(h, own ? NULL : free_handle);
}

void uv_driver_deinit(struct uv_driver *u)
{
    uv_walk(&u->loop, close_handle, u);
    uv_run(&u->loop, UV_RUN_DEFAULT);
    uv_loop_close(&u->loop);
}

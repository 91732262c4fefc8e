/*
 * driver -- the whole border between the scheduler and the world: the clocks, randomness, waiting,
 * descriptors, signals, helper threads. lib/uv implements it with libuv, sim/virtual with a virtual
 * clock.
 *
 * A driver embeds struct sl_driver as its first member and lives as long as sl_run_on. All
 * functions are called on the scheduler's thread, but `wake`. Whatever the world has to tell it
 * tells inside `wait`, by the functions at the end: that is loop context.
 */
#ifndef LIB_DRIVER_H
#define LIB_DRIVER_H

#include <sluice/loop.h>

struct sl_driver;
struct sl_sched;

/* Work for a helper thread. */
struct sl_job {
    int (*fn)(void *arg);
    void *arg;
    int result;
    int error; /* 0, or why fn was not run */
    void *driver;
    struct sl_parker done;
};

/* A signal that the process wants to hear. */
struct sl_signal {
    int signo;
    bool once;       /* its usual effect is back from the moment that the first one comes */
    unsigned missed; /* set by signal_close: how many had come that were not told */
    void (*caught)(struct sl_signal *s);
    void *driver;
};

struct sl_driver {
    bool is_closed; /* nothing comes from outside: without a timer, tasks that wait wait for ever */

    sl_time (*now)(struct sl_driver *d);
    int64_t (*wall_ms)(struct sl_driver *d);
    uint64_t (*random)(struct sl_driver *d);

    /*
     * Waits until something happens or `until` is reached, and tells what happened. A time that has
     * passed: only looks. May return early. SL_NEVER: without end; a world in which nothing can
     * happen may return at once.
     */
    void (*wait)(struct sl_driver *d, sl_time until);

    /* Makes the present or the next `wait` return. From any thread. */
    void (*wake)(struct sl_driver *d);

    /* `w->wanted` has changed to something other than 0, or to 0. Results as sl_watch_want. */
    int (*watch_want)(struct sl_driver *d, struct sl_watch *w);
    void (*watch_close)(struct sl_driver *d, struct sl_watch *w);

    int (*signal_open)(struct sl_driver *d, struct sl_signal *s);
    void (*signal_close)(struct sl_driver *d, struct sl_signal *s);

    /*
     * Runs job->fn(job->arg) without blocking this thread; then sets result or error and calls
     * sl_job_done.
     */
    int (*offload)(struct sl_driver *d, struct sl_job *job);
};

struct sl_run_options {
    unsigned tasks_max; /* 0 = 30,000: two mappings each, and Linux gives a process 65,530 */
    bool shuffle;       /* run what is ready in random order, to find what depends on the order */
};

/*
 * sl_run in the world of `driver`. `options` may be NULL. Results as sl_run.
 */
SL_API_R int sl_run_on(struct sl_driver *driver, const struct sl_run_options *options,
                       int (*fn)(struct sl_ctx *ctx, void *arg), void *arg);

/* For drivers, in loop context. */
SL_API void sl_watch_ready(struct sl_watch *w, unsigned events);
SL_API void sl_job_done(struct sl_job *job);

#endif

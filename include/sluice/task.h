/*
 * task -- a function with a stack of its own, that gives up the processor only where it waits.
 *
 * All tasks of a scheduler run on one thread. Between two waits a task is alone: what it shares
 * with other tasks needs no lock. It must not block the thread: blocking work goes through
 * sl_offload. The stack has 256 KiB, touched lazily.
 *
 *     struct square {              its arguments: a struct of its name, at most SL_TASK_ARGS_MAX bytes,
 *         struct ints *in, *out;   aligned to SL_ALIGN_MAX at most
 *     };                           (a task without any: struct beat { char none; };)
 *
 *     SL_TASK(square)              sees `struct sl_ctx *ctx`, its scope, and `struct square *my`
 *     {
 *         int n;
 *
 *         while (ints_recv(my->in, ctx, &n) == SL_OK)
 *             if (ints_send(my->out, ctx, n * n) != SL_OK)
 *                 break;
 *         ints_close(my->out);
 *         return 0;                    negative: cancels `ctx` with this cause. See ctx.h
 *     }
 *
 *     SL_GO(ctx, square, .in = numbers, .out = squares);
 *
 * Order is first ready, first run. After 128 operations that did not have to wait, a task yields at
 * the end of the next send, receive or select, so that no pair of tasks keeps the thread for itself;
 * the try_ functions, and a select with a default, never do.
 */
#ifndef SLUICE_TASK_H
#define SLUICE_TASK_H

#include <sluice/ctx.h>

struct sl_chan;

enum { SL_TASK_ARGS_MAX = 512 };

/* One SL_GO in the source. */
struct sl_task_site {
    const char *name;
    const char *file;
    int line;
    uint32_t args_size;
    int (*run)(struct sl_ctx *ctx, void *args);
};

/* Defines a task that this file alone starts. */
#define SL_TASK(name)                                                                              \
    static int name(struct sl_ctx *ctx, struct name *my);                                          \
    static int sl_task_##name(struct sl_ctx *ctx, void *my)                                        \
    {                                                                                              \
        return name(ctx, my);                                                                      \
    }                                                                                              \
    static int name(struct sl_ctx *ctx SL_UNUSED, struct name *my SL_UNUSED)

/* Declares, in a header, a task that other files start as well: SL_TASK_DECLARE(square); */
#define SL_TASK_DECLARE(name)                                                                      \
    int name(struct sl_ctx *ctx, struct name *my);                                                 \
    int sl_task_##name(struct sl_ctx *ctx, void *my)

/* Defines it. */
#define SL_TASK_EXTERN(name)                                                                       \
    SL_TASK_DECLARE(name);                                                                         \
    int sl_task_##name(struct sl_ctx *ctx, void *my)                                               \
    {                                                                                              \
        return name(ctx, my);                                                                      \
    }                                                                                              \
    int name(struct sl_ctx *ctx SL_UNUSED, struct name *my SL_UNUSED)

/*
 * Starts a task in the scope `ctx`: SL_GO(ctx, name, .field = value, ...). The arguments are copied
 * to its stack; fields that are not named are zero. It runs for the first time when the caller next
 * waits, also if `ctx` is cancelled by then. Gives no result: without memory, or with more than
 * 30,000 tasks, it cancels `ctx` with -ENOMEM or -EAGAIN instead, and the arguments stay the
 * caller's. Legal in loop context.
 */
#define SL_GO(ctx, ...) SL_GO_(ctx, __VA_ARGS__, )
#define SL_GO_(ctx_, name, ...)                                                                    \
    do {                                                                                           \
        static const struct sl_task_site sl_site_ = {                                              \
            #name, __FILE__, __LINE__, (uint32_t)sizeof(struct name), sl_task_##name};             \
        _Static_assert(sizeof(struct name) <= SL_TASK_ARGS_MAX, "pass a pointer instead");         \
        SL_ASSERT_ALIGN_(struct name);                                                             \
        sl_go_((ctx_), &sl_site_, __extension__ &(struct name){__VA_ARGS__});                      \
    } while (0)

SL_API void sl_go_(struct sl_ctx *ctx, const struct sl_task_site *site, const void *args);

/*
 * Makes a scheduler on this thread, runs `fn` as its first task, leaves its context when `fn`
 * returns, and ends the scheduler. `ctx` is cancelled when a task started in it fails.
 *   >= 0      what `fn` returned, and nothing else failed
 *   negative  what `fn` returned, or the first failure in its context, or why there is no scheduler
 */
SL_API_R int sl_run(int (*fn)(struct sl_ctx *ctx, void *arg), void *arg);

/*
 * The same for a program's main(): SIGPIPE is ignored, and the first SIGINT or SIGTERM cancels
 * `ctx` with -ECANCELED, as soon as the scheduler looks at the world. The second has its usual
 * effect, also while tasks clean up: at once if it is the same signal, though a task keep the
 * thread; the other one not before the first has been looked at. Afterwards the process should end
 * by _exit: exit waits for helper threads that are busy.
 */
SL_API_R int sl_main(int (*fn)(struct sl_ctx *ctx, void *arg), void *arg);

/* What sl_run waits with, and its version: "libuv 1.44.2". Static storage. */
SL_API const char *sl_run_version(void);

/* Lets every task that is ready run before this one goes on. */
SL_API void sl_yield(void);

/*
 * Waits for `d`, or until `t`. A time that has passed does not wait.
 *   SL_OK        it has passed
 *   SL_CANCELED  `ctx` was cancelled
 *   SL_TIMEOUT   the deadline of `ctx` passed
 */
SL_API_R int sl_sleep(struct sl_ctx *ctx, sl_dur d);
SL_API_R int sl_sleep_until(struct sl_ctx *ctx, sl_time t);

/*
 * A channel of sl_time, capacity 1, that gets the time every `period` (above 0). A tick that finds
 * it full is dropped. It belongs to `ctx` and is never closed; sl_chan_free ends it earlier. NULL
 * without memory, as sl_chan_new.
 */
SL_API struct sl_chan *sl_ticker(struct sl_ctx *ctx, sl_dur period);

/*
 * A channel of int, capacity 8, that gets the number of each signal of `signos` that arrives; they
 * lose their usual effect until the channel is freed. One that finds it full is dropped. It belongs
 * to `ctx` and is never closed. NULL when memory or a signal cannot be had: `ctx` is then cancelled
 * with the cause. At most 16 signals.
 */
SL_API struct sl_chan *sl_signals(struct sl_ctx *ctx, const int *signos, size_t n);

enum {
    SL_FD_READ = 1,
    SL_FD_WRITE = 2,
    SL_FD_HUP = 4, /* the peer has closed, or will send no more */
};

/*
 * Waits until one of `events` can be had from `fd`, or `until`. Sets `fd` non-blocking: not for
 * descriptors that other processes share (a terminal, a pipe on stdin). `got` may be NULL. One
 * waiter per descriptor at a time.
 *   SL_OK        *got has them
 *   SL_CANCELED  `ctx` was cancelled
 *   SL_TIMEOUT   `until`, or the deadline of `ctx`, passed
 *   negative     -EPERM: a regular file, which is always ready; other errors of the event loop
 */
SL_API_R int sl_wait_fd(struct sl_ctx *ctx, int fd, unsigned events, sl_time until, unsigned *got);

/* Writes a table of all tasks to `fd`: name, where it was started, what it waits on and where. Whoever reads `fd` has a second
 * to take something, with no task running; what comes after that is lost. */
SL_API void sl_dump(int fd);

#endif

/*
 * loop -- binds another library's event handling to tasks.
 *
 * Such a library (libcurl, libmicrohttpd) wants to be told when descriptors are ready and times
 * have come, and tells by callback when something is done. The callbacks of this header run in loop
 * context: on the scheduler's own stack, while no task runs. They must not wait; they may record,
 * sl_unpark, sl_ctx_cancel, SL_GO, use the try_ functions and close of channels, and set watches
 * and timers. A task that they make ready runs after they have returned, never inside them.
 *
 *     struct request { struct sl_parker done; ... };
 *     task:      sl_parker_init(&r.done); start(&r); sl_park(&r.done, ctx, deadline, "a request");
 *     callback:  r->failure = ...; sl_unpark(&r->done);
 *
 * Embed the structs in your own and get back with SL_CONTAINER_OF. Their fields are the library's.
 */
#ifndef SLUICE_LOOP_H
#define SLUICE_LOOP_H

#include <sluice/ctx.h>
#include <sluice/task.h>

struct sl_task;

/*
 * Readiness of one descriptor, level triggered. Interest is lazy: wanting nothing costs no system
 * call, and wanting the same again neither; the kernel is told when a different set is wanted, or
 * when something comes that nobody wants.
 *
 * Life: init → want... → deinit, before the descriptor is closed. One watch per descriptor. Must
 * not move in between.
 */
struct sl_watch {
    int fd;
    unsigned wanted; /* what the owner wants to hear */
    void (*ready)(struct sl_watch *w, unsigned events);
    void *driver_;
    struct sl_sched *sched_;
};

/* Does not touch the descriptor. */
SL_API void sl_watch_init(struct sl_watch *w, int fd,
                          void (*ready)(struct sl_watch *w, unsigned events));

/*
 * From now on `ready` is called while one of `events` (SL_FD_READ, SL_FD_WRITE, SL_FD_HUP; 0: none)
 * can be had, with those of them that can. An error of the descriptor reports all that is wanted.
 * Sets the descriptor non-blocking.
 *   0         done
 *   negative  -EPERM for a regular file, -EEXIST for a second watch, -ENOMEM, ...
 */
SL_API_R int sl_watch_want(struct sl_watch *w, unsigned events);

/* Ends it; `ready` is not called any more. Legal inside `ready`. */
SL_API void sl_watch_deinit(struct sl_watch *w);

/*
 * A call at a time. Life: init → set, stop... → stop before it is gone. Never allocates. Must not
 * move while set.
 */
struct sl_timer {
    sl_time at;
    uint64_t order_;
    struct sl_timer *child_, *next_, *prev_; /* in a pairing heap */
    void (*fired)(struct sl_timer *t);
    struct sl_sched *sched_; /* NULL while not set */
};

SL_API void sl_timer_init(struct sl_timer *t, void (*fired)(struct sl_timer *t));

/*
 * Calls `fired` once, when `at` has come; instead of an earlier setting. Timers of one time fire in
 * the order of setting; a time that has passed counts as the present. What a callback sets for the
 * present fires after all that are due have, and descriptors and tasks have had their turn.
 */
SL_API void sl_timer_set(struct sl_timer *t, sl_time at);

SL_API void sl_timer_stop(struct sl_timer *t);

SL_API bool sl_timer_is_set(const struct sl_timer *t);

/* A place for one task to wait at until something outside channels has happened. */
struct sl_parker {
    struct sl_task *task_;
    bool permit_;
};

SL_API void sl_parker_init(struct sl_parker *p);

/*
 * Waits until sl_unpark: an unpark that came before is remembered, once. `waits_on` says what for,
 * for sl_dump: a string that lives as long. One task at a time. NULL for `ctx`: cannot be
 * cancelled.
 *   SL_OK        unparked
 *   SL_CANCELED  `ctx` was cancelled                     } the unpark may still come: the
 *   SL_TIMEOUT   `until`, or the deadline of `ctx`, passed   } parker must not go before its cause
 */
SL_API_R int sl_park(struct sl_parker *p, struct sl_ctx *ctx, sl_time until, const char *waits_on);

SL_API void sl_unpark(struct sl_parker *p);

/*
 * Lets another thread call into loop context. `rung(arg)` is called some time after one or more
 * rings, if there is a reference still: a thread that rings and then drops the last one may not be
 * answered, so whoever waits for the answer keeps one. The bell counts as something that may still
 * wake a task, so there is no deadlock report while one lives.
 *
 * A bell is counted: new gives one reference, to be dropped by unref on the scheduler's thread or
 * on any other. When the scheduler ends, or after sl_bell_silence, ringing does nothing. NULL
 * without memory.
 */
struct sl_bell;

SL_API struct sl_bell *sl_bell_new(void (*rung)(void *arg), void *arg);

/* From any thread. Not from a signal handler: it may take a lock. */
SL_API void sl_bell_ring(struct sl_bell *bell);

SL_API struct sl_bell *sl_bell_ref(struct sl_bell *bell);
SL_API void sl_bell_unref(struct sl_bell *bell);

/* On the scheduler's thread: `rung` is not called from here on, whoever still holds references. */
SL_API void sl_bell_silence(struct sl_bell *bell);

#endif

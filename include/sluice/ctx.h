/*
 * ctx -- a context: when work has to stop, and when it has stopped.
 *
 * A context carries cancellation down a tree: sl_ctx_cancel, a timeout, a deadline, a signal, or a
 * failing task cancel it and everything under it; the first cause is kept. Every function that
 * waits takes a context, and looks at it first: once it is cancelled such a function returns
 * SL_CANCELED (SL_TIMEOUT if it was the deadline) and does nothing, even if it would not have had
 * to wait. So no select is needed to stop.
 *
 * A context is a scope as well: the tasks started in it and the channels made in it belong to it.
 * Leaving it cancels, waits for its tasks, and frees its channels. So no task outlives the function
 * that started it:
 *
 *     struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
 *     SL_GO(scope, square, .in = a, .out = b);
 *     ...
 *     return sl_ctx_leave(scope);
 *
 * A task that returns a negative result cancels its context with that cause; its siblings then
 * stop, and sl_ctx_leave returns it. Positive results (SL_CLOSED, SL_CANCELED, ...) are not
 * failures. -ECANCELED, which sl_select gives and tasks pass on, cancels as well but is no failure
 * either: sl_ctx_leave returns one that comes later.
 *
 * Life: new → SL_GO, sl_chan_new, waits → leave. All of one scheduler.
 */
#ifndef SLUICE_CTX_H
#define SLUICE_CTX_H

#include <sluice/time.h>

struct sl_ctx;

struct sl_ctx_options {
    sl_dur timeout;   /* from now; 0 = none. A deadline that is already nearer stays */
    bool keep_going;  /* a failing task does not cancel the others; sl_ctx_leave returns it still */
    const char *name; /* for sl_dump; borrowed for the life of the context; NULL = none */
};

/*
 * Makes a context under `parent`: it ends at the latest when `parent` does. NULL for `parent`: it
 * ends with the scheduler. NULL for `options`: the defaults. Never returns NULL: without memory it
 * cancels `parent` with -ENOMEM and returns the scheduler's emergency context, which is already
 * cancelled with that cause, and may be used and left like any other.
 */
SL_API struct sl_ctx *sl_ctx_new(struct sl_ctx *parent, const struct sl_ctx_options *options);

/*
 * Cancels the context and all under it, and wakes every task that waits with one of them. `cause`
 * is a negative errno; 0 is -ECANCELED. Only the first cancellation counts. Never waits; legal in
 * loop context.
 */
SL_API void sl_ctx_cancel(struct sl_ctx *ctx, int cause);

/*
 * SL_OK while live; SL_TIMEOUT if a deadline (its own or one above it) ended it, else SL_CANCELED.
 * NULL is always live.
 */
SL_API int sl_ctx_err(const struct sl_ctx *ctx);

/* 0 while live; else why it ended: the cause given, -ETIMEDOUT for a deadline. */
SL_API int sl_ctx_cause(const struct sl_ctx *ctx);

/* The time at which it ends at the latest, its own or one above it; SL_NEVER. */
SL_API sl_time sl_ctx_deadline(const struct sl_ctx *ctx);

/* Moves the deadline nearer; a later one than it has changes nothing. */
SL_API void sl_ctx_deadline_set(struct sl_ctx *ctx, sl_time deadline);

SL_API const char *sl_ctx_name(const struct sl_ctx *ctx);

/*
 * Waits until every task of `scope`, and of the contexts under it, has ended; cancels nothing. A
 * task must not wait for the scope it runs in (asserted).
 *   SL_OK        no task is left
 *   SL_CANCELED  `ctx` was cancelled
 *   SL_TIMEOUT   the deadline of `ctx` passed
 * NULL for `ctx` waits for ever.
 */
SL_API_R int sl_ctx_wait(struct sl_ctx *scope, struct sl_ctx *ctx);

/*
 * Waits until `watched` is cancelled.
 *   SL_OK        it is
 *   SL_CANCELED  `ctx` was cancelled first
 *   SL_TIMEOUT   the deadline of `ctx` passed first
 * NULL for `ctx` waits for ever.
 */
SL_API_R int sl_ctx_wait_done(struct sl_ctx *watched, struct sl_ctx *ctx);

/*
 * Ends the scope: cancels it if it is still live, waits for all its tasks, frees its channels and
 * then the context. Contexts that the same task made under it are left first; for those of other
 * tasks, and for one that another task is leaving, it waits until they are left. This wait cannot be
 * cancelled. A task may leave what another one has made, which must not use it any more, nor leave
 * a context above it before.
 *   0         nothing went wrong; being cancelled with -ECANCELED is nothing wrong
 *   negative  the first failure of a task other than -ECANCELED, else the cause with which somebody
 *             cancelled it; -ETIMEDOUT for a deadline
 */
SL_API int sl_ctx_leave(struct sl_ctx *ctx);

#endif

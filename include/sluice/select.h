/*
 * select -- waits for the first of several sends, receives and a time, and does exactly one of
 * them.
 *
 *     struct sl_case cases[] = {
 *         ints_on_recv(in, &n),            or SL_ON_RECV(chan, &n)
 *         ints_on_send(out, &next),        or SL_ON_SEND(chan, &next)
 *         SL_AT(deadline),
 *     };
 *
 *     switch (sl_select(ctx, cases, 3)) {
 *     case 0: ...                          cases[0].result is SL_OK, or SL_CLOSED
 *
 * If several can be done at once, one of them is chosen at random, each as likely as the others. A
 * NULL channel is a case that is switched off; SL_AT(SL_NEVER) likewise. The cases of one select
 * never match each other. Their value is copied at the moment of the commit: the pointers must stay
 * valid until the select returns.
 */
#ifndef SLUICE_SELECT_H
#define SLUICE_SELECT_H

#include <sluice/ctx.h>

struct sl_chan;
struct sl_task;

enum { SL_SELECT_MAX = 64 }; /* cases of one select: a set of them is one machine word */

enum sl_case_kind {
    SL_CASE_SEND,
    SL_CASE_RECV,
    SL_CASE_AT,
    SL_CASE_DEFAULT,
};

/*
 * Made by the macros below. Only `result` is for the caller; the links are in use while a task
 * waits.
 */
struct sl_case {
    struct sl_link link_;
    struct sl_task *task_;
    struct sl_chan *ch;
    union {
        void *into;
        const void *from;
    } value;
    sl_time at;
    enum sl_case_kind kind;
    int result;
};

#define SL_ON_SEND(c, v) ((struct sl_case){.ch = (c), .value = {.from = (v)}, .kind = SL_CASE_SEND})
#define SL_ON_RECV(c, v) ((struct sl_case){.ch = (c), .value = {.into = (v)}, .kind = SL_CASE_RECV})
#define SL_AT(t)         ((struct sl_case){.at = (t), .kind = SL_CASE_AT})
#define SL_DEFAULT       ((struct sl_case){.kind = SL_CASE_DEFAULT})

/*
 * Waits until one case can be done and does it. At most one SL_AT; with an SL_DEFAULT it never
 * waits. A time is reached when the scheduler has seen it pass, which it looks at whenever it
 * polls.
 *   >= 0         the index of the case that was done; its result is SL_OK, or SL_CLOSED
 *   -ECANCELED   `ctx` was cancelled           } nothing was done
 *   -ETIMEDOUT   the deadline of `ctx` passed  }
 * NULL for `ctx` waits for ever. Never allocates.
 */
SL_API_R int sl_select(struct sl_ctx *ctx, struct sl_case *cases, size_t n);

#endif

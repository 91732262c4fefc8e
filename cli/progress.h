/*
 * progress -- how it goes, while it goes: one line of a terminal rewritten five times a second, a
 * line of the log every ten seconds elsewhere.
 *
 *     12.4 s   1,183 in   1,100 out   95/s   batch 83/100 2.1 s   sending 1/10   returned 0   queue
 * 4,210
 *
 * The demonstration, which has the queue in its own process, tells it first:
 *
 *     12.4 s   1,190 sent   1,100 out   95/s   queue 7   in flight 83   12 batches   batch 83/100 2.1 s
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <sluice/ctx.h>

#include "core/account.h"
#include "core/strbuf.h"
#include "source/progress.h"

/* How the demonstration's queue stands at this moment. */
struct progress_depth {
    uint64_t sent, visible, in_flight;
};

enum { PROGRESS_SAMPLES = 51 }; /* 10 s of a terminal's line */

/* What the line is made from, and its memory of the last ten seconds. */
struct progress_view {
    const struct account *account;
    const struct progress *progress;
    size_t batch_count;
    size_t concurrency;
    sl_time began;
    void (*depth)(void *arg, struct progress_depth *out); /* NULL: progress has an estimate */
    void *arg;
    struct {
        sl_time at;
        uint64_t accepted;
    } samples[PROGRESS_SAMPLES];
    size_t sample_count, sample_next;
};

/* Appends the line as of `now`, at most `width` columns of it: a field that does not fit is left
 * out, and all after it. */
void progress_line(struct progress_view *view, sl_time now, size_t width, struct strbuf *out);

/* The columns of the terminal that `fd` is; 0 when it is none. */
size_t terminal_width(int fd);

/*
 * Starts the task that shows the line in `scope` until the scope ends: in place when `fd` is a
 * terminal, else in the log. Ends with the line taken away.
 */
void progress_show(struct progress_view *view, struct sl_ctx *scope, int fd);

#endif

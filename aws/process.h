/*
 * process -- runs a command of the user's and takes what it prints.
 *
 * The command goes to /bin/sh, as in the AWS tools; its stdin is empty, its stderr is ours, so that
 * what it has to say to people reaches them and nothing else. It gets a process group of its own:
 * when it takes too long, it and what it has started are killed.
 *
 * Where this process ignores SIGCHLD the end of a command is seen and its status is not: it counts
 * as 0. And what a command that has ended left behind is not killed: its group may be another's.
 */
#ifndef AWS_PROCESS_H
#define AWS_PROCESS_H

#include <sluice/ctx.h>

#include "core/strbuf.h"

enum process_outcome {
    PROCESS_DONE = 0,
    PROCESS_FAILED,   /* it ended with another status than 0: *status, or minus the signal */
    PROCESS_HANGS,    /* it had not ended at `until` */
    PROCESS_TOO_LONG, /* it printed more than `output_max` bytes */
    PROCESS_CANCELED, /* `ctx` ended */
};

/*
 * Runs `command` and appends what it prints to `out`, whose storage is made in advance and never
 * moves. Waits until it has ended; in every other case than PROCESS_DONE and PROCESS_FAILED it is
 * killed. A process_outcome, or -errno: it could not be started, or no memory.
 */
int process_output(struct sl_ctx *ctx, const char *command, sl_time until, size_t output_max,
                   struct strbuf *out, int *status);

#endif

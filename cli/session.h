/*
 * session -- one pipeline from its configuration to its account: what `run` and `demo` have in
 * common.
 *
 * Opens clients, source and sink; shows progress while the pipeline runs; tells at the end what
 * became of every event.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli/account.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "pipeline/pipeline.h"

struct aws_config;

struct session {
    const struct command *command;
    const struct output_options *output;
    const struct aws_options *aws; /* NULL: no queue is asked, or there is an aws_config */
    struct aws_config *aws_config; /* loaded already; borrowed. NULL: as `aws` says */
    struct pipeline_config
        config; /* the addresses are borrowed; clients, account and progress are filled in here */
    const char *account_file; /* NULL: none */
    bool check;               /* print the plan instead */
    /* The demonstration's own: how its queue stands, for the progress line; and what it adds to the account, for which it
     * may wait, when the pipeline has ended. NULL: nothing. */
    void (*depth)(void *arg, struct progress_depth *out);
    const struct account_ends *(*ended)(void *arg, struct sl_ctx *ctx);
    void *arg;
};

/*
 * Runs it in the calling task; `ctx` must live as long as the process's work. SIGINT and SIGTERM
 * drain: see pipeline.h. Returns the exit status, when everything that there is to tell has been
 * told. What it opened is left to the end of the process.
 */
int session_run(struct sl_ctx *ctx, struct session *session);

#endif

/*
 * session -- one pipeline from its configuration to its account: what `run` and `demo` have in
 * common.
 *
 * Opens clients, source and sink; shows progress while the pipeline runs; tells at the end what
 * became of every event.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli/command.h"
#include "pipeline/pipeline.h"

struct session {
    const struct command *command;
    const struct output_options *output;
    const struct aws_options *aws; /* NULL: no queue is asked */
    struct pipeline_config
        config; /* the addresses are borrowed; clients, account and progress are filled in here */
    const char *account_file; /* NULL: none */
    bool check;               /* print the plan instead */
};

/*
 * Runs it in the calling task; `ctx` must live as long as the process's work. SIGINT and SIGTERM
 * drain: see pipeline.h. Returns the exit status, when everything that there is to tell has been
 * told. What it opened is left to the end of the process.
 */
int session_run(struct sl_ctx *ctx, struct session *session);

#endif

/* sluice run: forwards events until it is stopped. */
#include <stdlib.h>
#include <sys/prctl.h>

#include <sluice/task.h>

#include "cli/files.h"
#include "cli/session.h"
#include "core/format.h"
#include "ops/memory.h"

struct run {
    const struct command *command;
    struct run_options options;
};

/* The defaults that depend on other flags. */
static size_t in_flight_max(const struct run_options *o, const struct format *format)
{
    size_t count = format->one_per_request ? 1 : o->batch.count;
    return o->in_flight ? o->in_flight : count * (o->batch.concurrency + 2) + 10 * o->receivers;
}

static size_t in_flight_bytes(const struct run_options *o)
{
    static const uint64_t usual = UINT64_C(256) << 20;
    uint64_t half = memory_limit() / 2;
    if (o->in_flight_bytes)
        return o->in_flight_bytes;
    return half < usual ? half : usual;
}

static struct pipeline_config config_of(const struct run_options *o)
{
    const struct format *format = format_find(o->format);
    return (struct pipeline_config){
        .source =
            {
                .from = o->from,
                .allow_http = o->aws.allow_http,
                .visibility = o->visibility,
                .receivers = o->receivers,
                .receive_wait = run_receive_wait(o),
                .in_flight_max = in_flight_max(o, format),
                .in_flight_bytes = in_flight_bytes(o),
                .count = o->count,
                .until_empty = o->until_empty,
                .rate = o->rate,
                .undelivered = o->undelivered,
            },
        .sink =
            {
                .to = o->to,
                .format = format,
                .timeout = o->timeout,
                .allow_http = o->aws.allow_http,
                .headers = o->headers,
                .header_files = o->header_files,
                .bearer_file = o->bearer_file,
            },
        .batch_count = o->batch.count,
        .batch_bytes = o->batch.bytes,
        .batch_age = o->batch.age,
        .concurrency = o->batch.concurrency,
        .drain = o->drain,
        .run_for = o->run_for.ns ? o->run_for : SL_FOREVER,
    };
}

static int run_session(struct sl_ctx *ctx, void *arg)
{
    const struct run *run = arg;
    struct session session = {
        .command = run->command,
        .output = &run->options.output,
        .aws = run_reads_queue(&run->options) ? &run->options.aws : NULL,
        .config = config_of(&run->options),
        .account_file = run->options.account,
        .check = run->options.check,
    };
    program_end(session_run(ctx, &session));
}

static int run_run(const struct command *command, const char *const *argv)
{
    struct run run = {.command = command};
    struct flags flags;
    struct problem problem;
    int status;

    if (!command_begin(command, argv, &run.options, &flags, &status))
        return status;
    problem_init(&problem);
    if (run_options_check(&run.options, &flags, &problem) ||
        (run.options.account && check_writable(run.options.account, &problem)))
        return command_refuse(command, &problem);
    output_open(&run.options.output);
    (void)prctl(PR_SET_DUMPABLE, 0); /* no credentials in a core file */
    status = sl_run(run_session, &run);
    return status < 0 ? command_fail(command, status) : status;
}

const struct command command_run = {
    .name = "run",
    .synopsis = "--from QUEUE|-|synthetic: --to URL|- [flags]",
    .summary = "forward events in batches until stopped",
    .examples =
        "  sluice run --from https://sqs.eu-central-1.amazonaws.com/123456789012/orders \\\n"
        "             --to https://perseus.example/batch --bearer-file /run/secrets/perseus\n"
        "  sluice run --from synthetic: --to - --batch-count 2 --count 2 | jq .\n"
        "                              what your service will get\n"
        "  sluice run --from orders --endpoint-url http://127.0.0.1:9324 --to "
        "http://127.0.0.1:8080/batch\n",
    .flags = &run_flags,
    .run = run_run,
};

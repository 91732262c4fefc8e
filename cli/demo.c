/*
 * sluice demo: the whole thing in one process. Invented events -> batches -> perseus, which takes
 * 50 ms for a batch; after 20 s, or at Ctrl-C, the drain and the account.
 */
#include <stdio.h>
#include <string.h>

#include <sluice/task.h>

#include "cli/session.h"
#include "perseus/perseus.h"

/* As in the demonstration that sluice comes from: after 5 s it gives up. */
#define DEMO_DRAIN sl_sec(5)
/* Longer than any drain: a slow service is what the drain's limit is shown with. */
#define DEMO_TIMEOUT sl_minutes(15)

struct demo {
    const struct command *command;
    struct demo_options options;
    struct perseus_config perseus;
};

static struct pipeline_config config_of(const struct demo_options *o, const char *to)
{
    return (struct pipeline_config){
        .source =
            {
                .from = "synthetic:",
                .receivers = 1,
                .receive_wait = sl_sec(5),
                .in_flight_max = o->batch.count * (o->batch.concurrency + 2) + 10,
                .in_flight_bytes = (size_t)256 << 20,
                .rate = o->rate,
            },
        .sink = {.to = to, .format = format_find("lambda"), .timeout = DEMO_TIMEOUT},
        .batch_count = o->batch.count,
        .batch_bytes = o->batch.bytes,
        .batch_age = o->batch.age,
        .concurrency = o->batch.concurrency,
        .drain = DEMO_DRAIN,
        .run_for = o->run_for,
    };
}

static int demo_task(struct sl_ctx *ctx, void *arg)
{
    const struct demo *demo = arg;
    struct perseus *perseus;
    struct problem problem;
    char to[64];

    problem_init(&problem);
    int result = perseus_start(&perseus, ctx, &demo->perseus, &problem);
    if (result == PROBLEM)
        program_end(command_refuse(demo->command, &problem));
    if (result < 0)
        program_end(command_fail(demo->command, result));
    snprintf(to, sizeof to, "http://127.0.0.1:%u/batch", perseus_port(perseus));
    struct session session = {
        .command = demo->command,
        .output = &demo->options.output,
        .config = config_of(&demo->options, to),
    };
    program_end(session_run(ctx, &session));
}

static int run_demo(const struct command *command, const char *const *argv)
{
    struct demo demo = {.command = command};
    struct flags flags;
    struct problem problem;
    int status;

    if (!command_begin(command, argv, &demo.options, &flags, &status))
        return status;
    const char *wrong = perseus_read_latency(&demo.perseus, demo.options.latency);
    problem_init(&problem);
    if (wrong) {
        problem_set(&problem, EXIT_BAD_USAGE,
                    "--latency %.60s %s\n  do:    --latency 50ms, or 50ms,p99=2s",
                    demo.options.latency, wrong);
        return command_refuse(command, &problem);
    }
    demo.perseus.body_max = demo.options.batch.bytes;
    output_open(&demo.options.output);
    status = sl_run(demo_task, &demo);
    return status < 0 ? command_fail(command, status) : status;
}

const struct command command_demo = {
    .name = "demo",
    .synopsis = "[flags]",
    .summary = "all of it on this machine: events -> batches -> perseus; Ctrl-C drains, again ends",
    .examples = "  sluice demo --rate 1000/s --batch-count 500\n"
                "  sluice demo --latency 30s   a service that is too slow: gives up after 5 s, and "
                "says what it abandoned\n",
    .flags = &demo_flags,
    .run = run_demo,
};

/* sluice perseus: the reference service, alone. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sluice/chan.h>
#include <sluice/task.h>

#include "cli/command.h"
#include "core/units.h"
#include "ops/log.h"
#include "perseus/perseus.h"

/* How long requests may run on after the first signal. */
#define STOP_LIMIT sl_sec(5)

struct serve {
    const struct command *command;
    const struct perseus_options *options;
    struct perseus_config config;
};

static void print_summary(const struct perseus_stats *s, struct strbuf *out)
{
    const struct {
        const char *label;
        uint64_t value;
        const char *note;
    } rows[] = {
        {"requests", s->requests, ""},
        {"batches", s->batches, "accepted, wholly or in part"},
        {"events", s->events, "accepted"},
        {"distinct", s->distinct, "of them, not seen before"},
        {"duplicates", s->duplicates, "of them, accepted before: a service has to expect these"},
        {"failed", s->failed, "events named in batchItemFailures"},
        {"repeated", s->repeated,
         "requests whose key had been answered before: same answer, not counted again"},
        {"refused", s->refused, "requests answered with an error"},
        {"known", s->known, "events of earlier runs, from the ledger"},
    };
    char number[UNITS_TEXT_SIZE];

    size_t count = sizeof rows / sizeof rows[0] - (s->known == 0);
    for (size_t i = 0; i < count; i++)
        strbuf_addf(out, "  %-10s%12s%s%s\n", rows[i].label,
                    units_print_count(number, rows[i].value), *rows[i].note ? "   " : "",
                    rows[i].note);
}

static void print_summary_json(const struct perseus_stats *s, struct strbuf *out)
{
    strbuf_addf(out,
                "{\"requests\":%" PRIu64 ",\"batches\":%" PRIu64 ",\"events\":%" PRIu64
                ",\"distinct\":%" PRIu64 ",\"duplicates\":%" PRIu64 ",\"failed\":%" PRIu64
                ",\"repeated\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"bytes\":%" PRIu64
                ",\"known\":%" PRIu64 "}\n",
                s->requests, s->batches, s->events, s->distinct, s->duplicates, s->failed,
                s->repeated, s->refused, s->bytes, s->known);
}

static int tell_summary(const struct serve *serve, const struct perseus_stats *stats)
{
    struct strbuf out = {0};
    int status = 0;

    if (serve->options->output.json) {
        print_summary_json(stats, &out);
        status = print_out(serve->command, &out);
    } else if (!serve->options->output.quiet) {
        print_summary(stats, &out);
        print_err(&out);
    }
    strbuf_deinit(&out);
    return status;
}

/* For people and for whoever started it: port 0 has become a number. */
static void tell_ready(const struct serve *serve, const struct perseus *perseus)
{
    const char *listen = serve->options->listen;
    const char *colon = strrchr(listen, ':');
    struct slice host =
        colon > listen ? (struct slice){listen, (size_t)(colon - listen)} : SLICE("127.0.0.1");
    struct strbuf out = {0};

    strbuf_addf(&out, "listening on http://" SLICE_FMT ":%u/batch\n", SLICE_ARG(host),
                perseus_port(perseus));
    print_err(&out);
    strbuf_deinit(&out);
}

static int serve_until_signal(struct sl_ctx *ctx, const struct serve *serve,
                              struct perseus *perseus)
{
    static const int signos[] = {SIGINT, SIGTERM};
    struct sl_chan *signals = sl_signals(ctx, signos, 2);
    struct perseus_stats stats;
    int signal;

    tell_ready(serve, perseus);
    if (sl_chan_recv(signals, ctx, &signal) != SL_OK)
        return command_fail(serve->command, sl_ctx_cause(ctx));
    sl_chan_free(signals); /* a second one has its usual effect */
    struct sl_ctx *stopping = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = STOP_LIMIT});
    int result = perseus_stop(perseus, stopping, &stats);
    if (result < 0)
        log_error("the ledger could not be written: %s", strerror(-result));
    int status = tell_summary(serve, &stats);
    if (result < 0)
        status = result == -ENOMEM ? EXIT_INTERNAL : EXIT_NOT_AVAILABLE;
    return status;
}

static int serve_task(struct sl_ctx *ctx, void *arg)
{
    const struct serve *serve = arg;
    struct perseus *perseus;
    struct problem problem;

    problem_init(&problem);
    int result = perseus_start(&perseus, ctx, &serve->config, &problem);
    if (result == PROBLEM)
        program_end(command_refuse(serve->command, &problem));
    if (result < 0)
        program_end(command_fail(serve->command, result));
    program_end(serve_until_signal(ctx, serve, perseus));
}

static int run_perseus(const struct command *command, const char *const *argv)
{
    struct perseus_options options = {0};
    struct serve serve = {.command = command, .options = &options};
    struct flags flags;
    struct problem problem;
    int status;

    if (!command_begin(command, argv, &options, &flags, &status))
        return status;
    serve.config = (struct perseus_config){
        .listen = options.listen,
        .ledger = options.ledger,
        .fail_rate = options.fail_rate,
        .status = (int)options.status,
        .fail_item = options.fail_item,
        .capacity = (unsigned)options.capacity,
        .body_max = options.max_body,
    };
    const char *wrong =
        options.latency ? perseus_read_latency(&serve.config, options.latency) : NULL;
    problem_init(&problem);
    if (flags_origin(&flags, "status") == FLAG_FROM_LINE && options.fail_rate == 0) {
        problem_set(&problem, EXIT_BAD_USAGE,
                    "--status is how requests fail, and none does\n  do:    --fail-rate 1%%");
        return command_refuse(command, &problem);
    }
    if (wrong) {
        problem_set(&problem, EXIT_BAD_USAGE,
                    "--latency %.60s %s\n  do:    --latency 50ms, or 50ms,p99=2s", options.latency,
                    wrong);
        return command_refuse(command, &problem);
    }
    output_open(&options.output);
    status = sl_run(serve_task, &serve);
    return status < 0 ? command_fail(command, status) : status;
}

const struct command command_perseus = {
    .name = "perseus",
    .synopsis = "[flags]",
    .summary = "the reference service: takes batches at /batch, checks them, counts them",
    .examples = "  sluice perseus --latency 50ms,p99=2s --fail-rate 1%\n"
                "  sluice perseus --listen 127.0.0.1:0 --ledger events.ledger\n",
    .flags = &perseus_flags,
    .run = run_perseus,
};

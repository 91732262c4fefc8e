#include "cli/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sluice/chan.h>
#include <sluice/task.h>

#include "cli/account.h"
#include "cli/clients.h"
#include "cli/files.h"
#include "cli/progress.h"
#include "core/json_out.h"
#include "core/units.h"
#include "ops/log.h"

/* What lives from the opening to the account. */
struct stage {
    struct session *session;
    struct account account;
    struct progress progress;
    struct source *source;
    struct sink *sink;
    struct sl_chan *signals;
    struct problem problem;
};

/* ---- opening ---- */

static int open_source(struct stage *stage, struct sl_ctx *ctx)
{
    struct session *session = stage->session;
    struct source_config *config = &session->config.source;
    struct aws_config *aws = session->aws_config;
    int result = 0;

    if (!aws && session->aws)
        result = open_aws_config(&aws, session->aws, &stage->problem);
    if (result == 0)
        /* besides the receivers: deletes, extensions and returns at once */
        result = open_http_client(&config->http, ctx, config->receivers + 54,
                                  aws ? aws->ca_bundle.value : NULL);
    config->aws = aws;
    config->account = &stage->account;
    config->progress = &stage->progress;
    return result ? result : source_open(&stage->source, ctx, config, &stage->problem);
}

static int open_sink(struct stage *stage, struct sl_ctx *ctx)
{
    struct pipeline_config *config = &stage->session->config;
    int result =
        open_http_client(&config->sink.http, ctx, config->concurrency, getenv("SSL_CERT_FILE"));
    return result ? result : sink_open(&stage->sink, ctx, &config->sink, &stage->problem);
}

/* The first signal while there is nothing to drain yet ends everything. */
struct guard_opening {
    struct sl_chan *signals;
    struct sl_ctx *all;
};

SL_TASK(guard_opening)
{
    int signal;
    if (sl_chan_recv(my->signals, ctx, &signal) == SL_OK)
        sl_ctx_cancel(my->all, -EINTR);
    return 0;
}

static int open_all(struct stage *stage, struct sl_ctx *ctx)
{
    struct sl_ctx *opening = sl_ctx_new(ctx, NULL);
    SL_GO(opening, guard_opening, .signals = stage->signals, .all = ctx);
    int result = pipeline_config_check(&stage->session->config, &stage->problem);
    if (result == 0)
        result = open_sink(stage, ctx);
    if (result == 0)
        result = open_source(stage, ctx);
    sl_ctx_leave(opening);
    return result;
}

/* ---- the plan ---- */

static void add_batches(const struct pipeline_config *config, const struct source *source,
                        struct strbuf *out)
{
    char bytes[UNITS_TEXT_SIZE], age[UNITS_TEXT_SIZE], timeout[UNITS_TEXT_SIZE],
        drain[UNITS_TEXT_SIZE];
    char held[UNITS_TEXT_SIZE], memory[UNITS_TEXT_SIZE];

    strbuf_addf(out, "  batches    %zu events, %s or %s, whichever comes first; format %s\n",
                config->batch_count, units_print_size(bytes, config->batch_bytes),
                units_print_duration(age, pipeline_batch_age(config, source)),
                config->sink.format->name);
    strbuf_addf(out, "  deliveries %zu at once, %s each\n", config->concurrency,
                units_print_duration(timeout, config->sink.timeout));
    strbuf_addf(out, "  held       %s events, %s at most\n",
                units_print_count(held, config->source.in_flight_max),
                units_print_size(memory, config->source.in_flight_bytes));
    strbuf_addf(out, "  drain      %s at most\n", units_print_duration(drain, config->drain));
}

static void add_batches_json(const struct pipeline_config *config, const struct source *source,
                             struct strbuf *out)
{
    strbuf_addf(out,
                ",\"format\":\"%s\",\"batch_count\":%zu,\"batch_bytes\":%zu,"
                "\"batch_age_seconds\":%.3f,\"concurrency\":%zu,\"timeout_seconds\":%.3f,"
                "\"in_flight\":%zu,\"in_flight_bytes\":%zu,\"drain_seconds\":%.3f",
                config->sink.format->name, config->batch_count, config->batch_bytes,
                sl_dur_seconds(pipeline_batch_age(config, source)), config->concurrency,
                sl_dur_seconds(config->sink.timeout), config->source.in_flight_max,
                config->source.in_flight_bytes, sl_dur_seconds(config->drain));
}

static void tell_plan(const struct stage *stage, const struct source_plan *plan, struct strbuf *out)
{
    strbuf_addf(out, "  from       %s\n", stage->source->name);
    strbuf_add_slice(out, strbuf_slice(&plan->rows));
    strbuf_addf(out, "  to         %s\n", stage->sink->name);
    add_batches(&stage->session->config, stage->source, out);
    strbuf_adds(out, "nothing was received or sent\n");
}

static void tell_plan_json(const struct stage *stage, const struct source_plan *plan,
                           struct strbuf *out)
{
    json_out_text(out, "from", stage->source->name);
    json_out_text(out, "to", stage->sink->name);
    strbuf_add_slice(out, strbuf_slice(&plan->members));
    add_batches_json(&stage->session->config, stage->source, out);
    if (out->n > 0)
        out->p[0] = '{'; /* in place of the first member's comma */
    strbuf_adds(out, "}\n");
}

static int print_plan(const struct stage *stage)
{
    struct source_plan plan = {0};
    struct strbuf out = {0};
    bool has_failed;
    int status;

    source_tell_plan(stage->source, &plan);
    (stage->session->output->json ? tell_plan_json : tell_plan)(stage, &plan, &out);
    has_failed = strbuf_failed(&plan.rows) || strbuf_failed(&plan.members);
    status = has_failed ? command_fail(stage->session->command, -ENOMEM)
                        : print_out(stage->session->command, &out);
    strbuf_deinit(&plan.rows);
    strbuf_deinit(&plan.members);
    strbuf_deinit(&out);
    return status;
}

/* ---- the account ---- */

static enum account_outcome account_outcome_of(enum pipeline_ending ending)
{
    switch (ending) {
    case PIPELINE_DRAINED:
        return ACCOUNT_DRAINED;
    case PIPELINE_DEADLINE:
        return ACCOUNT_DEADLINE;
    case PIPELINE_STOPPED:
        break;
    }
    return ACCOUNT_STOPPED;
}

/* Whether the end's cause was outside of sluice, and is in the log: standard output (-EPIPE) or input (-EIO) fails. */
static bool is_told(int cause)
{
    return cause == -EPIPE || cause == -EIO;
}

static int exit_status(const struct stage *stage, const struct pipeline_report *report,
                       const struct account_ends *ends)
{
    if (ends && account_ends_lost(ends) > 0)
        return EXIT_INTERNAL;
    if (stage->account.abandoned > 0 ||
        (ends && account_ends_undelivered(ends) + ends->not_sent > 0))
        return EXIT_ABANDONED;
    if (report->cause == 0)
        return EXIT_DONE;
    return is_told(report->cause) ? EXIT_NOT_AVAILABLE : EXIT_INTERNAL;
}

/* The account as a record of a log in JSON. */
static void log_account(const struct strbuf *json, const struct strbuf *text, int status)
{
    char first_line[200];
    struct slice members = {json->p + 1, json->n - 3}; /* without {, } and the newline */

    snprintf(first_line, sizeof first_line, "%.*s", (int)strcspn(text->p, "\n"), text->p);
    log_members(status == EXIT_DONE ? LOG_INFO : LOG_ERROR, members, first_line);
}

/* To stderr unless -q and all is well; as JSON to stdout and a file if asked for. */
static int tell_account(struct stage *stage, const struct account_report *report, int status)
{
    const struct session *session = stage->session;
    const struct output_options *output = session->output;
    struct strbuf text = {0}, json = {0};
    int told = 0;

    account_print(report, &text);
    account_print_json(report, &json);
    if (strbuf_failed(&text) || strbuf_failed(&json))
        return EXIT_INTERNAL;
    if (strcmp(output->log, "json") == 0)
        log_account(&json, &text, status);
    else if (!output->quiet || status != EXIT_DONE)
        print_err(&text);
    if (session->account_file &&
        write_whole_file(session->account_file, strbuf_slice(&json), &stage->problem))
        told = command_refuse(session->command, &stage->problem);
    if (output->json && print_out(session->command, &json)) /* last: its reader may take its time */
        told = EXIT_NOT_AVAILABLE;
    strbuf_deinit(&text);
    strbuf_deinit(&json);
    return status != EXIT_DONE ? status : told;
}

static int account_for(struct stage *stage, struct sl_ctx *ctx,
                       const struct pipeline_report *report)
{
    const struct session *session = stage->session;
    struct account_report told = {
        .account = &stage->account,
        .outcome = account_outcome_of(report->ending),
        .drain_took = report->drain_took,
        .took = report->took,
        .visibility = report->visibility,
        .takes_back = stage->source->takes_back,
        .from = stage->source->name,
        .to = stage->sink->name,
    };

    if (session->ended)
        told.ends = session->ended(session->arg, ctx);
    if (told.ends && account_ends_undelivered(told.ends) > 0 && told.outcome == ACCOUNT_DRAINED)
        told.outcome =
            ACCOUNT_DEADLINE; /* all went back to the queue in time, but not to the service */
    account_measure(&told);
    if (report->cause != 0 && !is_told(report->cause))
        log_error("a part of the pipeline failed, so it drained: %s", strerror(-report->cause));
    return tell_account(stage, &told, exit_status(stage, report, told.ends));
}

/* ---- all of it ---- */

static void tell_start(const struct stage *stage)
{
    const struct pipeline_config *config = &stage->session->config;
    char bytes[UNITS_TEXT_SIZE], age[UNITS_TEXT_SIZE];

    log_info("from %s to %s: a batch goes with %zu events, %s or after %s; the first signal "
             "drains, the second ends",
             stage->source->name, stage->sink->name, config->batch_count,
             units_print_size(bytes, config->batch_bytes),
             units_print_duration(age, pipeline_batch_age(config, stage->source)));
}

static int run_pipeline(struct stage *stage, struct sl_ctx *ctx)
{
    const struct session *session = stage->session;
    struct pipeline_report report = {0};
    struct progress_view view = {
        .account = &stage->account,
        .progress = &stage->progress,
        .batch_count = session->config.batch_count,
        .concurrency = session->config.concurrency,
        .began = sl_now(),
        .depth = session->depth,
        .arg = session->arg,
    };
    struct sl_ctx *showing = sl_ctx_new(ctx, NULL);

    tell_start(stage);
    if (!session->output->quiet)
        progress_show(&view, showing,
                      strcmp(session->output->log, "json") == 0 ? -1 : STDERR_FILENO);
    int result =
        pipeline_run(ctx, &session->config, stage->source, stage->sink, stage->signals, &report);
    sl_ctx_leave(showing);
    if (result == PROBLEM)
        return command_refuse(session->command, &stage->problem);
    return result < 0 ? command_fail(session->command, result) : account_for(stage, ctx, &report);
}

int session_run(struct sl_ctx *ctx, struct session *session)
{
    static const int signos[] = {SIGINT, SIGTERM};
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct stage *stage = calloc(1, sizeof *stage);

    if (!stage)
        return command_fail(session->command, -ENOMEM);
    stage->session = session;
    stage->signals = sl_signals(ctx, signos, 2);
    problem_init(&stage->problem);
    progress_init(&stage->progress);
    int result = open_all(stage, scope);
    if (sl_ctx_cause(scope) == -EINTR)
        return EXIT_DONE; /* stopped before anything was received */
    if (result == PROBLEM)
        return command_refuse(session->command, &stage->problem);
    if (result != 0)
        return command_fail(session->command, result < 0 ? result : -ECANCELED);
    return session->check ? print_plan(stage) : run_pipeline(stage, scope);
}

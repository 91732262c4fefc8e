/* sluice send: lines into a queue. Starts the stages, shows how far they are, tells what became of
 * the input. */
#include "cli/send.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <sluice/task.h>

#include "cli/clients.h"
#include "cli/progress.h"
#include "core/units.h"
#include "ops/log.h"

/* On a FIFO queue one call after the other, or a retry would change the order of a group. */
enum { POSTERS = 8, POSTERS_FIFO = 1 };

/* ---- progress ---- */

static const char *shown_file(const char *file)
{
    return strcmp(file, "-") == 0 ? "standard input" : file;
}

static void add_progress(const struct sending *s, sl_dur since, struct strbuf *out)
{
    char elapsed[UNITS_TEXT_SIZE], sent[UNITS_TEXT_SIZE], refused[UNITS_TEXT_SIZE];

    strbuf_addf(out, " %s   %s sent   %s not sent   %.0f/s", units_print_seconds(elapsed, since),
                units_print_count(sent, s->sent), units_print_count(refused, s->refused),
                (double)s->sent / sl_dur_seconds(since));
    if (s->file && s->line > 0)
        strbuf_addf(out, "   at %s:%" PRIu64, shown_file(s->file), s->line);
    else if (s->file)
        strbuf_addf(out, "   at %s", s->file);
}

struct show_sending {
    const struct sending *sending;
    sl_time began;
};

SL_TASK(show_sending)
{
    size_t width = terminal_width(STDERR_FILENO);
    struct strbuf line = {0};

    while (sl_sleep(ctx, width ? sl_ms(200) : sl_sec(10)) == SL_OK) {
        strbuf_reset(&line);
        add_progress(my->sending, sl_time_sub(sl_now(), my->began), &line);
        if (strbuf_failed(&line))
            continue;
        if (width)
            log_status((struct slice){line.p, line.n < width ? line.n : width - 1});
        else
            log_info("%s", line.p + 1);
    }
    log_status((struct slice){0});
    strbuf_deinit(&line);
    return 0;
}

/* ---- signals ---- */

struct heed_signals {
    struct sl_chan *signals;
    struct sending *sending;
};

/* The first ends reading, the second sending. */
SL_TASK(heed_signals)
{
    int signal;
    if (sl_chan_recv(my->signals, ctx, &signal) != SL_OK)
        return 0;
    log_info("a signal came: reading ends, what was read is sent");
    sl_ctx_cancel(my->sending->intake, 0);
    if (sl_chan_recv(my->signals, ctx, &signal) == SL_OK)
        sl_ctx_cancel(my->sending->life, 0);
    return 0;
}

/* ---- the end ---- */

static void print_summary(const struct sending *s, sl_dur took, struct strbuf *out)
{
    char sent[UNITS_TEXT_SIZE], calls[UNITS_TEXT_SIZE], seconds[UNITS_TEXT_SIZE],
        number[UNITS_TEXT_SIZE];

    strbuf_addf(out, "sent %s event%s to %s (%s) in %s call%s, %s\n",
                units_print_count(sent, s->sent), s->sent == 1 ? "" : "s", s->queue->name,
                s->queue->region, units_print_count(calls, s->calls), s->calls == 1 ? "" : "s",
                units_print_seconds(seconds, took));
    if (s->refused > 0)
        strbuf_addf(out, "  not sent   %s\n", units_print_count(number, s->refused));
    if (s->in_doubt > 0)
        strbuf_addf(
            out, "  of them    %s in doubt: the answer never came, so they may be in the queue\n",
            units_print_count(number, s->in_doubt));
    if (!s->exhausted && s->file)
        strbuf_addf(out, "  not read   what follows %s:%" PRIu64 "\n", shown_file(s->file),
                    s->line);
    else if (!s->exhausted)
        strbuf_adds(out, "  not read   anything\n");
}

static void print_summary_json(const struct sending *s, sl_dur took, struct strbuf *out)
{
    strbuf_addf(out,
                "{\"sent\":%" PRIu64 ",\"not_sent\":%" PRIu64 ",\"in_doubt\":%" PRIu64
                ",\"calls\":%" PRIu64 ",\"seconds\":%.3f,\"complete\":%s}\n",
                s->sent, s->refused, s->in_doubt, s->calls, sl_dur_seconds(took),
                s->exhausted ? "true" : "false");
}

static int tell_summary(const struct sending *sending, sl_dur took)
{
    bool all_sent = sending->exhausted && sending->refused == 0;
    struct strbuf out = {0};
    int status = 0;

    if (sending->problem.text.n > 0)
        status = command_refuse(sending->command, &sending->problem);
    print_summary(sending, took, &out);
    if (!sending->options->output.quiet)
        print_err(&out);
    strbuf_reset(&out);
    print_summary_json(sending, took, &out);
    if (sending->options->output.json && print_out(sending->command, &out) && status == 0)
        status = EXIT_NOT_AVAILABLE;
    strbuf_deinit(&out);
    return status ? status : all_sent ? EXIT_DONE : EXIT_ABANDONED;
}

/* ---- the beginning ---- */

static int open_queue(struct sending *sending, struct sl_ctx *ctx)
{
    struct sqs_client *client = NULL;
    struct problem *problem = &sending->problem;

    int result = open_sqs_client(&client, ctx, &sending->options->aws, POSTERS, problem);
    if (result == 0)
        result = sqs_queue_open(&sending->queue, client, ctx, sending->options->to, problem);
    if (result == 0 && sending->queue->is_fifo && !sending->options->group)
        result = problem_set(problem, EXIT_BAD_USAGE,
                             "%s is a FIFO queue, and its messages need a group\n"
                             "  do:    --group VALUE, or --group @FIELD to take it from each event",
                             sending->queue->name);
    if (result == 0 && sending->queue->notice)
        log_info("%s", sending->queue->notice);
    return result;
}

static int send_all(struct sl_ctx *ctx, struct sending *sending)
{
    static const int signos[] = {SIGINT, SIGTERM};
    int result = open_queue(sending, ctx);
    if (result != 0)
        return result == PROBLEM ? command_refuse(sending->command, &sending->problem)
                                 : command_fail(sending->command, result < 0 ? result : -ECANCELED);
    struct sl_ctx *aside = sl_ctx_new(ctx, NULL);
    sl_time began = sl_now();
    sending->intake = sl_ctx_new(ctx, &(struct sl_ctx_options){.name = "intake"});
    sending->life = sl_ctx_new(ctx, &(struct sl_ctx_options){.name = "life"});
    SL_GO(aside, heed_signals, .signals = sl_signals(ctx, signos, 2), .sending = sending);
    if (!sending->options->output.quiet)
        SL_GO(aside, show_sending, .sending = sending, .began = began);
    send_start(sending, send_read_files(sending), sending->queue->is_fifo ? POSTERS_FIFO : POSTERS);
    SL_IGNORE(sl_ctx_wait(sending->life, ctx));
    sl_ctx_leave(aside);
    return tell_summary(sending, sl_time_sub(sl_now(), began));
}

static int send_task(struct sl_ctx *ctx, void *arg)
{
    program_end(send_all(ctx, arg));
}

static void read_attributes(struct sending *sending)
{
    for (const char **text = sending->options->attributes; text && *text; text++) {
        const char *equals = strchr(*text, '=');
        sending->attributes[sending->attribute_count++] =
            (struct sqs_send_attribute){.name = {*text, (size_t)(equals - *text)},
                                        .type = SLICE("String"),
                                        .value = slice_of(equals + 1)};
        sending->rules.attribute_bytes += strlen(*text) - 1 + strlen("String");
    }
}

/* All files are looked at before the first is sent. */
static int check_files(const char *const *files, struct problem *problem)
{
    for (; *files; files++)
        if (strcmp(*files, "-") != 0 && access(*files, R_OK) != 0)
            return problem_set(problem, EXIT_BAD_CONFIG, "%s can't be read: %s", *files,
                               strerror(errno));
    return 0;
}

static int run_send(const struct command *command, const char *const *argv)
{
    static const char *const standard_input[] = {"-", NULL};
    struct send_options options = {0};
    struct sending sending = {.command = command, .options = &options};
    struct flags flags;
    int status;

    if (!command_begin(command, argv, &options, &flags, &status))
        return status;
    problem_init(&sending.problem);
    sending.files = flags.argument_count > 0 ? flags.arguments : standard_input;
    if (send_options_check(&options, &sending.problem) ||
        check_files(sending.files, &sending.problem))
        return command_refuse(command, &sending.problem);
    read_attributes(&sending);
    sending.rules.group = options.group;
    sending.rules.dedup = options.dedup;
    output_open(&options.output);
    (void)prctl(PR_SET_DUMPABLE, 0); /* no credentials in a core file */
    status = sl_run(send_task, &sending);
    return status < 0 ? command_fail(command, status) : status;
}

const struct command command_send = {
    .name = "send",
    .synopsis = "--to QUEUE [flags] [FILE...|-]",
    .summary = "send lines (NDJSON) to a queue, ten at a time",
    .examples = "  sluice send --endpoint-url http://127.0.0.1:9324 --to orders events.ndjson\n"
                "  sluice send --to orders.fifo --group @customer --dedup @id < events.ndjson\n"
                "  sluice send --to orders --whole --attr source=archive invoice-*.json\n",
    .flags = &send_flags,
    .run = run_send,
};

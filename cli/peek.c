/* sluice peek: what is in a queue of sluice queue, without receiving it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include <sluice/task.h>

#include "aws/sqs_look.h"
#include "cli/clients.h"
#include "cli/columns.h"
#include "cli/command.h"
#include "core/json.h"
#include "core/json_out.h"
#include "core/units.h"
#include "ops/log.h"

struct peek {
    const struct command *command;
    const struct peek_options *options;
    const char *reference;
};

/* ---- for people ---- */

static void add_row(struct columns *table, const struct sqs_look_message *message)
{
    char hidden[UNITS_TEXT_SIZE] = "", age[UNITS_TEXT_SIZE], count[UNITS_TEXT_SIZE];

    if (message->hidden_for.ns > 0)
        units_print_duration(hidden, message->hidden_for);
    columns_add(table, "%s", message->id);
    columns_add(table, "%s", message->status);
    columns_add(table, "%s", hidden);
    columns_add(table, "%s", units_print_count(count, message->receives));
    columns_add(table, "%s", units_print_duration(age, sl_ms(sl_wall_ms() - message->sent_ms)));
    columns_add(table, "%s", units_print_count(count, message->bytes));
    columns_add(table, "%s", message->group ? message->group : "");
}

/* A body under its row, four columns in; what could move the cursor elsewhere becomes '?'. */
static void add_body(const char *body, struct strbuf *out)
{
    strbuf_adds(out, "    ");
    for (const char *p = body; *p; p++) {
        size_t control = utf8_control((struct slice){p, 2}); /* the second may be the end */
        if (*p == '\n')
            strbuf_adds(out, "\n    ");
        else
            strbuf_addc(out, control && *p != '\t' ? '?' : *p);
        p += control > 1;
    }
    strbuf_addc(out, '\n');
}

static void print_table(const struct sqs_look_messages *messages, struct strbuf *out)
{
    struct columns table = {
        .heads = {"MESSAGE ID", "STATUS", "HIDDEN FOR", "RECEIVES", "AGE", "BYTES", "GROUP"},
        .right = {false, false, false, true, false, true, false},
    };

    for (size_t i = 0; i < messages->count; i++)
        add_row(&table, &messages->items[i]);
    for (size_t row = 0; row < columns_rows(&table); row++) {
        columns_print_row(&table, row, out);
        if (row > 0 && messages->items[row - 1].body)
            add_body(messages->items[row - 1].body, out);
    }
    columns_deinit(&table);
}

/* ---- for programs ---- */

static void print_json(const struct sqs_look_messages *messages, bool with_body, struct strbuf *out)
{
    strbuf_adds(out, "{\"messages\":[");
    for (size_t i = 0; i < messages->count; i++) {
        const struct sqs_look_message *m = &messages->items[i];
        strbuf_addf(out, "%s{\"message_id\":\"", i ? "," : "");
        (void)json_escape(slice_of(m->id), out);
        strbuf_addc(out, '"');
        json_out_text(out, "status", m->status);
        strbuf_addf(out,
                    ",\"hidden_for_ms\":%" PRId64 ",\"receives\":%" PRIu64 ",\"sent_ms\":%" PRId64
                    ",\"bytes\":%" PRIu64,
                    sl_dur_ms(m->hidden_for), m->receives, m->sent_ms, m->bytes);
        json_out_text(out, "group", m->group);
        if (with_body)
            json_out_text(out, "body", m->body);
        strbuf_addc(out, '}');
    }
    strbuf_adds(out, "]}\n");
}

/* ---- all of it ---- */

static int tell(const struct peek *my, const struct sqs_queue *queue,
                const struct sqs_look_messages *messages)
{
    struct strbuf out = {0};

    if (my->options->output.json)
        print_json(messages, my->options->body, &out);
    else if (messages->count > 0)
        print_table(messages, &out);
    else
        log_info("nothing is in %s", queue->name);
    int status = print_out(my->command, &out);
    strbuf_deinit(&out);
    return status;
}

static int refuse_foreign(const struct sqs_queue *queue, struct problem *problem)
{
    return problem_set(problem, EXIT_BAD_CONFIG,
                       "%s at %s is no queue of sluice queue, and SQS has no way to look at a "
                       "message without receiving it\n"
                       "  a receive would hide it from its consumers, and count as one\n"
                       "  do:    sluice queues tells how many there are",
                       queue->name, queue->endpoint);
}

static int look(struct sl_ctx *ctx, const struct peek *my, struct problem *problem)
{
    struct sqs_client *client;
    struct sqs_queue *queue;
    struct sqs_look_messages messages;
    struct sqs_failure failure;

    int result = open_sqs_client(&client, ctx, &my->options->aws, 1, problem);
    if (result == 0)
        result = sqs_queue_open(&queue, client, ctx, my->reference, problem);
    if (result != 0)
        return result == PROBLEM ? command_refuse(my->command, problem)
                                 : command_fail(my->command, result < 0 ? result : -ECANCELED);
    result =
        sqs_look_at_messages(queue, ctx, my->options->max, my->options->body, &messages, &failure);
    if (result == SQS_FOREIGN)
        refuse_foreign(queue, problem);
    else if (result == SQS_FAILED)
        sqs_explain(queue, &failure, problem);
    else
        return result ? command_fail(my->command, result < 0 ? result : -ECANCELED)
                      : tell(my, queue, &messages);
    return command_refuse(my->command, problem);
}

static int look_task(struct sl_ctx *ctx, void *arg)
{
    struct problem problem;
    problem_init(&problem);
    program_end(look(ctx, arg, &problem));
}

static int run_peek(const struct command *command, const char *const *argv)
{
    struct peek_options options = {0};
    struct peek my = {.command = command, .options = &options};
    struct flags flags;
    struct problem problem;
    int status;

    if (!command_begin(command, argv, &options, &flags, &status))
        return status;
    problem_init(&problem);
    if (flags.argument_count != 1) {
        problem_set(&problem, EXIT_BAD_USAGE,
                    "%s\n  do:    sluice peek orders --endpoint-url http://127.0.0.1:9324",
                    flags.argument_count ? "more than one QUEUE" : "which queue?");
        return command_refuse(command, &problem);
    }
    my.reference = flags.arguments[0];
    output_open(&options.output);
    (void)prctl(PR_SET_DUMPABLE, 0); /* no credentials in a core file */
    status = sl_run(look_task, &my);
    return status < 0 ? command_fail(command, status) : status;
}

const struct command command_peek = {
    .name = "peek",
    .synopsis = "QUEUE [flags]",
    .summary = "the messages in a queue of sluice queue, without receiving them",
    .examples = "  sluice peek orders --endpoint-url http://127.0.0.1:9324 --body\n"
                "  sluice peek orders --max 100 --json | jq '.messages[].receives'\n",
    .flags = &peek_flags,
    .run = run_peek,
};

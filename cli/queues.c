/* sluice queues: the queues there are, and how many messages each holds. */
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

enum { CONNECTIONS = 8 };

struct queues {
    const struct command *command;
    const struct queues_options *options;
    const char *prefix;
};

/* ---- for people ---- */

static void add_count(struct columns *table, const struct sqs_look_queue *queue, uint64_t count)
{
    char text[UNITS_TEXT_SIZE];
    columns_add(table, "%s", queue->trouble[0] ? "?" : units_print_count(text, count));
}

static void add_dead_letter(struct columns *table, const struct sqs_look_queue *queue)
{
    if (queue->dead_letter)
        columns_add(table, "%s:%" PRIu64, queue->dead_letter, queue->max_receives);
    else
        columns_add(table, "%s", queue->trouble);
}

static void add_oldest(struct columns *table, const struct sqs_look_queue *queue, int64_t now_ms)
{
    char text[UNITS_TEXT_SIZE] = "";
    if (queue->oldest_sent_ms > 0)
        units_print_duration(text, sl_ms(now_ms - queue->oldest_sent_ms));
    columns_add(table, "%s", text);
}

static void print_table(const struct sqs_look_queues *queues, struct strbuf *out)
{
    struct columns table = {
        .heads = {"NAME", "VISIBLE", "IN FLIGHT", "DELAYED", "DLQ",
                  queues->is_own ? "OLDEST" : NULL},
        .right = {false, true, true, true, false, false},
    };
    int64_t now_ms = sl_wall_ms();

    for (size_t i = 0; i < queues->count; i++) {
        const struct sqs_look_queue *queue = &queues->items[i];
        columns_add(&table, "%s", queue->name);
        add_count(&table, queue, queue->visible);
        add_count(&table, queue, queue->in_flight);
        add_count(&table, queue, queue->delayed);
        add_dead_letter(&table, queue);
        if (queues->is_own)
            add_oldest(&table, queue, now_ms);
    }
    columns_print(&table, out);
    columns_deinit(&table);
}

/* ---- for programs ---- */

static void print_json_queue(const struct sqs_look_queue *queue, bool is_own, struct strbuf *out)
{
    strbuf_adds(out, "{\"name\":\"");
    (void)json_escape(slice_of(queue->name), out);
    strbuf_addc(out, '"');
    json_out_text(out, "url", queue->url);
    strbuf_addf(out, ",\"fifo\":%s", queue->is_fifo ? "true" : "false");
    if (queue->trouble[0])
        json_out_text(out, "error", queue->trouble);
    else
        strbuf_addf(out, ",\"visible\":%" PRIu64 ",\"in_flight\":%" PRIu64 ",\"delayed\":%" PRIu64,
                    queue->visible, queue->in_flight, queue->delayed);
    json_out_text(out, "dead_letter", queue->dead_letter);
    if (queue->dead_letter)
        strbuf_addf(out, ",\"max_receives\":%" PRIu64, queue->max_receives);
    if (is_own)
        strbuf_addf(out, ",\"sent\":%" PRIu64, queue->sent);
    if (is_own && queue->oldest_sent_ms > 0)
        strbuf_addf(out, ",\"oldest_sent_ms\":%" PRId64, queue->oldest_sent_ms);
    else if (is_own)
        strbuf_adds(out, ",\"oldest_sent_ms\":null");
    strbuf_addc(out, '}');
}

static void print_json(const struct sqs_look_queues *queues, struct strbuf *out)
{
    strbuf_adds(out, "{\"queues\":[");
    for (size_t i = 0; i < queues->count; i++) {
        strbuf_adds(out, i ? "," : "");
        print_json_queue(&queues->items[i], queues->is_own, out);
    }
    strbuf_adds(out, "]}\n");
}

/* ---- all of it ---- */

static int tell(const struct queues *my, const struct sqs_queue *all,
                const struct sqs_look_queues *queues)
{
    struct strbuf out = {0};

    if (my->options->output.json)
        print_json(queues, &out);
    else if (queues->count > 0)
        print_table(queues, &out);
    else
        log_info("no queue%s%s at %s", *my->prefix ? " whose name begins with " : "", my->prefix,
                 all->endpoint);
    int status = print_out(my->command, &out);
    strbuf_deinit(&out);
    return status;
}

static int look(struct sl_ctx *ctx, const struct queues *my, struct problem *problem)
{
    struct sqs_client *client;
    struct sqs_queue *all;
    struct sqs_look_queues queues;
    struct sqs_failure failure;

    int result = open_sqs_client(&client, ctx, &my->options->aws, CONNECTIONS, problem);
    if (result == 0)
        result = sqs_all_queues_open(&all, client, problem);
    if (result != 0)
        return result == PROBLEM ? command_refuse(my->command, problem)
                                 : command_fail(my->command, result);
    result = sqs_look_at_queues(all, ctx, my->prefix, &queues, &failure);
    if (result == SQS_FAILED) {
        sqs_explain(all, &failure, problem);
        return command_refuse(my->command, problem);
    }
    return result ? command_fail(my->command, result) : tell(my, all, &queues);
}

static int look_task(struct sl_ctx *ctx, void *arg)
{
    struct problem problem;
    problem_init(&problem);
    program_end(look(ctx, arg, &problem));
}

static int run_queues(const struct command *command, const char *const *argv)
{
    struct queues_options options = {0};
    struct queues my = {.command = command, .options = &options, .prefix = ""};
    struct flags flags;
    struct problem problem;
    int status;

    if (!command_begin(command, argv, &options, &flags, &status))
        return status;
    problem_init(&problem);
    if (flags.argument_count > 1) {
        problem_set(&problem, EXIT_BAD_USAGE, "more than one PREFIX\n  do:    sluice queues %.80s",
                    flags.arguments[0]);
        return command_refuse(command, &problem);
    }
    if (flags.argument_count == 1)
        my.prefix = flags.arguments[0];
    output_open(&options.output);
    (void)prctl(PR_SET_DUMPABLE, 0); /* no credentials in a core file */
    status = sl_run(look_task, &my);
    return status < 0 ? command_fail(command, status) : status;
}

const struct command command_queues = {
    .name = "queues",
    .synopsis = "[PREFIX] [flags]",
    .summary = "the queues there are, and how many messages each holds",
    .examples = "  sluice queues --endpoint-url http://127.0.0.1:9324\n"
                "  sluice queues orders --json | jq '.queues[].visible'\n",
    .flags = &queues_flags,
    .run = run_queues,
};

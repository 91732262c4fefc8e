/*
 * sluice demo: the whole thing in one process. Events are sent to the embedded queue, which keeps them in a file; the
 * pipeline takes them out and posts batches to perseus, which needs 50 ms for each. After 20 s, or at Ctrl-C, the sending
 * stops, what is in the queue is delivered, and the account shows that as many were delivered as were sent: also when a run
 * was killed and this one goes on with what it left.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/task.h>

#include "aws/config.h"
#include "cli/demo_feed.h"
#include "cli/demo_state.h"
#include "cli/session.h"
#include "core/units.h"
#include "ops/log.h"
#include "perseus/perseus.h"
#include "queue/server.h"

#define QUEUE       "demo"
#define DEAD_LETTER "demo-dlq"
/* The shortest that sluice holds events with: what a killed run held comes back soon. */
enum { VISIBILITY_S = 10 };
/* As in the demonstration that sluice comes from: after 5 s it gives up. A second more, of which it needs little, is for
 * giving back what it holds. */
#define DEMO_DRAIN sl_sec(6)
/* Longer than any drain: a slow service is what the drain's limit is shown with. */
#define DEMO_TIMEOUT sl_minutes(15)
/* For requests to a service that was too slow: they were cut at the other end. */
#define SERVICE_LIMIT sl_ms(200)
/* For the queue's last words to its disk. */
#define QUEUE_LIMIT sl_sec(5)

enum { RECEIVERS = 10 };

struct demo {
    const struct command *command;
    struct demo_options options;
    sl_dur run_for;
    struct perseus_config service;
    struct demo_state state;
    struct perseus *perseus;
    struct queue_server *server;
    struct sl_ctx *watching; /* ends before the queue does */
    struct demo_feed feed;
    struct account_ends ends;
    bool has_ended;
};

/* ---- the queue ---- */

/* Both queues together: what is in the dead-letter queue has not been delivered either. */
static struct queue_counts counts_of(const struct demo *demo)
{
    struct queue_counts counts = {0}, dead = {0};

    (void)queue_service_counts(queue_server_service(demo->server), QUEUE, &counts);
    (void)queue_service_counts(queue_server_service(demo->server), DEAD_LETTER, &dead);
    counts.visible += dead.visible;
    counts.in_flight += dead.in_flight;
    counts.delayed += dead.delayed;
    return counts;
}

static uint64_t left_in(const struct queue_counts *counts)
{
    return counts->visible + counts->in_flight + counts->delayed;
}

static void show_depth(void *arg, struct progress_depth *out)
{
    struct queue_counts counts = counts_of(arg);
    *out = (struct progress_depth){counts.sent, counts.visible + counts.delayed, counts.in_flight};
}

struct watch_store {
    struct demo *demo;
};

/* A full disk, say: there is nothing more to show, and nothing is lost that was acknowledged. */
SL_TASK(watch_store)
{
    int error = queue_service_wait_error(queue_server_service(my->demo->server), ctx);
    if (error == 0)
        return 0;
    struct problem problem;
    problem_init(&problem);
    problem_set(&problem, EXIT_NOT_AVAILABLE,
                "%s can't be written: %s\n  do:    make room there, and start it again: it goes on",
                my->demo->state.data, strerror(-error));
    program_end(command_refuse(my->demo->command, &problem));
}

/* Says what an earlier run left, and gives what that run held the time to come back. */
static void go_on(struct demo *demo)
{
    static const char *const earlier[] = {
        [DEMO_KILLED] = "a run that was killed",
        [DEMO_ENDED] = "a run that gave up",
        [DEMO_UNKNOWN] = "an earlier run",
    };
    struct queue_counts counts = counts_of(demo);
    char number[UNITS_TEXT_SIZE], hidden[UNITS_TEXT_SIZE], text[100] = "";

    if (demo->state.before == DEMO_FRESH)
        return;
    if (demo->state.before == DEMO_UNKNOWN)
        log_warn("%s %s: how many runs there were, and how the last one ended, is not known",
                 demo->state.log, demo->state.why_unknown);
    if (counts.in_flight > 0)
        snprintf(text, sizeof text, ", %s of them hidden for %d s at most",
                 units_print_count(hidden, counts.in_flight), VISIBILITY_S);
    log_info("continues %s: %s event%s still in the queue%s", earlier[demo->state.before],
             units_print_count(number, left_in(&counts)), left_in(&counts) == 1 ? " is" : "s are",
             text);
    if (counts.in_flight > 0)
        demo->run_for = sl_dur_max(demo->run_for, sl_sec(VISIBILITY_S + 2));
}

static int open_queue(struct demo *demo, struct sl_ctx *ctx, struct problem *problem)
{
    static const struct queue_plan queues[] = {
        {.name = DEAD_LETTER, .visibility = SL_DUR_SEC(VISIBILITY_S), .delay = {-1}},
        {.name = QUEUE,
         .visibility = SL_DUR_SEC(VISIBILITY_S),
         .delay = {-1},
         .dead_letter = DEAD_LETTER,
         .max_receives = 1000},
    };
    const struct queue_server_config config = {
        .listen = "127.0.0.1:0",
        .data = demo->state.data,
        .advice = demo_file_advice,
        .service = {.queues = queues, .queue_count = sizeof queues / sizeof queues[0]},
    };
    int result = queue_server_start(&demo->server, ctx, &config, problem);
    if (result == 0) {
        demo->watching = sl_ctx_new(ctx, NULL);
        SL_GO(demo->watching, watch_store, .demo = demo);
    }
    return result;
}

/* ---- clients ---- */

/* None of the user's own AWS set-up: this queue takes any keys, and is nowhere else. */
static const char *own_environment(const char *name)
{
    static const struct {
        const char *name, *value;
    } variables[] = {
        {"AWS_ACCESS_KEY_ID", "sluice"},       {"AWS_SECRET_ACCESS_KEY", "sluice"},
        {"AWS_CONFIG_FILE", "/dev/null"},      {"AWS_SHARED_CREDENTIALS_FILE", "/dev/null"},
        {"AWS_EC2_METADATA_DISABLED", "true"},
    };
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        if (strcmp(variables[i].name, name) == 0)
            return variables[i].value;
    return NULL;
}

static int load_config(const struct demo *demo, struct aws_config **out, struct problem *problem)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u", queue_server_port(demo->server));
    return aws_config_load(out,
                           &(struct aws_config_options){.region = "us-east-1",
                                                        .endpoint_url = endpoint,
                                                        .env = own_environment},
                           problem);
}

/* ---- the end ---- */

/* What stays for the next run, or that nothing does. */
static void leave_state(struct demo *demo, bool is_done)
{
    int error = is_done ? demo_state_clear(&demo->state) : demo_state_keep(&demo->state);
    if (error < 0)
        log_warn("%s: %s", is_done ? demo->state.folder : demo->state.log, strerror(-error));
}

static int stop_service(struct demo *demo, struct sl_ctx *ctx, struct perseus_stats *stats)
{
    struct sl_ctx *stopping = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SERVICE_LIMIT});
    int error = perseus_stop(demo->perseus, stopping, stats);
    sl_ctx_leave(stopping);
    if (error < 0)
        log_error("%s can't be written: %s", demo->state.ledger, strerror(-error));
    return error;
}

static int stop_queue(struct demo *demo, struct sl_ctx *ctx)
{
    struct sl_ctx *stopping = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = QUEUE_LIMIT});
    sl_ctx_leave(demo->watching);
    int error = queue_server_stop(demo->server, stopping);
    sl_ctx_leave(stopping);
    if (error < 0)
        log_error("%s can't be written: %s", demo->state.data, strerror(-error));
    return error;
}

/* The pipeline has ended: closes everything else in the order of the events' way, and counts. */
static const struct account_ends *end(void *arg, struct sl_ctx *ctx)
{
    struct demo *demo = arg;
    struct account_ends *ends = &demo->ends;
    struct perseus_stats stats;

    demo->has_ended = true;
    ends->not_sent = demo_feed_end(&demo->feed, ctx);
    int service = stop_service(demo, ctx, &stats);
    struct queue_counts counts = counts_of(demo);
    int queue = stop_queue(demo, ctx);
    ends->sent = counts.sent;
    ends->delivered = stats.known + stats.distinct;
    ends->again = stats.known_duplicates + stats.duplicates;
    ends->left = left_in(&counts);
    ends->runs = demo->state.runs;
    leave_state(demo,
                service == 0 && queue == 0 && ends->left == 0 && ends->sent == ends->delivered);
    return ends;
}

/* ---- all of it ---- */

static struct pipeline_config config_of(const struct demo *demo, const char *to)
{
    const struct demo_options *o = &demo->options;
    return (struct pipeline_config){
        .source =
            {
                .from = QUEUE,
                .receivers = RECEIVERS,
                .receive_wait = sl_sec(1),
                .in_flight_max = o->batch.count * (o->batch.concurrency + 2) + 10 * RECEIVERS,
                .in_flight_bytes = (size_t)256 << 20,
            },
        .sink = {.to = to, .format = format_find("lambda"), .timeout = DEMO_TIMEOUT},
        .batch_count = o->batch.count,
        .batch_bytes = o->batch.bytes,
        .batch_age = o->batch.age,
        .concurrency = o->batch.concurrency,
        .drain = DEMO_DRAIN,
        .run_for = demo->run_for,
        .feed = &demo->feed.feed,
    };
}

/* A signal while everything was being opened: there is no account, and some events may have been sent. */
static int end_early(struct demo *demo, struct sl_ctx *ctx)
{
    char number[UNITS_TEXT_SIZE];
    const struct account_ends *ends = end(demo, ctx);

    if (ends->left == 0)
        return EXIT_DONE;
    log_warn("stopped before anything was received: %s events are in the queue for the next run",
             units_print_count(number, ends->left));
    return EXIT_ABANDONED;
}

static int run_session(struct demo *demo, struct sl_ctx *ctx, struct aws_config *config)
{
    char to[64];
    snprintf(to, sizeof to, "http://127.0.0.1:%u/batch", perseus_port(demo->perseus));
    struct session session = {
        .command = demo->command,
        .output = &demo->options.output,
        .aws_config = config,
        .config = config_of(demo, to),
        .depth = show_depth,
        .ended = end,
        .arg = demo,
    };
    int status = session_run(ctx, &session);
    return status == EXIT_DONE && !demo->has_ended ? end_early(demo, ctx) : status;
}

static int demo_task(struct sl_ctx *ctx, void *arg)
{
    struct demo *demo = arg;
    struct aws_config *config = NULL;
    struct problem problem;

    problem_init(&problem);
    int result = perseus_start(&demo->perseus, ctx, &demo->service, &problem);
    if (result == 0)
        result = open_queue(demo, ctx, &problem);
    if (result == 0)
        result = load_config(demo, &config, &problem);
    if (result == 0) {
        go_on(demo);
        demo->feed.server = demo->server;
        result = demo_feed_start(&demo->feed, ctx, config, &problem);
    }
    if (result == PROBLEM)
        program_end(command_refuse(demo->command, &problem));
    if (result != 0)
        program_end(command_fail(demo->command, result < 0 ? result : -ECANCELED));
    program_end(run_session(demo, ctx, config));
}

/* false: errno says why. */
static bool is_readable_file(const char *path)
{
    struct stat status;

    if (access(path, R_OK) < 0 || stat(path, &status) < 0)
        return false;
    errno = EISDIR;
    return !S_ISDIR(status.st_mode);
}

/* 0, PROBLEM or negative. */
static int read_flags(struct demo *demo, const struct flags *flags, struct problem *problem)
{
    const struct demo_options *o = &demo->options;
    const char *wrong = perseus_read_latency(&demo->service, o->latency);

    if (wrong)
        return problem_set(problem, EXIT_BAD_USAGE,
                           "--latency %.60s %s\n  do:    --latency 50ms, or 50ms,p99=2s",
                           o->latency, wrong);
    if (o->events && !is_readable_file(o->events))
        return problem_set(problem, EXIT_BAD_CONFIG, "--events %s can't be read: %s", o->events,
                           strerror(errno));
    demo->run_for = o->events && !flags_given(flags, "for") ? SL_FOREVER : o->run_for;
    demo->feed = (struct demo_feed){
        .command = demo->command, .events = o->events, .rate = o->rate, .queue = QUEUE};
    return demo_state_open(&demo->state, o->dir, problem);
}

static int run_demo(const struct command *command, const char *const *argv)
{
    static struct demo demo;
    struct flags flags;
    struct problem problem;
    int status;

    demo.command = command;
    if (!command_begin(command, argv, &demo.options, &flags, &status))
        return status;
    problem_init(&problem);
    int result = read_flags(&demo, &flags, &problem);
    if (result != 0)
        return result == PROBLEM ? command_refuse(command, &problem)
                                 : command_fail(command, result);
    demo.service.body_max = demo.options.batch.bytes;
    demo.service.ledger = demo.state.ledger;
    demo.service.advice = demo_file_advice;
    output_open(&demo.options.output);
    status = sl_run(demo_task, &demo);
    return status < 0 ? command_fail(command, status) : status;
}

const struct command command_demo = {
    .name = "demo",
    .synopsis = "[flags]",
    .summary = "all of it on this machine: queue -> batches -> perseus; Ctrl-C drains, again ends",
    .examples = "  sluice demo --rate 1000/s --batch-count 500\n"
                "  sluice demo --events events.ndjson\n"
                "  sluice demo --latency 30s   a service that is too slow: gives up after 5 s; the "
                "next run goes on\n",
    .flags = &demo_flags,
    .run = run_demo,
};

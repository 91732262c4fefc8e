#include "sim/world/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/task.h>

#include "aws/config.h"
#include "core/format.h"
#include "sim/world/receiver.h"

enum { FAILURES_A_TASK = 12, OTHER_TASKS = 10 }; /* a second; deleters, extenders, returners */

struct sim_process {
    struct sl_ctx *ctx;
    struct sim_net *net;
    struct sim_ledger *ledger;
    struct sim_random random;
    uint32_t *instances;
    struct sim_process_options options;
    struct sim_process_totals totals;
    struct sl_ctx *life; /* of the task that starts it again and again */
    /* the instance that runs; NULL: none does */
    struct sl_ctx *scope;
    struct sl_chan *signals;
    struct sim_client client;
    struct account account;
    struct progress progress;
    struct source *source;
    sl_time signalled_at;
    bool is_open, is_killed, is_ending;
};

/* The environment of all instances: the keys that SQS takes at the moment. One world a thread. */
static _Thread_local const struct sim_sqs *env_sqs;

static const char *env(const char *name)
{
    static const struct {
        const char *name, *value;
    } variables[] = {
        {"AWS_REGION", "us-east-1"},
        {"AWS_CONFIG_FILE", "/dev/null"},
        {"AWS_SHARED_CREDENTIALS_FILE", "/dev/null"},
        {"HOME", "/nonexistent"},
        {"AWS_SECRET_ACCESS_KEY", "simulated"},
    };

    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
        return sim_sqs_access_key(env_sqs);
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        if (strcmp(name, variables[i].name) == 0)
            return variables[i].value;
    return NULL;
}

/* ---- one instance ---- */

struct instance {
    struct sim_process *process;
    struct pipeline_config config;
    struct aws_config *aws;
    struct source *source;
    struct sink *sink;
    char from[160];
    struct problem problem;
};

static size_t held_max(const struct sim_process_options *o)
{
    return o->in_flight_max > 0 ? o->in_flight_max
                                : o->batch_count * (o->concurrency + 2) + 10 * o->receivers;
}

static void configure(struct instance *i)
{
    const struct sim_process_options *o = &i->process->options;

    strcpy(i->from, SIM_QUEUE_URL);
    strncat(i->from, o->queue, sizeof i->from - strlen(i->from) - 1);
    i->config = (struct pipeline_config){
        .source =
            {
                .from = i->from,
                .http = &i->process->client.base,
                .aws = i->aws,
                .receivers = o->receivers,
                .receive_wait = o->receive_wait,
                .visibility = o->visibility,
                .in_flight_max = held_max(o),
                .in_flight_bytes = o->in_flight_bytes > 0 ? o->in_flight_bytes : (size_t)256 << 20,
                .account = &i->process->account,
                .progress = &i->process->progress,
            },
        .sink =
            {
                .to = SIM_SERVICE_URL,
                .http = &i->process->client.base,
                .format = format_find(o->format ? o->format : "lambda"),
                .timeout = o->timeout,
            },
        .batch_count = o->batch_count,
        .batch_bytes = o->batch_bytes,
        .batch_age = o->batch_age,
        .concurrency = o->concurrency,
        .drain = o->drain,
        .run_for = SL_FOREVER,
    };
}

static int open_instance(struct instance *i, struct sl_ctx *ctx)
{
    int result = aws_config_load(&i->aws, &(struct aws_config_options){.env = env}, &i->problem);

    if (result != 0)
        return result;
    configure(i);
    result = sink_open(&i->sink, ctx, &i->config.sink, &i->problem);
    return result ? result : source_open(&i->source, ctx, &i->config.source, &i->problem);
}

/* An end that leaves something held is why that may come again. */
static bool was_cut_short(const struct sim_process *process, const struct pipeline_report *report)
{
    return process->is_killed || report->ending != PIPELINE_DRAINED ||
           process->account.abandoned > 0;
}

static void add_up(struct account *total, const struct account *one)
{
    total->received += one->received;
    total->deleted += one->deleted;
    total->returned += one->returned;
    total->dead_lettered += one->dead_lettered;
    total->expired += one->expired;
    total->merged += one->merged;
    total->abandoned += one->abandoned;
    total->in_doubt += one->in_doubt;
    total->suppressed += one->suppressed;
    total->batches += one->batches;
    total->requests += one->requests;
    total->receives += one->receives;
    total->receives_empty += one->receives_empty;
    total->receives_aborted += one->receives_aborted;
    total->deletes += one->deletes;
    total->returned_refused += one->returned_refused;
    total->returned_unsent += one->returned_unsent;
}

/*
 * At peace a drain brings everything to an end in its time, if that is 10 s at least; and when the queue is empty, at the
 * world's end, it takes no longer than a poll.
 */
static void judge_drain(const struct sim_process *process, const struct pipeline_report *report)
{
    const struct sim_process_options *o = &process->options;
    sl_dur took = sl_time_sub(sl_now(), process->signalled_at);
    uint32_t number = process->client.process;

    if (!sim_ledger_was_at_peace(process->ledger, number, sl_sec(60)))
        return;
    if (report->ending == PIPELINE_DEADLINE && sl_dur_cmp(o->drain, sl_sec(10)) >= 0)
        sim_ledger_find(process->ledger,
                        "process %" PRIu32 " could not end within its drain, at peace", number);
    if (process->is_ending && sl_dur_cmp(took, sl_dur_add(o->receive_wait, sl_sec(5))) > 0)
        sim_ledger_find(process->ledger,
                        "process %" PRIu32 " took %.1f s to end with nothing to do", number,
                        sl_dur_seconds(took));
}

/* Each of its tasks tries a request up to three times within a call, and backs off between calls. */
static void judge_failures(const struct sim_process *process)
{
    const struct sim_process_options *o = &process->options;
    unsigned most = FAILURES_A_TASK * (unsigned)(o->receivers + o->concurrency + OTHER_TASKS);

    if (process->client.failures_most > most)
        sim_ledger_find(process->ledger,
                        "process %" PRIu32 " had %u requests fail in one second, and should wait "
                        "before it tries again",
                        process->client.process, process->client.failures_most);
}

static void ended(struct sim_process *process, const struct pipeline_report *report)
{
    struct sim_process_totals *t = &process->totals;
    const struct account *a = &process->account;
    sl_dur over;

    judge_failures(process);
    if (was_cut_short(process, report))
        sim_ledger_cut_short(process->ledger, process->client.process);
    if (process->is_killed)
        return;
    t->drains += report->ending == PIPELINE_DRAINED;
    t->deadlines += report->ending == PIPELINE_DEADLINE;
    t->account_errors += a->received != a->deleted + a->returned + a->dead_lettered + a->expired +
                                            a->merged + a->abandoned;
    if (sl_time_cmp(process->signalled_at, SL_NEVER) == 0)
        return;
    judge_drain(process, report);
    over = sl_dur_sub(sl_time_sub(sl_now(), process->signalled_at), process->options.drain);
    t->longest_drain_over = sl_dur_max(t->longest_drain_over, over);
}

static void run_pipeline(struct sim_process *process, struct instance *i)
{
    struct pipeline_report report = {.ending = PIPELINE_DRAINED};
    int signal;

    process->source = i->source;
    process->is_open = true;
    SL_IGNORE(
        pipeline_run(process->scope, &i->config, i->source, i->sink, process->signals, &report));
    process->is_open = false;
    process->source = NULL;
    ended(process, &report);
    while (sl_chan_try_recv(process->signals, &signal) == SL_OK) {
    }
}

static void run_instance(struct sim_process *process)
{
    struct instance i = {.process = process};
    int result;

    problem_init(&i.problem);
    process->scope = sl_ctx_new(process->life, &(struct sl_ctx_options){.keep_going = true});
    process->signals = sl_chan_new(process->scope, sizeof(int), 8, NULL);
    process->account = (struct account){.received = 0};
    progress_init(&process->progress);
    process->is_killed = false;
    process->signalled_at = SL_NEVER;
    sim_client_init(&process->client, process->net, ++*process->instances);
    sim_ledger_instance(process->ledger, process->client.process)->held_max =
        held_max(&process->options);
    process->totals.starts++;
    sim_trace_add(process->net->trace, "start", "sluice", process->client.process, 0);
    result = open_instance(&i, process->scope);
    if (result == 0) {
        run_pipeline(process, &i);
    } else {
        process->totals.failed_starts++;
    }
    sim_trace_add(process->net->trace, "end", "sluice", process->client.process,
                  (uint64_t)process->account.received);
    add_up(&process->totals.account, &process->account);
    if (i.source)
        source_free(i.source);
    if (i.sink)
        sink_free(i.sink);
    process->signals = NULL;
    sl_ctx_leave(SL_TAKE(process->scope));
    aws_config_free(i.aws);
    problem_deinit(&i.problem);
}

/* ---- again and again ---- */

struct supervise {
    struct sim_process *process;
};

SL_TASK(supervise)
{
    struct sim_process *process = my->process;
    const struct sim_process_options *o = &process->options;

    while (!process->is_ending && sl_ctx_err(ctx) == SL_OK) {
        run_instance(process);
        if (process->is_ending)
            break;
        SL_IGNORE(sl_sleep(ctx, sl_ns(sim_random_between(&process->random, o->restart_min.ns,
                                                         o->restart_max.ns))));
    }
    return 0;
}

struct sim_process *sim_process_new(struct sl_ctx *ctx, struct sim_net *net,
                                    const struct sim_sqs *sqs, struct sim_ledger *ledger,
                                    struct sim_random random, uint32_t *instances,
                                    const struct sim_process_options *options)
{
    struct sim_process *process = calloc(1, sizeof *process);

    sl_assert(process);
    *process = (struct sim_process){.ctx = ctx,
                                    .net = net,
                                    .ledger = ledger,
                                    .random = random,
                                    .instances = instances,
                                    .options = *options,
                                    .totals = {.longest_drain_over = {INT64_MIN}}};
    env_sqs = sqs;
    process->life = sl_ctx_new(ctx, &(struct sl_ctx_options){.keep_going = true});
    SL_GO(process->life, supervise, .process = process);
    return process;
}

void sim_process_signal(struct sim_process *process)
{
    int signal = 15;

    if (!process->signals || process->is_killed)
        return;
    if (!process->is_open) { /* nothing was received: there is nothing to drain */
        sl_ctx_cancel(process->scope, -EINTR);
        return;
    }
    if (sl_time_cmp(process->signalled_at, SL_NEVER) == 0)
        process->signalled_at =
            sim_ledger_instance(process->ledger, process->client.process)->signalled_at = sl_now();
    SL_IGNORE(sl_chan_try_send(process->signals, &signal));
}

void sim_process_kill(struct sim_process *process)
{
    if (!process->scope || process->is_killed)
        return;
    process->is_killed = true;
    process->totals.kills++;
    sim_client_kill(&process->client);
    sim_ledger_cut_short(process->ledger, process->client.process);
    sl_ctx_cancel(process->scope, -EINTR);
}

void sim_process_stop(struct sim_process *process)
{
    process->is_ending = true;
    sim_process_signal(process);
}

void sim_process_wait(struct sim_process *process)
{
    SL_IGNORE(sl_ctx_wait(process->life, NULL));
}

void sim_process_free(struct sim_process *process)
{
    sl_ctx_leave(process->life);
    free(process);
}

const struct sim_process_totals *sim_process_totals(const struct sim_process *process)
{
    return &process->totals;
}

size_t sim_process_held(const struct sim_process *process)
{
    return process->source ? source_held(process->source) : 0;
}

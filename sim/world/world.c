#include "sim/world/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/task.h>

#include "sim/virtual.h"
#include "sim/world/text.h"

enum {
    STREAM_POISON,
    STREAM_SWARM,
    STREAM_FAULTS,
    STREAM_NET,
    STREAM_SQS,
    STREAM_SERVICE,
    STREAM_ARRIVALS,
    STREAM_TIME,
    STREAM_PROCESS, /* and the numbers after it */
};

struct world {
    const struct sim_config *config;
    struct sim_result *result;
    struct sim_trace trace;
    struct sim_faults faults;
    struct sim_net net;
    struct sim_ledger ledger;
    struct sim_sqs *sqs;
    struct sim_receiver *receiver;
    struct sim_process *processes[SIM_PROCESSES_MAX];
    struct sim_random random; /* of time */
    uint32_t instances;
    uint64_t sent, looks;
    int64_t wall_off_ms; /* how far sluice's clock has been put off */
};

/* ---- looking at it ---- */

static size_t held_by_all(const struct world *world)
{
    size_t n = 0;

    for (unsigned i = 0; i < world->config->processes; i++)
        n += sim_process_held(world->processes[i]);
    return n;
}

static void look(struct world *world)
{
    if (world->config->forgets && world->looks++ % 60 == 0)
        sim_sqs_collect_dead(world->sqs);

    struct sim_sqs_counts counts = sim_sqs_counts(world->sqs);
    struct sim_result *result = world->result;

    if (counts.oldest_ms > result->peak_oldest_ms)
        result->peak_oldest_ms = counts.oldest_ms;
    if (world->config->sample)
        world->config->sample(world->config->sample_arg, &(struct sim_sample){
                                                             .at = sl_now(),
                                                             .visible = counts.visible,
                                                             .in_flight = counts.in_flight,
                                                             .dead = counts.dead,
                                                             .sent = world->sent,
                                                             .committed = world->ledger.commits,
                                                             .oldest_ms = counts.oldest_ms,
                                                             .held = held_by_all(world),
                                                         });
}

/* ---- events come ---- */

/* By tens, or as many as SQS takes at once: 1 MiB. */
static void send_some(struct world *world, struct sim_random *random, uint64_t n)
{
    const struct sim_arrivals *a = &world->config->arrivals;
    unsigned fit = (1 << 20) / (unsigned)a->size, most = fit < 10 ? fit : 10;

    while (n > 0) {
        unsigned count = n < most ? (unsigned)n : most;

        for (unsigned i = 0; i < count; i++)
            sim_ledger_sent(&world->ledger, world->sent + i,
                            sim_random_happens(random, (uint32_t)(a->poison * 1e6)));
        sim_sqs_send(world->sqs, world->sent, count, a->size,
                     world->config->is_fifo ? world->config->groups : 0);
        world->sent += count;
        n -= count;
    }
}

struct arrive {
    struct world *world;
};

SL_TASK(arrive)
{
    struct world *world = my->world;
    const struct sim_arrivals *a = &world->config->arrivals;
    sl_time end = sl_time_add((sl_time){0}, world->config->duration);
    /* Ten steps a second, at most: events that come within one are sent together, by tens. */
    sl_dur step = a->rate > 100 || a->step_count > 0 ? sl_ms(100) : sl_ms(200);
    struct sim_arriving arriving;

    sim_arriving_init(&arriving, a, sim_random_of(world->config->seed, STREAM_ARRIVALS));
    send_some(world, &arriving.random, a->backlog);
    look(world);
    while (sl_time_before(sl_now(), end)) {
        sl_time next = sl_time_min(sl_time_add(sl_now(), step), end);

        send_some(world, &arriving.random, sim_arriving_next(&arriving, sl_now(), next));
        if (sl_sleep_until(ctx, next) != SL_OK)
            break;
    }
    return 0;
}

/* ---- what happens to processes and time ---- */

static struct sim_process *any_process(struct world *world)
{
    return world->processes[sim_random_below(&world->random, world->config->processes)];
}

static void put_clock_off(struct world *world)
{
    int64_t ms = sim_random_between(&world->random, -86400000, 86400000);

    if (sim_random_below(&world->random, 3) == 0)
        ms = -world->wall_off_ms; /* somebody put it right */
    world->wall_off_ms += ms;
    sl_virtual_wall_jump(ms);
}

static void stop_hard(struct world *world, struct sl_ctx *ctx)
{
    struct sim_process *process = any_process(world);
    uint64_t more = 1 + sim_random_below(&world->random, 3);

    sim_process_signal(process);
    for (; more > 0 && sl_sleep(ctx, sl_ms(sim_random_between(&world->random, 0, 3000))) == SL_OK;
         more--)
        sim_process_signal(process);
}

/* From half a visibility timeout to two and a half. */
static void freeze(struct world *world)
{
    int64_t visibility = world->config->sqs.visibility.ns;

    sl_virtual_leap(sl_ns(sim_random_between(&world->random, visibility / 2, visibility * 5 / 2)));
    sim_ledger_frozen(&world->ledger);
}

static void happen(struct world *world, struct sl_ctx *ctx, enum sim_fault kind)
{
    sim_fault_count(&world->faults, kind);
    sim_trace_add(&world->trace, sim_fault_rows[kind].name, "world", 0, 0);
    if (kind == FAULT_CRASH)
        sim_process_kill(any_process(world));
    else if (kind == FAULT_STOPPED)
        sim_process_signal(any_process(world));
    else if (kind == FAULT_STOPPED_HARD)
        stop_hard(world, ctx);
    else if (kind == FAULT_FROZEN)
        freeze(world);
    else if (kind == FAULT_CLOCK)
        put_clock_off(world);
}

struct trouble {
    struct world *world;
    enum sim_fault kind;
};

SL_TASK(trouble)
{
    struct world *world = my->world;

    for (;;) {
        sl_dur pause = sim_fault_next(&world->faults, my->kind);

        if (sl_sleep(ctx, pause) != SL_OK || !sl_time_before(sl_now(), world->faults.plan.until))
            return 0;
        happen(world, ctx, my->kind);
    }
}

/* ---- what is planned ---- */

struct crash {
    struct world *world;
};

SL_TASK(crash)
{
    const struct sim_config *c = my->world->config;

    for (unsigned i = 0; i < c->crash_count; i++) {
        if (sl_sleep_until(ctx, c->crashes[i]) != SL_OK)
            break;
        sim_fault_count(&my->world->faults, FAULT_CRASH);
        sim_process_kill(my->world->processes[i % c->processes]);
    }
    return 0;
}

/* A rolling deploy: the next is told to stop when the one before has been started again. */
static void deploy(struct world *world, struct sl_ctx *ctx)
{
    for (unsigned i = 0; i < world->config->processes; i++) {
        struct sim_process *process = world->processes[i];
        uint64_t starts = sim_process_totals(process)->starts;

        sim_fault_count(&world->faults, FAULT_STOPPED);
        sim_process_signal(process);
        while (sim_process_totals(process)->starts == starts &&
               sl_sleep(ctx, sl_ms(500)) == SL_OK) {
        }
    }
}

struct deploy_often {
    struct world *world;
};

SL_TASK(deploy_often)
{
    sl_dur every = my->world->config->deploy_every;

    for (sl_time next = sl_time_add(sl_now(), every); sl_sleep_until(ctx, next) == SL_OK;
         next = sl_time_add(next, every))
        deploy(my->world, ctx);
    return 0;
}

static void start_plans(struct world *world, struct sl_ctx *ctx)
{
    if (world->config->crash_count > 0)
        SL_GO(ctx, crash, .world = world);
    if (world->config->deploy_every.ns > 0)
        SL_GO(ctx, deploy_often, .world = world);
}

/* ---- looking at it, again and again ---- */

struct sampler {
    struct world *world;
};

SL_TASK(sampler)
{
    sl_dur every = my->world->config->sample_every;

    while (sl_sleep(ctx, every.ns > 0 ? every : sl_sec(1)) == SL_OK)
        look(my->world);
    return 0;
}

/* ---- the second phase ---- */

static bool is_empty(const struct world *world)
{
    struct sim_sqs_counts counts = sim_sqs_counts(world->sqs);

    return counts.visible + counts.in_flight + counts.delayed == 0;
}

static sl_dur time_for_backlog(const struct world *world)
{
    struct sim_sqs_counts counts = sim_sqs_counts(world->sqs);
    double backlog = (double)(counts.visible + counts.in_flight + counts.delayed);

    return sl_ms((int64_t)(backlog * 500 / world->config->arrivals.rate));
}

/* What was given back with a delay, which grows to 15 min, is waited for first. */
static void wait_until_empty(struct world *world, struct sl_ctx *ctx)
{
    sl_time began = sl_now();
    sl_dur allowed = sl_dur_add(sl_dur_mul(world->config->sqs.visibility, 2), sl_sec(60));
    sl_time end = began;

    allowed = sl_dur_add(allowed, time_for_backlog(world));
    while (!is_empty(world)) {
        /* What the service refused at the last moment goes back a little later. */
        if (sl_dur_cmp(sl_time_sub(sl_now(), began), sl_sec(60)) <= 0)
            end = sl_time_add(sl_time_max(began, sim_ledger_hidden_until(&world->ledger)), allowed);
        if (!sl_time_before(sl_now(), end) || sl_sleep(ctx, sl_ms(200)) != SL_OK)
            break;
    }
    world->result->emptied_after = sl_time_sub(sl_now(), began);
}

/* ---- the verdict ---- */

__attribute__((format(printf, 2, 3))) static void find(struct sim_result *result,
                                                       const char *format, ...)
{
    va_list args;

    if (result->finding[0])
        return;
    va_start(args, format);
    vsnprintf(result->finding, sizeof result->finding, format, args);
    va_end(args);
}

static void add_totals(struct sim_process_totals *sum, const struct sim_process_totals *one)
{
    struct account *a = &sum->account;
    const struct account *b = &one->account;

    a->received += b->received;
    a->deleted += b->deleted;
    a->returned += b->returned;
    a->dead_lettered += b->dead_lettered;
    a->expired += b->expired;
    a->merged += b->merged;
    a->abandoned += b->abandoned;
    a->in_doubt += b->in_doubt;
    a->suppressed += b->suppressed;
    a->batches += b->batches;
    a->requests += b->requests;
    a->receives += b->receives;
    a->receives_empty += b->receives_empty;
    a->receives_aborted += b->receives_aborted;
    a->deletes += b->deletes;
    sum->starts += one->starts;
    sum->failed_starts += one->failed_starts;
    sum->kills += one->kills;
    sum->drains += one->drains;
    sum->deadlines += one->deadlines;
    sum->account_errors += one->account_errors;
    a->returned_refused += b->returned_refused;
    a->returned_unsent += b->returned_unsent;
    sum->longest_drain_over = sl_dur_max(sum->longest_drain_over, one->longest_drain_over);
}

static void judge(struct world *world)
{
    struct sim_result *r = world->result;
    const struct sim_ledger *l = &world->ledger;
    struct sim_sqs_counts counts = sim_sqs_counts(world->sqs);

    r->sent = world->sent;
    r->committed = l->commits;
    r->duplicates = l->duplicates;
    r->explained = sim_ledger_explained(l);
    memcpy(r->causes, l->explained, sizeof r->causes);
    r->strange_receipts = l->strange_receipts;
    r->wrong_requests = l->wrong_requests;
    r->receives_after_signal = l->receives_after_signal;
    r->unexplained = l->unexplained;
    r->unexpected = l->unexpected;
    r->early_deletes = l->early_deletes;
    r->disorders = l->disorders;
    r->dead = counts.dead;
    r->poison = l->poison;
    r->dead_healthy = l->dead_healthy;
    r->left = counts.visible + counts.in_flight + counts.delayed;
    r->lost = sim_ledger_missing(l);
    r->lost -= r->lost < r->left ? r->lost : r->left;
    r->simulated = sl_time_sub(sl_now(), (sl_time){0});
    if (l->finding[0])
        find(r, "%s", l->finding);
    if (r->left > 0 && !world->config->stops_at_end)
        find(r, "%" PRIu64 " events are still in the queue %.1f s after the faults", r->left,
             sl_dur_seconds(r->emptied_after));
    if (r->lost > 0)
        find(r, "%" PRIu64 " events are lost", r->lost);
    if (r->totals.account_errors > 0)
        find(r, "the sum of an account is wrong");
    if (r->totals.longest_drain_over.ns > 500000000 && !sim_fault_frozen(&world->faults))
        find(r, "a drain took %.3f s longer than its limit",
             sl_dur_seconds(r->totals.longest_drain_over));
}

static void finish(struct world *world)
{
    struct sim_result *r = world->result;

    for (unsigned i = 0; i < world->config->processes; i++)
        sim_process_stop(world->processes[i]);
    for (unsigned i = 0; i < world->config->processes; i++)
        sim_process_wait(world->processes[i]);
    look(world);
    sim_sqs_collect_dead(world->sqs);
    for (unsigned i = 0; i < world->config->processes; i++) {
        add_totals(&r->totals, sim_process_totals(world->processes[i]));
        sim_process_free(world->processes[i]);
    }
    judge(world);
    r->bill = *sim_sqs_bill(world->sqs);
    r->service = sim_receiver_counts(world->receiver);
    memcpy(r->tally, world->faults.tally, sizeof r->tally);
    memcpy(r->requests, world->net.requests, sizeof r->requests);
    r->trace_hash = world->trace.hash;
    r->trace_count = world->trace.count;
}

/* ---- running ---- */

static void populate(struct world *world, struct sl_ctx *ctx)
{
    const struct sim_config *c = world->config;

    sim_faults_init(&world->faults, &c->faults, sim_random_of(c->seed, STREAM_FAULTS));
    sim_net_init(&world->net, &world->faults, &world->trace, sim_random_of(c->seed, STREAM_NET));
    sim_ledger_init(&world->ledger, c->is_fifo ? c->groups : 0,
                    c->process.visibility.ns > 0 ? c->process.visibility : c->sqs.visibility);
    world->ledger.forgets = c->forgets;
    world->sqs = sim_sqs_new(ctx, &world->net, &world->faults, &world->ledger,
                             sim_random_of(c->seed, STREAM_SQS), &c->sqs);
    world->receiver = sim_receiver_new(&world->net, &world->faults, &world->ledger,
                                       sim_random_of(c->seed, STREAM_SERVICE), &c->receiver);
    world->random = sim_random_of(c->seed, STREAM_TIME);
    for (unsigned i = 0; i < c->processes; i++)
        world->processes[i] = sim_process_new(ctx, &world->net, world->sqs, &world->ledger,
                                              sim_random_of(c->seed, STREAM_PROCESS + i),
                                              &world->instances, &c->process);
}

static int live(struct sl_ctx *ctx, void *arg)
{
    struct world *world = arg;
    struct sl_ctx *phase, *looking = sl_ctx_new(ctx, NULL);

    populate(world, ctx);
    SL_GO(looking, sampler, .world = world);
    phase = sl_ctx_new(ctx, NULL);
    SL_GO(phase, arrive, .world = world);
    for (enum sim_fault kind = 0; kind < FAULTS; kind++)
        if (world->faults.plan.every[kind].ns > 0)
            SL_GO(phase, trouble, .world = world, .kind = kind);
    start_plans(world, phase);
    SL_IGNORE(sl_sleep_until(ctx, sl_time_add((sl_time){0}, world->config->duration)));
    sl_ctx_leave(phase);
    sl_virtual_wall_jump(-world->wall_off_ms);
    if (!world->config->stops_at_end)
        wait_until_empty(world, ctx);
    finish(world);
    sl_ctx_leave(looking);
    sim_net_settle(&world->net, ctx);
    sim_sqs_free(world->sqs);
    sim_receiver_free(world->receiver);
    sim_net_deinit(&world->net);
    sim_ledger_deinit(&world->ledger);
    return 0;
}

int sim_run(const struct sim_config *config, struct sim_result *result)
{
    struct world world = {.config = config, .result = result, .trace = {.out = config->trace}};
    struct sl_virtual_options options = {
        .seed = config->seed, .offload_max = sl_ms(2), .shuffle = config->shuffles};
    int error;

    sl_assert(config->processes >= 1 && config->processes <= SIM_PROCESSES_MAX);
    *result = (struct sim_result){.totals = {.longest_drain_over = {INT64_MIN}}};
    md5_replace(&sim_text_digest);
    error = sl_virtual_run(&options, live, &world);
    md5_replace(NULL);
    return error;
}

/* ---- a configuration by chance ---- */

/* Events a second that one process delivers, roughly: batches times their size, by the time that one takes. */
static double capacity_of(const struct sim_config *c)
{
    bool has_limit = sim_fault_plan_kinds(&c->faults) >> FAULT_TOO_LARGE & 1;
    double bytes = has_limit && c->process.batch_bytes > SIM_SERVICE_LARGE / 2
                       ? (double)SIM_SERVICE_LARGE / 2
                       : (double)c->process.batch_bytes;
    double by_bytes = bytes / ((double)c->arrivals.size * 2 + 900);
    double count =
        (double)c->process.batch_count < by_bytes ? (double)c->process.batch_count : by_bytes;
    double seconds = sl_dur_seconds(c->receiver.work) + sl_dur_seconds(c->receiver.work_p99) / 4 +
                     2 * sl_dur_seconds(c->receiver.latency) +
                     sl_dur_seconds(c->receiver.latency_p99) / 2;

    return (double)c->process.concurrency * count / seconds;
}

/* Nobody runs sluice with less than what comes; one process alone must be able to do four times that. */
static void make_feasible(struct sim_config *c)
{
    while (capacity_of(c) < 4 * c->arrivals.rate) {
        c->receiver.work = sl_dur_div(c->receiver.work, 2);
        c->receiver.work_p99 = sl_dur_div(c->receiver.work_p99, 2);
        c->receiver.latency_p99 = sl_dur_div(c->receiver.latency_p99, 2);
        c->receiver.latency = sl_dur_max(sl_us(200), sl_dur_div(c->receiver.latency, 2));
        if (c->process.concurrency < 12)
            c->process.concurrency++;
        else if (c->process.batch_count < 10)
            c->process.batch_count++;
    }
}

static void draw_sizes(struct sim_config *config, struct sim_random *r)
{
    static const size_t counts[] = {1, 10, 100, 100, 500};

    config->process.batch_count = counts[sim_random_below(r, 5)];
    config->process.batch_bytes = sim_random_below(r, 4) == 0 ? 20000 : 1000000;
    config->process.concurrency = (size_t)sim_random_between(r, 1, 12);
    config->process.receivers = (size_t)sim_random_between(r, config->is_fifo ? 3 : 1, 10);
    make_feasible(config);
}

/* Behind one FIFO queue of three there is a dead-letter queue, and some events are for it: so few that each group is free for half
 * of the time, since such an event holds its group back for 5 s at most, 10 s, 20 s, until it has been received too often. */
static void draw_poison(struct sim_config *config)
{
    struct sim_random r = sim_random_of(config->seed, STREAM_POISON);
    double most;

    if (!config->is_fifo || sim_random_below(&r, 3) > 0)
        return;
    config->sqs.max_receives = (unsigned)sim_random_between(&r, 1, 3);
    most =
        config->groups / (2 * config->arrivals.rate * 5 * ((1U << config->sqs.max_receives) - 1));
    config->arrivals.poison = (double)sim_random_between(&r, 1, 30) / 1000;
    if (config->arrivals.poison > most)
        config->arrivals.poison = most;
    config->receiver.names_poison = true;
}

void sim_config_draw(struct sim_config *config, uint64_t seed, sl_dur duration)
{
    struct sim_random r = sim_random_of(seed, STREAM_SWARM);
    bool is_fifo = sim_random_below(&r, 5) == 0;
    int64_t rate = sim_random_between(&r, 20, is_fifo ? 30 : 100);

    *config = (struct sim_config){
        .seed = seed,
        .duration = duration,
        .is_fifo = is_fifo,
        .groups = (unsigned)sim_random_between(&r, 12, 60),
        .processes = (unsigned)sim_random_between(&r, 1, 3),
        .shuffles = sim_random_below(&r, 2),
        .arrivals = {.rate = (double)rate,
                     .is_poisson = sim_random_below(&r, 2),
                     .is_rough = true,
                     .backlog = sim_random_below(&r, 4) == 0 ? sim_random_below(&r, 3000) : 0,
                     .size = sim_random_below(&r, 8) == 0 ? 2000 : 200},
        .sqs = {.queue = is_fifo ? "orders.fifo" : "orders",
                .visibility = sl_sec(sim_random_between(&r, 10, 60)),
                .in_flight_max = sim_random_below(&r, 6) == 0
                                     ? (unsigned)sim_random_between(&r, rate * 30, rate * 60)
                                     : 0,
                .latency = sl_us(sim_random_between(&r, 200, 20000)),
                .latency_p99 = sl_ms(sim_random_between(&r, 20, 200))},
        .receiver = {.work = sl_ms(sim_random_between(&r, 1, 200)),
                     .work_p99 = sl_ms(sim_random_between(&r, 200, 3000)),
                     .latency = sl_us(sim_random_between(&r, 200, 20000)),
                     .latency_p99 = sl_ms(sim_random_between(&r, 20, 200))},
        .process = {.queue = is_fifo ? "orders.fifo" : "orders",
                    .batch_age = sl_ms(sim_random_between(&r, 50, 8000)),
                    .drain = sl_sec(sim_random_between(&r, 5, 30)),
                    .receive_wait = sl_sec(sim_random_between(&r, 1, 5)),
                    .timeout = sl_sec(sim_random_between(&r, 2, 30)),
                    .restart_min = sl_ms(200),
                    .restart_max = sl_sec(sim_random_between(&r, 1, 10))},
    };
    sim_fault_plan_draw(&config->faults, &r, SIM_FAULTS_ALL, (sl_time){duration.ns});
    draw_sizes(config, &r);
    draw_poison(config);
}

void sim_config_plain(struct sim_config *config, uint64_t seed, sl_dur duration)
{
    *config = (struct sim_config){
        .seed = seed,
        .duration = duration,
        .processes = 1,
        .arrivals = {.rate = 100, .size = 200},
        .sqs = {.queue = "orders",
                .visibility = sl_sec(30),
                .latency = sl_ms(5),
                .latency_p99 = sl_ms(20)},
        .receiver = {.work = sl_ms(20),
                     .work_p99 = sl_ms(100),
                     .latency = sl_ms(1),
                     .latency_p99 = sl_ms(5)},
        .process = {.queue = "orders",
                    .batch_count = 100,
                    .batch_bytes = 1000000,
                    .batch_age = sl_sec(5),
                    .concurrency = 10,
                    .receivers = 10,
                    .drain = sl_sec(25),
                    .receive_wait = sl_sec(5),
                    .timeout = sl_sec(30),
                    .restart_min = sl_sec(1),
                    .restart_max = sl_sec(1)},
    };
}

void sim_config_print(const struct sim_config *c, struct strbuf *out)
{
    strbuf_addf(out,
                "%s, %u x sluice, %.0f events/s%s of %zu B, %" PRIu64
                " waiting, visibility %.0f s, batches of %zu, %zu B or %.2f s, %zu at once, %zu "
                "receivers, drain %.0f s",
                c->is_fifo ? "FIFO" : "standard", c->processes, c->arrivals.rate,
                c->arrivals.is_poisson ? " by chance" : "", c->arrivals.size, c->arrivals.backlog,
                sl_dur_seconds(c->sqs.visibility), c->process.batch_count, c->process.batch_bytes,
                sl_dur_seconds(c->process.batch_age), c->process.concurrency, c->process.receivers,
                sl_dur_seconds(c->process.drain));
    if (c->is_fifo)
        strbuf_addf(out, ", %u groups", c->groups);
    if (c->sqs.max_receives > 0)
        strbuf_addf(out, ", %.1f %% poison, dead-lettered after %u receives",
                    c->arrivals.poison * 100, c->sqs.max_receives);
}

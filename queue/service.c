/* The queue as a whole: its start, its end, and what joins the engine, the store and the clients. */
#include "queue/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ops/log.h"
#include "queue/service_impl.h"

struct ahead {
    struct store_load load;
    struct queue_service *service;
    uint64_t seqs[AHEAD_LOADS];
    struct payload *payloads[AHEAD_LOADS];
};

struct moment service_moment(void)
{
    return (struct moment){.now = sl_now(), .wall_ms = sl_wall_ms()};
}

void service_fail(struct queue_service *service, int error)
{
    if (service->error != 0 || error == -ECANCELED)
        return;
    service->error = error;
    log_error("the queue's data can't be written: %s. Nothing more is accepted", strerror(-error));
    sl_unpark(&service->failed);
}

/* ---- after every event ---- */

static void ahead_done(struct store_load *load, int error)
{
    struct ahead *ahead = SL_CONTAINER_OF(load, struct ahead, load);
    struct queue_service *service = ahead->service;

    for (size_t i = 0; i < load->count; i++)
        engine_payload_loaded(service->engine, ahead->seqs[i],
                              error < 0 ? NULL : ahead->payloads[i]);
    free(SL_TAKE(service->ahead));
    if (error == 0)
        service_settle(service, NULL);
}

static void read_ahead(struct queue_service *service)
{
    struct ahead *ahead;
    size_t n;

    if (!service->is_durable || service->ahead || !engine_wants_payloads(service->engine))
        return;
    ahead = calloc(1, sizeof *ahead);
    if (!ahead)
        return;
    n = engine_payload_wanted(service->engine, ahead->seqs, AHEAD_LOADS);
    ahead->service = service;
    ahead->load = (struct store_load){
        .seqs = ahead->seqs, .count = n, .out = ahead->payloads, .done = ahead_done};
    service->ahead = ahead;
    store_load(service->store, &ahead->load);
}

static void answer_polls(struct queue_service *service)
{
    struct poll *poll;

    while ((poll = engine_answered(service->engine)))
        call_polled(SL_CONTAINER_OF(poll, struct queue_call, poll));
}

static void set_timer(struct queue_service *service)
{
    sl_time next = engine_deadline(service->engine);

    if (sl_time_cmp(next, SL_NEVER) == 0)
        sl_timer_stop(&service->timer);
    else if (!sl_timer_is_set(&service->timer) || sl_time_cmp(next, service->timer.at) != 0)
        sl_timer_set(&service->timer, next);
}

static void moved(struct store_wait *wait, int error);

/* Nobody waits for what a receive or a task moves, but for what is received of it. */
static void wait_for_moves(struct queue_service *service)
{
    service->moved_again = service->moved_waits;
    if (service->moved_waits)
        return;
    service->moved_waits = true;
    service->moved.done = moved;
    store_submit(service->store, &service->changes, &service->moved);
}

static void moved(struct store_wait *wait, int error)
{
    struct queue_service *service = SL_CONTAINER_OF(wait, struct queue_service, moved);

    service->moved_waits = false;
    if (error < 0)
        service_fail(service, error);
    else if (service->moved_again)
        wait_for_moves(service);
}

static void submit(struct queue_service *service, struct store_wait *wait)
{
    uint64_t moves = engine_moves(service->engine);

    if (wait || service->changes.count > 0)
        store_submit(service->store, &service->changes, wait);
    if (service->is_durable && moves != service->moves)
        wait_for_moves(service);
    service->moves = moves;
}

void service_settle(struct queue_service *service, struct store_wait *wait)
{
    engine_tick(service->engine, service_moment());
    if (service->changes.failed)
        service_fail(service, -ENOMEM);
    submit(service, wait);
    answer_polls(service);
    submit(service, NULL);
    read_ahead(service);
    set_timer(service);
}

static void due(struct sl_timer *timer)
{
    service_settle(SL_CONTAINER_OF(timer, struct queue_service, timer), NULL);
}

/* ---- the queues that are there from the start ---- */

static enum queue_error set_policy(struct queue_service *service, struct settings *settings,
                                   const struct queue_plan *queue, struct queue_refusal *refusal)
{
    struct strbuf policy = {0};
    enum queue_error error;

    strbuf_addf(&policy,
                "{\"deadLetterTargetArn\":\"arn:aws:sqs:%s:%s:%s\",\"maxReceiveCount\":%u}",
                service->region, service->account, queue->dead_letter, queue->max_receives);
    if (strbuf_failed(&policy))
        error = queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    else
        error = settings_set(settings, &service->config.limits, SLICE("RedrivePolicy"),
                             strbuf_slice(&policy), true, refusal);
    strbuf_deinit(&policy);
    return error;
}

static enum queue_error make_queue(struct queue_service *service, const struct queue_plan *queue,
                                   struct queue_refusal *refusal)
{
    struct slice name = slice_of(queue->name);
    bool is_fifo = name.n > 5 && slice_is((struct slice){name.p + name.n - 5, 5}, ".fifo");
    enum queue_error error = QUEUE_OK;
    struct settings settings;
    struct queue *made;

    if (engine_queue_find(service->engine, name))
        return QUEUE_OK;
    settings_init(&settings, is_fifo);
    if (queue->visibility.ns >= 0)
        settings.visibility_s = (uint32_t)(queue->visibility.ns / 1000000000);
    if (queue->delay.ns >= 0)
        settings.delay_s = (uint32_t)(queue->delay.ns / 1000000000);
    if (queue->dead_letter)
        error = set_policy(service, &settings, queue, refusal);
    if (error == QUEUE_OK)
        error = engine_queue_create(service->engine, service_moment(), name, &settings, NULL, 0,
                                    NULL, 0, &made, refusal);
    settings_deinit(&settings);
    return error;
}

/* Those that others name as their dead-letter queues come first. */
static int make_queues(struct queue_service *service, struct problem *problem)
{
    const struct queue_service_config *config = &service->config;
    struct queue_refusal refusal;

    for (int with_policy = 0; with_policy <= 1; with_policy++)
        for (size_t i = 0; i < config->queue_count; i++) {
            const struct queue_plan *queue = &config->queues[i];

            if (!queue->dead_letter == (with_policy == 1))
                continue;
            if (make_queue(service, queue, &refusal) != QUEUE_OK)
                return problem_set(problem, EXIT_BAD_CONFIG, "the queue %s can't be made: %s",
                                   queue->name, refusal.text);
        }
    return 0;
}

/* ---- start ---- */

static int open_engine(struct queue_service *service, struct problem *problem)
{
    const struct queue_service_config *config = &service->config;
    struct store_reader reader;
    int result;

    service->engine = engine_new(&(struct engine_options){
        .account = service->account,
        .region = service->region,
        .limits = config->limits,
        .rules = config->rules,
        .facts = service->store->facts,
        .changes = service->is_durable ? &service->changes : NULL,
        .seed = sl_random(),
    });
    if (!service->engine)
        return -ENOMEM;
    reader = engine_reader(service->engine, service_moment());
    result = store_restore(service->store, &reader, problem);
    if (result != 0)
        return result;
    engine_restored(service->engine, service_moment());
    return make_queues(service, problem);
}

struct barrier {
    struct store_wait wait;
    struct sl_parker parker;
    int error;
};

static void barrier_reached(struct store_wait *wait, int error)
{
    struct barrier *barrier = SL_CONTAINER_OF(wait, struct barrier, wait);

    barrier->error = error;
    sl_unpark(&barrier->parker);
}

/* Waits until all changes so far are durable. */
static int sync_all(struct queue_service *service)
{
    struct barrier barrier = {.wait = {.done = barrier_reached}};

    sl_parker_init(&barrier.parker);
    store_submit(service->store, &service->changes, &barrier.wait);
    SL_IGNORE(sl_park(&barrier.parker, NULL, SL_NEVER, "the queue's store"));
    return barrier.error;
}

static int start(struct queue_service *service, struct problem *problem)
{
    int result = keys_init(service);

    if (result == 0)
        result = open_engine(service, problem);
    return result == 0 ? sync_all(service) : result;
}

static void free_calls(struct sl_link *list)
{
    while (!links_empty(list)) {
        struct queue_call *call = SL_CONTAINER_OF(list->next, struct queue_call, links);

        links_remove(&call->links);
        api_request_deinit(&call->request);
        strbuf_deinit(&call->body);
        free(call);
    }
}

int queue_service_free(struct queue_service *service, struct sl_ctx *ctx)
{
    int error = service->error, result;

    sl_timer_stop(&service->timer);
    for (struct sl_link *link = service->calls.next; link != &service->calls; link = link->next)
        SL_CONTAINER_OF(link, struct queue_call, links)->caller.ops = NULL;
    if (service->engine && service->is_durable && error == 0) {
        engine_flush(service->engine);
        store_submit(service->store, &service->changes, NULL);
    }
    result = store_close(service->store, ctx);
    sl_timer_stop(&service->timer);
    free_calls(&service->calls);
    free_calls(&service->spare);
    free(service->ahead);
    engine_free(service->engine);
    changes_deinit(&service->changes);
    keys_deinit(service);
    free(service->account);
    free(service->region);
    free(service);
    return error != 0 ? error : result;
}

int queue_service_new(struct queue_service **out, struct store *store,
                      const struct queue_service_config *config, struct problem *problem)
{
    struct queue_service *service = calloc(1, sizeof *service);
    int result = -ENOMEM;

    if (!service) {
        SL_IGNORE(store_close(store, NULL));
        return -ENOMEM;
    }
    service->config = *config;
    service->store = store;
    service->is_durable = store->facts.keeps_payloads;
    if (service->config.limits.message_max == 0)
        service->config.limits = queue_limits_strict();
    links_init(&service->calls);
    links_init(&service->spare);
    sl_timer_init(&service->timer, due);
    sl_parker_init(&service->failed);
    faults_init(service, config->seed);
    service->account = strdup(config->account ? config->account : "000000000000");
    service->region = strdup(config->region ? config->region : "us-east-1");
    if (service->account && service->region)
        result = start(service, problem);
    service->config.queues = NULL; /* borrowed by new only, as are the keys */
    service->config.keys = NULL;
    if (result != 0) {
        SL_IGNORE(queue_service_free(service, NULL));
        return result;
    }
    set_timer(service);
    *out = service;
    return 0;
}

/* ---- looking ---- */

void queue_service_faults_set(struct queue_service *service, const struct queue_faults *faults)
{
    service->config.faults = *faults;
}

uint64_t queue_service_seed(const struct queue_service *service)
{
    return service->seed;
}

bool queue_service_counts(const struct queue_service *service, const char *name,
                          struct queue_counts *out)
{
    const struct queue *queue = engine_queue_find(service->engine, slice_of(name));

    if (!queue)
        return false;
    *out = queue_counts(queue);
    return true;
}

int queue_service_error(const struct queue_service *service)
{
    return service->error;
}

int queue_service_wait_error(struct queue_service *service, struct sl_ctx *ctx)
{
    while (service->error == 0)
        if (sl_park(&service->failed, ctx, SL_NEVER, "an error of the queue's store") != SL_OK)
            return 0;
    return service->error;
}

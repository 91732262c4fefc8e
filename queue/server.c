/* The queue as a whole: its start, its end, and what joins the engine, the store and the clients. */
#include "queue/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "ops/log.h"
#include "queue/server_impl.h"

enum {
    CONNECTIONS_MAX = 20000, /* each a descriptor and about 20 KB */
    DESCRIPTORS_KEPT = 64,   /* for the database, the log, the loop */
    HEAD_MAX = 16 * 1024,    /* AWS's tokens are up to 4 KB */
    ESCAPED = 6,             /* bytes that one may take in JSON: \u0000 */
    ENVELOPE = 256 * 1024,   /* of a request beside its bodies: names, attributes, entries */
};

struct ahead {
    struct store_load load;
    struct queue_server *server;
    uint64_t seqs[AHEAD_LOADS];
    struct payload *payloads[AHEAD_LOADS];
};

struct moment server_moment(void)
{
    return (struct moment){.now = sl_now(), .wall_ms = sl_wall_ms()};
}

void server_fail(struct queue_server *server, int error)
{
    if (server->error != 0 || error == -ECANCELED)
        return;
    server->error = error;
    log_error("the queue's data can't be written: %s. Nothing more is accepted", strerror(-error));
    sl_unpark(&server->failed);
}

/* ---- after every event ---- */

static void ahead_done(struct store_load *load, int error)
{
    struct ahead *ahead = SL_CONTAINER_OF(load, struct ahead, load);
    struct queue_server *server = ahead->server;

    for (size_t i = 0; i < load->count; i++)
        engine_payload_loaded(server->engine, ahead->seqs[i],
                              error < 0 ? NULL : ahead->payloads[i]);
    free(SL_TAKE(server->ahead));
    if (error == 0)
        server_settle(server, NULL);
}

static void read_ahead(struct queue_server *server)
{
    struct ahead *ahead;
    size_t n;

    if (!server->is_durable || server->ahead || !engine_wants_payloads(server->engine))
        return;
    ahead = calloc(1, sizeof *ahead);
    if (!ahead)
        return;
    n = engine_payload_wanted(server->engine, ahead->seqs, AHEAD_LOADS);
    ahead->server = server;
    ahead->load = (struct store_load){
        .seqs = ahead->seqs, .count = n, .out = ahead->payloads, .done = ahead_done};
    server->ahead = ahead;
    store_load(server->store, &ahead->load);
}

static void answer_polls(struct queue_server *server)
{
    struct poll *poll;

    while ((poll = engine_answered(server->engine)))
        call_polled(SL_CONTAINER_OF(poll, struct call, poll));
}

static void set_timer(struct queue_server *server)
{
    sl_time next = engine_deadline(server->engine);

    if (sl_time_cmp(next, SL_NEVER) == 0)
        sl_timer_stop(&server->timer);
    else if (!sl_timer_is_set(&server->timer) || sl_time_cmp(next, server->timer.at) != 0)
        sl_timer_set(&server->timer, next);
}

void server_settle(struct queue_server *server, struct store_wait *wait)
{
    engine_tick(server->engine, server_moment());
    if (wait || server->changes.count > 0 || server->changes.failed)
        store_submit(server->store, &server->changes, wait);
    answer_polls(server);
    if (server->changes.count > 0)
        store_submit(server->store, &server->changes, NULL);
    read_ahead(server);
    set_timer(server);
}

static void due(struct sl_timer *timer)
{
    server_settle(SL_CONTAINER_OF(timer, struct queue_server, timer), NULL);
}

/* ---- the queues that are there from the start ---- */

static enum queue_error set_policy(struct queue_server *server, struct settings *settings,
                                   const struct queue_server_queue *queue,
                                   struct queue_refusal *refusal)
{
    struct strbuf policy = {0};
    enum queue_error error;

    strbuf_addf(&policy,
                "{\"deadLetterTargetArn\":\"arn:aws:sqs:%s:%s:%s\",\"maxReceiveCount\":%u}",
                server->region, server->account, queue->dead_letter, queue->max_receives);
    if (strbuf_failed(&policy))
        error = queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    else
        error = settings_set(settings, &server->config.limits, SLICE("RedrivePolicy"),
                             strbuf_slice(&policy), true, refusal);
    strbuf_deinit(&policy);
    return error;
}

static enum queue_error make_queue(struct queue_server *server,
                                   const struct queue_server_queue *queue,
                                   struct queue_refusal *refusal)
{
    struct slice name = slice_of(queue->name);
    bool is_fifo = name.n > 5 && slice_is((struct slice){name.p + name.n - 5, 5}, ".fifo");
    enum queue_error error = QUEUE_OK;
    struct settings settings;
    struct queue *made;

    if (engine_queue_find(server->engine, name))
        return QUEUE_OK;
    settings_init(&settings, is_fifo);
    if (queue->visibility.ns >= 0)
        settings.visibility_s = (uint32_t)(queue->visibility.ns / 1000000000);
    if (queue->delay.ns >= 0)
        settings.delay_s = (uint32_t)(queue->delay.ns / 1000000000);
    if (queue->dead_letter)
        error = set_policy(server, &settings, queue, refusal);
    if (error == QUEUE_OK)
        error = engine_queue_create(server->engine, server_moment(), name, &settings, NULL, 0, NULL,
                                    0, &made, refusal);
    settings_deinit(&settings);
    return error;
}

/* Those that others name as their dead-letter queues come first. */
static int make_queues(struct queue_server *server, struct problem *problem)
{
    const struct queue_server_config *config = &server->config;
    struct queue_refusal refusal;

    for (int with_policy = 0; with_policy <= 1; with_policy++)
        for (size_t i = 0; i < config->queue_count; i++) {
            const struct queue_server_queue *queue = &config->queues[i];

            if (!queue->dead_letter == (with_policy == 1))
                continue;
            if (make_queue(server, queue, &refusal) != QUEUE_OK)
                return problem_set(problem, EXIT_BAD_CONFIG, "the queue %s can't be made: %s",
                                   queue->name, refusal.text);
        }
    return 0;
}

/* ---- start ---- */

static int open_store(struct queue_server *server, struct problem *problem)
{
    if (!server->config.data)
        return store_memory_open(&server->store);
    server->is_durable = true;
    return store_sqlite_open(&server->store,
                             &(struct store_sqlite_options){.path = server->config.data}, problem);
}

static int open_engine(struct queue_server *server, struct problem *problem)
{
    const struct queue_server_config *config = &server->config;
    struct store_reader reader;
    int result;

    server->engine = engine_new(&(struct engine_options){
        .account = server->account,
        .region = server->region,
        .limits = config->limits,
        .rules = config->rules,
        .facts = server->store->facts,
        .changes = server->is_durable ? &server->changes : NULL,
        .seed = sl_random(),
    });
    if (!server->engine)
        return -ENOMEM;
    reader = engine_reader(server->engine, server_moment());
    result = store_restore(server->store, &reader, problem);
    if (result != 0)
        return result;
    engine_restored(server->engine, server_moment());
    return make_queues(server, problem);
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
static int sync_all(struct queue_server *server)
{
    struct barrier barrier = {.wait = {.done = barrier_reached}};

    sl_parker_init(&barrier.parker);
    store_submit(server->store, &server->changes, &barrier.wait);
    SL_IGNORE(sl_park(&barrier.parker, NULL, SL_NEVER, "the queue's store"));
    return barrier.error;
}

static size_t connections_max(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= 2 * DESCRIPTORS_KEPT)
        return DESCRIPTORS_KEPT;
    return limit.rlim_cur - DESCRIPTORS_KEPT < CONNECTIONS_MAX
               ? (size_t)limit.rlim_cur - DESCRIPTORS_KEPT
               : CONNECTIONS_MAX;
}

static int open_server(struct queue_server *server, struct sl_ctx *ctx, struct problem *problem)
{
    const struct queue_server_config *config = &server->config;

    return http_server_new(&server->http, ctx,
                           &(struct http_server_options){
                               .listen = config->listen ? config->listen : "127.0.0.1:9324",
                               .direct = call_begin,
                               .arg = server,
                               .body_max = ESCAPED * config->limits.message_max + ENVELOPE,
                               .head_max = HEAD_MAX,
                               .connections_max = connections_max(),
                           },
                           problem);
}

static int start(struct queue_server *server, struct sl_ctx *ctx, struct problem *problem)
{
    int result = keys_init(server);

    if (result == 0)
        result = open_store(server, problem);
    if (result == 0)
        result = open_engine(server, problem);
    if (result == 0)
        result = sync_all(server);
    if (result == 0)
        result = open_server(server, ctx, problem);
    return result;
}

static void free_calls(struct sl_link *list)
{
    while (!links_empty(list)) {
        struct call *call = SL_CONTAINER_OF(list->next, struct call, links);

        links_remove(&call->links);
        api_request_deinit(&call->request);
        strbuf_deinit(&call->body);
        free(call);
    }
}

/* Closes and frees what there is. The store's result. */
static int tear_down(struct queue_server *server, struct sl_ctx *ctx)
{
    int result = 0;

    http_server_free(server->http);
    sl_timer_stop(&server->timer);
    if (server->engine && server->is_durable && server->error == 0) {
        engine_flush(server->engine);
        store_submit(server->store, &server->changes, NULL);
    }
    if (server->store)
        result = store_close(server->store, ctx);
    sl_timer_stop(&server->timer);
    free_calls(&server->calls);
    free_calls(&server->spare);
    free(server->ahead);
    engine_free(server->engine);
    changes_deinit(&server->changes);
    keys_deinit(server);
    free(server->account);
    free(server->region);
    free(server);
    return result;
}

int queue_server_start(struct queue_server **out, struct sl_ctx *ctx,
                       const struct queue_server_config *config, struct problem *problem)
{
    struct queue_server *server = calloc(1, sizeof *server);
    int result = -ENOMEM;

    if (!server)
        return -ENOMEM;
    server->config = *config;
    if (server->config.limits.message_max == 0)
        server->config.limits = queue_limits_strict();
    links_init(&server->calls);
    links_init(&server->spare);
    sl_timer_init(&server->timer, due);
    sl_parker_init(&server->failed);
    faults_init(server, config->seed);
    server->account = strdup(config->account ? config->account : "000000000000");
    server->region = strdup(config->region ? config->region : "us-east-1");
    if (server->account && server->region)
        result = start(server, ctx, problem);
    server->config.queues = NULL; /* borrowed by start only, as are the keys and the strings */
    server->config.keys = NULL;
    if (result != 0) {
        SL_IGNORE(tear_down(server, ctx));
        return result;
    }
    set_timer(server);
    *out = server;
    return 0;
}

/* ---- in between ---- */

uint16_t queue_server_port(const struct queue_server *server)
{
    return http_server_port(server->http);
}

uint64_t queue_server_seed(const struct queue_server *server)
{
    return server->seed;
}

bool queue_server_counts(const struct queue_server *server, const char *name,
                         struct queue_counts *out)
{
    const struct queue *queue = engine_queue_find(server->engine, slice_of(name));

    if (!queue)
        return false;
    *out = queue_counts(queue);
    return true;
}

int queue_server_error(const struct queue_server *server)
{
    return server->error;
}

int queue_server_wait_error(struct queue_server *server, struct sl_ctx *ctx)
{
    while (server->error == 0)
        if (sl_park(&server->failed, ctx, SL_NEVER, "an error of the queue's store") != SL_OK)
            return 0;
    return server->error;
}

/* ---- stop ---- */

int queue_server_stop(struct queue_server *server, struct sl_ctx *ctx)
{
    int error;

    server->is_stopping = true;
    calls_stop(server);
    SL_IGNORE(http_server_stop(server->http, ctx));
    error = server->error;
    int result = tear_down(server, ctx);
    return error != 0 ? error : result;
}

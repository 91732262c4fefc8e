/* A request's life: read, verified, run, made durable, answered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/server_impl.h"

enum {
    SPARE_MAX =
        256, /* calls that are kept with their storage: more than run at once without long polls */
    BODY_KEPT_MAX =
        256 *
        1024, /* of an answer's storage that a spare call keeps: a full receive of usual events */
};

static struct call *call_new(struct queue_server *server, struct http_exchange *exchange)
{
    struct call *call;
    uint8_t id[16];

    if (links_empty(&server->spare)) {
        call = calloc(1, sizeof *call);
    } else {
        call = SL_CONTAINER_OF(server->spare.next, struct call, links);
        links_remove(&call->links);
        server->spare_count--;
    }
    if (!call)
        return NULL;
    call->server = server;
    call->exchange = exchange;
    call->state = CALL_RUNNING;
    call->is_gone = call->has_watch = false;
    call->given_count = call->sent_count = 0;
    call->load_error = 0;
    call->poll.count = 0;
    random_id(id);
    uuid_text(id, call->request_id);
    links_add(&server->calls, &call->links);
    return call;
}

void call_free(struct call *call)
{
    struct queue_server *server = call->server;

    poll_deinit(&call->poll);
    call_drop_load(call);
    sl_timer_stop(&call->timer);
    links_remove(&call->links);
    if (call->body.cap > BODY_KEPT_MAX)
        strbuf_deinit(&call->body);
    if (server->spare_count < SPARE_MAX) {
        api_request_reset(&call->request);
        links_add(&server->spare, &call->links);
        server->spare_count++;
        return;
    }
    api_request_deinit(&call->request);
    strbuf_deinit(&call->body);
    free(call);
}

/* ---- the answer ---- */

static void send_answer(struct call *call, int status, struct slice query_error)
{
    struct http_exchange *exchange = SL_TAKE(call->exchange);
    struct http_header headers[3] = {
        {SLICE("Content-Type"), slice_of(answer_content_type(call->request.protocol))},
        {SLICE("x-amzn-RequestId"), {call->request_id, REQUEST_ID_SIZE - 1}},
        {SLICE("x-amzn-query-error"), query_error},
    };
    bool has_watch = call->has_watch;

    call->state = CALL_REPLIED;
    if (fault_happens(call->server, call->server->config.faults.cut))
        http_exchange_cut(exchange);
    else
        http_exchange_reply(exchange, status, headers, query_error.n > 0 ? 3 : 2,
                            strbuf_slice(&call->body));
    if (!has_watch)
        call_free(call);
}

void call_reply(struct call *call)
{
    send_answer(call, 200, (struct slice){NULL, 0});
}

void call_refuse(struct call *call, const struct queue_refusal *refusal)
{
    struct strbuf query_error = {0};
    int status = answer_refusal(call->request.protocol, refusal,
                                (struct slice){call->request_id, REQUEST_ID_SIZE - 1}, &call->body,
                                &query_error);

    send_answer(call, status, strbuf_slice(&query_error));
    strbuf_deinit(&query_error);
}

/* ---- what an answer waits for ---- */

static void synced(struct store_wait *wait, int error)
{
    struct call *call = SL_CONTAINER_OF(wait, struct call, wait);
    struct queue_server *server = call->server;
    struct queue_refusal refusal;

    if (error < 0) {
        server_fail(server, error);
        queue_refuse_plainly(&refusal, QUEUE_UNAVAILABLE);
        call_refuse(call, &refusal);
        return;
    }
    for (unsigned i = 0; i < call->sent_count; i++)
        engine_payload_settled(server->engine, call->sent[i]);
    call_reply(call);
}

struct call_load *call_load_new(struct call *call)
{
    sl_assert(!call->loading);
    call->loading = calloc(1, sizeof *call->loading);
    return call->loading;
}

void call_drop_load(struct call *call)
{
    if (!call->loading)
        return;
    for (size_t i = 0; i < call->loading->load.count; i++)
        payload_unref(call->loading->payloads[i]);
    free(SL_TAKE(call->loading));
}

static void load_done(struct store_load *load, int error)
{
    struct call *call = ((struct call_load *)load)->call;

    call->load_error = error;
    call->loaded(call);
}

void call_load(struct call *call, size_t count, void (*loaded)(struct call *call))
{
    struct call_load *loading = call->loading;

    call->state = CALL_LOADING;
    call->loaded = loaded;
    loading->call = call;
    loading->load = (struct store_load){
        .seqs = loading->seqs,
        .count = count,
        .out = loading->payloads,
        .done = load_done,
    };
    store_load(call->server->store, &loading->load);
}

void call_polled(struct call *call)
{
    call->state = CALL_RUNNING;
    receive_polled(call, server_moment());
}

/* ---- running ---- */

static void finish(struct call *call, enum step step, const struct queue_refusal *refusal)
{
    struct queue_server *server = call->server;

    switch (step) {
    case STEP_REFUSE:
        call_refuse(call, refusal);
        break;
    case STEP_REPLY:
        call_reply(call);
        break;
    case STEP_SYNC:
        if (server->is_durable) {
            call->state = CALL_SYNCING;
            call->wait.done = synced;
            server_settle(server, &call->wait);
            return;
        }
        call_reply(call);
        break;
    case STEP_WAIT:
        break; /* it may be answered, and gone, in what follows */
    }
    server_settle(server, NULL);
}

static bool is_served(const struct queue_server *server, enum operation operation)
{
    return server->error == 0 ||
           (server->error == -ENOSPC && operation != OPERATIONS && operation_only_looks(operation));
}

static enum step run_checked(struct call *call, struct slice target, enum queue_error read_error,
                             struct queue_refusal *refusal)
{
    struct queue_server *server = call->server;
    bool is_own = own_is(target);

    if (faults_refuse(server, refusal))
        return STEP_REFUSE;
    if (is_own)
        return own_run(call, target, server_moment(), refusal);
    if (read_error != QUEUE_OK)
        return STEP_REFUSE;
    if (!is_served(server, call->request.operation)) {
        queue_refuse_plainly(refusal, QUEUE_UNAVAILABLE);
        return STEP_REFUSE;
    }
    return operation_run(call, server_moment(), refusal);
}

void call_run(struct call *call)
{
    struct http_exchange *x = call->exchange;
    const struct api_http http = {
        .method = http_exchange_method(x),
        .path = http_exchange_path(x),
        .query = http_exchange_query(x),
        .target = http_exchange_header(x, "X-Amz-Target"),
        .content_type = http_exchange_header(x, "Content-Type"),
        .body = http_exchange_body(x),
    };
    struct queue_refusal refusal, unsigned_refusal;
    enum queue_error error = api_read(&call->request, &http, &refusal);

    /* The signature first, as AWS does; but reading told in which protocol to refuse. */
    if (keys_check(call->server, x, &unsigned_refusal) != QUEUE_OK)
        finish(call, STEP_REFUSE, &unsigned_refusal);
    else
        finish(call, run_checked(call, http.target, error, &refusal), &refusal);
}

static void delay_over(struct sl_timer *timer)
{
    struct call *call = SL_CONTAINER_OF(timer, struct call, timer);

    call->state = CALL_RUNNING;
    call_run(call);
}

void call_begin(struct http_exchange *exchange, void *arg)
{
    struct queue_server *server = arg;
    struct call *call = call_new(server, exchange);
    sl_dur latency = fault_latency(server);

    if (!call) {
        http_exchange_cut(exchange);
        return;
    }
    sl_timer_init(&call->timer, delay_over);
    if (latency.ns == 0 || server->is_stopping) {
        call_run(call);
        return;
    }
    call->state = CALL_DELAYED;
    sl_timer_set(&call->timer, sl_time_add(sl_now(), latency));
}

static void stop_waiting(struct call *call)
{
    switch (call->state) {
    case CALL_POLLING:
        engine_poll_cancel(call->server->engine, &call->poll);
        call_polled(call);
        break;
    case CALL_DELAYED:
        sl_timer_stop(&call->timer);
        call->state = CALL_RUNNING;
        call_run(call);
        break;
    case CALL_RUNNING:
    case CALL_LOADING:
    case CALL_SYNCING:
    case CALL_REPLIED:
        break;
    }
}

void calls_stop(struct queue_server *server)
{
    for (struct sl_link *link = server->calls.next, *next; link != &server->calls; link = next) {
        next = link->next;
        stop_waiting(SL_CONTAINER_OF(link, struct call, links));
    }
}

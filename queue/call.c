/* A request's life: read, verified, run, made durable, answered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/service_impl.h"

enum {
    SPARE_MAX =
        256, /* calls that are kept with their storage: more than run at once without long polls */
    BODY_KEPT_MAX =
        256 *
        1024, /* of an answer's storage that a spare call keeps: a full receive of usual events */
};

static struct queue_call *call_new(struct queue_service *service, struct queue_caller caller,
                                   const struct queue_request *request)
{
    struct queue_call *call;
    uint8_t id[16];

    if (links_empty(&service->spare)) {
        call = calloc(1, sizeof *call);
    } else {
        call = SL_CONTAINER_OF(service->spare.next, struct queue_call, links);
        links_remove(&call->links);
        service->spare_count--;
    }
    if (!call)
        return NULL;
    call->service = service;
    call->caller = caller;
    call->http = *request;
    call->state = CALL_RUNNING;
    call->has_watch = call->is_long = false;
    call->given_count = call->sent_count = 0;
    call->load_error = 0;
    call->poll.count = 0;
    random_id(id);
    uuid_text(id, call->request_id);
    links_add(&service->calls, &call->links);
    return call;
}

void call_free(struct queue_call *call)
{
    struct queue_service *service = call->service;

    poll_deinit(&call->poll);
    call_drop_load(call);
    sl_timer_stop(&call->timer);
    links_remove(&call->links);
    if (call->body.cap > BODY_KEPT_MAX)
        strbuf_deinit(&call->body);
    if (service->spare_count < SPARE_MAX) {
        api_request_reset(&call->request);
        links_add(&service->spare, &call->links);
        service->spare_count++;
        return;
    }
    api_request_deinit(&call->request);
    strbuf_deinit(&call->body);
    free(call);
}

/* ---- the answer ---- */

static void send_answer(struct queue_call *call, int status, struct slice query_error)
{
    struct queue_caller caller = call->caller;
    struct http_header headers[3] = {
        {SLICE("Content-Type"), slice_of(answer_content_type(call->request.protocol))},
        {SLICE("x-amzn-RequestId"), {call->request_id, REQUEST_ID_SIZE - 1}},
        {SLICE("x-amzn-query-error"), query_error},
    };
    bool has_watch = call->has_watch;

    call->state = CALL_REPLIED;
    if (!caller.ops) { /* the service ends, and nobody is left to answer */
        call_free(call);
        return;
    }
    if (fault_happens(call->service, call->service->config.faults.cut))
        caller.ops->cut(caller.of);
    else
        caller.ops->reply(caller.of, status, headers, query_error.n > 0 ? 3 : 2,
                          strbuf_slice(&call->body));
    if (!has_watch)
        call_free(call);
}

void call_reply(struct queue_call *call)
{
    send_answer(call, 200, (struct slice){NULL, 0});
}

void call_refuse(struct queue_call *call, const struct queue_refusal *refusal)
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
    struct queue_call *call = SL_CONTAINER_OF(wait, struct queue_call, wait);
    struct queue_service *service = call->service;
    struct queue_refusal refusal;

    if (error < 0) {
        service_fail(service, error);
        queue_refuse_plainly(&refusal, QUEUE_UNAVAILABLE);
        call_refuse(call, &refusal);
        return;
    }
    for (unsigned i = 0; i < call->sent_count; i++)
        engine_payload_settled(service->engine, call->sent[i]);
    call_reply(call);
}

void call_reply_durably(struct queue_call *call)
{
    call->state = CALL_SYNCING;
    call->wait.done = synced;
    store_submit(call->service->store, &call->service->changes, &call->wait);
}

struct call_load *call_load_new(struct queue_call *call)
{
    sl_assert(!call->loading);
    call->loading = calloc(1, sizeof *call->loading);
    return call->loading;
}

void call_drop_load(struct queue_call *call)
{
    if (!call->loading)
        return;
    for (size_t i = 0; i < call->loading->load.count; i++)
        payload_unref(call->loading->payloads[i]);
    free(SL_TAKE(call->loading));
}

static void load_done(struct store_load *load, int error)
{
    struct queue_call *call = ((struct call_load *)load)->call;

    call->load_error = error;
    call->loaded(call);
}

void call_load(struct queue_call *call, size_t count, void (*loaded)(struct queue_call *call))
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
    store_load(call->service->store, &loading->load);
}

void call_polled(struct queue_call *call)
{
    struct moment at = service_moment();

    call->state = CALL_RUNNING;
    /* Who closes its end while it waits is gone; who does so behind a short poll may only have nothing more to say. */
    if (!call->is_long || call->poll.count == 0 || call->caller.ops->is_there(call->caller.of)) {
        receive_polled(call, at);
        return;
    }
    for (unsigned i = 0; i < call->poll.count; i++)
        engine_unreceive(call->service->engine, &call->poll.receipts[i]);
    poll_deinit(&call->poll);
    engine_tick(call->service->engine,
                at); /* for the next who waits, whose answer is fetched after this one */
    strbuf_reset(&call->body);
    call_reply(call); /* goes nowhere */
}

/* ---- running ---- */

static void finish(struct queue_call *call, enum step step, const struct queue_refusal *refusal)
{
    struct queue_service *service = call->service;

    switch (step) {
    case STEP_REFUSE:
        call_refuse(call, refusal);
        break;
    case STEP_REPLY:
        call_reply(call);
        break;
    case STEP_SYNC:
        if (service->is_durable) {
            call->state = CALL_SYNCING;
            call->wait.done = synced;
            service_settle(service, &call->wait);
            return;
        }
        call_reply(call);
        break;
    case STEP_WAIT:
        break; /* it may be answered, and gone, in what follows */
    }
    service_settle(service, NULL);
}

static bool is_served(const struct queue_service *service, enum operation operation)
{
    return service->error == 0 || (service->error == -ENOSPC && operation != OPERATIONS &&
                                   operation_only_looks(operation));
}

static enum step run_checked(struct queue_call *call, struct slice target,
                             enum queue_error read_error, struct queue_refusal *refusal)
{
    struct queue_service *service = call->service;
    bool is_own = own_is(target);

    if (faults_refuse(service, refusal))
        return STEP_REFUSE;
    if (is_own)
        return own_run(call, target, service_moment(), refusal);
    if (read_error != QUEUE_OK)
        return STEP_REFUSE;
    if (!is_served(service, call->request.operation)) {
        queue_refuse_plainly(refusal, QUEUE_UNAVAILABLE);
        return STEP_REFUSE;
    }
    return operation_run(call, service_moment(), refusal);
}

void call_run(struct queue_call *call)
{
    struct queue_caller caller = call->caller;
    const struct api_http http = {
        .method = call->http.method,
        .path = call->http.path,
        .query = call->http.query,
        .target = caller.ops->header(caller.of, "X-Amz-Target"),
        .content_type = caller.ops->header(caller.of, "Content-Type"),
        .body = call->http.body,
    };
    struct queue_refusal refusal, unsigned_refusal;
    enum queue_error error = api_read(&call->request, &http, &refusal);

    /* The signature first, as AWS does; but reading told in which protocol to refuse. */
    if (keys_check(call, &unsigned_refusal) != QUEUE_OK)
        finish(call, STEP_REFUSE, &unsigned_refusal);
    else
        finish(call, run_checked(call, http.target, error, &refusal), &refusal);
}

static void delay_over(struct sl_timer *timer)
{
    struct queue_call *call = SL_CONTAINER_OF(timer, struct queue_call, timer);

    call->state = CALL_RUNNING;
    call_run(call);
}

void queue_service_take(struct queue_service *service, struct queue_caller caller,
                        const struct queue_request *request)
{
    struct queue_call *call = call_new(service, caller, request);
    sl_dur latency = fault_latency(service);

    if (!call) {
        caller.ops->cut(caller.of);
        return;
    }
    sl_timer_init(&call->timer, delay_over);
    if (latency.ns == 0 || service->is_stopping) {
        call_run(call);
        return;
    }
    call->state = CALL_DELAYED;
    sl_timer_set(&call->timer, sl_time_add(sl_now(), latency));
}

void queue_call_gone(struct queue_call *call)
{
    if (call->state != CALL_POLLING)
        return;
    engine_poll_cancel(call->service->engine, &call->poll);
    call->state = CALL_RUNNING;
    strbuf_reset(&call->body);
    call_reply(call); /* goes nowhere */
}

void queue_call_completed(struct queue_call *call, bool delivered)
{
    if (!delivered)
        receive_undo(call, service_moment());
    call_free(call);
}

static void stop_waiting(struct queue_call *call)
{
    switch (call->state) {
    case CALL_POLLING:
        engine_poll_cancel(call->service->engine, &call->poll);
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

void queue_service_stop(struct queue_service *service)
{
    service->is_stopping = true;
    for (struct sl_link *link = service->calls.next, *next; link != &service->calls; link = next) {
        next = link->next;
        stop_waiting(SL_CONTAINER_OF(link, struct queue_call, links));
    }
}

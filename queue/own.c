/*
 * Two operations that SQS does not have: how all queues stand, and a look at messages without receiving them. They are asked
 * for as the others, signed as the others, under targets of their own:
 *
 *     X-Amz-Target: Sluice.DescribeQueues   {"QueueNamePrefix":"ord"}
 *     X-Amz-Target: Sluice.PeekMessages     {"QueueName":"orders","MaxNumberOfMessages":10,"Body":true}
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "queue/service_impl.h"

static const char DESCRIBE[] = "Sluice.DescribeQueues", PEEK[] = "Sluice.PeekMessages";

bool own_is(struct slice target)
{
    return slice_is(target, DESCRIBE) || slice_is(target, PEEK);
}

/* ---- what is asked ---- */

struct asked {
    struct strbuf prefix, name;
    size_t max;
    bool with_body;
};

static void read_member(struct asked *asked, const struct json_value *key,
                        const struct json_value *value)
{
    char text[16] = "";

    if (json_is(key, "QueueNamePrefix") && value->type == JSON_STRING)
        json_unescape(value->text, &asked->prefix);
    else if (json_is(key, "QueueName") && value->type == JSON_STRING)
        json_unescape(value->text, &asked->name);
    else if (json_is(key, "Body"))
        asked->with_body = value->type == JSON_TRUE;
    else if (json_is(key, "MaxNumberOfMessages") && value->text.n < sizeof text) {
        memcpy(text, value->text.p, value->text.n);
        asked->max = (size_t)strtoul(text, NULL, 10);
    }
}

static enum queue_error read_asked(struct slice body, struct asked *asked,
                                   struct queue_refusal *refusal)
{
    struct json_value key, value;
    struct json j;

    *asked = (struct asked){.max = QUEUE_BATCH_MAX};
    json_init(&j, body);
    if (json_next(&j, NULL) == JSON_OBJECT)
        while (json_member(&j, &key))
            if (json_skip(&j, &value))
                read_member(asked, &key, &value);
    if (!json_end(&j))
        return queue_refuse(refusal, QUEUE_MALFORMED, "The request is no JSON object.");
    if (strbuf_failed(&asked->prefix) || strbuf_failed(&asked->name))
        return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    return QUEUE_OK;
}

/* ---- writing ---- */

static void add_text(struct strbuf *out, const char *name, struct slice text)
{
    strbuf_addf(out, ",\"%s\":", name);
    if (!text.p) {
        strbuf_adds(out, "null");
        return;
    }
    strbuf_addc(out, '"');
    if (!json_escape(text, out))
        out->failed = true;
    strbuf_addc(out, '"');
}

static void add_number(struct strbuf *out, const char *name, uint64_t n)
{
    strbuf_addf(out, ",\"%s\":%" PRIu64, name, n);
}

static void add_number_or_null(struct strbuf *out, const char *name, uint64_t n)
{
    if (n > 0)
        add_number(out, name, n);
    else
        strbuf_addf(out, ",\"%s\":null", name);
}

static enum step end(struct queue_call *call, struct queue_refusal *refusal)
{
    if (!strbuf_failed(&call->body))
        return STEP_REPLY;
    queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    return STEP_REFUSE;
}

/* ---- how the queues stand ---- */

static void describe_queue(struct queue_call *call, const struct queue *queue)
{
    const struct settings *settings = queue_settings(queue);
    struct queue_counts counts = queue_counts(queue);
    const char *arn = settings->dead_letter_arn;
    const char *dead_letter = arn ? strrchr(arn, ':') : NULL;
    char url[URL_SIZE];

    call_url(call, queue, url);
    strbuf_addf(&call->body, "{\"Fifo\":%s", settings->is_fifo ? "true" : "false");
    add_text(&call->body, "Name", slice_of(queue_name(queue)));
    add_text(&call->body, "QueueUrl", slice_of(url));
    add_number(&call->body, "Visible", counts.visible);
    add_number(&call->body, "InFlight", counts.in_flight);
    add_number(&call->body, "Delayed", counts.delayed);
    add_number(&call->body, "Sent", counts.sent);
    add_number_or_null(&call->body, "OldestSentMs", (uint64_t)counts.oldest_sent_ms);
    add_text(&call->body, "DeadLetter", slice_of(dead_letter ? dead_letter + 1 : NULL));
    add_number_or_null(&call->body, "MaxReceives", arn ? settings->max_receives : 0);
    strbuf_addc(&call->body, '}');
}

static enum step describe(struct queue_call *call, const struct asked *asked,
                          struct queue_refusal *refusal)
{
    const struct engine *engine = call->service->engine;
    struct slice prefix = strbuf_slice(&asked->prefix);
    bool is_first = true;

    strbuf_reset(&call->body);
    strbuf_adds(&call->body, "{\"Queues\":[");
    for (const struct queue *queue = engine_queue_from(engine, prefix); queue;
         queue = engine_queue_next(engine, queue)) {
        const char *name = queue_name(queue);

        if (strlen(name) < prefix.n || memcmp(name, prefix.p, prefix.n) != 0)
            break;
        if (!is_first)
            strbuf_addc(&call->body, ',');
        is_first = false;
        describe_queue(call, queue);
    }
    strbuf_adds(&call->body, "]}");
    return end(call, refusal);
}

/* ---- a look at messages ---- */

static const char *status_of(enum message_status status)
{
    switch (status) {
    case MESSAGE_READY:
        return "ready";
    case MESSAGE_DELAYED:
        return "delayed";
    case MESSAGE_IN_FLIGHT:
        break;
    }
    return "in flight";
}

static void peek_message(struct queue_call *call, const struct peeked *peeked)
{
    const struct payload *payload = peeked->payload;
    struct slice body = payload_body(payload);
    char id[REQUEST_ID_SIZE];

    uuid_text(payload->head.id, id);
    strbuf_addf(&call->body, "{\"Status\":\"%s\"", status_of(peeked->status));
    add_text(&call->body, "MessageId", slice_of(id));
    add_number(&call->body, "HiddenForMs", (uint64_t)sl_dur_ms_up(peeked->hidden_for));
    add_number(&call->body, "Receives", peeked->receives);
    add_number(&call->body, "SentMs", (uint64_t)payload->head.sent_ms);
    add_number(&call->body, "Bytes", body.n);
    add_text(&call->body, "Group", payload_group(payload));
    if (call->peeks_body)
        add_text(&call->body, "Body", body);
    strbuf_addc(&call->body, '}');
}

static void drop_peeked(struct queue_call *call)
{
    for (size_t i = 0; i < call->peeked_count; i++)
        payload_unref(call->peeked[i].payload);
    free(SL_TAKE(call->peeked));
}

static void write_peeked(struct queue_call *call)
{
    bool is_first = true;

    strbuf_reset(&call->body);
    strbuf_adds(&call->body, "{\"Messages\":[");
    for (size_t i = 0; i < call->peeked_count; i++) {
        if (!call->peeked[i].payload)
            continue;
        if (!is_first)
            strbuf_addc(&call->body, ',');
        is_first = false;
        peek_message(call, &call->peeked[i]);
    }
    strbuf_adds(&call->body, "]}");
    drop_peeked(call);
}

static void peek_loaded(struct queue_call *call)
{
    struct queue_refusal refusal;
    size_t n = 0;

    /* Without those that are on disk the list would say that they are not there. */
    if (call->load_error < 0) {
        drop_peeked(call);
        queue_refuse_plainly(&refusal, QUEUE_UNAVAILABLE);
        call_refuse(call, &refusal);
        return;
    }
    for (size_t i = 0; i < call->peeked_count; i++)
        if (!call->peeked[i].payload) {
            call->peeked[i].payload = SL_TAKE(call->loading->payloads[n]);
            n++;
        }
    write_peeked(call);
    if (end(call, &refusal) == STEP_REFUSE)
        call_refuse(call, &refusal);
    else
        call_reply(call);
}

static enum step peek(struct queue_call *call, struct moment at, const struct asked *asked,
                      struct queue_refusal *refusal)
{
    struct engine *engine = call->service->engine;
    const struct queue *queue = engine_queue_find(engine, strbuf_slice(&asked->name));
    size_t max = asked->max < 1 ? 1 : asked->max < PEEK_MAX ? asked->max : PEEK_MAX;
    size_t missing = 0;

    if (!queue) {
        queue_refuse(refusal, QUEUE_DOES_NOT_EXIST, "The specified queue does not exist.");
        return STEP_REFUSE;
    }
    call->peeks_body = asked->with_body;
    call->peeked = calloc(max, sizeof *call->peeked);
    if (!call->peeked || !call_load_new(call)) {
        free(SL_TAKE(call->peeked));
        queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
        return STEP_REFUSE;
    }
    call->peeked_count = engine_peek(engine, at, queue, call->peeked, max);
    for (size_t i = 0; i < call->peeked_count; i++)
        if (!call->peeked[i].payload)
            call->loading->seqs[missing++] = call->peeked[i].seq;
    if (missing > 0) {
        call_load(call, missing, peek_loaded);
        return STEP_WAIT;
    }
    write_peeked(call);
    return end(call, refusal);
}

enum step own_run(struct queue_call *call, struct slice target, struct moment at,
                  struct queue_refusal *refusal)
{
    struct asked asked;
    enum step step = STEP_REFUSE;

    call->request.protocol = API_JSON;
    if (read_asked(call->http.body, &asked, refusal) == QUEUE_OK)
        step = slice_is(target, DESCRIBE) ? describe(call, &asked, refusal)
                                          : peek(call, at, &asked, refusal);
    strbuf_deinit(&asked.prefix);
    strbuf_deinit(&asked.name);
    return step;
}

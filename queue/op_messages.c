/* Sending, deleting, and changing visibility: one at a time, and in batches. */
#include <string.h>

#include "core/md5.h"
#include "queue/service_impl.h"

/* ---- what a message may be ---- */

/* The punctuation that ids may have, beside letters and digits (service model, MessageGroupId). */
static bool is_id_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", c));
}

enum queue_error check_message_id(const char *name, struct slice id, struct queue_refusal *refusal)
{
    bool ok = id.n >= 1 && id.n <= QUEUE_GROUP_MAX;

    if (!id.p)
        return QUEUE_OK;
    for (size_t i = 0; ok && i < id.n; i++)
        ok = is_id_character(id.p[i]);
    if (ok)
        return QUEUE_OK;
    return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                        "Value " SLICE_FMT " for parameter %s is invalid. Reason: %s can only "
                        "include alphanumeric and punctuation characters. 1 to 128 in length.",
                        SLICE_ARG(id), name, name);
}

static enum queue_error not_for_this_type(const char *name, struct slice value,
                                          struct queue_refusal *refusal)
{
    return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                        "Value " SLICE_FMT " for parameter %s is invalid. Reason: The request "
                        "include parameter that is not valid for this queue type.",
                        SLICE_ARG(value), name);
}

static enum queue_error check_delay(const struct settings *settings, int64_t delay,
                                    struct queue_refusal *refusal)
{
    if (delay == API_ABSENT)
        return QUEUE_OK;
    if (delay < 0 || delay > QUEUE_DELAY_MAX_S)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Value %lld for parameter DelaySeconds is invalid. Reason: "
                            "DelaySeconds must be >= 0 and <= 900.",
                            (long long)delay);
    if (settings->is_fifo && delay > 0)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Value %lld for parameter DelaySeconds is invalid. Reason: The request "
                            "include parameter that is not valid for this queue type.",
                            (long long)delay);
    return QUEUE_OK;
}

static enum queue_error check_ids(const struct settings *settings, const struct api_message *m,
                                  struct queue_refusal *refusal)
{
    enum queue_error error = check_message_id("MessageGroupId", m->group, refusal);

    if (error == QUEUE_OK && !settings->is_fifo && m->dedup.p)
        error = not_for_this_type("MessageDeduplicationId", m->dedup, refusal);
    return error != QUEUE_OK ? error
                             : check_message_id("MessageDeduplicationId", m->dedup, refusal);
}

/* X-Ray's header has under 200 characters; it does not count towards the message's size, so it needs a bound of its own. */
enum { TRACE_MAX = 4096 };

/* The one system attribute that may be given. */
static enum queue_error check_system(const struct api_attributes *given, struct slice *trace,
                                     struct queue_refusal *refusal)
{
    *trace = (struct slice){NULL, 0};
    for (size_t i = 0; i < given->count; i++) {
        const struct api_attribute *a = &given->items[i];

        if (!slice_is(a->name, "AWSTraceHeader"))
            return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                                "Message system attribute name '" SLICE_FMT
                                "' is invalid. It must be AWSTraceHeader.",
                                SLICE_ARG(a->name));
        if (!slice_is(a->type, "String") || !a->string.p || a->string.n == 0)
            return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                                "Message system attribute 'AWSTraceHeader' must be of type "
                                "String, and must contain a non-empty message attribute value.");
        if (a->string.n > TRACE_MAX || !api_text_is_allowed(a->string))
            return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                                "Message system attribute 'AWSTraceHeader' must be text of at "
                                "most %d bytes.",
                                TRACE_MAX);
        *trace = a->string;
    }
    return QUEUE_OK;
}

static enum queue_error check_size(const struct settings *settings,
                                   const struct queue_limits *limits, size_t bytes,
                                   struct queue_refusal *refusal)
{
    size_t max = limits->is_relaxed ? limits->message_max : settings->message_max;

    if (bytes <= max)
        return QUEUE_OK;
    return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                        "One or more parameters are invalid. Reason: Message must be shorter than "
                        "%zu bytes.",
                        max);
}

static enum queue_error check_body(struct slice body, struct queue_refusal *refusal)
{
    if (body.n == 0)
        return queue_refuse(refusal, QUEUE_PARAMETER_MISSING,
                            "The request must contain the parameter MessageBody.");
    if (!api_text_is_allowed(body))
        return queue_refuse(refusal, QUEUE_CONTENTS_INVALID,
                            "Invalid characters found. Valid unicode characters are #x9 | #xA | "
                            "#xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.");
    return QUEUE_OK;
}

/* A message that passed; *bytes is what counts towards the limits. */
static enum queue_error check_message(const struct queue *queue, const struct queue_limits *limits,
                                      const struct api_message *m, struct send *send,
                                      struct payload_attribute attributes[QUEUE_ATTRIBUTES_MAX],
                                      size_t *bytes, struct queue_refusal *refusal)
{
    const struct settings *settings = queue_settings(queue);
    enum queue_error error = check_body(m->body, refusal);
    size_t attribute_bytes = 0;

    if (error == QUEUE_OK)
        error = api_check_attributes(&m->attributes, attributes, &send->attribute_count,
                                     &attribute_bytes, refusal);
    *bytes = m->body.n + attribute_bytes;
    if (error == QUEUE_OK)
        error = check_system(&m->system_attributes, &send->trace, refusal);
    if (error == QUEUE_OK)
        error = check_size(settings, limits, *bytes, refusal);
    if (error == QUEUE_OK)
        error = check_delay(settings, m->delay, refusal);
    if (error == QUEUE_OK)
        error = check_ids(settings, m, refusal);
    send->body = m->body;
    send->attributes = attributes;
    send->group = m->group;
    send->dedup = m->dedup;
    send->delay_s = m->delay == API_ABSENT ? -1 : m->delay;
    return error;
}

/* ---- sending ---- */

static struct slice sender_of(const struct queue_call *call)
{
    return slice_of(call->service->account);
}

static enum queue_error send_one(struct queue_call *call, struct moment at, struct queue *queue,
                                 const struct api_message *message, struct sent *sent,
                                 struct queue_refusal *refusal)
{
    struct payload_attribute attributes[QUEUE_ATTRIBUTES_MAX];
    struct send send = {.sender = sender_of(call)};
    enum queue_error error;
    uint8_t id[16];
    size_t bytes;

    error = check_message(queue, &call->service->config.limits, message, &send, attributes, &bytes,
                          refusal);
    if (error != QUEUE_OK)
        return error;
    random_id(id);
    send.id = id;
    error = engine_send(call->service->engine, at, queue, &send, sent, refusal);
    if (error == QUEUE_OK && sent->seq > 0)
        call->sent[call->sent_count++] = sent->seq;
    return error;
}

static void answer_digest(struct answer *a, const char *name, const uint8_t digest[16])
{
    char text[33];

    md5_print(digest, text);
    answer_string(a, name, (struct slice){text, 32});
}

static void answer_sent(struct answer *a, const struct api_message *message,
                        const struct sent *sent)
{
    char id[REQUEST_ID_SIZE], sequence[SEQUENCE_SIZE];
    struct slice trace = {NULL, 0};
    uint8_t digest[16];

    uuid_text(sent->id, id);
    answer_digest(a, "MD5OfMessageBody", sent->body_md5);
    if (message->attributes.count > 0)
        answer_digest(a, "MD5OfMessageAttributes", sent->attributes_md5);
    SL_IGNORE(check_system(&message->system_attributes, &trace, &(struct queue_refusal){0}));
    if (trace.p) {
        payload_digest(&(struct payload_attribute){.name = SLICE("AWSTraceHeader"),
                                                   .type = SLICE("String"),
                                                   .kind = PAYLOAD_STRING,
                                                   .value = trace},
                       1, digest);
        answer_digest(a, "MD5OfMessageSystemAttributes", digest);
    }
    answer_string(a, "MessageId", slice_of(id));
    if (sent->sequence > 0)
        answer_string(a, "SequenceNumber", sequence_text(sent->sequence, sequence));
}

enum step op_send_message(struct queue_call *call, struct moment at, struct queue_refusal *refusal)
{
    struct queue *queue;
    struct sent sent;

    if (call_queue(call, &queue, refusal) != QUEUE_OK ||
        send_one(call, at, queue, &call->request.message, &sent, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    call_answer_begin(call);
    answer_sent(&call->answer, &call->request.message, &sent);
    return call_answer_end(call, STEP_SYNC, refusal);
}

/* ---- batches ---- */

static bool is_entry_id(struct slice id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
            c != '-' && c != '_')
            return false;
    }
    return id.n >= 1 && id.n <= QUEUE_BATCH_ID_MAX;
}

/* What holds for every batch call: how many, and that their ids tell them apart. */
static enum queue_error check_batch(const struct api_request *request, const char *entry,
                                    struct queue_refusal *refusal)
{
    if (request->entry_count == 0)
        return queue_refuse(refusal, QUEUE_BATCH_EMPTY,
                            "There should be at least one %s in the request.", entry);
    if (request->entry_count > QUEUE_BATCH_MAX)
        return queue_refuse(refusal, QUEUE_TOO_MANY_ENTRIES,
                            "Maximum number of entries per request are 10. You have sent %zu.",
                            request->entry_count);
    for (size_t i = 0; i < request->entry_count; i++)
        if (!is_entry_id(request->entries[i].id))
            return queue_refuse_plainly(refusal, QUEUE_BATCH_ID_INVALID);
    for (size_t i = 0; i < request->entry_count; i++)
        for (size_t j = 0; j < i; j++)
            if (slice_eq(request->entries[i].id, request->entries[j].id))
                return queue_refuse(refusal, QUEUE_BATCH_IDS_NOT_DISTINCT,
                                    "Id " SLICE_FMT " repeated.",
                                    SLICE_ARG(request->entries[i].id));
    return QUEUE_OK;
}

static size_t bytes_of(const struct api_message *message)
{
    size_t bytes = message->body.n;

    for (size_t i = 0; i < message->attributes.count; i++) {
        const struct api_attribute *a = &message->attributes.items[i];

        bytes += a->name.n + a->type.n + a->string.n + a->binary.n;
    }
    return bytes;
}

static enum queue_error check_total(const struct queue_call *call, struct queue_refusal *refusal)
{
    size_t max = call->service->config.limits.message_max, bytes = 0;

    for (size_t i = 0; i < call->request.entry_count; i++)
        bytes += bytes_of(&call->request.entries[i].message);
    if (bytes <= max)
        return QUEUE_OK;
    return queue_refuse(refusal, QUEUE_BATCH_TOO_LONG,
                        "Batch requests cannot be longer than %zu bytes. You have sent %zu bytes.",
                        max, bytes);
}

/* In a batch a parameter that is missing is one that is invalid: recorded from AWS. */
static void say_invalid(struct queue_refusal *refusal)
{
    if (refusal->error == QUEUE_PARAMETER_MISSING)
        refusal->error = QUEUE_PARAMETER_INVALID;
}

/* An entry without the ids that a FIFO queue asks for fails the whole call: recorded from AWS. */
static enum queue_error check_batch_ids(const struct api_request *request,
                                        const struct queue *queue, struct queue_refusal *refusal)
{
    for (size_t i = 0; i < request->entry_count; i++) {
        const struct api_message *m = &request->entries[i].message;

        if (queue_check_ids(queue, m->group, m->dedup, refusal) == QUEUE_OK)
            continue;
        say_invalid(refusal);
        return refusal->error;
    }
    return QUEUE_OK;
}

/* The failed entries of a batch, by position. */
struct failures {
    struct queue_refusal refusals[QUEUE_BATCH_MAX];
    bool has[QUEUE_BATCH_MAX];
};

static void fail(struct failures *failures, size_t i, const struct queue_refusal *refusal)
{
    failures->refusals[i] = *refusal;
    say_invalid(&failures->refusals[i]);
    failures->has[i] = true;
}

/* Also when there are none: both lists are always there. */
static void answer_failures(struct queue_call *call, const struct failures *failures)
{
    answer_list_begin(&call->answer, "Failed");
    for (size_t i = 0; i < call->request.entry_count; i++)
        if (failures->has[i])
            answer_failed_entry(&call->answer, call->request.entries[i].id, &failures->refusals[i]);
    answer_list_end(&call->answer);
}

/* An entry that fails on purpose. */
static bool fails(struct queue_call *call, struct queue_refusal *refusal)
{
    if (!fault_happens(call->service, call->service->config.faults.fail_entry))
        return false;
    queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    return true;
}

/* For operations whose success says nothing but the entry's id. */
static void answer_successes(struct queue_call *call, const struct failures *failures)
{
    answer_list_begin(&call->answer, "Successful");
    for (size_t i = 0; i < call->request.entry_count; i++) {
        if (failures->has[i])
            continue;
        answer_item_begin(&call->answer);
        answer_string(&call->answer, "Id", call->request.entries[i].id);
        answer_item_end(&call->answer);
    }
    answer_list_end(&call->answer);
}

enum step op_send_message_batch(struct queue_call *call, struct moment at,
                                struct queue_refusal *refusal)
{
    const struct api_request *request = &call->request;
    struct failures failures = {.has = {false}};
    struct queue *queue;

    if (call_queue(call, &queue, refusal) != QUEUE_OK ||
        check_batch(request, "SendMessageBatchRequestEntry", refusal) != QUEUE_OK ||
        check_total(call, refusal) != QUEUE_OK ||
        check_batch_ids(request, queue, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    call_answer_begin(call);
    answer_list_begin(&call->answer, "Successful");
    for (size_t i = 0; i < request->entry_count; i++) {
        const struct api_entry *entry = &request->entries[i];
        struct queue_refusal why;
        struct sent sent;

        if (send_one(call, at, queue, &entry->message, &sent, &why) != QUEUE_OK) {
            fail(&failures, i, &why);
            continue;
        }
        answer_item_begin(&call->answer);
        answer_string(&call->answer, "Id", entry->id);
        answer_sent(&call->answer, &entry->message, &sent);
        answer_item_end(&call->answer);
    }
    answer_list_end(&call->answer);
    answer_failures(call, &failures);
    return call_answer_end(call, STEP_SYNC, refusal);
}

/* ---- deleting ---- */

static enum queue_error delete_one(struct queue_call *call, struct moment at, struct queue *queue,
                                   struct slice handle, struct queue_refusal *refusal)
{
    if (fault_happens(call->service, call->service->config.faults.drop_delete))
        return QUEUE_OK;
    return engine_delete(call->service->engine, at, queue, handle, refusal);
}

enum step op_delete_message(struct queue_call *call, struct moment at,
                            struct queue_refusal *refusal)
{
    struct queue *queue;

    if (call_queue(call, &queue, refusal) != QUEUE_OK ||
        delete_one(call, at, queue, call->request.handle, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    call_answer_begin(call);
    return call_answer_end(call, STEP_SYNC, refusal);
}

enum step op_delete_message_batch(struct queue_call *call, struct moment at,
                                  struct queue_refusal *refusal)
{
    struct failures failures = {.has = {false}};
    struct queue_refusal why;
    struct queue *queue;

    if (call_queue(call, &queue, refusal) != QUEUE_OK ||
        check_batch(&call->request, "DeleteMessageBatchRequestEntry", refusal) != QUEUE_OK)
        return STEP_REFUSE;
    for (size_t i = 0; i < call->request.entry_count; i++)
        if (fails(call, &why) ||
            delete_one(call, at, queue, call->request.entries[i].handle, &why) != QUEUE_OK)
            fail(&failures, i, &why);
    call_answer_begin(call);
    answer_successes(call, &failures);
    answer_failures(call, &failures);
    return call_answer_end(call, STEP_SYNC, refusal);
}

/* ---- changing visibility ---- */

static enum queue_error change_one(struct queue_call *call, struct moment at, struct queue *queue,
                                   struct slice handle, int64_t seconds,
                                   struct queue_refusal *refusal)
{
    if (seconds == API_ABSENT)
        return queue_refuse(refusal, QUEUE_PARAMETER_MISSING,
                            "The request must contain the parameter VisibilityTimeout.");
    return engine_change_visibility(call->service->engine, at, queue, handle, seconds, refusal);
}

/* What hides a message longer is written late; what makes it visible sooner has to be durable before the answer. */
static enum step after_changes(const struct queue_call *call)
{
    return call->service->changes.count > 0 ? STEP_SYNC : STEP_REPLY;
}

enum step op_change_message_visibility(struct queue_call *call, struct moment at,
                                       struct queue_refusal *refusal)
{
    struct queue *queue;

    if (call_queue(call, &queue, refusal) != QUEUE_OK ||
        change_one(call, at, queue, call->request.handle, call->request.visibility, refusal) !=
            QUEUE_OK)
        return STEP_REFUSE;
    call_answer_begin(call);
    return call_answer_end(call, after_changes(call), refusal);
}

enum step op_change_message_visibility_batch(struct queue_call *call, struct moment at,
                                             struct queue_refusal *refusal)
{
    struct failures failures = {.has = {false}};
    struct queue_refusal why;
    struct queue *queue;

    if (call_queue(call, &queue, refusal) != QUEUE_OK ||
        check_batch(&call->request, "ChangeMessageVisibilityBatchRequestEntry", refusal) !=
            QUEUE_OK)
        return STEP_REFUSE;
    for (size_t i = 0; i < call->request.entry_count; i++) {
        const struct api_entry *entry = &call->request.entries[i];

        if (fails(call, &why) ||
            change_one(call, at, queue, entry->handle, entry->visibility, &why) != QUEUE_OK)
            fail(&failures, i, &why);
    }
    call_answer_begin(call);
    answer_successes(call, &failures);
    answer_failures(call, &failures);
    return call_answer_end(call, after_changes(call), refusal);
}

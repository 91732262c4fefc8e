/* Receiving: a poll, perhaps parked, then the payloads that only the store has, then the answer. */
#include <inttypes.h>
#include <string.h>

#include "core/md5.h"
#include "queue/service_impl.h"

static enum queue_error out_of_range(const char *name, int64_t value, const char *range,
                                     struct queue_refusal *refusal)
{
    return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                        "Value %" PRId64 " for parameter %s is invalid. Reason: Must be %s, if "
                        "provided.",
                        value, name, range);
}

static bool is_outside(int64_t value, int64_t min, int64_t max)
{
    return value != API_ABSENT && (value < min || value > max);
}

static enum queue_error check(const struct api_request *r, const struct settings *settings,
                              struct queue_refusal *refusal)
{
    if (is_outside(r->max_messages, 1, QUEUE_BATCH_MAX))
        return out_of_range("MaxNumberOfMessages", r->max_messages, "between 1 and 10", refusal);
    if (is_outside(r->wait, 0, QUEUE_WAIT_MAX_S))
        return out_of_range("WaitTimeSeconds", r->wait, ">= 0 and <= 20", refusal);
    if (is_outside(r->visibility, 0, QUEUE_VISIBILITY_MAX_S))
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Value %" PRId64 " for parameter VisibilityTimeout is invalid. "
                            "Reason: Must be >= 0 and <= 43200, if provided.",
                            r->visibility);
    if (!r->attempt_id.p)
        return QUEUE_OK;
    if (!settings->is_fifo)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Value " SLICE_FMT " for parameter ReceiveRequestAttemptId is "
                            "invalid. Reason: The request include parameter that is not valid for "
                            "this queue type.",
                            SLICE_ARG(r->attempt_id));
    return check_message_id("ReceiveRequestAttemptId", r->attempt_id, refusal);
}

static bool is_system_name(struct slice name)
{
    static const char *const names[] = {"All",
                                        "SenderId",
                                        "SentTimestamp",
                                        "ApproximateReceiveCount",
                                        "ApproximateFirstReceiveTimestamp",
                                        "SequenceNumber",
                                        "MessageDeduplicationId",
                                        "MessageGroupId",
                                        "AWSTraceHeader",
                                        "DeadLetterQueueSourceArn"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_is(name, names[i]))
            return true;
    return false;
}

static enum queue_error check_names(const struct api_request *r, struct queue_refusal *refusal)
{
    const struct api_strings *lists[] = {&r->attribute_names, &r->system_attribute_names};

    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < lists[i]->count; j++)
            if (!is_system_name(lists[i]->items[j]))
                return queue_refuse(refusal, QUEUE_ATTRIBUTE_NAME_INVALID,
                                    "Unknown Attribute " SLICE_FMT ".",
                                    SLICE_ARG(lists[i]->items[j]));
    return QUEUE_OK;
}

enum step op_receive_message(struct queue_call *call, struct moment at,
                             struct queue_refusal *refusal)
{
    const struct api_request *r = &call->request;
    struct queue *queue;
    int64_t wait;

    if (call_queue(call, &queue, refusal) != QUEUE_OK ||
        check(r, queue_settings(queue), refusal) != QUEUE_OK || check_names(r, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    wait = r->wait == API_ABSENT ? queue_settings(queue)->wait_s : r->wait;
    if (call->service->is_stopping)
        wait = 0;
    call->poll = (struct poll){
        .queue = queue,
        .max = r->max_messages == API_ABSENT ? 1 : (unsigned)r->max_messages,
        .visibility_s = r->visibility == API_ABSENT ? -1 : r->visibility,
        .until = sl_time_add(at.now, sl_sec(wait)),
        .attempt_id = r->attempt_id,
    };
    call->state = CALL_POLLING;
    call->is_long = wait > 0;
    engine_poll(call->service->engine, at, &call->poll);
    /* Without a watch an answer that fails is found by the visibility timeout. */
    call->has_watch = call->caller.ops->watch(call->caller.of, call, call->poll.is_parked_);
    return STEP_WAIT;
}

/* ---- the answer ---- */

/* At the end of the text: three of these are in every message, and printf is slow. */
static struct slice number(char text[32], uint64_t n)
{
    char *end = text + 32, *p = end;

    do
        *--p = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    return (struct slice){p, (size_t)(end - p)};
}

struct system_attribute {
    struct slice name, value;
};

enum { SYSTEM_MAX = 9 };

/* What a message has beside what was sent, as far as it was asked for. */
static size_t collect_system(const struct queue_call *call, const struct receipt *receipt,
                             const struct payload *payload, struct system_attribute *out,
                             char text[3][32], char sequence[SEQUENCE_SIZE])
{
    const struct payload_head *head = &payload->head;
    const struct system_attribute all[SYSTEM_MAX] = {
        {SLICE("SenderId"), payload_sender(payload)},
        {SLICE("ApproximateFirstReceiveTimestamp"),
         number(text[0], (uint64_t)receipt->first_received_ms)},
        {SLICE("ApproximateReceiveCount"), number(text[1], receipt->receives)},
        {SLICE("SentTimestamp"), number(text[2], (uint64_t)head->sent_ms)},
        {SLICE("SequenceNumber"),
         head->sequence > 0 ? sequence_text(head->sequence, sequence) : (struct slice){NULL, 0}},
        {SLICE("MessageDeduplicationId"), payload_dedup(payload)},
        {SLICE("MessageGroupId"), payload_group(payload)},
        {SLICE("AWSTraceHeader"), payload_trace(payload)},
        {SLICE("DeadLetterQueueSourceArn"), slice_of(receipt->origin)},
    };
    size_t n = 0;

    for (size_t i = 0; i < SYSTEM_MAX; i++)
        if (all[i].value.p && api_wants_system(&call->request, all[i].name))
            out[n++] = all[i];
    return n;
}

static void answer_system(struct queue_call *call, const struct receipt *receipt,
                          const struct payload *payload)
{
    struct system_attribute attributes[SYSTEM_MAX];
    char text[3][32], sequence[SEQUENCE_SIZE];
    size_t n = collect_system(call, receipt, payload, attributes, text, sequence);

    if (n == 0)
        return;
    answer_map_begin(&call->answer, "Attributes");
    for (size_t i = 0; i < n; i++)
        answer_map_entry(&call->answer, attributes[i].name, attributes[i].value);
    answer_map_end(&call->answer);
}

/* The digest is of those that are returned (facts: SQS, MD5 rules). */
static void answer_attributes(struct queue_call *call, const struct payload *payload)
{
    struct payload_attribute all[QUEUE_ATTRIBUTES_MAX], wanted[QUEUE_ATTRIBUTES_MAX];
    size_t count = payload_attributes(payload, all), n = 0;
    uint8_t digest[16];
    char text[33];

    for (size_t i = 0; i < count; i++)
        if (api_wants_attribute(&call->request.message_attribute_names, all[i].name))
            wanted[n++] = all[i];
    if (n == 0)
        return;
    if (n == count)
        memcpy(digest, payload->head.attributes_md5, sizeof digest);
    else
        payload_digest(wanted, n, digest);
    md5_print(digest, text);
    answer_string(&call->answer, "MD5OfMessageAttributes", slice_of(text));
    answer_map_begin(&call->answer, "MessageAttributes");
    for (size_t i = 0; i < n; i++)
        answer_map_attribute(&call->answer, &wanted[i]);
    answer_map_end(&call->answer);
}

static void answer_message(struct queue_call *call, unsigned i, const struct payload *payload)
{
    struct answer *a = &call->answer;
    char id[REQUEST_ID_SIZE], digest[33];

    uuid_text(payload->head.id, id);
    md5_print(payload->head.body_md5, digest);
    answer_item_begin(a);
    answer_string(a, "MessageId", (struct slice){id, REQUEST_ID_SIZE - 1});
    answer_string(a, "ReceiptHandle", (struct slice){call->handles[i], HANDLE_SIZE - 1});
    answer_string(a, "MD5OfBody", (struct slice){digest, sizeof digest - 1});
    answer_string(a, "Body", payload_body(payload));
    answer_system(call, &call->poll.receipts[i], payload);
    answer_attributes(call, payload);
    answer_item_end(a);
}

/* Every payload is there, or its message is gone: it was deleted while it was looked for. */
static void write_answer(struct queue_call *call)
{
    struct queue_refusal refusal;
    bool has_list = false;

    if (call->load_error < 0) {
        queue_refuse_plainly(&refusal, QUEUE_UNAVAILABLE);
        receive_undo(call, service_moment());
        call_refuse(call, &refusal);
        return;
    }
    call_answer_begin(call);
    for (unsigned i = 0; i < call->poll.count; i++) {
        const struct payload *payload = call->poll.receipts[i].payload;

        if (!payload)
            continue;
        if (!has_list)
            answer_list_begin(&call->answer, "Messages");
        has_list = true;
        answer_message(call, i, payload);
    }
    if (has_list)
        answer_list_end(&call->answer);
    poll_deinit(&call->poll);
    if (call_answer_end(call, STEP_REPLY, &refusal) == STEP_REFUSE) {
        receive_undo(call, service_moment());
        call_refuse(call, &refusal);
        return;
    }
    /* A handle of what was moved must hold after a crash: it would not if that was forgotten. */
    if (has_list && call->service->moved_waits)
        call_reply_durably(call);
    else
        call_reply(call);
}

static void loaded(struct queue_call *call)
{
    size_t n = 0;

    for (unsigned i = 0; call->load_error == 0 && i < call->poll.count; i++)
        if (!call->poll.receipts[i].payload) {
            call->poll.receipts[i].payload = SL_TAKE(call->loading->payloads[n]);
            n++;
        }
    write_answer(call);
}

void receive_polled(struct queue_call *call, struct moment at)
{
    struct queue_refusal refusal;
    size_t missing = 0;

    if (call->poll.error != QUEUE_OK) {
        queue_refuse_plainly(&refusal, call->poll.error);
        call_refuse(call, &refusal);
        return;
    }
    if (fault_happens(call->service, call->service->config.faults.shuffle))
        faults_shuffle(call->service, call->poll.receipts, call->poll.count);
    call->given_count = call->poll.count;
    for (unsigned i = 0; i < call->poll.count; i++) {
        const struct receipt *receipt = &call->poll.receipts[i];

        call->given[i] = *receipt;
        call->given[i].payload = NULL;
        if (fault_happens(call->service, call->service->config.faults.duplicate))
            engine_return(call->service->engine, at, receipt);
        engine_handle(call->service->engine, call->poll.queue, receipt, call->handles[i]);
        missing += !receipt->payload;
    }
    if (missing == 0) {
        write_answer(call);
        return;
    }
    if (!call_load_new(call)) {
        call->load_error = -1;
        write_answer(call);
        return;
    }
    for (unsigned i = 0, n = 0; i < call->poll.count; i++)
        if (!call->poll.receipts[i].payload)
            call->loading->seqs[n++] = call->poll.receipts[i].seq;
    call_load(call, missing, loaded);
}

void receive_undo(struct queue_call *call, struct moment at)
{
    for (unsigned i = 0; i < call->given_count; i++)
        engine_return(call->service->engine, at, &call->given[i]);
    if (call->given_count > 0)
        service_settle(call->service, NULL);
    call->given_count = 0;
}

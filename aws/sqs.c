/* The operations on a queue: each writes a body, has it carried out, and reads the answer. */
#include "aws/sqs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sqs_call.h"
#include "core/json.h"

/* A receive's request times out so much later than its poll, whatever is configured. */
static const sl_dur receive_slack = SL_DUR_SEC(10);
static const sl_dur send_timeout = SL_DUR_SEC(30); /* 1 MiB at 300 kbit/s */

/*
 * Ten bodies of 1 MiB, each byte written as six (\u0000): more than any legal answer has. Less would
 * make a receive fail for ever over messages that it can never skip.
 */
enum { RECEIVE_ANSWER_MAX = 64 << 20 };

static const struct sqs_operation receive_message = {"ReceiveMessage", "sqs:ReceiveMessage",
                                                     SLICE_INIT("AmazonSQS.ReceiveMessage"), true};
static const struct sqs_operation delete_message_batch = {
    "DeleteMessageBatch", "sqs:DeleteMessage", SLICE_INIT("AmazonSQS.DeleteMessageBatch"), false};
static const struct sqs_operation change_visibility_batch = {
    "ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility",
    SLICE_INIT("AmazonSQS.ChangeMessageVisibilityBatch"), false};
static const struct sqs_operation send_message_batch = {
    "SendMessageBatch", "sqs:SendMessage", SLICE_INIT("AmazonSQS.SendMessageBatch"), false};
static const struct sqs_operation get_queue_attributes = {
    "GetQueueAttributes", "sqs:GetQueueAttributes", SLICE_INIT("AmazonSQS.GetQueueAttributes"),
    false};

static struct sqs_call *begin(struct sqs_queue *queue, const struct sqs_operation *operation)
{
    return sqs_call_begin(queue->client, sqs_queue_target(queue), operation);
}

/* ---- receiving ---- */

static int read_messages(struct sqs_call *call, struct sqs_receive_answer *out,
                         struct sqs_failure *failure)
{
    struct strbuf old = out->bytes;
    size_t count;

    if (sqs_read_receive(strbuf_slice(&call->answer.body), out->messages, SQS_ENTRIES_MAX,
                         &count) != 0) {
        out->cut++;
        call->client->counts.receives_cut++;
        return sqs_call_malformed(call, failure);
    }
    out->count = count < SQS_ENTRIES_MAX ? count : SQS_ENTRIES_MAX;
    out->bytes = call->answer.body;
    call->answer.body = old;
    out->asked = call->asked;
    out->answered = call->answer.answered;
    out->told_time = call->told_time;
    return 0;
}

int sqs_receive(struct sqs_queue *queue, struct sl_ctx *ctx,
                const struct sqs_receive_options *options, struct sqs_receive_answer *out,
                struct sqs_failure *failure)
{
    struct sqs_call *call = begin(queue, &receive_message);
    char attempt_id[37];
    struct sqs_receive_params params = {
        .queue_url = slice_of(queue->url),
        .max = options->count,
        .wait_s = options->wait_s,
        .visibility_s = options->visibility_s < 0 ? -1 : options->visibility_s,
    };
    int result;

    out->cut = 0;
    if (!call)
        return -ENOMEM;
    if (queue->is_fifo) {
        sl_uuid4(attempt_id);
        params.attempt_id = slice_of(attempt_id);
    }
    sqs_write_receive(&call->body, &params);
    call->timeout = sl_dur_add(sl_sec(options->wait_s), receive_slack);
    call->answer_max = RECEIVE_ANSWER_MAX;
    call->begin_in = options->begin_in;
    result = sqs_call_perform(call, ctx, failure);
    out->cut = call->cut;
    if (result == 0)
        result = read_messages(call, out, failure);
    sqs_call_end(call);
    return result;
}

/* ---- batches ---- */

static enum sqs_entry_state state_of(const struct sqs_call_result *result)
{
    switch (result->state) {
    case SQS_CALL_DONE:
        return SQS_ENTRY_DONE;
    case SQS_CALL_REFUSED:
        return SQS_ENTRY_REFUSED;
    case SQS_CALL_MISSING:
    case SQS_CALL_FAILED:
        break;
    }
    return PLANTED(3) ? SQS_ENTRY_DONE : SQS_ENTRY_RETRY;
}

static int read_entries(struct sqs_call *call, struct sqs_entry *entries, size_t count,
                        struct sqs_failure *failure)
{
    struct sqs_call_result results[SQS_ENTRIES_MAX];

    if (sqs_read_batch(strbuf_slice(&call->answer.body), results, count) != 0)
        return sqs_call_malformed(call, failure);
    for (size_t i = 0; i < count; i++) {
        entries[i].state = state_of(&results[PLANTED(28) ? count - 1 - i : i]);
        memcpy(entries[i].code, results[i].code, sizeof(entries[i].code));
        memcpy(entries[i].message, results[i].message, sizeof(entries[i].message));
    }
    return 0;
}

/* Carries out a batch call whose body is written, and ends it. */
static int perform_batch(struct sqs_call *call, struct sl_ctx *ctx, struct sqs_entry *entries,
                         size_t count, struct sqs_failure *failure)
{
    int result = sqs_call_perform(call, ctx, failure);

    if (result == 0)
        result = read_entries(call, entries, count, failure);
    sqs_call_end(call);
    return result;
}

int sqs_delete_batch(struct sqs_queue *queue, struct sl_ctx *ctx, const struct slice *handles,
                     size_t count, struct sqs_entry *entries, struct sqs_failure *failure)
{
    struct sqs_call *call = begin(queue, &delete_message_batch);
    struct sqs_call_entry wire[SQS_ENTRIES_MAX];

    sl_assert(count > 0 && count <= SQS_ENTRIES_MAX);
    if (!call)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        wire[i] = (struct sqs_call_entry){.handle = handles[i]};
    sqs_write_delete_batch(&call->body, slice_of(queue->url), wire, count);
    return perform_batch(call, ctx, entries, count, failure);
}

int sqs_change_visibility_batch(struct sqs_queue *queue, struct sl_ctx *ctx,
                                const struct sqs_visibility *changes, size_t count,
                                struct sqs_entry *entries, struct sqs_failure *failure)
{
    struct sqs_call *call = begin(queue, &change_visibility_batch);
    struct sqs_call_entry wire[SQS_ENTRIES_MAX];

    sl_assert(count > 0 && count <= SQS_ENTRIES_MAX);
    if (!call)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        wire[i] = (struct sqs_call_entry){.handle = changes[i].handle,
                                          .visibility_s = changes[i].timeout_s};
    sqs_write_change_batch(&call->body, slice_of(queue->url), wire, count);
    return perform_batch(call, ctx, entries, count, failure);
}

static int not_utf8(struct sqs_failure *failure)
{
    *failure = (struct sqs_failure){.trouble = SQS_TROUBLE_REQUEST,
                                    .operation = send_message_batch.name,
                                    .permission = send_message_batch.permission};
    snprintf(failure->message, sizeof(failure->message), "a message is not UTF-8");
    return SQS_FAILED;
}

int sqs_send_batch(struct sqs_queue *queue, struct sl_ctx *ctx, const struct sqs_send *what,
                   struct sqs_entry *entries, struct sqs_failure *failure)
{
    struct sqs_call *call = begin(queue, &send_message_batch);

    sl_assert(what->count > 0 && what->count <= SQS_ENTRIES_MAX);
    if (!call)
        return -ENOMEM;
    if (!sqs_write_send_batch(&call->body, slice_of(queue->url), what->messages, what->count,
                              what->attributes, what->attribute_count)) {
        sqs_call_end(call);
        return not_utf8(failure);
    }
    call->timeout = send_timeout;
    return perform_batch(call, ctx, entries, what->count, failure);
}

/* ---- attributes ---- */

/* The number that an attribute holds; `otherwise` when it is not there, or none. */
static uint64_t number(struct slice answer, const char *name, uint64_t otherwise,
                       struct strbuf *scratch)
{
    char *end;
    unsigned long long n;

    if (sqs_read_attribute(answer, name, scratch) != 0 || scratch->n == 0)
        return otherwise;
    n = strtoull(scratch->p, &end, 10);
    return *end || scratch->p[0] == '-' ? otherwise : n;
}

static void text(struct slice answer, const char *name, char *out, size_t room,
                 struct strbuf *scratch)
{
    if (sqs_read_attribute(answer, name, scratch) == 0 && scratch->n < room)
        memcpy(out, scratch->p, scratch->n + 1);
}

/* The redrive policy is JSON in a string; its count may be a number or a string. */
static void read_redrive(struct slice policy, struct sqs_queue_attributes *out)
{
    struct json_value key, value;
    struct strbuf plain = {0};
    struct json j;

    json_init(&j, policy);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return;
    while (json_member(&j, &key) && json_skip(&j, &value)) {
        if (value.type != JSON_STRING && value.type != JSON_NUMBER)
            continue;
        strbuf_reset(&plain);
        json_unescape(value.text, &plain);
        if (strbuf_failed(&plain) || plain.n == 0 || plain.n >= sizeof(out->dead_letter_arn))
            continue;
        if (json_is(&key, "maxReceiveCount"))
            out->max_receive_count = strtoull(plain.p, NULL, 10);
        else if (json_is(&key, "deadLetterTargetArn"))
            memcpy(out->dead_letter_arn, plain.p, plain.n + 1);
    }
    out->has_redrive = json_end(&j) && out->dead_letter_arn[0];
    strbuf_deinit(&plain);
}

/* 0, SQS_MALFORMED or -ENOMEM. */
static int read_attributes(struct slice answer, struct sqs_queue_attributes *out)
{
    struct strbuf scratch = {0};
    int result = sqs_read_attribute(answer, "VisibilityTimeout", &scratch);

    *out = (struct sqs_queue_attributes){0};
    if (result == 0 || result == -ENOENT) {
        /* What a new queue has, if a stand-in for SQS leaves one out. */
        out->visibility = sl_sec((int64_t)number(answer, "VisibilityTimeout", 30, &scratch));
        out->retention =
            sl_sec((int64_t)number(answer, "MessageRetentionPeriod", 345600, &scratch));
        out->message_bytes_max = number(answer, "MaximumMessageSize", 1 << 20, &scratch);
        out->visible = number(answer, "ApproximateNumberOfMessages", 0, &scratch);
        out->in_flight = number(answer, "ApproximateNumberOfMessagesNotVisible", 0, &scratch);
        out->delayed = number(answer, "ApproximateNumberOfMessagesDelayed", 0, &scratch);
        text(answer, "QueueArn", out->arn, sizeof(out->arn), &scratch);
        if (sqs_read_attribute(answer, "RedrivePolicy", &scratch) == 0)
            read_redrive(strbuf_slice(&scratch), out);
        result = 0;
    }
    strbuf_deinit(&scratch);
    return result;
}

int sqs_get_attributes(struct sqs_queue *queue, struct sl_ctx *ctx,
                       struct sqs_queue_attributes *out, struct sqs_failure *failure)
{
    struct sqs_call *call = begin(queue, &get_queue_attributes);
    struct sqs_queue_attributes attributes;
    int result;

    if (!call)
        return -ENOMEM;
    sqs_write_get_queue_attributes(&call->body, slice_of(queue->url));
    result = sqs_call_perform(call, ctx, failure);
    if (result == 0) {
        result = read_attributes(strbuf_slice(&call->answer.body), &attributes);
        if (result == SQS_MALFORMED)
            result = sqs_call_malformed(call, failure);
        else if (result == 0)
            *out = attributes;
    }
    sqs_call_end(call);
    return result;
}

/* The operations as a table, and what several of them need. */
#include <stdio.h>
#include <string.h>

#include "queue/service_impl.h"

static const struct {
    operation_fn *run;
    bool only_looks;
} operations[OPERATIONS] = {
    [OP_ADD_PERMISSION] = {op_add_permission, false},
    [OP_CANCEL_MESSAGE_MOVE_TASK] = {op_cancel_message_move_task, false},
    [OP_CHANGE_MESSAGE_VISIBILITY] = {op_change_message_visibility, false},
    [OP_CHANGE_MESSAGE_VISIBILITY_BATCH] = {op_change_message_visibility_batch, false},
    [OP_CREATE_QUEUE] = {op_create_queue, false},
    [OP_DELETE_MESSAGE] = {op_delete_message, false},
    [OP_DELETE_MESSAGE_BATCH] = {op_delete_message_batch, false},
    [OP_DELETE_QUEUE] = {op_delete_queue, false},
    [OP_GET_QUEUE_ATTRIBUTES] = {op_get_queue_attributes, true},
    [OP_GET_QUEUE_URL] = {op_get_queue_url, true},
    [OP_LIST_DEAD_LETTER_SOURCE_QUEUES] = {op_list_dead_letter_source_queues, true},
    [OP_LIST_MESSAGE_MOVE_TASKS] = {op_list_message_move_tasks, true},
    [OP_LIST_QUEUE_TAGS] = {op_list_queue_tags, true},
    [OP_LIST_QUEUES] = {op_list_queues, true},
    [OP_PURGE_QUEUE] = {op_purge_queue, false},
    [OP_RECEIVE_MESSAGE] = {op_receive_message, true},
    [OP_REMOVE_PERMISSION] = {op_remove_permission, false},
    [OP_SEND_MESSAGE] = {op_send_message, false},
    [OP_SEND_MESSAGE_BATCH] = {op_send_message_batch, false},
    [OP_SET_QUEUE_ATTRIBUTES] = {op_set_queue_attributes, false},
    [OP_START_MESSAGE_MOVE_TASK] = {op_start_message_move_task, false},
    [OP_TAG_QUEUE] = {op_tag_queue, false},
    [OP_UNTAG_QUEUE] = {op_untag_queue, false},
};

bool operation_only_looks(enum operation operation)
{
    return operations[operation].only_looks;
}

enum step operation_run(struct queue_call *call, struct moment at, struct queue_refusal *refusal)
{
    return operations[call->request.operation].run(call, at, refusal);
}

/* ---- addresses ---- */

static enum queue_error no_such_queue(struct queue_refusal *refusal)
{
    return queue_refuse(refusal, QUEUE_DOES_NOT_EXIST, "The specified queue does not exist.");
}

/* The last two segments of a URL's path, or of a bare path. false: there are none. */
static bool split_url(struct slice url, struct slice *account, struct slice *name)
{
    const char *scheme = memmem(url.p, url.n, "://", 3);
    const char *end = url.p + url.n, *from = scheme ? scheme + 3 : url.p;
    const char *path = memchr(from, '/', (size_t)(end - from));
    const char *last = path ? memrchr(path, '/', (size_t)(end - path)) : NULL;
    const char *before = last ? memrchr(path, '/', (size_t)(last - path)) : NULL;

    if (!before)
        return false;
    *account = (struct slice){before + 1, (size_t)(last - before - 1)};
    *name = (struct slice){last + 1, (size_t)(end - last - 1)};
    return name->n > 0;
}

enum queue_error call_queue(struct queue_call *call, struct queue **out,
                            struct queue_refusal *refusal)
{
    struct slice url = call->request.queue_url, account, name;

    if (url.n == 0)
        return queue_refuse(refusal, QUEUE_PARAMETER_MISSING,
                            "The request must contain the parameter QueueUrl.");
    if (!split_url(url, &account, &name))
        return queue_refuse(refusal, QUEUE_ADDRESS_INVALID,
                            "The address " SLICE_FMT " is not valid for this endpoint.",
                            SLICE_ARG(url));
    if (!slice_is(account, call->service->account))
        return no_such_queue(refusal);
    *out = engine_queue_find(call->service->engine, name);
    return *out ? QUEUE_OK : no_such_queue(refusal);
}

void call_url(const struct queue_call *call, const struct queue *queue, char out[URL_SIZE])
{
    struct slice host = call->caller.ops->header(call->caller.of, "Host");

    if (host.n > 0 && host.n <= 255)
        snprintf(out, URL_SIZE, "http://" SLICE_FMT "/%s/%s", SLICE_ARG(host),
                 call->service->account, queue_name(queue));
    else
        snprintf(out, URL_SIZE, "http://localhost/%s/%s", call->service->account,
                 queue_name(queue));
}

/* ---- answers ---- */

void call_answer_begin(struct queue_call *call)
{
    strbuf_reset(&call->body);
    answer_begin(&call->answer, call->request.protocol, call->request.operation,
                 (struct slice){call->request_id, REQUEST_ID_SIZE - 1}, &call->body);
}

enum step call_answer_end(struct queue_call *call, enum step step, struct queue_refusal *refusal)
{
    answer_end(&call->answer);
    if (!strbuf_failed(&call->body))
        return step;
    queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    return STEP_REFUSE;
}

/* ---- small things ---- */

struct slice sequence_text(uint64_t sequence, char out[SEQUENCE_SIZE])
{
    int n = snprintf(out, SEQUENCE_SIZE, "%020llu", (unsigned long long)sequence);

    return (struct slice){out, (size_t)n};
}

void random_id(uint8_t id[16])
{
    const uint64_t random[2] = {sl_random(), sl_random()};

    memcpy(id, random, 16);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40); /* RFC 9562: version 4, variant 10 */
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
}

static char *put_hex(char *out, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
    return out;
}

void uuid_text(const uint8_t id[16], char out[REQUEST_ID_SIZE])
{
    static const uint8_t parts[] = {4, 2, 2, 2, 6};

    for (size_t i = 0; i < sizeof parts; i++) {
        if (i > 0)
            *out++ = '-';
        out = put_hex(out, id, parts[i]);
        id += parts[i];
    }
}

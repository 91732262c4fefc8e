/* Move tasks: from a dead-letter queue back to where its messages came from, or elsewhere. */
#include <string.h>

#include "queue/service_impl.h"

enum { RESULTS_MAX = 10 }; /* service model, ListMessageMoveTasks */

enum step op_start_message_move_task(struct queue_call *call, struct moment at,
                                     struct queue_refusal *refusal)
{
    const struct api_request *r = &call->request;
    char handle[MOVE_HANDLE_SIZE];
    uint8_t id[16];

    if (r->rate != API_ABSENT && (r->rate < 1 || r->rate > QUEUE_MOVE_RATE_MAX)) {
        queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                     "Value %lld for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: "
                     "Must be between 1 and %d.",
                     (long long)r->rate, QUEUE_MOVE_RATE_MAX);
        return STEP_REFUSE;
    }
    random_id(id);
    if (engine_move_start(call->service->engine, at, r->source_arn, r->destination_arn,
                          r->rate == API_ABSENT ? 0 : r->rate, id, handle, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    call_answer_begin(call);
    answer_string(&call->answer, "TaskHandle", slice_of(handle));
    return call_answer_end(call, STEP_SYNC, refusal);
}

enum step op_cancel_message_move_task(struct queue_call *call, struct moment at,
                                      struct queue_refusal *refusal)
{
    uint64_t moved;

    if (engine_move_cancel(call->service->engine, at, call->request.task_handle, &moved, refusal) !=
        QUEUE_OK)
        return STEP_REFUSE;
    call_answer_begin(call);
    answer_number(&call->answer, "ApproximateNumberOfMessagesMoved", (int64_t)moved);
    return call_answer_end(call, STEP_SYNC, refusal);
}

static void answer_task(struct answer *a, const struct move_task *task)
{
    answer_item_begin(a);
    if (*task->handle)
        answer_string(a, "TaskHandle", slice_of(task->handle));
    answer_string(a, "Status", slice_of(move_status_name(task->status)));
    answer_string(a, "SourceArn", slice_of(task->source_arn));
    if (task->destination_arn)
        answer_string(a, "DestinationArn", slice_of(task->destination_arn));
    if (task->rate > 0)
        answer_number(a, "MaxNumberOfMessagesPerSecond", task->rate);
    answer_number(a, "ApproximateNumberOfMessagesMoved", (int64_t)task->moved);
    answer_number(a, "ApproximateNumberOfMessagesToMove", (int64_t)task->to_move);
    if (task->failure)
        answer_string(a, "FailureReason", slice_of(task->failure));
    answer_number(a, "StartedTimestamp", task->started_ms);
    answer_item_end(a);
}

enum step op_list_message_move_tasks(struct queue_call *call, struct moment at,
                                     struct queue_refusal *refusal)
{
    const struct api_request *r = &call->request;
    struct move_task tasks[RESULTS_MAX];
    int64_t max = r->max_results == API_ABSENT ? 1 : r->max_results;
    size_t count;

    (void)at;
    if (max < 1 || max > RESULTS_MAX) {
        queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                     "Value %lld for parameter MaxResults is invalid. Reason: Must be between 1 "
                     "and 10, if provided.",
                     (long long)max);
        return STEP_REFUSE;
    }
    if (engine_move_list(call->service->engine, r->source_arn, tasks, (size_t)max, &count,
                         refusal) != QUEUE_OK)
        return STEP_REFUSE;
    call_answer_begin(call);
    if (count > 0) {
        answer_list_begin(&call->answer, "Results");
        for (size_t i = 0; i < count; i++)
            answer_task(&call->answer, &tasks[i]);
        answer_list_end(&call->answer);
    }
    return call_answer_end(call, STEP_REPLY, refusal);
}

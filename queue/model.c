/*
 * model -- the tables. Names, shapes and required members are those of the model that the SDKs have for AWS JSON; the names
 * of elements in the Query protocol are those of its older edition, and for what is younger, the model's xmlName traits.
 */
#include "queue/model.h"

#include "queue/api.h"

#define REQUEST(field) .at = offsetof(struct api_request, field)
#define ENTRY(field)   .at = offsetof(struct api_entry, field)
#define REQUIRED       .is_required = true

#define STRING     .shape = SHAPE_STRING
#define INTEGER    .shape = SHAPE_INTEGER
#define LONG       .shape = SHAPE_LONG
#define BOOLEAN    .shape = SHAPE_BOOLEAN
#define STRINGS(q) .shape = SHAPE_STRINGS, .query_name = (q)
#define STRING_MAP(q, k, v)                                                                        \
    .shape = SHAPE_STRING_MAP, .query_name = (q), .key_name = (k), .value_name = (v)
#define ATTRIBUTES(q)                                                                              \
    .shape = SHAPE_ATTRIBUTES, .query_name = (q), .key_name = "Name", .value_name = "Value"
#define STRUCTURES(q, m) .shape = SHAPE_STRUCTURES, .query_name = (q), .members = (m)

#define QUEUE_ATTRIBUTES STRING_MAP("Attribute", "Name", "Value")
#define TAGS             STRING_MAP("Tag", "Key", "Value")

typedef const struct model_member members[];

/* ---- inputs ---- */

#define QUEUE_URL                                                                                  \
    {                                                                                              \
        "QueueUrl", STRING, REQUIRED, REQUEST(queue_url)                                           \
    }

static members add_permission_in = {
    QUEUE_URL,
    {"Label", STRING, REQUIRED, REQUEST(label)},
    {"AWSAccountIds", STRINGS("AWSAccountId"), REQUIRED, REQUEST(accounts)},
    {"Actions", STRINGS("ActionName"), REQUIRED, REQUEST(actions)},
    {0},
};

static members cancel_move_task_in = {
    {"TaskHandle", STRING, REQUIRED, REQUEST(task_handle)},
    {0},
};

static members change_visibility_in = {
    QUEUE_URL,
    {"ReceiptHandle", STRING, REQUIRED, REQUEST(handle)},
    {"VisibilityTimeout", INTEGER, REQUIRED, REQUEST(visibility)},
    {0},
};

static members change_visibility_entry = {
    {"Id", STRING, REQUIRED, ENTRY(id)},
    {"ReceiptHandle", STRING, REQUIRED, ENTRY(handle)},
    {"VisibilityTimeout", INTEGER, ENTRY(visibility)},
    {0},
};

static members change_visibility_batch_in = {
    QUEUE_URL,
    {"Entries", STRUCTURES("ChangeMessageVisibilityBatchRequestEntry", change_visibility_entry),
     REQUIRED},
    {0},
};

static members create_queue_in = {
    {"QueueName", STRING, REQUIRED, REQUEST(queue_name)},
    {"Attributes", QUEUE_ATTRIBUTES, REQUEST(attributes)},
    {"tags", TAGS, REQUEST(tags)},
    {0},
};

static members delete_message_in = {
    QUEUE_URL,
    {"ReceiptHandle", STRING, REQUIRED, REQUEST(handle)},
    {0},
};

static members delete_entry = {
    {"Id", STRING, REQUIRED, ENTRY(id)},
    {"ReceiptHandle", STRING, REQUIRED, ENTRY(handle)},
    {0},
};

static members delete_batch_in = {
    QUEUE_URL,
    {"Entries", STRUCTURES("DeleteMessageBatchRequestEntry", delete_entry), REQUIRED},
    {0},
};

static members queue_url_in = {
    QUEUE_URL,
    {0},
};

static members get_attributes_in = {
    QUEUE_URL,
    {"AttributeNames", STRINGS("AttributeName"), REQUEST(attribute_names)},
    {0},
};

static members get_queue_url_in = {
    {"QueueName", STRING, REQUIRED, REQUEST(queue_name)},
    {"QueueOwnerAWSAccountId", STRING, REQUEST(owner_account)},
    {0},
};

static members list_sources_in = {
    QUEUE_URL,
    {"NextToken", STRING, REQUEST(next_token)},
    {"MaxResults", INTEGER, REQUEST(max_results)},
    {0},
};

static members list_move_tasks_in = {
    {"SourceArn", STRING, REQUIRED, REQUEST(source_arn)},
    {"MaxResults", INTEGER, REQUEST(max_results)},
    {0},
};

static members list_queues_in = {
    {"QueueNamePrefix", STRING, REQUEST(prefix)},
    {"NextToken", STRING, REQUEST(next_token)},
    {"MaxResults", INTEGER, REQUEST(max_results)},
    {0},
};

static members receive_in = {
    QUEUE_URL,
    {"AttributeNames", STRINGS("AttributeName"), REQUEST(attribute_names)},
    /* In the Query protocol the same element as the one before, which gets all of them. */
    {"MessageSystemAttributeNames", STRINGS("AttributeName"), REQUEST(system_attribute_names)},
    {"MessageAttributeNames", STRINGS("MessageAttributeName"), REQUEST(message_attribute_names)},
    {"MaxNumberOfMessages", INTEGER, REQUEST(max_messages)},
    {"VisibilityTimeout", INTEGER, REQUEST(visibility)},
    {"WaitTimeSeconds", INTEGER, REQUEST(wait)},
    {"ReceiveRequestAttemptId", STRING, REQUEST(attempt_id)},
    {0},
};

static members remove_permission_in = {
    QUEUE_URL,
    {"Label", STRING, REQUIRED, REQUEST(label)},
    {0},
};

static members send_in = {
    QUEUE_URL,
    {"MessageBody", STRING, REQUIRED, REQUEST(message.body)},
    {"DelaySeconds", INTEGER, REQUEST(message.delay)},
    {"MessageAttributes", ATTRIBUTES("MessageAttribute"), REQUEST(message.attributes)},
    {"MessageSystemAttributes", ATTRIBUTES("MessageSystemAttribute"),
     REQUEST(message.system_attributes)},
    {"MessageDeduplicationId", STRING, REQUEST(message.dedup)},
    {"MessageGroupId", STRING, REQUEST(message.group)},
    {0},
};

static members send_entry = {
    {"Id", STRING, REQUIRED, ENTRY(id)},
    {"MessageBody", STRING, REQUIRED, ENTRY(message.body)},
    {"DelaySeconds", INTEGER, ENTRY(message.delay)},
    {"MessageAttributes", ATTRIBUTES("MessageAttribute"), ENTRY(message.attributes)},
    {"MessageSystemAttributes", ATTRIBUTES("MessageSystemAttribute"),
     ENTRY(message.system_attributes)},
    {"MessageDeduplicationId", STRING, ENTRY(message.dedup)},
    {"MessageGroupId", STRING, ENTRY(message.group)},
    {0},
};

static members send_batch_in = {
    QUEUE_URL,
    {"Entries", STRUCTURES("SendMessageBatchRequestEntry", send_entry), REQUIRED},
    {0},
};

static members set_attributes_in = {
    QUEUE_URL,
    {"Attributes", QUEUE_ATTRIBUTES, REQUIRED, REQUEST(attributes)},
    {0},
};

static members start_move_task_in = {
    {"SourceArn", STRING, REQUIRED, REQUEST(source_arn)},
    {"DestinationArn", STRING, REQUEST(destination_arn)},
    {"MaxNumberOfMessagesPerSecond", INTEGER, REQUEST(rate)},
    {0},
};

static members tag_queue_in = {
    QUEUE_URL,
    {"Tags", TAGS, REQUIRED, REQUEST(tags)},
    {0},
};

static members untag_queue_in = {
    QUEUE_URL,
    {"TagKeys", STRINGS("TagKey"), REQUIRED, REQUEST(tag_keys)},
    {0},
};

/* ---- outputs ---- */

static members failed_entry = {
    {"Id", STRING, REQUIRED},
    {"SenderFault", BOOLEAN, REQUIRED},
    {"Code", STRING, REQUIRED},
    {"Message", STRING},
    {0},
};

#define FAILED                                                                                     \
    {                                                                                              \
        "Failed", STRUCTURES("BatchResultErrorEntry", failed_entry), REQUIRED                      \
    }

static members id_entry = {
    {"Id", STRING, REQUIRED},
    {0},
};

static members cancel_move_task_out = {
    {"ApproximateNumberOfMessagesMoved", LONG},
    {0},
};

static members change_visibility_batch_out = {
    {"Successful", STRUCTURES("ChangeMessageVisibilityBatchResultEntry", id_entry), REQUIRED},
    FAILED,
    {0},
};

static members queue_url_out = {
    {"QueueUrl", STRING},
    {0},
};

static members delete_batch_out = {
    {"Successful", STRUCTURES("DeleteMessageBatchResultEntry", id_entry), REQUIRED},
    FAILED,
    {0},
};

static members get_attributes_out = {
    {"Attributes", QUEUE_ATTRIBUTES},
    {0},
};

static members list_sources_out = {
    {"queueUrls", STRINGS("QueueUrl"), REQUIRED},
    {"NextToken", STRING},
    {0},
};

static members move_task = {
    {"TaskHandle", STRING},
    {"Status", STRING},
    {"SourceArn", STRING},
    {"DestinationArn", STRING},
    {"MaxNumberOfMessagesPerSecond", INTEGER},
    {"ApproximateNumberOfMessagesMoved", LONG},
    {"ApproximateNumberOfMessagesToMove", LONG},
    {"FailureReason", STRING},
    {"StartedTimestamp", LONG},
    {0},
};

static members list_move_tasks_out = {
    {"Results", STRUCTURES("ListMessageMoveTasksResultEntry", move_task)},
    {0},
};

static members list_tags_out = {
    {"Tags", TAGS},
    {0},
};

static members list_queues_out = {
    {"QueueUrls", STRINGS("QueueUrl")},
    {"NextToken", STRING},
    {0},
};

static members message = {
    {"MessageId", STRING},
    {"ReceiptHandle", STRING},
    {"MD5OfBody", STRING},
    {"Body", STRING},
    {"Attributes", STRING_MAP("Attribute", "Name", "Value")},
    {"MD5OfMessageAttributes", STRING},
    {"MessageAttributes", ATTRIBUTES("MessageAttribute")},
    {0},
};

static members receive_out = {
    {"Messages", STRUCTURES("Message", message)},
    {0},
};

static members send_out = {
    {"MD5OfMessageBody", STRING},
    {"MD5OfMessageAttributes", STRING},
    {"MD5OfMessageSystemAttributes", STRING},
    {"MessageId", STRING},
    {"SequenceNumber", STRING},
    {0},
};

static members sent_entry = {
    {"Id", STRING, REQUIRED},
    {"MessageId", STRING, REQUIRED},
    {"MD5OfMessageBody", STRING, REQUIRED},
    {"MD5OfMessageAttributes", STRING},
    {"MD5OfMessageSystemAttributes", STRING},
    {"SequenceNumber", STRING},
    {0},
};

static members send_batch_out = {
    {"Successful", STRUCTURES("SendMessageBatchResultEntry", sent_entry), REQUIRED},
    FAILED,
    {0},
};

static members start_move_task_out = {
    {"TaskHandle", STRING},
    {0},
};

/* ---- errors ---- */

typedef const enum queue_error errors[];

/* What every operation may answer with, and what most that have a queue's URL do. */
#define COMMON                                                                                     \
    QUEUE_REQUEST_THROTTLED, QUEUE_ADDRESS_INVALID, QUEUE_SECURITY_INVALID,                        \
        QUEUE_UNSUPPORTED_OPERATION, QUEUE_OK
#define BATCH                                                                                      \
    QUEUE_TOO_MANY_ENTRIES, QUEUE_BATCH_EMPTY, QUEUE_BATCH_IDS_NOT_DISTINCT, QUEUE_BATCH_ID_INVALID
#define KMS                                                                                        \
    QUEUE_KMS_ACCESS_DENIED, QUEUE_KMS_DISABLED, QUEUE_KMS_INVALID_KEY_USAGE,                      \
        QUEUE_KMS_INVALID_STATE, QUEUE_KMS_NOT_FOUND, QUEUE_KMS_OPT_IN_REQUIRED,                   \
        QUEUE_KMS_THROTTLED

static errors common_errors = {COMMON};
static errors queue_errors_only = {QUEUE_DOES_NOT_EXIST, COMMON};
static errors add_permission_errors = {QUEUE_OVER_LIMIT, QUEUE_DOES_NOT_EXIST, COMMON};
static errors task_errors = {QUEUE_RESOURCE_NOT_FOUND, COMMON};
static errors change_visibility_errors = {QUEUE_NOT_IN_FLIGHT, QUEUE_HANDLE_INVALID,
                                          QUEUE_DOES_NOT_EXIST, COMMON};
static errors batch_errors = {BATCH, QUEUE_DOES_NOT_EXIST, COMMON};
static errors create_queue_errors = {QUEUE_DELETED_RECENTLY, QUEUE_NAME_EXISTS,
                                     QUEUE_ATTRIBUTE_NAME_INVALID, QUEUE_ATTRIBUTE_VALUE_INVALID,
                                     COMMON};
static errors delete_message_errors = {QUEUE_ID_FORMAT_INVALID, QUEUE_HANDLE_INVALID,
                                       QUEUE_DOES_NOT_EXIST, COMMON};
static errors get_attributes_errors = {QUEUE_ATTRIBUTE_NAME_INVALID, QUEUE_DOES_NOT_EXIST, COMMON};
static errors purge_errors = {QUEUE_PURGE_IN_PROGRESS, QUEUE_DOES_NOT_EXIST, COMMON};
static errors receive_errors = {QUEUE_OVER_LIMIT, QUEUE_DOES_NOT_EXIST, KMS, COMMON};
static errors send_errors = {QUEUE_CONTENTS_INVALID, QUEUE_DOES_NOT_EXIST, KMS, COMMON};
static errors send_batch_errors = {BATCH, QUEUE_BATCH_TOO_LONG, QUEUE_DOES_NOT_EXIST, KMS, COMMON};
static errors set_attributes_errors = {QUEUE_ATTRIBUTE_NAME_INVALID, QUEUE_ATTRIBUTE_VALUE_INVALID,
                                       QUEUE_OVER_LIMIT, QUEUE_DOES_NOT_EXIST, COMMON};

/* ---- operations ---- */

const struct model_operation model_operations[OPERATIONS] = {
    [OP_ADD_PERMISSION] = {"AddPermission", add_permission_in, NULL, add_permission_errors},
    [OP_CANCEL_MESSAGE_MOVE_TASK] = {"CancelMessageMoveTask", cancel_move_task_in,
                                     cancel_move_task_out, task_errors},
    [OP_CHANGE_MESSAGE_VISIBILITY] = {"ChangeMessageVisibility", change_visibility_in, NULL,
                                      change_visibility_errors},
    [OP_CHANGE_MESSAGE_VISIBILITY_BATCH] = {"ChangeMessageVisibilityBatch",
                                            change_visibility_batch_in, change_visibility_batch_out,
                                            batch_errors},
    [OP_CREATE_QUEUE] = {"CreateQueue", create_queue_in, queue_url_out, create_queue_errors},
    [OP_DELETE_MESSAGE] = {"DeleteMessage", delete_message_in, NULL, delete_message_errors},
    [OP_DELETE_MESSAGE_BATCH] = {"DeleteMessageBatch", delete_batch_in, delete_batch_out,
                                 batch_errors},
    [OP_DELETE_QUEUE] = {"DeleteQueue", queue_url_in, NULL, queue_errors_only},
    [OP_GET_QUEUE_ATTRIBUTES] = {"GetQueueAttributes", get_attributes_in, get_attributes_out,
                                 get_attributes_errors},
    [OP_GET_QUEUE_URL] = {"GetQueueUrl", get_queue_url_in, queue_url_out, queue_errors_only},
    [OP_LIST_DEAD_LETTER_SOURCE_QUEUES] = {"ListDeadLetterSourceQueues", list_sources_in,
                                           list_sources_out, queue_errors_only},
    [OP_LIST_MESSAGE_MOVE_TASKS] = {"ListMessageMoveTasks", list_move_tasks_in, list_move_tasks_out,
                                    task_errors},
    [OP_LIST_QUEUE_TAGS] = {"ListQueueTags", queue_url_in, list_tags_out, queue_errors_only},
    [OP_LIST_QUEUES] = {"ListQueues", list_queues_in, list_queues_out, common_errors},
    [OP_PURGE_QUEUE] = {"PurgeQueue", queue_url_in, NULL, purge_errors},
    [OP_RECEIVE_MESSAGE] = {"ReceiveMessage", receive_in, receive_out, receive_errors},
    [OP_REMOVE_PERMISSION] = {"RemovePermission", remove_permission_in, NULL, queue_errors_only},
    [OP_SEND_MESSAGE] = {"SendMessage", send_in, send_out, send_errors},
    [OP_SEND_MESSAGE_BATCH] = {"SendMessageBatch", send_batch_in, send_batch_out,
                               send_batch_errors},
    [OP_SET_QUEUE_ATTRIBUTES] = {"SetQueueAttributes", set_attributes_in, NULL,
                                 set_attributes_errors},
    [OP_START_MESSAGE_MOVE_TASK] = {"StartMessageMoveTask", start_move_task_in, start_move_task_out,
                                    task_errors},
    [OP_TAG_QUEUE] = {"TagQueue", tag_queue_in, NULL, queue_errors_only},
    [OP_UNTAG_QUEUE] = {"UntagQueue", untag_queue_in, NULL, queue_errors_only},
};

enum operation model_find(struct slice name)
{
    for (enum operation op = 0; op < OPERATIONS; op++)
        if (slice_is(name, model_operations[op].name))
            return op;
    return OPERATIONS;
}

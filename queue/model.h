/*
 * model -- SQS's service model of 2012-11-05 as tables: the operations, what each takes and gives, and how both protocols
 * write it. Readers and writers work from these rows; conformance tests compare them with the published model, operation by
 * operation.
 */
#ifndef QUEUE_MODEL_H
#define QUEUE_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/slice.h"
#include "queue/error.h"

enum operation {
    OP_ADD_PERMISSION,
    OP_CANCEL_MESSAGE_MOVE_TASK,
    OP_CHANGE_MESSAGE_VISIBILITY,
    OP_CHANGE_MESSAGE_VISIBILITY_BATCH,
    OP_CREATE_QUEUE,
    OP_DELETE_MESSAGE,
    OP_DELETE_MESSAGE_BATCH,
    OP_DELETE_QUEUE,
    OP_GET_QUEUE_ATTRIBUTES,
    OP_GET_QUEUE_URL,
    OP_LIST_DEAD_LETTER_SOURCE_QUEUES,
    OP_LIST_MESSAGE_MOVE_TASKS,
    OP_LIST_QUEUE_TAGS,
    OP_LIST_QUEUES,
    OP_PURGE_QUEUE,
    OP_RECEIVE_MESSAGE,
    OP_REMOVE_PERMISSION,
    OP_SEND_MESSAGE,
    OP_SEND_MESSAGE_BATCH,
    OP_SET_QUEUE_ATTRIBUTES,
    OP_START_MESSAGE_MOVE_TASK,
    OP_TAG_QUEUE,
    OP_UNTAG_QUEUE,
    OPERATIONS
};

enum shape {
    SHAPE_STRING,
    SHAPE_INTEGER,
    SHAPE_LONG,
    SHAPE_BOOLEAN,
    SHAPE_BLOB,
    SHAPE_STRINGS, /* list of strings */
    SHAPE_STRING_MAP, /* name to string: queue attributes, tags, message system attributes of an answer */
    SHAPE_ATTRIBUTES, /* name to {DataType, StringValue, BinaryValue}: message attributes */
    SHAPE_STRUCTURES, /* list of structures: `members` */
};

struct model_member {
    const char *name; /* as in AWS JSON: "Messages" */
    enum shape shape;
    bool is_required;
    const char *
        query_name; /* of an element of a flattened list or map in the Query protocol ("Message"); NULL: `name` */
    const char *key_name,
        *value_name; /* of a map's entry in the Query protocol: "Name", "Value"; "Key" of tags */
    size_t at;       /* of an input: offsetof in struct api_request, or in struct api_entry */
    const struct model_member *members; /* of SHAPE_STRUCTURES; ended by a NULL name */
};

struct model_operation {
    const char *name;
    const struct model_member *input, *output; /* ended by a NULL name; NULL: empty */
    const enum queue_error *errors;            /* of the model; ended by QUEUE_OK */
};

extern const struct model_operation model_operations[OPERATIONS];

/* OPERATIONS: there is none of that name. */
enum operation model_find(struct slice name);

#endif

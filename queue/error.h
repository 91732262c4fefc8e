/*
 * error -- what SQS refuses with: each error's code, its __type, its status, and whose fault it is, as one table.
 *
 * The table has every error of the SQS API model of 2012-11-05 and those of the front door that all AWS services share
 * ("Common Errors" of the SQS API reference): AWS JSON answers carry the type as "com.amazonaws.sqs#TYPE", those of the front
 * door as "com.amazon.coral.service#TYPE", and the code in x-amzn-query-error; the Query protocol carries the code alone.
 */
#ifndef QUEUE_ERROR_H
#define QUEUE_ERROR_H

#include <stdbool.h>

#include "core/slice.h"

enum queue_error {
    QUEUE_OK = 0,
    /* of the model */
    QUEUE_ADDRESS_INVALID,
    QUEUE_BATCH_IDS_NOT_DISTINCT,
    QUEUE_BATCH_TOO_LONG,
    QUEUE_BATCH_EMPTY,
    QUEUE_ATTRIBUTE_NAME_INVALID,
    QUEUE_ATTRIBUTE_VALUE_INVALID,
    QUEUE_BATCH_ID_INVALID,
    QUEUE_ID_FORMAT_INVALID,
    QUEUE_CONTENTS_INVALID,
    QUEUE_SECURITY_INVALID,
    QUEUE_KMS_ACCESS_DENIED,
    QUEUE_KMS_DISABLED,
    QUEUE_KMS_INVALID_KEY_USAGE,
    QUEUE_KMS_INVALID_STATE,
    QUEUE_KMS_NOT_FOUND,
    QUEUE_KMS_OPT_IN_REQUIRED,
    QUEUE_KMS_THROTTLED,
    QUEUE_NOT_IN_FLIGHT,
    QUEUE_OVER_LIMIT,
    QUEUE_PURGE_IN_PROGRESS,
    QUEUE_DELETED_RECENTLY,
    QUEUE_DOES_NOT_EXIST,
    QUEUE_NAME_EXISTS,
    QUEUE_HANDLE_INVALID,
    QUEUE_REQUEST_THROTTLED,
    QUEUE_RESOURCE_NOT_FOUND,
    QUEUE_TOO_MANY_ENTRIES,
    QUEUE_UNSUPPORTED_OPERATION,
    /* of the front door */
    QUEUE_PARAMETER_INVALID, /* InvalidParameterValue */
    QUEUE_PARAMETER_MISSING, /* MissingParameter */
    QUEUE_ACCESS_DENIED,
    QUEUE_TOKEN_MISSING, /* MissingAuthenticationToken: unsigned */
    QUEUE_TOKEN_UNKNOWN, /* InvalidClientTokenId: nobody has that access key */
    QUEUE_SIGNATURE_MISMATCH,
    QUEUE_SIGNATURE_INCOMPLETE,
    QUEUE_REQUEST_EXPIRED,
    QUEUE_ACTION_UNKNOWN, /* UnknownOperationException; InvalidAction in the Query protocol */
    QUEUE_ACTION_MISSING, /* of a GET: what no client asks for, answered with one word that is no error of a protocol */
    QUEUE_MALFORMED, /* SerializationException; MalformedInput in the Query protocol */
    QUEUE_INTERNAL_FAILURE,
    QUEUE_UNAVAILABLE,
    QUEUE_THROTTLED,
    QUEUE_ERRORS
};

struct queue_error_row {
    const char *type; /* behind '#' in __type: "QueueDoesNotExist" */
    const char *
        code; /* of the Query protocol and x-amzn-query-error: "AWS.SimpleQueueService.NonExistentQueue" */
    int status; /* HTTP */
    bool is_senders_fault;
    bool is_in_model; /* a shape of the service model; false: of the front door */
    const char *text; /* the message where nothing more can be said; never NULL */
};

extern const struct queue_error_row queue_errors[QUEUE_ERRORS];

/* Why a call or an entry of a batch is refused. The text is what the client is told, UTF-8. */
struct queue_refusal {
    enum queue_error error;
    char text[512];
};

/* Fills it in, cutting the text at a character's border, and returns `error`, so that it can end a function. */
__attribute__((format(printf, 3, 4))) enum queue_error
queue_refuse(struct queue_refusal *refusal, enum queue_error error, const char *format, ...);

/* The same with the row's own text. */
enum queue_error queue_refuse_plainly(struct queue_refusal *refusal, enum queue_error error);

#endif

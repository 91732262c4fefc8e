#include "queue/error.h"

#include <stdarg.h>
#include <stdio.h>

/*
 * Codes and statuses of the model's errors: its awsQueryError and httpError traits; where it has none, the code is the type
 * and the status 400. Those of the front door: "Common Errors" of the API reference, and the types that AWS's JSON
 * protocols give to the same refusals.
 */
#define SIMPLE "AWS.SimpleQueueService."
#define MODEL  true, true
#define DOOR   true, false
#define OURS   false, false

const struct queue_error_row queue_errors[QUEUE_ERRORS] = {
    [QUEUE_OK] = {"", "", 200, false, false, ""},
    [QUEUE_ADDRESS_INVALID] = {"InvalidAddress", "InvalidAddress", 404, MODEL,
                               "The specified ID is invalid."},
    [QUEUE_BATCH_IDS_NOT_DISTINCT] = {"BatchEntryIdsNotDistinct", SIMPLE "BatchEntryIdsNotDistinct",
                                      400, MODEL,
                                      "Two or more batch entries in the request have the same Id."},
    [QUEUE_BATCH_TOO_LONG] = {"BatchRequestTooLong", SIMPLE "BatchRequestTooLong", 400, MODEL,
                              "The length of all the messages put together is more than the "
                              "limit."},
    [QUEUE_BATCH_EMPTY] = {"EmptyBatchRequest", SIMPLE "EmptyBatchRequest", 400, MODEL,
                           "The batch request doesn't contain any entries."},
    [QUEUE_ATTRIBUTE_NAME_INVALID] = {"InvalidAttributeName", "InvalidAttributeName", 400, MODEL,
                                      "The specified attribute doesn't exist."},
    [QUEUE_ATTRIBUTE_VALUE_INVALID] = {"InvalidAttributeValue", "InvalidAttributeValue", 400, MODEL,
                                       "A queue attribute value is invalid."},
    [QUEUE_BATCH_ID_INVALID] = {"InvalidBatchEntryId", SIMPLE "InvalidBatchEntryId", 400, MODEL,
                                "A batch entry id can only contain alphanumeric characters, "
                                "hyphens and underscores. It can be at most 80 letters long."},
    [QUEUE_ID_FORMAT_INVALID] = {"InvalidIdFormat", "InvalidIdFormat", 400, MODEL,
                                 "The specified receipt handle isn't valid for the current "
                                 "version."},
    [QUEUE_CONTENTS_INVALID] = {"InvalidMessageContents", "InvalidMessageContents", 400, MODEL,
                                "The message contains characters outside the allowed set."},
    [QUEUE_SECURITY_INVALID] = {"InvalidSecurity", "InvalidSecurity", 403, MODEL,
                                "The request was not made over HTTPS or did not use SigV4 for "
                                "signing."},
    [QUEUE_KMS_ACCESS_DENIED] = {"KmsAccessDenied", "KMS.AccessDeniedException", 400, MODEL,
                                 "The caller doesn't have the required KMS access."},
    [QUEUE_KMS_DISABLED] = {"KmsDisabled", "KMS.DisabledException", 400, MODEL,
                            "The request was denied due to request throttling."},
    [QUEUE_KMS_INVALID_KEY_USAGE] = {"KmsInvalidKeyUsage", "KMS.InvalidKeyUsageException", 400,
                                     MODEL,
                                     "The KeyUsage value of the KMS key is incompatible with the "
                                     "API operation."},
    [QUEUE_KMS_INVALID_STATE] = {"KmsInvalidState", "KMS.InvalidStateException", 400, MODEL,
                                 "The state of the specified resource is not valid for this "
                                 "request."},
    [QUEUE_KMS_NOT_FOUND] = {"KmsNotFound", "KMS.NotFoundException", 400, MODEL,
                             "The specified entity or resource could not be found."},
    [QUEUE_KMS_OPT_IN_REQUIRED] = {"KmsOptInRequired", "KMS.OptInRequired", 403, MODEL,
                                   "The specified key policy isn't syntactically or semantically "
                                   "correct."},
    [QUEUE_KMS_THROTTLED] = {"KmsThrottled", "KMS.ThrottlingException", 400, MODEL,
                             "KMS throttles requests for the following conditions."},
    [QUEUE_NOT_IN_FLIGHT] = {"MessageNotInflight", SIMPLE "MessageNotInflight", 400, MODEL,
                             "The specified message isn't in flight."},
    [QUEUE_OVER_LIMIT] = {"OverLimit", "OverLimit", 403, MODEL,
                          "The specified action violates a limit."},
    [QUEUE_PURGE_IN_PROGRESS] = {"PurgeQueueInProgress", SIMPLE "PurgeQueueInProgress", 403, MODEL,
                                 "The specified queue previously received a PurgeQueue request "
                                 "within the last 60 seconds."},
    [QUEUE_DELETED_RECENTLY] = {"QueueDeletedRecently", SIMPLE "QueueDeletedRecently", 400, MODEL,
                                "You must wait 60 seconds after deleting a queue before you can "
                                "create another with the same name."},
    [QUEUE_DOES_NOT_EXIST] = {"QueueDoesNotExist", SIMPLE "NonExistentQueue", 400, MODEL,
                              "The specified queue does not exist."},
    [QUEUE_NAME_EXISTS] = {"QueueNameExists", "QueueAlreadyExists", 400, MODEL,
                           "A queue already exists with the same name and a different value for "
                           "an attribute"},
    [QUEUE_HANDLE_INVALID] = {"ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404, MODEL,
                              "The input receipt handle is invalid."},
    [QUEUE_REQUEST_THROTTLED] = {"RequestThrottled", "RequestThrottled", 403, MODEL,
                                 "The request was denied due to request throttling."},
    [QUEUE_RESOURCE_NOT_FOUND] = {"ResourceNotFoundException", "ResourceNotFoundException", 404,
                                  MODEL,
                                  "The resource that you specified for the SourceArn parameter "
                                  "doesn't exist."},
    [QUEUE_TOO_MANY_ENTRIES] = {"TooManyEntriesInBatchRequest",
                                SIMPLE "TooManyEntriesInBatchRequest", 400, MODEL,
                                "The batch request contains more entries than permissible."},
    [QUEUE_UNSUPPORTED_OPERATION] = {"UnsupportedOperation", SIMPLE "UnsupportedOperation", 400,
                                     MODEL, "Unsupported operation."},
    [QUEUE_PARAMETER_INVALID] = {"InvalidParameterValueException", "InvalidParameterValue", 400,
                                 DOOR, "One or more parameters are invalid."},
    [QUEUE_PARAMETER_MISSING] = {"MissingRequiredParameterException", "MissingParameter", 400, DOOR,
                                 "A required parameter is missing."},
    [QUEUE_ACCESS_DENIED] = {"AccessDeniedException", "AccessDenied", 403, DOOR,
                             "Access to the resource is denied."},
    [QUEUE_TOKEN_MISSING] = {"MissingAuthenticationTokenException", "MissingAuthenticationToken",
                             403, DOOR, "Request is missing Authentication Token"},
    [QUEUE_TOKEN_UNKNOWN] = {"UnrecognizedClientException", "InvalidClientTokenId", 403, DOOR,
                             "The security token included in the request is invalid."},
    [QUEUE_SIGNATURE_MISMATCH] = {"InvalidSignatureException", "SignatureDoesNotMatch", 403, DOOR,
                                  "The request signature we calculated does not match the "
                                  "signature you provided. Check your AWS Secret Access Key and "
                                  "signing method. Consult the service documentation for "
                                  "details."},
    [QUEUE_SIGNATURE_INCOMPLETE] = {"IncompleteSignatureException", "IncompleteSignature", 400,
                                    DOOR,
                                    "The request signature does not conform to AWS "
                                    "standards."},
    [QUEUE_REQUEST_EXPIRED] = {"RequestExpired", "RequestExpired", 400, DOOR,
                               "Request has expired."},
    [QUEUE_ACTION_UNKNOWN] = {"UnknownOperationException", "InvalidAction", 400, DOOR,
                              "The action or operation requested is invalid."},
    [QUEUE_ACTION_MISSING] = {"MissingAction", "MissingAction", 404, DOOR,
                              "The request is missing an action or a required parameter."},
    [QUEUE_MALFORMED] = {"SerializationException", "MalformedInput", 400, DOOR,
                         "The request can't be read."},
    [QUEUE_INTERNAL_FAILURE] = {"InternalFailure", "InternalFailure", 500, OURS,
                                "The request processing has failed because of an unknown error, "
                                "exception or failure."},
    [QUEUE_UNAVAILABLE] = {"ServiceUnavailable", "ServiceUnavailable", 503, OURS,
                           "The request has failed due to a temporary failure of the server."},
    [QUEUE_THROTTLED] = {"ThrottlingException", "ThrottlingException", 400, DOOR, "Rate exceeded"},
};

/* Takes off the last character, if only a part of it is there. */
static void mend_end(char *text, size_t n)
{
    size_t start = n;
    unsigned char lead;

    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0)
        return;
    lead = (unsigned char)text[start - 1];
    if (n - start + 1 < (lead < 0xc0 ? 1u : lead < 0xe0 ? 2u : lead < 0xf0 ? 3u : 4u))
        text[start - 1] = '\0';
}

enum queue_error queue_refuse(struct queue_refusal *refusal, enum queue_error error,
                              const char *format, ...)
{
    va_list arguments;
    int n;

    refusal->error = error;
    va_start(arguments, format);
    n = vsnprintf(refusal->text, sizeof(refusal->text), format, arguments);
    va_end(arguments);
    if (n < 0)
        refusal->text[0] = '\0';
    else if ((size_t)n >= sizeof(refusal->text))
        mend_end(refusal->text, sizeof(refusal->text) - 1);
    return error;
}

enum queue_error queue_refuse_plainly(struct queue_refusal *refusal, enum queue_error error)
{
    return queue_refuse(refusal, error, "%s", queue_errors[error].text);
}

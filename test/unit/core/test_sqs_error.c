/* Error answers in each shape that SQS, its look-alikes and what stands between have; and what each code means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/sqs_wire.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define XML(code, message)                                                                         \
    "<?xml version=\"1.0\"?><ErrorResponse "                                                       \
    "xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error>"                                 \
    "<Type>Sender</Type><Code>" code "</Code><Message>" message "</Message><Detail/></Error>"      \
    "<RequestId>42d59b56</RequestId></ErrorResponse>"

static const struct {
    int status;
    const char *query_error, *body;
    enum sqs_error_class class;
    const char *code, *message;
} answers[] = {
    /* as the developer guide shows it */
    {400, "AWS.SimpleQueueService.NonExistentQueue;Sender",
     "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"The specified queue does "
     "not exist.\"}",
     SQS_ERROR_NO_QUEUE, "QueueDoesNotExist", "The specified queue does not exist."},
    {400, "", "{\"__type\":\"QueueDoesNotExist:http://internal/\",\"Message\":\"x\"}",
     SQS_ERROR_NO_QUEUE, "QueueDoesNotExist", "x"},
    {400, "", "{\"__type\":\"com.amazon.coral.service#AccessDeniedException\",\"Message\":\"no\"}",
     SQS_ERROR_PERMISSION, "AccessDeniedException", "no"},
    {403, "",
     "{\"__type\":\"com.amazon.coral.service#InvalidSignatureException\",\"message\":\"Signature "
     "expired\"}",
     SQS_ERROR_CLOCK, "InvalidSignatureException", "Signature expired"},
    {403, "",
     "{\"__type\":\"com.amazon.coral.service#IncompleteSignatureException\",\"message\":\"m\"}",
     SQS_ERROR_CREDENTIALS, "IncompleteSignatureException", "m"},
    {400, "", XML("IncompleteSignature", "m"), SQS_ERROR_CREDENTIALS, "IncompleteSignature", "m"},
    {400, "", "{\"__type\":\"OverLimit\",\"message\":\"<Code>Throttling</Code>\"}",
     SQS_ERROR_OVER_LIMIT, "OverLimit", "<Code>Throttling</Code>"},
    {400, "", "{\"message\":\"<Code>Throttling</Code>\"}", SQS_ERROR_REQUEST, "",
     "<Code>Throttling</Code>"},
    /* the header knows what the body does not say, or says in a way that is not known */
    {400, "AWS.SimpleQueueService.NonExistentQueue;Sender", "", SQS_ERROR_NO_QUEUE,
     "NonExistentQueue", ""},
    {400, "OverLimit", "{\"message\":\"too many\"}", SQS_ERROR_OVER_LIMIT, "OverLimit", "too many"},
    {400, "RequestThrottled;Sender", "{\"__type\":\"com.amazonaws.sqs#Novelty\"}",
     SQS_ERROR_THROTTLED, "Novelty", ""},
    {400, ";", "{}", SQS_ERROR_REQUEST, "", ""},
    /* the Query protocol's XML: ElasticMQ, older servers */
    {400, "", XML("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."),
     SQS_ERROR_NO_QUEUE, "NonExistentQueue", "The specified queue does not exist."},
    {403, "", XML("InvalidClientTokenId", "The token"), SQS_ERROR_CREDENTIALS,
     "InvalidClientTokenId", "The token"},
    {503, "", XML("ServiceUnavailable", ""), SQS_ERROR_TRANSIENT, "ServiceUnavailable", ""},
    {404, "", "<UnknownOperationException/>", SQS_ERROR_TRANSIENT, "UnknownOperationException", ""},
    {404, "", "<a href=\"x\"/>", SQS_ERROR_TRANSIENT, "", ""},
    {404, "", "</>", SQS_ERROR_TRANSIENT, "", ""},
    {400, "", "<Error><Code>cut", SQS_ERROR_REQUEST, "", ""},
    {500, "", "<Error><Code>cut", SQS_ERROR_TRANSIENT, "", ""},
    /* a handle that has expired is told as a parameter */
    {400, "",
     "{\"__type\":\"com.amazonaws.sqs#InvalidParameterValueException\",\"message\":\"Value AQ for "
     "parameter "
     "ReceiptHandle is invalid. Reason: The receipt handle has expired.\"}",
     SQS_ERROR_HANDLE, "InvalidParameterValueException",
     "Value AQ for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."},
    {400, "",
     "{\"__type\":\"com.amazonaws.sqs#InvalidParameterValueException\",\"message\":\"Value 11 is "
     "invalid.\"}",
     SQS_ERROR_REQUEST, "InvalidParameterValueException", "Value 11 is invalid."},
    /* nobody says anything that is understood: the status decides */
    {400, "", "{\"__type\":7,\"message\":[]}", SQS_ERROR_REQUEST, "", ""},
    {429, "", "slow down", SQS_ERROR_THROTTLED, "", ""},
    {500, "", "", SQS_ERROR_TRANSIENT, "", ""},
    {502, "", "<html><body><h1>502 Bad Gateway</h1></body></html>", SQS_ERROR_TRANSIENT, "", ""},
    {503, "", "{\"__type\":\"x", SQS_ERROR_TRANSIENT, "", ""},
    {504, "", "", SQS_ERROR_TRANSIENT, "", ""},
    {408, "", "", SQS_ERROR_TRANSIENT, "", ""},
    {403, "", "<html>captive portal</html>", SQS_ERROR_PERMISSION, "", ""},
    {401, "", "", SQS_ERROR_CREDENTIALS, "", ""},
    {404, "", "nginx", SQS_ERROR_TRANSIENT, "", ""},
    {302, "", "", SQS_ERROR_TRANSIENT, "", ""},
    {413, "", "", SQS_ERROR_REQUEST, "", ""},
    /* a server's text is never passed on raw */
    {400, "", "{\"__type\":\"a#b\\u001b[2J\\n\",\"message\":\"one\\r\\ntwo\\u0000\xc3\xbc\"}",
     SQS_ERROR_REQUEST, "b?[2J?", "one??two???"},
    {400, "", XML("A\x1b\n", "b\xff"), SQS_ERROR_REQUEST, "A??", "b?"},
};

static void reads_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct sqs_error error;

        sqs_read_error(answers[i].status, slice_of(answers[i].query_error),
                       slice_of(answers[i].body), &error);
        if (error.class != answers[i].class || strcmp(error.code, answers[i].code) ||
            strcmp(error.message, answers[i].message))
            fail_msg("%d %s %s: class %d, code \"%s\", message \"%s\"", answers[i].status,
                     answers[i].query_error, answers[i].body, (int)error.class, error.code,
                     error.message);
    }
}

static void an_answer_without_anything(void **state)
{
    struct sqs_error error;

    (void)state;
    sqs_read_error(500, (struct slice){0}, (struct slice){0}, &error);
    assert_int_equal(error.class, SQS_ERROR_TRANSIENT);
    assert_string_equal(error.code, "");
}

static void long_texts_are_cut(void **state)
{
    static const char *const before[] = {"{\"__type\":\"", "<Code>"};
    static const char *const between[] = {"\",\"message\":\"", "</Code><Message>"};
    static const char *const after[] = {"\"}", "</Message>"};

    (void)state;
    for (size_t i = 0; i < COUNT(before); i++) {
        struct strbuf body = {0};
        struct sqs_error error;

        strbuf_adds(&body, before[i]);
        for (int n = 0; n < 100000; n++)
            strbuf_addc(&body, 'c');
        strbuf_adds(&body, between[i]);
        for (int n = 0; n < 100000; n++)
            strbuf_addc(&body, 'm');
        strbuf_adds(&body, after[i]);
        sqs_read_error(400, strbuf_slice(&body), strbuf_slice(&body), &error);
        assert_int_equal(strlen(error.code), SQS_CODE_SIZE - 1);
        assert_int_equal(strlen(error.message), SQS_MESSAGE_SIZE - 1);
        strbuf_deinit(&body);
    }
}

/* The codes of the API reference and of real answers, by what is to be done. */
static void classes_of_codes(void **state)
{
    static const struct {
        enum sqs_error_class class;
        const char *codes[16];
    } classes[] = {
        {SQS_ERROR_THROTTLED,
         {"RequestThrottled", "ThrottlingException", "Throttling", "RequestThrottledException",
          "TooManyRequestsException", "SlowDown", "RequestLimitExceeded", "KmsThrottled"}},
        {SQS_ERROR_TRANSIENT,
         {"InternalFailure", "ServiceUnavailable", "RequestTimeout", "RequestTimeoutException"}},
        {SQS_ERROR_CREDENTIALS,
         {"InvalidClientTokenId", "MissingAuthenticationToken", "ExpiredToken"}},
        {SQS_ERROR_CLOCK, {"RequestExpired", "SignatureDoesNotMatch"}},
        {SQS_ERROR_PERMISSION,
         {"AccessDenied", "AccessDeniedException", "KmsAccessDenied", "KmsDisabled", "KmsNotFound",
          "KmsInvalidState", "InvalidSecurity"}},
        {SQS_ERROR_OVER_LIMIT, {"OverLimit"}},
        {SQS_ERROR_NO_QUEUE,
         {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "QueueDeletedRecently",
          "AWS.SimpleQueueService.QueueDeletedRecently", "InvalidAddress", "QueueNameExists",
          "QueueAlreadyExists"}},
        {SQS_ERROR_HANDLE, {"ReceiptHandleIsInvalid", "MessageNotInflight"}},
        {SQS_ERROR_REQUEST,
         {"TooManyEntriesInBatchRequest", "EmptyBatchRequest", "BatchEntryIdsNotDistinct",
          "InvalidBatchEntryId", "BatchRequestTooLong", "InvalidAttributeName",
          "InvalidAttributeValue", "InvalidMessageContents", "UnsupportedOperation",
          "InvalidParameterValue", "MissingParameter", "AWS.SimpleQueueService.BatchRequestTooLong",
          "MissingRequiredParameterException"}},
        {SQS_ERROR_NONE, {"Novelty", "", "AWS.SimpleQueueService.", "overlimit", "OverLimits"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(classes); i++)
        for (const char *const *code = classes[i].codes; *code; code++)
            if (sqs_error_class_of(slice_of(*code)) != classes[i].class)
                fail_msg("%s is of class %d", *code, (int)sqs_error_class_of(slice_of(*code)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_errors),
        cmocka_unit_test(an_answer_without_anything),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(classes_of_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* sqs_error -- error answers of SQS, in JSON or XML or none of both, and the table of what each code means. */
#include <ctype.h>
#include <stdio.h>

#include "core/json.h"
#include "core/sqs_wire.h"

struct code_class {
    const char *code;
    enum sqs_error_class class;
};

/* Names as __type and as the Query protocol has them; the prefix "AWS.SimpleQueueService." is left out before. */
static const struct code_class table[] = {
    {"RequestThrottled", SQS_ERROR_THROTTLED},
    {"RequestThrottledException", SQS_ERROR_THROTTLED},
    {"Throttling", SQS_ERROR_THROTTLED},
    {"ThrottlingException", SQS_ERROR_THROTTLED},
    {"ThrottledException", SQS_ERROR_THROTTLED},
    {"TooManyRequestsException", SQS_ERROR_THROTTLED},
    {"RequestLimitExceeded", SQS_ERROR_THROTTLED},
    {"BandwidthLimitExceeded", SQS_ERROR_THROTTLED},
    {"LimitExceededException", SQS_ERROR_THROTTLED},
    {"SlowDown", SQS_ERROR_THROTTLED},
    {"ProvisionedThroughputExceededException", SQS_ERROR_THROTTLED},
    {"TransactionInProgressException", SQS_ERROR_THROTTLED},
    {"EC2ThrottledException", SQS_ERROR_THROTTLED},
    {"KmsThrottled", SQS_ERROR_THROTTLED},
    {"InternalFailure", SQS_ERROR_TRANSIENT},
    {"InternalError", SQS_ERROR_TRANSIENT},
    {"InternalServerError", SQS_ERROR_TRANSIENT},
    {"ServiceUnavailable", SQS_ERROR_TRANSIENT},
    {"RequestTimeout", SQS_ERROR_TRANSIENT},
    {"RequestTimeoutException", SQS_ERROR_TRANSIENT},
    {"PriorRequestNotComplete", SQS_ERROR_TRANSIENT},
    {"InvalidClientTokenId", SQS_ERROR_CREDENTIALS},
    {"UnrecognizedClientException", SQS_ERROR_CREDENTIALS},
    {"InvalidAccessKeyId", SQS_ERROR_CREDENTIALS},
    {"MissingAuthenticationToken", SQS_ERROR_CREDENTIALS},
    {"MissingAuthenticationTokenException", SQS_ERROR_CREDENTIALS},
    {"IncompleteSignature", SQS_ERROR_CREDENTIALS},
    {"IncompleteSignatureException", SQS_ERROR_CREDENTIALS},
    {"ExpiredToken", SQS_ERROR_CREDENTIALS},
    {"ExpiredTokenException", SQS_ERROR_CREDENTIALS},
    {"SignatureDoesNotMatch", SQS_ERROR_CLOCK},
    {"InvalidSignatureException", SQS_ERROR_CLOCK},
    {"RequestExpired", SQS_ERROR_CLOCK},
    {"RequestInTheFuture", SQS_ERROR_CLOCK},
    {"RequestTimeTooSkewed", SQS_ERROR_CLOCK},
    {"AccessDenied", SQS_ERROR_PERMISSION},
    {"AccessDeniedException", SQS_ERROR_PERMISSION},
    {"NotAuthorized", SQS_ERROR_PERMISSION},
    {"OptInRequired", SQS_ERROR_PERMISSION},
    {"InvalidSecurity", SQS_ERROR_PERMISSION},
    {"KmsAccessDenied", SQS_ERROR_PERMISSION},
    {"KmsDisabled", SQS_ERROR_PERMISSION},
    {"KmsNotFound", SQS_ERROR_PERMISSION},
    {"KmsInvalidState", SQS_ERROR_PERMISSION},
    {"KmsInvalidKeyUsage", SQS_ERROR_PERMISSION},
    {"KmsOptInRequired", SQS_ERROR_PERMISSION},
    {"OverLimit", SQS_ERROR_OVER_LIMIT},
    {"QueueDoesNotExist", SQS_ERROR_NO_QUEUE},
    {"NonExistentQueue", SQS_ERROR_NO_QUEUE},
    {"QueueDeletedRecently", SQS_ERROR_NO_QUEUE},
    {"QueueNameExists", SQS_ERROR_NO_QUEUE},
    {"QueueAlreadyExists", SQS_ERROR_NO_QUEUE},
    {"InvalidAddress", SQS_ERROR_NO_QUEUE},
    {"ReceiptHandleIsInvalid", SQS_ERROR_HANDLE},
    {"MessageNotInflight", SQS_ERROR_HANDLE},
    {"TooManyEntriesInBatchRequest", SQS_ERROR_REQUEST},
    {"EmptyBatchRequest", SQS_ERROR_REQUEST},
    {"BatchEntryIdsNotDistinct", SQS_ERROR_REQUEST},
    {"InvalidBatchEntryId", SQS_ERROR_REQUEST},
    {"BatchRequestTooLong", SQS_ERROR_REQUEST},
    {"InvalidAttributeName", SQS_ERROR_REQUEST},
    {"InvalidAttributeValue", SQS_ERROR_REQUEST},
    {"InvalidMessageContents", SQS_ERROR_REQUEST},
    {"UnsupportedOperation", SQS_ERROR_REQUEST},
    {"InvalidParameterValue", SQS_ERROR_REQUEST},
    {"InvalidParameterValueException", SQS_ERROR_REQUEST},
    {"MissingParameter", SQS_ERROR_REQUEST},
    {"MissingRequiredParameterException", SQS_ERROR_REQUEST},
    {"ValidationError", SQS_ERROR_REQUEST},
    {"InvalidAction", SQS_ERROR_REQUEST},
};

static struct slice strip_prefix(struct slice code, const char *prefix)
{
    size_t n = strlen(prefix);

    if (code.n > n && memcmp(code.p, prefix, n) == 0)
        return (struct slice){code.p + n, code.n - n};
    return code;
}

enum sqs_error_class sqs_error_class_of(struct slice code)
{
    code = strip_prefix(code, "AWS.SimpleQueueService.");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (slice_is(code, table[i].code))
            return table[i].class;
    return SQS_ERROR_NONE;
}

static enum sqs_error_class class_of_status(int status)
{
    if (status == 429)
        return SQS_ERROR_THROTTLED;
    if (status == 403)
        return SQS_ERROR_PERMISSION;
    if (status == 401)
        return SQS_ERROR_CREDENTIALS;
    if (status == 408 || status >= 500)
        return SQS_ERROR_TRANSIENT;
    /* Anything that SQS does not say (a proxy, a captive portal) may pass: nothing is given up for it. */
    return status >= 400 && status != 404 ? SQS_ERROR_REQUEST : SQS_ERROR_TRANSIENT;
}

static void copy_printable(char *out, size_t size, struct slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n && n + 1 < size; i++)
        out[n++] = text.p[i] >= 0x20 && text.p[i] < 0x7f ? text.p[i] : '?';
    out[n] = '\0';
}

static void copy_unescaped(char *out, size_t size, struct slice escaped)
{
    char plain[SQS_MESSAGE_SIZE + 16];
    size_t n = json_unescape_some(&escaped, plain, size < sizeof(plain) ? size + 8 : sizeof(plain));

    copy_printable(out, size, (struct slice){plain, n});
}

/* "com.amazonaws.sqs#QueueDoesNotExist:http://…" is QueueDoesNotExist. */
static struct slice bare_code(struct slice type)
{
    const char *hash = memchr(type.p, '#', type.n);
    const char *colon;

    if (hash)
        type = (struct slice){hash + 1, type.n - (size_t)(hash + 1 - type.p)};
    colon = memchr(type.p, ':', type.n);
    return colon ? (struct slice){type.p, (size_t)(colon - type.p)} : type;
}

static bool read_json_error(struct slice body, struct sqs_error *out)
{
    struct json_value key, value, type = {0}, message = {0};
    struct json j;

    json_init(&j, body);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return false;
    while (json_member(&j, &key)) {
        if (!json_skip(&j, &value) || value.type != JSON_STRING)
            continue;
        if (json_is(&key, "__type") || json_is(&key, "code"))
            type = value;
        else if (json_is(&key, "message") || json_is(&key, "Message"))
            message = value;
    }
    if (!json_end(&j))
        return false;
    if (type.text.p)
        copy_unescaped(out->code, sizeof(out->code), bare_code(type.text));
    if (message.text.p)
        copy_unescaped(out->message, sizeof(out->message), message.text);
    return true;
}

/* The text of the first element of that name; entities stay as they are. */
static struct slice xml_text(struct slice body, const char *name)
{
    char open[32], close[32];
    const char *start, *end;

    snprintf(open, sizeof(open), "<%s>", name);
    snprintf(close, sizeof(close), "</%s>", name);
    start = memmem(body.p, body.n, open, strlen(open));
    if (!start)
        return (struct slice){0};
    start += strlen(open);
    end = memmem(start, body.n - (size_t)(start - body.p), close, strlen(close));
    return end ? (struct slice){start, (size_t)(end - start)} : (struct slice){0};
}

/* What AWS says to a request without an action is one empty element, whose name is the code: <UnknownOperationException/>. */
static struct slice xml_only_element(struct slice body)
{
    struct slice name = {body.p + 1, body.n - 3};

    if (body.n < 4 || body.p[0] != '<' || memcmp(body.p + body.n - 2, "/>", 2) != 0)
        return (struct slice){0};
    for (size_t i = 0; i < name.n; i++)
        if (!isalnum((unsigned char)name.p[i]))
            return (struct slice){0};
    return name;
}

static void read_xml_error(struct slice body, struct sqs_error *out)
{
    struct slice code = xml_text(body, "Code");

    if (!code.p)
        code = xml_only_element(body);
    if (!code.p)
        return;
    copy_printable(out->code, sizeof(out->code), strip_prefix(code, "AWS.SimpleQueueService."));
    copy_printable(out->message, sizeof(out->message), xml_text(body, "Message"));
}

void sqs_read_error(int status, struct slice query_error, struct slice body, struct sqs_error *out)
{
    const char *semicolon = query_error.n ? memchr(query_error.p, ';', query_error.n) : NULL;
    struct slice query_code = {query_error.p,
                               semicolon ? (size_t)(semicolon - query_error.p) : query_error.n};

    *out = (struct sqs_error){0};
    if (!read_json_error(body, out) && body.n > 0)
        read_xml_error(body, out);
    if (out->code[0] == '\0' && query_code.n)
        copy_printable(out->code, sizeof(out->code),
                       strip_prefix(query_code, "AWS.SimpleQueueService."));
    out->class = sqs_error_class_of(slice_of(out->code));
    if (out->class == SQS_ERROR_NONE && query_code.n)
        out->class = sqs_error_class_of(query_code);
    if (out->class == SQS_ERROR_NONE)
        out->class = class_of_status(status);
    /* A handle that has expired is told as a parameter that is wrong. */
    if (out->class == SQS_ERROR_REQUEST && strstr(out->message, "receipt handle has expired"))
        out->class = SQS_ERROR_HANDLE;
}

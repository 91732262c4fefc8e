/*
 * What reads requests and attributes: without memory it is a failure of ours, never a fault of who asked; and what was set
 * before is as it was.
 */
#include <errno.h>
#include <string.h>

#include "queue/api.h"
#include "queue/settings.h"
#include "test/torture/torture.h"

/* ---- requests ---- */

/* The storage of the last request serves the next. */
static void read_one(struct api_request *request, const char *target, const char *body)
{
    const struct api_http http = {
        .method = "POST", .path = SLICE("/"), .target = slice_of(target), .body = slice_of(body)};
    struct queue_refusal refusal;
    enum queue_error error = api_read(request, &http, &refusal);

    if (error != QUEUE_OK && error != QUEUE_INTERNAL_FAILURE)
        fprintf(stderr, "%s\n", refusal.text);
    torture_check(error == QUEUE_OK || (error == QUEUE_INTERNAL_FAILURE && torture_has_failed()));
}

/* '@' is text that can't be borrowed from the body, because it is escaped, and needs a block of its own. */
static void expand(const char *text, const char *escaped, struct strbuf *out)
{
    torture_pause();
    for (; *text; text++) {
        if (*text != '@') {
            strbuf_addc(out, *text);
            continue;
        }
        strbuf_adds(out, escaped);
        for (int i = 0; i < 10000; i++)
            strbuf_addc(out, 'x');
    }
    torture_check(!strbuf_failed(out));
    torture_resume();
}

static void read_twice(const char *target, const char *text, const char *escaped)
{
    struct api_request request = {0};
    struct strbuf body = {0};

    expand(text, escaped, &body);
    read_one(&request, target, body.p);
    read_one(&request, target, body.p);
    api_request_deinit(&request);
    torture_pause();
    strbuf_deinit(&body);
    torture_resume();
}

static void requests_in_json(void)
{
    static const char *const bodies[][2] = {
        {"AmazonSQS.SendMessage",
         "{\"QueueUrl\":\"\\u0075\",\"MessageBody\":\"@\",\"MessageAttributes\":{\"a\\u0062\":"
         "{\"DataType\":\"Binary\",\"BinaryValue\":"
         "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"},\"c\":{\"DataType\":"
         "\"String\",\"StringValue\":\"@\"}}}"},
        {"AmazonSQS.SendMessageBatch",
         "{\"QueueUrl\":\"u\",\"Entries\":[{\"Id\":\"a\",\"MessageBody\":\"@\"},"
         "{\"Id\":\"\\u0062\",\"MessageBody\":\"b\"}]}"},
        {"AmazonSQS.CreateQueue", "{\"QueueName\":\"q\",\"Attributes\":{\"a\\u0062\":\"@\"},"
                                  "\"tags\":{\"k\":\"v\",\"l\":\"@\"}}"},
        {"AmazonSQS.ReceiveMessage", "{\"QueueUrl\":\"u\",\"AttributeNames\":[\"a\",\"@\",\"c\"],"
                                     "\"MessageAttributeNames\":[\"x\"]}"},
    };

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        read_twice(bodies[i][0], bodies[i][1], "\\u00e9");
}

static void requests_in_query(void)
{
    static const char *const bodies[] = {
        "Action=SendMessage&QueueUrl=u&MessageBody=@&MessageAttribute.1.Name=@&"
        "MessageAttribute.1.Value.BinaryValue=AAAA&MessageAttribute.1.Value.DataType=Binary",
        "Action=SendMessageBatch&QueueUrl=u&SendMessageBatchRequestEntry.1.Id=a&"
        "SendMessageBatchRequestEntry.1.MessageBody=@&SendMessageBatchRequestEntry.2.Id=c&"
        "SendMessageBatchRequestEntry.2.MessageBody=d",
        "Action=CreateQueue&QueueName=q&Attribute.1.Name=n&Attribute.1.Value=@&Tag.1.Key=k&"
        "Tag.1.Value=v",
        "Action=ReceiveMessage&QueueUrl=u&AttributeName.1=@&AttributeName.2=x",
    };

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        read_twice(NULL, bodies[i], "%C3%A9");
}

/* ---- attributes ---- */

#define ARN "arn:aws:sqs:us-east-1:000000000000:"

static const char *const attributes[][2] = {
    {"KmsMasterKeyId", "alias/aws/sqs"},
    {"KmsDataKeyReusePeriodSeconds", "60"},
    {"RedrivePolicy", "{\"deadLetterTargetArn\":\"" ARN "dead\",\"maxReceiveCount\":\"5\"}"},
    {"RedriveAllowPolicy",
     "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"" ARN "a\",\"" ARN "b\"]}"},
    {"Policy", "{\"Statement\":[{\"Sid\":\"s\",\"Effect\":\"Allow\"}]}"},
    {"Policy", ""},
};

static bool is_set(enum queue_error error)
{
    torture_check(error == QUEUE_OK || (error == QUEUE_INTERNAL_FAILURE && torture_has_failed()));
    return error == QUEUE_OK;
}

/* The text that a store keeps, made with memory enough. */
static void write_settings(const struct settings *settings, struct strbuf *out)
{
    torture_pause();
    torture_check(settings_write(settings, out));
    torture_resume();
}

static void permissions(struct settings *settings)
{
    static const struct slice account = SLICE_INIT("111122223333"), action = SLICE_INIT("*");
    struct queue_refusal refusal;

    for (int i = 0; i < 2; i++) {
        char label[2] = {(char)('a' + i), '\0'};

        if (is_set(settings_permission_add(settings, SLICE(ARN "q"), slice_of(label), &account, 1,
                                           &action, 1, &refusal)))
            is_set(settings_permission_remove(settings, slice_of(label), &refusal));
    }
}

static void settings(void)
{
    const struct queue_limits limits = queue_limits_strict();
    struct settings settings, copy;
    struct queue_refusal refusal;
    struct strbuf text = {0};

    settings_init(&settings, false);
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        struct strbuf before = {0}, after = {0};

        write_settings(&settings, &before);
        if (!is_set(settings_set(&settings, &limits, slice_of(attributes[i][0]),
                                 slice_of(attributes[i][1]), true, &refusal))) {
            write_settings(&settings, &after);
            torture_check(slice_eq(strbuf_slice(&before), strbuf_slice(&after)));
        }
        torture_pause();
        strbuf_deinit(&before);
        strbuf_deinit(&after);
        torture_resume();
    }
    permissions(&settings);
    torture_check(settings_copy(&copy, &settings) || torture_has_failed());
    settings_deinit(&copy);
    torture_check(settings_write(&settings, &text) || torture_has_failed());
    if (!strbuf_failed(&text)) {
        int result = settings_read(&copy, strbuf_slice(&text));

        torture_check(result == 0 || (result == -ENOMEM && torture_has_failed()));
        settings_deinit(&copy);
    }
    strbuf_deinit(&text);
    settings_deinit(&settings);
}

TORTURE_MAIN({"requests in JSON", requests_in_json}, {"requests in Query", requests_in_query},
             {"settings", settings})

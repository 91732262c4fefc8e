/* Requests in AWS JSON: what is read, where it lies, and all that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/strbuf.h"
#include "queue/api.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static enum queue_error read_slice(struct api_request *request, const char *operation,
                                   struct slice body, struct queue_refusal *refusal)
{
    char target[100];
    struct api_http http = {.method = "POST", .path = SLICE("/"), .body = body};

    snprintf(target, sizeof(target), "AmazonSQS.%s", operation);
    http.target = slice_of(target);
    http.content_type = SLICE("application/x-amz-json-1.0");
    *refusal = (struct queue_refusal){0};
    return api_read(request, &http, refusal);
}

static enum queue_error read_json(struct api_request *request, const char *operation,
                                  const char *body, struct queue_refusal *refusal)
{
    return read_slice(request, operation, slice_of(body), refusal);
}

static void read_ok(struct api_request *request, const char *operation, const char *body)
{
    struct queue_refusal refusal;

    if (read_json(request, operation, body, &refusal) != QUEUE_OK)
        fail_msg("%s: %s", body, refusal.text);
    assert_int_equal(request->protocol, API_JSON);
}

static void send_message(void **state)
{
    static const char body[] =
        "{\"QueueUrl\":\"http://h/1/q\",\"MessageBody\":\"a \\\"body\\\" \\ud83d\\ude00\","
        "\"DelaySeconds\":5,\"MessageAttributes\":{\"n\":{\"DataType\":\"Number\","
        "\"StringValue\":\"1\"},\"b\":{\"BinaryValue\":\"AP8B\",\"DataType\":\"Binary\","
        "\"StringListValues\":[]},\"l\":{\"DataType\":\"String\",\"StringListValues\":[\"x\"]}},"
        "\"MessageSystemAttributes\":{\"AWSTraceHeader\":{\"DataType\":\"String\",\"StringValue\":"
        "\"t\"}},\"MessageDeduplicationId\":\"\",\"MessageGroupId\":\"g\",\"Unknown\":{\"x\":[1]}}";
    struct api_request request = {0};
    const struct api_attribute *attributes;

    (void)state;
    read_ok(&request, "SendMessage", body);
    assert_int_equal(request.operation, OP_SEND_MESSAGE);
    assert_true(slice_is(request.queue_url, "http://h/1/q"));
    assert_true(slice_is(request.message.body, "a \"body\" \xf0\x9f\x98\x80"));
    assert_int_equal(request.message.delay, 5);
    assert_true(slice_is(request.message.group, "g"));
    assert_true(request.message.dedup.p && request.message.dedup.n == 0);
    assert_int_equal(request.message.attributes.count, 3);
    attributes = request.message.attributes.items;
    assert_true(slice_is(attributes[0].name, "n"));
    assert_true(slice_is(attributes[0].string, "1"));
    assert_null(attributes[0].binary.p);
    assert_true(slice_eq(attributes[1].binary, SLICE("\0\xff\x01")));
    assert_null(attributes[1].string.p);
    assert_false(attributes[1].has_list);
    assert_true(attributes[2].has_list);
    assert_true(slice_is(request.message.system_attributes.items[0].string, "t"));
    assert_int_equal(request.visibility, API_ABSENT);
    assert_false(request.has_entries);
    api_request_deinit(&request);
}

/* Strings without escapes are the body's own bytes. */
static void in_place(void **state)
{
    static const char body[] = "{\"QueueUrl\":\"u\",\"MessageBody\":\"plain \xc3\xa9\"}";
    struct api_request request = {0};

    (void)state;
    read_ok(&request, "SendMessage", body);
    assert_ptr_equal(request.queue_url.p, strstr(body, "u\","));
    assert_ptr_equal(request.message.body.p, strstr(body, "plain"));
    api_request_deinit(&request);
}

static void batch(void **state)
{
    struct api_request request = {0};
    struct strbuf body = {0};

    (void)state;
    strbuf_adds(&body, "{\"Entries\":[");
    for (int i = 0; i < 25; i++)
        strbuf_addf(&body, "%s{\"Id\":\"i%d\",\"MessageBody\":\"b\\n%d\"%s}", i ? "," : "", i, i,
                    i == 3 ? ",\"DelaySeconds\":0" : "");
    strbuf_adds(&body, ",null],\"QueueUrl\":\"u\"}");
    read_ok(&request, "SendMessageBatch", body.p);
    assert_true(request.has_entries);
    assert_int_equal(request.entry_count, 25);
    for (size_t i = 0; i < 25; i++) {
        char id[8], text[8];

        snprintf(id, sizeof(id), "i%zu", i);
        snprintf(text, sizeof(text), "b\n%zu", i);
        assert_true(slice_is(request.entries[i].id, id));
        assert_true(slice_is(request.entries[i].message.body, text));
        assert_int_equal(request.entries[i].message.delay, i == 3 ? 0 : API_ABSENT);
        assert_int_equal(request.entries[i].visibility, API_ABSENT);
    }
    api_request_deinit(&request);
    strbuf_deinit(&body);
}

static void lists_and_maps(void **state)
{
    struct api_request request = {0};

    (void)state;
    read_ok(&request, "CreateQueue",
            "{\"QueueName\":\"q\",\"Attributes\":{\"DelaySeconds\":\"1\",\"Policy\":null,"
            "\"DelaySeconds\":\"2\"},\"tags\":{\"k\\t\":\"v\"}}");
    assert_int_equal(request.attributes.count, 2);
    assert_true(slice_is(request.attributes.items[1].value, "2"));
    assert_true(slice_is(request.tags.items[0].name, "k\t"));
    read_ok(&request, "ReceiveMessage",
            "{\"QueueUrl\":\"u\",\"AttributeNames\":[\"All\"],\"MessageAttributeNames\":[],"
            "\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":-2147483648,\"VisibilityTimeout\":"
            "2147483647,\"ReceiveRequestAttemptId\":\"a\"}");
    assert_true(slice_is(request.attribute_names.items[0], "All"));
    assert_true(request.message_attribute_names.is_given);
    assert_int_equal(request.message_attribute_names.count, 0);
    assert_false(request.system_attribute_names.is_given);
    assert_int_equal(request.max_messages, 10);
    assert_int_equal(request.wait, INT32_MIN);
    assert_int_equal(request.visibility, INT32_MAX);
    assert_int_equal(request.tags.count, 0); /* of the request before */
    api_request_deinit(&request);
}

static void null_and_twice(void **state)
{
    struct api_request request = {0};
    struct queue_refusal refusal;

    (void)state;
    read_ok(&request, "ReceiveMessage",
            "{\"QueueUrl\":\"a\",\"MaxNumberOfMessages\":1,\"QueueUrl\":\"b\","
            "\"MaxNumberOfMessages\":null,\"AttributeNames\":[\"x\"],\"AttributeNames\":[\"y\"],"
            "\"VisibilityTimeout\":null}");
    assert_true(slice_is(request.queue_url, "b"));
    assert_int_equal(request.max_messages, API_ABSENT);
    assert_int_equal(request.attribute_names.count, 1);
    assert_true(slice_is(request.attribute_names.items[0], "y"));
    assert_int_equal(
        read_json(&request, "DeleteMessage",
                  "{\"QueueUrl\":\"u\",\"ReceiptHandle\":\"h\",\"ReceiptHandle\":null}", &refusal),
        QUEUE_PARAMETER_MISSING);
    api_request_deinit(&request);
}

static void missing(void **state)
{
    static const struct {
        const char *operation, *body;
        enum queue_error error;
        const char *text;
    } cases[] = {
        {"SendMessage", "{\"MessageBody\":\"x\"}", QUEUE_PARAMETER_MISSING,
         "The request must contain the parameter QueueUrl."},
        {"SendMessage", "{\"QueueUrl\":\"u\"}", QUEUE_PARAMETER_MISSING,
         "The request must contain the parameter MessageBody."},
        {"GetQueueUrl", "{}", QUEUE_PARAMETER_INVALID,
         "Value for parameter QueueName is invalid. Reason: Must specify a queue name."},
        {"ChangeMessageVisibility", "{\"QueueUrl\":\"u\",\"ReceiptHandle\":\"h\"}",
         QUEUE_PARAMETER_MISSING, "The request must contain the parameter VisibilityTimeout."},
        {"DeleteMessageBatch",
         "{\"QueueUrl\":\"u\",\"Entries\":[{\"Id\":\"a\",\"ReceiptHandle\":"
         "\"h\"},{\"Id\":\"b\"}]}",
         QUEUE_PARAMETER_MISSING,
         "The request must contain the parameter DeleteMessageBatchRequestEntry.2.ReceiptHandle."},
        {"TagQueue", "{\"QueueUrl\":\"u\",\"Tags\":null}", QUEUE_PARAMETER_MISSING,
         "The request must contain the parameter Tags."},
        {"DeleteMessageBatch", "{\"QueueUrl\":\"u\"}", QUEUE_OK, ""},
        {"DeleteMessageBatch", "{\"QueueUrl\":\"u\",\"Entries\":[]}", QUEUE_OK, ""},
        {"ListQueues", "{}", QUEUE_OK, ""},
        {"ListQueues", "", QUEUE_OK, ""},
    };
    struct api_request request = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct queue_refusal refusal;

        assert_int_equal(read_json(&request, cases[i].operation, cases[i].body, &refusal),
                         cases[i].error);
        assert_string_equal(refusal.text, cases[i].text);
    }
    api_request_deinit(&request);
}

static void wrong_types(void **state)
{
    static const struct {
        const char *member, *text; /* NULL: any text */
    } cases[] = {
        {"\"QueueUrl\":1", "NUMBER_VALUE can not be converted to a String"},
        {"\"QueueUrl\":true", "TRUE_VALUE can not be converted to a String"},
        {"\"QueueUrl\":{}", "Start of structure or map found where not expected."},
        {"\"QueueUrl\":[]", "Start of list found where not expected"},
        {"\"DelaySeconds\":\"5\"", "STRING_VALUE can not be converted to an Integer"},
        {"\"DelaySeconds\":false", "FALSE_VALUE can not be converted to an Integer"},
        {"\"DelaySeconds\":5.0", NULL},
        {"\"DelaySeconds\":1e3", NULL},
        {"\"DelaySeconds\":2147483648", NULL},
        {"\"DelaySeconds\":-2147483649", NULL},
        {"\"DelaySeconds\":99999999999999999999999999999999", NULL},
        {"\"MessageAttributes\":[]", "Start of list found where not expected"},
        {"\"MessageAttributes\":\"x\"", "STRING_VALUE can not be converted to a Map"},
        {"\"MessageAttributes\":{\"a\":\"x\"}", "STRING_VALUE can not be converted to a Map"},
        {"\"MessageAttributes\":{\"a\":{\"DataType\":1}}",
         "NUMBER_VALUE can not be converted to a String"},
        {"\"MessageAttributes\":{\"a\":{\"BinaryValue\":\"%%%\"}}", NULL},
        {"\"MessageAttributes\":{\"a\":{\"StringListValues\":{}}}",
         "Start of structure or map found where not expected."},
    };
    struct api_request request = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct queue_refusal refusal;
        char body[200];

        snprintf(body, sizeof(body), "{%s,\"MessageBody\":\"x\",\"Q\":1}", cases[i].member);
        assert_int_equal(read_json(&request, "SendMessage", body, &refusal), QUEUE_MALFORMED);
        assert_true(refusal.text[0] != '\0');
        if (cases[i].text)
            assert_string_equal(refusal.text, cases[i].text);
    }
    assert_int_equal(read_json(&request, "ReceiveMessage", "{\"AttributeNames\":\"All\"}",
                               &(struct queue_refusal){0}),
                     QUEUE_MALFORMED);
    assert_int_equal(read_json(&request, "ReceiveMessage", "{\"AttributeNames\":[1]}",
                               &(struct queue_refusal){0}),
                     QUEUE_MALFORMED);
    assert_int_equal(
        read_json(&request, "DeleteMessageBatch", "{\"Entries\":{}}", &(struct queue_refusal){0}),
        QUEUE_MALFORMED);
    assert_int_equal(read_json(&request, "DeleteMessageBatch", "{\"Entries\":[\"x\"]}",
                               &(struct queue_refusal){0}),
                     QUEUE_MALFORMED);
    api_request_deinit(&request);
}

static void operations(void **state)
{
    static const struct {
        const char *target;
        enum operation operation;
    } cases[] = {
        {"AmazonSQS.ListQueues", OP_LIST_QUEUES},
        {"AmazonSQS.listqueues", OPERATIONS},
        {"AmazonSQS.Nope", OPERATIONS},
        {"AmazonSQS.", OPERATIONS},
        {"AmazonSQS", OPERATIONS},
        {"", OPERATIONS},
        {"DynamoDB.ListQueues", OPERATIONS},
        {"AmazonSQS.ListQueues ", OPERATIONS},
    };
    struct api_request request = {0};
    struct queue_refusal refusal;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct api_http http = {.method = "POST", .target = slice_of(cases[i].target)};
        enum queue_error error = api_read(&request, &http, &refusal);

        assert_int_equal(error, cases[i].operation == OPERATIONS ? QUEUE_ACTION_UNKNOWN : QUEUE_OK);
        assert_int_equal(request.operation, cases[i].operation);
        assert_int_equal(request.protocol, API_JSON);
    }
    assert_int_equal(
        api_read(&request,
                 &(struct api_http){.method = "PUT", .target = SLICE("AmazonSQS.ListQueues")},
                 &refusal),
        QUEUE_ACTION_UNKNOWN);
    assert_int_equal(request.protocol, API_JSON);
    /* JSON by its content type, but it does not say what it wants. */
    assert_int_equal(
        api_read(&request,
                 &(struct api_http){.method = "POST",
                                    .content_type = SLICE("Application/X-AMZ-JSON-1.0"),
                                    .body = SLICE("{}")},
                 &refusal),
        QUEUE_ACTION_UNKNOWN);
    assert_int_equal(request.protocol, API_JSON);
    api_request_deinit(&request);
}

/* ---- bad input ---- */

static void malformed(void **state)
{
    static const char *const cases[] = {
        " ",
        "null",
        "[]",
        "\"x\"",
        "1",
        "{",
        "}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"QueueUrl\":\"u\"}x",
        "{} {}",
        "{\"QueueUrl\":\"\\ud800\"}",
        "{\"QueueUrl\":\"\\udc00x\"}",
        "{\"QueueUrl\":\"\xff\"}",
        "{\"QueueUrl\":\"\xc0\xaf\"}",
        "{\"QueueUrl\":\"\xed\xa0\x80\"}",
        "{\"QueueUrl\":\"a\nb\"}",
        "{\"QueueUrl\":\"\\x\"}",
        "\xef\xbb\xbf{}",
        "{'QueueUrl':'u'}",
        "{\"x\":NaN}",
        "{\"x\":1e999}",
        "{\"x\":01}",
        "{\"x\":+1}",
        "{\"x\":.5}",
        "{\"x\":tru}",
        "{\"QueueUrl\":\"u\",}",
        "{/**/}",
    };
    struct api_request request = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct queue_refusal refusal;

        if (read_json(&request, "ListQueues", cases[i], &refusal) != QUEUE_MALFORMED)
            fail_msg("taken: %s", cases[i]);
        assert_true(refusal.text[0] != '\0');
        assert_int_equal(request.operation, OP_LIST_QUEUES);
    }
    api_request_deinit(&request);
}

static void nul_bytes(void **state)
{
    struct api_request request = {0};
    struct queue_refusal refusal;

    (void)state;
    assert_int_equal(read_slice(&request, "SendMessage",
                                SLICE("{\"QueueUrl\":\"u\",\"MessageBody\":\"a\0b\"}"), &refusal),
                     QUEUE_MALFORMED);
    read_ok(&request, "SendMessage", "{\"QueueUrl\":\"u\",\"MessageBody\":\"a\\u0000b\"}");
    assert_true(slice_eq(request.message.body, SLICE("a\0b")));
    assert_false(api_text_is_allowed(request.message.body));
    api_request_deinit(&request);
}

static void nested(void **state)
{
    struct api_request request = {0};
    struct queue_refusal refusal;
    struct strbuf body = {0};

    (void)state;
    for (int depth = 60; depth < 70; depth++) {
        strbuf_reset(&body);
        strbuf_adds(&body, "{\"x\":");
        for (int i = 0; i < depth; i++)
            strbuf_addc(&body, '[');
        for (int i = 0; i < depth; i++)
            strbuf_addc(&body, ']');
        strbuf_addc(&body, '}');
        assert_int_equal(read_json(&request, "ListQueues", body.p, &refusal),
                         depth < 64 ? QUEUE_OK : QUEUE_MALFORMED);
    }
    strbuf_reset(&body);
    for (int i = 0; i < 1000000; i++)
        strbuf_adds(&body, "{\"Entries\":[");
    assert_int_equal(read_json(&request, "SendMessageBatch", body.p, &refusal), QUEUE_MALFORMED);
    strbuf_reset(&body);
    strbuf_adds(&body, "{\"x\":");
    for (int i = 0; i < 10000000; i++)
        strbuf_addc(&body, '1');
    strbuf_addc(&body, '}');
    assert_int_equal(read_json(&request, "ListQueues", body.p, &refusal), QUEUE_MALFORMED);
    strbuf_deinit(&body);
    api_request_deinit(&request);
}

static void many_elements(void **state)
{
    static const struct {
        const char *operation, *before, *element, *after;
    } cases[] = {
        {"DeleteMessageBatch", "{\"QueueUrl\":\"u\",\"Entries\":[",
         "{\"Id\":\"a\",\"ReceiptHandle\":\"h\"}", "]}"},
        {"ReceiveMessage", "{\"QueueUrl\":\"u\",\"MessageAttributeNames\":[", "\"x\"", "]}"},
        {"TagQueue", "{\"QueueUrl\":\"u\",\"Tags\":{", "\"a\":\"b\"", "}}"},
        {"SendMessage", "{\"QueueUrl\":\"u\",\"MessageBody\":\"b\",\"MessageAttributes\":{",
         "\"a\":{}", "}}"},
    };
    static const int counts[] = {API_ENTRIES_MAX, API_ENTRIES_MAX + 1, 10000};
    struct api_request request = {0};
    struct strbuf body = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t j = 0; j < COUNT(counts); j++) {
            struct queue_refusal refusal;

            strbuf_reset(&body);
            strbuf_adds(&body, cases[i].before);
            for (int k = 0; k < counts[j]; k++) {
                strbuf_adds(&body, k ? "," : "");
                strbuf_adds(&body, cases[i].element);
            }
            strbuf_adds(&body, cases[i].after);
            assert_int_equal(read_json(&request, cases[i].operation, body.p, &refusal),
                             counts[j] <= API_ENTRIES_MAX ? QUEUE_OK : QUEUE_MALFORMED);
        }
    strbuf_deinit(&body);
    api_request_deinit(&request);
}

static const char whole[] =
    "{\"QueueUrl\":\"u\\u00e9\",\"Entries\":[{\"Id\":\"a\",\"MessageBody\":\"\\ud83d\\ude00x\","
    "\"DelaySeconds\":12,\"MessageAttributes\":{\"n\":{\"DataType\":\"Number\",\"StringValue\":"
    "\"1\"},\"b\":{\"DataType\":\"Binary\",\"BinaryValue\":\"AAEC\"}},\"MessageGroupId\":\"g\"},"
    "{\"Id\":\"b\",\"MessageBody\":\"\",\"Other\":[true,null,{\"x\":1.5e3}]}]}";

/* Cut at every length; the buffer ends where the text does, so that a sanitizer sees a step beyond. */
static void truncated(void **state)
{
    struct api_request request = {0};

    (void)state;
    for (size_t n = 1; n < sizeof(whole) - 1; n++) {
        char *copy = malloc(n);
        struct queue_refusal refusal;

        assert_non_null(copy);
        memcpy(copy, whole, n);
        assert_int_equal(
            read_slice(&request, "SendMessageBatch", (struct slice){copy, n}, &refusal),
            QUEUE_MALFORMED);
        free(copy);
    }
    read_ok(&request, "SendMessageBatch", whole);
    api_request_deinit(&request);
}

/* Bytes changed at random: whatever comes out, it is an answer, and what is read can be looked at. */
static void changed(void **state)
{
    struct api_request request = {0};
    uint64_t random = 20261201;
    size_t taken = 0;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)random);
    for (int round = 0; round < 20000; round++) {
        char *copy = malloc(sizeof(whole) - 1);
        struct queue_refusal refusal;
        enum queue_error error;

        assert_non_null(copy);
        memcpy(copy, whole, sizeof(whole) - 1);
        for (int i = 0; i <= round % 3; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            copy[(random >> 33) % (sizeof(whole) - 1)] = (char)(random >> 24);
        }
        error = read_slice(&request, "SendMessageBatch", (struct slice){copy, sizeof(whole) - 1},
                           &refusal);
        assert_true(error == QUEUE_OK || refusal.error == error);
        for (size_t i = 0; error == QUEUE_OK && i < request.entry_count; i++)
            taken += api_text_is_allowed(request.entries[i].message.body);
        free(copy);
    }
    assert_true(taken > 100);
    api_request_deinit(&request);
}

/* A request that was large leaves little behind; the next one of the usual size allocates nothing new. */
static void storage(void **state)
{
    struct api_request request = {0};
    struct strbuf body = {0};
    struct api_block *kept;

    (void)state;
    read_ok(&request, "SendMessageBatch", whole);
    api_request_reset(&request);
    kept = request.arena.blocks;
    assert_non_null(kept);
    for (int i = 0; i < 100; i++) {
        read_ok(&request, "SendMessageBatch", whole);
        assert_ptr_equal(request.arena.blocks, kept);
        api_request_reset(&request);
    }
    strbuf_adds(&body, "{\"QueueUrl\":\"u\",\"MessageBody\":\"");
    for (int i = 0; i < 1000000; i++)
        strbuf_adds(&body, "\\n");
    strbuf_adds(&body, "\"}");
    read_ok(&request, "SendMessage", body.p);
    assert_int_equal(request.message.body.n, 1000000);
    api_request_reset(&request);
    assert_true(request.arena.blocks == NULL || request.arena.blocks == kept);
    strbuf_deinit(&body);
    api_request_deinit(&request);
    api_request_deinit(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send_message),   cmocka_unit_test(in_place),
        cmocka_unit_test(batch),          cmocka_unit_test(lists_and_maps),
        cmocka_unit_test(null_and_twice), cmocka_unit_test(missing),
        cmocka_unit_test(wrong_types),    cmocka_unit_test(operations),
        cmocka_unit_test(malformed),      cmocka_unit_test(nul_bytes),
        cmocka_unit_test(nested),         cmocka_unit_test(many_elements),
        cmocka_unit_test(truncated),      cmocka_unit_test(changed),
        cmocka_unit_test(storage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Requests in the Query protocol: paths in any order, with gaps, short forms of old clients; and all that is refused. */
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

static enum queue_error read_slice(struct api_request *request, struct slice body,
                                   struct queue_refusal *refusal)
{
    const struct api_http http = {
        .method = "POST",
        .path = SLICE("/"),
        .content_type = SLICE("application/x-www-form-urlencoded; charset=utf-8"),
        .body = body,
    };

    *refusal = (struct queue_refusal){0};
    return api_read(request, &http, refusal);
}

static enum queue_error read_form(struct api_request *request, const char *body,
                                  struct queue_refusal *refusal)
{
    return read_slice(request, slice_of(body), refusal);
}

static void read_ok(struct api_request *request, const char *body)
{
    struct queue_refusal refusal;

    if (read_form(request, body, &refusal) != QUEUE_OK)
        fail_msg("%s: %s", body, refusal.text);
    assert_int_equal(request->protocol, API_QUERY);
}

static void send_message(void **state)
{
    struct api_request request = {0};
    const struct api_attribute *attributes;

    (void)state;
    read_ok(&request,
            "Action=SendMessage&Version=2012-11-05&QueueUrl=http%3A%2F%2Fh%2F1%2Fq&MessageBody="
            "a+body%21%0A%C3%A9&DelaySeconds=5&MessageAttribute.1.Name=n&MessageAttribute.1.Value."
            "StringValue=1&MessageAttribute.1.Value.DataType=Number&MessageAttribute.2.Name=b&"
            "MessageAttribute.2.Value.BinaryValue=AP8B&MessageAttribute.2.Value.DataType=Binary&"
            "MessageAttribute.3.Name=l&MessageAttribute.3.Value.StringListValue.1=x&"
            "MessageSystemAttribute.1.Name=AWSTraceHeader&MessageSystemAttribute.1.Value."
            "StringValue=t&MessageDeduplicationId=&MessageGroupId=g&Unknown.1.Field=x");
    assert_int_equal(request.operation, OP_SEND_MESSAGE);
    assert_true(slice_is(request.queue_url, "http://h/1/q"));
    assert_true(slice_is(request.message.body, "a body!\n\xc3\xa9"));
    assert_int_equal(request.message.delay, 5);
    assert_true(slice_is(request.message.group, "g"));
    assert_true(request.message.dedup.p && request.message.dedup.n == 0);
    assert_int_equal(request.message.attributes.count, 3);
    attributes = request.message.attributes.items;
    assert_true(slice_is(attributes[0].name, "n"));
    assert_true(slice_is(attributes[0].type, "Number"));
    assert_true(slice_is(attributes[0].string, "1"));
    assert_null(attributes[0].binary.p);
    assert_true(slice_eq(attributes[1].binary, SLICE("\0\xff\x01")));
    assert_null(attributes[1].string.p);
    assert_true(attributes[2].has_list);
    assert_true(slice_is(request.message.system_attributes.items[0].name, "AWSTraceHeader"));
    assert_true(slice_is(request.message.system_attributes.items[0].string, "t"));
    api_request_deinit(&request);
}

/* Any order, gaps in the numbers; what is given twice counts as it was given last. */
static void any_order(void **state)
{
    struct api_request request = {0};

    (void)state;
    read_ok(&request,
            "SendMessageBatchRequestEntry.20.MessageBody=third&SendMessageBatchRequestEntry.7."
            "MessageAttribute.9.Value.StringValue=two&SendMessageBatchRequestEntry.7."
            "MessageAttribute.3.Name=a&QueueUrl=u&SendMessageBatchRequestEntry.1.Id=x&"
            "SendMessageBatchRequestEntry.7.Id=y&SendMessageBatchRequestEntry.20.Id=z&"
            "SendMessageBatchRequestEntry.7.MessageBody=second&SendMessageBatchRequestEntry.7."
            "MessageAttribute.9.Name=b&Action=SendMessageBatch&SendMessageBatchRequestEntry.7."
            "MessageAttribute.3.Value.StringValue=one&SendMessageBatchRequestEntry.1.DelaySeconds=0"
            "&SendMessageBatchRequestEntry.1.MessageBody=first&SendMessageBatchRequestEntry.20.Id="
            "last");
    assert_int_equal(request.entry_count, 3);
    assert_true(slice_is(request.entries[0].message.body, "first"));
    assert_int_equal(request.entries[0].message.delay, 0);
    assert_int_equal(request.entries[1].message.delay, API_ABSENT);
    assert_true(slice_is(request.entries[1].id, "y"));
    assert_int_equal(request.entries[1].message.attributes.count, 2);
    assert_true(slice_is(request.entries[1].message.attributes.items[0].name, "a"));
    assert_true(slice_is(request.entries[1].message.attributes.items[0].string, "one"));
    assert_true(slice_is(request.entries[1].message.attributes.items[1].string, "two"));
    assert_true(slice_is(request.entries[2].id, "last"));
    assert_true(slice_is(request.entries[2].message.body, "third"));
    api_request_deinit(&request);
}

static void lists_and_maps(void **state)
{
    struct api_request request = {0};

    (void)state;
    read_ok(&request, "Action=ReceiveMessage&QueueUrl=u&AttributeName.2=b&AttributeName.1=a&"
                      "MessageAttributeName.1=.%2A&MaxNumberOfMessages=-5");
    assert_int_equal(request.attribute_names.count, 2);
    assert_true(slice_is(request.attribute_names.items[0], "a"));
    assert_true(slice_is(request.message_attribute_names.items[0], ".*"));
    assert_int_equal(request.max_messages, -5);
    assert_false(request.system_attribute_names.is_given);
    read_ok(&request, "Action=SetQueueAttributes&QueueUrl=u&Attribute.2.Name=Policy&Attribute.2."
                      "Value=&Attribute.1.Value=30&Attribute.1.Name=VisibilityTimeout");
    assert_int_equal(request.attributes.count, 2);
    assert_true(slice_is(request.attributes.items[0].name, "VisibilityTimeout"));
    assert_true(slice_is(request.attributes.items[0].value, "30"));
    assert_true(request.attributes.items[1].value.p && request.attributes.items[1].value.n == 0);
    read_ok(&request, "Action=CreateQueue&QueueName=q&Tag.1.Key=k&Tag.1.Value=v");
    assert_true(slice_is(request.tags.items[0].name, "k"));
    read_ok(&request, "Action=UntagQueue&QueueUrl=u&TagKey.1=a&TagKey.2=b");
    assert_int_equal(request.tag_keys.count, 2);
    read_ok(&request, "Action=AddPermission&QueueUrl=u&Label=l&AWSAccountId.1=1&ActionName.1=x");
    assert_true(slice_is(request.accounts.items[0], "1"));
    assert_true(slice_is(request.actions.items[0], "x"));
    api_request_deinit(&request);
}

/* Without a number, as SQS's older documentation has it. */
static void short_forms(void **state)
{
    struct api_request request = {0};

    (void)state;
    read_ok(&request, "Action=GetQueueAttributes&QueueUrl=u&AttributeName.1=b&AttributeName=All");
    assert_int_equal(request.attribute_names.count, 2);
    assert_true(slice_is(request.attribute_names.items[0], "All"));
    read_ok(&request, "Action=SetQueueAttributes&QueueUrl=u&Attribute.Name=VisibilityTimeout&"
                      "Attribute.Value=35");
    assert_int_equal(request.attributes.count, 1);
    assert_true(slice_is(request.attributes.items[0].value, "35"));
    api_request_deinit(&request);
}

static void where_it_stands(void **state)
{
    struct api_http http = {
        .method = "GET",
        .path = SLICE("/000000000000/orders"),
        .query = SLICE("Action=ReceiveMessage&WaitTimeSeconds=1"),
    };
    struct api_request request = {0};
    struct queue_refusal refusal;

    (void)state;
    assert_int_equal(api_read(&request, &http, &refusal), QUEUE_OK);
    assert_true(slice_is(request.queue_url, "/000000000000/orders"));
    assert_int_equal(request.wait, 1);
    http.body = SLICE("WaitTimeSeconds=2&QueueUrl=u");
    assert_int_equal(api_read(&request, &http, &refusal), QUEUE_OK);
    assert_true(slice_is(request.queue_url, "u"));
    assert_int_equal(request.wait, 2);
    http.path = SLICE("/");
    http.body = (struct slice){NULL, 0};
    assert_int_equal(api_read(&request, &http, &refusal), QUEUE_DOES_NOT_EXIST);
    /* An operation that has no queue takes none from the path. */
    http.path = SLICE("/1/q");
    http.query = SLICE("Action=GetQueueUrl&QueueName=r");
    assert_int_equal(api_read(&request, &http, &refusal), QUEUE_OK);
    assert_null(request.queue_url.p);
    api_request_deinit(&request);
}

/* Answers recorded on AWS. */
static void what_is_asked_of_a_queue(void **state)
{
    static const struct {
        const char *method, *path, *query;
        enum queue_error error;
        const char *text;
    } cases[] = {
        {"GET", "/000000000000/orders", "", QUEUE_ACTION_MISSING, NULL},
        {"GET", "/", "", QUEUE_ACTION_MISSING, NULL},
        {"POST", "/000000000000/orders", "", QUEUE_PARAMETER_MISSING,
         "The request must contain the parameter Action."},
        {"GET", "/000000000000/orders", "Action=ListQueues", QUEUE_ACTION_UNKNOWN,
         "The action ListQueues is not valid for this endpoint."},
        {"POST", "/000000000000/orders", "Action=CreateQueue&QueueName=q", QUEUE_ACTION_UNKNOWN,
         "The action CreateQueue is not valid for this endpoint."},
        {"GET", "/", "Action=ListQueues", QUEUE_OK, NULL},
        {"GET", "", "Action=ListQueues", QUEUE_OK, NULL},
        {"GET", "/000000000000/orders", "Action=PurgeQueue", QUEUE_OK, NULL},
        {"PUT", "/000000000000/orders", "Action=PurgeQueue", QUEUE_ACTION_UNKNOWN, NULL},
        {"DELETE", "/", "Action=ListQueues", QUEUE_ACTION_UNKNOWN, NULL},
        {"get", "/", "Action=ListQueues", QUEUE_ACTION_UNKNOWN, NULL},
    };
    struct api_request request = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct api_http http = {
            .method = cases[i].method,
            .path = slice_of(cases[i].path),
            .query = slice_of(cases[i].query),
        };
        struct queue_refusal refusal;

        if (api_read(&request, &http, &refusal) != cases[i].error)
            fail_msg("%s %s?%s", cases[i].method, cases[i].path, cases[i].query);
        if (cases[i].text)
            assert_string_equal(refusal.text, cases[i].text);
    }
    api_request_deinit(&request);
}

static void refused(void **state)
{
    static const struct {
        const char *body;
        enum queue_error error;
        const char *text; /* NULL: any */
    } cases[] = {
        {"", QUEUE_PARAMETER_MISSING, "The request must contain the parameter Action."},
        {"&&&", QUEUE_PARAMETER_MISSING, NULL},
        {"QueueUrl=u", QUEUE_PARAMETER_MISSING, NULL},
        {"Action=", QUEUE_ACTION_UNKNOWN, "The action  is not valid for this endpoint."},
        {"Action=FooBar", QUEUE_ACTION_UNKNOWN,
         "The action FooBar is not valid for this endpoint."},
        {"action=ListQueues", QUEUE_PARAMETER_MISSING, NULL},
        {"Action=ListQueues&QueueNamePrefix=%zz", QUEUE_MALFORMED, NULL},
        {"Action=ListQueues&%zz=1", QUEUE_MALFORMED, NULL},
        {"Action=ListQueues&QueueNamePrefix=%", QUEUE_MALFORMED, NULL},
        {"Action=ListQueues&QueueNamePrefix=%ff", QUEUE_MALFORMED, "A field is not UTF-8."},
        {"Action=ListQueues&QueueNamePrefix=\xff", QUEUE_MALFORMED, "A field is not UTF-8."},
        {"Action=ListQueues&QueueNamePrefix=%ed%a0%80", QUEUE_MALFORMED, "A field is not UTF-8."},
        {"Action=ListQueues&MaxResults=", QUEUE_MALFORMED, NULL},
        {"Action=ListQueues&MaxResults=-", QUEUE_MALFORMED, NULL},
        {"Action=ListQueues&MaxResults=ten", QUEUE_MALFORMED, NULL},
        {"Action=ListQueues&MaxResults=1.0", QUEUE_MALFORMED, NULL},
        {"Action=ListQueues&MaxResults=%201", QUEUE_MALFORMED, NULL},
        {"Action=ListQueues&MaxResults=2147483648", QUEUE_MALFORMED, NULL},
        {"Action=ListQueues&MaxResults=99999999999999999999999999", QUEUE_MALFORMED, NULL},
        {"Action=UntagQueue&QueueUrl=u&TagKey.0=x", QUEUE_MALFORMED, NULL},
        {"Action=UntagQueue&QueueUrl=u&TagKey.1000001=x", QUEUE_MALFORMED, NULL},
        {"Action=UntagQueue&QueueUrl=u&TagKey.99999999999999999999=x", QUEUE_MALFORMED, NULL},
        {"Action=UntagQueue&QueueUrl=u&TagKey.1x=x", QUEUE_MALFORMED, NULL},
        {"Action=UntagQueue&QueueUrl=u", QUEUE_PARAMETER_MISSING,
         "The request must contain the parameter TagKeys."},
        {"Action=SendMessage&QueueUrl=u&MessageBody=b&MessageAttribute.1.Value.BinaryValue=*",
         QUEUE_MALFORMED, NULL},
        {"Action=SetQueueAttributes&QueueUrl=u&Attribute.1.Name=Policy", QUEUE_PARAMETER_MISSING,
         "The request must contain the parameter Attribute.1.Value."},
        {"Action=SetQueueAttributes&QueueUrl=u&Attribute.1.Value=x", QUEUE_PARAMETER_MISSING,
         "The request must contain the parameter Attribute.1.Name."},
        {"Action=DeleteMessageBatch&QueueUrl=u&DeleteMessageBatchRequestEntry.4.Id=a",
         QUEUE_PARAMETER_MISSING,
         "The request must contain the parameter DeleteMessageBatchRequestEntry.4.ReceiptHandle."},
        {"Action=SendMessage&QueueUrl=u", QUEUE_PARAMETER_MISSING,
         "The request must contain the parameter MessageBody."},
    };
    struct api_request request = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct queue_refusal refusal;

        if (read_form(&request, cases[i].body, &refusal) != cases[i].error)
            fail_msg("%s: %d %s", cases[i].body, refusal.error, refusal.text);
        assert_true(refusal.text[0] != '\0');
        if (cases[i].text)
            assert_string_equal(refusal.text, cases[i].text);
        assert_int_equal(request.protocol, API_QUERY);
    }
    api_request_deinit(&request);
}

/* Paths that lead nowhere are no harm. */
static void nowhere(void **state)
{
    static const char *const fields[] = {
        "",
        "=x",
        ".=x",
        "..=x",
        "TagKey=",
        "QueueUrl.1=x",
        "QueueUrl.x=x",
        "Version",
        "AttributeName.1.x=y",
        "Attribute.1=x",
        "Attribute.1.Nope=x",
        "Attribute.1.Name.x=y",
        "Attribute=x",
        "MessageAttribute.1.Value=x",
        "MessageAttribute.1.Value.Nope=x",
        "MessageAttribute.1.Value.StringListValue=",
        "MessageAttribute.1.Value.StringValue.x=x",
        "SendMessageBatchRequestEntry=x",
        "SendMessageBatchRequestEntry.1=x",
        "SendMessageBatchRequestEntry.1.Nope=x",
        "SendMessageBatchRequestEntry.1.SendMessageBatchRequestEntry.1.Id=x",
        "Entries=",
        "Entries.1.Id=x",
    };
    static const char *const actions[] = {"ReceiveMessage", "SendMessageBatch",
                                          "GetQueueAttributes"};
    struct api_request request = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++)
        for (size_t j = 0; j < COUNT(actions); j++) {
            char body[200];

            snprintf(body, sizeof(body), "Action=%s&QueueUrl=u&%s", actions[j], fields[i]);
            read_ok(&request, body);
            assert_true(slice_is(request.queue_url, "u"));
            assert_int_equal(request.entry_count, 0);
            assert_false(request.has_entries);
        }
    api_request_deinit(&request);
}

static void many(void **state)
{
    struct api_request request = {0};
    struct queue_refusal refusal;
    struct strbuf body = {0};

    (void)state;
    for (int count = API_ENTRIES_MAX; count <= 10000;
         count += count == API_ENTRIES_MAX ? 1 : 8999) {
        strbuf_reset(&body);
        strbuf_adds(&body, "Action=DeleteMessageBatch&QueueUrl=u");
        for (int i = count; i > 0; i--)
            strbuf_addf(&body,
                        "&DeleteMessageBatchRequestEntry.%d.Id=i%d"
                        "&DeleteMessageBatchRequestEntry.%d.ReceiptHandle=h",
                        i, i, i);
        assert_int_equal(read_form(&request, body.p, &refusal),
                         count == API_ENTRIES_MAX ? QUEUE_OK : QUEUE_MALFORMED);
        if (count > API_ENTRIES_MAX)
            continue;
        assert_int_equal(request.entry_count, count);
        assert_true(slice_is(request.entries[0].id, "i1"));
        assert_true(slice_is(request.entries[999].id, "i1000"));
    }
    strbuf_reset(&body);
    strbuf_adds(&body, "Action=ListQueues");
    for (int i = 0; i < 100000; i++)
        strbuf_adds(&body, "&a");
    assert_int_equal(read_form(&request, body.p, &refusal), QUEUE_MALFORMED);
    strbuf_deinit(&body);
    api_request_deinit(&request);
}

static const char whole[] =
    "Action=SendMessageBatch&QueueUrl=http%3A%2F%2Fh%2Fq&SendMessageBatchRequestEntry.1.Id=a&"
    "SendMessageBatchRequestEntry.1.MessageBody=%C3%A9+x&SendMessageBatchRequestEntry.1."
    "MessageAttribute.1.Name=n&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType="
    "Binary&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.BinaryValue=AAEC&"
    "SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.DelaySeconds=10&"
    "SendMessageBatchRequestEntry.2.MessageBody=";

static void truncated(void **state)
{
    struct api_request request = {0};
    struct queue_refusal refusal;

    (void)state;
    for (size_t n = 0; n < sizeof(whole); n++) {
        char *copy = malloc(n + 1);
        enum queue_error error;

        assert_non_null(copy);
        memcpy(copy, whole, n);
        error = read_slice(&request, (struct slice){copy, n}, &refusal);
        assert_true(error == QUEUE_OK || refusal.error == error);
        free(copy);
    }
    read_ok(&request, whole);
    assert_int_equal(request.entry_count, 2);
    api_request_deinit(&request);
}

static void changed(void **state)
{
    struct api_request request = {0};
    uint64_t random = 20261202;
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
        error = read_slice(&request, (struct slice){copy, sizeof(whole) - 1}, &refusal);
        assert_true(error == QUEUE_OK || refusal.error == error);
        for (size_t i = 0; error == QUEUE_OK && i < request.entry_count; i++)
            taken += api_text_is_allowed(request.entries[i].message.body);
        free(copy);
    }
    assert_true(taken > 100);
    api_request_deinit(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send_message),
        cmocka_unit_test(any_order),
        cmocka_unit_test(lists_and_maps),
        cmocka_unit_test(short_forms),
        cmocka_unit_test(where_it_stands),
        cmocka_unit_test(what_is_asked_of_a_queue),
        cmocka_unit_test(refused),
        cmocka_unit_test(nowhere),
        cmocka_unit_test(many),
        cmocka_unit_test(truncated),
        cmocka_unit_test(changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

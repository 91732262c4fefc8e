/* Answers in both protocols, to the byte; refusals; and text that neither can say as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/json.h"
#include "core/strbuf.h"
#include "queue/api.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define XML(operation, result)                                                                     \
    "<?xml version=\"1.0\"?><" operation                                                           \
    "Response xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">" result                        \
    "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></" operation "Response>"

static const struct slice id = SLICE_INIT("id-1");

/* What `write` puts into an answer to `operation`. */
static void check(enum operation operation, void (*write)(struct answer *a), const char *json,
                  const char *xml)
{
    for (int protocol = API_JSON; protocol <= API_QUERY; protocol++) {
        struct strbuf out = {0};
        struct answer a;

        answer_begin(&a, (enum api_protocol)protocol, operation, id, &out);
        if (write)
            write(&a);
        answer_end(&a);
        assert_false(strbuf_failed(&out));
        assert_string_equal(out.n ? out.p : "", protocol == API_JSON ? json : xml);
        strbuf_deinit(&out);
    }
}

static void write_messages(struct answer *a)
{
    const struct payload_attribute text = {SLICE("t"), SLICE("String.x"), PAYLOAD_STRING,
                                           SLICE("<&>")};
    const struct payload_attribute binary = {SLICE("b"), SLICE("Binary"), PAYLOAD_BINARY,
                                             SLICE("\0\xff\x01")};

    answer_list_begin(a, "Messages");
    for (int i = 0; i < 2; i++) {
        answer_item_begin(a);
        answer_string(a, "MessageId", i ? SLICE("m2") : SLICE("m1"));
        answer_string(a, "Body", SLICE("\"q\"\n\xc3\xa9"));
        if (i == 0) {
            answer_map_begin(a, "Attributes");
            answer_map_entry(a, SLICE("SenderId"), SLICE("me"));
            answer_map_entry(a, SLICE("SentTimestamp"), SLICE("1"));
            answer_map_end(a);
            answer_map_begin(a, "MessageAttributes");
            answer_map_attribute(a, &text);
            answer_map_attribute(a, &binary);
            answer_map_end(a);
        }
        answer_item_end(a);
    }
    answer_list_end(a);
}

static void messages(void **state)
{
    (void)state;
    check(OP_RECEIVE_MESSAGE, write_messages,
          "{\"Messages\":[{\"MessageId\":\"m1\",\"Body\":\"\\\"q\\\"\\n\xc3\xa9\",\"Attributes\":{"
          "\"SenderId\":\"me\",\"SentTimestamp\":\"1\"},\"MessageAttributes\":{\"t\":{\"DataType\":"
          "\"String.x\",\"StringValue\":\"<&>\"},\"b\":{\"DataType\":\"Binary\",\"BinaryValue\":"
          "\"AP8B\"}}},{\"MessageId\":\"m2\",\"Body\":\"\\\"q\\\"\\n\xc3\xa9\"}]}",
          XML("ReceiveMessage",
              "<ReceiveMessageResult><Message><MessageId>m1</MessageId><Body>&quot;q&quot;\n\xc3"
              "\xa9</Body><Attribute><Name>SenderId</Name><Value>me</Value></Attribute><Attribute>"
              "<Name>SentTimestamp</Name><Value>1</Value></Attribute><MessageAttribute><Name>t"
              "</Name><Value><StringValue>&lt;&amp;&gt;</StringValue><DataType>String.x</DataType>"
              "</Value></MessageAttribute><MessageAttribute><Name>b</Name><Value><BinaryValue>AP8B"
              "</BinaryValue><DataType>Binary</DataType></Value></MessageAttribute></Message>"
              "<Message><MessageId>m2</MessageId><Body>&quot;q&quot;\n\xc3\xa9</Body></Message>"
              "</ReceiveMessageResult>"));
}

static void nothing(void **state)
{
    (void)state;
    check(OP_RECEIVE_MESSAGE, NULL, "{}",
          XML("ReceiveMessage", "<ReceiveMessageResult></ReceiveMessageResult>"));
    check(OP_DELETE_MESSAGE, NULL, "", XML("DeleteMessage", ""));
}

static void write_batch(struct answer *a)
{
    struct queue_refusal refusal;

    answer_list_begin(a, "Successful");
    answer_list_end(a);
    answer_list_begin(a, "Failed");
    (void)queue_refuse_plainly(&refusal, QUEUE_HANDLE_INVALID);
    answer_failed_entry(a, SLICE("a"), &refusal);
    (void)queue_refuse(&refusal, QUEUE_INTERNAL_FAILURE, "disk");
    answer_failed_entry(a, SLICE("b"), &refusal);
    answer_list_end(a);
}

static void batch(void **state)
{
    (void)state;
    check(OP_DELETE_MESSAGE_BATCH, write_batch,
          "{\"Successful\":[],\"Failed\":[{\"Id\":\"a\",\"SenderFault\":true,\"Code\":"
          "\"ReceiptHandleIsInvalid\",\"Message\":\"The input receipt handle is invalid.\"},"
          "{\"Id\":\"b\",\"SenderFault\":false,\"Code\":\"InternalError\",\"Message\":\"disk\"}]}",
          XML("DeleteMessageBatch",
              "<DeleteMessageBatchResult><BatchResultErrorEntry><Id>a</Id><SenderFault>true"
              "</SenderFault><Code>ReceiptHandleIsInvalid</Code><Message>The input receipt handle "
              "is invalid.</Message></BatchResultErrorEntry><BatchResultErrorEntry><Id>b</Id>"
              "<SenderFault>false</SenderFault><Code>InternalError</Code><Message>disk</Message>"
              "</BatchResultErrorEntry></DeleteMessageBatchResult>"));
}

static void write_urls(struct answer *a)
{
    answer_list_begin(a, "queueUrls");
    answer_item_string(a, SLICE("http://h/a"));
    answer_item_string(a, SLICE("http://h/b"));
    answer_list_end(a);
    answer_string(a, "NextToken", SLICE("n"));
}

static void write_tasks(struct answer *a)
{
    answer_list_begin(a, "Results");
    answer_item_begin(a);
    answer_string(a, "Status", SLICE("RUNNING"));
    answer_number(a, "ApproximateNumberOfMessagesMoved", 0);
    answer_number(a, "StartedTimestamp", INT64_MAX);
    answer_item_end(a);
    answer_list_end(a);
}

static void write_tags(struct answer *a)
{
    answer_map_begin(a, "Tags");
    answer_map_entry(a, SLICE("k"), SLICE(""));
    answer_map_end(a);
}

static void others(void **state)
{
    (void)state;
    check(OP_LIST_DEAD_LETTER_SOURCE_QUEUES, write_urls,
          "{\"queueUrls\":[\"http://h/a\",\"http://h/b\"],\"NextToken\":\"n\"}",
          XML("ListDeadLetterSourceQueues",
              "<ListDeadLetterSourceQueuesResult><QueueUrl>http://h/a</QueueUrl><QueueUrl>"
              "http://h/b</QueueUrl><NextToken>n</NextToken></ListDeadLetterSourceQueuesResult>"));
    check(OP_LIST_MESSAGE_MOVE_TASKS, write_tasks,
          "{\"Results\":[{\"Status\":\"RUNNING\",\"ApproximateNumberOfMessagesMoved\":0,"
          "\"StartedTimestamp\":9223372036854775807}]}",
          XML("ListMessageMoveTasks",
              "<ListMessageMoveTasksResult><ListMessageMoveTasksResultEntry><Status>RUNNING"
              "</Status><ApproximateNumberOfMessagesMoved>0</ApproximateNumberOfMessagesMoved>"
              "<StartedTimestamp>9223372036854775807</StartedTimestamp>"
              "</ListMessageMoveTasksResultEntry></ListMessageMoveTasksResult>"));
    check(OP_LIST_QUEUE_TAGS, write_tags, "{\"Tags\":{\"k\":\"\"}}",
          XML("ListQueueTags", "<ListQueueTagsResult><Tag><Key>k</Key><Value></Value></Tag>"
                               "</ListQueueTagsResult>"));
}

/* ---- text ---- */

static void awkward_text(void **state)
{
    static const struct {
        struct slice text;
        const char *json, *xml;
    } cases[] = {
        {SLICE_INIT(""), "", ""},
        {SLICE_INIT("a\r\n\tb"), "a\\r\\n\\tb", "a&#xD;\n\tb"},
        {SLICE_INIT("a\0b\x1f\x7f"), "a\\u0000b\\u001f\x7f",
         "a\xef\xbf\xbd"
         "b\xef\xbf\xbd\x7f"},
        {SLICE_INIT("\xef\xbf\xbf\xef\xbf\xbe\xef\xbf\xbd"), "\xef\xbf\xbf\xef\xbf\xbe\xef\xbf\xbd",
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {SLICE_INIT("]]><!--'\""), "]]><!--'\\\"", "]]&gt;&lt;!--'&quot;"},
        {SLICE_INIT("a\xff<\xc3"), "a\xef\xbf\xbd<\xef\xbf\xbd", "a\xef\xbf\xbd&lt;\xef\xbf\xbd"},
        {SLICE_INIT("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strbuf out = {0}, expected = {0};
        struct answer a;

        answer_begin(&a, API_JSON, OP_GET_QUEUE_URL, id, &out);
        answer_string(&a, "QueueUrl", cases[i].text);
        answer_end(&a);
        strbuf_addf(&expected, "{\"QueueUrl\":\"%s\"}", cases[i].json);
        assert_string_equal(out.p, expected.p);
        assert_true(json_is_valid(strbuf_slice(&out)));

        strbuf_reset(&out);
        strbuf_reset(&expected);
        answer_begin(&a, API_QUERY, OP_GET_QUEUE_URL, id, &out);
        answer_string(&a, "QueueUrl", cases[i].text);
        answer_end(&a);
        strbuf_addf(&expected, "<QueueUrl>%s</QueueUrl>", cases[i].xml);
        assert_non_null(strstr(out.p, expected.p));
        strbuf_deinit(&out);
        strbuf_deinit(&expected);
    }
}

/* Each byte at each place of a long text comes out as it does alone. */
static void xml_at_every_place(void **state)
{
    (void)state;
    for (int c = 0; c < 0x80; c++)
        for (size_t at = 0; at < 20; at++) {
            struct strbuf out = {0}, alone = {0}, expected = {0};
            char text[21] = "xxxxxxxxxxxxxxxxxxxx", one = (char)c;
            struct answer a;

            text[at] = one;
            answer_begin(&a, API_QUERY, OP_GET_QUEUE_URL, id, &alone);
            strbuf_reset(&alone);
            answer_string(&a, "QueueUrl", (struct slice){&one, 1});
            answer_begin(&a, API_QUERY, OP_GET_QUEUE_URL, id, &out);
            strbuf_reset(&out);
            answer_string(&a, "QueueUrl", (struct slice){text, 20});
            strbuf_add(&expected, "<QueueUrl>", 10);
            strbuf_add(&expected, "xxxxxxxxxxxxxxxxxxxx", at);
            strbuf_add(&expected, alone.p + 10, alone.n - 21);
            strbuf_add(&expected, "xxxxxxxxxxxxxxxxxxxx", 19 - at);
            strbuf_add(&expected, "</QueueUrl>", 11);
            assert_true(slice_eq(strbuf_slice(&out), strbuf_slice(&expected)));
            strbuf_deinit(&out);
            strbuf_deinit(&alone);
            strbuf_deinit(&expected);
        }
}

/* ---- refusals ---- */

static void refusals(void **state)
{
    struct strbuf out = {0}, query_error = {0};
    struct queue_refusal refusal;

    (void)state;
    (void)queue_refuse_plainly(&refusal, QUEUE_DOES_NOT_EXIST);
    assert_int_equal(answer_refusal(API_JSON, &refusal, id, &out, &query_error), 400);
    assert_string_equal(out.p, "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":"
                               "\"The specified queue does not exist.\"}");
    assert_string_equal(query_error.p, "AWS.SimpleQueueService.NonExistentQueue;Sender");
    assert_int_equal(answer_refusal(API_QUERY, &refusal, id, &out, &query_error), 400);
    assert_string_equal(
        out.p, "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/"
               "2012-11-05/\"><Error><Type>Sender</Type><Code>AWS.SimpleQueueService."
               "NonExistentQueue</Code><Message>The specified queue does not exist for this wsdl "
               "version.</Message><Detail/></Error><RequestId>id-1</RequestId></ErrorResponse>");
    assert_int_equal(query_error.n, 0);

    (void)queue_refuse_plainly(&refusal, QUEUE_ACTION_MISSING);
    assert_int_equal(answer_refusal(API_QUERY, &refusal, id, &out, &query_error), 404);
    assert_string_equal(out.p, "<UnknownOperationException/>");

    (void)queue_refuse(&refusal, QUEUE_PARAMETER_INVALID, "a \"b\" <c>");
    assert_int_equal(answer_refusal(API_JSON, &refusal, id, &out, &query_error), 400);
    assert_string_equal(out.p,
                        "{\"__type\":\"com.amazon.coral.service#InvalidParameterValueException\","
                        "\"message\":\"a \\\"b\\\" <c>\"}");
    assert_string_equal(query_error.p, "InvalidParameterValue;Sender");

    (void)queue_refuse_plainly(&refusal, QUEUE_INTERNAL_FAILURE);
    assert_int_equal(answer_refusal(API_JSON, &refusal, id, &out, &query_error), 500);
    assert_string_equal(query_error.p, "InternalFailure;Receiver");
    assert_int_equal(answer_refusal(API_QUERY, &refusal, id, &out, &query_error), 500);
    assert_non_null(strstr(out.p, "<Type>Receiver</Type>"));
    strbuf_deinit(&out);
    strbuf_deinit(&query_error);
}

static void every_error_has_its_row(void **state)
{
    (void)state;
    for (int i = 1; i < QUEUE_ERRORS; i++) {
        const struct queue_error_row *row = &queue_errors[i];

        assert_true(row->type && row->type[0]);
        assert_true(row->code && row->code[0]);
        assert_true(row->text && row->text[0]);
        assert_in_range(row->status, 400, 599);
        assert_int_equal(row->is_senders_fault, row->status < 500);
        for (int j = 1; j < i; j++)
            assert_string_not_equal(row->type, queue_errors[j].type);
    }
}

/* Long texts are cut between characters. */
static void cut_texts(void **state)
{
    struct queue_refusal refusal;
    char text[700];

    (void)state;
    for (size_t ascii = 490; ascii < 515; ascii++) {
        memset(text, 'x', ascii);
        text[ascii] = '\0';
        for (int i = 0; i < 20; i++)
            strcat(text, i % 2 ? "\xf0\x9f\x98\x80" : "\xc3\xa9");
        assert_int_equal(queue_refuse(&refusal, QUEUE_OVER_LIMIT, "%s", text), QUEUE_OVER_LIMIT);
        assert_true(utf8_is_valid(slice_of(refusal.text)));
        assert_true(strlen(refusal.text) > sizeof(refusal.text) - 5);
        assert_memory_equal(refusal.text, text, strlen(refusal.text));
    }
    (void)queue_refuse(&refusal, QUEUE_OVER_LIMIT, "short \xc3\xa9");
    assert_string_equal(refusal.text, "short \xc3\xa9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),     cmocka_unit_test(nothing),
        cmocka_unit_test(batch),        cmocka_unit_test(others),
        cmocka_unit_test(awkward_text), cmocka_unit_test(xml_at_every_place),
        cmocka_unit_test(refusals),     cmocka_unit_test(every_error_has_its_row),
        cmocka_unit_test(cut_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SQS's wire format: what is written byte by byte, and answers good, odd and bad. Errors are in test_sqs_error.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/sqs_wire.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define URL          SLICE_INIT("https://sqs.eu-central-1.amazonaws.com/123456789012/orders")
#define URL_TEXT     "{\"QueueUrl\":\"https://sqs.eu-central-1.amazonaws.com/123456789012/orders\""

static const struct slice url = URL;

static void assert_slice(struct slice s, const char *text)
{
    assert_non_null(s.p);
    assert_int_equal(s.n, strlen(text));
    assert_memory_equal(s.p, text, s.n);
}

/* ---- requests ---- */

#define ALL_NAMES                                                                                  \
    ",\"AttributeNames\":[\"All\"],\"MessageSystemAttributeNames\":[\"All\"],"                     \
    "\"MessageAttributeNames\":[\"All\"]}"

static void writes_receive(void **state)
{
    struct strbuf out = {0};
    struct sqs_receive_params params = {
        .queue_url = url, .max = 10, .wait_s = 5, .visibility_s = 30};

    (void)state;
    strbuf_adds(&out, "what was there");
    sqs_write_receive(&out, &params);
    assert_string_equal(
        out.p, URL_TEXT
        ",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":5,\"VisibilityTimeout\":30" ALL_NAMES);
    params = (struct sqs_receive_params){
        .queue_url = url, .max = 1, .visibility_s = 0, .attempt_id = SLICE("a\"b")};
    sqs_write_receive(&out, &params);
    assert_string_equal(out.p, URL_TEXT
                        ",\"MaxNumberOfMessages\":1,\"WaitTimeSeconds\":0,\"VisibilityTimeout\":0,"
                        "\"ReceiveRequestAttemptId\":\"a\\\"b\"" ALL_NAMES);
    params =
        (struct sqs_receive_params){.queue_url = url, .max = 10, .wait_s = 20, .visibility_s = -1};
    sqs_write_receive(&out, &params);
    assert_string_equal(out.p,
                        URL_TEXT ",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":20" ALL_NAMES);
    strbuf_deinit(&out);
}

static void writes_deletes_and_changes(void **state)
{
    static const struct sqs_call_entry entries[] = {
        {.handle = SLICE_INIT("AQEB+/="), .visibility_s = 0},
        {.handle = SLICE_INIT("q\\\"\\u0000"), .visibility_s = 43200},
    };
    struct strbuf out = {0};

    (void)state;
    sqs_write_delete_batch(&out, url, entries, 2);
    assert_string_equal(out.p,
                        URL_TEXT ",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"AQEB+/=\"},"
                                 "{\"Id\":\"1\",\"ReceiptHandle\":\"q\\\"\\u0000\"}]}");
    sqs_write_change_batch(&out, url, entries, 2);
    assert_string_equal(
        out.p, URL_TEXT
        ",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"AQEB+/=\",\"VisibilityTimeout\":0},"
        "{\"Id\":\"1\",\"ReceiptHandle\":\"q\\\"\\u0000\",\"VisibilityTimeout\":43200}]}");
    strbuf_deinit(&out);
}

static void writes_sends(void **state)
{
    static const struct sqs_send_attribute attributes[] = {
        {SLICE_INIT("tenant"), SLICE_INIT("String"), SLICE_INIT("\"acme\"")},
        {SLICE_INIT("weight"), SLICE_INIT("Number.kg"), SLICE_INIT("12.5")},
    };
    static const struct sqs_send_entry entries[] = {
        {.body = SLICE_INIT("{\"a\":\"gr\xc3\xbcn\"}\n"), .delay_s = -1},
        {.body = SLICE_INIT("x"),
         .group = SLICE_INIT("g"),
         .dedup = SLICE_INIT("d"),
         .delay_s = 900},
    };
    struct strbuf out = {0};

    (void)state;
    assert_true(sqs_write_send_batch(&out, url, entries, 2, NULL, 0));
    assert_string_equal(
        out.p, URL_TEXT
        ",\"Entries\":[{\"Id\":\"0\",\"MessageBody\":\"{\\\"a\\\":\\\"gr\xc3\xbcn\\\"}\\n\"},"
        "{\"Id\":\"1\",\"MessageBody\":\"x\",\"DelaySeconds\":900,\"MessageGroupId\":\"g\","
        "\"MessageDeduplicationId\":\"d\"}]}");
    assert_true(sqs_write_send_batch(&out, url, entries + 1, 1, attributes, 2));
    assert_string_equal(
        out.p,
        URL_TEXT ",\"Entries\":[{\"Id\":\"0\",\"MessageBody\":\"x\",\"DelaySeconds\":900,"
                 "\"MessageGroupId\":\"g\",\"MessageDeduplicationId\":\"d\",\"MessageAttributes\":{"
                 "\"tenant\":{\"DataType\":\"String\",\"StringValue\":\"\\\"acme\\\"\"},"
                 "\"weight\":{\"DataType\":\"Number.kg\",\"StringValue\":\"12.5\"}}}]}");
    strbuf_deinit(&out);
}

static void refuses_to_send_what_is_no_utf8(void **state)
{
    static const struct sqs_send_entry good = {.body = SLICE_INIT("x"), .delay_s = -1};
    static const struct sqs_send_entry entries[] = {
        {.body = SLICE_INIT("\xff"), .delay_s = -1},
        {.body = SLICE_INIT("x"), .group = SLICE_INIT("\xff"), .delay_s = -1},
        {.body = SLICE_INIT("x"), .dedup = SLICE_INIT("\xff"), .delay_s = -1},
    };
    static const struct sqs_send_attribute attributes[] = {
        {SLICE_INIT("\xff"), SLICE_INIT("String"), SLICE_INIT("x")},
        {SLICE_INIT("a"), SLICE_INIT("\xff"), SLICE_INIT("x")},
        {SLICE_INIT("a"), SLICE_INIT("String"), SLICE_INIT("\xff")},
    };
    struct strbuf out = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(entries); i++)
        assert_false(sqs_write_send_batch(&out, url, &entries[i], 1, NULL, 0));
    for (size_t i = 0; i < COUNT(attributes); i++)
        assert_false(sqs_write_send_batch(&out, url, &good, 1, &attributes[i], 1));
    strbuf_deinit(&out);
}

static void writes_questions_about_queues(void **state)
{
    struct strbuf out = {0};

    (void)state;
    sqs_write_get_queue_url(&out, SLICE("orders.fifo"), (struct slice){0});
    assert_string_equal(out.p, "{\"QueueName\":\"orders.fifo\"}");
    sqs_write_get_queue_url(&out, SLICE("orders"), SLICE("123456789012"));
    assert_string_equal(out.p,
                        "{\"QueueName\":\"orders\",\"QueueOwnerAWSAccountId\":\"123456789012\"}");
    sqs_write_get_queue_attributes(&out, url);
    assert_string_equal(out.p, URL_TEXT ",\"AttributeNames\":[\"All\"]}");
    strbuf_deinit(&out);
}

/* ---- received messages ---- */

#define ID     "\"MessageId\":\"m1\""
#define HANDLE "\"ReceiptHandle\":\"h1\""
#define DIGEST "\"MD5OfBody\":\"3858f62230ac3c915f300c664312c63f\""
#define BODY   "\"Body\":\"foobar\""
#define GOOD   ID "," HANDLE "," DIGEST "," BODY

static size_t receive(const char *answer, struct sqs_message *out, size_t max)
{
    size_t count = SIZE_MAX;

    assert_int_equal(sqs_read_receive(slice_of(answer), out, max, &count), 0);
    return count;
}

static void nothing_came(void **state)
{
    static const char *const answers[] = {
        "{}",
        "{\"Messages\":[]}",
        "{\"Messages\":null}",
        " {\"Other\":{\"Messages\":[1]}, \"Messages\" : [ ] } ",
    };
    struct sqs_message m;

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++)
        assert_int_equal(receive(answers[i], &m, 1), 0);
}

static void a_whole_message(void **state)
{
    static const char answer[] =
        "{\"Messages\":[{" ID ",\"ReceiptHandle\":\"AQ\\\"\\u0000+/"
        "=\",\"MD5OfBody\":\"3fd2bd7809e3a8839de4bc3cb9206310\","
        "\"Body\":\"{\\\"order\\\":4711,\\\"note\\\":\\\"gr\xc3\xbcn\\\"}\",\"Extra\":[{}],"
        "\"Attributes\":{\"SenderId\":\"AIDA\",\"SentTimestamp\":\"1795420083961\","
        "\"ApproximateReceiveCount\":\"3\","
        "\"MessageGroupId\":\"g-1\",\"SequenceNumber\":\"18849496460467696128\"},"
        "\"MD5OfMessageAttributes\":\"adb59cd4678ea5a855436b949cd07ab6\","
        "\"MessageAttributes\":{\"MyAttribute\":{\"DataType\":\"String\",\"StringValue\":"
        "\"foobar\"}}}]}";
    struct sqs_message m;

    (void)state;
    assert_int_equal(receive(answer, &m, 1), 1);
    assert_null(m.unfit);
    assert_slice(m.message_id, "m1");
    assert_slice(m.receipt_handle, "AQ\\\"\\u0000+/=");
    assert_slice(m.body, "{\\\"order\\\":4711,\\\"note\\\":\\\"gr\xc3\xbcn\\\"}");
    assert_slice(m.md5_of_body, "3fd2bd7809e3a8839de4bc3cb9206310");
    assert_slice(m.md5_of_attributes, "adb59cd4678ea5a855436b949cd07ab6");
    assert_slice(m.attributes,
                 "{\"SenderId\":\"AIDA\",\"SentTimestamp\":\"1795420083961\","
                 "\"ApproximateReceiveCount\":\"3\","
                 "\"MessageGroupId\":\"g-1\",\"SequenceNumber\":\"18849496460467696128\"}");
    assert_slice(m.message_attributes,
                 "{\"MyAttribute\":{\"DataType\":\"String\",\"StringValue\":\"foobar\"}}");
    assert_slice(m.group_id, "g-1");
    assert_int_equal(m.receive_count, 3);
    assert_int_equal(m.sent_ms, INT64_C(1795420083961));
}

/* Fit, though they lack what need not be there, or have it in an unusual way. */
static void lean_messages(void **state)
{
    static const char *const messages[] = {
        GOOD,
        BODY "," DIGEST "," HANDLE "," ID,
        GOOD ",\"Attributes\":null,\"MessageAttributes\":null,\"MD5OfMessageAttributes\":null",
        GOOD ",\"Attributes\":{},\"MessageAttributes\":{},\"MD5OfMessageAttributes\":"
             "\"d41d8cd98f00b204e9800998ecf8427e\"",
        GOOD ",\"Unknown\":{\"Body\":1},\"AnotherOne\":null,\"Unknown\":2",
        ID "," HANDLE
           ",\"MD5OfBody\":\"3858F62230AC3C915F300C664312C63F\",\"B\\u006fdy\":\"foo\\u0062ar\"",
        ID "," HANDLE ",\"MD5OfBody\":\"d41d8cd98f00b204e9800998ecf8427e\",\"Body\":\"\"",
    };
    char answer[512];

    (void)state;
    for (size_t i = 0; i < COUNT(messages); i++) {
        struct sqs_message m;

        snprintf(answer, sizeof(answer), "{\"Messages\":[{%s}]}", messages[i]);
        assert_int_equal(receive(answer, &m, 1), 1);
        if (m.unfit)
            fail_msg("%s: %s", messages[i], m.unfit);
        assert_slice(m.message_id, "m1");
        assert_slice(m.receipt_handle, "h1");
        assert_slice(m.attributes, "{}");
        assert_slice(m.message_attributes, "{}");
        assert_int_equal(m.md5_of_attributes.n, 0);
        assert_int_equal(m.receive_count, 0);
        assert_int_equal(m.sent_ms, 0);
    }
}

#define UNREADABLE "its message attributes can't be read"
#define NO_PARTS   "it has no id, receipt handle or body"

static const struct {
    const char *message, *unfit;
} unfit_messages[] = {
    {"null", "it is no object"},
    {"7", "it is no object"},
    {"\"text\"", "it is no object"},
    {"[[{}]]", "it is no object"},
    {"{}", NO_PARTS},
    {"{" HANDLE "," DIGEST "," BODY "}", NO_PARTS},
    {"{" ID "," DIGEST "," BODY "}", NO_PARTS},
    {"{" ID "," HANDLE "," DIGEST "}", NO_PARTS},
    {"{\"MessageId\":\"\"," HANDLE "," DIGEST "," BODY "}", NO_PARTS},
    {"{" ID ",\"ReceiptHandle\":\"\"," DIGEST "," BODY "}", NO_PARTS},
    {"{" ID "," HANDLE "," BODY "}", "it has no MD5 of its body"},
    {"{" ID "," HANDLE "," DIGEST ",\"Body\":1}", "a member has the wrong type"},
    {"{" ID "," HANDLE "," DIGEST ",\"Body\":{\"a\":1}}", "a member has the wrong type"},
    {"{" ID "," HANDLE "," DIGEST ",\"Body\":null}", "a member has the wrong type"},
    {"{\"MessageId\":5," HANDLE "," DIGEST "," BODY "}", "a member has the wrong type"},
    {"{" GOOD "," BODY "}", "a member comes twice"},
    {"{" GOOD "," ID "}", "a member comes twice"},
    {"{" GOOD "," HANDLE "}", "a member comes twice"},
    {"{" ID "," HANDLE "," DIGEST ",\"Body\":\"foobaz\"}", "the MD5 of its body is another"},
    {"{" ID "," HANDLE ",\"MD5OfBody\":\"3858\"," BODY "}", "the MD5 of its body is another"},
    {"{" GOOD ",\"Attributes\":[]}", "its system attributes are no object, or come twice"},
    {"{" GOOD ",\"Attributes\":{},\"Attributes\":{}}",
     "its system attributes are no object, or come twice"},
    {"{" GOOD ",\"Attributes\":{\"SentTimestamp\":1795420083961}}",
     "a system attribute is no string"},
    {"{" GOOD ",\"MessageAttributes\":\"x\"}",
     "its message attributes are no object, or come twice"},
    {"{" GOOD ",\"MessageAttributes\":{},\"MessageAttributes\":{}}",
     "its message attributes are no object, or come twice"},
    {"{" GOOD ",\"MessageAttributes\":{\"a\":1}}", UNREADABLE},
    {"{" GOOD ",\"MessageAttributes\":{\"a\":{\"DataType\":\"String\"}}}", UNREADABLE},
    {"{" GOOD ",\"MessageAttributes\":{\"a\":{\"DataType\":\"Binary\",\"BinaryValue\":\"!\"}}}",
     UNREADABLE},
    {"{" GOOD ",\"MD5OfMessageAttributes\":\"adb59cd4678ea5a855436b949cd07ab6\","
     "\"MessageAttributes\":{\"MyAttribute\":"
     "{\"DataType\":\"String\",\"StringValue\":\"other\"}}}",
     "the MD5 of its attributes is another"},
};

/* The bad one is told and why, and the good ones around it stay as they are. */
static void a_bad_message_among_good_ones(void **state)
{
    char answer[1024];

    (void)state;
    for (size_t i = 0; i < COUNT(unfit_messages); i++) {
        struct sqs_message m[3];

        snprintf(answer, sizeof(answer), "{\"Messages\":[{" GOOD "},%s,{" GOOD "}]}",
                 unfit_messages[i].message);
        assert_int_equal(receive(answer, m, 3), 3);
        assert_null(m[0].unfit);
        assert_null(m[2].unfit);
        if (!m[1].unfit)
            fail_msg("fit: %s", unfit_messages[i].message);
        assert_string_equal(m[1].unfit, unfit_messages[i].unfit);
    }
}

static void answers_that_are_none(void **state)
{
    static const char *const answers[] = {
        "",
        "null",
        "[]",
        "\"x\"",
        "<html>",
        "{\"Messages\":7}",
        "{\"Messages\":{}}",
        "{\"Messages\":[{" GOOD "}]",
        "{\"Messages\":[{" GOOD "]}",
        "{\"Messages\":[{" GOOD "}]}}",
        "{\"Messages\":[],\"Messages\":[]}",
        "{\"Messages\":[{\"Body\":\"\xff\"}]}",
        "{\"Messages\":[{" ID ",}]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct sqs_message m;
        size_t count;

        if (sqs_read_receive(slice_of(answers[i]), &m, 1, &count) != SQS_MALFORMED)
            fail_msg("read: %s", answers[i]);
    }
}

/* An answer that is cut at any byte is none. */
static void answers_that_are_cut(void **state)
{
    static const char answer[] =
        "{\"Messages\":[{" GOOD ",\"Attributes\":{\"SentTimestamp\":\"1\"}}]}";

    (void)state;
    for (size_t n = 0; n < sizeof(answer) - 1; n++) {
        char *copy = malloc(n ? n : 1);
        struct sqs_message m;
        size_t count;

        assert_non_null(copy);
        memcpy(copy, answer, n);
        assert_int_equal(sqs_read_receive((struct slice){copy, n}, &m, 1, &count), SQS_MALFORMED);
        free(copy);
    }
}

static void more_messages_than_were_asked_for(void **state)
{
    struct strbuf answer = {0};
    struct sqs_message m[10];

    (void)state;
    strbuf_adds(&answer, "{\"Messages\":[");
    for (int i = 0; i < 25; i++)
        strbuf_addf(&answer, "%s{\"MessageId\":\"m%d\"," HANDLE "," DIGEST "," BODY "}",
                    i ? "," : "", i);
    strbuf_adds(&answer, "]}");
    assert_int_equal(receive(answer.p, m, COUNT(m)), 25);
    for (int i = 0; i < 10; i++) {
        char id[8];

        snprintf(id, sizeof(id), "m%d", i);
        assert_slice(m[i].message_id, id);
        assert_null(m[i].unfit);
    }
    strbuf_deinit(&answer);
}

static void counts_and_times_that_are_none(void **state)
{
    static const struct {
        const char *count, *sent;
        unsigned expected_count;
        int64_t expected_sent;
    } cases[] = {
        {"7", "1", 7, 1},
        {"", "", 0, 0},
        {"-1", "-1", 0, 0},
        {"1e3", "12 ", 0, 0},
        {"99999999999999999999999", "99999999999999999999999", 1000000, INT64_MAX},
        {"1000001", "9223372036854775807", 1000000, INT64_MAX},
    };
    char answer[512];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sqs_message m;

        snprintf(answer, sizeof(answer),
                 "{\"Messages\":[{" GOOD
                 ",\"Attributes\":{\"ApproximateReceiveCount\":\"%s\",\"SentTimestamp\":\"%s\"}}]}",
                 cases[i].count, cases[i].sent);
        assert_int_equal(receive(answer, &m, 1), 1);
        assert_null(m.unfit);
        assert_int_equal(m.receive_count, cases[i].expected_count);
        assert_true(m.sent_ms == cases[i].expected_sent);
    }
}

/* ---- batch calls ---- */

static void results_of_a_batch(void **state)
{
    static const char answer[] =
        "{\"Failed\":[{\"Id\":\"2\",\"SenderFault\":true,\"Code\":\"ReceiptHandleIsInvalid\","
        "\"Message\":\"The receipt \\u0000handle "
        "\\u00e9 is not valid.\"},{\"Id\":\"3\",\"SenderFault\":false,\"Code\":\"InternalError\"}],"
        "\"Successful\":[{\"Id\":\"1\",\"Other\":{}},{\"Id\":\"0\"}],\"Else\":[]}";
    struct sqs_call_result results[5];

    (void)state;
    assert_int_equal(sqs_read_batch(slice_of(answer), results, 5), 0);
    assert_int_equal(results[0].state, SQS_CALL_DONE);
    assert_int_equal(results[1].state, SQS_CALL_DONE);
    assert_int_equal(results[2].state, SQS_CALL_REFUSED);
    assert_string_equal(results[2].code, "ReceiptHandleIsInvalid");
    assert_string_equal(results[2].message, "The receipt ?handle ?? is not valid.");
    assert_int_equal(results[3].state, SQS_CALL_FAILED);
    assert_string_equal(results[3].code, "InternalError");
    assert_string_equal(results[3].message, "");
    assert_int_equal(results[4].state, SQS_CALL_MISSING);
}

/* SQS counts throttling among the sender's faults. */
static void an_entry_that_failed_for_a_while_is_not_refused(void **state)
{
    static const struct {
        const char *code;
        enum sqs_call_state with_fault, without;
    } cases[] = {
        {"RequestThrottled", SQS_CALL_FAILED, SQS_CALL_FAILED},
        {"AWS.SimpleQueueService.RequestThrottled", SQS_CALL_FAILED, SQS_CALL_FAILED},
        {"KmsThrottled", SQS_CALL_FAILED, SQS_CALL_FAILED},
        {"ServiceUnavailable", SQS_CALL_FAILED, SQS_CALL_FAILED},
        {"OverLimit", SQS_CALL_FAILED, SQS_CALL_FAILED},
        {"ReceiptHandleIsInvalid", SQS_CALL_REFUSED, SQS_CALL_FAILED},
        {"AccessDenied", SQS_CALL_REFUSED, SQS_CALL_FAILED},
        {"NobodyKnows", SQS_CALL_REFUSED, SQS_CALL_FAILED},
        {"", SQS_CALL_REFUSED, SQS_CALL_FAILED},
    };
    struct sqs_call_result results[2];
    char answer[256];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(answer, sizeof(answer),
                 "{\"Failed\":[{\"Id\":\"0\",\"SenderFault\":true,\"Code\":\"%s\"},"
                 "{\"Id\":\"1\",\"SenderFault\":false,\"Code\":\"%s\"}]}",
                 cases[i].code, cases[i].code);
        assert_int_equal(sqs_read_batch(slice_of(answer), results, 2), 0);
        if (results[0].state != cases[i].with_fault || results[1].state != cases[i].without)
            fail_msg("%s: %d and %d", cases[i].code, results[0].state, results[1].state);
    }
}

static void a_batch_that_says_nothing(void **state)
{
    static const char *const answers[] = {"{}", "{\"Successful\":[],\"Failed\":[]}",
                                          "{\"Successful\":null}"};
    struct sqs_call_result results[2];

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        assert_int_equal(sqs_read_batch(slice_of(answers[i]), results, 2), 0);
        assert_int_equal(results[0].state, SQS_CALL_MISSING);
        assert_int_equal(results[1].state, SQS_CALL_MISSING);
    }
}

/* Whatever comes first: what was said to have failed is not taken for done. */
static void both_done_and_failed_is_failed(void **state)
{
    static const char *const answers[] = {
        "{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[{\"Id\":\"0\",\"Code\":\"x\"}]}",
        "{\"Failed\":[{\"Id\":\"0\",\"Code\":\"x\"}],\"Successful\":[{\"Id\":\"0\"}]}",
    };
    struct sqs_call_result result;

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        assert_int_equal(sqs_read_batch(slice_of(answers[i]), &result, 1), 0);
        assert_int_equal(result.state, SQS_CALL_FAILED);
        assert_string_equal(result.code, "x");
    }
}

/* An id that is not one of ours must never mark an entry of ours as done. */
static void batch_answers_that_are_none(void **state)
{
    static const char *const answers[] = {
        "",
        "[]",
        "{\"Successful\":{}}",
        "{\"Successful\":[1]}",
        "{\"Successful\":[{}]}",
        "{\"Successful\":[{\"Id\":0}]}",
        "{\"Successful\":[{\"Id\":\"\"}]}",
        "{\"Successful\":[{\"Id\":\"x\"}]}",
        "{\"Successful\":[{\"Id\":\"-0\"}]}",
        "{\"Successful\":[{\"Id\":\"0x\"}]}",
        "{\"Successful\":[{\"Id\":\"3\"}]}",
        "{\"Successful\":[{\"Id\":\"18446744073709551616\"}]}",
        "{\"Successful\":[{\"Id\":\"0\"}]",
    };
    struct sqs_call_result results[3];

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++)
        if (sqs_read_batch(slice_of(answers[i]), results, 3) != SQS_MALFORMED)
            fail_msg("read: %s", answers[i]);
}

static void long_texts_of_failures_are_cut(void **state)
{
    struct strbuf answer = {0};
    struct sqs_call_result result;

    (void)state;
    strbuf_adds(&answer, "{\"Failed\":[{\"Id\":\"0\",\"Code\":\"");
    for (int i = 0; i < 1000; i++)
        strbuf_adds(&answer, "c\\n");
    strbuf_adds(&answer, "\",\"Message\":\"");
    for (int i = 0; i < 100000; i++)
        strbuf_adds(&answer, "m");
    strbuf_adds(&answer, "\"}]}");
    assert_int_equal(sqs_read_batch(strbuf_slice(&answer), &result, 1), 0);
    assert_int_equal(strlen(result.code), SQS_CODE_SIZE - 1);
    assert_int_equal(strlen(result.message), SQS_MESSAGE_SIZE - 1);
    assert_null(strchr(result.code, '\n'));
    strbuf_deinit(&answer);
}

/* ---- queues ---- */

static void queue_urls(void **state)
{
    static const char *const none[] = {
        "", "{}", "[]", "{\"QueueUrl\":5}", "{\"QueueUrl\":\"\"}", "{\"QueueUrl\":\"x\"", "x"};
    struct strbuf out = {0};

    (void)state;
    assert_int_equal(
        sqs_read_queue_url(SLICE("{\"QueueUrl\":\"http:\\/\\/localhost:9324\\/000000000000\\/q\"}"),
                           &out),
        0);
    assert_string_equal(out.p, "http://localhost:9324/000000000000/q");
    for (size_t i = 0; i < COUNT(none); i++)
        assert_int_equal(sqs_read_queue_url(slice_of(none[i]), &out), SQS_MALFORMED);
    strbuf_deinit(&out);
}

static void queue_attributes(void **state)
{
    static const struct slice answer =
        SLICE_INIT("{\"Attributes\":{\"VisibilityTimeout\":\"30\",\"RedrivePolicy\":\"{"
                   "\\\"maxReceiveCount\\\":5}\",\"Odd\":7}}");
    static const char *const none[] = {"", "[]", "{\"Attributes\":[]}",
                                       "{\"Attributes\":{\"VisibilityTimeout\":\"30\"}"};
    struct strbuf out = {0};

    (void)state;
    assert_int_equal(sqs_read_attribute(answer, "VisibilityTimeout", &out), 0);
    assert_string_equal(out.p, "30");
    assert_int_equal(sqs_read_attribute(answer, "RedrivePolicy", &out), 0);
    assert_string_equal(out.p, "{\"maxReceiveCount\":5}");
    assert_int_equal(sqs_read_attribute(answer, "FifoQueue", &out), -ENOENT);
    assert_int_equal(sqs_read_attribute(answer, "Odd", &out), -ENOENT);
    assert_int_equal(sqs_read_attribute(SLICE("{}"), "FifoQueue", &out), -ENOENT);
    for (size_t i = 0; i < COUNT(none); i++)
        assert_int_equal(sqs_read_attribute(slice_of(none[i]), "VisibilityTimeout", &out),
                         SQS_MALFORMED);
    strbuf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_receive),
        cmocka_unit_test(writes_deletes_and_changes),
        cmocka_unit_test(writes_sends),
        cmocka_unit_test(refuses_to_send_what_is_no_utf8),
        cmocka_unit_test(writes_questions_about_queues),
        cmocka_unit_test(nothing_came),
        cmocka_unit_test(a_whole_message),
        cmocka_unit_test(lean_messages),
        cmocka_unit_test(a_bad_message_among_good_ones),
        cmocka_unit_test(answers_that_are_none),
        cmocka_unit_test(answers_that_are_cut),
        cmocka_unit_test(more_messages_than_were_asked_for),
        cmocka_unit_test(counts_and_times_that_are_none),
        cmocka_unit_test(results_of_a_batch),
        cmocka_unit_test(an_entry_that_failed_for_a_while_is_not_refused),
        cmocka_unit_test(a_batch_that_says_nothing),
        cmocka_unit_test(both_done_and_failed_is_failed),
        cmocka_unit_test(batch_answers_that_are_none),
        cmocka_unit_test(long_texts_of_failures_are_cut),
        cmocka_unit_test(queue_urls),
        cmocka_unit_test(queue_attributes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

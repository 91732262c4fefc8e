/* The bodies of batches, byte by byte. The Lambda record is the one that AWS's own handlers are known to read. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/format.h"
#include "core/json.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct record_source source = {
    .arn = SLICE_INIT("arn:aws:sqs:eu-central-1:123456789012:orders"),
    .region = SLICE_INIT("eu-central-1"),
};

static void assert_appends(const char *format, const struct record *record, const char *expected)
{
    struct strbuf out = {0};

    strbuf_adds(&out, "before");
    assert_int_equal(format_find(format)->append(&out, record, &source), 0);
    assert_memory_equal(out.p, "before", 6);
    assert_string_equal(out.p + 6, expected);
    strbuf_deinit(&out);
}

/* ---- lambda ---- */

#define SYSTEM                                                                                     \
    "{\"ApproximateReceiveCount\":\"1\",\"SentTimestamp\":\"1795420083961\",\"SenderId\":"         \
    "\"AIDAIT2UOQQY3AUEKVGXU\","                                                                   \
    "\"ApproximateFirstReceiveTimestamp\":\"1795420083974\",\"MessageGroupId\":\"g\"}"
#define FROM                                                                                       \
    "\"eventSource\":\"aws:sqs\",\"eventSourceARN\":\"arn:aws:sqs:eu-central-1:123456789012:"      \
    "orders\","                                                                                    \
    "\"awsRegion\":\"eu-central-1\"}"

static void a_whole_lambda_record(void **state)
{
    static const struct record record = {
        .message_id = SLICE_INIT("ec354010-c35d-4481-9030-e55cbf0c7922"),
        .receipt_handle = SLICE_INIT("AQEB\\\"\\u0000+/="),
        .body = SLICE_INIT("{\\\"order\\\":4711,\\\"note\\\":\\\"gr\\u00fcn\\\"}"),
        .md5_of_body = SLICE_INIT("3fd2bd7809e3a8839de4bc3cb9206310"),
        .md5_of_attributes = SLICE_INIT("558f09672c1831b8556ee118870d4114"),
        .attributes = SLICE_INIT(SYSTEM),
        .message_attributes =
            SLICE_INIT("{\"tenant\":{\"StringValue\":\"ac\\\"me\",\"DataType\":\"String\"}, "
                       "\"weight\" : {\"DataType\":\"Number.kg\","
                       "\"StringValue\":\"12.5\",\"BinaryValue\":null,\"StringListValues\":[],"
                       "\"New\":{\"x\":1}},\n"
                       "\"thumb\":{\"DataType\":\"Binary\",\"BinaryValue\":\"iVBORw==\"}}"),
    };

    (void)state;
    assert_appends(
        "lambda", &record,
        "{\"messageId\":\"ec354010-c35d-4481-9030-e55cbf0c7922\",\"receiptHandle\":"
        "\"AQEB\\\"\\u0000+/=\","
        "\"body\":\"{\\\"order\\\":4711,\\\"note\\\":\\\"gr\\u00fcn\\\"}\",\"attributes\":" SYSTEM
        ",\"messageAttributes\":{"
        "\"tenant\":{\"stringValue\":\"ac\\\"me\",\"stringListValues\":[],\"binaryListValues\":[],"
        "\"dataType\":\"String\"},"
        "\"weight\":{\"stringValue\":\"12.5\",\"stringListValues\":[],\"binaryListValues\":[],"
        "\"dataType\":\"Number.kg\"},"
        "\"thumb\":{\"binaryValue\":\"iVBORw==\",\"stringListValues\":[],\"binaryListValues\":[],"
        "\"dataType\":\"Binary\"}},"
        "\"md5OfBody\":\"3fd2bd7809e3a8839de4bc3cb9206310\",\"md5OfMessageAttributes\":"
        "\"558f09672c1831b8556ee118870d4114\"," FROM);
}

static void a_lean_lambda_record(void **state)
{
    static const struct record record = {
        .message_id = SLICE_INIT("5f331439"),
        .receipt_handle = SLICE_INIT("AQEBz"),
        .body = SLICE_INIT("plain text"),
        .md5_of_body = SLICE_INIT("31bc5c2b8fd4f20cd747347b7504a385"),
        .attributes = SLICE_INIT("{}"),
        .message_attributes = SLICE_INIT("{}"),
    };
    static const struct record bare = {
        .message_id = SLICE_INIT("5f331439"),
        .receipt_handle = SLICE_INIT("AQEBz"),
        .body = SLICE_INIT("plain text"),
        .md5_of_body = SLICE_INIT("31bc5c2b8fd4f20cd747347b7504a385"),
    };
    static const char expected[] =
        "{\"messageId\":\"5f331439\",\"receiptHandle\":\"AQEBz\",\"body\":\"plain text\","
        "\"attributes\":{},\"messageAttributes\":{},\"md5OfBody\":"
        "\"31bc5c2b8fd4f20cd747347b7504a385\"," FROM;

    (void)state;
    assert_appends("lambda", &record, expected);
    assert_appends("lambda", &bare, expected);
}

static void attribute_values_that_are_empty_or_both(void **state)
{
    static const struct record record = {
        .message_id = SLICE_INIT("1"),
        .receipt_handle = SLICE_INIT("2"),
        .body = SLICE_INIT(""),
        .md5_of_body = SLICE_INIT("3"),
        .message_attributes = SLICE_INIT(
            "{\"a\":{\"DataType\":\"String\",\"StringValue\":\"\"},"
            "\"b\":{\"BinaryValue\":\"eA==\",\"DataType\":\"String\",\"StringValue\":\"x\"}}"),
    };

    (void)state;
    assert_appends("lambda", &record,
                   "{\"messageId\":\"1\",\"receiptHandle\":\"2\",\"body\":\"\",\"attributes\":{},"
                   "\"messageAttributes\":{"
                   "\"a\":{\"stringValue\":\"\",\"stringListValues\":[],\"binaryListValues\":[],"
                   "\"dataType\":\"String\"},"
                   "\"b\":{\"stringValue\":\"x\",\"binaryValue\":\"eA==\",\"stringListValues\":[],"
                   "\"binaryListValues\":[],"
                   "\"dataType\":\"String\"}},\"md5OfBody\":\"3\"," FROM);
}

/* ---- the others ---- */

static const struct {
    const char *body; /* escaped, as it came */
    const char *json, *ndjson, *raw;
} bodies[] = {
    {"{\\\"a\\\":[1,2]}", "{\"a\":[1,2]}", "{\"a\":[1,2]}", "{\"a\":[1,2]}"},
    {" [1,\\n\\t2,\\r\\n3] ", " [1,\n\t2,\r\n3] ", " [1, \t2,  3] ", " [1,\n\t2,\r\n3] "},
    {"{\\\"a\\\":\\\"b\\\\nc\\\"}", "{\"a\":\"b\\nc\"}", "{\"a\":\"b\\nc\"}", "{\"a\":\"b\\nc\"}"},
    {"12.5", "12.5", "12.5", "12.5"},
    {"null", "null", "null", "null"},
    {"\\\"x\\\"", "\"x\"", "\"x\"", "\"x\""},
    {"plain text", "\"plain text\"", "\"plain text\"", "plain text"},
    {"two\\nlines \\u00fc", "\"two\\nlines \\u00fc\"", "\"two\\nlines \\u00fc\"",
     "two\nlines \xc3\xbc"},
    {"{\\\"cut\\\":", "\"{\\\"cut\\\":\"", "\"{\\\"cut\\\":\"", "{\"cut\":"},
    {"{} {}", "\"{} {}\"", "\"{} {}\"", "{} {}"},
    {"NaN", "\"NaN\"", "\"NaN\"", "NaN"},
    {"", "\"\"", "\"\"", ""},
};

static void bodies_as_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct record record = {.body = slice_of(bodies[i].body)};

        assert_appends("json", &record, bodies[i].json);
        assert_appends("ndjson", &record, bodies[i].ndjson);
        assert_appends("raw", &record, bodies[i].raw);
    }
}

static void raw_keeps_every_byte(void **state)
{
    static const struct record record = {.body = SLICE_INIT("a\\u0000b\\r\\n\\ud83d\\ude00")};
    struct strbuf out = {0};

    (void)state;
    assert_int_equal(format_find("raw")->append(&out, &record, &source), 0);
    assert_int_equal(out.n, 9);
    assert_memory_equal(out.p, "a\0b\r\n\xf0\x9f\x98\x80", 9);
    strbuf_deinit(&out);
}

/* Whatever the bodies are, a batch of json or lambda is JSON, and a line of ndjson is one line of JSON. */
static void batches_are_json(void **state)
{
    static const char *const names[] = {"lambda", "json", "ndjson"};

    (void)state;
    for (size_t n = 0; n < COUNT(names); n++) {
        const struct format *format = format_find(names[n]);
        bool is_lines = strcmp(names[n], "ndjson") == 0;
        struct strbuf out = {0};

        strbuf_add_slice(&out, format->prefix);
        for (size_t i = 0; i < COUNT(bodies); i++) {
            struct record record = {.body = slice_of(bodies[i].body)};
            size_t before = out.n;

            assert_int_equal(format->append(&out, &record, &source), 0);
            assert_true(json_is_valid((struct slice){out.p + before, out.n - before}));
            if (is_lines)
                assert_null(memchr(out.p + before, '\n', out.n - before));
            strbuf_add_slice(&out, i + 1 < COUNT(bodies) ? format->separator : format->suffix);
        }
        assert_int_equal(json_is_valid(strbuf_slice(&out)), !is_lines);
        strbuf_deinit(&out);
    }
}

static void what_stands_around(void **state)
{
    static const struct {
        const char *name, *type, *prefix, *separator, *suffix;
        bool one;
    } expected[] = {
        {"lambda", "application/json", "{\"Records\":[", ",", "]}", false},
        {"json", "application/json", "[", ",", "]", false},
        {"ndjson", "application/x-ndjson", "", "\n", "\n", false},
        {"raw", "application/octet-stream", "", "", "", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(expected); i++) {
        const struct format *format = format_at(i);

        assert_ptr_equal(format_find(expected[i].name), format);
        assert_string_equal(format->content_type, expected[i].type);
        assert_true(slice_is(format->prefix, expected[i].prefix));
        assert_true(slice_is(format->separator, expected[i].separator));
        assert_true(slice_is(format->suffix, expected[i].suffix));
        assert_int_equal(format->one_per_request, expected[i].one);
    }
    assert_null(format_at(COUNT(expected)));
    assert_null(format_find("xml"));
    assert_null(format_find(""));
}

static void without_memory_every_format_says_so(void **state)
{
    static const struct record record = {.body = SLICE_INIT("x")};

    (void)state;
    for (size_t i = 0; format_at(i); i++) {
        struct strbuf out = {.failed = true};

        assert_int_equal(format_at(i)->append(&out, &record, &source), -ENOMEM);
        assert_true(strbuf_failed(&out));
        strbuf_deinit(&out);
    }
}

/* ---- records of plain text ---- */

static void a_record_of_a_line(void **state)
{
    struct strbuf storage = {0};
    struct record record;

    (void)state;
    strbuf_adds(&storage, "what was there");
    assert_int_equal(record_from_text(&record, &storage, "0a1b",
                                      SLICE("{\"order\":4711,\"note\":\"gr\xc3\xbcn\"}"),
                                      INT64_C(1795420083961)),
                     0);
    assert_appends("json", &record, "{\"order\":4711,\"note\":\"gr\xc3\xbcn\"}");
    assert_appends(
        "lambda", &record,
        "{\"messageId\":\"0a1b\",\"receiptHandle\":\"0a1b\","
        "\"body\":\"{\\\"order\\\":4711,\\\"note\\\":\\\"gr\xc3\xbcn\\\"}\",\"attributes\":{"
        "\"ApproximateReceiveCount\":\"1\",\"SentTimestamp\":\"1795420083961\",\"SenderId\":"
        "\"sluice\","
        "\"ApproximateFirstReceiveTimestamp\":\"1795420083961\"},\"messageAttributes\":{},"
        "\"md5OfBody\":\"3fd2bd7809e3a8839de4bc3cb9206310\"," FROM);
    strbuf_deinit(&storage);
}

static void a_record_of_what_is_no_utf8(void **state)
{
    struct strbuf storage = {0};
    struct record record;

    (void)state;
    assert_int_equal(record_from_text(&record, &storage, "1", SLICE("gr\xfcn"), 0), -EILSEQ);
    assert_int_equal(record_from_text(&record, &storage, "1", SLICE("tab\tand\0nul"), 0), 0);
    assert_true(slice_is(record.body, "tab\\tand\\u0000nul"));
    strbuf_deinit(&storage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_lambda_record),
        cmocka_unit_test(a_lean_lambda_record),
        cmocka_unit_test(attribute_values_that_are_empty_or_both),
        cmocka_unit_test(bodies_as_they_are),
        cmocka_unit_test(raw_keeps_every_byte),
        cmocka_unit_test(batches_are_json),
        cmocka_unit_test(what_stands_around),
        cmocka_unit_test(without_memory_every_format_says_so),
        cmocka_unit_test(a_record_of_a_line),
        cmocka_unit_test(a_record_of_what_is_no_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Requests at the edges of what they may be, in both protocols: long lists and maps, numbers, null, values of the wrong type. */
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

/* Without an operation it is a form. */
static enum queue_error read_request(struct api_request *request, const char *operation,
                                     struct slice body, struct queue_refusal *refusal)
{
    char target[64];
    struct api_http http = {.method = "POST", .path = SLICE("/"), .body = body};

    snprintf(target, sizeof target, "AmazonSQS.%s", operation ? operation : "");
    if (operation)
        http.target = slice_of(target);
    *refusal = (struct queue_refusal){0};
    return api_read(request, &http, refusal);
}

static void read_ok(struct api_request *request, const char *operation, const char *body)
{
    struct queue_refusal refusal;

    if (read_request(request, operation, slice_of(body), &refusal) != QUEUE_OK)
        fail_msg("%s: %s", body, refusal.text);
}

/* ---- a thousand elements ---- */

/* '#' in `element` is its number, from 1 on. */
static void write_list(struct strbuf *out, const char *before, const char *element,
                       const char *between, const char *after, int count)
{
    strbuf_reset(out);
    strbuf_adds(out, before);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            strbuf_adds(out, between);
        for (const char *p = element; *p; p++)
            if (*p == '#')
                strbuf_addf(out, "%d", i);
            else
                strbuf_addc(out, *p == '\'' ? '"' : *p);
    }
    strbuf_adds(out, after);
    assert_false(strbuf_failed(out));
}

static void a_thousand_elements(void **state)
{
    static const struct {
        const char *operation, *before, *element, *between, *after, *name;
    } lists[] = {
        {"CreateQueue", "{\"QueueName\":\"q\",\"tags\":{", "'k#':'v'", ",", "}}", "tags"},
        {"SendMessage", "{\"QueueUrl\":\"u\",\"MessageBody\":\"b\",\"MessageAttributes\":{",
         "'k#':{}", ",", "}}", "MessageAttributes"},
        {"UntagQueue", "{\"QueueUrl\":\"u\",\"TagKeys\":[", "'k#'", ",", "]}", "TagKeys"},
        {"DeleteMessageBatch", "{\"QueueUrl\":\"u\",\"Entries\":[",
         "{'Id':'#','ReceiptHandle':'h'}", ",", "]}", "Entries"},
        {NULL, "Action=CreateQueue&QueueName=q&", "Tag.#.Key=k&Tag.#.Value=v", "&", "", "tags"},
        {NULL, "Action=SendMessage&QueueUrl=u&MessageBody=b&",
         "MessageAttribute.#.Name=n&MessageAttribute.#.Value.StringValue=v", "&", "",
         "MessageAttributes"},
        {NULL, "Action=UntagQueue&QueueUrl=u&", "TagKey.#=k", "&", "", "TagKeys"},
        {NULL, "Action=DeleteMessageBatch&QueueUrl=u&",
         "DeleteMessageBatchRequestEntry.#.Id=#&DeleteMessageBatchRequestEntry.#.ReceiptHandle=h",
         "&", "", "Entries"},
    };
    struct strbuf body = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(lists); i++)
        for (int count = API_ENTRIES_MAX; count <= API_ENTRIES_MAX + 1; count++) {
            struct api_request request = {0};
            struct queue_refusal refusal;
            enum queue_error error;
            size_t found;

            write_list(&body, lists[i].before, lists[i].element, lists[i].between, lists[i].after,
                       count);
            error = read_request(&request, lists[i].operation, strbuf_slice(&body), &refusal);
            found = request.tags.count + request.message.attributes.count + request.tag_keys.count +
                    request.entry_count;
            if (count == API_ENTRIES_MAX) {
                assert_int_equal(error, QUEUE_OK);
                assert_int_equal(found, API_ENTRIES_MAX);
            } else {
                char text[64];

                snprintf(text, sizeof text, "%s has more than 1000 elements.", lists[i].name);
                assert_int_equal(error, QUEUE_MALFORMED);
                assert_string_equal(refusal.text, text);
            }
            api_request_deinit(&request);
        }
    strbuf_deinit(&body);
}

/* ---- null ---- */

/* null is "not given", wherever it stands. */
static void null_everywhere(void **state)
{
    struct api_request request = {0};

    (void)state;
    read_ok(&request, "ReceiveMessage",
            "{\"QueueUrl\":\"u\",\"AttributeNames\":null,\"MessageAttributeNames\":[null,\"a\","
            "null],\"WaitTimeSeconds\":null,\"ReceiveRequestAttemptId\":null}");
    assert_false(request.attribute_names.is_given);
    assert_int_equal(request.message_attribute_names.count, 1);
    assert_true(slice_is(request.message_attribute_names.items[0], "a"));
    assert_int_equal(request.wait, API_ABSENT);
    assert_null(request.attempt_id.p);
    read_ok(&request, "CreateQueue",
            "{\"QueueName\":\"q\",\"Attributes\":null,\"tags\":{\"a\":null,\"b\":\"c\"}}");
    assert_false(request.attributes.is_given);
    assert_int_equal(request.tags.count, 1);
    assert_true(slice_is(request.tags.items[0].name, "b"));
    read_ok(&request, "SendMessage",
            "{\"QueueUrl\":\"u\",\"MessageBody\":\"b\",\"MessageSystemAttributes\":null,"
            "\"MessageAttributes\":{\"a\":null,\"b\":{\"DataType\":null,\"StringValue\":null,"
            "\"BinaryValue\":null,\"StringListValues\":null,\"BinaryListValues\":null,"
            "\"Other\":null}}}");
    assert_false(request.message.system_attributes.is_given);
    assert_int_equal(request.message.attributes.count, 1);
    assert_null(request.message.attributes.items[0].type.p);
    assert_null(request.message.attributes.items[0].string.p);
    assert_null(request.message.attributes.items[0].binary.p);
    assert_false(request.message.attributes.items[0].has_list);
    read_ok(&request, "DeleteMessageBatch",
            "{\"QueueUrl\":\"u\",\"Entries\":[null,{\"Id\":\"a\",\"ReceiptHandle\":\"h\"},null]}");
    assert_int_equal(request.entry_count, 1);
    read_ok(&request, "DeleteMessageBatch", "{\"QueueUrl\":\"u\",\"Entries\":null}");
    assert_int_equal(request.entry_count, 0);
    assert_false(request.has_entries);
    api_request_deinit(&request);
}

/* ---- wrong types ---- */

static void wrong_types(void **state)
{
    static const struct {
        const char *operation, *body, *text;
    } cases[] = {
        {"SendMessage", "{\"QueueUrl\":true}", "TRUE_VALUE can not be converted to a String"},
        {"SendMessage", "{\"QueueUrl\":false}", "FALSE_VALUE can not be converted to a String"},
        {"SendMessage", "{\"QueueUrl\":1}", "NUMBER_VALUE can not be converted to a String"},
        {"SendMessage", "{\"QueueUrl\":[]}", "Start of list found where not expected"},
        {"SendMessage", "{\"QueueUrl\":{}}", "Start of structure or map found where not expected."},
        {"SendMessage", "{\"DelaySeconds\":\"1\"}",
         "STRING_VALUE can not be converted to an Integer"},
        {"SendMessage", "{\"DelaySeconds\":[]}", "Start of list found where not expected"},
        {"SendMessage", "{\"MessageAttributes\":[]}", "Start of list found where not expected"},
        {"SendMessage", "{\"MessageAttributes\":{\"a\":\"x\"}}",
         "STRING_VALUE can not be converted to a Map"},
        {"SendMessage", "{\"MessageAttributes\":{\"a\":{\"DataType\":1}}}",
         "NUMBER_VALUE can not be converted to a String"},
        {"SendMessage", "{\"MessageAttributes\":{\"a\":{\"BinaryValue\":1}}}",
         "NUMBER_VALUE can not be converted to a String"},
        {"SendMessage", "{\"MessageAttributes\":{\"a\":{\"StringListValues\":{}}}}",
         "Start of structure or map found where not expected."},
        {"UntagQueue", "{\"TagKeys\":\"k\"}", "STRING_VALUE can not be converted to a List"},
        {"UntagQueue", "{\"TagKeys\":[1]}", "NUMBER_VALUE can not be converted to a String"},
        {"CreateQueue", "{\"tags\":[]}", "Start of list found where not expected"},
        {"CreateQueue", "{\"tags\":{\"a\":1}}", "NUMBER_VALUE can not be converted to a String"},
        {"DeleteMessageBatch", "{\"Entries\":{}}",
         "Start of structure or map found where not expected."},
        {"DeleteMessageBatch", "{\"Entries\":[\"x\"]}",
         "STRING_VALUE can not be converted to a Map"},
        {"DeleteMessageBatch", "{\"Entries\":[{\"Id\":1}]}",
         "NUMBER_VALUE can not be converted to a String"},
        {"ListQueues", "null", "NULL_VALUE can not be converted to a Structure"},
        {"ListQueues", "[]", "Start of list found where not expected"},
    };
    struct api_request request = {0};
    struct queue_refusal refusal;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(
            read_request(&request, cases[i].operation, slice_of(cases[i].body), &refusal),
            QUEUE_MALFORMED);
        assert_string_equal(refusal.text, cases[i].text);
    }
    api_request_deinit(&request);
}

/* Each of these, cut off anywhere, is no JSON, and told so. */
static void cut_off(void **state)
{
    static const char *const bodies[][2] = {
        {"SendMessage", "{\"QueueUrl\":\"u\",\"DelaySeconds\":1,\"MessageBody\":\"b\","
                        "\"MessageAttributes\":{\"a\":{\"StringListValues\":[\"x\"],"
                        "\"BinaryValue\":\"AA==\",\"Other\":{\"x\":1}}},\"Unknown\":[1]}"},
        {"CreateQueue", "{\"QueueName\":\"q\",\"tags\":{\"a\":\"b\"}}"},
        {"UntagQueue", "{\"QueueUrl\":\"u\",\"TagKeys\":[\"a\",\"b\"]}"},
        {"DeleteMessageBatch",
         "{\"QueueUrl\":\"u\",\"Entries\":[{\"Id\":\"a\",\"ReceiptHandle\":\"h\"}]}"},
    };
    struct api_request request = {0};
    struct queue_refusal refusal;

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        read_ok(&request, bodies[i][0], bodies[i][1]);
        for (size_t n = strlen(bodies[i][1]) - 1; n > 0; n--) {
            assert_int_equal(
                read_request(&request, bodies[i][0], (struct slice){bodies[i][1], n}, &refusal),
                QUEUE_MALFORMED);
            assert_non_null(strstr(refusal.text, "The body is not JSON: "));
        }
    }
    api_request_deinit(&request);
}

/* ---- numbers ---- */

static void numbers(void **state)
{
    static const struct {
        const char *text;
        int64_t n; /* API_ABSENT: none */
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"2147483647", INT32_MAX},
        {"-2147483648", INT32_MIN},
        {"2147483648", API_ABSENT},
        {"-2147483649", API_ABSENT},
        {"9223372036854775807", API_ABSENT},
        {"9223372036854775808", API_ABSENT},
        {"-9223372036854775808", API_ABSENT},
        {"9223372036854775809", API_ABSENT},
        {"99999999999999999999999999", API_ABSENT},
        {"1.0", API_ABSENT},
        {"1e1", API_ABSENT},
    };
    struct api_request request = {0};
    struct queue_refusal refusal;
    char body[128];

    (void)state;
    for (int is_form = 0; is_form <= 1; is_form++)
        for (size_t i = 0; i < COUNT(cases); i++) {
            bool is_one = cases[i].n != API_ABSENT;

            snprintf(body, sizeof body,
                     is_form ? "Action=ListQueues&MaxResults=%s" : "{\"MaxResults\":%s}",
                     cases[i].text);
            assert_int_equal(
                read_request(&request, is_form ? NULL : "ListQueues", slice_of(body), &refusal),
                is_one ? QUEUE_OK : QUEUE_MALFORMED);
            if (is_one)
                assert_int_equal(request.max_results, cases[i].n);
        }
    for (const char *const *p = (const char *const[]){"", "-", "+1", " 1", "1 ", "x", NULL}; *p;
         p++) {
        snprintf(body, sizeof body, "Action=ListQueues&MaxResults=%s", *p);
        assert_int_equal(read_request(&request, NULL, slice_of(body), &refusal), QUEUE_MALFORMED);
    }
    api_request_deinit(&request);
}

/* ---- the values of Number attributes ---- */

static void number_attributes(void **state)
{
    static const char *const good[] = {"0",   "-1",   "+1",   ".5",     "5.",  "1e5",
                                       "1E5", "1e+5", "1e-5", "-.5e-5", "007", "1.e1"};
    static const char *const bad[] = {"-",    "+",  ".",     "-.", "e5", "1e",  "1e+", "1e-",
                                      "1e5x", "1x", "1.2.3", " 1", "1 ", "0x1", "--1", "NaN"};
    struct payload_attribute out[QUEUE_ATTRIBUTES_MAX];
    struct queue_refusal refusal;

    (void)state;
    for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
        bool is_good = i < COUNT(good);
        struct api_attribute attribute = {
            .name = SLICE("n"),
            .type = SLICE("Number"),
            .string = slice_of(is_good ? good[i] : bad[i - COUNT(good)]),
        };
        struct api_attributes given = {&attribute, 1, true};
        size_t count, bytes;
        enum queue_error error = api_check_attributes(&given, out, &count, &bytes, &refusal);

        if (error != (is_good ? QUEUE_OK : QUEUE_PARAMETER_INVALID))
            fail_msg(SLICE_FMT ": %d", SLICE_ARG(attribute.string), error);
    }
}

/* A name may end in the first byte of a letter only where it was no text. */
static void letters_in_names(void **state)
{
    static const struct {
        struct slice name;
        bool is_good;
    } cases[] = {
        {SLICE_INIT("\xc3\xa9"), true},
        {SLICE_INIT("a\xc5\xbf"
                    "b"),
         true},
        {SLICE_INIT("\xc3"), false},
        {SLICE_INIT("\xc6\x80"), false},
        {SLICE_INIT("\xe2\x82\xac"), false},
        {SLICE_INIT("a/b"), false},
    };
    struct payload_attribute out[QUEUE_ATTRIBUTES_MAX];
    struct queue_refusal refusal;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct api_attribute attribute = {
            .name = cases[i].name, .type = SLICE("String"), .string = SLICE("v")};
        struct api_attributes given = {&attribute, 1, true};
        size_t count, bytes;

        assert_int_equal(api_check_attributes(&given, out, &count, &bytes, &refusal),
                         cases[i].is_good ? QUEUE_OK : QUEUE_PARAMETER_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_elements),
        cmocka_unit_test(null_everywhere),
        cmocka_unit_test(wrong_types),
        cmocka_unit_test(cut_off),
        cmocka_unit_test(numbers),
        cmocka_unit_test(number_attributes),
        cmocka_unit_test(letters_in_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

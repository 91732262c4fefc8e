/* Payloads: what goes in comes out, the digests are SQS's, stored bytes come back, and damaged ones do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/md5.h"
#include "queue/payload.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const uint8_t some_id[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static struct payload_attribute text_attribute(const char *name, const char *type,
                                               const char *value)
{
    return (struct payload_attribute){slice_of(name), slice_of(type), PAYLOAD_STRING,
                                      slice_of(value)};
}

static void assert_hex(const uint8_t digest[16], const char *expected)
{
    char hex[MD5_HEX_SIZE];

    md5_print(digest, hex);
    assert_string_equal(hex, expected);
}

/* npm's aws-md5-of-message-attributes, and one that was recorded on AWS. */
static void digests(void **state)
{
    const struct payload_attribute name = text_attribute("attribName1", "String", "attribValue 1");
    const struct payload_attribute number = text_attribute("customNumberTypeAttrib", "Number.float",
                                                           "4563442423554324324264524243.32543234");
    const struct payload_attribute binary = {SLICE("binaryAttribute"), SLICE("Binary"),
                                             PAYLOAD_BINARY, SLICE("Hello binary world!")};
    const struct payload_attribute recorded = text_attribute("MyAttribute", "String", "foobar");
    const struct {
        struct payload_attribute attributes[3];
        size_t count;
        const char *digest;
    } cases[] = {
        {{name}, 1, "19e27d4e946b072f3f58da80d94fd778"},
        {{number}, 1, "9fe1b90bbd9965bdf77bac517c7d2495"},
        {{binary}, 1, "31a92b15d92f8db860eda32aceb656c3"},
        {{name, number, binary}, 3, "c932db14a896c663f83c260297d594ff"},
        {{binary, number, name}, 3, "c932db14a896c663f83c260297d594ff"},
        {{number, name, binary}, 3, "c932db14a896c663f83c260297d594ff"},
        {{recorded}, 1, "adb59cd4678ea5a855436b949cd07ab6"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct payload *payload = payload_new(&(struct payload_source){
            .id = some_id,
            .body = SLICE("foobar"),
            .attributes = cases[i].attributes,
            .attribute_count = cases[i].count,
        });
        struct payload_attribute sorted[QUEUE_ATTRIBUTES_MAX];
        uint8_t digest[16];

        assert_non_null(payload);
        assert_hex(payload->head.body_md5, "3858f62230ac3c915f300c664312c63f");
        assert_hex(payload->head.attributes_md5, cases[i].digest);
        payload_digest(sorted, payload_attributes(payload, sorted), digest);
        assert_hex(digest, cases[i].digest);
        payload_unref(payload);
    }
}

static struct payload *full_payload(void)
{
    static const struct payload_attribute attributes[] = {
        {SLICE_INIT("b"), SLICE_INIT("String"), PAYLOAD_STRING, SLICE_INIT("two")},
        {SLICE_INIT("a.long.one"), SLICE_INIT("Binary.gif"), PAYLOAD_BINARY,
         SLICE_INIT("\0\xff\x01")},
        {SLICE_INIT("a"), SLICE_INIT("Number"), PAYLOAD_STRING, SLICE_INIT("-1e5")},
    };
    struct payload *payload = payload_new(&(struct payload_source){
        .id = some_id,
        .sent_ms = 1700000000123,
        .body = SLICE("a body"),
        .attributes = attributes,
        .attribute_count = COUNT(attributes),
        .group = SLICE("group"),
        .dedup = SLICE(""),
        .trace = SLICE("Root=1-5759e988-bd862e3fe1be46a994272793"),
        .sender = SLICE("000000000000"),
    });

    assert_non_null(payload);
    payload->head.sequence = 10000000000000000001u;
    return payload;
}

static void check_full(const struct payload *payload)
{
    struct payload_attribute attributes[QUEUE_ATTRIBUTES_MAX];

    assert_memory_equal(payload->head.id, some_id, 16);
    assert_true(payload->head.sent_ms == 1700000000123);
    assert_true(payload->head.sequence == 10000000000000000001u);
    assert_true(slice_is(payload_body(payload), "a body"));
    assert_true(slice_is(payload_group(payload), "group"));
    assert_true(payload_dedup(payload).p != NULL && payload_dedup(payload).n == 0);
    assert_true(slice_is(payload_trace(payload), "Root=1-5759e988-bd862e3fe1be46a994272793"));
    assert_true(slice_is(payload_sender(payload), "000000000000"));
    assert_int_equal(payload_attributes(payload, attributes), 3);
    assert_true(slice_is(attributes[0].name, "a"));
    assert_true(slice_is(attributes[1].name, "a.long.one"));
    assert_true(slice_is(attributes[1].type, "Binary.gif"));
    assert_int_equal(attributes[1].kind, PAYLOAD_BINARY);
    assert_true(slice_eq(attributes[1].value, SLICE("\0\xff\x01")));
    assert_true(slice_is(attributes[2].name, "b"));
    assert_true(slice_is(attributes[2].value, "two"));
}

static void there_and_back(void **state)
{
    struct payload *payload = full_payload();
    bool is_damaged = true;
    struct payload *again;

    (void)state;
    check_full(payload);
    again = payload_read(payload_bytes(payload), &is_damaged);
    assert_non_null(again);
    assert_false(is_damaged);
    payload_unref(payload);
    check_full(again);
    payload_unref(again);
}

static void nothing_but_a_body(void **state)
{
    static const uint8_t zero[16] = {0};
    struct payload *payload =
        payload_new(&(struct payload_source){.id = some_id, .body = SLICE("")});
    struct payload_attribute attributes[QUEUE_ATTRIBUTES_MAX];
    bool is_damaged;
    struct payload *again;

    (void)state;
    assert_non_null(payload);
    assert_int_equal(payload_body(payload).n, 0);
    assert_null(payload_group(payload).p);
    assert_null(payload_dedup(payload).p);
    assert_null(payload_trace(payload).p);
    assert_null(payload_sender(payload).p);
    assert_int_equal(payload_attributes(payload, attributes), 0);
    assert_memory_equal(payload->head.attributes_md5, zero, 16);
    again = payload_read(payload_bytes(payload), &is_damaged);
    assert_non_null(again);
    payload_unref(again);
    payload_unref(payload);
}

/* Nobody limits a trace header but the size of a request. */
static void long_trace(void **state)
{
    char *trace = malloc(100000);
    struct payload *payload;

    (void)state;
    assert_non_null(trace);
    memset(trace, 't', 100000);
    payload = payload_new(&(struct payload_source){
        .id = some_id, .body = SLICE("b"), .trace = {trace, 100000}, .sender = SLICE("s")});
    assert_non_null(payload);
    assert_true(slice_eq(payload_trace(payload), (struct slice){trace, 100000}));
    assert_true(slice_is(payload_sender(payload), "s"));
    payload_unref(payload);
    free(trace);
}

static void references(void **state)
{
    struct payload *payload = full_payload();

    (void)state;
    assert_ptr_equal(payload_ref(payload), payload);
    payload_unref(payload);
    check_full(payload);
    payload_unref(payload);
    payload_unref(NULL);
}

/* Cut at each length; and each byte changed: either it is refused, or what comes out can be looked at. */
static void damaged(void **state)
{
    struct payload *payload = full_payload();
    struct slice bytes = payload_bytes(payload);
    char *copy = malloc(bytes.n + 1);
    size_t refused = 0;

    (void)state;
    assert_non_null(copy);
    for (size_t n = 0; n < bytes.n; n++) {
        bool is_damaged = false;

        assert_null(payload_read((struct slice){bytes.p, n}, &is_damaged));
        assert_true(is_damaged);
    }
    for (size_t i = 0; i < bytes.n; i++) {
        struct payload_attribute attributes[QUEUE_ATTRIBUTES_MAX];
        bool is_damaged = false;
        struct payload *read;

        memcpy(copy, bytes.p, bytes.n);
        copy[i] = (char)~copy[i];
        read = payload_read((struct slice){copy, bytes.n}, &is_damaged);
        assert_int_equal(read == NULL, is_damaged);
        refused += is_damaged;
        if (read)
            (void)payload_attributes(read, attributes);
        payload_unref(read);
    }
    assert_true(refused >= 18); /* every byte of a length, at least */
    memcpy(copy, bytes.p, bytes.n);
    copy[bytes.n] = 'x';
    assert_null(payload_read((struct slice){copy, bytes.n + 1}, &(bool){false}));
    free(copy);
    payload_unref(payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(nothing_but_a_body),
        cmocka_unit_test(references),
        cmocka_unit_test(long_trace),
        cmocka_unit_test(damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

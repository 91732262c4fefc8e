/* The reader as its callers use it: tokens, errors and where they are, escapes, UTF-8, bounds. What is JSON and what is
 * not is asked in test_json_suite.c and test_json_jansson.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/json.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void assert_slice(struct slice s, const char *text)
{
    assert_int_equal(s.n, strlen(text));
    assert_memory_equal(s.p, text, s.n);
}

/* ---- the reader ---- */

static void reads_values_where_they_stand(void **state)
{
    static const char text[] = " {\"a\" : 1.5e3 ,\"b\":[true, null,\"x\\ny\" ],\"c\":{}} \n";
    struct json_value key, value;
    struct json j;

    (void)state;
    json_init(&j, slice_of(text));
    assert_int_equal(json_next(&j, NULL), JSON_OBJECT);
    assert_true(json_member(&j, &key));
    assert_slice(key.text, "a");
    assert_int_equal(json_next(&j, &value), JSON_NUMBER);
    assert_slice(value.text, "1.5e3");
    assert_true(json_member(&j, &key));
    assert_int_equal(json_next(&j, &value), JSON_ARRAY);
    assert_true(json_element(&j));
    assert_int_equal(json_next(&j, &value), JSON_TRUE);
    assert_slice(value.text, "true");
    assert_true(json_element(&j));
    assert_int_equal(json_next(&j, &value), JSON_NULL);
    assert_true(json_element(&j));
    assert_int_equal(json_next(&j, &value), JSON_STRING);
    assert_true(value.escaped);
    assert_slice(value.text, "x\\ny");
    assert_false(json_element(&j));
    assert_true(json_member(&j, &key));
    assert_true(json_skip(&j, &value));
    assert_int_equal(value.type, JSON_OBJECT);
    assert_slice(value.text, "{}");
    assert_false(json_member(&j, &key));
    assert_true(json_end(&j));
    assert_int_equal(json_position(&j), strlen(text));
}

static void skips_whole_values(void **state)
{
    static const char *const values[] = {
        "[1,[2,{\"x\":[3]}],\"]\"]", "{\"a\":{\"b\":\"}\"}}", "\"text\"", "-0.5", "false", "[]",
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        struct json_value value;
        struct json j;

        snprintf(text, sizeof(text), "[ %s , 7 ]", values[i]);
        json_init(&j, slice_of(text));
        assert_int_equal(json_next(&j, NULL), JSON_ARRAY);
        assert_true(json_element(&j));
        assert_true(json_skip(&j, &value));
        if (value.type == JSON_STRING)
            assert_slice(value.text, "text");
        else
            assert_slice(value.text, values[i]);
        assert_true(json_element(&j));
        assert_int_equal(json_next(&j, &value), JSON_NUMBER);
        assert_false(json_element(&j));
        assert_true(json_end(&j));
    }
}

/* Every error with its place: what RFC 8259 forbids, and what this reader bounds. */
static void says_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *text;
        size_t position;
        const char *error;
    } cases[] = {
        {"", 0, "a value is missing"},
        {"  ", 2, "a value is missing"},
        {"[1,]", 3, "not a value"},
        {"[1 2]", 3, "a comma or the end of a container is missing"},
        {"[1", 2, "a comma or the end of a container is missing"},
        {"[1}", 2, "a comma or the end of a container is missing"},
        {"{\"a\"}", 4, "a colon is missing"},
        {"{\"a\":1,}", 7, "a key is missing"},
        {"{a:1}", 1, "a key is missing"},
        {"{1:1}", 1, "a key is missing"},
        {"[1] x", 4, "something follows the value"},
        {"\xef\xbb\xbf[]", 0, "not a value"},
        {"nul", 0, "not a value"},
        {"NaN", 0, "not a value"},
        {"Infinity", 0, "not a value"},
        {"+1", 0, "not a value"},
        {".5", 0, "not a value"},
        {"-", 1, "not a value"},
        {"01", 1, "something follows the value"},
        {"1.", 2, "a number without digits behind its point"},
        {"1.e1", 2, "a number without digits behind its point"},
        {"1e", 0, "a number whose exponent is none, or too large"},
        {"1e999", 0, "a number whose exponent is none, or too large"},
        {"1e99999999999999999999", 0, "a number whose exponent is none, or too large"},
        {"\"abc", 4, "a string does not end"},
        {"\"a\nb\"", 2, "a control character in a string"},
        {"\"a\x1f", 2, "a control character in a string"},
        {"\"\\x\"", 1, "not an escape, or half of a surrogate pair"},
        {"\"\\", 1, "not an escape, or half of a surrogate pair"},
        {"\"\\u12G4\"", 1, "not an escape, or half of a surrogate pair"},
        {"\"ab\\ud800\"", 3, "not an escape, or half of a surrogate pair"},
        {"\"\\udc00\"", 1, "not an escape, or half of a surrogate pair"},
        {"\"\\ud800\\u0041\"", 1, "not an escape, or half of a surrogate pair"},
        {"\"\\ud800\\ud800\"", 1, "not an escape, or half of a surrogate pair"},
        {"\"\xc0\xaf\"", 1, "not UTF-8"},
        {"\"gr\xfcn\"", 3, "not UTF-8"},
        {"\"\xed\xa0\x80\"", 1, "not UTF-8"},
        {"\"\xf4\x90\x80\x80\"", 1, "not UTF-8"},
        {"\"\xe2\x82", 1, "not UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json j;

        json_init(&j, slice_of(cases[i].text));
        (void)json_skip(&j, NULL);
        assert_false(json_end(&j));
        assert_string_equal(j.error, cases[i].error);
        assert_int_equal(json_position(&j), cases[i].position);
    }
}

static void an_error_stays(void **state)
{
    struct json_value value;
    struct json j;

    (void)state;
    json_init(&j, SLICE("[oops, 1, 2]"));
    assert_int_equal(json_next(&j, NULL), JSON_ARRAY);
    assert_true(json_element(&j));
    assert_int_equal(json_next(&j, &value), JSON_ERROR);
    assert_false(json_element(&j));
    assert_int_equal(json_next(&j, &value), JSON_ERROR);
    assert_false(json_member(&j, &value));
    assert_false(json_skip(&j, &value));
    assert_false(json_end(&j));
    assert_int_equal(json_position(&j), 1);
}

static void asking_for_the_wrong_container_is_an_error(void **state)
{
    struct json_value key;
    struct json j;

    (void)state;
    json_init(&j, SLICE("[1]"));
    assert_int_equal(json_next(&j, NULL), JSON_ARRAY);
    assert_false(json_member(&j, &key));
    assert_false(json_end(&j));
    json_init(&j, SLICE("1"));
    assert_int_equal(json_next(&j, NULL), JSON_NUMBER);
    assert_false(json_element(&j));
    assert_false(json_end(&j));
}

static void a_bad_key_is_no_member(void **state)
{
    static const char *const bad[] = {"{\"\\x\":1}", "{\"a", "{\"a\"", "{\"a\" 1}", "{1:1}", "{,}"};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct json_value key;
        struct json j;

        json_init(&j, slice_of(bad[i]));
        assert_int_equal(json_next(&j, NULL), JSON_OBJECT);
        assert_false(json_member(&j, &key));
        assert_non_null(j.error);
    }
}

static void a_missing_text_is_no_value(void **state)
{
    (void)state;
    assert_false(json_is_valid((struct slice){0}));
}

/* ---- bounds ---- */

static void nests(size_t depth, const char *open, const char *close, bool valid)
{
    struct strbuf text = {0};

    for (size_t i = 0; i < depth; i++)
        strbuf_adds(&text, open);
    strbuf_addc(&text, '0');
    for (size_t i = 0; i < depth; i++)
        strbuf_adds(&text, close);
    assert_int_equal(json_is_valid(strbuf_slice(&text)), valid);
    strbuf_deinit(&text);
}

static void sixty_four_levels(void **state)
{
    (void)state;
    nests(64, "[", "]", true);
    nests(65, "[", "]", false);
    nests(64, "{\"a\":", "}", true);
    nests(65, "{\"a\":", "}", false);
    nests(32, "[{\"a\":", "}]", true);
    nests(1000000, "[", "]", false);
}

static void digits(size_t count, bool valid)
{
    struct strbuf text = {0};

    for (size_t i = 0; i < count; i++)
        strbuf_addc(&text, '1');
    assert_int_equal(json_is_valid(strbuf_slice(&text)), valid);
    strbuf_addc(&text, ' ');
    assert_int_equal(json_is_valid(strbuf_slice(&text)), valid);
    strbuf_deinit(&text);
}

static void numbers_are_bounded(void **state)
{
    (void)state;
    digits(999, true);
    digits(1000, true);
    digits(1001, false);
    digits(10000000, false);
    assert_true(json_is_valid(SLICE("1e308")));
    assert_false(json_is_valid(SLICE("1e309")));
    assert_true(json_is_valid(SLICE("1e-99999")));
    assert_true(json_is_valid(SLICE("1E+0000000000000000000000308")));
}

/* Nothing behind the text is ever looked at: each prefix stands at the end of its own allocation (for ASan). */
static void never_reads_past_the_end(void **state)
{
    static const char text[] =
        "{\"a\\u00e9\\ud83d\\ude00\":[-1.25e+10,true,false,null,\"\xe2\x82\xac\xf0\x9f\x98\x80 "
        "plain"
        " text that is longer than sixteen bytes\"],\"b\\\\\":{\"c\":\"\\n\"}}";

    (void)state;
    for (size_t n = 0; n < sizeof(text); n++) {
        char *copy = malloc(n ? n : 1);

        assert_non_null(copy);
        memcpy(copy, text, n);
        assert_int_equal(json_is_valid((struct slice){copy, n}), n == sizeof(text) - 1);
        free(copy);
    }
}

/* A special byte at each place of a string, so that each lane of the wide scan sees it. */
static void finds_special_bytes_anywhere(void **state)
{
    char text[80];

    (void)state;
    for (size_t length = 1; length < 70; length++)
        for (size_t at = 0; at < length; at++) {
            struct slice s = {text, length + 2};

            memset(text, 'x', sizeof(text));
            text[0] = text[length + 1] = '"';
            assert_true(json_is_valid(s));
            text[at + 1] = '\x1f';
            assert_false(json_is_valid(s));
            text[at + 1] = '\x80';
            assert_false(json_is_valid(s));
            text[at + 1] = '"';
            assert_false(json_is_valid(s));
            text[at + 1] = '\x7f';
            assert_true(json_is_valid(s));
            text[at + 1] = '\\';
            assert_int_equal(json_is_valid(s), false);
        }
}

/* ---- strings ---- */

static const struct {
    const char *escaped;
    struct slice plain;
} escapes[] = {
    {"", SLICE_INIT("")},
    {"plain", SLICE_INIT("plain")},
    {"\\\"\\\\\\/\\b\\f\\n\\r\\t", SLICE_INIT("\"\\/\b\f\n\r\t")},
    {"\\u0000", SLICE_INIT("\0")},
    {"\\u0041\\u00e9\\u20AC", SLICE_INIT("A\xc3\xa9\xe2\x82\xac")},
    {"\\uD83D\\uDe00", SLICE_INIT("\xf0\x9f\x98\x80")},
    {"\\ud800\\udc00\\udbff\\udfff", SLICE_INIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
    {"\\u007f\\u0080\\u07ff\\u0800\\uffff",
     SLICE_INIT("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf")},
    {"sixteen bytes and\\none more line, and then a long rest\\t",
     SLICE_INIT("sixteen bytes and\none more line, and then a long rest\t")},
    {"gr\xc3\xbcn", SLICE_INIT("gr\xc3\xbcn")},
};

static void unescapes(void **state)
{
    struct strbuf out = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(escapes); i++) {
        strbuf_reset(&out);
        strbuf_adds(&out, ">");
        json_unescape(slice_of(escapes[i].escaped), &out);
        assert_false(strbuf_failed(&out));
        assert_int_equal(out.n, escapes[i].plain.n + 1);
        assert_memory_equal(out.p + 1, escapes[i].plain.p, escapes[i].plain.n);
    }
    strbuf_deinit(&out);
}

/* Whatever the size of the pieces, together they are the text; and none is longer than it may be (for ASan). */
static void unescapes_piece_by_piece(void **state)
{
    struct strbuf whole = {0}, plain = {0}, joined = {0};

    (void)state;
    for (int repeat = 0; repeat < 20; repeat++)
        for (size_t i = 0; i < COUNT(escapes); i++) {
            strbuf_adds(&whole, escapes[i].escaped);
            strbuf_add_slice(&plain, escapes[i].plain);
        }
    for (size_t size = 16; size < 80; size++) {
        struct slice rest = strbuf_slice(&whole);
        char *piece = malloc(size);
        size_t n;

        assert_non_null(piece);
        strbuf_reset(&joined);
        while ((n = json_unescape_some(&rest, piece, size)) > 0) {
            assert_in_range(n, 1, size);
            strbuf_add(&joined, piece, n);
        }
        assert_int_equal(rest.n, 0);
        assert_true(slice_eq(strbuf_slice(&joined), strbuf_slice(&plain)));
        free(piece);
    }
    strbuf_deinit(&whole);
    strbuf_deinit(&plain);
    strbuf_deinit(&joined);
}

static void escapes_what_must_be(void **state)
{
    struct strbuf out = {0};

    (void)state;
    assert_true(json_escape(SLICE("a\"\\\b\f\n\r\t\0\x1f/\x7f gr\xc3\xbcn"), &out));
    assert_string_equal(out.p, "a\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f/\x7f gr\xc3\xbcn");
    strbuf_deinit(&out);
}

static void refuses_to_escape_what_is_no_utf8(void **state)
{
    static const char *const bad[] = {"\x80", "ab\xff", "\xc3", "\xed\xbf\xbf", "\xf5\x80\x80\x80"};
    struct strbuf out = {0};

    (void)state;
    strbuf_adds(&out, "kept");
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(json_escape(slice_of(bad[i]), &out));
        assert_string_equal(out.p, "kept");
    }
    strbuf_deinit(&out);
}

/* Each code point there is: escaped, read and unescaped it is itself. */
static void every_code_point_goes_round(void **state)
{
    struct strbuf plain = {0}, quoted = {0}, back = {0};

    (void)state;
    for (uint32_t code = 0; code < 0x110000; code++) {
        char hex[16];

        if (code == 0xd800)
            code = 0xe000;
        if (code < 0x10000)
            snprintf(hex, sizeof(hex), "\\u%04x", (unsigned)code);
        else
            snprintf(hex, sizeof(hex), "\\u%04x\\u%04x",
                     (unsigned)(0xd800 + ((code - 0x10000) >> 10)),
                     (unsigned)(0xdc00 + (code & 0x3ff)));
        json_unescape(slice_of(hex), &plain);
    }
    assert_true(utf8_is_valid(strbuf_slice(&plain)));
    strbuf_addc(&quoted, '"');
    assert_true(json_escape(strbuf_slice(&plain), &quoted));
    strbuf_addc(&quoted, '"');
    assert_true(json_is_valid(strbuf_slice(&quoted)));
    json_unescape((struct slice){quoted.p + 1, quoted.n - 2}, &back);
    assert_true(slice_eq(strbuf_slice(&back), strbuf_slice(&plain)));
    strbuf_deinit(&plain);
    strbuf_deinit(&quoted);
    strbuf_deinit(&back);
}

static void controls_have_one_byte_or_two(void **state)
{
    static const struct {
        struct slice text;
        size_t size;
    } cases[] = {
        {SLICE_INIT(""), 0},         {SLICE_INIT("a\n"), 0},       {SLICE_INIT("\0"), 1},
        {SLICE_INIT("\x1f"), 1},     {SLICE_INIT(" "), 0},         {SLICE_INIT("~"), 0},
        {SLICE_INIT("\x7f"), 1},     {SLICE_INIT("\xc2"), 0},      {SLICE_INIT("\xc2\x7f"), 0},
        {SLICE_INIT("\xc2\x80"), 2}, {SLICE_INIT("\xc2\x9f!"), 2}, {SLICE_INIT("\xc2\xa0"), 0},
        {SLICE_INIT("\xc3\x9b"), 0}, {SLICE_INIT("\x9b"), 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(utf8_control(cases[i].text), cases[i].size);
}

/* All sequences of up to three bytes, and those of four that start alike, against RFC 3629's own words: a decoder that
 * looks at the value. */
static bool is_utf8_by_value(const unsigned char *s, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    for (size_t at = 0, length; at < n; at += length) {
        uint32_t code = s[at];

        length = code < 0x80       ? 1
                 : code >> 5 == 6  ? 2
                 : code >> 4 == 14 ? 3
                 : code >> 3 == 30 ? 4
                                   : 0;
        if (length == 0 || at + length > n)
            return false;
        if (length > 1)
            code &= 0xffu >> (length + 1);
        for (size_t i = 1; i < length; i++) {
            if (s[at + i] >> 6 != 2)
                return false;
            code = code << 6 | (s[at + i] & 0x3fu);
        }
        if (length > 1 &&
            (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)))
            return false;
    }
    return true;
}

static void utf8_by_all_short_sequences(void **state)
{
    static const unsigned char edges[] = {0x00, 0x22, 0x7f, 0x80, 0x8f, 0x90,
                                          0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff};

    (void)state;
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++)
            for (size_t i = 0; i < COUNT(edges) * COUNT(edges); i++) {
                unsigned char s[4] = {(unsigned char)first, (unsigned char)second,
                                      edges[i / COUNT(edges)], edges[i % COUNT(edges)]};

                for (size_t n = 1; n <= sizeof(s); n++)
                    if (utf8_is_valid((struct slice){(const char *)s, n}) != is_utf8_by_value(s, n))
                        fail_msg("%02x %02x %02x %02x, first %zu", s[0], s[1], s[2], s[3], n);
            }
}

static void compares_strings_unescaped(void **state)
{
    static const struct {
        const char *text, *with;
        bool same;
    } cases[] = {
        {"\"Body\"", "Body", true},
        {"\"B\\u006fdy\"", "Body", true},
        {"\"Body\"", "body", false},
        {"\"Bod\"", "Body", false},
        {"\"Bodys\"", "Body", false},
        {"\"\\u0042ody-and-a-lot-more-than-any-piece-holds-0123456789-0123456789-0123456789\"",
         "Body-and-a-lot-more-than-any-piece-holds-0123456789-0123456789-0123456789", true},
        {"\"\\u0042ody-and-a-lot-more-than-any-piece-holds-0123456789-0123456789-0123456789\"",
         "Body-and-a-lot-more-than-any-piece-holds-0123456789-0123456789-012345678", false},
        {"\"\"", "", true},
        {"\"\\u0000\"", "", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_value value;
        struct json j;

        json_init(&j, slice_of(cases[i].text));
        assert_int_equal(json_next(&j, &value), JSON_STRING);
        assert_int_equal(json_is(&value, cases[i].with), cases[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values_where_they_stand),
        cmocka_unit_test(skips_whole_values),
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(an_error_stays),
        cmocka_unit_test(asking_for_the_wrong_container_is_an_error),
        cmocka_unit_test(a_bad_key_is_no_member),
        cmocka_unit_test(a_missing_text_is_no_value),
        cmocka_unit_test(sixty_four_levels),
        cmocka_unit_test(numbers_are_bounded),
        cmocka_unit_test(never_reads_past_the_end),
        cmocka_unit_test(finds_special_bytes_anywhere),
        cmocka_unit_test(unescapes),
        cmocka_unit_test(unescapes_piece_by_piece),
        cmocka_unit_test(escapes_what_must_be),
        cmocka_unit_test(refuses_to_escape_what_is_no_utf8),
        cmocka_unit_test(every_code_point_goes_round),
        cmocka_unit_test(controls_have_one_byte_or_two),
        cmocka_unit_test(utf8_by_all_short_sequences),
        cmocka_unit_test(compares_strings_unescaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

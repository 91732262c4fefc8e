/*
 * The input of `sluice send`: lines however they are cut, and what SQS takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/send_events.h"

/* All lines of `text` fed `step` bytes at a time, each as "number:line|". */
static void cut(const char *text, size_t step, char *out)
{
    struct lines lines = {0};
    struct slice line;
    size_t n = strlen(text);
    *out = '\0';
    for (size_t at = 0; at < n; at += step) {
        lines_feed(&lines, (struct slice){text + at, step < n - at ? step : n - at});
        while (lines_next(&lines, false, &line))
            out += sprintf(out, "%d:%.*s|", (int)lines.number, (int)line.n, line.p);
    }
    while (lines_next(&lines, true, &line))
        out += sprintf(out, "%d:%.*s|", (int)lines.number, (int)line.n, line.p);
    lines_deinit(&lines);
}

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *lines;
    } cases[] = {
        {"", ""},
        {"a", "1:a|"},
        {"a\n", "1:a|"},
        {"a\nbc\n", "1:a|2:bc|"},
        {"a\r\nbc\r\n", "1:a|2:bc|"},
        {"a\n\n\nb", "1:a|2:|3:|4:b|"},
        {"\r\n", "1:|"},
        {"a\rb\n", "1:a\rb|"},
        {"a\r", "1:a|"},
    };
    char got[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t step = 1; step <= 8; step++) {
            cut(cases[i].text, step, got);
            assert_string_equal(got, cases[i].lines);
        }
}

/* A line that is too long comes out as one that is refused, and the next one is itself again. */
static void test_long_lines(void **state)
{
    (void)state;
    for (int over = -1; over <= 3; over++) {
        size_t n = (size_t)((int)SEND_BYTES_MAX + over);
        char *text = malloc(n + 6);
        memset(text, 'x', n);
        memcpy(text + n, "\r\nyz\n", 6);
        struct lines lines = {0};
        struct slice line;
        size_t all = n + 5, found = 0;
        for (size_t at = 0; at < all; at += 65536) {
            lines_feed(&lines, (struct slice){text + at, 65536 < all - at ? 65536 : all - at});
            assert_true(lines.held.n <= SEND_BYTES_MAX + 2 + 65536);
            while (lines_next(&lines, false, &line)) {
                found++;
                if (found == 1)
                    assert_int_equal(line.n, over <= 0 ? n : SEND_BYTES_MAX + 1);
                else
                    assert_true(slice_is(line, "yz"));
            }
        }
        assert_int_equal(found, 2);
        assert_int_equal(lines.number, 2);
        lines_deinit(&lines);
        free(text);
    }
}

static const struct {
    const char *text, *group, *dedup;
    const char *want; /* "group|dedup", or why not */
    bool is_fit;
} cases[] = {
    {"{\"a\":1}", NULL, NULL, "|", true},
    {"plain text", "g", "d-1", "g|d-1", true},
    {"{\"tenant\":\"acme\",\"n\":4711}", "@tenant", "@n", "acme|4711", true},
    {"{\"t\":\"a\\u0062c\"}", "@t", NULL, "abc|", true},
    {"{\"t\":{\"t\":1},\"x\":[1,2]}", "@t", NULL, "has no member t that is a string or a number",
     false},
    {"{\"a\":1}", "@t", NULL, "has no member t that is a string or a number", false},
    {"[1]", "@t", NULL, "is not a JSON object, so it has no member t", false},
    {"{\"t\":", "@t", NULL, "is not a JSON object, so it has no member t", false},
    {"{\"t\":\"a b\"}", "@t", NULL,
     "has a message group that SQS does not take: 1 to 128 letters, digits and punctuation", false},
    {"{\"t\":\"\"}", NULL, "@t",
     "has a deduplication id that SQS does not take: 1 to 128 letters, digits and punctuation",
     false},
    {"", NULL, NULL, "is empty, and SQS takes no empty message", false},
    {"tab\tcr\rlf\n gr\xc3\xbcn \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbd \xf4\x8f\xbf\xbf", NULL,
     NULL, "|", true},
    {"ab\x01", NULL, NULL,
     "has the character U+0001 at byte 3, which SQS does not take\n"
     "  do:    in JSON write it as \\u0001; otherwise send it as base64",
     false},
    {"\xef\xbf\xbf", NULL, NULL,
     "has the character U+FFFF at byte 1, which SQS does not take\n"
     "  do:    in JSON write it as \\uffff; otherwise send it as base64",
     false},
    {"\xff", NULL, NULL,
     "is not UTF-8, and SQS takes nothing else\n  do:    convert it, or send it as base64", false},
};

static void test_events(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct send_rules rules = {.group = cases[i].group, .dedup = cases[i].dedup};
        struct send_event *event = NULL;
        struct strbuf why = {0};
        char got[300];
        int result = send_event_make(&event, &rules, slice_of(cases[i].text), &why);
        if (result == 0) {
            struct slice group = send_event_group(event), dedup = send_event_dedup(event);
            assert_true(slice_is(send_event_body(event), cases[i].text));
            snprintf(got, sizeof got, "%.*s|%.*s", (int)group.n, group.p, (int)dedup.n, dedup.p);
        } else {
            snprintf(got, sizeof got, "%s", why.p);
        }
        assert_int_equal(result, cases[i].is_fit ? 0 : SEND_REFUSED);
        assert_string_equal(got, cases[i].want);
        send_event_free(event);
        strbuf_deinit(&why);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    char *text = malloc(SEND_BYTES_MAX + 1);
    memset(text, 'x', SEND_BYTES_MAX + 1);
    struct strbuf why = {0};
    struct send_event *event = NULL;
    struct send_rules rules = {0};
    assert_int_equal(send_event_make(&event, &rules, (struct slice){text, SEND_BYTES_MAX}, &why),
                     0);
    assert_int_equal(send_event_bytes(event, &rules), SEND_BYTES_MAX);
    send_event_free(event);
    assert_int_equal(
        send_event_make(&event, &rules, (struct slice){text, SEND_BYTES_MAX + 1}, &why),
        SEND_REFUSED);
    assert_string_equal(why.p, "is longer than the 1,048,576 bytes that SQS takes\n"
                               "  do:    split it, or put it elsewhere and send where it is");
    strbuf_reset(&why);
    rules.attribute_bytes = 20;
    assert_int_equal(
        send_event_make(&event, &rules, (struct slice){text, SEND_BYTES_MAX - 19}, &why),
        SEND_REFUSED);
    assert_string_equal(why.p,
                        "is, with its attributes, 1,048,577 bytes long; SQS takes 1,048,576\n"
                        "  do:    split it, or put it elsewhere and send where it is");
    strbuf_deinit(&why);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Heads of answers: which can be trusted to say where the answer ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "io/http_head.h"

#define H "HTTP/1.1 200 OK\r\n"

static void test_check(void **state)
{
    static const struct {
        const char *head;
        int64_t length; /* -3: refused */
    } table[] = {
        {H, -1},
        {"HTTP/1.1 200\r\n", -1},
        {"HTTP/1.0 404 x\n", -1},
        {H "Content-Length: 0\r\n", 0},
        {H "content-length:\t17 \r\n", 17},
        {H "CONTENT-LENGTH: 999999999999999999\r\n", 999999999999999999},
        {H "Transfer-Encoding: chunked\r\n", -2},
        {H "Transfer-Encoding: Chunked\r\n", -2},
        {H "X: \xc3\xbc\r\n", -1},
        {H "X:\r\n", -1},
        {H "Content-Length:\r\n", -3},
        {H "Content-Length: -1\r\n", -3},
        {H "Content-Length: +1\r\n", -3},
        {H "Content-Length: 1 2\r\n", -3},
        {H "Content-Length: 1,1\r\n", -3},
        {H "Content-Length: 0x1\r\n", -3},
        {H "Content-Length: 1000000000000000000\r\n", -3},
        {H "Content-Length: 1\r\nContent-Length: 1\r\n", -3},
        {H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", -3},
        {H "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", -3},
        {H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", -3},
        {H "Transfer-Encoding: gzip\r\n", -3},
        {H "Transfer-Encoding: chunked, gzip\r\n", -3},
        {H "Transfer-Encoding: xchunked\r\n", -3},
        {"HTTP/1.1 204 No Content\r\n", -1},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n", 0},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 1\r\n", -3},
        {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n", -3},
        {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n", -1},
        {"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n", -3},
        {"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n", -3},
        {"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n", -3},
        {"HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n", 2},
        {H " folded: x\r\n", -3},
        {H "X: y\r\n\tfolded\r\n", -3},
        {H "no colon\r\n", -3},
        {H ": no name\r\n", -3},
        {H "X : y\r\n", -3},
        {H "X: a\rb\r\n", -3},
        {H "X: \x01\r\n", -3},
        {"HTTP/2 200\r\n", -3},
        {"HTTP/1.1 99 x\r\n", -3},
        {"HTTP/1.1 1000 x\r\n", -3},
        {"HTTP/1.1 2x0 x\r\n", -3},
        {"HTTP/1.1  200 x\r\n", -3},
        {"ICY 200 OK\r\n", -3},
        {"", -3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int64_t length = -3;
        const char *wrong = http_head_check(slice_of(table[i].head), &length);

        if (length != table[i].length || (wrong == NULL) == (length == -3))
            fail_msg("%s: %lld, %s", table[i].head, (long long)length, wrong ? wrong : "fine");
    }
}

/* A NUL is a control character like the others, and ends nothing. */
static void test_nul(void **state)
{
    static const char head[] = H "X: a\0b\r\nContent-Length: 5\r\n";
    int64_t length;

    (void)state;
    assert_non_null(http_head_check((struct slice){head, sizeof head - 1}, &length));
    assert_false(http_is_token((struct slice){"a\0b", 3}));
    assert_false(http_is_field_value((struct slice){"a\0b", 3}));
}

static void test_next(void **state)
{
    const struct slice head = SLICE(H "A:  one \r\nB:two\r\n\r\nC: behind the end\r\n");
    struct http_head_line line;
    size_t at = 0;

    (void)state;
    assert_true(http_head_next(head, &at, &line));
    assert_true(slice_is(line.name, "A") && slice_is(line.value, "one"));
    assert_true(http_head_next(head, &at, &line));
    assert_true(slice_is(line.name, "B") && slice_is(line.value, "two"));
    assert_false(http_head_next(head, &at, &line));
    at = 0;
    assert_false(http_head_next(SLICE(""), &at, &line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The scan of strings as machines without SSE2 do it: it must stop where one byte after the other would. */
#undef __SSE2__
#include "core/json.c" /* its statics are what is asked; before cmocka, whose macros it must not see */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LENGTH = 24 };

static void assert_same_stop(const char *p, const char *end)
{
    assert_ptr_equal(skip_plain(p, end), skip_plain_bytes(p, end));
}

/* Each byte at each place, among plain ones and beside each other special one. */
static void stops_where_bytes_do(void **state)
{
    static const char beside[] = {'x', '"',  '\\', 0x1f,       0x20,      0x21,
                                  '#', 0x7f, '\0', (char)0x80, (char)0xff};
    char text[LENGTH];

    (void)state;
    for (size_t at = 0; at < LENGTH; at++)
        for (unsigned c = 0; c < 256; c++)
            for (size_t i = 0; i < sizeof(beside); i++) {
                memset(text, 'x', sizeof(text));
                text[(at + 1) % LENGTH] = beside[i];
                text[at] = (char)c;
                assert_same_stop(text, text + LENGTH);
            }
}

static void reads_and_unescapes_as_ever(void **state)
{
    static const char text[] =
        "[\"a long string without anything in it\",\"gr\xc3\xbcn and\\u00e9 \\ud83d\\ude00\\n\"]";
    struct strbuf plain = {0};
    struct json_value value;
    struct json j;

    (void)state;
    json_init(&j, slice_of(text));
    assert_int_equal(json_next(&j, NULL), JSON_ARRAY);
    assert_true(json_element(&j) && json_next(&j, &value) == JSON_STRING);
    assert_true(json_is(&value, "a long string without anything in it"));
    assert_true(json_element(&j) && json_next(&j, &value) == JSON_STRING);
    json_unescape(value.text, &plain);
    assert_string_equal(plain.p, "gr\xc3\xbcn and\xc3\xa9 \xf0\x9f\x98\x80\n");
    assert_false(json_element(&j));
    assert_true(json_end(&j));
    strbuf_deinit(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_where_bytes_do),
        cmocka_unit_test(reads_and_unescapes_as_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Form fields: cut apart, decoded, and what can't be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/form.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void fields(void **state)
{
    struct slice rest = SLICE("&a=1&&b=&c&=d&e=f=g&");
    static const struct {
        const char *name, *value;
    } expected[] = {{"a", "1"}, {"b", ""}, {"c", ""}, {"", "d"}, {"e", "f=g"}};
    struct slice name, value;

    (void)state;
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_true(form_next(&rest, &name, &value));
        assert_true(slice_is(name, expected[i].name));
        assert_true(slice_is(value, expected[i].value));
        assert_non_null(value.p);
    }
    assert_false(form_next(&rest, &name, &value));
    rest = (struct slice){NULL, 0};
    assert_false(form_next(&rest, &name, &value));
}

static void decoding(void **state)
{
    static const struct {
        const char *text, *plain; /* NULL: refused */
    } cases[] = {
        {"", ""},
        {"abc", "abc"},
        {"a+b", "a b"},
        {"%41%2b%2B", "A++"},
        {"%C3%A9", "\xc3\xa9"},
        {"%25zz", "%zz"},
        {"%zz", NULL},
        {"%4", NULL},
        {"%", NULL},
        {"a%4", NULL},
        {"%4g", NULL},
        {"%-1", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[32];
        size_t n = 0;

        assert_int_equal(form_decode(slice_of(cases[i].text), out, &n), cases[i].plain != NULL);
        if (cases[i].plain)
            assert_true(slice_is((struct slice){out, n}, cases[i].plain));
    }
    assert_false(form_is_encoded(SLICE("abc.1=")));
    assert_true(form_is_encoded(SLICE("a+")));
    assert_true(form_is_encoded(SLICE("%41")));
    assert_false(form_is_encoded((struct slice){NULL, 0}));
}

static void in_place_and_nul(void **state)
{
    char text[] = "a%00b%2Fc";
    size_t n;

    (void)state;
    assert_true(form_decode(slice_of(text), text, &n));
    assert_int_equal(n, 5);
    assert_memory_equal(text, "a\0b/c", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(decoding),
        cmocka_unit_test(in_place_and_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

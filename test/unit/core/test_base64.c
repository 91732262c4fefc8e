/* Base64: RFC 4648's vectors, every length and byte there and back, and what is no base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base64.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void vectors(void **state)
{
    static const struct {
        const char *plain, *encoded;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct strbuf encoded = {0};
        char plain[16];
        size_t n;

        base64_encode(slice_of(cases[i].plain), &encoded);
        assert_true(slice_is(strbuf_slice(&encoded), cases[i].encoded));
        assert_true(base64_decode(slice_of(cases[i].encoded), plain, &n));
        assert_true(slice_eq((struct slice){plain, n}, slice_of(cases[i].plain)));
        strbuf_deinit(&encoded);
    }
}

static void there_and_back(void **state)
{
    char bytes[256], plain[300];
    struct strbuf encoded = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        size_t decoded;

        strbuf_reset(&encoded);
        base64_encode((struct slice){bytes, n}, &encoded);
        assert_int_equal(encoded.n, (n + 2) / 3 * 4);
        assert_true(base64_decoded_max(encoded.n) >= n);
        assert_true(base64_decode(strbuf_slice(&encoded), plain, &decoded));
        assert_true(slice_eq((struct slice){plain, decoded}, (struct slice){bytes, n}));
    }
    strbuf_deinit(&encoded);
}

static void refused(void **state)
{
    static const char *const cases[] = {
        "Z",     "Zg",       "Zg=",  "Zg===", "=",    "====",           "Z===",
        "Zm9v=", "Zg==Zg==", "Zm 9", "Zm9\n", "Zm-_", "Zm9v\xc3\xa9==", "Zm=v",
    };
    char plain[16];
    size_t n;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_false(base64_decode(slice_of(cases[i]), plain, &n));
    assert_false(base64_decode((struct slice){"Zm\0v", 4}, plain, &n));
    assert_true(base64_decode(SLICE("Zh=="), plain, &n)); /* bits that stand for nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

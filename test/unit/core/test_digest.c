#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/digest.h"

/* FIPS 180-2, appendix B: the digest of "abc". */
static const uint8_t ABC[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                              0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                              0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};

static void digests_what_the_standard_does(void **state)
{
    struct slice one = SLICE("abc");
    uint8_t out[SHA256_SIZE];

    (void)state;
    sha256(&one, 1, out);
    assert_memory_equal(out, ABC, sizeof ABC);
}

static void parts_in_a_row_are_one_text(void **state)
{
    struct slice parts[] = {SLICE("a"), SLICE(""), SLICE("bc")};
    uint8_t out[SHA256_SIZE];

    (void)state;
    sha256(parts, 3, out);
    assert_memory_equal(out, ABC, sizeof ABC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_what_the_standard_does),
        cmocka_unit_test(parts_in_a_row_are_one_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

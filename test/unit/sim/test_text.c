/* What a world reads off a wire: hashes and digests depend on every byte, and not on how the bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/world/text.h"

enum { LONGEST = 150 };

static void fill(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(i * 37 + 11);
}

static void hashes_of_all_bytes(void **state)
{
    char text[LONGEST];

    (void)state;
    for (size_t n = 1; n <= LONGEST; n++) {
        struct slice all = {text, n};
        uint64_t hash;

        fill(text, n);
        hash = sim_text_hash(all, 7);
        assert_int_not_equal(hash, 0);
        assert_int_not_equal(hash, sim_text_hash(all, 8));
        assert_int_not_equal(hash, sim_text_hash((struct slice){text, n - 1}, 7));
        for (size_t i = 0; i < n; i++)
            for (int bit = 1; bit < 0x100; bit <<= 1) {
                text[i] = (char)(text[i] ^ bit);
                assert_int_not_equal(hash, sim_text_hash(all, 7));
                text[i] = (char)(text[i] ^ bit);
            }
        assert_int_equal(hash, sim_text_hash(all, 7));
    }
    assert_int_not_equal(sim_text_hash((struct slice){NULL, 0}, 7), 0);
}

/* In pieces of `piece` bytes; 0: all at once. */
static void digest_of(const char *text, size_t n, size_t piece, uint8_t out[MD5_SIZE])
{
    size_t step = piece ? piece : n;

    sim_text_digest.begin();
    for (size_t at = 0; at < n; at += step)
        sim_text_digest.add(text + at, step < n - at ? step : n - at);
    sim_text_digest.end(out);
}

static void digests_of_all_bytes(void **state)
{
    char text[LONGEST];
    uint8_t whole[MD5_SIZE], other[MD5_SIZE];

    (void)state;
    for (size_t n = 1; n <= LONGEST; n++) {
        fill(text, n);
        text[n - 1] = '\0';
        digest_of(text, n, 0, whole);
        for (size_t piece = 1; piece <= n; piece++) {
            digest_of(text, n, piece, other);
            assert_memory_equal(whole, other, MD5_SIZE);
        }
        digest_of(text, n - 1, 0,
                  other); /* what is short is made longer by zeroes, and still is another */
        assert_memory_not_equal(whole, other, MD5_SIZE);
        for (size_t i = 0; i < n; i++) {
            text[i] ^= 1;
            digest_of(text, n, 0, other);
            assert_memory_not_equal(whole, other, MD5_SIZE);
            text[i] ^= 1;
        }
    }
}

static void finds(void **state)
{
    const struct slice text = SLICE("\"Receipt\":1,\"ReceiptHandle\":\"h\",\"ReceiptHandle\":25x");
    const struct slice key = SLICE("\"ReceiptHandle\":");
    const char *first = sim_text_find(text, 0, key, 'H');
    const char *second;

    (void)state;
    assert_ptr_equal(first, text.p + 12);
    second = sim_text_find(text, 13, key, 'H');
    assert_ptr_equal(second, text.p + 32);
    assert_null(sim_text_find(text, 33, key, 'H'));
    assert_null(sim_text_find((struct slice){text.p, 26}, 0, key, 'H')); /* cut off */
    assert_int_equal(sim_text_number((struct slice){second + key.n, 3}), 25);
    assert_int_equal(sim_text_number((struct slice){second + key.n, 1}), 2);
    assert_int_equal(sim_text_number(SLICE("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_all_bytes),
        cmocka_unit_test(digests_of_all_bytes),
        cmocka_unit_test(finds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

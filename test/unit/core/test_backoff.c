/* Ceilings, jitter and the delay of returns: exact at the ends of the random range, and never
 * outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/backoff.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void ceilings(void **state)
{
    static const struct {
        int64_t base_ms, cap_ms;
        unsigned exponent;
        int64_t ms;
    } cases[] = {
        {50, 20000, 0, 50},
        {50, 20000, 1, 100},
        {50, 20000, 8, 12800},
        {50, 20000, 9, 20000},
        {50, 20000, 4000000000, 20000},
        {1000, 20000, 4, 16000},
        {1000, 20000, 5, 20000},
        {30000, 20000, 0, 20000},
        {0, 20000, 7, 0},
        {-1, 20000, 7, 0},
        {50, 0, 3, 0},
        {50, -1, 3, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(
            backoff_ceiling(sl_ms(cases[i].base_ms), sl_ms(cases[i].cap_ms), cases[i].exponent).ns,
            sl_ms(cases[i].ms).ns);
    assert_int_equal(backoff_ceiling(sl_sec(1), SL_FOREVER, 4000000000).ns, INT64_MAX);
}

static void jitter_spans_everything_up_to_the_ceiling(void **state)
{
    (void)state;
    assert_int_equal(backoff_jitter(sl_ms(20), 0).ns, 0);
    assert_int_equal(backoff_jitter(sl_ms(20), UINT64_MAX).ns, 20000000);
    assert_int_equal(backoff_jitter(sl_ms(20), UINT64_MAX / 2 + 1).ns, 10000000);
    assert_int_equal(backoff_jitter(SL_FOREVER, UINT64_MAX).ns, INT64_MAX);
    assert_int_equal(backoff_jitter(SL_FOREVER, 0).ns, 0);
    assert_int_equal(backoff_jitter(SL_ZERO, UINT64_MAX).ns, 0);
    assert_int_equal(backoff_jitter(sl_ns(-1), UINT64_MAX).ns, 0);
    assert_int_equal(backoff_jitter(sl_ns(1), UINT64_MAX / 2).ns, 0);
    assert_int_equal(backoff_jitter(sl_ns(1), UINT64_MAX / 2 + 1).ns, 1);
    assert_int_equal(backoff_full(sl_ms(50), sl_sec(20), 2, UINT64_MAX).ns, sl_ms(200).ns);
}

static void returns_grow_with_the_receive_count(void **state)
{
    static const struct {
        unsigned receives;
        uint64_t random;
        int64_t seconds;
    } cases[] = {
        {0, UINT64_MAX, 5},
        {1, UINT64_MAX, 5},
        {2, UINT64_MAX, 10},
        {3, UINT64_MAX, 20},
        {8, UINT64_MAX, 640},
        {9, UINT64_MAX, 900},
        {10, UINT64_MAX, 900},
        {UINT32_MAX, UINT64_MAX, 900},
        {1, 0, 1},
        {100, 0, 1},
        {1, UINT64_MAX / 10 * 3, 2},
        {2, UINT64_MAX / 2 + 1, 5},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(backoff_return_delay(cases[i].receives, cases[i].random).ns,
                         sl_sec(cases[i].seconds).ns);
}

static void no_argument_leaves_the_range(void **state)
{
    uint64_t x = 42;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        sl_dur base, cap, delay;

        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        base = sl_ns((int64_t)x >> (x >> 58));
        cap = sl_ns((int64_t)(x * 31) >> (x >> 52 & 63));
        delay = backoff_full(base, cap, (unsigned)(x >> 7), x * 17);
        assert_true(delay.ns >= 0);
        assert_true(delay.ns <= (cap.ns > 0 ? cap.ns : 0));
        delay = backoff_return_delay((unsigned)x, x * 13);
        assert_true(delay.ns >= sl_sec(1).ns && delay.ns <= sl_minutes(15).ns);
        assert_int_equal(delay.ns % 1000000000, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ceilings),
        cmocka_unit_test(jitter_spans_everything_up_to_the_ceiling),
        cmocka_unit_test(returns_grow_with_the_receive_count),
        cmocka_unit_test(no_argument_leaves_the_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

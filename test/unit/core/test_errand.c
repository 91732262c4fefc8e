/* The oldest of the errands that are registered, whichever of them end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/errand.h"

static sl_time at(int64_t s)
{
    return sl_time_add((sl_time){0}, sl_sec(s));
}

static void what_has_nothing_to_do_is_not_old(void **state)
{
    struct errands errands = {NULL};
    struct errand a, b;

    (void)state;
    assert_null(errands_oldest(&errands));
    errand_begin(&errands, &a, "a");
    errand_begin(&errands, &b, "b");
    assert_null(errands_oldest(&errands));
    b.moved_at = at(5);
    assert_string_equal(errands_oldest(&errands)->what, "b");
    a.moved_at = at(4);
    assert_ptr_equal(errands_oldest(&errands), &a);
    a.moved_at = SL_NEVER;
    assert_ptr_equal(errands_oldest(&errands), &b);
    errand_end(&errands, &a);
    errand_end(&errands, &b);
    assert_null(errands.first);
}

/* In every order of ending, the oldest of the rest is told. */
static void they_end_in_any_order(void **state)
{
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 2, 0, 3},
                                    {2, 1, 3, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};

    (void)state;
    for (size_t k = 0; k < sizeof orders / sizeof orders[0]; k++) {
        struct errands errands = {NULL};
        struct errand all[4];
        unsigned ended = 0;

        for (int i = 0; i < 4; i++) {
            errand_begin(&errands, &all[i], "one");
            all[i].moved_at = at(10 - i);
        }
        for (int i = 0; i < 4; i++) {
            int oldest = 3;

            while (ended >> oldest & 1)
                oldest--;
            assert_ptr_equal(errands_oldest(&errands), &all[oldest]);
            errand_end(&errands, &all[orders[k][i]]);
            ended |= 1u << orders[k][i];
        }
        assert_null(errands_oldest(&errands));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_nothing_to_do_is_not_old),
        cmocka_unit_test(they_end_in_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

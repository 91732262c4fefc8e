/*
 * cmocka -- the few of cmocka's macros that the tests of lib use, so that they can be built for a
 * machine for which there is no cmocka. The first failure ends the program.
 */
#ifndef TEST_AARCH64_CMOCKA_H
#define TEST_AARCH64_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

#define cmocka_unit_test(f)                                                                        \
    {                                                                                              \
#f, f                                                                                      \
    }

#define check_(x)                                                                                  \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #x);                                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define fail_msg(...)              (printf(__VA_ARGS__), exit(1))
#define assert_true(x)             check_(x)
#define assert_false(x)            check_(!(x))
#define assert_null(p)             check_((p) == NULL)
#define assert_non_null(p)         check_((p) != NULL)
#define assert_int_equal(a, b)     check_((long long)(a) == (long long)(b))
#define assert_int_not_equal(a, b) check_((long long)(a) != (long long)(b))
#define assert_in_range(x, a, b)                                                                   \
    do {                                                                                           \
        long long x_ = (long long)(x);                                                             \
                                                                                                   \
        check_(x_ >= (long long)(a) && x_ <= (long long)(b));                                      \
    } while (0)
#define assert_string_equal(a, b)     check_(strcmp((a), (b)) == 0)
#define assert_string_not_equal(a, b) check_(strcmp((a), (b)) != 0)
#define assert_memory_equal(a, b, n)  check_(memcmp((a), (b), (n)) == 0)

#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    run_tests_((tests), sizeof(tests) / sizeof((tests)[0]))

static inline int run_tests_(const struct CMUnitTest *tests, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        void *state = NULL;

        tests[i].run(&state);
    }
    printf("%zu tests passed\n", n);
    return 0;
}

#endif

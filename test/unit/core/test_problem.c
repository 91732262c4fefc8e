/* Problems: another advice in place of the one that a text has, or behind a text that has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/problem.h"

static void advice_is_replaced(void **state)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"it is damaged\n  file:  q\n  do:    --data", "it is damaged\n  file:  q\n  do:    --dir"},
        {"can't be read", "can't be read\n  do:    --dir"},
        {"can't read a\n  do:    b\n  do:    c", "can't read a\n  do:    b\n  do:    --dir"},
        {"", "\n  do:    --dir"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct problem problem;

        problem_init(&problem);
        problem_set(&problem, EXIT_BAD_CONFIG, "%s", rows[i].before);
        problem_advise(&problem, "--dir");
        assert_string_equal(problem.text.p, rows[i].after);
        assert_int_equal(problem.status, EXIT_BAD_CONFIG);
        problem_deinit(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(advice_is_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

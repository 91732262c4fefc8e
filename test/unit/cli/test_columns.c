/* Rows of text, aligned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/columns.h"

static void test_alignment(void **state)
{
    (void)state;
    struct columns table = {.heads = {"NAME", "N", "WHY"}, .right = {false, true, false}};
    struct strbuf out = {0};

    columns_add(&table, "orders");
    columns_add(&table, "%d", 1234);
    columns_add(&table, "%s", "");
    columns_add(&table, "a");
    columns_add(&table, "%d", 7);
    columns_add(&table, "because");
    columns_print(&table, &out);
    assert_string_equal(out.p, "NAME       N  WHY\n"
                               "orders  1234\n"
                               "a          7  because\n");
    assert_false(strbuf_failed(&out));
    columns_deinit(&table);
    strbuf_deinit(&out);
}

static void test_head_alone(void **state)
{
    (void)state;
    struct columns table = {.heads = {"A", "B"}};
    struct strbuf out = {0};

    columns_print(&table, &out);
    assert_string_equal(out.p, "A  B\n");
    assert_int_equal(columns_rows(&table), 1);
    columns_deinit(&table);
    strbuf_deinit(&out);
}

/* What others wrote can't move a terminal's cursor, nor fill the screen. */
static void test_strange_cells(void **state)
{
    (void)state;
    struct columns table = {.heads = {"A"}};
    struct strbuf out = {0};
    char wide[1000];

    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    columns_add(&table, "a\x1b[2J\nb");
    columns_add(&table, "\xc2\x9b"
                        "2J\r\xc2\xa0\xc3\x9b");
    columns_print(&table, &out);
    assert_string_equal(out.p, "A\na?[2J?b\n?2J?\xc2\xa0\xc3\x9b\n");
    strbuf_reset(&out);
    columns_add(&table, "%s", wide);
    columns_print_row(&table, 0, &out);
    columns_print_row(&table, 3, &out);
    assert_int_equal(out.n, 2 + 301);
    columns_deinit(&table);
    strbuf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_head_alone),
        cmocka_unit_test(test_strange_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

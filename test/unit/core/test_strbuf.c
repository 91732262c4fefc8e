/* Growable bytes: always terminated, failing once and for all, mended by a reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/slice.h"
#include "core/strbuf.h"

static void grows_and_stays_terminated(void **state)
{
    struct strbuf b = {0};

    (void)state;
    assert_int_equal(strbuf_slice(&b).n, 0);
    assert_non_null(strbuf_slice(&b).p);
    strbuf_add(&b, NULL, 0);
    strbuf_add_slice(&b, (struct slice){0});
    for (unsigned i = 0; i < 1000; i++) {
        strbuf_addc(&b, (char)('a' + i % 26));
        assert_int_equal(b.n, i + 1);
        assert_int_equal(strlen(b.p), i + 1);
        assert_true(b.cap > b.n);
    }
    assert_memory_equal(b.p, "abcdefghijklmnopqrstuvwxyzabc", 29);
    strbuf_reset(&b);
    assert_int_equal(b.n, 0);
    assert_string_equal(b.p, "");
    strbuf_deinit(&b);
    assert_null(b.p);
}

static void fills(void **state)
{
    struct strbuf b = {0};

    (void)state;
    strbuf_fill(&b, '.', 0);
    assert_string_equal(b.p, "");
    strbuf_adds(&b, "a");
    strbuf_fill(&b, '.', 1000);
    assert_int_equal(b.n, 1001);
    assert_int_equal(strspn(b.p + 1, "."), 1000);
    strbuf_fill(&b, '.', SIZE_MAX);
    assert_true(strbuf_failed(&b));
    assert_int_equal(b.n, 1001);
    strbuf_fill(&b, '.', 1);
    assert_int_equal(b.n, 1001);
    strbuf_deinit(&b);
}

static void formats(void **state)
{
    struct strbuf b = {0};

    (void)state;
    strbuf_adds(&b, "id ");
    strbuf_addf(&b, "%s/%d", "queue", -7);
    assert_string_equal(b.p, "id queue/-7");
    strbuf_addf(&b, "%0200d", 1);
    assert_int_equal(b.n, 11 + 200);
    assert_int_equal(strlen(b.p), b.n);
    assert_int_equal(b.p[b.n - 1], '1');
    for (size_t n = 1; n < 300; n++) {
        strbuf_deinit(&b);
        strbuf_adds(&b, "id queue/-7");
        strbuf_addf(&b, "%0*d", (int)n, 7);
        assert_int_equal(b.n, 11 + n);
        assert_int_equal(strlen(b.p), b.n);
        assert_int_equal(b.p[b.n - 1], '7');
    }
    strbuf_truncate(&b, 2);
    assert_string_equal(b.p, "id");
    strbuf_addf(&b, "%s", "");
    assert_string_equal(b.p, "id");
    strbuf_deinit(&b);
}

static void room_that_was_made_is_not_made_again(void **state)
{
    struct strbuf b = {0};
    const char *p;

    (void)state;
    assert_true(strbuf_reserve(&b, 5000));
    p = b.p;
    for (int i = 0; i < 5000; i++)
        strbuf_addc(&b, 'x');
    assert_ptr_equal(b.p, p);
    strbuf_deinit(&b);
}

/* More than there can be: what is held stays, what comes later is dropped, until it is mended. */
static void fails_once_and_for_all(void **state)
{
    struct strbuf b = {0};

    (void)state;
    strbuf_adds(&b, "kept");
    assert_false(strbuf_reserve(&b, SIZE_MAX));
    assert_true(strbuf_failed(&b));
    strbuf_adds(&b, " and lost");
    strbuf_addf(&b, "%d", 1);
    assert_string_equal(b.p, "kept");
    assert_int_equal(b.n, 4);
    strbuf_reset(&b);
    assert_false(strbuf_failed(&b));
    strbuf_adds(&b, "again");
    assert_string_equal(b.p, "again");
    assert_false(strbuf_reserve(&b, SIZE_MAX));
    assert_null(strbuf_take(&b, NULL));
    assert_null(b.p);
}

static void hands_its_storage_over(void **state)
{
    struct strbuf b = {0};
    size_t n = 99;
    char *p;

    (void)state;
    p = strbuf_take(&b, &n);
    assert_string_equal(p, "");
    assert_int_equal(n, 0);
    free(p);
    strbuf_adds(&b, "bytes");
    p = strbuf_take(&b, &n);
    assert_string_equal(p, "bytes");
    assert_int_equal(n, 5);
    assert_int_equal(b.cap, 0);
    free(p);
}

static void slices_compare(void **state)
{
    (void)state;
    assert_true(slice_eq(SLICE("abc"), slice_of("abc")));
    assert_false(slice_eq(SLICE("abc"), SLICE("abd")));
    assert_false(slice_eq(SLICE("abc"), SLICE("ab")));
    assert_true(slice_eq((struct slice){0}, SLICE("")));
    assert_true(slice_eq_nocase(SLICE("Retry-After"), SLICE("retry-AFTER")));
    assert_false(slice_eq_nocase(SLICE("Retry-After"), SLICE("Retry_After")));
    assert_true(slice_is(SLICE("x"), "x"));
    assert_true(slice_is_empty(slice_of(NULL)));
    assert_null(slice_of(NULL).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(fills),
        cmocka_unit_test(formats),
        cmocka_unit_test(room_that_was_made_is_not_made_again),
        cmocka_unit_test(fails_once_and_for_all),
        cmocka_unit_test(hands_its_storage_over),
        cmocka_unit_test(slices_compare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

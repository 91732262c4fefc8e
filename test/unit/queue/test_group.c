/* What a list takes back itself is not written; lists that own what is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>

#include "queue/group.h"
#include "test/lib/store_help.h"

/* A list in letters: M message, S state, G gone, V moved (to seq + 10), P purged, T task; each with its seq. */
static void read_list(struct changes *changes, const char *text)
{
    for (; *text; text += 2) {
        uint64_t seq = (uint64_t)(text[1] - '0');

        switch (text[0]) {
        case 'M':
            help_message(changes, seq, 1, "body");
            break;
        case 'S':
            help_state(changes, seq, 1, NULL);
            break;
        case 'G':
            help_plain(changes, CHANGE_MESSAGE_GONE, 1, seq);
            break;
        case 'V':
            help_moved(changes, seq, seq + 10, 2);
            break;
        case 'P':
            help_plain(changes, CHANGE_QUEUE_PURGED, 1, seq);
            break;
        default:
            help_text(changes, CHANGE_TASK, 0, seq, "task");
        }
    }
}

static const struct row {
    const char *list, *left; /* '.' for a change that is skipped */
    uint64_t seq_max;
} rows[] = {
    {"", "", 0},
    {"M1M2M3", "M1M2M3", 3},
    {"M1G1", "....", 1},
    {"M1S1G1", "......", 1},
    {"M1S1S1", "M1..S1", 1},
    {"S1S1S2S1", "....S2S1", 0},
    {"S1G1", "..G1", 0},
    {"G1G1", "G1G1", 0},
    {"M1V1G1", "M1V1G1", 11}, /* G1 after V1 is nothing that the engine says; it stays */
    {"S1V1S1", "S1V1S1", 11},
    {"M1P1G1", "..P1..", 1},
    {"M3T5S3", "M3T5S3", 5},
    {"M1M2S2G1S2G2M3", "............M3", 3},
};

static void assert_row(const struct row *row, struct group_plan *plan)
{
    struct changes changes = {.count = 0};
    size_t left = 0;

    read_list(&changes, row->list);
    group_plan(plan, &changes);
    for (size_t i = 0; i < changes.count; i++) {
        assert_int_equal(group_skips(plan, i), row->left[2 * i] == '.');
        left += row->left[2 * i] != '.';
    }
    assert_int_equal(plan->left_count, left);
    assert_int_equal(plan->seq_max, row->seq_max);
    changes_deinit(&changes);
}

static void test_rows(void **state)
{
    struct group_plan plan = {.skips = NULL};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_row(&rows[i], &plan);
    group_deinit(&plan);
}

/* 20,000 messages in one group, every other one gone again, with seqs that fall together in a table. */
static void test_many(void **state)
{
    enum { COUNT = 20000, STEP = 4096 };
    struct group_plan plan = {.skips = NULL};
    struct changes changes = {.count = 0};

    (void)state;
    for (uint64_t i = 1; i <= COUNT; i++)
        help_message(&changes, i * STEP, 1, "body");
    for (uint64_t i = 2; i <= COUNT; i += 2)
        help_plain(&changes, CHANGE_MESSAGE_GONE, 1, i * STEP);
    group_plan(&plan, &changes);
    assert_int_equal(plan.left_count, COUNT / 2);
    assert_int_equal(plan.seq_max, (uint64_t)COUNT * STEP);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(group_skips(&plan, i), i % 2 == 1);
    changes_reset(&changes);
    read_list(&changes, "M1"); /* a small one afterwards */
    group_plan(&plan, &changes);
    assert_int_equal(plan.left_count, 1);
    group_deinit(&plan);
    changes_deinit(&changes);
}

/* The list's references and copies are its own. */
static void test_ownership(void **state)
{
    struct changes changes = {.count = 0};
    struct payload *payload = help_payload(1, "body");
    char text[] = "text";

    (void)state;
    changes_add(&changes, &(struct change){
                              .kind = CHANGE_MESSAGE, .seq = 1, .payload = payload_ref(payload)});
    changes_add(&changes, &(struct change){.kind = CHANGE_QUEUE, .text = text, .text_n = 4});
    text[0] = 'n';
    assert_int_equal(payload->refs, 2);
    assert_string_equal(changes.items[1].text, "text");
    changes_reset(&changes);
    assert_int_equal(payload->refs, 1);
    assert_int_equal(changes.count, 0);
    changes_deinit(&changes);
    payload_unref(payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_ownership),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

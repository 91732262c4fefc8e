/*
 * The account, golden: the example of the manual page, the other first lines, wide numbers, and the
 * JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/account.h"

static const struct account usual = {
    .received = 1905,
    .deleted = 1899,
    .returned = 6,
    .suppressed = 3,
    .returned_refused = 5,
    .returned_unsent = 1,
    .batches = 20,
    .requests = 21,
    .receives = 214,
    .receives_empty = 24,
    .deletes = 192,
};

static struct account_report report_of(const struct account *account)
{
    return (struct account_report){
        .account = account,
        .outcome = ACCOUNT_DRAINED,
        .drain_took = sl_ms(800),
        .took = sl_ms(20800),
        .visibility = sl_sec(30),
        .takes_back = true,
        .from = "orders (eu-central-1)",
        .to = "https://perseus.example/batch",
        .cpu_seconds = 0.31,
        .memory_bytes = 11200000,
    };
}

static void expect(const struct account_report *report, const char *want)
{
    struct strbuf out = {0};
    account_print(report, &out);
    assert_string_equal(out.p, want);
    strbuf_deinit(&out);
}

static void expect_first_line(const struct account_report *report, const char *want)
{
    struct strbuf out = {0};
    account_print(report, &out);
    *strchr(out.p, '\n') = '\0';
    assert_string_equal(out.p, want);
    strbuf_deinit(&out);
}

static void test_usual(void **state)
{
    (void)state;
    struct account_report report = report_of(&usual);
    expect(&report,
           "drained in 0.8 s: nothing abandoned\n"
           "  received       1,905   from orders (eu-central-1)\n"
           "  deleted        1,899   delivered in 20 batches, 21 requests, to "
           "https://perseus.example/batch\n"
           "  returned           6   visible again: 5 refused by the service, 1 not sent in time\n"
           "  dead-lettered      0\n"
           "  abandoned          0\n"
           "  expired            0   lease lost, or unfit: SQS brings it again\n"
           "  merged             0   a second copy of an event that was held\n"
           "  1,905 = 1,899 + 6 + 0 + 0 + 0 + 0\n"
           "  in doubt           0   posted, answer or delete unknown: may be delivered twice\n"
           "  suppressed         3   came again after delivery: deleted, not posted\n"
           "  214 receives (24 empty, 0 cut at shutdown) · 192 deletes · 20.8 s · 0.31 s cpu · "
           "11.2 MB\n");
}

static void test_gave_up(void **state)
{
    (void)state;
    const struct account account = {
        .received = 12345678,
        .deleted = 12345495,
        .abandoned = 183,
        .in_doubt = 100,
        .batches = 1,
        .requests = 1,
        .receives = 1,
        .receives_aborted = 2,
    };
    struct account_report report = report_of(&account);
    report.outcome = ACCOUNT_DEADLINE;
    report.drain_took = sl_ms(5000);
    expect(
        &report,
        "gave up after 5.0 s: 183 abandoned, they come back within 30 s\n"
        "  received      12,345,678   from orders (eu-central-1)\n"
        "  deleted       12,345,495   delivered in 1 batch, 1 request, to "
        "https://perseus.example/batch\n"
        "  returned               0\n"
        "  dead-lettered          0\n"
        "  abandoned            183   still held when the time was over\n"
        "  expired                0   lease lost, or unfit: SQS brings it again\n"
        "  merged                 0   a second copy of an event that was held\n"
        "  12,345,678 = 12,345,495 + 0 + 0 + 183 + 0 + 0\n"
        "  in doubt             100   posted, answer or delete unknown: may be delivered twice\n"
        "  suppressed             0   came again after delivery: deleted, not posted\n"
        "  1 receives (0 empty, 2 cut at shutdown) · 0 deletes · 20.8 s · 0.31 s cpu · 11.2 MB\n");
}

static void test_first_lines(void **state)
{
    (void)state;
    const struct account abandoned = {.received = 7, .abandoned = 7};
    struct account_report report = report_of(&abandoned);
    report.outcome = ACCOUNT_STOPPED;
    report.visibility = sl_minutes(2);
    expect_first_line(&report,
                      "stopped at once by a second signal: 7 abandoned, they come back within 2 m");
    report = report_of(&usual);
    report.outcome = ACCOUNT_STOPPED;
    expect_first_line(&report, "stopped at once by a second signal: nothing abandoned");
    report = report_of(&abandoned);
    report.outcome = ACCOUNT_DEADLINE;
    report.drain_took = sl_sec(5);
    report.visibility = SL_ZERO;
    report.from = "synthetic events";
    report.takes_back = false;
    expect_first_line(&report, "gave up after 5.0 s: 7 abandoned, they do not come back");
}

/* ---- the demonstration, which sees both ends ---- */

/* The lines between the pipeline's own and the last. */
static void expect_ends(const struct account_ends *ends, const char *want)
{
    struct account_report report = report_of(&usual);
    struct strbuf out = {0};
    report.ends = ends;
    account_print(&report, &out);
    char *begin = strstr(out.p, "  sent ");
    assert_non_null(begin);
    *strstr(begin, "  214 receives") = '\0';
    assert_string_equal(begin, want);
    strbuf_deinit(&out);
}

static void test_ends(void **state)
{
    (void)state;
    expect_ends(&(struct account_ends){.sent = 1905, .delivered = 1905, .runs = 1},
                "  sent 1,905 = delivered 1,905\n"
                "  again              0\n"
                "  in the queue       0\n");
    expect_ends(
        &(struct account_ends){.sent = 1905, .delivered = 1905, .again = 12, .runs = 2},
        "  sent 1,905 = delivered 1,905, in 2 runs\n"
        "  again             12   delivered before: a run ended between that and the delete\n"
        "  in the queue       0\n");
    expect_ends(&(struct account_ends){.sent = 100, .delivered = 60, .left = 40, .runs = 1},
                "  sent 100 = delivered 60 + 40 still to come\n"
                "  again              0\n"
                "  in the queue      40\n");
    expect_ends(&(struct account_ends){.sent = 100, .delivered = 60, .left = 45, .runs = 1},
                "  sent 100 = delivered 60 + 40 still to come\n"
                "  again              0\n"
                "  in the queue      45   with those whose delete was not yet done\n");
    expect_ends(
        &(struct account_ends){.sent = 100, .delivered = 60, .left = 30, .not_sent = 2, .runs = 1},
        "  sent 100 = delivered 60 + 30 still to come + 10 LOST\n"
        "  again              0\n"
        "  in the queue      30\n"
        "  not sent           2\n");
}

static void test_gave_up_with_events_in_the_queue(void **state)
{
    (void)state;
    const struct account_ends ends = {.sent = 85, .left = 85, .runs = 1};
    struct account_report report = report_of(&usual);
    report.outcome = ACCOUNT_DEADLINE;
    report.drain_took = sl_ms(5040);
    report.ends = &ends;
    expect_first_line(
        &report, "gave up after 5.0 s: 85 not delivered, they are in the queue for the next run");
    assert_int_equal(account_ends_undelivered(&ends), 85);
    assert_int_equal(account_ends_lost(&ends), 0);
}

static void test_what_no_queue_takes_back(void **state)
{
    (void)state;
    const struct account account = {
        .received = 9, .returned = 6, .returned_refused = 5, .returned_unsent = 1, .abandoned = 3};
    struct account_report report = report_of(&account);
    struct strbuf text = {0};

    report.takes_back = false;
    account_print(&report, &text);
    assert_non_null(strstr(
        text.p, "returned           6   in the file of --undelivered: 5 refused by the service, 1 "
                "not sent in time\n"));
    assert_non_null(strstr(text.p, "abandoned          3   refused, no event, or still held when "
                                   "the time was over\n"));
    strbuf_deinit(&text);
}

/* What only a queue has is left out. */
static void test_no_queue(void **state)
{
    (void)state;
    const struct account account = {.received = 2, .deleted = 2, .batches = 1, .requests = 1};
    struct account_report report = report_of(&account);
    report.takes_back = false;
    report.from = "synthetic events";
    expect(&report,
           "drained in 0.8 s: nothing abandoned\n"
           "  received           2   from synthetic events\n"
           "  deleted            2   delivered in 1 batch, 1 request, to "
           "https://perseus.example/batch\n"
           "  returned           0\n"
           "  dead-lettered      0\n"
           "  abandoned          0\n"
           "  expired            0\n"
           "  merged             0\n"
           "  2 = 2 + 0 + 0 + 0 + 0 + 0\n"
           "  in doubt           0   posted, answer or delete unknown: may be delivered twice\n"
           "  suppressed         0\n"
           "  20.8 s · 0.31 s cpu · 11.2 MB\n");
}

static void test_json(void **state)
{
    (void)state;
    struct strbuf out = {0};
    struct account_report report = report_of(&usual);
    account_print_json(&report, &out);
    assert_string_equal(
        out.p,
        "{\"received\":1905,\"deleted\":1899,\"returned\":6,\"dead_lettered\":0,\"expired\":0,"
        "\"merged\":0,\"abandoned\":0,\"in_doubt\":0,\"suppressed\":3,\"batches\":20,"
        "\"requests\":21,\"receives\":214,\"receives_empty\":24,\"receives_aborted\":0,"
        "\"deletes\":192,\"seconds\":20.800,\"cpu_seconds\":0.310,\"outcome\":\"drained\"}\n");
    strbuf_reset(&out);
    report.outcome = ACCOUNT_DEADLINE;
    account_print_json(&report, &out);
    assert_non_null(strstr(out.p, "\"outcome\":\"deadline\"}"));
    strbuf_reset(&out);
    report.outcome = ACCOUNT_STOPPED;
    account_print_json(&report, &out);
    assert_non_null(strstr(out.p, "\"outcome\":\"stopped\"}"));
    strbuf_deinit(&out);
}

static void test_measure(void **state)
{
    (void)state;
    struct account_report report = report_of(&usual);
    account_measure(&report);
    assert_true(report.cpu_seconds >= 0);
    assert_true(report.memory_bytes > 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),
        cmocka_unit_test(test_gave_up),
        cmocka_unit_test(test_first_lines),
        cmocka_unit_test(test_no_queue),
        cmocka_unit_test(test_what_no_queue_takes_back),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_gave_up_with_events_in_the_queue),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_measure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

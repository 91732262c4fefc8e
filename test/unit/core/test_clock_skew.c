/* What the clock learns from an answer's Date, and when a failure is put down to the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/civil_time.h"
#include "core/clock_skew.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* 2026-11-23T07:31:04Z, in ms */
static const int64_t now_ms = INT64_C(1795419064000);

static void answers_teach(void **state)
{
    static const struct {
        int64_t server_after_s; /* the server's date, from now_ms */
        int64_t took_ms;
        bool has_age;
        bool told;
        int64_t offset_ms;
    } cases[] = {
        {0, 100, false, true, 0},
        {240, 0, false, true, 0}, /* 4 min are not more than 4 min */
        {241, 0, false, true, 241000},
        {-241, 0, false, true, -241000},
        {245, 20000, false, true, 0}, /* midpoint: 10 s later, so 235 s */
        {260, 20000, false, true, 250000},
        {3600, 100, false, true, 3599950},
        {-86400, 0, false, true, -86400000},
        {3600, 900000, false, true, 3150000},
        {3600, 900001, false, false, 0}, /* took more than 15 min */
        {3600, -1, false, false, 0},     /* the clock was set back meanwhile */
        {3600, 0, true, false, 0},       /* a cache's answer */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct clock_skew skew = {0};
        char date[CIVIL_TIME_HTTP_SIZE];
        struct clock_skew_answer answer = {.sent_ms = now_ms,
                                           .received_ms = now_ms + cases[i].took_ms,
                                           .has_age = cases[i].has_age};

        civil_time_write_http(now_ms / 1000 + cases[i].server_after_s, date);
        answer.date = slice_of(date);
        assert_true(clock_skew_learn(&skew, &answer) == cases[i].told);
        assert_int_equal(skew.offset_ms, cases[i].offset_ms);
        assert_true(skew.is_corrected == (cases[i].offset_ms != 0));
        assert_int_equal(clock_skew_now(&skew, now_ms), now_ms + cases[i].offset_ms);
    }
}

static void unreadable_dates_teach_nothing(void **state)
{
    static const char *const dates[] = {
        NULL,
        "",
        "yesterday",
        "1795419064",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Tue, 31 Dec 2019 23:59:59 GMT",
        "Wed, 01 Jan 2200 00:00:00 GMT",
    };
    struct clock_skew skew = {.offset_ms = 300000, .is_corrected = true};

    (void)state;
    for (size_t i = 0; i < COUNT(dates); i++) {
        struct clock_skew_answer answer = {
            .sent_ms = now_ms, .received_ms = now_ms, .date = slice_of(dates[i])};

        assert_false(clock_skew_learn(&skew, &answer));
        assert_int_equal(skew.offset_ms, 300000);
    }
}

static void a_clock_that_starts_in_1970_is_mended_and_one_that_was_set_is_left_alone(void **state)
{
    struct clock_skew skew = {0};
    struct clock_skew_answer answer = {
        .sent_ms = 5000, .received_ms = 5000, .date = SLICE_INIT("Mon, 23 Nov 2026 07:31:04 GMT")};

    (void)state;
    assert_true(clock_skew_learn(&skew, &answer));
    assert_int_equal(clock_skew_now(&skew, 6000), now_ms + 1000);
    answer.sent_ms = answer.received_ms = now_ms;
    assert_true(clock_skew_learn(&skew, &answer));
    assert_false(skew.is_corrected);
    assert_int_equal(clock_skew_now(&skew, now_ms), now_ms);
    answer.sent_ms = -1;
    assert_false(clock_skew_learn(&skew, &answer));
}

static void switched_off_it_learns_and_adds_nothing(void **state)
{
    struct clock_skew skew = {.is_disabled = true, .offset_ms = 300000};
    struct clock_skew_answer answer = {
        .sent_ms = 5000, .received_ms = 5000, .date = SLICE_INIT("Mon, 23 Nov 2026 07:31:04 GMT")};

    (void)state;
    assert_false(clock_skew_learn(&skew, &answer));
    assert_int_equal(clock_skew_now(&skew, 5000), 5000);
    assert_false(clock_skew_explains(&skew, SLICE("RequestExpired"), 0));
}

/* A clock that is that far off is none: its time is taken as it is. */
static void no_offset_leads_beyond_time(void **state)
{
    struct clock_skew skew = {.offset_ms = INT64_MAX};

    (void)state;
    assert_int_equal(clock_skew_now(&skew, 5000), 5000);
    assert_int_equal(clock_skew_now(&skew, -5000), INT64_MAX - 5000);
}

static void failures_are_put_down_to_the_clock(void **state)
{
    static const struct {
        const char *code;
        int64_t offset_ms, signed_ms;
        bool explains;
    } cases[] = {
        {"RequestExpired", 300000, 0, true},
        {"RequestTimeTooSkewed", -300000, 0, true},
        {"AccessDeniedException", 300000, 0, true},
        {"SignatureDoesNotMatch", 300000, 0, true},
        {"InvalidSignatureException", 300000, 0, true},
        {"RequestInTheFuture", 300000, 0, true},
        {"AuthFailure", 300000, 0, true},
        {"AccessDenied", 300000, 0, false},
        {"QueueDoesNotExist", 300000, 0, false},
        {"RequestExpired", 0, 0, false},
        {"RequestExpired", 300000, 300000, false}, /* it was signed with that already */
        {"RequestExpired", 300000, 59999, true},
        {"RequestExpired", 300000, 60000, false},
        {"RequestExpired", 0, 300000, true}, /* the clock was set meanwhile */
        {"RequestExpired", INT64_MAX, -1, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct clock_skew skew = {.offset_ms = cases[i].offset_ms, .is_corrected = true};

        assert_true(clock_skew_explains(&skew, slice_of(cases[i].code), cases[i].signed_ms) ==
                    cases[i].explains);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_teach),
        cmocka_unit_test(unreadable_dates_teach_nothing),
        cmocka_unit_test(a_clock_that_starts_in_1970_is_mended_and_one_that_was_set_is_left_alone),
        cmocka_unit_test(switched_off_it_learns_and_adds_nothing),
        cmocka_unit_test(no_offset_leads_beyond_time),
        cmocka_unit_test(failures_are_put_down_to_the_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

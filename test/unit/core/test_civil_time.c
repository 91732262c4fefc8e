/* Dates: against libc over the whole range, and tables of what each reader takes and refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/civil_time.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define REFUSED      INT64_C(-1)

/* 2026-11-23T07:31:04Z */
static const int64_t now = 1795419064;

static void agrees_with_libc(void **state)
{
    (void)state;
    for (int64_t day = 0; day <= CIVIL_TIME_MAX / 86400; day++) {
        int64_t s = day * 86400 + day * 7919 % 86400, back = REFUSED;
        struct civil_time t = civil_time_of(s);
        time_t libc_s = (time_t)s;
        struct tm tm;

        gmtime_r(&libc_s, &tm);
        assert_int_equal(t.year, tm.tm_year + 1900);
        assert_int_equal(t.month, tm.tm_mon + 1);
        assert_int_equal(t.day, tm.tm_mday);
        assert_int_equal(t.hour, tm.tm_hour);
        assert_int_equal(t.minute, tm.tm_min);
        assert_int_equal(t.second, tm.tm_sec);
        assert_true(civil_time_unix(&t, &back));
        assert_int_equal(back, s);
    }
}

static void the_range_is_clamped(void **state)
{
    (void)state;
    assert_int_equal(civil_time_of(-1).year, 1970);
    assert_int_equal(civil_time_of(INT64_MIN).second, 0);
    assert_int_equal(civil_time_of(INT64_MAX).year, 9999);
    assert_int_equal(civil_time_of(INT64_MAX).second, 59);
}

static void dates_that_do_not_exist(void **state)
{
    static const struct civil_time dates[] = {
        {1969, 12, 31, 23, 59, 59}, {10000, 1, 1, 0, 0, 0}, {2026, 0, 1, 0, 0, 0},
        {2026, 13, 1, 0, 0, 0},     {2026, 2, 29, 0, 0, 0}, {2100, 2, 29, 0, 0, 0},
        {2026, 4, 31, 0, 0, 0},     {2026, 1, 0, 0, 0, 0},  {2026, 1, 1, 24, 0, 0},
        {2026, 1, 1, 0, 60, 0},     {2026, 1, 1, 0, 0, 61}, {2026, 1, 1, 0, 0, 60},
        {2026, 1, 1, -1, 0, 0},     {2026, 1, 1, 0, -1, 0}, {2026, 1, 1, 0, 0, -1},
        {2026, 1, 1, 23, 58, 60},
    };
    static const struct civil_time leap = {2016, 12, 31, 23, 59, 60};
    int64_t out = REFUSED;

    (void)state;
    for (size_t i = 0; i < COUNT(dates); i++)
        assert_false(civil_time_unix(&dates[i], &out));
    assert_int_equal(out, REFUSED);
    assert_true(civil_time_unix(&leap, &out));
    assert_int_equal(out, 1483228800);
}

static void http_dates_read(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_s;
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Sun Nov 16 08:49:37 1994", 784975777},
        {"Mon, 23 Nov 2026 07:31:04 GMT", 1795419064},
        {"Monday, 23-Nov-26 07:31:04 GMT", 1795419064},
        {"Sunday, 23-Nov-76 07:31:04 GMT", 3373342264}, /* 50 years ahead */
        {"Wednesday, 23-Nov-77 07:31:04 GMT", 249118264},
        {"Tuesday, 01-Jan-70 00:00:00 GMT", 3155760000}, /* 2070: within 50 years */
        {"Sun, 31 Dec 9999 23:59:59 GMT", CIVIL_TIME_MAX},
        {"Tue, 06 Nov 1994 08:49:37 GMT", 784111777}, /* another day of the week */
        {"sun, 06 Nov 1994 08:49:37 GMT", REFUSED},
        {"Sun, 6 Nov 1994 08:49:37 GMT", REFUSED},
        {"Sun, 06 Nov 1994 08:49:37 UTC", REFUSED},
        {"Sun, 06 Nov 1994 08:49:37 GMT ", REFUSED},
        {"Sun, 06 Nov 1994 08:49:37", REFUSED},
        {"Sun, 06 Nov 94 08:49:37 GMT", REFUSED},
        {"Sunday, 06 Nov 1994 08:49:37 GMT", REFUSED},
        {"Sunday Nov  6 08:49:37 1994", REFUSED},
        {"Sun, 06-Nov-94 08:49:37 GMT", REFUSED},
        {"Sun Nov 6 08:49:37 1994", REFUSED},
        {"Sun, 31 Feb 2027 08:49:37 GMT", REFUSED},
        {"Sun, 06 Nov 1994 24:49:37 GMT", REFUSED},
        {"Sun, 06 Nov 10000 08:49:37 GMT", REFUSED},
        {"Sun, 06 Foo 1994 08:49:37 GMT", REFUSED},
        {"Xxx, 06 Nov 1994 08:49:37 GMT", REFUSED},
        {"Thu, 01 Jan 1960 00:00:00 GMT", REFUSED},
        {"Sun", REFUSED},
        {"Sun,", REFUSED},
        {"", REFUSED},
        {"120", REFUSED},
        {"Infinity", REFUSED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t out = REFUSED;

        print_message("%s\n", cases[i].text);
        assert_true(civil_time_read_http(slice_of(cases[i].text), now, &out) ==
                    (cases[i].unix_s != REFUSED));
        assert_int_equal(out, cases[i].unix_s);
    }
}

/* Two digits are a year from 49 before this one to 50 after it, in any century. */
static void two_digit_years(void **state)
{
    static const struct {
        int64_t this_year;
        const char *date;
        int year;
    } cases[] = {
        {2026, "Monday, 01-Jan-26 00:00:00 GMT", 2026},
        {2026, "Monday, 01-Jan-76 00:00:00 GMT", 2076},
        {2026, "Monday, 01-Jan-77 00:00:00 GMT", 1977},
        {2095, "Monday, 01-Jan-05 00:00:00 GMT", 2105},
        {2095, "Monday, 01-Jan-46 00:00:00 GMT", 2046},
        {2095, "Monday, 01-Jan-45 00:00:00 GMT", 2145},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct civil_time middle = {(int)cases[i].this_year, 7, 1, 0, 0, 0};
        int64_t this_year = 0, out = REFUSED;

        assert_true(civil_time_unix(&middle, &this_year));
        assert_true(civil_time_read_http(slice_of(cases[i].date), this_year, &out));
        assert_int_equal(civil_time_of(out).year, cases[i].year);
    }
}

static void amz_dates_read(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_s;
    } cases[] = {
        {"20261123T073104Z", 1795419064},
        {"20150830T123600Z", 1440938160},
        {"20261123T073104", REFUSED},
        {"20261123 073104Z", REFUSED},
        {"20261123T073104Z0", REFUSED},
        {"2026-11-23T07:31:04Z", REFUSED},
        {"20261323T073104Z", REFUSED},
        {"2026112aT073104Z", REFUSED},
        {"", REFUSED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t out = REFUSED;

        assert_true(civil_time_read_amz(slice_of(cases[i].text), &out) ==
                    (cases[i].unix_s != REFUSED));
        assert_int_equal(out, cases[i].unix_s);
    }
}

static void iso_dates_read(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_s;
    } cases[] = {
        {"2026-11-23T07:31:04Z", 1795419064},
        {"2026-11-23 07:31:04Z", 1795419064},
        {"2026-11-23T07:31:04.123Z", 1795419064},
        {"2026-11-23T08:31:04+01:00", 1795419064},
        {"2026-11-23T02:01:04-0530", 1795419064},
        {"2026-11-23T07:31:04.000001+00:00", 1795419064},
        {"2026-11-23T07:31:04z", 1795419064},
        {"2026-11-23T07:31:04", REFUSED},
        {"2026-11-23T07:31:04.Z", REFUSED},
        {"2026-11-23T07:31Z", REFUSED},
        {"2026-11-23", REFUSED},
        {"2026-11-23T07:31:04+25:00", REFUSED},
        {"2026-11-23T07:31:04+1:00", REFUSED},
        {"2026-11-23T07:31:04Zx", REFUSED},
        {"1970-01-01T00:00:00+01:00", REFUSED},
        {"9999-12-31T23:59:59-01:00", REFUSED},
        {"2026-02-30T00:00:00Z", REFUSED},
        {"", REFUSED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t out = REFUSED;

        print_message("%s\n", cases[i].text);
        assert_true(civil_time_read_iso(slice_of(cases[i].text), &out) ==
                    (cases[i].unix_s != REFUSED));
        assert_int_equal(out, cases[i].unix_s);
    }
}

static void what_is_written_reads_back(void **state)
{
    char amz[CIVIL_TIME_AMZ_SIZE], iso[CIVIL_TIME_ISO_SIZE], http[CIVIL_TIME_HTTP_SIZE];

    (void)state;
    civil_time_write_amz(now, amz);
    civil_time_write_iso(now, iso);
    civil_time_write_http(now, http);
    assert_string_equal(amz, "20261123T073104Z");
    assert_string_equal(iso, "2026-11-23T07:31:04Z");
    assert_string_equal(http, "Mon, 23 Nov 2026 07:31:04 GMT");
    civil_time_write_http(INT64_MAX, http);
    assert_string_equal(http, "Fri, 31 Dec 9999 23:59:59 GMT");
    for (int64_t s = 0; s <= CIVIL_TIME_MAX; s += 86400 * 13 + 12345) {
        int64_t a = REFUSED, b = REFUSED, c = REFUSED;

        civil_time_write_amz(s, amz);
        civil_time_write_iso(s, iso);
        civil_time_write_http(s, http);
        assert_true(civil_time_read_amz(slice_of(amz), &a) && a == s);
        assert_true(civil_time_read_iso(slice_of(iso), &b) && b == s);
        assert_true(civil_time_read_http(slice_of(http), now, &c) && c == s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_libc),        cmocka_unit_test(the_range_is_clamped),
        cmocka_unit_test(dates_that_do_not_exist), cmocka_unit_test(http_dates_read),
        cmocka_unit_test(two_digit_years),         cmocka_unit_test(amz_dates_read),
        cmocka_unit_test(iso_dates_read),          cmocka_unit_test(what_is_written_reads_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

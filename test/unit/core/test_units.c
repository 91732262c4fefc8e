/* Durations, sizes, rates and shares: what is read, what is refused and why, and how they print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/units.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void durations_read(void **state)
{
    static const struct {
        const char *text;
        enum units_result result;
        int64_t ns;
    } cases[] = {
        {"250ms", UNITS_OK, 250000000},
        {"5s", UNITS_OK, 5000000000},
        {"10m", UNITS_OK, 600000000000},
        {"1h30m", UNITS_OK, 5400000000000},
        {"24h", UNITS_OK, 86400000000000},
        {"1h2m3s4ms5us", UNITS_OK, 3723004005000},
        {"0s", UNITS_OK, 0},
        {"1.5s", UNITS_OK, 1500000000},
        {"1m0.5s", UNITS_OK, 60500000000},
        {"0.000000001s", UNITS_OK, 1},
        {"1.500s", UNITS_OK, 1500000000},
        {"1.5000000000000s", UNITS_OK, 1500000000},
        {"007s", UNITS_OK, 7000000000},
        {"9223372036s", UNITS_OK, 9223372036000000000},
        {"2562047h", UNITS_OK, 2562047 * INT64_C(3600000000000)},
        {"30", UNITS_NO_UNIT, 0},
        {"0", UNITS_NO_UNIT, 0},
        {"1h30", UNITS_NO_UNIT, 0},
        {"1.5", UNITS_NO_UNIT, 0},
        {"", UNITS_MALFORMED, 0},
        {"s", UNITS_MALFORMED, 0},
        {"-5s", UNITS_MALFORMED, 0},
        {"+5s", UNITS_MALFORMED, 0},
        {" 5s", UNITS_MALFORMED, 0},
        {".5s", UNITS_MALFORMED, 0},
        {"5.s", UNITS_MALFORMED, 0},
        {"30m1h", UNITS_MALFORMED, 0},
        {"1h1h", UNITS_MALFORMED, 0},
        {"1.5h30m", UNITS_MALFORMED, 0},
        {"5 s", UNITS_UNKNOWN_UNIT, 0},
        {"5s ", UNITS_UNKNOWN_UNIT, 0},
        {"5S", UNITS_UNKNOWN_UNIT, 0},
        {"5sec", UNITS_UNKNOWN_UNIT, 0},
        {"5d", UNITS_UNKNOWN_UNIT, 0},
        {"1e9s", UNITS_UNKNOWN_UNIT, 0},
        {"5KB", UNITS_UNKNOWN_UNIT, 0},
        {"infinity", UNITS_MALFORMED, 0},
        {"4294967296s", UNITS_OK, 4294967296000000000},
        {"9223372037s", UNITS_TOO_LARGE, 0},
        {"2562047h48m", UNITS_TOO_LARGE, 0},
        {"99999999999999999999s", UNITS_TOO_LARGE, 0},
        {"18446744073709551616ms", UNITS_TOO_LARGE, 0},
        {"0.0000000001s", UNITS_TOO_FINE, 0},
        {"0.0001us", UNITS_TOO_FINE, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        sl_dur out = {-1};

        print_message("%s\n", cases[i].text);
        assert_int_equal(units_read_duration(cases[i].text, &out), cases[i].result);
        assert_int_equal(out.ns, cases[i].result == UNITS_OK ? cases[i].ns : -1);
    }
}

static void sizes_read(void **state)
{
    static const struct {
        const char *text;
        enum units_result result;
        uint64_t bytes;
    } cases[] = {
        {"64KB", UNITS_OK, 64000},
        {"64kB", UNITS_OK, 64000},
        {"1MiB", UNITS_OK, 1048576},
        {"1MB", UNITS_OK, 1000000},
        {"1KiB", UNITS_OK, 1024},
        {"2GB", UNITS_OK, 2000000000},
        {"2GiB", UNITS_OK, 2147483648},
        {"1TB", UNITS_OK, 1000000000000},
        {"1TiB", UNITS_OK, 1099511627776},
        {"0B", UNITS_OK, 0},
        {"1.5MiB", UNITS_OK, 1572864},
        {"0.5KB", UNITS_OK, 500},
        {"18446744073709551615B", UNITS_OK, UINT64_MAX},
        {"1048576", UNITS_NO_UNIT, 0},
        {"0", UNITS_NO_UNIT, 0},
        {"1M", UNITS_UNKNOWN_UNIT, 0},
        {"1mb", UNITS_UNKNOWN_UNIT, 0},
        {"1 MB", UNITS_UNKNOWN_UNIT, 0},
        {"1MB1KB", UNITS_MALFORMED, 0},
        {"-1MB", UNITS_MALFORMED, 0},
        {"MB", UNITS_MALFORMED, 0},
        {"16777216TiB", UNITS_TOO_LARGE, 0},
        {"18446744073709551616B", UNITS_TOO_LARGE, 0},
        {"0.5B", UNITS_TOO_FINE, 0},
        {"0.0001KB", UNITS_TOO_FINE, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t out = 77;

        print_message("%s\n", cases[i].text);
        assert_int_equal(units_read_size(cases[i].text, &out), cases[i].result);
        assert_true(out == (cases[i].result == UNITS_OK ? cases[i].bytes : 77));
    }
}

static void rates_shares_and_counts_read(void **state)
{
    double out = 77;
    uint64_t count = 77;

    (void)state;
    assert_int_equal(units_read_rate("500/s", &out), UNITS_OK);
    assert_true(out == 500);
    assert_int_equal(units_read_rate("30/m", &out), UNITS_OK);
    assert_true(out == 0.5);
    assert_int_equal(units_read_rate("0.25/s", &out), UNITS_OK);
    assert_true(out == 0.25);
    assert_int_equal(units_read_rate("7200/h", &out), UNITS_OK);
    assert_true(out == 2);
    assert_int_equal(units_read_rate("500", &out), UNITS_NO_UNIT);
    assert_int_equal(units_read_rate("500/", &out), UNITS_UNKNOWN_UNIT);
    assert_int_equal(units_read_rate("500/s5", &out), UNITS_MALFORMED);
    assert_int_equal(units_read_rate("1%", &out), UNITS_UNKNOWN_UNIT);
    assert_int_equal(units_read_rate("-1/s", &out), UNITS_MALFORMED);
    assert_int_equal(units_read_share("1%", &out), UNITS_OK);
    assert_true(out == 0.01);
    assert_int_equal(units_read_share("100%", &out), UNITS_OK);
    assert_true(out == 1);
    assert_int_equal(units_read_share("0.5%", &out), UNITS_OK);
    assert_true(out == 0.005);
    assert_int_equal(units_read_share("101%", &out), UNITS_TOO_LARGE);
    assert_int_equal(units_read_share("100.1%", &out), UNITS_TOO_LARGE);
    assert_int_equal(units_read_share("0", &out), UNITS_NO_UNIT);
    assert_true(out == 0.005);

    assert_int_equal(units_read_count("100", &count), UNITS_OK);
    assert_true(count == 100);
    assert_int_equal(units_read_count("18446744073709551616", &count), UNITS_TOO_LARGE);
    assert_int_equal(units_read_count("1.0", &count), UNITS_MALFORMED);
    assert_int_equal(units_read_count("1,000", &count), UNITS_MALFORMED);
    assert_int_equal(units_read_count("-1", &count), UNITS_MALFORMED);
    assert_int_equal(units_read_count("", &count), UNITS_MALFORMED);
    assert_int_equal(units_read_count("0x10", &count), UNITS_MALFORMED);
    assert_true(count == 100);
}

static void counts_and_sizes_print(void **state)
{
    static const struct {
        uint64_t value;
        const char *count, *size;
    } cases[] = {
        {0, "0", "0 B"},
        {999, "999", "999 B"},
        {1000, "1,000", "1 KB"},
        {1905, "1,905", "1.91 KB"},
        {9994, "9,994", "9.99 KB"},
        {9996, "9,996", "10 KB"},
        {11249999, "11,249,999", "11.2 MB"},
        {99950, "99,950", "100 KB"},
        {186000, "186,000", "186 KB"},
        {186499, "186,499", "186 KB"},
        {999499, "999,499", "999 KB"},
        {999500, "999,500", "1 MB"},
        {1048576, "1,048,576", "1.05 MB"},
        {268435456, "268,435,456", "268 MB"},
        {UINT64_MAX, "18,446,744,073,709,551,615", "18.4 EB"},
    };
    char out[UNITS_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(units_print_count(out, cases[i].value), cases[i].count);
        assert_string_equal(units_print_size(out, cases[i].value), cases[i].size);
    }
}

static void durations_print(void **state)
{
    static const struct {
        int64_t ns;
        const char *text, *seconds, *exact;
    } cases[] = {
        {0, "0 s", "0.0 s", "0s"},
        {-5, "0 s", "0.0 s", "0s"},
        {850000, "850 us", "0.0 s", "850us"},
        {999600, "1 ms", "0.0 s", "999us"},
        {2140000, "2.1 ms", "0.0 s", "2ms140us"},
        {52000000, "52 ms", "0.1 s", "52ms"},
        {250000000, "250 ms", "0.3 s", "250ms"},
        {999600000, "1 s", "1.0 s", "999ms600us"},
        {5000000000, "5 s", "5.0 s", "5s"},
        {20800000000, "20.8 s", "20.8 s", "20s800ms"},
        {59960000000, "1 m", "60.0 s", "59s960ms"},
        {125000000000, "2 m 5 s", "125.0 s", "2m5s"},
        {600000000000, "10 m", "600.0 s", "10m"},
        {3599600000000, "1 h", "3,599.6 s", "59m59s600ms"},
        {5400000000000, "1 h 30 m", "5,400.0 s", "1h30m"},
        {86400000000000, "1 d", "86,400.0 s", "24h"},
        {273600000000000, "3 d 4 h", "273,600.0 s", "76h"},
        {INT64_MAX, "for ever", "9,223,372,036.9 s", "2562047h47m16s854ms775us"},
    };
    char out[UNITS_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        sl_dur duration = {cases[i].ns};

        assert_string_equal(units_print_duration(out, duration), cases[i].text);
        assert_string_equal(units_print_seconds(out, duration), cases[i].seconds);
        assert_string_equal(units_print_duration_exact(out, duration), cases[i].exact);
    }
}

static void what_is_printed_exactly_reads_back(void **state)
{
    uint64_t x = 1;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        char out[UNITS_TEXT_SIZE];
        sl_dur back = {-1};
        int64_t ns;

        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        ns = (int64_t)(x >> 1 >> (x & 63)) / 1000 * 1000;
        units_print_duration_exact(out, sl_ns(ns));
        assert_int_equal(units_read_duration(out, &back), UNITS_OK);
        assert_int_equal(back.ns, ns);
    }
}

static void every_result_has_its_words(void **state)
{
    (void)state;
    assert_string_equal(units_problem(UNITS_OK), "");
    assert_string_equal(units_problem(UNITS_NO_UNIT), "has no unit");
    for (int r = UNITS_NO_UNIT; r <= UNITS_TOO_FINE; r++)
        assert_true(units_problem((enum units_result)r)[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_read),
        cmocka_unit_test(sizes_read),
        cmocka_unit_test(rates_shares_and_counts_read),
        cmocka_unit_test(counts_and_sizes_print),
        cmocka_unit_test(durations_print),
        cmocka_unit_test(what_is_printed_exactly_reads_back),
        cmocka_unit_test(every_result_has_its_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

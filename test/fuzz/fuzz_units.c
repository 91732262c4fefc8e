/*
 * Durations, sizes, rates, shares and counts, as people type them: what is read is within bounds, and a duration survives
 * being printed.
 */
#include "core/units.h"

#include "test/fuzz/fuzz.h"

static void check_problem(enum units_result result)
{
    fuzz_check(result <= UNITS_TOO_FINE);
    fuzz_check((units_problem(result)[0] == '\0') == (result == UNITS_OK));
}

static void duration(const char *text)
{
    char printed[UNITS_TEXT_SIZE], plain[UNITS_TEXT_SIZE], seconds[UNITS_TEXT_SIZE];
    sl_dur read = {-1}, again = {-1};
    enum units_result result = units_read_duration(text, &read);

    check_problem(result);
    if (result != UNITS_OK)
        return;
    fuzz_check(read.ns >= 0);
    fuzz_check(strlen(units_print_duration(plain, read)) < UNITS_TEXT_SIZE);
    fuzz_check(strlen(units_print_seconds(seconds, read)) < UNITS_TEXT_SIZE);
    units_print_duration_exact(printed, read);
    fuzz_check(units_read_duration(printed, &again) == UNITS_OK);
    fuzz_check(again.ns == read.ns - read.ns % 1000);
}

static void size_and_count(const char *text)
{
    char printed[UNITS_TEXT_SIZE];
    uint64_t bytes = 0, count = 0;
    enum units_result result = units_read_size(text, &bytes);

    check_problem(result);
    if (result == UNITS_OK)
        fuzz_check(strlen(units_print_size(printed, bytes)) < UNITS_TEXT_SIZE);
    result = units_read_count(text, &count);
    check_problem(result);
    if (result == UNITS_OK)
        fuzz_check(strlen(units_print_count(printed, count)) < UNITS_TEXT_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    const char *text = fuzz_copy(&f, f.rest, true).p;
    double value = -1;
    enum units_result result;

    duration(text);
    size_and_count(text);
    result = units_read_rate(text, &value);
    check_problem(result);
    if (result == UNITS_OK)
        fuzz_check(value >= 0 && value < 1e300);
    result = units_read_share(text, &value);
    check_problem(result);
    if (result == UNITS_OK)
        fuzz_check(value >= 0 && value <= 1);
    fuzz_end(&f);
    return 0;
}

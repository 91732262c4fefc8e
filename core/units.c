/*
 * Numbers are read as a whole part and billionths, and stay integers: the same text is the same
 * value on every machine.
 */
#include "core/units.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

#define BILLION UINT64_C(1000000000)

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first: the order that a duration is written in. */
static const struct unit durations[] = {
    {"h", 3600 * BILLION}, {"m", 60 * BILLION}, {"s", BILLION},
    {"ms", 1000000},       {"us", 1000},        {NULL, 0},
};

static const struct unit sizes[] = {
    {"B", 1},
    {"KB", 1000},
    {"kB", 1000},
    {"MB", 1000000},
    {"GB", BILLION},
    {"TB", 1000 * BILLION},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
    {"TiB", UINT64_C(1) << 40},
    {NULL, 0},
};

/* The factor is the seconds that the rate is spread over. */
static const struct unit rates[] = {{"/s", 1}, {"/m", 60}, {"/h", 3600}, {NULL, 0}};
static const struct unit shares[] = {{"%", 1}, {NULL, 0}};

struct number {
    uint64_t whole;
    uint32_t billionths;
    bool has_fraction;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum units_result read_fraction(const char **text, struct number *out)
{
    uint32_t place = 100000000;

    out->has_fraction = true;
    if (!is_digit(**text))
        return UNITS_MALFORMED;
    for (; is_digit(**text); ++*text, place /= 10) {
        if (place == 0 && **text != '0')
            return UNITS_TOO_FINE;
        out->billionths += (uint32_t)(**text - '0') * place;
    }
    return UNITS_OK;
}

/* Moves *text behind the number. */
static enum units_result read_number(const char **text, struct number *out)
{
    *out = (struct number){0};
    if (!is_digit(**text))
        return UNITS_MALFORMED;
    for (; is_digit(**text); ++*text) {
        uint64_t digit = (uint64_t)(**text - '0');

        if (__builtin_mul_overflow(out->whole, 10, &out->whole) ||
            __builtin_add_overflow(out->whole, digit, &out->whole))
            return UNITS_TOO_LARGE;
    }
    if (**text != '.')
        return UNITS_OK;
    ++*text;
    return read_fraction(text, out);
}

/* Finds the unit that *text starts with, up to the next digit or the end, and moves behind it. */
static enum units_result read_unit(const char **text, const struct unit *units,
                                   const struct unit **out)
{
    size_t n = strcspn(*text, "0123456789");

    if (n == 0)
        return UNITS_NO_UNIT;
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (strlen(unit->name) == n && memcmp(unit->name, *text, n) == 0) {
            *text += n;
            *out = unit;
            return UNITS_OK;
        }
    }
    return UNITS_UNKNOWN_UNIT;
}

/* number × factor, exactly and at most `max`. */
static enum units_result multiply(const struct number *number, uint64_t factor, uint64_t max,
                                  uint64_t *out)
{
    wide fraction = (wide)number->billionths * factor;
    wide product = (wide)number->whole * factor + fraction / BILLION;

    if (product > max)
        return UNITS_TOO_LARGE;
    if (fraction % BILLION != 0)
        return UNITS_TOO_FINE;
    *out = (uint64_t)product;
    return UNITS_OK;
}

enum units_result units_read_duration(const char *text, sl_dur *out)
{
    const struct unit *rest = durations;
    uint64_t total = 0;

    do {
        const struct unit *unit = NULL;
        struct number number;
        uint64_t part = 0;
        enum units_result result = read_number(&text, &number);

        if (result == UNITS_OK)
            result = read_unit(&text, durations, &unit);
        if (result != UNITS_OK)
            return result;
        if (unit < rest || (number.has_fraction && *text != '\0'))
            return UNITS_MALFORMED;
        rest = unit + 1;
        result = multiply(&number, unit->factor, INT64_MAX - 1 - total, &part);
        if (result != UNITS_OK)
            return result;
        total += part;
    } while (*text != '\0');
    *out = sl_ns((int64_t)total);
    return UNITS_OK;
}

/* One number and one unit, and nothing behind. */
static enum units_result read_single(const char *text, const struct unit *units,
                                     struct number *number, const struct unit **unit)
{
    enum units_result result = read_number(&text, number);

    if (result == UNITS_OK)
        result = read_unit(&text, units, unit);
    if (result == UNITS_OK && *text != '\0')
        return UNITS_MALFORMED;
    return result;
}

enum units_result units_read_size(const char *text, uint64_t *bytes)
{
    const struct unit *unit = NULL;
    struct number number;
    enum units_result result = read_single(text, sizes, &number, &unit);

    return result == UNITS_OK ? multiply(&number, unit->factor, UINT64_MAX, bytes) : result;
}

static double as_double(const struct number *number)
{
    return (double)number->whole + (double)number->billionths / (double)BILLION;
}

enum units_result units_read_rate(const char *text, double *per_second)
{
    const struct unit *unit = NULL;
    struct number number;
    enum units_result result = read_single(text, rates, &number, &unit);

    if (result == UNITS_OK)
        *per_second = as_double(&number) / (double)unit->factor;
    return result;
}

enum units_result units_read_share(const char *text, double *fraction)
{
    const struct unit *unit = NULL;
    struct number number;
    enum units_result result = read_single(text, shares, &number, &unit);

    if (result != UNITS_OK)
        return result;
    if (number.whole > 100 || (number.whole == 100 && number.billionths > 0))
        return UNITS_TOO_LARGE;
    *fraction = as_double(&number) / 100;
    return UNITS_OK;
}

enum units_result units_read_count(const char *text, uint64_t *out)
{
    struct number number;
    enum units_result result = read_number(&text, &number);

    if (result != UNITS_OK)
        return result;
    if (*text != '\0' || number.has_fraction)
        return UNITS_MALFORMED;
    *out = number.whole;
    return UNITS_OK;
}

const char *units_problem(enum units_result result)
{
    switch (result) {
    case UNITS_OK:
        return "";
    case UNITS_NO_UNIT:
        return "has no unit";
    case UNITS_UNKNOWN_UNIT:
        return "has an unknown unit";
    case UNITS_MALFORMED:
        return "is malformed";
    case UNITS_TOO_LARGE:
        return "is too large";
    case UNITS_TOO_FINE:
        return "has too many decimals";
    }
    return "is malformed";
}

char *units_print_count(char out[UNITS_TEXT_SIZE], uint64_t count)
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
    char *to = out;

    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out;
}

/* n / d to the nearest. */
static uint64_t divide(uint64_t n, uint64_t d)
{
    return n / d + (n % d >= d - n % d ? 1 : 0);
}

/* `value` hundredths, without zeros at the end: "1.05 MB". */
static void print_hundredths(char out[UNITS_TEXT_SIZE], uint64_t value, const char *unit)
{
    unsigned long long whole = value / 100;
    unsigned rest = (unsigned)(value % 100);

    if (rest == 0)
        snprintf(out, UNITS_TEXT_SIZE, "%llu %s", whole, unit);
    else if (rest % 10 == 0)
        snprintf(out, UNITS_TEXT_SIZE, "%llu.%u %s", whole, rest / 10, unit);
    else
        snprintf(out, UNITS_TEXT_SIZE, "%llu.%02u %s", whole, rest, unit);
}

/* value / unit in three digits; false if that rounds to 1,000 or more. */
static bool print_three_digits(char out[UNITS_TEXT_SIZE], uint64_t value, uint64_t unit,
                               const char *name)
{
    if (value / unit < 10 && divide(value, unit / 100) < 1000)
        print_hundredths(out, divide(value, unit / 100), name);
    else if (value / unit < 100 && divide(value, unit / 10) < 1000)
        print_hundredths(out, divide(value, unit / 10) * 10, name);
    else if (divide(value, unit) < 1000)
        print_hundredths(out, divide(value, unit) * 100, name);
    else
        return false;
    return true;
}

char *units_print_size(char out[UNITS_TEXT_SIZE], uint64_t bytes)
{
    static const char *const names[] = {"KB", "MB", "GB", "TB", "PB", "EB"};
    uint64_t unit = 1000;

    if (bytes < 1000) {
        snprintf(out, UNITS_TEXT_SIZE, "%u B", (unsigned)bytes);
        return out;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++, unit *= 1000) {
        if (print_three_digits(out, bytes, unit, names[i]))
            break;
    }
    return out;
}

/* "2 m 5 s": two units, the smaller one left out if it is 0. */
static void print_pair(char out[UNITS_TEXT_SIZE], uint64_t large, const char *large_unit,
                       uint64_t small, const char *small_unit)
{
    if (small == 0)
        snprintf(out, UNITS_TEXT_SIZE, "%llu %s", (unsigned long long)large, large_unit);
    else
        snprintf(out, UNITS_TEXT_SIZE, "%llu %s %llu %s", (unsigned long long)large, large_unit,
                 (unsigned long long)small, small_unit);
}

static void print_long(char out[UNITS_TEXT_SIZE], uint64_t ns)
{
    uint64_t s = divide(ns, BILLION);
    uint64_t m = divide(ns, 60 * BILLION);
    uint64_t h = divide(ns, 3600 * BILLION);

    if (s < 3600)
        print_pair(out, s / 60, "m", s % 60, "s");
    else if (m < 24 * 60)
        print_pair(out, m / 60, "h", m % 60, "m");
    else
        print_pair(out, h / 24, "d", h % 24, "h");
}

char *units_print_duration(char out[UNITS_TEXT_SIZE], sl_dur duration)
{
    uint64_t ns = duration.ns > 0 ? (uint64_t)duration.ns : 0;

    if (duration.ns == SL_FOREVER.ns)
        snprintf(out, UNITS_TEXT_SIZE, "for ever");
    else if (ns < 500)
        snprintf(out, UNITS_TEXT_SIZE, "0 s");
    else if (divide(ns, 1000) < 1000)
        snprintf(out, UNITS_TEXT_SIZE, "%u us", (unsigned)divide(ns, 1000));
    else if (divide(ns, 100000) < 100)
        print_hundredths(out, divide(ns, 100000) * 10, "ms");
    else if (divide(ns, 1000000) < 1000)
        snprintf(out, UNITS_TEXT_SIZE, "%u ms", (unsigned)divide(ns, 1000000));
    else if (divide(ns, 100000000) < 600)
        print_hundredths(out, divide(ns, 100000000) * 10, "s");
    else
        print_long(out, ns);
    return out;
}

char *units_print_seconds(char out[UNITS_TEXT_SIZE], sl_dur duration)
{
    uint64_t tenths = duration.ns > 0 ? divide((uint64_t)duration.ns, 100000000) : 0;
    char whole[UNITS_TEXT_SIZE];

    units_print_count(whole, tenths / 10);
    snprintf(out, UNITS_TEXT_SIZE, "%.26s.%u s", whole, (unsigned)(tenths % 10));
    return out;
}

char *units_print_duration_exact(char out[UNITS_TEXT_SIZE], sl_dur duration)
{
    uint64_t rest = duration.ns > 0 ? (uint64_t)duration.ns : 0;
    size_t n = 0;

    for (const struct unit *unit = durations; unit->factor > 0; unit++) {
        if (rest >= unit->factor) {
            n += (size_t)snprintf(out + n, UNITS_TEXT_SIZE - n, "%llu%s",
                                  (unsigned long long)(rest / unit->factor), unit->name);
            rest %= unit->factor;
        }
    }
    if (n == 0)
        snprintf(out, UNITS_TEXT_SIZE, "0s");
    return out;
}

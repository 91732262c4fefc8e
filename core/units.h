/*
 * units -- durations, sizes, rates and shares as people type and read them.
 *
 *     durations  250ms 5s 10m 1h30m      us ms s m h, largest first, each once, whole numbers or
 * one decimal fraction sizes      64KB 1MB 1MiB           B; KB MB GB TB are powers of 1000, KiB
 * MiB GiB TiB of 1024 rates      500/s 30/m 6/h          events per second, minute, hour shares 1%
 * 0.1%                 0% to 100%
 *
 * A number without its unit is refused, 0 as well: a bare 30 is seconds to one reader and
 * milliseconds to the next. No sign, no blanks, no exponent. What does not fit is refused, not
 * clamped.
 */
#ifndef CORE_UNITS_H
#define CORE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include <sluice/time.h>

enum units_result {
    UNITS_OK = 0,
    UNITS_NO_UNIT,      /* a number alone */
    UNITS_UNKNOWN_UNIT, /* a number and something that is no unit of this kind */
    UNITS_MALFORMED,    /* no number, a sign, a blank, units out of order */
    UNITS_TOO_LARGE,    /* does not fit; a share above 100 % */
    UNITS_TOO_FINE,     /* a fraction of a byte or of a nanosecond, or more than 9 decimals */
};

/* Each writes its result on UNITS_OK only. */
enum units_result units_read_duration(const char *text, sl_dur *out);
enum units_result units_read_size(const char *text, uint64_t *bytes);
enum units_result units_read_rate(const char *text, double *per_second);
enum units_result units_read_share(const char *text, double *fraction); /* 1% → 0.01 */
/* A plain whole number without unit or sign: a count. */
enum units_result units_read_count(const char *text, uint64_t *out);

/* Why, for people, to follow the text in quotes: "has no unit". "" for UNITS_OK. */
const char *units_problem(enum units_result result);

/* Room for what any of the printers writes. They return `out`. */
enum { UNITS_TEXT_SIZE = 40 };

/* "1,905" */
char *units_print_count(char out[UNITS_TEXT_SIZE], uint64_t count);
/* Three digits, powers of 1000: "812 B", "186 KB", "11.2 MB", "1 MB". Rounded to nearest. */
char *units_print_size(char out[UNITS_TEXT_SIZE], uint64_t bytes);
/* Three digits or so: "850 us", "52 ms", "20.8 s", "2 m 5 s", "1 h 30 m", "3 d 4 h". Negative as 0.
 * "for ever" for SL_FOREVER. */
char *units_print_duration(char out[UNITS_TEXT_SIZE], sl_dur duration);
/* In seconds with one decimal, however long: "0.8 s", "5.0 s", "1,203.4 s". */
char *units_print_seconds(char out[UNITS_TEXT_SIZE], sl_dur duration);
/* Exactly, as it would be typed: "1h30m", "250ms", "0s". What is below a microsecond is dropped. */
char *units_print_duration_exact(char out[UNITS_TEXT_SIZE], sl_dur duration);

#endif

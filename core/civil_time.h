/*
 * civil_time -- dates as people and protocols write them, to and from seconds since
 * 1970-01-01T00:00:00Z.
 *
 * Proleptic Gregorian, UTC, years 1970-9999, no leap seconds (23:59:60 reads as the second after
 * 23:59:59). No locale, no time zone database, no allocation.
 */
#ifndef CORE_CIVIL_TIME_H
#define CORE_CIVIL_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"

struct civil_time {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second;
};

/* The last second that these functions know: 9999-12-31T23:59:59Z. */
#define CIVIL_TIME_MAX INT64_C(253402300799)

/* `unix_s` below 0 counts as 0, above CIVIL_TIME_MAX as that. */
struct civil_time civil_time_of(int64_t unix_s);
/* Seconds since 1970 of an existing date; false if there is no such date or time of day. */
bool civil_time_unix(const struct civil_time *time, int64_t *unix_s);

/*
 * Reads an HTTP date (RFC 9110 5.6.7) in any of its three forms: "Sun, 06 Nov 1994 08:49:37 GMT",
 * "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994". A two-digit year is the one within
 * 50 years of `now_unix_s`. The day of the week must be a day's name, but not the right one.
 * Returns false, and writes nothing, if it is none of them.
 */
bool civil_time_read_http(struct slice text, int64_t now_unix_s, int64_t *unix_s);

/* Reads "20261123T073104Z", as in x-amz-date. */
bool civil_time_read_amz(struct slice text, int64_t *unix_s);
/* Reads "2026-11-23T07:31:04Z", also with a fraction of a second (dropped), with an offset
 * "+01:00", or with a blank for T. */
bool civil_time_read_iso(struct slice text, int64_t *unix_s);

enum { CIVIL_TIME_AMZ_SIZE = 17, CIVIL_TIME_ISO_SIZE = 21, CIVIL_TIME_HTTP_SIZE = 30 };
/* "20261123T073104Z"; its first 8 characters are the date of a credential scope. */
void civil_time_write_amz(int64_t unix_s, char out[CIVIL_TIME_AMZ_SIZE]);
/* "2026-11-23T07:31:04Z" */
void civil_time_write_iso(int64_t unix_s, char out[CIVIL_TIME_ISO_SIZE]);
/* "Mon, 23 Nov 2026 07:31:04 GMT" */
void civil_time_write_http(int64_t unix_s, char out[CIVIL_TIME_HTTP_SIZE]);

#endif

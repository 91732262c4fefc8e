/*
 * Reading goes through a cursor that is moved by each part and never back; the forms are told apart
 * by what follows the name of the day.
 */
#include "core/civil_time.h"

#include <string.h>

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
/* 1970-01-01 was a Thursday. */
static const char *const day_names[] = {"Thursday", "Friday",  "Saturday", "Sunday",
                                        "Monday",   "Tuesday", "Wednesday"};

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of `year`. */
static int64_t days_before_year(int year)
{
    int64_t y = year - 1;

    return 365 * (y - 1969) + (y / 4 - 1969 / 4) - (y / 100 - 1969 / 100) + (y / 400 - 1969 / 400);
}

struct civil_time civil_time_of(int64_t unix_s)
{
    struct civil_time time = {.year = 1970, .month = 1};
    int64_t days, rest;

    if (unix_s < 0)
        unix_s = 0;
    if (unix_s > CIVIL_TIME_MAX)
        unix_s = CIVIL_TIME_MAX;
    days = unix_s / 86400;
    rest = unix_s % 86400;
    time.year += (int)(days / 366); /* never too late; the loop adds what is missing */
    while (days_before_year(time.year + 1) <= days)
        time.year++;
    days -= days_before_year(time.year);
    for (; days >= days_in_month(time.year, time.month); time.month++)
        days -= days_in_month(time.year, time.month);
    time.day = (int)days + 1;
    time.hour = (int)(rest / 3600);
    time.minute = (int)(rest / 60 % 60);
    time.second = (int)(rest % 60);
    return time;
}

bool civil_time_unix(const struct civil_time *time, int64_t *unix_s)
{
    int64_t days;

    if (time->year < 1970 || time->year > 9999 || time->month < 1 || time->month > 12 ||
        time->day < 1 || time->day > days_in_month(time->year, time->month) || time->hour < 0 ||
        time->hour > 23 || time->minute < 0 || time->minute > 59 || time->second < 0 ||
        time->second > 60)
        return false;
    if (time->second == 60 && (time->hour != 23 || time->minute != 59))
        return false;
    days = days_before_year(time->year) + time->day - 1;
    for (int month = 1; month < time->month; month++)
        days += days_in_month(time->year, month);
    *unix_s = days * 86400 + time->hour * 3600 + time->minute * 60 + time->second;
    return true;
}

/* ---- reading ---- */

static bool read_char(struct slice *text, char c)
{
    if (text->n == 0 || text->p[0] != c)
        return false;
    text->p++;
    text->n--;
    return true;
}

static bool read_text(struct slice *text, const char *expected)
{
    size_t n = strlen(expected);

    if (text->n < n || memcmp(text->p, expected, n) != 0)
        return false;
    text->p += n;
    text->n -= n;
    return true;
}

/* Exactly `digits` of them. */
static bool read_digits(struct slice *text, int digits, int *out)
{
    int value = 0;

    if (text->n < (size_t)digits)
        return false;
    for (int i = 0; i < digits; i++) {
        if (text->p[i] < '0' || text->p[i] > '9')
            return false;
        value = value * 10 + (text->p[i] - '0');
    }
    text->p += digits;
    text->n -= (size_t)digits;
    *out = value;
    return true;
}

/* "08:49:37" or "084937" */
static bool read_clock(struct slice *text, bool with_colons, struct civil_time *out)
{
    return read_digits(text, 2, &out->hour) && (!with_colons || read_char(text, ':')) &&
           read_digits(text, 2, &out->minute) && (!with_colons || read_char(text, ':')) &&
           read_digits(text, 2, &out->second);
}

static bool read_month_name(struct slice *text, struct civil_time *out)
{
    for (int i = 0; i < 12; i++) {
        if (read_text(text, month_names[i])) {
            out->month = i + 1;
            return true;
        }
    }
    return false;
}

/* "Sunday" or "Sun"; tells whether it was the long form. */
static bool read_day_name(struct slice *text, bool *is_long)
{
    for (int i = 0; i < 7; i++) {
        char brief[4] = {day_names[i][0], day_names[i][1], day_names[i][2], '\0'};

        *is_long = read_text(text, day_names[i]);
        if (*is_long || read_text(text, brief))
            return true;
    }
    return false;
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool read_imf(struct slice *text, struct civil_time *out)
{
    return read_digits(text, 2, &out->day) && read_char(text, ' ') && read_month_name(text, out) &&
           read_char(text, ' ') && read_digits(text, 4, &out->year) && read_char(text, ' ') &&
           read_clock(text, true, out) && read_text(text, " GMT");
}

/* "06-Nov-94 08:49:37 GMT"; a year more than 50 years ahead is of the century before. */
static bool read_rfc850(struct slice *text, int64_t now_unix_s, struct civil_time *out)
{
    int this_year = civil_time_of(now_unix_s).year;

    if (!read_digits(text, 2, &out->day) || !read_char(text, '-') || !read_month_name(text, out) ||
        !read_char(text, '-') || !read_digits(text, 2, &out->year) || !read_char(text, ' ') ||
        !read_clock(text, true, out) || !read_text(text, " GMT"))
        return false;
    out->year += this_year / 100 * 100;
    if (out->year > this_year + 50)
        out->year -= 100;
    else if (out->year < this_year - 49)
        out->year += 100;
    return true;
}

/* "Nov  6 08:49:37 1994" */
static bool read_asctime(struct slice *text, struct civil_time *out)
{
    return read_month_name(text, out) && read_char(text, ' ') &&
           (read_char(text, ' ') ? read_digits(text, 1, &out->day)
                                 : read_digits(text, 2, &out->day)) &&
           read_char(text, ' ') && read_clock(text, true, out) && read_char(text, ' ') &&
           read_digits(text, 4, &out->year);
}

bool civil_time_read_http(struct slice text, int64_t now_unix_s, int64_t *unix_s)
{
    struct civil_time time = {0};
    bool is_long = false, ok;

    if (!read_day_name(&text, &is_long))
        return false;
    if (read_text(&text, ", "))
        ok = is_long ? read_rfc850(&text, now_unix_s, &time) : read_imf(&text, &time);
    else
        ok = !is_long && read_char(&text, ' ') && read_asctime(&text, &time);
    return ok && text.n == 0 && civil_time_unix(&time, unix_s);
}

bool civil_time_read_amz(struct slice text, int64_t *unix_s)
{
    struct civil_time time = {0};

    return read_digits(&text, 4, &time.year) && read_digits(&text, 2, &time.month) &&
           read_digits(&text, 2, &time.day) && read_char(&text, 'T') &&
           read_clock(&text, false, &time) && read_char(&text, 'Z') && text.n == 0 &&
           civil_time_unix(&time, unix_s);
}

/* "Z", "+01:00" or "-0530": seconds east of Greenwich. */
static bool read_offset(struct slice *text, int64_t *seconds)
{
    int hours = 0, minutes = 0;
    bool is_west = false;

    *seconds = 0;
    if (read_char(text, 'Z') || read_char(text, 'z'))
        return true;
    is_west = text->n > 0 && text->p[0] == '-';
    if (!is_west && (text->n == 0 || text->p[0] != '+'))
        return false;
    read_char(text, text->p[0]);
    if (!read_digits(text, 2, &hours))
        return false;
    read_char(text, ':');
    if (!read_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = (is_west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

/* ".123" or nothing. */
static bool skip_fraction(struct slice *text)
{
    int digit;

    if (!read_char(text, '.'))
        return true;
    if (!read_digits(text, 1, &digit))
        return false;
    while (read_digits(text, 1, &digit))
        ;
    return true;
}

bool civil_time_read_iso(struct slice text, int64_t *unix_s)
{
    struct civil_time time = {0};
    int64_t local, offset;

    if (!read_digits(&text, 4, &time.year) || !read_char(&text, '-') ||
        !read_digits(&text, 2, &time.month) || !read_char(&text, '-') ||
        !read_digits(&text, 2, &time.day) || (!read_char(&text, 'T') && !read_char(&text, ' ')) ||
        !read_clock(&text, true, &time) || !skip_fraction(&text) || !read_offset(&text, &offset) ||
        text.n != 0 || !civil_time_unix(&time, &local))
        return false;
    local -= offset;
    if (local < 0 || local > CIVIL_TIME_MAX)
        return false;
    *unix_s = local;
    return true;
}

/* ---- writing ---- */

/* `n` digits with zeros before them; returns what is behind them. */
static char *put_digits(char *to, int value, int n)
{
    for (int i = n; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + n;
}

static char *put_text(char *to, const char *text, size_t n)
{
    memcpy(to, text, n);
    return to + n;
}

/* Two digits each, with `between` between them; '\0': nothing. */
static char *put_three(char *to, int a, int b, int c, char between)
{
    to = put_digits(to, a, 2);
    if (between)
        *to++ = between;
    to = put_digits(to, b, 2);
    if (between)
        *to++ = between;
    return put_digits(to, c, 2);
}

void civil_time_write_amz(int64_t unix_s, char out[CIVIL_TIME_AMZ_SIZE])
{
    struct civil_time t = civil_time_of(unix_s);
    char *to = put_digits(out, t.year / 100, 2);

    to = put_three(to, t.year % 100, t.month, t.day, '\0');
    *to++ = 'T';
    put_text(put_three(to, t.hour, t.minute, t.second, '\0'), "Z", 2);
}

void civil_time_write_iso(int64_t unix_s, char out[CIVIL_TIME_ISO_SIZE])
{
    struct civil_time t = civil_time_of(unix_s);
    char *to = put_digits(out, t.year / 100, 2);

    to = put_three(to, t.year % 100, t.month, t.day, '-');
    *to++ = 'T';
    put_text(put_three(to, t.hour, t.minute, t.second, ':'), "Z", 2);
}

void civil_time_write_http(int64_t unix_s, char out[CIVIL_TIME_HTTP_SIZE])
{
    struct civil_time t = civil_time_of(unix_s);
    int64_t clamped = 0;
    char *to;

    civil_time_unix(&t, &clamped);
    to = put_text(out, day_names[clamped / 86400 % 7], 3);
    to = put_digits(put_text(to, ", ", 2), t.day, 2);
    to = put_text(put_text(to, " ", 1), month_names[t.month - 1], 3);
    to = put_digits(put_text(to, " ", 1), t.year, 4);
    put_text(put_three(put_text(to, " ", 1), t.hour, t.minute, t.second, ':'), " GMT", 5);
}

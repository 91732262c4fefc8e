/*
 * A line is composed in one buffer of PIPE_BUF bytes: prefix, escaped message, advice, and on a
 * terminal what it takes to scroll above the status line. Room for the end of the line is kept from
 * the start, so that a message of any length leaves a line that is whole: cut between characters,
 * marked with "…", and in JSON still valid.
 */
#include "ops/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/json.h"

enum { STATUS_MAX = 512 };

static const char ADVICE[] = "\n  do:    ";
static const char CUT[] = "\xe2\x80\xa6"; /* … */
static const char ERASE[] = "\r\x1b[K";   /* to column one, and clear the line */

static int64_t system_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct {
    int fd;
    enum log_format format;
    enum log_level level;
    int64_t (*wall_ms)(void);
    uint64_t dropped;
    uint64_t dropped_told;
    char status[STATUS_MAX];
    size_t status_len;
} logger = {.fd = STDERR_FILENO, .level = LOG_INFO, .wall_ms = system_wall_ms};

void log_open(int fd, enum log_format format, enum log_level level)
{
    logger.fd = fd;
    logger.format = format;
    logger.level = level;
}

void log_clock(int64_t (*wall_ms)(void))
{
    logger.wall_ms = wall_ms ? wall_ms : system_wall_ms;
}

bool log_enabled(enum log_level level)
{
    return level >= logger.level;
}

uint64_t log_dropped(void)
{
    return logger.dropped;
}

/* The line under construction; `limit` leaves room for what must follow the message. */
struct line {
    char p[PIPE_BUF];
    size_t n;
    size_t limit;
    bool cut;
};

static void put(struct line *line, const char *p, size_t n)
{
    if (line->cut || n > line->limit - line->n) {
        line->cut = true;
        return;
    }
    memcpy(line->p + line->n, p, n);
    line->n += n;
}

static void puts_line(struct line *line, const char *s)
{
    put(line, s, strlen(s));
}

/* The length of the UTF-8 character at p; 0: there is none. */
static size_t utf8_char(const char *p, size_t n)
{
    unsigned char first = (unsigned char)p[0];
    size_t want = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return want <= n && utf8_is_valid((struct slice){p, want}) ? want : 0;
}

static void put_escaped(struct line *line, const char *s, size_t len)
{
    bool is_json = logger.format == LOG_JSON;
    const unsigned char *p = (const unsigned char *)s;
    for (size_t i = 0; i < len && !line->cut;) {
        size_t n = utf8_char(s + i, len - i);
        char code[8];
        if (n == 0) {
            snprintf(code, sizeof code, is_json ? "\\ufffd" : "\\x%02x", p[i]);
            puts_line(line, code);
            n = 1;
        } else if (utf8_control((struct slice){s + i, n}) > 0) {
            const char *known = p[i] == '\n'   ? "\\n"
                                : p[i] == '\t' ? "\\t"
                                : p[i] == '\r' ? "\\r"
                                               : NULL;
            snprintf(code, sizeof code, is_json ? "\\u%04x" : "\\x%02x", p[i + n - 1]);
            puts_line(line, known ? known : code);
        } else {
            code[0] = '\\';
            memcpy(code + 1, s + i, n);
            bool is_quoted = is_json && (p[i] == '"' || p[i] == '\\');
            put(line, is_quoted ? code : code + 1, is_quoted ? n + 1 : n);
        }
        i += n;
    }
}

static void put_time(struct line *line)
{
    int64_t ms = logger.wall_ms();
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    char text[40];
    gmtime_r(&seconds, &utc);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    put(line, text, n);
    if (logger.format == LOG_JSON) {
        snprintf(text, sizeof text, ".%03d", (int)(ms % 1000));
        puts_line(line, text);
    }
    put(line, "Z", 1);
}

/* Appends past the limit: what the limit kept room for. */
static void finish(struct line *line, const char *s)
{
    size_t n = strlen(s);
    memcpy(line->p + line->n, s, n);
    line->n += n;
}

static void compose_text(struct line *line, const char *level, const char *message,
                         const char *advice)
{
    put_time(line);
    puts_line(line, level);
    put_escaped(line, message, strlen(message));
    if (advice) {
        puts_line(line, ADVICE);
        put_escaped(line, advice, strlen(advice));
    }
    finish(line, line->cut ? CUT : "");
    finish(line, "\n");
}

static void compose_json(struct line *line, const char *level, const char *message,
                         const char *advice, struct slice members)
{
    puts_line(line, "{\"time\":\"");
    put_time(line);
    puts_line(line, "\",\"level\":\"");
    puts_line(line, level);
    puts_line(line, "\",\"message\":\"");
    put_escaped(line, message, strlen(message));
    if (advice) {
        puts_line(line, "\",\"do\":\"");
        put_escaped(line, advice, strlen(advice));
    }
    finish(line, line->cut ? CUT : "");
    finish(line, "\"");
    if (members.n > 0 && members.n < line->limit - line->n) {
        finish(line, ",");
        put(line, members.p, members.n);
    }
    finish(line, "}\n");
}

/* Writes without waiting, or not at all. False: nothing, or not all of it, went out. */
static bool write_now(const char *p, size_t n)
{
    struct pollfd fd = {.fd = logger.fd, .events = POLLOUT};
    int ready;
    do
        ready = poll(&fd, 1, 0);
    while (ready < 0 && errno == EINTR);
    if (ready != 1 || !(fd.revents & POLLOUT) || (fd.revents & (POLLERR | POLLNVAL)))
        return false;
    ssize_t written;
    do
        written = write(logger.fd, p, n);
    while (written < 0 && errno == EINTR);
    return written == (ssize_t)n;
}

static void emit(enum log_level level, const char *message, const char *advice,
                 struct slice members)
{
    static const char *const text_level[] = {" debug ", " info ", " warn ", " error "};
    static const char *const json_level[] = {"debug", "info", "warn", "error"};
    enum { TAIL = 8 }; /* "…" and "\"}\n" */
    struct line line;
    line.n = 0;
    line.cut = false;
    line.limit = sizeof line.p - TAIL - logger.status_len;
    if (logger.status_len > 0)
        puts_line(&line, ERASE);
    if (logger.format == LOG_JSON)
        compose_json(&line, json_level[level], message, advice, members);
    else
        compose_text(&line, text_level[level], message, advice);
    memcpy(line.p + line.n, logger.status, logger.status_len);
    line.n += logger.status_len;
    if (!write_now(line.p, line.n))
        logger.dropped++;
}

static void tell_dropped(void)
{
    uint64_t missing = logger.dropped - logger.dropped_told;
    if (missing == 0)
        return;
    char message[80];
    snprintf(message, sizeof message,
             "%" PRIu64 " log lines are missing: stderr was not read in time", missing);
    uint64_t before = logger.dropped;
    emit(LOG_WARN, message, NULL, (struct slice){0});
    if (logger.dropped == before)
        logger.dropped_told = before;
    else
        logger.dropped = before; /* the notice itself is not one of the missing lines */
}

/* Takes the advice off the end of the message; NULL: the format has none. The last one is the
 * format's own: what looks like it before came in with an argument. */
static char *split_advice(const char *format, char *message)
{
    char *found = NULL;
    if (!strstr(format, ADVICE))
        return NULL;
    for (char *p = message; (p = strstr(p, ADVICE)); p++)
        found = p;
    if (!found)
        return NULL;
    *found = '\0';
    return found + sizeof ADVICE - 1;
}

__attribute__((format(printf, 2, 0))) static void log_write(enum log_level level,
                                                            const char *format, va_list args)
{
    if (!log_enabled(level))
        return;
    int saved = errno;
    char message[PIPE_BUF];
    vsnprintf(message, sizeof message, format, args);
    tell_dropped();
    const char *advice = split_advice(format, message);
    emit(level, message, advice, (struct slice){0});
    errno = saved;
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        log_write(level, format, args);                                                            \
        va_end(args);                                                                              \
    }
LOG_FUNCTION(log_debug, LOG_DEBUG)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_error, LOG_ERROR)

void log_members(enum log_level level, struct slice members, const char *message)
{
    if (!log_enabled(level))
        return;
    tell_dropped();
    emit(level, message, NULL, members);
}

void log_status(struct slice line)
{
    size_t n = line.n < STATUS_MAX ? line.n : STATUS_MAX;
    if (n == 0 && logger.status_len == 0)
        return;
    char text[sizeof ERASE + STATUS_MAX];
    memcpy(text, ERASE, sizeof ERASE - 1);
    if (n > 0)
        memcpy(text + sizeof ERASE - 1, line.p, n);
    if (!write_now(text, sizeof ERASE - 1 + n))
        return; /* the old line stands; the next one replaces it */
    memcpy(logger.status, text + sizeof ERASE - 1, n);
    logger.status_len = n;
}

bool log_limit_pass_at(struct log_limit *limit, sl_time now)
{
    if (sl_time_before(now, limit->next)) {
        limit->held_back++;
        return false;
    }
    limit->missed = limit->held_back;
    limit->held_back = 0;
    limit->next = sl_time_add(now, limit->every.ns > 0 ? limit->every : sl_sec(1));
    return true;
}

/*
 * log -- one line per event on stderr, for people or as JSON; and the one line of a terminal that
 * is rewritten in place.
 *
 * A line never delays the work that it speaks of: it is written only while the descriptor takes it
 * without waiting, at most PIPE_BUF (4,096) bytes in one write(2), so that lines of several
 * processes on one pipe stay whole. What does not go out is counted, and the next line that does
 * says how many are missing. The descriptor is never made non-blocking: that flag belongs to
 * everybody who shares it (a shell, a parent).
 *
 * Nothing that arrives from outside can forge a line or move a terminal's cursor: control
 * characters and bytes that are not UTF-8 are escaped (\n \t \x1b in text, \u001b in JSON). Secrets
 * are the caller's matter: never pass one.
 *
 *   text   2026-11-23T07:31:04Z info batch 6f1c2e0a-…: 100 events, 186 KB, 200 in 52 ms, attempt 1,
 * worker 3 json   {"time":"2026-11-23T07:31:04.120Z","level":"info","message":"batch 6f1c2e0a-…:
 * …"}
 *
 * There is one log in a process; without log_open() it is text on stderr, from info up. Only one
 * thread may use it: the one that the tasks run on.
 */
#ifndef OPS_LOG_H
#define OPS_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/time.h>

#include "core/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* Sends lines from `level` up to `fd`, which stays the caller's. */
void log_open(int fd, enum log_format format, enum log_level level);

/* Takes the time of a line from `wall_ms` (milliseconds since 1970); NULL: the system's clock. */
void log_clock(int64_t (*wall_ms)(void));

/* Whether a line of `level` would be written: asked before the work of composing one. */
bool log_enabled(enum log_level level);

/*
 * One line each. A format may end in "\n  do:    " and what to do about it: in text that is a
 * second line, in JSON the member "do". Any other newline is escaped.
 */
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * A line with more members in JSON: `members` is JSON, "\"a\":1,\"b\":2", and is written as it is. In text the message
 * alone.
 */
void log_members(enum log_level level, struct slice members, const char *message);

/*
 * Shows `line` as the terminal's last line, in place of the one before; empty takes it away. Lines
 * of the log scroll above it. For terminals only, and no wider than one (the caller cuts it). Cut
 * at 512 bytes.
 */
void log_status(struct slice line);

/* Lines that were not written because the descriptor did not take them, since the start. */
uint64_t log_dropped(void);

/*
 * Lets one line in `every` pass (0: one a second), for what may be repeated a thousand times a
 * second. Zero-initialised. True: write the line; `missed` is then how many were not written since
 * the last that was.
 */
struct log_limit {
    sl_dur every;
    sl_time next;
    uint64_t missed;
    uint64_t held_back;
};
bool log_limit_pass_at(struct log_limit *limit, sl_time now);

static inline bool log_limit_pass(struct log_limit *limit)
{
    return log_limit_pass_at(limit, sl_now());
}

#endif

/*
 * send_events -- what `sluice send` makes of its input: lines, and events that SQS will take. Pure:
 * no I/O, no clock.
 */
#ifndef CLI_SEND_EVENTS_H
#define CLI_SEND_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/strbuf.h"

/* A message with its attributes, and all of a batch call (SQS quotas). */
enum { SEND_BYTES_MAX = 1048576 };

/*
 * Cuts text that comes in pieces into lines. Life: {0} → lines_feed, lines_next until it has none,
 * and again → deinit. A line longer than SEND_BYTES_MAX comes out cut to one byte more than that,
 * so that it is refused as any other that is too long; the rest of it is dropped.
 */
struct lines {
    struct strbuf held;
    size_t at;       /* where the next line starts */
    uint64_t number; /* of the line that came out last, from 1 */
    bool skipping;   /* in the rest of a line that was too long */
};

/* Adds a piece. The slices that came out before are void. */
void lines_feed(struct lines *lines, struct slice piece);
/* The next line, without LF or CR LF; `is_last`: nothing follows, so the rest is a line too. false:
 * feed more. */
bool lines_next(struct lines *lines, bool is_last, struct slice *line);
void lines_deinit(struct lines *lines);

/* How events are made: the flags. `group` and `dedup` are a value, or @ and the name of a member of
 * the event. */
struct send_rules {
    const char *group;
    const char *dedup;
    size_t attribute_bytes; /* what the attributes add to each message */
};

struct send_event {
    char *text; /* body, group and dedup, one after the other */
    size_t body_size, group_size, dedup_size;
    const char *file; /* borrowed */
    uint64_t line;    /* 0: the file as a whole */
    unsigned attempts;
};

struct slice send_event_body(const struct send_event *event);
struct slice send_event_group(const struct send_event *event);
struct slice send_event_dedup(const struct send_event *event);
/* What it counts for in SQS's limits. */
size_t send_event_bytes(const struct send_event *event, const struct send_rules *rules);

/*
 * Makes an event of a text. `why` gets what is wrong and what to do when it is refused.
 *   0        *out is the caller's: send_event_free
 *   1        SQS would not take it: `why` says what and what to do
 *   -ENOMEM
 */
enum { SEND_REFUSED = 1 };
int send_event_make(struct send_event **out, const struct send_rules *rules, struct slice text,
                    struct strbuf *why);
void send_event_free(struct send_event *event);

#endif

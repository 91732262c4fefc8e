/*
 * ledger -- what was accepted, one line of JSON for each event, in a file that only grows:
 *
 *   {"messageId":"…","batch":"…","md5":"…","duplicate":false}
 *
 * The lines of a batch are written in one go, before its answer leaves; they are on disk after
 * ledger_close. It is a log for people and tests, not a database.
 */
#ifndef PERSEUS_LEDGER_H
#define PERSEUS_LEDGER_H

#include <stdbool.h>

#include "core/problem.h"
#include "core/slice.h"
#include "core/strbuf.h"
#include "perseus/event.h"

struct ledger {
    int fd;    /* -1: there is none, and nothing is written */
    int error; /* the first that writing met: 0, or negative */
    struct strbuf lines;
};

/*
 * Calls `event` for each line that an earlier run left in `path`; negative ends it with that. A last line that is torn,
 * because that run was killed while it wrote, is cut off. What is not there, or no regular file, has no lines. Waits.
 *   0         read
 *   PROBLEM   it can't be read, or holds something else than a ledger
 *   negative  unforeseen, or what `event` gave
 */
int ledger_read(const char *path,
                int (*event)(void *arg, struct slice message_id, bool is_duplicate), void *arg,
                struct problem *problem);

/* Opens `path`, which is made if need be; NULL: no ledger. 0 or PROBLEM. */
int ledger_open(struct ledger *ledger, const char *path, struct problem *problem);
/* Adds an event to the lines. `batch` is plain text; the record's strings are JSON already. */
void ledger_add(struct ledger *ledger, const struct event_record *record, struct slice batch,
                bool is_duplicate);
/* Writes the lines. 0, or negative: they are lost, and so is every later one. */
int ledger_write(struct ledger *ledger);
/* Waits until all is on disk, and closes. 0, or the first error. Called by a task. */
int ledger_close(struct ledger *ledger);

#endif

/*
 * outcome_failures -- reads a service's list of failed events out of its answer. Private to
 * outcome.c, whose header says what a list is and when it can't be trusted.
 */
#ifndef CORE_OUTCOME_FAILURES_H
#define CORE_OUTCOME_FAILURES_H

#include "core/outcome.h"

enum failures {
    FAILURES_UNLISTED,   /* no body, no JSON, or JSON without the key or with null for it */
    FAILURES_NONE,       /* an empty list */
    FAILURES_SOME,       /* batch->failed says which */
    FAILURES_UNREADABLE, /* not to be trusted; nothing is marked in batch->failed */
};

/* `batch->failed` must be all false. *problem is written on FAILURES_UNREADABLE: static storage, to
 * follow "200, but ". */
enum failures outcome_failures_read(struct slice content_type, struct slice body,
                                    const struct outcome_batch *batch, const char **problem);

#endif

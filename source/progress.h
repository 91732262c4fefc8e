/*
 * progress -- what the stages let each other and the user see, as plain numbers.
 *
 * One thread runs all tasks, so this is shared without a lock. Who writes a field is named beside it.
 */
#ifndef SOURCE_PROGRESS_H
#define SOURCE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/time.h>

#include "core/errand.h"

struct progress {
    /* batch stage */
    size_t open_count;     /* events in the open batch */
    size_t open_bytes;     /* its encoded bytes so far */
    sl_time open_since;    /* SL_NEVER while there is no open batch */
    sl_time open_deadline; /* when it leaves at the latest; SL_NEVER while there is none */
    /* deliver */
    unsigned sending; /* posts under way */
    unsigned backing_off;
    bool paused;       /* the service or the set-up is wrong: no new receives */
    uint64_t accepted; /* events that the service confirmed */
    char trouble
        [200]; /* the last failure, for the progress line and "gave up"; "" when the last delivery was accepted */
    /* source */
    uint64_t queue_visible; /* the queue's approximate number of messages; UINT64_MAX = unknown */
    /* for the watchdog */
    /* When what is held last moved: new events came, a delivery began or was tried, a delete or a return was tried. That leases
     * were extended is no movement. */
    sl_time last_event;
    /* Each delivery, and each call to SQS. */
    struct errands errands;
    unsigned
        patient; /* waits under way for somebody who may take any time to read what is written */
};

void progress_init(struct progress *progress);

#endif

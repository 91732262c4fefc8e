/*
 * event -- reads the SQS event of AWS Lambda strictly: what is not as the contract has it is
 * refused, so that a mistake of the sender shows here and not in a customer's handler.
 */
#ifndef PERSEUS_EVENT_H
#define PERSEUS_EVENT_H

#include <stddef.h>

#include "core/slice.h"

/* One record, as far as perseus uses it: the raw contents of JSON strings. */
struct event_record {
    struct slice message_id;
    struct slice md5_of_body;
};

struct event {
    struct event_record *records; /* owned */
    size_t count, max;
};

enum { EVENT_REASON_MAX = 160 };

/*
 * Reads `body`, into whose bytes the records point. The event's storage is used again; it is zero
 * at first, and freed by event_deinit.
 *   0   read
 *   1   `reason` says what is wrong with it, and where
 *   negative  -ENOMEM
 */
int event_read(struct event *event, struct slice body, char reason[EVENT_REASON_MAX]);
void event_deinit(struct event *event);

#endif

/*
 * limits -- SQS's limits, as numbers that a queue can be run with: strict are AWS's, relaxed are for people who want less
 * of them on their own machine.
 *
 * Sources: SQS developer guide, "Amazon SQS message quotas" and "FIFO queue quotas"; the service model of 2012-11-05.
 */
#ifndef QUEUE_LIMITS_H
#define QUEUE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    QUEUE_BATCH_MAX = 10,        /* entries of a batch call, messages of a receive */
    QUEUE_BATCH_ID_MAX = 80,     /* characters of an entry's id */
    QUEUE_MESSAGE_MAX = 1048576, /* bytes of a message with its attributes, and of a batch */
    QUEUE_ATTRIBUTES_MAX = 10,   /* of a message */
    QUEUE_ATTRIBUTE_NAME_MAX = 256,
    QUEUE_NAME_MAX = 80,   /* characters, ".fifo" included */
    QUEUE_GROUP_MAX = 128, /* characters of a group id, a deduplication id, a receive attempt id */
    QUEUE_VISIBILITY_MAX_S = 43200, /* 12 h */
    QUEUE_DELAY_MAX_S = 900,
    QUEUE_WAIT_MAX_S = 20,
    QUEUE_RETENTION_MIN_S = 60,
    QUEUE_RETENTION_MAX_S = 1209600, /* 14 days */
    QUEUE_TAGS_MAX = 50,
    QUEUE_TAG_KEY_MAX = 128,
    QUEUE_TAG_VALUE_MAX = 256,
    QUEUE_IN_FLIGHT_MAX = 120000,
    QUEUE_DEDUP_S = 300, /* how long a deduplication id and a receive attempt id are remembered */
    QUEUE_MAX_RECEIVES_MAX = 1000,
    QUEUE_MOVE_RATE_MAX = 500, /* messages a second of a move task */
    QUEUE_RELAXED_MESSAGE_MAX = 16 << 20,
};

struct queue_limits {
    bool is_relaxed;
    size_t message_max;     /* bytes; 1 MiB, relaxed 16 MiB */
    unsigned in_flight_max; /* of a queue; 120,000, relaxed no limit (UINT_MAX) */
    unsigned purge_pause_s; /* between two purges; 60, relaxed 0 */
    unsigned name_pause_s; /* before the name of a deleted queue can be used again; 60, relaxed 0 */
};

struct queue_limits queue_limits_strict(void);
struct queue_limits queue_limits_relaxed(void);

#endif

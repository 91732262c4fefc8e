/*
 * workload -- groups of changes as a queue would make them, random but for a seed, and a plain model of what they leave.
 */
#ifndef TEST_CRASH_WORKLOAD_H
#define TEST_CRASH_WORKLOAD_H

#include "queue/store_sqlite_db.h"
#include "test/crash/disk.h"

enum { WORK_SEQS = 1024, WORK_QUEUES = 4, WORK_KEYS = 8, WORK_TASKS = 4 };

struct work_message {
    bool is_there;
    bool was_sent; /* ever: what a load may find */
    uint32_t queue;
    uint64_t payload; /* a hash of its bytes */
    uint64_t state;   /* a hash; 0: none */
};

struct work {
    struct rng rng;
    uint64_t seq_max;
    struct work_message messages[WORK_SEQS];                                /* by seq */
    uint64_t queues[WORK_QUEUES], counters[WORK_QUEUES], tasks[WORK_TASKS]; /* hashes; 0: none */
    uint64_t dedups[WORK_QUEUES][WORK_KEYS];
};

void work_init(struct work *work, uint64_t seed);

/* Adds the changes of a next group to `changes`, and to the model. */
void work_group(struct work *work, struct changes *changes);
bool work_is_full(const struct work *work);

/* What the model holds, as one number: the same as work_sum_rows of a store that has all of it. */
uint64_t work_sum(const struct work *work);

/* Adds a row that a store has. Rows must come in the order of struct store_reader (asserted). */
struct work_rows {
    uint64_t sum;
    enum change_kind kind;
    uint64_t seq;
    size_t count;
};

void work_add_row(struct work_rows *rows, const struct change *row);

#endif

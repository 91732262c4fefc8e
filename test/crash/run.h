/*
 * run -- a workload on a disk, with a note of what was promised when; and the question whether a disk keeps the promises.
 */
#ifndef TEST_CRASH_RUN_H
#define TEST_CRASH_RUN_H

#include "test/crash/disk.h"
#include "test/crash/workload.h"

enum { RUN_GROUPS = 128 };

/* After a group: what the store has to hold, and the disk's operations when it was confirmed (SIZE_MAX: never). */
struct run_group {
    uint64_t sum, seq_max;
    size_t confirmed_at;
};

struct run_opening {
    uint32_t epoch;
    size_t opened_at;
};

struct run {
    struct work work, before;                /* the model, and as it was before the last group */
    struct run_group groups[RUN_GROUPS + 1]; /* the first is the empty store */
    size_t group_count;                      /* submitted, the empty one included */
    struct run_opening openings[RUN_GROUPS];
    size_t opening_count;
    uint8_t secret[32];
    int error; /* that ended it */
};

/*
 * Runs up to `groups` groups on `disk`, mounted: with checkpoints, and with closing and opening again. Ends at the first
 * error, after asserting that none is confirmed behind it.
 */
void run_work(struct run *run, struct disk *disk, uint64_t seed, size_t groups);

/* Goes on after an error, with a disk that is well and has the state after `group`: the last, or the one before it. */
void run_on(struct run *run, struct disk *disk, size_t group, size_t groups);

/*
 * Opens the store on `disk` as it is (mounted here) and asserts: integrity_check is ok; it holds exactly what it held after
 * one group, that was confirmed by operation `at` or later; the epoch is above all that were given out by then. Returns the
 * index of that group.
 */
size_t run_assert_kept(const struct run *run, struct disk *disk, size_t at);

#endif

/*
 * group -- what of a list of changes need not be written, because the same list takes it back: states that are replaced by a
 * later one, and messages that come and go.
 *
 * Life: zero → group_plan … → group_deinit.
 */
#ifndef QUEUE_GROUP_H
#define QUEUE_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/store.h"

struct group_plan {
    bool *skips;       /* one for each change of the list */
    uint64_t seq_max;  /* of all messages and tasks of the list, skipped ones included; 0: none */
    size_t left_count; /* changes that are not skipped */
    /* the plan's own */
    size_t skips_max;
    struct group_seen *seen;
    size_t seen_max;
};

/* The seq that a change brings: of a message or a task, where it was moved to; 0: none. */
uint64_t group_brings(const struct change *change);

/* Looks through the list. Never fails: without memory nothing is skipped, and `skips` is NULL. */
void group_plan(struct group_plan *plan, const struct changes *changes);

static inline bool group_skips(const struct group_plan *plan, size_t i)
{
    return plan->skips && plan->skips[i];
}

void group_deinit(struct group_plan *plan);

#endif

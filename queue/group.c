/* group -- one pass over the list with a table of the messages seen: where each came, and its last state. */
#include "queue/group.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t NOWHERE = UINT32_MAX;

struct group_seen {
    uint64_t seq;
    uint32_t message, state; /* indices into the list */
    bool is_used;
};

static bool has_seq(enum change_kind kind)
{
    return kind == CHANGE_MESSAGE || kind == CHANGE_MESSAGE_STATE || kind == CHANGE_MESSAGE_MOVED ||
           kind == CHANGE_MESSAGE_GONE;
}

/* Storage for a list of `count`, at most half of the table used, all of it empty. */
static bool make_room(struct group_plan *plan, size_t count)
{
    size_t seen_max = plan->seen_max ? plan->seen_max : 64;

    while (seen_max < 2 * count)
        seen_max *= 2;
    if (plan->skips_max < seen_max / 2) {
        free(plan->skips);
        free(plan->seen);
        plan->skips_max = plan->seen_max = 0;
        plan->skips = calloc(seen_max / 2, sizeof *plan->skips);
        plan->seen = calloc(seen_max, sizeof *plan->seen);
        if (!plan->skips || !plan->seen)
            return false;
        plan->skips_max = seen_max / 2;
        plan->seen_max = seen_max;
    }
    memset(plan->skips, 0, count * sizeof *plan->skips);
    memset(plan->seen, 0, plan->seen_max * sizeof *plan->seen);
    return true;
}

static struct group_seen *find(struct group_plan *plan, uint64_t seq)
{
    size_t mask = plan->seen_max - 1;
    size_t at = (size_t)(seq * 0x9e3779b97f4a7c15ULL >> 20) & mask;

    while (plan->seen[at].is_used && plan->seen[at].seq != seq)
        at = (at + 1) & mask;
    if (!plan->seen[at].is_used)
        plan->seen[at] = (struct group_seen){seq, NOWHERE, NOWHERE, true};
    return &plan->seen[at];
}

static void skip(struct group_plan *plan, uint32_t at)
{
    if (at == NOWHERE)
        return;
    plan->skips[at] = true;
    plan->left_count--;
}

static void look_at(struct group_plan *plan, const struct change *change, uint32_t at)
{
    struct group_seen *seen = find(plan, change->seq);

    if (change->kind == CHANGE_MESSAGE) {
        seen->message = at;
    } else if (change->kind == CHANGE_MESSAGE_STATE) {
        skip(plan, seen->state);
        seen->state = at;
    } else if (change->kind == CHANGE_MESSAGE_MOVED) { /* what was before it must stay before it */
        seen->message = seen->state = NOWHERE;
    } else {
        skip(plan, seen->state);
        skip(plan, seen->message);
        if (seen->message != NOWHERE)
            skip(plan, at);
        seen->message = seen->state = NOWHERE;
    }
}

uint64_t group_brings(const struct change *change)
{
    if (change->kind == CHANGE_MESSAGE || change->kind == CHANGE_TASK)
        return change->seq;
    return change->kind == CHANGE_MESSAGE_MOVED ? change->new_seq : 0;
}

void group_plan(struct group_plan *plan, const struct changes *changes)
{
    bool has_room = changes->count < NOWHERE && make_room(plan, changes->count);

    plan->seq_max = 0;
    plan->left_count = changes->count;
    if (!has_room)
        group_deinit(plan);
    for (size_t i = 0; i < changes->count; i++) {
        uint64_t seq = group_brings(&changes->items[i]);

        if (seq > plan->seq_max)
            plan->seq_max = seq;
        if (has_room && has_seq(changes->items[i].kind))
            look_at(plan, &changes->items[i], (uint32_t)i);
    }
}

void group_deinit(struct group_plan *plan)
{
    free(plan->skips);
    free(plan->seen);
    plan->skips = NULL;
    plan->seen = NULL;
    plan->skips_max = plan->seen_max = 0;
}

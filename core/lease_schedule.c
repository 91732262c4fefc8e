/*
 * When something has to be done about a lease: a binary heap of the HELD slots by their due time,
 * and what is done.
 */
#include "core/lease_table.h"

#include <sluice/base.h>

/* The queue counts 12 h from the receive and rejects more; a minute is kept for our own delays. */
static const sl_dur total_max = SL_DUR_SEC(12 * 3600 - 60);

/* ---- the heap ---- */

static bool is_earlier(const struct lease_table *t, uint32_t a, uint32_t b)
{
    int order = sl_time_cmp(t->slots[t->heap[a]].due, t->slots[t->heap[b]].due);

    return order < 0 || (order == 0 && t->heap[a] < t->heap[b]);
}

static void swap(struct lease_table *t, uint32_t a, uint32_t b)
{
    uint32_t slot = t->heap[a];

    t->heap[a] = t->heap[b];
    t->heap[b] = slot;
    t->slots[t->heap[a]].heap_at = a;
    t->slots[t->heap[b]].heap_at = b;
}

static void sift(struct lease_table *t, uint32_t at)
{
    while (at > 0 && is_earlier(t, at, (at - 1) / 2)) {
        swap(t, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
    for (;;) {
        uint32_t least = at;

        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < t->heap_count; child++) {
            if (is_earlier(t, child, least))
                least = child;
        }
        if (least == at)
            return;
        swap(t, at, least);
        at = least;
    }
}

void schedule_add(struct lease_table *t, uint32_t slot)
{
    sl_assert(t->heap_count < t->capacity);
    t->heap[t->heap_count] = slot;
    t->slots[slot].heap_at = t->heap_count++;
    sift(t, t->slots[slot].heap_at);
}

void schedule_remove(struct lease_table *t, uint32_t slot)
{
    uint32_t at = t->slots[slot].heap_at;

    sl_assert(at < t->heap_count && t->heap[at] == slot);
    swap(t, at, --t->heap_count);
    if (at < t->heap_count)
        sift(t, at);
}

void schedule_move(struct lease_table *t, uint32_t slot, sl_time due)
{
    t->slots[slot].due = due;
    sift(t, t->slots[slot].heap_at);
}

sl_time schedule_due(const struct lease_table *t, const struct slot *s)
{
    if (s->is_extend_over || !t->can_extend)
        return s->deadline;
    return sl_time_add(s->deadline, sl_dur_mul(sl_dur_div(s->granted, PLANTED(4) ? 1000 : 2), -1));
}

sl_time lease_next_due(const struct lease_table *t)
{
    return t->heap_count > 0 ? t->slots[t->heap[0]].due : SL_NEVER;
}

/* ---- extending ---- */

/* The visibility that an extension sent now may ask for; 0 if none is possible, or of use. */
static unsigned extension_s(const struct lease_table *t, const struct slot *s, sl_time now)
{
    sl_dur left = sl_dur_sub(total_max, sl_time_sub(now, s->received_at));
    int64_t seconds = sl_dur_min(t->visibility, left).ns / 1000000000;

    if (s->is_extend_over || !t->can_extend || seconds <= 0 ||
        !sl_time_before(s->deadline, sl_time_add(now, sl_sec(seconds))))
        return 0;
    return (unsigned)seconds;
}

/* When to look again at a lease that can't be extended now. One that is longer than the visibility,
 * which was made shorter, can be towards its end. */
static sl_time look_again(const struct lease_table *t, const struct slot *s, sl_time now)
{
    sl_time again = sl_time_add(s->deadline, sl_dur_mul(sl_dur_div(t->visibility, 2), -1));

    return !s->is_extend_over && t->can_extend && sl_time_before(now, again) ? again : s->deadline;
}

/* Those of a group behind it are lost with it: the queue will give them again behind this one. */
static size_t lose(struct lease_table *t, uint32_t slot)
{
    size_t lost = 1;

    slot_enter(t, slot, LEASE_LOST);
    for (uint32_t i = t->slots[slot].next; i != SLOT_NONE; i = t->slots[i].next) {
        if (t->slots[i].state == LEASE_HELD) {
            slot_enter(t, i, LEASE_LOST);
            lost++;
        } else if (t->slots[i].state == LEASE_EXTENDING) {
            t->slots[i].is_behind_lost = true;
        }
    }
    return lost;
}

/* Of the slot's group, those whose deadline has passed, and what is behind them. */
static size_t lose_group(struct lease_table *t, uint32_t slot, sl_time now)
{
    uint32_t first = t->slots[slot].group_n > 0 ? group_first(t, slot) : slot;
    size_t lost = 0;

    for (uint32_t i = first; i != SLOT_NONE && lost == 0; i = t->slots[i].next) {
        if (t->slots[i].state == LEASE_HELD && !sl_time_before(now, t->slots[i].deadline))
            lost = lose(t, i);
    }
    return lost;
}

/* Whether the slot is extended together with `other`: HELD, of one run, and it can be. */
static bool is_companion(const struct lease_table *t, uint32_t slot, uint32_t other, sl_time now)
{
    return t->slots[slot].state == LEASE_HELD && t->slots[slot].run == t->slots[other].run &&
           extension_s(t, &t->slots[slot], now) > 0;
}

static void begin(struct lease_table *t, uint32_t slot, sl_time now, struct lease_extension *out)
{
    *out = (struct lease_extension){ticket_of(t, slot), extension_s(t, &t->slots[slot], now)};
    t->slots[slot].is_renewed = false;
    slot_enter(t, slot, LEASE_EXTENDING);
}

/* Begins the extension of a slot, with its whole run. 0: there is no room for all of it; it is left
 * for the next call, unless it would never fit. */
static size_t begin_run(struct lease_table *t, uint32_t slot, sl_time now, size_t room,
                        struct lease_extension *out)
{
    uint32_t first = t->slots[slot].group_n > 0 ? group_first(t, slot) : slot;
    size_t count = 0, begun = 0;

    for (uint32_t i = first; i != SLOT_NONE; i = t->slots[i].next)
        count += is_companion(t, i, slot, now);
    if (count > room && room < LEASE_CALL_MAX)
        return 0;
    for (uint32_t i = first; i != SLOT_NONE && begun < room; i = t->slots[i].next) {
        if (is_companion(t, i, slot, now))
            begin(t, i, now, &out[begun++]);
    }
    return begun;
}

size_t lease_due(struct lease_table *t, sl_time now, struct lease_extension out[LEASE_CALL_MAX],
                 size_t *lost)
{
    sl_time horizon = now;
    size_t count = 0;

    *lost = 0;
    while (t->heap_count > 0 && count < LEASE_CALL_MAX) {
        uint32_t slot = t->heap[0];
        struct slot *s = &t->slots[slot];
        size_t n;

        if (sl_time_before(horizon, s->due))
            break;
        n = lose_group(t, slot, now);
        *lost += n;
        if (n > 0)
            continue;
        if (extension_s(t, s, now) == 0) {
            sl_time again = look_again(t, s, now);

            if (sl_time_cmp(s->due, again) == 0)
                break; /* it is due within the horizon, and nothing can be done so early */
            schedule_move(t, slot, again);
            continue;
        }
        n = begin_run(t, slot, now, LEASE_CALL_MAX - count, out + count);
        if (n == 0)
            break;
        count += n;
        horizon = sl_time_add(now, sl_dur_div(t->visibility, 40));
    }
    return count;
}

/* The slot whose extension is under way; SLOT_NONE if it was settled, or its delete begun. */
static uint32_t extending(const struct lease_table *t, struct ticket ticket)
{
    enum lease_state state = lease_state_of(t, ticket);

    return state == LEASE_EXTENDING || state == LEASE_EXTENDING_RETURN ? ticket.slot : SLOT_NONE;
}

/* The extension has ended, and the slot's times are right. */
static bool end(struct lease_table *t, uint32_t slot, sl_time due)
{
    if (t->slots[slot].state == LEASE_EXTENDING_RETURN) {
        slot_enter(t, slot, LEASE_RETURNING);
        return true;
    }
    t->slots[slot].due = due;
    slot_enter(t, slot,
               t->slots[slot].is_behind_lost || group_lost_before(t, slot) ? LEASE_LOST
                                                                           : LEASE_HELD);
    return false;
}

bool lease_extended(struct lease_table *t, const struct lease_extension *extension, sl_time sent_at)
{
    uint32_t slot = extending(t, extension->ticket);
    struct slot *s;

    if (slot == SLOT_NONE)
        return false;
    s = &t->slots[slot];
    /* A newer receive has its own deadline, and the old handle's extension tells nothing of it. */
    if (!s->is_renewed) {
        s->granted = sl_sec(extension->visibility_s * (PLANTED(5) ? 2 : 1));
        s->deadline = sl_time_add(sent_at, s->granted);
    }
    return end(t, slot, schedule_due(t, s));
}

/* Nor what is behind it in its group, which would be lost with it. */
static void extend_no_more(struct lease_table *t, uint32_t slot)
{
    for (uint32_t i = slot; i != SLOT_NONE; i = t->slots[i].next) {
        t->slots[i].is_extend_over = true;
        if (t->slots[i].state == LEASE_HELD)
            schedule_move(t, i, t->slots[i].deadline);
    }
}

bool lease_extend_failed(struct lease_table *t, const struct lease_extension *extension,
                         sl_time now, bool for_good)
{
    uint32_t slot = extending(t, extension->ticket);
    sl_time again, last;
    struct slot *s;
    sl_dur span;

    if (slot == SLOT_NONE)
        return false;
    s = &t->slots[slot];
    if (s->is_renewed)
        return end(t, slot, schedule_due(t, s));
    if (for_good)
        extend_no_more(t, slot);
    span = sl_dur_min(s->granted, t->visibility);
    again = sl_time_add(now, sl_dur_div(span, 12));
    last = sl_time_add(s->deadline, sl_dur_mul(sl_dur_div(span, 6), -1));
    return end(t, slot,
               for_good || !sl_time_before(now, last) ? s->deadline : sl_time_min(again, last));
}

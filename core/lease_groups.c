/*
 * Message groups: a list of slots per group in the order of arrival, found by an index of the first
 * slots. Groups are short, as a queue gives no more of one while some of it is held.
 */
#include "core/lease_table.h"

#include <string.h>

#include <sluice/base.h>

static uint32_t hash(const char *p, size_t n)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 16777619u;
    return h ^ h >> 15;
}

static bool is_same_group(const struct slot *a, const struct slot *b)
{
    return a->group_n == b->group_n && memcmp(a->text, b->text, a->group_n) == 0;
}

uint32_t group_first(const struct lease_table *t, uint32_t slot)
{
    const struct slot *s = &t->slots[slot];
    uint32_t cursor = s->group_hash, first;

    while ((first = index_find(&t->groups, s->group_hash, &cursor)) != INDEX_NONE) {
        if (is_same_group(&t->slots[first], s))
            return first;
    }
    return SLOT_NONE;
}

void group_join(struct lease_table *t, uint32_t slot)
{
    struct slot *s = &t->slots[slot];
    uint32_t first;

    s->previous = s->next = SLOT_NONE;
    if (s->group_n == 0)
        return;
    s->group_hash = hash(s->text, s->group_n);
    first = group_first(t, slot);
    if (first == SLOT_NONE) {
        s->last = slot;
        index_add(&t->groups, s->group_hash, slot);
        return;
    }
    s->previous = t->slots[first].last;
    t->slots[s->previous].next = slot;
    t->slots[first].last = slot;
}

void group_leave(struct lease_table *t, uint32_t slot)
{
    struct slot *s = &t->slots[slot];

    if (s->group_n == 0)
        return;
    if (s->previous == SLOT_NONE) {
        index_remove(&t->groups, s->group_hash, slot);
        if (s->next != SLOT_NONE) {
            t->slots[s->next].previous = SLOT_NONE;
            t->slots[s->next].last = s->last;
            index_add(&t->groups, s->group_hash, s->next);
        }
        return;
    }
    t->slots[s->previous].next = s->next;
    if (s->next != SLOT_NONE)
        t->slots[s->next].previous = s->previous;
    else
        t->slots[group_first(t, slot)].last = s->previous;
}

bool group_lost_before(const struct lease_table *t, uint32_t slot)
{
    const struct slot *s = &t->slots[slot];

    if (s->group_n == 0)
        return false;
    for (uint32_t i = s->previous; i != SLOT_NONE; i = t->slots[i].previous) {
        if (t->slots[i].state == LEASE_LOST)
            return true;
    }
    return false;
}

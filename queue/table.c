#include "queue/table.h"

#include <stdlib.h>

enum {
    SIZE_MIN = 16,
    STEP = 8, /* slots that a change moves over; two would do until the next growth */
};

/* In `before`: a thing was removed here, and those behind it are found all the same. */
static char removed;

static void put(const struct table_array *array, struct table_slot slot)
{
    size_t mask = array->size - 1;
    size_t i = slot.hash & mask;

    while (array->slots[i].item)
        i = (i + 1) & mask;
    array->slots[i] = slot;
}

/* Moves the next slots over; the array that is left behind is freed with its last one. */
static void move_on(struct table *table, size_t steps)
{
    struct table_array *before = &table->before;

    if (before->size == 0)
        return;
    for (; steps > 0 && table->moved < before->size; steps--, table->moved++) {
        struct table_slot slot = before->slots[table->moved];

        if (slot.item && slot.item != &removed)
            put(&table->now, slot);
    }
    if (table->moved < before->size)
        return;
    free(before->slots);
    *before = (struct table_array){.slots = NULL};
}

static bool grow(struct table *table)
{
    size_t size = table->now.size ? table->now.size * 2 : SIZE_MIN;
    struct table_slot *slots = calloc(size, sizeof *slots);

    if (!slots)
        return false;
    move_on(table, table->before.size);
    table->before = table->now;
    table->now = (struct table_array){slots, size};
    table->moved = 0;
    move_on(table, STEP);
    return true;
}

/* The slot of a thing; NULL. In `before` only those count that have not been moved over. */
static struct table_slot *find_in(const struct table_array *array, size_t from, uint64_t hash,
                                  bool (*is)(const void *item, const void *key), const void *key)
{
    size_t mask = array->size - 1;

    if (array->size == 0)
        return NULL;
    for (size_t i = hash & mask; array->slots[i].item; i = (i + 1) & mask) {
        struct table_slot *slot = &array->slots[i];

        if (i >= from && slot->hash == hash && slot->item != &removed && is(slot->item, key))
            return slot;
    }
    return NULL;
}

void *table_find(const struct table *table, uint64_t hash,
                 bool (*is)(const void *item, const void *key), const void *key)
{
    const struct table_slot *slot = find_in(&table->now, 0, hash, is, key);

    if (!slot)
        slot = find_in(&table->before, table->moved, hash, is, key);
    return slot ? slot->item : NULL;
}

bool table_add(struct table *table, uint64_t hash, void *item)
{
    if ((table->count + 1) * 4 > table->now.size * 3 && !grow(table))
        return false;
    move_on(table, STEP);
    put(&table->now, (struct table_slot){hash, item});
    table->count++;
    return true;
}

/* What follows in the run moves back into the gap, unless its place is behind the gap. */
static void close_gap(const struct table_array *array, size_t gap)
{
    size_t mask = array->size - 1;

    for (size_t i = (gap + 1) & mask; array->slots[i].item; i = (i + 1) & mask) {
        size_t home = array->slots[i].hash & mask;

        if (((i - home) & mask) < ((i - gap) & mask))
            continue;
        array->slots[gap] = array->slots[i];
        gap = i;
    }
    array->slots[gap].item = NULL;
}

static bool is_same(const void *item, const void *key)
{
    return item == key;
}

void table_remove(struct table *table, uint64_t hash, const void *item)
{
    struct table_slot *slot = find_in(&table->now, 0, hash, is_same, item);

    if (slot)
        close_gap(&table->now, (size_t)(slot - table->now.slots));
    else
        find_in(&table->before, table->moved, hash, is_same, item)->item = &removed;
    table->count--;
    move_on(table, STEP);
}

void *table_next(const struct table *table, size_t *at)
{
    while (*at < table->now.size + table->before.size) {
        size_t i = (*at)++;
        const struct table_slot *slot =
            i < table->now.size ? &table->now.slots[i] : &table->before.slots[i - table->now.size];

        if (i >= table->now.size && i - table->now.size < table->moved)
            continue;
        if (slot->item && slot->item != &removed)
            return slot->item;
    }
    return NULL;
}

void table_deinit(struct table *table)
{
    free(table->now.slots);
    free(table->before.slots);
    *table = (struct table){.count = 0};
}

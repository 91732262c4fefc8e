#include "queue/table.h"

#include <stdlib.h>

enum { SIZE_MIN = 16 };

void *table_find(const struct table *table, uint64_t hash,
                 bool (*is)(const void *item, const void *key), const void *key)
{
    size_t mask = table->size - 1;

    if (table->size == 0)
        return NULL;
    for (size_t i = hash & mask; table->slots[i].item; i = (i + 1) & mask)
        if (table->slots[i].hash == hash && is(table->slots[i].item, key))
            return table->slots[i].item;
    return NULL;
}

static void put(struct table_slot *slots, size_t mask, struct table_slot slot)
{
    size_t i = slot.hash & mask;

    while (slots[i].item)
        i = (i + 1) & mask;
    slots[i] = slot;
}

static bool grow(struct table *table)
{
    size_t size = table->size ? table->size * 2 : SIZE_MIN;
    struct table_slot *slots = calloc(size, sizeof *slots);

    if (!slots)
        return false;
    for (size_t i = 0; i < table->size; i++)
        if (table->slots[i].item)
            put(slots, size - 1, table->slots[i]);
    free(table->slots);
    table->slots = slots;
    table->size = size;
    return true;
}

bool table_add(struct table *table, uint64_t hash, void *item)
{
    if ((table->count + 1) * 4 > table->size * 3 && !grow(table))
        return false;
    put(table->slots, table->size - 1, (struct table_slot){hash, item});
    table->count++;
    return true;
}

/* What follows in the run moves back into the gap, unless its place is behind the gap. */
static void close_gap(struct table *table, size_t gap)
{
    size_t mask = table->size - 1;

    for (size_t i = (gap + 1) & mask; table->slots[i].item; i = (i + 1) & mask) {
        size_t home = table->slots[i].hash & mask;

        if (((i - home) & mask) < ((i - gap) & mask))
            continue;
        table->slots[gap] = table->slots[i];
        gap = i;
    }
    table->slots[gap].item = NULL;
}

void table_remove(struct table *table, uint64_t hash, const void *item)
{
    size_t mask = table->size - 1;
    size_t i = hash & mask;

    while (table->slots[i].item != item)
        i = (i + 1) & mask;
    close_gap(table, i);
    table->count--;
}

void table_deinit(struct table *table)
{
    free(table->slots);
    *table = (struct table){.slots = NULL};
}

#include "core/lease_index.h"

#include <stdlib.h>

#include <sluice/base.h>

bool index_init(struct index *index, uint32_t entries)
{
    uint32_t cells = 8;

    sl_assert(entries < UINT32_MAX / 4);
    while (cells < 2 * entries)
        cells *= 2;
    *index = (struct index){.mask = cells - 1};
    index->cells = calloc(cells, sizeof(*index->cells));
    return index->cells != NULL;
}

void index_deinit(struct index *index)
{
    free(index->cells);
    *index = (struct index){0};
}

void index_add(struct index *index, uint32_t hash, uint32_t value)
{
    uint32_t at = hash & index->mask;

    sl_assert(value != INDEX_NONE && index->count <= index->mask / 2);
    while (index->cells[at].value_plus_1 != 0)
        at = (at + 1) & index->mask;
    index->cells[at] = (struct index_cell){hash, value + 1};
    index->count++;
}

/* Closes the gap: what was pushed past it by its neighbours moves back. */
static void close_gap(struct index *index, uint32_t gap)
{
    for (uint32_t at = (gap + 1) & index->mask; index->cells[at].value_plus_1 != 0;
         at = (at + 1) & index->mask) {
        uint32_t home = index->cells[at].hash & index->mask;

        if (((at - home) & index->mask) >= ((at - gap) & index->mask)) {
            index->cells[gap] = index->cells[at];
            gap = at;
        }
    }
    index->cells[gap].value_plus_1 = 0;
}

void index_remove(struct index *index, uint32_t hash, uint32_t value)
{
    uint32_t at = hash & index->mask;

    while (index->cells[at].hash != hash || index->cells[at].value_plus_1 != value + 1) {
        sl_assert(index->cells[at].value_plus_1 != 0);
        at = (at + 1) & index->mask;
    }
    close_gap(index, at);
    index->count--;
}

uint32_t index_find(const struct index *index, uint32_t hash, uint32_t *cursor)
{
    for (; index->cells[*cursor & index->mask].value_plus_1 != 0; ++*cursor) {
        const struct index_cell *cell = &index->cells[*cursor & index->mask];

        if (cell->hash == hash) {
            ++*cursor;
            return cell->value_plus_1 - 1;
        }
    }
    return INDEX_NONE;
}

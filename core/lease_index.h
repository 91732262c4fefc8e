/*
 * lease_index -- a multimap from hashes to slots, of fixed size: open addressing, linear probing, and
 * deletion that leaves no gaps, so that it never degrades. The caller compares what it finds.
 */
#ifndef CORE_LEASE_INDEX_H
#define CORE_LEASE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#define INDEX_NONE UINT32_MAX

struct index_cell {
    uint32_t hash;
    uint32_t value_plus_1; /* 0: empty, so that untouched pages of a large index stay unused */
};

struct index {
    struct index_cell *cells;
    uint32_t mask; /* number of cells − 1, a power of two and at least twice the entries */
    uint32_t count;
};

/* For up to `entries` of them. false: no memory. */
bool index_init(struct index *index, uint32_t entries);
void index_deinit(struct index *index);

/* Adds an entry; asserts that there is room. The same pair must not be added twice. */
void index_add(struct index *index, uint32_t hash, uint32_t value);
/* Removes an entry that is there (asserted). */
void index_remove(struct index *index, uint32_t hash, uint32_t value);

/* Walks the values of a hash: *cursor starts as `hash`. INDEX_NONE: no more. The index must not
 * change meanwhile. */
uint32_t index_find(const struct index *index, uint32_t hash, uint32_t *cursor);

#endif

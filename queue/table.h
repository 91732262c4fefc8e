/*
 * table -- a hash table of pointers to things that hold their own key. Open addressing, linear probing, never more than
 * three quarters full, no tombstones.
 *
 * Zero is an empty table. The hash of a thing must be the same at each call; text is hashed with a secret (engine.h, seed).
 */
#ifndef QUEUE_TABLE_H
#define QUEUE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_slot {
    uint64_t hash;
    void *item; /* NULL: free */
};

struct table {
    struct table_slot *slots;
    size_t count, size; /* the size is a power of two, or 0 */
};

/* The thing with that hash of which `is(item, key)` is true; NULL. */
void *table_find(const struct table *table, uint64_t hash,
                 bool (*is)(const void *item, const void *key), const void *key);
/* Adds a thing that is not in it. false: no memory. */
bool table_add(struct table *table, uint64_t hash, void *item);
/* Removes a thing that is in it. */
void table_remove(struct table *table, uint64_t hash, const void *item);
void table_deinit(struct table *table);

/* A number's hash: splitmix64's finaliser (Steele, Lea, Flood 2014). */
static inline uint64_t table_hash_number(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

#endif

/*
 * table -- a hash table of pointers to things that hold their own key. Open addressing, linear probing, never more than
 * three quarters full.
 *
 * It grows step by step: when it is full it gets a second array of twice the size, and each later change moves a few things
 * over, so that no single one takes long, however large the table is.
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

struct table_array {
    struct table_slot *slots;
    size_t size; /* a power of two, or 0 */
};

struct table {
    size_t count;
    struct table_array now,
        before;   /* from `before` things are moved over, in the order of its slots … */
    size_t moved; /* … as far as here */
};

/* The thing with that hash of which `is(item, key)` is true; NULL. */
void *table_find(const struct table *table, uint64_t hash,
                 bool (*is)(const void *item, const void *key), const void *key);
/* Adds a thing that is not in it. false: no memory. */
bool table_add(struct table *table, uint64_t hash, void *item);
/* Removes a thing that is in it. */
void table_remove(struct table *table, uint64_t hash, const void *item);
void table_deinit(struct table *table);

/* Looks at every thing: starts with *at = 0; NULL: there are no more. Where things are removed on the way some are passed
 * over: look again, until the count is 0. */
void *table_next(const struct table *table, size_t *at);

/* A number's hash: splitmix64's finaliser (Steele, Lea, Flood 2014). */
static inline uint64_t table_hash_number(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

#endif

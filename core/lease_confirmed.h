/*
 * lease_confirmed -- remembers the ids of events that the service confirmed, for a time and up to a
 * number; and what an id is to the lease table: 128 bits.
 *
 * A message id in the form of a UUID, as SQS gives them, is those 128 bits exactly. Any other text is
 * hashed to 128 bits; ids are the queue's own choice, so nobody aims at a collision.
 */
#ifndef CORE_LEASE_CONFIRMED_H
#define CORE_LEASE_CONFIRMED_H

#include <sluice/time.h>

#include "core/lease_index.h"
#include "core/slice.h"

struct id_key {
    uint64_t high, low;
};

struct id_key id_key_of(struct slice id);
uint32_t id_key_hash(struct id_key key);

static inline bool id_key_eq(struct id_key a, struct id_key b)
{
    return a.high == b.high && a.low == b.low;
}

struct confirmed_id {
    struct id_key key;
    sl_time until;
};

/* A ring, the oldest first, and an index over it. */
struct confirmed {
    struct confirmed_id *ring;
    uint32_t capacity, first, count;
    struct index index;
};

/* false: no memory. */
bool confirmed_init(struct confirmed *confirmed, uint32_t capacity);
void confirmed_deinit(struct confirmed *confirmed);

/* Remembers an id until then; the oldest is forgotten if there is no room. */
void confirmed_add(struct confirmed *confirmed, struct id_key key, sl_time until);
/* Whether the id is remembered at `now`. Forgets what is older on the way. */
bool confirmed_has(struct confirmed *confirmed, struct id_key key, sl_time now);

#endif

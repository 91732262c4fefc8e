/*
 * memory -- what perseus remembers: every messageId that it accepted, and the answers to the last
 * requests by their Idempotency-Key.
 *
 * Both are hash tables with open addressing. Ids are kept for ever. Of answers there are at most
 * MEMORY_ANSWERS; the oldest goes first.
 */
#ifndef PERSEUS_MEMORY_H
#define PERSEUS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"

/* A set of strings. Zero is an empty one. */
struct id_set {
    struct id_slot *slots;
    size_t count, max; /* max is a power of two, or 0 */
    struct id_block *blocks;
};

/* Copies the string in. 1: it was not there before, 0: it was, -ENOMEM. */
int id_set_add(struct id_set *set, struct slice id);
bool id_set_has(const struct id_set *set, struct slice id);
void id_set_deinit(struct id_set *set);

/* FNV-1a of some bytes, going on from `hash`; HASH_START at first. */
#define HASH_START 0xcbf29ce484222325ULL
uint64_t hash_bytes(uint64_t hash, struct slice bytes);

/* So long a sender may repeat a request: 20,000 batches of 100 at 1,000 events/s are half an hour.
 */
enum { MEMORY_ANSWERS = 20000 };

/* A request with its key. */
struct answer {
    struct answer *chained;       /* of the same bucket */
    struct answer *older, *newer; /* finished ones only */
    uint64_t events;              /* hash of its messageIds: the same key must bring the same */
    bool is_running;
    char *body; /* the answer, a status 200's; NULL while running */
    size_t key_size;
    char key[];
};

struct answers {
    struct answer *buckets[4096];
    struct answer *oldest, *newest;
    size_t finished;
};

/* The request of that key; NULL: there was none. */
struct answer *answers_find(struct answers *answers, struct slice key);
/* Begins one, running. NULL without memory. */
struct answer *answers_begin(struct answers *answers, struct slice key, uint64_t events);
/* It has been answered with success: keeps a copy of the body. */
void answers_finish(struct answers *answers, struct answer *answer, struct slice body);
/* It came to nothing: as if it had not been. */
void answers_forget(struct answers *answers, struct answer *answer);
void answers_deinit(struct answers *answers);

#endif

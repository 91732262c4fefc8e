#include "perseus/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/base.h>

uint64_t hash_bytes(uint64_t hash, struct slice bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        hash = (hash ^ (unsigned char)bytes.p[i]) * 0x100000001b3ULL;
    return hash;
}

/* ---- ids ---- */

struct id_slot {
    uint64_t hash;
    const char *id; /* NULL: free */
    size_t n;
};

/* The strings' storage, a block at a time. */
struct id_block {
    struct id_block *next;
    size_t used, size;
    char bytes[];
};

static struct id_slot *find_slot(struct id_slot *slots, size_t max, uint64_t hash, struct slice id)
{
    size_t at = (size_t)hash & (max - 1);

    while (slots[at].id &&
           (slots[at].hash != hash || !slice_eq((struct slice){slots[at].id, slots[at].n}, id)))
        at = (at + 1) & (max - 1);
    return &slots[at];
}

static int grow(struct id_set *set)
{
    size_t max = set->max ? set->max * 2 : 1024;
    struct id_slot *slots = calloc(max, sizeof *slots);

    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < set->max; i++) {
        const struct id_slot *old = &set->slots[i];

        if (old->id)
            *find_slot(slots, max, old->hash, (struct slice){old->id, old->n}) = *old;
    }
    free(set->slots);
    set->slots = slots;
    set->max = max;
    return 0;
}

static const char *keep(struct id_set *set, struct slice id)
{
    struct id_block *block = set->blocks;
    char *at;

    if (!block || block->size - block->used < id.n) {
        size_t size = id.n > 65536 ? id.n : 65536;

        block = malloc(sizeof *block + size);
        if (!block)
            return NULL;
        *block = (struct id_block){.next = set->blocks, .size = size};
        set->blocks = block;
    }
    at = block->bytes + block->used;
    memcpy(at, id.p, id.n);
    block->used += id.n;
    return at;
}

int id_set_add(struct id_set *set, struct slice id)
{
    uint64_t hash = hash_bytes(HASH_START, id);
    struct id_slot *slot;
    const char *kept;

    if (set->count * 4 >= set->max * 3 && grow(set) < 0)
        return -ENOMEM;
    slot = find_slot(set->slots, set->max, hash, id);
    if (slot->id)
        return 0;
    kept = keep(set, id);
    if (!kept)
        return -ENOMEM;
    *slot = (struct id_slot){hash, kept, id.n};
    set->count++;
    return 1;
}

bool id_set_has(const struct id_set *set, struct slice id)
{
    return set->max > 0 && find_slot(set->slots, set->max, hash_bytes(HASH_START, id), id)->id;
}

void id_set_deinit(struct id_set *set)
{
    while (set->blocks) {
        struct id_block *next = set->blocks->next;

        free(set->blocks);
        set->blocks = next;
    }
    free(set->slots);
    *set = (struct id_set){.slots = NULL};
}

/* ---- answers ---- */

static struct answer **bucket_of(struct answers *answers, struct slice key)
{
    uint64_t hash = hash_bytes(HASH_START, key);

    return &answers->buckets[(hash ^ hash >> 32) %
                             (sizeof answers->buckets / sizeof *answers->buckets)];
}

static struct slice key_of(const struct answer *answer)
{
    return (struct slice){answer->key, answer->key_size};
}

struct answer *answers_find(struct answers *answers, struct slice key)
{
    struct answer *answer = *bucket_of(answers, key);

    while (answer && !slice_eq(key_of(answer), key))
        answer = answer->chained;
    return answer;
}

struct answer *answers_begin(struct answers *answers, struct slice key, uint64_t events)
{
    struct answer **bucket = bucket_of(answers, key);
    struct answer *answer = calloc(1, sizeof *answer + key.n);

    if (!answer)
        return NULL;
    memcpy(answer->key, key.p, key.n);
    answer->key_size = key.n;
    answer->events = events;
    answer->is_running = true;
    answer->chained = *bucket;
    *bucket = answer;
    return answer;
}

void answers_forget(struct answers *answers, struct answer *answer)
{
    struct answer **at = bucket_of(answers, key_of(answer));

    while (*at != answer)
        at = &(*at)->chained;
    *at = answer->chained;
    if (!answer->is_running) {
        *(answer->older ? &answer->older->newer : &answers->oldest) = answer->newer;
        *(answer->newer ? &answer->newer->older : &answers->newest) = answer->older;
        answers->finished--;
    }
    free(answer->body);
    free(answer);
}

void answers_finish(struct answers *answers, struct answer *answer, struct slice body)
{
    sl_assert(answer->is_running);
    answer->body = strndup(body.p, body.n);
    if (!answer->body) {
        answers_forget(answers, answer);
        return;
    }
    answer->is_running = false;
    answer->older = answers->newest;
    *(answers->newest ? &answers->newest->newer : &answers->oldest) = answer;
    answers->newest = answer;
    if (++answers->finished > MEMORY_ANSWERS)
        answers_forget(answers, answers->oldest);
}

void answers_deinit(struct answers *answers)
{
    for (size_t i = 0; i < sizeof answers->buckets / sizeof *answers->buckets; i++)
        for (struct answer *answer = answers->buckets[i], *next; answer; answer = next) {
            next = answer->chained;
            free(answer->body);
            free(answer);
        }
    *answers = (struct answers){.oldest = NULL};
}

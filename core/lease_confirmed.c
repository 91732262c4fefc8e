#include "core/lease_confirmed.h"

#include <stdlib.h>

#include <sluice/base.h>

enum { UUID_LENGTH = 36 };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Lower case only: another spelling is another id. */
static bool read_uuid(struct slice id, struct id_key *out)
{
    uint64_t halves[2] = {0, 0};
    size_t digits = 0;

    if (id.n != UUID_LENGTH)
        return false;
    for (size_t i = 0; i < UUID_LENGTH; i++) {
        int value = hex_value(id.p[i]);

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (id.p[i] != '-')
                return false;
            continue;
        }
        if (value < 0)
            return false;
        halves[digits / 16] = halves[digits / 16] << 4 | (uint64_t)value;
        digits++;
    }
    *out = (struct id_key){halves[0], halves[1]};
    return true;
}

/* The finaliser of MurmurHash3. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

struct id_key id_key_of(struct slice id)
{
    struct id_key key = {UINT64_C(0x9e3779b97f4a7c15), id.n};

    if (read_uuid(id, &key))
        return key;
    for (size_t i = 0; i < id.n; i++) {
        key.high = mix(key.high ^ (unsigned char)id.p[i]);
        key.low = mix(key.low + (unsigned char)id.p[i]) * UINT64_C(0xd6e8feb86659fd93);
    }
    return key;
}

uint32_t id_key_hash(struct id_key key)
{
    return (uint32_t)mix(key.high ^ key.low);
}

bool confirmed_init(struct confirmed *c, uint32_t capacity)
{
    sl_assert(capacity > 0);
    *c = (struct confirmed){.capacity = capacity};
    c->ring = malloc(capacity * sizeof(*c->ring));
    if (c->ring == NULL || !index_init(&c->index, capacity)) {
        confirmed_deinit(c);
        return false;
    }
    return true;
}

void confirmed_deinit(struct confirmed *c)
{
    free(c->ring);
    index_deinit(&c->index);
    *c = (struct confirmed){0};
}

static void forget_first(struct confirmed *c)
{
    index_remove(&c->index, id_key_hash(c->ring[c->first].key), c->first);
    c->first = (c->first + 1) % c->capacity;
    c->count--;
}

void confirmed_add(struct confirmed *c, struct id_key key, sl_time until)
{
    uint32_t at;

    if (c->count == c->capacity)
        forget_first(c);
    at = (c->first + c->count) % c->capacity;
    c->ring[at] = (struct confirmed_id){key, until};
    index_add(&c->index, id_key_hash(key), at);
    c->count++;
}

bool confirmed_has(struct confirmed *c, struct id_key key, sl_time now)
{
    uint32_t hash = id_key_hash(key), cursor = hash, at;

    while (c->count > 0 && !sl_time_before(now, c->ring[c->first].until))
        forget_first(c);
    while ((at = index_find(&c->index, hash, &cursor)) != INDEX_NONE) {
        if (id_key_eq(c->ring[at].key, key) && sl_time_before(now, c->ring[at].until))
            return true;
    }
    return false;
}

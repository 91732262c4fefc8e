#include "core/lease_confirmed.h"

#include <stdlib.h>

#include <sluice/base.h>

enum { UUID_LENGTH = 36 };

/* One more than a digit's value; 0: none. Lower case only: another spelling is another id. */
static const unsigned char hex_values[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

/* `n` hex digits into the lower end of *out. false: one of them is none. */
static bool read_hex(const char *p, size_t n, uint64_t *out)
{
    bool is_hex = true;

    for (size_t i = 0; i < n; i++) {
        unsigned value = hex_values[(unsigned char)p[i]];

        is_hex &= value > 0;
        *out = *out << 4 | (uint64_t)((value - 1) & 15);
    }
    return is_hex;
}

static bool read_uuid(struct slice id, struct id_key *out)
{
    const char *p = id.p;
    uint64_t high = 0, low = 0;

    if (id.n != UUID_LENGTH || p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-')
        return false;
    if (!read_hex(p, 8, &high) || !read_hex(p + 9, 4, &high) || !read_hex(p + 14, 4, &high) ||
        !read_hex(p + 19, 4, &low) || !read_hex(p + 24, 12, &low))
        return false;
    *out = (struct id_key){high, low};
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

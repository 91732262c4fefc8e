#include "sim/world/text.h"

#include <string.h>

#include "queue/table.h"

static uint64_t add_word(uint64_t hash, const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    hash = (hash ^ word) * 0x9fb21c651e98df25; /* an odd constant without structure */
    return hash ^ hash >> 32;
}

uint64_t sim_text_hash(struct slice text, uint64_t with)
{
    uint64_t hash = with, other = text.n;
    const char *p = text.p, *end = p + text.n;

    for (; end - p >= 16; p += 16) { /* two at a time, which do not wait for each other */
        hash = add_word(hash, p);
        other = add_word(other, p + 8);
    }
    for (; p < end; p++)
        hash = (hash ^ (unsigned char)*p) * 0x100000001b3; /* FNV-1a */
    hash = table_hash_number(hash ^ (other << 1 | other >> 63));
    return hash ? hash : 1;
}

const char *sim_text_find(struct slice text, size_t from, struct slice key, char rare)
{
    size_t before = (size_t)((const char *)memchr(key.p, rare, key.n) - key.p);
    const char *end = text.p + text.n, *at;

    if (text.n - from < key.n)
        return NULL;
    for (at = text.p + from + before; (at = memchr(at, rare, (size_t)(end - at))); at++)
        if ((size_t)(end - at) < key.n - before)
            return NULL;
        else if (memcmp(at - before, key.p, key.n) == 0)
            return at - before;
    return NULL;
}

uint64_t sim_text_number(struct slice text)
{
    uint64_t n = 0;

    for (size_t i = 0; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++)
        n = n * 10 + (uint64_t)(text.p[i] - '0');
    return n;
}

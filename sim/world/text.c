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
    if (end - p >= 8) {
        hash = add_word(hash, p);
        p += 8;
    }
    if (p < end && text.n >= 8)
        other = add_word(other, end - 8); /* some of it once more */
    else
        for (; p < end; p++)
            hash = (hash ^ (unsigned char)*p) * 0x100000001b3; /* FNV-1a */
    hash = table_hash_number(hash ^ (other << 1 | other >> 63));
    return hash ? hash : 1;
}

/* ---- digests ---- */

static struct {
    uint64_t a, b, total;
    size_t held;
    char block[16]; /* begun */
} digest;

static void digest_begin(void)
{
    digest.a = 0x9e3779b97f4a7c15;
    digest.b = 0xc2b2ae3d27d4eb4f;
    digest.total = digest.held = 0;
}

static void digest_block(const char *p)
{
    digest.a = add_word(digest.a, p);
    digest.b = add_word(digest.b, p + 8);
}

static void digest_add(const void *bytes, size_t n)
{
    const char *p = bytes;

    digest.total += n;
    if (digest.held > 0) {
        size_t room = sizeof digest.block - digest.held, take = n < room ? n : room;

        memcpy(digest.block + digest.held, p, take);
        digest.held += take;
        p += take;
        n -= take;
        if (digest.held < sizeof digest.block)
            return;
        digest_block(digest.block);
        digest.held = 0;
    }
    for (; n >= sizeof digest.block; p += sizeof digest.block, n -= sizeof digest.block)
        digest_block(p);
    if (n > 0)
        memcpy(digest.block, p, n);
    digest.held = n;
}

static void digest_end(uint8_t out[MD5_SIZE])
{
    uint64_t halves[2];

    memset(digest.block + digest.held, 0, sizeof digest.block - digest.held);
    digest_block(digest.block);
    halves[0] = table_hash_number(digest.a ^ digest.total);
    halves[1] = table_hash_number(digest.b ^ halves[0]);
    memcpy(out, halves, sizeof halves);
}

const struct md5_other sim_text_digest = {digest_begin, digest_add, digest_end};

/* ---- finding ---- */

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

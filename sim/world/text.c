#include "sim/world/text.h"

#include <string.h>

#include "queue/table.h"

__extension__ typedef unsigned __int128 wide;

/* Odd constants without structure. */
static const uint64_t key_a = 0x9fb21c651e98df25, key_b = 0xd6e8feb86659fd93;

/* Both halves of a product depend on all of its bits: the bytes that a hash takes in are mixed well, and 16 at once. */
static uint64_t add_block(uint64_t hash, const char *p)
{
    uint64_t first, second;
    wide product;

    memcpy(&first, p, sizeof first);
    memcpy(&second, p + sizeof first, sizeof second);
    product = (wide)(first ^ key_a) * (second ^ hash);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t sim_text_hash(struct slice text, uint64_t with)
{
    uint64_t hash = with ^ key_b, other = text.n ^ key_a;
    const char *p = text.p, *end = p + text.n;

    for (; end - p >= 32; p += 32) { /* two at a time, which do not wait for each other */
        hash = add_block(hash, p);
        other = add_block(other, p + 16);
    }
    if (end - p >= 16) {
        hash = add_block(hash, p);
        p += 16;
    }
    if (p < end && text.n >= 16)
        other = add_block(other, end - 16); /* some of it once more */
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
    char block[32]; /* begun */
} digest;

static void digest_begin(void)
{
    digest.a = 0x9e3779b97f4a7c15;
    digest.b = 0xc2b2ae3d27d4eb4f;
    digest.total = digest.held = 0;
}

/* Whole blocks of it; gives what is left. */
static struct slice digest_blocks(struct slice text)
{
    uint64_t a = digest.a, b = digest.b; /* not a store a block */

    while (text.n >= sizeof digest.block) {
        a = add_block(a, text.p);
        b = add_block(b, text.p + sizeof digest.block / 2);
        text.p += sizeof digest.block;
        text.n -= sizeof digest.block;
    }
    digest.a = a;
    digest.b = b;
    return text;
}

static void digest_add(const void *bytes, size_t n)
{
    struct slice rest = {bytes, n};

    digest.total += n;
    if (digest.held > 0) {
        size_t room = sizeof digest.block - digest.held, take = n < room ? n : room;

        memcpy(digest.block + digest.held, rest.p, take);
        digest.held += take;
        if (digest.held < sizeof digest.block)
            return;
        (void)digest_blocks((struct slice){digest.block, sizeof digest.block});
        rest = (struct slice){rest.p + take, n - take};
    }
    rest = digest_blocks(rest);
    if (rest.n > 0)
        memcpy(digest.block, rest.p, rest.n);
    digest.held = rest.n;
}

static void digest_end(uint8_t out[MD5_SIZE])
{
    uint64_t halves[2];

    memset(digest.block + digest.held, 0, sizeof digest.block - digest.held);
    (void)digest_blocks((struct slice){digest.block, sizeof digest.block});
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

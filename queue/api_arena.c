/*
 * api_arena -- storage of requests: blocks that grow, handed out from the front. A reset keeps the largest, so that a
 * connection's second request allocates nothing.
 */
#include <stdalign.h>
#include <stdlib.h>

#include <sluice/base.h>

#include "core/base64.h"
#include "queue/api_read.h"

/* What a reset keeps is bounded: one large request must not cost memory for ever. */
enum { BLOCK_LEAST = 4096, BLOCK_KEPT_MAX = 256 * 1024, LIST_LEAST = 8 };

struct api_block {
    struct api_block *next;
    size_t size, used; /* of `bytes` */
    alignas(max_align_t) char bytes[];
};

/* ---- blocks ---- */

static struct api_block *block_new(struct api_arena *arena, size_t n)
{
    size_t size = arena->blocks ? arena->blocks->size * 2 : BLOCK_LEAST;
    struct api_block *block;

    if (size < n)
        size = n;
    block = malloc(sizeof(*block) + size);
    if (!block)
        return NULL;
    *block = (struct api_block){.next = arena->blocks, .size = size};
    arena->blocks = block;
    return block;
}

void *api_take(struct api_arena *arena, size_t n)
{
    struct api_block *block = arena->blocks;
    size_t at;

    if (n > SIZE_MAX / 4)
        return NULL;
    n = (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (!block || block->size - block->used < n)
        block = block_new(arena, n);
    if (!block)
        return NULL;
    at = block->used;
    block->used += n;
    return block->bytes + at;
}

static void arena_reset(struct api_arena *arena, size_t kept_max)
{
    struct api_block *block = arena->blocks;
    struct api_block *kept = NULL;

    while (block) {
        struct api_block *next = block->next;

        if (!kept && block->size <= kept_max) {
            *block = (struct api_block){.size = block->size};
            kept = block;
        } else {
            free(block);
        }
        block = next;
    }
    arena->blocks = kept;
}

/* ---- lists ---- */

void *api_grow(struct api_arena *arena, void **items, size_t count, size_t size)
{
    /* Capacities are powers of two, so the count tells when one is used up. */
    bool is_full = count == 0 || (count >= LIST_LEAST && (count & (count - 1)) == 0);
    char *moved;

    if (is_full) {
        moved = api_take(arena, size * (count ? count * 2 : LIST_LEAST));
        if (!moved)
            return NULL;
        if (count)
            memcpy(moved, *items, count * size);
        *items = moved;
    }
    moved = (char *)*items + count * size;
    memset(moved, 0, size);
    return moved;
}

struct slice *api_add_string(struct api_arena *arena, struct api_strings *to)
{
    void *items = to->items;
    struct slice *one = api_grow(arena, &items, to->count, sizeof(*one));

    if (one) {
        to->items = items;
        to->count++;
    }
    return one;
}

struct api_pair *api_add_pair(struct api_arena *arena, struct api_map *to)
{
    void *items = to->items;
    struct api_pair *one = api_grow(arena, &items, to->count, sizeof(*one));

    if (one) {
        to->items = items;
        to->count++;
    }
    return one;
}

struct api_attribute *api_add_attribute(struct api_arena *arena, struct api_attributes *to)
{
    void *items = to->items;
    struct api_attribute *one = api_grow(arena, &items, to->count, sizeof(*one));

    if (one) {
        to->items = items;
        to->count++;
    }
    return one;
}

struct api_entry *api_add_entry(struct api_request *request)
{
    void *items = request->entries;
    struct api_entry *one = api_grow(&request->arena, &items, request->entry_count, sizeof(*one));

    if (one) {
        request->entries = items;
        request->entry_count++;
        one->visibility = one->message.delay = API_ABSENT;
    }
    return one;
}

enum queue_error api_decode_blob(struct api_arena *arena, struct slice text, struct slice *out,
                                 struct queue_refusal *refusal)
{
    char *bytes = api_take(arena, base64_decoded_max(text.n) + 1);

    if (!bytes)
        return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    if (!base64_decode(text, bytes, &out->n))
        return queue_refuse(refusal, QUEUE_MALFORMED, "Invalid base64 in a binary value");
    out->p = bytes;
    return QUEUE_OK;
}

/* ---- life ---- */

void api_request_reset(struct api_request *request)
{
    struct api_arena arena = request->arena;

    arena_reset(&arena, BLOCK_KEPT_MAX);
    *request = (struct api_request){
        .operation = OPERATIONS,
        .max_messages = API_ABSENT,
        .visibility = API_ABSENT,
        .wait = API_ABSENT,
        .max_results = API_ABSENT,
        .rate = API_ABSENT,
        .message.delay = API_ABSENT,
        .arena = arena,
    };
}

void api_request_deinit(struct api_request *request)
{
    arena_reset(&request->arena, 0);
    *request = (struct api_request){0};
}

/*
 * A store that keeps nothing: what is submitted counts as durable at once, and is told from the loop, in order. The
 * simulated world's store too: no thread, no clock, no random but the scheduler's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/time.h>

#include "queue/store.h"
#include "queue/tell.h"

struct memory {
    struct store base;
    struct tell tell;
};

static struct memory *memory_of(struct store *store)
{
    return SL_CONTAINER_OF(store, struct memory, base);
}

static int restore(struct store *store, const struct store_reader *reader, struct problem *problem)
{
    (void)store, (void)reader, (void)problem;
    return 0;
}

static void submit(struct store *store, struct changes *changes, struct store_wait *wait)
{
    int error = changes->failed ? -ENOMEM : 0;

    changes_reset(changes);
    if (wait)
        tell_wait(&memory_of(store)->tell, wait, error);
}

static void load(struct store *store, struct store_load *load)
{
    tell_load(&memory_of(store)->tell, load, 0);
}

static int close_memory(struct store *store, struct sl_ctx *ctx)
{
    struct memory *memory = memory_of(store);

    (void)ctx; /* what is told is due already */
    tell_deinit(&memory->tell);
    free(memory);
    return 0;
}

static const struct store_ops ops = {
    .restore = restore,
    .submit = submit,
    .load = load,
    .close = close_memory,
};

int store_memory_open(struct store **out)
{
    struct memory *memory = calloc(1, sizeof *memory);

    if (!memory)
        return -ENOMEM;
    memory->base.ops = &ops;
    memory->base.facts.epoch = 1;
    for (size_t i = 0; i < sizeof memory->base.facts.secret; i += sizeof(uint64_t)) {
        uint64_t random = sl_random();

        memcpy(memory->base.facts.secret + i, &random, sizeof random);
    }
    tell_init(&memory->tell);
    *out = &memory->base;
    return 0;
}

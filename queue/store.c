/* store -- what is the same for every kind of store. */
#include "queue/store.h"

#include <errno.h>

#include <sluice/base.h>

int store_restore(struct store *store, const struct store_reader *reader, struct problem *problem)
{
    return store->ops->restore(store, reader, problem);
}

void store_submit(struct store *store, struct changes *changes, struct store_wait *wait)
{
    if (changes->count == 0 && !changes->failed && !wait)
        return;
    store->ops->submit(store, changes, wait);
    sl_assert(changes->count == 0 && !changes->failed);
}

void store_load(struct store *store, struct store_load *load)
{
    for (size_t i = 0; i < load->count; i++)
        load->out[i] = NULL;
    store->ops->load(store, load);
}

int store_close(struct store *store, struct sl_ctx *ctx)
{
    return store->ops->close(store, ctx);
}

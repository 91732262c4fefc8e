/*
 * A store for tests of the service: it keeps payloads, in a map; writes and reads when it is told to, and fails when it is told
 * to. What it has outlives it.
 */
#ifndef TEST_UNIT_QUEUE_SERVICE_DISK_H
#define TEST_UNIT_QUEUE_SERVICE_DISK_H

#include <errno.h>

#include <sluice/task.h>

#include "queue/tell.h"
#include "test/unit/queue/store_map.h"

enum { HELD_MAX = 64 };

struct disk {
    struct store base;
    struct map *map;
    struct tell tell;
    bool is_slow; /* what is asked of it is held until disk_turns() */
    int write_error, read_error;
    struct store_wait *waits[HELD_MAX];
    struct store_load *loads[HELD_MAX];
    size_t wait_count, load_count;
    unsigned reads; /* payloads asked for */
};

static struct disk *disk_of(struct store *store)
{
    return SL_CONTAINER_OF(store, struct disk, base);
}

static int disk_restore(struct store *store, const struct store_reader *reader,
                        struct problem *problem)
{
    (void)problem;
    return map_tell(disk_of(store)->map, reader);
}

static void disk_submit(struct store *store, struct changes *changes, struct store_wait *wait)
{
    struct disk *disk = disk_of(store);
    int error = changes->failed ? -ENOMEM : disk->write_error;

    if (error == 0)
        map_apply(disk->map, changes);
    else
        changes_reset(changes);
    sl_assert(!disk->map->wrong);
    if (wait && disk->is_slow && error == 0) {
        sl_assert(disk->wait_count < HELD_MAX);
        disk->waits[disk->wait_count++] = wait;
    } else if (wait) {
        tell_wait(&disk->tell, wait, error);
    }
}

static void disk_read(struct disk *disk, struct store_load *load)
{
    for (size_t i = 0; i < load->count && disk->read_error == 0; i++) {
        const struct map_row *row = map_message(disk->map, load->seqs[i]);

        load->out[i] = row ? payload_ref(row->payload) : NULL;
    }
    tell_load(&disk->tell, load, disk->read_error);
}

static void disk_load(struct store *store, struct store_load *load)
{
    struct disk *disk = disk_of(store);

    disk->reads += (unsigned)load->count;
    if (!disk->is_slow) {
        disk_read(disk, load);
        return;
    }
    sl_assert(disk->load_count < HELD_MAX);
    disk->loads[disk->load_count++] = load;
}

/* What was asked of a slow disk so far is done, and told. */
static inline void disk_turns(struct disk *disk)
{
    for (size_t i = 0; i < disk->wait_count; i++)
        tell_wait(&disk->tell, disk->waits[i], disk->write_error);
    for (size_t i = 0; i < disk->load_count; i++)
        disk_read(disk, disk->loads[i]);
    disk->wait_count = disk->load_count = 0;
    SL_IGNORE(sl_sleep(NULL, sl_ns(1)));
}

static int disk_close(struct store *store, struct sl_ctx *ctx)
{
    struct disk *disk = disk_of(store);
    int error = disk->write_error;

    (void)ctx;
    for (size_t i = 0; i < disk->wait_count; i++)
        tell_wait(&disk->tell, disk->waits[i], error ? error : -ECANCELED);
    for (size_t i = 0; i < disk->load_count; i++)
        tell_load(&disk->tell, disk->loads[i], -ECANCELED);
    tell_deinit(&disk->tell);
    free(disk);
    return error;
}

static struct store *disk_open(struct disk **out, struct map *map, uint32_t epoch)
{
    static const struct store_ops ops = {disk_restore, disk_submit, disk_load, disk_close};
    struct disk *disk = calloc(1, sizeof *disk);

    sl_assert(disk);
    disk->map = map;
    disk->base.ops = &ops;
    disk->base.facts = (struct store_facts){
        .secret = "secret", .epoch = epoch, .seq_max = map->seq_max, .keeps_payloads = true};
    tell_init(&disk->tell);
    *out = disk;
    return &disk->base;
}

#endif

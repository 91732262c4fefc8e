/* replay -- what of a disk's operations is durable so far, and what may be. */
#include <stdlib.h>
#include <string.h>

#include <sluice/base.h>

#include "test/crash/disk_inside.h"

struct list {
    const struct op **items;
    size_t count, max;
};

struct track {
    struct bytes durable;
    bool is_linked; /* durably */
    struct list pending;
};

struct replay {
    const struct disk *disk;
    size_t done;
    struct track *tracks; /* one for each inode */
    struct list folder;   /* makes and deletes that are not durable */
};

static void push(struct list *list, const struct op *op)
{
    if (list->count == list->max) {
        list->max = list->max ? 2 * list->max : 16;
        list->items = reallocarray(list->items, list->max, sizeof(struct op *));
        sl_assert(list->items);
    }
    list->items[list->count++] = op;
}

struct replay *replay_new(const struct disk *disk)
{
    struct replay *replay = calloc(1, sizeof *replay);

    sl_assert(replay);
    replay->disk = disk;
    replay->tracks = calloc(disk->inode_count + 1, sizeof *replay->tracks);
    sl_assert(replay->tracks);
    for (size_t i = 0; i < disk->inode_count; i++) {
        bytes_copy(&replay->tracks[i].durable, &disk->inodes[i]->base);
        replay->tracks[i].is_linked = disk->inodes[i]->was_linked;
    }
    return replay;
}

void replay_free(struct replay *replay)
{
    for (size_t i = 0; i < replay->disk->inode_count; i++) {
        free(replay->tracks[i].durable.p);
        free(replay->tracks[i].pending.items);
    }
    free(replay->folder.items);
    free(replay->tracks);
    free(replay);
}

/* ---- damage ---- */

enum sector { SECTOR_KEPT, SECTOR_DROPPED, SECTOR_TORN, SECTOR_RUBBISH };

static void write_rubbish(struct bytes *to, size_t at, size_t n, struct rng *rng)
{
    for (size_t i = 0; i < n; i++) {
        char c = (char)rng_next(rng);

        bytes_write(to, at + i, &c, 1);
    }
}

static enum sector choose(enum damage damage, unsigned kept_of_10, struct rng *rng)
{
    if (damage == DAMAGE_TORN && rng_below(rng, 8) == 0)
        return rng_below(rng, 2) ? SECTOR_TORN : SECTOR_RUBBISH;
    return rng_below(rng, 10) < kept_of_10 ? SECTOR_KEPT : SECTOR_DROPPED;
}

/* What of a write to one sector is there. */
static void write_sector(struct bytes *to, size_t at, const char *p, size_t n, enum sector sector,
                         struct rng *rng)
{
    if (sector == SECTOR_KEPT)
        bytes_write(to, at, p, n);
    else if (sector == SECTOR_TORN)
        bytes_write(to, at, p, rng_below(rng, (unsigned)n + 1));
    else if (sector == SECTOR_RUBBISH)
        write_rubbish(to, at, n, rng);
}

static void write_sectors(struct bytes *to, const struct op *op, enum damage damage,
                          struct rng *rng)
{
    static const unsigned chances[] = {1, 5, 9};
    size_t sector = (size_t)512 << rng_below(rng, 4);
    unsigned kept_of_10 = chances[rng_below(rng, 3)];

    for (size_t done = 0; done < op->n;) {
        size_t at = op->at + done;
        size_t n = sector - at % sector;

        if (n > op->n - done)
            n = op->n - done;
        write_sector(to, at, op->data + done, n, choose(damage, kept_of_10, rng), rng);
        done += n;
    }
}

static void apply(struct bytes *to, const struct op *op)
{
    if (op->kind == OP_WRITE)
        bytes_write(to, op->at, op->data, op->n);
    else
        bytes_resize(to, op->at);
}

/* In order up to somewhere, and a part of the next. */
static void apply_cut(struct bytes *to, const struct list *pending, struct rng *rng)
{
    size_t count = rng_below(rng, (unsigned)pending->count + 1);

    for (size_t i = 0; i < count; i++)
        apply(to, pending->items[i]);
    if (count < pending->count && pending->items[count]->kind == OP_WRITE) {
        const struct op *op = pending->items[count];

        bytes_write(to, op->at, op->data, rng_below(rng, (unsigned)op->n + 1));
    }
}

static void apply_some(struct bytes *to, const struct list *pending, enum damage damage,
                       struct rng *rng)
{
    for (size_t i = 0; i < pending->count; i++) {
        const struct op *op = pending->items[i];

        if (op->kind == OP_WRITE)
            write_sectors(to, op, damage, rng);
        else if (rng_below(rng, 2))
            apply(to, op);
    }
}

static void apply_damaged(struct bytes *to, const struct list *pending, enum damage damage,
                          struct rng *rng)
{
    switch (damage) {
    case DAMAGE_DROPPED:
    case DAMAGES:
        break;
    case DAMAGE_KEPT:
        for (size_t i = 0; i < pending->count; i++)
            apply(to, pending->items[i]);
        break;
    case DAMAGE_CUT:
        apply_cut(to, pending, rng);
        break;
    case DAMAGE_MIXED:
    case DAMAGE_TORN:
        apply_some(to, pending, damage, rng);
        break;
    }
}

/* ---- going on ---- */

static void settle_folder(struct replay *replay)
{
    for (size_t i = 0; i < replay->folder.count; i++)
        replay->tracks[replay->folder.items[i]->inode].is_linked =
            replay->folder.items[i]->kind == OP_MAKE;
    replay->folder.count = 0;
}

static void go_on(struct replay *replay, const struct op *op, struct rng *rng)
{
    struct track *track = &replay->tracks[op->inode];

    switch (op->kind) {
    case OP_WRITE:
    case OP_TRUNCATE:
        push(&track->pending, op);
        break;
    case OP_SYNC:
        apply_damaged(&track->durable, &track->pending, DAMAGE_KEPT, rng);
        track->pending.count = 0;
        break;
    case OP_SYNC_FAILED: /* whatever got there got there; the system won't try again */
        apply_damaged(&track->durable, &track->pending, (enum damage)rng_below(rng, DAMAGES), rng);
        track->pending.count = 0;
        break;
    case OP_SYNC_FOLDER:
        break;
    case OP_MAKE:
    case OP_DELETE:
        push(&replay->folder, op);
        break;
    }
    if (op->syncs_folder && op->kind != OP_SYNC_FAILED)
        settle_folder(replay);
}

void replay_to(struct replay *replay, size_t count, struct rng *rng)
{
    sl_assert(count >= replay->done && count <= replay->disk->op_count);
    while (replay->done < count)
        go_on(replay, &replay->disk->ops[replay->done++], rng);
}

/* Whether the folder has the inode, with the first `kept` of its pending entries. */
static bool is_linked(const struct replay *replay, size_t inode, size_t kept)
{
    bool is_linked = replay->tracks[inode].is_linked;

    for (size_t i = 0; i < kept; i++)
        if (replay->folder.items[i]->inode == inode)
            is_linked = replay->folder.items[i]->kind == OP_MAKE;
    return is_linked;
}

struct disk *replay_crash(const struct replay *replay, enum damage damage, struct rng *rng)
{
    struct disk *disk = disk_new();
    size_t kept = rng_below(rng, (unsigned)replay->folder.count + 1);

    if (damage == DAMAGE_DROPPED)
        kept = 0;
    else if (damage == DAMAGE_KEPT)
        kept = replay->folder.count;
    for (size_t i = 0; i < replay->disk->inode_count; i++) {
        struct inode *inode;

        if (!is_linked(replay, i, kept))
            continue;
        inode = disk_add(disk, replay->disk->inodes[i]->name);
        inode->was_linked = true;
        bytes_copy(&inode->base, &replay->tracks[i].durable);
        apply_damaged(&inode->base, &replay->tracks[i].pending, damage, rng);
        bytes_copy(&inode->visible, &inode->base);
    }
    return disk;
}

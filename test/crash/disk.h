/*
 * disk -- a disk in memory under SQLite, that remembers every operation: so that it can be shown as it would be after a loss
 * of power at any of them, and that can fail.
 *
 * What is written and not yet synced may be there after a crash or not, sector by sector, whole or in part, in any order:
 * each sector has one of the contents that it had since the last sync, or what a torn write leaves. Bytes that were not
 * written to don't change (SQLite's "powersafe overwrite", as it assumes of Linux). The folder is a journal: entries made and
 * deleted reach the disk in order, at the latest with the first sync of a journal or a log, as SQLite's unix VFS does it.
 * A sync that fails leaves what it should have written visible, and never tries again, as Linux does.
 *
 * Life: disk_new → disk_mount … → disk_free, when no file is open. One is mounted at a time, under the VFS "crash".
 */
#ifndef TEST_CRASH_DISK_H
#define TEST_CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A generator that gives the same on every machine (splitmix64). */
struct rng {
    uint64_t state;
};

uint64_t rng_next(struct rng *rng);
/* 0 to n - 1. */
unsigned rng_below(struct rng *rng, unsigned n);

struct disk;

struct disk *disk_new(void);
void disk_free(struct disk *disk);

#define DISK_VFS "crash"
/* Makes it what the VFS works on. */
void disk_mount(struct disk *disk);

/* What store_db_connect does with a folder that the system knows, before it opens the file: its entries are durable. */
void disk_sync_folder(struct disk *disk);

/* Operations so far that change the disk: makes, writes, truncates, syncs (also of the folder), deletes. */
size_t disk_operations(const struct disk *disk);

/* ---- loss of power ---- */

enum damage {
    DAMAGE_DROPPED, /* of what was not synced, nothing is there */
    DAMAGE_KEPT,    /* all is */
    DAMAGE_CUT,     /* in order, up to somewhere; the last write is torn */
    DAMAGE_MIXED,   /* any of it, sector by sector */
    DAMAGE_TORN,    /* the same, torn within sectors, and rubbish where files grew */
    DAMAGES
};

/* Goes through what a disk did, once. */
struct replay;

struct replay *replay_new(const struct disk *disk);
/* Up to and with operation `count` (the first is 1); forward only. */
void replay_to(struct replay *replay, size_t count, struct rng *rng);
/* The disk as it is after a crash here. The caller's. */
struct disk *replay_crash(const struct replay *replay, enum damage damage, struct rng *rng);
void replay_free(struct replay *replay);

/* ---- faults ---- */

enum fault_kind { FAULT_NONE, FAULT_FULL, FAULT_WRITE, FAULT_READ, FAULT_SYNC };

struct fault {
    enum fault_kind kind;
    size_t at;  /* the how manieth operation of its kind fails; the first is 1 */
    bool stays; /* and all after it */
};

/* From now on; counts from 0. FAULT_NONE heals it. */
void disk_set_fault(struct disk *disk, struct fault fault);
/* Whether it has happened. */
bool disk_has_failed(const struct disk *disk);

#endif

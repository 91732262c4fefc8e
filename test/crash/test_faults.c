/*
 * A disk that is full, that fails to write, to read or to sync, at every operation of a workload, once or from then on: the
 * store ends, confirms nothing afterwards, and has everything that it had confirmed when the disk is well again. After a sync
 * that failed what it should have written is visible but not on the disk: it must not take later commits with it when the
 * power goes. SEED in the environment changes the workload.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sluice/base.h>

#include "test/crash/run.h"
#include "test/lib/store_help.h"

enum { GROUPS = 40, GROUPS_AFTER = 6, CRASHES_AFTER = 4 };

struct tally {
    size_t faults, harmless, at_opening, crashes;
};

static const char *const names[] = {
    [FAULT_FULL] = "full", [FAULT_WRITE] = "write", [FAULT_READ] = "read", [FAULT_SYNC] = "sync"};

/* The operations since the disk is well, and a loss of power at some of them. */
static void crash_later(const struct run *run, const struct disk *disk, size_t since,
                        struct rng *rng, struct tally *tally)
{
    size_t step = (disk_operations(disk) - since) / CRASHES_AFTER;
    struct replay *replay = replay_new(disk);

    for (size_t i = 0; i <= CRASHES_AFTER; i++) {
        size_t at = i < CRASHES_AFTER ? since + i * step : disk_operations(disk);

        replay_to(replay, at, rng);
        for (int damage = 0; damage < DAMAGES; damage++) {
            struct disk *crashed = replay_crash(replay, (enum damage)damage, rng);

            run_assert_kept(run, crashed, at);
            disk_free(crashed);
            tally->crashes++;
        }
    }
    replay_free(replay);
}

static bool is_error_of(int error, enum fault_kind kind)
{
    return error == PROBLEM || error == (kind == FAULT_FULL ? -ENOSPC : -EIO);
}

/* false: the workload has fewer operations of this kind. */
static bool run_fault(struct fault fault, uint64_t seed, struct tally *tally)
{
    static struct run run;
    struct rng rng = {seed ^ fault.at};
    struct disk *disk = disk_new();
    bool has_failed;
    size_t since, group;

    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, (int)(seed | 1) & 0x7fffffff, NULL);
    disk_set_fault(disk, fault);
    run_work(&run, disk, seed, GROUPS);
    has_failed = disk_has_failed(disk);
    sl_assert(run.error == 0 || (has_failed && is_error_of(run.error, fault.kind)));
    tally->faults += has_failed;
    tally->harmless += has_failed && run.error == 0;
    tally->at_opening += run.error == PROBLEM;

    disk_set_fault(disk, (struct fault){FAULT_NONE, 0, false});
    since = disk_operations(disk);
    group = run_assert_kept(&run, disk, since);
    run_on(&run, disk, group, GROUPS_AFTER);
    sl_assert(run.error == 0);
    if (has_failed && fault.kind == FAULT_SYNC)
        crash_later(&run, disk, since, &rng, tally);
    disk_free(disk);
    return has_failed;
}

static void run_kind(enum fault_kind kind, bool stays, uint64_t seed)
{
    struct tally tally = {.faults = 0};
    struct fault fault = {.kind = kind, .at = 1, .stays = stays};

    while (run_fault(fault, seed, &tally))
        fault.at++;
    printf("%-5s %s: %zu faults, %zu of them at an opening, %zu harmless; %zu crashes later\n",
           names[kind], stays ? "from then on" : "once", tally.faults, tally.at_opening,
           tally.harmless, tally.crashes);
    fflush(stdout);
    sl_assert(tally.faults > 10 && tally.faults > tally.harmless + tally.at_opening);
}

/* ---- through the thread ---- */

static struct store *open_store(void)
{
    const struct store_sqlite_options options = {.path = "queue.db", .vfs = DISK_VFS};
    struct strbuf told = {.n = 0};
    struct store_reader reader = help_reader(&told);
    struct problem problem;
    struct store *store = NULL;

    problem_init(&problem);
    sl_assert(store_sqlite_open(&store, &options, &problem) == 0);
    sl_assert(store_restore(store, &reader, &problem) == 0);
    problem_deinit(&problem);
    strbuf_deinit(&told);
    return store;
}

/* Submits without waiting, so that some are in the group that fails and some behind it. */
static int fail_store(struct sl_ctx *ctx, void *arg)
{
    enum fault_kind kind = *(enum fault_kind *)arg;
    int expected = kind == FAULT_FULL ? -ENOSPC : -EIO;
    struct disk *disk = disk_new();
    struct changes changes = {.count = 0};
    struct help_wait waits[20], late;
    struct store *store;

    disk_mount(disk);
    store = open_store();
    help_message(&changes, 1, 1, "first");
    sl_assert(help_write(store, &changes) == 0);
    disk_set_fault(disk, (struct fault){kind, 1, true});
    for (uint64_t i = 0; i < 20; i++) {
        help_message(&changes, i + 2, 1, "lost");
        help_submit(store, &changes, &waits[i]);
    }
    for (unsigned i = 0; i < 20; i++)
        sl_assert(help_await(&waits[i]) == expected);
    sl_assert(store->error == expected);
    disk_set_fault(disk, (struct fault){FAULT_NONE, 0, false});
    help_message(&changes, 30, 1, "late");
    sl_assert(help_write(store, &changes) == expected);
    help_message(&changes, 31, 1, "later"); /* nobody waits */
    store_submit(store, &changes, NULL);
    sl_assert(changes.count == 0);
    help_submit(store, &changes, &late); /* a barrier is no better */
    sl_assert(help_await(&late) == expected);
    sl_assert((strcmp(help_body(store, 1), "first") == 0) == (kind == FAULT_FULL));
    sl_assert(store_close(store, ctx) == expected);
    store = open_store();
    sl_assert(store->facts.seq_max >= 1 && store->facts.seq_max <= 21);
    sl_assert(strcmp(help_body(store, 1), "first") == 0);
    sl_assert(strcmp(help_body(store, 30), "-") == 0);
    sl_assert(store_close(store, ctx) == 0);
    disk_free(disk);
    changes_deinit(&changes);
    return 0;
}

/* The end of a store shows though nobody waits for anything. */
static int fail_unawaited(struct sl_ctx *ctx, void *arg)
{
    struct disk *disk = disk_new();
    struct changes changes = {.count = 0};
    struct store *store;

    (void)arg;
    disk_mount(disk);
    store = open_store();
    disk_set_fault(disk, (struct fault){FAULT_SYNC, 1, true});
    help_message(&changes, 1, 1, "lost");
    store_submit(store, &changes, NULL);
    while (store->error == 0)
        sl_assert(sl_sleep(ctx, sl_ms(1)) == SL_OK);
    sl_assert(store->error == -EIO && store_close(store, ctx) == -EIO);
    disk_free(disk);
    changes_deinit(&changes);
    return 0;
}

/* Payloads that are more than the cache has are read again: when one can't be, the load has none, and the store ends. */
static int fail_load(struct sl_ctx *ctx, void *arg)
{
    enum { COUNT = 4, BYTES = 4 << 20 };
    struct disk *disk = disk_new();
    struct changes changes = {.count = 0};
    struct help_load loads = {.load.count = COUNT};
    char *body = malloc(BYTES);
    struct store *store;

    (void)arg;
    sl_assert(body);
    memset(body, 'x', BYTES);
    body[BYTES - 1] = '\0';
    disk_mount(disk);
    store = open_store();
    for (uint64_t i = 0; i < COUNT; i++) {
        help_message(&changes, i + 1, 1, body);
        loads.seqs[i] = COUNT - i; /* the last is in the cache yet */
        sl_assert(help_write(store, &changes) == 0);
    }
    disk_set_fault(disk, (struct fault){FAULT_READ, 1, true});
    help_load(store, &loads);
    sl_assert(help_await_load(&loads) == -EIO);
    sl_assert(disk_has_failed(disk));
    for (unsigned i = 0; i < COUNT; i++)
        sl_assert(!loads.out[i]);
    while (store->error == 0)
        sl_assert(sl_sleep(ctx, sl_ms(1)) == SL_OK);
    sl_assert(strcmp(help_body(store, 4), "error -5") == 0);
    sl_assert(store_close(store, ctx) == -EIO);
    free(body);
    disk_free(disk);
    changes_deinit(&changes);
    return 0;
}

int main(void)
{
    const char *text = getenv("SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout); /* also if an assertion ends it */
    for (int kind = FAULT_FULL; kind <= FAULT_SYNC; kind++) {
        run_kind((enum fault_kind)kind, false, seed);
        run_kind((enum fault_kind)kind, true, seed);
        if (kind != FAULT_READ) /* nothing is read: it is in the cache */
            sl_assert(sl_run(fail_store, &kind) == 0);
    }
    sl_assert(sl_run(fail_unawaited, NULL) == 0);
    sl_assert(sl_run(fail_load, NULL) == 0);
    return 0;
}

/* run -- see run.h. */
#include "test/crash/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/base.h>

static const struct store_sqlite_options options = {.path = "queue.db", .vfs = DISK_VFS};

static void say(const char *what, int result, const struct problem *problem)
{
    fprintf(stderr, "%s: %d\n%s\n", what, result, result == PROBLEM ? problem->text.p : "");
}

/* Opens and notes the epoch. 0, or the result. */
static int open_db(struct run *run, struct disk *disk, struct store_db **db)
{
    struct store_facts facts;
    struct problem problem;
    int result;

    problem_init(&problem);
    disk_sync_folder(disk);
    result = store_db_open(db, &options, &facts, &problem);
    problem_deinit(&problem);
    if (result != 0)
        return result;
    sl_assert(run->opening_count == 0 || facts.epoch > run->openings[run->opening_count - 1].epoch);
    sl_assert(run->opening_count < RUN_GROUPS);
    run->openings[run->opening_count++] = (struct run_opening){facts.epoch, disk_operations(disk)};
    memcpy(run->secret, facts.secret, sizeof run->secret);
    return 0;
}

/* Nothing is confirmed any more; and only a full disk lets payloads be read. */
static void assert_ended(struct run *run, struct store_db *db, int error)
{
    struct changes changes = {.count = 0};
    struct work work = run->work;
    struct payload *payload = NULL;

    for (unsigned i = 0; i < 3; i++) {
        work_group(&work, &changes);
        sl_assert(store_db_apply(db, &changes) == error);
        sl_assert(store_db_checkpoint(db, i == 1) == error);
        sl_assert(store_db_sweep(db, 1) == error);
        changes_reset(&changes);
    }
    sl_assert(store_db_load(db, 1, &payload) == (error == -ENOSPC ? 0 : error));
    payload_unref(payload);
    changes_deinit(&changes);
}

static int submit(struct run *run, struct disk *disk, struct store_db *db)
{
    struct changes changes = {.count = 0};
    struct run_group *group = &run->groups[run->group_count++];
    int error;

    run->before = run->work;
    work_group(&run->work, &changes);
    *group = (struct run_group){work_sum(&run->work), run->work.seq_max, SIZE_MAX};
    error = store_db_apply(db, &changes);
    if (!error)
        group->confirmed_at = disk_operations(disk);
    changes_deinit(&changes);
    return error;
}

/* One step: a group, mostly; else some sweeping, a checkpoint or a new opening. An error leaves *db open. */
static int step(struct run *run, struct disk *disk, struct store_db **db, struct rng *rng)
{
    unsigned dice = rng_below(rng, 27);
    struct store_db *old = *db;
    int error;

    if (dice >= 9)
        return submit(run, disk, *db);
    if (dice >= 6)
        return store_db_sweep(*db, 1 + rng_below(rng, 24));
    if (dice >= 1)
        return store_db_checkpoint(*db, dice == 1);
    *db = NULL;
    error = store_db_close(old);
    return error ? error : open_db(run, disk, db);
}

static void go_on(struct run *run, struct disk *disk, struct store_db *db, size_t groups)
{
    struct rng rng = {run->work.rng.state ^ 0x5555};
    int error = 0;

    while (!error && groups > 0 && run->group_count <= RUN_GROUPS && !work_is_full(&run->work)) {
        size_t before = run->group_count;

        error = step(run, disk, &db, &rng);
        groups -= run->group_count - before;
    }
    if (error && db)
        assert_ended(run, db, error);
    if (db) {
        int closing = store_db_close(db);

        sl_assert(!error || closing == error);
        error = closing;
    }
    run->error = error;
}

static void begin(struct run *run, struct disk *disk, size_t groups)
{
    struct store_db *db = NULL;

    disk_mount(disk);
    run->error = open_db(run, disk, &db);
    if (run->error == 0)
        go_on(run, disk, db, groups);
}

void run_work(struct run *run, struct disk *disk, uint64_t seed, size_t groups)
{
    *run = (struct run){.group_count = 1};
    work_init(&run->work, seed);
    begin(run, disk, groups);
}

void run_on(struct run *run, struct disk *disk, size_t group, size_t groups)
{
    sl_assert(group + 2 >= run->group_count && group < run->group_count);
    if (group + 1 < run->group_count)
        run->work = run->before;
    run->group_count = group + 1;
    begin(run, disk, groups);
}

/* ---- afterwards ---- */

static void assert_integrity(struct store_db *db)
{
    sqlite3_stmt *statement;

    sl_assert(sqlite3_prepare_v2(db->sqlite, "PRAGMA integrity_check", -1, &statement, NULL) ==
              SQLITE_OK);
    sl_assert(sqlite3_step(statement) == SQLITE_ROW);
    if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0) {
        fprintf(stderr, "%s\n", (const char *)sqlite3_column_text(statement, 0));
        sl_assert(!"integrity_check is ok");
    }
    sqlite3_finalize(statement);
}

static uint64_t sum_rows(struct store_db *db)
{
    struct changes changes = {.count = 0};
    struct work_rows rows = {.count = 0};
    struct problem problem;
    size_t count;

    problem_init(&problem);
    do {
        int result = store_db_read(db, &changes, &problem);

        if (result != 0)
            say("reading", result, &problem);
        sl_assert(result == 0);
        count = changes.count;
        for (size_t i = 0; i < count; i++)
            work_add_row(&rows, &changes.items[i]);
        changes_reset(&changes);
    } while (count > 0);
    changes_deinit(&changes);
    problem_deinit(&problem);
    return rows.sum;
}

static bool is_confirmed(const struct run *run, size_t group, size_t at)
{
    return run->groups[group].confirmed_at <= at;
}

/* The group whose state the store has. */
static size_t find_group(const struct run *run, uint64_t sum, uint64_t seq_max, size_t at)
{
    for (size_t i = run->group_count; i-- > 0;) {
        if (run->groups[i].sum == sum && run->groups[i].seq_max == seq_max)
            return i;
        if (is_confirmed(run, i, at)) { /* an older state would lack this one */
            fprintf(stderr, "group %zu of %zu was confirmed and is not there (seq_max %llu/%llu)\n",
                    i, run->group_count, (unsigned long long)seq_max,
                    (unsigned long long)run->groups[i].seq_max);
            break;
        }
    }
    sl_assert(!"what was confirmed is there");
}

size_t run_assert_kept(const struct run *run, struct disk *disk, size_t at)
{
    struct store_facts facts;
    struct problem problem;
    struct store_db *db = NULL;
    size_t group;
    int result;

    disk_mount(disk);
    problem_init(&problem);
    disk_sync_folder(disk);
    result = store_db_open(&db, &options, &facts, &problem);
    if (result != 0)
        say("opening", result, &problem);
    sl_assert(result == 0);
    problem_deinit(&problem);
    for (size_t i = 0; i < run->opening_count && run->openings[i].opened_at <= at; i++) {
        sl_assert(facts.epoch > run->openings[i].epoch);
        sl_assert(memcmp(facts.secret, run->secret, sizeof facts.secret) == 0);
    }
    assert_integrity(db);
    group = find_group(run, sum_rows(db), facts.seq_max, at);
    db->error =
        -ECANCELED; /* a close that writes nothing: what comes next finds it as it is here */
    sl_assert(store_db_close(db) == -ECANCELED);
    return group;
}

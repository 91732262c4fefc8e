/*
 * Loss of power at every operation of many workloads, with five kinds of damage to what was not synced; and for a sample once
 * more while the store recovers from the first. POINTS and SEED in the environment change how many and which.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <sluice/base.h>

#include "test/crash/run.h"

enum {
    POINTS = 2000,
    GROUPS = 60,      /* of a workload */
    AGAIN_EVERY = 16, /* of the damages, one is followed by a second crash */
};

struct tally {
    size_t workloads, groups, points, damages, again;
    size_t behind; /* recovered to a group that nobody had been told of */
};

/* Cuts the power while the store opens what the first crash left. */
static void crash_again(const struct run *run, const struct disk *first, size_t at, struct rng *rng,
                        struct tally *tally)
{
    struct replay *replay = replay_new(first);

    replay_to(replay, rng_below(rng, (unsigned)disk_operations(first) + 1), rng);
    for (int damage = 0; damage < DAMAGES; damage++) {
        struct disk *disk = replay_crash(replay, (enum damage)damage, rng);

        run_assert_kept(run, disk, at);
        disk_free(disk);
        tally->again++;
    }
    replay_free(replay);
}

static size_t last_confirmed(const struct run *run, size_t at)
{
    size_t last = 0;

    for (size_t i = 1; i < run->group_count; i++)
        if (run->groups[i].confirmed_at <= at)
            last = i;
    return last;
}

static void crash_at(const struct run *run, struct replay *replay, size_t at, struct rng *rng,
                     struct tally *tally)
{
    replay_to(replay, at, rng);
    tally->points++;
    for (int damage = 0; damage < DAMAGES; damage++) {
        struct disk *disk = replay_crash(replay, (enum damage)damage, rng);
        size_t group = run_assert_kept(run, disk, at);

        tally->behind += group > last_confirmed(run, at);
        if (++tally->damages % AGAIN_EVERY == 0)
            crash_again(run, disk, at, rng, tally);
        disk_free(disk);
    }
}

static void crash_workload(uint64_t seed, size_t points, struct tally *tally)
{
    struct rng rng = {seed ^ 0xc4a5};
    struct disk *disk = disk_new();
    struct replay *replay;
    static struct run run;

    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, (int)(seed | 1) & 0x7fffffff, NULL);
    run_work(&run, disk, seed, GROUPS);
    sl_assert(run.error == 0);
    replay = replay_new(disk);
    for (size_t at = 0; at <= disk_operations(disk) && tally->points < points; at++)
        crash_at(&run, replay, at, &rng, tally);
    tally->workloads++;
    tally->groups += run.group_count - 1;
    replay_free(replay);
    disk_free(disk);
}

static uint64_t number(const char *name, uint64_t other)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 0) : other;
}

int main(void)
{
    uint64_t seed = number("SEED", (uint64_t)time(NULL));
    size_t points = (size_t)number("POINTS", POINTS);
    struct tally tally = {.points = 0};

    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout); /* also if an assertion ends it */
    while (tally.points < points)
        crash_workload(seed++, points, &tally);
    printf("%zu workloads of %zu groups: %zu crash points, %zu damages, %zu second crashes; "
           "%zu found a group that nobody had been told of\n",
           tally.workloads, tally.groups, tally.points, tally.damages, tally.again, tally.behind);
    sl_assert(tally.behind > 0);
    return 0;
}

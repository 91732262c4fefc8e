/*
 * sim -- runs worlds, seed after seed, and says what it found: docs/reliability.md.
 *
 *     sluice_sim --seeds 1000 [--first 1] [--minutes 10] [--jobs 2]   many seeds; those that fail are shrunk
 *     sluice_sim --seed 7 [--minutes 10] [--trace FILE] …             one, as it is, with the flags that a shrunk one has
 *     sluice_sim --twice 100                                          each seed twice: the same trace?
 *     sluice_sim --hashes 100                                         their traces' hashes, to compare builds
 *     sluice_sim --replay FILE                                        the cases in a file, a line each
 *     sluice_sim --planted 0                                          until each planted bug is found: test/sim/planted
 *     sluice_sim --speed 20                                           no faults, 100 events/s of 200 B, so many minutes
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/problem.h"
#include "ops/log.h"
#include "test/sim/apart.h"
#include "test/sim/plant.h"
#include "test/sim/shrink.h"

enum { SHRINK_RUNS = 100, SHRUNK_MAX = 3 };

struct options {
    struct sim_case base;
    uint64_t first, seeds, twice, hashes;
    int64_t speed;
    unsigned jobs, planted;
    const char *trace, *replay;
    bool is_one, is_planted;
};

/* What many seeds did together. */
struct tally {
    const struct sim_case *cases;
    struct sim_result sum;
    double hours;
    uint64_t failed, done;
    size_t failures[SHRUNK_MAX];
    struct sim_result results[SHRUNK_MAX]; /* of the failures */
    uint64_t *hashes;                      /* NULL: not wanted */
};

static double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- printing ---- */

static void print_case(const struct sim_case *one)
{
    struct strbuf text = {0};
    struct sim_config config;

    sim_case_config(one, &config);
    strbuf_addf(&text, "seed %" PRIu64 ": ", one->seed);
    sim_config_print(&config, &text);
    strbuf_adds(&text, "\n  faults: ");
    sim_fault_plan_print(&config.faults, &text);
    printf("%s\n", strbuf_failed(&text) ? "?" : text.p);
    strbuf_deinit(&text);
}

static void print_counts(const struct sim_result *r)
{
    printf("  sent %" PRIu64 ", committed %" PRIu64 ", duplicates %" PRIu64 " (explained %" PRIu64
           ", unexplained %" PRIu64 "), lost %" PRIu64 ", unexpected %" PRIu64
           ", early deletes %" PRIu64 ", disorders %" PRIu64 ", left %" PRIu64 "\n",
           r->sent, r->committed, r->duplicates, r->explained, r->unexplained, r->lost,
           r->unexpected, r->early_deletes, r->disorders, r->left);
    printf("  receipts without a cause %" PRIu64 ", given back though confirmed %" PRIu64
           ", receives after a signal %" PRIu64 "\n",
           r->strange_receipts, r->wrong_requests, r->receives_after_signal);
}

static void print_causes(const struct sim_result *r)
{
    printf("  duplicates by cause:");
    for (size_t i = 0; i < CAUSES; i++)
        printf("%s %s %" PRIu64, i > 0 ? "," : "", sim_cause_names[i], r->causes[i]);
    printf("\n");
}

static unsigned print_tally(const uint64_t tally[FAULTS], uint64_t least)
{
    unsigned kinds = 0;

    for (enum sim_fault kind = 0; kind < FAULTS; kind++) {
        printf("  %-16s %10" PRIu64 "%s", sim_fault_rows[kind].name, tally[kind],
               kind % 3 == 2 ? "\n" : "");
        kinds += tally[kind] >= least;
    }
    printf("%s", FAULTS % 3 ? "\n" : "");
    return kinds;
}

static void print_shrunk(const struct sim_case *one, const struct sim_result *result)
{
    struct strbuf text = {0};

    sim_case_print(one, &text);
    print_case(one);
    printf("  %s\n  sluice_sim%s\n", result->finding, strbuf_failed(&text) ? "" : text.p);
    strbuf_deinit(&text);
}

/* ---- many seeds ---- */

static void add_result(struct sim_result *sum, const struct sim_result *r)
{
    sum->sent += r->sent;
    sum->committed += r->committed;
    sum->duplicates += r->duplicates;
    sum->explained += r->explained;
    sum->unexplained += r->unexplained;
    sum->lost += r->lost;
    sum->unexpected += r->unexpected;
    sum->early_deletes += r->early_deletes;
    sum->disorders += r->disorders;
    sum->dead += r->dead;
    sum->left += r->left;
    sum->strange_receipts += r->strange_receipts;
    sum->wrong_requests += r->wrong_requests;
    sum->receives_after_signal += r->receives_after_signal;
    sum->emptied_after = sl_dur_max(sum->emptied_after, r->emptied_after);
    sum->totals.starts += r->totals.starts;
    sum->totals.kills += r->totals.kills;
    sum->totals.drains += r->totals.drains;
    for (size_t i = 0; i < CAUSES; i++)
        sum->causes[i] += r->causes[i];
    for (size_t i = 0; i < FAULTS; i++)
        sum->tally[i] += r->tally[i];
    for (size_t i = 0; i < LEGS; i++)
        sum->requests[i] += r->requests[i];
}

static bool count(void *arg, size_t index, const struct sim_result *result)
{
    struct tally *tally = arg;

    tally->done++;
    tally->hours += sl_dur_seconds(result->simulated) / 3600;
    add_result(&tally->sum, result);
    if (tally->hashes)
        tally->hashes[index] = result->trace_hash;
    if (!result->finding[0])
        return true;
    printf("seed %" PRIu64 ": %s\n", tally->cases[index].seed, result->finding);
    fflush(stdout);
    if (tally->failed < SHRUNK_MAX) {
        tally->failures[tally->failed] = index;
        tally->results[tally->failed] = *result;
    }
    tally->failed++;
    return true;
}

static struct sim_case *cases_of(const struct options *o, uint64_t n)
{
    struct sim_case *cases = calloc(n ? n : 1, sizeof *cases);

    sl_assert(cases);
    for (uint64_t i = 0; i < n; i++) {
        cases[i] = o->base;
        cases[i].seed = o->first + i;
    }
    return cases;
}

static void shrink_failures(const struct tally *tally)
{
    for (size_t i = 0; i < tally->failed && i < SHRUNK_MAX; i++) {
        struct sim_case one = tally->cases[tally->failures[i]];
        struct sim_result result = tally->results[i];

        print_case(&one);
        printf("  %s\nmade smaller:\n", result.finding);
        fflush(stdout);
        sim_shrink(&one, &result, SHRINK_RUNS);
        print_shrunk(&one, &result);
    }
}

static int run_many(const struct options *o)
{
    struct sim_case *cases = cases_of(o, o->seeds);
    struct tally tally = {.cases = cases};
    double began = seconds(CLOCK_MONOTONIC), took;
    unsigned kinds;

    sim_run_apart(cases, o->seeds, o->jobs, count, &tally);
    took = seconds(CLOCK_MONOTONIC) - began;
    shrink_failures(&tally);
    printf("faults, and how often each came:\n");
    kinds = print_tally(tally.sum.tally, 1000);
    printf("%" PRIu64 " seeds from %" PRIu64 ", %.1f simulated hours in %.1f s: %.0f x real time "
           "with %u at once\n",
           tally.done, o->first, tally.hours, took, tally.hours * 3600 / took, o->jobs);
    printf("  %u of %d kinds of fault came 1,000 times or more; %" PRIu64 " starts, %" PRIu64
           " kills, %" PRIu64 " drains; %" PRIu64 " requests to SQS, %" PRIu64 " to the service\n",
           kinds, FAULTS, tally.sum.totals.starts, tally.sum.totals.kills, tally.sum.totals.drains,
           tally.sum.requests[LEG_SQS], tally.sum.requests[LEG_SERVICE]);
    print_counts(&tally.sum);
    print_causes(&tally.sum);
    printf("  liveness: %.2f %%, the queue was empty %.1f s after the faults at the latest\n",
           100 - 100 * (double)tally.failed / (double)(tally.done ? tally.done : 1),
           sl_dur_seconds(tally.sum.emptied_after));
    printf("%s: %" PRIu64 " of %" PRIu64 " seeds have a finding\n", tally.failed ? "FAILED" : "ok",
           tally.failed, tally.done);
    free(cases);
    return tally.failed ? 1 : 0;
}

/* ---- the same again ---- */

static uint64_t *hashes_of(const struct options *o, uint64_t n)
{
    struct sim_case *cases = cases_of(o, n);
    struct tally tally = {.cases = cases, .hashes = calloc(n, sizeof *tally.hashes)};

    sl_assert(tally.hashes);
    sim_run_apart(cases, n, o->jobs, count, &tally);
    free(cases);
    return tally.hashes;
}

static int run_twice(const struct options *o)
{
    uint64_t *once = hashes_of(o, o->twice), *again = hashes_of(o, o->twice), differ = 0;

    for (uint64_t i = 0; i < o->twice; i++) {
        if (once[i] == again[i])
            continue;
        differ++;
        printf("seed %" PRIu64 ": %016" PRIx64 " and %016" PRIx64 "\n", o->first + i, once[i],
               again[i]);
    }
    printf("%s: %" PRIu64 " of %" PRIu64 " seeds run twice left another trace\n",
           differ ? "FAILED" : "ok", differ, o->twice);
    free(once);
    free(again);
    return differ ? 1 : 0;
}

static int print_hashes(const struct options *o)
{
    uint64_t *hashes = hashes_of(o, o->hashes);

    for (uint64_t i = 0; i < o->hashes; i++)
        printf("%" PRIu64 " %016" PRIx64 "\n", o->first + i, hashes[i]);
    free(hashes);
    return 0;
}

/* ---- one ---- */

static int run_one(const struct options *o)
{
    struct sim_config config;
    struct sim_result r;
    double began = seconds(CLOCK_MONOTONIC), took;

    print_case(&o->base);
    fflush(stdout);
    sim_case_config(&o->base, &config);
    config.trace = o->trace ? fopen(o->trace, "w") : NULL;
    if (sim_run(&config, &r) != 0)
        return 1;
    took = seconds(CLOCK_MONOTONIC) - began;
    if (config.trace)
        fclose(config.trace);
    print_counts(&r);
    print_causes(&r);
    printf("  empty %.1f s after the faults; %.0f x real time; %" PRIu64 " steps, hash %016" PRIx64
           "\n%s\n",
           sl_dur_seconds(r.emptied_after), sl_dur_seconds(r.simulated) / took, r.trace_count,
           r.trace_hash, r.finding[0] ? r.finding : "ok");
    return r.finding[0] ? 1 : 0;
}

static int replay(const char *path)
{
    FILE *file = fopen(path, "r");
    struct sim_case one;
    char line[512];
    int status = 0;

    if (!file) {
        perror(path);
        return 1;
    }
    while (fgets(line, sizeof line, file)) {
        struct sim_result result;

        if (!sim_case_read(&one, line))
            continue;
        result = sim_run_one_apart(&one);
        printf("seed %" PRIu64 ": %s\n", one.seed, result.finding[0] ? result.finding : "ok");
        status |= result.finding[0] != '\0';
    }
    fclose(file);
    return status;
}

/* ---- speed ---- */

static int run_speed(int64_t minutes)
{
    struct sim_config config;
    struct sim_result r;
    double began, took;

    sim_config_plain(&config, 1, sl_minutes(minutes));
    began = seconds(CLOCK_PROCESS_CPUTIME_ID); /* others may be at work on this core */
    if (sim_run(&config, &r) != 0 || r.finding[0])
        return 1;
    took = seconds(CLOCK_PROCESS_CPUTIME_ID) - began;
    printf("speed: %.0f x real time on one core, at 100 events/s of 200 B without faults: %" PRIu64
           " events, %.1f us each, %" PRId64 " simulated minutes in %.2f s of CPU time\n",
           sl_dur_seconds(r.simulated) / took, r.sent, took * 1e6 / (double)r.sent, minutes, took);
    return 0;
}

/* ---- the command line ---- */

static bool take_flag(struct options *o, const char *flag, const char *value)
{
    uint64_t n = strtoull(value, NULL, 10);

    if (sim_case_flag(&o->base, flag, value))
        o->is_one = o->is_one || strcmp(flag, "--seed") == 0;
    else if (strcmp(flag, "--first") == 0)
        o->first = n;
    else if (strcmp(flag, "--seeds") == 0)
        o->seeds = n;
    else if (strcmp(flag, "--jobs") == 0)
        o->jobs = (unsigned)n;
    else if (strcmp(flag, "--twice") == 0)
        o->twice = n;
    else if (strcmp(flag, "--hashes") == 0)
        o->hashes = n;
    else if (strcmp(flag, "--planted") == 0)
        o->planted = (unsigned)n, o->is_planted = true;
    else if (strcmp(flag, "--speed") == 0)
        o->speed = (int64_t)n;
    else if (strcmp(flag, "--trace") == 0)
        o->trace = value;
    else if (strcmp(flag, "--replay") == 0)
        o->replay = value;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.base = {.minutes = 10},
                        .first = 1,
                        .seeds = 1000,
                        .jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
    const char *log = getenv("SIM_LOG");

    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !take_flag(&o, argv[i], argv[i + 1])) {
            fprintf(stderr, "sluice_sim: no flag %s, or no value for it\n", argv[i]);
            return EXIT_BAD_USAGE;
        }
    log_open(log ? STDERR_FILENO : open("/dev/null", O_WRONLY), LOG_TEXT,
             log ? LOG_INFO : LOG_ERROR);
    if (o.replay)
        return replay(o.replay);
    if (o.is_planted && !o.is_one)
        return sim_find_planted(o.planted, &o.base, o.seeds, o.jobs);
    if (o.speed > 0)
        return run_speed(o.speed);
    if (o.is_one)
        return run_one(&o);
    if (o.twice > 0)
        return run_twice(&o);
    return o.hashes > 0 ? print_hashes(&o) : run_many(&o);
}

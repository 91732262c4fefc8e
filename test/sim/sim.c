/*
 * sim -- runs worlds, seed after seed, and says what it found.
 *
 *     sluice_sim [--seeds N] [--first SEED] [--minutes M] [--processes-of-this-machine J] [--twice N]
 *     sluice_sim --seed SEED [--only KINDS] [--trace FILE]
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ops/log.h"
#include "sim/world/world.h"

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, seeds = 1;
    int64_t minutes = 10;
    const char *trace = NULL;
    struct strbuf text = {0};

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--first") == 0 || strcmp(argv[i], "--seed") == 0)
            first = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seeds") == 0)
            seeds = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--minutes") == 0)
            minutes = strtoll(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--trace") == 0)
            trace = argv[i + 1];
    }
    log_open(getenv("SIM_LOG") ? 2 : open("/dev/null", 1), LOG_TEXT,
             getenv("SIM_LOG") ? LOG_INFO : LOG_ERROR);
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        struct sim_config config;
        struct sim_result r;
        double began = seconds();

        sim_config_draw(&config, seed, sl_minutes(minutes));
        if (getenv("SIM_NOFAULTS"))
            sim_fault_plan_keep(&config.faults, strtoull(getenv("SIM_NOFAULTS"), NULL, 0));
        config.trace = trace ? fopen(trace, "w") : NULL;
        strbuf_reset(&text);
        sim_config_print(&config, &text);
        strbuf_adds(&text, "\n    faults: ");
        sim_fault_plan_print(&config.faults, &text);
        printf("seed %" PRIu64 ": %s\n", seed, text.p);
        fflush(stdout);
        if (sim_run(&config, &r) != 0)
            printf("  could not be run\n");
        double took = seconds() - began;
        printf("  sent %" PRIu64 " committed %" PRIu64 " dup %" PRIu64 " (explained %" PRIu64
               ") lost %" PRIu64 " unexpected %" PRIu64 " early %" PRIu64 " disorder %" PRIu64
               " dead %" PRIu64 " left %" PRIu64
               " emptied after %.1f s; %.0f x real time, %.1f us an event, hash "
               "%016" PRIx64 " %s\n",
               r.sent, r.committed, r.duplicates, r.explained, r.lost, r.unexpected,
               r.early_deletes, r.disorders, r.dead, r.left, sl_dur_seconds(r.emptied_after),
               sl_dur_seconds(r.simulated) / took, took * 1e6 / (double)r.sent, r.trace_hash,
               r.finding[0] ? r.finding : "ok");
        if (config.trace)
            fclose(config.trace);
    }
    return 0;
}

/*
 * sluice simulate: the real program in simulated time. One seed runs in this process; several run in processes of their own,
 * as many at once as there are processors, each of which writes what it found into memory that is shared.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/account.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/progress.h"
#include "cli/simulate_report.h"
#include "core/units.h"
#include "ops/log.h"

static double real_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- progress ---- */

/* What the sampler of a run needs. */
struct watch {
    struct simulation *simulation;
    const struct scenario *scenario;
    double began, shown; /* real seconds */
    bool shows;
};

static void show_line(const char *line)
{
    struct strbuf out = {0};

    strbuf_addf(&out, "\r%.*s\033[K", (int)terminal_width(STDERR_FILENO) - 1, line);
    print_err(&out);
    strbuf_deinit(&out);
}

static void show_progress(struct watch *watch, const struct sim_sample *sample)
{
    char at[UNITS_TEXT_SIZE], of[UNITS_TEXT_SIZE], backlog[UNITS_TEXT_SIZE], taken[UNITS_TEXT_SIZE],
        line[200];
    double now = real_seconds();

    if (!watch->shows || now - watch->shown < 0.2)
        return;
    watch->shown = now;
    snprintf(line, sizeof line, " %s of %s   %.0f x life   backlog %s   delivered %s",
             units_print_duration(at, sl_time_sub(sample->at, (sl_time){0})),
             units_print_duration(of, watch->scenario->config.duration),
             (double)sample->at.ns / 1e9 / (now - watch->began),
             units_print_count(backlog, sample->visible + sample->in_flight),
             units_print_count(taken, sample->committed));
    show_line(line);
}

static void take_sample(void *arg, const struct sim_sample *sample)
{
    struct watch *watch = arg;

    series_add(&watch->simulation->series, sample);
    show_progress(watch, sample);
}

/* ---- one run ---- */

/* A second, and for what is short so often that each point of the chart has one. */
static sl_dur sample_period(sl_dur duration)
{
    sl_dur fine = sl_dur_div(duration, 2 * SERIES_POINTS);

    return sl_dur_min(sl_sec(1), sl_dur_max(fine, sl_ms(10)));
}

static void simulate(struct simulation *simulation, const struct scenario *scenario, FILE *trace,
                     bool shows)
{
    struct sim_config config = scenario->config;
    struct watch watch = {simulation, scenario, real_seconds(), 0, shows};
    struct account_report usage = {.cpu_seconds = 0};

    series_init(&simulation->series, config.duration);
    config.seed = simulation->seed;
    config.trace = trace;
    config.sample = take_sample;
    config.sample_arg = &watch;
    config.sample_every = sample_period(config.duration);
    log_clock(sl_wall_ms); /* the replicas' */
    simulation->error = sim_run(&config, &simulation->result);
    log_clock(NULL);
    account_measure(&usage);
    simulation->cpu_seconds = usage.cpu_seconds;
    simulation->memory_bytes = usage.memory_bytes;
    simulation->seconds = real_seconds() - watch.began;
    simulation->is_done = true;
    if (shows)
        show_line("");
}

static int cannot_trace(const char *path, int error, struct problem *problem)
{
    return problem_set(problem, EXIT_NOT_AVAILABLE, "--trace %.200s can't be written: %s", path,
                       strerror(error));
}

static int simulate_traced(struct simulation *simulation, const struct scenario *scenario,
                           bool shows, struct problem *problem)
{
    const char *path = scenario->options->trace;
    FILE *trace = path ? fopen(path, "we") : NULL;
    bool has_failed;

    if (path && !trace)
        return cannot_trace(path, errno, problem);
    simulate(simulation, scenario, trace, shows);
    if (!trace)
        return 0;
    has_failed = ferror(trace);
    errno = EIO; /* of what failed before, nobody knows why */
    return fclose(trace) != 0 || has_failed ? cannot_trace(path, errno, problem) : 0;
}

/* ---- several ---- */

static int start_one(struct simulation *simulation, const struct scenario *scenario)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid < 0 ? -errno : 0;
    simulate(simulation, scenario, NULL, false);
    _exit(0);
}

static void show_count(bool shows, size_t done, size_t count)
{
    char line[80];

    snprintf(line, sizeof line, " %zu of %zu seeds", done, count);
    if (shows)
        show_line(done < count ? line : "");
}

static int simulate_all(struct simulation *list, size_t count, const struct scenario *scenario,
                        bool shows)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t started = 0, done = 0;
    int error = 0;

    fflush(NULL);
    while (done < count && error == 0) {
        while (started < count && error == 0 && started - done < (size_t)processors)
            error = start_one(&list[started++], scenario);
        show_count(shows, done, count);
        if (wait(NULL) > 0)
            done++;
    }
    show_count(shows, count, count);
    for (size_t i = 0; i < count && error == 0; i++)
        error = list[i].is_done ? 0 : -ECHILD;
    return error;
}

/* ---- reporting ---- */

static int write_svg(const struct simulation *simulation, const struct scenario *scenario,
                     struct problem *problem)
{
    struct strbuf svg = {0};
    int result;

    series_svg(&simulation->series, scenario, &svg);
    result = write_whole_file(scenario->options->svg, strbuf_slice(&svg), problem);
    strbuf_deinit(&svg);
    return result;
}

static int report(const struct command *command, const struct simulation *list, size_t count,
                  const struct scenario *scenario)
{
    const struct output_options *output = &scenario->options->run.output;
    struct strbuf out = {0};
    int status = EXIT_DONE;

    if (output->json)
        simulation_print_json(list, count, scenario, &out);
    else if (!output->quiet && count == 1)
        simulation_print(list, scenario, &out);
    else if (!output->quiet)
        simulation_print_ranges(list, count, scenario, &out);
    status = print_out(command, &out);
    strbuf_deinit(&out);
    for (size_t i = 0; i < count; i++)
        if (simulation_finding(&list[i]))
            status = EXIT_INTERNAL;
    return status;
}

/* What was found is said also when a file could not be written. */
static int conclude(const struct command *command, const struct simulation *list, size_t count,
                    const struct scenario *scenario, const struct problem *problem)
{
    int status = list[0].is_done ? report(command, list, count, scenario) : EXIT_DONE;
    int refused = problem ? command_refuse(command, problem) : EXIT_DONE;

    return status == EXIT_DONE ? refused : status;
}

/* Everything once the scenario is read. */
static int run_scenario(const struct command *command, const struct scenario *scenario)
{
    const struct simulate_options *o = scenario->options;
    bool shows = !o->run.output.quiet && isatty(STDERR_FILENO);
    size_t count = o->seeds;
    struct simulation *list =
        mmap(NULL, count * sizeof *list, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct problem problem;
    int status = 0;

    if (list == MAP_FAILED)
        return command_fail(command, -errno);
    problem_init(&problem);
    for (size_t i = 0; i < count; i++)
        list[i].seed = o->seed + i;
    if (count > 1)
        status = simulate_all(list, count, scenario, shows);
    else
        status = simulate_traced(list, scenario, shows, &problem);
    if (status == 0 && o->svg)
        status = write_svg(list, scenario, &problem);
    status = status < 0
                 ? command_fail(command, status)
                 : conclude(command, list, count, scenario, status == PROBLEM ? &problem : NULL);
    problem_deinit(&problem);
    munmap(list, count * sizeof *list);
    return status;
}

/* What the replicas log is theirs: it is shown to whoever asks for it. */
static void open_log(const struct simulate_options *options, const struct flags *flags)
{
    int nowhere;

    if (flags_given(flags, "log-level")) {
        output_open(&options->run.output);
        return;
    }
    nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    log_open(nowhere >= 0 ? nowhere : STDERR_FILENO, LOG_TEXT, LOG_ERROR);
}

static int run_simulate(const struct command *command, const char *const *argv)
{
    struct simulate_options options = {.seed = 0};
    struct scenario scenario;
    struct problem problem;
    struct flags flags;
    int status;

    if (!command_begin(command, argv, &options, &flags, &status))
        return status;
    problem_init(&problem);
    if (simulate_options_check(&options, &problem) ||
        (options.svg && check_writable(options.svg, &problem)) ||
        scenario_read(&scenario, &options, &problem))
        return command_refuse(command, &problem);
    open_log(&options, &flags);
    status = run_scenario(command, &scenario);
    scenario_deinit(&scenario);
    flags_deinit(&flags);
    problem_deinit(&problem);
    return status;
}

const struct command command_simulate = {
    .name = "simulate",
    .synopsis = "[flags of run] --rate RATE|FILE [flags]",
    .summary = "what would happen: the real program in simulated time",
    .examples = "  sluice simulate --rate 500/s --outage 10m@5m --duration 1h\n"
                "  sluice simulate --rate 500/s,poisson --service 50ms,p99=400ms,capacity=40/s \\\n"
                "                  --replicas 3 --deploy-every 6h --svg day.svg\n"
                "  sluice simulate --rate 100/s --duration 1h --crash @30m --seeds 20\n",
    .flags = &simulate_flags,
    .run = run_simulate,
};

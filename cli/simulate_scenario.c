#include "cli/simulate_scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/format.h"
#include "core/units.h"
#include "pipeline/pipeline.h"

enum { STEPS_MAX = 100000, GROUPS = 100 };

/* ---- small readers ---- */

/* A copy of the text up to the first of `ends`, as a string of its own; *rest points behind it, NULL: there was none. */
static void part(const char *text, const char *ends, char out[64], const char **rest)
{
    size_t n = strcspn(text, ends);

    snprintf(out, 64, "%.*s", n < 63 ? (int)n : 63, text);
    *rest = text[n] ? text + n + 1 : NULL;
}

static int wrong(struct problem *problem, const char *flag, const char *text, const char *why,
                 const char *example)
{
    return problem_set(problem, EXIT_BAD_USAGE, "--%s %.60s %s\n  do:    --%s %s", flag, text, why,
                       flag, example);
}

static bool read_time(const char *text, sl_time *out)
{
    sl_dur since;

    if (!text || units_read_duration(text, &since) != UNITS_OK)
        return false;
    *out = sl_time_add((sl_time){0}, since);
    return true;
}

/* What happens at a time happens within the simulation, or was meant for another one. */
static int check_within(const struct scenario *s, const char *flag, const char *text, sl_time from,
                        struct problem *problem)
{
    char duration[UNITS_TEXT_SIZE];

    if (from.ns < s->config.duration.ns)
        return 0;
    return problem_set(problem, EXIT_BAD_USAGE, "--%s %.60s: the simulation ends after %s", flag,
                       text, units_print_duration_exact(duration, s->config.duration));
}

/* ---- how events come ---- */

static bool is_head(const char *line)
{
    return *line == '#' || strncmp(line, "seconds", 7) == 0 ||
           line[strspn(line, " \t\r\n")] == '\0';
}

static bool read_step(const char *line, struct sim_rate_step *step)
{
    char *end;
    double seconds = strtod(line, &end);

    if (end == line || *end != ',' || !(seconds >= 0 && seconds < 1e9))
        return false;
    line = end + 1;
    step->rate = strtod(line, &end);
    if (end == line || end[strspn(end, " \t\r\n")] != '\0')
        return false;
    step->from = sl_time_add((sl_time){0}, sl_ms((int64_t)(seconds * 1000)));
    return step->rate >= 0 && step->rate <= 1e6;
}

static int add_step(struct scenario *s, const struct sim_rate_step *step)
{
    size_t n = s->config.arrivals.step_count;

    if ((n & (n - 1)) == 0) { /* 0, 1, 2, 4, ... */
        struct sim_rate_step *more = realloc(s->steps, (n ? 2 * n : 1) * sizeof *more);

        if (!more)
            return -ENOMEM;
        s->steps = more;
    }
    s->steps[n] = *step;
    s->config.arrivals.steps = s->steps;
    s->config.arrivals.step_count = n + 1;
    return 0;
}

static int read_steps(struct scenario *s, FILE *file, const char *path, struct problem *problem)
{
    struct sim_rate_step step, last = {.from = {-1}};
    char line[128];

    for (unsigned number = 1; fgets(line, sizeof line, file); number++) {
        if (is_head(line))
            continue;
        if (!read_step(line, &step))
            return problem_set(problem, EXIT_BAD_USAGE,
                               "--rate %.60s: line %u is not SECONDS,EVENTS_PER_SECOND\n  do:    "
                               "0,500 and 3600,2000 on lines of their own: from the first hour on "
                               "2,000 a second",
                               path, number);
        if (!sl_time_before(last.from, step.from))
            return problem_set(problem, EXIT_BAD_USAGE,
                               "--rate %.60s: line %u is not later than the one before", path,
                               number);
        if (number > STEPS_MAX || add_step(s, &step) != 0)
            return problem_set(problem, EXIT_BAD_USAGE, "--rate %.60s has more than %u lines", path,
                               STEPS_MAX);
        last = step;
    }
    if (ferror(file))
        return problem_set(problem, EXIT_BAD_CONFIG, "--rate %.60s can't be read: %s", path,
                           strerror(errno));
    if (s->config.arrivals.step_count == 0)
        return problem_set(problem, EXIT_BAD_USAGE, "--rate %.60s has no line in it", path);
    return 0;
}

/* The mean and the most, over the simulation. */
static void measure_steps(struct scenario *s)
{
    sl_time end = sl_time_add((sl_time){0}, s->config.duration);
    double events = 0;

    for (size_t i = 0; i < s->config.arrivals.step_count; i++) {
        sl_time to = i + 1 < s->config.arrivals.step_count ? s->steps[i + 1].from : end;
        sl_dur length = sl_time_sub(sl_time_min(to, end), s->steps[i].from);

        if (length.ns <= 0)
            continue;
        events += s->steps[i].rate * sl_dur_seconds(length);
        if (s->steps[i].rate > s->peak_rate)
            s->peak_rate = s->steps[i].rate;
    }
    s->mean_rate = events / sl_dur_seconds(s->config.duration);
}

static int check_beginning(const struct scenario *s, const char *path, struct problem *problem)
{
    char begins[UNITS_TEXT_SIZE], duration[UNITS_TEXT_SIZE];
    sl_dur before = sl_time_sub(s->steps[0].from, (sl_time){0});

    if (sl_dur_cmp(before, s->config.duration) < 0)
        return 0;
    return problem_set(
        problem, EXIT_BAD_USAGE,
        "--rate %.60s begins after %s, and the simulation ends after %s\n  do:    a longer "
        "--duration, or a first line with 0 seconds",
        path, units_print_duration_exact(begins, before),
        units_print_duration_exact(duration, s->config.duration));
}

static int read_rate_file(struct scenario *s, const char *path, struct problem *problem)
{
    FILE *file = fopen(path, "re");
    int result;

    if (!file)
        return problem_set(problem, EXIT_BAD_USAGE,
                           "--rate %.60s is neither a rate nor a file that can be read: %s\n  do:  "
                           "  --rate 500/s, --rate 500/s,poisson, or a file of "
                           "SECONDS,EVENTS_PER_SECOND",
                           path, strerror(errno));
    result = read_steps(s, file, path, problem);
    fclose(file);
    if (result || check_beginning(s, path, problem))
        return PROBLEM;
    measure_steps(s);
    return 0;
}

static int read_rate(struct scenario *s, struct problem *problem)
{
    const char *text = s->options->rate, *rest;
    struct sim_arrivals *a = &s->config.arrivals;
    enum units_result result;
    char rate[64];

    if (!text)
        return 0;
    part(text, ",", rate, &rest);
    result = units_read_rate(rate, &a->rate);
    if (result != UNITS_OK && *text >= '0' && *text <= '9' && access(text, F_OK) != 0)
        return wrong(problem, "rate", text, units_problem(result), "500/s");
    if (result != UNITS_OK)
        return read_rate_file(s, text, problem);
    if (rest && strcmp(rest, "poisson") != 0)
        return wrong(problem, "rate", text, "is not RATE or RATE,poisson", "500/s,poisson");
    if (a->rate > 1e6)
        return wrong(problem, "rate", text, "is more than 1000000/s", "500/s");
    a->is_poisson = rest;
    s->mean_rate = s->peak_rate = a->rate;
    return 0;
}

const char *scenario_rate_text(const struct scenario *s, char out[64])
{
    if (!s->options->rate)
        snprintf(out, 64, "a backlog alone");
    else if (s->config.arrivals.step_count > 0)
        snprintf(out, 64, "%.60s", s->options->rate);
    else
        snprintf(out, 64, "%g/s%s", s->mean_rate,
                 s->config.arrivals.is_poisson ? " by chance" : "");
    return out;
}

/* ---- the service ---- */

static const char service_example[] = "50ms,p99=400ms,capacity=40/s";

/* Whether a part with this key was there before; `seen` has a bit for each. */
static bool is_again(const char *text, unsigned *seen)
{
    static const char *const keys[] = {"p99=", "capacity=", "at-once="};
    unsigned before = *seen;

    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strncmp(text, keys[i], strlen(keys[i])) == 0)
            *seen |= 1u << i;
        else
            before &= ~(1u << i);
    return before != 0;
}

static int read_service_part(struct scenario *s, const char *text, struct problem *problem)
{
    const char *example = service_example;
    struct sim_receiver_options *r = &s->config.receiver;
    uint64_t count;

    if (strncmp(text, "p99=", 4) == 0) {
        if (units_read_duration(text + 4, &r->work_p99) != UNITS_OK)
            return wrong(problem, "service", text, "is not p99=DUR", example);
    } else if (strncmp(text, "capacity=", 9) == 0) {
        if (units_read_rate(text + 9, &s->batches_per_second) != UNITS_OK ||
            s->batches_per_second < 1e-3 || s->batches_per_second > 1e6)
            return wrong(problem, "service", text, "is not capacity=RATE, batches a second",
                         example);
        r->apart = sl_ns((int64_t)(1e9 / s->batches_per_second));
    } else if (strncmp(text, "at-once=", 8) == 0) {
        if (units_read_count(text + 8, &count) != UNITS_OK || count < 1 || count > 10000)
            return wrong(problem, "service", text, "is not at-once=N, from 1 to 10000", example);
        r->at_once = (unsigned)count;
        r->refuses_more = true;
    } else {
        return wrong(problem, "service", text, "is none of p99=, capacity=, at-once=", example);
    }
    return 0;
}

static int read_service(struct scenario *s, struct problem *problem)
{
    const char *text = s->options->service, *rest;
    struct sim_receiver_options *r = &s->config.receiver;
    enum units_result result;
    unsigned seen = 0;
    char piece[64];

    part(text, ",", piece, &rest);
    result = units_read_duration(piece, &r->work);
    if (result != UNITS_OK)
        return wrong(problem, "service", text, units_problem(result), service_example);
    while (rest) {
        part(rest, ",", piece, &rest);
        if (is_again(piece, &seen))
            return wrong(problem, "service", piece, "is there twice", service_example);
        if (read_service_part(s, piece, problem))
            return PROBLEM;
    }
    if (r->work_p99.ns == 0)
        r->work_p99 = r->work;
    if (sl_dur_cmp(r->work_p99, r->work) < 0)
        return wrong(problem, "service", text, "has a p99 below its median", "50ms,p99=400ms");
    if (sl_dur_cmp(r->work_p99, sl_minutes(60)) > 0)
        return wrong(problem, "service", text, "takes more than an hour for a batch", "50ms");
    return 0;
}

/* ---- troubles ---- */

static int add_window(struct scenario *s, enum sim_fault kind, const struct scenario_stretch *t,
                      struct problem *problem)
{
    struct sim_fault_plan *plan = &s->config.faults;

    if (plan->window_count == SIM_WINDOWS_MAX)
        return problem_set(problem, EXIT_BAD_USAGE, "more than %d --outage and --throttle",
                           SIM_WINDOWS_MAX);
    plan->windows[plan->window_count++] = (struct sim_window){.kind = kind,
                                                              .leg = LEG_SERVICE,
                                                              .from = t->from,
                                                              .to = t->to,
                                                              .ppm = (uint32_t)(t->share * 1e6)};
    return 0;
}

static int read_outage(struct scenario *s, const char *text, struct problem *problem)
{
    struct scenario_stretch outage = {.share = 1};
    const char *start;
    char piece[64];
    sl_dur length;

    part(text, "@", piece, &start);
    if (units_read_duration(piece, &length) != UNITS_OK || !read_time(start, &outage.from))
        return wrong(problem, "outage", text, "is not DUR@START", "10m@5m");
    outage.to = sl_time_add(outage.from, length);
    if (check_within(s, "outage", text, outage.from, problem) ||
        add_window(s, FAULT_REFUSED, &outage, problem))
        return PROBLEM;
    s->outages[s->outage_count++] = outage;
    return 0;
}

static int read_throttle(struct scenario *s, const char *text, struct problem *problem)
{
    struct scenario_stretch throttle;
    const char *rest = NULL, *length_text = NULL;
    char share[64], start[64] = "";
    sl_dur length;

    part(text, "@", share, &rest);
    if (rest)
        part(rest, "+", start, &length_text);
    if (units_read_share(share, &throttle.share) != UNITS_OK || !read_time(start, &throttle.from) ||
        !length_text || units_read_duration(length_text, &length) != UNITS_OK)
        return wrong(problem, "throttle", text, "is not SHARE@START+DUR", "5%@1h+10m");
    throttle.to = sl_time_add(throttle.from, length);
    if (check_within(s, "throttle", text, throttle.from, problem) ||
        add_window(s, FAULT_BUSY, &throttle, problem))
        return PROBLEM;
    s->throttles[s->throttle_count++] = throttle;
    return 0;
}

static int compare_times(const void *a, const void *b)
{
    return sl_time_cmp(*(const sl_time *)a, *(const sl_time *)b);
}

static int read_crash(struct scenario *s, const char *text, struct problem *problem)
{
    sl_time at;

    if (*text != '@' || !read_time(text + 1, &at))
        return wrong(problem, "crash", text, "is not @TIME", "@2h");
    if (check_within(s, "crash", text, at, problem))
        return PROBLEM;
    if (s->config.crash_count == SIM_CRASHES_MAX)
        return problem_set(problem, EXIT_BAD_USAGE, "more than %d --crash", SIM_CRASHES_MAX);
    s->config.crashes[s->config.crash_count++] = at;
    return 0;
}

static int read_troubles(struct scenario *s, struct problem *problem)
{
    static int (*const readers[])(struct scenario *, const char *,
                                  struct problem *) = {read_outage, read_throttle, read_crash};
    const char **lists[] = {s->options->outages, s->options->throttles, s->options->crashes};

    for (size_t i = 0; i < 3; i++)
        for (const char **text = lists[i]; text && *text; text++)
            if (readers[i](s, *text, problem))
                return PROBLEM;
    qsort(s->config.crashes, s->config.crash_count, sizeof(sl_time), compare_times);
    return 0;
}

/* ---- the rest ---- */

static bool is_fifo(const char *queue)
{
    size_t n = queue ? strlen(queue) : 0;

    return n > 5 && strcmp(queue + n - 5, ".fifo") == 0;
}

static int read_price(struct scenario *s, struct problem *problem)
{
    char *end;

    s->price = strtod(s->options->price, &end);
    if (end == s->options->price || *end || !(s->price >= 0 && s->price < 1e6))
        return wrong(problem, "price", s->options->price,
                     "is no price: US dollars for a million requests", "0.40");
    return 0;
}

/* What does not have to be read. Latencies are those within a region. */
static void configure(struct scenario *s)
{
    const struct simulate_options *o = s->options;
    const struct run_options *run = &o->run;
    bool fifo = is_fifo(run->from);
    const char *queue = fifo ? "orders.fifo" : "orders";

    s->config = (struct sim_config){
        .duration = o->duration,
        .is_fifo = fifo,
        .groups = GROUPS,
        .processes = (unsigned)o->replicas,
        .arrivals = {.backlog = o->backlog, .size = o->size, .poison = o->poison},
        .sqs = {.queue = queue,
                .visibility = o->queue_visibility,
                .max_receives = (unsigned)o->max_receives,
                .latency = sl_ms(3),
                .latency_p99 = sl_ms(20)},
        .receiver = {.names_poison = true, .latency = sl_us(500), .latency_p99 = sl_ms(5)},
        .process = {.queue = queue,
                    .batch_count = run->batch.count,
                    .batch_bytes = run->batch.bytes,
                    .concurrency = run->batch.concurrency,
                    .receivers = run->receivers,
                    .in_flight_max = run->in_flight,
                    .in_flight_bytes = run->in_flight_bytes,
                    .batch_age = run->batch.age,
                    .drain = run->drain,
                    .receive_wait = run_receive_wait(run),
                    .timeout = run->timeout,
                    .visibility = run->visibility,
                    .restart_min = sl_sec(2),
                    .restart_max = sl_sec(5)},
        .deploy_every = o->deploy_every,
        .forgets = true,
        .stops_at_end = true,
    };
    s->config.faults.until = sl_time_add((sl_time){0}, o->duration);
}

/* The sum that `run` asks for; what it takes by default is always enough. */
static int check_batches(const struct run_options *run, struct problem *problem)
{
    struct pipeline_config config = {
        .source = {.in_flight_max = run->in_flight, .receivers = run->receivers},
        .sink = {.format = format_find("lambda")},
        .batch_count = run->batch.count,
        .concurrency = run->batch.concurrency,
    };

    return run->in_flight > 0 ? pipeline_config_check(&config, problem) : 0;
}

int scenario_read(struct scenario *scenario, const struct simulate_options *options,
                  struct problem *problem)
{
    *scenario = (struct scenario){.options = options};
    configure(scenario);
    if (read_rate(scenario, problem) || read_service(scenario, problem) ||
        read_troubles(scenario, problem) || read_price(scenario, problem) ||
        check_batches(&options->run, problem)) {
        scenario_deinit(scenario);
        return PROBLEM;
    }
    return 0;
}

void scenario_deinit(struct scenario *scenario)
{
    free(scenario->steps);
    scenario->steps = NULL;
}

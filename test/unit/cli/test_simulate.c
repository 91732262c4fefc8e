/*
 * What `simulate` reads, draws and warns of: scenarios and the exact words for what is none, the points of a run, the chart
 * on the terminal, the picture.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/simulate_report.h"

/* What the flags' defaults are, and one hour. */
static struct simulate_options usual(void)
{
    return (struct simulate_options){
        .run = {.batch = {.count = 100, .bytes = 1000000, .age = sl_sec(5), .concurrency = 10},
                .timeout = sl_sec(20),
                .receivers = 10,
                .receive_wait = sl_sec(5),
                .drain = sl_sec(25)},
        .rate = "500/s",
        .duration = sl_hours(1),
        .replicas = 1,
        .size = 1000,
        .queue_visibility = sl_sec(30),
        .max_receives = 5,
        .service = "50ms",
        .seeds = 1,
        .price = "0.40",
    };
}

static struct scenario scenario_of(const struct simulate_options *options)
{
    struct scenario scenario;
    struct problem problem;

    problem_init(&problem);
    if (scenario_read(&scenario, options, &problem))
        fail_msg("refused: %s", problem.text.p);
    problem_deinit(&problem);
    return scenario;
}

static void expect_refusal_with(const struct simulate_options *options, int status,
                                const char *says)
{
    struct scenario scenario;
    struct problem problem;

    problem_init(&problem);
    assert_int_equal(scenario_read(&scenario, options, &problem), PROBLEM);
    assert_int_equal(problem.status, status);
    if (!strstr(problem.text.p, says))
        fail_msg("%s: does not say: %s", problem.text.p, says);
    problem_deinit(&problem);
}

static void expect_refusal(const struct simulate_options *options, const char *says)
{
    expect_refusal_with(options, EXIT_BAD_USAGE, says);
}

static void test_rates(void **state)
{
    struct simulate_options o = usual();
    struct scenario s;

    (void)state;
    o.rate = "30/m,poisson";
    s = scenario_of(&o);
    assert_true(s.config.arrivals.rate > 0.49 && s.config.arrivals.rate < 0.51);
    assert_true(s.config.arrivals.is_poisson);
    o.rate = "500";
    expect_refusal(&o, "--rate 500");
    o.rate = "500/s,evenly";
    expect_refusal(&o, "is not RATE or RATE,poisson");
    o.rate = "no/such/file";
    expect_refusal(&o, "neither a rate nor a file");
}

static const char *file_of(const char *text)
{
    static char path[64];
    int fd;

    snprintf(path, sizeof path, "/tmp/test-simulate-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static void test_rate_files(void **state)
{
    struct simulate_options o = usual();
    struct scenario s;

    (void)state;
    o.rate = file_of("# a quiet start\nseconds,events_per_second\n0,100\n\n1800, 300\n");
    s = scenario_of(&o);
    assert_int_equal(s.config.arrivals.step_count, 2);
    assert_int_equal(s.steps[1].from.ns, sl_minutes(30).ns);
    assert_true(s.mean_rate > 199.9 && s.mean_rate < 200.1 && s.peak_rate > 299.9);
    scenario_deinit(&s);
    unlink(o.rate);
    o.rate = file_of("0,100\n0,200\n");
    expect_refusal(&o, "line 2 is not later");
    unlink(o.rate);
    o.rate = file_of("0,100\nnoon,200\n");
    expect_refusal(&o, "line 2 is not SECONDS,EVENTS_PER_SECOND");
    unlink(o.rate);
    o.rate = file_of("3600,200\n7200,100\n");
    expect_refusal(&o, "begins after 1h, and the simulation ends after 1h\n  do:    a longer");
    unlink(o.rate);
    o.rate = "/tmp";
    expect_refusal_with(&o, EXIT_BAD_CONFIG, "--rate /tmp can't be read: Is a directory");
    o.rate = file_of("# nothing\n");
    expect_refusal(&o, "has no line");
    unlink(o.rate);
}

static void test_service(void **state)
{
    struct simulate_options o = usual();
    struct scenario s;

    (void)state;
    o.service = "50ms,p99=400ms,capacity=40/s,at-once=8";
    s = scenario_of(&o);
    assert_int_equal(s.config.receiver.work.ns, sl_ms(50).ns);
    assert_int_equal(s.config.receiver.work_p99.ns, sl_ms(400).ns);
    assert_int_equal(s.config.receiver.apart.ns, sl_ms(25).ns);
    assert_int_equal(s.config.receiver.at_once, 8);
    o.service = "50";
    expect_refusal(&o, "--service 50 ");
    o.service = "50ms,p99=10ms";
    expect_refusal(&o, "a p99 below its median");
    o.service = "50ms,capacity=40";
    expect_refusal(&o, "capacity=RATE");
    o.service = "50ms,at-once=0";
    expect_refusal(&o, "at-once=N");
    o.service = "50ms,at-once=4,p99=60ms,at-once=5";
    expect_refusal(&o, "--service at-once=5 is there twice");
    o.service = "50ms,fast";
    expect_refusal(&o, "none of p99=, capacity=, at-once=");
}

static void test_troubles(void **state)
{
    const char *outages[] = {"10m@5m", NULL}, *throttles[] = {"5%@30m+10m", NULL},
               *crashes[] = {"@50m", "@20m", NULL};
    struct simulate_options o = usual();
    struct scenario s;

    (void)state;
    o.outages = outages;
    o.throttles = throttles;
    o.crashes = crashes;
    s = scenario_of(&o);
    assert_int_equal(s.config.faults.window_count, 2);
    assert_int_equal(s.config.faults.windows[0].kind, FAULT_REFUSED);
    assert_int_equal(s.config.faults.windows[0].from.ns, sl_minutes(5).ns);
    assert_int_equal(s.config.faults.windows[0].to.ns, sl_minutes(15).ns);
    assert_int_equal(s.config.faults.windows[1].kind, FAULT_BUSY);
    assert_int_equal(s.config.faults.windows[1].ppm, 50000);
    assert_int_equal(s.config.crashes[0].ns, sl_minutes(20).ns);
}

static void test_wrong_troubles(void **state)
{
    static const struct {
        const char *flag, *value, *says;
    } cases[] = {
        {"outage", "10m", "--outage 10m is not DUR@START\n  do:    --outage 10m@5m"},
        {"outage", "10@5m", "is not DUR@START"},
        {"outage", "10m@2h", "the simulation ends after 1h"},
        {"throttle", "5%@1h", "is not SHARE@START+DUR"},
        {"throttle", "5@30m+1m", "is not SHARE@START+DUR"},
        {"throttle", "5%@90m+1m", "the simulation ends after 1h"},
        {"crash", "2h", "is not @TIME"},
        {"crash", "@2h", "the simulation ends after 1h"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *list[] = {cases[i].value, NULL};
        struct simulate_options o = usual();

        if (cases[i].flag[0] == 'o')
            o.outages = list;
        else if (cases[i].flag[0] == 't')
            o.throttles = list;
        else
            o.crashes = list;
        expect_refusal(&o, cases[i].says);
    }
}

/* With the words of `run`. */
static void test_what_run_refuses(void **state)
{
    struct simulate_options o = usual();
    struct scenario s;

    (void)state;
    o.run.in_flight = 1199;
    expect_refusal(&o, "--in-flight 1199 is too small for these batches\n  needs: 1200 =");
    o.run.in_flight = 1200;
    s = scenario_of(&o);
    assert_int_equal(s.config.process.in_flight_max, 1200);
    o.run.receive_wait = sl_sec(20);
    o.run.drain = sl_sec(5);
    s = scenario_of(&o);
    assert_true(sl_dur_cmp(s.config.process.receive_wait, sl_sec(5)) < 0);
}

static void test_price(void **state)
{
    struct simulate_options o = usual();

    (void)state;
    o.price = "cheap";
    expect_refusal(&o, "--price cheap is no price");
    o.price = "-1";
    expect_refusal(&o, "--price -1 is no price");
}

/* ---- points and charts ---- */

static void add(struct series *series, sl_dur at, uint64_t backlog)
{
    series_add(series, &(struct sim_sample){.at = {at.ns},
                                            .visible = backlog,
                                            .oldest_ms = (int64_t)backlog * 10,
                                            .sent = 2 * backlog,
                                            .committed = backlog});
}

static void test_points(void **state)
{
    struct series series;

    (void)state;
    series_init(&series, sl_sec(240)); /* a point a second */
    add(&series, sl_ms(500), 7);
    add(&series, sl_ms(900), 3);
    assert_int_equal(series.count, 1);
    assert_int_equal(series.points[0].backlog, 7);
    assert_int_equal(series.points[0].sent, 6);
    add(&series, sl_ms(3500), 5);
    assert_int_equal(series.count, 4);
    assert_int_equal(series.points[2].backlog, 7); /* nobody looked: as before */
    assert_int_equal(series.points[3].backlog, 5);
    add(&series, sl_sec(300), 9); /* the drain */
    assert_int_equal(series.count, SERIES_POINTS);
    assert_int_equal(series.points[SERIES_POINTS - 1].backlog, 9);
    assert_int_equal(series.peak, 9);
}

static void test_round_numbers(void **state)
{
    (void)state;
    assert_true(round_up(0) > 0.99 && round_up(0) < 1.01);
    assert_true(round_up(1) > 0.99 && round_up(1) < 1.01);
    assert_true(round_up(11) > 19.9 && round_up(11) < 20.1);
    assert_true(round_up(299) > 299.9 && round_up(299) < 300.1);
    assert_true(round_up(900001) > 999999 && round_up(900001) < 1000001);
}

static struct series hill(void)
{
    struct series series;

    series_init(&series, sl_hours(1));
    for (int i = 0; i < SERIES_POINTS; i++)
        add(&series, sl_sec(15 * i + 10), i < 60 || i > 179 ? 0 : (uint64_t)(120 - abs(i - 119)));
    return series;
}

static void test_chart(void **state)
{
    struct simulate_options o = usual();
    struct scenario s = scenario_of(&o);
    struct series series = hill();
    struct strbuf out = {0};

    (void)state;
    series_chart(&series, &s, false, &out);
    assert_string_equal(
        out.p, "  backlog: events in the queue, those that are held included\n"
               "         200 |\n"
               "             |\n"
               "             |\n"
               "             |                         ...::::..\n"
               "         100 |                   ..:::############::...\n"
               "             |               ::#########################:::\n"
               "             |               ##############################\n"
               "             |               ##############################\n"
               "           0 +------------------------------------------------------------\n"
               "             0s            15m            30m            45m            1h\n");
    for (const char *line = out.p; *line; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 80);
    strbuf_deinit(&out);
}

static void test_picture(void **state)
{
    const char *outages[] = {"10m@5m", NULL}, *crashes[] = {"@50m", NULL};
    struct simulate_options o = usual();
    struct series series = hill();
    struct strbuf out = {0};
    struct scenario s;

    (void)state;
    o.outages = outages;
    o.crashes = crashes;
    s = scenario_of(&o);
    series_svg(&series, &s, &out);
    assert_non_null(strstr(out.p, "<svg xmlns=\"http://www.w3.org/2000/svg\""));
    assert_non_null(strstr(out.p, "<polygon"));
    assert_non_null(strstr(out.p, "stroke-dasharray"));
    assert_null(strstr(out.p, "nan"));
    assert_string_equal(out.p + out.n - 7, "</svg>\n");
    strbuf_deinit(&out);
}

/* ---- warnings ---- */

static void expect_warning(const struct simulate_options *options, const char *says)
{
    struct scenario s = scenario_of(options);
    struct strbuf out = {0};

    simulation_warn(NULL, &s, &out);
    if (!says && out.n > 0)
        fail_msg("warned: %s", out.p);
    if (says && (out.n == 0 || !strstr(out.p, says)))
        fail_msg("%s: does not say: %s", out.n > 0 ? out.p : "nothing", says);
    strbuf_deinit(&out);
}

static void expect_no_warning(const struct simulate_options *options, const char *says)
{
    struct scenario s = scenario_of(options);
    struct strbuf out = {0};

    simulation_warn(NULL, &s, &out);
    assert_null(strstr(out.n > 0 ? out.p : "", says));
    strbuf_deinit(&out);
}

static void test_warnings(void **state)
{
    struct simulate_options o = usual();

    (void)state;
    expect_warning(&o, NULL);
    o.run.batch.age = sl_sec(30);
    expect_warning(&o, "a batch may wait 30 s for its last event, and a lease is 30 s");
    o = usual();
    o.run.drain = sl_sec(10);
    expect_warning(&o, "do:    --drain 25s");
    o = usual();
    o.service = "50ms,capacity=4/s";
    expect_warning(&o, "the service takes 4 batches a second, 400 events at most, and 500 come");
    o.service = "10s";
    expect_warning(&o, "10 batches under way at once are 100 events a second, and 500 come");
    o.service = "30s,p99=40s";
    expect_warning(&o,
                   "the service takes 30 s for a batch, and --timeout 20 s is shorter than that");
    expect_warning(&o, "do:    --timeout 45s\n");
    expect_no_warning(&o, "--concurrency");
    o.service = "1h";
    expect_warning(&o, "do:    a quicker service\n");
}

static void test_warnings_of_a_run(void **state)
{
    struct simulate_options o = usual();
    struct scenario s = scenario_of(&o);
    struct simulation run = {.result = {.dead_healthy = 12, .left = 5000}};
    struct strbuf out = {0};

    (void)state;
    series_init(&run.series, sl_hours(1));
    add(&run.series, sl_minutes(59), 5100);
    add(&run.series, sl_hours(1), 5000);
    simulation_warn(&run, &s, &out);
    assert_non_null(
        strstr(out.p, "12 events that the service would have taken were dead-lettered"));
    assert_non_null(strstr(out.p, "the backlog was at its largest at the end, with 5,100 events"));
    strbuf_reset(&out);
    series_init(&run.series, sl_hours(1)); /* it was there at the start, and shrinks */
    add(&run.series, SL_ZERO, 5100);
    add(&run.series, sl_hours(1), 5000);
    simulation_warn(&run, &s, &out);
    assert_null(strstr(out.p, "it grows"));
    strbuf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_rate_files),
        cmocka_unit_test(test_service),
        cmocka_unit_test(test_troubles),
        cmocka_unit_test(test_wrong_troubles),
        cmocka_unit_test(test_price),
        cmocka_unit_test(test_what_run_refuses),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_round_numbers),
        cmocka_unit_test(test_chart),
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_warnings_of_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What the sources without a queue share, through the synthetic one in virtual time: credits, the file of --undelivered,
 * and events that nobody takes.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sluice/task.h>

#include "ops/log.h"
#include "pipeline/pipeline.h"
#include "sim/virtual.h"

struct world {
    struct pipeline_config config;
    enum outcome outcome; /* of every post … */
    sl_dur outcome_until; /* … until then; after it all are accepted. 0: for ever */
    sl_dur latency;
    sl_dur signal_at;
    sl_dur writes_take; /* up to that: those to the file of --undelivered */

    sl_time began;
    size_t most_held;
    uint64_t posted;
    struct source *source;
    struct account account;
    struct progress progress;
    struct pipeline_report report;
};

struct fake_sink {
    struct sink base;
    struct world *w;
};

static void fake_post(struct sink *sink, struct sl_ctx *ctx, const struct sink_request *request,
                      struct sink_result *result)
{
    struct world *w = ((struct fake_sink *)sink)->w;
    size_t held = source_held(w->source);

    w->most_held = held > w->most_held ? held : w->most_held;
    result->outcome = OUTCOME_RETRY;
    if (sl_sleep(ctx, w->latency) != SL_OK)
        return;
    result->sent = result->complete = true;
    result->outcome = w->outcome;
    if (w->outcome_until.ns && sl_dur_cmp(sl_time_sub(sl_now(), w->began), w->outcome_until) >= 0)
        result->outcome = OUTCOME_ACCEPTED;
    w->posted += result->outcome == OUTCOME_ACCEPTED ? request->count : 0;
}

static const struct sink_ops sink_ops = {.post = fake_post};

struct signaller {
    struct world *w;
};

SL_TASK(signaller)
{
    if (my->w->signal_at.ns && sl_sleep(ctx, my->w->signal_at) == SL_OK)
        sl_virtual_raise(SIGTERM);
    return 0;
}

static int in_world(struct sl_ctx *ctx, void *arg)
{
    struct world *w = arg;
    struct fake_sink sink = {
        .base = {.ops = &sink_ops, .format = w->config.sink.format, .name = "x"}, .w = w};
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    int signo = SIGTERM;
    struct sl_chan *signals = sl_signals(scope, &signo, 1);
    struct problem problem;
    int r;

    problem_init(&problem);
    w->began = sl_now();
    w->config.source.account = &w->account;
    w->config.source.progress = &w->progress;
    assert_int_equal(source_open(&w->source, scope, &w->config.source, &problem), 0);
    SL_GO(scope, signaller, .w = w);
    r = pipeline_run(ctx, &w->config, w->source, &sink.base, signals, &w->report);
    sl_ctx_cancel(scope, 0);
    source_free(w->source);
    sl_ctx_leave(scope);
    problem_deinit(&problem);
    return r;
}

static struct world *world_new(uint64_t count)
{
    struct world *w = calloc(1, sizeof(*w));

    w->latency = sl_ms(50);
    w->config = (struct pipeline_config){
        .source = {.from = "synthetic:",
                   .rate = 1000,
                   .receivers = 1,
                   .count = count,
                   .in_flight_max = 60,
                   .in_flight_bytes = 1 << 20},
        .sink = {.format = format_find("json"), .timeout = sl_sec(20)},
        .batch_count = 10,
        .batch_bytes = 1000000,
        .batch_age = sl_sec(1),
        .concurrency = 2,
        .drain = sl_sec(5),
        .run_for = SL_FOREVER,
    };
    progress_init(&w->progress);
    return w;
}

static void run(struct world *w)
{
    assert_int_equal(
        sl_virtual_run(&(struct sl_virtual_options){.seed = 1, .offload_max = w->writes_take},
                       in_world, w),
        0);
    assert_int_equal(w->account.received,
                     w->account.deleted + w->account.returned + w->account.abandoned);
}

/* Lines of a file, each checked to be whole. */
static size_t lines_in(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[1024];
    size_t n = 0;

    assert_non_null(file);
    for (; fgets(line, sizeof(line), file); n++) {
        assert_int_equal(line[0], '{');
        assert_string_equal(line + strlen(line) - 2, "}\n");
    }
    fclose(file);
    return n;
}

static void make_path(char path[64])
{
    int fd;

    snprintf(path, 64, "/tmp/sluice-undelivered-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

static void so_many_are_made_and_delivered(void **state)
{
    struct world *w = world_new(500);

    (void)state;
    run(w);
    assert_int_equal(w->account.deleted, 500);
    assert_int_equal(w->posted, 500);
    assert_int_equal(w->report.ending, PIPELINE_DRAINED);
    free(w);
}

static void no_more_are_held_than_credits_allow(void **state)
{
    struct world *w = world_new(1000);

    (void)state;
    w->latency = sl_sec(1); /* 20 events a second go, 1,000 could come */
    run(w);
    assert_int_equal(w->account.deleted, 1000);
    assert_in_range(w->most_held, 50, 60);
    free(w);
}

static void no_more_bytes_are_held_than_allowed(void **state)
{
    struct world *w = world_new(100);

    (void)state;
    w->config.source.in_flight_bytes = 1000; /* six or seven events of about 140 bytes */
    w->config.batch_count = 2;
    run(w);
    assert_int_equal(w->account.deleted, 100);
    assert_in_range(w->most_held, 2, 9);
    free(w);
}

static void what_is_refused_for_good_takes_no_credits(void **state)
{
    struct world *w = world_new(1000);

    (void)state;
    w->outcome = OUTCOME_REFUSED;
    w->outcome_until = sl_minutes(2);
    w->signal_at = sl_hours(1);
    run(w);
    assert_int_equal(w->account.received, 1000); /* though far more than 60 were refused */
    assert_true(w->account.abandoned > 60);
    assert_true(w->account.deleted > 0);
    assert_true(sl_dur_cmp(w->report.took, sl_minutes(59)) < 0);
    free(w);
}

static void what_is_refused_goes_to_the_file(void **state)
{
    struct world *w = world_new(200);
    char path[64];

    (void)state;
    make_path(path);
    w->config.source.undelivered = path;
    w->outcome = OUTCOME_REFUSED;
    run(w);
    assert_int_equal(lines_in(path), 200);
    assert_int_equal(w->account.returned_refused, 200);
    assert_int_equal(w->account.abandoned, 0);
    unlink(path);
    free(w);
}

/* It is a pipe, whose reader pauses for hours: the watchdog waits too. */
static void a_reader_of_the_file_may_take_its_time(void **state)
{
    struct world *w = world_new(20);
    char path[64];

    (void)state;
    make_path(path);
    w->config.source.undelivered = path;
    w->outcome = OUTCOME_REFUSED;
    w->writes_take = sl_hours(2);
    run(w);
    assert_int_equal(lines_in(path), 20);
    assert_true(sl_dur_cmp(w->report.took, sl_hours(10)) > 0);
    unlink(path);
    free(w);
}

static void what_the_drain_leaves_goes_to_the_file(void **state)
{
    struct world *w = world_new(0);
    char path[64];

    (void)state;
    make_path(path);
    w->config.source.undelivered = path;
    w->outcome = OUTCOME_RETRY;
    w->signal_at = sl_sec(10);
    run(w);
    assert_int_equal(w->account.received, 60);
    assert_int_equal(w->account.returned_unsent, 60);
    assert_int_equal(lines_in(path), 60);
    assert_int_equal(w->report.ending, PIPELINE_DRAINED);
    unlink(path);
    free(w);
}

static void without_a_file_what_the_drain_leaves_is_abandoned(void **state)
{
    struct world *w = world_new(0);

    (void)state;
    w->outcome = OUTCOME_RETRY;
    w->signal_at = sl_sec(10);
    run(w);
    assert_int_equal(w->account.abandoned, 60);
    assert_int_equal(w->report.ending, PIPELINE_DEADLINE);
    free(w);
}

static void a_pause_stops_the_making_and_ends(void **state)
{
    struct world *w = world_new(300);

    (void)state;
    w->outcome = OUTCOME_PAUSE;
    w->outcome_until = sl_minutes(3);
    run(w);
    assert_int_equal(w->account.deleted, 300);
    assert_true(sl_dur_cmp(w->report.took, sl_minutes(5)) < 0);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_are_made_and_delivered),
        cmocka_unit_test(no_more_are_held_than_credits_allow),
        cmocka_unit_test(no_more_bytes_are_held_than_allowed),
        cmocka_unit_test(what_is_refused_for_good_takes_no_credits),
        cmocka_unit_test(what_is_refused_goes_to_the_file),
        cmocka_unit_test(a_reader_of_the_file_may_take_its_time),
        cmocka_unit_test(what_the_drain_leaves_goes_to_the_file),
        cmocka_unit_test(without_a_file_what_the_drain_leaves_is_abandoned),
        cmocka_unit_test(a_pause_stops_the_making_and_ends),
    };

    log_open(-1, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

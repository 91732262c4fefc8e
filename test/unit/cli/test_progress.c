/*
 * The progress line: its fields, what a narrow terminal keeps of it, and the rate over the last ten
 * seconds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/progress.h"

#define START ((sl_time){1000000000})

struct scene {
    struct account account;
    struct progress progress;
    struct progress_view view;
};

static void scene_init(struct scene *s)
{
    *s = (struct scene){
        .account = {.received = 1183, .returned = 0},
        .progress = {.open_count = 83,
                     .open_since = {START.ns + 10300000000},
                     .sending = 1,
                     .accepted = 1100,
                     .queue_visible = 4210},
    };
    s->view = (struct progress_view){.account = &s->account,
                                     .progress = &s->progress,
                                     .batch_count = 100,
                                     .concurrency = 10,
                                     .began = START};
}

static void expect(struct scene *s, sl_dur after, size_t width, const char *want)
{
    struct strbuf out = {0};
    progress_line(&s->view, sl_time_add(START, after), width, &out);
    assert_string_equal(out.p ? out.p : "", want);
    assert_true(out.n <= width);
    strbuf_deinit(&out);
}

static void test_fields(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    s.view.samples[0].at = sl_time_add(START, sl_ms(2400));
    s.view.samples[0].accepted = 150;
    s.view.sample_count = s.view.sample_next = 1;
    expect(&s, sl_ms(12400), 200,
           "12.4 s   1,183 in   1,100 out   95/s   batch 83/100 2.1 s   sending 1/10   returned 0  "
           " queue 4,210");
    scene_init(&s);
    s.progress.open_count = 0;
    s.progress.open_since = SL_NEVER;
    s.progress.queue_visible = UINT64_MAX;
    expect(&s, sl_ms(12400), 200,
           "12.4 s   1,183 in   1,100 out   0/s   batch 0/100   sending 1/10   returned 0");
}

static void depth_of(void *arg, struct progress_depth *out)
{
    *out = *(const struct progress_depth *)arg;
}

/* The demonstration's line says how the queue stands, and fits 80 columns. */
static void test_depth(void **state)
{
    (void)state;
    struct progress_depth depth = {1190, 7, 83};
    struct scene s;
    scene_init(&s);
    s.account.batches = 12;
    s.view.depth = depth_of;
    s.view.arg = &depth;
    expect(&s, sl_ms(12400), 200,
           "12.4 s   1,190 sent   1,100 out   0/s   queue 7   in flight 83   12 batches   batch "
           "83/100 2.1 s   sending 1/10   returned 0");
    expect(&s, sl_ms(12400), 80,
           "12.4 s   1,190 sent   1,100 out   0/s   queue 7   in flight 83   12 batches");
}

static void test_trouble(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    s.progress.open_count = 0;
    s.progress.queue_visible = UINT64_MAX;
    strcpy(s.progress.trouble, "503\x1b[2J \xc3\xbc");
    expect(&s, sl_sec(1), 200,
           "1.0 s   1,183 in   1,100 out   0/s   batch 0/100   sending 1/10   returned 0   503?[2J "
           "??");
    s.progress.paused = true;
    strcpy(s.progress.trouble, "answered 401");
    expect(&s, sl_sec(1), 200,
           "1.0 s   1,183 in   1,100 out   0/s   batch 0/100   sending 1/10   returned 0   paused: "
           "answered 401");
}

/* Whole fields or none: half a number is a wrong number. */
static void test_widths(void **state)
{
    (void)state;
    static const char *const fields[] = {"12.4 s",     "1,183 in",           "1,100 out",
                                         "0/s",        "batch 83/100 2.1 s", "sending 1/10",
                                         "returned 0", "queue 4,210"};
    char want[200] = "";
    size_t fitting = 0;
    for (size_t width = 0; width < 120; width++) {
        struct scene s;
        scene_init(&s);
        if (fitting < 8 && strlen(want) + (fitting ? 3 : 0) + strlen(fields[fitting]) <= width) {
            strcat(want, fitting ? "   " : "");
            strcat(want, fields[fitting++]);
        }
        expect(&s, sl_ms(12400), width, want);
    }
    assert_int_equal(fitting, 8);
}

static void test_rate(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s);
    s.progress.queue_visible = UINT64_MAX;
    s.progress.open_count = 0;
    char line[200] = "";
    /* 100 events every second for 30 s: 100/s as soon as a second has passed, and it stays */
    for (int tick = 0; tick <= 150; tick++) {
        struct strbuf out = {0};
        s.progress.accepted = (uint64_t)(tick / 5) * 100;
        progress_line(&s.view, sl_time_add(START, sl_ms(tick * 200)), 200, &out);
        strcpy(line, out.p);
        strbuf_deinit(&out);
        if (tick > 0 && tick % 50 == 0)
            assert_non_null(strstr(line, "   100/s   "));
    }
    /* nothing for 5 s: half of the last ten seconds */
    for (int tick = 151; tick <= 175; tick++) {
        struct strbuf out = {0};
        progress_line(&s.view, sl_time_add(START, sl_ms(tick * 200)), 200, &out);
        strcpy(line, out.p);
        strbuf_deinit(&out);
    }
    assert_non_null(strstr(line, "   50/s   "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields), cmocka_unit_test(test_depth), cmocka_unit_test(test_trouble),
        cmocka_unit_test(test_widths), cmocka_unit_test(test_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* How many events come: as many as the rate says, also at one event in hours, and evenly where it is not by chance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/world/arrivals.h"

/* How many come in `duration`, in stretches of 200 ms; *gap is the longest time without one. */
static uint64_t count(const struct sim_arrivals *arrivals, sl_dur duration, sl_dur *gap)
{
    struct sim_arriving arriving;
    sl_time now = {0}, last = {0}, end = sl_time_add((sl_time){0}, duration);
    uint64_t total = 0;

    *gap = SL_ZERO;
    sim_arriving_init(&arriving, arrivals, sim_random_of(1, 1));
    while (sl_time_before(now, end)) {
        sl_time next = sl_time_min(sl_time_add(now, sl_ms(200)), end);
        uint64_t n = sim_arriving_next(&arriving, now, next);

        if (n > 0) {
            *gap = sl_dur_max(*gap, sl_time_sub(next, last));
            last = next;
        }
        total += n;
        now = next;
    }
    return total;
}

static void even_ones_are_exact(void **state)
{
    static const struct {
        double rate;
        int64_t minutes;
        uint64_t come;
    } cases[] = {
        {10.0 / 3600, 24 * 60, 240},
        {20.0 / 3600, 24 * 60, 480},
        {100.0 / 60, 10, 1000},
        {1.0 / 60, 10, 10},
        {1, 10, 600},
        {0.001, 60, 4},
        {7.0 / 3600, 8784, 1025},
        {500, 10, 300000},
        {1e6, 1, 60000000},
        {1.0 / 3, 1, 20},
        {0, 60, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim_arrivals arrivals = {.rate = cases[i].rate};
        sl_dur gap;

        assert_int_equal(count(&arrivals, sl_minutes(cases[i].minutes), &gap), cases[i].come);
        if (cases[i].come > 0)
            assert_true(sl_dur_seconds(gap) <= 1 / cases[i].rate + 0.21);
    }
}

static void a_stretch_may_end_anywhere(void **state)
{
    struct sim_arrivals arrivals = {.rate = 1000};
    sl_dur gap;

    (void)state;
    assert_int_equal(count(&arrivals, sl_ms(1050), &gap), 1050);
}

static void rates_change_where_they_are_said_to(void **state)
{
    static const struct sim_rate_step steps[] = {
        {{1050000000}, 1000}, {{2000000000}, 0}, {{3010000000}, 100}};
    struct sim_arrivals arrivals = {.steps = steps, .step_count = 3};
    sl_dur gap;

    (void)state;
    assert_int_equal(count(&arrivals, sl_ms(3500), &gap), 950 + 49);
}

static void by_chance_the_mean_is_right(void **state)
{
    static const double rates[] = {1.0 / 3600, 0.01, 1, 50, 1000};
    sl_dur gap;

    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct sim_arrivals arrivals = {.rate = rates[i], .is_poisson = true};
        double events = 10000, come;

        /* stretches are short beside the whole: 10,000 events, give or take four times the root of it */
        arrivals.rate = rates[i] < 1 ? rates[i] * 100 : rates[i];
        come = (double)count(&arrivals, sl_ms((int64_t)(events / arrivals.rate * 1000)), &gap);
        assert_true(come > events - 400 && come < events + 400);
    }
    assert_true(gap.ns >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_ones_are_exact),
        cmocka_unit_test(a_stretch_may_end_anywhere),
        cmocka_unit_test(rates_change_where_they_are_said_to),
        cmocka_unit_test(by_chance_the_mean_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

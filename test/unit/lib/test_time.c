/* Times and durations: saturation, absorbing ends, units, UUIDs. */
#include <ctype.h>

#include "test/unit/lib/world.h"

static const sl_dur from_initialisers[] = {SL_DUR_US(3),      SL_DUR_MS(3),    SL_DUR_SEC(3),
                                           SL_DUR_MINUTES(3), SL_DUR_HOURS(3), SL_DUR_FOREVER,
                                           SL_DUR_ZERO};

static void units(void **state)
{
    const sl_dur expected[] = {sl_us(3),    sl_ms(3),   sl_sec(3), sl_minutes(3),
                               sl_hours(3), SL_FOREVER, SL_ZERO};

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(from_initialisers[i].ns, expected[i].ns);
    assert_int_equal(sl_hours(1).ns, 3600000000000);
    assert_int_equal(sl_dur_us(sl_ms(2)), 2000);
    assert_int_equal(sl_dur_ms(sl_us(2999)), 2);
    assert_int_equal(sl_dur_ms_up(sl_us(2001)), 3);
    assert_int_equal(sl_dur_ms_up(sl_us(2000)), 2);
    assert_int_equal(sl_dur_ms_up(sl_us(-2500)), -2);
    assert_true(sl_dur_ms_up(SL_FOREVER) > 0);
    assert_true(sl_dur_seconds(sl_ms(1500)) == 1.5);
}

static void durations_saturate(void **state)
{
    (void)state;
    assert_int_equal(sl_sec(INT64_MAX).ns, INT64_MAX);
    assert_int_equal(sl_hours(INT64_MIN).ns, INT64_MIN);
    assert_int_equal(sl_dur_add(sl_ns(INT64_MAX - 1), sl_ns(5)).ns, INT64_MAX);
    assert_int_equal(sl_dur_add(SL_FOREVER, sl_sec(-5)).ns, INT64_MAX);
    assert_int_equal(sl_dur_add(sl_ns(INT64_MIN), sl_ns(-1)).ns, INT64_MIN);
    assert_int_equal(sl_dur_sub(SL_FOREVER, SL_FOREVER).ns, INT64_MAX);
    assert_int_equal(sl_dur_sub(SL_ZERO, sl_ns(INT64_MIN)).ns, INT64_MAX);
    assert_int_equal(sl_dur_sub(sl_ms(5), sl_ms(7)).ns, -2000000);
    assert_int_equal(sl_dur_mul(sl_sec(10), 1LL << 60).ns, INT64_MAX);
    assert_int_equal(sl_dur_mul(sl_sec(10), -(1LL << 60)).ns, INT64_MIN);
    assert_int_equal(sl_dur_mul(sl_sec(-10), -(1LL << 60)).ns, INT64_MAX);
    assert_int_equal(sl_dur_div(sl_sec(10), 4).ns, 2500000000);
    assert_int_equal(sl_dur_div(SL_FOREVER, 2).ns, INT64_MAX);
    assert_int_equal(sl_dur_div(sl_ns(INT64_MIN), -1).ns, INT64_MAX);
}

static void comparing(void **state)
{
    sl_time a = {1}, b = {2};

    (void)state;
    assert_true(sl_dur_cmp(sl_ms(1), sl_ms(2)) < 0);
    assert_true(sl_dur_cmp(sl_ms(2), sl_ms(1)) > 0);
    assert_int_equal(sl_dur_cmp(sl_ms(1), sl_us(1000)), 0);
    assert_int_equal(sl_dur_min(sl_ms(1), SL_FOREVER).ns, 1000000);
    assert_int_equal(sl_dur_max(sl_ms(1), sl_ms(-3)).ns, 1000000);
    assert_true(sl_time_before(a, b) && !sl_time_before(b, a) && !sl_time_before(a, a));
    assert_true(sl_time_cmp(a, b) < 0 && sl_time_cmp(b, a) > 0 && sl_time_cmp(a, a) == 0);
    assert_int_equal(sl_time_min(a, SL_NEVER).ns, 1);
    assert_int_equal(sl_time_max(a, b).ns, 2);
}

static void times_saturate(void **state)
{
    sl_time t = {1000};

    (void)state;
    assert_int_equal(sl_time_add(t, SL_FOREVER).ns, INT64_MAX);
    assert_int_equal(sl_time_add(SL_NEVER, sl_sec(-1)).ns, INT64_MAX);
    assert_int_equal(sl_time_add(t, sl_ns(-1)).ns, 999);
    assert_int_equal(sl_time_add((sl_time){INT64_MAX - 1}, sl_sec(1)).ns, INT64_MAX);
    assert_int_equal(sl_time_sub(SL_NEVER, t).ns, INT64_MAX);
    assert_int_equal(sl_time_sub(t, (sl_time){400}).ns, 600);
    assert_int_equal(sl_time_sub((sl_time){INT64_MIN}, t).ns, INT64_MIN);
}

WORLD_TEST(the_virtual_clocks_go_together)
{
    int64_t wall = sl_wall_ms();
    sl_time start = sl_now();

    assert_int_equal(wall, 1767225600000);
    assert_int_equal(sl_sleep(ctx, sl_ms(1234)), SL_OK);
    assert_int_equal(sl_wall_ms() - wall, 1234);
    sl_virtual_wall_jump(-5000);
    assert_int_equal(sl_wall_ms() - wall, -3766);
    assert_int_equal(ms_since(start), 1234);
}

WORLD_TEST(uuids_are_version_4)
{
    char a[37], b[37];

    for (int i = 0; i < 100; i++) {
        sl_uuid4(a);
        sl_uuid4(b);
        assert_int_equal(strlen(a), 36);
        assert_string_not_equal(a, b);
        for (int j = 0; j < 36; j++) {
            if (j == 8 || j == 13 || j == 18 || j == 23)
                assert_int_equal(a[j], '-');
            else
                assert_true(isdigit(a[j]) || (a[j] >= 'a' && a[j] <= 'f'));
        }
        assert_int_equal(a[14], '4');
        assert_non_null(strchr("89ab", a[19]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units),
        cmocka_unit_test(durations_saturate),
        cmocka_unit_test(comparing),
        cmocka_unit_test(times_saturate),
        cmocka_unit_test(the_virtual_clocks_go_together),
        cmocka_unit_test(uuids_are_version_4),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

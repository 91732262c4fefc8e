/* Parkers, timers and bells: what other libraries stand on. In loop context, in a virtual world. */
#include "test/unit/lib/world.h"

struct caller {
    struct sl_timer timer;
    struct sl_parker *parker;
    struct sl_ctx *cancel;
    struct ints *ch;
    int calls;
};

static void call(struct sl_timer *t)
{
    struct caller *c = SL_CONTAINER_OF(t, struct caller, timer);

    c->calls++;
    if (c->parker)
        sl_unpark(c->parker);
    if (c->cancel)
        sl_ctx_cancel(c->cancel, -EIO);
    if (c->ch)
        SL_IGNORE(ints_try_send(c->ch, c->calls));
}

static void call_in(struct caller *c, sl_dur d)
{
    sl_timer_init(&c->timer, call);
    sl_timer_set(&c->timer, sl_time_add(sl_now(), d));
}

WORLD_TEST(unparking_from_loop_context)
{
    sl_time start = sl_now();
    struct sl_parker p;
    struct caller c = {.parker = &p};

    sl_parker_init(&p);
    call_in(&c, sl_ms(20));
    assert_int_equal(sl_park(&p, ctx, SL_NEVER, "a test"), SL_OK);
    assert_int_equal(ms_since(start), 20);
    assert_false(sl_timer_is_set(&c.timer));
}

WORLD_TEST(an_unpark_before_is_remembered_once)
{
    sl_time start = sl_now();
    struct sl_parker p;

    sl_parker_init(&p);
    sl_unpark(&p);
    sl_unpark(&p);
    assert_int_equal(sl_park(&p, ctx, SL_NEVER, "a test"), SL_OK);
    assert_int_equal(sl_park(&p, ctx, sl_time_add(start, sl_ms(5)), "a test"), SL_TIMEOUT);
    assert_int_equal(ms_since(start), 5);
}

WORLD_TEST(parking_ends_with_the_context)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct sl_parker p;
    struct caller c = {.cancel = scope};

    sl_parker_init(&p);
    call_in(&c, sl_ms(1));
    assert_int_equal(sl_park(&p, scope, SL_NEVER, "a test"), SL_CANCELED);
    sl_unpark(&p); /* too late, and remembered */
    assert_int_equal(sl_park(&p, scope, SL_NEVER, "a test"), SL_CANCELED);
    assert_int_equal(sl_park(&p, NULL, SL_NEVER, "a test"), SL_OK);
    assert_int_equal(sl_ctx_leave(scope), -EIO);
    scope = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SL_DUR_MS(3)});
    assert_int_equal(sl_park(&p, scope, SL_NEVER, "a test"), SL_TIMEOUT);
    sl_ctx_leave(scope);
}

WORLD_TEST(unparked_then_cancelled_counts)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct sl_parker p;
    struct caller c = {.parker = &p, .cancel = scope};

    sl_parker_init(&p);
    call_in(&c, sl_ms(1));
    assert_int_equal(sl_park(&p, scope, SL_NEVER, "a test"), SL_OK);
    assert_int_equal(sl_ctx_err(scope), SL_CANCELED);
    sl_ctx_leave(scope);
}

WORLD_TEST(channels_from_loop_context)
{
    struct ints *ch = ints_new(ctx, 1, NULL);
    struct caller c = {.ch = ch};
    int value;

    call_in(&c, sl_ms(1));
    assert_int_equal(ints_recv(ch, ctx, &value), SL_OK);
    assert_int_equal(value, 1);
    call_in(&c, sl_ms(1));
    assert_int_equal(sl_sleep(ctx, sl_ms(2)), SL_OK);
    assert_int_equal(ints_recv(ch, ctx, &value), SL_OK);
    assert_int_equal(value, 2);
}

enum { TIMERS = 500 };

struct numbered {
    struct sl_timer timer;
    sl_time at;
    int number;
};

static int order[TIMERS];
static int fired;

static void fire(struct sl_timer *t)
{
    struct numbered *n = SL_CONTAINER_OF(t, struct numbered, timer);

    assert_int_equal(sl_now().ns, n->at.ns);
    order[fired++] = n->number;
}

/* Against the obvious: times drawn at random, some stopped, some set anew; ties in order of setting. */
WORLD_TEST(timers_fire_in_order)
{
    static struct numbered timers[TIMERS];
    int set[TIMERS], count = 0;

    for (int i = 0; i < TIMERS; i++) {
        timers[i].number = i;
        sl_timer_init(&timers[i].timer, fire);
    }
    for (int i = 0; i < TIMERS * 4; i++) {
        int which = (int)(sl_random() % TIMERS), at = 0;

        while (at < count && set[at] != which)
            at++;
        if (at < count) {
            memmove(&set[at], &set[at + 1], (size_t)(count - at - 1) * sizeof(set[0]));
            count--;
        }
        if (sl_random() % 4 == 0) {
            sl_timer_stop(&timers[which].timer);
            continue;
        }
        timers[which].at = sl_time_add(sl_now(), sl_ms((int64_t)(sl_random() % 50 + 1)));
        sl_timer_set(&timers[which].timer, timers[which].at);
        set[count++] = which;
    }
    fired = 0;
    assert_int_equal(sl_sleep(ctx, sl_ms(51)), SL_OK);
    assert_int_equal(fired, count);
    for (int i = 1; i < count; i++) { /* stable insertion sort by time */
        int which = set[i], j = i;

        for (; j > 0 && timers[set[j - 1]].at.ns > timers[which].at.ns; j--)
            set[j] = set[j - 1];
        set[j] = which;
    }
    for (int i = 0; i < count; i++)
        assert_int_equal(order[i], set[i]);
}

static void again(struct sl_timer *t)
{
    struct caller *c = SL_CONTAINER_OF(t, struct caller, timer);

    if (++c->calls < 5)
        sl_timer_set(t, sl_now()); /* for now: comes with the next poll, not in this one */
    else
        sl_timer_set(t, SL_NEVER);
}

WORLD_TEST(a_timer_may_set_itself)
{
    struct caller c = {.calls = 0};

    sl_timer_init(&c.timer, again);
    sl_timer_set(&c.timer, sl_now());
    assert_int_equal(sl_sleep(ctx, sl_ms(1)), SL_OK);
    assert_int_equal(c.calls, 5);
    assert_false(sl_timer_is_set(&c.timer));
    sl_timer_stop(&c.timer);
}

static void again_in_the_past(struct sl_timer *t)
{
    if (++SL_CONTAINER_OF(t, struct caller, timer)->calls < 100)
        sl_timer_set(t, (sl_time){INT64_MIN});
}

/* Those that are due have their turn before it comes a second time. */
WORLD_TEST(a_timer_that_sets_itself_to_the_past_is_in_nobodys_way)
{
    struct sl_parker p;
    struct caller busy = {.calls = 0}, other = {.parker = &p};

    sl_parker_init(&p);
    call_in(&other, sl_ms(0));
    sl_timer_init(&busy.timer, again_in_the_past);
    sl_timer_set(&busy.timer, (sl_time){INT64_MIN});
    assert_int_equal(sl_park(&p, ctx, SL_NEVER, "a timer"), SL_OK);
    assert_int_equal(busy.calls, 1);
    assert_int_equal(sl_sleep(ctx, sl_ms(1)), SL_OK);
    assert_int_equal(busy.calls, 100);
}

struct ringing {
    struct sl_bell *bell;
    struct sl_parker parker;
    int rung;
};

static void rung(void *arg)
{
    struct ringing *r = arg;

    r->rung++;
    sl_unpark(&r->parker);
}

WORLD_TEST(rings_coalesce)
{
    struct ringing r = {.rung = 0};

    sl_parker_init(&r.parker);
    r.bell = sl_bell_new(rung, &r);
    sl_bell_ring(r.bell);
    sl_bell_ring(r.bell);
    assert_int_equal(r.rung, 0); /* never inside the ring */
    assert_int_equal(sl_park(&r.parker, ctx, SL_NEVER, "a bell"), SL_OK);
    assert_int_equal(r.rung, 1);
    sl_bell_ring(r.bell);
    assert_int_equal(sl_park(&r.parker, ctx, SL_NEVER, "a bell"), SL_OK);
    assert_int_equal(r.rung, 2);
    sl_bell_ring(r.bell);
    sl_bell_silence(r.bell);
    sl_bell_silence(r.bell);
    assert_int_equal(sl_sleep(ctx, sl_ms(1)), SL_OK);
    assert_int_equal(r.rung, 2);
    sl_bell_unref(sl_bell_ref(r.bell));
    sl_bell_unref(r.bell);
    sl_bell_unref(NULL);
}

static struct sl_bell *kept;

static int keep_bell(struct sl_ctx *ctx, void *arg)
{
    (void)ctx;
    kept = sl_bell_new(rung, arg);
    return 0;
}

static void ringing_after_the_end_is_silent(void **state)
{
    struct ringing r = {.rung = 0};

    (void)state;
    assert_int_equal(sl_virtual_run(NULL, keep_bell, &r), 0);
    sl_bell_ring(kept);
    sl_bell_silence(kept);
    sl_bell_ring(kept);
    sl_bell_unref(kept);
    assert_int_equal(r.rung, 0);
}

static struct sl_timer left_over;
static int left_over_fired;

static void too_late(struct sl_timer *t)
{
    (void)t;
    left_over_fired++;
}

static int leave_a_timer(struct sl_ctx *ctx, void *arg)
{
    (void)arg;
    sl_timer_init(&left_over, too_late);
    sl_timer_set(&left_over, sl_time_add(sl_now(), sl_hours(1)));
    return sl_sleep(ctx, sl_ms(1));
}

static void a_timer_that_is_left_goes_with_the_scheduler(void **state)
{
    (void)state;
    assert_int_equal(sl_virtual_run(NULL, leave_a_timer, NULL), 0);
    assert_false(sl_timer_is_set(&left_over));
    sl_timer_stop(&left_over);
    assert_int_equal(left_over_fired, 0);
}

/* Somebody else still has it when its owner has given it up, and rings. */
WORLD_TEST(a_bell_that_is_abandoned_is_not_answered)
{
    struct ringing r = {.rung = 0};

    sl_parker_init(&r.parker);
    r.bell = sl_bell_new(rung, &r);
    sl_bell_ring(r.bell);
    sl_bell_unref(r.bell);
    assert_int_equal(sl_sleep(ctx, sl_ms(1)), SL_OK);
    assert_int_equal(r.rung, 0);
}

static void never_ready(struct sl_watch *w, unsigned events)
{
    (void)w;
    (void)events;
}

WORLD_TEST(a_virtual_world_has_no_descriptors)
{
    struct sl_watch w;

    sl_watch_init(&w, 0, never_ready);
    assert_int_equal(sl_watch_want(&w, SL_FD_READ), -ENOTSUP);
    assert_int_equal(w.wanted, 0);
    sl_watch_deinit(&w);
    assert_int_equal(sl_wait_fd(ctx, 0, SL_FD_READ, SL_NEVER, NULL), -ENOTSUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unparking_from_loop_context),
        cmocka_unit_test(an_unpark_before_is_remembered_once),
        cmocka_unit_test(parking_ends_with_the_context),
        cmocka_unit_test(unparked_then_cancelled_counts),
        cmocka_unit_test(channels_from_loop_context),
        cmocka_unit_test(timers_fire_in_order),
        cmocka_unit_test(a_timer_may_set_itself),
        cmocka_unit_test(a_timer_that_sets_itself_to_the_past_is_in_nobodys_way),
        cmocka_unit_test(rings_coalesce),
        cmocka_unit_test(ringing_after_the_end_is_silent),
        cmocka_unit_test(a_timer_that_is_left_goes_with_the_scheduler),
        cmocka_unit_test(a_bell_that_is_abandoned_is_not_answered),
        cmocka_unit_test(a_virtual_world_has_no_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

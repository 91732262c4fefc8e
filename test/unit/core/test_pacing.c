/* Credits and the pace of receives, as tables of (time, event → answer). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/pacing.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static sl_time at_ms(int64_t ms)
{
    return (sl_time){ms * 1000000};
}

/* ---- credits ---- */

static void credits_bound_the_count(void **state)
{
    struct reservation reservations[13], more;
    struct credits credits;

    (void)state;
    credits_init(&credits, 135, SIZE_MAX);
    for (size_t i = 0; i < COUNT(reservations); i++)
        assert_true(credits_reserve(&credits, &reservations[i]));
    assert_false(credits_are_free(&credits));
    assert_false(credits_reserve(&credits, &more));
    /* One brought 3, so 7 of its 10 are free again: 123 in use. */
    credits_arrived(&credits, &reservations[0], 3, 600, 300);
    assert_true(credits_reserve(&credits, &more));
    assert_false(credits_reserve(&credits, &more));
    credits_cancel(&credits, &reservations[1]);
    assert_true(credits_reserve(&credits, &more));
    credits_settled(&credits, 3, 600);
    assert_int_equal(credits.count, 0);
    assert_int_equal(credits.bytes, 0);
}

static void credits_bound_the_bytes(void **state)
{
    struct reservation a, b;
    struct credits credits;

    (void)state;
    credits_init(&credits, 1000, 3000000);
    /* Nothing known: 10 × twice 64 KiB. */
    assert_true(credits_reserve(&credits, &a));
    assert_int_equal(a.bytes, 1310720);
    assert_true(credits_reserve(&credits, &b));
    assert_false(credits_are_free(&credits));
    /* Small bodies: the reservation shrinks, but not below 10 × twice 1 KiB. */
    credits_arrived(&credits, &a, 10, 2000, 200);
    credits_cancel(&credits, &b);
    assert_true(credits_reserve(&credits, &a));
    assert_int_equal(a.bytes, 20480);
    /* A large one: from here on each receive may bring ten times twice that. */
    credits_arrived(&credits, &a, 10, 500000, 140000);
    assert_int_equal(credits.bytes, 502000);
    assert_false(credits_are_free(&credits));
    credits_settled(&credits, 20, 302000);
    assert_true(credits_reserve(&credits, &a));
    assert_int_equal(a.bytes, 2800000);
    credits_cancel(&credits, &a);
}

static void a_large_body_is_recent_for_a_while(void **state)
{
    struct reservation r;
    struct credits credits;

    (void)state;
    credits_init(&credits, 1000, SIZE_MAX);
    for (int i = 0; i < 128; i++) {
        assert_true(credits_reserve(&credits, &r));
        assert_int_equal(r.bytes, i == 0 ? 1310720 : 200000);
        credits_arrived(&credits, &r, 1, 10000, i == 0 ? 10000 : 2000);
        credits_settled(&credits, 1, 10000);
        /* Empty receives don't count. */
        assert_true(credits_reserve(&credits, &r));
        credits_arrived(&credits, &r, 0, 0, 0);
    }
    assert_true(credits_reserve(&credits, &r));
    assert_int_equal(r.bytes, 40000);
}

static void one_huge_body_does_not_stop_everything(void **state)
{
    struct reservation r;
    struct credits credits;

    (void)state;
    credits_init(&credits, 10, 100000);
    assert_true(credits_reserve(&credits, &r)); /* although 1,310,720 would be wanted */
    assert_int_equal(r.bytes, 100000);
    assert_false(credits_reserve(&credits, &r));
    credits_arrived(&credits, &r, 2, 2000000, 1000000); /* more than was reserved: it is there */
    assert_int_equal(credits.bytes, 2000000);
    assert_false(credits_reserve(&credits, &r));
    credits_settled(&credits, 2, 2000000);
    assert_true(credits_reserve(&credits, &r));
    credits_arrived(&credits, &r, 1, SIZE_MAX, SIZE_MAX);
    credits_settled(&credits, 1, SIZE_MAX);
    assert_true(credits_reserve(&credits, &r));
    credits_cancel(&credits, &r);
}

static void credits_are_conserved(void **state)
{
    struct reservation open[40];
    size_t open_count = 0, held[400], held_count = 0;
    struct credits credits;
    uint64_t x = 20261123;

    (void)state;
    credits_init(&credits, 400, 40000000);
    for (int i = 0; i < 100000; i++) {
        size_t pick;

        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        pick = (size_t)(x >> 40);
        if (pick % 3 == 0) {
            if (open_count < COUNT(open) && credits_reserve(&credits, &open[open_count]))
                open_count++;
        } else if (pick % 3 == 1 && open_count > 0) {
            struct reservation r = open[--open_count];
            size_t count = pick / 3 % 11, bytes = 0, size = pick % 50000;

            for (size_t k = 0; k < count; k++, bytes += size)
                held[held_count++] = size;
            credits_arrived(&credits, &r, count, bytes, size);
        } else if (held_count > 0) {
            credits_settled(&credits, 1, held[--held_count]);
        }
        assert_int_equal(credits.count, held_count);
        assert_int_equal(credits.reserved_count, open_count * 10);
        assert_true(credits.count + credits.reserved_count <= 400);
        assert_true(credits.bytes + credits.reserved_bytes <= 40000000);
    }
}

/* ---- receivers ---- */

static void receivers_follow_what_they_bring(void **state)
{
    static const struct {
        int64_t took_ms;
        size_t brought;
        bool credits_free;
        unsigned receivers;
    } steps[] = {
        {5000, 0, true, 1},  /* idle */
        {999, 1, true, 2},   /* anything in under a second */
        {1000, 10, true, 2}, /* a second is not under a second */
        {50, 10, false, 2},  /* no credits */
        {50, 10, true, 3},   {50, 10, true, 4},  {50, 10, true, 4}, /* the most */
        {5000, 0, true, 3},  {5000, 0, true, 2}, {5000, 0, true, 1}, {5000, 0, true, 1},
    };
    struct pacing pacing;

    (void)state;
    pacing_init(&pacing, 4);
    assert_int_equal(pacing_receivers(&pacing), 1);
    for (size_t i = 0; i < COUNT(steps); i++) {
        pacing_received(&pacing, &(struct pacing_receive){.started = at_ms(0),
                                                          .ended = at_ms(steps[i].took_ms),
                                                          .brought = steps[i].brought,
                                                          .credits_free = steps[i].credits_free});
        assert_int_equal(pacing_receivers(&pacing), steps[i].receivers);
    }
}

static void received(struct pacing *pacing, int64_t ended_ms, size_t brought)
{
    pacing_received(pacing, &(struct pacing_receive){.started = at_ms(ended_ms - 10),
                                                     .ended = at_ms(ended_ms),
                                                     .brought = brought,
                                                     .credits_free = true});
}

static void polls_wait_while_the_open_batch_has_time(void **state)
{
    static const struct {
        size_t brought; /* by the last receive, at 1,000 ms */
        int64_t now_ms;
        int64_t deadline_ms; /* of the open batch; -1 = none */
        int64_t next_ms;     /* 0 = at once */
    } cases[] = {
        {3, 1000, -1, 0},                             /* no open batch */
        {3, 1000, 6000, 1500},                        /* 500 ms */
        {3, 1200, 6000, 1500},                        /* asked again: the same answer */
        {3, 1500, 6000, 1500}, {3, 1000, 1300, 1300}, /* the time left */
        {3, 1000, 1000, 0},                           /* it leaves now */
        {3, 1000, 900, 0},     {10, 1000, 6000, 0},   /* the last receive was full */
        {0, 1000, 6000, 1500},
    };
    struct pacing pacing;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        sl_time next, deadline = cases[i].deadline_ms < 0 ? SL_NEVER : at_ms(cases[i].deadline_ms);

        pacing_init(&pacing, 4);
        assert_true(pacing_next_poll(&pacing, at_ms(0), deadline, 0).ns <= 0);
        received(&pacing, 1000, cases[i].brought);
        next = pacing_next_poll(&pacing, at_ms(cases[i].now_ms), deadline, 5);
        if (cases[i].next_ms == 0)
            assert_true(next.ns <= at_ms(cases[i].now_ms).ns);
        else
            assert_int_equal(next.ns, at_ms(cases[i].next_ms).ns);
    }
}

static void failures_slow_everybody_down(void **state)
{
    /* The ceiling of each wait in ms; half of it is the least. */
    static const int64_t ceilings[] = {250, 500, 1000, 2000, 4000, 8000, 16000, 20000, 20000};
    struct pacing pacing;
    sl_time now = at_ms(0);

    (void)state;
    pacing_init(&pacing, 4);
    received(&pacing, 0, 10);
    assert_int_equal(pacing_receivers(&pacing), 2);
    for (size_t i = 0; i < COUNT(ceilings); i++) {
        bool least = i % 2 == 0;

        pacing_failed(&pacing, now, least ? 0 : UINT64_MAX);
        assert_int_equal(pacing_receivers(&pacing), 1);
        /* What fails meanwhile is the same trouble. */
        pacing_failed(&pacing, now, UINT64_MAX);
        pacing_failed(&pacing, sl_time_add(now, sl_ms(100)), UINT64_MAX);
        assert_int_equal(pacing_next_poll(&pacing, now, SL_NEVER, 0).ns,
                         sl_time_add(now, sl_ms(least ? ceilings[i] / 2 : ceilings[i])).ns);
        now = pacing_next_poll(&pacing, now, SL_NEVER, 0);
    }
    received(&pacing, now.ns / 1000000 + 10, 1);
    pacing_failed(&pacing, sl_time_add(now, sl_sec(1)), UINT64_MAX);
    assert_int_equal(pacing_next_poll(&pacing, now, SL_NEVER, 0).ns,
                     sl_time_add(now, sl_ms(1250)).ns);
}

/* Three tries for each receive: at most one request a second, 10 s after the trouble began. */
static void failing_receives_come_at_most_once_a_second(void **state)
{
    struct pacing pacing;
    sl_time now = at_ms(0);

    (void)state;
    pacing_init(&pacing, 10);
    while (now.ns < at_ms(600000).ns) {
        sl_time next;

        pacing_failed(&pacing, now, UINT64_MAX / 3 * (uint64_t)(now.ns % 3));
        next = pacing_next_poll(&pacing, now, SL_NEVER, 0);
        if (now.ns >= at_ms(10000).ns)
            assert_true(sl_time_sub(next, now).ns >= sl_sec(3).ns);
        assert_true(sl_time_sub(next, now).ns <= sl_sec(20).ns);
        now = next;
    }
}

static void over_the_limit_it_waits_for_a_tenth_to_settle(void **state)
{
    static const struct {
        size_t held_then, held_now;
        int64_t next_ms;
    } cases[] = {
        {1000, 1000, 60000}, {1000, 901, 60000}, {1000, 900, 5000}, {1000, 0, 5000}, {5, 5, 60000},
        {5, 4, 5000},        {1, 1, 60000},      {1, 0, 5000},      {0, 0, 5000},
    };
    struct pacing pacing;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        pacing_init(&pacing, 4);
        received(&pacing, 0, 10);
        pacing_over_limit(&pacing, at_ms(0), cases[i].held_then);
        assert_int_equal(pacing_receivers(&pacing), 1);
        assert_int_equal(pacing_next_poll(&pacing, at_ms(1), SL_NEVER, cases[i].held_now).ns,
                         at_ms(cases[i].next_ms).ns);
        received(&pacing, 70000, 1);
        assert_true(pacing_next_poll(&pacing, at_ms(70000), SL_NEVER, cases[i].held_now).ns <=
                    at_ms(70000).ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credits_bound_the_count),
        cmocka_unit_test(credits_bound_the_bytes),
        cmocka_unit_test(a_large_body_is_recent_for_a_while),
        cmocka_unit_test(one_huge_body_does_not_stop_everything),
        cmocka_unit_test(credits_are_conserved),
        cmocka_unit_test(receivers_follow_what_they_bring),
        cmocka_unit_test(polls_wait_while_the_open_batch_has_time),
        cmocka_unit_test(failures_slow_everybody_down),
        cmocka_unit_test(failing_receives_come_at_most_once_a_second),
        cmocka_unit_test(over_the_limit_it_waits_for_a_tenth_to_settle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

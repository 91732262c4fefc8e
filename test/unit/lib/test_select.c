/* Select: exactly one, fair among the ready, switched-off cases, time, contexts first. */
#include "test/unit/lib/world.h"

WORLD_TEST(takes_what_is_ready)
{
    struct ints *a = ints_new(ctx, 1, NULL), *b = ints_new(ctx, 1, NULL);
    int va = 0, vb = 0;
    struct sl_case cases[] = {ints_on_recv(a, &va), ints_on_recv(b, &vb)};

    assert_int_equal(ints_send(b, ctx, 5), SL_OK);
    assert_int_equal(sl_select(ctx, cases, 2), 1);
    assert_int_equal(cases[1].result, SL_OK);
    assert_int_equal(vb, 5);
    assert_int_equal(va, 0);
}

WORLD_TEST(commits_exactly_one_and_unlinks_the_others)
{
    struct ints *a = ints_new(ctx, 0, NULL), *b = ints_new(ctx, 0, NULL);
    static int va = 0, vb = 0, sent[2];
    struct sl_case cases[] = {ints_on_recv(a, &va), ints_on_recv(b, &vb)};

    go_send(ctx, a, 1, &sent[0]);
    go_send(ctx, b, 2, &sent[1]);
    /* Both senders run while this waits; only the first may find it. */
    assert_int_equal(sl_select(ctx, cases, 2), 0);
    settle();
    assert_int_equal(va, 1);
    assert_int_equal(vb, 0);
    assert_int_equal(sent[0], SL_OK);
    assert_int_equal(sent[1], -1);
    assert_int_equal(sl_select(ctx, cases, 2), 1);
    assert_int_equal(vb, 2);
}

struct pick {
    struct ints *a, *b;
    int *chosen;
};

SL_TASK(pick)
{
    int value;
    struct sl_case cases[] = {ints_on_recv(my->a, &value), ints_on_recv(my->b, &value)};

    *my->chosen = sl_select(ctx, cases, 2);
    return 0;
}

WORLD_TEST(a_committed_select_is_gone_at_once)
{
    struct ints *a = ints_new(ctx, 0, NULL), *b = ints_new(ctx, 0, NULL);
    static int chosen = -1;

    SL_GO(ctx, pick, .a = a, .b = b, .chosen = &chosen);
    settle();
    assert_int_equal(ints_try_send(b, 1), SL_OK);
    assert_int_equal(ints_try_send(a, 1), SL_WOULD_BLOCK);
    assert_int_equal(ints_try_send(b, 1), SL_WOULD_BLOCK);
    settle();
    assert_int_equal(chosen, 1);
}

WORLD_TEST(two_selects_meet)
{
    struct ints *a = ints_new(ctx, 0, NULL), *b = ints_new(ctx, 0, NULL);
    static int chosen = -1, v = 3;
    struct sl_case sends[] = {ints_on_send(b, &v), ints_on_send(NULL, &v)};

    SL_GO(ctx, pick, .a = a, .b = b, .chosen = &chosen);
    assert_int_equal(sl_select(ctx, sends, 2), 0);
    settle();
    assert_int_equal(chosen, 1);
}

WORLD_TEST(own_cases_never_match)
{
    struct ints *ch = ints_new(ctx, 0, NULL);
    sl_time start = sl_now();
    static int in = 0, out = 1, sent;
    struct sl_case cases[] = {ints_on_recv(ch, &in), ints_on_send(ch, &out),
                              SL_AT(sl_time_add(start, sl_ms(10)))};

    assert_int_equal(sl_select(ctx, cases, 3), 2);
    assert_int_equal(ms_since(start), 10);
    cases[2] = SL_AT(SL_NEVER);
    go_send(ctx, ch, 9, &sent);
    assert_int_equal(sl_select(ctx, cases, 3), 0);
    assert_int_equal(in, 9);
}

WORLD_TEST(the_same_channel_twice)
{
    struct ints *ch = ints_new(ctx, 0, NULL);
    static int a = 0, b = 0, sent[2];
    struct sl_case cases[] = {ints_on_recv(ch, &a), ints_on_recv(ch, &b)};

    go_send(ctx, ch, 1, &sent[0]);
    assert_in_range(sl_select(ctx, cases, 2), 0, 1);
    assert_int_equal(a + b, 1);
    go_send(ctx, ch, 2, &sent[1]);
    settle();
    assert_in_range(sl_select(ctx, cases, 2), 0, 1);
}

WORLD_TEST(switched_off_cases_are_silent)
{
    struct ints *ch = ints_new(ctx, 1, NULL);
    int value = 0, other = 0;
    struct sl_case cases[] = {ints_on_recv(NULL, &other), ints_on_send(NULL, &other),
                              ints_on_recv(ch, &value), SL_AT(SL_NEVER)};

    assert_int_equal(ints_send(ch, ctx, 1), SL_OK);
    assert_int_equal(sl_select(ctx, cases, 4), 2);
    struct sl_ctx *scope = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SL_DUR_MS(5)});
    assert_int_equal(sl_select(scope, cases, 2), -ETIMEDOUT);
    assert_int_equal(sl_select(scope, NULL, 0), -ETIMEDOUT);
    sl_ctx_leave(scope);
    scope = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SL_DUR_MS(5)});
    assert_int_equal(sl_select(scope, NULL, 0), -ETIMEDOUT);
    sl_ctx_leave(scope);
}

WORLD_TEST(default_never_waits)
{
    struct ints *ch = ints_new(ctx, 1, NULL);
    int value = 0;
    struct sl_case cases[] = {SL_DEFAULT, ints_on_recv(ch, &value)};

    for (int i = 0; i < 1000; i++)
        assert_int_equal(sl_select(ctx, cases, 2), 0);
    assert_int_equal(cases[0].result, SL_OK);
    assert_int_equal(ints_send(ch, ctx, 6), SL_OK);
    assert_int_equal(sl_select(ctx, cases, 2), 1);
    assert_int_equal(value, 6);
}

WORLD_TEST(closed_channels_are_ready)
{
    struct ints *in = ints_new(ctx, 1, NULL), *out = ints_new(ctx, 0, NULL);
    int value = 1;
    struct sl_case recv[] = {ints_on_recv(in, &value)}, send[] = {ints_on_send(out, &value)};
    static int chosen = -1;

    SL_GO(ctx, pick, .a = in, .b = NULL, .chosen = &chosen);
    settle();
    ints_close(in);
    ints_close(out);
    settle();
    assert_int_equal(chosen, 0);
    assert_int_equal(sl_select(ctx, recv, 1), 0);
    assert_int_equal(recv[0].result, SL_CLOSED);
    assert_int_equal(sl_select(ctx, send, 1), 0);
    assert_int_equal(send[0].result, SL_CLOSED);
}

struct close_later {
    struct ints *ch;
};

SL_TASK(close_later)
{
    SL_IGNORE(sl_sleep(ctx, sl_ms(1)));
    ints_close(my->ch);
    return 0;
}

WORLD_TEST(close_wakes_a_select)
{
    struct ints *in = ints_new(ctx, 0, NULL), *out = ints_new(ctx, 0, NULL);
    int a, b = 2;
    struct sl_case cases[] = {ints_on_recv(in, &a), ints_on_send(out, &b)};

    SL_GO(ctx, close_later, .ch = out);
    assert_int_equal(sl_select(ctx, cases, 2), 1);
    assert_int_equal(cases[1].result, SL_CLOSED);
    SL_GO(ctx, close_later, .ch = in);
    cases[1] = SL_ON_SEND(NULL, &b);
    assert_int_equal(sl_select(ctx, cases, 2), 0);
    assert_int_equal(cases[0].result, SL_CLOSED);
}

WORLD_TEST(time_alone)
{
    sl_time start = sl_now();
    struct sl_case cases[] = {SL_AT(sl_time_add(start, sl_sec(2)))};

    assert_int_equal(sl_select(ctx, cases, 1), 0);
    assert_int_equal(cases[0].result, SL_OK);
    assert_int_equal(ms_since(start), 2000);
    assert_int_equal(sl_select(ctx, cases, 1), 0); /* a time that has passed */
    assert_int_equal(ms_since(start), 2000);
}

WORLD_TEST(nobody_may_end_a_select)
{
    struct ints *ch = ints_new(ctx, 1, ints_forget);
    sl_time start = sl_now();
    int value = 5;
    struct sl_case cases[] = {ints_on_send(ch, &value), SL_AT(sl_time_add(start, sl_ms(4)))};

    assert_int_equal(sl_select(NULL, cases, 2), 0);
    assert_int_equal(sl_select(NULL, cases, 2), 1); /* it is full */
    assert_int_equal(ms_since(start), 4);
}

WORLD_TEST(context_comes_first)
{
    struct ints *ch = ints_new(ctx, 1, ints_forget);
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    int value = 0;
    struct sl_case cases[] = {ints_on_recv(ch, &value), SL_DEFAULT};

    assert_int_equal(ints_send(ch, ctx, 1), SL_OK);
    sl_ctx_cancel(scope, 0);
    assert_int_equal(sl_select(scope, cases, 1), -ECANCELED);
    assert_int_equal(sl_select(scope, cases, 2), -ECANCELED);
    assert_int_equal(ints_len(ch), 1);
    sl_ctx_leave(scope);
}

WORLD_TEST(cancel_ends_it)
{
    struct ints *a = ints_new(ctx, 0, NULL), *b = ints_new(ctx, 0, NULL);
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    static int chosen = -1;

    SL_GO(scope, pick, .a = a, .b = b, .chosen = &chosen);
    settle();
    sl_ctx_cancel(scope, 0);
    assert_int_equal(ints_try_send(a, 1), SL_WOULD_BLOCK);
    assert_int_equal(ints_try_send(b, 1), SL_WOULD_BLOCK);
    sl_ctx_leave(scope);
    assert_int_equal(chosen, -ECANCELED);
}

WORLD_TEST(committed_then_cancelled_counts)
{
    struct ints *a = ints_new(ctx, 0, NULL), *b = ints_new(ctx, 0, NULL);
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    static int chosen = -1;

    SL_GO(scope, pick, .a = a, .b = b, .chosen = &chosen);
    settle();
    assert_int_equal(ints_try_send(b, 1), SL_OK);
    sl_ctx_leave(scope);
    assert_int_equal(chosen, 1);
}

/* With a fixed seed the counts are fixed; the bounds are five standard deviations. */
WORLD_TEST(fair_among_the_ready)
{
    enum { CASES = 5, ROUNDS = 10000 };
    struct ints *ch[CASES];
    int counts[CASES] = {0}, value;

    for (int i = 0; i < CASES; i++)
        ch[i] = ints_new(ctx, 1, ints_forget);
    for (int round = 0; round < ROUNDS; round++) {
        struct sl_case cases[CASES];
        int chosen;

        for (int i = 0; i < CASES; i++) {
            SL_IGNORE(ints_try_send(ch[i], i));
            cases[i] = ints_on_recv(i == 2 ? NULL : ch[i], &value);
        }
        chosen = sl_select(ctx, cases, CASES);
        assert_int_equal(value, chosen);
        counts[chosen]++;
    }
    assert_int_equal(counts[2], 0);
    for (int i = 0; i < CASES; i++)
        if (i != 2)
            assert_in_range(counts[i], ROUNDS / 4 - 217, ROUNDS / 4 + 217);
}

WORLD_TEST(as_many_cases_as_there_may_be)
{
    struct sl_case cases[SL_SELECT_MAX];
    struct ints *last = ints_new(ctx, 0, NULL);
    static int value = 0, sent;

    for (int i = 0; i < SL_SELECT_MAX - 1; i++)
        cases[i] = ints_on_recv(ints_new(ctx, 0, NULL), &value);
    cases[SL_SELECT_MAX - 1] = ints_on_recv(last, &value);
    go_send(ctx, last, 4, &sent);
    assert_int_equal(sl_select(ctx, cases, SL_SELECT_MAX), SL_SELECT_MAX - 1);
    go_send(ctx, last, 4, &sent);
    settle();
    assert_int_equal(sl_select(ctx, cases, SL_SELECT_MAX), SL_SELECT_MAX - 1);
}

struct greedy {
    struct ints *ch;
    int *done;
};

SL_TASK(greedy)
{
    int value;
    struct sl_case cases[] = {ints_on_recv(my->ch, &value)};

    for (; sl_select(ctx, cases, 1) == 0 && cases[0].result == SL_CLOSED; ++*my->done)
        ;
    return 0;
}

WORLD_TEST(a_busy_select_yields)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct ints *ch = ints_new(ctx, 0, NULL);
    int done = 0;

    ints_close(ch);
    SL_GO(scope, greedy, .ch = ch, .done = &done);
    sl_yield();
    assert_int_equal(done, 128);
    sl_ctx_leave(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_ready),
        cmocka_unit_test(commits_exactly_one_and_unlinks_the_others),
        cmocka_unit_test(a_committed_select_is_gone_at_once),
        cmocka_unit_test(two_selects_meet),
        cmocka_unit_test(own_cases_never_match),
        cmocka_unit_test(the_same_channel_twice),
        cmocka_unit_test(switched_off_cases_are_silent),
        cmocka_unit_test(default_never_waits),
        cmocka_unit_test(closed_channels_are_ready),
        cmocka_unit_test(close_wakes_a_select),
        cmocka_unit_test(time_alone),
        cmocka_unit_test(nobody_may_end_a_select),
        cmocka_unit_test(context_comes_first),
        cmocka_unit_test(cancel_ends_it),
        cmocka_unit_test(committed_then_cancelled_counts),
        cmocka_unit_test(fair_among_the_ready),
        cmocka_unit_test(as_many_cases_as_there_may_be),
        cmocka_unit_test(a_busy_select_yields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

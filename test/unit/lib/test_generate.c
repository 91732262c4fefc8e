/* Generators, and merging. */
#include "test/unit/lib/world.h"

struct count {
    int from, to;
    int result;
};

SL_GENERATOR(count, ints)
{
    for (int n = my->from; n <= my->to; n++)
        if (ints_send(out, ctx, n) != SL_OK)
            break;
    return my->result;
}

WORLD_TEST(a_generator_fills_and_closes)
{
    struct ints *numbers = SL_GENERATE(ctx, count, .from = 1, .to = 10);
    int n, sum = 0;

    while (ints_recv(numbers, ctx, &n) == SL_OK)
        sum += n;
    assert_int_equal(sum, 55);
}

WORLD_TEST(stopping_short)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct ints *numbers = SL_GENERATE(scope, count, .from = 1, .to = 1000000);
    int n;

    assert_int_equal(ints_recv(numbers, ctx, &n), SL_OK);
    sl_ctx_cancel(scope, 0);
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_int_equal(ints_recv(numbers, ctx, &n), SL_CLOSED);
    assert_int_equal(sl_ctx_leave(scope), 0);
}

WORLD_TEST(a_failing_generator_closes_and_cancels)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct ints *numbers = SL_GENERATE(scope, count, .from = 1, .to = 1, .result = -EIO);
    int n;

    assert_int_equal(ints_recv(numbers, ctx, &n), SL_OK);
    assert_int_equal(ints_recv(numbers, ctx, &n), SL_CLOSED);
    assert_int_equal(sl_ctx_leave(scope), -EIO);
}

WORLD_TEST(merging)
{
    struct sl_chan *in[4];
    struct ints *out;
    int n, last[4] = {0}, received = 0;

    for (int i = 0; i < 4; i++)
        in[i] = ints_chan(SL_GENERATE(ctx, count, .from = i * 100 + 1, .to = i * 100 + i * 10));
    out = ints_of(sl_merge(ctx, in, 4));
    while (ints_recv(out, ctx, &n) == SL_OK) {
        assert_true(n > last[n / 100]); /* each input keeps its order */
        last[n / 100] = n;
        received++;
    }
    assert_int_equal(received, 0 + 10 + 20 + 30);
}

static int dropped;

static void count_drop(int *value)
{
    (void)value;
    dropped++;
}

WORLD_TEST(merging_stopped_short_drops_what_is_in_hand)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct ints *a = ints_new(ctx, 0, count_drop), *b = ints_new(ctx, 0, count_drop);
    struct sl_chan *in[] = {ints_chan(a), ints_chan(b)}, *out;

    dropped = 0;
    out = sl_merge(scope, in, 2);
    assert_int_equal(ints_send(a, ctx, 1), SL_OK);
    sl_ctx_cancel(scope, 0);
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_true(sl_chan_is_closed(out));
    assert_int_equal(dropped, 1);
    assert_int_equal(sl_ctx_leave(scope), 0);
}

WORLD_TEST(a_null_channel_is_an_input_that_never_ends)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct sl_chan *in[] = {NULL, ints_chan(SL_GENERATE(scope, count, .from = 1, .to = 3)), NULL};
    struct ints *out = ints_of(sl_merge(scope, in, 3));
    int n, sum = 0;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(ints_recv(out, ctx, &n), SL_OK);
        sum += n;
    }
    assert_int_equal(sum, 6);
    settle();
    assert_false(sl_chan_is_closed(ints_chan(out)));
    sl_ctx_cancel(scope, 0);
    assert_int_equal(ints_recv(out, ctx, &n), SL_CLOSED);
    sl_ctx_leave(scope);
    assert_null(sl_merge(ctx, in, 1));
}

static int without_tasks(struct sl_ctx *ctx, void *arg)
{
    static const struct sl_batch_limits limits = {.count = 3, .age = SL_DUR_SEC(1)};
    struct sl_chan *in[] = {ints_chan(ints_new(ctx, 0, NULL))};

    (void)arg;
    for (int i = 0; i < 3; i++) {
        struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
        struct sl_chan *out = i == 0   ? ints_chan(SL_GENERATE(scope, count, .to = 3))
                              : i == 1 ? sl_merge(scope, in, 1)
                                       : sl_batches_chan(sl_batch(scope, in[0], &limits));
        struct sl_items value;

        assert_non_null(out);
        assert_int_equal(sl_chan_recv(out, ctx, &value), SL_CLOSED);
        assert_int_equal(sl_ctx_cause(scope), -EAGAIN);
        assert_int_equal(sl_ctx_leave(scope), -EAGAIN);
    }
    return 0;
}

static void a_stage_that_cannot_start_is_a_closed_channel(void **state)
{
    struct sl_virtual_options options = {.tasks_max = 1};

    (void)state;
    assert_int_equal(sl_virtual_run(&options, without_tasks, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_generator_fills_and_closes),
        cmocka_unit_test(stopping_short),
        cmocka_unit_test(a_failing_generator_closes_and_cancels),
        cmocka_unit_test(merging),
        cmocka_unit_test(a_null_channel_is_an_input_that_never_ends),
        cmocka_unit_test(merging_stopped_short_drops_what_is_in_hand),
        cmocka_unit_test(a_stage_that_cannot_start_is_a_closed_channel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The batcher as a table of (time, event -> answer), and the stage around it. */
#include "test/unit/lib/world.h"

enum { OFFER, FLUSHED, AGE, DEADLINE };

struct step {
    int at_ms;
    int event;
    size_t count, bytes; /* AGE: bytes is milliseconds */
    int answer;          /* of an offer; DEADLINE: milliseconds, -1 = never */
};

struct run {
    const char *name;
    struct sl_batch_limits limits;
    struct step steps[16];
};

#define FITS  SL_BATCH_FITS
#define FULL  SL_BATCH_FITS_AND_FULL
#define FIRST SL_BATCH_FLUSH_FIRST
#define END                                                                                        \
    {                                                                                              \
        .at_ms = -1                                                                                \
    }

static const struct run runs[] = {
    {"count",
     {.count = 3, .age = SL_DUR_FOREVER},
     {{0, OFFER, 1, 10, FITS},
      {0, OFFER, 1, 10, FITS},
      {0, OFFER, 1, 10, FULL},
      {0, FLUSHED, 0, 0, 0},
      {0, OFFER, 1, 10, FITS},
      END}},
    {"age counts from the first",
     {.count = 100, .age = SL_DUR_SEC(5)},
     {{0, DEADLINE, 0, 0, -1},
      {1000, OFFER, 1, 1, FITS},
      {1000, DEADLINE, 0, 0, 6000},
      {4000, OFFER, 1, 1, FITS},
      {4000, DEADLINE, 0, 0, 6000},
      {6000, FLUSHED, 0, 0, 0},
      {6000, DEADLINE, 0, 0, -1},
      {7000, OFFER, 1, 1, FITS},
      {7000, DEADLINE, 0, 0, 12000},
      END}},
    {"bytes with overhead and separators: {a,b} of 12",
     {.bytes = 12, .overhead_bytes = 2, .separator_bytes = 1, .age = SL_DUR_FOREVER},
     {{0, OFFER, 1, 4, FITS},  /* 6 */
      {0, OFFER, 1, 6, FIRST}, /* would be 13 */
      {0, OFFER, 1, 4, FULL},  /* 11: only a separator would fit */
      {0, FLUSHED, 0, 0, 0},
      {0, OFFER, 1, 10, FULL},
      {0, FLUSHED, 0, 0, 0},
      {0, OFFER, 1, 8, FITS}, /* 10 */
      {0, OFFER, 1, 1, FULL}, /* 12 */
      END}},
    {"alone too big",
     {.count = 10, .bytes = 100, .age = SL_DUR_FOREVER},
     {{0, OFFER, 1, 500, FULL},
      {0, OFFER, 1, 1, FIRST},
      {0, FLUSHED, 0, 0, 0},
      {0, OFFER, 1, 1, FITS},
      {0, OFFER, 1, 500, FIRST},
      {0, FLUSHED, 0, 0, 0},
      {0, OFFER, 30, 5, FULL},
      END}},
    {"units stay together",
     {.count = 10, .bytes = 1000, .separator_bytes = 1, .age = SL_DUR_FOREVER},
     {{0, OFFER, 4, 40, FITS}, {0, OFFER, 7, 70, FIRST}, {0, OFFER, 6, 60, FULL}, END}},
    {"no limits",
     {.age = SL_DUR_FOREVER},
     {{0, OFFER, 1, SIZE_MAX, FITS}, {0, OFFER, 1, SIZE_MAX, FITS}, {0, DEADLINE, 0, 0, -1}, END}},
    {"numbers saturate",
     {.bytes = 100, .overhead_bytes = 1, .separator_bytes = SIZE_MAX / 2, .age = SL_DUR_FOREVER},
     {{0, OFFER, 8, SIZE_MAX, FULL}, {0, OFFER, 1, 1, FIRST}, END}},
    {"age zero is due at once, also for what is held",
     {.count = 10, .age = SL_DUR_SEC(5)},
     {{100, OFFER, 1, 1, FITS},
      {200, AGE, 0, 0, 0},
      {200, DEADLINE, 0, 0, 100},
      {200, FLUSHED, 0, 0, 0},
      {200, DEADLINE, 0, 0, -1},
      {300, OFFER, 1, 1, FITS},
      {300, DEADLINE, 0, 0, 300},
      END}},
};

static void run_step(struct sl_batcher *b, const struct step *s, const char *name, int i)
{
    sl_time now = {(int64_t)s->at_ms * 1000000};
    int got = s->answer;

    switch (s->event) {
    case OFFER:
        got = (int)sl_batcher_offer(b, s->count, s->bytes, now);
        break;
    case FLUSHED:
        sl_batcher_flushed(b);
        break;
    case AGE:
        sl_batcher_age_set(b, sl_ms((int64_t)s->bytes));
        break;
    case DEADLINE:
        got = sl_batcher_deadline(b).ns == INT64_MAX ? -1
                                                     : (int)(sl_batcher_deadline(b).ns / 1000000);
        break;
    }
    if (got != s->answer)
        fail_msg("%s, step %d: %d instead of %d", name, i, got, s->answer);
}

static void the_policy(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof(runs) / sizeof(runs[0]); r++) {
        struct sl_batcher b;

        sl_batcher_init(&b, &runs[r].limits);
        for (int i = 0; runs[r].steps[i].at_ms >= 0; i++)
            run_step(&b, &runs[r].steps[i], runs[r].name, i);
    }
}

static void encoded_bytes_are_counted(void **state)
{
    struct sl_batch_limits limits = {.overhead_bytes = 2, .separator_bytes = 1, .age = SL_FOREVER};
    struct sl_batcher b;

    (void)state;
    sl_batcher_init(&b, &limits);
    assert_int_equal(b.bytes, 0);
    assert_int_equal(sl_batcher_offer(&b, 3, 30, SL_NEVER), FITS);
    assert_int_equal(b.bytes, 2 + 30 + 2);
    assert_int_equal(sl_batcher_offer(&b, 1, 5, SL_NEVER), FITS);
    assert_int_equal(b.bytes, 2 + 30 + 2 + 1 + 5);
    assert_int_equal(b.count, 4);
    sl_batcher_flushed(&b);
    assert_int_equal(b.bytes, 0);
}

struct feed {
    struct ints *out;
    int n;
    sl_dur pause;
};

SL_TASK(feed)
{
    for (int i = 0; i < my->n; i++) {
        if (ints_send(my->out, ctx, i) != SL_OK)
            break;
        if (my->pause.ns && sl_sleep(ctx, my->pause) != SL_OK)
            break;
    }
    ints_close(my->out);
    return 0;
}

/* The batches that leave: their sizes, and when. Values must come in order and be complete. */
static int gather(struct sl_ctx *ctx, struct sl_batches *in, size_t *sizes, int64_t *times_ms)
{
    sl_time start = sl_now();
    struct sl_items batch;
    int n = 0, next = 0;

    while (sl_batches_recv(in, ctx, &batch) == SL_OK) {
        sizes[n] = batch.count;
        times_ms[n++] = ms_since(start);
        for (size_t i = 0; i < batch.count; i++)
            assert_int_equal(((int *)batch.items)[i], next++);
        free(batch.items);
    }
    return n;
}

/* The demonstration restarted its timer with each event: this one left after 10 s, at 100 events. */
WORLD_TEST(one_event_each_100_ms_leaves_5_s_after_the_first)
{
    static const struct sl_batch_limits limits = {.count = 100, .age = SL_DUR_SEC(5)};
    struct ints *in = ints_new(ctx, 0, NULL);
    size_t sizes[8];
    int64_t times[8];

    SL_GO(ctx, feed, .out = in, .n = 120, .pause = sl_ms(100));
    assert_int_equal(gather(ctx, sl_batch(ctx, ints_chan(in), &limits), sizes, times), 3);
    /* The first comes at 0 and the next batch's first at 5.0 or 5.1 s, as the tie at 5.0 falls. */
    assert_int_equal(times[0], 5000);
    assert_in_range(sizes[0], 50, 51);
    assert_int_equal(times[1], (int64_t)sizes[0] * 100 + 5000);
    assert_int_equal(sizes[0] + sizes[1] + sizes[2], 120);
    assert_int_equal(times[2], 12000); /* closed: the rest leaves at once */
}

WORLD_TEST(a_full_batch_leaves_at_once)
{
    static const struct sl_batch_limits limits = {.count = 100, .age = SL_DUR_SEC(5)};
    struct ints *in = ints_new(ctx, 0, NULL);
    size_t sizes[8];
    int64_t times[8];

    SL_GO(ctx, feed, .out = in, .n = 250);
    assert_int_equal(gather(ctx, sl_batch(ctx, ints_chan(in), &limits), sizes, times), 3);
    assert_int_equal(sizes[0], 100);
    assert_int_equal(sizes[1], 100);
    assert_int_equal(sizes[2], 50);
    assert_int_equal(times[2], 0);
}

WORLD_TEST(never_an_empty_batch)
{
    static const struct sl_batch_limits limits = {.count = 100, .age = SL_DUR_MS(10)};
    struct ints *in = ints_new(ctx, 0, NULL);
    size_t sizes[8];
    int64_t times[8];

    SL_GO(ctx, feed, .out = in, .n = 3, .pause = sl_sec(1));
    assert_int_equal(gather(ctx, sl_batch(ctx, ints_chan(in), &limits), sizes, times), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sizes[i], 1);
    assert_int_equal(times[2], 2010);
    in = ints_new(ctx, 0, NULL);
    ints_close(in);
    assert_int_equal(gather(ctx, sl_batch(ctx, ints_chan(in), &limits), sizes, times), 0);
}

WORLD_TEST(bytes_bound_the_stage_too)
{
    static const struct sl_batch_limits limits = {.bytes = 10, .age = SL_DUR_FOREVER};
    struct ints *in = ints_new(ctx, 0, NULL);
    size_t sizes[8];
    int64_t times[8];

    SL_GO(ctx, feed, .out = in, .n = 5);
    assert_int_equal(gather(ctx, sl_batch(ctx, ints_chan(in), &limits), sizes, times), 3);
    assert_int_equal(sizes[0], 2); /* 8 of 10 bytes, and a third has 4 */
    assert_int_equal(sizes[2], 1);
}

/* The stage reckons with one size for all; it must come to what the policy says for each. */
WORLD_TEST(the_stage_agrees_with_the_policy)
{
    static const struct sl_batch_limits table[] = {
        {.bytes = 1, .age = SL_DUR_FOREVER},
        {.bytes = 4, .age = SL_DUR_FOREVER},
        {.bytes = 21, .overhead_bytes = 2, .separator_bytes = 1, .age = SL_DUR_FOREVER},
        {.bytes = 22, .overhead_bytes = 2, .separator_bytes = 1, .age = SL_DUR_FOREVER},
        {.bytes = 23, .overhead_bytes = 40, .separator_bytes = 1, .age = SL_DUR_FOREVER},
        {.bytes = 99, .count = 3, .overhead_bytes = 7, .separator_bytes = 9, .age = SL_DUR_FOREVER},
        {.bytes = SIZE_MAX, .count = 10, .separator_bytes = 1, .age = SL_DUR_FOREVER},
        {.bytes = SIZE_MAX, .overhead_bytes = 2, .separator_bytes = 3, .age = SL_DUR_FOREVER},
        {.bytes = 99, .separator_bytes = SIZE_MAX - 1, .age = SL_DUR_FOREVER},
        {.bytes = SIZE_MAX, .separator_bytes = SIZE_MAX, .age = SL_DUR_FOREVER},
        {.bytes = 30, .count = 30, .overhead_bytes = 7, .separator_bytes = 9},
    };
    size_t sizes[64];
    int64_t times[64];

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct ints *in = ints_new(ctx, 0, NULL);
        struct sl_batcher b;

        sl_batcher_init(&b, &table[i]);
        while (sl_batcher_offer(&b, 1, sizeof(int), sl_now()) == FITS && b.count < 50)
            ;
        SL_GO(ctx, feed, .out = in, .n = 50);
        assert_true(gather(ctx, sl_batch(ctx, ints_chan(in), &table[i]), sizes, times) > 0);
        assert_int_equal(sizes[0], table[i].age.ns ? b.count : 1);
    }
}

struct feed_nothing {
    struct sl_chan *out;
    int n;
};

SL_TASK(feed_nothing)
{
    for (int i = 0; i < my->n; i++)
        if (sl_chan_send(my->out, ctx, NULL) != SL_OK)
            break;
    sl_chan_close(my->out);
    return 0;
}

/* A batch of them is their number. */
WORLD_TEST(elements_without_bytes_are_counted)
{
    static const struct sl_batch_limits limits = {.count = 3, .bytes = 1, .age = SL_DUR_FOREVER};
    struct sl_chan *in = sl_chan_new(ctx, 0, 0, NULL);
    struct sl_batches *out = sl_batch(ctx, in, &limits);
    struct sl_items batch;
    size_t expected[] = {3, 3, 1};

    SL_GO(ctx, feed_nothing, .out = in, .n = 7);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sl_batches_recv(out, ctx, &batch), SL_OK);
        assert_int_equal(batch.count, expected[i]);
        free(batch.items);
    }
    assert_int_equal(sl_batches_recv(out, ctx, &batch), SL_CLOSED);
}

static int dropped;

static void count_drop(int *value)
{
    (void)value;
    dropped++;
}

WORLD_TEST(cancelled_values_go_to_the_drop_function)
{
    static const struct sl_batch_limits limits = {.count = 4, .age = SL_DUR_FOREVER};
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct ints *in = ints_new(ctx, 0, count_drop);
    struct sl_batches *out;

    dropped = 0;
    out = sl_batch(scope, ints_chan(in), &limits);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ints_send(in, ctx, i), SL_OK);
    sl_ctx_cancel(scope, 0);
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_int_equal(dropped, 3);
    assert_true(sl_chan_is_closed(sl_batches_chan(out)));
    sl_ctx_leave(scope);

    scope = sl_ctx_new(ctx, NULL);
    out = sl_batch(scope, ints_chan(in), &limits);
    for (int i = 0; i < 4; i++)
        assert_int_equal(ints_send(in, ctx, i), SL_OK); /* the batch waits for a receiver */
    settle();
    sl_ctx_leave(scope);
    assert_int_equal(dropped, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_policy),
        cmocka_unit_test(encoded_bytes_are_counted),
        cmocka_unit_test(one_event_each_100_ms_leaves_5_s_after_the_first),
        cmocka_unit_test(a_full_batch_leaves_at_once),
        cmocka_unit_test(never_an_empty_batch),
        cmocka_unit_test(bytes_bound_the_stage_too),
        cmocka_unit_test(the_stage_agrees_with_the_policy),
        cmocka_unit_test(elements_without_bytes_are_counted),
        cmocka_unit_test(cancelled_values_go_to_the_drop_function),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

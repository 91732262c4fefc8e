/* Tasks: starting, order, stacks, limits, sleeping, ticks, signals, offloading. */
#include <signal.h>

#include <sluice/offload.h>

#include "test/unit/lib/world.h"

static char trace[256];

static void note(char c)
{
    size_t n = strlen(trace);

    trace[n] = c;
    trace[n + 1] = 0;
}

struct letter {
    char c;
    int turns;
    sl_dur pause;
};

SL_TASK(letter)
{
    for (int i = 0; i < my->turns; i++) {
        note(my->c);
        if (my->pause.ns)
            SL_IGNORE(sl_sleep(ctx, my->pause));
        else
            sl_yield();
    }
    return 0;
}

WORLD_TEST(first_ready_first_run)
{
    trace[0] = 0;
    SL_GO(ctx, letter, .c = 'a', .turns = 3);
    SL_GO(ctx, letter, .c = 'b', .turns = 2);
    SL_GO(ctx, letter, .c = 'c', .turns = 3);
    assert_string_equal(trace, ""); /* nobody runs before this waits */
    settle();
    assert_string_equal(trace, "abcabcac");
}

WORLD_TEST(sleepers_wake_in_the_order_of_time)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    sl_time start = sl_now();

    trace[0] = 0;
    SL_GO(scope, letter, .c = 'a', .turns = 3, .pause = sl_ms(30));
    SL_GO(scope, letter, .c = 'b', .turns = 3, .pause = sl_ms(20));
    SL_GO(scope, letter, .c = 'c', .turns = 2, .pause = sl_ms(30));
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_string_equal(trace, "abcbacba"); /* at 60 ms both were set at the same time, b first */
    assert_int_equal(ms_since(start), 90);
    sl_ctx_leave(scope);
}

WORLD_TEST(sleeping)
{
    sl_time start = sl_now();
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    assert_int_equal(sl_sleep(NULL, sl_ms(5)), SL_OK);
    assert_int_equal(sl_sleep(ctx, sl_hours(24 * 365)), SL_OK);
    assert_int_equal(sl_sleep(ctx, SL_ZERO), SL_OK);
    assert_int_equal(sl_sleep(ctx, sl_ms(-1)), SL_OK);
    assert_int_equal(sl_sleep_until(ctx, start), SL_OK);
    assert_int_equal(ms_since(start), 5 + 24LL * 365 * 3600 * 1000);
    sl_ctx_cancel(scope, 0);
    assert_int_equal(sl_sleep(scope, SL_ZERO), SL_CANCELED);
    assert_int_equal(sl_sleep_until(scope, start), SL_CANCELED);
    sl_ctx_leave(scope);
}

struct big {
    char bytes[SL_TASK_ARGS_MAX - sizeof(size_t *)];
    size_t *sum;
};

SL_TASK(big)
{
    for (size_t i = 0; i < sizeof(my->bytes); i++)
        *my->sum += (size_t)my->bytes[i];
    return 0;
}

WORLD_TEST(arguments_are_copied)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    size_t sum = 0;

    SL_GO(scope, big, .bytes = {[0] = 1, [100] = 2, [sizeof(((struct big *)0)->bytes) - 1] = 4},
          .sum = &sum);
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_int_equal(sum, 7);
    sl_ctx_leave(scope);
}

struct empty {
    char none;
};

static int empty_runs;

SL_TASK_DECLARE(empty);
SL_TASK_EXTERN(empty)
{
    empty_runs++;
    return 0;
}

WORLD_TEST(stacks_are_used_again)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    empty_runs = 0;
    for (int i = 0; i < 100000; i++) {
        SL_GO(scope, empty);
        if (i % 1000 == 0)
            sl_yield();
    }
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_int_equal(empty_runs, 100000);
    sl_ctx_leave(scope);
}

struct aligned {
    int depth;
    double *sum;
};

/* The compiler may use aligned vector instructions wherever it believes the stack to be aligned. */
static __attribute__((noinline)) void check_alignment(double *sum)
{
    _Alignas(16) volatile double a[2] = {1.5, 2.5};
    char text[64];

    assert_int_equal((uintptr_t)a % 16, 0);
    snprintf(text, sizeof(text), "%.1f", a[0] + a[1]); /* saves vector registers: must be aligned */
    assert_string_equal(text, "4.0");
    *sum += a[0] + a[1];
}

SL_TASK(aligned)
{
    double local = 0.25;

    check_alignment(my->sum);
    sl_yield();
    check_alignment(my->sum);
    *my->sum += local;
    return 0;
}

WORLD_TEST(stacks_are_aligned)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    double sum = 0;

    for (int i = 0; i < 40; i++)
        SL_GO(scope, aligned, .sum = &sum);
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_true(sum == 40 * 8.25);
    sl_ctx_leave(scope);
}

struct registers {
    int seed;
    int *done;
};

/* More values than a machine has registers to preserve, alive across every switch. */
SL_TASK(registers)
{
    double a = my->seed, b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5, g = a + 6,
           h = a + 7;
    long i = my->seed, j = i + 1, k = i + 2, l = i + 3, m = i + 4, n = i + 5, o = i + 6, p = i + 7;

    for (int round = 0; round < 50; round++) {
        sl_yield();
        a += 1, b += 2, c += 3, d += 4, e += 5, f += 6, g += 7, h += 8;
        i += 1, j += 2, k += 3, l += 4, m += 5, n += 6, o += 7, p += 8;
    }
    assert_true(a + b + c + d + e + f + g + h == my->seed * 8 + 28 + 50 * 36);
    assert_int_equal(i + j + k + l + m + n + o + p, my->seed * 8 + 28 + 50 * 36);
    ++*my->done;
    return sl_ctx_err(ctx);
}

WORLD_TEST(a_switch_preserves_what_a_function_must)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    int done = 0;

    for (int i = 0; i < 7; i++)
        SL_GO(scope, registers, .seed = i * 1000, .done = &done);
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_int_equal(done, 7);
    sl_ctx_leave(scope);
}

struct deep {
    int *sum;
};

static __attribute__((noinline)) int descend(int depth)
{
    volatile char frame[512];

    frame[depth % 512] = 1;
    if (depth == 0)
        return frame[0];
    return descend(depth - 1) + frame[depth % 512];
}

SL_TASK(deep)
{
    *my->sum += descend(300);
    sl_yield();
    return 0;
}

WORLD_TEST(stacks_are_as_deep_as_promised)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    int sum = 0;

    for (int i = 0; i < 10; i++)
        SL_GO(scope, deep, .sum = &sum);
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_int_equal(sum, 3010);
    sl_ctx_leave(scope);
}

enum { MANY = 10000 };

struct parked {
    struct ints *ch;
    int *sum;
};

SL_TASK(parked)
{
    int value;

    if (ints_recv(my->ch, ctx, &value) == SL_OK)
        *my->sum += value;
    return 0;
}

WORLD_TEST(ten_thousand_tasks)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct ints *ch = ints_new(ctx, 0, NULL);
    int sum = 0;

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++)
            SL_GO(scope, parked, .ch = ch, .sum = &sum);
        settle();
        for (int i = 0; i < MANY / 2; i++)
            assert_int_equal(ints_send(ch, ctx, 1), SL_OK);
        assert_int_equal(sl_ctx_err(scope), SL_OK);
        sl_ctx_leave(scope);
        scope = sl_ctx_new(ctx, NULL);
    }
    assert_int_equal(sum, MANY);
    sl_ctx_leave(scope);
}

/* The address space in use, in bytes. */
static size_t mapped(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu", &pages), 1);
    fclose(f);
    return (size_t)pages * 4096;
}

/* Only a few hundred are kept; a stack and its guard are 320 KiB or more. */
WORLD_TEST(stacks_that_nobody_uses_are_given_back)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct ints *ch = ints_new(ctx, 0, NULL);
    size_t before, most;
    int sum = 0;

    before = mapped();
    for (int i = 0; i < 2000; i++)
        SL_GO(scope, parked, .ch = ch, .sum = &sum);
    settle();
    most = mapped();
    assert_true(most - before > 1900 * (320u << 10));
    sl_ctx_leave(scope);
    for (int i = 0; i < 200; i++)
        assert_int_equal(sl_sleep(ctx, sl_ms(1)), SL_OK); /* a few each time */
    assert_true(mapped() < most - 1500 * (320u << 10));
}

static int too_many(struct sl_ctx *ctx, void *arg)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    (void)arg;
    for (int i = 0; i < 9; i++)
        SL_GO(scope, letter, .turns = 1, .pause = sl_hours(1));
    assert_int_equal(sl_ctx_err(scope), SL_OK);
    SL_GO(scope, letter, .turns = 1, .pause = sl_hours(1)); /* main is the first of ten */
    assert_int_equal(sl_ctx_cause(scope), -EAGAIN);
    assert_int_equal(sl_ctx_leave(scope), -EAGAIN);
    scope = sl_ctx_new(ctx, NULL);
    SL_GO(scope, letter, .turns = 1, .pause = sl_ms(1));
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    return sl_ctx_leave(scope);
}

static void more_than_tasks_max_cancel_the_scope(void **state)
{
    (void)state;
    trace[0] = 0;
    assert_int_equal(sl_virtual_run(&(struct sl_virtual_options){.tasks_max = 10}, too_many, NULL),
                     0);
}

WORLD_TEST(ticks_keep_to_their_grid_and_late_ones_are_dropped)
{
    sl_time start = sl_now(), tick;
    struct sl_chan *ticks = sl_ticker(ctx, sl_ms(10));

    for (int i = 1; i <= 3; i++) {
        assert_int_equal(sl_chan_recv(ticks, ctx, &tick), SL_OK);
        assert_int_equal(sl_dur_ms(sl_time_sub(tick, start)), i * 10);
    }
    assert_int_equal(sl_sleep(ctx, sl_ms(35)), SL_OK); /* at 65: 40 is inside, 50 and 60 are lost */
    assert_int_equal(sl_chan_recv(ticks, ctx, &tick), SL_OK);
    assert_int_equal(sl_dur_ms(sl_time_sub(tick, start)), 40);
    assert_int_equal(sl_chan_recv(ticks, ctx, &tick), SL_OK);
    assert_int_equal(sl_dur_ms(sl_time_sub(tick, start)), 70);
    sl_chan_free(ticks);
    assert_int_equal(sl_sleep(ctx, sl_sec(1)), SL_OK);
}

/* A process that was stopped: one tick for all that it slept through, then the grid again. */
WORLD_TEST(ticks_keep_to_their_grid_after_a_standstill)
{
    sl_time start = sl_now(), tick;
    struct sl_chan *ticks = sl_ticker(ctx, sl_ms(10));

    sl_virtual_leap(sl_ms(57));
    assert_int_equal(sl_chan_recv(ticks, ctx, &tick), SL_OK);
    assert_int_equal(sl_dur_ms(sl_time_sub(tick, start)), 57);
    assert_int_equal(sl_chan_recv(ticks, ctx, &tick), SL_OK);
    assert_int_equal(sl_dur_ms(sl_time_sub(tick, start)), 60);
    assert_int_equal(sl_sleep(ctx, sl_ms(10)), SL_OK); /* the tick that is inside is forgotten */
}

WORLD_TEST(signals_are_a_channel)
{
    int signos[] = {SIGTERM, SIGHUP}, signo = 0;
    struct sl_chan *signals = sl_signals(ctx, signos, 2);

    sl_virtual_raise(SIGUSR1);
    sl_virtual_raise(SIGHUP);
    sl_virtual_raise(SIGTERM);
    assert_int_equal(sl_chan_recv(signals, ctx, &signo), SL_OK);
    assert_int_equal(signo, SIGHUP);
    assert_int_equal(sl_chan_recv(signals, ctx, &signo), SL_OK);
    assert_int_equal(signo, SIGTERM);
    assert_int_equal(sl_chan_try_recv(signals, &signo), SL_WOULD_BLOCK);
    sl_chan_free(signals);
    sl_virtual_raise(SIGTERM);
}

static int add_one(void *arg)
{
    ++*(int *)arg;
    return 77;
}

static int offloads(struct sl_ctx *ctx, void *arg)
{
    sl_time start = sl_now();
    int n = 0, result = 0;

    (void)ctx;
    assert_int_equal(sl_offload(add_one, &n, &result), 0);
    assert_int_equal(result, 77);
    assert_int_equal(sl_offload(add_one, &n, NULL), 0);
    assert_int_equal(n, 2);
    *(int64_t *)arg = sl_time_sub(sl_now(), start).ns;
    return 0;
}

static void offloading_takes_seeded_time(void **state)
{
    struct sl_virtual_options options = {.offload_max = SL_DUR_SEC(1)};
    int64_t first, again, none, other;

    (void)state;
    assert_int_equal(sl_virtual_run(NULL, offloads, &none), 0);
    assert_int_equal(sl_virtual_run(&options, offloads, &first), 0);
    assert_int_equal(sl_virtual_run(&options, offloads, &again), 0);
    options.seed = 1;
    assert_int_equal(sl_virtual_run(&options, offloads, &other), 0);
    assert_int_equal(none, 0);
    assert_int_equal(first, again);
    assert_int_not_equal(first, other);
    assert_in_range(first, 1, 2000000000);
}

static int shuffled(struct sl_ctx *ctx, void *arg)
{
    trace[0] = 0;
    for (char c = 'a'; c <= 'z'; c++)
        SL_GO(ctx, letter, .c = c, .turns = 1);
    SL_IGNORE(sl_sleep(ctx, sl_ms(1)));
    strcpy(arg, trace);
    return 0;
}

static void shuffling_follows_the_seed(void **state)
{
    struct sl_virtual_options options = {.shuffle = true, .seed = 5};
    char a[256], b[256], c[256];

    (void)state;
    assert_int_equal(sl_virtual_run(&options, shuffled, a), 0);
    assert_int_equal(sl_virtual_run(&options, shuffled, b), 0);
    options.seed = 6;
    assert_int_equal(sl_virtual_run(&options, shuffled, c), 0);
    assert_int_equal(strlen(a), 26);
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_ready_first_run),
        cmocka_unit_test(sleepers_wake_in_the_order_of_time),
        cmocka_unit_test(sleeping),
        cmocka_unit_test(arguments_are_copied),
        cmocka_unit_test(stacks_are_used_again),
        cmocka_unit_test(stacks_are_aligned),
        cmocka_unit_test(a_switch_preserves_what_a_function_must),
        cmocka_unit_test(stacks_are_as_deep_as_promised),
        cmocka_unit_test(ten_thousand_tasks),
        cmocka_unit_test(stacks_that_nobody_uses_are_given_back),
        cmocka_unit_test(more_than_tasks_max_cancel_the_scope),
        cmocka_unit_test(ticks_keep_to_their_grid_and_late_ones_are_dropped),
        cmocka_unit_test(ticks_keep_to_their_grid_after_a_standstill),
        cmocka_unit_test(signals_are_a_channel),
        cmocka_unit_test(offloading_takes_seeded_time),
        cmocka_unit_test(shuffling_follows_the_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Every allocation fails in turn. The program under test must end by itself, with -ENOMEM or as if
 * nothing had happened, and what it got it must give back. malloc and mmap are this file's own here;
 * with a sanitizer or Valgrind they are its, and this test has nothing to do.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#include <sluice/offload.h>

#include "test/lib/failing.h"
#include "test/unit/lib/world.h"

#ifdef FAILS_IN_TURN
void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    return fails() ? MAP_FAILED : (void *)syscall(SYS_mmap, at, n, protection, flags, fd, offset);
}

/* As where the system has no more mappings: a stack is one, and its guard a second. */
int mprotect(void *at, size_t n, int protection)
{
    if (counting && ++allocations == fail_at) {
        errno = ENOMEM;
        return -1;
    }
    return (int)syscall(SYS_mprotect, at, n, protection);
}

int munmap(void *at, size_t n)
{
    held -= counting;
    return (int)syscall(SYS_munmap, at, n);
}
#endif

struct count {
    int to;
};

SL_GENERATOR(count, ints)
{
    for (int n = 0; n < my->to; n++)
        if (ints_send(out, ctx, n) != SL_OK)
            break;
    return 0;
}

struct free_batches {
    struct sl_batches *in;
};

SL_TASK(free_batches)
{
    struct sl_items batch;

    while (sl_batches_recv(my->in, ctx, &batch) == SL_OK)
        free(batch.items);
    return 0;
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void rung(void *arg)
{
    (void)arg;
}

/* Something of everything that allocates. */
static int everything(struct sl_ctx *ctx, void *arg)
{
    static const struct sl_batch_limits limits = {.count = 40, .age = SL_DUR_MS(1)};
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL), *child = sl_ctx_new(scope, NULL);
    struct sl_chan *in[] = {ints_chan(SL_GENERATE(scope, count, .to = 50)),
                            ints_chan(SL_GENERATE(scope, count, .to = 50))};
    struct sl_chan *ticks = sl_ticker(scope, sl_ms(1)), *signals;
    struct sl_bell *bell = sl_bell_new(rung, NULL);
    int result = 0;
    sl_time tick;

    (void)arg;
    signals = sl_signals(scope, &(int){15}, 1);
    SL_GO(scope, free_batches, .in = sl_batch(scope, sl_merge(scope, in, 2), &limits));
    SL_IGNORE(sl_chan_recv(ticks, scope, &tick));
    SL_GO(child, free_batches, .in = NULL);
    sl_ctx_cancel(child, 0);
    result = sl_offload(nothing, NULL, NULL);
    SL_IGNORE(sl_ctx_wait(scope, NULL));
    sl_chan_free(signals);
    if (bell)
        sl_bell_unref(bell);
    else
        result = -ENOMEM;
    return sl_ctx_leave(scope) || result ? -ENOMEM : 0;
}

static void every_allocation_fails_in_turn(void **state)
{
    int result = -1;

    (void)state;
    if (!CAN_FAIL || RUNNING_ON_VALGRIND)
        skip();
    for (fail_at = 1; result != 0 || allocations >= fail_at; fail_at++) {
        assert_in_range(fail_at, 1, 200);
        allocations = 0;
        counting = true;
        result = sl_virtual_run(NULL, everything, NULL);
        counting = false;
        assert_int_equal(held, 0);
        if (result != 0)
            assert_int_equal(result, -ENOMEM);
    }
    printf("%d allocations failed in turn\n", fail_at - 2);
    assert_true(fail_at > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_fails_in_turn)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

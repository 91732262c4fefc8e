/*
 * A thread that loses its core between setting libuv's timer and waiting for it. uv_run is this file's own here: it lets the
 * time pass that another process would have taken, and then goes on to libuv's. A wait that is lost ends in SIGALRM.
 */
#include <dlfcn.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "test/unit/lib/world.h"

enum { HUNG_S = 20 };

static bool is_late;

static int64_t clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void lose_the_core(int64_t ns)
{
    for (int64_t end = clock_ns() + ns; clock_ns() < end;)
        ;
}

int uv_run(uv_loop_t *loop, uv_run_mode mode)
{
    void *found = dlsym(RTLD_NEXT, "uv_run");
    int (*next)(uv_loop_t *, uv_run_mode);

    memcpy(&next, &found, sizeof next); /* ISO C has no conversion; POSIX promises one */
    if (is_late)
        lose_the_core(5000000);
    return next(loop, mode);
}

static int sleep_late(struct sl_ctx *ctx, void *arg)
{
    sl_time end = sl_time_add(sl_now(), sl_ms(3));
    int result;

    (void)arg;
    is_late = true;
    result = sl_sleep_until(ctx, end);
    is_late = false;
    assert_false(sl_time_before(sl_now(), end));
    return result;
}

static void a_wait_that_begins_after_its_end_ends(void **state)
{
    (void)state;
    alarm(HUNG_S);
    assert_int_equal(sl_run(sleep_late, NULL), SL_OK);
    alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_that_begins_after_its_end_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Look-ups: four at once, one for each name, cancelled at once, left behind without harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <netdb.h>
#include <semaphore.h>
#include <string.h>

#include <sluice/task.h>

#include "io/resolver.h"

#define expect(x) sl_assert(x)

static sem_t gate;
static int at_work, most_at_work, look_ups;

/* On a helper thread. "n.slow" waits at the gate. */
static void look_up(const char *name, struct resolver_answer *answer)
{
    int now = __atomic_add_fetch(&at_work, 1, __ATOMIC_SEQ_CST);
    int most = __atomic_load_n(&most_at_work, __ATOMIC_SEQ_CST);

    while (now > most && !__atomic_compare_exchange_n(&most_at_work, &most, now, 0,
                                                      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
    __atomic_add_fetch(&look_ups, 1, __ATOMIC_SEQ_CST);
    if (strstr(name, ".slow"))
        while (sem_wait(&gate) != 0)
            ;
    if (strstr(name, "dead"))
        answer->error = EAI_NONAME;
    else
        answer->count = 1;
    __atomic_sub_fetch(&at_work, 1, __ATOMIC_SEQ_CST);
}

static void reset(void)
{
    sem_init(&gate, 0, 0);
    at_work = most_at_work = look_ups = 0;
}

struct want {
    struct resolver *resolver;
    unsigned number, modulo;
    int expected;
    unsigned *done;
};

SL_TASK(want)
{
    struct resolver_answer answer = {.error = 0};
    char name[32];
    int r;

    snprintf(name, sizeof name, "%u.slow", my->number % my->modulo);
    r = resolver_look_up(my->resolver, ctx, name, SL_NEVER, &answer);
    expect(r == my->expected && (r != SL_OK || (answer.error == 0 && answer.count == 1)));
    ++*my->done;
    return 0;
}

static int bounded(struct sl_ctx *ctx, void *arg)
{
    struct resolver *resolver = resolver_new(look_up);
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct sl_ctx *impatient = sl_ctx_new(ctx, NULL);
    struct resolver_answer answer = {.error = 0};
    unsigned done = 0, gave_up = 0;

    (void)arg;
    reset();
    expect(resolver_look_up(resolver, ctx, "dead", SL_NEVER, &answer) == SL_OK &&
           answer.error == EAI_NONAME);
    for (unsigned i = 0; i < 60; i++)
        SL_GO(scope, want, .resolver = resolver, .number = i, .modulo = 20, .expected = SL_OK,
              .done = &done);
    for (unsigned i = 0; i < 30; i++)
        SL_GO(impatient, want, .resolver = resolver, .number = i, .modulo = 30,
              .expected = SL_CANCELED, .done = &gave_up);
    while (__atomic_load_n(&at_work, __ATOMIC_SEQ_CST) < RESOLVER_THREADS)
        expect(sl_sleep(ctx, sl_ms(1)) == SL_OK);
    expect(done == 0);
    sl_ctx_cancel(impatient, 0);
    sl_ctx_leave(impatient);
    expect(gave_up == 30 && done == 0);
    for (int i = 0; i < 30; i++)
        sem_post(&gate);
    expect(sl_ctx_wait(scope, NULL) == SL_OK && done == 60);
    expect(most_at_work == RESOLVER_THREADS);
    sl_ctx_leave(scope);
    resolver_free(resolver);
    return 0;
}

static void test_bounded(void **state)
{
    (void)state;
    assert_int_equal(sl_run(bounded, NULL), 0);
}

static int odd(struct sl_ctx *ctx, void *arg)
{
    struct resolver *resolver = resolver_new(NULL);
    struct resolver_answer answer = {.error = 0};
    char name[RESOLVER_NAME_MAX + 2];
    struct sl_ctx *over = sl_ctx_new(ctx, NULL);

    (void)arg;
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    expect(resolver_look_up(resolver, ctx, name, SL_NEVER, &answer) == -ENAMETOOLONG);
    expect(resolver_look_up(resolver, ctx, "localhost", SL_NEVER, &answer) ==
           SL_OK); /* by the real one */
    expect(answer.error == 0 && answer.count >= 1);
    sl_ctx_cancel(over, 0);
    expect(resolver_look_up(resolver, over, "localhost", SL_NEVER, &answer) == SL_CANCELED);
    sl_ctx_leave(over);
    resolver_free(resolver);
    return 0;
}

static void test_odd(void **state)
{
    (void)state;
    assert_int_equal(sl_run(odd, NULL), 0);
}

static int left_behind(struct sl_ctx *ctx, void *arg)
{
    struct resolver *resolver = resolver_new(look_up);
    struct resolver_answer answer = {.error = 0};

    (void)arg;
    expect(resolver_look_up(resolver, ctx, "1.slow", sl_time_add(sl_now(), sl_ms(5)), &answer) ==
           SL_TIMEOUT);
    resolver_free(resolver);
    return 0;
}

/* Resolver and scheduler are gone before the look-up is; the thread ends with what it owns. */
static void test_left_behind(void **state)
{
    (void)state;
    reset();
    assert_int_equal(sl_run(left_behind, NULL), 0);
    sem_post(&gate);
    while (__atomic_load_n(&at_work, __ATOMIC_SEQ_CST) > 0)
        ;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_odd),
        cmocka_unit_test(test_left_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

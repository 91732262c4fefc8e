/* The report that all tasks are asleep, in a child process; mistakes that are asserted; sl_dump. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/lib/counted.h"
#include "test/unit/lib/world.h"

static char output[65536];

/* What `fn` writes to stderr and stdout as the first task of a child, and the child's status. */
static int in_child(int (*fn)(struct sl_ctx *ctx, void *arg), bool real)
{
    size_t n = 0;
    ssize_t got;
    int fds[2], status;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        signal(SIGABRT, count_and_abort); /* cmocka catches it */
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        if (real)
            _exit(sl_main(fn, NULL));
        _exit(sl_virtual_run(NULL, fn, NULL));
    }
    close(fds[1]);
    while ((got = read(fds[0], output + n, sizeof(output) - 1 - n)) > 0)
        n += (size_t)got;
    output[n] = 0;
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void contains(const char *what)
{
    if (!strstr(output, what))
        fail_msg("no \"%s\" in:\n%s", what, output);
}

struct stuck_sender {
    struct ints *ch;
};

SL_TASK(stuck_sender)
{
    return ints_send(my->ch, ctx, 1);
}

struct stuck_select {
    struct ints *a, *b;
};

SL_TASK(stuck_select)
{
    int n;
    struct sl_case cases[] = {ints_on_recv(my->a, &n), ints_on_send(my->b, &n),
                              ints_on_send(NULL, &n)};

    return sl_select(ctx, cases, 3);
}

struct stuck_null {
    char none;
};

SL_TASK(stuck_null)
{
    return ints_send(NULL, ctx, 1);
}

static int deadlock(struct sl_ctx *ctx, void *arg)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, &(struct sl_ctx_options){.name = "stages"});
    struct ints *a = ints_new(ctx, 0, NULL), *b = ints_new(ctx, 0, NULL);
    struct sl_parker p;
    int n;

    (void)arg;
    SL_GO(scope, stuck_sender, .ch = a);
    assert_int_equal(ints_recv(a, ctx, &n), SL_OK); /* its wait has ended: it is gone */
    SL_GO(scope, stuck_sender, .ch = b);
    assert_int_equal(sl_sleep(ctx, sl_ms(1)), SL_OK);
    assert_int_equal(ints_recv(b, ctx, &n), SL_OK);
    SL_GO(scope, stuck_sender, .ch = ints_new(ctx, 0, NULL));
    SL_GO(scope, stuck_select, .a = a, .b = b);
    SL_GO(scope, stuck_null);
    sl_parker_init(&p);
    return sl_park(&p, ctx, SL_NEVER, "a parcel");
}

static void check_report(int status)
{
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 70);
    contains("all tasks are asleep - deadlock\n");
    contains(" stuck_sender (");
    contains("test_deadlock.c:");
    contains(", in stages) waits to send to ints 0x");
    contains("(0 of 0)");
    contains(" stuck_select (");
    contains("waits to receive from ints 0x");
    contains(", or to send to ints 0x");
    contains(", or to send to a NULL channel");
    contains("waits for a NULL channel");
    contains(" main waits for a parcel, at ");
    contains("+0x");
}

static void a_deadlock_is_reported(void **state)
{
    (void)state;
    check_report(in_child(deadlock, false));
}

/* The signals that sl_main listens to do not count as somebody who may come. */
static void in_the_real_world_too(void **state)
{
    (void)state;
    check_report(in_child(deadlock, true));
}

static int stale_timer(struct sl_ctx *ctx, void *arg)
{
    struct ints *ch = ints_new(ctx, 1, NULL);
    int n;

    (void)arg;
    SL_GO(ctx, stuck_sender, .ch = ch);
    SL_IGNORE(ints_recv_until(ch, ctx, sl_time_add(sl_now(), sl_hours(1)), &n));
    return ints_recv(ch, ctx, &n); /* the hour is still set, and must not delay the report */
}

static void a_time_that_nobody_waits_for_does_not_count(void **state)
{
    int status;

    (void)state;
    status = in_child(stale_timer, true);
    assert_int_equal(WEXITSTATUS(status), 70);
}

static int many_stuck(struct sl_ctx *ctx, void *arg)
{
    (void)arg;
    for (int i = 0; i < 150; i++)
        SL_GO(ctx, stuck_null);
    return sl_ctx_wait(ctx, NULL);
}

static void a_long_report_is_cut(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(in_child(many_stuck, false)), 70);
    contains("  and 51 more\n");
}

struct stuck_for_a_time {
    struct ints *ch;
};

SL_TASK(stuck_for_a_time)
{
    int n;
    struct sl_case cases[] = {ints_on_recv(my->ch, &n), SL_AT(SL_NEVER)};

    return sl_select(ctx, cases, 2);
}

struct stuck_in_many {
    struct ints *ch;
};

/* More than fits into one line of the report. */
SL_TASK(stuck_in_many)
{
    struct sl_case cases[SL_SELECT_MAX];
    int n;

    for (int i = 0; i < SL_SELECT_MAX; i++)
        cases[i] = ints_on_recv(my->ch, &n);
    return sl_select(ctx, cases, SL_SELECT_MAX);
}

static int strange_waits(struct sl_ctx *ctx, void *arg)
{
    struct sl_chan *nameless = sl_chan_new(ctx, sizeof(int), 2, NULL);
    int n;

    (void)arg;
    SL_GO(ctx, stuck_for_a_time, .ch = ints_new(ctx, 0, NULL));
    SL_GO(ctx, stuck_in_many, .ch = ints_new(ctx, 0, NULL));
    return sl_chan_recv(nameless, ctx, &n);
}

static void what_is_waited_for_is_told_whatever_it_is(void **state)
{
    const char *line;

    (void)state;
    assert_int_equal(WEXITSTATUS(in_child(strange_waits, false)), 70);
    contains(", or for a time");
    contains(" main waits to receive from channel 0x");
    contains("(0 of 2)");
    line = strstr(output, " stuck_in_many (");
    assert_non_null(line);
    assert_in_range(strcspn(line, "\n"), 400, 512); /* cut, and still a line */
}

static int close_twice(struct sl_ctx *ctx, void *arg)
{
    struct ints *ch = ints_new(ctx, 0, NULL);

    (void)arg;
    ints_close(ch);
    ints_close(ch);
    return 0;
}

static int left_inside(struct sl_ctx *ctx, void *arg)
{
    (void)arg;
    return ints_send(ints_new(ctx, 1, NULL), ctx, 1);
}

static int free_in_use(struct sl_ctx *ctx, void *arg)
{
    struct ints *ch = ints_new(ctx, 0, NULL);

    (void)arg;
    SL_GO(ctx, stuck_sender, .ch = ch);
    settle();
    ints_free(ch);
    return 0;
}

struct waits_for_itself {
    char none;
};

SL_TASK(waits_for_itself)
{
    return sl_ctx_wait(ctx, NULL);
}

static int wait_for_own_scope(struct sl_ctx *ctx, void *arg)
{
    (void)arg;
    SL_GO(ctx, waits_for_itself);
    settle();
    return 0;
}

static void wait_in_loop_context(struct sl_timer *t)
{
    (void)t;
    sl_yield();
}

static int wait_in_callback(struct sl_ctx *ctx, void *arg)
{
    struct sl_timer t;

    (void)arg;
    sl_timer_init(&t, wait_in_loop_context);
    sl_timer_set(&t, sl_now());
    return sl_sleep(ctx, sl_ms(1));
}

static int overflow(struct sl_ctx *ctx, void *arg)
{
    volatile char frame[4096];

    frame[0] = 1;
    return ctx ? overflow(ctx, arg) + frame[0] : 0;
}

static void mistakes_end_the_process(void **state)
{
    static const struct {
        int (*fn)(struct sl_ctx *ctx, void *arg);
        const char *says;
    } mistakes[] = {
        {close_twice, "assertion failed: !ch->closed"},
        {left_inside, "assertion failed: ch->count == 0"},
        {free_in_use, "assertion failed: list_is_empty(&ch->receivers)"},
        {wait_for_own_scope, "assertion failed: ctx != scope"},
        {wait_in_callback, "assertion failed: s && s->current"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        int status = in_child(mistakes[i].fn, false);

        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
        contains(mistakes[i].says);
    }
}

static void a_stack_that_overflows_hits_the_guard(void **state)
{
    int status;

    (void)state;
    status = in_child(overflow, false);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int dump_all(struct sl_ctx *ctx, void *arg)
{
    struct ints *ch = ints_new(ctx, 0, NULL);

    (void)arg;
    SL_GO(ctx, stuck_sender, .ch = ch);
    settle();
    SL_GO(ctx, stuck_null);
    sl_dump(-1); /* is lost, and that is all */
    sl_dump(STDERR_FILENO);
    return 0;
}

static void dumping(void **state)
{
    (void)state;
    assert_int_equal(in_child(dump_all, false), 0);
    contains("3 tasks:\n");
    contains(" main runs\n");
    contains("waits to send to ints");
    contains("is ready\n");
}

static int dump_into_a_full_pipe(struct sl_ctx *ctx, void *arg)
{
    static const char rubbish[4096];
    int fds[2];

    (void)ctx;
    (void)arg;
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    while (write(fds[1], rubbish, sizeof rubbish) > 0)
        continue;
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(fcntl(fds[1], F_SETFL, 0), 0); /* as stderr is */
    sl_dump(fds[1]);
    return 7;
}

static void a_dump_waits_for_no_reader(void **state)
{
    int status;

    (void)state;
    status = in_child(dump_into_a_full_pipe, false);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadlock_is_reported),
        cmocka_unit_test(in_the_real_world_too),
        cmocka_unit_test(a_time_that_nobody_waits_for_does_not_count),
        cmocka_unit_test(a_long_report_is_cut),
        cmocka_unit_test(what_is_waited_for_is_told_whatever_it_is),
        cmocka_unit_test(mistakes_end_the_process),
        cmocka_unit_test(a_stack_that_overflows_hits_the_guard),
        cmocka_unit_test(dumping),
        cmocka_unit_test(a_dump_waits_for_no_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

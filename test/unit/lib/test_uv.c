/*
 * The real world: descriptors, threads, signals. Nothing here waits for time to pass; what must
 * happen is waited for, and a test that hangs is ended by ctest.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/offload.h>

#include "test/lib/counted.h"
#include "test/unit/lib/world.h"

#define REAL_TEST(name)                                                                            \
    static int name##_in_task(struct sl_ctx *ctx, void *arg);                                      \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        assert_int_equal(sl_run(name##_in_task, NULL), 0);                                         \
    }                                                                                              \
    static int name##_in_task(struct sl_ctx *ctx SL_UNUSED, void *arg SL_UNUSED)

struct write_later {
    int fd;
};

SL_TASK(write_later)
{
    sl_yield();
    assert_int_equal(write(my->fd, "x", 1), 1);
    return sl_ctx_err(ctx);
}

REAL_TEST(waiting_for_a_descriptor)
{
    struct sl_ctx *brief;
    unsigned got = 0;
    char c;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    SL_GO(ctx, write_later, .fd = fds[1]);
    assert_int_equal(sl_wait_fd(ctx, fds[0], SL_FD_READ, SL_NEVER, &got), SL_OK);
    assert_int_equal(got, SL_FD_READ);
    assert_int_equal(read(fds[0], &c, 1), 1);
    assert_int_equal(sl_wait_fd(ctx, fds[0], SL_FD_READ, sl_time_add(sl_now(), sl_ms(2)), &got),
                     SL_TIMEOUT);
    assert_int_equal(sl_wait_fd(ctx, fds[1], SL_FD_WRITE, SL_NEVER, &got), SL_OK);
    assert_int_equal(got, SL_FD_WRITE);
    brief = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SL_DUR_US(500)});
    assert_int_equal(sl_wait_fd(brief, fds[0], SL_FD_READ, SL_NEVER, NULL), SL_TIMEOUT);
    assert_int_equal(sl_wait_fd(brief, fds[0], SL_FD_READ, SL_NEVER, NULL), SL_TIMEOUT);
    sl_ctx_leave(brief);
    close(fds[1]);
    assert_int_equal(sl_wait_fd(ctx, fds[0], SL_FD_READ, SL_NEVER, &got), SL_OK);
    close(fds[0]);
    return 0;
}

REAL_TEST(a_peer_that_leaves_is_seen)
{
    unsigned got = 0;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    close(fds[1]);
    assert_int_equal(sl_wait_fd(ctx, fds[0], SL_FD_HUP, SL_NEVER, &got), SL_OK);
    assert_int_equal(got, SL_FD_HUP);
    close(fds[0]);
    return 0;
}

REAL_TEST(regular_files_cannot_be_watched)
{
    int fd = open("/proc/self/exe", O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(sl_wait_fd(ctx, fd, SL_FD_READ, SL_NEVER, NULL), -EPERM);
    close(fd);
    return 0;
}

struct watched {
    struct sl_watch watch;
    struct sl_parker parker;
    int calls;
    unsigned got;
    bool end;
};

static void ready(struct sl_watch *w, unsigned events)
{
    struct watched *x = SL_CONTAINER_OF(w, struct watched, watch);

    x->calls++;
    x->got = events;
    if (x->end)
        sl_watch_deinit(w);
    sl_unpark(&x->parker);
}

REAL_TEST(interest_is_lazy_and_still_exact)
{
    struct watched x = {.calls = 0}, second = {.calls = 0};
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    sl_parker_init(&x.parker);
    sl_watch_init(&x.watch, fds[0], ready);
    assert_int_equal(sl_watch_want(&x.watch, 0), 0);
    assert_int_equal(sl_watch_want(&x.watch, SL_FD_READ | SL_FD_WRITE), 0);
    sl_watch_init(&second.watch, fds[0], ready);
    assert_int_equal(sl_watch_want(&second.watch, SL_FD_READ), -EEXIST);
    assert_int_equal(second.watch.wanted, 0);
    sl_watch_deinit(&second.watch);
    assert_int_equal(sl_park(&x.parker, ctx, SL_NEVER, "a socket"), SL_OK);
    assert_int_equal(x.got, SL_FD_WRITE);
    /* Still armed for writing, which is always possible: must not be told, nor spin. */
    assert_int_equal(sl_watch_want(&x.watch, 0), 0);
    x.calls = 0;
    assert_int_equal(sl_sleep(ctx, sl_ms(3)), SL_OK);
    assert_int_equal(x.calls, 0);
    assert_int_equal(sl_watch_want(&x.watch, SL_FD_READ), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    SL_IGNORE(sl_park(&x.parker, ctx, SL_NEVER, "a socket")); /* a permit may be left */
    if (x.calls == 0)
        SL_IGNORE(sl_park(&x.parker, ctx, SL_NEVER, "a socket"));
    assert_int_equal(x.got, SL_FD_READ);
    sl_watch_deinit(&x.watch);
    /* The same descriptor again at once, and ended from inside the callback. */
    x = (struct watched){.end = true};
    sl_watch_init(&x.watch, fds[0], ready);
    assert_int_equal(sl_watch_want(&x.watch, SL_FD_READ), 0);
    assert_int_equal(sl_park(&x.parker, ctx, SL_NEVER, "a socket"), SL_OK);
    assert_int_equal(x.calls, 1);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

enum { RINGERS = 4, RINGS = 1000 };

struct ringing {
    struct sl_bell *bell;
    struct sl_parker parker;
    _Atomic int left;
};

static void rung(void *arg)
{
    sl_unpark(&((struct ringing *)arg)->parker);
}

static void *ringer(void *arg)
{
    struct ringing *r = arg;
    struct sl_bell *bell = r->bell;

    for (int i = 0; i < RINGS; i++)
        sl_bell_ring(bell);
    r->left--;
    sl_bell_ring(bell);
    sl_bell_unref(bell);
    return NULL;
}

REAL_TEST(bells_from_other_threads)
{
    struct ringing r = {.left = RINGERS};
    pthread_t threads[RINGERS];

    sl_parker_init(&r.parker);
    r.bell = sl_bell_new(rung, &r);
    for (int i = 0; i < RINGERS; i++) {
        sl_bell_ref(r.bell);
        assert_int_equal(pthread_create(&threads[i], NULL, ringer, &r), 0);
    }
    while (r.left > 0)
        assert_int_equal(sl_park(&r.parker, ctx, SL_NEVER, "the ringers"), SL_OK);
    for (int i = 0; i < RINGERS; i++)
        pthread_join(threads[i], NULL);
    sl_bell_unref(r.bell);
    return 0;
}

static struct sl_bell *outliving;
static pthread_t late_thread;
static _Atomic bool ended;

static void *late_ringer(void *arg)
{
    (void)arg;
    do {
        sl_bell_ring(outliving);
    } while (!ended);
    sl_bell_ring(outliving);
    sl_bell_unref(outliving);
    return NULL;
}

static int start_late_ringer(struct sl_ctx *ctx, void *arg)
{
    struct ringing *r = arg;

    sl_parker_init(&r->parker);
    outliving = sl_bell_new(rung, r);
    assert_int_equal(pthread_create(&late_thread, NULL, late_ringer, NULL), 0);
    return sl_park(&r->parker, ctx, SL_NEVER, "the late ringer");
}

static void a_bell_may_outlive_the_scheduler(void **state)
{
    struct ringing r = {.left = 0};

    (void)state;
    ended = false;
    assert_int_equal(sl_run(start_late_ringer, &r), 0);
    ended = true;
    pthread_join(late_thread, NULL);
}

static int in_thread(void *arg)
{
    *(pthread_t *)arg = pthread_self();
    return 5;
}

struct offloading {
    int *done;
};

SL_TASK(offloading)
{
    pthread_t thread;
    int result = 0;

    (void)ctx;
    assert_int_equal(sl_offload(in_thread, &thread, &result), 0);
    assert_int_equal(result, 5);
    assert_false(pthread_equal(thread, pthread_self()));
    ++*my->done;
    return 0;
}

REAL_TEST(offloading_runs_elsewhere)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    int done = 0;

    for (int i = 0; i < 20; i++)
        SL_GO(scope, offloading, .done = &done);
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_int_equal(done, 20);
    sl_ctx_cancel(scope, 0);
    return sl_ctx_leave(scope);
}

REAL_TEST(signals)
{
    int signos[] = {SIGUSR1, SIGTERM}, signo = 0;
    struct sl_chan *ch = sl_signals(ctx, signos, 2);

    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(sl_chan_recv(ch, ctx, &signo), SL_OK);
    assert_int_equal(signo, SIGUSR1);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(sl_chan_recv(ch, ctx, &signo), SL_OK);
    assert_int_equal(signo, SIGTERM);
    return 0;
}

REAL_TEST(a_signal_that_cannot_be_caught_cancels)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    assert_null(sl_signals(scope, &(int){SIGKILL}, 1));
    assert_int_equal(sl_ctx_leave(scope), -EINVAL);
    return 0;
}

static int interrupted(struct sl_ctx *ctx, void *arg)
{
    (void)arg;
    raise(SIGPIPE); /* ignored */
    raise(SIGTERM);
    if (sl_sleep(ctx, sl_hours(1)) != SL_CANCELED || sl_ctx_cause(ctx) != -ECANCELED)
        return 3;
    raise(SIGTERM); /* has its usual effect */
    return 4;
}

static void sl_main_takes_the_first_signal_only(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        _exit(sl_main(interrupted, NULL));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

/* Both before the loop looks, as when a task keeps the thread. */
static int interrupted_twice(struct sl_ctx *ctx, void *arg)
{
    const int *signos = arg;

    raise(signos[0]);
    raise(signos[1]);
    return sl_sleep(ctx, sl_hours(1)) == SL_CANCELED ? 7 : 3;
}

struct cleans_up {
    struct sl_ctx *with;
    const int *signos;
};

/* `with` is cancelled when the program's function has returned. */
SL_TASK(cleans_up)
{
    SL_IGNORE(sl_sleep(my->with, sl_hours(1)));
    for (int i = 0; i < 2 && my->signos[i]; i++) {
        raise(my->signos[i]);
        SL_IGNORE(sl_sleep(NULL, sl_ms(1))); /* the loop looks */
    }
    return 0;
}

static int interrupted_while_it_cleans_up(struct sl_ctx *ctx, void *arg)
{
    SL_GO(ctx, cleans_up, .with = ctx, .signos = arg);
    sl_yield();
    return 7;
}

static int interrupted_while_the_background_cleans_up(struct sl_ctx *ctx, void *arg)
{
    struct sl_ctx *scope = sl_ctx_new(NULL, NULL);

    (void)ctx;
    SL_GO(scope, cleans_up, .with = scope, .signos = arg);
    sl_yield();
    return 7;
}

static int in_child(int (*fn)(struct sl_ctx *ctx, void *arg), int first, int second)
{
    int signos[] = {first, second}, status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(sl_main(fn, signos));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void the_second_signal_is_not_lost(void **state)
{
    static const int signos[] = {SIGINT, SIGTERM};

    (void)state;
    for (int i = 0; i < 4; i++) {
        int status = in_child(interrupted_twice, signos[i / 2], signos[i % 2]);

        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signos[i % 2]);
    }
}

static void the_first_signal_does_not_cut_off_what_cleans_up(void **state)
{
    int (*bodies[])(struct sl_ctx *, void *) = {interrupted_while_it_cleans_up,
                                                interrupted_while_the_background_cleans_up};

    (void)state;
    for (int i = 0; i < 2; i++) {
        int status = in_child(bodies[i], SIGTERM, 0);

        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 7);
        status = in_child(bodies[i], SIGINT, SIGTERM);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGTERM);
    }
}

static int interrupted_by(struct sl_ctx *ctx, void *arg)
{
    raise(*(int *)arg);
    return sl_sleep(ctx, sl_hours(1)) == SL_CANCELED && sl_ctx_cause(ctx) == -ECANCELED ? 7 : 3;
}

static int not_interrupted(struct sl_ctx *ctx, void *arg)
{
    (void)arg;
    return sl_ctx_err(ctx) == SL_OK ? 8 : 3;
}

static int status_of_main(int (*fn)(struct sl_ctx *ctx, void *arg), int signo)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(sl_main(fn, &signo));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void sl_main_returns_what_the_program_does(void **state)
{
    (void)state;
    assert_int_equal(status_of_main(not_interrupted, 0), 8);
}

static void sl_main_cancels_at_either_signal(void **state)
{
    (void)state;
    assert_int_equal(status_of_main(interrupted_by, SIGINT), 7);
    assert_int_equal(status_of_main(interrupted_by, SIGTERM), 7);
}

static void the_version_names_the_library(void **state)
{
    unsigned major = 0, minor = 0, patch = 0;

    (void)state;
    assert_int_equal(sscanf(sl_run_version(), "libuv %u.%u.%u", &major, &minor, &patch), 3);
    assert_true(major > 1 || (major == 1 && minor >= 44)); /* what CMakeLists.txt asks for */
}

/* Numbers from `limit` on are not given out. Returns what was so before. */
static struct rlimit descriptors_below(rlim_t limit)
{
    struct rlimit before, now;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = (struct rlimit){limit, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    return before;
}

static int lowest_free(void)
{
    int fd = dup(0);

    assert_true(fd >= 0);
    close(fd);
    return fd;
}

static int do_nothing(struct sl_ctx *ctx, void *arg)
{
    (void)arg;
    return sl_ctx_err(ctx);
}

/* libuv leaves one open of those that it got: no more is asked of a program that can not begin. */
static void without_descriptors_there_is_no_scheduler(void **state)
{
    struct rlimit was;
    int result;

    (void)state;
    for (rlim_t more = 0; more < 3; more++) {
        was = descriptors_below((rlim_t)lowest_free() + more);
        result = sl_run(do_nothing, NULL);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
        assert_int_equal(result, -EMFILE);
    }
    assert_int_equal(sl_run(do_nothing, NULL), 0);
}

/* Sleeps are never short; how long they are depends on the neighbours. */
REAL_TEST(sleeps_are_not_short)
{
    static const int64_t us[] = {1, 50, 999, 1000, 1001, 3500};

    for (size_t i = 0; i < sizeof(us) / sizeof(us[0]); i++) {
        sl_time start = sl_now();

        assert_int_equal(sl_sleep(ctx, sl_us(us[i])), SL_OK);
        assert_true(sl_time_sub(sl_now(), start).ns >= us[i] * 1000);
    }
    return 0;
}

struct spin {
    bool *stop;
};

SL_TASK(spin)
{
    while (!*my->stop && sl_ctx_err(ctx) == SL_OK)
        sl_yield();
    return 0;
}

REAL_TEST(busy_tasks_do_not_starve_the_world)
{
    static bool stop;
    unsigned got;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    for (int i = 0; i < 3; i++)
        SL_GO(ctx, spin, .stop = &stop);
    assert_int_equal(sl_sleep(ctx, sl_ms(1)), SL_OK);
    SL_GO(ctx, write_later, .fd = fds[1]);
    assert_int_equal(sl_wait_fd(ctx, fds[0], SL_FD_READ, SL_NEVER, &got), SL_OK);
    stop = true;
    close(fds[0]);
    close(fds[1]);
    return 0;
}

REAL_TEST(randomness_differs)
{
    uint64_t a = sl_random();

    for (int i = 0; i < 100; i++)
        assert_int_not_equal(sl_random(), a);
    assert_true(sl_wall_ms() > 1700000000000);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: in the child of a process that has threads TSan delivers no signals. */
        cmocka_unit_test(sl_main_takes_the_first_signal_only),
        cmocka_unit_test(the_second_signal_is_not_lost),
        cmocka_unit_test(the_first_signal_does_not_cut_off_what_cleans_up),
        cmocka_unit_test(sl_main_returns_what_the_program_does),
        cmocka_unit_test(sl_main_cancels_at_either_signal),
        cmocka_unit_test(the_version_names_the_library),
        cmocka_unit_test(waiting_for_a_descriptor),
        cmocka_unit_test(a_peer_that_leaves_is_seen),
        cmocka_unit_test(regular_files_cannot_be_watched),
        cmocka_unit_test(interest_is_lazy_and_still_exact),
        cmocka_unit_test(bells_from_other_threads),
        cmocka_unit_test(a_bell_may_outlive_the_scheduler),
        cmocka_unit_test(offloading_runs_elsewhere),
        cmocka_unit_test(signals),
        cmocka_unit_test(a_signal_that_cannot_be_caught_cancels),
        cmocka_unit_test(without_descriptors_there_is_no_scheduler),
        cmocka_unit_test(sleeps_are_not_short),
        cmocka_unit_test(busy_tasks_do_not_starve_the_world),
        cmocka_unit_test(randomness_differs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

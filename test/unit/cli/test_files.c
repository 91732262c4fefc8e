/* Files are replaced whole, and what can't be written is found out before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/files.h"

/* A reader sees the old file or the new one; a failure leaves the old one and no other. */
static void test_whole_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/sluice-account-XXXXXX", path[80], text[64] = "";
    struct problem problem;
    struct stat before, after;
    problem_init(&problem);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/account.json", folder);
    assert_int_equal(write_whole_file(path, SLICE("one\n"), &problem), 0);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(write_whole_file(path, SLICE("two\n"), &problem), 0);
    assert_int_equal(stat(path, &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
    FILE *file = fopen(path, "r");
    assert_non_null(fgets(text, sizeof text, file));
    assert_string_equal(text, "two\n");
    fclose(file);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(write_whole_file(path, SLICE("x"), &problem), PROBLEM);
    assert_non_null(
        strstr(problem.text.p, "/account.json can't be written: No such file or directory"));
    assert_int_equal(write_whole_file("/dev/full", SLICE("x"), &problem), PROBLEM);
    assert_string_equal(problem.text.p, "/dev/full can't be written: No space left on device");
    assert_int_equal(write_whole_file("/dev/null", SLICE("x"), &problem), 0);
    problem_deinit(&problem);
}

static void test_writable(void **state)
{
    (void)state;
    char folder[] = "/tmp/sluice-account-XXXXXX", path[80];
    struct problem problem;
    problem_init(&problem);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/account.json", folder);
    assert_int_equal(check_writable(path, &problem), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(write_whole_file(path, SLICE("x"), &problem), 0);
    assert_int_equal(check_writable(path, &problem), 0);
    assert_int_equal(check_writable("account.json", &problem), 0);
    assert_int_equal(check_writable("/dev/null", &problem), 0);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(check_writable(path, &problem), PROBLEM);
    assert_int_equal(problem.status, EXIT_NOT_AVAILABLE);
    assert_non_null(
        strstr(problem.text.p, "/account.json can't be written: No such file or directory"));
    problem_deinit(&problem);
}

/* ---- readers ---- */

enum { PATIENCE_S = 30, LONG = 300000 }; /* more than a pipe holds */

/* A pipe that takes nothing more, and blocks. */
static void open_full_pipe(int ends[2])
{
    static const char some[4096];

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], some, sizeof some) > 0)
        ;
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
}

static void close_pipe(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static void test_a_reader_that_takes_nothing_is_left(void **state)
{
    int ends[2];

    (void)state;
    open_full_pipe(ends);
    alarm(PATIENCE_S);
    write_briefly(ends[1], SLICE("nobody reads this\n"));
    alarm(0);
    close_pipe(ends);
}

/* Takes all of it, and ends with whether it was that. */
static pid_t start_reader(const int ends[2])
{
    pid_t reader = fork();

    assert_true(reader >= 0);
    if (reader > 0)
        return reader;
    close(ends[1]);
    size_t count = 0;
    char c[1000];
    ssize_t n;
    while ((n = read(ends[0], c, sizeof c)) > 0)
        count += (size_t)n;
    _exit(count == LONG ? 0 : 1);
}

/* Whoever else has it may have made it so. */
static void test_a_pipe_that_does_not_block_gets_all(void **state)
{
    static char text[LONG];
    int ends[2], status;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    pid_t reader = start_reader(ends);
    alarm(PATIENCE_S);
    assert_int_equal(write_all(ends[1], (struct slice){text, LONG}), 0);
    close_pipe(ends);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    alarm(0);
    assert_int_equal(status, 0);
}

static volatile sig_atomic_t heard;

static void hear_it(int signo)
{
    heard = signo;
}

/* The one that listens hears it, and keeps listening. */
static void test_a_signal_ends_the_wait(void **state)
{
    struct sigaction mine = {.sa_handler = hear_it, .sa_flags = SA_RESTART}, found;
    pid_t self = getpid(), sender;
    int ends[2];

    (void)state;
    open_full_pipe(ends);
    assert_int_equal(sigaction(SIGTERM, &mine, NULL), 0);
    sender = fork();
    if (sender == 0)
        for (;; usleep(10000)) /* the first may come before the wait */
            if (getppid() != self || kill(self, SIGTERM) < 0)
                _exit(0);
    alarm(PATIENCE_S);
    assert_int_equal(write_all(ends[1], SLICE("nobody reads this\n")), -EINTR);
    kill(sender, SIGKILL);
    assert_int_equal(waitpid(sender, NULL, 0), sender);
    alarm(0);
    assert_int_equal(heard, SIGTERM);
    assert_int_equal(sigaction(SIGTERM, NULL, &found), 0);
    assert_ptr_equal(found.sa_handler, hear_it);
    assert_true(found.sa_flags & SA_RESTART);
    signal(SIGTERM, SIG_DFL);
    close_pipe(ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_file),
        cmocka_unit_test(test_writable),
        cmocka_unit_test(test_a_reader_that_takes_nothing_is_left),
        cmocka_unit_test(test_a_pipe_that_does_not_block_gets_all),
        cmocka_unit_test(test_a_signal_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

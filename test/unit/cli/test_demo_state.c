/* The demonstration's directory: where it is, whose it is, what the next run finds in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/demo_state.h"

struct place {
    char home[40], spare[40];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    strcpy(place->home, "/tmp/sluice-demo-test-XXXXXX");
    if (!mkdtemp(place->home))
        return -1;
    setenv("HOME", place->home, 1);
    unsetenv("XDG_STATE_HOME");
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", place->home);
    free(place);
    return system(command);
}

static void open_or_fail(struct demo_state *state, const char *folder)
{
    struct problem problem;
    problem_init(&problem);
    if (demo_state_open(state, folder, &problem) != 0)
        fail_msg("%s", problem.text.p ? problem.text.p : "no memory");
    problem_deinit(&problem);
}

static void expect_problem(const char *folder, enum exit_status status, const char *text)
{
    struct demo_state state;
    struct problem problem;
    problem_init(&problem);
    assert_int_equal(demo_state_open(&state, folder, &problem), PROBLEM);
    assert_int_equal(problem.status, status);
    assert_non_null(strstr(problem.text.p, text));
    problem_deinit(&problem);
}

static void put(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void in(const struct demo_state *state, const char *name, char out[256])
{
    snprintf(out, 256, "%s/%s", state->folder, name);
}

static void expect_folder(const struct demo_state *state, const char *parent, const char *rest)
{
    char want[256];
    snprintf(want, sizeof want, "%s%s", parent, rest);
    assert_string_equal(state->folder, want);
}

static void test_where(void **given)
{
    const struct place *place = *given;
    struct demo_state state;
    struct stat status;
    char xdg[80];

    open_or_fail(&state, NULL);
    expect_folder(&state, place->home, "/.local/state/sluice/demo");
    assert_int_equal(stat(state.folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    demo_state_close(&state);

    snprintf(xdg, sizeof xdg, "%s/xdg", place->home);
    setenv("XDG_STATE_HOME", xdg, 1);
    open_or_fail(&state, NULL);
    expect_folder(&state, xdg, "/sluice/demo");
    demo_state_close(&state);

    setenv("XDG_STATE_HOME", "relative", 1); /* as if it were not there */
    open_or_fail(&state, NULL);
    expect_folder(&state, place->home, "/.local/state/sluice/demo");
    demo_state_close(&state);
}

/* A home that can't be used, as in many containers. */
static void test_no_home(void **given)
{
    static const char *const homes[] = {"/dev/null", "relative", ""};
    struct demo_state state;
    char want[64];

    (void)given;
    snprintf(want, sizeof want, "/tmp/sluice-demo-%lu", (unsigned long)geteuid());
    for (size_t i = 0; i < sizeof homes / sizeof homes[0]; i++) {
        setenv("HOME", homes[i], 1);
        open_or_fail(&state, NULL);
        assert_string_equal(state.folder, want);
        assert_int_equal(demo_state_clear(&state), 0);
        demo_state_close(&state);
    }
    rmdir(want);
}

static void test_one_at_a_time(void **given)
{
    struct demo_state one, two;
    (void)given;
    open_or_fail(&one, NULL);
    expect_problem(NULL, EXIT_NOT_AVAILABLE, "another demonstration runs in ");
    demo_state_close(&one);
    open_or_fail(&two, NULL);
    demo_state_close(&two);
}

static void test_what_a_run_finds(void **given)
{
    struct demo_state state;
    char path[256];
    (void)given;

    open_or_fail(&state, NULL);
    assert_int_equal(state.before, DEMO_FRESH);
    assert_int_equal(state.runs, 1);
    put(state.data);
    put(state.ledger);
    demo_state_close(&state); /* as a kill does */

    open_or_fail(&state, NULL);
    assert_int_equal(state.before, DEMO_KILLED);
    assert_int_equal(state.runs, 2);
    assert_int_equal(demo_state_keep(&state), 0);
    demo_state_close(&state);

    open_or_fail(&state, NULL);
    assert_int_equal(state.before, DEMO_ENDED);
    assert_int_equal(state.runs, 3);
    assert_int_equal(access(state.ledger, F_OK), 0);
    assert_int_equal(demo_state_clear(&state), 0);
    in(&state, "runs", path);
    assert_int_equal(access(state.data, F_OK), -1);
    assert_int_equal(access(state.ledger, F_OK), -1);
    assert_int_equal(access(path, F_OK), -1);
    demo_state_close(&state);

    open_or_fail(&state, NULL);
    assert_int_equal(state.before, DEMO_FRESH);
    assert_int_equal(state.runs, 1);
    demo_state_close(&state);
}

static void fill(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Nothing is made up of lines that no run has written. */
static void test_runs_that_are_damaged(void **given)
{
    static const struct {
        const char *text; /* NULL: the file is gone */
        const char *why;
    } rows[] = {
        {"junk\n", "is damaged"},     {"begun\njunk", "is damaged"},
        {"begun\nbeg", "is damaged"}, {"begun begun\n", "is damaged"},
        {"", "is damaged"},           {NULL, "is not there"},
    };
    struct demo_state state;
    (void)given;

    open_or_fail(&state, NULL);
    put(state.data);
    demo_state_close(&state);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[256];

        open_or_fail(&state, NULL);
        in(&state, "runs", path);
        assert_string_equal(state.log, path);
        if (rows[i].text)
            fill(path, rows[i].text);
        else
            assert_int_equal(unlink(path), 0);
        demo_state_close(&state);

        open_or_fail(&state, NULL);
        assert_int_equal(state.before, DEMO_UNKNOWN);
        assert_int_equal(state.runs, 0);
        assert_string_equal(state.why_unknown, rows[i].why);
        assert_int_equal(access(path, F_OK), 0); /* it goes on, and is noted there */
        assert_int_equal(demo_state_keep(&state), 0);
        demo_state_close(&state);
    }
}

static void test_runs_that_cannot_be_written(void **given)
{
    struct demo_state state;
    char path[256], text[512];
    (void)given;

    open_or_fail(&state, NULL);
    put(state.data);
    in(&state, "runs", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    demo_state_close(&state);
    snprintf(text, sizeof text,
             "%s can't be written: Is a directory\n"
             "  do:    see to that file, or name another directory with --dir",
             path);
    expect_problem(NULL, EXIT_BAD_CONFIG, text);
}

/* Killed while it cleared: the queue is the first to go, so the ledger says nothing any more. */
static void test_killed_while_clearing(void **given)
{
    struct demo_state state;
    char path[256];
    (void)given;

    open_or_fail(&state, NULL);
    put(state.data);
    put(state.ledger);
    in(&state, "queue.db-wal", path);
    put(path);
    unlink(state.data);
    demo_state_close(&state);

    open_or_fail(&state, NULL);
    assert_int_equal(state.before, DEMO_FRESH);
    assert_int_equal(access(state.ledger, F_OK), -1);
    assert_int_equal(access(path, F_OK), -1);
    demo_state_close(&state);
}

static void test_other_peoples_folders(void **given)
{
    const struct place *place = *given;
    char path[80];

    snprintf(path, sizeof path, "%s/open", place->home);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0777), 0);
    expect_problem(path, EXIT_BAD_CONFIG, "others can write in it\n  do:    --dir DIR");
    snprintf(path, sizeof path, "%s/file", place->home);
    put(path);
    expect_problem(path, EXIT_BAD_CONFIG, "can't be had: Not a directory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_where),
        TEST(test_no_home),
        TEST(test_one_at_a_time),
        TEST(test_what_a_run_finds),
        TEST(test_runs_that_are_damaged),
        TEST(test_runs_that_cannot_be_written),
        TEST(test_killed_while_clearing),
        TEST(test_other_peoples_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Files are replaced whole, and what can't be written is found out before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_file),
        cmocka_unit_test(test_writable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The memory limit out of made-up control group trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ops/memory.h"

static char root[64];

static void put(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        (void)mkdir(full, 0700);
        *p = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    (void)state;
    strcpy(root, "/tmp/sluice-memory-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static void test_none(void **state)
{
    (void)state;
    assert_true(memory_limit_under(root) == UINT64_MAX);
    put("/proc/self/cgroup", "0::/user.slice\n");
    put("/sys/fs/cgroup/user.slice/memory.max", "max\n");
    assert_true(memory_limit_under(root) == UINT64_MAX);
}

static void test_container(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/memory.max", "134217728\n");
    assert_int_equal(memory_limit_under(root), 134217728);
}

static void test_above(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "12:cpu:/x\n0::/system.slice/sluice.service\n");
    put("/sys/fs/cgroup/system.slice/sluice.service/memory.max", "200000000\n");
    put("/sys/fs/cgroup/system.slice/memory.max", "100000000\n");
    assert_int_equal(memory_limit_under(root), 100000000);
}

static void test_group_not_mounted(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/docker/abc\n");
    put("/sys/fs/cgroup/memory.max", "64000000\n");
    assert_int_equal(memory_limit_under(root), 64000000);
}

static void test_version_1(void **state)
{
    (void)state;
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "33554432\n");
    assert_int_equal(memory_limit_under(root), 33554432);
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    assert_true(memory_limit_under(root) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_container, setup, teardown),
        cmocka_unit_test_setup_teardown(test_above, setup, teardown),
        cmocka_unit_test_setup_teardown(test_group_not_mounted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_version_1, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A limit may stand in the process's own group or in any group above it, so the path is walked
 * upwards. In a container the path is often "/", or names groups that are not mounted there: what
 * can't be read is no limit.
 */
#include "ops/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 1024 };

/* The number in a file; "max", or no such file: UINT64_MAX. */
static uint64_t read_limit(const char *path)
{
    char text[32];
    FILE *file = fopen(path, "re");
    uint64_t limit = UINT64_MAX;
    if (!file)
        return limit;
    if (fgets(text, sizeof text, file) && text[0] >= '0' && text[0] <= '9')
        limit = strtoull(text, NULL, 10);
    fclose(file);
    return limit;
}

/* The path of the process's group in the unified hierarchy, "" if there is none. */
static void read_group(const char *root, char group[PATH_SIZE])
{
    char path[PATH_SIZE], line[PATH_SIZE];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    group[0] = '\0';
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) == 0)
            snprintf(group, PATH_SIZE, "%s", line + 3);
    }
    if (file)
        fclose(file);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t memory_limit_under(const char *root)
{
    char group[PATH_SIZE], path[3 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/sys/fs/cgroup/memory/memory.limit_in_bytes", root);
    uint64_t limit = read_limit(path);
    read_group(root, group);
    for (;;) {
        snprintf(path, sizeof path, "%s/sys/fs/cgroup%s/memory.max", root, group);
        limit = least(limit, read_limit(path));
        char *slash = strrchr(group, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    return limit >= (UINT64_C(1) << 62) ? UINT64_MAX : limit; /* v1's "no limit" is a huge number */
}

uint64_t memory_limit(void)
{
    return memory_limit_under("");
}

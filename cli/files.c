#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/strbuf.h"

int write_all(int fd, struct slice text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        text.p += n;
        text.n -= (size_t)n;
    }
    return 0;
}

static int write_file(const char *path, int flags, struct slice text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);
    if (fd < 0)
        return -errno;
    int result = write_all(fd, text);
    /* EINVAL, EROFS: of what can't be synchronised, a pipe or a device */
    if (result == 0 && fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
        result = -errno;
    if (close(fd) < 0 && result == 0)
        result = -errno;
    return result;
}

static int replace_file(const char *path, struct slice text)
{
    struct strbuf beside = {0};
    strbuf_addf(&beside, "%s.%ld.tmp", path, (long)getpid());
    int result = strbuf_failed(&beside) ? -ENOMEM : write_file(beside.p, O_CREAT | O_TRUNC, text);
    if (result == 0 && rename(beside.p, path) < 0)
        result = -errno;
    if (result < 0 && !strbuf_failed(&beside))
        unlink(beside.p);
    strbuf_deinit(&beside);
    return result;
}

static int cannot_write(const char *path, int error, struct problem *problem)
{
    return problem_set(problem, EXIT_NOT_AVAILABLE, "%s can't be written: %s", path,
                       strerror(error));
}

int write_whole_file(const char *path, struct slice text, struct problem *problem)
{
    struct stat status;
    bool is_device = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    int result = is_device ? write_file(path, 0, text) : replace_file(path, text);
    return result == 0 ? 0 : cannot_write(path, -result, problem);
}

int check_writable(const char *path, struct problem *problem)
{
    const char *slash = strrchr(path, '/');
    struct stat status;
    bool is_there = stat(path, &status) == 0;
    if (is_there && S_ISDIR(status.st_mode))
        return cannot_write(path, EISDIR, problem);
    if (is_there && !S_ISREG(status.st_mode))
        return access(path, W_OK) == 0 ? 0 : cannot_write(path, errno, problem);

    /* a regular file is replaced: it is the folder that has to be writable */
    struct strbuf folder = {0};
    strbuf_add(&folder, path, slash ? (size_t)(slash - path) + 1 : 0);
    strbuf_adds(&folder, ".");
    int error = strbuf_failed(&folder) ? ENOMEM : access(folder.p, W_OK) == 0 ? 0 : errno;
    strbuf_deinit(&folder);
    return error == 0 ? 0 : cannot_write(path, error, problem);
}

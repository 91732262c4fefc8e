#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/strbuf.h"

enum {
    TICK_MS = 100,     /* how long a reader is waited for before anything else is looked at */
    READER_TICKS = 10, /* of a reader that gets what it takes, and no more: a second in all */
};

/*
 * Writes the beginning of `text` once `fd` takes something. What poll finds ready takes PIPE_BUF bytes without blocking; of
 * a device that does block, a signal ends the wait.
 * The bytes that are written, 0 when none were taken for a tick, or negative errno.
 */
static ssize_t write_some(int fd, struct slice text)
{
    struct pollfd out = {.fd = fd, .events = POLLOUT};
    int ready = poll(&out, 1, TICK_MS);
    ssize_t n = ready > 0 ? write(fd, text.p, text.n < PIPE_BUF ? text.n : PIPE_BUF) : ready;

    return n < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : n < 0 ? -errno : n;
}

static void pass(struct slice *text, size_t n)
{
    text->p += n;
    text->n -= n;
}

void write_briefly(int fd, struct slice text)
{
    for (int ticks = 0; text.n > 0 && ticks < READER_TICKS;) {
        ssize_t n = write_some(fd, text);
        if (n < 0)
            return;
        ticks += n == 0;
        pass(&text, (size_t)n);
    }
}

/* ---- a wait that a signal ends ---- */

static const int ending_signals[] = {SIGINT, SIGTERM};
enum { ENDING_SIGNALS = sizeof ending_signals / sizeof ending_signals[0] };

static volatile sig_atomic_t has_heard;
static struct sigaction listeners[ENDING_SIGNALS]; /* of the program, while a write waits */

/* The program's listener hears it as well. */
static void hear(int signo)
{
    has_heard = 1;
    for (size_t i = 0; i < ENDING_SIGNALS; i++)
        if (ending_signals[i] == signo)
            listeners[i].sa_handler(signo);
}

static bool is_listened_to(const struct sigaction *action)
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler != SIG_DFL &&
           action->sa_handler != SIG_IGN;
}

/* A signal without a listener keeps its effect: it ends the process, or is ignored. */
static void begin_hearing(void)
{
    has_heard = 0;
    for (size_t i = 0; i < ENDING_SIGNALS; i++) {
        (void)sigaction(ending_signals[i], NULL, &listeners[i]); /* can't fail for these */
        if (!is_listened_to(&listeners[i]))
            continue;
        struct sigaction heard = listeners[i];
        heard.sa_handler = hear;
        heard.sa_flags &= ~SA_RESTART;
        (void)sigaction(ending_signals[i], &heard, NULL);
    }
}

static void end_hearing(void)
{
    for (size_t i = 0; i < ENDING_SIGNALS; i++)
        if (is_listened_to(&listeners[i]))
            (void)sigaction(ending_signals[i], &listeners[i], NULL);
}

int write_all(int fd, struct slice text)
{
    ssize_t n = 0;

    begin_hearing();
    while (text.n > 0 && n >= 0) {
        n = write_some(fd, text);
        if (n > 0)
            pass(&text, (size_t)n);
        else if (n == 0 && has_heard)
            n = -EINTR;
    }
    end_hearing();
    return n < 0 ? (int)n : 0;
}

const char *write_failure(int error)
{
    return error == -EINTR ? "a signal came while nobody read it" : strerror(-error);
}

/* ---- files ---- */

/* Opening a FIFO to write would wait for its reader, and no signal would end that: so it is tried. */
static int open_to_write(const char *path, int flags)
{
    struct stat status;
    bool is_fifo = stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
    bool waits;
    int fd, error;

    begin_hearing();
    do {
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | flags, 0644);
        error = fd < 0 ? -errno : 0;
        waits = is_fifo && error == -ENXIO; /* nobody reads */
        if (waits)
            (void)poll(NULL, 0, TICK_MS);
    } while (waits && !has_heard);
    end_hearing();
    return fd >= 0 ? fd : waits ? -EINTR : error;
}

static int write_file(const char *path, int flags, struct slice text)
{
    int fd = open_to_write(path, flags);
    if (fd < 0)
        return fd;
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
                       write_failure(-error));
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

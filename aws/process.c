#include "aws/process.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/task.h>

/* How often a process is looked for that has closed its output and not ended yet: rare, so looking
 * is cheaper than a descriptor for it. */
static const sl_dur look_every = SL_DUR_MS(5);

/* The child's signals are as a shell expects them, whatever this process ignores. */
static int set_signals(posix_spawnattr_t *attributes)
{
    sigset_t usual, none;
    short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    int error;

    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGTERM);
    sigaddset(&usual, SIGCHLD);
    error = posix_spawnattr_setflags(attributes, flags);
    if (!error)
        error = posix_spawnattr_setsigdefault(attributes, &usual);
    return error ? error : posix_spawnattr_setsigmask(attributes, &none);
}

/* Starts the command with its stdout at `output`. 0 or an errno. */
static int spawn(pid_t *pid, const char *command, int output)
{
    char shell[] = _PATH_BSHELL, name[] = "sh", option[] = "-c";
    /* posix_spawn does not write to its arguments, whatever its type says. */
    char *argv[] = {name, option, (char *)(uintptr_t)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);

    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, _PATH_DEVNULL, O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (!error)
        error = set_signals(&attributes);
    if (!error)
        error = posix_spawn(pid, shell, &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

static int waited(int result)
{
    switch (result) {
    case SL_OK:
        return PROCESS_DONE;
    case SL_CANCELED:
        return PROCESS_CANCELED;
    case SL_TIMEOUT:
        return PROCESS_HANGS;
    default:
        return result;
    }
}

/* Reads until the other end is closed. */
static int drain(struct sl_ctx *ctx, int fd, sl_time until, size_t output_max, struct strbuf *out)
{
    size_t start = out->n;
    int result;
    ssize_t n;

    /* One byte more, to notice that there is one. */
    if (!strbuf_reserve(out, output_max + 1))
        return -ENOMEM;
    for (;;) {
        n = read(fd, out->p + out->n, output_max + 1 - (out->n - start));
        if (n == 0)
            return PROCESS_DONE;
        if (n > 0) {
            out->n += (size_t)n;
            out->p[out->n] = '\0';
            if (out->n - start > output_max)
                return PROCESS_TOO_LONG;
        } else if (errno == EAGAIN) {
            result = waited(sl_wait_fd(ctx, fd, SL_FD_READ, until, NULL));
            if (result != PROCESS_DONE)
                return result;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
}

/* Waits for the end of a process that has closed its output. Where SIGCHLD is ignored the kernel
 * reaps it: then nobody knows how it ended, and what it printed has to say. */
static int reap(struct sl_ctx *ctx, pid_t pid, sl_time until, int *status)
{
    int result, word;

    for (;;) {
        pid_t ended = waitpid(pid, &word, WNOHANG);
        if (ended == pid) {
            *status = WIFEXITED(word) ? WEXITSTATUS(word) : -WTERMSIG(word);
            return *status == 0 ? PROCESS_DONE : PROCESS_FAILED;
        }
        if (ended < 0 && errno == ECHILD) {
            *status = 0;
            return PROCESS_DONE;
        }
        if (!sl_time_before(sl_now(), until))
            return PROCESS_HANGS;
        result = waited(sl_sleep(ctx, look_every));
        if (result != PROCESS_DONE)
            return result;
    }
}

/* Kills the group of a process that is still ours, running or not. The number of one that the kernel
 * reaped may be somebody else's. */
static void end(pid_t pid)
{
    siginfo_t info;

    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return;
    kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int process_output(struct sl_ctx *ctx, const char *command, sl_time until, size_t output_max,
                   struct strbuf *out, int *status)
{
    int fds[2], result, error;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    error = spawn(&pid, command, fds[1]);
    close(fds[1]);
    if (error) {
        close(fds[0]);
        return -error;
    }
    if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
        result = -errno;
    else
        result = drain(ctx, fds[0], until, output_max, out);
    close(fds[0]);
    if (result == PROCESS_DONE)
        result = reap(ctx, pid, until, status);
    if (result != PROCESS_DONE && result != PROCESS_FAILED)
        end(pid);
    return result;
}

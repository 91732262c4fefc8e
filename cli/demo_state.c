#include "cli/demo_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char queue_file[] = "queue.db", ledger_file[] = "perseus.ledger", runs_file[] = "runs";

/* ---- where ---- */

/* The usual place; NULL: there is none, or no memory. */
static char *usual_folder(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    struct strbuf path = {0};

    if (state &&
        *state == '/') /* a relative one is to be ignored: XDG base directory specification */
        strbuf_addf(&path, "%s/sluice/demo", state);
    else if (home && *home == '/')
        strbuf_addf(&path, "%s/.local/state/sluice/demo", home);
    else
        return NULL;
    return strbuf_take(&path, NULL);
}

static char *spare_folder(void)
{
    struct strbuf path = {0};
    strbuf_addf(&path, "/tmp/sluice-demo-%lu", (unsigned long)geteuid());
    return strbuf_take(&path, NULL);
}

/* Makes `path` and what is missing above it, for the owner alone. 0 or negative. */
static int make_folders(const char *path)
{
    char *copy = strdup(path);
    int error = copy ? 0 : -ENOMEM;

    for (char *p = copy; error == 0 && p;) {
        p = strchr(p + 1, '/');
        if (p)
            *p = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            error = -errno;
        if (p)
            *p = '/';
    }
    free(copy);
    return error;
}

/* Opens it if it is a directory of ours, that others can't write in. `flags`: O_NOFOLLOW where others can put a link. */
static int open_folder(const char *path, int flags)
{
    struct stat status;
    int error = make_folders(path);
    if (error < 0)
        return error;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) < 0)
        error = -errno;
    else if (status.st_uid != geteuid() || status.st_mode & (S_IWGRP | S_IWOTH))
        error = -EPERM;
    if (error < 0)
        close(fd);
    return error < 0 ? error : fd;
}

static int no_folder(const char *path, int error, struct problem *problem)
{
    if (error == -EPERM)
        return problem_set(problem, EXIT_BAD_CONFIG,
                           "%s belongs to others, or others can write in it\n"
                           "  do:    --dir DIR, one of your own",
                           path);
    return problem_set(problem, EXIT_BAD_CONFIG,
                       "the demonstration's directory %s can't be had: %s\n  do:    --dir DIR",
                       path, strerror(-error));
}

const char demo_file_advice[] = "see to that file, or name another directory with --dir";

static int no_log(const char *path, int error, struct problem *problem)
{
    return problem_set(problem, EXIT_BAD_CONFIG, "%s can't be written: %s\n  do:    %s", path,
                       strerror(-error), demo_file_advice);
}

static int find_folder(struct demo_state *state, const char *folder, struct problem *problem)
{
    state->folder = folder ? strdup(folder) : usual_folder();
    state->fd = state->folder ? open_folder(state->folder, 0) : -ENOENT;
    if (state->fd < 0 && !folder) {
        free(state->folder);
        state->folder = spare_folder();
        state->fd = state->folder ? open_folder(state->folder, O_NOFOLLOW) : -ENOMEM;
    }
    if (!state->folder)
        return -ENOMEM;
    return state->fd < 0 ? no_folder(state->folder, state->fd, problem) : 0;
}

/* ---- what is in it ---- */

static void remove_all(struct demo_state *state)
{
    static const char *const names[] = {queue_file,         "queue.db-wal", "queue.db-shm",
                                        "queue.db-journal", ledger_file,    runs_file};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlinkat(state->fd, names[i], 0);
}

static int add_line(const struct demo_state *state, const char *line)
{
    int fd =
        openat(state->fd, runs_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, line, strlen(line));
    int error = n == (ssize_t)strlen(line) ? 0 : n < 0 ? -errno : -ENOSPC;
    return close(fd) < 0 && error == 0 ? -errno : error;
}

/* Each line as a run writes it. false: something else is in there. */
static bool read_lines(struct demo_state *state, FILE *file)
{
    char line[32];

    while (fgets(line, sizeof line, file)) {
        bool begun = strcmp(line, "begun\n") == 0;
        if (!begun && strcmp(line, "ended\n") != 0)
            return false;
        state->runs += begun;
        state->before = begun ? DEMO_KILLED : DEMO_ENDED;
    }
    return state->runs > 0;
}

/* Counts the runs before, and how the last one ended. */
static void read_runs(struct demo_state *state)
{
    int fd = openat(state->fd, runs_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    int error = file ? 0 : errno;

    if (error == ENOENT)
        snprintf(state->why_unknown, sizeof state->why_unknown, "is not there");
    else if (error)
        snprintf(state->why_unknown, sizeof state->why_unknown, "can't be read: %s",
                 strerror(error));
    else if (!read_lines(state, file))
        snprintf(state->why_unknown, sizeof state->why_unknown, "is damaged");
    if (file)
        fclose(file);
    else if (fd >= 0)
        close(fd);
}

static int take_over(struct demo_state *state)
{
    if (faccessat(state->fd, queue_file, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        read_runs(state);
    } else {
        remove_all(state);
        state->before = DEMO_FRESH;
    }
    state->runs++;
    if (state->why_unknown[0]) {
        state->before = DEMO_UNKNOWN;
        state->runs = 0;
    }
    return add_line(state, "begun\n");
}

static char *path_in(const struct demo_state *state, const char *name)
{
    struct strbuf path = {0};
    strbuf_addf(&path, "%s/%s", state->folder, name);
    return strbuf_take(&path, NULL);
}

static int lock(const struct demo_state *state, struct problem *problem)
{
    if (flock(state->fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return no_folder(state->folder, -errno, problem);
    return problem_set(problem, EXIT_NOT_AVAILABLE,
                       "another demonstration runs in %s\n  do:    wait for its end, or --dir DIR",
                       state->folder);
}

int demo_state_open(struct demo_state *out, const char *folder, struct problem *problem)
{
    struct demo_state state = {.fd = -1};
    int result = find_folder(&state, folder, problem);

    if (result == 0)
        result = lock(&state, problem);
    if (result == 0) {
        state.data = path_in(&state, queue_file);
        state.ledger = path_in(&state, ledger_file);
        state.log = path_in(&state, runs_file);
        result = state.data && state.ledger && state.log ? take_over(&state) : -ENOMEM;
        if (result < 0 && result != -ENOMEM)
            result = no_log(state.log, result, problem);
    }
    if (result == 0)
        *out = state;
    else
        demo_state_close(&state);
    return result;
}

int demo_state_clear(struct demo_state *state)
{
    remove_all(state);
    return faccessat(state->fd, queue_file, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? -EIO : 0;
}

int demo_state_keep(struct demo_state *state)
{
    return add_line(state, "ended\n");
}

void demo_state_close(struct demo_state *state)
{
    if (state->fd >= 0)
        close(state->fd);
    free(state->folder);
    free(state->data);
    free(state->ledger);
    free(state->log);
    *state = (struct demo_state){.fd = -1};
}

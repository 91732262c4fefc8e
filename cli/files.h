/* files -- writing text, all of it or not at all. */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include "core/problem.h"
#include "core/slice.h"

/*
 * Writes all of it, waiting as long as it takes, also when `fd` is one that does not block. The thread waits, so a task that
 * listens to signals can't act on them: SIGINT or SIGTERM, if the program listens to it, ends the wait for a reader that
 * takes nothing. For the main thread.
 *   0
 *   -EINTR  a signal came, and nothing was taken
 *   other negative errno
 */
int write_all(int fd, struct slice text);

/* What went wrong, in words: `error` is from write_all. */
const char *write_failure(int error);

/* Writes what is taken without error, and waits for the reader for a second at most in all. */
void write_briefly(int fd, struct slice text);

/*
 * Writes `text` to `path` so that a reader sees the old file or the whole new one: a temporary file beside it, then
 * rename. What is no regular file (a pipe, /dev/stderr) is written as it stands; a FIFO that nobody reads is waited for,
 * until a signal comes as in write_all.
 * 0, or PROBLEM: `problem` says why not.
 */
int write_whole_file(const char *path, struct slice text, struct problem *problem);

/* Whether write_whole_file could write there: found out before a run, not after it. 0 or PROBLEM. */
int check_writable(const char *path, struct problem *problem);

#endif

/*
 * problem -- why something can't be done, in words for the person who can change it, and the exit status that goes with
 * it. Three lines: what happened; what was looked at; what to do.
 */
#ifndef CORE_PROBLEM_H
#define CORE_PROBLEM_H

#include "core/strbuf.h"

/* The positive outcome of functions that fill a struct problem. */
enum { PROBLEM = 1 };

/* Exit statuses: sysexits(3), as the manual page lists them. */
enum exit_status {
    EXIT_DONE = 0,
    EXIT_BAD_USAGE = 64,
    EXIT_NOT_AVAILABLE = 69,
    EXIT_INTERNAL = 70,
    EXIT_ABANDONED = 75,
    EXIT_NO_CREDENTIALS = 77,
    EXIT_BAD_CONFIG = 78,
};

struct problem {
    enum exit_status status;
    struct strbuf text; /* one or more lines, no newline at the end */
};

void problem_init(struct problem *problem);
void problem_deinit(struct problem *problem);
/* Replaces the text by a formatted one. Returns PROBLEM, so that it can end a function. */
__attribute__((format(printf, 3, 4))) int
problem_set(struct problem *problem, enum exit_status status, const char *format, ...);
/* Puts another advice in place of the text's "do:" line, or behind it if there is none: for who knows what the one that
 * found the problem does not, such as the flag that a file's name came from. */
void problem_advise(struct problem *problem, const char *advice);

#endif

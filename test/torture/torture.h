/*
 * torture -- every allocation of a scenario fails in turn: once, and from there on.
 *
 * A scenario is a function that does something and checks that the outcome is whole: done as if nothing had happened, or
 * refused in the way that is documented. It is run again and again; in the n-th run the n-th allocation fails, in a second
 * round all from the n-th on, until a run needs fewer. After each run everything that was allocated in it must have been
 * freed.
 *
 * What allocates is our own code: the linker gives this program malloc and its like in wrapping paper (--wrap), and the
 * libraries below keep theirs. Other threads are exempt, and so are other parts of the scenario (a scripted peer, the record
 * of what happened) between torture_pause and torture_resume.
 *
 *     TORTURE_ONLY=NAME TORTURE_AT=N [TORTURE_ON=1]    one run alone; TORTURE_TRAP=1: a breakpoint at the failure
 *    TORTURE_TRACE=1: tells each run as it begins
 */
#ifndef TEST_TORTURE_TORTURE_H
#define TEST_TORTURE_TORTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program with what does not hold, and in which run. */
#define torture_check(x) ((x) ? (void)0 : torture_failed(__FILE__, __LINE__, #x))
__attribute__((noreturn)) void torture_failed(const char *file, int line, const char *what);

/* Whether an allocation has failed in this run: if none has, everything must have worked. */
bool torture_has_failed(void);

/* Nested. */
void torture_pause(void);
void torture_resume(void);

struct torture {
    const char *name;
    void (*scenario)(void);
};

/* Runs them all, and prints how many points each had. For main: 0, or it does not return. */
int torture_run(const struct torture *scenarios, size_t count);

#define TORTURE_MAIN(...)                                                                          \
    int main(void)                                                                                 \
    {                                                                                              \
        static const struct torture scenarios[] = {__VA_ARGS__};                                   \
                                                                                                   \
        return torture_run(scenarios, sizeof scenarios / sizeof scenarios[0]);                     \
    }

#endif

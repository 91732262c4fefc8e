/*
 * counted -- a child that ends by _exit or abort keeps what gcov counted in it. Without SLUICE_COVERAGE there is nothing here.
 *
 * For one file of a program: it has the _exit that the libraries linked into it call.
 */
#ifndef TEST_LIB_COUNTED_H
#define TEST_LIB_COUNTED_H

#include <signal.h>

#ifdef SLUICE_COVERAGE
#include <sys/syscall.h>
#include <unistd.h>

void __gcov_dump(void);

__attribute__((noreturn)) void _exit(int status)
{
    __gcov_dump();
    for (;;)
        syscall(SYS_exit_group, status);
}

static inline void count_and_abort(int signo)
{
    __gcov_dump();
    signal(signo, SIG_DFL);
    raise(signo);
}
#else
#define count_and_abort SIG_DFL
#endif

#endif

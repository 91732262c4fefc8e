/*
 * failing -- malloc and its kin, of which the one that is `fail_at` fails while `counting`; what is held is counted. For one file
 * of a program. With a sanitizer they are its own: then CAN_FAIL is false, and FAILS_IN_TURN is not defined.
 */
#ifndef TEST_LIB_FAILING_H
#define TEST_LIB_FAILING_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <sluice/base.h>

static bool counting;
static int allocations, fail_at, held;

SL_UNUSED static bool fails(void)
{
    if (counting && ++allocations == fail_at) {
        errno = ENOMEM;
        return true;
    }
    held += counting;
    return false;
}

#if defined(FIBER_ASAN) || defined(FIBER_TSAN) || defined(__SANITIZE_ADDRESS__) ||                 \
    defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define CAN_FAIL false
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define CAN_FAIL false
#endif
#endif

#ifndef CAN_FAIL
#define CAN_FAIL true
#define FAILS_IN_TURN

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

void *malloc(size_t n)
{
    return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    if (fails())
        return NULL;
    held -= counting && p;
    return __libc_realloc(p, n);
}

void free(void *p)
{
    held -= counting && p;
    __libc_free(p);
}
#endif

#endif

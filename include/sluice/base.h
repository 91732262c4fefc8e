/*
 * base -- results, assertions and the few macros that every other header needs.
 *
 * Results, throughout the library: 0 is done; a positive number is an outcome that the function
 * documents and its caller handles; a negative number is -errno, unforeseen, and is passed on
 * unchanged. errno itself means nothing across a call that may wait: tasks share it.
 *
 * Mistakes of the programmer (a channel closed twice, a wait in loop context) are assertions, in
 * release builds too.
 */
#ifndef SLUICE_BASE_H
#define SLUICE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A function of the library. SL_API_R: one whose result must not be ignored. */
#define SL_API   __attribute__((visibility("default")))
#define SL_API_R __attribute__((visibility("default"), warn_unused_result))

enum {
    SL_OK = 0,
    SL_CLOSED = 1,      /* the channel is closed */
    SL_CANCELED = 2,    /* the context was cancelled */
    SL_TIMEOUT = 3,     /* the deadline of the context, or the time given, has passed */
    SL_WOULD_BLOCK = 4, /* a try_ function would have had to wait */
};

/* Ends the process with the text, the file and the line if `x` is false, in every build. */
#define sl_assert(x)                                                                               \
    (__builtin_expect(!(x), 0) ? sl_assert_failed(#x, __FILE__, __LINE__) : (void)0)

SL_API __attribute__((noreturn, cold)) void sl_assert_failed(const char *what, const char *file,
                                                             int line);

/*
 * Runs `fn(&variable)` when the variable goes out of scope: struct x *x SL_CLEANUP(x_freep) = NULL;
 */
#define SL_CLEANUP(fn) __attribute__((cleanup(fn)))

/* The value of the pointer variable `p`, which becomes NULL: ownership leaves it. */
#define SL_TAKE(p)                                                                                 \
    __extension__({                                                                                \
        __typeof__(p) *sl_from_ = &(p);                                                            \
        __typeof__(p) sl_taken_ = *sl_from_;                                                       \
        *sl_from_ = NULL;                                                                          \
        sl_taken_;                                                                                 \
    })

/* The struct of `type` whose `member` is at `ptr`. */
#define SL_CONTAINER_OF(ptr, type, member) ((type *)((uintptr_t)(ptr)-offsetof(type, member)))

/* Calls a function whose result does not matter here. */
#define SL_IGNORE(call)                                                                            \
    do {                                                                                           \
        if (call) {                                                                                \
        }                                                                                          \
    } while (0)

#define SL_UNUSED __attribute__((unused))

/*
 * The strictest alignment that is kept for what the library copies: elements of channels, arguments
 * of tasks and generators. It is malloc's, 16 on x86-64 and aarch64.
 */
enum { SL_ALIGN_MAX = _Alignof(max_align_t) };

#define SL_ASSERT_ALIGN_(type)                                                                     \
    _Static_assert(_Alignof(type) <= SL_ALIGN_MAX, "aligned too strictly: pass a pointer instead")

/* A place in a circular list, or its head: the library's links inside structs that the caller holds. */
struct sl_link {
    struct sl_link *next, *prev;
};

#endif

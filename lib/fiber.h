/*
 * fiber -- a stack that can be left and entered again, with what the sanitizers want to be told.
 *
 * A switch saves the registers that a function must preserve on the stack that it leaves, and the
 * stack pointer in the fiber. The floating point control words are not part of it: all tasks share
 * them, as functions do.
 */
#ifndef LIB_FIBER_H
#define LIB_FIBER_H

#include <sluice/base.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define FIBER_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define FIBER_TSAN 1
#endif

#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

struct fiber {
    void *sp;
#ifdef FIBER_ASAN
    const void *bottom;
    size_t size;
    void *fake;
#endif
#ifdef FIBER_TSAN
    void *tsan;
#endif
};

/* switch_*.S or switch_ucontext.c: leaves this stack, with its place in *save, for the one at `load`. */
void sl_switch_(void **save, void *load);

/* Prepares the stack that ends at `top` so that switching to the result calls entry(arg). */
void *sl_switch_prepare_(void *bottom, void *top, void (*entry)(void *arg), void *arg);

static inline void fiber_init(struct fiber *f, void *bottom, void *top, void (*entry)(void *arg),
                              void *arg)
{
    f->sp = sl_switch_prepare_(bottom, top, entry, arg);
#ifdef FIBER_ASAN
    f->bottom = bottom;
    f->size = (size_t)((char *)top - (char *)bottom);
    f->fake = NULL;
#endif
#ifdef FIBER_TSAN
    f->tsan = __tsan_create_fiber(0);
#endif
}

/* The fiber of the stack that the thread came with. */
static inline void fiber_init_thread(struct fiber *f)
{
    f->sp = NULL;
#ifdef FIBER_ASAN
    f->bottom = NULL;
    f->size = 0;
    f->fake = NULL;
#endif
#ifdef FIBER_TSAN
    f->tsan = __tsan_get_current_fiber();
#endif
}

static inline void fiber_deinit(struct fiber *f)
{
    (void)f;
#ifdef FIBER_TSAN
    __tsan_destroy_fiber(f->tsan);
#endif
}

/* The first thing on a stack that is entered for the first time; `thread` is whence the first came. */
static inline void fiber_entered(struct fiber *thread)
{
    (void)thread;
#ifdef FIBER_ASAN
    const void *bottom;
    size_t size;

    __sanitizer_finish_switch_fiber(NULL, &bottom, &size);
    if (!thread->bottom) {
        thread->bottom = bottom;
        thread->size = size;
    }
#endif
}

static inline void fiber_switch(struct fiber *from, struct fiber *to)
{
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(&from->fake, to->bottom, to->size);
#endif
#ifdef FIBER_TSAN
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
    sl_switch_(&from->sp, to->sp);
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(from->fake, NULL, NULL);
#endif
}

#endif

/*
 * switch -- prepares a stack for its first entry, in the layout that switch_*.S pops. Any other
 * machine takes the C library's ucontext, which makes a system call for the signal mask at every
 * switch: correct, and some twenty times slower.
 */
#include "lib/fiber.h"

#if defined(SL_SWITCH_UCONTEXT) || !(defined(__x86_64__) || defined(__aarch64__))

#include <ucontext.h>

struct start {
    ucontext_t context;
    void (*entry)(void *arg);
    void *arg;
};

/* makecontext passes ints: the pointer comes in two halves. */
static void enter(unsigned high, unsigned low)
{
    struct start *start = (struct start *)((uintptr_t)high << 16 << 16 | low);

    start->entry(start->arg);
    sl_assert(!"a task stack's first function returned");
}

void sl_switch_(void **save, void *load)
{
    ucontext_t here;

    *save = &here;
    swapcontext(&here, load);
}

void *sl_switch_prepare_(void *bottom, void *top, void (*entry)(void *arg), void *arg)
{
    uintptr_t at = ((uintptr_t)top - sizeof(struct start)) & ~(uintptr_t)63;
    struct start *start = (struct start *)at;

    getcontext(&start->context);
    start->entry = entry;
    start->arg = arg;
    start->context.uc_link = NULL;
    start->context.uc_stack.ss_sp = bottom;
    start->context.uc_stack.ss_size = at - (uintptr_t)bottom;
    makecontext(&start->context, (void (*)(void))enter, 2, (unsigned)(at >> 16 >> 16),
                (unsigned)at);
    return start;
}

#else

void sl_switch_enter_(void);

#ifdef __x86_64__
enum { FRAME_WORDS = 7, FRAME_FUNCTION = 3, FRAME_ARG = 4, FRAME_RETURN = 6 };
#else
enum { FRAME_WORDS = 20, FRAME_FUNCTION = 1, FRAME_ARG = 0, FRAME_RETURN = 11 };
#endif

void *sl_switch_prepare_(void *bottom, void *top, void (*entry)(void *arg), void *arg)
{
    uintptr_t *frame = (uintptr_t *)((uintptr_t)top & ~(uintptr_t)63) - FRAME_WORDS;

    (void)bottom;
    for (int i = 0; i < FRAME_WORDS; i++)
        frame[i] = 0;
    frame[FRAME_FUNCTION] = (uintptr_t)entry;
    frame[FRAME_ARG] = (uintptr_t)arg;
    frame[FRAME_RETURN] = (uintptr_t)sl_switch_enter_;
    return frame;
}

#endif

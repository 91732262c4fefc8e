/*
 * stack -- the memory of a task: a guard, the stack, and at its top the task itself with its
 * arguments. A stack once made serves one task after the other.
 *
 * 256 KiB are reserved and touched lazily. The guard has 64 KiB because the system's libraries are
 * built without stack probes: a smaller one could be stepped over by a large array. The top is not
 * the same place in each page, else all tasks would compete for the same few lines of the cache.
 */
#include <errno.h>
#include <sys/mman.h>

#include "lib/sched.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#ifndef VALGRIND_STACK_REGISTER
#define VALGRIND_STACK_REGISTER(low, high) 0U
#define VALGRIND_STACK_DEREGISTER(id)      (void)(id)
#endif
#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

#if defined(FIBER_ASAN) || defined(FIBER_TSAN)
enum { STACK_BYTES = 1 << 20 }; /* instrumented frames are several times larger */
#else
enum { STACK_BYTES = 256 << 10 };
#endif
enum { GUARD_BYTES = 64 << 10, COLOURS = 16, COLOUR_BYTES = 128 };

static char *map_stack(void)
{
    char *m = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (m == MAP_FAILED)
        return NULL;
    if (mprotect(m + GUARD_BYTES, STACK_BYTES, PROT_READ | PROT_WRITE) == 0)
        return m;
    munmap(m, GUARD_BYTES + STACK_BYTES);
    return NULL;
}

/* A free task, not in the free list; NULL without memory. */
struct sl_task *stack_new(struct sl_sched *s)
{
    char *mapping = map_stack();
    char *bottom, *top;
    struct sl_task *t;

    if (!mapping)
        return NULL;
    bottom = mapping + GUARD_BYTES;
#ifdef FIBER_ASAN
    /* A stack that was unmapped leaves its poison to whatever comes to lie there. */
    ASAN_UNPOISON_MEMORY_REGION(bottom, STACK_BYTES);
#endif
    top = bottom + STACK_BYTES - s->stacks_made++ % COLOURS * COLOUR_BYTES;
    top = (char *)((uintptr_t)(top - sizeof(*t)) & ~(uintptr_t)63);
    t = (struct sl_task *)(void *)top;
    t->sched = s;
    t->mapping = mapping;
    t->one.task_ = t;
    t->cases = &t->one;
    list_init(&t->contexts);
    sl_timer_init(&t->timer, task_timer_fired);
    list_add(&s->stacks, &t->all);
    t->valgrind_id = VALGRIND_STACK_REGISTER(bottom, bottom + STACK_BYTES - 1);
#ifdef FIBER_ASAN
    __lsan_register_root_region(bottom, STACK_BYTES);
#endif
    fiber_init(&t->fiber, bottom, top, task_worker, t);
    return t;
}

void stack_free(struct sl_task *t)
{
    char *mapping = t->mapping;

    list_del(&t->all);
    fiber_deinit(&t->fiber);
    VALGRIND_STACK_DEREGISTER(t->valgrind_id);
#ifdef FIBER_ASAN
    __lsan_unregister_root_region(mapping + GUARD_BYTES, STACK_BYTES);
#endif
    munmap(mapping, GUARD_BYTES + STACK_BYTES);
}

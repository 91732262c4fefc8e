/*
 * sched -- what the files of this folder share: the scheduler, tasks and how a task waits.
 *
 * One thread. A task that cannot go on switches straight to the next ready task; the scheduler's
 * own stack, the loop, is entered only when none is ready or it is time to look at the world.
 * Callbacks run there (loop context: no current task).
 *
 * A task waits for one thing at a time: linked into the queues of the channels of its `cases`, or
 * for a callback that knows it; always linked to the context of the wait, and perhaps with its timer
 * set. Whatever comes first wakes it, and takes it out of all queues in the same step, so that it
 * cannot be woken twice.
 *
 * The link to the context and the timer are left in place after a wait, because the next wait mostly
 * has the same ones; `result` and `timed` say whether they count.
 */
#ifndef LIB_SCHED_H
#define LIB_SCHED_H

#include <stdatomic.h>

#include "lib/driver.h"
#include "lib/fiber.h"
#include "lib/list.h"
#include <sluice/chan.h>
#include <sluice/loop.h>
#include <sluice/task.h>

/* Where it is not defined by cmake/flags.cmake. */
#ifndef PLANTED
#define PLANTED(n) 0
#endif

enum {
    OPERATIONS_MAX = 128,   /* without a wait: the next one yields */
    SWITCHES_PER_LOOK = 32, /* between two looks at the clock */
    POLL_NS = 50000,   /* and the world is polled when this long has passed since the last time */
    STACKS_WARM = 256, /* free stacks that are kept: a megabyte or two */
    TASKS_MAX = 30000, /* two mappings each, of 65,530 (vm.max_map_count) */
};

/* Results of a wait beside SL_OK, SL_CLOSED, ...: it goes on; its own time has ended it. */
enum { WAITING = 100, WAIT_REACHED };

struct sl_task {
    struct fiber fiber;
    struct sl_task *next; /* ready, or free */
    struct sl_sched *sched;

    int result; /* of the wait, or WAITING */
    bool timed; /* the timer may end the wait */
    struct sl_ctx *wait_ctx;
    struct sl_link wait_link;  /* in wait_ctx->waiters */
    struct sl_case *cases;     /* queued at their channels */
    size_t case_count;         /* 0 while it does not wait for channels */
    struct sl_case *committed; /* the one of several that ended the wait; NULL */
    struct sl_case one;        /* for a single send or receive */

    const char *waits_on; /* for sl_dump, if there are no cases */
    const void *wait_place;
    struct sl_timer timer;

    struct sl_ctx *scope;
    const struct sl_task_site *site; /* NULL while free */
    struct sl_link contexts;         /* that it made and has not left */
    struct sl_link all;              /* in sched->stacks */
    uint64_t id;
    void *mapping;
    unsigned valgrind_id;
    _Alignas(SL_ALIGN_MAX) char args[SL_TASK_ARGS_MAX];
};

struct sl_ctx {
    int err; /* SL_OK, SL_CANCELED, SL_TIMEOUT */
    int cause;
    int failure; /* the first negative result of a task, but for -ECANCELED */
    bool keep_going;
    unsigned tasks;
    unsigned busy_children; /* that have tasks, or busy children */
    struct sl_sched *sched;
    struct sl_ctx *parent;
    struct sl_link sibling, children;
    struct sl_link waiters;  /* tasks whose last wait was with this context */
    struct sl_link watchers; /* struct ctx_waiter, until it is cancelled */
    struct sl_link idlers;   /* struct ctx_waiter, until no task is left */
    struct sl_link channels;
    struct sl_task *leaver;
    struct sl_task *maker; /* NULL when that task has ended */
    struct sl_link made;   /* in maker->contexts */
    sl_time deadline;      /* its own; the nearest one above it counts as well */
    struct sl_timer timer;
    const char *name;
};

struct sl_chan {
    _Alignas(SL_ALIGN_MAX) struct sl_sched *sched; /* all of it: the ring follows */
    struct sl_link receivers, senders;             /* struct sl_case */
    size_t elem_size;
    size_t capacity, count;
    char *read, *write, *ring, *ring_end;
    bool closed;
    struct sl_ctx *scope;
    struct sl_link in_scope;
    const char *name;
    void (*drop)(void *elem);
    void (*typed_drop)(void);
    void (*call_drop)(void (*drop)(void), void *elem);
    void (*gone)(struct sl_chan *ch); /* it is about to be freed: what fills it must stop */
    void *filler;
};

struct sl_sched {
    struct sl_task *current; /* NULL in loop context */
    struct sl_task *ready;
    struct sl_task **ready_end;
    int operations; /* left to the current task; negative: it has done more */
    int switches;   /* left until the next look at the clock */
    bool shuffle;
    bool finished;
    sl_time seen; /* the clock at the last poll: times up to here have been reached */
    struct sl_timer *timers;
    uint64_t timer_order;
    uint64_t random[2];
    struct fiber loop;
    struct sl_driver *driver;
    struct sl_task *free;
    unsigned free_count, tasks, tasks_max;
    unsigned long long stacks_made;
    uint64_t task_id;
    struct sl_link stacks; /* all, in the order of their making */
    struct sl_link bells;
    atomic_bool rung;
    unsigned wakers; /* descriptors wanted, jobs, bells, signals: what may still wake a task */
    struct sl_ctx *background;
    struct sl_ctx *emergency;
};

extern _Thread_local struct sl_sched *sl_sched_ __attribute__((tls_model("initial-exec")));

/* scheduler.c */
__attribute__((noinline)) void sched_slow(struct sl_sched *s, struct sl_task *me);
uint64_t sched_random(struct sl_sched *s);
int sched_block_until(struct sl_task *me, struct sl_ctx *ctx, sl_time until, const void *place);
int sched_wait(struct sl_ctx *ctx, sl_time until, const char *waits_on, const void *place);

/* stack.c */
struct sl_task *stack_new(struct sl_sched *s);
void stack_free(struct sl_task *t);

/* task.c */
void *task_start(struct sl_ctx *ctx, const struct sl_task_site *site);
void task_worker(void *arg);
__attribute__((noinline)) int task_yield_after(int result);

/* timer.c */
sl_time timers_next(struct sl_sched *s);
void timers_run(struct sl_sched *s, sl_time now);
void timers_end(struct sl_sched *s);
void task_timer_fired(struct sl_timer *timer);

/* ctx.c */
struct sl_ctx *ctx_make(struct sl_sched *s, struct sl_ctx *parent, sl_time deadline);
void ctx_task_started(struct sl_ctx *ctx);
void ctx_task_ended(struct sl_ctx *ctx);
void ctx_failed(struct sl_ctx *ctx, int cause);
void ctx_orphan(struct sl_task *maker);
void ctx_link(struct sl_task *t, struct sl_ctx *ctx);

/* chan.c */
void chan_destroy(struct sl_chan *ch);
void chan_forget(struct sl_chan *ch, void *elem);
int chan_send_now(struct sl_chan *ch, const void *value);
int chan_recv_now(struct sl_chan *ch, void *value);

/* select.c */
void cases_unlink(struct sl_task *t);

/* loop.c */
void bells_answer(struct sl_sched *s);
void bells_end(struct sl_sched *s);

/* dump.c */
__attribute__((noreturn, cold)) void deadlock_report(struct sl_sched *s);

static inline void ready_push(struct sl_sched *s, struct sl_task *t)
{
    t->next = NULL;
    *s->ready_end = t;
    s->ready_end = &t->next;
}

static inline struct sl_task *ready_pop(struct sl_sched *s)
{
    struct sl_task *t = s->ready;

    s->ready = t->next;
    if (!s->ready)
        s->ready_end = &s->ready;
    return t;
}

/*
 * Leaves `me` for the next task, or the loop. `me` is waiting, ready or free. What is needed after
 * the switch is looked up again: a value kept across it would cost a register that the caller saves
 * once more than the switch does.
 */
static inline void sched_switch(struct sl_sched *s, struct sl_task *me)
{
    if (__builtin_expect(s->ready && --s->switches > 0, 1)) {
        struct sl_task *next = ready_pop(s);

        s->current = next;
        fiber_switch(&me->fiber, &next->fiber);
    } else {
        sched_slow(s, me);
    }
    sl_sched_->operations = OPERATIONS_MAX;
}

/* What every wait has in common; the caller has linked `me` to what it waits for. */
static inline int sched_block(struct sl_sched *s, struct sl_task *me, struct sl_ctx *ctx,
                              const void *place)
{
    if (__builtin_expect(me->wait_ctx != ctx, 0))
        ctx_link(me, ctx);
    me->wait_place = place;
    me->result = WAITING;
    sched_switch(s, me);
    return sl_sched_->current->result;
}

/* Ends the wait of a task that has no cases queued. */
static inline void task_wake(struct sl_task *t, int result)
{
    t->result = result;
    ready_push(t->sched, t);
}

/* Ends the wait of any task, if it waits. */
static inline void task_interrupt(struct sl_task *t, int result)
{
    if (t->result != WAITING)
        return;
    cases_unlink(t);
    t->case_count = 0;
    t->committed = NULL;
    task_wake(t, result);
}

/* The one commit point: the only case of a waiting task is done, */
static inline void case_commit_single(struct sl_case *c, int result)
{
    struct sl_task *t = c->task_;

    c->result = result;
    list_cut(&c->link_);
    t->case_count = 0;
    task_wake(t, result);
}

/* or one of several. */
static inline void case_commit(struct sl_case *c, int result)
{
    struct sl_task *t = c->task_;

    t->committed = c;
    if (t->case_count > 1)
        cases_unlink(t);
    case_commit_single(c, result);
}

static inline struct sl_case *case_first(struct sl_link *queue)
{
    return SL_CONTAINER_OF(queue->next, struct sl_case, link_);
}

/* A task that calls a function that may wait, on its own scheduler. */
static inline struct sl_task *sched_me(struct sl_sched *s)
{
    sl_assert(s && s->current);
    return s->current;
}

/*
 * The last act of an operation that did not have to wait: after many of them it is others' turn. Not
 * before it, because they may free the channel and the context: nothing shows that this task is going
 * to use them.
 */
static inline int others_turn(int result)
{
    if (__builtin_expect(sl_sched_->operations < 0, 0))
        return task_yield_after(result);
    return result;
}

#endif

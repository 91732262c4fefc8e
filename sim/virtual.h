/*
 * virtual -- a driver in which time is only a number: when no task can run, the clock jumps to the
 * next timer.
 *
 * Tests and simulations run on it: nothing sleeps, and everything (randomness, select's choices,
 * the order of ready tasks if `shuffle` is set) follows from one seed. A program that never waits
 * never lets time pass. Descriptors do not exist here (-ENOTSUP), other threads neither; signals
 * come from sl_virtual_raise; sl_offload runs its function in place and takes a random time.
 */
#ifndef SIM_VIRTUAL_H
#define SIM_VIRTUAL_H

#include "lib/driver.h"

struct sl_virtual_options {
    uint64_t seed;
    int64_t wall_ms;    /* the wall clock at the start; 0 = 2026-01-01 00:00 UTC */
    sl_dur offload_max; /* an offload takes up to this long; 0 = no time at all */
    bool shuffle;       /* see struct sl_run_options */
    unsigned tasks_max; /* 0 = the default */
};

/* sl_run in a virtual world. `options` may be NULL: seed 0. */
SL_API_R int sl_virtual_run(const struct sl_virtual_options *options,
                            int (*fn)(struct sl_ctx *ctx, void *arg), void *arg);

/* Delivers a signal to whoever listens (sl_signals) in the virtual world of this thread. */
SL_API void sl_virtual_raise(int signo);

/* Moves the wall clock alone by `ms`, as an operator or NTP would. */
SL_API void sl_virtual_wall_jump(int64_t ms);

/* Moves the clock on by `d` at once, past timers, which are late then: the world stood still (SIGSTOP, a laptop's lid). */
SL_API void sl_virtual_leap(sl_dur d);

#endif

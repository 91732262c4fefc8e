/*
 * errand -- what tasks have in hand, for a watchdog. Whoever does something that moves on within known limits registers it and
 * notes each move; one that has not moved for far longer than its limits is stuck by a mistake in the program.
 *
 * One thread runs all tasks: no locks.
 */
#ifndef CORE_ERRAND_H
#define CORE_ERRAND_H

#include <sluice/time.h>

struct errand {
    const char *what; /* "a delivery"; lives as long as the errand */
    /* When it was taken in hand or moved last. SL_NEVER: there is nothing to do, or it waits for somebody who may take any time. */
    sl_time moved_at;
    struct errand *previous, *next;
};

/* Those that are registered. All zero: none. */
struct errands {
    struct errand *first;
};

/* Registers `errand`, which belongs to the caller and has nothing to do yet (SL_NEVER), until errand_end. */
void errand_begin(struct errands *errands, struct errand *errand, const char *what);
void errand_end(struct errands *errands, struct errand *errand);

/* The one that has not moved for the longest time; NULL: none has anything to do. */
const struct errand *errands_oldest(const struct errands *errands);

#endif

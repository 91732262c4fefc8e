/*
 * backoff -- how long to wait before trying again: exponential, capped, with full jitter.
 *
 * Full jitter means uniform between nothing and the ceiling, so that clients that failed together
 * do not come back together. Randomness is an argument: one draw of 64 bits. All arithmetic
 * saturates: no argument makes a delay negative, or longer than its cap.
 */
#ifndef CORE_BACKOFF_H
#define CORE_BACKOFF_H

#include <stdint.h>

#include <sluice/time.h>

/* min(cap, base × 2^exponent). A negative base or cap counts as 0. */
sl_dur backoff_ceiling(sl_dur base, sl_dur cap, unsigned exponent);

/* Uniform in [0, ceiling], both ends included. A negative ceiling counts as 0. */
sl_dur backoff_jitter(sl_dur ceiling, uint64_t random);

/* backoff_jitter of backoff_ceiling: the delay before retry number `exponent`, counted from 0. */
sl_dur backoff_full(sl_dur base, sl_dur cap, unsigned exponent, uint64_t random);

/*
 * For how long an event that failed stays hidden when it goes back to its queue: min(15 min, 5 s ×
 * 2^(receives − 1)) with full jitter, at least 1 s, in whole seconds (rounded up) because the queue
 * counts in those. `receives` is the queue's receive count of the event; 0 counts as 1.
 */
sl_dur backoff_return_delay(unsigned receives, uint64_t random);

#endif

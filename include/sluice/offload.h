/*
 * offload -- work that would block the thread, done by a helper thread while the task waits.
 *
 * For work that ends by itself: a file, a digest of a large buffer. What may block without bound (a
 * name look-up, a read from a terminal) needs a detached thread that owns its memory, and a bell
 * (loop.h) to report back.
 */
#ifndef SLUICE_OFFLOAD_H
#define SLUICE_OFFLOAD_H

#include <sluice/base.h>

/*
 * Runs `fn(arg)` on a helper thread and waits until it has returned: this cannot be cancelled, so
 * `arg` may point to the caller's stack. `fn` must not touch tasks, channels or contexts. A handful
 * of threads serve all of them, in order. A simulated world runs `fn` in place and lets virtual
 * time pass.
 *   0         *result is what fn returned (NULL: not wanted)
 *   negative  it was not run: no memory, no thread
 */
SL_API_R int sl_offload(int (*fn)(void *arg), void *arg, int *result);

#endif

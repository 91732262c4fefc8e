/*
 * pacing -- when a source may receive: credits, how many receivers, and how long to wait before the
 * next poll.
 *
 * Credits bound what is held, in events and in bytes. A receive reserves the most that it can
 * bring, is trued up when its answer has arrived, and an event gives its credit back when it is
 * settled. Above the cap there is no receive: a slow service means fewer receives, not more memory.
 *
 * Receivers: 1 while idle. One more when a receive brings anything in under a second and credits
 * are free; one fewer on an empty poll; 1 after a failure.
 *
 * Waiting: while the open batch has time left and the last receive was not full, the next poll
 * waits min(time left, 500 ms): ten times fewer receives at low rates, and no event later for it.
 *
 * After failures: between half and all of min(20 s, 250 ms × 2^n), shared by all receivers. From
 * the fifth failure on that is at least 2 s, from the sixth 4 s, for at most 3 attempts: less than
 * one request a second, 10 s after the trouble began.
 *
 * OverLimit (too many events in flight at the queue): no receive until a tenth of what was held is
 * settled, for 60 s at most (others may hold the rest), and for 5 s at least.
 */
#ifndef CORE_PACING_H
#define CORE_PACING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/time.h>

enum { PACING_RECEIVE_MAX = 10 /* messages that one receive brings, at most */ };

/* What is held or reserved, in events and bytes. */
struct credits {
    size_t count_max, bytes_max;
    size_t count, bytes; /* held */
    size_t reserved_count, reserved_bytes;
    size_t largest, largest_before; /* bodies, in this window of receives and in the last */
    unsigned window;                /* receives that brought something, in this window */
};

/* What one receive has reserved; settled by credits_arrived or credits_cancel, once. */
struct reservation {
    size_t count, bytes;
};

/* `count_max` at least PACING_RECEIVE_MAX (asserted). */
void credits_init(struct credits *credits, size_t count_max, size_t bytes_max);

/*
 * Reserves for one receive: 10 events, and 10 × twice the largest recent body (64 KiB before there
 * was one, never less than 1 KiB). false: not now, nothing is reserved. While nothing is held or
 * reserved it is always granted, with what there is, so that one body near the cap can't stop
 * everything.
 */
bool credits_reserve(struct credits *credits, struct reservation *out);
/* Whether credits_reserve would grant. */
bool credits_are_free(const struct credits *credits);

/* Turns a reservation into what arrived: `count` events of `bytes` in all, the largest of
 * `largest`. More bytes than reserved are counted all the same. */
void credits_arrived(struct credits *credits, const struct reservation *reservation, size_t count,
                     size_t bytes, size_t largest);
/* Gives a reservation back: the receive failed or was cut. */
void credits_cancel(struct credits *credits, const struct reservation *reservation);
/* Gives back what settled: asserted to be no more than is held. */
void credits_settled(struct credits *credits, size_t count, size_t bytes);

struct pacing {
    unsigned receivers, receivers_max;
    unsigned failures; /* in a row; those that came while it waited after one count as that one */
    bool was_full;     /* the last receive brought as much as it may */
    sl_time ended_at;  /* of the last receive that ended well */
    sl_time resume_at; /* not before, after a failure or OverLimit */
    bool is_over_limit;
    size_t resume_held;       /* over the limit: resume when no more than this is held … */
    sl_time over_limit_until; /* … or then */
};

/* One receive has ended well. */
struct pacing_receive {
    sl_time started, ended;
    size_t brought;    /* messages */
    bool credits_free; /* another receive could be started */
};

/* `receivers_max` 1-100 (asserted). */
void pacing_init(struct pacing *pacing, unsigned receivers_max);
void pacing_received(struct pacing *pacing, const struct pacing_receive *receive);
/* A receive failed after its retries. */
void pacing_failed(struct pacing *pacing, sl_time now, uint64_t random);
/* A receive was answered with OverLimit; `held` events are held here. */
void pacing_over_limit(struct pacing *pacing, sl_time now, size_t held);

/* How many receivers may be under way now. */
unsigned pacing_receivers(const struct pacing *pacing);

/*
 * When the next poll may start; `now` or before means at once. `batch_deadline` is when the open
 * batch leaves, SL_NEVER while there is none. To be asked again when a batch leaves or an event is
 * settled: the answer may become earlier.
 */
sl_time pacing_next_poll(const struct pacing *pacing, sl_time now, sl_time batch_deadline,
                         size_t held);

#endif

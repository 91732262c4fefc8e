/*
 * lease -- the source's table of what it holds: for each event its newest receipt handle, until
 * when the queue leaves it to us, and what is being done about it.
 *
 * An event is known outside by its ticket only. It stays valid until the event is settled (deleted,
 * returned, given up or abandoned), however long that takes and even if the lease was lost
 * meanwhile. The table decides nothing about requests: it says which leases are due for an
 * extension, and is told how requests went. `now` comes with each event.
 *
 *                     ┌───────── extended, extend failed ─────────┐
 *     arrive ──▶ HELD ──▶ EXTENDING ──────────────────────────────┘
 *                 │  ╲        │    ╲ return            extended, extend failed
 *                 │   ╲delete │     ╲──▶ EXTENDING_RETURN ──▶ RETURNING
 *        deadline │    ╲      │ delete                            ▲
 *                 ▼     ╲     ▼                                   │ return, from HELD
 *               LOST ──▶ DELETING
 *
 * A lost lease stays in the table, because the event may be in a request that is under way, and its
 * outcome is honoured: a delete is tried. A return of it is nothing to be done: the queue gives it
 * again by itself. If that happens while the first copy is still held, in whatever state, the two
 * are one: the newest handle is kept, and a lost lease lives again. Not so on a FIFO queue: an event
 * before it may come again too, and has to be delivered first. With several receives under way the
 * answer to an earlier one may come last: a copy that was received fewer times than the one that is
 * held counts as merged, and changes nothing else.
 *
 * A delete does not wait for an extension that is under way (the extend endpoint may hang); a
 * return does, because the extension could hide the event again. After a delete or return was begun
 * no extension is asked for.
 *
 * Extension: at half of the granted visibility, in calls of up to 10, to min(visibility, 12 h −
 * held − 60 s), since the queue rejects a total above 12 h. A failed one is tried again after a
 * twelfth of it, and for the last time when a sixth is left: also one that had no answer for a
 * quarter, and was found so a little late. All three count from the present visibility if that is
 * shorter than the granted one: while more of the lease is left, an extension would shorten it.
 *
 * Ids that the service confirmed are remembered until max(2 × visibility, 10 min) after their
 * delete was acknowledged (or given up), up to a number, the oldest forgotten first. If the queue
 * brings one again, it is deleted without being posted.
 *
 * FIFO queues: events of one message group that one receive brought are a run. A run may be handed
 * out when no earlier run of its group is held. It is extended all or nothing; when one of its
 * leases is lost, so are all later ones of the group, because the queue will give them again behind
 * that one. A later one that is being extended may not be posted from then on, and is LOST when its
 * extension has ended, granted or not.
 *
 * All storage is taken at the start, but for receipt handles, whose buffers are reused. The table
 * writes the terms of the account and asserts after each change that received = deleted + returned
 * + dead_lettered + expired + merged + abandoned + held.
 */
#ifndef CORE_LEASE_H
#define CORE_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/time.h>

#include "core/account.h"
#include "core/slice.h"

/* An event's place in the table. {0, 0} is never one. */
struct ticket {
    uint32_t slot, generation;
};

enum lease_state {
    LEASE_FREE,             /* no event: the ticket is settled */
    LEASE_HELD,             /* given out to the pipeline, and the queue hides it */
    LEASE_EXTENDING,        /* the same, and an extension is under way */
    LEASE_EXTENDING_RETURN, /* to be returned when the extension under way has ended */
    LEASE_LOST,             /* given out, but the queue may give it again */
    LEASE_DELETING,         /* the service confirmed it; its delete is queued or under way */
    LEASE_RETURNING,        /* its return is queued or under way */
};

enum { LEASE_CALL_MAX = 10 /* entries in one call to the queue */ };

struct lease_options {
    uint32_t slots;         /* most events held at once; 1 to 1,000,000 */
    uint32_t confirmed_max; /* most ids remembered; 0 = 65,536 (1.5 MB, touched as it fills) */
    sl_dur visibility;      /* what extensions ask for, at least 2 s */
    bool can_extend;        /* false: not permitted to; nothing is held past its first lease */
    struct account
        *account; /* outlives the table; written by it alone as far as the equation goes */
};

struct lease_table;

/* NULL: no memory. */
struct lease_table *lease_table_new(const struct lease_options *options);
void lease_table_free(struct lease_table *table);

/* The queue's visibility timeout, or the permission to extend, has changed: counts for extensions
 * from here on. */
void lease_visibility_set(struct lease_table *table, sl_dur visibility, bool can_extend);

/* ---- arriving ---- */

/* A received event. Slices are copied. */
struct lease_arrival {
    struct slice id;     /* its message id */
    struct slice handle; /* opaque bytes, given back as they are */
    struct slice group;  /* its message group; empty on a standard queue */
    uint32_t
        run; /* FIFO: a number that this receive's events share, and no other receive's of late */
    sl_time received_at;    /* when the answer began to arrive */
    sl_dur visibility;      /* what the receive asked for */
    sl_dur round_trip;      /* of a request to the queue; 0 = unknown */
    unsigned receive_count; /* how often the queue gave it out, this time included; 0 = not told */
};

enum lease_arrived {
    LEASE_NEW,       /* held: hand it out under *out */
    LEASE_MERGED,    /* a second copy of what is held: do nothing; *out is the first one's */
    LEASE_CONFIRMED, /* the service has it already: not to be posted; queue a delete for *out */
    LEASE_NO_ROOM,   /* no slot or no memory: dropped and counted as expired; *out is {0, 0} */
};

/*
 * Takes in an event. Its lease ends at received_at + visibility − max(1 s, 2 × round_trip), where
 * 2 × round_trip counts up to a sixth of the visibility: never later than by the queue's own
 * reckoning, unless the answer was under way for longer than that.
 */
enum lease_arrived lease_arrive(struct lease_table *table, const struct lease_arrival *arrival,
                                struct ticket *out);

/* Counts an event that can't be used (malformed, wrong digest) as received and expired. */
void lease_arrive_unfit(struct lease_table *table);
/* Whether an event is in the table, or was confirmed not long ago: lease_arrive will not say LEASE_NEW of it. */
bool lease_knows(struct lease_table *table, struct slice id, sl_time now);

/* ---- asking ---- */

/* LEASE_FREE for a ticket that is settled. */
enum lease_state lease_state_of(const struct lease_table *table, struct ticket ticket);
/* Whether the event may be posted: held, no verdict yet, and before its deadline. */
bool lease_holds(const struct lease_table *table, struct ticket ticket, sl_time now);
/* Whether its lease lasts, in whatever state: while it does, a failed delete or return is worth
 * another try. */
bool lease_is_alive(const struct lease_table *table, struct ticket ticket, sl_time now);
/* When its lease ends. The ticket must not be settled. */
sl_time lease_deadline(const struct lease_table *table, struct ticket ticket);
/* FIFO: whether no earlier run of its group is held. Always true on a standard queue. */
bool lease_run_may_go(const struct lease_table *table, struct ticket ticket);
/* FIFO: whether both are of one message group. Never so on a standard queue. */
bool lease_share_group(const struct lease_table *table, struct ticket a, struct ticket b);
/* How many events are in the table. */
uint32_t lease_held(const struct lease_table *table);
/* Visits what is in the table, in no particular but a fixed order. *cursor starts as 0. false: that
 * was all. */
bool lease_next(const struct lease_table *table, uint32_t *cursor, struct ticket *out);

/* ---- extending ---- */

struct lease_extension {
    struct ticket ticket;
    unsigned visibility_s; /* what to ask for, from the sending on */
};

/* When lease_due has something to do; SL_NEVER if nothing. */
sl_time lease_next_due(const struct lease_table *table);

/*
 * Starts the extensions that are due: fills in up to 10 for one call, which the caller sends with
 * lease_sending() of each, and returns their number. Leases whose deadline has passed are marked as
 * lost on the way, and *lost counts them. When something is due, what is due soon (within a
 * fortieth of the visibility) goes with it. To be repeated while lease_next_due() is not after
 * `now`.
 */
size_t lease_due(struct lease_table *table, sl_time now, struct lease_extension out[LEASE_CALL_MAX],
                 size_t *lost);

/* The newest receipt handle, and notes that a request with it is under way. Valid until the table
 * changes. The ticket must not be settled. */
struct slice lease_sending(struct lease_table *table, struct ticket ticket);

/* The extension was granted; `sent_at` is when its request was sent. Returns true if a return has
 * waited for its end: queue it. A ticket that was settled meanwhile is ignored. */
bool lease_extended(struct lease_table *table, const struct lease_extension *extension,
                    sl_time sent_at);
/* The extension was not granted, or nobody knows. `for_good`: it never will be (the handle is
 * refused, 12 h are over). Returns as lease_extended. */
bool lease_extend_failed(struct lease_table *table, const struct lease_extension *extension,
                         sl_time now, bool for_good);

/* ---- settling ---- */

enum lease_reason { LEASE_REFUSED, LEASE_UNSENT };

enum lease_return {
    LEASE_RETURN_QUEUE, /* queue it */
    LEASE_RETURN_WAIT,  /* an extension is under way: lease_extended or lease_extend_failed tells
                           when to queue it */
    LEASE_RETURN_GONE,  /* the lease was lost: the event is settled, and counted as expired */
};

/* The service confirmed the event: queue its delete. The ticket must be HELD, EXTENDING or LOST
 * (asserted). */
void lease_delete(struct lease_table *table, struct ticket ticket);
/* The event goes back to its queue, visible after `delay_s` (0-43,200). As lease_delete for the
 * ticket. On a FIFO queue call it last first, and queue in that order. */
enum lease_return lease_return(struct lease_table *table, struct ticket ticket, unsigned delay_s,
                               enum lease_reason reason, sl_time now);
/* The delay that the event's return asks for. Its state must be RETURNING or EXTENDING_RETURN. */
unsigned lease_return_delay_s(const struct lease_table *table, struct ticket ticket);
/* A return is still to be sent, and the drain has begun: make the event visible at once. */
void lease_return_hasten(struct lease_table *table, struct ticket ticket);

enum lease_done {
    LEASE_DONE,  /* settled: the ticket is no more */
    LEASE_AGAIN, /* a newer handle came meanwhile: queue the same again */
};

/* The queue acknowledged the delete, or return, that was sent with lease_sending(). */
enum lease_done lease_deleted(struct lease_table *table, struct ticket ticket, sl_time now);
enum lease_done lease_returned(struct lease_table *table, struct ticket ticket);
/* The delete or return can't be done: the handle is refused, or the lease is over. The event counts
 * as expired; one that was to be deleted is remembered as confirmed, and marked in doubt. */
enum lease_done lease_give_up(struct lease_table *table, struct ticket ticket, sl_time now);

/* Marks an event in doubt: posted without a complete answer. Counted once, however often it is
 * called. */
void lease_mark_in_doubt(struct lease_table *table, struct ticket ticket);

/* The drain's deadline: everything in the table is abandoned, and its tickets are settled. An event
 * whose delete was queued is marked in doubt. Returns how many. */
uint32_t lease_abandon_all(struct lease_table *table);

#endif

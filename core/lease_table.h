/*
 * lease_table -- the inside of the lease table. Private to lease*.c.
 *
 * A slot is in use from the event's arrival until it is settled. While in use it is in the index of
 * ids, and on a FIFO queue in its group's list, which is ordered by arrival. While HELD it is in the
 * heap, ordered by when something has to be done about it: extend it, or take note that it is lost.
 */
#ifndef CORE_LEASE_TABLE_H
#define CORE_LEASE_TABLE_H

#include "core/lease.h"
#include "core/lease_confirmed.h"
#include "core/lease_index.h"

#define SLOT_NONE INDEX_NONE

struct slot {
    uint32_t generation; /* of its present event, or of its last */
    enum lease_state state;
    struct id_key id;
    char *text; /* the group and, behind it, the newest handle; the buffer stays with the slot */
    size_t text_cap, group_n, handle_n;
    unsigned receive_count; /* that came with the handle; 0: none */

    sl_time received_at, deadline;
    sl_dur granted;      /* the visibility that the deadline came from */
    sl_time due;         /* while HELD */
    uint32_t heap_at;    /* while HELD */
    bool is_extend_over; /* no extension will be granted any more */
    bool is_renewed;     /* a newer handle came since the last request was begun */
    bool is_in_doubt;
    bool is_behind_lost; /* EXTENDING while one before it in its group was lost */

    enum lease_reason reason; /* of a return */
    unsigned delay_s;

    uint32_t run, group_hash;
    uint32_t previous, next; /* in its group; `next` also in the list of free slots */
    uint32_t last;           /* of the first slot of a group: the last one */
};

struct lease_table {
    struct slot *slots;
    uint32_t capacity, used;
    uint32_t free; /* the first free slot */
    uint32_t *heap;
    uint32_t heap_count;
    struct index ids, groups;
    struct confirmed confirmed;
    sl_dur visibility;
    bool can_extend;
    struct account *account;
};

/* Changes a slot's state; the only function that does. Keeps the heap. */
void slot_enter(struct lease_table *t, uint32_t slot, enum lease_state state);
/* The slot of a ticket; asserts that it is not settled. */
struct slot *slot_of(const struct lease_table *t, struct ticket ticket);
struct ticket ticket_of(const struct lease_table *t, uint32_t slot);

/* lease_schedule.c: the heap. `due` must be set before. */
void schedule_add(struct lease_table *t, uint32_t slot);
void schedule_remove(struct lease_table *t, uint32_t slot);
/* When something has to be done about a lease that was just granted. */
sl_time schedule_due(const struct lease_table *t, const struct slot *s);
/* Puts a HELD slot where its due time, which has changed, belongs. */
void schedule_move(struct lease_table *t, uint32_t slot, sl_time due);

/* lease_groups.c. A slot without a group is in none. */
void group_join(struct lease_table *t, uint32_t slot);
void group_leave(struct lease_table *t, uint32_t slot);
/* The first slot of the group, which may be this one. */
uint32_t group_first(const struct lease_table *t, uint32_t slot);
/* Whether a lease before this one in its group is lost. */
bool group_lost_before(const struct lease_table *t, uint32_t slot);

#endif

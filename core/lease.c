#include "core/lease.h"

#include <stdlib.h>
#include <string.h>

#include <sluice/base.h>

#include "core/lease_table.h"

enum { SLOTS_LIMIT = 1000000, CONFIRMED_DEFAULT = 65536, DELAY_MAX_S = 43200 };

static const sl_dur remember_least = SL_DUR_MINUTES(10);
static const sl_dur margin_least = SL_DUR_SEC(1);

/* ---- life ---- */

struct lease_table *lease_table_new(const struct lease_options *options)
{
    struct lease_table *t = calloc(1, sizeof(*t));
    uint32_t remembered = options->confirmed_max > 0 ? options->confirmed_max : CONFIRMED_DEFAULT;

    sl_assert(options->slots > 0 && options->slots <= SLOTS_LIMIT && options->account != NULL);
    if (t == NULL)
        return NULL;
    t->capacity = options->slots;
    t->visibility = options->visibility;
    t->can_extend = options->can_extend;
    t->account = options->account;
    t->slots = calloc(options->slots, sizeof(*t->slots));
    t->heap = calloc(options->slots, sizeof(*t->heap));
    if (t->slots == NULL || t->heap == NULL || !index_init(&t->ids, options->slots) ||
        !index_init(&t->groups, options->slots) || !confirmed_init(&t->confirmed, remembered)) {
        lease_table_free(t);
        return NULL;
    }
    for (uint32_t i = 0; i < t->capacity; i++)
        t->slots[i].next = i + 1 < t->capacity ? i + 1 : SLOT_NONE;
    return t;
}

void lease_table_free(struct lease_table *t)
{
    if (t == NULL)
        return;
    for (uint32_t i = 0; t->slots != NULL && i < t->capacity; i++)
        free(t->slots[i].text);
    free(t->slots);
    free(t->heap);
    index_deinit(&t->ids);
    index_deinit(&t->groups);
    confirmed_deinit(&t->confirmed);
    free(t);
}

void lease_visibility_set(struct lease_table *t, sl_dur visibility, bool can_extend)
{
    bool changed = can_extend != t->can_extend;

    t->visibility = visibility;
    t->can_extend = can_extend;
    for (uint32_t i = 0; changed && i < t->capacity; i++) {
        if (t->slots[i].state == LEASE_HELD)
            schedule_move(t, i, schedule_due(t, &t->slots[i]));
    }
}

/* ---- slots ---- */

/* Bit s of entry f: a slot may go from state f to state s. Abandoning frees from any. */
#define MAY(state) (1u << (state))
static const unsigned transitions[] = {
    [LEASE_FREE] = MAY(LEASE_HELD) | MAY(LEASE_DELETING),
    [LEASE_HELD] = MAY(LEASE_EXTENDING) | MAY(LEASE_LOST) | MAY(LEASE_DELETING) |
                   MAY(LEASE_RETURNING) | MAY(LEASE_FREE),
    [LEASE_EXTENDING] = MAY(LEASE_HELD) | MAY(LEASE_LOST) | MAY(LEASE_DELETING) |
                        MAY(LEASE_EXTENDING_RETURN) | MAY(LEASE_FREE),
    [LEASE_EXTENDING_RETURN] = MAY(LEASE_RETURNING) | MAY(LEASE_FREE),
    [LEASE_LOST] = MAY(LEASE_HELD) | MAY(LEASE_DELETING) | MAY(LEASE_FREE),
    [LEASE_DELETING] = MAY(LEASE_FREE),
    [LEASE_RETURNING] = MAY(LEASE_FREE),
};

void slot_enter(struct lease_table *t, uint32_t slot, enum lease_state state)
{
    struct slot *s = &t->slots[slot];

    sl_assert(transitions[s->state] & MAY(state));
    if (s->state == LEASE_HELD)
        schedule_remove(t, slot);
    s->state = state;
    if (state == LEASE_HELD)
        schedule_add(t, slot);
}

struct slot *slot_of(const struct lease_table *t, struct ticket ticket)
{
    sl_assert(lease_state_of(t, ticket) != LEASE_FREE);
    return &t->slots[ticket.slot];
}

struct ticket ticket_of(const struct lease_table *t, uint32_t slot)
{
    return (struct ticket){slot, t->slots[slot].generation};
}

/* The equation of core/account.h. */
static void check(const struct lease_table *t)
{
    sl_assert(account_open(t->account) == t->used);
}

static uint32_t find(const struct lease_table *t, struct id_key id)
{
    uint32_t hash = id_key_hash(id), cursor = hash, slot;

    while ((slot = index_find(&t->ids, hash, &cursor)) != INDEX_NONE) {
        if (id_key_eq(t->slots[slot].id, id))
            break;
    }
    return slot;
}

/* Stores the handle behind the group. false: no memory, and what was stored stays. */
static bool store_handle(struct slot *s, struct slice handle)
{
    size_t need = s->group_n + handle.n + 1;

    if (need > s->text_cap) {
        char *text = realloc(s->text, need);

        if (text == NULL)
            return false;
        s->text = text;
        s->text_cap = need;
    }
    if (handle.n > 0)
        memcpy(s->text + s->group_n, handle.p, handle.n);
    s->handle_n = handle.n;
    return true;
}

/* Both, in a slot that is not in use. */
static bool store(struct slot *s, struct slice group, struct slice handle)
{
    s->group_n = group.n;
    if (!store_handle(s, handle))
        return false;
    if (group.n > 0)
        memcpy(s->text, group.p, group.n);
    return true;
}

/* Takes a slot out of the free ones. SLOT_NONE: there is none, or no memory. */
static uint32_t take(struct lease_table *t, const struct lease_arrival *arrival, struct id_key id)
{
    uint32_t slot = t->free;
    struct slot *s;

    if (t->used == t->capacity)
        return SLOT_NONE;
    s = &t->slots[slot];
    if (!store(s, arrival->group, arrival->handle))
        return SLOT_NONE;
    t->free = s->next;
    t->used++;
    s->generation++;
    if (s->generation == 0)
        s->generation = 1;
    s->id = id;
    s->run = arrival->run;
    s->is_in_doubt = false;
    s->is_behind_lost = false;
    index_add(&t->ids, id_key_hash(id), slot);
    group_join(t, slot);
    return slot;
}

/* The event is settled; one of the account's sums has been counted up. */
static void settle(struct lease_table *t, uint32_t slot)
{
    struct slot *s = &t->slots[slot];

    slot_enter(t, slot, LEASE_FREE);
    group_leave(t, slot);
    index_remove(&t->ids, id_key_hash(s->id), slot);
    s->next = t->free;
    t->free = slot;
    t->used--;
    check(t);
}

/* ---- arriving ---- */

/* A receive has granted this slot's lease. */
static void grant(struct slot *s, const struct lease_arrival *arrival)
{
    /* Beyond a sixth of it a slow link, or one slow answer, would leave leases too short to extend. */
    sl_dur most = sl_dur_div(arrival->visibility, 6);
    sl_dur margin = sl_dur_max(margin_least, sl_dur_min(sl_dur_mul(arrival->round_trip, 2), most));

    s->receive_count = arrival->receive_count;
    s->received_at = arrival->received_at;
    s->granted = arrival->visibility;
    s->deadline = sl_time_add(arrival->received_at, sl_dur_sub(arrival->visibility, margin));
    s->is_extend_over = false;
}

/* Whether the answer to an earlier receive was overtaken by what is known: its handle is old. */
static bool is_overtaken(const struct slot *s, const struct lease_arrival *arrival)
{
    return arrival->receive_count > 0 && arrival->receive_count < s->receive_count;
}

/* A second copy of what is held: its receive counts from here on. */
static void merge(struct lease_table *t, uint32_t slot, const struct lease_arrival *arrival)
{
    struct slot *s = &t->slots[slot];

    t->account->merged++;
    if (is_overtaken(s, arrival))
        return;
    if (!PLANTED(2) && !store_handle(s, arrival->handle))
        return;
    s->is_renewed = true;
    grant(s, arrival);
    if (s->state == LEASE_HELD) {
        schedule_move(t, slot, schedule_due(t, s));
    } else if (s->state == LEASE_LOST && s->group_n == 0) {
        s->due = schedule_due(t, s);
        slot_enter(t, slot, LEASE_HELD);
    }
}

enum lease_arrived lease_arrive(struct lease_table *t, const struct lease_arrival *arrival,
                                struct ticket *out)
{
    struct id_key id = id_key_of(arrival->id);
    uint32_t slot = find(t, id);
    bool is_confirmed;

    t->account->received++;
    if (slot != SLOT_NONE) {
        merge(t, slot, arrival);
        check(t);
        *out = ticket_of(t, slot);
        return LEASE_MERGED;
    }
    is_confirmed = !PLANTED(11) && confirmed_has(&t->confirmed, id, arrival->received_at);
    slot = take(t, arrival, id);
    if (slot == SLOT_NONE) {
        t->account->expired++;
        check(t);
        *out = (struct ticket){0, 0};
        return LEASE_NO_ROOM;
    }
    grant(&t->slots[slot], arrival);
    t->slots[slot].is_renewed = false;
    t->slots[slot].due = schedule_due(t, &t->slots[slot]);
    t->account->suppressed += is_confirmed;
    slot_enter(t, slot, is_confirmed ? LEASE_DELETING : LEASE_HELD);
    check(t);
    *out = ticket_of(t, slot);
    return is_confirmed ? LEASE_CONFIRMED : LEASE_NEW;
}

void lease_arrive_unfit(struct lease_table *t)
{
    t->account->received++;
    t->account->expired++;
    check(t);
}

bool lease_knows(struct lease_table *t, struct slice id, sl_time now)
{
    struct id_key key = id_key_of(id);

    return find(t, key) != SLOT_NONE || confirmed_has(&t->confirmed, key, now);
}

/* ---- asking ---- */

enum lease_state lease_state_of(const struct lease_table *t, struct ticket ticket)
{
    if (ticket.generation == 0)
        return LEASE_FREE;
    sl_assert(ticket.slot < t->capacity);
    return t->slots[ticket.slot].generation == ticket.generation ? t->slots[ticket.slot].state
                                                                 : LEASE_FREE;
}

bool lease_is_alive(const struct lease_table *t, struct ticket ticket, sl_time now)
{
    enum lease_state state = lease_state_of(t, ticket);

    return state != LEASE_FREE && state != LEASE_LOST &&
           sl_time_before(now, t->slots[ticket.slot].deadline);
}

bool lease_holds(const struct lease_table *t, struct ticket ticket, sl_time now)
{
    enum lease_state state = lease_state_of(t, ticket);

    return (state == LEASE_HELD || state == LEASE_EXTENDING) &&
           !t->slots[ticket.slot].is_behind_lost && lease_is_alive(t, ticket, now);
}

sl_time lease_deadline(const struct lease_table *t, struct ticket ticket)
{
    return slot_of(t, ticket)->deadline;
}

bool lease_run_may_go(const struct lease_table *t, struct ticket ticket)
{
    const struct slot *s = slot_of(t, ticket);

    return s->group_n == 0 || t->slots[group_first(t, ticket.slot)].run == s->run;
}

bool lease_share_group(const struct lease_table *t, struct ticket a, struct ticket b)
{
    const struct slot *one = slot_of(t, a), *other = slot_of(t, b);

    return one->group_n > 0 && one->group_n == other->group_n &&
           memcmp(one->text, other->text, one->group_n) == 0;
}

uint32_t lease_held(const struct lease_table *t)
{
    return t->used;
}

bool lease_next(const struct lease_table *t, uint32_t *cursor, struct ticket *out)
{
    while (*cursor < t->capacity) {
        uint32_t slot = (*cursor)++;

        if (t->slots[slot].state != LEASE_FREE) {
            *out = ticket_of(t, slot);
            return true;
        }
    }
    return false;
}

struct slice lease_sending(struct lease_table *t, struct ticket ticket)
{
    struct slot *s = slot_of(t, ticket);

    s->is_renewed = false;
    return (struct slice){s->text + s->group_n, s->handle_n};
}

/* ---- settling ---- */

void lease_delete(struct lease_table *t, struct ticket ticket)
{
    slot_of(t, ticket)->is_renewed = false;
    slot_enter(t, ticket.slot, LEASE_DELETING);
}

enum lease_return lease_return(struct lease_table *t, struct ticket ticket, unsigned delay_s,
                               enum lease_reason reason, sl_time now)
{
    struct slot *s = slot_of(t, ticket);

    sl_assert(s->state == LEASE_HELD || s->state == LEASE_EXTENDING || s->state == LEASE_LOST);
    sl_assert(delay_s <= DELAY_MAX_S);
    s->delay_s = delay_s;
    s->reason = reason;
    s->is_renewed = false;
    if (s->state == LEASE_EXTENDING) {
        slot_enter(t, ticket.slot, LEASE_EXTENDING_RETURN);
        return LEASE_RETURN_WAIT;
    }
    if (s->state == LEASE_LOST || !sl_time_before(now, s->deadline)) {
        t->account->expired++;
        settle(t, ticket.slot);
        return LEASE_RETURN_GONE;
    }
    slot_enter(t, ticket.slot, LEASE_RETURNING);
    return LEASE_RETURN_QUEUE;
}

static bool is_returning(const struct slot *s)
{
    return s->state == LEASE_RETURNING || s->state == LEASE_EXTENDING_RETURN;
}

unsigned lease_return_delay_s(const struct lease_table *t, struct ticket ticket)
{
    const struct slot *s = slot_of(t, ticket);

    sl_assert(is_returning(s));
    return s->delay_s;
}

void lease_return_hasten(struct lease_table *t, struct ticket ticket)
{
    struct slot *s = slot_of(t, ticket);

    sl_assert(is_returning(s));
    s->delay_s = 0;
}

static void remember(struct lease_table *t, const struct slot *s, sl_time now)
{
    sl_dur retention = sl_dur_max(sl_dur_mul(t->visibility, 2), remember_least);

    confirmed_add(&t->confirmed, s->id, sl_time_add(now, retention));
}

static void mark_in_doubt(struct lease_table *t, struct slot *s)
{
    t->account->in_doubt += !s->is_in_doubt;
    s->is_in_doubt = true;
}

enum lease_done lease_deleted(struct lease_table *t, struct ticket ticket, sl_time now)
{
    struct slot *s = slot_of(t, ticket);

    sl_assert(s->state == LEASE_DELETING);
    if (s->is_renewed)
        return LEASE_AGAIN;
    remember(t, s, now);
    t->account->deleted++;
    settle(t, ticket.slot);
    return LEASE_DONE;
}

enum lease_done lease_returned(struct lease_table *t, struct ticket ticket)
{
    struct slot *s = slot_of(t, ticket);

    sl_assert(s->state == LEASE_RETURNING);
    if (s->is_renewed)
        return LEASE_AGAIN;
    t->account->returned += !PLANTED(21);
    if (s->reason == LEASE_REFUSED)
        t->account->returned_refused++;
    else
        t->account->returned_unsent++;
    settle(t, ticket.slot);
    return LEASE_DONE;
}

enum lease_done lease_give_up(struct lease_table *t, struct ticket ticket, sl_time now)
{
    struct slot *s = slot_of(t, ticket);

    sl_assert(s->state == LEASE_DELETING || s->state == LEASE_RETURNING);
    if (s->is_renewed)
        return LEASE_AGAIN;
    if (s->state == LEASE_DELETING) {
        if (!PLANTED(23))
            remember(t, s, now);
        mark_in_doubt(t, s);
    }
    t->account->expired++;
    settle(t, ticket.slot);
    return LEASE_DONE;
}

void lease_mark_in_doubt(struct lease_table *t, struct ticket ticket)
{
    mark_in_doubt(t, slot_of(t, ticket));
}

uint32_t lease_abandon_all(struct lease_table *t)
{
    uint32_t count = t->used;

    for (uint32_t i = 0; i < t->capacity; i++) {
        if (t->slots[i].state == LEASE_FREE)
            continue;
        if (t->slots[i].state == LEASE_DELETING)
            mark_in_doubt(t, &t->slots[i]);
        t->account->abandoned++;
        settle(t, i);
    }
    return count;
}

/* A message's states, the groups that it hangs in, and whether its payload is in memory. */
#include <stdlib.h>
#include <string.h>

#include "queue/engine_impl.h"

/* ---- orders ---- */

static struct message *by_due(const struct heap_node *node)
{
    return SL_CONTAINER_OF(node, struct message, due);
}

static bool due_before(const struct heap_node *a, const struct heap_node *b)
{
    int order = sl_time_cmp(by_due(a)->due_at, by_due(b)->due_at);

    return order != 0 ? order < 0 : by_due(a)->seq < by_due(b)->seq;
}

static bool seq_before(const struct heap_node *a, const struct heap_node *b)
{
    return by_due(a)->seq < by_due(b)->seq;
}

static bool age_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct message *x = SL_CONTAINER_OF(a, struct message, age);
    const struct message *y = SL_CONTAINER_OF(b, struct message, age);
    int order = sl_time_cmp(x->sent_at, y->sent_at);

    return order != 0 ? order < 0 : x->seq < y->seq;
}

static bool ready_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct group *x = SL_CONTAINER_OF(a, struct group, ready);
    const struct group *y = SL_CONTAINER_OF(b, struct group, ready);

    return x->in_flight != y->in_flight ? x->in_flight < y->in_flight : x->turn < y->turn;
}

void engine_messages_init(struct engine *engine)
{
    agenda_init(&engine->due, due_before);
}

void queue_messages_init(struct queue *queue)
{
    heap_init(&queue->ready, ready_before);
    agenda_init(&queue->by_age, age_before);
}

/* ---- groups ---- */

struct group_key {
    struct slice name;
};

static bool group_is(const void *item, const void *key)
{
    const struct group *group = item;

    return slice_eq((struct slice){group->name, group->name_n},
                    ((const struct group_key *)key)->name);
}

static struct group *group_new(struct engine *engine, struct queue *queue, struct slice name)
{
    struct group *group = calloc(1, sizeof *group + name.n);

    if (!group)
        return NULL;
    group->queue = queue;
    group->turn = ++engine->turns;
    group->name_n = name.n;
    memcpy(group->name, name.n > 0 ? name.p : "", name.n);
    heap_init(&group->back, seq_before);
    return group;
}

struct group *queue_group(struct engine *engine, struct queue *queue, struct slice name)
{
    struct group_key key = {name};
    struct group *group;
    uint64_t hash;

    if (!name.p) {
        if (!queue->none)
            queue->none = group_new(engine, queue, (struct slice){NULL, 0});
        return queue->none;
    }
    hash = engine_hash(engine, name, (struct slice){NULL, 0});
    group = table_find(&queue->groups, hash, group_is, &key);
    if (group)
        return group;
    group = group_new(engine, queue, name);
    if (!group)
        return NULL;
    group->hash = hash;
    if (table_add(&queue->groups, hash, group))
        return group;
    free(group);
    return NULL;
}

struct message *group_next(const struct group *group)
{
    struct heap_node *back = heap_first(&group->back);

    if (group->queue->settings.is_fifo)
        return group->first && group->first->status == MESSAGE_READY ? group->first : NULL;
    if (!back || (group->first && group->first->seq < by_due(back)->seq))
        return group->first;
    return by_due(back);
}

void group_update(struct group *group)
{
    struct queue *queue = group->queue;

    if (heap_holds(&group->ready))
        heap_remove(&queue->ready, &group->ready);
    if (group_next(group))
        heap_add(&queue->ready, &group->ready);
}

static void group_forget(struct group *group)
{
    struct queue *queue = group->queue;

    if (group->count > 0)
        return;
    if (group == queue->none)
        queue->none = NULL;
    else
        table_remove(&queue->groups, group->hash, group);
    free(group);
}

static void group_append(struct group *group, struct message *message)
{
    message->next = NULL;
    message->prev = group->last;
    if (group->last)
        group->last->next = message;
    else
        group->first = message;
    group->last = message;
}

static void group_unlink(struct group *group, struct message *message)
{
    if (message->prev)
        message->prev->next = message->next;
    else
        group->first = message->next;
    if (message->next)
        message->next->prev = message->prev;
    else
        group->last = message->prev;
    message->prev = message->next = NULL;
}

/* ---- states ---- */

static void leave_ready(struct message *message)
{
    message->queue->visible--;
    if (message->queue->settings.is_fifo)
        return;
    if (message->is_fresh)
        group_unlink(message->group, message);
    else
        heap_remove(&message->group->back, &message->due);
    message->is_fresh = false;
}

static void leave(struct engine *engine, struct message *message)
{
    switch (message->status) {
    case MESSAGE_READY:
        leave_ready(message);
        return;
    case MESSAGE_DELAYED:
        message->queue->delayed--;
        break;
    case MESSAGE_IN_FLIGHT:
        message->queue->in_flight--;
        message->group->in_flight--;
        break;
    }
    agenda_remove(&engine->due, &message->due);
}

static void enter_ready(struct message *message)
{
    struct group *group = message->group;

    message->queue->visible++;
    if (message->queue->settings.is_fifo)
        return;
    message->is_fresh = !group->last || group->last->seq < message->seq;
    if (message->is_fresh)
        group_append(group, message);
    else
        heap_add(&group->back, &message->due);
}

static void enter(struct engine *engine, struct message *message, enum message_status status,
                  sl_time due)
{
    message->status = status;
    message->due_at = due;
    switch (status) {
    case MESSAGE_READY:
        enter_ready(message);
        return;
    case MESSAGE_DELAYED:
        message->queue->delayed++;
        break;
    case MESSAGE_IN_FLIGHT:
        message->queue->in_flight++;
        message->group->in_flight++;
        break;
    }
    agenda_add(&engine->due, &message->due);
}

void message_enter(struct engine *engine, struct message *message, enum message_status status,
                   sl_time due)
{
    leave(engine, message);
    enter(engine, message, status, due);
    group_update(message->group);
    if (status != MESSAGE_DELAYED)
        queue_stir(engine, message->queue);
}

/* Into a queue: its group, its age, its state. */
static void settle_in(struct engine *engine, struct message *message, struct group *group,
                      sl_time due, sl_time now)
{
    message->queue = group->queue;
    message->group = group;
    group->count++;
    if (group->queue->settings.is_fifo)
        group_append(group, message);
    agenda_add(&group->queue->by_age, &message->age);
    if (!message->payload)
        group->queue->missing++;
    if (sl_time_before(now, due))
        enter(engine, message, MESSAGE_DELAYED, due);
    else
        enter(engine, message, MESSAGE_READY, SL_NEVER);
    group_update(group);
    queue_stir(engine, group->queue);
}

static void move_out(struct engine *engine, struct message *message)
{
    struct group *group = message->group;

    leave(engine, message);
    if (group->queue->settings.is_fifo)
        group_unlink(group, message);
    if (heap_holds(&message->age))
        agenda_remove(&group->queue->by_age, &message->age);
    if (!message->payload)
        group->queue->missing--;
    group->count--;
    group_update(group);
    queue_stir(engine, group->queue); /* the next of its group may be free */
    group_forget(group);
}

/* ---- a message's life ---- */

static bool message_is(const void *item, const void *key)
{
    return ((const struct message *)item)->seq == *(const uint64_t *)key;
}

struct message *engine_message(const struct engine *engine, uint64_t seq)
{
    return table_find(&engine->messages, table_hash_number(seq), message_is, &seq);
}

struct message *message_add(struct engine *engine, struct queue *queue, struct slice group,
                            uint64_t seq, struct payload *payload, sl_time sent_at, sl_time due,
                            sl_time now)
{
    struct group *in = queue_group(engine, queue, group);
    struct message *message = calloc(1, sizeof *message);

    if (in && message) {
        message->seq = seq ? seq : engine->seq + 1;
        if (table_add(&engine->messages, table_hash_number(message->seq), message)) {
            if (message->seq > engine->seq)
                engine->seq = message->seq;
            message->sent_at = sent_at;
            message->payload = payload;
            message->size = payload ? payload->size : 0;
            engine->payload_bytes += message->size;
            settle_in(engine, message, in, due, now);
            return message;
        }
    }
    if (in)
        group_forget(in);
    free(message);
    payload_unref(payload);
    return NULL;
}

void message_remove(struct engine *engine, struct message *message, bool is_noted)
{
    if (is_noted)
        engine_note(engine, &(struct change){.kind = CHANGE_MESSAGE_GONE, .seq = message->seq});
    move_out(engine, message);
    table_remove(&engine->messages, table_hash_number(message->seq), message);
    engine->payload_bytes -= message->payload ? message->size : 0;
    payload_unref(message->payload);
    free(message);
}

size_t queue_remove_all(struct engine *engine, struct queue *queue)
{
    size_t n = 0;

    for (struct heap_node *node = agenda_take_all(&queue->by_age), *next; node; node = next, n++) {
        next = node->next;
        *node = (struct heap_node){.child = NULL};
        message_remove(engine, SL_CONTAINER_OF(node, struct message, age), false);
    }
    return n;
}

int64_t queue_oldest_ms(const struct queue *queue)
{
    const struct heap_node *node = agenda_first(&queue->by_age);

    if (!node)
        return 0;
    return engine_wall_ms(queue->engine, SL_CONTAINER_OF(node, struct message, age)->sent_at);
}

bool message_is_old(const struct message *message, sl_time now)
{
    sl_dur retention = sl_sec(message->queue->settings.retention_s);

    return !sl_time_before(now, sl_time_add(message->sent_at, retention));
}

bool message_moved_to(struct engine *engine, struct message *message, struct queue *to,
                      const char *origin, sl_time now)
{
    struct slice name = {message->group->name, message->group->name_n};
    struct queue *from = message->queue;
    uint64_t seq = engine->seq + 1;
    struct group *group =
        queue_group(engine, to, message->group == from->none ? (struct slice){NULL, 0} : name);

    if (!group)
        return false;
    if (!table_add(&engine->messages, table_hash_number(seq), message)) {
        group_forget(group); /* if it was made for this */
        return false;
    }
    engine->seq = seq;
    engine_note(engine, &(struct change){.kind = CHANGE_MESSAGE_MOVED,
                                         .seq = message->seq,
                                         .new_seq = seq,
                                         .queue = to->id});
    group
        ->count++; /* so that it does not go with the group that is left, when it is the same one */
    move_out(engine, message);
    group->count--;
    table_remove(&engine->messages, table_hash_number(message->seq), message);
    message->seq = seq;
    memset(message->proof, 0, sizeof message->proof); /* it was of the old place */
    message->origin = origin;
    message->is_wanted = false; /* an answer to the old seq is not for it */
    message->receives_before = message->receives;
    message->moved_ms = 0;
    if (to->settings.is_fifo) { /* developer guide: dead-letter queues, retention */
        message->sent_at = now;
        message->moved_ms = engine_wall_ms(engine, now);
    }
    settle_in(engine, message, group, now, now);
    message_note_state(engine, message);
    engine->moves++;
    return true;
}

/* ---- what is written late ---- */

void message_note_state(struct engine *engine, struct message *message)
{
    bool is_hidden = message->status != MESSAGE_READY;

    message->is_late = false;
    engine_note(
        engine,
        &(struct change){.kind = CHANGE_MESSAGE_STATE,
                         .seq = message->seq,
                         .state = {
                             .visible_ms = is_hidden ? engine_wall_ms(engine, message->due_at) : 0,
                             .first_received_ms = message->first_received_ms,
                             .received_ms = message->receives > message->receives_before
                                                ? engine_wall_ms(engine, message->received_at)
                                                : 0,
                             .moved_ms = message->moved_ms,
                             .generation = message->generation,
                             .receives = message->receives,
                             .receives_before = message->receives_before,
                             .origin = slice_of(message->origin),
                         }});
}

static bool late_grow(struct engine *engine)
{
    size_t max = engine->late_max ? engine->late_max * 2 : 1024;
    struct late *late = malloc(max * sizeof *late);

    if (!late)
        return false;
    for (size_t i = 0; i < engine->late_count; i++)
        late[i] = engine->late[(engine->late_first + i) % engine->late_max];
    free(engine->late);
    engine->late = late;
    engine->late_first = 0;
    engine->late_max = max;
    return true;
}

void message_touch(struct engine *engine, struct message *message, sl_time now)
{
    if (!engine->options.changes || message->is_late)
        return;
    message->is_late = true;
    if (engine->late_count == engine->late_max && !late_grow(engine)) {
        message_note_state(engine, message);
        return;
    }
    engine->late[(engine->late_first + engine->late_count++) % engine->late_max] =
        (struct late){message->seq, now};
}

/* ---- payloads ---- */

void payload_set(struct engine *engine, struct message *message, struct payload *payload)
{
    struct payload *old = message->payload;

    if (!old != !payload)
        message->queue->missing += payload ? (size_t)-1 : 1;
    engine->payload_bytes -= old ? message->size : 0;
    if (payload)
        message->size = payload->size;
    engine->payload_bytes += payload ? message->size : 0;
    message->payload = payload;
    payload_unref(old);
}

void payload_spare(struct engine *engine, struct message *message)
{
    if (message->payload && engine->options.facts.keeps_payloads &&
        engine->payload_bytes > engine->options.payload_bytes_max)
        payload_set(engine, message, NULL);
}

void engine_payload_settled(struct engine *engine, uint64_t seq)
{
    struct message *message = engine_message(engine, seq);

    if (message)
        payload_spare(engine, message);
}

/* What is read ahead comes on top of what stays: else a full memory would stop it. */
static bool has_room_ahead(const struct engine *engine)
{
    return engine->payload_bytes <= engine->options.payload_bytes_max + AHEAD_BYTES;
}

bool message_want(struct engine *engine, struct message *message)
{
    if (engine->wanted_count == engine->wanted_max) {
        size_t max = engine->wanted_max ? engine->wanted_max * 2 : AHEAD;
        uint64_t *wanted = realloc(engine->wanted, max * sizeof *wanted);

        if (!wanted)
            return false;
        engine->wanted = wanted;
        engine->wanted_max = max;
    }
    message->is_wanted = true;
    engine->wanted[engine->wanted_count++] = message->seq;
    return true;
}

/* Of one group: the payloads of its next `most` messages, within *room bytes. Returns how many are there or will be. */
static size_t look_ahead(struct engine *engine, const struct group *group, size_t most,
                         size_t *room)
{
    size_t n = 0;

    for (struct message *m = group->first; m; m = m->next, n++) {
        if (n == most || *room == 0 || (!m->payload && !m->is_wanted && !message_want(engine, m)))
            break;
        *room -= m->size < *room ? m->size : *room;
    }
    return n;
}

void queue_look_ahead(struct engine *engine, struct queue *queue)
{
    size_t share = queue->groups.count > 0 ? AHEAD / queue->groups.count + 1 : AHEAD;
    const struct group *group;
    size_t ahead = 0, room = AHEAD_BYTES;

    if (queue->missing == 0 || queue->ahead > queue->ahead_low || !has_room_ahead(engine))
        return;
    if (queue->none)
        ahead += look_ahead(engine, queue->none, share, &room);
    for (size_t at = 0; ahead < 2 * AHEAD && room > 0 && (group = table_next(&queue->groups, &at));)
        ahead += look_ahead(engine, group, share, &room);
    queue->ahead = ahead;
    queue->ahead_low = ahead / 2 < AHEAD_LOW ? ahead / 2 : AHEAD_LOW;
}

bool engine_wants_payloads(const struct engine *engine)
{
    return engine->wanted_count > 0;
}

size_t engine_payload_wanted(struct engine *engine, uint64_t *seqs, size_t max)
{
    size_t n = 0, bytes = 0;

    while (n < engine->wanted_count && n < max && bytes < AHEAD_BYTES) {
        const struct message *message = engine_message(engine, engine->wanted[n]);

        bytes += message ? message->size : 0;
        seqs[n] = engine->wanted[n];
        n++;
    }
    if (n == 0)
        return 0;
    engine->wanted_count -= n;
    memmove(engine->wanted, engine->wanted + n, engine->wanted_count * sizeof *seqs);
    return n;
}

void engine_payload_loaded(struct engine *engine, uint64_t seq, struct payload *payload)
{
    struct message *message = engine_message(engine, seq);

    if (message)
        message->is_wanted = false;
    if (message && payload && !message->payload)
        payload_set(engine, message, payload);
    else
        payload_unref(payload);
}

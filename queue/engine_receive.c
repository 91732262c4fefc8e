/* Polls, and the attempt ids with which a receive can be repeated. */
#include <stdlib.h>
#include <string.h>

#include "queue/engine_impl.h"

/* ---- receive attempts ---- */

static struct attempt *attempt_of(const struct heap_node *node)
{
    return SL_CONTAINER_OF(node, struct attempt, due);
}

bool attempt_before(const struct heap_node *a, const struct heap_node *b)
{
    int order = sl_time_cmp(attempt_of(a)->expires, attempt_of(b)->expires);

    /* Equal times have different first messages: nobody else can have got those at that time. */
    return order != 0 ? order < 0
                      : attempt_of(a)->got[0].generation < attempt_of(b)->got[0].generation;
}

void attempt_remove(struct engine *engine, struct attempt *attempt)
{
    heap_remove(&engine->attempts_due, &attempt->due);
    table_remove(&attempt->queue->attempts, attempt->hash, attempt);
    free(attempt);
}

void engine_attempts_expire(struct engine *engine, sl_time now)
{
    struct heap_node *node;

    while ((node = heap_first(&engine->attempts_due)) &&
           !sl_time_before(now, attempt_of(node)->expires))
        attempt_remove(engine, attempt_of(node));
}

static bool attempt_is(const void *item, const void *key)
{
    const struct attempt *attempt = item;

    return slice_eq((struct slice){attempt->id, attempt->id_n}, *(const struct slice *)key);
}

static struct attempt *attempt_find(const struct engine *engine, const struct poll *poll)
{
    if (!poll->attempt_id.p || !poll->queue->settings.is_fifo)
        return NULL;
    return table_find(&poll->queue->attempts,
                      engine_hash(engine, poll->attempt_id, (struct slice){NULL, 0}), attempt_is,
                      &poll->attempt_id);
}

/* Whether nothing was deleted, and no visibility changed or ran out, since. */
static bool attempt_holds(const struct engine *engine, const struct attempt *attempt)
{
    for (unsigned i = 0; i < attempt->count; i++) {
        const struct message *m = engine_message(engine, attempt->got[i].seq);

        if (!m || m->generation != attempt->got[i].generation || m->status != MESSAGE_IN_FLIGHT ||
            sl_time_cmp(m->due_at, attempt->got[i].due_at) != 0)
            return false;
    }
    return true;
}

/* Without memory the attempt is not remembered: repeating it is a receive of its own. */
static void attempt_remember(struct engine *engine, const struct poll *poll, sl_time now)
{
    struct attempt *attempt = attempt_find(engine, poll);

    if (attempt)
        attempt_remove(engine, attempt);
    attempt = calloc(1, sizeof *attempt + poll->attempt_id.n);
    if (!attempt)
        return;
    attempt->queue = poll->queue;
    attempt->expires = sl_time_add(now, sl_sec(QUEUE_DEDUP_S));
    attempt->hash = engine_hash(engine, poll->attempt_id, (struct slice){NULL, 0});
    attempt->id_n = poll->attempt_id.n;
    memcpy(attempt->id, poll->attempt_id.p, poll->attempt_id.n);
    attempt->count = poll->count;
    for (unsigned i = 0; i < poll->count; i++) {
        const struct message *m = engine_message(engine, poll->receipts[i].seq);

        attempt->got[i].seq = m->seq;
        attempt->got[i].generation = m->generation;
        attempt->got[i].due_at = m->due_at;
    }
    if (table_add(&poll->queue->attempts, attempt->hash, attempt))
        heap_add(&engine->attempts_due, &attempt->due);
    else
        free(attempt);
}

/* ---- receiving ---- */

static sl_time hidden_until(const struct poll *poll, sl_time now)
{
    int64_t s = poll->visibility_s < 0 ? poll->queue->settings.visibility_s : poll->visibility_s;

    return sl_time_add(now, sl_sec(s));
}

static void add_receipt(struct poll *poll, const struct message *message)
{
    poll->receipts[poll->count++] = (struct receipt){
        .seq = message->seq,
        .generation = message->generation,
        .payload = message->payload ? payload_ref(message->payload) : NULL,
        .receives = message->receives,
        .first_received_ms = message->first_received_ms,
        .origin = message->origin,
    };
}

static void receive(struct engine *engine, struct moment at, struct poll *poll,
                    struct message *message)
{
    message->receives += message->receives < UINT32_MAX;
    message->generation = ++engine->generation;
    memset(message->proof, 0, sizeof message->proof);
    message->received_at = at.now;
    if (message->first_received_ms == 0)
        message->first_received_ms = at.wall_ms;
    if (message->queue->ahead > 0)
        message->queue->ahead--;
    message->group->turn = ++engine->turns;
    message_enter(engine, message, MESSAGE_IN_FLIGHT, hidden_until(poll, at.now));
    message_touch(engine, message, at.now);
    add_receipt(poll, message);
    payload_spare(engine, message); /* most are deleted before they are wanted again */
}

/* The next message that a receive may have; those that are too old, or came too often, go their way. */
static struct message *next_of(struct engine *engine, struct queue *queue, struct group **group,
                               sl_time now)
{
    struct heap_node *node;

    while ((node = heap_first(&queue->ready))) {
        struct message *message;

        *group = SL_CONTAINER_OF(node, struct group, ready);
        message = group_next(*group);
        if (message_is_old(message, now))
            message_remove(engine, message, true);
        else if (!message_dead_letter(engine, message, now))
            return message;
    }
    return NULL;
}

/* On a FIFO queue: as many of the group in a row as there are. Taken ones do not hold back the later ones of this poll. */
static void take_run(struct engine *engine, struct moment at, struct poll *poll,
                     struct message *message, unsigned room)
{
    unsigned most = poll->max - poll->count < room ? poll->max - poll->count : room;

    for (struct message *next; message && most > 0 && message->status == MESSAGE_READY;
         message = next) {
        next = message->next;
        if (message_is_old(message, at.now)) {
            message_remove(engine, message, true);
        } else if (!message_dead_letter(engine, message, at.now)) {
            receive(engine, at, poll, message);
            most--;
        }
    }
}

static unsigned room_of(const struct engine *engine, const struct queue *queue)
{
    unsigned max = engine->options.limits.in_flight_max;

    return queue->in_flight < max ? max - (unsigned)queue->in_flight : 0;
}

static void fill(struct engine *engine, struct moment at, struct poll *poll)
{
    struct queue *queue = poll->queue;
    struct message *message;
    struct group *group;

    while (poll->count < poll->max && room_of(engine, queue) > 0 &&
           (message = next_of(engine, queue, &group, at.now)))
        if (queue->settings.is_fifo)
            take_run(engine, at, poll, message, room_of(engine, queue));
        else
            receive(engine, at, poll, message);
    queue_look_ahead(engine, queue);
    if (poll->count > 0 && poll->attempt_id.p && queue->settings.is_fifo)
        attempt_remember(engine, poll, at.now);
}

/* ---- polls ---- */

static struct poll *poll_of(const struct heap_node *node)
{
    return SL_CONTAINER_OF(node, struct poll, due_);
}

bool poll_before(const struct heap_node *a, const struct heap_node *b)
{
    return sl_time_before(poll_of(a)->until, poll_of(b)->until);
}

static void unpark(struct engine *engine, struct poll *poll)
{
    links_remove(&poll->links_);
    heap_remove(&engine->polls_due, &poll->due_);
    poll->is_parked_ = false;
}

void poll_answer(struct engine *engine, struct poll *poll, enum queue_error error)
{
    if (poll->is_parked_)
        unpark(engine, poll);
    poll->error = error;
    links_add(&engine->answered, &poll->links_);
}

/* FIFO queues say nothing at their limit, and give nothing more (developer guide, "FIFO queue quotas"). */
static bool is_over_limit(const struct engine *engine, const struct queue *queue)
{
    return !queue->settings.is_fifo && room_of(engine, queue) == 0;
}

/* Whether the poll got something, or an error, and is answered. */
static bool try_answer(struct engine *engine, struct moment at, struct poll *poll)
{
    if (is_over_limit(engine, poll->queue)) {
        poll_answer(engine, poll, QUEUE_OVER_LIMIT);
        return true;
    }
    fill(engine, at, poll);
    if (poll->count == 0)
        return false;
    poll_answer(engine, poll, QUEUE_OK);
    return true;
}

void queue_serve(struct engine *engine, struct moment at, struct queue *queue)
{
    while (!links_empty(&queue->polls) && heap_first(&queue->ready) &&
           try_answer(engine, at, SL_CONTAINER_OF(queue->polls.next, struct poll, links_))) {
    }
}

/* The same messages again, with the same handles, hidden anew (service model, ReceiveRequestAttemptId); never more than are
 * asked for now, and from now on the attempt is of these. */
static bool replay(struct engine *engine, struct moment at, struct poll *poll)
{
    struct attempt *attempt = attempt_find(engine, poll);

    if (!attempt || !attempt_holds(engine, attempt))
        return false;
    if (attempt->count > poll->max)
        attempt->count = poll->max;
    for (unsigned i = 0; i < attempt->count; i++) {
        struct message *message = engine_message(engine, attempt->got[i].seq);

        message_enter(engine, message, MESSAGE_IN_FLIGHT, hidden_until(poll, at.now));
        message_touch(engine, message, at.now);
        attempt->got[i].due_at = message->due_at;
        add_receipt(poll, message);
    }
    poll_answer(engine, poll, QUEUE_OK);
    return true;
}

static void wait_or_give_up(struct engine *engine, struct moment at, struct poll *poll)
{
    if (!sl_time_before(at.now, poll->until)) {
        poll_answer(engine, poll, QUEUE_OK);
        return;
    }
    links_add(&poll->queue->polls, &poll->links_);
    heap_add(&engine->polls_due, &poll->due_);
    poll->is_parked_ = true;
    queue_stir(engine, poll->queue);
}

void engine_poll(struct engine *engine, struct moment at, struct poll *poll)
{
    struct queue *queue = poll->queue;

    sl_assert(poll->max >= 1 && poll->max <= QUEUE_BATCH_MAX);
    poll->count = 0;
    poll->error = QUEUE_OK;
    poll->is_parked_ = false;
    engine_tick(engine, at);
    if (replay(engine, at, poll))
        return;
    if (is_over_limit(engine, queue)) {
        poll_answer(engine, poll, QUEUE_OVER_LIMIT);
        return;
    }
    /* Those that wait come first; while one does, there is nothing for it. */
    if (!links_empty(&queue->polls) || !try_answer(engine, at, poll))
        wait_or_give_up(engine, at, poll);
    engine_serve(engine, at); /* dead letters may wake others; a visibility of 0 */
}

void engine_poll_cancel(struct engine *engine, struct poll *poll)
{
    if (poll->is_parked_)
        unpark(engine, poll);
}

void engine_polls_expire(struct engine *engine, sl_time now)
{
    struct heap_node *node;

    while ((node = heap_first(&engine->polls_due)) && !sl_time_before(now, poll_of(node)->until))
        poll_answer(engine, poll_of(node), QUEUE_OK);
}

struct poll *engine_answered(struct engine *engine)
{
    struct poll *poll;

    if (links_empty(&engine->answered))
        return NULL;
    poll = SL_CONTAINER_OF(engine->answered.next, struct poll, links_);
    links_remove(&poll->links_);
    return poll;
}

void poll_deinit(struct poll *poll)
{
    while (poll->count > 0)
        payload_unref(poll->receipts[--poll->count].payload);
}

#include "queue/engine_impl.h"

#include <stdlib.h>
#include <string.h>

#include "core/digest.h"

enum { PAYLOAD_BYTES_DEFAULT = 64 << 20, INTERNED_MAX = 100000 };

uint64_t engine_hash(const struct engine *engine, struct slice a, struct slice b)
{
    const uint64_t head[2] = {engine->options.seed, a.n};
    const struct slice parts[] = {{(const char *)head, sizeof head}, a, b};
    uint8_t digest[SHA256_SIZE];
    uint64_t hash;

    sha256(parts, 3, digest);
    memcpy(&hash, digest, sizeof hash);
    return hash;
}

const char *engine_intern(struct engine *engine, struct slice text)
{
    char *copy, **grown;

    for (size_t i = 0; i < engine->interned_count; i++)
        if (slice_is(text, engine->interned[i]))
            return engine->interned[i];
    if (engine->interned_count == INTERNED_MAX)
        return NULL;
    grown = realloc(engine->interned, (engine->interned_count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    engine->interned = grown;
    copy = strndup(text.p, text.n);
    if (copy)
        grown[engine->interned_count++] = copy;
    return copy;
}

void engine_note(struct engine *engine, const struct change *change)
{
    if (engine->options.changes)
        changes_add(engine->options.changes, change);
    else
        payload_unref(change->payload);
}

struct engine *engine_new(const struct engine_options *options)
{
    struct engine *engine = calloc(1, sizeof *engine);

    if (!engine)
        return NULL;
    links_init(&engine->answered);
    links_init(&engine->stirred);
    links_init(&engine->graves);
    links_init(&engine->tasks);
    links_init(&engine->running);
    engine->options = *options;
    engine->account = strdup(options->account);
    engine->region = strdup(options->region);
    if (!engine->account || !engine->region) {
        engine_free(engine);
        return NULL;
    }
    if (engine->options.payload_bytes_max == 0)
        engine->options.payload_bytes_max = PAYLOAD_BYTES_DEFAULT;
    engine->generation = (uint64_t)options->facts.epoch << EPOCH_SHIFT;
    /* A crash loses messages that were received before they were durable: their handles must not fit others. */
    engine->seq = engine->generation;
    if (engine->seq < options->facts.seq_max)
        engine->seq = options->facts.seq_max;
    engine->sweep_at = SL_NEVER;
    engine_messages_init(engine);
    heap_init(&engine->polls_due, poll_before);
    heap_init(&engine->dedups_due, dedup_before);
    heap_init(&engine->attempts_due, attempt_before);
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    engine_dedups_expire(engine, SL_NEVER);
    engine_attempts_expire(engine, SL_NEVER);
    while (engine->queue_count > 0) {
        struct queue *queue = engine->sorted[--engine->queue_count];

        queue_remove_all(engine, queue);
        if (queue->is_stirred) /* by what it lost, if a poll waits */
            links_remove(&queue->stirred);
        queue_free(queue);
    }
    while (!links_empty(&engine->tasks))
        task_free(SL_CONTAINER_OF(engine->tasks.next, struct task, links));
    engine_graves_expire(engine, SL_NEVER);
    for (size_t i = 0; i < engine->interned_count; i++)
        free(engine->interned[i]);
    free(engine->interned);
    free(engine->sorted);
    free(engine->late);
    free(engine->wanted);
    table_deinit(&engine->queues);
    table_deinit(&engine->ids);
    table_deinit(&engine->buried);
    table_deinit(&engine->messages);
    free(engine->account);
    free(engine->region);
    free(engine);
}

/* ---- time ---- */

static void hidden_no_more(struct engine *engine, sl_time now)
{
    struct heap_node *node;

    while ((node = agenda_first(&engine->due))) {
        struct message *message = SL_CONTAINER_OF(node, struct message, due);

        if (sl_time_before(now, message->due_at))
            break;
        message_enter(engine, message, MESSAGE_READY, SL_NEVER);
    }
}

static void sweep(struct engine *engine, sl_time now)
{
    if (sl_time_before(now, engine->sweep_at))
        return;
    for (size_t i = 0; i < engine->queue_count; i++) {
        struct queue *queue = engine->sorted[i];
        struct heap_node *node;

        while ((node = agenda_first(&queue->by_age)) &&
               message_is_old(SL_CONTAINER_OF(node, struct message, age), now))
            message_remove(engine, SL_CONTAINER_OF(node, struct message, age), true);
    }
    engine->sweep_at = engine->messages.count > 0 ? sl_time_add(now, SWEEP) : SL_NEVER;
}

static void write_late(struct engine *engine, sl_time until)
{
    while (engine->late_count > 0) {
        struct late *late = &engine->late[engine->late_first];
        struct message *message;

        if (sl_time_before(until, sl_time_add(late->at, LATE)))
            break;
        engine->late_first = (engine->late_first + 1) % engine->late_max;
        engine->late_count--;
        message = engine_message(engine, late->seq);
        if (message && message->is_late)
            message_note_state(engine, message);
    }
}

uint64_t engine_moves(const struct engine *engine)
{
    return engine->moves;
}

void engine_flush(struct engine *engine)
{
    write_late(engine, SL_NEVER);
}

void queue_stir(struct engine *engine, struct queue *queue)
{
    if (queue->is_stirred || links_empty(&queue->polls))
        return;
    queue->is_stirred = true;
    links_add(&engine->stirred, &queue->stirred);
}

void engine_serve(struct engine *engine, struct moment at)
{
    hidden_no_more(engine, at.now);
    while (!links_empty(&engine->stirred)) {
        struct queue *queue = SL_CONTAINER_OF(engine->stirred.next, struct queue, stirred);

        links_remove(&queue->stirred);
        queue->is_stirred = false;
        queue_serve(engine, at, queue);
        hidden_no_more(engine, at.now); /* a visibility of 0 */
    }
    if (engine->messages.count > 0 && sl_time_cmp(engine->sweep_at, SL_NEVER) == 0)
        engine->sweep_at = sl_time_add(at.now, SWEEP);
}

void engine_advance(struct engine *engine, struct moment at)
{
    sweep(engine, at.now);
    engine_dedups_expire(engine, at.now);
    engine_attempts_expire(engine, at.now);
    engine_graves_expire(engine, at.now);
    engine_tasks_step(engine, at);
    write_late(engine, at.now);
    hidden_no_more(engine, at.now);
}

void engine_tick(struct engine *engine, struct moment at)
{
    engine_advance(engine, at);
    engine_serve(engine, at);
    engine_polls_expire(engine, at.now);
}

sl_time engine_deadline(const struct engine *engine)
{
    sl_time next = sl_time_min(engine->sweep_at, engine_tasks_deadline(engine));
    struct heap_node *node;

    if (!links_empty(&engine->stirred))
        return (sl_time){0}; /* at once */
    if ((node = agenda_first(&engine->due)))
        next = sl_time_min(next, SL_CONTAINER_OF(node, struct message, due)->due_at);
    if ((node = heap_first(&engine->polls_due)))
        next = sl_time_min(next, SL_CONTAINER_OF(node, struct poll, due_)->until);
    if ((node = heap_first(&engine->dedups_due)))
        next = sl_time_min(next, SL_CONTAINER_OF(node, struct dedup, due)->expires);
    if ((node = heap_first(&engine->attempts_due)))
        next = sl_time_min(next, SL_CONTAINER_OF(node, struct attempt, due)->expires);
    if (!links_empty(&engine->graves))
        next = sl_time_min(next, SL_CONTAINER_OF(engine->graves.next, struct grave, links)->until);
    if (engine->late_count > 0)
        next = sl_time_min(next, sl_time_add(engine->late[engine->late_first].at, LATE));
    return next;
}

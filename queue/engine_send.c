/* Accepting messages, and the deduplication of FIFO queues. */
#include <stdlib.h>
#include <string.h>

#include "core/digest.h"
#include "queue/engine_impl.h"

enum { KEY_MAX = 2 * QUEUE_GROUP_MAX + 2 };

/* ---- deduplication ids ---- */

static struct dedup *by_due(const struct heap_node *node)
{
    return SL_CONTAINER_OF(node, struct dedup, due);
}

bool dedup_before(const struct heap_node *a, const struct heap_node *b)
{
    int order = sl_time_cmp(by_due(a)->expires, by_due(b)->expires);

    return order != 0 ? order < 0 : by_due(a)->sequence < by_due(b)->sequence;
}

bool dedup_is(const void *item, const void *key)
{
    const struct dedup *dedup = item;

    return slice_eq((struct slice){dedup->key, dedup->key_n}, *(const struct slice *)key);
}

struct dedup *dedup_add(struct engine *engine, struct queue *queue, struct slice key,
                        const uint8_t id[16], uint64_t sequence, sl_time expires)
{
    struct dedup *dedup = calloc(1, sizeof *dedup + key.n);

    if (!dedup)
        return NULL;
    dedup->queue = queue;
    dedup->expires = expires;
    dedup->hash = engine_hash(engine, key, (struct slice){NULL, 0});
    memcpy(dedup->id, id, sizeof dedup->id);
    dedup->sequence = sequence;
    dedup->key_n = key.n;
    memcpy(dedup->key, key.p, key.n);
    if (!table_add(&queue->dedups, dedup->hash, dedup)) {
        free(dedup);
        return NULL;
    }
    heap_add(&engine->dedups_due, &dedup->due);
    return dedup;
}

void dedup_remove(struct engine *engine, struct dedup *dedup, bool is_noted)
{
    if (is_noted)
        engine_note(engine, &(struct change){.kind = CHANGE_DEDUP_GONE,
                                             .queue = dedup->queue->id,
                                             .text = dedup->key,
                                             .text_n = dedup->key_n});
    heap_remove(&engine->dedups_due, &dedup->due);
    table_remove(&dedup->queue->dedups, dedup->hash, dedup);
    free(dedup);
}

void engine_dedups_expire(struct engine *engine, sl_time now)
{
    struct heap_node *node;

    while ((node = heap_first(&engine->dedups_due)) && !sl_time_before(now, by_due(node)->expires))
        dedup_remove(engine, by_due(node), sl_time_cmp(now, SL_NEVER) != 0);
}

/* The id, behind its group if ids are told apart by groups. A group has no NUL in it. */
static struct slice make_key(const struct queue *queue, const struct send *send, char key[KEY_MAX],
                             struct slice id)
{
    size_t n = 0;

    if (queue->settings.dedup_scope == DEDUP_GROUP) {
        memcpy(key, send->group.p, send->group.n);
        n = send->group.n;
    }
    key[n++] = '\0';
    memcpy(key + n, id.p, id.n);
    return (struct slice){key, n + id.n};
}

static void hex(const uint8_t digest[SHA256_SIZE], char out[2 * SHA256_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < SHA256_SIZE; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
}

/* ---- sending ---- */

enum queue_error queue_check_ids(const struct queue *queue, struct slice group, struct slice dedup,
                                 struct queue_refusal *refusal)
{
    if (!queue->settings.is_fifo)
        return QUEUE_OK;
    if (!group.p)
        return queue_refuse(refusal, QUEUE_PARAMETER_MISSING,
                            "The request must contain the parameter MessageGroupId.");
    if (!dedup.p && !queue->settings.dedups_by_content)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "The queue should either have ContentBasedDeduplication enabled or "
                            "MessageDeduplicationId provided explicitly");
    return QUEUE_OK;
}

static void fill_in(struct sent *out, const struct payload *payload)
{
    memcpy(out->body_md5, payload->head.body_md5, sizeof out->body_md5);
    memcpy(out->attributes_md5, payload->head.attributes_md5, sizeof out->attributes_md5);
    memcpy(out->id, payload->head.id, sizeof out->id);
    out->sequence = payload->head.sequence;
}

static sl_time delayed_until(const struct queue *queue, const struct send *send, sl_time now)
{
    int64_t delay_s =
        send->delay_s < 0 || queue->settings.is_fifo ? queue->settings.delay_s : send->delay_s;

    return sl_time_add(now, sl_sec(delay_s));
}

/* What the store is told of an accepted message: the answer waits until it is durable. */
static void note(struct engine *engine, struct message *message, const struct dedup *dedup)
{
    struct queue *queue = message->queue;

    if (!engine->options.changes)
        return;
    engine_note(engine, &(struct change){.kind = CHANGE_MESSAGE,
                                         .seq = message->seq,
                                         .queue = queue->id,
                                         .payload = payload_ref(message->payload)});
    if (message->status == MESSAGE_DELAYED)
        message_note_state(engine, message);
    if (dedup)
        engine_note(engine, &(struct change){
                                .kind = CHANGE_DEDUP,
                                .queue = queue->id,
                                .text = (char *)(uintptr_t)dedup->key,
                                .text_n = dedup->key_n,
                                .dedup = {.sequence = dedup->sequence,
                                          .expires_ms = engine_wall_ms(engine, dedup->expires)}});
    if (dedup)
        memcpy(engine->options.changes->items[engine->options.changes->count - 1].dedup.id,
               dedup->id, sizeof dedup->id);
    engine_note(engine, &(struct change){.kind = CHANGE_COUNTERS,
                                         .queue = queue->id,
                                         .counters = {.sent = queue->sent}});
}

static enum queue_error accept(struct engine *engine, struct moment at, struct queue *queue,
                               const struct send *send, struct payload *payload, struct slice key,
                               struct sent *out, struct queue_refusal *refusal)
{
    struct dedup *dedup = NULL;
    struct message *message;

    if (queue->settings.is_fifo)
        payload->head.sequence = engine->seq + 1;
    fill_in(out, payload);
    out->seq = engine->seq + 1;
    if (key.n > 0) {
        dedup = dedup_add(engine, queue, key, payload->head.id, payload->head.sequence,
                          sl_time_add(at.now, sl_sec(QUEUE_DEDUP_S)));
        if (!dedup) {
            payload_unref(payload);
            return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
        }
    }
    message = message_add(engine, queue, send->group, 0, payload, at.now,
                          delayed_until(queue, send, at.now), at.now);
    if (!message) {
        if (dedup)
            dedup_remove(engine, dedup, false);
        return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    }
    queue->sent++;
    note(engine, message, dedup);
    return QUEUE_OK;
}

/* The id under which a second one of a FIFO queue is not delivered. */
static struct slice dedup_key(const struct queue *queue, const struct send *send,
                              char digest[2 * SHA256_SIZE], char key[KEY_MAX], struct slice *id)
{
    uint8_t sum[SHA256_SIZE];

    *id = send->dedup;
    if (!queue->settings.is_fifo)
        return (struct slice){NULL, 0};
    if (!send->dedup.p) {
        sha256(&send->body, 1, sum);
        hex(sum, digest);
        *id = (struct slice){digest, 2 * SHA256_SIZE};
    }
    return make_key(queue, send, key, *id);
}

enum queue_error engine_send(struct engine *engine, struct moment at, struct queue *queue,
                             const struct send *send, struct sent *out,
                             struct queue_refusal *refusal)
{
    char digest[2 * SHA256_SIZE], text[KEY_MAX];
    const struct dedup *earlier = NULL;
    struct payload *payload;
    struct slice key, id;
    enum queue_error error;

    sl_assert(send->group.n <= QUEUE_GROUP_MAX && send->dedup.n <= QUEUE_GROUP_MAX);
    engine_advance(engine, at);
    error = queue_check_ids(queue, send->group, send->dedup, refusal);
    if (error != QUEUE_OK)
        return error;
    key = dedup_key(queue, send, digest, text, &id);
    payload = payload_new(&(struct payload_source){.id = send->id,
                                                   .sent_ms = at.wall_ms,
                                                   .body = send->body,
                                                   .attributes = send->attributes,
                                                   .attribute_count = send->attribute_count,
                                                   .group = send->group,
                                                   .dedup = id,
                                                   .trace = send->trace,
                                                   .sender = send->sender});
    if (!payload)
        return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    if (key.n > 0)
        earlier = table_find(&queue->dedups, engine_hash(engine, key, (struct slice){NULL, 0}),
                             dedup_is, &key);
    if (!earlier)
        return accept(engine, at, queue, send, payload, key, out, refusal);
    fill_in(out, payload);
    memcpy(out->id, earlier->id, sizeof out->id);
    out->sequence = earlier->sequence;
    out->seq = 0;
    payload_unref(payload);
    return QUEUE_OK;
}

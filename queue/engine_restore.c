/* From what a store kept to an engine that goes on where it was, and what a store keeps of a queue. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "queue/engine_impl.h"

/* ---- a queue as text ---- */

static void add_text(struct strbuf *out, struct slice text)
{
    strbuf_addc(out, '"');
    if (!json_escape(text, out))
        out->failed = true;
    strbuf_addc(out, '"');
}

bool queue_write(const struct queue *queue, struct strbuf *out)
{
    struct strbuf settings = {0};

    if (!settings_write(&queue->settings, &settings))
        out->failed = true;
    strbuf_addf(out, "{\"created\":%lld,\"modified\":%lld,\"name\":", (long long)queue->created_ms,
                (long long)queue->modified_ms);
    add_text(out, slice_of(queue->name));
    strbuf_adds(out, ",\"settings\":");
    add_text(out, strbuf_slice(&settings));
    strbuf_adds(out, ",\"tags\":{");
    for (size_t i = 0; i < queue->tag_count; i++) {
        if (i > 0)
            strbuf_addc(out, ',');
        add_text(out, queue->tags[i].key);
        strbuf_addc(out, ':');
        add_text(out, queue->tags[i].value);
    }
    strbuf_adds(out, "}}");
    strbuf_deinit(&settings);
    return !strbuf_failed(out);
}

/* What was read of one. */
struct reading {
    struct strbuf name, settings, tags;
    int64_t created_ms, modified_ms;
};

static int64_t number_of(struct slice text)
{
    char copy[32] = "";

    if (text.n < sizeof copy)
        memcpy(copy, text.p, text.n);
    return strtoll(copy, NULL, 10);
}

static void read_member(struct reading *reading, const struct json_value *key,
                        const struct json_value *value)
{
    if (json_is(key, "created"))
        reading->created_ms = number_of(value->text);
    else if (json_is(key, "modified"))
        reading->modified_ms = number_of(value->text);
    else if (json_is(key, "name"))
        json_unescape(value->text, &reading->name);
    else if (json_is(key, "settings"))
        json_unescape(value->text, &reading->settings);
    else if (json_is(key, "tags"))
        strbuf_add_slice(&reading->tags, value->text);
}

/* 0, -EINVAL or -ENOMEM. */
static int read_queue(struct reading *reading, struct slice text)
{
    struct json_value key, value;
    struct json j;

    json_init(&j, text);
    if (json_next(&j, NULL) == JSON_OBJECT)
        while (json_member(&j, &key))
            if (json_skip(&j, &value))
                read_member(reading, &key, &value);
    if (strbuf_failed(&reading->name) || strbuf_failed(&reading->settings) ||
        strbuf_failed(&reading->tags))
        return -ENOMEM;
    return json_end(&j) && reading->name.n > 0 ? 0 : -EINVAL;
}

/* The same. */
static int read_tags(struct queue *queue, struct slice text)
{
    struct strbuf key = {0}, value = {0};
    struct json_value k, v;
    struct json j;
    bool ok = true;

    json_init(&j, text);
    if (json_next(&j, NULL) == JSON_OBJECT)
        while (ok && json_member(&j, &k) && json_skip(&j, &v)) {
            strbuf_reset(&key);
            strbuf_reset(&value);
            json_unescape(k.text, &key);
            json_unescape(v.text, &value);
            ok = !strbuf_failed(&key) && !strbuf_failed(&value) &&
                 queue_tag_set(queue, strbuf_slice(&key), strbuf_slice(&value));
        }
    strbuf_deinit(&key);
    strbuf_deinit(&value);
    if (!ok)
        return -ENOMEM;
    return json_end(&j) ? 0 : -EINVAL;
}

/* ---- rows ---- */

static bool has_id(const void *item, const void *key)
{
    return ((const struct queue *)item)->id == *(const uint32_t *)key;
}

static struct queue *queue_of(const struct engine *engine, uint32_t id)
{
    return table_find(&engine->ids, table_hash_number(id), has_id, &id);
}

static int add_queue(struct engine *engine, uint32_t id, const struct reading *reading)
{
    struct settings settings;
    struct queue *queue;
    int result = settings_read(&settings, strbuf_slice(&reading->settings));

    if (result == 0 && engine_queue_find(engine, strbuf_slice(&reading->name))) {
        settings_deinit(&settings);
        result = -EINVAL; /* a second one of that name */
    }
    if (result != 0)
        return result;
    queue = queue_new(engine, strbuf_slice(&reading->name), &settings);
    settings_deinit(&settings);
    if (!queue)
        return -ENOMEM;
    queue->id = id;
    queue->created_ms = reading->created_ms;
    queue->modified_ms = reading->modified_ms;
    result = read_tags(queue, strbuf_slice(&reading->tags));
    if (result == 0 && !engine_queue_add(engine, queue))
        result = -ENOMEM;
    if (result != 0)
        queue_free(queue);
    else if (id > engine->queue_id_max)
        engine->queue_id_max = id;
    return result;
}

static int take_queue(void *arg, uint32_t id, struct slice text)
{
    struct reading reading = {.created_ms = 0};
    int result = read_queue(&reading, text);

    if (result == 0)
        result = add_queue(arg, id, &reading);
    strbuf_deinit(&reading.name);
    strbuf_deinit(&reading.settings);
    strbuf_deinit(&reading.tags);
    return result;
}

static int take_counters(void *arg, uint32_t id, const struct queue_counters *counters)
{
    struct queue *queue = queue_of(arg, id);

    if (!queue)
        return -EINVAL;
    queue->sent = counters->sent;
    return 0;
}

/* How it stood. What was in flight when a crash came is so for the rest of its time, or is visible early. */
static void take_state(struct engine *engine, struct message *message,
                       const struct message_state *state)
{
    message->receives = state->receives;
    message->receives_before = state->receives_before;
    message->generation = state->generation;
    message->first_received_ms = state->first_received_ms;
    message->moved_ms = state->moved_ms;
    message->received_at =
        engine->restored_at; /* at the latest: the wall clock may have been set */
    if (state->received_ms > 0)
        message->received_at =
            sl_time_min(engine_time_of(engine, state->received_ms), engine->restored_at);
    message->origin = state->origin.p ? engine_intern(engine, state->origin) : NULL;
    if (message->status == MESSAGE_DELAYED && state->generation > 0)
        message_enter(engine, message, MESSAGE_IN_FLIGHT, message->due_at);
}

static int take_message(void *arg, uint64_t seq, uint32_t id, struct payload *payload,
                        const struct message_state *state)
{
    struct engine *engine = arg;
    struct queue *queue = queue_of(engine, id);
    bool is_cached = !engine->options.facts.keeps_payloads ||
                     engine->payload_bytes + payload->size <= engine->options.payload_bytes_max;
    struct message *message;
    int64_t sent_ms;

    if (!queue) {
        payload_unref(payload);
        return -EINVAL;
    }
    /* Hidden at most for as long as anything can be: the wall clock may have been set meanwhile. */
    sl_time due = sl_time_min(engine_time_of(engine, state->visible_ms),
                              sl_time_add(engine->restored_at, sl_sec(QUEUE_VISIBILITY_MAX_S)));
    sent_ms = state->moved_ms > 0 ? state->moved_ms : payload->head.sent_ms;
    message = message_add(engine, queue, payload_group(payload), seq, payload,
                          engine_time_of(engine, sent_ms), due, engine->restored_at);
    if (!message)
        return -ENOMEM;
    take_state(engine, message, state);
    if (!is_cached)
        payload_set(engine, message, NULL);
    return 0;
}

static int take_dedup(void *arg, uint32_t id, struct slice key, const struct dedup_entry *entry)
{
    struct engine *engine = arg;
    struct queue *queue = queue_of(engine, id);
    sl_time expires = sl_time_min(engine_time_of(engine, entry->expires_ms),
                                  sl_time_add(engine->restored_at, sl_sec(QUEUE_DEDUP_S)));

    if (!queue)
        return -EINVAL;
    return dedup_add(engine, queue, key, entry->id, entry->sequence, expires) ? 0 : -ENOMEM;
}

static int take_task(void *arg, uint64_t seq, struct slice text)
{
    return engine_task_restore(arg, seq, text);
}

struct store_reader engine_reader(struct engine *engine, struct moment at)
{
    engine->offset_ms = at.wall_ms - at.now.ns / 1000000;
    engine->restored_at = at.now;
    return (struct store_reader){
        .queue = take_queue,
        .counters = take_counters,
        .message = take_message,
        .dedup = take_dedup,
        .task = take_task,
        .arg = engine,
    };
}

void engine_restored(struct engine *engine, struct moment at)
{
    if (engine->queue_count == 0)
        engine->offset_ms = at.wall_ms - at.now.ns / 1000000;
    engine_tick(engine, at);
}

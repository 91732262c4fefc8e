/* Queues, and what clients set of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/engine_impl.h"

/* ---- finding ---- */

static bool queue_is(const void *item, const void *key)
{
    return slice_is(*(const struct slice *)key, ((const struct queue *)item)->name);
}

struct queue *engine_queue_find(const struct engine *engine, struct slice name)
{
    return table_find(&engine->queues, engine_hash(engine, name, (struct slice){NULL, 0}), queue_is,
                      &name);
}

struct queue *engine_queue_find_arn(const struct engine *engine, struct slice arn)
{
    char prefix[256];
    size_t n = (size_t)snprintf(prefix, sizeof prefix, "arn:aws:sqs:%s:%s:", engine->region,
                                engine->account);

    if (n >= sizeof prefix || arn.n <= n || memcmp(arn.p, prefix, n) != 0)
        return NULL;
    return engine_queue_find(engine, (struct slice){arn.p + n, arn.n - n});
}

static int compare_names(struct slice a, const char *b)
{
    size_t n = strlen(b);
    int order = memcmp(a.p ? a.p : "", b, a.n < n ? a.n : n);

    return order != 0 ? order : (a.n > n) - (a.n < n);
}

/* Where the first queue is whose name is not before `name`. */
static size_t place_of(const struct engine *engine, struct slice name)
{
    size_t low = 0, high = engine->queue_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_names(name, engine->sorted[middle]->name) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct queue *engine_queue_from(const struct engine *engine, struct slice from)
{
    size_t i = place_of(engine, from);

    return i < engine->queue_count ? engine->sorted[i] : NULL;
}

struct queue *engine_queue_next(const struct engine *engine, const struct queue *queue)
{
    size_t i = place_of(engine, slice_of(queue->name)) + 1;

    return i < engine->queue_count ? engine->sorted[i] : NULL;
}

const char *queue_name(const struct queue *queue)
{
    return queue->name;
}

const char *queue_arn(const struct queue *queue)
{
    return queue->arn;
}

const struct settings *queue_settings(const struct queue *queue)
{
    return &queue->settings;
}

struct queue_counts queue_counts(const struct queue *queue)
{
    return (struct queue_counts){
        .visible = queue->visible,
        .in_flight = queue->in_flight,
        .delayed = queue->delayed,
        .sent = queue->sent,
        .created_ms = queue->created_ms,
        .modified_ms = queue->modified_ms,
        .oldest_sent_ms = queue_oldest_ms(queue),
    };
}

/* ---- making and freeing ---- */

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    for (size_t i = 0; i < queue->tag_count; i++) {
        free((void *)(uintptr_t)queue->tags[i].key.p);
        free((void *)(uintptr_t)queue->tags[i].value.p);
    }
    free(queue->tags);
    table_deinit(&queue->groups);
    table_deinit(&queue->dedups);
    table_deinit(&queue->attempts);
    settings_deinit(&queue->settings);
    free(queue->name);
    free(queue->arn);
    free(queue);
}

struct queue *queue_new(struct engine *engine, struct slice name, const struct settings *settings)
{
    struct queue *queue = calloc(1, sizeof *queue);

    if (!queue)
        return NULL;
    queue->engine = engine;
    queue->name = strndup(name.p, name.n);
    if (!queue->name || asprintf(&queue->arn, "arn:aws:sqs:%s:%s:%s", engine->region,
                                 engine->account, queue->name) < 0)
        queue->arn = NULL;
    if (!queue->arn || !settings_copy(&queue->settings, settings)) {
        queue_free(queue);
        return NULL;
    }
    queue->hash = engine_hash(engine, name, (struct slice){NULL, 0});
    queue->purged_at = SL_NEVER;
    queue_messages_init(queue);
    links_init(&queue->polls);
    return queue;
}

bool engine_queue_add(struct engine *engine, struct queue *queue)
{
    size_t place = place_of(engine, slice_of(queue->name));

    if (engine->queue_count == engine->queue_max) {
        size_t max = engine->queue_max ? engine->queue_max * 2 : 16;
        struct queue **sorted = realloc(engine->sorted, max * sizeof(struct queue *));

        if (!sorted)
            return false;
        engine->sorted = sorted;
        engine->queue_max = max;
    }
    if (!table_add(&engine->queues, queue->hash, queue))
        return false;
    if (!table_add(&engine->ids, table_hash_number(queue->id), queue)) {
        table_remove(&engine->queues, queue->hash, queue);
        return false;
    }
    memmove(engine->sorted + place + 1, engine->sorted + place,
            (engine->queue_count - place) * sizeof(struct queue *));
    engine->sorted[place] = queue;
    engine->queue_count++;
    return true;
}

void queue_note(struct engine *engine, struct queue *queue)
{
    struct strbuf text = {0};

    if (!engine->options.changes)
        return;
    if (queue_write(queue, &text))
        engine_note(engine, &(struct change){.kind = CHANGE_QUEUE,
                                             .queue = queue->id,
                                             .text = text.p,
                                             .text_n = text.n});
    else
        engine->options.changes->failed = true;
    strbuf_deinit(&text);
}

/* ---- names ---- */

static bool name_is_plain(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
            c != '-' && c != '_')
            return false;
    }
    return name.n > 0;
}

static enum queue_error check_name(struct slice name, bool is_fifo, struct queue_refusal *refusal)
{
    static const char suffix[] = ".fifo";
    size_t n = sizeof suffix - 1;
    bool ends = name.n > n && memcmp(name.p + name.n - n, suffix, n) == 0;
    struct slice stem = is_fifo && ends ? (struct slice){name.p, name.n - n} : name;

    if (name.n <= QUEUE_NAME_MAX && ends == is_fifo && name_is_plain(stem))
        return QUEUE_OK;
    if (is_fifo)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "The name of a FIFO queue can only include alphanumeric characters, "
                            "hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in "
                            "length.");
    return queue_refuse(
        refusal, QUEUE_PARAMETER_INVALID,
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
}

static bool grave_is(const void *item, const void *key)
{
    return slice_is(*(const struct slice *)key, ((const struct grave *)item)->name);
}

static enum queue_error check_grave(struct engine *engine, struct slice name,
                                    struct queue_refusal *refusal)
{
    uint64_t hash = engine_hash(engine, name, (struct slice){NULL, 0});

    if (!table_find(&engine->buried, hash, grave_is, &name))
        return QUEUE_OK;
    return queue_refuse(refusal, QUEUE_DELETED_RECENTLY,
                        "You must wait %u seconds after deleting a queue before you can create "
                        "another with the same name.",
                        engine->options.limits.name_pause_s);
}

void engine_graves_expire(struct engine *engine, sl_time now)
{
    while (!links_empty(&engine->graves)) {
        struct grave *grave = SL_CONTAINER_OF(engine->graves.next, struct grave, links);

        if (sl_time_before(now, grave->until))
            break;
        links_remove(&grave->links);
        table_remove(&engine->buried, grave->hash, grave);
        free(grave);
    }
}

static void bury(struct engine *engine, struct queue *queue, sl_time now)
{
    unsigned pause = engine->options.limits.name_pause_s;
    size_t n = strlen(queue->name) + 1;
    struct grave *grave = pause > 0 ? malloc(sizeof *grave + n) : NULL;

    if (!grave)
        return; /* without memory the name is free at once */
    memcpy(grave->name, queue->name, n);
    grave->hash = queue->hash;
    grave->until = sl_time_add(now, sl_sec(pause));
    if (table_add(&engine->buried, grave->hash, grave))
        links_add(&engine->graves, &grave->links);
    else
        free(grave);
}

/* ---- redrive policies ---- */

static enum queue_error refuse_policy(const struct settings *settings, const char *why,
                                      struct queue_refusal *refusal)
{
    return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                        "Value %s for parameter RedrivePolicy is invalid. Reason: %s",
                        settings->redrive_policy, why);
}

static bool is_same_policy(const struct settings *a, const struct settings *b)
{
    return a->dead_letter_arn && b->dead_letter_arn && a->max_receives == b->max_receives &&
           strcmp(a->dead_letter_arn, b->dead_letter_arn) == 0;
}

/* Whether the dead-letter queue that the settings name is there, of the same type, and takes messages from `arn`. */
static enum queue_error check_redrive(const struct engine *engine, const struct settings *settings,
                                      const char *arn, struct queue_refusal *refusal)
{
    struct queue *to;

    if (!settings->dead_letter_arn)
        return QUEUE_OK;
    to = engine_queue_find_arn(engine, slice_of(settings->dead_letter_arn));
    if (!to)
        return refuse_policy(settings, "Dead letter target does not exist.", refusal);
    if (to->settings.is_fifo != settings->is_fifo)
        return refuse_policy(
            settings, "Dead-letter queue must be same type of queue as the source.", refusal);
    if (!settings_allow_redrive(&to->settings, slice_of(arn)))
        return refuse_policy(settings, "Dead-letter queue does not allow this source queue.",
                             refusal);
    return QUEUE_OK;
}

/* ---- what clients do ---- */

static enum queue_error found(struct queue *queue, const struct settings *asked,
                              const struct slice *given, size_t given_count, struct queue **out,
                              struct queue_refusal *refusal)
{
    const char *differs = settings_differ(&queue->settings, asked, given, given_count);

    if (differs)
        return queue_refuse(refusal, QUEUE_NAME_EXISTS,
                            "A queue already exists with the same name and a different value for "
                            "attribute %s",
                            differs);
    *out = queue;
    return QUEUE_OK;
}

static enum queue_error create(struct engine *engine, struct moment at, struct queue *queue,
                               const struct queue_tag *tags, size_t tag_count,
                               struct queue_refusal *refusal)
{
    enum queue_error error = check_redrive(engine, &queue->settings, queue->arn, refusal);

    if (error == QUEUE_OK && tag_count > QUEUE_TAGS_MAX)
        error = queue_refuse(refusal, QUEUE_PARAMETER_INVALID, "Too many tags added for queue %s.",
                             queue->name);
    for (size_t i = 0; error == QUEUE_OK && i < tag_count; i++)
        if (!queue_tag_set(queue, tags[i].key, tags[i].value))
            error = queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    if (error != QUEUE_OK)
        return error;
    queue->id = engine->queue_id_max + 1;
    queue->created_ms = queue->modified_ms = at.wall_ms;
    if (!engine_queue_add(engine, queue))
        return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    engine->queue_id_max++;
    queue_note(engine, queue);
    return QUEUE_OK;
}

enum queue_error engine_queue_create(struct engine *engine, struct moment at, struct slice name,
                                     const struct settings *settings, const struct slice *given,
                                     size_t given_count, const struct queue_tag *tags,
                                     size_t tag_count, struct queue **out,
                                     struct queue_refusal *refusal)
{
    enum queue_error error;
    struct queue *queue;

    engine_tick(engine, at);
    error = check_name(name, settings->is_fifo, refusal);
    if (error != QUEUE_OK)
        return error;
    queue = engine_queue_find(engine, name);
    if (queue)
        return found(queue, settings, given, given_count, out, refusal);
    error = check_grave(engine, name, refusal);
    if (error != QUEUE_OK)
        return error;
    queue = queue_new(engine, name, settings);
    if (!queue)
        return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    error = create(engine, at, queue, tags, tag_count, refusal);
    if (error == QUEUE_OK)
        *out = queue;
    else
        queue_free(queue);
    return error;
}

/* A poll that was answered by what was due just before: its handles could not be made any more. */
static void take_back_answers(struct engine *engine, const struct queue *queue)
{
    for (struct sl_link *l = engine->answered.next; l != &engine->answered; l = l->next) {
        struct poll *poll = SL_CONTAINER_OF(l, struct poll, links_);

        if (poll->queue != queue)
            continue;
        poll_deinit(poll);
        poll->error = QUEUE_DOES_NOT_EXIST;
    }
}

static void forget_dedups(struct engine *engine, struct queue *queue, bool is_noted)
{
    struct dedup *dedup;

    while (queue->dedups.count > 0)
        for (size_t at = 0; (dedup = table_next(&queue->dedups, &at));)
            dedup_remove(engine, dedup, is_noted);
}

/* Everything that waits or is remembered for a queue ends. */
static void forget_all(struct engine *engine, struct queue *queue)
{
    struct attempt *attempt;

    take_back_answers(engine, queue);
    while (!links_empty(&queue->polls))
        poll_answer(engine, SL_CONTAINER_OF(queue->polls.next, struct poll, links_),
                    QUEUE_DOES_NOT_EXIST);
    queue_remove_all(engine, queue);
    forget_dedups(engine, queue, false);
    while (queue->attempts.count > 0)
        for (size_t at = 0; (attempt = table_next(&queue->attempts, &at));)
            attempt_remove(engine, attempt);
    if (queue->is_stirred)
        links_remove(&queue->stirred);
}

void engine_queue_delete(struct engine *engine, struct moment at, struct queue *queue)
{
    size_t place = place_of(engine, slice_of(queue->name));

    engine_tick(engine, at);
    forget_all(engine, queue);
    engine_tasks_forget(engine, queue->arn);
    memmove(engine->sorted + place, engine->sorted + place + 1,
            (--engine->queue_count - place) * sizeof(struct queue *));
    table_remove(&engine->queues, queue->hash, queue);
    table_remove(&engine->ids, table_hash_number(queue->id), queue);
    engine_note(engine, &(struct change){.kind = CHANGE_QUEUE_GONE, .queue = queue->id});
    bury(engine, queue, at.now);
    queue_free(queue);
    engine_serve(engine, at);
}

/* A FIFO queue's delay is of all its messages, those that wait already too (service model, DelaySeconds). */
static void delay_again(struct engine *engine, struct queue *queue)
{
    const struct group *group;

    for (size_t at = 0; (group = table_next(&queue->groups, &at));)
        for (struct message *m = group->first; m; m = m->next)
            if (m->status == MESSAGE_DELAYED) {
                message_enter(engine, m, MESSAGE_DELAYED,
                              sl_time_add(m->sent_at, sl_sec(queue->settings.delay_s)));
                message_note_state(engine, m);
            }
}

enum queue_error engine_queue_set(struct engine *engine, struct moment at, struct queue *queue,
                                  const struct settings *settings, struct queue_refusal *refusal)
{
    enum queue_error error = QUEUE_OK;
    struct settings copy;
    bool has_new_delay;

    engine_tick(engine, at);
    /* One that was in force before, and whose dead-letter queue has gone meanwhile, hinders nothing else. */
    if (!is_same_policy(settings, &queue->settings))
        error = check_redrive(engine, settings, queue->arn, refusal);
    if (error != QUEUE_OK)
        return error;
    if (!settings_copy(&copy, settings))
        return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    has_new_delay = copy.delay_s != queue->settings.delay_s;
    settings_deinit(&queue->settings);
    queue->settings = copy;
    queue->modified_ms = at.wall_ms;
    queue_note(engine, queue);
    if (has_new_delay && copy.is_fifo)
        delay_again(engine, queue);
    engine_serve(engine, at);
    return QUEUE_OK;
}

enum queue_error engine_queue_purge(struct engine *engine, struct moment at, struct queue *queue,
                                    struct queue_refusal *refusal)
{
    unsigned pause = engine->options.limits.purge_pause_s;

    engine_tick(engine, at);
    if (sl_time_cmp(queue->purged_at, SL_NEVER) != 0 &&
        sl_time_before(at.now, sl_time_add(queue->purged_at, sl_sec(pause))))
        return queue_refuse(refusal, QUEUE_PURGE_IN_PROGRESS,
                            "Only one PurgeQueue operation on %s is allowed every %u seconds.",
                            queue->name, pause);
    queue->purged_at = at.now;
    queue_remove_all(engine, queue);
    forget_dedups(engine, queue, true);
    engine_note(engine, &(struct change){
                            .kind = CHANGE_QUEUE_PURGED, .queue = queue->id, .seq = engine->seq});
    return QUEUE_OK;
}

bool engine_is_dead_letter(const struct engine *engine, const struct queue *queue)
{
    for (size_t i = 0; i < engine->queue_count; i++) {
        const char *arn = engine->sorted[i]->settings.dead_letter_arn;

        if (arn && strcmp(arn, queue->arn) == 0)
            return true;
    }
    return false;
}

/* ---- tags ---- */

static bool slice_copy(struct slice *to, struct slice from)
{
    char *copy = malloc(from.n + 1);

    if (!copy)
        return false;
    if (from.n > 0)
        memcpy(copy, from.p, from.n);
    copy[from.n] = '\0';
    free((void *)(uintptr_t)to->p);
    *to = (struct slice){copy, from.n};
    return true;
}

static struct queue_tag *tag_find(struct queue *queue, struct slice key)
{
    for (size_t i = 0; i < queue->tag_count; i++)
        if (slice_eq(queue->tags[i].key, key))
            return &queue->tags[i];
    return NULL;
}

bool queue_tag_set(struct queue *queue, struct slice key, struct slice value)
{
    struct queue_tag *tag = tag_find(queue, key);
    struct queue_tag fresh = {.key = {NULL, 0}};

    if (tag)
        return slice_copy(&tag->value, value);
    tag = realloc(queue->tags, (queue->tag_count + 1) * sizeof *tag);
    if (!tag)
        return false;
    queue->tags = tag;
    if (!slice_copy(&fresh.key, key))
        return false;
    if (!slice_copy(&fresh.value, value)) {
        free((void *)(uintptr_t)fresh.key.p);
        return false;
    }
    tag[queue->tag_count++] = fresh;
    return true;
}

enum queue_error engine_queue_tag(struct engine *engine, struct queue *queue,
                                  const struct queue_tag *tags, size_t count,
                                  struct queue_refusal *refusal)
{
    size_t more = 0;

    for (size_t i = 0; i < count; i++)
        more += !tag_find(queue, tags[i].key);
    if (queue->tag_count + more > QUEUE_TAGS_MAX)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID, "Too many tags added for queue %s.",
                            queue->name);
    for (size_t i = 0; i < count; i++)
        if (!queue_tag_set(queue, tags[i].key, tags[i].value))
            return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    queue_note(engine, queue);
    return QUEUE_OK;
}

void engine_queue_untag(struct engine *engine, struct queue *queue, const struct slice *keys,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct queue_tag *tag = tag_find(queue, keys[i]);

        if (!tag)
            continue;
        free((void *)(uintptr_t)tag->key.p);
        free((void *)(uintptr_t)tag->value.p);
        memmove(tag, tag + 1, (size_t)(queue->tags + --queue->tag_count - tag) * sizeof *tag);
    }
    queue_note(engine, queue);
}

const struct queue_tag *queue_tags(const struct queue *queue, size_t *count)
{
    *count = queue->tag_count;
    return queue->tags;
}

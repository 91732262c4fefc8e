#include "test/lib/queue_model.h"

#include <string.h>

enum { DEDUP_MS = 300000, VISIBILITY_MAX_S = 43200 };

void model_init(struct model *m, const struct model_limits *limits)
{
    memset(m, 0, sizeof *m);
    m->limits = *limits;
}

void model_settings_init(struct model_settings *settings, bool is_fifo)
{
    *settings = (struct model_settings){
        .is_fifo = is_fifo, .visibility_s = 30, .retention_s = 345600, .dead_letter = -1};
}

/* ---- messages, as they stand ---- */

void model_enter_(struct model *m, int64_t now, struct model_message *message,
                  enum model_status status, const struct model_state *state)
{
    if (state) {
        memmove(&message->earlier[1], &message->earlier[0],
                sizeof message->earlier - sizeof message->earlier[0]);
        message->earlier[0] = message->state;
        message->state = *state;
        message->state.since_ms = now;
    }
    message->status = status;
    if (status != MODEL_DELAYED)
        model_stir_(m, message->queue);
}

static bool has_group(const struct model *m, int queue, int group)
{
    for (int i = 0; i < MODEL_MESSAGES; i++)
        if (m->messages[i].is_there && m->messages[i].queue == queue &&
            m->messages[i].group == group)
            return true;
    return false;
}

void model_join_(struct model *m, struct model_message *message, int queue)
{
    message->is_there = false;
    if (!has_group(m, queue, message->group))
        m->queues[queue].served[message->group] = ++m->turns;
    message->is_there = true;
    message->queue = queue;
    message->place = ++m->places;
    model_stir_(m, queue);
}

void model_remove_(struct model *m, struct model_message *message)
{
    message->is_there = false;
    model_stir_(m, message->queue); /* what came after it in its group may be free */
}

struct model_message *model_find(struct model *m, int queue, uint64_t place)
{
    for (int i = 0; i < MODEL_MESSAGES; i++) {
        struct model_message *message = &m->messages[i];

        if (message->is_there && message->queue == queue && message->place == place)
            return message;
    }
    return NULL;
}

size_t model_list(const struct model *m, int queue, int out[MODEL_MESSAGES])
{
    uint64_t after = 0;
    size_t count = 0;

    for (;;) {
        int next = -1;

        for (int i = 0; i < MODEL_MESSAGES; i++)
            if (m->messages[i].is_there && m->messages[i].queue == queue &&
                m->messages[i].place > after &&
                (next < 0 || m->messages[i].place < m->messages[next].place))
                next = i;
        if (next < 0)
            return count;
        after = m->messages[next].place;
        out[count++] = next;
    }
}

bool model_is_full(const struct model *m)
{
    for (int i = 0; i < MODEL_MESSAGES; i++)
        if (!m->messages[i].is_there)
            return false;
    return true;
}

static void remove_all(struct model *m, int queue)
{
    for (int i = 0; i < MODEL_MESSAGES; i++)
        if (m->messages[i].is_there && m->messages[i].queue == queue)
            model_remove_(m, &m->messages[i]);
}

struct model_counts model_counts(const struct model *m, int queue)
{
    const struct model_queue *q = &m->queues[queue];
    struct model_counts counts = {
        .sent = q->sent, .created_ms = q->created_ms, .modified_ms = q->modified_ms};

    for (int i = 0; i < MODEL_MESSAGES; i++) {
        const struct model_message *message = &m->messages[i];

        if (!message->is_there || message->queue != queue)
            continue;
        switch (message->status) {
        case MODEL_READY:
            counts.visible++;
            break;
        case MODEL_IN_FLIGHT:
            counts.in_flight++;
            break;
        case MODEL_DELAYED:
            counts.delayed++;
            break;
        }
        if (counts.oldest_sent_ms == 0 || message->kept_since_ms < counts.oldest_sent_ms)
            counts.oldest_sent_ms = message->kept_since_ms;
    }
    return counts;
}

/* ---- time ---- */

bool model_is_old_(const struct model *m, const struct model_message *message, int64_t now)
{
    return message->kept_since_ms + m->queues[message->queue].settings.retention_s * 1000 <= now;
}

static void sweep(struct model *m, int64_t now)
{
    if (m->sweep_at_ms == 0 || now < m->sweep_at_ms)
        return;
    m->sweep_at_ms = 0;
    for (int queue = 0; queue < MODEL_QUEUES; queue++)
        for (int i = 0; i < MODEL_MESSAGES; i++)
            if (m->messages[i].is_there && m->messages[i].queue == queue &&
                model_is_old_(m, &m->messages[i], now))
                model_remove_(m, &m->messages[i]);
}

static void forget(struct model *m, int64_t now)
{
    for (int i = 0; i < MODEL_DEDUPS; i++)
        if (m->dedups[i].until_ms <= now)
            m->dedups[i].is_there = false;
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        if (m->attempts[i].at_ms + DEDUP_MS <= now)
            m->attempts[i].is_there = false;
}

/* What is due happens, and no poll is served. */
static void advance(struct model *m, int64_t now)
{
    sweep(m, now);
    forget(m, now);
    model_step_tasks_(m, now);
    model_wake_(m, now);
}

void model_tick(struct model *m, int64_t now)
{
    advance(m, now);
    model_serve_(m, now);
    model_answer_late_(m, now);
}

int64_t model_deadline(const struct model *m)
{
    int64_t due = m->sweep_at_ms ? m->sweep_at_ms : INT64_MAX;

    if (m->stirred_count > 0)
        return 0;
    for (int i = 0; i < MODEL_MESSAGES; i++) {
        const struct model_message *message = &m->messages[i];

        if (message->is_there && message->status != MODEL_READY && message->state.visible_ms < due)
            due = message->state.visible_ms;
    }
    for (int i = 0; i < MODEL_POLLS; i++)
        if (m->polls[i].waits && m->polls[i].until_ms < due)
            due = m->polls[i].until_ms;
    for (int i = 0; i < MODEL_TASKS; i++)
        if (m->tasks[i].is_there && m->tasks[i].step_at_ms < due)
            due = m->tasks[i].step_at_ms;
    return due;
}

/* ---- queues ---- */

/* A dead-letter queue has to be there, of the same type, and willing. */
bool model_may_redrive_(const struct model *m, int queue, const struct model_settings *settings)
{
    const struct model_queue *target = &m->queues[settings->dead_letter];

    if (!target->exists || target->settings.is_fifo != settings->is_fifo)
        return false;
    return target->settings.allow == MODEL_ALLOW_ALL ||
           (target->settings.allow == MODEL_ALLOW_SOME &&
            (target->settings.allowed & 1U << queue) != 0);
}

static enum queue_error check_redrive(const struct model *m, int queue,
                                      const struct model_settings *settings)
{
    return settings->dead_letter < 0 || model_may_redrive_(m, queue, settings)
               ? QUEUE_OK
               : QUEUE_PARAMETER_INVALID;
}

/* Every setting is named in a creation here, so that all of them have to be the same. */
static bool is_same(const struct model_settings *a, const struct model_settings *b)
{
    return a->is_fifo == b->is_fifo && a->dedups_by_content == b->dedups_by_content &&
           a->dedups_by_group == b->dedups_by_group && a->visibility_s == b->visibility_s &&
           a->delay_s == b->delay_s && a->retention_s == b->retention_s &&
           a->dead_letter == b->dead_letter &&
           (a->dead_letter < 0 || a->max_receives == b->max_receives) && a->allow == b->allow &&
           (a->allow != MODEL_ALLOW_SOME || a->allowed == b->allowed);
}

enum queue_error model_create(struct model *m, int64_t now, int queue,
                              const struct model_settings *settings)
{
    struct model_queue *q = &m->queues[queue];
    enum queue_error error;

    model_tick(m, now);
    if (q->exists)
        return is_same(&q->settings, settings) ? QUEUE_OK : QUEUE_NAME_EXISTS;
    if (q->was_deleted && now < q->deleted_ms + m->limits.name_pause_ms)
        return QUEUE_DELETED_RECENTLY;
    error = check_redrive(m, queue, settings);
    if (error)
        return error;
    *q = (struct model_queue){.exists = true,
                              .incarnation = ++m->incarnations,
                              .settings = *settings,
                              .created_ms = now,
                              .modified_ms = now};
    return QUEUE_OK;
}

/* A FIFO queue's delay is that of the messages that wait already, too (service model, DelaySeconds). */
static void delay_again(struct model *m, int64_t now, int queue)
{
    for (int i = 0; i < MODEL_MESSAGES; i++) {
        struct model_message *message = &m->messages[i];
        struct model_state state = message->state;

        if (!message->is_there || message->queue != queue || message->status != MODEL_DELAYED)
            continue;
        state.visible_ms = message->kept_since_ms + m->queues[queue].settings.delay_s * 1000;
        model_enter_(m, now, message, MODEL_DELAYED, &state);
    }
}

enum queue_error model_set(struct model *m, int64_t now, int queue,
                           const struct model_settings *settings)
{
    int64_t delay_s = m->queues[queue].settings.delay_s;
    enum queue_error error;

    model_tick(m, now);
    if (settings->dead_letter != m->queues[queue].settings.dead_letter ||
        settings->max_receives != m->queues[queue].settings.max_receives) {
        error = check_redrive(m, queue, settings);
        if (error)
            return error;
    }
    m->queues[queue].settings = *settings;
    m->queues[queue].modified_ms = now;
    if (settings->is_fifo && settings->delay_s != delay_s)
        delay_again(m, now, queue);
    model_serve_(m, now);
    return QUEUE_OK;
}

void model_delete_queue(struct model *m, int64_t now, int queue)
{
    model_tick(m, now);
    /* Nobody gets messages of a queue that is gone, nor what was due just before. */
    for (unsigned i = 0; i < m->answer_count; i++)
        if (m->polls[m->answers[i].poll].queue == queue)
            m->answers[i] =
                (struct model_answer){.poll = m->answers[i].poll, .error = QUEUE_DOES_NOT_EXIST};
    remove_all(m, queue);
    for (unsigned i = 0; i < MODEL_POLLS; i++)
        if (m->polls[i].waits && m->polls[i].queue == queue) {
            m->polls[i].waits = false;
            m->answers[m->answer_count++] =
                (struct model_answer){.poll = i, .error = QUEUE_DOES_NOT_EXIST};
        }
    for (int i = 0; i < MODEL_DEDUPS; i++)
        if (m->dedups[i].queue == queue)
            m->dedups[i].is_there = false;
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        if (m->attempts[i].queue == queue)
            m->attempts[i].is_there = false;
    for (int i = 0; i < MODEL_TASKS; i++)
        if (m->tasks[i].from == queue)
            m->tasks[i].is_there = false;
    m->queues[queue].exists = false;
    m->queues[queue].was_deleted = true;
    m->queues[queue].deleted_ms = now;
    model_serve_(m, now);
}

enum queue_error model_purge(struct model *m, int64_t now, int queue)
{
    struct model_queue *q = &m->queues[queue];

    model_tick(m, now);
    if (q->was_purged && now < q->purged_ms + m->limits.purge_pause_ms)
        return QUEUE_PURGE_IN_PROGRESS;
    q->was_purged = true;
    q->purged_ms = now;
    remove_all(m, queue);
    for (int i = 0; i < MODEL_DEDUPS; i++)
        if (m->dedups[i].queue == queue)
            m->dedups[i].is_there = false;
    return QUEUE_OK;
}

bool model_is_dead_letter(const struct model *m, int queue)
{
    for (int i = 0; i < MODEL_QUEUES; i++)
        if (m->queues[i].exists && m->queues[i].settings.dead_letter == queue)
            return true;
    return false;
}

/* ---- sending ---- */

static struct model_dedup *dedup_of(struct model *m, int queue, int group, unsigned key)
{
    for (int i = 0; i < MODEL_DEDUPS; i++) {
        struct model_dedup *dedup = &m->dedups[i];

        if (dedup->is_there && dedup->queue == queue && dedup->group == group && dedup->key == key)
            return dedup;
    }
    return NULL;
}

static void remember(struct model *m, const struct model_dedup *dedup)
{
    for (int i = 0; i < MODEL_DEDUPS; i++)
        if (!m->dedups[i].is_there) {
            m->dedups[i] = *dedup;
            return;
        }
}

static void add(struct model *m, int64_t now, int queue, const struct model_send *send)
{
    const struct model_settings *settings = &m->queues[queue].settings;
    int64_t delay_s = send->delay_s < 0 || settings->is_fifo ? settings->delay_s : send->delay_s;
    int i = 0;

    while (m->messages[i].is_there)
        i++;
    m->messages[i] = (struct model_message){
        .status = delay_s > 0 ? MODEL_DELAYED : MODEL_READY,
        .id = send->id,
        .group = send->group,
        .content = send->content,
        .sent_ms = now,
        .kept_since_ms = now,
        .origin = -1,
        .state = {.since_ms = now, .visible_ms = delay_s ? now + delay_s * 1000 : 0},
    };
    model_join_(m, &m->messages[i], queue);
    m->queues[queue].sent++;
}

enum queue_error model_send(struct model *m, int64_t now, int queue, const struct model_send *send,
                            uint64_t *id, bool *is_duplicate)
{
    const struct model_settings *settings = &m->queues[queue].settings;
    unsigned key = send->dedup;

    advance(m, now);
    *is_duplicate = false;
    if (settings->is_fifo) {
        int scope = settings->dedups_by_group ? send->group : 0;
        struct model_dedup *dedup;

        if (send->group == 0)
            return QUEUE_PARAMETER_MISSING;
        if (key == 0 && settings->dedups_by_content)
            key = send->content;
        if (key == 0)
            return QUEUE_PARAMETER_INVALID;
        dedup = dedup_of(m, queue, scope, key);
        if (dedup) {
            *id = dedup->id;
            *is_duplicate = true;
            return QUEUE_OK;
        }
        remember(m, &(struct model_dedup){true, queue, scope, key, send->id, now + DEDUP_MS});
    }
    *id = send->id;
    add(m, now, queue, send);
    return QUEUE_OK;
}

/* ---- with a handle ---- */

/* HANDLE_INVALID, or OK with the message, or with NULL if it is not there any more. */
static enum queue_error look_up(struct model *m, int queue, const struct model_handle *handle,
                                struct model_message **out)
{
    if (handle->is_fake || handle->queue != queue ||
        handle->incarnation != m->queues[queue].incarnation)
        return QUEUE_HANDLE_INVALID;
    *out = model_find(m, queue, handle->place);
    return QUEUE_OK;
}

enum queue_error model_delete(struct model *m, int64_t now, int queue,
                              const struct model_handle *handle)
{
    struct model_message *message = NULL;
    enum queue_error error;

    model_tick(m, now);
    error = look_up(m, queue, handle, &message);
    /* A receipt that is newer than any that the message knows is from before a crash. */
    if (error || !message)
        return error;
    if (handle->receipt < message->state.receipt)
        return m->queues[queue].settings.is_fifo ? QUEUE_PARAMETER_INVALID : QUEUE_OK;
    if (handle->receipt == message->state.receipt && message->status != MODEL_IN_FLIGHT &&
        (m->queues[queue].settings.is_fifo || m->limits.expired_handle_refused))
        return QUEUE_PARAMETER_INVALID;
    model_remove_(m, message);
    model_serve_(m, now);
    return QUEUE_OK;
}

enum queue_error model_change(struct model *m, int64_t now, int queue,
                              const struct model_handle *handle, int64_t seconds)
{
    struct model_message *message = NULL;
    struct model_state state;
    enum queue_error error;
    int64_t from;
    bool is_over;

    model_tick(m, now);
    if (seconds < 0 || seconds > VISIBILITY_MAX_S)
        return QUEUE_PARAMETER_INVALID;
    error = look_up(m, queue, handle, &message);
    if (error)
        return error;
    if (!message)
        return QUEUE_PARAMETER_INVALID;
    is_over = handle->receipt < message->state.receipt ||
              (handle->receipt == message->state.receipt && message->status != MODEL_IN_FLIGHT);
    if (is_over && m->queues[queue].settings.is_fifo)
        return QUEUE_PARAMETER_INVALID;
    /* Of a standard queue an old handle changes what a later receive holds. */
    if (is_over && message->status != MODEL_IN_FLIGHT)
        return m->limits.expired_change_refused ? QUEUE_PARAMETER_INVALID : QUEUE_OK;
    /* What a crash forgot was received before it, nobody knows when. */
    from = message->state.received_ms ? message->state.received_ms : m->crashed_ms;
    if (now + seconds * 1000 > from + VISIBILITY_MAX_S * 1000LL)
        return QUEUE_PARAMETER_INVALID;
    state = message->state;
    state.visible_ms = now + seconds * 1000;
    model_enter_(m, now, message, MODEL_IN_FLIGHT, &state);
    model_serve_(m, now);
    return QUEUE_OK;
}

void model_return(struct model *m, int64_t now, int queue, const struct model_handle *handle)
{
    struct model_message *message;
    struct model_state state;

    model_tick(m, now);
    message = model_find(m, queue, handle->place);
    if (!message || handle->receipt != message->state.receipt || message->status != MODEL_IN_FLIGHT)
        return;
    state = message->state;
    state.visible_ms = now;
    model_enter_(m, now, message, MODEL_IN_FLIGHT, &state);
    model_serve_(m, now);
}

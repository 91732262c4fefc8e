/* Moves from dead-letter queues, and what a crash leaves. */
#include <string.h>

#include "test/lib/queue_model.h"

enum { TASKS_OF_A_QUEUE = 10, RATE_MAX = 500 };

void model_move_(struct model *m, int64_t now, struct model_message *message, int to)
{
    struct model_state state = message->state;
    int from = message->queue;

    state.received_ms = 0;
    state.visible_ms = 0;
    model_enter_(m, now, message, MODEL_READY, &state);
    model_join_(m, message, to);
    model_stir_(m, from);
}

/* ---- tasks ---- */

static bool is_active(const struct model_task *task)
{
    return task->is_there && (task->status == MODEL_RUNNING || task->status == MODEL_CANCELLING);
}

size_t model_move_list(const struct model *m, int from, int out[MODEL_TASKS])
{
    uint64_t before = UINT64_MAX;
    size_t count = 0;

    for (;;) {
        int next = -1;

        for (int i = 0; i < MODEL_TASKS; i++)
            if (m->tasks[i].is_there && m->tasks[i].from == from && m->tasks[i].number < before &&
                (next < 0 || m->tasks[i].number > m->tasks[next].number))
                next = i;
        if (next < 0)
            return count;
        before = m->tasks[next].number;
        out[count++] = next;
    }
}

static void end(struct model_task *task, enum model_task_status status)
{
    task->status = status;
    task->step_at_ms = INT64_MAX;
}

static int destination(const struct model_task *task, const struct model_message *message)
{
    return task->to >= 0 ? task->to : message->origin;
}

/* A redriven message is a new one: its id, its times, its count. */
static void send_anew(struct model *m, int64_t now, struct model_message *message, int to)
{
    int from = message->queue;

    *message = (struct model_message){
        .status = MODEL_READY,
        .id = MODEL_ID_MADE | (m->places + 1),
        .group = message->group,
        .content = message->content,
        .sent_ms = now,
        .kept_since_ms = now,
        .origin = -1,
        .state = {.since_ms = now},
    };
    model_join_(m, message, to);
    model_stir_(m, from);
}

static int next_to_move(struct model *m, int64_t now, int from)
{
    int next;

    while ((next = model_next_(m, from)) >= 0 && model_is_old_(m, &m->messages[next], now))
        model_remove_(m, &m->messages[next]);
    return next;
}

static bool has_visible(const struct model *m, int queue)
{
    return model_counts(m, queue).visible > 0;
}

/* Evenly: below ten a second one at a time, from there on a tenth of them every 100 ms; without a rate all at once. */
static void step(struct model *m, int64_t now, struct model_task *task)
{
    int64_t most = task->rate == 0 ? MODEL_MESSAGES : task->rate < 10 ? 1 : task->rate / 10;
    uint64_t moved = task->moved;
    int64_t pause_ms = task->rate == 0 ? 1 : task->rate < 10 ? 1000 / task->rate : 100;

    if (task->status == MODEL_CANCELLING) {
        end(task, MODEL_CANCELLED);
        return;
    }
    for (int64_t n = 0; n < most; n++) {
        int next = next_to_move(m, now, task->from);
        int to = next < 0 ? -1 : destination(task, &m->messages[next]);

        if (next < 0)
            break;
        if (to < 0 || !m->queues[to].exists || to == task->from) {
            end(task, MODEL_FAILED);
            return;
        }
        send_anew(m, now, &m->messages[next], to);
        task->moved++;
    }
    if (task->moved == moved && pause_ms < 100)
        pause_ms = 100; /* all are held back by their groups */
    if (!has_visible(m, task->from))
        end(task, MODEL_COMPLETED);
    else
        task->step_at_ms = now + pause_ms;
}

void model_step_tasks_(struct model *m, int64_t now)
{
    for (uint64_t number = m->tasks_started; number > 0; number--)
        for (int i = 0; i < MODEL_TASKS; i++)
            if (m->tasks[i].number == number && m->tasks[i].is_there &&
                m->tasks[i].step_at_ms <= now)
                step(m, now, &m->tasks[i]);
}

static enum queue_error check_start(const struct model *m, int from, int to, int64_t rate)
{
    if (!m->queues[from].exists)
        return QUEUE_RESOURCE_NOT_FOUND;
    if (!model_is_dead_letter(m, from))
        return QUEUE_PARAMETER_INVALID;
    if (to >= 0 && !m->queues[to].exists)
        return QUEUE_RESOURCE_NOT_FOUND;
    if (to == from ||
        (to >= 0 && m->queues[to].settings.is_fifo != m->queues[from].settings.is_fifo))
        return QUEUE_PARAMETER_INVALID;
    if (rate < 0 || rate > RATE_MAX)
        return QUEUE_PARAMETER_INVALID;
    for (int i = 0; i < MODEL_TASKS; i++)
        if (m->tasks[i].from == from && is_active(&m->tasks[i]))
            return QUEUE_PARAMETER_INVALID;
    return QUEUE_OK;
}

enum queue_error model_move_start(struct model *m, int64_t now, int from, int to, int64_t rate,
                                  uint64_t *number)
{
    enum queue_error error;
    int tasks[MODEL_TASKS], i = 0;
    size_t count;

    model_tick(m, now);
    error = check_start(m, from, to, rate);
    if (error)
        return error;
    count = model_move_list(m, from, tasks);
    if (count == TASKS_OF_A_QUEUE)
        m->tasks[tasks[count - 1]].is_there = false;
    while (m->tasks[i].is_there)
        i++;
    *number = ++m->tasks_started;
    m->tasks[i] = (struct model_task){.is_there = true,
                                      .number = *number,
                                      .from = from,
                                      .to = to,
                                      .rate = rate,
                                      .to_move = model_counts(m, from).visible,
                                      .started_ms = now,
                                      .step_at_ms = now};
    m->places++; /* tasks and messages are numbered together */
    return QUEUE_OK;
}

enum queue_error model_move_cancel(struct model *m, int64_t now, uint64_t number, uint64_t *moved)
{
    model_tick(m, now);
    if (number == 0)
        return QUEUE_PARAMETER_INVALID;
    for (int i = 0; i < MODEL_TASKS; i++) {
        struct model_task *task = &m->tasks[i];

        if (!task->is_there || task->number != number)
            continue;
        if (task->status != MODEL_RUNNING)
            return QUEUE_UNSUPPORTED_OPERATION;
        *moved = task->moved;
        task->status = MODEL_CANCELLING;
        task->step_at_ms = now;
        return QUEUE_OK;
    }
    return QUEUE_RESOURCE_NOT_FOUND;
}

/* ---- crashes ---- */

/* Whether a message that stood like `a` may be remembered as `b`: one that is visible has no time. */
static bool is_same(const struct model_state *a, const struct model_state *b, int64_t at)
{
    bool is_visible = b->visible_ms == 0 && a->visible_ms <= at;

    return (a->visible_ms == b->visible_ms || is_visible) &&
           a->first_received_ms == b->first_received_ms && a->received_ms == b->received_ms &&
           a->receives == b->receives && a->receipt == b->receipt;
}

bool model_recall(struct model_message *message, const struct model_state *state, int64_t at,
                  int64_t since)
{
    int64_t until = INT64_MAX;
    const struct model_state *have = &message->state;

    for (int i = 0; have->since_ms && until >= since; i++) {
        if (is_same(have, state, at)) {
            message->state = *have;
            return true;
        }
        if (i == MODEL_STATES) { /* it changed so often that not all is known */
            message->state = *state;
            return true;
        }
        until = have->since_ms;
        have = &message->earlier[i];
    }
    return false;
}

/* Groups are as old as their first messages. */
static void take_turns_again(struct model *m)
{
    for (int queue = 0; queue < MODEL_QUEUES; queue++)
        memset(m->queues[queue].served, 0, sizeof m->queues[queue].served);
    for (uint64_t place = 1; place <= m->places; place++)
        for (int i = 0; i < MODEL_MESSAGES; i++) {
            const struct model_message *message = &m->messages[i];
            uint64_t *served = &m->queues[message->queue].served[message->group];

            if (message->is_there && message->place == place && *served == 0)
                *served = ++m->turns;
        }
}

static void stand_up(struct model_message *message, int64_t now)
{
    const struct model_state *state = &message->state;

    memset(message->earlier, 0, sizeof message->earlier);
    message->state.since_ms = now;
    if (state->visible_ms <= now)
        message->status = MODEL_READY;
    else
        message->status = state->receipt ? MODEL_IN_FLIGHT : MODEL_DELAYED;
}

void model_crash(struct model *m, int64_t now)
{
    for (int i = 0; i < MODEL_POLLS; i++)
        m->polls[i].waits = false;
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        m->attempts[i].is_there = false;
    for (int i = 0; i < MODEL_QUEUES; i++)
        m->queues[i].was_purged = m->queues[i].was_deleted = false;
    for (int i = 0; i < MODEL_MESSAGES; i++)
        stand_up(&m->messages[i], now);
    for (int i = 0; i < MODEL_TASKS; i++)
        m->tasks[i].step_at_ms = is_active(&m->tasks[i]) ? now : INT64_MAX;
    m->stirred_count = 0;
    m->answer_count = 0;
    m->sweep_at_ms = 0;
    m->crashed_ms = now;
    take_turns_again(m);
}

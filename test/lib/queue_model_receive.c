/* What a receive gets: the choice of a group, what of it may be taken, dead letters, attempts that are tried again. */
#include <string.h>

#include "test/lib/queue_model.h"

static unsigned in_flight(const struct model *m, int queue, int group)
{
    unsigned count = 0;

    for (int i = 0; i < MODEL_MESSAGES; i++)
        if (m->messages[i].is_there && m->messages[i].queue == queue &&
            (group < 0 || m->messages[i].group == group) &&
            m->messages[i].status == MODEL_IN_FLIGHT)
            count++;
    return count;
}

/* The message that a group would hand out next; -1: none. On FIFO queues only ever its first one. */
static int first_ready(const struct model *m, int queue, int group)
{
    int all[MODEL_MESSAGES];
    size_t count = model_list(m, queue, all);

    for (size_t i = 0; i < count; i++) {
        const struct model_message *message = &m->messages[all[i]];

        if (message->group != group)
            continue;
        if (message->status == MODEL_READY)
            return all[i];
        if (m->queues[queue].settings.is_fifo)
            return -1;
    }
    return -1;
}

/* Fewest in flight, then served longest ago. -1: nothing is ready. */
static int choose_group(const struct model *m, int queue)
{
    const uint64_t *served = m->queues[queue].served;
    int best = -1;
    unsigned best_in_flight = 0;

    for (int group = 0; group < MODEL_GROUPS; group++) {
        unsigned busy = in_flight(m, queue, group);

        if (first_ready(m, queue, group) < 0)
            continue;
        if (best < 0 || busy < best_in_flight ||
            (busy == best_in_flight && served[group] < served[best])) {
            best = group;
            best_in_flight = busy;
        }
    }
    return best;
}

int model_next_(const struct model *m, int queue)
{
    int group = choose_group(m, queue);

    return group < 0 ? -1 : first_ready(m, queue, group);
}

/* ---- dead letters ---- */

/* Received too often, the last time here: two queues that are each other's dead-letter queue hand nothing to and fro. */
static bool is_dead(const struct model *m, const struct model_message *message)
{
    const struct model_settings *settings = &m->queues[message->queue].settings;

    return settings->dead_letter >= 0 && settings->dead_letter != message->queue &&
           message->state.receives >= settings->max_receives && message->state.received_ms != 0 &&
           model_may_redrive_(m, message->queue, settings);
}

static void bury(struct model *m, int64_t now, struct model_message *message)
{
    int from = message->queue, to = m->queues[from].settings.dead_letter;

    model_move_(m, now, message, to);
    message->origin = from;
    if (m->queues[to].settings.is_fifo)
        message->kept_since_ms = now;
}

/* ---- taking ---- */

static int64_t visibility_ms(const struct model *m, const struct model_poll *poll)
{
    return 1000 * (poll->visibility_s < 0 ? m->queues[poll->queue].settings.visibility_s
                                          : poll->visibility_s);
}

static void receive(struct model *m, int64_t now, struct model_message *message,
                    const struct model_poll *poll, struct model_receipt *out)
{
    struct model_state state = message->state;

    state.receipt = ++m->receipts;
    state.receives++;
    state.visible_ms = now + visibility_ms(m, poll);
    if (state.first_received_ms == 0)
        state.first_received_ms = now;
    state.received_ms = now;
    model_enter_(m, now, message, MODEL_IN_FLIGHT, &state);
    *out = (struct model_receipt){.id = message->id,
                                  .place = message->place,
                                  .receipt = state.receipt,
                                  .receives = state.receives,
                                  .first_received_ms = state.first_received_ms,
                                  .origin = message->origin};
}

static bool is_at_limit(const struct model *m, int queue)
{
    return in_flight(m, queue, -1) >= m->limits.in_flight_max;
}

/* What of a FIFO group comes after a message that was just taken, if it is ready; -1. */
static int next_ready(const struct model *m, int queue, int group, uint64_t place)
{
    int all[MODEL_MESSAGES];
    size_t count = model_list(m, queue, all);

    for (size_t i = 0; i < count; i++)
        if (m->messages[all[i]].group == group && m->messages[all[i]].place > place)
            return m->messages[all[i]].status == MODEL_READY ? all[i] : -1;
    return -1;
}

/* On FIFO queues as many of one group as there are; then the next. */
static void take(struct model *m, int64_t now, const struct model_poll *poll,
                 struct model_answer *answer)
{
    bool is_fifo = m->queues[poll->queue].settings.is_fifo;
    int group = -1;
    uint64_t place = 0;

    while (answer->count < poll->max && !is_at_limit(m, poll->queue)) {
        int next = is_fifo && group >= 0 ? next_ready(m, poll->queue, group, place) : -1;

        if (next < 0) {
            next = model_next_(m, poll->queue);
            if (next < 0)
                return;
            group = m->messages[next].group;
        }
        place = m->messages[next].place;
        if (model_is_old_(m, &m->messages[next], now)) {
            model_remove_(m, &m->messages[next]);
            continue;
        }
        if (is_dead(m, &m->messages[next])) {
            bury(m, now, &m->messages[next]);
            continue;
        }
        receive(m, now, &m->messages[next], poll, &answer->receipts[answer->count++]);
        m->queues[poll->queue].served[group] = ++m->turns;
    }
}

/* ---- attempts ---- */

static struct model_attempt *attempt_of(struct model *m, int queue, unsigned attempt)
{
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        if (m->attempts[i].is_there && m->attempts[i].queue == queue &&
            m->attempts[i].attempt == attempt)
            return &m->attempts[i];
    return NULL;
}

static void remember(struct model *m, int64_t now, const struct model_poll *poll,
                     const struct model_answer *answer)
{
    struct model_attempt *attempt = attempt_of(m, poll->queue, poll->attempt);

    if (poll->attempt == 0 || answer->count == 0)
        return;
    for (int i = 0; !attempt && i < MODEL_ATTEMPTS; i++)
        if (!m->attempts[i].is_there)
            attempt = &m->attempts[i];
    *attempt = (struct model_attempt){.is_there = true,
                                      .queue = poll->queue,
                                      .attempt = poll->attempt,
                                      .at_ms = now,
                                      .visible_ms = now + visibility_ms(m, poll),
                                      .count = answer->count};
    memcpy(attempt->receipts, answer->receipts, sizeof attempt->receipts);
}

/* The same messages with the same handles, as many of them as are wanted now, and their time starts again; false: there is no such attempt, or some of what it
 * got is not as it left it. */
static bool replay(struct model *m, int64_t now, const struct model_poll *poll,
                   struct model_answer *answer)
{
    struct model_attempt *attempt = attempt_of(m, poll->queue, poll->attempt);

    if (poll->attempt == 0 || !attempt)
        return false;
    for (unsigned i = 0; i < attempt->count; i++) {
        struct model_message *message = model_find(m, poll->queue, attempt->receipts[i].place);

        if (!message || message->state.receipt != attempt->receipts[i].receipt ||
            message->status != MODEL_IN_FLIGHT || message->state.visible_ms != attempt->visible_ms)
            return false;
    }
    if (attempt->count > poll->max)
        attempt->count = poll->max;
    answer->count = attempt->count;
    memcpy(answer->receipts, attempt->receipts, sizeof answer->receipts);
    for (unsigned i = 0; i < attempt->count; i++) {
        struct model_message *message = model_find(m, poll->queue, attempt->receipts[i].place);
        struct model_state state = message->state;

        state.visible_ms = now + visibility_ms(m, poll);
        model_enter_(m, now, message, MODEL_IN_FLIGHT, &state);
    }
    attempt->visible_ms = now + visibility_ms(m, poll);
    return true;
}

/* ---- polls ---- */

/* Whether the poll is answered. A standard queue says when it has something that its limit keeps back. */
static bool serve(struct model *m, int64_t now, unsigned i)
{
    struct model_answer answer = {.poll = i};
    const struct model_poll *poll = &m->polls[i];

    if (!m->queues[poll->queue].settings.is_fifo && is_at_limit(m, poll->queue) &&
        model_next_(m, poll->queue) >= 0)
        answer.error = QUEUE_OVER_LIMIT;
    else
        take(m, now, poll, &answer);
    remember(m, now, poll, &answer);
    if (answer.count == 0 && !answer.error)
        return false;
    m->polls[i].waits = false;
    m->answers[m->answer_count++] = answer;
    return true;
}

static int first_poll(const struct model *m, int queue, uint64_t after)
{
    int first = -1;

    for (int i = 0; i < MODEL_POLLS; i++)
        if (m->polls[i].waits && m->polls[i].queue == queue && m->polls[i].turn > after &&
            (first < 0 || m->polls[i].turn < m->polls[first].turn))
            first = i;
    return first;
}

static void serve_queue(struct model *m, int64_t now, int queue)
{
    uint64_t turn = 0;

    for (;;) {
        int i = first_poll(m, queue, turn);

        if (i < 0)
            return;
        turn = m->polls[i].turn;
        if (!serve(m, now, (unsigned)i))
            return;
    }
}

static void answer_late(struct model *m, int64_t now, unsigned i)
{
    if (!m->polls[i].waits || m->polls[i].until_ms > now)
        return;
    m->polls[i].waits = false;
    m->answers[m->answer_count++] = (struct model_answer){.poll = i};
}

void model_answer_late_(struct model *m, int64_t now)
{
    for (unsigned i = 0; i < MODEL_POLLS; i++)
        answer_late(m, now, i);
}

void model_stir_(struct model *m, int queue)
{
    if (first_poll(m, queue, 0) < 0)
        return;
    for (unsigned i = 0; i < m->stirred_count; i++)
        if (m->stirred[i] == queue)
            return;
    m->stirred[m->stirred_count++] = queue;
}

/* The message that has been hidden for longest, of those that need not be any more; -1. */
static int next_due(const struct model *m, int64_t now)
{
    int next = -1;

    for (int i = 0; i < MODEL_MESSAGES; i++) {
        const struct model_message *message = &m->messages[i];
        const struct model_message *best = &m->messages[next < 0 ? 0 : next];

        if (!message->is_there || message->status == MODEL_READY || message->state.visible_ms > now)
            continue;
        if (next < 0 || message->state.visible_ms < best->state.visible_ms ||
            (message->state.visible_ms == best->state.visible_ms && message->place < best->place))
            next = i;
    }
    return next;
}

void model_wake_(struct model *m, int64_t now)
{
    int i;

    while ((i = next_due(m, now)) >= 0)
        model_enter_(m, now, &m->messages[i], MODEL_READY, NULL);
}

static bool is_empty(const struct model *m)
{
    for (int i = 0; i < MODEL_MESSAGES; i++)
        if (m->messages[i].is_there)
            return false;
    return true;
}

void model_serve_(struct model *m, int64_t now)
{
    model_wake_(m, now);
    while (m->stirred_count > 0) {
        int queue = m->stirred[0];

        m->stirred_count--;
        memmove(m->stirred, m->stirred + 1, m->stirred_count * sizeof m->stirred[0]);
        serve_queue(m, now, queue);
        model_wake_(m, now); /* a visibility of 0 */
    }
    if (m->sweep_at_ms == 0 && !is_empty(m))
        m->sweep_at_ms = now + m->limits.sweep_ms;
}

void model_poll(struct model *m, int64_t now, unsigned poll, const struct model_poll *ask)
{
    struct model_answer answer = {.poll = poll};

    model_tick(m, now);
    m->polls[poll] = *ask;
    if (replay(m, now, ask, &answer)) {
        m->answers[m->answer_count++] = answer;
        return;
    }
    if (!m->queues[ask->queue].settings.is_fifo && is_at_limit(m, ask->queue)) {
        answer.error = QUEUE_OVER_LIMIT;
        m->answers[m->answer_count++] = answer;
        return;
    }
    m->polls[poll].waits = true;
    m->polls[poll].turn = ++m->turns;
    /* One that does not wait is asked once: what its dead letters set off is not for it. */
    if (first_poll(m, ask->queue, 0) == (int)poll)
        serve(m, now, poll);
    answer_late(m, now, poll);
    model_stir_(m, ask->queue);
    model_serve_(m, now);
}

void model_cancel(struct model *m, unsigned poll)
{
    m->polls[poll].waits = false;
}

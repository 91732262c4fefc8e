/*
 * A crash: of what is not durable a part is lost, and what a store would have is told to a new engine.
 */
#ifndef TEST_UNIT_QUEUE_MODEL_CRASH_H
#define TEST_UNIT_QUEUE_MODEL_CRASH_H

#include "test/unit/queue/model_shape.h"

/* ---- crashes ---- */

/* Of the message's receipts the one that nobody has heard of: its queue was deleted before the answer was fetched. 0: none is. */
static unsigned unheard_receipt(const struct world *w, const struct model_message *message)
{
    const struct model_state *state = &message->state;

    for (int i = 0;; state = &message->earlier[i++])
        if (state->receipt && !w->generations[state->receipt % RECEIPTS])
            return state->receipt;
        else if (i == MODEL_STATES)
            return 0;
}

static unsigned receipt_of(const struct world *w, uint64_t generation,
                           const struct model_message *message)
{
    if (generation == 0)
        return 0;
    for (unsigned i = 1; i <= w->m.receipts; i++)
        if (w->generations[i % RECEIPTS] == generation)
            return i;
    return unheard_receipt(w, message);
}

/* How the store says that a message stood, which must not be too long ago. */
static void recall(struct world *w, const struct map_row *row, struct model_message *message,
                   int64_t at_ms)
{
    struct model_state state;

    if (!is_id(w, message->id, number_of(row->payload->head.id))) {
        differ(w, "crash: message %d is lost", (int)message->id);
        return;
    }
    state = (struct model_state){.visible_ms = row->state.visible_ms,
                                 .first_received_ms = row->state.first_received_ms,
                                 .received_ms = row->state.receives > row->state.receives_before
                                                    ? row->state.received_ms
                                                    : 0,
                                 .receives = row->state.receives,
                                 .receipt = receipt_of(w, row->state.generation, message)};
    if (!model_recall(message, &state, at_ms, at_ms - LATE_MS))
        differ(w,
               "crash: message %d is remembered as %+lld ms, %u receives, receipt %u; it stood "
               "at %+lld ms, %u receives, receipt %u",
               (int)message->id, (long long)(state.visible_ms - at_ms), state.receives,
               state.receipt, (long long)(message->state.visible_ms - at_ms),
               message->state.receives, message->state.receipt);
    if (queue_of_arn(row->origin[0] ? row->origin : NULL) != message->origin)
        differ(w, "crash: message %d comes from \"%s\", expected queue %d", (int)message->id,
               row->origin, message->origin);
}

static struct model_message *next_message(struct world *w, uint64_t after)
{
    struct model_message *next = NULL;

    for (int i = 0; i < MODEL_MESSAGES; i++) {
        struct model_message *message = &w->m.messages[i];

        if (message->is_there && message->place > after && (!next || message->place < next->place))
            next = message;
    }
    return next;
}

/* Both have the same messages in the same order. */
static void recall_all(struct world *w, int64_t at_ms)
{
    uint64_t place = 0;
    struct model_message *message;

    map_sort(&w->map);
    for (size_t i = 0; i < w->map.count && !w->failure[0]; i++) {
        if (w->map.rows[i].kind != CHANGE_MESSAGE)
            continue;
        message = next_message(w, place);
        if (!message) {
            differ(w, "crash: the store has more messages than there were");
            return;
        }
        place = message->place;
        recall(w, &w->map.rows[i], message, at_ms);
    }
    message = next_message(w, place);
    if (message)
        differ(w, "crash: message %d is lost", (int)message->id);
}

/* A message that a task moved, and that the crash moved back, gets the same id when the task moves it again: the id follows from
 * the task and the message. To the model it is another one then. */
static void forget_ids_of_undone_moves(struct world *w)
{
    for (int i = 0; i < ALIASES; i++)
        if ((w->aliases[i].model & ~MODEL_ID_MADE) > w->durable.places)
            w->aliases[i].model = w->aliases[i].engine = 0;
}

/* Of what is not durable a part is lost: what came last. */
static int64_t lose(struct world *w)
{
    unsigned keep = below(w->pending_count + 1);
    struct model now = w->m;

    for (unsigned i = 0; i < w->pending_count; i++) {
        if (i < keep) {
            w->durable = w->pending[i].model;
            w->durable_ms = w->pending[i].at_ms;
            map_apply(&w->map, &w->pending[i].changes);
        }
        changes_deinit(&w->pending[i].changes);
    }
    w->pending_count = 0;
    w->m = w->durable;
    forget_ids_of_undone_moves(w);
    /* What was given out once is not given out again. */
    w->m.receipts = now.receipts;
    w->m.incarnations = now.incarnations;
    w->m.turns = now.turns;
    w->m.places = now.places;
    w->m.tasks_started = now.tasks_started;
    return w->durable_ms;
}

/* Numbers of deleted queues may be given again after a restart, so that their handles are of messages that are gone. */
static void forget_foreign_handles(struct world *w)
{
    for (int i = 0; i < HANDLES; i++) {
        const struct model_queue *queue = &w->m.queues[w->given[i].handle.queue];

        if (!queue->exists || w->given[i].handle.incarnation != queue->incarnation)
            w->given[i].is_there = false;
    }
    for (int i = 0; i < MOVES; i++)
        w->moves[i].number = 0, w->moves[i].handle[0] = '\0';
}

static void do_crash(struct world *w)
{
    static const int64_t outages_ms[] = {0, 0, 1, 500, 5000, 70000};
    int64_t at_ms;

    trace(w, "crash, %u events are not durable", w->pending_count);
    at_ms = lose(w);
    engine_free(w->engine);
    w->engine = NULL;
    recall_all(w, at_ms);
    if (w->failure[0])
        return;
    w->now_ms += PICK(outages_ms);
    w->offset_ms = below(1000000);
    w->receipts_before_crash = w->m.receipts;
    w->sequence = 0;
    forget_foreign_handles(w);
    model_crash(&w->m, w->now_ms);
    model_tick(&w->m, w->now_ms);
    start_engine(w);
}

#endif

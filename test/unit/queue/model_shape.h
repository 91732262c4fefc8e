/*
 * Chance, and what it makes of a run: a part of the operations and small settings, so that rare states are reached.
 */
#ifndef TEST_UNIT_QUEUE_MODEL_SHAPE_H
#define TEST_UNIT_QUEUE_MODEL_SHAPE_H

#include "test/unit/queue/model_world.h"

/* ---- chance (splitmix64) ---- */

static uint64_t chance_state;

static uint64_t chance(void)
{
    uint64_t z = (chance_state += 0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static unsigned below(unsigned n)
{
    return (unsigned)(chance() % n);
}

static bool one_in(unsigned n)
{
    return below(n) == 0;
}

#define PICK(table) ((table)[below(sizeof(table) / sizeof((table)[0]))])

/* ---- a run's shape ---- */

enum op {
    OP_CREATE,
    OP_SET,
    OP_DELETE_QUEUE,
    OP_PURGE,
    OP_SEND,
    OP_POLL,
    OP_CANCEL,
    OP_DELETE,
    OP_CHANGE,
    OP_RETURN,
    OP_FAKE,
    OP_PEEK,
    OP_TICK,
    OP_STEP,
    OP_LEAP,
    OP_MOVE_START,
    OP_MOVE_CANCEL,
    OP_MOVE_LIST,
    OP_SYNC,
    OP_CRASH,
    OPS
};

static const struct {
    const char *name;
    unsigned weight;
    bool always;
} op_table[OPS] = {
    [OP_CREATE] = {"create", 2, true},
    [OP_SET] = {"set", 1, false},
    [OP_DELETE_QUEUE] = {"delete queue", 1, false},
    [OP_PURGE] = {"purge", 1, false},
    [OP_SEND] = {"send", 30, true},
    [OP_POLL] = {"poll", 30, true},
    [OP_CANCEL] = {"cancel", 3, false},
    [OP_DELETE] = {"delete", 12, false},
    [OP_CHANGE] = {"change", 12, false},
    [OP_RETURN] = {"return", 5, false},
    [OP_FAKE] = {"fake handle", 2, false},
    [OP_PEEK] = {"peek", 8, false},
    [OP_TICK] = {"tick", 4, false},
    [OP_STEP] = {"step", 30, false},
    [OP_LEAP] = {"leap", 2, false},
    [OP_MOVE_START] = {"move", 3, false},
    [OP_MOVE_CANCEL] = {"cancel move", 2, false},
    [OP_MOVE_LIST] = {"list moves", 2, false},
    [OP_SYNC] = {"sync", 10, true},
    [OP_CRASH] = {"crash", 1, false},
};

struct shape {
    unsigned weights[OPS];
    unsigned steps;
    unsigned queues, groups, contents, attempts; /* how many of each are used */
    unsigned max_receives, batch;
    bool has_crashes, has_store, drops_payloads, is_late_ticker;
    struct model_limits limits;
};

static void shape_choose(struct shape *s, unsigned without)
{
    static const unsigned in_flight_max[] = {1, 2, 3, 5, 1000, 1000, 1000};

    *s = (struct shape){.steps = 200 + below(800)};
    for (int i = 0; i < OPS; i++)
        s->weights[i] = op_table[i].always || !one_in(3) ? op_table[i].weight : 0;
    s->queues = 1 + below(3);
    s->groups = 2 + below(MODEL_GROUPS - 1);
    s->contents = one_in(2) ? 4 : 40;
    s->attempts = one_in(2) ? 3 : 1;
    s->max_receives = 1 + below(4);
    s->batch = one_in(3) ? 2 : 10;
    s->has_crashes = one_in(2);
    s->has_store = s->has_crashes || !one_in(4);
    s->drops_payloads = s->has_store && one_in(3);
    s->is_late_ticker = one_in(4);
    s->limits = (struct model_limits){
        .in_flight_max = PICK(in_flight_max),
        .purge_pause_ms = one_in(2) ? PURGE_PAUSE_S * 1000 : 0,
        .name_pause_ms = one_in(2) ? NAME_PAUSE_S * 1000 : 0,
        .sweep_ms = SWEEP_MS,
        .expired_handle_refused = one_in(4),
        .expired_change_refused = one_in(4),
    };
    for (int i = 0; i < OPS; i++)
        if (without & 1U << i)
            s->weights[i] = 0;
    if (s->drops_payloads)
        s->weights[OP_MOVE_START] = 0; /* a move waits for payloads, and the model has none */
    if (!s->has_crashes)
        s->weights[OP_CRASH] = s->weights[OP_SYNC] = 0;
}

/* Half of the names are of FIFO queues. */
static int any_queue(const struct shape *s)
{
    return (int)below(s->queues) + (one_in(2) ? MODEL_QUEUES / 2 : 0);
}

static int any_live_queue(const struct world *w, const struct shape *s)
{
    for (int i = 0; i < 8; i++) {
        int queue = any_queue(s);

        if (w->m.queues[queue].exists)
            return queue;
    }
    return -1;
}

static const struct given *any_given(const struct world *w)
{
    const struct given *given = &w->given[below(HANDLES)];

    /* The later ones are more likely to be worth something. */
    if (w->given_next > 0 && !one_in(3))
        given =
            &w->given[(w->given_next - 1 - below(w->given_next < 4 ? w->given_next : 4)) % HANDLES];
    return given->is_there ? given : NULL;
}

#endif

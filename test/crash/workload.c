/* workload -- the model keeps hashes of rows; a store's rows are hashed the same way and compared as one sum. */
#include "test/crash/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/base.h>

static uint64_t mix(uint64_t hash, uint64_t x)
{
    struct rng rng = {hash ^ x * 0xff51afd7ed558ccd};

    return rng_next(&rng) | 1; /* never 0 */
}

static uint64_t mix_bytes(uint64_t hash, const void *p, size_t n)
{
    const unsigned char *bytes = p;
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < n; i++)
        h = (h ^ bytes[i]) * 0x100000001b3;
    return mix(mix(hash, n), h);
}

/* ---- hashes of rows ---- */

static uint64_t hash_text(enum change_kind kind, uint64_t key, const void *text, size_t n)
{
    return mix_bytes(mix(kind + 1, key), text, n);
}

static uint64_t hash_payload(const struct payload *payload)
{
    struct slice bytes = payload_bytes(payload);

    return mix_bytes(1, bytes.p, bytes.n);
}

static uint64_t hash_state(const struct message_state *state, struct slice origin)
{
    uint64_t hash =
        mix(mix(mix(mix(1, (uint64_t)state->visible_ms), (uint64_t)state->first_received_ms),
                state->generation),
            state->receives);

    hash = mix(mix(mix(hash, (uint64_t)state->received_ms), (uint64_t)state->moved_ms),
               state->receives_before);

    if (state->generation == 0) /* none is ever written without one here */
        return 0;
    return mix_bytes(hash, origin.p, origin.n);
}

static uint64_t hash_message(uint64_t seq, uint32_t queue, uint64_t payload, uint64_t state)
{
    return mix(mix(mix(mix(CHANGE_MESSAGE + 1, seq), queue), payload), state);
}

static uint64_t hash_counters(uint32_t queue, uint64_t sent)
{
    return mix(mix(CHANGE_COUNTERS + 1, queue), sent);
}

static uint64_t hash_dedup(const struct change *change)
{
    uint64_t hash = hash_text(CHANGE_DEDUP, change->queue, change->text, change->text_n);

    hash = mix_bytes(hash, change->dedup.id, sizeof change->dedup.id);
    return mix(mix(hash, change->dedup.sequence), (uint64_t)change->dedup.expires_ms);
}

uint64_t work_sum(const struct work *work)
{
    uint64_t sum = 0;

    for (uint64_t seq = 0; seq < WORK_SEQS; seq++) {
        const struct work_message *m = &work->messages[seq];

        if (m->is_there)
            sum += hash_message(seq, m->queue, m->payload, m->state);
    }
    for (size_t q = 0; q < WORK_QUEUES; q++) {
        sum += work->queues[q] + work->counters[q];
        for (size_t k = 0; k < WORK_KEYS; k++)
            sum += work->dedups[q][k];
    }
    for (size_t t = 0; t < WORK_TASKS; t++)
        sum += work->tasks[t];
    return sum;
}

static unsigned rank(enum change_kind kind)
{
    static const enum change_kind order[] = {CHANGE_QUEUE, CHANGE_COUNTERS, CHANGE_MESSAGE,
                                             CHANGE_DEDUP, CHANGE_TASK};

    for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
        if (order[i] == kind)
            return i;
    sl_assert(!"a kind of row");
}

static uint64_t hash_row(const struct change *row)
{
    struct slice text = {row->text, row->text_n};

    if (row->kind == CHANGE_MESSAGE)
        return hash_message(row->seq, row->queue, hash_payload(row->payload),
                            hash_state(&row->state, text));
    if (row->kind == CHANGE_COUNTERS)
        return hash_counters(row->queue, row->counters.sent);
    if (row->kind == CHANGE_DEDUP)
        return hash_dedup(row);
    return hash_text(row->kind, row->kind == CHANGE_QUEUE ? row->queue : row->seq, row->text,
                     row->text_n);
}

void work_add_row(struct work_rows *rows, const struct change *row)
{
    sl_assert(rows->count == 0 || rank(row->kind) >= rank(rows->kind));
    if (rows->count > 0 && row->kind == CHANGE_MESSAGE && rows->kind == CHANGE_MESSAGE)
        sl_assert(row->seq > rows->seq);
    rows->kind = row->kind;
    rows->seq = row->seq;
    rows->sum += hash_row(row);
    rows->count++;
}

/* ---- changes ---- */

void work_init(struct work *work, uint64_t seed)
{
    *work = (struct work){.rng = {seed}};
}

bool work_is_full(const struct work *work)
{
    return work->seq_max + 64 > WORK_SEQS;
}

/* Some message that is there; 0: none found. */
static uint64_t pick(struct work *work)
{
    for (unsigned tries = 0; work->seq_max > 0 && tries < 8; tries++) {
        uint64_t seq = 1 + rng_below(&work->rng, (unsigned)work->seq_max);

        if (work->messages[seq].is_there)
            return seq;
    }
    return 0;
}

/* Most bodies are small; some need pages of their own. */
static struct payload *make_payload(struct rng *rng)
{
    static const unsigned sizes[] = {20, 100, 400, 1000, 9000};
    char body[9000];
    uint8_t id[16];
    uint64_t random = rng_next(rng);
    size_t n = 1 + rng_below(rng, sizes[rng_below(rng, 20) ? rng_below(rng, 4) : 4]);
    struct payload_source source = {
        .id = id, .sent_ms = (int64_t)(random >> 20), .body = {body, n}};
    struct payload *payload;

    memcpy(id, &random, 8);
    memcpy(id + 8, &random, 8);
    for (size_t i = 0; i < n; i++)
        body[i] = (char)('a' + rng_below(rng, 26));
    payload = payload_new(&source);
    sl_assert(payload);
    return payload;
}

static void send(struct work *work, struct changes *changes)
{
    struct change change = {.kind = CHANGE_MESSAGE,
                            .seq = ++work->seq_max,
                            .queue = rng_below(&work->rng, WORK_QUEUES),
                            .payload = make_payload(&work->rng)};

    work->messages[change.seq] =
        (struct work_message){true, true, change.queue, hash_payload(change.payload), 0};
    changes_add(changes, &change);
}

static void set_state(struct work *work, struct changes *changes)
{
    static const char arn[] = "arn:aws:sqs:us-east-1:000000000000:source";
    struct change change = {.kind = CHANGE_MESSAGE_STATE, .seq = pick(work)};

    if (change.seq == 0)
        return;
    change.state.visible_ms = (int64_t)(rng_next(&work->rng) >> 20);
    change.state.first_received_ms = (int64_t)(rng_next(&work->rng) >> 20);
    change.state.generation = rng_next(&work->rng) | 1;
    change.state.receives = rng_below(&work->rng, 1000);
    change.state.received_ms = (int64_t)(rng_next(&work->rng) >> 20);
    change.state.moved_ms = (int64_t)(rng_next(&work->rng) >> 20);
    change.state.receives_before = rng_below(&work->rng, 1000);
    if (rng_below(&work->rng, 4) == 0)
        change.state.origin = slice_of(arn);
    work->messages[change.seq].state = hash_state(&change.state, change.state.origin);
    changes_add(changes, &change);
}

static void delete (struct work *work, struct changes *changes)
{
    struct change change = {.kind = CHANGE_MESSAGE_GONE, .seq = pick(work)};

    if (change.seq == 0)
        return;
    work->messages[change.seq].is_there = false;
    changes_add(changes, &change);
}

static void move(struct work *work, struct changes *changes)
{
    struct change change = {.kind = CHANGE_MESSAGE_MOVED, .seq = pick(work)};

    if (change.seq == 0)
        return;
    change.new_seq = ++work->seq_max;
    change.queue = rng_below(&work->rng, WORK_QUEUES);
    work->messages[change.new_seq] = work->messages[change.seq];
    work->messages[change.new_seq].queue = change.queue;
    work->messages[change.seq].is_there = false;
    changes_add(changes, &change);
}

static void remove_up_to(struct work *work, uint32_t queue, uint64_t seq)
{
    for (uint64_t i = 0; i <= seq; i++)
        if (work->messages[i].queue == queue)
            work->messages[i].is_there = false;
}

static void purge(struct work *work, struct changes *changes)
{
    struct change change = {.kind = CHANGE_QUEUE_PURGED,
                            .queue = rng_below(&work->rng, WORK_QUEUES),
                            .seq = work->seq_max - work->seq_max / 4};

    remove_up_to(work, change.queue, change.seq);
    changes_add(changes, &change);
}

static void remove_queue(struct work *work, struct changes *changes)
{
    struct change change = {.kind = CHANGE_QUEUE_GONE, .queue = rng_below(&work->rng, WORK_QUEUES)};

    remove_up_to(work, change.queue, work->seq_max);
    work->queues[change.queue] = work->counters[change.queue] = 0;
    memset(work->dedups[change.queue], 0, sizeof work->dedups[change.queue]);
    changes_add(changes, &change);
}

static void set_queue(struct work *work, struct changes *changes)
{
    char text[64];
    struct change change = {
        .kind = CHANGE_QUEUE, .queue = rng_below(&work->rng, WORK_QUEUES), .text = text};

    change.text_n = (size_t)snprintf(text, sizeof text, "settings %llu",
                                     (unsigned long long)rng_next(&work->rng));
    work->queues[change.queue] = hash_text(CHANGE_QUEUE, change.queue, text, change.text_n);
    changes_add(changes, &change);
    change = (struct change){.kind = CHANGE_COUNTERS, .queue = change.queue};
    change.counters.sent = rng_next(&work->rng) >> 8;
    work->counters[change.queue] = hash_counters(change.queue, change.counters.sent);
    changes_add(changes, &change);
}

static void remember(struct work *work, struct changes *changes)
{
    unsigned key = rng_below(&work->rng, WORK_KEYS);
    char text[8];
    struct change change = {
        .kind = CHANGE_DEDUP, .queue = rng_below(&work->rng, WORK_QUEUES), .text = text};
    uint64_t *hash = &work->dedups[change.queue][key];

    change.text_n = (size_t)snprintf(text, sizeof text, "key %u", key);
    if (rng_below(&work->rng, 3) == 0) {
        change.kind = CHANGE_DEDUP_GONE;
        *hash = 0;
    } else {
        memset(change.dedup.id, (int)rng_below(&work->rng, 256), sizeof change.dedup.id);
        change.dedup.sequence = rng_next(&work->rng);
        change.dedup.expires_ms = (int64_t)(rng_next(&work->rng) >> 20);
        *hash = hash_dedup(&change);
    }
    changes_add(changes, &change);
}

/* Tasks have few ids here, so that they are changed and end. */
static void set_task(struct work *work, struct changes *changes)
{
    char text[64];
    struct change change = {
        .kind = CHANGE_TASK, .seq = 1 + rng_below(&work->rng, WORK_TASKS), .text = text};
    uint64_t *hash = &work->tasks[change.seq - 1];

    change.text_n =
        (size_t)snprintf(text, sizeof text, "moved %llu", (unsigned long long)rng_next(&work->rng));
    *hash = hash_text(CHANGE_TASK, change.seq, text, change.text_n);
    if (rng_below(&work->rng, 3) == 0) {
        change = (struct change){.kind = CHANGE_TASK_GONE, .seq = change.seq};
        *hash = 0;
    } else if (work->seq_max < change.seq) {
        work->seq_max = change.seq;
    }
    changes_add(changes, &change);
}

static const struct deed {
    void (*add)(struct work *work, struct changes *changes);
    unsigned weight;
} deeds[] = {
    {send, 40},     {set_state, 20}, {delete, 24}, {move, 5},         {set_queue, 4},
    {remember, 10}, {set_task, 4},   {purge, 3},   {remove_queue, 2},
};

static void do_one(struct work *work, struct changes *changes)
{
    unsigned total = 0, at;

    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
        total += deeds[i].weight;
    at = rng_below(&work->rng, total);
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        if (at < deeds[i].weight) {
            deeds[i].add(work, changes);
            return;
        }
        at -= deeds[i].weight;
    }
}

void work_group(struct work *work, struct changes *changes)
{
    unsigned count = 1 + rng_below(&work->rng, 12);

    while (count-- > 0)
        do_one(work, changes);
}

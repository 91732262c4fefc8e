/*
 * The engine and the model side by side: one of each, a map of what a store would have, and the calls that do the same to
 * both and compare what they say. The first difference is kept in words; nothing is done after it.
 */
#ifndef TEST_UNIT_QUEUE_MODEL_WORLD_H
#define TEST_UNIT_QUEUE_MODEL_WORLD_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/engine.h"
#include "test/lib/queue_model.h"
#include "test/unit/queue/store_map.h"

enum {
    HANDLES = 48,
    MOVES = 8,
    ALIASES = 256,
    PENDING = 24,
    RECEIPTS = 65536,
    NAME_PAUSE_S = 60,
    PURGE_PAUSE_S = 60,
    SWEEP_MS = 10000, /* queue/engine_impl.h */
    LATE_MS = 1000,   /* "about 1 s" of queue/engine.h */
};

/* The wall clock when model time is 0. */
#define EPOCH_MS INT64_C(1700000000000)

static const char *const queue_names[MODEL_QUEUES] = {"ash",      "birch",    "cedar",
                                                      "elm.fifo", "fir.fifo", "gum.fifo"};
static const char *const group_names[MODEL_GROUPS] = {NULL, "red", "green", "blue", "grey"};

/* A handle that was given, and what the model knows of it. */
struct given {
    bool is_there;
    struct model_handle handle;
    struct receipt receipt; /* without its payload */
    char text[HANDLE_SIZE];
};

/* An event whose changes are not durable yet, and the world as it was right after it. */
struct pending {
    struct changes changes;
    struct model model;
    int64_t at_ms;
};

struct world {
    struct model m;
    struct engine *engine;
    struct engine_options options;
    struct changes changes;
    struct map map;
    struct pending *pending; /* PENDING of them; NULL: no crashes in this run */
    unsigned pending_count;
    struct model durable; /* as of the last durable event */
    int64_t durable_ms;
    bool is_late_ticker; /* goes to a time in one step, past deadlines */
    unsigned receipts_before_crash;
    uint64_t sequence; /* the newest of a FIFO message */
    int64_t now_ms;
    int64_t offset_ms; /* of the monotonic clock */
    struct poll polls[MODEL_POLLS];
    struct given given[HANDLES];
    unsigned given_next;
    uint64_t generations[RECEIPTS]; /* of the engine, for each receipt of the model */
    uint64_t ids;
    struct {
        uint64_t model, engine;
    } aliases[ALIASES]; /* ids of messages that move tasks made, a ring */
    unsigned alias_next;
    struct {
        uint64_t number;
        char handle[MOVE_HANDLE_SIZE];
    } moves[MOVES];
    unsigned move_next;
    char failure[1024]; /* "": none */
    bool is_tracing;
};

/* ---- what goes wrong ---- */

__attribute__((format(printf, 2, 3))) static bool differ(struct world *w, const char *format, ...)
{
    va_list args;

    if (w->failure[0])
        return false;
    va_start(args, format);
    vsnprintf(w->failure, sizeof w->failure, format, args);
    va_end(args);
    return false;
}

__attribute__((format(printf, 2, 3))) static void trace(const struct world *w, const char *format,
                                                        ...)
{
    va_list args;

    if (!w->is_tracing)
        return;
    fprintf(stderr, "  %8.3f  ", (double)(w->now_ms - EPOCH_MS) / 1000);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* ---- names and numbers ---- */

static struct moment moment_of(const struct world *w)
{
    return (struct moment){.now = {(w->now_ms + w->offset_ms) * 1000000}, .wall_ms = w->now_ms};
}

/* Rounded up: a tick is not before its deadline. */
static int64_t ms_of(const struct world *w, sl_time t)
{
    if (t.ns == INT64_MAX)
        return INT64_MAX;
    return t.ns / 1000000 + (t.ns % 1000000 > 0) - w->offset_ms;
}

static void id_of(uint64_t number, uint8_t id[16])
{
    memset(id, 0x5a, 16);
    memcpy(id, &number, sizeof number);
}

static uint64_t number_of(const uint8_t id[16])
{
    uint64_t number;

    memcpy(&number, id, sizeof number);
    return number;
}

static struct slice arn_of(int queue, char out[128])
{
    int n = snprintf(out, 128, "arn:aws:sqs:us-east-1:000000000000:%s", queue_names[queue]);

    return (struct slice){out, (size_t)n};
}

static int queue_of_arn(const char *arn)
{
    char text[128];

    for (int i = 0; arn && i < MODEL_QUEUES; i++)
        if (slice_is(arn_of(i, text), arn))
            return i;
    return -1;
}

static struct queue *queue_of(const struct world *w, int queue)
{
    return engine_queue_find(w->engine, slice_of(queue_names[queue]));
}

/* ---- answers ---- */

/* Where the message was before these changes; its payload, if they brought it. */
static const struct payload *payload_in(const struct changes *changes, uint64_t *seq)
{
    for (size_t i = changes->count; i-- > 0;) {
        const struct change *change = &changes->items[i];

        if (change->kind == CHANGE_MESSAGE && change->seq == *seq)
            return change->payload;
        if (change->kind == CHANGE_MESSAGE_MOVED && change->new_seq == *seq)
            *seq = change->seq;
    }
    return NULL;
}

/* As a store would load it: after all that it was told. */
static const struct payload *payload_of(const struct world *w, const struct receipt *receipt)
{
    uint64_t seq = receipt->seq;
    const struct payload *payload = receipt->payload;
    const struct map_row *row;

    if (!payload)
        payload = payload_in(&w->changes, &seq);
    for (unsigned i = w->pending_count; !payload && i-- > 0;)
        payload = payload_in(&w->pending[i].changes, &seq);
    if (payload)
        return payload;
    row = map_message(&w->map, seq);
    return row ? row->payload : NULL;
}

/* Ids that a task makes are learned when they are seen first. */
static bool is_id(struct world *w, uint64_t expected, uint64_t engine)
{
    if (!(expected & MODEL_ID_MADE))
        return engine == expected;
    for (unsigned i = 0; i < ALIASES; i++)
        if (w->aliases[i].model == expected)
            return w->aliases[i].engine == engine;
    for (unsigned i = 0; i < ALIASES; i++)
        if (w->aliases[i].engine == engine)
            return false;
    w->aliases[w->alias_next % ALIASES].model = expected;
    w->aliases[w->alias_next++ % ALIASES].engine = engine;
    return true;
}

static struct slice body_of(unsigned content, char out[32])
{
    return (struct slice){out, (size_t)snprintf(out, 32, "this is body %u", content)};
}

static void keep_handle(struct world *w, const struct poll *poll, const struct receipt *receipt,
                        const struct model_receipt *expected)
{
    struct given *given = &w->given[w->given_next++ % HANDLES];

    *given = (struct given){.is_there = true, .receipt = *receipt};
    given->receipt.payload = NULL;
    given->handle.queue = w->m.polls[poll - w->polls].queue;
    given->handle.incarnation = w->m.queues[given->handle.queue].incarnation;
    given->handle.place = expected->place;
    given->handle.receipt = expected->receipt;
    engine_handle(w->engine, poll->queue, receipt, given->text);
    w->generations[expected->receipt % RECEIPTS] = receipt->generation;
}

static bool same_receipt(struct world *w, const struct poll *poll, unsigned i,
                         const struct model_receipt *expected)
{
    const struct receipt *receipt = &poll->receipts[i];
    const struct payload *payload = payload_of(w, receipt);
    uint64_t id = payload ? number_of(payload->head.id) : 0;

    if (!is_id(w, expected->id, id))
        return differ(w, "receipt %u: message %llu, expected %llu", i, (unsigned long long)id,
                      (unsigned long long)expected->id);
    if (receipt->receives != expected->receives)
        return differ(w, "receipt %u: received %u times, expected %u", i, receipt->receives,
                      expected->receives);
    if (receipt->first_received_ms != expected->first_received_ms)
        return differ(w, "receipt %u: first received at %lld, expected %lld", i,
                      (long long)receipt->first_received_ms,
                      (long long)expected->first_received_ms);
    if (queue_of_arn(receipt->origin) != expected->origin)
        return differ(w, "receipt %u: from %s, expected queue %d", i,
                      receipt->origin ? receipt->origin : "-", expected->origin);
    keep_handle(w, poll, receipt, expected);
    return true;
}

static const struct model_answer *expected_answer(const struct world *w, unsigned poll)
{
    for (unsigned i = 0; i < w->m.answer_count; i++)
        if (w->m.answers[i].poll == poll)
            return &w->m.answers[i];
    return NULL;
}

static bool same_answer(struct world *w, struct poll *poll)
{
    unsigned number = (unsigned)(poll - w->polls);
    const struct model_answer *expected = expected_answer(w, number);

    trace(w, "    poll %u: %s, %u messages", number, queue_errors[poll->error].type, poll->count);
    if (!expected)
        return differ(w, "poll %u is answered (error %d, %u messages), and should wait", number,
                      (int)poll->error, poll->count);
    if (poll->error != expected->error || poll->count != expected->count)
        return differ(w, "poll %u: error %d, %u messages, expected error %d, %u messages", number,
                      (int)poll->error, poll->count, (int)expected->error, expected->count);
    for (unsigned i = 0; i < poll->count; i++)
        if (!same_receipt(w, poll, i, &expected->receipts[i]))
            return false;
    return true;
}

static void compare_answers(struct world *w)
{
    unsigned count = 0;
    struct poll *poll;

    while ((poll = engine_answered(w->engine))) {
        count++;
        same_answer(w, poll);
        poll_deinit(poll);
    }
    if (count != w->m.answer_count)
        differ(w, "%u polls are answered, expected %u", count, w->m.answer_count);
    w->m.answer_count = 0;
}

/* ---- what is durable ---- */

static void settle(struct world *w, struct changes *changes)
{
    uint64_t settled[16];
    size_t count = 0;

    for (size_t i = 0; i < changes->count && count < 16; i++)
        if (changes->items[i].kind == CHANGE_MESSAGE)
            settled[count++] = changes->items[i].seq;
    map_apply(&w->map, changes);
    if (w->map.wrong)
        differ(w, "the store is told of %s", w->map.wrong);
    for (size_t i = 0; i < count; i++)
        engine_payload_settled(w->engine, settled[i]);
}

/* All of what is pending is durable. */
static void make_durable(struct world *w)
{
    for (unsigned i = 0; i < w->pending_count; i++) {
        settle(w, &w->pending[i].changes);
        changes_deinit(&w->pending[i].changes);
    }
    if (w->pending_count > 0) {
        w->durable = w->pending[w->pending_count - 1].model;
        w->durable_ms = w->pending[w->pending_count - 1].at_ms;
    }
    w->pending_count = 0;
}

/* An event is over: its changes wait for the disk. */
static void keep_changes(struct world *w)
{
    if (!w->pending) {
        settle(w, &w->changes);
        return;
    }
    if (w->pending_count == PENDING)
        make_durable(w);
    w->pending[w->pending_count].changes = w->changes;
    w->pending[w->pending_count].at_ms = w->now_ms;
    w->pending[w->pending_count++].model = w->m;
    w->changes = (struct changes){.items = NULL};
}

/* ---- how the queues stand ---- */

static void compare_counts(struct world *w, int i)
{
    const struct queue *queue = queue_of(w, i);
    struct model_counts expected = model_counts(&w->m, i);
    struct queue_counts counts;

    if (!queue != !w->m.queues[i].exists)
        differ(w, "%s %s", queue_names[i], queue ? "should not exist" : "should exist");
    if (!queue || w->failure[0])
        return;
    counts = queue_counts(queue);
    if (counts.visible != expected.visible || counts.in_flight != expected.in_flight ||
        counts.delayed != expected.delayed || counts.sent != expected.sent)
        differ(w, "%s: %d visible, %d in flight, %d delayed, %d sent, expected %d, %d, %d, %d",
               queue_names[i], (int)counts.visible, (int)counts.in_flight, (int)counts.delayed,
               (int)counts.sent, (int)expected.visible, (int)expected.in_flight,
               (int)expected.delayed, (int)expected.sent);
    if (counts.created_ms != expected.created_ms || counts.modified_ms != expected.modified_ms ||
        counts.oldest_sent_ms != expected.oldest_sent_ms)
        differ(w, "%s: created %lld, modified %lld, oldest %lld, expected %lld, %lld, %lld",
               queue_names[i], (long long)counts.created_ms, (long long)counts.modified_ms,
               (long long)counts.oldest_sent_ms, (long long)expected.created_ms,
               (long long)expected.modified_ms, (long long)expected.oldest_sent_ms);
}

static bool same_peeked(struct world *w, int queue, const struct peeked *peeked,
                        const struct model_message *expected)
{
    static const enum message_status statuses[] = {
        [MODEL_READY] = MESSAGE_READY,
        [MODEL_DELAYED] = MESSAGE_DELAYED,
        [MODEL_IN_FLIGHT] = MESSAGE_IN_FLIGHT,
    };
    struct receipt receipt = {.seq = peeked->seq, .payload = peeked->payload};
    const struct payload *payload = payload_of(w, &receipt);
    char body[32];
    int64_t hidden_ms =
        expected->status == MODEL_READY ? 0 : expected->state.visible_ms - w->now_ms;

    if (!payload || !is_id(w, expected->id, number_of(payload->head.id)))
        return differ(w, "%s: peeked at message %d, expected %d", queue_names[queue],
                      payload ? (int)number_of(payload->head.id) : 0, (int)expected->id);
    if (!slice_eq(payload_group(payload), slice_of(group_names[expected->group])) ||
        !slice_eq(payload_body(payload), body_of(expected->content, body)) ||
        payload->head.sent_ms != expected->sent_ms)
        return differ(w, "%s: message %d has another body, group or time", queue_names[queue],
                      (int)expected->id);
    if (peeked->status != statuses[expected->status] ||
        sl_dur_ms(peeked->hidden_for) != hidden_ms || peeked->receives != expected->state.receives)
        return differ(w, "%s: message %d: status %d, %lld ms, %u receives; expected %d, %lld, %u",
                      queue_names[queue], (int)expected->id, (int)peeked->status,
                      (long long)sl_dur_ms(peeked->hidden_for), peeked->receives,
                      (int)expected->status, (long long)hidden_ms, expected->state.receives);
    return true;
}

/* The oldest first: by time, then by place. */
static void sort_by_age(const struct model *m, int *messages, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && m->messages[messages[k - 1]].kept_since_ms >
                                        m->messages[messages[k]].kept_since_ms;
             k--) {
            int swapped = messages[k];

            messages[k] = messages[k - 1];
            messages[k - 1] = swapped;
        }
}

static void compare_peek(struct world *w, int queue, size_t max)
{
    struct peeked peeked[MODEL_MESSAGES];
    int expected[MODEL_MESSAGES];
    size_t count, n;

    if (!w->m.queues[queue].exists)
        return;
    model_tick(&w->m, w->now_ms);
    n = model_list(&w->m, queue, expected);
    sort_by_age(&w->m, expected, n);
    count = engine_peek(w->engine, moment_of(w), queue_of(w, queue), peeked, max);
    if (count != (n < max ? n : max))
        differ(w, "%s: peeked at %zu messages, expected %zu of %zu", queue_names[queue], count, n,
               max);
    for (size_t i = 0; i < count; i++) {
        if (!w->failure[0])
            same_peeked(w, queue, &peeked[i], &w->m.messages[expected[i]]);
        payload_unref(peeked[i].payload);
    }
    compare_answers(w);
    keep_changes(w);
}

/* Nothing may come later than it has to. */
static void compare_deadline(struct world *w)
{
    int64_t deadline = ms_of(w, engine_deadline(w->engine));
    int64_t expected = model_deadline(&w->m);

    if (expected < w->now_ms)
        expected = w->now_ms;
    if (deadline > expected)
        differ(w, "deadline is %lld ms late", (long long)(deadline - expected));
}

static void load_payloads(struct world *w)
{
    uint64_t wanted[8];
    size_t n = engine_payload_wanted(w->engine, wanted, 8);

    for (size_t i = 0; i < n; i++) {
        const struct map_row *row = map_message(&w->map, wanted[i]);

        engine_payload_loaded(w->engine, wanted[i],
                              row && wanted[i] % 7 ? payload_ref(row->payload) : NULL);
    }
}

/* After each event. */
static void compare(struct world *w)
{
    compare_answers(w);
    keep_changes(w);
    load_payloads(w);
    for (int i = 0; i < MODEL_QUEUES; i++)
        compare_counts(w, i);
    compare_deadline(w);
}

/* ---- time ---- */

static void tick(struct world *w, int64_t now_ms)
{
    w->now_ms = now_ms;
    trace(w, "tick");
    engine_tick(w->engine, moment_of(w));
    model_tick(&w->m, now_ms);
    compare(w);
}

/* Goes there, stopping at every deadline on the way, or (a server that is late) at none. */
static void go_to(struct world *w, int64_t until_ms)
{
    while (!w->is_late_ticker && !w->failure[0]) {
        int64_t deadline = ms_of(w, engine_deadline(w->engine));

        if (deadline > until_ms)
            break;
        if (deadline < w->now_ms)
            deadline = w->now_ms; /* "at once" */
        tick(w, deadline);
        if (ms_of(w, engine_deadline(w->engine)) <= deadline) {
            differ(w, "a tick at its deadline does not end it");
            break;
        }
    }
    if (!w->failure[0] && (until_ms > w->now_ms || w->is_late_ticker))
        tick(w, until_ms);
}

/* ---- life ---- */

static bool start_engine(struct world *w)
{
    struct store_reader reader;
    int error;

    w->options.facts.epoch++;
    w->options.facts.seq_max = w->map.seq_max;
    w->options.changes = &w->changes;
    w->engine = engine_new(&w->options);
    if (!w->engine)
        return differ(w, "no engine");
    reader = engine_reader(w->engine, moment_of(w));
    error = map_tell(&w->map, &reader);
    if (error)
        return differ(w, "the engine refuses what it wrote: %d", error);
    engine_restored(w->engine, moment_of(w));
    return true;
}

static void world_free(struct world *w)
{
    changes_deinit(&w->changes);
    for (unsigned i = 0; w->pending && i < w->pending_count; i++)
        changes_deinit(&w->pending[i].changes);
    engine_free(w->engine);
    free(w->pending);
    map_deinit(&w->map);
    free(w);
}

#endif

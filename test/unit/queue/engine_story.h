/*
 * Stories about the engine, as tables: a row is a time, an event and the answer that it must have.
 *
 *     {0, CREATE, "q", "VisibilityTimeout=5"},
 *     {0, SEND, "q", "foo"},
 *     {0, RECEIVE, "q", .n = 10, .answer = "foo"},
 *     {4.999, RECEIVE, "q", .n = 10, .answer = ""},
 *     {5, RECEIVE, "q", .n = 10, .answer = "foo"},
 *     {5, DELETE, "q", "foo"},
 *
 * Messages are known by their bodies; a handle by the body that it was received with: "foo" is the newest, "foo#1" the first.
 * An answer that is not given is "ok"; refusals are codes: "InvalidParameterValue". The engine is ticked at all of its
 * deadlines before a row's time, and at that time as well, but for sends (a batch is several of them), DUE and RESTART.
 */
#ifndef TEST_UNIT_QUEUE_ENGINE_STORY_H
#define TEST_UNIT_QUEUE_ENGINE_STORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queue/engine.h"
#include "test/unit/queue/store_map.h"

/* Rows leave out what they do not need. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The wall clock at the start of a story. */
#define STORY_START_MS INT64_C(1700000000000)

enum event {
    CREATE, /* a: queue, b: attributes: "DelaySeconds=5;RedrivePolicy=dead:3" */
    SET,    /* the same of one that is there: those that are not named become defaults */
    DROP,   /* a: queue */
    PURGE,  /* a: queue */
    SEND, /* a: queue, b: "body", "body group" or "body group dedup"; n: delay + 1; "body", or "duplicate of …" */
    RECEIVE,     /* a: queue, n: at most, visibility: + 1; the bodies */
    ATTEMPT,     /* the same with an attempt id: b */
    PARK,        /* a: queue, b: the poll's name, n: how many, wait: seconds */
    ANSWERED,    /* b: the poll; the bodies, or "waits" */
    CANCEL,      /* b: the poll */
    DELETE,      /* a: queue, b: handle */
    CHANGE,      /* a: queue, b: handle, n: seconds */
    RETURN,      /* b: handle */
    UNRECEIVE,   /* b: handle */
    COUNTS,      /* a: queue; "visible/in flight/delayed" */
    PEEK,        /* a: queue; "foo bar(in flight 5) baz(delayed 3)" */
    RECEIVES,    /* b: handle; "times of receiving, origin" */
    MOVE,        /* a: source, b: destination or NULL, n: rate */
    CANCEL_MOVE, /* "moved" */
    MOVES,       /* a: source; "RUNNING 1/3" of each, the newest first */
    DUE,         /* the deadline, in seconds: "5", "never" */
    RESTART,     /* a new engine from what the store has; late writes that were not due are lost */
};

struct row {
    double at;
    enum event event;
    const char *a, *b;
    int64_t n, visibility, wait;
    const char *answer;
};

enum { STORY_HANDLES = 256, STORY_POLLS = 16 };

struct story {
    struct engine *engine;
    struct engine_options options;
    struct changes changes;
    struct map map;
    int64_t now_ms;
    int64_t offset_ms;
    uint64_t ids;
    struct {
        char body[32];
        char text[HANDLE_SIZE];
        struct receipt receipt;
    } handles[STORY_HANDLES];
    unsigned handle_count;
    struct {
        char name[16];
        struct poll poll;
        char answer[512];
    } polls[STORY_POLLS];
    char move[MOVE_HANDLE_SIZE];
    char answer[1024];
};

/* ---- the world of a story ---- */

static struct story story;

static struct moment story_now(void)
{
    return (struct moment){.now = {(story.now_ms - STORY_START_MS + story.offset_ms) * 1000000},
                           .wall_ms = story.now_ms};
}

/* What an event leaves goes to the store at once. */
static void story_settle(void)
{
    for (size_t i = 0; i < story.changes.count; i++)
        assert_false(story.changes.failed);
    map_apply(&story.map, &story.changes);
    if (story.map.wrong)
        fail_msg("the store is told of %s", story.map.wrong);
}

static void story_wake(void)
{
    struct store_reader reader;

    story.options.facts.epoch++;
    story.options.facts.seq_max = story.map.seq_max;
    story.options.changes = &story.changes;
    story.engine = engine_new(&story.options);
    assert_non_null(story.engine);
    reader = engine_reader(story.engine, story_now());
    assert_int_equal(map_tell(&story.map, &reader), 0);
    engine_restored(story.engine, story_now());
    story_settle();
}

/* `options` may be NULL. */
static void story_begin(const struct engine_options *options)
{
    memset(&story, 0, sizeof story);
    story.now_ms = STORY_START_MS;
    story.offset_ms = 1000000;
    if (options)
        story.options = *options;
    story.options.account = "000000000000";
    story.options.region = "us-east-1";
    story.options.seed = 42;
    if (story.options.limits.message_max == 0)
        story.options.limits = queue_limits_strict();
    story_wake();
}

static int story_end(void **state)
{
    (void)state;
    changes_deinit(&story.changes);
    engine_free(story.engine);
    map_deinit(&story.map);
    story.engine = NULL;
    return 0;
}

static struct queue *story_queue(const char *name)
{
    struct queue *queue = engine_queue_find(story.engine, slice_of(name));

    if (!queue)
        fail_msg("there is no queue %s", name);
    return queue;
}

static struct slice story_arn(const char *name, char out[128])
{
    return (struct slice){
        out, (size_t)snprintf(out, 128, "arn:aws:sqs:us-east-1:000000000000:%s", name)};
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    size_t n = strlen(story.answer);
    va_list args;

    va_start(args, format);
    vsnprintf(story.answer + n, sizeof story.answer - n, format, args);
    va_end(args);
}

static void say_error(enum queue_error error)
{
    say("%s", error ? queue_errors[error].code : "ok");
}

/* ---- attributes ---- */

/* "dead:3" is a policy of a queue of that name. */
static void story_attribute(struct settings *settings, struct slice name, const char *value)
{
    char text[256], arn[128], target[64];
    struct queue_refusal refusal;
    unsigned times;

    snprintf(text, sizeof text, "%s", value);
    if (slice_is(name, "RedrivePolicy") && sscanf(value, "%63[^:]:%u", target, &times) == 2)
        snprintf(text, sizeof text,
                 "{\"deadLetterTargetArn\":\"" SLICE_FMT "\",\"maxReceiveCount\":%u}",
                 SLICE_ARG(story_arn(target, arn)), times);
    if (settings_set(settings, &story.options.limits, name, slice_of(text), true, &refusal))
        fail_msg("%s", refusal.text);
}

static size_t story_settings(const char *queue, const char *attributes, struct settings *out,
                             struct slice *given)
{
    static char text[512];
    size_t n = strlen(queue), count = 0;
    char *rest = text, *item;

    settings_init(out, n > 5 && strcmp(queue + n - 5, ".fifo") == 0);
    snprintf(text, sizeof text, "%s", attributes ? attributes : "");
    while ((item = strsep(&rest, ";")) && *item) {
        char *value = strchr(item, '=');

        given[count] = (struct slice){item, (size_t)(value - item)};
        story_attribute(out, given[count++], value + 1);
    }
    return count;
}

static void story_create(const struct row *row)
{
    struct queue_refusal refusal;
    struct settings settings;
    struct slice given[16];
    struct queue *queue;
    size_t count = story_settings(row->a, row->b, &settings, given);

    say_error(engine_queue_create(story.engine, story_now(), slice_of(row->a), &settings, given,
                                  count, NULL, 0, &queue, &refusal));
    settings_deinit(&settings);
}

static void story_set(const struct row *row)
{
    struct queue_refusal refusal;
    struct settings settings;
    struct slice given[16];

    story_settings(row->a, row->b, &settings, given);
    say_error(
        engine_queue_set(story.engine, story_now(), story_queue(row->a), &settings, &refusal));
    settings_deinit(&settings);
}

/* ---- messages ---- */

static const struct payload *story_payload(const struct receipt *receipt)
{
    const struct map_row *row;

    if (receipt->payload)
        return receipt->payload;
    row = map_message(&story.map, receipt->seq);
    assert_non_null(row);
    return row->payload;
}

static const char *story_body_of_id(const uint8_t id[16])
{
    static char body[32];

    for (size_t i = 0; i < story.map.count; i++)
        if (story.map.rows[i].kind == CHANGE_MESSAGE &&
            memcmp(story.map.rows[i].payload->head.id, id, 16) == 0) {
            snprintf(body, sizeof body, SLICE_FMT,
                     SLICE_ARG(payload_body(story.map.rows[i].payload)));
            return body;
        }
    return "a message that is gone";
}

static void story_send(const struct row *row)
{
    char body[64] = "", group[64] = "", dedup[64] = "";
    int words = sscanf(row->b, "%63s %63s %63s", body, group, dedup);
    struct queue_refusal refusal;
    enum queue_error error;
    struct sent sent;
    uint8_t id[16] = {0};

    story.ids++;
    memcpy(id, &story.ids, sizeof story.ids);
    error = engine_send(story.engine, story_now(), story_queue(row->a),
                        &(struct send){.id = id,
                                       .body = slice_of(body),
                                       .group = slice_of(words > 1 ? group : NULL),
                                       .dedup = slice_of(words > 2 ? dedup : NULL),
                                       .delay_s = row->n - 1},
                        &sent, &refusal);
    story_settle();
    if (error == QUEUE_OK && sent.seq == 0)
        say("duplicate of %s", story_body_of_id(sent.id));
    else
        say_error(error);
}

static void story_keep(const struct poll *poll, const struct receipt *receipt)
{
    unsigned i = story.handle_count++;

    assert_true(i < STORY_HANDLES);
    snprintf(story.handles[i].body, sizeof story.handles[i].body, SLICE_FMT,
             SLICE_ARG(payload_body(story_payload(receipt))));
    story.handles[i].receipt = *receipt;
    story.handles[i].receipt.payload = NULL;
    engine_handle(story.engine, poll->queue, receipt, story.handles[i].text);
}

/* "foo" is the newest, "foo#2" the second. -1: there is none. */
static int story_handle(const char *name)
{
    char body[32] = "";
    unsigned number = 0, seen = 0;
    int found = -1;

    sscanf(name, "%31[^#]#%u", body, &number);
    for (unsigned i = 0; i < story.handle_count; i++)
        if (strcmp(story.handles[i].body, body) == 0 && (number == 0 || ++seen == number))
            found = (int)i;
    return found;
}

/* Anything that was not received is a handle of nobody's. */
static struct slice story_handle_text(const char *name)
{
    int i = story_handle(name);

    return slice_of(i < 0 ? name : story.handles[i].text);
}

static void say_answer(struct poll *poll, char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    if (poll->error)
        snprintf(out, size, "%s", queue_errors[poll->error].code);
    for (unsigned i = 0; i < poll->count; i++) {
        n += (size_t)snprintf(out + n, size - n, "%s" SLICE_FMT, i ? " " : "",
                              SLICE_ARG(payload_body(story_payload(&poll->receipts[i]))));
        story_keep(poll, &poll->receipts[i]);
    }
    poll_deinit(poll);
}

/* Answers of polls that waited, and of the one that is asked. */
static void story_collect(void)
{
    struct poll *poll;

    story_settle();
    while ((poll = engine_answered(story.engine)))
        for (int i = 0; i < STORY_POLLS; i++)
            if (poll == &story.polls[i].poll)
                say_answer(poll, story.polls[i].answer, sizeof story.polls[i].answer);
}

/* The poll of that name, or (`is_new`) a free one, which has it from then on. */
static int story_poll(const char *name, bool is_new)
{
    for (int i = 0; i < STORY_POLLS; i++)
        if (strcmp(story.polls[i].name, is_new ? "" : name) == 0) {
            snprintf(story.polls[i].name, sizeof story.polls[i].name, "%s", name);
            return i;
        }
    fail_msg("no poll %s", name);
    return -1;
}

static int story_ask(const struct row *row, const char *name, const char *attempt)
{
    int i = story_poll(name, true);

    strcpy(story.polls[i].answer, "waits");
    story.polls[i].poll = (struct poll){
        .queue = story_queue(row->a),
        .max = row->n ? (unsigned)row->n : 1,
        .visibility_s = row->visibility - 1,
        .until = sl_time_add(story_now().now, sl_sec(row->wait)),
        .attempt_id = slice_of(attempt),
    };
    engine_poll(story.engine, story_now(), &story.polls[i].poll);
    story_collect();
    return i;
}

static void story_receive(const struct row *row, const char *attempt)
{
    int i = story_ask(row, "a receive", attempt);

    say("%s", story.polls[i].answer);
    story.polls[i].name[0] = '\0';
}

static void story_delete(const struct row *row)
{
    struct queue_refusal refusal;

    say_error(engine_delete(story.engine, story_now(), story_queue(row->a),
                            story_handle_text(row->b), &refusal));
}

static void story_change(const struct row *row)
{
    struct queue_refusal refusal;

    say_error(engine_change_visibility(story.engine, story_now(), story_queue(row->a),
                                       story_handle_text(row->b), row->n, &refusal));
}

/* ---- looking ---- */

static void story_counts(const struct row *row)
{
    struct queue_counts counts = queue_counts(story_queue(row->a));

    say("%d/%d/%d", (int)counts.visible, (int)counts.in_flight, (int)counts.delayed);
}

static void story_peek(const struct row *row)
{
    static const char *const statuses[] = {[MESSAGE_READY] = "ready",
                                           [MESSAGE_DELAYED] = "delayed",
                                           [MESSAGE_IN_FLIGHT] = "in flight"};
    struct peeked peeked[16];
    size_t n = engine_peek(story.engine, story_now(), story_queue(row->a), peeked, 16);

    for (size_t i = 0; i < n; i++) {
        struct receipt receipt = {.seq = peeked[i].seq, .payload = peeked[i].payload};

        say("%s" SLICE_FMT, i ? " " : "", SLICE_ARG(payload_body(story_payload(&receipt))));
        if (peeked[i].status != MESSAGE_READY)
            say("(%s %g)", statuses[peeked[i].status], (double)peeked[i].hidden_for.ns / 1e9);
        payload_unref(peeked[i].payload);
    }
}

static void story_receives(const struct row *row)
{
    int i = story_handle(row->b);
    const char *origin;

    assert_true(i >= 0);
    origin = story.handles[i].receipt.origin;
    say("%u", story.handles[i].receipt.receives);
    if (origin)
        say(" from %s", strrchr(origin, ':') + 1);
}

static void story_moves(const struct row *row)
{
    static const char *const statuses[] = {"RUNNING", "COMPLETED", "CANCELLING", "CANCELLED",
                                           "FAILED"};
    struct queue_refusal refusal;
    struct move_task tasks[10];
    size_t count = 0;
    char arn[128];
    enum queue_error error =
        engine_move_list(story.engine, story_arn(row->a, arn), tasks, 10, &count, &refusal);

    if (error)
        say_error(error);
    for (size_t i = 0; i < count; i++) {
        say("%s%s %d/%d", i ? ", " : "", statuses[tasks[i].status], (int)tasks[i].moved,
            (int)tasks[i].to_move);
        if (tasks[i].failure)
            say(" %s", tasks[i].failure);
        assert_int_equal(tasks[i].handle[0] != '\0', tasks[i].status == MOVE_RUNNING);
    }
}

static void story_move(const struct row *row)
{
    char from[128], to[128];
    struct queue_refusal refusal;
    uint8_t id[16] = {0};

    story.ids++;
    memcpy(id, &story.ids, sizeof story.ids);
    say_error(engine_move_start(story.engine, story_now(), story_arn(row->a, from),
                                row->b ? story_arn(row->b, to) : (struct slice){NULL, 0}, row->n,
                                id, story.move, &refusal));
}

static void story_cancel_move(void)
{
    struct queue_refusal refusal;
    uint64_t moved = 0;
    enum queue_error error =
        engine_move_cancel(story.engine, story_now(), slice_of(story.move), &moved, &refusal);

    if (error)
        say_error(error);
    else
        say("%d", (int)moved);
}

static void story_due(void)
{
    sl_time due = engine_deadline(story.engine);

    if (due.ns == INT64_MAX)
        say("never");
    else
        say("%g", (double)(due.ns / 1000000 - story.offset_ms) / 1000);
}

static void story_restart(void)
{
    changes_reset(&story.changes);
    engine_free(story.engine);
    memset(story.polls, 0, sizeof story.polls);
    story.offset_ms += 777;
    story_wake();
}

/* ---- telling it ---- */

static void story_event(const struct row *row)
{
    struct queue_refusal refusal;
    int i;

    switch (row->event) {
    case CREATE:
        story_create(row);
        break;
    case SET:
        story_set(row);
        break;
    case DROP:
        engine_queue_delete(story.engine, story_now(), story_queue(row->a));
        say("ok");
        break;
    case PURGE:
        say_error(engine_queue_purge(story.engine, story_now(), story_queue(row->a), &refusal));
        break;
    case SEND:
        story_send(row);
        break;
    case RECEIVE:
        story_receive(row, NULL);
        break;
    case ATTEMPT:
        story_receive(row, row->b);
        break;
    case PARK:
        i = story_ask(row, row->b, NULL);
        say("%s", strcmp(story.polls[i].answer, "waits") ? story.polls[i].answer : "ok");
        break;
    case ANSWERED:
        i = story_poll(row->b, false);
        say("%s", story.polls[i].answer);
        if (strcmp(story.polls[i].answer, "waits"))
            story.polls[i].name[0] = '\0';
        break;
    case CANCEL:
        i = story_poll(row->b, false);
        engine_poll_cancel(story.engine, &story.polls[i].poll);
        story.polls[i].name[0] = '\0';
        say("ok");
        break;
    case DELETE:
        story_delete(row);
        break;
    case CHANGE:
        story_change(row);
        break;
    case RETURN:
        i = story_handle(row->b);
        assert_true(i >= 0);
        engine_return(story.engine, story_now(), &story.handles[i].receipt);
        say("ok");
        break;
    case UNRECEIVE:
        i = story_handle(row->b);
        assert_true(i >= 0);
        engine_unreceive(story.engine, &story.handles[i].receipt);
        say("ok");
        break;
    case COUNTS:
        story_counts(row);
        break;
    case PEEK:
        story_peek(row);
        break;
    case RECEIVES:
        story_receives(row);
        break;
    case MOVE:
        story_move(row);
        break;
    case CANCEL_MOVE:
        story_cancel_move();
        break;
    case MOVES:
        story_moves(row);
        break;
    case DUE:
        story_due();
        break;
    case RESTART:
        story_restart();
        say("ok");
        break;
    }
}

static void story_tick(int64_t now_ms)
{
    story.now_ms = now_ms;
    engine_tick(story.engine, story_now());
    story_collect();
}

/* As a server does, that is never late. */
static void story_go_to(int64_t until_ms)
{
    for (;;) {
        sl_time due = engine_deadline(story.engine);
        int64_t due_ms = due.ns / 1000000 + (due.ns % 1000000 > 0) - story.offset_ms;

        if (due.ns == INT64_MAX || due_ms + STORY_START_MS >= until_ms)
            break;
        due_ms += STORY_START_MS;
        story_tick(due_ms > story.now_ms ? due_ms : story.now_ms);
    }
    story.now_ms = until_ms;
}

static void story_tell(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t at_ms = STORY_START_MS + (int64_t)(rows[i].at * 1000 + 0.5);

        if (at_ms > story.now_ms)
            story_go_to(at_ms);
        if (rows[i].event != DUE && rows[i].event != RESTART && rows[i].event != SEND)
            story_tick(at_ms);
        story.answer[0] = '\0';
        story_event(&rows[i]);
        story_collect();
        if (strcmp(story.answer, rows[i].answer ? rows[i].answer : "ok") != 0)
            fail_msg("row %zu, at %g s: \"%s\", expected \"%s\"", i, rows[i].at, story.answer,
                     rows[i].answer ? rows[i].answer : "ok");
    }
}

/* A test that is one table. */
#define STORY(name, ...)                                                                           \
    static void name(void **state)                                                                 \
    {                                                                                              \
        static const struct row rows[] = {__VA_ARGS__};                                            \
                                                                                                   \
        (void)state;                                                                               \
        story_begin(NULL);                                                                         \
        story_tell(rows, COUNT(rows));                                                             \
    }

#endif

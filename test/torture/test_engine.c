/*
 * The queue's engine: whatever fails, every message that was accepted and not deleted is there once, and no other. What the
 * engine left as changes is kept as a store would, and a second engine is made from it at the end, unless the list itself
 * failed: then the service ends, and what it had promised is what is checked.
 */
#include <errno.h>
#include <string.h>

#include "queue/engine.h"
#include "test/torture/torture.h"
#include "test/unit/queue/store_map.h"

enum { MESSAGES = 12 };

struct world {
    struct engine_options options;
    struct engine *engine;
    struct changes changes;
    struct map map;
    struct moment at;
    bool is_accepted[MESSAGES], is_deleted[MESSAGES], is_doubtful[MESSAGES];
    bool changes_failed;
    unsigned times_seen[MESSAGES];
};

static struct world world;

/* ---- what the store gets ---- */

static void settle(void)
{
    torture_pause();
    if (world.changes.failed) {
        torture_check(torture_has_failed());
        world.changes_failed = true;
    }
    if (!world.changes_failed) {
        map_apply(&world.map, &world.changes);
        torture_check(!world.map.wrong);
    }
    torture_resume();
    changes_deinit(&world.changes); /* a store takes the storage, too */
}

static void pass(int64_t seconds)
{
    world.at.now = sl_time_add(world.at.now, sl_sec(seconds));
    world.at.wall_ms += 1000 * seconds;
    engine_tick(world.engine, world.at);
    settle();
}

static void begin(void)
{
    memset(&world, 0, sizeof world);
    world.at = (struct moment){{1000000000000}, 1767225600000};
    world.options = (struct engine_options){.account = "000000000000",
                                            .region = "us-east-1",
                                            .limits = queue_limits_strict(),
                                            .changes = &world.changes,
                                            .seed = 7};
}

static bool wake(void)
{
    struct store_reader reader;
    int result;

    world.options.facts.epoch++;
    world.options.facts.seq_max = world.map.seq_max;
    world.engine = engine_new(&world.options);
    torture_check(world.engine || torture_has_failed());
    if (!world.engine)
        return false;
    reader = engine_reader(world.engine, world.at);
    result = map_tell(&world.map, &reader);
    torture_check(result == 0 || (result == -ENOMEM && torture_has_failed()));
    if (result != 0)
        return false;
    engine_restored(world.engine, world.at);
    settle();
    return true;
}

static void end(void)
{
    engine_free(world.engine);
    torture_pause();
    map_deinit(&world.map);
    torture_resume();
    changes_deinit(&world.changes);
}

/* ---- what is done ---- */

static void check_error(enum queue_error error)
{
    torture_check(error == QUEUE_OK || (error == QUEUE_INTERNAL_FAILURE && torture_has_failed()));
}

static struct queue *make(const char *name, const char *policy)
{
    size_t n = strlen(name);
    bool is_fifo = n > 5 && strcmp(name + n - 5, ".fifo") == 0;
    struct queue_tag tags[] = {{SLICE("k"), SLICE("v")}};
    struct queue_refusal refusal;
    struct settings settings;
    struct queue *queue = NULL;
    enum queue_error error = QUEUE_OK;

    settings_init(&settings, is_fifo);
    if (policy)
        error = settings_set(&settings, &world.options.limits, SLICE("RedrivePolicy"),
                             slice_of(policy), true, &refusal);
    check_error(error);
    if (error == QUEUE_OK)
        error = engine_queue_create(world.engine, world.at, slice_of(name), &settings, NULL, 0,
                                    tags, 1, &queue, &refusal);
    check_error(error);
    settings_deinit(&settings);
    settle();
    return error == QUEUE_OK ? queue : NULL;
}

static void send(struct queue *queue, unsigned number, const char *group)
{
    uint8_t id[16] = {(uint8_t)number};
    char body[16];
    struct payload_attribute attribute = {SLICE("n"), SLICE("String"), PAYLOAD_STRING, SLICE("v")};
    struct queue_refusal refusal;
    struct sent sent;
    enum queue_error error;

    snprintf(body, sizeof body, "%u", number);
    error = engine_send(world.engine, world.at, queue,
                        &(struct send){.id = id,
                                       .body = slice_of(body),
                                       .attributes = &attribute,
                                       .attribute_count = 1,
                                       .group = slice_of(group),
                                       .dedup = group ? slice_of(body) : (struct slice){NULL, 0},
                                       .delay_s = number % 4 == 3 ? 5 : -1},
                        &sent, &refusal);
    check_error(error);
    /* What the store did not hear of is not answered with success: it may come or not. */
    world.is_accepted[number] = error == QUEUE_OK && !world.changes.failed;
    world.is_doubtful[number] = error == QUEUE_OK && world.changes.failed;
    settle();
}

static unsigned number_of(const struct receipt *receipt)
{
    struct slice body = payload_body(receipt->payload);
    unsigned number = 0;

    for (size_t i = 0; i < body.n; i++)
        number = number * 10 + (unsigned)(body.p[i] - '0');
    torture_check(number < MESSAGES);
    return number;
}

static void delete (struct queue *queue, const struct receipt *receipt)
{
    char handle[HANDLE_SIZE];
    struct queue_refusal refusal;
    unsigned number = number_of(receipt);
    enum queue_error error;

    engine_handle(world.engine, queue, receipt, handle);
    error = engine_delete(world.engine, world.at, queue, slice_of(handle), &refusal);
    check_error(error);
    if (error == QUEUE_OK && !world.changes.failed)
        world.is_deleted[number] = true;
    else
        world.is_doubtful[number] = true;
    settle();
}

static void change(struct queue *queue, const struct receipt *receipt)
{
    char handle[HANDLE_SIZE];
    struct queue_refusal refusal;

    engine_handle(world.engine, queue, receipt, handle);
    check_error(
        engine_change_visibility(world.engine, world.at, queue, slice_of(handle), 3, &refusal));
    settle();
}

/* One receive; the first is deleted, the second given back, of the third the time is changed. */
static void receive(struct queue *queue, const char *attempt, bool deletes)
{
    struct poll poll = {.queue = queue,
                        .max = 10,
                        .visibility_s = 20,
                        .until = world.at.now,
                        .attempt_id = slice_of(attempt)};

    engine_poll(world.engine, world.at, &poll);
    while (engine_answered(world.engine))
        ;
    settle();
    for (unsigned i = 0; i < poll.count && deletes; i++) {
        if (i == 0)
            delete (queue, &poll.receipts[i]);
        else if (i == 1)
            engine_return(world.engine, world.at, &poll.receipts[i]);
        else if (i == 2)
            change(queue, &poll.receipts[i]);
    }
    settle();
    poll_deinit(&poll);
}

static void wait_and_send(struct queue *queue, unsigned number)
{
    struct poll poll = {.queue = queue,
                        .max = 10,
                        .visibility_s = 20,
                        .until = sl_time_add(world.at.now, sl_sec(20))};
    struct poll *answered;

    engine_poll(world.engine, world.at, &poll);
    answered = engine_answered(world.engine);
    settle();
    send(queue, number, NULL);
    engine_tick(world.engine, world.at);
    if (!answered)
        answered = engine_answered(world.engine);
    if (!answered)
        engine_poll_cancel(world.engine, &poll);
    settle();
    poll_deinit(&poll);
}

static void look(struct queue *queue)
{
    struct peeked peeked[4];
    size_t n = engine_peek(world.engine, world.at, queue, peeked, 4);

    while (n > 0)
        payload_unref(peeked[--n].payload);
    settle();
}

static void tag(struct queue *queue)
{
    struct queue_tag tags[] = {{SLICE("a"), SLICE("1")}, {SLICE("k"), SLICE("2")}};
    struct slice key = SLICE("a");
    struct queue_refusal refusal;

    check_error(engine_queue_tag(world.engine, queue, tags, 2, &refusal));
    settle();
    engine_queue_untag(world.engine, queue, &key, 1);
    settle();
}

static void set(struct queue *queue)
{
    struct queue_refusal refusal;
    struct settings settings;

    if (!settings_copy(&settings, queue_settings(queue))) {
        torture_check(torture_has_failed());
        return;
    }
    settings.visibility_s = 40;
    check_error(engine_queue_set(world.engine, world.at, queue, &settings, &refusal));
    settings_deinit(&settings);
    settle();
}

static void move(const char *from, const char *to)
{
    uint8_t id[16] = {9};
    char handle[MOVE_HANDLE_SIZE];
    struct queue_refusal refusal;
    struct move_task tasks[10];
    size_t count = 0;

    check_error(engine_move_start(world.engine, world.at, slice_of(from), slice_of(to), 0, id,
                                  handle, &refusal));
    settle();
    check_error(engine_move_list(world.engine, slice_of(from), tasks, 10, &count, &refusal));
    pass(1);
    pass(1);
}

/* ---- at the end ---- */

static void see(struct queue *queue)
{
    struct poll poll;

    do {
        poll =
            (struct poll){.queue = queue, .max = 10, .visibility_s = 43200, .until = world.at.now};
        engine_poll(world.engine, world.at, &poll);
        while (engine_answered(world.engine))
            ;
        for (unsigned i = 0; i < poll.count; i++) {
            char handle[HANDLE_SIZE];
            struct queue_refusal refusal;

            world.times_seen[number_of(&poll.receipts[i])]++;
            engine_handle(world.engine, queue, &poll.receipts[i], handle);
            torture_check(engine_delete(world.engine, world.at, queue, slice_of(handle),
                                        &refusal) == QUEUE_OK);
        }
        poll_deinit(&poll);
        changes_reset(&world.changes);
    } while (poll.count > 0);
}

static void check_messages(void)
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        if (world.is_doubtful[i])
            torture_check(world.times_seen[i] <= 1);
        else
            torture_check(world.times_seen[i] == (world.is_accepted[i] && !world.is_deleted[i]));
    }
}

/* Nothing fails any more: whatever is there comes, out of this engine or one made from the store. */
static void collect(bool from_store)
{
    torture_pause();
    if (from_store && world.changes_failed) {
        torture_resume();
        return;
    }
    if (from_store) {
        engine_flush(world.engine);
        settle();
        engine_free(world.engine);
        world.engine = NULL;
        torture_check(wake());
    }
    pass(40000);
    for (int round = 0; round < 2; round++) /* a receive may move messages to a queue before it */
        for (struct queue *q = engine_queue_from(world.engine, SLICE("")); q;
             q = engine_queue_next(world.engine, q))
            see(q);
    check_messages();
    torture_resume();
}

/* ---- scenarios ---- */

static void standard(bool from_store)
{
    struct queue *dead, *queue;

    begin();
    if (wake()) {
        dead = make("dead", NULL);
        queue = make("q", dead ? "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:"
                                 "dead\",\"maxReceiveCount\":1}"
                               : NULL);
        for (unsigned i = 0; queue && i < 6; i++)
            send(queue, i, i == 5 ? "tenant" : NULL);
        if (queue) {
            receive(queue, NULL, true);
            tag(queue);
            pass(6);
            wait_and_send(queue, 6);
            set(queue);
            look(queue);
            pass(30);
            if (dead)
                send(dead, 8, NULL); /* what comes to it from q is older */
            receive(queue, NULL, true);
            pass(30);
            receive(queue, NULL, false);
        }
        if (queue && dead) {
            look(dead);
            move("arn:aws:sqs:us-east-1:000000000000:dead", NULL);
            receive(queue, NULL, true);
        }
        collect(from_store);
    }
    end();
}

static void fifo(bool from_store)
{
    struct queue *dead, *queue;

    begin();
    if (wake()) {
        dead = make("dead.fifo", NULL);
        queue = make("q.fifo", dead ? "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:"
                                      "000000000000:dead.fifo\",\"maxReceiveCount\":1}"
                                    : NULL);
        for (unsigned i = 0; queue && i < 6; i++)
            send(queue, i, i % 2 ? "g" : "h");
        if (queue) {
            receive(queue, "again", true);
            receive(queue, "again", false);
            pass(30);
            receive(queue, NULL, true);
            pass(30);
            receive(queue, NULL, false);
            pass(30);
            receive(queue, NULL, true);
        }
        if (queue && dead)
            move("arn:aws:sqs:us-east-1:000000000000:dead.fifo",
                 "arn:aws:sqs:us-east-1:000000000000:q.fifo");
        collect(from_store);
    }
    end();
}

static void standard_alive(void)
{
    standard(false);
}

static void standard_restored(void)
{
    standard(true);
}

static void fifo_alive(void)
{
    fifo(false);
}

static void fifo_restored(void)
{
    fifo(true);
}

/* The store's rows are read while memory ends. */
static void restoring(void)
{
    struct queue *queue;

    begin();
    torture_pause();
    torture_check(wake());
    torture_check(make("dead", NULL));
    queue = make("q", "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\","
                      "\"maxReceiveCount\":1}");
    for (unsigned i = 0; i < 6; i++)
        send(queue, i, i == 5 ? "tenant" : NULL);
    receive(queue, NULL, true);
    pass(60);
    receive(queue, NULL, false);
    move("arn:aws:sqs:us-east-1:000000000000:dead", "arn:aws:sqs:us-east-1:000000000000:q");
    engine_flush(world.engine);
    settle();
    engine_free(world.engine);
    torture_resume();
    if (wake())
        collect(false);
    end();
}

TORTURE_MAIN({"standard queues", standard_alive}, {"standard queues, restored", standard_restored},
             {"FIFO queues", fifo_alive}, {"FIFO queues, restored", fifo_restored},
             {"restoring", restoring})

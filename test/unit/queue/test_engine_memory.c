/*
 * Every allocation of the engine fails in turn, in a walk through all that it does. It has to refuse, or to go on as if
 * nothing had happened; its counts have to fit what can be looked at; and what it got it must give back. malloc is this
 * file's own here; with a sanitizer it is its, and this test has nothing to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include <sluice/base.h>

#include "queue/engine.h"
#include "test/lib/failing.h"

#ifdef FAILS_IN_TURN
/* OpenSSL's own do not fail: core/digest.h and core/md5.h end the process then. */
static void *crypto_malloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return __libc_malloc(n);
}

static void *crypto_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return __libc_realloc(p, n);
}

static void crypto_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    __libc_free(p);
}

static void spare_openssl(void)
{
    assert_int_equal(CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free), 1);
}
#else
static void spare_openssl(void)
{
}
#endif

/* ---- the walk ---- */

enum { POLLS = 4, GIVEN = 64 };

struct walk {
    struct engine *engine;
    struct changes changes;
    struct moment at;
    struct queue *q, *dead, *fifo;
    struct poll polls[POLLS];
    struct {
        struct queue *queue;
        char text[HANDLE_SIZE];
    } given[GIVEN];
    unsigned given_count, ids;
    unsigned messages; /* of each queue: tables grow at different moments */
    struct queue_refusal refusal;
};

static void collect(struct walk *w)
{
    struct poll *poll;

    while ((poll = engine_answered(w->engine))) {
        for (unsigned i = 0; i < poll->count; i++) {
            unsigned k = w->given_count++ % GIVEN;

            w->given[k].queue = poll->queue;
            engine_handle(w->engine, poll->queue, &poll->receipts[i], w->given[k].text);
        }
        poll_deinit(poll);
    }
    changes_reset(&w->changes);
}

/* What can be counted can be looked at. */
static void assert_whole(struct walk *w, struct queue *queue)
{
    struct queue_counts counts;
    struct peeked peeked[64];
    size_t n;
    bool was = counting;

    if (!queue)
        return;
    counting = false; /* looking may fail too, and sees less then */
    n = engine_peek(w->engine, w->at, queue, peeked, 64);
    counts = queue_counts(queue);
    assert_int_equal(counts.visible + counts.in_flight + counts.delayed, n);
    while (n > 0)
        payload_unref(peeked[--n].payload);
    counting = was;
}

static struct queue *create(struct walk *w, const char *name, const char *redrive)
{
    struct queue_tag tag = {SLICE("key"), SLICE("value")};
    size_t n = strlen(name);
    struct queue_limits limits = queue_limits_strict();
    struct queue *queue = NULL;
    struct settings settings;

    settings_init(&settings, n > 5 && strcmp(name + n - 5, ".fifo") == 0);
    if (redrive)
        SL_IGNORE(settings_set(&settings, &limits, SLICE("RedrivePolicy"), slice_of(redrive), true,
                               &w->refusal));
    SL_IGNORE(engine_queue_create(w->engine, w->at, slice_of(name), &settings, NULL, 0, &tag, 1,
                                  &queue, &w->refusal));
    settings_deinit(&settings);
    collect(w);
    return queue;
}

static void send(struct walk *w, struct queue *queue, const char *group)
{
    char body[32], dedup[32];
    uint8_t id[16] = {0};
    struct sent sent;

    if (!queue)
        return;
    w->ids++;
    memcpy(id, &w->ids, sizeof w->ids);
    snprintf(body, sizeof body, "body %u", w->ids);
    snprintf(dedup, sizeof dedup, "id %u", w->ids);
    if (engine_send(w->engine, w->at, queue,
                    &(struct send){.id = id,
                                   .body = slice_of(body),
                                   .group = slice_of(group),
                                   .dedup = slice_of(dedup),
                                   .delay_s = -1},
                    &sent, &w->refusal) == QUEUE_OK)
        engine_payload_settled(w->engine, sent.seq);
    assert_whole(w, queue);
    collect(w);
}

static void receive(struct walk *w, struct queue *queue, const char *attempt)
{
    static struct poll poll;

    if (!queue)
        return;
    poll =
        (struct poll){.queue = queue, .max = 3, .visibility_s = 5, .attempt_id = slice_of(attempt)};
    engine_poll(w->engine, w->at, &poll);
    collect(w);
    assert_whole(w, queue);
}

static void use_handles(struct walk *w)
{
    for (unsigned i = 0; i < w->given_count && i < GIVEN; i++) {
        struct slice text = slice_of(w->given[i].text);

        if (i % 3 == 0)
            SL_IGNORE(engine_delete(w->engine, w->at, w->given[i].queue, text, &w->refusal));
        else if (i % 3 == 1)
            SL_IGNORE(engine_change_visibility(w->engine, w->at, w->given[i].queue, text, 0,
                                               &w->refusal));
        collect(w);
        assert_whole(w, w->given[i].queue);
    }
    w->given_count = 0;
}

static void pass(struct walk *w, int64_t seconds)
{
    w->at.now.ns += seconds * 1000000000;
    w->at.wall_ms += seconds * 1000;
    engine_tick(w->engine, w->at);
    collect(w);
}

static void move(struct walk *w)
{
    char handle[MOVE_HANDLE_SIZE];
    uint64_t moved;

    SL_IGNORE(engine_move_start(w->engine, w->at, slice_of("arn:aws:sqs:r:a:dead"),
                                (struct slice){NULL, 0}, 1, (const uint8_t *)"0123456789abcdef",
                                handle, &w->refusal));
    pass(w, 0);
    assert_whole(w, w->dead);
    assert_whole(w, w->q);
    pass(w, 2);
    SL_IGNORE(engine_move_cancel(w->engine, w->at, slice_of(handle), &moved, &w->refusal));
    pass(w, 1);
}

static void go_through_all(struct walk *w)
{
    static const char *const groups[] = {"red", "green", "blue", NULL};

    w->dead = create(w, "dead", NULL);
    w->q =
        create(w, "q", "{\"deadLetterTargetArn\":\"arn:aws:sqs:r:a:dead\",\"maxReceiveCount\":1}");
    w->fifo = create(w, "f.fifo", NULL);
    for (unsigned i = 0; i < w->messages; i++) {
        send(w, w->q, groups[i % 4]);
        send(w, w->fifo, groups[i % 3]);
    }
    for (unsigned i = 0; i < 5; i++) {
        receive(w, w->q, NULL);
        receive(w, w->fifo, i % 2 ? "try" : NULL);
    }
    use_handles(w);
    pass(w, 6);
    for (unsigned i = 0; i < 5; i++)
        receive(w, w->q, NULL);
    move(w);
    if (w->q) {
        struct queue_tag tag = {SLICE("other"), SLICE("value")};

        SL_IGNORE(engine_queue_tag(w->engine, w->q, &tag, 1, &w->refusal));
        SL_IGNORE(engine_queue_set(w->engine, w->at, w->q, queue_settings(w->q), &w->refusal));
        SL_IGNORE(engine_queue_purge(w->engine, w->at, w->q, &w->refusal));
        engine_queue_delete(w->engine, w->at, w->q);
    }
    collect(w);
    pass(w, 400);
}

static void walk(bool has_store, unsigned messages)
{
    static struct walk w;

    memset(&w, 0, sizeof w);
    w.messages = messages;
    w.at = (struct moment){.now = {1000000000}, .wall_ms = 1700000000000};
    w.engine = engine_new(&(struct engine_options){
        .account = "a",
        .region = "r",
        .limits = queue_limits_strict(),
        .facts = {.epoch = 1, .keeps_payloads = has_store},
        .changes = has_store ? &w.changes : NULL,
        .payload_bytes_max = 200,
    });
    if (w.engine)
        go_through_all(&w);
    engine_free(w.engine);
    changes_deinit(&w.changes);
}

/* Returns how many there are. */
static int fail_each(bool has_store, unsigned messages)
{
    walk(has_store, messages); /* what others keep for good is had by then */
    for (fail_at = 1;; fail_at++) {
        allocations = held = 0;
        counting = true;
        walk(has_store, messages);
        counting = false;
        if (held != 0)
            fail_msg("%u messages, allocation %d, %s a store: %d are not given back", messages,
                     fail_at, has_store ? "with" : "without", held);
        if (allocations < fail_at)
            return fail_at - 1;
    }
}

static void every_allocation_fails_in_turn(void **state)
{
    int n = 0;

    (void)state;
    if (!CAN_FAIL)
        skip();
    spare_openssl();
    for (unsigned messages = 6; messages < 16; messages++)
        n += fail_each(false, messages) + fail_each(true, messages);
    print_message("%d allocations failed in turn\n", n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_fails_in_turn)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

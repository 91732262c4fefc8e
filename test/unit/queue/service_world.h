/*
 * A queue's service in a virtual world, and clients that are told in one line what to ask and what they must hear:
 *
 *     says(w, "SendMessage", "{@q,'MessageBody':'foo'}", "200 {*'MessageId':'*'}");
 *
 * Quotes are single ones here, in what is sent and in what is heard. @q is the member QueueUrl of the queue q, $1 to $9 are the
 * receipt handles of the last answer that had any. An operation "?PATH?QUERY" is asked for in the Query protocol. What is
 * heard is the status, a blank, and the body, in which '*' is anything; "cut" is a connection that was closed, and "" no answer
 * yet.
 *
 * The store is that in memory, or a *disk*, which keeps payloads, writes and reads when it is told to, fails when it is told
 * to, and is there again after a restart.
 */
#ifndef TEST_UNIT_QUEUE_SERVICE_WORLD_H
#define TEST_UNIT_QUEUE_SERVICE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include <sluice/task.h>

#include "core/sigv4.h"
#include "core/strbuf.h"
#include "ops/log.h"
#include "queue/service.h"
#include "sim/virtual.h"
#include "test/unit/queue/service_disk.h"

/* Scenes leave out what they do not need. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define expect(x)    sl_assert(x)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { ASKED_MAX = 400, HANDLES_MAX = 10 };

struct world;

/* A request, and what came of it. */
struct asked {
    struct world *world;
    struct queue_call *call; /* while it wants to hear of the end */
    bool is_query;
    bool is_deaf;  /* nothing of the exchange can be watched */
    bool is_gone;  /* the client */
    bool is_slow;  /* the answer is under way until arrives() */
    bool is_long;  /* asked to be told when the client leaves */
    int status;    /* 0: none yet; -1: cut */
    unsigned ends; /* replies and cuts */
    char target[64];
    char error[96]; /* x-amzn-query-error */
    struct strbuf path, body, answer;
};

struct world {
    struct sl_ctx *ctx;
    struct queue_service_config config;
    struct queue_service *service;
    struct disk *disk; /* NULL: in memory */
    struct map map;
    uint32_t epoch;
    struct asked asked[ASKED_MAX];
    size_t asked_count;
    char handles[HANDLES_MAX][64];
    size_t handle_count;
    /* of the requests that follow */
    const char *method, *host, *content_type;
    const struct sigv4_header *extra;
    size_t extra_count;
    bool next_is_deaf, next_is_slow, next_has_no_target;
    bool ends_abruptly; /* without waiting for what the disk has to do */
};

/* ---- the client's end ---- */

static struct slice client_header(void *of, const char *name)
{
    const struct asked *a = of;

    if (strcmp(name, "X-Amz-Target") == 0)
        return slice_of(a->target[0] ? a->target : NULL);
    if (strcmp(name, "Content-Type") == 0)
        return slice_of(a->world->content_type);
    return strcmp(name, "Host") == 0 ? slice_of(a->world->host) : (struct slice){NULL, 0};
}

static void
client_headers(void *of, bool (*visit)(void *arg, struct slice name, struct slice value), void *arg)
{
    const struct asked *a = of;
    const struct world *w = a->world;
    bool goes_on = visit(arg, SLICE("Host"), slice_of(w->host));

    if (goes_on && a->target[0])
        goes_on = visit(arg, SLICE("X-Amz-Target"), slice_of(a->target));
    for (size_t i = 0; goes_on && i < w->extra_count; i++)
        goes_on = visit(arg, w->extra[i].name, w->extra[i].value);
}

/* The answer has come, or got lost. */
static inline void arrives(struct asked *a, bool delivered)
{
    if (a->call)
        queue_call_completed(SL_TAKE(a->call), delivered);
}

static void take_handles(struct asked *a)
{
    static const char key[] = "'ReceiptHandle':'";
    struct world *w = a->world;
    const char *at = a->answer.p;
    size_t n = 0;

    for (; at && (at = strstr(at, key)) && n < HANDLES_MAX; n++) {
        at += sizeof key - 1;
        snprintf(w->handles[n], sizeof w->handles[n], "%.*s", (int)strcspn(at, "'"), at);
        w->handle_count = n + 1;
    }
}

static void over(struct asked *a, int status)
{
    expect(a->ends++ == 0);
    a->status = status;
    if (!a->is_slow)
        arrives(a, !a->is_gone);
}

static void client_reply(void *of, int status, const struct http_header *headers, size_t count,
                         struct slice body)
{
    struct asked *a = of;

    expect(count >= 2 && slice_is(headers[1].name, "x-amzn-RequestId") && headers[1].value.n == 36);
    if (count == 3)
        snprintf(a->error, sizeof a->error, SLICE_FMT, SLICE_ARG(headers[2].value));
    strbuf_addf(&a->answer, "%d ", status);
    for (size_t i = 0; i < body.n; i++)
        strbuf_addc(&a->answer, body.p[i] == '"' ? '\'' : body.p[i]);
    take_handles(a);
    over(a, status);
}

static void client_cut(void *of)
{
    strbuf_adds(&((struct asked *)of)->answer, "cut");
    over(of, -1);
}

static bool client_watch(void *of, struct queue_call *call, bool waits)
{
    struct asked *a = of;

    if (a->is_deaf)
        return false;
    a->call = call;
    a->is_long = waits;
    return true;
}

static bool client_is_there(void *of)
{
    return !((const struct asked *)of)->is_gone;
}

static const struct queue_caller_ops client_ops = {client_header, client_headers, client_reply,
                                                   client_cut,    client_watch,   client_is_there};

/* ---- asking ---- */

/* What is written short is written out. */
static void expand(const struct world *w, const char *text, struct strbuf *out)
{
    for (; *text; text++) {
        size_t n = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz.-_");
        size_t number = (size_t)(text[1] - '1');

        if (*text == '\'') {
            strbuf_addc(out, '"');
        } else if (*text == '@' && n > 0) {
            strbuf_addf(out, "\"QueueUrl\":\"http://h/000000000000/%.*s\"", (int)n, text + 1);
            text += n;
        } else if (*text == '$' && number < 9) {
            strbuf_adds(out, w->handles[number]);
            text++;
        } else {
            strbuf_addc(out, *text);
        }
    }
}

static inline struct asked *ask(struct world *w, const char *operation, const char *body)
{
    struct asked *a = &w->asked[w->asked_count++];
    struct queue_request request = {.method = w->method, .path = SLICE("/")};

    expect(w->asked_count <= ASKED_MAX);
    *a = (struct asked){.world = w,
                        .is_query = *operation == '?',
                        .is_deaf = w->next_is_deaf,
                        .is_slow = w->next_is_slow};
    expand(w, body, &a->body);
    request.body = strbuf_slice(&a->body);
    if (a->is_query) {
        size_t n = strcspn(operation + 1, "?");

        strbuf_adds(&a->path, operation + 1);
        request.path = (struct slice){a->path.p, n};
        if (a->path.p[n])
            request.query = slice_of(a->path.p + n + 1);
    } else if (!w->next_has_no_target) {
        snprintf(a->target, sizeof a->target, strchr(operation, '.') ? "%s" : "AmazonSQS.%s",
                 operation);
    }
    w->next_is_deaf = w->next_is_slow = w->next_has_no_target = false;
    queue_service_take(w->service, (struct queue_caller){&client_ops, a}, &request);
    return a;
}

/* The client leaves. */
static inline void leaves(struct asked *a)
{
    a->is_gone = true;
    if (a->call && a->is_long && a->ends == 0)
        queue_call_gone(a->call);
}

/* '*' in the pattern is anything. */
static bool is_like(const char *text, const char *pattern)
{
    const char *star = NULL, *from = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static void hears_at(const struct asked *a, const char *pattern, int line)
{
    const char *answer = a->answer.p ? a->answer.p : "";

    if (!is_like(answer, pattern)) {
        fprintf(stderr, "line %d: %s " SLICE_FMT "\n  heard    %s\n  expected %s\n", line,
                a->target, SLICE_ARG(strbuf_slice(&a->body)), answer, pattern);
        abort();
    }
}

/* With a disk: once it has turned. */
static inline struct asked *settled(struct asked *a)
{
    if (a->world->disk && a->ends == 0)
        disk_turns(a->world->disk);
    return a;
}

#define hears(a, pattern) hears_at((a), (pattern), __LINE__)
#define says(w, operation, body, pattern)                                                          \
    hears_at(settled(ask((w), (operation), (body))), (pattern), __LINE__)

/* A table of requests and their answers, in this order. */
struct line {
    const char *operation, *body, *answer;
};

static inline void says_all(struct world *w, const struct line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hears_at(settled(ask(w, lines[i].operation, lines[i].body)), lines[i].answer, (int)i);
}

static inline void pass(struct world *w, sl_dur time)
{
    (void)w;
    SL_IGNORE(sl_sleep(NULL, time));
}

/* How a queue stands: "visible/in flight/delayed". */
static inline void stands(struct world *w, const char *queue, const char *expected)
{
    struct queue_counts counts;
    char text[64];

    expect(queue_service_counts(w->service, queue, &counts));
    snprintf(text, sizeof text, "%u/%u/%u", (unsigned)counts.visible, (unsigned)counts.in_flight,
             (unsigned)counts.delayed);
    if (strcmp(text, expected) != 0)
        fprintf(stderr, "%s: %s and not %s\n", queue, text, expected);
    expect(strcmp(text, expected) == 0);
}

/* ---- the world ---- */

static const struct queue_plan world_queues[] = {
    {.name = "q", .visibility = {-1}, .delay = {-1}},
    {.name = "q.fifo", .visibility = {-1}, .delay = {-1}},
    {.name = "r", .visibility = {-1}, .delay = {-1}, .dead_letter = "dead", .max_receives = 1},
    {.name = "dead", .visibility = {-1}, .delay = {-1}},
};

static void world_wakes(struct world *w, bool has_disk)
{
    struct problem problem;
    struct store *store;

    problem_init(&problem);
    if (has_disk)
        store = disk_open(&w->disk, &w->map, ++w->epoch);
    else
        expect(store_memory_open(&store) == 0);
    if (!w->config.queues) {
        w->config.queues = world_queues;
        w->config.queue_count = COUNT(world_queues);
    }
    expect(queue_service_new(&w->service, store, &w->config, &problem) == 0);
    problem_deinit(&problem);
}

/* Everybody has an answer then, unless it ends abruptly. Returns what the service ends with. */
static int world_sleeps(struct world *w)
{
    int result = 0;

    queue_service_stop(w->service);
    if (w->ends_abruptly)
        result = queue_service_free(w->service, w->ctx);
    else if (w->disk)
        disk_turns(w->disk);
    for (size_t i = 0; i < w->asked_count; i++) {
        struct asked *a = &w->asked[i];

        if (!w->ends_abruptly) {
            arrives(a, true);
            expect(a->ends == 1);
        }
        strbuf_deinit(&a->path);
        strbuf_deinit(&a->body);
        strbuf_deinit(&a->answer);
    }
    w->asked_count = 0;
    if (!w->ends_abruptly)
        result = queue_service_free(w->service, w->ctx);
    w->disk = NULL;
    return result;
}

/* With a disk: the service ends, and another one begins with what is on it. */
static inline void world_restarts(struct world *w)
{
    expect(world_sleeps(w) == 0);
    world_wakes(w, true);
}

/* ---- payloads that only the disk has ---- */

enum { WORLD_Q = 1, WORLD_DEAD = 3 }; /* queues as the store knows them */

static inline struct payload *disk_payload(uint64_t seq, struct slice body)
{
    static const struct payload_attribute attribute = {SLICE_INIT("a"), SLICE_INIT("String"),
                                                       PAYLOAD_STRING, SLICE_INIT("v")};
    uint8_t id[16] = {(uint8_t)seq};

    return payload_new(&(struct payload_source){.id = id,
                                                .sent_ms = sl_wall_ms(),
                                                .body = body,
                                                .attributes = &attribute,
                                                .attribute_count = 1});
}

static inline void disk_adds(struct world *w, uint32_t queue, struct slice body)
{
    uint64_t seq = w->map.seq_max + 1;
    struct changes changes = {0};

    changes_add(&changes, &(struct change){.kind = CHANGE_MESSAGE,
                                           .seq = seq,
                                           .queue = queue,
                                           .payload = disk_payload(seq, body)});
    expect(!changes.failed);
    map_apply(&w->map, &changes);
    changes_deinit(&changes);
}

/* A restart after which the engine has no room: four messages that fill all of its 64 MiB wait in the queue dead, a fifth
 * behind them, and then, on the disk alone, in q one for each letter of `bodies`. The disk is slow from here on. */
static inline void world_restarts_full(struct world *w, const char *bodies)
{
    struct payload *empty = disk_payload(1, SLICE(""));
    size_t n = (16 << 20) - empty->size;
    char *big = calloc(1, n);

    payload_unref(empty);
    expect(big && world_sleeps(w) == 0);
    for (int i = 0; i < 5; i++)
        disk_adds(w, WORLD_DEAD, (struct slice){big, n});
    for (; *bodies; bodies++)
        disk_adds(w, WORLD_Q, (struct slice){bodies, 1});
    free(big);
    world_wakes(w, true);
    stands(w, "dead", "5/0/0");
    w->disk->is_slow = true;
}

struct scene {
    void (*play)(struct world *w);
    struct queue_service_config config;
    bool has_disk;
    int result; /* that the service ends with */
};

static int scene_run(struct sl_ctx *ctx, void *arg)
{
    const struct scene *scene = arg;
    static struct world w;

    w = (struct world){
        .ctx = ctx, .config = scene->config, .method = "POST", .host = "localhost:9324"};
    if (w.config.seed == 0)
        w.config.seed = 1;
    world_wakes(&w, scene->has_disk);
    scene->play(&w);
    expect(world_sleeps(&w) == scene->result);
    map_deinit(&w.map);
    return 0;
}

static void scene_play(struct scene scene)
{
    log_open(-1, LOG_TEXT, LOG_ERROR);
    assert_int_equal(sl_virtual_run(&(struct sl_virtual_options){.seed = 7}, scene_run, &scene), 0);
}

/* SCENE(name) { … w … } is a test, SCENE(name, .has_disk = true) { … } one with a field of struct scene. */
#define SCENE(...) SCENE_(__VA_ARGS__, )
#define SCENE_(name, ...)                                                                          \
    static void name##_plays(struct world *w);                                                     \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        scene_play((struct scene){.play = name##_plays, __VA_ARGS__});                             \
    }                                                                                              \
    static void name##_plays(struct world *w)

#endif

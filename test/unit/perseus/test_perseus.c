/* The reference receiver: what it takes, what it refuses, what it remembers, how it can be made to misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include <sluice/task.h>

#include "core/md5.h"
#include "io/http.h"
#include "perseus/memory.h"
#include "perseus/perseus.h"

#define expect(x) sl_assert(x)

struct world {
    struct sl_ctx *ctx;
    struct perseus *perseus;
    struct http_client *client;
    struct http_answer answer;
    const char *ledger;
};

struct setting {
    struct perseus_config config;
    void (*test)(struct world *);
};

static int in_world(struct sl_ctx *ctx, void *arg)
{
    const struct setting *setting = arg;
    struct world w = {.ctx = ctx, .ledger = setting->config.ledger};
    struct problem problem;

    problem_init(&problem);
    expect(perseus_start(&w.perseus, ctx, &setting->config, &problem) == 0);
    expect(http_client_new(&w.client, ctx, NULL) == 0);
    http_answer_init(&w.answer);
    setting->test(&w);
    expect(perseus_stop(w.perseus, ctx, NULL) == 0);
    http_answer_deinit(&w.answer);
    http_client_free(w.client);
    problem_deinit(&problem);
    return 0;
}

static void run(const struct setting *setting)
{
    assert_int_equal(sl_run(in_world, (void *)(uintptr_t)setting), 0);
}

/* ---- batches ---- */

static void add_record(struct strbuf *body, const char *id, const char *text)
{
    char md5[MD5_HEX_SIZE];

    md5_hex(slice_of(text), md5);
    strbuf_addf(body,
                "%s{\"messageId\":\"%s\",\"receiptHandle\":\"r\",\"body\":\"%s\",\"attributes\":{"
                "\"SentTimestamp\":\"1\"},"
                "\"messageAttributes\":{},\"md5OfBody\":\"%s\",\"eventSource\":\"aws:sqs\","
                "\"eventSourceARN\":\"arn\","
                "\"awsRegion\":\"local\"}",
                body->n > 12 ? "," : "", id, text, md5);
}

/* Events with these ids, up to NULL. */
static void fill(struct strbuf *body, const char *const *ids)
{
    strbuf_reset(body);
    strbuf_adds(body, "{\"Records\":[");
    for (; *ids; ids++)
        add_record(body, *ids, "hello");
    strbuf_adds(body, "]}");
}

struct post {
    const char *path, *type, *key, *count;
    struct slice body;
};

static int send_to(struct world *w, struct http_answer *answer, struct post p)
{
    struct http_header headers[3];
    size_t n = 0;
    char url[100];

    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", perseus_port(w->perseus),
             p.path ? p.path : "/batch");
    headers[n++] =
        (struct http_header){SLICE("Content-Type"), slice_of(p.type ? p.type : "application/json")};
    if (p.key)
        headers[n++] = (struct http_header){SLICE("Idempotency-Key"), slice_of(p.key)};
    if (p.count)
        headers[n++] = (struct http_header){SLICE("Sluice-Batch-Count"), slice_of(p.count)};
    http_perform(
        w->client, w->ctx,
        &(struct http_request){.url = url, .headers = headers, .header_count = n, .body = p.body},
        answer);
    expect(answer->failure == HTTP_COMPLETE);
    return answer->status;
}

static int post(struct world *w, const char *key, const char *const *ids)
{
    struct strbuf body = {.p = NULL};
    int status;

    fill(&body, ids);
    status = send_to(w, &w->answer, (struct post){.key = key, .body = strbuf_slice(&body)});
    strbuf_deinit(&body);
    return status;
}

static bool answered(struct world *w, const char *text)
{
    return slice_is(strbuf_slice(&w->answer.body), text);
}

#define IDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE     "{\"batchItemFailures\":[]}"

/* ---- what it takes and remembers ---- */

static void takes(struct world *w)
{
    const struct perseus_stats *stats = perseus_stats(w->perseus);

    expect(post(w, "k1", IDS("a", "b", "c")) == 200 && answered(w, NONE));
    expect(slice_is(http_answer_header(&w->answer, "content-type"), "application/json"));
    expect(stats->requests == 1 && stats->batches == 1 && stats->events == 3 &&
           stats->distinct == 3);
    expect(stats->duplicates == 0 && stats->bytes > 600);

    expect(post(w, "k1", IDS("a", "b", "c")) == 200 &&
           answered(w, NONE)); /* repeated: not counted */
    expect(stats->repeated == 1 && stats->events == 3 && stats->batches == 1);
    expect(post(w, "k1", IDS("a", "b", "d")) == 422 && stats->refused == 1);

    expect(post(w, "k2", IDS("c", "d", "d")) == 200); /* other batches may bring an event again */
    expect(stats->events == 6 && stats->distinct == 4 && stats->duplicates == 2 &&
           stats->batches == 2);
    expect(post(w, NULL, IDS("e")) == 200 && post(w, NULL, IDS("e")) == 200);
    expect(stats->events == 8 && stats->distinct == 5 && stats->duplicates == 3 &&
           stats->repeated == 1);
}

static void test_takes(void **state)
{
    (void)state;
    run(&(struct setting){.test = takes});
}

#define RECORD(id, body, md5)                                                                      \
    "{\"messageId\":" id ",\"receiptHandle\":\"r\",\"body\":" body                                 \
    ",\"attributes\":{},\"messageAttributes\":{},\"md5OfBody\":"                                   \
    "\"" md5 "\",\"eventSource\":\"aws:sqs\",\"eventSourceARN\":\"arn\",\"awsRegion\":\"local\"}"
#define HELLO "5d41402abc4b2a76b9719d911017c592"

static void refuses(struct world *w)
{
    static const struct {
        const char *body, *path, *type, *count;
        int status;
        const char *told;
    } table[] = {
        {"{\"Records\":[" RECORD("\"a\"", "\"hello\"", HELLO) "]}", NULL, NULL, "1", 200, "[]"},
        {"{\"Records\":[" RECORD("\"a\"", "\"hello\"", HELLO) "]}", NULL,
         "application/json; charset=utf-8", NULL, 200, "[]"},
        {"{\"Records\":[" RECORD("\"a\"", "\"h\\u0065llo\"", HELLO) "]} ", NULL, NULL, NULL, 200,
         "[]"},
        {"{\"Records\":[" RECORD("\"a\"", "\"hello\"", HELLO) "]}", NULL, NULL, "2", 400,
         "Sluice-Batch-Count"},
        {"{\"Records\":[" RECORD("\"a\"", "\"hello\"", HELLO) "]}", NULL, "text/plain", NULL, 415,
         "application/json"},
        {"{\"Records\":[" RECORD("\"a\"", "\"hello\"", HELLO) "]}", NULL, "application/jsonp", NULL,
         415, "application/json"},
        {"{\"Records\":[" RECORD("\"a\"", "\"hello\"", HELLO) "]}", "/other", NULL, NULL, 404,
         "/batch"},
        {"", NULL, NULL, NULL, 400, "not JSON"},
        {"[]", NULL, NULL, NULL, 400, "not a JSON object"},
        {"{}", NULL, NULL, NULL, 400, "empty"},
        {"{\"Records\":[]}", NULL, NULL, NULL, 400, "empty"},
        {"{\"records\":[]}", NULL, NULL, NULL, 400, "another member"},
        {"{\"Records\":{}}", NULL, NULL, NULL, 400, "not an array"},
        {"{\"Records\":[1]}", NULL, NULL, NULL, 400, "Records[0]: is not an object"},
        {"{\"Records\":[{}]}", NULL, NULL, NULL, 400, "Records[0]: lacks messageId"},
        {"{\"Records\":[],\"Records\":[]}", NULL, NULL, NULL, 400, "another member"},
        {"{\"Records\":[" RECORD("1", "\"hello\"", HELLO) "]}", NULL, NULL, NULL, 400,
         "another type than it should have: messageId"},
        {"{\"Records\":[" RECORD("\"\"", "\"hello\"", HELLO) "]}", NULL, NULL, NULL, 400,
         "empty: messageId"},
        {"{\"Records\":[" RECORD("\"a\"", "null", HELLO) "]}", NULL, NULL, NULL, 400,
         "type than it should have: body"},
        {"{\"Records\":[" RECORD("\"a\"", "\"hallo\"", HELLO) "]}", NULL, NULL, NULL, 400,
         "not the MD5"},
        {"{\"Records\":[" RECORD("\"a\",\"messageId\":\"b\"", "\"hello\"", HELLO) "]}", NULL, NULL,
         NULL, 400, "has it twice: messageId"},
        {"{\"Records\":[" RECORD("\"a\"", "\"hello\"", HELLO) "]", NULL, NULL, NULL, 400,
         "not JSON"},
        {"{\"Records\":[" RECORD("\"a\"", "\"hello\"", HELLO) ","
                                                              "]}",
         NULL, NULL, NULL, 400, "not JSON"},
        {"{\"Records\":[" RECORD("\"a\"", "\"hello\"", HELLO) "]}x", NULL, NULL, NULL, 400,
         "not JSON"},
    };
    const struct perseus_stats *stats = perseus_stats(w->perseus);
    char url[100];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint64_t events = stats->events;
        int status = send_to(w, &w->answer,
                             (struct post){.path = table[i].path,
                                           .type = table[i].type,
                                           .count = table[i].count,
                                           .body = slice_of(table[i].body)});

        if (status != table[i].status || !strstr(w->answer.body.p, table[i].told)) {
            fprintf(stderr, "row %zu: %d %s\n", i, status, w->answer.body.p);
            expect(false);
        }
        expect(stats->events == events + (status == 200));
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%u/batch", perseus_port(w->perseus));
    http_perform(w->client, w->ctx, &(struct http_request){.url = url}, &w->answer);
    expect(w->answer.status == 405);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/healthz", perseus_port(w->perseus));
    http_perform(w->client, w->ctx, &(struct http_request){.url = url}, &w->answer);
    expect(w->answer.status == 200 && answered(w, "ok\n"));
}

static void test_refuses(void **state)
{
    (void)state;
    run(&(struct setting){.test = refuses});
}

/* ---- misbehaviour ---- */

struct post_one {
    struct world *w;
    const char *key;
    const char *id;
    unsigned *counts; /* by status */
};

SL_TASK(post_one)
{
    struct strbuf body = {.p = NULL};
    struct http_answer answer;
    int status;

    http_answer_init(&answer);
    fill(&body, IDS(my->id));
    status = send_to(my->w, &answer, (struct post){.key = my->key, .body = strbuf_slice(&body)});
    expect(status == 200 || slice_is(http_answer_header(&answer, "Retry-After"), "1"));
    my->counts[status]++;
    strbuf_deinit(&body);
    http_answer_deinit(&answer);
    return 0;
}

/* Ten at once with one key: one is taken, the others hear that it still runs. Then with ten keys: three fit. */
static void slow(struct world *w)
{
    struct sl_ctx *scope = sl_ctx_new(w->ctx, NULL);
    const char *const keys[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    unsigned counts[600] = {0};

    for (int i = 0; i < 3; i++)
        SL_GO(scope, post_one, .w = w, .key = "k", .id = "a", .counts = counts);
    expect(sl_ctx_wait(scope, NULL) == SL_OK && counts[200] == 1 && counts[409] == 2);
    expect(post(w, "k", IDS("a")) == 200 && perseus_stats(w->perseus)->events == 1);
    for (int i = 0; i < 10; i++)
        SL_GO(scope, post_one, .w = w, .key = keys[i], .id = keys[i], .counts = counts);
    expect(sl_ctx_wait(scope, NULL) == SL_OK && counts[200] == 1 + 3 && counts[429] == 7);
    expect(perseus_stats(w->perseus)->events == 4 && perseus_stats(w->perseus)->refused == 9);
    sl_ctx_leave(scope);
}

static void test_slow(void **state)
{
    (void)state;
    run(&(struct setting){.config = {.latency = SL_DUR_MS(50), .capacity = 3}, .test = slow});
}

static void fails(struct world *w)
{
    expect(post(w, "k", IDS("a")) == 500);
    expect(post(w, "k", IDS("a")) == 500); /* a failed request may be tried again with its key */
    expect(perseus_stats(w->perseus)->refused == 2 && perseus_stats(w->perseus)->events == 0);
}

static void fails_in_part(struct world *w)
{
    const struct perseus_stats *stats = perseus_stats(w->perseus);

    expect(post(w, "k", IDS("a", "b")) == 200);
    expect(answered(
        w, "{\"batchItemFailures\":[{\"itemIdentifier\":\"a\"},{\"itemIdentifier\":\"b\"}]}"));
    expect(stats->events == 0 && stats->failed == 2 && stats->batches == 1);
    expect(post(w, "k", IDS("a", "b")) == 200 && stats->failed == 2 && stats->repeated == 1);
}

static void too_large(struct world *w)
{
    struct strbuf body = {.p = NULL};

    strbuf_adds(&body, "{\"Records\":[");
    for (int i = 0; i < 10; i++)
        add_record(&body, "a", "hello");
    strbuf_adds(&body, "]}");
    expect(send_to(w, &w->answer, (struct post){.body = strbuf_slice(&body)}) == 413);
    expect(post(w, NULL, IDS("a")) == 200);
    strbuf_deinit(&body);
}

static void test_fails(void **state)
{
    (void)state;
    run(&(struct setting){.config = {.fail_rate = 1, .status = 500}, .test = fails});
    run(&(struct setting){.config = {.fail_item = 1}, .test = fails_in_part});
    run(&(struct setting){.config = {.body_max = 1000}, .test = too_large});
}

/* Requests that run when it stops are waited for, as long as the context allows. */
static int stopped(struct sl_ctx *ctx, void *arg)
{
    const struct perseus_config config = {.latency = SL_DUR_MS(50)};
    struct world w = {.ctx = ctx};
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    unsigned counts[600] = {0};
    struct perseus_stats stats;
    struct problem problem;

    (void)arg;
    problem_init(&problem);
    expect(http_client_new(&w.client, ctx, NULL) == 0);
    expect(perseus_start(&w.perseus, ctx, &config, &problem) == 0);
    SL_GO(scope, post_one, .w = &w, .key = "k", .id = "a", .counts = counts);
    while (perseus_stats(w.perseus)->requests == 0)
        expect(sl_sleep(ctx, sl_ms(1)) == SL_OK);
    expect(perseus_stop(w.perseus, ctx, &stats) == 0);
    expect(stats.events == 1 && stats.batches == 1);
    expect(sl_ctx_wait(scope, NULL) == SL_OK && counts[200] == 1);
    sl_ctx_leave(scope);
    http_client_free(w.client);
    problem_deinit(&problem);
    return 0;
}

static void test_stop(void **state)
{
    (void)state;
    assert_int_equal(sl_run(stopped, NULL), 0);
}

/* ---- the ledger ---- */

static void writes(struct world *w)
{
    static const char expected[] =
        "{\"messageId\":\"a\",\"batch\":\"k1\",\"md5\":\"" HELLO "\",\"duplicate\":false}\n"
        "{\"messageId\":\"b\",\"batch\":\"k1\",\"md5\":\"" HELLO "\",\"duplicate\":false}\n"
        "{\"messageId\":\"b\",\"batch\":\"\",\"md5\":\"" HELLO "\",\"duplicate\":true}\n";
    char text[1000];
    FILE *file;
    size_t n;

    expect(post(w, "k1", IDS("a", "b")) == 200 && post(w, "k1", IDS("a", "b")) == 200 &&
           post(w, NULL, IDS("b")) == 200);
    file = fopen(w->ledger, "r");
    expect(file);
    n = fread(text, 1, sizeof text, file);
    fclose(file);
    expect(n == sizeof expected - 1 && memcmp(text, expected, n) == 0);
}

static int no_ledger(struct sl_ctx *ctx, void *arg)
{
    struct perseus *perseus;
    struct problem problem;

    (void)arg;
    problem_init(&problem);
    expect(perseus_start(&perseus, ctx, &(struct perseus_config){.ledger = "/nowhere/ledger"},
                         &problem) == PROBLEM);
    expect(strcmp(problem.text.p,
                  "can't write the ledger /nowhere/ledger: No such file or directory") == 0);
    expect(perseus_start(&perseus, ctx, &(struct perseus_config){.listen = "1.2.3.4"}, &problem) ==
           PROBLEM);
    problem_deinit(&problem);
    return 0;
}

static void test_ledger(void **state)
{
    char path[] = "/tmp/sluice-ledger-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    run(&(struct setting){.config = {.ledger = path}, .test = writes});
    unlink(path);
    assert_int_equal(sl_run(no_ledger, NULL), 0);
}

static void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    expect(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void expect_file(const char *path, const char *text)
{
    char got[1000];
    FILE *file = fopen(path, "r");

    expect(file);
    got[fread(got, 1, sizeof got - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(got, text);
}

static void goes_on(struct world *w)
{
    const struct perseus_stats *stats = perseus_stats(w->perseus);

    expect(stats->known == 2 && stats->known_duplicates == 1 && stats->events == 0);
    expect(post(w, "k9", IDS("b", "c")) == 200);
    expect(stats->distinct == 1 && stats->duplicates == 1 && stats->known == 2);
}

/* The line that a killed run was writing is no event: it had not been answered. */
static void test_ledger_of_an_earlier_run(void **state)
{
#define LEFT                                                                                       \
    "{\"messageId\":\"a\",\"batch\":\"k1\",\"md5\":\"m\",\"duplicate\":false}\n"                   \
    "{\"messageId\":\"b\",\"batch\":\"k1\",\"md5\":\"m\",\"duplicate\":false}\n"                   \
    "{\"messageId\":\"b\",\"batch\":\"k2\",\"md5\":\"m\",\"duplicate\":true}\n"
    char path[] = "/tmp/sluice-ledger-XXXXXX";

    (void)state;
    close(mkstemp(path));
    put_file(path, LEFT "{\"messageId\":\"torn\",\"bat");
    run(&(struct setting){.config = {.ledger = path}, .test = goes_on});
    expect_file(path, LEFT "{\"messageId\":\"b\",\"batch\":\"k9\",\"md5\":\"" HELLO
                           "\",\"duplicate\":true}\n"
                           "{\"messageId\":\"c\",\"batch\":\"k9\",\"md5\":\"" HELLO
                           "\",\"duplicate\":false}\n");
    unlink(path);
}

static const char *foreign_path;

static int foreign(struct sl_ctx *ctx, void *arg)
{
    const char *text = arg;
    struct perseus *perseus;
    struct problem problem;

    problem_init(&problem);
    put_file(foreign_path, text);
    expect(perseus_start(&perseus, ctx, &(struct perseus_config){.ledger = foreign_path},
                         &problem) == PROBLEM);
    expect(strstr(problem.text.p, "is no ledger of perseus: line 1 is something else"));
    expect(problem.status == EXIT_BAD_CONFIG);
    problem_deinit(&problem);
    expect_file(foreign_path, text);
    return 0;
}

/* Somebody else's file is refused and left as it is. */
static void test_foreign_ledger(void **state)
{
    static const char *const texts[] = {"my notes\n", "{}\n", "[1]\nand more", "\n",
                                        "{\"messageId\":5}\n"};
    char path[] = "/tmp/sluice-ledger-XXXXXX";

    (void)state;
    close(mkstemp(path));
    foreign_path = path;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(sl_run(foreign, (void *)(uintptr_t)texts[i]), 0);
    unlink(path);
}

/* A full disk: nothing is confirmed that is not written, and the end says so. */
static int full_disk(struct sl_ctx *ctx, void *arg)
{
    struct world w = {.ctx = ctx};
    struct problem problem;

    (void)arg;
    problem_init(&problem);
    expect(http_client_new(&w.client, ctx, NULL) == 0);
    http_answer_init(&w.answer);
    expect(perseus_start(&w.perseus, ctx, &(struct perseus_config){.ledger = "/dev/full"},
                         &problem) == 0);
    expect(post(&w, "k", IDS("a")) == 503 && strstr(w.answer.body.p, "No space left"));
    expect(perseus_stop(w.perseus, ctx, NULL) < 0);
    http_answer_deinit(&w.answer);
    http_client_free(w.client);
    problem_deinit(&problem);
    return 0;
}

static void test_full_disk(void **state)
{
    (void)state;
    assert_int_equal(sl_run(full_disk, NULL), 0);
}

/* ---- parts ---- */

static void test_latency(void **state)
{
    struct perseus_config config = {.latency = {0}};

    (void)state;
    assert_null(perseus_read_latency(&config, "50ms"));
    assert_true(config.latency.ns == 50000000 && config.latency_p99.ns == 0);
    assert_null(perseus_read_latency(&config, "50ms,p99=2s"));
    assert_true(config.latency.ns == 50000000 && config.latency_p99.ns == 2000000000);
    assert_non_null(perseus_read_latency(&config, "50"));
    assert_non_null(perseus_read_latency(&config, ""));
    assert_non_null(perseus_read_latency(&config, "50ms,p95=2s"));
    assert_non_null(perseus_read_latency(&config, "50ms,p99=2"));
    assert_non_null(perseus_read_latency(&config, "50ms,p99=20ms"));
    assert_non_null(perseus_read_latency(&config, "50ms,"));
    assert_true(config.latency_p99.ns == 2000000000);
}

static void test_id_set(void **state)
{
    struct id_set set = {.slots = NULL};
    char id[32];

    (void)state;
    assert_false(id_set_has(&set, SLICE("x")));
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 20000; i++) {
            snprintf(id, sizeof id, "id-%d", i);
            assert_int_equal(id_set_add(&set, slice_of(id)), round == 0);
        }
    assert_true(id_set_has(&set, SLICE("id-19999")));
    assert_false(id_set_has(&set, SLICE("id-20000")));
    assert_int_equal(set.count, 20000);
    id_set_deinit(&set);
}

static void test_answers(void **state)
{
    struct answers *answers = calloc(1, sizeof *answers);
    char key[32];

    (void)state;
    for (unsigned i = 0; i < MEMORY_ANSWERS + 100; i++) {
        snprintf(key, sizeof key, "key-%u", i);
        assert_null(answers_find(answers, slice_of(key)));
        struct answer *answer = answers_begin(answers, slice_of(key), i);
        assert_true(answer && answer->is_running && answers_find(answers, slice_of(key)) == answer);
        if (i % 2)
            answers_finish(answers, answer, SLICE("body"));
        else
            answers_forget(answers, answer);
    }
    assert_non_null(answers_find(answers, SLICE("key-1")));
    for (unsigned i = 0; i < MEMORY_ANSWERS; i++) {
        snprintf(key, sizeof key, "more-%u", i);
        answers_finish(answers, answers_begin(answers, slice_of(key), i), SLICE("body"));
    }
    assert_null(answers_find(answers, SLICE("key-1"))); /* the oldest went */
    assert_int_equal(answers->finished, MEMORY_ANSWERS);
    assert_string_equal(answers_find(answers, SLICE("more-0"))->body, "body");
    answers_begin(answers, SLICE("left running"), 0);
    answers_deinit(answers);
    free(answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_fails),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_ledger),
        cmocka_unit_test(test_ledger_of_an_earlier_run),
        cmocka_unit_test(test_foreign_ledger),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_latency),
        cmocka_unit_test(test_id_set),
        cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

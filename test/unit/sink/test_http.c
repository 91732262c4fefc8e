/* The HTTP sink above a client that is a script: what a request carries, and what an answer comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sluice/task.h>

#include "io/http.h"
#include "ops/log.h"
#include "sim/virtual.h"
#include "sink/sink.h"

/* What the script answers. */
struct answer {
    enum http_failure failure;
    bool sent, early;
    int status;
    const char *head, *body, *detail;
};

struct scripted {
    struct http_client base;
    struct answer answer;
    sl_dur latency;
    unsigned calls;
    bool fresh;
    char headers[1024]; /* of the last request, as they were when its answer came */
    char first[1024];   /* of the first */
    char url[128];
};

static void perform(struct http_client *client, struct sl_ctx *ctx,
                    const struct http_request *request, struct http_answer *answer)
{
    struct scripted *script = (struct scripted *)client;
    unsigned number = script->calls++;
    size_t n = 0;

    assert_int_equal(sl_sleep(ctx, script->latency), SL_OK);
    for (size_t i = 0; i < request->header_count; i++)
        n += (size_t)snprintf(script->headers + n, sizeof(script->headers) - n,
                              SLICE_FMT ": " SLICE_FMT "\n", SLICE_ARG(request->headers[i].name),
                              SLICE_ARG(request->headers[i].value));
    if (number == 0)
        memcpy(script->first, script->headers, sizeof(script->first));
    snprintf(script->url, sizeof(script->url), "%s %s", request->method, request->url);
    script->fresh = request->fresh_connection;
    strbuf_reset(&answer->head);
    strbuf_reset(&answer->body);
    answer->failure = script->answer.failure;
    answer->sent = script->answer.sent;
    answer->early = script->answer.early;
    answer->status = script->answer.status;
    strbuf_addf(&answer->head, "HTTP/1.1 200 x\r\n%s",
                script->answer.head ? script->answer.head : "");
    strbuf_adds(&answer->body, script->answer.body ? script->answer.body : "");
    snprintf(answer->detail, sizeof(answer->detail), "%s",
             script->answer.detail ? script->answer.detail : "");
}

static const struct http_client_ops ops = {.perform = perform};

static struct sink *open_sink(struct scripted *script, struct sl_ctx *ctx, const char *const *flags,
                              const char *bearer_file)
{
    struct sink *sink;
    struct problem problem;

    problem_init(&problem);
    script->base.ops = &ops;
    if (sink_open(&sink, ctx,
                  &(struct sink_config){.to = "https://perseus.example/in?key=k",
                                        .http = &script->base,
                                        .format = format_find("lambda"),
                                        .timeout = sl_sec(20),
                                        .headers = flags,
                                        .bearer_file = bearer_file},
                  &problem))
        fail_msg("%s", problem.text.p);
    problem_deinit(&problem);
    return sink;
}

static void post(struct sink *sink, struct sl_ctx *ctx, unsigned attempt, struct sink_result *out)
{
    static const struct slice ids[] = {SLICE_INIT("one"), SLICE_INIT("two")};
    static bool failed[2];

    *out = (struct sink_result){.failed = failed};
    sink_post(sink, ctx,
              &(struct sink_request){.body = SLICE("{}"),
                                     .key = "0b5e3f5a-1d1c-4c8e-9b1e-0123456789ab",
                                     .ids = ids,
                                     .count = 2,
                                     .attempt = attempt},
              out);
}

static int run_all(int (*fn)(struct sl_ctx *, void *))
{
    return sl_virtual_run(NULL, fn, NULL);
}

/* ---- what is sent ---- */

static int sends_the_contract(struct sl_ctx *ctx, void *arg)
{
    static const char *const flags[] = {"X-Tenant: blue", NULL};
    struct scripted script = {.answer = {.sent = true, .status = 200}};
    struct sink *sink = open_sink(&script, ctx, flags, NULL);
    struct sink_result result;

    (void)arg;
    post(sink, ctx, 1, &result);
    assert_int_equal(result.outcome, OUTCOME_ACCEPTED);
    assert_string_equal(script.url, "POST https://perseus.example/in?key=k");
    assert_non_null(strstr(script.headers, "Content-Type: application/json"));
    assert_non_null(strstr(script.headers, "\nAccept-Encoding: identity\n"));
    assert_non_null(strstr(script.headers,
                           "\nIdempotency-Key: 0b5e3f5a-1d1c-4c8e-9b1e-0123456789ab\n"
                           "Sluice-Batch-Id: 0b5e3f5a-1d1c-4c8e-9b1e-0123456789ab\n"
                           "Sluice-Batch-Count: 2\n"
                           "Sluice-Attempt: 1\n"
                           "traceparent: 00-0b5e3f5a1d1c4c8e9b1e0123456789ab-"));
    assert_non_null(strstr(script.headers, "-01\nX-Tenant: blue\n"));
    assert_false(script.fresh);
    post(sink, ctx, 2, &result);
    assert_non_null(strstr(script.headers, "Sluice-Attempt: 2\n"));
    assert_true(script.fresh);              /* the connection that failed is not used again */
    assert_null(strstr(sink->name, "key")); /* a query may be secret */
    sink_free(sink);
    return 0;
}

static void a_request_carries_the_contracts_headers(void **state)
{
    (void)state;
    assert_int_equal(run_all(sends_the_contract), 0);
}

struct poster {
    struct sink *sink;
    struct sl_ctx *scope;
};

SL_TASK(poster)
{
    struct sink_result result;

    (void)ctx;
    post(my->sink, my->scope, 1, &result);
    return 0;
}

static int rotates_while_it_waits(struct sl_ctx *ctx, void *arg)
{
    struct scripted script = {.answer = {.sent = true, .status = 200}, .latency = sl_sec(5)};
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    char path[] = "/tmp/sluice-bearer-XXXXXX";
    int fd = mkstemp(path);
    struct sink_result result;
    struct sink *sink;

    (void)arg;
    assert_int_equal(write(fd, "old", 3), 3);
    sink = open_sink(&script, ctx, NULL, path);
    SL_GO(scope, poster, .sink = sink, .scope = scope);
    assert_int_equal(sl_sleep(ctx, sl_sec(2)), SL_OK);
    assert_int_equal(pwrite(fd, "brand-new-token", 15, 0), 15);
    post(sink, ctx, 1, &result); /* reads the file anew while the first request is under way */
    assert_non_null(strstr(script.first, "Authorization: Bearer old\n"));
    assert_non_null(strstr(script.headers, "Authorization: Bearer brand-new-token\n"));
    close(fd);
    unlink(path);
    sl_ctx_leave(scope);
    sink_free(sink);
    return 0;
}

static void a_file_that_changes_while_a_request_waits_harms_it_not(void **state)
{
    (void)state;
    assert_int_equal(run_all(rotates_while_it_waits), 0);
}

/* ---- what comes back ---- */

static const struct {
    struct answer answer;
    enum outcome outcome;
    int64_t retry_after_s;
    const char *reason;
} answers[] = {
    {{.sent = true, .status = 200}, OUTCOME_ACCEPTED, 0, ""},
    {{.sent = true, .status = 204}, OUTCOME_ACCEPTED, 0, ""},
    {{.sent = true,
      .status = 200,
      .body = "{\"batchItemFailures\":[{\"itemIdentifier\":\"two\"}]}"},
     OUTCOME_PARTIAL,
     0,
     "200 with a list of failures"},
    {{.sent = true, .status = 200, .head = "content-type: application/json\r\n", .body = "oops"},
     OUTCOME_RETRY,
     0,
     NULL},
    {{.sent = true, .status = 200, .head = "Content-Encoding: gzip\r\n", .body = "\x1f\x8b"},
     OUTCOME_RETRY,
     0,
     "200, but its body is compressed"},
    {{.sent = true,
      .status = 200,
      .head = "content-encoding: identity\r\nContent-Encoding: br\r\n",
      .body = "x"},
     OUTCOME_RETRY,
     0,
     "200, but its body is compressed"},
    {{.sent = true, .status = 200, .head = "Content-Encoding: gzip\r\n"}, OUTCOME_ACCEPTED, 0, ""},
    {{.sent = true, .status = 200, .head = "Content-Encoding: Identity\r\n", .body = "ok"},
     OUTCOME_ACCEPTED,
     0,
     ""},
    {{.sent = true, .status = 422, .head = "Content-Encoding: gzip\r\n", .body = "x"},
     OUTCOME_REFUSED,
     0,
     "422"},
    {{.sent = true, .early = true, .status = 200},
     OUTCOME_RETRY,
     0,
     "200, but answered before the request was sent"},
    {{.sent = true, .early = true, .status = 413}, OUTCOME_SPLIT, 0, "413"},
    {{.sent = true, .status = 207}, OUTCOME_RETRY, 0, NULL},
    {{.sent = true, .status = 302}, OUTCOME_PAUSE, 0, "302"},
    {{.sent = true, .status = 401}, OUTCOME_PAUSE, 0, "401"},
    {{.sent = true, .status = 413}, OUTCOME_SPLIT, 0, "413"},
    {{.sent = true, .status = 422}, OUTCOME_REFUSED, 0, "422"},
    {{.sent = true, .status = 503}, OUTCOME_RETRY, 0, "503"},
    {{.sent = true, .status = 503, .head = "Retry-After: 7\r\n"}, OUTCOME_RETRY, 7, "503"},
    {{.sent = true, .status = 429, .head = "retry-after: 2\r\nRetry-After: 30\r\n"},
     OUTCOME_RETRY,
     30,
     "429"},
    {{.sent = true, .status = 429, .head = "Retry-After: 99999999999999999999\r\n"},
     OUTCOME_RETRY,
     300,
     "429"},
    {{.sent = true, .status = 429, .head = "Retry-After: -1\r\n"}, OUTCOME_RETRY, 0, "429"},
    {{.failure = HTTP_FAIL_CONNECT, .detail = "connection refused (127.0.0.1:1)"},
     OUTCOME_RETRY,
     0,
     "connection refused (127.0.0.1:1)"},
    {{.failure = HTTP_FAIL_CUT, .sent = true, .detail = "connection lost"},
     OUTCOME_RETRY,
     0,
     "connection lost"},
    {{.failure = HTTP_FAIL_TIMEOUT, .sent = true, .detail = "timed out"},
     OUTCOME_RETRY,
     0,
     "timed out"},
};

static int judges(struct sl_ctx *ctx, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct scripted script = {.answer = answers[i].answer};
        struct sink *sink = open_sink(&script, ctx, NULL, NULL);
        struct sink_result result;

        post(sink, ctx, 1, &result);
        if (result.outcome != answers[i].outcome)
            fail_msg("answer %zu is taken for %s", i, outcome_name(result.outcome));
        assert_int_equal(result.sent, answers[i].answer.sent);
        assert_int_equal(result.complete, answers[i].answer.failure == HTTP_COMPLETE);
        assert_int_equal(result.status, answers[i].answer.status);
        assert_int_equal(sl_dur_ms(result.retry_after), answers[i].retry_after_s * 1000);
        assert_false(result.gone);
        if (answers[i].reason)
            assert_string_equal(result.reason, answers[i].reason);
        else
            assert_true(result.reason[0] != '\0');
        assert_int_equal(result.failed[0], false);
        assert_int_equal(result.failed[1], result.outcome == OUTCOME_PARTIAL);
        sink_free(sink);
    }
    return 0;
}

static void an_answer_is_judged(void **state)
{
    (void)state;
    assert_int_equal(run_all(judges), 0);
}

/* ---- addresses ---- */

static void an_address_that_is_none_is_refused(void **state)
{
    static const char *const addresses[] = {
        "http://perseus.example/",          "https://user:secret@perseus.example/",
        "ftp://perseus.example/",           "https://169.254.169.254/",
        "https://perseus.example/\r\nX: y",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct problem problem;
        struct sink *sink;

        problem_init(&problem);
        assert_int_equal(sink_open(&sink, NULL,
                                   &(struct sink_config){.to = addresses[i],
                                                         .format = format_find("lambda"),
                                                         .timeout = sl_sec(1)},
                                   &problem),
                         PROBLEM);
        assert_null(strstr(problem.text.p, "secret"));
        problem_deinit(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_carries_the_contracts_headers),
        cmocka_unit_test(a_file_that_changes_while_a_request_waits_harms_it_not),
        cmocka_unit_test(an_answer_is_judged),
        cmocka_unit_test(an_address_that_is_none_is_refused),
    };

    log_open(-1, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The whole way of an event: the SQS source, its client and signatures, the pipeline's stages and the HTTP sink, in virtual
 * time, between a queue and a service that are scripts and whose own memory never ends. Whatever fails: what was deleted had
 * been confirmed by the service, the account's sum is right, what was not deleted is in the queue, and everything ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include <sluice/task.h>

#include "aws/config.h"
#include "core/json.h"
#include "core/md5.h"
#include "io/http.h"
#include "ops/log.h"
#include "pipeline/pipeline.h"
#include "sim/virtual.h"
#include "test/torture/torture.h"

enum { MESSAGES = 14, BATCH = 6 };

struct queued {
    sl_time visible_at;
    unsigned receives;
    bool is_deleted, is_confirmed; /* a whole answer of the service said so */
    unsigned delivered;
};

struct world {
    struct http_client client; /* first */
    bool is_fifo;
    unsigned posts;
    struct queued messages[MESSAGES];
    struct account account;
    struct progress progress;
    struct pipeline_report report;
    unsigned early_deletes;
    int result; /* of what could not be opened; 0 */
};

static struct world world;

/* ---- the queue ---- */

static bool is_blocked(const struct world *w, size_t i)
{
    for (size_t k = i % 3; w->is_fifo && k < i; k += 3)
        if (!w->messages[k].is_deleted && sl_time_before(sl_now(), w->messages[k].visible_at))
            return true;
    return false;
}

static void write_message(struct world *w, size_t i, struct strbuf *out)
{
    unsigned receives = ++w->messages[i].receives;
    char body[32], digest[MD5_HEX_SIZE];

    snprintf(body, sizeof body, "body of %zu", i);
    md5_hex(slice_of(body), digest);
    strbuf_addf(out,
                "{\"MessageId\":\"m-%02zu\",\"ReceiptHandle\":\"%zu:%u\",\"MD5OfBody\":\"%s\","
                "\"Body\":\"%s\",\"Attributes\":{\"ApproximateReceiveCount\":\"%u\","
                "\"SentTimestamp\":\"1\"",
                i, i, receives, digest, body, receives);
    if (w->is_fifo)
        strbuf_addf(out, ",\"MessageGroupId\":\"g%zu\"", i % 3);
    strbuf_adds(out, "}}");
}

static size_t receive(struct world *w, struct strbuf *out)
{
    bool taken[MESSAGES] = {false};
    size_t n = 0;

    strbuf_reset(out);
    strbuf_adds(out, "{");
    for (size_t i = 0; i < MESSAGES && n < 10; i++) {
        if (w->messages[i].is_deleted || sl_time_before(sl_now(), w->messages[i].visible_at) ||
            is_blocked(w, i))
            continue;
        strbuf_adds(out, n++ ? "," : "\"Messages\":[");
        write_message(w, i, out);
        taken[i] = true;
    }
    for (size_t i = 0; i < MESSAGES; i++)
        if (taken[i])
            w->messages[i].visible_at = sl_time_add(sl_now(), sl_sec(30));
    strbuf_adds(out, n ? "]}" : "}");
    return n;
}

static void on_handle(struct world *w, bool is_delete, const char *handle, int64_t seconds)
{
    size_t i = strtoul(handle, NULL, 10);
    struct queued *m = &w->messages[i];

    torture_check(i < MESSAGES);
    if (strtoul(strchr(handle, ':') + 1, NULL, 10) != m->receives)
        return;
    if (is_delete) {
        w->early_deletes += !m->is_confirmed;
        m->is_deleted = true;
    } else {
        m->visible_at = sl_time_add(sl_now(), sl_sec(seconds));
    }
}

static void batch_call(struct world *w, bool is_delete, struct slice request, struct strbuf *out)
{
    const char *at = request.p, *end = request.p + request.n, *timeout;
    size_t id = 0;

    strbuf_reset(out);
    strbuf_adds(out, "{\"Successful\":[");
    while ((at = memmem(at, (size_t)(end - at), "\"ReceiptHandle\":\"", 17))) {
        at += 17;
        timeout = memmem(at, (size_t)(end - at), "\"VisibilityTimeout\":", 20);
        on_handle(w, is_delete, at, timeout ? atoll(timeout + 20) : 0);
        strbuf_addf(out, "%s{\"Id\":\"%zu\"}", id ? "," : "", id);
        id++;
    }
    strbuf_adds(out, "],\"Failed\":[]}");
}

static void attributes(const struct world *w, struct strbuf *out)
{
    unsigned visible = 0, hidden = 0;

    for (size_t i = 0; i < MESSAGES; i++) {
        bool is_hidden = sl_time_before(sl_now(), w->messages[i].visible_at);

        visible += !w->messages[i].is_deleted && !is_hidden;
        hidden += !w->messages[i].is_deleted && is_hidden;
    }
    strbuf_addf(out,
                "{\"Attributes\":{\"VisibilityTimeout\":\"30\",\"ApproximateNumberOfMessages\":"
                "\"%u\",\"ApproximateNumberOfMessagesNotVisible\":\"%u\","
                "\"ApproximateNumberOfMessagesDelayed\":\"0\",\"QueueArn\":"
                "\"arn:aws:sqs:eu-central-1:1:q\"}}",
                visible, hidden);
}

static struct slice header_of(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (slice_eq_nocase(request->headers[i].name, slice_of(name)))
            return request->headers[i].value;
    return (struct slice){NULL, 0};
}

static bool names(struct slice target, const char *operation)
{
    return memmem(target.p, target.n, operation, strlen(operation)) != NULL;
}

/* Waits for messages as long as a poll does. */
static bool poll_queue(struct world *w, struct sl_ctx *ctx, struct strbuf *body)
{
    for (int tries = 0;; tries++) {
        size_t n;

        torture_pause();
        n = receive(w, body);
        torture_resume();
        if (n > 0 || tries == 10)
            return true;
        if (sl_sleep(ctx, sl_ms(100)) != SL_OK)
            return false;
    }
}

static bool serve_queue(struct world *w, struct sl_ctx *ctx, const struct http_request *request,
                        struct strbuf *body)
{
    struct slice target = header_of(request, "X-Amz-Target");

    torture_check(json_is_valid(request->body));
    torture_check(header_of(request, "Authorization").n > 0);
    if (names(target, "ReceiveMessage"))
        return poll_queue(w, ctx, body);
    torture_pause();
    if (names(target, "GetQueueUrl"))
        strbuf_adds(body, "{\"QueueUrl\":"
                          "\"https://sqs.eu-central-1.amazonaws.com/123456789012/q.fifo\"}");
    else if (names(target, "GetQueueAttributes"))
        attributes(w, body);
    else
        batch_call(w, names(target, "DeleteMessageBatch"), request->body, body);
    torture_resume();
    return true;
}

/* ---- the service ---- */

static void mark(struct world *w, struct slice body, bool confirms, const char *but)
{
    for (const char *at = body.p, *end = body.p + body.n;
         (at = memmem(at, (size_t)(end - at), "\"messageId\":\"m-", 15));) {
        size_t i = strtoul(at += 15, NULL, 10);

        torture_check(i < MESSAGES);
        w->messages[i].delivered++;
        if (confirms && (!but || strncmp(at, but, 2) != 0))
            w->messages[i].is_confirmed = true;
    }
}

/* The first post fails, of the second one event does, the third is too large if it can be. */
static void serve_events(struct world *w, const struct http_request *request,
                         struct http_answer *answer)
{
    unsigned number = ++w->posts;
    const char *first = memmem(request->body.p, request->body.n, "\"messageId\":\"m-", 15);

    torture_check(json_is_valid(request->body) && first);
    answer->status = 200;
    strbuf_adds(&answer->head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n");
    if (number == 1) {
        answer->status = 503;
    } else if (number == 2) {
        strbuf_addf(&answer->body, "{\"batchItemFailures\":[{\"itemIdentifier\":\"m-%.2s\"}]}",
                    first + 15);
        mark(w, request->body, true, first + 15);
    } else if (number == 3 &&
               memmem(first + 1, (size_t)(request->body.p + request->body.n - first) - 1,
                      "\"messageId\"", 11)) {
        answer->status = 413;
    } else {
        mark(w, request->body, true, NULL);
    }
}

static void perform(struct http_client *client, struct sl_ctx *ctx,
                    const struct http_request *request, struct http_answer *answer)
{
    struct world *w = (struct world *)client;
    bool is_queue = strstr(request->url, "amazonaws.com") != NULL;

    strbuf_reset(&answer->body);
    strbuf_reset(&answer->head);
    answer->failure = HTTP_FAIL_CANCELED;
    answer->sent = true;
    answer->status = 0;
    answer->detail[0] = '\0';
    answer->sent_wall_ms = answer->received_wall_ms = sl_wall_ms();
    if (sl_sleep(ctx, sl_ms(is_queue ? 5 : 50)) != SL_OK)
        return;
    if (is_queue) {
        answer->status = 200;
        if (!serve_queue(w, ctx, request, &answer->body)) {
            answer->status = 0;
            return;
        }
    } else {
        torture_pause();
        serve_events(w, request, answer);
        torture_resume();
    }
    answer->failure = HTTP_COMPLETE;
}

static const struct http_client_ops ops = {.perform = perform};

/* ---- running it ---- */

static const char *environment(const char *name)
{
    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
        return "AKIDEXAMPLE";
    if (strcmp(name, "AWS_REGION") == 0)
        return "eu-central-1";
    return strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0 ? "secret" : NULL;
}

struct limit {
    char none;
};

/* Whatever has failed, somebody stops it in the end. */
SL_TASK(limit)
{
    for (int i = 0; i < 3; i++)
        if (sl_sleep(ctx, sl_minutes(10)) == SL_OK)
            sl_virtual_raise(SIGTERM);
    return 0;
}

static struct pipeline_config configuration(struct world *w, struct aws_config *aws)
{
    static const char *const headers[] = {"X-Tenant: a", NULL};

    return (struct pipeline_config){
        .source = {.from = w->is_fifo ? "q.fifo" /* whose URL is asked for */
                                      : "https://sqs.eu-central-1.amazonaws.com/1/q",
                   .http = &w->client,
                   .aws = aws,
                   .receivers = 2,
                   .receive_wait = sl_sec(1),
                   .in_flight_max = 60,
                   .in_flight_bytes = 1 << 20,
                   .until_empty = true,
                   .account = &w->account,
                   .progress = &w->progress},
        .sink = {.to = "https://service.example/in",
                 .http = &w->client,
                 .format = format_find("lambda"),
                 .timeout = sl_sec(5),
                 .headers = headers},
        .batch_count = BATCH,
        .batch_bytes = 100000,
        .batch_age = sl_sec(1),
        .concurrency = 2,
        .drain = sl_sec(10),
        .run_for = SL_FOREVER,
    };
}

static int deliver(struct sl_ctx *ctx, struct sl_ctx *scope, struct world *w,
                   struct aws_config *aws, struct problem *problem)
{
    struct pipeline_config config = configuration(w, aws);
    int signo = SIGTERM;
    struct sl_chan *signals = sl_signals(scope, &signo, 1);
    struct source *source;
    struct sink *sink;
    int r;

    SL_GO(scope, limit, .none = 0);
    r = source_open(&source, scope, &config.source, problem);
    if (r != 0)
        return r;
    r = sink_open(&sink, scope, &config.sink, problem);
    if (r == 0) {
        r = pipeline_run(ctx, &config, source, sink, signals, &w->report);
        sink_free(sink);
    }
    sl_ctx_cancel(scope, 0);
    source_free(source);
    return r;
}

static int in_world(struct sl_ctx *ctx, void *arg)
{
    struct world *w = arg;
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct aws_config *aws;
    struct problem problem;

    problem_init(&problem);
    w->result = aws_config_load(&aws, &(struct aws_config_options){.env = environment}, &problem);
    if (w->result == 0) {
        w->result = deliver(ctx, scope, w, aws, &problem);
        sl_ctx_leave(scope);
        aws_config_free(aws);
    } else {
        sl_ctx_leave(scope);
    }
    problem_deinit(&problem);
    return 0;
}

static void check_account(const struct account *a)
{
    torture_check(a->received == a->deleted + a->returned + a->dead_lettered + a->expired +
                                     a->merged + a->abandoned);
}

static void check_end(const struct world *w, int result)
{
    unsigned deleted = 0;

    torture_check(w->early_deletes == 0);
    check_account(&w->account);
    for (size_t i = 0; i < MESSAGES; i++) {
        torture_check(!w->messages[i].is_deleted || w->messages[i].is_confirmed);
        deleted += w->messages[i].is_deleted;
    }
    torture_check(w->account.deleted <= deleted + w->account.in_doubt);
    if (!torture_has_failed())
        torture_check(result == 0 && w->result == 0 && w->report.cause == 0 && deleted == MESSAGES);
    torture_check(result == 0 || result == -ENOMEM);
}

static void run(bool is_fifo)
{
    struct world *w = &world;

    *w = (struct world){.client = {&ops}, .is_fifo = is_fifo};
    progress_init(&w->progress);
    check_end(w, sl_virtual_run(&(struct sl_virtual_options){.seed = 3}, in_world, w));
}

static void standard(void)
{
    run(false);
}

static void fifo(void)
{
    run(true);
}

int main(void)
{
    static const struct torture scenarios[] = {{"a standard queue", standard},
                                               {"a FIFO queue", fifo}};

    log_open(-1, LOG_TEXT, LOG_ERROR);
    return torture_run(scenarios, sizeof scenarios / sizeof scenarios[0]);
}

/*
 * One task for each request: look at it (no wait), take the time that the latency says, then accept
 * it, which is again without a wait; so no request sees another one half done.
 */
#include "perseus/perseus.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/task.h>

#include "core/units.h"
#include "io/http_server.h"
#include "ops/log.h"
#include "perseus/event.h"
#include "perseus/ledger.h"
#include "perseus/memory.h"

struct perseus {
    struct perseus_config config;
    struct perseus_stats stats;
    struct http_server *server;
    struct ledger ledger;
    struct log_limit ledger_log;
    struct id_set seen;
    struct answers answers;
    unsigned running; /* requests */
};

/* A request while it runs. */
struct request {
    struct http_exchange *exchange;
    struct slice key; /* may be empty */
    struct event event;
    struct answer *answer; /* NULL without a key */
};

/* ---- answers ---- */

static struct http_header type_json(void)
{
    return (struct http_header){SLICE("Content-Type"), SLICE("application/json")};
}

__attribute__((format(printf, 4, 5))) static void
refuse(struct perseus *p, struct http_exchange *exchange, int status, const char *format, ...)
{
    const struct http_header headers[] = {
        {SLICE("Content-Type"), SLICE("text/plain; charset=utf-8")},
        {SLICE("Retry-After"), SLICE("1")}};
    bool is_busy = status == 429 || status == 409;
    char text[256];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    n = n < (int)sizeof text - 1 ? n : (int)sizeof text - 2;
    text[n++] = '\n';
    if (status < 200 || status > 299)
        p->stats.refused++;
    http_exchange_reply(exchange, status, headers, is_busy ? 2 : 1,
                        (struct slice){text, (size_t)n});
}

static void reply_json(struct http_exchange *exchange, struct slice body)
{
    const struct http_header header = type_json();

    http_exchange_reply(exchange, 200, &header, 1, body);
}

/* True in a share of the cases. */
static bool happens(double share)
{
    return share > 0 && (double)(sl_random() >> 11) * 0x1p-53 < share;
}

/* ---- looking at a request: each answers it, and returns false, if it is not to be taken ---- */

static bool is_json(struct slice type)
{
    static const struct slice wanted = SLICE_INIT("application/json");
    const char *semicolon;

    if (slice_is_empty(type))
        return false;
    semicolon = memchr(type.p, ';', type.n);
    if (semicolon)
        type.n = (size_t)(semicolon - type.p);
    while (type.n > 0 && type.p[type.n - 1] == ' ')
        type.n--;
    return slice_eq_nocase(type, wanted);
}

static bool check_form(struct perseus *p, struct request *request)
{
    struct http_exchange *x = request->exchange;
    struct slice count = http_exchange_header(x, "Sluice-Batch-Count");
    char reason[EVENT_REASON_MAX];
    char expected[24];
    int r;

    if (!is_json(http_exchange_header(x, "Content-Type"))) {
        refuse(p, x, 415, "Content-Type is not application/json");
        return false;
    }
    r = event_read(&request->event, http_exchange_body(x), reason);
    if (r != 0) {
        refuse(p, x, r > 0 ? 400 : 503, "%s", r > 0 ? reason : "out of memory");
        return false;
    }
    snprintf(expected, sizeof expected, "%zu", request->event.count);
    if (count.p && !slice_is(count, expected)) {
        refuse(p, x, 400, "Sluice-Batch-Count does not say how many events there are: %s",
               expected);
        return false;
    }
    return true;
}

/* Hash of the messageIds in their order: the same key has to come with the same events. */
static uint64_t hash_events(const struct event *event)
{
    uint64_t hash = HASH_START;

    for (size_t i = 0; i < event->count; i++)
        hash = hash_bytes(hash_bytes(hash, event->records[i].message_id), SLICE("\n"));
    return hash;
}

static bool check_key(struct perseus *p, struct request *request)
{
    struct http_exchange *x = request->exchange;
    uint64_t events = hash_events(&request->event);
    struct answer *before;

    request->key = http_exchange_header(x, "Idempotency-Key");
    if (slice_is_empty(request->key))
        return true;
    before = answers_find(&p->answers, request->key);
    if (!before) {
        request->answer = answers_begin(&p->answers, request->key, events);
        if (!request->answer)
            refuse(p, x, 503, "out of memory");
        return request->answer != NULL;
    }
    if (before->events != events) {
        refuse(p, x, 422, "this Idempotency-Key came with other events before");
    } else if (before->is_running) {
        refuse(p, x, 409, "the first request with this Idempotency-Key still runs");
    } else {
        p->stats.repeated++;
        reply_json(x, slice_of(before->body));
    }
    return false;
}

/* ---- accepting ---- */

static void add_failure(struct strbuf *failures, const struct event_record *record)
{
    strbuf_adds(failures, failures->n > 0 ? "," : "");
    strbuf_adds(failures, "{\"itemIdentifier\":\"");
    strbuf_add_slice(failures, record->message_id);
    strbuf_adds(failures, "\"}");
}

/* Remembers and counts every event but those that fail by chance. 0, or negative: out of memory. */
static int accept_events(struct perseus *p, const struct request *request, struct strbuf *failures)
{
    struct perseus_stats *stats = &p->stats;

    for (size_t i = 0; i < request->event.count; i++) {
        const struct event_record *record = &request->event.records[i];
        int is_first;

        if (happens(p->config.fail_item)) {
            add_failure(failures, record);
            stats->failed++;
            continue;
        }
        is_first = id_set_add(&p->seen, record->message_id);
        if (is_first < 0)
            return is_first;
        ledger_add(&p->ledger, record, request->key, !is_first);
        stats->events++;
        stats->distinct += is_first != 0;
        stats->duplicates += is_first == 0;
    }
    stats->batches++;
    stats->bytes += http_exchange_body(request->exchange).n;
    return 0;
}

/* The ledger's first error is its last word: it comes again with each batch. */
static void tell_lost(struct perseus *p, int error)
{
    p->ledger_log.every = sl_sec(10);
    if (log_limit_pass(&p->ledger_log))
        log_error("the ledger could not be written: %s\n  do:    see to that, then start it again: "
                  "every batch is answered 503 until then",
                  strerror(-error));
}

static void accept(struct perseus *p, struct request *request)
{
    const struct perseus_stats before = p->stats;
    struct strbuf failures = {.p = NULL};
    struct strbuf body = {.p = NULL};
    int r = accept_events(p, request, &failures);
    int written = ledger_write(&p->ledger);

    strbuf_adds(&body, "{\"batchItemFailures\":[");
    strbuf_add_slice(&body, strbuf_slice(&failures));
    strbuf_adds(&body, "]}");
    if (written < 0)
        tell_lost(p, written);
    if (r < 0 || written < 0 || strbuf_failed(&failures) || strbuf_failed(&body)) {
        p->stats = before;
        refuse(p, request->exchange, 503, "%s", written < 0 ? strerror(-written) : "out of memory");
    } else {
        if (request->answer)
            answers_finish(&p->answers, SL_TAKE(request->answer), strbuf_slice(&body));
        reply_json(request->exchange, strbuf_slice(&body));
    }
    strbuf_deinit(&failures);
    strbuf_deinit(&body);
}

static sl_dur pick_latency(const struct perseus *p)
{
    bool is_slow = p->config.latency_p99.ns > 0 && happens(0.01);

    return is_slow ? p->config.latency_p99 : p->config.latency;
}

static void process(struct perseus *p, struct sl_ctx *ctx, struct request *request)
{
    sl_dur latency = pick_latency(p);

    if (latency.ns > 0 && sl_sleep(ctx, latency) != SL_OK)
        refuse(p, request->exchange, 503, "shutting down");
    else if (happens(p->config.fail_rate))
        refuse(p, request->exchange, p->config.status, "failed, as it was told to");
    else
        accept(p, request);
    if (request->answer)
        answers_forget(&p->answers, request->answer);
}

static void take_batch(struct perseus *p, struct sl_ctx *ctx, struct http_exchange *exchange)
{
    struct request request = {.exchange = exchange};

    p->stats.requests++;
    if (p->config.capacity > 0 && p->running >= p->config.capacity) {
        refuse(p, exchange, 429, "%u requests run, which is all that fit", p->running);
        return;
    }
    p->running++;
    if (check_form(p, &request) && check_key(p, &request))
        process(p, ctx, &request);
    p->running--;
    event_deinit(&request.event);
}

static void handle(struct sl_ctx *ctx, struct http_exchange *exchange, void *arg)
{
    bool is_post = strcmp(http_exchange_method(exchange), "POST") == 0;
    struct slice path = http_exchange_path(exchange);
    struct perseus *p = arg;

    if (slice_is(path, "/healthz"))
        http_exchange_reply_text(exchange, 200, "text/plain", SLICE("ok\n"));
    else if (!slice_is(path, "/batch"))
        refuse(p, exchange, 404, "there are /batch and /healthz");
    else if (!is_post)
        refuse(p, exchange, 405, "batches are posted");
    else
        take_batch(p, ctx, exchange);
}

/* ---- life ---- */

static void free_all(struct perseus *p)
{
    id_set_deinit(&p->seen);
    answers_deinit(&p->answers);
    free(p);
}

/* An event that an earlier run accepted. */
static int remember(void *arg, struct slice message_id, bool is_duplicate)
{
    struct perseus *p = arg;
    int is_first = id_set_add(&p->seen, message_id);

    if (is_first < 0)
        return is_first;
    p->stats.known += is_first != 0;
    p->stats.known_duplicates += is_duplicate;
    return 0;
}

int perseus_start(struct perseus **out, struct sl_ctx *ctx, const struct perseus_config *config,
                  struct problem *problem)
{
    struct http_server_options options = {
        .listen = config->listen ? config->listen : "127.0.0.1:0",
        .handler = handle,
        .body_max = config->body_max ? config->body_max : 1000 * 1000,
        .connections_max = 10000,
    };
    struct perseus *p = calloc(1, sizeof *p);
    int r;

    if (!p)
        return -ENOMEM;
    p->config = *config;
    p->config.listen = p->config.ledger = p->config.advice = NULL;
    if (p->config.status == 0)
        p->config.status = 503;
    options.arg = p;
    r = config->ledger ? ledger_read(config->ledger, remember, p, problem) : 0;
    if (r == 0)
        r = ledger_open(&p->ledger, config->ledger, problem);
    if (r == PROBLEM && config->advice)
        problem_advise(problem, config->advice);
    if (r == 0) {
        r = http_server_new(&p->server, ctx, &options, problem);
        if (r != 0)
            ledger_close(&p->ledger);
    }
    if (r != 0) {
        free_all(p);
        return r;
    }
    *out = p;
    return 0;
}

uint16_t perseus_port(const struct perseus *p)
{
    return http_server_port(p->server);
}

const struct perseus_stats *perseus_stats(const struct perseus *p)
{
    return &p->stats;
}

int perseus_stop(struct perseus *p, struct sl_ctx *ctx, struct perseus_stats *stats)
{
    int r;

    if (!p)
        return 0;
    (void)http_server_stop(p->server, ctx); /* what still runs is cut off by free */
    http_server_free(p->server);
    r = ledger_close(&p->ledger);
    if (stats)
        *stats = p->stats;
    free_all(p);
    return r;
}

const char *perseus_read_latency(struct perseus_config *config, const char *text)
{
    const char *comma = strchr(text, ',');
    size_t n = comma ? (size_t)(comma - text) : strlen(text);
    sl_dur latency, p99 = SL_ZERO;
    char first[32];

    if (n >= sizeof first)
        return "is too long";
    memcpy(first, text, n);
    first[n] = '\0';
    if (units_read_duration(first, &latency) != UNITS_OK)
        return "is not a duration, like 50ms";
    if (comma) {
        if (strncmp(comma, ",p99=", 5) != 0 || units_read_duration(comma + 5, &p99) != UNITS_OK)
            return "has something other than p99=DURATION behind the comma";
        if (sl_dur_cmp(p99, latency) < 0)
            return "has a p99 below its usual value";
    }
    config->latency = latency;
    config->latency_p99 = p99;
    return NULL;
}

/*
 * http -- posts a batch to the service: the headers of the contract (docs/service.md), one request, and the judgement of
 * core/outcome on what came back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/uri.h"
#include "io/http.h"
#include "io/http_head.h"
#include "sink/headers.h"
#include "sink/sink.h"

enum {
    CONTRACT_HEADERS = 7,
    ANSWER_MAX = 1024 * 1024, /* a list of 10,000 failed ids is below that */
    RETRY_AFTERS_MAX = 4,
};

struct http_sink {
    struct sink base;
    struct http_client *client;
    struct headers *headers;
    char *url;
    sl_dur timeout;
};

/* What one request says besides the body; the slices of `list` point into it. The headers of files are copied: another
 * request may read a file anew while this one waits. */
struct envelope {
    char count[24], attempt[16], trace[64];
    struct strbuf more;
    struct http_header *list;
    size_t length;
};

/* A W3C trace context of its own for each batch: version, trace id (from the batch's key), parent id, sampled. */
static void write_trace(char out[64], const char *key)
{
    char id[33];
    size_t n = 0;

    for (const char *p = key; *p && n < 32; p++)
        if (*p != '-')
            id[n++] = *p;
    id[n] = '\0';
    snprintf(out, 64, "00-%s-%016llx-01", id, (unsigned long long)(sl_random() | 1));
}

static int envelope_fill(struct envelope *envelope, struct http_sink *sink,
                         const struct sink_request *request)
{
    size_t extra;
    const struct http_header *more = headers_current(sink->headers, sl_now(), &extra);
    struct http_header *list = calloc(CONTRACT_HEADERS + extra, sizeof(*list));
    size_t n = 0;

    if (!list)
        return -ENOMEM;
    snprintf(envelope->count, sizeof(envelope->count), "%zu", request->count);
    snprintf(envelope->attempt, sizeof(envelope->attempt), "%u", request->attempt);
    write_trace(envelope->trace, request->key);
    list[n++] =
        (struct http_header){SLICE("Content-Type"), slice_of(sink->base.format->content_type)};
    list[n++] = (struct http_header){SLICE("Accept-Encoding"), SLICE("identity")};
    list[n++] = (struct http_header){SLICE("Idempotency-Key"), slice_of(request->key)};
    list[n++] = (struct http_header){SLICE("Sluice-Batch-Id"), slice_of(request->key)};
    list[n++] = (struct http_header){SLICE("Sluice-Batch-Count"), slice_of(envelope->count)};
    list[n++] = (struct http_header){SLICE("Sluice-Attempt"), slice_of(envelope->attempt)};
    list[n++] = (struct http_header){SLICE("traceparent"), slice_of(envelope->trace)};
    envelope->list = list;
    envelope->length = n + extra;
    envelope->more = (struct strbuf){0};
    for (size_t i = 0; i < extra; i++) {
        strbuf_add_slice(&envelope->more, more[i].name);
        strbuf_add_slice(&envelope->more, more[i].value);
    }
    for (size_t i = 0, at = 0; i < extra && !strbuf_failed(&envelope->more); i++) {
        list[n].name = (struct slice){envelope->more.p + at, more[i].name.n};
        at += more[i].name.n;
        list[n++].value = (struct slice){envelope->more.p + at, more[i].value.n};
        at += more[i].value.n;
    }
    return strbuf_failed(&envelope->more) ? -ENOMEM : 0;
}

static void envelope_deinit(struct envelope *envelope)
{
    strbuf_deinit(&envelope->more);
    free(envelope->list);
}

/* The values of all headers of that name, as far as there is room. */
static size_t header_values(const struct http_answer *answer, struct slice name, struct slice *out,
                            size_t room)
{
    struct http_head_line line;
    size_t at = 0, n = 0;

    while (n < room && http_head_next(strbuf_slice(&answer->head), &at, &line))
        if (slice_eq_nocase(line.name, name))
            out[n++] = line.value;
    return n;
}

/* Does a header say that the body is not as it was written? */
static bool is_encoded(const struct http_answer *answer)
{
    struct http_head_line line;
    size_t at = 0;

    while (http_head_next(strbuf_slice(&answer->head), &at, &line))
        if (slice_eq_nocase(line.name, SLICE("Content-Encoding")) && line.value.n > 0 &&
            !slice_eq_nocase(line.value, SLICE("identity")))
            return true;
    return false;
}

static void judge(const struct http_answer *answer, const struct sink_request *request,
                  struct sink_result *result)
{
    struct slice waits[RETRY_AFTERS_MAX];
    size_t wait_count;

    result->complete = answer->failure == HTTP_COMPLETE;
    result->sent = answer->sent;
    result->status = answer->status;
    if (PLANTED(16) && answer->failure == HTTP_FAIL_CUT && answer->sent) {
        result->complete = true;
        result->status = 200;
    }
    result->outcome = outcome_of(
        &(struct outcome_answer){
            .is_complete = result->complete,
            .is_early = answer->early,
            .status = result->status,
            .is_encoded = is_encoded(answer),
            .content_type = http_answer_header(answer, "Content-Type"),
            .body = strbuf_slice(&answer->body),
        },
        &(struct outcome_batch){
            .ids = request->ids, .count = request->count, .failed = result->failed},
        result->reason);
    if (!result->complete)
        snprintf(result->reason, sizeof(result->reason), "%s", answer->detail);
    wait_count = header_values(answer, SLICE("Retry-After"), waits, RETRY_AFTERS_MAX);
    result->retry_after = outcome_retry_after(waits, wait_count, sl_wall_ms() / 1000);
}

static void http_post(struct sink *sink, struct sl_ctx *ctx, const struct sink_request *request,
                      struct sink_result *result)
{
    struct http_sink *http = (struct http_sink *)sink;
    struct envelope envelope = {0};
    struct http_answer answer;

    if (envelope_fill(&envelope, http, request)) {
        envelope_deinit(&envelope);
        result->outcome = OUTCOME_RETRY;
        snprintf(result->reason, sizeof(result->reason), "out of memory");
        return;
    }
    http_answer_init(&answer);
    http_perform(http->client, ctx,
                 &(struct http_request){
                     .method = "POST",
                     .url = http->url,
                     .headers = envelope.list,
                     .header_count = envelope.length,
                     .body = request->body,
                     .timeout = http->timeout,
                     .answer_max = ANSWER_MAX,
                     .fresh_connection = request->attempt > 1,
                 },
                 &answer);
    judge(&answer, request, result);
    http_answer_deinit(&answer);
    envelope_deinit(&envelope);
}

static void http_sink_free(struct sink *sink)
{
    struct http_sink *http = (struct http_sink *)sink;

    headers_free(http->headers);
    free(http->url);
    free(http);
}

static const struct sink_ops http_ops = {.post = http_post, .free = http_sink_free};

static bool http_takes(const char *to)
{
    return strstr(to, "://") != NULL;
}

/* The URL must be one that every client reads alike, and lead where batches may go. */
static int check_url(const struct sink_config *config, struct uri *uri, struct problem *problem)
{
    enum uri_result r = uri_read(slice_of(config->to), uri);

    if (r == URI_OK)
        r = uri_judge(uri, config->allow_http);
    if (r == URI_OK)
        return 0;
    if (r == URI_NOT_ENCRYPTED)
        return problem_set(problem, EXIT_BAD_USAGE,
                           "--to %s would send events unencrypted\n"
                           "  do:    https://, or --allow-http if the network between is yours",
                           config->to);
    return problem_set(problem, EXIT_BAD_USAGE,
                       "--to is not an address that batches can go to: it %s\n"
                       "  do:    give the service's URL, https://host/path",
                       uri_problem(r));
}

static int http_open(struct sink **out, struct sl_ctx *ctx, const struct sink_config *config,
                     struct problem *problem)
{
    struct http_sink *sink;
    struct uri uri;
    struct slice shown;
    int r = check_url(config, &uri, problem);

    if (r)
        return r;
    sink = calloc(1, sizeof(*sink));
    if (!sink)
        return -ENOMEM;
    sink->base = (struct sink){.ops = &http_ops, .format = config->format};
    shown = uri_shown(slice_of(config->to), &uri);
    snprintf(sink->base.name, sizeof(sink->base.name), SLICE_FMT, SLICE_ARG(shown));
    sink->client = config->http;
    sink->timeout = config->timeout;
    sink->url = strdup(config->to);
    r = sink->url ? headers_new(&sink->headers, ctx, config->headers, config->header_files,
                                config->bearer_file, problem)
                  : -ENOMEM;
    if (r) {
        http_sink_free(&sink->base);
        return r;
    }
    *out = &sink->base;
    return 0;
}

const struct sink_kind sink_http = {.name = "http", .takes = http_takes, .open = http_open};

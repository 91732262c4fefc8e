#include "aws/sqs_call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include <sluice/task.h>

enum {
    BUFFER_KEPT_MAX = 1 << 20,   /* an idle call keeps no buffer larger than this */
    ANSWER_MAX_USUAL = 64 << 10, /* ten entries with their errors take less than 8 KiB */
    ERROR_READ_MAX = 64 << 10,   /* of an error's body */
};

static const sl_dur timeout_usual = SL_DUR_SEC(15);

/* ---- the client ---- */

int sqs_client_new(struct sqs_client **out, struct sl_ctx *ctx, const struct aws_config *config,
                   struct http_client *http)
{
    struct sqs_client *client = calloc(1, sizeof(*client));

    if (!client)
        return -ENOMEM;
    client->config = config;
    client->http = http;
    client->errands = &client->unwatched;
    client->signer = sigv4_signer_new();
    client->skew.is_disabled = !config->skew_correction;
    retry_quota_init(&client->quota);
    if (!client->signer ||
        credential_store_new(&client->credentials, ctx, config, http, NULL) != 0) {
        sqs_client_free(client);
        return -ENOMEM;
    }
    *out = client;
    return 0;
}

static void call_free(struct sqs_call *call)
{
    strbuf_deinit(&call->body);
    if (call->secrets.p)
        OPENSSL_cleanse(call->secrets.p, call->secrets.cap);
    strbuf_deinit(&call->secrets);
    http_answer_deinit(&call->answer);
    free(call);
}

void sqs_client_free(struct sqs_client *client)
{
    struct sqs_call *call;

    if (!client)
        return;
    while ((call = client->idle)) {
        client->idle = call->next;
        call_free(call);
    }
    credential_store_free(client->credentials);
    sigv4_signer_free(client->signer);
    free(client);
}

const struct sqs_counts *sqs_client_counts(const struct sqs_client *client)
{
    return &client->counts;
}

void sqs_client_watch(struct sqs_client *client, struct errands *errands)
{
    client->errands = errands;
}

const char *sqs_client_identity(const struct sqs_client *client)
{
    return credentials_origin(client->credentials);
}

sl_dur sqs_client_round_trip(const struct sqs_client *client)
{
    return client->round_trip;
}

int64_t sqs_client_skew_ms(const struct sqs_client *client)
{
    return client->skew.offset_ms;
}

/* ---- calls ---- */

struct sqs_call *sqs_call_begin(struct sqs_client *client, const struct sqs_target *target,
                                const struct sqs_operation *operation)
{
    struct sqs_call *call = client->idle;

    if (call) {
        client->idle = call->next;
    } else {
        call = calloc(1, sizeof(*call));
        if (!call)
            return NULL;
        http_answer_init(&call->answer);
    }
    strbuf_reset(&call->body);
    call->client = client;
    call->target = target;
    call->operation = operation;
    call->timeout = timeout_usual;
    call->answer_max = ANSWER_MAX_USUAL;
    call->begin_in = NULL;
    call->cut = 0;
    return call;
}

static void drop_if_large(struct strbuf *b)
{
    if (b->cap > BUFFER_KEPT_MAX)
        strbuf_deinit(b);
}

void sqs_call_end(struct sqs_call *call)
{
    if (!call)
        return;
    drop_if_large(&call->body);
    drop_if_large(&call->answer.body);
    call->next = call->client->idle;
    call->client->idle = call;
}

/* ---- one attempt ---- */

enum { HEADERS = 6 };

/* What is sent besides the body. Its slices point into the call, for the signer and the keys serve
 * other tasks while this one waits. */
struct head {
    struct sigv4_signature signature;
    struct http_header headers[HEADERS];
    size_t count;
};

static const struct slice content_type = SLICE_INIT("application/x-amz-json-1.0");
static const struct slice query_mode =
    SLICE_INIT("true"); /* as the SDKs: errors by their old codes */

static int sign_with(struct sqs_call *call, const struct sigv4_identity *identity, int64_t now_ms,
                     struct sigv4_signature *out)
{
    const struct sigv4_header covered[] = {
        {SLICE("content-type"), content_type},
        {SLICE("host"), call->target->host},
        {SLICE("x-amz-target"), call->operation->target},
        {SLICE("x-amzn-query-mode"), query_mode},
    };
    const struct sigv4_request request = {
        .method = SLICE("POST"),
        .path = call->target->path,
        .headers = covered,
        .header_count = sizeof(covered) / sizeof(covered[0]),
        .body = strbuf_slice(&call->body),
    };
    const struct sigv4_scope scope = {call->target->region, SLICE("sqs")};

    return sigv4_sign(call->client->signer, &request, identity, &scope, now_ms / 1000, out);
}

static void write_head(struct sqs_call *call, size_t authorization_n, struct head *head)
{
    const struct slice authorization = {call->secrets.p, authorization_n};
    const struct slice token = {call->secrets.p + authorization_n,
                                call->secrets.n - authorization_n};

    head->headers[0] = (struct http_header){SLICE("Content-Type"), content_type};
    head->headers[1] = (struct http_header){SLICE("X-Amz-Target"), call->operation->target};
    head->headers[2] = (struct http_header){SLICE("X-Amzn-Query-Mode"), query_mode};
    head->headers[3] = (struct http_header){SLICE("X-Amz-Date"), slice_of(head->signature.date)};
    head->headers[4] = (struct http_header){SLICE("Authorization"), authorization};
    head->headers[5] = (struct http_header){SLICE("X-Amz-Security-Token"), token};
    head->count = token.n ? HEADERS : HEADERS - 1;
}

/* Moves when the wall clock is set, and while the machine sleeps. */
static int64_t wall_ahead_ms(void)
{
    return sl_wall_ms() - sl_now().ns / 1000000;
}

/* A difference that the clock's correction does not count, is none here either. */
static struct credential_time time_of(const struct sqs_client *client)
{
    int64_t moved_ms =
        client->was_told ? llabs(wall_ahead_ms() - client->told_ahead_ms) : INT64_MAX;

    return (struct credential_time){
        .now_ms = clock_skew_now(&client->skew, sl_wall_ms()),
        .is_untold = !client->skew.is_disabled && moved_ms > CLOCK_SKEW_MIN_MS,
    };
}

/* Signs the body as it stands, at the present time. Results as credentials_get, or -errno. */
static int sign(struct sqs_call *call, struct sl_ctx *ctx, struct head *head)
{
    struct sqs_client *client = call->client;
    const struct aws_credentials *keys = NULL;
    struct sigv4_identity identity;
    size_t authorization_n;
    int result = credentials_get(client->credentials, ctx, time_of(client), &keys);

    if (result != 0)
        return result;
    call->generation = keys->generation;
    call->signed_offset_ms = client->skew.offset_ms;
    identity =
        (struct sigv4_identity){slice_of(keys->access_key_id), slice_of(keys->secret_access_key),
                                slice_of(keys->session_token)};
    result =
        sign_with(call, &identity, clock_skew_now(&client->skew, sl_wall_ms()), &head->signature);
    if (result != 0)
        return result;
    strbuf_reset(&call->secrets);
    strbuf_add_slice(&call->secrets, head->signature.authorization);
    authorization_n = call->secrets.n;
    strbuf_add_slice(&call->secrets, identity.token);
    if (strbuf_failed(&call->secrets))
        return -ENOMEM;
    write_head(call, authorization_n, head);
    return 0;
}

/* Learns the clock's difference from an answer, failed or not. */
static void learn_time(struct sqs_call *call)
{
    const struct clock_skew_answer answer = {
        .sent_ms = call->answer.sent_wall_ms,
        .received_ms = call->answer.received_wall_ms,
        .date = http_answer_header(&call->answer, "Date"),
        .has_age = http_answer_header_count(&call->answer, "Age") > 0,
    };

    call->told_time = clock_skew_learn(&call->client->skew, &answer);
    if (call->told_time) {
        call->client->was_told = true;
        call->client->told_ahead_ms = wall_ahead_ms();
    }
}

/* A success that came before the request was sent in full can be none to it: as if the connection
 * had been lost. */
static void refuse_early(struct http_answer *answer)
{
    if (answer->failure != HTTP_COMPLETE || answer->status != 200 || !answer->early)
        return;
    answer->failure = HTTP_FAIL_CUT;
    answer->status = 0;
    snprintf(answer->detail, sizeof(answer->detail), "answered before the request was sent");
}

/* A long poll's answer comes when the queue has something; that of any other request tells how far away the queue is. */
static void learn_round_trip(const struct sqs_call *call)
{
    sl_dur *known = &call->client->round_trip;
    sl_dur took = sl_time_sub(call->answer.answered, call->asked);

    if (call->operation->is_long_poll)
        return;
    if (sl_dur_cmp(took, *known) < 0)
        took = sl_dur_sub(*known, sl_dur_div(sl_dur_sub(*known, took), 8));
    *known = took;
}

/* Signs and sends once. Results as sign; 0: call->answer says how it went. */
static int attempt(struct sqs_call *call, struct sl_ctx *ctx, bool fresh)
{
    struct head head;
    struct http_request request = {
        .method = "POST",
        .url = call->target->url,
        .headers = head.headers,
        .body = strbuf_slice(&call->body),
        .timeout = call->timeout,
        .answer_max = call->answer_max,
        .fresh_connection = fresh,
        .begin_in = call->begin_in,
    };
    int result = sign(call, ctx, &head);

    if (result != 0)
        return result;
    request.header_count = head.count;
    call->client->counts.requests++;
    call->asked = sl_now();
    http_perform(call->client->http, ctx, &request, &call->answer);
    refuse_early(&call->answer);
    if (call->answer.failure == HTTP_COMPLETE) {
        learn_time(call);
        learn_round_trip(call);
    } else if (call->answer.sent) {
        call->cut++;
        call->client->counts.receives_cut += call->operation->is_long_poll;
    }
    return 0;
}

/* ---- what a failed attempt means ---- */

static void copy_text(char *out, size_t size, struct slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n && n + 1 < size; i++)
        out[n++] = text.p[i] >= ' ' && text.p[i] <= '~' ? text.p[i] : '?';
    out[n] = '\0';
}

/* Without a complete answer. */
static enum retry_class judge_transport(const struct http_answer *answer,
                                        struct sqs_failure *failure)
{
    failure->trouble = SQS_TROUBLE_UNREACHABLE;
    failure->http = answer->failure;
    copy_text(failure->message, sizeof(failure->message),
              slice_of(answer->detail[0] ? answer->detail : http_failure_text(answer->failure)));
    switch (answer->failure) {
    case HTTP_FAIL_RESOLVE:
    case HTTP_FAIL_CONNECT:
    case HTTP_FAIL_TLS:
    case HTTP_FAIL_TIMEOUT:
    case HTTP_FAIL_CUT:
        return RETRY_TRANSIENT;
    case HTTP_FAIL_PROTOCOL:
        failure->trouble = SQS_TROUBLE_ANSWER;
        return RETRY_TRANSIENT;
    case HTTP_FAIL_TOO_LARGE:
        failure->trouble = SQS_TROUBLE_ANSWER;
        return RETRY_NEVER;
    case HTTP_FAIL_REFUSED_URL:
        failure->trouble = SQS_TROUBLE_REQUEST;
        return RETRY_NEVER;
    case HTTP_FAIL_MEMORY:
    case HTTP_FAIL_CANCELED:
    case HTTP_COMPLETE:
        break;
    }
    return RETRY_NEVER;
}

/* Codes that speak of the time itself; the others of that class may as well mean a wrong secret. */
static bool is_about_time(const char *code)
{
    return strcmp(code, "RequestExpired") == 0 || strcmp(code, "RequestInTheFuture") == 0 ||
           strcmp(code, "RequestTimeTooSkewed") == 0;
}

static enum sqs_trouble trouble_of(const struct sqs_client *client, const struct sqs_error *error,
                                   int status)
{
    /* Without a code it was not SQS that spoke, but a proxy, another service … */
    if (!error->code[0] && status < 500 && status != 429)
        return SQS_TROUBLE_ANSWER;
    switch (error->class) {
    case SQS_ERROR_THROTTLED:
        return SQS_TROUBLE_THROTTLED;
    case SQS_ERROR_CREDENTIALS:
        return SQS_TROUBLE_CREDENTIALS;
    case SQS_ERROR_CLOCK:
        return is_about_time(error->code) || client->skew.is_corrected ? SQS_TROUBLE_CLOCK
                                                                       : SQS_TROUBLE_CREDENTIALS;
    case SQS_ERROR_PERMISSION:
        return SQS_TROUBLE_PERMISSION;
    case SQS_ERROR_OVER_LIMIT:
        return SQS_TROUBLE_OVER_LIMIT;
    case SQS_ERROR_NO_QUEUE:
        return SQS_TROUBLE_NO_QUEUE;
    case SQS_ERROR_HANDLE:
        return SQS_TROUBLE_HANDLE;
    case SQS_ERROR_REQUEST:
        return SQS_TROUBLE_REQUEST;
    case SQS_ERROR_TRANSIENT:
    case SQS_ERROR_NONE:
        break;
    }
    return SQS_TROUBLE_SERVICE;
}

/* AWS explains a wrong signature by the request that it saw, with the session token in it, and one
 * that it can't read by the header itself. The message ends before the first of these. */
static void cut_secrets(char *message)
{
    static const char *const marks[] = {
        "The Canonical String", "Authorization=",        "AWS4-HMAC-SHA256",      "Credential=",
        "Signature=",           "X-Amz-Security-Token:", "X-Amz-Security-Token=",
    };
    char *end = message + strlen(message), *start = end, *at;

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if ((at = strcasestr(message, marks[i])) && at < start)
            start = at;
    while (start < end && start > message && strchr(" ?:'\"", start[-1]))
        start--;
    *start = '\0';
}

static enum retry_class judge_answer(const struct sqs_client *client,
                                     const struct http_answer *answer, struct sqs_failure *failure)
{
    struct slice body = strbuf_slice(&answer->body);
    enum retry_class class;
    struct sqs_error error;

    if (body.n > ERROR_READ_MAX)
        body.n = ERROR_READ_MAX;
    sqs_read_error(answer->status, http_answer_header(answer, "x-amzn-query-error"), body, &error);
    failure->status = answer->status;
    failure->trouble = trouble_of(client, &error, answer->status);
    memcpy(failure->code, error.code, sizeof(failure->code));
    memcpy(failure->message, error.message, sizeof(failure->message));
    cut_secrets(failure->message);
    copy_text(failure->request_id, sizeof(failure->request_id),
              http_answer_header(answer, "x-amzn-RequestId"));
    class = retry_class_of(slice_of(error.code), answer->status);
    if (class == RETRY_NEVER && error.code[0] && error.class == SQS_ERROR_TRANSIENT)
        class = RETRY_TRANSIENT;
    return class;
}

static void failure_init(struct sqs_failure *failure, const struct sqs_operation *operation)
{
    *failure =
        (struct sqs_failure){.operation = operation->name, .permission = operation->permission};
}

int sqs_call_malformed(const struct sqs_call *call, struct sqs_failure *failure)
{
    failure_init(failure, call->operation);
    failure->trouble = SQS_TROUBLE_ANSWER;
    failure->status = call->answer.status;
    failure->attempts = 1;
    failure->is_ambiguous = true;
    snprintf(failure->message, sizeof(failure->message), "%zu bytes that are no answer of SQS",
             call->answer.body.n);
    copy_text(failure->request_id, sizeof(failure->request_id),
              http_answer_header(&call->answer, "x-amzn-RequestId"));
    return SQS_FAILED;
}

/* ---- the attempts of one call ---- */

/* Besides the retries that every call gets, each of these is worth one more, once. */
struct remedies {
    struct retry retry;
    bool clock_corrected;
    bool keys_renewed;
};

/* Beside the results of operations. */
enum { TRY_AGAIN = 32 };

/* Whether the clock or the keys were the trouble and are others now. TRY_AGAIN, SQS_FAILED, or the
 * results of credentials_renew that end the call. */
static int mend(const struct sqs_call *call, struct sl_ctx *ctx, const struct sqs_failure *failure,
                struct remedies *done)
{
    struct sqs_client *client = call->client;
    int result;

    if (!done->clock_corrected && call->answer.failure == HTTP_COMPLETE && call->told_time &&
        clock_skew_explains(&client->skew, slice_of(failure->code), call->signed_offset_ms)) {
        done->clock_corrected = true;
        return TRY_AGAIN;
    }
    if (PLANTED(29) || failure->trouble != SQS_TROUBLE_CREDENTIALS || done->keys_renewed)
        return SQS_FAILED;
    done->keys_renewed = true;
    client->counts.renewals++;
    result = credentials_renew(client->credentials, ctx, time_of(client), call->generation);
    if (result == 0)
        return TRY_AGAIN;
    return result == CREDENTIALS_NONE ? SQS_FAILED : result;
}

/* Waits before the next attempt, if there is to be one. TRY_AGAIN, SQS_FAILED, or the end of ctx. */
static int wait_to_retry(const struct sqs_call *call, struct sl_ctx *ctx, enum retry_class class,
                         struct remedies *done)
{
    const struct retry_failure failed = {
        .class = class,
        .is_long_poll = call->operation->is_long_poll,
        .retry_after = http_answer_header(&call->answer, "x-amz-retry-after"),
        .random = sl_random(),
    };
    sl_dur delay;
    bool again = retry_failed(&done->retry, &call->client->quota, &failed, &delay);
    int result = delay.ns > 0 ? sl_sleep(ctx, delay) : SL_OK;

    if (result != SL_OK)
        return result;
    return again ? TRY_AGAIN : SQS_FAILED;
}

/* Judges a failed attempt, and mends or waits. TRY_AGAIN, or the call's result. */
static int after_failure(const struct sqs_call *call, struct sl_ctx *ctx, struct remedies *done,
                         struct sqs_failure *failure)
{
    const struct http_answer *answer = &call->answer;
    unsigned attempts = failure->attempts + 1;
    bool ambiguous = failure->is_ambiguous;
    enum retry_class class;
    int result;

    failure_init(failure, call->operation);
    failure->attempts = attempts;
    failure->is_ambiguous = ambiguous || (answer->sent && answer->failure != HTTP_COMPLETE);
    if (answer->failure != HTTP_COMPLETE)
        class = judge_transport(answer, failure);
    else
        class = judge_answer(call->client, answer, failure);
    result = mend(call, ctx, failure, done);
    if (result == SQS_FAILED)
        result = wait_to_retry(call, ctx, class, done);
    call->client->counts.retries += result == TRY_AGAIN;
    return result;
}

static int no_keys(struct sqs_failure *failure)
{
    failure->trouble = SQS_TROUBLE_NO_CREDENTIALS;
    failure->status = 0;
    failure->code[0] = '\0';
    snprintf(failure->message, sizeof(failure->message), "no credentials to sign with");
    return SQS_FAILED;
}

/* Why the HTTP client dropped the request: `ctx` ended. */
static int context_result(const struct sl_ctx *ctx)
{
    return sl_ctx_err(ctx) == SL_TIMEOUT ? SL_TIMEOUT : SL_CANCELED;
}

static int perform(struct sqs_call *call, struct sl_ctx *ctx, struct sqs_failure *failure)
{
    struct sqs_client *client = call->client;
    struct remedies done = {.retry = {.attempts_max = client->config->attempts_max}};
    struct sl_ctx *retry_in = call->begin_in ? call->begin_in : ctx;
    bool fresh = false;
    int result;

    failure_init(failure, call->operation);
    if (strbuf_failed(&call->body))
        return -ENOMEM;
    do {
        call->errand.moved_at = sl_now();
        result = attempt(call, ctx, fresh);
        if (result == CREDENTIALS_NONE)
            return no_keys(failure);
        if (result != 0)
            return result;
        if (call->answer.failure == HTTP_FAIL_MEMORY)
            return -ENOMEM;
        if (call->answer.failure == HTTP_FAIL_CANCELED)
            return context_result(ctx);
        if (call->answer.failure == HTTP_COMPLETE && call->answer.status == 200) {
            retry_succeeded(&done.retry, &client->quota);
            return 0;
        }
        /* Connections that idled together die together: no second try on another of them. */
        fresh = call->answer.failure == HTTP_FAIL_CUT && call->answer.reused;
        result = after_failure(call, retry_in, &done, failure);
        if (result == TRY_AGAIN && sl_ctx_err(retry_in) != SL_OK)
            result = context_result(retry_in);
    } while (result == TRY_AGAIN);
    return result;
}

int sqs_call_perform(struct sqs_call *call, struct sl_ctx *ctx, struct sqs_failure *failure)
{
    struct errands *errands = call->client->errands;
    int result;

    errand_begin(errands, &call->errand, call->operation->name);
    result = perform(call, ctx, failure);
    errand_end(errands, &call->errand);
    return result;
}

const char *sqs_failure_text(const struct sqs_failure *f, char *out, size_t room)
{
    if (f->status == 0)
        snprintf(out, room, "%s: %s", f->operation, f->message);
    else
        snprintf(out, room, "%s: %d%s%s%s%s", f->operation, f->status, f->code[0] ? " " : "",
                 f->code, f->message[0] ? ": " : "", f->message);
    return out;
}

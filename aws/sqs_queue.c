/*
 * Finding a queue: which region it is in, where its requests go, and whether they may go there. What
 * a user or a server gives as a URL names a queue; it does not choose who gets signed requests.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sqs_call.h"
#include "aws/sqs_look.h"
#include "core/arn.h"
#include "core/uri.h"

static const struct sqs_operation get_queue_url = {"GetQueueUrl", "sqs:GetQueueUrl",
                                                   SLICE_INIT("AmazonSQS.GetQueueUrl"), false};

/* What endpoints other than AWS's are signed for when nobody names a region; they take any. */
static const char other_region[] = "us-east-1";

/* While a queue is opened. */
struct opening {
    const struct aws_config *config;
    struct sqs_queue_full *full;
    struct slice reference;
    struct queue_ref ref;
    struct uri uri;    /* of QUEUE_BY_URL */
    bool is_elsewhere; /* requests go to an endpoint that is not AWS's */
    struct problem *problem;
    bool failed; /* no memory */
};

void sqs_queue_free(struct sqs_queue *queue)
{
    struct sqs_queue_full *full;

    if (!queue)
        return;
    full = SL_CONTAINER_OF(queue, struct sqs_queue_full, queue);
    free(queue->name);
    free(queue->url);
    free(queue->arn);
    free(queue->region);
    free(queue->endpoint);
    free(queue->region_origin);
    free(queue->notice);
    free(full->host);
    free(full->path);
    free(full);
}

static char *take(struct opening *o, struct strbuf *text)
{
    char *p = strbuf_take(text, NULL);

    o->failed |= !p;
    return p;
}

static char *copy_slice(struct opening *o, struct slice s)
{
    struct strbuf text = {0};

    strbuf_add_slice(&text, s);
    return take(o, &text);
}

static char *copy_text(struct opening *o, const char *text)
{
    return copy_slice(o, slice_of(text));
}

/* ---- reading and judging the reference ---- */

/* What may be a password is not repeated: errors end up in logs. */
static int refuse(struct opening *o, const char *why)
{
    if (memchr(o->reference.p, '@', o->reference.n))
        return problem_set(o->problem, EXIT_BAD_USAGE,
                           "that URL is no queue: it %s\n  do:    give it without user and "
                           "password; the keys come from AWS_* variables or files",
                           why);
    return problem_set(o->problem, EXIT_BAD_USAGE,
                       "\"%.200s\" is no queue: it %s\n  do:    give a queue's URL "
                       "(https://sqs.REGION.amazonaws.com/ACCOUNT/NAME), its ARN or its name",
                       o->reference.p, why);
}

static bool ends_with(struct slice s, const char *end)
{
    size_t n = strlen(end);

    return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

static bool is_vpc_endpoint(const struct opening *o)
{
    return ends_with(o->uri.host, ".vpce.amazonaws.com") ||
           ends_with(o->uri.host, ".vpce.amazonaws.com.cn");
}

/* Whether requests may go where the URL points, if they go there. */
static int judge_url(struct opening *o)
{
    bool is_named = o->config->endpoint.value != NULL;
    enum uri_result result = uri_judge(&o->uri, is_named || o->config->allow_http);

    if (result == URI_NOT_ENCRYPTED)
        return problem_set(o->problem, EXIT_BAD_USAGE,
                           "%.200s %s\n  do:    https://, or --allow-http if that network is "
                           "trusted",
                           o->reference.p, uri_problem(result));
    if (result != URI_OK)
        return refuse(o, uri_problem(result));
    if (is_named || o->uri.reach == URI_LOOPBACK || o->ref.region.n > 0)
        return 0;
    return problem_set(o->problem, EXIT_BAD_CONFIG,
                       "%.*s is no host of AWS: signed requests do not go there unless you say so"
                       "\n  do:    --endpoint-url %s://%.*s, if that is your queue's server",
                       SLICE_ARG(o->uri.authority), o->uri.is_https ? "https" : "http",
                       SLICE_ARG(o->uri.authority));
}

static int read_reference(struct opening *o)
{
    enum queue_ref_result result = queue_ref_read(o->reference, &o->ref);
    enum uri_result url_result;

    if (result == QUEUE_REF_BAD_URL)
        return refuse(o, uri_problem(uri_read(o->reference, &o->uri)));
    if (result != QUEUE_REF_OK)
        return refuse(o, queue_ref_problem(result));
    if (o->ref.kind != QUEUE_BY_URL)
        return 0;
    url_result = uri_read(o->reference, &o->uri);
    return url_result == URI_OK ? judge_url(o) : refuse(o, uri_problem(url_result));
}

/* ---- region ---- */

static void notice_region(struct opening *o, const char *origin)
{
    const struct aws_setting *configured = &o->config->region;
    struct strbuf text = {0};

    if (!configured->value || slice_is(o->ref.region, configured->value))
        return;
    strbuf_addf(&text, "%s says %.*s: that is used, not %s from %s", origin,
                SLICE_ARG(o->ref.region), configured->value, configured->origin);
    o->full->queue.notice = take(o, &text);
}

static int find_region(struct opening *o)
{
    const struct aws_setting *configured = &o->config->region;
    struct sqs_queue *queue = &o->full->queue;
    const char *origin;

    o->is_elsewhere =
        o->config->endpoint.value || (o->ref.kind == QUEUE_BY_URL && o->uri.reach == URI_LOOPBACK);
    if (o->ref.region.n > 0) {
        origin = o->ref.kind == QUEUE_BY_ARN ? "the queue's ARN" : "the queue's URL";
        notice_region(o, origin);
        queue->region = copy_slice(o, o->ref.region);
    } else if (configured->value) {
        origin = configured->origin;
        queue->region = copy_text(o, configured->value);
    } else if (o->is_elsewhere) {
        origin = "the default for other endpoints";
        queue->region = copy_text(o, other_region);
    } else {
        return problem_set(o->problem, EXIT_BAD_CONFIG,
                           "no region is set, so there is no telling where queue %.*s is\n"
                           "  tried: --region, AWS_REGION, AWS_DEFAULT_REGION, region of profile "
                           "%.64s\n  do:    --region eu-central-1, or give the queue's URL",
                           SLICE_ARG(o->ref.name), o->config->profile.value);
    }
    queue->region_origin = copy_text(o, origin);
    return 0;
}

/* ---- endpoint ---- */

/* Splits the endpoint into what is signed: the host as libcurl will send it, and the path. */
static int set_target(struct opening *o)
{
    struct sqs_queue *queue = &o->full->queue;
    struct sqs_target *target = &o->full->target;
    struct strbuf host = {0};
    struct uri uri;

    if (o->failed)
        return -ENOMEM;
    if (uri_read(slice_of(queue->endpoint), &uri) != URI_OK)
        return -EINVAL;
    strbuf_addf(&host, uri.is_ipv6 ? "[%.*s]" : "%.*s", SLICE_ARG(uri.host));
    if (uri.port != (uri.is_https ? 443 : 80))
        strbuf_addf(&host, ":%u", uri.port);
    o->full->host = take(o, &host);
    o->full->path = copy_slice(o, uri.path);
    if (o->failed)
        return -ENOMEM;
    target->url = queue->endpoint;
    target->host = slice_of(o->full->host);
    target->path = slice_of(o->full->path);
    target->region = slice_of(queue->region);
    return 0;
}

/* Host names compare without case, signatures do not. */
static void lower_host(char *url)
{
    for (int slashes = 0; slashes < 3; url++) {
        slashes += *url == '/';
        *url = (char)tolower((unsigned char)*url);
    }
}

static int find_endpoint(struct opening *o)
{
    bool of_url = !o->config->endpoint.value && o->ref.kind == QUEUE_BY_URL &&
                  (o->uri.reach == URI_LOOPBACK || is_vpc_endpoint(o));
    struct strbuf text = {0};

    if (o->failed)
        return -ENOMEM;
    if (of_url)
        strbuf_addf(&text, "%s://%.*s", o->uri.is_https ? "https" : "http",
                    SLICE_ARG(o->uri.authority));
    else
        aws_endpoint(o->config, slice_of(o->full->queue.region), &text);
    strbuf_addc(&text, '/');
    if (!strbuf_failed(&text))
        lower_host(text.p);
    o->full->queue.endpoint = take(o, &text);
    return set_target(o);
}

/* ---- the queue's URL ---- */

static int ask_for_url(struct opening *o, struct sl_ctx *ctx)
{
    struct sqs_queue *queue = &o->full->queue;
    struct sqs_call *call = sqs_call_begin(queue->client, &o->full->target, &get_queue_url);
    struct sqs_failure failure;
    struct strbuf url = {0};
    int result;

    if (!call)
        return -ENOMEM;
    sqs_write_get_queue_url(&call->body, o->ref.name, o->ref.account);
    result = sqs_call_perform(call, ctx, &failure);
    if (result == 0) {
        result = sqs_read_queue_url(strbuf_slice(&call->answer.body), &url);
        if (result == SQS_MALFORMED)
            result = sqs_call_malformed(call, &failure);
        else if (result == 0)
            queue->url = take(o, &url);
    }
    sqs_call_end(call);
    strbuf_deinit(&url);
    return result == SQS_FAILED ? sqs_explain(queue, &failure, o->problem) : result;
}

static int find_url(struct opening *o, struct sl_ctx *ctx)
{
    static const struct aws_config no_settings = {0};
    struct sqs_queue *queue = &o->full->queue;
    struct strbuf url = {0};

    if (o->ref.kind == QUEUE_BY_URL) {
        queue->url = copy_slice(o, o->reference);
        return 0;
    }
    if (o->ref.kind == QUEUE_BY_NAME || o->is_elsewhere)
        return ask_for_url(o, ctx);
    aws_endpoint(&no_settings, o->ref.region, &url);
    strbuf_addf(&url, "/%.*s/%.*s", SLICE_ARG(o->ref.account), SLICE_ARG(o->ref.name));
    queue->url = take(o, &url);
    return 0;
}

static void find_arn(struct opening *o)
{
    struct sqs_queue *queue = &o->full->queue;
    struct slice account = SLICE("000000000000");
    struct strbuf arn = {0};
    struct queue_ref of_url;

    if (o->ref.kind == QUEUE_BY_ARN) {
        queue->arn = copy_slice(o, o->reference);
        return;
    }
    if (queue->url && queue_ref_read(slice_of(queue->url), &of_url) == QUEUE_REF_OK &&
        of_url.account.n > 0)
        account = of_url.account;
    strbuf_addf(&arn, "arn:%s:sqs:%s:%.*s:%s", aws_partition(slice_of(queue->region)),
                queue->region, SLICE_ARG(account), queue->name);
    queue->arn = take(o, &arn);
}

static int open_queue(struct opening *o, struct sl_ctx *ctx)
{
    int result = read_reference(o);

    if (result != 0)
        return result;
    o->full->queue.name = copy_slice(o, o->ref.name);
    o->full->queue.is_fifo = o->ref.is_fifo;
    result = find_region(o);
    if (result == 0)
        result = find_endpoint(o);
    if (result == 0)
        result = find_url(o, ctx);
    if (result == 0 && !o->failed)
        find_arn(o);
    return o->failed ? -ENOMEM : result;
}

int sqs_queue_open(struct sqs_queue **out, struct sqs_client *client, struct sl_ctx *ctx,
                   const char *reference, struct problem *problem)
{
    struct opening o = {.config = client->config,
                        .full = calloc(1, sizeof(*o.full)),
                        .reference = slice_of(reference),
                        .problem = problem};
    int result;

    if (!o.full)
        return -ENOMEM;
    o.full->queue.client = client;
    result = open_queue(&o, ctx);
    if (result == 0)
        *out = &o.full->queue;
    else
        sqs_queue_free(&o.full->queue);
    return result;
}

/* Where ListQueues goes is found as for a queue that was given by its name. */
static int open_all(struct opening *o)
{
    int result;

    o->ref = (struct queue_ref){.kind = QUEUE_BY_NAME, .name = o->reference};
    o->full->queue.name = copy_slice(o, o->ref.name);
    result = find_region(o);
    if (result == 0)
        result = find_endpoint(o);
    if (result == 0 && !o->failed)
        find_arn(o);
    return o->failed ? -ENOMEM : result;
}

int sqs_all_queues_open(struct sqs_queue **out, struct sqs_client *client, struct problem *problem)
{
    struct opening o = {.config = client->config,
                        .full = calloc(1, sizeof(*o.full)),
                        .reference = SLICE("*"),
                        .problem = problem};
    int result;

    if (!o.full)
        return -ENOMEM;
    o.full->queue.client = client;
    result = open_all(&o);
    if (result == 0)
        *out = &o.full->queue;
    else
        sqs_queue_free(&o.full->queue);
    return result;
}

/*
 * What a failure means for the person who can do something about it: what happened, what was asked
 * or looked at, what to do. One row for each trouble.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sqs_call.h"
#include "core/uri.h"

/* The three lines while they are put together. */
struct text {
    const struct sqs_queue *queue;
    const struct aws_config *config;
    const struct sqs_failure *failure;
    struct strbuf what, asked, advice;
};

static bool is_elsewhere(const struct text *t)
{
    struct uri uri;

    return t->config->endpoint.value ||
           (uri_read(slice_of(t->queue->endpoint), &uri) == URI_OK && uri.reach == URI_LOOPBACK);
}

/* The host that was asked, and its port if the endpoint has one. */
static struct slice host_of(const struct text *t)
{
    struct slice endpoint = slice_of(t->queue->endpoint);
    struct uri uri;

    return uri_read(endpoint, &uri) == URI_OK ? uri.authority : endpoint;
}

/* Who refuses. An endpoint that was set may as well be one of AWS's. */
static struct slice refuser(const struct text *t)
{
    return is_elsewhere(t) && !strstr(t->queue->endpoint, ".amazonaws.") ? host_of(t)
                                                                         : SLICE("AWS");
}

static const char *word_or(const char *text, const char *otherwise)
{
    return text && *text ? text : otherwise;
}

/* "403 InvalidClientTokenId: The security token …" */
static void add_answer(struct strbuf *out, const struct sqs_failure *f)
{
    if (f->status)
        strbuf_addf(out, "%d ", f->status);
    strbuf_addf(out, "%s%s%s", f->code, f->code[0] && f->message[0] ? ": " : "", f->message);
}

/* "asked: https://…/ (ReceiveMessage, 3 attempts)" */
static void add_asked(struct text *t)
{
    const struct sqs_failure *f = t->failure;

    strbuf_addf(&t->asked, "asked: %s (%s", t->queue->endpoint, f->operation);
    if (f->attempts > 1)
        strbuf_addf(&t->asked, ", %u attempts", f->attempts);
    if (f->request_id[0])
        strbuf_addf(&t->asked, ", request %s", f->request_id);
    strbuf_adds(&t->asked, ")");
}

static void add_endpoint_origin(struct text *t)
{
    if (t->config->endpoint.value)
        strbuf_addf(&t->asked, "\n  the endpoint came from %s", t->config->endpoint.origin);
}

/* "the region came from AWS_REGION; profile prod says eu-central-1" */
static void add_region_origin(struct text *t, struct strbuf *out)
{
    const struct aws_setting *profile = &t->config->profile_region;

    strbuf_addf(out, "the region came from %s", t->queue->region_origin);
    if (profile->value && strcmp(profile->value, t->queue->region) != 0)
        strbuf_addf(out, "; %s says %s", profile->origin, profile->value);
}

/* Commands that are proposed ask where sluice asked: not every aws reads the variables or the profile's endpoint. */
static void add_endpoint_flag(struct text *t)
{
    size_t n = strlen(t->queue->endpoint);

    if (is_elsewhere(t))
        strbuf_addf(&t->advice, " --endpoint-url %.*s", (int)n - 1, t->queue->endpoint);
}

static void unreachable(struct text *t)
{
    const char *advice;

    strbuf_addf(&t->what, "SQS can't be reached: %s", t->failure->message);
    add_asked(t);
    add_endpoint_origin(t);
    if (t->failure->http == HTTP_FAIL_TLS)
        advice = "AWS_CA_BUNDLE=FILE, if a proxy in between shows a certificate of its own";
    else if (is_elsewhere(t))
        advice = "start the queue there (sluice queue), or correct the endpoint";
    else if (t->failure->http == HTTP_FAIL_RESOLVE)
        advice = "check that there is such a region, and this machine's DNS";
    else
        advice = "check the way out: firewall, security group, HTTPS_PROXY, a VPC endpoint for SQS";
    if (!is_elsewhere(t) && t->failure->http == HTTP_FAIL_RESOLVE) {
        strbuf_adds(&t->asked, "\n  ");
        add_region_origin(t, &t->asked);
    }
    strbuf_adds(&t->advice, advice);
}

static void service(struct text *t)
{
    strbuf_adds(&t->what, t->failure->trouble == SQS_TROUBLE_THROTTLED ? "SQS is throttling: "
                                                                       : "SQS failed: ");
    add_answer(&t->what, t->failure);
    add_asked(t);
    strbuf_adds(&t->advice, "try again in a minute");
    if (t->failure->trouble == SQS_TROUBLE_THROTTLED)
        strbuf_adds(&t->advice, "; fewer --receivers ask less often");
    else if (!is_elsewhere(t))
        strbuf_adds(&t->advice, "; https://health.aws.amazon.com tells more");
}

static bool has_expired(const char *code)
{
    return strncmp(code, "Expired", 7) == 0;
}

/* The code of a wrong signature, but the message says that it was made for elsewhere: sluice queue's words, and SQS's. */
static bool is_for_elsewhere(const struct sqs_failure *f)
{
    return strstr(f->message, "for another region") || strcasestr(f->message, "to a valid region");
}

static void add_region_advice(struct text *t)
{
    struct slice host = host_of(t);

    strbuf_addf(&t->asked, "\n  signed for %s: ", t->queue->region);
    add_region_origin(t, &t->asked);
    strbuf_addf(&t->advice,
                "--region with the one that " SLICE_FMT " is in, and check this machine's clock",
                SLICE_ARG(host));
}

static void credentials(struct text *t)
{
    const struct sqs_failure *f = t->failure;
    const char *identity = sqs_client_identity(t->queue->client);
    struct slice who = refuser(t);

    strbuf_addf(&t->what, SLICE_FMT " refuses the credentials from %s: ", SLICE_ARG(who),
                word_or(identity, "nowhere"));
    add_answer(&t->what, f);
    add_asked(t);
    if (is_for_elsewhere(f))
        add_region_advice(t);
    else if (has_expired(f->code))
        strbuf_adds(&t->advice, credentials_renewal(t->queue->client->credentials));
    else if (strstr(f->code, "Signature"))
        strbuf_adds(&t->advice, "check that the secret key belongs to that access key");
    else
        strbuf_addf(&t->advice, "check the access key; temporary ones need AWS_SESSION_TOKEN too%s",
                    is_elsewhere(t) ? "" : " (aws sts get-caller-identity)");
}

static void wrong_time(struct text *t)
{
    int64_t skew_ms = sqs_client_skew_ms(t->queue->client);
    struct slice who = refuser(t);

    if (is_for_elsewhere(t->failure)) { /* the right time was tried as well */
        credentials(t);
        return;
    }
    strbuf_addf(&t->what, SLICE_FMT " refuses the time of the request: ", SLICE_ARG(who));
    add_answer(&t->what, t->failure);
    add_asked(t);
    if (skew_ms)
        strbuf_addf(&t->asked, "\n  this machine's clock is %lld s %s",
                    (long long)(llabs((long long)skew_ms) / 1000),
                    skew_ms > 0 ? "behind" : "ahead");
    strbuf_adds(&t->advice, "set the clock (timedatectl set-ntp true)");
    if (!t->config->skew_correction)
        strbuf_adds(&t->advice, ", or leave AWS_DISABLE_CLOCK_SKEW_CORRECTION out");
}

/* Troubles with the queue's key that no permission mends. */
static const struct key_trouble {
    const char *code, *state, *remedy;
} key_troubles[] = {
    {"KmsDisabled", "is disabled", "enable it, or "},
    {"KmsInvalidState", "is pending deletion or not available",
     "cancel its deletion and enable it, or "},
    {"KmsNotFound", "does not exist", ""},
    {"KmsInvalidKeyUsage", "is not one that encrypts", ""},
};

static const struct key_trouble *key_trouble_of(const char *code)
{
    for (size_t i = 0; i < sizeof(key_troubles) / sizeof(key_troubles[0]); i++)
        if (strcmp(code, key_troubles[i].code) == 0)
            return &key_troubles[i];
    return NULL;
}

static void unusable_key(struct text *t, const struct key_trouble *trouble)
{
    strbuf_addf(&t->what, "the KMS key of %s (%s) %s: ", t->queue->name, t->queue->region,
                trouble->state);
    add_answer(&t->what, t->failure);
    add_asked(t);
    strbuf_addf(&t->advice,
                "%sgive the queue another (aws sqs set-queue-attributes, KmsMasterKeyId)",
                trouble->remedy);
}

/* "kms:GenerateDataKey" in what AWS says, but not the "kms:" of a key's ARN. {NULL, 0}: none. */
static struct slice kms_action_in(const char *message)
{
    const char *end;

    for (const char *at = message; (at = strstr(at, "kms:")); at++) {
        for (end = at + 4; isalpha((unsigned char)*end); end++)
            ;
        if (isupper((unsigned char)at[4]) && (at == message || at[-1] != ':'))
            return (struct slice){at, (size_t)(end - at)};
    }
    return (struct slice){NULL, 0};
}

/* The action of KMS that is wanting; {NULL, 0}: it is one of SQS. */
static struct slice kms_action(const struct sqs_failure *f)
{
    struct slice named = kms_action_in(f->message);

    if (named.n || strncmp(f->code, "Kms", 3) != 0)
        return named;
    return strcmp(f->operation, "SendMessageBatch") == 0
               ? SLICE("kms:GenerateDataKey and kms:Decrypt")
               : SLICE("kms:Decrypt");
}

static void permission(struct text *t)
{
    const struct sqs_failure *f = t->failure;
    const struct key_trouble *trouble = key_trouble_of(f->code);
    struct slice of_kms = kms_action(f);
    struct slice action = of_kms.n ? of_kms : slice_of(f->permission);

    if (trouble) {
        unusable_key(t, trouble);
        return;
    }
    strbuf_addf(&t->what, "no permission for " SLICE_FMT " on %s (%s): ", SLICE_ARG(action),
                t->queue->name, t->queue->region);
    add_answer(&t->what, f);
    add_asked(t);
    strbuf_addf(&t->asked, "\n  signed with the keys from %s",
                word_or(sqs_client_identity(t->queue->client), "nowhere"));
    if (strcmp(f->operation, "GetQueueUrl") == 0)
        strbuf_adds(&t->advice, "give the queue's URL instead of its name, or ");
    if (of_kms.n)
        strbuf_addf(&t->advice, "allow " SLICE_FMT " on the queue's key", SLICE_ARG(action));
    else
        strbuf_addf(&t->advice, "allow " SLICE_FMT " on %s in that identity's policy",
                    SLICE_ARG(action), word_or(t->queue->arn, "the queue"));
}

static void over_limit(struct text *t)
{
    strbuf_addf(&t->what, "too many messages of %s are in flight: ", t->queue->name);
    add_answer(&t->what, t->failure);
    add_asked(t);
    strbuf_adds(&t->advice, "wait until its other consumers have deleted some");
}

static void no_queue(struct text *t)
{
    const struct aws_setting *profile = &t->config->profile_region;
    bool other = profile->value && strcmp(profile->value, t->queue->region) != 0;

    strbuf_addf(&t->what, "queue %s does not exist in %s (asked %s)", t->queue->name,
                t->queue->region, t->queue->endpoint);
    add_region_origin(t, &t->asked);
    add_endpoint_origin(t);
    if (other && !is_elsewhere(t)) {
        strbuf_addf(&t->advice, "--region %s, or give the queue's URL", profile->value);
        return;
    }
    strbuf_addf(&t->advice,
                "check the name and the region, or aws sqs create-queue --queue-name %s%s "
                "--region %s",
                t->queue->name, t->queue->is_fifo ? " --attributes FifoQueue=true" : "",
                t->queue->region);
    add_endpoint_flag(t);
}

static void refused(struct text *t)
{
    strbuf_adds(&t->what, "SQS refuses the request: ");
    add_answer(&t->what, t->failure);
    add_asked(t);
    strbuf_adds(&t->advice, "check the flags against the queue's settings (aws sqs "
                            "get-queue-attributes --attribute-names All");
    add_endpoint_flag(t);
    strbuf_adds(&t->advice, ")");
}

static void not_sqs(struct text *t)
{
    strbuf_adds(&t->what, "what answered is not SQS: ");
    add_answer(&t->what, t->failure);
    add_asked(t);
    add_endpoint_origin(t);
    strbuf_adds(&t->advice, "check the endpoint, and what stands in between (a proxy, a portal)");
}

static const struct row {
    void (*write)(struct text *);
    enum exit_status status;
} rows[] = {
    [SQS_TROUBLE_UNREACHABLE] = {unreachable, EXIT_NOT_AVAILABLE},
    [SQS_TROUBLE_SERVICE] = {service, EXIT_NOT_AVAILABLE},
    [SQS_TROUBLE_THROTTLED] = {service, EXIT_NOT_AVAILABLE},
    [SQS_TROUBLE_NO_CREDENTIALS] = {NULL, EXIT_NO_CREDENTIALS}, /* credentials_explain */
    [SQS_TROUBLE_CREDENTIALS] = {credentials, EXIT_NO_CREDENTIALS},
    [SQS_TROUBLE_CLOCK] = {wrong_time, EXIT_BAD_CONFIG},
    [SQS_TROUBLE_PERMISSION] = {permission, EXIT_NO_CREDENTIALS},
    [SQS_TROUBLE_OVER_LIMIT] = {over_limit, EXIT_NOT_AVAILABLE},
    [SQS_TROUBLE_NO_QUEUE] = {no_queue, EXIT_BAD_CONFIG},
    [SQS_TROUBLE_HANDLE] = {refused, EXIT_INTERNAL},
    [SQS_TROUBLE_REQUEST] = {refused, EXIT_BAD_CONFIG},
    [SQS_TROUBLE_ANSWER] = {not_sqs, EXIT_NOT_AVAILABLE},
};

int sqs_explain(const struct sqs_queue *queue, const struct sqs_failure *failure,
                struct problem *problem)
{
    const struct row *row = &rows[failure->trouble];
    struct text t = {.queue = queue, .config = queue->client->config, .failure = failure};

    if (!row->write)
        return credentials_explain(queue->client->credentials, problem);
    row->write(&t);
    problem_set(problem, row->status, "%s\n  %s\n  do:    %s", word_or(t.what.p, "no memory"),
                word_or(t.asked.p, ""), word_or(t.advice.p, ""));
    strbuf_deinit(&t.what);
    strbuf_deinit(&t.asked);
    strbuf_deinit(&t.advice);
    return PROBLEM;
}

/*
 * settings_redrive -- RedrivePolicy and RedriveAllowPolicy: small JSON objects that clients write as text. The words of the
 * refusals are SQS's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/arn.h"
#include "core/json.h"
#include "queue/settings_policy.h"

/* How much of a value is shown, so that the reason behind it has room. */
enum { SHOWN_MAX = 300 };

static enum queue_error refuse_reason(const char *name, struct slice value, const char *reason,
                                      struct queue_refusal *refusal)
{
    int shown = value.n < SHOWN_MAX ? (int)value.n : SHOWN_MAX;

    return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                        "Value %.*s for parameter %s is invalid. Reason: %s", shown, value.p, name,
                        reason);
}

/* `n`: its length, as there may be a NUL in it; NULL: not asked for. */
static char *unescaped(const struct json_value *string, size_t *n)
{
    struct strbuf plain = {0};

    json_unescape(string->text, &plain);
    return strbuf_take(&plain, n);
}

/* ---- RedrivePolicy ---- */

struct redrive {
    struct json_value arn, count; /* of type JSON_ERROR: not there */
    bool has_others;
};

/* false: no JSON object. */
static bool read_redrive(struct slice text, struct redrive *out)
{
    struct json_value key, value;
    struct json j;

    *out = (struct redrive){0};
    json_init(&j, text);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return false;
    while (json_member(&j, &key)) {
        if (!json_skip(&j, &value))
            return false;
        if (json_is(&key, "deadLetterTargetArn"))
            out->arn = value;
        else if (json_is(&key, "maxReceiveCount"))
            out->count = value;
        else
            out->has_others = true;
    }
    return json_end(&j);
}

/* A number or a string of 1 to 1,000. */
static bool read_count(const struct json_value *value, uint32_t *out)
{
    uint32_t n = 0;

    if ((value->type != JSON_NUMBER && value->type != JSON_STRING) || value->text.n == 0 ||
        value->text.n > 4)
        return false;
    for (size_t i = 0; i < value->text.n; i++) {
        if (value->text.p[i] < '0' || value->text.p[i] > '9')
            return false;
        n = n * 10 + (uint32_t)(value->text.p[i] - '0');
    }
    *out = n;
    return n >= 1 && n <= QUEUE_MAX_RECEIVES_MAX;
}

static enum queue_error refuse_count(struct slice text, const struct json_value *count,
                                     struct queue_refusal *refusal)
{
    char reason[128];

    snprintf(reason, sizeof(reason),
             "Invalid value for maxReceiveCount: %.*s, valid values are from 1 to 1000 both "
             "inclusive.",
             count->text.n < 20 ? (int)count->text.n : 20, count->text.p);
    return refuse_reason("RedrivePolicy", text, reason, refusal);
}

/* NULL: it names a queue. */
static const char *arn_problem(struct slice text)
{
    struct arn arn;

    if (memchr(text.p, '\0', text.n) || !arn_read(text, &arn) || arn.region.n == 0 ||
        arn.account.n == 0)
        return "Invalid value for deadLetterTargetArn.";
    if (!slice_is(arn.service, "sqs"))
        return "Only SQS queues are valid resources for deadLetterTargetArn.";
    return NULL;
}

static enum queue_error check_redrive(struct slice text, const struct redrive *redrive,
                                      uint32_t *count, struct queue_refusal *refusal)
{
    if (redrive->count.type == JSON_ERROR)
        return refuse_reason("RedrivePolicy", text,
                             "Redrive policy does not contain mandatory attribute: "
                             "maxReceiveCount.",
                             refusal);
    if (redrive->arn.type == JSON_ERROR)
        return refuse_reason("RedrivePolicy", text,
                             "Redrive policy does not contain mandatory attribute: "
                             "deadLetterTargetArn.",
                             refusal);
    if (!read_count(&redrive->count, count))
        return refuse_count(text, &redrive->count, refusal);
    if (redrive->arn.type != JSON_STRING)
        return refuse_reason("RedrivePolicy", text, "Invalid value for deadLetterTargetArn.",
                             refusal);
    if (redrive->has_others)
        return refuse_reason("RedrivePolicy", text,
                             "Only following attributes are supported: [maxReceiveCount, "
                             "deadLetterTargetArn].",
                             refusal);
    return QUEUE_OK;
}

static void clear_redrive(struct settings *settings)
{
    free(settings->redrive_policy);
    free(settings->dead_letter_arn);
    settings->redrive_policy = settings->dead_letter_arn = NULL;
    settings->max_receives = 0;
}

enum queue_error settings_set_redrive(struct settings *settings, struct slice value,
                                      struct queue_refusal *refusal)
{
    struct redrive redrive;
    const char *problem;
    uint32_t count = 0;
    char *arn, *text;
    size_t n = 0;
    enum queue_error error;

    if (value.n == 0) {
        clear_redrive(settings);
        return QUEUE_OK;
    }
    if (!read_redrive(value, &redrive))
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Invalid value for the parameter RedrivePolicy. Reason: Redrive "
                            "policy is not a valid JSON map.");
    error = check_redrive(value, &redrive, &count, refusal);
    if (error)
        return error;
    arn = unescaped(&redrive.arn, &n);
    text = strndup(value.p, value.n);
    problem = arn ? arn_problem((struct slice){arn, n}) : NULL;
    if (!arn || !text || problem) {
        error = problem ? refuse_reason("RedrivePolicy", value, problem, refusal)
                        : queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
        free(arn);
        free(text);
        return error;
    }
    clear_redrive(settings);
    settings->redrive_policy = text;
    settings->dead_letter_arn = arn;
    settings->max_receives = count;
    return QUEUE_OK;
}

/* ---- RedriveAllowPolicy ---- */

struct allow {
    enum redrive_permission permission;
    char *sources[REDRIVE_SOURCES_MAX];
    size_t count; /* may be more than are kept */
    bool has_permission, has_sources, has_memory;
};

static void allow_deinit(struct allow *allow)
{
    for (size_t i = 0; i < REDRIVE_SOURCES_MAX; i++)
        free(allow->sources[i]);
    *allow = (struct allow){0};
}

static bool read_permission(struct json *j, struct allow *out)
{
    struct json_value value;

    if (json_next(j, &value) != JSON_STRING)
        return false;
    out->has_permission = true;
    if (json_is(&value, "allowAll"))
        out->permission = REDRIVE_ALLOW_ALL;
    else if (json_is(&value, "denyAll"))
        out->permission = REDRIVE_DENY_ALL;
    else if (json_is(&value, "byQueue"))
        out->permission = REDRIVE_BY_QUEUE;
    else
        return false;
    return true;
}

static bool read_sources(struct json *j, struct allow *out)
{
    struct json_value value;

    if (out->has_sources || json_next(j, NULL) != JSON_ARRAY)
        return false;
    out->has_sources = true;
    while (json_element(j)) {
        if (json_next(j, &value) != JSON_STRING)
            return false;
        if (out->count < REDRIVE_SOURCES_MAX) {
            out->sources[out->count] = unescaped(&value, NULL);
            out->has_memory &= out->sources[out->count] != NULL;
        }
        out->count++;
    }
    return true;
}

static bool read_allow(struct slice text, struct allow *out)
{
    struct json_value key;
    struct json j;
    bool ok = true;

    *out = (struct allow){.has_memory = true};
    json_init(&j, text);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return false;
    while (ok && json_member(&j, &key)) {
        if (json_is(&key, "redrivePermission"))
            ok = read_permission(&j, out);
        else
            ok = json_is(&key, "sourceQueueArns") && read_sources(&j, out);
    }
    return ok && json_end(&j) && out->has_permission;
}

/* NULL: all is well. */
static const char *allow_problem(const struct allow *allow)
{
    if (allow->permission != REDRIVE_BY_QUEUE && allow->has_sources)
        return "Amazon SQS can't create the redrive allow policy. To specify one or more source "
               "queue ARNs, you must set redrivePermission to byQueue.";
    if (allow->permission == REDRIVE_BY_QUEUE && allow->count == 0)
        return "Amazon SQS can't create the redrive allow policy. When you specify the byQueue "
               "permission type, you must also specify one or more sourceQueueArns values.";
    if (allow->count > REDRIVE_SOURCES_MAX)
        return "Amazon SQS can't create the redrive allow policy. The maximum number of source "
               "queue ARNs you can specify is 10.";
    return NULL;
}

/* Moves the sources into the settings. */
static void take_allow(struct settings *settings, struct allow *allow)
{
    for (unsigned i = 0; i < settings->redrive_source_count; i++)
        free(settings->redrive_sources[i]);
    memcpy(settings->redrive_sources, allow->sources, sizeof(allow->sources));
    memset(allow->sources, 0, sizeof(allow->sources));
    settings->redrive_source_count = (unsigned)allow->count;
    settings->redrive_permission = allow->permission;
}

static enum queue_error set_allow(struct settings *settings, struct slice value,
                                  struct allow *allow, struct queue_refusal *refusal)
{
    const char *problem;

    if (value.n > 0 && !read_allow(value, allow))
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Invalid value for the parameter RedriveAllowPolicy. Reason: Amazon "
                            "SQS can't create the redrive allow policy, as it\xe2\x80\x99s in an "
                            "unsupported format.");
    problem = allow_problem(allow);
    if (problem)
        return refuse_reason("RedriveAllowPolicy", value, problem, refusal);
    if (!allow->has_memory || !settings_replace(&settings->redrive_allow_policy, value))
        return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    take_allow(settings, allow);
    return QUEUE_OK;
}

enum queue_error settings_set_redrive_allow(struct settings *settings, struct slice value,
                                            struct queue_refusal *refusal)
{
    struct allow allow = {.permission = REDRIVE_ALLOW_ALL, .has_memory = true};
    enum queue_error error = set_allow(settings, value, &allow, refusal);

    allow_deinit(&allow);
    return error;
}

bool settings_allow_redrive(const struct settings *dead_letter, struct slice source_arn)
{
    if (dead_letter->redrive_permission != REDRIVE_BY_QUEUE)
        return dead_letter->redrive_permission == REDRIVE_ALLOW_ALL;
    for (unsigned i = 0; i < dead_letter->redrive_source_count; i++)
        if (slice_is(source_arn, dead_letter->redrive_sources[i]))
            return true;
    return false;
}

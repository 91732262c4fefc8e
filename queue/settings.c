/*
 * settings -- one row for each attribute that can be set: its name, its kind, where its value is kept. Setting, printing,
 * comparing and storing all go through the rows.
 */
#include "queue/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"
#include "queue/settings_policy.h"

enum { KMS_REUSE_DEFAULT_S = 300, KMS_REUSE_MIN_S = 60, KMS_REUSE_MAX_S = 86400 };
enum { MESSAGE_MAX_LEAST = 1024 }; /* of MaximumMessageSize (service model, SetQueueAttributes) */
enum { KMS_KEY_MAX = 2048 };       /* of a key's ARN or alias (KMS API reference, KeyId) */

enum kind {
    KIND_NUMBER,
    KIND_MESSAGE_MAX,
    KIND_POLICY,
    KIND_REDRIVE,
    KIND_REDRIVE_ALLOW,
    KIND_FIFO,
    KIND_SCOPE,
    KIND_THROUGHPUT,
    KIND_CONTENT_DEDUP,
    KIND_KMS_KEY,
    KIND_KMS_REUSE,
    KIND_SSE,
};

struct row {
    const char *name;
    enum kind kind;
    size_t at; /* of a number */
    uint32_t min, max;
};

/* In the order in which a client gets to see them. */
static const struct row rows[] = {
    {"VisibilityTimeout", KIND_NUMBER, offsetof(struct settings, visibility_s), 0,
     QUEUE_VISIBILITY_MAX_S},
    {"MaximumMessageSize", KIND_MESSAGE_MAX, offsetof(struct settings, message_max),
     MESSAGE_MAX_LEAST, 0},
    {"MessageRetentionPeriod", KIND_NUMBER, offsetof(struct settings, retention_s),
     QUEUE_RETENTION_MIN_S, QUEUE_RETENTION_MAX_S},
    {"DelaySeconds", KIND_NUMBER, offsetof(struct settings, delay_s), 0, QUEUE_DELAY_MAX_S},
    {"ReceiveMessageWaitTimeSeconds", KIND_NUMBER, offsetof(struct settings, wait_s), 0,
     QUEUE_WAIT_MAX_S},
    {"Policy", KIND_POLICY, 0, 0, 0},
    {"RedrivePolicy", KIND_REDRIVE, 0, 0, 0},
    {"RedriveAllowPolicy", KIND_REDRIVE_ALLOW, 0, 0, 0},
    {"FifoQueue", KIND_FIFO, 0, 0, 0},
    {"DeduplicationScope", KIND_SCOPE, 0, 0, 0},
    {"FifoThroughputLimit", KIND_THROUGHPUT, 0, 0, 0},
    {"ContentBasedDeduplication", KIND_CONTENT_DEDUP, 0, 0, 0},
    {"KmsMasterKeyId", KIND_KMS_KEY, 0, 0, 0},
    {"KmsDataKeyReusePeriodSeconds", KIND_KMS_REUSE, 0, 0, 0},
    {"SqsManagedSseEnabled", KIND_SSE, 0, 0, 0},
};

/* The engine's own: not to be set, and not printed here. */
static const char *const read_only[] = {
    "All",
    "QueueArn",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
enum { READ_ONLY = sizeof(read_only) / sizeof(read_only[0]) };

/* ---- life ---- */

void settings_init(struct settings *settings, bool is_fifo)
{
    *settings = (struct settings){
        .is_fifo = is_fifo,
        .visibility_s = 30,
        .retention_s = 345600,
        .message_max = QUEUE_MESSAGE_MAX,
        .is_sse_managed = true,
    };
}

void settings_deinit(struct settings *settings)
{
    free(settings->policy);
    free(settings->kms_key);
    free(settings->kms_reuse);
    free(settings->redrive_policy);
    free(settings->redrive_allow_policy);
    free(settings->dead_letter_arn);
    for (unsigned i = 0; i < settings->redrive_source_count; i++)
        free(settings->redrive_sources[i]);
    *settings = (struct settings){0};
}

static bool copy_text(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

bool settings_copy(struct settings *to, const struct settings *from)
{
    bool ok = true;

    *to = *from;
    to->is_sse_asked = to->is_kms_asked = false;
    ok &= copy_text(&to->policy, from->policy);
    ok &= copy_text(&to->kms_key, from->kms_key);
    ok &= copy_text(&to->kms_reuse, from->kms_reuse);
    ok &= copy_text(&to->redrive_policy, from->redrive_policy);
    ok &= copy_text(&to->redrive_allow_policy, from->redrive_allow_policy);
    ok &= copy_text(&to->dead_letter_arn, from->dead_letter_arn);
    for (unsigned i = 0; i < from->redrive_source_count; i++)
        ok &= copy_text(&to->redrive_sources[i], from->redrive_sources[i]);
    if (!ok)
        settings_deinit(to);
    return ok;
}

bool settings_replace(char **at, struct slice text)
{
    char *copy = NULL;

    if (text.n > 0) {
        copy = strndup(text.p, text.n);
        if (!copy)
            return false;
    }
    free(*at);
    *at = copy;
    return true;
}

/* ---- setting ---- */

enum queue_error settings_refuse_value(const char *name, struct queue_refusal *refusal)
{
    return queue_refuse(refusal, QUEUE_ATTRIBUTE_VALUE_INVALID,
                        "Invalid value for the parameter %s.", name);
}

static enum queue_error refuse_name(struct slice name, struct queue_refusal *refusal)
{
    int shown = name.n < QUEUE_ATTRIBUTE_NAME_MAX ? (int)name.n : QUEUE_ATTRIBUTE_NAME_MAX;

    return queue_refuse(refusal, QUEUE_ATTRIBUTE_NAME_INVALID, "Unknown Attribute %.*s.", shown,
                        name.p ? name.p : "");
}

/* Digits alone. */
static bool read_number(struct slice text, uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t n = 0;

    if (text.n == 0)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(text.p[i] - '0');
        if (n > max)
            return false;
    }
    if (n < min)
        return false;
    *out = (uint32_t)n;
    return true;
}

static bool read_bool(struct slice text, bool *out)
{
    *out = slice_is(text, "true");
    return *out || slice_is(text, "false");
}

/* One of two words: false is the first. */
static bool read_choice(struct slice text, const char *first, const char *second, bool *out)
{
    *out = slice_is(text, second);
    return *out || slice_is(text, first);
}

/* Can be said when the queue is made, if its name says so too; later only again of a queue that is one (recorded on AWS). */
static enum queue_error set_fifo(const struct settings *settings, struct slice value,
                                 bool at_creation, struct queue_refusal *refusal)
{
    bool is_true = slice_is(value, "true");

    if (settings->is_fifo && is_true)
        return QUEUE_OK;
    if (settings->is_fifo && !at_creation)
        return queue_refuse(refusal, QUEUE_ATTRIBUTE_VALUE_INVALID,
                            "Invalid value for the parameter FifoQueue. Reason: Modifying queue "
                            "type is not supported.");
    if (!at_creation || !is_true)
        return refuse_name(SLICE("FifoQueue"), refusal);
    return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                        "The name of a FIFO queue can only include alphanumeric characters, "
                        "hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in "
                        "length");
}

/* A key's id, alias or ARN: no blanks, no control characters. */
static bool is_kms_key(struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] <= 0x20 || (unsigned char)value.p[i] >= 0x7f)
            return false;
    return value.n <= KMS_KEY_MAX;
}

static enum queue_error set_kms_key(struct settings *settings, struct slice value,
                                    struct queue_refusal *refusal)
{
    if (!is_kms_key(value))
        return settings_refuse_value("KmsMasterKeyId", refusal);
    if (!settings_replace(&settings->kms_key, value))
        return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    settings->is_kms_asked = settings->kms_key != NULL;
    if (settings->kms_key)
        settings->is_sse_managed = false;
    return QUEUE_OK;
}

static void set_sse(struct settings *settings, bool is_managed)
{
    settings->is_sse_managed = settings->is_sse_asked = is_managed;
    if (is_managed && !settings->is_kms_asked) {
        free(settings->kms_key);
        settings->kms_key = NULL;
    }
}

static enum queue_error set_by_kind(struct settings *settings, const struct queue_limits *limits,
                                    const struct row *row, struct slice value, bool at_creation,
                                    struct queue_refusal *refusal)
{
    uint32_t *number = (uint32_t *)(void *)((char *)settings + row->at);
    uint32_t ignored;
    bool is = false, ok = false;

    switch (row->kind) {
    case KIND_NUMBER:
        ok = read_number(value, row->min, row->max, number);
        break;
    case KIND_MESSAGE_MAX:
        ok = read_number(value, row->min, (uint32_t)limits->message_max, number);
        break;
    case KIND_POLICY:
        return settings_set_policy(settings, value, at_creation, refusal);
    case KIND_REDRIVE:
        return settings_set_redrive(settings, value, refusal);
    case KIND_REDRIVE_ALLOW:
        return settings_set_redrive_allow(settings, value, refusal);
    case KIND_FIFO:
        return set_fifo(settings, value, at_creation, refusal);
    case KIND_SCOPE:
        ok = read_choice(value, "queue", "messageGroup", &is);
        if (ok)
            settings->dedup_scope = is ? DEDUP_GROUP : DEDUP_QUEUE;
        break;
    case KIND_THROUGHPUT:
        ok = read_choice(value, "perQueue", "perMessageGroupId", &is);
        if (ok)
            settings->throughput = is ? THROUGHPUT_GROUP : THROUGHPUT_QUEUE;
        break;
    case KIND_CONTENT_DEDUP:
        ok = read_bool(value, &is);
        if (ok)
            settings->dedups_by_content = is;
        break;
    case KIND_KMS_KEY:
        return set_kms_key(settings, value, refusal);
    case KIND_KMS_REUSE:
        ok = read_number(value, KMS_REUSE_MIN_S, KMS_REUSE_MAX_S, &ignored);
        if (ok && !settings_replace(&settings->kms_reuse, value))
            return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
        break;
    case KIND_SSE:
        ok = read_bool(value, &is);
        if (ok)
            set_sse(settings, is);
        break;
    }
    return ok ? QUEUE_OK : settings_refuse_value(row->name, refusal);
}

static const struct row *find_row(struct slice name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (slice_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

enum queue_error settings_set(struct settings *settings, const struct queue_limits *limits,
                              struct slice name, struct slice value, bool at_creation,
                              struct queue_refusal *refusal)
{
    const struct row *row = find_row(name);

    if (!row)
        return refuse_name(name, refusal);
    if (!settings->is_fifo && row->kind == KIND_CONTENT_DEDUP)
        return refuse_name(name, refusal);
    if (!settings->is_fifo && (row->kind == KIND_SCOPE || row->kind == KIND_THROUGHPUT))
        return queue_refuse(refusal, QUEUE_ATTRIBUTE_NAME_INVALID,
                            "You can specify the %s only when FifoQueue is set to true.",
                            row->name);
    return set_by_kind(settings, limits, row, value, at_creation, refusal);
}

static bool ends_in_fifo(const char *text)
{
    size_t n = strlen(text);

    return n >= 5 && strcmp(text + n - 5, ".fifo") == 0;
}

enum queue_error settings_check(const struct settings *settings, struct queue_refusal *refusal)
{
    if (settings->throughput == THROUGHPUT_GROUP && settings->dedup_scope != DEDUP_GROUP)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "The perMessageGroupId value is allowed only when the value for "
                            "DeduplicationScope is messageGroup.");
    if (settings->is_sse_asked && settings->kms_key)
        return queue_refuse(refusal, QUEUE_ATTRIBUTE_NAME_INVALID,
                            "You can use one type of server-side encryption (SSE) at one time. "
                            "You can either enable KMS SSE or SQS SSE.");
    if (settings->dead_letter_arn && ends_in_fifo(settings->dead_letter_arn) != settings->is_fifo)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Value %.300s for parameter RedrivePolicy is invalid. Reason: "
                            "Dead-letter queue must be same type of queue as the source..",
                            settings->redrive_policy);
    return QUEUE_OK;
}

/* ---- printing ---- */

enum { NUMBER_SIZE = 12 };

static struct slice print_number(uint32_t n, char buffer[NUMBER_SIZE])
{
    int length = snprintf(buffer, NUMBER_SIZE, "%u", (unsigned)n);

    return (struct slice){buffer, (size_t)length};
}

static struct slice print_bool(bool value)
{
    return value ? SLICE("true") : SLICE("false");
}

static struct slice print_reuse(const struct settings *settings, char buffer[NUMBER_SIZE])
{
    if (settings->kms_reuse)
        return slice_of(settings->kms_reuse);
    return settings->kms_key ? print_number(KMS_REUSE_DEFAULT_S, buffer) : (struct slice){NULL, 0};
}

/* The value as text; {NULL, 0}: it has none. */
static struct slice print(const struct settings *settings, const struct row *row,
                          char buffer[NUMBER_SIZE])
{
    const struct slice none = {NULL, 0};
    bool is_fifo = settings->is_fifo;

    switch (row->kind) {
    case KIND_NUMBER:
    case KIND_MESSAGE_MAX:
        return print_number(*(const uint32_t *)(const void *)((const char *)settings + row->at),
                            buffer);
    case KIND_POLICY:
        return slice_of(settings->policy);
    case KIND_REDRIVE:
        return slice_of(settings->redrive_policy);
    case KIND_REDRIVE_ALLOW:
        return slice_of(settings->redrive_allow_policy);
    case KIND_FIFO:
        return is_fifo ? SLICE("true") : none;
    case KIND_SCOPE:
        if (!is_fifo)
            return none;
        return settings->dedup_scope == DEDUP_GROUP ? SLICE("messageGroup") : SLICE("queue");
    case KIND_THROUGHPUT:
        if (!is_fifo)
            return none;
        return settings->throughput == THROUGHPUT_GROUP ? SLICE("perMessageGroupId")
                                                        : SLICE("perQueue");
    case KIND_CONTENT_DEDUP:
        return is_fifo ? print_bool(settings->dedups_by_content) : none;
    case KIND_KMS_KEY:
        return slice_of(settings->kms_key);
    case KIND_KMS_REUSE:
        return print_reuse(settings, buffer);
    case KIND_SSE:
        return print_bool(settings->is_sse_managed);
    }
    return none;
}

void settings_visit(const struct settings *settings,
                    bool (*visit)(void *arg, const char *name, struct slice value), void *arg)
{
    for (size_t i = 0; i < ROWS; i++) {
        char buffer[NUMBER_SIZE];
        struct slice value = print(settings, &rows[i], buffer);

        if (value.p && !visit(arg, rows[i].name, value))
            return;
    }
}

bool settings_name_is_known(struct slice name)
{
    for (size_t i = 0; i < READ_ONLY; i++)
        if (slice_is(name, read_only[i]))
            return true;
    return find_row(name) != NULL;
}

/* Redrive policies are compared by what they say, everything else as text. */
static bool is_same(const struct settings *a, const struct settings *b, const struct row *row)
{
    char one[NUMBER_SIZE], other[NUMBER_SIZE];

    if (row->kind == KIND_REDRIVE && a->dead_letter_arn && b->dead_letter_arn)
        return strcmp(a->dead_letter_arn, b->dead_letter_arn) == 0 &&
               a->max_receives == b->max_receives;
    return slice_eq(print(a, row, one), print(b, row, other));
}

const char *settings_differ(const struct settings *have, const struct settings *asked,
                            const struct slice *given, size_t given_count)
{
    for (size_t i = 0; i < given_count; i++) {
        const struct row *row = find_row(given[i]);

        if (row && !is_same(have, asked, row))
            return row->name;
    }
    return NULL;
}

/* ---- for stores: a JSON object of the attributes as a client sees them ---- */

struct writing {
    struct strbuf *out;
    bool ok, has_one;
};

static bool write_one(void *arg, const char *name, struct slice value)
{
    struct writing *w = arg;

    strbuf_adds(w->out, w->has_one ? ",\"" : "\"");
    strbuf_adds(w->out, name);
    strbuf_adds(w->out, "\":\"");
    w->ok = json_escape(value, w->out);
    strbuf_addc(w->out, '"');
    w->has_one = true;
    return w->ok;
}

bool settings_write(const struct settings *settings, struct strbuf *out)
{
    struct writing w = {.out = out, .ok = true};

    strbuf_addc(out, '{');
    settings_visit(settings, write_one, &w);
    strbuf_addc(out, '}');
    return w.ok && !strbuf_failed(out);
}

static bool says_fifo(struct slice text)
{
    struct json_value key;
    struct json j;
    bool is_fifo = false;

    json_init(&j, text);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return false;
    while (json_member(&j, &key) && json_skip(&j, NULL))
        is_fifo |= json_is(&key, "FifoQueue");
    return is_fifo;
}

static int read_member(struct settings *settings, struct slice key, struct slice value,
                       struct strbuf *plain)
{
    const struct queue_limits limits = queue_limits_relaxed();
    struct queue_refusal refusal;
    enum queue_error error = QUEUE_INTERNAL_FAILURE;

    strbuf_reset(plain);
    json_unescape(value, plain);
    if (!strbuf_failed(plain))
        error = settings_set(settings, &limits, key, strbuf_slice(plain), true, &refusal);
    if (error == QUEUE_OK)
        return 0;
    return error == QUEUE_INTERNAL_FAILURE ? -ENOMEM : -EINVAL;
}

static int read_members(struct settings *settings, struct json *j, struct strbuf *plain)
{
    struct json_value key, value;
    int result = 0;

    if (json_next(j, NULL) != JSON_OBJECT)
        return -EINVAL;
    while (result == 0 && json_member(j, &key)) {
        if (json_next(j, &value) != JSON_STRING)
            return -EINVAL;
        result = read_member(settings, key.text, value.text, plain);
    }
    if (result != 0)
        return result;
    return json_end(j) ? 0 : -EINVAL;
}

int settings_read(struct settings *settings, struct slice text)
{
    struct strbuf plain = {0};
    struct json j;
    int result;

    settings_init(settings, says_fifo(text));
    json_init(&j, text);
    result = read_members(settings, &j, &plain);
    strbuf_deinit(&plain);
    settings->is_sse_asked = settings->is_kms_asked = false;
    if (result != 0)
        settings_deinit(settings);
    return result;
}

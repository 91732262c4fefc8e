/* sqs_wire -- requests written and answers read; errors are in sqs_error.c. */
#include "core/sqs_wire.h"

#include <errno.h>
#include <stdlib.h>

#include "core/json.h"
#include "core/md5.h"

/* ---- requests ---- */

static void begin(struct strbuf *out, struct slice queue_url)
{
    strbuf_reset(out);
    strbuf_adds(out, "{\"QueueUrl\":\"");
    (void)json_escape(queue_url, out);
    strbuf_addc(out, '"');
}

/* ,"name":"value" with the value escaped, unless it is empty. */
static bool add_text(struct strbuf *out, const char *name, struct slice value)
{
    if (value.n == 0)
        return true;
    strbuf_addf(out, ",\"%s\":\"", name);
    if (!json_escape(value, out))
        return false;
    strbuf_addc(out, '"');
    return true;
}

void sqs_write_receive(struct strbuf *out, const struct sqs_receive_params *params)
{
    begin(out, params->queue_url);
    strbuf_addf(out, ",\"MaxNumberOfMessages\":%u,\"WaitTimeSeconds\":%u", params->max,
                params->wait_s);
    if (params->visibility_s >= 0)
        strbuf_addf(out, ",\"VisibilityTimeout\":%lld", (long long)params->visibility_s);
    add_text(out, "ReceiveRequestAttemptId", params->attempt_id);
    /* The older name too: servers from before MessageSystemAttributeNames know only that, and AWS takes both. */
    strbuf_adds(out, ",\"AttributeNames\":[\"All\"],\"MessageSystemAttributeNames\":[\"All\"],"
                     "\"MessageAttributeNames\":[\"All\"]}");
}

static void write_entries(struct strbuf *out, struct slice queue_url,
                          const struct sqs_call_entry *entries, size_t count, bool with_visibility)
{
    begin(out, queue_url);
    strbuf_adds(out, ",\"Entries\":[");
    for (size_t i = 0; i < count; i++) {
        strbuf_adds(out, i ? ",{\"Id\":\"" : "{\"Id\":\"");
        strbuf_addu(out, i);
        strbuf_adds(out, "\",\"ReceiptHandle\":\"");
        strbuf_add_slice(out, entries[i].handle);
        strbuf_addc(out, '"');
        if (with_visibility) {
            strbuf_adds(out, ",\"VisibilityTimeout\":");
            strbuf_addu(out, entries[i].visibility_s);
        }
        strbuf_addc(out, '}');
    }
    strbuf_adds(out, "]}");
}

void sqs_write_delete_batch(struct strbuf *out, struct slice queue_url,
                            const struct sqs_call_entry *entries, size_t count)
{
    write_entries(out, queue_url, entries, count, false);
}

void sqs_write_change_batch(struct strbuf *out, struct slice queue_url,
                            const struct sqs_call_entry *entries, size_t count)
{
    write_entries(out, queue_url, entries, count, true);
}

static bool write_send_attributes(struct strbuf *out, const struct sqs_send_attribute *attributes,
                                  size_t count)
{
    bool ok = true;

    if (count == 0)
        return true;
    strbuf_adds(out, ",\"MessageAttributes\":{");
    for (size_t i = 0; i < count && ok; i++) {
        strbuf_adds(out, i ? ",\"" : "\"");
        ok = json_escape(attributes[i].name, out);
        strbuf_adds(out, "\":{\"DataType\":\"");
        ok = ok && json_escape(attributes[i].type, out);
        strbuf_adds(out, "\",\"StringValue\":\"");
        ok = ok && json_escape(attributes[i].value, out);
        strbuf_adds(out, "\"}");
    }
    strbuf_addc(out, '}');
    return ok;
}

bool sqs_write_send_batch(struct strbuf *out, struct slice queue_url,
                          const struct sqs_send_entry *entries, size_t count,
                          const struct sqs_send_attribute *attributes, size_t attribute_count)
{
    bool ok = true;

    begin(out, queue_url);
    strbuf_adds(out, ",\"Entries\":[");
    for (size_t i = 0; i < count && ok; i++) {
        strbuf_addf(out, "%s{\"Id\":\"%zu\",\"MessageBody\":\"", i ? "," : "", i);
        ok = json_escape(entries[i].body, out);
        strbuf_addc(out, '"');
        if (entries[i].delay_s >= 0)
            strbuf_addf(out, ",\"DelaySeconds\":%d", entries[i].delay_s);
        ok = ok && add_text(out, "MessageGroupId", entries[i].group);
        ok = ok && add_text(out, "MessageDeduplicationId", entries[i].dedup);
        ok = ok && write_send_attributes(out, attributes, attribute_count);
        strbuf_addc(out, '}');
    }
    strbuf_adds(out, "]}");
    return ok;
}

void sqs_write_get_queue_url(struct strbuf *out, struct slice name, struct slice owner_account)
{
    strbuf_reset(out);
    strbuf_adds(out, "{\"QueueName\":\"");
    (void)json_escape(name, out);
    strbuf_addc(out, '"');
    (void)add_text(out, "QueueOwnerAWSAccountId", owner_account);
    strbuf_addc(out, '}');
}

void sqs_write_get_queue_attributes(struct strbuf *out, struct slice queue_url)
{
    begin(out, queue_url);
    strbuf_adds(out, ",\"AttributeNames\":[\"All\"]}");
}

/* ---- a received message ---- */

/* Digits of a string, saturating; 0 for anything else. */
static int64_t read_digits(struct slice text)
{
    int64_t value = 0;

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return 0;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text.p[i] - '0', &value))
            return INT64_MAX;
    }
    return value;
}

/* The system attributes that sluice itself looks at. The reader is at the object. */
static bool read_system_attributes(struct json *j, struct sqs_message *m)
{
    const char *start;
    struct json_value key, value;

    if (json_next(j, &value) != JSON_OBJECT)
        return false;
    start = value.text.p;
    while (json_member(j, &key)) {
        if (!json_skip(j, &value))
            return false;
        if (value.type != JSON_STRING)
            m->unfit = "a system attribute is no string";
        else if (json_is(&key, "ApproximateReceiveCount")) {
            int64_t count = read_digits(value.text);

            m->receive_count = count > 1000000 ? 1000000 : (unsigned)count;
        } else if (json_is(&key, "SentTimestamp"))
            m->sent_ms = read_digits(value.text);
        else if (json_is(&key, "MessageGroupId"))
            m->group_id = value.text;
    }
    m->attributes = (struct slice){start, (size_t)(j->at - start)};
    return !j->error;
}

/* Stores one string member; a second one of the same name, or one of another type, makes the message unfit. */
static void take(struct sqs_message *m, struct slice *where, const struct json_value *value)
{
    if (value->type != JSON_STRING)
        m->unfit = "a member has the wrong type";
    else if (where->p)
        m->unfit = "a member comes twice";
    else
        *where = value->text;
}

static bool object_is_next(const struct json *j)
{
    struct json peek = *j;

    return json_next(&peek, NULL) == JSON_OBJECT;
}

static bool read_member(struct json *j, const struct json_value *key, struct sqs_message *m)
{
    struct {
        struct slice name;
        struct slice *where;
    } const members[] = {
        {SLICE_INIT("Body"), &m->body},
        {SLICE_INIT("ReceiptHandle"), &m->receipt_handle},
        {SLICE_INIT("MessageId"), &m->message_id},
        {SLICE_INIT("MD5OfBody"), &m->md5_of_body},
        {SLICE_INIT("MD5OfMessageAttributes"), &m->md5_of_attributes},
    };
    struct json_value value;

    if (json_is(key, "Attributes") && !m->attributes.p && object_is_next(j))
        return read_system_attributes(j, m);
    if (!json_skip(j, &value))
        return false;
    if (json_is(key, "Attributes") && value.type != JSON_NULL)
        m->unfit = "its system attributes are no object, or come twice";
    if (json_is(key, "MessageAttributes")) {
        if (value.type == JSON_OBJECT && !m->message_attributes.p)
            m->message_attributes = value.text;
        else if (value.type != JSON_NULL)
            m->unfit = "its message attributes are no object, or come twice";
        return true;
    }
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (json_is_slice(key, members[i].name)) {
            if (value.type != JSON_NULL || i != 4)
                take(m, members[i].where, &value);
            break;
        }
    return true;
}

static const char *find_fault(const struct sqs_message *m)
{
    char digest[MD5_HEX_SIZE];
    bool has_attributes = m->message_attributes.n > 2;

    if (m->unfit)
        return m->unfit;
    if (!m->message_id.n || !m->receipt_handle.n || !m->body.p)
        return "it has no id, receipt handle or body";
    if (!m->md5_of_body.p)
        return "it has no MD5 of its body";
    md5_hex_unescaped(m->body, digest);
    if (!slice_eq_nocase(m->md5_of_body, slice_of(digest)))
        return "the MD5 of its body is another";
    if (has_attributes && !md5_hex_attributes(m->message_attributes, digest))
        return "its message attributes can't be read";
    if (has_attributes && m->md5_of_attributes.n &&
        !slice_eq_nocase(m->md5_of_attributes, slice_of(digest)))
        return "the MD5 of its attributes is another";
    return NULL;
}

static bool read_message(struct json *j, struct sqs_message *m)
{
    struct json_value key;

    *m = (struct sqs_message){0};
    if (object_is_next(j)) {
        (void)json_next(j, NULL);
        while (json_member(j, &key))
            if (!read_member(j, &key, m))
                return false;
    } else {
        m->unfit = "it is no object";
        (void)json_skip(j, NULL);
    }
    if (!m->attributes.p)
        m->attributes = SLICE("{}");
    if (!m->message_attributes.p)
        m->message_attributes = SLICE("{}");
    if (m->message_attributes.n <= 2)
        m->md5_of_attributes = (struct slice){0};
    m->unfit = find_fault(m);
    return !j->error;
}

/* The array of messages. */
static bool read_messages(struct json *j, struct sqs_message *out, size_t max, size_t *count)
{
    struct sqs_message beyond;

    while (json_element(j)) {
        if (!read_message(j, *count < max ? &out[*count] : &beyond))
            return false;
        ++*count;
    }
    return !j->error;
}

int sqs_read_receive(struct slice answer, struct sqs_message *out, size_t max, size_t *count)
{
    size_t found = 0;
    bool seen = false;
    struct json_value key, value;
    struct json j;

    json_init(&j, answer);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return SQS_MALFORMED;
    while (json_member(&j, &key)) {
        if (!json_is(&key, "Messages")) {
            (void)json_skip(&j, NULL);
            continue;
        }
        if (seen)
            return SQS_MALFORMED;
        seen = true;
        switch (json_next(&j, &value)) {
        case JSON_ARRAY:
            if (!read_messages(&j, out, max, &found))
                return SQS_MALFORMED;
            break;
        case JSON_NULL:
            break;
        case JSON_ERROR:
        case JSON_FALSE:
        case JSON_TRUE:
        case JSON_NUMBER:
        case JSON_STRING:
        case JSON_OBJECT:
            return SQS_MALFORMED;
        }
    }
    if (!json_end(&j))
        return SQS_MALFORMED;
    *count = found;
    return 0;
}

/* ---- batch calls ---- */

/* Copies a JSON string as printable ASCII, cut to what fits. */
static void copy_printable(char *out, size_t size, struct slice escaped)
{
    size_t n = 0;
    char piece[64];
    size_t got;

    while (n + 1 < size && (got = json_unescape_some(&escaped, piece, sizeof(piece))) > 0)
        for (size_t i = 0; i < got && n + 1 < size; i++)
            out[n++] = piece[i] >= 0x20 && piece[i] < 0x7f ? piece[i] : '?';
    out[n] = '\0';
}

struct batch_entry {
    struct json_value id, code, message;
    bool sender_fault;
};

static bool read_batch_entry(struct json *j, struct batch_entry *entry)
{
    struct json_value key, value;

    *entry = (struct batch_entry){0};
    if (json_next(j, NULL) != JSON_OBJECT)
        return false;
    while (json_member(j, &key)) {
        if (!json_skip(j, &value))
            return false;
        if (json_is(&key, "Id"))
            entry->id = value;
        else if (json_is(&key, "Code"))
            entry->code = value;
        else if (json_is(&key, "Message"))
            entry->message = value;
        else if (json_is(&key, "SenderFault"))
            entry->sender_fault = value.type == JSON_TRUE;
    }
    return !j->error && entry->id.type == JSON_STRING;
}

/* Ids are the positions that we gave. */
static bool read_position(struct slice id, size_t count, size_t *position)
{
    int64_t value = read_digits(id);

    if (value >= (int64_t)count || (value == 0 && !slice_is(id, "0")))
        return false;
    *position = (size_t)value;
    return true;
}

/* What passes by itself is worth another try whoever is said to be at fault: SQS names the sender for throttling, too. */
static enum sqs_call_state state_of_failed(bool sender_fault, struct slice code)
{
    enum sqs_error_class class = sqs_error_class_of(code);
    bool passes = class == SQS_ERROR_THROTTLED || class == SQS_ERROR_TRANSIENT ||
                  class == SQS_ERROR_OVER_LIMIT;

    return sender_fault && !passes ? SQS_CALL_REFUSED : SQS_CALL_FAILED;
}

/* An entry that is in both lists has failed: to try again does no harm. */
static bool read_entries(struct json *j, bool successful, struct sqs_call_result *results,
                         size_t count)
{
    struct batch_entry entry;
    size_t position;

    if (json_next(j, NULL) != JSON_ARRAY)
        return !j->error;
    while (json_element(j)) {
        if (!read_batch_entry(j, &entry) || !read_position(entry.id.text, count, &position))
            return false;
        if (successful) {
            if (results[position].state == SQS_CALL_MISSING)
                results[position].state = SQS_CALL_DONE;
            continue;
        }
        copy_printable(results[position].code, sizeof(results[0].code), entry.code.text);
        results[position].state =
            state_of_failed(entry.sender_fault, slice_of(results[position].code));
        copy_printable(results[position].message, sizeof(results[0].message), entry.message.text);
    }
    return !j->error;
}

int sqs_read_batch(struct slice answer, struct sqs_call_result *results, size_t count)
{
    struct json_value key;
    struct json j;

    for (size_t i = 0; i < count; i++) {
        results[i].state = SQS_CALL_MISSING;
        results[i].code[0] = results[i].message[0] = '\0';
    }
    json_init(&j, answer);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return SQS_MALFORMED;
    while (json_member(&j, &key)) {
        bool successful = json_is(&key, "Successful");

        if (!successful && !json_is(&key, "Failed"))
            (void)json_skip(&j, NULL);
        else if (!read_entries(&j, successful, results, count))
            return SQS_MALFORMED;
    }
    return json_end(&j) ? 0 : SQS_MALFORMED;
}

/* ---- GetQueueUrl, GetQueueAttributes ---- */

int sqs_read_queue_url(struct slice answer, struct strbuf *out)
{
    struct json_value key, value, url = {0};
    struct json j;

    json_init(&j, answer);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return SQS_MALFORMED;
    while (json_member(&j, &key))
        if (json_skip(&j, &value) && json_is(&key, "QueueUrl"))
            url = value;
    if (!json_end(&j) || url.type != JSON_STRING || url.text.n == 0)
        return SQS_MALFORMED;
    strbuf_reset(out);
    json_unescape(url.text, out);
    return strbuf_failed(out) ? -ENOMEM : 0;
}

int sqs_read_attribute(struct slice answer, const char *name, struct strbuf *out)
{
    struct json_value key, value, found = {0};
    struct json j;

    json_init(&j, answer);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return SQS_MALFORMED;
    while (json_member(&j, &key)) {
        if (!json_is(&key, "Attributes")) {
            (void)json_skip(&j, NULL);
            continue;
        }
        if (json_next(&j, NULL) != JSON_OBJECT)
            return SQS_MALFORMED;
        while (json_member(&j, &key))
            if (json_skip(&j, &value) && json_is(&key, name))
                found = value;
    }
    if (!json_end(&j))
        return SQS_MALFORMED;
    if (found.type != JSON_STRING)
        return -ENOENT;
    strbuf_reset(out);
    json_unescape(found.text, out);
    return strbuf_failed(out) ? -ENOMEM : 0;
}

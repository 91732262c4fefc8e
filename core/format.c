#include "core/format.h"

#include <errno.h>
#include <inttypes.h>

#include "core/json.h"
#include "core/md5.h"

static int failed(const struct strbuf *out)
{
    return strbuf_failed(out) ? -ENOMEM : 0;
}

/* ---- lambda ---- */

static void add_quoted(struct strbuf *out, const char *before, struct slice text)
{
    strbuf_adds(out, before);
    strbuf_add_slice(out, text);
    strbuf_addc(out, '"');
}

/* {"DataType":"Number.kg","StringValue":"1"} becomes {"stringValue":"1","stringListValues":[],…,"dataType":"Number.kg"}. */
static void add_attribute(struct strbuf *out, struct json *j)
{
    struct json_value key, value, type = {0}, string = {0}, binary = {0};

    if (json_next(j, NULL) != JSON_OBJECT)
        return;
    while (json_member(j, &key)) {
        if (!json_skip(j, &value) || value.type != JSON_STRING)
            continue;
        if (json_is(&key, "DataType"))
            type = value;
        else if (json_is(&key, "StringValue"))
            string = value;
        else if (json_is(&key, "BinaryValue"))
            binary = value;
    }
    strbuf_addc(out, '{');
    if (string.text.p)
        add_quoted(out, "\"stringValue\":\"", string.text);
    if (binary.text.p)
        add_quoted(out, string.text.p ? ",\"binaryValue\":\"" : "\"binaryValue\":\"", binary.text);
    if (string.text.p || binary.text.p)
        strbuf_addc(out, ',');
    add_quoted(out, "\"stringListValues\":[],\"binaryListValues\":[],\"dataType\":\"", type.text);
    strbuf_addc(out, '}');
}

static void add_message_attributes(struct strbuf *out, struct slice attributes)
{
    struct json_value name;
    bool first = true;
    struct json j;

    strbuf_adds(out, ",\"messageAttributes\":{");
    json_init(&j, attributes);
    if (attributes.n > 2 && json_next(&j, NULL) == JSON_OBJECT) {
        while (json_member(&j, &name)) {
            add_quoted(out, first ? "\"" : ",\"", name.text);
            strbuf_addc(out, ':');
            add_attribute(out, &j);
            first = false;
        }
    }
    strbuf_addc(out, '}');
}

static int lambda_append(struct strbuf *out, const struct record *record,
                         const struct record_source *source)
{
    add_quoted(out, "{\"messageId\":\"", record->message_id);
    add_quoted(out, ",\"receiptHandle\":\"", record->receipt_handle);
    add_quoted(out, ",\"body\":\"", record->body);
    strbuf_adds(out, ",\"attributes\":");
    strbuf_add_slice(out, record->attributes.n ? record->attributes : SLICE("{}"));
    add_message_attributes(out, record->message_attributes);
    add_quoted(out, ",\"md5OfBody\":\"", record->md5_of_body);
    if (record->md5_of_attributes.n)
        add_quoted(out, ",\"md5OfMessageAttributes\":\"", record->md5_of_attributes);
    add_quoted(out, ",\"eventSource\":\"aws:sqs\",\"eventSourceARN\":\"", source->arn);
    add_quoted(out, ",\"awsRegion\":\"", source->region);
    strbuf_addc(out, '}');
    return failed(out);
}

/* ---- json, ndjson ---- */

/* Writes the body as JSON: itself, or a string. */
static int json_append(struct strbuf *out, const struct record *record,
                       const struct record_source *source)
{
    size_t before = out->n;

    (void)source;
    json_unescape(record->body, out);
    if (strbuf_failed(out))
        return -ENOMEM;
    if (json_is_valid((struct slice){out->p + before, out->n - before}))
        return 0;
    strbuf_truncate(out, before);
    add_quoted(out, "\"", record->body);
    return failed(out);
}

static int ndjson_append(struct strbuf *out, const struct record *record,
                         const struct record_source *source)
{
    size_t before = out->n;
    int r = json_append(out, record, source);

    if (r)
        return r;
    /* Inside strings a raw line break is no JSON: all of these stand between tokens. */
    for (size_t i = before; i < out->n; i++)
        if (out->p[i] == '\n' || out->p[i] == '\r')
            out->p[i] = ' ';
    return 0;
}

/* ---- raw ---- */

static int raw_append(struct strbuf *out, const struct record *record,
                      const struct record_source *source)
{
    (void)source;
    json_unescape(record->body, out);
    return failed(out);
}

static const struct format formats[] = {
    {
        .name = "lambda",
        .content_type = "application/json",
        .prefix = SLICE_INIT("{\"Records\":["),
        .separator = SLICE_INIT(","),
        .suffix = SLICE_INIT("]}"),
        .append = lambda_append,
    },
    {
        .name = "json",
        .content_type = "application/json",
        .prefix = SLICE_INIT("["),
        .separator = SLICE_INIT(","),
        .suffix = SLICE_INIT("]"),
        .append = json_append,
    },
    {
        .name = "ndjson",
        .content_type = "application/x-ndjson",
        .prefix = SLICE_INIT(""),
        .separator = SLICE_INIT("\n"),
        .suffix = SLICE_INIT("\n"),
        .append = ndjson_append,
    },
    {
        .name = "raw",
        .content_type = "application/octet-stream",
        .prefix = SLICE_INIT(""),
        .separator = SLICE_INIT(""),
        .suffix = SLICE_INIT(""),
        .one_per_request = true,
        .append = raw_append,
    },
};

const struct format *format_at(size_t i)
{
    return i < sizeof(formats) / sizeof(formats[0]) ? &formats[i] : NULL;
}

const struct format *format_find(const char *name)
{
    const struct format *format;

    for (size_t i = 0; (format = format_at(i)); i++)
        if (strcmp(format->name, name) == 0)
            return format;
    return NULL;
}

/* ---- records of plain text ---- */

int record_from_text(struct record *out, struct strbuf *storage, const char *id, struct slice text,
                     int64_t wall_ms)
{
    size_t id_length = strlen(id);
    char digest[MD5_HEX_SIZE];
    size_t body, attributes;

    strbuf_reset(storage);
    md5_hex(text, digest);
    strbuf_add(storage, id, id_length);
    strbuf_add(storage, digest, MD5_HEX_SIZE - 1);
    body = storage->n;
    if (!json_escape(text, storage))
        return -EILSEQ;
    attributes = storage->n;
    strbuf_addf(storage,
                "{\"ApproximateReceiveCount\":\"1\",\"SentTimestamp\":\"%" PRId64
                "\",\"SenderId\":\"sluice\","
                "\"ApproximateFirstReceiveTimestamp\":\"%" PRId64 "\"}",
                wall_ms, wall_ms);
    if (strbuf_failed(storage))
        return -ENOMEM;
    *out = (struct record){
        .message_id = {storage->p, id_length},
        .receipt_handle = {storage->p, id_length},
        .md5_of_body = {storage->p + id_length, MD5_HEX_SIZE - 1},
        .body = {storage->p + body, attributes - body},
        .attributes = {storage->p + attributes, storage->n - attributes},
        .message_attributes = SLICE("{}"),
    };
    return 0;
}

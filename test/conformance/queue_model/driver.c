/*
 * Shows the queue's tables, and reads and writes requests and answers as it is told, for scripts that compare with clients
 * that others wrote. One JSON object a line in, one a line out:
 *
 *     {"do":"model"}                                        the operations and the errors
 *     {"do":"read","path":…,"query":…,"target":…,"content_type":…,"body":…}
 *                                                           what api_read makes of it; `target` null: there is none
 *     {"do":"write","protocol":…,"operation":…,"output":…}  the answer to an operation, made from this output
 *     {"do":"refuse","protocol":…,"error":…,"text":…}       a refusal; text null: the row's own
 *
 * Names of operations, protocols ("json", "query") and errors are as in the tables. Binary values are base64.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/base.h>

#include "core/base64.h"
#include "core/json.h"
#include "core/strbuf.h"
#include "queue/api.h"
#include "queue/model.h"

/* ---- reading what to do ---- */

struct command {
    struct slice what, path, query, target, content_type, body, protocol, operation, error, text;
    struct slice output; /* JSON */
};

/* What a line needs, freed behind it. */
static struct {
    void **items;
    size_t count;
} kept;

static void *keep(void *p)
{
    kept.items = realloc(kept.items, (kept.count + 1) * sizeof(*kept.items));
    sl_assert(p && kept.items);
    kept.items[kept.count++] = p;
    return p;
}

static void drop_kept(void)
{
    for (size_t i = 0; i < kept.count; i++)
        free(kept.items[i]);
    free(kept.items);
    kept.items = NULL;
    kept.count = 0;
}

static struct slice plain(const struct json_value *value)
{
    struct strbuf text = {0};
    size_t n;
    char *p;

    if (value->type != JSON_STRING)
        return (struct slice){NULL, 0};
    json_unescape(value->text, &text);
    p = keep(strbuf_take(&text, &n));
    return (struct slice){p, n};
}

static struct command read_command(struct slice line)
{
    struct command c = {.what = {NULL, 0}};
    const struct {
        const char *name;
        struct slice *field;
    } fields[] = {
        {"do", &c.what},
        {"path", &c.path},
        {"query", &c.query},
        {"target", &c.target},
        {"content_type", &c.content_type},
        {"body", &c.body},
        {"protocol", &c.protocol},
        {"operation", &c.operation},
        {"error", &c.error},
        {"text", &c.text},
    };
    struct json_value key, value;
    struct json j;

    json_init(&j, line);
    sl_assert(json_next(&j, NULL) == JSON_OBJECT);
    while (json_member(&j, &key)) {
        sl_assert(json_skip(&j, &value));
        if (json_is(&key, "output"))
            c.output = value.text;
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
            if (json_is(&key, fields[i].name))
                *fields[i].field = plain(&value);
    }
    sl_assert(json_end(&j));
    return c;
}

static enum api_protocol protocol_of(const struct command *c)
{
    return slice_is(c->protocol, "json") ? API_JSON : API_QUERY;
}

/* ---- JSON out ---- */

static void add_text(struct strbuf *out, struct slice text)
{
    strbuf_addc(out, '"');
    sl_assert(json_escape(text, out));
    strbuf_addc(out, '"');
}

static void add_key(struct strbuf *out, const char *name)
{
    char last = out->n > 0 ? out->p[out->n - 1] : '{';

    if (last != '{' && last != '[')
        strbuf_addc(out, ',');
    add_text(out, slice_of(name));
    strbuf_addc(out, ':');
}

static void add_member(struct strbuf *out, const char *name, struct slice text)
{
    add_key(out, name);
    if (text.p)
        add_text(out, text);
    else
        strbuf_adds(out, "null");
}

/* ---- the tables ---- */

static const char *shape_name(enum shape shape)
{
    static const char *const names[] = {
        [SHAPE_STRING] = "string",
        [SHAPE_INTEGER] = "integer",
        [SHAPE_LONG] = "long",
        [SHAPE_BOOLEAN] = "boolean",
        [SHAPE_BLOB] = "blob",
        [SHAPE_STRINGS] = "strings",
        [SHAPE_STRING_MAP] = "string map",
        [SHAPE_ATTRIBUTES] = "attributes",
        [SHAPE_STRUCTURES] = "structures",
    };

    return names[shape];
}

static void add_members(struct strbuf *out, const char *key, const struct model_member *members)
{
    add_key(out, key);
    if (!members) {
        strbuf_adds(out, "null");
        return;
    }
    strbuf_addc(out, '{');
    for (; members->name; members++) {
        add_key(out, members->name);
        strbuf_addc(out, '{');
        add_member(out, "shape", slice_of(shape_name(members->shape)));
        add_key(out, "required");
        strbuf_adds(out, members->is_required ? "true" : "false");
        add_member(out, "query_name", slice_of(members->query_name));
        add_member(out, "key_name", slice_of(members->key_name));
        add_member(out, "value_name", slice_of(members->value_name));
        add_members(out, "members", members->members);
        strbuf_addc(out, '}');
    }
    strbuf_addc(out, '}');
}

static void add_operation(struct strbuf *out, const struct model_operation *model)
{
    add_key(out, model->name);
    strbuf_addc(out, '{');
    add_members(out, "input", model->input);
    add_members(out, "output", model->output);
    add_key(out, "errors");
    strbuf_addc(out, '[');
    for (const enum queue_error *e = model->errors; *e != QUEUE_OK; e++) {
        strbuf_adds(out, e == model->errors ? "" : ",");
        add_text(out, slice_of(queue_errors[*e].type));
    }
    strbuf_adds(out, "]}");
}

static void show_model(struct strbuf *out)
{
    strbuf_addc(out, '{');
    add_key(out, "operations");
    strbuf_addc(out, '{');
    for (size_t i = 0; i < OPERATIONS; i++)
        add_operation(out, &model_operations[i]);
    strbuf_addc(out, '}');
    add_key(out, "errors");
    strbuf_addc(out, '{');
    for (size_t i = 1; i < QUEUE_ERRORS; i++) {
        const struct queue_error_row *row = &queue_errors[i];

        add_key(out, row->type);
        strbuf_addc(out, '{');
        add_member(out, "code", slice_of(row->code));
        add_member(out, "text", slice_of(row->text));
        add_key(out, "status");
        strbuf_addf(out, "%d,\"sender\":%s,\"model\":%s}", row->status,
                    row->is_senders_fault ? "true" : "false", row->is_in_model ? "true" : "false");
    }
    strbuf_adds(out, "}}");
}

/* ---- what was read ---- */

static void add_strings(struct strbuf *out, const char *name, const struct api_strings *strings)
{
    if (!strings->is_given)
        return;
    add_key(out, name);
    strbuf_addc(out, '[');
    for (size_t i = 0; i < strings->count; i++) {
        strbuf_adds(out, i ? "," : "");
        add_text(out, strings->items[i]);
    }
    strbuf_addc(out, ']');
}

static void add_map(struct strbuf *out, const char *name, const struct api_map *map)
{
    if (!map->is_given)
        return;
    add_key(out, name);
    strbuf_addc(out, '{');
    for (size_t i = 0; i < map->count; i++) {
        strbuf_adds(out, i ? "," : "");
        add_text(out, map->items[i].name);
        strbuf_addc(out, ':');
        add_text(out, map->items[i].value);
    }
    strbuf_addc(out, '}');
}

static void add_attributes(struct strbuf *out, const char *name, const struct api_attributes *list)
{
    if (!list->is_given)
        return;
    add_key(out, name);
    strbuf_addc(out, '{');
    for (size_t i = 0; i < list->count; i++) {
        const struct api_attribute *one = &list->items[i];

        strbuf_adds(out, i ? "," : "");
        add_text(out, one->name);
        strbuf_adds(out, ":{");
        if (one->type.p)
            add_member(out, "DataType", one->type);
        if (one->string.p)
            add_member(out, "StringValue", one->string);
        if (one->binary.p) {
            add_key(out, "BinaryValue");
            strbuf_addc(out, '"');
            base64_encode(one->binary, out);
            strbuf_addc(out, '"');
        }
        if (one->has_list) {
            add_key(out, "has_list");
            strbuf_adds(out, "true");
        }
        strbuf_addc(out, '}');
    }
    strbuf_addc(out, '}');
}

static void add_structure(struct strbuf *out, const struct model_member *members, const void *base,
                          const struct api_request *request);

static void add_entries(struct strbuf *out, const struct model_member *member,
                        const struct api_request *request)
{
    if (!request->has_entries)
        return;
    add_key(out, member->name);
    strbuf_addc(out, '[');
    for (size_t i = 0; i < request->entry_count; i++) {
        strbuf_adds(out, i ? "," : "");
        add_structure(out, member->members, &request->entries[i], request);
    }
    strbuf_addc(out, ']');
}

static void add_input(struct strbuf *out, const struct model_member *member, const void *base,
                      const struct api_request *request)
{
    const void *at = (const char *)base + member->at;

    switch (member->shape) {
    case SHAPE_STRING:
        if (((const struct slice *)at)->p)
            add_member(out, member->name, *(const struct slice *)at);
        break;
    case SHAPE_INTEGER:
    case SHAPE_LONG:
        if (*(const int64_t *)at == API_ABSENT)
            break;
        add_key(out, member->name);
        strbuf_addf(out, "%" PRId64, *(const int64_t *)at);
        break;
    case SHAPE_STRINGS:
        add_strings(out, member->name, at);
        break;
    case SHAPE_STRING_MAP:
        add_map(out, member->name, at);
        break;
    case SHAPE_ATTRIBUTES:
        add_attributes(out, member->name, at);
        break;
    case SHAPE_STRUCTURES:
        add_entries(out, member, request);
        break;
    case SHAPE_BOOLEAN:
    case SHAPE_BLOB:
        sl_assert(!"an input's shape");
    }
}

static void add_structure(struct strbuf *out, const struct model_member *members, const void *base,
                          const struct api_request *request)
{
    strbuf_addc(out, '{');
    for (; members->name; members++)
        add_input(out, members, base, request);
    strbuf_addc(out, '}');
}

/* One for all: it is used again. */
static struct api_request request;

static void show_read(struct strbuf *out, const struct command *c)
{
    const struct api_http http = {
        .method = "POST",
        .path = c->path,
        .query = c->query,
        .target = c->target,
        .content_type = c->content_type,
        .body = c->body,
    };
    struct queue_refusal refusal;
    enum queue_error error = api_read(&request, &http, &refusal);

    strbuf_addc(out, '{');
    add_member(out, "protocol", request.protocol == API_JSON ? SLICE("json") : SLICE("query"));
    if (request.operation != OPERATIONS)
        add_member(out, "operation", slice_of(model_operations[request.operation].name));
    if (error) {
        add_member(out, "error", slice_of(queue_errors[error].type));
        add_member(out, "text", slice_of(refusal.text));
    } else {
        add_key(out, "input");
        add_structure(out, model_operations[request.operation].input, &request, &request);
    }
    strbuf_addc(out, '}');
    api_request_reset(&request);
}

/* ---- answers ---- */

static void write_output(struct answer *a, struct json *j, const struct model_member *members);

static void write_strings(struct answer *a, struct json *j, const char *name)
{
    struct json_value value;

    answer_list_begin(a, name);
    sl_assert(json_next(j, NULL) == JSON_ARRAY);
    while (json_element(j)) {
        sl_assert(json_next(j, &value) == JSON_STRING);
        answer_item_string(a, plain(&value));
    }
    answer_list_end(a);
}

static void write_structures(struct answer *a, struct json *j, const struct model_member *member)
{
    answer_list_begin(a, member->name);
    sl_assert(json_next(j, NULL) == JSON_ARRAY);
    while (json_element(j)) {
        answer_item_begin(a);
        write_output(a, j, member->members);
        answer_item_end(a);
    }
    answer_list_end(a);
}

static void write_map(struct answer *a, struct json *j, const char *name)
{
    struct json_value key, value;

    answer_map_begin(a, name);
    sl_assert(json_next(j, NULL) == JSON_OBJECT);
    while (json_member(j, &key)) {
        key.type = JSON_STRING;
        sl_assert(json_next(j, &value) == JSON_STRING);
        answer_map_entry(a, plain(&key), plain(&value));
    }
    answer_map_end(a);
}

static struct payload_attribute read_attribute(struct json *j)
{
    struct payload_attribute attribute = {.kind = PAYLOAD_STRING};
    struct json_value key, value;

    sl_assert(json_next(j, NULL) == JSON_OBJECT);
    while (json_member(j, &key)) {
        struct slice text;

        sl_assert(json_next(j, &value) == JSON_STRING);
        text = plain(&value);
        if (json_is(&key, "DataType")) {
            attribute.type = text;
        } else if (json_is(&key, "StringValue")) {
            attribute.value = text;
        } else {
            char *bytes = keep(malloc(base64_decoded_max(text.n) + 1));

            sl_assert(base64_decode(text, bytes, &attribute.value.n));
            attribute.value.p = bytes;
            attribute.kind = PAYLOAD_BINARY;
        }
    }
    return attribute;
}

static void write_attributes(struct answer *a, struct json *j, const char *name)
{
    struct json_value key;

    answer_map_begin(a, name);
    sl_assert(json_next(j, NULL) == JSON_OBJECT);
    while (json_member(j, &key)) {
        struct payload_attribute attribute = read_attribute(j);

        key.type = JSON_STRING;
        attribute.name = plain(&key);
        answer_map_attribute(a, &attribute);
    }
    answer_map_end(a);
}

static void write_member(struct answer *a, struct json *j, const struct model_member *member)
{
    struct json_value value;

    switch (member->shape) {
    case SHAPE_STRING:
        sl_assert(json_next(j, &value) == JSON_STRING);
        answer_string(a, member->name, plain(&value));
        break;
    case SHAPE_INTEGER:
    case SHAPE_LONG:
        sl_assert(json_next(j, &value) == JSON_NUMBER);
        answer_number(a, member->name, strtoll(value.text.p, NULL, 10));
        break;
    case SHAPE_BOOLEAN:
        answer_bool(a, member->name, json_next(j, NULL) == JSON_TRUE);
        break;
    case SHAPE_STRINGS:
        write_strings(a, j, member->name);
        break;
    case SHAPE_STRUCTURES:
        write_structures(a, j, member);
        break;
    case SHAPE_STRING_MAP:
        write_map(a, j, member->name);
        break;
    case SHAPE_ATTRIBUTES:
        write_attributes(a, j, member->name);
        break;
    case SHAPE_BLOB:
        sl_assert(!"an output's shape");
    }
}

static void write_output(struct answer *a, struct json *j, const struct model_member *members)
{
    struct json_value key;

    sl_assert(json_next(j, NULL) == JSON_OBJECT);
    while (json_member(j, &key)) {
        const struct model_member *member = members;

        while (member->name && !json_is(&key, member->name))
            member++;
        sl_assert(member->name);
        write_member(a, j, member);
    }
}

static void show_write(struct strbuf *out, const struct command *c)
{
    enum operation operation = model_find(c->operation);
    struct strbuf body = {0};
    struct answer a;
    struct json j;

    sl_assert(operation != OPERATIONS);
    answer_begin(&a, protocol_of(c), operation, SLICE("the-request-id"), &body);
    json_init(&j, c->output);
    if (model_operations[operation].output)
        write_output(&a, &j, model_operations[operation].output);
    answer_end(&a);
    sl_assert(!strbuf_failed(&body));
    strbuf_addc(out, '{');
    add_member(out, "body", strbuf_slice(&body));
    add_member(out, "content_type", slice_of(answer_content_type(protocol_of(c))));
    strbuf_addc(out, '}');
    strbuf_deinit(&body);
}

static void show_refusal(struct strbuf *out, const struct command *c)
{
    struct strbuf body = {0}, query_error = {0};
    struct queue_refusal refusal;
    enum queue_error error = 1;
    int status;

    while (error < QUEUE_ERRORS && !slice_is(c->error, queue_errors[error].type))
        error++;
    sl_assert(error < QUEUE_ERRORS);
    if (c->text.p)
        (void)queue_refuse(&refusal, error, SLICE_FMT, SLICE_ARG(c->text));
    else
        (void)queue_refuse_plainly(&refusal, error);
    status = answer_refusal(protocol_of(c), &refusal, SLICE("the-request-id"), &body, &query_error);
    strbuf_addc(out, '{');
    add_member(out, "body", strbuf_slice(&body));
    add_member(out, "query_error", strbuf_slice(&query_error));
    add_key(out, "status");
    strbuf_addf(out, "%d}", status);
    strbuf_deinit(&body);
    strbuf_deinit(&query_error);
}

int main(void)
{
    struct strbuf out = {0};
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    while ((n = getline(&line, &size, stdin)) > 0) {
        struct command c = read_command((struct slice){line, (size_t)n});

        strbuf_reset(&out);
        if (slice_is(c.what, "model"))
            show_model(&out);
        else if (slice_is(c.what, "read"))
            show_read(&out, &c);
        else if (slice_is(c.what, "write"))
            show_write(&out, &c);
        else
            show_refusal(&out, &c);
        sl_assert(!strbuf_failed(&out));
        puts(out.p);
        fflush(stdout);
        drop_kept();
    }
    api_request_deinit(&request);
    free(line);
    strbuf_deinit(&out);
    return 0;
}

/*
 * api_json -- AWS JSON 1.0: the body is read once, members are found in the operation's rows, and put where the row says.
 * Strings stay where they are unless they hold escapes.
 *
 * Unknown members are skipped, null is "not given", a member that is given twice counts as it was given last. Of a map all
 * entries are kept, in their order, also those with the same name. Words of refusals are those of AWS's own parser.
 */
#include <inttypes.h>

#include "core/json.h"
#include "queue/api_read.h"

struct reading {
    struct json json;
    struct api_request *request;
    struct queue_refusal *refusal;
    enum queue_error error; /* other than the text's being no JSON; sticky */
};

/* ---- values ---- */

static bool no_memory(struct reading *r)
{
    r->error = queue_refuse_plainly(r->refusal, QUEUE_INTERNAL_FAILURE);
    return false;
}

static const char *token_name(enum json_type type)
{
    switch (type) {
    case JSON_TRUE:
        return "TRUE_VALUE";
    case JSON_FALSE:
        return "FALSE_VALUE";
    case JSON_NUMBER:
        return "NUMBER_VALUE";
    case JSON_STRING:
        return "STRING_VALUE";
    case JSON_NULL:
        return "NULL_VALUE";
    case JSON_ERROR:
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    return "";
}

/* Nothing more is told of text that is no JSON: that is said at the end. */
static bool refuse_type(struct reading *r, enum json_type found, const char *wanted)
{
    if (found == JSON_ERROR)
        return false;
    if (found == JSON_OBJECT)
        r->error = queue_refuse(r->refusal, QUEUE_MALFORMED,
                                "Start of structure or map found where not expected.");
    else if (found == JSON_ARRAY)
        r->error =
            queue_refuse(r->refusal, QUEUE_MALFORMED, "Start of list found where not expected");
    else
        r->error = queue_refuse(r->refusal, QUEUE_MALFORMED, "%s can not be converted to %s",
                                token_name(found), wanted);
    return false;
}

/* The plain text of a string: the body's own bytes where they are that. Never {NULL, 0}. */
static bool plain_text(struct reading *r, const struct json_value *value, struct slice *out)
{
    struct slice rest = value->text;
    size_t size = rest.n + 4; /* json_unescape_some stops short of the last four */
    char *plain;

    *out = rest;
    if (!value->escaped)
        return true;
    plain = api_take(&r->request->arena, size < 16 ? 16 : size);
    if (!plain)
        return no_memory(r);
    *out = (struct slice){plain, json_unescape_some(&rest, plain, size < 16 ? 16 : size)};
    return true;
}

/* Each reader sets *is_given unless the value is null. false: an error, told or of the JSON. */
static bool read_string(struct reading *r, struct slice *out, bool *is_given)
{
    struct json_value value;
    enum json_type type = json_next(&r->json, &value);

    if (type == JSON_NULL)
        return true;
    if (type != JSON_STRING)
        return refuse_type(r, type, "a String");
    *is_given = true;
    return plain_text(r, &value, out);
}

/* A whole number between min and max. */
static bool parse_integer(struct slice text, int64_t min, int64_t max, int64_t *out)
{
    bool is_negative = text.n > 0 && text.p[0] == '-';
    int64_t n = 0;

    for (size_t i = is_negative; i < text.n; i++) {
        int64_t digit = text.p[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_sub_overflow(n, digit, &n))
            return false;
    }
    /* Gathered below zero, where there is room for one more. */
    if (!is_negative && __builtin_sub_overflow(0, n, &n))
        return false;
    *out = n;
    return n >= min && n <= max;
}

static bool read_integer(struct reading *r, const struct model_member *member, int64_t *out,
                         bool *is_given)
{
    int64_t min = member->shape == SHAPE_LONG ? INT64_MIN + 1 : INT32_MIN;
    int64_t max = member->shape == SHAPE_LONG ? INT64_MAX : INT32_MAX;
    struct json_value value;
    enum json_type type = json_next(&r->json, &value);

    if (type == JSON_NULL)
        return true;
    if (type != JSON_NUMBER)
        return refuse_type(r, type, member->shape == SHAPE_LONG ? "a Long" : "an Integer");
    if (!parse_integer(value.text, min, max, out)) {
        r->error = queue_refuse(r->refusal, QUEUE_MALFORMED,
                                "%s is no whole number between %" PRId64 " and %" PRId64,
                                member->name, min, max);
        return false;
    }
    *is_given = true;
    return true;
}

/* Steps into a list or a map. *is_given stays false at null. */
static bool open_container(struct reading *r, enum json_type wanted, bool *is_given)
{
    enum json_type type = json_next(&r->json, NULL);

    if (type == JSON_NULL)
        return true;
    if (type != wanted)
        return refuse_type(r, type, wanted == JSON_ARRAY ? "a List" : "a Map");
    *is_given = true;
    return true;
}

static bool is_full(struct reading *r, const struct model_member *member, size_t count)
{
    if (count < API_ENTRIES_MAX)
        return false;
    r->error = api_refuse_list(member->name, r->refusal);
    return true;
}

static bool read_strings(struct reading *r, const struct model_member *member,
                         struct api_strings *out, bool *is_given)
{
    *out = (struct api_strings){0};
    if (!open_container(r, JSON_ARRAY, is_given) || !*is_given)
        return !r->error && !r->json.error;
    out->is_given = true;
    while (json_element(&r->json)) {
        bool has_one = false;
        struct slice text, *at;

        if (!read_string(r, &text, &has_one))
            return false;
        if (!has_one)
            continue;
        if (is_full(r, member, out->count))
            return false;
        at = api_add_string(&r->request->arena, out);
        if (!at)
            return no_memory(r);
        *at = text;
    }
    return !r->json.error;
}

static bool read_map(struct reading *r, const struct model_member *member, struct api_map *out,
                     bool *is_given)
{
    struct json_value key;

    *out = (struct api_map){0};
    if (!open_container(r, JSON_OBJECT, is_given) || !*is_given)
        return !r->error && !r->json.error;
    out->is_given = true;
    while (json_member(&r->json, &key)) {
        bool has_value = false;
        struct api_pair pair, *at;

        if (!plain_text(r, &key, &pair.name) || !read_string(r, &pair.value, &has_value))
            return false;
        if (!has_value)
            continue;
        if (is_full(r, member, out->count))
            return false;
        at = api_add_pair(&r->request->arena, out);
        if (!at)
            return no_memory(r);
        *at = pair;
    }
    return !r->json.error;
}

/* ---- message attributes ---- */

static bool read_blob(struct reading *r, struct slice *out)
{
    struct slice text;
    bool is_given = false;

    if (!read_string(r, &text, &is_given))
        return false;
    if (is_given)
        r->error = api_decode_blob(&r->request->arena, text, out, r->refusal);
    return !r->error;
}

/* A list that SQS does not take: read, and only whether it holds anything is kept. */
static bool read_list_values(struct reading *r, struct api_attribute *attribute)
{
    bool is_given = false;

    if (!open_container(r, JSON_ARRAY, &is_given) || !is_given)
        return !r->error && !r->json.error;
    while (json_element(&r->json)) {
        attribute->has_list = true;
        if (!json_skip(&r->json, NULL))
            return false;
    }
    return !r->json.error;
}

static bool read_attribute_value(struct reading *r, struct api_attribute *out, bool *is_given)
{
    struct json_value key;
    bool ignored, ok = true;

    if (!open_container(r, JSON_OBJECT, is_given) || !*is_given)
        return !r->error && !r->json.error;
    while (ok && json_member(&r->json, &key)) {
        if (json_is(&key, "DataType"))
            ok = read_string(r, &out->type, &ignored);
        else if (json_is(&key, "StringValue"))
            ok = read_string(r, &out->string, &ignored);
        else if (json_is(&key, "BinaryValue"))
            ok = read_blob(r, &out->binary);
        else if (json_is(&key, "StringListValues") || json_is(&key, "BinaryListValues"))
            ok = read_list_values(r, out);
        else
            ok = json_skip(&r->json, NULL);
    }
    return ok && !r->json.error;
}

static bool read_attributes(struct reading *r, const struct model_member *member,
                            struct api_attributes *out, bool *is_given)
{
    struct json_value key;

    *out = (struct api_attributes){0};
    if (!open_container(r, JSON_OBJECT, is_given) || !*is_given)
        return !r->error && !r->json.error;
    out->is_given = true;
    while (json_member(&r->json, &key)) {
        struct api_attribute attribute = {.name = {NULL, 0}};
        struct api_attribute *at;
        bool has_value = false;

        if (!plain_text(r, &key, &attribute.name) ||
            !read_attribute_value(r, &attribute, &has_value))
            return false;
        if (!has_value)
            continue;
        if (is_full(r, member, out->count))
            return false;
        at = api_add_attribute(&r->request->arena, out);
        if (!at)
            return no_memory(r);
        *at = attribute;
    }
    return !r->json.error;
}

/* ---- structures ---- */

static bool read_structure(struct reading *r, const struct model_member *members, void *base,
                           uint32_t *given);

static bool read_entries(struct reading *r, const struct model_member *member, bool *is_given)
{
    struct api_request *request = r->request;

    request->entry_count = 0;
    request->entries = NULL;
    request->has_entries = false;
    if (!open_container(r, JSON_ARRAY, is_given) || !*is_given)
        return !r->error && !r->json.error;
    request->has_entries = true;
    while (json_element(&r->json)) {
        bool has_one = false;
        struct api_entry *entry;
        uint32_t given = 0;

        if (!open_container(r, JSON_OBJECT, &has_one))
            return false;
        if (!has_one)
            continue;
        if (is_full(r, member, request->entry_count))
            return false;
        entry = api_add_entry(request);
        if (!entry)
            return no_memory(r);
        if (!read_structure(r, member->members, entry, &given))
            return false;
        r->error = api_check_required(member->members, given, member->query_name,
                                      request->entry_count, r->refusal);
        if (r->error)
            return false;
    }
    return !r->json.error;
}

static bool read_member(struct reading *r, const struct model_member *member, void *base,
                        bool *is_given)
{
    void *at = (char *)base + member->at;

    switch (member->shape) {
    case SHAPE_STRING:
        *(struct slice *)at = (struct slice){NULL, 0};
        return read_string(r, at, is_given);
    case SHAPE_INTEGER:
    case SHAPE_LONG:
        *(int64_t *)at = API_ABSENT;
        return read_integer(r, member, at, is_given);
    case SHAPE_STRINGS:
        return read_strings(r, member, at, is_given);
    case SHAPE_STRING_MAP:
        return read_map(r, member, at, is_given);
    case SHAPE_ATTRIBUTES:
        return read_attributes(r, member, at, is_given);
    case SHAPE_STRUCTURES:
        return read_entries(r, member, is_given);
    case SHAPE_BOOLEAN:
    case SHAPE_BLOB:
        break; /* no input has one */
    }
    return json_skip(&r->json, NULL);
}

/* Behind the opening brace. Bit i of *given: the i-th member was there. */
static bool read_structure(struct reading *r, const struct model_member *members, void *base,
                           uint32_t *given)
{
    struct json_value key;

    while (json_member(&r->json, &key)) {
        bool is_given = false;
        size_t i = 0;

        while (members[i].name && !json_is(&key, members[i].name))
            i++;
        if (!members[i].name) {
            if (!json_skip(&r->json, NULL))
                return false;
            continue;
        }
        if (!read_member(r, &members[i], base, &is_given))
            return false;
        *given = is_given ? *given | 1u << i : *given & ~(1u << i);
    }
    return !r->json.error;
}

/* ---- the request ---- */

/* What stands behind "AmazonSQS." */
static enum operation find_operation(struct slice target)
{
    static const struct slice prefix = SLICE_INIT("AmazonSQS.");

    if (target.n < prefix.n || memcmp(target.p, prefix.p, prefix.n) != 0)
        return OPERATIONS;
    return model_find((struct slice){target.p + prefix.n, target.n - prefix.n});
}

static bool read_body(struct reading *r, const struct model_member *members, uint32_t *given)
{
    struct api_request *request = r->request;
    enum json_type type = json_next(&r->json, NULL);

    if (type != JSON_OBJECT)
        return refuse_type(r, type, "a Structure");
    return read_structure(r, members, request, given) && json_end(&r->json);
}

enum queue_error api_read_json(struct api_request *request, const struct api_http *http,
                               struct queue_refusal *refusal)
{
    struct reading r = {.request = request, .refusal = refusal};
    const struct model_member *members;
    uint32_t given = 0;

    request->operation = find_operation(http->target);
    if (request->operation == OPERATIONS)
        return queue_refuse_plainly(refusal, QUEUE_ACTION_UNKNOWN);
    members = model_operations[request->operation].input;
    json_init(&r.json, http->body.n > 0 ? http->body : SLICE("{}"));
    if (!read_body(&r, members, &given) && !r.error)
        return queue_refuse(refusal, QUEUE_MALFORMED, "The body is not JSON: %s at byte %zu.",
                            r.json.error ? r.json.error : "no value", json_position(&r.json));
    if (r.error)
        return r.error;
    return api_check_required(members, given, NULL, 0, refusal);
}

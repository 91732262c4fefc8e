/*
 * api_query -- the Query protocol: form fields whose names are paths, "SendMessageBatchRequestEntry.2.MessageAttribute.1.Name".
 *
 * Fields may come in any order and their numbers may have gaps. So each name becomes a key of small numbers: which member,
 * which of the list, which member of that, and so on; the keys are sorted; and then the fields are read one after the other,
 * as if they had been sent in order: a new number is the next element. Where a path is given twice, the last counts.
 *
 * Names that lead nowhere are passed over, as SQS does. Old clients leave the number out where there is only one element
 * ("AttributeName=All", "Attribute.Name=Policy"): that is element 0, and comes first.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "core/form.h"
#include "core/json.h"
#include "queue/api_read.h"

/* More fields than any request of 10 entries with 10 attributes has; and the largest number of an element. */
enum { FIELDS_MAX = 20000, NUMBER_MAX = 1000000 };

/* The end of a path: what of an element a field is. */
enum leaf { LEAF_WHOLE, LEAF_KEY, LEAF_VALUE, LEAF_STRING, LEAF_BINARY, LEAF_TYPE, LEAF_LIST };

/* Part of a path: a member, and for lists and maps the element's number. */
struct step {
    uint32_t member; /* its place among the rows */
    uint32_t number;
};

struct field {
    struct slice name, value;
    struct step outer, inner; /* inner: of a structure's member */
    enum leaf leaf;
    uint32_t order; /* as they came */
};

struct reading {
    struct api_request *request;
    struct queue_refusal *refusal;
    struct field *fields;
    size_t count;
};

static enum queue_error no_memory(struct reading *r)
{
    return queue_refuse_plainly(r->refusal, QUEUE_INTERNAL_FAILURE);
}

/* ---- fields ---- */

/* Text that needs no decoding stays where it is. */
static enum queue_error decode(struct reading *r, struct slice *text)
{
    struct slice encoded = *text;
    char *plain;

    if (form_is_encoded(encoded)) {
        plain = api_take(&r->request->arena, encoded.n);
        if (!plain)
            return no_memory(r);
        if (!form_decode(encoded, plain, &text->n))
            return queue_refuse(r->refusal, QUEUE_MALFORMED,
                                "A field holds a percent sign that is not followed by two hex "
                                "digits.");
        text->p = plain;
    }
    if (!utf8_is_valid(*text))
        return queue_refuse(r->refusal, QUEUE_MALFORMED, "A field is not UTF-8.");
    return QUEUE_OK;
}

static enum queue_error gather_fields(struct reading *r, struct slice form)
{
    struct slice name, value;

    while (form_next(&form, &name, &value)) {
        void *items = r->fields;
        struct field *field;
        enum queue_error error = decode(r, &name);

        if (!error)
            error = decode(r, &value);
        if (error)
            return error;
        if (r->count == FIELDS_MAX)
            return queue_refuse(r->refusal, QUEUE_MALFORMED, "More than %d fields.", FIELDS_MAX);
        field = api_grow(&r->request->arena, &items, r->count, sizeof(*field));
        if (!field)
            return no_memory(r);
        r->fields = items;
        *field = (struct field){.name = name, .value = value, .order = (uint32_t)r->count++};
    }
    return QUEUE_OK;
}

/* {NULL, 0}: there is none. */
static struct slice find_field(const struct reading *r, const char *name)
{
    struct slice found = {NULL, 0};

    for (size_t i = 0; i < r->count; i++)
        if (slice_is(r->fields[i].name, name))
            found = r->fields[i].value;
    return found;
}

/* ---- paths ---- */

/* Cuts a path at its first dot. */
static struct slice cut(struct slice *path)
{
    const char *dot = path->n > 0 ? memchr(path->p, '.', path->n) : NULL;
    struct slice head = {path->p, dot ? (size_t)(dot - path->p) : path->n};

    *path =
        dot ? (struct slice){dot + 1, path->n - head.n - 1} : (struct slice){path->p + path->n, 0};
    return head;
}

static bool is_element(enum shape shape)
{
    return shape == SHAPE_STRINGS || shape == SHAPE_STRING_MAP || shape == SHAPE_ATTRIBUTES ||
           shape == SHAPE_STRUCTURES;
}

/* Cuts the element's number off the front, where there is one: 1 to NUMBER_MAX, else 0. false: it is none of these. */
static bool cut_number(struct slice *path, uint32_t *number)
{
    struct slice rest = *path;
    struct slice text = cut(&rest);

    *number = 0;
    if (text.n == 0 || text.p[0] < '0' || text.p[0] > '9')
        return true;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        *number = *number * 10 + (uint32_t)(text.p[i] - '0');
        if (*number > NUMBER_MAX)
            return false;
    }
    *path = rest;
    return *number > 0;
}

enum found { FOUND, NOWHERE, BAD_NUMBER };

/* What stands behind the number of a map's entry. */
static enum found find_leaf(const struct model_member *member, struct slice path, enum leaf *leaf)
{
    struct slice head = cut(&path);

    if (slice_is(head, member->key_name)) {
        *leaf = LEAF_KEY;
        return path.n == 0 ? FOUND : NOWHERE;
    }
    if (!slice_is(head, member->value_name))
        return NOWHERE;
    if (member->shape == SHAPE_STRING_MAP) {
        *leaf = LEAF_VALUE;
        return path.n == 0 ? FOUND : NOWHERE;
    }
    head = cut(&path);
    if (slice_is(head, "StringListValue") || slice_is(head, "BinaryListValue")) {
        /* Without a number it is how an empty list is sent. */
        *leaf = LEAF_LIST;
        return path.n > 0 ? FOUND : NOWHERE;
    }
    if (path.n > 0)
        return NOWHERE;
    if (slice_is(head, "StringValue"))
        *leaf = LEAF_STRING;
    else if (slice_is(head, "BinaryValue"))
        *leaf = LEAF_BINARY;
    else if (slice_is(head, "DataType"))
        *leaf = LEAF_TYPE;
    else
        return NOWHERE;
    return FOUND;
}

static const char *element_name(const struct model_member *member)
{
    return member->query_name ? member->query_name : member->name;
}

/* Reads a path that begins among `members`. `inner` is NULL inside of a structure, which holds no further ones. */
static enum found find_path(const struct model_member *members, struct slice path,
                            struct step *outer, struct step *inner, enum leaf *leaf)
{
    struct slice head = cut(&path);
    const struct model_member *member = members;

    while (member->name && !slice_is(head, element_name(member)))
        member++;
    if (!member->name)
        return NOWHERE;
    *outer = (struct step){.member = (uint32_t)(member - members)};
    *leaf = LEAF_WHOLE;
    if (is_element(member->shape) && !cut_number(&path, &outer->number))
        return BAD_NUMBER;
    if (member->shape == SHAPE_STRING_MAP || member->shape == SHAPE_ATTRIBUTES)
        return find_leaf(member, path, leaf);
    if (member->shape == SHAPE_STRUCTURES)
        return inner ? find_path(member->members, path, inner, NULL, leaf) : NOWHERE;
    return path.n == 0 ? FOUND : NOWHERE;
}

static int compare_steps(const struct step *a, const struct step *b)
{
    if (a->member != b->member)
        return a->member < b->member ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

/* A total order, so that it does not depend on the sort. */
static int compare_fields(const void *a, const void *b)
{
    const struct field *x = a, *y = b;
    int order = compare_steps(&x->outer, &y->outer);

    if (!order)
        order = compare_steps(&x->inner, &y->inner);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

/* Finds all paths, drops the fields that lead nowhere, and sorts the rest: most clients send them sorted. */
static enum queue_error find_paths(struct reading *r, const struct model_member *members)
{
    bool is_sorted = true;
    size_t kept = 0;

    for (size_t i = 0; i < r->count; i++) {
        struct field field = r->fields[i];

        switch (find_path(members, field.name, &field.outer, &field.inner, &field.leaf)) {
        case NOWHERE:
            continue;
        case BAD_NUMBER:
            return queue_refuse(r->refusal, QUEUE_MALFORMED,
                                "The number of an element is not between 1 and %d: %.*s",
                                NUMBER_MAX, field.name.n < 100 ? (int)field.name.n : 100,
                                field.name.p);
        case FOUND:
            break;
        }
        is_sorted &= kept == 0 || compare_fields(&r->fields[kept - 1], &field) < 0;
        r->fields[kept++] = field;
    }
    r->count = kept;
    if (!is_sorted)
        qsort(r->fields, r->count, sizeof(*r->fields), compare_fields);
    return QUEUE_OK;
}

/* ---- values ---- */

static enum queue_error read_integer(struct reading *r, const struct model_member *member,
                                     struct slice text, int64_t *out)
{
    bool is_negative = text.n > 0 && text.p[0] == '-';
    int64_t n = 0;
    size_t i = is_negative;

    if (text.n == i)
        i = text.n + 1;
    for (; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || n > INT32_MAX) {
            i = text.n + 1;
            break;
        }
        n = n * 10 + (text.p[i] - '0');
    }
    n = is_negative ? -n : n;
    if (i > text.n || n < INT32_MIN || n > INT32_MAX)
        return queue_refuse(r->refusal, QUEUE_MALFORMED, "%s is no whole number: %.*s",
                            member->name, text.n < 40 ? (int)text.n : 40, text.p);
    *out = n;
    return QUEUE_OK;
}

static enum queue_error put_string(struct reading *r, const struct model_member *member,
                                   struct api_strings *to, bool is_new, struct slice text)
{
    struct slice *at = is_new || to->count == 0 ? NULL : &to->items[to->count - 1];

    if (!at && to->count == API_ENTRIES_MAX)
        return api_refuse_list(member->name, r->refusal);
    if (!at)
        at = api_add_string(&r->request->arena, to);
    if (!at)
        return no_memory(r);
    to->is_given = true;
    *at = text;
    return QUEUE_OK;
}

static enum queue_error put_pair(struct reading *r, const struct model_member *member,
                                 struct api_map *to, bool is_new, const struct field *field)
{
    struct api_pair *at = is_new || to->count == 0 ? NULL : &to->items[to->count - 1];

    if (!at && to->count == API_ENTRIES_MAX)
        return api_refuse_list(member->name, r->refusal);
    if (!at)
        at = api_add_pair(&r->request->arena, to);
    if (!at)
        return no_memory(r);
    to->is_given = true;
    if (field->leaf == LEAF_KEY)
        at->name = field->value;
    else
        at->value = field->value;
    return QUEUE_OK;
}

static enum queue_error put_attribute(struct reading *r, const struct model_member *member,
                                      struct api_attributes *to, bool is_new,
                                      const struct field *field)
{
    struct api_attribute *at = is_new || to->count == 0 ? NULL : &to->items[to->count - 1];

    if (!at && to->count == API_ENTRIES_MAX)
        return api_refuse_list(member->name, r->refusal);
    if (!at)
        at = api_add_attribute(&r->request->arena, to);
    if (!at)
        return no_memory(r);
    to->is_given = true;
    switch (field->leaf) {
    case LEAF_KEY:
        at->name = field->value;
        break;
    case LEAF_STRING:
        at->string = field->value;
        break;
    case LEAF_TYPE:
        at->type = field->value;
        break;
    case LEAF_LIST:
        at->has_list = true;
        break;
    case LEAF_BINARY:
        return api_decode_blob(&r->request->arena, field->value, &at->binary, r->refusal);
    case LEAF_WHOLE:
    case LEAF_VALUE:
        break;
    }
    return QUEUE_OK;
}

/* `is_new`: it is the first field of its element. */
static enum queue_error put(struct reading *r, const struct model_member *member, void *base,
                            bool is_new, const struct field *field)
{
    void *at = (char *)base + member->at;

    switch (member->shape) {
    case SHAPE_STRING:
        *(struct slice *)at = field->value;
        return QUEUE_OK;
    case SHAPE_INTEGER:
    case SHAPE_LONG:
        return read_integer(r, member, field->value, at);
    case SHAPE_STRINGS:
        return put_string(r, member, at, is_new, field->value);
    case SHAPE_STRING_MAP:
        return put_pair(r, member, at, is_new, field);
    case SHAPE_ATTRIBUTES:
        return put_attribute(r, member, at, is_new, field);
    case SHAPE_STRUCTURES:
    case SHAPE_BOOLEAN:
    case SHAPE_BLOB:
        break; /* structures are opened by their caller; no input has the others */
    }
    return QUEUE_OK;
}

/* ---- in order ---- */

/* Reads the fields from *at on that belong to one entry of the list `member`, and moves *at behind them. */
static enum queue_error read_entry(struct reading *r, const struct model_member *member, size_t *at)
{
    const struct field *first = &r->fields[*at];
    const struct field *before = NULL;
    struct api_entry *entry;
    uint32_t given = 0;

    if (r->request->entry_count == API_ENTRIES_MAX)
        return api_refuse_list(member->name, r->refusal);
    entry = api_add_entry(r->request);
    if (!entry)
        return no_memory(r);
    r->request->has_entries = true;
    for (; *at < r->count; (*at)++) {
        const struct field *field = &r->fields[*at];
        enum queue_error error;

        if (compare_steps(&field->outer, &first->outer) != 0)
            break;
        error = put(r, &member->members[field->inner.member], entry,
                    !before || compare_steps(&field->inner, &before->inner) != 0, field);
        if (error)
            return error;
        given |= 1u << field->inner.member;
        before = field;
    }
    return api_check_required(member->members, given, member->query_name, first->outer.number,
                              r->refusal);
}

static enum queue_error read_fields(struct reading *r, const struct model_member *members,
                                    uint32_t *given)
{
    const struct field *before = NULL;
    size_t at = 0;

    while (at < r->count) {
        const struct field *field = &r->fields[at];
        const struct model_member *member = &members[field->outer.member];
        enum queue_error error;

        if (member->shape == SHAPE_STRUCTURES) {
            error = read_entry(r, member, &at);
        } else {
            bool is_new = !before || compare_steps(&field->outer, &before->outer) != 0;

            error = put(r, member, r->request, is_new, field);
            at++;
        }
        if (error)
            return error;
        *given |= 1u << field->outer.member;
        before = field;
    }
    return QUEUE_OK;
}

/* A map's entry without its name or its value is an element that did not end. */
static enum queue_error check_map(const struct api_map *map, const char *element, const char *key,
                                  const char *value, struct queue_refusal *refusal)
{
    for (size_t i = 0; i < map->count; i++)
        if (!map->items[i].name.p || !map->items[i].value.p)
            return queue_refuse(refusal, QUEUE_PARAMETER_MISSING,
                                "The request must contain the parameter %s.%zu.%s.", element, i + 1,
                                map->items[i].name.p ? value : key);
    return QUEUE_OK;
}

static enum queue_error check_maps(const struct api_request *request,
                                   const struct model_member *members,
                                   struct queue_refusal *refusal)
{
    for (size_t i = 0; members[i].name; i++) {
        const void *at = (const char *)request + members[i].at;
        enum queue_error error = QUEUE_OK;

        if (members[i].shape == SHAPE_STRING_MAP)
            error = check_map(at, element_name(&members[i]), members[i].key_name,
                              members[i].value_name, refusal);
        if (error)
            return error;
    }
    return QUEUE_OK;
}

/* ---- the request ---- */

/* /000000000000/orders. */
static bool is_of_a_queue(struct slice path)
{
    return path.n > 1 && memchr(path.p + 1, '/', path.n - 1);
}

/* Two operations are not for the URL of a queue: recorded on AWS. */
static bool is_for(enum operation operation, struct slice path)
{
    bool is_of_none = operation == OP_CREATE_QUEUE || operation == OP_LIST_QUEUES;

    return operation != OPERATIONS && !(is_of_none && is_of_a_queue(path));
}

static enum queue_error find_operation(struct reading *r, const struct api_http *http)
{
    struct slice action = find_field(r, "Action");

    if (!action.p && strcmp(http->method, "GET") == 0)
        return queue_refuse_plainly(r->refusal, QUEUE_ACTION_MISSING);
    if (!action.p)
        return queue_refuse(r->refusal, QUEUE_PARAMETER_MISSING,
                            "The request must contain the parameter Action.");
    r->request->operation = model_find(action);
    if (is_for(r->request->operation, http->path))
        return QUEUE_OK;
    return queue_refuse(r->refusal, QUEUE_ACTION_UNKNOWN,
                        "The action %.*s is not valid for this endpoint.",
                        action.n < 100 ? (int)action.n : 100, action.p);
}

/* Clients that post to a queue's own URL need not say it again; other URLs are those of queues that do not exist.
 * Nobody has looked at these bytes yet. */
static enum queue_error take_url_from_path(struct api_request *request,
                                           const struct model_member *members, struct slice path,
                                           uint32_t *given, struct queue_refusal *refusal)
{
    for (size_t i = 0; members[i].name; i++) {
        if (strcmp(members[i].name, "QueueUrl") != 0 || (*given >> i & 1))
            continue;
        if (path.n <= 1 || !utf8_is_valid(path))
            return queue_refuse_plainly(refusal, QUEUE_DOES_NOT_EXIST);
        request->queue_url = path;
        *given |= 1u << i;
    }
    return QUEUE_OK;
}

enum queue_error api_read_query(struct api_request *request, const struct api_http *http,
                                struct queue_refusal *refusal)
{
    struct reading r = {.request = request, .refusal = refusal};
    const struct model_member *members;
    uint32_t given = 0;
    enum queue_error error = gather_fields(&r, http->query);

    if (!error)
        error = gather_fields(&r, http->body);
    if (!error)
        error = find_operation(&r, http);
    if (error)
        return error;
    members = model_operations[request->operation].input;
    error = find_paths(&r, members);
    if (!error)
        error = read_fields(&r, members, &given);
    if (!error)
        error = check_maps(request, members, refusal);
    if (!error)
        error = take_url_from_path(request, members, http->path, &given, refusal);
    if (error)
        return error;
    return api_check_required(members, given, NULL, 0, refusal);
}

/*
 * payload -- one block a message. Attributes are kept in the encoding that SQS digests: each name, type and value with its
 * length before it (big-endian), sorted by name. So the digest of all of them is that of the stored bytes.
 */
#include "queue/payload.h"

#include <stdlib.h>

#include <sluice/base.h>

#include "core/md5.h"

/* A name's, a type's and a value's length, and the kind. */
enum { ATTRIBUTE_OVERHEAD = 3 * 4 + 1 };

_Static_assert(offsetof(struct payload, bytes) ==
                   offsetof(struct payload, head) + sizeof(struct payload_head),
               "what is stored is one stretch");

/* ---- attributes ---- */

static void put_length(unsigned char out[4], size_t n)
{
    out[0] = (unsigned char)(n >> 24);
    out[1] = (unsigned char)(n >> 16);
    out[2] = (unsigned char)(n >> 8);
    out[3] = (unsigned char)n;
}

static char *put_text(char *at, struct slice text)
{
    put_length((unsigned char *)at, text.n);
    if (text.p)
        memcpy(at + 4, text.p, text.n);
    return at + 4 + text.n;
}

static char *put_attribute(char *at, const struct payload_attribute *attribute)
{
    at = put_text(at, attribute->name);
    at = put_text(at, attribute->type);
    *at++ = (char)attribute->kind;
    return put_text(at, attribute->value);
}

/* Cuts `n` bytes off the front of *rest. false: it has fewer. */
static bool take(struct slice *rest, size_t n, struct slice *out)
{
    if (rest->n < n)
        return false;
    *out = (struct slice){rest->p, n};
    *rest = (struct slice){rest->p + n, rest->n - n};
    return true;
}

static bool take_text(struct slice *rest, struct slice *out)
{
    struct slice length;
    const unsigned char *b;

    if (!take(rest, 4, &length))
        return false;
    b = (const unsigned char *)length.p;
    return take(rest, (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3], out);
}

static bool take_attribute(struct slice *rest, struct payload_attribute *out)
{
    struct slice kind;

    if (!take_text(rest, &out->name) || !take_text(rest, &out->type) || !take(rest, 1, &kind))
        return false;
    if (*kind.p != PAYLOAD_STRING && *kind.p != PAYLOAD_BINARY)
        return false;
    out->kind = (enum payload_kind) * kind.p;
    return take_text(rest, &out->value);
}

static void digest_text(struct slice text)
{
    unsigned char length[4];

    put_length(length, text.n);
    md5_add(length, sizeof(length));
    md5_add(text.p, text.n);
}

void payload_digest(const struct payload_attribute *attributes, size_t count, uint8_t out[16])
{
    md5_begin();
    for (size_t i = 0; i < count; i++) {
        unsigned char kind = (unsigned char)attributes[i].kind;

        digest_text(attributes[i].name);
        digest_text(attributes[i].type);
        md5_add(&kind, 1);
        digest_text(attributes[i].value);
    }
    md5_end(out);
}

static int compare_names(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* Pointers to the attributes in the order of their names; there are ten at most. */
static void sort_attributes(const struct payload_source *source,
                            const struct payload_attribute *out[QUEUE_ATTRIBUTES_MAX])
{
    for (size_t i = 0; i < source->attribute_count; i++) {
        const struct payload_attribute *one = &source->attributes[i];
        size_t at = i;

        for (; at > 0 && compare_names(out[at - 1]->name, one->name) > 0; at--)
            out[at] = out[at - 1];
        out[at] = one;
    }
}

static size_t attributes_size(const struct payload_source *source)
{
    size_t size = 0;

    for (size_t i = 0; i < source->attribute_count; i++) {
        const struct payload_attribute *one = &source->attributes[i];

        size += ATTRIBUTE_OVERHEAD + one->name.n + one->type.n + one->value.n;
    }
    return size;
}

/* ---- the block ---- */

static uint16_t short_length(struct slice text)
{
    sl_assert(text.n <= UINT16_MAX);
    return (uint16_t)text.n;
}

static char *put_plain(char *at, struct slice text)
{
    if (text.p)
        memcpy(at, text.p, text.n);
    return at + text.n;
}

static void fill_digests(struct payload *payload)
{
    struct payload_head *head = &payload->head;

    md5_begin();
    md5_add(payload->bytes, head->body_n);
    md5_end(head->body_md5);
    if (head->attribute_count == 0)
        return;
    md5_begin();
    md5_add(payload->bytes + head->body_n, head->attributes_n);
    md5_end(head->attributes_md5);
}

static void fill(struct payload *payload, const struct payload_source *source)
{
    const struct payload_attribute *sorted[QUEUE_ATTRIBUTES_MAX];
    char *at = put_plain(payload->bytes, source->body);

    sort_attributes(source, sorted);
    for (size_t i = 0; i < source->attribute_count; i++)
        at = put_attribute(at, sorted[i]);
    at = put_plain(at, source->group);
    at = put_plain(at, source->dedup);
    at = put_plain(at, source->trace);
    at = put_plain(at, source->sender);
    sl_assert((size_t)(at - payload->bytes) == payload->size - sizeof(payload->head));
}

struct payload *payload_new(const struct payload_source *source)
{
    size_t attributes_n = attributes_size(source);
    size_t bytes = source->body.n + attributes_n + source->group.n + source->dedup.n +
                   source->trace.n + source->sender.n;
    struct payload *payload;

    sl_assert(source->attribute_count <= QUEUE_ATTRIBUTES_MAX);
    sl_assert(bytes <= UINT32_MAX - sizeof(*payload));
    payload = malloc(sizeof(*payload) + bytes);
    if (!payload)
        return NULL;
    /* All of it: what is stored holds no bytes that nobody wrote. */
    memset(payload, 0, sizeof(*payload));
    payload->refs = 1;
    payload->size = (uint32_t)(sizeof(payload->head) + bytes);
    memcpy(payload->head.id, source->id, sizeof(payload->head.id));
    payload->head.sent_ms = source->sent_ms;
    payload->head.body_n = (uint32_t)source->body.n;
    payload->head.attributes_n = (uint32_t)attributes_n;
    payload->head.attribute_count = (uint16_t)source->attribute_count;
    payload->head.group_n = short_length(source->group);
    payload->head.dedup_n = short_length(source->dedup);
    payload->head.trace_n = (uint32_t)source->trace.n;
    payload->head.sender_n = short_length(source->sender);
    payload->head.has_group = source->group.p != NULL;
    payload->head.has_dedup = source->dedup.p != NULL;
    payload->head.has_trace = source->trace.p != NULL;
    fill(payload, source);
    fill_digests(payload);
    return payload;
}

static bool head_is_sound(const struct payload_head *head, size_t bytes)
{
    uint64_t sum = (uint64_t)head->body_n + head->attributes_n + head->group_n + head->dedup_n +
                   head->trace_n + head->sender_n;

    return sum == bytes && head->attribute_count <= QUEUE_ATTRIBUTES_MAX && head->has_group <= 1 &&
           head->has_dedup <= 1 && head->has_trace <= 1 && (head->has_group || !head->group_n) &&
           (head->has_dedup || !head->dedup_n) && (head->has_trace || !head->trace_n);
}

static bool attributes_are_sound(struct slice rest, size_t count)
{
    struct payload_attribute before, one;

    for (size_t i = 0; i < count; i++) {
        if (!take_attribute(&rest, &one))
            return false;
        if (i > 0 && compare_names(before.name, one.name) >= 0)
            return false;
        before = one;
    }
    return rest.n == 0;
}

static bool bytes_are_sound(struct slice bytes)
{
    struct payload_head head;

    if (bytes.n < sizeof(head) || bytes.n > UINT32_MAX - sizeof(struct payload))
        return false;
    memcpy(&head, bytes.p, sizeof(head));
    return head_is_sound(&head, bytes.n - sizeof(head)) &&
           attributes_are_sound(
               (struct slice){bytes.p + sizeof(head) + head.body_n, head.attributes_n},
               head.attribute_count);
}

struct payload *payload_read(struct slice bytes, bool *is_damaged)
{
    struct payload *payload;

    *is_damaged = !bytes_are_sound(bytes);
    if (*is_damaged)
        return NULL;
    payload = malloc(offsetof(struct payload, head) + bytes.n);
    if (!payload)
        return NULL;
    payload->refs = 1;
    payload->size = (uint32_t)bytes.n;
    memcpy(&payload->head, bytes.p, bytes.n);
    return payload;
}

struct payload *payload_ref(struct payload *payload)
{
    sl_assert(payload->refs > 0 && payload->refs < UINT32_MAX);
    payload->refs++;
    return payload;
}

void payload_unref(struct payload *payload)
{
    if (!payload)
        return;
    sl_assert(payload->refs > 0);
    if (--payload->refs == 0)
        free(payload);
}

/* ---- what is in it ---- */

struct slice payload_bytes(const struct payload *payload)
{
    return (struct slice){(const char *)&payload->head, payload->size};
}

struct slice payload_body(const struct payload *payload)
{
    return (struct slice){payload->bytes, payload->head.body_n};
}

static struct slice part(const struct payload *payload, size_t at, size_t n, bool is_there)
{
    return is_there ? (struct slice){payload->bytes + at, n} : (struct slice){NULL, 0};
}

struct slice payload_group(const struct payload *payload)
{
    const struct payload_head *head = &payload->head;
    size_t at = (size_t)head->body_n + head->attributes_n;

    return part(payload, at, head->group_n, head->has_group);
}

struct slice payload_dedup(const struct payload *payload)
{
    const struct payload_head *head = &payload->head;
    size_t at = (size_t)head->body_n + head->attributes_n + head->group_n;

    return part(payload, at, head->dedup_n, head->has_dedup);
}

struct slice payload_trace(const struct payload *payload)
{
    const struct payload_head *head = &payload->head;
    size_t at = (size_t)head->body_n + head->attributes_n + head->group_n + head->dedup_n;

    return part(payload, at, head->trace_n, head->has_trace);
}

struct slice payload_sender(const struct payload *payload)
{
    const struct payload_head *head = &payload->head;
    size_t at = payload->size - sizeof(*head) - head->sender_n;

    return part(payload, at, head->sender_n, head->sender_n > 0);
}

size_t payload_attributes(const struct payload *payload,
                          struct payload_attribute out[QUEUE_ATTRIBUTES_MAX])
{
    struct slice rest = {payload->bytes + payload->head.body_n, payload->head.attributes_n};

    for (size_t i = 0; i < payload->head.attribute_count; i++)
        sl_assert(take_attribute(&rest, &out[i]));
    return payload->head.attribute_count;
}

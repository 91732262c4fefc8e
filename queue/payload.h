/*
 * payload -- what of a message never changes: its id, body, attributes, group and digests, in one counted block.
 *
 * The block behind `head` is also what the durable store keeps, byte for byte (native byte order: a file stays on machines
 * of one kind, and says so). The engine holds a payload or only knows that the store has it; answers hold their own
 * reference while they wait.
 *
 * Life: payload_new → payload_ref → payload_unref. Counted without atomics: references are taken and dropped on one thread;
 * another thread may read a block that somebody keeps a reference for meanwhile.
 */
#ifndef QUEUE_PAYLOAD_H
#define QUEUE_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"
#include "queue/limits.h"

enum payload_kind { PAYLOAD_STRING = 1, PAYLOAD_BINARY = 2 }; /* as in SQS's digest of attributes */

struct payload_attribute {
    struct slice name, type; /* the type with its custom label: "Number.kg" */
    enum payload_kind kind;
    struct slice value; /* plain: not escaped, not base64 */
};

struct payload_head {
    uint8_t id[16];    /* the message id, a UUID */
    int64_t sent_ms;   /* Unix time */
    uint64_t sequence; /* SequenceNumber; 0 on standard queues */
    uint8_t body_md5[16];
    uint8_t attributes_md5[16]; /* zero without attributes */
    uint32_t body_n;
    uint32_t attributes_n; /* bytes of the encoded attributes */
    uint16_t attribute_count;
    uint32_t trace_n;
    uint16_t group_n, dedup_n, sender_n;     /* at most 65,535 bytes each: asserted */
    uint8_t has_group, has_dedup, has_trace; /* "" is not "none" */
};

struct payload {
    uint32_t refs;
    uint32_t size; /* bytes of `head` and what follows it */
    struct payload_head head;
    char bytes[]; /* body, attributes, group, dedup, trace, sender */
};

/* What a payload is made from. Slices that are {NULL, 0} are not there. Attributes in any order. */
struct payload_source {
    const uint8_t *id; /* 16 bytes */
    int64_t sent_ms;
    struct slice body;
    const struct payload_attribute *attributes;
    size_t attribute_count; /* at most QUEUE_ATTRIBUTES_MAX */
    struct slice group, dedup, trace, sender;
};

/* One reference, the caller's. Digests are computed here; attributes are sorted by name. NULL without memory. */
struct payload *payload_new(const struct payload_source *source);

/* From the bytes that a store kept. NULL: no memory, or they are no payload (`*is_damaged` then tells which). */
struct payload *payload_read(struct slice bytes, bool *is_damaged);

struct payload *payload_ref(struct payload *payload);
void payload_unref(struct payload *payload); /* NULL is fine */

/* What a store keeps; payload_read takes it. */
struct slice payload_bytes(const struct payload *payload);

struct slice payload_body(const struct payload *payload);
/* {NULL, 0} when there is none. */
struct slice payload_group(const struct payload *payload);
struct slice payload_dedup(const struct payload *payload);
struct slice payload_trace(const struct payload *payload);
struct slice payload_sender(const struct payload *payload);

/* All attributes, in the order of their names. Returns how many. */
size_t payload_attributes(const struct payload *payload,
                          struct payload_attribute out[QUEUE_ATTRIBUTES_MAX]);

/* SQS's MD5OfMessageAttributes of some attributes in the order of their names. */
void payload_digest(const struct payload_attribute *attributes, size_t count, uint8_t out[16]);

#endif

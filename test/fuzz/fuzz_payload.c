/*
 * What a store kept of a message. Bytes are taken as they are: those that are no payload are refused, of the others
 * everything can be asked, and made anew from what it says a payload is the same in all but its digests.
 */
#include "queue/payload.h"

#include "test/fuzz/fuzz.h"

static void check_parts(const struct payload *payload)
{
    struct slice all = payload_bytes(payload);
    struct payload_attribute attributes[QUEUE_ATTRIBUTES_MAX];
    size_t count = payload_attributes(payload, attributes);
    uint8_t digest[16];

    fuzz_check(fuzz_within(payload_body(payload), all) && fuzz_within(payload_group(payload), all));
    fuzz_check(fuzz_within(payload_dedup(payload), all));
    fuzz_check(fuzz_within(payload_trace(payload), all));
    fuzz_check(fuzz_within(payload_sender(payload), all));
    for (size_t i = 0; i < count; i++)
        fuzz_check(fuzz_within(attributes[i].name, all) && fuzz_within(attributes[i].value, all));
    payload_digest(attributes, count, digest);
}

static void check_again(const struct payload *payload)
{
    struct payload_attribute attributes[QUEUE_ATTRIBUTES_MAX];
    struct payload_source source = {
        .id = payload->head.id,
        .sent_ms = payload->head.sent_ms,
        .body = payload_body(payload),
        .attributes = attributes,
        .attribute_count = payload_attributes(payload, attributes),
        .group = payload_group(payload),
        .dedup = payload_dedup(payload),
        .trace = payload_trace(payload),
        .sender = payload_sender(payload),
    };
    struct payload *made = payload_new(&source), *read;
    size_t head = sizeof(struct payload_head);
    bool is_damaged;

    fuzz_check(made && made->size == payload->size);
    fuzz_check(memcmp(made->bytes, payload->bytes, payload->size - head) == 0);
    read = payload_read(payload_bytes(made), &is_damaged);
    fuzz_check(read && !is_damaged);
    payload_unref(payload_ref(read));
    payload_unref(read);
    payload_unref(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    bool is_damaged = false;
    struct payload *payload = payload_read(fuzz_rest(&f), &is_damaged);

    fuzz_check(is_damaged == !payload);
    if (payload) {
        check_parts(payload);
        check_again(payload);
        payload_unref(payload);
    }
    fuzz_end(&f);
    return 0;
}

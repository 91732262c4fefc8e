/*
 * message -- the storage of messages and batches. A batch's body is built record by record where it will be sent from, so
 * that an event's bytes are copied once; a part of a batch is a slice of that body between the format's prefix and suffix.
 */
#include "source/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct block *block_new(struct strbuf *bytes)
{
    struct block *block = malloc(sizeof(*block));

    if (!block)
        return NULL;
    *block = (struct block){.bytes = *bytes, .references = 1};
    *bytes = (struct strbuf){0};
    return block;
}

void block_unref(struct block *block)
{
    if (!block || --block->references > 0)
        return;
    strbuf_deinit(&block->bytes);
    free(block);
}

struct message *message_new(struct ticket ticket, const struct record *record, struct block *block)
{
    struct message *message = malloc(sizeof(*message));

    if (!message)
        return NULL;
    *message = (struct message){.ticket = ticket, .record = *record, .block = block};
    if (block)
        block->references++;
    return message;
}

void message_run_free(struct message *first)
{
    while (first) {
        struct message *next = first->next;

        block_unref(first->block);
        free(first);
        first = next;
    }
}

void message_run_drop(struct message **first)
{
    message_run_free(*first);
}

size_t message_run_length(const struct message *first)
{
    size_t length = 0;

    for (; first; first = first->next)
        length++;
    return length;
}

struct batch *batch_new(const struct format *format, size_t room)
{
    struct batch *batch = calloc(1, sizeof(*batch));

    if (!batch)
        return NULL;
    batch->items = calloc(room, sizeof(*batch->items));
    batch->room = room;
    strbuf_add(&batch->body, format->prefix.p, format->prefix.n);
    if (!batch->items || strbuf_failed(&batch->body)) {
        batch_free(batch);
        return NULL;
    }
    return batch;
}

void batch_free(struct batch *batch)
{
    while (batch) {
        struct batch *then = batch->then;

        strbuf_deinit(&batch->body);
        strbuf_deinit(&batch->ids);
        free(batch->items);
        free(batch);
        batch = then;
    }
}

void batch_drop(struct batch **batch)
{
    batch_free(*batch);
}

static int batch_grow(struct batch *batch)
{
    size_t room = batch->room * 2;
    struct batch_item *items;

    if (batch->count < batch->room)
        return 0;
    items = reallocarray(batch->items, room, sizeof(*items));
    if (!items)
        return -ENOMEM;
    batch->items = items;
    batch->room = room;
    return 0;
}

/* Takes back whatever was appended behind `body` and `ids` bytes by a step that ran out of memory. */
static int batch_undo(struct batch *batch, size_t body, size_t ids)
{
    strbuf_truncate(&batch->body, body);
    strbuf_truncate(&batch->ids, ids);
    return -ENOMEM;
}

int batch_append(struct batch *batch, const struct format *format, const struct record *record,
                 const struct record_source *origin, struct ticket ticket, uint32_t run)
{
    size_t body = batch->body.n;
    size_t ids = batch->ids.n;
    size_t offset;

    sl_assert(!batch->sealed);
    if (batch_grow(batch))
        return -ENOMEM;
    if (batch->count > 0)
        strbuf_add(&batch->body, format->separator.p, format->separator.n);
    offset = batch->body.n;
    if (format->append(&batch->body, record, origin))
        return batch_undo(batch, body, ids);
    strbuf_add(&batch->ids, record->message_id.p, record->message_id.n);
    if (strbuf_failed(&batch->body) || strbuf_failed(&batch->ids))
        return batch_undo(batch, body, ids);
    batch->items[batch->count++] = (struct batch_item){
        .ticket = ticket,
        .offset = offset,
        .length = batch->body.n - offset,
        .id_offset = ids,
        .id_length = record->message_id.n,
        .run = run,
    };
    return 0;
}

int batch_move_tail(struct batch *batch, size_t count, struct batch *to,
                    const struct format *format)
{
    size_t first = batch->count - count;
    size_t body = to->body.n;
    size_t ids = to->ids.n;
    size_t had = to->count;

    sl_assert(count <= batch->count && !batch->sealed && !to->sealed);
    for (size_t i = first; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        struct batch_item moved = *item;

        if (batch_grow(to)) {
            to->count = had;
            return batch_undo(to, body, ids);
        }
        if (to->count > 0)
            strbuf_add(&to->body, format->separator.p, format->separator.n);
        moved.offset = to->body.n;
        moved.id_offset = to->ids.n;
        strbuf_add(&to->body, batch->body.p + item->offset, item->length);
        strbuf_add(&to->ids, batch->ids.p + item->id_offset, item->id_length);
        to->items[to->count++] = moved;
    }
    if (strbuf_failed(&to->body) || strbuf_failed(&to->ids)) {
        to->count = had;
        return batch_undo(to, body, ids);
    }
    if (count > 0) {
        const struct batch_item *item = &batch->items[first];

        strbuf_truncate(&batch->body, item->offset - (first > 0 ? format->separator.n : 0));
        strbuf_truncate(&batch->ids, item->id_offset);
        batch->count = first;
    }
    return 0;
}

int batch_seal(struct batch *batch, const struct format *format)
{
    size_t body = batch->body.n;

    sl_assert(!batch->sealed && batch->count > 0);
    strbuf_add(&batch->body, format->suffix.p, format->suffix.n);
    if (strbuf_failed(&batch->body))
        return batch_undo(batch, body, batch->ids.n);
    sl_uuid4(batch->id);
    batch->sealed = true;
    return 0;
}

int batch_slice_body(const struct batch *batch, const struct format *format, size_t first,
                     size_t count, struct strbuf *out)
{
    const struct batch_item *from = &batch->items[first];
    const struct batch_item *last = &batch->items[first + count - 1];

    sl_assert(count > 0 && first + count <= batch->count);
    strbuf_reset(out);
    strbuf_add(out, format->prefix.p, format->prefix.n);
    strbuf_add(out, batch->body.p + from->offset, last->offset + last->length - from->offset);
    strbuf_add(out, format->suffix.p, format->suffix.n);
    return strbuf_failed(out) ? -ENOMEM : 0;
}

struct slice batch_item_id(const struct batch *batch, size_t i)
{
    const struct batch_item *item = &batch->items[i];

    return (struct slice){batch->ids.p + item->id_offset, item->id_length};
}

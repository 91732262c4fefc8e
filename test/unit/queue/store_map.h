/*
 * What a store would have: changes are applied to rows in arrays, and the rows are told to a new engine. Slow and plain, for
 * tests of the engine alone.
 */
#ifndef TEST_UNIT_QUEUE_STORE_MAP_H
#define TEST_UNIT_QUEUE_STORE_MAP_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/store.h"

struct map_row {
    enum change_kind
        kind; /* CHANGE_MESSAGE, CHANGE_QUEUE, CHANGE_DEDUP, CHANGE_TASK, CHANGE_COUNTERS */
    uint32_t queue;
    uint64_t seq;
    struct payload *payload;
    bool has_state;
    struct message_state state;
    char origin[128];
    struct dedup_entry dedup;
    struct queue_counters counters;
    char *text;
    size_t text_n;
};

struct map {
    struct map_row *rows;
    size_t count, max;
    uint64_t seq_max;
    const char *wrong; /* a change that makes no sense; NULL: none did */
};

static void map_drop(struct map *map, size_t i)
{
    payload_unref(map->rows[i].payload);
    free(map->rows[i].text);
    map->rows[i] = map->rows[--map->count];
}

static void map_deinit(struct map *map)
{
    while (map->count > 0)
        map_drop(map, map->count - 1);
    free(map->rows);
    *map = (struct map){.rows = NULL};
}

static bool map_matches(const struct map_row *row, enum change_kind kind, const struct change *c)
{
    if (row->kind != kind)
        return false;
    switch (kind) {
    case CHANGE_MESSAGE:
    case CHANGE_TASK:
        return row->seq == c->seq;
    case CHANGE_QUEUE:
    case CHANGE_COUNTERS:
        return row->queue == c->queue;
    case CHANGE_DEDUP:
        return row->queue == c->queue && row->text_n == c->text_n &&
               memcmp(row->text, c->text, c->text_n) == 0;
    case CHANGE_MESSAGE_STATE:
    case CHANGE_MESSAGE_MOVED:
    case CHANGE_MESSAGE_GONE:
    case CHANGE_QUEUE_GONE:
    case CHANGE_QUEUE_PURGED:
    case CHANGE_DEDUP_GONE:
    case CHANGE_TASK_GONE:
        break;
    }
    return false;
}

static struct map_row *map_find(const struct map *map, enum change_kind kind,
                                const struct change *c)
{
    for (size_t i = 0; i < map->count; i++)
        if (map_matches(&map->rows[i], kind, c))
            return &map->rows[i];
    return NULL;
}

static struct map_row *map_message(const struct map *map, uint64_t seq)
{
    return map_find(map, CHANGE_MESSAGE, &(struct change){.seq = seq});
}

static struct map_row *map_need(struct map *map, enum change_kind kind, const struct change *c,
                                const char *otherwise)
{
    struct map_row *row = map_find(map, kind, c);

    if (!row)
        map->wrong = otherwise;
    return row;
}

/* The row of that key, a new one if need be, with this text. */
static struct map_row *map_put(struct map *map, enum change_kind kind, const struct change *c)
{
    struct map_row *row = map_find(map, kind, c);

    if (!row) {
        if (map->count == map->max) {
            map->max = map->max ? map->max * 2 : 64;
            map->rows = realloc(map->rows, map->max * sizeof *map->rows);
            assert(map->rows);
        }
        row = &map->rows[map->count++];
        *row = (struct map_row){.kind = kind, .queue = c->queue, .seq = c->seq};
    }
    free(row->text);
    row->text = c->text_n > 0 ? malloc(c->text_n) : NULL;
    row->text_n = c->text_n;
    if (c->text_n > 0)
        memcpy(row->text, c->text, c->text_n);
    return row;
}

static void map_remove(struct map *map, enum change_kind kind, const struct change *c,
                       const char *otherwise)
{
    struct map_row *row = map_need(map, kind, c, otherwise);

    if (row)
        map_drop(map, (size_t)(row - map->rows));
}

static void map_purge(struct map *map, uint32_t queue, uint64_t seq)
{
    for (size_t i = map->count; i-- > 0;)
        if (map->rows[i].kind == CHANGE_MESSAGE && map->rows[i].queue == queue &&
            map->rows[i].seq <= seq)
            map_drop(map, i);
}

static void map_drop_queue(struct map *map, uint32_t queue)
{
    for (size_t i = map->count; i-- > 0;)
        if (map->rows[i].kind != CHANGE_TASK && map->rows[i].queue == queue)
            map_drop(map, i);
}

static void map_message_is_there(struct map *map, struct change *c)
{
    struct map_row *row;

    if (map_message(map, c->seq))
        map->wrong = "a message that is there already";
    row = map_put(map, CHANGE_MESSAGE, c);
    row->payload = payload_ref(c->payload);
}

static void map_set_state(struct map *map, const struct change *c)
{
    struct map_row *row = map_need(map, CHANGE_MESSAGE, c, "the state of no message");

    if (!row)
        return;
    row->has_state = true;
    row->state = c->state;
    row->state.origin = (struct slice){NULL, 0}; /* its text is the row's */
    snprintf(row->origin, sizeof row->origin, "%.*s", (int)c->state.origin.n,
             c->state.origin.p ? c->state.origin.p : "");
}

static void map_apply_one(struct map *map, struct change *c)
{
    struct map_row *row;

    switch (c->kind) {
    case CHANGE_MESSAGE:
        map_message_is_there(map, c);
        break;
    case CHANGE_MESSAGE_STATE:
        map_set_state(map, c);
        break;
    case CHANGE_MESSAGE_MOVED:
        row = map_need(map, CHANGE_MESSAGE, c, "a move of no message");
        if (row) {
            row->seq = c->new_seq;
            row->queue = c->queue;
        }
        break;
    case CHANGE_MESSAGE_GONE:
        map_remove(map, CHANGE_MESSAGE, c, "no message is gone");
        break;
    case CHANGE_QUEUE:
        map_put(map, CHANGE_QUEUE, c);
        break;
    case CHANGE_QUEUE_GONE:
        map_drop_queue(map, c->queue);
        break;
    case CHANGE_QUEUE_PURGED:
        map_purge(map, c->queue, c->seq);
        break;
    case CHANGE_DEDUP:
        map_put(map, CHANGE_DEDUP, c)->dedup = c->dedup;
        break;
    case CHANGE_DEDUP_GONE:
        map_remove(map, CHANGE_DEDUP, c, "no deduplication id is gone");
        break;
    case CHANGE_TASK:
        map_put(map, CHANGE_TASK, c);
        break;
    case CHANGE_TASK_GONE:
        map_remove(map, CHANGE_TASK, c, "no task is gone");
        break;
    case CHANGE_COUNTERS:
        map_put(map, CHANGE_COUNTERS, c)->counters = c->counters;
        break;
    }
    if (c->seq > map->seq_max && c->kind != CHANGE_QUEUE_PURGED)
        map->seq_max = c->seq;
    if (c->new_seq > map->seq_max)
        map->seq_max = c->new_seq;
}

/* Applies a list and empties it. */
static void map_apply(struct map *map, struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        map_apply_one(map, &changes->items[i]);
    changes_reset(changes);
}

/* ---- telling ---- */

static int map_order(const void *a, const void *b)
{
    const struct map_row *x = a, *y = b;

    return (x->seq > y->seq) - (x->seq < y->seq);
}

static void map_sort(struct map *map)
{
    if (map->count > 0)
        qsort(map->rows, map->count, sizeof *map->rows, map_order);
}

static int map_tell_one(const struct map_row *row, const struct store_reader *reader)
{
    struct message_state state = row->state;
    struct slice text = {row->text, row->text_n};

    switch (row->kind) {
    case CHANGE_QUEUE:
        return reader->queue(reader->arg, row->queue, text);
    case CHANGE_COUNTERS:
        return reader->counters(reader->arg, row->queue, &row->counters);
    case CHANGE_MESSAGE:
        state.origin = slice_of(row->origin[0] ? row->origin : NULL);
        return reader->message(reader->arg, row->seq, row->queue, payload_ref(row->payload),
                               &state);
    case CHANGE_DEDUP:
        return reader->dedup(reader->arg, row->queue, text, &row->dedup);
    case CHANGE_TASK:
        return reader->task(reader->arg, row->seq, text);
    case CHANGE_MESSAGE_STATE:
    case CHANGE_MESSAGE_MOVED:
    case CHANGE_MESSAGE_GONE:
    case CHANGE_QUEUE_GONE:
    case CHANGE_QUEUE_PURGED:
    case CHANGE_DEDUP_GONE:
    case CHANGE_TASK_GONE:
        break;
    }
    return 0;
}

/* Tells every row, in the order that store.h promises. The first result that is not 0. */
static int map_tell(struct map *map, const struct store_reader *reader)
{
    static const enum change_kind order[] = {CHANGE_QUEUE, CHANGE_COUNTERS, CHANGE_MESSAGE,
                                             CHANGE_DEDUP, CHANGE_TASK};

    map_sort(map);
    for (size_t k = 0; k < sizeof order / sizeof order[0]; k++)
        for (size_t i = 0; i < map->count; i++)
            if (map->rows[i].kind == order[k]) {
                int error = map_tell_one(&map->rows[i], reader);

                if (error)
                    return error;
            }
    return 0;
}

#endif

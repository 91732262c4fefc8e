/*
 * store_sqlite_rows -- everything in the database, row by row, as changes. Two cursors in the order of seq merge messages and
 * their states: few messages have one, and a join would look for each.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sluice/base.h>

#include "queue/store_sqlite_db.h"

enum {
    ROWS_MAX = 1024,
    BYTES_MAX = 16 << 20, /* of payloads that are in memory twice meanwhile: here and in SQLite */
};

static int read_queue(sqlite3_stmt *row, struct change *out)
{
    out->kind = CHANGE_QUEUE;
    out->queue = (uint32_t)sqlite3_column_int64(row, 0);
    return 0;
}

static int read_counters(sqlite3_stmt *row, struct change *out)
{
    out->kind = CHANGE_COUNTERS;
    out->queue = (uint32_t)sqlite3_column_int64(row, 0);
    out->counters.sent = (uint64_t)sqlite3_column_int64(row, 1);
    return 0;
}

static int read_message(sqlite3_stmt *row, struct change *out)
{
    bool is_damaged = false;
    struct slice bytes = {sqlite3_column_blob(row, 2), (size_t)sqlite3_column_bytes(row, 2)};

    out->kind = CHANGE_MESSAGE;
    out->seq = (uint64_t)sqlite3_column_int64(row, 0);
    out->queue = (uint32_t)sqlite3_column_int64(row, 1);
    out->payload = payload_read(bytes, &is_damaged);
    if (out->payload)
        return 0;
    return is_damaged || !bytes.p ? -EUCLEAN : -ENOMEM;
}

static int read_dedup(sqlite3_stmt *row, struct change *out)
{
    out->kind = CHANGE_DEDUP;
    out->queue = (uint32_t)sqlite3_column_int64(row, 0);
    if (sqlite3_column_bytes(row, 2) != sizeof out->dedup.id)
        return -EUCLEAN;
    memcpy(out->dedup.id, sqlite3_column_blob(row, 2), sizeof out->dedup.id);
    out->dedup.sequence = (uint64_t)sqlite3_column_int64(row, 3);
    out->dedup.expires_ms = sqlite3_column_int64(row, 4);
    return 0;
}

static int read_task(sqlite3_stmt *row, struct change *out)
{
    out->kind = CHANGE_TASK;
    out->seq = (uint64_t)sqlite3_column_int64(row, 0);
    return 0;
}

static const struct stage {
    const char *table, *text;
    int (*read)(sqlite3_stmt *row, struct change *out);
    int text_column; /* -1: none */
} stages[] = {
    {"queue", "SELECT id, text FROM queue ORDER BY id", read_queue, 1},
    {"counters", "SELECT queue, sent FROM counters ORDER BY queue", read_counters, -1},
    {"message", "SELECT seq, queue, payload FROM message ORDER BY seq", read_message, -1},
    {"dedup", "SELECT queue, key, id, sequence, expires_ms FROM dedup ORDER BY queue, key",
     read_dedup, 1},
    {"task", "SELECT seq, text FROM task ORDER BY seq", read_task, 1},
};

enum { STAGES = sizeof stages / sizeof *stages };

static const char text_of_states[] =
    "SELECT seq, visible_ms, first_received_ms, generation, receives, origin, received_ms, moved_ms, "
    "receives_before FROM state ORDER BY seq";

static void set_text(struct change *out, sqlite3_stmt *row, int column)
{
    union { /* changes_add copies it */
        const void *from;
        char *to;
    } text = {.from = sqlite3_column_blob(row, column)};
    static char empty[1];

    out->text_n = (size_t)sqlite3_column_bytes(row, column);
    out->text = text.from ? text.to : empty;
}

/* 0 and whether there is a row. */
static int step(sqlite3_stmt *statement, bool *has_row)
{
    int result = sqlite3_step(statement);

    *has_row = result == SQLITE_ROW;
    return store_db_errno(result);
}

static int next_state(struct db_cursor *cursor)
{
    return step(cursor->states, &cursor->has_state);
}

/* The state of a message, if it has one; those before it belong to none. */
static int add_state(struct db_cursor *cursor, struct change *out)
{
    sqlite3_stmt *row = cursor->states;
    int error = 0;

    while (!error && cursor->has_state && (uint64_t)sqlite3_column_int64(row, 0) < out->seq)
        error = next_state(cursor);
    if (error || !cursor->has_state || (uint64_t)sqlite3_column_int64(row, 0) != out->seq)
        return error;
    out->state.visible_ms = sqlite3_column_int64(row, 1);
    out->state.first_received_ms = sqlite3_column_int64(row, 2);
    out->state.generation = (uint64_t)sqlite3_column_int64(row, 3);
    out->state.receives = (uint32_t)sqlite3_column_int64(row, 4);
    if (sqlite3_column_type(row, 5) != SQLITE_NULL)
        set_text(out, row, 5);
    out->state.received_ms = sqlite3_column_int64(row, 6);
    out->state.moved_ms = sqlite3_column_int64(row, 7);
    out->state.receives_before = (uint32_t)sqlite3_column_int64(row, 8);
    return 0;
}

static int prepare(struct store_db *db, const char *text, sqlite3_stmt **out)
{
    return store_db_errno(sqlite3_prepare_v2(db->sqlite, text, -1, out, NULL));
}

static int add_purge(struct db_cursor *cursor, sqlite3_stmt *row)
{
    struct db_purge *purges = reallocarray(cursor->purges, cursor->purge_count + 1, sizeof *purges);

    if (!purges)
        return -ENOMEM;
    cursor->purges = purges;
    purges[cursor->purge_count++] = (struct db_purge){(uint32_t)sqlite3_column_int64(row, 0),
                                                      (uint64_t)sqlite3_column_int64(row, 1)};
    return 0;
}

static int read_purges(struct store_db *db)
{
    sqlite3_stmt *row = NULL;
    bool has_row = false;
    int error = prepare(db, "SELECT queue, seq FROM purged ORDER BY queue", &row);

    if (!error)
        error = step(row, &has_row);
    while (!error && has_row) {
        error = add_purge(&db->cursor, row);
        if (!error)
            error = step(row, &has_row);
    }
    sqlite3_finalize(row);
    return error;
}

/* Whether a message is one that a purge has taken and no sweep has reached. */
static bool is_purged(const struct db_cursor *cursor, const struct change *message)
{
    size_t low = 0, high = cursor->purge_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cursor->purges[middle].queue < message->queue)
            low = middle + 1;
        else
            high = middle;
    }
    return low < cursor->purge_count && cursor->purges[low].queue == message->queue &&
           message->seq <= cursor->purges[low].seq;
}

static int begin_stage(struct store_db *db)
{
    struct db_cursor *cursor = &db->cursor;
    int error = prepare(db, stages[cursor->stage].text, &cursor->statement);

    if (error || stages[cursor->stage].read != read_message)
        return error;
    error = read_purges(db);
    if (!error)
        error = prepare(db, text_of_states, &cursor->states);
    return error ? error : next_state(cursor);
}

static void end_stage(struct db_cursor *cursor)
{
    sqlite3_finalize(cursor->statement);
    sqlite3_finalize(cursor->states);
    cursor->statement = cursor->states = NULL;
    cursor->stage++;
}

/* One row to `rows`, or the end of a stage. */
static int read_row(struct store_db *db, struct changes *rows, size_t *bytes)
{
    struct db_cursor *cursor = &db->cursor;
    const struct stage *stage = &stages[cursor->stage];
    struct change change = {.seq = 0};
    bool has_row = false;
    int error = cursor->statement ? 0 : begin_stage(db);

    if (!error)
        error = step(cursor->statement, &has_row);
    if (error)
        return error;
    if (!has_row) {
        end_stage(cursor);
        return 0;
    }
    if (stage->text_column >= 0)
        set_text(&change, cursor->statement, stage->text_column);
    error = stage->read(cursor->statement, &change);
    if (!error && change.payload) {
        *bytes += change.payload->size;
        error = add_state(cursor, &change);
    }
    if (error || (change.payload && is_purged(cursor, &change))) {
        payload_unref(change.payload);
        return error;
    }
    changes_add(rows, &change);
    return rows->failed ? -ENOMEM : 0;
}

static int explain(struct store_db *db, int error, struct problem *problem)
{
    char what[256];

    db->error = error;
    if (error != -EUCLEAN)
        return error;
    snprintf(what, sizeof what, "a row of table %s can't be read", stages[db->cursor.stage].table);
    return store_db_damaged(problem, db->sqlite, what);
}

int store_db_read(struct store_db *db, struct changes *rows, struct problem *problem)
{
    size_t bytes = 0;
    int error = 0;

    while (!error && db->cursor.stage < STAGES && rows->count < ROWS_MAX && bytes < BYTES_MAX)
        error = read_row(db, rows, &bytes);
    return error ? explain(db, error, problem) : 0;
}

/* store_sqlite_db -- changes become rows: prepared statements, one transaction for a list. */
#include "queue/store_sqlite_db.h"

#include <errno.h>
#include <stdlib.h>

#include <sluice/base.h>

static const char *const texts[DB_STATEMENTS] = {
    [DB_BEGIN] = "BEGIN IMMEDIATE",
    [DB_COMMIT] = "COMMIT",
    [DB_SEQ_MAX] = "UPDATE meta SET seq_max = ?1",
    [DB_MESSAGE] = "INSERT INTO message (seq, queue, payload) VALUES (?1, ?2, ?3)",
    [DB_MESSAGE_MOVED] = "UPDATE message SET seq = ?2, queue = ?3 WHERE seq = ?1",
    [DB_MESSAGE_GONE] = "DELETE FROM message WHERE seq = ?1",
    [DB_STATE] = ("REPLACE INTO state (seq, visible_ms, first_received_ms, generation, receives, "
                  "origin, received_ms, moved_ms, receives_before) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
    [DB_STATE_MOVED] = "UPDATE state SET seq = ?2 WHERE seq = ?1",
    [DB_STATE_GONE] = "DELETE FROM state WHERE seq = ?1",
    [DB_QUEUE] = "REPLACE INTO queue (id, text) VALUES (?1, ?2)",
    [DB_QUEUE_GONE] = "DELETE FROM queue WHERE id = ?1",
    [DB_COUNTERS] = "REPLACE INTO counters (queue, sent) VALUES (?1, ?2)",
    [DB_COUNTERS_GONE] = "DELETE FROM counters WHERE queue = ?1",
    [DB_PURGED] = ("INSERT INTO purged (queue, seq, done) VALUES (?1, ?2, 0) "
                   "ON CONFLICT (queue) DO UPDATE SET seq = max(seq, excluded.seq)"),
    [DB_PURGED_NEXT] = "SELECT queue, seq, done FROM purged LIMIT 1",
    [DB_PURGED_ROWS] = "SELECT seq, queue FROM message WHERE seq > ?1 AND seq <= ?2 LIMIT ?3",
    [DB_PURGED_DONE] = "UPDATE purged SET done = ?2 WHERE queue = ?1",
    [DB_PURGED_GONE] = "DELETE FROM purged WHERE queue = ?1",
    [DB_DEDUP] = ("REPLACE INTO dedup (queue, key, id, sequence, expires_ms) "
                  "VALUES (?1, ?2, ?3, ?4, ?5)"),
    [DB_DEDUP_GONE] = "DELETE FROM dedup WHERE queue = ?1 AND key = ?2",
    [DB_DEDUPS_GONE] = "DELETE FROM dedup WHERE queue = ?1",
    [DB_TASK] = "REPLACE INTO task (seq, text) VALUES (?1, ?2)",
    [DB_TASK_GONE] = "DELETE FROM task WHERE seq = ?1",
    [DB_LOAD] = ("SELECT payload FROM message WHERE seq = ?1 AND NOT EXISTS (SELECT 1 FROM purged "
                 "WHERE purged.queue = message.queue AND message.seq <= purged.seq)"),
};

int store_db_errno(int result)
{
    switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: /* a seq that is there twice: nobody submits one */
        return -EUCLEAN;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return -EROFS;
    case SQLITE_TOOBIG:
        return -EFBIG;
    default:
        return -EIO;
    }
}

/* ---- one statement ---- */

static sqlite3_stmt *bind_2(struct store_db *db, enum db_statement which, uint64_t a, uint64_t b)
{
    sqlite3_stmt *statement = db->statements[which];

    sqlite3_bind_int64(statement, 1, (sqlite3_int64)a);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)b);
    return statement;
}

/* Bytes stay the caller's until the statement has run. */
static void bind_bytes(sqlite3_stmt *statement, int at, const void *p, size_t n)
{
    if (p)
        sqlite3_bind_blob64(statement, at, p, n, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, at);
}

static int run(sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);

    sqlite3_reset(statement);
    return result == SQLITE_DONE ? 0 : store_db_errno(result);
}

static int run_1(struct store_db *db, enum db_statement which, uint64_t a)
{
    sqlite3_bind_int64(db->statements[which], 1, (sqlite3_int64)a);
    return run(db->statements[which]);
}

static int run_2(struct store_db *db, enum db_statement which, uint64_t a, uint64_t b)
{
    return run(bind_2(db, which, a, b));
}

/* ---- one change ---- */

static int write_message(struct store_db *db, const struct change *change)
{
    sqlite3_stmt *statement = bind_2(db, DB_MESSAGE, change->seq, change->queue);
    struct slice bytes = payload_bytes(change->payload);

    bind_bytes(statement, 3, bytes.p, bytes.n);
    return run(statement);
}

static int write_state(struct store_db *db, const struct change *change)
{
    const struct message_state *state = &change->state;
    sqlite3_stmt *statement = db->statements[DB_STATE];

    sqlite3_bind_int64(statement, 1, (sqlite3_int64)change->seq);
    sqlite3_bind_int64(statement, 2, state->visible_ms);
    sqlite3_bind_int64(statement, 3, state->first_received_ms);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)state->generation);
    sqlite3_bind_int64(statement, 5, state->receives);
    bind_bytes(statement, 6, state->origin.p, state->origin.n);
    sqlite3_bind_int64(statement, 7, state->received_ms);
    sqlite3_bind_int64(statement, 8, state->moved_ms);
    sqlite3_bind_int64(statement, 9, state->receives_before);
    return run(statement);
}

static int move_message(struct store_db *db, const struct change *change)
{
    sqlite3_stmt *statement = bind_2(db, DB_MESSAGE_MOVED, change->seq, change->new_seq);
    int error;

    sqlite3_bind_int64(statement, 3, change->queue);
    error = run(statement);
    return error ? error : run_2(db, DB_STATE_MOVED, change->seq, change->new_seq);
}

static int remove_message(struct store_db *db, uint64_t seq)
{
    int error = run_1(db, DB_MESSAGE_GONE, seq);

    return error ? error : run_1(db, DB_STATE_GONE, seq);
}

static int purge(struct store_db *db, uint32_t queue, uint64_t seq)
{
    db->needs_sweep = true;
    return run_2(db, DB_PURGED, queue, seq);
}

/* Up to the seqs that there are: a queue of that number that is made later has greater ones. */
static int remove_queue(struct store_db *db, const struct change *change)
{
    int error = purge(db, change->queue, db->seq_now);

    if (!error)
        error = run_1(db, DB_DEDUPS_GONE, change->queue);
    if (!error)
        error = run_1(db, DB_COUNTERS_GONE, change->queue);
    return error ? error : run_1(db, DB_QUEUE_GONE, change->queue);
}

/* Text under a number: a queue or a task. */
static int write_text(struct store_db *db, enum db_statement which, uint64_t key,
                      const struct change *change)
{
    sqlite3_bind_int64(db->statements[which], 1, (sqlite3_int64)key);
    bind_bytes(db->statements[which], 2, change->text ? change->text : "", change->text_n);
    return run(db->statements[which]);
}

static sqlite3_stmt *bind_dedup(struct store_db *db, enum db_statement which,
                                const struct change *change)
{
    sqlite3_bind_int64(db->statements[which], 1, change->queue);
    bind_bytes(db->statements[which], 2, change->text ? change->text : "", change->text_n);
    return db->statements[which];
}

static int write_dedup(struct store_db *db, const struct change *change)
{
    sqlite3_stmt *statement = bind_dedup(db, DB_DEDUP, change);

    bind_bytes(statement, 3, change->dedup.id, sizeof change->dedup.id);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)change->dedup.sequence);
    sqlite3_bind_int64(statement, 5, change->dedup.expires_ms);
    return run(statement);
}

static int write_change(struct store_db *db, const struct change *change)
{
    switch (change->kind) {
    case CHANGE_MESSAGE:
        return write_message(db, change);
    case CHANGE_MESSAGE_STATE:
        return write_state(db, change);
    case CHANGE_MESSAGE_MOVED:
        return move_message(db, change);
    case CHANGE_MESSAGE_GONE:
        return remove_message(db, change->seq);
    case CHANGE_QUEUE:
        return write_text(db, DB_QUEUE, change->queue, change);
    case CHANGE_QUEUE_GONE:
        return remove_queue(db, change);
    case CHANGE_QUEUE_PURGED:
        return purge(db, change->queue, change->seq);
    case CHANGE_DEDUP:
        return write_dedup(db, change);
    case CHANGE_DEDUP_GONE:
        return run(bind_dedup(db, DB_DEDUP_GONE, change));
    case CHANGE_TASK:
        return write_text(db, DB_TASK, change->seq, change);
    case CHANGE_TASK_GONE:
        return run_1(db, DB_TASK_GONE, change->seq);
    case CHANGE_COUNTERS:
        return run_2(db, DB_COUNTERS, change->queue, change->counters.sent);
    }
    sl_assert(!"a kind of change");
}

/* ---- a list ---- */

static int write_list(struct store_db *db, const struct changes *changes)
{
    int error = 0;

    db->seq_now = db->seq_max;
    for (size_t i = 0; !error && i < changes->count; i++) {
        uint64_t seq = group_brings(&changes->items[i]);

        if (seq > db->seq_now)
            db->seq_now = seq;
        if (!group_skips(&db->plan, i))
            error = write_change(db, &changes->items[i]);
    }
    if (!error && db->seq_now > db->seq_max)
        error = run_1(db, DB_SEQ_MAX, db->seq_now);
    return error;
}

/* Ends a transaction: commits it, or after an error rolls it back; what is on the disk is not believed then. */
static int end(struct store_db *db, int error)
{
    if (!error)
        error = run(db->statements[DB_COMMIT]);
    if (error && !sqlite3_get_autocommit(db->sqlite)) /* SQLite may have done so itself */
        sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    db->error = error;
    return error;
}

int store_db_apply(struct store_db *db, const struct changes *changes)
{
    int error;

    if (db->error)
        return db->error;
    group_plan(&db->plan, changes);
    if (db->plan.left_count == 0 && db->plan.seq_max <= db->seq_max)
        return 0;
    error = run(db->statements[DB_BEGIN]);
    if (!error)
        error = write_list(db, changes);
    error = end(db, error);
    if (!error)
        db->seq_max = db->seq_now;
    return error;
}

/* ---- purges ---- */

struct sweep {
    uint32_t queue;
    uint64_t done, end; /* seqs: looked at so far, and of the purge */
    unsigned rows, looked_at;
    size_t count;
    uint64_t seqs[DB_SWEEP_ROWS]; /* to be removed */
};

static int find_purged(struct store_db *db, struct sweep *sweep)
{
    sqlite3_stmt *row = bind_2(db, DB_PURGED_ROWS, sweep->done, sweep->end);
    int result;

    sqlite3_bind_int64(row, 3, sweep->rows);
    while ((result = sqlite3_step(row)) == SQLITE_ROW) {
        sweep->done = (uint64_t)sqlite3_column_int64(row, 0);
        sweep->looked_at++;
        if ((uint32_t)sqlite3_column_int64(row, 1) == sweep->queue)
            sweep->seqs[sweep->count++] = sweep->done;
    }
    sqlite3_reset(row);
    return store_db_errno(result);
}

static int remove_purged(struct store_db *db, struct sweep *sweep)
{
    int error = find_purged(db, sweep);

    for (size_t i = 0; i < sweep->count && !error; i++)
        error = remove_message(db, sweep->seqs[i]);
    if (error)
        return error;
    return sweep->looked_at < sweep->rows ? run_1(db, DB_PURGED_GONE, sweep->queue)
                                          : run_2(db, DB_PURGED_DONE, sweep->queue, sweep->done);
}

/* Whether there is a purge. */
static int find_purge(struct store_db *db, struct sweep *sweep, bool *is_there)
{
    sqlite3_stmt *row = db->statements[DB_PURGED_NEXT];
    int result = sqlite3_step(row);

    *is_there = result == SQLITE_ROW;
    if (*is_there) {
        sweep->queue = (uint32_t)sqlite3_column_int64(row, 0);
        sweep->end = (uint64_t)sqlite3_column_int64(row, 1);
        sweep->done = (uint64_t)sqlite3_column_int64(row, 2);
    }
    sqlite3_reset(row);
    return store_db_errno(result);
}

int store_db_sweep(struct store_db *db, unsigned rows)
{
    struct sweep sweep;
    bool is_there = false;
    int error;

    sl_assert(rows > 0 && rows <= DB_SWEEP_ROWS);
    if (db->error)
        return db->error;
    sweep.rows = rows;
    sweep.looked_at = 0;
    sweep.count = 0;
    error = run(db->statements[DB_BEGIN]);
    if (!error)
        error = find_purge(db, &sweep, &is_there);
    if (!error && is_there)
        error = remove_purged(db, &sweep);
    error = end(db, error);
    if (!error)
        db->needs_sweep = is_there;
    return error;
}

/* ---- reading ---- */

static int read_payload(sqlite3_stmt *statement, int column, struct payload **out)
{
    struct slice bytes = {sqlite3_column_blob(statement, column),
                          (size_t)sqlite3_column_bytes(statement, column)};
    bool is_damaged = false;

    *out = payload_read(bytes, &is_damaged);
    if (*out)
        return 0;
    return is_damaged ? -EUCLEAN : -ENOMEM;
}

int store_db_load(struct store_db *db, uint64_t seq, struct payload **out)
{
    sqlite3_stmt *statement = db->statements[DB_LOAD];
    int result, error;

    *out = NULL;
    if (db->error && db->error != -ENOSPC)
        return db->error;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)seq);
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        error = read_payload(statement, 0, out);
    else
        error = store_db_errno(result);
    sqlite3_reset(statement);
    if (error)
        db->error = error;
    return error;
}

size_t store_db_log_bytes(const struct store_db *db)
{
    return db->log_pages * db->page_bytes;
}

int store_db_checkpoint(struct store_db *db, bool truncates)
{
    int in_log = 0, copied = 0, result;

    if (db->error)
        return db->error;
    result = sqlite3_wal_checkpoint_v2(
        db->sqlite, NULL, truncates ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
        &in_log, &copied);
    db->error = store_db_errno(result);
    if (!db->error)
        db->log_pages = (size_t)(in_log - copied);
    return db->error;
}

/* ---- life ---- */

static int count_log(void *arg, sqlite3 *sqlite, const char *name, int pages)
{
    struct store_db *db = arg;

    (void)sqlite, (void)name;
    db->log_pages = (size_t)pages;
    return SQLITE_OK;
}

static int prepare_all(struct store_db *db, struct problem *problem)
{
    for (size_t i = 0; i < DB_STATEMENTS; i++) {
        int result = sqlite3_prepare_v3(db->sqlite, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                        &db->statements[i], NULL);

        if (result == SQLITE_NOMEM)
            return -ENOMEM;
        if (result != SQLITE_OK) /* a table is missing, or has other columns */
            return store_db_damaged(problem, db->sqlite, sqlite3_errmsg(db->sqlite));
    }
    return 0;
}

static void free_db(struct store_db *db)
{
    for (size_t i = 0; i < DB_STATEMENTS; i++)
        sqlite3_finalize(db->statements[i]);
    sqlite3_finalize(db->cursor.statement);
    sqlite3_finalize(db->cursor.states);
    free(db->cursor.purges);
    sqlite3_close(db->sqlite);
    group_deinit(&db->plan);
    free(db);
}

int store_db_open(struct store_db **out, const struct store_sqlite_options *options,
                  struct store_facts *facts, struct problem *problem)
{
    struct store_db *db = calloc(1, sizeof *db);
    struct db_meta meta = {.is_clean = false};
    int64_t page_bytes = 0;
    int result;

    if (!db)
        return -ENOMEM;
    result = store_db_connect(&db->sqlite, options, &meta, problem);
    if (result == 0)
        result = prepare_all(db, problem); /* it shows whether the tables are there */
    if (result == 0)
        result = store_db_claim(db->sqlite, &meta, problem);
    if (result == 0)
        result = store_db_errno(store_db_number(db->sqlite, "PRAGMA page_size", &page_bytes));
    if (result != 0) {
        free_db(db);
        return result;
    }
    sqlite3_wal_hook(db->sqlite, count_log, db);
    *facts = meta.facts;
    db->seq_max = meta.facts.seq_max;
    db->page_bytes = (size_t)page_bytes;
    db->needs_sweep = true; /* the first sweep finds out */
    *out = db;
    return 0;
}

/* The flag is in the database before the log goes; a crash in between finds a log that says the same. */
static int end_cleanly(struct store_db *db)
{
    int result = sqlite3_exec(db->sqlite, "UPDATE meta SET is_clean = 1", NULL, NULL, NULL);

    db->error = store_db_errno(result);
    if (!db->error)
        db->error = store_db_checkpoint(db, true);
    if (!db->error) /* SQLite removes the empty log */
        sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return db->error;
}

int store_db_close(struct store_db *db)
{
    int error = db->error ? db->error : end_cleanly(db);

    free_db(db);
    return error;
}

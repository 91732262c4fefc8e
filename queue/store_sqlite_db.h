/*
 * store_sqlite_db -- the database of a durable queue, without threads: every function waits for the disk, and one thread at
 * a time may call.
 *
 * Write-ahead log, synchronous=FULL: what store_db_apply has returned 0 for survives a loss of power. The lock is exclusive
 * and held from open to close, before the log is looked at first: so there is no shared memory file, and no second process.
 * Checkpoints are made when they are asked for, at no other time. Not SQLite's memory mapping: it turns a stray pointer into a
 * damaged file.
 *
 * A purge is one row that says up to which seq a queue is empty: rows below it count as gone, and are swept out later, a few
 * at a time, so that other writes don't wait for a million of them.
 *
 * The first error of a write stays (`error`): no later write is tried.
 */
#ifndef QUEUE_STORE_SQLITE_DB_H
#define QUEUE_STORE_SQLITE_DB_H

#include <sqlite3.h>

#include "queue/group.h"
#include "queue/store.h"

enum db_statement {
    DB_BEGIN,
    DB_COMMIT,
    DB_SEQ_MAX,
    DB_MESSAGE,
    DB_MESSAGE_MOVED,
    DB_MESSAGE_GONE,
    DB_STATE,
    DB_STATE_MOVED,
    DB_STATE_GONE,
    DB_QUEUE,
    DB_QUEUE_GONE,
    DB_COUNTERS,
    DB_COUNTERS_GONE,
    DB_PURGED,
    DB_PURGED_NEXT,
    DB_PURGED_ROWS,
    DB_PURGED_DONE,
    DB_PURGED_GONE,
    DB_DEDUP,
    DB_DEDUP_GONE,
    DB_DEDUPS_GONE, /* of a queue */
    DB_TASK,
    DB_TASK_GONE,
    DB_LOAD,
    DB_STATEMENTS
};

struct store_db {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[DB_STATEMENTS];
    struct group_plan plan;
    uint64_t seq_max;  /* as it is in the file */
    uint64_t seq_now;  /* with what the transaction has brought up to here */
    size_t page_bytes; /* of the database */
    size_t log_pages;  /* in the log at the last commit */
    bool needs_sweep;  /* there are purges whose rows are still there */
    int error;         /* what ended it; -ENOSPC: reads go on */
    struct db_cursor {
        sqlite3_stmt *statement, *states;
        unsigned stage;
        bool has_state; /* the row of `states` is to come */
        struct db_purge {
            uint32_t queue;
            uint64_t seq;
        } * purges; /* ascending by queue */
        size_t purge_count;
    } cursor;
};

/* See store_sqlite_open. Fills in `facts`. */
int store_db_open(struct store_db **out, const struct store_sqlite_options *options,
                  struct store_facts *facts, struct problem *problem);

/* Writes a list of changes as one transaction. 0: durable. Negative: nothing of it will be confirmed, and nothing later. */
int store_db_apply(struct store_db *db, const struct changes *changes);

enum { DB_SWEEP_ROWS = 512 }; /* some 5 ms, that others wait for */

/* Looks at up to `rows` (at most DB_SWEEP_ROWS) rows for those that were purged, and removes them, as a transaction of its own.
 * needs_sweep tells whether more are left. */
int store_db_sweep(struct store_db *db, unsigned rows);

/* The payload of a message, a reference of the caller's, or NULL: there is none. */
int store_db_load(struct store_db *db, uint64_t seq, struct payload **out);

/* Bytes in the log that are not known to be in the database. */
size_t store_db_log_bytes(const struct store_db *db);

/* Brings the log into the database; `truncates`: and makes it empty. */
int store_db_checkpoint(struct store_db *db, bool truncates);

/*
 * Reads the next rows, about a thousand: changes that, applied to an empty store, make this one; messages have their state
 * with them, and its origin in `text`. In the order of struct store_reader. An empty list: that was all.
 */
int store_db_read(struct store_db *db, struct changes *rows, struct problem *problem);

/* Marks the end as clean unless there was an error, empties the log, closes and frees. 0, or the first error. */
int store_db_close(struct store_db *db);

/* The negative errno for a result of SQLite's. */
int store_db_errno(int result);

/* ---- of store_sqlite_open.c, for store_db_open ---- */

struct db_meta {
    struct store_facts facts;
    bool is_clean; /* how it ended the last time */
};

/* A connection that is looked at, set up, and of our version; made first, if there was nothing. */
int store_db_connect(sqlite3 **out, const struct store_sqlite_options *options,
                     struct db_meta *meta, struct problem *problem);

/* What is written at each opening, once nothing is left to be refused: the log's end, and the epoch. */
int store_db_claim(sqlite3 *sqlite, const struct db_meta *meta, struct problem *problem);

/* "this file is damaged", for the one who can put it away. */
int store_db_damaged(struct problem *problem, sqlite3 *sqlite, const char *what);

/* The one number that a statement gives. A result of SQLite's; SQLITE_CORRUPT without a row. */
int store_db_number(sqlite3 *sqlite, const char *text, int64_t *out);

#endif

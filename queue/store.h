/*
 * store -- where a queue's state survives: the interface, and what a change is.
 *
 * The engine decides and holds what it needs in memory; every event leaves a list of *changes*, in order. A store takes
 * such lists and makes them durable, many of them in one go: what is submitted while a group is being written becomes the
 * next group. Whoever submitted is told when its changes are durable, and only then may an answer that promises them leave.
 *
 * Changes that nobody waits for (what hides a message) may be lost in a crash: a message is then visible early. They are
 * written with the next group that somebody waits for, at the latest after STORE_UNAWAITED_MS.
 *
 * The first error ends a store: nothing that was submitted and not yet confirmed is ever confirmed, later submissions
 * neither, and reads fail too unless the only trouble is a full disk (-ENOSPC). Errors: -ENOSPC the disk is full, -EUCLEAN
 * the file is damaged, -EIO, -ENOMEM, ...
 *
 * Life: a kind's own open (store_memory_open, store_sqlite_open) → store_restore, once → store_submit … → store_close.
 * Everything is called on the scheduler's thread, and told there, in loop context.
 */
#ifndef QUEUE_STORE_H
#define QUEUE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/ctx.h>

#include "core/problem.h"
#include "core/slice.h"
#include "core/strbuf.h"
#include "queue/payload.h"

enum change_kind {
    CHANGE_MESSAGE,       /* a message is there: seq, queue, payload */
    CHANGE_MESSAGE_STATE, /* how it stands: seq, state. Replaces an earlier one */
    CHANGE_MESSAGE_MOVED, /* seq → new_seq, now in `queue`; its state goes with it */
    CHANGE_MESSAGE_GONE,  /* seq; its state too */
    CHANGE_QUEUE,         /* a queue is there or has changed: queue, text */
    CHANGE_QUEUE_GONE,    /* queue, with all its messages, counters and deduplication ids */
    CHANGE_QUEUE_PURGED,  /* all messages of `queue` up to `seq` */
    CHANGE_DEDUP,         /* a deduplication id is remembered: queue, text (the key), dedup */
    CHANGE_DEDUP_GONE,    /* queue, text */
    CHANGE_TASK,          /* a move task is there or has changed: seq (its id), text */
    CHANGE_TASK_GONE,     /* seq */
    CHANGE_COUNTERS,      /* queue, counters */
};

/* Wall-clock times in Unix milliseconds. */
struct message_state {
    int64_t visible_ms;        /* when it is visible again, or first: delays too. 0: at once */
    int64_t first_received_ms; /* 0: never */
    int64_t received_ms;       /* the newest receive in this queue; 0: none, or not known */
    int64_t moved_ms;    /* to a queue where its age counts from then; 0: from when it was sent */
    uint64_t generation; /* of the newest receipt handle; 0: none */
    uint32_t receives;
    uint32_t receives_before; /* of them, in the queues that it came from */
    struct slice origin;      /* ARN of the queue that it was dead-lettered from; {NULL, 0}: none */
};

struct dedup_entry {
    uint8_t id[16]; /* of the message that was accepted */
    uint64_t sequence;
    int64_t expires_ms;
};

struct queue_counters {
    uint64_t sent; /* messages ever accepted, moves not counted */
};

struct change {
    enum change_kind kind;
    uint32_t queue;
    uint64_t seq, new_seq;
    struct payload *payload;    /* a reference of the list's */
    struct message_state state; /* its `origin` lives as long as the engine */
    struct dedup_entry dedup;
    struct queue_counters counters;
    char *text; /* of the list's; text_n bytes */
    size_t text_n;
};

/* A list of changes that owns what is in it. Zero is an empty one. */
struct changes {
    struct change *items;
    size_t count, max;
    bool
        failed; /* no memory: something is missing, and the event must not be answered with success */
};

/* Appends one; takes over `payload` (a reference) and copies the text. */
void changes_add(struct changes *changes, const struct change *change);
/* Drops what is in it and keeps the storage. */
void changes_reset(struct changes *changes);
void changes_deinit(struct changes *changes);

/* ---- what a store had, told at the start ---- */

/* Each is called on the caller's task for every row, queues first, then counters, messages in the order of seq (with their
 * state; `payload` is a reference that the callee takes over), deduplication ids, tasks. Text, key and `state->origin` are
 * borrowed for the call. A negative result ends the restore with it. None may wait. */
struct store_reader {
    int (*queue)(void *arg, uint32_t queue, struct slice text);
    int (*counters)(void *arg, uint32_t queue, const struct queue_counters *counters);
    int (*message)(void *arg, uint64_t seq, uint32_t queue, struct payload *payload,
                   const struct message_state *state);
    int (*dedup)(void *arg, uint32_t queue, struct slice key, const struct dedup_entry *entry);
    int (*task)(void *arg, uint64_t seq, struct slice text);
    void *arg;
};

/* What every store knows of itself once it is open. */
struct store_facts {
    uint8_t secret[32]; /* signs receipt handles; random, made with the store, kept in it */
    uint32_t epoch; /* how often it was opened, this time included; durable before open returns */
    uint64_t
        seq_max; /* the largest seq of a message or a task ever submitted, gone ones included; 0: none */
    bool keeps_payloads; /* payloads may be dropped by the engine and loaded again */
};

/* ---- the interface ---- */

struct store;

/* A submission that somebody waits for. Embedded by its owner; must not move until `done`. */
struct store_wait {
    void (*done)(struct store_wait *wait, int error); /* 0: durable. Negative: never will be */
    struct store_wait *next_;                         /* the store's own, as error_ */
    int error_;
};

/* A read of payloads that the engine has dropped. Must not move until `done`, nor must `seqs` and `out`. */
struct store_load {
    const uint64_t *seqs;
    size_t count;
    struct payload **out; /* one for each seq: a reference of the caller's, or NULL: it is gone */
    void (*done)(struct store_load *load, int error); /* negative: nothing is in `out` */
    struct store_load *next_;                         /* the store's own, as error_ */
    int error_;
};

struct store_ops {
    int (*restore)(struct store *store, const struct store_reader *reader, struct problem *problem);
    void (*submit)(struct store *store, struct changes *changes, struct store_wait *wait);
    void (*load)(struct store *store, struct store_load *load);
    int (*close)(struct store *store, struct sl_ctx *ctx);
};

struct store {
    const struct store_ops *ops;
    struct store_facts facts;
    int error; /* 0, or what ended it, also when nobody waits for anything */
};

/* Tells everything that the store has; waits meanwhile, for a disk. 0; PROBLEM: it is damaged, and `problem` says where;
 * negative: unforeseen, or the reader's. Afterwards, unless 0, only store_close is left. */
int store_restore(struct store *store, const struct store_reader *reader, struct problem *problem);

/*
 * Takes over what is in `changes` (which is empty afterwards). `wait`, unless NULL, is told when all of it, and all that was
 * submitted before, is durable: never within this call. An empty list with a wait is a barrier. A list that failed ends in an
 * error of the wait alone (-ENOMEM).
 */
void store_submit(struct store *store, struct changes *changes, struct store_wait *wait);

/* Reads payloads as they are after all that was submitted before; told in loop context, never within this call. */
void store_load(struct store *store, struct store_load *load);

/*
 * Waits until all that was submitted is durable and told, closes and frees. Once `ctx` has ended, what is not being written
 * yet is given up: its waits are told -ECANCELED; the wait for the disk itself can't be cancelled. 0, or the first error.
 */
int store_close(struct store *store, struct sl_ctx *ctx);

/* ---- the kinds ---- */

enum { STORE_UNAWAITED_MS = 100 };

/* Nothing survives. Waits are told from the loop, at once. Restores nothing; loads find nothing. 0 or -ENOMEM. */
int store_memory_open(struct store **out);

struct store_sqlite_options {
    const char *path;
    const char *vfs; /* of SQLite; NULL: the usual one. For tests */
    size_t
        wal_max; /* bytes of log that can't be brought into the database end the store (-ENOSPC); 0 = 64 MiB */
};

/*
 * Opens or makes the database (mode 0600), holding an exclusive lock on it until close. Waits. What an earlier process left
 * in the log is brought into the database first, and after an unclean end the whole file is looked through.
 *   0         *out is the caller's
 *   PROBLEM   another process has it, it is damaged, or something else than a queue of ours, or of another version, of
 *             another user, a symbolic link; it is never overwritten
 *   negative  unforeseen
 */
int store_sqlite_open(struct store **out, const struct store_sqlite_options *options,
                      struct problem *problem);

#endif

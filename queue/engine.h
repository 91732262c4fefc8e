/*
 * engine -- what an SQS does with its messages: queues, visibility, delays, long polls, groups, deduplication, dead letters,
 * retention, move tasks. Pure: every call is an event that carries the time; it has an answer, and leaves the next deadline
 * as a question. No I/O, no clock, no randomness of its own, no callbacks.
 *
 * One queue's messages are, each in one of three states:
 *
 *     DELAYED ── its delay is over ──▶ READY ── a receive takes it ──▶ IN FLIGHT ── deleted ──▶ gone
 *                                        ▲─── its visibility timeout is over, or set to 0 ───┘
 *
 * READY messages hang in their *group*: the message group of a FIFO queue, the tenant of a fair queue, or the one group of
 * everything else. On FIFO queues a group hands out its messages in order, and none while an earlier one is not ready;
 * on standard queues the oldest first. Receives go to the group with the fewest messages in flight, among equals to the one
 * that was served longest ago, a new group counting as served when its first message came.
 *
 * A *poll* is a receive that may wait: a struct of the caller's that the engine links in, first come first served.
 * What an event answers (its own poll, or polls that waited) is fetched with engine_answered, after each call.
 *
 * What has to survive a crash is left in a list of changes (store.h), in order; the caller hands it on to a store and
 * answers when it is durable. What hides a message, a receive or a longer visibility timeout, is written late, on purpose:
 * after a crash a message may be visible early, but never late, and a handle that was given before it still deletes.
 *
 * Life: engine_new → store_restore with engine_reader, engine_restored → events → engine_free (polls that still wait are
 * forgotten). One thread.
 */
#ifndef QUEUE_ENGINE_H
#define QUEUE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/time.h>

#include "core/slice.h"
#include "queue/error.h"
#include "queue/heap.h"
#include "queue/limits.h"
#include "queue/payload.h"
#include "queue/settings.h"
#include "queue/store.h"

struct engine;
struct queue;

/* When an event happens, on both clocks. Waiting goes by the first; the second is for time stamps, and may jump. */
struct moment {
    sl_time now;
    int64_t wall_ms;
};

/* Where AWS's own texts disagree with each other: docs/queue-differences.md has the rows. Zero is what we take for right. */
struct engine_rules {
    bool
        expired_handle_refused; /* standard queues: delete with a handle whose visibility timeout ended is refused */
    bool
        expired_change_refused; /* the same of a change of visibility, while the message is visible */
};

struct engine_options {
    const char *account, *region; /* of ARNs; copied */
    struct queue_limits limits;
    struct engine_rules rules;
    struct store_facts facts; /* of the store that will be restored from */
    struct changes *changes;  /* every change is appended here; NULL: nobody wants them */
    /* With a store that keeps payloads: above this, they are dropped where the store has them; what is read ahead of
     * receives may be 8 MiB more. 0 = 64 MiB */
    size_t payload_bytes_max;
    uint64_t seed; /* of hashes: unpredictable, so that nobody can choose names that collide */
};

/* NULL without memory. */
struct engine *engine_new(const struct engine_options *options);
void engine_free(struct engine *engine);

/* For store_restore: takes every row in. */
struct store_reader engine_reader(struct engine *engine, struct moment at);
/* All rows are in. */
void engine_restored(struct engine *engine, struct moment at);

/* ---- time ---- */

/* Does everything that is due: visibility timeouts, delays, polls whose time is over, retention, move tasks, late writes. */
void engine_tick(struct engine *engine, struct moment at);
/* How many messages went from queue to queue so far. Their handles are worth nothing after a crash that forgets the move. */
uint64_t engine_moves(const struct engine *engine);
/* Leaves in the list of changes what would be written late: before the end. */
void engine_flush(struct engine *engine);
/* When engine_tick has something to do; SL_NEVER. */
sl_time engine_deadline(const struct engine *engine);

/* ---- queues ---- */

struct queue_tag {
    struct slice key, value;
};

/*
 * Creates a queue; `settings` is copied. A queue of that name whose attributes do not differ from those given (names in
 * `given`) is found instead, as SQS does.
 * QUEUE_OK: *out. Refused: a name that is none, attributes that differ (QueueNameExists), a name that was deleted less
 * than 60 s ago, a dead-letter queue that is not there, of the other type, or does not allow it.
 */
enum queue_error engine_queue_create(struct engine *engine, struct moment at, struct slice name,
                                     const struct settings *settings, const struct slice *given,
                                     size_t given_count, const struct queue_tag *tags,
                                     size_t tag_count, struct queue **out,
                                     struct queue_refusal *refusal);
struct queue *engine_queue_find(const struct engine *engine, struct slice name);
/* By its ARN, of this account and region; NULL. */
struct queue *engine_queue_find_arn(const struct engine *engine, struct slice arn);
/* The queues in the order of their names, from the first whose name is not before `from`; NULL: none is left. */
struct queue *engine_queue_from(const struct engine *engine, struct slice from);
struct queue *engine_queue_next(const struct engine *engine, const struct queue *queue);
/* Its messages are gone; polls that wait are answered QUEUE_DOES_NOT_EXIST. */
void engine_queue_delete(struct engine *engine, struct moment at, struct queue *queue);

const char *queue_name(const struct queue *queue);
const char *queue_arn(const struct queue *queue);
const struct settings *queue_settings(const struct queue *queue);

/* Replaces the settings; refused as engine_queue_create. */
enum queue_error engine_queue_set(struct engine *engine, struct moment at, struct queue *queue,
                                  const struct settings *settings, struct queue_refusal *refusal);

/* Adds or replaces. Refused: more than QUEUE_TAGS_MAX afterwards. Keys and values are checked by the caller. */
enum queue_error engine_queue_tag(struct engine *engine, struct queue *queue,
                                  const struct queue_tag *tags, size_t count,
                                  struct queue_refusal *refusal);
void engine_queue_untag(struct engine *engine, struct queue *queue, const struct slice *keys,
                        size_t count);
/* In the order in which they were set. Valid until the next change of tags. */
const struct queue_tag *queue_tags(const struct queue *queue, size_t *count);

struct queue_counts {
    uint64_t visible; /* on FIFO queues also those that an earlier one of their group holds back */
    uint64_t in_flight;
    uint64_t delayed;
    uint64_t sent; /* ever accepted; moves and duplicates not counted */
    int64_t created_ms, modified_ms;
    int64_t oldest_sent_ms; /* of the oldest message; 0: none */
};
struct queue_counts queue_counts(const struct queue *queue);

/* Removes all messages; deduplication ids can be used again. Refused: less than 60 s after the last purge. */
enum queue_error engine_queue_purge(struct engine *engine, struct moment at, struct queue *queue,
                                    struct queue_refusal *refusal);

/* ---- sending ---- */

struct send {
    const uint8_t *id; /* 16 random bytes: the message's id, unless it is a duplicate */
    struct slice body;
    const struct payload_attribute *attributes;
    size_t attribute_count;
    struct slice group, dedup, trace, sender; /* {NULL, 0}: not given */
    int64_t delay_s;                          /* negative: the queue's */
};

struct sent {
    uint8_t id[16];
    uint64_t sequence; /* 0 on standard queues */
    uint64_t seq;      /* for engine_payload_settled; 0: it was a duplicate */
    uint8_t body_md5[16], attributes_md5[16]; /* of what came, also for a duplicate */
};

/* Whether a message has the ids that its queue asks for: on FIFO queues a group, and a deduplication id unless the content is
 * one. {NULL, 0}: not given. */
enum queue_error queue_check_ids(const struct queue *queue, struct slice group, struct slice dedup,
                                 struct queue_refusal *refusal);

/*
 * Accepts a message, whose limits the caller has checked. Refused: queue_check_ids. On FIFO queues the body's SHA-256
 * is the deduplication id if none is given; within five minutes a second one with the same id is accepted and not
 * delivered. Polls that wait for it are served by engine_tick, for which it is time then, or by the next call of another
 * function: so a batch that is sent reaches a poll as one.
 */
enum queue_error engine_send(struct engine *engine, struct moment at, struct queue *queue,
                             const struct send *send, struct sent *out,
                             struct queue_refusal *refusal);

/* The message `seq` is durable: its payload is dropped now if there are too many. */
void engine_payload_settled(struct engine *engine, uint64_t seq);

/*
 * Payloads that receives will want soon and that only the store has: fills in at most `max` seqs, of some 8 MiB together.
 * With what the store answers, call engine_payload_loaded for each.
 */
size_t engine_payload_wanted(struct engine *engine, uint64_t *seqs, size_t max);
bool engine_wants_payloads(const struct engine *engine);
/* Takes over the reference; NULL: the store had none, or it was given up. */
void engine_payload_loaded(struct engine *engine, uint64_t seq, struct payload *payload);

/* ---- receiving ---- */

struct receipt {
    uint64_t seq, generation;
    struct payload *payload; /* a reference of the poll's; NULL: only the store has it */
    uint32_t receives;
    int64_t first_received_ms;
    const char *
        origin; /* ARN of the queue that it was dead-lettered from; NULL. Lives as long as the engine */
};

/* A receive. The caller fills in the first part and keeps it where it is until it is answered or cancelled. */
struct poll {
    struct queue *queue;
    unsigned max;            /* 1-10 */
    int64_t visibility_s;    /* negative: the queue's */
    sl_time until;           /* how long it may wait; at most now: not at all */
    struct slice attempt_id; /* FIFO queues; {NULL, 0}: none. Borrowed until it is answered */
    /* the answer */
    enum queue_error error; /* QUEUE_OK, QUEUE_OVER_LIMIT, QUEUE_DOES_NOT_EXIST */
    unsigned count;
    struct receipt receipts[QUEUE_BATCH_MAX];
    /* the engine's */
    struct sl_link links_;
    struct heap_node due_;
    bool is_parked_;
};

/* Starts a receive. It may be answered at once: see engine_answered. */
void engine_poll(struct engine *engine, struct moment at, struct poll *poll);
/* A poll that waits is forgotten: nothing is assigned to it. Not for one that was answered. */
void engine_poll_cancel(struct engine *engine, struct poll *poll);
/* The next poll that has an answer, which is now the caller's; NULL: none. */
struct poll *engine_answered(struct engine *engine);
/* Drops the references of its receipts. */
void poll_deinit(struct poll *poll);

enum { HANDLE_SIZE = 45 }; /* with its NUL */

/* The receipt handle: base64 of queue, message, generation and a keyed digest of them. */
void engine_handle(const struct engine *engine, const struct queue *queue,
                   const struct receipt *receipt, char out[HANDLE_SIZE]);

/* An answer did not reach its client: the message is visible again at once, if this receipt is still the newest. The
 * receive counts all the same: nobody knows how far the answer got. */
void engine_return(struct engine *engine, struct moment at, const struct receipt *receipt);

/* An answer that never left, to somebody who had gone before it was made: the message is visible again, and was not received.
 * Others that wait are served by the next call. */
void engine_unreceive(struct engine *engine, const struct receipt *receipt);

/*
 * Deletes by a receipt handle.
 *   QUEUE_OK        deleted, or was before; or the handle is not the newest, and nothing was done
 *   HANDLE_INVALID  none of ours, or of another queue
 *   PARAMETER_INVALID  FIFO queues (and see rules): its visibility timeout is over
 */
enum queue_error engine_delete(struct engine *engine, struct moment at, struct queue *queue,
                               struct slice handle, struct queue_refusal *refusal);

/*
 * Sets when a message in flight is visible again, from `at`.
 *   QUEUE_OK        done, on standard queues by the handle of any receive; or the message is visible, and nothing was done
 *   HANDLE_INVALID  none of ours, or of another queue
 *   PARAMETER_INVALID  out of range, beyond 12 h since the newest receive, or the message is gone; FIFO queues (and see
 *                      rules): the handle's visibility timeout is over
 */
enum queue_error engine_change_visibility(struct engine *engine, struct moment at,
                                          struct queue *queue, struct slice handle, int64_t seconds,
                                          struct queue_refusal *refusal);

/* ---- looking ---- */

enum message_status { MESSAGE_READY, MESSAGE_DELAYED, MESSAGE_IN_FLIGHT };

struct peeked {
    uint64_t seq;
    struct payload *payload; /* a reference of the caller's; NULL: only the store has it */
    enum message_status status;
    sl_dur hidden_for; /* until it is visible */
    uint32_t receives;
};

/* The first messages of a queue, oldest first, without any effect on them. Returns how many. */
size_t engine_peek(struct engine *engine, struct moment at, const struct queue *queue,
                   struct peeked *out, size_t max);

/* ---- moving from dead-letter queues ---- */

enum move_status { MOVE_RUNNING, MOVE_COMPLETED, MOVE_CANCELLING, MOVE_CANCELLED, MOVE_FAILED };

enum { MOVE_HANDLE_SIZE = 540 }; /* base64 of a UUID and an ARN, with its NUL */

/* "RUNNING" and so on, as clients see it. */
const char *move_status_name(enum move_status status);

struct move_task {
    char handle[MOVE_HANDLE_SIZE]; /* "" unless it is running */
    enum move_status status;
    const char *source_arn;
    const char *destination_arn; /* NULL: each message back to the queue that it came from */
    uint32_t rate;               /* a second; 0: as fast as it goes */
    uint64_t moved, to_move;
    int64_t started_ms;
    const char *failure; /* NULL: none */
};

/*
 * Starts moving all messages of a dead-letter queue. `id`: 16 random bytes.
 * Refused: no such queue (ResourceNotFoundException), one that is not a dead-letter queue, or that has a task running, a
 * destination of another type, a rate out of range.
 */
enum queue_error engine_move_start(struct engine *engine, struct moment at, struct slice source_arn,
                                   struct slice destination_arn, int64_t rate, const uint8_t id[16],
                                   char handle[MOVE_HANDLE_SIZE], struct queue_refusal *refusal);
/*
 * Ends a task early. Refused: a handle that is none (InvalidParameterValue), whose queue or task is not there
 * (ResourceNotFoundException), a task that does not run (UnsupportedOperation).
 */
enum queue_error engine_move_cancel(struct engine *engine, struct moment at, struct slice handle,
                                    uint64_t *moved, struct queue_refusal *refusal);
/* The newest first; at most `max`. */
enum queue_error engine_move_list(const struct engine *engine, struct slice source_arn,
                                  struct move_task *out, size_t max, size_t *count,
                                  struct queue_refusal *refusal);

/* Whether any queue names this one as its dead-letter queue. */
bool engine_is_dead_letter(const struct engine *engine, const struct queue *queue);

#endif

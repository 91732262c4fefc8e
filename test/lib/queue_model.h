/*
 * queue_model -- what an SQS does with messages, written down as plainly as it can be: one struct of arrays without pointers,
 * found in by looking at everything. Slow on purpose, and nothing of queue/ is in it but the names of errors: it is the other
 * opinion that the engine is compared with.
 *
 * Time is Unix milliseconds. Queues are known by the number of their name, messages by the number that their id is made
 * from, groups, deduplication ids and attempt ids by small numbers; 0 is "none" for those three. A model may be copied with
 * `=`: that is how a test goes back to an earlier moment.
 *
 * Source of the rules: SQS developer guide and service model of 2012-11-05; where they leave it open, queue/engine.h.
 */
#ifndef TEST_LIB_QUEUE_MODEL_H
#define TEST_LIB_QUEUE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/error.h"

enum {
    MODEL_QUEUES = 6,
    MODEL_MESSAGES = 48, /* of all queues */
    MODEL_GROUPS = 5,    /* 0 is "no group" */
    MODEL_BATCH = 10,
    MODEL_POLLS = 6,
    MODEL_DEDUPS = 256,
    MODEL_ATTEMPTS = 32,
    MODEL_TASKS = 64,
    MODEL_STATES = 12, /* earlier states of a message that a crash may bring back */
};

enum model_status { MODEL_READY, MODEL_DELAYED, MODEL_IN_FLIGHT };
enum model_allow { MODEL_ALLOW_ALL, MODEL_ALLOW_NONE, MODEL_ALLOW_SOME };

struct model_settings {
    bool is_fifo, dedups_by_content, dedups_by_group;
    int64_t visibility_s, delay_s, retention_s;
    int dead_letter; /* -1: none */
    unsigned max_receives;
    enum model_allow allow; /* as a dead-letter queue */
    unsigned allowed;       /* one bit for each queue, with MODEL_ALLOW_SOME */
};

/* What a receive changes, and what a crash may forget. */
struct model_state {
    int64_t since_ms;   /* when it came to be so */
    int64_t visible_ms; /* 0: at once */
    int64_t first_received_ms;
    int64_t received_ms; /* the newest receive in this queue; 0: none */
    unsigned receives;
    unsigned receipt; /* the newest; 0: none */
};

struct model_message {
    bool is_there;
    int queue;
    enum model_status status;
    uint64_t id;
    uint64_t place; /* the order in its queue; another one after a move */
    int group;
    unsigned content;
    int64_t sent_ms; /* as clients see it */
    int64_t kept_since_ms;
    int origin; /* the queue that it was dead-lettered from; -1 */
    struct model_state state;
    struct model_state earlier[MODEL_STATES]; /* the newest first */
};

struct model_queue {
    bool exists, was_deleted, was_purged;
    unsigned incarnation; /* of the name */
    struct model_settings settings;
    uint64_t sent;
    int64_t created_ms, modified_ms, deleted_ms, purged_ms;
    uint64_t
        served[MODEL_GROUPS]; /* when each group was served last; joining counts as being served */
};

struct model_dedup {
    bool is_there;
    int queue;
    int group; /* 0 unless the scope is the group */
    unsigned key;
    uint64_t id;
    int64_t until_ms;
};

struct model_receipt {
    uint64_t id, place;
    unsigned receipt, receives;
    int64_t first_received_ms;
    int origin;
};

struct model_attempt {
    bool is_there;
    int queue;
    unsigned attempt;
    int64_t at_ms, visible_ms;
    unsigned count;
    struct model_receipt receipts[MODEL_BATCH];
};

struct model_poll {
    bool waits;
    int queue;
    unsigned max;
    int64_t visibility_s; /* negative: the queue's */
    int64_t until_ms;
    unsigned attempt;
    uint64_t turn; /* first come first served */
};

struct model_answer {
    unsigned poll;
    enum queue_error error;
    unsigned count;
    struct model_receipt receipts[MODEL_BATCH];
};

enum model_task_status {
    MODEL_RUNNING,
    MODEL_COMPLETED,
    MODEL_CANCELLING,
    MODEL_CANCELLED,
    MODEL_FAILED
};

struct model_task {
    bool is_there;
    uint64_t number; /* the newest has the greatest */
    int from, to;    /* -1: back to where each came from */
    int64_t rate;
    enum model_task_status status;
    uint64_t moved, to_move;
    int64_t started_ms, step_at_ms;
};

struct model_limits {
    unsigned in_flight_max;
    int64_t purge_pause_ms, name_pause_ms;
    int64_t
        sweep_ms; /* how often messages beyond their retention are looked for; receives look by themselves */
    bool expired_handle_refused, expired_change_refused;
};

struct model {
    struct model_limits limits;
    struct model_queue queues[MODEL_QUEUES];
    struct model_message messages[MODEL_MESSAGES];
    struct model_dedup dedups[MODEL_DEDUPS];
    struct model_attempt attempts[MODEL_ATTEMPTS];
    struct model_poll polls[MODEL_POLLS];
    struct model_task tasks[MODEL_TASKS];
    struct model_answer answers[2 * MODEL_POLLS];
    unsigned answer_count;
    int stirred
        [MODEL_QUEUES]; /* queues whose polls may get something, in the order in which that came to be */
    unsigned stirred_count;
    uint64_t places, turns;
    unsigned receipts, incarnations;
    uint64_t tasks_started;
    int64_t sweep_at_ms; /* 0: nothing is there to look at */
    int64_t crashed_ms;  /* the last crash; 0: none */
};

void model_init(struct model *m, const struct model_limits *limits);

/* What is due by `now` happens. Every other event begins with it. */
void model_tick(struct model *m, int64_t now);
/* When something happens next; INT64_MAX. 0: at once. */
int64_t model_deadline(const struct model *m);

/* ---- queues ---- */

void model_settings_init(struct model_settings *settings, bool is_fifo);
enum queue_error model_create(struct model *m, int64_t now, int queue,
                              const struct model_settings *settings);
enum queue_error model_set(struct model *m, int64_t now, int queue,
                           const struct model_settings *settings);
void model_delete_queue(struct model *m, int64_t now, int queue);
enum queue_error model_purge(struct model *m, int64_t now, int queue);

struct model_counts {
    uint64_t visible, in_flight, delayed, sent;
    int64_t created_ms, modified_ms, oldest_sent_ms;
};
struct model_counts model_counts(const struct model *m, int queue);

/* The messages of a queue, oldest first: indexes into messages. Returns how many. */
size_t model_list(const struct model *m, int queue, int out[MODEL_MESSAGES]);
/* NULL: it is not (any more) there, in this place. */
struct model_message *model_find(struct model *m, int queue, uint64_t place);
bool model_is_dead_letter(const struct model *m, int queue);
bool model_is_full(const struct model *m);

/* ---- messages ---- */

struct model_send {
    uint64_t id;
    int group;
    unsigned dedup;   /* the key that was given; 0: none */
    unsigned content; /* the key that the body stands for */
    int64_t delay_s;  /* negative: the queue's */
};

/* Polls that wait for it are served by the next event: for a tick it is time. *id: of the message, or of the one that it is a duplicate of. */
enum queue_error model_send(struct model *m, int64_t now, int queue, const struct model_send *send,
                            uint64_t *id, bool *is_duplicate);

/* Answers are found in m->answers; the caller sets answer_count to 0 before each call of the model. */
void model_poll(struct model *m, int64_t now, unsigned poll, const struct model_poll *ask);
void model_cancel(struct model *m, unsigned poll);

struct model_handle {
    bool is_fake;
    int queue;
    unsigned incarnation;
    uint64_t place;
    unsigned receipt;
};

enum queue_error model_delete(struct model *m, int64_t now, int queue,
                              const struct model_handle *handle);
enum queue_error model_change(struct model *m, int64_t now, int queue,
                              const struct model_handle *handle, int64_t seconds);
void model_return(struct model *m, int64_t now, int queue, const struct model_handle *handle);

/* ---- moves ---- */

/* Ids of messages that a task has made: nobody could know them before. */
#define MODEL_ID_MADE (UINT64_C(1) << 63)

/* `to`: -1 is none given. *number tells the task for the other two; 0 stands for what is no handle at all. */
enum queue_error model_move_start(struct model *m, int64_t now, int from, int to, int64_t rate,
                                  uint64_t *number);
enum queue_error model_move_cancel(struct model *m, int64_t now, uint64_t number, uint64_t *moved);
/* The newest first: indexes into tasks. Returns how many. */
size_t model_move_list(const struct model *m, int from, int out[MODEL_TASKS]);

/* ---- crashes ---- */

/* Whether the message, as it is `at` that time, stood like this at `since` or later; if so it does again. */
bool model_recall(struct model_message *message, const struct model_state *state, int64_t at,
                  int64_t since);
/* What was only in memory is gone: polls, attempts, turns, pauses. After model_recall for all messages. */
void model_crash(struct model *m, int64_t now);

/* ---- between the files of the model ---- */

/* What every event ends with: messages whose time has come are there again, and polls get what there is. */
void model_serve_(struct model *m, int64_t now);
/* Whether the dead-letter queue of these settings takes messages from the queue. */
bool model_may_redrive_(const struct model *m, int queue, const struct model_settings *settings);
/* A message goes to the end of another queue, and stays the same message. */
void model_move_(struct model *m, int64_t now, struct model_message *message, int to);
/* What a receive of the queue would get next: an index into messages; -1. */
int model_next_(const struct model *m, int queue);
void model_step_tasks_(struct model *m, int64_t now);
/* Polls whose time is over get nothing. */
void model_answer_late_(struct model *m, int64_t now);
void model_stir_(struct model *m, int queue);
void model_wake_(struct model *m, int64_t now);
void model_enter_(struct model *m, int64_t now, struct model_message *message,
                  enum model_status status, const struct model_state *state);
/* At the end of a queue, in its group. */
void model_join_(struct model *m, struct model_message *message, int queue);
void model_remove_(struct model *m, struct model_message *message);
bool model_is_old_(const struct model *m, const struct model_message *message, int64_t now);

#endif

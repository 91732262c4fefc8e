/*
 * service_impl -- a request on its way, for the files that deal with it:
 *
 *   service.c           start, end; the engine's time, the store's word
 *   call.c              a request's life: read, verified, run, made durable, answered
 *   faults.c            what goes wrong on purpose
 *   keys.c              signatures
 *   operations.c        the table of operations, and what they share
 *   op_queues.c op_messages.c op_receive.c op_moves.c     what each does
 *   own.c               two operations of our own: describe and peek
 *
 * A call goes through these states, each left exactly once:
 *
 *     RUNNING ─▶ DELAYED (a fault) ─▶ RUNNING
 *     RUNNING ─▶ POLLING ─▶ LOADING ─▶ REPLIED   or SYNCING, while moves of messages are not durable
 *     RUNNING ─▶ LOADING ─▶ REPLIED              a receive or a peek that finds something at once
 *     RUNNING ─▶ SYNCING ─▶ REPLIED              what has to be durable first
 *     RUNNING ─▶ REPLIED
 */
#ifndef QUEUE_SERVICE_IMPL_H
#define QUEUE_SERVICE_IMPL_H

#include <sluice/loop.h>

#include "core/sigv4.h"
#include "queue/api.h"
#include "queue/links.h"
#include "queue/service.h"

enum {
    URL_SIZE = 512,
    REQUEST_ID_SIZE = 37,
    PEEK_MAX =
        100, /* messages of one look: so that an answer stays within a few megabytes of usual events */
    LOADS_MAX = PEEK_MAX,
    AHEAD_LOADS = 1000, /* payloads read ahead in one go: the engine wants no more at once */
};

enum call_state {
    CALL_RUNNING,
    CALL_DELAYED,
    CALL_POLLING,
    CALL_LOADING,
    CALL_SYNCING,
    CALL_REPLIED
};

/* Payloads that an answer needs and that only the store has. */
struct call_load {
    struct store_load load; /* first */
    struct queue_call *call;
    uint64_t seqs[LOADS_MAX];
    struct payload *payloads[LOADS_MAX];
};

struct queue_call {
    struct sl_link links; /* in the service's calls, or its spare ones */
    struct queue_service *service;
    struct queue_caller caller;
    struct queue_request http;
    enum call_state state;
    bool is_long;   /* a receive that may wait */
    bool has_watch; /* the exchange tells when it is over, and the call is freed then */
    struct api_request request;
    char request_id[REQUEST_ID_SIZE];
    struct strbuf body; /* of the answer */
    struct answer answer;
    struct store_wait wait;
    struct sl_timer timer;
    /* a receive */
    struct poll poll;
    char handles[QUEUE_BATCH_MAX][HANDLE_SIZE];
    struct receipt given[QUEUE_BATCH_MAX]; /* without payloads: for giving back */
    unsigned given_count;
    /* a send: what became durable with it */
    uint64_t sent[QUEUE_BATCH_MAX];
    unsigned sent_count;
    struct call_load *loading; /* NULL: none */
    int load_error;
    void (*loaded)(struct queue_call *call);
    struct peeked *peeked;
    size_t peeked_count;
    bool peeks_body;
};

struct queue_service {
    struct queue_service_config config;
    char *account, *region;
    struct engine *engine;
    struct store *store;
    struct changes changes;
    bool is_durable; /* the store is one that answers have to wait for */
    struct sl_timer timer;
    struct sl_link calls, spare;
    size_t spare_count;
    struct sigv4_signer *signer;
    struct queue_key *keys; /* copies */
    size_t key_count;
    uint64_t seed, random;
    struct ahead *ahead;     /* the read-ahead that is under way; NULL: none */
    struct store_wait moved; /* what was moved between queues so far is durable */
    uint64_t moves;          /* that the store was told of */
    bool moved_waits,
        moved_again; /* it is waited for; once more afterwards, for what was moved since */
    bool is_stopping;
    int error;
    struct sl_parker failed;
};

struct moment service_moment(void);
/* After every event of the engine: what changed goes to the store (told to `wait`, unless NULL), polls are answered, the
 * timer is set. */
void service_settle(struct queue_service *service, struct store_wait *wait);

/* The store has failed: nothing more is accepted. */
void service_fail(struct queue_service *service, int error);

/* ---- call.c ---- */

/* The answer is in `body`: it goes out. Only now may the client be told. */
void call_reply(struct queue_call *call);
/* The same once all that has changed so far is durable. */
void call_reply_durably(struct queue_call *call);
void call_refuse(struct queue_call *call, const struct queue_refusal *refusal);
/* Runs a call whose fault has been waited for. */
void call_run(struct queue_call *call);
/* Reads what the answer needs from the store, and goes on with `loaded`, at once if there is nothing to read. The seqs are in
 * call->loading. */
void call_load(struct queue_call *call, size_t count, void (*loaded)(struct queue_call *call));
struct call_load *call_load_new(struct queue_call *call);
void call_drop_load(struct queue_call *call);
/* A poll of a call has an answer. */
void call_polled(struct queue_call *call);
void call_free(struct queue_call *call);

/* ---- faults.c ---- */

void faults_init(struct queue_service *service, uint64_t seed);
bool fault_happens(struct queue_service *service, double share);
void faults_shuffle(struct queue_service *service, struct receipt *receipts, unsigned count);
sl_dur fault_latency(struct queue_service *service);
bool faults_refuse(struct queue_service *service, struct queue_refusal *refusal);

/* ---- keys.c ---- */

int keys_init(struct queue_service *service);
void keys_deinit(struct queue_service *service);
enum queue_error keys_check(struct queue_call *call, struct queue_refusal *refusal);

/* ---- operations.c ---- */

/* What an operation left to do. */
enum step {
    STEP_REPLY, /* the answer is written */
    STEP_SYNC,  /* it is written, and leaves when all is durable */
    STEP_WAIT,  /* the call waits: it is polling or loading */
    STEP_REFUSE,
};

typedef enum step operation_fn(struct queue_call *call, struct moment at,
                               struct queue_refusal *refusal);

enum step operation_run(struct queue_call *call, struct moment at, struct queue_refusal *refusal);
/* Whether it only looks, and so can be done while nothing can be written. */
bool operation_only_looks(enum operation operation);

/* The queue of QueueUrl: QUEUE_OK and *out. */
enum queue_error call_queue(struct queue_call *call, struct queue **out,
                            struct queue_refusal *refusal);
/* http://HOST/ACCOUNT/NAME, HOST being the one that the client used. */
void call_url(const struct queue_call *call, const struct queue *queue, char out[URL_SIZE]);
void call_answer_begin(struct queue_call *call);
/* Ends the answer; STEP_REFUSE without memory. */
enum step call_answer_end(struct queue_call *call, enum step step, struct queue_refusal *refusal);

operation_fn op_add_permission, op_remove_permission, op_create_queue, op_delete_queue,
    op_get_queue_attributes, op_set_queue_attributes, op_get_queue_url, op_list_queues,
    op_list_dead_letter_source_queues, op_list_queue_tags, op_tag_queue, op_untag_queue,
    op_purge_queue, op_send_message, op_send_message_batch, op_delete_message,
    op_delete_message_batch, op_change_message_visibility, op_change_message_visibility_batch,
    op_receive_message, op_start_message_move_task, op_cancel_message_move_task,
    op_list_message_move_tasks;

/* op_messages.c: an id of up to 128 letters, digits and punctuation, or none at all. */
enum queue_error check_message_id(const char *name, struct slice id, struct queue_refusal *refusal);
/* op_receive.c: the poll has an answer. */
void receive_polled(struct queue_call *call, struct moment at);
/* Gives back what was received and did not reach its client. */
void receive_undo(struct queue_call *call, struct moment at);

/* ---- own.c ---- */

bool own_is(struct slice target);
enum step own_run(struct queue_call *call, struct slice target, struct moment at,
                  struct queue_refusal *refusal);

/* ---- small things ---- */

enum { SEQUENCE_SIZE = 21 };

/* A sequence number as SQS shows them: 20 digits. */
struct slice sequence_text(uint64_t sequence, char out[SEQUENCE_SIZE]);
void random_id(uint8_t id[16]);
void uuid_text(const uint8_t id[16], char out[REQUEST_ID_SIZE]);

#endif

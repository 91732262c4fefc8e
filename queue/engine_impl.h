/*
 * engine_impl -- what the engine is made of, for its own files:
 *
 *   engine.c           its life, time, and the loop that serves polls after each event
 *   engine_queues.c    queues and what clients set of them
 *   engine_messages.c  a message's states, groups, payloads
 *   engine_send.c      accepting messages, deduplication
 *   engine_receive.c   polls, receive attempts
 *   engine_handles.c   receipt handles and what is done with them
 *   engine_moves.c     dead-lettering, move tasks
 *   engine_restore.c   from and to what a store keeps
 */
#ifndef QUEUE_ENGINE_IMPL_H
#define QUEUE_ENGINE_IMPL_H

#include <sluice/base.h>

#include "queue/agenda.h"
#include "queue/engine.h"
#include "queue/links.h"
#include "queue/table.h"

enum {
    PROOF_N = 13, /* bytes of a receipt handle that nobody else can make */
    EPOCH_SHIFT =
        40, /* generations and seqs: the epoch, and below it a counter. 10^12 of each between two starts */
    AHEAD_LOW = 500,       /* payloads ready at the head of a queue, below which more are wanted */
    AHEAD = 1000,          /* how many are wanted at once, ... */
    AHEAD_BYTES = 8 << 20, /* ... unless they are larger together */
};

/* What a receive changes is written so long after it, unless the message is gone by then: most are. */
#define LATE sl_sec(1)
/* How often messages beyond their retention are looked for; receives look by themselves. */
#define SWEEP sl_sec(10)

struct message {
    uint64_t seq;
    struct queue *queue;
    struct group *group;
    struct payload *payload; /* NULL: only the store has it */
    struct message *prev,
        *next; /* FIFO: of the group, in order; standard: of its fresh ones, while READY */
    struct heap_node
        due; /* DELAYED, IN FLIGHT: of the engine, by due_at; READY and come back: of the group, by seq */
    struct heap_node age; /* of the queue, by sent_at */
    sl_time due_at, sent_at;
    sl_time received_at; /* the newest receive */
    int64_t first_received_ms;
    int64_t
        moved_ms; /* to a FIFO queue, where its age counts from then; 0: it was sent here, or to a standard queue */
    uint64_t generation;    /* of the newest handle; 0: none */
    uint8_t proof[PROOF_N]; /* of that handle, so that it is known again; zero: not made yet */
    const char *origin;     /* interned; NULL */
    uint32_t size;          /* of its payload, in memory or not */
    uint32_t receives, receives_before; /* in all; before it came to this queue */
    enum message_status status;
    bool is_fresh;  /* READY on a standard queue: in the list, not in the heap */
    bool is_late;   /* its state is to be written late */
    bool is_wanted; /* its payload is being loaded */
};

struct group {
    struct queue *queue;
    uint64_t hash;
    struct message *first, *last;
    struct heap back;        /* standard: READY again, by seq */
    struct heap_node ready;  /* of the queue, while something can be received */
    size_t count, in_flight; /* messages of it; of them in flight */
    uint64_t turn;           /* when it was served last */
    size_t name_n;
    char name[];
};

struct dedup {
    struct heap_node due;
    struct queue *queue;
    sl_time expires;
    uint64_t hash;
    uint8_t id[16];
    uint64_t sequence;
    size_t key_n;
    char key[];
};

/* What a receive with an attempt id got. */
struct attempt {
    struct heap_node due;
    struct queue *queue;
    sl_time expires;
    uint64_t hash;
    unsigned count;
    struct {
        uint64_t seq, generation;
        sl_time due_at;
    } got[QUEUE_BATCH_MAX];
    size_t id_n;
    char id[];
};

struct queue {
    struct engine *engine;
    uint32_t id;
    char *name, *arn;
    uint64_t hash;
    struct settings settings;
    struct queue_tag *tags; /* keys and values are each one allocation */
    size_t tag_count;
    int64_t created_ms, modified_ms;
    sl_time purged_at; /* SL_NEVER: not since the start */
    struct table groups, dedups, attempts;
    struct group *none; /* of messages without a group */
    struct heap
        ready; /* groups with something to receive: fewest in flight, then served longest ago */
    struct agenda by_age;
    struct sl_link polls; /* that wait, first come first */
    uint64_t visible, in_flight, delayed, sent;
    size_t missing;   /* messages whose payload only the store has */
    size_t ahead;     /* payloads at the head that are there or on their way, at least */
    size_t ahead_low; /* more are wanted when it is not above this */
    struct sl_link stirred;
    bool is_stirred;
};

/* A name that can't be used again yet. */
struct grave {
    struct sl_link links;
    sl_time until;
    uint64_t hash;
    char name[];
};

struct task {
    struct sl_link links;
    struct sl_link running; /* of the engine's, while it has something to do */
    uint64_t id;            /* of the store */
    char uuid[37];
    char *source_arn, *destination_arn;
    uint32_t rate;
    enum move_status status;
    uint64_t moved, to_move;
    int64_t started_ms;
    const char *failure;
    sl_time step_at;
};

struct late {
    uint64_t seq;
    sl_time at;
};

struct engine {
    struct engine_options options;
    char *account, *region;
    sl_time restored_at;
    int64_t
        offset_ms; /* wall clock minus monotonic, as at the start: so that leases ignore jumps */
    struct table queues; /* by name */
    struct table ids;    /* the same, by id */
    struct queue **sorted;
    size_t queue_count, queue_max;
    uint32_t queue_id_max;
    struct table messages; /* by seq */
    struct agenda due;     /* messages */
    struct heap polls_due, dedups_due, attempts_due;
    struct sl_link answered; /* polls */
    struct sl_link stirred;  /* queues that may have something for a poll */
    struct sl_link graves;   /* the oldest first */
    struct table buried;     /* the same, by name */
    struct sl_link tasks;    /* the newest first */
    struct sl_link running;  /* of them, those that are not over; the newest first */
    uint64_t seq, generation, turns, moves;
    sl_time sweep_at;
    struct late *late; /* a ring */
    size_t late_first, late_count, late_max;
    uint64_t *wanted;
    size_t wanted_count, wanted_max;
    size_t payload_bytes;
    char **interned;
    size_t interned_count;
};

/* ---- engine.c ---- */

/* Every event ends with it: what became due is done, and polls get what there is. */
void engine_serve(struct engine *engine, struct moment at);
/* What is due happens; polls are not served. */
void engine_advance(struct engine *engine, struct moment at);
void queue_stir(struct engine *engine, struct queue *queue);
/* Appends to the list of changes, if anybody wants them. */
void engine_note(struct engine *engine, const struct change *change);
uint64_t engine_hash(const struct engine *engine, struct slice a, struct slice b);
/* The same text once, for the life of the engine. NULL without memory. */
const char *engine_intern(struct engine *engine, struct slice text);

static inline int64_t engine_wall_ms(const struct engine *engine, sl_time t)
{
    return t.ns / 1000000 + engine->offset_ms;
}

static inline sl_time engine_time_of(const struct engine *engine, int64_t wall_ms)
{
    return (sl_time){
        sl_saturate_mul_(sl_saturate_add_(wall_ms, sl_negate_(engine->offset_ms)), 1000000)};
}

/* ---- engine_messages.c ---- */

void engine_messages_init(struct engine *engine);
void queue_messages_init(struct queue *queue);
struct message *engine_message(const struct engine *engine, uint64_t seq);
/* The group of that name, made if need be; {NULL, 0}: the one of those without. NULL without memory. */
struct group *queue_group(struct engine *engine, struct queue *queue, struct slice name);
/*
 * A new message of `queue`, with a new seq if `seq` is 0; takes over the payload. DELAYED until `due`, or READY if that has
 * come. NULL without memory (the payload is dropped).
 */
struct message *message_add(struct engine *engine, struct queue *queue, struct slice group,
                            uint64_t seq, struct payload *payload, sl_time sent_at, sl_time due,
                            sl_time now);
/* The only place where a status changes. `due`: until when it is hidden. */
void message_enter(struct engine *engine, struct message *message, enum message_status status,
                   sl_time due);
/* Gone for good; `is_noted`: the store is told. */
void message_remove(struct engine *engine, struct message *message, bool is_noted);
/* Its state is written late. */
void message_touch(struct engine *engine, struct message *message, sl_time now);
void message_note_state(struct engine *engine, struct message *message);
/* false: no memory, and it is where it was. */
bool message_moved_to(struct engine *engine, struct message *message, struct queue *to,
                      const char *origin, sl_time now);
/* What a group gives next: NULL. On FIFO queues its first. */
struct message *group_next(const struct group *group);
void group_update(struct group *group);
bool message_is_old(const struct message *message, sl_time now);
/* Asks for its payload; false: no memory. */
bool message_want(struct engine *engine, struct message *message);
/* Drops its payload if there are too many and the store has it, or will once what has changed is handed to it. */
void payload_spare(struct engine *engine, struct message *message);
/* Asks for payloads at the head of the queue, if they get few. */
void queue_look_ahead(struct engine *engine, struct queue *queue);
void payload_set(struct engine *engine, struct message *message, struct payload *payload);
/* Unix time at which its oldest message was sent; 0: there is none. */
int64_t queue_oldest_ms(const struct queue *queue);
/* Removes all its messages without a change; how many there were. */
size_t queue_remove_all(struct engine *engine, struct queue *queue);

/* ---- engine_send.c ---- */

void dedup_remove(struct engine *engine, struct dedup *dedup, bool is_noted);
struct dedup *dedup_add(struct engine *engine, struct queue *queue, struct slice key,
                        const uint8_t id[16], uint64_t sequence, sl_time expires);
bool dedup_before(const struct heap_node *a, const struct heap_node *b);
void engine_dedups_expire(struct engine *engine, sl_time now);
bool dedup_is(const void *item, const void *key);

/* ---- engine_receive.c ---- */

bool poll_before(const struct heap_node *a, const struct heap_node *b);
bool attempt_before(const struct heap_node *a, const struct heap_node *b);
void attempt_remove(struct engine *engine, struct attempt *attempt);
void engine_attempts_expire(struct engine *engine, sl_time now);
void engine_polls_expire(struct engine *engine, sl_time now);
void queue_serve(struct engine *engine, struct moment at, struct queue *queue);
void poll_answer(struct engine *engine, struct poll *poll, enum queue_error error);

/* ---- engine_queues.c ---- */

void queue_free(struct queue *queue);
void queue_note(struct engine *engine, struct queue *queue);
/* Links in a queue whose name, arn and settings are set. false: no memory. */
bool engine_queue_add(struct engine *engine, struct queue *queue);
struct queue *queue_new(struct engine *engine, struct slice name, const struct settings *settings);
bool queue_tag_set(struct queue *queue, struct slice key, struct slice value);
void engine_graves_expire(struct engine *engine, sl_time now);

/* ---- engine_moves.c ---- */

/* Whether the message was received too often, and has been moved to the dead-letter queue instead. */
bool message_dead_letter(struct engine *engine, struct message *message, sl_time now);
void engine_tasks_step(struct engine *engine, struct moment at);
sl_time engine_tasks_deadline(const struct engine *engine);
void task_free(struct task *task);
void engine_tasks_forget(struct engine *engine, const char *source_arn);
int engine_task_restore(struct engine *engine, uint64_t id, struct slice text);

/* ---- engine_restore.c ---- */

/* What a store keeps of a queue. false: no memory. */
bool queue_write(const struct queue *queue, struct strbuf *out);

#endif

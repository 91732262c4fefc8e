/*
 * sqs_look -- looking at queues and messages without an effect on them, for people.
 *
 * SQS can list queues and tell each one's numbers. It can't show a message without receiving it, and it does not tell the
 * age of the oldest. `sluice queue` can, by two operations of its own: X-Amz-Target Sluice.DescribeQueues and
 * Sluice.PeekMessages. They are signed like all others; every other SQS refuses them, which is SQS_FOREIGN here.
 *
 * What comes back is owned by the caller, and zero at first.
 */
#ifndef AWS_SQS_LOOK_H
#define AWS_SQS_LOOK_H

#include "aws/sqs.h"

/* A positive outcome beside those of every operation: this SQS has no such operation. *failure has its words. */
enum { SQS_FOREIGN = 64 };

/* All queues of the account and region that the configuration names, as one thing to ask: a queue of the name "*", without
 * a URL. Results as sqs_queue_open; nothing is sent. */
int sqs_all_queues_open(struct sqs_queue **out, struct sqs_client *client, struct problem *problem);

struct sqs_look_queue {
    char *name, *url;
    bool is_fifo;
    uint64_t visible, in_flight, delayed;
    uint64_t sent;               /* ever accepted; 0 unless is_own */
    int64_t oldest_sent_ms;      /* Unix time; 0: nothing is in it, or not told */
    char *dead_letter;           /* name; NULL: none */
    uint64_t max_receives;       /* with a dead-letter queue */
    char trouble[SQS_CODE_SIZE]; /* why there are no numbers: "AccessDenied"; "" when there are */
};

struct sqs_look_queues {
    struct sqs_look_queue *items;
    size_t count, max;
    bool is_own; /* sluice queue answered: it told more than others can */
};

/*
 * The queues whose names begin with `prefix` ("": all), in the order in which they were told. One call to `sluice queue`;
 * to every other SQS a page of ListQueues for each 1,000, and GetQueueAttributes for each queue. Results as all operations;
 * a queue whose attributes may not be read has its `trouble`, one that was deleted meanwhile is left out.
 */
int sqs_look_at_queues(struct sqs_queue *all, struct sl_ctx *ctx, const char *prefix,
                       struct sqs_look_queues *out, struct sqs_failure *failure);
void sqs_look_queues_deinit(struct sqs_look_queues *queues);

struct sqs_look_message {
    char *id;
    char *status; /* "ready", "delayed", "in flight" */
    sl_dur hidden_for;
    uint64_t receives;
    int64_t sent_ms;
    uint64_t bytes;
    char *group; /* NULL: none */
    char *body;  /* NULL: not asked for. A NUL in it ends it */
};

struct sqs_look_messages {
    struct sqs_look_message *items;
    size_t count, max;
};

/* The first messages of a queue, at most `max` of them. Results as all operations, or SQS_FOREIGN. */
int sqs_look_at_messages(struct sqs_queue *queue, struct sl_ctx *ctx, size_t max, bool with_body,
                         struct sqs_look_messages *out, struct sqs_failure *failure);
void sqs_look_messages_deinit(struct sqs_look_messages *messages);

#endif

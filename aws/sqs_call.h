/*
 * sqs_call -- one operation of SQS from its body to a whole answer, or to a failure: signing,
 * sending, retrying, judging. What the operations of sqs.h have in common; internal to aws/.
 *
 * A *call* owns the buffers of one operation. A client keeps calls that are done, so an operation
 * allocates nothing once warm.
 */
#ifndef AWS_SQS_CALL_H
#define AWS_SQS_CALL_H

#include "aws/sqs.h"
#include "core/clock_skew.h"
#include "core/errand.h"
#include "core/retry.h"
#include "core/sigv4.h"

struct sqs_operation {
    const char *name;       /* "ReceiveMessage" */
    const char *permission; /* "sqs:ReceiveMessage" */
    struct slice target;    /* "AmazonSQS.ReceiveMessage" */
    bool is_long_poll;
};

/* Where requests of a queue go, and what is signed of it. */
struct sqs_target {
    const char *url;   /* "https://sqs.eu-central-1.amazonaws.com/" */
    struct slice host; /* as the Host header says it */
    struct slice path;
    struct slice region;
};

struct sqs_call {
    struct sqs_call *next; /* in the client's list of idle ones */
    struct sqs_client *client;
    const struct sqs_target *target;
    const struct sqs_operation *operation;
    struct strbuf body;        /* of the request: written by the operation */
    struct strbuf secrets;     /* Authorization and session token, of the present attempt */
    struct http_answer answer; /* of the last attempt */
    struct errand errand;      /* moves with each attempt */
    sl_dur timeout;            /* of an attempt */
    struct sl_ctx *begin_in;   /* when it ends, no attempt is sent any more; NULL: the call's own */
    size_t answer_max;
    unsigned cut;             /* attempts that were sent and not answered whole */
    sl_time asked;            /* when the last attempt was handed over */
    bool told_time;           /* the last answer had a date that the clock could be compared with */
    int64_t signed_offset_ms; /* the correction that the last attempt was signed with */
    uint64_t generation;      /* of the keys that it was signed with */
};

struct sqs_client {
    const struct aws_config *config;
    struct http_client *http;
    struct credential_store *credentials;
    struct sigv4_signer *signer;
    struct retry_quota quota;
    struct clock_skew skew;
    bool was_told;         /* an answer has told the time … */
    int64_t told_ahead_ms; /* … when the wall clock was that far ahead of sl_now */
    sl_dur round_trip;     /* as sqs_client_round_trip */
    struct sqs_counts counts;
    struct errands *errands; /* of the calls that are under way */
    struct errands unwatched;
    struct sqs_call *idle;
};

/* A call to be filled in: its body is empty, its limits those of an operation that answers soon and
 * briefly. NULL: no memory. */
struct sqs_call *sqs_call_begin(struct sqs_client *client, const struct sqs_target *target,
                                const struct sqs_operation *operation);
/* Keeps it for the next operation. NULL is fine. */
void sqs_call_end(struct sqs_call *call);

/*
 * Carries out a call whose body is written. Results as all operations; on 0 call->answer is a
 * complete answer of status 200. call->cut is written whatever the result.
 */
int sqs_call_perform(struct sqs_call *call, struct sl_ctx *ctx, struct sqs_failure *failure);

/* Turns an answer of status 200 that is not what the operation says into a failure. SQS_FAILED. */
int sqs_call_malformed(const struct sqs_call *call, struct sqs_failure *failure);

/* What sqs_queue keeps besides its public part. */
struct sqs_queue_full {
    struct sqs_queue queue; /* first: callers see this */
    char *host, *path;
    struct sqs_target target;
};

static inline const struct sqs_target *sqs_queue_target(const struct sqs_queue *queue)
{
    return &SL_CONTAINER_OF((uintptr_t)queue, const struct sqs_queue_full, queue)->target;
}

#endif

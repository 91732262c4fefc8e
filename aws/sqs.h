/*
 * sqs -- Amazon SQS for one or more queues: each function is one operation, signed, retried as the
 * SDKs' standard mode of 2026 does it, and judged.
 *
 * What comes back is 0, a struct sqs_failure that says what went wrong in terms of what to do about
 * it, or the end of the context. An operation is retried inside: throttling and transient errors
 * within the retry quota that all calls of a client share; refused credentials once, with others;
 * a wrong clock once, with the corrected time. A signed request goes nowhere but to the endpoint
 * that sqs_queue_open found for the queue, and redirects are failures.
 *
 * Life: sqs_client_new → sqs_queue_open → operations, from any number of tasks at once →
 * sqs_queue_free → sqs_client_free.
 */
#ifndef AWS_SQS_H
#define AWS_SQS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/ctx.h>
#include <sluice/time.h>

#include "aws/config.h"
#include "aws/credentials.h"
#include "core/problem.h"
#include "core/slice.h"
#include "core/sqs_wire.h"
#include "core/strbuf.h"
#include "io/http.h"

enum { SQS_ENTRIES_MAX = 10 }; /* messages of a receive, entries of a batch (SQS-m) */

/* The positive outcome of operations: the failure says what happened. */
enum { SQS_FAILED = 1 };

/* What is wrong, by what helps. */
enum sqs_trouble {
    SQS_TROUBLE_UNREACHABLE,    /* no answer: not resolved, refused, TLS, timed out, cut off */
    SQS_TROUBLE_SERVICE,        /* the service's own failure: 5xx, InternalFailure … */
    SQS_TROUBLE_THROTTLED,      /* too many requests */
    SQS_TROUBLE_NO_CREDENTIALS, /* no keys to sign with: sqs_explain names the places looked at */
    SQS_TROUBLE_CREDENTIALS,    /* the keys were refused: unknown, expired, wrong signature */
    SQS_TROUBLE_CLOCK,          /* the local clock is off, and its correction did not help */
    SQS_TROUBLE_PERMISSION,     /* the keys are fine, but not for this (KMS keys too) */
    SQS_TROUBLE_OVER_LIMIT,     /* about 120,000 messages are in flight: receive later */
    SQS_TROUBLE_NO_QUEUE,       /* there is no such queue */
    SQS_TROUBLE_HANDLE,         /* a receipt handle has expired or is none */
    SQS_TROUBLE_REQUEST,        /* the request is wrong: the same one would fail again */
    SQS_TROUBLE_ANSWER,         /* an answer came that is none of SQS's: not JSON, too large */
};

struct sqs_failure {
    enum sqs_trouble trouble;
    const char *operation;  /* "DeleteMessageBatch"; static storage */
    const char *permission; /* what IAM calls it: "sqs:DeleteMessage"; static storage */
    bool is_ambiguous;      /* a request was sent and its answer never came whole: it may have been
                               carried out */
    enum http_failure http; /* SQS_TROUBLE_UNREACHABLE: in which way */
    int status;             /* HTTP status; 0 without an answer */
    unsigned attempts;      /* requests that were made, 0 = none */
    char code[SQS_CODE_SIZE];       /* "AccessDeniedException"; "" without one */
    char message[SQS_MESSAGE_SIZE]; /* the service's words, or what kept the answer away: printable,
                                       never a secret */
    char request_id[64];            /* for AWS support; "" without one */
};

/* One line for a log: "DeleteMessageBatch: 403 AccessDenied: User … is not authorized". Writes at
 * most `room` bytes with the NUL, and returns `out`. */
const char *sqs_failure_text(const struct sqs_failure *failure, char *out, size_t room);

/* ---- the client ---- */

struct sqs_client;
struct errands;

/* Makes a client. `config` and `http` are borrowed for its life; refreshing credentials works in a
 * scope of its own under `ctx`. 0 or -ENOMEM. */
int sqs_client_new(struct sqs_client **out, struct sl_ctx *ctx, const struct aws_config *config,
                   struct http_client *http);
/* No operation may be under way. Waits for a refresh of credentials to end. NULL is fine. */
void sqs_client_free(struct sqs_client *client);

/* Counters since the client was made; they only grow. */
struct sqs_counts {
    uint64_t requests;     /* sent, retries included */
    uint64_t retries;      /* of them, those that repeated a failed one */
    uint64_t receives_cut; /* receives that were sent and whose answer never came whole */
    uint64_t renewals;     /* credentials that were refused and asked for anew */
};
const struct sqs_counts *sqs_client_counts(const struct sqs_client *client);

/* Calls that begin from here on are errands of `errands`, each named after its operation and moving with each attempt: within
 * the call's timeout (a receive's wait and some seconds, 30 s for a send, else 15 s) and 25 s of waiting before the next, or
 * longer if credentials have to be fetched. `errands` outlives the client. */
void sqs_client_watch(struct sqs_client *client, struct errands *errands);

/* Where the keys came from: "profile prod in ~/.aws/credentials"; "" before the first request. */
const char *sqs_client_identity(const struct sqs_client *client);

/* How far the local clock is known to be off: server less local; 0 up to four minutes. */
int64_t sqs_client_skew_ms(const struct sqs_client *client);

/* How long a request lately took until its answer began to come, receives left out: the longest, and in each that is shorter an
 * eighth of the difference is forgotten. 0 before the first answer. */
sl_dur sqs_client_round_trip(const struct sqs_client *client);

/* ---- a queue ---- */

/* Read only for callers; never changes. */
struct sqs_queue {
    struct sqs_client *client;
    char *name; /* "orders.fifo" */
    char *url;  /* QueueUrl, as SQS knows it */
    char *arn;  /* put together from the URL; the account is 000000000000 if that has none */
    char *region;
    char *endpoint;      /* where requests go: "https://sqs.eu-central-1.amazonaws.com/" */
    char *region_origin; /* "AWS_REGION", "the queue's URL": for errors */
    char *notice;        /* what a user should know about how it was found; NULL = nothing */
    bool is_fifo;
};

/*
 * Finds a queue by its URL, ARN or name. A URL or an ARN says its region; if another one is
 * configured, the queue's wins and `notice` says so. Nothing is sent for a URL, nor for an ARN on
 * AWS; otherwise GetQueueUrl is asked. A URL's host must be AWS's, loopback, or that of the
 * endpoint that is configured: nobody else gets a signed request.
 *   0                        *out is the caller's: sqs_queue_free
 *   PROBLEM                  `problem` says what, where and what to do, and the exit status
 *   SL_CANCELED, SL_TIMEOUT  `ctx` ended
 *   -ENOMEM
 */
int sqs_queue_open(struct sqs_queue **out, struct sqs_client *client, struct sl_ctx *ctx,
                   const char *reference, struct problem *problem);
/* NULL is fine. */
void sqs_queue_free(struct sqs_queue *queue);

/* Says in `problem` what an operation's failure means for the user, and what to do. PROBLEM. */
int sqs_explain(const struct sqs_queue *queue, const struct sqs_failure *failure,
                struct problem *problem);

/*
 * All operations wait, retries included, and have these results; out-parameters are written on 0
 * only, unless they say otherwise:
 *   0                        done
 *   SQS_FAILED               *failure says why
 *   SL_CANCELED, SL_TIMEOUT  `ctx` ended: the operation may or may not have been carried out
 *   -ENOMEM
 */

struct sqs_queue_attributes {
    sl_dur visibility;
    uint64_t visible, in_flight, delayed; /* approximate numbers of messages */
    sl_dur retention;
    size_t message_bytes_max;
    char arn[256];              /* the queue's own word for it; "" without */
    bool has_redrive;           /* there is a dead-letter queue … */
    uint64_t max_receive_count; /* … after so many receives */
    char dead_letter_arn[256];
};

int sqs_get_attributes(struct sqs_queue *queue, struct sl_ctx *ctx,
                       struct sqs_queue_attributes *out, struct sqs_failure *failure);

/* A long poll. On a FIFO queue its attempts carry one ReceiveRequestAttemptId, so that a retry
 * brings the messages that a cut answer lost. */
struct sqs_receive_options {
    unsigned count;       /* 1-10 */
    unsigned wait_s;      /* 0-20; the request times out 10 s later */
    int32_t visibility_s; /* 0-43,200; negative: the queue's own */
    /* When it ends, a poll that was sent is left to finish, but none is sent any more: no retry, nor
     * one that still waits for a connection. A descendant of the context that the receive is called
     * with; NULL: that one. */
    struct sl_ctx *begin_in;
};

/*
 * What a receive brought. Zero-initialise it; it may be reused for the next receive, whose bytes
 * then replace those in `bytes` unless they were moved out.
 */
struct sqs_receive_answer {
    struct strbuf bytes; /* what the messages point into: move it out, or strbuf_deinit it */
    struct sqs_message messages[SQS_ENTRIES_MAX]; /* with the unfit ones */
    size_t count;
    sl_time asked;    /* when the request that was answered was handed over */
    sl_time answered; /* when its answer began to come */
    bool told_time;   /* the answer had a date, so the clock's skew is known */
    unsigned cut;     /* attempts that were sent and not answered whole: SQS may have handed out
                         messages to them. Written whatever the result */
};

int sqs_receive(struct sqs_queue *queue, struct sl_ctx *ctx,
                const struct sqs_receive_options *options, struct sqs_receive_answer *out,
                struct sqs_failure *failure);

/* What became of one entry of a batch. */
enum sqs_entry_state {
    SQS_ENTRY_DONE,
    SQS_ENTRY_RETRY, /* SQS's own failure, or throttled, or it said nothing about this one: worth another try */
    SQS_ENTRY_REFUSED, /* the same entry would fail again */
};
struct sqs_entry {
    enum sqs_entry_state state;
    char code[SQS_CODE_SIZE]; /* "ReceiptHandleIsInvalid"; "" when done */
    char
        message[SQS_MESSAGE_SIZE]; /* what SQS says of it, as it stands in the JSON; "" when done */
};

/* Deletes 1-10 messages. `handles` are raw JSON contents, as in struct sqs_message. entries[i]
 * tells of handles[i]. Deleting twice is harmless. */
int sqs_delete_batch(struct sqs_queue *queue, struct sl_ctx *ctx, const struct slice *handles,
                     size_t count, struct sqs_entry *entries, struct sqs_failure *failure);

struct sqs_visibility {
    struct slice handle; /* raw JSON contents */
    uint32_t timeout_s;  /* 0-43,200, from now */
};

/* Changes the visibility timeout of 1-10 messages: longer to keep them, 0 to give them back. */
int sqs_change_visibility_batch(struct sqs_queue *queue, struct sl_ctx *ctx,
                                const struct sqs_visibility *changes, size_t count,
                                struct sqs_entry *entries, struct sqs_failure *failure);

struct sqs_send {
    const struct sqs_send_entry *messages;
    size_t count;                                /* 1-10, 1 MiB in all */
    const struct sqs_send_attribute *attributes; /* go with every message */
    size_t attribute_count;
};

/*
 * Sends messages. A failure that is_ambiguous, or a retry inside, may have sent them twice to a
 * standard queue. Text that is not UTF-8 is SQS_TROUBLE_REQUEST, with nothing sent.
 */
int sqs_send_batch(struct sqs_queue *queue, struct sl_ctx *ctx, const struct sqs_send *what,
                   struct sqs_entry *entries, struct sqs_failure *failure);

#endif

/*
 * sqs_wire -- SQS's wire format, AWS JSON 1.0: the bodies of requests, and what is in the answers.
 *
 * Nothing is sent here and nothing decided. Strings that came from SQS and go back to it (receipt handles), or on to the
 * service, stay the escaped JSON that they are; strings of ours are plain and escaped on the way.
 */
#ifndef CORE_SQS_WIRE_H
#define CORE_SQS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/strbuf.h"

enum { SQS_CODE_SIZE = 96, SQS_MESSAGE_SIZE = 257 };

/* The positive outcome of the readers: the answer is not what SQS says. */
enum { SQS_MALFORMED = 1 };

/* ---- requests: each writes the whole body over `out`; strbuf_failed tells whether there was memory ---- */

struct sqs_receive_params {
    struct slice queue_url;
    unsigned max;            /* 1-10 */
    unsigned wait_s;         /* 0-20 */
    int64_t visibility_s;    /* 0-43,200; -1 = the queue's own */
    struct slice attempt_id; /* FIFO: ReceiveRequestAttemptId; empty = none */
};

void sqs_write_receive(struct strbuf *out, const struct sqs_receive_params *params);

/* One entry of a batch call; its id on the wire is its position. `handle` is escaped, as it came. */
struct sqs_call_entry {
    struct slice handle;
    unsigned visibility_s; /* of a change of visibility */
};

void sqs_write_delete_batch(struct strbuf *out, struct slice queue_url,
                            const struct sqs_call_entry *entries, size_t count);
void sqs_write_change_batch(struct strbuf *out, struct slice queue_url,
                            const struct sqs_call_entry *entries, size_t count);

struct sqs_send_attribute {
    struct slice name, type, value; /* plain text; type String or Number, custom labels allowed */
};

struct sqs_send_entry {
    struct slice body;         /* plain UTF-8 */
    struct slice group, dedup; /* plain; empty = none */
    int delay_s;               /* -1 = the queue's own */
};

/* `attributes` go with every entry. false: a text is not UTF-8 (`out` is then of no use). */
bool sqs_write_send_batch(struct strbuf *out, struct slice queue_url,
                          const struct sqs_send_entry *entries, size_t count,
                          const struct sqs_send_attribute *attributes, size_t attribute_count);

void sqs_write_get_queue_url(struct strbuf *out, struct slice name, struct slice owner_account);
/* Asks for all of them. */
void sqs_write_get_queue_attributes(struct strbuf *out, struct slice queue_url);

/* ---- answers ---- */

/*
 * A received message: slices of the answer. Strings are the escaped text between the quotes.
 * One that can't be used is told with why it is `unfit`; it is never to be posted or deleted: SQS gives it again.
 */
struct sqs_message {
    struct slice message_id, receipt_handle, body, md5_of_body;
    struct slice md5_of_attributes;  /* empty: none */
    struct slice attributes;         /* JSON object; "{}" when there are none */
    struct slice message_attributes; /* JSON object; "{}" when there are none */
    struct slice group_id;           /* empty: none */
    unsigned receive_count;          /* 0: not told */
    int64_t sent_ms;                 /* Unix time; 0: not told */
    const char *unfit;               /* NULL: fit. Else why: static storage */
};

/*
 * Reads a ReceiveMessage answer and checks the digests. Messages beyond `max` are counted in *count but not stored.
 * 0, or SQS_MALFORMED: nothing of it can be believed.
 */
int sqs_read_receive(struct slice answer, struct sqs_message *out, size_t max, size_t *count);

enum sqs_call_state {
    SQS_CALL_MISSING, /* neither successful nor failed: its effect is unknown */
    SQS_CALL_DONE,
    SQS_CALL_FAILED, /* the queue's fault, or throttled, or over a limit: worth another try */
    SQS_CALL_REFUSED, /* ours (SenderFault, and nothing that passes): the same request will fail again */
};

struct sqs_call_result {
    enum sqs_call_state state;
    char code[SQS_CODE_SIZE];       /* of a failure */
    char message[SQS_MESSAGE_SIZE]; /* of a failure; escaped, cut */
};

/* Reads the answer of a batch call with `count` entries. 0 or SQS_MALFORMED. */
int sqs_read_batch(struct slice answer, struct sqs_call_result *results, size_t count);

/* GetQueueUrl: the URL, unescaped, over `out`. 0, SQS_MALFORMED or -ENOMEM. */
int sqs_read_queue_url(struct slice answer, struct strbuf *out);

/* GetQueueAttributes: the value of one, unescaped, over `out`. 0, SQS_MALFORMED (not such an answer), -ENOENT, -ENOMEM. */
int sqs_read_attribute(struct slice answer, const char *name, struct strbuf *out);

/* ---- errors ---- */

/* What to do about an error: facts of the SQS API reference, "Common Errors", and of the actions. */
enum sqs_error_class {
    SQS_ERROR_NONE,
    SQS_ERROR_THROTTLED,   /* back off, poll less */
    SQS_ERROR_TRANSIENT,   /* try again */
    SQS_ERROR_CREDENTIALS, /* refresh them, then once more */
    SQS_ERROR_CLOCK,       /* correct the clock, then once more */
    SQS_ERROR_PERMISSION,  /* wait for somebody to grant it */
    SQS_ERROR_OVER_LIMIT,  /* too many messages in flight */
    SQS_ERROR_NO_QUEUE,
    SQS_ERROR_HANDLE,  /* expired or not a handle: drop it */
    SQS_ERROR_REQUEST, /* ours: never again */
};

struct sqs_error {
    enum sqs_error_class class;
    char code[SQS_CODE_SIZE];       /* "QueueDoesNotExist"; "" when the answer names none */
    char message[SQS_MESSAGE_SIZE]; /* printable, cut; "" when there is none */
};

/*
 * Reads an error answer: JSON with __type, or the Query protocol's XML; anything else is judged by its status. `query_error`
 * is the x-amzn-query-error header, or empty.
 */
void sqs_read_error(int status, struct slice query_error, struct slice body, struct sqs_error *out);

/* The class of a code: for entries of a batch that failed. SQS_ERROR_NONE: unknown. */
enum sqs_error_class sqs_error_class_of(struct slice code);

#endif

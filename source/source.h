/*
 * source -- where events come from, and where what became of them goes back to.
 *
 * A source gives out runs of messages, keeps what it gave out (receipts, leases, credits), and settles the verdicts that
 * come back: it deletes what the service confirmed and returns the rest. It never holds more than its credits allow, so
 * backpressure is credits running out.
 *
 * Life: source_open → source_receive and source_settle once each, which start tasks → both channels end →
 * source_free. The tasks belong to the scope `life`.
 *
 * To add one: a file with a `struct source_kind`, and a row in table.c.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <sluice/ctx.h>

#include "core/account.h"
#include "core/problem.h"
#include "source/message.h"
#include "source/progress.h"

struct aws_config;
struct http_client;

/* What the user asked for. Strings are borrowed for the life of the source. 0 means "the default" nowhere: cli/ fills in
 * the defaults. */
struct source_config {
    const char *from;          /* a queue's URL, ARN or name; "-"; "synthetic:" */
    struct http_client *http;  /* for sources behind HTTP */
    struct aws_config *aws;    /* region, endpoint, credentials */
    bool allow_http;           /* http:// to other hosts than loopback */
    sl_dur visibility;         /* 0: the queue's own */
    size_t receivers;          /* most receives under way at once, 1-100 */
    sl_dur receive_wait;       /* a long poll, 1-20 s */
    size_t in_flight_max;      /* events held at once */
    size_t in_flight_bytes;    /* bytes of events held at once */
    uint64_t count;            /* stop by itself after this many events; 0 = never */
    bool until_empty;          /* stop by itself when the queue is empty */
    double rate;               /* synthetic: events a second; 0 = one every 1-20 ms */
    const char *undelivered;   /* stdin: a file for what could not be delivered; NULL = none */
    struct account *account;   /* counts; outlives the source */
    struct progress *progress; /* shared with the other stages; outlives the source */
};

struct source;

struct source_kind {
    const char *name;                /* for messages: "sqs", "stdin" */
    bool (*takes)(const char *from); /* does this kind serve that --from? */
    int (*open)(struct source **out, struct sl_ctx *ctx, const struct source_config *config,
                struct problem *problem);
};

/* What --check tells: rows for people, and members of a JSON object, each behind a comma. */
struct source_plan {
    struct strbuf rows, members;
};

struct source_ops {
    struct message_chan *(*receive)(struct source *, struct sl_ctx *life, struct sl_ctx *delivery,
                                    struct sl_ctx *intake);
    void (*settle)(struct source *, struct sl_ctx *life, struct batch_chan *verdicts);
    bool (*holds)(const struct source *, struct ticket); /* NULL: always */
    void (*wake)(struct source *);                       /* NULL: nothing waits */
    size_t (*held)(const struct source *);
    size_t (*abandon)(struct source *);
    void (*plan)(const struct source *, struct source_plan *); /* NULL: nothing */
    void (*free)(struct source *);
};

/* The part that every source has; a kind's own struct starts with it. */
struct source {
    const struct source_ops *ops;
    char name[160];              /* for the account: "orders (eu-central-1)" */
    struct record_source origin; /* borrowed from the kind's own storage */
    bool
        takes_back; /* events can be returned; false: what fails is repeated or written to a file */
    bool is_fifo;
    sl_dur
        visibility; /* what is abandoned comes back within this; 0: it does not come back by itself */
    struct account *account;
    struct progress *progress;
};

/* The kinds, ended by NULL: table.c. */
extern const struct source_kind *const source_kinds[];

/*
 * Opens the source that `config->from` names: resolves, signs, reads the queue's attributes. Waits.
 *   0              *out is the caller's
 *   negative       an unforeseen error
 *   PROBLEM (1)    it can't be had; `problem` says what, where and what to do, and holds the exit status
 */
int source_open(struct source **out, struct sl_ctx *ctx, const struct source_config *config,
                struct problem *problem);
void source_free(struct source *source);

/*
 * Starts receiving, and returns the channel of runs, which the source closes when `intake` has ended (or the source is
 * exhausted) and every receive that was under way has come back or was cut by `delivery`.
 */
struct message_chan *source_receive(struct source *source, struct sl_ctx *life,
                                    struct sl_ctx *delivery, struct sl_ctx *intake);

/* Starts settling: takes each verdict as its owner until `verdicts` closes, then flushes what is left. When its tasks have
 * ended, everything the source could do is done. */
void source_settle(struct source *source, struct sl_ctx *life, struct batch_chan *verdicts);

/* Whether the source still has the lease of that event, so that it may be posted. */
bool source_holds(const struct source *source, struct ticket ticket);
/* How many events are held: received and not yet settled. */
size_t source_held(const struct source *source);
/* The drain's deadline has passed: counts everything that is held as abandoned. How many. */
size_t source_abandon(struct source *source);
/* Something that receivers look at (a pause, a batch's age) has changed. */
void source_wake(struct source *source);
/* Appends what the source would do. */
void source_tell_plan(const struct source *source, struct source_plan *plan);

#endif

/*
 * send -- the stages of `sluice send`: read lines → pack ten → post, the pipeline the other way
 * round. The demonstration puts another stage first, and has the rest as it is.
 *
 * Everything that the stages count and the conductor (send.c) tells is in here; one thread runs all
 * of them.
 */
#ifndef CLI_SEND_H
#define CLI_SEND_H

#include <sluice/chan.h>

#include "aws/sqs.h"
#include "cli/command.h"
#include "cli/send_events.h"

/* What one call carries. */
struct packet {
    struct send_event *events[SQS_ENTRIES_MAX];
    size_t count;
    bool is_in_doubt; /* the answer to an attempt never came: it may be in the queue */
};

SL_CHAN_OF(event_chan, struct send_event *);
SL_CHAN_OF(packet_chan, struct packet);

struct sending {
    const struct command *command;
    const struct send_options *options;
    struct send_rules rules;
    struct sqs_send_attribute attributes[10];
    size_t attribute_count;
    const char *const *files; /* ended by NULL; "-": standard input */
    struct sqs_queue *queue;

    struct sl_ctx *intake;  /* ends: nothing more is read */
    struct sl_ctx *life;    /* ends: nothing more is sent */
    bool exhausted;         /* all input was read; set by the first stage */
    struct problem problem; /* why sending ended early; text empty: it did not */

    uint64_t sent;
    uint64_t refused;  /* told with file and line, and not sent */
    uint64_t in_doubt; /* of refused: the answer to an attempt never came */
    uint64_t calls;
    const char *file; /* where the event stands that was packed last */
    uint64_t line;
};

/* The first stage, in `intake`: the lines of the files, at the rate of the options. Its channel is for send_start. */
struct event_chan *send_read_files(struct sending *sending);

/* Starts the others in `life`, on what comes from `events`; when all its tasks have ended, everything is sent or told. */
void send_start(struct sending *sending, struct event_chan *events, unsigned posters);

/* Ends intake and life because of `problem`, which has been set. */
void send_abort(struct sending *sending);

#endif

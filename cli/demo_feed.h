/*
 * demo_feed -- what fills the demonstration's queue: invented events, or the lines of a file, through the stages of
 * `sluice send` and over HTTP like any other client's.
 */
#ifndef CLI_DEMO_FEED_H
#define CLI_DEMO_FEED_H

#include "cli/send.h"
#include "pipeline/pipeline.h"
#include "queue/server.h"

struct demo_feed {
    /* the caller's */
    const struct command *command;
    const char *events; /* a file; NULL: they are invented */
    double rate;        /* of invented ones, a second; 0: one every 1 to 20 ms */
    const struct queue_server *server;
    const char *queue; /* its name there */
    /* its own */
    struct pipeline_feed feed; /* for the pipeline that empties the queue */
    struct send_options options;
    struct sending sending;
    const char *files[2];
};

/* Starts sending to the queue, in `ctx`. What it opened is left to the end of the process. Results as sqs_queue_open. */
int demo_feed_start(struct demo_feed *feed, struct sl_ctx *ctx, struct aws_config *config,
                    struct problem *problem);

/* Ends what is still being sent. How many events were not; why has been told. */
uint64_t demo_feed_end(struct demo_feed *feed, struct sl_ctx *ctx);

#endif

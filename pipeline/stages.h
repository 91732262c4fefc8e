/*
 * stages -- the two stages between a source and its verdicts, as functions that start their tasks and return the channel
 * that those tasks alone close. Both end when their input closes, or with `life`.
 */
#ifndef PIPELINE_STAGES_H
#define PIPELINE_STAGES_H

#include "pipeline/pipeline.h"

/* What the stages of one pipeline share; lives as long as `life`. */
struct pipeline {
    const struct pipeline_config *config;
    struct source *source;
    struct sink *sink;
    struct sl_ctx *life;     /* ends at the drain's deadline */
    struct sl_ctx *delivery; /* ends shortly before */
    struct sl_ctx *intake;   /* ends at the signal */
    struct account *account;
    struct progress *progress;
    /* of a body: by pipeline_bytes_max */
    size_t bytes_taught;  /* by the last 413; SIZE_MAX: none */
    size_t bytes_told;    /* the least that the log has told of; SIZE_MAX: nothing */
    sl_time taught_until; /* from then on the configured limit is tried again */
};

/* The most bytes of a body: the configured limit, or what a 413 taught in the last ten minutes. */
size_t pipeline_bytes_max(const struct pipeline *pipeline);

/*
 * Gathers runs into batches: a batch leaves with `batch_count` events, before it would exceed the byte limit, at
 * `batch_age` (FIFO: 200 ms at most) after its first event, or at once when intake has ended. Never an empty batch. A
 * single event that is larger than the byte limit goes alone. The channel is a rendezvous: while all deliveries are busy
 * the stage waits.
 */
struct batch_chan *batch_messages(struct pipeline *pipeline, struct message_chan *messages);

/* Starts `concurrency` tasks that deliver batches; the channel brings each batch back with a fate for every item. It has
 * room for all that can be in flight, so that a delivering task never waits for settling. */
struct batch_chan *deliver_batches(struct pipeline *pipeline, struct batch_chan *batches);

#endif

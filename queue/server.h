/*
 * server -- the queue behind HTTP: reads requests, checks signatures, asks the engine, waits for the store, answers.
 *
 * Everything runs in loop context. A request that can be answered is answered at once; one that must be durable first, or
 * that waits for messages, is an entry in a table, not a task.
 *
 * Life: start → stop. One scheduler.
 */
#ifndef QUEUE_SERVER_H
#define QUEUE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/ctx.h>
#include <sluice/time.h>

#include "core/problem.h"
#include "queue/engine.h"

/* A queue that exists from the start; kept as it is if it was there before. */
struct queue_server_queue {
    const char *name;         /* with ".fifo" if it is one */
    sl_dur visibility, delay; /* negative: the default */
    const char *dead_letter;  /* name of a queue; NULL: none */
    unsigned max_receives;
};

struct queue_server_key {
    const char *access_key, *secret;
};

/* What goes wrong on purpose, for people who test their consumers. Shares of 0 to 1. */
struct queue_server_faults {
    sl_dur latency_min, latency_max; /* of each answer, evenly spread; 0 = none */
    double internal_error;           /* requests answered 500 InternalFailure, nothing done */
    double throttle;                 /* requests answered 400 ThrottlingException, nothing done */
    double drop_delete;              /* deletes that are answered with success, and not done */
    double duplicate; /* received messages that stay visible, and are received again */
    double cut; /* requests that are done, and whose connection is closed instead of an answer */
};

/* Zero is the default that each line names. Strings are borrowed by start only. */
struct queue_server_config {
    const char *listen;         /* as io/http_server.h; NULL = "127.0.0.1:9324" */
    const char *data;           /* the database's file; NULL = in memory */
    const char *account;        /* NULL = "000000000000" */
    const char *region;         /* NULL = "us-east-1" */
    struct queue_limits limits; /* message_max 0 = strict */
    struct engine_rules rules;
    const struct queue_server_queue *queues;
    size_t queue_count;
    const struct queue_server_key *keys; /* NULL: signatures are not checked */
    size_t key_count;
    struct queue_server_faults faults;
    uint64_t seed; /* of the faults; 0 = a random one */
};

struct queue_server;

/*
 * Opens the store, creates the queues, serves from the next time its task waits; `ctx` must outlive it. Waits.
 *   0         *out is the caller's: queue_server_stop
 *   PROBLEM   the address, the file or a queue can't be had
 *   negative  unforeseen
 */
int queue_server_start(struct queue_server **out, struct sl_ctx *ctx,
                       const struct queue_server_config *config, struct problem *problem);

uint16_t queue_server_port(const struct queue_server *server);
/* The seed that the faults follow from. */
uint64_t queue_server_seed(const struct queue_server *server);

/* How a queue stands; false: there is none of that name. */
bool queue_server_counts(const struct queue_server *server, const char *name,
                         struct queue_counts *out);

/* 0, or the error of the store that has ended it: nothing more is accepted. */
int queue_server_error(const struct queue_server *server);

/* Waits until the store has failed (returns its error), or `ctx` ends (0). */
int queue_server_wait_error(struct queue_server *server, struct sl_ctx *ctx);

/*
 * Answers what waits (polls with nothing), stops listening, brings everything to disk, and frees. Waits; what still runs
 * when `ctx` ends is cut.
 *   0         all is on disk
 *   negative  the store's error
 */
int queue_server_stop(struct queue_server *server, struct sl_ctx *ctx);

#endif

/*
 * service -- the queue behind any transport: takes requests, checks signatures, asks the engine, waits for the store, answers.
 *
 * A transport (server.h has the one over HTTP; a simulated network is another) hands in each request with a *caller*, by
 * which the answer goes back. Everything runs in loop context: a request that can be answered is answered within
 * queue_service_take; one that must be durable first, or waits for messages, is an entry in a table, not a task.
 *
 * Life: new → take … → stop → free. One scheduler.
 */
#ifndef QUEUE_SERVICE_H
#define QUEUE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/ctx.h>
#include <sluice/time.h>

#include "core/problem.h"
#include "io/http.h"
#include "queue/engine.h"

/* A queue that exists from the start; kept as it is if it was there before. */
struct queue_plan {
    const char *name;         /* with ".fifo" if it is one */
    sl_dur visibility, delay; /* negative: the default */
    const char *dead_letter;  /* name of a queue; NULL: none */
    unsigned max_receives;
};

struct queue_key {
    const char *access_key, *secret;
};

/* What goes wrong on purpose, for people who test their consumers. Shares of 0 to 1. */
struct queue_faults {
    sl_dur latency_min, latency_max; /* of each answer, evenly spread; 0 = none */
    double internal_error;           /* requests answered 500 InternalFailure, nothing done */
    double throttle;                 /* requests answered 400 ThrottlingException, nothing done */
    double drop_delete;              /* deletes that are answered with success, and not done */
    double duplicate; /* received messages that stay visible, and are received again */
    double cut; /* requests that are done, and whose connection is closed instead of an answer */
    double fail_entry; /* entries of delete and visibility batches that fail, nothing done */
    double shuffle;    /* receives that bring their messages in any order */
};

/* Zero is the default that each line names. Strings are borrowed by new only. */
struct queue_service_config {
    const char *account;        /* NULL = "000000000000" */
    const char *region;         /* NULL = "us-east-1" */
    struct queue_limits limits; /* message_max 0 = strict */
    struct engine_rules rules;
    const struct queue_plan *queues;
    size_t queue_count;
    const struct queue_key *keys; /* NULL: signatures are not checked */
    size_t key_count;
    struct queue_faults faults;
    uint64_t seed; /* of the faults; 0 = a random one */
};

struct queue_service;

/*
 * Restores what the store has, creates the queues, and waits until they are durable. The store is the service's, also when
 * this fails.
 *   0         *out is the caller's: queue_service_free
 *   PROBLEM   the store is damaged, or a queue can't be made
 *   negative  unforeseen
 */
int queue_service_new(struct queue_service **out, struct store *store,
                      const struct queue_service_config *config, struct problem *problem);

/* ---- requests ---- */

struct queue_call;

/*
 * Whom an answer goes to. Exactly one of reply and cut is called, once, after which `of` is not touched any more; what they
 * are given is borrowed for the call.
 */
struct queue_caller_ops {
    /* The first header of that name; {NULL, 0}: none. */
    struct slice (*header)(void *of, const char *name);
    void (*headers)(void *of, bool (*visit)(void *arg, struct slice name, struct slice value),
                    void *arg);
    void (*reply)(void *of, int status, const struct http_header *headers, size_t count,
                  struct slice body);
    /* Instead of a reply: the connection fails. */
    void (*cut)(void *of);
    /* Asks for queue_call_completed after the reply or the cut, and, if `waits`, for queue_call_gone should the client leave
     * before. false: nothing of it can be had. */
    bool (*watch)(void *of, struct queue_call *call, bool waits);
    /* Whether the client is still there, asked before one that waited is answered: the loop may not have seen it go yet. */
    bool (*is_there)(void *of);
};

struct queue_caller {
    const struct queue_caller_ops *ops;
    void *of;
};

/* A request; borrowed until it is answered. */
struct queue_request {
    const char *method;
    struct slice path, query, body;
};

void queue_service_take(struct queue_service *service, struct queue_caller caller,
                        const struct queue_request *request);

/* The client left before there was an answer: nothing is assigned to it. A reply is given all the same. */
void queue_call_gone(struct queue_call *call);
/* The answer is over. Not `delivered`: what was in it is visible again at once. The call must not be used any more. */
void queue_call_completed(struct queue_call *call, bool delivered);

/* From the next request on. */
void queue_service_faults_set(struct queue_service *service, const struct queue_faults *faults);

/* ---- looking ---- */

/* The seed that the faults follow from. */
uint64_t queue_service_seed(const struct queue_service *service);
/* How a queue stands; false: there is none of that name. */
bool queue_service_counts(const struct queue_service *service, const char *name,
                          struct queue_counts *out);
/* 0, or the error of the store that has ended it: nothing more is accepted. */
int queue_service_error(const struct queue_service *service);
/* Waits until the store has failed (returns its error), or `ctx` ends (0). */
int queue_service_wait_error(struct queue_service *service, struct sl_ctx *ctx);

/* ---- the end ---- */

/* Answers what waits (polls with nothing, delayed ones at once). Requests may still come; they don't wait. */
void queue_service_stop(struct queue_service *service);

/*
 * Brings everything to disk and frees. No caller may be left: what is not answered never will be. Waits; what is not being
 * written yet when `ctx` ends is given up.
 *   0         all is on disk
 *   negative  the store's error
 */
int queue_service_free(struct queue_service *service, struct sl_ctx *ctx);

#endif

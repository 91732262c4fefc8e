/*
 * server -- the queue over HTTP, in memory or in a file.
 *
 * Life: start → stop. One scheduler.
 */
#ifndef QUEUE_SERVER_H
#define QUEUE_SERVER_H

#include <stdint.h>

#include <sluice/ctx.h>

#include "core/problem.h"
#include "queue/service.h"

/* Zero is the default that each line names. Strings are borrowed by start only. */
struct queue_server_config {
    const char *listen; /* as io/http_server.h; NULL = "127.0.0.1:9324" */
    const char *data;   /* the database's file; NULL = in memory */
    const char *advice; /* what to do if that file can't be used; NULL = what suits --data */
    struct queue_service_config service;
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
/* What is behind it; valid until stop. */
struct queue_service *queue_server_service(const struct queue_server *server);

/*
 * Answers what waits (polls with nothing), stops listening, brings everything to disk, and frees. Waits; what still runs
 * when `ctx` ends is cut.
 *   0         all is on disk
 *   negative  the store's error
 */
int queue_server_stop(struct queue_server *server, struct sl_ctx *ctx);

#endif

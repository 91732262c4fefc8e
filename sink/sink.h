/*
 * sink -- where batches go: one request, and what the answer means for the events in it.
 *
 * A sink posts and judges; it does not retry, wait or split: the delivering task does. Several tasks post at once.
 *
 * To add one: a file with a `struct sink_kind`, and a row in table.c.
 */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include <sluice/ctx.h>
#include <sluice/time.h>

#include "core/format.h"
#include "core/outcome.h"
#include "core/problem.h"
#include "core/slice.h"

struct http_client;

/* Strings are borrowed for the life of the sink. */
struct sink_config {
    const char *to; /* an http(s) URL, or "-" */
    struct http_client *http;
    const struct format *format;
    sl_dur timeout;             /* of one delivery */
    bool allow_http;            /* http:// to other hosts than loopback */
    const char *const *headers; /* "Name: value", ended by NULL; may be NULL */
    const char *const *header_files;
    const char *bearer_file;
};

/* One request: a batch, or a part of one. Everything is borrowed until sink_post returns. */
struct sink_request {
    struct slice body;
    const char *key;         /* UUID: the same for the same bytes */
    const struct slice *ids; /* message ids of the events in it */
    size_t count;
    unsigned attempt; /* from 1 */
};

/* What became of a request. `failed` belongs to the caller, who gives it with room for as many as the request counts. */
struct sink_result {
    enum outcome outcome;
    bool sent;          /* bytes may have reached the service */
    bool complete;      /* an answer came, whole */
    bool gone;          /* nothing will ever be accepted again (a closed pipe): intake has to end */
    int status;         /* HTTP status; 0 = none */
    sl_dur retry_after; /* what the service asked for, clamped; 0 = it asked for nothing */
    bool *failed;       /* OUTCOME_PARTIAL: which events failed */
    char reason[200];   /* for people: "503", "connection refused (127.0.0.1:8080)" */
};

struct sink;

struct sink_kind {
    const char *name;
    bool (*takes)(const char *to);
    int (*open)(struct sink **out, struct sl_ctx *ctx, const struct sink_config *config,
                struct problem *problem);
};

struct sink_ops {
    void (*post)(struct sink *, struct sl_ctx *, const struct sink_request *, struct sink_result *);
    void (*free)(struct sink *);
};

/* The part that every sink has; a kind's own struct starts with it. */
struct sink {
    const struct sink_ops *ops;
    const struct format *format;
    bool is_patient; /* a post has no timeout: it waits until somebody reads */
    char name[200];  /* for the account: the URL without user info and query */
};

extern const struct sink_kind *const sink_kinds[];

/* 0: *out is the caller's. PROBLEM: `problem` says what is wrong with the address or a header. Negative: unforeseen. */
int sink_open(struct sink **out, struct sl_ctx *ctx, const struct sink_config *config,
              struct problem *problem);
void sink_free(struct sink *sink);
/* Posts one request and judges the answer. Waits until the answer is complete, the sink's timeout has passed (a patient sink
 * has none) or `ctx` ends. Always fills in `result`. */
void sink_post(struct sink *sink, struct sl_ctx *ctx, const struct sink_request *request,
               struct sink_result *result);

#endif

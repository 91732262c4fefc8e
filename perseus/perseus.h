/*
 * perseus -- the reference receiver: what a service behind sluice has to do, in one small program;
 * also the ledger of tests, and the other end of `sluice demo`.
 *
 * POST /batch takes the SQS event of AWS Lambda ({"Records":[...]}: docs/service.md has it) and
 * is strict about it: Content-Type, shape, MD5 of every body, Sluice-Batch-Count. It answers
 * {"batchItemFailures":[...]}. A request whose Idempotency-Key was answered with success before is
 * given the same answer and not counted again; while the first one still runs the answer is 409,
 * and 422 if the key comes with other events. Every messageId is remembered, also over a restart if
 * there is a ledger: an event that comes in another batch again is accepted and counted as a
 * duplicate. GET /healthz answers 200.
 *
 * It can be made slow, failing, partial and small: see perseus_config.
 *
 * Life: start → stop. Memory grows by about 100 bytes an event.
 */
#ifndef PERSEUS_PERSEUS_H
#define PERSEUS_PERSEUS_H

#include <stddef.h>
#include <stdint.h>

#include <sluice/ctx.h>
#include <sluice/time.h>

#include "core/problem.h"

/* Zero is the default that each line names. Strings are borrowed by start only. */
struct perseus_config {
    const char *listen; /* as io/http_server.h; NULL = "127.0.0.1:0" */
    /* A file that gets a line for each accepted event, and whose lines from earlier runs are remembered; NULL = none */
    const char *ledger;
    const char *
        advice; /* what to do if the ledger can't be used; NULL = what suits a file that was named */
    sl_dur latency;     /* before each answer; 0 = none */
    sl_dur latency_p99; /* of one request in a hundred instead; 0 = none are slower */
    double fail_rate;   /* share of requests that fail, 0 to 1 */
    int status;         /* what those are answered; 0 = 503 */
    double fail_item;   /* share of events that are named in batchItemFailures, 0 to 1 */
    unsigned capacity;  /* requests at once; more are answered 429, Retry-After: 1; 0 = no limit */
    size_t body_max;    /* larger requests are answered 413; 0 = 1 MB (1,000,000) */
};

struct perseus_stats {
    uint64_t requests;         /* to /batch, whatever became of them */
    uint64_t batches;          /* accepted, wholly or in part */
    uint64_t events;           /* accepted, duplicates too */
    uint64_t distinct;         /* of them, with a messageId that had not been accepted before */
    uint64_t duplicates;       /* events - distinct */
    uint64_t failed;           /* events named in batchItemFailures */
    uint64_t repeated;         /* requests answered from memory: their key had been accepted */
    uint64_t refused;          /* requests answered with a status that is not a success */
    uint64_t bytes;            /* of accepted requests' bodies */
    uint64_t known;            /* messageIds that earlier runs had accepted, by the ledger */
    uint64_t known_duplicates; /* events that they had accepted again */
};

struct perseus;

/*
 * Serves from the next time its task waits; `ctx` must outlive it.
 *   0         *out is the caller's: perseus_stop
 *   PROBLEM   the address or the ledger can't be had
 *   negative  unforeseen
 */
int perseus_start(struct perseus **out, struct sl_ctx *ctx, const struct perseus_config *config,
                  struct problem *problem);

uint16_t perseus_port(const struct perseus *perseus);

/* As it stands; valid until perseus_stop. */
const struct perseus_stats *perseus_stats(const struct perseus *perseus);

/*
 * Stops listening, waits for the requests that run (those that still do when `ctx` ends are cut
 * off), brings the ledger to disk and frees. `stats`, unless NULL, gets the final numbers. Waits.
 *   0         all is on disk
 *   negative  the ledger could not be written: -ENOSPC, -EIO ...
 */
int perseus_stop(struct perseus *perseus, struct sl_ctx *ctx, struct perseus_stats *stats);

/* Reads "50ms" or "50ms,p99=2s" into `config`. NULL, or what is wrong with it. */
const char *perseus_read_latency(struct perseus_config *config, const char *text);

#endif

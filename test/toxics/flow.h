/*
 * flow -- one direction of a connection: bytes that came, what the toxics make of them, and when
 * each of the results is due at the other end. Knows no socket but the one that it writes to.
 *
 * Life: init → take, flush... → deinit.
 */
#ifndef FLOW_H
#define FLOW_H

#include <stddef.h>

#include "toxics.h"

/* Nanoseconds of the monotonic clock. */
typedef int64_t nanos;

#define MS    ((nanos)1000000)
#define NEVER INT64_MAX

enum {
    FLOW_TAKE_MAX = 64 * 1024,    /* below what malloc maps and unmaps each time */
    FLOW_QUEUE_MAX = 1024 * 1024, /* above it the sender has to wait */
};

struct piece;

/* How far a toxic that counts bytes is from its next strike. */
struct fuse {
    unsigned generation;
    uint64_t left;
};

struct flow {
    struct toxics *toxics;
    unsigned conn;
    enum direction direction;
    struct piece *first, **last;
    size_t queued;
    nanos free_at; /* when all that came before is out: nothing overtakes */
    struct fuse fuses[TOXIC_KINDS];
    enum toxic_kind doom; /* strikes as soon as nothing is queued */
    uint64_t passed;      /* bytes */
    nanos end_due;        /* when the sender's end is to be passed on; NEVER: it has not ended */
    bool is_blocked;      /* the other end has no room; the owner tells when it has */
};

void flow_init(struct flow *flow, struct toxics *toxics, unsigned conn, enum direction direction);
void flow_deinit(struct flow *flow);

/* Whether it wants what the sender has. */
bool flow_wants(const struct flow *flow);

/* Takes what the sender sent at `now`: at most FLOW_TAKE_MAX. */
void flow_take(struct flow *flow, const char *p, size_t n, nanos now);

/* The sender has ended. */
void flow_take_end(struct flow *flow, nanos now);

/* When flush has something to do by itself; NEVER too while blocked. */
nanos flow_due(const struct flow *flow);

enum flow_result {
    FLOW_WAITS,  /* for its time, for room, or for the sender */
    FLOW_ENDS,   /* all is out, and the sender's end is due */
    FLOW_DOOMED, /* all is out that was to pass: `doom` strikes */
    FLOW_BROKEN, /* the receiver is gone */
};

/* Writes to `fd` what is due. */
enum flow_result flow_flush(struct flow *flow, int fd, nanos now);

#endif

/*
 * faults -- what can go wrong in a world: every kind by name, how often it is drawn, when it is on, and how often it came.
 *
 * A kind that concerns requests has a rate, in millionths of the requests that it can happen to; it is drawn for each of
 * them while a *window* is open: always, or for some stretches of time. One that concerns processes or clocks has a mean
 * time between two of them. Both follow from the seed; a seed's plan can be printed, and thinned out to find the few faults
 * that a failure needs.
 */
#ifndef SIM_WORLD_FAULTS_H
#define SIM_WORLD_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/time.h>

#include "core/strbuf.h"
#include "sim/world/random.h"

/* Which side of sluice a request goes to. */
enum sim_leg { LEG_SQS, LEG_SERVICE, LEGS };

enum sim_fault {
    /* the network, on either leg */
    FAULT_NO_NAME,      /* the name has no address */
    FAULT_REFUSED,      /* the connection is refused */
    FAULT_UNREACHABLE,  /* no route: the connection's time runs out */
    FAULT_TLS,          /* no handshake */
    FAULT_REQUEST_LOST, /* sent, never arrives, and nobody says so */
    FAULT_RESET_BEFORE, /* a kept connection was gone: nothing arrived */
    FAULT_RESET_AFTER,  /* arrives, is carried out, and the answer is cut off */
    FAULT_ANSWER_LOST,  /* arrives, is carried out, and no answer ever comes */
    FAULT_TRUNCATED,    /* half an answer, then the end */
    FAULT_STALLED,      /* an answer that trickles until the client gives up */
    FAULT_GARBAGE,      /* an answer that is no HTTP */
    FAULT_SLOW,         /* seconds of latency */
    /* SQS */
    FAULT_SQS_FAILS,      /* 500 InternalFailure, 503 */
    FAULT_SQS_THROTTLES,  /* 400 ThrottlingException, 403 RequestThrottled */
    FAULT_SQS_MALFORMED,  /* 200, and no answer of SQS's */
    FAULT_SQS_ENTRY,      /* one entry of a batch fails */
    FAULT_SQS_TWICE,      /* a message that was received stays visible */
    FAULT_SQS_UNDELETED,  /* a delete that is confirmed and not done */
    FAULT_SQS_SHUFFLED,   /* a receive's messages out of order (standard queues) */
    FAULT_SQS_BAD_DIGEST, /* a body that is not what its MD5 says */
    FAULT_SQS_OLD_KEYS,   /* ExpiredToken until the process asks for keys anew */
    FAULT_SQS_DENIED,     /* AccessDenied */
    FAULT_SQS_NO_QUEUE,   /* QueueDoesNotExist */
    FAULT_SQS_OVER_LIMIT, /* OverLimit */
    /* the service */
    FAULT_BUSY,           /* 503, 429, with or without Retry-After */
    FAULT_SERVER_ERROR,   /* 500, 502, 504 */
    FAULT_TIMED_OUT,      /* 408, 409, 423, 425 */
    FAULT_TAKEN_THEN_500, /* it took the batch, and then failed */
    FAULT_BAD_ANSWER,     /* it took the batch, and its answer calls itself JSON and is not */
    FAULT_PARTIAL,        /* some events of the batch are named as failed */
    FAULT_REFUSES,        /* 400, 422: the whole batch, for no reason in it */
    FAULT_TOO_LARGE,      /* 413 for what is larger than it took yesterday */
    FAULT_WRONG,          /* 401, 403, 404, 301: the set-up is wrong */
    FAULT_OTHER_SUCCESS,  /* 207 or 203, which confirm nothing */
    FAULT_DAWDLES,        /* it takes its time: up to longer than sluice waits */
    /* processes and time */
    FAULT_CRASH,        /* kill -9, and a new one after a while */
    FAULT_STOPPED,      /* SIGTERM, and a new one after it */
    FAULT_STOPPED_HARD, /* SIGTERM and another one or two before the drain is over */
    FAULT_FROZEN,       /* the whole world of sluice stands still, longer than a lease */
    FAULT_CLOCK,        /* sluice's wall clock jumps */
    FAULTS
};

#define SIM_FAULTS_ALL (((uint64_t)1 << FAULTS) - 1)

struct sim_fault_row {
    const char *name;
    bool is_of_requests; /* else of processes and time */
    enum sim_leg leg;    /* of requests: LEGS is both */
};

extern const struct sim_fault_row sim_fault_rows[FAULTS];

/* A stretch of time in which a kind is on. */
struct sim_window {
    enum sim_fault kind;
    enum sim_leg leg; /* LEGS: both */
    sl_time from, to;
    uint32_t ppm; /* instead of the plan's */
};

enum { SIM_WINDOWS_MAX = 64 };

struct sim_fault_plan {
    uint32_t ppm[FAULTS]; /* of requests, at any time while faults are on */
    sl_dur every[FAULTS]; /* of processes and time: the mean between two; 0: never */
    struct sim_window windows[SIM_WINDOWS_MAX];
    unsigned window_count;
    bool spares[LEGS]; /* no fault of requests on that leg */
    sl_time until;     /* no fault from here on */
};

struct sim_faults {
    struct sim_fault_plan plan;
    struct sim_random random;
    uint64_t tally[FAULTS];
};

/* A plan by chance: a subset of the kinds in `allowed`, each with a rate of its own, and some windows. */
void sim_fault_plan_draw(struct sim_fault_plan *plan, struct sim_random *random, uint64_t allowed,
                         sl_time until);
/* Adds "kind rate" for each that is on, comma-separated. */
void sim_fault_plan_print(const struct sim_fault_plan *plan, struct strbuf *out);
/* The kinds that are on. */
uint64_t sim_fault_plan_kinds(const struct sim_fault_plan *plan);
/* Takes all that is not in `kinds` out. */
void sim_fault_plan_keep(struct sim_fault_plan *plan, uint64_t kinds);

void sim_faults_init(struct sim_faults *faults, const struct sim_fault_plan *plan,
                     struct sim_random random);
/* Whether it happens to this request; counted then. */
bool sim_fault_happens(struct sim_faults *faults, enum sim_fault kind, enum sim_leg leg);
/* The first kind from `first` to `last` that happens; FAULTS: none does. */
enum sim_fault sim_fault_draw(struct sim_faults *faults, enum sim_fault first, enum sim_fault last,
                              enum sim_leg leg);
/* One of processes and time happened. */
void sim_fault_count(struct sim_faults *faults, enum sim_fault kind);
/* Whether the world ever stood still: nothing is on time then. */
static inline bool sim_fault_frozen(const struct sim_faults *faults)
{
    return faults->tally[FAULT_FROZEN] > 0;
}
/* How long until the next of a kind; SL_FOREVER: none. */
sl_dur sim_fault_next(struct sim_faults *faults, enum sim_fault kind);

#endif

/*
 * reference -- what channels and select are, as simply as it can be said: each operation is one step, and what it does to
 * the others that wait is done in that step. The library must do the same, step by step, whatever the order.
 *
 * Values are numbers above 0. Times are milliseconds since the program began.
 */
#ifndef TEST_MODEL_REFERENCE_H
#define TEST_MODEL_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/chan.h>

enum { TASKS = 3, CHANNELS = 2, CASES = 3, CAPACITY_MAX = 2, NEVER_MS = 1 << 30 };

/* A case; a plain send or receive is a select with one. */
struct ref_case {
    enum sl_case_kind kind;
    uint8_t channel;
    int value; /* to send */
    int at_ms; /* SL_CASE_AT */
};

struct ref_waiter {
    uint8_t task, number; /* of the case */
};

struct ref_channel {
    int ring[CAPACITY_MAX];
    unsigned capacity, count;
    bool is_closed;
    struct ref_waiter senders[TASKS * CASES], receivers[TASKS * CASES];
    unsigned sender_count, receiver_count;
};

/* What became of an operation. */
struct ref_outcome {
    int committed; /* the case that was done; -1: none */
    int result; /* of it, or of the whole: SL_OK, SL_CLOSED, SL_CANCELED, SL_TIMEOUT, SL_WOULD_BLOCK */
    int value; /* received; 0: none */
};

struct ref_task {
    bool waits;
    bool in_child; /* waits with the context that can be cancelled */
    int until_ms;  /* SL_TIMEOUT then; NEVER_MS: not */
    struct ref_case cases[CASES];
    unsigned case_count;
    struct ref_outcome outcome;
};

struct reference {
    struct ref_channel channels[CHANNELS];
    struct ref_task tasks[TASKS];
    int child_err; /* of the context: SL_OK, SL_CANCELED, SL_TIMEOUT */
    int child_deadline_ms;
};

struct ref_op {
    struct ref_case cases[CASES];
    unsigned case_count;
    bool in_child, never_waits; /* a try_ function */
    int until_ms;
};

void ref_init(struct reference *r, unsigned capacity_a, unsigned capacity_b, int child_deadline_ms);
/* Time has come to `now_ms`: what waits no longer than that ends. */
void ref_time(struct reference *r, int now_ms);
/* How many cases can be done at once; `which`: a bit each. */
unsigned ref_ready(const struct reference *r, const struct ref_op *op, int now_ms, unsigned *which);
/*
 * One operation. Of several cases that can be done, `chosen` is (as the library chose); ignored if the number of those is not
 * above 1. The task waits afterwards, or has its outcome.
 */
void ref_do(struct reference *r, unsigned task, const struct ref_op *op, int now_ms, int chosen);
void ref_close(struct reference *r, unsigned channel);
/* Cancels the context. */
void ref_cancel(struct reference *r, int err);
/* Takes the oldest value out; 0: there is none. */
int ref_drain(struct reference *r, unsigned channel);
/* Whether a task that waits has something that it could do: then it must not wait. */
bool ref_is_stranded(const struct reference *r, unsigned task, int now_ms);

#endif

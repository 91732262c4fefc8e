/*
 * program -- small programs of channel operations: three tasks at most, each a few operations out of a table.
 */
#ifndef TEST_MODEL_PROGRAM_H
#define TEST_MODEL_PROGRAM_H

#include <stdio.h>

#include "test/model/reference.h"

enum { OPS_MAX = 3 };

enum how {
    DO_SEND,
    DO_RECV,
    DO_RECV_UNTIL,
    DO_TRY_SEND,
    DO_TRY_RECV,
    DO_SELECT,
    DO_CLOSE,  /* unless it is closed */
    DO_CANCEL, /* the context */
};

/* Two channels, a and b; what is named with "ctx" waits with the context that can be cancelled, all else with one that lives. */
enum op {
    SEND_A,
    SEND_B,
    SEND_A_CTX,
    RECV_A,
    RECV_B,
    RECV_A_CTX,
    RECV_A_UNTIL,
    RECV_A_UNTIL_CTX,
    TRY_SEND_A,
    TRY_RECV_A,
    CLOSE_A,
    CLOSE_B,
    CANCEL,
    SELECT_RECV_A_RECV_B,
    SELECT_SEND_A_SEND_B,
    SELECT_SEND_A_RECV_B,
    SELECT_RECV_A_SEND_A,
    SELECT_RECV_A_TIME,
    SELECT_SEND_A_RECV_B_TIME_CTX,
    SELECT_RECV_A_DEFAULT,
    SELECT_RECV_A_RECV_B_CTX,
    SELECT_RECV_A_RECV_A_SEND_B,
    OPS
};

struct op_row {
    const char *name;
    enum how how;
    struct ref_op op; /* values are filled in */
};

extern const struct op_row op_rows[OPS];

struct program {
    enum op ops[TASKS][OPS_MAX];
    unsigned counts[TASKS]; /* of operations; 0: there is no such task */
    unsigned capacity_a, capacity_b;
    int deadline_ms; /* of the context; NEVER_MS */
    unsigned elem_size;
};

void program_print(const struct program *program, FILE *out);

/* Operations to choose from, and how many each task has. */
struct family {
    const char *name;
    unsigned counts[TASKS]; /* not increasing */
    bool is_timed;          /* the context has a deadline */
    bool is_long;           /* only in the long mode */
    unsigned alphabet_size;
    enum op alphabet[OPS];
};

extern const struct family families[];
extern const unsigned family_count;

/* Steps through all programs of a family that are not the same but for the order of tasks. Zero is the beginning. */
struct generator {
    unsigned long sequence[TASKS];
    unsigned capacity;
    bool has_begun;
};

bool program_next(const struct family *family, struct generator *g, struct program *out);

#endif

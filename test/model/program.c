/* program -- the operations, and which programs are made of them. */
#include "test/model/program.h"

#define A 0
#define B 1
#define SENDS(c)                                                                                   \
    {                                                                                              \
        .kind = SL_CASE_SEND, .channel = (c)                                                       \
    }
#define RECVS(c)                                                                                   \
    {                                                                                              \
        .kind = SL_CASE_RECV, .channel = (c)                                                       \
    }
#define TIME                                                                                       \
    {                                                                                              \
        .kind = SL_CASE_AT, .at_ms = 10                                                            \
    }
#define DEFAULT                                                                                    \
    {                                                                                              \
        .kind = SL_CASE_DEFAULT                                                                    \
    }
#define ONE(c) .cases = {c}, .case_count = 1, .until_ms = NEVER_MS

const struct op_row op_rows[OPS] = {
    [SEND_A] = {"send a", DO_SEND, {ONE(SENDS(A))}},
    [SEND_B] = {"send b", DO_SEND, {ONE(SENDS(B))}},
    [SEND_A_CTX] = {"send a ctx", DO_SEND, {ONE(SENDS(A)), .in_child = true}},
    [RECV_A] = {"recv a", DO_RECV, {ONE(RECVS(A))}},
    [RECV_B] = {"recv b", DO_RECV, {ONE(RECVS(B))}},
    [RECV_A_CTX] = {"recv a ctx", DO_RECV, {ONE(RECVS(A)), .in_child = true}},
    [RECV_A_UNTIL] = {"recv a until",
                      DO_RECV_UNTIL,
                      {.cases = {RECVS(A)}, .case_count = 1, .until_ms = 10}},
    [RECV_A_UNTIL_CTX] = {"recv a until ctx",
                          DO_RECV_UNTIL,
                          {.cases = {RECVS(A)}, .case_count = 1, .until_ms = 10, .in_child = true}},
    [TRY_SEND_A] = {"try_send a", DO_TRY_SEND, {ONE(SENDS(A)), .never_waits = true}},
    [TRY_RECV_A] = {"try_recv a", DO_TRY_RECV, {ONE(RECVS(A)), .never_waits = true}},
    [CLOSE_A] = {"close a", DO_CLOSE, {ONE(SENDS(A))}},
    [CLOSE_B] = {"close b", DO_CLOSE, {ONE(SENDS(B))}},
    [CANCEL] = {"cancel ctx", DO_CANCEL, {.until_ms = NEVER_MS}},
    [SELECT_RECV_A_RECV_B] = {"select(recv a, recv b)",
                              DO_SELECT,
                              {.cases = {RECVS(A), RECVS(B)},
                               .case_count = 2,
                               .until_ms = NEVER_MS}},
    [SELECT_SEND_A_SEND_B] = {"select(send a, send b)",
                              DO_SELECT,
                              {.cases = {SENDS(A), SENDS(B)},
                               .case_count = 2,
                               .until_ms = NEVER_MS}},
    [SELECT_SEND_A_RECV_B] = {"select(send a, recv b)",
                              DO_SELECT,
                              {.cases = {SENDS(A), RECVS(B)},
                               .case_count = 2,
                               .until_ms = NEVER_MS}},
    [SELECT_RECV_A_SEND_A] = {"select(recv a, send a)",
                              DO_SELECT,
                              {.cases = {RECVS(A), SENDS(A)},
                               .case_count = 2,
                               .until_ms = NEVER_MS}},
    [SELECT_RECV_A_TIME] = {"select(recv a, 10 ms)",
                            DO_SELECT,
                            {.cases = {RECVS(A), TIME}, .case_count = 2, .until_ms = NEVER_MS}},
    [SELECT_SEND_A_RECV_B_TIME_CTX] = {"select(send a, recv b, 10 ms) ctx",
                                       DO_SELECT,
                                       {.cases = {SENDS(A), RECVS(B), TIME},
                                        .case_count = 3,
                                        .until_ms = NEVER_MS,
                                        .in_child = true}},
    [SELECT_RECV_A_DEFAULT] = {"select(recv a, default)",
                               DO_SELECT,
                               {.cases = {RECVS(A), DEFAULT},
                                .case_count = 2,
                                .until_ms = NEVER_MS}},
    [SELECT_RECV_A_RECV_B_CTX] =
        {"select(recv a, recv b) ctx",
         DO_SELECT,
         {.cases = {RECVS(A), RECVS(B)}, .case_count = 2, .until_ms = NEVER_MS, .in_child = true}},
    [SELECT_RECV_A_RECV_A_SEND_B] = {"select(recv a, recv a, send b)",
                                     DO_SELECT,
                                     {.cases = {RECVS(A), RECVS(A), SENDS(B)},
                                      .case_count = 3,
                                      .until_ms = NEVER_MS}},
};

void program_print(const struct program *program, FILE *out)
{
    fprintf(out, "channels of %u and %u, elements of %u bytes%s\n", program->capacity_a,
            program->capacity_b, program->elem_size,
            program->deadline_ms == NEVER_MS ? "" : ", ctx ends after 20 ms");
    for (unsigned t = 0; t < TASKS; t++) {
        fprintf(out, "  task %u:", t);
        for (unsigned i = 0; i < program->counts[t]; i++)
            fprintf(out, "%s %s", i > 0 ? ";" : "", op_rows[program->ops[t][i]].name);
        fprintf(out, "\n");
    }
}

/* ---- families ---- */

#define ALPHABET(...)                                                                              \
    .alphabet = {__VA_ARGS__}, .alphabet_size = sizeof((enum op[]){__VA_ARGS__}) / sizeof(enum op)

const struct family families[] = {
    {.name = "one channel",
     .counts = {2, 2, 2},
     ALPHABET(SEND_A, RECV_A, CLOSE_A, TRY_SEND_A, TRY_RECV_A)},
    {.name = "cancelling",
     .counts = {2, 2, 2},
     ALPHABET(SEND_A_CTX, RECV_A_CTX, SEND_A, RECV_A, CANCEL)},
    {.name = "deadlines",
     .counts = {2, 2, 1},
     .is_timed = true,
     ALPHABET(SEND_A_CTX, RECV_A_UNTIL, RECV_A_UNTIL_CTX, CLOSE_A, SELECT_RECV_A_TIME)},
    {.name = "select",
     .counts = {2, 2, 1},
     ALPHABET(SELECT_RECV_A_RECV_B, SELECT_SEND_A_SEND_B, SELECT_SEND_A_RECV_B, SEND_A, RECV_B)},
    {.name = "select, close, cancel",
     .counts = {2, 1, 1},
     .is_timed = true,
     ALPHABET(SELECT_RECV_A_RECV_B_CTX, SELECT_SEND_A_RECV_B_TIME_CTX, SELECT_RECV_A_SEND_A,
              SELECT_RECV_A_DEFAULT, SELECT_RECV_A_RECV_A_SEND_B, SEND_A, SEND_B, RECV_A, RECV_B,
              CLOSE_A, CLOSE_B, CANCEL)},
    {.name = "two tasks",
     .counts = {3, 2},
     .is_timed = true,
     ALPHABET(SEND_A, SEND_A_CTX, RECV_A_UNTIL_CTX, TRY_SEND_A, CLOSE_A, CANCEL,
              SELECT_RECV_A_SEND_A, SELECT_RECV_A_TIME)},
    {.name = "one channel, longer",
     .counts = {3, 2, 2},
     .is_long = true,
     ALPHABET(SEND_A, RECV_A, CLOSE_A, TRY_SEND_A, TRY_RECV_A)},
    {.name = "cancelling, longer",
     .counts = {3, 2, 2},
     .is_long = true,
     ALPHABET(SEND_A_CTX, RECV_A_CTX, SEND_A, RECV_A, CANCEL)},
    {.name = "select, longer",
     .counts = {2, 2, 2},
     .is_long = true,
     ALPHABET(SELECT_RECV_A_RECV_B, SELECT_SEND_A_SEND_B, SELECT_SEND_A_RECV_B,
              SELECT_RECV_A_SEND_A, SEND_A, RECV_B, CLOSE_A)},
    {.name = "deadlines, longer",
     .counts = {2, 2, 2},
     .is_long = true,
     .is_timed = true,
     ALPHABET(SEND_A_CTX, RECV_A_CTX, RECV_A_UNTIL, RECV_A_UNTIL_CTX, CLOSE_A, SELECT_RECV_A_TIME,
              SELECT_SEND_A_RECV_B_TIME_CTX)},
    {.name = "two tasks, longer",
     .counts = {3, 3},
     .is_long = true,
     .is_timed = true,
     ALPHABET(SEND_A, SEND_A_CTX, RECV_A, RECV_A_UNTIL_CTX, TRY_SEND_A, TRY_RECV_A, CLOSE_A, CANCEL,
              SELECT_RECV_A_SEND_A, SELECT_RECV_A_TIME)},
    {.name = "everything",
     .counts = {2, 2, 1},
     .is_long = true,
     .is_timed = true,
     ALPHABET(SEND_A, SEND_B, SEND_A_CTX, RECV_A, RECV_B, RECV_A_CTX, RECV_A_UNTIL, TRY_SEND_A,
              TRY_RECV_A, CLOSE_A, CANCEL, SELECT_RECV_A_RECV_B, SELECT_SEND_A_SEND_B,
              SELECT_SEND_A_RECV_B, SELECT_RECV_A_SEND_A, SELECT_RECV_A_TIME,
              SELECT_SEND_A_RECV_B_TIME_CTX, SELECT_RECV_A_DEFAULT)},
};
const unsigned family_count = sizeof families / sizeof families[0];

/* ---- all programs of a family ---- */

static unsigned long sequences(const struct family *family, unsigned task)
{
    unsigned long n = 1;

    for (unsigned i = 0; i < family->counts[task]; i++)
        n *= family->alphabet_size;
    return n;
}

/* Tasks of the same length are in the order of their programs: all other orders are the same program. */
static unsigned long first_sequence(const struct family *family, const struct generator *g,
                                    unsigned task)
{
    return task > 0 && family->counts[task] == family->counts[task - 1] ? g->sequence[task - 1] : 0;
}

static bool step(const struct family *family, struct generator *g)
{
    for (unsigned task = TASKS; task-- > 0;) {
        if (++g->sequence[task] == sequences(family, task))
            continue;
        for (unsigned later = task + 1; later < TASKS; later++)
            g->sequence[later] = first_sequence(family, g, later);
        return true;
    }
    for (unsigned task = 0; task < TASKS; task++)
        g->sequence[task] = 0;
    return ++g->capacity <= CAPACITY_MAX;
}

bool program_next(const struct family *family, struct generator *g, struct program *out)
{
    if (g->has_begun && !step(family, g))
        return false;
    g->has_begun = true;
    *out = (struct program){.capacity_a = g->capacity,
                            .capacity_b = CAPACITY_MAX - g->capacity,
                            .deadline_ms = family->is_timed ? 20 : NEVER_MS};
    for (unsigned task = 0; task < TASKS; task++) {
        unsigned long rest = g->sequence[task];

        out->counts[task] = family->counts[task];
        for (unsigned i = 0; i < family->counts[task]; i++, rest /= family->alphabet_size)
            out->ops[task][i] = family->alphabet[rest % family->alphabet_size];
    }
    return true;
}

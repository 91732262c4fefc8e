/*
 * channels -- the library's channels, contexts and select against the reference, in every order.
 *
 * Each program runs once for every path through the tree of choices (explore.h). After each operation what it returned is
 * what the reference says, in that step and of that task; at the end nobody waits who could go on, what was sent with SL_OK
 * was received exactly once, in the order of sending, and what was not is still its sender's.
 *
 *     model_channels           all programs of the short families
 *     MODEL_LONG=1             of all families; MODEL_FAMILY=NAME only of one
 *     MODEL_EVERY=N            every N-th program: for builds that are slow
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sched.h"
#include "sim/virtual.h"
#include "test/model/explore.h"
#include "test/model/program.h"

enum { VALUES = TASKS * OPS_MAX * CASES + 1, ELEM_MAX = 40, STUCK_MS = 1000 };

/* An element: a number in the size that the channel has. */
union elem {
    int value;
    char bytes[ELEM_MAX];
};

struct run {
    const struct program *program;
    struct explorer *explorer;
    struct sl_ctx *scope, *child;
    struct sl_chan *channels[CHANNELS];
    struct reference reference;
    sl_time began;
    unsigned steps; /* of all tasks: whether anybody else ran in between */
    unsigned ended;
    bool is_over; /* the rest is cleaning up */
    /* what was seen, for each value */
    unsigned sent_as[VALUES]; /* number of the operation that sent it, from 1; 0: not sent */
    unsigned got_as[VALUES];  /* of the one that received it */
    unsigned times_got[VALUES];
    uint8_t channel_of[VALUES];
    unsigned operations;
};

struct tally {
    uint64_t programs, runs, stuck;
};

static struct run run_;
static unsigned long every = 1;

__attribute__((format(printf, 2, 3), noreturn)) static void violated(const struct run *r,
                                                                     const char *format, ...)
{
    va_list args;

    fprintf(stderr, "VIOLATED: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    program_print(r->program, stderr);
    fprintf(stderr, "  choices:");
    for (unsigned i = 0; i < r->explorer->at; i++)
        fprintf(stderr, " %u/%u", r->explorer->path[i].chosen, r->explorer->path[i].count);
    fprintf(stderr, "\n");
    exit(1);
}

#define hold(r, x, ...) ((x) ? (void)0 : violated(r, __VA_ARGS__))

static int now_ms(const struct run *r)
{
    return (int)sl_dur_ms(sl_time_sub(sl_now(), r->began));
}

static sl_time time_at(const struct run *r, int ms)
{
    return ms == NEVER_MS ? SL_NEVER : sl_time_add(r->began, sl_ms(ms));
}

/* Somebody else may have run. What a select drew, or -1. */
static int resumed(struct run *r)
{
    int drawn;

    if (r->is_over)
        return -1;
    drawn = explore_note(r->explorer);
    r->steps++;
    ref_time(&r->reference, now_ms(r));
    return drawn;
}

static void arm(struct run *r, unsigned select_count)
{
    if (!r->is_over)
        explore_arm(r->explorer, select_count);
}

/* ---- one operation ---- */

/* What the library did, in the reference's words. */
static struct ref_outcome outcome_of_select(int chosen, const struct sl_case *cases,
                                            const union elem *into)
{
    struct ref_outcome outcome = {.committed = chosen};

    if (chosen < 0) {
        outcome.committed = -1;
        outcome.result = chosen == -ETIMEDOUT ? SL_TIMEOUT : SL_CANCELED;
        return outcome;
    }
    outcome.result = cases[chosen].result;
    if (cases[chosen].kind == SL_CASE_DEFAULT)
        outcome.result = SL_OK;
    if (cases[chosen].kind == SL_CASE_RECV && outcome.result == SL_OK)
        outcome.value = into[chosen].value;
    return outcome;
}

static int do_select(struct run *r, const struct ref_op *op, struct sl_ctx *ctx, union elem *elems,
                     struct ref_outcome *outcome)
{
    struct sl_case cases[CASES];
    int chosen;

    for (unsigned i = 0; i < op->case_count; i++) {
        const struct ref_case *c = &op->cases[i];

        switch (c->kind) {
        case SL_CASE_SEND:
            cases[i] = SL_ON_SEND(r->channels[c->channel], &elems[i]);
            break;
        case SL_CASE_RECV:
            cases[i] = SL_ON_RECV(r->channels[c->channel], &elems[i]);
            break;
        case SL_CASE_AT:
            cases[i] = SL_AT(time_at(r, c->at_ms));
            break;
        case SL_CASE_DEFAULT:
            cases[i] = SL_DEFAULT;
            break;
        }
    }
    chosen = sl_select(ctx, cases, op->case_count);
    *outcome = outcome_of_select(chosen, cases, elems);
    return chosen;
}

static int do_single(struct run *r, enum how how, const struct ref_op *op, struct sl_ctx *ctx,
                     union elem *elem)
{
    struct sl_chan *ch = r->channels[op->cases[0].channel];

    switch (how) {
    case DO_SEND:
        return sl_chan_send(ch, ctx, elem);
    case DO_RECV:
        return sl_chan_recv(ch, ctx, elem);
    case DO_RECV_UNTIL:
        return sl_chan_recv_until(ch, ctx, time_at(r, op->until_ms), elem);
    case DO_TRY_SEND:
        return sl_chan_try_send(ch, elem);
    case DO_TRY_RECV:
        return sl_chan_try_recv(ch, elem);
    case DO_SELECT:
    case DO_CLOSE:
    case DO_CANCEL:
        break;
    }
    abort();
}

static struct ref_outcome do_it(struct run *r, enum how how, const struct ref_op *op,
                                union elem *elems)
{
    struct sl_ctx *ctx = op->in_child ? r->child : r->scope;
    struct ref_outcome outcome = {.committed = -1};

    if (how == DO_SELECT) {
        (void)do_select(r, op, ctx, elems, &outcome);
        return outcome;
    }
    outcome.result = do_single(r, how, op, ctx, elems);
    if (outcome.result == SL_OK || outcome.result == SL_CLOSED)
        outcome.committed = 0;
    if (outcome.result == SL_OK && op->cases[0].kind == SL_CASE_RECV)
        outcome.value = elems[0].value;
    return outcome;
}

/* Only the case that was done has touched anything. */
static void check_untouched(const struct run *r, const struct ref_op *op, const union elem *elems,
                            const struct ref_outcome *outcome)
{
    for (unsigned i = 0; i < op->case_count; i++) {
        const struct ref_case *c = &op->cases[i];

        if ((int)i == outcome->committed && outcome->result == SL_OK)
            continue;
        hold(r, c->kind != SL_CASE_RECV || elems[i].value == -1,
             "a receive that was not done has a value, %d", elems[i].value);
    }
}

static void note(struct run *r, const struct ref_op *op, const struct ref_outcome *outcome,
                 unsigned number)
{
    const struct ref_case *c;

    if (outcome->committed < 0 || outcome->result != SL_OK)
        return;
    c = &op->cases[outcome->committed];
    if (c->kind == SL_CASE_SEND) {
        r->sent_as[c->value] = number;
        r->channel_of[c->value] = c->channel;
    } else if (c->kind == SL_CASE_RECV) {
        hold(r, outcome->value > 0 && outcome->value < VALUES, "%d was received, which nobody sent",
             outcome->value);
        r->got_as[outcome->value] = number;
        r->times_got[outcome->value]++;
    }
}

static void check_same(const struct run *r, unsigned task, const struct ref_op *op,
                       const struct ref_outcome *outcome)
{
    const struct ref_task *t = &r->reference.tasks[task];

    hold(r, !t->waits, "task %u goes on, and should wait", task);
    hold(r, outcome->result == t->outcome.result && outcome->value == t->outcome.value,
         "task %u got result %d and value %d, should have %d and %d", task, outcome->result,
         outcome->value, t->outcome.result, t->outcome.value);
    hold(r, op->case_count < 2 || outcome->committed == t->outcome.committed,
         "task %u did case %d of a select, should have done %d", task, outcome->committed,
         t->outcome.committed);
}

/* A select that can do several takes the one that was drawn: each as likely as the others. */
static void check_choice(const struct run *r, unsigned task, unsigned which, int drawn,
                         int committed)
{
    int nth = 0;

    hold(r, committed >= 0 && (which >> committed & 1),
         "task %u chose case %d, which could not be done", task, committed);
    for (int i = 0; i < committed; i++)
        nth += (which >> i & 1) != 0;
    hold(r, nth == drawn, "task %u did not draw the case that it did: %d of what it could, not %d",
         task, nth, drawn);
}

static void operate(struct run *r, unsigned task, enum how how, struct ref_op op)
{
    unsigned which, ready = ref_ready(&r->reference, &op, now_ms(r), &which);
    bool is_choice = ready > 1 && !(op.in_child && r->reference.child_err);
    unsigned number = ++r->operations, steps = r->steps;
    union elem elems[CASES];
    struct ref_outcome outcome;
    bool waited;
    int drawn;

    for (unsigned i = 0; i < op.case_count; i++)
        elems[i].value = op.cases[i].kind == SL_CASE_SEND ? op.cases[i].value : -1;
    if (!is_choice)
        ref_do(&r->reference, task, &op, now_ms(r), 0);
    arm(r, is_choice ? ready : 0);
    outcome = do_it(r, how, &op, elems);
    if (r->is_over)
        return;
    waited = r->steps != steps;
    drawn = resumed(r);
    if (is_choice) {
        check_choice(r, task, which, drawn, outcome.committed);
        ref_do(&r->reference, task, &op, now_ms(r), outcome.committed);
    }
    hold(r, !waited || !(op.never_waits || is_choice), "what can be done at once has waited");
    check_same(r, task, &op, &outcome);
    check_untouched(r, &op, elems, &outcome);
    note(r, &op, &outcome, number);
}

static void step(struct run *r, unsigned task, unsigned number)
{
    const struct op_row *row = &op_rows[r->program->ops[task][number]];
    struct ref_op op = row->op;
    unsigned channel = op.cases[0].channel;

    for (unsigned i = 0; i < op.case_count; i++)
        op.cases[i].value = (int)(1 + (task * OPS_MAX + number) * CASES + i);
    if (row->how == DO_CANCEL) {
        sl_ctx_cancel(r->child, 0);
        ref_cancel(&r->reference, SL_CANCELED);
    } else if (row->how == DO_CLOSE) {
        if (!sl_chan_is_closed(r->channels[channel])) {
            sl_chan_close(r->channels[channel]);
            ref_close(&r->reference, channel);
        }
    } else {
        operate(r, task, row->how, op);
    }
}

struct work {
    unsigned task;
};

SL_TASK(work)
{
    struct run *r = &run_;

    resumed(r);
    for (unsigned i = 0; i < r->program->counts[my->task] && !r->is_over; i++) {
        if (i > 0) {
            arm(r, 0);
            sl_yield();
            resumed(r);
        }
        if (!r->is_over)
            step(r, my->task, i);
    }
    r->ended += !r->is_over;
    arm(r, 0);
    return 0;
}

/* ---- one run ---- */

/* Everything that can happen has: who waits can't go on, and the reference waits for the same. */
static void check_waiting(const struct run *r)
{
    unsigned waiting = 0, tasks = 0;

    for (unsigned i = 0; i < TASKS; i++) {
        tasks += r->program->counts[i] > 0;
        waiting += r->reference.tasks[i].waits;
        hold(r, !r->reference.tasks[i].waits || !ref_is_stranded(&r->reference, i, now_ms(r)),
             "task %u waits for what is there", i);
    }
    hold(r, r->ended + waiting == tasks, "%u of %u tasks have ended, and %u should wait", r->ended,
         tasks, waiting);
}

static void drain(struct run *r, unsigned channel)
{
    union elem elem = {.value = -1};
    int expected;

    do {
        int result = sl_chan_try_recv(r->channels[channel], &elem);

        expected = ref_drain(&r->reference, channel);
        hold(r, (result == SL_OK) == (expected > 0), "a channel is %sempty at the end",
             result == SL_OK ? "not " : "");
        if (result != SL_OK)
            break;
        hold(r, elem.value == expected, "%d is left in a channel, should be %d", elem.value,
             expected);
        r->got_as[elem.value] = ++r->operations;
        r->times_got[elem.value]++;
    } while (expected);
}

/* From what was seen alone, without the reference. */
static void check_values(const struct run *r)
{
    for (unsigned v = 1; v < VALUES; v++) {
        hold(r, r->times_got[v] == (r->sent_as[v] > 0), "%u was %ssent, and received %u times", v,
             r->sent_as[v] ? "" : "not ", r->times_got[v]);
        for (unsigned w = 1; r->sent_as[v] && w < VALUES; w++)
            hold(r,
                 !r->sent_as[w] || r->channel_of[v] != r->channel_of[w] ||
                     (r->sent_as[v] < r->sent_as[w]) == (r->got_as[v] < r->got_as[w]) || v == w,
                 "%u and %u have overtaken each other", v, w);
    }
}

static void run_once(struct sl_ctx *ctx, const struct program *program, struct explorer *explorer,
                     struct tally *tally)
{
    struct run *r = &run_;
    struct sl_ctx *limit;
    int result;

    *r = (struct run){.program = program, .explorer = explorer, .began = sl_now()};
    ref_init(&r->reference, program->capacity_a, program->capacity_b, program->deadline_ms);
    r->scope = sl_ctx_new(ctx, NULL);
    r->child = sl_ctx_new(r->scope,
                          &(struct sl_ctx_options){.timeout = program->deadline_ms == NEVER_MS
                                                                  ? SL_ZERO
                                                                  : sl_ms(program->deadline_ms)});
    r->channels[0] = sl_chan_new(r->scope, program->elem_size, program->capacity_a, NULL);
    r->channels[1] = sl_chan_new(r->scope, program->elem_size, program->capacity_b, NULL);
    for (unsigned i = 0; i < TASKS; i++)
        if (program->counts[i] > 0)
            SL_GO(r->scope, work, .task = i);
    limit = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = sl_ms(STUCK_MS)});
    arm(r, 0);
    result = sl_ctx_wait(r->scope, limit);
    resumed(r);
    check_waiting(r);
    r->is_over = true;
    sl_ctx_cancel(r->scope, 0); /* who waits for good keeps what it wants to send */
    SL_IGNORE(sl_ctx_wait(r->scope, NULL));
    drain(r, 0);
    drain(r, 1);
    check_values(r);
    tally->stuck += result == SL_TIMEOUT;
    tally->runs++;
    (void)sl_ctx_leave(limit);
    (void)sl_ctx_leave(r->scope);
}

/* ---- all of them ---- */

static void explore_program(struct sl_ctx *ctx, const struct program *program,
                            struct explorer *explorer, struct tally *tally)
{
    explore_begin(explorer);
    do {
        run_once(ctx, program, explorer, tally);
        hold(&run_, !explorer->differs, "a run did not repeat what it should have");
    } while (explore_next(explorer));
    tally->programs++;
}

static int explore_family(struct sl_ctx *ctx, void *arg)
{
    static const unsigned sizes[] = {8, 4, 40}; /* the plain path, and both that are not */
    const struct family *family = arg;
    struct explorer explorer = {.length = 0};
    struct generator generator = {.capacity = 0};
    struct tally tally = {0};
    struct program program;
    unsigned long number = 0;

    while (program_next(family, &generator, &program)) {
        if (number++ % every != 0)
            continue;
        program.elem_size = sizes[tally.programs % 3];
        explore_program(ctx, &program, &explorer, &tally);
    }
    printf("%-22s %8" PRIu64 " programs, %9" PRIu64 " schedules, of them stuck for good %9" PRIu64
           ", %10" PRIu64 " draws\n",
           family->name, tally.programs, tally.runs, tally.stuck, explorer.draws);
    fflush(stdout);
    return 0;
}

int main(void)
{
    const char *only = getenv("MODEL_FAMILY");
    const char *each = getenv("MODEL_EVERY");
    bool is_long = getenv("MODEL_LONG") != NULL;

    if (each && strtoul(each, NULL, 10) > 0)
        every = strtoul(each, NULL, 10);
    for (unsigned i = 0; i < family_count; i++) {
        struct family family = families[i];

        if (only ? strcmp(only, family.name) != 0 : family.is_long && !is_long)
            continue;
        if (sl_virtual_run(&(struct sl_virtual_options){.shuffle = true}, explore_family, &family))
            return 1;
    }
    printf("0 violations\n");
    return 0;
}

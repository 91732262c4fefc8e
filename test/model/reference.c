/* reference -- the channels of reference.h, on arrays. */
#include "test/model/reference.h"

#include <string.h>

void ref_init(struct reference *r, unsigned capacity_a, unsigned capacity_b, int child_deadline_ms)
{
    *r = (struct reference){.child_deadline_ms = child_deadline_ms};
    r->channels[0].capacity = capacity_a;
    r->channels[1].capacity = capacity_b;
}

static void remove_task(struct ref_waiter *queue, unsigned *count, unsigned task)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < *count; i++)
        if (queue[i].task != task)
            queue[kept++] = queue[i];
    *count = kept;
}

/* Its wait is over, and nobody finds it in a queue any more. */
static void end_wait(struct reference *r, unsigned task, struct ref_outcome outcome)
{
    for (unsigned c = 0; c < CHANNELS; c++) {
        remove_task(r->channels[c].senders, &r->channels[c].sender_count, task);
        remove_task(r->channels[c].receivers, &r->channels[c].receiver_count, task);
    }
    r->tasks[task].waits = false;
    r->tasks[task].outcome = outcome;
}

static void commit(struct reference *r, struct ref_waiter w, int result, int value)
{
    end_wait(r, w.task, (struct ref_outcome){w.number, result, value});
}

static int value_of(const struct reference *r, struct ref_waiter w)
{
    return r->tasks[w.task].cases[w.number].value;
}

static int ring_take(struct ref_channel *ch)
{
    int value = ch->ring[0];

    memmove(ch->ring, ch->ring + 1, sizeof ch->ring - sizeof ch->ring[0]);
    ch->count--;
    return value;
}

static struct ref_outcome send_now(struct reference *r, struct ref_channel *ch, int value)
{
    if (ch->is_closed)
        return (struct ref_outcome){.result = SL_CLOSED};
    if (ch->receiver_count > 0)
        commit(r, ch->receivers[0], SL_OK, value);
    else
        ch->ring[ch->count++] = value;
    return (struct ref_outcome){.result = SL_OK};
}

static struct ref_outcome recv_now(struct reference *r, struct ref_channel *ch)
{
    struct ref_outcome outcome = {.result = SL_OK};

    if (ch->count > 0) {
        outcome.value = ring_take(ch);
        if (ch->sender_count > 0) {
            ch->ring[ch->count++] = value_of(r, ch->senders[0]);
            commit(r, ch->senders[0], SL_OK, 0);
        }
    } else if (ch->sender_count > 0) {
        outcome.value = value_of(r, ch->senders[0]);
        commit(r, ch->senders[0], SL_OK, 0);
    } else {
        outcome.result = SL_CLOSED;
    }
    return outcome;
}

static bool can_do(const struct reference *r, const struct ref_case *c, int now_ms)
{
    const struct ref_channel *ch = &r->channels[c->channel];

    switch (c->kind) {
    case SL_CASE_SEND:
        return ch->is_closed || ch->receiver_count > 0 || ch->count < ch->capacity;
    case SL_CASE_RECV:
        return ch->is_closed || ch->sender_count > 0 || ch->count > 0;
    case SL_CASE_AT:
        return c->at_ms <= now_ms;
    case SL_CASE_DEFAULT:
        return false;
    }
    return false;
}

unsigned ref_ready(const struct reference *r, const struct ref_op *op, int now_ms, unsigned *which)
{
    unsigned n = 0;

    *which = 0;
    for (unsigned i = 0; i < op->case_count; i++)
        if (can_do(r, &op->cases[i], now_ms)) {
            *which |= 1u << i;
            n++;
        }
    return n;
}

static void wait_for(struct reference *r, unsigned task, const struct ref_op *op)
{
    struct ref_task *t = &r->tasks[task];

    t->waits = true;
    t->in_child = op->in_child;
    t->until_ms = op->until_ms;
    t->case_count = op->case_count;
    memcpy(t->cases, op->cases, sizeof t->cases);
    for (unsigned i = 0; i < op->case_count; i++) {
        struct ref_channel *ch = &r->channels[op->cases[i].channel];
        struct ref_waiter w = {(uint8_t)task, (uint8_t)i};

        if (op->cases[i].kind == SL_CASE_SEND)
            ch->senders[ch->sender_count++] = w;
        else if (op->cases[i].kind == SL_CASE_RECV)
            ch->receivers[ch->receiver_count++] = w;
    }
}

static struct ref_outcome do_case(struct reference *r, const struct ref_op *op, unsigned number)
{
    const struct ref_case *c = &op->cases[number];
    struct ref_outcome outcome = {.result = SL_OK};

    if (c->kind == SL_CASE_SEND)
        outcome = send_now(r, &r->channels[c->channel], c->value);
    else if (c->kind == SL_CASE_RECV)
        outcome = recv_now(r, &r->channels[c->channel]);
    outcome.committed = (int)number;
    return outcome;
}

static int default_of(const struct ref_op *op)
{
    for (unsigned i = 0; i < op->case_count; i++)
        if (op->cases[i].kind == SL_CASE_DEFAULT)
            return (int)i;
    return -1;
}

void ref_do(struct reference *r, unsigned task, const struct ref_op *op, int now_ms, int chosen)
{
    struct ref_outcome *outcome = &r->tasks[task].outcome;
    unsigned which, n = ref_ready(r, op, now_ms, &which);

    if (op->in_child && r->child_err)
        *outcome = (struct ref_outcome){-1, r->child_err, 0};
    else if (n > 1)
        *outcome = do_case(r, op, (unsigned)chosen);
    else if (n == 1)
        *outcome = do_case(r, op, (unsigned)__builtin_ctz(which));
    else if (default_of(op) >= 0)
        *outcome = (struct ref_outcome){default_of(op), SL_OK, 0};
    else if (op->never_waits)
        *outcome = (struct ref_outcome){-1, SL_WOULD_BLOCK, 0};
    else if (op->until_ms <= now_ms)
        *outcome = (struct ref_outcome){-1, SL_TIMEOUT, 0};
    else
        wait_for(r, task, op);
}

void ref_close(struct reference *r, unsigned channel)
{
    struct ref_channel *ch = &r->channels[channel];

    ch->is_closed = true;
    while (ch->receiver_count > 0)
        commit(r, ch->receivers[0], SL_CLOSED, 0);
    while (ch->sender_count > 0)
        commit(r, ch->senders[0], SL_CLOSED, 0);
}

void ref_cancel(struct reference *r, int err)
{
    if (r->child_err)
        return;
    r->child_err = err;
    for (unsigned i = 0; i < TASKS; i++)
        if (r->tasks[i].waits && r->tasks[i].in_child)
            end_wait(r, i, (struct ref_outcome){-1, err, 0});
}

static void time_of_task(struct reference *r, unsigned task, int now_ms)
{
    struct ref_task *t = &r->tasks[task];

    for (unsigned i = 0; t->waits && i < t->case_count; i++)
        if (t->cases[i].kind == SL_CASE_AT && t->cases[i].at_ms <= now_ms)
            end_wait(r, task, (struct ref_outcome){(int)i, SL_OK, 0});
    if (t->waits && t->until_ms <= now_ms)
        end_wait(r, task, (struct ref_outcome){-1, SL_TIMEOUT, 0});
}

void ref_time(struct reference *r, int now_ms)
{
    for (unsigned i = 0; i < TASKS; i++)
        time_of_task(r, i, now_ms);
    if (r->child_deadline_ms <= now_ms)
        ref_cancel(r, SL_TIMEOUT);
}

int ref_drain(struct reference *r, unsigned channel)
{
    struct ref_channel *ch = &r->channels[channel];

    return ch->count > 0 ? ring_take(ch) : 0;
}

static bool has_other(const struct ref_waiter *queue, unsigned count, unsigned task)
{
    for (unsigned i = 0; i < count; i++)
        if (queue[i].task != task)
            return true;
    return false;
}

/* Its own cases never match each other. */
static bool could_do(const struct reference *r, unsigned task, const struct ref_case *c, int now_ms)
{
    const struct ref_channel *ch = &r->channels[c->channel];

    if (c->kind == SL_CASE_SEND)
        return ch->is_closed || ch->count < ch->capacity ||
               has_other(ch->receivers, ch->receiver_count, task);
    if (c->kind == SL_CASE_RECV)
        return ch->is_closed || ch->count > 0 || has_other(ch->senders, ch->sender_count, task);
    return c->kind == SL_CASE_AT && c->at_ms <= now_ms;
}

bool ref_is_stranded(const struct reference *r, unsigned task, int now_ms)
{
    const struct ref_task *t = &r->tasks[task];

    if (t->until_ms <= now_ms || (t->in_child && r->child_err))
        return true;
    for (unsigned i = 0; i < t->case_count; i++)
        if (could_do(r, task, &t->cases[i], now_ms))
            return true;
    return false;
}

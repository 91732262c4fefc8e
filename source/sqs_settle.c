/*
 * sqs_settle -- acts on verdicts: what the service confirmed is deleted, the rest given back. Both go through the library's
 * batching stage in calls of up to ten, and each entry of an answer is handled on its own.
 *
 *     verdicts ──▶ settle ──▶ deletes ──▶ batches of 10 ──▶ deleter ×10
 *                        └──▶ returns ──▶ batches of 10 ──▶ returner ×10 (FIFO: ×1, order matters)
 *
 * The channels of tickets have room for all that is held, so nobody waits to queue one. They close when the last verdict is
 * in and nothing is held any more.
 */
#include <stdlib.h>

#include <sluice/task.h>

#include "core/backoff.h"
#include "source/sqs.h"

/* Between tries of a delete or return that failed after the client's own retries. */
#define AGAIN_BASE sl_ms(200)
#define AGAIN_CAP  sl_sec(5)

void sqs_settled(struct sqs_source *sqs, struct ticket ticket)
{
    struct sqs_memo *memo = &sqs->memos[ticket.slot];

    if (!(PLANTED(12) && memo->receive_count > 1))
        credits_settled(&sqs->credits, 1, memo->bytes);
    *memo = (struct sqs_memo){0};
    sqs->base.progress->last_event = sl_now();
    if (sqs->waiting)
        sqs_hand_out(sqs);
    sqs_wake_receivers(sqs);
    if (sqs->settler.waits && lease_held(sqs->leases) == 0)
        sl_unpark(&sqs->settler.parker);
}

static void queue_up(struct ticket_chan *chan, struct ticket ticket)
{
    /* Room for every slot, each slot queued once at a time: it can't be full. After life's end nobody reads. */
    (void)!ticket_chan_try_send(chan, ticket);
}

void sqs_queue_return(struct sqs_source *sqs, struct ticket ticket)
{
    if (sqs->receivers_running > 0 && sl_ctx_err(sqs->intake) != SL_OK)
        sqs->postponed[sqs->postponed_count++] = ticket;
    else
        queue_up(sqs->returns, ticket);
}

void sqs_release_returns(struct sqs_source *sqs)
{
    for (size_t i = PLANTED(30); i < sqs->postponed_count; i++)
        queue_up(sqs->returns, sqs->postponed[i]);
    sqs->postponed_count = 0;
}

/* ---- verdicts ---- */

static void give_back(struct sqs_source *sqs, struct ticket ticket, unsigned delay_s,
                      enum lease_reason reason)
{
    switch (lease_return(sqs->leases, ticket, delay_s, reason, sl_now())) {
    case LEASE_RETURN_QUEUE:
        sqs_queue_return(sqs, ticket);
        break;
    case LEASE_RETURN_WAIT:
        break;
    case LEASE_RETURN_GONE:
        sqs_settled(sqs, ticket);
        break;
    }
}

void sqs_give_back_run(struct sqs_source *sqs, const struct message *run, unsigned delay_s)
{
    if (run->next)
        sqs_give_back_run(sqs, run->next, delay_s);
    give_back(sqs, run->ticket, delay_s, LEASE_UNSENT);
}

/*
 * FIFO: runs that wait for an event of their group to be settled would be delivered before it, now that it goes back: they go
 * back too, and before it. (They came with a second copy of it, after its lease had been lost.)
 */
static void give_back_waiting(struct sqs_source *sqs, struct ticket ticket, unsigned delay_s)
{
    struct message *run, *next;

    for (run = sqs_take_waiting(sqs, ticket); run; run = next) {
        next = run->next_run;
        sqs_give_back_run(sqs, run, delay_s);
        message_run_free(run);
    }
}

static unsigned return_delay_s(const struct sqs_source *sqs, struct ticket ticket)
{
    sl_dur delay = backoff_return_delay(sqs->memos[ticket.slot].receive_count, sl_random());

    return (unsigned)(sl_dur_ms(delay) / 1000);
}

/* In the drain what was not delivered is visible at once; else it comes back later, whatever the reason: a lease that was
 * lost and lives again, by a second copy, is no reason to hurry. */
static unsigned delay_of(const struct sqs_source *sqs, const struct batch_item *item)
{
    bool drains = sl_ctx_err(sqs->intake) != SL_OK;

    return (drains && item->fate != FATE_REFUSED) || PLANTED(14)
               ? 0
               : return_delay_s(sqs, item->ticket);
}

/* Last first: on a FIFO queue the first of a group must not become visible before those behind it are given back too. */
static void settle_batch(struct sqs_source *sqs, struct batch *batch)
{
    uint32_t run = UINT32_MAX;
    unsigned delay_s = 0;

    for (size_t i = batch->count; i-- > 0;) {
        const struct batch_item *item = &batch->items[PLANTED(18) ? batch->count - 1 - i : i];

        if (item->in_doubt && item->fate != FATE_DELETE)
            lease_mark_in_doubt(sqs->leases, item->ticket);
        switch (item->fate) {
        case FATE_DELETE:
            lease_delete(sqs->leases, item->ticket);
            if (!(PLANTED(26) && i == 99))
                queue_up(sqs->deletes, item->ticket);
            break;
        case FATE_REFUSED:
        case FATE_UNSENT:
        case FATE_EXPIRED:
            if (!sqs->base.is_fifo || item->run != run)
                delay_s = delay_of(sqs, item);
            run = item->run;
            if (lease_is_alive(sqs->leases, item->ticket, sl_now()))
                give_back_waiting(sqs, item->ticket, delay_s);
            give_back(sqs, item->ticket, delay_s,
                      item->fate == FATE_REFUSED ? LEASE_REFUSED : LEASE_UNSENT);
            break;
        case FATE_UNDECIDED:
            sl_assert(!"a verdict decides on every event");
        }
    }
}

/* A chain is one run in several batches: its last batch first, for the same reason. */
static void settle_chain(struct sqs_source *sqs, struct batch *batch)
{
    if (batch->then)
        settle_chain(sqs, batch->then);
    settle_batch(sqs, batch);
}

struct settle {
    struct sqs_source *sqs;
    struct batch_chan *verdicts;
};

SL_TASK(settle)
{
    struct sqs_source *sqs = my->sqs;
    struct batch *batch;

    while (batch_chan_recv(my->verdicts, sqs->life, &batch) == SL_OK) {
        settle_chain(sqs, batch);
        batch_free(batch);
    }
    sqs->settler.waits = true;
    while (lease_held(sqs->leases) > 0)
        if (sl_park(&sqs->settler.parker, sqs->life, SL_NEVER, "the last deletes and returns") !=
            SL_OK)
            break;
    sqs->settler.waits = false;
    sl_ctx_cancel(sqs->keeping, 0);
    if (sqs->deletes)
        ticket_chan_close(sqs->deletes);
    if (sqs->returns)
        ticket_chan_close(sqs->returns);
    return 0;
}

/* ---- calls of ten ---- */

/* One call's worth of tickets, with copies of their handles: the table may change while the call is under way. */
struct call {
    struct ticket tickets[SQS_ENTRIES_MAX];
    size_t count;
    struct strbuf handles;
    struct slice slices[SQS_ENTRIES_MAX];
    unsigned tries;
};

static void copy_handles(struct sqs_source *sqs, struct call *call)
{
    size_t ends[SQS_ENTRIES_MAX];
    size_t at = 0;

    strbuf_reset(&call->handles);
    for (size_t i = 0; i < call->count; i++) {
        strbuf_add_slice(&call->handles, lease_sending(sqs->leases, call->tickets[i]));
        ends[i] = call->handles.n;
    }
    for (size_t i = 0; i < call->count; i++) {
        call->slices[i] = (struct slice){call->handles.p + at, ends[i] - at};
        at = ends[i];
    }
}

/* What became of entry `i`: whether it needs another try. */
typedef bool on_entry(struct sqs_source *sqs, struct ticket ticket, const struct sqs_entry *entry);

static bool give_up(struct sqs_source *sqs, struct ticket ticket)
{
    if (lease_give_up(sqs->leases, ticket, sl_now()) == LEASE_AGAIN)
        return true;
    sqs_settled(sqs, ticket);
    return false;
}

static bool after_done(struct sqs_source *sqs, struct ticket ticket, enum lease_done done)
{
    if (done == LEASE_AGAIN)
        return true;
    sqs_settled(sqs, ticket);
    return false;
}

static bool on_deleted(struct sqs_source *sqs, struct ticket ticket, const struct sqs_entry *entry)
{
    switch (entry->state) {
    case SQS_ENTRY_DONE:
        return after_done(sqs, ticket, lease_deleted(sqs->leases, ticket, sl_now()));
    case SQS_ENTRY_RETRY:
        return lease_is_alive(sqs->leases, ticket, sl_now()) ? true : give_up(sqs, ticket);
    case SQS_ENTRY_REFUSED:
        if (log_limit_pass(&sqs->refused_log))
            log_warn("a delete was refused (%s): the event may be delivered again", entry->code);
        return give_up(sqs, ticket);
    }
    return false;
}

static bool on_returned(struct sqs_source *sqs, struct ticket ticket, const struct sqs_entry *entry)
{
    if (sqs->waiting) /* they came while the return was under way */
        give_back_waiting(sqs, ticket, lease_return_delay_s(sqs->leases, ticket));
    switch (entry->state) {
    case SQS_ENTRY_DONE:
        return after_done(sqs, ticket, lease_returned(sqs->leases, ticket));
    case SQS_ENTRY_RETRY:
        return lease_is_alive(sqs->leases, ticket, sl_now()) ? true : give_up(sqs, ticket);
    case SQS_ENTRY_REFUSED:
        return give_up(sqs, ticket);
    }
    return false;
}

/* Keeps in the call what needs another try. */
static void sort_out(struct sqs_source *sqs, struct call *call, const struct sqs_entry *entries,
                     on_entry *act)
{
    size_t kept = 0;

    for (size_t i = 0; i < call->count; i++)
        if (act(sqs, call->tickets[i], &entries[i]) && !PLANTED(31))
            call->tickets[kept++] = call->tickets[i];
    call->count = kept;
}

/* A call that failed as a whole: every entry is to be tried again; or refused if the queue is gone, or if returning is not
 * permitted: those events come back when their leases end. */
static void sort_out_failure(struct sqs_source *sqs, struct call *call,
                             const struct sqs_failure *failure, on_entry *act)
{
    struct sqs_entry entries[SQS_ENTRIES_MAX];
    bool for_good = failure->trouble == SQS_TROUBLE_NO_QUEUE ||
                    (act == on_returned && failure->trouble == SQS_TROUBLE_PERMISSION);

    for (size_t i = 0; i < call->count; i++)
        entries[i] = (struct sqs_entry){.state = for_good ? SQS_ENTRY_REFUSED : SQS_ENTRY_RETRY};
    sqs_log_failure(&sqs->settle_log, failure,
                    for_good ? "given up" : "trying again while the leases last");
    sort_out(sqs, call, entries, act);
}

static int send_deletes(struct sqs_source *sqs, struct call *call, struct sqs_entry *entries,
                        struct sqs_failure *failure)
{
    sqs->base.account->deletes++;
    return sqs_delete_batch(sqs->queue, sqs->life, call->slices, call->count, entries, failure);
}

static int send_returns(struct sqs_source *sqs, struct call *call, struct sqs_entry *entries,
                        struct sqs_failure *failure)
{
    struct sqs_visibility changes[SQS_ENTRIES_MAX];

    for (size_t i = 0; i < call->count; i++)
        changes[i] = (struct sqs_visibility){
            .handle = call->slices[i],
            .timeout_s = lease_return_delay_s(sqs->leases, call->tickets[i]),
        };
    return sqs_change_visibility_batch(sqs->queue, sqs->life, changes, call->count, entries,
                                       failure);
}

typedef int send_call(struct sqs_source *, struct call *, struct sqs_entry *, struct sqs_failure *);

/* Makes the call until every entry is settled, or life ends. */
static void see_through(struct sqs_source *sqs, struct call *call, send_call *send, on_entry *act)
{
    struct sqs_entry entries[SQS_ENTRIES_MAX];
    struct sqs_failure failure;

    for (call->tries = 0; call->count > 0; call->tries++) {
        int r;

        if (call->tries > 0 &&
            sl_sleep(sqs->life,
                     backoff_full(AGAIN_BASE, AGAIN_CAP, call->tries - 1, sl_random())) != SL_OK)
            return;
        copy_handles(sqs, call);
        if (strbuf_failed(&call->handles))
            continue;
        r = send(sqs, call, entries, &failure);
        sqs->base.progress->last_event = sl_now();
        if (r == 0)
            sort_out(sqs, call, entries, act);
        else if (r == SQS_FAILED)
            sort_out_failure(sqs, call, &failure, act);
        else if (r > 0)
            return; /* life has ended */
    }
}

struct caller {
    struct sqs_source *sqs;
    struct sl_batches *in;
    send_call *send;
    on_entry *act;
};

SL_TASK(caller)
{
    struct call call = {0};
    struct sl_items items;

    while (sl_batches_recv(my->in, my->sqs->life, &items) == SL_OK) {
        sl_assert(items.count <= SQS_ENTRIES_MAX);
        call.count = items.count;
        memcpy(call.tickets, items.items, items.count * sizeof(call.tickets[0]));
        free(items.items);
        see_through(my->sqs, &call, my->send, my->act);
    }
    strbuf_deinit(&call.handles);
    return 0;
}

/* Deletes linger for 200 ms at most, so that calls are full; on a FIFO queue the next run waits for them. */
static struct sl_batches *in_tens(struct sqs_source *sqs, struct ticket_chan *tickets)
{
    struct sl_batch_limits limits = {
        .count = SQS_ENTRIES_MAX,
        .age = sqs->base.is_fifo ? sl_ms(1) : sl_ms(200),
    };

    return sl_batch(sqs->life, ticket_chan_chan(tickets), &limits);
}

void sqs_source_settle(struct source *source, struct sl_ctx *life, struct batch_chan *verdicts)
{
    struct sqs_source *sqs = (struct sqs_source *)source;
    struct sl_batches *deletes = in_tens(sqs, sqs->deletes);
    struct sl_batches *returns = in_tens(sqs, sqs->returns);
    unsigned returners = sqs->base.is_fifo ? 1 : SQS_CALLERS;

    sl_parker_init(&sqs->settler.parker);
    sqs->keeping = sl_ctx_new(life, &(struct sl_ctx_options){.name = "keeping"});
    sqs_keep_leases(sqs, life);
    SL_GO(life, settle, .sqs = sqs, .verdicts = verdicts);
    for (unsigned i = 0; i < SQS_CALLERS; i++)
        SL_GO(life, caller, .sqs = sqs, .in = deletes, .send = send_deletes, .act = on_deleted);
    for (unsigned i = 0; i < returners; i++)
        SL_GO(life, caller, .sqs = sqs, .in = returns, .send = send_returns, .act = on_returned);
}

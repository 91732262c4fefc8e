/*
 * sqs_receive -- receivers. Each reserves credits, polls, enters what came into the lease table and sends it on as runs.
 * How many are at work and when the next poll starts is core/pacing's to say. A poll that is under way when intake ends is
 * left to finish: what it brings is delivered like the rest. Only delivery's end cuts it.
 */
#include <sluice/task.h>

#include "source/sqs.h"

enum { FULL = SQS_ENTRIES_MAX };

/* An empty poll counts as having taken at least that long, which is the shortest --receive-wait. */
#define EMPTY_POLL_LEAST sl_sec(1)

void sqs_wake_receivers(struct sqs_source *sqs)
{
    for (size_t i = 0; i < sqs->config.receivers; i++)
        if (sqs->receivers[i].waits)
            sl_unpark(&sqs->receivers[i].parker);
}

static bool is_over(const struct sqs_source *sqs)
{
    bool is_counted_out = sqs->count_left == 0 && sqs->count_out == 0;

    return sqs->is_exhausted || is_counted_out ||
           (PLANTED(22) ? sl_ctx_err(sqs->delivery) : sl_ctx_err(sqs->intake)) != SL_OK;
}

/* When receiver `number` may poll; SL_NEVER: when something has changed. */
static sl_time may_poll_at(const struct sqs_source *sqs, unsigned number, sl_time now)
{
    const struct progress *progress = sqs->base.progress;

    if (number >= pacing_receivers(&sqs->pacing) || progress->paused || sqs->count_left == 0 ||
        !credits_are_free(&sqs->credits))
        return SL_NEVER;
    return sl_time_max(
        pacing_next_poll(&sqs->pacing, now, progress->open_deadline, lease_held(sqs->leases)),
        sqs->quiet_until);
}

/* ---- what a receive brought ---- */

static void send_run(struct sqs_source *sqs, struct message *run)
{
    /* There is room for all credits, and the channel is open while a receiver runs or a run waits. */
    int r = message_chan_try_send(sqs->out, run);

    sl_assert(r == SL_OK || sl_ctx_err(sqs->life));
    if (r)
        message_run_free(run);
}

/* What was lost while it waited in line comes again, behind what it waited for. */
static void hand_out(struct sqs_source *sqs, struct message *run)
{
    if (lease_holds(sqs->leases, run->ticket, sl_now())) {
        send_run(sqs, run);
        return;
    }
    sqs_give_back_run(sqs, run, 0);
    message_run_free(run);
}

/* Whoever takes a run out of the line, and the last receiver at its end, looks whether that was all. */
static void close_if_all_is_out(struct sqs_source *sqs)
{
    if (sqs->waiting || sqs->receivers_running > 0 || !sqs->out)
        return;
    message_chan_close(sqs->out);
    sqs->out = NULL;
}

void sqs_hand_out(struct sqs_source *sqs)
{
    struct message **link = &sqs->waiting;

    while (*link) {
        struct message *run = *link;

        if (!lease_run_may_go(sqs->leases, run->ticket)) {
            link = &run->next_run;
            continue;
        }
        *link = run->next_run;
        run->next_run = NULL;
        hand_out(sqs, run);
        link = &sqs->waiting; /* what it gave back may have changed the line */
    }
    close_if_all_is_out(sqs);
}

static void wait_in_line(struct sqs_source *sqs, struct message *run)
{
    struct message **link = &sqs->waiting;

    while (*link)
        link = &(*link)->next_run;
    *link = run;
}

struct message *sqs_take_waiting(struct sqs_source *sqs, struct ticket ticket)
{
    struct message **link = &sqs->waiting, *taken = NULL;

    while (*link) {
        struct message *run = *link;

        if (!lease_share_group(sqs->leases, run->ticket, ticket)) {
            link = &run->next_run;
            continue;
        }
        *link = run->next_run;
        run->next_run = taken;
        taken = run;
    }
    close_if_all_is_out(sqs);
    return taken;
}

/* What a message takes of the credits. */
static size_t bytes_of(const struct sqs_message *m)
{
    return m->body.n + m->message_attributes.n;
}

/* Enters one message into the table. The message to send on, or NULL: none. `*is_gap`: it is left to the queue, or on its way
 * back there. */
static struct message *enter(struct sqs_source *sqs, const struct sqs_message *m,
                             const struct sqs_receive_answer *answer, struct block *block,
                             sl_dur visibility, size_t *held_bytes, size_t *held_count,
                             bool *is_gap)
{
    struct lease_arrival arrival = {
        .id = m->message_id,
        .handle = m->receipt_handle,
        .group = sqs->base.is_fifo ? m->group_id : (struct slice){0},
        .run = sqs->receive_number,
        .received_at = answer->answered,
        .visibility = visibility,
        .round_trip = sqs_client_round_trip(sqs->client),
        .receive_count = m->receive_count,
    };
    struct record record = {
        .message_id = m->message_id,
        .receipt_handle = m->receipt_handle,
        .body = m->body,
        .md5_of_body = m->md5_of_body,
        .md5_of_attributes = m->md5_of_attributes,
        .attributes = m->attributes,
        .message_attributes = m->message_attributes,
    };
    struct message *message = NULL;
    struct ticket ticket;

    switch (lease_arrive(sqs->leases, &arrival, &ticket)) {
    case LEASE_NEW:
        *held_count += 1;
        *held_bytes += bytes_of(m);
        sqs->memos[ticket.slot] =
            (struct sqs_memo){.bytes = bytes_of(m), .receive_count = m->receive_count};
        message = message_new(ticket, &record, block);
        *is_gap = !message;
        if (!message && lease_return(sqs->leases, ticket, 0, LEASE_UNSENT, answer->answered) ==
                            LEASE_RETURN_QUEUE)
            sqs_queue_return(sqs, ticket);
        break;
    case LEASE_CONFIRMED:
        *held_count += 1;
        sqs->memos[ticket.slot] = (struct sqs_memo){.receive_count = m->receive_count};
        sl_assert(ticket_chan_try_send(sqs->deletes, ticket) == SL_OK);
        break;
    case LEASE_MERGED:
        if (PLANTED(13) && lease_holds(sqs->leases, ticket, sl_now())) {
            lease_delete(sqs->leases, ticket);
            sl_assert(ticket_chan_try_send(sqs->deletes, ticket) == SL_OK);
        }
        *is_gap = !lease_holds(sqs->leases, ticket, sl_now()) &&
                  lease_state_of(sqs->leases, ticket) != LEASE_DELETING;
        break;
    case LEASE_NO_ROOM:
        *is_gap = true;
        break;
    }
    return message;
}

static void report_unfit(struct sqs_source *sqs, const struct sqs_message *m, const char *why)
{
    lease_arrive_unfit(sqs->leases);
    if (log_limit_pass(&sqs->unfit_log))
        log_warn("message " SLICE_FMT " is unfit: %s; it is not posted, the queue gives it again",
                 SLICE_ARG(m->message_id), why);
}

/* FIFO: whether the queue will give again a message before `m` in the same answer, and of the same group or of one that can't
 * be known. It comes again before `m` does, so `m` must not be posted either. */
static bool follows_a_gap(const struct sqs_source *sqs, const struct sqs_receive_answer *answer,
                          const struct sqs_message *m, uint32_t gaps)
{
    for (size_t i = 0; sqs->base.is_fifo && i < answer->count && gaps >> i != 0; i++)
        if (gaps >> i & 1 && (answer->messages[i].group_id.n == 0 ||
                              slice_eq(answer->messages[i].group_id, m->group_id)))
            return true;
    return false;
}

/* Standard queue: each message is a run. FIFO: messages of one group are. `runs` is what was gathered so far. */
static void join_run(struct sqs_source *sqs, struct message *message, struct slice group,
                     struct message **runs, struct slice *groups, size_t *count)
{
    if (sqs->base.is_fifo && !PLANTED(17)) {
        for (size_t i = 0; i < *count; i++) {
            struct message *last = runs[i];

            if (!slice_eq(groups[i], group))
                continue;
            while (last->next)
                last = last->next;
            last->next = message;
            return;
        }
    }
    groups[*count] = group;
    runs[(*count)++] = message;
}

static void take_in(struct sqs_source *sqs, struct sqs_receive_answer *answer,
                    const struct reservation *reservation, const struct sqs_receive_options *asked)
{
    sl_dur visibility = sl_sec(asked->visibility_s);
    struct block *block = block_new(&answer->bytes);
    struct message *runs[SQS_ENTRIES_MAX];
    struct slice groups[SQS_ENTRIES_MAX];
    size_t run_count = 0, held_count = 0, held_bytes = 0, largest = 0;
    uint32_t gaps = 0; /* a bit for each message that the queue will give again */

    sqs->receive_number++;
    for (size_t i = 0; i < answer->count && block; i++) {
        const struct sqs_message *m = &answer->messages[i];
        struct message *message;
        bool is_gap = false;

        /* What is known already is not posted again: its newest handle is all that is taken of it. */
        if (m->unfit || (follows_a_gap(sqs, answer, m, gaps) &&
                         !lease_knows(sqs->leases, m->message_id, answer->answered))) {
            report_unfit(sqs, m, m->unfit ? m->unfit : "it comes after one that is");
            gaps |= UINT32_C(1) << i;
            continue;
        }
        largest = bytes_of(m) > largest ? bytes_of(m) : largest;
        message = enter(sqs, m, answer, block, visibility, &held_bytes, &held_count, &is_gap);
        gaps |= (uint32_t)is_gap << i;
        if (message)
            join_run(sqs, message, m->group_id, runs, groups, &run_count);
    }
    credits_arrived(&sqs->credits, reservation, held_count, held_bytes, largest);
    if (run_count > 0) {
        runs[run_count - 1]->lull = sqs->base.is_fifo && answer->count < asked->count;
        sqs->base.progress->last_event = sl_now();
    }
    for (size_t i = 0; i < run_count; i++) {
        if (lease_run_may_go(sqs->leases, runs[i]->ticket))
            send_run(sqs, runs[i]);
        else
            wait_in_line(sqs, runs[i]);
    }
    block_unref(block);
    sqs_wake_extenders(sqs);
}

/* ---- polling ---- */

/* --until-empty: nothing came, nothing is held, and the queue says that it has nothing that could still come. */
static void look_whether_empty(struct sqs_source *sqs)
{
    struct sqs_queue_attributes attributes;
    struct sqs_failure failure;

    if (!sqs->config.until_empty || lease_held(sqs->leases) > 0)
        return;
    if (sqs->can_read_attributes) {
        if (sqs_get_attributes(sqs->queue, sqs->intake, &attributes, &failure))
            return;
        if (attributes.visible + attributes.in_flight + attributes.delayed > 0 ||
            lease_held(sqs->leases) > 0)
            return;
    }
    sqs->is_exhausted = true;
    sqs_wake_receivers(sqs);
}

static void on_failure(struct sqs_source *sqs, const struct sqs_failure *failure)
{
    if (failure->trouble == SQS_TROUBLE_OVER_LIMIT) {
        pacing_over_limit(&sqs->pacing, sl_now(), lease_held(sqs->leases));
        sqs_log_failure(&sqs->receive_log, failure, "no receives until deletes have caught up");
        return;
    }
    if (!PLANTED(32))
        pacing_failed(&sqs->pacing, sl_now(), sl_random());
    sqs_log_failure(&sqs->receive_log, failure, "trying again");
}

static void on_answer(struct sqs_source *sqs, struct sqs_receive_answer *answer,
                      const struct reservation *reservation, sl_time began,
                      const struct sqs_receive_options *asked)
{
    struct account *account = sqs->base.account;

    account->receives++;
    if (answer->count == 0) {
        account->receives_empty++;
        /* A server that answers a long poll at once, with nothing, must not be asked in a circle. */
        sqs->quiet_until = sl_time_add(began, EMPTY_POLL_LEAST);
        credits_cancel(&sqs->credits, reservation);
    } else {
        take_in(sqs, answer, reservation, asked);
    }
    pacing_received(&sqs->pacing, &(struct pacing_receive){
                                      .started = began,
                                      .ended = sl_now(),
                                      .brought = answer->count,
                                      .credits_free = credits_are_free(&sqs->credits),
                                  });
    if (answer->count == 0)
        look_whether_empty(sqs);
    sqs_wake_receivers(sqs);
}

/* How many messages the next receive may ask for; they are taken off what is left of --count. */
static unsigned take_count(struct sqs_source *sqs)
{
    unsigned count = sqs->count_left < FULL ? (unsigned)sqs->count_left : FULL;

    if (sqs->count_left == UINT64_MAX)
        return count;
    sqs->count_left -= count;
    sqs->count_out += count;
    return count;
}

/* The receive has ended, and brought `used` of the `count` that were taken for it. */
static void settle_count(struct sqs_source *sqs, size_t count, size_t used)
{
    if (sqs->count_left == UINT64_MAX)
        return;
    sqs->count_out -= count;
    sqs->count_left += count > used ? count - used : 0;
}

static void poll(struct sqs_source *sqs, struct sqs_receive_answer *answer)
{
    struct reservation reservation;
    struct sqs_failure failure;
    struct sqs_receive_options asked;
    sl_time began = sl_now();
    int r;

    if (!credits_reserve(&sqs->credits, &reservation))
        return;
    asked = (struct sqs_receive_options){
        .count = take_count(sqs),
        .wait_s = (unsigned)(sl_dur_ms(sqs->config.receive_wait) / 1000),
        .visibility_s = (int32_t)(sl_dur_ms(sqs->visibility) / 1000),
        .begin_in = sqs->intake,
    };
    r = sqs_receive(sqs->queue, sqs->delivery, &asked, answer, &failure);
    settle_count(sqs, asked.count, r == 0 ? answer->count : 0);
    if (r == 0) {
        on_answer(sqs, answer, &reservation, began, &asked);
        return;
    }
    credits_cancel(&sqs->credits, &reservation);
    sqs->base.account->receives++;
    if (r == SL_CANCELED || r == SL_TIMEOUT) /* cut, or it had failed and intake ended meanwhile */
        sqs->base.account->receives_aborted += sl_ctx_err(sqs->delivery) != SL_OK;
    else if (r == SQS_FAILED)
        on_failure(sqs, &failure);
    else if (!PLANTED(32))
        pacing_failed(&sqs->pacing, sl_now(), sl_random());
    sqs_wake_receivers(sqs); /* its credits and its part of the count are free for another */
}

struct receiver {
    struct sqs_source *sqs;
    unsigned number;
};

SL_TASK(receiver)
{
    struct sqs_source *sqs = my->sqs;
    struct sqs_seat *seat = &sqs->receivers[my->number];
    struct sqs_receive_answer answer = {0};

    while (!is_over(sqs)) {
        sl_time now = sl_now();
        sl_time at = may_poll_at(sqs, my->number, now);

        if (!sl_time_before(now, at)) {
            poll(sqs, &answer);
            continue;
        }
        sqs_seat_wait(seat, PLANTED(22) ? sqs->delivery : sqs->intake, at,
                      "credits, or the time of the next poll");
    }
    strbuf_deinit(&answer.bytes);
    if (--sqs->receivers_running == 0)
        sqs_release_returns(sqs);
    sqs_wake_receivers(sqs);
    sqs_hand_out(sqs);
    return 0;
}

struct message_chan *sqs_source_receive(struct source *source, struct sl_ctx *life,
                                        struct sl_ctx *delivery, struct sl_ctx *intake)
{
    struct sqs_source *sqs = (struct sqs_source *)source;
    size_t room = sqs->config.in_flight_max;
    struct message_chan *out = message_chan_new(life, room, message_run_drop);

    sqs->life = life;
    sqs->delivery = delivery;
    sqs->intake = intake;
    sqs->out = out;
    sqs->deletes = ticket_chan_new(life, room, ticket_chan_forget);
    sqs->returns = ticket_chan_new(life, room, ticket_chan_forget);
    sqs->receivers_running = sqs->config.receivers;
    for (unsigned i = 0; i < sqs->config.receivers; i++) {
        sl_parker_init(&sqs->receivers[i].parker);
        SL_GO(life, receiver, .sqs = sqs, .number = i);
    }
    return out;
}

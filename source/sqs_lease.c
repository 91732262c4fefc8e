/*
 * sqs_lease -- keeps the leases of what is held alive: asks the table what is due, ten at a time, and extends it. It goes on
 * through the drain, until the last event is settled. And looks at the queue's attributes every five minutes.
 *
 * Without the permission to extend, nothing is held past its first lease; whether it has come is asked every five minutes, too. A
 * denial that is over soon (a policy that is being changed) is a failure like others: it is tried again.
 */
#include <sluice/task.h>

#include "source/sqs.h"

#define REFRESH_EVERY sl_minutes(5)

void sqs_wake_extenders(struct sqs_source *sqs)
{
    sl_time due = lease_next_due(sqs->leases);

    for (size_t i = 0; i < SQS_EXTENDERS; i++)
        if (sqs->extenders[i].waits && sl_time_before(due, sqs->extenders[i].until))
            sl_unpark(&sqs->extenders[i].parker);
}

static void on_entry(struct sqs_source *sqs, const struct lease_extension *extension,
                     const struct sqs_entry *entry, sl_time sent_at)
{
    bool must_return = false;

    switch (entry->state) {
    case SQS_ENTRY_DONE:
        must_return = lease_extended(sqs->leases, extension, sent_at);
        break;
    case SQS_ENTRY_RETRY:
        must_return = lease_extend_failed(sqs->leases, extension, sl_now(), false);
        break;
    case SQS_ENTRY_REFUSED:
        if (log_limit_pass(&sqs->lease_log))
            log_warn("the lease of an event can't be extended (%s): the queue gives it again",
                     entry->code);
        must_return = lease_extend_failed(sqs->leases, extension, sl_now(), true);
        break;
    }
    if (must_return)
        sqs_queue_return(sqs, extension->ticket);
}

static void set_permission(struct sqs_source *sqs, bool can_extend)
{
    sqs->can_extend = can_extend;
    sqs->denied_since = SL_NEVER;
    lease_visibility_set(sqs->leases, sqs->visibility, can_extend);
    sqs_wake_extenders(sqs);
}

/* Whether the permission has been wanting for a quarter of the visibility: not for a moment, then. */
static bool is_denied_for_long(struct sqs_source *sqs)
{
    sl_time now = sl_now();

    sqs->denied_since = sl_time_min(sqs->denied_since, now);
    return !sl_time_before(now, sl_time_add(sqs->denied_since, sl_dur_div(sqs->visibility, 4)));
}

static void on_failure(struct sqs_source *sqs, const struct sqs_failure *failure)
{
    char text[512];

    if (failure->trouble == SQS_TROUBLE_PERMISSION && !sqs->can_extend)
        return; /* another call has told */
    if (failure->trouble == SQS_TROUBLE_PERMISSION && is_denied_for_long(sqs)) {
        set_permission(sqs, false);
        log_warn("%s: until that is permitted nothing is held past its visibility timeout",
                 sqs_failure_text(failure, text, sizeof(text)));
        return;
    }
    sqs_log_failure(&sqs->lease_log, failure, "trying again before the leases end");
}

/* One call, with the client's retries, within a quarter of the visibility: an extension is begun when half of it is left,
 * so that one without an answer leaves time for another. */
static int call_extend(struct sqs_source *sqs, const struct sqs_visibility *changes, size_t count,
                       struct sqs_entry *entries, struct sqs_failure *failure)
{
    struct sl_ctx *in_time =
        sl_ctx_new(sqs->life, &(struct sl_ctx_options){.timeout = sl_dur_div(sqs->visibility, 4),
                                                       .name = "extension"});
    int r = sqs_change_visibility_batch(sqs->queue, in_time, changes, count, entries, failure);

    (void)sl_ctx_leave(in_time);
    return r;
}

static void extend(struct sqs_source *sqs, const struct lease_extension *due, size_t count,
                   struct strbuf *handles)
{
    struct sqs_visibility changes[LEASE_CALL_MAX];
    struct sqs_entry entries[LEASE_CALL_MAX];
    size_t ends[LEASE_CALL_MAX];
    struct sqs_failure failure;
    sl_time sent_at = sl_now();
    size_t at = 0;
    int r;

    strbuf_reset(handles);
    for (size_t i = 0; i < count; i++) {
        strbuf_add_slice(handles, lease_sending(sqs->leases, due[i].ticket));
        ends[i] = handles->n;
    }
    for (size_t i = 0; i < count; i++) {
        changes[i] = (struct sqs_visibility){{handles->p + at, ends[i] - at}, due[i].visibility_s};
        at = ends[i];
    }
    r = strbuf_failed(handles) ? -1 : call_extend(sqs, changes, count, entries, &failure);
    if (r == SQS_FAILED)
        on_failure(sqs, &failure);
    if (r == 0)
        sqs->denied_since = SL_NEVER;
    else
        for (size_t i = 0; i < count; i++)
            entries[i] = (struct sqs_entry){.state = SQS_ENTRY_RETRY};
    /* Last first: returns that have waited for this are queued in that order (FIFO). */
    for (size_t i = count; i-- > 0;)
        on_entry(sqs, &due[i], &entries[i], sent_at);
    sqs_wake_extenders(sqs);
}

struct extender {
    struct sqs_source *sqs;
    struct sqs_seat *seat;
};

SL_TASK(extender)
{
    struct sqs_source *sqs = my->sqs;
    struct strbuf handles = {0};

    while (sl_ctx_err(sqs->keeping) == SL_OK) {
        struct lease_extension due[LEASE_CALL_MAX];
        sl_time at = lease_next_due(sqs->leases);
        size_t lost = 0;
        size_t count;

        if (sl_time_before(sl_now(), at)) {
            sqs_seat_wait(my->seat, sqs->keeping, at, "the next extension");
            continue;
        }
        count = lease_due(sqs->leases, sl_now(), due, &lost);
        if (lost > 0)
            log_warn(
                "%zu lease%s ended before %s could be extended: the queue gives the events again",
                lost, lost == 1 ? "" : "s", lost == 1 ? "it" : "they");
        if (count > 0)
            extend(sqs, due, count, &handles);
    }
    strbuf_deinit(&handles);
    return 0;
}

static void look_whether_it_may(struct sqs_source *sqs)
{
    bool may = false;

    if (sqs_ask_to_extend(sqs, sqs->keeping, &may) || !may || sqs->can_extend)
        return;
    set_permission(sqs, true);
    log_warn("may change visibility timeouts of queue %s: leases are extended from here on",
             sqs->queue->name);
}

struct look_at_queue {
    struct sqs_source *sqs;
};

SL_TASK(look_at_queue)
{
    struct sqs_source *sqs = my->sqs;
    struct sqs_queue_attributes attributes;
    struct sqs_failure failure;

    while (sl_sleep(sqs->keeping, REFRESH_EVERY) == SL_OK) {
        if (sqs->can_read_attributes &&
            sqs_refresh(sqs, sqs->keeping, &attributes, &failure) == SQS_FAILED)
            sqs_log_failure(&sqs->lease_log, &failure, "the visibility timeout stays as it was");
        if (!sqs->can_extend)
            look_whether_it_may(sqs);
    }
    return 0;
}

void sqs_keep_leases(struct sqs_source *sqs, struct sl_ctx *life)
{
    sqs->denied_since = SL_NEVER;
    for (unsigned i = 0; i < SQS_EXTENDERS; i++) {
        sl_parker_init(&sqs->extenders[i].parker);
        SL_GO(life, extender, .sqs = sqs, .seat = &sqs->extenders[i]);
    }
    SL_GO(life, look_at_queue, .sqs = sqs);
}

/*
 * What goes over SQS's counter, read off requests and answers as somebody in the middle could: which event a receipt handle stands
 * for, and what is asked and done with it. The ledger judges.
 */
#include "sim/world/sqs_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/text.h"

/* ---- what handles stand for ---- */

enum { RECENT_MAX = 4096, GIVEN_LEAST = 4096 };

static struct given *given_slot(const struct given_table *table, uint64_t hash)
{
    size_t i = hash & (table->max - 1);

    while (table->slots[i].hash && table->slots[i].hash != hash)
        i = (i + 1) & (table->max - 1);
    return &table->slots[i];
}

static struct given_table given_new(size_t max)
{
    struct given_table table = {.slots = calloc(max, sizeof *table.slots), .max = max};

    sl_assert(table.slots);
    return table;
}

static bool is_full(const struct given_table *table)
{
    return (table->count + 1) * 4 > table->max * 3;
}

static void given_put(struct given_table *table, struct given given)
{
    struct given *slot = given_slot(table, given.hash);

    table->count += !slot->hash;
    *slot = given;
}

/* For as long as anybody may hold a handle of a deleted event: sluice remembers such for 10 minutes. */
#define REMEMBERED sl_minutes(10)

static bool is_of_use(const struct sim_sqs *sqs, const struct given *given)
{
    const struct sim_event *event = sim_ledger_event(sqs->ledger, given->number);

    return given->hash && event && !event->is_settled &&
           !(event->is_deleted &&
             sl_time_before(sl_time_add(event->hidden_until, REMEMBERED), sl_now()));
}

/* Makes room, also by forgetting what stood for events that are over. */
static void given_grow(struct sim_sqs *sqs)
{
    struct given_table *old = &sqs->given, grown;
    size_t used = 0, max = old->max ? old->max : GIVEN_LEAST;

    for (size_t i = 0; i < old->max; i++)
        if (is_of_use(sqs, &old->slots[i]))
            used++;
        else
            old->slots[i].hash = 0;
    while (used * 3 > max)
        max *= 2;
    grown = given_new(max);
    for (size_t i = 0; i < old->max; i++)
        if (old->slots[i].hash)
            given_put(&grown, old->slots[i]);
    free(old->slots);
    *old = grown;
}

/* All at once: the places that they go to are all over the memory, but do not wait for each other. */
static void move_recent(struct sim_sqs *sqs)
{
    for (size_t i = 0; i < sqs->recent.max; i++) {
        struct given *recent = &sqs->recent.slots[i];

        if (!recent->hash)
            continue;
        if (is_full(&sqs->given))
            given_grow(sqs);
        given_put(&sqs->given, *recent);
        recent->hash = 0;
    }
    sqs->recent.count = 0;
    if (sqs->recent.max == 0)
        sqs->recent = given_new(RECENT_MAX);
}

static void remember(struct sim_sqs *sqs, struct slice handle, uint64_t number)
{
    const struct sim_event *event = sim_ledger_event(sqs->ledger, number);

    if (is_full(&sqs->recent))
        move_recent(sqs);
    given_put(&sqs->recent,
              (struct given){sim_text_hash(handle, 0), number, event ? event->receipts : 0});
}

/* NULL: nobody was given that handle. */
static const struct given *recall(const struct sim_sqs *sqs, struct slice handle)
{
    const struct given_table *const tables[] = {&sqs->recent, &sqs->given};
    uint64_t hash = sim_text_hash(handle, 0);

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const struct given *slot = tables[i]->max > 0 ? given_slot(tables[i], hash) : NULL;

        if (slot && slot->hash)
            return slot;
    }
    return NULL;
}

/* Whether the event was not received again since. */
static bool is_newest(const struct sim_sqs *sqs, const struct given *given)
{
    const struct sim_event *event = sim_ledger_event(sqs->ledger, given->number);

    return event && event->receipts == given->receipt;
}

/* ---- reading what goes over the counter ---- */

static struct slice rest_from(struct slice text, const char *at)
{
    return (struct slice){at, (size_t)(text.p + text.n - at)};
}

bool sqs_next_handle(struct slice text, size_t *at, struct slice *out)
{
    static const char key[] = "\"ReceiptHandle\":\"";
    const char *found = sim_text_find(text, *at, SLICE("\"ReceiptHandle\":\""), 'R');
    const char *end;

    if (!found)
        return false;
    found += sizeof key - 1;
    end = memchr(found, '"', (size_t)(text.p + text.n - found));
    if (!end)
        return false;
    *out = (struct slice){found, (size_t)(end - found)};
    *at = (size_t)(end - text.p);
    return true;
}

static int64_t seconds_after(struct slice text, size_t from, int64_t otherwise)
{
    static const char key[] = "\"VisibilityTimeout\":";
    const char *found = sim_text_find(text, from, SLICE("\"VisibilityTimeout\":"), 'V');

    return found ? (int64_t)sim_text_number(rest_from(text, found + sizeof key - 1)) : otherwise;
}

bool sqs_escaped_number(struct slice text, size_t at, uint64_t *number)
{
    static const char key[] = "\"Body\":\"{\\\"event\\\":";
    const char *found = sim_text_find(text, at, SLICE("\"Body\":\"{\\\"event\\\":"), '{');

    if (found)
        *number = sim_text_number(rest_from(text, found + sizeof key - 1));
    return found != NULL;
}

void sqs_see_received(struct request *r, struct slice answer)
{
    struct slice asked = sim_exchange_body(r->exchange), handle;
    int64_t seconds = seconds_after(asked, 0, r->sqs->options.visibility.ns / 1000000000);
    uint64_t number;
    size_t at = 0;

    while (sqs_next_handle(answer, &at, &handle)) {
        if (!sqs_escaped_number(answer, at, &number))
            continue;
        sim_trace_add(r->sqs->net->trace, "given", "event", number, r->process);
        sim_ledger_given(r->sqs->ledger, number, r->process, sl_sec(seconds));
        remember(r->sqs, handle, number);
        r->numbers[r->count++] = number;
    }
    r->given = sl_now();
    r->sqs->bill.receives++;
}

/* Where an answer lists the entries that failed, behind those that succeeded; NULL: none did. */
const char *sqs_failed_entries(struct slice answer)
{
    return sim_text_find(answer, 0, SLICE("\"Failed\":[{"), 'F');
}

/* Entries have their positions as ids. */
static bool entry_failed(struct slice answer, const char *failed, unsigned position)
{
    char id[24];
    int n;

    if (!failed)
        return false;
    n = snprintf(id, sizeof id, "\"Id\":\"%u\"", position);
    return sim_text_find(rest_from(answer, failed), 0, (struct slice){id, (size_t)n}, 'I') != NULL;
}

void sqs_see_deleted(struct request *r, struct slice answer)
{
    struct slice asked = sim_exchange_body(r->exchange), handle;
    const char *failed = sqs_failed_entries(answer);
    size_t at = 0;

    for (unsigned i = 0; sqs_next_handle(asked, &at, &handle); i++) {
        const struct given *given = recall(r->sqs, handle);

        if (given && entry_failed(answer, failed, i))
            r->numbers[r->count++] = given->number;
        if (!given || entry_failed(answer, failed, i))
            continue;
        if (r->drops_deletes || is_newest(r->sqs, given))
            sim_ledger_deleted(r->sqs->ledger, given->number, r->drops_deletes);
    }
}

void sqs_see_changed(const struct request *r, struct slice answer)
{
    struct slice asked = sim_exchange_body(r->exchange), handle;
    struct sim_ledger *ledger = r->sqs->ledger;
    const char *failed = sqs_failed_entries(answer);
    size_t at = 0;

    for (unsigned i = 0; sqs_next_handle(asked, &at, &handle); i++) {
        sl_dur asked_for = sl_sec(seconds_after(asked, at, 0));
        const struct given *given = recall(r->sqs, handle);

        /* On a FIFO queue an old handle does nothing, and on any one whose time is over; SQS calls that a success. */
        if (!given || entry_failed(answer, failed, i) ||
            (ledger->groups > 0 && !is_newest(r->sqs, given)) ||
            !sl_time_before(sl_now(), sim_ledger_event(ledger, given->number)->hidden_until))
            continue;
        sim_trace_add(r->sqs->net->trace, "hidden", "event", given->number,
                      (uint64_t)asked_for.ns / 1000000000);
        if (sim_ledger_is_return(ledger, given->number, r->process, asked_for))
            sim_ledger_returned(ledger, given->number, r->process, asked_for);
        else
            sim_ledger_extended(ledger, given->number, asked_for);
    }
}

static bool is_merged(const struct sim_ledger *ledger, uint64_t number)
{
    const struct sim_event *event = sim_ledger_event(ledger, number);

    return !event || event->is_merged;
}

/* On a FIFO queue what one receive brought of a group is given back last first: the first of it must not be visible before the
 * others are. */
static void see_return(const struct request *r, uint64_t number, sl_dur delay, uint64_t *last)
{
    struct sim_ledger *ledger = r->sqs->ledger;
    uint64_t groups = ledger->groups, before = *last;

    sim_ledger_return_asked(ledger, number, r->process, delay);
    *last = number;
    if (groups == 0 || before == UINT64_MAX || number % groups != before % groups ||
        number < before || is_merged(ledger, number) || is_merged(ledger, before))
        return;
    ledger->wrong_requests++;
    sim_ledger_find(ledger, "event %" PRIu64 " of a FIFO group given back after %" PRIu64, number,
                    before);
}

/* Whoever was told to stop starts no receive. */
static void see_poll(const struct request *r)
{
    const struct sim_instance *instance = sim_ledger_instance(r->sqs->ledger, r->process);

    if (sl_time_cmp(instance->signalled_at, SL_NEVER) == 0 ||
        !sl_time_before(instance->signalled_at, sim_exchange_began(r->exchange)))
        return;
    r->sqs->ledger->receives_after_signal++;
    sim_ledger_find(r->sqs->ledger,
                    "process %" PRIu32 " started a receive after it was told to stop", r->process);
}

static void see_entries(const struct request *r)
{
    struct slice asked = sim_exchange_body(r->exchange), handle;
    struct sim_sqs *sqs = r->sqs;
    uint64_t last = UINT64_MAX;
    size_t at = 0;

    while (sqs_next_handle(asked, &at, &handle)) {
        int64_t seconds = r->kind == CHANGE ? seconds_after(asked, at, 0) : 0;
        const struct given *given = recall(sqs, handle);

        if (!given)
            continue;
        sim_trace_add(sqs->net->trace, r->kind == DELETE ? "delete asked" : "change asked", "event",
                      given->number, r->process);
        if (r->kind == DELETE)
            sim_ledger_delete_asked(sqs->ledger, given->number, r->process);
        else if (sim_ledger_is_return(sqs->ledger, given->number, r->process, sl_sec(seconds)))
            see_return(r, given->number, sl_sec(seconds), &last);
    }
    sqs->bill.deletes += r->kind == DELETE;
    sqs->bill.changes += r->kind == CHANGE;
}

void sqs_see_asked(const struct request *r)
{
    if (r->kind == RECEIVE)
        see_poll(r);
    else if (r->kind != OTHER)
        see_entries(r);
}

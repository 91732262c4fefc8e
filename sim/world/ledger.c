#include "sim/world/ledger.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_ledger_init(struct sim_ledger *ledger, unsigned groups)
{
    *ledger = (struct sim_ledger){.groups = groups};
}

void sim_ledger_deinit(struct sim_ledger *ledger)
{
    free(ledger->events);
}

__attribute__((format(printf, 2, 3))) static void find(struct sim_ledger *ledger,
                                                       const char *format, ...)
{
    va_list args;
    int n;

    if (ledger->finding[0])
        return;
    n = snprintf(ledger->finding, sizeof ledger->finding, "at %.3f s: ", (double)sl_now().ns / 1e9);
    va_start(args, format);
    vsnprintf(ledger->finding + n, sizeof ledger->finding - (size_t)n, format, args);
    va_end(args);
}

void sim_ledger_sent(struct sim_ledger *ledger, uint64_t number, bool is_poison)
{
    sl_assert(number == ledger->count);
    ledger->poison += is_poison;
    if (ledger->count == ledger->max) {
        ledger->max = ledger->max ? ledger->max * 2 : 1024;
        ledger->events = realloc(ledger->events, ledger->max * sizeof *ledger->events);
        sl_assert(ledger->events);
    }
    ledger->events[ledger->count++] =
        (struct sim_event){.sent_at = sl_now(), .first_commit = SL_NEVER, .is_poison = is_poison};
}

static struct sim_event *event_of(struct sim_ledger *ledger, uint64_t number)
{
    return number < ledger->count ? &ledger->events[number] : NULL;
}

/* The one before it in its group; NULL: it is the first, or there are no groups. */
static struct sim_event *before(struct sim_ledger *ledger, uint64_t number)
{
    if (ledger->groups == 0 || number < ledger->groups)
        return NULL;
    return event_of(ledger, number - ledger->groups);
}

static void explain(struct sim_ledger *ledger)
{
    ledger->duplicates++;
    ledger->explained++;
}

static void judge_duplicate(struct sim_ledger *ledger, uint64_t number, struct sim_event *event,
                            uint32_t process)
{
    bool is_same = process == event->last_process;

    if (!event->is_outstanding && !event->was_last_clean)
        event->causes |= CAUSE_NOT_CLEAN;
    /* Whatever SQS does: who was told that an event is delivered does not deliver it again. */
    if (event->causes && !(is_same && event->was_last_clean)) {
        explain(ledger);
        return;
    }
    ledger->duplicates++;
    ledger->unexplained++;
    find(ledger, "event %" PRIu64 " committed again by process %" PRIu32 " without a cause%s%s",
         number, process, is_same ? ", the same" : "",
         event->was_last_clean ? ", after a clean answer" : "");
}

void sim_ledger_commit(struct sim_ledger *ledger, uint64_t number, uint32_t process, bool is_late)
{
    struct sim_event *event = event_of(ledger, number), *earlier = before(ledger, number);

    ledger->commits++;
    if (!event) {
        ledger->unexpected++;
        find(ledger, "event %" PRIu64 " was never sent", number);
        return;
    }
    if (event->commits++ == 0)
        event->first_commit = sl_now();
    else if (is_late)
        explain(ledger);
    else
        judge_duplicate(ledger, number, event, process);
    if (earlier && earlier->commits == 0 && !earlier->is_dead) {
        ledger->disorders++;
        find(ledger, "event %" PRIu64 " of a FIFO group before %" PRIu64, number,
             number - ledger->groups);
    }
    if (is_late) /* nobody hears of it: what its client tries again is no surprise */
        return;
    event->causes = 0;
    event->last_process = process;
    event->is_outstanding = true;
    event->was_last_clean = false;
}

void sim_ledger_answered(struct sim_ledger *ledger, uint64_t number, bool clean)
{
    struct sim_event *event = event_of(ledger, number), *earlier = before(ledger, number);

    if (!event || !event->is_outstanding)
        return;
    event->is_outstanding = false;
    event->was_last_clean = clean;
    if (!clean)
        return;
    event->clean++;
    event->is_confirmed = true;
    if (earlier && !earlier->is_confirmed && !earlier->is_dead) {
        ledger->disorders++;
        find(ledger, "event %" PRIu64 " of a FIFO group confirmed before %" PRIu64, number,
             number - ledger->groups);
    }
}

void sim_ledger_deleted(struct sim_ledger *ledger, uint64_t number, bool done)
{
    struct sim_event *event = event_of(ledger, number);

    if (!event)
        return;
    if (!event->is_confirmed) {
        ledger->early_deletes++;
        find(ledger, "event %" PRIu64 " deleted before it was confirmed", number);
    }
    event->is_deleted = event->is_deleted || done;
}

void sim_ledger_dead(struct sim_ledger *ledger, uint64_t number)
{
    struct sim_event *event = event_of(ledger, number);

    if (!event)
        return;
    ledger->dead_healthy += !event->is_dead && !event->is_poison;
    event->is_dead = true;
}

void sim_ledger_cause(struct sim_ledger *ledger, uint64_t number, enum sim_cause cause)
{
    struct sim_event *event = event_of(ledger, number);

    if (event)
        event->causes |= (uint8_t)cause;
}

uint64_t sim_ledger_missing(const struct sim_ledger *ledger)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < ledger->count; i++)
        n += ledger->events[i].commits == 0 && !ledger->events[i].is_dead;
    return n;
}

/* ---- bodies ---- */

static const char HEAD[] = "{\"event\":";

void sim_event_body(uint64_t number, size_t size, struct strbuf *out)
{
    static const char pad[] = "............................................................";
    size_t begin = out->n;

    strbuf_addf(out, "%s%" PRIu64 ",\"pad\":\"", HEAD, number);
    while (out->n - begin + 2 < size) {
        size_t room = size - (out->n - begin) - 2;

        strbuf_add(out, pad, room < sizeof pad - 1 ? room : sizeof pad - 1);
    }
    strbuf_adds(out, "\"}");
}

bool sim_event_number(struct slice body, uint64_t *number)
{
    size_t n = sizeof HEAD - 1;
    uint64_t value = 0;

    if (body.n < n || memcmp(body.p, HEAD, n) != 0)
        return false;
    for (; n < body.n && body.p[n] >= '0' && body.p[n] <= '9'; n++)
        value = value * 10 + (uint64_t)(body.p[n] - '0');
    *number = value;
    return n > sizeof HEAD - 1 && n < body.n && body.p[n] == ',';
}

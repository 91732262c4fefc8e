#include "sim/world/ledger.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(cause) ((uint8_t)(1u << (cause)))
/* SQS's default: what sluice takes for a queue's visibility timeout where an answer has none. */
#define VISIBILITY_UNKNOWN sl_sec(30)

const char *const sim_cause_names[CAUSES] = {
    [CAUSE_NOT_CLEAN] = "answer not clean", [CAUSE_ENDED] = "process cut short",
    [CAUSE_RETURNED] = "given back",        [CAUSE_UNHEARD] = "receive unheard",
    [CAUSE_TWICE] = "SQS gave it twice",    [CAUSE_UNDELETED] = "SQS kept it",
    [CAUSE_LEASE] = "lease ran out",
};

void sim_ledger_init(struct sim_ledger *ledger, unsigned groups, sl_dur visibility)
{
    *ledger =
        (struct sim_ledger){.groups = groups, .visibility = visibility, .frozen_at = SL_NEVER};
}

void sim_ledger_deinit(struct sim_ledger *ledger)
{
    for (uint64_t i = 0; i < ledger->max / SIM_PAGE; i++)
        free(ledger->pages[i]);
    free(ledger->pages);
    free(ledger->instances);
}

void sim_ledger_find(struct sim_ledger *ledger, const char *format, ...)
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

/* Goes through the events that are not forgotten; `event` is NULL at the end. */
static struct sim_event *next_event(const struct sim_ledger *ledger, uint64_t *at)
{
    struct sim_event *event = NULL;

    while (!event && *at < ledger->count) {
        event = sim_ledger_event(ledger, *at);
        *at += event ? 1 : SIM_PAGE - *at % SIM_PAGE;
    }
    return event;
}

/* Nothing more is expected of an event; a page of those is not needed. */
static void settle(struct sim_ledger *ledger, uint64_t number)
{
    struct sim_page *page = ledger->pages[number / SIM_PAGE];
    struct sim_event *event = &page->events[number % SIM_PAGE];

    if (!ledger->forgets || event->is_settled || event->open > 0 ||
        !(event->is_deleted || event->is_dead))
        return;
    event->is_settled = true;
    if (++page->settled < SIM_PAGE)
        return;
    free(page);
    ledger->pages[number / SIM_PAGE] = NULL;
}

static void add_page(struct sim_ledger *ledger)
{
    if (ledger->count == ledger->max) {
        uint64_t max = ledger->max ? ledger->max * 2 : (uint64_t)SIM_PAGE * 64;

        ledger->pages = realloc(ledger->pages, max / SIM_PAGE * sizeof *ledger->pages);
        sl_assert(ledger->pages);
        memset(ledger->pages + ledger->max / SIM_PAGE, 0,
               (max - ledger->max) / SIM_PAGE * sizeof *ledger->pages);
        ledger->max = max;
    }
    ledger->pages[ledger->count / SIM_PAGE] = calloc(1, sizeof **ledger->pages);
    sl_assert(ledger->pages[ledger->count / SIM_PAGE]);
}

/* The one before it in its group; NULL: it is the first, or there are no groups. */
static const struct sim_event *before(const struct sim_ledger *ledger, uint64_t number)
{
    if (ledger->groups == 0 || number < ledger->groups)
        return NULL;
    return sim_ledger_event(ledger, number - ledger->groups);
}

/* Which of those it was confirmed to is `process`; SIM_CONFIRMED_BY: none. */
static size_t confirmed_to(const struct sim_event *event, uint32_t process)
{
    size_t i = 0;

    while (i < SIM_CONFIRMED_BY && event->confirmed_by[i] != process)
        i++;
    return i;
}

static bool is_confirmed_by(const struct sim_event *event, uint32_t process)
{
    return confirmed_to(event, process) < SIM_CONFIRMED_BY;
}

/* Whether it has to know that: a process remembers it for two visibility timeouts, and for 10 minutes at least. */
static bool has_to_know(const struct sim_ledger *ledger, const struct sim_event *event,
                        uint32_t process)
{
    size_t i = confirmed_to(event, process);
    sl_dur memory = sl_dur_max(sl_minutes(10), sl_dur_mul(ledger->visibility, 2));

    return i < SIM_CONFIRMED_BY &&
           sl_dur_cmp(sl_time_sub(sl_now(), event->confirmed_at[i]), memory) < 0;
}

/* ---- processes ---- */

struct sim_instance *sim_ledger_instance(struct sim_ledger *ledger, uint32_t process)
{
    if (process >= ledger->instance_max) {
        uint32_t max = ledger->instance_max ? ledger->instance_max : 64;

        while (max <= process)
            max *= 2;
        ledger->instances = realloc(ledger->instances, max * sizeof *ledger->instances);
        sl_assert(ledger->instances);
        for (uint32_t i = ledger->instance_max; i < max; i++)
            ledger->instances[i] = (struct sim_instance){
                .trouble_at = SL_NEVER, .unrest_at = SL_NEVER, .signalled_at = SL_NEVER};
        ledger->instance_max = max;
    }
    return &ledger->instances[process];
}

void sim_ledger_trouble(struct sim_ledger *ledger, uint32_t process)
{
    struct sim_instance *instance = sim_ledger_instance(ledger, process);

    instance->trouble_at = instance->unrest_at = sl_now();
}

void sim_ledger_unrest(struct sim_ledger *ledger, uint32_t process)
{
    sim_ledger_instance(ledger, process)->unrest_at = sl_now();
}

static bool is_within(sl_time at, sl_dur span)
{
    return sl_time_cmp(at, SL_NEVER) != 0 && sl_dur_cmp(sl_time_sub(sl_now(), at), span) <= 0;
}

bool sim_ledger_was_at_peace(struct sim_ledger *ledger, uint32_t process, sl_dur span)
{
    return !is_within(sim_ledger_instance(ledger, process)->unrest_at, span) &&
           !is_within(ledger->frozen_at, span);
}

void sim_ledger_cut_short(struct sim_ledger *ledger, uint32_t process)
{
    struct sim_event *event;

    for (uint64_t at = 0; (event = next_event(ledger, &at));)
        if (event->holder == process)
            event->causes |= BIT(CAUSE_ENDED);
}

void sim_ledger_frozen(struct sim_ledger *ledger)
{
    ledger->frozen_at = sl_now();
}

/* Whether `at` came so late that it may be why the event's lease ran out: within the two visibility timeouts before that. */
static bool may_have_cost(const struct sim_ledger *ledger, const struct sim_event *event,
                          sl_time at)
{
    sl_dur visibility = sl_dur_max(ledger->visibility, sl_sec(event->granted_s));

    return sl_time_cmp(at, SL_NEVER) != 0 &&
           sl_dur_cmp(sl_time_sub(event->hidden_until, at), sl_dur_mul(visibility, 2)) <= 0;
}

static bool may_lose_lease(struct sim_ledger *ledger, const struct sim_event *event)
{
    const struct sim_instance *instance = sim_ledger_instance(ledger, event->holder);

    return instance->extends_no_more || may_have_cost(ledger, event, instance->trouble_at) ||
           may_have_cost(ledger, event, ledger->frozen_at);
}

/* ---- SQS ---- */

/* The holder has it no more, or never got it. */
static void let_go(struct sim_ledger *ledger, struct sim_event *event)
{
    if (event->is_held)
        ledger->instances[event->holder].held--;
    event->is_held = false;
}

/* Memory is bounded by what may be held; what was lost on a way, or lapsed, is not counted off for two visibility timeouts. */
static void judge_held(struct sim_ledger *ledger, uint32_t process)
{
    const struct sim_instance *instance = sim_ledger_instance(ledger, process);
    sl_dur span = sl_dur_mul(ledger->visibility, 2);

    if (instance->held_max == 0 || instance->held <= instance->held_max ||
        is_within(instance->trouble_at, span) || is_within(ledger->frozen_at, span))
        return;
    ledger->wrong_requests++;
    sim_ledger_find(ledger, "process %" PRIu32 " holds %" PRIu64 " events, and may hold %" PRIu64,
                    process, instance->held, instance->held_max);
}

void sim_ledger_sent(struct sim_ledger *ledger, uint64_t number, bool is_poison)
{
    sl_assert(number == ledger->count);
    ledger->poison += is_poison;
    if (number % SIM_PAGE == 0)
        add_page(ledger);
    ledger->count++;
    *sim_ledger_event(ledger, number) =
        (struct sim_event){.is_poison = is_poison, .delete_failed = SL_NEVER};
    ledger->uncommitted++;
}

/* Whoever is told that a delete failed tries again while the lease lasts; that this never arrived is its only excuse. */
static void judge_failed_delete(struct sim_ledger *ledger, uint64_t number,
                                const struct sim_event *event)
{
    sl_dur time = sl_dur_min(sl_sec(8), sl_dur_div(ledger->visibility, 2));
    const struct sim_instance *instance;

    if (sl_time_cmp(event->delete_failed, SL_NEVER) == 0 || event->causes & BIT(CAUSE_ENDED) ||
        sl_time_before(sl_now(), event->hidden_until))
        return;
    instance = sim_ledger_instance(ledger, event->holder);
    if (sl_time_before(event->hidden_until, sl_time_add(event->delete_failed, time)) ||
        sl_time_before(event->delete_failed, instance->trouble_at) ||
        may_have_cost(ledger, event, ledger->frozen_at))
        return;
    ledger->wrong_requests++;
    sim_ledger_find(ledger,
                    "process %" PRIu32 " was told that the delete of event %" PRIu64
                    " failed, and did not try again",
                    event->holder, number);
}

/* Why it is given out again. */
static uint8_t causes_of_receipt(struct sim_ledger *ledger, const struct sim_event *event)
{
    uint8_t causes = event->causes;

    if (event->holder == 0 || causes)
        return causes;
    /* Of two receipts at once it may hear of the newer one first, and use the older one's handle. */
    if (sl_time_before(sl_now(), event->hidden_until) || event->last_causes & BIT(CAUSE_TWICE))
        return BIT(CAUSE_TWICE);
    return may_lose_lease(ledger, event) ? BIT(CAUSE_LEASE) : 0;
}

void sim_ledger_given(struct sim_ledger *ledger, uint64_t number, uint32_t process,
                      sl_dur visibility)
{
    struct sim_event *event = sim_ledger_event(ledger, number);
    uint8_t causes;

    if (!event)
        return;
    causes = causes_of_receipt(ledger, event);
    judge_failed_delete(ledger, number, event);
    event->delete_failed = SL_NEVER;
    if (event->receipts++ > 0 && !causes) {
        ledger->strange_receipts++;
        sim_ledger_find(ledger,
                        "event %" PRIu64 ", which process %" PRIu32 " had, was given to %" PRIu32
                        " without a cause",
                        number, event->holder, process);
    }
    event->causes = 0;
    event->last_causes = causes;
    let_go(ledger, event);
    event->is_merged = event->holder == process;
    event->was_returned = event->was_refused = event->was_held_up = event->is_heard = false;
    event->granted_s = (uint16_t)(visibility.ns / 1000000000);
    sim_ledger_instance(ledger, process)->visibility_s = event->granted_s;
    event->holder = process;
    event->hidden_until = sl_time_add(sl_now(), visibility);
    event->is_held = true;
    sim_ledger_instance(ledger, process)->held++;
    judge_held(ledger, process);
}

void sim_ledger_heard(struct sim_ledger *ledger, uint64_t number, uint32_t process, sl_time given)
{
    struct sim_event *event = sim_ledger_event(ledger, number);

    if (!event || event->holder != process)
        return;
    event->is_heard = true;
    event->was_held_up =
        sl_time_cmp(ledger->frozen_at, SL_NEVER) != 0 && !sl_time_before(ledger->frozen_at, given);
}

void sim_ledger_unheard(struct sim_ledger *ledger, uint64_t number, uint32_t process,
                        bool is_visible)
{
    struct sim_event *event = sim_ledger_event(ledger, number);

    if (!event || event->holder != process)
        return;
    event->causes |= BIT(CAUSE_UNHEARD);
    let_go(ledger, event);
    if (is_visible)
        event->hidden_until = sl_now();
}

void sim_ledger_extended(struct sim_ledger *ledger, uint64_t number, sl_dur visibility)
{
    struct sim_event *event = sim_ledger_event(ledger, number);
    sl_dur granted, due;

    if (!event)
        return;
    granted = sl_sec(event->granted_s);
    due = sl_dur_add(sl_dur_add(sl_dur_div(granted, 2), sl_dur_div(granted, 40)), sl_ms(1500));
    if (event->was_refused || sl_dur_cmp(sl_time_sub(event->hidden_until, sl_now()), due) > 0) {
        event->causes |= BIT(CAUSE_RETURNED);
        let_go(ledger, event);
    }
    event->hidden_until = sl_time_add(sl_now(), visibility);
    event->granted_s = (uint16_t)(visibility.ns / 1000000000);
}

bool sim_ledger_is_return(struct sim_ledger *ledger, uint64_t number, uint32_t process,
                          sl_dur asked)
{
    const struct sim_event *event = sim_ledger_event(ledger, number);

    return event && sl_dur_cmp(asked, sl_sec(event->granted_s)) != 0 &&
           sl_dur_cmp(asked, ledger->visibility) != 0 &&
           sl_dur_cmp(asked, VISIBILITY_UNKNOWN) != 0 &&
           sl_dur_cmp(asked, sl_sec(sim_ledger_instance(ledger, process)->visibility_s)) != 0;
}

void sim_ledger_return_asked(struct sim_ledger *ledger, uint64_t number, uint32_t process,
                             sl_dur delay)
{
    const struct sim_event *event = sim_ledger_event(ledger, number);
    bool drains = sl_time_cmp(sim_ledger_instance(ledger, process)->signalled_at, SL_NEVER) != 0;

    if (event && has_to_know(ledger, event, process)) {
        ledger->wrong_requests++;
        sim_ledger_find(ledger,
                        "event %" PRIu64 " given back by process %" PRIu32
                        ", which knows that it is delivered",
                        number, process);
    } else if (event && delay.ns == 0 && !drains && ledger->groups == 0) {
        ledger->wrong_requests++;
        sim_ledger_find(ledger,
                        "event %" PRIu64 " given back by process %" PRIu32
                        " without a delay, and that does not drain",
                        number, process);
    }
}

void sim_ledger_returned(struct sim_ledger *ledger, uint64_t number, uint32_t process, sl_dur delay)
{
    struct sim_event *event = sim_ledger_event(ledger, number);

    if (!event)
        return;
    event->hidden_until = sl_time_add(sl_now(), delay);
    event->was_returned = true;
    event->causes |= BIT(CAUSE_RETURNED);
    let_go(ledger, event);
    if (event->holder == process)
        event->holder = 0;
}

void sim_ledger_delete_asked(struct sim_ledger *ledger, uint64_t number, uint32_t process)
{
    struct sim_event *event = sim_ledger_event(ledger, number);

    if (event && event->holder == process)
        event->delete_failed = SL_NEVER;
    if (!event)
        return;
    if (is_confirmed_by(event, process)) {
        event->confirmed_at[confirmed_to(event, process)] = sl_now();
        return;
    }
    ledger->early_deletes++;
    sim_ledger_find(
        ledger, "event %" PRIu64 " deleted by process %" PRIu32 " before it was confirmed to it",
        number, process);
}

void sim_ledger_delete_failed(struct sim_ledger *ledger, uint64_t number, uint32_t process)
{
    struct sim_event *event = sim_ledger_event(ledger, number);

    if (event && event->holder == process && event->is_heard)
        event->delete_failed = sl_now();
}

void sim_ledger_deleted(struct sim_ledger *ledger, uint64_t number, bool kept)
{
    struct sim_event *event = sim_ledger_event(ledger, number);

    if (!event)
        return;
    let_go(ledger, event);
    if (kept) {
        event->causes |= BIT(CAUSE_UNDELETED);
        return;
    }
    event->is_deleted = true;
    settle(ledger, number);
}

void sim_ledger_dead(struct sim_ledger *ledger, uint64_t number)
{
    struct sim_event *event = sim_ledger_event(ledger, number);

    if (!event)
        return;
    let_go(ledger, event);
    ledger->dead_healthy += !event->is_dead && !event->is_poison;
    event->is_dead = true;
    settle(ledger, number);
}

/* ---- the service ---- */

void sim_ledger_posted(struct sim_ledger *ledger, uint64_t number, uint32_t process, sl_time began)
{
    const struct sim_event *event = sim_ledger_event(ledger, number);

    /* Only trouble with SQS excuses it, or a world that stood still while the receipt was on its way: then it may believe in a
     * lease that it does not have. */
    if (!event || event->holder != process || sl_time_before(began, event->hidden_until) ||
        event->is_deleted || event->was_held_up ||
        may_have_cost(ledger, event, sim_ledger_instance(ledger, process)->trouble_at))
        return;
    ledger->wrong_requests++;
    sim_ledger_find(ledger,
                    "event %" PRIu64 " posted by process %" PRIu32 " after its lease was over",
                    number, process);
}

/* The most telling of the causes. */
static enum sim_cause cause_of(const struct sim_event *event)
{
    uint8_t causes = event->last_causes;

    /* Every commit that was neither clean nor is open explains one more. */
    if (event->commits > event->open + event->clean + 1 || !causes)
        return CAUSE_NOT_CLEAN;
    return (enum sim_cause)__builtin_ctz(causes);
}

static void judge_duplicate(struct sim_ledger *ledger, uint64_t number,
                            const struct sim_event *event, uint32_t process)
{
    bool knows = has_to_know(ledger, event, process);

    ledger->duplicates++;
    if (!knows && event->open + event->clean <= event->receipts) {
        ledger->explained[cause_of(event)]++;
        return;
    }
    ledger->unexplained++;
    sim_ledger_find(ledger,
                    "event %" PRIu64 " committed by process %" PRIu32
                    " %s: %d receipts, %d clean, %d open",
                    number, process, knows ? "after it was confirmed to it" : "without a cause",
                    event->receipts, event->clean, event->open);
}

/* `how` it went before the one that precedes it in its group. */
static void find_disorder(struct sim_ledger *ledger, uint64_t number, const char *how)
{
    ledger->disorders++;
    sim_ledger_find(ledger, "event %" PRIu64 " of a FIFO group %s %" PRIu64, number, how,
                    number - ledger->groups);
}

/* Not so if it has died: only then is SQS asked, since that takes longer than all the rest. */
static bool is_overtaken(struct sim_ledger *ledger, uint64_t number)
{
    const struct sim_event *event;

    if (ledger->collect_dead)
        ledger->collect_dead(ledger->collect_dead_arg);
    event = sim_ledger_event(ledger, number); /* it may be forgotten by this */
    return event && !event->is_dead;
}

void sim_ledger_commit(struct sim_ledger *ledger, uint64_t number, uint32_t process, bool is_late)
{
    struct sim_event *event = sim_ledger_event(ledger, number);
    const struct sim_event *earlier = before(ledger, number);

    ledger->commits++;
    if (!event && number < ledger->count) { /* forgotten: a late one of an event that is settled */
        ledger->duplicates++;
        ledger->explained[CAUSE_NOT_CLEAN]++;
        return;
    }
    if (!event) {
        ledger->unexpected++;
        sim_ledger_find(ledger, "event %" PRIu64 " was never sent", number);
        return;
    }
    event->open += !is_late;
    if (event->commits++ == 0)
        ledger->uncommitted--;
    else if (is_late)
        ledger->duplicates++, ledger->explained[CAUSE_NOT_CLEAN]++;
    else
        judge_duplicate(ledger, number, event, process);
    if (earlier && earlier->commits == 0 && !earlier->is_dead &&
        is_overtaken(ledger, number - ledger->groups))
        find_disorder(ledger, number, "before");
}

void sim_ledger_refused(struct sim_ledger *ledger, uint64_t number)
{
    struct sim_event *event = sim_ledger_event(ledger, number);

    if (event)
        event->was_refused = true;
}

void sim_ledger_answered(struct sim_ledger *ledger, uint64_t number, uint32_t process, bool clean)
{
    struct sim_event *event = sim_ledger_event(ledger, number);
    const struct sim_event *earlier = before(ledger, number);

    if (!event)
        return;
    sl_assert(event->open > 0);
    /* First of all: an event with an open commit is not forgotten. */
    if (clean && earlier && earlier->clean == 0 && !earlier->is_dead &&
        is_overtaken(ledger, number - ledger->groups))
        find_disorder(ledger, number, "confirmed before");
    event->open--;
    if (!clean) {
        settle(ledger, number);
        return;
    }
    event->clean++;
    memmove(event->confirmed_by + 1, event->confirmed_by,
            (SIM_CONFIRMED_BY - 1) * sizeof event->confirmed_by[0]);
    memmove(event->confirmed_at + 1, event->confirmed_at,
            (SIM_CONFIRMED_BY - 1) * sizeof event->confirmed_at[0]);
    event->confirmed_by[0] = process;
    event->confirmed_at[0] = sl_now();
    settle(ledger, number);
}

/* ---- looking ---- */

uint64_t sim_ledger_missing(const struct sim_ledger *ledger)
{
    const struct sim_event *event;
    uint64_t n = 0;

    for (uint64_t at = 0; (event = next_event(ledger, &at));)
        n += event->commits == 0 && !event->is_dead;
    return n;
}

uint64_t sim_ledger_explained(const struct sim_ledger *ledger)
{
    uint64_t n = 0;

    for (size_t i = 0; i < CAUSES; i++)
        n += ledger->explained[i];
    return n;
}

sl_time sim_ledger_hidden_until(const struct sim_ledger *ledger)
{
    const struct sim_event *event;
    sl_time latest = {0};

    for (uint64_t at = 0; (event = next_event(ledger, &at));)
        if (event->was_returned && !event->is_deleted)
            latest = sl_time_max(latest, event->hidden_until);
    return latest;
}

#include "sim/world/faults.h"

#include <inttypes.h>

#define ANY     true, LEGS
#define SQS     true, LEG_SQS
#define SERVICE true, LEG_SERVICE
#define TIME    false, LEGS

const struct sim_fault_row sim_fault_rows[FAULTS] = {
    [FAULT_NO_NAME] = {"no-name", ANY},
    [FAULT_REFUSED] = {"refused", ANY},
    [FAULT_UNREACHABLE] = {"unreachable", ANY},
    [FAULT_TLS] = {"tls", ANY},
    [FAULT_REQUEST_LOST] = {"request-lost", ANY},
    [FAULT_RESET_BEFORE] = {"reset-before", ANY},
    [FAULT_RESET_AFTER] = {"reset-after", ANY},
    [FAULT_ANSWER_LOST] = {"answer-lost", ANY},
    [FAULT_TRUNCATED] = {"truncated", ANY},
    [FAULT_STALLED] = {"stalled", ANY},
    [FAULT_GARBAGE] = {"garbage", ANY},
    [FAULT_SLOW] = {"slow", ANY},
    [FAULT_SQS_FAILS] = {"sqs-fails", SQS},
    [FAULT_SQS_THROTTLES] = {"sqs-throttles", SQS},
    [FAULT_SQS_MALFORMED] = {"sqs-malformed", SQS},
    [FAULT_SQS_ENTRY] = {"sqs-entry", SQS},
    [FAULT_SQS_TWICE] = {"sqs-twice", SQS},
    [FAULT_SQS_UNDELETED] = {"sqs-undeleted", SQS},
    [FAULT_SQS_SHUFFLED] = {"sqs-shuffled", SQS},
    [FAULT_SQS_BAD_DIGEST] = {"sqs-bad-digest", SQS},
    [FAULT_SQS_OLD_KEYS] = {"sqs-old-keys", SQS},
    [FAULT_SQS_DENIED] = {"sqs-denied", SQS},
    [FAULT_SQS_NO_QUEUE] = {"sqs-no-queue", SQS},
    [FAULT_SQS_OVER_LIMIT] = {"sqs-over-limit", SQS},
    [FAULT_BUSY] = {"busy", SERVICE},
    [FAULT_SERVER_ERROR] = {"server-error", SERVICE},
    [FAULT_TIMED_OUT] = {"timed-out", SERVICE},
    [FAULT_TAKEN_THEN_500] = {"taken-then-500", SERVICE},
    [FAULT_BAD_ANSWER] = {"bad-answer", SERVICE},
    [FAULT_PARTIAL] = {"partial", SERVICE},
    [FAULT_REFUSES] = {"refuses", SERVICE},
    [FAULT_TOO_LARGE] = {"too-large", SERVICE},
    [FAULT_WRONG] = {"wrong", SERVICE},
    [FAULT_OTHER_SUCCESS] = {"other-success", SERVICE},
    [FAULT_DAWDLES] = {"dawdles", SERVICE},
    [FAULT_CRASH] = {"crash", TIME},
    [FAULT_STOPPED] = {"stopped", TIME},
    [FAULT_STOPPED_HARD] = {"stopped-hard", TIME},
    [FAULT_FROZEN] = {"frozen", TIME},
    [FAULT_CLOCK] = {"clock", TIME},
};

/* ---- plans ---- */

static uint32_t draw_ppm(struct sim_random *random)
{
    /* From 0.1 % to 6.4 %, each doubling as likely as the other. */
    return 1000u << sim_random_below(random, 7);
}

static void draw_window(struct sim_fault_plan *plan, struct sim_random *random, enum sim_fault kind)
{
    const struct sim_fault_row *row = &sim_fault_rows[kind];
    int64_t seconds = plan->until.ns / 1000000000;
    sl_time from = sl_time_add((sl_time){0}, sl_sec(sim_random_between(random, 5, seconds)));
    sl_dur length = sl_ms(sim_random_between(random, 500, 60000));

    plan->windows[plan->window_count++] = (struct sim_window){
        .kind = kind,
        .leg = row->leg != LEGS ? row->leg : (enum sim_leg)sim_random_below(random, LEGS),
        .from = from,
        .to = sl_time_min(sl_time_add(from, length), plan->until),
        .ppm = sim_random_happens(random, 500000) ? 1000000 : 300000,
    };
}

/* One half of the seeds have faults everywhere; the others only on one side, where nothing excuses the other. */
static void draw_legs(struct sim_fault_plan *plan, struct sim_random *random)
{
    uint64_t which = sim_random_below(random, 4);

    for (enum sim_leg leg = 0; leg < LEGS; leg++)
        plan->spares[leg] = which == (uint64_t)leg;
}

void sim_fault_plan_draw(struct sim_fault_plan *plan, struct sim_random *random, uint64_t allowed,
                         sl_time until)
{
    static const uint32_t shares[] = {60000, 150000, 300000, 450000};
    uint32_t share = shares[sim_random_below(random, 4)];

    *plan = (struct sim_fault_plan){.until = until};
    draw_legs(plan, random);
    for (enum sim_fault kind = 0; kind < FAULTS; kind++) {
        bool is_on = sim_random_happens(random, share);
        uint32_t ppm = draw_ppm(random);
        int64_t seconds = sim_random_between(random, 20, 160);
        bool has_window = sim_random_happens(random, share / 2);

        if (!(allowed >> kind & 1))
            continue;
        if (!sim_fault_rows[kind].is_of_requests) {
            plan->every[kind] = is_on ? sl_sec(seconds) : SL_ZERO;
            continue;
        }
        if (sim_fault_rows[kind].leg != LEGS && plan->spares[sim_fault_rows[kind].leg])
            continue;
        /* One 413 teaches a process to send less: there are few, so each is likely. */
        plan->ppm[kind] = !is_on ? 0 : kind == FAULT_TOO_LARGE ? ppm * 8 : ppm;
        if (has_window && plan->window_count < SIM_WINDOWS_MAX)
            draw_window(plan, random, kind);
    }
}

uint64_t sim_fault_plan_kinds(const struct sim_fault_plan *plan)
{
    uint64_t kinds = 0;

    for (enum sim_fault kind = 0; kind < FAULTS; kind++)
        if (plan->ppm[kind] > 0 || plan->every[kind].ns > 0)
            kinds |= (uint64_t)1 << kind;
    for (unsigned i = 0; i < plan->window_count; i++)
        kinds |= (uint64_t)1 << plan->windows[i].kind;
    return kinds;
}

void sim_fault_plan_keep(struct sim_fault_plan *plan, uint64_t kinds)
{
    unsigned n = 0;

    for (enum sim_fault kind = 0; kind < FAULTS; kind++)
        if (!(kinds >> kind & 1)) {
            plan->ppm[kind] = 0;
            plan->every[kind] = SL_ZERO;
        }
    for (unsigned i = 0; i < plan->window_count; i++)
        if (kinds >> plan->windows[i].kind & 1)
            plan->windows[n++] = plan->windows[i];
    plan->window_count = n;
}

void sim_fault_plan_print(const struct sim_fault_plan *plan, struct strbuf *out)
{
    const char *comma = "";

    for (enum sim_fault kind = 0; kind < FAULTS; kind++) {
        const char *name = sim_fault_rows[kind].name;

        if (plan->ppm[kind] > 0)
            strbuf_addf(out, "%s%s %" PRIu32 ".%" PRIu32 "%%", comma, name, plan->ppm[kind] / 10000,
                        plan->ppm[kind] / 1000 % 10);
        else if (plan->every[kind].ns > 0)
            strbuf_addf(out, "%s%s every %" PRId64 " s", comma, name,
                        plan->every[kind].ns / 1000000000);
        else
            continue;
        comma = ", ";
    }
    for (unsigned i = 0; i < plan->window_count; i++) {
        const struct sim_window *w = &plan->windows[i];

        strbuf_addf(out, "%s%s %" PRIu32 "%% from %.1f to %.1f s", comma,
                    sim_fault_rows[w->kind].name, w->ppm / 10000, (double)w->from.ns / 1e9,
                    (double)w->to.ns / 1e9);
        comma = ", ";
    }
    if (!*comma)
        strbuf_adds(out, "none");
    else if (plan->spares[LEG_SQS] || plan->spares[LEG_SERVICE])
        strbuf_addf(out, "; none with %s", plan->spares[LEG_SQS] ? "SQS" : "the service");
}

/* ---- what happens ---- */

void sim_faults_init(struct sim_faults *faults, const struct sim_fault_plan *plan,
                     struct sim_random random)
{
    *faults = (struct sim_faults){.plan = *plan, .random = random};
}

static uint32_t ppm_of(const struct sim_faults *faults, enum sim_fault kind, enum sim_leg leg,
                       sl_time now)
{
    const struct sim_fault_plan *plan = &faults->plan;
    uint32_t ppm = plan->spares[leg] ? 0 : plan->ppm[kind];

    for (unsigned i = 0; i < plan->window_count; i++) {
        const struct sim_window *w = &plan->windows[i];

        if (w->kind == kind && !plan->spares[leg] && (w->leg == leg || w->leg == LEGS) &&
            !sl_time_before(now, w->from) && sl_time_before(now, w->to) && w->ppm > ppm)
            ppm = w->ppm;
    }
    return ppm;
}

bool sim_fault_happens(struct sim_faults *faults, enum sim_fault kind, enum sim_leg leg)
{
    sl_time now = sl_now();

    if (!sl_time_before(now, faults->plan.until) ||
        !sim_random_happens(&faults->random, ppm_of(faults, kind, leg, now)))
        return false;
    faults->tally[kind]++;
    return true;
}

enum sim_fault sim_fault_draw(struct sim_faults *faults, enum sim_fault first, enum sim_fault last,
                              enum sim_leg leg)
{
    for (enum sim_fault kind = first; kind <= last; kind++)
        if (sim_fault_happens(faults, kind, leg))
            return kind;
    return FAULTS;
}

void sim_fault_count(struct sim_faults *faults, enum sim_fault kind)
{
    faults->tally[kind]++;
}

sl_dur sim_fault_next(struct sim_faults *faults, enum sim_fault kind)
{
    sl_dur mean = faults->plan.every[kind];

    return mean.ns > 0 ? sim_random_exponential(&faults->random, mean) : SL_FOREVER;
}

#include "cli/simulate_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/account.h"
#include "core/json_out.h"
#include "core/units.h"

/* Several numbers in one sentence: each call has its own storage, until the eighth after it. */
static const char *number(uint64_t n)
{
    static char texts[8][UNITS_TEXT_SIZE];
    static unsigned next;

    return units_print_count(texts[next++ % 8], n);
}

uint64_t simulation_delivered(const struct simulation *s)
{
    return s->result.committed - s->result.duplicates - s->result.unexpected;
}

const char *simulation_finding(const struct simulation *s)
{
    const struct sim_result *r = &s->result;
    uint64_t wrong = r->lost + r->unexpected + r->unexplained + r->early_deletes + r->disorders +
                     r->totals.account_errors;

    return wrong > 0 && r->finding[0] ? r->finding : NULL;
}

static uint64_t requests_to_sqs(const struct simulation *s)
{
    const struct sim_sqs_bill *b = &s->result.bill;

    return b->receives + b->deletes + b->changes + b->others;
}

double simulation_cost(const struct simulation *s, const struct scenario *scenario)
{
    return (double)s->result.bill.chunks * scenario->price / 1e6;
}

static sl_dur oldest(const struct simulation *s)
{
    return sl_ms(s->result.peak_oldest_ms);
}

static const char *from_of(const struct scenario *s)
{
    return s->options->run.from ? s->options->run.from : "orders";
}

static const char *to_of(const struct scenario *s)
{
    return s->options->run.to ? s->options->run.to : "the service";
}

/* ---- one run, for people ---- */

/* What a killed replica held has no line in its account: it is abandoned, and comes back by itself. */
static uint64_t complete_account(const struct simulation *s, struct account *a)
{
    uint64_t open;

    *a = s->result.totals.account;
    open = account_open(a);
    a->abandoned += open;
    return open;
}

static struct account_report report_of(const struct simulation *s, const struct scenario *scenario,
                                       const struct account *account)
{
    const struct sim_config *c = &scenario->config;
    sl_dur longest = s->result.totals.longest_drain_over;

    return (struct account_report){
        .account = account,
        .outcome = s->result.totals.deadlines > 0 ? ACCOUNT_DEADLINE : ACCOUNT_DRAINED,
        .drain_took = sl_dur_cmp(longest, sl_ns(INT64_MIN)) > 0
                          ? sl_dur_max(SL_ZERO, sl_dur_add(c->process.drain, longest))
                          : SL_ZERO,
        .took = s->result.simulated,
        .visibility = c->process.visibility.ns > 0 ? c->process.visibility : c->sqs.visibility,
        .takes_back = true,
        .from = from_of(scenario),
        .to = to_of(scenario),
        .cpu_seconds = s->cpu_seconds,
        .memory_bytes = s->memory_bytes,
    };
}

static void add_account(const struct simulation *s, const struct scenario *scenario,
                        struct strbuf *out)
{
    struct account account;
    uint64_t held = complete_account(s, &account);
    struct account_report report = report_of(s, scenario, &account);

    account_print(&report, out);
    if (held > 0)
        strbuf_addf(out, "  of the abandoned, %s were held by a replica when it crashed\n",
                    number(held));
}

static void add_causes(const struct simulation *s, struct strbuf *out)
{
    const char *comma = "";

    for (enum sim_cause cause = 0; cause < CAUSES; cause++)
        if (s->result.causes[cause] > 0) {
            strbuf_addf(out, "%s%s %s", comma, number(s->result.causes[cause]),
                        sim_cause_names[cause]);
            comma = ", ";
        }
}

static void add_row(struct strbuf *out, const char *label, const char *value)
{
    strbuf_addf(out, "  %-15s%14s", label, value);
}

static void add_facts(const struct simulation *s, const struct scenario *scenario,
                      struct strbuf *out)
{
    const struct sim_result *r = &s->result;
    char text[UNITS_TEXT_SIZE];

    add_row(out, "sent", number(r->sent));
    strbuf_addf(out, "   by producers, %s\n", scenario_rate_text(scenario, (char[64]){0}));
    add_row(out, "delivered", number(simulation_delivered(s)));
    strbuf_adds(out, "   different events that the service has taken\n");
    add_row(out, "duplicates", number(r->duplicates));
    strbuf_adds(out, r->duplicates > 0 ? "   " : "");
    add_causes(s, out);
    strbuf_addc(out, '\n');
    add_row(out, "dead-lettered", number(r->dead));
    if (r->poison > 0)
        strbuf_addf(out, "   %s of the %s that the service refuses",
                    number(r->dead - r->dead_healthy), number(r->poison));
    strbuf_addc(out, '\n');
    add_row(out, "left", number(r->left));
    strbuf_adds(out, r->left > 0 ? "   in the queue at the end\n" : "\n");
    add_row(out, "peak backlog", number(s->series.peak));
    strbuf_addf(out, "   after %s\n",
                units_print_duration(text, sl_time_sub(s->series.peak_at, (sl_time){0})));
    add_row(out, "oldest event", units_print_duration(text, oldest(s)));
    strbuf_adds(out, "   waited so long\n");
}

static void add_requests(const struct simulation *s, const struct scenario *scenario,
                         struct strbuf *out)
{
    const struct sim_sqs_bill *b = &s->result.bill;
    const struct sim_process_totals *t = &s->result.totals;
    char cost[40];

    add_row(out, "SQS requests", number(requests_to_sqs(s)));
    strbuf_addf(out, "   %s receives (%s empty), %s deletes, %s changes, %s others\n",
                number(b->receives), number(b->receives_empty), number(b->deletes),
                number(b->changes), number(b->others));
    snprintf(cost, sizeof cost, "%.2f USD", simulation_cost(s, scenario));
    add_row(out, "cost", cost);
    strbuf_addf(out, "   %s chunks of 64 KiB at %.2f USD a million, without the producers'\n",
                number(b->chunks), scenario->price);
    add_row(out, "posts", number(s->result.service.requests));
    strbuf_addf(out, "   that reached the service, %s of them accepted\n",
                number(s->result.service.accepted));
    add_row(out, "starts", number(t->starts));
    strbuf_addf(out, "   of %u replica%s: %s drained, %s cut by the drain's limit, %s killed\n",
                scenario->config.processes, scenario->config.processes == 1 ? "" : "s",
                number(t->drains), number(t->deadlines), number(t->kills));
}

void simulation_print(const struct simulation *s, const struct scenario *scenario,
                      struct strbuf *out)
{
    char simulated[UNITS_TEXT_SIZE];

    strbuf_addf(out, "simulated %s in %.1f s, %.0f times as fast as life, seed %" PRIu64 "\n",
                units_print_duration(simulated, s->result.simulated), s->seconds,
                sl_dur_seconds(s->result.simulated) / (s->seconds > 0 ? s->seconds : 1e-9),
                s->seed);
    add_account(s, scenario, out);
    add_facts(s, scenario, out);
    add_requests(s, scenario, out);
    simulation_warn(s, scenario, out);
    series_chart(&s->series, scenario, locale_is_utf8(), out);
    if (simulation_finding(s))
        strbuf_addf(out,
                    "error: the simulation's judge found a fault: %s\n"
                    "  do:    report it with this command line and its seed\n",
                    simulation_finding(s));
}

/* ---- several ---- */

struct metric {
    const char *label, *name; /* for people, in JSON */
    double (*of)(const struct simulation *s, const struct scenario *scenario);
    void (*print)(double value, char out[UNITS_TEXT_SIZE]);
};

static double sent_of(const struct simulation *s, const struct scenario *scenario)
{
    (void)scenario;
    return (double)s->result.sent;
}

static double delivered_of(const struct simulation *s, const struct scenario *scenario)
{
    (void)scenario;
    return (double)simulation_delivered(s);
}

static double duplicates_of(const struct simulation *s, const struct scenario *scenario)
{
    (void)scenario;
    return (double)s->result.duplicates;
}

static double dead_of(const struct simulation *s, const struct scenario *scenario)
{
    (void)scenario;
    return (double)s->result.dead;
}

static double left_of(const struct simulation *s, const struct scenario *scenario)
{
    (void)scenario;
    return (double)s->result.left;
}

static double peak_of(const struct simulation *s, const struct scenario *scenario)
{
    (void)scenario;
    return (double)s->series.peak;
}

static double oldest_of(const struct simulation *s, const struct scenario *scenario)
{
    (void)scenario;
    return sl_dur_seconds(oldest(s));
}

static double requests_of(const struct simulation *s, const struct scenario *scenario)
{
    (void)scenario;
    return (double)requests_to_sqs(s);
}

static double posts_of(const struct simulation *s, const struct scenario *scenario)
{
    (void)scenario;
    return (double)s->result.service.requests;
}

static void print_count(double value, char out[UNITS_TEXT_SIZE])
{
    units_print_count(out, (uint64_t)value);
}

static void print_time(double value, char out[UNITS_TEXT_SIZE])
{
    units_print_duration(out, sl_ms((int64_t)(value * 1000)));
}

static void print_money(double value, char out[UNITS_TEXT_SIZE])
{
    snprintf(out, UNITS_TEXT_SIZE, "%.2f USD", value);
}

static const struct metric metrics[] = {
    {"sent", "sent", sent_of, print_count},
    {"delivered", "delivered", delivered_of, print_count},
    {"duplicates", "duplicates", duplicates_of, print_count},
    {"dead-lettered", "dead_lettered", dead_of, print_count},
    {"left", "left", left_of, print_count},
    {"peak backlog", "peak_backlog", peak_of, print_count},
    {"oldest event", "oldest_seconds", oldest_of, print_time},
    {"SQS requests", "sqs_requests", requests_of, print_count},
    {"cost", "cost_usd", simulation_cost, print_money},
    {"posts", "posts", posts_of, print_count},
};
enum { METRICS = sizeof metrics / sizeof metrics[0] };

struct range {
    double least, median, most;
};

static int compare_values(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static struct range range_of(const struct metric *metric, const struct simulation *list,
                             size_t count, const struct scenario *scenario)
{
    double *values = calloc(count > 0 ? count : 1, sizeof *values);
    struct range range;

    sl_assert(values && count > 0);
    for (size_t i = 0; i < count; i++)
        values[i] = metric->of(&list[i], scenario);
    qsort(values, count, sizeof *values, compare_values);
    range = (struct range){values[0], values[count / 2], values[count - 1]};
    free(values);
    return range;
}

static void add_range(const struct metric *metric, struct range range, struct strbuf *out)
{
    char least[UNITS_TEXT_SIZE], median[UNITS_TEXT_SIZE], most[UNITS_TEXT_SIZE];

    metric->print(range.least, least);
    metric->print(range.median, median);
    metric->print(range.most, most);
    strbuf_addf(out, "  %-15s%16s%16s%16s\n", metric->label, least, median, most);
}

static void add_findings(const struct simulation *list, size_t count, struct strbuf *out)
{
    for (size_t i = 0; i < count; i++)
        if (simulation_finding(&list[i]))
            strbuf_addf(out, "error: seed %" PRIu64 ": the simulation's judge found a fault: %s\n",
                        list[i].seed, simulation_finding(&list[i]));
}

void simulation_print_ranges(const struct simulation *list, size_t count,
                             const struct scenario *scenario, struct strbuf *out)
{
    char simulated[UNITS_TEXT_SIZE];

    strbuf_addf(out, "simulated %s, %zu times, seeds %" PRIu64 " to %" PRIu64 "\n",
                units_print_duration(simulated, list[0].result.simulated), count, list[0].seed,
                list[count - 1].seed);
    strbuf_addf(out, "  %-15s%16s%16s%16s\n", "", "least", "median", "most");
    for (size_t i = 0; i < METRICS; i++)
        add_range(&metrics[i], range_of(&metrics[i], list, count, scenario), out);
    simulation_warn(&list[0], scenario, out);
    strbuf_addf(out, "  of seed %" PRIu64 ":\n", list[0].seed);
    series_chart(&list[0].series, scenario, locale_is_utf8(), out);
    add_findings(list, count, out);
}

/* ---- for programs ---- */

static void add_number(struct strbuf *out, const char *name, double value)
{
    strbuf_addf(out, ",\"%s\":%.15g", name, value);
}

static void add_json_account(const struct simulation *s, const struct scenario *scenario,
                             struct strbuf *out)
{
    struct account account;

    complete_account(s, &account);
    struct account_report report = report_of(s, scenario, &account);
    strbuf_adds(out, ",\"account\":");
    account_print_json(&report, out);
    out->n--; /* its newline */
}

static void add_json_requests(const struct simulation *s, struct strbuf *out)
{
    const struct sim_sqs_bill *b = &s->result.bill;

    strbuf_addf(out,
                ",\"sqs\":{\"receives\":%" PRIu64 ",\"receives_empty\":%" PRIu64
                ",\"deletes\":%" PRIu64 ",\"changes\":%" PRIu64 ",\"others\":%" PRIu64
                ",\"chunks\":%" PRIu64 "}",
                b->receives, b->receives_empty, b->deletes, b->changes, b->others, b->chunks);
    strbuf_addf(out,
                ",\"service\":{\"requests\":%" PRIu64 ",\"accepted\":%" PRIu64
                ",\"refused\":%" PRIu64 "}",
                s->result.service.requests, s->result.service.accepted, s->result.service.refused);
}

static void add_json_causes(const struct simulation *s, struct strbuf *out)
{
    const char *comma = "";

    strbuf_adds(out, ",\"causes\":{");
    for (enum sim_cause cause = 0; cause < CAUSES; cause++)
        if (s->result.causes[cause] > 0) {
            strbuf_addf(out, "%s\"%s\":%" PRIu64, comma, sim_cause_names[cause],
                        s->result.causes[cause]);
            comma = ",";
        }
    strbuf_addc(out, '}');
}

static void add_json_series(const struct simulation *s, struct strbuf *out)
{
    double width = sl_dur_seconds(s->series.duration) / SERIES_POINTS;

    strbuf_adds(out, ",\"series\":[");
    for (unsigned i = 0; i < s->series.count; i++) {
        const struct series_point *p = &s->series.points[i];

        strbuf_addf(out,
                    "%s{\"seconds\":%.10g,\"backlog\":%" PRIu64
                    ",\"oldest_seconds\":%.3f,\"sent\":%" PRIu64 ",\"taken\":%" PRIu64 "}",
                    i > 0 ? "," : "", width * (i + 1), p->backlog, (double)p->oldest_ms / 1000,
                    p->sent, p->committed);
    }
    strbuf_addc(out, ']');
}

/* Each warning is what it says and, after a line break, what to do. */
static void add_json_warnings(const struct simulation *s, const struct scenario *scenario,
                              struct strbuf *out)
{
    static const char head[] = "warning: ";
    struct strbuf text = {0};
    const char *comma = "";

    simulation_warn(s, scenario, &text);
    strbuf_adds(out, ",\"warnings\":[");
    for (char *at = text.n > 0 ? text.p : NULL; at;) {
        char *next = strstr(at + 1, "\nwarning: ");
        char *end = strchr(at + 1, '\n');

        at = strstr(at, head) + sizeof head - 1;
        strbuf_addf(out, "%s\"%.*s\"", comma, (int)(end - at), at);
        comma = ",";
        at = next;
    }
    strbuf_addc(out, ']');
    strbuf_deinit(&text);
}

static void add_json_run(const struct simulation *s, const struct scenario *scenario,
                         struct strbuf *out)
{
    strbuf_addf(out, "{\"seed\":%" PRIu64, s->seed);
    add_number(out, "simulated_seconds", sl_dur_seconds(s->result.simulated));
    add_number(out, "took_seconds", s->seconds);
    for (size_t i = 0; i < METRICS; i++)
        add_number(out, metrics[i].name, metrics[i].of(s, scenario));
    add_number(out, "poison", (double)s->result.poison);
    add_number(out, "dead_lettered_healthy", (double)s->result.dead_healthy);
    add_number(out, "peak_backlog_seconds",
               sl_dur_seconds(sl_time_sub(s->series.peak_at, (sl_time){0})));
    add_json_causes(s, out);
    add_json_requests(s, out);
    add_json_account(s, scenario, out);
    add_json_series(s, out);
    json_out_text(out, "finding", simulation_finding(s));
    strbuf_addf(out, ",\"trace_hash\":\"%016" PRIx64 "\"", s->result.trace_hash);
    add_json_warnings(s, scenario, out);
    strbuf_addc(out, '}');
}

static void add_json_ranges(const struct simulation *list, size_t count,
                            const struct scenario *scenario, struct strbuf *out)
{
    strbuf_adds(out, "],\"ranges\":{");
    for (size_t i = 0; i < METRICS; i++) {
        struct range r = range_of(&metrics[i], list, count, scenario);

        strbuf_addf(out, "%s\"%s\":{\"least\":%.15g,\"median\":%.15g,\"most\":%.15g}",
                    i > 0 ? "," : "", metrics[i].name, r.least, r.median, r.most);
    }
    strbuf_adds(out, "}}\n");
}

void simulation_print_json(const struct simulation *list, size_t count,
                           const struct scenario *scenario, struct strbuf *out)
{
    if (count == 1) {
        add_json_run(list, scenario, out);
        strbuf_addc(out, '\n');
        return;
    }
    strbuf_adds(out, "{\"runs\":[");
    for (size_t i = 0; i < count; i++) {
        strbuf_adds(out, i > 0 ? "," : "");
        add_json_run(&list[i], scenario, out);
    }
    add_json_ranges(list, count, scenario, out);
}

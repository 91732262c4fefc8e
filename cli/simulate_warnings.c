/*
 * What is odd about a configuration. Arithmetic on the flags comes first; what a run has met after it. A warning is a line,
 * and a second one that says what to do.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/simulate_report.h"
#include "core/units.h"
#include "pipeline/drain.h"

enum { TIMEOUT_MAX_S = 15 * 60 }; /* of --timeout */

__attribute__((format(printf, 2, 3))) static void warn(struct strbuf *out, const char *format, ...)
{
    char text[600];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    strbuf_addf(out, "warning: %s\n", text);
}

static sl_dur lease_of(const struct sim_config *c)
{
    return c->process.visibility.ns > 0 ? c->process.visibility : c->sqs.visibility;
}

/* Bytes of an event in the body of a batch, roughly: the event, escaped, and what Lambda's form puts around it. */
static double record_size(const struct sim_config *c)
{
    return (double)c->arrivals.size + 1000;
}

/* Events in a full batch. */
static double batch_max(const struct sim_config *c)
{
    double by_bytes = (double)c->process.batch_bytes / record_size(c);
    double n = (double)c->process.batch_count;

    n = by_bytes < n ? by_bytes : n;
    return n < 1 ? 1 : n;
}

static void warn_of_leases(const struct sim_config *c, struct strbuf *out)
{
    char age[UNITS_TEXT_SIZE], lease[UNITS_TEXT_SIZE];

    if (sl_dur_cmp(c->process.batch_age, lease_of(c)) < 0)
        return;
    warn(
        out,
        "a batch may wait %s for its last event, and a lease is %s: each event's lease is extended "
        "while it waits, which costs requests, and a crash delays it by so much\n"
        "  do:    a --batch-age well below the visibility timeout",
        units_print_duration(age, c->process.batch_age), units_print_duration(lease, lease_of(c)));
}

static void warn_of_drain(const struct sim_config *c, struct strbuf *out)
{
    sl_dur room = sl_dur_sub(c->process.drain, drain_return_reserve(c->process.drain));
    char drain[UNITS_TEXT_SIZE], timeout[UNITS_TEXT_SIZE];

    if (sl_dur_cmp(room, c->process.timeout) >= 0)
        return;
    warn(out,
         "a drain of %s is shorter than a delivery may take (--timeout %s, and time to return what "
         "is left): what is under way at a deploy may be cut, and delivered twice\n"
         "  do:    --drain %ds, and as much for whoever stops it (terminationGracePeriodSeconds)",
         units_print_duration(drain, c->process.drain),
         units_print_duration(timeout, c->process.timeout),
         (int)sl_dur_seconds(c->process.timeout) + 5);
}

/* At least half of its answers come too late; neither more of it nor more at once is a help. */
static bool is_too_slow(const struct sim_config *c)
{
    return sl_dur_cmp(c->receiver.work, c->process.timeout) >= 0;
}

static void warn_of_timeout(const struct sim_config *c, struct strbuf *out)
{
    int needed = (int)sl_dur_seconds(c->receiver.work_p99) + 5;
    char work[UNITS_TEXT_SIZE], timeout[UNITS_TEXT_SIZE], advice[40] = "a quicker service";

    if (!is_too_slow(c))
        return;
    if (needed <= TIMEOUT_MAX_S)
        snprintf(advice, sizeof advice, "--timeout %ds", needed);
    warn(out,
         "the service takes %s for a batch, and --timeout %s is shorter than that: deliveries are "
         "given up before they are confirmed, and come again\n"
         "  do:    %s",
         units_print_duration(work, c->receiver.work),
         units_print_duration(timeout, c->process.timeout), advice);
}

/* What the service and the deliveries that are under way at once can do at most, in events a second. */
static void warn_of_capacity(const struct scenario *s, struct strbuf *out)
{
    const struct sim_config *c = &s->config;
    double seconds = sl_dur_seconds(c->receiver.work) + 0.002;
    double at_once = (double)(c->process.concurrency * c->processes);
    double can;

    if (is_too_slow(c))
        return;
    if (c->receiver.at_once > 0 && c->receiver.at_once < at_once)
        at_once = c->receiver.at_once;
    can = at_once / seconds * batch_max(c);
    if (s->batches_per_second > 0 && s->batches_per_second * batch_max(c) < s->mean_rate)
        warn(out,
             "the service takes %g batches a second, %.0f events at most, and %.0f come: the "
             "backlog can only grow\n  do:    a larger --batch-count, or more service",
             s->batches_per_second, s->batches_per_second * batch_max(c), s->mean_rate);
    else if (can < s->mean_rate)
        warn(out,
             "%.0f batches under way at once are %.0f events a second, and %.0f come: the backlog "
             "can only grow\n  do:    a larger --concurrency or --batch-count, or more --replicas",
             at_once, can, s->mean_rate);
}

static void warn_of_dead(const struct simulation *simulation, const struct sim_config *c,
                         struct strbuf *out)
{
    char dead[UNITS_TEXT_SIZE];

    if (simulation->result.dead_healthy == 0)
        return;
    warn(
        out,
        "%s events that the service would have taken were dead-lettered: their %u receives were "
        "spent by crashes, deploys and troubles of the service%s\n"
        "  do:    a larger maxReceiveCount for the queue (--max-receives), and a redrive for these",
        units_print_count(dead, simulation->result.dead_healthy), c->sqs.max_receives,
        c->is_fifo && simulation->result.poison > 0
            ? ", and behind events of their groups that it refuses"
            : "");
}

static void warn_of_poison(const struct simulation *simulation, const struct sim_config *c,
                           struct strbuf *out)
{
    if (simulation->result.poison > 0 && c->sqs.max_receives == 0)
        warn(out, "events that the service refuses come again for ever: there is no dead-letter "
                  "queue\n  do:    a redrive policy for the queue (--max-receives 5)");
}

/* What is left is less than the peak by what the replicas still did when they were told to stop. */
static void warn_of_growth(const struct simulation *simulation, const struct sim_config *c,
                           struct strbuf *out)
{
    const struct series *series = &simulation->series;
    sl_dur peak_at = sl_time_sub(series->peak_at, (sl_time){0});
    uint64_t left = simulation->result.left;
    char most[UNITS_TEXT_SIZE];

    if (is_too_slow(c) || left <= 1000 || left * 10 < series->peak * 9 ||
        sl_dur_cmp(peak_at, sl_dur_mul(sl_dur_div(series->duration, 10), 9)) < 0)
        return;
    warn(out,
         "the backlog was at its largest at the end, with %s events: it grows\n"
         "  do:    simulate for longer, or give the service more capacity",
         units_print_count(most, series->peak));
}

void simulation_warn(const struct simulation *simulation, const struct scenario *scenario,
                     struct strbuf *out)
{
    warn_of_leases(&scenario->config, out);
    warn_of_drain(&scenario->config, out);
    warn_of_timeout(&scenario->config, out);
    warn_of_capacity(scenario, out);
    if (!simulation)
        return;
    warn_of_dead(simulation, &scenario->config, out);
    warn_of_poison(simulation, &scenario->config, out);
    warn_of_growth(simulation, &scenario->config, out);
}

#include "cli/options.h"

#include <ctype.h>
#include <string.h>

#include "cli/options_shared.h"
#include "core/units.h"
#include "pipeline/drain.h"

#define RUN(field) offsetof(struct run_options, field)
static const struct flag route_rows[] = {
    {.name = "Where from, where to", .type = FLAG_SECTION},
    {.name = "from",
     .alias = "queue-url",
     .type = FLAG_STRING,
     .at = RUN(from),
     .value = "QUEUE|-|synthetic:",
     .help = "a queue (URL, ARN or name), NDJSON on stdin, or invented events"},
    {.name = "to",
     .alias = "url",
     .type = FLAG_STRING,
     .at = RUN(to),
     .value = "URL|-",
     .help = "the service, or NDJSON on stdout"},
};

static const struct flag request_rows[] = {
    {.name = "format",
     .type = FLAG_CHOICE,
     .at = RUN(format),
     .value = "lambda|json|ndjson|raw",
     .standard = "lambda",
     .help = "body of a batch"},
    {.name = "header",
     .type = FLAG_LIST,
     .at = RUN(headers),
     .value = "'Name: value'",
     .help = "sent with every delivery; repeatable"},
    {.name = "header-file",
     .type = FLAG_LIST,
     .at = RUN(header_files),
     .value = "FILE",
     .help = "headers from a file, one a line, read again when it changes; repeatable"},
    {.name = "bearer-file",
     .type = FLAG_STRING,
     .at = RUN(bearer_file),
     .value = "FILE",
     .help = "the token for Authorization: Bearer, read again when it changes"},
};

static const struct flag synthetic_rows[] = {
    {.name = "rate",
     .type = FLAG_RATE,
     .at = RUN(rate),
     .value = "RATE",
     .min = "1/h",
     .max = "10000000/s",
     .help = "of synthetic: (default one event every 1 to 20 ms)"},
};

static const struct flag end_rows[] = {
    {.name = "count",
     .type = FLAG_COUNT,
     .at = RUN(count),
     .value = "N",
     .min = "1",
     .help = "stop after N events"},
    {.name = "for",
     .type = FLAG_DURATION,
     .at = RUN(run_for),
     .value = "DUR",
     .min = "1ms",
     .help = "stop after this long"},
    {.name = "until-empty",
     .type = FLAG_BOOL,
     .at = RUN(until_empty),
     .help = "stop when the queue has nothing left"},
    {.name = "undelivered",
     .type = FLAG_STRING,
     .at = RUN(undelivered),
     .value = "FILE",
     .help = "with --from -: what could not be delivered, as NDJSON"},
    {.name = "account",
     .type = FLAG_STRING,
     .at = RUN(account),
     .value = "FILE",
     .help = "the account at the end as one JSON object"},
    {.name = "check",
     .type = FLAG_BOOL,
     .at = RUN(check),
     .help = "resolve, sign, read the queue, print the plan and exit; nothing is received"},
};

const struct flag_spec run_flags = {
    .command = "run",
    .tables = {FLAG_TABLE(route_rows, 0), FLAG_TABLE(batch_rows, RUN(batch)),
               FLAG_TABLE(timeout_rows, 0), FLAG_TABLE(request_rows, 0),
               FLAG_TABLE(receiving_rows, 0), FLAG_TABLE(synthetic_rows, 0),
               FLAG_TABLE(drain_rows, 0), FLAG_TABLE(end_rows, 0), FLAG_TABLE(aws_rows, RUN(aws)),
               FLAG_TABLE(output_rows, RUN(output))},
    .conflicts = output_conflicts,
};

#define DEMO(field) offsetof(struct demo_options, field)
static const struct flag demo_rows[] = {
    {.name = "The demonstration", .type = FLAG_SECTION},
    {.name = "for",
     .type = FLAG_DURATION,
     .at = DEMO(run_for),
     .value = "DUR",
     .standard = "20s",
     .min = "1ms",
     .help = "how long events come, with --events as long as there are any; then the drain"},
    {.name = "rate",
     .type = FLAG_RATE,
     .at = DEMO(rate),
     .value = "RATE",
     .min = "1/h",
     .max = "10000000/s",
     .help = "of invented events (default one every 1 to 20 ms, about 95/s)"},
    {.name = "events",
     .type = FLAG_STRING,
     .at = DEMO(events),
     .value = "FILE",
     .help = "the lines of this file as events, once through, in place of invented ones"},
    {.name = "latency",
     .type = FLAG_STRING,
     .at = DEMO(latency),
     .value = "DUR[,p99=DUR]",
     .standard = "50ms",
     .help = "how long the service takes for a batch"},
    {.name = "dir",
     .type = FLAG_STRING,
     .at = DEMO(dir),
     .value = "DIR",
     .help = "where the queue is kept (default sluice/demo in $XDG_STATE_HOME or ~/.local/state)"},
};

static const struct flag_conflict demo_conflicts[] = {
    {"quiet", "log-level", "-q is a level of its own"},
    {"rate", "events", "lines are sent as fast as the queue takes them"},
    {NULL, NULL, NULL},
};

const struct flag_spec demo_flags = {
    .command = "demo",
    .tables = {FLAG_TABLE(demo_rows, 0), FLAG_TABLE(batch_rows, DEMO(batch)),
               FLAG_TABLE(output_rows, DEMO(output))},
    .conflicts = demo_conflicts,
};

#define PERSEUS(field) offsetof(struct perseus_options, field)
static const struct flag perseus_rows[] = {
    {.name = "The service", .type = FLAG_SECTION},
    {.name = "listen",
     .type = FLAG_STRING,
     .at = PERSEUS(listen),
     .value = "HOST:PORT",
     .standard = "127.0.0.1:8080",
     .help = "where; port 0 takes a free one"},
    {.name = "ledger",
     .type = FLAG_STRING,
     .at = PERSEUS(ledger),
     .value = "FILE",
     .help = "a line for each event that was accepted"},
    {.name = "max-body",
     .type = FLAG_SIZE,
     .at = PERSEUS(max_body),
     .value = "SIZE",
     .standard = "1MB",
     .min = "1KB",
     .max = "256MiB",
     .help = "larger requests are answered 413"},
    {.name = "Behaviour", .type = FLAG_SECTION},
    {.name = "latency",
     .type = FLAG_STRING,
     .at = PERSEUS(latency),
     .value = "DUR[,p99=DUR]",
     .standard = "0ms",
     .help = "how long a batch takes"},
    {.name = "fail-rate",
     .type = FLAG_SHARE,
     .at = PERSEUS(fail_rate),
     .value = "PERCENT",
     .standard = "0%",
     .help = "share of requests that fail"},
    {.name = "status",
     .type = FLAG_COUNT,
     .at = PERSEUS(status),
     .value = "CODE",
     .standard = "503",
     .min = "200",
     .max = "599",
     .help = "what failing requests are answered"},
    {.name = "fail-item",
     .type = FLAG_SHARE,
     .at = PERSEUS(fail_item),
     .value = "PERCENT",
     .standard = "0%",
     .help = "share of events that are named in batchItemFailures"},
    {.name = "capacity",
     .type = FLAG_COUNT,
     .at = PERSEUS(capacity),
     .value = "N",
     .min = "1",
     .max = "10000",
     .help = "requests at once; more are answered 429 (default no limit)"},
};
const struct flag_spec perseus_flags = {
    .command = "perseus",
    .tables = {FLAG_TABLE(perseus_rows, 0), FLAG_TABLE(output_rows, PERSEUS(output))},
    .conflicts = output_conflicts,
};

#define SEND(field) offsetof(struct send_options, field)
static const struct flag send_rows[] = {
    {.name = "Events", .type = FLAG_SECTION},
    {.name = "to",
     .alias = "queue-url",
     .type = FLAG_STRING,
     .at = SEND(to),
     .value = "QUEUE",
     .help = "the queue: URL, ARN or name"},
    {.name = "whole",
     .type = FLAG_BOOL,
     .at = SEND(whole),
     .help = "a file is one event, not one a line"},
    {.name = "attr",
     .type = FLAG_LIST,
     .at = SEND(attributes),
     .value = "name=value",
     .help = "a message attribute of type String; repeatable, at most 10"},
    {.name = "group",
     .type = FLAG_STRING,
     .at = SEND(group),
     .value = "VALUE|@FIELD",
     .help = "message group; @FIELD takes a member of the event, which is then a JSON object"},
    {.name = "dedup",
     .type = FLAG_STRING,
     .at = SEND(dedup),
     .value = "VALUE|@FIELD",
     .help = "message deduplication id, for FIFO queues"},
    {.name = "delay",
     .type = FLAG_DURATION,
     .at = SEND(delay),
     .value = "DUR",
     .min = "0s",
     .max = "15m",
     .help = "hidden for so long before the first delivery"},
    {.name = "rate",
     .type = FLAG_RATE,
     .at = SEND(rate),
     .value = "RATE",
     .min = "1/h",
     .max = "1000000/s",
     .help = "no faster than this (default as fast as the queue takes them)"},
};
const struct flag_spec send_flags = {
    .command = "send",
    .tables = {FLAG_TABLE(send_rows, 0), FLAG_TABLE(aws_rows, SEND(aws)),
               FLAG_TABLE(output_rows, SEND(output))},
    .conflicts = output_conflicts,
    .takes_arguments = true,
};

/* ---- what the tables can't say ---- */

/* Whether one of `names` (ended by NULL) was given on the command line; the environment may serve
 * several commands. */
static const char *first_on_line(const struct flags *flags, const char *const *names)
{
    for (; *names; names++)
        if (flags_origin(flags, *names) == FLAG_FROM_LINE)
            return *names;
    return NULL;
}

int check_seconds(const char *name, sl_dur d, struct problem *problem)
{
    char text[UNITS_TEXT_SIZE];
    if (d.ns % 1000000000 == 0)
        return 0;
    return problem_set(problem, EXIT_BAD_USAGE, "--%s %s: SQS counts in whole seconds", name,
                       units_print_duration_exact(text, d));
}

int run_receiving_check(const struct run_options *o, struct problem *problem)
{
    if (check_seconds("visibility", o->visibility, problem))
        return PROBLEM;
    return check_seconds("receive-wait", o->receive_wait, problem);
}

/* A poll that is parked when the drain begins must have time to come back before delivery ends. */
sl_dur run_receive_wait(const struct run_options *o)
{
    sl_dur room = sl_dur_sub(o->drain, drain_return_reserve(o->drain));

    return sl_dur_max(sl_sec(1), sl_dur_min(o->receive_wait, room));
}

static bool is_synthetic(const char *from)
{
    return strncmp(from, "synthetic:", 10) == 0;
}

bool run_reads_queue(const struct run_options *options)
{
    return strcmp(options->from, "-") != 0 && !is_synthetic(options->from);
}

static int check_from(const struct run_options *o, const struct flags *flags,
                      struct problem *problem)
{
    static const char *const queue_only[] = {"visibility",   "receivers", "receive-wait",
                                             "until-empty",  "region",    "profile",
                                             "endpoint-url", NULL};
    const char *name = first_on_line(flags, queue_only);

    if (!run_reads_queue(o) && name)
        return problem_set(problem, EXIT_BAD_USAGE, "--%s is about a queue, and --from %s is none",
                           name, o->from);
    if (!is_synthetic(o->from) && flags_origin(flags, "rate") == FLAG_FROM_LINE)
        return problem_set(
            problem, EXIT_BAD_USAGE,
            "--rate is how fast events are invented: it goes with --from synthetic:");
    if (strcmp(o->from, "-") != 0 && flags_origin(flags, "undelivered") == FLAG_FROM_LINE)
        return problem_set(
            problem, EXIT_BAD_USAGE,
            "--undelivered goes with --from -: from elsewhere, what could not be delivered "
            "goes back where it came from");
    return run_receiving_check(o, problem);
}

static bool is_authorization(const char *header)
{
    return strncasecmp(header, "authorization:", 14) == 0;
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if (iscntrl((unsigned char)*text) && *text != '\t')
            return true;
    return false;
}

static int check_to(const struct run_options *o, const struct flags *flags, struct problem *problem)
{
    static const char *const http_only[] = {"header", "header-file", "bearer-file", "timeout",
                                            NULL};
    bool is_stdout = strcmp(o->to, "-") == 0;
    const char *name = first_on_line(flags, http_only);

    if (is_stdout && name)
        return problem_set(problem, EXIT_BAD_USAGE,
                           "--%s is about a service, and --to - is standard output", name);
    if (is_stdout && o->output.json && !o->check)
        return problem_set(
            problem, EXIT_BAD_USAGE,
            "--json and --to - would both write to standard output\n  do:    --account FILE");
    for (const char **header = o->headers; header && *header; header++)
        if (has_control(*header))
            return problem_set(problem, EXIT_BAD_USAGE,
                               "--header %.*s: it has a control character, such as a line break",
                               (int)strcspn(*header, ":\r\n"), *header);
        else if (o->bearer_file && is_authorization(*header))
            return problem_set(
                problem, EXIT_BAD_USAGE,
                "--bearer-file and --header 'Authorization: ...' do not go together: a "
                "request has one Authorization");
    return 0;
}

int run_options_check(const struct run_options *options, const struct flags *flags,
                      struct problem *problem)
{
    if (!options->from)
        return problem_set(
            problem, EXIT_BAD_USAGE,
            "--from is missing: a queue's URL, ARN or name; to try it here: sluice queue --queue "
            "orders");
    if (!options->to)
        return problem_set(
            problem, EXIT_BAD_USAGE,
            "no --to: give the service's URL, or - to see the batches on standard output");
    if (check_from(options, flags, problem))
        return PROBLEM;
    return check_to(options, flags, problem);
}

int send_options_check(const struct send_options *options, struct problem *problem)
{
    size_t count = 0;

    if (!options->to)
        return problem_set(problem, EXIT_BAD_USAGE, "no --to: give the queue's URL, ARN or name");
    for (const char **attribute = options->attributes; attribute && *attribute; attribute++) {
        const char *equals = strchr(*attribute, '=');
        if (!equals || equals == *attribute || equals[1] == '\0')
            return problem_set(
                problem, EXIT_BAD_USAGE,
                "--attr %.60s is not of the form name=value\n  do:    --attr tenant=acme",
                *attribute);
        if (++count > 10)
            return problem_set(problem, EXIT_BAD_USAGE,
                               "more than 10 --attr: SQS takes no more on a message");
    }
    return check_seconds("delay", options->delay, problem);
}

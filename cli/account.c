#include "cli/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "core/units.h"

enum { LABEL_WIDTH = 13, NUMBER_WIDTH = 7, NOTE_SIZE = 512 };

/* The largest resident size so far. Not ru_maxrss: that begins with what the parent had when it forked. */
static uint64_t peak_memory(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    unsigned long kilobytes = 0;
    char line[128];

    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %lu kB", &kilobytes) == 1)
            break;
    if (status)
        fclose(status);
    return (uint64_t)kilobytes * 1024;
}

void account_measure(struct account_report *report)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    report->cpu_seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                          (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    report->memory_bytes = peak_memory();
}

uint64_t account_ends_undelivered(const struct account_ends *ends)
{
    return ends->sent > ends->delivered ? ends->sent - ends->delivered : 0;
}

uint64_t account_ends_lost(const struct account_ends *ends)
{
    uint64_t undelivered = account_ends_undelivered(ends);
    return undelivered > ends->left ? undelivered - ends->left : 0;
}

/* Several numbers in one sentence: each call has its own storage, until the eighth after it. */
static const char *number(uint64_t n)
{
    static char texts[8][UNITS_TEXT_SIZE];
    static unsigned next;
    return units_print_count(texts[next++ % 8], n);
}

/* ---- for people ---- */

static void add_abandoned(const struct account_report *report, struct strbuf *out)
{
    char back[UNITS_TEXT_SIZE];
    uint64_t abandoned = report->account->abandoned;
    uint64_t waiting = report->ends ? account_ends_undelivered(report->ends) : 0;

    if (abandoned == 0 && waiting > 0)
        strbuf_addf(out, "%s not delivered, they are in the queue for the next run\n",
                    number(waiting));
    else if (abandoned == 0)
        strbuf_adds(out, "nothing abandoned\n");
    else if (report->visibility.ns > 0)
        strbuf_addf(out, "%s abandoned, they come back within %s\n", number(abandoned),
                    units_print_duration(back, report->visibility));
    else
        strbuf_addf(out, "%s abandoned, they do not come back\n", number(abandoned));
}

static void add_first_line(const struct account_report *report, struct strbuf *out)
{
    char took[UNITS_TEXT_SIZE];

    units_print_seconds(took, report->drain_took);
    switch (report->outcome) {
    case ACCOUNT_DRAINED:
        strbuf_addf(out, "drained in %s: ", took);
        break;
    case ACCOUNT_DEADLINE:
        strbuf_addf(out, "gave up after %s: ", took);
        break;
    case ACCOUNT_STOPPED:
        strbuf_adds(out, "stopped at once by a second signal: ");
        break;
    }
    add_abandoned(report, out);
}

static void add_row(struct strbuf *out, const char *label, uint64_t n, int width, const char *note)
{
    strbuf_addf(out, "  %-*s%*s", LABEL_WIDTH, label, width, number(n));
    if (*note)
        strbuf_addf(out, "   %s", note);
    strbuf_addc(out, '\n');
}

static void note_delivered(const struct account_report *report, char note[NOTE_SIZE])
{
    const struct account *a = report->account;

    snprintf(note, NOTE_SIZE, "delivered in %s batch%s, %s request%s, to %s", number(a->batches),
             a->batches == 1 ? "" : "es", number(a->requests), a->requests == 1 ? "" : "s",
             report->to);
}

static void note_returned(const struct account_report *report, char note[NOTE_SIZE])
{
    const struct account *a = report->account;
    const char *where = report->takes_back ? "visible again" : "in the file of --undelivered";
    const char *comma = a->returned_refused > 0 && a->returned_unsent > 0 ? ", " : "";
    char refused[80] = "", unsent[80] = "";

    note[0] = '\0';
    if (a->returned_refused > 0)
        snprintf(refused, sizeof refused, "%s refused by the service", number(a->returned_refused));
    if (a->returned_unsent > 0)
        snprintf(unsent, sizeof unsent, "%s not sent in time", number(a->returned_unsent));
    if (a->returned > 0)
        snprintf(note, NOTE_SIZE, "%s: %s%s%s", where, refused, comma, unsent);
}

static void add_last_line(const struct account_report *report, struct strbuf *out)
{
    const struct account *a = report->account;
    char seconds[UNITS_TEXT_SIZE], memory[UNITS_TEXT_SIZE];

    strbuf_adds(out, "  ");
    if (report->takes_back)
        strbuf_addf(out, "%s receives (%s empty, %s cut at shutdown) · %s deletes · ",
                    number(a->receives), number(a->receives_empty), number(a->receives_aborted),
                    number(a->deletes));
    strbuf_addf(out, "%s · %.2f s cpu · %s\n", units_print_seconds(seconds, report->took),
                report->cpu_seconds, units_print_size(memory, report->memory_bytes));
}

/* "sent 1,905 = delivered 1,722 + 183 still to come", and what explains the rest. */
static void add_ends(const struct account_ends *ends, int width, struct strbuf *out)
{
    uint64_t lost = account_ends_lost(ends);
    uint64_t to_come = account_ends_undelivered(ends) - lost;

    strbuf_addf(out, "  sent %s = delivered %s", number(ends->sent), number(ends->delivered));
    if (to_come > 0)
        strbuf_addf(out, " + %s still to come", number(to_come));
    if (lost > 0)
        strbuf_addf(out, " + %s LOST", number(lost));
    if (ends->runs > 1)
        strbuf_addf(out, ", in %s runs", number(ends->runs));
    strbuf_addc(out, '\n');
    add_row(out, "again", ends->again, width,
            ends->again > 0 ? "delivered before: a run ended between that and the delete" : "");
    add_row(out, "in the queue", ends->left, width,
            ends->left > to_come ? "with those whose delete was not yet done" : "");
    if (ends->not_sent > 0)
        add_row(out, "not sent", ends->not_sent, width, "");
}

void account_print(const struct account_report *report, struct strbuf *out)
{
    const struct account *a = report->account;
    bool is_queue = report->takes_back;
    int digits = (int)strlen(number(a->received));
    int width = digits < NUMBER_WIDTH ? NUMBER_WIDTH : digits + 1;
    char note[NOTE_SIZE];

    add_first_line(report, out);
    snprintf(note, sizeof note, "from %s", report->from);
    add_row(out, "received", a->received, width, note);
    note_delivered(report, note);
    add_row(out, "deleted", a->deleted, width, note);
    note_returned(report, note);
    add_row(out, "returned", a->returned, width, note);
    add_row(out, "dead-lettered", a->dead_lettered, width, "");
    add_row(out, "abandoned", a->abandoned, width,
            a->abandoned == 0 ? ""
            : is_queue        ? "still held when the time was over"
                              : "refused, no event, or still held when the time was over");
    add_row(out, "expired", a->expired, width,
            is_queue ? "lease lost, or unfit: SQS brings it again" : "");
    add_row(out, "merged", a->merged, width,
            is_queue ? "a second copy of an event that was held" : "");
    strbuf_addf(out, "  %s = %s + %s + %s + %s + %s + %s\n", number(a->received),
                number(a->deleted), number(a->returned), number(a->dead_lettered),
                number(a->abandoned), number(a->expired), number(a->merged));
    add_row(out, "in doubt", a->in_doubt, width,
            "posted, answer or delete unknown: may be delivered twice");
    add_row(out, "suppressed", a->suppressed, width,
            is_queue ? "came again after delivery: deleted, not posted" : "");
    if (report->ends)
        add_ends(report->ends, width, out);
    add_last_line(report, out);
}

/* ---- for programs ---- */

void account_print_json(const struct account_report *report, struct strbuf *out)
{
    static const char *const outcomes[] = {"drained", "deadline", "stopped"};
    const struct account *a = report->account;
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"received", a->received},
        {"deleted", a->deleted},
        {"returned", a->returned},
        {"dead_lettered", a->dead_lettered},
        {"expired", a->expired},
        {"merged", a->merged},
        {"abandoned", a->abandoned},
        {"in_doubt", a->in_doubt},
        {"suppressed", a->suppressed},
        {"batches", a->batches},
        {"requests", a->requests},
        {"receives", a->receives},
        {"receives_empty", a->receives_empty},
        {"receives_aborted", a->receives_aborted},
        {"deletes", a->deletes},
    };

    strbuf_addc(out, '{');
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        strbuf_addf(out, "\"%s\":%" PRIu64 ",", counts[i].name, counts[i].value);
    if (report->ends)
        strbuf_addf(out,
                    "\"sent\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"again\":%" PRIu64
                    ",\"left\":%" PRIu64 ",\"not_sent\":%" PRIu64 ",\"runs\":%u,",
                    report->ends->sent, report->ends->delivered, report->ends->again,
                    report->ends->left, report->ends->not_sent, report->ends->runs);
    strbuf_addf(out, "\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"outcome\":\"%s\"}\n",
                sl_dur_seconds(report->took), report->cpu_seconds, outcomes[report->outcome]);
}

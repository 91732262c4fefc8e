/* The points, and the chart on the terminal. */
#include "cli/simulate_series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/units.h"

enum { COLUMNS = 60, ROWS = 8, LABEL = 12 };

void series_init(struct series *series, sl_dur duration)
{
    *series = (struct series){.duration = duration, .last = SERIES_POINTS};
}

void series_add(struct series *series, const struct sim_sample *sample)
{
    uint64_t backlog = sample->visible + sample->in_flight;
    sl_dur width = sl_dur_div(series->duration, SERIES_POINTS);
    int64_t at = width.ns > 0 ? (sample->at.ns - 1) / width.ns : 0;
    unsigned index = at < SERIES_POINTS ? (unsigned)at : SERIES_POINTS - 1;
    struct series_point *point;

    for (; series->count <= index;
         series->count++) /* what no sample fell into is as it was before */
        if (series->count > 0)
            series->points[series->count] = series->points[series->count - 1];
    point = &series->points[index];
    if (index != series->last) { /* the first sample of this point */
        series->last = index;
        point->backlog = 0;
        point->oldest_ms = 0;
    }
    point->backlog = backlog > point->backlog ? backlog : point->backlog;
    point->oldest_ms = sample->oldest_ms > point->oldest_ms ? sample->oldest_ms : point->oldest_ms;
    point->sent = sample->sent;
    point->committed = sample->committed;
    if (backlog > series->peak) {
        series->peak = backlog;
        series->peak_at = sample->at;
    }
}

double round_up(double n)
{
    static const double steps[] = {1, 2, 3, 4, 5, 6, 8, 10};
    double power = 1;

    if (!(n > 1))
        return 1;
    while (power * 10 < n)
        power *= 10;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (steps[i] * power >= n)
            return steps[i] * power;
    return n;
}

bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return strcasestr(value, "UTF-8") || strcasestr(value, "UTF8");
    }
    return false;
}

/* ---- the chart ---- */

/* The most of the points that share a column. */
static uint64_t column_of(const struct series *series, unsigned column)
{
    enum { PER_COLUMN = SERIES_POINTS / COLUMNS };
    uint64_t most = 0;

    for (unsigned i = column * PER_COLUMN; i < (column + 1) * PER_COLUMN; i++)
        if (i < series->count && series->points[i].backlog > most)
            most = series->points[i].backlog;
    return most;
}

/* What a column shows in a row of eight eighths each; something is never nothing. */
static unsigned eighths(uint64_t value, double top, unsigned row)
{
    double height = (double)value / top * ROWS * 8;
    double in_row = height - (double)row * 8;

    if (value > 0 && row == 0 && in_row < 1)
        return 1;
    return in_row >= 8 ? 8 : in_row > 0 ? (unsigned)in_row : 0;
}

static void add_row(const struct series *series, unsigned row, double top, bool is_utf8,
                    struct strbuf *out)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ascii[] = {" ", ".", ".", ".", ":", ":", ":", "#", "#"};
    char label[UNITS_TEXT_SIZE] = "";
    size_t end;

    if (row == ROWS - 1)
        units_print_count(label, (uint64_t)top);
    else if (row == ROWS / 2 - 1)
        units_print_count(label, (uint64_t)(top / 2));
    strbuf_addf(out, "%*s %s", LABEL, label, is_utf8 ? "│" : "|");
    end = out->n;
    for (unsigned column = 0; column < COLUMNS; column++) {
        unsigned n = eighths(column_of(series, column), top, row);

        strbuf_adds(out, is_utf8 ? blocks[n] : ascii[n]);
        if (n > 0)
            end = out->n;
    }
    out->n = end; /* no blanks at the end of a line */
    strbuf_addc(out, '\n');
}

static void add_axis(const struct series *series, bool is_utf8, struct strbuf *out)
{
    enum { PARTS = 4 };
    char text[UNITS_TEXT_SIZE];
    size_t begin;

    strbuf_addf(out, "%*s %s", LABEL, "0", is_utf8 ? "└" : "+");
    for (unsigned i = 0; i < COLUMNS; i++)
        strbuf_adds(out, is_utf8 ? "─" : "-");
    strbuf_addf(out, "\n%*s", LABEL + 1, "");
    begin = out->n;
    for (unsigned i = 0; i <= PARTS; i++) {
        sl_dur at = sl_dur_div(sl_dur_mul(series->duration, i), PARTS);
        size_t n, where = i * COLUMNS / PARTS;

        units_print_duration_exact(text, at);
        n = strlen(text);
        where = i == 0 ? 0 : i == PARTS ? where + 1 - n : where - n / 2;
        strbuf_addf(out, "%*s%s", (int)(where - (out->n - begin)), "", text);
    }
    strbuf_addc(out, '\n');
}

/* Under the axis: when the service was down or throttled, and a replica crashed. */
static void add_marks(const struct series *series, const struct scenario *scenario,
                      struct strbuf *out)
{
    char marks[COLUMNS + 1];
    bool is_any = false;

    memset(marks, ' ', COLUMNS);
    marks[COLUMNS] = '\0';
    for (unsigned i = 0; i < COLUMNS; i++) {
        sl_time from = {series->duration.ns / COLUMNS * i};
        sl_time to = {series->duration.ns / COLUMNS * (i + 1)};

        for (unsigned k = 0; k < scenario->throttle_count; k++)
            if (sl_time_before(scenario->throttles[k].from, to) &&
                sl_time_before(from, scenario->throttles[k].to))
                marks[i] = 't';
        for (unsigned k = 0; k < scenario->outage_count; k++)
            if (sl_time_before(scenario->outages[k].from, to) &&
                sl_time_before(from, scenario->outages[k].to))
                marks[i] = 'o';
        for (unsigned k = 0; k < scenario->config.crash_count; k++)
            if (!sl_time_before(scenario->config.crashes[k], from) &&
                sl_time_before(scenario->config.crashes[k], to))
                marks[i] = 'x';
        is_any = is_any || marks[i] != ' ';
    }
    for (int n = COLUMNS; n > 0 && marks[n - 1] == ' ';)
        marks[--n] = '\0';
    if (is_any)
        strbuf_addf(out, "%*s%s\n%*so: outage   t: throttled   x: crash\n", LABEL + 2, "", marks,
                    LABEL + 2, "");
}

void series_chart(const struct series *series, const struct scenario *scenario, bool is_utf8,
                  struct strbuf *out)
{
    double top = round_up((double)series->peak);

    strbuf_adds(out, "  backlog: events in the queue, those that are held included\n");
    for (unsigned row = ROWS; row-- > 0;)
        add_row(series, row, top < ROWS ? ROWS : top, is_utf8, out);
    add_axis(series, is_utf8, out);
    add_marks(series, scenario, out);
}

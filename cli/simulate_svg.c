/* The picture: three panels over one time axis, as plain SVG 1.1 without scripts, fonts or links. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/simulate_series.h"
#include "core/units.h"

enum { WIDTH = 800, LEFT = 90, RIGHT = 20, PANEL = 150, GAP = 50, TOP = 50 };
#define PLOT (WIDTH - LEFT - RIGHT)

/* One line of a panel. */
struct line {
    const char *name, *color;
    double values[SERIES_POINTS];
    bool is_filled;
};

struct panel {
    const char *title;
    double top;
    void (*label)(double value, char out[UNITS_TEXT_SIZE]);
    int y; /* of its upper edge */
};

static double x_of(unsigned point)
{
    return LEFT + (double)(point + 1) * PLOT / SERIES_POINTS;
}

static double x_at(const struct series *series, sl_time at)
{
    double share = (double)at.ns / (double)series->duration.ns;

    return LEFT + (share > 1 ? 1 : share) * PLOT;
}

static double y_of(const struct panel *panel, double value)
{
    return panel->y + PANEL - value / panel->top * PANEL;
}

static void add_text(struct strbuf *out, double x, double y, const char *anchor, const char *text)
{
    strbuf_addf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor,
                text);
}

static void add_line(struct strbuf *out, const struct series *series, const struct panel *panel,
                     const struct line *line)
{
    const char *form = line->is_filled ? "polygon" : "polyline";

    if (series->count == 0)
        return;
    strbuf_addf(out, "<%s fill=\"%s\"%s stroke=\"%s\" stroke-width=\"1.5\" points=\"", form,
                line->is_filled ? line->color : "none",
                line->is_filled ? " fill-opacity=\"0.25\"" : "", line->color);
    if (line->is_filled)
        strbuf_addf(out, "%.1f,%.1f ", x_of(0), y_of(panel, 0));
    for (unsigned i = 0; i < series->count; i++)
        strbuf_addf(out, "%.1f,%.1f ", x_of(i), y_of(panel, line->values[i]));
    if (line->is_filled)
        strbuf_addf(out, "%.1f,%.1f ", x_of(series->count - 1), y_of(panel, 0));
    strbuf_adds(out, "\"/>\n");
}

static void add_stretches(struct strbuf *out, const struct series *series,
                          const struct panel *panel, const struct scenario_stretch *list,
                          unsigned count, const char *color)
{
    for (unsigned i = 0; i < count; i++) {
        double from = x_at(series, list[i].from), to = x_at(series, list[i].to);

        strbuf_addf(out,
                    "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\" "
                    "fill-opacity=\"0.15\"/>\n",
                    from, panel->y, to - from < 1 ? 1 : to - from, PANEL, color);
    }
}

static void add_frame(struct strbuf *out, const struct series *series,
                      const struct scenario *scenario, const struct panel *panel)
{
    char text[UNITS_TEXT_SIZE];

    add_stretches(out, series, panel, scenario->outages, scenario->outage_count, "#c00000");
    add_stretches(out, series, panel, scenario->throttles, scenario->throttle_count, "#c08000");
    for (unsigned i = 0; i < scenario->config.crash_count; i++)
        strbuf_addf(out,
                    "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#c00000\" "
                    "stroke-dasharray=\"4 3\"/>\n",
                    x_at(series, scenario->config.crashes[i]), panel->y,
                    x_at(series, scenario->config.crashes[i]), panel->y + PANEL);
    for (int part = 0; part <= 2; part++) {
        double value = panel->top * part / 2;

        strbuf_addf(out, "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#cccccc\"/>\n",
                    LEFT, y_of(panel, value), LEFT + PLOT, y_of(panel, value));
        panel->label(value, text);
        add_text(out, LEFT - 8, y_of(panel, value) + 4, "end", text);
    }
    add_text(out, LEFT, panel->y - 8, "start", panel->title);
}

static void add_times(struct strbuf *out, const struct series *series, int y)
{
    char text[UNITS_TEXT_SIZE];

    for (int part = 0; part <= 4; part++) {
        units_print_duration_exact(text,
                                   sl_dur_div(sl_dur_mul(series->duration, (uint32_t)part), 4));
        add_text(out, LEFT + PLOT * part / 4.0, y, part == 4 ? "end" : "middle", text);
    }
}

static void label_count(double value, char out[UNITS_TEXT_SIZE])
{
    units_print_count(out, (uint64_t)value);
}

static void label_seconds(double value, char out[UNITS_TEXT_SIZE])
{
    units_print_duration(out, sl_ms((int64_t)(value * 1000)));
}

static double most_of(const struct series *series, const struct line *line)
{
    double most = 0;

    for (unsigned i = 0; i < series->count; i++)
        most = line->values[i] > most ? line->values[i] : most;
    return round_up(most);
}

/* How many a second, from counts that only grow. */
static void set_rates(const struct series *series, struct line *sent, struct line *committed)
{
    double width = sl_dur_seconds(series->duration) / SERIES_POINTS;
    struct series_point before = {0};

    for (unsigned i = 0; i < series->count; i++) {
        sent->values[i] = (double)(series->points[i].sent - before.sent) / width;
        committed->values[i] = (double)(series->points[i].committed - before.committed) / width;
        before = series->points[i];
    }
}

static void add_panels(struct strbuf *out, const struct series *series,
                       const struct scenario *scenario)
{
    struct line backlog = {.color = "#1f5fa8", .is_filled = true};
    struct line oldest = {.color = "#8a3fa0"};
    struct line sent = {.color = "#888888"}, committed = {.color = "#1a8040"};
    struct panel panels[] = {
        {.title = "backlog: events in the queue, those that are held included",
         .label = label_count,
         .y = TOP},
        {.title = "age of the oldest event", .label = label_seconds, .y = TOP + PANEL + GAP},
        {.title = "events a second: sent (grey), taken by the service (green)",
         .label = label_count,
         .y = TOP + 2 * (PANEL + GAP)},
    };

    for (unsigned i = 0; i < series->count; i++) {
        backlog.values[i] = (double)series->points[i].backlog;
        oldest.values[i] = (double)series->points[i].oldest_ms / 1000;
    }
    set_rates(series, &sent, &committed);
    panels[0].top = most_of(series, &backlog);
    panels[1].top = most_of(series, &oldest);
    panels[2].top = most_of(series, &sent) > most_of(series, &committed)
                        ? most_of(series, &sent)
                        : most_of(series, &committed);
    for (size_t i = 0; i < 3; i++) {
        add_frame(out, series, scenario, &panels[i]);
        add_times(out, series, panels[i].y + PANEL + 16);
    }
    add_line(out, series, &panels[0], &backlog);
    add_line(out, series, &panels[1], &oldest);
    add_line(out, series, &panels[2], &sent);
    add_line(out, series, &panels[2], &committed);
}

/* A file's name may hold anything. */
static void add_escaped(struct strbuf *out, const char *text)
{
    for (; *text; text++)
        if (*text == '<' || *text == '>' || *text == '&' || (unsigned char)*text < ' ')
            strbuf_addc(out, '?');
        else
            strbuf_addc(out, *text);
}

void series_svg(const struct series *series, const struct scenario *scenario, struct strbuf *out)
{
    char rate[64], duration[UNITS_TEXT_SIZE];
    int height = TOP + 3 * (PANEL + GAP);

    strbuf_addf(out,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 "
                "0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n<title>sluice simulate: ",
                WIDTH, height, WIDTH, height);
    add_escaped(out, scenario_rate_text(scenario, rate));
    strbuf_addf(out,
                ", %s</title>\n<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n<text x=\"%d\" "
                "y=\"22\" font-size=\"15\">",
                units_print_duration_exact(duration, series->duration), WIDTH, height, LEFT);
    add_escaped(out, rate);
    strbuf_addf(out, " for %s, %u x sluice</text>\n", duration, scenario->config.processes);
    add_panels(out, series, scenario);
    strbuf_adds(out, "</svg>\n");
}

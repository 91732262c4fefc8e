#include "cli/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <sluice/task.h>

#include "core/units.h"
#include "ops/log.h"

#define TERMINAL_PERIOD sl_ms(200)
#define LOG_PERIOD      sl_sec(10)

static const char GAP[] = "   ";

size_t terminal_width(int fd)
{
    struct winsize size;
    if (!isatty(fd))
        return 0;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Accepted events a second, over what the samples span: the last ten seconds, or less at the
 * beginning. */
static double rate(struct progress_view *view, sl_time now)
{
    size_t last = view->sample_next;
    view->samples[last].at = now;
    view->samples[last].accepted = view->progress->accepted;
    view->sample_next = (last + 1) % PROGRESS_SAMPLES;
    if (view->sample_count < PROGRESS_SAMPLES)
        view->sample_count++;
    size_t first = view->sample_count < PROGRESS_SAMPLES ? 0 : view->sample_next;
    double seconds = sl_dur_seconds(sl_time_sub(now, view->samples[first].at));
    uint64_t accepted = view->samples[last].accepted - view->samples[first].accepted;
    return seconds > 0 ? (double)accepted / seconds : 0;
}

/* A line that is only ever as long as there is room. */
struct fields {
    struct strbuf *out;
    size_t room;
    bool is_started;
    bool is_full;
};

__attribute__((format(printf, 2, 3))) static void add(struct fields *fields, const char *format,
                                                      ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t gap = fields->is_started ? sizeof GAP - 1 : 0;
    size_t n = strlen(text);
    fields->is_full = fields->is_full || gap + n > fields->room;
    if (fields->is_full)
        return;
    strbuf_add(fields->out, GAP, gap);
    strbuf_add(fields->out, text, n);
    fields->room -= gap + n;
    fields->is_started = true;
}

static void add_batch(struct fields *fields, const struct progress_view *view, sl_time now)
{
    const struct progress *p = view->progress;
    char age[UNITS_TEXT_SIZE] = "";
    if (p->open_count > 0)
        units_print_seconds(age, sl_time_sub(now, p->open_since));
    add(fields, "batch %zu/%zu%s%s", p->open_count, view->batch_count, *age ? " " : "", age);
}

/* The last failure; what came from the service is shown without what could move the cursor or take
 * two columns. */
static void add_trouble(struct fields *fields, const struct progress *p)
{
    char text[sizeof p->trouble];
    snprintf(text, sizeof text, "%s", p->trouble);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
            *c = '?';
    if (p->paused)
        add(fields, "paused: %s", text);
    else if (*text)
        add(fields, "%s", text);
}

/* What the queue itself knows. */
static void add_depth(struct fields *fields, const struct progress_view *view, double per_second)
{
    struct progress_depth depth = {0};
    char count[UNITS_TEXT_SIZE];

    view->depth(view->arg, &depth);
    add(fields, "%s sent", units_print_count(count, depth.sent));
    add(fields, "%s out", units_print_count(count, view->progress->accepted));
    add(fields, "%s/s", units_print_count(count, (uint64_t)(per_second + 0.5)));
    add(fields, "queue %s", units_print_count(count, depth.visible));
    add(fields, "in flight %s", units_print_count(count, depth.in_flight));
    add(fields, "%s batches", units_print_count(count, view->account->batches));
}

static void add_estimate(struct fields *fields, const struct progress_view *view, double per_second)
{
    char count[UNITS_TEXT_SIZE];

    add(fields, "%s in", units_print_count(count, view->account->received));
    add(fields, "%s out", units_print_count(count, view->progress->accepted));
    add(fields, "%s/s", units_print_count(count, (uint64_t)(per_second + 0.5)));
}

void progress_line(struct progress_view *view, sl_time now, size_t width, struct strbuf *out)
{
    const struct account *a = view->account;
    const struct progress *p = view->progress;
    struct fields fields = {.out = out, .room = width};
    char elapsed[UNITS_TEXT_SIZE], count[UNITS_TEXT_SIZE];
    double per_second = rate(view, now);

    add(&fields, "%s", units_print_seconds(elapsed, sl_time_sub(now, view->began)));
    if (view->depth)
        add_depth(&fields, view, per_second);
    else
        add_estimate(&fields, view, per_second);
    add_batch(&fields, view, now);
    add(&fields, "sending %u/%zu", p->sending, view->concurrency);
    add(&fields, "returned %s", units_print_count(count, a->returned));
    if (!view->depth && p->queue_visible != UINT64_MAX)
        add(&fields, "queue %s", units_print_count(count, p->queue_visible));
    add_trouble(&fields, p);
}

struct show_progress {
    struct progress_view *view;
    int fd;
    bool is_terminal;
};

SL_TASK(show_progress)
{
    struct strbuf line = {0};
    while (sl_sleep(ctx, my->is_terminal ? TERMINAL_PERIOD : LOG_PERIOD) == SL_OK) {
        size_t width = my->is_terminal ? terminal_width(my->fd) : SIZE_MAX;
        strbuf_reset(&line);
        if (my->is_terminal)
            strbuf_addc(&line, ' ');
        progress_line(my->view, sl_now(), width > 2 ? width - 2 : 0, &line);
        if (strbuf_failed(&line))
            continue;
        if (my->is_terminal)
            log_status((struct slice){line.p, line.n});
        else
            log_info("%s", line.p);
    }
    log_status((struct slice){0});
    strbuf_deinit(&line);
    return 0;
}

void progress_show(struct progress_view *view, struct sl_ctx *scope, int fd)
{
    SL_GO(scope, show_progress, .view = view, .fd = fd, .is_terminal = isatty(fd));
}

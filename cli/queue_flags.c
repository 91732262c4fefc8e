/* Queues and faults; the keys are in queue_keys.c. */
#include "cli/queue_flags.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/flags.h"
#include "core/units.h"

/* ---- one queue ---- */

static bool is_fifo_name(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, ".fifo") == 0;
}

/* SQS API reference, CreateQueue: alphanumeric characters, hyphens and underscores, .fifo at the end. */
static bool is_queue_name(const char *name)
{
    size_t n = strlen(name);
    size_t stem = is_fifo_name(name) ? n - 5 : n;
    if (n == 0 || n > QUEUE_NAME_MAX)
        return false;
    for (size_t i = 0; i < stem; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
            return false;
    return true;
}

/* One --queue while it is read. */
struct reading {
    const char *whole; /* as the user wrote it */
    struct queue_plan *queue;
    bool says_fifo;
    struct problem *problem;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct reading *r, const char *format,
                                                        ...)
{
    char why[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    return problem_set(r->problem, EXIT_BAD_USAGE, "--queue %.100s: %s", r->whole, why);
}

static int check_name(const struct reading *r, const char *name)
{
    if (is_queue_name(name))
        return 0;
    return refuse(r,
                  "\"%.90s\" is no queue's name: 1 to %d letters, digits, - and _; a FIFO queue's "
                  "ends in .fifo\n  do:    --queue orders",
                  name, QUEUE_NAME_MAX);
}

static int read_seconds(const struct reading *r, const char *name, const char *text, int most_s,
                        sl_dur *out)
{
    sl_dur d;
    enum units_result result = units_read_duration(text, &d);
    if (result != UNITS_OK)
        return refuse(r, "%s=%.30s %s\n  do:    %s=30s", name, text, units_problem(result), name);
    if (d.ns % 1000000000 != 0)
        return refuse(r, "%s=%.30s: SQS counts in whole seconds", name, text);
    if (sl_dur_cmp(d, sl_sec(most_s)) > 0) {
        char most[UNITS_TEXT_SIZE];
        return refuse(r, "%s=%.30s is too large: %s at most", name, text,
                      units_print_duration_exact(most, sl_sec(most_s)));
    }
    *out = d;
    return 0;
}

/* "orders-dlq:5" */
static int read_dead_letter(const struct reading *r, char *text)
{
    char *colon = strrchr(text, ':');
    uint64_t receives;
    if (!colon || units_read_count(colon + 1, &receives) != UNITS_OK || receives < 1 ||
        receives > QUEUE_MAX_RECEIVES_MAX)
        return refuse(r,
                      "dlq=%.90s does not say after how many receives, 1 to %d\n"
                      "  do:    dlq=%.*s:5",
                      text, QUEUE_MAX_RECEIVES_MAX, (int)strcspn(text, ":"), text);
    *colon = '\0';
    if (check_name(r, text))
        return PROBLEM;
    r->queue->dead_letter = text;
    r->queue->max_receives = (unsigned)receives;
    return 0;
}

static int unknown_part(const struct reading *r, const char *name)
{
    static const char *const known[] = {"fifo", "visibility", "delay", "dlq", NULL};
    const char *near = closest(name, known);
    if (near)
        return refuse(r, "there is no %.40s: did you mean %s?", name, near);
    return refuse(r,
                  "there is no %.40s\n"
                  "  do:    NAME[,fifo][,visibility=30s][,delay=0s][,dlq=NAME:5]",
                  name);
}

static int read_part(struct reading *r, char *part)
{
    static const struct {
        const char *name, *example;
    } kinds[] = {
        {"visibility", "visibility=30s"}, {"delay", "delay=0s"}, {"dlq", "dlq=orders-dlq:5"}};
    char *value = strchr(part, '=');
    size_t kind = 0;

    if (strcmp(part, "fifo") == 0) {
        r->says_fifo = true;
        return 0;
    }
    if (value)
        *value++ = '\0';
    while (kind < 3 && strcmp(part, kinds[kind].name) != 0)
        kind++;
    if (kind == 3)
        return unknown_part(r, part);
    if (!value || *value == '\0')
        return refuse(r, "%s needs a value\n  do:    %s", part, kinds[kind].example);
    if ((kind == 0 && r->queue->visibility.ns >= 0) || (kind == 1 && r->queue->delay.ns >= 0) ||
        (kind == 2 && r->queue->dead_letter))
        return refuse(r, "%s comes twice", part);
    if (kind == 2)
        return read_dead_letter(r, value);
    return read_seconds(r, part, value, kind == 0 ? QUEUE_VISIBILITY_MAX_S : QUEUE_DELAY_MAX_S,
                        kind == 0 ? &r->queue->visibility : &r->queue->delay);
}

/* What the parts must be to each other. */
static int check_queue(const struct reading *r)
{
    const struct queue_plan *queue = r->queue;
    bool is_fifo = is_fifo_name(queue->name);

    if (r->says_fifo && !is_fifo)
        return refuse(r, "the name of a FIFO queue ends in .fifo\n  do:    --queue %s.fifo",
                      queue->name);
    if (queue->dead_letter && strcmp(queue->dead_letter, queue->name) == 0)
        return refuse(r, "a queue can't be its own dead-letter queue");
    if (queue->dead_letter && is_fifo_name(queue->dead_letter) != is_fifo)
        return refuse(r,
                      "the dead-letter queue of a %s queue is a %s queue too\n  do:    dlq=%s:%u",
                      is_fifo ? "FIFO" : "standard", is_fifo ? "FIFO" : "standard",
                      is_fifo ? "orders-dlq.fifo" : "orders-dlq", queue->max_receives);
    return 0;
}

/* Takes `text` apart in place. */
static int read_queue(struct reading *r, char *text)
{
    char *part = strsep(&text, ",");

    *r->queue = (struct queue_plan){.name = part, .visibility = sl_ns(-1), .delay = sl_ns(-1)};
    if (check_name(r, part))
        return PROBLEM;
    while ((part = strsep(&text, ",")))
        if (read_part(r, part))
            return PROBLEM;
    return check_queue(r);
}

/* ---- the list ---- */

static bool is_listed(const struct queue_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return true;
    return false;
}

static int read_all(struct queue_list *list, const char *const *texts, size_t count,
                    struct problem *problem)
{
    for (size_t i = 0; i < count; i++) {
        struct queue_plan queue;
        struct reading reading = {.whole = texts[i], .queue = &queue, .problem = problem};
        char *copy = strdup(texts[i]);
        if (!copy)
            return -ENOMEM;
        list->texts[list->text_count++] = copy;
        if (read_queue(&reading, copy))
            return PROBLEM;
        if (is_listed(list, queue.name))
            return refuse(&reading, "there are two of that name");
        list->items[list->count++] = queue;
    }
    return 0;
}

/* The dead-letter queues that nobody described. */
static void add_dead_letters(struct queue_list *list)
{
    size_t described = list->count;
    for (size_t i = 0; i < described; i++) {
        const char *name = list->items[i].dead_letter;
        if (name && !is_listed(list, name))
            list->items[list->count++] =
                (struct queue_plan){.name = name, .visibility = sl_ns(-1), .delay = sl_ns(-1)};
    }
}

/* Moves to the front of `from` a queue whose dead-letter queue lies before it. false: there is none. */
static bool bring_forward(struct queue_list *list, size_t from)
{
    struct queue_list before = {.items = list->items, .count = from};
    for (size_t i = from; i < list->count; i++) {
        struct queue_plan queue = list->items[i];
        if (queue.dead_letter && !is_listed(&before, queue.dead_letter))
            continue;
        memmove(list->items + from + 1, list->items + from, (i - from) * sizeof queue);
        list->items[from] = queue;
        return true;
    }
    return false;
}

static int sort(struct queue_list *list, struct problem *problem)
{
    for (size_t i = 0; i < list->count; i++)
        if (!bring_forward(list, i))
            return problem_set(problem, EXIT_BAD_USAGE,
                               "--queue %s,dlq=%s:%u: these queues are each other's dead-letter "
                               "queues\n  do:    leave dlq out of one of them",
                               list->items[i].name, list->items[i].dead_letter,
                               list->items[i].max_receives);
    return 0;
}

int queue_list_read(struct queue_list *out, const char *const *texts, struct problem *problem)
{
    struct queue_list list = {0};
    size_t count = 0;

    while (texts && texts[count])
        count++;
    list.max = 2 * count; /* each may bring a dead-letter queue */
    list.items = calloc(list.max + 1, sizeof *list.items);
    list.texts = calloc(count + 1, sizeof *list.texts);
    int result = list.items && list.texts ? read_all(&list, texts, count, problem) : -ENOMEM;
    if (result == 0) {
        add_dead_letters(&list);
        result = sort(&list, problem);
    }
    if (result == 0)
        *out = list;
    else
        queue_list_deinit(&list);
    return result;
}

void queue_list_deinit(struct queue_list *list)
{
    for (size_t i = 0; i < list->text_count; i++)
        free(list->texts[i]);
    free(list->texts);
    free(list->items);
    *list = (struct queue_list){0};
}

/* ---- faults ---- */

enum fault {
    FAULT_LATENCY,
    FAULT_INTERNAL,
    FAULT_THROTTLE,
    FAULT_DROP_DELETE,
    FAULT_DUPLICATE,
    FAULT_CUT,
    FAULTS
};

static const char *const fault_names[FAULTS + 1] = {"latency",   "500", "throttle", "drop-delete",
                                                    "duplicate", "cut", NULL};

static int bad_fault(const char *text, const char *why, const char *example,
                     struct problem *problem)
{
    return problem_set(problem, EXIT_BAD_USAGE, "--fault %.100s: %s\n  do:    --fault %s", text,
                       why, example);
}

/* "50ms", "50ms..200ms" */
static int read_latency(struct queue_faults *out, const char *text, const char *value,
                        struct problem *problem)
{
    static const char example[] = "latency=50ms..200ms";
    const char *dots = strstr(value, "..");
    char first[64];
    enum units_result result;

    snprintf(first, sizeof first, "%.*s", dots && dots < value + 63 ? (int)(dots - value) : 63,
             value);
    result = units_read_duration(first, &out->latency_min);
    out->latency_max = out->latency_min;
    if (result == UNITS_OK && dots)
        result = units_read_duration(dots + 2, &out->latency_max);
    if (result != UNITS_OK)
        return bad_fault(text, units_problem(result), example, problem);
    if (sl_dur_cmp(out->latency_max, out->latency_min) < 0)
        return bad_fault(text, "the second is smaller than the first", example, problem);
    if (sl_dur_cmp(out->latency_max, sl_hours(1)) > 0)
        return bad_fault(text, "1h is the most", example, problem);
    return 0;
}

static double *share_of(struct queue_faults *faults, enum fault fault)
{
    switch (fault) {
    case FAULT_INTERNAL:
        return &faults->internal_error;
    case FAULT_THROTTLE:
        return &faults->throttle;
    case FAULT_DROP_DELETE:
        return &faults->drop_delete;
    case FAULT_DUPLICATE:
        return &faults->duplicate;
    case FAULT_CUT:
        return &faults->cut;
    case FAULT_LATENCY:
    case FAULTS:
        break;
    }
    return NULL;
}

static int unknown_fault(const char *text, size_t n, struct problem *problem)
{
    char name[41];
    snprintf(name, sizeof name, "%.*s", n > 40 ? 40 : (int)n, text);
    const char *near = closest(name, fault_names);
    if (near)
        return problem_set(problem, EXIT_BAD_USAGE,
                           "--fault %.100s: there is no %s: did you mean %s?", text, name, near);
    return problem_set(problem, EXIT_BAD_USAGE,
                       "--fault %.100s: there is no %s\n  do:    latency=50ms..200ms, 500=1%%, "
                       "throttle=5%%, drop-delete=1%%, duplicate=1%% or cut=0.5%%",
                       text, name);
}

static int read_fault(struct queue_faults *out, const char *text, bool given[FAULTS],
                      struct problem *problem)
{
    size_t n = strcspn(text, "=");
    char example[32];
    int fault = 0;

    while (fault < FAULTS &&
           (strlen(fault_names[fault]) != n || memcmp(fault_names[fault], text, n) != 0))
        fault++;
    if (fault == FAULTS)
        return unknown_fault(text, n, problem);
    snprintf(example, sizeof example, "%s=%s", fault_names[fault],
             fault == FAULT_LATENCY ? "50ms" : "1%");
    if (text[n] == '\0' || text[n + 1] == '\0')
        return bad_fault(text, "how much of it?", example, problem);
    if (given[fault])
        return problem_set(problem, EXIT_BAD_USAGE, "--fault %.100s: %s is given twice", text,
                           fault_names[fault]);
    given[fault] = true;
    if (fault == FAULT_LATENCY)
        return read_latency(out, text, text + n + 1, problem);
    enum units_result result = units_read_share(text + n + 1, share_of(out, (enum fault)fault));
    return result == UNITS_OK ? 0 : bad_fault(text, units_problem(result), example, problem);
}

int faults_read(struct queue_faults *out, const char *const *texts, struct problem *problem)
{
    bool given[FAULTS] = {false};
    for (; texts && *texts; texts++)
        if (read_fault(out, *texts, given, problem))
            return PROBLEM;
    return 0;
}

bool faults_any(const struct queue_faults *f)
{
    return f->latency_max.ns > 0 || f->internal_error > 0 || f->throttle > 0 ||
           f->drop_delete > 0 || f->duplicate > 0 || f->cut > 0;
}

/*
 * dump -- the table of tasks, and the end of a program in which nothing can happen any more.
 *
 * A place in the program is given as module+offset, which `addr2line -fpe module offset` turns into
 * a line: finding that out while the program runs would need its debug information.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/sched.h"

enum {
    LINE_MAX_BYTES = 512,
    DEADLOCK_EXIT = 70, /* EX_SOFTWARE */
    DEADLOCK_LINES = 100,
    READER_MS = 1000, /* to read something, if all that the descriptor takes is full */
};

struct line {
    char text[LINE_MAX_BYTES];
    size_t n;
    int fd;
    bool is_lost; /* as all that come after it: `fd` takes nothing any more */
};

__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *format, ...)
{
    size_t room = sizeof(l->text) - l->n;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(l->text + l->n, room, format, args);
    va_end(args);
    if (n > 0)
        l->n += (size_t)n < room ? (size_t)n : room - 1;
}

/* A pipe that nobody reads must not hold up the program, least of all one that is about to end. What poll finds ready takes a
 * line, which is shorter than PIPE_BUF, at once. */
static bool takes_more(int fd)
{
    struct pollfd out = {.fd = fd, .events = POLLOUT};

    return fd < 0 || poll(&out, 1, READER_MS) > 0;
}

static void put(struct line *l)
{
    size_t done = 0;

    while (!l->is_lost && done < l->n) {
        ssize_t n = takes_more(l->fd) ? write(l->fd, l->text + done, l->n - done) : 0;

        l->is_lost = n <= 0;
        done += l->is_lost ? 0 : (size_t)n;
    }
    l->n = 0;
}

static void add_chan(struct line *l, const struct sl_chan *ch)
{
    if (!ch)
        add(l, "a NULL channel");
    else
        add(l, "%s %p (%zu of %zu)", ch->name ? ch->name : "channel", (const void *)ch, ch->count,
            ch->capacity);
}

static void add_case(struct line *l, const struct sl_case *c)
{
    if (c->kind == SL_CASE_AT) {
        add(l, "for a time");
        return;
    }
    add(l, c->kind == SL_CASE_SEND ? "to send to " : "to receive from ");
    add_chan(l, c->ch);
}

static void add_wait(struct line *l, const struct sl_task *t)
{
    const struct sl_sched *s = t->sched;

    if (t == s->current) {
        add(l, "runs");
        return;
    }
    if (t->result != WAITING) {
        add(l, "is ready");
        return;
    }
    add(l, "waits ");
    if (t->case_count == 0)
        add(l, "for %s", t->waits_on);
    for (size_t i = 0; i < t->case_count; i++) {
        add(l, i ? ", or " : "");
        add_case(l, &t->cases[i]);
    }
}

static void add_place(struct line *l, const struct sl_task *t)
{
    const char *at = t->wait_place;
    Dl_info info;

    if (!at || t->result != WAITING)
        return;
    if (!dladdr(at, &info) || !info.dli_fname) {
        add(l, ", at %p", (const void *)at);
        return;
    }
    add(l, ", at %s+0x%tx", info.dli_fname, at - 1 - (const char *)info.dli_fbase);
    if (info.dli_sname)
        add(l, " (%s)", info.dli_sname);
}

static void add_task(struct line *l, const struct sl_task *t)
{
    add(l, "  %" PRIu64 " %s", t->id, t->site->name);
    if (t->scope)
        add(l, " (%s:%d%s%s)", t->site->file, t->site->line, t->scope->name ? ", in " : "",
            t->scope->name ? t->scope->name : "");
    add(l, " ");
    add_wait(l, t);
    add_place(l, t);
    add(l, "\n");
}

static void dump(struct sl_sched *s, struct line *line, unsigned lines_max)
{
    unsigned lines = 0;

    for (struct sl_link *l = s->stacks.next; l != &s->stacks; l = l->next) {
        const struct sl_task *t = SL_CONTAINER_OF(l, struct sl_task, all);

        if (!t->site || lines++ >= lines_max)
            continue;
        add_task(line, t);
        if (line->n == sizeof(line->text) - 1)
            line->text[line->n - 1] = '\n';
        put(line);
    }
    if (lines > lines_max) {
        add(line, "  and %u more\n", lines - lines_max);
        put(line);
    }
}

void sl_dump(int fd)
{
    struct sl_sched *s = sl_sched_;
    struct line line = {.fd = fd};

    sl_assert(s);
    add(&line, "%u tasks:\n", s->tasks);
    put(&line);
    dump(s, &line, UINT32_MAX);
}

void deadlock_report(struct sl_sched *s)
{
    struct line line = {.fd = STDERR_FILENO};

    fflush(NULL);
    add(&line, "all tasks are asleep - deadlock\n");
    put(&line);
    dump(s, &line, DEADLOCK_LINES);
    _exit(DEADLOCK_EXIT);
}

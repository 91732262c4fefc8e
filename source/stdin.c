/*
 * stdin -- one event per line of standard input (NDJSON, or any UTF-8 text). The line is the event's body.
 *
 * Reading may block for ever, so a detached thread does it, which owns its memory: it reads ahead up to READ_AHEAD bytes,
 * rings, and waits until the task has taken lines out. It is never joined: the program ends under it.
 *
 * A line that was read when intake ends is not given out any more, but nobody else can read it either: it goes to the file
 * of --undelivered or counts as abandoned.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/task.h>

#include "core/json_out.h"
#include "ops/log.h"
#include "source/local.h"

enum {
    PIECE = 64 * 1024,
    READ_AHEAD = 1024 * 1024,
    LINE_MAX_BYTES = 1024 * 1024, /* what SQS takes as a message */
};

/* Shared by the thread and the task, under the lock; freed by whoever lets go last. */
struct reader {
    pthread_mutex_t lock;
    pthread_cond_t taken;
    struct sl_bell *bell;
    struct strbuf bytes;
    bool has_ended;
    bool is_over; /* nobody takes anything any more: the thread ends with its present read */
    int error;
    unsigned references;
};

struct stdin_source {
    struct local_source local;
    struct reader *reader;
    struct sl_parker more; /* the task waits here for bytes */
    struct strbuf pending; /* bytes of the task's own: lines, and the start of one */
    uint64_t line;         /* number of the last line */
    bool skips;            /* the rest of a line that is too long is still to come */
};

static void reader_release(struct reader *reader)
{
    bool last;

    pthread_mutex_lock(&reader->lock);
    last = --reader->references == 0;
    pthread_mutex_unlock(&reader->lock);
    if (!last)
        return;
    sl_bell_unref(reader->bell);
    strbuf_deinit(&reader->bytes);
    pthread_cond_destroy(&reader->taken);
    pthread_mutex_destroy(&reader->lock);
    free(reader);
}

/* Hands over what was read, waiting while there is too much of it already. Whether nothing more is wanted. */
static bool hand_over(struct reader *reader, const char *piece, ssize_t n)
{
    bool is_over;

    pthread_mutex_lock(&reader->lock);
    while (reader->bytes.n >= READ_AHEAD && reader->references > 1 && !reader->is_over)
        pthread_cond_wait(&reader->taken, &reader->lock);
    if (n > 0)
        strbuf_add(&reader->bytes, piece, (size_t)n);
    if (n <= 0 || strbuf_failed(&reader->bytes)) {
        reader->has_ended = true;
        reader->error = n < 0 ? (int)n : strbuf_failed(&reader->bytes) ? -ENOMEM : 0;
    }
    is_over = reader->is_over || reader->has_ended;
    pthread_mutex_unlock(&reader->lock);
    sl_bell_ring(reader->bell);
    return is_over;
}

/* As read, with -errno. Whoever shares the descriptor may have made it non-blocking. */
static ssize_t read_piece(char *piece)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    ssize_t n;

    while ((n = read(STDIN_FILENO, piece, PIECE)) < 0)
        if (errno == EAGAIN)
            (void)poll(&in, 1, -1);
        else if (errno != EINTR)
            return -errno;
    return n;
}

static void *read_on(void *arg)
{
    struct reader *reader = arg;
    char *piece = malloc(PIECE);
    ssize_t n;

    do
        n = piece ? read_piece(piece) : -ENOMEM;
    while (!hand_over(reader, piece, n));
    free(piece);
    reader_release(reader);
    return NULL;
}

static void rung(void *arg)
{
    sl_unpark(&((struct stdin_source *)arg)->more);
}

/* The thread takes no signals: they are the tasks' thread's. */
static int start_thread(struct reader *reader)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    r = pthread_create(&thread, &attributes, read_on, reader);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

static int start_reader(struct stdin_source *in)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    int r;

    if (!reader)
        return -ENOMEM;
    pthread_mutex_init(&reader->lock, NULL);
    pthread_cond_init(&reader->taken, NULL);
    reader->references = 2;
    reader->bell = sl_bell_new(rung, in);
    r = reader->bell ? start_thread(reader) : -ENOMEM;
    if (r) {
        reader->references = 1;
        reader_release(reader);
        return r;
    }
    in->reader = reader;
    return 0;
}

/* Moves what the thread has read to the task's own bytes. Whether nothing more comes. `for_good`: and lets the thread end. */
static bool take_bytes(struct stdin_source *in, bool for_good, int *error)
{
    struct reader *reader = in->reader;
    bool ended;

    pthread_mutex_lock(&reader->lock);
    strbuf_add(&in->pending, reader->bytes.p, reader->bytes.n);
    strbuf_reset(&reader->bytes);
    ended = reader->has_ended;
    reader->is_over = for_good;
    *error = strbuf_failed(&in->pending) ? -ENOMEM : reader->error;
    pthread_cond_signal(&reader->taken);
    pthread_mutex_unlock(&reader->lock);
    return ended;
}

/* Gives one line out. Blank lines are none; one that can't be an event is told, and goes where goes what can't be delivered, if
 * it is all here. */
static int give_line(struct stdin_source *in, struct sl_ctx *intake, struct message_chan *out,
                     struct slice line)
{
    int r;

    in->line++;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (line.n == 0)
        return SL_OK;
    r = line.n > LINE_MAX_BYTES ? -EMSGSIZE : local_give(&in->local, intake, out, line);
    if (r != -EILSEQ && r != -EMSGSIZE)
        return r;
    log_error(
        "line %llu of standard input %s: it is not sent\n  do:    send it as UTF-8, at most 1 MiB",
        (unsigned long long)in->line, r == -EILSEQ ? "is not UTF-8" : "is longer than 1 MiB");
    if (r == -EILSEQ) {
        local_forgo(&in->local, line);
        return SL_OK;
    }
    in->local.base.account->received++;
    in->local.base.account->abandoned++;
    return SL_OK;
}

/* Gives out the whole lines there are; with `last` also what stands behind the last line break. */
static int give_lines(struct stdin_source *in, struct sl_ctx *intake, struct message_chan *out,
                      bool last)
{
    struct slice rest = strbuf_slice(&in->pending);
    int r = SL_OK;

    while (rest.n > 0 && r == SL_OK && in->local.count_left > 0) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;

        if (!end && !last && !in->skips && rest.n <= LINE_MAX_BYTES + 1) /* with a CR */
            break;
        if (!in->skips)
            r = give_line(in, intake, out, (struct slice){rest.p, n});
        if (r == SL_OK) {
            in->skips = !end && !last;
            rest = (struct slice){rest.p + n + (end ? 1 : 0), rest.n - n - (end ? 1 : 0)};
        }
    }
    if (rest.n > 0)
        memmove(in->pending.p, rest.p, rest.n);
    strbuf_truncate(&in->pending, rest.n);
    return r;
}

/* Intake has ended: what was read and not given out is accounted for. */
static void forgo_lines(struct stdin_source *in)
{
    struct slice rest;
    int error;

    (void)take_bytes(in, true, &error);
    rest = strbuf_slice(&in->pending);
    while (rest.n > 0) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        struct slice line = {rest.p, n > 0 && rest.p[n - 1] == '\r' ? n - 1 : n};

        if (line.n > 0 && !in->skips)
            local_forgo(&in->local, line);
        in->skips = false;
        rest = (struct slice){rest.p + n + (end ? 1 : 0), rest.n - n - (end ? 1 : 0)};
    }
    strbuf_truncate(&in->pending, 0);
}

struct read_lines {
    struct stdin_source *in;
    struct sl_ctx *intake;
    struct message_chan *out;
};

SL_TASK(read_lines)
{
    struct stdin_source *in = my->in;
    bool ended = false;
    int error = 0;
    int r = SL_OK;

    while (r == SL_OK && !ended && !error && in->local.count_left > 0) {
        r = sl_park(&in->more, my->intake, SL_NEVER, "standard input");
        if (r != SL_OK)
            break;
        ended = take_bytes(in, false, &error);
        r = give_lines(in, my->intake, my->out, ended);
    }
    if (my->out)
        message_chan_close(my->out);
    sl_bell_silence(in->reader->bell);
    if (r == SL_CANCELED || r == SL_TIMEOUT)
        forgo_lines(in);
    if (error || r < 0) {
        r = error ? error : r;
        log_error("standard input: %s: reading ends, what is held is delivered", strerror(-r));
        sl_ctx_cancel(my->intake, r == -ENOMEM ? r : -EIO);
    }
    return 0;
}

static struct message_chan *stdin_receive(struct source *source, struct sl_ctx *life,
                                          struct sl_ctx *delivery, struct sl_ctx *intake)
{
    struct stdin_source *in = (struct stdin_source *)source;
    struct message_chan *out = local_chan(&in->local, life);

    (void)delivery;
    SL_GO(life, read_lines, .in = in, .intake = intake, .out = out);
    return out;
}

static void stdin_free(struct source *source)
{
    struct stdin_source *in = (struct stdin_source *)source;

    if (in->reader) {
        sl_bell_silence(in->reader->bell);
        pthread_cond_signal(&in->reader->taken);
        reader_release(in->reader);
    }
    strbuf_deinit(&in->pending);
    local_deinit(&in->local);
    free(in);
}

static void stdin_plan(const struct source *source, struct source_plan *plan)
{
    (void)source;
    strbuf_adds(&plan->rows, "  events     lines of standard input\n");
    json_out_text(&plan->members, "events", "lines of standard input");
}

static const struct source_ops stdin_ops = {
    .receive = stdin_receive,
    .settle = local_settle,
    .held = local_held,
    .abandon = local_abandon,
    .wake = local_wake,
    .plan = stdin_plan,
    .free = stdin_free,
};

static bool stdin_takes(const char *from)
{
    return strcmp(from, "-") == 0;
}

/* NULL: it can be read. */
static const char *what_is_wrong(void)
{
    int flags = fcntl(STDIN_FILENO, F_GETFL);
    struct stat what;

    if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY)
        return "standard input is closed, or not open for reading";
    return fstat(STDIN_FILENO, &what) == 0 && S_ISDIR(what.st_mode) ? "standard input is a folder"
                                                                    : NULL;
}

/* What is written there would be read again, without end. */
static bool is_also_undelivered(const struct stdin_source *in)
{
    struct stat input, output;

    return in->local.undelivered_fd >= 0 && fstat(STDIN_FILENO, &input) == 0 &&
           fstat(in->local.undelivered_fd, &output) == 0 && S_ISREG(input.st_mode) &&
           input.st_dev == output.st_dev && input.st_ino == output.st_ino;
}

static int check_input(const struct stdin_source *in, struct problem *problem)
{
    const char *wrong = what_is_wrong();

    if (wrong)
        return problem_set(
            problem, EXIT_BAD_CONFIG,
            "--from -: %s\n  do:    give it events, a line each: sluice run --from - "
            "... < FILE",
            wrong);
    if (is_also_undelivered(in))
        return problem_set(problem, EXIT_BAD_CONFIG,
                           "--undelivered %s is what is read on standard input\n  do:    give it "
                           "another file",
                           in->local.config.undelivered);
    return 0;
}

static int stdin_open(struct source **out, struct sl_ctx *ctx, const struct source_config *config,
                      struct problem *problem)
{
    struct stdin_source *in = calloc(1, sizeof(*in));
    int r;

    (void)ctx;
    if (!in)
        return -ENOMEM;
    sl_parker_init(&in->more);
    r = local_init(&in->local, &stdin_ops, config, "stdin", problem);
    if (!r)
        r = check_input(in, problem);
    if (!r)
        r = start_reader(in);
    if (r) {
        stdin_free(&in->local.base);
        return r;
    }
    snprintf(in->local.base.name, sizeof(in->local.base.name), "standard input");
    *out = &in->local.base;
    return 0;
}

const struct source_kind source_stdin = {.name = "stdin", .takes = stdin_takes, .open = stdin_open};

/*
 * stdout -- each batch is one line on standard output (with --format ndjson one line per event; with raw the bytes as they
 * are and a line break). A batch counts as accepted when write(2) has taken all of it. Writing is done by a helper thread,
 * because a reader that is slow must not stop the leases; one batch at a time, because lines must not mix. A reader that
 * takes nothing at all does not hold up the end: the batch is left unfinished when deliveries end.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/chan.h>
#include <sluice/offload.h>

#include "sink/sink.h"

SL_CHAN_OF(turn_chan, char);

enum { PATIENCE_MS = 100 };

struct stdout_sink {
    struct sink base;
    size_t
        piece; /* a pipe that polls as writable takes PIPE_BUF bytes without blocking, but no more */
    struct turn_chan *turn; /* holds one element: whoever takes it may write */
};

/* What is left to write. The helper comes back with it when the reader has taken nothing for a while, so that the task
 * can look whether it is still wanted. */
struct write_job {
    const char *p;
    size_t n;
    size_t piece; /* at most so much in one write */
};

/* 0, with n = 0 if all is written; or -errno. */
static int write_on(void *arg)
{
    struct write_job *job = arg;

    while (job->n > 0) {
        struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
        int ready = poll(&out, 1, PATIENCE_MS);
        ssize_t wrote;

        if (ready == 0)
            return 0;
        wrote = ready < 0 ? -1
                          : write(STDOUT_FILENO, job->p, job->n < job->piece ? job->n : job->piece);
        if (wrote < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        if (wrote > 0) {
            job->p += wrote;
            job->n -= (size_t)wrote;
        }
    }
    return 0;
}

/* SL_OK, the end of `ctx` with something left, or -errno. */
static int write_all(const struct stdout_sink *out, struct sl_ctx *ctx, struct slice bytes)
{
    struct write_job job = {bytes.p, bytes.n, out->piece};
    int r = SL_OK, result = 0;

    while (job.n > 0 && r == SL_OK) {
        r = sl_offload(write_on, &job, &result);
        if (r == SL_OK)
            r = result;
        if (r == SL_OK && job.n > 0)
            r = sl_ctx_err(ctx);
    }
    return r;
}

static void stdout_post(struct sink *sink, struct sl_ctx *ctx, const struct sink_request *request,
                        struct sink_result *result)
{
    struct stdout_sink *out = (struct stdout_sink *)sink;
    bool has_end = request->body.n > 0 && request->body.p[request->body.n - 1] == '\n';
    char turn;
    int r;

    result->outcome = OUTCOME_RETRY;
    if (turn_chan_recv(out->turn, ctx, &turn) != SL_OK) {
        snprintf(result->reason, sizeof(result->reason), "standard output is busy");
        return;
    }
    r = write_all(out, ctx, request->body);
    if (r == SL_OK && !has_end)
        r = write_all(out, ctx, SLICE("\n"));
    sl_assert(turn_chan_try_send(out->turn, turn) == SL_OK); /* it was taken from there */
    result->sent = true;
    result->complete = r == SL_OK;
    result->gone = r < 0 && r != -ENOMEM; /* what was written of a batch can't be taken back */
    if (r == SL_OK)
        result->outcome = OUTCOME_ACCEPTED;
    else
        snprintf(result->reason, sizeof(result->reason), "standard output: %s",
                 r < 0 ? strerror(-r) : "its reader takes nothing");
}

static void stdout_free(struct sink *sink)
{
    free(sink);
}

static const struct sink_ops stdout_ops = {.post = stdout_post, .free = stdout_free};

static bool stdout_takes(const char *to)
{
    return strcmp(to, "-") == 0;
}

static int stdout_open(struct sink **out, struct sl_ctx *ctx, const struct sink_config *config,
                       struct problem *problem)
{
    struct stdout_sink *sink = calloc(1, sizeof(*sink));
    struct stat what;

    (void)problem;
    if (!sink)
        return -ENOMEM;
    *sink = (struct stdout_sink){
        .base = {.ops = &stdout_ops,
                 .format = config->format,
                 .is_patient = true,
                 .name = "standard output"},
        .piece = fstat(STDOUT_FILENO, &what) == 0 && S_ISREG(what.st_mode) ? SSIZE_MAX : PIPE_BUF,
        .turn = turn_chan_new(ctx, 1, turn_chan_forget),
    };
    if (!sink->turn) {
        free(sink);
        return -ENOMEM;
    }
    sl_assert(turn_chan_try_send(sink->turn, 't') == SL_OK);
    *out = &sink->base;
    return 0;
}

const struct sink_kind sink_stdout = {.name = "stdout", .takes = stdout_takes, .open = stdout_open};

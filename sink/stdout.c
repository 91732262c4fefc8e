/*
 * stdout -- each batch is one line on standard output (with --format ndjson one line per event; with raw the bytes as they
 * are). A batch counts as accepted when write(2) has taken all of it. Writing is done by a helper thread, because a reader
 * that is slow must not stop the leases; one batch at a time, because lines must not mix.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sluice/chan.h>
#include <sluice/offload.h>

#include "sink/sink.h"

SL_CHAN_OF(turn_chan, char);

struct stdout_sink {
    struct sink base;
    struct turn_chan *turn; /* holds one element: whoever takes it may write */
};

struct write_job {
    struct slice body;
    bool newline;
};

static int write_all(const char *p, size_t n)
{
    while (n > 0) {
        ssize_t wrote = write(STDOUT_FILENO, p, n);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -errno;
        p += wrote;
        n -= (size_t)wrote;
    }
    return 0;
}

static int write_batch(void *arg)
{
    const struct write_job *job = arg;
    int r = write_all(job->body.p, job->body.n);

    return r || !job->newline ? r : write_all("\n", 1);
}

static void stdout_post(struct sink *sink, struct sl_ctx *ctx, const struct sink_request *request,
                        struct sink_result *result)
{
    struct stdout_sink *out = (struct stdout_sink *)sink;
    struct write_job job = {
        .body = request->body,
        .newline = request->body.n == 0 || request->body.p[request->body.n - 1] != '\n',
    };
    char turn;
    int r = 0;

    result->outcome = OUTCOME_RETRY;
    if (turn_chan_recv(out->turn, ctx, &turn) != SL_OK) {
        snprintf(result->reason, sizeof(result->reason), "standard output is busy");
        return;
    }
    r = sl_offload(write_batch, &job, &r) ? -EAGAIN : r;
    sl_assert(turn_chan_try_send(out->turn, turn) == SL_OK); /* it was taken from there */
    result->sent = true;
    result->complete = r == 0;
    result->gone = r == -EPIPE || r == -ENOSPC || r == -EIO;
    if (r == 0)
        result->outcome = OUTCOME_ACCEPTED;
    else
        snprintf(result->reason, sizeof(result->reason), "standard output: %s", strerror(-r));
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

    (void)problem;
    if (!sink)
        return -ENOMEM;
    *sink = (struct stdout_sink){
        .base = {.ops = &stdout_ops, .format = config->format, .name = "standard output"},
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

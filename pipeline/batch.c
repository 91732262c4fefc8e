/*
 * batch -- gathers runs of messages into batches. The records are written where they will be sent from; the policy
 * (sluice/batch.h) says when a batch is full. A run that does not fit any more is moved, with its bytes, to the next batch.
 */
#include <errno.h>

#include <sluice/select.h>
#include <sluice/task.h>

#include "ops/log.h"
#include "pipeline/stages.h"

/* Long enough for a full receive to be followed by others. */
#define FIFO_AGE sl_ms(200)

struct batch_stage {
    struct pipeline *pipeline;
    struct message_chan *in;
    struct batch_chan *out;
};

/* The stage's own state. */
struct gathering {
    struct pipeline *pipeline;
    const struct format *format;
    struct batch_chan *out;
    struct sl_batcher policy;
    struct batch *open; /* NULL: none */
    uint32_t runs;      /* numbers the runs */
};

static size_t count_limit(const struct gathering *g)
{
    return g->format->one_per_request ? 1 : g->pipeline->config->batch_count;
}

sl_dur pipeline_batch_age(const struct pipeline_config *config, const struct source *source)
{
    return source->is_fifo ? sl_dur_min(config->batch_age, FIFO_AGE) : config->batch_age;
}

static size_t body_bytes(const struct gathering *g, const struct batch *batch)
{
    return batch->body.n + (batch->sealed ? 0 : g->format->suffix.n);
}

static void show(struct gathering *g)
{
    struct progress *progress = g->pipeline->progress;

    progress->open_count = g->open ? g->open->count : 0;
    progress->open_bytes = g->open ? g->open->body.n : 0;
    progress->open_deadline = sl_batcher_deadline(&g->policy);
    if (!g->open)
        progress->open_since = SL_NEVER;
    else if (sl_time_cmp(progress->open_since, SL_NEVER) == 0)
        progress->open_since = sl_now();
}

/* Without memory nothing is lost: what is not delivered stays in the queue. But nothing more is taken on. */
static void out_of_memory(struct gathering *g)
{
    log_error("out of memory while gathering a batch: receiving ends, what is held goes back to "
              "the queue");
    sl_ctx_cancel(g->pipeline->intake, -ENOMEM);
}

/*
 * A batch that holds one run too large for the limits becomes a chain of batches that the same task delivers one after the
 * other. `batch` is left with what fits; the rest hangs in `then`.
 */
static int split_long_run(struct gathering *g, struct batch *batch)
{
    while (batch->count > 1 && (batch->count > count_limit(g) ||
                                body_bytes(g, batch) > pipeline_bytes_max(g->pipeline))) {
        size_t keep = 1;
        struct batch *rest = batch_new(g->format, batch->count);

        if (!rest)
            return -ENOMEM;
        while (keep < count_limit(g) && keep < batch->count &&
               batch->items[keep].offset + batch->items[keep].length + g->format->suffix.n <=
                   pipeline_bytes_max(g->pipeline))
            keep++;
        if (batch_move_tail(batch, batch->count - keep, rest, g->format)) {
            batch_free(rest);
            return -ENOMEM;
        }
        batch->then = rest;
        batch = rest;
    }
    return 0;
}

static int seal_all(const struct gathering *g, struct batch *batch)
{
    int r = 0;

    for (; batch && !r; batch = batch->then)
        r = batch_seal(batch, g->format);
    return r;
}

/* Sends `*batch` on; life's end is the only thing that stops it, and then nobody is left to return its events to. */
static int send_on(struct gathering *g, struct batch **batch)
{
    struct batch *leaving = *batch;
    int r;

    *batch = NULL;
    r = split_long_run(g, leaving);
    if (!r)
        r = seal_all(g, leaving);
    if (r < 0)
        out_of_memory(g);
    else
        r = batch_chan_send(g->out, g->pipeline->life, leaving);
    if (r)
        batch_free(leaving);
    return r > 0 ? r : 0;
}

static int flush(struct gathering *g)
{
    int r;

    if (!g->open)
        return SL_OK;
    sl_batcher_flushed(&g->policy);
    r = send_on(g, &g->open);
    show(g);
    return r;
}

/* Writes the run to the end of the open batch, making one if there is none. How many of its messages it could take: all,
 * unless memory ran out. */
static size_t append_run(struct gathering *g, const struct message *run)
{
    size_t had;

    if (!g->open)
        g->open = batch_new(g->format, count_limit(g) < 128 ? count_limit(g) : 128);
    if (!g->open)
        return 0;
    had = g->open->count;
    for (; run; run = run->next)
        if (batch_append(g->open, g->format, &run->record, &g->pipeline->source->origin,
                         run->ticket, g->runs))
            break;
    g->runs++;
    if (g->open->count == 0)
        batch_free(SL_TAKE(g->open));
    return g->open ? g->open->count - had : 0;
}

/* The bytes that the last `count` items take, with the separators between them. */
static size_t tail_bytes(const struct batch *batch, size_t count)
{
    const struct batch_item *first = &batch->items[batch->count - count];

    return batch->body.n - first->offset;
}

/* Moves the newest run to a batch of its own and sends off what was gathered before it, which may take a while: the age of the
 * new batch counts from when the run came. `*fit`: how it fits there. */
static int make_room(struct gathering *g, size_t count, sl_time came, enum sl_batch_fit *fit)
{
    struct batch *next = batch_new(g->format, g->open->count);
    struct batch *full = g->open;

    if (!next || batch_move_tail(full, count, next, g->format)) {
        batch_free(next);
        out_of_memory(g);
        *fit = SL_BATCH_FITS_AND_FULL;
        return SL_OK; /* the batch goes as it is, a little over its limits */
    }
    g->open = next;
    g->pipeline->progress->open_since = SL_NEVER;
    sl_batcher_flushed(&g->policy);
    *fit = sl_batcher_offer(&g->policy, count, tail_bytes(next, count), came);
    show(g);
    return send_on(g, &full);
}

/* Takes over `run`. SL_OK, or why the batch that had to leave could not. */
static int add_run(struct gathering *g, struct message *run)
{
    sl_time came = sl_now();
    enum sl_batch_fit fit;
    size_t count;
    bool lull;
    int r;

    sl_assert(run);
    lull = run->lull;
    count = append_run(g, run);
    if (count < message_run_length(run))
        out_of_memory(g);
    message_run_free(run);
    if (count == 0)
        return SL_OK;
    fit = sl_batcher_offer(&g->policy, count, tail_bytes(g->open, count), came);
    if (fit == SL_BATCH_FLUSH_FIRST) {
        r = make_room(g, count, came, &fit);
        if (r)
            return r;
    }
    show(g);
    return fit == SL_BATCH_FITS_AND_FULL || lull ? flush(g) : SL_OK;
}

/* Until intake ends: a batch leaves full or at its age. SL_OK: intake has ended. */
static int gather(struct gathering *g, struct message_chan *in)
{
    for (;;) {
        struct message *run = NULL;
        struct sl_case cases[] = {
            SL_ON_RECV(message_chan_chan(in), &run),
            SL_AT(sl_batcher_deadline(&g->policy)),
        };
        int chosen = sl_select(g->pipeline->intake, cases, 2);
        int r;

        if (chosen < 0)
            return SL_OK;
        if (chosen == 0 && cases[0].result != SL_OK)
            return cases[0].result;
        r = chosen == 0 ? add_run(g, run) : flush(g);
        if (r)
            return r;
    }
}

/* After intake's end the age limit is zero: a batch leaves as soon as nothing more is ready. */
static int gather_last(struct gathering *g, struct message_chan *in)
{
    for (;;) {
        struct message *run;
        int r = message_chan_try_recv(in, &run);

        if (r == SL_WOULD_BLOCK) {
            r = PLANTED(7) ? SL_OK : flush(g);
            if (!r)
                r = message_chan_recv(in, g->pipeline->life, &run);
        }
        if (!r)
            r = add_run(g, run);
        if (r)
            return r;
    }
}

SL_TASK(batch_stage)
{
    struct pipeline *pipeline = my->pipeline;
    struct gathering g = {.pipeline = pipeline, .format = pipeline->sink->format, .out = my->out};
    struct sl_batch_limits limits = {
        .count = count_limit(&g),
        .bytes = pipeline->config->batch_bytes,
        .overhead_bytes = g.format->prefix.n + g.format->suffix.n,
        .separator_bytes = g.format->separator.n,
        .age = pipeline_batch_age(pipeline->config, pipeline->source),
    };
    int r;

    (void)ctx;
    sl_batcher_init(&g.policy, &limits);
    r = gather(&g, my->in);
    if (r == SL_OK)
        r = gather_last(&g, my->in);
    if (r == SL_CLOSED && !PLANTED(7))
        flush(&g);
    batch_free(g.open);
    if (my->out)
        batch_chan_close(my->out);
    return 0;
}

struct batch_chan *batch_messages(struct pipeline *pipeline, struct message_chan *messages)
{
    struct batch_chan *out = batch_chan_new(pipeline->life, 0, batch_drop);

    SL_GO(pipeline->life, batch_stage, .pipeline = pipeline, .in = messages, .out = out);
    return out;
}

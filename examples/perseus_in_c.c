/*
 * perseus_in_c -- the Go demonstration that sluice began with, line by line: read it beside go/perseus/main.go.
 *
 *     source ──events──▶ batch (100, or 5 s) ──batches──▶ 10 workers, 50 ms each
 *
 * SIGTERM, SIGINT or 20 s end the source; the batcher flushes its last batch and closes; the workers end. 5 s later it
 * gives up. The two bugs of the Go program, marked there, are not here.
 *
 *     perseus_in_c [EVENTS [EVERY_MS [WORK_MS [RUN_MS [GIVE_UP_MS]]]]]      0 events: without end
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sluice/sluice.h>

enum { BATCH_MAX = 100, WORKERS = 10 };

struct event { int number; };
struct batch { size_t count; struct event events[BATCH_MAX]; };

SL_CHAN_OF(events, struct event);
SL_CHAN_OF(batches, struct batch *);

static struct { int64_t events, every_ms, work_ms, run_ms, give_up_ms; } set = {0, 20, 50, 20000, 5000};

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* Stage 1: stands in for SQS. One event every 1 to 20 ms, until `intake` ends. */
struct source { struct sl_ctx *intake; };
SL_GENERATOR(source, events)
{
    int n;

    for (n = 1; set.events == 0 || n <= set.events; n++) {
        sl_dur pause = sl_ms(set.every_ms ? 1 + (int64_t)(sl_random() % (uint64_t)set.every_ms) : 0);

        if (sl_sleep(my->intake, pause) != SL_OK || events_send(out, my->intake, (struct event){n}) != SL_OK)
            break;
    }
    say("source: closed");
    return 0;
}

/* Stage 2: a batch leaves with 100 events, or 5 s after its first one. The batch is this task's alone: no lock. */
struct batcher { struct events *in; };
SL_GENERATOR(batcher, batches)
{
    struct batch *batch = NULL;
    sl_time due = SL_NEVER;
    bool is_open = true;

    while (is_open) {
        struct event event;
        struct sl_case cases[] = {events_on_recv(my->in, &event), SL_AT(due)};
        int chosen = sl_select(ctx, cases, 2);

        if (chosen < 0)
            break;
        if (chosen == 0 && cases[0].result == SL_CLOSED)
            is_open = false;
        if (chosen == 0 && is_open) {
            if (!batch && !(batch = calloc(1, sizeof(*batch))))
                return -1;
            if (batch->count == 0)
                due = sl_time_add(sl_now(), sl_sec(5));
            batch->events[batch->count++] = event;
            if (batch->count < BATCH_MAX)
                continue;
        }
        if (batch && batches_send(out, ctx, batch) != SL_OK)
            break;
        batch = NULL;
        due = SL_NEVER;
    }
    free(batch); /* NULL, or what could not be sent */
    say("batcher: closed");
    return 0;
}

/* Stage 3: ten of these range over the batches. */
struct worker { int number; struct batches *in; };
SL_TASK(worker)
{
    struct batch *batch;
    char id[37];

    while (batches_recv(my->in, ctx, &batch) == SL_OK) {
        size_t count = batch->count;
        int done = sl_sleep(ctx, sl_ms(set.work_ms));

        free(batch);
        if (done != SL_OK)
            break;
        sl_uuid4(id);
        say("worker %d: batch %s, %zu events", my->number, id, count);
    }
    return 0;
}

/* A signal ends intake. */
struct stop_on_signal { struct sl_chan *signals; struct sl_ctx *intake; };
SL_TASK(stop_on_signal)
{
    int signo;

    if (sl_chan_recv(my->signals, ctx, &signo) == SL_OK)
        sl_ctx_cancel(my->intake, 0);
    return 0;
}

static int run(struct sl_ctx *ctx, void *arg SL_UNUSED)
{
    struct sl_ctx *intake = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = sl_ms(set.run_ms)});
    struct sl_ctx *life = sl_ctx_new(ctx, NULL);
    struct sl_chan *signals = sl_signals(ctx, (int[]){SIGINT, SIGTERM}, 2);

    SL_GO(ctx, stop_on_signal, .signals = signals, .intake = intake);

    struct events *events = SL_GENERATE(life, source, .intake = intake);
    struct batches *batches = SL_GENERATE(life, batcher, .in = events);
    for (int i = 1; i <= WORKERS; i++)
        SL_GO(life, worker, .number = i, .in = batches);

    if (sl_ctx_wait(life, intake) != SL_OK) {
        struct sl_ctx *patience = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = sl_ms(set.give_up_ms)});
        int ended = sl_ctx_wait(life, patience);

        sl_ctx_leave(patience);
        if (ended != SL_OK) {
            say("gave up");
            return -1;
        }
    }
    say("shut down gracefully");
    return 0;
}

int main(int argc, char **argv)
{
    int64_t *values[] = {&set.events, &set.every_ms, &set.work_ms, &set.run_ms, &set.give_up_ms};

    for (int i = 1; i < argc && i <= 5; i++)
        *values[i - 1] = strtoll(argv[i], NULL, 10);
    return sl_run(run, NULL) < 0;
}

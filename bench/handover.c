/*
 * handover -- what it costs to pass a value from task to task. bench/go/handover is the same program
 * in Go, bench/run-handover runs both and prints the ratios. A line: name, nanoseconds per operation.
 *
 * Each measurement is the best of several rounds: on a shared machine the others measure the
 * neighbours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/sluice.h>

enum { ROUNDS = 300, VALUES = 30000, SINKS = 10 };

struct value {
    char bytes[32];
};

SL_CHAN_OF(values, struct value);
SL_CHAN_OF(numbers, int64_t);

struct give {
    struct values *out;
    int n;
};

SL_TASK(give)
{
    struct value v = {"thirty-two bytes, as in measured"};

    for (int i = 0; i < my->n; i++)
        if (values_send(my->out, ctx, v) != SL_OK)
            return 0;
    values_close(my->out);
    return 0;
}

static void hand_over(struct sl_ctx *ctx, int n, size_t capacity)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct values *ch = values_new(scope, capacity, NULL);
    struct value v;

    SL_GO(scope, give, .out = ch, .n = n);
    while (values_recv(ch, scope, &v) == SL_OK)
        ;
    sl_ctx_leave(scope);
}

static void unbuffered(struct sl_ctx *ctx, int n)
{
    hand_over(ctx, n, 0);
}

static void buffered(struct sl_ctx *ctx, int n)
{
    hand_over(ctx, n, 128);
}

static void select_of(struct sl_ctx *ctx, int n, size_t capacity)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct values *ch[3];
    struct value v;

    for (int i = 0; i < 3; i++) {
        ch[i] = values_new(scope, capacity, NULL);
        SL_GO(scope, give, .out = ch[i], .n = n / 3);
    }
    for (int open = 3; open > 0;) {
        struct sl_case cases[] = {values_on_recv(ch[0], &v), values_on_recv(ch[1], &v),
                                  values_on_recv(ch[2], &v)};
        int i = sl_select(scope, cases, 3);

        if (i < 0)
            break;
        if (cases[i].result == SL_CLOSED) {
            ch[i] = NULL;
            open--;
        }
    }
    sl_ctx_leave(scope);
}

static void select_unbuffered(struct sl_ctx *ctx, int n)
{
    select_of(ctx, n, 0);
}

static void select_buffered(struct sl_ctx *ctx, int n)
{
    select_of(ctx, n, 128);
}

struct nothing {
    char none;
};

SL_TASK(nothing)
{
    return 0;
}

static void start_end(struct sl_ctx *ctx, int n)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    for (int i = 0; i < n; i++) {
        SL_GO(scope, nothing);
        if (i % 64 == 63)
            sl_yield();
    }
    sl_ctx_leave(scope);
}

/* The demonstration's shape: generator, batches of 100 or 5 s, 10 sinks; nothing is buffered. */
struct events {
    int n;
};

SL_GENERATOR(events, numbers)
{
    for (int64_t i = 0; i < my->n; i++)
        if (numbers_send(out, ctx, i) != SL_OK)
            break;
    return 0;
}

struct sink {
    struct sl_batches *in;
    int64_t *sum;
};

SL_TASK(sink)
{
    struct sl_items batch;

    while (sl_batches_recv(my->in, ctx, &batch) == SL_OK) {
        const int64_t *items = batch.items;

        for (size_t i = 0; i < batch.count; i++)
            *my->sum += items[i];
        free(batch.items);
    }
    return 0;
}

static void pipeline(struct sl_ctx *ctx, int n)
{
    static const struct sl_batch_limits limits = {.count = 100, .age = SL_DUR_SEC(5)};
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct numbers *events = SL_GENERATE(scope, events, .n = n);
    struct sl_batches *batches = sl_batch(scope, numbers_chan(events), &limits);
    int64_t sum = 0;

    for (int i = 0; i < SINKS; i++)
        SL_GO(scope, sink, .in = batches, .sum = &sum);
    SL_IGNORE(sl_ctx_wait(scope, ctx));
    sl_ctx_leave(scope);
    sl_assert(sum == (int64_t)n * (n - 1) / 2);
}

static const struct {
    const char *name;
    void (*run)(struct sl_ctx *ctx, int n);
} benches[] = {
    {"unbuffered", unbuffered},
    {"buffered-128", buffered},
    {"select-of-3-unbuffered", select_unbuffered},
    {"select-of-3-buffered-128", select_buffered},
    {"start-end", start_end},
    {"pipeline-100-10", pipeline},
};

static int run(struct sl_ctx *ctx, void *arg)
{
    const char *only = arg;

    for (size_t b = 0; b < sizeof(benches) / sizeof(benches[0]); b++) {
        double best = 1e9;

        if (only && strcmp(only, benches[b].name) != 0)
            continue;
        for (int round = 0; round < ROUNDS; round++) {
            sl_time start = sl_now();

            benches[b].run(ctx, VALUES);
            double ns = (double)sl_time_sub(sl_now(), start).ns / VALUES;
            best = ns < best ? ns : best;
        }
        printf("%s %.1f\n", benches[b].name, best);
        fflush(stdout);
    }
    return 0;
}

int main(int argc, char **argv)
{
    return sl_main(run, argc > 1 ? argv[1] : NULL) != 0;
}

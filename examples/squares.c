/*
 * squares -- stages are functions from a channel to a channel, so they compose: numbers → square → square.
 *
 * A stage owns the channel that it returns: SL_GENERATE starts its task and closes the channel when the task ends, and
 * the next stage's loop ends by that close. go/squares is the same program.
 */
#include <stdio.h>
#include <sluice/sluice.h>

SL_CHAN_OF(ints, int);

struct numbers { int values[4]; size_t count; };
SL_GENERATOR(numbers, ints)
{
    for (size_t i = 0; i < my->count; i++)
        if (ints_send(out, ctx, my->values[i]) != SL_OK)
            break;
    return 0;
}

struct square { struct ints *in; };
SL_GENERATOR(square, ints)
{
    int n;

    while (ints_recv(my->in, ctx, &n) == SL_OK)
        if (ints_send(out, ctx, n * n) != SL_OK)
            break;
    return 0;
}

static int run(struct sl_ctx *ctx, void *arg SL_UNUSED)
{
    struct ints *in = SL_GENERATE(ctx, numbers, .values = {2, 3}, .count = 2);
    struct ints *once = SL_GENERATE(ctx, square, .in = in);
    struct ints *twice = SL_GENERATE(ctx, square, .in = once);
    int n;

    while (ints_recv(twice, ctx, &n) == SL_OK)
        printf("%d\n", n);
    return 0;
}

int main(void) { return sl_main(run, NULL) < 0; }

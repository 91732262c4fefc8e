/*
 * merge -- fan-out and fan-in: two tasks square what one channel brings, and their results become one channel again.
 *
 * Each number reaches exactly one of the two; in which order the squares arrive is nobody's promise. go/merge is the same
 * program, with a WaitGroup where sl_merge is.
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
    struct ints *in = SL_GENERATE(ctx, numbers, .values = {2, 3, 4, 5}, .count = 4);
    struct sl_chan *both[] = {
        ints_chan(SL_GENERATE(ctx, square, .in = in)),
        ints_chan(SL_GENERATE(ctx, square, .in = in)),
    };
    struct ints *squares = ints_of(sl_merge(ctx, both, 2));
    int n;

    while (ints_recv(squares, ctx, &n) == SL_OK)
        printf("%d\n", n);
    return 0;
}

int main(void) { return sl_main(run, NULL) < 0; }

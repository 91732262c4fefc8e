/*
 * stop_short -- a receiver that wants only the first value, and what becomes of the stages behind it.
 *
 * In Go the senders would wait for ever, a leak, unless every channel has room for all that is left: go/stop_short has to
 * count. Here the stages belong to a scope; whoever leaves it ends them, wherever they wait.
 */
#include <stdio.h>
#include <sluice/sluice.h>

SL_CHAN_OF(ints, int);

struct count { int from; };
SL_GENERATOR(count, ints)
{
    for (int n = my->from; ints_send(out, ctx, n) == SL_OK; n++) {} /* without end */
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

/* 0, and the first square in *first; or why there is none. */
static int first_square(struct sl_ctx *ctx, int from, int *first)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct ints *in = SL_GENERATE(scope, count, .from = from);
    struct ints *squares = SL_GENERATE(scope, square, .in = in);
    int got = ints_recv(squares, scope, first);
    int failed = sl_ctx_leave(scope); /* both stages have ended, their channels are freed */

    return failed ? failed : got;
}

static int run(struct sl_ctx *ctx, void *arg SL_UNUSED)
{
    int n;

    for (int from = 2; from <= 4; from++)
        if (first_square(ctx, from, &n) == SL_OK)
            printf("%d\n", n);
    return 0;
}

int main(void) { return sl_main(run, NULL) < 0; }

/*
 * cancel -- explicit cancellation: one call reaches every stage of a pipeline that has fanned out.
 *
 * Go needs a channel `done` and a select at every send: go/cancel has them. Here each wait is given the context, looks at
 * it first, and says SL_CANCELED; the ends of the stages are the same as when they run dry.
 */
#include <stdio.h>
#include <sluice/sluice.h>

SL_CHAN_OF(ints, int);

static int ended; /* tasks share memory without locks: they run on one thread */

struct numbers { int values[4]; size_t count; };
SL_GENERATOR(numbers, ints)
{
    for (size_t i = 0; i < my->count; i++)
        if (ints_send(out, ctx, my->values[i]) != SL_OK)
            break;
    ended++;
    return 0;
}

struct square { struct ints *in; };
SL_GENERATOR(square, ints)
{
    int n;

    while (ints_recv(my->in, ctx, &n) == SL_OK)
        if (ints_send(out, ctx, n * n) != SL_OK)
            break;
    ended++;
    return 0;
}

static int run(struct sl_ctx *ctx, void *arg SL_UNUSED)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct ints *in = SL_GENERATE(scope, numbers, .values = {2, 3, 4, 5}, .count = 4);
    struct sl_chan *both[] = {
        ints_chan(SL_GENERATE(scope, square, .in = in)),
        ints_chan(SL_GENERATE(scope, square, .in = in)),
    };
    struct ints *squares = ints_of(sl_merge(scope, both, 2));
    int n;

    if (ints_recv(squares, scope, &n) == SL_OK)
        printf("the first is a square of 2 to 5: %s\n", n == 4 || n == 9 || n == 16 || n == 25 ? "yes" : "no");
    sl_ctx_cancel(scope, 0);
    printf("after the cancellation a receive %s\n",
           ints_recv(squares, scope, &n) == SL_CANCELED ? "is refused" : "brings a value");
    if (sl_ctx_leave(scope) == 0)
        printf("%d stages have ended\n", ended);
    return 0;
}

int main(void) { return sl_main(run, NULL) < 0; }

#include <stdio.h>
#include <sluice/sluice.h>

SL_CHAN_OF(ints, int);

struct count { int to; };
SL_GENERATOR(count, ints)
{
    for (int n = 1; n <= my->to && ints_send(out, ctx, n) == SL_OK; n++) {}
    return 0;
}

struct square { struct ints *in; };
SL_GENERATOR(square, ints)
{
    for (int n; ints_recv(my->in, ctx, &n) == SL_OK && ints_send(out, ctx, n * n) == SL_OK;) {}
    return 0;
}

static int run(struct sl_ctx *ctx, void *arg SL_UNUSED)
{
    struct ints *numbers = SL_GENERATE(ctx, count, .to = 5);
    struct ints *squares = SL_GENERATE(ctx, square, .in = numbers);
    for (int n; ints_recv(squares, ctx, &n) == SL_OK;)
        printf("%d\n", n);
    return 0;
}

int main(void) { return sl_main(run, NULL) < 0; }

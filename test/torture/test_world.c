/* The real world, where what the scheduler's border to libuv allocates fails: told to whoever asked, and nothing is left. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <sluice/chan.h>
#include <sluice/offload.h>
#include <sluice/task.h>

#include "test/torture/torture.h"

/* Either it worked, or memory failed and that is told. */
static void check_result(int result)
{
    torture_check(result == 0 || (result == -ENOMEM && torture_has_failed()));
}

static int five(void *arg)
{
    (void)arg;
    return 5;
}

static void listen(struct sl_ctx *ctx)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct sl_chan *signals = sl_signals(scope, (int[]){SIGUSR1, SIGUSR2}, 2);
    int signo = 0;

    if (signals) {
        raise(SIGUSR2);
        torture_check(sl_chan_recv(signals, scope, &signo) == SL_OK && signo == SIGUSR2);
    } else {
        torture_check(torture_has_failed() && sl_ctx_cause(scope) == -ENOMEM);
    }
    (void)sl_ctx_leave(scope);
}

static int in_the_world(struct sl_ctx *ctx, void *arg)
{
    const int *fds = arg;
    unsigned got = 0;
    int result, n = 0;

    result = sl_wait_fd(ctx, fds[0], SL_FD_READ, SL_NEVER, &got);
    if (result == SL_CANCELED) /* `ctx` itself could not be had */
        torture_check(torture_has_failed() && sl_ctx_cause(ctx) == -ENOMEM);
    else
        check_result(result);
    torture_check(result != 0 || got == SL_FD_READ);
    result = sl_offload(five, NULL, &n);
    check_result(result);
    torture_check(n == (result == 0 ? 5 : 0));
    check_result(sl_offload(five, NULL, NULL)); /* whose result nobody wants */
    listen(ctx);
    return 0;
}

static void world(void)
{
    int fds[2];

    torture_check(pipe(fds) == 0 && write(fds[1], "x", 1) == 1);
    check_result(sl_run(in_the_world, fds));
    close(fds[0]);
    close(fds[1]);
}

TORTURE_MAIN({"waits, threads and signals of the real world", world})

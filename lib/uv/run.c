/* run -- sl_run and sl_main: a scheduler in the real world. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "lib/sched.h"
#include "lib/uv/driver.h"

const char *sl_run_version(void)
{
    static char text[40];

    snprintf(text, sizeof(text), "libuv %s", uv_version_string());
    return text;
}

int sl_run(int (*fn)(struct sl_ctx *ctx, void *arg), void *arg)
{
    struct uv_driver u;
    int result = uv_driver_init(&u);

    if (result)
        return result;
    result = sl_run_on(&u.base, NULL, fn, arg);
    uv_driver_deinit(&u);
    return result;
}

struct interrupt {
    struct sl_signal signals[2];
    struct sl_ctx *ctx;
    int (*fn)(struct sl_ctx *ctx, void *arg);
    void *arg;
};

/* These do not count as something that may wake a task: a deadlock is still reported. */
static void stop_listening(struct interrupt *in)
{
    struct sl_driver *d = sl_sched_->driver;

    for (int i = 0; i < 2; i++)
        if (in->signals[i].driver)
            d->signal_close(d, &in->signals[i]);
}

static void interrupt_at(struct sl_signal *signal, int i)
{
    struct interrupt *in = SL_CONTAINER_OF(signal - i, struct interrupt, signals);

    stop_listening(in);
    sl_ctx_cancel(in->ctx, -ECANCELED);
}

static void interrupted(struct sl_signal *signal)
{
    interrupt_at(signal, 0);
}

static void terminated(struct sl_signal *signal)
{
    interrupt_at(signal, 1);
}

static int run_main(struct sl_ctx *ctx, void *arg)
{
    struct interrupt *in = arg;
    struct sl_driver *d = sl_sched_->driver;
    int result = 0;

    in->ctx = ctx;
    in->signals[0] = (struct sl_signal){.signo = SIGINT, .caught = interrupted};
    in->signals[1] = (struct sl_signal){.signo = SIGTERM, .caught = terminated};
    for (int i = 0; i < 2 && result == 0; i++)
        result = d->signal_open(d, &in->signals[i]);
    if (result == 0)
        result = in->fn(ctx, in->arg);
    stop_listening(in);
    return result;
}

int sl_main(int (*fn)(struct sl_ctx *ctx, void *arg), void *arg)
{
    struct interrupt in = {.fn = fn, .arg = arg};

    signal(SIGPIPE, SIG_IGN);
    return sl_run(run_main, &in);
}

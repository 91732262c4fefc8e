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

/*
 * The first signal cancels, the second has its usual effect whenever it comes. The kernel restores
 * that with the first of its kind, so that the second ends even a task that keeps the thread; one
 * of the other kind that came before the loop looked is raised again.
 */
struct interrupt {
    struct sl_signal signals[2];
    struct sl_ctx *ctx; /* NULL when it has been left */
    int (*fn)(struct sl_ctx *ctx, void *arg);
    void *arg;
};

/* Not a signal that the program itself listens to as well: it has been told. */
static void raise_if_missed(const struct sl_signal *signal)
{
    struct sigaction action;

    if (signal->missed == 0 || sigaction(signal->signo, NULL, &action) != 0)
        return;
    if (action.sa_handler == SIG_DFL)
        raise(signal->signo);
}

static void interrupt_at(struct sl_signal *signal, int i)
{
    struct interrupt *in = SL_CONTAINER_OF(signal - i, struct interrupt, signals);
    struct sl_driver *d = sl_sched_->driver;

    for (i = 0; i < 2; i++)
        if (in->signals[i].driver)
            d->signal_close(d, &in->signals[i]);
    for (i = 0; i < 2; i++)
        raise_if_missed(&in->signals[i]);
    if (in->ctx)
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

/*
 * The program gets a scope that is left here, because listening goes on until the driver ends, so
 * that the first signal cuts off nobody who cleans up. It does not count as something that may wake
 * a task: a deadlock is still reported.
 */
static int run_main(struct sl_ctx *ctx, void *arg)
{
    struct interrupt *in = arg;
    struct sl_driver *d = sl_sched_->driver;
    int result = 0, failure;

    in->signals[0] = (struct sl_signal){.signo = SIGINT, .once = true, .caught = interrupted};
    in->signals[1] = (struct sl_signal){.signo = SIGTERM, .once = true, .caught = terminated};
    for (int i = 0; i < 2 && result == 0; i++)
        result = d->signal_open(d, &in->signals[i]);
    if (result)
        return result;
    in->ctx = sl_ctx_new(ctx, &(struct sl_ctx_options){.name = "main"});
    result = in->fn(in->ctx, in->arg);
    failure = sl_ctx_leave(in->ctx);
    in->ctx = NULL;
    return result < 0 || failure == 0 ? result : failure;
}

int sl_main(int (*fn)(struct sl_ctx *ctx, void *arg), void *arg)
{
    struct interrupt in = {.fn = fn, .arg = arg};

    signal(SIGPIPE, SIG_IGN);
    return sl_run(run_main, &in);
}

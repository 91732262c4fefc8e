/* events -- the world as channels and waits: ticks, signals, descriptors. */
#include <errno.h>
#include <stdlib.h>

#include "lib/sched.h"

struct ticker {
    struct sl_timer timer;
    struct sl_chan *ch;
    sl_dur period;
};

/* Ticks keep to the grid of the first; what could not be delivered in time is left out. */
static void tick(struct sl_timer *timer)
{
    struct ticker *t = SL_CONTAINER_OF(timer, struct ticker, timer);
    sl_time now = sl_now();
    sl_time next = sl_time_add(timer->at, t->period);

    if (next.ns <= now.ns)
        next.ns += (now.ns - next.ns) / t->period.ns * t->period.ns + t->period.ns;
    SL_IGNORE(sl_chan_try_send(t->ch, &now));
    sl_timer_set(timer, next);
}

static void ticker_gone(struct sl_chan *ch)
{
    struct ticker *t = ch->filler;

    sl_timer_stop(&t->timer);
    free(t);
}

struct sl_chan *sl_ticker(struct sl_ctx *ctx, sl_dur period)
{
    struct sl_chan *ch = sl_chan_new(ctx, sizeof(sl_time), 1, sl_chan_forget);
    struct ticker *t;

    sl_assert(period.ns > 0);
    if (!ch)
        return NULL;
    t = malloc(sizeof(*t));
    if (!t) {
        sl_chan_free(ch);
        sl_ctx_cancel(ctx, -ENOMEM);
        return NULL;
    }
    *t = (struct ticker){.ch = ch, .period = period};
    ch->filler = t;
    ch->gone = ticker_gone;
    sl_timer_init(&t->timer, tick);
    sl_timer_set(&t->timer, sl_time_add(sl_now(), period));
    return ch;
}

enum { SIGNALS_MAX = 16 };

struct listener {
    struct sl_signal signal;
    struct sl_chan *ch;
};

struct listeners {
    size_t count;
    struct listener list[SIGNALS_MAX];
};

static void caught(struct sl_signal *signal)
{
    struct listener *l = SL_CONTAINER_OF(signal, struct listener, signal);

    SL_IGNORE(sl_chan_try_send(l->ch, &signal->signo));
}

static void listeners_gone(struct sl_chan *ch)
{
    struct sl_sched *s = ch->sched;
    struct listeners *all = ch->filler;

    for (size_t i = 0; i < all->count; i++)
        s->driver->signal_close(s->driver, &all->list[i].signal);
    s->wakers--;
    free(all);
}

static int listen_to(struct listeners *all, struct sl_chan *ch, const int *signos, size_t n)
{
    struct sl_driver *d = ch->sched->driver;

    for (size_t i = 0; i < n; i++) {
        struct listener *l = &all->list[i];
        int error;

        *l = (struct listener){.signal = {.signo = signos[i], .caught = caught}, .ch = ch};
        error = d->signal_open(d, &l->signal);
        if (error)
            return error;
        all->count++;
    }
    return 0;
}

struct sl_chan *sl_signals(struct sl_ctx *ctx, const int *signos, size_t n)
{
    struct sl_chan *ch = sl_chan_new(ctx, sizeof(int), 8, sl_chan_forget);
    struct listeners *all;
    int error = -ENOMEM;

    sl_assert(n <= SIGNALS_MAX);
    if (!ch)
        return NULL;
    all = calloc(1, sizeof(*all));
    if (all) {
        ch->filler = all;
        ch->gone = listeners_gone;
        ch->sched->wakers++;
        error = listen_to(all, ch, signos, n);
    }
    if (error) {
        sl_chan_free(ch);
        sl_ctx_cancel(ctx, error);
        return NULL;
    }
    return ch;
}

struct fd_wait {
    struct sl_watch watch;
    struct sl_parker parker;
    unsigned got;
};

static void fd_ready(struct sl_watch *watch, unsigned events)
{
    struct fd_wait *w = SL_CONTAINER_OF(watch, struct fd_wait, watch);

    w->got |= events;
    SL_IGNORE(sl_watch_want(watch, 0));
    sl_unpark(&w->parker);
}

int sl_wait_fd(struct sl_ctx *ctx, int fd, unsigned events, sl_time until, unsigned *got)
{
    struct fd_wait w = {.got = 0};
    int result;

    if (ctx && ctx->err)
        return ctx->err;
    sl_watch_init(&w.watch, fd, fd_ready);
    sl_parker_init(&w.parker);
    result = sl_watch_want(&w.watch, events);
    if (result == 0)
        result = sl_park(&w.parker, ctx, until, "a descriptor");
    sl_watch_deinit(&w.watch);
    if (result == SL_OK && got)
        *got = w.got;
    return result;
}

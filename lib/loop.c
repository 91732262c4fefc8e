/* loop -- watches, parkers and bells: how the world and other libraries reach tasks. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/sched.h"

void sl_watch_init(struct sl_watch *w, int fd, void (*ready)(struct sl_watch *w, unsigned events))
{
    sl_assert(sl_sched_);
    *w = (struct sl_watch){.fd = fd, .ready = ready, .sched_ = sl_sched_};
}

static void set_wanted(struct sl_watch *w, unsigned events)
{
    w->sched_->wakers += (events != 0);
    w->sched_->wakers -= (w->wanted != 0);
    w->wanted = events;
}

int sl_watch_want(struct sl_watch *w, unsigned events)
{
    struct sl_driver *d = w->sched_->driver;
    unsigned before = w->wanted;
    int result;

    if (events == before)
        return 0;
    set_wanted(w, events);
    result = d->watch_want(d, w);
    if (result != 0)
        set_wanted(w, before);
    return result;
}

void sl_watch_deinit(struct sl_watch *w)
{
    struct sl_driver *d = w->sched_->driver;

    set_wanted(w, 0);
    if (w->driver_)
        d->watch_close(d, w);
    w->driver_ = NULL;
}

void sl_watch_ready(struct sl_watch *w, unsigned events)
{
    w->ready(w, events);
}

void sl_parker_init(struct sl_parker *p)
{
    *p = (struct sl_parker){0};
}

int sl_park(struct sl_parker *p, struct sl_ctx *ctx, sl_time until, const char *waits_on)
{
    int result;

    sl_assert(!p->task_);
    if (ctx && ctx->err)
        return ctx->err;
    if (p->permit_) {
        p->permit_ = false;
        return SL_OK;
    }
    p->task_ = sched_me(sl_sched_);
    result = sched_wait(ctx, until, waits_on, __builtin_return_address(0));
    p->task_ = NULL;
    return result == WAIT_REACHED ? SL_TIMEOUT : result;
}

void sl_unpark(struct sl_parker *p)
{
    if (p->task_ && p->task_->result == WAITING)
        task_wake(p->task_, SL_OK);
    else
        p->permit_ = true;
}

/*
 * The lock protects `sched`, which goes away before the last reference may, and with it the
 * driver. The scheduler's list is no reference: a bell that loses its last one elsewhere is marked
 * abandoned and freed by the scheduler.
 */
struct sl_bell {
    atomic_uint refs;
    atomic_bool rung;
    bool abandoned;
    bool silent;
    pthread_mutex_t lock;
    struct sl_sched *sched;
    struct sl_link in_sched;
    void (*answer)(void *arg);
    void *arg;
};

struct sl_bell *sl_bell_new(void (*rung)(void *arg), void *arg)
{
    struct sl_sched *s = sl_sched_;
    struct sl_bell *bell = malloc(sizeof(*bell));

    sl_assert(s);
    if (!bell)
        return NULL;
    *bell = (struct sl_bell){.refs = 1, .sched = s, .answer = rung, .arg = arg};
    pthread_mutex_init(&bell->lock, NULL);
    list_add(&s->bells, &bell->in_sched);
    s->wakers++;
    return bell;
}

static void bell_free(struct sl_bell *bell)
{
    pthread_mutex_destroy(&bell->lock);
    free(bell);
}

/* Makes the scheduler look at its bells. With the lock held. */
static void alarm_sched(struct sl_bell *bell)
{
    struct sl_sched *s = bell->sched;

    if (!s)
        return;
    if (!atomic_exchange(&s->rung, true))
        s->driver->wake(s->driver);
}

void sl_bell_ring(struct sl_bell *bell)
{
    if (atomic_exchange(&bell->rung, true))
        return;
    pthread_mutex_lock(&bell->lock);
    alarm_sched(bell);
    pthread_mutex_unlock(&bell->lock);
}

struct sl_bell *sl_bell_ref(struct sl_bell *bell)
{
    atomic_fetch_add(&bell->refs, 1);
    return bell;
}

void sl_bell_unref(struct sl_bell *bell)
{
    bool unlisted;

    if (!bell || atomic_fetch_sub(&bell->refs, 1) != 1)
        return;
    pthread_mutex_lock(&bell->lock);
    unlisted = !bell->sched;
    bell->abandoned = true;
    alarm_sched(bell);
    pthread_mutex_unlock(&bell->lock);
    if (unlisted)
        bell_free(bell);
}

void sl_bell_silence(struct sl_bell *bell)
{
    sl_assert(bell->sched == sl_sched_ || !bell->sched);
    if (bell->sched && !bell->silent) {
        bell->silent = true;
        bell->sched->wakers--;
    }
}

/* Takes a bell out of the scheduler, and frees it if nobody else will. */
static void unlist(struct sl_sched *s, struct sl_bell *bell)
{
    bool abandoned;

    if (!bell->silent)
        s->wakers--;
    list_del(&bell->in_sched);
    pthread_mutex_lock(&bell->lock);
    bell->sched = NULL;
    abandoned = bell->abandoned;
    pthread_mutex_unlock(&bell->lock);
    if (abandoned)
        bell_free(bell);
}

static bool is_abandoned(struct sl_bell *bell)
{
    bool abandoned;

    pthread_mutex_lock(&bell->lock);
    abandoned = bell->abandoned;
    pthread_mutex_unlock(&bell->lock);
    return abandoned;
}

/* Only this frees bells while the scheduler lives, so `l` survives what an answer does. */
void bells_answer(struct sl_sched *s)
{
    struct sl_link *l, *next;

    atomic_store(&s->rung, false);
    for (l = s->bells.next; l != &s->bells; l = next) {
        struct sl_bell *bell = SL_CONTAINER_OF(l, struct sl_bell, in_sched);

        if (atomic_exchange(&bell->rung, false) && !bell->silent && !is_abandoned(bell))
            bell->answer(bell->arg);
        next = l->next;
        if (is_abandoned(bell))
            unlist(s, bell);
    }
}

void bells_end(struct sl_sched *s)
{
    while (!list_is_empty(&s->bells))
        unlist(s, SL_CONTAINER_OF(s->bells.next, struct sl_bell, in_sched));
}

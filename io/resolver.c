/*
 * Two halves. On the loop: one `struct look_up` for each name that is being looked up, with the
 * tasks that wait for it. On the threads: a counted `struct office` with the queue of jobs and the
 * finished ones, behind one mutex; a job carries its own copy of everything, so a thread may
 * outlive the resolver and the scheduler.
 */
#include "io/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/loop.h>

struct look_up;

struct job {
    struct job *next;
    struct look_up *for_whom; /* the loop's: threads don't follow it */
    char name[RESOLVER_NAME_MAX + 1];
    struct resolver_answer answer;
};

/* What loop and threads share. */
struct office {
    pthread_mutex_t lock;
    resolver_look_up_fn *look_up;
    struct sl_bell *bell;
    /* under the lock: */
    struct job *queued, **queued_end;
    struct job *finished;
    unsigned threads;
    unsigned references; /* the resolver's and each thread's */
};

/* A task that waits; on its stack. */
struct waiter {
    struct waiter *next;
    struct sl_parker parker;
    struct resolver_answer *answer;
    bool is_answered;
};

struct look_up {
    struct look_up *next;
    struct waiter *waiters;
    char name[RESOLVER_NAME_MAX + 1];
};

struct resolver {
    struct office *office;
    struct look_up *look_ups;
};

static void free_jobs(struct job *job)
{
    while (job) {
        struct job *next = job->next;

        free(job);
        job = next;
    }
}

static void office_unref(struct office *office)
{
    bool last;

    pthread_mutex_lock(&office->lock);
    last = --office->references == 0;
    pthread_mutex_unlock(&office->lock);
    if (!last)
        return;
    free_jobs(office->queued);
    free_jobs(office->finished);
    sl_bell_unref(office->bell);
    pthread_mutex_destroy(&office->lock);
    free(office);
}

static void look_up_by_getaddrinfo(const char *name, struct resolver_answer *answer)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;

    answer->error = getaddrinfo(name, NULL, &hints, &list);
    if (answer->error != 0)
        return;
    for (const struct addrinfo *a = list; a && answer->count < RESOLVER_ADDRESSES_MAX;
         a = a->ai_next) {
        struct address *to = &answer->addresses[answer->count];

        if (a->ai_addrlen > sizeof to->at)
            continue;
        memcpy(&to->at, a->ai_addr, a->ai_addrlen);
        to->length = a->ai_addrlen;
        answer->count++;
    }
    freeaddrinfo(list);
    if (answer->count == 0)
        answer->error = EAI_NONAME;
}

/* A helper thread: works until the queue is empty. */
static void *work(void *arg)
{
    struct office *office = arg;

    for (;;) {
        struct job *job;

        pthread_mutex_lock(&office->lock);
        job = office->queued;
        if (!job) {
            office->threads--;
            pthread_mutex_unlock(&office->lock);
            break;
        }
        office->queued = job->next;
        if (!office->queued)
            office->queued_end = &office->queued;
        pthread_mutex_unlock(&office->lock);

        office->look_up(job->name, &job->answer);

        pthread_mutex_lock(&office->lock);
        job->next = office->finished;
        office->finished = job;
        pthread_mutex_unlock(&office->lock);
        sl_bell_ring(office->bell);
    }
    office_unref(office);
    return NULL;
}

/* Starts a detached thread that takes no signals. */
static int start_thread(struct office *office)
{
    pthread_attr_t attr;
    sigset_t all, before;
    pthread_t thread;
    int r;

    if (pthread_attr_init(&attr) != 0)
        return -ENOMEM;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(
        &attr, 256 * 1024); /* what musl gives at most, doubled; NSS modules are content with it */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&thread, &attr, work, office);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return r == 0 ? 0 : -EAGAIN;
}

/* Queues a job and sees to it that a thread will take it. On failure the job is the caller's again.
 */
static int hand_in(struct office *office, struct job *job)
{
    bool needs_thread;

    pthread_mutex_lock(&office->lock);
    *office->queued_end = job;
    office->queued_end = &job->next;
    needs_thread = office->threads < RESOLVER_THREADS;
    if (needs_thread) {
        office->threads++;
        office->references++;
    }
    pthread_mutex_unlock(&office->lock);
    if (!needs_thread || start_thread(office) == 0)
        return 0;

    pthread_mutex_lock(&office->lock);
    office->references--;
    if (--office->threads > 0) { /* another one will take it */
        pthread_mutex_unlock(&office->lock);
        return 0;
    }
    office->queued = NULL; /* without threads every job was handed in and taken back one at a time:
                              it is alone */
    office->queued_end = &office->queued;
    pthread_mutex_unlock(&office->lock);
    return -EAGAIN;
}

static void forget(struct resolver *resolver, struct look_up *look_up)
{
    struct look_up **at = &resolver->look_ups;

    while (*at != look_up)
        at = &(*at)->next;
    *at = look_up->next;
    free(look_up);
}

static void answer_all(struct resolver *resolver, const struct job *job)
{
    for (struct waiter *w = job->for_whom->waiters; w; w = w->next) {
        *w->answer = job->answer;
        w->is_answered = true;
        sl_unpark(&w->parker);
    }
    forget(resolver, job->for_whom);
}

/* In loop context: some jobs are finished. */
static void rung(void *arg)
{
    struct resolver *resolver = arg;
    struct job *finished;

    pthread_mutex_lock(&resolver->office->lock);
    finished = resolver->office->finished;
    resolver->office->finished = NULL;
    pthread_mutex_unlock(&resolver->office->lock);
    for (struct job *job = finished; job; job = job->next)
        answer_all(resolver, job);
    free_jobs(finished);
}

struct resolver *resolver_new(resolver_look_up_fn *look_up)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    struct office *office = calloc(1, sizeof *office);
    struct sl_bell *bell = resolver && office ? sl_bell_new(rung, resolver) : NULL;

    if (!bell) {
        free(resolver);
        free(office);
        return NULL;
    }
    pthread_mutex_init(&office->lock, NULL);
    office->look_up = look_up ? look_up : look_up_by_getaddrinfo;
    office->bell = bell;
    office->queued_end = &office->queued;
    office->references = 1;
    resolver->office = office;
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return;
    sl_bell_silence(resolver->office->bell);
    office_unref(resolver->office);
    while (resolver->look_ups) {
        sl_assert(!resolver->look_ups->waiters);
        forget(resolver, resolver->look_ups);
    }
    free(resolver);
}

/* The look-up of `name` that is under way, or one begun for us. */
static int find_or_begin(struct resolver *resolver, const char *name, struct look_up **out)
{
    struct look_up *look_up;
    struct job *job;
    int r;

    for (look_up = resolver->look_ups; look_up; look_up = look_up->next)
        if (strcmp(look_up->name, name) == 0) {
            *out = look_up;
            return 0;
        }
    if (strlen(name) > RESOLVER_NAME_MAX)
        return -ENAMETOOLONG;
    look_up = calloc(1, sizeof *look_up);
    job = calloc(1, sizeof *job);
    if (!look_up || !job) {
        free(look_up);
        free(job);
        return -ENOMEM;
    }
    strcpy(look_up->name, name);
    strcpy(job->name, name);
    job->for_whom = look_up;
    r = hand_in(resolver->office, job);
    if (r < 0) {
        free(look_up);
        free(job);
        return r;
    }
    look_up->next = resolver->look_ups;
    resolver->look_ups = look_up;
    *out = look_up;
    return 0;
}

int resolver_look_up(struct resolver *resolver, struct sl_ctx *ctx, const char *name, sl_time until,
                     struct resolver_answer *answer)
{
    struct waiter me = {.answer = answer};
    struct look_up *look_up;
    struct waiter **at;
    int r = find_or_begin(resolver, name, &look_up);

    if (r < 0)
        return r;
    sl_parker_init(&me.parker);
    me.next = look_up->waiters;
    look_up->waiters = &me;
    r = sl_park(&me.parker, ctx, until, "name look-up");
    if (me.is_answered)
        return SL_OK;
    for (at = &look_up->waiters; *at != &me; at = &(*at)->next)
        ;
    *at = me.next;
    return r;
}

const char *resolver_error_text(int error)
{
    switch (error) {
    case EAI_NONAME:
        return "no such name";
    case EAI_AGAIN:
        return "the name servers don't answer";
    case EAI_FAIL:
        return "the name servers failed";
    case EAI_MEMORY:
        return "out of memory";
    default:
        return "the look-up failed";
    }
}

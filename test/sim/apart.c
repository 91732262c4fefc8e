#include "test/sim/apart.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* A world that takes longer than that, of the processor's time, hangs. */
enum { SECONDS_MAX = 60, JOBS_MAX = 64 };

/* What a child says: it begins with a case, or has a result. */
struct note {
    size_t index;
    bool is_result;
    struct sim_result result;
};

struct crew {
    const struct sim_case *cases;
    size_t count;
    size_t *next; /* shared: the next case that nobody has */
    int to_parent[2];
};

static void say(const struct crew *crew, const struct note *note)
{
    const char *p = (const char *)note;
    size_t left = sizeof *note;

    while (left > 0) {
        ssize_t n = write(crew->to_parent[1], p, left);

        if (n < 0 && errno != EINTR)
            _exit(1);
        p += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
}

/* Ends this process after so many seconds of the processor's time; 0: not any more. */
static void limit(time_t cpu)
{
    struct itimerval timer = {.it_value = {.tv_sec = cpu}};

    sl_assert(setitimer(ITIMER_PROF, &timer, NULL) == 0);
}

static void work(const struct crew *crew)
{
    for (;;) {
        struct note note = {.index = __atomic_fetch_add(crew->next, 1, __ATOMIC_SEQ_CST)};
        struct sim_config config;

        if (note.index >= crew->count)
            _exit(0);
        say(crew, &note);
        limit(SECONDS_MAX);
        sim_case_config(&crew->cases[note.index], &config);
        if (sim_run(&config, &note.result) != 0)
            snprintf(note.result.finding, sizeof note.result.finding, "it could not be run");
        limit(0);
        note.is_result = true;
        say(crew, &note);
    }
}

/* A child, and the pipe's end that it talks into: each has one of its own, so that messages don't mix. */
struct worker {
    pid_t pid;
    int from;
    size_t index; /* the case that it is at */
    bool is_at_work;
};

static struct worker hire(struct crew *crew)
{
    struct worker worker = {.pid = 0};

    sl_assert(pipe(crew->to_parent) == 0);
    fflush(NULL);
    worker.pid = fork();
    sl_assert(worker.pid >= 0);
    if (worker.pid == 0) {
        close(crew->to_parent[0]);
        work(crew);
    }
    close(crew->to_parent[1]);
    worker.from = crew->to_parent[0];
    return worker;
}

static bool hear(const struct worker *worker, struct note *note)
{
    size_t have = 0;

    while (have < sizeof *note) {
        ssize_t n = read(worker->from, (char *)note + have, sizeof *note - have);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return true;
}

/* A child has ended. Returns whether in the middle of a case. */
static bool bury(struct worker *worker, struct sim_result *result)
{
    int status;

    close(worker->from);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR) {
    }
    worker->pid = 0;
    *result = (struct sim_result){.trace_hash = 0};
    if (WIFSIGNALED(status))
        snprintf(result->finding, sizeof result->finding, "ended by signal %d%s", WTERMSIG(status),
                 WTERMSIG(status) == SIGPROF ? ": it hangs" : "");
    else
        snprintf(result->finding, sizeof result->finding, "ended with status %d",
                 WEXITSTATUS(status));
    return worker->is_at_work;
}

static void hear_of(const struct crew *crew, bool goes_on)
{
    if (!goes_on)
        __atomic_store_n(crew->next, crew->count, __ATOMIC_SEQ_CST);
}

static void look_at(struct worker *worker, struct crew *crew, on_result *told, void *arg)
{
    struct note note;

    if (!hear(worker, &note)) {
        if (bury(worker, &note.result)) {
            hear_of(crew, told(arg, worker->index, &note.result));
            *worker = hire(crew);
        }
        return;
    }
    worker->index = note.index;
    worker->is_at_work = !note.is_result;
    if (note.is_result)
        hear_of(crew, told(arg, note.index, &note.result));
}

static int highest(const struct worker *workers, unsigned jobs, fd_set *set)
{
    int max = -1;

    FD_ZERO(set);
    for (unsigned i = 0; i < jobs; i++)
        if (workers[i].pid) {
            FD_SET(workers[i].from, set);
            max = workers[i].from > max ? workers[i].from : max;
        }
    return max;
}

void sim_run_apart(const struct sim_case *cases, size_t count, unsigned jobs, on_result *told,
                   void *arg)
{
    struct worker workers[JOBS_MAX];
    struct crew crew = {.cases = cases, .count = count};
    fd_set set;
    int max;

    crew.next =
        mmap(NULL, sizeof *crew.next, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sl_assert(crew.next != MAP_FAILED && jobs >= 1 && jobs <= JOBS_MAX);
    for (unsigned i = 0; i < jobs; i++)
        workers[i] = hire(&crew);
    while ((max = highest(workers, jobs, &set)) >= 0) {
        if (select(max + 1, &set, NULL, NULL, NULL) < 0)
            continue;
        for (unsigned i = 0; i < jobs; i++)
            if (workers[i].pid && FD_ISSET(workers[i].from, &set))
                look_at(&workers[i], &crew, told, arg);
    }
    munmap(crew.next, sizeof *crew.next);
}

static bool keep(void *arg, size_t index, const struct sim_result *result)
{
    (void)index;
    *(struct sim_result *)arg = *result;
    return true;
}

struct sim_result sim_run_one_apart(const struct sim_case *one)
{
    struct sim_result result;

    sim_run_apart(one, 1, 1, keep, &result);
    return result;
}

/* torture -- the allocator in between, and the runs. */
#include "test/torture/torture.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* More runs than any scenario needs: one that needs more never ends. */
enum { POINTS_MAX = 100000, LIVE_MAX = 1 << 20 };

static struct {
    const char *name;
    bool is_on, from_there_on, has_failed, traps;
    int paused;
    unsigned long count, fail_at;
} now;

/* What other threads allocate is neither failed nor counted: its order is not the same twice. */
static _Thread_local bool is_scenarios_thread;

static bool is_looked_at(void)
{
    return now.is_on && is_scenarios_thread;
}

/* ---- what is allocated ---- */

static struct live {
    void *p; /* NULL: never used; GONE: freed */
    const void *caller;
} live[LIVE_MAX];
static size_t live_count, used_count;
static char gone_place;
#define GONE ((void *)&gone_place)

static size_t slot_of(const void *p)
{
    return (size_t)(((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 44);
}

/* The place of `p`, or the one where its search ends. */
static struct live *find(const void *p)
{
    size_t i = slot_of(p);

    while (live[i].p && live[i].p != p)
        i = (i + 1) % LIVE_MAX;
    return &live[i];
}

static void *keep(void *p, const void *caller)
{
    if (p && is_looked_at() && now.paused == 0) {
        struct live *place = find(p);

        used_count += !place->p;
        *place = (struct live){p, caller};
        live_count++;
        if (used_count > LIVE_MAX / 2)
            torture_failed(__FILE__, __LINE__, "the table of what is allocated is full");
    }
    return p;
}

static void forget(void *p)
{
    struct live *place;

    if (!p || !is_looked_at())
        return;
    place = find(p);
    if (place->p) {
        place->p = GONE;
        live_count--;
    }
}

static void forget_all(void)
{
    memset(live, 0, sizeof live);
    live_count = used_count = 0;
}

static void tell_leaks(void)
{
    for (size_t i = 0; i < LIVE_MAX; i++)
        if (live[i].p && live[i].p != GONE)
            fprintf(stderr, "  leaked: allocated before %p\n", live[i].caller);
}

/* ---- the allocator ---- */

static bool fails(void)
{
    if (!is_looked_at() || now.paused > 0)
        return false;
    now.count++;
    if (now.fail_at == 0 ||
        (now.from_there_on ? now.count < now.fail_at : now.count != now.fail_at))
        return false;
    if (now.traps && !now.has_failed)
        raise(SIGTRAP);
    now.has_failed = true;
    errno = ENOMEM;
    return true;
}

#define CALLER __builtin_return_address(0)

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void __real_free(void *p);
FILE *__real_fopen(const char *path, const char *mode);
void *__real_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
void __wrap_free(void *p);
FILE *__wrap_fopen(const char *path, const char *mode);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
int __wrap_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : keep(__real_malloc(n), CALLER);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : keep(__real_calloc(n, size), CALLER);
}

void *__wrap_realloc(void *p, size_t n)
{
    void *moved;

    if (fails())
        return NULL;
    forget(p);
    moved = __real_realloc(p, n);
    return keep(moved, CALLER);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    void *moved;

    if (fails())
        return NULL;
    forget(p);
    moved = __real_reallocarray(p, n, size);
    return keep(moved, CALLER);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : keep(__real_strdup(text), CALLER);
}

char *__wrap_strndup(const char *text, size_t n)
{
    return fails() ? NULL : keep(__real_strndup(text, n), CALLER);
}

int __wrap_asprintf(char **out, const char *format, ...)
{
    va_list args;
    int n;

    if (fails()) {
        *out = NULL; /* glibc leaves it undefined */
        return -1;
    }
    va_start(args, format);
    n = vasprintf(out, format, args);
    va_end(args);
    (void)keep(n < 0 ? NULL : *out, CALLER);
    return n;
}

void __wrap_free(void *p)
{
    forget(p);
    __real_free(p);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    return fails() ? NULL : __real_fopen(path, mode);
}

/* The stacks of tasks. */
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    return fails() ? MAP_FAILED : __real_mmap(at, n, protection, flags, fd, offset);
}

/* ---- the runs ---- */

void torture_failed(const char *file, int line, const char *what)
{
    now.is_on = false;
    fprintf(stderr, "%s:%d: does not hold: %s\n  in %s, allocation %lu failed%s of %lu\n", file,
            line, what, now.name, now.fail_at, now.from_there_on ? " and all after it" : "",
            now.count);
    abort();
}

bool torture_has_failed(void)
{
    return now.has_failed;
}

void torture_pause(void)
{
    now.paused++;
}

void torture_resume(void)
{
    now.paused--;
}

static void run_once(void (*scenario)(void), unsigned long fail_at, bool from_there_on)
{
    forget_all();
    is_scenarios_thread = true;
    now.fail_at = fail_at;
    now.from_there_on = from_there_on;
    now.count = 0;
    now.has_failed = false;
    now.is_on = true;
    if (getenv("TORTURE_TRACE"))
        fprintf(stderr, "%s %lu%s\n", now.name, fail_at, from_there_on ? " on" : "");
    scenario();
    now.is_on = false;
    torture_check(now.paused == 0);
    if (live_count > 0) {
        tell_leaks();
        torture_failed(__FILE__, __LINE__, "everything that was allocated is freed");
    }
}

static unsigned long run_all(void (*scenario)(void), bool from_there_on)
{
    unsigned long n = 0;

    do {
        torture_check(++n < POINTS_MAX);
        run_once(scenario, n, from_there_on);
    } while (now.has_failed);
    return n - 1;
}

static bool is_chosen(const char *name)
{
    const char *only = getenv("TORTURE_ONLY"), *at = getenv("TORTURE_AT");

    if (only && strcmp(only, name) != 0)
        return false;
    if (!at)
        return true;
    now.traps = getenv("TORTURE_TRAP") != NULL;
    return true;
}

int torture_run(const struct torture *scenarios, size_t count)
{
    const char *at = getenv("TORTURE_AT");

    for (size_t i = 0; i < count; i++) {
        now.name = scenarios[i].name;
        if (!is_chosen(now.name))
            continue;
        run_once(scenarios[i].scenario, 0, false); /* what is made once and kept is there then */
        if (at) {
            run_once(scenarios[i].scenario, strtoul(at, NULL, 10), getenv("TORTURE_ON") != NULL);
            printf("%-28s one run\n", now.name);
            continue;
        }
        unsigned long once = run_all(scenarios[i].scenario, false);
        unsigned long on = run_all(scenarios[i].scenario, true);

        printf("%-28s %5lu allocations failed once, %5lu from there on\n", now.name, once, on);
        fflush(stdout);
    }
    return 0;
}

/*
 * time -- points in time and durations, as types that cannot be mixed up.
 *
 * sl_time is a point on the scheduler's monotonic clock, sl_dur a length; both count nanoseconds.
 * All arithmetic saturates, and SL_NEVER and SL_FOREVER absorb: adding to or taking from them
 * changes nothing. A length that a peer sends can therefore never become a negative sleep.
 *
 * SL_NEVER, SL_FOREVER and SL_ZERO are expressions. ISO C allows no expression of a struct type in
 * a static initialiser, so there are initialisers as well: SL_DUR_MS(5), SL_DUR_FOREVER,
 * SL_TIME_NEVER. They work wherever braces do:
 *     static const struct limits limits = {.age = SL_DUR_SEC(5)};
 */
#ifndef SLUICE_TIME_H
#define SLUICE_TIME_H

#include <sluice/base.h>

typedef struct {
    int64_t ns;
} sl_time;

typedef struct {
    int64_t ns;
} sl_dur;

#define SL_NEVER   ((sl_time){INT64_MAX})
#define SL_FOREVER ((sl_dur){INT64_MAX})
#define SL_ZERO    ((sl_dur){0})

/* clang-format off */
#define SL_TIME_NEVER      {INT64_MAX}
#define SL_DUR_FOREVER     {INT64_MAX}
#define SL_DUR_ZERO        {0}
#define SL_DUR_US(n)       {(int64_t)(n)*1000}
#define SL_DUR_MS(n)       {(int64_t)(n)*1000000}
#define SL_DUR_SEC(n)      {(int64_t)(n)*1000000000}
#define SL_DUR_MINUTES(n)  {(int64_t)(n)*60000000000}
#define SL_DUR_HOURS(n)    {(int64_t)(n)*3600000000000}
/* clang-format on */

static inline int64_t sl_saturate_add_(int64_t a, int64_t b)
{
    int64_t sum;

    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return b < 0 ? INT64_MIN : INT64_MAX;
}

static inline int64_t sl_saturate_mul_(int64_t a, int64_t b)
{
    int64_t product;

    if (!__builtin_mul_overflow(a, b, &product))
        return product;
    return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
}

static inline int64_t sl_negate_(int64_t a)
{
    return a == INT64_MIN ? INT64_MAX : -a;
}

/* Durations from whole units; too large a number becomes SL_FOREVER. */
static inline sl_dur sl_ns(int64_t n)
{
    return (sl_dur){n};
}

static inline sl_dur sl_us(int64_t n)
{
    return (sl_dur){sl_saturate_mul_(n, 1000)};
}

static inline sl_dur sl_ms(int64_t n)
{
    return (sl_dur){sl_saturate_mul_(n, 1000000)};
}

static inline sl_dur sl_sec(int64_t n)
{
    return (sl_dur){sl_saturate_mul_(n, 1000000000)};
}

static inline sl_dur sl_minutes(int64_t n)
{
    return (sl_dur){sl_saturate_mul_(n, 60000000000)};
}

static inline sl_dur sl_hours(int64_t n)
{
    return (sl_dur){sl_saturate_mul_(n, 3600000000000)};
}

/* Durations as whole units, rounded towards zero. */
static inline int64_t sl_dur_us(sl_dur d)
{
    return d.ns / 1000;
}

static inline int64_t sl_dur_ms(sl_dur d)
{
    return d.ns / 1000000;
}

/*
 * Milliseconds, rounded up: for interfaces in which 0 would mean "no limit". SL_FOREVER is still
 * the largest.
 */
static inline int64_t sl_dur_ms_up(sl_dur d)
{
    return d.ns / 1000000 + (d.ns % 1000000 > 0);
}

static inline double sl_dur_seconds(sl_dur d)
{
    return (double)d.ns / 1e9;
}

static inline sl_dur sl_dur_add(sl_dur a, sl_dur b)
{
    if (a.ns == INT64_MAX || b.ns == INT64_MAX)
        return SL_FOREVER;
    return (sl_dur){sl_saturate_add_(a.ns, b.ns)};
}

static inline sl_dur sl_dur_sub(sl_dur a, sl_dur b)
{
    if (a.ns == INT64_MAX)
        return SL_FOREVER;
    return (sl_dur){sl_saturate_add_(a.ns, sl_negate_(b.ns))};
}

static inline sl_dur sl_dur_mul(sl_dur d, int64_t n)
{
    return (sl_dur){sl_saturate_mul_(d.ns, n)};
}

/* `n` must not be 0. SL_FOREVER divided by a positive number is still SL_FOREVER. */
static inline sl_dur sl_dur_div(sl_dur d, int64_t n)
{
    sl_assert(n != 0);
    if (d.ns == INT64_MAX && n > 0)
        return SL_FOREVER;
    return (sl_dur){n == -1 ? sl_negate_(d.ns) : d.ns / n};
}

/* Less than, equal to or greater than 0, as a is shorter than, as long as or longer than b. */
static inline int sl_dur_cmp(sl_dur a, sl_dur b)
{
    return (a.ns > b.ns) - (a.ns < b.ns);
}

static inline sl_dur sl_dur_min(sl_dur a, sl_dur b)
{
    return a.ns < b.ns ? a : b;
}

static inline sl_dur sl_dur_max(sl_dur a, sl_dur b)
{
    return a.ns > b.ns ? a : b;
}

static inline sl_time sl_time_add(sl_time t, sl_dur d)
{
    if (t.ns == INT64_MAX || d.ns == INT64_MAX)
        return SL_NEVER;
    return (sl_time){sl_saturate_add_(t.ns, d.ns)};
}

/* From `from` to `to`: SL_FOREVER if `to` is SL_NEVER. */
static inline sl_dur sl_time_sub(sl_time to, sl_time from)
{
    if (to.ns == INT64_MAX)
        return SL_FOREVER;
    return (sl_dur){sl_saturate_add_(to.ns, sl_negate_(from.ns))};
}

static inline int sl_time_cmp(sl_time a, sl_time b)
{
    return (a.ns > b.ns) - (a.ns < b.ns);
}

static inline bool sl_time_before(sl_time a, sl_time b)
{
    return a.ns < b.ns;
}

static inline sl_time sl_time_min(sl_time a, sl_time b)
{
    return a.ns < b.ns ? a : b;
}

static inline sl_time sl_time_max(sl_time a, sl_time b)
{
    return a.ns > b.ns ? a : b;
}

/*
 * The world as the scheduler's driver shows it: the real one, or a simulated one in which
 * everything follows from a seed. All of them need a running scheduler on this thread.
 */

/* The monotonic clock. Its zero means nothing. */
SL_API sl_time sl_now(void);

/* Milliseconds since 1970-01-01 00:00 UTC. It may jump: for time stamps, never for waiting. */
SL_API int64_t sl_wall_ms(void);

/* 64 random bits; from the kernel in the real world. */
SL_API uint64_t sl_random(void);

/* A random UUID (RFC 9562, version 4) in lower case, with its final NUL. */
SL_API void sl_uuid4(char out[37]);

#endif

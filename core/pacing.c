#include "core/pacing.h"

#include <sluice/base.h>

#include "core/backoff.h"

enum {
    WINDOW = 64,          /* receives over which the largest body is "recent"; two are kept */
    BODY_UNKNOWN = 65536, /* taken for the largest body while there was none */
    BODY_LEAST = 1024,
    RECEIVERS_LIMIT = 100, /* as --receivers */
};

static const sl_dur grow_under = SL_DUR_SEC(1);
static const sl_dur poll_wait = SL_DUR_MS(500);
static const sl_dur failure_base = SL_DUR_MS(250);
static const sl_dur failure_cap = SL_DUR_SEC(20);
static const sl_dur over_limit_least = SL_DUR_SEC(5);
static const sl_dur over_limit_most = SL_DUR_SEC(60);

/* ---- credits ---- */

void credits_init(struct credits *c, size_t count_max, size_t bytes_max)
{
    sl_assert(count_max >= PACING_RECEIVE_MAX && bytes_max > 0);
    *c = (struct credits){.count_max = count_max, .bytes_max = bytes_max};
}

static size_t add(size_t a, size_t b)
{
    size_t sum;

    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

/* What one receive may bring in bytes. */
static size_t expected_bytes(const struct credits *c)
{
    size_t largest = c->largest > c->largest_before ? c->largest : c->largest_before;
    size_t bytes;

    if (largest == 0)
        largest = BODY_UNKNOWN;
    if (largest < BODY_LEAST)
        largest = BODY_LEAST;
    return __builtin_mul_overflow(largest, 2 * PACING_RECEIVE_MAX, &bytes) ? SIZE_MAX : bytes;
}

static bool is_idle(const struct credits *c)
{
    return c->count == 0 && c->reserved_count == 0;
}

bool credits_are_free(const struct credits *c)
{
    size_t count = add(add(c->count, c->reserved_count), PACING_RECEIVE_MAX);
    size_t bytes = add(add(c->bytes, c->reserved_bytes), expected_bytes(c));

    return is_idle(c) || (count <= c->count_max && bytes <= c->bytes_max);
}

bool credits_reserve(struct credits *c, struct reservation *out)
{
    size_t bytes = expected_bytes(c);

    if (!credits_are_free(c))
        return false;
    if (bytes > c->bytes_max)
        bytes = c->bytes_max;
    *out = (struct reservation){PACING_RECEIVE_MAX, bytes};
    c->reserved_count += out->count;
    c->reserved_bytes += out->bytes;
    return true;
}

void credits_cancel(struct credits *c, const struct reservation *reservation)
{
    sl_assert(c->reserved_count >= reservation->count);
    sl_assert(c->reserved_bytes >= reservation->bytes);
    c->reserved_count -= reservation->count;
    c->reserved_bytes -= reservation->bytes;
}

void credits_arrived(struct credits *c, const struct reservation *reservation, size_t count,
                     size_t bytes, size_t largest)
{
    credits_cancel(c, reservation);
    c->count = add(c->count, count);
    c->bytes = add(c->bytes, bytes);
    if (count == 0)
        return;
    if (largest > c->largest)
        c->largest = largest;
    if (++c->window == WINDOW) {
        c->largest_before = c->largest;
        c->largest = 0;
        c->window = 0;
    }
}

void credits_settled(struct credits *c, size_t count, size_t bytes)
{
    sl_assert(c->count >= count && c->bytes >= bytes);
    c->count -= count;
    c->bytes -= bytes;
}

/* ---- pacing ---- */

void pacing_init(struct pacing *p, unsigned receivers_max)
{
    sl_assert(receivers_max >= 1 && receivers_max <= RECEIVERS_LIMIT);
    *p = (struct pacing){
        .receivers = 1,
        .receivers_max = receivers_max,
        .ended_at = {INT64_MIN},
        .resume_at = {INT64_MIN},
    };
}

void pacing_received(struct pacing *p, const struct pacing_receive *receive)
{
    sl_dur took = sl_time_sub(receive->ended, receive->started);

    p->failures = 0;
    p->is_over_limit = false;
    p->was_full = receive->brought >= PACING_RECEIVE_MAX;
    p->ended_at = receive->ended;
    if (receive->brought == 0) {
        if (p->receivers > 1)
            p->receivers--;
    } else if (sl_dur_cmp(took, grow_under) < 0 && receive->credits_free) {
        if (p->receivers < p->receivers_max)
            p->receivers++;
    }
    sl_assert(p->receivers >= 1 && p->receivers <= p->receivers_max);
}

void pacing_failed(struct pacing *p, sl_time now, uint64_t random)
{
    sl_dur ceiling, half;

    p->receivers = 1;
    p->was_full = false;
    if (sl_time_before(now, p->resume_at))
        return;
    ceiling = backoff_ceiling(failure_base, failure_cap, p->failures);
    half = sl_dur_div(ceiling, 2);
    p->failures++;
    p->resume_at = sl_time_add(now, sl_dur_add(half, backoff_jitter(half, random)));
}

void pacing_over_limit(struct pacing *p, sl_time now, size_t held)
{
    p->receivers = 1;
    p->was_full = false;
    p->is_over_limit = true;
    p->resume_held = held - held / 10 - (held % 10 != 0);
    p->resume_at = sl_time_max(p->resume_at, sl_time_add(now, over_limit_least));
    p->over_limit_until = sl_time_add(now, over_limit_most);
}

unsigned pacing_receivers(const struct pacing *p)
{
    return p->receivers;
}

sl_time pacing_next_poll(const struct pacing *p, sl_time now, sl_time batch_deadline, size_t held)
{
    sl_time at = p->resume_at;

    if (p->is_over_limit && held > p->resume_held)
        at = sl_time_max(at, p->over_limit_until);
    if (batch_deadline.ns != SL_NEVER.ns && sl_time_before(now, batch_deadline) && !p->was_full)
        at = sl_time_max(at, sl_time_min(batch_deadline, sl_time_add(p->ended_at, poll_wait)));
    return at;
}

#include "test/sim/shrink.h"

#include <stdio.h>
#include <string.h>

#include "test/sim/apart.h"

struct shrinking {
    struct sim_case *one;
    struct sim_result *result;
    unsigned left; /* runs */
};

/* Takes `next` on if it still fails. */
static bool try_it(struct shrinking *s, const struct sim_case *next)
{
    struct sim_result result;

    if (s->left == 0)
        return false;
    s->left--;
    result = sim_run_one_apart(next);
    if (!result.finding[0])
        return false;
    *s->one = *next;
    *s->result = result;
    return true;
}

/* Leaves out bits of `*field` of what there is, half of them at once, then quarters … */
static void leave_out(struct shrinking *s, uint64_t *field, uint64_t there)
{
    for (unsigned size = 32; size >= 1; size /= 2)
        for (unsigned at = 0; at < 64; at += size) {
            uint64_t some = ((size == 64 ? 0 : UINT64_C(1) << size) - 1) << at & there & ~*field;
            uint64_t before = *field;
            struct sim_case next;

            if (!some)
                continue;
            *field |= some;
            next = *s->one;
            *field = before;
            (void)try_it(s, &next);
        }
}

/* The second of the first finding, where it says so: nothing later matters. */
static void shorten(struct shrinking *s)
{
    struct sim_case next = *s->one;
    double at;

    if (sscanf(s->result->finding, "at %lf s:", &at) != 1 || (int64_t)at + 2 >= next.minutes * 60)
        return;
    next.until_s = (int64_t)at + 2;
    (void)try_it(s, &next);
}

static void slow_down(struct shrinking *s)
{
    static const unsigned rates[] = {1, 5, 20};

    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct sim_case next = *s->one;

        next.rate = rates[i];
        if (try_it(s, &next))
            return;
    }
}

void sim_shrink(struct sim_case *one, struct sim_result *result, unsigned runs)
{
    struct shrinking s = {.one = one, .result = result, .left = runs};
    struct sim_config config;
    struct sim_case next;

    shorten(&s);
    sim_case_config(one, &config);
    leave_out(&s, &one->less_windows, (UINT64_C(1) << config.faults.window_count) - 1);
    leave_out(&s, &one->less_kinds, sim_fault_plan_kinds(&config.faults));
    next = *one;
    next.processes = 1;
    if (config.processes > 1)
        (void)try_it(&s, &next);
    next = *one;
    next.no_poison = true;
    if (config.sqs.max_receives > 0)
        (void)try_it(&s, &next);
    slow_down(&s);
    shorten(&s);
}

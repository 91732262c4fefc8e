#include "sim/world/arrivals.h"

/* The parts of an event: so many that what is cut off of each stretch makes no event in a year, and a second of the highest
 * rate still has room. */
#define EVENT (INT64_C(1) << 40)

/* To the next event: as long as to any other, or by chance. */
static int64_t gap(struct sim_arriving *arriving)
{
    return arriving->arrivals->is_poisson
               ? sim_random_exponential(&arriving->random, sl_ns(EVENT)).ns
               : EVENT;
}

void sim_arriving_init(struct sim_arriving *arriving, const struct sim_arrivals *arrivals,
                       struct sim_random random)
{
    *arriving = (struct sim_arriving){.arrivals = arrivals, .random = random};
    if (arrivals->is_rough)
        return;
    /* Even events come in the middle of their times, so that no rounding decides whether the last one comes. */
    arriving->left = arrivals->is_poisson ? gap(arriving) : EVENT / 2;
}

/* The rate at `from`; *to is brought back to where another begins. */
static double rate_at(struct sim_arriving *arriving, sl_time from, sl_time *to)
{
    const struct sim_arrivals *a = arriving->arrivals;

    if (a->step_count == 0)
        return a->rate;
    while (arriving->step < a->step_count && !sl_time_before(from, a->steps[arriving->step].from))
        arriving->step++;
    if (arriving->step < a->step_count)
        *to = sl_time_min(*to, a->steps[arriving->step].from);
    return arriving->step > 0 ? a->steps[arriving->step - 1].rate : 0;
}

static double mean_of(struct sim_arriving *arriving, sl_time from, sl_time to)
{
    double events = 0;

    while (sl_time_before(from, to)) {
        sl_time until = to;
        double rate = rate_at(arriving, from, &until);

        events += rate * (double)sl_time_sub(until, from).ns / 1e9;
        from = until;
    }
    return events;
}

static uint64_t draw_roughly(struct sim_arriving *arriving, uint64_t mean_1024)
{
    struct sim_random *random = &arriving->random;
    sl_dur step = sl_ns(1 << 20), left = step;
    uint64_t n = 0;

    if (!arriving->arrivals->is_poisson)
        return mean_1024 / 1024 + (sim_random_below(random, 1024) < mean_1024 % 1024);
    if (mean_1024 == 0)
        return 0;
    for (;; n++) {
        left = sl_dur_sub(
            left, sim_random_exponential(random, sl_ns(step.ns * 1024 / (int64_t)mean_1024)));
        if (left.ns <= 0)
            return n;
    }
}

uint64_t sim_arriving_next(struct sim_arriving *arriving, sl_time from, sl_time to)
{
    double mean = mean_of(arriving, from, to);
    uint64_t n = 0;

    if (arriving->arrivals->is_rough)
        return draw_roughly(arriving, (uint64_t)(mean * 1024));
    arriving->left -= (int64_t)(mean * (double)EVENT);
    for (; arriving->left <= 0; n++)
        arriving->left += gap(arriving);
    return n;
}

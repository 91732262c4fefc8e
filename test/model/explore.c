/* explore -- the tree of choices; see explore.h. */
#include "test/model/explore.h"

#include "lib/sched.h"

void explore_begin(struct explorer *e)
{
    uint64_t draws = e->draws;

    *e = (struct explorer){.draws = draws, .differs = e->differs};
}

/* The draw is a + b of the state. The scheduler takes its upper three bits, a select the upper half as a fraction. */
static uint64_t draw_for(unsigned chosen, unsigned select_count)
{
    uint64_t high;

    if (select_count == 0)
        return (uint64_t)chosen << 61 | 1;
    high = (((uint64_t)chosen << 32) + select_count - 1) / select_count;
    return high << 32 | 1;
}

void explore_arm(struct explorer *e, unsigned select_count)
{
    unsigned chosen = e->at < e->length ? e->path[e->at].chosen : 0;

    e->state = draw_for(chosen, select_count);
    e->select_count = select_count;
    e->is_armed = true;
    sl_sched_->random[0] = e->state;
    sl_sched_->random[1] = 0;
}

/* Those that could have run instead of the task that runs, and that one. */
static unsigned ready_count(const struct sl_sched *s)
{
    unsigned n = 1;

    for (const struct sl_task *t = s->ready; t; t = t->next)
        n++;
    return n;
}

static void take(struct explorer *e, unsigned count)
{
    if (e->at < e->length) {
        e->differs |= e->path[e->at].count != count;
    } else {
        sl_assert(e->length < EXPLORE_DEPTH);
        e->path[e->length].chosen = 0;
        e->path[e->length++].count = (uint8_t)count;
    }
    e->at++;
}

int explore_note(struct explorer *e)
{
    struct sl_sched *s = sl_sched_;
    unsigned count = e->select_count > 0 ? e->select_count : ready_count(s);
    int chosen = 0;

    if (!e->is_armed)
        return -1;
    e->is_armed = false;
    if (s->random[0] == e->state && s->random[1] == 0)
        return -1;
    e->draws++;
    if (count > 1) {
        take(e, count);
        chosen = e->path[e->at - 1].chosen;
    }
    return chosen;
}

bool explore_next(struct explorer *e)
{
    e->differs |= e->at < e->length;
    while (e->length > 0 && e->path[e->length - 1].chosen + 1u == e->path[e->length - 1].count)
        e->length--;
    if (e->length == 0)
        return false;
    e->path[e->length - 1].chosen++;
    e->at = 0;
    e->is_armed = false;
    return true;
}

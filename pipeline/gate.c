#include "pipeline/gate.h"

#include <sluice/task.h>

/* So long without anything accepted is an outage. */
#define OUTAGE_LEAST sl_sec(1)

void gate_init(struct gate *gate, struct pipeline *pipeline, struct gate_seat *seats, size_t count)
{
    *gate = (struct gate){.pipeline = pipeline, .seats = seats, .seat_count = count};
    for (size_t i = 0; i < count; i++)
        sl_parker_init(&seats[i].parker);
}

static void wake_all(struct gate *gate)
{
    for (size_t i = 0; i < gate->seat_count; i++)
        if (gate->seats[i].waits)
            sl_unpark(&gate->seats[i].parker);
}

/* From now on those who wait have to move. */
static void set_moving(struct gate *gate)
{
    for (size_t i = 0; i < gate->seat_count; i++)
        if (gate->seats[i].waits)
            gate->seats[i].errand.moved_at = sl_now();
}

static int wait_here(struct gate *gate, struct gate_seat *seat, sl_time until, const char *what)
{
    int r;

    seat->waits = true;
    r = sl_park(&seat->parker, gate->pipeline->intake, until, what);
    seat->waits = false;
    return r;
}

static void pause_set(struct gate *gate, bool paused)
{
    if (gate->paused == paused)
        return;
    gate->paused = paused;
    gate->pipeline->progress->paused = paused;
    source_wake(gate->pipeline->source);
}

int gate_pass(struct gate *gate, struct gate_seat *seat)
{
    while (gate->paused && gate->prober != seat) {
        int r;

        if (!gate->prober) {
            gate->prober = seat;
            break;
        }
        gate->held_up++;
        seat->errand.moved_at = SL_NEVER;
        r = wait_here(gate, seat, SL_NEVER, "the service to be mended");
        seat->errand.moved_at = sl_now();
        gate->held_up--;
        if (r == SL_CANCELED)
            return SL_CANCELED;
    }
    return SL_OK;
}

bool gate_shut(struct gate *gate, struct gate_seat *seat)
{
    bool first = !gate->paused;

    if (!gate->prober)
        gate->prober = seat;
    pause_set(gate, true);
    return first;
}

void gate_open(struct gate *gate, struct gate_seat *seat)
{
    if (!gate->paused || gate->prober != seat)
        return;
    gate->prober = NULL;
    pause_set(gate, false);
    set_moving(gate);
    if (!PLANTED(25))
        wake_all(gate);
}

void gate_leave(struct gate *gate, struct gate_seat *seat)
{
    if (gate->prober != seat)
        return;
    gate->prober = NULL;
    if (gate->held_up == 0 && sl_ctx_err(gate->pipeline->intake) == SL_OK)
        pause_set(gate, false);
    set_moving(gate);
    wake_all(gate);
}

void gate_accepted(struct gate *gate)
{
    sl_time now = sl_now();
    bool ends_outage =
        gate->accepted == 0 || sl_dur_cmp(sl_time_sub(now, gate->accepted_at), OUTAGE_LEAST) >= 0;

    gate->accepted++;
    gate->accepted_at = now;
    if (ends_outage && gate->pipeline->progress->backing_off > 0)
        wake_all(gate);
}

int gate_back_off(struct gate *gate, struct gate_seat *seat, sl_dur delay)
{
    int r;

    gate->pipeline->progress->backing_off++;
    r = wait_here(gate, seat, sl_time_add(sl_now(), delay), "the next attempt");
    gate->pipeline->progress->backing_off--;
    return r;
}

/*
 * gate -- what delivering tasks tell each other about the service: whether it is wrong for everybody (paused), and when it
 * works again.
 *
 * An answer that says "the service or the set-up is wrong" shuts the gate: the task that saw it becomes the prober, the
 * others hold their batches and wait. The prober tries its own batch after each backoff; any other answer opens the gate.
 * If it has to leave, because the leases of its batch were lost, one of those who wait probes next; if nobody waits, the
 * gate opens, because only a new receive can bring something to probe with.
 *
 * A task in a backoff of its own waits here too. The first batch that is accepted after an outage wakes it; while batches
 * are accepted all the time, it waits to the end: its failures are no outage.
 *
 * Nothing is ever given up here: leases are kept by the source meanwhile.
 */
#ifndef PIPELINE_GATE_H
#define PIPELINE_GATE_H

#include <sluice/loop.h>

#include "pipeline/stages.h"

struct gate_seat { /* one per delivering task */
    struct sl_parker parker;
    bool waits;
    /* Its delivery: moves when it gets its batch, when an attempt ends and when the gate opens. While another tries whether the
     * service is mended it waits as long as that takes. */
    struct errand errand;
};

struct gate {
    struct pipeline *pipeline;
    struct gate_seat *seats;
    size_t seat_count;
    struct gate_seat *prober; /* NULL: none; while paused without one, the next to ask becomes it */
    size_t held_up;           /* seats that wait for the gate to open */
    bool paused;
    uint64_t accepted;   /* answers that accepted anything, ever */
    sl_time accepted_at; /* the last of them */
};

void gate_init(struct gate *gate, struct pipeline *pipeline, struct gate_seat *seats, size_t count);

/* Waits until `seat` may post. SL_OK, or SL_CANCELED: the gate is shut and intake has ended, so that there is no point in
 * waiting for the service to be mended. */
int gate_pass(struct gate *gate, struct gate_seat *seat);

/* The service or the set-up is wrong. Tells whether `seat` saw it first. */
bool gate_shut(struct gate *gate, struct gate_seat *seat);
/* `seat` got another answer than that: if it was the prober, everybody may go on. */
void gate_open(struct gate *gate, struct gate_seat *seat);
/* `seat` gives its batch up: somebody else has to probe, or the gate opens. */
void gate_leave(struct gate *gate, struct gate_seat *seat);

/* A batch of somebody's was accepted: if that ends an outage, those who back off try now. */
void gate_accepted(struct gate *gate);
/* Waits for `delay`, until an outage ends, or until intake ends. SL_OK, SL_CANCELED (intake ended) or SL_TIMEOUT. */
int gate_back_off(struct gate *gate, struct gate_seat *seat, sl_dur delay);

#endif

/*
 * drain -- the conductor of a shutdown. The first signal (or the end of --for, or a stage's failure) ends intake and sets
 * the deadlines of delivery and life; the second ends delivery; the third ends life. Each only ever makes an end earlier.
 * In a drain that no signal began the first signal changes nothing: what it asks for is under way.
 */
#ifndef PIPELINE_DRAIN_H
#define PIPELINE_DRAIN_H

#include "pipeline/stages.h"

struct drain {
    struct pipeline *pipeline;
    struct sl_chan *signals_in; /* elements: int; NULL: none come */
    unsigned signals;           /* how many came */
    bool due;                   /* a drain has begun, by whatever cause */
    sl_time began;
};

/* Starts the conducting task in `scope`; it ends with the scope. */
void drain_conduct(struct drain *drain, struct sl_ctx *scope);

/* How long before the drain's deadline delivery ends, so that what is left can be returned: 2 s from a drain of 10 s on,
 * 1 s below, and never more than half of the drain. */
sl_dur drain_return_reserve(sl_dur drain);

#endif

/* demo_events -- events as a shop's services send them: orders, payments, parcels, notes. Pure. */
#ifndef CLI_DEMO_EVENTS_H
#define CLI_DEMO_EVENTS_H

#include <stdint.h>

#include "core/strbuf.h"

/* Appends event `number` as one line of JSON, 150 to 700 bytes. What is in it follows from `seed`, the time from `wall_ms`. */
void demo_event_write(struct strbuf *out, uint64_t number, uint64_t seed, int64_t wall_ms);

#endif

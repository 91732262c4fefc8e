/*
 * watchdog -- the last resort against a pipeline that stands still. For longer than WATCHDOG_LIMIT and --timeout, either
 *   - one of the deliveries had no attempt end, well or badly, whatever the others do; or
 *   - events are held, no new one came, and no attempt at a delivery, a delete or a return has ended. Leases that are
 *     extended and receives that find nothing new do not count: both go on beside a pipeline that is stuck.
 * Then the table of tasks is printed and the process ends with status 70. A queue gives the events again; standard input
 * does not.
 *
 * Everything that waits does so with a limit far below this one, so it can only be a fault of ours. Three waits may be
 * longer and are no standstill: that of the open batch for its age, that of deliveries for the one that tries whether the
 * service is mended, and that of a patient sink for whoever reads from it.
 */
#ifndef PIPELINE_WATCHDOG_H
#define PIPELINE_WATCHDOG_H

#include "pipeline/stages.h"

/* Twice the longest wait that is not a fault: a Retry-After of 5 minutes. */
#define WATCHDOG_LIMIT sl_minutes(10)

void watchdog_start(struct pipeline *pipeline, struct sl_ctx *scope);

#endif

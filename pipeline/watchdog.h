/*
 * watchdog -- the last resort against a pipeline that stands still. For longer than WATCHDOG_LIMIT and --timeout, either
 *   - one errand did not move, whatever the others do: a delivery had no attempt end, well or badly, or a call to SQS had none
 *     begin; or
 *   - events are held, no new one came, and no attempt at a delivery, a delete or a return has ended. Leases that are
 *     extended and receives that find nothing new do not count: both go on beside a pipeline that is stuck.
 * Then the table of tasks is printed and the process ends with status 70. A queue gives the events again; standard input
 * does not.
 *
 * Everything that waits does so with a limit below this one, so it can only be a fault of ours. Three waits may be longer and
 * are no standstill: that of the open batch for its age, that of deliveries for the one that tries whether the service is
 * mended, and that for whoever reads standard output or the file of --undelivered. A process that was stopped, by a signal or
 * with its machine, has the whole time anew.
 */
#ifndef PIPELINE_WATCHDOG_H
#define PIPELINE_WATCHDOG_H

#include "pipeline/stages.h"

/* More than the longest wait that is no fault: a call to SQS that is tried 20 times, the most that AWS_MAX_ATTEMPTS may ask for,
 * takes up to 13 minutes, and a Retry-After 5. */
#define WATCHDOG_LIMIT sl_minutes(15)

void watchdog_start(struct pipeline *pipeline, struct sl_ctx *scope);

#endif

/*
 * watchdog -- the last resort against a pipeline that stands still: if events are held and no attempt at anything (a
 * receive, a delivery, a delete, a return, an extension) has ended, well or badly, for WATCHDOG_LIMIT and --timeout, the table
 * of tasks is printed and the process ends with status 70. A queue gives the events again; standard input does not.
 *
 * Everything that waits does so with a limit far below this one, so it can only be a fault of ours. Two waits may be
 * longer and are no standstill: that of the open batch for its age, and that of a patient sink for whoever reads from it.
 */
#ifndef PIPELINE_WATCHDOG_H
#define PIPELINE_WATCHDOG_H

#include "pipeline/stages.h"

/* Twice the longest wait that is not a fault: a Retry-After of 5 minutes. */
#define WATCHDOG_LIMIT sl_minutes(10)

void watchdog_start(struct pipeline *pipeline, struct sl_ctx *scope);

#endif

/*
 * watchdog -- the last resort against a pipeline that stands still: if events are held and nothing at all has moved (no
 * answer, no extension, no attempt) for WATCHDOG_LIMIT, the table of tasks is printed and the process ends with status 70.
 * The queue gives the events again. Everything that waits does so with a limit far below this one, so it can only be a
 * fault of ours.
 */
#ifndef PIPELINE_WATCHDOG_H
#define PIPELINE_WATCHDOG_H

#include "pipeline/stages.h"

/* Twice the longest wait that is not a fault: a Retry-After of 5 minutes. */
#define WATCHDOG_LIMIT sl_minutes(10)

void watchdog_start(struct pipeline *pipeline, struct sl_ctx *scope);

#endif

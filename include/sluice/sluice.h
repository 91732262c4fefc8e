/*
 * sluice -- tasks, channels, select, contexts and pipelines for C. All of the library but loop.h,
 * which is for binding other libraries to it.
 */
#ifndef SLUICE_SLUICE_H
#define SLUICE_SLUICE_H

#include <sluice/base.h>
#include <sluice/batch.h>
#include <sluice/chan.h>
#include <sluice/ctx.h>
#include <sluice/generate.h>
#include <sluice/offload.h>
#include <sluice/select.h>
#include <sluice/task.h>
#include <sluice/time.h>

#endif

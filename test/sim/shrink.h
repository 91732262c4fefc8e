/*
 * shrink -- takes away from a case that fails what it fails without: faults, windows, time, processes, events.
 */
#ifndef TEST_SIM_SHRINK_H
#define TEST_SIM_SHRINK_H

#include "test/sim/case.h"

/* Makes `*one`, whose finding is `*result`, as small as it gets with at most `runs` runs. */
void sim_shrink(struct sim_case *one, struct sim_result *result, unsigned runs);

#endif

/* plant -- looks for the planted bugs (test/sim/planted.h), one after the other. */
#ifndef TEST_SIM_PLANT_H
#define TEST_SIM_PLANT_H

#include "test/sim/case.h"

/* Runs bug `number`, or all of them (0), until a seed finds it, and prints the table. 0: all were found. */
int sim_find_planted(unsigned number, const struct sim_case *base, uint64_t seeds, unsigned jobs);

#endif

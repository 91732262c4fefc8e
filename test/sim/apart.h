/*
 * apart -- runs worlds in processes of their own, some at once: one that aborts or hangs is a finding like any other.
 */
#ifndef TEST_SIM_APART_H
#define TEST_SIM_APART_H

#include "test/sim/case.h"

/* Told of each result, in the order in which they come. false: no further case is begun. */
typedef bool on_result(void *arg, size_t index, const struct sim_result *result);

/* Runs `cases`, `jobs` at a time. */
void sim_run_apart(const struct sim_case *cases, size_t count, unsigned jobs, on_result *told,
                   void *arg);
/* Runs one. */
struct sim_result sim_run_one_apart(const struct sim_case *one);

#endif

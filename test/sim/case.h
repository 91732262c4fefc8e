/*
 * case -- one run of a world, as a line of flags: a seed, and what was taken away from what it stands for. Zero takes nothing
 * away.
 */
#ifndef TEST_SIM_CASE_H
#define TEST_SIM_CASE_H

#include "sim/world/world.h"

struct sim_case {
    uint64_t seed;
    int64_t minutes;       /* what the seed is drawn for */
    int64_t until_s;       /* ends then already */
    uint64_t less_kinds;   /* bits of faults that are left out */
    uint64_t less_windows; /* bits of the windows that are left out */
    unsigned processes;    /* at most so many */
    unsigned rate;         /* events a second */
    bool no_faults;
    bool no_poison; /* nor a dead-letter queue */
};

void sim_case_config(const struct sim_case *one, struct sim_config *config);
/* " --seed 7 --minutes 10 …" */
void sim_case_print(const struct sim_case *one, struct strbuf *out);
/* Takes a flag of a case, and its value. false: it is none. */
bool sim_case_flag(struct sim_case *one, const char *flag, const char *value);
/* Reads what sim_case_print wrote; comments after '#'. false: the line is empty, or says nothing of a seed. */
bool sim_case_read(struct sim_case *one, char *line);

#endif

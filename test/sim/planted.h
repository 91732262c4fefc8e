/*
 * planted -- bugs in the real code, each under a number, to see that the simulation finds them. Included into every file of a
 * build with -DSLUICE_PLANTED=ON; in all others PLANTED(n) is 0, and nothing of it is left.
 */
#ifndef TEST_SIM_PLANTED_H
#define TEST_SIM_PLANTED_H

/* The one that is active; 0: none. */
extern unsigned sluice_planted;
__attribute__((weak)) unsigned sluice_planted;

#define PLANTED(n) (sluice_planted == (n))

#endif

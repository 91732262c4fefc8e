/*
 * explore -- every order in which a scheduler may run its ready tasks, and every choice of select, one after the other.
 *
 * Both are draws from the scheduler's generator, in a scheduler that shuffles. Before each operation that may draw, the
 * explorer sets the generator's state so that the next draw comes out as it wants; afterwards it sees by the state whether
 * there was one, and among how many. So the tree of choices is walked depth first by running the program again and again,
 * each time along the path of the last run but for its last choice that has an alternative left. The code under test is the
 * library as it is.
 */
#ifndef TEST_MODEL_EXPLORE_H
#define TEST_MODEL_EXPLORE_H

#include <stdbool.h>
#include <stdint.h>

/* Draws with alternatives in one run, at most: a program has nine operations, each of which yields and may wait. */
enum { EXPLORE_DEPTH = 64 };

struct explorer {
    struct {
        uint8_t chosen, count;
    } path[EXPLORE_DEPTH];
    unsigned length; /* of the path that is known */
    unsigned at;     /* draws of this run so far */
    bool is_armed;
    unsigned
        select_count; /* the draw, if there is one, is a select's among so many; 0: the scheduler's */
    uint64_t state;
    uint64_t draws;
    bool
        differs; /* a run did not repeat what the one before it did: a defect of the explorer, or hidden randomness */
};

/* The first run of another program. */
void explore_begin(struct explorer *e);
/* Before something that may draw once: a wait or a yield (0), or a select among `select_count` cases that can be done. */
void explore_arm(struct explorer *e, unsigned select_count);
/* After it, first thing: takes note of the draw. What was wanted to come out of it; -1: there was none. */
int explore_note(struct explorer *e);
/* The end of a run. false: that was the last path. */
bool explore_next(struct explorer *e);

#endif

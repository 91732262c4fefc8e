/*
 * demo_state -- the directory of the demonstration: what is left of a run that was killed or gave up, so that the next one
 * goes on with it.
 *
 *     queue.db         the queue (and queue.db-wal, queue.db-shm beside it)
 *     perseus.ledger   what the service accepted
 *     runs             a line when a run begins, and one when it ends by itself; if it is damaged, the demonstration goes
 *                      on without knowing what it said
 *
 * It is held by a lock on the directory itself, which goes with the process however that ends. queue.db is the first to be
 * taken away when a run has left nothing, and what lies there without it belongs to nobody: so a kill in between
 * is the same as one before or after.
 *
 * Life: open → (clear, or keep) → the end of the process, or close.
 */
#ifndef CLI_DEMO_STATE_H
#define CLI_DEMO_STATE_H

#include "core/problem.h"

enum demo_before {
    DEMO_FRESH,   /* nothing was left */
    DEMO_KILLED,  /* by a run that did not end by itself */
    DEMO_ENDED,   /* by one that did, with events left */
    DEMO_UNKNOWN, /* something was left, but runs does not tell by which */
};

struct demo_state {
    int fd;                             /* of the directory, locked */
    char *folder, *data, *ledger, *log; /* the log of runs */
    enum demo_before before;
    unsigned runs;        /* this one included; 0: not known */
    char why_unknown[80]; /* what is the matter with the log: "is damaged" */
};

/* What to do about a file in that directory, of which the user has named none. */
extern const char demo_file_advice[];

/*
 * Makes the directory (and those above it), for its owner alone, and locks it. `folder` NULL:
 * ${XDG_STATE_HOME:-~/.local/state}/sluice/demo, or, where that can't be had, /tmp/sluice-demo-UID.
 *   0         *out is the caller's
 *   PROBLEM   another demonstration runs there; it can't be made or written, or is somebody else's
 *   negative  unforeseen
 */
int demo_state_open(struct demo_state *out, const char *folder, struct problem *problem);

/* Everything was delivered: the next run begins anew. 0, or negative. */
int demo_state_clear(struct demo_state *state);
/* Something is left, and this run ends by itself. 0, or negative. */
int demo_state_keep(struct demo_state *state);
void demo_state_close(struct demo_state *state);

#endif

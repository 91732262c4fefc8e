/*
 * tell -- what a store has to tell its owner from the loop and not at once: waits and loads that need no disk.
 *
 * Life: tell_init → tell_wait, tell_load … → tell_deinit.
 */
#ifndef QUEUE_TELL_H
#define QUEUE_TELL_H

#include <sluice/loop.h>

#include "queue/store.h"

struct waits {
    struct store_wait *first, **end;
};

struct loads {
    struct store_load *first, **end;
};

static inline void waits_init(struct waits *waits)
{
    *waits = (struct waits){NULL, &waits->first};
}

static inline void loads_init(struct loads *loads)
{
    *loads = (struct loads){NULL, &loads->first};
}

void waits_push(struct waits *waits, struct store_wait *wait);
void loads_push(struct loads *loads, struct store_load *load);
/* Moves all of `from` to the end of `to`. */
void waits_splice(struct waits *to, struct waits *from);
void loads_splice(struct loads *to, struct loads *from);
/* Gives all of them an error, or 0. */
void waits_judge(struct waits *waits, int error);
void loads_judge(struct loads *loads, int error);
/* Calls `done` of each, with its own error; what is pushed meanwhile stays. In loop context. */
void waits_tell(struct waits *waits);
void loads_tell(struct loads *loads);

struct tell {
    struct sl_timer timer; /* at "now": the simulated world has it too */
    struct waits waits;
    struct loads loads;
};

void tell_init(struct tell *tell);
void tell_wait(struct tell *tell, struct store_wait *wait, int error);
void tell_load(struct tell *tell, struct store_load *load, int error);
/* Waits until all is told: no longer than until the loop comes round, or as often as `done` calls for more. */
void tell_deinit(struct tell *tell);

/* Tells rows (see store_db_read): each is handed to its function, payloads for good. 0, or the reader's negative result. */
int rows_tell(const struct store_reader *reader, struct changes *rows);

#endif

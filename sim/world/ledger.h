/*
 * ledger -- the book that a world keeps of its events, from outside: what SQS took, gave out, hid, gave back and deleted, and
 * what the service took. From it follow Jepsen's sets (lost, unexpected, duplicated, explained) and whether anything was
 * deleted too early, given out without a cause, or taken out of order.
 *
 * A *receipt* is SQS giving an event to a process. The first needs no cause; each later one does: the process before gave
 * it back, ended, or never heard of it; SQS gave it out twice or kept what it had deleted; or the lease ran out while the
 * process had trouble with SQS. A *commit* is the service taking an event. It is *clean* when its client got a whole
 * answer that says so, and *open* while the client still waits for one.
 *
 * A receipt is good for one commit that may be clean, and each commit that is not for another try: so an event never has
 * more open and clean commits than receipts. And whoever was told that an event is delivered neither delivers it again
 * nor gives it back.
 */
#ifndef SIM_WORLD_LEDGER_H
#define SIM_WORLD_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/time.h>

/* Why an event comes again. */
enum sim_cause {
    CAUSE_NOT_CLEAN, /* a commit whose answer did not arrive whole, or was no success */
    CAUSE_ENDED,     /* a process that held it was killed or cut short */
    CAUSE_RETURNED,  /* it was given back */
    CAUSE_UNHEARD,   /* the answer that gave it out did not arrive, or not fit for use */
    CAUSE_TWICE,     /* SQS gave it out again while it was held */
    CAUSE_UNDELETED, /* SQS confirmed its delete, and kept it */
    CAUSE_LEASE,     /* its lease ran out under faults */
    CAUSES
};

extern const char *const sim_cause_names[CAUSES];

enum { SIM_CONFIRMED_BY = 3 };

struct sim_event {
    sl_time hidden_until; /* by the newest receipt */
    uint32_t holder;      /* of the newest receipt; 0: it was given back */
    uint32_t
        confirmed_by[SIM_CONFIRMED_BY]; /* processes that got a clean answer, the newest first */
    sl_time confirmed_at[SIM_CONFIRMED_BY]; /* or asked for its delete last */
    uint32_t process;                       /* the first that committed it */
    uint16_t receipts, commits, open, clean;
    sl_time
        delete_failed; /* when the holder was told that its delete failed, and has not tried again; SL_NEVER: not so */
    uint8_t causes;      /* bits: of the next receipt */
    uint8_t last_causes; /* of the newest one */
    bool is_deleted, is_dead, is_poison, was_returned, is_settled;
    bool is_held;     /* the holder has it, for all that SQS can tell */
    bool is_heard;    /* the newest receipt has arrived */
    bool was_held_up; /* the world stood still while the newest receipt was on its way */
    bool is_merged;   /* its process had it before, and may still */
    bool was_refused; /* since the newest receipt the service said something else than yes of it */
    uint16_t granted_s; /* what the newest receipt or extension asked for */
};

/* One start of sluice. */
struct sim_instance {
    sl_time trouble_at;    /* the last that it had with SQS; SL_NEVER: none */
    sl_time unrest_at;     /* the last that it had with SQS or the service */
    sl_time signalled_at;  /* SL_NEVER: not */
    bool extends_no_more;  /* it was told that it may not */
    uint16_t visibility_s; /* what its receives ask for */
    uint64_t held;         /* events */
    uint64_t held_max;     /* what it may hold; 0: nobody said */
};

enum { SIM_PAGE = 64 };

/* Some events that follow each other. */
struct sim_page {
    unsigned settled; /* of them, how many are deleted or dead, with no commit open */
    struct sim_event events[SIM_PAGE];
};

struct sim_ledger {
    struct sim_page **pages;        /* NULL: all of its events are settled, and forgotten */
    uint64_t count, max;            /* of events */
    bool forgets;                   /* settled events, so that a long world fits into memory */
    struct sim_instance *instances; /* by number */
    uint32_t instance_max;
    unsigned groups; /* FIFO: 0 for a standard queue */
    sl_dur visibility;
    sl_time frozen_at;             /* when the world last stood still; SL_NEVER: it did not */
    uint64_t uncommitted;          /* events that SQS took and the service did not, yet */
    uint64_t poison, dead_healthy; /* events that the service refuses; dead ones that it does not */
    /* What SQS has dead-lettered it says when asked: a dead event holds its FIFO group back no longer. NULL: none are. */
    void (*collect_dead)(void *arg);
    void *collect_dead_arg;
    /* findings */
    uint64_t commits, duplicates, explained[CAUSES], unexplained, unexpected, early_deletes,
        disorders, strange_receipts, receives_after_signal, wrong_requests;
    char finding[200]; /* the first that is wrong; "" */
};

void sim_ledger_init(struct sim_ledger *ledger, unsigned groups, sl_dur visibility);
void sim_ledger_deinit(struct sim_ledger *ledger);

/* Something is wrong that another part of the world has seen. Only the first is kept. */
__attribute__((format(printf, 2, 3))) void sim_ledger_find(struct sim_ledger *ledger,
                                                           const char *format, ...);

/* ---- SQS ---- */

/* SQS has taken the event `number`, which follows the last. */
void sim_ledger_sent(struct sim_ledger *ledger, uint64_t number, bool is_poison);
/* It was given out. */
void sim_ledger_given(struct sim_ledger *ledger, uint64_t number, uint32_t process,
                      sl_dur visibility);
/* The answer that gave it out at `given` has arrived. */
void sim_ledger_heard(struct sim_ledger *ledger, uint64_t number, uint32_t process, sl_time given);
/* The answer that gave it out did not arrive, or not fit for use. `is_visible`: SQS has noticed, and takes it back. */
void sim_ledger_unheard(struct sim_ledger *ledger, uint64_t number, uint32_t process,
                        bool is_visible);
/*
 * The newest receipt's holder asks for it to be hidden for longer, and gets that. The growing delay of a return can be the same
 * by chance: after a refusal, or before an extension is due, it may have been one.
 */
void sim_ledger_extended(struct sim_ledger *ledger, uint64_t number, sl_dur visibility);
/* Whether a change of its visibility is certainly a return: an extension asks for as much as its receipt, or a receive of the
 * process, did. */
bool sim_ledger_is_return(struct sim_ledger *ledger, uint64_t number, uint32_t process,
                          sl_dur asked);
/* `process` gives it back, with its newest receipt, and SQS does that. */
void sim_ledger_returned(struct sim_ledger *ledger, uint64_t number, uint32_t process,
                         sl_dur delay);
/* `process` asks for it to be returned, with whatever receipt. */
void sim_ledger_return_asked(struct sim_ledger *ledger, uint64_t number, uint32_t process,
                             sl_dur delay);
/* `process` asks for its delete. */
void sim_ledger_delete_asked(struct sim_ledger *ledger, uint64_t number, uint32_t process);
/* And is told that it was not done. */
void sim_ledger_delete_failed(struct sim_ledger *ledger, uint64_t number, uint32_t process);
/* SQS says that it is deleted. `kept`: but it is not. */
void sim_ledger_deleted(struct sim_ledger *ledger, uint64_t number, bool kept);
/* It is in the dead-letter queue. */
void sim_ledger_dead(struct sim_ledger *ledger, uint64_t number);

/* ---- the service ---- */

/* `process` has sent it off, at `began`. */
void sim_ledger_posted(struct sim_ledger *ledger, uint64_t number, uint32_t process, sl_time began);
/* The service has taken it. `is_late`: from a request whose client had given it up before. */
void sim_ledger_commit(struct sim_ledger *ledger, uint64_t number, uint32_t process, bool is_late);
/* The service has said something else than yes of it. */
void sim_ledger_refused(struct sim_ledger *ledger, uint64_t number);
/* The answer to a commit that was not late is known to its client: clean or not. */
void sim_ledger_answered(struct sim_ledger *ledger, uint64_t number, uint32_t process, bool clean);

/* ---- processes ---- */

struct sim_instance *sim_ledger_instance(struct sim_ledger *ledger, uint32_t process);
/* A request of this process to SQS went wrong; or one to the service, which costs no leases. */
void sim_ledger_trouble(struct sim_ledger *ledger, uint32_t process);
void sim_ledger_unrest(struct sim_ledger *ledger, uint32_t process);
/* Whether nothing went wrong for it in the last `span`. */
bool sim_ledger_was_at_peace(struct sim_ledger *ledger, uint32_t process, sl_dur span);
/* A process ended without an account for what it held: why those events come again. */
void sim_ledger_cut_short(struct sim_ledger *ledger, uint32_t process);
/* All processes stood still until this moment. */
void sim_ledger_frozen(struct sim_ledger *ledger);

/* ---- looking ---- */

/* NULL: there is none of that number, or it is forgotten. */
static inline struct sim_event *sim_ledger_event(const struct sim_ledger *ledger, uint64_t number)
{
    struct sim_page *page = number < ledger->count ? ledger->pages[number / SIM_PAGE] : NULL;

    return page ? &page->events[number % SIM_PAGE] : NULL;
}

/* Events that SQS took, that nobody committed, and that are in no dead-letter queue: lost, if SQS has none left. */
uint64_t sim_ledger_missing(const struct sim_ledger *ledger);
uint64_t sim_ledger_explained(const struct sim_ledger *ledger);
/* When the last event that was given back with a delay is visible again. */
sl_time sim_ledger_hidden_until(const struct sim_ledger *ledger);

#endif

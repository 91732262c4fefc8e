/*
 * ledger -- the book that a world keeps of its events, from outside: what SQS took, gave out and deleted, what the service
 * took. From it follow, at the end, Jepsen's sets (lost, unexpected, duplicated, explained) and whether anything was deleted
 * too early or out of order.
 *
 * A *commit* is the service taking an event; it is *clean* when its client got a whole answer that says so. An event that is
 * committed again is a duplicate, and each duplicate must have its cause: the commit before it was not clean, its process
 * crashed or was cut short, or SQS brought the event again through no fault of sluice.
 */
#ifndef SIM_WORLD_LEDGER_H
#define SIM_WORLD_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/time.h>

#include "core/slice.h"
#include "core/strbuf.h"

/* Why an event may come twice. */
enum sim_cause {
    CAUSE_NOT_CLEAN = 1, /* a commit whose answer did not arrive whole, or was no success */
    CAUSE_CRASH = 2,     /* a process that held it was killed, or cut short */
    CAUSE_TWICE = 4,     /* SQS gave it out again while it was held */
    CAUSE_UNDELETED = 8, /* SQS confirmed its delete, and kept it */
    CAUSE_LEASE = 16,    /* a lease ran out under faults: frozen, or SQS did not answer in time */
};

struct sim_event {
    sl_time sent_at;
    sl_time first_commit; /* SL_NEVER: none */
    uint32_t commits, clean;
    uint32_t last_process; /* that committed it */
    uint8_t causes;        /* of duplicates, since the last commit */
    bool is_confirmed;     /* some commit was clean: deleting it is right */
    bool is_deleted, is_dead, is_poison;
    bool is_outstanding; /* its last commit has no answer yet, and its client still waits for one */
    bool was_last_clean;
};

struct sim_ledger {
    struct sim_event *events; /* by number */
    uint64_t count, max;
    unsigned groups;               /* FIFO: 0 for a standard queue */
    uint64_t poison, dead_healthy; /* events that the service refuses; dead ones that it does not */
    /* findings */
    uint64_t commits, duplicates, explained, unexplained, unexpected, early_deletes, disorders;
    char finding[200]; /* the first that is wrong; "" */
};

void sim_ledger_init(struct sim_ledger *ledger, unsigned groups);
void sim_ledger_deinit(struct sim_ledger *ledger);

/* SQS has taken the event `number`, which follows the last. */
void sim_ledger_sent(struct sim_ledger *ledger, uint64_t number, bool is_poison);
/* The service has taken it. `is_late`: from a request whose client had given it up before. */
void sim_ledger_commit(struct sim_ledger *ledger, uint64_t number, uint32_t process, bool is_late);
/* The answer to a commit is known to its client: clean or not. */
void sim_ledger_answered(struct sim_ledger *ledger, uint64_t number, bool clean);
/* A delete of it has reached SQS. `done`: and took effect. */
void sim_ledger_deleted(struct sim_ledger *ledger, uint64_t number, bool done);
void sim_ledger_dead(struct sim_ledger *ledger, uint64_t number);
/* Something that may bring it again. */
void sim_ledger_cause(struct sim_ledger *ledger, uint64_t number, enum sim_cause cause);

/* Events that SQS took, that nobody committed, and that are in no dead-letter queue: lost, if SQS has none left. */
uint64_t sim_ledger_missing(const struct sim_ledger *ledger);

/* The body of an event: {"event":NUMBER,"pad":"xxx…"}, `size` bytes or what it needs. */
void sim_event_body(uint64_t number, size_t size, struct strbuf *out);
/* false: it is none. */
bool sim_event_number(struct slice body, uint64_t *number);

#endif

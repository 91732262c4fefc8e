/*
 * account -- the account at the end, for people and for programs.
 *
 * Both say how it ended and what became of every event. The first line is the truth about the
 * shutdown; the line with the sums is the pipeline's invariant, spelled out.
 */
#ifndef CLI_ACCOUNT_H
#define CLI_ACCOUNT_H

#include <sluice/time.h>

#include "core/account.h"
#include "core/strbuf.h"

enum account_outcome { ACCOUNT_DRAINED, ACCOUNT_DEADLINE, ACCOUNT_STOPPED };

/* What the demonstration knows besides: it sees both ends of the way, over all runs since its queue was last empty. */
struct account_ends {
    uint64_t sent;      /* events that the queue has accepted */
    uint64_t delivered; /* different ones that the service has accepted */
    uint64_t again;     /* how often it accepted one that it had accepted before */
    uint64_t left;      /* in the queue */
    uint64_t not_sent;  /* refused by the queue, or given up: of this run */
    unsigned runs;      /* 0: not known */
};

/* How many are still to be delivered. */
uint64_t account_ends_undelivered(const struct account_ends *ends);
/* How many are neither delivered nor in the queue: always 0. */
uint64_t account_ends_lost(const struct account_ends *ends);

/* Everything that is printed; strings are borrowed. */
struct account_report {
    const struct account *account;
    enum account_outcome outcome;
    sl_dur drain_took;
    sl_dur took;       /* the whole run */
    sl_dur visibility; /* what was abandoned comes back within this; 0: it does not */
    bool takes_back;   /* the source is a queue: what is returned or lost comes again */
    const char *from;  /* "orders (eu-central-1)" */
    const char *to;    /* "https://perseus.example/batch" */
    double cpu_seconds;
    uint64_t memory_bytes;           /* the most that was resident */
    const struct account_ends *ends; /* NULL: nobody knows */
};

/* Fills in cpu_seconds and memory_bytes of this process (getrusage). */
void account_measure(struct account_report *report);

/* Appends the lines for people, each with its newline. */
void account_print(const struct account_report *report, struct strbuf *out);

/* Appends one JSON object and a newline. */
void account_print_json(const struct account_report *report, struct strbuf *out);

#endif

/*
 * queue_flags -- what `sluice queue` is told in more than a word: queues to create, faults, keys. Pure but for reading the
 * file of keys.
 *
 *     --queue NAME[,fifo][,visibility=30s][,delay=0s][,dlq=NAME:5]
 *     --fault latency=50ms..200ms | 500=1% | throttle=5% | drop-delete=1% | duplicate=1% | cut=0.5%
 *     --keys FILE, whose lines are "ACCESS_KEY SECRET", or begin with #
 *
 * Each reader gives 0, or PROBLEM with exit status 64 or 78 and what to write instead.
 */
#ifndef CLI_QUEUE_FLAGS_H
#define CLI_QUEUE_FLAGS_H

#include "core/problem.h"
#include "queue/server.h"

/* Queues in an order in which they can be created: dead-letter queues come first. */
struct queue_list {
    struct queue_plan *items;
    size_t count, max;
    char **texts; /* what the names point into */
    size_t text_count;
};

/*
 * Reads every --queue (`texts` ends with NULL; NULL: none). A dead-letter queue that no --queue describes is in the list
 * as well, with the defaults. Refused: a name that is none, two of one name, a dead-letter queue of the other type, queues
 * that are each other's.
 */
int queue_list_read(struct queue_list *out, const char *const *texts, struct problem *problem);
void queue_list_deinit(struct queue_list *list);

/* Reads every --fault into `out`, which is zero at first. */
int faults_read(struct queue_faults *out, const char *const *texts, struct problem *problem);
/* Whether any of them can happen. */
bool faults_any(const struct queue_faults *faults);

struct key_list {
    struct queue_key *items;
    size_t count;
    char *text; /* what the keys point into; overwritten before it is freed */
    size_t text_n;
};

/*
 * Reads the file. Refused, without repeating what is in it: a file that anybody but its owner may use, a line that is no
 * pair, an access key that comes twice, a file without keys.
 */
int key_list_read(struct key_list *out, const char *path, struct problem *problem);
void key_list_deinit(struct key_list *list);

#endif

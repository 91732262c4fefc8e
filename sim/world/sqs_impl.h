/* sqs_impl -- what the files of a world's SQS share: sqs.c carries requests out, sqs_see.c looks at them. */
#ifndef SIM_WORLD_SQS_IMPL_H
#define SIM_WORLD_SQS_IMPL_H

#include "queue/service.h"
#include "sim/world/sqs.h"

/* What one receipt handle stood for. */
struct given {
    uint64_t hash; /* of the handle; 0: free */
    uint64_t number;
    uint32_t receipt; /* the event's first, second ... */
};

struct given_table {
    struct given *slots;
    size_t count, max; /* max: a power of 2, or 0 */
};

struct sim_sqs {
    struct queue_service *service;
    struct sl_ctx *ctx;
    struct sim_net *net;
    struct sim_faults *faults;
    struct sim_ledger *ledger;
    struct sim_random random;
    struct sim_sqs_options options;
    char dead_letter[96];
    /* Most is asked of what was given lately: the small table is for that. */
    struct given_table recent, given;
    unsigned key; /* of the access keys, the valid one */
    char access_key[32];
    struct sim_sqs_bill bill;
    uint64_t dead; /* collected */
    struct strbuf scratch, sending;
};

enum request_kind { RECEIVE, DELETE, CHANGE, OTHER };

struct request {
    struct sim_sqs *sqs;
    struct sim_exchange *exchange;
    struct queue_call *call;
    enum request_kind kind;
    uint32_t process;
    bool drops_deletes, is_gone_unseen;
    bool is_fit;          /* what was answered is what SQS says, and a success */
    uint64_t numbers[10]; /* what a receive gave out, or a delete could not do */
    size_t count;
    sl_time given; /* when a receive gave them out */
    struct strbuf
        body; /* of a receive: it may be at the service when its client has left, and taken its bytes along */
};

/* What is asked for, whatever becomes of it. */
void sqs_see_asked(const struct request *r);
/* What was done, as the service's own answer says. */
void sqs_see_received(struct request *r, struct slice answer);
void sqs_see_deleted(struct request *r, struct slice answer);
void sqs_see_changed(const struct request *r, struct slice answer);

/* The next receipt handle from *at on, which moves behind it. */
bool sqs_next_handle(struct slice text, size_t *at, struct slice *out);
/* The number at the beginning of an event, as it stands escaped in an answer: {\"event\":123,… */
bool sqs_escaped_number(struct slice text, size_t at, uint64_t *number);
/* Where the answer to a batch lists the entries that failed; NULL: none did. */
const char *sqs_failed_entries(struct slice answer);

#endif

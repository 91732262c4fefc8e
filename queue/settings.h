/*
 * settings -- the attributes of a queue: read from what clients send, kept as numbers that the engine works with and as the
 * text that clients get back.
 *
 * Attributes are set by name (the QueueAttributeName enumeration of the service model); each is checked, and refused with
 * the code and words of SQS. Redrive policies are read here; whether the queue that they name exists is the engine's to say.
 * Policies are text that is kept and given back: none is evaluated.
 *
 * Life: settings_init → settings_set … → settings_deinit. Copies are deep (settings_copy).
 */
#ifndef QUEUE_SETTINGS_H
#define QUEUE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/strbuf.h"
#include "queue/error.h"
#include "queue/limits.h"

enum dedup_scope { DEDUP_QUEUE, DEDUP_GROUP };
enum throughput_limit { THROUGHPUT_QUEUE, THROUGHPUT_GROUP };
enum redrive_permission { REDRIVE_ALLOW_ALL, REDRIVE_DENY_ALL, REDRIVE_BY_QUEUE };

enum {
    REDRIVE_SOURCES_MAX = 10
}; /* ARNs in sourceQueueArns (developer guide, RedriveAllowPolicy) */

struct settings {
    bool is_fifo;
    bool dedups_by_content;
    enum dedup_scope dedup_scope;
    enum throughput_limit throughput;
    uint32_t visibility_s; /* default 30 */
    uint32_t delay_s;      /* 0 */
    uint32_t retention_s;  /* 345,600: 4 days */
    uint32_t wait_s;       /* 0 */
    uint32_t message_max;  /* bytes; 1,048,576 */
    bool
        is_sse_managed; /* SqsManagedSseEnabled; true, false with a KMS key. Kept, nothing is encrypted */
    bool is_sse_asked, is_kms_asked; /* set since init, copy or read: both at once are refused */
    /* text as it was given; NULL: not set */
    char *policy, *kms_key, *kms_reuse;
    char *redrive_policy, *redrive_allow_policy;
    /* read out of the two */
    char *dead_letter_arn; /* NULL: no redrive */
    uint32_t max_receives; /* 1-1,000 */
    enum redrive_permission redrive_permission;
    char *redrive_sources[REDRIVE_SOURCES_MAX]; /* with REDRIVE_BY_QUEUE */
    unsigned redrive_source_count;
};

/* The defaults of a new queue. */
void settings_init(struct settings *settings, bool is_fifo);
void settings_deinit(struct settings *settings);
/* false: no memory; `to` is then empty. */
bool settings_copy(struct settings *to, const struct settings *from);

/*
 * Sets one attribute. FifoQueue may be given at creation, and must be "true"; later it may only be said again of a FIFO
 * queue. Read-only attributes and unknown names are refused. An empty RedrivePolicy, Policy, KmsMasterKeyId or
 * RedriveAllowPolicy takes it away. A KMS key switches SqsManagedSseEnabled off, and that one the key. A policy is JSON of at
 * most 8,192 bytes and 20 statements (developer guide, "Limitations of custom policies").
 * QUEUE_OK, or what `refusal` says; the settings are as before then. Without memory QUEUE_INTERNAL_FAILURE.
 */
enum queue_error settings_set(struct settings *settings, const struct queue_limits *limits,
                              struct slice name, struct slice value, bool at_creation,
                              struct queue_refusal *refusal);

/* What must hold between several: FifoQueue and throughput with its scope, and so on. Asked after all were set. */
enum queue_error settings_check(const struct settings *settings, struct queue_refusal *refusal);

/* The name of an attribute that is given and differs, for QueueNameExists; NULL: a queue with `have` serves a creation that
 * asked for `asked`, in which only the attributes `given` (names, count) were named. */
const char *settings_differ(const struct settings *have, const struct settings *asked,
                            const struct slice *given, size_t given_count);

/* Calls `visit` for each attribute that a client gets to see with "All" and that is of the settings (not counts, times and
 * the ARN), with its value as text, until it returns false. */
void settings_visit(const struct settings *settings,
                    bool (*visit)(void *arg, const char *name, struct slice value), void *arg);

/* Whether `name` is an attribute that a client may ask for, the engine's own (counts, times, ARN) included, or "All". */
bool settings_name_is_known(struct slice name);

/* For stores: everything as text; false: no memory. */
bool settings_write(const struct settings *settings, struct strbuf *out);
/* And back. 0, -EINVAL: it is no such text, -ENOMEM; the settings are empty unless 0. */
int settings_read(struct settings *settings, struct slice text);

/*
 * AddPermission and RemovePermission edit the Policy attribute: a statement with `label` as its Sid. Principals are
 * arn:aws:iam::ACCOUNT:root, actions SQS:NAME. Nothing is evaluated.
 * Refused: no such label, a label that exists, empty lists, a label that is none.
 */
enum queue_error settings_permission_add(struct settings *settings, struct slice queue_arn,
                                         struct slice label, const struct slice *accounts,
                                         size_t account_count, const struct slice *actions,
                                         size_t action_count, struct queue_refusal *refusal);
enum queue_error settings_permission_remove(struct settings *settings, struct slice label,
                                            struct queue_refusal *refusal);

/* Whether a queue with these settings, as a dead-letter queue, takes messages from the queue `source_arn`. */
bool settings_allow_redrive(const struct settings *dead_letter, struct slice source_arn);

#endif

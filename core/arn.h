/*
 * arn -- AWS's names for things, and what a user gives as a queue: its URL, its ARN or its name.
 */
#ifndef CORE_ARN_H
#define CORE_ARN_H

#include <stdbool.h>

#include "core/slice.h"

/* arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE; the slices point into the text that was read. */
struct arn {
    struct slice partition, service, region, account, resource;
};

/* Reads an ARN. Region and account may be empty, the rest not. false: it is none. */
bool arn_read(struct slice text, struct arn *out);

enum queue_ref_kind { QUEUE_BY_URL, QUEUE_BY_ARN, QUEUE_BY_NAME };

/* A queue as the user named it. The slices point into the text that was read, or are empty where it
 * does not say. */
struct queue_ref {
    enum queue_ref_kind kind;
    struct slice url; /* of QUEUE_BY_URL: all of it */
    struct slice region, account, name;
    bool is_fifo; /* the name ends in .fifo */
};

enum queue_ref_result {
    QUEUE_REF_OK = 0,
    QUEUE_REF_BAD_URL,  /* uri_read() says why */
    QUEUE_REF_NO_PATH,  /* a URL that does not end in /ACCOUNT/NAME or /NAME */
    QUEUE_REF_BAD_ARN,  /* not arn:aws:sqs:REGION:ACCOUNT:NAME */
    QUEUE_REF_BAD_NAME, /* not 1-80 of A-Z a-z 0-9 - _, ".fifo" at the end allowed and counted */
};

/*
 * Reads a queue's URL, ARN or name: what holds "://" is a URL, what starts with "arn:" an ARN,
 * anything else a name. The region of a URL is read from AWS's own host names:
 * sqs.REGION.amazonaws.com (.cn), sqs-fips.REGION.…, REGION.queue.amazonaws.com,
 * queue.amazonaws.com (us-east-1), sqs.REGION.api.aws, ID.sqs.REGION.vpce.amazonaws.com; of other
 * hosts it is empty. A URL is not judged here: uri_judge() does that.
 */
enum queue_ref_result queue_ref_read(struct slice text, struct queue_ref *out);

/* Why, for people, to follow the text in quotes. "" for QUEUE_REF_OK. */
const char *queue_ref_problem(enum queue_ref_result result);

/* Whether `text` has the form of a region: letters, digits and hyphens with at least two of the
 * latter inside. It becomes part of a host name, so nothing else may pass. */
bool arn_region_is_valid(struct slice text);

#endif

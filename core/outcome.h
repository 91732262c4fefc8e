/*
 * outcome -- what a service's answer means for the events of a batch.
 *
 *     200 201 202 204, complete, no failures listed      ACCEPTED
 *     any 2xx, complete, a list of failed message ids    PARTIAL: those failed, the rest did not
 *     any 2xx with a list that can't be trusted          RETRY
 *     other 2xx without a list                           RETRY
 *     408 409 421 423 425 429, 5xx but 501 505 511       RETRY
 *     no answer; a success that came incomplete, or      RETRY
 *         before the whole request was sent
 *     413                                                SPLIT
 *     400 422                                            REFUSED
 *     3xx, other 4xx, 501 505 511                        PAUSE
 *
 * Anything that is not listed as success is failure. A success must be complete, and answer a
 * request that was sent in full: nobody accepts what it has not read. A failure is
 * judged by its status alone, if one is known (io/http knows none of an answer that was cut).
 *
 * The list of failures is Lambda's: {"batchItemFailures":[{"itemIdentifier":"<messageId>"}]}. The
 * two names match without regard to case. No body, no such key, null and [] mean that all are
 * accepted; an id that is listed twice counts once. A list can't be trusted, so that the whole
 * batch counts as failed, in these cases:
 *
 *   - It is not an array of objects that each have one itemIdentifier, a string, the id of an event
 *     in this batch.
 *   - The key comes twice, or there is one that is nearly it. Near is, after leaving out all but
 *     letters and digits and without regard to case, what differs from batchItemFailures in at most
 *     2 insertions, deletions or replacements, or holds "itemfailure". failedItems is another name.
 *   - The top level is an array with an object in it that has an itemIdentifier: a list without its
 *     name.
 *   - There is no list at the top of the body, but somewhere else in it is the key, or one that is
 *     nearly it, or a string that holds its name (without regard to case, _ and -): JSON in JSON.
 *   - The body is compressed, or has another content encoding: nobody asked for one.
 *   - The body calls itself JSON (its content type says so, or it begins with a brace or a
 *     bracket) and is not.
 */
#ifndef CORE_OUTCOME_H
#define CORE_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/time.h>

#include "core/slice.h"

enum outcome {
    OUTCOME_ACCEPTED, /* all of them: delete */
    OUTCOME_PARTIAL,  /* some failed; they go back to the queue, the rest are accepted */
    OUTCOME_RETRY,    /* the same bytes again, under the same key */
    OUTCOME_SPLIT,    /* too large: again in parts */
    OUTCOME_REFUSED,  /* an event in it is one that the service never takes */
    OUTCOME_PAUSE,    /* the service or the set-up is wrong: keep everything, and probe */
};

/* Batches hold no more events than OUTCOME_IDS_MAX. */
enum { OUTCOME_IDS_MAX = 10000, OUTCOME_REASON_SIZE = 200 };

struct outcome_answer {
    bool is_complete; /* an answer came, whole */
    bool is_early;    /* before the whole request was sent */
    int status;       /* 0 = no status line came */
    bool is_encoded;  /* the body has a content encoding, and can't be read as it is */
    struct slice content_type;
    struct slice body;
};

struct outcome_batch {
    const struct slice *ids; /* the message ids, unescaped */
    size_t count;
    bool *failed; /* OUTCOME_PARTIAL: which of them; all false otherwise */
};

/* Judges an answer. `reason`, for people, says why it is not ACCEPTED: "503", "200, but its list of
 * failures names an event that is not in the batch"; empty when it is. */
enum outcome outcome_of(const struct outcome_answer *answer, const struct outcome_batch *batch,
                        char reason[OUTCOME_REASON_SIZE]);

/* What a status means by itself: the table above, with a complete answer without a list. */
enum outcome outcome_of_status(int status);

/* "accepted", "partial", … for logs. */
const char *outcome_name(enum outcome outcome);

/* The longest that a Retry-After is obeyed. */
#define OUTCOME_RETRY_AFTER_MAX SL_DUR_SEC(300)

/*
 * What Retry-After asks for, within [0, 5 min]: seconds, or an HTTP date from which `now_unix_s` is
 * taken. Of several headers the largest that can be read. Nothing readable: 0.
 */
sl_dur outcome_retry_after(const struct slice *values, size_t count, int64_t now_unix_s);

/* The wait before the next try: what was asked for, but not less than our own backoff, and not more
 * than 5 min unless our own backoff is. */
sl_dur outcome_wait(sl_dur own_backoff, sl_dur asked);

/*
 * suspect -- tells a batch that a service chokes on from a service that is down.
 *
 * A batch that fails again and again while others are accepted is suspect: an exception in a
 * handler is a 500. While nothing is accepted it is an outage, and the failures say nothing about
 * the batch. So a failure counts only if some other batch was accepted since the batch's last
 * failure, or since its first try; 5 make it suspect.
 */
enum { SUSPECT_FAILURES = 5 };

struct suspect {
    unsigned failures;
    uint64_t accepted; /* how many batches the service had accepted by the last failure */
};

/* Before the first try; `accepted` = batches that the service has accepted so far, of all tasks. */
void suspect_init(struct suspect *suspect, uint64_t accepted);
/* After a try that ended in OUTCOME_RETRY. `sent`: bytes may have reached the service; a failure
 * before that is not the batch's doing, and never counts. Returns whether the batch is suspect. */
bool suspect_failed(struct suspect *suspect, uint64_t accepted, bool sent);

#endif

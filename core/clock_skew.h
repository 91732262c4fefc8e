/*
 * clock_skew -- signing with a wrong clock: learn the difference from the answers' Date, the AWS
 * SDKs' rule of 2026.
 *
 * The difference is the server's date less the midpoint between sending and receiving. It counts
 * from 4 minutes on (the window of SQS is 15, that of others 5); below that the clock is taken as
 * right. An answer with an Age header (a cache's), without a Date of the years 2020 to 2199, or that
 * took more than 15 minutes tells nothing.
 *
 * All times are wall-clock milliseconds since 1970 as the local clock shows them, uncorrected.
 */
#ifndef CORE_CLOCK_SKEW_H
#define CORE_CLOCK_SKEW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"

enum { CLOCK_SKEW_MIN_MS = 4 * 60 * 1000 }; /* a difference up to this is none */

struct clock_skew {
    int64_t offset_ms; /* add this to the local clock when signing */
    bool is_corrected; /* the last answer that told anything showed a difference of more than 4
                          minutes */
    bool is_disabled;  /* AWS_DISABLE_CLOCK_SKEW_CORRECTION: learn nothing, add nothing */
};

struct clock_skew_answer {
    int64_t sent_ms, received_ms;
    struct slice date; /* the Date header; {NULL, 0} = none */
    bool has_age;      /* there was an Age header */
};

/* Learns from an answer, failed or not. Returns whether it told anything: whether a difference was
 * computed. */
bool clock_skew_learn(struct clock_skew *skew, const struct clock_skew_answer *answer);

/* The time to sign with. */
int64_t clock_skew_now(const struct clock_skew *skew, int64_t local_ms);

/*
 * Whether a call that failed with this error code is to be signed again and repeated, once: the
 * code is one that a wrong clock causes, and this very answer showed a difference from the offset
 * that the call was signed with (`signed_offset_ms`) of more than 4 minutes.
 */
bool clock_skew_explains(const struct clock_skew *skew, struct slice error_code,
                         int64_t signed_offset_ms);

#endif

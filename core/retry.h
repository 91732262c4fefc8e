/*
 * retry -- whether and when a call to AWS is tried again: the SDKs' standard mode, in its form of
 * 2026.
 *
 * All calls of a client draw from one quota of 500. A retry costs 14 after a transient error and 5
 * after a throttling one; a call that succeeds gives back what its last retry cost, or 1 if it
 * needed none. So while most calls succeed every failure is retried, and in an outage retries stop
 * and first tries go on.
 *
 * Delay before retry i (from 0): uniform in [0, min(base × 2^i, 20 s)], base 50 ms, or 1 s when
 * throttled. A peer's x-amz-retry-after raises it, by at most 5 s. The numbers are those of
 * botocore (retries/standard.py, quota.py).
 *
 * A long poll that finds the quota empty must not turn into a busy loop: it waits its delay all the
 * same, then fails.
 */
#ifndef CORE_RETRY_H
#define CORE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/time.h>

#include "core/slice.h"

enum {
    RETRY_QUOTA_MAX = 500,
    RETRY_COST_TRANSIENT = 14,
    RETRY_COST_THROTTLE = 5,
    RETRY_ATTEMPTS_MAX = 3
};

enum retry_class {
    RETRY_NEVER,     /* the same call would fail again */
    RETRY_TRANSIENT, /* no answer, or the peer's own failure */
    RETRY_THROTTLE,  /* too many calls */
};

/* Shared by all calls of one client. */
struct retry_quota {
    uint32_t available;
};

/* One call, over all its attempts. Zero-initialised before the first. */
struct retry {
    unsigned attempts;     /* that failed so far */
    uint32_t cost;         /* of the last retry */
    unsigned attempts_max; /* 0 = RETRY_ATTEMPTS_MAX */
};

/* One failed attempt. */
struct retry_failure {
    enum retry_class class;
    bool is_long_poll;        /* ReceiveMessage */
    struct slice retry_after; /* the value of x-amz-retry-after; {NULL, 0} = none */
    uint64_t random;
};

void retry_quota_init(struct retry_quota *quota);

/*
 * Tells of a failed attempt. Writes how long to wait now, in any case.
 *   true   wait *delay, then try again
 *   false  wait *delay, which is 0 except for a long poll that found the quota empty, then give up
 */
bool retry_failed(struct retry *call, struct retry_quota *quota,
                  const struct retry_failure *failure, sl_dur *delay);

/* Tells that the call succeeded. */
void retry_succeeded(struct retry *call, struct retry_quota *quota);

/* The class of an error by its code (without the part up to '#') and the HTTP status; 0 = no answer
 * came, which is transient. A throttling code outweighs the status. */
enum retry_class retry_class_of(struct slice code, int status);

#endif

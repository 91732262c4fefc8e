#include "core/retry.h"

#include <sluice/base.h>

#include "core/backoff.h"

/* botocore/retries/standard.py: TransientRetryableChecker, ThrottledRetryableChecker; and SQS's
 * KmsThrottled. PriorRequestNotComplete is in both of its lists; throttling costs less. */
static const char *const throttling_codes[] = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
    "KmsThrottled",
    NULL,
};

static const char *const transient_codes[] = {
    "RequestTimeout", "RequestTimeoutException", "InternalFailure",
    "InternalError",  "ServiceUnavailable",      NULL,
};

static const sl_dur cap = SL_DUR_SEC(20);
static const sl_dur base_transient = SL_DUR_MS(50);
static const sl_dur base_throttle = SL_DUR_SEC(1);
static const sl_dur retry_after_extra = SL_DUR_SEC(5);

void retry_quota_init(struct retry_quota *quota)
{
    quota->available = RETRY_QUOTA_MAX;
}

/* Milliseconds, nothing else; a number too large to hold is as good as any above the clamp. */
static bool read_milliseconds(struct slice text, sl_dur *out)
{
    int64_t value = 0;

    if (text.n == 0)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value = sl_saturate_add_(sl_saturate_mul_(value, 10), text.p[i] - '0');
    }
    *out = sl_ms(value);
    return true;
}

static sl_dur delay_of(const struct retry *call, const struct retry_failure *failure)
{
    sl_dur base = failure->class == RETRY_THROTTLE ? base_throttle : base_transient;
    sl_dur delay = backoff_full(base, cap, call->attempts - 1, failure->random);
    sl_dur asked;

    if (read_milliseconds(failure->retry_after, &asked))
        delay = sl_dur_max(delay, sl_dur_min(asked, sl_dur_add(delay, retry_after_extra)));
    return delay;
}

bool retry_failed(struct retry *call, struct retry_quota *quota,
                  const struct retry_failure *failure, sl_dur *delay)
{
    uint32_t cost = failure->class == RETRY_THROTTLE ? RETRY_COST_THROTTLE : RETRY_COST_TRANSIENT;

    sl_assert(quota->available <= RETRY_QUOTA_MAX);
    *delay = SL_ZERO;
    call->attempts++;
    if (failure->class == RETRY_NEVER ||
        call->attempts >= (call->attempts_max ? call->attempts_max : RETRY_ATTEMPTS_MAX))
        return false;
    if (quota->available < cost) {
        if (failure->is_long_poll)
            *delay = delay_of(call, failure);
        return false;
    }
    quota->available -= cost;
    call->cost = cost;
    *delay = delay_of(call, failure);
    return true;
}

void retry_succeeded(struct retry *call, struct retry_quota *quota)
{
    uint32_t back = call->cost > 0 ? call->cost : 1;

    quota->available =
        quota->available + back < RETRY_QUOTA_MAX ? quota->available + back : RETRY_QUOTA_MAX;
    sl_assert(quota->available <= RETRY_QUOTA_MAX);
}

static bool is_in(struct slice code, const char *const *codes)
{
    for (; *codes != NULL; codes++) {
        if (slice_is(code, *codes))
            return true;
    }
    return false;
}

enum retry_class retry_class_of(struct slice code, int status)
{
    if (is_in(code, throttling_codes))
        return RETRY_THROTTLE;
    if (is_in(code, transient_codes))
        return RETRY_TRANSIENT;
    switch (status) {
    case 0:
    case 500:
    case 502:
    case 503:
    case 504:
        return RETRY_TRANSIENT;
    case 429:
        return RETRY_THROTTLE;
    default:
        return RETRY_NEVER;
    }
}

/* The SDKs' standard mode of 2026: costs, delays, the quota's end, long polls, error classes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/retry.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct retry_failure transient = {.class = RETRY_TRANSIENT, .random = UINT64_MAX};
static const struct retry_failure throttle = {.class = RETRY_THROTTLE, .random = UINT64_MAX};
static const struct retry_failure never = {.class = RETRY_NEVER, .random = UINT64_MAX};

static void three_attempts_then_it_gives_up(void **state)
{
    static const struct {
        const struct retry_failure *failure;
        bool again;
        int64_t delay_ms;
        uint32_t left;
    } steps[] =
        {
            {&transient, true, 50, 486},
            {&transient, true, 100, 472},
            {&transient, false, 0, 472},
        },
      throttled[] = {
          {&throttle, true, 1000, 495},
          {&throttle, true, 2000, 490},
          {&throttle, false, 0, 490},
      };
    struct retry_quota quota;
    struct retry call = {0};
    sl_dur delay;

    (void)state;
    retry_quota_init(&quota);
    for (size_t i = 0; i < COUNT(steps); i++) {
        assert_true(retry_failed(&call, &quota, steps[i].failure, &delay) == steps[i].again);
        assert_int_equal(delay.ns, sl_ms(steps[i].delay_ms).ns);
        assert_int_equal(quota.available, steps[i].left);
    }
    retry_quota_init(&quota);
    call = (struct retry){0};
    for (size_t i = 0; i < COUNT(throttled); i++) {
        assert_true(retry_failed(&call, &quota, throttled[i].failure, &delay) ==
                    throttled[i].again);
        assert_int_equal(delay.ns, sl_ms(throttled[i].delay_ms).ns);
        assert_int_equal(quota.available, throttled[i].left);
    }
}

static void what_would_fail_again_is_not_retried(void **state)
{
    struct retry_quota quota;
    struct retry call = {0};
    sl_dur delay = sl_sec(7);

    (void)state;
    retry_quota_init(&quota);
    assert_false(retry_failed(&call, &quota, &never, &delay));
    assert_int_equal(delay.ns, 0);
    assert_int_equal(quota.available, RETRY_QUOTA_MAX);
}

static void success_gives_back_what_the_last_retry_cost(void **state)
{
    struct retry_quota quota = {.available = 100};
    struct retry call = {0};
    sl_dur delay;

    (void)state;
    retry_succeeded(&call, &quota);
    assert_int_equal(quota.available, 101);
    assert_true(retry_failed(&call, &quota, &transient, &delay));
    assert_true(retry_failed(&call, &quota, &throttle, &delay));
    assert_int_equal(quota.available, 82);
    retry_succeeded(&call, &quota);
    assert_int_equal(quota.available, 87);
    quota.available = 499;
    call = (struct retry){.cost = RETRY_COST_TRANSIENT};
    retry_succeeded(&call, &quota);
    assert_int_equal(quota.available, RETRY_QUOTA_MAX);
}

static void an_empty_quota_stops_retries_but_a_long_poll_still_waits(void **state)
{
    struct retry_failure poll = {
        .class = RETRY_TRANSIENT, .is_long_poll = true, .random = UINT64_MAX};
    struct retry_quota quota = {.available = 13};
    struct retry call = {0};
    sl_dur delay = sl_sec(7);

    (void)state;
    assert_false(retry_failed(&call, &quota, &transient, &delay));
    assert_int_equal(delay.ns, 0);
    assert_int_equal(quota.available, 13);
    call = (struct retry){0};
    assert_false(retry_failed(&call, &quota, &poll, &delay));
    assert_int_equal(delay.ns, sl_ms(50).ns);
    assert_int_equal(quota.available, 13);
    /* 13 is enough for a throttling error. */
    call = (struct retry){0};
    assert_true(retry_failed(&call, &quota, &throttle, &delay));
    assert_int_equal(quota.available, 8);
    /* The last attempt of a long poll gives up at once, as any other: its quota was not empty. */
    quota.available = 500;
    call = (struct retry){.attempts = 2};
    assert_false(retry_failed(&call, &quota, &poll, &delay));
    assert_int_equal(delay.ns, 0);
}

static void an_outage_costs_at_most_the_quota(void **state)
{
    struct retry_quota quota;
    unsigned retries = 0;

    (void)state;
    retry_quota_init(&quota);
    for (int i = 0; i < 1000; i++) {
        struct retry call = {0};
        sl_dur delay;

        while (retry_failed(&call, &quota, &transient, &delay))
            retries++;
    }
    assert_int_equal(retries, RETRY_QUOTA_MAX / RETRY_COST_TRANSIENT);
}

static void retry_after_raises_the_delay_by_five_seconds_at_most(void **state)
{
    static const struct {
        const char *header;
        uint64_t random;
        int64_t delay_ms;
    } cases[] = {
        {"0", UINT64_MAX, 50},      {"10", UINT64_MAX, 50},
        {"51", UINT64_MAX, 51},     {"1500", UINT64_MAX, 1500},
        {"5050", UINT64_MAX, 5050}, {"5051", UINT64_MAX, 5050},
        {"60000", 0, 5000},         {"99999999999999999999999999", 0, 5000},
        {"-1", UINT64_MAX, 50},     {"1.5", UINT64_MAX, 50},
        {"1e3", UINT64_MAX, 50},    {"Infinity", UINT64_MAX, 50},
        {" 1500", UINT64_MAX, 50},  {"", UINT64_MAX, 50},
        {NULL, UINT64_MAX, 50},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct retry_failure failure = {.class = RETRY_TRANSIENT,
                                        .retry_after = slice_of(cases[i].header),
                                        .random = cases[i].random};
        struct retry_quota quota = {.available = 500};
        struct retry call = {0};
        sl_dur delay;

        assert_true(retry_failed(&call, &quota, &failure, &delay));
        assert_int_equal(delay.ns, sl_ms(cases[i].delay_ms).ns);
    }
}

static void errors_have_a_class(void **state)
{
    static const struct {
        const char *code;
        int status;
        enum retry_class class;
    } cases[] = {
        {"", 0, RETRY_TRANSIENT},
        {"", 500, RETRY_TRANSIENT},
        {"", 502, RETRY_TRANSIENT},
        {"", 503, RETRY_TRANSIENT},
        {"", 504, RETRY_TRANSIENT},
        {"", 501, RETRY_NEVER},
        {"", 400, RETRY_NEVER},
        {"", 403, RETRY_NEVER},
        {"", 404, RETRY_NEVER},
        {"", 429, RETRY_THROTTLE},
        {"RequestThrottled", 403, RETRY_THROTTLE},
        {"ThrottlingException", 400, RETRY_THROTTLE},
        {"Throttling", 400, RETRY_THROTTLE},
        {"KmsThrottled", 400, RETRY_THROTTLE},
        {"SlowDown", 503, RETRY_THROTTLE},
        {"RequestTimeout", 408, RETRY_TRANSIENT},
        {"InternalFailure", 500, RETRY_TRANSIENT},
        {"ServiceUnavailable", 503, RETRY_TRANSIENT},
        {"QueueDoesNotExist", 400, RETRY_NEVER},
        {"AccessDenied", 403, RETRY_NEVER},
        {"OverLimit", 403, RETRY_NEVER},
        {"throttling", 400, RETRY_NEVER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(retry_class_of(slice_of(cases[i].code), cases[i].status), cases[i].class);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_attempts_then_it_gives_up),
        cmocka_unit_test(what_would_fail_again_is_not_retried),
        cmocka_unit_test(success_gives_back_what_the_last_retry_cost),
        cmocka_unit_test(an_empty_quota_stops_retries_but_a_long_poll_still_waits),
        cmocka_unit_test(an_outage_costs_at_most_the_quota),
        cmocka_unit_test(retry_after_raises_the_delay_by_five_seconds_at_most),
        cmocka_unit_test(errors_have_a_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

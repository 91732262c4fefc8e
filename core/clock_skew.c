#include "core/clock_skew.h"

#include "core/civil_time.h"

static const int64_t round_trip_max_ms = 15 * 60 * 1000;
/* 2020 to 2199: a server's date outside is nonsense, while a local clock may well start in 1970. */
static const int64_t server_min_s = 1577836800;
static const int64_t server_max_s = 7258118399;

/* Those of the SDKs that a wrong clock may be behind. */
static const char *const codes[] = {
    "RequestExpired",        "RequestInTheFuture",
    "RequestTimeTooSkewed",  "InvalidSignatureException",
    "SignatureDoesNotMatch", "AuthFailure",
    "AccessDeniedException",
};

static bool is_significant(int64_t difference_ms)
{
    return difference_ms > CLOCK_SKEW_MIN_MS || difference_ms < -CLOCK_SKEW_MIN_MS;
}

bool clock_skew_learn(struct clock_skew *skew, const struct clock_skew_answer *answer)
{
    int64_t round_trip, server_s, difference;

    /* Also keeps the arithmetic below from overflowing, whatever the local clock shows. */
    if (skew->is_disabled || answer->has_age || answer->sent_ms < 0 ||
        answer->received_ms < answer->sent_ms)
        return false;
    round_trip = answer->received_ms - answer->sent_ms;
    if (round_trip > round_trip_max_ms ||
        !civil_time_read_http(answer->date, answer->received_ms / 1000, &server_s) ||
        server_s < server_min_s || server_s > server_max_s)
        return false;
    difference = server_s * 1000 - (answer->sent_ms + round_trip / 2);
    skew->is_corrected = is_significant(difference);
    skew->offset_ms = skew->is_corrected ? difference : 0;
    return true;
}

int64_t clock_skew_now(const struct clock_skew *skew, int64_t local_ms)
{
    int64_t now;

    if (skew->is_disabled)
        return local_ms;
    if (__builtin_add_overflow(local_ms, skew->offset_ms, &now))
        return local_ms;
    return now;
}

bool clock_skew_explains(const struct clock_skew *skew, struct slice error_code,
                         int64_t signed_offset_ms)
{
    bool is_in_set = false;
    int64_t difference;

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        is_in_set = is_in_set || slice_is(error_code, codes[i]);
    if (!is_in_set || skew->is_disabled)
        return false;
    return __builtin_sub_overflow(skew->offset_ms, signed_offset_ms, &difference) ||
           is_significant(difference);
}

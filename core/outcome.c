#include "core/outcome.h"

#include <stdio.h>

#include <sluice/base.h>

#include "core/civil_time.h"
#include "core/outcome_failures.h"

static const sl_dur retry_after_max = OUTCOME_RETRY_AFTER_MAX;

/* Statuses that the classes below don't decide. */
static const struct {
    int status;
    enum outcome outcome;
} statuses[] = {
    {200, OUTCOME_ACCEPTED}, {201, OUTCOME_ACCEPTED}, {202, OUTCOME_ACCEPTED},
    {204, OUTCOME_ACCEPTED}, {400, OUTCOME_REFUSED},  {408, OUTCOME_RETRY},
    {409, OUTCOME_RETRY},    {413, OUTCOME_SPLIT},    {421, OUTCOME_RETRY},
    {422, OUTCOME_REFUSED},  {423, OUTCOME_RETRY},    {425, OUTCOME_RETRY},
    {429, OUTCOME_RETRY},    {501, OUTCOME_PAUSE},    {505, OUTCOME_PAUSE},
    {511, OUTCOME_PAUSE},
};

enum outcome outcome_of_status(int status)
{
    if (PLANTED(19) && status == 207)
        return OUTCOME_ACCEPTED;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == status)
            return statuses[i].outcome;
    }
    return status >= 300 && status <= 499 ? OUTCOME_PAUSE : OUTCOME_RETRY;
}

static enum outcome judge_success(const struct outcome_answer *answer,
                                  const struct outcome_batch *batch,
                                  char reason[OUTCOME_REASON_SIZE])
{
    const char *problem = NULL;

    if (answer->is_encoded && answer->body.n > 0) {
        snprintf(reason, OUTCOME_REASON_SIZE, "%d, but its body is compressed", answer->status);
        return OUTCOME_RETRY;
    }
    switch (outcome_failures_read(answer->content_type, answer->body, batch, &problem)) {
    case FAILURES_UNLISTED:
        if (outcome_of_status(answer->status) == OUTCOME_ACCEPTED)
            return OUTCOME_ACCEPTED;
        snprintf(reason, OUTCOME_REASON_SIZE, "%d without a list of failures", answer->status);
        return OUTCOME_RETRY;
    case FAILURES_NONE:
        return OUTCOME_ACCEPTED;
    case FAILURES_SOME:
        snprintf(reason, OUTCOME_REASON_SIZE, "%d with a list of failures", answer->status);
        return OUTCOME_PARTIAL;
    case FAILURES_UNREADABLE:
        break;
    }
    snprintf(reason, OUTCOME_REASON_SIZE, "%d, but %s", answer->status, problem);
    return OUTCOME_RETRY;
}

enum outcome outcome_of(const struct outcome_answer *answer, const struct outcome_batch *batch,
                        char reason[OUTCOME_REASON_SIZE])
{
    sl_assert(batch->count <= OUTCOME_IDS_MAX);
    for (size_t i = 0; i < batch->count; i++)
        batch->failed[i] = false;
    reason[0] = '\0';
    if (answer->status == 0) {
        snprintf(reason, OUTCOME_REASON_SIZE, "no answer");
        return OUTCOME_RETRY;
    }
    if (answer->status < 200 || answer->status > 299) {
        snprintf(reason, OUTCOME_REASON_SIZE, "%d", answer->status);
        return outcome_of_status(answer->status);
    }
    if (!answer->is_complete) {
        snprintf(reason, OUTCOME_REASON_SIZE, "%d, but the answer was cut off", answer->status);
        return OUTCOME_RETRY;
    }
    if (answer->is_early) {
        snprintf(reason, OUTCOME_REASON_SIZE, "%d, but answered before the request was sent",
                 answer->status);
        return OUTCOME_RETRY;
    }
    return judge_success(answer, batch, reason);
}

const char *outcome_name(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_ACCEPTED:
        return "accepted";
    case OUTCOME_PARTIAL:
        return "partial";
    case OUTCOME_RETRY:
        return "retry";
    case OUTCOME_SPLIT:
        return "split";
    case OUTCOME_REFUSED:
        return "refused";
    case OUTCOME_PAUSE:
        return "pause";
    }
    return "unknown";
}

/* ---- Retry-After ---- */

static bool read_seconds(struct slice text, sl_dur *out)
{
    int64_t value = 0;

    if (text.n == 0)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value = sl_saturate_add_(sl_saturate_mul_(value, 10), text.p[i] - '0');
    }
    *out = sl_sec(value);
    return true;
}

static struct slice trimmed(struct slice text)
{
    while (text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t'))
        text = (struct slice){text.p + 1, text.n - 1};
    while (text.n > 0 && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t'))
        text.n--;
    return text;
}

/* 0 for what can't be read, and for dates that have passed. */
static sl_dur read_retry_after(struct slice value, int64_t now_unix_s)
{
    int64_t unix_s, seconds;
    sl_dur asked;

    value = trimmed(value);
    if (read_seconds(value, &asked))
        return asked;
    if (!civil_time_read_http(value, now_unix_s, &unix_s) ||
        __builtin_sub_overflow(unix_s, now_unix_s, &seconds) || seconds < 0)
        return SL_ZERO;
    return sl_sec(seconds);
}

sl_dur outcome_retry_after(const struct slice *values, size_t count, int64_t now_unix_s)
{
    sl_dur asked = SL_ZERO;

    for (size_t i = 0; i < count; i++)
        asked = sl_dur_max(asked, read_retry_after(values[i], now_unix_s));
    return sl_dur_min(asked, retry_after_max);
}

sl_dur outcome_wait(sl_dur own_backoff, sl_dur asked)
{
    sl_dur wait = sl_dur_max(own_backoff, sl_dur_min(asked, retry_after_max));

    return sl_dur_max(wait, SL_ZERO);
}

/* ---- suspects ---- */

void suspect_init(struct suspect *suspect, uint64_t accepted)
{
    *suspect = (struct suspect){.accepted = accepted};
}

bool suspect_failed(struct suspect *suspect, uint64_t accepted, bool sent)
{
    bool others_pass = accepted != suspect->accepted;

    suspect->accepted = accepted;
    if (sent && others_pass && suspect->failures < SUSPECT_FAILURES)
        suspect->failures++;
    return suspect->failures >= SUSPECT_FAILURES;
}

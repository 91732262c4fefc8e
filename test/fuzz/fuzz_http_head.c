/*
 * The head of an HTTP answer: its status, its lines, its length, and what Retry-After and Date in it say. What is read lies
 * within it; no wait is negative or longer than five minutes; a date survives being written.
 */
#include "core/civil_time.h"
#include "core/outcome.h"
#include "io/http_head.h"

#include "test/fuzz/fuzz.h"

enum { VALUES_MAX = 16 };

static const int64_t now_s = 1767225600; /* 2026-01-01 */
static const sl_dur longest = OUTCOME_RETRY_AFTER_MAX;

static void check_date(struct slice text)
{
    char written[CIVIL_TIME_HTTP_SIZE], iso[CIVIL_TIME_ISO_SIZE], amz[CIVIL_TIME_AMZ_SIZE];
    int64_t unix_s, again;

    if (civil_time_read_http(text, now_s, &unix_s)) {
        fuzz_check(unix_s >= 0 && unix_s <= CIVIL_TIME_MAX + 1);
        if (unix_s <= CIVIL_TIME_MAX) {
            civil_time_write_http(unix_s, written);
            fuzz_check(civil_time_read_http(slice_of(written), now_s, &again) && again == unix_s);
        }
    }
    if (civil_time_read_iso(text, &unix_s) && unix_s >= 0 && unix_s <= CIVIL_TIME_MAX) {
        civil_time_write_iso(unix_s, iso);
        fuzz_check(civil_time_read_iso(slice_of(iso), &again) && again == unix_s);
    }
    if (civil_time_read_amz(text, &unix_s) && unix_s >= 0 && unix_s <= CIVIL_TIME_MAX) {
        civil_time_write_amz(unix_s, amz);
        fuzz_check(civil_time_read_amz(slice_of(amz), &again) && again == unix_s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    struct slice head = fuzz_rest(&f), values[VALUES_MAX];
    struct http_head_line line;
    int64_t length = -3;
    const char *wrong = http_head_check(head, &length);
    int status = http_head_status(head);
    size_t at = 0, lines = 0, count = 0;
    sl_dur wait;

    fuzz_check(status == 0 || (status >= 100 && status <= 999));
    fuzz_check(wrong || length >= HTTP_LENGTH_CHUNKED);
    while (http_head_next(head, &at, &line)) {
        fuzz_check(++lines <= head.n + 1 && at <= head.n);
        fuzz_check(fuzz_within(line.name, head) && fuzz_within(line.value, head));
        fuzz_check(!http_is_token(line.name) || line.name.n > 0);
        (void)http_is_field_value(line.value);
        check_date(line.value);
        if (count < VALUES_MAX && slice_eq_nocase(line.name, SLICE("Retry-After")))
            values[count++] = line.value;
    }
    wait = outcome_retry_after(values, count, now_s);
    fuzz_check(wait.ns >= 0 && sl_dur_cmp(wait, longest) <= 0);
    wait = outcome_wait(sl_ms(200), wait);
    fuzz_check(wait.ns >= sl_ms(200).ns && sl_dur_cmp(wait, longest) <= 0);
    (void)outcome_of_status(status);
    fuzz_end(&f);
    return 0;
}

/*
 * What a service's answer means: a line with the status, one with the content type, one with the ids of the batch (blanks
 * between them), then the body. Whatever it is, PARTIAL names at least one event, and all else none.
 */
#include "core/json.h"
#include "core/outcome.h"

#include "test/fuzz/fuzz.h"

enum { IDS_MAX = 12 };

static size_t cut_ids(struct slice line, struct slice ids[IDS_MAX])
{
    struct fuzz f = {.rest = line};
    size_t count = 0;

    while (count < IDS_MAX && f.rest.n > 0) {
        struct slice id = fuzz_cut(&f, ' ');

        if (id.n > 0)
            ids[count++] = id;
    }
    return count;
}

/* Whether the list's name stands anywhere in the text, in capitals or not. Of \b and \u00ba its beginning may be a part. */
static bool holds_name(struct slice text)
{
    const struct slice name = SLICE("batchItemFailures");

    for (size_t i = 0; i + name.n <= text.n; i++) {
        size_t before = i < 5 ? i : 5;

        if (slice_eq_nocase((struct slice){text.p + i, name.n}, name) &&
            !memchr(text.p + i - before, '\\', before))
            return true;
    }
    return false;
}

/* Whether it is a key of the object that the body is. */
static bool has_name_at_top(struct slice body)
{
    struct json_value key;
    bool found = false;
    struct json j;

    json_init(&j, body);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return false;
    while (json_member(&j, &key)) {
        found = found || key.escaped || holds_name(key.text);
        json_skip(&j, NULL);
    }
    return found;
}

/* Success is never concluded from a body that is there, calls itself JSON, and is not; nor from one that holds the list's
 * name, but not at its top. */
static void check_accepted(const struct outcome_answer *answer, enum outcome outcome)
{
    if (outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_PARTIAL)
        fuzz_check(answer->is_complete && answer->status >= 200 && answer->status < 300);
    if (outcome == OUTCOME_PARTIAL)
        fuzz_check(json_is_valid(answer->body));
    if (outcome == OUTCOME_ACCEPTED && answer->body.n > 0 &&
        (answer->body.p[0] == '{' || answer->body.p[0] == '[')) {
        fuzz_check(json_is_valid(answer->body));
        fuzz_check(!holds_name(answer->body) || has_name_at_top(answer->body));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    struct outcome_answer answer = {.is_complete = true};
    struct slice ids[IDS_MAX];
    bool failed[IDS_MAX] = {false};
    char reason[OUTCOME_REASON_SIZE];
    struct outcome_batch batch = {.ids = ids, .failed = failed};
    size_t marked = 0;
    enum outcome outcome;

    answer.status = atoi(fuzz_word(&f));
    answer.content_type = fuzz_line(&f);
    batch.count = cut_ids(fuzz_line(&f), ids);
    answer.body = fuzz_rest(&f);
    if (batch.count > 0) {
        memset(reason, 0x5a, sizeof reason);
        outcome = outcome_of(&answer, &batch, reason);
        for (size_t i = 0; i < batch.count; i++)
            marked += failed[i];
        fuzz_check(memchr(reason, '\0', sizeof reason));
        fuzz_check((reason[0] == '\0') == (outcome == OUTCOME_ACCEPTED));
        fuzz_check((marked > 0) == (outcome == OUTCOME_PARTIAL));
        check_accepted(&answer, outcome);
    }
    fuzz_end(&f);
    return 0;
}

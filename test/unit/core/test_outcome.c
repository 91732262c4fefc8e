/* What answers mean: statuses, lists of failures, Retry-After, and batches under suspicion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/outcome.h"
#include "core/strbuf.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LONG         "0123456789012345678901234567890123456789012345678901234567890123456789"

static const char json[] = "application/json";
static const char html[] = "text/html";

/* The batch that the answers below are about. */
static const struct slice ids[] = {
    SLICE_INIT("a1"),
    SLICE_INIT("b2"),
    SLICE_INIT("c3"),
    SLICE_INIT("A1"),
};

/* A batch whose failures nobody looks at. */
static enum outcome judge_answer(struct outcome_answer answer, char reason[OUTCOME_REASON_SIZE])
{
    bool marks[COUNT(ids)];

    return outcome_of(&answer, &(struct outcome_batch){ids, COUNT(ids), marks}, reason);
}

static enum outcome judge(int status, const char *type, const char *body, bool complete,
                          unsigned *failed, char reason[OUTCOME_REASON_SIZE])
{
    bool marks[COUNT(ids)] = {true, true, true, true}; /* outcome_of clears them */
    enum outcome outcome = outcome_of(
        &(struct outcome_answer){.is_complete = complete,
                                 .status = status,
                                 .content_type = slice_of(type),
                                 .body = slice_of(body)},
        &(struct outcome_batch){.ids = ids, .count = COUNT(ids), .failed = marks}, reason);

    *failed = 0;
    for (unsigned i = 0; i < COUNT(ids); i++)
        *failed |= (unsigned)marks[i] << i;
    return outcome;
}

static void every_status_has_its_meaning(void **state)
{
    static const struct {
        int from, to;
        enum outcome outcome;
    } cases[] = {
        {0, 199, OUTCOME_RETRY},      {200, 202, OUTCOME_ACCEPTED}, {203, 203, OUTCOME_RETRY},
        {204, 204, OUTCOME_ACCEPTED}, {205, 299, OUTCOME_RETRY},    {300, 399, OUTCOME_PAUSE},
        {400, 400, OUTCOME_REFUSED},  {401, 407, OUTCOME_PAUSE},    {408, 409, OUTCOME_RETRY},
        {410, 412, OUTCOME_PAUSE},    {413, 413, OUTCOME_SPLIT},    {414, 420, OUTCOME_PAUSE},
        {421, 421, OUTCOME_RETRY},    {422, 422, OUTCOME_REFUSED},  {423, 423, OUTCOME_RETRY},
        {424, 424, OUTCOME_PAUSE},    {425, 425, OUTCOME_RETRY},    {426, 428, OUTCOME_PAUSE},
        {429, 429, OUTCOME_RETRY},    {430, 499, OUTCOME_PAUSE},    {500, 500, OUTCOME_RETRY},
        {501, 501, OUTCOME_PAUSE},    {502, 504, OUTCOME_RETRY},    {505, 505, OUTCOME_PAUSE},
        {506, 510, OUTCOME_RETRY},    {511, 511, OUTCOME_PAUSE},    {512, 999, OUTCOME_RETRY},
        {-1, -1, OUTCOME_RETRY},
    };
    char reason[OUTCOME_REASON_SIZE];
    unsigned failed;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int status = cases[i].from; status <= cases[i].to; status++) {
            bool is_success = cases[i].outcome == OUTCOME_ACCEPTED;

            assert_int_equal(outcome_of_status(status), cases[i].outcome);
            assert_int_equal(judge(status, html, "hello", true, &failed, reason), cases[i].outcome);
            assert_int_equal(failed, 0);
            assert_true((reason[0] == '\0') == is_success);
            /* Cut off, a success is none, and a failure is the same failure. */
            assert_int_equal(judge(status, html, "hel", false, &failed, reason),
                             is_success ? OUTCOME_RETRY : cases[i].outcome);
            assert_true(reason[0] != '\0');
            /* So it is before the request was sent. */
            assert_int_equal(judge_answer((struct outcome_answer){.is_complete = true,
                                                                  .is_early = true,
                                                                  .status = status},
                                          reason),
                             is_success ? OUTCOME_RETRY : cases[i].outcome);
            assert_true(reason[0] != '\0');
        }
    }
}

static void lists_of_failures(void **state)
{
    enum { A1 = 1, B2 = 2, C3 = 4, UPPER_A1 = 8 };
    static const struct {
        int status;
        const char *type, *body;
        enum outcome outcome;
        unsigned failed;
    } cases[] = {
        /* all accepted */
        {200, json, "", OUTCOME_ACCEPTED, 0},
        {200, json, " \r\n", OUTCOME_ACCEPTED, 0},
        {200, NULL, NULL, OUTCOME_ACCEPTED, 0},
        {200, json, "{}", OUTCOME_ACCEPTED, 0},
        {200, json, "null", OUTCOME_ACCEPTED, 0},
        {200, json, "true", OUTCOME_ACCEPTED, 0},
        {200, json, "\"ok\"", OUTCOME_ACCEPTED, 0},
        {200, json, "[]", OUTCOME_ACCEPTED, 0},
        {200, json, "[1,{\"x\":2},[]]", OUTCOME_ACCEPTED, 0},
        {200, json, "{\"foo\":\"bar\"}", OUTCOME_ACCEPTED, 0},
        {200, json, "{\"failedItems\":0,\"status\":\"ok\",\"batch\":{}}", OUTCOME_ACCEPTED, 0},
        {200, json, "{\"batchItemFailures\":[]}", OUTCOME_ACCEPTED, 0},
        {200, json, "{\"batchItemFailures\":null}", OUTCOME_ACCEPTED, 0},
        {202, "APPLICATION/JSON; charset=utf-8", " {\"batchItemFailures\" : [ ] } ",
         OUTCOME_ACCEPTED, 0},
        {200, html, "<html>batchItemFailures</html>", OUTCOME_ACCEPTED, 0},
        {200, "text/plain", "OK", OUTCOME_ACCEPTED, 0},
        {200, "text/plain", "[]", OUTCOME_ACCEPTED, 0},
        {200, json, "{\"message\":\"no batch item failures\"}", OUTCOME_ACCEPTED, 0},
        {200, json, "{\"a\":{\"batchFailures\":[\"batchItem\",\"Failures\"]}}", OUTCOME_ACCEPTED,
         0},
        {200, json, "{\"batchItemFailures\":[],\"a\":{\"batchItemFailures\":1}}", OUTCOME_ACCEPTED,
         0},
        {200, json, "{\"log\":\"batchItemFailures\",\"batchItemFailures\":[]}", OUTCOME_ACCEPTED,
         0},
        {204, json, "", OUTCOME_ACCEPTED, 0},

        /* some failed */
        {200, json, "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"}]}", OUTCOME_PARTIAL, A1},
        {200, json, "{\"batchItemFailures\":[{\"itemIdentifier\":\"A1\"}]}", OUTCOME_PARTIAL,
         UPPER_A1},
        {200, json,
         "{\"x\":[{}],\"batchItemFailures\":[{\"itemIdentifier\":\"c3\",\"reason\":{\"a\":[1]}},"
         "{\"code\":5,\"itemIdentifier\":\"b2\"}],\"y\":1}",
         OUTCOME_PARTIAL, B2 | C3},
        {200, json,
         "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"},{\"itemIdentifier\":\"a1\"}]}",
         OUTCOME_PARTIAL, A1},
        {200, json, "{\"BatchItemFailures\":[{\"ItemIdentifier\":\"b2\"}]}", OUTCOME_PARTIAL, B2},
        {200, json, "{\"BATCHITEMFAILURES\":[{\"ITEMIDENTIFIER\":\"b2\"}]}", OUTCOME_PARTIAL, B2},
        {200, json, "{\"\\u0062atchItemFailures\":[{\"itemI\\u0064entifier\":\"\\u00621\"}]}",
         OUTCOME_RETRY, 0}, /* "b1" */
        {200, json, "{\"\\u0062atchItemFailures\":[{\"itemI\\u0064entifier\":\"\\u00622\"}]}",
         OUTCOME_PARTIAL, B2},
        {200, html, "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"}]}", OUTCOME_PARTIAL, A1},
        {200, NULL, "\n{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"}]}", OUTCOME_PARTIAL, A1},
        {200, "application/problem+json", "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"}]}",
         OUTCOME_PARTIAL, A1},
        {207, json, "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"}]}", OUTCOME_PARTIAL, A1},
        {200, json,
         "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"},{\"itemIdentifier\":\"b2\"},"
         "{\"itemIdentifier\":\"c3\"},{\"itemIdentifier\":\"A1\"}]}",
         OUTCOME_PARTIAL, A1 | B2 | C3 | UPPER_A1},

        /* other 2xx: only with a list */
        {207, json, "{\"batchItemFailures\":[]}", OUTCOME_ACCEPTED, 0},
        {203, json, "{\"batchItemFailures\":[]}", OUTCOME_ACCEPTED, 0},
        {207, json, "{\"batchItemFailures\":null}", OUTCOME_RETRY, 0},
        {207, json, "{}", OUTCOME_RETRY, 0},
        {207, "application/xml", "<multistatus/>", OUTCOME_RETRY, 0},
        {206, json, "", OUTCOME_RETRY, 0},

        /* lists that can't be trusted */
        {200, json,
         "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"},{\"itemIdentifier\":\"\"}]}",
         OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[{\"itemIdentifier\":null}]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[{\"itemIdentifier\":1}]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[{\"itemIdentifier\":[\"a1\"]}]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[{\"itemIdentifier\":\"zz\"}]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1 \"}]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[{}]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[{\"itemId\":\"a1\"}]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[{\"item_identifier\":\"a1\"}]}", OUTCOME_RETRY, 0},
        {200, json,
         "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\",\"ItemIdentifier\":\"b2\"}]}",
         OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[\"a1\"]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[null]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[[{\"itemIdentifier\":\"a1\"}]]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":{\"itemIdentifier\":\"a1\"}}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":\"a1\"}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":false}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":0}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[],\"batchItemFailures\":[]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":null,\"BatchItemFailures\":[]}", OUTCOME_RETRY, 0},
        {200, json,
         "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"}],\"batchItemFailures\":[]}",
         OUTCOME_RETRY, 0},
        {200, json, "[{\"itemIdentifier\":\"a1\"}]", OUTCOME_RETRY, 0},

        {200, "text/plain", "[{\"itemIdentifier\":\"a1\"}]", OUTCOME_RETRY, 0},

        /* lists where none is looked for */
        {200, json, "[{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"}]}]", OUTCOME_RETRY, 0},
        {200, html, " [{\"batchItemFailures\":[]}]", OUTCOME_RETRY, 0},
        {200, json, "[[1,{\"x\":[{\"batch_item_failures\":[]}]}]]", OUTCOME_RETRY, 0},
        {200, json, "{\"data\":{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"}]}}",
         OUTCOME_RETRY, 0},
        {200, json, "{\"data\":[0,{\"BatchItemFailure\":[]}],\"x\":1}", OUTCOME_RETRY, 0},
        {200, json, "{\"data\":{\"\\u0062atchItemFailures\":null}}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":null,\"data\":{\"batchItemFailures\":[]}}",
         OUTCOME_RETRY, 0},
        {200, json,
         "{\"statusCode\":200,\"body\":\"{\\\"batchItemFailures\\\":[{\\\"itemIdentifier\\\":"
         "\\\"a1\\\"}]}\"}",
         OUTCOME_RETRY, 0},
        {200, json, "{\"body\":[\"xbb\\u0041tch_item-FAILURES\"]}", OUTCOME_RETRY, 0},
        {200, json, "\"{\\\"batchItemFailures\\\":[]}\"", OUTCOME_RETRY, 0},
        {200, json, "{\"data\":{\"" LONG "batchItemFailures" LONG "\":1}}", OUTCOME_RETRY, 0},
        {200, json, "{\"" LONG "batch_item_failures\":1}", OUTCOME_RETRY, 0},
        {200, json, "{\"" LONG "batch\":1}", OUTCOME_ACCEPTED, 0},
        {207, json, "{\"data\":{\"batchItemFailures\":[]}}", OUTCOME_RETRY, 0},

        /* keys that are nearly it */
        {200, json, "{\"batchItemFailure\":[]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batch_item_failures\":[]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batch-item-failures\":null}", OUTCOME_RETRY, 0},
        {200, json, "{\"Batch Item Failures\":1}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemsFailures\":[]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailuers\":[]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFialures\":[]}", OUTCOME_RETRY, 0},
        {200, json, "{\"itemFailures\":[]}", OUTCOME_RETRY, 0},
        {200, json, "{\"item_failures\":[]}", OUTCOME_RETRY, 0},
        {200, json, "{\"$batchItemFailures\":[]}", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"}],\"batchItemFailure\":1}",
         OUTCOME_RETRY, 0},
        {200, json, "{\"batchFailures\":[],\"failures\":[],\"errors\":[]}", OUTCOME_ACCEPTED, 0},

        /* bodies that call themselves JSON and are not */
        {200, json, "OK", OUTCOME_RETRY, 0},
        {200, json, "{", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"}]", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\"}]}x", OUTCOME_RETRY, 0},
        {200, json, "{\"batchItemFailures\":[],}", OUTCOME_RETRY, 0},
        {200, json, "{'batchItemFailures':[]}", OUTCOME_RETRY, 0},
        {200, json, "\xef\xbb\xbf{\"batchItemFailures\":[]}", OUTCOME_RETRY, 0},
        {200, html, "\xef\xbb\xbf{\"batchItemFailures\":[]}", OUTCOME_RETRY, 0},
        {200, "text/plain", "{oops", OUTCOME_RETRY, 0},
        {200, "text/plain", "[oops", OUTCOME_RETRY, 0},
        {200, "text/json", "<html>", OUTCOME_RETRY, 0},
        {200, "application/vnd.api+JSON ; a=b", "<html>", OUTCOME_RETRY, 0},
        {200, "application/jsonp", "<html>", OUTCOME_ACCEPTED, 0},
        {200, "json", "<html>", OUTCOME_ACCEPTED, 0},
    };
    char reason[OUTCOME_REASON_SIZE];
    unsigned failed;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum outcome outcome =
            judge(cases[i].status, cases[i].type, cases[i].body, true, &failed, reason);

        print_message("%s: %s %s\n", cases[i].body ? cases[i].body : "", outcome_name(outcome),
                      reason);
        assert_int_equal(outcome, cases[i].outcome);
        assert_int_equal(failed, cases[i].failed);
        assert_true((reason[0] == '\0') == (outcome == OUTCOME_ACCEPTED));
        /* A list counts for nothing in an answer that was cut off or is no success. */
        assert_int_equal(
            judge(cases[i].status, cases[i].type, cases[i].body, false, &failed, reason),
            OUTCOME_RETRY);
        assert_int_equal(failed, 0);
        assert_int_equal(judge(500, cases[i].type, cases[i].body, true, &failed, reason),
                         OUTCOME_RETRY);
        assert_int_equal(failed, 0);
    }
}

static void reasons_say_what_is_wrong(void **state)
{
    char reason[OUTCOME_REASON_SIZE];
    unsigned failed;

    (void)state;
    judge(503, html, "", true, &failed, reason);
    assert_string_equal(reason, "503");
    judge(0, html, "", false, &failed, reason);
    assert_string_equal(reason, "no answer");
    judge(200, html, "", false, &failed, reason);
    assert_string_equal(reason, "200, but the answer was cut off");
    judge_answer(
        (struct outcome_answer){
            .is_complete = true, .is_encoded = true, .status = 207, .body = SLICE("\x1f\x8b")},
        reason);
    assert_string_equal(reason, "207, but its body is compressed");
    judge(207, html, "", true, &failed, reason);
    assert_string_equal(reason, "207 without a list of failures");
    judge(200, json, "{\"batchItemFailures\":[{\"itemIdentifier\":\"x\"}]}", true, &failed, reason);
    assert_string_equal(reason,
                        "200, but its list of failures names an event that is not in the batch");
    judge(200, json, "{\"data\":{\"batchItemFailures\":[]}}", true, &failed, reason);
    assert_string_equal(reason, "200, but its batchItemFailures is not at the top of its body");
}

/* 10,000 events, every second of them listed, backwards, and twice. */
static void the_largest_list(void **state)
{
    enum { N = OUTCOME_IDS_MAX };
    struct slice *many = calloc(N, sizeof(*many));
    bool *failed = calloc(N, sizeof(*failed));
    char(*text)[40] = calloc(N, sizeof(*text));
    char reason[OUTCOME_REASON_SIZE];
    struct strbuf body = {0};

    (void)state;
    assert_true(many != NULL && failed != NULL && text != NULL);
    strbuf_adds(&body, "{\"batchItemFailures\":[");
    for (int i = 0; i < N; i++) {
        snprintf(text[i], sizeof(text[i]), "ec354010-c35d-4481-9030-%012d", i);
        many[i] = slice_of(text[i]);
    }
    for (int i = N - 1; i >= 0; i--)
        strbuf_addf(&body, "{\"itemIdentifier\":\"%s\"}%s", text[i / 2 * 2], i > 0 ? "," : "]}");
    assert_int_equal(outcome_of(&(struct outcome_answer){.is_complete = true,
                                                         .status = 200,
                                                         .content_type = slice_of(json),
                                                         .body = strbuf_slice(&body)},
                                &(struct outcome_batch){many, N, failed}, reason),
                     OUTCOME_PARTIAL);
    for (int i = 0; i < N; i++)
        assert_true(failed[i] == (i % 2 == 0));
    strbuf_deinit(&body);
    free(text);
    free(failed);
    free(many);
}

static void an_id_that_is_in_the_batch_twice_fails_twice(void **state)
{
    const struct slice twice[] = {SLICE("a"), SLICE("b"), SLICE("a")};
    char reason[OUTCOME_REASON_SIZE];
    bool failed[3];

    (void)state;
    assert_int_equal(outcome_of(
                         &(struct outcome_answer){
                             .is_complete = true,
                             .status = 200,
                             .body = SLICE("{\"batchItemFailures\":[{\"itemIdentifier\":\"a\"}]}")},
                         &(struct outcome_batch){twice, 3, failed}, reason),
                     OUTCOME_PARTIAL);
    assert_true(failed[0] && !failed[1] && failed[2]);
}

static void ids_of_any_length_are_read(void **state)
{
    char reason[OUTCOME_REASON_SIZE];
    struct strbuf body = {0};
    unsigned failed;

    (void)state;
    for (unsigned n = 0; n < 1200; n += 97) {
        strbuf_reset(&body);
        strbuf_adds(&body, "{\"batchItemFailures\":[{\"itemIdentifier\":\"\\u00");
        strbuf_adds(&body, "61"); /* a */
        for (unsigned i = 0; i < n; i++)
            strbuf_addc(&body, 'x');
        strbuf_adds(&body, n == 0 ? "1\"}]}" : "\"}]}");
        assert_int_equal(judge(200, json, body.p, true, &failed, reason),
                         n == 0 ? OUTCOME_PARTIAL : OUTCOME_RETRY);
        assert_int_equal(failed, n == 0);
    }
    strbuf_deinit(&body);
}

/* Whatever a peer sends: no crash, and never ACCEPTED with a mark or PARTIAL without. */
static void mutated_lists(void **state)
{
    static const char seed[] = "{\"batchItemFailures\":[{\"itemIdentifier\":\"a1\",\"x\":[1,2]},"
                               "{\"itemIdentifier\":\"\\u00622\"}],\"y\":null}";
    char reason[OUTCOME_REASON_SIZE];
    uint64_t x = 20261123;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        char body[sizeof(seed)];
        enum outcome outcome;
        unsigned failed;

        memcpy(body, seed, sizeof(seed));
        for (int k = 0; k < 1 + i % 3; k++) {
            x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            body[(x >> 33) % (sizeof(seed) - 1)] = "{}[]\",:\\u0abI x\x01\xff"[(x >> 20) % 18];
        }
        outcome = judge(200, json, body, true, &failed, reason);
        assert_true(outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_PARTIAL ||
                    outcome == OUTCOME_RETRY);
        assert_true((failed != 0) == (outcome == OUTCOME_PARTIAL));
    }
}

static void retry_after_is_clamped(void **state)
{
    /* 2026-11-23T07:31:04Z */
    static const int64_t now = 1795419064;
    static const struct {
        const char *values[2];
        int64_t seconds;
    } cases[] = {
        {{"120"}, 120},
        {{" 120\t"}, 120},
        {{"0"}, 0},
        {{"300"}, 300},
        {{"301"}, 300},
        {{"9223372037"}, 300},
        {{"1000000000"}, 300},
        {{"99999999999999999999999999999"}, 300},
        {{"-1"}, 0},
        {{"1e9"}, 0},
        {{"1.5"}, 0},
        {{"Infinity"}, 0},
        {{"NaN"}, 0},
        {{"5, 10"}, 0},
        {{"10s"}, 0},
        {{""}, 0},
        {{NULL}, 0},
        {{"Mon, 23 Nov 2026 07:32:04 GMT"}, 60},
        {{"Monday, 23-Nov-26 07:32:04 GMT"}, 60},
        {{"Mon Nov 23 07:32:04 2026"}, 60},
        {{"Mon, 23 Nov 2026 07:31:04 GMT"}, 0},
        {{"Mon, 23 Nov 2026 07:30:04 GMT"}, 0},
        {{"Mon, 23 Nov 2035 07:32:04 GMT"}, 300},
        {{"Fri, 31 Dec 9999 23:59:59 GMT"}, 300},
        {{"Mon, 99 Nov 2026 07:32:04 GMT"}, 0},
        {{"5", "10"}, 10},
        {{"10", "5"}, 10},
        {{"garbage", "5"}, 5},
        {{"5", "-1"}, 5},
        {{"5", "Mon, 23 Nov 2026 07:32:04 GMT"}, 60},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice values[] = {slice_of(cases[i].values[0]), slice_of(cases[i].values[1])};

        assert_int_equal(outcome_retry_after(values, 2, now).ns, sl_sec(cases[i].seconds).ns);
    }
    assert_int_equal(outcome_retry_after(NULL, 0, now).ns, 0);
    assert_int_equal(outcome_retry_after(&SLICE("Mon, 23 Nov 2026 07:32:04 GMT"), 1, INT64_MIN).ns,
                     0);
    assert_int_equal(outcome_retry_after(&SLICE("Mon, 23 Nov 2026 07:32:04 GMT"), 1, INT64_MAX).ns,
                     0);
}

static void waits_lie_between_our_own_backoff_and_five_minutes(void **state)
{
    static const struct {
        int64_t own_ms, asked_ms, wait_ms;
    } cases[] = {
        {100, 0, 100},
        {100, 50, 100},
        {100, 5000, 5000},
        {100, 300000, 300000},
        {100, 300001, 300000},
        {400000, 5000, 400000},
        {-5, 0, 0},
        {0, -5, 0},
        {0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(outcome_wait(sl_ms(cases[i].own_ms), sl_ms(cases[i].asked_ms)).ns,
                         sl_ms(cases[i].wait_ms).ns);
    assert_int_equal(outcome_wait(sl_ms(1), SL_FOREVER).ns, sl_minutes(5).ns);
}

static void five_failures_while_others_pass_are_suspect(void **state)
{
    static const struct {
        uint64_t accepted;
        bool sent, suspect;
    } steps[] = {
        {10, true, false}, /* nothing was accepted since its first try: an outage */
        {10, true, false},  {11, true, false}, /* 1 */
        {11, true, false},  {15, true, false}, /* 2 */
        {16, false, false},                    /* never sent: not its doing */
        {17, true, false},                     /* 3 */
        {18, true, false},                     /* 4 */
        {18, true, false},  {19, true, true},  /* 5 */
        {19, true, true},                      /* for good */
        {19, false, true},
    };
    struct suspect suspect;

    (void)state;
    suspect_init(&suspect, 10);
    for (size_t i = 0; i < COUNT(steps); i++)
        assert_true(suspect_failed(&suspect, steps[i].accepted, steps[i].sent) == steps[i].suspect);
}

static void every_outcome_has_a_name(void **state)
{
    (void)state;
    for (int i = OUTCOME_ACCEPTED; i <= OUTCOME_PAUSE; i++) {
        for (int j = OUTCOME_ACCEPTED; j < i; j++)
            assert_string_not_equal(outcome_name((enum outcome)i), outcome_name((enum outcome)j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_meaning),
        cmocka_unit_test(lists_of_failures),
        cmocka_unit_test(reasons_say_what_is_wrong),
        cmocka_unit_test(the_largest_list),
        cmocka_unit_test(an_id_that_is_in_the_batch_twice_fails_twice),
        cmocka_unit_test(ids_of_any_length_are_read),
        cmocka_unit_test(mutated_lists),
        cmocka_unit_test(retry_after_is_clamped),
        cmocka_unit_test(waits_lie_between_our_own_backoff_and_five_minutes),
        cmocka_unit_test(five_failures_while_others_pass_are_suspect),
        cmocka_unit_test(every_outcome_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

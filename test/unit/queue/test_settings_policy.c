/* Policies: what is one, how large it may be, how it is edited; and redrive policies of every wrong kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "queue/settings.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define ARN "arn:aws:sqs:us-east-1:000000000000:"

static enum queue_error set(struct settings *settings, const char *name, struct slice value,
                            bool at_creation, struct queue_refusal *refusal)
{
    const struct queue_limits limits = queue_limits_strict();

    refusal->text[0] = '\0';
    return settings_set(settings, &limits, slice_of(name), value, at_creation, refusal);
}

static void what_is_a_policy(void **state)
{
    static const struct {
        const char *text;
        bool is_one;
    } cases[] = {
        {"{\"Statement\":[{\"Effect\":\"Allow\"}]}", true},
        {"{\"Statement\":{\"Effect\":\"Allow\"}}", true},
        {"{\"Statement\":[{\"Sid\":7}]}", true},
        {"{\"Id\":\"x\",\"Statement\":[{\"Sid\":\"a\"},{\"Sid\":\"b\"}],\"Version\":\"v\"}", true},
        {"", true}, /* takes it away */
        {"{\"Statement\":[]}", false},
        {"{\"Statement\":[1]}", false},
        {"{\"Statement\":[{},\"x\"]}", false},
        {"{\"Statement\":\"x\"}", false},
        {"{\"Statement\":[{}}", false},
        {"{\"Statement\":[{\"Sid\"}]}", false},
        {"{}", false},
        {"[]", false},
        {"x", false},
        {"{\"Statement\":[{}]} x", false},
    };
    struct queue_refusal refusal;
    struct settings settings;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum queue_error error;

        settings_init(&settings, false);
        error = set(&settings, "Policy", slice_of(cases[i].text), true, &refusal);
        if (error != (cases[i].is_one ? QUEUE_OK : QUEUE_ATTRIBUTE_VALUE_INVALID))
            fail_msg("%s: %d %s", cases[i].text, error, refusal.text);
        assert_int_equal(settings.policy != NULL, cases[i].is_one && *cases[i].text);
        settings_deinit(&settings);
    }
}

/* A policy of so many statements. */
static void write_policy(struct strbuf *out, int count)
{
    strbuf_reset(out);
    strbuf_adds(out, "{\"Statement\":[");
    for (int i = 0; i < count; i++)
        strbuf_addf(out, "%s{\"Sid\":\"s%d\"}", i > 0 ? "," : "", i);
    strbuf_adds(out, "]}");
}

static void twenty_statements_at_most(void **state)
{
    struct queue_refusal refusal;
    struct settings settings;
    struct strbuf policy = {0};

    (void)state;
    settings_init(&settings, false);
    write_policy(&policy, 20);
    assert_int_equal(set(&settings, "Policy", strbuf_slice(&policy), true, &refusal), QUEUE_OK);
    write_policy(&policy, 21);
    assert_int_equal(set(&settings, "Policy", strbuf_slice(&policy), true, &refusal),
                     QUEUE_PARAMETER_INVALID);
    assert_string_equal(refusal.text,
                        "21 statements were found in the submitted policy, max allowed is 20");
    assert_int_equal(set(&settings, "Policy", strbuf_slice(&policy), false, &refusal),
                     QUEUE_OVER_LIMIT);
    write_policy(&policy, 20);
    assert_string_equal(settings.policy, policy.p);
    settings_deinit(&settings);
    strbuf_deinit(&policy);
}

static void eight_kibibytes_at_most(void **state)
{
    static const struct slice account = SLICE_INIT("111122223333"), action = SLICE_INIT("*");
    struct queue_refusal refusal;
    struct settings settings;
    struct strbuf policy = {0};

    (void)state;
    settings_init(&settings, false);
    for (int n = 8192; n <= 8193; n++) {
        strbuf_reset(&policy);
        strbuf_addf(&policy, "{\"Statement\":[{\"Sid\":\"%0*d\"}]}", n - 26, 0);
        assert_int_equal(policy.n, n);
        assert_int_equal(set(&settings, "Policy", strbuf_slice(&policy), true, &refusal),
                         n == 8192 ? QUEUE_OK : QUEUE_ATTRIBUTE_VALUE_INVALID);
    }
    /* With one statement more it would be longer. */
    assert_int_equal(settings_permission_add(&settings, SLICE(ARN "q"), SLICE("l"), &account, 1,
                                             &action, 1, &refusal),
                     QUEUE_OVER_LIMIT);
    assert_string_equal(refusal.text, "The policy would be longer than 8192 bytes.");
    assert_int_equal(strlen(settings.policy), 8192);
    settings_deinit(&settings);
    strbuf_deinit(&policy);
}

/* A label is looked for among the Sids that are text; who has none is not found. */
static void labels_are_looked_for(void **state)
{
    struct queue_refusal refusal;
    struct settings settings;

    (void)state;
    settings_init(&settings, false);
    assert_int_equal(settings_permission_remove(&settings, (struct slice){NULL, 0}, &refusal),
                     QUEUE_PARAMETER_INVALID);
    assert_int_equal(set(&settings, "Policy",
                         SLICE("{\"Statement\":[{\"Sid\":7},{\"Sid\":\"7\"},{\"Effect\":\"x\"}]}"),
                         true, &refusal),
                     QUEUE_OK);
    assert_int_equal(settings_permission_remove(&settings, SLICE("8"), &refusal),
                     QUEUE_PARAMETER_INVALID);
    assert_string_equal(refusal.text,
                        "Value 8 for parameter Label is invalid. Reason: can't find label.");
    assert_int_equal(settings_permission_remove(&settings, SLICE("7"), &refusal), QUEUE_OK);
    assert_string_equal(settings.policy, "{\"Statement\":[{\"Sid\":7},{\"Effect\":\"x\"}]}");
    settings_deinit(&settings);
}

/* ---- redrive ---- */

static void what_is_no_redrive_policy(void **state)
{
    static const char *const policies[] = {
        "{\"deadLetterTargetArn\":7,\"maxReceiveCount\":5}",
        "{\"deadLetterTargetArn\":null,\"maxReceiveCount\":5}",
        "{\"deadLetterTargetArn\":\"" ARN "d\",\"maxReceiveCount\":\"\"}",
        "{\"deadLetterTargetArn\":\"" ARN "d\",\"maxReceiveCount\":true}",
        "{\"deadLetterTargetArn\":\"" ARN "d\",\"maxReceiveCount\":10000}",
        "{\"deadLetterTargetArn\":\"" ARN "d\",\"maxReceiveCount\":1001}",
        "{\"deadLetterTargetArn\":\"" ARN "d\",\"maxReceiveCount\":0}",
        "{\"deadLetterTargetArn\":\"arn:aws:sqs::000000000000:d\",\"maxReceiveCount\":5}",
        "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1::d\",\"maxReceiveCount\":5}",
        "{\"deadLetterTargetArn\":\"arn:aws:sns:us-east-1:000000000000:d\",\"maxReceiveCount\":5}",
    };
    static const char *const allow[] = {
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[],\"sourceQueueArns\":[]}",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":\"" ARN "d\"}",
        "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[7]}",
        "{\"redrivePermission\":7}",
    };
    struct queue_refusal refusal;
    struct settings settings;

    (void)state;
    settings_init(&settings, false);
    for (size_t i = 0; i < COUNT(policies); i++)
        if (set(&settings, "RedrivePolicy", slice_of(policies[i]), true, &refusal) == QUEUE_OK)
            fail_msg("%s", policies[i]);
    for (size_t i = 0; i < COUNT(allow); i++)
        if (set(&settings, "RedriveAllowPolicy", slice_of(allow[i]), true, &refusal) == QUEUE_OK)
            fail_msg("%s", allow[i]);
    assert_null(settings.redrive_policy);
    assert_null(settings.redrive_allow_policy);
    settings_deinit(&settings);
}

/* ---- visiting ---- */

static bool one_is_enough(void *arg, const char *name, struct slice value)
{
    (void)name, (void)value;
    ++*(unsigned *)arg;
    return false;
}

static void a_visit_may_end(void **state)
{
    struct settings settings;
    unsigned count = 0;

    (void)state;
    settings_init(&settings, true);
    settings_visit(&settings, one_is_enough, &count);
    assert_int_equal(count, 1);
    settings_deinit(&settings);
}

/* Names that are none are shown up to their longest. */
static void unknown_names(void **state)
{
    char name[301];
    struct queue_refusal refusal;
    struct settings settings;

    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    settings_init(&settings, false);
    assert_int_equal(set(&settings, name, SLICE("1"), true, &refusal),
                     QUEUE_ATTRIBUTE_NAME_INVALID);
    assert_int_equal(strlen(refusal.text), strlen("Unknown Attribute .") + 256);
    assert_int_equal(set(&settings, "", SLICE("1"), true, &refusal), QUEUE_ATTRIBUTE_NAME_INVALID);
    assert_string_equal(refusal.text, "Unknown Attribute .");
    settings_deinit(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_policy),
        cmocka_unit_test(twenty_statements_at_most),
        cmocka_unit_test(eight_kibibytes_at_most),
        cmocka_unit_test(labels_are_looked_for),
        cmocka_unit_test(what_is_no_redrive_policy),
        cmocka_unit_test(a_visit_may_end),
        cmocka_unit_test(unknown_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

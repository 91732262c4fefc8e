/* A queue's attributes: what is taken, what is refused with which words, and that they survive being stored. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "queue/settings.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define DLQ      "arn:aws:sqs:us-east-1:000000000000:dead"
#define DLQ_FIFO "arn:aws:sqs:us-east-1:000000000000:dead.fifo"
#define REDRIVE  "{\"deadLetterTargetArn\":\"" DLQ "\",\"maxReceiveCount\":5}"

static enum queue_error set(struct settings *settings, const char *name, const char *value,
                            struct queue_refusal *refusal)
{
    const struct queue_limits limits = queue_limits_strict();

    refusal->text[0] = '\0';
    return settings_set(settings, &limits, slice_of(name), slice_of(value), true, refusal);
}

static void set_ok(struct settings *settings, const char *name, const char *value)
{
    struct queue_refusal refusal;

    assert_int_equal(set(settings, name, value, &refusal), QUEUE_OK);
}

struct search {
    const char *name;
    char value[512];
    bool found;
    size_t count;
};

static bool visit(void *arg, const char *name, struct slice value)
{
    struct search *search = arg;

    search->count++;
    if (search->name && strcmp(name, search->name) == 0) {
        search->found = true;
        snprintf(search->value, sizeof(search->value), SLICE_FMT, SLICE_ARG(value));
    }
    return true;
}

/* "": it has none. */
static void assert_value(const struct settings *settings, const char *name, const char *expected)
{
    struct search search = {.name = name};

    settings_visit(settings, visit, &search);
    assert_string_equal(search.value, expected);
    assert_int_equal(search.found, expected[0] != '\0');
}

/* What AWS answers for a new queue. */
static void defaults(void **state)
{
    static const struct {
        const char *name, *standard, *fifo;
    } cases[] = {
        {"VisibilityTimeout", "30", "30"},
        {"MaximumMessageSize", "1048576", "1048576"},
        {"MessageRetentionPeriod", "345600", "345600"},
        {"DelaySeconds", "0", "0"},
        {"ReceiveMessageWaitTimeSeconds", "0", "0"},
        {"SqsManagedSseEnabled", "true", "true"},
        {"FifoQueue", "", "true"},
        {"ContentBasedDeduplication", "", "false"},
        {"DeduplicationScope", "", "queue"},
        {"FifoThroughputLimit", "", "perQueue"},
        {"Policy", "", ""},
        {"RedrivePolicy", "", ""},
        {"KmsMasterKeyId", "", ""},
        {"KmsDataKeyReusePeriodSeconds", "", ""},
    };

    (void)state;
    for (int fifo = 0; fifo < 2; fifo++) {
        struct search all = {.name = NULL};
        struct settings settings;

        settings_init(&settings, fifo);
        settings_visit(&settings, visit, &all);
        assert_int_equal(all.count, fifo ? 10 : 6);
        for (size_t i = 0; i < COUNT(cases); i++)
            assert_value(&settings, cases[i].name, fifo ? cases[i].fifo : cases[i].standard);
        settings_deinit(&settings);
    }
}

static void numbers(void **state)
{
    static const struct {
        const char *name, *least, *most, *too_small, *too_large;
    } cases[] = {
        {"VisibilityTimeout", "0", "43200", "-1", "43201"},
        {"MaximumMessageSize", "1024", "1048576", "1023", "1048577"},
        {"MessageRetentionPeriod", "60", "1209600", "59", "1209601"},
        {"DelaySeconds", "0", "900", "-1", "901"},
        {"ReceiveMessageWaitTimeSeconds", "0", "20", "-1", "21"},
        {"KmsDataKeyReusePeriodSeconds", "60", "86400", "59", "86401"},
    };
    static const char *const nonsense[] = {
        "",         " 60",   "60 ",
        "60.0",     "6e1",   "+60",
        "0x40",     "sixty", "99999999999999999999999999",
        "\xd9\xa6",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct queue_refusal refusal;
        struct settings settings;
        char expected[100];

        snprintf(expected, sizeof(expected), "Invalid value for the parameter %s.", cases[i].name);
        settings_init(&settings, false);
        set_ok(&settings, cases[i].name, cases[i].least);
        assert_value(&settings, cases[i].name, cases[i].least);
        set_ok(&settings, cases[i].name, cases[i].most);
        assert_int_equal(set(&settings, cases[i].name, cases[i].too_small, &refusal),
                         QUEUE_ATTRIBUTE_VALUE_INVALID);
        assert_string_equal(refusal.text, expected);
        assert_int_equal(set(&settings, cases[i].name, cases[i].too_large, &refusal),
                         QUEUE_ATTRIBUTE_VALUE_INVALID);
        for (size_t j = 0; j < COUNT(nonsense); j++)
            assert_int_equal(set(&settings, cases[i].name, nonsense[j], &refusal),
                             QUEUE_ATTRIBUTE_VALUE_INVALID);
        assert_value(&settings, cases[i].name, cases[i].most);
        settings_deinit(&settings);
    }
}

static void relaxed_size(void **state)
{
    const struct queue_limits relaxed = queue_limits_relaxed();
    struct queue_refusal refusal;
    struct settings settings;

    (void)state;
    settings_init(&settings, false);
    assert_int_equal(settings_set(&settings, &relaxed, SLICE("MaximumMessageSize"),
                                  SLICE("16777216"), true, &refusal),
                     QUEUE_OK);
    assert_int_equal(settings.message_max, 16 << 20);
    settings_deinit(&settings);
}

static void refused(void **state)
{
    static const struct {
        const char *name, *value;
        enum queue_error error;
        const char *text;
    } cases[] = {
        {"FifoQueue", "false", QUEUE_ATTRIBUTE_NAME_INVALID, "Unknown Attribute FifoQueue."},
        {"Nonsense", "1", QUEUE_ATTRIBUTE_NAME_INVALID, "Unknown Attribute Nonsense."},
        {"", "1", QUEUE_ATTRIBUTE_NAME_INVALID, "Unknown Attribute ."},
        {"visibilitytimeout", "1", QUEUE_ATTRIBUTE_NAME_INVALID,
         "Unknown Attribute visibilitytimeout."},
        {"QueueArn", DLQ, QUEUE_ATTRIBUTE_NAME_INVALID, "Unknown Attribute QueueArn."},
        {"ApproximateNumberOfMessages", "0", QUEUE_ATTRIBUTE_NAME_INVALID,
         "Unknown Attribute ApproximateNumberOfMessages."},
        {"All", "", QUEUE_ATTRIBUTE_NAME_INVALID, "Unknown Attribute All."},
        {"ContentBasedDeduplication", "true", QUEUE_ATTRIBUTE_NAME_INVALID,
         "Unknown Attribute ContentBasedDeduplication."},
        {"DeduplicationScope", "queue", QUEUE_ATTRIBUTE_NAME_INVALID,
         "You can specify the DeduplicationScope only when FifoQueue is set to true."},
        {"SqsManagedSseEnabled", "TRUE", QUEUE_ATTRIBUTE_VALUE_INVALID,
         "Invalid value for the parameter SqsManagedSseEnabled."},
        {"KmsMasterKeyId", "a b", QUEUE_ATTRIBUTE_VALUE_INVALID,
         "Invalid value for the parameter KmsMasterKeyId."},
        {"Policy", "badjson", QUEUE_ATTRIBUTE_VALUE_INVALID,
         "Invalid value for the parameter Policy."},
        {"Policy", "[]", QUEUE_ATTRIBUTE_VALUE_INVALID, "Invalid value for the parameter Policy."},
        {"Policy", "{}", QUEUE_ATTRIBUTE_VALUE_INVALID, "Invalid value for the parameter Policy."},
        {"Policy", "{\"Statement\":[]}", QUEUE_ATTRIBUTE_VALUE_INVALID,
         "Invalid value for the parameter Policy."},
        {"Policy", "{\"Statement\":[1]}", QUEUE_ATTRIBUTE_VALUE_INVALID,
         "Invalid value for the parameter Policy."},
        {"Policy", "{\"Statement\":\"x\"}", QUEUE_ATTRIBUTE_VALUE_INVALID,
         "Invalid value for the parameter Policy."},
        {"RedrivePolicy", "{}", QUEUE_PARAMETER_INVALID,
         "Value {} for parameter RedrivePolicy is invalid. Reason: Redrive policy does not contain "
         "mandatory attribute: maxReceiveCount."},
        {"RedrivePolicy", "{\"maxReceiveCount\":5}", QUEUE_PARAMETER_INVALID,
         "Value {\"maxReceiveCount\":5} for parameter RedrivePolicy is invalid. Reason: Redrive "
         "policy does not contain mandatory attribute: deadLetterTargetArn."},
        {"RedrivePolicy", " ", QUEUE_PARAMETER_INVALID,
         "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid "
         "JSON map."},
        {"RedrivePolicy", "[]", QUEUE_PARAMETER_INVALID,
         "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid "
         "JSON map."},
        {"RedrivePolicy", "{\"deadLetterTargetArn\":\"" DLQ "\",\"maxReceiveCount\":0}",
         QUEUE_PARAMETER_INVALID,
         "Value {\"deadLetterTargetArn\":\"" DLQ "\",\"maxReceiveCount\":0} for parameter "
         "RedrivePolicy is invalid. Reason: Invalid value for maxReceiveCount: 0, valid values are "
         "from 1 to 1000 both inclusive."},
        {"RedrivePolicy", "{\"deadLetterTargetArn\":\"" DLQ "\",\"maxReceiveCount\":\"1001\"}",
         QUEUE_PARAMETER_INVALID, NULL},
        {"RedrivePolicy", "{\"deadLetterTargetArn\":\"" DLQ "\",\"maxReceiveCount\":1.5}",
         QUEUE_PARAMETER_INVALID, NULL},
        {"RedrivePolicy", "{\"deadLetterTargetArn\":\"" DLQ "\",\"maxReceiveCount\":null}",
         QUEUE_PARAMETER_INVALID, NULL},
        {"RedrivePolicy", "{\"deadLetterTargetArn\":\"dummy\",\"maxReceiveCount\":42}",
         QUEUE_PARAMETER_INVALID,
         "Value {\"deadLetterTargetArn\":\"dummy\",\"maxReceiveCount\":42} for parameter "
         "RedrivePolicy is invalid. Reason: Invalid value for deadLetterTargetArn."},
        {"RedrivePolicy", "{\"deadLetterTargetArn\":\"" DLQ "\\u0000x\",\"maxReceiveCount\":42}",
         QUEUE_PARAMETER_INVALID, NULL},
        {"RedrivePolicy",
         "{\"deadLetterTargetArn\":\"arn:aws:sns:us-east-1:000000000000:x\",\"maxReceiveCount\":1}",
         QUEUE_PARAMETER_INVALID,
         "Value {\"deadLetterTargetArn\":\"arn:aws:sns:us-east-1:000000000000:x\","
         "\"maxReceiveCount\":1} for parameter RedrivePolicy is invalid. Reason: Only SQS queues "
         "are valid resources for deadLetterTargetArn."},
        {"RedrivePolicy", "{\"deadLetterTargetArn\":\"" DLQ "\",\"maxReceiveCount\":5,\"x\":1}",
         QUEUE_PARAMETER_INVALID,
         "Value {\"deadLetterTargetArn\":\"" DLQ "\",\"maxReceiveCount\":5,\"x\":1} for parameter "
         "RedrivePolicy is invalid. Reason: Only following attributes are supported: "
         "[maxReceiveCount, deadLetterTargetArn]."},
        {"RedriveAllowPolicy", "{}", QUEUE_PARAMETER_INVALID,
         "Invalid value for the parameter RedriveAllowPolicy. Reason: Amazon SQS can't create the "
         "redrive allow policy, as it\xe2\x80\x99s in an unsupported format."},
        {"RedriveAllowPolicy", "{\"redrivePermission\":\"some\"}", QUEUE_PARAMETER_INVALID, NULL},
        {"RedriveAllowPolicy", "{\"redrivePermission\":\"allowAll\",\"x\":1}",
         QUEUE_PARAMETER_INVALID, NULL},
        {"RedriveAllowPolicy", "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":\"x\"}",
         QUEUE_PARAMETER_INVALID, NULL},
        {"RedriveAllowPolicy", "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[1]}",
         QUEUE_PARAMETER_INVALID, NULL},
        {"RedriveAllowPolicy", "{\"redrivePermission\":\"byQueue\"}", QUEUE_PARAMETER_INVALID,
         "Value {\"redrivePermission\":\"byQueue\"} for parameter RedriveAllowPolicy is invalid. "
         "Reason: Amazon SQS can't create the redrive allow policy. When you specify the byQueue "
         "permission type, you must also specify one or more sourceQueueArns values."},
        {"RedriveAllowPolicy", "{\"redrivePermission\":\"denyAll\",\"sourceQueueArns\":[\"x\"]}",
         QUEUE_PARAMETER_INVALID,
         "Value {\"redrivePermission\":\"denyAll\",\"sourceQueueArns\":[\"x\"]} for parameter "
         "RedriveAllowPolicy is invalid. Reason: Amazon SQS can't create the redrive allow policy. "
         "To specify one or more source queue ARNs, you must set redrivePermission to byQueue."},
        {"RedriveAllowPolicy",
         "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"1\",\"2\",\"3\",\"4\",\"5\","
         "\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"]}",
         QUEUE_PARAMETER_INVALID, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct queue_refusal refusal;
        struct search all = {.name = NULL};
        struct settings settings;

        settings_init(&settings, false);
        assert_int_equal(set(&settings, cases[i].name, cases[i].value, &refusal), cases[i].error);
        assert_int_equal(refusal.error, cases[i].error);
        assert_true(refusal.text[0] != '\0');
        if (cases[i].text)
            assert_string_equal(refusal.text, cases[i].text);
        settings_visit(&settings, visit, &all);
        assert_int_equal(all.count, 6); /* as before */
        settings_deinit(&settings);
    }
}

static void fifo(void **state)
{
    struct queue_refusal refusal;
    struct settings settings;

    (void)state;
    settings_init(&settings, true);
    set_ok(&settings, "FifoQueue", "true");
    set_ok(&settings, "ContentBasedDeduplication", "true");
    set_ok(&settings, "FifoThroughputLimit", "perMessageGroupId");
    assert_int_equal(settings_check(&settings, &refusal), QUEUE_PARAMETER_INVALID);
    set_ok(&settings, "DeduplicationScope", "messageGroup");
    assert_int_equal(settings_check(&settings, &refusal), QUEUE_OK);
    assert_true(settings.dedups_by_content);
    assert_int_equal(settings.dedup_scope, DEDUP_GROUP);
    assert_int_equal(settings.throughput, THROUGHPUT_GROUP);
    assert_int_equal(set(&settings, "DeduplicationScope", "Queue", &refusal),
                     QUEUE_ATTRIBUTE_VALUE_INVALID);
    settings_deinit(&settings);
}

/* What a queue is, is said when it is made. */
static void fifo_or_not(void **state)
{
    static const struct {
        bool is_fifo, at_creation;
        const char *value;
        enum queue_error error;
        const char *text;
    } cases[] = {
        {true, true, "true", QUEUE_OK, ""},
        {true, false, "true", QUEUE_OK, ""},
        {true, false, "false", QUEUE_ATTRIBUTE_VALUE_INVALID,
         "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not "
         "supported."},
        {true, true, "false", QUEUE_ATTRIBUTE_NAME_INVALID, "Unknown Attribute FifoQueue."},
        {false, true, "false", QUEUE_ATTRIBUTE_NAME_INVALID, "Unknown Attribute FifoQueue."},
        {false, false, "true", QUEUE_ATTRIBUTE_NAME_INVALID, "Unknown Attribute FifoQueue."},
        {false, true, "true", QUEUE_PARAMETER_INVALID,
         "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
         "underscores, must end with .fifo suffix and be 1 to 80 in length"},
    };
    const struct queue_limits limits = queue_limits_strict();

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct queue_refusal refusal = {0};
        struct settings settings;

        settings_init(&settings, cases[i].is_fifo);
        assert_int_equal(settings_set(&settings, &limits, SLICE("FifoQueue"),
                                      slice_of(cases[i].value), cases[i].at_creation, &refusal),
                         cases[i].error);
        assert_string_equal(refusal.text, cases[i].text);
        settings_deinit(&settings);
    }
}

static void redrive(void **state)
{
    struct queue_refusal refusal;
    struct settings settings;

    (void)state;
    settings_init(&settings, false);
    set_ok(&settings, "RedrivePolicy", REDRIVE);
    assert_string_equal(settings.dead_letter_arn, DLQ);
    assert_int_equal(settings.max_receives, 5);
    assert_value(&settings, "RedrivePolicy", REDRIVE);
    assert_int_equal(settings_check(&settings, &refusal), QUEUE_OK);
    set_ok(&settings, "RedrivePolicy",
           "{ \"maxReceiveCount\": \"1000\", \"deadLetterTargetArn\": \"arn:aws:sqs:us-east-1:"
           "000000000000:\\u0064ead\" }");
    assert_string_equal(settings.dead_letter_arn, DLQ);
    assert_int_equal(settings.max_receives, 1000);
    set_ok(&settings, "RedrivePolicy",
           "{\"deadLetterTargetArn\":\"" DLQ_FIFO "\",\"maxReceiveCount\":1}");
    assert_int_equal(settings_check(&settings, &refusal), QUEUE_PARAMETER_INVALID);
    assert_string_equal(refusal.text,
                        "Value {\"deadLetterTargetArn\":\"" DLQ_FIFO "\",\"maxReceiveCount\":1} "
                        "for parameter RedrivePolicy is invalid. Reason: Dead-letter queue must be "
                        "same type of queue as the source..");
    set_ok(&settings, "RedrivePolicy", "");
    assert_null(settings.dead_letter_arn);
    assert_value(&settings, "RedrivePolicy", "");
    settings_deinit(&settings);
}

static void redrive_allow(void **state)
{
    struct settings settings, copy;

    (void)state;
    settings_init(&settings, false);
    assert_true(settings_allow_redrive(&settings, SLICE("a")));
    set_ok(&settings, "RedriveAllowPolicy",
           "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"a\",\"b\"]}");
    assert_true(settings_allow_redrive(&settings, SLICE("b")));
    assert_false(settings_allow_redrive(&settings, SLICE("c")));
    assert_true(settings_copy(&copy, &settings));
    set_ok(&settings, "RedriveAllowPolicy", "{\"redrivePermission\":\"denyAll\"}");
    assert_false(settings_allow_redrive(&settings, SLICE("a")));
    assert_true(settings_allow_redrive(&copy, SLICE("a")));
    set_ok(&settings, "RedriveAllowPolicy", "");
    assert_true(settings_allow_redrive(&settings, SLICE("a")));
    settings_deinit(&settings);
    settings_deinit(&copy);
}

/* A key switches SQS's own encryption off, and the other way round; both in one call are refused, in either order. */
static void encryption(void **state)
{
    struct queue_refusal refusal;

    (void)state;
    for (int order = 0; order < 2; order++) {
        struct settings settings, next;

        settings_init(&settings, false);
        set_ok(&settings, order ? "KmsMasterKeyId" : "SqsManagedSseEnabled",
               order ? "alias/x" : "true");
        set_ok(&settings, order ? "SqsManagedSseEnabled" : "KmsMasterKeyId",
               order ? "true" : "alias/x");
        assert_int_equal(settings_check(&settings, &refusal), QUEUE_ATTRIBUTE_NAME_INVALID);
        assert_string_equal(refusal.text,
                            "You can use one type of server-side encryption (SSE) at one time. "
                            "You can either enable KMS SSE or SQS SSE.");
        settings_deinit(&settings);

        settings_init(&settings, false);
        set_ok(&settings, "KmsMasterKeyId", "alias/x");
        assert_int_equal(settings_check(&settings, &refusal), QUEUE_OK);
        assert_value(&settings, "SqsManagedSseEnabled", "false");
        assert_value(&settings, "KmsDataKeyReusePeriodSeconds", "300");
        assert_true(settings_copy(&next, &settings));
        set_ok(&next, "SqsManagedSseEnabled", "true");
        assert_int_equal(settings_check(&next, &refusal), QUEUE_OK);
        assert_value(&next, "KmsMasterKeyId", "");
        assert_value(&next, "SqsManagedSseEnabled", "true");
        settings_deinit(&settings);
        settings_deinit(&next);
    }
}

static void differences(void **state)
{
    const struct slice given[] = {SLICE("VisibilityTimeout"), SLICE("RedrivePolicy"),
                                  SLICE("DelaySeconds")};
    struct settings have, asked;

    (void)state;
    settings_init(&have, false);
    settings_init(&asked, false);
    assert_null(settings_differ(&have, &asked, given, 3));
    set_ok(&asked, "DelaySeconds", "1");
    assert_null(settings_differ(&have, &asked, given, 2));
    assert_string_equal(settings_differ(&have, &asked, given, 3), "DelaySeconds");
    set_ok(&have, "RedrivePolicy", REDRIVE);
    assert_string_equal(settings_differ(&have, &asked, given, 3), "RedrivePolicy");
    set_ok(&asked, "RedrivePolicy",
           "{\"maxReceiveCount\":\"5\", \"deadLetterTargetArn\":\"" DLQ "\"}");
    assert_null(settings_differ(&have, &asked, given, 2));
    settings_deinit(&have);
    settings_deinit(&asked);
}

static void known_names(void **state)
{
    (void)state;
    assert_true(settings_name_is_known(SLICE("All")));
    assert_true(settings_name_is_known(SLICE("QueueArn")));
    assert_true(settings_name_is_known(SLICE("ApproximateNumberOfMessagesDelayed")));
    assert_true(settings_name_is_known(SLICE("FifoQueue")));
    assert_false(settings_name_is_known(SLICE("all")));
    assert_false(settings_name_is_known(SLICE("")));
}

static void stored(void **state)
{
    static const struct {
        const char *name, *value;
    } cases[] = {
        {"VisibilityTimeout", "77"},
        {"MaximumMessageSize", "2048"},
        {"MessageRetentionPeriod", "61"},
        {"DelaySeconds", "5"},
        {"ReceiveMessageWaitTimeSeconds", "3"},
        {"Policy", "{\"Statement\":{\"Sid\":\"a \\\"quoted\\\" \xc3\xa9\\\\\"}}"},
        {"RedrivePolicy", "{\"deadLetterTargetArn\":\"" DLQ_FIFO "\",\"maxReceiveCount\":7}"},
        {"RedriveAllowPolicy", "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"a\"]}"},
        {"DeduplicationScope", "messageGroup"},
        {"FifoThroughputLimit", "perMessageGroupId"},
        {"ContentBasedDeduplication", "true"},
        {"KmsMasterKeyId", "alias/x"},
        {"KmsDataKeyReusePeriodSeconds", "60"},
    };
    struct strbuf text = {0}, again = {0};
    struct settings settings, read;

    (void)state;
    settings_init(&settings, true);
    for (size_t i = 0; i < COUNT(cases); i++)
        set_ok(&settings, cases[i].name, cases[i].value);
    assert_true(settings_write(&settings, &text));
    assert_int_equal(settings_read(&read, strbuf_slice(&text)), 0);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_value(&read, cases[i].name, cases[i].value);
    assert_value(&read, "SqsManagedSseEnabled", "false");
    assert_true(read.is_fifo);
    assert_string_equal(read.dead_letter_arn, DLQ_FIFO);
    assert_string_equal(read.redrive_sources[0], "a");
    assert_true(settings_write(&read, &again));
    assert_true(slice_eq(strbuf_slice(&text), strbuf_slice(&again)));
    settings_deinit(&read);
    for (size_t n = 0; n < text.n; n++)
        assert_int_equal(settings_read(&read, (struct slice){text.p, n}), -EINVAL);
    assert_int_equal(settings_read(&read, SLICE("{\"VisibilityTimeout\":30}")), -EINVAL);
    assert_int_equal(settings_read(&read, SLICE("{\"VisibilityTimeout\":\"-30\"}")), -EINVAL);
    assert_int_equal(settings_read(&read, SLICE("{\"Unknown\":\"1\"}")), -EINVAL);
    assert_int_equal(settings_read(&read, SLICE("{}")), 0);
    assert_int_equal(read.visibility_s, 30);
    settings_deinit(&read);
    settings_deinit(&settings);
    strbuf_deinit(&text);
    strbuf_deinit(&again);
}

/* ---- permissions ---- */

static const struct slice queue_arn = SLICE_INIT("arn:aws:sqs:us-east-1:000000000000:q");

static enum queue_error permit(struct settings *settings, const char *label, const char *account,
                               const char *action, struct queue_refusal *refusal)
{
    const struct slice accounts[] = {slice_of(account), SLICE("222222222222")};
    const struct slice actions[] = {slice_of(action), SLICE("DeleteMessage")};

    return settings_permission_add(settings, queue_arn, slice_of(label), accounts, 1, actions, 1,
                                   refusal);
}

/* The policies are those that AWS was recorded with. */
static void permissions(void **state)
{
    const struct slice accounts[] = {SLICE("668614515564"), SLICE("111111111111")};
    const struct slice action = SLICE("ReceiveMessage");
    struct queue_refusal refusal;
    struct settings settings;

    (void)state;
    settings_init(&settings, false);
    assert_int_equal(settings_permission_add(&settings, queue_arn, SLICE("crossaccountpermission"),
                                             accounts, 2, &action, 1, &refusal),
                     QUEUE_OK);
    assert_string_equal(
        settings.policy,
        "{\"Version\":\"2008-10-17\",\"Id\":\"arn:aws:sqs:us-east-1:000000000000:q/"
        "SQSDefaultPolicy\",\"Statement\":[{\"Sid\":\"crossaccountpermission\",\"Effect\":"
        "\"Allow\",\"Principal\":{\"AWS\":[\"arn:aws:iam::668614515564:root\",\"arn:aws:iam::"
        "111111111111:root\"]},\"Action\":\"SQS:ReceiveMessage\",\"Resource\":\"arn:aws:sqs:"
        "us-east-1:000000000000:q\"}]}");
    assert_int_equal(
        permit(&settings, "crossaccountpermission", "111111111111", "SendMessage", &refusal),
        QUEUE_PARAMETER_INVALID);
    assert_string_equal(refusal.text, "Value crossaccountpermission for parameter Label is "
                                      "invalid. Reason: Already exists.");
    assert_int_equal(permit(&settings, "second", "111111111111", "*", &refusal), QUEUE_OK);
    assert_non_null(strstr(settings.policy, "},{\"Sid\":\"second\""));
    assert_int_equal(
        settings_permission_remove(&settings, SLICE("crossaccountpermission"), &refusal), QUEUE_OK);
    assert_string_equal(settings.policy,
                        "{\"Version\":\"2008-10-17\",\"Id\":\"arn:aws:sqs:us-east-1:000000000000:q/"
                        "SQSDefaultPolicy\",\"Statement\":[{\"Sid\":\"second\",\"Effect\":"
                        "\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::111111111111:root\"},"
                        "\"Action\":\"SQS:*\",\"Resource\":\"arn:aws:sqs:us-east-1:000000000000:q\""
                        "}]}");
    assert_int_equal(settings_permission_remove(&settings, SLICE("second"), &refusal), QUEUE_OK);
    assert_null(settings.policy);
    assert_int_equal(settings_permission_remove(&settings, SLICE("second"), &refusal),
                     QUEUE_PARAMETER_INVALID);
    assert_string_equal(refusal.text,
                        "Value second for parameter Label is invalid. Reason: can't find label.");
    settings_deinit(&settings);
}

/* What somebody wrote stays as it is, around what is edited. */
static void permissions_in_a_policy(void **state)
{
    struct queue_refusal refusal;
    struct settings settings;

    (void)state;
    settings_init(&settings, false);
    set_ok(&settings, "Policy",
           "{ \"Statement\": {\"Sid\":\"\\u0061\", \"x\": [1, 2]}, \"Id\":1 }");
    assert_int_equal(permit(&settings, "a", "111111111111", "SendMessage", &refusal),
                     QUEUE_PARAMETER_INVALID);
    assert_int_equal(permit(&settings, "b", "111111111111", "SendMessage", &refusal), QUEUE_OK);
    assert_int_equal(settings_permission_remove(&settings, SLICE("b"), &refusal), QUEUE_OK);
    assert_string_equal(settings.policy,
                        "{ \"Statement\": [{\"Sid\":\"\\u0061\", \"x\": [1, 2]}], \"Id\":1 }");
    settings_deinit(&settings);
}

static void permissions_refused(void **state)
{
    static const struct {
        const char *label, *account, *action;
        enum queue_error error;
    } cases[] = {
        {"", "111111111111", "SendMessage", QUEUE_PARAMETER_INVALID},
        {"a b", "111111111111", "SendMessage", QUEUE_PARAMETER_INVALID},
        {"a\"", "111111111111", "SendMessage", QUEUE_PARAMETER_INVALID},
        {"a", "11111111111", "SendMessage", QUEUE_PARAMETER_INVALID},
        {"a", "11111111111x", "SendMessage", QUEUE_PARAMETER_INVALID},
        {"a", "111111111111", "CreateQueue", QUEUE_PARAMETER_INVALID},
        {"a", "111111111111", "", QUEUE_PARAMETER_INVALID},
    };
    const struct slice account = SLICE("111111111111");
    struct slice actions[8];
    struct queue_refusal refusal;
    struct settings settings;

    (void)state;
    settings_init(&settings, false);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(
            permit(&settings, cases[i].label, cases[i].account, cases[i].action, &refusal),
            cases[i].error);
    for (size_t i = 0; i < COUNT(actions); i++)
        actions[i] = SLICE("SendMessage");
    assert_int_equal(settings_permission_add(&settings, queue_arn, SLICE("a"), &account, 1, actions,
                                             8, &refusal),
                     QUEUE_OVER_LIMIT);
    assert_string_equal(refusal.text, "8 Actions were found, maximum allowed is 7.");
    assert_int_equal(settings_permission_add(&settings, queue_arn, SLICE("a"), &account, 1, actions,
                                             0, &refusal),
                     QUEUE_PARAMETER_MISSING);
    assert_int_equal(settings_permission_add(&settings, queue_arn, SLICE("a"), &account, 0, actions,
                                             1, &refusal),
                     QUEUE_PARAMETER_INVALID);
    assert_null(settings.policy);
    for (int i = 0; i < 20; i++) {
        char label[8];

        snprintf(label, sizeof(label), "l%d", i);
        assert_int_equal(permit(&settings, label, "111111111111", "SendMessage", &refusal),
                         QUEUE_OK);
    }
    assert_int_equal(permit(&settings, "l20", "111111111111", "SendMessage", &refusal),
                     QUEUE_OVER_LIMIT);
    settings_deinit(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(numbers),
        cmocka_unit_test(relaxed_size),
        cmocka_unit_test(refused),
        cmocka_unit_test(fifo),
        cmocka_unit_test(fifo_or_not),
        cmocka_unit_test(redrive),
        cmocka_unit_test(redrive_allow),
        cmocka_unit_test(encryption),
        cmocka_unit_test(differences),
        cmocka_unit_test(known_names),
        cmocka_unit_test(stored),
        cmocka_unit_test(permissions),
        cmocka_unit_test(permissions_in_a_policy),
        cmocka_unit_test(permissions_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

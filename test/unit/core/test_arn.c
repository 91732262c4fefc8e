/* ARNs, regions, and the three ways to name a queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "core/arn.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define A80 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void arns(void **state)
{
    static const char *const refused[] = {
        "",
        "arn",
        "arn:",
        "arn:aws:sqs",
        "arn:aws:sqs:eu-central-1:1",
        "arn:aws:sqs:eu-central-1:1:",
        "arn::sqs:r:a:x",
        "arn:aws::r:a:x",
        "ARN:aws:sqs:r:a:x",
    };
    struct arn arn;

    (void)state;
    assert_true(arn_read(SLICE("arn:aws:iam::123456789012:role/a:b/c"), &arn));
    assert_true(slice_is(arn.partition, "aws"));
    assert_true(slice_is(arn.service, "iam"));
    assert_true(slice_is(arn.region, ""));
    assert_true(slice_is(arn.account, "123456789012"));
    assert_true(slice_is(arn.resource, "role/a:b/c"));
    for (size_t i = 0; i < COUNT(refused); i++)
        assert_false(arn_read(slice_of(refused[i]), &arn));
}

static void regions(void **state)
{
    static const char *const valid[] = {
        "us-east-1",     "eu-central-1", "ap-southeast-2", "us-gov-west-1",
        "us-iso-east-1", "cn-north-1",   "mx-central-1",
    };
    static const char *const invalid[] = {
        "",
        "useast1",
        "us-east",
        "US-EAST-1",
        "us-east-1.evil.example",
        "us-east-1/",
        "-us-east-1",
        "us-east-1-",
        "us--east-1",
        "us east 1",
        "us-east-1\n",
        "us_east_1",
        "us-east-1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(valid); i++)
        assert_true(arn_region_is_valid(slice_of(valid[i])));
    for (size_t i = 0; i < COUNT(invalid); i++)
        assert_false(arn_region_is_valid(slice_of(invalid[i])));
}

static void queues(void **state)
{
    static const struct {
        const char *text;
        enum queue_ref_kind kind;
        const char *region, *account, *name;
        bool is_fifo;
    } cases[] = {
        {"https://sqs.eu-central-1.amazonaws.com/123456789012/orders", QUEUE_BY_URL, "eu-central-1",
         "123456789012", "orders", false},
        {"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/orders.fifo", QUEUE_BY_URL,
         "cn-north-1", "123456789012", "orders.fifo", true},
        {"https://sqs-fips.us-gov-west-1.amazonaws.com/123456789012/q", QUEUE_BY_URL,
         "us-gov-west-1", "123456789012", "q", false},
        {"https://eu-west-1.queue.amazonaws.com/123456789012/q", QUEUE_BY_URL, "eu-west-1",
         "123456789012", "q", false},
        {"https://queue.amazonaws.com/123456789012/q", QUEUE_BY_URL, "us-east-1", "123456789012",
         "q", false},
        {"https://sqs.eu-west-1.api.aws/123456789012/q", QUEUE_BY_URL, "eu-west-1", "123456789012",
         "q", false},
        {"https://vpce-0a1b-2c3d.sqs.eu-west-1.vpce.amazonaws.com/123456789012/q", QUEUE_BY_URL,
         "eu-west-1", "123456789012", "q", false},
        {"http://localhost:9324/000000000000/q", QUEUE_BY_URL, "", "000000000000", "q", false},
        {"http://127.0.0.1:9324/queue/q", QUEUE_BY_URL, "", "", "q", false},
        {"http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/q", QUEUE_BY_URL, "",
         "000000000000", "q", false},
        {"https://sqs.evil.example/123456789012/q", QUEUE_BY_URL, "", "123456789012", "q", false},
        {"https://sqs.a.b.c.amazonaws.com/123456789012/q", QUEUE_BY_URL, "", "123456789012", "q",
         false},
        {"https://s3.eu-west-1.amazonaws.com/123456789012/q", QUEUE_BY_URL, "", "123456789012", "q",
         false},
        {"https://evilamazonaws.com/123456789012/q", QUEUE_BY_URL, "", "123456789012", "q", false},
        {"https://amazonaws.com/q", QUEUE_BY_URL, "", "", "q", false},
        {"arn:aws:sqs:eu-central-1:123456789012:orders", QUEUE_BY_ARN, "eu-central-1",
         "123456789012", "orders", false},
        {"arn:aws-us-gov:sqs:us-gov-west-1:123456789012:orders.fifo", QUEUE_BY_ARN, "us-gov-west-1",
         "123456789012", "orders.fifo", true},
        {"orders", QUEUE_BY_NAME, "", "", "orders", false},
        {"Orders_2-x.fifo", QUEUE_BY_NAME, "", "", "Orders_2-x.fifo", true},
        {A80, QUEUE_BY_NAME, "", "", A80, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct queue_ref ref;

        print_message("%s\n", cases[i].text);
        assert_int_equal(queue_ref_read(slice_of(cases[i].text), &ref), QUEUE_REF_OK);
        assert_int_equal(ref.kind, cases[i].kind);
        assert_true(slice_is(ref.url, cases[i].kind == QUEUE_BY_URL ? cases[i].text : ""));
        assert_true(slice_is(ref.region, cases[i].region));
        assert_true(slice_is(ref.account, cases[i].account));
        assert_true(slice_is(ref.name, cases[i].name));
        assert_true(ref.is_fifo == cases[i].is_fifo);
    }
}

static void what_names_no_queue(void **state)
{
    static const struct {
        const char *text;
        enum queue_ref_result result;
    } cases[] = {
        {"", QUEUE_REF_BAD_NAME},
        {".fifo", QUEUE_REF_BAD_NAME},
        {"a.b", QUEUE_REF_BAD_NAME},
        {"a b", QUEUE_REF_BAD_NAME},
        {"a/b", QUEUE_REF_BAD_NAME},
        {"a\n", QUEUE_REF_BAD_NAME},
        {"localhost:9324", QUEUE_REF_BAD_NAME},
        {A80 "a", QUEUE_REF_BAD_NAME},
        {A80 ".fifo", QUEUE_REF_BAD_NAME},
        {"https://a/123456789012/a.b", QUEUE_REF_BAD_NAME},
        {"https://a/123456789012/%20", QUEUE_REF_BAD_NAME},
        {"https://a", QUEUE_REF_NO_PATH},
        {"https://a/", QUEUE_REF_NO_PATH},
        {"https://a/123456789012/", QUEUE_REF_NO_PATH},
        {"https://a/123456789012/q?x=y", QUEUE_REF_NO_PATH},
        {"https://u:p@a/123456789012/q", QUEUE_REF_BAD_URL},
        {"file://a/123456789012/q", QUEUE_REF_BAD_URL},
        {"https://a/1/q#x", QUEUE_REF_BAD_URL},
        {"://", QUEUE_REF_BAD_URL},
        {"arn:aws:sqs:eu-central-1:123456789012:", QUEUE_REF_BAD_ARN},
        {"arn:aws:sqs:eu-central-1:123456789012", QUEUE_REF_BAD_ARN},
        {"arn:aws:sns:eu-central-1:123456789012:q", QUEUE_REF_BAD_ARN},
        {"arn:aws:sqs::123456789012:q", QUEUE_REF_BAD_ARN},
        {"arn:aws:sqs:eu-central-1:1234:q", QUEUE_REF_BAD_ARN},
        {"arn:aws:sqs:evil.example:123456789012:q", QUEUE_REF_BAD_ARN},
        {"arn:aws:sqs:eu-central-1:123456789012:a:b", QUEUE_REF_BAD_NAME},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct queue_ref ref;

        print_message("%s\n", cases[i].text);
        assert_int_equal(queue_ref_read(slice_of(cases[i].text), &ref), cases[i].result);
    }
    assert_string_equal(queue_ref_problem(QUEUE_REF_OK), "");
    for (int r = QUEUE_REF_BAD_URL; r <= QUEUE_REF_BAD_NAME; r++)
        assert_true(strlen(queue_ref_problem((enum queue_ref_result)r)) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arns),
        cmocka_unit_test(regions),
        cmocka_unit_test(queues),
        cmocka_unit_test(what_names_no_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

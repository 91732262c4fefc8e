/* Looking at queues and messages: our own operations, what stands in for them elsewhere, and answers that are none. */
#include "desk.h"

#include "aws/sqs_look.h"

struct look {
    struct sqs_client *client;
    struct sqs_queue *all;
    struct sqs_look_queues queues;
    struct sqs_failure failure;
    struct problem problem;
};

static struct look look_of(struct sl_ctx *ctx, const struct reply *replies, size_t count)
{
    struct look look = {0};

    config = config_of((struct aws_config_options){.endpoint_url = "http://127.0.0.1:9324"});
    script_init(&http, replies, count);
    problem_init(&look.problem);
    assert_int_equal(sqs_client_new(&look.client, ctx, config, &http.client), 0);
    assert_int_equal(sqs_all_queues_open(&look.all, look.client, &look.problem), 0);
    return look;
}

static void look_clear(struct look *look)
{
    sqs_look_queues_deinit(&look->queues);
    sqs_queue_free(look->all);
    sqs_client_free(look->client);
    problem_deinit(&look->problem);
    aws_config_free(config);
}

static int look_at(struct look *look, struct sl_ctx *ctx, const char *prefix)
{
    return sqs_look_at_queues(look->all, ctx, prefix, &look->queues, &look->failure);
}

#define DESCRIBED                                                                                   \
    "{\"Queues\":[{\"Name\":\"orders\",\"QueueUrl\":\"http://127.0.0.1:9324/000000000000/orders\"," \
    "\"Fifo\":false,\"Visible\":3,\"InFlight\":1,\"Delayed\":2,\"Sent\":10,\"OldestSentMs\":"       \
    "1700000000000,\"DeadLetter\":\"orders-dlq\",\"MaxReceives\":5,\"Later\":{\"a\":[1]}},"         \
    "{\"Name\":\"orders.fifo\",\"QueueUrl\":null,\"Fifo\":true,\"Visible\":0,\"InFlight\":0,"       \
    "\"Delayed\":0,\"Sent\":0,\"OldestSentMs\":null,\"DeadLetter\":null,\"MaxReceives\":null}]}"

WORLD_TEST(our_own_queues_are_one_call)
{
    struct look look = look_of(ctx, REPLIES({.body = DESCRIBED}));
    const struct sqs_look_queue *queue;

    assert_int_equal(look_at(&look, ctx, "ord\"ers"), 0);
    assert_int_equal(http.asked, 1);
    assert_string_equal(http.requests[0].url, "http://127.0.0.1:9324/");
    assert_non_null(strstr(http.requests[0].headers, "X-Amz-Target: Sluice.DescribeQueues\n"));
    assert_non_null(strstr(http.requests[0].headers, "Authorization: AWS4-HMAC-SHA256 "));
    assert_string_equal(http.requests[0].body, "{\"QueueNamePrefix\":\"ord\\\"ers\"}");
    assert_true(look.queues.is_own);
    assert_int_equal(look.queues.count, 2);
    queue = &look.queues.items[0];
    assert_string_equal(queue->name, "orders");
    assert_int_equal(queue->visible, 3);
    assert_int_equal(queue->in_flight, 1);
    assert_int_equal(queue->delayed, 2);
    assert_int_equal(queue->sent, 10);
    assert_int_equal(queue->oldest_sent_ms, 1700000000000);
    assert_string_equal(queue->dead_letter, "orders-dlq");
    assert_int_equal(queue->max_receives, 5);
    queue = &look.queues.items[1];
    assert_true(queue->is_fifo);
    assert_null(queue->dead_letter);
    assert_int_equal(queue->oldest_sent_ms, 0);
    look_clear(&look);
}

#define ATTRIBUTES(visible, redrive)                                                               \
    "{\"Attributes\":{\"VisibilityTimeout\":\"30\",\"ApproximateNumberOfMessages\":\"" visible     \
    "\"" redrive "}}"
#define REDRIVE                                                                                    \
    ",\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:eu-west-1:1:late\\\","      \
    "\\\"maxReceiveCount\\\":3}\""

/* Pages, then a call for each queue. One may not be read, one is gone by then. */
WORLD_TEST(other_queues_are_listed_and_asked)
{
    struct look look = look_of(
        ctx,
        REPLIES(
            {.status = 400, .body = "{\"__type\":\"com.amazon.coral#UnknownOperationException\"}"},
            {.body = "{\"QueueUrls\":[\"http://127.0.0.1:9324/1/a\"],\"NextToken\":\"t\\\"1\"}"},
            {.body = "{\"QueueUrls\":[\"http://127.0.0.1:9324/1/b\",\"http://127.0.0.1:9324/1/"
                     "c.fifo\",\"http://127.0.0.1:9324/1/d\"]}"},
            {.body = ATTRIBUTES("7", REDRIVE)},
            {.status = 403, .body = "{\"__type\":\"AccessDeniedException\"}"},
            {.body = ATTRIBUTES("0", "")},
            {.status = 400, .body = "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\"}"}));
    const struct sqs_look_queue *q;

    assert_int_equal(look_at(&look, ctx, "x"), 0);
    assert_string_equal(http.requests[1].body, "{\"QueueNamePrefix\":\"x\",\"MaxResults\":1000}");
    assert_string_equal(http.requests[2].body,
                        "{\"QueueNamePrefix\":\"x\",\"MaxResults\":1000,\"NextToken\":\"t\\\"1\"}");
    assert_int_equal(http.asked, 7);
    assert_false(look.queues.is_own);
    assert_int_equal(look.queues.count, 3);
    q = look.queues.items;
    assert_string_equal(q[0].name, "a");
    assert_int_equal(q[0].visible, 7);
    assert_string_equal(q[0].dead_letter, "late");
    assert_int_equal(q[0].max_receives, 3);
    assert_string_equal(q[1].name, "b");
    assert_string_equal(q[1].trouble, "AccessDeniedException");
    assert_string_equal(q[2].name, "c.fifo");
    assert_true(q[2].is_fifo);
    assert_string_equal(q[2].trouble, "");
    look_clear(&look);
}

/* moto and ElasticMQ answer an operation that they do not know with a 500 and no code. */
WORLD_TEST(a_500_without_a_code_is_another_sqs)
{
    struct look look =
        look_of(ctx, REPLIES({.status = 500, .body = "<html>"}, {.status = 500, .body = "<html>"},
                             {.status = 500, .body = "<html>"}, {.body = "{\"QueueUrls\":null}"}));

    assert_int_equal(look_at(&look, ctx, ""), 0);
    assert_false(look.queues.is_own);
    assert_int_equal(look.queues.count, 0);
    look_clear(&look);
}

/* Our own queue that fails on purpose is still our own. */
WORLD_TEST(a_failure_with_a_code_is_a_failure)
{
    struct look look = look_of(
        ctx,
        REPLIES({.status = 500, .body = "{\"__type\":\"com.amazonaws.sqs#InternalFailure\"}"}));

    assert_int_equal(look_at(&look, ctx, ""), SQS_FAILED);
    assert_string_equal(look.failure.operation, "DescribeQueues");
    assert_string_equal(look.failure.code, "InternalFailure");
    look_clear(&look);
}

WORLD_TEST(nobody_there_is_told_at_once)
{
    struct look look = look_of(ctx, REPLIES({.failure = HTTP_FAIL_CONNECT}));

    assert_int_equal(look_at(&look, ctx, ""), SQS_FAILED);
    assert_int_equal(look.failure.trouble, SQS_TROUBLE_UNREACHABLE);
    assert_int_equal(sqs_explain(look.all, &look.failure, &look.problem), PROBLEM);
    assert_int_equal(look.problem.status, EXIT_NOT_AVAILABLE);
    look_clear(&look);
}

WORLD_TEST(answers_that_are_none)
{
    static const char *const answers[] = {
        "[]",
        "{\"Queues\":{}}",
        "{\"Queues\":[1]}",
        "{\"Queues\":[{}]}",
        "{\"Queues\":[{\"Name\":5}]}",
        "{\"Queues\":[{\"Name\":\"a\"}",
    };

    for (size_t i = 0; i < COUNT(answers); i++) {
        const struct reply reply = {.body = answers[i]};
        struct look look = look_of(ctx, &reply, 1);

        assert_int_equal(look_at(&look, ctx, ""), SQS_FAILED);
        assert_int_equal(look.failure.trouble, SQS_TROUBLE_ANSWER);
        look_clear(&look);
    }
}

/* ---- messages ---- */

static int peek(struct desk *desk, struct sl_ctx *ctx, bool with_body,
                struct sqs_look_messages *out, struct sqs_failure *failure)
{
    return sqs_look_at_messages(desk->queue, ctx, 25, with_body, out, failure);
}

WORLD_TEST(messages_are_looked_at)
{
    struct sqs_look_messages got;
    struct sqs_failure failure;
    struct desk desk = desk_of(
        ctx, REPLIES({.body = "{\"Messages\":[{\"MessageId\":\"m1\",\"Status\":\"in flight\","
                              "\"HiddenForMs\":1500,\"Receives\":2,\"SentMs\":1700000000000,"
                              "\"Bytes\":5,\"Group\":null,\"Body\":\"a\\n\\\"b\\u20ac\"},"
                              "{\"MessageId\":\"m2\",\"Status\":\"ready\",\"HiddenForMs\":0,"
                              "\"Receives\":0,\"SentMs\":1,\"Bytes\":1,\"Group\":\"g\"}]}"}));

    assert_int_equal(peek(&desk, ctx, true, &got, &failure), 0);
    assert_non_null(strstr(http.requests[0].headers, "X-Amz-Target: Sluice.PeekMessages\n"));
    assert_string_equal(http.requests[0].body,
                        "{\"QueueName\":\"orders\",\"MaxNumberOfMessages\":25,\"Body\":true}");
    assert_int_equal(got.count, 2);
    assert_string_equal(got.items[0].id, "m1");
    assert_string_equal(got.items[0].status, "in flight");
    assert_int_equal(got.items[0].hidden_for.ns, sl_ms(1500).ns);
    assert_int_equal(got.items[0].receives, 2);
    assert_int_equal(got.items[0].bytes, 5);
    assert_null(got.items[0].group);
    assert_string_equal(got.items[0].body, "a\n\"b€");
    assert_string_equal(got.items[1].group, "g");
    assert_null(got.items[1].body);
    sqs_look_messages_deinit(&got);
    desk_clear(&desk);
}

WORLD_TEST(who_cannot_be_looked_at)
{
    static const struct {
        int status;
        const char *body;
        int result;
    } rows[] = {
        {400, "{\"__type\":\"com.amazon.coral.service#UnknownOperationException\"}", SQS_FOREIGN},
        {404, "{\"__type\":\"UnknownOperationException\"}", SQS_FOREIGN},
        {400, "{\"__type\":\"InvalidAction\"}", SQS_FOREIGN},
        {403, "{\"__type\":\"AccessDenied\"}", SQS_FOREIGN},
        {500, "There was an internal server error.", SQS_FOREIGN},
        {404, "<html>", SQS_FOREIGN},
        {400, "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\"}", SQS_FAILED},
        {403, "{\"__type\":\"InvalidClientTokenId\"}", SQS_FAILED},
        {503, "{\"__type\":\"ServiceUnavailable\"}", SQS_FAILED},
        {400, "{\"__type\":\"ThrottlingException\"}", SQS_FAILED},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct reply reply = {.status = rows[i].status, .body = rows[i].body};
        struct sqs_look_messages got;
        struct sqs_failure failure;
        struct desk desk = desk_of(ctx, &reply, 1);

        assert_int_equal(peek(&desk, ctx, false, &got, &failure), rows[i].result);
        desk_clear(&desk);
    }
}

/* ---- where to ask ---- */

WORLD_TEST(without_a_region_there_is_nothing_to_ask)
{
    struct sqs_client *client;
    struct sqs_queue *all;
    struct problem problem;

    env_put("AWS_REGION", NULL);
    config = config_of((struct aws_config_options){0});
    script_init(&http, &nothing, 1);
    problem_init(&problem);
    assert_int_equal(sqs_client_new(&client, ctx, config, &http.client), 0);
    assert_int_equal(sqs_all_queues_open(&all, client, &problem), PROBLEM);
    assert_int_equal(problem.status, EXIT_BAD_CONFIG);
    assert_non_null(strstr(problem.text.p, "no region is set"));
    problem_deinit(&problem);
    sqs_client_free(client);
    aws_config_free(config);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(our_own_queues_are_one_call),
        TEST(other_queues_are_listed_and_asked),
        TEST(a_500_without_a_code_is_another_sqs),
        TEST(a_failure_with_a_code_is_a_failure),
        TEST(nobody_there_is_told_at_once),
        TEST(answers_that_are_none),
        TEST(messages_are_looked_at),
        TEST(who_cannot_be_looked_at),
        TEST(without_a_region_there_is_nothing_to_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

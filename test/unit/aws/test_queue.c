/* Finding a queue: its region, where its requests go, and what is refused. */
#include "desk.h"

WORLD_TEST(queues_are_found)
{
    static const struct {
        const char *reference;
        struct aws_config_options options;
        const char *answer; /* to GetQueueUrl; NULL: not asked */
        const char *name, *url, *arn, *region, *region_origin, *endpoint, *notice;
        bool is_fifo;
    } rows[] = {
        {.reference = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
         .name = "orders",
         .url = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
         .arn = "arn:aws:sqs:eu-west-1:123456789012:orders",
         .region = "eu-west-1",
         .region_origin = "the queue's URL",
         .endpoint = "https://sqs.eu-west-1.amazonaws.com/"},
        {.reference = "https://sqs.us-east-2.amazonaws.com/123456789012/orders.fifo",
         .name = "orders.fifo",
         .is_fifo = true,
         .url = "https://sqs.us-east-2.amazonaws.com/123456789012/orders.fifo",
         .arn = "arn:aws:sqs:us-east-2:123456789012:orders.fifo",
         .region = "us-east-2",
         .region_origin = "the queue's URL",
         .endpoint = "https://sqs.us-east-2.amazonaws.com/",
         .notice = "the queue's URL says us-east-2: that is used, not eu-west-1 from AWS_REGION"},
        {.reference = "https://queue.amazonaws.com/123456789012/orders",
         .options = {.region = "us-east-1"},
         .name = "orders",
         .url = "https://queue.amazonaws.com/123456789012/orders",
         .arn = "arn:aws:sqs:us-east-1:123456789012:orders",
         .region = "us-east-1",
         .region_origin = "the queue's URL",
         .endpoint = "https://sqs.us-east-1.amazonaws.com/"},
        {.reference = "arn:aws-cn:sqs:cn-north-1:123456789012:orders",
         .options = {.region = "cn-north-1"},
         .name = "orders",
         .url = "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/orders",
         .arn = "arn:aws-cn:sqs:cn-north-1:123456789012:orders",
         .region = "cn-north-1",
         .region_origin = "the queue's ARN",
         .endpoint = "https://sqs.cn-north-1.amazonaws.com.cn/"},
        {.reference = "orders",
         .answer = "{\"QueueUrl\":\"https:\\/\\/sqs.eu-west-1.amazonaws.com/123456789012/orders\"}",
         .name = "orders",
         .url = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
         .arn = "arn:aws:sqs:eu-west-1:123456789012:orders",
         .region = "eu-west-1",
         .region_origin = "AWS_REGION",
         .endpoint = "https://sqs.eu-west-1.amazonaws.com/"},
        {.reference = "https://vpce-0a-1b.sqs.eu-west-1.vpce.amazonaws.com/123456789012/orders",
         .name = "orders",
         .url = "https://vpce-0a-1b.sqs.eu-west-1.vpce.amazonaws.com/123456789012/orders",
         .arn = "arn:aws:sqs:eu-west-1:123456789012:orders",
         .region = "eu-west-1",
         .region_origin = "the queue's URL",
         .endpoint = "https://vpce-0a-1b.sqs.eu-west-1.vpce.amazonaws.com/"},
        {.reference = "http://LocalHost:9324/000000000000/orders",
         .name = "orders",
         .url = "http://LocalHost:9324/000000000000/orders",
         .arn = "arn:aws:sqs:eu-west-1:000000000000:orders",
         .region = "eu-west-1",
         .region_origin = "AWS_REGION",
         .endpoint = "http://localhost:9324/"},
        {.reference = "orders",
         .options = {.endpoint_url = "https://Queue.Example:443/Sqs"},
         .answer = "{\"QueueUrl\":\"http://elsewhere:1/queue/orders\"}",
         .name = "orders",
         .url = "http://elsewhere:1/queue/orders",
         .arn = "arn:aws:sqs:eu-west-1:000000000000:orders",
         .region = "eu-west-1",
         .region_origin = "AWS_REGION",
         .endpoint = "https://queue.example:443/Sqs/"},
        {.reference = "http://elsewhere.example:1/queue/orders",
         .options = {.endpoint_url = "http://127.0.0.1:4566"},
         .name = "orders",
         .url = "http://elsewhere.example:1/queue/orders",
         .arn = "arn:aws:sqs:eu-west-1:000000000000:orders",
         .region = "eu-west-1",
         .region_origin = "AWS_REGION",
         .endpoint = "http://127.0.0.1:4566/"},
        {.reference = "arn:aws:sqs:eu-west-1:123456789012:orders",
         .options = {.endpoint_url = "http://127.0.0.1:4566"},
         .answer = "{\"QueueUrl\":\"http://127.0.0.1:4566/123456789012/orders\"}",
         .name = "orders",
         .url = "http://127.0.0.1:4566/123456789012/orders",
         .arn = "arn:aws:sqs:eu-west-1:123456789012:orders",
         .region = "eu-west-1",
         .region_origin = "the queue's ARN",
         .endpoint = "http://127.0.0.1:4566/"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct reply answer = {.body = rows[i].answer};
        struct desk desk = desk_with(ctx, rows[i].options, rows[i].reference, &answer, 1);

        if (desk.result != 0)
            fail_msg("%s: %s", rows[i].reference, desk.problem.text.p);
        assert_string_equal(desk.queue->name, rows[i].name);
        assert_string_equal(desk.queue->url, rows[i].url);
        assert_string_equal(desk.queue->arn, rows[i].arn);
        assert_string_equal(desk.queue->region, rows[i].region);
        assert_string_equal(desk.queue->region_origin, rows[i].region_origin);
        assert_string_equal(desk.queue->endpoint, rows[i].endpoint);
        assert_int_equal(desk.queue->is_fifo, rows[i].is_fifo);
        if (rows[i].notice)
            assert_string_equal(desk.queue->notice, rows[i].notice);
        else
            assert_null(desk.queue->notice);
        assert_int_equal(http.asked, rows[i].answer != NULL);
        desk_clear(&desk);
    }
}

WORLD_TEST(queues_are_refused_before_anything_is_sent)
{
    static const struct {
        const char *reference;
        struct aws_config_options options;
        enum exit_status status;
        const char *says;
    } rows[] = {
        {"https://evil.example/123456789012/orders",
         {0},
         EXIT_BAD_CONFIG,
         "evil.example is no host of AWS: signed requests do not go there unless you say so\n"
         "  do:    --endpoint-url https://evil.example, if that is your queue's server"},
        {"https://sqs.eu-west-1.amazonaws.com.evil.example/123456789012/orders",
         {0},
         EXIT_BAD_CONFIG,
         "is no host of AWS"},
        {"https://sqs.eu-west-1.amazonaws.com@evil.example/1/orders",
         {0},
         EXIT_BAD_USAGE,
         "is no queue: it "},
        {"http://sqs.eu-west-1.amazonaws.com/123456789012/orders",
         {0},
         EXIT_BAD_USAGE,
         "--allow-http"},
        {"https://169.254.169.254/latest/meta-data", {0}, EXIT_BAD_USAGE, "is no queue: it "},
        {"http://169.254.169.254/123456789012/orders",
         {.endpoint_url = "http://127.0.0.1:1"},
         EXIT_BAD_USAGE,
         "is no queue: it "},
        {"http://2852039166/1/orders", {0}, EXIT_BAD_USAGE, "is no queue: it "},
        {"http://[::ffff:169.254.169.254]/1/orders", {0}, EXIT_BAD_USAGE, "is no queue: it "},
        {"file:///etc/passwd", {0}, EXIT_BAD_USAGE, "is no queue: it "},
        {"https://sqs.eu-west-1.amazonaws.com/1/a\r\nX: y",
         {0},
         EXIT_BAD_USAGE,
         "is no queue: it "},
        {"https://sqs.eu-west-1.amazonaws.com/", {0}, EXIT_BAD_USAGE, "is no queue: it "},
        {"arn:aws:sns:eu-west-1:123456789012:orders", {0}, EXIT_BAD_USAGE, "is no queue: it "},
        {"or ders", {0}, EXIT_BAD_USAGE, "is no queue: it "},
        {"", {0}, EXIT_BAD_USAGE, "is no queue: it "},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct desk desk = desk_with(ctx, rows[i].options, rows[i].reference, &nothing, 1);

        assert_int_equal(desk.result, PROBLEM);
        if (!strstr(desk.problem.text.p, rows[i].says))
            fail_msg("%s: \"%s\"", rows[i].reference, desk.problem.text.p);
        assert_int_equal(desk.problem.status, rows[i].status);
        assert_int_equal(http.asked, 0);
        desk_clear(&desk);
    }
}

WORLD_TEST(a_region_must_come_from_somewhere)
{
    struct desk desk;

    env_put("AWS_REGION", NULL);
    desk = desk_with(ctx, (struct aws_config_options){0}, "orders", &nothing, 1);
    assert_int_equal(desk.result, PROBLEM);
    assert_int_equal(desk.problem.status, EXIT_BAD_CONFIG);
    assert_string_equal(desk.problem.text.p,
                        "no region is set, so there is no telling where queue orders is\n"
                        "  tried: --region, AWS_REGION, AWS_DEFAULT_REGION, region of profile "
                        "default\n  do:    --region eu-central-1, or give the queue's URL");
    desk_clear(&desk);
    desk = desk_with(ctx, (struct aws_config_options){0}, "http://127.0.0.1:9324/q/orders",
                     &nothing, 1);
    assert_int_equal(desk.result, 0);
    assert_string_equal(desk.queue->region, "us-east-1");
    desk_clear(&desk);
}

WORLD_TEST(missing_queues_are_explained)
{
    const struct reply missing = {
        .status = 400,
        .head = "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\r\n",
        .body = "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"The specified "
                "queue does not exist.\"}"};
    struct desk desk;

    home_write("config", "[profile prod]\nregion = eu-central-1\n");
    env_put("AWS_PROFILE", "prod");
    desk = desk_with(ctx, (struct aws_config_options){0}, "orders", &missing, 1);
    assert_int_equal(desk.result, PROBLEM);
    assert_int_equal(desk.problem.status, EXIT_BAD_CONFIG);
    assert_string_equal(
        desk.problem.text.p,
        "queue orders does not exist in eu-west-1 (asked https://sqs.eu-west-1.amazonaws.com/)\n"
        "  the region came from AWS_REGION; profile prod says eu-central-1\n"
        "  do:    --region eu-central-1, or give the queue's URL");
    assert_int_equal(http.asked, 1);
    desk_clear(&desk);
}

/* What creates it must ask where sluice asked: version 1 of aws knows no variable for that. */
WORLD_TEST(a_missing_queue_is_created_where_it_was_asked_for)
{
    const struct reply missing = {.status = 400,
                                  .body = "{\"__type\":\"QueueDoesNotExist\",\"message\":\"\"}"};
    static const char create[] = "  do:    check the name and the region, or aws sqs create-queue "
                                 "--queue-name orders --region eu-west-1";
    static const struct {
        const char *flag, *sqs_variable, *variable, *config;
        const char *endpoint; /* NULL: AWS's own */
    } rows[] = {
        {.endpoint = NULL},
        {.flag = "http://127.0.0.1:18380/", .endpoint = "http://127.0.0.1:18380"},
        {.sqs_variable = "http://127.0.0.1:18381", .endpoint = "http://127.0.0.1:18381"},
        {.variable = "https://queue.example/sqs", .endpoint = "https://queue.example/sqs"},
        {.config = "[default]\nendpoint_url = http://[::1]:18382\n",
         .endpoint = "http://[::1]:18382"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct desk desk;
        const char *advice;
        char want[256];

        home_write("config", rows[i].config ? rows[i].config : "");
        env_put("AWS_ENDPOINT_URL_SQS", rows[i].sqs_variable);
        env_put("AWS_ENDPOINT_URL", rows[i].variable);
        desk = desk_with(ctx, (struct aws_config_options){.endpoint_url = rows[i].flag}, "orders",
                         &missing, 1);
        assert_int_equal(desk.result, PROBLEM);
        snprintf(want, sizeof(want), "%s%s%s", create, rows[i].endpoint ? " --endpoint-url " : "",
                 rows[i].endpoint ? rows[i].endpoint : "");
        advice = strstr(desk.problem.text.p, "  do:    ");
        assert_non_null(advice);
        assert_string_equal(advice, want);
        desk_clear(&desk);
    }
}

WORLD_TEST(a_missing_fifo_queue_is_created_as_one)
{
    const struct reply missing = {.status = 400,
                                  .body = "{\"__type\":\"QueueDoesNotExist\",\"message\":\"\"}"};
    struct desk desk;

    desk = desk_with(ctx, (struct aws_config_options){0}, "orders.fifo", &missing, 1);
    assert_int_equal(desk.result, PROBLEM);
    assert_non_null(strstr(desk.problem.text.p, "aws sqs create-queue --queue-name orders.fifo "
                                                "--attributes FifoQueue=true --region eu-west-1"));
    desk_clear(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AT_HOME(queues_are_found),
        AT_HOME(queues_are_refused_before_anything_is_sent),
        AT_HOME(a_region_must_come_from_somewhere),
        AT_HOME(missing_queues_are_explained),
        AT_HOME(a_missing_queue_is_created_where_it_was_asked_for),
        AT_HOME(a_missing_fifo_queue_is_created_as_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

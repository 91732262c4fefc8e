/*
 * desk -- a client over a scripted HTTP client, and the queue that it was asked to open.
 */
#ifndef TEST_UNIT_AWS_DESK_H
#define TEST_UNIT_AWS_DESK_H

#include "support.h"

#include "aws/sqs.h"

static struct script_client http;
static struct aws_config *config;

SL_UNUSED static int make_home(void **state)
{
    (void)state;
    home_make();
    env_put("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    env_put("AWS_SECRET_ACCESS_KEY", "canary/secret");
    env_put("AWS_REGION", "eu-west-1");
    return 0;
}

SL_UNUSED static int remove_home(void **state)
{
    (void)state;
    home_remove();
    return 0;
}

struct desk {
    struct sqs_client *client;
    struct sqs_queue *queue;
    struct problem problem;
    int result; /* of opening the queue */
};

SL_UNUSED static const struct reply nothing = {0};

SL_UNUSED static struct desk desk_with(struct sl_ctx *ctx, struct aws_config_options options,
                                       const char *queue, const struct reply *replies, size_t count)
{
    struct desk desk = {0};

    config = config_of(options);
    script_init(&http, replies, count);
    problem_init(&desk.problem);
    assert_int_equal(sqs_client_new(&desk.client, ctx, config, &http.client), 0);
    desk.result = sqs_queue_open(&desk.queue, desk.client, ctx, queue, &desk.problem);
    return desk;
}

/* The queue https://sqs.eu-west-1.amazonaws.com/123456789012/orders. */
SL_UNUSED static struct desk desk_of(struct sl_ctx *ctx, const struct reply *replies, size_t count)
{
    struct desk desk =
        desk_with(ctx, (struct aws_config_options){0},
                  "https://sqs.eu-west-1.amazonaws.com/123456789012/orders", replies, count);

    assert_int_equal(desk.result, 0);
    return desk;
}

SL_UNUSED static void desk_clear(struct desk *desk)
{
    sqs_queue_free(desk->queue);
    sqs_client_free(desk->client);
    problem_deinit(&desk->problem);
    aws_config_free(config);
}

#define REPLIES(...)                                                                               \
    (const struct reply[]){__VA_ARGS__}, COUNT(((const struct reply[]){__VA_ARGS__}))

#define AT_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)

#endif

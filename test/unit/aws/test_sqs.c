/* The SQS client over a scripted HTTP client: what it sends, when it tries again, what it says. */
#include "desk.h"

/* ---- what is sent ---- */

WORLD_TEST(requests_are_signed_and_minimal)
{
    struct slice handle = SLICE("a\\/b");
    struct sqs_entry entries[1];
    struct sqs_failure failure;
    struct desk desk;

    env_put("AWS_SESSION_TOKEN", "token");
    desk = desk_of(ctx, REPLIES({.body = "{\"Successful\":[{\"Id\":\"0\"}]}"}));
    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), 0);
    assert_int_equal(entries[0].state, SQS_ENTRY_DONE);
    assert_string_equal(http.requests[0].url, "https://sqs.eu-west-1.amazonaws.com/");
    assert_string_equal(http.requests[0].body,
                        "{\"QueueUrl\":\"https://sqs.eu-west-1.amazonaws.com/123456789012/orders\","
                        "\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"a\\/b\"}]}");
    /* The virtual clock starts at 2026-01-01; the signature is botocore's of the same request. */
    assert_string_equal(
        http.requests[0].headers,
        "Content-Type: application/x-amz-json-1.0\n"
        "X-Amz-Target: AmazonSQS.DeleteMessageBatch\n"
        "X-Amzn-Query-Mode: true\n"
        "X-Amz-Date: 20260101T000000Z\n"
        "Authorization: AWS4-HMAC-SHA256 "
        "Credential=AKIDEXAMPLE/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=content-type;"
        "host;x-amz-date;x-amz-security-token;x-amz-target;x-amzn-query-mode, "
        "Signature=4e0335e8cc0864afe7202d996da0cf1c050efc41accad7179b301d0a81c97832\n"
        "X-Amz-Security-Token: token\n");
    assert_string_equal(sqs_client_identity(desk.client), "the environment");
    desk_clear(&desk);
}

static struct sqs_receive_answer received;

static int receive(struct desk *desk, struct sl_ctx *ctx, struct sqs_failure *failure)
{
    const struct sqs_receive_options options = {.count = 10, .wait_s = 5, .visibility_s = 30};

    return sqs_receive(desk->queue, ctx, &options, &received, failure);
}

#define BODY(id, text, md5)                                                                        \
    "{\"MessageId\":\"" id "\",\"ReceiptHandle\":\"h" id "\",\"Body\":\"" text                     \
    "\",\"MD5OfBody\":\"" md5 "\",\"Attributes\":{\"ApproximateReceiveCount\":\"2\"}}"
#define FOOBAR "3858f62230ac3c915f300c664312c63f"

WORLD_TEST(receives_hand_their_bytes_over)
{
    struct sqs_failure failure;
    struct strbuf first;
    struct desk desk =
        desk_of(ctx, REPLIES({.body = "{\"Messages\":[" BODY("1", "foobar", FOOBAR) "," BODY(
                                  "2", "foobaz", FOOBAR) "]}",
                              .head = "Date: Thu, 01 Jan 2026 00:00:03 GMT\r\n",
                              .takes = SL_DUR_SEC(3)},
                             {.body = "{\"Messages\":[" BODY("3", "foobar", FOOBAR) "]}"}, {0}));

    assert_int_equal(receive(&desk, ctx, &failure), 0);
    assert_int_equal(http.requests[0].timeout.ns, sl_sec(15).ns);
    assert_true(http.requests[0].answer_max >= 10 * 6 * (1 << 20));
    assert_non_null(strstr(http.requests[0].body, "\"WaitTimeSeconds\":5"));
    assert_null(strstr(http.requests[0].body, "ReceiveRequestAttemptId"));
    assert_int_equal(received.count, 2);
    assert_null(received.messages[0].unfit);
    assert_non_null(received.messages[1].unfit);
    assert_int_equal(received.messages[0].receive_count, 2);
    assert_int_equal(sl_time_sub(received.answered, received.asked).ns, sl_sec(3).ns);
    assert_true(received.told_time);
    assert_int_equal(received.cut, 0);

    first = received.bytes;
    received.bytes = (struct strbuf){0};
    assert_int_equal(receive(&desk, ctx, &failure), 0);
    assert_int_equal(received.count, 1);
    assert_true(slice_is(received.messages[0].message_id, "3"));
    assert_false(received.told_time);
    assert_non_null(strstr(first.p, "foobaz"));
    assert_int_equal(receive(&desk, ctx, &failure), 0);
    assert_int_equal(received.count, 0);
    strbuf_deinit(&first);
    strbuf_deinit(&received.bytes);
    desk_clear(&desk);
}

WORLD_TEST(fifo_receives_carry_one_attempt_id)
{
    struct sqs_failure failure;
    struct desk desk = desk_with(ctx, (struct aws_config_options){0},
                                 "arn:aws:sqs:eu-west-1:123456789012:orders.fifo",
                                 REPLIES({.failure = HTTP_FAIL_CUT, .sent = true}, {0}));
    char *first, *second;

    assert_int_equal(receive(&desk, ctx, &failure), 0);
    assert_int_equal(received.cut, 1);
    assert_int_equal(sqs_client_counts(desk.client)->receives_cut, 1);
    first = strstr(http.requests[0].body, "ReceiveRequestAttemptId");
    second = strstr(http.requests[1].body, "ReceiveRequestAttemptId");
    assert_non_null(first);
    assert_memory_equal(first, second, 23 + 3 + 36);
    assert_int_equal(receive(&desk, ctx, &failure), 0);
    second = strstr(http.requests[2].body, "ReceiveRequestAttemptId");
    assert_true(memcmp(first, second, 23 + 3 + 36) != 0);
    strbuf_deinit(&received.bytes);
    desk_clear(&desk);
}

WORLD_TEST(entries_have_their_own_results)
{
    const struct sqs_visibility changes[] = {
        {SLICE("a"), 0}, {SLICE("b"), 30}, {SLICE("c"), 43200}, {SLICE("d"), 1}};
    struct sqs_entry entries[4];
    struct sqs_failure failure;
    struct desk desk = desk_of(
        ctx, REPLIES({.body = "{\"Failed\":[{\"Id\":\"1\",\"SenderFault\":true,\"Code\":"
                              "\"ReceiptHandleIsInvalid\",\"Message\":\"x\"},{\"Id\":\"3\","
                              "\"SenderFault\":false,\"Code\":\"InternalError\"}],\"Successful\":"
                              "[{\"Id\":\"0\"}]}"}));

    assert_int_equal(sqs_change_visibility_batch(desk.queue, ctx, changes, 4, entries, &failure),
                     0);
    assert_int_equal(entries[0].state, SQS_ENTRY_DONE);
    assert_int_equal(entries[1].state, SQS_ENTRY_REFUSED);
    assert_string_equal(entries[1].code, "ReceiptHandleIsInvalid");
    assert_int_equal(entries[2].state, SQS_ENTRY_RETRY);
    assert_int_equal(entries[3].state, SQS_ENTRY_RETRY);
    assert_non_null(strstr(http.requests[0].body, "\"VisibilityTimeout\":43200"));
    desk_clear(&desk);
}

/* Up at once, down by an eighth of the difference. Retries count, each by itself; receives and requests without an answer don't. */
WORLD_TEST(the_round_trip_is_that_of_the_slowest_of_late)
{
    static const int64_t expected_ms[] = {800, 700, 700, 1000};
    struct sqs_queue_attributes attributes;
    struct sqs_failure failure;
    struct desk desk = desk_of(ctx, REPLIES({.body = "{\"Attributes\":{}}", .takes = sl_ms(800)},
                                            {.body = "{\"Attributes\":{}}"}, {.takes = sl_sec(5)},
                                            {.failure = HTTP_FAIL_TIMEOUT, .takes = sl_sec(15)},
                                            {.body = "{\"Attributes\":{}}", .takes = sl_ms(1000)}));

    assert_int_equal(sqs_client_round_trip(desk.client).ns, 0);
    for (size_t i = 0; i < COUNT(expected_ms); i++) {
        if (i == 2)
            assert_int_equal(sqs_receive(desk.queue, ctx, &(struct sqs_receive_options){.count = 1},
                                         &received, &failure),
                             0);
        else
            (void)!sqs_get_attributes(desk.queue, ctx, &attributes, &failure);
        assert_int_equal(sl_dur_ms(sqs_client_round_trip(desk.client)), expected_ms[i]);
    }
    strbuf_deinit(&received.bytes);
    desk_clear(&desk);
}

WORLD_TEST(messages_are_sent)
{
    const struct sqs_send_entry messages[] = {{.body = SLICE("a\"b"), .delay_s = -1},
                                              {.body = SLICE("\xff"), .delay_s = -1}};
    struct sqs_send what = {.messages = messages, .count = 1};
    struct sqs_entry entries[2];
    struct sqs_failure failure;
    struct desk desk = desk_of(ctx, REPLIES({.body = "{\"Successful\":[{\"Id\":\"0\"}]}"}));

    assert_int_equal(sqs_send_batch(desk.queue, ctx, &what, entries, &failure), 0);
    assert_non_null(strstr(http.requests[0].body, "\"MessageBody\":\"a\\\"b\""));
    what.count = 2;
    assert_int_equal(sqs_send_batch(desk.queue, ctx, &what, entries, &failure), SQS_FAILED);
    assert_int_equal(failure.trouble, SQS_TROUBLE_REQUEST);
    assert_int_equal(http.asked, 1);
    desk_clear(&desk);
}

WORLD_TEST(attributes_are_read)
{
    struct sqs_queue_attributes attributes;
    struct sqs_failure failure;
    struct desk desk = desk_of(
        ctx, REPLIES({.body = "{\"Attributes\":{\"VisibilityTimeout\":\"45\","
                              "\"ApproximateNumberOfMessages\":\"4210\","
                              "\"QueueArn\":\"arn:aws:sqs:eu-west-1:123456789012:orders\","
                              "\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:"
                              "eu-west-1:123456789012:dead\\\",\\\"maxReceiveCount\\\":3}\"}}"},
                     {.body = "{\"Attributes\":{\"RedrivePolicy\":\"nonsense\","
                              "\"ApproximateNumberOfMessages\":\"-4\"}}"},
                     {.body = "{}"}, {.body = "<html>"}));

    assert_int_equal(sqs_get_attributes(desk.queue, ctx, &attributes, &failure), 0);
    assert_int_equal(attributes.visibility.ns, sl_sec(45).ns);
    assert_int_equal(attributes.visible, 4210);
    assert_int_equal(attributes.message_bytes_max, 1 << 20);
    assert_string_equal(attributes.arn, "arn:aws:sqs:eu-west-1:123456789012:orders");
    assert_true(attributes.has_redrive);
    assert_int_equal(attributes.max_receive_count, 3);
    assert_string_equal(attributes.dead_letter_arn, "arn:aws:sqs:eu-west-1:123456789012:dead");

    assert_int_equal(sqs_get_attributes(desk.queue, ctx, &attributes, &failure), 0);
    assert_int_equal(attributes.visibility.ns, sl_sec(30).ns);
    assert_int_equal(attributes.visible, 0);
    assert_false(attributes.has_redrive);

    assert_int_equal(sqs_get_attributes(desk.queue, ctx, &attributes, &failure), 0);
    assert_int_equal(sqs_get_attributes(desk.queue, ctx, &attributes, &failure), SQS_FAILED);
    assert_int_equal(failure.trouble, SQS_TROUBLE_ANSWER);
    desk_clear(&desk);
}

/* ---- failures ---- */

#define ERROR(code) "{\"__type\":\"com.amazonaws.sqs#" code "\",\"message\":\"because\"}"

/* One failure for ever: how often it is asked, what it is called, what people read. */
WORLD_TEST(failures_are_judged)
{
    static const struct {
        struct reply reply;
        enum sqs_trouble trouble;
        size_t asked;
        bool ambiguous;
        enum exit_status status;
        const char *text, *says;
    } rows[] = {
        {{.failure = HTTP_FAIL_RESOLVE},
         SQS_TROUBLE_UNREACHABLE,
         3,
         false,
         EXIT_NOT_AVAILABLE,
         NULL,
         "the region came from the queue's URL"},
        {{.failure = HTTP_FAIL_CONNECT},
         SQS_TROUBLE_UNREACHABLE,
         3,
         false,
         EXIT_NOT_AVAILABLE,
         NULL,
         "(DeleteMessageBatch, 3 attempts)\n  do:    check the way out"},
        {{.failure = HTTP_FAIL_TLS},
         SQS_TROUBLE_UNREACHABLE,
         3,
         false,
         EXIT_NOT_AVAILABLE,
         NULL,
         "AWS_CA_BUNDLE"},
        {{.failure = HTTP_FAIL_TIMEOUT, .sent = true},
         SQS_TROUBLE_UNREACHABLE,
         3,
         true,
         EXIT_NOT_AVAILABLE,
         NULL,
         "SQS can't be reached: "},
        {{.failure = HTTP_FAIL_CUT, .sent = true},
         SQS_TROUBLE_UNREACHABLE,
         3,
         true,
         EXIT_NOT_AVAILABLE,
         NULL,
         "SQS can't be reached: "},
        {{.early = true, .body = "{\"Successful\":[{\"Id\":\"0\"}]}"},
         SQS_TROUBLE_UNREACHABLE,
         3,
         true,
         EXIT_NOT_AVAILABLE,
         NULL,
         "answered before the request was sent"},
        {{.failure = HTTP_FAIL_PROTOCOL, .sent = true},
         SQS_TROUBLE_ANSWER,
         3,
         true,
         EXIT_NOT_AVAILABLE,
         NULL,
         "what answered is not SQS: "},
        {{.failure = HTTP_FAIL_TOO_LARGE, .sent = true},
         SQS_TROUBLE_ANSWER,
         1,
         true,
         EXIT_NOT_AVAILABLE,
         NULL,
         "what answered is not SQS: "},
        {{.status = 500, .body = ERROR("InternalError")},
         SQS_TROUBLE_SERVICE,
         3,
         false,
         EXIT_NOT_AVAILABLE,
         "DeleteMessageBatch: 500 InternalError: because",
         "SQS failed: 500 InternalError: because"},
        {{.status = 503, .body = "<html>busy</html>"},
         SQS_TROUBLE_SERVICE,
         3,
         false,
         EXIT_NOT_AVAILABLE,
         "DeleteMessageBatch: 503",
         "SQS failed: 503"},
        {{.status = 400, .body = ERROR("ThrottlingException")},
         SQS_TROUBLE_THROTTLED,
         3,
         false,
         EXIT_NOT_AVAILABLE,
         NULL,
         "SQS is throttling: 400 ThrottlingException: because"},
        {{.status = 403, .body = ERROR("RequestThrottled")},
         SQS_TROUBLE_THROTTLED,
         3,
         false,
         EXIT_NOT_AVAILABLE,
         NULL,
         "SQS is throttling: "},
        {{.status = 403, .body = ERROR("InvalidClientTokenId")},
         SQS_TROUBLE_CREDENTIALS,
         1,
         false,
         EXIT_NO_CREDENTIALS,
         "DeleteMessageBatch: 403 InvalidClientTokenId: because",
         "AWS refuses the credentials from the environment: 403 InvalidClientTokenId: because\n"
         "  asked: https://sqs.eu-west-1.amazonaws.com/ (DeleteMessageBatch)\n"
         "  do:    check the access key"},
        {{.status = 400, .body = ERROR("ExpiredToken")},
         SQS_TROUBLE_CREDENTIALS,
         1,
         false,
         EXIT_NO_CREDENTIALS,
         NULL,
         "do:    get new ones"},
        {{.status = 403, .body = ERROR("SignatureDoesNotMatch")},
         SQS_TROUBLE_CREDENTIALS,
         1,
         false,
         EXIT_NO_CREDENTIALS,
         NULL,
         "check that the secret key belongs"},
        {{.status = 403,
          .body = "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"It does not match.\\n\\n"
                  "The Canonical String for this request should have been\\n"
                  "'x-amz-security-token:canary'\"}"},
         SQS_TROUBLE_CREDENTIALS,
         1,
         false,
         EXIT_NO_CREDENTIALS,
         "DeleteMessageBatch: 403 SignatureDoesNotMatch: It does not match.",
         "check that the secret key belongs"},
        {{.status = 403,
          .body =
              "{\"__type\":\"com.amazon.coral.service#IncompleteSignatureException\",\"message\":"
              "\"'x' not a valid key=value pair (missing equal-sign) in Authorization header: "
              "'AWS4-HMAC-SHA256 Credential=canary/20260101, Signature=canary'.\"}"},
         SQS_TROUBLE_CREDENTIALS,
         1,
         false,
         EXIT_NO_CREDENTIALS,
         "DeleteMessageBatch: 403 IncompleteSignatureException: 'x' not a valid key=value pair "
         "(missing equal-sign) in Authorization header",
         "check that the secret key belongs"},
        {{.status = 400,
          .body = "{\"__type\":\"IncompleteSignature\",\"message\":\"Authorization header requires "
                  "'Signature' parameter. Authorization=canary\"}"},
         SQS_TROUBLE_CREDENTIALS,
         1,
         false,
         EXIT_NO_CREDENTIALS,
         "DeleteMessageBatch: 400 IncompleteSignature: Authorization header requires 'Signature' "
         "parameter.",
         "refuses the credentials"},
        {{.status = 400,
          .body = "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"got signature=canary, "
                  "credential=canary, x-amz-security-token: canary\"}"},
         SQS_TROUBLE_CREDENTIALS,
         1,
         false,
         EXIT_NO_CREDENTIALS,
         "DeleteMessageBatch: 400 SignatureDoesNotMatch: got",
         "refuses the credentials"},
        {{.status = 403, .body = ERROR("AccessDenied")},
         SQS_TROUBLE_PERMISSION,
         1,
         false,
         EXIT_NO_CREDENTIALS,
         NULL,
         "no permission for sqs:DeleteMessage on orders (eu-west-1): 403 AccessDenied: because\n"
         "  asked: https://sqs.eu-west-1.amazonaws.com/ (DeleteMessageBatch)\n"
         "  signed with the keys from the environment\n"
         "  do:    allow sqs:DeleteMessage on arn:aws:sqs:eu-west-1:123456789012:orders in that "
         "identity's policy"},
        {{.status = 400, .body = ERROR("KmsAccessDenied")},
         SQS_TROUBLE_PERMISSION,
         1,
         false,
         EXIT_NO_CREDENTIALS,
         NULL,
         "allow kms:Decrypt on the queue's key"},
        {{.status = 403, .body = ERROR("OverLimit")},
         SQS_TROUBLE_OVER_LIMIT,
         1,
         false,
         EXIT_NOT_AVAILABLE,
         NULL,
         "too many messages of orders are in flight"},
        {{.status = 400, .body = ERROR("QueueDoesNotExist")},
         SQS_TROUBLE_NO_QUEUE,
         1,
         false,
         EXIT_BAD_CONFIG,
         NULL,
         "check the name and the region"},
        {{.status = 404, .body = ERROR("ReceiptHandleIsInvalid")},
         SQS_TROUBLE_HANDLE,
         1,
         false,
         EXIT_INTERNAL,
         NULL,
         "SQS refuses the request"},
        {{.status = 400, .body = ERROR("InvalidParameterValue")},
         SQS_TROUBLE_REQUEST,
         1,
         false,
         EXIT_BAD_CONFIG,
         NULL,
         "SQS refuses the request: 400 InvalidParameterValue: because"},
        {{.status = 404, .body = "<html>not here</html>"},
         SQS_TROUBLE_ANSWER,
         1,
         false,
         EXIT_NOT_AVAILABLE,
         NULL,
         "what answered is not SQS: 404"},
        {{.status = 302, .head = "Location: http://evil.example/\r\n", .body = ""},
         SQS_TROUBLE_ANSWER,
         1,
         false,
         EXIT_NOT_AVAILABLE,
         NULL,
         "what answered is not SQS: 302"},
        {{.status = 204, .body = ""},
         SQS_TROUBLE_ANSWER,
         1,
         false,
         EXIT_NOT_AVAILABLE,
         NULL,
         "what answered is not SQS: 204"},
        {{.body = "{\"Successful\":[{\"Id\":\"0\"}"},
         SQS_TROUBLE_ANSWER,
         1,
         true,
         EXIT_NOT_AVAILABLE,
         NULL,
         "what answered is not SQS: 200"},
    };
    struct slice handle = SLICE("h");

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct desk desk = desk_of(ctx, &rows[i].reply, 1);
        struct sqs_failure failure;
        struct sqs_entry entries[1];
        char text[512];

        assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure),
                         SQS_FAILED);
        assert_int_equal(failure.trouble, rows[i].trouble);
        assert_int_equal(http.asked, rows[i].asked);
        assert_int_equal(failure.attempts, rows[i].asked);
        assert_int_equal(failure.is_ambiguous, rows[i].ambiguous);
        if (rows[i].text)
            assert_string_equal(sqs_failure_text(&failure, text, sizeof(text)), rows[i].text);
        assert_int_equal(sqs_explain(desk.queue, &failure, &desk.problem), PROBLEM);
        assert_int_equal(desk.problem.status, rows[i].status);
        if (!strstr(desk.problem.text.p, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", desk.problem.text.p, rows[i].says);
        assert_null(strstr(desk.problem.text.p, "canary"));
        desk_clear(&desk);
    }
}

/* The keys are right: what helps is another region, not a look at the secret. */
WORLD_TEST(a_region_that_the_service_is_not_in_is_named)
{
    static const struct {
        const char *endpoint, *body, *says, *date;
    } rows[] = {
        {"http://127.0.0.1:9324",
         "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"signed for another region, service or "
         "day\"}",
         "127.0.0.1:9324 refuses the credentials from the environment: 403 SignatureDoesNotMatch: "
         "signed for another region, service or day\n"
         "  asked: http://127.0.0.1:9324/ (DeleteMessageBatch)\n"
         "  signed for eu-west-1: the region came from AWS_REGION\n"
         "  do:    --region with the one that 127.0.0.1:9324 is in, and check this machine's clock",
         NULL},
        {"https://sqs.us-east-1.amazonaws.com",
         "{\"__type\":\"com.amazon.coral.service#InvalidSignatureException\",\"message\":"
         "\"Credential should be scoped to a valid Region, not 'eu-west-1'. \"}",
         "AWS refuses the credentials from the environment: 403 InvalidSignatureException: "
         "Credential should be scoped to a valid Region, not 'eu-west-1'. \n"
         "  asked: https://sqs.us-east-1.amazonaws.com/ (DeleteMessageBatch)\n"
         "  signed for eu-west-1: the region came from AWS_REGION\n"
         "  do:    --region with the one that sqs.us-east-1.amazonaws.com is in, and check this "
         "machine's clock",
         NULL},
        {"http://127.0.0.1:9324",
         "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"signed for another region, service or "
         "day\"}",
         "127.0.0.1:9324 refuses the credentials from the environment: ",
         "Date: Thu, 01 Jan 2026 02:00:00 GMT\r\n"},
        {"https://queue.example/sqs", ERROR("SignatureDoesNotMatch"),
         "queue.example refuses the credentials from the environment: 403 SignatureDoesNotMatch: "
         "because\n"
         "  asked: https://queue.example/sqs/ (DeleteMessageBatch)\n"
         "  do:    check that the secret key belongs to that access key",
         NULL},
        {"https://queue.example", ERROR("RequestExpired"),
         "queue.example refuses the time of the request: ", NULL},
    };
    struct slice handle = SLICE("h");

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct reply reply = {.status = 403, .head = rows[i].date, .body = rows[i].body};
        struct desk desk =
            desk_with(ctx, (struct aws_config_options){.endpoint_url = rows[i].endpoint},
                      "https://queue.example/q/orders", &reply, 1);
        struct sqs_failure failure;
        struct sqs_entry entries[1];

        assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure),
                         SQS_FAILED);
        sqs_explain(desk.queue, &failure, &desk.problem);
        if (strncmp(desk.problem.text.p, rows[i].says, strlen(rows[i].says)) != 0)
            fail_msg("\"%s\" is not \"%s\"", desk.problem.text.p, rows[i].says);
        desk_clear(&desk);
    }
}

WORLD_TEST(commands_that_are_proposed_ask_where_sluice_asked)
{
    static const char url[] = "http://127.0.0.1:9324/000000000000/orders";
    static const struct {
        const char *body, *says;
    } rows[] = {
        {ERROR("InvalidParameterValue"), "(aws sqs get-queue-attributes --attribute-names All "
                                         "--endpoint-url http://127.0.0.1:9324)"},
        {ERROR("QueueDoesNotExist"), "aws sqs create-queue --queue-name orders --region eu-west-1 "
                                     "--endpoint-url http://127.0.0.1:9324"},
        {ERROR("InvalidClientTokenId"), "temporary ones need AWS_SESSION_TOKEN too"},
        {ERROR("InternalFailure"), "try again in a minute"},
    };
    struct slice handle = SLICE("h");

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct reply reply = {.status = 400, .body = rows[i].body};
        struct desk desk = desk_with(ctx, (struct aws_config_options){0}, url, &reply, 1);
        struct sqs_failure failure;
        struct sqs_entry entries[1];

        assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure),
                         SQS_FAILED);
        sqs_explain(desk.queue, &failure, &desk.problem);
        if (!strstr(desk.problem.text.p, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", desk.problem.text.p, rows[i].says);
        assert_null(strstr(desk.problem.text.p, "aws sts")); /* it is AWS that this would ask */
        assert_null(strstr(desk.problem.text.p, "amazon"));
        desk_clear(&desk);
    }
}

/* What is wrong with the queue's key, and the action that is wanting: a send needs another than a receive. */
WORLD_TEST(what_the_queues_key_needs_is_named)
{
    static const struct {
        bool is_send;
        const char *body, *says[2];
    } rows[] = {
        {false,
         ERROR("KmsAccessDenied"),
         {"no permission for kms:Decrypt on orders",
          "do:    allow kms:Decrypt on the queue's key"}},
        {true,
         ERROR("KmsAccessDenied"),
         {"no permission for kms:GenerateDataKey and kms:Decrypt on orders",
          "do:    allow kms:GenerateDataKey and kms:Decrypt on the queue's key"}},
        {true,
         "{\"__type\":\"com.amazonaws.sqs#KmsAccessDenied\",\"message\":\"User: u is not authorized "
         "to perform: kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:1:key/k because …\"}",
         {"no permission for kms:GenerateDataKey on orders",
          "do:    allow kms:GenerateDataKey on the queue's key"}},
        {true,
         "{\"__type\":\"AccessDenied\",\"message\":\"arn:aws:kms:eu-west-1:1:key/k: not allowed "
         "kms:GenerateDataKey\"}",
         {"no permission for kms:GenerateDataKey on orders",
          "do:    allow kms:GenerateDataKey on the queue's key"}},
        {true,
         "{\"__type\":\"AccessDenied\",\"message\":\"sqs:SendMessage, arn:aws:kms:eu-west-1\"}",
         {"no permission for sqs:SendMessage on orders", "do:    allow sqs:SendMessage on arn:"}},
        {true,
         ERROR("KmsDisabled"),
         {"the KMS key of orders (eu-west-1) is disabled: 400 KmsDisabled: because",
          "do:    enable it, or give the queue another"}},
        {false,
         ERROR("KmsInvalidState"),
         {"the KMS key of orders (eu-west-1) is pending deletion or not available: 400",
          "do:    cancel its deletion and enable it, or give the queue another"}},
        {false,
         ERROR("KmsNotFound"),
         {"the KMS key of orders (eu-west-1) does not exist: 400",
          "do:    give the queue another (aws sqs set-queue-attributes, KmsMasterKeyId)"}},
        {true,
         ERROR("KmsInvalidKeyUsage"),
         {"the KMS key of orders (eu-west-1) is not one that encrypts: 400",
          "do:    give the queue another"}},
    };
    const struct sqs_send_entry message = {.body = SLICE("a"), .delay_s = -1};
    const struct sqs_send what = {.messages = &message, .count = 1};

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct reply reply = {.status = 400, .body = rows[i].body};
        struct desk desk = desk_of(ctx, &reply, 1);
        struct sqs_failure failure;
        struct sqs_entry entries[1];

        assert_int_equal(rows[i].is_send ? sqs_send_batch(desk.queue, ctx, &what, entries, &failure)
                                         : receive(&desk, ctx, &failure),
                         SQS_FAILED);
        sqs_explain(desk.queue, &failure, &desk.problem);
        for (size_t k = 0; k < COUNT(rows[i].says); k++)
            if (!strstr(desk.problem.text.p, rows[i].says[k]))
                fail_msg("\"%s\" does not say \"%s\"", desk.problem.text.p, rows[i].says[k]);
        desk_clear(&desk);
    }
}

WORLD_TEST(retries_wait_and_are_signed_anew)
{
    struct slice handle = SLICE("h");
    struct sqs_entry entries[1];
    struct sqs_failure failure;
    struct desk desk =
        desk_of(ctx, REPLIES({.status = 400,
                              .head = "x-amz-retry-after: 3000\r\nx-amzn-RequestId: abc\r\n",
                              .body = ERROR("ThrottlingException")},
                             {.failure = HTTP_FAIL_CUT, .reused = true},
                             {.body = "{\"Successful\":[{\"Id\":\"0\"}]}"}));

    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), 0);
    assert_int_equal(http.asked, 3);
    assert_true(sl_time_sub(http.requests[1].at, http.requests[0].at).ns >= sl_sec(3).ns);
    assert_null(strstr(http.requests[1].headers, "20260101T000000Z"));
    assert_false(http.requests[1].fresh);
    assert_true(http.requests[2].fresh);
    assert_int_equal(sqs_client_counts(desk.client)->requests, 3);
    assert_int_equal(sqs_client_counts(desk.client)->retries, 2);
    desk_clear(&desk);
}

WORLD_TEST(an_empty_quota_slows_receives_down)
{
    struct sqs_failure failure;
    struct desk desk = desk_of(ctx, REPLIES({.failure = HTTP_FAIL_CONNECT}));
    sl_time start;
    size_t asked;

    for (int i = 0; i < 18; i++) /* 500 / (2 × 14) */
        assert_int_equal(receive(&desk, ctx, &failure), SQS_FAILED);
    asked = http.asked;
    start = sl_now();
    for (int i = 0; i < 8; i++)
        assert_int_equal(receive(&desk, ctx, &failure), SQS_FAILED);
    assert_int_equal(http.asked - asked, 8); /* no retries */
    assert_true(sl_time_sub(sl_now(), start).ns > 0);
    desk_clear(&desk);
}

WORLD_TEST(attempts_can_be_set)
{
    struct sqs_failure failure;
    struct desk desk;

    env_put("AWS_MAX_ATTEMPTS", "1");
    desk = desk_of(ctx, REPLIES({.failure = HTTP_FAIL_CONNECT}));
    assert_int_equal(receive(&desk, ctx, &failure), SQS_FAILED);
    assert_int_equal(http.asked, 1);
    desk_clear(&desk);
}

/* ---- the clock ---- */

WORLD_TEST(a_wrong_clock_is_corrected)
{
    struct slice handle = SLICE("h");
    struct sqs_entry entries[1];
    struct sqs_failure failure;
    struct desk desk = desk_of(ctx, REPLIES({.status = 400,
                                             .head = "Date: Thu, 01 Jan 2026 02:00:00 GMT\r\n",
                                             .body = ERROR("RequestExpired")},
                                            {.head = "Date: Thu, 01 Jan 2026 02:00:00 GMT\r\n",
                                             .body = "{\"Successful\":[{\"Id\":\"0\"}]}"}));

    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), 0);
    assert_int_equal(http.asked, 2);
    assert_non_null(strstr(http.requests[0].headers, "X-Amz-Date: 20260101T000000Z"));
    assert_non_null(strstr(http.requests[1].headers, "X-Amz-Date: 20260101T020000Z"));
    assert_int_equal(sqs_client_skew_ms(desk.client), 7200000);
    desk_clear(&desk);
}

WORLD_TEST(a_wrong_clock_is_named)
{
    const struct reply expired = {.status = 400,
                                  .head = "Date: Thu, 01 Jan 2026 02:00:00 GMT\r\n",
                                  .body = ERROR("SignatureDoesNotMatch")};
    struct slice handle = SLICE("h");
    struct sqs_entry entries[1];
    struct sqs_failure failure;
    struct desk desk = desk_of(ctx, &expired, 1);

    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), SQS_FAILED);
    assert_int_equal(http.asked, 2); /* once more, with the right time */
    assert_int_equal(failure.trouble, SQS_TROUBLE_CLOCK);
    sqs_explain(desk.queue, &failure, &desk.problem);
    assert_non_null(strstr(desk.problem.text.p, "this machine's clock is 7200 s behind"));
    desk_clear(&desk);

    env_put("AWS_DISABLE_CLOCK_SKEW_CORRECTION", "true");
    desk = desk_of(ctx, REPLIES({.status = 400,
                                 .head = "Date: Thu, 01 Jan 2026 02:00:00 GMT\r\n",
                                 .body = ERROR("RequestExpired")}));
    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), SQS_FAILED);
    assert_int_equal(http.asked, 1);
    sqs_explain(desk.queue, &failure, &desk.problem);
    assert_non_null(strstr(desk.problem.text.p, "AWS_DISABLE_CLOCK_SKEW_CORRECTION"));
    desk_clear(&desk);
}

/* A day ahead, keys of an hour look expired: only an answer can tell that they are not. */
WORLD_TEST(a_clock_that_is_ahead_of_the_keys_life_is_corrected)
{
    static const struct reply
        keys = {.body =
                    "{\"AccessKeyId\":\"AKIDFRESH\",\"SecretAccessKey\":\"canary\",\"Token\":\"t\","
                    "\"Expiration\":\"2026-01-01T01:00:00Z\"}"},
        early = {.status = 403,
                 .head = "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n",
                 .body = ERROR("InvalidSignatureException")},
        done = {.head = "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n",
                .body = "{\"Successful\":[{\"Id\":\"0\"}]}"};
    const int64_t day_ms = 24 * 3600 * 1000;
    struct slice handle = SLICE("h");
    struct sqs_entry entries[1];
    struct sqs_failure failure;
    struct desk desk;

    env_put("AWS_ACCESS_KEY_ID", NULL);
    env_put("AWS_SECRET_ACCESS_KEY", NULL);
    env_put("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/c");

    sl_virtual_wall_jump(day_ms);
    desk = desk_of(ctx, REPLIES(keys, early, done));
    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), 0);
    assert_int_equal(http.asked, 3);
    assert_int_equal(sqs_client_skew_ms(desk.client), -day_ms);
    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), 0);
    assert_int_equal(http.asked, 4);
    desk_clear(&desk);

    env_put("AWS_DISABLE_CLOCK_SKEW_CORRECTION", "true");
    desk = desk_of(ctx, REPLIES(keys, early, done));
    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), SQS_FAILED);
    assert_int_equal(failure.trouble, SQS_TROUBLE_NO_CREDENTIALS);
    assert_int_equal(http.asked, 1);
    desk_clear(&desk);
    env_put("AWS_DISABLE_CLOCK_SKEW_CORRECTION", NULL);

    sl_virtual_wall_jump(-day_ms); /* right at the start, and set while it runs */
    desk = desk_of(ctx, REPLIES(keys, done, keys, early, done));
    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), 0);
    sl_virtual_wall_jump(day_ms);
    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), 0);
    assert_int_equal(http.asked, 5);
    desk_clear(&desk);

    sl_virtual_wall_jump(-day_ms); /* right again, and the keys are over: they are not used */
    desk = desk_of(ctx, REPLIES(keys, done, keys));
    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), 0);
    assert_int_equal(sl_sleep(ctx, sl_hours(2)), SL_OK);
    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), SQS_FAILED);
    assert_int_equal(failure.trouble, SQS_TROUBLE_NO_CREDENTIALS);
    assert_int_equal(http.asked, 3);
    desk_clear(&desk);
}

/* ---- credentials ---- */

WORLD_TEST(refused_keys_are_replaced_once)
{
    struct slice handle = SLICE("h");
    struct sqs_entry entries[1];
    struct sqs_failure failure;
    struct desk desk;

    env_put("AWS_ACCESS_KEY_ID", NULL);
    env_put("AWS_SECRET_ACCESS_KEY", NULL);
    home_write("credentials",
               "[default]\naws_access_key_id = AKIDOLD\naws_secret_access_key = s\n");
    desk = desk_of(ctx, REPLIES({0}, {.status = 403, .body = ERROR("ExpiredToken")},
                                {.body = "{\"Successful\":[{\"Id\":\"0\"}]}"}));
    assert_int_equal(receive(&desk, ctx, &failure), 0);
    home_write("credentials",
               "[default]\naws_access_key_id = AKIDNEW\naws_secret_access_key = s\n");
    assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure), 0);
    assert_int_equal(http.asked, 3);
    assert_non_null(strstr(http.requests[1].headers, "Credential=AKIDOLD/"));
    assert_non_null(strstr(http.requests[2].headers, "Credential=AKIDNEW/"));
    assert_int_equal(sqs_client_counts(desk.client)->renewals, 1);
    strbuf_deinit(&received.bytes);
    desk_clear(&desk);
}

/* What helps against keys that are over depends on who gave them. */
WORLD_TEST(keys_that_are_over_are_renewed_where_they_came_from)
{
    static const struct reply keys = {.body =
                                          "{\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"s\"}"},
                              over = {.status = 403, .body = ERROR("ExpiredToken")};
    static const struct {
        const char *id, *file, *endpoint, *says;
    } rows[] = {
        {"AKIDENV", "", NULL,
         "  do:    get new ones, set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
         "AWS_SESSION_TOKEN to them, and start again"},
        {NULL, "[default]\naws_access_key_id = A\naws_secret_access_key = s\n", NULL,
         "  do:    get new ones, and write them there"},
        {NULL, "", "http://127.0.0.1/c",
         "  do:    that endpoint should have renewed them: restart the task or pod, and look at its role"},
    };
    struct slice handle = SLICE("h");

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sqs_entry entries[1];
        struct sqs_failure failure;
        struct desk desk;

        env_put("AWS_ACCESS_KEY_ID", rows[i].id);
        env_put("AWS_SECRET_ACCESS_KEY", rows[i].id);
        env_put("AWS_CONTAINER_CREDENTIALS_FULL_URI", rows[i].endpoint);
        home_write("credentials", rows[i].file);
        desk = rows[i].endpoint ? desk_of(ctx, REPLIES(keys, over)) : desk_of(ctx, &over, 1);
        assert_int_equal(sqs_delete_batch(desk.queue, ctx, &handle, 1, entries, &failure),
                         SQS_FAILED);
        assert_int_equal(failure.trouble, SQS_TROUBLE_CREDENTIALS);
        sqs_explain(desk.queue, &failure, &desk.problem);
        if (!strstr(desk.problem.text.p, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", desk.problem.text.p, rows[i].says);
        assert_null(strstr(desk.problem.text.p, "sso"));
        desk_clear(&desk);
    }
}

WORLD_TEST(without_keys_nothing_is_sent)
{
    struct sqs_failure failure;
    struct desk desk;

    env_put("AWS_ACCESS_KEY_ID", NULL);
    env_put("AWS_SECRET_ACCESS_KEY", NULL);
    desk = desk_of(ctx, &nothing, 1);
    assert_int_equal(receive(&desk, ctx, &failure), SQS_FAILED);
    assert_int_equal(failure.trouble, SQS_TROUBLE_NO_CREDENTIALS);
    assert_int_equal(http.asked, 0);
    sqs_explain(desk.queue, &failure, &desk.problem);
    assert_non_null(strstr(desk.problem.text.p, "no AWS credentials\n  tried: "));
    desk_clear(&desk);
    desk = desk_with(ctx, (struct aws_config_options){0}, "orders", &nothing, 1);
    assert_int_equal(desk.result, PROBLEM);
    assert_int_equal(desk.problem.status, EXIT_NO_CREDENTIALS);
    desk_clear(&desk);
}

/* ---- the context ---- */

WORLD_TEST(operations_end_with_their_context)
{
    static const struct sl_ctx_options soon = {.timeout = SL_DUR_SEC(2)};
    struct sl_ctx *scope = sl_ctx_new(ctx, &soon);
    struct sqs_failure failure;
    struct desk desk = desk_of(ctx, REPLIES({.takes = SL_DUR_SEC(5)}));

    assert_int_equal(receive(&desk, scope, &failure), SL_TIMEOUT);
    assert_int_equal(received.cut, 1);
    assert_int_equal(receive(&desk, scope, &failure), SL_TIMEOUT);
    sl_ctx_leave(scope);
    scope = sl_ctx_new(ctx, NULL);
    sl_ctx_cancel(scope, 0);
    assert_int_equal(receive(&desk, scope, &failure), SL_CANCELED);
    sl_ctx_leave(scope);
    desk_clear(&desk);
}

WORLD_TEST(a_malformed_receive_counts_as_cut)
{
    struct sqs_failure failure;
    struct desk desk = desk_of(ctx, REPLIES({.body = "{\"Messages\":[{\"MessageId\":"}));

    assert_int_equal(receive(&desk, ctx, &failure), SQS_FAILED);
    assert_int_equal(failure.trouble, SQS_TROUBLE_ANSWER);
    assert_int_equal(received.cut, 1);
    desk_clear(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AT_HOME(requests_are_signed_and_minimal),
        AT_HOME(receives_hand_their_bytes_over),
        AT_HOME(fifo_receives_carry_one_attempt_id),
        AT_HOME(entries_have_their_own_results),
        AT_HOME(the_round_trip_is_that_of_the_slowest_of_late),
        AT_HOME(messages_are_sent),
        AT_HOME(attributes_are_read),
        AT_HOME(failures_are_judged),
        AT_HOME(a_region_that_the_service_is_not_in_is_named),
        AT_HOME(commands_that_are_proposed_ask_where_sluice_asked),
        AT_HOME(what_the_queues_key_needs_is_named),
        AT_HOME(retries_wait_and_are_signed_anew),
        AT_HOME(an_empty_quota_slows_receives_down),
        AT_HOME(attempts_can_be_set),
        AT_HOME(a_wrong_clock_is_corrected),
        AT_HOME(a_wrong_clock_is_named),
        AT_HOME(a_clock_that_is_ahead_of_the_keys_life_is_corrected),
        AT_HOME(refused_keys_are_replaced_once),
        AT_HOME(keys_that_are_over_are_renewed_where_they_came_from),
        AT_HOME(without_keys_nothing_is_sent),
        AT_HOME(operations_end_with_their_context),
        AT_HOME(a_malformed_receive_counts_as_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

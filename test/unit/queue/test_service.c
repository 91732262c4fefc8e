/* The service as a whole: what waits for the disk, what goes wrong on purpose, start, stop, and the disk's end. */
#include "test/unit/queue/service_world.h"

static const char SEND[] = "{@q,'MessageBody':'a'}";

/* ---- what is answered when it is durable ---- */

SCENE(what_changes_is_answered_when_it_is_durable, .has_disk = true)
{
    struct asked *send, *look;

    w->disk->is_slow = true;
    send = ask(w, "SendMessage", SEND);
    hears(send, "");
    look = ask(w, "GetQueueAttributes", "{@q,'AttributeNames':['ApproximateNumberOfMessages']}");
    hears(look, "200 {'Attributes':{'ApproximateNumberOfMessages':'1'}}");
    disk_turns(w->disk);
    hears(send, "200 {'MD5OfMessageBody':*");
}

SCENE(what_was_answered_is_there_after_a_restart, .has_disk = true)
{
    says(w, "SendMessage", SEND, "200 *");
    says(w, "SendMessage", "{@q,'MessageBody':'b'}", "200 *");
    says(w, "ReceiveMessage", "{@q}", "200 {*'Body':'a'*");
    says(w, "CreateQueue", "{'QueueName':'n','tags':{'k':'v'}}", "200 *");
    world_restarts(w);
    stands(w, "q", "1/1/0"); /* what a receive changed is written at the end, too */
    says(w, "DeleteMessage", "{@q,'ReceiptHandle':'$1'}", "200 ");
    says(w, "ListQueueTags", "{@n}", "200 {'Tags':{'k':'v'}}");
    world_restarts(w);
    stands(w, "q", "1/0/0");
}

/* A receive changes late what is on the disk, by the clock, and nobody waits for it. */
SCENE(receives_are_written_late, .has_disk = true)
{
    says(w, "SendMessage", SEND, "200 *");
    says(w, "ReceiveMessage", "{@q}", "200 {*'Body':'a'*");
    expect(w->map.count > 0);
    for (size_t i = 0; i < w->map.count; i++)
        expect(w->map.rows[i].kind != CHANGE_MESSAGE || w->map.rows[i].state.receives == 0);
    pass(w, sl_ms(1001));
    for (size_t i = 0; i < w->map.count; i++)
        expect(w->map.rows[i].kind != CHANGE_MESSAGE || w->map.rows[i].state.receives == 1);
}

/* ---- the disk's end ---- */

static struct asked *fails_to_write(struct world *w, int error)
{
    struct asked *send;

    says(w, "SendMessage", "{@q,'MessageBody':'b'}", "200 *");
    w->disk->is_slow = true;
    send = ask(w, "SendMessage", SEND);
    w->disk->write_error = error;
    disk_turns(w->disk);
    expect(queue_service_error(w->service) == error);
    return send;
}

SCENE(a_broken_disk_ends_it, .has_disk = true, .result = -EIO)
{
    hears(fails_to_write(w, -EIO), "503 *#ServiceUnavailable*");
    says(w, "SendMessage", SEND, "503 *#ServiceUnavailable*");
    says(w, "ReceiveMessage", "{@q}", "503 *#ServiceUnavailable*");
    says(w, "ListQueues", "{}", "503 *#ServiceUnavailable*");
    says(w, "Nonsense", "{}", "400 *#UnknownOperationException*");
}

/* What is there can still be looked at. */
SCENE(a_full_disk_ends_it_for_what_writes, .has_disk = true, .result = -ENOSPC)
{
    hears(fails_to_write(w, -ENOSPC), "503 *#ServiceUnavailable*");
    w->disk->is_slow = false;
    says(w, "SendMessage", SEND, "503 *#ServiceUnavailable*");
    says(w, "DeleteQueue", "{@q}", "503 *#ServiceUnavailable*");
    says(w, "ChangeMessageVisibility", "{@q,'ReceiptHandle':'x','VisibilityTimeout':1}",
         "503 *#ServiceUnavailable*");
    says(w, "ListQueues", "{}", "200 *");
    says(w, "ReceiveMessage", "{@q}", "200 {*'Body':'b'*");
    says(w, "Nonsense", "{}", "400 *#UnknownOperationException*");
}

/* What is given up at the end is no error of the disk's. */
SCENE(what_is_given_up_does_not_end_it, .has_disk = true)
{
    struct asked *send;

    w->disk->is_slow = true;
    send = ask(w, "SendMessage", SEND);
    w->disk->write_error = -ECANCELED;
    disk_turns(w->disk);
    w->disk->write_error = 0;
    hears(send, "503 *#ServiceUnavailable*");
    expect(queue_service_error(w->service) == 0);
}

struct watcher {
    struct queue_service *service;
    int *result;
};

SL_TASK(watcher)
{
    *my->result = queue_service_wait_error(my->service, ctx);
    return 0;
}

SCENE(who_waits_for_its_end_is_told, .has_disk = true, .result = -EIO)
{
    int result = 1;

    SL_GO(w->ctx, watcher, .service = w->service, .result = &result);
    pass(w, sl_sec(1));
    expect(result == 1);
    hears(fails_to_write(w, -EIO), "503 *");
    expect(result == -EIO);
    expect(queue_service_wait_error(w->service, NULL) == -EIO); /* of one that has ended */
}

SCENE(who_waits_for_its_end_may_stop_waiting)
{
    struct sl_ctx *ctx = sl_ctx_new(w->ctx, NULL);

    sl_ctx_deadline_set(ctx, sl_time_add(sl_now(), sl_sec(1)));
    expect(queue_service_wait_error(w->service, ctx) == 0);
    expect(sl_ctx_leave(ctx) == -ETIMEDOUT);
}

/* Who waits for the disk when it ends is not answered any more. */
SCENE(an_abrupt_end, .has_disk = true)
{
    struct asked *all[4];

    world_restarts_full(w, "a");
    all[0] = ask(w, "SendMessage", SEND);
    all[1] = ask(w, "ReceiveMessage", "{@q}");
    all[2] = ask(w, "Sluice.PeekMessages", "{'QueueName':'q'}");
    all[3] = ask(w, "ReceiveMessage", "{@r,'WaitTimeSeconds':20}");
    for (size_t i = 0; i < COUNT(all); i++)
        hears(all[i], "");
    w->ends_abruptly = true;
    expect(world_sleeps(w) == 0);
    for (size_t i = 0; i < COUNT(all); i++)
        expect(all[i]->ends == (i == 3)); /* a poll is answered by the stop */
    w->ends_abruptly = false;
    world_wakes(w, true);
    /* A send without an answer may have been done; what was received without one has been given back. */
    stands(w, "q", "2/0/0");
}

/* ---- on purpose ---- */

SCENE(requests_fail_on_purpose, .config.faults.internal_error = 1)
{
    says(w, "SendMessage", SEND, "500 *#InternalFailure*A fault on purpose (--fault 500).'}");
    says(w, "Sluice.DescribeQueues", "{}", "500 *");
    says(w, "?/000000000000/q?", "Action=SendMessage&MessageBody=a", "500 *<Code>InternalFailure*");
    stands(w, "q", "0/0/0");
}

SCENE(requests_are_throttled_on_purpose, .config.faults.throttle = 1)
{
    says(w, "SendMessage", SEND, "400 *#ThrottlingException*Rate exceeded (--fault throttle).'}");
    stands(w, "q", "0/0/0");
}

/* What was asked is done all the same. */
SCENE(answers_are_cut_on_purpose, .config.faults.cut = 1)
{
    says(w, "SendMessage", SEND, "cut");
    stands(w, "q", "1/0/0");
}

SCENE(faults_follow_from_the_seed, .config.seed = 77, .config.faults.throttle = 0.5)
{
    char first[65] = "", second[65] = "";
    struct queue_service *service = w->service;
    struct problem problem;
    struct store *store;

    expect(queue_service_seed(w->service) == 77);
    for (size_t i = 0; i < 64; i++)
        first[i] = (char)('0' + (ask(w, "ListQueues", "{}")->status == 200));
    problem_init(&problem);
    expect(store_memory_open(&store) == 0);
    expect(queue_service_new(&w->service, store, &w->config, &problem) == 0);
    for (size_t i = 0; i < 64; i++)
        second[i] = (char)('0' + (ask(w, "ListQueues", "{}")->status == 200));
    expect(strcmp(first, second) == 0 && strchr(first, '0') && strchr(first, '1'));
    expect(queue_service_free(w->service, w->ctx) == 0);
    problem_deinit(&problem);
    w->service = service;
}

SCENE(faults_come_and_go)
{
    queue_service_faults_set(w->service, &(struct queue_faults){.internal_error = 1});
    says(w, "ListQueues", "{}", "500 *");
    queue_service_faults_set(w->service, &(struct queue_faults){0});
    says(w, "ListQueues", "{}", "200 *");
}

SCENE(answers_are_late_on_purpose,
      .config.faults = {.latency_min = {50000000}, .latency_max = {50000000}})
{
    struct asked *send = ask(w, "SendMessage", SEND);

    pass(w, sl_ms(49));
    hears(send, "");
    stands(w, "q", "0/0/0");
    pass(w, sl_ms(1));
    hears(send, "200 *");
}

SCENE(latencies_are_spread,
      .config.faults = {.latency_min = {50000000}, .latency_max = {150000000}})
{
    struct asked *all[50];
    size_t early = 0;

    for (size_t i = 0; i < COUNT(all); i++)
        all[i] = ask(w, "ListQueues", "{}");
    pass(w, sl_ns(49999999));
    for (size_t i = 0; i < COUNT(all); i++)
        hears(all[i], "");
    pass(w, sl_ms(50));
    for (size_t i = 0; i < COUNT(all); i++)
        early += all[i]->ends;
    expect(early > 10 && early < 40);
    pass(w, sl_ms(51));
    for (size_t i = 0; i < COUNT(all); i++)
        hears(all[i], "200 *");
}

SCENE(a_stop_does_not_wait_for_latencies,
      .config.faults = {.latency_min = {3600000000000}, .latency_max = {3600000000000}})
{
    struct asked *send = ask(w, "SendMessage", SEND);

    queue_service_stop(w->service);
    hears(send, "200 *");
    says(w, "SendMessage", SEND, "200 *");
    stands(w, "q", "2/0/0");
}

/* ---- requests ---- */

SCENE(protocols_are_told_apart)
{
    says(w, "Nonsense", "{}", "400 *#UnknownOperationException*");
    says(w, "SendMessage", "{", "400 *#SerializationException*");
    says(w, "?/?", "Action=Nonsense", "400 *<Code>InvalidAction</Code>*");
    w->method = "GET";
    says(w, "?/", "", "404 *UnknownOperationException*");
    says(w, "?/?Action=ListQueues", "", "200 <?xml*");
    w->method = "PUT";
    says(w, "SendMessage", SEND, "400 *#UnknownOperationException*");
    w->method = "POST";
    w->content_type = "application/x-amz-json-1.0";
    w->next_has_no_target = true;
    says(w, "SendMessage", SEND, "400 *'__type':*");
}

SCENE(refusals_have_the_code_of_the_query_protocol_as_well)
{
    struct asked *a = ask(w, "PurgeQueue", "{@nowhere}");

    expect(strcmp(a->error, "AWS.SimpleQueueService.NonExistentQueue;Sender") == 0);
    expect(ask(w, "ListQueues", "{}")->error[0] == '\0');
}

/* More at once than it keeps for later; all are answered, and the next round too. */
SCENE(many_wait_at_once)
{
    for (int round = 0; round < 2; round++) {
        struct asked *polls[150 * 2];
        size_t count = round == 0 ? COUNT(polls) : 50;

        for (size_t i = 0; i < count; i++)
            polls[i] = ask(w, "ReceiveMessage", "{@q,'WaitTimeSeconds':1}");
        pass(w, sl_sec(1));
        for (size_t i = 0; i < count; i++)
            hears(polls[i], "200 {}");
    }
}

SCENE(a_large_answer_does_not_keep_its_memory)
{
    struct strbuf body = {0};

    strbuf_addf(&body, "{@q,'MessageBody':'%0300000d'}", 0);
    says(w, "SendMessage", body.p, "200 *");
    says(w, "ReceiveMessage", "{@q}", "200 {'Messages':*");
    says(w, "ReceiveMessage", "{@q}", "200 {}");
    strbuf_deinit(&body);
}

/* ---- start ---- */

/* Whether it starts; `words`, if not NULL, must be in the problem. */
static bool starts(struct world *w, const struct queue_service_config *config, const char *words)
{
    struct queue_service *service;
    struct problem problem;
    struct store *store;
    int result;

    problem_init(&problem);
    expect(store_memory_open(&store) == 0);
    result = queue_service_new(&service, store, config, &problem);
    if (result == 0)
        expect(queue_service_free(service, w->ctx) == 0);
    else
        expect(result == PROBLEM && strstr(problem.text.p, words));
    problem_deinit(&problem);
    return result == 0;
}

#define PLAN(...)                                                                                  \
    &(struct queue_service_config)                                                                 \
    {                                                                                              \
        .queue_count = 1, .queues = &(struct queue_plan)                                           \
        {                                                                                          \
            .visibility = {-1}, .delay = {-1}, __VA_ARGS__                                         \
        }                                                                                          \
    }

SCENE(queues_that_cannot_be_made)
{
    expect(!starts(w, PLAN(.name = "a b"), "the queue a b can't be made: "));
    expect(
        !starts(w, PLAN(.name = "n", .dead_letter = "none", .max_receives = 1), "queue n can't"));
    expect(!starts(w, PLAN(.name = "n", .dead_letter = "n", .max_receives = 0), "queue n can't"));
    expect(starts(w, PLAN(.name = "n"), NULL));
}

SCENE(a_queue_is_as_its_plan_says,
      .config = {
          .account = "123456789012",
          .region = "eu-central-1",
          .queue_count = 2,
          .queues = (const struct queue_plan[]){{.name = "n",
                                                 .visibility = {7000000000},
                                                 .delay = {3000000000},
                                                 .dead_letter = "d",
                                                 .max_receives = 4},
                                                {.name = "d", .visibility = {-1}, .delay = {-1}}}})
{
    const char *get = "{'QueueUrl':'/123456789012/n','AttributeNames':["
                      "'QueueArn','VisibilityTimeout','DelaySeconds','RedrivePolicy']}";

    says(w, "GetQueueAttributes", get,
         "200 {'Attributes':{'QueueArn':'arn:aws:sqs:eu-central-1:123456789012:n'*"
         "arn:aws:sqs:eu-central-1:123456789012:d*maxReceiveCount*:4*}}");
    says(w, "GetQueueAttributes", get, "200 *'VisibilityTimeout':'7'*");
    says(w, "GetQueueAttributes", get, "200 *'DelaySeconds':'3'*");
}

/* What the disk has counts, and not what a plan says later. */
SCENE(a_queue_that_is_there_is_kept_as_it_is, .has_disk = true)
{
    says(w, "SetQueueAttributes", "{@q,'Attributes':{'VisibilityTimeout':'99'}}", "200 ");
    world_restarts(w);
    says(w, "GetQueueAttributes", "{@q,'AttributeNames':['VisibilityTimeout']}",
         "200 {'Attributes':{'VisibilityTimeout':'99'}}");
}

SCENE(a_store_that_makes_no_sense, .has_disk = true)
{
    struct map kept = w->map;
    struct queue_service *service;
    struct problem problem;
    struct disk *other;
    struct map_row row = {.kind = CHANGE_COUNTERS, .queue = 99};

    w->map = (struct map){.rows = &row, .count = 1};
    problem_init(&problem);
    expect(queue_service_new(&service, disk_open(&other, &w->map, 9), &w->config, &problem) != 0);
    problem_deinit(&problem);
    w->map = kept;
}

/* An answer may change more: what comes back at once is one receive too many for the next. */
SCENE(what_answers_change_is_written, .has_disk = true, .config.faults.duplicate = 1)
{
    struct asked *first = ask(w, "ReceiveMessage", "{@r,'WaitTimeSeconds':20}");
    struct asked *second = ask(w, "ReceiveMessage", "{@r,'WaitTimeSeconds':20}");

    says(w, "SendMessage", "{@r,'MessageBody':'a'}", "200 *");
    hears(first, "200 {'Messages':*");
    hears(second, "");
    stands(w, "dead", "1/0/0");
    w->ends_abruptly = true;
    expect(world_sleeps(w) == 0);
    w->ends_abruptly = false;
    world_wakes(w, true);
    stands(w, "r", "0/0/0");
    stands(w, "dead", "1/0/0");
}

SCENE(counts_are_of_queues_that_are_there)
{
    struct queue_counts counts;

    expect(!queue_service_counts(w->service, "nowhere", &counts));
    says(w, "SendMessage", SEND, "200 *");
    expect(queue_service_counts(w->service, "q", &counts) && counts.sent == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changes_is_answered_when_it_is_durable),
        cmocka_unit_test(what_was_answered_is_there_after_a_restart),
        cmocka_unit_test(receives_are_written_late),
        cmocka_unit_test(a_broken_disk_ends_it),
        cmocka_unit_test(a_full_disk_ends_it_for_what_writes),
        cmocka_unit_test(what_is_given_up_does_not_end_it),
        cmocka_unit_test(who_waits_for_its_end_is_told),
        cmocka_unit_test(who_waits_for_its_end_may_stop_waiting),
        cmocka_unit_test(an_abrupt_end),
        cmocka_unit_test(requests_fail_on_purpose),
        cmocka_unit_test(requests_are_throttled_on_purpose),
        cmocka_unit_test(answers_are_cut_on_purpose),
        cmocka_unit_test(faults_follow_from_the_seed),
        cmocka_unit_test(faults_come_and_go),
        cmocka_unit_test(answers_are_late_on_purpose),
        cmocka_unit_test(latencies_are_spread),
        cmocka_unit_test(a_stop_does_not_wait_for_latencies),
        cmocka_unit_test(protocols_are_told_apart),
        cmocka_unit_test(refusals_have_the_code_of_the_query_protocol_as_well),
        cmocka_unit_test(many_wait_at_once),
        cmocka_unit_test(a_large_answer_does_not_keep_its_memory),
        cmocka_unit_test(queues_that_cannot_be_made),
        cmocka_unit_test(a_queue_is_as_its_plan_says),
        cmocka_unit_test(a_queue_that_is_there_is_kept_as_it_is),
        cmocka_unit_test(a_store_that_makes_no_sense),
        cmocka_unit_test(what_answers_change_is_written),
        cmocka_unit_test(counts_are_of_queues_that_are_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The queue behind its front door: requests in both protocols, read, checked (signatures too), run, answered, with the store in
 * memory, in virtual time. Whatever fails: each request is answered or its connection cut, once; what was refused for want of
 * memory says so; a message that was accepted and not deleted comes, once.
 */
#include <errno.h>
#include <string.h>

#include <sluice/task.h>

#include "core/json.h"
#include "core/sigv4.h"
#include "core/sqs_wire.h"
#include "ops/log.h"
#include "queue/service.h"
#include "sim/virtual.h"
#include "test/torture/torture.h"
#include "test/unit/queue/service_disk.h"

enum { REQUESTS = 64, SENT_MAX = 16, BODY_MAX = 1200 };

struct request {
    struct queue_call *call;
    char target[64], body[BODY_MAX];
    bool is_query, is_lost;
    unsigned answered;
    int status; /* 0: cut */
    char answer[4096];
    size_t answer_n;
};

struct world {
    struct queue_service *service;
    struct request requests[REQUESTS];
    size_t count;
    bool is_signed;
    struct sigv4_signer *signer; /* the client's */
    struct disk *disk;           /* NULL: in memory */
    struct map map;
    bool accepted[SENT_MAX], deleted[SENT_MAX], doubtful[SENT_MAX];
    unsigned seen[SENT_MAX];
    char handle[64];
    unsigned handle_of;
    int result;
};

static struct world world;

/* ---- the client's end ---- */

static struct slice header(void *of, const char *name)
{
    const struct request *r = of;

    if (strcmp(name, "X-Amz-Target") == 0 && !r->is_query)
        return slice_of(r->target);
    return strcmp(name, "Host") == 0 ? SLICE("localhost:9324") : (struct slice){NULL, 0};
}

static void headers(void *of, bool (*visit)(void *arg, struct slice name, struct slice value),
                    void *arg)
{
    const struct request *r = of;
    const struct sigv4_header list[] = {{SLICE("Host"), SLICE("localhost:9324")},
                                        {SLICE("X-Amz-Target"), slice_of(r->target)}};
    const struct sigv4_request request = {.method = SLICE("POST"),
                                          .path = SLICE("/"),
                                          .headers = list,
                                          .header_count = 2,
                                          .body = slice_of(r->body)};
    static struct sigv4_signature signature; /* what is told must last */

    torture_pause();
    torture_check(sigv4_sign(world.signer, &request,
                             &(struct sigv4_identity){SLICE("AKID"), SLICE("secret"), {NULL, 0}},
                             &(struct sigv4_scope){SLICE("us-east-1"), SLICE("sqs")},
                             sl_wall_ms() / 1000, &signature) == 0);
    torture_resume();
    (void)visit(arg, list[0].name, list[0].value);
    (void)visit(arg, list[1].name, list[1].value);
    (void)visit(arg, SLICE("X-Amz-Date"), slice_of(signature.date));
    (void)visit(arg, SLICE("Authorization"), signature.authorization);
}

static void over(struct request *r)
{
    struct queue_call *call = SL_TAKE(r->call);

    torture_check(r->answered++ == 0);
    if (call)
        queue_call_completed(call, !r->is_lost);
}

static void reply(void *of, int status, const struct http_header *list, size_t count,
                  struct slice body)
{
    struct request *r = of;

    (void)list;
    (void)count;
    r->status = status;
    /* A failure is known by its status; what says success is whole, or empty where that is all there is to say. */
    torture_check(r->is_query || status != 200 || body.n == 0 || json_is_valid(body));
    torture_check(body.n < sizeof r->answer);
    memcpy(r->answer, body.p, body.n);
    r->answer_n = body.n;
    over(r);
}

static void cut(void *of)
{
    torture_check(torture_has_failed());
    over(of);
}

static bool watch(void *of, struct queue_call *call, bool waits)
{
    (void)waits;
    ((struct request *)of)->call = call;
    return true;
}

static bool is_there(void *of)
{
    return !((const struct request *)of)->is_lost;
}

static const struct queue_caller_ops ops = {header, headers, reply, cut, watch, is_there};

static struct request *ask(const char *operation, const char *body)
{
    struct request *r = &world.requests[world.count++];

    torture_check(world.count <= REQUESTS);
    *r = (struct request){.is_query = operation == NULL};
    snprintf(r->target, sizeof r->target,
             operation && strchr(operation, '.') ? "%s" : "AmazonSQS.%s",
             operation ? operation : "");
    snprintf(r->body, sizeof r->body, "%s", body);
    queue_service_take(
        world.service, (struct queue_caller){&ops, r},
        &(struct queue_request){.method = "POST", .path = SLICE("/"), .body = slice_of(r->body)});
    if (world.disk)
        SL_IGNORE(
            sl_sleep(NULL, sl_ns(1))); /* it writes and reads at once, and tells so from the loop */
    return r;
}

/* An answer is success, or a failure of ours; never the client's fault. */
static void check_status(const struct request *r)
{
    struct sqs_error error;

    if (r->answered == 0)
        return;
    if (r->status == 200 || r->status == 0)
        return;
    sqs_read_error(r->status, SLICE(""), (struct slice){r->answer, r->answer_n}, &error);
    torture_check(torture_has_failed() && r->status >= 500 && error.class == SQS_ERROR_TRANSIENT);
}

/* ---- what is asked ---- */

#define URL(name) "\"QueueUrl\":\"http://h/000000000000/" name "\""

/* Whether the answer lists what was asked as done. A 200 that can't be read is no promise. */
static bool is_done(const struct request *r)
{
    return r->answered && r->status == 200 && r->answer_n > 0 &&
           json_is_valid((struct slice){r->answer, r->answer_n});
}

static void send(unsigned number, const char *queue, const char *more)
{
    char body[BODY_MAX];
    struct request *r;

    snprintf(body, sizeof body,
             "{\"QueueUrl\":\"http://h/000000000000/%s\",\"MessageBody\":\"%u\","
             "\"MessageAttributes\":{\"a\":{\"DataType\":\"String\",\"StringValue\":\"v\"}}%s}",
             queue, number, more);
    r = ask("SendMessage", body);
    check_status(r);
    world.accepted[number] = is_done(r);
    world.doubtful[number] = !is_done(r);
}

static void see(const struct request *r, bool counts)
{
    struct sqs_message messages[10];
    size_t count = 0;

    if (!is_done(r) ||
        sqs_read_receive((struct slice){r->answer, r->answer_n}, messages, 10, &count) != 0)
        return;
    for (size_t i = 0; i < count; i++) {
        unsigned number = (unsigned)strtoul(messages[i].body.p, NULL, 10);

        torture_check(!messages[i].unfit && number < SENT_MAX);
        if (counts)
            world.seen[number]++;
        world.handle_of = number;
        snprintf(world.handle, sizeof world.handle, SLICE_FMT,
                 SLICE_ARG(messages[i].receipt_handle));
    }
}

static void receive(const char *queue, int max, int wait)
{
    char body[BODY_MAX];
    struct request *r;

    snprintf(
        body, sizeof body,
        "{\"QueueUrl\":\"http://h/000000000000/%s\",\"MaxNumberOfMessages\":%d,"
        "\"WaitTimeSeconds\":%d,\"AttributeNames\":[\"All\"],\"MessageAttributeNames\":[\"All\"]}",
        queue, max, wait);
    r = ask("ReceiveMessage", body);
    check_status(r);
    see(r, false);
}

static void delete_last(const char *queue, bool is_batch)
{
    char body[BODY_MAX];
    struct request *r;

    if (!world.handle[0])
        return;
    snprintf(body, sizeof body,
             is_batch ? "{\"QueueUrl\":\"http://h/000000000000/%s\",\"Entries\":[{\"Id\":\"a\","
                        "\"ReceiptHandle\":\"%s\"}]}"
                      : "{\"QueueUrl\":\"http://h/000000000000/%s\",\"ReceiptHandle\":\"%s\"}",
             queue, world.handle);
    r = ask(is_batch ? "DeleteMessageBatch" : "DeleteMessage", body);
    check_status(r);
    world.doubtful[world.handle_of] |= r->status != 200 || is_batch;
    world.deleted[world.handle_of] |= r->status == 200 && !is_batch;
    world.handle[0] = '\0';
}

static void others(void)
{
    static const char *const asked[][2] = {
        {"CreateQueue",
         "{\"QueueName\":\"n\",\"Attributes\":{\"VisibilityTimeout\":\"5\"},\"tags\":"
         "{\"k\":\"v\"}}"},
        {"GetQueueAttributes", "{" URL("q") ",\"AttributeNames\":[\"All\"]}"},
        {"SetQueueAttributes", "{" URL("q") ",\"Attributes\":{\"DelaySeconds\":\"0\"}}"},
        {"ListQueues", "{\"QueueNamePrefix\":\"q\"}"},
        {"GetQueueUrl", "{\"QueueName\":\"q\"}"},
        {"TagQueue", "{" URL("q") ",\"Tags\":{\"a\":\"b\"}}"},
        {"ListQueueTags", "{" URL("q") "}"},
        {"UntagQueue", "{" URL("q") ",\"TagKeys\":[\"a\"]}"},
        {"AddPermission", "{" URL("q") ",\"Label\":\"l\",\"AWSAccountIds\":[\"123456789012\"],"
                                       "\"Actions\":[\"SendMessage\"]}"},
        {"ListDeadLetterSourceQueues", "{" URL("dead") "}"},
        {"StartMessageMoveTask", "{\"SourceArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\"}"},
        {"ListMessageMoveTasks", "{\"SourceArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\"}"},
        {"Sluice.DescribeQueues", "{\"QueueNamePrefix\":\"q\"}"},
        {"Sluice.PeekMessages", "{\"QueueName\":\"q\",\"Body\":true}"},
    };

    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        check_status(ask(asked[i][0], asked[i][1]));
}

static void all_in_query(void)
{
    check_status(ask(NULL, "Action=GetQueueUrl&QueueName=q&Version=2012-11-05"));
    check_status(ask(NULL, "Action=ListQueues"));
    check_status(ask(NULL, "Action=ReceiveMessage&QueueUrl=http%3A%2F%2Fh%2F000000000000%2Fdead"));
}

/* ---- at the end ---- */

static void collect(void)
{
    torture_pause();
    SL_IGNORE(sl_sleep(NULL, sl_hours(1)));
    for (int round = 0; round < 4; round++)
        for (int i = 0; i < 3; i++) {
            static const char *const bodies[] = {
                "{" URL("q") ",\"MaxNumberOfMessages\":10,\"VisibilityTimeout\":43200}",
                "{" URL("dead") ",\"MaxNumberOfMessages\":10,\"VisibilityTimeout\":43200}",
                "{" URL("q.fifo") ",\"MaxNumberOfMessages\":10,\"VisibilityTimeout\":43200}"};
            struct request *r = ask("ReceiveMessage", bodies[i]);

            torture_check(r->answered && (r->status == 200 || queue_service_error(world.service)));
            see(r, true);
        }
    for (unsigned i = 0; i < SENT_MAX && queue_service_error(world.service) == 0; i++)
        if (world.doubtful[i])
            torture_check(world.seen[i] <= 1);
        else
            torture_check(world.seen[i] == (world.accepted[i] && !world.deleted[i]));
    torture_resume();
}

static void use(void)
{
    for (unsigned i = 0; i < 4; i++)
        send(i, "q", "");
    send(4, "q.fifo", ",\"MessageGroupId\":\"g\",\"MessageDeduplicationId\":\"d\"");
    receive("q", 2, 0);
    delete_last("q", false);
    receive("q", 1, 0);
    delete_last("q", true);
    receive("q", 10, 5);
    receive("dead", 10, 5); /* waits */
    send(5, "q", "");
    others();
    if (!world.is_signed)
        all_in_query();
    SL_IGNORE(sl_sleep(NULL, sl_sec(40)));
    receive("q", 10, 0);
    SL_IGNORE(sl_sleep(NULL, sl_sec(40)));
    receive("q", 10, 0); /* to the dead letters */
}

/* ---- a disk: it has what its service gave it, and memory enough ---- */

static int restore(struct store *store, const struct store_reader *reader, struct problem *problem)
{
    int result;

    torture_pause(); /* what is restored is the engine's scenario */
    result = disk_restore(store, reader, problem);
    torture_resume();
    return result;
}

static void submit(struct store *store, struct changes *changes, struct store_wait *wait)
{
    bool lacks = changes->failed;

    torture_pause();
    disk_submit(store, changes, wait);
    if (lacks) /* what follows may build on what is missing, and the service has ended */
        disk_of(store)->write_error = -ENOMEM;
    torture_resume();
}

static struct store *open_disk(void)
{
    static const struct store_ops on_disk = {restore, submit, disk_load, disk_close};
    struct store *store;

    torture_pause();
    store = disk_open(&world.disk, &world.map, world.disk ? 2 : 1);
    torture_resume();
    store->ops = &on_disk;
    return store;
}

static void put_on_disk(uint32_t queue, struct payload *payload)
{
    struct changes changes = {0};

    torture_check(payload);
    changes_add(&changes, &(struct change){.kind = CHANGE_MESSAGE,
                                           .seq = world.map.seq_max + 1,
                                           .queue = queue,
                                           .payload = payload});
    map_apply(&world.map, &changes);
    changes_deinit(&changes);
}

static struct payload *payload_of(struct slice body)
{
    static uint8_t id[16];

    id[0]++;
    return payload_new(&(struct payload_source){.id = id, .sent_ms = sl_wall_ms(), .body = body});
}

enum { DISK_BIG = 3, DISK_Q = 4, DISK_FIRST = 8, DISK_LAST = 12 };

/* Messages of q whose payloads the engine has no room for: what comes first is as much as it keeps. */
static void fill_disk(void)
{
    enum { BIG = 16 << 20 };
    static struct payload *big;

    if (!big) { /* once for all runs */
        char *body = calloc(1, BIG);

        torture_check(body);
        big = payload_of((struct slice){body, BIG});
        free(body);
    }
    for (int i = 0; i < 5; i++)
        put_on_disk(DISK_BIG, payload_ref(big));
    for (unsigned number = DISK_FIRST; number <= DISK_LAST; number++) {
        char body[8];

        snprintf(body, sizeof body, "%u", number);
        put_on_disk(DISK_Q, payload_of(slice_of(body)));
        world.accepted[number] = true;
    }
}

static int open_service(const struct queue_service_config *config, struct sl_ctx *ctx,
                        bool has_disk, struct problem *problem)
{
    struct store *store;
    int result;

    if (!has_disk) {
        result = store_memory_open(&store);
        return result == 0 ? queue_service_new(&world.service, store, config, problem) : result;
    }
    torture_pause(); /* makes the queues */
    torture_check(queue_service_new(&world.service, open_disk(), config, problem) == 0);
    torture_check(queue_service_free(world.service, ctx) == 0);
    fill_disk();
    torture_resume();
    return queue_service_new(&world.service, open_disk(), config, problem);
}

static int live(struct sl_ctx *ctx, void *arg)
{
    static const struct queue_plan queues[] = {
        {.name = "dead", .visibility = {-1}, .delay = {-1}},
        {.name = "q", .visibility = {-1}, .delay = {-1}, .dead_letter = "dead", .max_receives = 2},
        {.name = "q.fifo", .visibility = {-1}, .delay = {-1}},
        {.name = "big", .visibility = {-1}, .delay = {-1}},
    };
    static const struct queue_key key = {"AKID", "secret"};
    struct queue_service_config config = {.queues = queues,
                                          .queue_count = 4,
                                          .seed = 1,
                                          .keys = world.is_signed ? &key : NULL,
                                          .key_count = world.is_signed};
    struct problem problem;
    int result;

    problem_init(&problem);
    result = open_service(&config, ctx, *(const bool *)arg, &problem);
    torture_check(result == 0 || torture_has_failed());
    if (result == 0) {
        use();
        collect();
        queue_service_stop(world.service);
        SL_IGNORE(sl_sleep(NULL, sl_ns(1))); /* for the disk */
        for (size_t i = 0; i < world.count; i++)
            torture_check(world.requests[i].answered == 1);
        result = queue_service_free(world.service, ctx);
        torture_check(result == 0 || torture_has_failed());
    }
    problem_deinit(&problem);
    return 0;
}

static void run(bool is_signed, bool has_disk)
{
    int result;

    torture_pause();
    memset(&world, 0, sizeof world);
    world.is_signed = is_signed;
    world.signer = sigv4_signer_new();
    torture_resume();
    result = sl_virtual_run(&(struct sl_virtual_options){.seed = 5}, live, &has_disk);
    torture_check(result == 0 || (result == -ENOMEM && torture_has_failed()));
    torture_pause();
    map_deinit(&world.map);
    sigv4_signer_free(world.signer);
    torture_resume();
}

static void open_queue(void)
{
    run(false, false);
}

static void signed_queue(void)
{
    run(true, false);
}

static void durable_queue(void)
{
    run(false, true);
}

int main(void)
{
    static const struct torture scenarios[] = {{"requests", open_queue},
                                               {"signed requests", signed_queue},
                                               {"durable requests", durable_queue}};

    log_open(-1, LOG_TEXT, LOG_ERROR);
    return torture_run(scenarios, sizeof scenarios / sizeof scenarios[0]);
}

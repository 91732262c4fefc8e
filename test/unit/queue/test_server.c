/* The queue over HTTP, on a socket: both stores, polls and clients that leave, its stop, and what keeps it from starting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sluice/loop.h>
#include <sluice/task.h>

#include "core/strbuf.h"
#include "ops/log.h"
#include "queue/server.h"
#include "test/lib/folder.h"

#define expect(x) sl_assert(x)

/* ---- a raw client ---- */

static int dial(const struct queue_server *server)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(queue_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    expect(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

static int ask(const struct queue_server *server, const char *operation, const char *body)
{
    char text[1024];
    int fd = dial(server);
    int n = snprintf(text, sizeof text,
                     "POST / HTTP/1.1\r\nHost: sqs.local:9324\r\nX-Amz-Target: AmazonSQS.%s\r\n"
                     "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
                     operation, strlen(body), body);

    expect(send(fd, text, (size_t)n, MSG_NOSIGNAL) == n);
    return fd;
}

/* The whole answer, to the end of the connection. */
static const char *hear(int fd)
{
    static char text[4096];
    size_t n = 0;

    for (;;) {
        ssize_t r = recv(fd, text + n, sizeof text - 1 - n, MSG_DONTWAIT);

        if (r > 0)
            n += (size_t)r;
        else if (r == 0 || errno != EAGAIN)
            break;
        else
            expect(sl_wait_fd(NULL, fd, SL_FD_READ, SL_NEVER, NULL) == SL_OK);
    }
    text[n] = '\0';
    close(fd);
    return text;
}

static void says(const struct queue_server *server, const char *operation, const char *body,
                 const char *status, const char *part)
{
    const char *text = hear(ask(server, operation, body));

    if (!strstr(text, status) || !strstr(text, part))
        fprintf(stderr, "%s: %s\n", operation, text);
    expect(strstr(text, status) && strstr(text, part));
}

#define URL "\"QueueUrl\":\"http://h/000000000000/q\""

/* ---- the server ---- */

static const struct queue_plan queues[] = {{.name = "q", .visibility = {-1}, .delay = {-1}}};

static struct queue_server *start(struct sl_ctx *ctx, const struct queue_server_config *config)
{
    struct queue_server_config with_queue = *config;
    struct queue_server *server;
    struct problem problem;

    if (!with_queue.listen)
        with_queue.listen = "127.0.0.1:0";
    with_queue.service.queues = queues;
    with_queue.service.queue_count = 1;
    problem_init(&problem);
    expect(queue_server_start(&server, ctx, &with_queue, &problem) == 0);
    problem_deinit(&problem);
    return server;
}

static struct queue_counts counts_of(const struct queue_server *server)
{
    struct queue_counts counts;

    expect(queue_service_counts(queue_server_service(server), "q", &counts));
    return counts;
}

static int in_memory(struct sl_ctx *ctx, void *arg)
{
    struct queue_server *server = start(ctx, &(struct queue_server_config){0});

    (void)arg;
    says(server, "SendMessage", "{" URL ",\"MessageBody\":\"foobar\"}", "HTTP/1.1 200 OK\r\n",
         "\"3858f62230ac3c915f300c664312c63f\"");
    says(server, "GetQueueUrl", "{\"QueueName\":\"q\"}", " 200 ",
         "http://sqs.local:9324/000000000000/q");
    says(server, "ReceiveMessage", "{" URL "}", " 200 ", "\"Body\":\"foobar\"");
    says(server, "PurgeQueue", "{\"QueueUrl\":\"http://h/000000000000/p\"}", " 400 ",
         "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\r\n");
    expect(counts_of(server).in_flight == 1);
    expect(queue_server_stop(server, ctx) == 0);
    return 0;
}

static int in_a_file(struct sl_ctx *ctx, void *arg)
{
    const struct queue_server_config config = {.data = path};
    struct queue_server *server = start(ctx, &config);

    (void)arg;
    says(server, "SendMessage", "{" URL ",\"MessageBody\":\"a\"}", " 200 ", "MD5OfMessageBody");
    expect(queue_server_stop(server, ctx) == 0);
    server = start(ctx, &config);
    says(server, "ReceiveMessage", "{" URL "}", " 200 ", "\"Body\":\"a\"");
    expect(queue_server_stop(server, ctx) == 0);
    return 0;
}

/* Until `count` polls wait is not to be seen from outside: this waits for what the server does in the loop. */
static void until_messages(const struct queue_server *server, uint64_t visible, uint64_t in_flight)
{
    for (;;) {
        struct queue_counts counts = counts_of(server);

        if (counts.visible == visible && counts.in_flight == in_flight)
            return;
        expect(sl_sleep(NULL, sl_ms(1)) == SL_OK);
    }
}

static int polls(struct sl_ctx *ctx, void *arg)
{
    struct queue_server *server = start(ctx, &(struct queue_server_config){0});
    int left = ask(server, "ReceiveMessage", "{" URL ",\"WaitTimeSeconds\":20}"), poll;

    (void)arg;
    /* One behind the other: what comes second has found the first. */
    says(server, "ListQueues", "{}", " 200 ", "QueueUrls");
    close(left);
    poll = ask(server, "ReceiveMessage",
               "{" URL ",\"WaitTimeSeconds\":20,\"AttributeNames\":[\"All\"]}");
    says(server, "ListQueues", "{}", " 200 ", "QueueUrls");
    says(server, "SendMessage", "{" URL ",\"MessageBody\":\"a\"}", " 200 ", "MD5");
    expect(strstr(hear(poll), "\"ApproximateReceiveCount\":\"1\""));
    until_messages(server, 0, 1);
    poll = ask(server, "ReceiveMessage", "{" URL ",\"WaitTimeSeconds\":20}");
    says(server, "ListQueues", "{}", " 200 ", "QueueUrls");
    expect(queue_server_stop(server, ctx) == 0);
    expect(strstr(hear(poll), "\r\n\r\n{}"));
    return 0;
}

static int cuts(struct sl_ctx *ctx, void *arg)
{
    struct queue_server *server =
        start(ctx, &(struct queue_server_config){.service.faults.cut = 1});

    (void)arg;
    expect(*hear(ask(server, "SendMessage", "{" URL ",\"MessageBody\":\"a\"}")) == '\0');
    expect(counts_of(server).visible == 1);
    expect(*hear(ask(server, "ReceiveMessage", "{" URL "}")) == '\0');
    until_messages(server, 1, 0); /* what did not arrive is visible again */
    expect(queue_server_stop(server, ctx) == 0);
    return 0;
}

static int signatures(struct sl_ctx *ctx, void *arg)
{
    static const struct queue_key key = {"AKID", "secret"};
    struct queue_server *server =
        start(ctx, &(struct queue_server_config){.service.keys = &key, .service.key_count = 1});

    (void)arg;
    says(server, "ListQueues", "{}", " 403 ", "MissingAuthenticationToken");
    expect(queue_server_stop(server, ctx) == 0);
    return 0;
}

/* Few descriptors are few connections; none is refused a start for it. */
static int few_descriptors(struct sl_ctx *ctx, void *arg)
{
    static const rlim_t limits[] = {100, 200};
    struct rlimit kept, limit;

    (void)arg;
    expect(getrlimit(RLIMIT_NOFILE, &kept) == 0);
    for (size_t i = 0; i < 2; i++) {
        struct queue_server *server;

        limit = (struct rlimit){.rlim_cur = limits[i], .rlim_max = kept.rlim_max};
        expect(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        server = start(ctx, &(struct queue_server_config){0});
        says(server, "ListQueues", "{}", " 200 ", "QueueUrls");
        expect(queue_server_stop(server, ctx) == 0);
    }
    expect(setrlimit(RLIMIT_NOFILE, &kept) == 0);
    return 0;
}

static int relaxed(struct sl_ctx *ctx, void *arg)
{
    struct queue_server *server =
        start(ctx, &(struct queue_server_config){.service.limits = queue_limits_relaxed()});

    (void)arg;
    says(server, "SendMessage", "{" URL ",\"MessageBody\":\"a\"}", " 200 ", "MD5");
    expect(queue_server_stop(server, ctx) == 0);
    return 0;
}

/* The result; `part` must be in the problem. */
static void fails(struct sl_ctx *ctx, const struct queue_server_config *config, const char *part)
{
    struct queue_server *server = NULL;
    struct problem problem;

    problem_init(&problem);
    expect(queue_server_start(&server, ctx, config, &problem) == PROBLEM);
    expect(!server && strstr(problem.text.p, part));
    problem_deinit(&problem);
}

static int refusals(struct sl_ctx *ctx, void *arg)
{
    struct queue_server *server = start(ctx, &(struct queue_server_config){.data = path});
    char taken[32];

    (void)arg;
    snprintf(taken, sizeof taken, "127.0.0.1:%u", queue_server_port(server));
    fails(ctx, &(struct queue_server_config){.listen = "127.0.0.1:0", .data = path}, path);
    fails(ctx, &(struct queue_server_config){.listen = taken}, taken);
    fails(ctx, &(struct queue_server_config){.listen = "127.0.0.1:0", .data = "/nowhere/q.db"},
          "/nowhere/q.db");
    fails(ctx,
          &(struct queue_server_config){.listen = "127.0.0.1:0",
                                        .service.queues = &(struct queue_plan){.name = "a b"},
                                        .service.queue_count = 1},
          "a b");
    expect(queue_server_stop(server, ctx) == 0);
    return 0;
}

#define TEST(name)                                                                                 \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        assert_int_equal(sl_run(name, NULL), 0);                                                   \
    }

TEST(in_memory)
TEST(in_a_file)
TEST(polls)
TEST(cuts)
TEST(signatures)
TEST(few_descriptors)
TEST(relaxed)
TEST(refusals)

#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(test_##name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_memory),  IN_FOLDER(in_a_file),
        cmocka_unit_test(test_polls),      cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_signatures), cmocka_unit_test(test_few_descriptors),
        cmocka_unit_test(test_relaxed),    IN_FOLDER(refusals),
    };

    log_open(-1, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

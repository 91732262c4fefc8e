/*
 * fake_sqs -- a stand-in for SQS that costs next to nothing, and a sink that counts: so that what is measured is the
 * forwarder between them. One process, epoll, canned answers. It checks no signature, but it does check the work: every
 * handle that is deleted must have been given out, once, and after its event was posted as often as it was received.
 *
 *     bench_fake_sqs EVENTS BODY_BYTES      prints "sqs PORT sink PORT", and at SIGTERM what it counted
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <sluice/base.h>

#include "core/json.h"
#include "core/md5.h"

enum { CONNECTIONS_MAX = 4096, HANDLE_DIGITS = 10, PADDING = 180, READ_ROOM = 4 << 20 };

struct connection {
    int fd;
    bool is_sink;
    struct strbuf in;
};

struct counts {
    unsigned long long receives, empty, given, deletes, deleted, wrong_deletes, posts, posted,
        extensions;
};

static struct connection *connections[CONNECTIONS_MAX];
static struct counts counts;
static unsigned long long events;
static unsigned char *is_deleted;
static struct strbuf body, out;
static char digest[MD5_HEX_SIZE];
static int loop;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- answers ---- */

static void answer(const struct connection *c, struct slice content)
{
    char head[256];
    int n = snprintf(
        head, sizeof(head),
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nx-amzn-RequestId: 1\r\n"
        "Content-Length: %zu\r\n\r\n",
        content.n);
    struct strbuf whole = {0};

    strbuf_add(&whole, head, (size_t)n);
    strbuf_add_slice(&whole, content);
    for (size_t at = 0; at < whole.n;) {
        ssize_t wrote = send(c->fd, whole.p + at, whole.n - at, MSG_NOSIGNAL);

        if (wrote < 0 && errno != EAGAIN)
            break;
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    strbuf_deinit(&whole);
}

static void add_message(unsigned long long number)
{
    static const char padding[PADDING + 1] =
        "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0aAQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0aAQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0aAQEB"
        "wJnKyrHigUMZj6rYigCgxlaS3SLy0aAQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0aAQEBwJnKy";

    strbuf_addf(
        &out,
        "{\"MessageId\":\"5f331439-df7a-4a24-bcb1-%012llu\",\"ReceiptHandle\":\"%0*llu%s\",\"MD5OfBody\":\"%s\","
        "\"Body\":\"",
        number, HANDLE_DIGITS, number, padding, digest);
    strbuf_add(&out, body.p, body.n);
    strbuf_adds(
        &out,
        "\",\"Attributes\":{\"SenderId\":\"AIDAIT2UOQQY3AUEKVGXU\",\"SentTimestamp\":\"1795420083961\","
        "\"ApproximateReceiveCount\":\"1\",\"ApproximateFirstReceiveTimestamp\":\"1795420083974\"}}");
}

static void receive(const struct connection *c)
{
    unsigned n = 0;

    counts.receives++;
    strbuf_reset(&out);
    strbuf_adds(&out, "{");
    for (; n < 10 && counts.given < events; n++) {
        strbuf_adds(&out, n ? "," : "\"Messages\":[");
        add_message(counts.given++);
    }
    counts.empty += n == 0;
    strbuf_adds(&out, n ? "]}" : "}");
    answer(c, strbuf_slice(&out));
}

/* The answer to a batch call: every entry was successful. */
static void batch(const struct connection *c, struct slice request, bool is_delete)
{
    static const char key[] = "\"ReceiptHandle\":\"";
    const char *at = request.p, *end = request.p + request.n;
    unsigned n = 0;

    strbuf_reset(&out);
    strbuf_adds(&out, "{\"Successful\":[");
    while ((at = memmem(at, (size_t)(end - at), key, sizeof(key) - 1))) {
        at += sizeof(key) - 1;
        if (is_delete) {
            unsigned long long number = 0;

            for (int i = 0; i < HANDLE_DIGITS; i++)
                number = number * 10 + (unsigned long long)(at[i] - '0');
            if (number >= counts.given || is_deleted[number]++)
                counts.wrong_deletes++;
            else
                counts.deleted++;
        }
        strbuf_addf(&out, "%s{\"Id\":\"%u\"}", n ? "," : "", n);
        n++;
    }
    counts.deletes += is_delete;
    counts.extensions += !is_delete;
    strbuf_adds(&out, "],\"Failed\":[]}");
    answer(c, strbuf_slice(&out));
}

static void post(const struct connection *c, struct slice head)
{
    const char *count = memmem(head.p, head.n, "Sluice-Batch-Count: ", 20);

    counts.posts++;
    counts.posted += count ? strtoull(count + 20, NULL, 10) : 0;
    answer(c, SLICE(""));
}

static bool mentions(struct slice head, const char *text)
{
    return memmem(head.p, head.n, text, strlen(text)) != NULL;
}

static void serve(const struct connection *c, struct slice head, struct slice content)
{
    if (c->is_sink)
        post(c, head);
    else if (mentions(head, "AmazonSQS.ReceiveMessage"))
        receive(c);
    else if (mentions(head, "AmazonSQS.DeleteMessageBatch"))
        batch(c, content, true);
    else if (mentions(head, "AmazonSQS.ChangeMessageVisibilityBatch"))
        batch(c, content, false);
    else
        answer(c, SLICE("{\"QueueUrl\":\"http://127.0.0.1/000000000000/bench\",\"Attributes\":{"
                        "\"VisibilityTimeout\":\"30\",\"ApproximateNumberOfMessages\":\"0\","
                        "\"QueueArn\":\"arn:aws:sqs:us-east-1:000000000000:bench\"}}"));
}

/* ---- connections ---- */

/* The length of the first whole request in `in`, 0 if there is none yet. */
static size_t request_length(struct slice in, size_t *head)
{
    const char *end = memmem(in.p, in.n, "\r\n\r\n", 4);
    const char *length;

    if (!end)
        return 0;
    *head = (size_t)(end + 4 - in.p);
    length = memmem(in.p, *head, "Content-Length: ", 16);
    *head = (size_t)(end + 4 - in.p);
    return *head + (length ? strtoull(length + 16, NULL, 10) : 0);
}

static void hang_up(struct connection *c)
{
    connections[c->fd] = NULL;
    close(c->fd);
    strbuf_deinit(&c->in);
    free(c);
}

static void on_readable(struct connection *c)
{
    ssize_t n;
    size_t head, whole;

    strbuf_reserve(&c->in, 256 << 10);
    n = recv(c->fd, c->in.p + c->in.n, c->in.cap - c->in.n - 1, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || c->in.n > READ_ROOM) {
        hang_up(c);
        return;
    }
    c->in.n += (size_t)n;
    c->in.p[c->in.n] = '\0';
    while ((whole = request_length(strbuf_slice(&c->in), &head)) > 0 && whole <= c->in.n) {
        serve(c, (struct slice){c->in.p, head}, (struct slice){c->in.p + head, whole - head});
        memmove(c->in.p, c->in.p + whole, c->in.n - whole);
        strbuf_truncate(&c->in, c->in.n - whole);
    }
}

static int listen_on_loopback(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, 1024) < 0 || getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        die("listen");
    *port = ntohs(address.sin_port);
    return fd;
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static void on_connect(int listener, bool is_sink)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int on = 1;

    if (fd < 0)
        return;
    if (fd >= CONNECTIONS_MAX || !(connections[fd] = calloc(1, sizeof(struct connection))))
        die("too many connections");
    *connections[fd] = (struct connection){.fd = fd, .is_sink = is_sink};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    watch(fd);
}

static void report(void)
{
    printf(
        "given %llu posted %llu deleted %llu wrong %llu receives %llu empty %llu deletes %llu posts %llu extensions "
        "%llu\n",
        counts.given, counts.posted, counts.deleted, counts.wrong_deletes, counts.receives,
        counts.empty, counts.deletes, counts.posts, counts.extensions);
}

static void make_body(size_t bytes)
{
    struct strbuf plain = {0};

    strbuf_adds(&plain, "{\"order\":4711,\"note\":\"");
    while (plain.n + 2 < bytes)
        strbuf_adds(&plain, "abcdefghijklmnop\\\"");
    strbuf_truncate(&plain, bytes > 2 ? bytes - 2 : 0);
    strbuf_adds(&plain, "\"}");
    md5_hex(strbuf_slice(&plain), digest);
    if (!json_escape(strbuf_slice(&plain), &body))
        exit(1);
    strbuf_deinit(&plain);
}

int main(int argc, char **argv)
{
    unsigned sqs_port, sink_port;
    int sqs = listen_on_loopback(&sqs_port), sink = listen_on_loopback(&sink_port), signals;
    sigset_t set;

    if (argc != 3) {
        fprintf(stderr, "usage: %s EVENTS BODY_BYTES\n", argv[0]);
        return 64;
    }
    events = strtoull(argv[1], NULL, 10);
    is_deleted = calloc(events + 1, 1);
    make_body(strtoull(argv[2], NULL, 10));
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    loop = epoll_create1(EPOLL_CLOEXEC);
    watch(sqs);
    watch(sink);
    watch(signals);
    printf("sqs %u sink %u\n", sqs_port, sink_port);
    fflush(stdout);
    for (;;) {
        struct epoll_event ready[64];
        int n = epoll_wait(loop, ready, 64, -1);

        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd;

            if (fd == signals) {
                report();
                return counts.wrong_deletes > 0;
            }
            if (fd == sqs || fd == sink)
                on_connect(fd, fd == sink);
            else if (connections[fd])
                on_readable(connections[fd]);
        }
    }
}

/*
 * fake_sqs -- the other ends of bench/forward: a queue that hands out COUNT events as fast as anybody asks, and a service
 * that takes them. One thread, raw epoll, answers that are copied together: so cheap that what is measured is the
 * forwarder between the two.
 *
 *     fake_sqs COUNT BODY_BYTES      prints "SQS_PORT SINK_PORT", and at the end of its input what it saw, as JSON
 *
 * It is no SQS: it checks no signature, loses nothing, brings nothing twice, and every queue name is the same queue. It
 * does check its client: a receipt handle that was not handed out, an event deleted before the service had it, or posted
 * twice, is counted, and bench/forward fails on it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define HANDLE_PAD 396 /* with the 16 digits of its number, a handle is as long as one of SQS */
#define BATCH      10
#define HEAD_MAX   65536

enum kind { SQS, SINK, INPUT, LISTEN_SQS, LISTEN_SINK };

struct peer {
    enum kind kind;
    int fd;
    char *in, *out;
    size_t in_n, in_room, out_n, out_at, out_room;
    int64_t parked_until; /* ns; 0: not parked */
    struct peer *next_parked;
};

enum state { WAITING, HANDED_OUT, POSTED = 2, DELETED = 4 };

static struct {
    size_t count, next, deleted, posted;
    size_t receives, receives_empty, deletes, extensions, posts, post_bytes;
    size_t bad_handles, deleted_unposted, posted_twice, returned;
    int64_t first_ns, last_ns;
    unsigned char *states;
    char *message; /* one message as text, with holes for its number */
    size_t message_n, id_at, handle_at;
    struct peer *parked;
    int epoll;
} world;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- answers ---- */

static void *grown(void *p, size_t *room, size_t wanted)
{
    if (wanted <= *room)
        return p;
    *room = wanted * 2;
    p = realloc(p, *room);
    if (!p)
        die("realloc");
    return p;
}

static void put(struct peer *peer, const char *bytes, size_t n)
{
    peer->out = grown(peer->out, &peer->out_room, peer->out_n + n);
    memcpy(peer->out + peer->out_n, bytes, n);
    peer->out_n += n;
}

static void flush(struct peer *peer)
{
    while (peer->out_at < peer->out_n) {
        ssize_t n = write(peer->fd, peer->out + peer->out_at, peer->out_n - peer->out_at);

        if (n < 0 && errno != EAGAIN)
            peer->out_at = peer->out_n; /* it went away: its end is seen where it is read */
        if (n <= 0)
            break;
        peer->out_at += (size_t)n;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    if (peer->out_at < peer->out_n) {
        event.events |= EPOLLOUT;
        epoll_ctl(world.epoll, EPOLL_CTL_MOD, peer->fd, &event);
        return;
    }
    if (peer->out_room > 0 && peer->out_n > 0)
        peer->out_n = peer->out_at = 0;
}

static void put_head(struct peer *peer, size_t length)
{
    char head[200];
    int n = snprintf(
        head, sizeof(head),
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %zu\r\n\r\n",
        length);

    put(peer, head, (size_t)n);
}

static void answer(struct peer *peer, const char *body, size_t n)
{
    put_head(peer, n);
    put(peer, body, n);
    flush(peer);
}

/* ---- numbers inside texts ---- */

static void write_number(char *at, size_t number)
{
    for (int i = 15; i >= 0; i--, number >>= 4)
        at[i] = "0123456789abcdef"[number & 15];
}

static size_t read_number(const char *at)
{
    size_t number = 0;

    for (int i = 0; i < 16; i++) {
        const char *digit = memchr("0123456789abcdef", at[i], 16);

        if (!digit)
            return SIZE_MAX;
        number = number << 4 | (size_t)(digit - "0123456789abcdef");
    }
    return number;
}

/* A message id: a UUID whose last 16 digits are the number, "-" behind the fourth of them. */
static void write_id(char *at, size_t number)
{
    char digits[16];

    write_number(digits, number);
    memcpy(at + 19, digits, 4);
    memcpy(at + 24, digits + 4, 12);
}

static size_t read_id(const char *at)
{
    char digits[16];

    memcpy(digits, at + 19, 4);
    memcpy(digits + 4, at + 24, 12);
    return read_number(digits);
}

/* ---- the queue ---- */

/* One message of SIZE bytes of JSON as its body: as the wire has it, escaped. */
static void make_message(size_t size)
{
    char *body = malloc(size + 1), *escaped = malloc(2 * size + 1), pad[HANDLE_PAD + 1];
    unsigned char digest[EVP_MAX_MD_SIZE];
    char md5[33];
    size_t n = (size_t)snprintf(body, size, "{\"order\":4711,\"customer\":\"acme\",\"lines\":[");
    size_t escaped_n = 0;

    while (n + 80 < size)
        n += (size_t)snprintf(body + n, size - n,
                              "{\"sku\":\"A-%05zu\",\"quantity\":%zu,\"price\":19.95},", n, n % 7);
    n += (size_t)snprintf(body + n, size - n, "0],\"note\":\"");
    while (n < size - 2)
        body[n++] = 'n';
    memcpy(body + n, "\"}", 3);
    if (!EVP_Digest(body, size, digest, NULL, EVP_md5(), NULL))
        die("md5");
    for (int i = 0; i < 16; i++)
        snprintf(md5 + 2 * i, 3, "%02x", digest[i]);
    for (size_t i = 0; i < size; i++) {
        if (body[i] == '"')
            escaped[escaped_n++] = '\\';
        escaped[escaped_n++] = body[i];
    }
    memset(pad, 'A', HANDLE_PAD);
    pad[HANDLE_PAD] = 0;
    n = (size_t)asprintf(
        &world.message,
        "{\"MessageId\":\"00000000-0000-4000-8000-000000000000\",\"ReceiptHandle\":\"%s0123456789abcdef\","
        "\"MD5OfBody\":\"%s\",\"Body\":\"%.*s\",\"Attributes\":{\"SenderId\":\"AIDAIT2UOQQY3AUEKVGXU\","
        "\"ApproximateFirstReceiveTimestamp\":\"%lld000\",\"ApproximateReceiveCount\":\"1\","
        "\"SentTimestamp\":\"%lld000\"}}",
        pad, md5, (int)escaped_n, escaped, (long long)time(NULL), (long long)time(NULL));
    world.message_n = n;
    world.id_at = strlen("{\"MessageId\":\"");
    world.handle_at = (size_t)(strstr(world.message, "0123456789abcdef") - world.message);
    free(body);
    free(escaped);
}

static size_t field_of(const char *body, const char *name, size_t usual)
{
    const char *at = strstr(body, name);

    return at ? strtoul(at + strlen(name), NULL, 10) : usual;
}

static void answer_messages(struct peer *peer, size_t n)
{
    put_head(peer, 14 + n * (world.message_n + 1));
    put(peer, "{\"Messages\":[", 13);
    for (size_t i = 0; i < n; i++, world.next++) {
        peer->out = grown(peer->out, &peer->out_room, peer->out_n + world.message_n + 1);
        char *at = peer->out + peer->out_n;

        memcpy(at, world.message, world.message_n);
        write_id(at + world.id_at, world.next);
        write_number(at + world.handle_at, world.next);
        at[world.message_n] = i + 1 < n ? ',' : ']';
        peer->out_n += world.message_n + 1;
        world.states[world.next] = HANDED_OUT;
    }
    put(peer, "}", 1);
    flush(peer);
}

static void receive(struct peer *peer, const char *body)
{
    size_t max = field_of(body, "\"MaxNumberOfMessages\":", 1);
    size_t left = world.count - world.next;

    world.receives++;
    if (world.first_ns == 0)
        world.first_ns = now_ns();
    if (left > 0) {
        answer_messages(peer, max < left ? max : left);
        return;
    }
    world.receives_empty++;
    peer->parked_until =
        now_ns() + (int64_t)field_of(body, "\"WaitTimeSeconds\":", 0) * 1000000000 + 1;
    peer->next_parked = world.parked;
    world.parked = peer;
}

/* What an entry of a batch asks for its event. */
static void delete_one(size_t number)
{
    unsigned char *state = &world.states[number];

    if (!(*state & POSTED))
        world.deleted_unposted++;
    if (!(*state & DELETED) && ++world.deleted == world.count)
        world.last_ns = now_ns();
    *state |= DELETED;
}

static void extend_one(size_t number)
{
    (void)number;
    world.extensions++;
}

/* Each entry of a batch has an id and a handle; the id is what stands in front of the handle or behind it. */
static void batch(struct peer *peer, const char *body, void (*one)(size_t))
{
    static const char handle_key[] = "\"ReceiptHandle\":\"", id_key[] = "\"Id\":\"";
    char out[BATCH * 250], failed[BATCH * 100];
    size_t n = (size_t)snprintf(out, sizeof(out), "{\"Successful\":["), failed_n = 0;
    bool first = true;

    for (const char *entry = strstr(body, handle_key), *id = strstr(body, id_key);
         entry && id && n < sizeof(out) - 120;
         entry = strstr(entry + 1, handle_key), id = strstr(id + 1, id_key)) {
        const char *handle = entry + sizeof(handle_key) - 1;
        const char *quote = strchr(handle, '"');
        size_t number =
            quote && quote - handle == HANDLE_PAD + 16 ? read_number(quote - 16) : SIZE_MAX;

        const char *text = id + sizeof(id_key) - 1;
        if (number >= world.next) {
            world.bad_handles +=
                one == delete_one; /* sluice asks with a made-up one whether it may extend */
            failed_n += (size_t)snprintf(
                failed + failed_n, sizeof(failed) - failed_n,
                "%s{\"Id\":\"%.*s\",\"Code\":\"ReceiptHandleIsInvalid\",\"SenderFault\":true}",
                failed_n ? "," : "", (int)strcspn(text, "\""), text);
            continue;
        }
        one(number);
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s{\"Id\":\"%.*s\"}", first ? "" : ",",
                              (int)strcspn(text, "\""), text);
        first = false;
    }
    n += (size_t)snprintf(out + n, sizeof(out) - n, "],\"Failed\":[%.*s]}", (int)failed_n, failed);
    answer(peer, out, n);
}

static void attributes(struct peer *peer)
{
    char out[600];
    int n = snprintf(
        out, sizeof(out),
        "{\"Attributes\":{\"QueueArn\":\"arn:aws:sqs:eu-central-1:123456789012:orders\","
        "\"VisibilityTimeout\":\"30\",\"ApproximateNumberOfMessages\":\"%zu\","
        "\"ApproximateNumberOfMessagesNotVisible\":\"%zu\",\"ApproximateNumberOfMessagesDelayed\":\"0\","
        "\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:eu-central-1:123456789012:dead\\\","
        "\\\"maxReceiveCount\\\":5}\"}}",
        world.count - world.next, world.next - world.deleted);

    answer(peer, out, (size_t)n);
}

static void serve_sqs(struct peer *peer, const char *head, const char *body)
{
    static const char target[] = "\r\nx-amz-target: AmazonSQS.";
    const char *action = strcasestr(head, target);

    action = action ? action + sizeof(target) - 1 : "";
    if (!strncmp(action, "ReceiveMessage\r", 15))
        receive(peer, body);
    else if (!strncmp(action, "DeleteMessageBatch\r", 19)) {
        world.deletes++;
        batch(peer, body, delete_one);
    } else if (!strncmp(action, "ChangeMessageVisibilityBatch\r", 29))
        batch(peer, body, extend_one);
    else if (!strncmp(action, "GetQueueAttributes\r", 19))
        attributes(peer);
    else {
        static const char url[] = "{\"QueueUrl\":\"http://127.0.0.1/123456789012/orders\"}";
        answer(peer, url, sizeof(url) - 1);
    }
}

static int64_t end_parked(void)
{
    struct peer **at = &world.parked;
    int64_t now = now_ns(), soonest = INT64_MAX;

    while (*at) {
        struct peer *peer = *at;

        if (peer->parked_until > now) {
            soonest = peer->parked_until - now < soonest ? peer->parked_until - now : soonest;
            at = &peer->next_parked;
            continue;
        }
        *at = peer->next_parked;
        peer->parked_until = 0;
        answer(peer, "{}", 2);
    }
    return soonest == INT64_MAX ? -1 : soonest / 1000000 + 1;
}

/* ---- the service ---- */

static void serve_sink(struct peer *peer, const char *body, size_t n)
{
    static const char key[] = "\"messageId\":\"",
                      ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const char *end = body + n;

    world.posts++;
    world.post_bytes += n;
    for (const char *at = memmem(body, n, key, sizeof(key) - 1); at;
         at = memmem(at + 1, (size_t)(end - at) - 1, key, sizeof(key) - 1)) {
        size_t number = end - at > 60 ? read_id(at + sizeof(key) - 1) : SIZE_MAX;

        if (number >= world.next)
            world.bad_handles++;
        else if (world.states[number] & POSTED)
            world.posted_twice++;
        else {
            world.states[number] |= POSTED;
            world.posted++;
        }
    }
    put(peer, ok, sizeof(ok) - 1);
    flush(peer);
}

/* ---- connections ---- */

static void leave(struct peer *peer)
{
    for (struct peer **at = &world.parked; *at; at = &(*at)->next_parked)
        if (*at == peer) {
            *at = peer->next_parked;
            break;
        }
    close(peer->fd);
    free(peer->in);
    free(peer->out);
    free(peer);
}

/* Serves what is complete in the buffer. */
static void serve(struct peer *peer)
{
    while (peer->in_n > 0 && peer->parked_until == 0) {
        size_t look = peer->in_n < HEAD_MAX ? peer->in_n : HEAD_MAX;
        char *blank = memmem(peer->in, look, "\r\n\r\n", 4);

        if (!blank)
            return;
        *blank = 0;
        const char *length = strcasestr(peer->in, "\r\ncontent-length:");
        size_t body_n = length ? strtoul(length + 17, NULL, 10) : 0;
        char *body = blank + 4;
        size_t whole = (size_t)(body - peer->in) + body_n;
        *blank = '\r';
        if (peer->in_n < whole) {
            peer->in = grown(peer->in, &peer->in_room, whole + 65536);
            return;
        }
        char after = body[body_n];
        *blank = body[body_n] = 0;
        if (peer->kind == SQS)
            serve_sqs(peer, peer->in, body);
        else
            serve_sink(peer, body, body_n);
        body[body_n] = after;
        peer->in_n -= whole;
        memmove(peer->in, body + body_n, peer->in_n);
    }
}

static void ready(struct peer *peer, uint32_t events)
{
    if (events & EPOLLOUT)
        flush(peer);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    peer->in = grown(peer->in, &peer->in_room, peer->in_n + 65536);
    ssize_t n = read(peer->fd, peer->in + peer->in_n, peer->in_room - peer->in_n - 1);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        leave(peer);
        return;
    }
    peer->in_n += n > 0 ? (size_t)n : 0;
    serve(peer);
}

static struct peer *watch(int fd, enum kind kind)
{
    struct peer *peer = calloc(1, sizeof(*peer));

    if (!peer)
        die("calloc");
    *peer = (struct peer){.kind = kind, .fd = fd};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    if (epoll_ctl(world.epoll, EPOLL_CTL_ADD, fd, &event))
        die("epoll_ctl");
    return peer;
}

static int listen_on(enum kind kind)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, n) || listen(fd, 128) ||
        getsockname(fd, (struct sockaddr *)&address, &n))
        die("listen");
    watch(fd, kind);
    return ntohs(address.sin_port);
}

static void report(void)
{
    printf(
        "{\"events\":%zu,\"handed_out\":%zu,\"posted\":%zu,\"deleted\":%zu,\"receives\":%zu,\"receives_empty\":%zu,"
        "\"deletes\":%zu,\"extensions\":%zu,\"posts\":%zu,\"post_bytes\":%zu,\"bad_handles\":%zu,"
        "\"deleted_unposted\":%zu,\"posted_twice\":%zu,\"seconds\":%.6f}\n",
        world.count, world.next, world.posted, world.deleted, world.receives, world.receives_empty,
        world.deletes, world.extensions, world.posts, world.post_bytes, world.bad_handles,
        world.deleted_unposted, world.posted_twice,
        world.last_ns ? (double)(world.last_ns - world.first_ns) / 1e9 : 0.0);
}

int main(int argc, char **argv)
{
    if (argc != 3 || atol(argv[1]) < 1 || atol(argv[2]) < 200) {
        fprintf(stderr, "usage: fake_sqs COUNT BODY_BYTES(>= 200)\n");
        return 64;
    }
    world.count = strtoul(argv[1], NULL, 10);
    world.states = calloc(world.count, 1);
    world.epoll = epoll_create1(0);
    if (!world.states || world.epoll < 0)
        die("start");
    make_message(strtoul(argv[2], NULL, 10));
    watch(STDIN_FILENO, INPUT);
    int sqs = listen_on(LISTEN_SQS);
    printf("%d %d\n", sqs, listen_on(LISTEN_SINK));
    fflush(stdout);
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(world.epoll, events, 64, (int)end_parked());

        for (int i = 0; i < n; i++) {
            struct peer *peer = events[i].data.ptr;

            if (peer->kind == INPUT) {
                report();
                return 0;
            }
            if (peer->kind == SQS || peer->kind == SINK) {
                ready(peer, events[i].events);
                continue;
            }
            int fd = accept4(peer->fd, NULL, NULL, SOCK_NONBLOCK);
            if (fd >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
                watch(fd, peer->kind == LISTEN_SQS ? SQS : SINK);
            }
        }
    }
}

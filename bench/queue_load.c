/*
 * queue_load -- many clients of an SQS at once: what it can send, receive and delete, how long each call takes, and what
 * that costs the server. AWS JSON 1.0 over HTTP/1.1 with keep-alive, so any SQS can be asked.
 *
 *     bench_queue_load QUEUE_URL [options]      prints one line of JSON for each phase
 *
 *     --clients N    connections, each a client of its own (32)
 *     --events N     to send, in batches of ten (100,000)
 *     --seconds N    stop sending after that time, for servers that are slow (60)
 *     --bytes N      of a body: an event in JSON with its serial number (1,024)
 *     --preload N    first fill the queue, and hold that depth while measuring (0)
 *     --fill N       stop filling after so many seconds, and measure at the depth that is reached (600)
 *     --drain        after that, receive and delete what is left, and check that all of it came
 *     --split        half of the clients send, the others receive and delete; otherwise each does all three in turn
 *     --sleep        sleep while there is no answer; otherwise it looks again and again on a core of its own, so that no
 *                    server pays for waking it (a twelfth of the time of ours)
 *     --pid N        the server, whose CPU time and memory are reported
 *
 * Exit 1: an event was lost, came twice, or a call was refused.
 *
 * It is one thread with raw epoll, its requests are rendered once, and of an answer it looks at what it needs: on a machine
 * with two cores the generator must leave them to the server. It reports its own CPU time too, to show it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/queue_measure.h"
#include "core/strbuf.h"

enum {
    BATCH = 10,
    SERIAL_DIGITS = 16,
    BODY_MIN = 100,
    BODY_MAX = 100000, /* ten of them are a batch's limit */
    HANDLE_MAX = 2048, /* a receipt handle as it stands in JSON; SQS's have 412 characters */
    STALLED_S = 30,    /* no answer at all for that long: the server is given up */
    PAUSE_DEPTH = 200, /* --split: how many events per client senders may be ahead of receivers */
};

/* What every body begins with, as it stands in a request; behind it comes its serial number. */
#define BODY_BEGIN "{\\\"id\\\":\\\"event-"

enum call { SEND, RECEIVE, DELETE, CALLS };

enum phase { PRELOAD, MEASURE, DRAIN };

struct client {
    int fd;
    bool sends, receives;
    bool is_idle;   /* has nothing more to do in this phase */
    bool is_paused; /* a sender that waits for receivers to follow */
    enum call call;
    size_t batch; /* entries of the call that is under way */
    int64_t began;
    struct strbuf send; /* the request, ready but for the serial numbers */
    struct strbuf delete;
    struct strbuf in;
    struct strbuf *out; /* what is being written, from out_at on */
    size_t out_at;
};

static struct {
    const char *url;
    char host[256];
    struct sockaddr_storage address;
    socklen_t address_n;
    size_t clients, events, seconds, bytes, preload, fill_seconds, pid;
    bool drains, is_split, is_asleep;
} options = {.clients = 32, .events = 100000, .bytes = 1024, .seconds = 60, .fill_seconds = 600};

static struct {
    enum phase phase;
    int epoll;
    struct client *clients;
    size_t idle, paused;
    size_t serial_end; /* serial numbers below it are given to somebody to send */
    size_t phase_end;  /* of this phase's serial numbers */
    size_t floor;      /* events that stay in the queue */
    size_t sent, received, deleted, empty, twice;
    int64_t stop_sending, last_progress, last_delete;
    unsigned char *seen; /* by serial number: it was received */
    struct strbuf receive, entries;
    size_t serial_at[BATCH]; /* where they stand in a client's send */
    struct samples took[CALLS];
} world;

__attribute__((noreturn, format(printf, 1, 2))) static void give_up(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("queue_load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void write_serial(char *at, size_t serial)
{
    for (int i = SERIAL_DIGITS - 1; i >= 0; i--, serial >>= 4)
        at[i] = "0123456789abcdef"[serial & 15];
}

static size_t read_serial(const char *at)
{
    size_t serial = 0;

    for (int i = 0; i < SERIAL_DIGITS; i++) {
        const char *digit = memchr("0123456789abcdef", at[i], 16);

        if (!digit)
            return SIZE_MAX;
        serial = serial << 4 | (size_t)(digit - "0123456789abcdef");
    }
    return serial;
}

/* ---- requests ---- */

static void put_request(struct strbuf *b, const char *operation, const struct strbuf *body)
{
    strbuf_reset(b);
    strbuf_addf(
        b,
        "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-amz-json-1.0\r\n"
        "X-Amz-Target: AmazonSQS.%s\r\nX-Amz-Date: 20260101T000000Z\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=sluice/20260101/us-east-1/sqs/aws4_request, "
        "SignedHeaders=host;x-amz-date;x-amz-target, "
        "Signature=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n"
        "Content-Length: %zu\r\n\r\n",
        options.host, operation, body->n);
    strbuf_add_slice(b, strbuf_slice(body));
    if (strbuf_failed(b) || strbuf_failed(body))
        give_up("out of memory");
}

/* The escaped text of a body of the asked size, an order in JSON. Its serial number stands behind "event-". */
static void put_body(struct strbuf *b)
{
    size_t start = b->n, escapes = 0;

    strbuf_adds(b, BODY_BEGIN "0000000000000000\\\",\\\"lines\\\":[");
    while (b->n - start < options.bytes)
        strbuf_adds(b, "{\\\"sku\\\":\\\"A-4711\\\",\\\"quantity\\\":3,\\\"price\\\":19.95},");
    strbuf_adds(b, "0],\\\"note\\\":\\\"");
    for (size_t i = start; i < b->n; i++)
        escapes += b->p[i] == '\\';
    for (size_t n = b->n - start - escapes; n + 2 < options.bytes; n++)
        strbuf_addc(b, 'n');
    strbuf_adds(b, "\\\"}");
}

static void make_send(struct strbuf *request)
{
    struct strbuf body = {0};

    strbuf_addf(&body, "{\"QueueUrl\":\"%s\",\"Entries\":[", options.url);
    for (size_t i = 0; i < BATCH; i++) {
        strbuf_addf(&body, "%s{\"Id\":\"%zu\",\"MessageBody\":\"", i ? "," : "", i);
        world.serial_at[i] = body.n + strlen(BODY_BEGIN);
        put_body(&body);
        strbuf_adds(&body, "\"}");
    }
    strbuf_adds(&body, "]}");
    put_request(request, "SendMessageBatch", &body);
    for (size_t i = 0; i < BATCH; i++)
        world.serial_at[i] += request->n - body.n;
    strbuf_deinit(&body);
}

static void make_receive(void)
{
    struct strbuf body = {0};

    strbuf_addf(&body, "{\"QueueUrl\":\"%s\",\"MaxNumberOfMessages\":%d,\"WaitTimeSeconds\":%d}",
                options.url, BATCH, options.is_split);
    put_request(&world.receive, "ReceiveMessage", &body);
    strbuf_deinit(&body);
}

/* ---- answers ---- */

/* What stands behind `key` and a colon, as a string of JSON: its raw text, without the quotes. NULL: not there. */
static const char *string_behind(const char *from, const char *end, const char *key, size_t *n)
{
    size_t key_n = strlen(key);
    const char *at = memmem(from, (size_t)(end - from), key, key_n), *text;

    if (!at)
        return NULL;
    for (at += key_n; at < end && (*at == ':' || *at == ' '); at++)
        continue;
    if (at == end || *at != '"')
        return NULL;
    for (text = ++at; at < end && *at != '"'; at++)
        at += *at == '\\';
    *n = (size_t)(at - text);
    return at < end ? text : NULL;
}

static void see(size_t serial)
{
    if (serial >= world.serial_end)
        give_up("an event was received that was never sent");
    world.twice += world.seen[serial];
    world.seen[serial] = 1;
    world.received++;
}

static size_t count_serials(const char *body, const char *end)
{
    static const char mark[] = "event-";
    const size_t mark_n = sizeof mark - 1;
    size_t n = 0;

    for (const char *at = body; (at = memmem(at, (size_t)(end - at), mark, mark_n)); n++) {
        at += mark_n;
        if ((size_t)(end - at) < options.bytes - BODY_MIN)
            give_up("a body was cut");
        see(read_serial(at));
        at += options.bytes - BODY_MIN; /* of the body, which has no other */
    }
    return n;
}

/* Makes the request that deletes what came, and returns how many they are. */
static size_t take_messages(struct client *c, const char *body, const char *end)
{
    struct strbuf *entries = &world.entries;
    size_t n = 0, handle_n;
    const char *handle = body;

    strbuf_reset(entries);
    strbuf_addf(entries, "{\"QueueUrl\":\"%s\",\"Entries\":[", options.url);
    while ((handle = string_behind(handle, end, "\"ReceiptHandle\"", &handle_n))) {
        if (n == BATCH || handle_n > HANDLE_MAX)
            give_up("more than %d messages, or a receipt handle above %d bytes", BATCH, HANDLE_MAX);
        strbuf_addf(entries, "%s{\"Id\":\"%zu\",\"ReceiptHandle\":\"", n ? "," : "", n);
        strbuf_add(entries, handle, handle_n);
        strbuf_adds(entries, "\"}");
        handle += handle_n;
        n++;
    }
    strbuf_adds(entries, "]}");
    put_request(&c->delete, "DeleteMessageBatch", entries);
    if (count_serials(body, end) != n)
        give_up("%zu receipt handles, but another number of bodies", n);
    return n;
}

/* ---- what a client does next ---- */

static void start(struct client *c, enum call call, size_t batch, struct strbuf *request);

static bool may_send(void)
{
    return world.serial_end < world.phase_end && now_ns() < world.stop_sending;
}

static void send_batch(struct client *c)
{
    for (size_t i = 0; i < BATCH; i++)
        write_serial(c->send.p + world.serial_at[i], world.serial_end++);
    start(c, SEND, BATCH, &c->send);
}

/* A client that has nothing under way: a batch to send, something to receive, or a rest until the phase is over. */
static void go_on(struct client *c)
{
    bool is_ahead = world.serial_end - world.received > world.floor + PAUSE_DEPTH * options.clients;
    bool sends = world.phase == PRELOAD || (world.phase == MEASURE && c->sends);
    bool receives = world.phase == DRAIN || (world.phase == MEASURE && c->receives);

    sends = sends && may_send();
    c->is_idle = c->is_paused = false;
    if (sends && receives && c->call == SEND && world.sent > world.received)
        start(c, RECEIVE, BATCH, &world.receive);
    else if (sends && options.is_split && world.phase == MEASURE && is_ahead)
        c->is_paused = true;
    else if (sends)
        send_batch(c);
    else if (receives && (may_send() || world.serial_end > world.received + world.floor))
        start(c, RECEIVE, BATCH, &world.receive);
    else
        c->is_idle = true;
    world.idle += c->is_idle;
    world.paused += c->is_paused;
}

static void wake_paused(void)
{
    if (world.paused == 0)
        return;
    world.paused = 0;
    for (size_t i = 0; i < options.clients; i++)
        if (world.clients[i].is_paused)
            go_on(&world.clients[i]);
}

static void answered(struct client *c, const char *body, const char *end)
{
    world.last_progress = now_ns();
    if (!samples_add(&world.took[c->call], world.last_progress - c->began))
        give_up("out of memory");
    if (memmem(body, (size_t)(end - body), "\"SenderFault\"", 13))
        give_up("an entry was refused: %.*s", (int)(end - body), body);
    if (c->call == RECEIVE) {
        size_t n = take_messages(c, body, end);

        world.empty += n == 0;
        if (n > 0)
            start(c, DELETE, n, &c->delete);
        else
            go_on(c);
        wake_paused();
        return;
    }
    if (c->call == SEND)
        world.sent += c->batch;
    else {
        world.deleted += c->batch;
        world.last_delete = world.last_progress;
    }
    go_on(c);
}

/* ---- connections ---- */

static void connect_client(struct client *c)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};

    c->fd = socket(options.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&options.address, options.address_n))
        give_up("no connection to %s: %s", options.host, strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) || epoll_ctl(world.epoll, EPOLL_CTL_ADD, c->fd, &event))
        give_up("epoll: %s", strerror(errno));
}

static void write_out(struct client *c)
{
    while (c->out && c->out_at < c->out->n) {
        ssize_t n = send(c->fd, c->out->p + c->out_at, c->out->n - c->out_at, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            give_up("writing a request: %s", strerror(errno));
        c->out_at += (size_t)n;
    }
}

static void start(struct client *c, enum call call, size_t batch, struct strbuf *request)
{
    if (c->fd < 0)
        connect_client(c);
    c->call = call;
    c->batch = batch;
    c->out = request;
    c->out_at = 0;
    c->began = now_ns();
    write_out(c);
}

/* The value of a header of an answer, or NULL. `head` ends with a NUL. */
static const char *header(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);

    return at ? at + strlen(name) : NULL;
}

/* Takes the answer, once all of it is there. */
static void read_answer(struct client *c)
{
    char *blank = memmem(c->in.p, c->in.n, "\r\n\r\n", 4), *body;
    const char *length, *connection;
    size_t body_n;
    bool closes;

    if (!blank)
        return;
    *blank = 0;
    body = blank + 4;
    length = header(c->in.p, "\r\nContent-Length:");
    if (!length)
        give_up("an answer without Content-Length: %s", c->in.p);
    body_n = strtoul(length, NULL, 10);
    connection = header(c->in.p, "\r\nConnection:");
    closes = connection && !strncasecmp(connection + strspn(connection, " "), "close", 5);
    if (c->in.n < (size_t)(body - c->in.p) + body_n) {
        *blank = '\r';
        return;
    }
    if (c->in.n < 12 || memcmp(c->in.p + 8, " 200", 4) != 0)
        give_up("refused: %s\n%.*s", c->in.p, (int)body_n, body);
    c->in.n = 0;
    if (closes) {
        close(c->fd);
        c->fd = -1;
    }
    answered(c, body, body + body_n);
}

static void ready(struct client *c)
{
    for (;;) {
        write_out(c);
        if (!strbuf_reserve(&c->in, 65536))
            give_up("out of memory");
        size_t room = c->in.cap - c->in.n - 1;
        ssize_t n = recv(c->fd, c->in.p + c->in.n, room, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            give_up("the server closed a connection: %s", n < 0 ? strerror(errno) : "end of file");
        c->in.n += (size_t)n;
        c->in.p[c->in.n] = 0;
        read_answer(c);
        if ((size_t)n < room || c->fd < 0)
            return; /* what comes later is a new edge */
    }
}

/* ---- phases ---- */

static void report_call(const char *name, struct samples *s)
{
    if (s->n == 0)
        return;
    samples_sort(s);
    printf(",\"%s\":{\"calls\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}", name, s->n,
           samples_ms(s, 0.5), samples_ms(s, 0.99), samples_ms(s, 1));
    s->n = 0;
}

static void report(double seconds, size_t events, const struct usage *before)
{
    static const char *const names[] = {
        [PRELOAD] = "preload", [MEASURE] = "measure", [DRAIN] = "drain"};
    struct usage after = usage_look((long)options.pid);
    double per_event = 1e6 / (double)(events ? events : 1);

    printf(
        "{\"phase\":\"%s\",\"events\":%zu,\"seconds\":%.3f,\"events_per_s\":%.0f,"
        "\"server_cpu_us_per_event\":%.2f,\"own_cpu_us_per_event\":%.2f,"
        "\"resident_kb\":%ld,\"resident_peak_kb\":%ld,\"anonymous_kb\":%ld,"
        "\"depth\":%zd,\"sent\":%zu,\"received\":%zu,\"deleted\":%zu,\"twice\":%zu,\"empty\":%zu",
        names[world.phase], events, seconds, (double)events / seconds,
        (after.server_cpu - before->server_cpu) * per_event,
        (after.own_cpu - before->own_cpu) * per_event, after.resident_kb, after.resident_peak_kb,
        after.anonymous_kb, (ssize_t)(world.sent - world.deleted), world.sent, world.received,
        world.deleted, world.twice, world.empty);
    report_call("send", &world.took[SEND]);
    report_call("receive", &world.took[RECEIVE]);
    report_call("delete", &world.took[DELETE]);
    printf("}\n");
    fflush(stdout);
}

static void loop(void)
{
    while (world.idle < options.clients) {
        struct epoll_event events[64];
        int n = epoll_wait(world.epoll, events, 64, options.is_asleep ? 1000 : 0);

        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;

            if (c->fd >= 0)
                ready(c);
        }
        if (now_ns() - world.last_progress > (int64_t)STALLED_S * 1000000000)
            give_up("no answer for %d s: sent %zu, received %zu, deleted %zu", STALLED_S,
                    world.sent, world.received, world.deleted);
    }
}

/* Sends up to `more` events, and goes on until no more than `floor` are left. An event counts when it is deleted; those of
 * a preload when they are sent. */
static void run(enum phase phase, size_t more, size_t floor)
{
    struct usage before = usage_look((long)options.pid);
    size_t sent = world.sent, deleted = world.deleted;
    int64_t began = now_ns(), end;

    world.phase = phase;
    world.phase_end = world.serial_end + more;
    world.floor = floor;
    world.idle = world.paused = 0;
    world.last_progress = world.last_delete = began;
    world.stop_sending =
        began + (int64_t)(phase == PRELOAD ? options.fill_seconds : options.seconds) * 1000000000;
    for (size_t i = 0; i < options.clients; i++) {
        world.clients[i].call = DELETE;
        go_on(&world.clients[i]);
    }
    loop();
    end = phase == PRELOAD ? now_ns() : world.last_delete;
    report((double)(end - began) / 1e9,
           phase == PRELOAD ? world.sent - sent : world.deleted - deleted, &before);
}

/* ---- start ---- */

static void find_server(const char *url)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    char host[256] = "", port[8] = "80";

    options.url = url;
    if (sscanf(url, "http://%255[^/]", options.host) != 1 || strlen(url) > 400 ||
        sscanf(options.host, "%255[^:]:%7s", host, port) < 1 ||
        getaddrinfo(host, port, &hints, &found))
        give_up("%s is not the URL of a queue that can be reached", url);
    memcpy(&options.address, found->ai_addr, found->ai_addrlen);
    options.address_n = found->ai_addrlen;
    freeaddrinfo(found);
}

static void set_number(size_t index, const char *text)
{
    static const struct {
        size_t *value, least, most;
    } rows[] = {{&options.clients, 1, 10000},     {&options.events, 0, 1000000000},
                {&options.seconds, 1, 86400},     {&options.bytes, 2 * BODY_MIN, BODY_MAX},
                {&options.preload, 0, 100000000}, {&options.fill_seconds, 1, 86400},
                {&options.pid, 1, 1 << 30}};
    char *end;
    size_t n = strtoul(text, &end, 10);

    if (*end || n < rows[index].least || n > rows[index].most)
        give_up("%s is not a number of %zu to %zu", text, rows[index].least, rows[index].most);
    *rows[index].value = n;
}

static void read_options(int argc, char **argv)
{
    /* the numbers in the order of set_number's rows */
    static const struct option known[] = {{"clients", 1, NULL, 'n'},
                                          {"events", 1, NULL, 'n'},
                                          {"seconds", 1, NULL, 'n'},
                                          {"bytes", 1, NULL, 'n'},
                                          {"preload", 1, NULL, 'n'},
                                          {"fill", 1, NULL, 'n'},
                                          {"pid", 1, NULL, 'n'},
                                          {"sleep", 0, NULL, 'z'},
                                          {"drain", 0, NULL, 'd'},
                                          {"split", 0, NULL, 's'},
                                          {0}};
    int option, index;

    while ((option = getopt_long(argc, argv, "", known, &index)) != -1) {
        if (option == '?')
            exit(64);
        if (option == 'n')
            set_number((size_t)index, optarg);
        options.drains |= option == 'd';
        options.is_split |= option == 's';
        options.is_asleep |= option == 'z';
    }
    if (optind + 1 != argc || (options.is_split && options.clients < 2))
        give_up("one QUEUE_URL, and two clients for --split");
    options.events -= options.events % BATCH;
    options.preload -= options.preload % BATCH;
    find_server(argv[optind]);
}

static void make_clients(void)
{
    world.epoll = epoll_create1(EPOLL_CLOEXEC);
    world.clients = calloc(options.clients, sizeof *world.clients);
    world.seen = calloc(options.preload + options.events + 1, 1);
    if (world.epoll < 0 || !world.clients || !world.seen)
        give_up("out of memory");
    make_receive();
    for (size_t i = 0; i < options.clients; i++) {
        struct client *c = &world.clients[i];

        c->sends = !options.is_split || i % 2 == 0;
        c->receives = !options.is_split || i % 2 == 1;
        make_send(&c->send);
        connect_client(c);
    }
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        puts(
            "usage: bench_queue_load QUEUE_URL [--clients N] [--events N] [--seconds N] [--bytes N]\n"
            "       [--preload N] [--fill N] [--drain] [--split] [--pid N]      bench/run-queue runs it");
        return 0;
    }
    read_options(argc, argv);
    make_clients();
    if (options.preload)
        run(PRELOAD, options.preload, SIZE_MAX / 2);
    if (options.events)
        run(MEASURE, options.events, world.sent);
    if (options.drains)
        run(DRAIN, 0, 0);
    if (world.twice || world.deleted != world.received ||
        ((options.drains || !options.preload) && world.received != world.sent))
        give_up("sent %zu, received %zu, of them %zu twice, deleted %zu", world.sent,
                world.received, world.twice, world.deleted);
    return 0;
}

/*
 * A TCP proxy that harms what passes through it, as toxics.h has it, and tells of each harm.
 *
 *     proxy --to HOST:PORT --log FILE [--seed N] [--watch TEXT] [--tap FILE]
 *
 * It listens at a free port of 127.0.0.1, and says so on stdout: "listening PORT seed N". Lines on
 * stdin switch toxics; each is answered by "ok INJECTIONS", how many there were since the
 * beginning, or by "error WHY". An empty line just asks. When stdin ends, so does it.
 *
 * The log has a line of JSON for each injection, and for each time that the bytes of --watch go by
 * towards the server; it is complete up to the last line that was answered. Times are seconds of
 * the wall clock; the one of a watched text is when the kernel got it from the client, however late
 * this program came to read it. --tap gets all that was read, before any harm: lines of connection,
 * "up" or "down" and a number, each followed by that many bytes.
 *
 * One thread, epoll, nothing of sluice: the measure is not made of what it measures.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "flow.h"
#include "toxics.h"
#include "watch.h"

enum {
    EVENTS = 64,
    LINE_SIZE = 256,
    GOODBYE_MS = 1000, /* what both ends have, after a FIN of ours, to end theirs */
};

enum state {
    CONNECTING, /* to the server; what the client sends waits in the kernel */
    OPEN,
    SILENT,  /* nothing passes, until the client gives up */
    CLOSING, /* both get a FIN, or have it; what still comes is dropped */
    GONE,    /* to be freed when this pass over the events is done */
};

struct end {
    struct conn *conn;
    int fd;
    uint32_t interest;
    bool is_dropped; /* epoll has nothing more to tell */
};

/* flows[d] goes from ends[d] to ends[!d]: ends[TO_SERVER] is the client. */
struct conn {
    struct conn *next;
    unsigned id;
    enum state state;
    nanos fin_at, closing_until;
    struct end ends[2];
    struct flow flows[2];
    bool is_finished[2]; /* the end of this flow was passed on */
    unsigned matched;    /* of the watched text */
};

static struct {
    struct toxics toxics;
    struct watch watch;
    FILE *log, *tap;
    struct sockaddr_in from, to;
    int epoll, listener;
    bool is_down, is_over;
    struct conn *conns;
    unsigned last_id;
    nanos now;
    char line[LINE_SIZE];
    size_t line_n;
} proxy;

static char buffer[FLOW_TAKE_MAX];

static void die(const char *what)
{
    fprintf(stderr, "proxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

static nanos clock_of(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * 1000 * MS + t.tv_nsec;
}

/* ---- epoll ---- */

static void tell_epoll(int operation, int fd, uint32_t interest, void *whom)
{
    struct epoll_event event = {.events = interest, .data.ptr = whom};

    if (epoll_ctl(proxy.epoll, operation, fd, &event) != 0)
        die("epoll_ctl");
}

static void set_interest(struct end *end, uint32_t interest)
{
    if (end->is_dropped || interest == end->interest)
        return;
    end->interest = interest;
    tell_epoll(EPOLL_CTL_MOD, end->fd, interest, end);
}

static void drop_interest(struct end *end)
{
    if (!end->is_dropped)
        tell_epoll(EPOLL_CTL_DEL, end->fd, 0, NULL);
    end->is_dropped = true;
}

/* ---- connections ---- */

static int new_socket(void)
{
    static const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        die("socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    return fd;
}

/* Ends it for both, by RST or as the kernel does. */
static void cut(struct conn *conn, bool by_reset)
{
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (conn->state == GONE)
        return;
    conn->state = GONE;
    for (int i = 0; i < 2; i++) {
        drop_interest(&conn->ends[i]);
        if (by_reset)
            (void)setsockopt(conn->ends[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(conn->ends[i].fd);
        flow_deinit(&conn->flows[i]);
    }
}

static void prepare_socket(int fd)
{
    static const int yes = 1, stamps = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (proxy.watch.text[0])
        (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof stamps);
}

static void begin(int client)
{
    struct conn *conn = calloc(1, sizeof *conn);
    int server = new_socket();

    if (!conn)
        die("calloc");
    *conn = (struct conn){.next = proxy.conns, .id = ++proxy.last_id, .state = CONNECTING};
    proxy.conns = conn;
    for (int i = 0; i < 2; i++) {
        struct end *end = &conn->ends[i];

        *end = (struct end){.conn = conn, .fd = i == TO_SERVER ? client : server};
        prepare_socket(end->fd);
        flow_init(&conn->flows[i], &proxy.toxics, conn->id, (enum direction)i);
        end->interest = i == TO_SERVER ? 0 : EPOLLOUT;
        tell_epoll(EPOLL_CTL_ADD, end->fd, end->interest, end);
    }
    if (connect(server, (struct sockaddr *)&proxy.to, sizeof proxy.to) != 0 && errno != EINPROGRESS)
        cut(conn, true);
}

static void finish_connecting(struct conn *conn)
{
    int error = 0;
    socklen_t n = sizeof error;

    if (getsockopt(conn->ends[1].fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0)
        cut(conn, true);
    else
        conn->state = OPEN;
}

static void strike(struct conn *conn, enum direction direction)
{
    struct flow *flow = &conn->flows[direction];

    toxics_injected(&proxy.toxics, flow->doom, conn->id, direction, ",\"passed\":%" PRIu64,
                    flow->passed);
    if (flow->doom == RESET) {
        cut(conn, true);
    } else if (flow->doom == TIMEOUT) {
        conn->state = SILENT;
    } else {
        const struct toxic *slow = toxics_active(&proxy.toxics, SLOW_CLOSE, direction);

        conn->state = CLOSING;
        conn->fin_at = proxy.now + (slow ? (nanos)slow->numbers[0] * MS : 0);
        conn->closing_until = conn->fin_at + GOODBYE_MS * MS;
        if (slow)
            toxics_injected(&proxy.toxics, SLOW_CLOSE, conn->id, direction, ",\"ms\":%" PRIu64,
                            slow->numbers[0]);
    }
}

/* Says goodbye to both ends when it is time, and does not wait for their answers for ever. */
static void go_on_closing(struct conn *conn)
{
    bool both_ended = conn->flows[0].end_due != NEVER && conn->flows[1].end_due != NEVER;

    if (proxy.now >= conn->fin_at) {
        conn->fin_at = NEVER;
        for (int i = 0; i < 2; i++)
            (void)shutdown(conn->ends[i].fd, SHUT_WR);
    }
    if (proxy.now >= conn->closing_until || both_ended)
        cut(conn, false);
}

static void finish(struct conn *conn, enum direction direction)
{
    conn->is_finished[direction] = true;
    (void)shutdown(conn->ends[!direction].fd, SHUT_WR);
    if (conn->is_finished[!direction])
        cut(conn, false);
}

static void flush(struct conn *conn, enum direction direction)
{
    switch (flow_flush(&conn->flows[direction], conn->ends[!direction].fd, proxy.now)) {
    case FLOW_WAITS:
        break;
    case FLOW_ENDS:
        if (!conn->is_finished[direction])
            finish(conn, direction);
        break;
    case FLOW_DOOMED:
        strike(conn, direction);
        break;
    case FLOW_BROKEN:
        cut(conn, true);
        break;
    }
}

/* ---- what the ends sent ---- */

/* When the kernel got what was read, as it says itself; else the time of reading. */
static nanos arrival(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        struct scm_timestamping stamps;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPING)
            continue;
        memcpy(&stamps, CMSG_DATA(c), sizeof stamps);
        if (stamps.ts[0].tv_sec > 0)
            return stamps.ts[0].tv_sec * 1000 * MS + stamps.ts[0].tv_nsec;
    }
    return clock_of(CLOCK_REALTIME);
}

static void look(struct conn *conn, size_t n, struct msghdr *message)
{
    unsigned found = watch_feed(&proxy.watch, &conn->matched, buffer, n);
    nanos t = found > 0 ? arrival(message) : 0;

    for (; found > 0; found--)
        fprintf(proxy.log, "{\"t\":%" PRId64 ".%06" PRId64 ",\"conn\":%u,\"watched\":true}\n",
                t / (1000 * MS), t % (1000 * MS) / 1000, conn->id);
}

static void read_end(struct conn *conn, enum direction direction)
{
    struct flow *flow = &conn->flows[direction];
    struct iovec into = {.iov_base = buffer, .iov_len = sizeof buffer};
    char control[256];
    struct msghdr message = {.msg_iov = &into,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t n = recvmsg(conn->ends[direction].fd, &message, 0);

    if (n < 0 && errno != EAGAIN)
        cut(conn, true);
    if (n > 0 && proxy.watch.text[0] && direction == TO_SERVER)
        look(conn, (size_t)n, &message);
    if (n > 0 && proxy.tap) {
        fprintf(proxy.tap, "%u %s %zd\n", conn->id, direction == TO_SERVER ? "up" : "down", n);
        fwrite(buffer, 1, (size_t)n, proxy.tap);
    }
    if (n > 0 && conn->state == OPEN)
        flow_take(flow, buffer, (size_t)n, proxy.now);
    if (n == 0)
        flow_take_end(flow, proxy.now);
}

static bool may_read(const struct conn *conn, int side)
{
    const struct flow *flow = &conn->flows[side];

    return conn->state == CLOSING ? flow->end_due == NEVER
                                  : conn->state == OPEN && flow_wants(flow);
}

static void end_is_ready(struct end *end, uint32_t events)
{
    struct conn *conn = end->conn;
    int side = (int)(end - conn->ends);

    if (conn->state == CONNECTING && side == TO_CLIENT) {
        finish_connecting(conn);
    } else if (conn->state == SILENT || conn->state == CONNECTING || (events & EPOLLERR)) {
        cut(conn, true); /* who has given up has given up both ends */
    } else if (conn->state != GONE) {
        if (events & EPOLLOUT)
            conn->flows[!side].is_blocked = false;
        if (may_read(conn, side))
            read_end(conn, (enum direction)side);
        else if ((events & EPOLLHUP) && conn->flows[side].end_due == NEVER)
            cut(conn, true);
        else if (events & EPOLLHUP)
            drop_interest(end);
    }
}

/* ---- turns ---- */

static uint32_t interest_of(const struct conn *conn, int side)
{
    if (conn->state == CONNECTING)
        return side == TO_CLIENT ? EPOLLOUT : 0;
    if (conn->state == SILENT)
        return side == TO_SERVER ? EPOLLRDHUP : 0;
    return (may_read(conn, side) ? EPOLLIN : 0u) | (conn->flows[!side].is_blocked ? EPOLLOUT : 0u);
}

static void advance(struct conn *conn)
{
    if (conn->state == CLOSING)
        go_on_closing(conn);
    for (int i = 0; i < 2 && conn->state == OPEN; i++)
        flush(conn, (enum direction)i);
    for (int i = 0; i < 2 && conn->state != GONE; i++)
        set_interest(&conn->ends[i], interest_of(conn, i));
}

/* The next time at which it has something to do by itself. */
static nanos due_of(const struct conn *conn)
{
    nanos due = NEVER;

    if (conn->state == CLOSING)
        return conn->fin_at < conn->closing_until ? conn->fin_at : conn->closing_until;
    for (int i = 0; i < 2 && conn->state == OPEN; i++)
        if (!conn->is_finished[i] && flow_due(&conn->flows[i]) < due)
            due = flow_due(&conn->flows[i]);
    return due;
}

/* Each connection's turn; those that are gone are freed. The time of the next turn. */
static nanos advance_all(void)
{
    nanos due = NEVER;

    for (struct conn **at = &proxy.conns; *at;) {
        struct conn *conn = *at;

        advance(conn);
        if (conn->state == GONE) {
            *at = conn->next;
            free(conn);
            continue;
        }
        if (due_of(conn) < due)
            due = due_of(conn);
        at = &conn->next;
    }
    return due;
}

/* ---- the listener ---- */

/* A port that is bound but does not listen refuses connections, and nobody else gets it. */
static void open_listener(void)
{
    socklen_t n = sizeof proxy.from;

    proxy.listener = new_socket();
    if (bind(proxy.listener, (struct sockaddr *)&proxy.from, n) != 0 ||
        getsockname(proxy.listener, (struct sockaddr *)&proxy.from, &n) != 0)
        die("bind");
    if (proxy.is_down)
        return;
    if (listen(proxy.listener, 1024) != 0)
        die("listen");
    tell_epoll(EPOLL_CTL_ADD, proxy.listener, EPOLLIN, &proxy.listener);
}

static void accept_all(void)
{
    int fd;

    while ((fd = accept4(proxy.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        begin(fd);
}

static void follow_down(void)
{
    bool is_down = toxics_active(&proxy.toxics, DOWN, TO_SERVER) ||
                   toxics_active(&proxy.toxics, DOWN, TO_CLIENT);

    if (is_down == proxy.is_down)
        return;
    proxy.is_down = is_down;
    close(proxy.listener);
    open_listener();
    for (struct conn *conn = is_down ? proxy.conns : NULL; conn; conn = conn->next)
        if (conn->state != GONE) {
            toxics_injected(&proxy.toxics, DOWN, conn->id, TO_SERVER, ",\"passed\":%" PRIu64,
                            conn->flows[TO_SERVER].passed);
            cut(conn, true);
        }
}

/* ---- commands ---- */

static void obey(char *line)
{
    const char *wrong = *line ? toxics_command(&proxy.toxics, line) : NULL;

    follow_down();
    fflush(proxy.log);
    if (proxy.tap)
        fflush(proxy.tap);
    if (wrong)
        printf("error %s\n", wrong);
    else
        printf("ok %" PRIu64 "\n", proxy.toxics.injections);
    fflush(stdout);
}

static void read_lines(void)
{
    ssize_t n = read(STDIN_FILENO, proxy.line + proxy.line_n, LINE_SIZE - proxy.line_n);
    char *newline;

    proxy.is_over = n <= 0;
    proxy.line_n += n > 0 ? (size_t)n : 0;
    while ((newline = memchr(proxy.line, '\n', proxy.line_n))) {
        size_t used = (size_t)(newline - proxy.line) + 1;

        *newline = '\0';
        obey(proxy.line);
        proxy.line_n -= used;
        memmove(proxy.line, proxy.line + used, proxy.line_n);
    }
    if (proxy.line_n == LINE_SIZE)
        proxy.line_n = 0; /* no command is so long */
}

/* ---- life ---- */

static void wait_and_serve(nanos due)
{
    struct epoll_event events[EVENTS];
    nanos wait = due > proxy.now ? due - proxy.now : 0;
    struct timespec timeout = {.tv_sec = wait / (1000 * MS), .tv_nsec = wait % (1000 * MS)};
    int n = epoll_pwait2(proxy.epoll, events, EVENTS, due == NEVER ? NULL : &timeout, NULL);

    if (n < 0 && errno != EINTR)
        die("epoll_pwait2");
    proxy.now = clock_of(CLOCK_MONOTONIC);
    for (int i = 0; i < n; i++)
        if (events[i].data.ptr == &proxy.listener)
            accept_all();
        else if (events[i].data.ptr == proxy.line)
            read_lines();
        else
            end_is_ready(events[i].data.ptr, events[i].events);
}

static void read_address(const char *text)
{
    char host[64];
    unsigned port;

    proxy.to.sin_family = AF_INET;
    if (sscanf(text, "%63[0-9.]:%u", host, &port) != 2 || port > 65535 ||
        inet_pton(AF_INET, host, &proxy.to.sin_addr) != 1) {
        fprintf(stderr, "proxy: --to takes an address and a port: 127.0.0.1:80\n");
        exit(64);
    }
    proxy.to.sin_port = htons((uint16_t)port);
}

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "we");

    if (!file)
        die(path);
    return file;
}

static uint64_t read_arguments(char **argv)
{
    uint64_t seed;
    bool is_good = true;

    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        die("getrandom");
    for (; argv[0] && argv[1]; argv += 2)
        if (strcmp(argv[0], "--to") == 0)
            read_address(argv[1]);
        else if (strcmp(argv[0], "--seed") == 0)
            seed = strtoull(argv[1], NULL, 0);
        else if (strcmp(argv[0], "--watch") == 0)
            is_good = is_good && watch_init(&proxy.watch, argv[1]);
        else if (strcmp(argv[0], "--log") == 0)
            proxy.log = open_file(argv[1]);
        else if (strcmp(argv[0], "--tap") == 0)
            proxy.tap = open_file(argv[1]);
        else
            is_good = false;
    if (argv[0] || !is_good || !proxy.to.sin_port || !proxy.log) {
        fprintf(stderr, "proxy --to HOST:PORT --log FILE [--seed N] [--watch TEXT] [--tap FILE]\n");
        exit(64);
    }
    return seed;
}

int main(int argc, char **argv)
{
    uint64_t seed = read_arguments(argv + (argc > 0));
    struct rlimit files;

    toxics_init(&proxy.toxics, seed, proxy.log);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    proxy.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (proxy.epoll < 0)
        die("epoll_create1");
    tell_epoll(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, proxy.line);
    proxy.from =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    open_listener();
    printf("listening %d seed %" PRIu64 "\n", ntohs(proxy.from.sin_port), seed);
    fflush(stdout);
    proxy.now = clock_of(CLOCK_MONOTONIC);
    while (!proxy.is_over)
        wait_and_serve(advance_all());
    return fclose(proxy.log) == 0 && (!proxy.tap || fclose(proxy.tap) == 0) ? 0 : 1;
}

/*
 * libmicrohttpd on the loop. It keeps its descriptors in an epoll set of its own; the loop watches
 * that one descriptor and runs it when something is ready. What it lacks is added here: deadlines
 * for a head and a body as a whole (its own are for silence only), and framing that leaves no
 * doubt.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/address.h"
#include "io/http_head.h"
#include "io/http_server_impl.h"

enum {
    HEAD_MAX_DEFAULT = 32 * 1024, /* what nginx and Apache take, too */
    BODY_MAX_DEFAULT = 1024 * 1024,
    CONNECTIONS_DEFAULT = 1000,
    BACKLOG = 1024,
    BODY_KEPT_MAX = 256 * 1024, /* storage that an idle connection may keep */
};

/* ---- states, lists, deadlines ---- */

static void link_last(struct links *list, struct links *links)
{
    links->prev = list->prev;
    links->next = list;
    list->prev->next = links;
    list->prev = links;
}

static void unlink_from(struct links *links)
{
    links->prev->next = links->next;
    links->next->prev = links->prev;
}

static struct http_exchange *first_of(struct links *list)
{
    return list->next == list ? NULL : SL_CONTAINER_OF(list->next, struct http_exchange, links);
}

void exchange_enter(struct http_exchange *x, enum exchange_state state)
{
    struct http_server *server = x->server;
    sl_dur timeout = server->timeouts[state];

    unlink_from(&x->links);
    link_last(&server->lists[state], &x->links);
    x->state = state;
    x->deadline = SL_NEVER;
    if (timeout.ns == INT64_MAX)
        return;
    x->deadline = sl_time_add(sl_now(), timeout);
    if (!sl_timer_is_set(&server->deadline) || sl_time_before(x->deadline, server->deadline.at))
        sl_timer_set(&server->deadline, x->deadline);
}

/* Makes libmicrohttpd find the connection closed. */
static void doom(struct http_exchange *x)
{
    shutdown(x->fd, SHUT_RDWR);
    exchange_enter(x, STATE_DOOMED);
}

static void deadline_fired(struct sl_timer *timer)
{
    struct http_server *server = SL_CONTAINER_OF(timer, struct http_server, deadline);
    sl_time next = SL_NEVER;
    sl_time now = sl_now();

    for (size_t i = 0; i < STATES; i++) {
        struct http_exchange *x;

        if (server->timeouts[i].ns == INT64_MAX)
            continue;
        while ((x = first_of(&server->lists[i])) && !sl_time_before(now, x->deadline))
            doom(x);
        if (x)
            next = sl_time_min(next, x->deadline);
    }
    if (sl_time_cmp(next, SL_NEVER) != 0)
        sl_timer_set(timer, next);
}

/* ---- running libmicrohttpd ---- */

static void run(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG ms;

    MHD_run(server->daemon);
    if (MHD_get_timeout(server->daemon, &ms) == MHD_YES)
        sl_timer_set(&server->again, sl_time_add(sl_now(), sl_ms((int64_t)ms)));
}

static void ready(struct sl_watch *watch, unsigned events)
{
    (void)events;
    run(SL_CONTAINER_OF(watch, struct http_server, ready));
}

static void again_fired(struct sl_timer *timer)
{
    run(SL_CONTAINER_OF(timer, struct http_server, again));
}

/* ---- what goes out ---- */

/* In libmicrohttpd's callback: what was replied goes out. Without a response the connection is
 * closed. */
static enum MHD_Result send_reply(struct http_exchange *x)
{
    struct MHD_Response *response = SL_TAKE(x->response);
    enum MHD_Result r;

    if (!response)
        return MHD_NO;
    r = MHD_queue_response(x->connection, (unsigned)x->status, response);
    MHD_destroy_response(response);
    return r;
}

static enum MHD_Result refuse(struct http_exchange *x, int status, const char *why)
{
    const struct http_header headers[] = {{SLICE("Content-Type"), SLICE("text/plain")},
                                          {SLICE("Connection"), SLICE("close")}};

    x->response =
        exchange_make_response(x->server, headers, x->server->is_stopping ? 1 : 2, slice_of(why));
    x->status = status;
    exchange_enter(x, STATE_SENDING);
    return send_reply(x);
}

/* ---- an exchange reaches its user ---- */

struct serve_exchange {
    struct http_exchange *exchange;
};

SL_TASK(serve_exchange)
{
    struct http_exchange *x = my->exchange;
    struct http_server *server = x->server;
    bool replied = false;

    x->replied = &replied;
    server->options.handler(ctx, x, server->options.arg);
    if (!replied)
        http_exchange_reply_text(x, 500, "text/plain", SLICE("the handler gave no reply\n"));
    return 0;
}

static enum MHD_Result hand_over(struct http_exchange *x)
{
    struct http_server *server = x->server;

    if (x->is_too_large)
        return refuse(x, 413, "the body is larger than this server takes\n");
    server->exchanges++;
    x->is_counted = true;
    exchange_enter(x, STATE_HELD);
    if (server->options.direct)
        server->options.direct(x, server->options.arg);
    if (x->state == STATE_SENDING)
        return send_reply(x);
    MHD_suspend_connection(x->connection);
    exchange_enter(x, STATE_PARKED);
    if (!server->options.direct)
        SL_GO(server->scope, serve_exchange, .exchange = x);
    return MHD_YES;
}

/* ---- requests come in; each of these is called by libmicrohttpd ---- */

static struct http_exchange *exchange_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *server = arg;
    struct http_exchange *x = *context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        x = calloc(1, sizeof *x);
        *context = x;
        if (!x)
            return;
        x->server = server;
        x->connection = connection;
        x->fd = info->connect_fd;
        link_last(&server->lists[STATE_HEAD], &x->links);
        exchange_enter(x, STATE_HEAD);
    } else if (x) {
        unlink_from(&x->links);
        strbuf_deinit(&x->uri);
        strbuf_deinit(&x->body);
        free(x);
        *context = NULL;
    }
}

/* A target as a proxy gets it, http://host/path, is the path (RFC 9112, 3.2.2). */
static void keep_target(struct strbuf *out, const char *uri)
{
    const char *rest = strncasecmp(uri, "http://", 7) == 0    ? uri + 7
                       : strncasecmp(uri, "https://", 8) == 0 ? uri + 8
                                                              : NULL;

    if (rest) {
        uri = rest + strcspn(rest, "/?");
        if (*uri != '/')
            strbuf_addc(out, '/');
    }
    strbuf_adds(out, uri);
}

static void *on_request_line(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct http_exchange *x = exchange_of(connection);

    (void)arg;
    if (!x)
        return NULL;
    strbuf_reset(&x->uri);
    keep_target(&x->uri, uri);
    strbuf_reset(&x->body);
    x->is_too_large = x->is_gone = false;
    x->discarded = 0;
    x->data = NULL;
    x->watch = (struct http_exchange_watch){.arg = NULL};
    if (x->state != STATE_DOOMED)
        exchange_enter(x, STATE_HEAD);
    return x;
}

static size_t on_unescape(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

struct framing {
    unsigned lengths, encodings;
    const char *length;
    bool is_unclear;
};

/* libmicrohttpd 0.9.75 appends a folded line to the header's name: "Content-Length300" says 5. */
static bool is_framing_folded(const char *name)
{
    return (strncasecmp(name, "Content-Length", 14) == 0 && name[14]) ||
           (strncasecmp(name, "Transfer-Encoding", 17) == 0 && name[17]);
}

/* Whoever stands in front may read such a line in another way than libmicrohttpd does, which takes "Content-Length : 5"
 * and what is behind a bare CR for something else (RFC 9112, 2.2 and 5.1: to be refused). */
static bool is_unclear(struct slice name, struct slice value)
{
    return !http_is_token(name) || !http_is_field_value(value) || is_framing_folded(name.p);
}

static enum MHD_Result look_at_framing(void *arg, enum MHD_ValueKind kind, const char *name,
                                       const char *value)
{
    struct framing *framing = arg;

    (void)kind;
    framing->is_unclear |= is_unclear(slice_of(name), slice_of(value ? value : ""));
    if (strcasecmp(name, "Content-Length") == 0) {
        framing->lengths++;
        framing->length = value;
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        framing->encodings++;
        framing->is_unclear |= !slice_eq_nocase(http_trim(slice_of(value)), SLICE("chunked"));
    }
    return MHD_YES;
}

/* The head is there. Is it clear where the body ends, and is it one that is taken? */
static enum MHD_Result begin_body(struct http_exchange *x, const char *method)
{
    struct http_server *server = x->server;
    struct framing framing = {.length = NULL};
    unsigned long long length;

    if (strbuf_failed(&x->uri))
        return MHD_NO;
    x->method = method;
    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, look_at_framing, &framing);
    if (framing.lengths + framing.encodings > 1 || framing.is_unclear)
        return refuse(x, 400, "the headers leave open how long the body is\n");
    exchange_enter(x, STATE_BODY);
    if (!framing.length)
        return MHD_YES;
    length = strtoull(framing.length, NULL, 10);
    if (length <= server->options.body_max) {
        strbuf_reserve(&x->body, (size_t)length);
        return strbuf_failed(&x->body) ? MHD_NO : MHD_YES;
    }
    x->is_too_large = true;
    /* A little too large: it is read, because a client that is still sending may not see the
     * answer. */
    if (length / 8 <= server->options.body_max)
        return MHD_YES;
    return refuse(x, 413, "the body is larger than this server takes\n");
}

static enum MHD_Result take_body(struct http_exchange *x, const char *bytes, size_t n)
{
    size_t body_max = x->server->options.body_max;

    if (n > body_max - x->body.n) {
        x->is_too_large = true;
        strbuf_reset(&x->body);
    }
    if (x->is_too_large) {
        x->discarded += n;
        return x->discarded / 16 <= body_max ? MHD_YES : MHD_NO;
    }
    strbuf_add(&x->body, bytes, n);
    return strbuf_failed(&x->body) ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *n, void **context)
{
    struct http_exchange *x = *context;
    enum MHD_Result r;

    (void)arg;
    (void)connection;
    (void)url;
    (void)version;
    if (!x)
        return MHD_NO;
    switch (x->state) {
    case STATE_HEAD:
        return begin_body(x, method);
    case STATE_BODY:
        if (*n == 0)
            return hand_over(x);
        r = take_body(x, bytes, *n);
        *n = 0;
        return r;
    case STATE_SENDING:
        return send_reply(x);
    case STATE_IDLE:
    case STATE_HELD:
    case STATE_PARKED:
    case STATE_DOOMED:
    case STATES:
        break;
    }
    return MHD_NO;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct http_server *server = arg;
    struct http_exchange *x = *context;

    (void)connection;
    if (!x)
        return;
    exchange_stop_peer_watch(x);
    if (x->response)
        MHD_destroy_response(SL_TAKE(x->response));
    if (x->watch.completed)
        x->watch.completed(x->watch.arg, code == MHD_REQUEST_TERMINATED_COMPLETED_OK &&
                                             x->state == STATE_SENDING && !x->is_gone);
    x->watch = (struct http_exchange_watch){.arg = NULL};
    if (x->is_counted && --server->exchanges == 0 && server->is_stopping)
        sl_unpark(&server->stopped);
    x->is_counted = false;
    if (x->body.cap > BODY_KEPT_MAX)
        strbuf_deinit(&x->body);
    if (server->is_stopping)
        doom(x);
    else if (x->state != STATE_DOOMED)
        exchange_enter(x, STATE_IDLE);
}

/* ---- the server ---- */

static int can_not_listen(struct problem *problem, const char *listen, const char *why)
{
    return problem_set(problem, EXIT_NOT_AVAILABLE, "can't listen on %s: %s", listen, why);
}

/* A listening socket. */
static int open_socket(int *out, const char *text, struct problem *problem)
{
    const int on = 1, off = 0;
    struct address address;
    const char *wrong = address_parse_listen(&address, text);
    const struct sockaddr *at = (const struct sockaddr *)&address.at;
    int fd;

    if (wrong) {
        problem_set(problem, EXIT_BAD_USAGE, "can't listen on %s: %s", text, wrong);
        return PROBLEM;
    }
    fd = socket(at->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno == EAFNOSUPPORT ? can_not_listen(problem, text, "this machine has no IPv6")
                                     : -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, at, address.length) < 0 || listen(fd, BACKLOG) < 0) {
        const char *why = errno == EADDRINUSE      ? "another program listens there"
                          : errno == EADDRNOTAVAIL ? "this machine does not have that address"
                          : errno == EACCES ? "permission denied (ports below 1024 are privileged)"
                                            : strerror(errno);

        close(fd);
        return can_not_listen(problem, text, why);
    }
    *out = fd;
    return 0;
}

static int find_port(struct http_server *server, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at = {.v6 = {0}};
    socklen_t n = sizeof at;

    if (getsockname(fd, &at.any, &n) < 0)
        return -errno;
    server->port = ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
    return 0;
}

static int start_daemon(struct http_server *server, int fd)
{
    const struct http_server_options *options = &server->options;

    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO | MHD_USE_PEDANTIC_CHECKS, 0, NULL,
        NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->connections_max,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->head_max,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,
        MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, server, MHD_OPTION_END);
    return server->daemon ? 0 : -ENOMEM;
}

static void set_limits(struct http_server *server, const struct http_server_options *given)
{
    struct http_server_options *options = &server->options;

    *options = *given;
    if (options->body_max == 0)
        options->body_max = BODY_MAX_DEFAULT;
    if (options->head_max == 0)
        options->head_max = HEAD_MAX_DEFAULT;
    if (options->connections_max == 0)
        options->connections_max = CONNECTIONS_DEFAULT;
    for (size_t i = 0; i < STATES; i++) {
        server->lists[i] = (struct links){&server->lists[i], &server->lists[i]};
        server->timeouts[i] = SL_FOREVER;
    }
    server->timeouts[STATE_HEAD] = given->head_timeout.ns > 0 ? given->head_timeout : sl_sec(8);
    server->timeouts[STATE_BODY] = given->body_timeout.ns > 0 ? given->body_timeout : sl_sec(30);
    server->timeouts[STATE_SENDING] = server->timeouts[STATE_BODY];
    server->timeouts[STATE_IDLE] = given->idle_timeout.ns > 0 ? given->idle_timeout : sl_sec(120);
}

static int watch_daemon(struct http_server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    sl_watch_init(&server->ready, info->epoll_fd, ready);
    return sl_watch_want(&server->ready, SL_FD_READ);
}

int http_server_new(struct http_server **out, struct sl_ctx *ctx,
                    const struct http_server_options *options, struct problem *problem)
{
    struct http_server *server;
    int fd = -1;
    int r = open_socket(&fd, options->listen, problem);

    sl_assert(!options->handler != !options->direct);
    if (r != 0)
        return r;
    server = calloc(1, sizeof *server);
    if (!server) {
        close(fd);
        return -ENOMEM;
    }
    set_limits(server, options);
    sl_timer_init(&server->again, again_fired);
    sl_timer_init(&server->deadline, deadline_fired);
    sl_parker_init(&server->stopped);
    r = find_port(server, fd);
    if (r == 0)
        r = start_daemon(server, fd);
    if (r < 0)
        close(fd);
    if (r == 0)
        r = watch_daemon(server);
    server->scope =
        sl_ctx_new(ctx, &(struct sl_ctx_options){.keep_going = true, .name = "http server"});
    if (r < 0) {
        http_server_free(server);
        return r;
    }
    signal(SIGPIPE, SIG_IGN); /* libmicrohttpd leaves it to us */
    run(server);
    *out = server;
    return 0;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

static void doom_all(struct http_server *server, enum exchange_state state)
{
    struct http_exchange *x;

    while ((x = first_of(&server->lists[state])))
        doom(x);
}

int http_server_stop(struct http_server *server, struct sl_ctx *ctx)
{
    int r = SL_OK;

    sl_assert(!server->is_stopping);
    server->is_stopping = true;
    close(MHD_quiesce_daemon(server->daemon));
    doom_all(server, STATE_IDLE);
    doom_all(server, STATE_HEAD);
    doom_all(server, STATE_BODY);
    while (r == SL_OK && server->exchanges > 0)
        r = sl_park(&server->stopped, ctx, SL_NEVER, "the last replies");
    return r;
}

void http_server_free(struct http_server *server)
{
    struct http_exchange *x;

    if (!server)
        return;
    if (server->scope)
        sl_ctx_leave(server->scope);
    if (server->daemon) {
        while ((x = first_of(&server->lists[STATE_PARKED])))
            http_exchange_cut(x);
        sl_watch_deinit(&server->ready);
        MHD_stop_daemon(server->daemon);
    }
    sl_timer_stop(&server->again);
    sl_timer_stop(&server->deadline);
    strbuf_deinit(&server->scratch);
    free(server);
}

/*
 * The real HTTP client: libcurl's multi interface on the loop.
 *
 * libcurl says which descriptors and which time it waits for; the loop tells it when they come
 * (socket_ready, timer_fired), and what has ended is then collected and its task made ready.
 * Everything else is a straight line in perform(). libcurl never waits and never looks a name up:
 * when it would, the transfer stops, the resolver looks the name up for all who want it, and the
 * transfer starts again with the addresses in libcurl's cache.
 *
 * Interest in a descriptor is lazy: libcurl changes its mind several times in a request, the kernel
 * hears of none of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sluice/loop.h>

#include "io/http_transfer.h"
#include "io/resolver.h"

/* Handles that are kept when nobody uses them: each has some 6 KiB. */
enum { IDLE_MAX = 64, PER_HOST_DEFAULT = 64, KEPT_DEFAULT = 64 };

struct client {
    struct http_client base;
    CURLM *multi;
    struct sl_timer timer; /* the one that libcurl has */
    struct resolver *resolver;
    struct http_target proxy; /* of https requests; url NULL: none */
    struct socket **sockets;  /* by descriptor */
    struct socket *connecting;
    size_t sockets_max;
    struct transfer *idle;
    size_t idle_count;
    size_t active_count;
    char *ca_file;
    char *user_agent;
};

/* A descriptor of libcurl's. */
struct socket {
    struct sl_watch watch;
    struct client *client;
    struct transfer *connecting;    /* for whom; NULL: it is connected */
    struct socket *next_connecting; /* in the list of those */
    struct address local, peer;     /* of a connection that was looked for; length 0: not yet */
};

/* ---- the loop tells libcurl ---- */

static void forget_socket(struct client *client, int fd)
{
    sl_watch_deinit(&client->sockets[fd]->watch);
    free(client->sockets[fd]);
    client->sockets[fd] = NULL;
}

/*
 * libcurl 7.88 closes a descriptor that did not get as far as a connection without telling anybody.
 * So after each call into it those that are connecting are looked at: before anybody else can have
 * been given their numbers.
 */
static void sweep(struct client *client)
{
    struct socket **at = &client->connecting;

    while (*at) {
        struct socket *s = *at;
        bool is_closed = fcntl(s->watch.fd, F_GETFD) < 0;

        if (!is_closed && s->connecting->is_active && !s->connecting->has_begun) {
            at = &s->next_connecting;
            continue;
        }
        *at = s->next_connecting;
        s->connecting = NULL;
        if (is_closed)
            forget_socket(client, s->watch.fd);
    }
}

static void stop(struct client *client, struct transfer *t)
{
    curl_multi_remove_handle(client->multi, t->easy);
    t->is_active = false;
    client->active_count--;
    sweep(client);
}

/* Takes what has ended out of libcurl and makes its task ready. */
static void collect(struct client *client)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(client->multi, &left))) {
        struct transfer *t;
        char *arg;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &arg);
        t = (struct transfer *)(void *)arg;
        t->result = message->data.result;
        stop(client, t);
        sl_unpark(&t->changed);
    }
}

static void act(struct client *client, curl_socket_t fd, int events)
{
    int running;

    curl_multi_socket_action(client->multi, fd, events, &running);
    sweep(client);
    collect(client);
}

static void socket_ready(struct sl_watch *watch, unsigned events)
{
    struct socket *s = SL_CONTAINER_OF(watch, struct socket, watch);
    int bits = 0;

    if (events & SL_FD_READ)
        bits |= CURL_CSELECT_IN;
    if (events & SL_FD_WRITE)
        bits |= CURL_CSELECT_OUT;
    act(s->client, watch->fd, bits);
}

static void timer_fired(struct sl_timer *timer)
{
    act(SL_CONTAINER_OF(timer, struct client, timer), CURL_SOCKET_TIMEOUT, 0);
}

/* ---- libcurl tells the loop; each runs inside it ---- */

static int on_timer(CURLM *multi, long ms, void *arg)
{
    struct client *client = arg;

    (void)multi;
    if (ms < 0)
        sl_timer_stop(&client->timer);
    else
        sl_timer_set(&client->timer, sl_time_add(sl_now(), sl_ms(ms)));
    return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
    struct client *client = arg;
    struct socket *s = (size_t)fd < client->sockets_max ? client->sockets[fd] : NULL;
    unsigned wanted = 0;
    char *private;

    (void)assigned;
    if (!s)
        return 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        wanted |= SL_FD_READ;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        wanted |= SL_FD_WRITE;
    if (sl_watch_want(&s->watch, wanted) == 0)
        return 0;
    if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private) == CURLE_OK && private) {
        struct transfer *t = (struct transfer *)(void *)private;

        transfer_fail(t, HTTP_FAIL_MEMORY, "the event loop takes no further descriptor");
        sl_unpark(&t->changed);
    }
    return 0;
}

static int make_room(struct client *client, int fd)
{
    size_t max = (size_t)fd * 2 + 16;
    struct socket **sockets;

    if ((size_t)fd < client->sockets_max)
        return 0;
    sockets = realloc(client->sockets, max * sizeof(struct socket *));
    if (!sockets)
        return -ENOMEM;
    memset(sockets + client->sockets_max, 0, (max - client->sockets_max) * sizeof(struct socket *));
    client->sockets = sockets;
    client->sockets_max = max;
    return 0;
}

/*
 * A socket for a descriptor that will be connected. One that libcurl has closed in this very call
 * may have had its number: libcurl then believes that its interest is known already, so it is
 * passed on.
 */
static int add_socket(struct client *client, int fd, struct transfer *t)
{
    unsigned wanted = 0;
    struct socket *s;

    if (make_room(client, fd) < 0)
        return -ENOMEM;
    s = client->sockets[fd];
    if (s) {
        sl_assert(s->connecting);
        wanted = s->watch.wanted;
        sl_watch_deinit(&s->watch);
        s->local.length = s->peer.length = 0;
    } else {
        s = calloc(1, sizeof *s);
        if (!s)
            return -ENOMEM;
        s->client = client;
        s->next_connecting = client->connecting;
        client->connecting = s;
        client->sockets[fd] = s;
    }
    s->connecting = t;
    sl_watch_init(&s->watch, fd, socket_ready);
    return sl_watch_want(&s->watch, wanted);
}

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct transfer *t = arg;
    char text[ADDRESS_TEXT_MAX];
    int fd, r;

    (void)purpose;
    if (t->failure != HTTP_COMPLETE || transfer_refuses_retry(t))
        return CURL_SOCKET_BAD;
    if (to->addrlen <= sizeof t->peer.at) {
        memcpy(&t->peer.at, &to->addr, to->addrlen);
        t->peer.length = (socklen_t)to->addrlen;
    }
    if (!t->request->allow_link_local && address_is_link_local(&to->addr)) {
        address_host_text(text, &to->addr);
        transfer_fail(t, HTTP_FAIL_CONNECT, "%s is a link-local address, which is refused", text);
        return CURL_SOCKET_BAD;
    }
    if (t->phase != TRANSFER_CONNECTING) {
        if (t->phase != TRANSFER_QUEUED || sl_time_cmp(t->connect_until, SL_NEVER) == 0)
            t->connect_until = sl_time_add(sl_now(), t->connect_timeout);
        transfer_enter(t, TRANSFER_CONNECTING);
    }
    t->has_opened = true;
    fd = socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol);
    r = fd < 0 ? -errno : add_socket(t->owner, fd, t);
    if (r == 0)
        return fd;
    if (fd >= 0)
        close(fd); /* as libcurl would: sweep finds it */
    transfer_fail(t, HTTP_FAIL_CONNECT, "no socket: %s", strerror(-r));
    return CURL_SOCKET_BAD;
}

static int on_close(void *arg, curl_socket_t fd)
{
    struct client *client = arg;
    struct socket *s = (size_t)fd < client->sockets_max ? client->sockets[fd] : NULL;

    if (s) {
        struct socket **at = &client->connecting;

        while (*at && *at != s)
            at = &(*at)->next_connecting;
        if (*at)
            *at = s->next_connecting;
        forget_socket(client, fd);
    }
    return close(fd);
}

/* ---- is a kept connection fit for another request? ---- */

/* Fills in where a connection begins and ends. false: it is none yet. */
static bool know_ends(struct socket *s)
{
    struct address local = {.length = sizeof local.at}, peer = {.length = sizeof peer.at};

    if (s->peer.length > 0)
        return true;
    if (getsockname(s->watch.fd, (struct sockaddr *)&local.at, &local.length) < 0 ||
        getpeername(s->watch.fd, (struct sockaddr *)&peer.at, &peer.length) < 0)
        return false;
    s->local = local;
    s->peer = peer;
    return true;
}

static bool is_end(const struct address *end, const char *ip, int port)
{
    const struct sockaddr *at = (const struct sockaddr *)&end->at;
    char text[ADDRESS_TEXT_MAX];

    if (address_port(at) != port)
        return false;
    address_host_text(text, at);
    return strcmp(text, ip) == 0;
}

/*
 * Does nothing wait to be read on the connection between these ends? libcurl names the connection
 * that it is going to use by its ends alone. One that is not found is not trusted.
 */
static bool is_quiet(struct client *client, const char *peer_ip, const char *local_ip,
                     int peer_port, int local_port)
{
    for (size_t fd = 0; fd < client->sockets_max; fd++) {
        struct socket *s = client->sockets[fd];
        char byte;

        if (s && know_ends(s) && is_end(&s->local, local_ip, local_port) &&
            is_end(&s->peer, peer_ip, peer_port))
            return recv((int)fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
    return false;
}

/*
 * libcurl takes an idle connection with bytes on it for a good one. Those may be an answer too many
 * of an earlier request, or the end of TLS; a session ticket comes with the first answer, and was
 * read with it.
 */
static int on_begin(void *arg, char *peer_ip, char *local_ip, int peer_port, int local_port)
{
    struct transfer *t = arg;
    bool is_fit = t->has_opened || is_quiet(t->owner, peer_ip, local_ip, peer_port, local_port);

    return transfer_begin(t, is_fit) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* ---- transfers ---- */

static struct transfer *make_transfer(struct client *client)
{
    struct transfer *t = transfer_new(client, client->ca_file, client->user_agent);

    if (!t)
        return NULL;
    if (curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_open) != CURLE_OK ||
        curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t) != CURLE_OK ||
        curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close) != CURLE_OK ||
        curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, client) != CURLE_OK ||
        curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_begin) != CURLE_OK ||
        curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t) != CURLE_OK) {
        transfer_free(t);
        return NULL;
    }
    return t;
}

/* An idle transfer, if possible one that is set to this URL already; or another one. */
static struct transfer *take_transfer(struct client *client, const char *url)
{
    struct transfer **at = &client->idle;
    struct transfer *t;

    for (unsigned looked_at = 0; *at && looked_at < 8; looked_at++, at = &(*at)->next_idle)
        if ((*at)->target.url && strcmp((*at)->target.url, url) == 0)
            break;
    if (!*at)
        at = &client->idle;
    t = *at;
    if (!t)
        return make_transfer(client);
    *at = t->next_idle;
    client->idle_count--;
    return t;
}

static void give_transfer(struct client *client, struct transfer *t)
{
    sl_assert(!t->is_active);
    t->request = NULL;
    t->answer = NULL;
    if (client->idle_count >= IDLE_MAX) {
        transfer_free(t);
        return;
    }
    t->next_idle = client->idle;
    client->idle = t;
    client->idle_count++;
}

/* Points a transfer at a URL. NULL, or what is wrong with it. */
static const char *aim(struct client *client, struct transfer *t, const char *url)
{
    const char *wrong;

    if (t->target.url && strcmp(t->target.url, url) == 0)
        return NULL;
    wrong = http_target_set(&t->target, url);
    if (wrong)
        return wrong;
    t->is_direct = !t->target.is_tls || !client->proxy.url;
    t->needs_no_look_up = t->is_direct ? t->target.is_literal : client->proxy.is_literal;
    if (curl_easy_setopt(t->easy, CURLOPT_URL, url) != CURLE_OK ||
        curl_easy_setopt(t->easy, CURLOPT_PROXY, t->is_direct ? "" : client->proxy.url) !=
            CURLE_OK) {
        http_target_clear(&t->target);
        return "there is no memory for it";
    }
    return NULL;
}

/* ---- perform ---- */

/* Records how a wait ended that was not for an answer. */
static void fail_by_wait(struct transfer *t, struct sl_ctx *ctx, int wait)
{
    static const char *const phases[] = {
        [TRANSFER_QUEUED] = "timed out waiting for a free connection",
        [TRANSFER_CONNECTING] = "timed out connecting",
        [TRANSFER_WAITING] = "timed out waiting for the answer",
        [TRANSFER_READING] = "timed out before the answer was whole",
    };

    if (wait == SL_CANCELED || sl_ctx_err(ctx) != SL_OK)
        transfer_fail(t, HTTP_FAIL_CANCELED, "canceled");
    else
        transfer_fail(t, HTTP_FAIL_TIMEOUT, "%s", phases[t->phase]);
}

/* Lets libcurl have it until it is done, has failed, or the time is up. */
static void run(struct client *client, struct transfer *t, struct sl_ctx *ctx, sl_time until)
{
    int wait;

    if (curl_multi_add_handle(client->multi, t->easy) != CURLM_OK) {
        transfer_fail(t, HTTP_FAIL_MEMORY, "out of memory");
        return;
    }
    t->is_active = true;
    client->active_count++;
    wait = sl_park(&t->changed, ctx, until, "an HTTP answer");
    if (!t->is_active)
        return;
    if (wait != SL_OK)
        fail_by_wait(t, ctx, wait);
    stop(client, t);
}

/* Gets the addresses that libcurl lacked. false: it has failed. */
static bool look_up(struct client *client, struct transfer *t, struct sl_ctx *ctx, sl_time until,
                    const struct http_target *name)
{
    struct resolver_answer answer = {.error = 0};
    int r;

    if (sl_time_cmp(t->connect_until, SL_NEVER) == 0)
        t->connect_until = sl_time_add(sl_now(), t->connect_timeout);
    r = resolver_look_up(client->resolver, ctx, name->host, sl_time_min(until, t->connect_until),
                         &answer);
    if (r == SL_CANCELED || (r == SL_TIMEOUT && sl_ctx_err(ctx) != SL_OK))
        transfer_fail(t, HTTP_FAIL_CANCELED, "canceled");
    else if (r == SL_TIMEOUT)
        transfer_fail(t, HTTP_FAIL_RESOLVE, "no answer from the name servers in time");
    else if (r < 0)
        transfer_fail(t, r == -ENOMEM ? HTTP_FAIL_MEMORY : HTTP_FAIL_RESOLVE, "no look-up: %s",
                      strerror(-r));
    else if (answer.error != 0)
        transfer_fail(t, HTTP_FAIL_RESOLVE, "%s", resolver_error_text(answer.error));
    else if (transfer_set_addresses(t, name->host, name->port, answer.addresses, answer.count) < 0)
        transfer_fail(t, HTTP_FAIL_MEMORY, "out of memory");
    return t->failure == HTTP_COMPLETE;
}

/*
 * Runs a transfer, looking names up as libcurl finds that it needs them: the proxy's first if there
 * is one, unless NO_PROXY excludes the host. An address can expire between two rounds; it won't do
 * so for ever. A kept connection that is not fit for use is found before anything is sent: one more
 * round then, on a fresh one, and the caller never hears of it.
 */
static void run_to_the_end(struct client *client, struct transfer *t, struct sl_ctx *ctx,
                           sl_time until)
{
    bool tries_proxy = !t->is_direct;

    for (unsigned round = 0; round < 5; round++) {
        run(client, t, ctx, until);
        if (t->failure == HTTP_COMPLETE && t->wants_fresh) {
            if (transfer_rewind_fresh(t) == 0)
                continue;
            transfer_fail(t, HTTP_FAIL_MEMORY, "out of memory");
        }
        if (t->failure != HTTP_COMPLETE || !t->wants_address)
            return;
        transfer_rewind(t);
        if (!look_up(client, t, ctx, until, tries_proxy ? &client->proxy : &t->target))
            return;
        tries_proxy = false;
    }
    transfer_fail(t, HTTP_FAIL_RESOLVE, "its address does not stay");
}

static void refuse(struct http_answer *answer, enum http_failure failure, const char *why)
{
    answer->failure = failure;
    snprintf(answer->detail, sizeof answer->detail, "%s", why);
}

static void perform(struct http_client *base, struct sl_ctx *ctx,
                    const struct http_request *request, struct http_answer *answer)
{
    struct client *client = SL_CONTAINER_OF(base, struct client, base);
    sl_dur timeout = request->timeout.ns > 0 ? request->timeout : sl_sec(30);
    const char *wrong = http_request_check(request);
    struct transfer *t;

    strbuf_reset(&answer->body);
    strbuf_reset(&answer->head);
    answer->sent = answer->reused = false;
    answer->status = 0;
    answer->sent_wall_ms = sl_wall_ms();
    answer->received_wall_ms = answer->sent_wall_ms;
    if (wrong) {
        refuse(answer, HTTP_FAIL_REFUSED_URL, wrong);
        return;
    }
    t = take_transfer(client, request->url);
    if (!t) {
        refuse(answer, HTTP_FAIL_MEMORY, "out of memory");
        return;
    }
    wrong = aim(client, t, request->url);
    if (wrong) {
        refuse(answer, HTTP_FAIL_REFUSED_URL, wrong);
    } else {
        t->connect_timeout = request->connect_timeout.ns > 0 ? request->connect_timeout : sl_sec(5);
        if (transfer_prepare(t, request, answer) < 0)
            transfer_fail(t, HTTP_FAIL_MEMORY, "out of memory");
        else
            run_to_the_end(client, t, ctx, sl_time_add(sl_now(), timeout));
        transfer_conclude(t);
    }
    answer->received_wall_ms = sl_wall_ms();
    give_transfer(client, t);
}

/* ---- the client ---- */

static void free_client(struct http_client *base)
{
    struct client *client = SL_CONTAINER_OF(base, struct client, base);

    sl_assert(client->active_count == 0);
    while (client->idle) {
        struct transfer *t = client->idle;

        client->idle = t->next_idle;
        transfer_free(t);
    }
    curl_multi_cleanup(client->multi); /* closes the sockets */
    for (size_t fd = 0; fd < client->sockets_max; fd++)
        sl_assert(!client->sockets[fd]);
    sl_timer_stop(&client->timer);
    resolver_free(client->resolver);
    http_target_clear(&client->proxy);
    free(client->sockets);
    free(client->ca_file);
    free(client->user_agent);
    free(client);
    curl_global_cleanup();
}

static const struct http_client_ops ops = {.perform = perform, .free = free_client};

static int set_multi(struct client *client, const struct http_client_options *options)
{
    long per_host =
        options->connections_per_host ? (long)options->connections_per_host : PER_HOST_DEFAULT;
    long kept = options->connections_kept ? (long)options->connections_kept : KEPT_DEFAULT;

    if (curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
        curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) != CURLM_OK ||
        curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK ||
        curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client) != CURLM_OK ||
        curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) != CURLM_OK ||
        curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host) != CURLM_OK ||
        curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, kept) != CURLM_OK)
        return -ENOMEM;
    return 0;
}

/* The proxy of https requests, as every program finds it. One that can't be read is not ignored. */
static int set_proxy(struct client *client)
{
    const char *url = getenv("HTTPS_PROXY");

    if (!url || !*url)
        url = getenv("https_proxy");
    if (!url || !*url)
        return 0;
    return http_target_set_proxy(&client->proxy, url) ? -EINVAL : 0;
}

static int copy_text(char **out, const char *text)
{
    if (!text)
        return 0;
    *out = strdup(text);
    return *out ? 0 : -ENOMEM;
}

int http_client_new(struct http_client **out, struct sl_ctx *ctx,
                    const struct http_client_options *options)
{
    static const struct http_client_options defaults;
    struct client *client;
    int r;

    (void)ctx;
    if (!options)
        options = &defaults;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return -ENOMEM;
    client = calloc(1, sizeof *client);
    if (!client) {
        curl_global_cleanup();
        return -ENOMEM;
    }
    client->base.ops = &ops;
    sl_timer_init(&client->timer, timer_fired);
    client->multi = curl_multi_init();
    client->resolver = resolver_new(options->look_up);
    r = client->multi && client->resolver ? set_multi(client, options) : -ENOMEM;
    if (r == 0)
        r = set_proxy(client);
    if (r == 0)
        r = copy_text(&client->ca_file, options->ca_file);
    if (r == 0)
        r = copy_text(&client->user_agent, options->user_agent);
    if (r < 0) {
        free_client(&client->base);
        return r;
    }
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to connections that may be closed */
    *out = &client->base;
    return 0;
}

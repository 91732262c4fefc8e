/*
 * The user's side of an exchange: what was asked, the reply, and the news that the peer has left.
 */
#include <poll.h>
#include <string.h>

#include "io/http_head.h"
#include "io/http_server_impl.h"

/* ---- replies ---- */

void exchange_stop_peer_watch(struct http_exchange *x)
{
    if (x->is_peer_watched)
        sl_watch_deinit(&x->peer);
    x->is_peer_watched = false;
}

/* The exchange is the server's again. libmicrohttpd asks for the reply when it runs next, or when
 * the user returns. */
static void give_back(struct http_exchange *x)
{
    exchange_stop_peer_watch(x);
    if (x->replied)
        *x->replied = true;
    x->replied = NULL;
    if (x->state == STATE_PARKED) {
        MHD_resume_connection(x->connection);
        /* on an external loop it has no descriptor of its own to wake us by */
        sl_timer_set(&x->server->again, sl_now());
    }
    exchange_enter(x, STATE_SENDING);
}

static bool is_users(const struct http_exchange *x)
{
    return x->state == STATE_HELD || x->state == STATE_PARKED;
}

static bool add_header(struct http_server *server, struct MHD_Response *response, struct slice name,
                       struct slice value)
{
    struct strbuf *text = &server->scratch;
    size_t value_at = name.n + 1;

    strbuf_reset(text);
    strbuf_add(text, name.p, name.n);
    strbuf_addc(text, '\0');
    strbuf_add(text, value.p, value.n);
    return !strbuf_failed(text) && http_is_token(name) && http_is_field_value(value) &&
           MHD_add_response_header(response, text->p, text->p + value_at) == MHD_YES;
}

struct MHD_Response *exchange_make_response(struct http_server *server,
                                            const struct http_header *headers, size_t count,
                                            struct slice body)
{
    /* libmicrohttpd takes a pointer to what it copies. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.n, (void *)(uintptr_t)(body.p ? body.p : ""), MHD_RESPMEM_MUST_COPY);
    bool is_made = response != NULL;

    for (size_t i = 0; is_made && i < count; i++)
        is_made = add_header(server, response, headers[i].name, headers[i].value);
    if (is_made && server->is_stopping)
        is_made = add_header(server, response, SLICE("Connection"), SLICE("close"));
    if (is_made)
        return response;
    if (response)
        MHD_destroy_response(response);
    return NULL;
}

void http_exchange_reply(struct http_exchange *x, int status, const struct http_header *headers,
                         size_t header_count, struct slice body)
{
    sl_assert(is_users(x));
    x->response = exchange_make_response(x->server, headers, header_count, body);
    x->status = status;
    give_back(x);
}

void http_exchange_reply_text(struct http_exchange *x, int status, const char *type,
                              struct slice body)
{
    const struct http_header header = {SLICE("Content-Type"), slice_of(type)};

    http_exchange_reply(x, status, &header, 1, body);
}

void http_exchange_cut(struct http_exchange *x)
{
    sl_assert(is_users(x));
    give_back(x);
}

/* ---- what the holder of an exchange sees ---- */

const char *http_exchange_method(const struct http_exchange *x)
{
    return x->method;
}

struct slice http_exchange_path(const struct http_exchange *x)
{
    const char *question = memchr(x->uri.p, '?', x->uri.n);

    return (struct slice){x->uri.p, question ? (size_t)(question - x->uri.p) : x->uri.n};
}

struct slice http_exchange_query(const struct http_exchange *x)
{
    const char *question = memchr(x->uri.p, '?', x->uri.n);

    return question ? slice_of(question + 1) : (struct slice){NULL, 0};
}

struct slice http_exchange_body(const struct http_exchange *x)
{
    return strbuf_slice(&x->body);
}

struct slice http_exchange_header(const struct http_exchange *x, const char *name)
{
    return http_trim(slice_of(MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name)));
}

struct visit {
    bool (*visit)(void *arg, struct slice name, struct slice value);
    void *arg;
};

static enum MHD_Result visit_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    const struct visit *visit = arg;

    (void)kind;
    return visit->visit(visit->arg, slice_of(name), http_trim(slice_of(value))) ? MHD_YES : MHD_NO;
}

void http_exchange_headers(const struct http_exchange *x,
                           bool (*visit)(void *arg, struct slice name, struct slice value),
                           void *arg)
{
    struct visit each = {visit, arg};

    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, visit_header, &each);
}

void http_exchange_data_set(struct http_exchange *x, void *data)
{
    x->data = data;
}

void *http_exchange_data(const struct http_exchange *x)
{
    return x->data;
}

/* What it sent before it left may still wait to be read: the end itself is asked for. */
bool http_exchange_peer_is_there(const struct http_exchange *x)
{
    struct pollfd peer = {.fd = x->fd, .events = POLLRDHUP};

    return poll(&peer, 1, 0) <= 0 || !(peer.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void peer_hung_up(struct sl_watch *watch, unsigned events)
{
    struct http_exchange *x = SL_CONTAINER_OF(watch, struct http_exchange, peer);

    (void)events;
    if (http_exchange_peer_is_there(x))
        return;
    exchange_stop_peer_watch(x);
    x->is_gone = true;
    if (x->watch.gone)
        x->watch.gone(x, x->watch.arg);
}

int http_exchange_watch(struct http_exchange *x, const struct http_exchange_watch *watch)
{
    int r;

    sl_assert(is_users(x) && !x->is_peer_watched && !x->watch.gone && !x->watch.completed);
    x->watch = *watch;
    if (!watch->gone)
        return 0;
    sl_watch_init(&x->peer, x->fd, peer_hung_up);
    x->is_peer_watched = true;
    r = sl_watch_want(&x->peer, SL_FD_HUP);
    if (r < 0) {
        exchange_stop_peer_watch(x);
        x->watch = (struct http_exchange_watch){.arg = NULL};
    }
    return r;
}

/*
 * http_server -- an HTTP/1.1 server on the loop: each request becomes an exchange that somebody
 * has to reply to.
 *
 * An exchange is a request that has come in whole (method, path, headers, body, within the limits)
 * and owes one reply. It reaches the user in one of two ways, chosen at start:
 *
 *   handler  a function that runs as a task of its own for each request: it waits as it likes,
 *            replies, returns. What most want.
 *   direct   a function called in loop context: it must not wait. It replies at once (the cheapest
 *            way: no task, no suspended connection), or keeps the exchange, parked, and replies
 *            later from wherever it likes. For stand-ins that must be fast, and for long polls that
 *            are entries in a table and not tasks.
 *
 * A client that goes away while its request is parked is noticed: see http_exchange_watch. What a
 * client must obey (deadlines, sizes, framing) is enforced before an exchange exists, and answered
 * with 400, 413, 431 or silence.
 *
 * Life: new → requests → stop (waits for what runs) → free. One scheduler.
 */
#ifndef IO_HTTP_SERVER_H
#define IO_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/ctx.h>
#include <sluice/time.h>

#include "core/problem.h"
#include "core/slice.h"
#include "io/http.h"

struct http_server;
struct http_exchange;

/* Zero is the default that each line names. Exactly one of `handler` and `direct`. */
struct http_server_options {
    /* "127.0.0.1:8080", "[::1]:0", "localhost:80", ":8080" (all addresses). Port 0: any free one */
    const char *listen;
    /* Without a reply from it the client gets a 500. */
    void (*handler)(struct sl_ctx *ctx, struct http_exchange *exchange, void *arg);
    void (*direct)(struct http_exchange *exchange, void *arg);
    void *arg;
    size_t body_max;        /* bytes of a request's body, more is a 413; 0 = 1 MiB */
    size_t head_max;        /* bytes of a request's head, and buffer of a connection; 0 = 32 KiB */
    size_t connections_max; /* further ones wait to be accepted; 0 = 1,000 */
    sl_dur head_timeout;    /* connection or request line to end of headers; 0 = 8 s */
    sl_dur body_timeout;    /* end of headers to end of body, and sending a reply; 0 = 30 s */
    sl_dur idle_timeout;    /* a connection between two requests; 0 = 120 s */
};

/*
 * Binds, listens, and serves from the next time its task waits. `ctx` must outlive the server;
 * handler tasks run in a child of it. SIGPIPE is ignored from here on.
 *   0         *out is the caller's: http_server_free
 *   PROBLEM   the address can't be had; `problem` says why ("can't listen on 127.0.0.1:80:
 *             permission denied")
 *   negative  unforeseen: -ENOMEM, -EMFILE ...
 */
int http_server_new(struct http_server **out, struct sl_ctx *ctx,
                    const struct http_server_options *options, struct problem *problem);

/* The port that it listens on. */
uint16_t http_server_port(const struct http_server *server);

/*
 * Stops listening and waits until every exchange that exists has been replied to and the replies
 * are sent; connections without one are closed. Nothing is cut: parked polls are for their owner to
 * reply to, before or meanwhile. Once per server.
 *   SL_OK                    nothing is left
 *   SL_CANCELED, SL_TIMEOUT  `ctx` ended first: free will cut what is left
 */
int http_server_stop(struct http_server *server, struct sl_ctx *ctx);

/*
 * Ends the handlers (their context is cancelled, and waited for), cuts every connection, calls
 * `completed` of every watched exchange, and frees. Exchanges kept by a direct function are gone
 * with it. Called by a task, not by a handler. NULL is fine.
 */
void http_server_free(struct http_server *server);

/* ---- the request: valid until the reply, for whoever holds the exchange ---- */

const char *http_exchange_method(const struct http_exchange *exchange);
/* As sent: not unescaped, without the query. */
struct slice http_exchange_path(const struct http_exchange *exchange);
/* Without '?'; {NULL, 0} when there is none. */
struct slice http_exchange_query(const struct http_exchange *exchange);
struct slice http_exchange_body(const struct http_exchange *exchange);
/* The first header of that name, any case; {NULL, 0} when there is none. */
struct slice http_exchange_header(const struct http_exchange *exchange, const char *name);
/* Calls `visit` for each header in the order in which they came, until it returns false. */
void http_exchange_headers(const struct http_exchange *exchange,
                           bool (*visit)(void *arg, struct slice name, struct slice value),
                           void *arg);

/* A place for the user's own pointer. NULL at first. */
void http_exchange_data_set(struct http_exchange *exchange, void *data);
void *http_exchange_data(const struct http_exchange *exchange);

/*
 * Replies, once, and gives the exchange back: it must not be touched afterwards. Body and headers
 * are copied. Content-Length, Date and Connection are added. Never waits; legal in a task and in
 * loop context, also when the peer has left (the reply then goes nowhere). Without memory for the
 * reply, or with a header that can't be sent, the connection is closed instead.
 */
void http_exchange_reply(struct http_exchange *exchange, int status,
                         const struct http_header *headers, size_t header_count, struct slice body);

/* The same without headers but a Content-Type. */
void http_exchange_reply_text(struct http_exchange *exchange, int status, const char *type,
                              struct slice body);

/* Gives the exchange back without a reply and closes its connection, as a fault would. */
void http_exchange_cut(struct http_exchange *exchange);

/*
 * What a kept exchange wants to be told, in loop context, each at most once, with `arg`. Either may
 * be NULL; without `gone` the watch costs no system call.
 *   gone       the peer closed its connection before there was a reply. The exchange still owes
 *              one (or a cut), which may be given in here.
 *   completed  the exchange is over. `delivered`: the whole reply was handed to the connection of a
 *              peer that had not left. If not, what was in it must be given to somebody else.
 */
struct http_exchange_watch {
    void (*gone)(struct http_exchange *exchange, void *arg);
    void (*completed)(void *arg, bool delivered);
    void *arg;
};

/* Whether the peer has not closed its connection, as far as the kernel knows at this moment: one system call. */
bool http_exchange_peer_is_there(const struct http_exchange *exchange);

/* Before the reply, at most once. 0, or negative: the descriptor can't be watched. */
int http_exchange_watch(struct http_exchange *exchange, const struct http_exchange_watch *watch);

#endif

/*
 * http_server_impl -- what http_server.c (connections, requests) and http_exchange.c (the user's
 * side) share.
 *
 * An exchange lives in its connection, one after the other. It sits in the list of its state;
 * states with a deadline have one and the same timeout each, so every list is in the order of its
 * deadlines, and one timer serves all.
 */
#ifndef IO_HTTP_SERVER_IMPL_H
#define IO_HTTP_SERVER_IMPL_H

#include <microhttpd.h>

#include <sluice/loop.h>

#include "core/strbuf.h"
#include "io/http_server.h"

enum exchange_state {
    STATE_IDLE,    /* between requests */
    STATE_HEAD,    /* connected, or a request line has come: the headers are due */
    STATE_BODY,    /* the body is due */
    STATE_HELD,    /* the user's, who is being called */
    STATE_PARKED,  /* the user's; libmicrohttpd has suspended the connection */
    STATE_SENDING, /* replied */
    STATE_DOOMED,  /* shut down: only its end is awaited */
    STATES
};

struct links {
    struct links *prev, *next;
};

struct http_exchange {
    struct links links; /* in the list of its state */
    struct http_server *server;
    struct MHD_Connection *connection;
    int fd;
    enum exchange_state state;
    sl_time deadline;
    struct strbuf uri;
    struct strbuf body;
    const char *method;
    bool is_too_large; /* the body: it is read to its end, not kept, and answered with 413 */
    size_t discarded;
    void *data;
    struct MHD_Response *response;
    int status;
    bool *replied; /* set by the reply; of the handler's task */
    bool is_counted;
    bool is_gone;
    struct sl_watch peer;
    bool is_peer_watched;
    struct http_exchange_watch watch;
};

struct http_server {
    struct http_server_options options;
    struct sl_ctx *scope; /* of the handlers */
    struct MHD_Daemon *daemon;
    struct sl_watch ready; /* libmicrohttpd's epoll set */
    struct sl_timer again; /* it has more to do at once */
    struct sl_timer deadline;
    struct links lists[STATES];
    sl_dur timeouts[STATES];
    size_t exchanges; /* that are owed a reply, or whose reply is being sent */
    bool is_stopping;
    struct sl_parker stopped;
    struct strbuf scratch;
    uint16_t port;
};

/* Moves an exchange to a state, its list and its deadline: the only place that does. */
void exchange_enter(struct http_exchange *exchange, enum exchange_state state);

/* Ends the watch for a peer that leaves. */
void exchange_stop_peer_watch(struct http_exchange *exchange);

/* A response with copies of all; NULL without memory, or if a header can't be sent. */
struct MHD_Response *exchange_make_response(struct http_server *server,
                                            const struct http_header *headers, size_t count,
                                            struct slice body);

#endif

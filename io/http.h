/*
 * http -- one HTTP request, one answer, and the truth about what happened between.
 *
 * A client turns the bytes of a request into: how it failed (or not), whether the peer may have
 * seen it, a status, headers and a body that is complete or counts as none. It does not retry,
 * follow redirects, keep cookies or judge a status: its callers do. The interface is this thin
 * because the simulator stands in for everything below it: whatever embeds a `struct http_client`
 * as its first member and fills in its ops is a client.
 *
 * Life: new → perform from any number of tasks → free. A client belongs to one scheduler.
 * Connections are kept alive and shared by all its tasks. One on which anything waits before the
 * request is sent is closed instead, and the request goes over a fresh one: an answer too many would
 * be taken for the next one. A name is looked up by helper threads, once at a time, so that a slow
 * name server delays only the requests that need that name.
 */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/ctx.h>
#include <sluice/time.h>

#include "core/slice.h"
#include "core/strbuf.h"

/* How a request ended. Only HTTP_COMPLETE leaves a status and a body that mean anything. */
enum http_failure {
    /* An answer, whole: every byte that its framing promised came. (Of a success without a body that
     * only the connection's end would end, nobody can tell: HTTP_FAIL_CUT.) */
    HTTP_COMPLETE = 0,
    HTTP_FAIL_RESOLVE,     /* no address for the name */
    HTTP_FAIL_CONNECT,     /* refused, unreachable, not within connect_timeout, link-local */
    HTTP_FAIL_TLS,         /* handshake failed, or the certificate is not that host's */
    HTTP_FAIL_TIMEOUT,     /* `timeout` passed, or the answer came in too slowly */
    HTTP_FAIL_CUT,         /* closed or reset before the answer was whole */
    HTTP_FAIL_TOO_LARGE,   /* body above answer_max, or headers above 64 KiB */
    HTTP_FAIL_PROTOCOL,    /* the peer does not speak HTTP/1.1, or breaks its framing */
    HTTP_FAIL_CANCELED,    /* the context ended first */
    HTTP_FAIL_MEMORY,      /* none left, here */
    HTTP_FAIL_REFUSED_URL, /* URL, method or a header is not one to be sent: nothing was */
};

/* A value with control characters other than tab is refused: HTTP_FAIL_REFUSED_URL. */
struct http_header {
    struct slice name, value;
};

/* Everything is borrowed until http_perform returns. Zero is the default that each line names. */
struct http_request {
    const char *method; /* in capitals; NULL = GET, or POST with a body */
    const char *url;    /* http:// or https://, without user info */
    /* Without Host, Content-Length, Connection and the like: the client writes those. */
    const struct http_header *headers;
    size_t header_count;
    struct slice body;      /* p == NULL: none (a POST then says Content-Length: 0) */
    sl_dur timeout;         /* the whole request; 0 = 30 s */
    sl_dur connect_timeout; /* look-up, connection and TLS; 0 = 5 s */
    sl_dur stall_timeout;   /* an answer that has begun brings 1,000 bytes in it; 0 = 10 s */
    size_t answer_max;      /* bytes of the answer's body; 0 = 1 MiB */
    bool fresh_connection;  /* not on one that was used before: for the try after HTTP_FAIL_CUT */
    /* When it ends before there is a connection, nothing is sent: HTTP_FAIL_CANCELED. Afterwards it
     * means nothing. NULL: only the context of http_perform counts. */
    struct sl_ctx *begin_in;
    /* The peer may be at 169.254.0.0/16, fe80::/10 or fd00:ec2::/32: credential endpoints only. */
    bool allow_link_local;
};

/*
 * What came back. Life: init → perform, as often as you like (the storage of `body` and `head` is
 * kept from one to the next) → deinit. The buffers belong to the answer; take `body` with
 * strbuf_take.
 */
struct http_answer {
    enum http_failure failure;
    /* Bytes of the request may have reached the peer: if not complete, its effect is unknown. */
    bool sent;
    /* It went over a connection that had served before: worth a try with fresh_connection. */
    bool reused;
    /* Complete, but it came before the whole request was sent, and the rest of that never was: a
     * refusal may, a success is none. */
    bool early;
    int status;         /* 100-999; 0 unless HTTP_COMPLETE */
    struct strbuf body; /* empty unless HTTP_COMPLETE */
    /* Status line and header lines of the final answer (no 1xx), each with its CR LF. */
    struct strbuf head;
    int64_t sent_wall_ms;     /* Unix time when the request was handed over */
    int64_t received_wall_ms; /* and when it ended */
    /* When the status line of the final answer came: what the peer says of a time counts from before
     * that, however long the rest takes. Of a client that can't tell: when the answer was whole. */
    sl_time answered;
    /* For people, empty when complete: "connection refused (127.0.0.1:8080)". Never a secret. */
    char detail[160];
};

void http_answer_init(struct http_answer *answer);
void http_answer_deinit(struct http_answer *answer);

/*
 * The value of the header `name` (any case), without white space around it; {NULL, 0} when the
 * answer has none. With several of that name, the first. Points into `answer->head`.
 */
struct slice http_answer_header(const struct http_answer *answer, const char *name);
/* How many headers of that name there are: two of some (Retry-After, Content-Type) make an answer
 * dubious. */
size_t http_answer_header_count(const struct http_answer *answer, const char *name);

/* "connection refused", "timed out": one or two words for a failure. Static storage. */
const char *http_failure_text(enum http_failure failure);

/* The first member of every client. */
struct http_client {
    const struct http_client_ops *ops;
};

struct http_client_ops {
    void (*perform)(struct http_client *, struct sl_ctx *, const struct http_request *,
                    struct http_answer *);
    void (*free)(struct http_client *);
};

/*
 * Sends a request and waits for the answer, its timeout, or the end of `ctx` (NULL: none). Fills in
 * every field of `answer`, always; there is no other result. Any number of tasks may be in here at
 * once, up to connections_per_host of them at work for one host; the others wait their turn, and
 * their timeout runs.
 *
 * When `ctx` ends, the request is dropped at once (HTTP_FAIL_CANCELED, `sent` truthful) and its
 * connection closed.
 */
void http_perform(struct http_client *client, struct sl_ctx *ctx,
                  const struct http_request *request, struct http_answer *answer);

/* Closes all connections. No task may be in http_perform. NULL is fine. */
void http_client_free(struct http_client *client);

/* ---- the real one: libcurl on the loop (http_curl.c) ---- */

struct resolver_answer;

struct http_client_options {
    size_t connections_per_host; /* 0 = 64 */
    size_t connections_kept;     /* idle ones kept in all; 0 = 64 */
    const char *ca_file; /* PEM; NULL = the system's. Callers pass AWS_CA_BUNDLE, SSL_CERT_FILE */
    const char *user_agent; /* NULL = no such header */
    /* How a name becomes addresses, on a helper thread: io/resolver.h. NULL = getaddrinfo. */
    void (*look_up)(const char *name, struct resolver_answer *answer);
};

/*
 * Makes a client in `ctx`, which must outlive it. HTTP/1.1; TLS 1.2 or later, peer and host
 * verified; https goes through the proxy that HTTPS_PROXY names unless NO_PROXY excludes the host,
 * plain http always goes direct. A connection is reused for at most 118 s after its last use and
 * 300 s in all, and an address for 60 s, so that a change is seen. Names are looked up four at a
 * time. SIGPIPE is ignored from here on. 0         *out is the caller's: http_client_free -EINVAL
 * HTTPS_PROXY is not the address of an HTTP proxy negative  -ENOMEM, or -errno of what the loop
 * needed
 */
int http_client_new(struct http_client **out, struct sl_ctx *ctx,
                    const struct http_client_options *options);

#endif

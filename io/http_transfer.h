/*
 * http_transfer -- one request on its way through libcurl: an easy handle, what its callbacks
 * recorded, and what follows from that. Handles are costly to make, so a transfer is used again and
 * again.
 *
 * Its callbacks run inside libcurl and only record; http_curl.c owns the transfers, their sockets
 * and the loop.
 */
#ifndef IO_HTTP_TRANSFER_H
#define IO_HTTP_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>

#include <sluice/loop.h>

#include "io/address.h"
#include "io/http.h"
#include "io/http_target.h"

/* An answer that has begun must bring so much in each stall_timeout: slower than 100 B/s is no
 * service but a way to hold a connection. */
enum { TRANSFER_STALL_BYTES = 1000, TRANSFER_STALL_SECONDS = 10 };
/* Limits of an answer's head: all of its lines, and interim answers (1xx) before it. */
enum { TRANSFER_HEAD_MAX = 64 * 1024, TRANSFER_INTERIM_MAX = 16 };

enum transfer_phase {
    TRANSFER_QUEUED,     /* waits for a connection that may be opened or used */
    TRANSFER_CONNECTING, /* address, connection, TLS: ends by connect_until */
    TRANSFER_WAITING,    /* the request is being sent, or was: an answer is due */
    TRANSFER_READING,    /* bytes of the answer are due */
};

struct transfer {
    CURL *easy;
    void *owner; /* the client */
    struct transfer *next_idle;
    struct http_target target;
    struct sl_parker changed; /* unparked when is_active or failure changes */
    struct sl_timer timer;    /* connect_until or the stall check, as the phase has it */
    char error[CURL_ERROR_SIZE];

    /* what the handle is set to, so that it is set again only if it differs */
    char method[24];
    bool is_fresh, is_direct;

    /* The host or its proxy is a literal address. (Behind such a proxy libcurl itself looks up the
     * hosts that NO_PROXY excludes.) */
    bool needs_no_look_up;

    /* the request's lines as libcurl wants them */
    struct strbuf lines;
    struct curl_slist *nodes;
    size_t nodes_max;
    struct strbuf resolved;
    struct curl_slist resolve;

    /* this request */
    const struct http_request *request;
    struct http_answer *answer;
    enum transfer_phase phase;
    sl_dur connect_timeout;
    sl_time connect_until; /* SL_NEVER until connecting or looking up begins */
    bool is_active;        /* libcurl has it */
    CURLcode result;       /* once it hasn't */
    bool has_begun;        /* a connection was there: the request was about to be sent */
    bool has_opened;       /* a socket was opened since it last began */
    bool is_reused;        /* it began on a connection that had served before */
    bool wants_address;    /* it stopped because a name must be looked up */
    bool wants_fresh;      /* it stopped because its connection is not to be used again */
    bool is_head_done;
    bool ends_with_close;      /* the answer's body ends when its connection does */
    enum http_failure failure; /* decided here; HTTP_COMPLETE: not */
    char why[96];              /* its reason */
    struct address peer;       /* the last address that was tried */
    size_t head_bytes;
    size_t stall_bytes; /* of the answer, at the last stall check */
    unsigned interim_count;
    int status;
};

/* A transfer with the options that never change; `ca_file` and `user_agent` may be NULL. NULL
 * without memory. */
struct transfer *transfer_new(void *owner, const char *ca_file, const char *user_agent);
void transfer_free(struct transfer *transfer);

/* Sets it to a request, whose URL is already its target. 0, or -ENOMEM. */
int transfer_prepare(struct transfer *transfer, const struct http_request *request,
                     struct http_answer *answer);

/* Fresh for libcurl: the first time, or again after an address was looked up. */
void transfer_rewind(struct transfer *transfer);

/* The same, for a connection that was not used before. 0, or -ENOMEM. */
int transfer_rewind_fresh(struct transfer *transfer);

/* Gives libcurl the addresses of a name for this transfer and all that come in the next minute. 0,
 * or -ENOMEM. */
int transfer_set_addresses(struct transfer *transfer, const char *host, uint16_t port,
                           const struct address *addresses, size_t count);

/* Changes the phase, and sets the timer that goes with it. */
void transfer_enter(struct transfer *transfer, enum transfer_phase phase);

/*
 * libcurl has a connection and is about to send the request. `is_quiet`: nothing waits to be read on
 * it. What waits there before the request is sent can't be its answer, and would be taken for it.
 * false: the request must not be sent.
 */
bool transfer_begin(struct transfer *transfer, bool is_quiet);

/* Records the first failure that was found here. */
__attribute__((format(printf, 3, 4))) void
transfer_fail(struct transfer *transfer, enum http_failure failure, const char *format, ...);

/* May bytes of the request have reached the peer? */
bool transfer_was_sent(const struct transfer *transfer);

/* libcurl has begun it anew after bytes were sent: not for us to decide. Callbacks then make it
 * stop. */
bool transfer_refuses_retry(struct transfer *transfer);

/* Fills in the answer from what was recorded. */
void transfer_conclude(struct transfer *transfer);

#endif

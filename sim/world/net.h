/*
 * net -- a network in which time is simulated: what io/http.h promises, without sockets.
 *
 * A *host* takes requests; a *client* is a struct http_client whose requests travel to the hosts of its network. Each takes
 * its latency there and back, and may meet one of the network's faults. What a client is told is what a real one could know;
 * what really happened, the host knows, and the network's user is told for each request (sim_outcome).
 */
#ifndef SIM_WORLD_NET_H
#define SIM_WORLD_NET_H

#include "io/http.h"
#include "sim/world/faults.h"
#include "sim/world/trace.h"

enum { SIM_HOSTS_MAX = 8, SIM_HEADERS_MAX = 24 };

/* A request at its host, which owes one reply. The request's bytes are the exchange's own and last until then. */
struct sim_exchange;

struct sim_host {
    const char
        *authority; /* "sqs.us-east-1.amazonaws.com", "127.0.0.1:8080": as in a URL. Borrowed */
    enum sim_leg leg;
    sl_dur latency, latency_p99; /* one way */
    void (*take)(void *arg, struct sim_exchange *exchange);
    /* What no host can know: a request to it did not arrive, or came too late for a client that had left by then, because of a
     * fault. NULL: it does not care. */
    void (*missed)(void *arg, struct sim_exchange *exchange);
    void *arg;
};

struct sim_net {
    struct sim_host hosts[SIM_HOSTS_MAX];
    size_t host_count;
    struct sim_faults *faults;
    struct sim_trace *trace;
    struct sim_random random;
    uint64_t exchanges; /* numbers them */
    uint64_t open;      /* of them, how many there are */
    uint64_t requests[LEGS];
    struct sl_link spare; /* exchanges that are over, with their storage */
    unsigned spare_count;
};

void sim_net_init(struct sim_net *net, struct sim_faults *faults, struct sim_trace *trace,
                  struct sim_random random);
/* After sim_net_settle. */
void sim_net_deinit(struct sim_net *net);
void sim_net_add_host(struct sim_net *net, const struct sim_host *host);

/* Waits until no exchange is left: every client has gone, and hosts have replied. */
void sim_net_settle(struct sim_net *net, struct sl_ctx *ctx);

/* ---- clients ---- */

struct sim_client {
    struct http_client base; /* first */
    struct sim_net *net;
    uint32_t process;       /* whose it is: numbers instances, for the record */
    bool is_dead;           /* killed: nothing leaves it, nothing reaches it */
    struct sl_link trips;   /* its requests that are under way */
    sl_time failing_since;  /* the first failure of this second */
    unsigned failures;      /* since then */
    unsigned failures_most; /* in any second */
};

void sim_client_init(struct sim_client *client, struct sim_net *net, uint32_t process);
/* As kill -9 does: what is under way is cut off, its hosts find out; whoever waits is told HTTP_FAIL_CANCELED. */
void sim_client_kill(struct sim_client *client);

/* ---- for hosts ---- */

const char *sim_exchange_method(const struct sim_exchange *x);
struct slice sim_exchange_path(const struct sim_exchange *x);
struct slice sim_exchange_query(const struct sim_exchange *x);
struct slice sim_exchange_body(const struct sim_exchange *x);
struct slice sim_exchange_header(const struct sim_exchange *x, const char *name);
void sim_exchange_headers(const struct sim_exchange *x,
                          bool (*visit)(void *arg, struct slice name, struct slice value),
                          void *arg);
uint64_t sim_exchange_number(const struct sim_exchange *x);
uint32_t sim_exchange_process(const struct sim_exchange *x);
/* Whether its client waits no more, which no host can know. */
bool sim_exchange_was_left(const struct sim_exchange *x);
/* When its client sent it off. */
sl_time sim_exchange_began(const struct sim_exchange *x);
/* For the host's own use. */
void sim_exchange_data_set(struct sim_exchange *x, void *data);
void *sim_exchange_data(const struct sim_exchange *x);

/*
 * What a host may want to hear, from tasks or in loop context. `gone`: the client left before there was a reply, which is owed all the
 * same. `over`: the exchange has ended; `delivered`: the client got the whole answer, at this moment.
 */
struct sim_watch {
    void (*gone)(void *arg);
    void (*left)(void *arg); /* what no host can know: the client waits no more, at this moment */
    void (*over)(void *arg, bool delivered);
    void *arg;
};
void sim_exchange_watch(struct sim_exchange *x, const struct sim_watch *watch);

/* Replies, once. Everything is copied. */
void sim_exchange_reply(struct sim_exchange *x, int status, const struct http_header *headers,
                        size_t count, struct slice body);
void sim_exchange_cut(struct sim_exchange *x);

#endif

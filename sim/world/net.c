/*
 * A request is a *trip*: to its host, at its host, back to its client. The client waits at a parker; when it leaves early, the
 * trip goes on without it, with copies of what it borrowed, and the host finds out one latency later.
 */
#include "sim/world/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/loop.h>
#include <sluice/task.h>

#include "queue/links.h"

#define CONNECT_TIMEOUT sl_sec(5) /* io/http.h's own defaults */
#define STALL_TIMEOUT   sl_sec(10)
#define TIMEOUT         sl_sec(30)

enum place {
    TO_HOST,
    AT_HOST,
    TO_CLIENT,
    OVER,    /* the client is told, and the host has done its part */
    NOWHERE, /* it never gets to its host */
};

struct sim_exchange {
    struct sl_link links; /* of the client, while it waits */
    struct sim_net *net;
    const struct sim_host *host;
    struct sim_client *client; /* NULL: it has left */
    const struct http_request *request;
    uint64_t number;
    uint32_t process;
    enum place place;
    enum sim_fault fate; /* FAULTS: none */
    sl_time began;
    struct sl_timer timer, leaving;
    struct sl_parker parker;
    struct slice path, query;
    /* what the client is told */
    enum http_failure failure;
    bool sent, reused;
    int status;
    struct strbuf head, body;
    /* the host's */
    struct strbuf copy; /* of the request, once the client has left */
    struct slice copied_body;
    size_t header_count;
    struct strbuf url; /* the path and the query point into it */
    struct sim_watch watch;
    bool is_gone_told;
    void *data;
    struct http_header headers[SIM_HEADERS_MAX]; /* last: its first header_count are set */
};

/* AddressSanitizer finds who uses one that is over; when they are used again it could not. */
#ifdef __SANITIZE_ADDRESS__
enum { SPARE_MAX = 0 };
#else
enum { SPARE_MAX = 64 };
#endif

void sim_net_init(struct sim_net *net, struct sim_faults *faults, struct sim_trace *trace,
                  struct sim_random random)
{
    *net = (struct sim_net){.faults = faults, .trace = trace, .random = random};
    links_init(&net->spare);
}

static void deinit_exchange(struct sim_exchange *x)
{
    strbuf_deinit(&x->head);
    strbuf_deinit(&x->body);
    strbuf_deinit(&x->copy);
    strbuf_deinit(&x->url);
    free(x);
}

void sim_net_deinit(struct sim_net *net)
{
    while (!links_empty(&net->spare)) {
        struct sim_exchange *x = SL_CONTAINER_OF(net->spare.next, struct sim_exchange, links);

        links_remove(&x->links);
        deinit_exchange(x);
    }
}

void sim_net_add_host(struct sim_net *net, const struct sim_host *host)
{
    sl_assert(net->host_count < SIM_HOSTS_MAX);
    net->hosts[net->host_count++] = *host;
}

void sim_net_settle(struct sim_net *net, struct sl_ctx *ctx)
{
    while (net->open > 0 && sl_sleep(ctx, sl_ms(100)) == SL_OK) {
    }
}

static sl_dur latency_of(struct sim_exchange *x)
{
    struct sim_net *net = x->net;
    sl_dur latency = sim_random_latency(&net->random, x->host->latency, x->host->latency_p99);

    if (x->fate == FAULT_SLOW)
        latency = sl_dur_add(latency, sl_ms(sim_random_between(&net->random, 500, 15000)));
    return latency;
}

/* ---- the end of a trip ---- */

/* One that is over, or a new one; the caller sets the rest. */
static struct sim_exchange *new_trip(struct sim_net *net)
{
    struct strbuf head = {0}, body = {0}, copy = {0}, url = {0};
    struct sim_exchange *x;

    if (links_empty(&net->spare)) {
        x = malloc(sizeof *x);
        sl_assert(x);
    } else {
        x = SL_CONTAINER_OF(net->spare.next, struct sim_exchange, links);
        links_remove(&x->links);
        net->spare_count--;
        head = x->head;
        body = x->body;
        copy = x->copy;
        url = x->url;
    }
    memset(x, 0, offsetof(struct sim_exchange, headers));
    x->head = head;
    x->body = body;
    x->copy = copy;
    x->url = url;
    net->open++;
    return x;
}

static void free_trip(struct sim_exchange *x)
{
    struct sim_net *net = x->net;

    net->open--;
    sl_timer_stop(&x->timer);
    sl_timer_stop(&x->leaving);
    if (net->spare_count == SPARE_MAX) {
        deinit_exchange(x);
        return;
    }
    strbuf_reset(&x->head);
    strbuf_reset(&x->body);
    strbuf_reset(&x->copy);
    links_add(&net->spare, &x->links);
    net->spare_count++;
}

/* The host has done its part, and the client is told or has left. */
static void finish(struct sim_exchange *x, bool delivered)
{
    struct sim_watch watch = x->watch;

    x->watch = (struct sim_watch){.arg = NULL};
    if (watch.over)
        watch.over(watch.arg, delivered);
}

/* The client is told. It takes the answer, and the trip with it, when it runs; if it gave up at this very moment, it does not. */
static void tell_client(struct sim_exchange *x, enum http_failure failure, enum place place)
{
    sim_trace_add(x->net->trace, "answer", x->host ? x->host->authority : "nowhere", x->number,
                  (uint64_t)failure << 16 | (unsigned)x->status);
    x->failure = failure;
    x->place = place;
    sl_unpark(&x->parker);
}

/* The end of a trip at the client's end. */
static void end_trip(struct sim_exchange *x, enum http_failure failure)
{
    if (x->client) {
        tell_client(x, failure, OVER);
        return;
    }
    finish(x, false);
    free_trip(x);
}

static void arrive(struct sl_timer *timer)
{
    struct sim_exchange *x = SL_CONTAINER_OF(timer, struct sim_exchange, timer);

    if (x->fate == FAULT_TRUNCATED)
        end_trip(x, HTTP_FAIL_CUT);
    else if (x->fate == FAULT_GARBAGE)
        end_trip(x, HTTP_FAIL_PROTOCOL);
    else
        end_trip(x, HTTP_COMPLETE);
}

static void stalled(struct sl_timer *timer)
{
    end_trip(SL_CONTAINER_OF(timer, struct sim_exchange, timer), HTTP_FAIL_TIMEOUT);
}

/* The reply leaves the host. */
static void send_back(struct sim_exchange *x)
{
    x->place = TO_CLIENT;
    if (!x->client) {
        finish(x, false);
        free_trip(x);
        return;
    }
    if (x->fate == FAULT_STALLED) {
        sl_timer_init(&x->timer, stalled);
        sl_timer_set(&x->timer, sl_time_add(sl_now(), STALL_TIMEOUT));
    } else if (x->fate != FAULT_ANSWER_LOST) { /* of that one the client's timeout is the end */
        sl_timer_init(&x->timer, arrive);
        sl_timer_set(&x->timer, sl_time_add(sl_now(), latency_of(x)));
    }
}

/* ---- the host's side ---- */

/* The connection is gone for the client while the host is still at work. */
static void reset_client(struct sim_exchange *x)
{
    tell_client(x, HTTP_FAIL_CUT, AT_HOST); /* and leaves, once its task has run */
}

static void take(struct sl_timer *timer)
{
    struct sim_exchange *x = SL_CONTAINER_OF(timer, struct sim_exchange, timer);

    x->place = AT_HOST;
    x->net->requests[x->host->leg]++;
    sim_trace_add(x->net->trace, "request", x->host->authority, x->number, sim_exchange_body(x).n);
    if (x->fate == FAULT_RESET_AFTER && x->client)
        reset_client(x);
    x->host->take(x->host->arg, x);
}

const char *sim_exchange_method(const struct sim_exchange *x)
{
    (void)x;
    return "POST";
}

struct slice sim_exchange_path(const struct sim_exchange *x)
{
    return x->path;
}

struct slice sim_exchange_query(const struct sim_exchange *x)
{
    return x->query;
}

struct slice sim_exchange_body(const struct sim_exchange *x)
{
    return x->request ? x->request->body : x->copied_body;
}

static size_t header_count_of(const struct sim_exchange *x)
{
    return x->request ? x->request->header_count : x->header_count;
}

static const struct http_header *headers_of(const struct sim_exchange *x)
{
    return x->request ? x->request->headers : x->headers;
}

struct slice sim_exchange_header(const struct sim_exchange *x, const char *name)
{
    const struct http_header *headers = headers_of(x);

    for (size_t i = 0; i < header_count_of(x); i++)
        if (slice_eq_nocase(headers[i].name, slice_of(name)))
            return headers[i].value;
    return strcmp(name, "Host") == 0 ? slice_of(x->host->authority) : (struct slice){NULL, 0};
}

void sim_exchange_headers(const struct sim_exchange *x,
                          bool (*visit)(void *arg, struct slice name, struct slice value),
                          void *arg)
{
    const struct http_header *headers = headers_of(x);
    bool goes_on = visit(arg, SLICE("Host"), slice_of(x->host->authority));

    for (size_t i = 0; goes_on && i < header_count_of(x); i++)
        goes_on = visit(arg, headers[i].name, headers[i].value);
}

uint64_t sim_exchange_number(const struct sim_exchange *x)
{
    return x->number;
}

bool sim_exchange_was_left(const struct sim_exchange *x)
{
    return !x->client || x->fate == FAULT_RESET_AFTER;
}

sl_time sim_exchange_began(const struct sim_exchange *x)
{
    return x->began;
}

uint32_t sim_exchange_process(const struct sim_exchange *x)
{
    return x->process;
}

void sim_exchange_data_set(struct sim_exchange *x, void *data)
{
    x->data = data;
}

void *sim_exchange_data(const struct sim_exchange *x)
{
    return x->data;
}

void sim_exchange_watch(struct sim_exchange *x, const struct sim_watch *watch)
{
    x->watch = *watch;
}

static void add_line(struct strbuf *head, struct slice name, struct slice value)
{
    strbuf_add_slice(head, name);
    strbuf_adds(head, ": ");
    strbuf_add_slice(head, value);
    strbuf_adds(head, "\r\n");
}

void sim_exchange_reply(struct sim_exchange *x, int status, const struct http_header *headers,
                        size_t count, struct slice body)
{
    sl_assert(x->place == AT_HOST);
    x->status = status;
    if (x->client) {
        strbuf_adds(&x->head, "HTTP/1.1 ");
        strbuf_addu(&x->head, (unsigned)status);
        strbuf_adds(&x->head, " OK\r\n");
        for (size_t i = 0; i < count; i++)
            add_line(&x->head, headers[i].name, headers[i].value);
        strbuf_add_slice(&x->body, body);
    }
    send_back(x);
}

static void cut_off(struct sl_timer *timer)
{
    end_trip(SL_CONTAINER_OF(timer, struct sim_exchange, timer), HTTP_FAIL_CUT);
}

void sim_exchange_cut(struct sim_exchange *x)
{
    sl_assert(x->place == AT_HOST);
    x->place = TO_CLIENT;
    sl_timer_init(&x->timer, cut_off);
    sl_timer_set(&x->timer, sl_time_add(sl_now(), x->client ? latency_of(x) : SL_ZERO));
}

/* ---- a client leaves ---- */

/* Keeps what the host still needs of the request, which was the client's. */
static void keep_request(struct sim_exchange *x)
{
    const struct http_request *request = x->request;
    size_t at[2 * SIM_HEADERS_MAX + 1] = {0}, n = 0;

    x->header_count =
        request->header_count < SIM_HEADERS_MAX ? request->header_count : SIM_HEADERS_MAX;
    for (size_t i = 0; i < x->header_count; i++) {
        at[n++] = x->copy.n;
        strbuf_add_slice(&x->copy, request->headers[i].name);
        at[n++] = x->copy.n;
        strbuf_add_slice(&x->copy, request->headers[i].value);
    }
    at[n] = x->copy.n;
    strbuf_add_slice(&x->copy, request->body);
    sl_assert(!strbuf_failed(&x->copy));
    for (size_t i = 0; i < x->header_count; i++)
        x->headers[i] =
            (struct http_header){{x->copy.p + at[2 * i], request->headers[i].name.n},
                                 {x->copy.p + at[2 * i + 1], request->headers[i].value.n}};
    x->copied_body = (struct slice){x->copy.p + at[n], request->body.n};
    x->request = NULL;
}

static void leaving_told(struct sl_timer *timer)
{
    struct sim_exchange *x = SL_CONTAINER_OF(timer, struct sim_exchange, leaving);

    if (x->place == TO_HOST) { /* the request is still before it: the end comes behind it */
        sl_timer_set(&x->leaving, sl_time_add(sl_now(), x->host->latency));
        return;
    }
    if (x->place == AT_HOST && !x->is_gone_told && x->watch.gone) {
        x->is_gone_told = true;
        x->watch.gone(x->watch.arg);
    }
}

/* The client waits no more: what becomes of the trip. `delivered`: it has the whole answer. */
static void leave(struct sim_exchange *x, bool delivered)
{
    links_remove(&x->links);
    x->client = NULL;
    if (!delivered && x->place != NOWHERE && x->watch.left)
        x->watch.left(x->watch.arg);
    if (x->place == NOWHERE || x->place == OVER || x->place == TO_CLIENT) {
        finish(x, delivered);
        free_trip(x);
        return;
    }
    keep_request(x);
    sl_timer_set(&x->leaving, sl_time_add(sl_now(), x->host->latency));
}

/* ---- a request ---- */

static const struct sim_host *find_host(const struct sim_net *net, struct slice authority)
{
    for (size_t i = 0; i < net->host_count; i++)
        if (slice_is(authority, net->hosts[i].authority))
            return &net->hosts[i];
    return NULL;
}

static void read_url(struct sim_exchange *x, const char *url)
{
    const char *from = strstr(url, "://"), *slash, *question;

    strbuf_reset(&x->url);
    strbuf_adds(&x->url, url);
    sl_assert(from && !strbuf_failed(&x->url));
    from = x->url.p + (from - url) + 3;
    slash = strchrnul(from, '/');
    question = strchrnul(slash, '?');
    x->host = find_host(x->net, (struct slice){from, (size_t)(slash - from)});
    x->path = slash < question ? (struct slice){slash, (size_t)(question - slash)} : SLICE("/");
    x->query = *question ? slice_of(question + 1) : (struct slice){NULL, 0};
}

static void fails(struct sl_timer *timer)
{
    struct sim_exchange *x = SL_CONTAINER_OF(timer, struct sim_exchange, timer);

    tell_client(x, x->failure, NOWHERE);
}

/* The request never gets there: when the client learns it, and as what. */
static void fail_later(struct sim_exchange *x, enum http_failure failure, sl_dur after)
{
    x->failure = failure;
    x->place = NOWHERE;
    sl_timer_init(&x->timer, fails);
    sl_timer_set(&x->timer, sl_time_add(sl_now(), after));
}

static sl_dur connect_timeout_of(const struct sim_exchange *x)
{
    return x->request->connect_timeout.ns > 0 ? x->request->connect_timeout : CONNECT_TIMEOUT;
}

/* Whether the request ends before it reaches its host; the client is told then, sooner or later. */
static bool fails_early(struct sim_exchange *x, sl_dur latency)
{
    if (!x->host || x->fate == FAULT_NO_NAME)
        fail_later(x, HTTP_FAIL_RESOLVE, latency);
    else if (x->fate == FAULT_REFUSED)
        fail_later(x, HTTP_FAIL_CONNECT, latency);
    else if (x->fate == FAULT_UNREACHABLE)
        fail_later(x, HTTP_FAIL_CONNECT, connect_timeout_of(x));
    else if (x->fate == FAULT_TLS)
        fail_later(x, HTTP_FAIL_TLS, sl_dur_mul(latency, 2));
    else if (x->fate == FAULT_RESET_BEFORE)
        fail_later(x, HTTP_FAIL_CUT, latency);
    else
        return false;
    x->reused = x->fate == FAULT_RESET_BEFORE;
    return true;
}

static void depart(struct sim_exchange *x)
{
    sl_dur latency = x->host ? latency_of(x) : sl_ms(5);

    if (fails_early(x, latency))
        return;
    x->sent = true;
    if (x->fate == FAULT_REQUEST_LOST)
        x->place = NOWHERE;
    else
        sl_timer_set(&x->timer, sl_time_add(sl_now(), latency));
}

static void swap(struct strbuf *a, struct strbuf *b)
{
    struct strbuf c = *a;

    *a = *b;
    *b = c;
}

static void take_answer(struct sim_exchange *x, struct http_answer *answer)
{
    answer->failure = x->failure;
    answer->sent = x->sent;
    answer->reused = x->reused;
    if (x->failure != HTTP_COMPLETE)
        return;
    answer->status = x->status;
    swap(&answer->body, &x->body);
    swap(&answer->head, &x->head);
}

static void wait_for_answer(struct sim_exchange *x, struct sl_ctx *ctx,
                            const struct http_request *request, struct http_answer *answer)
{
    sl_dur timeout = request->timeout.ns > 0 ? request->timeout : TIMEOUT;
    struct sl_ctx *until = !x->sent && request->begin_in ? request->begin_in : ctx;
    int result = sl_park(&x->parker, until, sl_time_add(sl_now(), timeout), "a simulated answer");

    if (result == SL_OK) {
        take_answer(x, answer);
    } else {
        x->failure = HTTP_FAIL_CANCELED;
        answer->failure = result == SL_CANCELED || sl_ctx_err(ctx) != SL_OK ? HTTP_FAIL_CANCELED
                                                                            : HTTP_FAIL_TIMEOUT;
        answer->sent = x->sent;
        sim_trace_add(x->net->trace, "left", x->host ? x->host->authority : "nowhere", x->number,
                      (uint64_t)answer->failure);
    }
}

/* A service that refuses a batch has decided about its events: nothing is tried again. */
static bool is_refusal(const struct sim_exchange *x, const struct http_answer *answer)
{
    return x->host && x->host->leg == LEG_SERVICE && answer->failure == HTTP_COMPLETE &&
           (answer->status == 400 || answer->status == 413 || answer->status == 422);
}

/* Whoever tries again waits before: how many of its requests failed in one second. */
static void count_failure(const struct sim_exchange *x, const struct http_answer *answer)
{
    struct sim_client *client = x->client;

    if (answer->failure == HTTP_FAIL_CANCELED || is_refusal(x, answer) ||
        (answer->failure == HTTP_COMPLETE && answer->status < 400))
        return;
    if (!sl_time_before(sl_now(), sl_time_add(client->failing_since, sl_sec(1)))) {
        client->failing_since = sl_now();
        client->failures = 0;
    }
    if (++client->failures > client->failures_most)
        client->failures_most = client->failures;
}

/* At its beginning and at its end, between which much of a lease may pass. */
static void tell_missed(struct sim_exchange *x)
{
    if (x->fate != FAULTS && x->host && x->host->missed)
        x->host->missed(x->host->arg, x);
}

static void perform(struct http_client *base, struct sl_ctx *ctx,
                    const struct http_request *request, struct http_answer *answer)
{
    struct sim_client *client = SL_CONTAINER_OF(base, struct sim_client, base);
    struct sim_exchange *x;

    strbuf_reset(&answer->body);
    strbuf_reset(&answer->head);
    answer->failure = HTTP_FAIL_CANCELED;
    answer->sent = answer->reused = false;
    answer->status = 0;
    answer->detail[0] = '\0';
    answer->sent_wall_ms = sl_wall_ms();
    if (client->is_dead || sl_ctx_err(ctx) != SL_OK ||
        (request->begin_in && sl_ctx_err(request->begin_in) != SL_OK))
        return;
    x = new_trip(client->net);
    x->net = client->net;
    x->client = client;
    x->request = request;
    x->process = client->process;
    x->number = ++client->net->exchanges;
    x->began = sl_now();
    sl_parker_init(&x->parker);
    sl_timer_init(&x->timer, take);
    sl_timer_init(&x->leaving, leaving_told);
    links_add(&client->trips, &x->links);
    read_url(x, request->url);
    x->fate = x->host ? sim_fault_draw(client->net->faults, FAULT_NO_NAME, FAULT_SLOW, x->host->leg)
                      : FAULTS;
    tell_missed(x);
    depart(x);
    wait_for_answer(x, ctx, request, answer);
    answer->received_wall_ms = sl_wall_ms();
    count_failure(x, answer);
    tell_missed(x);
    leave(x, x->place == OVER && x->failure == HTTP_COMPLETE);
}

/* ---- clients ---- */

static void client_free(struct http_client *base)
{
    (void)base; /* the process's, which embeds it */
}

static const struct http_client_ops client_ops = {perform, client_free};

void sim_client_init(struct sim_client *client, struct sim_net *net, uint32_t process)
{
    *client = (struct sim_client){.base = {&client_ops}, .net = net, .process = process};
    client->trips.next = client->trips.prev = &client->trips;
}

void sim_client_kill(struct sim_client *client)
{
    client->is_dead = true;
    for (struct sl_link *l = client->trips.next; l != &client->trips; l = l->next) {
        struct sim_exchange *x = SL_CONTAINER_OF(l, struct sim_exchange, links);

        if (x->place == OVER)
            continue;                    /* it has its answer, and does nothing with it any more */
        x->failure = HTTP_FAIL_CANCELED; /* what it has sent arrives all the same */
        sl_unpark(&x->parker);
    }
}

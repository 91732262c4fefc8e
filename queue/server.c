/* The queue over HTTP: its store, its service, and the server in front. */
#include "queue/server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "io/http_server.h"

enum {
    CONNECTIONS_MAX = 20000, /* each a descriptor and about 20 KB */
    DESCRIPTORS_KEPT = 64,   /* for the database, the log, the loop */
    HEAD_MAX = 16 * 1024,    /* AWS's tokens are up to 4 KB */
    ESCAPED = 6,             /* bytes that one may take in JSON: \u0000 */
    ENVELOPE = 256 * 1024,   /* of a request beside its bodies: names, attributes, entries */
};

struct queue_server {
    struct queue_service *service;
    struct http_server *http;
};

/* ---- an exchange as a caller ---- */

static struct slice header(void *of, const char *name)
{
    return http_exchange_header(of, name);
}

static void headers(void *of, bool (*visit)(void *arg, struct slice name, struct slice value),
                    void *arg)
{
    http_exchange_headers(of, visit, arg);
}

static void reply(void *of, int status, const struct http_header *list, size_t count,
                  struct slice body)
{
    http_exchange_reply(of, status, list, count, body);
}

static void cut(void *of)
{
    http_exchange_cut(of);
}

static void gone(struct http_exchange *exchange, void *arg)
{
    (void)exchange;
    queue_call_gone(arg);
}

static void completed(void *arg, bool delivered)
{
    queue_call_completed(arg, delivered);
}

/* Only one that waits is looked after by the loop: it costs two system calls. */
static bool watch(void *of, struct queue_call *call, bool waits)
{
    return http_exchange_watch(of, &(struct http_exchange_watch){
                                       .gone = waits ? gone : NULL,
                                       .completed = completed,
                                       .arg = call,
                                   }) == 0;
}

static bool is_there(void *of)
{
    return http_exchange_peer_is_there(of);
}

static const struct queue_caller_ops over_http = {header, headers, reply, cut, watch, is_there};

static void take(struct http_exchange *exchange, void *arg)
{
    struct queue_server *server = arg;

    queue_service_take(server->service, (struct queue_caller){&over_http, exchange},
                       &(struct queue_request){
                           .method = http_exchange_method(exchange),
                           .path = http_exchange_path(exchange),
                           .query = http_exchange_query(exchange),
                           .body = http_exchange_body(exchange),
                       });
}

/* ---- start and stop ---- */

static size_t connections_max(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= 2 * DESCRIPTORS_KEPT)
        return DESCRIPTORS_KEPT;
    return limit.rlim_cur - DESCRIPTORS_KEPT < CONNECTIONS_MAX
               ? (size_t)limit.rlim_cur - DESCRIPTORS_KEPT
               : CONNECTIONS_MAX;
}

static int open_store(struct store **out, const char *path, struct problem *problem)
{
    if (!path)
        return store_memory_open(out);
    return store_sqlite_open(out, &(struct store_sqlite_options){.path = path}, problem);
}

static int open_all(struct queue_server *server, struct sl_ctx *ctx,
                    const struct queue_server_config *config, struct problem *problem)
{
    size_t message_max = config->service.limits.message_max;
    struct store *store;
    int result = open_store(&store, config->data, problem);

    if (result == 0)
        result = queue_service_new(&server->service, store, &config->service, problem);
    if (result == PROBLEM && config->advice)
        problem_advise(problem, config->advice);
    if (result != 0)
        return result;
    if (message_max == 0)
        message_max = QUEUE_MESSAGE_MAX;
    return http_server_new(&server->http, ctx,
                           &(struct http_server_options){
                               .listen = config->listen ? config->listen : "127.0.0.1:9324",
                               .direct = take,
                               .arg = server,
                               .body_max = ESCAPED * message_max + ENVELOPE,
                               .head_max = HEAD_MAX,
                               .connections_max = connections_max(),
                           },
                           problem);
}

static int tear_down(struct queue_server *server, struct sl_ctx *ctx)
{
    int result = 0;

    http_server_free(server->http);
    if (server->service)
        result = queue_service_free(server->service, ctx);
    free(server);
    return result;
}

int queue_server_start(struct queue_server **out, struct sl_ctx *ctx,
                       const struct queue_server_config *config, struct problem *problem)
{
    struct queue_server *server = calloc(1, sizeof *server);
    int result;

    if (!server)
        return -ENOMEM;
    result = open_all(server, ctx, config, problem);
    if (result == 0)
        *out = server;
    else
        SL_IGNORE(tear_down(server, ctx));
    return result;
}

uint16_t queue_server_port(const struct queue_server *server)
{
    return http_server_port(server->http);
}

struct queue_service *queue_server_service(const struct queue_server *server)
{
    return server->service;
}

int queue_server_stop(struct queue_server *server, struct sl_ctx *ctx)
{
    queue_service_stop(server->service);
    SL_IGNORE(http_server_stop(server->http, ctx));
    return tear_down(server, ctx);
}

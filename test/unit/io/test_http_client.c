/*
 * The client against our own server in the same process: what a request carries, what an answer
 * brings, connections kept and renewed, names looked up, requests refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sluice/chan.h>
#include <sluice/loop.h>
#include <sluice/task.h>

#include "io/http.h"
#include "io/http_server.h"
#include "io/resolver.h"

/* A failed assertion in a task ends the program: cmocka's jump does not cross stacks. */
#define expect(x) sl_assert(x)

struct world {
    struct sl_ctx *ctx;
    struct http_server *server;
    struct http_client *client;
    struct http_answer answer;
    unsigned requests;
    char url[200];
};

static bool echo_header(void *arg, struct slice name, struct slice value)
{
    struct strbuf *text = arg;

    strbuf_addf(text, "%.*s=%.*s\n", SLICE_ARG(name), SLICE_ARG(value));
    return true;
}

/* /echo: method, headers and body as they came. /N/BYTES: status N with so many bytes. */
static void serve(struct http_exchange *x, void *arg)
{
    struct world *w = arg;
    struct slice path = http_exchange_path(x);
    struct strbuf text = {.p = NULL};
    unsigned status = 200, bytes = 0;

    w->requests++;
    if (slice_is(path, "/echo")) {
        strbuf_addf(&text, "%s %.*s?%.*s\n", http_exchange_method(x), SLICE_ARG(path),
                    SLICE_ARG(http_exchange_query(x)));
        http_exchange_headers(x, echo_header, &text);
        strbuf_addc(&text, '\n');
        strbuf_add_slice(&text, http_exchange_body(x));
    } else if (sscanf(path.p, "/%u/%u", &status, &bytes) >= 1) {
        for (unsigned i = 0; i < bytes; i++)
            strbuf_addc(&text, (char)('a' + i % 26));
    }
    const struct http_header headers[] = {{SLICE("X-One"), SLICE("first")},
                                          {SLICE("x-one"), SLICE("second")}};
    http_exchange_reply(x, (int)status, headers, 2, strbuf_slice(&text));
    strbuf_deinit(&text);
}

static void hang(struct http_exchange *x, void *arg)
{
    struct world *w = arg;

    (void)x;
    w->requests++;
}

struct setting {
    void (*direct)(struct http_exchange *, void *);
    struct http_client_options client;
    void (*test)(struct world *);
};

static int in_world(struct sl_ctx *ctx, void *arg)
{
    const struct setting *setting = arg;
    struct world w = {.ctx = ctx};
    struct http_server_options options = {.listen = "127.0.0.1:0",
                                          .direct = setting->direct ? setting->direct : serve,
                                          .arg = &w,
                                          .body_max = 8 << 20};
    struct problem problem;

    problem_init(&problem);
    expect(http_server_new(&w.server, ctx, &options, &problem) == 0);
    expect(http_client_new(&w.client, ctx, &setting->client) == 0);
    http_answer_init(&w.answer);
    setting->test(&w);
    http_answer_deinit(&w.answer);
    http_client_free(w.client);
    http_server_free(w.server);
    problem_deinit(&problem);
    return 0;
}

static void run(const struct setting *setting)
{
    assert_int_equal(sl_run(in_world, (void *)(uintptr_t)setting), 0);
}

static const char *url(struct world *w, const char *host, const char *path)
{
    snprintf(w->url, sizeof w->url, "http://%s:%u%s", host, http_server_port(w->server), path);
    return w->url;
}

static struct http_answer *perform(struct world *w, struct http_request request)
{
    http_perform(w->client, w->ctx, &request, &w->answer);
    return &w->answer;
}

static struct http_answer *get(struct world *w, const char *path)
{
    return perform(w, (struct http_request){.url = url(w, "127.0.0.1", path)});
}

static bool body_is(struct world *w, const char *text)
{
    return slice_is(strbuf_slice(&w->answer.body), text);
}

/* ---- what goes out, what comes back ---- */

static void plain(struct world *w)
{
    const struct http_header headers[] = {{SLICE("X-A"), SLICE("one\ttwo")},
                                          {SLICE("Content-Type"), SLICE("text/x")},
                                          {SLICE("X-Empty"), SLICE("")}};
    struct http_answer *a;
    char expected[400];

    a = perform(w, (struct http_request){.url = url(w, "127.0.0.1", "/echo?a=b%2f/../c"),
                                         .headers = headers,
                                         .header_count = 3,
                                         .body = SLICE("hello")});
    snprintf(expected, sizeof expected,
             "POST "
             "/echo?a=b%%2f/../c\nHost=127.0.0.1:%u\nX-A=one\ttwo\nContent-Type=text/"
             "x\nX-Empty=\nContent-Length=5\n\nhello",
             http_server_port(w->server));
    expect(a->failure == HTTP_COMPLETE && a->status == 200 && a->sent && !a->reused &&
           a->detail[0] == '\0');
    expect(body_is(w, expected));
    expect(slice_is(http_answer_header(a, "X-ONE"), "first"));
    expect(http_answer_header_count(a, "x-one") == 2);
    expect(http_answer_header(a, "absent").p == NULL && http_answer_header_count(a, "absent") == 0);
    expect(a->received_wall_ms >= a->sent_wall_ms && a->sent_wall_ms > 1600000000000);

    a = get(w, "/echo");
    snprintf(expected, sizeof expected, "GET /echo?\nHost=127.0.0.1:%u\n\n",
             http_server_port(w->server));
    expect(a->failure == HTTP_COMPLETE && a->reused && body_is(w, expected));

    a = perform(w, (struct http_request){
                       .method = "PUT", .url = url(w, "localhost", "/echo"), .body = SLICE("x")});
    expect(a->failure == HTTP_COMPLETE && memcmp(a->body.p, "PUT /echo?", 10) == 0);
    a = perform(w, (struct http_request){.method = "POST", .url = url(w, "127.0.0.1", "/echo")});
    snprintf(expected, sizeof expected, "POST /echo?\nHost=127.0.0.1:%u\nContent-Length=0\n\n",
             http_server_port(w->server));
    expect(a->failure == HTTP_COMPLETE && body_is(w, expected));
    a = perform(w, (struct http_request){.method = "DELETE", .url = url(w, "127.0.0.1", "/echo")});
    expect(a->failure == HTTP_COMPLETE && memcmp(a->body.p, "DELETE /echo?", 13) == 0);
    a = perform(w, (struct http_request){.method = "HEAD", .url = url(w, "127.0.0.1", "/200/500")});
    expect(a->failure == HTTP_COMPLETE && a->status == 200 && a->body.n == 0);
    a = get(w, "/204/0");
    expect(a->failure == HTTP_COMPLETE && a->status == 204 && a->body.n == 0);
    a = get(w, "/302/10");
    expect(a->failure == HTTP_COMPLETE && a->status == 302 && a->body.n == 10);
    a = get(w, "/503/1000000");
    expect(a->failure == HTTP_COMPLETE && a->status == 503 && a->body.n == 1000000);
}

static void test_plain(void **state)
{
    (void)state;
    run(&(struct setting){.test = plain});
}

static void large(struct world *w)
{
    size_t n = 3 << 20;
    char *bytes = malloc(n);
    struct http_answer *a;

    memset(bytes, 'z', n);
    a = perform(w, (struct http_request){.url = url(w, "127.0.0.1", "/echo"),
                                         .body = {bytes, n},
                                         .answer_max = 4 << 20});
    expect(a->failure == HTTP_COMPLETE && !a->early && a->body.n > n &&
           memcmp(a->body.p + a->body.n - n, bytes, n) == 0);
    a = perform(w,
                (struct http_request){.url = url(w, "127.0.0.1", "/200/1000"), .answer_max = 1000});
    expect(a->failure == HTTP_COMPLETE && a->body.n == 1000);
    a = perform(w,
                (struct http_request){.url = url(w, "127.0.0.1", "/200/1000"), .answer_max = 999});
    expect(a->failure == HTTP_FAIL_TOO_LARGE && a->sent && a->body.n == 0 && a->status == 0);
    expect(strstr(a->detail, "answer of 1000 bytes, 999 allowed (127.0.0.1:"));
    free(bytes);
}

static void test_large(void **state)
{
    (void)state;
    run(&(struct setting){.test = large});
}

/* ---- what is refused before anything is sent ---- */

static void refused(struct world *w)
{
    static const struct {
        const char *url, *method, *name, *value, *why;
    } table[] = {
        {"ftp://127.0.0.1/", NULL, NULL, NULL, "neither http:// nor https://"},
        {"file:///etc/passwd", NULL, NULL, NULL, "neither http:// nor https://"},
        {"gopher://127.0.0.1/", NULL, NULL, NULL, "neither http:// nor https://"},
        {"127.0.0.1:80/", NULL, NULL, NULL, "neither http:// nor https://"},
        {"http://", NULL, NULL, NULL, "not a URL"},
        {"http://user@127.0.0.1/", NULL, NULL, NULL, "user name"},
        {"http://user:secret@127.0.0.1/", NULL, NULL, NULL, "user name"},
        {"http://127.0.0.1/a b", NULL, NULL, NULL, "space"},
        {"http://127.0.0.1/a\r\nX: y", NULL, NULL, NULL, "control character"},
        {"http://127.0.0.1/\x7f", NULL, NULL, NULL, "control character"},
        {"http://b\xc3\xbc"
         "cher.example/",
         NULL, NULL, NULL, "punycode"},
        {NULL, "GET /x HTTP/1.1\r\n", NULL, NULL, "method"},
        {NULL, "", NULL, NULL, "method"},
        {NULL, NULL, "", "x", "name"},
        {NULL, NULL, "X Y", "x", "name"},
        {NULL, NULL, "X:", "x", "name"},
        {NULL, NULL, "X\r\nY", "x", "name"},
        {NULL, NULL, "X", "a\r\nY: b", "control characters"},
        {NULL, NULL, "X", "a\nb", "control characters"},
        {NULL, NULL, "X", "\x7f", "control characters"},
        {NULL, NULL, "Host", "other", "writes itself"},
        {NULL, NULL, "content-LENGTH", "5", "writes itself"},
        {NULL, NULL, "Transfer-Encoding", "chunked", "writes itself"},
        {NULL, NULL, "Connection", "close", "writes itself"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct http_header header = {slice_of(table[i].name), slice_of(table[i].value)};
        struct http_request request = {.url = table[i].url ? table[i].url
                                                           : url(w, "127.0.0.1", "/echo"),
                                       .method = table[i].method,
                                       .headers = &header,
                                       .header_count = table[i].name != NULL};
        struct http_answer *a = perform(w, request);

        if (a->failure != HTTP_FAIL_REFUSED_URL || a->sent || !strstr(a->detail, table[i].why))
            fprintf(stderr, "row %zu: %d %s\n", i, a->failure, a->detail);
        expect(a->failure == HTTP_FAIL_REFUSED_URL && !a->sent && strstr(a->detail, table[i].why));
    }
    expect(w->requests == 0);
}

static void test_refused(void **state)
{
    (void)state;
    run(&(struct setting){.test = refused});
}

/* ---- connections ---- */

/* A bound socket, and its port, that listens if `backlog` is not negative. */
static int bound(uint16_t *port, int backlog)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    expect(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    expect(getsockname(fd, (struct sockaddr *)&at, &n) == 0);
    expect(backlog < 0 || listen(fd, backlog) == 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void connections(struct world *w)
{
    struct http_answer *a;
    char expected[100];
    uint16_t port;
    int fd;

    expect(get(w, "/200/5")->failure == HTTP_COMPLETE && !w->answer.reused);
    expect(get(w, "/200/5")->failure == HTTP_COMPLETE && w->answer.reused);
    a = perform(
        w, (struct http_request){.url = url(w, "127.0.0.1", "/200/5"), .fresh_connection = true});
    expect(a->failure == HTTP_COMPLETE && !a->reused);
    expect(get(w, "/200/5")->failure == HTTP_COMPLETE && w->answer.reused);

    fd = bound(&port, -1); /* nobody listens, and nobody else can */
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u/", port);
    a = perform(w, (struct http_request){.url = w->url});
    snprintf(expected, sizeof expected, "connection refused (127.0.0.1:%u)", port);
    expect(a->failure == HTTP_FAIL_CONNECT && !a->sent && strcmp(a->detail, expected) == 0);
    close(fd);
    a = perform(w, (struct http_request){.url = "http://169.254.169.254/latest/meta-data/"});
    expect(a->failure == HTTP_FAIL_CONNECT && !a->sent &&
           strstr(a->detail, "169.254.169.254 is a link-local address"));
    a = perform(w, (struct http_request){.url = "http://0xa9fea9fe/"});
    expect(a->failure == HTTP_FAIL_CONNECT && !a->sent && strstr(a->detail, "link-local"));
    a = perform(w, (struct http_request){.url = "http://[::ffff:169.254.169.254]/"});
    expect(a->failure == HTTP_FAIL_CONNECT && !a->sent && strstr(a->detail, "link-local"));
    a = perform(w, (struct http_request){.url = "http://[fe80::1]/"});
    expect(a->failure == HTTP_FAIL_CONNECT && !a->sent && strstr(a->detail, "link-local"));
}

static void test_connections(void **state)
{
    (void)state;
    run(&(struct setting){.test = connections});
}

/* A listener whose queue is full: a further connection hangs. */
static void no_connection(struct world *w)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int filler[8];
    struct http_answer *a;
    uint16_t port;
    int fd = bound(&port, 0);

    at.sin_port = htons(port);
    for (int i = 0; i < 8; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(filler[i], (struct sockaddr *)&at, sizeof at);
    }
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u/", port);
    a = perform(w, (struct http_request){.url = w->url, .connect_timeout = SL_DUR_MS(50)});
    expect(a->failure == HTTP_FAIL_CONNECT && !a->sent &&
           strstr(a->detail, "no connection in time (127.0.0.1:"));
    a = perform(w, (struct http_request){.url = w->url, .timeout = SL_DUR_MS(50)});
    expect(a->failure == HTTP_FAIL_TIMEOUT && !a->sent &&
           strstr(a->detail, "timed out connecting (127.0.0.1:"));
    for (int i = 0; i < 8; i++)
        close(filler[i]);
    close(fd);
}

static void test_no_connection(void **state)
{
    (void)state;
    run(&(struct setting){.test = no_connection});
}

/* ---- waiting, and its end ---- */

struct cancel_when_asked {
    struct world *w;
    struct sl_ctx *victim;
};

SL_TASK(cancel_when_asked)
{
    while (my->w->requests == 0)
        sl_yield();
    sl_ctx_cancel(my->victim, 0);
    return 0;
}

static void waiting(struct world *w)
{
    struct sl_ctx *scope = sl_ctx_new(w->ctx, NULL);
    struct http_request request = {.url = url(w, "127.0.0.1", "/"), .timeout = SL_DUR_MS(50)};

    http_perform(w->client, w->ctx, &request, &w->answer);
    expect(w->answer.failure == HTTP_FAIL_TIMEOUT && w->answer.sent && w->requests == 1);
    expect(strstr(w->answer.detail, "timed out waiting for the answer (127.0.0.1:"));

    w->requests = 0;
    request.timeout = SL_ZERO;
    SL_GO(w->ctx, cancel_when_asked, .w = w, .victim = scope);
    http_perform(w->client, scope, &request, &w->answer);
    expect(w->answer.failure == HTTP_FAIL_CANCELED && w->answer.sent && w->requests == 1);

    http_perform(w->client, scope, &request, &w->answer); /* already canceled */
    expect(w->answer.failure == HTTP_FAIL_CANCELED && !w->answer.sent);
    sl_yield();
    expect(w->requests == 1);
    sl_ctx_leave(scope);

    scope = sl_ctx_new(w->ctx, &(struct sl_ctx_options){.timeout = SL_DUR_MS(50)});
    http_perform(w->client, scope, &request, &w->answer);
    expect(w->answer.failure == HTTP_FAIL_CANCELED && w->answer.sent);
    sl_ctx_leave(scope);
}

static void test_waiting(void **state)
{
    (void)state;
    run(&(struct setting){.direct = hang, .test = waiting});
}

struct cancel_now {
    struct sl_ctx *victim;
};

SL_TASK(cancel_now)
{
    sl_ctx_cancel(my->victim, 0);
    return 0;
}

/* The end of `begin_in` keeps a request from being sent, and lets one that was sent go on. */
static void beginning(struct world *w)
{
    struct sl_ctx *scope = sl_ctx_new(w->ctx, NULL);
    struct http_request request = {
        .url = url(w, "127.0.0.1", "/"), .timeout = SL_DUR_MS(50), .begin_in = scope};

    SL_GO(w->ctx, cancel_now, .victim = scope); /* runs while the connection is made */
    http_perform(w->client, w->ctx, &request, &w->answer);
    expect(w->answer.failure == HTTP_FAIL_CANCELED && !w->answer.sent && w->requests == 0);
    http_perform(w->client, w->ctx, &request, &w->answer); /* it has ended already */
    expect(w->answer.failure == HTTP_FAIL_CANCELED && !w->answer.sent && w->requests == 0);
    sl_ctx_leave(scope);

    request.begin_in = scope = sl_ctx_new(w->ctx, NULL);
    SL_GO(w->ctx, cancel_when_asked, .w = w, .victim = scope);
    http_perform(w->client, w->ctx, &request, &w->answer);
    expect(w->answer.failure == HTTP_FAIL_TIMEOUT && w->answer.sent && w->requests == 1);
    sl_ctx_leave(scope);
}

static void test_beginning(void **state)
{
    (void)state;
    run(&(struct setting){.test = beginning, .direct = hang});
}

struct get_one {
    struct world *w;
    const char *host, *path;
    enum http_failure expected;
    unsigned *done;
};

SL_TASK(get_one)
{
    struct http_answer answer;
    char text[100];

    http_answer_init(&answer);
    snprintf(text, sizeof text, "http://%s:%u%s", my->host, http_server_port(my->w->server),
             my->path);
    http_perform(my->w->client, ctx, &(struct http_request){.url = text}, &answer);
    if (answer.failure != my->expected)
        fprintf(stderr, "%s: %d %s\n", text, answer.failure, answer.detail);
    expect(answer.failure == my->expected);
    ++*my->done;
    http_answer_deinit(&answer);
    return 0;
}

/* More tasks than connections: they take turns. */
static void crowd(struct world *w)
{
    struct sl_ctx *scope = sl_ctx_new(w->ctx, NULL);
    unsigned done = 0;

    for (int i = 0; i < 200; i++)
        SL_GO(scope, get_one, .w = w, .host = "127.0.0.1", .path = "/200/3000", .done = &done);
    expect(sl_ctx_wait(scope, NULL) == SL_OK && done == 200 && w->requests == 200);
    expect(sl_ctx_leave(scope) == 0);
}

static void test_crowd(void **state)
{
    (void)state;
    run(&(struct setting){.test = crowd});
    run(&(struct setting){.test = crowd,
                          .client = {.connections_per_host = 3, .connections_kept = 2}});
}

/* ---- names ---- */

static sem_t slow;
static int look_ups;

static void add(struct resolver_answer *answer, const char *ip)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&answer->addresses[answer->count].at;

    in->sin_family = AF_INET;
    inet_pton(AF_INET, ip, &in->sin_addr);
    answer->addresses[answer->count++].length = sizeof *in;
}

/* On a helper thread. */
static void look_up(const char *name, struct resolver_answer *answer)
{
    __atomic_add_fetch(&look_ups, 1, __ATOMIC_SEQ_CST);
    if (strcmp(name, "slow.test") == 0)
        while (sem_wait(&slow) != 0)
            ;
    if (strcmp(name, "dead.test") == 0)
        answer->error = EAI_NONAME;
    else if (strcmp(name, "meta.test") == 0 || strcmp(name, "half.test") == 0)
        add(answer, "169.254.169.254");
    else if (strcmp(name, "two.test") == 0)
        add(answer, "127.0.0.2"); /* where our server does not listen */
    if (answer->error == 0 && strcmp(name, "meta.test") != 0)
        add(answer, "127.0.0.1");
}

static void names(struct world *w)
{
    struct http_answer *a;

    look_ups = 0;
    a = perform(w, (struct http_request){.url = url(w, "good.test", "/echo")});
    expect(a->failure == HTTP_COMPLETE && strstr(a->body.p, "Host=good.test:") && look_ups == 1);
    a = perform(
        w, (struct http_request){.url = url(w, "GOOD.test", "/echo"), .fresh_connection = true});
    expect(a->failure == HTTP_COMPLETE && !a->reused && look_ups == 1); /* known for a minute */
    a = perform(w, (struct http_request){.url = url(w, "dead.test", "/echo")});
    expect(a->failure == HTTP_FAIL_RESOLVE && !a->sent &&
           strstr(a->detail, "no such name (dead.test:"));
    a = perform(w, (struct http_request){.url = url(w, "two.test", "/echo")});
    expect(a->failure == HTTP_COMPLETE);
    a = perform(w, (struct http_request){.url = url(w, "localhost", "/echo")});
    expect(a->failure == HTTP_COMPLETE && look_ups == 3);
    w->requests = 0;
    a = perform(w, (struct http_request){.url = url(w, "meta.test", "/echo")});
    expect(a->failure == HTTP_FAIL_CONNECT && !a->sent && strstr(a->detail, "link-local"));
    a = perform(w, (struct http_request){.url = url(w, "half.test", "/echo")});
    expect(a->failure == HTTP_FAIL_CONNECT && !a->sent && strstr(a->detail, "link-local"));
    expect(w->requests == 0 && look_ups == 5);
    a = perform(w, (struct http_request){.url = url(w, "meta.test", "/echo"),
                                         .connect_timeout = SL_DUR_MS(20),
                                         .allow_link_local = true});
    expect(a->failure == HTTP_FAIL_CONNECT && !strstr(a->detail, "link-local"));
}

static void test_names(void **state)
{
    (void)state;
    run(&(struct setting){.test = names, .client = {.look_up = look_up}});
}

/* A name that hangs holds up nobody else; it is asked for once; who gives up is free at once. */
static void slow_name(struct world *w)
{
    struct sl_ctx *scope = sl_ctx_new(w->ctx, NULL);
    struct sl_ctx *impatient = sl_ctx_new(w->ctx, NULL);
    unsigned done = 0, quick = 0, gave_up = 0;
    struct http_answer *a;

    look_ups = 0;
    sem_init(&slow, 0, 0);
    for (int i = 0; i < 20; i++)
        SL_GO(scope, get_one, .w = w, .host = "slow.test", .path = "/200/1", .done = &done);
    for (int i = 0; i < 5; i++)
        SL_GO(impatient, get_one, .w = w, .host = "slow.test", .path = "/200/1",
              .expected = HTTP_FAIL_CANCELED, .done = &gave_up);
    for (int i = 0; i < 50; i++)
        SL_GO(scope, get_one, .w = w, .host = i % 2 ? "good.test" : "127.0.0.1", .path = "/200/1",
              .done = &quick);
    while (quick < 50)
        expect(sl_sleep(w->ctx, sl_ms(1)) == SL_OK);
    expect(done == 0 && look_ups == 2);
    sl_ctx_cancel(impatient, 0);
    sl_ctx_leave(impatient);
    expect(gave_up == 5 && done == 0);
    a = perform(w, (struct http_request){.url = url(w, "slow.test", "/"),
                                         .connect_timeout = SL_DUR_MS(20)});
    expect(a->failure == HTTP_FAIL_RESOLVE && !a->sent && strstr(a->detail, "name servers"));
    sem_post(&slow);
    expect(sl_ctx_wait(scope, NULL) == SL_OK && done == 20 && look_ups == 2);
    expect(sl_ctx_leave(scope) == 0);
}

static void test_slow_name(void **state)
{
    (void)state;
    run(&(struct setting){.test = slow_name, .client = {.look_up = look_up}});
}

/* The client, and the scheduler, may end while a look-up hangs. */
static void abandoned(struct world *w)
{
    struct http_answer *a;

    sem_init(&slow, 0, 0);
    a = perform(w,
                (struct http_request){.url = url(w, "slow.test", "/"), .timeout = SL_DUR_MS(20)});
    expect(a->failure == HTTP_FAIL_RESOLVE);
}

static void test_abandoned(void **state)
{
    (void)state;
    run(&(struct setting){.test = abandoned, .client = {.look_up = look_up}});
    sem_post(&slow); /* into the void */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),         cmocka_unit_test(test_large),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_connections),
        cmocka_unit_test(test_no_connection), cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_beginning),     cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_names),         cmocka_unit_test(test_slow_name),
        cmocka_unit_test(test_abandoned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

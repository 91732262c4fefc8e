/*
 * The server as a client's bytes see it: limits, deadlines, framing, parked exchanges and peers that leave, the stop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sluice/chan.h>
#include <sluice/loop.h>
#include <sluice/task.h>

#include "core/strbuf.h"
#include "io/http_server.h"

#define expect(x) sl_assert(x)

struct world {
    struct sl_ctx *ctx;
    struct http_server *server;
    unsigned requests;
    struct http_exchange *kept[1000];
    unsigned kept_count;
    unsigned gone, delivered, undelivered;
    struct sl_parker changed;
    bool is_blocked; /* handlers wait until it is not */
};

/* ---- a raw client ---- */

static int dial(struct world *w)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(w->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    expect(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

static void say_bytes(struct world *w, int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t r = send(fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (r > 0) {
            text += r;
            n -= (size_t)r;
        } else if (errno != EAGAIN ||
                   sl_wait_fd(w->ctx, fd, SL_FD_WRITE, SL_NEVER, NULL) != SL_OK) {
            return; /* the server has closed: what it said is still to be read */
        }
    }
}

static void say(struct world *w, int fd, const char *text)
{
    say_bytes(w, fd, text, strlen(text));
}

/* Reads until `text` has come, or the end (NULL: to the end), and appends it to `heard`. */
static void hear(struct world *w, int fd, const char *text, struct strbuf *heard)
{
    while (!text || !heard->p || !strstr(heard->p, text)) {
        char bytes[4096];
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

        if (n > 0)
            strbuf_add(heard, bytes, (size_t)n);
        else if (n == 0 || errno != EAGAIN)
            return;
        else
            expect(sl_wait_fd(w->ctx, fd, SL_FD_READ, SL_NEVER, NULL) == SL_OK);
    }
}

/* One connection: says, and hears to its end. */
static void converse(struct world *w, const char *text, struct strbuf *heard)
{
    int fd = dial(w);

    strbuf_reset(heard);
    say(w, fd, text);
    hear(w, fd, NULL, heard);
    close(fd);
}

/* ---- users of exchanges ---- */

static void echo(struct http_exchange *x, void *arg)
{
    struct world *w = arg;
    struct strbuf text = {.p = NULL};

    w->requests++;
    strbuf_addf(&text, "%s [%.*s] [%.*s] [%.*s] [%.*s]", http_exchange_method(x),
                SLICE_ARG(http_exchange_path(x)), SLICE_ARG(http_exchange_query(x)),
                SLICE_ARG(http_exchange_header(x, "x-a")), SLICE_ARG(http_exchange_body(x)));
    http_exchange_reply_text(x, 200, "text/plain", strbuf_slice(&text));
    strbuf_deinit(&text);
}

static void echo_in_task(struct sl_ctx *ctx, struct http_exchange *x, void *arg)
{
    struct world *w = arg;

    while (w->is_blocked)
        if (sl_sleep(ctx, sl_ms(1)) != SL_OK)
            return; /* without a reply */
    sl_yield();
    if (slice_is(http_exchange_path(x), "/no-reply"))
        return;
    if (slice_is(http_exchange_path(x), "/cut"))
        http_exchange_cut(x);
    else
        echo(x, arg);
}

static void gone(struct http_exchange *x, void *arg)
{
    struct world *w = arg;

    w->gone++;
    if (http_exchange_data(x)) /* replies in here */
        http_exchange_reply_text(x, 200, "text/plain", SLICE("late"));
    sl_unpark(&w->changed);
}

static void completed(void *arg, bool delivered)
{
    struct world *w = arg;

    *(delivered ? &w->delivered : &w->undelivered) += 1;
    sl_unpark(&w->changed);
}

static void keep(struct http_exchange *x, void *arg)
{
    struct world *w = arg;

    w->requests++;
    expect(http_exchange_data(x) == NULL);
    expect(http_exchange_watch(x, &(struct http_exchange_watch){gone, completed, w}) == 0);
    if (slice_is(http_exchange_path(x), "/in-gone"))
        http_exchange_data_set(x, w);
    w->kept[w->kept_count++] = x;
    sl_unpark(&w->changed);
}

/* ---- worlds ---- */

struct setting {
    struct http_server_options options;
    void (*test)(struct world *);
};

static int in_world(struct sl_ctx *ctx, void *arg)
{
    const struct setting *setting = arg;
    struct http_server_options options = setting->options;
    struct world *w = calloc(1, sizeof *w);
    struct problem problem;

    problem_init(&problem);
    w->ctx = ctx;
    sl_parker_init(&w->changed);
    options.listen = options.listen ? options.listen : "127.0.0.1:0";
    options.arg = w;
    expect(http_server_new(&w->server, ctx, &options, &problem) == 0);
    setting->test(w);
    http_server_free(w->server);
    problem_deinit(&problem);
    free(w);
    return 0;
}

static void run(const struct setting *setting)
{
    assert_int_equal(sl_run(in_world, (void *)(uintptr_t)setting), 0);
}

static void wait_until(struct world *w, const unsigned *number, unsigned value)
{
    while (*number < value)
        expect(sl_park(&w->changed, w->ctx, SL_NEVER, "a change") == SL_OK);
}

/* ---- requests ---- */

static void requests(struct world *w)
{
    static const struct {
        const char *say, *hear, *body;
    } table[] = {
        {"GET /a%2Fb/../c?x=%20y HTTP/1.1\r\nHost: h\r\nX-A:  v \r\nConnection: close\r\n\r\n",
         "HTTP/1.1 200 ", "GET [/a%2Fb/../c] [x=%20y] [v] []"},
        {"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
         "HTTP/1.1 200 ", "POST [/] [] [] [hello]"},
        {"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: "
         "chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
         "HTTP/1.1 200 ", "POST [/] [] [] [hello]"},
        {"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.", "POST [/] [] [] [hello]"},
        {"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\nConnection: "
         "close\r\n\r\n",
         "GET [/1]", "GET [/2] [] [] []"},
        /* as to a proxy */
        {"GET http://h:1/a?b=/c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 ",
         "GET [/a] [b=/c] [] []"},
        {"GET HTTPS://h?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 ",
         "GET [/] [b] [] []"},
        {"GET http://h HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 ",
         "GET [/] [] [] []"},
        /* framing and form */
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", NULL},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
         "HTTP/1.1 400 ", NULL},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n",
         "HTTP/1.1 400 ", NULL},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 400 ", NULL},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 4",
         NULL},
        {"nonsense\r\n\r\n", NULL, NULL},
        /* sizes: body_max is 1,000 */
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nxxx", "HTTP/1.1 413 ", NULL},
    };
    struct strbuf heard = {.p = NULL};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        bool is_right;

        w->requests = 0;
        converse(w, table[i].say, &heard);
        is_right = !table[i].hear || (heard.p && strstr(heard.p, table[i].hear));
        if (table[i].body)
            is_right = is_right && heard.n > strlen(table[i].body) &&
                       strcmp(heard.p + heard.n - strlen(table[i].body), table[i].body) == 0;
        else
            is_right = is_right && w->requests == 0 && !(heard.p && strstr(heard.p, "200 OK"));
        if (!is_right)
            fprintf(stderr, "row %zu: %s\n", i, heard.p ? heard.p : "");
        expect(is_right);
    }
    strbuf_deinit(&heard);
}

static void test_requests(void **state)
{
    (void)state;
    run(&(struct setting){.options = {.direct = echo, .body_max = 1000}, .test = requests});
    run(&(struct setting){.options = {.handler = echo_in_task, .body_max = 1000},
                          .test = requests});
}

static void sizes(struct world *w)
{
    struct strbuf heard = {.p = NULL};
    struct strbuf text = {.p = NULL};
    size_t lengths[] = {1000, 1001, 5000};

    for (size_t i = 0; i < 3; i++) { /* somewhat too large: the client is let finish, and told */
        strbuf_reset(&text);
        strbuf_addf(
            &text, "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
            lengths[i]);
        for (size_t n = 0; n < lengths[i]; n++)
            strbuf_addc(&text, 'b');
        converse(w, text.p, &heard);
        expect(strstr(heard.p, lengths[i] <= 1000 ? "HTTP/1.1 200 " : "HTTP/1.1 413 "));
    }
    for (size_t count = 1; count <= 100000;
         count *= 1000) { /* chunks: 413, or closed when it goes too far */
        strbuf_reset(&text);
        strbuf_adds(&text, "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: "
                           "chunked\r\n\r\n");
        for (size_t n = 0; n <= count; n++)
            strbuf_adds(&text, "fff\r\n"), strbuf_reserve(&text, 4097),
                memset(text.p + text.n, 'c', 4095), text.n += 4095, strbuf_adds(&text, "\r\n");
        strbuf_adds(&text, "0\r\n\r\n");
        converse(w, text.p, &heard);
        expect(!heard.p || !strstr(heard.p, "HTTP/1.1 200 "));
        expect(count > 1 || strstr(heard.p, "HTTP/1.1 413 "));
    }
    strbuf_reset(&text);
    strbuf_adds(&text, "GET / HTTP/1.1\r\nHost: h\r\nX-A: ");
    for (size_t n = 0; n < 40000; n++)
        strbuf_addc(&text, 'h');
    strbuf_adds(&text, "\r\n\r\n");
    w->requests = 0;
    converse(w, text.p, &heard);
    expect(w->requests == 0 && (!heard.p || !strstr(heard.p, "200 OK")));
    strbuf_deinit(&heard);
    strbuf_deinit(&text);
}

static void test_sizes(void **state)
{
    (void)state;
    run(&(struct setting){.options = {.direct = echo, .body_max = 1000}, .test = sizes});
}

/* Who does not come to the end of a head or a body in time is closed, however busy it is. */
static void deadlines(struct world *w)
{
    const char *const begun[] = {"", "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\nX-A",
                                 "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhell",
                                 "GET / HTTP/1.1\r\nHost: h\r\n\r\n"};
    struct strbuf heard = {.p = NULL};

    for (size_t i = 0; i < sizeof begun / sizeof *begun; i++) {
        converse(w, begun[i], &heard); /* ends by itself */
        expect(i < 4 ? !heard.p || !strstr(heard.p, "200 OK") : strstr(heard.p, "200 OK") != NULL);
    }
    strbuf_deinit(&heard);
}

struct drip {
    int fd;
    bool *is_over;
};

/* A byte of a header each millisecond. */
SL_TASK(drip)
{
    while (!*my->is_over && send(my->fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        if (sl_sleep(ctx, sl_ms(1)) != SL_OK)
            break;
    return 0;
}

static void slow_loris(struct world *w)
{
    struct sl_ctx *scope = sl_ctx_new(w->ctx, NULL);
    struct strbuf heard = {.p = NULL};
    bool is_over = false;
    int fd = dial(w);

    say(w, fd, "GET / HTTP/1.1\r\nHost: h\r\nX-A: ");
    SL_GO(scope, drip, .fd = fd, .is_over = &is_over);
    hear(w, fd, NULL, &heard);
    is_over = true;
    sl_ctx_leave(scope);
    expect(w->requests == 0);
    close(fd);
    strbuf_deinit(&heard);
}

static void test_deadlines(void **state)
{
    const struct http_server_options options = {.direct = echo,
                                                .head_timeout = SL_DUR_MS(30),
                                                .body_timeout = SL_DUR_MS(40),
                                                .idle_timeout = SL_DUR_MS(50)};

    (void)state;
    run(&(struct setting){.options = options, .test = deadlines});
    run(&(struct setting){.options = options, .test = slow_loris});
}

static void tasks(struct world *w)
{
    struct strbuf heard = {.p = NULL};

    converse(w, "GET /no-reply HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &heard);
    expect(strstr(heard.p, "HTTP/1.1 500 "));
    converse(w, "GET /cut HTTP/1.1\r\nHost: h\r\n\r\n", &heard);
    expect(heard.n == 0);
    converse(w,
             "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /cut "
             "HTTP/1.1\r\nHost: h\r\n\r\n",
             &heard);
    expect(strstr(heard.p, "[/1]") && strstr(heard.p, "[/2]"));
    strbuf_deinit(&heard);
}

static void test_tasks(void **state)
{
    (void)state;
    run(&(struct setting){.options = {.handler = echo_in_task}, .test = tasks});
}

/* ---- parked exchanges ---- */

/* 500 clients park, every other one leaves: exactly those are noticed, and the others are answered. */
static void parked(struct world *w)
{
    enum { CLIENTS = 500 };
    struct strbuf heard = {.p = NULL};
    int fds[CLIENTS];

    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = dial(w);
        say(w, fds[i],
            i % 4 == 0 ? "GET /in-gone HTTP/1.1\r\nHost: h\r\n\r\n"
                       : "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        wait_until(w, &w->kept_count, i + 1);
        if (i % 8 >= 5) /* and say something more, which nobody reads meanwhile */
            say(w, fds[i], "\r\n");
    }
    for (unsigned i = 0; i < CLIENTS; i += 2)
        close(fds[i]);
    wait_until(w, &w->gone, CLIENTS / 2);
    wait_until(w, &w->undelivered, CLIENTS / 4); /* those that were replied to in `gone` */
    expect(w->gone == CLIENTS / 2 && w->undelivered == CLIENTS / 4 && w->delivered == 0);
    for (unsigned i = 0; i < CLIENTS; i++)
        if (i % 4 == 2)
            http_exchange_cut(w->kept[i]);
        else if (i % 4 != 0)
            http_exchange_reply_text(w->kept[i], 200, "text/plain", SLICE("answer"));
    wait_until(w, &w->delivered, CLIENTS / 2);
    wait_until(w, &w->undelivered, CLIENTS / 2);
    for (unsigned i = 1; i < CLIENTS; i += 2) {
        strbuf_reset(&heard);
        hear(w, fds[i], "answer", &heard);
        expect(strstr(heard.p, "HTTP/1.1 200 ") && strstr(heard.p, "answer"));
        close(fds[i]);
    }
    expect(w->delivered == CLIENTS / 2 && w->undelivered == CLIENTS / 2 && w->requests == CLIENTS);
    strbuf_deinit(&heard);
}

static void test_parked(void **state)
{
    (void)state;
    run(&(struct setting){.options = {.direct = keep, .head_max = 8192}, .test = parked});
}

/* A connection serves parked exchanges one after the other; the server goes with some of them parked. */
static void parked_again(struct world *w)
{
    struct strbuf heard = {.p = NULL};
    int fd = dial(w);

    for (unsigned i = 0; i < 3; i++) {
        say(w, fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        wait_until(w, &w->kept_count, i + 1);
        http_exchange_reply_text(w->kept[i], 200, "text/plain", SLICE("answer"));
        strbuf_reset(&heard);
        hear(w, fd, "answer", &heard);
    }
    expect(w->delivered == 3);
    say(w, fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_until(w, &w->kept_count, 4);
    http_server_free(SL_TAKE(w->server));
    expect(w->undelivered == 1 && w->delivered == 3);
    strbuf_reset(&heard);
    hear(w, fd, NULL, &heard);
    expect(heard.n == 0);
    close(fd);
    strbuf_deinit(&heard);
}

static void test_parked_again(void **state)
{
    (void)state;
    run(&(struct setting){.options = {.direct = keep}, .test = parked_again});
}

/* ---- the stop ---- */

struct stop {
    struct world *w;
    int *result;
};

SL_TASK(stop)
{
    *my->result = http_server_stop(my->w->server, ctx);
    return 0;
}

static void stopping(struct world *w)
{
    struct sl_ctx *scope = sl_ctx_new(w->ctx, NULL);
    struct strbuf heard = {.p = NULL};
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(w->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int idle = dial(w), busy = dial(w), result = -1;

    say(w, idle, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_until(w, &w->kept_count, 1);
    http_exchange_reply_text(w->kept[0], 200, "text/plain", SLICE("first"));
    hear(w, idle, "first", &heard);
    say(w, busy, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_until(w, &w->kept_count, 2);

    SL_GO(scope, stop, .w = w, .result = &result);
    strbuf_reset(&heard);
    hear(w, idle, NULL, &heard); /* closed at once: it had nothing under way */
    expect(heard.n == 0 && result == -1);
    close(idle);
    idle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect(connect(idle, (struct sockaddr *)&at, sizeof at) < 0 && errno == ECONNREFUSED);
    close(idle);

    http_exchange_reply_text(w->kept[1], 200, "text/plain", SLICE("second"));
    hear(w, busy, NULL, &heard);
    expect(strstr(heard.p, "second") && strcasestr(heard.p, "Connection: close"));
    expect(sl_ctx_wait(scope, NULL) == SL_OK && result == SL_OK);
    sl_ctx_leave(scope);
    close(busy);
    strbuf_deinit(&heard);
}

static void test_stopping(void **state)
{
    (void)state;
    run(&(struct setting){.options = {.direct = keep}, .test = stopping});
}

/* Handlers that don't end are told to by their context when the server goes. */
static void handlers_end(struct world *w)
{
    struct sl_ctx *soon = sl_ctx_new(w->ctx, &(struct sl_ctx_options){.timeout = SL_DUR_MS(10)});
    int fd = dial(w);

    w->is_blocked = true;
    say(w, fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(sl_sleep(w->ctx, sl_ms(5)) == SL_OK);
    expect(http_server_stop(w->server, soon) == SL_TIMEOUT);
    http_server_free(SL_TAKE(w->server));
    expect(w->requests == 0);
    sl_ctx_leave(soon);
    close(fd);
}

static void test_handlers_end(void **state)
{
    (void)state;
    run(&(struct setting){.options = {.handler = echo_in_task}, .test = handlers_end});
}

/* ---- addresses ---- */

static int listen_on(struct sl_ctx *ctx, void *arg)
{
    static const struct {
        const char *listen, *problem;
        enum exit_status status;
    } table[] = {
        {"127.0.0.1:0", NULL, 0},
        {"localhost:0", NULL, 0},
        {":0", NULL, 0},
        {"127.0.0.1", "can't listen on 127.0.0.1: it is not of the form HOST:PORT", EXIT_BAD_USAGE},
        {"9324", "can't listen on 9324: it is not of the form HOST:PORT", EXIT_BAD_USAGE},
        {"127.0.0.1:", "can't listen on 127.0.0.1:: it has no port", EXIT_BAD_USAGE},
        {"127.0.0.1:65536",
         "can't listen on 127.0.0.1:65536: its port is not a number from 0 to 65535",
         EXIT_BAD_USAGE},
        {"127.0.0.1:http",
         "can't listen on 127.0.0.1:http: its port is not a number from 0 to 65535",
         EXIT_BAD_USAGE},
        {"example.com:80", "can't listen on example.com:80: it is not an IP address",
         EXIT_BAD_USAGE},
        {"[::1:80", "can't listen on [::1:80: it is not an IP address", EXIT_BAD_USAGE},
        {"192.0.2.1:0", "can't listen on 192.0.2.1:0: this machine does not have that address",
         EXIT_NOT_AVAILABLE},
    };
    struct http_server *server, *other;
    struct problem problem;
    char text[64];

    (void)arg;
    problem_init(&problem);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct http_server_options options = {.listen = table[i].listen, .direct = echo};
        int r = http_server_new(&server, ctx, &options, &problem);

        expect(r == (table[i].problem ? PROBLEM : 0));
        if (r == 0)
            http_server_free(server);
        else if (strcmp(problem.text.p, table[i].problem) != 0 || problem.status != table[i].status)
            fprintf(stderr, "%s: %s\n", table[i].listen, problem.text.p), expect(false);
    }
    expect(http_server_new(&server, ctx,
                           &(struct http_server_options){.listen = "127.0.0.1:0", .direct = echo},
                           &problem) == 0);
    snprintf(text, sizeof text, "127.0.0.1:%u", http_server_port(server));
    expect(http_server_new(&other, ctx,
                           &(struct http_server_options){.listen = text, .direct = echo},
                           &problem) == PROBLEM);
    expect(strstr(problem.text.p, "another program listens there") &&
           problem.status == EXIT_NOT_AVAILABLE);
    http_server_free(server);
    problem_deinit(&problem);
    return 0;
}

static void test_addresses(void **state)
{
    (void)state;
    assert_int_equal(sl_run(listen_on, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),  cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_deadlines), cmocka_unit_test(test_tasks),
        cmocka_unit_test(test_parked),    cmocka_unit_test(test_parked_again),
        cmocka_unit_test(test_stopping),  cmocka_unit_test(test_handlers_end),
        cmocka_unit_test(test_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

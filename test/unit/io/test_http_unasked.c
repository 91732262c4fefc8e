/*
 * Answers to nothing: a peer that says more than it was asked, or sooner. None of it may be taken for the answer to a request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/http.h"

#include "test/unit/io/peer.h"

/* ---- on an idle connection ---- */

/* Answers the first request with success, all others with 503. */
struct peer {
    int listening;
    int fd; /* the last connection; -1: none */
    unsigned requests, connections;
};

struct serve {
    struct peer *peer;
};

struct serve_one {
    struct peer *peer;
    int fd;
};

SL_TASK(serve_one)
{
    while (read_head(ctx, my->fd)) {
        bool is_first = my->peer->requests++ == 0;

        if (!say(ctx, my->fd,
                 is_first ? OK "Content-Length: 0\r\n\r\n"
                          : "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"))
            break;
    }
    close(my->fd);
    return 0;
}

SL_TASK(serve)
{
    while ((my->peer->fd = accept_one(ctx, my->peer->listening)) >= 0) {
        my->peer->connections++;
        SL_GO(ctx, serve_one, .peer = my->peer, .fd = my->peer->fd);
    }
    return 0;
}

static int listener_v6(uint16_t *port)
{
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 16) < 0)
        return -1; /* a machine without IPv6 */
    expect(getsockname(fd, (struct sockaddr *)&at, &n) == 0);
    *port = ntohs(at.sin6_port);
    return fd;
}

/* What comes between two requests, after the first was answered whole. */
static void talk(struct sl_ctx *ctx, int listening, const char *url, const char *between)
{
    struct peer peer = {.listening = listening};
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct http_request request = {.url = url, .body = SLICE("x")};
    bool is_quiet = between[0] == '\0';
    struct http_client *client;
    struct http_answer answer;

    expect(http_client_new(&client, ctx, NULL) == 0);
    http_answer_init(&answer);
    SL_GO(scope, serve, .peer = &peer);
    http_perform(client, ctx, &request, &answer);
    expect(answer.failure == HTTP_COMPLETE && answer.status == 200);
    expect(say(ctx, peer.fd, between));
    for (unsigned i = 0; i < 2; i++) {
        http_perform(client, ctx, &request, &answer);
        expect(answer.failure == HTTP_COMPLETE && answer.status == 503 && answer.sent);
        expect(!answer.early);
        expect(answer.reused == (is_quiet || i > 0));
        expect(peer.requests == i + 2); /* each was sent once */
    }
    expect(peer.connections == (is_quiet ? 1 : 2));
    http_answer_deinit(&answer);
    http_client_free(client);
    sl_ctx_leave(scope);
    close(listening);
}

static int talk_between(struct sl_ctx *ctx, void *arg)
{
    static const char *const betweens[] = {"", "\n", OK "Content-Length: 0\r\n\r\n"};

    (void)arg;
    for (size_t i = 0; i < sizeof betweens / sizeof *betweens; i++) {
        char url[64];
        uint16_t port;
        int fd = listener(&port);

        snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
        talk(ctx, fd, url, betweens[i]);
        fd = listener_v6(&port);
        snprintf(url, sizeof url, "http://[::1]:%u/", port);
        if (fd >= 0)
            talk(ctx, fd, url, betweens[i]);
    }
    return 0;
}

static void test_idle(void **state)
{
    (void)state;
    assert_int_equal(sl_run(talk_between, NULL), 0);
}

/* ---- before the request was sent ---- */

struct hasty {
    int listening;
    const char *say;
};

/* Answers the head, and never reads more. */
SL_TASK(hasty)
{
    int fd = accept_one(ctx, my->listening);

    expect(fd >= 0 && read_head(ctx, fd) && say(ctx, fd, my->say));
    expect(accept_one(ctx, my->listening) < 0); /* until the test is over */
    close(fd);
    return 0;
}

static int hear_hasty_answers(struct sl_ctx *ctx, void *arg)
{
    static const struct {
        const char *say;
        int status;
    } rows[] = {
        {OK "Connection: close\r\nContent-Length: 0\r\n\r\n", 200},
        {OK "Connection: close\r\nContent-Length: 2\r\n\r\n{}", 200},
        {"HTTP/1.0 204 No Content\r\n\r\n", 204},
        {"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 413},
        {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 503},
    };
    size_t n = 16 << 20; /* more than two sockets hold */
    char *bytes = calloc(1, n);

    (void)arg;
    expect(bytes);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
        struct http_client *client;
        struct http_answer answer;
        char url[64];
        uint16_t port;
        int fd = listener(&port);

        snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
        expect(http_client_new(&client, ctx, NULL) == 0);
        http_answer_init(&answer);
        SL_GO(scope, hasty, .listening = fd, .say = rows[i].say);
        http_perform(client, ctx, &(struct http_request){.url = url, .body = {bytes, n}}, &answer);
        expect(answer.failure == HTTP_COMPLETE && answer.status == rows[i].status);
        expect(answer.sent && answer.early);
        http_answer_deinit(&answer);
        http_client_free(client);
        sl_ctx_leave(scope);
        close(fd);
    }
    free(bytes);
    return 0;
}

static void test_hasty(void **state)
{
    (void)state;
    assert_int_equal(sl_run(hear_hasty_answers, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_hasty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

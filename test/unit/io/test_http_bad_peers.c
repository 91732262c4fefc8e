/*
 * What a peer can do to a client: every way to cut, inflate, delay or confuse an answer, as a table of scripts that a raw
 * socket plays. An answer is complete and right, or it is a failure that says what happened; nothing in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/http.h"
#include "io/resolver.h"

#include "test/unit/io/peer.h"

/* What the peer does after `say`. */
enum then {
    CLOSE,
    RESET,
    HANG,   /* until the client closes */
    REPEAT, /* says `more` again and again until the client closes */
    DRIP,   /* the same, a millisecond apart */
};

struct row {
    const char *name;
    const char *say;
    enum then then;
    const char *more;
    enum http_failure failure;
    const char *told; /* the body, or part of the detail */
};

static const struct row rows[] = {
    /* good ones, however odd */
    {"plain", OK "Content-Length: 2\r\n\r\nok", HANG, "", HTTP_COMPLETE, "ok"},
    {"chunks",
     OK "Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nX-Trailer: t\r\n\r\n", HANG,
     "", HTTP_COMPLETE, "ok"},
    {"to the end", OK "\r\nok", CLOSE, "", HTTP_COMPLETE, "ok"},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", CLOSE, "", HTTP_COMPLETE, "ok"},
    {"no reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", HANG, "", HTTP_COMPLETE, "ok"},
    {"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", HANG, "", HTTP_COMPLETE, "ok"},
    {"no content", "HTTP/1.1 204 No Content\r\n\r\n", HANG, "", HTTP_COMPLETE, ""},
    {"nothing, of a known length", OK "Content-Length: 0\r\n\r\n", CLOSE, "", HTTP_COMPLETE, ""},
    {"nothing in chunks", OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", CLOSE, "",
     HTTP_COMPLETE, ""},
    {"interim",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK
     "Content-Length: 2\r\n\r\nok",
     HANG, "", HTTP_COMPLETE, "ok"},
    {"unasked encoding stays as it is", OK "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
     HANG, "", HTTP_COMPLETE, "ok"},
    {"more than was promised",
     OK "Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", HANG, "",
     HTTP_COMPLETE, "ok"},
    /* cut */
    {"body cut", OK "Content-Length: 10\r\n\r\nhello", CLOSE, "", HTTP_FAIL_CUT, "answer cut off"},
    {"body reset", OK "Content-Length: 10\r\n\r\nhello", RESET, "", HTTP_FAIL_CUT, "("},
    {"chunks cut", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", CLOSE, "", HTTP_FAIL_CUT,
     "answer cut off"},
    {"last chunk missing", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", CLOSE, "",
     HTTP_FAIL_CUT, "answer cut off"},
    {"head only", OK "\r\n", CLOSE, "", HTTP_FAIL_CUT, "closed before its body"},
    {"head only, HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n", CLOSE, "",
     HTTP_FAIL_CUT, "closed before its body"},
    {"nothing", "", CLOSE, "", HTTP_FAIL_CUT, "connection closed without an answer"},
    {"reset at once", "", RESET, "", HTTP_FAIL_CUT, "("},
    {"head cut", OK "Content-Le", CLOSE, "", HTTP_FAIL_CUT, "("},
    {"head cut after a line", OK "Content-Length: 2\r\n", CLOSE, "", HTTP_FAIL_CUT, "("},
    {"interim only", "HTTP/1.1 100 Continue\r\n\r\n", CLOSE, "", HTTP_FAIL_CUT, "("},
    /* where does it end? */
    {"negative length", OK "Content-Length: -5\r\n\r\nhello", CLOSE, "", HTTP_FAIL_PROTOCOL, "("},
    {"length with sign", OK "Content-Length: +5\r\n\r\nhello", CLOSE, "", HTTP_FAIL_PROTOCOL,
     "not a length"},
    {"length not a number", OK "Content-Length: five\r\n\r\nhello", CLOSE, "", HTTP_FAIL_PROTOCOL,
     "("},
    {"length of 2^64", OK "Content-Length: 18446744073709551616\r\n\r\nhello", CLOSE, "",
     HTTP_FAIL_PROTOCOL, "not a length"},
    {"length in hex", OK "Content-Length: 0x5\r\n\r\nhello", CLOSE, "", HTTP_FAIL_PROTOCOL,
     "not a length"},
    {"two lengths", OK "Content-Length: 5\r\nContent-Length: 2\r\n\r\nhello", CLOSE, "",
     HTTP_FAIL_PROTOCOL, "two Content-Length"},
    {"the same length twice", OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", CLOSE, "",
     HTTP_FAIL_PROTOCOL, "two Content-Length"},
    {"list of lengths", OK "Content-Length: 5, 5\r\n\r\nhello", CLOSE, "", HTTP_FAIL_PROTOCOL,
     "not a length"},
    {"length and chunks",
     OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", CLOSE, "",
     HTTP_FAIL_PROTOCOL, "both"},
    {"unknown encoding", OK "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", CLOSE,
     "", HTTP_FAIL_PROTOCOL, "("},
    {"chunk of 2^64", OK "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nok", CLOSE, "",
     HTTP_FAIL_CUT, "("},
    {"chunk without size", OK "Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n", CLOSE, "",
     HTTP_FAIL_CUT, "("},
    {"no content, with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", CLOSE,
     "", HTTP_FAIL_PROTOCOL, "where no body can be"},
    {"no content, in chunks",
     "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", CLOSE, "",
     HTTP_FAIL_PROTOCOL, "where no body can be"},
    {"interim with a length", "HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n" OK "\r\nok",
     CLOSE, "", HTTP_FAIL_PROTOCOL, "where no body can be"},
    {"interim in chunks",
     "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n" OK
     "Content-Length: 2\r\n\r\nok",
     CLOSE, "", HTTP_FAIL_PROTOCOL, "where no body can be"},
    {"folded header", OK "X-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok", CLOSE, "",
     HTTP_FAIL_PROTOCOL, "("},
    {"line without colon", OK "Content-Length 2\r\n\r\nok", CLOSE, "", HTTP_FAIL_PROTOCOL, "("},
    {"space before the colon", OK "Content-Length : 2\r\n\r\nok", CLOSE, "", HTTP_FAIL_PROTOCOL,
     "("},
    {"carriage return inside", OK "X-A: b\rContent-Length: 2\r\n\r\nok", CLOSE, "",
     HTTP_FAIL_PROTOCOL, "control characters"},
    /* not HTTP */
    {"another protocol", "SSH-2.0-OpenSSH_9.2p1\r\n", CLOSE, "", HTTP_FAIL_PROTOCOL, "("},
    {"HTTP/0.9", "<html>hello</html>", CLOSE, "", HTTP_FAIL_PROTOCOL, "("},
    {"HTTP/2", "HTTP/2 200\r\nContent-Length: 2\r\n\r\nok", CLOSE, "", HTTP_FAIL_PROTOCOL, "("},
    {"status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok", CLOSE, "",
     HTTP_FAIL_PROTOCOL, "("},
    {"status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok", CLOSE, "",
     HTTP_FAIL_PROTOCOL, "("},
    {"another protocol from here", "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", HANG, "",
     HTTP_FAIL_PROTOCOL, "protocol"},
    /* without end */
    {"endless interim", "", REPEAT, "HTTP/1.1 100 Continue\r\n\r\n", HTTP_FAIL_PROTOCOL,
     "more than 16 interim answers"},
    {"endless headers", OK, REPEAT, "X-A: b\r\n", HTTP_FAIL_TOO_LARGE, "64 KiB"},
    {"endless header", OK "X-A: ", REPEAT, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
     HTTP_FAIL_TOO_LARGE, "("},
    {"endless status line", "HTTP/1.1 200 ", REPEAT, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
     HTTP_FAIL_TOO_LARGE, "("},
    {"endless body", OK "\r\n", REPEAT, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", HTTP_FAIL_TOO_LARGE,
     "answer above 100000 bytes"},
    {"endless chunks", OK "Transfer-Encoding: chunked\r\n\r\n", REPEAT, "5\r\nhello\r\n",
     HTTP_FAIL_TOO_LARGE, "answer above"},
    {"endless trailer", OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", REPEAT, "X-A: b\r\n",
     HTTP_FAIL_TOO_LARGE, "64 KiB"},
    {"large by its own word", OK "Content-Length: 100001\r\n\r\n", HANG, "", HTTP_FAIL_TOO_LARGE,
     "100001 bytes, 100000 allowed"},
    /* slow */
    {"silence", "", HANG, "", HTTP_FAIL_TIMEOUT, "waiting for the answer"},
    {"silence after the head", OK "Content-Length: 2\r\n\r\n", HANG, "", HTTP_FAIL_TIMEOUT,
     "too slowly"},
    {"dripping body", OK "Content-Length: 50000\r\n\r\n", DRIP, "b", HTTP_FAIL_TIMEOUT,
     "too slowly"},
    {"dripping head", OK, DRIP, "X", HTTP_FAIL_TIMEOUT, "too slowly"},
    {"silence after an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", HANG, "",
     HTTP_FAIL_TIMEOUT, "waiting for the answer"},
};

/* ---- the peer ---- */

static void play(struct sl_ctx *ctx, int fd, const struct row *row)
{
    const struct linger at_once = {1, 0};
    char many[8192] = "";

    if (!say(ctx, fd, row->say))
        return;
    switch (row->then) {
    case CLOSE:
        break;
    case RESET:
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        break;
    case HANG:
        while (read_head(ctx, fd))
            ;
        break;
    case REPEAT:
        while (strlen(many) + strlen(row->more) < sizeof many)
            strcat(many, row->more);
        while (say(ctx, fd, many))
            ;
        break;
    case DRIP:
        while (say(ctx, fd, row->more) && sl_sleep(ctx, sl_ms(1)) == SL_OK)
            ;
        break;
    }
}

struct peer {
    int listening;
    const struct row *row;
};

SL_TASK(peer)
{
    int fd = accept_one(ctx, my->listening);

    if (fd >= 0 && read_head(ctx, fd))
        play(ctx, fd, my->row);
    if (fd >= 0)
        close(fd);
    return 0;
}

/* ---- the table ---- */

static void check(const struct row *row, const struct http_answer *a)
{
    bool is_right = a->failure == row->failure && a->sent;

    if (row->failure == HTTP_COMPLETE)
        is_right = is_right && slice_is(strbuf_slice(&a->body), row->told) &&
                   a->status / 100 == 2 && a->detail[0] == '\0';
    else
        is_right = is_right && strstr(a->detail, row->told) && strstr(a->detail, "(127.0.0.1:") &&
                   a->status == 0 && a->body.n == 0;
    if (is_right)
        return;
    fprintf(stderr, "%s: failure %d, sent %d, status %d, body \"%.*s\", detail \"%s\"\n", row->name,
            a->failure, a->sent, a->status, SLICE_ARG(strbuf_slice(&a->body)), a->detail);
    expect(false);
}

static int play_rows(struct sl_ctx *ctx, void *arg)
{
    struct http_client *client;
    struct http_answer answer;
    char url[64];
    uint16_t port;
    int fd = listener(&port);

    (void)arg;
    expect(http_client_new(&client, ctx, NULL) == 0);
    http_answer_init(&answer);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_request request = {.url = url, .answer_max = 100000, .fresh_connection = true};
        struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

        if (rows[i].failure == HTTP_FAIL_TIMEOUT) {
            request.timeout = sl_ms(200);
            request.stall_timeout = sl_ms(40);
        }
        SL_GO(scope, peer, .listening = fd, .row = &rows[i]);
        http_perform(client, ctx, &request, &answer);
        check(&rows[i], &answer);
        sl_ctx_leave(scope);
    }
    http_answer_deinit(&answer);
    http_client_free(client);
    close(fd);
    return 0;
}

static void test_rows(void **state)
{
    (void)state;
    assert_int_equal(sl_run(play_rows, NULL), 0);
}

/* ---- an answer that takes its time ---- */

struct slow_peer {
    int listening;
    sl_time *asked, *body_said;
};

SL_TASK(slow_peer)
{
    int fd = accept_one(ctx, my->listening);

    expect(fd >= 0 && read_head(ctx, fd));
    expect(say(ctx, fd, "HTTP/1.1 100 Continue\r\n\r\n") && sl_sleep(ctx, sl_ms(20)) == SL_OK);
    *my->asked = sl_now();
    expect(say(ctx, fd, OK "Content-Length: 2\r\n\r\no") && sl_sleep(ctx, sl_ms(20)) == SL_OK);
    *my->body_said = sl_now();
    expect(say(ctx, fd, "k"));
    close(fd);
    return 0;
}

static int hear_slow_answer(struct sl_ctx *ctx, void *arg)
{
    struct http_client *client;
    struct http_answer answer;
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    sl_time asked, body_said;
    char url[64];
    uint16_t port;
    int fd = listener(&port);

    (void)arg;
    expect(http_client_new(&client, ctx, NULL) == 0);
    http_answer_init(&answer);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    SL_GO(scope, slow_peer, .listening = fd, .asked = &asked, .body_said = &body_said);
    http_perform(client, ctx, &(struct http_request){.url = url}, &answer);
    expect(answer.failure == HTTP_COMPLETE);
    expect(!sl_time_before(answer.answered, asked) && sl_time_before(answer.answered, body_said));
    sl_ctx_leave(scope);
    http_answer_deinit(&answer);
    http_client_free(client);
    close(fd);
    return 0;
}

static void test_slow_answer(void **state)
{
    (void)state;
    assert_int_equal(sl_run(hear_slow_answer, NULL), 0);
}

/* ---- connections that were used before ---- */

struct count_requests {
    int listening;
    unsigned good;        /* on each connection: so many answers */
    const char *then_say; /* to the next request, before it closes */
    unsigned requests, connections;
};

struct serve_some {
    struct count_requests *peer;
};

SL_TASK(serve_some)
{
    struct count_requests *peer = my->peer;
    int fd;

    while ((fd = accept_one(ctx, peer->listening)) >= 0) {
        peer->connections++;
        for (unsigned i = 0; i <= peer->good && read_head(ctx, fd); i++) {
            peer->requests++;
            if (!say(ctx, fd, i < peer->good ? OK "Content-Length: 2\r\n\r\nok" : peer->then_say))
                break;
        }
        close(fd);
    }
    return 0;
}

/* The peer takes a request on a kept connection and closes it: nobody may send that request again but the caller. */
static int lose_kept(struct sl_ctx *ctx, void *arg)
{
    struct count_requests peer = {.good = 1, .then_say = ""};
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct http_request request = {.body = SLICE("x")};
    struct http_client *client;
    struct http_answer answer;
    char url[64];
    uint16_t port;

    (void)arg;
    peer.listening = listener(&port);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    request.url = url;
    expect(http_client_new(&client, ctx, NULL) == 0);
    http_answer_init(&answer);
    SL_GO(scope, serve_some, .peer = &peer);
    http_perform(client, ctx, &request, &answer);
    expect(answer.failure == HTTP_COMPLETE && !answer.reused);
    http_perform(client, ctx, &request, &answer);
    expect(answer.failure == HTTP_FAIL_CUT && answer.sent && answer.reused);
    expect(strstr(answer.detail, "connection closed without an answer (127.0.0.1:"));
    expect(peer.requests == 2);
    request.fresh_connection = true;
    http_perform(client, ctx, &request, &answer);
    expect(answer.failure == HTTP_COMPLETE && !answer.reused && peer.requests == 3);
    http_answer_deinit(&answer);
    http_client_free(client);
    sl_ctx_leave(scope);
    close(peer.listening);
    return 0;
}

static void test_lose_kept(void **state)
{
    (void)state;
    assert_int_equal(sl_run(lose_kept, NULL), 0);
}

/* The peer closes a kept connection while it is idle, or says more than it should: it is not used again. */
static int spoilt_kept(struct sl_ctx *ctx, void *arg)
{
    const char *const extra[] = {OK "Content-Length: 2\r\n\r\nok", OK
                                 "Content-Length: 2\r\n\r\nok" OK "Content-Length: 4\r\n\r\nevil"};

    (void)arg;
    for (size_t i = 0; i < 2; i++) {
        struct count_requests peer = {.good = 0, .then_say = extra[i]};
        struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
        struct http_client *client;
        struct http_answer answer;
        char url[64];
        uint16_t port;

        peer.listening = listener(&port);
        snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
        expect(http_client_new(&client, ctx, NULL) == 0);
        http_answer_init(&answer);
        SL_GO(scope, serve_some, .peer = &peer);
        for (int n = 0; n < 5; n++) {
            http_perform(client, ctx, &(struct http_request){.url = url}, &answer);
            expect(answer.failure == HTTP_COMPLETE && !answer.reused &&
                   slice_is(strbuf_slice(&answer.body), "ok"));
        }
        expect(peer.requests == 5 && peer.connections == 5);
        http_answer_deinit(&answer);
        http_client_free(client);
        sl_ctx_leave(scope);
        close(peer.listening);
    }
    return 0;
}

static void test_spoilt_kept(void **state)
{
    (void)state;
    assert_int_equal(sl_run(spoilt_kept, NULL), 0);
}

/* ---- a proxy ---- */

struct proxy {
    int listening;
    char asked[4096]; /* the last head */
    unsigned requests;
};

struct refuse_tunnels {
    struct proxy *proxy;
};

SL_TASK(refuse_tunnels)
{
    struct proxy *proxy = my->proxy;
    int fd;

    while ((fd = accept_one(ctx, proxy->listening)) >= 0) {
        ssize_t n = 0;

        while (n <= 0 && sl_wait_fd(ctx, fd, SL_FD_READ, SL_NEVER, NULL) == SL_OK)
            n = recv(fd, proxy->asked, sizeof proxy->asked - 1, 0);
        proxy->asked[n > 0 ? n : 0] = '\0';
        proxy->requests++;
        say(ctx, fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        close(fd);
    }
    return 0;
}

static char looked_up[200];

/* On a helper thread, one at a time here. */
static void look_up(const char *name, struct resolver_answer *answer)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&answer->addresses[0].at;

    strcat(strcat(looked_up, name), " ");
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    answer->addresses[0].length = sizeof *in;
    answer->count = 1;
}

static void ask_through(struct sl_ctx *ctx, const char *proxy, const char *no_proxy,
                        const char *url, struct http_answer *answer)
{
    struct http_client *client;

    setenv("HTTPS_PROXY", proxy, 1);
    setenv("NO_PROXY", no_proxy, 1);
    looked_up[0] = '\0';
    expect(http_client_new(&client, ctx, &(struct http_client_options){.look_up = look_up}) == 0);
    http_perform(client, ctx, &(struct http_request){.url = url}, answer);
    http_client_free(client);
}

static int use_proxy(struct sl_ctx *ctx, void *arg)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct proxy proxy = {.requests = 0};
    struct http_client *client;
    struct http_answer answer;
    char address[64];
    uint16_t port;

    (void)arg;
    proxy.listening = listener(&port);
    http_answer_init(&answer);
    SL_GO(scope, refuse_tunnels, .proxy = &proxy);

    /* The tunnel's end is the proxy's to look up. */
    snprintf(address, sizeof address, "http://127.0.0.1:%u", port);
    ask_through(ctx, address, "", "https://service.test/", &answer);
    expect(answer.failure == HTTP_FAIL_CONNECT && !answer.sent && proxy.requests == 1);
    expect(strstr(answer.detail, "403"));
    expect(strncmp(proxy.asked, "CONNECT service.test:443 HTTP/1.1\r\n", 35) == 0 &&
           looked_up[0] == '\0');
    snprintf(address, sizeof address, "proxy.test:%u", port); /* by name, without a scheme */
    ask_through(ctx, address, "", "https://service.test/", &answer);
    expect(proxy.requests == 2 && strcmp(looked_up, "proxy.test ") == 0);

    /* Hosts that are excluded, and plain http, go direct. */
    ask_through(ctx, address, "service.test", "https://service.test:1/", &answer);
    expect(answer.failure == HTTP_FAIL_CONNECT && proxy.requests == 2 &&
           strstr(looked_up, "service.test "));
    ask_through(ctx, "http://127.0.0.1:1", "", "http://service.test:1/", &answer);
    expect(answer.failure == HTTP_FAIL_CONNECT && strcmp(looked_up, "service.test ") == 0);

    setenv("HTTPS_PROXY", "socks5://127.0.0.1:1", 1);
    expect(http_client_new(&client, ctx, NULL) == -EINVAL);
    unsetenv("HTTPS_PROXY");
    unsetenv("NO_PROXY");
    http_answer_deinit(&answer);
    sl_ctx_leave(scope);
    close(proxy.listening);
    return 0;
}

static void test_proxy(void **state)
{
    (void)state;
    assert_int_equal(sl_run(use_proxy, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_slow_answer),
        cmocka_unit_test(test_lose_kept), cmocka_unit_test(test_spoilt_kept),
        cmocka_unit_test(test_proxy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

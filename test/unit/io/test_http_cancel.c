/*
 * 20,000 requests in flight are cancelled at random moments, some by their context, some by their timeout, some not at
 * all, against a server that answers at once, later, or never. Nothing may leak, hang, or reach the wrong request; a
 * complete answer must be the right one; what was not sent must not have been seen.
 *
 * SLUICE_TEST_SEED sets the seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include <sluice/loop.h>
#include <sluice/task.h>

#include "io/http.h"
#include "io/http_server.h"

#define expect(x) sl_assert(x)

enum { TASKS = 100, REQUESTS = 20000 };

struct world {
    struct http_server *server;
    struct http_client *client;
    uint64_t random;
    unsigned next; /* number of the next request */
    unsigned char seen[REQUESTS];
    struct http_exchange *kept[64]; /* to be answered later */
    unsigned counts[HTTP_FAIL_REFUSED_URL + 1];
};

/* splitmix64 */
static uint64_t draw(struct world *w, uint64_t below)
{
    uint64_t z = w->random += 0x9e3779b97f4a7c15ULL;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return (z ^ z >> 31) % below;
}

static void echo(struct http_exchange *x)
{
    http_exchange_reply(x, 200, NULL, 0, http_exchange_body(x));
}

static void serve(struct http_exchange *x, void *arg)
{
    struct world *w = arg;
    unsigned number = (unsigned)strtoul(http_exchange_path(x).p + 1, NULL, 10);
    size_t place = draw(w, 64);

    expect(number < REQUESTS);
    w->seen[number]++;
    if (draw(w, 3) == 0) {
        echo(x);
        return;
    }
    if (w->kept[place]) {
        if (draw(w, 10) == 0)
            http_exchange_cut(w->kept[place]);
        else
            echo(w->kept[place]);
    }
    w->kept[place] = x;
}

struct cancel_soon {
    struct sl_ctx *victim;
    unsigned yields;
};

SL_TASK(cancel_soon)
{
    for (unsigned i = 0; i < my->yields && sl_ctx_err(ctx) == SL_OK; i++)
        sl_yield();
    if (my->yields % 2 && sl_sleep(ctx, sl_us(my->yields * 100)) != SL_OK)
        return 0;
    sl_ctx_cancel(my->victim, 0);
    return 0;
}

static void check(struct world *w, const struct http_answer *a, unsigned number, struct slice body)
{
    w->counts[a->failure]++;
    switch (a->failure) {
    case HTTP_COMPLETE:
        expect(a->status == 200 && slice_eq(strbuf_slice(&a->body), body) && a->sent &&
               w->seen[number] == 1);
        break;
    case HTTP_FAIL_CANCELED:
    case HTTP_FAIL_TIMEOUT:
    case HTTP_FAIL_CUT:
        expect(a->sent || w->seen[number] == 0);
        expect(w->seen[number] <= 1);
        break;
    case HTTP_FAIL_RESOLVE:
    case HTTP_FAIL_CONNECT:
    case HTTP_FAIL_TLS:
    case HTTP_FAIL_TOO_LARGE:
    case HTTP_FAIL_PROTOCOL:
    case HTTP_FAIL_MEMORY:
    case HTTP_FAIL_REFUSED_URL:
        fprintf(stderr, "request %u: %d %s\n", number, a->failure, a->detail);
        expect(false);
    }
}

struct ask {
    struct world *w;
    const char *bytes;
};

SL_TASK(ask)
{
    struct world *w = my->w;
    struct http_answer answer;

    http_answer_init(&answer);
    while (w->next < REQUESTS) {
        unsigned number = w->next++;
        struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
        struct sl_ctx *helper = sl_ctx_new(ctx, NULL);
        struct slice body = {my->bytes, draw(w, 5) ? draw(w, 300) : draw(w, 200000)};
        struct http_request request = {.body = body};
        char url[64];

        snprintf(url, sizeof url, "http://127.0.0.1:%u/%u", http_server_port(w->server), number);
        request.url = url;
        request.fresh_connection = draw(w, 50) == 0;
        if (draw(w, 4) > 0)
            SL_GO(helper, cancel_soon, .victim = scope, .yields = (unsigned)draw(w, 12));
        else
            request.timeout = sl_ms(50);
        http_perform(w->client, scope, &request, &answer);
        check(w, &answer, number, body);
        sl_ctx_leave(helper);
        sl_ctx_leave(scope);
    }
    http_answer_deinit(&answer);
    return 0;
}

static int in_world(struct sl_ctx *ctx, void *arg)
{
    struct world *w = arg;
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct http_server_options options = {.listen = "127.0.0.1:0", .direct = serve, .arg = w};
    char *bytes = malloc(200000);
    struct problem problem;

    problem_init(&problem);
    for (size_t i = 0; i < 200000; i++)
        bytes[i] = (char)('a' + i % 23);
    expect(http_server_new(&w->server, ctx, &options, &problem) == 0);
    expect(http_client_new(&w->client, ctx,
                           &(struct http_client_options){.connections_per_host = 40}) == 0);
    for (int i = 0; i < TASKS; i++)
        SL_GO(scope, ask, .w = w, .bytes = bytes);
    expect(sl_ctx_wait(scope, NULL) == SL_OK);
    expect(sl_ctx_leave(scope) == 0);
    http_client_free(w->client);
    http_server_free(w->server);
    problem_deinit(&problem);
    free(bytes);
    return 0;
}

static void test_cancel(void **state)
{
    const char *seed = getenv("SLUICE_TEST_SEED");
    struct world *w = calloc(1, sizeof *w);

    (void)state;
    w->random = seed ? strtoull(seed, NULL, 10) : 1;
    printf("seed %llu\n", (unsigned long long)w->random);
    assert_int_equal(sl_run(in_world, w), 0);
    printf("complete %u, canceled %u, timed out %u, cut %u\n", w->counts[HTTP_COMPLETE],
           w->counts[HTTP_FAIL_CANCELED], w->counts[HTTP_FAIL_TIMEOUT], w->counts[HTTP_FAIL_CUT]);
    assert_true(w->counts[HTTP_COMPLETE] > 1000 && w->counts[HTTP_FAIL_CANCELED] > 1000);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cancel)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What an HTTP request costs, in processor time: POST 120 B, an answer of 8.4 KB (a ReceiveMessage of ten small events),
 * keep-alive, plain HTTP on loopback, 16 in flight. Client and server are processes of their own and are measured apart.
 *
 *     bench_http [REQUESTS] [IN_FLIGHT] [ANSWER_BYTES]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/chan.h>
#include <sluice/task.h>

#include "io/http.h"
#include "io/http_server.h"

enum { REQUEST_BYTES = 120, ANSWER_BYTES = 8400, ANSWER_BYTES_MAX = 16 << 20 };

struct run {
    const char *url;
    long requests;
    unsigned in_flight;
    size_t answer_bytes;
    int port_fd;
};

static char answer_body[ANSWER_BYTES_MAX];

static double cpu_seconds(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/* ---- the server ---- */

static void reply(struct http_exchange *exchange, void *arg)
{
    const struct run *run = arg;

    http_exchange_reply_text(exchange, 200, "application/x-amz-json-1.0",
                             (struct slice){answer_body, run->answer_bytes});
}

static int serve(struct sl_ctx *ctx, void *arg)
{
    struct http_server_options options = {.listen = "127.0.0.1:0", .direct = reply, .arg = arg};
    const int signals[] = {SIGTERM};
    struct sl_chan *ended = sl_signals(ctx, signals, 1);
    const struct run *run = arg;
    struct http_server *server;
    struct problem problem;
    int number;

    problem_init(&problem);
    memset(answer_body, 'x', run->answer_bytes);
    if (http_server_new(&server, ctx, &options, &problem) != 0)
        return 1;
    dprintf(run->port_fd, "%u\n", http_server_port(server));
    close(run->port_fd);
    if (sl_chan_recv(ended, ctx, &number) != SL_OK)
        return 1;
    dprintf(STDOUT_FILENO, "server  %.1f us of CPU per request\n",
            cpu_seconds() * 1e6 / (double)run->requests);
    http_server_free(server);
    problem_deinit(&problem);
    return 0;
}

/* ---- the client ---- */

struct post {
    struct http_client *client;
    const char *url;
    long *left;
};

SL_TASK(post)
{
    const struct http_header headers[] = {
        {SLICE("Content-Type"), SLICE("application/x-amz-json-1.0")},
        {SLICE("X-Amz-Target"), SLICE("AmazonSQS.ReceiveMessage")},
        {SLICE("X-Amz-Date"), SLICE("20261123T073104Z")},
        {SLICE("Authorization"),
         SLICE("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-central-1/sqs/aws4_request")},
    };
    char body[REQUEST_BYTES];
    struct http_request request = {.url = my->url,
                                   .headers = headers,
                                   .header_count = 4,
                                   .body = {body, sizeof body},
                                   .answer_max = ANSWER_BYTES_MAX};
    struct http_answer answer;

    memset(body, 'q', sizeof body);
    http_answer_init(&answer);
    while ((*my->left)-- > 0) {
        http_perform(my->client, ctx, &request, &answer);
        if (answer.failure != HTTP_COMPLETE) {
            fprintf(stderr, "%s\n", answer.detail);
            return -1;
        }
    }
    http_answer_deinit(&answer);
    return 0;
}

static int measure(struct sl_ctx *ctx, void *arg)
{
    const struct run *run = arg;
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    long left = run->requests;
    double cpu = cpu_seconds();
    sl_time start = sl_now();
    struct http_client *client;
    double took;

    if (http_client_new(&client, ctx, NULL) != 0)
        return 1;
    for (unsigned i = 0; i < run->in_flight; i++)
        SL_GO(scope, post, .client = client, .url = run->url, .left = &left);
    if (sl_ctx_wait(scope, NULL) != SL_OK || sl_ctx_leave(scope) != 0)
        return 1;
    took = sl_dur_seconds(sl_time_sub(sl_now(), start));
    printf("client  %.1f us of CPU per request, %.0f requests/s\n",
           (cpu_seconds() - cpu) * 1e6 / (double)run->requests, (double)run->requests / took);
    fflush(stdout);
    http_client_free(client);
    return 0;
}

int main(int argc, char **argv)
{
    struct run run = {.requests = argc > 1 ? atol(argv[1]) : 100000,
                      .in_flight = argc > 2 ? (unsigned)atoi(argv[2]) : 16,
                      .answer_bytes = argc > 3 ? (size_t)atol(argv[3]) : ANSWER_BYTES};
    char url[64], port[16] = "";
    pid_t server;
    int ends[2];
    int r;

    if (run.requests < 1 || run.answer_bytes > ANSWER_BYTES_MAX || pipe(ends) < 0 ||
        (server = fork()) < 0)
        return 1;
    run.port_fd = ends[1];
    if (server == 0)
        return sl_run(serve, &run);
    close(ends[1]);
    if (read(ends[0], port, sizeof port - 1) <= 0)
        return 1;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", atoi(port));
    run.url = url;
    r = sl_run(measure, &run);
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    return r;
}

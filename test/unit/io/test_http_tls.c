/*
 * Whom the client trusts, with openssl's own server at the other end: the right certificate, and every wrong one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/task.h>

#include "io/http.h"
#include "io/http_server.h"

#define expect(x) sl_assert(x)

/* Keys and certificates: an authority; what it signed for localhost, for another host, and for no time; an impostor. */
static const char make_certificates[] =
    "set -e; exec >/dev/null 2>&1\n"
    "key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }\n"
    "sign() { openssl req -new -key $1.key -subj /CN=$1 -out $1.csr; printf \"subjectAltName=$2\" "
    ">$1.ext\n"
    "  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days $3 -extfile "
    "$1.ext -out $1.pem; }\n"
    "for n in ca good other expired impostor; do key $n; done\n"
    "openssl req -x509 -new -key ca.key -subj /CN=ca -days 2 -out ca.pem\n"
    "sign good DNS:localhost,IP:127.0.0.1 2\n"
    "sign other DNS:other.example 2\n"
    "sign expired DNS:localhost 0\n"
    "openssl req -x509 -new -key impostor.key -subj /CN=localhost -addext "
    "subjectAltName=DNS:localhost -days 2 -out impostor.pem\n";

static char directory[] = "/tmp/sluice-tls-XXXXXX";

/* openssl's server with a certificate, and its port. */
static pid_t serve(const char *name, const char *option, unsigned *port)
{
    char line[256] = "";
    int ends[2];
    FILE *said;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        char cert[64], key[64];

        snprintf(cert, sizeof cert, "%s/%s.pem", directory, name);
        snprintf(key, sizeof key, "%s/%s.key", directory, name);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stderr))
            _exit(1);
        execlp("openssl", "openssl", "s_server", "-www", "-accept", "127.0.0.1:0", "-cert", cert,
               "-key", key, option, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    said = fdopen(ends[0], "r");
    while (sscanf(line, "ACCEPT 127.0.0.1:%u", port) != 1)
        assert_non_null(fgets(line, sizeof line, said));
    /* `said` stays open: the server's last words must not kill it. */
    return pid;
}

struct row {
    const char *name;   /* of the certificate */
    const char *option; /* for the server */
    const char *host;
    const char *ca; /* file in the directory; NULL: the system's */
    enum http_failure failure;
    const char *told;
    unsigned port;
};

static int ask(struct sl_ctx *ctx, void *arg)
{
    const struct row *row = arg;
    struct http_client *client;
    struct http_answer answer;
    char ca[64], url[100];

    snprintf(ca, sizeof ca, "%s/%s", directory, row->ca ? row->ca : "");
    snprintf(url, sizeof url, "https://%s:%u/", row->host, row->port);
    expect(http_client_new(&client, ctx,
                           &(struct http_client_options){.ca_file = row->ca ? ca : NULL}) == 0);
    http_answer_init(&answer);
    http_perform(client, ctx, &(struct http_request){.url = url}, &answer);
    if (answer.failure != row->failure || (row->told && !strstr(answer.detail, row->told))) {
        fprintf(stderr, "%s: %d %s\n", row->name, answer.failure, answer.detail);
        expect(false);
    }
    expect(answer.failure == HTTP_COMPLETE
               ? answer.sent && answer.status == 200 && answer.body.n > 100
               : !answer.sent);
    http_answer_deinit(&answer);
    http_client_free(client);
    return 0;
}

static void test_certificates(void **state)
{
    struct row rows[] = {
        {"good", NULL, "localhost", "ca.pem", HTTP_COMPLETE, NULL, 0},
        {"good", NULL, "127.0.0.1", "ca.pem", HTTP_COMPLETE, NULL, 0},
        {"good", "-tls1_2", "localhost", "ca.pem", HTTP_COMPLETE, NULL, 0},
        {"good", "-tls1_1", "localhost", "ca.pem", HTTP_FAIL_TLS, "(127.0.0.1:", 0},
        {"good", NULL, "localhost", NULL, HTTP_FAIL_TLS, "certificate", 0},
        {"good", NULL, "a.localhost", "ca.pem", HTTP_FAIL_TLS,
         "no alternative certificate subject name matches", 0},
        {"other", NULL, "localhost", "ca.pem", HTTP_FAIL_TLS,
         "no alternative certificate subject name matches", 0},
        {"expired", NULL, "localhost", "ca.pem", HTTP_FAIL_TLS, "expired", 0},
        {"impostor", NULL, "localhost", "ca.pem", HTTP_FAIL_TLS, "self", 0},
        {"impostor", NULL, "localhost", NULL, HTTP_FAIL_TLS, "self", 0},
        {"good", NULL, "localhost", "missing.pem", HTTP_FAIL_TLS, "missing.pem", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pid_t server = serve(rows[i].name, rows[i].option, &rows[i].port);

        assert_int_equal(sl_run(ask, &rows[i]), 0);
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
}

static void no_tls(struct http_exchange *x, void *arg)
{
    (void)arg;
    http_exchange_reply(x, 200, NULL, 0, SLICE("plain"));
}

/* A server that speaks no TLS. */
static int ask_plain(struct sl_ctx *ctx, void *arg)
{
    struct row row = {"plain", NULL, "localhost", NULL, HTTP_FAIL_TLS, "(127.0.0.1:", 0};
    struct http_server *server;
    struct problem problem;

    (void)arg;
    problem_init(&problem);
    expect(http_server_new(&server, ctx,
                           &(struct http_server_options){.listen = "127.0.0.1:0", .direct = no_tls},
                           &problem) == 0);
    row.port = http_server_port(server);
    ask(ctx, &row);
    http_server_free(server);
    problem_deinit(&problem);
    return 0;
}

static void test_plain(void **state)
{
    (void)state;
    assert_int_equal(sl_run(ask_plain, NULL), 0);
}

static int shell(const char *script)
{
    char command[2048];

    snprintf(command, sizeof command, "cd %s\n%s", directory, script);
    return system(command);
}

static int make(void **state)
{
    (void)state;
    return !mkdtemp(directory) || shell(make_certificates) != 0;
}

static int clean(void **state)
{
    (void)state;
    return shell("rm -rf \"$PWD\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_plain),
    };

    return cmocka_run_group_tests(tests, make, clean);
}

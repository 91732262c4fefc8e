/*
 * Signs what it is told on standard input, for scripts that compare with other implementations. One
 * field a line, bytes in hex ("-" for none):
 *
 *     method X | path X | query X | body X | header X X | access_key X | secret X | token X
 *     region X | service X | time SECONDS | s3 0|1
 *     sign
 *
 * `sign` answers with four lines: the canonical request, the string to sign and the Authorization
 * header in hex, and what sigv4_verify says of the signed request ("" = verified); then it forgets
 * all fields. With the argument --time it measures instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sluice/base.h>

#include "core/sigv4.h"

struct input {
    struct sigv4_request request;
    struct sigv4_identity identity;
    struct sigv4_scope scope;
    struct sigv4_header headers[SIGV4_HEADERS_MAX];
    int64_t unix_s;
};

static int nibble(char c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* The storage is leaked on purpose: the program is short-lived. */
static struct slice from_hex(const char *hex)
{
    size_t n = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
    char *bytes = malloc(n + 1);

    sl_assert(bytes != NULL);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    return (struct slice){bytes, n};
}

static void print_hex(struct slice bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        printf("%02x", (unsigned char)bytes.p[i]);
    putchar('\n');
}

static void set(struct input *in, char *name, char *first, const char *second)
{
    const struct {
        const char *name;
        struct slice *field;
    } fields[] = {
        {"method", &in->request.method},
        {"path", &in->request.path},
        {"query", &in->request.query},
        {"body", &in->request.body},
        {"access_key", &in->identity.access_key},
        {"secret", &in->identity.secret},
        {"token", &in->identity.token},
        {"region", &in->scope.region},
        {"service", &in->scope.service},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(name, fields[i].name) == 0) {
            *fields[i].field = from_hex(first);
            return;
        }
    }
    if (strcmp(name, "header") == 0) {
        sl_assert(in->request.header_count < SIGV4_HEADERS_MAX - 4);
        in->headers[in->request.header_count++] =
            (struct sigv4_header){from_hex(first), from_hex(second)};
    } else if (strcmp(name, "time") == 0) {
        in->unix_s = atoll(first);
    } else if (strcmp(name, "s3") == 0) {
        in->request.is_s3 = first[0] == '1';
    } else {
        fprintf(stderr, "driver: no field %s\n", name);
        exit(2);
    }
}

static bool has(const struct input *in, const char *name)
{
    for (size_t i = 0; i < in->request.header_count; i++) {
        if (slice_eq_nocase(in->headers[i].name, slice_of(name)))
            return true;
    }
    return false;
}

/* The request as it would be sent: with the headers that the signature brought. */
static const char *verify(struct sigv4_signer *signer, struct input *in,
                          const struct sigv4_signature *signature)
{
    struct sigv4_header *headers = in->headers;
    size_t *n = &in->request.header_count;
    struct sigv4_authorization authorization;
    enum sigv4_result result;
    char *copy = strndup(signature->authorization.p, signature->authorization.n);

    if (!has(in, "x-amz-date"))
        headers[(*n)++] = (struct sigv4_header){SLICE("X-Amz-Date"), slice_of(signature->date)};
    if (in->identity.token.n > 0 && !has(in, "x-amz-security-token"))
        headers[(*n)++] = (struct sigv4_header){SLICE("X-Amz-Security-Token"), in->identity.token};
    headers[(*n)++] = (struct sigv4_header){SLICE("Authorization"), slice_of(copy)};
    result = sigv4_authorization_read(&in->request, &authorization);
    if (result == SIGV4_OK)
        result = sigv4_verify(signer, &in->request, &authorization, &in->identity, &in->scope,
                              in->unix_s);
    free(copy);
    return sigv4_problem(result);
}

static void sign(struct sigv4_signer *signer, struct input *in)
{
    struct sigv4_signature signature;
    int result;

    in->request.headers = in->headers;
    result = sigv4_sign(signer, &in->request, &in->identity, &in->scope, in->unix_s, &signature);
    if (result < 0) {
        printf("error %d\n\n\n\n", result);
        return;
    }
    print_hex(sigv4_canonical_request(signer));
    print_hex(sigv4_string_to_sign(signer));
    print_hex(signature.authorization);
    puts(verify(signer, in, &signature));
}

/* A ReceiveMessage as the SQS client sends it. */
static void measure(struct sigv4_signer *signer)
{
    static const struct sigv4_header headers[] = {
        {SLICE_INIT("Host"), SLICE_INIT("sqs.eu-central-1.amazonaws.com")},
        {SLICE_INIT("Content-Type"), SLICE_INIT("application/x-amz-json-1.0")},
        {SLICE_INIT("X-Amz-Target"), SLICE_INIT("AmazonSQS.ReceiveMessage")},
    };
    char body[240];
    const struct sigv4_request request = {
        .method = SLICE_INIT("POST"),
        .path = SLICE_INIT("/"),
        .headers = headers,
        .header_count = sizeof(headers) / sizeof(headers[0]),
        .body = {body, sizeof(body)},
    };
    const struct sigv4_identity identity = {
        .access_key = SLICE_INIT("AKIDEXAMPLE"),
        .secret = SLICE_INIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    };
    const struct sigv4_scope scope = {SLICE_INIT("eu-central-1"), SLICE_INIT("sqs")};
    enum { ROUNDS = 200000 };
    struct timespec began, ended;
    struct sigv4_signature out;

    memset(body, 'x', sizeof(body));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
    for (int i = 0; i < ROUNDS; i++)
        sl_assert(sigv4_sign(signer, &request, &identity, &scope, 1795419064 + i / 1000, &out) ==
                  0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    printf("%.2f us of CPU a signature\n", ((double)(ended.tv_sec - began.tv_sec) * 1e6 +
                                            (double)(ended.tv_nsec - began.tv_nsec) / 1e3) /
                                               ROUNDS);
}

int main(int argc, char **argv)
{
    static char line[1 << 20], name[32], first[1 << 19], second[1 << 18];
    struct sigv4_signer *signer = sigv4_signer_new();
    struct input in = {0};

    sl_assert(signer != NULL);
    if (argc > 1 && strcmp(argv[1], "--time") == 0) {
        measure(signer);
        return 0;
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        first[0] = second[0] = '\0';
        sscanf(line, "%31s %524287s %262143s", name, first, second);
        if (strcmp(name, "sign") == 0) {
            sign(signer, &in);
            fflush(stdout);
            in = (struct input){0};
        } else {
            set(&in, name, first, second);
        }
    }
    sigv4_signer_free(signer);
    return 0;
}

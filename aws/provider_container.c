/*
 * The endpoint that ECS, EKS Pod Identity and Greengrass run beside a container: a GET that brings
 * keys. Its address comes from the environment, so it is allow-listed: what is not encrypted must
 * be loopback or one of AWS's own link-local addresses.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include <sluice/task.h>

#include "aws/credentials.h"
#include "core/uri.h"

/* botocore/utils.py, ContainerMetadataFetcher: TIMEOUT_SECONDS, RETRY_ATTEMPTS, SLEEP_TIME. */
static const sl_dur timeout = SL_DUR_SEC(2);
static const sl_dur pause_between = SL_DUR_SEC(1);
enum { ATTEMPTS = 3, ANSWER_MAX = 64 << 10, TOKEN_MAX = 64 << 10 };

static const char relative_uri[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
static const char full_uri[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
static const char token_file[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
static const char token_text[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/* What one load works with. */
struct endpoint {
    const char *variable; /* that named it */
    struct strbuf url;
    struct strbuf token; /* secret */
    bool is_link_local;
};

static void endpoint_deinit(struct endpoint *endpoint)
{
    strbuf_deinit(&endpoint->url);
    if (endpoint->token.p)
        OPENSSL_cleanse(endpoint->token.p, endpoint->token.cap);
    strbuf_deinit(&endpoint->token);
}

/* Hosts of ECS, and of EKS Pod Identity over IPv4 and IPv6. */
static bool is_aws_host(struct slice host)
{
    return slice_is(host, "169.254.170.2") || slice_is(host, "169.254.170.23") ||
           slice_is(host, "fd00:ec2::23");
}

/* NULL, or why no request goes there. */
static const char *judge(struct endpoint *endpoint)
{
    struct uri uri;
    enum uri_result result = uri_read(strbuf_slice(&endpoint->url), &uri);

    if (result != URI_OK)
        return uri_problem(result);
    endpoint->is_link_local = is_aws_host(uri.host);
    if (endpoint->is_link_local || uri.reach == URI_LOOPBACK)
        return NULL;
    result = uri_judge(&uri, false);
    if (result == URI_NOT_ENCRYPTED)
        return "http:// to a foreign host: refused";
    return result == URI_OK ? NULL : uri_problem(result);
}

/* Reads the token anew each time: Kubernetes rotates it. NULL, or what is wrong. */
static const char *read_token_file(struct endpoint *endpoint, const char *path)
{
    FILE *file = fopen(path, "re");
    size_t n;

    if (!file)
        return strerror(errno);
    setvbuf(file, NULL, _IONBF, 0);
    if (!strbuf_reserve(&endpoint->token, TOKEN_MAX)) {
        fclose(file);
        return strerror(ENOMEM);
    }
    n = fread(endpoint->token.p, 1, TOKEN_MAX, file);
    fclose(file);
    while (n > 0 && strchr("\r\n \t", endpoint->token.p[n - 1]))
        n--;
    endpoint->token.n = n;
    endpoint->token.p[n] = '\0';
    return n == 0 ? "empty" : n == TOKEN_MAX ? "larger than 64 KiB" : NULL;
}

static bool holds_control(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

/* CREDENTIALS_LOADED: everything to ask with is there. */
static int prepare(struct credential_search *search, struct endpoint *endpoint)
{
    const char *relative = aws_env(search->config, relative_uri);
    const char *full = aws_env(search->config, full_uri);
    const char *path = aws_env(search->config, token_file);
    const char *token = aws_env(search->config, token_text), *problem;

    if (!relative && !full) {
        credential_tried(search, full_uri, "not set");
        return CREDENTIALS_ABSENT;
    }
    endpoint->variable = relative ? relative_uri : full_uri;
    strbuf_addf(&endpoint->url, "%s%s", relative ? "http://169.254.170.2" : "",
                relative ? relative : full);
    problem = relative && relative[0] != '/' ? "does not begin with /" : judge(endpoint);
    if (problem) {
        credential_tried(search, endpoint->variable, "%s", problem);
        return CREDENTIALS_BROKEN;
    }
    problem = path ? read_token_file(endpoint, path) : NULL;
    if (!path && token)
        strbuf_adds(&endpoint->token, token);
    if (!problem && holds_control(strbuf_slice(&endpoint->token)))
        problem = "holds a line break";
    if (problem) {
        credential_tried(search, path ? token_file : token_text, "%s", problem);
        return CREDENTIALS_BROKEN;
    }
    return strbuf_failed(&endpoint->url) || strbuf_failed(&endpoint->token) ? -ENOMEM
                                                                            : CREDENTIALS_LOADED;
}

/* Whether another try may help. */
static bool may_pass(const struct http_answer *answer)
{
    return answer->failure != HTTP_COMPLETE || answer->status >= 500 || answer->status == 429;
}

/* Asks until there is an answer that no further try would change. 0 or -ECANCELED. */
static int ask(struct credential_search *search, struct sl_ctx *ctx,
               const struct endpoint *endpoint, struct http_answer *answer)
{
    struct http_header headers[] = {
        {SLICE("Accept"), SLICE("application/json")},
        {SLICE("Authorization"), strbuf_slice(&endpoint->token)},
    };
    struct http_request request = {
        .method = "GET",
        .url = endpoint->url.p,
        .headers = headers,
        .header_count = endpoint->token.n ? 2 : 1,
        .timeout = timeout,
        .connect_timeout = timeout,
        .answer_max = ANSWER_MAX,
        .allow_link_local = endpoint->is_link_local,
    };

    for (int i = 0; i < ATTEMPTS; i++) {
        if (i > 0 && sl_sleep(ctx, pause_between) != SL_OK)
            return -ECANCELED;
        http_perform(search->http, ctx, &request, answer);
        if (answer->failure == HTTP_FAIL_CANCELED)
            return -ECANCELED;
        if (!may_pass(answer))
            break;
    }
    return 0;
}

static int read_answer(struct credential_search *search, const struct endpoint *endpoint,
                       const struct http_answer *answer, struct aws_credentials *out)
{
    const char *problem;

    if (answer->failure != HTTP_COMPLETE)
        credential_tried(search, endpoint->variable, "no answer: %s",
                         answer->detail[0] ? answer->detail : http_failure_text(answer->failure));
    else if (answer->status != 200)
        credential_tried(search, endpoint->variable, "answered %d", answer->status);
    else {
        problem = credentials_read_json(strbuf_slice(&answer->body), CREDENTIALS_OF_ENDPOINT,
                                        search->time, out);
        if (!problem) {
            strbuf_adds(&search->found, "the container's credential endpoint");
            search->renewal = "that endpoint should have renewed them: restart the task or pod, "
                              "and look at its role";
            return CREDENTIALS_LOADED;
        }
        credential_tried(search, endpoint->variable, "%s", problem);
    }
    return CREDENTIALS_BROKEN;
}

static int load(struct credential_search *search, struct sl_ctx *ctx, struct aws_credentials *out)
{
    struct endpoint endpoint = {0};
    struct http_answer answer;
    int result = prepare(search, &endpoint);

    if (result == CREDENTIALS_LOADED) {
        http_answer_init(&answer);
        result = ask(search, ctx, &endpoint, &answer);
        if (result == 0)
            result = read_answer(search, &endpoint, &answer, out);
        if (answer.body.p)
            OPENSSL_cleanse(answer.body.p, answer.body.cap);
        http_answer_deinit(&answer);
    }
    endpoint_deinit(&endpoint);
    return result;
}

const struct credential_provider credential_container = {.name = "container", .load = load};

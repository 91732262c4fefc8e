/* Signatures: who may speak to this queue, where keys were given. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/service_impl.h"

int keys_init(struct queue_service *service)
{
    const struct queue_service_config *config = &service->config;

    if (config->key_count == 0)
        return 0;
    service->signer = sigv4_signer_new();
    service->keys = calloc(config->key_count, sizeof *service->keys);
    if (!service->signer || !service->keys)
        return -ENOMEM;
    for (; service->key_count < config->key_count; service->key_count++) {
        struct queue_key *key = &service->keys[service->key_count];

        key->access_key = strdup(config->keys[service->key_count].access_key);
        key->secret = strdup(config->keys[service->key_count].secret);
        if (!key->access_key || !key->secret) {
            free((void *)(uintptr_t)key->access_key);
            free((void *)(uintptr_t)key->secret);
            return -ENOMEM;
        }
    }
    return 0;
}

void keys_deinit(struct queue_service *service)
{
    while (service->key_count > 0) {
        struct queue_key *key = &service->keys[--service->key_count];
        char *secret = (char *)(uintptr_t)key->secret;

        explicit_bzero(secret, strlen(secret));
        free(secret);
        free((void *)(uintptr_t)key->access_key);
    }
    free(service->keys);
    sigv4_signer_free(service->signer);
}

/* ---- a request as the signer sees it ---- */

struct headers {
    struct sigv4_header items[SIGV4_HEADERS_MAX];
    size_t count;
    bool are_too_many;
};

static bool take_header(void *arg, struct slice name, struct slice value)
{
    struct headers *headers = arg;

    if (headers->count == SIGV4_HEADERS_MAX) {
        headers->are_too_many = true;
        return false;
    }
    headers->items[headers->count++] = (struct sigv4_header){name, value};
    return true;
}

static const struct queue_key *find(const struct queue_service *service, struct slice access)
{
    for (size_t i = 0; i < service->key_count; i++)
        if (slice_is(access, service->keys[i].access_key))
            return &service->keys[i];
    return NULL;
}

static enum queue_error refuse(enum sigv4_result result, struct queue_refusal *refusal)
{
    switch (result) {
    case SIGV4_OK:
        return QUEUE_OK;
    case SIGV4_MISSING:
        return queue_refuse(refusal, QUEUE_TOKEN_MISSING,
                            "Request is missing Authentication Token");
    case SIGV4_SKEWED:
        return queue_refuse(refusal, QUEUE_REQUEST_EXPIRED,
                            "Request has expired. The date of the request is more than 15 minutes "
                            "from that of the service.");
    case SIGV4_MISMATCH:
    case SIGV4_BODY_MISMATCH:
        return queue_refuse(refusal, QUEUE_SIGNATURE_MISMATCH,
                            "The request signature we calculated does not match the signature you "
                            "provided. Check your AWS Secret Access Key and signing method. "
                            "Consult the service documentation for details.");
    case SIGV4_WRONG_SCOPE:
        return queue_refuse(refusal, QUEUE_SIGNATURE_MISMATCH, "%s", sigv4_problem(result));
    case SIGV4_MALFORMED:
    case SIGV4_UNSIGNED:
    case SIGV4_BAD_DATE:
    case SIGV4_TOO_MANY:
        return queue_refuse(refusal, QUEUE_SIGNATURE_INCOMPLETE, "%s", sigv4_problem(result));
    case SIGV4_NO_MEMORY:
        break;
    }
    return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
}

static enum queue_error verify(struct queue_service *service, const struct sigv4_request *request,
                               struct queue_refusal *refusal)
{
    const struct sigv4_scope scope = {slice_of(service->region), SLICE("sqs")};
    struct sigv4_authorization authorization;
    enum sigv4_result result = sigv4_authorization_read(request, &authorization);
    const struct queue_key *key;

    if (result != SIGV4_OK)
        return refuse(result, refusal);
    key = find(service, authorization.access_key);
    if (!key)
        return queue_refuse(refusal, QUEUE_TOKEN_UNKNOWN,
                            "The security token included in the request is invalid.");
    return refuse(sigv4_verify(service->signer, request, &authorization,
                               &(struct sigv4_identity){.access_key = slice_of(key->access_key),
                                                        .secret = slice_of(key->secret)},
                               &scope, sl_wall_ms() / 1000),
                  refusal);
}

enum queue_error keys_check(struct queue_call *call, struct queue_refusal *refusal)
{
    struct headers headers = {.count = 0};

    if (call->service->key_count == 0)
        return QUEUE_OK;
    call->caller.ops->headers(call->caller.of, take_header, &headers);
    if (headers.are_too_many)
        return refuse(SIGV4_TOO_MANY, refusal);
    return verify(call->service,
                  &(struct sigv4_request){
                      .method = slice_of(call->http.method),
                      .path = call->http.path,
                      .query = call->http.query,
                      .headers = headers.items,
                      .header_count = headers.count,
                      .body = call->http.body,
                  },
                  refusal);
}

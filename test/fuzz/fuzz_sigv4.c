/*
 * Signed requests: METHOD, PATH?QUERY, header lines "Name: value", an empty line, the body. Whatever comes is refused or
 * verified; what we sign we verify, and no other secret does.
 */
#include "core/sigv4.h"
#include "io/http_head.h"

#include "test/fuzz/fuzz.h"

static const int64_t now_s = 1767225600;
static const struct sigv4_identity identity = {
    SLICE_INIT("AKIDEXAMPLE"), SLICE_INIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCY"), {NULL, 0}};
static const struct sigv4_identity stranger = {
    SLICE_INIT("AKIDEXAMPLE"), SLICE_INIT("another"), {NULL, 0}};
static const struct sigv4_scope scope = {SLICE_INIT("us-east-1"), SLICE_INIT("sqs")};

static bool has(const struct sigv4_request *r, struct slice name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (slice_eq_nocase(r->headers[i].name, name))
            return true;
    return false;
}

/* Signs the request, sends what that adds, and verifies as the other end does. */
static void sign_and_verify(struct sigv4_signer *signer, const struct sigv4_request *request)
{
    static struct sigv4_header headers[SIGV4_HEADERS_MAX + 3];
    struct sigv4_authorization authorization;
    struct sigv4_request sent = *request;
    struct sigv4_signature signature;
    struct strbuf kept = {0};

    if (has(request, SLICE("Authorization")) || has(request, SLICE("X-Amz-Date")) ||
        has(request, SLICE("Date")) || has(request, SLICE("X-Amz-Content-SHA256")) ||
        request->header_count + 2 > SIGV4_HEADERS_MAX)
        return;
    if (sigv4_sign(signer, request, &identity, &scope, now_s, &signature) != 0)
        return;
    strbuf_add_slice(&kept, signature.authorization);
    memcpy(headers, request->headers, request->header_count * sizeof headers[0]);
    headers[sent.header_count++] =
        (struct sigv4_header){SLICE("X-Amz-Date"), slice_of(signature.date)};
    headers[sent.header_count++] =
        (struct sigv4_header){SLICE("Authorization"), strbuf_slice(&kept)};
    sent.headers = headers;
    fuzz_check(sigv4_authorization_read(&sent, &authorization) == SIGV4_OK);
    fuzz_check(slice_eq(authorization.access_key, identity.access_key));
    fuzz_check(sigv4_verify(signer, &sent, &authorization, &identity, &scope, now_s) == SIGV4_OK);
    fuzz_check(sigv4_verify(signer, &sent, &authorization, &stranger, &scope, now_s) ==
               SIGV4_MISMATCH);
    fuzz_check(sigv4_verify(signer, &sent, &authorization, &identity, &scope, now_s + 901) ==
               SIGV4_SKEWED);
    strbuf_deinit(&kept);
}

static void verify(struct sigv4_signer *signer, const struct sigv4_request *request)
{
    struct sigv4_authorization authorization;
    enum sigv4_result result = sigv4_authorization_read(request, &authorization);

    fuzz_check(result == SIGV4_OK || result == SIGV4_MISSING || result == SIGV4_MALFORMED);
    if (result == SIGV4_OK)
        result = sigv4_verify(signer, request, &authorization, &identity, &scope, now_s);
    fuzz_check((sigv4_problem(result)[0] == '\0') == (result == SIGV4_OK));
}

static size_t read_headers(struct fuzz *f, struct sigv4_header *headers)
{
    size_t count = 0;

    while (f->rest.n > 0 && count < SIGV4_HEADERS_MAX) {
        struct slice line = fuzz_cut(f, '\n');
        struct fuzz parts = {.rest = line};
        struct slice name = fuzz_cut(&parts, ':');

        if (line.n == 0)
            break;
        /* What a server hands on: a token, and no control characters. */
        if (http_is_token(name) && http_is_field_value(parts.rest))
            headers[count++] = (struct sigv4_header){fuzz_copy(f, name, false),
                                                     fuzz_copy(f, http_trim(parts.rest), false)};
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sigv4_header headers[SIGV4_HEADERS_MAX];
    static struct sigv4_signer *signer;
    struct fuzz f = fuzz_begin(data, size);
    struct sigv4_request request = {0};

    if (!signer)
        signer = sigv4_signer_new();
    fuzz_check(signer);
    request.method = fuzz_line(&f);
    {
        struct fuzz parts = {.rest = fuzz_cut(&f, '\n')};
        struct slice path = fuzz_cut(&parts, '?');

        request.path = fuzz_copy(&f, path, false);
        request.query = fuzz_copy(&f, parts.rest, false);
    }
    request.headers = headers;
    request.header_count = read_headers(&f, headers);
    request.body = fuzz_rest(&f);
    request.is_s3 = size % 7 == 0;
    verify(signer, &request);
    sign_and_verify(signer, &request);
    fuzz_end(&f);
    return 0;
}

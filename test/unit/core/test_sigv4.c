/*
 * Signing and verifying: a known signature, what a verifier has to refuse, limits, keys. That the
 * canonical form is right is shown by test/conformance/sigv4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/sigv4.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* 2015-08-30T12:36:00Z, the time of AWS's test suite */
static const int64_t now = 1440938160;

static const struct sigv4_identity identity = {
    .access_key = SLICE_INIT("AKIDEXAMPLE"),
    .secret = SLICE_INIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
};
static const struct sigv4_scope scope = {SLICE_INIT("us-east-1"), SLICE_INIT("service")};
static const struct sigv4_scope any_scope = {{NULL, 0}, {NULL, 0}};

static struct sigv4_signer *signer;

static int set_up(void **state)
{
    (void)state;
    signer = sigv4_signer_new();
    return signer == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    sigv4_signer_free(signer);
    return 0;
}

static void the_simplest_vector(void **state)
{
    const struct sigv4_header headers[] = {
        {SLICE("Host"), SLICE("example.amazonaws.com")},
        {SLICE("X-Amz-Date"), SLICE("20150830T123600Z")},
    };
    struct sigv4_request request = {.method = SLICE("GET"),
                                    .path = SLICE("/"),
                                    .headers = headers,
                                    .header_count = COUNT(headers)};
    struct sigv4_signature signature;

    (void)state;
    assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, 0, &signature), 0);
    assert_string_equal(signature.date, "20150830T123600Z"); /* the request's own */
    assert_true(
        slice_is(signature.authorization,
                 "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                 "SignedHeaders=host;x-amz-date, "
                 "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));
    /* The same without a date of its own. */
    request.header_count = 1;
    assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, now, &signature), 0);
    assert_string_equal(signature.date, "20150830T123600Z");
    assert_non_null(strstr(signature.authorization.p, "5fa00fa31553b73e"));
}

static void canonical_forms(void **state)
{
    static const struct {
        const char *path, *query, *name, *value;
        const char *canonical; /* as far as the first header that is not x-… */
    } cases[] = {
        {"", "", "x", "y", "GET\n/\n\nhost:a\nx:y\n"},
        {"/a/b/", "", "x", "y", "GET\n/a/b/\n\nhost:a\nx:y\n"},
        {"//a/.//b/../c/./", "", "x", "y", "GET\n/a/c/\n\nhost:a\nx:y\n"},
        {"/../..", "", "x", "y", "GET\n/\n\nhost:a\nx:y\n"},
        {"/a/..", "", "x", "y", "GET\n/\n\nhost:a\nx:y\n"},
        {"/a/../", "", "x", "y", "GET\n/\n\nhost:a\nx:y\n"},
        {"/a%20b", "", "x", "y", "GET\n/a%2520b\n\nhost:a\nx:y\n"},
        {"/\xc3\xa4 ~", "", "x", "y", "GET\n/%C3%A4%20~\n\nhost:a\nx:y\n"},
        {"/", "b&a=2&a=1&a", "x", "y", "GET\n/\na=&a=1&a=2&b=\nhost:a\nx:y\n"},
        {"/", "a-=1&a=2&a%2d=0", "x", "y", "GET\n/\na=2&a-=0&a-=1\nhost:a\nx:y\n"},
        {"/", "&&a=b=c&", "x", "y", "GET\n/\na=b%3Dc\nhost:a\nx:y\n"},
        {"/", "%7e=%c3%A4+%zz%4", "x", "y", "GET\n/\n~=%C3%A4%20%25zz%254\nhost:a\nx:y\n"},
        {"/", "", "X-A", " \t a \t b\r\n c  ", "GET\n/\n\nhost:a\nx-a:a b c\n"},
        {"/", "", "X-A", "", "GET\n/\n\nhost:a\nx-a:\n"},
        {"/", "", "X-A", "   ", "GET\n/\n\nhost:a\nx-a:\n"},
        {"/", "", "HOST", "b", "GET\n/\n\nhost:a,b\nx-amz-date:"},
        {"/", "", "Content-Type", "t", "GET\n/\n\ncontent-type:t\nhost:a\n"},
        {"/", "", "User-Agent", "t", "GET\n/\n\nhost:a\nx-amz-date:"},
        {"/", "", "authorization", "t", "GET\n/\n\nhost:a\nx-amz-date:"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct sigv4_header headers[] = {
            {SLICE("Host"), SLICE("a")},
            {slice_of(cases[i].name), slice_of(cases[i].value)},
        };
        struct sigv4_request request = {.method = SLICE("GET"),
                                        .path = slice_of(cases[i].path),
                                        .query = slice_of(cases[i].query),
                                        .headers = headers,
                                        .header_count = COUNT(headers)};
        struct sigv4_signature signature;
        struct slice got;

        assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, now, &signature), 0);
        got = sigv4_canonical_request(signer);
        print_message("%s\n", got.p);
        assert_true(got.n > strlen(cases[i].canonical));
        got.n = strlen(cases[i].canonical);
        assert_true(slice_is(got, cases[i].canonical));
    }
}

static void s3_takes_paths_as_they_are(void **state)
{
    const struct sigv4_header host = {SLICE("host"), SLICE("a")};
    struct sigv4_request request = {.method = SLICE("GET"),
                                    .path = SLICE("//a/../b%20"),
                                    .headers = &host,
                                    .header_count = 1,
                                    .is_s3 = true};
    struct sigv4_signature signature;

    (void)state;
    assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, now, &signature), 0);
    assert_int_equal(strncmp(sigv4_canonical_request(signer).p, "GET\n//a/../b%20\n", 16), 0);
}

static void what_is_refused_when_signing(void **state)
{
    struct sigv4_header many[SIGV4_HEADERS_MAX + 1];
    char query[4 * (SIGV4_PARAMS_MAX + 1)];
    struct sigv4_request request = {
        .method = SLICE("GET"), .headers = many, .header_count = SIGV4_HEADERS_MAX};
    struct sigv4_signature signature;

    (void)state;
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (struct sigv4_header){SLICE("x"), SLICE("y")};
    assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, now, &signature), -EINVAL);
    many[0].name = SLICE("hOST");
    assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, now, &signature), 0);
    request.header_count++;
    assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, now, &signature), -EINVAL);
    request.header_count = 1;
    for (size_t i = 0; i < sizeof(query); i++)
        query[i] = "k=v&"[i % 4];
    request.query = (struct slice){query, 4 * SIGV4_PARAMS_MAX};
    assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, now, &signature), 0);
    request.query.n += 4;
    assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, now, &signature), -EINVAL);
    request.query.n = 0;
    many[1] = (struct sigv4_header){SLICE("x-amz-date"), SLICE("yesterday")};
    request.header_count = 2;
    assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, now, &signature), -EINVAL);
}

static void hashes(void **state)
{
    char out[SIGV4_HASH_SIZE];

    (void)state;
    assert_int_equal(sigv4_hash(signer, SLICE(""), out), 0);
    assert_string_equal(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(sigv4_hash(signer, SLICE("abc"), out), 0);
    assert_string_equal(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void the_callers_hash_of_the_body_is_taken(void **state)
{
    const struct sigv4_header host = {SLICE("host"), SLICE("a")};
    struct sigv4_request request = {
        .method = SLICE("POST"), .headers = &host, .header_count = 1, .body = SLICE("abc")};
    struct sigv4_signature a, b;
    char hash[SIGV4_HASH_SIZE], first[600];

    (void)state;
    assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, now, &a), 0);
    snprintf(first, sizeof(first), SLICE_FMT, SLICE_ARG(a.authorization));
    sigv4_hash(signer, request.body, hash);
    request.body_hash = slice_of(hash);
    request.body = (struct slice){NULL, 0};
    assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, now, &b), 0);
    assert_true(slice_is(b.authorization, first));
}

/* Every part of what a key is derived from makes another signature, also when the key cache overflows. */
static void keys_are_kept_apart(void **state)
{
    static const char *const parts[][3] = {
        {"secret", "us-east-1", "sqs"}, {"secret2", "us-east-1", "sqs"},
        {"secret", "us-east-2", "sqs"}, {"secret", "us-east-1", "sns"},
        {"secretu", "s-east-1", "sqs"}, {"secret", "us-east-", "1sqs"},
        {"secret", "us-east-1s", "qs"}, {"a", "us-east-1", "sqs"},
        {"b", "us-east-1", "sqs"},      {"c", "us-east-1", "sqs"},
        {"d", "us-east-1", "sqs"},      {"", "us-east-1", "sqs"},
    };
    const struct sigv4_header host = {SLICE("host"), SLICE("a")};
    struct sigv4_request request = {.method = SLICE("GET"), .headers = &host, .header_count = 1};
    char signatures[2 * COUNT(parts)][65];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 2 * COUNT(parts); i++) {
            const char *const *part = parts[i % COUNT(parts)];
            struct sigv4_identity other = {.access_key = SLICE("K"), .secret = slice_of(part[0])};
            struct sigv4_scope other_scope = {slice_of(part[1]), slice_of(part[2])};
            int64_t day = i < COUNT(parts) ? 0 : 86400;
            struct sigv4_signature out;
            char *found;

            assert_int_equal(sigv4_sign(signer, &request, &other, &other_scope, now + day, &out),
                             0);
            found = strstr(out.authorization.p, "Signature=") + 10;
            if (round == 0)
                memcpy(signatures[i], found, 65);
            assert_string_equal(found, signatures[i]);
            for (size_t j = 0; j < i; j++)
                assert_string_not_equal(found, signatures[j]);
        }
    }
}

/* ---- verifying ---- */

enum { DATE, HOST, TARGET, TYPE, TRACE, AUTHORIZATION, HEADERS };

/* A request that was signed, for a test to spoil. */
struct signed_request {
    struct sigv4_header headers[HEADERS + 1];
    struct sigv4_request request;
    char date[SIGV4_DATE_SIZE], authorization[700];
};

static void sign(struct signed_request *r)
{
    struct sigv4_signature signature;

    *r = (struct signed_request){0};
    r->headers[HOST] = (struct sigv4_header){SLICE("Host"), SLICE("sqs.example")};
    r->headers[TARGET] = (struct sigv4_header){SLICE("X-Amz-Target"), SLICE("AmazonSQS.X")};
    r->headers[TYPE] = (struct sigv4_header){SLICE("Content-Type"), SLICE("text/plain")};
    r->headers[TRACE] = (struct sigv4_header){SLICE("User-Agent"), SLICE("x/1")};
    r->request = (struct sigv4_request){.method = SLICE("POST"),
                                        .path = SLICE("/"),
                                        .query = SLICE("b=1&a=%7E"),
                                        .headers = r->headers + HOST,
                                        .header_count = 4,
                                        .body = SLICE("{}")};
    assert_int_equal(sigv4_sign(signer, &r->request, &identity, &scope, now, &signature), 0);
    memcpy(r->date, signature.date, sizeof(r->date));
    snprintf(r->authorization, sizeof(r->authorization), SLICE_FMT,
             SLICE_ARG(signature.authorization));
    r->headers[DATE] = (struct sigv4_header){SLICE("X-Amz-Date"), slice_of(r->date)};
    r->headers[AUTHORIZATION] =
        (struct sigv4_header){SLICE("Authorization"), slice_of(r->authorization)};
    r->request.headers = r->headers;
    r->request.header_count = HEADERS;
}

static enum sigv4_result verify_at(const struct signed_request *r,
                                   const struct sigv4_scope *expected, int64_t at)
{
    struct sigv4_authorization authorization;
    enum sigv4_result result = sigv4_authorization_read(&r->request, &authorization);

    if (result != SIGV4_OK)
        return result;
    assert_true(slice_eq(authorization.access_key, identity.access_key));
    return sigv4_verify(signer, &r->request, &authorization, &identity, expected, at);
}

static enum sigv4_result verify(const struct signed_request *r)
{
    return verify_at(r, &scope, now);
}

static void what_was_signed_is_verified(void **state)
{
    struct signed_request r;

    (void)state;
    sign(&r);
    assert_int_equal(verify(&r), SIGV4_OK);
    assert_int_equal(verify_at(&r, &any_scope, now), SIGV4_OK);
    assert_int_equal(verify_at(&r, &scope, now + 900), SIGV4_OK);
    assert_int_equal(verify_at(&r, &scope, now - 900), SIGV4_OK);
    assert_int_equal(verify_at(&r, &scope, now + 901), SIGV4_SKEWED);
    assert_int_equal(verify_at(&r, &scope, now - 901), SIGV4_SKEWED);
    assert_int_equal(verify_at(&r, &scope, INT64_MIN), SIGV4_SKEWED);
    assert_int_equal(verify_at(&r, &scope, INT64_MAX), SIGV4_SKEWED);
    /* What is not signed may change. */
    r.headers[TRACE].value = SLICE("y/2");
    assert_int_equal(verify(&r), SIGV4_OK);
    /* The same query, written in another way. */
    r.request.query = SLICE("a=%7e&&b=%31");
    assert_int_equal(verify(&r), SIGV4_OK);
}

static void whatever_is_changed_is_noticed(void **state)
{
    struct signed_request r;

    (void)state;
#define CHANGED(change, result)                                                                    \
    sign(&r);                                                                                      \
    change;                                                                                        \
    assert_int_equal(verify(&r), result)

    CHANGED(r.request.method = SLICE("PUT"), SIGV4_MISMATCH);
    CHANGED(r.request.path = SLICE("/x"), SIGV4_MISMATCH);
    CHANGED(r.request.query = SLICE("b=1"), SIGV4_MISMATCH);
    CHANGED(r.request.body = SLICE("{ }"), SIGV4_MISMATCH);
    CHANGED(r.headers[HOST].value = SLICE("evil.example"), SIGV4_MISMATCH);
    CHANGED(r.headers[TYPE].value = SLICE("text/html"), SIGV4_MISMATCH);
    CHANGED(r.headers[TARGET].value = SLICE("AmazonSQS.Y"), SIGV4_MISMATCH);
    CHANGED(r.headers[DATE].value = SLICE("20150830T123601Z"), SIGV4_MISMATCH);
    CHANGED(r.headers[DATE].value = SLICE("20150830"), SIGV4_BAD_DATE);
    CHANGED(r.headers[TARGET].name = SLICE("Ignored"), SIGV4_UNSIGNED); /* it is listed */
    CHANGED(r.headers[TRACE].name = SLICE("x-amz-more"), SIGV4_UNSIGNED);
    CHANGED(r.request.header_count--, SIGV4_MISSING);
    CHANGED(r.headers[HEADERS] = r.headers[AUTHORIZATION];
            r.request.header_count++, SIGV4_MALFORMED);
    CHANGED(r.headers[TRACE] = r.headers[TYPE], SIGV4_MISMATCH); /* a second Content-Type */
#undef CHANGED
    sign(&r);
    assert_int_equal(verify_at(&r, &(struct sigv4_scope){SLICE("eu-west-1"), SLICE("")}, now),
                     SIGV4_WRONG_SCOPE);
    assert_int_equal(verify_at(&r, &(struct sigv4_scope){SLICE(""), SLICE("sqs")}, now),
                     SIGV4_WRONG_SCOPE);
}

static void the_hash_header_has_to_be_the_bodys(void **state)
{
    static const char *const values[] = {
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", /* of {} */
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "UNSIGNED-PAYLOAD",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        const struct sigv4_header headers[] = {
            {SLICE("Host"), SLICE("a")},
            {SLICE("X-Amz-Content-SHA256"), slice_of(values[i])},
        };
        struct signed_request r;
        struct sigv4_signature signature;

        sign(&r);
        r.request.headers = headers;
        r.request.header_count = 2;
        r.request.query = (struct slice){NULL, 0};
        assert_int_equal(sigv4_sign(signer, &r.request, &identity, &scope, now, &signature), 0);
        snprintf(r.authorization, sizeof(r.authorization), SLICE_FMT,
                 SLICE_ARG(signature.authorization));
        r.headers[AUTHORIZATION].value = slice_of(r.authorization);
        r.headers[HOST] = headers[0];
        r.headers[TARGET] = headers[1];
        r.request.headers = r.headers;
        r.request.header_count = HEADERS;
        assert_int_equal(verify(&r), i == 0 ? SIGV4_OK : SIGV4_BODY_MISMATCH);
    }
}

static void a_token_has_to_be_the_identitys(void **state)
{
    struct sigv4_identity temporary = identity, other = identity;
    struct sigv4_authorization authorization;
    struct sigv4_signature signature;
    struct signed_request r;

    (void)state;
    sign(&r);
    temporary.token = SLICE("token");
    other.token = SLICE("tokem");
    assert_int_equal(sigv4_authorization_read(&r.request, &authorization), SIGV4_OK);
    assert_int_equal(sigv4_verify(signer, &r.request, &authorization, &temporary, &scope, now),
                     SIGV4_MISMATCH);
    r.request.header_count--; /* without the Authorization */
    assert_int_equal(sigv4_sign(signer, &r.request, &temporary, &scope, now, &signature), 0);
    snprintf(r.authorization, sizeof(r.authorization), SLICE_FMT,
             SLICE_ARG(signature.authorization));
    r.headers[AUTHORIZATION].value = slice_of(r.authorization);
    r.headers[HEADERS] = (struct sigv4_header){SLICE("X-Amz-Security-Token"), temporary.token};
    r.request.header_count += 2;
    assert_int_equal(sigv4_authorization_read(&r.request, &authorization), SIGV4_OK);
    assert_true(slice_is(authorization.signed_headers,
                         "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"));
    assert_int_equal(sigv4_verify(signer, &r.request, &authorization, &temporary, &scope, now),
                     SIGV4_OK);
    assert_int_equal(sigv4_verify(signer, &r.request, &authorization, &other, &scope, now),
                     SIGV4_MISMATCH);
}

/* A Date header in place of X-Amz-Date, if it is signed. */
static void the_date_may_be_an_http_date(void **state)
{
    static const char plain[] = "Sun, 30 Aug 2015 12:36:00 GMT";
    const struct sigv4_header headers[] = {
        {SLICE("Host"), SLICE("a")},
        {SLICE("Date"), slice_of(plain)},
    };
    struct sigv4_header sent[4] = {headers[0], headers[1]};
    struct sigv4_request request = {.method = SLICE("GET"), .headers = headers, .header_count = 2};
    struct sigv4_authorization authorization;
    struct sigv4_signature signature;
    char text[700];

    (void)state;
    /* Our own signing always adds X-Amz-Date, so the header is made by hand: unsigned, it is refused. */
    assert_int_equal(sigv4_sign(signer, &request, &identity, &scope, now, &signature), 0);
    snprintf(text, sizeof(text), "%s",
             "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
             "SignedHeaders=host, "
             "Signature=0000000000000000000000000000000000000000000000000000000000000000");
    sent[2] = (struct sigv4_header){SLICE("authorization"), slice_of(text)};
    request.headers = sent;
    request.header_count = 3;
    assert_int_equal(sigv4_authorization_read(&request, &authorization), SIGV4_OK);
    assert_int_equal(sigv4_verify(signer, &request, &authorization, &identity, &scope, now),
                     SIGV4_UNSIGNED);
    authorization.signed_headers = SLICE("date;host");
    assert_int_equal(sigv4_verify(signer, &request, &authorization, &identity, &scope, now),
                     SIGV4_MISMATCH);
    assert_true(slice_is(sigv4_canonical_request(signer),
                         "GET\n/\n\ndate:Sun, 30 Aug 2015 12:36:00 GMT\nhost:a\n\ndate;host\n"
                         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    assert_int_equal(
        strncmp(sigv4_string_to_sign(signer).p, "AWS4-HMAC-SHA256\n20150830T123600Z\n", 34), 0);
    sent[1].value = SLICE("Mon, 31 Aug 2015 12:36:00 GMT");
    assert_int_equal(sigv4_verify(signer, &request, &authorization, &identity, &scope, now),
                     SIGV4_SKEWED);
    sent[1].value = SLICE("Sun, 30 Aug 2015 23:59:59 GMT");
    assert_int_equal(sigv4_verify(signer, &request, &authorization, &identity, &scope, now + 41039),
                     SIGV4_MISMATCH);
    sent[1].value = SLICE("Mon, 31 Aug 2015 00:00:01 GMT");
    assert_int_equal(sigv4_verify(signer, &request, &authorization, &identity, &scope, now + 41039),
                     SIGV4_WRONG_SCOPE);
    sent[1].name = SLICE("Datum");
    authorization.signed_headers = SLICE("host");
    assert_int_equal(sigv4_verify(signer, &request, &authorization, &identity, &scope, now),
                     SIGV4_BAD_DATE);
}

static void authorizations_that_can_not_be_read(void **state)
{
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define GOOD  "Credential=K/20150830/r/s/aws4_request"
    static const struct {
        const char *text;
        enum sigv4_result result;
    } cases[] = {
        {"AWS4-HMAC-SHA256 " GOOD ", SignedHeaders=host, Signature=" ZEROS, SIGV4_OK},
        {"  AWS4-HMAC-SHA256 " GOOD ",SignedHeaders=host,Signature=" ZEROS " ", SIGV4_OK},
        {"AWS4-HMAC-SHA256 Signature=" ZEROS ", SignedHeaders=host, " GOOD, SIGV4_OK},
        {"AWS4-HMAC-SHA256 Credential=a/b/20150830/r/s/aws4_request, SignedHeaders=host, "
         "Signature=" ZEROS,
         SIGV4_OK},
        {"", SIGV4_MISSING},
        {"Bearer x", SIGV4_MISSING},
        {"AWS4-HMAC-SHA25", SIGV4_MISSING},
        {"aws4-hmac-sha256 " GOOD ", SignedHeaders=host, Signature=" ZEROS, SIGV4_MISSING},
        {"AWS4-ECDSA-P256-SHA256 " GOOD ", SignedHeaders=host, Signature=" ZEROS, SIGV4_MISSING},
        {"AWS4-HMAC-SHA256", SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 ", SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 ,,,", SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 " GOOD ", SignedHeaders=host", SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 " GOOD ", Signature=" ZEROS, SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 SignedHeaders=host, Signature=" ZEROS, SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 " GOOD ", SignedHeaders=, Signature=" ZEROS, SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 " GOOD ", SignedHeaders=host, Signature=" ZEROS "0", SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 " GOOD ", SignedHeaders=host, Signature=00", SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 " GOOD ", SignedHeaders=host, Signature="
         "A000000000000000000000000000000000000000000000000000000000000000",
         SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 " GOOD ", " GOOD ", SignedHeaders=host, Signature=" ZEROS,
         SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 " GOOD ", SignedHeaders=host, Signature=" ZEROS ", Extra=1",
         SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 " GOOD " SignedHeaders=host, Signature=" ZEROS, SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 Credential=K/20150830/r/s/aws4, SignedHeaders=host, Signature=" ZEROS,
         SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 Credential=K/2015083/r/s/aws4_request, SignedHeaders=host, "
         "Signature=" ZEROS,
         SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 Credential=/20150830/r/s/aws4_request, SignedHeaders=host, "
         "Signature=" ZEROS,
         SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 Credential=20150830/r/s/aws4_request, SignedHeaders=host, "
         "Signature=" ZEROS,
         SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 Credential=K/20150830//s/aws4_request, SignedHeaders=host, "
         "Signature=" ZEROS,
         SIGV4_MALFORMED},
        {"AWS4-HMAC-SHA256 Credential=, SignedHeaders=host, Signature=" ZEROS, SIGV4_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct sigv4_header header = {SLICE("AUTHORIZATION"), slice_of(cases[i].text)};
        struct sigv4_request request = {.headers = &header, .header_count = 1};
        struct sigv4_authorization out;

        print_message("%s\n", cases[i].text);
        assert_int_equal(sigv4_authorization_read(&request, &out), cases[i].result);
    }
}

static void signed_headers_that_can_not_be_right(void **state)
{
    static const struct {
        const char *list;
        enum sigv4_result result;
    } cases[] = {
        {"content-type;host;x-amz-date;x-amz-target", SIGV4_OK},
        {"Content-Type;HOST;x-amz-date;x-amz-target", SIGV4_OK},
        {"content-type;x-amz-date;x-amz-target", SIGV4_UNSIGNED},
        {"content-type;host;x-amz-target", SIGV4_UNSIGNED},
        {"content-type;host;x-amz-date", SIGV4_UNSIGNED},
        {"content-type;host;missing;x-amz-date;x-amz-target", SIGV4_UNSIGNED},
        {"content-type;;host;x-amz-date;x-amz-target", SIGV4_UNSIGNED},
        {"host;x-amz-date;x-amz-target", SIGV4_MISMATCH},
        {";", SIGV4_UNSIGNED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sigv4_authorization authorization;
        struct signed_request r;

        sign(&r);
        assert_int_equal(sigv4_authorization_read(&r.request, &authorization), SIGV4_OK);
        authorization.signed_headers = slice_of(cases[i].list);
        assert_int_equal(sigv4_verify(signer, &r.request, &authorization, &identity, &scope, now),
                         cases[i].result);
    }
}

static void too_much_is_refused(void **state)
{
    struct sigv4_header headers[SIGV4_HEADERS_MAX + 1];
    struct sigv4_authorization authorization;
    char query[2 * (SIGV4_PARAMS_MAX + 1)];
    struct signed_request r;

    (void)state;
    sign(&r);
    for (size_t i = 0; i < sizeof(query); i++)
        query[i] = "k&"[i % 2];
    r.request.query = (struct slice){query, sizeof(query)};
    assert_int_equal(verify(&r), SIGV4_TOO_MANY);
    sign(&r);
    for (size_t i = 0; i < COUNT(headers); i++)
        headers[i] = i < HEADERS ? r.headers[i] : r.headers[TRACE];
    r.request.headers = headers;
    r.request.header_count = COUNT(headers);
    assert_int_equal(sigv4_authorization_read(&r.request, &authorization), SIGV4_OK);
    assert_int_equal(sigv4_verify(signer, &r.request, &authorization, &identity, &scope, now),
                     SIGV4_TOO_MANY);
}

/* Any change of one byte in what is sent is noticed, or leaves the canonical form as it was. */
static void mutated_requests(void **state)
{
    uint64_t x = 20261123;
    unsigned passed = 0;

    (void)state;
    for (int i = 0; i < 50000; i++) {
        struct signed_request r;
        size_t at;

        sign(&r);
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        at = (size_t)(x >> 33) % strlen(r.authorization);
        r.authorization[at] = (char)(r.authorization[at] ^ (1 << (x >> 20 & 7)));
        if (r.authorization[at] == '\0' || strncmp(r.authorization + 28, "AKIDEXAMPLE/", 12) != 0)
            continue;
        r.headers[AUTHORIZATION].value = slice_of(r.authorization);
        passed += verify(&r) == SIGV4_OK;
    }
    /* What passes: the case of a signed header's name (about one change in 60). */
    print_message("%u of 50,000 passed\n", passed);
    assert_true(passed < 2000);
}

static void every_result_has_its_words(void **state)
{
    (void)state;
    assert_string_equal(sigv4_problem(SIGV4_OK), "");
    for (int r = SIGV4_MISSING; r <= SIGV4_NO_MEMORY; r++)
        assert_true(strlen(sigv4_problem((enum sigv4_result)r)) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_simplest_vector),
        cmocka_unit_test(canonical_forms),
        cmocka_unit_test(s3_takes_paths_as_they_are),
        cmocka_unit_test(what_is_refused_when_signing),
        cmocka_unit_test(hashes),
        cmocka_unit_test(the_callers_hash_of_the_body_is_taken),
        cmocka_unit_test(keys_are_kept_apart),
        cmocka_unit_test(what_was_signed_is_verified),
        cmocka_unit_test(whatever_is_changed_is_noticed),
        cmocka_unit_test(the_hash_header_has_to_be_the_bodys),
        cmocka_unit_test(a_token_has_to_be_the_identitys),
        cmocka_unit_test(the_date_may_be_an_http_date),
        cmocka_unit_test(authorizations_that_can_not_be_read),
        cmocka_unit_test(signed_headers_that_can_not_be_right),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(mutated_requests),
        cmocka_unit_test(every_result_has_its_words),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/*
 * libcrypto's functions fail in turn, as they do without memory. Those that the signer calls are this file's own here, and go
 * on to libcrypto's. A failure is told, and the signer is as good as before.
 */
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "core/sigv4.h"

static int calls, fail_at; /* 0: none */

static void *next_of(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    assert_non_null(found);
    return found;
}

/* A function of libcrypto: what it is, what it says when it fails, its parameters, their names. */
#define FAILING(type, failed, name, parameters, names)                                             \
    type name parameters                                                                           \
    {                                                                                              \
        type(*next) parameters;                                                                    \
        void *found = next_of(#name);                                                              \
                                                                                                   \
        memcpy(&next, &found, sizeof(next)); /* ISO C has no conversion; POSIX promises one */     \
        return ++calls == fail_at ? (failed) : next names;                                         \
    }

FAILING(EVP_MD *, NULL, EVP_MD_fetch, (OSSL_LIB_CTX * of, const char *name, const char *properties),
        (of, name, properties))
FAILING(EVP_MD_CTX *, NULL, EVP_MD_CTX_new, (void), ())
FAILING(EVP_MAC *, NULL, EVP_MAC_fetch,
        (OSSL_LIB_CTX * of, const char *name, const char *properties), (of, name, properties))
FAILING(EVP_MAC_CTX *, NULL, EVP_MAC_CTX_new, (EVP_MAC * mac), (mac))
FAILING(int, 0, EVP_MAC_CTX_set_params, (EVP_MAC_CTX * mac, const OSSL_PARAM params[]),
        (mac, params))
FAILING(int, 0, EVP_MAC_init,
        (EVP_MAC_CTX * mac, const unsigned char *key, size_t n, const OSSL_PARAM params[]),
        (mac, key, n, params))
FAILING(int, 0, EVP_MAC_update, (EVP_MAC_CTX * mac, const unsigned char *data, size_t n),
        (mac, data, n))
FAILING(int, 0, EVP_MAC_final, (EVP_MAC_CTX * mac, unsigned char *out, size_t *n, size_t size),
        (mac, out, n, size))
FAILING(int, 0, EVP_DigestInit_ex2,
        (EVP_MD_CTX * digest, const EVP_MD *type, const OSSL_PARAM params[]),
        (digest, type, params))
FAILING(int, 0, EVP_DigestUpdate, (EVP_MD_CTX * digest, const void *data, size_t n),
        (digest, data, n))
FAILING(int, 0, EVP_DigestFinal_ex, (EVP_MD_CTX * digest, unsigned char *out, unsigned *n),
        (digest, out, n))

static const struct sigv4_identity identity = {
    .access_key = SLICE_INIT("AKIDEXAMPLE"),
    .secret = SLICE_INIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
};
static const struct sigv4_scope scope = {SLICE_INIT("us-east-1"), SLICE_INIT("service")};
static const int64_t now = 1440938160; /* 2015-08-30T12:36:00Z */

/* Of AWS's test suite: get-vanilla. */
static const char expected[] =
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
    "SignedHeaders=host;x-amz-date, "
    "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

static int sign(struct sigv4_signer *signer, struct sigv4_signature *out)
{
    static const struct sigv4_header headers[] = {
        {SLICE_INIT("Host"), SLICE_INIT("example.amazonaws.com")},
        {SLICE_INIT("X-Amz-Date"), SLICE_INIT("20150830T123600Z")},
    };
    const struct sigv4_request request = {
        .method = SLICE("GET"), .path = SLICE("/"), .headers = headers, .header_count = 2};

    return sigv4_sign(signer, &request, &identity, &scope, now, out);
}

static enum sigv4_result verify(struct sigv4_signer *signer)
{
    static const struct sigv4_header headers[] = {
        {SLICE_INIT("Host"), SLICE_INIT("example.amazonaws.com")},
        {SLICE_INIT("X-Amz-Date"), SLICE_INIT("20150830T123600Z")},
        {SLICE_INIT("Authorization"), {expected, sizeof(expected) - 1}},
    };
    const struct sigv4_request request = {
        .method = SLICE("GET"), .path = SLICE("/"), .headers = headers, .header_count = 3};
    struct sigv4_authorization authorization;

    assert_int_equal(sigv4_authorization_read(&request, &authorization), SIGV4_OK);
    return sigv4_verify(signer, &request, &authorization, &identity, &scope, now);
}

static struct sigv4_signer *working(void)
{
    struct sigv4_signer *signer;

    fail_at = 0;
    signer = sigv4_signer_new();
    assert_non_null(signer);
    calls = 0;
    return signer;
}

static void assert_works(struct sigv4_signer *signer)
{
    struct sigv4_signature signature;

    fail_at = 0;
    assert_int_equal(sign(signer, &signature), 0);
    assert_true(slice_is(signature.authorization, expected));
    assert_int_equal(verify(signer), SIGV4_OK);
}

static void a_signer_is_whole_or_not_at_all(void **state)
{
    struct sigv4_signer *signer = NULL;

    (void)state;
    for (int n = 1; !signer; n++) {
        assert_in_range(n, 1, 20);
        fail_at = n;
        calls = 0;
        signer = sigv4_signer_new();
        assert_int_equal(signer == NULL, calls >= n);
    }
    assert_works(signer);
    sigv4_signer_free(signer);
}

static void a_signature_that_failed_leaves_no_trace(void **state)
{
    struct sigv4_signature signature;
    int failures = 0;

    (void)state;
    for (int result = -1; result != 0; failures++) {
        struct sigv4_signer *signer = working();

        assert_in_range(failures, 0, 100);
        fail_at = failures + 1;
        result = sign(signer, &signature);
        assert_int_equal(result, calls >= fail_at ? -ENOMEM : 0);
        assert_works(signer);
        sigv4_signer_free(signer);
    }
    assert_true(failures > 20);
}

/* What can't be checked is neither right nor wrong. */
static void a_check_that_failed_is_no_mismatch(void **state)
{
    int failures = 0;

    (void)state;
    for (enum sigv4_result result = SIGV4_NO_MEMORY; result != SIGV4_OK; failures++) {
        struct sigv4_signer *signer = working();

        assert_in_range(failures, 0, 100);
        fail_at = failures + 1;
        result = verify(signer);
        assert_int_equal(result, calls >= fail_at ? SIGV4_NO_MEMORY : SIGV4_OK);
        assert_works(signer);
        sigv4_signer_free(signer);
    }
    assert_true(failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signer_is_whole_or_not_at_all),
        cmocka_unit_test(a_signature_that_failed_leaves_no_trace),
        cmocka_unit_test(a_check_that_failed_is_no_mismatch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A signature is an HMAC under a key that is derived in four steps; both are OpenSSL's, fetched
 * once. Derived keys are kept keyed HMACs, ready to be started again, and found by a digest over
 * secret, day, region and service.
 */
#include "core/sigv4.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>

#include "core/civil_time.h"
#include "core/sigv4_signer.h"

static const struct slice algorithm = SLICE_INIT(SIGV4_ALGORITHM);
static const struct slice terminator = SLICE_INIT(SIGV4_TERMINATOR);

/* Headers that proxies add or change, and the one that carries the signature: botocore's list. */
static const char *const unsigned_headers[] = {
    "authorization",
    "baggage",
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "trailer",
    "proxy-authorization",
    "traceparent",
    "transfer-encoding",
    "tracestate",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
    NULL,
};

/* ---- digests ---- */

static EVP_MAC_CTX *hmac_new(void)
{
    static char name[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac); /* the context holds it */
    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

struct sigv4_signer *sigv4_signer_new(void)
{
    struct sigv4_signer *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    s->digest = EVP_MD_CTX_new();
    s->hmac = hmac_new();
    if (s->sha256 == NULL || s->digest == NULL || s->hmac == NULL) {
        sigv4_signer_free(s);
        return NULL;
    }
    return s;
}

void sigv4_signer_free(struct sigv4_signer *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < SIGV4_KEYS; i++)
        EVP_MAC_CTX_free(s->keys[i].mac); /* wipes the key */
    EVP_MAC_CTX_free(s->hmac);
    EVP_MD_CTX_free(s->digest);
    EVP_MD_free(s->sha256);
    canonical_deinit(&s->canonical);
    strbuf_deinit(&s->to_sign);
    strbuf_deinit(&s->authorization);
    free(s);
}

static bool hash_begin(struct sigv4_signer *s)
{
    return EVP_DigestInit_ex2(s->digest, s->sha256, NULL) == 1;
}

static bool hash_add(struct sigv4_signer *s, struct slice bytes)
{
    return EVP_DigestUpdate(s->digest, bytes.p, bytes.n) == 1;
}

static bool hash_end(struct sigv4_signer *s, unsigned char out[SIGV4_HASH_BYTES])
{
    return EVP_DigestFinal_ex(s->digest, out, NULL) == 1;
}

static void to_hex(const unsigned char bytes[SIGV4_HASH_BYTES], char out[SIGV4_HASH_SIZE])
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < SIGV4_HASH_BYTES; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
    out[SIGV4_HASH_SIZE - 1] = '\0';
}

int sigv4_hash(struct sigv4_signer *s, struct slice bytes, char out[SIGV4_HASH_SIZE])
{
    unsigned char hash[SIGV4_HASH_BYTES];

    if (!hash_begin(s) || !hash_add(s, bytes) || !hash_end(s, hash))
        return -ENOMEM;
    to_hex(hash, out);
    return 0;
}

/* `key` NULL: the one that `mac` has already. */
static bool hmac(EVP_MAC_CTX *mac, const unsigned char *key, size_t key_n, struct slice text,
                 unsigned char out[SIGV4_HASH_BYTES])
{
    size_t n;

    return EVP_MAC_init(mac, key, key_n, NULL) == 1 &&
           EVP_MAC_update(mac, (const unsigned char *)text.p, text.n) == 1 &&
           EVP_MAC_final(mac, out, &n, SIGV4_HASH_BYTES) == 1 && n == SIGV4_HASH_BYTES;
}

/* ---- keys ---- */

/* What a key is found by. Lengths keep the parts apart. */
static bool key_id(struct sigv4_signer *s, struct slice secret, struct slice day,
                   const struct sigv4_scope *scope, unsigned char out[SIGV4_HASH_BYTES])
{
    const size_t lengths[] = {secret.n, day.n, scope->region.n, scope->service.n};

    return hash_begin(s) && hash_add(s, (struct slice){(const char *)lengths, sizeof(lengths)}) &&
           hash_add(s, secret) && hash_add(s, day) && hash_add(s, scope->region) &&
           hash_add(s, scope->service) && hash_end(s, out);
}

/* HMAC(HMAC(HMAC(HMAC("AWS4" + secret, day), region), service), "aws4_request") */
static bool key_derive(struct sigv4_signer *s, struct slice secret, struct slice day,
                       const struct sigv4_scope *scope, EVP_MAC_CTX *mac)
{
    unsigned char key[SIGV4_HASH_BYTES];
    struct strbuf first = {0};
    bool ok;

    strbuf_adds(&first, "AWS4");
    strbuf_add_slice(&first, secret);
    ok = !strbuf_failed(&first) && hmac(s->hmac, (unsigned char *)first.p, first.n, day, key) &&
         hmac(s->hmac, key, SIGV4_HASH_BYTES, scope->region, key) &&
         hmac(s->hmac, key, SIGV4_HASH_BYTES, scope->service, key) &&
         hmac(s->hmac, key, SIGV4_HASH_BYTES, terminator, key) &&
         EVP_MAC_init(mac, key, SIGV4_HASH_BYTES, NULL) == 1;
    if (first.p != NULL)
        OPENSSL_cleanse(first.p, first.cap);
    OPENSSL_cleanse(key, sizeof(key));
    strbuf_deinit(&first);
    return ok;
}

/* The keyed HMAC for that secret and scope, from the cache or derived. NULL: no memory. */
static EVP_MAC_CTX *key_find(struct sigv4_signer *s, struct slice secret, struct slice day,
                             const struct sigv4_scope *scope)
{
    unsigned char id[SIGV4_HASH_BYTES];
    struct sigv4_key *key;

    if (!key_id(s, secret, day, scope, id))
        return NULL;
    for (size_t i = 0; i < SIGV4_KEYS; i++) {
        if (s->keys[i].mac != NULL && memcmp(s->keys[i].id, id, SIGV4_HASH_BYTES) == 0)
            return s->keys[i].mac;
    }
    key = &s->keys[s->next_key];
    memset(key->id, 0, SIGV4_HASH_BYTES);
    if (key->mac == NULL)
        key->mac = hmac_new();
    if (key->mac == NULL || !key_derive(s, secret, day, scope, key->mac))
        return NULL;
    memcpy(key->id, id, SIGV4_HASH_BYTES);
    s->next_key = (s->next_key + 1) % SIGV4_KEYS;
    return key->mac;
}

/* ---- what signing and verifying have in common ---- */

bool sigv4_find_header(const struct sigv4_request *request, struct slice name, struct slice *value)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (slice_eq_nocase(request->headers[i].name, name)) {
            *value = request->headers[i].value;
            return true;
        }
    }
    return false;
}

int sigv4_body_hash(struct sigv4_signer *s, const struct sigv4_request *request,
                    char hash[SIGV4_HASH_SIZE], struct slice *out)
{
    int result = 0;

    if (request->body_hash.n > 0) {
        *out = request->body_hash;
        return 0;
    }
    result = sigv4_hash(s, request->body, hash);
    *out = (struct slice){hash, SIGV4_HASH_SIZE - 1};
    return result;
}

/* "20261123/eu-central-1/sqs/aws4_request" */
static void add_scope(struct strbuf *out, struct slice day, const struct sigv4_scope *scope)
{
    const struct slice parts[] = {scope->region, scope->service, terminator};

    strbuf_add_slice(out, day);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        strbuf_addc(out, '/');
        strbuf_add_slice(out, parts[i]);
    }
}

int sigv4_compute(struct sigv4_signer *s, struct slice secret, const struct sigv4_scope *scope,
                  struct slice date, char signature[SIGV4_HASH_SIZE])
{
    struct slice day = {date.p, SIGV4_DAY_LENGTH};
    unsigned char bytes[SIGV4_HASH_BYTES];
    char hash[SIGV4_HASH_SIZE];
    EVP_MAC_CTX *key;

    if (sigv4_hash(s, strbuf_slice(&s->canonical.text), hash) < 0)
        return -ENOMEM;
    strbuf_reset(&s->to_sign);
    strbuf_add_slice(&s->to_sign, algorithm);
    strbuf_addc(&s->to_sign, '\n');
    strbuf_add_slice(&s->to_sign, date);
    strbuf_addc(&s->to_sign, '\n');
    add_scope(&s->to_sign, day, scope);
    strbuf_addc(&s->to_sign, '\n');
    strbuf_adds(&s->to_sign, hash);
    key = strbuf_failed(&s->to_sign) ? NULL : key_find(s, secret, day, scope);
    if (key == NULL || !hmac(key, NULL, 0, strbuf_slice(&s->to_sign), bytes))
        return -ENOMEM;
    to_hex(bytes, signature);
    return 0;
}

struct slice sigv4_canonical_request(const struct sigv4_signer *s)
{
    return strbuf_slice(&s->canonical.text);
}

struct slice sigv4_string_to_sign(const struct sigv4_signer *s)
{
    return strbuf_slice(&s->to_sign);
}

/* ---- signing ---- */

static bool is_signed(struct slice name)
{
    for (const char *const *other = unsigned_headers; *other != NULL; other++) {
        if (slice_eq_nocase(name, slice_of(*other)))
            return false;
    }
    return true;
}

/* Adds the request's headers that are signed, X-Amz-Date and the token. */
static int add_headers(struct sigv4_signer *s, const struct sigv4_request *request,
                       const struct sigv4_identity *identity, struct slice date)
{
    struct slice found;

    if (request->header_count > SIGV4_HEADERS_MAX ||
        !sigv4_find_header(request, SLICE("host"), &found))
        return -EINVAL;
    canonical_begin(&s->canonical);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct sigv4_header *header = &request->headers[i];

        if (is_signed(header->name))
            canonical_add(&s->canonical, header->name, header->value);
    }
    if (!sigv4_find_header(request, SLICE("x-amz-date"), &found))
        canonical_add(&s->canonical, SLICE("x-amz-date"), date);
    if (identity->token.n > 0 && !sigv4_find_header(request, SLICE("x-amz-security-token"), &found))
        canonical_add(&s->canonical, SLICE("x-amz-security-token"), identity->token);
    return 0;
}

int sigv4_sign(struct sigv4_signer *s, const struct sigv4_request *request,
               const struct sigv4_identity *identity, const struct sigv4_scope *scope,
               int64_t unix_s, struct sigv4_signature *out)
{
    char hash[SIGV4_HASH_SIZE], signature[SIGV4_HASH_SIZE];
    struct slice date = {out->date, SIGV4_DATE_SIZE - 1}, given, payload;
    int result;

    civil_time_write_amz(unix_s, out->date);
    if (sigv4_find_header(request, SLICE("x-amz-date"), &given)) {
        if (given.n != date.n)
            return -EINVAL;
        memcpy(out->date, given.p, given.n);
    }
    result = add_headers(s, request, identity, date);
    if (result == 0 && sigv4_find_header(request, SLICE("x-amz-content-sha256"), &given))
        payload = given;
    else if (result == 0)
        result = sigv4_body_hash(s, request, hash, &payload);
    if (result == 0)
        result = canonical_write(&s->canonical, request, payload);
    if (result == 0)
        result = sigv4_compute(s, identity->secret, scope, date, signature);
    if (result < 0)
        return result;
    strbuf_reset(&s->authorization);
    strbuf_add_slice(&s->authorization, algorithm);
    strbuf_adds(&s->authorization, " Credential=");
    strbuf_add_slice(&s->authorization, identity->access_key);
    strbuf_addc(&s->authorization, '/');
    add_scope(&s->authorization, (struct slice){out->date, SIGV4_DAY_LENGTH}, scope);
    strbuf_adds(&s->authorization, ", SignedHeaders=");
    strbuf_add_slice(&s->authorization, strbuf_slice(&s->canonical.names));
    strbuf_adds(&s->authorization, ", Signature=");
    strbuf_adds(&s->authorization, signature);
    if (strbuf_failed(&s->authorization))
        return -ENOMEM;
    out->authorization = strbuf_slice(&s->authorization);
    return 0;
}

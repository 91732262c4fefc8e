/*
 * The other end of a signature: takes the Authorization header apart, checks what it promises, and
 * computes the signature again from what came.
 */
#include "core/sigv4.h"

#include <errno.h>

#include <openssl/crypto.h>

#include "core/civil_time.h"
#include "core/sigv4_signer.h"

static const struct slice algorithm = SLICE_INIT(SIGV4_ALGORITHM);
static const struct slice terminator = SLICE_INIT(SIGV4_TERMINATOR);

static struct slice trimmed(struct slice text)
{
    while (text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t'))
        text = (struct slice){text.p + 1, text.n - 1};
    while (text.n > 0 && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t'))
        text.n--;
    return text;
}

/* Cuts `rest` at the first `separator`, or at its end. */
static struct slice cut(struct slice *rest, char separator)
{
    const char *end = rest->n > 0 ? memchr(rest->p, separator, rest->n) : NULL;
    struct slice head = {rest->p, end != NULL ? (size_t)(end - rest->p) : rest->n};

    *rest = end != NULL ? (struct slice){end + 1, rest->n - head.n - 1} : (struct slice){NULL, 0};
    return head;
}

/* Cuts `rest` at the last '/'; an empty slice if there is none. */
static struct slice cut_last(struct slice *rest)
{
    for (size_t i = rest->n; i > 0; i--) {
        if (rest->p[i - 1] == '/') {
            struct slice tail = {rest->p + i, rest->n - i};

            rest->n = i - 1;
            return tail;
        }
    }
    return (struct slice){NULL, 0};
}

static bool read_credential(struct slice text, struct sigv4_authorization *out)
{
    bool ends_well = slice_eq(cut_last(&text), terminator);

    out->service = cut_last(&text);
    out->region = cut_last(&text);
    out->day = cut_last(&text);
    out->access_key = text;
    return ends_well && out->service.n > 0 && out->region.n > 0 && out->day.n == SIGV4_DAY_LENGTH &&
           out->access_key.n > 0;
}

static bool is_signature(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if ((text.p[i] < '0' || text.p[i] > '9') && (text.p[i] < 'a' || text.p[i] > 'f'))
            return false;
    }
    return text.n == SIGV4_HASH_SIZE - 1;
}

/* "Credential=…, SignedHeaders=…, Signature=…", each once, in any order. */
static enum sigv4_result read_parts(struct slice text, struct sigv4_authorization *out)
{
    *out = (struct sigv4_authorization){0};
    while (text.n > 0) {
        struct slice value = trimmed(cut(&text, ','));
        struct slice name = cut(&value, '=');

        if (slice_is(name, "Credential") && out->access_key.n == 0) {
            if (!read_credential(value, out))
                return SIGV4_MALFORMED;
        } else if (slice_is(name, "SignedHeaders") && out->signed_headers.n == 0) {
            out->signed_headers = value;
        } else if (slice_is(name, "Signature") && out->signature.n == 0) {
            out->signature = value;
        } else {
            return SIGV4_MALFORMED;
        }
    }
    return out->access_key.n > 0 && out->signed_headers.n > 0 && is_signature(out->signature)
               ? SIGV4_OK
               : SIGV4_MALFORMED;
}

enum sigv4_result sigv4_authorization_read(const struct sigv4_request *request,
                                           struct sigv4_authorization *out)
{
    const struct sigv4_header *found = NULL;
    struct slice value, name;

    for (size_t i = 0; i < request->header_count; i++) {
        if (!slice_eq_nocase(request->headers[i].name, SLICE("authorization")))
            continue;
        if (found != NULL)
            return SIGV4_MALFORMED;
        found = &request->headers[i];
    }
    if (found == NULL)
        return SIGV4_MISSING;
    value = trimmed(found->value);
    name = cut(&value, ' ');
    return slice_eq(name, algorithm) ? read_parts(value, out) : SIGV4_MISSING;
}

/* Whether `name` is one of "host;x-amz-date". */
static bool is_listed(struct slice list, struct slice name)
{
    while (list.n > 0) {
        if (slice_eq_nocase(cut(&list, ';'), name))
            return true;
    }
    return false;
}

static bool must_be_signed(struct slice name)
{
    return slice_eq_nocase(name, SLICE("host")) ||
           (name.n >= 6 && strncasecmp(name.p, "x-amz-", 6) == 0);
}

/* Adds the headers that are listed, and checks that those that must be are. */
static enum sigv4_result add_listed(struct sigv4_signer *s, const struct sigv4_request *request,
                                    struct slice list)
{
    struct slice rest = list, found;

    while (rest.n > 0) {
        struct slice name = cut(&rest, ';');

        if (!sigv4_find_header(request, name, &found))
            return SIGV4_UNSIGNED;
    }
    if (!is_listed(list, SLICE("host")))
        return SIGV4_UNSIGNED;
    canonical_begin(&s->canonical);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct sigv4_header *header = &request->headers[i];

        if (is_listed(list, header->name))
            canonical_add(&s->canonical, header->name, header->value);
        else if (must_be_signed(header->name))
            return SIGV4_UNSIGNED;
    }
    return SIGV4_OK;
}

/* The request's date, from X-Amz-Date or Date, which must be signed; also in X-Amz-Date's form. */
static enum sigv4_result read_date(const struct sigv4_request *request, struct slice list,
                                   int64_t now_unix_s, char out[SIGV4_DATE_SIZE])
{
    struct slice value;
    int64_t unix_s, off;
    bool ok;

    if (sigv4_find_header(request, SLICE("x-amz-date"), &value)) {
        ok = civil_time_read_amz(trimmed(value), &unix_s);
    } else if (sigv4_find_header(request, SLICE("date"), &value)) {
        if (!is_listed(list, SLICE("date")))
            return SIGV4_UNSIGNED;
        ok = civil_time_read_http(trimmed(value), now_unix_s, &unix_s);
    } else {
        return SIGV4_BAD_DATE;
    }
    if (!ok)
        return SIGV4_BAD_DATE;
    civil_time_write_amz(unix_s, out);
    if (__builtin_sub_overflow(unix_s, now_unix_s, &off) || off > SIGV4_SKEW_MAX_S ||
        off < -SIGV4_SKEW_MAX_S)
        return SIGV4_SKEWED;
    return SIGV4_OK;
}

static bool is_expected(struct slice expected, struct slice got)
{
    return expected.n == 0 || slice_eq(expected, got);
}

/* Everything but body and signature. */
static enum sigv4_result check_envelope(struct sigv4_signer *s, const struct sigv4_request *request,
                                        const struct sigv4_authorization *authorization,
                                        const struct sigv4_scope *expected, int64_t now_unix_s,
                                        char date[SIGV4_DATE_SIZE])
{
    enum sigv4_result result;

    if (request->header_count > SIGV4_HEADERS_MAX)
        return SIGV4_TOO_MANY;
    if (!is_expected(expected->region, authorization->region) ||
        !is_expected(expected->service, authorization->service))
        return SIGV4_WRONG_SCOPE;
    result = add_listed(s, request, authorization->signed_headers);
    if (result == SIGV4_OK)
        result = read_date(request, authorization->signed_headers, now_unix_s, date);
    if (result == SIGV4_OK && !slice_eq((struct slice){date, SIGV4_DAY_LENGTH}, authorization->day))
        return SIGV4_WRONG_SCOPE;
    return result;
}

static enum sigv4_result check_signature(struct sigv4_signer *s,
                                         const struct sigv4_request *request,
                                         const struct sigv4_authorization *authorization,
                                         struct slice secret, const char date[SIGV4_DATE_SIZE])
{
    const struct sigv4_scope scope = {authorization->region, authorization->service};
    char hash[SIGV4_HASH_SIZE], signature[SIGV4_HASH_SIZE];
    struct slice payload, given;
    int result = sigv4_body_hash(s, request, hash, &payload);

    if (result == 0 && sigv4_find_header(request, SLICE("x-amz-content-sha256"), &given) &&
        !slice_eq(trimmed(given), payload))
        return SIGV4_BODY_MISMATCH;
    if (result == 0)
        result = canonical_write(&s->canonical, request, payload);
    if (result == 0)
        result =
            sigv4_compute(s, secret, &scope, (struct slice){date, SIGV4_DATE_SIZE - 1}, signature);
    if (result < 0)
        return result == -EINVAL ? SIGV4_TOO_MANY : SIGV4_NO_MEMORY;
    if (authorization->signature.n != SIGV4_HASH_SIZE - 1 ||
        CRYPTO_memcmp(signature, authorization->signature.p, SIGV4_HASH_SIZE - 1) != 0)
        return SIGV4_MISMATCH;
    return SIGV4_OK;
}

enum sigv4_result sigv4_verify(struct sigv4_signer *s, const struct sigv4_request *request,
                               const struct sigv4_authorization *authorization,
                               const struct sigv4_identity *identity,
                               const struct sigv4_scope *expected, int64_t now_unix_s)
{
    char date[SIGV4_DATE_SIZE];
    struct slice token = {NULL, 0};
    enum sigv4_result result =
        check_envelope(s, request, authorization, expected, now_unix_s, date);

    if (result != SIGV4_OK)
        return result;
    if (identity->token.n > 0 &&
        (!sigv4_find_header(request, SLICE("x-amz-security-token"), &token) ||
         !slice_eq(trimmed(token), identity->token)))
        return SIGV4_MISMATCH;
    return check_signature(s, request, authorization, identity->secret, date);
}

const char *sigv4_problem(enum sigv4_result result)
{
    switch (result) {
    case SIGV4_OK:
        return "";
    case SIGV4_MISSING:
        return "no Authorization header with AWS4-HMAC-SHA256";
    case SIGV4_MALFORMED:
        return "the Authorization header is malformed";
    case SIGV4_WRONG_SCOPE:
        return "signed for another region, service or day";
    case SIGV4_UNSIGNED:
        return "a header that must be signed is not, or a signed one is missing";
    case SIGV4_BAD_DATE:
        return "no date, or a malformed one";
    case SIGV4_SKEWED:
        return "the date is more than 15 minutes off";
    case SIGV4_BODY_MISMATCH:
        return "the body is not the one that was signed";
    case SIGV4_MISMATCH:
        return "the signature does not match";
    case SIGV4_TOO_MANY:
        return "too many headers or query parameters";
    case SIGV4_NO_MEMORY:
        return "out of memory";
    }
    return "unknown";
}

/*
 * sigv4 -- AWS Signature Version 4 over HTTP headers: signs requests, and verifies them with the
 * same canonical form.
 *
 * A signature covers method, path, query, the signed headers and a digest of the body, under a key
 * that is derived from the secret for one day, region and service. A signer keeps its digest
 * objects, the last derived keys and its working storage, so a signature allocates nothing once
 * warm, and costs a few microseconds.
 *
 * Life: sigv4_signer_new → sigv4_sign, sigv4_verify any number of times → sigv4_signer_free, which
 * wipes the keys. A signer is not shared between threads. Secrets are copied only into the derived
 * keys and a digest that finds them again.
 *
 * Specification:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
#ifndef CORE_SIGV4_H
#define CORE_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/strbuf.h"

enum {
    SIGV4_HEADERS_MAX = 100, /* of one request; libcurl takes 100 as well */
    SIGV4_PARAMS_MAX = 256,  /* in one query */
    SIGV4_DATE_SIZE = 17,    /* "20261123T073104Z" */
    SIGV4_HASH_SIZE = 65,    /* a SHA-256 in hex */
    SIGV4_SKEW_MAX_S = 900,  /* how far a request's date may be off: 15 min, as SQS */
};

struct sigv4_header {
    struct slice name, value;
};

/* A request as it goes over the wire. Everything is borrowed for the call. */
struct sigv4_request {
    struct slice method; /* "POST" */
    struct slice path;   /* percent-encoded; empty = "/" */
    struct slice query;  /* without '?', percent-encoded */
    const struct sigv4_header *headers;
    size_t header_count;
    struct slice body;
    struct slice body_hash; /* of `body` if the caller has it already (64 hex digits); {NULL, 0} =
                               computed here */
    bool is_s3; /* the path is taken as it is: not normalised, not encoded a second time */
};

struct sigv4_identity {
    struct slice access_key, secret;
    struct slice token; /* of temporary credentials; {NULL, 0} = none */
};

struct sigv4_scope {
    struct slice region, service;
};

struct sigv4_signer;

/* NULL: no memory, or libcrypto has no SHA-256. */
struct sigv4_signer *sigv4_signer_new(void);
void sigv4_signer_free(struct sigv4_signer *signer);

/* What to send in addition to the headers that were signed. The slice points into the signer until
 * its next call. */
struct sigv4_signature {
    char date[SIGV4_DATE_SIZE]; /* X-Amz-Date */
    struct slice authorization; /* Authorization */
};

/*
 * Signs a request. All headers of `request` are signed, so they must be those that are sent,
 * unchanged, and Host among them; only those that proxies add or change (Connection, User-Agent,
 * Traceparent and the like) are left out. The signature also covers X-Amz-Date, made from `unix_s`
 * unless the request has one, and X-Amz-Security-Token if the identity has a token and the request
 * has no such header: send both. If the request has an X-Amz-Content-SHA256, that is what is signed
 * for the body.
 *
 *   0        *out is filled in
 *   -EINVAL  more headers or parameters than the limits, or no Host
 *   -ENOMEM  no memory
 */
int sigv4_sign(struct sigv4_signer *signer, const struct sigv4_request *request,
               const struct sigv4_identity *identity, const struct sigv4_scope *scope,
               int64_t unix_s, struct sigv4_signature *out);

/* What the last sigv4_sign or sigv4_verify of this signer worked on, for tests and for explaining a
 * mismatch. */
struct slice sigv4_canonical_request(const struct sigv4_signer *signer);
struct slice sigv4_string_to_sign(const struct sigv4_signer *signer);

/* SHA-256 of some bytes, in hex with a NUL. 0 or -ENOMEM. */
int sigv4_hash(struct sigv4_signer *signer, struct slice bytes, char out[SIGV4_HASH_SIZE]);

/* The parts of an Authorization header; they point into it. */
struct sigv4_authorization {
    struct slice access_key, day, region,
        service;                 /* the scope: KEY/20261123/eu-central-1/sqs/aws4_request */
    struct slice signed_headers; /* "host;x-amz-date" */
    struct slice signature;      /* 64 hex digits */
};

enum sigv4_result {
    SIGV4_OK = 0,
    SIGV4_MISSING,       /* no Authorization header, or of another algorithm */
    SIGV4_MALFORMED,     /* a part of it is missing, twice or malformed */
    SIGV4_WRONG_SCOPE,   /* for another region, service or day than expected */
    SIGV4_UNSIGNED,      /* Host, the date, or an x-amz- header is not among the signed ones, or is
                            listed but not there */
    SIGV4_BAD_DATE,      /* no date, or one that can't be read */
    SIGV4_SKEWED,        /* the date is more than 15 minutes off */
    SIGV4_BODY_MISMATCH, /* x-amz-content-sha256 is not the body's */
    SIGV4_MISMATCH,      /* the signature is another one */
    SIGV4_TOO_MANY,      /* more headers or parameters than the limits */
    SIGV4_NO_MEMORY,
};

/* Takes the Authorization header apart, so that the caller can look up the secret of `access_key`.
 * SIGV4_OK, SIGV4_MISSING or SIGV4_MALFORMED. */
enum sigv4_result sigv4_authorization_read(const struct sigv4_request *request,
                                           struct sigv4_authorization *out);

/*
 * Verifies a request: scope, signed headers, date, body digest and signature, in this order and in
 * constant time for the last. `request` holds all headers that came, Authorization among them. An
 * empty region or service of `expected` takes any. A token, if the identity has one, must be the
 * X-Amz-Security-Token that came.
 */
enum sigv4_result sigv4_verify(struct sigv4_signer *signer, const struct sigv4_request *request,
                               const struct sigv4_authorization *authorization,
                               const struct sigv4_identity *identity,
                               const struct sigv4_scope *expected, int64_t now_unix_s);

/* What is wrong, for people. "" for SIGV4_OK. */
const char *sigv4_problem(enum sigv4_result result);

#endif

/*
 * sigv4_signer -- what signing and verifying share. Private to sigv4.c and sigv4_verify.c.
 */
#ifndef CORE_SIGV4_SIGNER_H
#define CORE_SIGV4_SIGNER_H

#include <openssl/evp.h>

#include "core/sigv4_canonical.h"

#define SIGV4_ALGORITHM  "AWS4-HMAC-SHA256"
#define SIGV4_TERMINATOR "aws4_request"

enum { SIGV4_HASH_BYTES = 32, SIGV4_DAY_LENGTH = 8, SIGV4_KEYS = 8 };

struct sigv4_key {
    EVP_MAC_CTX *mac; /* NULL: unused */
    unsigned char id[SIGV4_HASH_BYTES];
};

struct sigv4_signer {
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
    EVP_MAC_CTX *hmac; /* for deriving keys */
    struct sigv4_key keys[SIGV4_KEYS];
    unsigned next_key; /* the one to be replaced */
    struct canonical canonical;
    struct strbuf to_sign;
    struct strbuf authorization;
};

/* The first header of that name, without regard to case. false: there is none. */
bool sigv4_find_header(const struct sigv4_request *request, struct slice name, struct slice *value);

/* The digest of the body, in hex: the caller's, or computed into `hash`. 0 or -ENOMEM. */
int sigv4_body_hash(struct sigv4_signer *signer, const struct sigv4_request *request,
                    char hash[SIGV4_HASH_SIZE], struct slice *out);

/* From the canonical request to the signature, in hex. `date` is "20261123T073104Z". 0 or -ENOMEM.
 */
int sigv4_compute(struct sigv4_signer *signer, struct slice secret, const struct sigv4_scope *scope,
                  struct slice date, char signature[SIGV4_HASH_SIZE]);

#endif

/*
 * sigv4_canonical -- the one form of a request that both ends of a signature compute. Private to
 * sigv4.c; what it has to be is in the specification and in AWS's published test vectors.
 */
#ifndef CORE_SIGV4_CANONICAL_H
#define CORE_SIGV4_CANONICAL_H

#include "core/sigv4.h"

struct canonical_param {
    size_t key, key_n, value, value_n; /* in `scratch`, encoded */
};

/* Working storage, reused from request to request. Zero-initialised; strbufs are the owner's. */
struct canonical {
    struct sigv4_header headers[SIGV4_HEADERS_MAX + 2]; /* those to be signed */
    size_t header_count;
    struct canonical_param params[SIGV4_PARAMS_MAX];
    struct strbuf text;    /* the canonical request */
    struct strbuf names;   /* of the signed headers: "host;x-amz-date" */
    struct strbuf scratch; /* encoded parameters */
};

/* Forgets the headers of the request before. */
void canonical_begin(struct canonical *canonical);
/* Adds a header to be signed; asserts that there is room. */
void canonical_add(struct canonical *canonical, struct slice name, struct slice value);

/*
 * Writes `text` and `names` from the request and the headers added; `payload` is the last line.
 *   0        done
 *   -EINVAL  more parameters than SIGV4_PARAMS_MAX
 *   -ENOMEM  no memory
 */
int canonical_write(struct canonical *canonical, const struct sigv4_request *request,
                    struct slice payload);

void canonical_deinit(struct canonical *canonical);

#endif

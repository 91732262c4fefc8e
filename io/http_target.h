/*
 * http_target -- where a request goes, and whether it may be sent at all: nothing that could end a
 * line early, smuggle a header or reach for another protocol gets past here.
 */
#ifndef IO_HTTP_TARGET_H
#define IO_HTTP_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "io/http.h"

struct http_target {
    char *url;      /* owned, as given; NULL: none */
    char host[256]; /* lower case, without brackets */
    uint16_t port;
    bool is_tls;
    bool is_literal; /* an address or localhost: nothing to look up */
};

/*
 * Reads a URL. NULL: `target` is filled in, and its url to be freed by http_target_clear. Else what
 * is wrong with it, and `target` is empty.
 */
const char *http_target_set(struct http_target *target, const char *url);
/* The same for a proxy as the environment names one: the scheme may be missing, and a user name be
 * there. */
const char *http_target_set_proxy(struct http_target *target, const char *text);
void http_target_clear(struct http_target *target);

/* NULL, or what keeps the method or one of the headers from being sent. */
const char *http_request_check(const struct http_request *request);

#endif

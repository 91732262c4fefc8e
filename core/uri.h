/*
 * uri -- takes an http(s) URL apart, strictly, and says whether a request may go there.
 *
 * Two parsers that read one URL differently are how requests go where they should not. So this
 * reads a small, plain part of RFC 3986 that no client understands in another way, and refuses the
 * rest: user info, blanks, control characters, backslashes, anything but ASCII, percent signs in
 * the host, and hosts that look like numbers without being a plain dotted quad (2130706433, 0x7f.1,
 * 0177.0.0.1).
 *
 * Reading and judging are apart: credentials may come from link-local addresses, batches and signed
 * requests go to none.
 */
#ifndef CORE_URI_H
#define CORE_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"

/* Where a host is, as far as its text tells. */
enum uri_reach {
    URI_ELSEWHERE,  /* a name, or an address that is neither of the below */
    URI_LOOPBACK,   /* localhost, *.localhost, 127.0.0.0/8, ::1, and those mapped into IPv6 */
    URI_LINK_LOCAL, /* 169.254.0.0/16, fe80::/10, mapped ones, and AWS's fd00:ec2::/32 */
    URI_NO_HOST,    /* 0.0.0.0/8, ::, multicast, broadcast: nobody to send a request to */
};

/* A URL; the slices point into the text that was read. */
struct uri {
    bool is_https;
    struct slice host;      /* without brackets */
    struct slice authority; /* host and port as written: what a Host header says */
    bool is_ipv6;           /* `host` is an IPv6 address */
    uint16_t port;          /* 443 or 80 if none was written */
    struct slice path;      /* from the first '/', without query; empty if there is none */
    struct slice query;     /* without '?'; empty if there is none */
    enum uri_reach reach;
};

enum uri_result {
    URI_OK = 0,
    URI_NOT_A_URL,     /* no "scheme://" */
    URI_BAD_SCHEME,    /* neither http nor https */
    URI_USER_INFO,     /* user:password@ */
    URI_BAD_CHARACTER, /* blank, control character (CR and LF too), backslash, quote, angle bracket
                          … */
    URI_NOT_ASCII,     /* an internationalised name: to be written as xn-- */
    URI_BAD_HOST,      /* empty, malformed, or a number in disguise */
    URI_BAD_PORT,      /* not 1-65535 */
    URI_HAS_FRAGMENT,  /* '#' */
    URI_TOO_LONG,      /* over 2,048 bytes */
    URI_LINK_LOCAL_HOST, /* only from uri_judge */
    URI_NOBODY_THERE,    /* only from uri_judge */
    URI_NOT_ENCRYPTED,   /* only from uri_judge: http:// to anything but loopback */
};

/* Takes `text` apart. Writes *out on URI_OK only. */
enum uri_result uri_read(struct slice text, struct uri *out);

/* Whether requests may go there: no link-local address, somebody there, and https unless it is
 * loopback or `allow_http`. */
enum uri_result uri_judge(const struct uri *uri, bool allow_http);

/* Why, for people, to follow the text in quotes: "carries user info". "" for URI_OK. */
const char *uri_problem(enum uri_result result);

/* What may be shown of a URL: without query. `text` must have been read into `uri`. */
struct slice uri_shown(struct slice text, const struct uri *uri);

/* The reach of a host as it stands in a URL (IPv6 without brackets), or of an address printed by a
 * resolver. */
enum uri_reach uri_reach_of(struct slice host);

#endif

/*
 * Every character is looked at before anything is taken apart, so what is left to split holds
 * nothing that two parsers could take for different things.
 */
#include "core/uri.h"

#include <arpa/inet.h>

enum { URL_MAX = 2048, HOST_MAX = 253 };

/* ---- where a host is ---- */

static enum uri_reach reach_of_v4(const unsigned char a[4])
{
    if (a[0] == 127)
        return URI_LOOPBACK;
    if (a[0] == 169 && a[1] == 254)
        return URI_LINK_LOCAL;
    if (a[0] == 0 || a[0] >= 224)
        return URI_NO_HOST;
    return URI_ELSEWHERE;
}

static bool is_zero(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* An IPv4 address may hide in an IPv6 one: ::ffff:a.b.c.d, ::a.b.c.d, and NAT64's 64:ff9b::a.b.c.d.
 */
static bool holds_v4(const unsigned char a[16])
{
    static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};

    if (memcmp(a, nat64, sizeof(nat64)) == 0)
        return true;
    return is_zero(a, 10) && ((a[10] == 0xff && a[11] == 0xff) || (a[10] == 0 && a[11] == 0));
}

static enum uri_reach reach_of_v6(const unsigned char a[16])
{
    static const unsigned char ec2[4] = {0xfd, 0x00, 0x0e, 0xc2};

    if (is_zero(a, 15))
        return a[15] == 1 ? URI_LOOPBACK : URI_NO_HOST;
    if (holds_v4(a))
        return reach_of_v4(a + 12);
    if ((a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || memcmp(a, ec2, sizeof(ec2)) == 0)
        return URI_LINK_LOCAL;
    return a[0] == 0xff ? URI_NO_HOST : URI_ELSEWHERE;
}

/* Text with a NUL, as inet_pton wants it. */
static bool to_text(struct slice s, char out[HOST_MAX + 1])
{
    if (s.n == 0 || s.n > HOST_MAX)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

static bool ends_in(struct slice s, struct slice end)
{
    return s.n >= end.n && slice_eq_nocase((struct slice){s.p + s.n - end.n, end.n}, end);
}

static enum uri_reach reach_of_name(struct slice name)
{
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    if (slice_eq_nocase(name, SLICE("localhost")) || ends_in(name, SLICE(".localhost")))
        return URI_LOOPBACK;
    return URI_ELSEWHERE;
}

enum uri_reach uri_reach_of(struct slice host)
{
    unsigned char address[16];
    char text[HOST_MAX + 1];

    if (!to_text(host, text))
        return URI_NO_HOST;
    if (inet_pton(AF_INET, text, address) == 1)
        return reach_of_v4(address);
    if (inet_pton(AF_INET6, text, address) == 1)
        return reach_of_v6(address);
    return reach_of_name(host);
}

/* ---- reading ---- */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* What may stand in a URL at all (RFC 3986 2.2, 2.3, and '%'). */
static bool is_url_character(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("-._~:/?#[]@!$&'()*+,;=%", c) != NULL);
}

static enum uri_result check_characters(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] >= 0x80)
            return URI_NOT_ASCII;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (!is_url_character(text.p[i]))
            return URI_BAD_CHARACTER;
    }
    return URI_OK;
}

static bool find(struct slice text, const char *characters, size_t *at)
{
    for (*at = 0; *at < text.n; ++*at) {
        if (strchr(characters, text.p[*at]) != NULL)
            return true;
    }
    return false;
}

/* The last label of a host decides: if it is a number, the host has to be an address. */
static bool ends_in_number(struct slice host)
{
    size_t start = host.n;

    if (host.n > 0 && host.p[host.n - 1] == '.')
        start = --host.n;
    while (start > 0 && host.p[start - 1] != '.')
        start--;
    if (start == host.n)
        return false;
    if (host.n - start >= 2 && host.p[start] == '0' && (host.p[start + 1] | 32) == 'x')
        return true;
    for (size_t i = start; i < host.n; i++) {
        if (host.p[i] < '0' || host.p[i] > '9')
            return false;
    }
    return true;
}

/* Labels of 1-63 letters, digits, '-' and '_', dots between; one dot may end it. */
static bool is_name(struct slice host)
{
    size_t label = 0;

    for (size_t i = 0; i < host.n; i++) {
        if (host.p[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!is_alnum(host.p[i]) && host.p[i] != '-' && host.p[i] != '_') {
            return false;
        } else if (++label > 63) {
            return false;
        }
    }
    return host.n > 0 && host.n <= HOST_MAX;
}

static bool is_host(const struct uri *uri)
{
    unsigned char address[16];
    char text[HOST_MAX + 1];

    if (!to_text(uri->host, text))
        return false;
    if (uri->is_ipv6)
        return inet_pton(AF_INET6, text, address) == 1;
    if (ends_in_number(uri->host))
        return inet_pton(AF_INET, text, address) == 1;
    return is_name(uri->host);
}

static bool read_port(struct slice text, uint16_t *out)
{
    unsigned value = 0;

    if (text.n == 0 || text.n > 5)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.p[i] - '0');
    }
    if (value == 0 || value > UINT16_MAX)
        return false;
    *out = (uint16_t)value;
    return true;
}

/* Host and port; the brackets of an IPv6 address keep its colons apart from the port's. */
static enum uri_result read_authority(struct slice text, struct uri *out)
{
    size_t end;

    out->authority = text;
    out->is_ipv6 = text.n > 0 && text.p[0] == '[';
    if (out->is_ipv6) {
        if (!find(text, "]", &end))
            return URI_BAD_HOST;
        out->host = (struct slice){text.p + 1, end - 1};
        end++;
        if (end < text.n && text.p[end] != ':')
            return URI_BAD_HOST;
    } else {
        find(text, ":", &end);
        out->host = (struct slice){text.p, end};
    }
    if (!is_host(out))
        return URI_BAD_HOST;
    if (end < text.n && !read_port((struct slice){text.p + end + 1, text.n - end - 1}, &out->port))
        return URI_BAD_PORT;
    out->reach = uri_reach_of(out->host);
    return URI_OK;
}

/* Moves `text` behind "https://". */
static enum uri_result read_scheme(struct slice *text, struct uri *out)
{
    size_t end;

    if (!find(*text, ":", &end) || text->n - end < 3 || memcmp(text->p + end, "://", 3) != 0)
        return URI_NOT_A_URL;
    out->is_https = slice_eq_nocase((struct slice){text->p, end}, SLICE("https"));
    if (!out->is_https && !slice_eq_nocase((struct slice){text->p, end}, SLICE("http")))
        return URI_BAD_SCHEME;
    out->port = out->is_https ? 443 : 80;
    *text = (struct slice){text->p + end + 3, text->n - end - 3};
    return URI_OK;
}

enum uri_result uri_read(struct slice text, struct uri *out)
{
    struct uri uri = {0};
    enum uri_result result;
    struct slice authority;
    size_t end, question;

    if (text.n > URL_MAX)
        return URI_TOO_LONG;
    result = check_characters(text);
    if (result == URI_OK)
        result = read_scheme(&text, &uri);
    if (result != URI_OK)
        return result;
    find(text, "/?#", &end);
    authority = (struct slice){text.p, end};
    if (find(authority, "@", &question))
        return URI_USER_INFO;
    result = read_authority(authority, &uri);
    if (result != URI_OK)
        return result;
    text = (struct slice){text.p + end, text.n - end};
    if (find(text, "#", &end))
        return URI_HAS_FRAGMENT;
    if (find(text, "?", &question))
        uri.query = (struct slice){text.p + question + 1, text.n - question - 1};
    uri.path = (struct slice){text.p, question};
    *out = uri;
    return URI_OK;
}

enum uri_result uri_judge(const struct uri *uri, bool allow_http)
{
    if (uri->reach == URI_LINK_LOCAL)
        return URI_LINK_LOCAL_HOST;
    if (uri->reach == URI_NO_HOST)
        return URI_NOBODY_THERE;
    if (!uri->is_https && uri->reach != URI_LOOPBACK && !allow_http)
        return URI_NOT_ENCRYPTED;
    return URI_OK;
}

const char *uri_problem(enum uri_result result)
{
    switch (result) {
    case URI_OK:
        return "";
    case URI_NOT_A_URL:
        return "is no URL";
    case URI_BAD_SCHEME:
        return "is neither http:// nor https://";
    case URI_USER_INFO:
        return "carries user info";
    case URI_BAD_CHARACTER:
        return "holds a blank, a control character or another one that no URL may hold";
    case URI_NOT_ASCII:
        return "holds characters that are not ASCII (an international name is written as xn--...)";
    case URI_BAD_HOST:
        return "has a malformed host";
    case URI_BAD_PORT:
        return "has a malformed port";
    case URI_HAS_FRAGMENT:
        return "has a fragment (#)";
    case URI_TOO_LONG:
        return "is longer than 2,048 bytes";
    case URI_LINK_LOCAL_HOST:
        return "is a link-local address";
    case URI_NOBODY_THERE:
        return "is an address that nobody has";
    case URI_NOT_ENCRYPTED:
        return "is http:// to another machine, which needs --allow-http";
    }
    return "is malformed";
}

struct slice uri_shown(struct slice text, const struct uri *uri)
{
    const char *end = uri->path.p != NULL ? uri->path.p + uri->path.n : text.p + text.n;

    return (struct slice){text.p, (size_t)(end - text.p)};
}

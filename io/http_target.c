#include "io/http_target.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/address.h"
#include "io/http_head.h"

/* A part of the URL, for curl_free; NULL when it has none. */
static char *part(CURLU *parsed, CURLUPart which, unsigned flags)
{
    char *text = NULL;

    return curl_url_get(parsed, which, &text, flags) == CURLUE_OK ? text : NULL;
}

static bool has_part(CURLU *parsed, CURLUPart which)
{
    char *text = part(parsed, which, 0);

    curl_free(text);
    return text != NULL;
}

static const char *set_host(struct http_target *target, const char *host)
{
    size_t n = strlen(host);

    if (n > 1 && host[0] == '[') { /* an IPv6 address */
        host++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof target->host)
        return "its host name is empty or too long";
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)host[i] >= 0x80)
            return "its host name is not ASCII: write it in punycode (xn--...)";
        target->host[i] = (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] + 32 : host[i]);
    }
    target->host[n] = '\0';
    target->is_literal = address_is_literal(target->host);
    return NULL;
}

static const char *read_parts(struct http_target *target, CURLU *parsed, bool may_have_user)
{
    char *scheme = part(parsed, CURLUPART_SCHEME, 0);
    char *host = part(parsed, CURLUPART_HOST, 0);
    char *port = part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    const char *wrong = NULL;

    if (!scheme || (strcasecmp(scheme, "https") != 0 && strcasecmp(scheme, "http") != 0))
        wrong = "it is neither http:// nor https://";
    else if (!host)
        wrong = "it is not a URL";
    else if (!may_have_user &&
             (has_part(parsed, CURLUPART_USER) || has_part(parsed, CURLUPART_PASSWORD)))
        wrong = "it holds a user name or password";
    else
        wrong = set_host(target, host);
    if (!wrong) {
        target->is_tls = strcasecmp(scheme, "https") == 0;
        target->port = (uint16_t)strtoul(port ? port : "0", NULL, 10);
        if (target->port == 0)
            wrong = "its port is 0";
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return wrong;
}

static const char *set(struct http_target *target, const char *url, bool may_have_user)
{
    const char *wrong = "it is not a URL";
    CURLU *parsed;

    http_target_clear(target);
    for (const char *p = url; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return "it holds a space or a control character";
    if (!strstr(url, "://"))
        return "it is neither http:// nor https://";
    parsed = curl_url();
    if (parsed && curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
        wrong = read_parts(target, parsed, may_have_user);
    curl_url_cleanup(parsed);
    if (!wrong && !(target->url = strdup(url)))
        wrong = "there is no memory for it";
    if (wrong)
        http_target_clear(target);
    return wrong;
}

const char *http_target_set(struct http_target *target, const char *url)
{
    return set(target, url, false);
}

const char *http_target_set_proxy(struct http_target *target, const char *text)
{
    char url[1024];

    if (strlen(text) + sizeof "http://" > sizeof url)
        return "it is too long";
    snprintf(url, sizeof url, "%s%s", strstr(text, "://") ? "" : "http://", text);
    return set(target, url, true);
}

void http_target_clear(struct http_target *target)
{
    free(target->url);
    *target = (struct http_target){.url = NULL};
}

/* Headers that the client writes, and a caller would contradict. */
static bool is_ours(struct slice name)
{
    static const char *const ours[] = {
        "host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te"};

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (slice_eq_nocase(name, slice_of(ours[i])))
            return true;
    return false;
}

const char *http_request_check(const struct http_request *request)
{
    if (request->method && !http_is_token(slice_of(request->method)))
        return "the method is not a word";
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];

        if (!http_is_token(header->name))
            return "a header's name is empty or holds a character that names can't have";
        if (!http_is_field_value(header->value))
            return "a header's value holds control characters";
        if (is_ours(header->name))
            return "a header is one that the client writes itself";
    }
    return NULL;
}

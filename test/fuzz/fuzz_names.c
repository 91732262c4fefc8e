/*
 * Names of things on the network: a first line that says what (url, queue, listen, proxy), then the text. What one reader
 * takes for safe no other may read differently: what uri_read takes, the HTTP client sends to the same host.
 */
#include <arpa/inet.h>

#include "core/arn.h"
#include "core/uri.h"
#include "io/address.h"
#include "io/http_target.h"

#include "test/fuzz/fuzz.h"

/* The client writes IPv6 addresses in their shortest form. */
static bool is_same_host(const struct uri *uri, const char *host)
{
    char text[64];
    struct in6_addr one, other;

    if (!uri->is_ipv6)
        return slice_eq_nocase(uri->host, slice_of(host));
    snprintf(text, sizeof text, SLICE_FMT, SLICE_ARG(uri->host));
    return inet_pton(AF_INET6, text, &one) == 1 && inet_pton(AF_INET6, host, &other) == 1 &&
           memcmp(&one, &other, sizeof one) == 0;
}

/* Both readers of URLs see one host and one port. */
static void check_target(const struct uri *uri, const char *text)
{
    struct http_target target = {.url = NULL};

    if (http_target_set(&target, text))
        return;
    fuzz_check(target.is_tls == uri->is_https && target.port == uri->port);
    fuzz_check(is_same_host(uri, target.host));
    http_target_clear(&target);
}

static void url(struct slice text)
{
    struct uri uri, again;
    struct slice shown;
    enum uri_result result = uri_read(text, &uri), judged;

    fuzz_check((uri_problem(result)[0] == '\0') == (result == URI_OK));
    if (result != URI_OK)
        return;
    fuzz_check(uri.host.n > 0 && uri.port > 0 && fuzz_within(uri.host, text));
    fuzz_check(fuzz_within(uri.authority, text) && fuzz_within(uri.path, text) &&
               fuzz_within(uri.query, text));
    for (size_t i = 0; i < text.n; i++)
        fuzz_check(text.p[i] > ' ' && text.p[i] < 0x7f && text.p[i] != '\\');
    fuzz_check(!memchr(uri.authority.p, '@', uri.authority.n));
    shown = uri_shown(text, &uri);
    fuzz_check(fuzz_within(shown, text) && uri_read(shown, &again) == URI_OK);
    fuzz_check(slice_eq(again.host, uri.host) && again.port == uri.port && again.query.n == 0);
    judged = uri_judge(&uri, true);
    fuzz_check((judged == URI_LINK_LOCAL_HOST) == (uri.reach == URI_LINK_LOCAL));
    if (!uri.is_https && uri.reach == URI_ELSEWHERE)
        fuzz_check(uri_judge(&uri, false) == URI_NOT_ENCRYPTED);
}

static void queue(struct slice text)
{
    struct queue_ref ref;
    struct arn arn;
    enum queue_ref_result result = queue_ref_read(text, &ref);

    fuzz_check((queue_ref_problem(result)[0] == '\0') == (result == QUEUE_REF_OK));
    if (arn_read(text, &arn))
        fuzz_check(fuzz_within(arn.resource, text) && arn.service.n > 0);
    if (result != QUEUE_REF_OK)
        return;
    fuzz_check(fuzz_within(ref.name, text) && ref.name.n > 0 && ref.name.n <= 80);
    fuzz_check(ref.region.n == 0 || arn_region_is_valid(ref.region));
}

static void listen_at(const char *text)
{
    struct address address, again;
    char written[ADDRESS_TEXT_MAX], rewritten[ADDRESS_TEXT_MAX];

    if (address_parse_listen(&address, text))
        return;
    address_text(written, (const struct sockaddr *)&address.at);
    fuzz_check(address_parse_listen(&again, written) == NULL);
    address_text(rewritten, (const struct sockaddr *)&again.at);
    fuzz_check(strcmp(written, rewritten) == 0);
    (void)address_is_link_local((const struct sockaddr *)&address.at);
}

static void proxy(const char *text)
{
    struct http_target target = {.url = NULL};

    if (!http_target_set_proxy(&target, text)) {
        fuzz_check(target.host[0] && target.port > 0);
        http_target_clear(&target);
    }
    (void)address_is_literal(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    struct slice kind = fuzz_line(&f), rest = f.rest, text = fuzz_rest(&f);
    const char *word = fuzz_copy(&f, rest, true).p;

    if (slice_is(kind, "url")) {
        struct uri uri;

        url(text);
        if (strlen(word) == text.n && uri_read(text, &uri) == URI_OK)
            check_target(&uri, word);
    } else if (slice_is(kind, "queue")) {
        queue(text);
    } else if (slice_is(kind, "listen")) {
        listen_at(word);
    } else if (slice_is(kind, "proxy")) {
        proxy(word);
    }
    fuzz_end(&f);
    return 0;
}

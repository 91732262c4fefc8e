#include "io/http_transfer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/http_head.h"

enum { ANSWER_MAX_DEFAULT = 1024 * 1024 };

void transfer_fail(struct transfer *t, enum http_failure failure, const char *format, ...)
{
    va_list args;

    if (t->failure != HTTP_COMPLETE)
        return;
    t->failure = failure;
    va_start(args, format);
    vsnprintf(t->why, sizeof t->why, format, args);
    va_end(args);
}

/* ---- phases ---- */

static sl_dur stall_timeout(const struct transfer *t)
{
    return t->request->stall_timeout.ns > 0 ? t->request->stall_timeout
                                            : sl_sec(TRANSFER_STALL_SECONDS);
}

void transfer_enter(struct transfer *t, enum transfer_phase phase)
{
    t->phase = phase;
    switch (phase) {
    case TRANSFER_QUEUED:
    case TRANSFER_WAITING:
        sl_timer_stop(&t->timer);
        break;
    case TRANSFER_CONNECTING:
        sl_timer_set(&t->timer, t->connect_until);
        break;
    case TRANSFER_READING:
        t->stall_bytes = t->head_bytes + t->answer->body.n;
        sl_timer_set(&t->timer, sl_time_add(sl_now(), stall_timeout(t)));
        break;
    }
}

static void timer_fired(struct sl_timer *timer)
{
    struct transfer *t = SL_CONTAINER_OF(timer, struct transfer, timer);
    size_t bytes = t->head_bytes + t->answer->body.n;

    if (t->phase == TRANSFER_CONNECTING) {
        transfer_fail(t, HTTP_FAIL_CONNECT, "no connection in time");
    } else if (t->phase == TRANSFER_READING && bytes - t->stall_bytes < TRANSFER_STALL_BYTES) {
        transfer_fail(t, HTTP_FAIL_TIMEOUT, "the answer comes in too slowly");
    } else {
        transfer_enter(t, t->phase);
        return;
    }
    sl_unpark(&t->changed);
}

/* ---- what libcurl tells; each runs inside it ---- */

bool transfer_was_sent(const struct transfer *t)
{
    long bytes = 0;

    if (!t->has_begun)
        return false;
    if (t->target.is_tls) /* a record may have left in part without being counted */
        return true;
    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
}

bool transfer_refuses_retry(struct transfer *t)
{
    if (!t->has_begun || !transfer_was_sent(t))
        return false;
    transfer_fail(t, HTTP_FAIL_CUT, "connection closed without an answer");
    return true;
}

static int on_address_needed(void *resolver, void *reserved, void *arg)
{
    struct transfer *t = arg;

    (void)resolver;
    (void)reserved;
    if (t->needs_no_look_up)
        return 0;
    t->wants_address = true;
    return 1;
}

bool transfer_begin(struct transfer *t, bool is_quiet)
{
    if (t->request->begin_in && sl_ctx_err(t->request->begin_in) != SL_OK)
        transfer_fail(t, HTTP_FAIL_CANCELED, "canceled");
    if (t->failure != HTTP_COMPLETE || transfer_refuses_retry(t))
        return false;
    if (!is_quiet) {
        t->wants_fresh = true;
        return false;
    }
    t->has_begun = true;
    t->is_reused = !t->has_opened;
    t->has_opened = false;
    transfer_enter(t, TRANSFER_WAITING);
    return true;
}

/* The head is whole: is it one that tells where the answer ends? */
static bool accept_head(struct transfer *t)
{
    struct slice head = {t->answer->head.p, t->answer->head.n};
    size_t answer_max = t->request->answer_max ? t->request->answer_max : ANSWER_MAX_DEFAULT;
    const char *wrong;
    int64_t length;

    wrong = http_head_check(head, &length);
    if (wrong) {
        transfer_fail(t, HTTP_FAIL_PROTOCOL, "%s", wrong);
        return false;
    }
    t->status = http_head_status(head);
    if (t->status == 101) {
        transfer_fail(t, HTTP_FAIL_PROTOCOL, "it switches to another protocol");
        return false;
    }
    if (t->status < 200)
        return true;
    t->is_head_done = true;
    if (t->status == 204 || t->status == 304 ||
        (t->request->method && strcmp(t->request->method, "HEAD") == 0))
        return true;
    t->ends_with_close = length == HTTP_LENGTH_TO_CLOSE;
    if (length < 0)
        return true;
    if ((uint64_t)length > answer_max) {
        transfer_fail(t, HTTP_FAIL_TOO_LARGE, "answer of %lld bytes, %zu allowed",
                      (long long)length, answer_max);
        return false;
    }
    strbuf_reserve(&t->answer->body, (size_t)length);
    return true;
}

/* A line of the head, with its end; or of a chunked answer's trailer, which nobody reads. 0 stops
 * the transfer. */
static size_t on_head(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct strbuf *head = &t->answer->head;

    (void)size;
    t->head_bytes += n;
    if (t->head_bytes > TRANSFER_HEAD_MAX) {
        transfer_fail(t, HTTP_FAIL_TOO_LARGE, "headers above 64 KiB");
        return 0;
    }
    if (t->is_head_done)
        return n;
    if (n > 5 && memcmp(p, "HTTP/", 5) == 0 && (head->n == 0 || t->status > 0)) {
        if (head->n > 0 && ++t->interim_count > TRANSFER_INTERIM_MAX) {
            transfer_fail(t, HTTP_FAIL_PROTOCOL, "more than %d interim answers",
                          TRANSFER_INTERIM_MAX);
            return 0;
        }
        strbuf_reset(head);
        t->status = 0;
        t->answer->answered = sl_now();
        if (t->phase != TRANSFER_READING)
            transfer_enter(t, TRANSFER_READING);
    }
    if (*p == '\r' || *p == '\n') {
        if (!accept_head(t))
            return 0;
        if (!t->is_head_done)
            transfer_enter(t, TRANSFER_WAITING);
        return n;
    }
    strbuf_add(head, p, n);
    if (strbuf_failed(head)) {
        transfer_fail(t, HTTP_FAIL_MEMORY, "no memory for the headers");
        return 0;
    }
    return n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct strbuf *body = &t->answer->body;
    size_t answer_max = t->request->answer_max ? t->request->answer_max : ANSWER_MAX_DEFAULT;

    (void)size;
    if (n > answer_max - body->n) {
        transfer_fail(t, HTTP_FAIL_TOO_LARGE, "answer above %zu bytes", answer_max);
        return 0;
    }
    strbuf_add(body, p, n);
    if (strbuf_failed(body)) {
        transfer_fail(t, HTTP_FAIL_MEMORY, "no memory for the answer");
        return 0;
    }
    return n;
}

/* ---- making and setting handles ---- */

/* curl_easy_setopt is variadic: these give it the exact types, and gather failures. */
static void set_long(struct transfer *t, CURLoption option, long value, CURLcode *r)
{
    if (*r == CURLE_OK)
        *r = curl_easy_setopt(t->easy, option, value);
}

static void set_pointer(struct transfer *t, CURLoption option, const void *value, CURLcode *r)
{
    if (*r == CURLE_OK)
        *r = curl_easy_setopt(t->easy, option, value);
}

static CURLcode set_constants(struct transfer *t, const char *ca_file, const char *user_agent)
{
    CURLcode r = CURLE_OK;

    set_long(t, CURLOPT_NOSIGNAL, 1, &r);
    set_long(t, CURLOPT_QUICK_EXIT, 1, &r);
    /* Allocated for every request: above 64 KiB its release makes glibc tidy up its whole heap. */
    set_long(t, CURLOPT_BUFFERSIZE, 60 * 1024, &r);
    set_long(t, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1, &r);
    set_long(t, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2, &r);
    set_long(t, CURLOPT_SSL_VERIFYPEER, 1, &r);
    set_long(t, CURLOPT_SSL_VERIFYHOST, 2, &r);
    set_long(t, CURLOPT_FOLLOWLOCATION, 0, &r);
    set_long(t, CURLOPT_PATH_AS_IS, 1, &r);
    set_long(t, CURLOPT_DISALLOW_USERNAME_IN_URL, 1, &r);
    set_long(t, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1, &r);
    set_long(t, CURLOPT_HTTP_CONTENT_DECODING, 0, &r);
    set_long(t, CURLOPT_HTTP09_ALLOWED, 0, &r);
    set_long(t, CURLOPT_NETRC, CURL_NETRC_IGNORED, &r);
    set_long(t, CURLOPT_TCP_KEEPALIVE, 1, &r);
    set_long(t, CURLOPT_MAXAGE_CONN, 118,
             &r); /* idle: servers behind AWS close at 120 s and more (curl#3782) */
    set_long(t, CURLOPT_MAXLIFETIME_CONN, 300, &r);
    set_long(t, CURLOPT_DNS_CACHE_TIMEOUT, 60, &r);
    set_pointer(t, CURLOPT_PROTOCOLS_STR, "http,https", &r);
    set_pointer(t, CURLOPT_ERRORBUFFER, t->error, &r);
    set_pointer(t, CURLOPT_PRIVATE, t, &r);
    if (ca_file)
        set_pointer(t, CURLOPT_CAINFO, ca_file, &r);
    if (user_agent)
        set_pointer(t, CURLOPT_USERAGENT, user_agent, &r);
    set_pointer(t, CURLOPT_HEADERDATA, t, &r);
    set_pointer(t, CURLOPT_WRITEDATA, t, &r);
    set_pointer(t, CURLOPT_RESOLVER_START_DATA, t, &r);
    if (r == CURLE_OK)
        r = curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_head);
    if (r == CURLE_OK)
        r = curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    if (r == CURLE_OK)
        r = curl_easy_setopt(t->easy, CURLOPT_RESOLVER_START_FUNCTION, on_address_needed);
    return r;
}

struct transfer *transfer_new(void *owner, const char *ca_file, const char *user_agent)
{
    struct transfer *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->owner = owner;
    t->easy = curl_easy_init();
    sl_timer_init(&t->timer, timer_fired);
    if (!t->easy || set_constants(t, ca_file, user_agent) != CURLE_OK) {
        transfer_free(t);
        return NULL;
    }
    return t;
}

void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    sl_assert(!t->is_active);
    sl_timer_stop(&t->timer);
    curl_easy_cleanup(t->easy);
    http_target_clear(&t->target);
    strbuf_deinit(&t->lines);
    strbuf_deinit(&t->resolved);
    free(t->nodes);
    free(t);
}

/* One more line, NUL terminated, in `lines`. */
static void add_line(struct transfer *t, struct slice name, struct slice value)
{
    strbuf_add(&t->lines, name.p, name.n);
    if (value.n == 0) { /* libcurl's way to say that the header is there, and empty */
        strbuf_add(&t->lines, ";", 2);
        return;
    }
    strbuf_adds(&t->lines, ": ");
    strbuf_add(&t->lines, value.p, value.n);
    strbuf_addc(&t->lines, '\0');
}

/* Links the NUL terminated lines into the list that libcurl reads, without an allocation for each.
 */
static struct curl_slist *link_lines(struct transfer *t, size_t count)
{
    char *p = t->lines.p;

    if (count > t->nodes_max) {
        struct curl_slist *nodes = realloc(t->nodes, count * sizeof *nodes);

        if (!nodes)
            return NULL;
        t->nodes = nodes;
        t->nodes_max = count;
    }
    for (size_t i = 0; i < count; i++) {
        t->nodes[i] =
            (struct curl_slist){.data = p, .next = i + 1 < count ? &t->nodes[i + 1] : NULL};
        p += strlen(p) + 1;
    }
    return t->nodes;
}

static CURLcode set_headers(struct transfer *t, const struct http_request *request)
{
    /* An empty value takes away what libcurl would add by itself. */
    static const char taken_away[] = "Expect:\0Accept:";
    size_t count = 2;
    bool has_type = false;

    strbuf_reset(&t->lines);
    strbuf_add(&t->lines, taken_away, sizeof taken_away);
    for (size_t i = 0; i < request->header_count; i++, count++) {
        add_line(t, request->headers[i].name, request->headers[i].value);
        has_type = has_type || slice_eq_nocase(request->headers[i].name, SLICE("content-type"));
    }
    if (!has_type) {
        strbuf_add(&t->lines, "Content-Type:", sizeof "Content-Type:");
        count++;
    }
    if (strbuf_failed(&t->lines) || !link_lines(t, count))
        return CURLE_OUT_OF_MEMORY;
    return curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->nodes);
}

/* The kind of request that libcurl is to make: it has one for each of GET, HEAD and "with a body",
 * and renames them. */
static void set_method(struct transfer *t, const char *method, bool has_body, CURLcode *r)
{
    char kind[sizeof t->method];

    snprintf(kind, sizeof kind, "%c%s", has_body ? '+' : '-', method);
    if (strcmp(kind, t->method) == 0)
        return;
    set_long(t, CURLOPT_NOBODY, 0, r);
    if (has_body)
        set_long(t, CURLOPT_POST, 1, r);
    else
        set_long(t, CURLOPT_HTTPGET, 1, r);
    if (strcmp(method, "HEAD") == 0)
        set_long(t, CURLOPT_NOBODY, 1, r);
    set_pointer(t, CURLOPT_CUSTOMREQUEST, method, r);
    strcpy(t->method, *r == CURLE_OK ? kind : "");
}

static void set_fresh(struct transfer *t, bool is_fresh, CURLcode *r)
{
    if (t->is_fresh == is_fresh)
        return;
    set_long(t, CURLOPT_FRESH_CONNECT, is_fresh, r);
    t->is_fresh = is_fresh;
}

static bool needs_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

int transfer_prepare(struct transfer *t, const struct http_request *request,
                     struct http_answer *answer)
{
    const char *method = request->method ? request->method : request->body.p ? "POST" : "GET";
    bool has_body = request->body.p != NULL || needs_body(method);
    CURLcode r = CURLE_OK;

    t->request = request;
    t->answer = answer;
    t->failure = HTTP_COMPLETE;
    t->why[0] = '\0';
    t->connect_until = SL_NEVER;
    transfer_rewind(t);
    if (strlen(method) + 2 > sizeof t->method)
        return -ENOMEM;
    set_method(t, method, has_body, &r);
    if (has_body) {
        set_pointer(t, CURLOPT_POSTFIELDS, request->body.p ? request->body.p : "", &r);
        if (r == CURLE_OK)
            r = curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
    }
    set_fresh(t, request->fresh_connection, &r);
    if (r == CURLE_OK)
        r = set_headers(t, request);
    return r == CURLE_OK ? 0 : -ENOMEM;
}

void transfer_rewind(struct transfer *t)
{
    strbuf_reset(&t->answer->body);
    strbuf_reset(&t->answer->head);
    t->result = CURLE_OK;
    t->has_begun = t->has_opened = t->is_reused = t->is_head_done = t->ends_with_close = false;
    t->wants_address = t->wants_fresh = false;
    t->peer.length = 0;
    t->head_bytes = t->stall_bytes = 0;
    t->interim_count = 0;
    t->status = 0;
    sl_parker_init(&t->changed);
    transfer_enter(t, TRANSFER_QUEUED);
}

int transfer_rewind_fresh(struct transfer *t)
{
    CURLcode r = CURLE_OK;

    transfer_rewind(t);
    set_fresh(t, true, &r);
    return r == CURLE_OK ? 0 : -ENOMEM;
}

int transfer_set_addresses(struct transfer *t, const char *host, uint16_t port,
                           const struct address *addresses, size_t count)
{
    CURLcode r = CURLE_OK;

    strbuf_reset(&t->resolved);
    strbuf_addf(&t->resolved, "+%s:%u:", host, (unsigned)port); /* +: forgotten after a minute */
    for (size_t i = 0; i < count; i++) {
        const struct sockaddr *to = (const struct sockaddr *)&addresses[i].at;
        char text[ADDRESS_TEXT_MAX];

        address_host_text(text, to);
        strbuf_addf(&t->resolved, to->sa_family == AF_INET6 ? "%s[%s]" : "%s%s", i > 0 ? "," : "",
                    text);
    }
    if (strbuf_failed(&t->resolved))
        return -ENOMEM;
    t->resolve = (struct curl_slist){.data = t->resolved.p};
    set_pointer(t, CURLOPT_RESOLVE, &t->resolve, &r);
    return r == CURLE_OK ? 0 : -ENOMEM;
}

/* ---- what came of it ---- */

/* "127.0.0.1:8080", or "name:443" when no address was tried. */
static void peer_text(const struct transfer *t, char *out, size_t n)
{
    char address[ADDRESS_TEXT_MAX];
    char *ip = NULL;
    long port = 0;

    if (t->peer.length > 0) {
        address_text(address, (const struct sockaddr *)&t->peer.at);
        snprintf(out, n, "%s", address);
        return;
    }
    if (t->has_begun) {
        curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip);
        curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_PORT, &port);
    }
    if (ip && *ip)
        snprintf(out, n, strchr(ip, ':') ? "[%s]:%ld" : "%s:%ld", ip, port);
    else
        snprintf(out, n, "%.80s:%u", t->target.host, (unsigned)t->target.port);
}

/* "connection refused": what the system said last, in lower case; or `otherwise`. */
static void fail_by_system(struct transfer *t, enum http_failure failure, const char *otherwise)
{
    char text[64];
    long number = 0;

    curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
    if (number == 0 || number == EAGAIN || number == EINPROGRESS) {
        transfer_fail(t, failure, "%s", otherwise);
        return;
    }
    snprintf(text, sizeof text, "%s", strerror((int)number));
    if (text[0] >= 'A' && text[0] <= 'Z')
        text[0] = (char)(text[0] + 32);
    transfer_fail(t, failure, "%s", text);
}

static void fail_by_curl(struct transfer *t, enum http_failure failure)
{
    transfer_fail(t, failure, "%s", t->error[0] ? t->error : curl_easy_strerror(t->result));
}

/* libcurl's results, as far as they are told apart here. Whatever else it says is a connection that
 * came to nothing. */
static void fail_by_result(struct transfer *t)
{
    switch ((int)t->result) {
    case CURLE_OUT_OF_MEMORY:
        if (t->has_begun &&
            !t->is_head_done) /* as a header line above libcurl's 100 KiB comes back */
            transfer_fail(t, HTTP_FAIL_TOO_LARGE, "headers above 64 KiB");
        else
            transfer_fail(t, HTTP_FAIL_MEMORY, "out of memory");
        break;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        transfer_fail(t, HTTP_FAIL_RESOLVE, "no address for the name");
        break;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ENGINE_INITFAILED:
        fail_by_curl(t, HTTP_FAIL_TLS);
        break;
    case CURLE_UNSUPPORTED_PROTOCOL: /* that is how HTTP/0.9 comes back */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_URL_MALFORMAT:
        fail_by_curl(t, HTTP_FAIL_PROTOCOL);
        break;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
        transfer_fail(t, HTTP_FAIL_CUT,
                      t->head_bytes ? "answer cut off" : "connection closed without an answer");
        break;
    default:
        if (t->has_begun)
            fail_by_system(t, HTTP_FAIL_CUT, t->head_bytes ? "answer cut off" : "connection lost");
        else
            fail_by_system(t, HTTP_FAIL_CONNECT, t->error[0] ? t->error : "no connection");
        break;
    }
}

/* Was only a part of the request's body handed to the system? With Connection: close in an answer,
 * libcurl sends no more of it, and is content. */
static bool is_sent_in_part(const struct transfer *t)
{
    curl_off_t bytes = 0;

    curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &bytes);
    return (size_t)bytes < t->request->body.n;
}

void transfer_conclude(struct transfer *t)
{
    struct http_answer *answer = t->answer;
    char peer[100];

    transfer_enter(t, TRANSFER_QUEUED);
    if (t->failure == HTTP_COMPLETE && t->result != CURLE_OK)
        fail_by_result(t);
    if (t->failure == HTTP_COMPLETE && !t->is_head_done)
        transfer_fail(t, HTTP_FAIL_CUT, "answer cut off"); /* libcurl is content with half a head */
    if (t->failure == HTTP_COMPLETE && t->status < 300 && t->ends_with_close && answer->body.n == 0)
        transfer_fail(t, HTTP_FAIL_CUT, "closed before its body, or it lacks a Content-Length: 0");
    answer->failure = t->failure;
    answer->sent = transfer_was_sent(t);
    answer->reused = t->has_begun && t->is_reused;
    answer->early = t->failure == HTTP_COMPLETE && is_sent_in_part(t);
    answer->status = t->status;
    answer->detail[0] = '\0';
    if (t->failure == HTTP_COMPLETE)
        return;
    answer->status = 0;
    strbuf_reset(&answer->body);
    peer_text(t, peer, sizeof peer);
    snprintf(answer->detail, sizeof answer->detail, "%.*s (%.*s)", (int)sizeof t->why, t->why, 60,
             peer);
}

/*
 * The part of HTTP that every client shares: the answer as a value, and the call through the
 * client's ops.
 */
#include "io/http.h"

#include <string.h>

#include "io/http_head.h"

void http_answer_init(struct http_answer *answer)
{
    *answer = (struct http_answer){.failure = HTTP_FAIL_CANCELED};
}

void http_answer_deinit(struct http_answer *answer)
{
    strbuf_deinit(&answer->body);
    strbuf_deinit(&answer->head);
}

static struct slice head_of(const struct http_answer *answer)
{
    return (struct slice){answer->head.p, answer->head.n};
}

struct slice http_answer_header(const struct http_answer *answer, const char *name)
{
    struct slice wanted = slice_of(name);
    struct http_head_line line;
    size_t at = 0;

    while (http_head_next(head_of(answer), &at, &line))
        if (slice_eq_nocase(line.name, wanted))
            return line.value;
    return (struct slice){NULL, 0};
}

size_t http_answer_header_count(const struct http_answer *answer, const char *name)
{
    struct slice wanted = slice_of(name);
    struct http_head_line line;
    size_t count = 0;
    size_t at = 0;

    while (http_head_next(head_of(answer), &at, &line))
        count += slice_eq_nocase(line.name, wanted);
    return count;
}

const char *http_failure_text(enum http_failure failure)
{
    switch (failure) {
    case HTTP_COMPLETE:
        return "complete";
    case HTTP_FAIL_RESOLVE:
        return "no address for the name";
    case HTTP_FAIL_CONNECT:
        return "no connection";
    case HTTP_FAIL_TLS:
        return "no secure connection";
    case HTTP_FAIL_TIMEOUT:
        return "timed out";
    case HTTP_FAIL_CUT:
        return "connection lost";
    case HTTP_FAIL_TOO_LARGE:
        return "answer too large";
    case HTTP_FAIL_PROTOCOL:
        return "not HTTP";
    case HTTP_FAIL_CANCELED:
        return "canceled";
    case HTTP_FAIL_MEMORY:
        return "out of memory";
    case HTTP_FAIL_REFUSED_URL:
        return "not sent";
    }
    return "?";
}

void http_perform(struct http_client *client, struct sl_ctx *ctx,
                  const struct http_request *request, struct http_answer *answer)
{
    answer->early = false;
    answer->answered = SL_NEVER;
    client->ops->perform(client, ctx, request, answer);
    answer->answered = sl_time_min(answer->answered, sl_now());
}

void http_client_free(struct http_client *client)
{
    if (client)
        client->ops->free(client);
}

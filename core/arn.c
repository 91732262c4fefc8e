#include "core/arn.h"

#include <stdint.h>

#include "core/uri.h"

enum { NAME_MAX_LENGTH = 80, REGION_MAX_LENGTH = 32 };

static bool starts_with(struct slice text, struct slice start)
{
    return text.n >= start.n && memcmp(text.p, start.p, start.n) == 0;
}

static bool ends_with(struct slice text, struct slice end)
{
    return text.n >= end.n && memcmp(text.p + text.n - end.n, end.p, end.n) == 0;
}

/* Cuts `rest` at the first `separator`, or at its end. */
static struct slice cut(struct slice *rest, char separator)
{
    const char *end = rest->n > 0 ? memchr(rest->p, separator, rest->n) : NULL;
    struct slice head = {rest->p, end != NULL ? (size_t)(end - rest->p) : rest->n};

    *rest = end != NULL ? (struct slice){end + 1, rest->n - head.n - 1} : (struct slice){NULL, 0};
    return head;
}

bool arn_read(struct slice text, struct arn *out)
{
    struct arn arn;

    if (!slice_is(cut(&text, ':'), "arn"))
        return false;
    arn.partition = cut(&text, ':');
    arn.service = cut(&text, ':');
    arn.region = cut(&text, ':');
    arn.account = cut(&text, ':');
    arn.resource = text;
    if (arn.partition.n == 0 || arn.service.n == 0 || arn.resource.n == 0)
        return false;
    *out = arn;
    return true;
}

static bool is_lower_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

bool arn_region_is_valid(struct slice text)
{
    unsigned hyphens = 0;

    if (text.n == 0 || text.n > REGION_MAX_LENGTH)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '-' && i > 0 && i + 1 < text.n && text.p[i - 1] != '-')
            hyphens++;
        else if (!is_lower_or_digit(text.p[i]))
            return false;
    }
    return hyphens >= 2;
}

static bool is_account(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    }
    return text.n == 12;
}

static bool is_queue_name(struct slice text, bool *is_fifo)
{
    struct slice rest = text;

    *is_fifo = ends_with(text, SLICE(".fifo"));
    if (*is_fifo)
        rest.n -= sizeof(".fifo") - 1;
    for (size_t i = 0; i < rest.n; i++) {
        char c = rest.p[i];

        if (!is_lower_or_digit(c) && !(c >= 'A' && c <= 'Z') && c != '-' && c != '_')
            return false;
    }
    return rest.n > 0 && text.n <= NAME_MAX_LENGTH;
}

/* ---- URLs ---- */

static struct slice valid_region(struct slice text)
{
    return arn_region_is_valid(text) ? text : (struct slice){NULL, 0};
}

/* The region in one of AWS's own host names; empty for others. */
static struct slice region_of_host(struct slice host)
{
    static const struct slice domains[] = {
        SLICE_INIT(".vpce.amazonaws.com.cn"),
        SLICE_INIT(".vpce.amazonaws.com"),
        SLICE_INIT(".amazonaws.com.cn"),
        SLICE_INIT(".amazonaws.com"),
        SLICE_INIT(".api.aws"),
    };
    struct slice rest = host, label;

    if (slice_is(host, "queue.amazonaws.com"))
        return SLICE("us-east-1");
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
        if (ends_with(rest, domains[i])) {
            rest.n -= domains[i].n;
            break;
        }
    }
    if (rest.n == host.n)
        return (struct slice){NULL, 0};
    if (ends_with(rest, SLICE(".queue")))
        return valid_region((struct slice){rest.p, rest.n - (sizeof(".queue") - 1)});
    label = cut(&rest, '.');
    if (starts_with(label, SLICE("vpce-")))
        label = cut(&rest, '.');
    return slice_is(label, "sqs") || slice_is(label, "sqs-fips") ? valid_region(rest)
                                                                 : (struct slice){NULL, 0};
}

/* The last segment of `path`, which is cut off; empty if there is none. */
static struct slice cut_last_segment(struct slice *path)
{
    size_t start = path->n;
    struct slice segment;

    while (start > 0 && path->p[start - 1] != '/')
        start--;
    segment = (struct slice){path->p + start, path->n - start};
    path->n = start > 0 ? start - 1 : 0;
    return segment;
}

static enum queue_ref_result read_url(struct slice text, struct queue_ref *out)
{
    struct slice path;
    struct uri uri;

    if (uri_read(text, &uri) != URI_OK)
        return QUEUE_REF_BAD_URL;
    path = uri.path;
    out->url = text;
    out->name = cut_last_segment(&path);
    if (out->name.n == 0 || uri.query.n > 0)
        return QUEUE_REF_NO_PATH;
    if (!is_queue_name(out->name, &out->is_fifo))
        return QUEUE_REF_BAD_NAME;
    out->account = cut_last_segment(&path);
    if (!is_account(out->account))
        out->account = (struct slice){NULL, 0};
    out->region = region_of_host(uri.host);
    return QUEUE_REF_OK;
}

static enum queue_ref_result read_arn(struct slice text, struct queue_ref *out)
{
    struct arn arn;

    if (!arn_read(text, &arn) || !slice_is(arn.service, "sqs") ||
        !arn_region_is_valid(arn.region) || !is_account(arn.account))
        return QUEUE_REF_BAD_ARN;
    out->region = arn.region;
    out->account = arn.account;
    out->name = arn.resource;
    return is_queue_name(arn.resource, &out->is_fifo) ? QUEUE_REF_OK : QUEUE_REF_BAD_NAME;
}

static bool holds_scheme(struct slice text)
{
    for (size_t i = 0; i + 3 <= text.n; i++) {
        if (memcmp(text.p + i, "://", 3) == 0)
            return true;
    }
    return false;
}

enum queue_ref_result queue_ref_read(struct slice text, struct queue_ref *out)
{
    struct queue_ref ref = {.kind = QUEUE_BY_NAME, .name = text};
    enum queue_ref_result result;

    if (holds_scheme(text)) {
        ref = (struct queue_ref){.kind = QUEUE_BY_URL};
        result = read_url(text, &ref);
    } else if (starts_with(text, SLICE("arn:"))) {
        ref = (struct queue_ref){.kind = QUEUE_BY_ARN};
        result = read_arn(text, &ref);
    } else {
        result = is_queue_name(text, &ref.is_fifo) ? QUEUE_REF_OK : QUEUE_REF_BAD_NAME;
    }
    if (result == QUEUE_REF_OK)
        *out = ref;
    return result;
}

const char *queue_ref_problem(enum queue_ref_result result)
{
    switch (result) {
    case QUEUE_REF_OK:
        return "";
    case QUEUE_REF_BAD_URL:
        return "is a malformed URL";
    case QUEUE_REF_NO_PATH:
        return "is no queue's URL: it has to end in /ACCOUNT/NAME";
    case QUEUE_REF_BAD_ARN:
        return "is no queue's ARN: it has to be arn:aws:sqs:REGION:ACCOUNT:NAME";
    case QUEUE_REF_BAD_NAME:
        return "is no queue's name: 1 to 80 letters, digits, hyphens and underscores";
    }
    return "is malformed";
}

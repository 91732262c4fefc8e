#include "io/http_head.h"

#include <string.h>

enum { TOKEN = 1, FIELD = 2 };

/* What a byte may be part of: a token (RFC 9110, 5.6.2), a field's value (5.5). */
static unsigned char kind_of(unsigned char c)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    bool is_token = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c != '\0' && c < 0x80 && strchr(marks, c));
    bool is_field = (c >= 0x20 && c != 0x7f) || c == '\t';

    return (unsigned char)((is_token ? TOKEN : 0) | (is_field ? FIELD : 0));
}

/* Worked out once: every header of every request is looked at. */
static const unsigned char *kinds(void)
{
    static unsigned char table[256];
    static bool is_made;

    for (unsigned c = 0; !is_made && c < 256; c++)
        table[c] = kind_of((unsigned char)c);
    is_made = true;
    return table;
}

static bool is_all(struct slice text, unsigned char kind)
{
    const unsigned char *table = kinds();

    for (size_t i = 0; i < text.n; i++)
        if (!(table[(unsigned char)text.p[i]] & kind))
            return false;
    return true;
}

bool http_is_token(struct slice text)
{
    return text.n > 0 && is_all(text, TOKEN);
}

bool http_is_field_value(struct slice text)
{
    return is_all(text, FIELD);
}

struct slice http_trim(struct slice text)
{
    while (text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t'))
        text = (struct slice){text.p + 1, text.n - 1};
    while (text.n > 0 && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t'))
        text.n--;
    return text;
}

/* The line at `*at`, without its end; false at the end of the head, and at the empty line. */
static bool next_line(struct slice head, size_t *at, struct slice *line)
{
    const char *from = head.p + *at;
    const char *end = *at < head.n ? memchr(from, '\n', head.n - *at) : NULL;
    size_t n;

    if (*at >= head.n)
        return false;
    n = end ? (size_t)(end - from) : head.n - *at;
    *at += n + (end ? 1 : 0);
    if (n > 0 && from[n - 1] == '\r')
        n--;
    *line = (struct slice){from, n};
    return n > 0;
}

bool http_head_next(struct slice head, size_t *at, struct http_head_line *line)
{
    const char *colon;
    struct slice text;

    if (*at == 0 && !next_line(head, at, &text))
        return false;
    if (!next_line(head, at, &text))
        return false;
    colon = memchr(text.p, ':', text.n);
    if (!colon) {
        *line = (struct http_head_line){.name = text};
        return true;
    }
    line->name = (struct slice){text.p, (size_t)(colon - text.p)};
    line->value = http_trim((struct slice){colon + 1, text.n - line->name.n - 1});
    return true;
}

int http_head_status(struct slice head)
{
    const char *p = head.p;

    if (head.n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[7] < '0' || p[7] > '9' || p[8] != ' ')
        return 0;
    for (int i = 9; i < 12; i++)
        if (p[i] < '0' || p[i] > '9')
            return 0;
    if (p[9] == '0' || (head.n > 12 && p[12] != ' ' && p[12] != '\r' && p[12] != '\n'))
        return 0;
    return (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
}

/* -1: not a length. Eighteen digits are an exabyte. */
static int64_t read_length(struct slice text)
{
    int64_t length = 0;

    if (text.n == 0 || text.n > 18)
        return -1;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return -1;
        length = length * 10 + (text.p[i] - '0');
    }
    return length;
}

/* Interim answers and 204 have no body, and must not name its length (RFC 9110, 8.6; RFC 9112, 6.1):
 * whoever does may go on to send it. 204 with a length of 0 is common, and harmless. */
static bool has_forbidden_length(int status, bool is_chunked, int64_t length)
{
    if (status < 200)
        return is_chunked || length >= 0;
    return status == 204 && (is_chunked || length > 0);
}

const char *http_head_check(struct slice head, int64_t *length)
{
    struct http_head_line line;
    bool is_chunked = false;
    int64_t found = HTTP_LENGTH_TO_CLOSE;
    size_t at = 0;

    if (http_head_status(head) == 0)
        return "not an HTTP/1.1 status line";
    while (http_head_next(head, &at, &line)) {
        if (!http_is_token(line.name))
            return "a header line that is none";
        if (!http_is_field_value(line.value))
            return "control characters in a header";
        if (slice_eq_nocase(line.name, SLICE("content-length"))) {
            if (found >= 0)
                return "two Content-Length headers";
            found = read_length(line.value);
            if (found < 0)
                return "a Content-Length that is not a length";
        } else if (slice_eq_nocase(line.name, SLICE("transfer-encoding"))) {
            if (is_chunked || !slice_eq_nocase(line.value, SLICE("chunked")))
                return "a transfer encoding other than chunked";
            is_chunked = true;
        }
    }
    if (is_chunked && found >= 0)
        return "both Content-Length and chunks";
    if (has_forbidden_length(http_head_status(head), is_chunked, found))
        return "a body's length where no body can be";
    *length = is_chunked ? HTTP_LENGTH_CHUNKED : found;
    return NULL;
}

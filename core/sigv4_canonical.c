/*
 * Canonical form: method, path without dot segments and encoded once more, parameters decoded,
 * encoded one way and sorted, header names in lower case and sorted with trimmed values, the names
 * again, and the digest of the body; a line each.
 */
#include "core/sigv4_canonical.h"

#include <errno.h>

#include <sluice/base.h>

static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void add_encoded_byte(struct strbuf *out, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    char *to = out->p + out->n;

    if (is_unreserved(c)) {
        to[0] = (char)c;
        out->n += 1;
    } else {
        to[0] = '%';
        to[1] = hex[c >> 4];
        to[2] = hex[c & 15];
        out->n += 3;
    }
}

static void add_encoded(struct strbuf *out, struct slice text)
{
    if (!strbuf_reserve(out, 3 * text.n))
        return;
    for (size_t i = 0; i < text.n; i++)
        add_encoded_byte(out, (unsigned char)text.p[i]);
    out->p[out->n] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes and encodes again, so that %7e, %7E and ~ are the same. A stray '%' stands for itself; a '+' for a space, as for
 * whoever reads the query after it was verified. */
static void add_recoded(struct strbuf *out, struct slice text)
{
    if (!strbuf_reserve(out, 3 * text.n))
        return;
    for (size_t i = 0; i < text.n; i++) {
        int high = text.p[i] == '%' && text.n - i > 2 ? hex_value(text.p[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text.p[i + 2]) : -1;

        if (low >= 0) {
            add_encoded_byte(out, (unsigned char)(high << 4 | low));
            i += 2;
        } else {
            add_encoded_byte(out, text.p[i] == '+' ? ' ' : (unsigned char)text.p[i]);
        }
    }
    out->p[out->n] = '\0';
}

/* Cuts `rest` at the first `separator`, and returns what was before it. */
static struct slice cut(struct slice *rest, char separator)
{
    const char *end = rest->n > 0 ? memchr(rest->p, separator, rest->n) : NULL;
    struct slice head = {rest->p, end != NULL ? (size_t)(end - rest->p) : rest->n};

    if (end == NULL)
        *rest = (struct slice){NULL, 0};
    else
        *rest = (struct slice){end + 1, rest->n - head.n - 1};
    return head;
}

/* Resolves "." and "..", and takes repeated slashes as one. */
static void add_path(struct strbuf *out, struct slice path)
{
    size_t start = out->n;
    bool ends_in_slash = path.n > 0 && path.p[path.n - 1] == '/';
    struct slice rest = path;

    while (rest.n > 0 && !strbuf_failed(out)) {
        struct slice segment = cut(&rest, '/');

        if (segment.n == 0 || slice_is(segment, "."))
            continue;
        if (!slice_is(segment, "..")) {
            strbuf_addc(out, '/');
            add_encoded(out, segment);
            continue;
        }
        while (out->n > start && out->p[out->n - 1] != '/')
            strbuf_truncate(out, out->n - 1);
        if (out->n > start)
            strbuf_truncate(out, out->n - 1);
    }
    if (ends_in_slash || out->n == start)
        strbuf_addc(out, '/');
}

static int compare(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare_params(const struct canonical *c, const struct canonical_param *a,
                          const struct canonical_param *b)
{
    const char *p = c->scratch.p;
    int order = compare((struct slice){p + a->key, a->key_n}, (struct slice){p + b->key, b->key_n});

    return order != 0 ? order
                      : compare((struct slice){p + a->value, a->value_n},
                                (struct slice){p + b->value, b->value_n});
}

/* Encodes one "key=value" into the scratch. */
static struct canonical_param read_param(struct canonical *c, struct slice param)
{
    struct canonical_param out = {.key = c->scratch.n};
    struct slice key = cut(&param, '=');

    add_recoded(&c->scratch, key);
    out.key_n = c->scratch.n - out.key;
    out.value = c->scratch.n;
    add_recoded(&c->scratch, param);
    out.value_n = c->scratch.n - out.value;
    return out;
}

static int add_query(struct canonical *c, struct slice query)
{
    size_t count = 0;

    strbuf_reset(&c->scratch);
    while (query.n > 0) {
        struct slice text = cut(&query, '&');
        struct canonical_param param;
        size_t at = count;

        if (text.n == 0)
            continue;
        if (count == SIGV4_PARAMS_MAX)
            return -EINVAL;
        param = read_param(c, text);
        if (strbuf_failed(&c->scratch))
            return -ENOMEM;
        for (; at > 0 && compare_params(c, &c->params[at - 1], &param) > 0; at--)
            c->params[at] = c->params[at - 1];
        c->params[at] = param;
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        const struct canonical_param *param = &c->params[i];

        if (i > 0)
            strbuf_addc(&c->text, '&');
        strbuf_add(&c->text, c->scratch.p + param->key, param->key_n);
        strbuf_addc(&c->text, '=');
        strbuf_add(&c->text, c->scratch.p + param->value, param->value_n);
    }
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Trimmed, and each run of blanks in it as one space. */
static void add_trimmed(struct strbuf *out, struct slice value)
{
    bool was_blank = false;
    char *to;

    if (!strbuf_reserve(out, value.n))
        return;
    to = out->p + out->n;
    for (size_t i = 0; i < value.n; i++) {
        if (is_blank(value.p[i])) {
            was_blank = to != out->p + out->n;
            continue;
        }
        if (was_blank)
            *to++ = ' ';
        was_blank = false;
        *to++ = value.p[i];
    }
    out->n = (size_t)(to - out->p);
    out->p[out->n] = '\0';
}

static void add_lower(struct strbuf *out, struct slice name)
{
    if (!strbuf_reserve(out, name.n))
        return;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        out->p[out->n++] = c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
    }
    out->p[out->n] = '\0';
}

static int compare_names(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? strncasecmp(a.p, b.p, n) : 0;

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

/* By name; those of one name keep their order, because their values are joined in it. */
static void sort_headers(struct canonical *c)
{
    for (size_t i = 1; i < c->header_count; i++) {
        struct sigv4_header header = c->headers[i];
        size_t at = i;

        for (; at > 0 && compare_names(c->headers[at - 1].name, header.name) > 0; at--)
            c->headers[at] = c->headers[at - 1];
        c->headers[at] = header;
    }
}

static void add_headers(struct canonical *c)
{
    sort_headers(c);
    for (size_t i = 0; i < c->header_count; i++) {
        const struct sigv4_header *header = &c->headers[i];

        if (i > 0 && slice_eq_nocase(header->name, c->headers[i - 1].name)) {
            strbuf_addc(&c->text, ',');
        } else {
            if (i > 0) {
                strbuf_addc(&c->text, '\n');
                strbuf_addc(&c->names, ';');
            }
            add_lower(&c->names, header->name);
            add_lower(&c->text, header->name);
            strbuf_addc(&c->text, ':');
        }
        add_trimmed(&c->text, header->value);
    }
    strbuf_addc(&c->text, '\n');
}

void canonical_begin(struct canonical *c)
{
    c->header_count = 0;
    strbuf_reset(&c->text);
    strbuf_reset(&c->names);
}

void canonical_add(struct canonical *c, struct slice name, struct slice value)
{
    sl_assert(c->header_count < sizeof(c->headers) / sizeof(c->headers[0]));
    c->headers[c->header_count++] = (struct sigv4_header){name, value};
}

int canonical_write(struct canonical *c, const struct sigv4_request *request, struct slice payload)
{
    int result;

    strbuf_add_slice(&c->text, request->method);
    strbuf_addc(&c->text, '\n');
    if (request->is_s3 && request->path.n > 0)
        strbuf_add_slice(&c->text, request->path);
    else
        add_path(&c->text, request->path);
    strbuf_addc(&c->text, '\n');
    result = add_query(c, request->query);
    if (result < 0)
        return result;
    strbuf_addc(&c->text, '\n');
    add_headers(c);
    strbuf_addc(&c->text, '\n');
    strbuf_add(&c->text, c->names.p, c->names.n);
    strbuf_addc(&c->text, '\n');
    strbuf_add_slice(&c->text, payload);
    return strbuf_failed(&c->text) || strbuf_failed(&c->names) ? -ENOMEM : 0;
}

void canonical_deinit(struct canonical *c)
{
    strbuf_deinit(&c->text);
    strbuf_deinit(&c->names);
    strbuf_deinit(&c->scratch);
}

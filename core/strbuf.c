#include "core/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <sluice/base.h>

enum { STRBUF_LEAST = 64 };

void strbuf_deinit(struct strbuf *b)
{
    free(b->p);
    *b = (struct strbuf){0};
}

bool strbuf_reserve(struct strbuf *b, size_t more)
{
    size_t need, cap;
    char *p;

    if (b->failed)
        return false;
    if (__builtin_add_overflow(b->n + 1, more, &need)) {
        b->failed = true;
        return false;
    }
    if (need <= b->cap)
        return true;
    cap = b->cap ? b->cap + b->cap / 2 : STRBUF_LEAST;
    if (cap < need)
        cap = need;
    p = realloc(b->p, cap);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    b->p[b->n] = '\0';
    return true;
}

void strbuf_add_slow(struct strbuf *b, const char *p, size_t n)
{
    if (n == 0 || !strbuf_reserve(b, n))
        return;
    memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void strbuf_fill(struct strbuf *b, char c, size_t n)
{
    if (!strbuf_reserve(b, n))
        return;
    memset(b->p + b->n, c, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void strbuf_addu(struct strbuf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    strbuf_add(b, digits + at, sizeof digits - at);
}

void strbuf_addf(struct strbuf *b, const char *format, ...)
{
    va_list arguments, again;
    size_t room;
    int n;

    /* Most fit into what is there: then they are formatted once. */
    if (!strbuf_reserve(b, STRBUF_LEAST))
        return;
    room = b->cap - b->n;
    va_start(arguments, format);
    va_copy(again, arguments);
    n = vsnprintf(b->p + b->n, room, format, arguments);
    if (n >= 0 && (size_t)n >= room && strbuf_reserve(b, (size_t)n))
        vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
    va_end(again);
    va_end(arguments);
    if (n < 0)
        b->failed = true;
    if (b->failed)
        b->p[b->n] = '\0';
    else
        b->n += (size_t)n;
}

void strbuf_reset(struct strbuf *b)
{
    strbuf_truncate(b, 0);
}

void strbuf_truncate(struct strbuf *b, size_t n)
{
    sl_assert(n <= b->n);
    b->n = n;
    b->failed = false;
    if (b->p)
        b->p[n] = '\0';
}

char *strbuf_take(struct strbuf *b, size_t *n)
{
    char *p;

    if (!strbuf_reserve(b, 0)) {
        strbuf_deinit(b);
        return NULL;
    }
    p = b->p;
    if (n)
        *n = b->n;
    *b = (struct strbuf){0};
    return p;
}

/*
 * strbuf -- bytes that grow at the end.
 *
 * `p` is NUL-terminated behind `n` whenever it is not NULL, so text can be handed on as it is. Without memory a buffer
 * *fails*: what it holds stays, everything that is added later is dropped, and strbuf_failed tells at the end; so code that
 * builds something checks once. strbuf_reset and strbuf_truncate mend a failed buffer.
 *
 * Life: {0} → add → take (you now own the storage) or deinit.
 */
#ifndef CORE_STRBUF_H
#define CORE_STRBUF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"

struct strbuf {
    char *p;
    size_t n;
    size_t cap; /* bytes of storage, the NUL's included */
    bool failed;
};

void strbuf_deinit(struct strbuf *b);

/* Makes room for `more` bytes behind what is there, so that adding them can't fail. false: no memory; the buffer fails. */
bool strbuf_reserve(struct strbuf *b, size_t more);

/* What strbuf_add does when there is no room for `n` more bytes as it is. */
void strbuf_add_slow(struct strbuf *b, const char *p, size_t n);

/* Inline down to the copy: answers and requests are made of many short pieces, and the length of a literal is a constant. */
static inline void strbuf_add(struct strbuf *b, const char *p, size_t n)
{
    if (b->failed || n >= b->cap - b->n) {
        strbuf_add_slow(b, p, n);
        return;
    }
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

static inline void strbuf_adds(struct strbuf *b, const char *text)
{
    strbuf_add(b, text, strlen(text));
}
static inline void strbuf_add_slice(struct strbuf *b, struct slice s)
{
    strbuf_add(b, s.p, s.n);
}

static inline void strbuf_addc(struct strbuf *b, char c)
{
    strbuf_add(b, &c, 1);
}

/* The same byte `n` times. */
void strbuf_fill(struct strbuf *b, char c, size_t n);
/* In decimal digits, without printf's detours. */
void strbuf_addu(struct strbuf *b, uint64_t n);
void strbuf_addf(struct strbuf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Empties it and keeps the storage. */
void strbuf_reset(struct strbuf *b);
/* Cuts it to its first `n` bytes; `n` must not be more than it holds. */
void strbuf_truncate(struct strbuf *b, size_t n);

static inline bool strbuf_failed(const struct strbuf *b)
{
    return b->failed;
}

static inline struct slice strbuf_slice(const struct strbuf *b)
{
    return (struct slice){b->p ? b->p : "", b->n};
}

/* Moves the storage out: the caller frees it. The buffer is empty afterwards. NULL if it failed or could not be had; never
 * NULL for an empty buffer otherwise. `n`, if not NULL, is the length. */
char *strbuf_take(struct strbuf *b, size_t *n);

#endif

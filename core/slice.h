/*
 * slice -- a stretch of somebody else's bytes: a pointer and a length, borrowed, not terminated, never freed.
 *
 * {NULL, 0} is "not there"; an empty slice with a pointer is "there, and empty".
 */
#ifndef CORE_SLICE_H
#define CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
    const char *p;
    size_t n;
};

/* Of a string literal; also as an initialiser of static storage. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_INIT(literal)                                                                        \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

/* For printf: printf(SLICE_FMT, SLICE_ARG(s)). */
#define SLICE_FMT    "%.*s"
#define SLICE_ARG(s) (int)(s).n, (s).p ? (s).p : ""

/* NULL gives {NULL, 0}. */
static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_is_empty(struct slice s)
{
    return s.n == 0;
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Without regard to the case of ASCII letters. */
static inline bool slice_eq_nocase(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_is(struct slice s, const char *text)
{
    return slice_eq(s, slice_of(text));
}

#endif

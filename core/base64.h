/*
 * base64 -- RFC 4648, section 4: the alphabet with + and /, padded. What stands for no byte (line breaks, blanks) is refused;
 * bits beyond the last byte are not looked at.
 */
#ifndef CORE_BASE64_H
#define CORE_BASE64_H

#include <stdbool.h>

#include "core/slice.h"
#include "core/strbuf.h"

/* The value of a digit; -1: it is none. */
int base64_digit(char c);

/* Bytes that `n` characters decode to, at most. */
static inline size_t base64_decoded_max(size_t n)
{
    return n / 4 * 3;
}

/* Decodes into `out`, which has room for base64_decoded_max(text.n); *n gets the number of bytes. false: it is no base64. */
bool base64_decode(struct slice text, char *out, size_t *n);

/* Appends the text for `bytes`. */
void base64_encode(struct slice bytes, struct strbuf *out);

#endif

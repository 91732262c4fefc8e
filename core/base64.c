#include "core/base64.h"

int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* How many '=' are at the end: 0 to 2. */
static size_t padding_of(struct slice text)
{
    if (text.n == 0 || text.p[text.n - 1] != '=')
        return 0;
    return text.p[text.n - 2] == '=' ? 2 : 1;
}

/* The bits of `count` digits, as if four were there. false: one is none. */
static bool read_word(const char *p, size_t count, uint32_t *word)
{
    *word = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < count ? base64_digit(p[i]) : 0;

        if (digit < 0)
            return false;
        *word = *word << 6 | (uint32_t)digit;
    }
    return true;
}

bool base64_decode(struct slice text, char *out, size_t *n)
{
    size_t padding, done = 0;
    uint32_t word;

    if (text.n % 4)
        return false;
    padding = padding_of(text);
    for (size_t i = 0; i < text.n; i += 4) {
        size_t missing = i + 4 == text.n ? padding : 0;

        if (!read_word(text.p + i, 4 - missing, &word))
            return false;
        out[done++] = (char)(word >> 16);
        if (missing < 2)
            out[done++] = (char)(word >> 8);
        if (missing < 1)
            out[done++] = (char)word;
    }
    *n = done;
    return true;
}

void base64_encode(struct slice bytes, struct strbuf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)bytes.p;
    char *to;

    if (bytes.n > SIZE_MAX / 2 || !strbuf_reserve(out, (bytes.n + 2) / 3 * 4))
        return;
    to = out->p + out->n;
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t left = bytes.n - i;
        uint32_t word = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                        (left > 2 ? (uint32_t)p[i + 2] : 0);

        *to++ = digits[word >> 18];
        *to++ = digits[word >> 12 & 63];
        *to++ = left > 1 ? digits[word >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[word & 63] : '=';
    }
    *to = '\0';
    out->n = (size_t)(to - out->p);
}

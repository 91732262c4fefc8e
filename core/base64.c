#include "core/base64.h"

#include <string.h>

#define DIGIT(c, value) [c] = (value) + 1
#define DIGITS_4(c, value)                                                                         \
    DIGIT(c, value), DIGIT((c) + 1, (value) + 1), DIGIT((c) + 2, (value) + 2),                     \
        DIGIT((c) + 3, (value) + 3)
#define DIGITS_8(c, value) DIGITS_4(c, value), DIGITS_4((c) + 4, (value) + 4)

/* The value of each digit, plus 1; 0: it is none. */
static const signed char digit_values[256] = {
    DIGITS_8('A', 0),  DIGITS_8('I', 8),  DIGITS_8('Q', 16), DIGIT('Y', 24), DIGIT('Z', 25),
    DIGITS_8('a', 26), DIGITS_8('i', 34), DIGITS_8('q', 42), DIGIT('y', 50), DIGIT('z', 51),
    DIGITS_8('0', 52), DIGIT('8', 60),    DIGIT('9', 61),    DIGIT('+', 62), DIGIT('/', 63),
};

int base64_digit(char c)
{
    return digit_values[(unsigned char)c] - 1;
}

/* How many '=' are at the end: 0 to 2. */
static size_t padding_of(struct slice text)
{
    if (text.n == 0 || text.p[text.n - 1] != '=')
        return 0;
    return text.p[text.n - 2] == '=' ? 2 : 1;
}

/* The bits of four digits. false: one is none. */
static inline bool read_word(const char *p, uint32_t *word)
{
    int a = base64_digit(p[0]), b = base64_digit(p[1]), c = base64_digit(p[2]),
        d = base64_digit(p[3]);

    *word = (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | (uint32_t)d;
    return (a | b | c | d) >= 0;
}

bool base64_decode(struct slice text, char *out, size_t *n)
{
    size_t padding, done = 0;
    uint32_t word;

    if (text.n % 4)
        return false;
    padding = padding_of(text);
    for (size_t i = 0; i + 4 < text.n; i += 4, done += 3) {
        if (!read_word(text.p + i, &word))
            return false;
        out[done] = (char)(word >> 16);
        out[done + 1] = (char)(word >> 8);
        out[done + 2] = (char)word;
    }
    if (text.n > 0) {
        char last[4] = {'A', 'A', 'A', 'A'};

        memcpy(last, text.p + text.n - 4, 4 - padding);
        if (!read_word(last, &word))
            return false;
        for (size_t i = 0; i < 3 - padding; i++)
            out[done++] = (char)(word >> (16 - 8 * i));
    }
    *n = done;
    return true;
}

void base64_write(struct slice bytes, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)bytes.p;

    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t left = bytes.n - i;
        uint32_t word = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                        (left > 2 ? (uint32_t)p[i + 2] : 0);

        *out++ = digits[word >> 18];
        *out++ = digits[word >> 12 & 63];
        *out++ = left > 1 ? digits[word >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[word & 63] : '=';
    }
    *out = '\0';
}

void base64_encode(struct slice bytes, struct strbuf *out)
{
    size_t n = base64_encoded_size(bytes.n) - 1;

    if (bytes.n > SIZE_MAX / 2 || !strbuf_reserve(out, n))
        return;
    base64_write(bytes, out->p + out->n);
    out->n += n;
}

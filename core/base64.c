#include "core/base64.h"

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

#include "core/form.h"

bool form_next(struct slice *rest, struct slice *name, struct slice *value)
{
    struct slice field = {NULL, 0};
    const char *equals;

    while (rest->n > 0 && field.n == 0) {
        const char *end = memchr(rest->p, '&', rest->n);
        size_t taken = end ? (size_t)(end - rest->p) + 1 : rest->n;

        field = (struct slice){rest->p, end ? taken - 1 : taken};
        *rest = (struct slice){rest->p + taken, rest->n - taken};
    }
    if (field.n == 0)
        return false;
    equals = memchr(field.p, '=', field.n);
    *name = (struct slice){field.p, equals ? (size_t)(equals - field.p) : field.n};
    *value = equals ? (struct slice){equals + 1, field.n - name->n - 1}
                    : (struct slice){field.p + field.n, 0};
    return true;
}

bool form_is_encoded(struct slice text)
{
    return text.n > 0 && (memchr(text.p, '%', text.n) || memchr(text.p, '+', text.n));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool form_decode(struct slice text, char *out, size_t *n)
{
    size_t done = 0;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = text.n - i > 2 ? hex_digit(text.p[i + 1]) : -1;
            int low = text.n - i > 2 ? hex_digit(text.p[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[done++] = c;
    }
    *n = done;
    return true;
}

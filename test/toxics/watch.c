#include "watch.h"

#include <string.h>

bool watch_init(struct watch *watch, const char *text)
{
    size_t n = strlen(text);

    *watch = (struct watch){.text = ""};
    if (n == 0 || n >= WATCH_SIZE)
        return false;
    memcpy(watch->text, text, n);
    for (unsigned i = 1, k = 0; i < n; i++) {
        while (k > 0 && text[i] != text[k])
            k = watch->fallback[k];
        k += text[i] == text[k];
        watch->fallback[i + 1] = k;
    }
    return true;
}

unsigned watch_feed(const struct watch *watch, unsigned *matched, const char *p, size_t n)
{
    unsigned k = *matched, found = 0;

    for (const char *end = p + n; p < end; p++) {
        while (k > 0 && *p != watch->text[k])
            k = watch->fallback[k];
        k += *p == watch->text[k];
        if (watch->text[k] == '\0') {
            found++;
            k = watch->fallback[k];
        }
    }
    *matched = k;
    return found;
}

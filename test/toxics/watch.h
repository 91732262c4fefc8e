/*
 * watch -- finds a text in a stream that comes in parts: by Knuth, Morris and Pratt, so that what
 * has been matched is one number for each stream.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stddef.h>

enum { WATCH_SIZE = 64 };

struct watch {
    char text[WATCH_SIZE]; /* empty: nothing is watched */
    unsigned fallback[WATCH_SIZE + 1];
};

/* False if the text is empty or longer than WATCH_SIZE - 1. */
bool watch_init(struct watch *watch, const char *text);

/* How many times the text ends in this part. *matched is the stream's, 0 at its beginning. */
unsigned watch_feed(const struct watch *watch, unsigned *matched, const char *p, size_t n);

#endif

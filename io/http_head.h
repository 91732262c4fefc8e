/*
 * http_head -- whether the head of an answer can be trusted to say how long the answer is.
 *
 * libcurl is lenient where a proxy and its client could disagree on where an answer ends; what is
 * left undecided there is refused here: two lengths, a length and chunks, a length where there is no
 * body, folded lines, names that are none.
 */
#ifndef IO_HTTP_HEAD_H
#define IO_HTTP_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"

/* Where a body ends that has no Content-Length. */
enum http_length {
    HTTP_LENGTH_TO_CLOSE = -1, /* with the connection: whether it is whole nobody can tell */
    HTTP_LENGTH_CHUNKED = -2,  /* with its last chunk */
};

/* One header line of a head: name and value without white space around. */
struct http_head_line {
    struct slice name, value;
};

/*
 * Steps through the header lines of a head, which follow its first line. `*at` is 0 at first.
 * false: no further line. A line without a colon comes as a name alone.
 */
bool http_head_next(struct slice head, size_t *at, struct http_head_line *line);

/*
 * Checks a whole head, from status line to the line before the empty one. NULL: `*length` is its
 * Content-Length, or one of http_length. Else what is wrong with it, for people.
 */
const char *http_head_check(struct slice head, int64_t *length);

/* May it be a method, or a header's name: is it a token (RFC 9110, 5.6.2)? */
bool http_is_token(struct slice text);

/* May it be a header's value: has it no control characters but tab? */
bool http_is_field_value(struct slice text);

/* Without the spaces and tabs around it. */
struct slice http_trim(struct slice text);

/* The status of "HTTP/1.1 200 OK", 100-999; 0 if the line is not a status line of HTTP/1. */
int http_head_status(struct slice head);

#endif

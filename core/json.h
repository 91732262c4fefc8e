/*
 * json -- a strict reader of JSON (RFC 8259) that pulls values out of text in place, and a writer of strings.
 *
 * Strict: UTF-8 is checked, lone surrogates are refused, nothing but white space may follow. Bounded: 64 levels, numbers of
 * 1,000 characters and up to 1e308; time is linear, and nothing is allocated. Numbers are not converted and strings not
 * unescaped: what comes out are slices of the text. Duplicate keys are the caller's matter.
 *
 *     json_init(&j, text);
 *     if (json_next(&j, &value) == JSON_OBJECT)
 *         while (json_member(&j, &key))
 *             if (json_is(&key, "Body"))
 *                 json_next(&j, &body);           a string, number, literal; or the opening of a container
 *             else
 *                 json_skip(&j, NULL);            any value, whole
 *     if (!json_end(&j))
 *         failed: j.error at json_position(&j)
 *
 * An error is sticky: after it every call answers JSON_ERROR or false, so it is enough to ask once, at the end.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/strbuf.h"

enum { JSON_DEPTH_MAX = 64, JSON_NUMBER_MAX = 1000 };

enum json_type {
    JSON_ERROR,
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_OBJECT,
    JSON_ARRAY,
};

/* The fields but `error` are the reader's own. */
struct json {
    const char *start, *at, *end;
    const char *error; /* static storage; NULL: none so far */
    uint64_t objects;  /* bit d: the container at depth d is an object */
    uint64_t begun;    /* bit d: something of it was read */
    unsigned depth;
};

struct json_value {
    enum json_type type;
    struct slice text; /* a string's is what stands between the quotes, a scalar's the token */
    bool escaped;      /* a string that holds escapes: json_unescape makes it plain */
};

void json_init(struct json *j, struct slice text);

/* The next value, which must follow here. Of an object or array only the opening is read: json_member or json_element come
 * next. JSON_ERROR: there is none, or it is malformed. `out` may be NULL. */
enum json_type json_next(struct json *j, struct json_value *out);

/* Inside an object: reads the next key and its colon; the value is next. false: the object has ended (or an error). */
bool json_member(struct json *j, struct json_value *key);

/* Inside an array: whether another element is next. false: the array has ended (or an error). */
bool json_element(struct json *j);

/* Reads a whole value, checked; `out`, if not NULL, gets its text (containers with their brackets, strings as json_next). */
bool json_skip(struct json *j, struct json_value *out);

/* Whether all was well and only white space is left. */
bool json_end(struct json *j);

/* Where it stands: bytes from the start; after an error, where that is. */
size_t json_position(const struct json *j);

/* The slow half of json_is. */
bool json_equals_unescaped(const struct json_value *string, struct slice plain);

/* Whether a string is that text; `text` holds nothing that needs escaping. A string with escapes is compared unescaped. */
static inline bool json_is_slice(const struct json_value *string, struct slice text)
{
    return string->escaped ? json_equals_unescaped(string, text) : slice_eq(string->text, text);
}
static inline bool json_is(const struct json_value *string, const char *text)
{
    return json_is_slice(string, (struct slice){text, strlen(text)});
}

/* Whether `text` is one JSON value. */
bool json_is_valid(struct slice text);

/* Appends the plain text of what stands between quotes. `escaped` must have been read by this reader. */
void json_unescape(struct slice escaped, struct strbuf *out);

/* Unescapes piece by piece, without allocating: up to `size` (at least 16) bytes into `out`, moving *rest on. Returns their
 * number, 0 at the end. */
size_t json_unescape_some(struct slice *rest, char *out, size_t size);

/* Appends `utf8` as it has to stand between quotes; false, and nothing appended, if it is no UTF-8. */
bool json_escape(struct slice utf8, struct strbuf *out);

/* Whether it is UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_is_valid(struct slice text);

/* The characters (code points) of valid UTF-8. */
size_t utf8_count(struct slice text);

/* The bytes of the control character that `text` begins with: below space, DEL, and U+0080-009F, which some terminals obey
 * as well. 0: it begins with none. */
size_t utf8_control(struct slice text);

#endif

/*
 * The JSON reader against jansson: both accept or both refuse, and whatever was read escapes back to what it was. The
 * differences that are meant are those of test/unit/core/test_json_jansson.c.
 */
#include "core/json.h"

#include "test/fuzz/fuzz.h"
#include "test/lib/jansson_apart.h"

static bool is_meant(const struct json *ours, const json_error_t *theirs)
{
    if (ours->error)
        return (ours->at < ours->end && *ours->at == '\0') || strstr(ours->error, "64 levels") ||
               strstr(ours->error, "exponent") || strstr(ours->error, "too long");
    return json_error_code(theirs) == json_error_numeric_overflow ||
           json_error_code(theirs) == json_error_null_byte_in_key;
}

/* A string unescaped at once and in pieces is the same, and escaping it again gives something that means the same. */
static void check_string(struct slice escaped)
{
    struct strbuf plain = {0}, again = {0}, once_more = {0};
    struct slice rest = escaped;
    char piece[16];
    size_t at = 0, n;

    json_unescape(escaped, &plain);
    fuzz_check(utf8_is_valid(strbuf_slice(&plain)));
    while ((n = json_unescape_some(&rest, piece, sizeof piece)) > 0) {
        fuzz_check(at + n <= plain.n && memcmp(plain.p + at, piece, n) == 0);
        at += n;
    }
    fuzz_check(at == plain.n && rest.n == 0);
    fuzz_check(json_escape(strbuf_slice(&plain), &again));
    json_unescape(strbuf_slice(&again), &once_more);
    fuzz_check(slice_eq(strbuf_slice(&plain), strbuf_slice(&once_more)));
    strbuf_deinit(&plain);
    strbuf_deinit(&again);
    strbuf_deinit(&once_more);
}

/* Walks a text that was accepted, with the same JSON. */
static void walk(struct json *j)
{
    struct json_value value, key;

    switch (json_next(j, &value)) {
    case JSON_OBJECT:
        while (json_member(j, &key)) {
            check_string(key.text);
            fuzz_check(json_equals_unescaped(&key, key.text) || key.escaped);
            walk(j);
        }
        break;
    case JSON_ARRAY:
        while (json_element(j))
            walk(j);
        break;
    case JSON_STRING:
        check_string(value.text);
        break;
    case JSON_ERROR:
        fuzz_check(!"an error in what was accepted");
        break;
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_NUMBER:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct strbuf escaped = {0};
    json_error_t error;
    json_t *theirs = json_loadb(text.p, size,
                                JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    struct json ours;
    bool accepted;

    json_init(&ours, text);
    (void)json_skip(&ours, NULL);
    accepted = json_end(&ours);
    fuzz_check(json_position(&ours) <= size);
    if (accepted != (theirs != NULL))
        fuzz_check(is_meant(&ours, &error));
    json_decref(theirs);
    fuzz_check(json_is_valid(text) == accepted);
    if (accepted) {
        json_init(&ours, text);
        walk(&ours);
        fuzz_check(json_end(&ours));
    }
    fuzz_check(json_escape(text, &escaped) == utf8_is_valid(text));
    strbuf_deinit(&escaped);
    return 0;
}

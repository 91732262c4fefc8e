/*
 * The reader against jansson on mutated texts: both accept or both reject, and what both accept is the same values.
 * Differences that are meant, each recognised by the side that rejects saying why:
 *   depth            this reader stops at 64 levels, jansson at 2,048
 *   numbers          this reader bounds length and exponent, jansson what a double holds
 *   "\u0000" in keys jansson can't hold it
 *   a bare NUL       jansson 2.14 swallows one that follows a number
 * SEED and CASES in the environment change the run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/json.h"
#include "test/lib/jansson_apart.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { CASES = 100000, MUTATIONS_MAX = 6, TEXT_MAX = 2000 };

/* ---- chance (splitmix64) ---- */

static uint64_t seed = 20260401;

static uint64_t chance(uint64_t below)
{
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

/* ---- texts ---- */

static const char *const originals[] = {
    "{\"Messages\":[{\"MessageId\":\"ec354010-c35d-4481-9030-e55cbf0c7922\",\"ReceiptHandle\":"
    "\"AQEB+/==\",\"MD5OfBody\":"
    "\"3fd2bd78\",\"Body\":\"{\\\"order\\\":4711,\\\"note\\\":\\\"gr\xc3\xbcn\\\"}\","
    "\"Attributes\":{\"SentTimestamp\":"
    "\"1795420083961\"},\"MessageAttributes\":{\"weight\":{\"DataType\":\"Number.kg\","
    "\"StringValue\":\"12.5\"}}}]}",
    "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"The specified queue does "
    "not exist.\"}",
    "[1, -0, 0.5, -1.25e-3, 1E+2, 123456789012345678, 1e308, 2.5, true, false, null, \"\", [], {}]",
    "{\"a\":{\"a\":{\"a\":[[[[{\"b\":[]}]]]]}}, \"a\" : 1}",
    "[\"\\u0000\\u00e9\\u20ac\\ud83d\\ude00\", \"\\\"\\\\\\/\\b\\f\\n\\r\\t\", "
    "\"\xe2\x82\xac\xf0\x9f\x98\x80\"]",
    "{\"\":\"\", \"\\u0041\\n\":\"\x7f\", \"k\":\"a string without anything in it that is longer "
    "than one wide load\"}",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
    "]]]]",
    " \t\r\n[ \"x\" , { \"y\" : 0 } ] \n",
    "\"only a string\"",
    "-12.0e1",
};

/* What breaks readers. */
static const struct slice tokens[] = {
    SLICE_INIT("\""),
    SLICE_INIT("\\"),
    SLICE_INIT("{"),
    SLICE_INIT("}"),
    SLICE_INIT("["),
    SLICE_INIT("]"),
    SLICE_INIT(","),
    SLICE_INIT(":"),
    SLICE_INIT("0"),
    SLICE_INIT("-"),
    SLICE_INIT("."),
    SLICE_INIT("e"),
    SLICE_INIT("E+"),
    SLICE_INIT("9"),
    SLICE_INIT("null"),
    SLICE_INIT("true"),
    SLICE_INIT("1e400"),
    SLICE_INIT("\\u"),
    SLICE_INIT("\\ud800"),
    SLICE_INIT("\\udc00"),
    SLICE_INIT("\\u0000"),
    SLICE_INIT("\\ud83d\\ude00"),
    SLICE_INIT("\0"),
    SLICE_INIT("\x1f"),
    SLICE_INIT("\x80"),
    SLICE_INIT("\xc3\xbc"),
    SLICE_INIT("\xed\xa0\x80"),
    SLICE_INIT("\xf0\x9f\x98\x80"),
    SLICE_INIT("\xc0\x80"),
    SLICE_INIT("\xf4\x90\x80\x80"),
    SLICE_INIT("\xef\xbb\xbf"),
    SLICE_INIT("\n"),
    SLICE_INIT(" "),
    SLICE_INIT("\"\":1,"),
    SLICE_INIT("[[[[[[[["),
    SLICE_INIT("]]]]]]]]"),
};

struct text {
    char p[TEXT_MAX];
    size_t n;
};

static void insert(struct text *t, size_t at, struct slice what)
{
    if (t->n + what.n > TEXT_MAX)
        return;
    memmove(t->p + at + what.n, t->p + at, t->n - at);
    memcpy(t->p + at, what.p, what.n);
    t->n += what.n;
}

static void mutate(struct text *t)
{
    size_t at = chance(t->n + 1);
    size_t left = t->n - at;
    size_t length = left ? 1 + chance(left < 24 ? left : 24) : 0;
    char copy[24];

    switch (chance(6)) {
    case 0:
    case 1:
        insert(t, at, tokens[chance(COUNT(tokens))]);
        break;
    case 2:
        memmove(t->p + at, t->p + at + length, left - length);
        t->n -= length;
        break;
    case 3:
        memcpy(copy, t->p + at, length);
        insert(t, chance(t->n + 1), (struct slice){copy, length});
        break;
    case 4:
        if (left)
            t->p[at] ^= (char)(1 << chance(8));
        break;
    default:
        if (left)
            t->p[at] = (char)chance(256);
    }
}

/* ---- the comparison ---- */

static bool is_meant(const struct json *ours, const json_error_t *theirs)
{
    if (ours->error)
        return (ours->at < ours->end && *ours->at == '\0') || strstr(ours->error, "64 levels") ||
               strstr(ours->error, "exponent") || strstr(ours->error, "too long");
    return json_error_code(theirs) == json_error_numeric_overflow ||
           json_error_code(theirs) == json_error_null_byte_in_key;
}

static bool same_text(const struct json_value *ours, const char *p, size_t n)
{
    struct strbuf plain = {0};
    bool same;

    json_unescape(ours->text, &plain);
    same = slice_eq(strbuf_slice(&plain), (struct slice){p, n}) && !strbuf_failed(&plain);
    if (!ours->escaped)
        same = same && slice_eq(ours->text, (struct slice){p, n});
    strbuf_deinit(&plain);
    return same;
}

static bool same_value(struct json *j, const json_t *theirs);

static bool same_members(struct json *j, const json_t *theirs)
{
    struct json_value key;
    struct json counting = *j;
    struct strbuf name = {0};
    size_t count = 0;
    bool same = true;

    while (json_member(&counting, &key) && json_skip(&counting, NULL))
        count++;
    while (same && json_member(j, &key)) {
        strbuf_reset(&name);
        json_unescape(key.text, &name);
        /* Of a key that comes twice jansson keeps the last value: such objects are only stepped through. */
        if (count == json_object_size(theirs))
            same = same_value(j, json_object_getn(theirs, strbuf_slice(&name).p, name.n));
        else
            same = json_skip(j, NULL);
    }
    strbuf_deinit(&name);
    return same;
}

static bool same_elements(struct json *j, const json_t *theirs)
{
    size_t i = 0;

    while (json_element(j))
        if (!same_value(j, json_array_get(theirs, i++)))
            return false;
    return i == json_array_size(theirs);
}

static bool same_number(struct slice ours, const json_t *theirs)
{
    char digits[JSON_NUMBER_MAX + 1];
    double value;

    memcpy(digits, ours.p, ours.n);
    digits[ours.n] = '\0';
    value = strtod(digits, NULL) - json_number_value(theirs);
    return value >= 0 && value <= 0;
}

static bool same_value(struct json *j, const json_t *theirs)
{
    struct json_value value;
    enum json_type type = json_next(j, &value);

    if (!theirs)
        return false;
    switch (json_typeof(theirs)) {
    case JANSSON_OBJECT:
        return type == JSON_OBJECT && same_members(j, theirs);
    case JANSSON_ARRAY:
        return type == JSON_ARRAY && same_elements(j, theirs);
    case JANSSON_STRING:
        return type == JSON_STRING &&
               same_text(&value, json_string_value(theirs), json_string_length(theirs));
    case JSON_INTEGER:
    case JSON_REAL:
        return type == JSON_NUMBER && same_number(value.text, theirs);
    case JANSSON_TRUE:
        return type == JSON_TRUE;
    case JANSSON_FALSE:
        return type == JSON_FALSE;
    case JANSSON_NULL:
        return type == JSON_NULL;
    }
    return false;
}

static void show(const struct text *t)
{
    for (size_t i = 0; i < t->n; i++)
        fprintf(stderr, t->p[i] >= 0x20 && t->p[i] < 0x7f ? "%c" : "\\x%02x",
                (unsigned char)t->p[i]);
    fprintf(stderr, "\n");
}

struct tally {
    unsigned accepted, rejected, meant;
};

static void compare(const struct text *t, struct tally *tally)
{
    struct slice text = {t->p, t->n};
    json_error_t error;
    json_t *theirs =
        json_loadb(t->p, t->n, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    struct json ours;
    bool same = true;

    json_init(&ours, text);
    (void)json_skip(&ours, NULL);
    if (json_end(&ours) != (theirs != NULL)) {
        same = is_meant(&ours, &error);
        tally->meant++;
    } else if (theirs) {
        json_init(&ours, text);
        same = same_value(&ours, theirs) && json_end(&ours);
        tally->accepted++;
    } else {
        tally->rejected++;
    }
    if (!same) {
        show(t);
        fail_msg("ours: %s, jansson: %s", ours.error ? ours.error : "accepted",
                 theirs ? "accepted" : error.text);
    }
    json_decref(theirs);
}

static unsigned long from_environment(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);

    return text ? strtoul(text, NULL, 0) : otherwise;
}

static void agrees_on_mutated_texts(void **state)
{
    unsigned long cases = from_environment("CASES", CASES);
    static struct text t;
    struct tally tally = {0};

    (void)state;
    seed = from_environment("SEED", (unsigned long)seed);
    print_message("seed %llu, %lu cases\n", (unsigned long long)seed, cases);
    for (unsigned long i = 0; i < cases; i++) {
        const char *original = originals[chance(COUNT(originals))];

        t.n = strlen(original);
        memcpy(t.p, original, t.n);
        for (uint64_t m = chance(MUTATIONS_MAX); m > 0; m--)
            mutate(&t);
        compare(&t, &tally);
    }
    print_message("both accept %u, both reject %u, different and meant %u\n", tally.accepted,
                  tally.rejected, tally.meant);
    /* A comparison that only ever sees one answer shows nothing. */
    assert_true(tally.accepted > cases / 10 && tally.rejected > cases / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_mutated_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

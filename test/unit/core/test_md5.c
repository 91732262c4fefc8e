/* SQS's digests: published vectors, what AWS answered, and values made with Python's hashlib. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/md5.h"
#include "core/strbuf.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void bodies(void **state)
{
    static const struct {
        const char *escaped, *digest;
    } cases[] = {
        {"foobar", "3858f62230ac3c915f300c664312c63f"}, /* recorded on AWS */
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"}, /* RFC 1321 */
        {"plain text", "31bc5c2b8fd4f20cd747347b7504a385"},
        {"{\"order\":4711,\"note\":\"gr\xc3\xbcn\"}", "3fd2bd7809e3a8839de4bc3cb9206310"},
        {"{\\\"order\\\":4711,\\\"note\\\":\\\"gr\\u00fcn\\\"}",
         "3fd2bd7809e3a8839de4bc3cb9206310"},
        {"\\u0066oo\\u0062ar", "3858f62230ac3c915f300c664312c63f"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char digest[MD5_HEX_SIZE];

        md5_hex_unescaped(slice_of(cases[i].escaped), digest);
        assert_string_equal(digest, cases[i].digest);
    }
}

/* Longer than any piece, with an escape at each place of one: the same as the digest of the whole text. */
static void long_bodies(void **state)
{
    struct strbuf escaped = {0}, plain = {0};

    (void)state;
    for (size_t before = 0; before < 40; before++) {
        char pieces[MD5_HEX_SIZE], whole[MD5_HEX_SIZE];

        strbuf_reset(&escaped);
        strbuf_reset(&plain);
        for (size_t i = 0; i < before + 4080; i++) {
            strbuf_addc(&escaped, 'x');
            strbuf_addc(&plain, 'x');
        }
        for (size_t i = 0; i < 1000; i++) {
            strbuf_adds(&escaped, "\\ud83d\\ude00\\n");
            strbuf_adds(&plain, "\xf0\x9f\x98\x80\n");
        }
        md5_hex_unescaped(strbuf_slice(&escaped), pieces);
        md5_hex(strbuf_slice(&plain), whole);
        assert_string_equal(pieces, whole);
    }
    strbuf_deinit(&escaped);
    strbuf_deinit(&plain);
}

#define NAME "\"attribName1\":{\"StringValue\":\"attribValue 1\",\"DataType\":\"String\"}"
#define NUMBER                                                                                     \
    "\"customNumberTypeAttrib\":{\"DataType\":\"Number.float\",\"StringValue\":"                   \
    "\"4563442423554324324264524243.32543234\"}"
#define BINARY                                                                                     \
    "\"binaryAttribute\":{\"BinaryValue\":\"SGVsbG8gYmluYXJ5IHdvcmxkIQ==\",\"DataType\":"          \
    "\"Binary\"}"

static void attributes(void **state)
{
    static const struct {
        const char *json, *digest;
    } cases[] = {
        /* npm aws-md5-of-message-attributes */
        {"{" NAME "}", "19e27d4e946b072f3f58da80d94fd778"},
        {"{" NUMBER "}", "9fe1b90bbd9965bdf77bac517c7d2495"},
        {"{" BINARY "}", "31a92b15d92f8db860eda32aceb656c3"},
        {"{" NAME "," NUMBER "," BINARY "}", "c932db14a896c663f83c260297d594ff"},
        {"{" BINARY " ,\n" NUMBER ", " NAME "}", "c932db14a896c663f83c260297d594ff"},
        /* recorded on AWS */
        {"{\"MyAttribute\":{\"DataType\":\"String\",\"StringValue\":\"foobar\"}}",
         "adb59cd4678ea5a855436b949cd07ab6"},
        /* the same, as servers may write it */
        {"{\"MyAttribute\":{\"DataType\":\"Str\\u0069ng\",\"StringValue\":\"foob\\u0061r\","
         "\"BinaryValue\":null,"
         "\"StringListValues\":[]}}",
         "adb59cd4678ea5a855436b949cd07ab6"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char digest[MD5_HEX_SIZE];

        assert_true(md5_hex_attributes(slice_of(cases[i].json), digest));
        assert_string_equal(digest, cases[i].digest);
    }
}

static void refused_attributes(void **state)
{
    static const char *const cases[] = {
        "",
        "[]",
        "{\"a\":1}",
        "{\"a\":{}}",
        "{\"a\":{\"DataType\":\"String\"}}",
        "{\"a\":{\"StringValue\":\"x\"}}",
        "{\"a\":{\"DataType\":\"String\",\"StringValue\":7}}",
        "{\"a\":{\"DataType\":\"String\",\"StringValue\":\"x\"}",
        "{\"a\":{\"DataType\":\"String\",\"StringValue\":\"x\"}}}",
        "{\"a\":{\"DataType\":\"Binary\",\"BinaryValue\":\"SGV\"}}",
        "{\"a\":{\"DataType\":\"Binary\",\"BinaryValue\":\"S===\"}}",
        "{\"a\":{\"DataType\":\"Binary\",\"BinaryValue\":\"====\"}}",
        "{\"a\":{\"DataType\":\"Binary\",\"BinaryValue\":\"SG==SG==\"}}",
        "{\"a\":{\"DataType\":\"Binary\",\"BinaryValue\":\"SG V\"}}",
        "{\"a\":{\"DataType\":\"Binary\",\"BinaryValue\":\"SG\xc3\xbc\"}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char digest[MD5_HEX_SIZE];

        if (md5_hex_attributes(slice_of(cases[i]), digest))
            fail_msg("accepted: %s", cases[i]);
    }
}

static void up_to_32_attributes(void **state)
{
    struct strbuf json = {0};
    char digest[MD5_HEX_SIZE];

    (void)state;
    for (unsigned count = 1; count <= 33; count++) {
        strbuf_reset(&json);
        for (unsigned i = 0; i < count; i++)
            strbuf_addf(&json, "%s\"a%u\":{\"DataType\":\"String\",\"StringValue\":\"x\"}",
                        i ? "," : "{", i);
        strbuf_addc(&json, '}');
        assert_int_equal(md5_hex_attributes(strbuf_slice(&json), digest), count <= 32);
    }
    strbuf_deinit(&json);
}

/* Binary values of every length around a piece, with their slashes plain and escaped; bytes 0xff are all slashes. */
static void binary_of_any_length(void **state)
{
    struct strbuf json = {0}, counted = {0};

    (void)state;
    for (size_t length = 3060; length < 3090; length++)
        for (int escaped = 0; escaped < 2; escaped++) {
            char ours[MD5_HEX_SIZE], expected[MD5_HEX_SIZE];
            unsigned char size[4] = {0, 0, (unsigned char)(length >> 8), (unsigned char)length};

            strbuf_reset(&json);
            strbuf_adds(&json, "{\"b\":{\"DataType\":\"Binary\",\"BinaryValue\":\"");
            for (size_t i = 0; i < length / 3 * 4; i++)
                strbuf_adds(&json, escaped ? "\\/" : "/");
            strbuf_adds(&json, length % 3 == 1 ? "/w==" : length % 3 == 2 ? "//8=" : "");
            strbuf_adds(&json, "\"}}");
            assert_true(md5_hex_attributes(strbuf_slice(&json), ours));

            strbuf_reset(&counted);
            strbuf_add(&counted, "\0\0\0\1b\0\0\0\6Binary\2", 16);
            strbuf_add(&counted, (const char *)size, sizeof(size));
            for (size_t i = 0; i < length; i++)
                strbuf_addc(&counted, '\xff');
            md5_hex(strbuf_slice(&counted), expected);
            assert_string_equal(ours, expected);
        }
    strbuf_deinit(&json);
    strbuf_deinit(&counted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies),
        cmocka_unit_test(long_bodies),
        cmocka_unit_test(attributes),
        cmocka_unit_test(refused_attributes),
        cmocka_unit_test(up_to_32_attributes),
        cmocka_unit_test(binary_of_any_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

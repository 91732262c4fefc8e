/* AWS's shared files: sections, keys, blocks, comments, limits. */
#include "support.h"

#include "aws/ini.h"

static struct aws_ini parse(enum aws_ini_kind kind, const char *text)
{
    struct aws_ini ini;

    assert_int_equal(aws_ini_parse(&ini, kind, slice_of(text)), AWS_INI_OK);
    return ini;
}

static void profiles_have_their_names(void **state)
{
    static const struct {
        enum aws_ini_kind kind;
        const char *text, *profile, *value;
    } rows[] = {
        {AWS_INI_CONFIG, "[default]\nregion = a\n", "default", "a"},
        {AWS_INI_CONFIG, "[profile prod]\nregion = a\n", "prod", "a"},
        {AWS_INI_CONFIG, "[profile default]\nregion=a\n", "default", "a"},
        {AWS_INI_CONFIG, "[ profile   \"two words\" ]\nregion=a\n", "two words", "a"},
        {AWS_INI_CONFIG, "[prod]\nregion=a\n", "prod", NULL},
        {AWS_INI_CREDENTIALS, "[prod]\nregion=a\n", "prod", "a"},
        {AWS_INI_CREDENTIALS, "[two words]\nregion=a\n", "two words", "a"},
        {AWS_INI_CREDENTIALS, "[profile prod]\nregion=a\n", "prod", NULL},
        {AWS_INI_CONFIG, "\xef\xbb\xbf[default]\r\nregion = a\r\n", "default", "a"},
        {AWS_INI_CONFIG, "[default] # mine\nRegion = a # not b\n", "default", "a"},
        {AWS_INI_CONFIG, "[default]\n# region = b\n;region = c\n\nregion = a#b;c", "default",
         "a#b;c"},
        {AWS_INI_CONFIG, "[default]\n  region = a\n  output = json\n", "default", "a"},
        {AWS_INI_CONFIG, "[default]\nregion = b\nregion = a\n", "default", "a"},
        {AWS_INI_CONFIG, "[default]\nregion =\n", "default", NULL},
        {AWS_INI_CONFIG, "region = a\n", "default", NULL},
        {AWS_INI_CONFIG, "[default]\noutput=x\n[profile b]\nregion=b\n[default]\nregion=a\n",
         "default", "a"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct aws_ini ini = parse(rows[i].kind, rows[i].text);
        const char *value = aws_ini_get(&ini, "profile", rows[i].profile, "region");

        if (rows[i].value)
            assert_string_equal(value, rows[i].value);
        else
            assert_null(value);
        aws_ini_deinit(&ini);
    }
}

static void names_are_never_cut(void **state)
{
    static const char text[] =
        "[profile the-organisation.platform-production.123456789012.AdministratorAccess]\n"
        "aws_access_key_id = A\n"
        "[profile the-organisation.platform-production.123456789012.ReadOnly]\n"
        "aws_access_key_id = R\n";
    struct aws_ini ini = parse(AWS_INI_CONFIG, text);

    (void)state;
    assert_string_equal(
        aws_ini_get(&ini, "profile",
                    "the-organisation.platform-production.123456789012.AdministratorAccess",
                    "aws_access_key_id"),
        "A");
    assert_string_equal(aws_ini_get(&ini, "profile",
                                    "the-organisation.platform-production.123456789012.ReadOnly",
                                    "aws_access_key_id"),
                        "R");
    aws_ini_deinit(&ini);
}

static void tokens_are_long(void **state)
{
    static char text[9000], token[8001];
    struct aws_ini ini;

    (void)state;
    memset(token, 'x', sizeof(token) - 1);
    snprintf(text, sizeof(text), "[a]\naws_session_token = %s\n", token);
    ini = parse(AWS_INI_CREDENTIALS, text);
    assert_string_equal(aws_ini_get(&ini, "profile", "a", "aws_session_token"), token);
    aws_ini_deinit(&ini);
}

static void blocks_belong_to_their_key(void **state)
{
    static const char text[] = "[profile a]\n"
                               "s3 =\n"
                               "  addressing_style = path\n"
                               "  region = wrong\n"
                               "region = right\n"
                               "description = one\n"
                               "   two = three\n"
                               "[services mine]\n"
                               "sqs =\n"
                               "\tendpoint_url = http://127.0.0.1:9324\n"
                               "s3 =\n"
                               "  endpoint_url = http://other\n";
    struct aws_ini ini = parse(AWS_INI_CONFIG, text);

    (void)state;
    assert_string_equal(aws_ini_get(&ini, "profile", "a", "region"), "right");
    assert_string_equal(aws_ini_get(&ini, "profile", "a", "s3.region"), "wrong");
    assert_string_equal(aws_ini_get(&ini, "profile", "a", "description"), "one");
    assert_null(aws_ini_get(&ini, "profile", "a", "two"));
    assert_string_equal(aws_ini_get(&ini, "services", "mine", "sqs.endpoint_url"),
                        "http://127.0.0.1:9324");
    aws_ini_deinit(&ini);
}

static void commands_keep_their_semicolons(void **state)
{
    struct aws_ini ini =
        parse(AWS_INI_CONFIG, "[default]\ncredential_process = sh -c 'a ; b # c'\n");

    (void)state;
    assert_string_equal(aws_ini_get(&ini, "profile", "default", "credential_process"),
                        "sh -c 'a ; b # c'");
    aws_ini_deinit(&ini);
}

static void sections_are_known_when_empty(void **state)
{
    struct aws_ini ini = parse(AWS_INI_CONFIG, "[profile a]\n[sso-session s]\nx = y\n");

    (void)state;
    assert_true(aws_ini_has(&ini, "profile", "a"));
    assert_true(aws_ini_has(&ini, "sso-session", "s"));
    assert_false(aws_ini_has(&ini, "profile", "s"));
    aws_ini_deinit(&ini);
}

static void malformed_lines_are_numbered(void **state)
{
    static char long_line[20000];
    struct {
        const char *text;
        int line;
    } rows[] = {
        {"[default]\nregion\n", 2},
        {"[default\nregion = a\n", 1},
        {"# fine\n\n[default]\n  \nwhat is this\n", 5},
        {long_line, 2},
        {"[profile a]\nregion = a\n  [profile b]\nregion = b\n", 3},
        {"[profile a]\ns3 =\n\t[profile b]\n\tregion = b\n", 3},
        {"[profile a]\nregion = a\n  [profile b] # = c\nregion = b\n", 3},
    };
    struct aws_ini ini;

    (void)state;
    memset(long_line, 'k', sizeof(long_line) - 1);
    memcpy(long_line, "[a]\n", 4);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(aws_ini_parse(&ini, AWS_INI_CONFIG, slice_of(rows[i].text)),
                         AWS_INI_MALFORMED);
        assert_int_equal(ini.line, rows[i].line);
        assert_int_equal(ini.count, 0);
        aws_ini_deinit(&ini);
    }
    assert_int_equal(aws_ini_parse(&ini, AWS_INI_CONFIG, SLICE("[a]\nb\0c = d\n")),
                     AWS_INI_MALFORMED);
    aws_ini_deinit(&ini);
}

static void files_that_are_none(void **state)
{
    struct aws_ini ini;

    (void)state;
    assert_int_equal(aws_ini_read(&ini, AWS_INI_CONFIG, "/nonexistent/config"), AWS_INI_MISSING);
    aws_ini_deinit(&ini);
    assert_int_equal(aws_ini_read(&ini, AWS_INI_CONFIG, "/dev/null/config"), AWS_INI_MISSING);
    aws_ini_deinit(&ini);
    assert_true(aws_ini_read(&ini, AWS_INI_CONFIG, "/tmp") < 0);
    aws_ini_deinit(&ini);
    assert_int_equal(aws_ini_read(&ini, AWS_INI_CONFIG, "/dev/zero"), AWS_INI_TOO_LARGE);
    aws_ini_deinit(&ini);
    assert_int_equal(aws_ini_read(&ini, AWS_INI_CONFIG, "/dev/null"), AWS_INI_OK);
    aws_ini_deinit(&ini);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_have_their_names),
        cmocka_unit_test(names_are_never_cut),
        cmocka_unit_test(tokens_are_long),
        cmocka_unit_test(blocks_belong_to_their_key),
        cmocka_unit_test(commands_keep_their_semicolons),
        cmocka_unit_test(sections_are_known_when_empty),
        cmocka_unit_test(malformed_lines_are_numbered),
        cmocka_unit_test(files_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

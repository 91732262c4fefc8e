/* URLs: what is read, what is refused, and where requests may go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/uri.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void urls_are_taken_apart(void **state)
{
    static const struct {
        const char *url;
        bool is_https;
        const char *host, *authority;
        bool is_ipv6;
        int port;
        const char *path, *query;
        enum uri_reach reach;
    } cases[] = {
        {"https://sqs.eu-central-1.amazonaws.com/123456789012/orders", true,
         "sqs.eu-central-1.amazonaws.com", "sqs.eu-central-1.amazonaws.com", false, 443,
         "/123456789012/orders", "", URI_ELSEWHERE},
        {"http://127.0.0.1:8080/batch?a=b&c=%20", false, "127.0.0.1", "127.0.0.1:8080", false, 8080,
         "/batch", "a=b&c=%20", URI_LOOPBACK},
        {"HTTP://LOCALHOST", false, "LOCALHOST", "LOCALHOST", false, 80, "", "", URI_LOOPBACK},
        {"https://localhost./", true, "localhost.", "localhost.", false, 443, "/", "",
         URI_LOOPBACK},
        {"http://queue.localhost:9324/", false, "queue.localhost", "queue.localhost:9324", false,
         9324, "/", "", URI_LOOPBACK},
        {"http://[::1]:80/x", false, "::1", "[::1]:80", true, 80, "/x", "", URI_LOOPBACK},
        {"https://[2001:db8::1]", true, "2001:db8::1", "[2001:db8::1]", true, 443, "", "",
         URI_ELSEWHERE},
        {"https://a?b", true, "a", "a", false, 443, "", "b", URI_ELSEWHERE},
        {"https://a/?", true, "a", "a", false, 443, "/", "", URI_ELSEWHERE},
        {"https://a/b?c?d/e", true, "a", "a", false, 443, "/b", "c?d/e", URI_ELSEWHERE},
        {"https://a/b@c:d", true, "a", "a", false, 443, "/b@c:d", "", URI_ELSEWHERE},
        {"https://xn--bcher-kva.example/", true, "xn--bcher-kva.example", "xn--bcher-kva.example",
         false, 443, "/", "", URI_ELSEWHERE},
        {"https://a_b.c-d:65535", true, "a_b.c-d", "a_b.c-d:65535", false, 65535, "", "",
         URI_ELSEWHERE},
        {"https://8.8.8.8/", true, "8.8.8.8", "8.8.8.8", false, 443, "/", "", URI_ELSEWHERE},
        {"https://1.2.3.4.example/", true, "1.2.3.4.example", "1.2.3.4.example", false, 443, "/",
         "", URI_ELSEWHERE},
        {"https://123456/", false, NULL, NULL, false, 0, NULL, NULL, URI_ELSEWHERE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct uri uri;

        if (cases[i].host == NULL) {
            assert_int_equal(uri_read(slice_of(cases[i].url), &uri), URI_BAD_HOST);
            continue;
        }
        assert_int_equal(uri_read(slice_of(cases[i].url), &uri), URI_OK);
        assert_true(uri.is_https == cases[i].is_https);
        assert_true(slice_is(uri.host, cases[i].host));
        assert_true(slice_is(uri.authority, cases[i].authority));
        assert_true(uri.is_ipv6 == cases[i].is_ipv6);
        assert_int_equal(uri.port, cases[i].port);
        assert_true(slice_is(uri.path, cases[i].path));
        assert_true(slice_is(uri.query, cases[i].query));
        assert_int_equal(uri.reach, cases[i].reach);
    }
}

static void urls_are_refused(void **state)
{
    static const struct {
        const char *url;
        enum uri_result result;
    } cases[] = {
        {"", URI_NOT_A_URL},
        {"orders", URI_NOT_A_URL},
        {"localhost:8080", URI_NOT_A_URL},
        {"https:/a", URI_NOT_A_URL},
        {"https:a", URI_NOT_A_URL},
        {"//a/b", URI_NOT_A_URL},
        {"file:///etc/passwd", URI_BAD_SCHEME},
        {"ftp://a/", URI_BAD_SCHEME},
        {"://a/", URI_BAD_SCHEME},
        {"httpss://a/", URI_BAD_SCHEME},
        {"gopher://127.0.0.1:6379/_", URI_BAD_SCHEME},
        {"https://user:password@a/", URI_USER_INFO},
        {"https://user@a/", URI_USER_INFO},
        {"https://@a/", URI_USER_INFO},
        {"https://sqs.amazonaws.com@evil.example/1/q", URI_USER_INFO},
        {"https://a/ b", URI_BAD_CHARACTER},
        {" https://a/", URI_BAD_CHARACTER},
        {"https://a/\r\nHost: b", URI_BAD_CHARACTER},
        {"https://a/\n", URI_BAD_CHARACTER},
        {"https://a/\x01", URI_BAD_CHARACTER},
        {"https://a/\x7f", URI_BAD_CHARACTER},
        {"https://a\\@b/", URI_BAD_CHARACTER},
        {"https://a/<b>", URI_BAD_CHARACTER},
        {"https://a/\"b\"", URI_BAD_CHARACTER},
        {"https://a/{b}", URI_BAD_CHARACTER},
        {"https://a/`b`^|", URI_BAD_CHARACTER},
        {"https://b\xc3\xbc"
         "cher.example/",
         URI_NOT_ASCII},
        {"https://a/gr\xc3\xbcn", URI_NOT_ASCII},
        {"https://\xe2\x91\xa0\xe2\x91\xa1.example/", URI_NOT_ASCII},
        {"https:///path", URI_BAD_HOST},
        {"https://", URI_BAD_HOST},
        {"https://:443/", URI_BAD_HOST},
        {"https://.a/", URI_BAD_HOST},
        {"https://a..b/", URI_BAD_HOST},
        {"https://a%2fb/", URI_BAD_HOST},
        {"https://127.0.0.1%00.example/", URI_BAD_HOST},
        {"https://a,b/", URI_BAD_HOST},
        {"https://a*/", URI_BAD_HOST},
        {"https://2130706433/", URI_BAD_HOST},
        {"https://0x7f000001/", URI_BAD_HOST},
        {"https://0x7f.1/", URI_BAD_HOST},
        {"https://0177.0.0.1/", URI_BAD_HOST},
        {"https://127.1/", URI_BAD_HOST},
        {"https://127.0.0.0x1/", URI_BAD_HOST},
        {"https://1.2.3.4.5/", URI_BAD_HOST},
        {"https://256.1.1.1/", URI_BAD_HOST},
        {"https://127.0.0.1./", URI_BAD_HOST},
        {"https://2852039166/latest/meta-data", URI_BAD_HOST},
        {"https://[::1/", URI_BAD_HOST},
        {"https://[::1]x/", URI_BAD_HOST},
        {"https://[127.0.0.1]/", URI_BAD_HOST},
        {"https://[fe80::1%25eth0]/", URI_BAD_HOST},
        {"https://[]/", URI_BAD_HOST},
        {"https://[v1.x]/", URI_BAD_HOST},
        {"https://::1/", URI_BAD_HOST},
        {"https://a]/", URI_BAD_HOST},
        {"https://a:/", URI_BAD_PORT},
        {"https://a:0/", URI_BAD_PORT},
        {"https://a:65536/", URI_BAD_PORT},
        {"https://a:99999999999/", URI_BAD_PORT},
        {"https://a:80a/", URI_BAD_PORT},
        {"https://a:-1/", URI_BAD_PORT},
        {"https://a:80:80/", URI_BAD_PORT},
        {"https://[::1]:/", URI_BAD_PORT},
        {"https://a/b#c", URI_HAS_FRAGMENT},
        {"https://a#b", URI_HAS_FRAGMENT},
        {"https://a/?b#c", URI_HAS_FRAGMENT},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct uri uri = {.port = 77};

        print_message("%s\n", cases[i].url);
        assert_int_equal(uri_read(slice_of(cases[i].url), &uri), cases[i].result);
        assert_int_equal(uri.port, 77);
    }
}

static void lengths_are_bounded(void **state)
{
    char text[2100] = "https://a/";
    struct uri uri;

    (void)state;
    memset(text + strlen(text), 'x', sizeof(text) - strlen(text));
    assert_int_equal(uri_read((struct slice){text, 2048}, &uri), URI_OK);
    assert_int_equal(uri_read((struct slice){text, 2049}, &uri), URI_TOO_LONG);
    memcpy(text, "https://", 8);
    memset(text + 8, 'x', 64);
    assert_int_equal(uri_read((struct slice){text, 8 + 63}, &uri), URI_OK);
    assert_int_equal(uri_read((struct slice){text, 8 + 64}, &uri), URI_BAD_HOST);
    for (size_t i = 8; i < 8 + 300; i++)
        text[i] = i % 10 == 0 ? '.' : 'x';
    assert_int_equal(uri_read((struct slice){text, 8 + 253}, &uri), URI_OK);
    assert_int_equal(uri_read((struct slice){text, 8 + 254}, &uri), URI_BAD_HOST);
    assert_int_equal(uri_read((struct slice){"https://a\0b/", 12}, &uri), URI_BAD_CHARACTER);
}

static void reaches(void **state)
{
    static const struct {
        const char *host;
        enum uri_reach reach;
    } cases[] = {
        {"127.0.0.1", URI_LOOPBACK},
        {"127.255.255.254", URI_LOOPBACK},
        {"::1", URI_LOOPBACK},
        {"::ffff:127.0.0.1", URI_LOOPBACK},
        {"::127.0.0.1", URI_LOOPBACK},
        {"localhost", URI_LOOPBACK},
        {"a.b.LocalHost", URI_LOOPBACK},
        {"mylocalhost", URI_ELSEWHERE},
        {"localhost.example", URI_ELSEWHERE},
        {"169.254.169.254", URI_LINK_LOCAL},
        {"169.254.170.2", URI_LINK_LOCAL},
        {"169.253.0.1", URI_ELSEWHERE},
        {"::ffff:169.254.169.254", URI_LINK_LOCAL},
        {"::ffff:a9fe:a9fe", URI_LINK_LOCAL},
        {"::a9fe:a9fe", URI_LINK_LOCAL},
        {"64:ff9b::169.254.169.254", URI_LINK_LOCAL},
        {"64:ff9b::808:808", URI_ELSEWHERE},
        {"fe80::1", URI_LINK_LOCAL},
        {"febf::1", URI_LINK_LOCAL},
        {"fec0::1", URI_ELSEWHERE},
        {"FE80:0:0:0:0:0:0:1", URI_LINK_LOCAL},
        {"fd00:ec2::254", URI_LINK_LOCAL},
        {"fd00:ec3::254", URI_ELSEWHERE},
        {"0.0.0.0", URI_NO_HOST},
        {"0.1.2.3", URI_NO_HOST},
        {"224.0.0.1", URI_NO_HOST},
        {"255.255.255.255", URI_NO_HOST},
        {"::", URI_NO_HOST},
        {"::ffff:0.0.0.0", URI_NO_HOST},
        {"ff02::1", URI_NO_HOST},
        {"10.0.0.1", URI_ELSEWHERE},
        {"192.168.1.1", URI_ELSEWHERE},
        {"2001:db8::1", URI_ELSEWHERE},
        {"", URI_NO_HOST},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("%s\n", cases[i].host);
        assert_int_equal(uri_reach_of(slice_of(cases[i].host)), cases[i].reach);
    }
}

static void judgements(void **state)
{
    static const struct {
        const char *url;
        bool allow_http;
        enum uri_result result;
    } cases[] = {
        {"https://perseus.example/batch", false, URI_OK},
        {"http://perseus.example/batch", false, URI_NOT_ENCRYPTED},
        {"http://perseus.example/batch", true, URI_OK},
        {"http://127.0.0.1:8080/", false, URI_OK},
        {"http://[::1]/", false, URI_OK},
        {"http://localhost/", false, URI_OK},
        {"http://10.0.0.1/", false, URI_NOT_ENCRYPTED},
        {"http://localhost.example/", false, URI_NOT_ENCRYPTED},
        {"http://169.254.169.254/latest", true, URI_LINK_LOCAL_HOST},
        {"https://169.254.169.254/latest", true, URI_LINK_LOCAL_HOST},
        {"https://[::ffff:169.254.169.254]/", true, URI_LINK_LOCAL_HOST},
        {"https://[fd00:ec2::254]/", true, URI_LINK_LOCAL_HOST},
        {"http://0.0.0.0:8080/", true, URI_NOBODY_THERE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct uri uri;

        assert_int_equal(uri_read(slice_of(cases[i].url), &uri), URI_OK);
        assert_int_equal(uri_judge(&uri, cases[i].allow_http), cases[i].result);
    }
}

static void queries_are_not_shown(void **state)
{
    static const char *const cases[][2] = {
        {"https://a/b?token=x", "https://a/b"},
        {"https://a:1?token=x", "https://a:1"},
        {"https://a/b", "https://a/b"},
        {"https://a", "https://a"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice text = slice_of(cases[i][0]);
        struct uri uri;

        assert_int_equal(uri_read(text, &uri), URI_OK);
        assert_true(slice_is(uri_shown(text, &uri), cases[i][1]));
    }
}

static void every_result_has_its_words(void **state)
{
    (void)state;
    assert_string_equal(uri_problem(URI_OK), "");
    for (int r = URI_NOT_A_URL; r <= URI_NOT_ENCRYPTED; r++)
        assert_true(strlen(uri_problem((enum uri_result)r)) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(urls_are_refused),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(reaches),
        cmocka_unit_test(judgements),
        cmocka_unit_test(queries_are_not_shown),
        cmocka_unit_test(every_result_has_its_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

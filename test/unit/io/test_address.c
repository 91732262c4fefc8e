/* Addresses: which are kept from names, which a server listens on, how they read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "io/address.h"

static struct address ip(const char *text)
{
    struct address a;
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    memset(&a, 0, sizeof a);
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        memcpy(&a.at, &in, sizeof in);
        a.length = sizeof in;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
        memcpy(&a.at, &in6, sizeof in6);
        a.length = sizeof in6;
    }
    return a;
}

static void test_link_local(void **state)
{
    static const struct {
        const char *ip;
        bool is_link_local;
    } table[] = {
        {"169.254.0.0", true},
        {"169.254.169.254", true},
        {"169.254.170.2", true},
        {"169.254.255.255", true},
        {"169.253.255.255", false},
        {"169.255.0.0", false},
        {"127.0.0.1", false},
        {"10.0.0.1", false},
        {"0.0.0.0", false},
        {"fe80::1", true},
        {"febf::1", true},
        {"fec0::1", false},
        {"fd00:ec2::254", true},
        {"fd00:ec2::23", true},
        {"fd00:ec3::1", false},
        {"::1", false},
        {"::ffff:169.254.1.1", true},
        {"::ffff:127.0.0.1", false},
        {"2001:db8::a9fe:1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct address a = ip(table[i].ip);

        if (address_is_link_local((const struct sockaddr *)&a.at) != table[i].is_link_local)
            fail_msg("%s", table[i].ip);
    }
}

static void test_text(void **state)
{
    char text[ADDRESS_TEXT_MAX];
    struct address a;

    (void)state;
    assert_null(address_parse_listen(&a, "127.0.0.1:8080"));
    address_text(text, (const struct sockaddr *)&a.at);
    assert_string_equal(text, "127.0.0.1:8080");
    assert_null(address_parse_listen(&a, "[2001:db8:0::1]:65535"));
    address_text(text, (const struct sockaddr *)&a.at);
    assert_string_equal(text, "[2001:db8::1]:65535");
    address_host_text(text, (const struct sockaddr *)&a.at);
    assert_string_equal(text, "2001:db8::1");
    assert_null(address_parse_listen(&a, ":0"));
    address_text(text, (const struct sockaddr *)&a.at);
    assert_string_equal(text, "[::]:0");
    assert_null(address_parse_listen(&a, "LOCALHOST:1"));
    address_text(text, (const struct sockaddr *)&a.at);
    assert_string_equal(text, "127.0.0.1:1");
}

static void test_literal(void **state)
{
    (void)state;
    assert_true(address_is_literal("127.0.0.1"));
    assert_true(address_is_literal("::1"));
    assert_true(address_is_literal("[::1]"));
    assert_true(address_is_literal("localhost"));
    assert_true(address_is_literal("a.localhost"));
    assert_false(address_is_literal("example.com"));
    assert_false(address_is_literal("notlocalhost"));
    assert_false(address_is_literal("127.0.0.1.example.com"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_local),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_literal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

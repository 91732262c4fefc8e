/* Members of a JSON object: what is escaped, and what is null. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/json.h"
#include "core/json_out.h"

static void a_member_for_each_text(void **state)
{
    struct strbuf out = {0};

    (void)state;
    json_out_text(&out, "url", "http://127.0.0.1:9324/");
    json_out_text(&out, "empty", "");
    json_out_text(&out, "hard", "a \"b\"\\\n\x01 \xc3\xa4");
    json_out_text(&out, "none", NULL);
    json_out_text(&out, "bytes", "\xff");
    assert_string_equal(out.p, ",\"url\":\"http://127.0.0.1:9324/\",\"empty\":\"\","
                               "\"hard\":\"a \\\"b\\\"\\\\\\n\\u0001 \xc3\xa4\","
                               "\"none\":null,\"bytes\":null");
    out.p[0] = '{';
    strbuf_addc(&out, '}');
    assert_true(json_is_valid(strbuf_slice(&out)));
    strbuf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_for_each_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

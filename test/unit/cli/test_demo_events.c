/* Invented events: each is one line of JSON that SQS takes, of a size that real ones have, and each is another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/demo_events.h"
#include "cli/send_events.h"
#include "core/json.h"

static void test_events(void **state)
{
    (void)state;
    static const char *const types[] = {"order.created", "payment.captured", "payment.declined",
                                        "parcel.sent",   "parcel.delivered", "order.note_added"};
    size_t seen[6] = {0};
    struct strbuf text = {0}, before = {0};

    for (uint64_t n = 1; n <= 2000; n++) {
        strbuf_reset(&text);
        demo_event_write(&text, n, n * 0x9e3779b97f4a7c15u, 1790000000000);
        assert_false(strbuf_failed(&text));
        assert_true(json_is_valid(strbuf_slice(&text)));
        assert_true(text.n >= 150 && text.n <= 900);
        assert_null(memchr(text.p, '\n', text.n));
        assert_string_not_equal(text.p, before.p ? before.p : "");
        for (size_t i = 0; i < 6; i++)
            seen[i] += strstr(text.p, types[i]) != NULL;
        strbuf_reset(&before);
        strbuf_add_slice(&before, strbuf_slice(&text));
    }
    for (size_t i = 0; i < 6; i++)
        assert_true(seen[i] > 10);
    strbuf_deinit(&text);
    strbuf_deinit(&before);
}

/* The same seed is the same event, anywhere. */
static void test_seed(void **state)
{
    (void)state;
    struct strbuf text = {0};
    demo_event_write(&text, 7, 1, 1790000000000);
    assert_string_equal(
        text.p,
        "{\"id\":\"evt_0000000000000001\",\"number\":7,\"at\":1790000000000,"
        "\"type\":\"order.note_added\",\"order\":\"380235\",\"author\":\"Ada Lovelace\",\"note\":\"call before delivery\"}");
    strbuf_deinit(&text);
}

static void test_sqs_takes_them(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 200; n++) {
        struct strbuf text = {0}, why = {0};
        struct send_event *event = NULL;
        demo_event_write(&text, n, n, 1790000000000);
        assert_int_equal(
            send_event_make(&event, &(struct send_rules){0}, strbuf_slice(&text), &why), 0);
        send_event_free(event);
        strbuf_deinit(&text);
        strbuf_deinit(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_sqs_takes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Refusals: the words, cut at a character's border, and always UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"
#include "queue/error.h"

enum { ROOM = sizeof(((struct queue_refusal *)0)->text) - 1 };

static void every_error_has_words(void **state)
{
    struct queue_refusal refusal;

    (void)state;
    for (int error = QUEUE_OK + 1; error < QUEUE_ERRORS; error++) {
        assert_int_equal(queue_refuse_plainly(&refusal, (enum queue_error)error), error);
        assert_int_equal(refusal.error, error);
        assert_string_equal(refusal.text, queue_errors[error].text);
        assert_true(*refusal.text && *queue_errors[error].type && *queue_errors[error].code);
        assert_int_equal(queue_errors[error].status / 100,
                         queue_errors[error].is_senders_fault ? 4 : 5);
    }
}

/* Characters of one to four bytes, at each place where the text may end. */
static void is_cut_between_characters(void **state)
{
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

    (void)state;
    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
        size_t n = strlen(characters[i]);

        for (size_t before = ROOM - 8; before <= ROOM; before++) {
            char text[ROOM + 32];
            size_t room = ROOM - before;
            struct queue_refusal refusal;

            memset(text, 'a', before);
            text[before] = '\0';
            for (int k = 0; k < 6; k++)
                strcat(text, characters[i]);
            queue_refuse(&refusal, QUEUE_MALFORMED, "%s", text);
            assert_int_equal(strlen(refusal.text),
                             6 * n <= room ? before + 6 * n : before + room / n * n);
            assert_memory_equal(refusal.text, text, strlen(refusal.text));
        }
    }
}

/* Values are shown up to some length: what is left of a character is a question mark, and so is what was none. */
static void what_is_no_character_is_a_question_mark(void **state)
{
    static const char *const texts[][2] = {
        {"plain", "plain"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"a\xc3 b", "a? b"},
        {"a\xe2\x82 b", "a?? b"},
        {"a\xf0\x9f\x98 b\xc3\xa9", "a??? b\xc3\xa9"},
        {"\x80\x80", "??"},
        {"\xff\xc3\xa9", "?\xc3\xa9"},
        {"end \xf0\x9f", "end ??"},
    };
    struct queue_refusal refusal;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        queue_refuse(&refusal, QUEUE_MALFORMED, "%s", texts[i][0]);
        assert_string_equal(refusal.text, texts[i][1]);
        assert_true(utf8_is_valid(slice_of(refusal.text)));
    }
}

/* Nothing but the ends of characters, as far as there is room. */
static void what_has_no_character_is_cut_as_well(void **state)
{
    char text[ROOM + 32];
    struct queue_refusal refusal;

    (void)state;
    memset(text, 0x80, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    queue_refuse(&refusal, QUEUE_MALFORMED, "%s", text);
    assert_int_equal(strspn(refusal.text, "?"), strlen(refusal.text));
    assert_true(strlen(refusal.text) > ROOM - 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_words),
        cmocka_unit_test(is_cut_between_characters),
        cmocka_unit_test(what_is_no_character_is_a_question_mark),
        cmocka_unit_test(what_has_no_character_is_cut_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

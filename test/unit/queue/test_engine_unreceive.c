/* Answers that never left, to somebody who had gone: their messages were not received, unless they are not there any more. */
#include "test/unit/queue/engine_story.h"

/* clang-format off */

STORY(it_was_not_received,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, UNRECEIVE, .b = "foo"},
    {0, COUNTS, "q", .answer = "1/0/0"},
    {5, RECEIVE, "q", .answer = "foo"},
    {5, RECEIVES, .b = "foo", .answer = "1"})

/* And is not dead-lettered for it. */
STORY(it_is_no_receive_too_many,
    {0, CREATE, "dead"},
    {0, CREATE, "q", "RedrivePolicy=dead:1"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, UNRECEIVE, .b = "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, COUNTS, "dead", .answer = "0/0/0"})

STORY(what_was_moved_and_not_received_is_not_moved_on,
    {0, CREATE, "c"},
    {0, CREATE, "b", "RedrivePolicy=c:1"},
    {0, CREATE, "a", "VisibilityTimeout=0;RedrivePolicy=b:1"},
    {0, SEND, "a", "foo"},
    {0, RECEIVE, "a", .answer = "foo"},
    {0, RECEIVE, "a", .answer = ""},
    {0, RECEIVE, "b", .answer = "foo"},
    {0, UNRECEIVE, .b = "foo"},
    {0, RECEIVE, "b", .answer = "foo"},
    {0, COUNTS, "c", .answer = "0/0/0"})

STORY(the_receive_before_counts,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {30, RECEIVE, "q", .answer = "foo"},
    {30, RECEIVES, .b = "foo", .answer = "2"},
    {30, UNRECEIVE, .b = "foo"},
    {30, RECEIVE, "q", .answer = "foo"},
    {30, RECEIVES, .b = "foo", .answer = "2"})

STORY(a_group_goes_on_with_it,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g 1"}, {0, SEND, "q.fifo", "bar g 2"},
    {0, RECEIVE, "q.fifo", .n = 1, .answer = "foo"},
    {0, RECEIVE, "q.fifo", .n = 10, .answer = ""},
    {0, UNRECEIVE, .b = "foo"},
    {0, RECEIVE, "q.fifo", .n = 10, .answer = "foo bar"})

/* Of an older receipt, or of a message that is visible, deleted or purged, it says nothing. */
STORY(it_may_be_too_late,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {30, UNRECEIVE, .b = "foo"},
    {30, COUNTS, "q", .answer = "1/0/0"},
    {30, RECEIVE, "q", .answer = "foo"},
    {30, RECEIVES, .b = "foo", .answer = "2"},
    {30, UNRECEIVE, .b = "foo#1"},
    {30, COUNTS, "q", .answer = "0/1/0"},
    {30, DELETE, "q", "foo"},
    {30, UNRECEIVE, .b = "foo"},
    {30, COUNTS, "q", .answer = "0/0/0"},
    {30, SEND, "q", "bar"},
    {30, RECEIVE, "q", .answer = "bar"},
    {30, PURGE, "q"},
    {30, UNRECEIVE, .b = "bar"},
    {30, RETURN, .b = "bar"},
    {30, COUNTS, "q", .answer = "0/0/0"})

/* clang-format on */

#define TEST(name) cmocka_unit_test_teardown(name, story_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_was_not_received),
        TEST(it_is_no_receive_too_many),
        TEST(what_was_moved_and_not_received_is_not_moved_on),
        TEST(the_receive_before_counts),
        TEST(a_group_goes_on_with_it),
        TEST(it_may_be_too_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Dead-letter queues and move tasks, as stories. */
#include "test/unit/queue/engine_story.h"

/* clang-format off */

/* ---- dead letters ---- */

STORY(a_message_that_was_received_too_often_is_moved,
    {0, CREATE, "dead"},
    {0, CREATE, "q", "VisibilityTimeout=1;RedrivePolicy=dead:2"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {1, RECEIVE, "q", .answer = "foo"},
    {2, COUNTS, "q", .answer = "1/0/0"}, /* it is moved when it would be received again */
    {2, RECEIVE, "q", .answer = ""},
    {2, COUNTS, "q", .answer = "0/0/0"},
    {2, RECEIVE, "dead", .answer = "foo"},
    {2, RECEIVES, .b = "foo", .answer = "3 from q"},
    {2, DELETE, "q", "foo#2"}, /* not there any more: nothing happens */
    {2, DELETE, "dead", "foo#2", .answer = "ReceiptHandleIsInvalid"},
    {2, COUNTS, "dead", .answer = "0/1/0"},
    {2, DELETE, "dead", "foo"},
    {2, COUNTS, "dead", .answer = "0/0/0"})

STORY(dead_letters_wake_who_waits_for_them_and_are_not_counted_as_received,
    {0, CREATE, "dead"},
    {0, CREATE, "q", "VisibilityTimeout=1;RedrivePolicy=dead:1"},
    {0, SEND, "q", "foo"}, {0, SEND, "q", "bar"}, {0, SEND, "q", "baz"},
    {0, RECEIVE, "q", .n = 2, .answer = "foo bar"},
    {0, PARK, "dead", "p", .n = 10, .wait = 20},
    {1, RECEIVE, "q", .n = 1, .answer = "baz"},
    {1, ANSWERED, .b = "p", .answer = "foo bar"})

STORY(a_short_poll_that_finds_only_dead_letters_wakes_who_waits_for_them,
    {0, CREATE, "dead"},
    {0, CREATE, "q", "VisibilityTimeout=1;RedrivePolicy=dead:1"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, PARK, "dead", "p", .wait = 20},
    {1, RECEIVE, "q", .answer = ""},
    {1, DUE, .answer = "2"}, /* nothing is left to be done at once: foo is visible again then */
    {1, ANSWERED, .b = "p", .answer = "foo"})

STORY(a_fifo_group_goes_on_behind_its_dead_letters_in_order,
    {0, CREATE, "dead.fifo"},
    {0, CREATE, "q.fifo", "VisibilityTimeout=1;RedrivePolicy=dead.fifo:1"},
    {0, SEND, "q.fifo", "foo g 1"}, {0, SEND, "q.fifo", "bar g 2"}, {0, SEND, "q.fifo", "baz g 3"},
    {0, RECEIVE, "q.fifo", .n = 2, .answer = "foo bar"},
    {1, RECEIVE, "q.fifo", .n = 10, .answer = "baz"},
    {1, RECEIVE, "dead.fifo", .n = 10, .answer = "foo bar"})

STORY(without_its_dead_letter_queue_a_message_stays,
    {0, CREATE, "dead"},
    {0, CREATE, "q", "VisibilityTimeout=1;RedrivePolicy=dead:1"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, DROP, "dead"},
    {1, RECEIVE, "q", .answer = "foo"},
    {1, RECEIVES, .b = "foo", .answer = "2"})

STORY(a_queue_that_takes_no_dead_letters_gets_none,
    {0, CREATE, "dead"},
    {0, CREATE, "q", "VisibilityTimeout=1;RedrivePolicy=dead:1"},
    {0, SET, "dead", "RedriveAllowPolicy={\"redrivePermission\":\"denyAll\"}"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {1, RECEIVE, "q", .answer = "foo"},
    {1, SET, "dead", "RedriveAllowPolicy={\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"arn:aws:sqs:us-east-1:000000000000:q\"]}"},
    {2, RECEIVE, "q", .answer = ""},
    {2, RECEIVE, "dead", .answer = "foo"})

STORY(policies_are_refused_that_can_not_hold,
    {0, CREATE, "dead"},
    {0, CREATE, "dead.fifo"},
    {0, CREATE, "shy", "RedriveAllowPolicy={\"redrivePermission\":\"denyAll\"}"},
    {0, CREATE, "q"},
    {0, CREATE, "q1", "RedrivePolicy=nobody:1", .answer = "InvalidParameterValue"},
    {0, CREATE, "q1", "RedrivePolicy=dead.fifo:1", .answer = "InvalidParameterValue"},
    {0, CREATE, "q1", "RedrivePolicy=shy:1", .answer = "InvalidParameterValue"},
    {0, CREATE, "q1.fifo", "RedrivePolicy=dead:1", .answer = "InvalidParameterValue"},
    {0, SET, "q", "RedrivePolicy=nobody:1", .answer = "InvalidParameterValue"},
    {0, SET, "q", "RedrivePolicy=shy:1", .answer = "InvalidParameterValue"},
    {0, SET, "q", "RedrivePolicy=dead:1"})

/* With a receive of each: none is handed to and fro within one. */
STORY(a_policy_whose_queue_has_gone_hinders_nothing_else,
    {0, CREATE, "dead"}, {0, CREATE, "other"},
    {0, CREATE, "q", "RedrivePolicy=dead:3"},
    {0, DROP, "dead"},
    {0, SET, "q", "VisibilityTimeout=10;RedrivePolicy=dead:3"},
    {0, SET, "q", "VisibilityTimeout=10;RedrivePolicy=dead:4", .answer = "InvalidParameterValue"},
    {0, SET, "q", "RedrivePolicy=other:3"},
    {0, SET, "q", "RedrivePolicy=dead:3", .answer = "InvalidParameterValue"})

STORY(queues_that_are_each_others_dead_letter_queues_come_to_rest,
    {0, CREATE, "a"},
    {0, CREATE, "b", "VisibilityTimeout=1;RedrivePolicy=a:1"},
    {0, SET, "a", "VisibilityTimeout=1;RedrivePolicy=b:1"},
    {0, SEND, "a", "foo"},
    {0, RECEIVE, "a", .answer = "foo"},
    {0, PARK, "a", "pa", .n = 10, .wait = 20},
    {0, PARK, "b", "pb", .n = 10, .wait = 20},
    {1, ANSWERED, .b = "pb", .answer = "foo"},
    {1, ANSWERED, .b = "pa", .answer = "waits"},
    {1, RECEIVES, .b = "foo", .answer = "2 from a"},
    {2, PARK, "b", "pb", .n = 10, .wait = 20},
    {2, ANSWERED, .b = "pa", .answer = "foo"},
    {2, ANSWERED, .b = "pb", .answer = "waits"})

STORY(its_own_dead_letter_queue_is_none,
    {0, CREATE, "q", "VisibilityTimeout=1"},
    {0, SET, "q", "VisibilityTimeout=1;RedrivePolicy=q:1"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {1, RECEIVE, "q", .answer = "foo"})

STORY(a_dead_letters_time_counts_on_in_a_standard_queue,
    {0, CREATE, "dead", "MessageRetentionPeriod=60"},
    {0, CREATE, "q", "VisibilityTimeout=30;RedrivePolicy=dead:1"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {30, RECEIVE, "q", .answer = ""},
    {59, COUNTS, "dead", .answer = "1/0/0"},
    {60, RECEIVE, "dead", .answer = ""})

STORY(a_dead_letters_time_begins_again_in_a_fifo_queue,
    {0, CREATE, "dead.fifo", "MessageRetentionPeriod=60"},
    {0, CREATE, "q.fifo", "VisibilityTimeout=30;RedrivePolicy=dead.fifo:1"},
    {0, SEND, "q.fifo", "foo g 1"},
    {0, RECEIVE, "q.fifo", .answer = "foo"},
    {30, RECEIVE, "q.fifo", .answer = ""},
    {89, RECEIVE, "dead.fifo", .visibility = 1 + 0, .answer = "foo"},
    {90, RECEIVE, "dead.fifo", .answer = ""})

/* ---- move tasks ---- */

/* Three dead letters of q, in `dead`, and one that was sent there. */
#define THREE_DEAD_LETTERS                                                                         \
    {0, CREATE, "dead"},                                                                           \
    {0, CREATE, "q", "VisibilityTimeout=1;RedrivePolicy=dead:1"},                                  \
    {0, SEND, "q", "foo"}, {0, SEND, "q", "bar"}, {0, SEND, "q", "baz"},                           \
    {0, RECEIVE, "q", .n = 10, .answer = "foo bar baz"},                                           \
    {1, RECEIVE, "q", .n = 10, .answer = ""}

STORY(dead_letters_go_back_to_where_they_came_from,
    THREE_DEAD_LETTERS,
    {2, MOVE, "dead", NULL},
    {2, DUE, .answer = "2"},
    {2, MOVES, "dead", .answer = "COMPLETED 3/3"},
    {2, COUNTS, "dead", .answer = "0/0/0"},
    {2, RECEIVE, "q", .n = 10, .answer = "foo bar baz"},
    {2, RECEIVES, .b = "foo", .answer = "1"}) /* a message of its own */

STORY(dead_letters_go_to_another_queue,
    THREE_DEAD_LETTERS,
    {2, CREATE, "other"},
    {2, MOVE, "dead", "other"},
    {2, RECEIVE, "other", .n = 10, .answer = "foo bar baz"},
    {2, MOVES, "dead", .answer = "COMPLETED 3/3"})

STORY(redriven_messages_wake_who_waits,
    THREE_DEAD_LETTERS,
    {2, PARK, "q", "p", .n = 10, .wait = 20},
    {2, MOVE, "dead", NULL},
    {2, ANSWERED, .b = "p", .answer = "foo bar baz"})

STORY(a_redriven_messages_retention_begins_again,
    {0, CREATE, "dead", "MessageRetentionPeriod=100"},
    {0, CREATE, "q", "VisibilityTimeout=1;MessageRetentionPeriod=60;RedrivePolicy=dead:1"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {1, RECEIVE, "q", .answer = ""},
    {70, MOVE, "dead", NULL},
    {129.999, RECEIVE, "q", .visibility = 1 + 0, .answer = "foo"},
    {130, RECEIVE, "q", .answer = ""})

STORY(what_is_too_old_is_not_moved,
    {0, CREATE, "dead", "MessageRetentionPeriod=65"},
    {0, CREATE, "q", "VisibilityTimeout=1;RedrivePolicy=dead:1"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {1, RECEIVE, "q", .answer = ""},
    {66, MOVE, "dead", NULL},
    {66, MOVES, "dead", .answer = "COMPLETED 0/1"},
    {66, COUNTS, "q", .answer = "0/0/0"})

STORY(a_task_keeps_to_its_rate,
    THREE_DEAD_LETTERS,
    {2, MOVE, "dead", NULL, .n = 2},
    {2, MOVES, "dead", .answer = "RUNNING 1/3"},
    {2.499, MOVES, "dead", .answer = "RUNNING 1/3"},
    {2.5, MOVES, "dead", .answer = "RUNNING 2/3"},
    {3, MOVES, "dead", .answer = "COMPLETED 3/3"},
    {3, DUE, .answer = "10"})

STORY(a_task_is_cancelled,
    THREE_DEAD_LETTERS,
    {2, MOVE, "dead", NULL, .n = 1},
    {3, CANCEL_MOVE, .answer = "2"},
    {3, MOVES, "dead", .answer = "CANCELLED 2/3"},
    {3, CANCEL_MOVE, .answer = "AWS.SimpleQueueService.UnsupportedOperation"},
    {9, COUNTS, "dead", .answer = "1/0/0"},
    {9, MOVE, "dead", NULL},
    {9, MOVES, "dead", .answer = "COMPLETED 1/1, CANCELLED 2/3"})

STORY(one_task_at_a_time,
    THREE_DEAD_LETTERS,
    {2, MOVE, "dead", NULL, .n = 1},
    {2, MOVE, "dead", NULL, .n = 1, .answer = "InvalidParameterValue"},
    {5, MOVE, "dead", NULL, .n = 1})

STORY(tasks_that_can_not_be_are_refused,
    {0, CREATE, "dead"},
    {0, CREATE, "q", "RedrivePolicy=dead:1"},
    {0, CREATE, "q.fifo"},
    {0, MOVE, "nobody", NULL, .answer = "ResourceNotFoundException"},
    {0, MOVE, "q", NULL, .answer = "InvalidParameterValue"},
    {0, MOVE, "dead", "nobody", .answer = "ResourceNotFoundException"},
    {0, MOVE, "dead", "dead", .answer = "InvalidParameterValue"},
    {0, MOVE, "dead", "q.fifo", .answer = "InvalidParameterValue"},
    {0, MOVE, "dead", NULL, .n = 501, .answer = "InvalidParameterValue"},
    {0, MOVE, "dead", NULL, .n = -1, .answer = "InvalidParameterValue"},
    {0, CANCEL_MOVE, .answer = "InvalidParameterValue"},
    {0, MOVES, "nobody", .answer = "ResourceNotFoundException"},
    {0, MOVES, "dead", .answer = ""})

STORY(a_message_that_came_from_nowhere_ends_the_task,
    {0, CREATE, "dead"},
    {0, CREATE, "q", "RedrivePolicy=dead:1"},
    {0, SEND, "dead", "foo"},
    {0, MOVE, "dead", NULL},
    {0, MOVES, "dead", .answer = "FAILED 0/1 CouldNotDetermineMessageSource"},
    {1, MOVE, "dead", "q"},
    {1, MOVES, "dead", .answer = "COMPLETED 1/1, FAILED 0/1 CouldNotDetermineMessageSource"})

STORY(a_destination_that_goes_ends_the_task,
    THREE_DEAD_LETTERS,
    {2, CREATE, "other"},
    {2, MOVE, "dead", "other", .n = 1},
    {2.5, DROP, "other"},
    {3, MOVES, "dead", .answer = "FAILED 1/3 AWS.SimpleQueueService.NonExistentQueue"},
    {3, COUNTS, "dead", .answer = "2/0/0"})

STORY(messages_in_flight_are_not_moved,
    THREE_DEAD_LETTERS,
    {2, RECEIVE, "dead", .n = 2, .answer = "foo bar"},
    {2, MOVE, "dead", NULL},
    {2, MOVES, "dead", .answer = "COMPLETED 1/1"},
    {2, COUNTS, "dead", .answer = "0/2/0"})

STORY(a_task_waits_for_what_its_group_holds_back_without_haste,
    {0, CREATE, "dead.fifo"},
    {0, CREATE, "q.fifo", "RedrivePolicy=dead.fifo:1"},
    {0, SEND, "dead.fifo", "foo g 1"}, {0, SEND, "dead.fifo", "bar g 2"},
    {0, RECEIVE, "dead.fifo", .answer = "foo"},
    {0, MOVE, "dead.fifo", "q.fifo"},
    {0.5, MOVES, "dead.fifo", .answer = "RUNNING 0/1"},
    {0.5, DUE, .answer = "0.6"},
    {1, DELETE, "dead.fifo", "foo"},
    {1.1, MOVES, "dead.fifo", .answer = "COMPLETED 1/1"},
    {1.1, RECEIVE, "q.fifo", .n = 10, .answer = "bar"})

STORY(tasks_go_with_their_queue,
    THREE_DEAD_LETTERS,
    {2, MOVE, "dead", NULL, .n = 1},
    {2, DROP, "dead"},
    {5, MOVES, "dead", .answer = "ResourceNotFoundException"},
    {62, CREATE, "dead"},
    {62, MOVES, "dead", .answer = ""})

/* clang-format on */

static void ten_tasks_are_remembered(void **state)
{
    static const struct row before[] = {{0, CREATE, "dead"},
                                        {0, CREATE, "q", "RedrivePolicy=dead:1"}};
    static const struct row each = {0, MOVE, "dead", "q"};
    struct queue_refusal refusal;
    struct move_task tasks[20];
    size_t count = 0;
    char arn[128];

    (void)state;
    story_begin(NULL);
    story_tell(before, COUNT(before));
    for (int i = 0; i < 15; i++)
        story_tell(&each, 1);
    assert_int_equal(
        engine_move_list(story.engine, story_arn("dead", arn), tasks, 20, &count, &refusal),
        QUEUE_OK);
    assert_int_equal(count, 10);
}

static void a_dead_letter_queue_is_known_by_its_sources(void **state)
{
    static const struct row before[] = {{0, CREATE, "dead"},
                                        {0, CREATE, "q", "RedrivePolicy=dead:1"}};
    static const struct row after[] = {{0, SET, "q"}};

    (void)state;
    story_begin(NULL);
    story_tell(before, COUNT(before));
    assert_true(engine_is_dead_letter(story.engine, story_queue("dead")));
    assert_false(engine_is_dead_letter(story.engine, story_queue("q")));
    story_tell(after, COUNT(after));
    assert_false(engine_is_dead_letter(story.engine, story_queue("dead")));
}

#define TEST(name) cmocka_unit_test_teardown(name, story_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_that_was_received_too_often_is_moved),
        TEST(dead_letters_wake_who_waits_for_them_and_are_not_counted_as_received),
        TEST(a_short_poll_that_finds_only_dead_letters_wakes_who_waits_for_them),
        TEST(a_fifo_group_goes_on_behind_its_dead_letters_in_order),
        TEST(without_its_dead_letter_queue_a_message_stays),
        TEST(a_queue_that_takes_no_dead_letters_gets_none),
        TEST(policies_are_refused_that_can_not_hold),
        TEST(a_policy_whose_queue_has_gone_hinders_nothing_else),
        TEST(queues_that_are_each_others_dead_letter_queues_come_to_rest),
        TEST(its_own_dead_letter_queue_is_none),
        TEST(a_dead_letters_time_counts_on_in_a_standard_queue),
        TEST(a_dead_letters_time_begins_again_in_a_fifo_queue),
        TEST(dead_letters_go_back_to_where_they_came_from),
        TEST(dead_letters_go_to_another_queue),
        TEST(redriven_messages_wake_who_waits),
        TEST(a_redriven_messages_retention_begins_again),
        TEST(what_is_too_old_is_not_moved),
        TEST(a_task_keeps_to_its_rate),
        TEST(a_task_is_cancelled),
        TEST(one_task_at_a_time),
        TEST(tasks_that_can_not_be_are_refused),
        TEST(a_message_that_came_from_nowhere_ends_the_task),
        TEST(a_destination_that_goes_ends_the_task),
        TEST(messages_in_flight_are_not_moved),
        TEST(a_task_waits_for_what_its_group_holds_back_without_haste),
        TEST(tasks_go_with_their_queue),
        TEST(ten_tasks_are_remembered),
        TEST(a_dead_letter_queue_is_known_by_its_sources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* FIFO queues, as stories: order within groups, deduplication, receive attempts. */
#include "test/unit/queue/engine_story.h"

/* clang-format off */

/* ---- order ---- */

STORY(a_receive_takes_as_many_of_a_group_as_it_can_then_others,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "a1 a 1"}, {0, SEND, "q.fifo", "b1 b 2"}, {0, SEND, "q.fifo", "a2 a 3"},
    {0, SEND, "q.fifo", "b2 b 4"}, {0, SEND, "q.fifo", "a3 a 5"},
    {0, RECEIVE, "q.fifo", .n = 4, .answer = "a1 a2 a3 b1"},
    {0, RECEIVE, "q.fifo", .n = 10, .answer = ""},
    {0, COUNTS, "q.fifo", .answer = "1/4/0"})

STORY(what_comes_after_a_message_in_flight_is_held_back,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g 1"}, {0, SEND, "q.fifo", "bar g 2"}, {0, SEND, "q.fifo", "baz g 3"},
    {0, RECEIVE, "q.fifo", .n = 1, .answer = "foo"},
    {0, RECEIVE, "q.fifo", .n = 10, .answer = ""},
    {0, COUNTS, "q.fifo", .answer = "2/1/0"},
    {1, DELETE, "q.fifo", "foo"},
    {1, RECEIVE, "q.fifo", .n = 10, .answer = "bar baz"})

/* Recorded on AWS: foo, which comes before bar, is returned; baz is not. */
STORY(of_foo_bar_baz_with_bar_extended_foo_is_returned,
    {0, CREATE, "q.fifo", "VisibilityTimeout=2"},
    {0, SEND, "q.fifo", "foo g 1"}, {0, SEND, "q.fifo", "bar g 2"}, {0, SEND, "q.fifo", "baz g 3"},
    {0, RECEIVE, "q.fifo", .n = 3, .answer = "foo bar baz"},
    {1, CHANGE, "q.fifo", "bar", .n = 30},
    {3, RECEIVE, "q.fifo", .n = 10, .answer = "foo"},
    {3, DELETE, "q.fifo", "foo"},
    {31, RECEIVE, "q.fifo", .n = 10, .answer = "bar baz"})

STORY(a_delete_frees_the_group_for_who_waits,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g 1"}, {0, SEND, "q.fifo", "bar g 2"},
    {0, RECEIVE, "q.fifo", .n = 1, .answer = "foo"},
    {0, PARK, "q.fifo", "p", .n = 10, .wait = 20},
    {5, DELETE, "q.fifo", "foo"},
    {5, ANSWERED, .b = "p", .answer = "bar"})

STORY(an_expired_message_frees_its_group,
    {0, CREATE, "q.fifo", "MessageRetentionPeriod=60"},
    {0, SEND, "q.fifo", "foo g 1"},
    {30, SEND, "q.fifo", "bar g 2"},
    {30, RECEIVE, "q.fifo", .n = 1, .visibility = 1 + 1000, .answer = "foo"},
    {59, RECEIVE, "q.fifo", .n = 1, .answer = ""},
    {70, RECEIVE, "q.fifo", .n = 1, .answer = "bar"})

STORY(a_delayed_message_holds_back_what_came_after_it,
    {0, CREATE, "q.fifo", "DelaySeconds=5"},
    {0, SEND, "q.fifo", "foo g 1"},
    {1, SET, "q.fifo", "DelaySeconds=4"},
    {3, SET, "q.fifo", "DelaySeconds=900"},
    {3, SEND, "q.fifo", "bar h 2"},
    {3, COUNTS, "q.fifo", .answer = "0/0/2"},
    {4, SET, "q.fifo", "DelaySeconds=0"},
    {4, SEND, "q.fifo", "baz g 3"},
    {4, RECEIVE, "q.fifo", .n = 10, .answer = "foo baz bar"})

STORY(a_new_delay_of_a_fifo_queue_is_for_those_that_wait_already,
    {0, CREATE, "q.fifo", "DelaySeconds=5"},
    {0, SEND, "q.fifo", "foo g 1"},
    {1, SET, "q.fifo", "DelaySeconds=10"},
    {5, RECEIVE, "q.fifo", .answer = ""},
    {9.999, RECEIVE, "q.fifo", .answer = ""},
    {10, RECEIVE, "q.fifo", .answer = "foo"})

STORY(a_message_has_no_delay_of_its_own,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g 1", .n = 1 + 900},
    {0, RECEIVE, "q.fifo", .answer = "foo"})

STORY(groups_take_turns,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "a1 a 1"}, {0, SEND, "q.fifo", "b1 b 2"}, {0, SEND, "q.fifo", "a2 a 3"},
    {0, RECEIVE, "q.fifo", .n = 1, .answer = "a1"},
    {0, DELETE, "q.fifo", "a1"},
    {0, RECEIVE, "q.fifo", .n = 1, .answer = "b1"},
    {0, RECEIVE, "q.fifo", .n = 1, .answer = "a2"})

/* ---- handles ---- */

STORY(a_delete_after_the_timeout_is_refused,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g 1"},
    {0, RECEIVE, "q.fifo", .answer = "foo"},
    {29.999, CHANGE, "q.fifo", "foo", .n = 1},
    {31, DELETE, "q.fifo", "foo", .answer = "InvalidParameterValue"},
    {31, RECEIVE, "q.fifo", .answer = "foo"},
    {31, DELETE, "q.fifo", "foo#1", .answer = "InvalidParameterValue"},
    {31, DELETE, "q.fifo", "foo#2"},
    {31, DELETE, "q.fifo", "foo#2"},
    {31, COUNTS, "q.fifo", .answer = "0/0/0"})

STORY(a_change_after_the_timeout_is_refused,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g 1"},
    {0, RECEIVE, "q.fifo", .answer = "foo"},
    {30, CHANGE, "q.fifo", "foo", .n = 60, .answer = "InvalidParameterValue"},
    {30, RECEIVE, "q.fifo", .answer = "foo"},
    {31, CHANGE, "q.fifo", "foo#1", .n = 0, .answer = "InvalidParameterValue"},
    {31, COUNTS, "q.fifo", .answer = "0/1/0"},
    {31, CHANGE, "q.fifo", "foo#2", .n = 0},
    {31, COUNTS, "q.fifo", .answer = "1/0/0"})

/* ---- sending ---- */

STORY(a_message_needs_a_group_and_an_id,
    {0, CREATE, "q.fifo"},
    {0, CREATE, "c.fifo", "ContentBasedDeduplication=true"},
    {0, SEND, "q.fifo", "foo", .answer = "MissingParameter"},
    {0, SEND, "q.fifo", "foo g", .answer = "InvalidParameterValue"},
    {0, SEND, "c.fifo", "foo g"},
    {0, SEND, "c.fifo", "foo", .answer = "MissingParameter"})

STORY(a_second_one_with_the_same_id_is_not_delivered_for_five_minutes,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g id"},
    {0, SEND, "q.fifo", "bar g id", .answer = "duplicate of foo"},
    {0, SEND, "q.fifo", "baz other id", .answer = "duplicate of foo"},
    {0, RECEIVE, "q.fifo", .n = 10, .answer = "foo"},
    {1, DELETE, "q.fifo", "foo"},
    {299.999, SEND, "q.fifo", "bar g id", .answer = "duplicate of a message that is gone"},
    {300, SEND, "q.fifo", "bar g id"},
    {300, RECEIVE, "q.fifo", .n = 10, .answer = "bar"})

STORY(ids_can_be_of_their_group,
    {0, CREATE, "q.fifo", "DeduplicationScope=messageGroup"},
    {0, SEND, "q.fifo", "foo g id"},
    {0, SEND, "q.fifo", "bar h id"},
    {0, SEND, "q.fifo", "baz g id", .answer = "duplicate of foo"})

STORY(the_content_can_be_the_id_and_a_given_one_wins,
    {0, CREATE, "q.fifo", "ContentBasedDeduplication=true"},
    {0, SEND, "q.fifo", "foo g"},
    {0, SEND, "q.fifo", "foo h", .answer = "duplicate of foo"},
    {0, SEND, "q.fifo", "foo g id"},
    {0, SEND, "q.fifo", "bar g id", .answer = "duplicate of foo"},
    {0, SEND, "q.fifo", "bar g"})

STORY(an_id_ends_with_a_purge_and_with_its_queue,
    {0, CREATE, "q.fifo"},
    {0, CREATE, "other.fifo"},
    {0, SEND, "q.fifo", "foo g id"},
    {0, SEND, "other.fifo", "one g id"},
    {0, PURGE, "q.fifo"},
    {1, SEND, "q.fifo", "bar g id"},
    {1, SEND, "q.fifo", "baz g id", .answer = "duplicate of bar"},
    {1, SEND, "other.fifo", "two g id", .answer = "duplicate of one"},
    {1, RESTART},
    {2, SEND, "q.fifo", "baz g id", .answer = "duplicate of bar"},
    {2, DROP, "q.fifo"},
    {62, CREATE, "q.fifo"},
    {62, SEND, "q.fifo", "qux g id"})

STORY(an_id_that_a_purge_forgot_is_not_restored,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g id"},
    {0, PURGE, "q.fifo"},
    {1, RESTART},
    {1, SEND, "q.fifo", "bar g id"},
    {1, RECEIVE, "q.fifo", .answer = "bar"})

/* ---- receive attempts ---- */

STORY(an_attempt_is_repeated_with_the_same_messages_and_hides_them_anew,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g 1"}, {0, SEND, "q.fifo", "bar g 2"}, {0, SEND, "q.fifo", "baz h 3"},
    {0, ATTEMPT, "q.fifo", "try", .n = 2, .answer = "foo bar"},
    {10, ATTEMPT, "q.fifo", "try", .n = 10, .answer = "foo bar"},
    {10, RECEIVES, .b = "foo", .answer = "1"},
    {10, DELETE, "q.fifo", "foo#1"}, /* the handles are the same */
    {39.999, RECEIVE, "q.fifo", .n = 10, .answer = "baz"},
    {40, RECEIVE, "q.fifo", .n = 10, .answer = "bar"})

STORY(a_repeated_attempt_gives_no_more_than_it_asks_for,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g 1"}, {0, SEND, "q.fifo", "bar g 2"},
    {0, ATTEMPT, "q.fifo", "try", .n = 2, .answer = "foo bar"},
    {10, ATTEMPT, "q.fifo", "try", .n = 1, .answer = "foo"},
    {20, ATTEMPT, "q.fifo", "try", .n = 10, .answer = "foo"},
    {30, COUNTS, "q.fifo", .answer = "1/1/0"})

STORY(an_attempt_is_not_repeated_when_something_changed,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g 1"}, {0, SEND, "q.fifo", "bar g 2"}, {0, SEND, "q.fifo", "baz h 3"},
    {0, ATTEMPT, "q.fifo", "deleted", .n = 2, .answer = "foo bar"},
    {1, DELETE, "q.fifo", "foo"},
    {1, ATTEMPT, "q.fifo", "deleted", .n = 10, .answer = "baz"},
    {1, CHANGE, "q.fifo", "baz", .n = 10},
    {2, ATTEMPT, "q.fifo", "deleted", .n = 10, .answer = ""})

STORY(an_attempt_is_not_repeated_after_its_time,
    {0, CREATE, "q.fifo", "VisibilityTimeout=1000"},
    {0, SEND, "q.fifo", "foo g 1"},
    {0, ATTEMPT, "q.fifo", "try", .answer = "foo"},
    {299.999, ATTEMPT, "q.fifo", "try", .answer = "foo"},
    {300, ATTEMPT, "q.fifo", "try", .answer = ""})

STORY(an_attempt_ends_with_the_visibility_of_its_messages,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g 1"},
    {0, ATTEMPT, "q.fifo", "try", .answer = "foo"},
    {30, ATTEMPT, "q.fifo", "try", .answer = "foo"},
    {30, RECEIVES, .b = "foo", .answer = "2"})

STORY(an_attempt_is_of_its_queue,
    {0, CREATE, "q.fifo"},
    {0, CREATE, "r.fifo"},
    {0, SEND, "q.fifo", "foo g 1"},
    {0, SEND, "r.fifo", "bar g 1"},
    {0, ATTEMPT, "q.fifo", "try", .answer = "foo"},
    {0, ATTEMPT, "r.fifo", "try", .answer = "bar"},
    {0, ATTEMPT, "q.fifo", "other", .answer = ""})

/* clang-format on */

static void at_the_limit_a_fifo_queue_gives_nothing_and_says_nothing(void **state)
{
    static const struct row rows[] = {
        {0, CREATE, "q.fifo"},
        {0, SEND, "q.fifo", "foo a 1"},
        {0, SEND, "q.fifo", "bar a 2"},
        {0, SEND, "q.fifo", "baz a 3"},
        {0, RECEIVE, "q.fifo", .n = 10, .answer = "foo bar"},
        {0, RECEIVE, "q.fifo", .n = 10, .answer = ""},
        {0, DELETE, "q.fifo", "foo"},
        {0, DELETE, "q.fifo", "bar"},
        {0, RECEIVE, "q.fifo", .n = 10, .answer = "baz"},
    };

    (void)state;
    story_begin(&(struct engine_options){.limits = {.message_max = 1024, .in_flight_max = 2}});
    story_tell(rows, COUNT(rows));
}

static enum queue_error send_with(const char *body, const char *dedup, uint8_t mark,
                                  struct sent *sent)
{
    const uint8_t id[16] = {mark};
    struct queue_refusal refusal;

    return engine_send(story.engine, story_now(), story_queue("q.fifo"),
                       &(struct send){.id = id,
                                      .body = slice_of(body),
                                      .group = SLICE("g"),
                                      .dedup = slice_of(dedup),
                                      .delay_s = -1},
                       sent, &refusal);
}

/* floci#776: the id and the number of the first, the digests of what came now. */
static void what_a_message_needs_depends_on_its_queue(void **state)
{
    static const struct row rows[] = {
        {0, CREATE, "q"},
        {0, CREATE, "q.fifo"},
        {0, CREATE, "content.fifo", "ContentBasedDeduplication=true"},
    };
    static const struct {
        const char *queue, *group, *dedup;
        enum queue_error error;
    } cases[] = {
        {"q", NULL, NULL, QUEUE_OK},
        {"q.fifo", "g", "d", QUEUE_OK},
        {"q.fifo", "g", NULL, QUEUE_PARAMETER_INVALID},
        {"q.fifo", NULL, "d", QUEUE_PARAMETER_MISSING},
        {"content.fifo", "g", NULL, QUEUE_OK},
        {"content.fifo", NULL, NULL, QUEUE_PARAMETER_MISSING},
    };

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct queue_refusal refusal;

        assert_int_equal(queue_check_ids(story_queue(cases[i].queue), slice_of(cases[i].group),
                                         slice_of(cases[i].dedup), &refusal),
                         cases[i].error);
    }
}

static void a_duplicate_is_told_the_first_ones_id_and_its_own_digests(void **state)
{
    static const struct row rows[] = {{0, CREATE, "q.fifo"}};
    struct sent first, second, third;

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    assert_int_equal(send_with("foo", "id", 1, &first), QUEUE_OK);
    assert_int_equal(send_with("bar", "id", 2, &second), QUEUE_OK);
    assert_int_equal(send_with("bar", "other", 3, &third), QUEUE_OK);
    assert_memory_equal(first.id, second.id, 16);
    assert_true(first.sequence == second.sequence);
    assert_true(third.sequence > first.sequence);
    assert_memory_not_equal(first.body_md5, second.body_md5, 16);
    assert_memory_equal(third.body_md5, second.body_md5, 16);
    assert_int_equal(second.seq, 0);
    assert_int_equal(queue_counts(story_queue("q.fifo")).sent, 2);
}

#define TEST(name) cmocka_unit_test_teardown(name, story_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_receive_takes_as_many_of_a_group_as_it_can_then_others),
        TEST(what_comes_after_a_message_in_flight_is_held_back),
        TEST(of_foo_bar_baz_with_bar_extended_foo_is_returned),
        TEST(a_delete_frees_the_group_for_who_waits),
        TEST(an_expired_message_frees_its_group),
        TEST(a_delayed_message_holds_back_what_came_after_it),
        TEST(a_new_delay_of_a_fifo_queue_is_for_those_that_wait_already),
        TEST(a_message_has_no_delay_of_its_own),
        TEST(groups_take_turns),
        TEST(a_delete_after_the_timeout_is_refused),
        TEST(a_change_after_the_timeout_is_refused),
        TEST(a_message_needs_a_group_and_an_id),
        TEST(a_second_one_with_the_same_id_is_not_delivered_for_five_minutes),
        TEST(ids_can_be_of_their_group),
        TEST(the_content_can_be_the_id_and_a_given_one_wins),
        TEST(an_id_ends_with_a_purge_and_with_its_queue),
        TEST(an_id_that_a_purge_forgot_is_not_restored),
        TEST(an_attempt_is_repeated_with_the_same_messages_and_hides_them_anew),
        TEST(a_repeated_attempt_gives_no_more_than_it_asks_for),
        TEST(an_attempt_is_not_repeated_when_something_changed),
        TEST(an_attempt_is_not_repeated_after_its_time),
        TEST(an_attempt_ends_with_the_visibility_of_its_messages),
        TEST(an_attempt_is_of_its_queue),
        TEST(at_the_limit_a_fifo_queue_gives_nothing_and_says_nothing),
        TEST(what_a_message_needs_depends_on_its_queue),
        TEST(a_duplicate_is_told_the_first_ones_id_and_its_own_digests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

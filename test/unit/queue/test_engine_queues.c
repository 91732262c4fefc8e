/* Queues themselves: names, creation, attributes, purging, tags, the order in which they are listed, looking without effect. */
#include "test/unit/queue/engine_story.h"

/* clang-format off */

STORY(a_queue_is_created_once_and_then_found,
    {0, CREATE, "q", "VisibilityTimeout=5"},
    {1, CREATE, "q", "VisibilityTimeout=5"},
    {1, CREATE, "q", "VisibilityTimeout=6", .answer = "QueueAlreadyExists"},
    {1, CREATE, "q"}, /* what is not named does not count */
    {1, CREATE, "q", "DelaySeconds=1", .answer = "QueueAlreadyExists"})

STORY(names_have_a_form,
    {0, CREATE, "a-b_C9"},
    {0, CREATE, "", .answer = "InvalidParameterValue"},
    {0, CREATE, "a b", .answer = "InvalidParameterValue"},
    {0, CREATE, "a.b", .answer = "InvalidParameterValue"},
    {0, CREATE, ".fifo", .answer = "InvalidParameterValue"},
    {0, CREATE, "a.fifo"},
    {0, CREATE, "0123456789012345678901234567890123456789012345678901234567890123456789012345678x"},
    {0, CREATE, "0123456789012345678901234567890123456789012345678901234567890123456789012345678xy",
     .answer = "InvalidParameterValue"},
    {0, CREATE, "01234567890123456789012345678901234567890123456789012345678901234567890123x.fifo"},
    {0, CREATE, "01234567890123456789012345678901234567890123456789012345678901234567890123xy.fifo",
     .answer = "InvalidParameterValue"})

STORY(the_name_of_a_deleted_queue_is_free_after_a_minute,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {10, DROP, "q"},
    {10, CREATE, "q", .answer = "AWS.SimpleQueueService.QueueDeletedRecently"},
    {69.999, CREATE, "q", .answer = "AWS.SimpleQueueService.QueueDeletedRecently"},
    {70, CREATE, "q"},
    {70, COUNTS, "q", .answer = "0/0/0"},
    {70, RECEIVE, "q", .answer = ""})

STORY(a_purge_takes_everything_once_a_minute,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"}, {0, SEND, "q", "bar", .n = 1 + 900}, {0, SEND, "q", "baz"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, PURGE, "q"},
    {0, COUNTS, "q", .answer = "0/0/0"},
    {0, DELETE, "q", "foo"},
    {0, CHANGE, "q", "foo", .n = 1, .answer = "InvalidParameterValue"},
    {1, SEND, "q", "qux"},
    {59.999, PURGE, "q", .answer = "AWS.SimpleQueueService.PurgeQueueInProgress"},
    {59.999, COUNTS, "q", .answer = "1/0/0"},
    {60, PURGE, "q"},
    {60, COUNTS, "q", .answer = "0/0/0"})

STORY(a_purge_is_of_one_queue,
    {0, CREATE, "q"}, {0, CREATE, "r"},
    {0, SEND, "q", "foo"}, {0, SEND, "r", "bar"},
    {0, PURGE, "q"},
    {0, PURGE, "r"},
    {1, COUNTS, "r", .answer = "0/0/0"})

STORY(new_attributes_are_for_what_happens_from_then_on,
    {0, CREATE, "q", "VisibilityTimeout=5"},
    {0, SEND, "q", "foo"}, {0, SEND, "q", "bar"},
    {0, RECEIVE, "q", .answer = "foo"},
    {1, SET, "q", "VisibilityTimeout=10"},
    {1, RECEIVE, "q", .answer = "bar"},
    {5, RECEIVE, "q", .answer = "foo"},
    {11, RECEIVE, "q", .answer = "bar"})

STORY(looking_has_no_effect,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"}, {0, SEND, "q", "bar"}, {0, SEND, "q", "baz", .n = 1 + 7},
    {0, RECEIVE, "q", .answer = "foo"},
    {1, PEEK, "q", .answer = "foo(in flight 29) bar baz(delayed 6)"},
    {1, PEEK, "q", .answer = "foo(in flight 29) bar baz(delayed 6)"},
    {1, COUNTS, "q", .answer = "1/1/1"},
    {2, RECEIVE, "q", .n = 10, .answer = "bar"},
    {2, RECEIVES, .b = "bar", .answer = "1"})

STORY(without_work_there_is_no_deadline,
    {0, DUE, .answer = "never"},
    {0, CREATE, "q"},
    {0, DUE, .answer = "never"},
    {0, PARK, "q", "p", .wait = 20},
    {0, DUE, .answer = "20"},
    {5, CANCEL, .b = "p"},
    {5, DUE, .answer = "never"},
    {5, SEND, "q", "foo", .n = 1 + 3},
    {6, COUNTS, "q", .answer = "0/0/1"},
    {6, DUE, .answer = "8"})

/* clang-format on */

static void without_pauses_names_and_purges_are_free(void **state)
{
    static const struct row rows[] = {
        {0, CREATE, "q"}, {0, PURGE, "q"}, {0, PURGE, "q"}, {0, DROP, "q"}, {0, CREATE, "q"},
    };

    (void)state;
    story_begin(&(struct engine_options){.limits = queue_limits_relaxed()});
    story_tell(rows, COUNT(rows));
}

/* Under a sanitizer: whoever waits is forgotten, whatever else there is. */
static void an_engine_ends_in_any_state(void **state)
{
    static const struct row rows[] = {
        {0, CREATE, "q.fifo"},
        {0, CREATE, "r"},
        {0, SEND, "q.fifo", "foo g 1"},
        {0, SEND, "q.fifo", "bar g 2"},
        {0, RECEIVE, "q.fifo", .answer = "foo"},
        {0, PARK, "q.fifo", "p", .wait = 20},
        {0, PARK, "r", "pr", .wait = 20},
        {0, SEND, "r", "baz"},
    };

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    story_end(state);
}

/* By a server that is late: what was due is done first, and then the queue is gone. */
static void a_poll_that_is_answered_when_its_queue_goes_is_told_so(void **state)
{
    static const struct row rows[] = {
        {0, CREATE, "q", "VisibilityTimeout=5"},
        {0, SEND, "q", "foo"},
        {0, RECEIVE, "q", .answer = "foo"},
    };
    struct poll poll = {.max = 1, .visibility_s = -1, .until = SL_TIME_NEVER};

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    poll.queue = story_queue("q");
    engine_poll(story.engine, story_now(), &poll);
    assert_null(engine_answered(story.engine));
    story.now_ms += 10000;
    engine_queue_delete(story.engine, story_now(), poll.queue);
    assert_ptr_equal(engine_answered(story.engine), &poll);
    assert_int_equal(poll.error, QUEUE_DOES_NOT_EXIST);
    assert_int_equal(poll.count, 0);
}

static void queues_are_listed_by_name(void **state)
{
    static const struct row rows[] = {
        {0, CREATE, "b"},  {0, CREATE, "c"}, {0, CREATE, "a"},
        {0, CREATE, "bb"}, {0, CREATE, "A"}, {0, DROP, "c"},
    };
    static const char *const expected[] = {"A", "a", "b", "bb"};
    struct queue *queue;

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    queue = engine_queue_from(story.engine, SLICE(""));
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_non_null(queue);
        assert_string_equal(queue_name(queue), expected[i]);
        queue = engine_queue_next(story.engine, queue);
    }
    assert_null(queue);
    assert_string_equal(queue_name(engine_queue_from(story.engine, SLICE("aa"))), "b");
    assert_string_equal(queue_name(engine_queue_from(story.engine, SLICE("b"))), "b");
    assert_null(engine_queue_from(story.engine, SLICE("c")));
}

static void a_queue_is_found_by_its_arn_and_by_no_other(void **state)
{
    static const struct row rows[] = {{0, CREATE, "q"}};
    static const char *const others[] = {
        "arn:aws:sqs:us-east-1:000000000000:r",
        "arn:aws:sqs:us-east-2:000000000000:q",
        "arn:aws:sqs:us-east-1:000000000001:q",
        "arn:aws:sqs:us-east-1:000000000000:",
        "arn:aws:sqs:us-east-1:000000000000",
        "q",
        "",
    };
    struct queue *queue;

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    queue = engine_queue_find(story.engine, SLICE("q"));
    assert_string_equal(queue_arn(queue), "arn:aws:sqs:us-east-1:000000000000:q");
    assert_ptr_equal(engine_queue_find_arn(story.engine, slice_of(queue_arn(queue))), queue);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_null(engine_queue_find_arn(story.engine, slice_of(others[i])));
}

static void times_of_a_queue_are_those_of_its_attributes(void **state)
{
    static const struct row rows[] = {
        {1, CREATE, "q"}, {2, SEND, "q", "foo"}, {3, CREATE, "q"}, {4, SET, "q", "DelaySeconds=1"}};
    struct queue_counts counts;

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    counts = queue_counts(story_queue("q"));
    assert_int_equal(counts.created_ms, STORY_START_MS + 1000);
    assert_int_equal(counts.modified_ms, STORY_START_MS + 4000);
    assert_int_equal(counts.oldest_sent_ms, STORY_START_MS + 2000);
    assert_int_equal(queue_settings(story_queue("q"))->delay_s, 1);
}

/* ---- tags ---- */

static void assert_tags(const char *expected)
{
    char text[256] = "";
    size_t count, n = 0;
    const struct queue_tag *tags = queue_tags(story_queue("q"), &count);

    for (size_t i = 0; i < count; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, SLICE_FMT "=" SLICE_FMT ";",
                              SLICE_ARG(tags[i].key), SLICE_ARG(tags[i].value));
    assert_string_equal(text, expected);
}

static void tags_are_kept_in_the_order_in_which_they_were_set(void **state)
{
    static const struct row rows[] = {{0, CREATE, "q"}};
    const struct queue_tag some[] = {{SLICE_INIT("b"), SLICE_INIT("1")},
                                     {SLICE_INIT("a"), SLICE_INIT("2")}};
    const struct queue_tag more[] = {{SLICE_INIT("c"), SLICE_INIT("")},
                                     {SLICE_INIT("b"), SLICE_INIT("3")}};
    const struct slice away[] = {SLICE_INIT("a"), SLICE_INIT("nobody")};
    struct queue_refusal refusal;

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    assert_int_equal(engine_queue_tag(story.engine, story_queue("q"), some, 2, &refusal), 0);
    assert_int_equal(engine_queue_tag(story.engine, story_queue("q"), more, 2, &refusal), 0);
    assert_tags("b=3;a=2;c=;");
    engine_queue_untag(story.engine, story_queue("q"), away, 2);
    assert_tags("b=3;c=;");
    story_settle();
    story_restart();
    assert_tags("b=3;c=;");
}

static void there_are_at_most_fifty_tags(void **state)
{
    static const struct row rows[] = {{0, CREATE, "q"}};
    struct queue_refusal refusal;
    struct queue_tag tags[51];
    char keys[51][8];
    size_t count;

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    for (int i = 0; i < 51; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        tags[i] = (struct queue_tag){slice_of(keys[i]), SLICE("v")};
    }
    assert_int_equal(engine_queue_tag(story.engine, story_queue("q"), tags, 51, &refusal),
                     QUEUE_PARAMETER_INVALID);
    queue_tags(story_queue("q"), &count);
    assert_int_equal(count, 0);
    assert_int_equal(engine_queue_tag(story.engine, story_queue("q"), tags, 50, &refusal), 0);
    assert_int_equal(engine_queue_tag(story.engine, story_queue("q"), tags, 50, &refusal), 0);
    assert_int_equal(engine_queue_tag(story.engine, story_queue("q"), tags + 50, 1, &refusal),
                     QUEUE_PARAMETER_INVALID);
}

#define TEST(name) cmocka_unit_test_teardown(name, story_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_queue_is_created_once_and_then_found),
        TEST(names_have_a_form),
        TEST(the_name_of_a_deleted_queue_is_free_after_a_minute),
        TEST(a_purge_takes_everything_once_a_minute),
        TEST(a_purge_is_of_one_queue),
        TEST(new_attributes_are_for_what_happens_from_then_on),
        TEST(looking_has_no_effect),
        TEST(without_work_there_is_no_deadline),
        TEST(without_pauses_names_and_purges_are_free),
        TEST(an_engine_ends_in_any_state),
        TEST(a_poll_that_is_answered_when_its_queue_goes_is_told_so),
        TEST(queues_are_listed_by_name),
        TEST(a_queue_is_found_by_its_arn_and_by_no_other),
        TEST(times_of_a_queue_are_those_of_its_attributes),
        TEST(tags_are_kept_in_the_order_in_which_they_were_set),
        TEST(there_are_at_most_fifty_tags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

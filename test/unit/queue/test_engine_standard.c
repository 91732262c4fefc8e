/* Standard queues, as stories: visibility, delays, long polls, handles, limits, retention, fair queues. */
#include "core/base64.h"
#include "test/unit/queue/engine_story.h"

/* clang-format off */

/* ---- visibility ---- */

STORY(a_received_message_is_hidden_until_its_timeout,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {1, RECEIVE, "q", .n = 10, .answer = "foo"},
    {1, COUNTS, "q", .answer = "0/1/0"},
    {30.999, RECEIVE, "q", .n = 10, .answer = ""},
    {31, COUNTS, "q", .answer = "1/0/0"},
    {31, RECEIVE, "q", .n = 10, .answer = "foo"},
    {31, RECEIVES, .b = "foo", .answer = "2"})

STORY(the_visibility_of_a_receive_is_that_receives,
    {0, CREATE, "q", "VisibilityTimeout=10"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .visibility = 1 + 2, .answer = "foo"},
    {1.999, RECEIVE, "q", .answer = ""},
    {2, RECEIVE, "q", .answer = "foo"},
    {11.999, RECEIVE, "q", .answer = ""},
    {12, RECEIVE, "q", .answer = "foo"})

STORY(with_a_visibility_of_0_it_is_there_at_once_but_once_in_a_receive,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .n = 10, .visibility = 1 + 0, .answer = "foo"},
    {0, RECEIVE, "q", .n = 10, .visibility = 1 + 0, .answer = "foo"},
    {0, COUNTS, "q", .answer = "1/0/0"})

STORY(a_change_counts_from_the_call_and_is_not_remembered,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {20, CHANGE, "q", "foo", .n = 60},
    {79.999, RECEIVE, "q", .answer = ""},
    {80, RECEIVE, "q", .answer = "foo"},
    {109.999, RECEIVE, "q", .answer = ""},
    {110, RECEIVE, "q", .answer = "foo"})

STORY(a_change_to_0_makes_it_visible_and_wakes_who_waits,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {1, PARK, "q", "p", .wait = 20},
    {2, CHANGE, "q", "foo", .n = 0},
    {2, ANSWERED, .b = "p", .answer = "foo"})

STORY(twelve_hours_count_from_the_receive,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {10, CHANGE, "q", "foo", .n = 43191, .answer = "InvalidParameterValue"},
    {10, CHANGE, "q", "foo", .n = 43190},
    {43199.999, RECEIVE, "q", .answer = ""},
    {43200, RECEIVE, "q", .answer = "foo"})

STORY(a_change_has_a_range,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, CHANGE, "q", "foo", .n = -1, .answer = "InvalidParameterValue"},
    {0, CHANGE, "q", "foo", .n = 43201, .answer = "InvalidParameterValue"},
    {0, CHANGE, "q", "foo", .n = 43200})

STORY(a_change_after_the_timeout_does_nothing,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {30, CHANGE, "q", "foo", .n = 100},
    {30, RECEIVE, "q", .answer = "foo"})

STORY(a_change_of_a_message_that_is_gone_is_refused,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, DELETE, "q", "foo"},
    {0, CHANGE, "q", "foo", .n = 1, .answer = "InvalidParameterValue"})

/* ---- handles ---- */

STORY(a_deleted_message_is_gone_and_may_be_deleted_again,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, DELETE, "q", "foo"},
    {0, COUNTS, "q", .answer = "0/0/0"},
    {0, DELETE, "q", "foo"},
    {60, RECEIVE, "q", .answer = ""})

STORY(a_delete_after_the_timeout_deletes,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {40, DELETE, "q", "foo"},
    {40, COUNTS, "q", .answer = "0/0/0"})

STORY(an_older_handle_does_not_delete,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {30, RECEIVE, "q", .answer = "foo"},
    {31, DELETE, "q", "foo#1"},
    {31, COUNTS, "q", .answer = "0/1/0"},
    {31, DELETE, "q", "foo#2"},
    {31, COUNTS, "q", .answer = "0/0/0"})

STORY(an_older_handle_changes_what_a_later_receive_holds,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {30, RECEIVE, "q", .answer = "foo"},
    {31, CHANGE, "q", "foo#1", .n = 43200, .answer = "InvalidParameterValue"},
    {31, CHANGE, "q", "foo#1", .n = 43199}, /* since the later receive */
    {60, RECEIVE, "q", .answer = ""},
    {61, CHANGE, "q", "foo#1", .n = 0},
    {61, CHANGE, "q", "foo#1", .n = 100}, /* it is visible */
    {61, RECEIVE, "q", .answer = "foo"})

STORY(handles_are_of_one_queue_and_of_nobody_elses_making,
    {0, CREATE, "q"},
    {0, CREATE, "other"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, DELETE, "other", "foo", .answer = "ReceiptHandleIsInvalid"},
    {0, CHANGE, "other", "foo", .n = 1, .answer = "ReceiptHandleIsInvalid"},
    {0, DELETE, "q", "no handle", .answer = "ReceiptHandleIsInvalid"},
    {0, CHANGE, "q", "", .n = 1, .answer = "ReceiptHandleIsInvalid"},
    {0, DELETE, "q", "foo"})

STORY(handles_of_a_deleted_queue_are_not_those_of_its_successor,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, DROP, "q"},
    {60, CREATE, "q"},
    {60, DELETE, "q", "foo", .answer = "ReceiptHandleIsInvalid"})

STORY(a_returned_message_is_there_at_once_and_counts,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, RETURN, .b = "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, RECEIVES, .b = "foo", .answer = "2"},
    {1, RETURN, .b = "foo#1"},
    {1, RECEIVE, "q", .answer = ""})

STORY(an_attempt_id_means_nothing_to_a_standard_queue,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"}, {0, SEND, "q", "bar"},
    {0, ATTEMPT, "q", "try", .answer = "foo"},
    {0, ATTEMPT, "q", "try", .answer = "bar"},
    {0, ATTEMPT, "q", "try", .answer = ""})

/* ---- delays ---- */

STORY(a_message_is_delayed_by_its_queue_or_itself,
    {0, CREATE, "q", "DelaySeconds=5"},
    {0, SEND, "q", "foo"},
    {0, SEND, "q", "bar", .n = 1 + 2},
    {0, SEND, "q", "baz", .n = 1 + 0},
    {0, COUNTS, "q", .answer = "1/0/2"},
    {0, RECEIVE, "q", .n = 10, .answer = "baz"},
    {1.999, RECEIVE, "q", .n = 10, .answer = ""},
    {2, RECEIVE, "q", .n = 10, .answer = "bar"},
    {5, RECEIVE, "q", .n = 10, .answer = "foo"})

STORY(a_new_delay_is_for_new_messages,
    {0, CREATE, "q", "DelaySeconds=5"},
    {0, SEND, "q", "foo"},
    {1, SET, "q", "DelaySeconds=0"},
    {1, SEND, "q", "bar"},
    {1, RECEIVE, "q", .n = 10, .answer = "bar"},
    {5, RECEIVE, "q", .n = 10, .answer = "foo"})

/* ---- long polls ---- */

STORY(polls_are_served_first_come_first_served,
    {0, CREATE, "q"},
    {0, PARK, "q", "first", .n = 1, .wait = 20},
    {0, PARK, "q", "second", .n = 10, .wait = 20},
    {1, SEND, "q", "foo"},
    {1, SEND, "q", "bar"},
    {1, SEND, "q", "baz"},
    {1, ANSWERED, .b = "first", .answer = "foo"},
    {1, ANSWERED, .b = "second", .answer = "bar baz"})

STORY(a_batch_that_is_sent_reaches_a_poll_as_one,
    {0, CREATE, "q"},
    {0, PARK, "q", "p", .n = 10, .wait = 20},
    {1, SEND, "q", "foo"},
    {1, SEND, "q", "bar"},
    {1, DUE, .answer = "-1000"}, /* at once */
    {1, ANSWERED, .b = "p", .answer = "foo bar"})

STORY(a_poll_ends_with_nothing_when_its_time_is_over,
    {0, CREATE, "q"},
    {0, PARK, "q", "p", .wait = 20},
    {0, DUE, .answer = "20"},
    {19.999, ANSWERED, .b = "p", .answer = "waits"},
    {20, ANSWERED, .b = "p", .answer = ""},
    {20, SEND, "q", "foo"},
    {20, RECEIVE, "q", .answer = "foo"})

STORY(what_is_visible_at_the_last_moment_is_given,
    {0, CREATE, "q", "VisibilityTimeout=20"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, PARK, "q", "p", .wait = 20},
    {20, ANSWERED, .b = "p", .answer = "foo"})

STORY(a_poll_that_was_cancelled_gets_nothing,
    {0, CREATE, "q"},
    {0, PARK, "q", "gone", .wait = 20},
    {0, PARK, "q", "stays", .wait = 20},
    {1, CANCEL, .b = "gone"},
    {1, SEND, "q", "foo"},
    {1, ANSWERED, .b = "stays", .answer = "foo"})

STORY(a_short_poll_does_not_overtake_those_that_wait,
    {0, CREATE, "q", "VisibilityTimeout=5"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {1, PARK, "q", "p", .wait = 20},
    {5, RECEIVE, "q", .answer = ""},
    {5, ANSWERED, .b = "p", .answer = "foo"})

STORY(polls_of_a_queue_that_is_deleted_are_told,
    {0, CREATE, "q"},
    {0, PARK, "q", "p", .wait = 20},
    {1, DROP, "q"},
    {1, CREATE, "r"},
    {1, ANSWERED, .b = "p", .answer = "AWS.SimpleQueueService.NonExistentQueue"})

/* ---- retention ---- */

STORY(a_message_ends_with_its_retention_in_any_state,
    {0, CREATE, "q", "MessageRetentionPeriod=60"},
    {0, SEND, "q", "foo"},
    {0, SEND, "q", "bar", .n = 1 + 900},
    {0, SEND, "q", "baz"},
    {0, RECEIVE, "q", .visibility = 1 + 1000, .answer = "foo"},
    {59.999, COUNTS, "q", .answer = "1/1/1"},
    {60, RECEIVE, "q", .n = 10, .answer = ""},
    {70, COUNTS, "q", .answer = "0/0/0"},
    {70, DELETE, "q", "foo"})

STORY(a_shorter_retention_is_for_what_is_there,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {100, SET, "q", "MessageRetentionPeriod=60"},
    {100, RECEIVE, "q", .answer = ""})

/* ---- fair queues ---- */

STORY(the_oldest_come_first_returned_ones_too,
    {0, CREATE, "q"},
    {0, SEND, "q", "a"}, {0, SEND, "q", "b"}, {0, SEND, "q", "c"},
    {0, RECEIVE, "q", .n = 2, .answer = "a b"},
    {1, CHANGE, "q", "b", .n = 0},
    {1, CHANGE, "q", "a", .n = 0},
    {1, RECEIVE, "q", .n = 10, .answer = "a b c"})

STORY(groups_with_the_fewest_in_flight_come_first,
    {0, CREATE, "q"},
    {0, SEND, "q", "a1 loud"}, {0, SEND, "q", "a2 loud"}, {0, SEND, "q", "a3 loud"}, {0, SEND, "q", "a4 loud"},
    {0, SEND, "q", "b1 calm"}, {0, SEND, "q", "b2 calm"},
    {0, SEND, "q", "c1"},
    {0, RECEIVE, "q", .n = 1, .answer = "a1"},
    {0, RECEIVE, "q", .n = 1, .answer = "b1"},
    {0, RECEIVE, "q", .n = 1, .answer = "c1"},
    {0, RECEIVE, "q", .n = 1, .answer = "a2"}, /* one each: whoever was served longest ago */
    {0, DELETE, "q", "a1"}, {0, DELETE, "q", "a2"},
    {0, RECEIVE, "q", .n = 2, .answer = "a3 b2"},
    {0, RECEIVE, "q", .n = 2, .answer = "a4"})

/* clang-format on */

/* ---- limits and rules ---- */

static void beyond_the_limit_of_messages_in_flight_receives_are_refused(void **state)
{
    static const struct row rows[] = {
        {0, CREATE, "q"},
        {0, SEND, "q", "foo"},
        {0, SEND, "q", "bar"},
        {0, SEND, "q", "baz"},
        {0, RECEIVE, "q", .n = 10, .answer = "foo bar"},
        {0, RECEIVE, "q", .n = 10, .answer = "OverLimit"},
        {0, PARK, "q", "p", .wait = 20, .answer = "OverLimit"},
        {1, DELETE, "q", "foo"},
        {1, RECEIVE, "q", .n = 10, .answer = "baz"},
        {1, DELETE, "q", "bar"},
        {1, PARK, "q", "first", .wait = 20},
        {1, PARK, "q", "second", .wait = 20},
        {2, SEND, "q", "one"},
        {2, SEND, "q", "two"},
        {2, ANSWERED, .b = "first", .answer = "one"},
        {2, ANSWERED, .b = "second", .answer = "OverLimit"},
    };

    (void)state;
    story_begin(&(struct engine_options){
        .limits = {.message_max = 1024, .in_flight_max = 2, .purge_pause_s = 60}});
    story_tell(rows, COUNT(rows));
}

static void the_rules_for_expired_handles_can_be_switched(void **state)
{
    static const struct row rows[] = {
        {0, CREATE, "q"},
        {0, SEND, "q", "foo"},
        {0, RECEIVE, "q", .answer = "foo"},
        {30, CHANGE, "q", "foo", .n = 5, .answer = "InvalidParameterValue"},
        {30, DELETE, "q", "foo", .answer = "InvalidParameterValue"},
        {30, RECEIVE, "q", .answer = "foo"},
        {59.999, CHANGE, "q", "foo", .n = 5},
        {60, DELETE, "q", "foo"},
        {60, COUNTS, "q", .answer = "0/0/0"},
    };

    (void)state;
    story_begin(&(struct engine_options){
        .rules = {.expired_handle_refused = true, .expired_change_refused = true}});
    story_tell(rows, COUNT(rows));
}

/* Words recorded from AWS. */
static void a_handle_is_told_why_it_is_none(void **state)
{
    static const struct row rows[] = {
        {0, CREATE, "q"},
        {0, CREATE, "other"},
        {0, SEND, "q", "foo"},
        {0, RECEIVE, "q", .answer = "foo"},
    };
    struct slice handle, fake = SLICE("garbage");
    struct queue_refusal refusal;
    char text[200];

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    handle = story_handle_text("foo");
    snprintf(text, sizeof text, "The receipt handle \"" SLICE_FMT "\" is not valid for this queue.",
             SLICE_ARG(handle));
    assert_int_equal(
        engine_delete(story.engine, story_now(), story_queue("other"), handle, &refusal),
        QUEUE_HANDLE_INVALID);
    assert_string_equal(refusal.text, text);
    assert_int_equal(engine_change_visibility(story.engine, story_now(), story_queue("other"),
                                              handle, 1, &refusal),
                     QUEUE_HANDLE_INVALID);
    assert_string_equal(refusal.text, text);
    assert_int_equal(engine_delete(story.engine, story_now(), story_queue("q"), fake, &refusal),
                     QUEUE_HANDLE_INVALID);
    assert_string_equal(refusal.text,
                        "The input receipt handle \"garbage\" is not a valid receipt handle.");
}

/* Whoever changes one character of a handle has none, wherever it is. */
static void a_handle_can_not_be_made(void **state)
{
    static const struct row rows[] = {
        {0, CREATE, "q"}, {0, SEND, "q", "foo"}, {0, RECEIVE, "q", .answer = "foo"}};
    struct queue_refusal refusal;
    char text[HANDLE_SIZE];

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    for (size_t i = 0; i < HANDLE_SIZE - 1; i++) {
        memcpy(text, story.handles[0].text, sizeof text);
        text[i] = text[i] == 'A' ? 'B' : 'A';
        assert_int_equal(
            engine_delete(story.engine, story_now(), story_queue("q"), slice_of(text), &refusal),
            QUEUE_HANDLE_INVALID);
        assert_non_null(strstr(refusal.text, "is not a valid receipt handle."));
    }
    assert_int_equal(queue_counts(story_queue("q")).in_flight, 1);
}

enum { HANDLE_BYTES = (HANDLE_SIZE - 1) / 4 * 3 };

static void put_number(uint8_t *out, uint64_t value, size_t n)
{
    while (n-- > 0) {
        out[n] = (uint8_t)value;
        value >>= 8;
    }
}

static bool is_refused(const char *queue, const uint8_t bytes[HANDLE_BYTES])
{
    struct queue_refusal refusal;
    char text[HANDLE_SIZE];

    base64_write((struct slice){(const char *)bytes, HANDLE_BYTES}, text);
    return engine_delete(story.engine, story_now(), story_queue(queue), slice_of(text), &refusal) ==
           QUEUE_HANDLE_INVALID;
}

/* Whoever guesses the numbers of a message that nobody has a handle of, and leaves the rest zero: queue 1, the first messages of
 * the first starts, generations 0 to 3. */
static void zeros_are_no_proof(void **state)
{
    static const struct row rows[] = {{0, CREATE, "q"},
                                      {0, SEND, "q", "foo"},
                                      {0, SEND, "q", "bar"},
                                      {1, RESTART},
                                      {1, RECEIVE, "q", .answer = "foo"},
                                      {61, RESTART},
                                      {61, SEND, "q", "baz"}};
    uint8_t bytes[HANDLE_BYTES];

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    for (unsigned i = 0; i < 4 * 4 * 4 * 4; i++) {
        memset(bytes, 0, sizeof bytes);
        put_number(bytes, 1, 4);
        put_number(bytes + 4, (uint64_t)(i & 3) << 40 | (i >> 2 & 3), 8);
        put_number(bytes + 12, (uint64_t)(i >> 4 & 3) << 40 | (i >> 6 & 3), 8);
        assert_true(is_refused("q", bytes));
    }
    assert_int_equal(queue_counts(story_queue("q")).visible, 3);
}

/* Whoever received a message has no handle of the dead letter that it became, whatever place they write into theirs. */
static void a_handle_of_the_old_place_is_none_of_the_new_one(void **state)
{
    static const struct row rows[] = {{0, CREATE, "dead"},
                                      {0, CREATE, "q", "VisibilityTimeout=1;RedrivePolicy=dead:1"},
                                      {0, SEND, "q", "foo"},
                                      {0, RECEIVE, "q", .answer = "foo"},
                                      {2, RECEIVE, "q", .answer = ""},
                                      {2, COUNTS, "dead", .answer = "1/0/0"}};
    uint8_t bytes[HANDLE_BYTES];
    size_t n = 0;

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    assert_true(base64_decode(slice_of(story.handles[0].text), (char *)bytes, &n));
    assert_int_equal(n, HANDLE_BYTES);
    for (unsigned queue = 1; queue < 4; queue++)
        for (unsigned step = 1; step < 8; step++) {
            put_number(bytes, queue, 4);
            bytes[11]++;
            assert_true(is_refused("dead", bytes));
        }
    assert_int_equal(queue_counts(story_queue("dead")).visible, 1);
}

/* ---- what a message is ---- */

static const char *hex_of(const uint8_t digest[16])
{
    static char text[33];

    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return text;
}

static void a_sent_message_is_told_with_its_digests(void **state)
{
    static const struct row rows[] = {{0, CREATE, "q"}};
    const struct payload_attribute attribute = {SLICE_INIT("MyAttribute"), SLICE_INIT("String"),
                                                PAYLOAD_STRING, SLICE_INIT("foobar")};
    struct queue_refusal refusal;
    struct sent sent;

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    assert_int_equal(engine_send(story.engine, story_now(), story_queue("q"),
                                 &(struct send){.id = (const uint8_t *)"0123456789abcdef",
                                                .body = SLICE("foobar"),
                                                .attributes = &attribute,
                                                .attribute_count = 1,
                                                .delay_s = -1},
                                 &sent, &refusal),
                     QUEUE_OK);
    assert_memory_equal(sent.id, "0123456789abcdef", 16);
    assert_int_equal(sent.sequence, 0);
    assert_int_not_equal(sent.seq, 0);
    assert_string_equal(hex_of(sent.body_md5), "3858f62230ac3c915f300c664312c63f");
    assert_string_equal(hex_of(sent.attributes_md5), "adb59cd4678ea5a855436b949cd07ab6");
}

static void times_of_a_message_are_the_walls(void **state)
{
    static const struct row rows[] = {
        {0, CREATE, "q"},
        {1, SEND, "q", "foo"},
        {2, RECEIVE, "q", .answer = "foo"},
        {40, RECEIVE, "q", .answer = "foo"},
    };
    const struct receipt *receipt = &story.handles[1].receipt;

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    assert_int_equal(receipt->first_received_ms, STORY_START_MS + 2000);
    assert_int_equal(story_payload(receipt)->head.sent_ms, STORY_START_MS + 1000);
    assert_int_equal(queue_counts(story_queue("q")).oldest_sent_ms, STORY_START_MS + 1000);
    assert_int_equal(queue_counts(story_queue("q")).sent, 1);
}

/* A wall clock that is set does not make a message visible, or keep it. */
static void waiting_is_on_the_monotonic_clock(void **state)
{
    static const struct row before[] = {
        {0, CREATE, "q"},
        {0, SEND, "q", "foo"},
        {0, RECEIVE, "q", .answer = "foo"},
    };
    struct moment at;
    struct poll poll = {.max = 1, .visibility_s = -1};

    (void)state;
    story_begin(NULL);
    story_tell(before, COUNT(before));
    at = story_now();
    poll.queue = story_queue("q");
    at.wall_ms += INT64_C(86400000) * 30;
    at.now.ns += INT64_C(29999) * 1000000;
    engine_poll(story.engine, at, &poll);
    assert_ptr_equal(engine_answered(story.engine), &poll);
    assert_int_equal(poll.count, 0);
    at.wall_ms -= INT64_C(86400000) * 60;
    at.now.ns += 1000000;
    engine_poll(story.engine, at, &poll);
    assert_ptr_equal(engine_answered(story.engine), &poll);
    assert_int_equal(poll.count, 1);
    poll_deinit(&poll);
}

#define TEST(name) cmocka_unit_test_teardown(name, story_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_received_message_is_hidden_until_its_timeout),
        TEST(the_visibility_of_a_receive_is_that_receives),
        TEST(with_a_visibility_of_0_it_is_there_at_once_but_once_in_a_receive),
        TEST(a_change_counts_from_the_call_and_is_not_remembered),
        TEST(a_change_to_0_makes_it_visible_and_wakes_who_waits),
        TEST(twelve_hours_count_from_the_receive),
        TEST(a_change_has_a_range),
        TEST(a_change_after_the_timeout_does_nothing),
        TEST(a_change_of_a_message_that_is_gone_is_refused),
        TEST(a_deleted_message_is_gone_and_may_be_deleted_again),
        TEST(a_delete_after_the_timeout_deletes),
        TEST(an_older_handle_does_not_delete),
        TEST(an_older_handle_changes_what_a_later_receive_holds),
        TEST(handles_are_of_one_queue_and_of_nobody_elses_making),
        TEST(handles_of_a_deleted_queue_are_not_those_of_its_successor),
        TEST(a_returned_message_is_there_at_once_and_counts),
        TEST(an_attempt_id_means_nothing_to_a_standard_queue),
        TEST(a_message_is_delayed_by_its_queue_or_itself),
        TEST(a_new_delay_is_for_new_messages),
        TEST(polls_are_served_first_come_first_served),
        TEST(a_batch_that_is_sent_reaches_a_poll_as_one),
        TEST(a_poll_ends_with_nothing_when_its_time_is_over),
        TEST(what_is_visible_at_the_last_moment_is_given),
        TEST(a_poll_that_was_cancelled_gets_nothing),
        TEST(a_short_poll_does_not_overtake_those_that_wait),
        TEST(polls_of_a_queue_that_is_deleted_are_told),
        TEST(a_message_ends_with_its_retention_in_any_state),
        TEST(a_shorter_retention_is_for_what_is_there),
        TEST(the_oldest_come_first_returned_ones_too),
        TEST(groups_with_the_fewest_in_flight_come_first),
        TEST(beyond_the_limit_of_messages_in_flight_receives_are_refused),
        TEST(the_rules_for_expired_handles_can_be_switched),
        TEST(a_handle_is_told_why_it_is_none),
        TEST(a_handle_can_not_be_made),
        TEST(zeros_are_no_proof),
        TEST(a_handle_of_the_old_place_is_none_of_the_new_one),
        TEST(a_sent_message_is_told_with_its_digests),
        TEST(times_of_a_message_are_the_walls),
        TEST(waiting_is_on_the_monotonic_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the engine leaves for a store, and what it is again after a restart; payloads that only the store has. */
#include "test/unit/queue/engine_story.h"

/* clang-format off */

/* ---- restarts ---- */

STORY(everything_is_there_again_after_a_restart,
    {0, CREATE, "q", "VisibilityTimeout=100;DelaySeconds=0"},
    {0, SEND, "q", "foo"}, {0, SEND, "q", "bar"}, {0, SEND, "q", "baz", .n = 1 + 60},
    {0, RECEIVE, "q", .answer = "foo"},
    {2, RESTART},
    {2, PEEK, "q", .answer = "foo(in flight 98) bar baz(delayed 58)"},
    {2, CREATE, "q", "VisibilityTimeout=101", .answer = "QueueAlreadyExists"},
    {99.999, RECEIVE, "q", .n = 10, .answer = "bar baz"},
    {100, RECEIVE, "q", .n = 10, .answer = "foo"},
    {100, RECEIVES, .b = "foo", .answer = "2"})

/* What a receive does is written a second later: a crash before makes the message visible early. */
STORY(a_receive_is_written_late,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"}, {0, SEND, "q", "bar"},
    {0, RECEIVE, "q", .n = 1, .answer = "foo"},
    {0, DUE, .answer = "1"},
    {0.999, RESTART},
    {1, COUNTS, "q", .answer = "2/0/0"},
    {1, RECEIVE, "q", .n = 1, .answer = "foo"},
    {1, RECEIVES, .b = "foo", .answer = "1"},
    {2.001, RESTART},
    {2.001, COUNTS, "q", .answer = "1/1/0"},
    {31, RECEIVE, "q", .n = 1, .answer = "foo"},
    {31, RECEIVES, .b = "foo", .answer = "2"})

STORY(a_longer_visibility_is_written_late_too,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .n = 10, .answer = "foo"},
    {2, CHANGE, "q", "foo", .n = 100},
    {3.001, RESTART},
    {3.001, PEEK, "q", .answer = "foo(in flight 98.999)"})

STORY(what_is_visible_sooner_is_written_at_once,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"}, {0, SEND, "q", "bar"},
    {0, RECEIVE, "q", .n = 10, .visibility = 1 + 43200, .answer = "foo bar"},
    {2, CHANGE, "q", "foo", .n = 10},
    {2, CHANGE, "q", "bar", .n = 100},
    {2.1, CHANGE, "q", "bar", .n = 0},
    {2.1, RESTART},
    {2.1, PEEK, "q", .answer = "foo(in flight 9.9) bar"})

STORY(what_is_given_back_is_there_after_a_crash,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g 1"},
    {0, RECEIVE, "q.fifo", .visibility = 1 + 43200, .answer = "foo"},
    {2, RETURN, .b = "foo"},
    {2, RESTART},
    {2, RECEIVE, "q.fifo", .answer = "foo"})

STORY(a_repeated_attempt_is_written_late_too,
    {0, CREATE, "q.fifo"},
    {0, SEND, "q.fifo", "foo g 1"},
    {0, ATTEMPT, "q.fifo", "try", .answer = "foo"},
    {2, ATTEMPT, "q.fifo", "try", .answer = "foo"},
    {3.001, RESTART},
    {3.001, PEEK, "q.fifo", .answer = "foo(in flight 28.999)"})

STORY(a_handle_from_before_a_crash_still_deletes,
    {0, CREATE, "q"}, {0, CREATE, "q.fifo"},
    {0, SEND, "q", "foo"}, {0, SEND, "q.fifo", "bar g 1"},
    {0, RECEIVE, "q", .answer = "foo"}, {0, RECEIVE, "q.fifo", .answer = "bar"},
    {0.5, RESTART},
    {0.5, COUNTS, "q", .answer = "1/0/0"},
    {0.5, DELETE, "q", "foo"},
    {0.5, DELETE, "q.fifo", "bar"},
    {0.5, COUNTS, "q", .answer = "0/0/0"},
    {0.5, COUNTS, "q.fifo", .answer = "0/0/0"})

STORY(it_does_not_when_the_message_was_received_since,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0.5, RESTART},
    {0.5, RECEIVE, "q", .answer = "foo"},
    {0.5, DELETE, "q", "foo#1"},
    {0.5, COUNTS, "q", .answer = "0/1/0"},
    {0.5, DELETE, "q", "foo#2"},
    {0.5, COUNTS, "q", .answer = "0/0/0"})

STORY(a_handle_from_before_a_crash_still_hides,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0.5, RESTART},
    {0.5, CHANGE, "q", "foo", .n = 50},
    {50.499, RECEIVE, "q", .answer = ""},
    {50.5, RECEIVE, "q", .answer = "foo"})

STORY(deletes_and_purges_are_not_lost,
    {0, CREATE, "q"}, {0, CREATE, "r"}, {0, CREATE, "s"},
    {0, SEND, "q", "foo"}, {0, SEND, "q", "bar"}, {0, SEND, "r", "baz"}, {0, SEND, "s", "qux"},
    {0, RECEIVE, "q", .answer = "foo"},
    {0, DELETE, "q", "foo"},
    {0, PURGE, "r"},
    {0, DROP, "s"},
    {0, RESTART},
    {0, COUNTS, "q", .answer = "1/0/0"},
    {0, COUNTS, "r", .answer = "0/0/0"},
    {0, CREATE, "s"},
    {0, COUNTS, "s", .answer = "0/0/0"})

STORY(deduplication_goes_on,
    {0, CREATE, "q.fifo", "DeduplicationScope=messageGroup"},
    {0, SEND, "q.fifo", "foo g id"},
    {100, RESTART},
    {100, SEND, "q.fifo", "bar g id", .answer = "duplicate of foo"},
    {100, SEND, "q.fifo", "baz h id"},
    {299.999, SEND, "q.fifo", "bar g id", .answer = "duplicate of foo"},
    {300, SEND, "q.fifo", "bar g id"})

STORY(a_fifo_queue_keeps_its_order,
    {0, CREATE, "q.fifo", "VisibilityTimeout=1000"},
    {0, SEND, "q.fifo", "a1 a 1"}, {0, SEND, "q.fifo", "b1 b 2"}, {0, SEND, "q.fifo", "a2 a 3"},
    {0, RECEIVE, "q.fifo", .n = 1, .answer = "a1"},
    {2, RESTART},
    {2, SEND, "q.fifo", "b2 b 4"},
    {2, RECEIVE, "q.fifo", .n = 10, .answer = "b1 b2"},
    {2, DELETE, "q.fifo", "a1"},
    {2, RECEIVE, "q.fifo", .n = 10, .answer = "a2"})

STORY(a_dead_letter_is_delivered_where_it_came_to_after_a_restart_too,
    {0, CREATE, "c"},
    {0, CREATE, "b", "RedrivePolicy=c:1"},
    {0, CREATE, "a", "VisibilityTimeout=0;RedrivePolicy=b:1"},
    {0, SEND, "a", "foo"},
    {0, RECEIVE, "a", .answer = "foo"},
    {0, RECEIVE, "a", .answer = ""},
    {0, RESTART},
    {0, COUNTS, "b", .answer = "1/0/0"},
    {0, RECEIVE, "b", .answer = "foo"},
    {2, RESTART},
    {30, RECEIVE, "b", .answer = ""},
    {30, COUNTS, "c", .answer = "1/0/0"})

/* A crash forgets the receive there; the one before, in another queue, does not count in its place. */
STORY(twelve_hours_do_not_count_from_a_receive_in_another_queue,
    {0, CREATE, "b"},
    {0, CREATE, "a", "VisibilityTimeout=1;RedrivePolicy=b:1"},
    {0, SEND, "a", "foo"},
    {0, RECEIVE, "a", .answer = "foo"},
    {100, RECEIVE, "a", .answer = ""},
    {102, RECEIVE, "b", .answer = "foo"},
    {102.5, RESTART},
    {102.5, CHANGE, "b", "foo", .n = 43200})

STORY(in_a_fifo_dead_letter_queue_age_counts_from_the_move_after_a_restart_too,
    {0, CREATE, "dead.fifo", "MessageRetentionPeriod=60"},
    {0, CREATE, "q.fifo", "VisibilityTimeout=1;RedrivePolicy=dead.fifo:1"},
    {0, SEND, "q.fifo", "foo g 1"},
    {0, RECEIVE, "q.fifo", .answer = "foo"},
    {45, RECEIVE, "q.fifo", .answer = ""},
    {46, RESTART},
    {104.999, RECEIVE, "dead.fifo", .answer = "foo"},
    {105, COUNTS, "dead.fifo", .answer = "0/1/0"},
    {115, COUNTS, "dead.fifo", .answer = "0/0/0"})

STORY(dead_letters_know_where_they_came_from,
    {0, CREATE, "dead"},
    {0, CREATE, "q", "VisibilityTimeout=1;RedrivePolicy=dead:1"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .answer = "foo"},
    {1, RECEIVE, "q", .answer = ""},
    {1, RESTART},
    {1, RECEIVE, "dead", .visibility = 1 + 0, .answer = "foo"},
    {1, RECEIVES, .b = "foo", .answer = "2 from q"},
    {1, MOVE, "dead", NULL},
    {1, RECEIVE, "q", .answer = "foo"})

STORY(a_move_task_goes_on,
    {0, CREATE, "dead"},
    {0, CREATE, "q", "RedrivePolicy=dead:1"},
    {0, SEND, "dead", "foo"}, {0, SEND, "dead", "bar"}, {0, SEND, "dead", "baz"},
    {1, MOVE, "dead", "q", .n = 1},
    {2.5, COUNTS, "dead", .answer = "1/0/0"},
    {2.5, RESTART},
    {2.5, MOVES, "dead", .answer = "COMPLETED 3/3"},
    {2.6, COUNTS, "dead", .answer = "0/0/0"},
    {2.6, RECEIVE, "q", .n = 10, .answer = "foo bar baz"},
    {5, RESTART},
    {5, COUNTS, "q", .answer = "0/3/0"})

STORY(twelve_hours_count_from_the_receive_after_a_restart_too,
    {0, CREATE, "q"},
    {0, SEND, "q", "foo"},
    {0, RECEIVE, "q", .visibility = 1 + 43200, .answer = "foo"},
    {100, RESTART},
    {100, CHANGE, "q", "foo", .n = 43101, .answer = "InvalidParameterValue"},
    {100, CHANGE, "q", "foo", .n = 43100})

/* clang-format on */

/* A wall clock that was set back by a month keeps nothing hidden, and no id remembered, for a month. */
static void a_restart_does_not_trust_the_wall_clock(void **state)
{
    static const struct row before[] = {
        {0, CREATE, "q"},
        {0, CREATE, "q.fifo"},
        {0, SEND, "q", "foo"},
        {0, SEND, "q.fifo", "bar g id"},
        {0, RECEIVE, "q", .answer = "foo"},
        {2, COUNTS, "q", .answer = "0/1/0"},
    };
    const int64_t month_ms = INT64_C(30) * 86400000;
    struct moment at;
    struct row duplicate = {0, SEND, "q.fifo", "baz g id", .answer = "duplicate of bar"};

    (void)state;
    story_begin(NULL);
    story_tell(before, COUNT(before));
    story.now_ms -= month_ms;
    story.offset_ms += month_ms;
    story_restart();
    story.answer[0] = '\0';
    story_event(&duplicate);
    assert_string_equal(story.answer, duplicate.answer);
    at = story_now();
    at.now.ns += INT64_C(300000) * 1000000;
    engine_tick(story.engine, at);
    story_settle();
    for (size_t i = 0; i < story.map.count; i++)
        assert_int_not_equal(story.map.rows[i].kind, CHANGE_DEDUP);
    at.now.ns += (INT64_C(43199999) - 300000) * 1000000;
    engine_tick(story.engine, at);
    assert_int_equal(queue_counts(story_queue("q")).in_flight, 1);
    at.now.ns += 1000000;
    engine_tick(story.engine, at);
    assert_int_equal(queue_counts(story_queue("q")).visible, 1);
}

static void late_writes_can_be_had_before_the_end(void **state)
{
    static const struct row before[] = {
        {0, CREATE, "q"}, {0, SEND, "q", "foo"}, {0, RECEIVE, "q", .answer = "foo"}};
    static const struct row after[] = {{0, RESTART}, {0, COUNTS, "q", .answer = "0/1/0"}};

    (void)state;
    story_begin(NULL);
    story_tell(before, COUNT(before));
    assert_int_equal(story.changes.count, 0);
    engine_flush(story.engine);
    assert_int_equal(story.changes.count, 1);
    assert_int_equal(story.changes.items[0].kind, CHANGE_MESSAGE_STATE);
    story_settle();
    story_tell(after, COUNT(after));
}

static void what_was_counted_is_counted_on(void **state)
{
    static const struct row rows[] = {{1, CREATE, "q"},
                                      {2, SEND, "q", "foo"},
                                      {3, SET, "q", "DelaySeconds=1"},
                                      {3, SEND, "q", "bar"},
                                      {4, RECEIVE, "q", .answer = "foo"},
                                      {4, DELETE, "q", "foo"},
                                      {5, RESTART},
                                      {5, SEND, "q", "baz"}};
    struct queue_counts counts;

    (void)state;
    story_begin(NULL);
    story_tell(rows, COUNT(rows));
    counts = queue_counts(story_queue("q"));
    assert_int_equal(counts.sent, 3);
    assert_int_equal(counts.created_ms, STORY_START_MS + 1000);
    assert_int_equal(counts.modified_ms, STORY_START_MS + 3000);
    assert_int_equal(counts.oldest_sent_ms, STORY_START_MS + 3000);
}

/* Most messages are deleted within a second, and nothing is written of their receives. */
static void a_message_that_is_deleted_soon_was_never_written_as_received(void **state)
{
    static const struct row before[] = {
        {0, CREATE, "q"}, {0, SEND, "q", "foo"}, {0, RECEIVE, "q", .answer = "foo"}};
    struct queue_refusal refusal;

    (void)state;
    story_begin(NULL);
    story_tell(before, COUNT(before));
    assert_int_equal(engine_delete(story.engine, story_now(), story_queue("q"),
                                   story_handle_text("foo"), &refusal),
                     QUEUE_OK);
    assert_int_equal(story.changes.count, 1);
    assert_int_equal(story.changes.items[0].kind, CHANGE_MESSAGE_GONE);
    story_settle();
    story.now_ms += 5000;
    engine_tick(story.engine, story_now());
    assert_int_equal(story.changes.count, 0);
}

/* A message that a crash lost may have been received. Its handle must not fit the next one. */
static void the_handle_of_a_lost_message_fits_no_other(void **state)
{
    static const struct row create[] = {{0, CREATE, "q"}};
    static const struct row again[] = {{2, SEND, "q", "bar"},
                                       {2, DELETE, "q", "foo"},
                                       {2, COUNTS, "q", .answer = "1/0/0"},
                                       {2, RECEIVE, "q", .answer = "bar"}};
    struct poll poll = {.max = 1, .visibility_s = -1};
    struct queue_refusal refusal;
    const uint8_t id[16] = {99};
    struct sent sent;

    (void)state;
    for (int crashes = 1; crashes <= 3; crashes++) {
        story_begin(NULL);
        story_tell(create, COUNT(create));
        for (int i = 0; i < crashes; i++) {
            poll.queue = story_queue("q");
            assert_int_equal(
                engine_send(story.engine, story_now(), poll.queue,
                            &(struct send){.id = id, .body = SLICE("foo"), .delay_s = -1}, &sent,
                            &refusal),
                QUEUE_OK);
            engine_poll(story.engine, story_now(), &poll);
            assert_ptr_equal(engine_answered(story.engine), &poll);
            assert_int_equal(poll.count, 1);
            story_keep(&poll, &poll.receipts[0]);
            poll_deinit(&poll);
            story_restart(); /* with changes that no store has */
        }
        story_tell(again, COUNT(again));
        if (crashes < 3)
            story_end(state);
    }
}

/* ---- payloads ---- */

enum { MANY = 3000 };

static void begin_without_room(void)
{
    static const struct row rows[] = {{0, CREATE, "q"}};

    story_begin(
        &(struct engine_options){.facts = {.keeps_payloads = true}, .payload_bytes_max = 1});
    story_tell(rows, COUNT(rows));
}

static uint64_t send_durably(int number)
{
    char body[32];
    uint8_t id[16] = {0};
    struct queue_refusal refusal;
    struct sent sent;

    memcpy(id, &number, sizeof number);
    snprintf(body, sizeof body, "body-%d", number);
    assert_int_equal(engine_send(story.engine, story_now(), story_queue("q"),
                                 &(struct send){.id = id, .body = slice_of(body), .delay_s = -1},
                                 &sent, &refusal),
                     QUEUE_OK);
    story_settle();
    engine_payload_settled(story.engine, sent.seq);
    return sent.seq;
}

/* Returns whether the receipt came with its payload. */
static bool receive_one(uint64_t *seq)
{
    struct poll poll = {.queue = story_queue("q"), .max = 1, .visibility_s = -1};
    bool has_payload;

    engine_poll(story.engine, story_now(), &poll);
    assert_ptr_equal(engine_answered(story.engine), &poll);
    assert_int_equal(poll.count, 1);
    *seq = poll.receipts[0].seq;
    has_payload = poll.receipts[0].payload;
    poll_deinit(&poll);
    return has_payload;
}

static void a_payload_stays_until_it_is_durable_and_while_there_is_room(void **state)
{
    static const struct row rows[] = {{0, CREATE, "q"}};
    uint64_t seq, got;

    (void)state;
    story_begin(&(struct engine_options){.facts = {.keeps_payloads = true}});
    story_tell(rows, COUNT(rows));
    seq = send_durably(1);
    assert_true(receive_one(&got)); /* there is room */
    assert_true(got == seq);
}

static void a_durable_payload_is_dropped_and_wanted_again(void **state)
{
    uint64_t seq, got, wanted[4];

    (void)state;
    begin_without_room();
    seq = send_durably(1);
    assert_int_equal(engine_payload_wanted(story.engine, wanted, 4), 0);
    assert_false(receive_one(&got)); /* the first is sooner than any reading ahead */
    assert_true(got == seq);
}

static void without_a_store_that_keeps_them_payloads_stay(void **state)
{
    static const struct row rows[] = {{0, CREATE, "q"}};
    uint64_t got;

    (void)state;
    story_begin(&(struct engine_options){.payload_bytes_max = 1});
    story_tell(rows, COUNT(rows));
    send_durably(1);
    assert_true(receive_one(&got));
}

/* Answers what the engine wants to have read, as a store. Returns how many those were. */
static size_t load(void)
{
    uint64_t wanted[100];
    size_t n, all = 0;

    while ((n = engine_payload_wanted(story.engine, wanted, 100)) > 0) {
        all += n;
        for (size_t i = 0; i < n; i++)
            engine_payload_loaded(story.engine, wanted[i],
                                  payload_ref(map_message(&story.map, wanted[i])->payload));
    }
    return all;
}

/* A queue that is drained from its head finds payloads ready but for the first. */
static void payloads_are_read_ahead_of_receives(void **state)
{
    size_t missing = 0, loads = 0, all = 0;
    uint64_t seq, last = 0;

    (void)state;
    begin_without_room();
    for (int i = 0; i < MANY; i++)
        send_durably(i + 1);
    for (int i = 0; i < MANY; i++) {
        size_t n;

        missing += !receive_one(&seq);
        assert_true(seq > last);
        last = seq;
        n = load();
        loads += n > 0;
        all += n;
        assert_true(n <= 2100);
    }
    assert_int_equal(missing, 1);
    assert_true(all <= MANY);
    assert_in_range(loads, 1, 20);
}

static void a_payload_that_was_given_up_is_wanted_again_by_the_next_receive(void **state)
{
    uint64_t wanted[10], seq;

    (void)state;
    begin_without_room();
    for (int i = 0; i < 3; i++)
        send_durably(i + 1);
    receive_one(&seq);
    assert_int_equal(engine_payload_wanted(story.engine, wanted, 10), 2);
    engine_payload_loaded(story.engine, wanted[0], NULL);
    engine_payload_loaded(story.engine, wanted[1], NULL);
    assert_int_equal(engine_payload_wanted(story.engine, wanted, 10), 0);
    assert_false(receive_one(&seq));
    assert_int_equal(load(), 1);
    assert_true(receive_one(&seq));
}

/* What was read and what is in memory is the same message, and one that is gone meanwhile is no trouble. */
static void a_payload_that_comes_too_late_is_dropped(void **state)
{
    static const struct row purge[] = {{0, PURGE, "q"}};
    uint64_t wanted[10], seq;
    struct payload *payload;

    (void)state;
    begin_without_room();
    send_durably(1);
    send_durably(2);
    receive_one(&seq);
    assert_int_equal(engine_payload_wanted(story.engine, wanted, 10), 1);
    payload = payload_ref(map_message(&story.map, wanted[0])->payload);
    story_tell(purge, 1);
    engine_payload_loaded(story.engine, wanted[0], payload);
}

/* Moving sends anew, which needs the payload: a task asks for it and waits. */
static void a_move_reads_payloads_that_only_the_store_has(void **state)
{
    static const struct row before[] = {
        {0, CREATE, "to"}, {0, CREATE, "source", "RedrivePolicy=q:1"}, {0, MOVE, "q", "to"}};
    static const struct row running[] = {{0.1, MOVES, "q", .answer = "RUNNING 0/3"}};
    static const struct row after[] = {
        {0.2, MOVES, "q", .answer = "COMPLETED 3/3"},
        {0.2, RECEIVE, "to", .n = 10, .answer = "body-1 body-2 body-3"}};

    (void)state;
    begin_without_room();
    for (int i = 0; i < 3; i++)
        send_durably(i + 1);
    story_tell(before, COUNT(before));
    story_tell(running, COUNT(running));
    assert_true(load() > 0);
    story_tell(after, COUNT(after));
}

/* ---- how much is kept ---- */

enum { BODY_MAX = 1 << 20 };

static uint64_t send_body(const char *queue, size_t n, int64_t delay_s)
{
    static char body[BODY_MAX];
    uint8_t id[16] = {0};
    struct queue_refusal refusal;
    struct sent sent;

    memset(body, 'x', n);
    memcpy(id, &story.ids, sizeof story.ids);
    story.ids++;
    assert_int_equal(engine_send(story.engine, story_now(), story_queue(queue),
                                 &(struct send){.id = id, .body = {body, n}, .delay_s = delay_s},
                                 &sent, &refusal),
                     QUEUE_OK);
    story_settle();
    return sent.seq;
}

static void begin_with_room(size_t bytes)
{
    static const struct row rows[] = {{0, CREATE, "q", "VisibilityTimeout=600"}};

    story_begin(&(struct engine_options){.facts = {.keeps_payloads = true},
                                         .limits = queue_limits_relaxed(),
                                         .payload_bytes_max = bytes});
    story_tell(rows, COUNT(rows));
}

/* What was dropped makes room again. */
static void room_is_what_is_in_memory(void **state)
{
    uint64_t seq;

    (void)state;
    begin_with_room(3000);
    for (int i = 0; i < 2; i++)
        engine_payload_settled(story.engine, send_body("q", 2000, -1));
    assert_true(receive_one(&seq));
    assert_false(receive_one(&seq)); /* both did not fit */
    engine_payload_settled(story.engine, send_body("q", 500, -1));
    assert_true(receive_one(&seq));
}

static void a_payload_that_is_delayed_is_dropped_too(void **state)
{
    static const struct row later[] = {{5, COUNTS, "q", .answer = "1/0/0"}};
    uint64_t seq;

    (void)state;
    begin_with_room(1000);
    engine_payload_settled(story.engine, send_body("q", 2000, 5));
    story_tell(later, 1);
    assert_false(receive_one(&seq));
}

static void what_is_received_is_dropped_when_there_is_no_room(void **state)
{
    static const struct row later[] = {{600, COUNTS, "q", .answer = "1/0/0"}};
    uint64_t seq;

    (void)state;
    begin_with_room(1000);
    send_body("q", 2000, -1); /* not known to be durable yet */
    assert_true(receive_one(&seq));
    story_tell(later, 1);
    assert_false(receive_one(&seq));
}

static void what_a_task_moves_is_dropped_when_there_is_no_room(void **state)
{
    static const struct row rows[] = {{0, CREATE, "from"},
                                      {0, CREATE, "s", "RedrivePolicy=from:1"},
                                      {0, MOVE, "from", "q"},
                                      {1, MOVES, "from", .answer = "COMPLETED 1/1"}};
    uint64_t seq;

    (void)state;
    begin_with_room(1000);
    story_tell(rows, 2);
    send_body("from", 2000, -1);
    story_tell(rows + 2, COUNT(rows) - 2);
    assert_false(receive_one(&seq));
}

/* Of large messages few are read ahead at once, and the others as these are received. */
static void large_messages_are_read_ahead_in_small_numbers(void **state)
{
    size_t most = 0, all = 0;
    unsigned missing = 0;
    uint64_t seq;

    (void)state;
    begin_with_room(1);
    for (int i = 0; i < 40; i++)
        engine_payload_settled(story.engine, send_body("q", BODY_MAX - 1000, -1));
    for (int i = 0; i < 40; i++) {
        size_t n;

        missing += !receive_one(&seq);
        n = load();
        most = n > most ? n : most;
        all += n;
    }
    assert_int_equal(missing, 1);
    assert_in_range(most, 4, 9);
    assert_int_equal(all, 39);
}

#define TEST(name) cmocka_unit_test_teardown(name, story_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_is_there_again_after_a_restart),
        TEST(a_receive_is_written_late),
        TEST(a_longer_visibility_is_written_late_too),
        TEST(what_is_visible_sooner_is_written_at_once),
        TEST(what_is_given_back_is_there_after_a_crash),
        TEST(a_repeated_attempt_is_written_late_too),
        TEST(a_handle_from_before_a_crash_still_deletes),
        TEST(it_does_not_when_the_message_was_received_since),
        TEST(a_handle_from_before_a_crash_still_hides),
        TEST(deletes_and_purges_are_not_lost),
        TEST(deduplication_goes_on),
        TEST(a_fifo_queue_keeps_its_order),
        TEST(a_dead_letter_is_delivered_where_it_came_to_after_a_restart_too),
        TEST(twelve_hours_do_not_count_from_a_receive_in_another_queue),
        TEST(in_a_fifo_dead_letter_queue_age_counts_from_the_move_after_a_restart_too),
        TEST(dead_letters_know_where_they_came_from),
        TEST(a_move_task_goes_on),
        TEST(twelve_hours_count_from_the_receive_after_a_restart_too),
        TEST(what_was_counted_is_counted_on),
        TEST(a_restart_does_not_trust_the_wall_clock),
        TEST(late_writes_can_be_had_before_the_end),
        TEST(a_message_that_is_deleted_soon_was_never_written_as_received),
        TEST(the_handle_of_a_lost_message_fits_no_other),
        TEST(a_payload_stays_until_it_is_durable_and_while_there_is_room),
        TEST(a_durable_payload_is_dropped_and_wanted_again),
        TEST(without_a_store_that_keeps_them_payloads_stay),
        TEST(payloads_are_read_ahead_of_receives),
        TEST(a_payload_that_was_given_up_is_wanted_again_by_the_next_receive),
        TEST(a_payload_that_comes_too_late_is_dropped),
        TEST(a_move_reads_payloads_that_only_the_store_has),
        TEST(room_is_what_is_in_memory),
        TEST(a_payload_that_is_delayed_is_dropped_too),
        TEST(what_is_received_is_dropped_when_there_is_no_room),
        TEST(what_a_task_moves_is_dropped_when_there_is_no_room),
        TEST(large_messages_are_read_ahead_in_small_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

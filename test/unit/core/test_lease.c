/*
 * The lease table: what happens to an event from arrival to settlement, as tables and short stories;
 * then 200,000 random steps against a model that knows what the queue would do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/lease.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct account account;
static struct lease_table *table;

static sl_time at(double seconds)
{
    return (sl_time){(int64_t)(seconds * 1e9)};
}

static void start(uint32_t slots, int64_t visibility_s, bool can_extend)
{
    account = (struct account){0};
    table = lease_table_new(&(struct lease_options){
        .slots = slots,
        .visibility = sl_sec(visibility_s),
        .can_extend = can_extend,
        .account = &account,
    });
    assert_non_null(table);
}

static int stop(void **state)
{
    (void)state;
    lease_table_free(table);
    table = NULL;
    return 0;
}

static enum lease_arrived arrive_in_run(double now, const char *id, const char *handle,
                                        const char *group, uint32_t run, struct ticket *out)
{
    return lease_arrive(table,
                        &(struct lease_arrival){.id = slice_of(id),
                                                .handle = slice_of(handle),
                                                .group = slice_of(group),
                                                .run = run,
                                                .received_at = at(now),
                                                .visibility = sl_sec(30)},
                        out);
}

static struct ticket arrive(double now, const char *id, const char *handle)
{
    struct ticket ticket;

    assert_int_equal(arrive_in_run(now, id, handle, "", 0, &ticket), LEASE_NEW);
    return ticket;
}

static struct ticket arrive_fifo(double now, const char *id, const char *group, uint32_t run)
{
    struct ticket ticket;

    assert_int_equal(arrive_in_run(now, id, "handle", group, run, &ticket), LEASE_NEW);
    return ticket;
}

static void assert_sending(struct ticket ticket, const char *handle)
{
    assert_true(slice_is(lease_sending(table, ticket), handle));
}

static void assert_due(double seconds)
{
    assert_int_equal(lease_next_due(table).ns, at(seconds).ns);
}

/* ---- stories ---- */

static void an_event_is_held_confirmed_and_deleted(void **state)
{
    struct ticket ticket;

    (void)state;
    start(10, 30, true);
    ticket = arrive(100, "a", "h1");
    assert_int_equal(ticket.generation, 1);
    assert_int_equal(lease_state_of(table, ticket), LEASE_HELD);
    assert_true(lease_holds(table, ticket, at(100)));
    assert_int_equal(lease_held(table), 1);
    lease_delete(table, ticket);
    assert_int_equal(lease_state_of(table, ticket), LEASE_DELETING);
    assert_false(lease_holds(table, ticket, at(100)));
    assert_true(lease_is_alive(table, ticket, at(128.9)));
    assert_false(lease_is_alive(table, ticket, at(129)));
    assert_sending(ticket, "h1");
    assert_int_equal(lease_deleted(table, ticket, at(101)), LEASE_DONE);
    assert_int_equal(lease_state_of(table, ticket), LEASE_FREE);
    assert_false(lease_is_alive(table, ticket, at(101)));
    assert_int_equal(lease_held(table), 0);
    assert_int_equal(account.received, 1);
    assert_int_equal(account.deleted, 1);
}

static void an_event_is_refused_and_returned(void **state)
{
    struct ticket ticket;

    (void)state;
    start(10, 30, true);
    ticket = arrive(100, "a", "h1");
    assert_int_equal(lease_return(table, ticket, 40, LEASE_REFUSED, at(101)), LEASE_RETURN_QUEUE);
    assert_int_equal(lease_state_of(table, ticket), LEASE_RETURNING);
    assert_int_equal(lease_return_delay_s(table, ticket), 40);
    lease_return_hasten(table, ticket);
    assert_int_equal(lease_return_delay_s(table, ticket), 0);
    assert_sending(ticket, "h1");
    assert_int_equal(lease_returned(table, ticket), LEASE_DONE);
    assert_int_equal(account.returned, 1);
    assert_int_equal(account.returned_refused, 1);
    /* It is not remembered: it may come and be posted again. */
    ticket = arrive(102, "a", "h2");
    assert_int_equal(ticket.generation, 2);
    lease_return(table, ticket, 0, LEASE_UNSENT, at(103));
    assert_int_equal(lease_returned(table, ticket), LEASE_DONE);
    assert_int_equal(account.returned_unsent, 1);
}

static void the_deadline_is_never_later_than_the_queues(void **state)
{
    static const struct {
        int64_t round_trip_ms;
        double deadline;
    } cases[] = {{0, 129},    {100, 129},  {500, 129},  {1000, 128},
                 {2500, 125}, {2501, 125}, {60000, 125}};

    (void)state;
    start(10, 30, true);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char id[2] = {(char)('a' + i), '\0'};
        struct ticket ticket;

        lease_arrive(table,
                     &(struct lease_arrival){.id = slice_of(id),
                                             .handle = SLICE("h"),
                                             .received_at = at(100),
                                             .visibility = sl_sec(30),
                                             .round_trip = sl_ms(cases[i].round_trip_ms)},
                     &ticket);
        assert_int_equal(lease_deadline(table, ticket).ns, at(cases[i].deadline).ns);
    }
}

static void extensions_are_due_at_half_life_and_count_from_their_sending(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket ticket;
    size_t lost;

    (void)state;
    start(10, 30, true);
    assert_int_equal(lease_next_due(table).ns, SL_NEVER.ns);
    ticket = arrive(100, "a", "h1");
    assert_due(114);
    assert_int_equal(lease_due(table, at(113.9), due, &lost), 0);
    assert_int_equal(lease_due(table, at(114), due, &lost), 1);
    assert_int_equal(lost, 0);
    assert_memory_equal(&due[0].ticket, &ticket, sizeof(ticket));
    assert_int_equal(due[0].visibility_s, 30);
    assert_int_equal(lease_state_of(table, ticket), LEASE_EXTENDING);
    assert_true(lease_holds(table, ticket, at(114)));
    assert_int_equal(lease_next_due(table).ns, SL_NEVER.ns); /* one under way is enough */
    assert_sending(ticket, "h1");
    assert_false(lease_extended(table, &due[0], at(114.5)));
    assert_int_equal(lease_state_of(table, ticket), LEASE_HELD);
    assert_int_equal(lease_deadline(table, ticket).ns, at(144.5).ns);
    assert_due(129.5);
}

static void a_failed_extension_is_tried_each_twelfth_until_a_sixth_is_left(void **state)
{
    /* granted 30 s, deadline 129: tries at 114, 116.5, 119, 121.5, 124 = deadline − 30 / 6 */
    static const double tries[] = {114, 116.5, 119, 121.5, 124};
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket ticket;
    size_t lost;

    (void)state;
    start(10, 30, true);
    ticket = arrive(100, "a", "h1");
    for (size_t i = 0; i < COUNT(tries); i++) {
        assert_due(tries[i]);
        assert_int_equal(lease_due(table, at(tries[i]), due, &lost), 1);
        assert_false(lease_extend_failed(table, &due[0], at(tries[i]), false));
        assert_true(lease_holds(table, ticket, at(tries[i])));
    }
    assert_due(129);
    assert_int_equal(lease_due(table, at(128.99), due, &lost), 0);
    assert_int_equal(lost, 0);
    assert_int_equal(lease_due(table, at(129), due, &lost), 0);
    assert_int_equal(lost, 1);
    assert_int_equal(lease_state_of(table, ticket), LEASE_LOST);
    assert_int_equal(lease_next_due(table).ns, SL_NEVER.ns);
}

/* A call is cut after a quarter of it, and the clock is read later than that: at 121.501 the next twelfth is behind 124. */
static void an_extension_that_fails_late_is_tried_when_a_sixth_is_left(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    size_t lost;

    (void)state;
    start(10, 30, true);
    arrive(100, "a", "h1");
    assert_int_equal(lease_due(table, at(114), due, &lost), 1);
    assert_false(lease_extend_failed(table, &due[0], at(121.501), false));
    assert_due(124);
    assert_int_equal(lease_due(table, at(124), due, &lost), 1);
    assert_false(lease_extend_failed(table, &due[0], at(124.001), false));
    assert_due(129);
}

static void an_extension_refused_for_good_is_not_tried_again(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket ticket;
    size_t lost;

    (void)state;
    start(10, 30, true);
    ticket = arrive(100, "a", "h1");
    lease_due(table, at(114), due, &lost);
    lease_extend_failed(table, &due[0], at(114), true);
    assert_due(129);
    assert_true(lease_holds(table, ticket, at(128.9)));
    assert_false(lease_holds(table, ticket, at(129)));
    /* also when the answer comes late */
    arrive(200, "b", "h");
    assert_int_equal(lease_due(table, at(214), due, &lost), 1);
    assert_int_equal(lost, 1);
    lease_extend_failed(table, &due[0], at(240), false);
    assert_int_equal(lease_due(table, at(240), due, &lost), 0);
    assert_int_equal(lost, 1);
}

static void without_permission_to_extend_nothing_is_held_past_its_lease(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket ticket;
    size_t lost;

    (void)state;
    start(10, 30, false);
    ticket = arrive(100, "a", "h1");
    assert_due(129);
    assert_int_equal(lease_due(table, at(128), due, &lost), 0);
    /* The permission came: half-life is over, so at once. */
    lease_visibility_set(table, sl_sec(60), true);
    assert_due(114);
    assert_int_equal(lease_due(table, at(128), due, &lost), 1);
    assert_int_equal(due[0].visibility_s, 60);
    lease_extended(table, &due[0], at(128));
    assert_due(158);
    /* It went. */
    lease_visibility_set(table, sl_sec(60), false);
    assert_due(188);
    assert_int_equal(lease_due(table, at(188), due, &lost), 0);
    assert_int_equal(lost, 1);
    assert_int_equal(lease_state_of(table, ticket), LEASE_LOST);
}

static void a_lease_longer_than_the_visibility_is_extended_towards_its_end(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket ticket;
    size_t lost;

    (void)state;
    start(10, 600, true);
    assert_int_equal(lease_arrive(table,
                                  &(struct lease_arrival){.id = SLICE("a"),
                                                          .handle = SLICE("h1"),
                                                          .received_at = at(100),
                                                          .visibility = sl_sec(600)},
                                  &ticket),
                     LEASE_NEW);
    lease_visibility_set(table, sl_sec(30), true);
    assert_due(399);
    assert_int_equal(lease_due(table, at(399), due, &lost), 0); /* it would end at 429, not 699 */
    assert_due(684);
    assert_int_equal(lease_due(table, at(684), due, &lost), 1);
    assert_int_equal(due[0].visibility_s, 30);
    assert_false(lease_extend_failed(table, &due[0], at(684), false));
    assert_due(686.5);
    assert_int_equal(lease_due(table, at(686.5), due, &lost), 1);
    assert_false(lease_extended(table, &due[0], at(686.5)));
    assert_int_equal(lease_deadline(table, ticket).ns, at(716.5).ns);
    assert_due(701.5);
    assert_true(lease_holds(table, ticket, at(701.5)));
}

static void twelve_hours_are_the_end(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    sl_time now = at(0);
    struct ticket ticket;
    unsigned last = 0;
    size_t lost, extensions = 0;

    (void)state;
    start(10, 3600, true);
    lease_arrive(table,
                 &(struct lease_arrival){.id = SLICE("a"),
                                         .handle = SLICE("h"),
                                         .received_at = at(0),
                                         .visibility = sl_sec(3600)},
                 &ticket);
    for (;;) {
        now = lease_next_due(table);
        if (lease_due(table, now, due, &lost) == 0 && lost > 0)
            break;
        if (lease_state_of(table, ticket) != LEASE_EXTENDING)
            continue;
        last = due[0].visibility_s;
        extensions++;
        /* SQS rejects what goes beyond 12 h from the receive. */
        assert_true(sl_time_sub(now, at(0)).ns + sl_sec(last).ns <= sl_hours(12).ns);
        lease_extended(table, &due[0], now);
    }
    assert_true(last < 3600);
    assert_true(extensions >= 22 && extensions <= 26);
    assert_int_equal(lease_deadline(table, ticket).ns, sl_sec(12 * 3600 - 60).ns);
    assert_int_equal(now.ns, sl_sec(12 * 3600 - 60).ns);
    assert_int_equal(lease_return(table, ticket, 0, LEASE_UNSENT, now), LEASE_RETURN_GONE);
    assert_int_equal(account.expired, 1);
}

static void calls_hold_up_to_ten_and_take_along_what_is_due_soon(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket tickets[25];
    size_t lost;

    (void)state;
    start(30, 40, true);
    for (int i = 0; i < 25; i++) {
        char id[16];

        snprintf(id, sizeof(id), "m%d", i);
        /* 12 at once, 8 within a fortieth of 40 s, 5 later */
        tickets[i] = arrive(i < 12 ? 100 : i < 20 ? 100.9 : 101.1, id, "h");
    }
    assert_int_equal(lease_due(table, at(114), due, &lost), 10);
    assert_int_equal(lease_due(table, at(114), due, &lost), 10); /* 2 of the 12, and 8 */
    assert_int_equal(lease_due(table, at(114), due, &lost), 0);
    assert_int_equal(lease_state_of(table, tickets[11]), LEASE_EXTENDING);
    assert_int_equal(lease_state_of(table, tickets[19]), LEASE_EXTENDING);
    assert_int_equal(lease_state_of(table, tickets[20]), LEASE_HELD);
    assert_due(115.1);
}

static void no_extension_after_a_delete_or_return_was_begun(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket deleting, returning;
    size_t lost;

    (void)state;
    start(10, 30, true);
    deleting = arrive(100, "a", "h1");
    returning = arrive(100, "b", "h2");
    lease_delete(table, deleting);
    lease_return(table, returning, 5, LEASE_REFUSED, at(101));
    assert_int_equal(lease_next_due(table).ns, SL_NEVER.ns);
    assert_int_equal(lease_due(table, at(500), due, &lost), 0);
    assert_int_equal(lost, 0);
}

static void a_delete_overtakes_an_extension_and_a_return_waits_for_it(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket a, b, c;
    size_t lost;

    (void)state;
    start(10, 30, true);
    a = arrive(100, "a", "h1");
    b = arrive(100, "b", "h2");
    c = arrive(100, "c", "h3");
    assert_int_equal(lease_due(table, at(114), due, &lost), 3);
    lease_delete(table, a);
    assert_int_equal(lease_return(table, b, 7, LEASE_REFUSED, at(115)), LEASE_RETURN_WAIT);
    assert_int_equal(lease_state_of(table, b), LEASE_EXTENDING_RETURN);
    assert_int_equal(lease_return_delay_s(table, b), 7);
    assert_int_equal(lease_return(table, c, 7, LEASE_UNSENT, at(115)), LEASE_RETURN_WAIT);
    assert_int_equal(lease_deleted(table, a, at(115)), LEASE_DONE);
    assert_false(lease_extended(table, &due[0], at(114))); /* a is settled */
    assert_true(lease_extended(table, &due[1], at(114)));
    assert_int_equal(lease_state_of(table, b), LEASE_RETURNING);
    assert_true(lease_extend_failed(table, &due[2], at(116), false));
    assert_int_equal(lease_state_of(table, c), LEASE_RETURNING);
    assert_int_equal(lease_returned(table, b), LEASE_DONE);
    assert_int_equal(lease_returned(table, c), LEASE_DONE);
    assert_false(lease_extend_failed(table, &due[2], at(116), false));
    /* Another event in a's slot is not what the late answer is about. */
    a = arrive(117, "d", "h4");
    assert_false(lease_extended(table, &due[0], at(117)));
    assert_int_equal(lease_deadline(table, a).ns, at(146).ns);
}

static void the_outcome_of_a_lost_lease_is_honoured(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket confirmed, refused;
    size_t lost;

    (void)state;
    start(10, 30, false);
    confirmed = arrive(100, "a", "h1");
    refused = arrive(100, "b", "h2");
    assert_int_equal(lease_due(table, at(200), due, &lost), 0);
    assert_int_equal(lost, 2);
    lease_delete(table, confirmed);
    assert_int_equal(lease_deleted(table, confirmed, at(201)), LEASE_DONE);
    assert_int_equal(lease_return(table, refused, 5, LEASE_REFUSED, at(201)), LEASE_RETURN_GONE);
    assert_int_equal(account.deleted, 1);
    assert_int_equal(account.expired, 1);
    assert_int_equal(account.returned, 0);
    /* The deadline counts even before anybody took note of it. */
    refused = arrive(300, "b", "h3");
    assert_int_equal(lease_return(table, refused, 5, LEASE_REFUSED, at(329)), LEASE_RETURN_GONE);
}

static void a_second_copy_is_merged_and_its_handle_counts(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket ticket, second;
    size_t lost;

    (void)state;
    start(10, 30, true);
    ticket = arrive(100, "a", "h1");
    assert_int_equal(arrive_in_run(110, "a", "a longer handle", "", 0, &second), LEASE_MERGED);
    assert_memory_equal(&ticket, &second, sizeof(ticket));
    assert_int_equal(account.merged, 1);
    assert_int_equal(account.received, 2);
    assert_int_equal(lease_held(table), 1);
    assert_due(124);
    /* While its extension is under way: the old handle's answer says nothing of the new lease. */
    assert_int_equal(lease_due(table, at(124), due, &lost), 1);
    assert_sending(ticket, "a longer handle");
    assert_int_equal(arrive_in_run(140, "a", "h3", "", 0, &second), LEASE_MERGED);
    assert_false(lease_extended(table, &due[0], at(124)));
    assert_int_equal(lease_deadline(table, ticket).ns, at(169).ns);
    assert_due(154);
    assert_int_equal(lease_due(table, at(154), due, &lost), 1);
    assert_int_equal(arrive_in_run(160, "a", "h4", "", 0, &second), LEASE_MERGED);
    assert_false(lease_extend_failed(table, &due[0], at(161), true));
    assert_due(174);
    /* While its delete is under way: it has to be repeated. */
    lease_delete(table, ticket);
    assert_sending(ticket, "h4");
    assert_int_equal(arrive_in_run(180, "a", "h5", "", 0, &second), LEASE_MERGED);
    assert_int_equal(lease_deleted(table, ticket, at(181)), LEASE_AGAIN);
    assert_int_equal(lease_give_up(table, ticket, at(181)), LEASE_AGAIN);
    assert_sending(ticket, "h5");
    assert_int_equal(lease_deleted(table, ticket, at(182)), LEASE_DONE);
    assert_int_equal(account.received, 5);
    assert_int_equal(account.merged, 4);
    assert_int_equal(account.deleted, 1);
}

static enum lease_arrived arrive_counted(double now, const char *handle, unsigned receive_count,
                                         struct ticket *out)
{
    return lease_arrive(table,
                        &(struct lease_arrival){.id = SLICE("a"),
                                                .handle = slice_of(handle),
                                                .received_at = at(now),
                                                .visibility = sl_sec(30),
                                                .receive_count = receive_count},
                        out);
}

static void an_older_copy_that_comes_last_changes_nothing(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket ticket, second;
    size_t lost;

    (void)state;
    start(10, 30, true);
    assert_int_equal(arrive_counted(100, "h3", 3, &ticket), LEASE_NEW);
    assert_int_equal(arrive_counted(110, "h2", 2, &second), LEASE_MERGED);
    assert_memory_equal(&ticket, &second, sizeof(ticket));
    assert_int_equal(account.merged, 1);
    assert_int_equal(lease_deadline(table, ticket).ns, at(129).ns);
    assert_sending(ticket, "h3");
    /* Without a count, or with the same one, the last to come counts. */
    assert_int_equal(arrive_counted(111, "h3 again", 3, &second), LEASE_MERGED);
    assert_sending(ticket, "h3 again");
    assert_int_equal(arrive_counted(112, "not counted", 0, &second), LEASE_MERGED);
    assert_sending(ticket, "not counted");
    assert_int_equal(arrive_counted(113, "h5", 5, &second), LEASE_MERGED);
    assert_int_equal(lease_deadline(table, ticket).ns, at(142).ns);
    /* Nor does a lost lease live again by it, and a delete need not be repeated. */
    assert_int_equal(lease_due(table, at(150), due, &lost), 0);
    assert_int_equal(lost, 1);
    assert_int_equal(arrive_counted(151, "h4", 4, &second), LEASE_MERGED);
    assert_int_equal(lease_state_of(table, ticket), LEASE_LOST);
    lease_delete(table, ticket);
    assert_sending(ticket, "h5");
    assert_int_equal(arrive_counted(152, "h4", 4, &second), LEASE_MERGED);
    assert_int_equal(lease_deleted(table, ticket, at(153)), LEASE_DONE);
    assert_int_equal(account.merged, 6);
}

static void a_copy_revives_a_lost_lease_and_repeats_a_return(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket ticket, second;
    size_t lost;

    (void)state;
    start(10, 30, false);
    ticket = arrive(100, "a", "h1");
    lease_due(table, at(129), due, &lost);
    assert_int_equal(lease_state_of(table, ticket), LEASE_LOST);
    assert_false(lease_holds(table, ticket, at(129)));
    assert_int_equal(arrive_in_run(130, "a", "h2", "", 0, &second), LEASE_MERGED);
    assert_true(lease_holds(table, ticket, at(130)));
    assert_due(159);
    lease_return(table, ticket, 5, LEASE_REFUSED, at(131));
    assert_sending(ticket, "h2");
    assert_int_equal(arrive_in_run(140, "a", "h3", "", 0, &second), LEASE_MERGED);
    assert_int_equal(lease_returned(table, ticket), LEASE_AGAIN);
    assert_sending(ticket, "h3");
    assert_int_equal(lease_returned(table, ticket), LEASE_DONE);
    assert_int_equal(account.returned, 1);
}

static void what_can_not_be_settled_is_given_up(void **state)
{
    struct ticket ticket, again;

    (void)state;
    start(10, 30, true);
    ticket = arrive(100, "a", "h1");
    lease_mark_in_doubt(table, ticket);
    lease_mark_in_doubt(table, ticket);
    lease_delete(table, ticket);
    assert_sending(ticket, "h1");
    assert_int_equal(lease_give_up(table, ticket, at(130)), LEASE_DONE);
    assert_int_equal(account.expired, 1);
    assert_int_equal(account.in_doubt, 1);
    /* It was confirmed, so it is not posted again. */
    assert_int_equal(arrive_in_run(131, "a", "h2", "", 0, &again), LEASE_CONFIRMED);
    assert_int_equal(lease_deleted(table, again, at(132)), LEASE_DONE);
    ticket = arrive(140, "b", "h1");
    lease_return(table, ticket, 0, LEASE_UNSENT, at(141));
    assert_int_equal(lease_give_up(table, ticket, at(170)), LEASE_DONE);
    assert_int_equal(account.expired, 2);
    assert_int_equal(account.in_doubt, 1);
    arrive(171, "b", "h2");
}

static void confirmed_ids_are_remembered_for_a_time(void **state)
{
    static const struct {
        int64_t visibility_s;
        double confirmed_at, comes_at;
        enum lease_arrived arrived;
    } cases[] = {
        {30, 100, 101, LEASE_CONFIRMED}, {30, 100, 699.9, LEASE_CONFIRMED},
        {30, 100, 700, LEASE_NEW},       {300, 100, 699.9, LEASE_CONFIRMED},
        {300, 100, 700, LEASE_NEW},      {600, 100, 1299.9, LEASE_CONFIRMED},
        {600, 100, 1300, LEASE_NEW},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ticket ticket;

        start(10, cases[i].visibility_s, true);
        ticket = arrive(99, "a", "h1");
        lease_delete(table, ticket);
        lease_deleted(table, ticket, at(cases[i].confirmed_at));
        assert_int_equal(arrive_in_run(cases[i].comes_at, "a", "h2", "", 0, &ticket),
                         cases[i].arrived);
        if (cases[i].arrived == LEASE_CONFIRMED) {
            assert_int_equal(lease_state_of(table, ticket), LEASE_DELETING);
            assert_sending(ticket, "h2");
            assert_int_equal(account.suppressed, 1);
            /* Its delete's acknowledgement starts the time anew. */
            lease_deleted(table, ticket, at(cases[i].comes_at));
            assert_int_equal(arrive_in_run(cases[i].comes_at + 599, "a", "h3", "", 0, &ticket),
                             LEASE_CONFIRMED);
        } else {
            assert_int_equal(account.suppressed, 0);
        }
        lease_table_free(table);
    }
    table = NULL;
}

static void what_is_held_or_confirmed_is_known(void **state)
{
    struct ticket ticket;

    (void)state;
    start(10, 30, true);
    assert_false(lease_knows(table, SLICE("a"), at(100)));
    ticket = arrive(100, "a", "h1");
    assert_true(lease_knows(table, SLICE("a"), at(100)));
    assert_false(lease_knows(table, SLICE("b"), at(100)));
    lease_delete(table, ticket);
    assert_sending(ticket, "h1");
    assert_int_equal(lease_deleted(table, ticket, at(101)), LEASE_DONE);
    assert_true(lease_knows(table, SLICE("a"), at(102)));
    assert_false(lease_knows(table, SLICE("a"), at(101 + 601)));
}

static void the_number_of_remembered_ids_is_bounded(void **state)
{
    struct ticket ticket;
    char id[16];

    (void)state;
    account = (struct account){0};
    table = lease_table_new(&(struct lease_options){
        .slots = 10, .confirmed_max = 4, .visibility = sl_sec(30), .account = &account});
    for (int i = 0; i < 6; i++) {
        snprintf(id, sizeof(id), "m%d", i);
        ticket = arrive(100, id, "h");
        lease_delete(table, ticket);
        lease_deleted(table, ticket, at(100));
    }
    for (int i = 0; i < 6; i++) {
        snprintf(id, sizeof(id), "m%d", i);
        assert_int_equal(arrive_in_run(101, id, "h", "", 0, &ticket),
                         i < 2 ? LEASE_NEW : LEASE_CONFIRMED);
    }
}

static void without_room_an_event_counts_as_expired(void **state)
{
    struct ticket ticket;

    (void)state;
    start(2, 30, true);
    arrive(100, "a", "h");
    arrive(100, "b", "h");
    assert_int_equal(arrive_in_run(100, "c", "h", "", 0, &ticket), LEASE_NO_ROOM);
    assert_int_equal(ticket.generation, 0);
    assert_int_equal(lease_state_of(table, ticket), LEASE_FREE);
    assert_false(lease_holds(table, ticket, at(100)));
    assert_int_equal(arrive_in_run(100, "b", "h2", "", 0, &ticket), LEASE_MERGED);
    lease_arrive_unfit(table);
    assert_int_equal(account.received, 5);
    assert_int_equal(account.expired, 2);
    assert_int_equal(lease_held(table), 2);
}

static void everything_left_is_abandoned_at_the_end(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket tickets[4], seen;
    uint32_t cursor = 0, visited = 0;
    size_t lost;

    (void)state;
    start(10, 30, true);
    tickets[0] = arrive(100, "a", "h");
    tickets[1] = arrive(100, "b", "h");
    tickets[2] = arrive(100, "c", "h");
    tickets[3] = arrive(120, "d", "h");
    lease_due(table, at(114), due, &lost);
    lease_delete(table, tickets[1]);
    lease_return(table, tickets[2], 0, LEASE_UNSENT, at(114));
    while (lease_next(table, &cursor, &seen))
        assert_memory_equal(&seen, &tickets[visited++], sizeof(seen));
    assert_int_equal(visited, 4);
    assert_int_equal(lease_abandon_all(table), 4);
    assert_int_equal(account.abandoned, 4);
    assert_int_equal(account.in_doubt, 1);
    assert_int_equal(lease_held(table), 0);
    assert_int_equal(lease_next_due(table).ns, SL_NEVER.ns);
    for (int i = 0; i < 4; i++)
        assert_int_equal(lease_state_of(table, tickets[i]), LEASE_FREE);
    cursor = 0;
    assert_false(lease_next(table, &cursor, &seen));
}

static void ids_that_look_alike_are_told_apart(void **state)
{
    static const char *const ids[] = {
        "",
        "a",
        "a ",
        "ec354010-c35d-4481-9030-e55cbf0c7922",
        "ec354010-c35d-4481-9030-e55cbf0c7923",
        "EC354010-c35d-4481-9030-e55cbf0c7922",
        "ec354010-c35d-4481-9030-e55cbf0c792g",
        "ec354010-c35d-4481-9030+e55cbf0c7922",
        "ec354010c35d44819030e55cbf0c7922",
    };
    struct ticket ticket;

    (void)state;
    start(20, 30, true);
    for (size_t i = 0; i < COUNT(ids); i++)
        arrive(100, ids[i], "h");
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_int_equal(arrive_in_run(101, ids[i], "h", "", 0, &ticket), LEASE_MERGED);
}

/* Two ids that one place of the index is for: found by search. */
static void ids_of_one_hash_are_told_apart(void **state)
{
    static const char *const ids[] = {"ec354010-c35d-4481-9030-e55cbf0282c2",
                                      "ec354010-c35d-4481-9030-e55cbf00225c"};
    struct ticket one, other, again;

    (void)state;
    start(20, 30, true);
    one = arrive(100, ids[0], "h1");
    other = arrive(100, ids[1], "h2");
    assert_sending(one, "h1");
    assert_sending(other, "h2");
    assert_int_equal(arrive_in_run(101, ids[1], "h3", "", 0, &again), LEASE_MERGED);
    assert_int_equal(again.slot, other.slot);
    assert_sending(one, "h1");
    lease_delete(table, one);
    lease_deleted(table, one, at(102));
    assert_int_equal(lease_return(table, other, 0, LEASE_UNSENT, at(102)), LEASE_RETURN_QUEUE);
    assert_sending(other, "h3");
    assert_int_equal(lease_returned(table, other), LEASE_DONE);
    assert_int_equal(arrive_in_run(103, ids[1], "h4", "", 0, &again), LEASE_NEW);
    assert_int_equal(arrive_in_run(103, ids[0], "h5", "", 0, &again), LEASE_CONFIRMED);
}

/* ---- FIFO ---- */

/* The names' hashes are equal: found by search. */
static void groups_of_one_hash_are_kept_apart(void **state)
{
    static const char *const names[][2] = {{"pstifj", "scllyc"}, {"hlnnqc", "yebgw"}};
    struct ticket first, second, other, plain;

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        start(20, 30, true);
        first = arrive_fifo(100, "a1", names[i][0], 1);
        other = arrive_fifo(101, "b1", names[i][1], 2);
        second = arrive_fifo(102, "a2", names[i][0], 3);
        plain = arrive(102, "c", "h");
        assert_true(lease_run_may_go(table, first));
        assert_true(lease_run_may_go(table, other));
        assert_false(lease_run_may_go(table, second));
        assert_true(lease_share_group(table, first, second));
        assert_false(lease_share_group(table, first, other));
        assert_false(lease_share_group(table, plain, first));
        assert_false(lease_share_group(table, plain, plain));
        lease_delete(table, other);
        lease_deleted(table, other, at(103));
        assert_false(lease_run_may_go(table, second));
        lease_delete(table, first);
        lease_deleted(table, first, at(103));
        assert_true(lease_run_may_go(table, second));
        stop(NULL);
    }
}

static void a_run_waits_for_the_earlier_runs_of_its_group(void **state)
{
    struct ticket a1, a2, b1, a3, a4;

    (void)state;
    start(20, 30, true);
    a1 = arrive_fifo(100, "a1", "A", 1);
    a2 = arrive_fifo(100, "a2", "A", 1);
    b1 = arrive_fifo(100, "b1", "B", 1);
    a3 = arrive_fifo(101, "a3", "A", 2);
    a4 = arrive_fifo(102, "a4", "A", 3);
    assert_true(lease_run_may_go(table, a1));
    assert_true(lease_run_may_go(table, a2));
    assert_true(lease_run_may_go(table, b1));
    assert_false(lease_run_may_go(table, a3));
    lease_delete(table, a1);
    lease_deleted(table, a1, at(103));
    assert_false(lease_run_may_go(table, a3));
    /* The middle run settles first: the last one still waits for the first. */
    lease_return(table, a3, 0, LEASE_UNSENT, at(103));
    lease_returned(table, a3);
    assert_false(lease_run_may_go(table, a4));
    lease_delete(table, a2);
    assert_false(lease_run_may_go(table, a4)); /* its delete is not acknowledged yet */
    lease_deleted(table, a2, at(104));
    assert_true(lease_run_may_go(table, a4));
    assert_true(lease_run_may_go(table, b1));
}

static void a_run_is_extended_all_or_nothing(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket single, runs[3][6];
    size_t lost;

    (void)state;
    start(30, 30, true);
    single = arrive_fifo(100, "single", "S", 1);
    for (unsigned r = 0; r < 3; r++) {
        for (int i = 0; i < 6; i++) {
            char id[16];

            snprintf(id, sizeof(id), "r%u-%d", r, i);
            runs[r][i] = arrive_fifo(100 + r, id, r < 2 ? "A" : "B", r);
        }
    }
    lease_delete(table, runs[0][0]);
    /* single and the five of the first run; the second run does not fit any more. */
    assert_int_equal(lease_due(table, at(118), due, &lost), 6);
    assert_int_equal(lease_state_of(table, single), LEASE_EXTENDING);
    assert_int_equal(lease_state_of(table, runs[0][5]), LEASE_EXTENDING);
    assert_int_equal(lease_state_of(table, runs[1][0]), LEASE_HELD);
    assert_true(lease_next_due(table).ns <= at(118).ns);
    assert_int_equal(lease_due(table, at(118), due, &lost), 6);
    assert_memory_equal(&due[0].ticket, &runs[1][0], sizeof(struct ticket));
    assert_memory_equal(&due[5].ticket, &runs[1][5], sizeof(struct ticket));
    assert_int_equal(lease_due(table, at(118), due, &lost), 6);
    assert_int_equal(lease_due(table, at(118), due, &lost), 0);
}

static void a_run_of_more_than_a_call_is_extended_in_pieces(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    size_t lost;

    (void)state;
    start(30, 30, true);
    for (int i = 0; i < 13; i++) {
        char id[16];

        snprintf(id, sizeof(id), "m%d", i);
        arrive_fifo(100, id, "A", 1);
    }
    assert_int_equal(lease_due(table, at(114), due, &lost), 10);
    assert_int_equal(lease_due(table, at(114), due, &lost), 3);
}

static void what_is_behind_a_lost_lease_is_lost_with_it(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket m[4], other, again;
    size_t lost;

    (void)state;
    start(20, 30, true);
    for (int i = 0; i < 4; i++) {
        char id[16];

        snprintf(id, sizeof(id), "m%d", i);
        m[i] = arrive_fifo(100, id, "A", 1);
    }
    other = arrive_fifo(100, "other", "B", 1);
    assert_int_equal(lease_due(table, at(114), due, &lost), 5);
    lease_extended(table, &due[0], at(114));                    /* m0, before it in order */
    lease_extend_failed(table, &due[1], at(114), true);         /* m1 */
    lease_extended(table, &due[2], at(114));                    /* m2 */
    lease_extended(table, &due[4], at(114));                    /* other */
    assert_int_equal(lease_due(table, at(129), due, &lost), 2); /* m0 and other are at half-life */
    assert_int_equal(lost, 2);
    assert_int_equal(lease_state_of(table, m[1]), LEASE_LOST);
    assert_int_equal(lease_state_of(table, m[2]), LEASE_LOST);
    assert_int_equal(lease_state_of(table, m[3]), LEASE_EXTENDING);
    assert_true(lease_holds(table, m[0], at(129)));
    assert_true(lease_holds(table, other, at(129)));
    /* m3's answer comes late: it is behind m1 all the same. */
    lease_extended(table, &(struct lease_extension){m[3], 30}, at(128));
    assert_int_equal(lease_state_of(table, m[3]), LEASE_LOST);
    /* The queue gives them again: a copy does not bring a lease back, as one before it may come again too. */
    assert_int_equal(arrive_in_run(131, "m1", "h", "A", 2, &again), LEASE_MERGED);
    assert_int_equal(lease_state_of(table, m[1]), LEASE_LOST);
    assert_int_equal(arrive_in_run(131, "m2", "h", "A", 2, &again), LEASE_MERGED);
    assert_int_equal(lease_state_of(table, m[2]), LEASE_LOST);
}

static void what_is_being_extended_behind_a_lost_lease_is_lost_with_it(void **state)
{
    struct lease_extension due[LEASE_CALL_MAX];
    struct ticket first, second;
    size_t lost;

    (void)state;
    start(10, 30, true);
    first = arrive_fifo(100, "m0", "A", 1);
    second = arrive_fifo(100.5, "m1", "A", 2);
    for (double now = 114; now < 128; now += 2.5) { /* the last call for the second hangs */
        size_t n = lease_due(table, at(now), due, &lost);

        for (size_t i = 0; i < n; i++)
            if (due[i].ticket.slot == first.slot || now < 123)
                assert_false(lease_extend_failed(table, &due[i], at(now), false));
    }
    assert_int_equal(lease_state_of(table, second), LEASE_EXTENDING);
    assert_true(lease_holds(table, second, at(128.9)));
    assert_int_equal(lease_due(table, at(129), due, &lost), 0);
    assert_int_equal(lease_state_of(table, first), LEASE_LOST);
    assert_int_equal(lease_return(table, first, 0, LEASE_UNSENT, at(129.2)), LEASE_RETURN_GONE);
    assert_false(lease_holds(table, second, at(129.2)));
    assert_false(lease_extended(table, &(struct lease_extension){second, 30}, at(123)));
    assert_int_equal(lease_state_of(table, second), LEASE_LOST);
}

/* ---- against a model ---- */

enum { EVENTS = 60, STEPS = 200000, VISIBILITY = 30 };

/* What the queue knows of an event, and what we did with it. */
struct model {
    char id[40], handle[16];
    uint32_t group;
    bool is_gone;      /* deleted at the queue */
    bool is_confirmed; /* the service has it */
    double visible_at; /* at the queue */
    bool is_held;      /* has a ticket */
    bool is_ended;     /* a verdict was given */
    struct ticket ticket;
    unsigned handles;
};

static struct model events[EVENTS];
static uint64_t prng;

static uint64_t rnd(uint64_t n)
{
    prng = prng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (prng >> 33) % n;
}

static struct model *model_of(struct ticket ticket)
{
    for (int i = 0; i < EVENTS; i++) {
        if (events[i].is_held && events[i].ticket.slot == ticket.slot &&
            events[i].ticket.generation == ticket.generation)
            return &events[i];
    }
    fail();
    return NULL;
}

/* The queue gives out an event that is visible, or, one time in ten, one that is not. */
static void model_receive(double now, uint32_t run)
{
    struct model *m = &events[rnd(EVENTS)];
    struct ticket ticket;
    char group[16] = "";
    enum lease_arrived arrived;

    if (m->is_gone || (m->visible_at > now && rnd(10) > 0))
        return;
    snprintf(m->handle, sizeof(m->handle), "h%u", ++m->handles);
    if (m->group > 0)
        snprintf(group, sizeof(group), "g%u", m->group);
    m->visible_at = now + VISIBILITY;
    arrived = arrive_in_run(now + 0.01, m->id, m->handle, group, run, &ticket);
    assert_int_equal(arrived, m->is_held        ? LEASE_MERGED
                              : m->is_confirmed ? LEASE_CONFIRMED
                                                : LEASE_NEW);
    if (arrived == LEASE_MERGED)
        assert_memory_equal(&ticket, &m->ticket, sizeof(ticket));
    m->is_held = true;
    m->is_ended = arrived == LEASE_CONFIRMED || (arrived == LEASE_MERGED && m->is_ended);
    m->ticket = ticket;
}

static void assert_newest(struct model *m)
{
    assert_true(slice_is(lease_sending(table, m->ticket), m->handle));
}

static void model_extend(double now)
{
    struct lease_extension due[LEASE_CALL_MAX];
    size_t lost, n;

    do {
        n = lease_due(table, at(now), due, &lost);
        for (size_t i = 0; i < n; i++) {
            struct model *m = model_of(due[i].ticket);
            bool granted = rnd(4) > 0;

            assert_false(m->is_ended);
            assert_true(lease_is_alive(table, m->ticket, at(now)));
            assert_newest(m);
            if (granted && m->visible_at > now)
                m->visible_at = now + 0.005 + due[i].visibility_s;
            if (granted)
                assert_false(lease_extended(table, &due[i], at(now)));
            else
                assert_false(lease_extend_failed(table, &due[i], at(now + 0.01), rnd(8) == 0));
        }
    } while (lease_next_due(table).ns <= at(now).ns);
}

static void model_verdict(double now)
{
    struct model *m = &events[rnd(EVENTS)];

    if (!m->is_held || m->is_ended)
        return;
    m->is_ended = true;
    if (rnd(3) > 0) {
        m->is_confirmed = true;
        lease_delete(table, m->ticket);
    } else if (lease_return(table, m->ticket, (unsigned)rnd(20), LEASE_REFUSED, at(now)) ==
               LEASE_RETURN_GONE) {
        m->is_held = m->is_ended = false;
    }
}

static void model_settle(double now)
{
    struct model *m = &events[rnd(EVENTS)];
    bool is_delete, works = rnd(4) > 0;
    enum lease_done done;

    if (!m->is_held || !m->is_ended)
        return;
    is_delete = lease_state_of(table, m->ticket) == LEASE_DELETING;
    if (works || lease_is_alive(table, m->ticket, at(now)))
        assert_newest(m);
    if (!works && lease_is_alive(table, m->ticket, at(now)))
        return;
    if (works && is_delete)
        m->is_gone = true;
    if (works && !is_delete)
        m->visible_at = now + lease_return_delay_s(table, m->ticket);
    done = !works      ? lease_give_up(table, m->ticket, at(now))
           : is_delete ? lease_deleted(table, m->ticket, at(now))
                       : lease_returned(table, m->ticket);
    if (done == LEASE_DONE)
        m->is_held = m->is_ended = false;
}

/* What must hold at any moment. */
static void model_check(double now)
{
    uint32_t held = 0;

    for (int i = 0; i < EVENTS; i++) {
        struct model *m = &events[i];

        held += m->is_held;
        if (!m->is_held)
            continue;
        if (lease_is_alive(table, m->ticket, at(now)))
            assert_true(m->visible_at > now || m->is_gone);
        if (lease_holds(table, m->ticket, at(now)))
            assert_false(m->is_ended);
        if (m->group == 0)
            assert_true(lease_run_may_go(table, m->ticket));
    }
    assert_int_equal(lease_held(table), held);
    assert_int_equal(account_open(&account), held);
}

static void random_walks_agree_with_a_model(void **state)
{
    double now = 0;

    (void)state;
    prng = 20261123;
    start(EVENTS, VISIBILITY, true);
    for (int i = 0; i < EVENTS; i++) {
        events[i] = (struct model){.group = i < EVENTS / 2 ? 0 : (uint32_t)(1 + i % 5)};
        snprintf(events[i].id, sizeof(events[i].id), "event-%d", i);
    }
    for (uint32_t step = 0; step < STEPS; step++) {
        now += (double)rnd(1000) / 2000;
        model_extend(now);
        switch (rnd(3)) {
        case 0:
            model_receive(now, step);
            break;
        case 1:
            model_verdict(now);
            break;
        case 2:
            model_settle(now);
            break;
        default:
            break;
        }
        model_check(now);
        /* A new event takes the place of one that is gone, under a new id. */
        for (int i = 0; i < EVENTS; i++) {
            if (events[i].is_gone && !events[i].is_held) {
                events[i] = (struct model){.group = events[i].group};
                snprintf(events[i].id, sizeof(events[i].id), "event-%d-%u", i, step);
            }
        }
    }
    print_message("received %llu, deleted %llu, returned %llu, expired %llu, merged %llu, "
                  "suppressed %llu\n",
                  (unsigned long long)account.received, (unsigned long long)account.deleted,
                  (unsigned long long)account.returned, (unsigned long long)account.expired,
                  (unsigned long long)account.merged, (unsigned long long)account.suppressed);
    assert_true(account.deleted > 1000 && account.returned > 1000 && account.expired > 100 &&
                account.merged > 100 && account.suppressed > 10);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_teardown(name, stop)
    const struct CMUnitTest tests[] = {
        STORY(an_event_is_held_confirmed_and_deleted),
        STORY(an_event_is_refused_and_returned),
        STORY(the_deadline_is_never_later_than_the_queues),
        STORY(extensions_are_due_at_half_life_and_count_from_their_sending),
        STORY(a_failed_extension_is_tried_each_twelfth_until_a_sixth_is_left),
        STORY(an_extension_that_fails_late_is_tried_when_a_sixth_is_left),
        STORY(an_extension_refused_for_good_is_not_tried_again),
        STORY(without_permission_to_extend_nothing_is_held_past_its_lease),
        STORY(a_lease_longer_than_the_visibility_is_extended_towards_its_end),
        STORY(twelve_hours_are_the_end),
        STORY(calls_hold_up_to_ten_and_take_along_what_is_due_soon),
        STORY(no_extension_after_a_delete_or_return_was_begun),
        STORY(a_delete_overtakes_an_extension_and_a_return_waits_for_it),
        STORY(the_outcome_of_a_lost_lease_is_honoured),
        STORY(a_second_copy_is_merged_and_its_handle_counts),
        STORY(an_older_copy_that_comes_last_changes_nothing),
        STORY(a_copy_revives_a_lost_lease_and_repeats_a_return),
        STORY(what_can_not_be_settled_is_given_up),
        STORY(confirmed_ids_are_remembered_for_a_time),
        STORY(what_is_held_or_confirmed_is_known),
        STORY(the_number_of_remembered_ids_is_bounded),
        STORY(without_room_an_event_counts_as_expired),
        STORY(everything_left_is_abandoned_at_the_end),
        STORY(ids_that_look_alike_are_told_apart),
        STORY(ids_of_one_hash_are_told_apart),
        STORY(groups_of_one_hash_are_kept_apart),
        STORY(a_run_waits_for_the_earlier_runs_of_its_group),
        STORY(a_run_is_extended_all_or_nothing),
        STORY(a_run_of_more_than_a_call_is_extended_in_pieces),
        STORY(what_is_behind_a_lost_lease_is_lost_with_it),
        STORY(what_is_being_extended_behind_a_lost_lease_is_lost_with_it),
        STORY(random_walks_agree_with_a_model),
    };
#undef STORY

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Channels: Go's specification, and what this library adds to it (contexts first, closed senders told). */
#include "test/unit/lib/world.h"

WORLD_TEST(rendezvous_hands_over_and_only_then_returns)
{
    struct ints *ch = ints_new(ctx, 0, NULL);
    static int sent, value = 0;

    go_send(ctx, ch, 42, &sent);
    settle();
    assert_int_equal(sent, -1);
    assert_int_equal(ints_len(ch), 0);
    assert_int_equal(ints_recv(ch, ctx, &value), SL_OK);
    assert_int_equal(value, 42);
    settle();
    assert_int_equal(sent, SL_OK);
}

WORLD_TEST(receiver_first_gets_it_too)
{
    struct ints *ch = ints_new(ctx, 0, NULL);
    static int received, value = 0;

    go_recv(ctx, ch, &value, &received);
    settle();
    assert_int_equal(received, -1);
    assert_int_equal(ints_send(ch, ctx, 7), SL_OK);
    assert_int_equal(value, 7); /* copied at the commit, before the receiver runs */
    assert_int_equal(received, -1);
    settle();
    assert_int_equal(received, SL_OK);
}

WORLD_TEST(buffer_is_a_queue)
{
    struct ints *ch = ints_new(ctx, 3, NULL);
    static int value, sent;

    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(ints_send(ch, ctx, i), SL_OK);
        assert_int_equal(ints_len(ch), 3);
        go_send(ctx, ch, 3, &sent);
        settle();
        assert_int_equal(sent, -1);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(ints_recv(ch, ctx, &value), SL_OK);
            assert_int_equal(value, i);
        }
        settle();
        assert_int_equal(sent, SL_OK);
        assert_int_equal(ints_len(ch), 0);
    }
}

WORLD_TEST(waiting_senders_and_receivers_are_served_in_order)
{
    struct ints *ch = ints_new(ctx, 0, NULL);
    static int results[5], values[5], value;

    for (int i = 0; i < 5; i++)
        go_send(ctx, ch, i, &results[i]);
    settle();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ints_recv(ch, ctx, &value), SL_OK);
        assert_int_equal(value, i);
    }
    for (int i = 0; i < 5; i++)
        go_recv(ctx, ch, &values[i], &results[i]);
    settle();
    for (int i = 0; i < 5; i++)
        assert_int_equal(ints_send(ch, ctx, 10 + i), SL_OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(values[i], 10 + i);
}

WORLD_TEST(close_wakes_receivers)
{
    struct ints *ch = ints_new(ctx, 0, NULL);
    static int results[3], value = 99;

    for (int i = 0; i < 3; i++)
        go_recv(ctx, ch, &value, &results[i]);
    settle();
    ints_close(ch);
    settle();
    for (int i = 0; i < 3; i++)
        assert_int_equal(results[i], SL_CLOSED);
    assert_int_equal(value, 99);
    assert_int_equal(ints_recv(ch, ctx, &value), SL_CLOSED);
    assert_true(sl_chan_is_closed(ints_chan(ch)));
}

WORLD_TEST(close_tells_senders_that_nobody_took_it)
{
    for (size_t capacity = 0; capacity < 2; capacity++) {
        struct ints *ch = ints_new(ctx, capacity, NULL);
        static int results[3], value = 0;

        for (int i = 0; i < (int)capacity; i++)
            assert_int_equal(ints_send(ch, ctx, 5), SL_OK);
        for (int i = 0; i < 3; i++)
            go_send(ctx, ch, i, &results[i]);
        settle();
        ints_close(ch);
        settle();
        for (int i = 0; i < 3; i++)
            assert_int_equal(results[i], SL_CLOSED);
        for (int i = 0; i < (int)capacity; i++)
            assert_int_equal(ints_recv(ch, ctx, &value), SL_OK);
        assert_int_equal(ints_recv(ch, ctx, &value), SL_CLOSED);
    }
}

WORLD_TEST(what_was_sent_before_the_close_is_received)
{
    struct ints *ch = ints_new(ctx, 4, NULL);
    int value;

    for (int i = 0; i < 3; i++)
        assert_int_equal(ints_send(ch, ctx, i), SL_OK);
    ints_close(ch);
    assert_int_equal(ints_send(ch, ctx, 3), SL_CLOSED);
    assert_int_equal(ints_try_send(ch, 3), SL_CLOSED);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ints_recv(ch, ctx, &value), SL_OK);
        assert_int_equal(value, i);
    }
    assert_int_equal(ints_recv(ch, ctx, &value), SL_CLOSED);
    assert_int_equal(ints_try_recv(ch, &value), SL_CLOSED);
}

WORLD_TEST(try_never_waits)
{
    struct ints *ch = ints_new(ctx, 1, NULL), *rendezvous = ints_new(ctx, 0, NULL);
    static int value = 0, received;

    assert_int_equal(ints_try_recv(ch, &value), SL_WOULD_BLOCK);
    assert_int_equal(ints_try_send(ch, 1), SL_OK);
    assert_int_equal(ints_try_send(ch, 2), SL_WOULD_BLOCK);
    assert_int_equal(ints_try_recv(ch, &value), SL_OK);
    assert_int_equal(value, 1);
    assert_int_equal(ints_try_send(rendezvous, 1), SL_WOULD_BLOCK);
    go_recv(ctx, rendezvous, &value, &received);
    settle();
    assert_int_equal(ints_try_send(rendezvous, 3), SL_OK);
    assert_int_equal(value, 3);
}

WORLD_TEST(null_waits_until_the_context_ends)
{
    sl_time start = sl_now();
    struct sl_ctx *scope = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SL_DUR_MS(50)});
    int value;

    assert_int_equal(ints_send(NULL, scope, 1), SL_TIMEOUT);
    assert_int_equal(ms_since(start), 50);
    assert_int_equal(ints_recv(NULL, scope, &value), SL_TIMEOUT);
    assert_int_equal(sl_ctx_leave(scope), -ETIMEDOUT);
    scope = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SL_DUR_MS(50)});
    assert_int_equal(ints_recv(NULL, scope, &value), SL_TIMEOUT);
    sl_ctx_leave(scope);
    assert_int_equal(ints_try_send(NULL, 1), SL_WOULD_BLOCK);
    assert_int_equal(ints_try_recv(NULL, &value), SL_WOULD_BLOCK);
    assert_int_equal(ints_recv_until(NULL, ctx, sl_time_add(sl_now(), sl_ms(5)), &value),
                     SL_TIMEOUT);
    assert_int_equal(ms_since(start), 105);
    assert_int_equal(ints_len(NULL), 0);
    assert_int_equal(sl_chan_cap(NULL), 0);
    assert_false(sl_chan_is_closed(NULL));
    ints_free(NULL);
}

WORLD_TEST(context_comes_first)
{
    struct ints *ch = ints_new(ctx, 2, ints_forget);
    struct sl_ctx *dead = sl_ctx_new(ctx, NULL);
    int value = 99;

    assert_int_equal(ints_send(ch, ctx, 1), SL_OK);
    sl_ctx_cancel(dead, 0);
    assert_int_equal(ints_recv(ch, dead, &value), SL_CANCELED);
    assert_int_equal(ints_recv_until(ch, dead, SL_NEVER, &value), SL_CANCELED);
    assert_int_equal(value, 99);
    assert_int_equal(ints_send(ch, dead, 2), SL_CANCELED);
    assert_int_equal(ints_len(ch), 1);
    ints_close(ch);
    assert_int_equal(ints_send(ch, dead, 2), SL_CANCELED);
    sl_ctx_leave(dead);
}

WORLD_TEST(cancel_ends_waits_and_leaves_no_trace)
{
    struct ints *ch = ints_new(ctx, 0, NULL);
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    static int sent[2], received, value = 99;

    go_send(scope, ch, 1, &sent[0]);
    go_send(ctx, ch, 2, &sent[1]);
    settle();
    sl_ctx_cancel(scope, 0);
    settle();
    assert_int_equal(sent[0], SL_CANCELED);
    assert_int_equal(sent[1], -1);
    assert_int_equal(ints_recv(ch, ctx, &value), SL_OK);
    assert_int_equal(value, 2);
    sl_ctx_leave(scope);

    scope = sl_ctx_new(ctx, NULL);
    go_recv(scope, ch, &value, &received);
    settle();
    sl_ctx_cancel(scope, 0);
    assert_int_equal(ints_try_send(ch, 3), SL_WOULD_BLOCK); /* at once, not when the task runs */
    settle();
    assert_int_equal(received, SL_CANCELED);
    assert_int_equal(value, 2);
    sl_ctx_leave(scope);
}

WORLD_TEST(committed_then_cancelled_is_ok)
{
    struct ints *ch = ints_new(ctx, 0, NULL);
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    static int sent, received, value = 0;

    go_send(scope, ch, 1, &sent);
    settle();
    assert_int_equal(ints_recv(ch, ctx, &value), SL_OK);
    sl_ctx_cancel(scope, 0);
    settle();
    assert_int_equal(sent, SL_OK);
    sl_ctx_leave(scope);

    scope = sl_ctx_new(ctx, NULL);
    go_recv(scope, ch, &value, &received);
    settle();
    assert_int_equal(ints_send(ch, ctx, 2), SL_OK);
    sl_ctx_cancel(scope, 0);
    ints_close(ch);
    settle();
    assert_int_equal(received, SL_OK);
    assert_int_equal(value, 2);
    sl_ctx_leave(scope);
}

WORLD_TEST(deadline_is_a_timeout)
{
    struct ints *ch = ints_new(ctx, 0, NULL);
    struct sl_ctx *scope = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SL_DUR_SEC(3)});
    sl_time start = sl_now();
    int value;

    assert_int_equal(ints_recv(ch, scope, &value), SL_TIMEOUT);
    assert_int_equal(ms_since(start), 3000);
    assert_int_equal(ints_send(ch, scope, 1), SL_TIMEOUT);
    assert_int_equal(sl_ctx_leave(scope), -ETIMEDOUT);
}

WORLD_TEST(receive_until)
{
    struct ints *ch = ints_new(ctx, 1, NULL);
    sl_time start = sl_now(), until = sl_time_add(start, sl_ms(20));
    static int value = 0, sent;

    assert_int_equal(ints_recv_until(ch, ctx, until, &value), SL_TIMEOUT);
    assert_int_equal(ms_since(start), 20);
    assert_int_equal(ints_recv_until(ch, ctx, until, &value), SL_TIMEOUT);
    go_send(ctx, ch, 4, &sent);
    assert_int_equal(ints_recv_until(ch, ctx, sl_time_add(sl_now(), sl_ms(20)), &value), SL_OK);
    assert_int_equal(value, 4);
    assert_int_equal(ms_since(start), 20);
    assert_int_equal(sl_sleep(ctx, sl_ms(30)), SL_OK); /* longer than the limit that is still set */
    assert_int_equal(ms_since(start), 50);
    ints_close(ch);
    assert_int_equal(ints_recv_until(ch, ctx, SL_NEVER, &value), SL_CLOSED);
}

static int dropped[8];
static int dropped_count;

static void drop_int(int *value)
{
    dropped[dropped_count++] = *value;
}

static void drop_any(void *value)
{
    dropped[dropped_count++] = *(int *)value;
}

WORLD_TEST(leaving_drops_what_is_inside)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct ints *typed = ints_new(scope, 3, drop_int);
    struct sl_chan *plain = sl_chan_new(scope, sizeof(int), 2, drop_any);
    int value;

    dropped_count = 0;
    for (int i = 1; i <= 3; i++)
        assert_int_equal(ints_send(typed, ctx, i), SL_OK);
    assert_int_equal(ints_recv(typed, ctx, &value), SL_OK);
    assert_int_equal(ints_send(typed, ctx, 4), SL_OK); /* the ring has wrapped */
    value = 10;
    assert_int_equal(sl_chan_send(plain, ctx, &value), SL_OK);
    sl_ctx_leave(scope);
    assert_int_equal(dropped_count, 4);
    assert_int_equal(dropped[0] + dropped[1] + dropped[2] + dropped[3], 2 + 3 + 4 + 10);
}

WORLD_TEST(free_before_the_scope_ends)
{
    struct ints *ch = ints_new(ctx, 2, drop_int);

    dropped_count = 0;
    assert_int_equal(ints_send(ch, ctx, 8), SL_OK);
    ints_free(ch);
    assert_int_equal(dropped_count, 1);
    assert_int_equal(dropped[0], 8);
}

struct wide {
    char bytes[100];
};

SL_CHAN_OF(wides, struct wide);
SL_CHAN_OF(bytes, char);

WORLD_TEST(elements_of_any_size)
{
    struct wides *wides = wides_new(ctx, 2, NULL);
    struct bytes *bytes = bytes_new(ctx, 2, NULL);
    struct sl_chan *nothing = sl_chan_new(ctx, 0, 2, NULL);
    struct wide in, out;
    char byte = 0;

    memset(&in, 'x', sizeof(in));
    assert_int_equal(wides_send(wides, ctx, in), SL_OK);
    assert_int_equal(wides_recv(wides, ctx, &out), SL_OK);
    assert_memory_equal(&in, &out, sizeof(in));
    assert_int_equal(bytes_send(bytes, ctx, 'y'), SL_OK);
    assert_int_equal(bytes_recv(bytes, ctx, &byte), SL_OK);
    assert_int_equal(byte, 'y');
    assert_int_equal(sl_chan_send(nothing, ctx, NULL), SL_OK);
    assert_int_equal(sl_chan_recv(nothing, ctx, NULL), SL_OK);
    assert_int_equal(sl_chan_elem_size(bytes_chan(bytes)), 1);
    assert_int_equal(sl_chan_cap(bytes_chan(bytes)), 2);
}

struct aligned {
    _Alignas(SL_ALIGN_MAX) char bytes[SL_ALIGN_MAX];
};

SL_CHAN_OF(aligneds, struct aligned);

static int drops_aligned;

static void drop_aligned(struct aligned *value)
{
    drops_aligned += (uintptr_t)value % SL_ALIGN_MAX == 0;
}

struct takes_aligned {
    struct aligned value;
    bool *is_aligned;
};

SL_TASK(takes_aligned)
{
    *my->is_aligned = (uintptr_t)my % SL_ALIGN_MAX == 0;
    return 0;
}

struct makes_aligned {
    struct aligned value;
};

SL_GENERATOR(makes_aligned, ints)
{
    return ints_send(out, ctx, (uintptr_t)my % SL_ALIGN_MAX == 0);
}

/* A stricter one does not compile. */
WORLD_TEST(what_is_copied_keeps_its_alignment)
{
    struct aligneds *ch = aligneds_new(ctx, 3, drop_aligned);
    bool is_aligned = false;
    int generated = 0;

    drops_aligned = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(aligneds_send(ch, ctx, (struct aligned){{'x'}}), SL_OK);
    aligneds_free(ch);
    assert_int_equal(drops_aligned, 3);
    SL_GO(ctx, takes_aligned, .is_aligned = &is_aligned);
    assert_int_equal(ints_recv(SL_GENERATE(ctx, makes_aligned, .value = {{0}}), ctx, &generated),
                     SL_OK);
    assert_true(is_aligned);
    assert_true(generated);
}

/* One to four words are copied in another way than the rest: no byte too few, none beyond. */
WORLD_TEST(elements_of_every_size_are_copied_whole)
{
    unsigned char in[72], out[72], expected[72];

    for (size_t size = 0; size <= 64; size++) {
        struct sl_chan *ch = sl_chan_new(ctx, size, 3, NULL);

        for (int round = 0; round < 4; round++) {
            for (size_t i = 0; i < sizeof(in); i++)
                in[i] = (unsigned char)(size + 17 * i + 31 * (size_t)round + 1);
            memset(out, 0, sizeof(out));
            memset(expected, 0, sizeof(expected));
            memcpy(expected, in, size);
            assert_int_equal(sl_chan_send(ch, ctx, in), SL_OK);
            assert_int_equal(sl_chan_recv(ch, ctx, out), SL_OK);
            assert_memory_equal(out, expected, sizeof(out));
        }
        sl_chan_free(ch);
    }
}

WORLD_TEST(no_memory_cancels_the_scope)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    assert_null(sl_chan_new(scope, SIZE_MAX / 2, 3, NULL));
    assert_int_equal(sl_ctx_cause(scope), -ENOMEM);
    assert_int_equal(sl_ctx_leave(scope), -ENOMEM);
    scope = sl_ctx_new(ctx, NULL);
    assert_null(sl_chan_new(scope, SIZE_MAX, 1, NULL)); /* with the channel itself it is too much */
    assert_int_equal(sl_ctx_leave(scope), -ENOMEM);
}

struct busy {
    struct ints *ch;
    int *done;
};

SL_TASK(busy)
{
    for (int i = 0; i < 1000; i++) {
        int value;

        if (ints_send(my->ch, ctx, i) != SL_OK || ints_recv(my->ch, ctx, &value) != SL_OK)
            break;
        ++*my->done;
    }
    return 0;
}

WORLD_TEST(a_busy_task_yields_after_128_operations)
{
    static int first, second;

    SL_GO(ctx, busy, .ch = ints_new(ctx, 1, ints_forget), .done = &first);
    SL_GO(ctx, busy, .ch = ints_new(ctx, 1, ints_forget), .done = &second);
    sl_yield();
    assert_int_equal(first, 64);
    assert_int_equal(second, 64);
    sl_yield();
    assert_int_equal(first, 128);
}

struct busy_until {
    struct ints *ch;
    int *done;
};

SL_TASK(busy_until)
{
    for (int i = 0; i < 1000; i++) {
        int value;

        if (ints_try_send(my->ch, i) != SL_OK ||
            ints_recv_until(my->ch, ctx, SL_NEVER, &value) != SL_OK)
            break;
        ++*my->done;
    }
    return 0;
}

WORLD_TEST(receiving_until_yields_too)
{
    static int first, second;

    SL_GO(ctx, busy_until, .ch = ints_new(ctx, 1, ints_forget), .done = &first);
    SL_GO(ctx, busy_until, .ch = ints_new(ctx, 1, ints_forget), .done = &second);
    sl_yield();
    assert_int_equal(first, 128);
    assert_int_equal(second, 128);
}

enum operation { SEND, RECV, RECV_UNTIL, SELECT, OPERATIONS };

struct busy_then {
    enum operation operation;
    struct sl_ctx *with;
    struct ints *ch;
    int *result;
};

static int operate(struct busy_then *my)
{
    int value = 0;
    struct sl_case cases[] = {ints_on_recv(my->ch, &value)};

    switch (my->operation) {
    case SEND:
        return ints_send(my->ch, my->with, 1);
    case RECV:
        return ints_recv(my->ch, my->with, &value);
    case RECV_UNTIL:
        return ints_recv_until(my->ch, my->with, SL_NEVER, &value);
    case SELECT:
        return sl_select(my->with, cases, 1) == 0 ? cases[0].result : SL_CANCELED;
    case OPERATIONS:
        break;
    }
    return -1;
}

/* 128 that do not wait, and then one after which it is others' turn. */
SL_TASK(busy_then)
{
    struct ints *own = ints_new(ctx, 1, ints_forget);
    int value;

    for (int i = 0; i < 64; i++) {
        assert_int_equal(ints_send(own, ctx, i), SL_OK);
        assert_int_equal(ints_recv(own, ctx, &value), SL_OK);
    }
    *my->result = operate(my);
    return 0;
}

static int result_of_busy;

static void go_busy_then(struct sl_ctx *ctx, enum operation o, struct sl_ctx *with, struct ints *ch)
{
    result_of_busy = -1;
    SL_GO(ctx, busy_then, .operation = o, .with = with, .ch = ch, .result = &result_of_busy);
    sl_yield();
    assert_int_equal(result_of_busy, -1);
}

WORLD_TEST(others_may_free_what_a_task_has_used_that_yields)
{
    for (enum operation o = SEND; o < OPERATIONS; o++) {
        struct sl_ctx *with = sl_ctx_new(ctx, NULL);
        struct ints *ch = ints_new(ctx, 2, ints_forget);

        assert_int_equal(ints_send(ch, ctx, 1), SL_OK);
        go_busy_then(ctx, o, with, ch);
        assert_int_equal(ints_len(ch), o == SEND ? 2 : 0); /* it is done */
        ints_free(ch);
        sl_ctx_leave(with);
        sl_yield();
        assert_int_equal(result_of_busy, SL_OK);
    }
}

WORLD_TEST(who_must_wait_waits_instead_of_yielding)
{
    for (enum operation o = SEND; o < OPERATIONS; o++) {
        struct sl_ctx *with = sl_ctx_new(ctx, NULL);
        struct ints *ch = ints_new(ctx, 0, NULL);

        go_busy_then(ctx, o, with, ch);
        sl_ctx_leave(with);
        sl_yield();
        assert_int_equal(result_of_busy, SL_CANCELED);
        ints_free(ch);
    }
}

struct insists {
    bool times_out;
    int *done;
};

/* Nothing of it waits, because it is over before. */
SL_TASK(insists)
{
    struct ints *ch = ints_new(ctx, 0, NULL);
    struct sl_ctx *over = sl_ctx_new(ctx, NULL);
    int value, result;

    sl_ctx_cancel(over, 0);
    for (; *my->done < 1000; ++*my->done) {
        if (my->times_out)
            result = ints_recv_until(ch, ctx, (sl_time){0}, &value);
        else
            result = ints_recv(ch, over, &value);
        assert_int_equal(result, my->times_out ? SL_TIMEOUT : SL_CANCELED);
    }
    sl_ctx_leave(over);
    return 0;
}

WORLD_TEST(operations_that_fail_at_once_yield_too)
{
    static int done;

    for (int times_out = 0; times_out < 2; times_out++) {
        done = 0;
        SL_GO(ctx, insists, .times_out = times_out, .done = &done);
        sl_yield();
        assert_int_equal(done, 128);
        assert_int_equal(sl_sleep(ctx, sl_ms(1)), SL_OK);
        assert_int_equal(done, 1000);
    }
}

/* The times that they are given count, and a context that has ended counts more. */
WORLD_TEST(receiving_without_a_context_or_a_channel)
{
    struct ints *ch = ints_new(ctx, 1, ints_forget);
    struct sl_ctx *over = sl_ctx_new(ctx, NULL);
    sl_time start = sl_now();
    int value = 0;

    assert_int_equal(ints_recv_until(NULL, NULL, sl_time_add(start, sl_ms(3)), &value), SL_TIMEOUT);
    assert_int_equal(ms_since(start), 3);
    assert_int_equal(ints_send(ch, NULL, 9), SL_OK);
    sl_ctx_cancel(over, 0);
    assert_int_equal(ints_recv_until(ch, over, SL_NEVER, &value), SL_CANCELED);
    assert_int_equal(value, 0);
    assert_int_equal(ints_recv(ch, NULL, &value), SL_OK);
    assert_int_equal(value, 9);
    sl_ctx_leave(over);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rendezvous_hands_over_and_only_then_returns),
        cmocka_unit_test(receiver_first_gets_it_too),
        cmocka_unit_test(buffer_is_a_queue),
        cmocka_unit_test(waiting_senders_and_receivers_are_served_in_order),
        cmocka_unit_test(close_wakes_receivers),
        cmocka_unit_test(close_tells_senders_that_nobody_took_it),
        cmocka_unit_test(what_was_sent_before_the_close_is_received),
        cmocka_unit_test(try_never_waits),
        cmocka_unit_test(null_waits_until_the_context_ends),
        cmocka_unit_test(context_comes_first),
        cmocka_unit_test(cancel_ends_waits_and_leaves_no_trace),
        cmocka_unit_test(committed_then_cancelled_is_ok),
        cmocka_unit_test(deadline_is_a_timeout),
        cmocka_unit_test(receive_until),
        cmocka_unit_test(leaving_drops_what_is_inside),
        cmocka_unit_test(free_before_the_scope_ends),
        cmocka_unit_test(elements_of_any_size),
        cmocka_unit_test(what_is_copied_keeps_its_alignment),
        cmocka_unit_test(elements_of_every_size_are_copied_whole),
        cmocka_unit_test(no_memory_cancels_the_scope),
        cmocka_unit_test(a_busy_task_yields_after_128_operations),
        cmocka_unit_test(receiving_until_yields_too),
        cmocka_unit_test(others_may_free_what_a_task_has_used_that_yields),
        cmocka_unit_test(who_must_wait_waits_instead_of_yielding),
        cmocka_unit_test(operations_that_fail_at_once_yield_too),
        cmocka_unit_test(receiving_without_a_context_or_a_channel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Contexts: the tree, causes, deadlines, scopes, and who waits for whom. */
#include "test/unit/lib/world.h"

WORLD_TEST(live_until_cancelled_and_the_first_cause_counts)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, &(struct sl_ctx_options){.name = "scope"});

    assert_int_equal(sl_ctx_err(scope), SL_OK);
    assert_int_equal(sl_ctx_cause(scope), 0);
    assert_string_equal(sl_ctx_name(scope), "scope");
    sl_ctx_cancel(scope, -EIO);
    sl_ctx_cancel(scope, -EPERM);
    assert_int_equal(sl_ctx_err(scope), SL_CANCELED);
    assert_int_equal(sl_ctx_cause(scope), -EIO);
    assert_int_equal(sl_ctx_err(ctx), SL_OK);
    assert_int_equal(sl_ctx_leave(scope), -EIO);
    assert_int_equal(sl_ctx_err(NULL), SL_OK);
    assert_int_equal(sl_ctx_cause(NULL), 0);
}

WORLD_TEST(leaving_a_live_context_is_no_failure)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    assert_int_equal(sl_ctx_leave(scope), 0);
    scope = sl_ctx_new(ctx, NULL);
    sl_ctx_cancel(scope, 0);
    assert_int_equal(sl_ctx_cause(scope), -ECANCELED);
    assert_int_equal(sl_ctx_leave(scope), 0);
}

WORLD_TEST(cancellation_goes_down_the_tree_only)
{
    struct sl_ctx *top = sl_ctx_new(ctx, NULL), *left = sl_ctx_new(top, NULL);
    struct sl_ctx *right = sl_ctx_new(top, NULL), *leaf = sl_ctx_new(left, NULL);

    sl_ctx_cancel(left, -EIO);
    assert_int_equal(sl_ctx_cause(leaf), -EIO);
    assert_int_equal(sl_ctx_err(right), SL_OK);
    assert_int_equal(sl_ctx_err(top), SL_OK);
    sl_ctx_cancel(top, -EPERM);
    assert_int_equal(sl_ctx_cause(right), -EPERM);
    assert_int_equal(sl_ctx_cause(leaf), -EIO);
    leaf = sl_ctx_new(right, NULL); /* born cancelled */
    assert_int_equal(sl_ctx_cause(leaf), -EPERM);
    assert_int_equal(sl_ctx_leave(top), -EPERM);
}

WORLD_TEST(deadlines_only_come_nearer)
{
    sl_time start = sl_now();
    struct sl_ctx *outer = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SL_DUR_SEC(10)});
    struct sl_ctx *inner = sl_ctx_new(outer, &(struct sl_ctx_options){.timeout = SL_DUR_SEC(20)});

    assert_int_equal(sl_ctx_deadline(ctx).ns, INT64_MAX);
    assert_int_equal(sl_dur_ms(sl_time_sub(sl_ctx_deadline(inner), start)), 10000);
    sl_ctx_deadline_set(outer, sl_time_add(start, sl_sec(30)));
    sl_ctx_deadline_set(inner, sl_time_add(start, sl_sec(5)));
    assert_int_equal(sl_dur_ms(sl_time_sub(sl_ctx_deadline(inner), start)), 5000);
    assert_int_equal(sl_sleep(inner, sl_hours(1)), SL_TIMEOUT);
    assert_int_equal(ms_since(start), 5000);
    assert_int_equal(sl_ctx_err(outer), SL_OK);
    assert_int_equal(sl_ctx_leave(inner), -ETIMEDOUT);
    inner = sl_ctx_new(outer, NULL);
    assert_int_equal(sl_sleep(inner, sl_hours(1)), SL_TIMEOUT);
    assert_int_equal(ms_since(start), 10000);
    assert_int_equal(sl_ctx_err(inner), SL_TIMEOUT);
    assert_int_equal(sl_ctx_cause(inner), -ETIMEDOUT);
    assert_int_equal(sl_ctx_leave(inner), -ETIMEDOUT);
    assert_int_equal(sl_ctx_leave(outer), -ETIMEDOUT);
}

WORLD_TEST(a_deadline_in_the_past_is_over_at_once)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    sl_ctx_deadline_set(scope, sl_now());
    assert_int_equal(sl_ctx_err(scope), SL_TIMEOUT);
    sl_ctx_leave(scope);
    scope = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = {-1}});
    assert_int_equal(sl_ctx_err(scope), SL_TIMEOUT);
    sl_ctx_leave(scope);
}

struct sleeper {
    sl_dur d;
    int result;
    int *ended;
};

SL_TASK(sleeper)
{
    int result = sl_sleep(ctx, my->d);

    if (my->ended)
        ++*my->ended;
    return result == SL_OK ? my->result : 0;
}

WORLD_TEST(a_failing_task_cancels_its_siblings)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    sl_time start = sl_now();
    int ended = 0;

    SL_GO(scope, sleeper, .d = sl_sec(100), .ended = &ended);
    SL_GO(scope, sleeper, .d = sl_sec(1), .result = -EIO, .ended = &ended);
    SL_GO(scope, sleeper, .d = sl_sec(2), .result = -EPERM, .ended = &ended);
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_int_equal(ended, 3);
    assert_int_equal(ms_since(start), 1000);
    assert_int_equal(sl_ctx_err(ctx), SL_OK);
    assert_int_equal(sl_ctx_leave(scope), -EIO);
}

WORLD_TEST(positive_results_are_no_failures)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    SL_GO(scope, sleeper, .d = sl_ms(1), .result = SL_CLOSED);
    SL_GO(scope, sleeper, .d = sl_ms(1), .result = SL_CANCELED);
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_int_equal(sl_ctx_err(scope), SL_OK);
    assert_int_equal(sl_ctx_leave(scope), 0);
}

WORLD_TEST(keep_going_keeps_going_and_remembers)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, &(struct sl_ctx_options){.keep_going = true});
    sl_time start = sl_now();

    SL_GO(scope, sleeper, .d = sl_sec(1), .result = -EIO);
    SL_GO(scope, sleeper, .d = sl_sec(2), .result = -EPERM);
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    assert_int_equal(ms_since(start), 2000);
    assert_int_equal(sl_ctx_err(scope), SL_OK);
    assert_int_equal(sl_ctx_leave(scope), -EIO);
}

struct selects {
    struct ints *in;
};

SL_TASK(selects)
{
    int n;
    struct sl_case cases[] = {ints_on_recv(my->in, &n)};
    int result = sl_select(ctx, cases, 1);

    return result < 0 ? result : 0;
}

struct fails_last {
    int result;
};

/* Its clean-up takes a while, and fails. */
SL_TASK(fails_last)
{
    SL_IGNORE(sl_sleep(ctx, sl_hours(1)));
    SL_IGNORE(sl_sleep(NULL, sl_ms(1)));
    return my->result;
}

WORLD_TEST(a_cancellation_that_is_passed_on_hides_no_failure)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    SL_GO(scope, selects, .in = ints_new(scope, 0, NULL));
    SL_GO(scope, fails_last, .result = -EIO);
    settle();
    sl_ctx_cancel(scope, 0);
    assert_int_equal(sl_ctx_leave(scope), -EIO);
    scope = sl_ctx_new(ctx, NULL);
    SL_GO(scope, selects, .in = ints_new(scope, 0, NULL));
    settle();
    sl_ctx_cancel(scope, -EPERM); /* nor the cause */
    assert_int_equal(sl_ctx_leave(scope), -EPERM);
    scope = sl_ctx_new(ctx, NULL);
    SL_GO(scope, selects, .in = ints_new(scope, 0, NULL));
    settle();
    assert_int_equal(sl_ctx_leave(scope), 0);
}

WORLD_TEST(leaving_cancels_and_waits)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    sl_time start = sl_now();
    int ended = 0;

    for (int i = 0; i < 10; i++)
        SL_GO(scope, sleeper, .d = sl_hours(1), .ended = &ended);
    settle();
    assert_int_equal(sl_ctx_leave(scope), 0);
    assert_int_equal(ended, 10);
    assert_int_equal(ms_since(start), 0);
}

struct stubborn {
    int *ended;
};

SL_TASK(stubborn)
{
    SL_IGNORE(sl_sleep(NULL, sl_sec(7)));
    ++*my->ended;
    return 0;
}

WORLD_TEST(leaving_waits_for_those_that_take_their_time)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL), *child = sl_ctx_new(scope, NULL);
    sl_time start = sl_now();
    int ended = 0;

    SL_GO(child, stubborn, .ended = &ended);
    settle();
    assert_int_equal(sl_ctx_leave(scope), 0); /* and the child with it */
    assert_int_equal(ended, 1);
    assert_int_equal(ms_since(start), 7000);
}

struct owner {
    struct sl_ctx *parent;
    int *ended;
};

/* Holds a context under one that another task leaves. */
SL_TASK(owner)
{
    struct sl_ctx *mine = sl_ctx_new(my->parent, NULL);
    int result = sl_sleep(mine, sl_hours(1));

    (void)ctx;
    SL_IGNORE(sl_sleep(NULL, sl_sec(3)));
    assert_int_equal(result, SL_CANCELED);
    assert_int_equal(sl_ctx_err(mine), SL_CANCELED);
    sl_ctx_leave(mine);
    ++*my->ended;
    return 0;
}

WORLD_TEST(leaving_waits_for_contexts_of_other_tasks)
{
    struct sl_ctx *life = sl_ctx_new(ctx, NULL), *delivery = sl_ctx_new(ctx, NULL);
    sl_time start = sl_now();
    int ended = 0;

    SL_GO(life, owner, .parent = delivery, .ended = &ended);
    settle();
    assert_int_equal(sl_ctx_leave(delivery), 0);
    assert_int_equal(ms_since(start), 3000);
    assert_int_equal(sl_ctx_wait(life, NULL), SL_OK);
    assert_int_equal(ended, 1);
    sl_ctx_leave(life);
}

struct forgetful {
    struct sl_ctx *parent;
};

SL_TASK(forgetful)
{
    struct sl_ctx *mine = sl_ctx_new(my->parent, NULL);

    SL_GO(mine, sleeper, .d = sl_hours(1));
    SL_IGNORE(sl_sleep(ctx, sl_sec(1)));
    return 0;
}

WORLD_TEST(contexts_of_tasks_that_ended_go_with_their_parent)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    SL_GO(ctx, forgetful, .parent = scope);
    settle();
    assert_int_equal(sl_ctx_leave(scope), 0);
}

struct parked {
    struct sl_parker *parker;
};

SL_TASK(parked)
{
    (void)ctx;
    return sl_park(my->parker, NULL, SL_NEVER, "a test");
}

struct leaves {
    struct sl_ctx *scope;
    int *result;
};

SL_TASK(leaves)
{
    *my->result = sl_ctx_leave(my->scope);
    return 0;
}

/* It is woken, and has not run yet, when the one above is left. */
WORLD_TEST(leaving_waits_for_another_task_that_leaves)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL), *child = sl_ctx_new(scope, NULL);
    struct sl_parker parker;
    int result = -1;

    sl_parker_init(&parker);
    SL_GO(child, parked, .parker = &parker);
    SL_GO(ctx, leaves, .scope = child, .result = &result);
    settle();
    sl_unpark(&parker);
    sl_yield();
    assert_int_equal(result, -1);
    assert_int_equal(sl_ctx_leave(scope), 0);
    assert_int_equal(result, 0);
}

WORLD_TEST(waiting_for_a_scope)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL), *child = sl_ctx_new(scope, NULL);
    struct sl_ctx *brief = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SL_DUR_SEC(1)});
    sl_time start = sl_now();

    assert_int_equal(sl_ctx_wait(scope, ctx), SL_OK);
    SL_GO(child, sleeper, .d = sl_sec(4));
    assert_int_equal(sl_ctx_wait(scope, brief), SL_TIMEOUT);
    assert_int_equal(ms_since(start), 1000);
    assert_int_equal(sl_ctx_wait(scope, ctx), SL_OK);
    assert_int_equal(ms_since(start), 4000);
    assert_int_equal(sl_ctx_err(child), SL_OK);
    sl_ctx_leave(brief);
    sl_ctx_leave(scope);
}

WORLD_TEST(who_has_ended_does_not_wait_for_a_scope)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL), *over = sl_ctx_new(ctx, NULL);

    sl_ctx_cancel(over, 0);
    assert_int_equal(sl_ctx_wait(scope, over),
                     SL_CANCELED); /* also if there is nothing to wait for */
    assert_int_equal(sl_ctx_wait(scope, NULL), SL_OK);
    sl_ctx_leave(over);
    sl_ctx_leave(scope);
}

WORLD_TEST(waiting_for_the_end_of_a_context)
{
    sl_time start = sl_now();
    struct sl_ctx *watched = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SL_DUR_SEC(2)});
    struct sl_ctx *brief = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SL_DUR_SEC(1)});

    assert_int_equal(sl_ctx_wait_done(watched, brief), SL_TIMEOUT);
    assert_int_equal(ms_since(start), 1000);
    assert_int_equal(sl_ctx_wait_done(watched, watched), SL_OK);
    assert_int_equal(ms_since(start), 2000);
    assert_int_equal(sl_ctx_wait_done(watched, NULL), SL_OK);
    assert_int_equal(sl_ctx_wait_done(watched, brief), SL_TIMEOUT);
    sl_ctx_leave(brief);
    sl_ctx_leave(watched);
}

struct watcher {
    struct sl_ctx *watched;
    int *result;
};

SL_TASK(watcher)
{
    *my->result = sl_ctx_wait_done(my->watched, ctx);
    return 0;
}

WORLD_TEST(a_watched_context_may_go_before_the_watcher_runs)
{
    struct sl_ctx *watched = sl_ctx_new(ctx, NULL);
    static int result;

    result = -1;
    SL_GO(ctx, watcher, .watched = watched, .result = &result);
    settle();
    sl_ctx_leave(watched);
    settle();
    assert_int_equal(result, SL_OK);
}

WORLD_TEST(a_wait_context_may_go_while_tasks_remember_it)
{
    struct ints *ch = ints_new(ctx, 0, NULL);

    for (int i = 0; i < 3; i++) {
        struct sl_ctx *brief = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = SL_DUR_MS(1)});
        int value;

        assert_int_equal(ints_recv(ch, brief, &value), SL_TIMEOUT);
        sl_ctx_leave(brief);
    }
    assert_int_equal(sl_sleep(ctx, sl_ms(1)), SL_OK);
    assert_int_equal(sl_sleep(NULL, sl_ms(1)), SL_OK);
}

WORLD_TEST(a_task_started_in_a_cancelled_context_still_runs)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    int ended = 0;

    sl_ctx_cancel(scope, 0);
    SL_GO(scope, sleeper, .d = sl_sec(1), .ended = &ended);
    sl_ctx_leave(scope);
    assert_int_equal(ended, 1);
}

WORLD_TEST(deep_and_wide_trees)
{
    struct sl_ctx *top = sl_ctx_new(ctx, NULL), *deep = top;
    int ended = 0;

    for (int i = 0; i < 10000; i++) {
        deep = sl_ctx_new(deep, NULL);
        if (i % 1000 == 0)
            SL_GO(deep, sleeper, .d = sl_hours(1), .ended = &ended);
        sl_ctx_new(top, NULL);
    }
    settle();
    sl_ctx_cancel(top, -EIO);
    assert_int_equal(sl_ctx_cause(deep), -EIO);
    assert_int_equal(sl_ctx_leave(top), -EIO);
    assert_int_equal(ended, 10);
}

static int body_fails(struct sl_ctx *ctx, void *arg)
{
    (void)ctx;
    return *(int *)arg;
}

static int task_fails(struct sl_ctx *ctx, void *arg)
{
    SL_GO(ctx, sleeper, .d = sl_ms(1), .result = *(int *)arg);
    return sl_sleep(ctx, sl_sec(1)) == SL_CANCELED ? 0 : 5;
}

static int background(struct sl_ctx *ctx, void *arg)
{
    (void)ctx;
    SL_GO(sl_ctx_new(NULL, NULL), sleeper, .d = sl_hours(1), .ended = arg);
    settle();
    return 0;
}

struct cleans_up {
    int *ended;
    bool leaves;
};

/* In a context that has no parent, while the scheduler ends. */
SL_TASK(cleans_up)
{
    struct sl_ctx *scope;

    SL_IGNORE(sl_sleep(ctx, sl_hours(1)));
    scope = sl_ctx_new(NULL, NULL);
    assert_int_equal(sl_ctx_err(scope), SL_CANCELED);
    SL_GO(scope, stubborn, .ended = my->ended);
    if (my->leaves)
        sl_ctx_leave(scope);
    return 0;
}

static int end_early(struct sl_ctx *ctx, void *arg)
{
    (void)ctx;
    SL_GO(sl_ctx_new(NULL, NULL), cleans_up, .ended = arg, .leaves = true);
    SL_GO(sl_ctx_new(NULL, NULL), cleans_up, .ended = arg);
    settle();
    return 0;
}

static void the_scheduler_waits_for_contexts_made_while_it_ends(void **state)
{
    int ended = 0;

    (void)state;
    assert_int_equal(sl_virtual_run(NULL, end_early, &ended), 0);
    assert_int_equal(ended, 2);
}

static void results_of_run(void **state)
{
    int value = 3, ended = 0;

    (void)state;
    assert_int_equal(sl_virtual_run(NULL, body_fails, &value), 3);
    value = -EIO;
    assert_int_equal(sl_virtual_run(NULL, body_fails, &value), -EIO);
    assert_int_equal(sl_virtual_run(NULL, task_fails, &value), -EIO);
    assert_int_equal(sl_virtual_run(NULL, background, &ended), 0);
    assert_int_equal(ended, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_until_cancelled_and_the_first_cause_counts),
        cmocka_unit_test(leaving_a_live_context_is_no_failure),
        cmocka_unit_test(cancellation_goes_down_the_tree_only),
        cmocka_unit_test(deadlines_only_come_nearer),
        cmocka_unit_test(a_deadline_in_the_past_is_over_at_once),
        cmocka_unit_test(a_failing_task_cancels_its_siblings),
        cmocka_unit_test(positive_results_are_no_failures),
        cmocka_unit_test(keep_going_keeps_going_and_remembers),
        cmocka_unit_test(a_cancellation_that_is_passed_on_hides_no_failure),
        cmocka_unit_test(leaving_cancels_and_waits),
        cmocka_unit_test(leaving_waits_for_those_that_take_their_time),
        cmocka_unit_test(leaving_waits_for_contexts_of_other_tasks),
        cmocka_unit_test(contexts_of_tasks_that_ended_go_with_their_parent),
        cmocka_unit_test(leaving_waits_for_another_task_that_leaves),
        cmocka_unit_test(waiting_for_a_scope),
        cmocka_unit_test(who_has_ended_does_not_wait_for_a_scope),
        cmocka_unit_test(waiting_for_the_end_of_a_context),
        cmocka_unit_test(a_watched_context_may_go_before_the_watcher_runs),
        cmocka_unit_test(a_wait_context_may_go_while_tasks_remember_it),
        cmocka_unit_test(a_task_started_in_a_cancelled_context_still_runs),
        cmocka_unit_test(deep_and_wide_trees),
        cmocka_unit_test(the_scheduler_waits_for_contexts_made_while_it_ends),
        cmocka_unit_test(results_of_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The operations: each chooses what it does, does it to the engine and to the model, and compares what they say.
 */
#ifndef TEST_UNIT_QUEUE_MODEL_OPS_H
#define TEST_UNIT_QUEUE_MODEL_OPS_H

#include "test/unit/queue/model_shape.h"

/* ---- queues ---- */

static void choose_settings(const struct shape *s, int queue, struct model_settings *out)
{
    static const int64_t visibilities[] = {0, 1, 2, 5, 30, 30};
    static const int64_t delays[] = {0, 0, 0, 1, 3};
    static const int64_t retentions[] = {60, 60, 75, 345600};

    model_settings_init(out, queue >= MODEL_QUEUES / 2);
    out->visibility_s = PICK(visibilities);
    out->delay_s = PICK(delays);
    out->retention_s = PICK(retentions);
    if (out->is_fifo) {
        out->dedups_by_content = one_in(2);
        out->dedups_by_group = one_in(3);
    }
    if (one_in(2)) {
        out->dead_letter = any_queue(s);
        out->max_receives = 1 + below(s->max_receives);
    }
    if (one_in(6)) {
        out->allow = one_in(2) ? MODEL_ALLOW_NONE : MODEL_ALLOW_SOME;
        out->allowed = 1 + below((1U << MODEL_QUEUES) - 1);
    }
}

static void set_text(struct settings *settings, const char *name, const char *text)
{
    struct queue_limits limits = queue_limits_strict();
    struct queue_refusal refusal;

    assert_int_equal(
        settings_set(settings, &limits, slice_of(name), slice_of(text), true, &refusal), QUEUE_OK);
}

static void set_number(struct settings *settings, const char *name, int64_t n)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", (long long)n);
    set_text(settings, name, text);
}

static void set_allow(struct settings *settings, const struct model_settings *from)
{
    char text[1024] = "{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[", arn[128];
    size_t n = strlen(text);

    if (from->allow != MODEL_ALLOW_SOME) {
        set_text(settings, "RedriveAllowPolicy", "{\"redrivePermission\":\"denyAll\"}");
        return;
    }
    for (int i = 0; i < MODEL_QUEUES; i++)
        if (from->allowed & 1U << i)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s\"" SLICE_FMT "\"",
                                  text[n - 1] == '[' ? "" : ",", SLICE_ARG(arn_of(i, arn)));
    snprintf(text + n, sizeof text - n, "]}");
    set_text(settings, "RedriveAllowPolicy", text);
}

/* As a client's attributes. */
static void settings_of(const struct model_settings *from, struct settings *out)
{
    char text[256], arn[128];

    settings_init(out, from->is_fifo);
    set_number(out, "VisibilityTimeout", from->visibility_s);
    set_number(out, "DelaySeconds", from->delay_s);
    set_number(out, "MessageRetentionPeriod", from->retention_s);
    if (from->dedups_by_content)
        set_text(out, "ContentBasedDeduplication", "true");
    if (from->dedups_by_group)
        set_text(out, "DeduplicationScope", "messageGroup");
    if (from->dead_letter >= 0) {
        snprintf(text, sizeof text,
                 "{\"deadLetterTargetArn\":\"" SLICE_FMT "\",\"maxReceiveCount\":%u}",
                 SLICE_ARG(arn_of(from->dead_letter, arn)), from->max_receives);
        set_text(out, "RedrivePolicy", text);
    }
    if (from->allow != MODEL_ALLOW_ALL)
        set_allow(out, from);
}

static void compare_errors(struct world *w, const char *what, enum queue_error error,
                           enum queue_error expected)
{
    trace(w, "    %s", error ? queue_errors[error].type : "ok");
    if (error != expected)
        differ(w, "%s: %s, expected %s", what, error ? queue_errors[error].type : "OK",
               expected ? queue_errors[expected].type : "OK");
}

static void do_create(struct world *w, const struct shape *s)
{
    static const struct slice given[] = {
        SLICE_INIT("VisibilityTimeout"),  SLICE_INIT("DelaySeconds"),
        SLICE_INIT("RedrivePolicy"),      SLICE_INIT("MessageRetentionPeriod"),
        SLICE_INIT("RedriveAllowPolicy"), SLICE_INIT("ContentBasedDeduplication"),
        SLICE_INIT("DeduplicationScope"),
    };
    int queue = any_queue(s);
    struct model_settings chosen;
    struct queue_refusal refusal;
    struct settings settings;
    struct queue *out = NULL;
    enum queue_error error;

    choose_settings(s, queue, &chosen);
    if (w->m.queues[queue].exists && one_in(2))
        chosen = w->m.queues[queue].settings;
    settings_of(&chosen, &settings);
    trace(w, "create %s: visibility %d, delay %d, retention %d, dead letters to %d after %u",
          queue_names[queue], (int)chosen.visibility_s, (int)chosen.delay_s,
          (int)chosen.retention_s, chosen.dead_letter, chosen.max_receives);
    error = engine_queue_create(w->engine, moment_of(w), slice_of(queue_names[queue]), &settings,
                                given, chosen.is_fifo ? 7 : 5, NULL, 0, &out, &refusal);
    settings_deinit(&settings);
    compare_errors(w, "create", error, model_create(&w->m, w->now_ms, queue, &chosen));
    if (!error && out != queue_of(w, queue))
        differ(w, "create: another queue");
}

static void do_set(struct world *w, const struct shape *s)
{
    int queue = any_live_queue(w, s);
    struct model_settings chosen;
    struct queue_refusal refusal;
    struct settings settings;
    enum queue_error error;

    if (queue < 0)
        return;
    choose_settings(s, queue, &chosen);
    settings_of(&chosen, &settings);
    trace(w, "set %s: visibility %d, delay %d, retention %d, dead letters to %d after %u",
          queue_names[queue], (int)chosen.visibility_s, (int)chosen.delay_s,
          (int)chosen.retention_s, chosen.dead_letter, chosen.max_receives);
    error = engine_queue_set(w->engine, moment_of(w), queue_of(w, queue), &settings, &refusal);
    settings_deinit(&settings);
    compare_errors(w, "set", error, model_set(&w->m, w->now_ms, queue, &chosen));
}

static void do_delete_queue(struct world *w, const struct shape *s)
{
    int queue = any_live_queue(w, s);

    if (queue < 0)
        return;
    trace(w, "delete queue %s", queue_names[queue]);
    engine_queue_delete(w->engine, moment_of(w), queue_of(w, queue));
    model_delete_queue(&w->m, w->now_ms, queue);
}

static void do_purge(struct world *w, const struct shape *s)
{
    int queue = any_live_queue(w, s);
    struct queue_refusal refusal;
    enum queue_error error;

    if (queue < 0)
        return;
    trace(w, "purge %s", queue_names[queue]);
    error = engine_queue_purge(w->engine, moment_of(w), queue_of(w, queue), &refusal);
    compare_errors(w, "purge", error, model_purge(&w->m, w->now_ms, queue));
}

/* ---- messages ---- */

static void compare_sent(struct world *w, const struct sent *sent, uint64_t id, bool is_duplicate,
                         bool is_fifo)
{
    if (number_of(sent->id) != id || (sent->seq == 0) != is_duplicate)
        differ(w, "send: message %d%s, expected %d%s", (int)number_of(sent->id),
               sent->seq ? "" : ", a duplicate", (int)id, is_duplicate ? ", a duplicate" : "");
    if ((sent->sequence != 0) != is_fifo)
        differ(w, "send: sequence number %llu", (unsigned long long)sent->sequence);
    if (is_duplicate || !is_fifo)
        return;
    if (sent->sequence <= w->sequence)
        differ(w, "send: the sequence number does not increase");
    w->sequence = sent->sequence;
}

static void do_send(struct world *w, const struct shape *s)
{
    static const int64_t delays[] = {-1, -1, -1, 0, 1, 2, 900};
    static const char *const dedups[] = {NULL, "dedup-1", "dedup-2", "dedup-3"};
    int queue = any_live_queue(w, s);
    struct model_send plan = {.id = ++w->ids, .content = 10 + below(s->contents)};
    struct queue_refusal refusal;
    bool is_duplicate = false;
    struct sent sent = {.seq = 0};
    uint8_t id[16];
    char body[32];
    uint64_t expected_id = 0;
    enum queue_error error, expected;

    if (queue < 0 || model_is_full(&w->m))
        return;
    plan.group = (int)below(s->groups);
    plan.delay_s = PICK(delays);
    plan.dedup = one_in(2) ? 1 + below(3) : 0;
    id_of(plan.id, id);
    trace(w, "send %d to %s, group %d, dedup %u, content %u, delay %d", (int)plan.id,
          queue_names[queue], plan.group, plan.dedup, plan.content, (int)plan.delay_s);
    error = engine_send(w->engine, moment_of(w), queue_of(w, queue),
                        &(struct send){.id = id,
                                       .body = body_of(plan.content, body),
                                       .group = slice_of(group_names[plan.group]),
                                       .dedup = slice_of(dedups[plan.dedup]),
                                       .delay_s = plan.delay_s},
                        &sent, &refusal);
    expected = model_send(&w->m, w->now_ms, queue, &plan, &expected_id, &is_duplicate);
    compare_errors(w, "send", error, expected);
    if (!error && !expected)
        compare_sent(w, &sent, expected_id, is_duplicate, queue >= MODEL_QUEUES / 2);
}

static int free_poll(const struct world *w)
{
    for (int i = 0; i < MODEL_POLLS; i++)
        if (!w->m.polls[i].waits)
            return i;
    return -1;
}

static void do_poll(struct world *w, const struct shape *s)
{
    static const int64_t visibilities[] = {-1, -1, -1, 0, 1, 2, 40, 43200};
    static const int64_t waits_ms[] = {0, 0, 0, 1000, 2000, 20000};
    static const char *const attempts[] = {NULL, "try-1", "try-2", "try-3"};
    int queue = any_live_queue(w, s), i = free_poll(w);
    struct model_poll plan;

    if (queue < 0 || i < 0)
        return;
    plan = (struct model_poll){.queue = queue,
                               .max = 1 + below(s->batch),
                               .visibility_s = PICK(visibilities),
                               .until_ms = w->now_ms + PICK(waits_ms),
                               .attempt = one_in(3) ? 1 + below(s->attempts) : 0};
    if (queue < MODEL_QUEUES / 2)
        plan.attempt = 0;
    trace(w, "poll %d of %s for %u until %+lld ms, visibility %lld, attempt %u", i,
          queue_names[queue], plan.max, (long long)(plan.until_ms - w->now_ms),
          (long long)plan.visibility_s, plan.attempt);
    w->polls[i] = (struct poll){
        .queue = queue_of(w, queue),
        .max = plan.max,
        .visibility_s = plan.visibility_s,
        .until = {(plan.until_ms + w->offset_ms) * 1000000},
        .attempt_id = slice_of(attempts[plan.attempt]),
    };
    engine_poll(w->engine, moment_of(w), &w->polls[i]);
    model_poll(&w->m, w->now_ms, (unsigned)i, &plan);
}

static void do_cancel(struct world *w)
{
    unsigned i = below(MODEL_POLLS);

    if (!w->m.polls[i].waits)
        return;
    trace(w, "cancel poll %u", i);
    engine_poll_cancel(w->engine, &w->polls[i]);
    model_cancel(&w->m, i);
}

/* Mostly the queue of the handle. */
static int queue_for(const struct world *w, const struct shape *s, const struct given *given)
{
    int queue = one_in(20) ? any_live_queue(w, s) : given->handle.queue;

    return queue >= 0 && w->m.queues[queue].exists ? queue : -1;
}

static void do_delete(struct world *w, const struct shape *s)
{
    const struct given *given = any_given(w);
    int queue = given ? queue_for(w, s, given) : -1;
    struct queue_refusal refusal;
    enum queue_error error;

    if (queue < 0)
        return;
    trace(w, "delete at %llu in %s, receipt %u", (unsigned long long)given->handle.place,
          queue_names[queue], given->handle.receipt);
    error =
        engine_delete(w->engine, moment_of(w), queue_of(w, queue), slice_of(given->text), &refusal);
    compare_errors(w, "delete", error, model_delete(&w->m, w->now_ms, queue, &given->handle));
}

static void do_change(struct world *w, const struct shape *s)
{
    static const int64_t seconds[] = {0, 0, 0, 1, 2, 3, 10, 43200, 43190, 43201, -1};
    const struct given *given = any_given(w);
    int queue = given ? queue_for(w, s, given) : -1;
    struct queue_refusal refusal;
    enum queue_error error;
    int64_t n = PICK(seconds);

    if (queue < 0)
        return;
    trace(w, "change at %llu in %s, receipt %u to %d s", (unsigned long long)given->handle.place,
          queue_names[queue], given->handle.receipt, (int)n);
    error = engine_change_visibility(w->engine, moment_of(w), queue_of(w, queue),
                                     slice_of(given->text), n, &refusal);
    compare_errors(w, "change", error, model_change(&w->m, w->now_ms, queue, &given->handle, n));
}

static void do_return(struct world *w)
{
    const struct given *given = any_given(w);

    if (!given || given->handle.receipt <= w->receipts_before_crash)
        return;
    trace(w, "return at %llu, receipt %u", (unsigned long long)given->handle.place,
          given->handle.receipt);
    engine_return(w->engine, moment_of(w), &given->receipt);
    model_return(&w->m, w->now_ms, given->handle.queue, &given->handle);
}

/* A handle with a few bits changed, cut, or longer. */
static void forge(const struct given *given, char text[HANDLE_SIZE + 8])
{
    size_t n = HANDLE_SIZE - 1, at = below(HANDLE_SIZE - 1);

    memset(text, 0, HANDLE_SIZE + 8);
    memcpy(text, given->text, n);
    if (one_in(4))
        text[at] = '\0';
    else if (one_in(4))
        text[n] = 'A';
    else
        text[at] = text[at] == 'Q' ? 'R' : 'Q';
}

static void do_fake(struct world *w)
{
    const struct given *given = any_given(w);
    char text[HANDLE_SIZE + 8];
    struct model_handle fake = {.is_fake = true};
    struct queue_refusal refusal;
    enum queue_error error;
    int queue;

    if (!given || !w->m.queues[given->handle.queue].exists)
        return;
    queue = given->handle.queue;
    forge(given, text);
    trace(w, "fake handle in %s", queue_names[queue]);
    if (one_in(2)) {
        error =
            engine_delete(w->engine, moment_of(w), queue_of(w, queue), slice_of(text), &refusal);
        compare_errors(w, "delete", error, model_delete(&w->m, w->now_ms, queue, &fake));
        return;
    }
    error = engine_change_visibility(w->engine, moment_of(w), queue_of(w, queue), slice_of(text), 0,
                                     &refusal);
    compare_errors(w, "change", error, model_change(&w->m, w->now_ms, queue, &fake, 0));
}

/* ---- time ---- */

static void do_step(struct world *w)
{
    static const int64_t around[] = {-1, 0, 0, 0, 1, 5};
    static const int64_t steps[] = {1, 10, 500, 999, 1000, 1001, 2000, 3000};
    int64_t next = model_deadline(&w->m), until = w->now_ms + PICK(steps);

    if (!one_in(3) && next > w->now_ms && next < w->now_ms + 100000)
        until = next + PICK(around);
    go_to(w, until > w->now_ms ? until : w->now_ms);
}

static void do_leap(struct world *w)
{
    static const int64_t leaps[] = {29999, 30000, 59999, 60000, 60001, 299999, 300000};

    go_to(w, w->now_ms + (w->is_late_ticker && one_in(4) ? 43190000 : PICK(leaps)));
}

/* ---- moves ---- */

static void do_move_start(struct world *w, const struct shape *s)
{
    static const int64_t rates[] = {0, 0, 1, 2, 5, 10, 20, 500, 501, -1};
    int from = any_queue(s), to = one_in(2) ? -1 : any_queue(s);
    int64_t rate = PICK(rates);
    char from_arn[128], to_arn[128], handle[MOVE_HANDLE_SIZE] = "";
    struct queue_refusal refusal;
    enum queue_error error;
    uint64_t number = 0;
    uint8_t id[16];

    for (int i = 0; i < 4 && !model_is_dead_letter(&w->m, from); i++)
        from = any_queue(s);
    id_of(++w->ids, id);
    trace(w, "move from %s to %s, %d a second", queue_names[from],
          to < 0 ? "where they came from" : queue_names[to], (int)rate);
    error = engine_move_start(w->engine, moment_of(w), arn_of(from, from_arn),
                              to < 0 ? (struct slice){NULL, 0} : arn_of(to, to_arn), rate, id,
                              handle, &refusal);
    compare_errors(w, "move", error, model_move_start(&w->m, w->now_ms, from, to, rate, &number));
    if (error)
        return;
    w->moves[w->move_next % MOVES].number = number;
    memcpy(w->moves[w->move_next++ % MOVES].handle, handle, sizeof handle);
}

static void do_move_cancel(struct world *w)
{
    unsigned i = one_in(3) ? below(MOVES) : (w->move_next + MOVES - 1) % MOVES;
    struct queue_refusal refusal;
    enum queue_error error, expected;
    uint64_t moved = 0, expected_moved = 0;

    trace(w, "cancel move %d", (int)w->moves[i].number);
    error =
        engine_move_cancel(w->engine, moment_of(w), slice_of(w->moves[i].handle), &moved, &refusal);
    expected = model_move_cancel(&w->m, w->now_ms, w->moves[i].number, &expected_moved);
    compare_errors(w, "cancel move", error, expected);
    if (moved != expected_moved)
        differ(w, "cancel move: %d are moved, expected %d", (int)moved, (int)expected_moved);
}

static void compare_task(struct world *w, const struct move_task *task,
                         const struct model_task *expected)
{
    if ((int)task->status != (int)expected->status || task->moved != expected->moved ||
        task->to_move != expected->to_move || task->started_ms != expected->started_ms ||
        (int64_t)task->rate != expected->rate || queue_of_arn(task->source_arn) != expected->from ||
        queue_of_arn(task->destination_arn) != expected->to ||
        !task->handle[0] != (expected->status != MODEL_RUNNING) ||
        !task->failure != (expected->status != MODEL_FAILED))
        differ(w, "move task: status %d, %d of %d, expected %d, %d of %d", (int)task->status,
               (int)task->moved, (int)task->to_move, (int)expected->status, (int)expected->moved,
               (int)expected->to_move);
}

static void do_move_list(struct world *w, const struct shape *s)
{
    struct move_task tasks[4];
    struct queue_refusal refusal;
    int queue = any_queue(s), expected[MODEL_TASKS];
    size_t count = 0, n;
    enum queue_error error;
    char arn[128];

    trace(w, "list moves of %s", queue_names[queue]);
    error = engine_move_list(w->engine, arn_of(queue, arn), tasks, 4, &count, &refusal);
    compare_errors(w, "list moves", error,
                   w->m.queues[queue].exists ? QUEUE_OK : QUEUE_RESOURCE_NOT_FOUND);
    n = model_move_list(&w->m, queue, expected);
    if (error || w->failure[0])
        return;
    if (count != (n < 4 ? n : 4))
        differ(w, "list moves: %zu, expected %zu", count, n);
    for (size_t i = 0; i < count && !w->failure[0]; i++)
        compare_task(w, &tasks[i], &w->m.tasks[expected[i]]);
}

#endif

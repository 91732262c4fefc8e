/*
 * The engine against a slow, obvious model (test/lib/queue_model.h), by chance: 300,000 operations, or as many as SLUICE_OPS
 * says, in runs of a few hundred on a handful of queues with few messages. Each run picks a part of the operations and small
 * settings, so that rare states are reached, and time goes exactly to deadlines, to before and to after them. After each
 * operation everything that can be seen is compared. In half of the runs there are crashes, too: what a store would have is
 * told to a new engine, which has to agree with the model.
 *
 * A difference is told with the run's seed: SLUICE_SEED=... SLUICE_OPS=1 repeats that run, SLUICE_TRACE=1 tells each step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <time.h>

#include <cmocka.h>

#include "test/unit/queue/model_world.h"

/* ---- chance (splitmix64) ---- */

static uint64_t chance_state;

static uint64_t chance(void)
{
    uint64_t z = (chance_state += 0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static unsigned below(unsigned n)
{
    return (unsigned)(chance() % n);
}

static bool one_in(unsigned n)
{
    return below(n) == 0;
}

#define PICK(table) ((table)[below(sizeof(table) / sizeof((table)[0]))])

/* ---- a run's shape ---- */

enum op {
    OP_CREATE,
    OP_SET,
    OP_DELETE_QUEUE,
    OP_PURGE,
    OP_SEND,
    OP_POLL,
    OP_CANCEL,
    OP_DELETE,
    OP_CHANGE,
    OP_RETURN,
    OP_FAKE,
    OP_PEEK,
    OP_TICK,
    OP_STEP,
    OP_LEAP,
    OP_MOVE_START,
    OP_MOVE_CANCEL,
    OP_MOVE_LIST,
    OP_SYNC,
    OP_CRASH,
    OPS
};

static const struct {
    const char *name;
    unsigned weight;
    bool always;
} op_table[OPS] = {
    [OP_CREATE] = {"create", 2, true},
    [OP_SET] = {"set", 1, false},
    [OP_DELETE_QUEUE] = {"delete queue", 1, false},
    [OP_PURGE] = {"purge", 1, false},
    [OP_SEND] = {"send", 30, true},
    [OP_POLL] = {"poll", 30, true},
    [OP_CANCEL] = {"cancel", 3, false},
    [OP_DELETE] = {"delete", 12, false},
    [OP_CHANGE] = {"change", 12, false},
    [OP_RETURN] = {"return", 5, false},
    [OP_FAKE] = {"fake handle", 2, false},
    [OP_PEEK] = {"peek", 8, false},
    [OP_TICK] = {"tick", 4, false},
    [OP_STEP] = {"step", 30, false},
    [OP_LEAP] = {"leap", 2, false},
    [OP_MOVE_START] = {"move", 3, false},
    [OP_MOVE_CANCEL] = {"cancel move", 2, false},
    [OP_MOVE_LIST] = {"list moves", 2, false},
    [OP_SYNC] = {"sync", 10, true},
    [OP_CRASH] = {"crash", 1, false},
};

struct shape {
    unsigned weights[OPS];
    unsigned steps;
    unsigned queues, groups, contents, attempts; /* how many of each are used */
    unsigned max_receives, batch;
    bool has_crashes, has_store, drops_payloads, is_late_ticker;
    struct model_limits limits;
};

static void shape_choose(struct shape *s, unsigned without)
{
    static const unsigned in_flight_max[] = {1, 2, 3, 5, 1000, 1000, 1000};

    *s = (struct shape){.steps = 200 + below(800)};
    for (int i = 0; i < OPS; i++)
        s->weights[i] = op_table[i].always || !one_in(3) ? op_table[i].weight : 0;
    s->queues = 1 + below(3);
    s->groups = 2 + below(MODEL_GROUPS - 1);
    s->contents = one_in(2) ? 4 : 40;
    s->attempts = one_in(2) ? 3 : 1;
    s->max_receives = 1 + below(4);
    s->batch = one_in(3) ? 2 : 10;
    s->has_crashes = one_in(2);
    s->has_store = s->has_crashes || !one_in(4);
    s->drops_payloads = s->has_store && one_in(3);
    s->is_late_ticker = one_in(4);
    s->limits = (struct model_limits){
        .in_flight_max = PICK(in_flight_max),
        .purge_pause_ms = one_in(2) ? PURGE_PAUSE_S * 1000 : 0,
        .name_pause_ms = one_in(2) ? NAME_PAUSE_S * 1000 : 0,
        .sweep_ms = SWEEP_MS,
        .expired_handle_refused = one_in(4),
        .expired_change_refused = one_in(4),
    };
    for (int i = 0; i < OPS; i++)
        if (without & 1U << i)
            s->weights[i] = 0;
    if (s->drops_payloads)
        s->weights[OP_MOVE_START] = 0; /* a move waits for payloads, and the model has none */
    if (!s->has_crashes)
        s->weights[OP_CRASH] = s->weights[OP_SYNC] = 0;
}

/* Half of the names are of FIFO queues. */
static int any_queue(const struct shape *s)
{
    return (int)below(s->queues) + (one_in(2) ? MODEL_QUEUES / 2 : 0);
}

static int any_live_queue(const struct world *w, const struct shape *s)
{
    for (int i = 0; i < 8; i++) {
        int queue = any_queue(s);

        if (w->m.queues[queue].exists)
            return queue;
    }
    return -1;
}

static const struct given *any_given(const struct world *w)
{
    const struct given *given = &w->given[below(HANDLES)];

    /* The later ones are more likely to be worth something. */
    if (w->given_next > 0 && !one_in(3))
        given =
            &w->given[(w->given_next - 1 - below(w->given_next < 4 ? w->given_next : 4)) % HANDLES];
    return given->is_there ? given : NULL;
}

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
    unsigned i = below(MOVES);
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

/* ---- crashes ---- */

static unsigned receipt_of(const struct world *w, uint64_t generation)
{
    for (unsigned i = 1; generation && i <= w->m.receipts; i++)
        if (w->generations[i % RECEIPTS] == generation)
            return i;
    return 0;
}

/* How the store says that a message stood, which must not be too long ago. */
static void recall(struct world *w, const struct map_row *row, struct model_message *message,
                   int64_t at_ms)
{
    struct model_state state;

    if (!is_id(w, message->id, number_of(row->payload->head.id))) {
        differ(w, "crash: message %d is lost", (int)message->id);
        return;
    }
    state = (struct model_state){.visible_ms = row->state.visible_ms,
                                 .first_received_ms = row->state.first_received_ms,
                                 .receives = row->state.receives,
                                 .receipt = receipt_of(w, row->state.generation)};
    if (!model_recall(message, &state, at_ms, at_ms - LATE_MS))
        differ(w,
               "crash: message %d is remembered as %+lld ms, %u receives, receipt %u; it stood "
               "at %+lld ms, %u receives, receipt %u",
               (int)message->id, (long long)(state.visible_ms - at_ms), state.receives,
               state.receipt, (long long)(message->state.visible_ms - at_ms),
               message->state.receives, message->state.receipt);
    if (queue_of_arn(row->origin[0] ? row->origin : NULL) != message->origin)
        differ(w, "crash: message %d comes from \"%s\", expected queue %d", (int)message->id,
               row->origin, message->origin);
}

static struct model_message *next_message(struct world *w, uint64_t after)
{
    struct model_message *next = NULL;

    for (int i = 0; i < MODEL_MESSAGES; i++) {
        struct model_message *message = &w->m.messages[i];

        if (message->is_there && message->place > after && (!next || message->place < next->place))
            next = message;
    }
    return next;
}

/* Both have the same messages in the same order. */
static void recall_all(struct world *w, int64_t at_ms)
{
    uint64_t place = 0;
    struct model_message *message;

    map_sort(&w->map);
    for (size_t i = 0; i < w->map.count && !w->failure[0]; i++) {
        if (w->map.rows[i].kind != CHANGE_MESSAGE)
            continue;
        message = next_message(w, place);
        if (!message) {
            differ(w, "crash: the store has more messages than there were");
            return;
        }
        place = message->place;
        recall(w, &w->map.rows[i], message, at_ms);
    }
    message = next_message(w, place);
    if (message)
        differ(w, "crash: message %d is lost", (int)message->id);
}

/* Of what is not durable a part is lost: what came last. */
static int64_t lose(struct world *w)
{
    unsigned keep = below(w->pending_count + 1);
    struct model now = w->m;

    for (unsigned i = 0; i < w->pending_count; i++) {
        if (i < keep) {
            w->durable = w->pending[i].model;
            w->durable_ms = w->pending[i].at_ms;
            map_apply(&w->map, &w->pending[i].changes);
        }
        changes_deinit(&w->pending[i].changes);
    }
    w->pending_count = 0;
    w->m = w->durable;
    /* What was given out once is not given out again. */
    w->m.receipts = now.receipts;
    w->m.incarnations = now.incarnations;
    w->m.turns = now.turns;
    w->m.places = now.places;
    w->m.tasks_started = now.tasks_started;
    return w->durable_ms;
}

/* Numbers of deleted queues may be given again after a restart, so that their handles are of messages that are gone. */
static void forget_foreign_handles(struct world *w)
{
    for (int i = 0; i < HANDLES; i++) {
        const struct model_queue *queue = &w->m.queues[w->given[i].handle.queue];

        if (!queue->exists || w->given[i].handle.incarnation != queue->incarnation)
            w->given[i].is_there = false;
    }
    for (int i = 0; i < MOVES; i++)
        w->moves[i].number = 0, w->moves[i].handle[0] = '\0';
}

static void do_crash(struct world *w)
{
    static const int64_t outages_ms[] = {0, 0, 1, 500, 5000, 70000};
    int64_t at_ms;

    trace(w, "crash, %u events are not durable", w->pending_count);
    at_ms = lose(w);
    engine_free(w->engine);
    w->engine = NULL;
    recall_all(w, at_ms);
    if (w->failure[0])
        return;
    w->now_ms += PICK(outages_ms);
    w->offset_ms = below(1000000);
    w->receipts_before_crash = w->m.receipts;
    w->sequence = 0;
    forget_foreign_handles(w);
    model_crash(&w->m, w->now_ms);
    model_tick(&w->m, w->now_ms);
    start_engine(w);
}

/* ---- a run ---- */

static struct world *world_new(const struct shape *s)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->is_late_ticker = s->is_late_ticker;
    w->now_ms = EPOCH_MS;
    w->offset_ms = -EPOCH_MS + 5000000;
    w->is_tracing = getenv("SLUICE_TRACE");
    w->options = (struct engine_options){
        .account = "000000000000",
        .region = "us-east-1",
        .limits = queue_limits_strict(),
        .rules = {s->limits.expired_handle_refused, s->limits.expired_change_refused},
        .changes = s->has_store ? &w->changes : NULL,
        .payload_bytes_max = s->drops_payloads ? 1 : 0,
        .seed = chance(),
    };
    w->options.limits.in_flight_max = s->limits.in_flight_max;
    w->options.limits.purge_pause_s = (unsigned)(s->limits.purge_pause_ms / 1000);
    w->options.limits.name_pause_s = (unsigned)(s->limits.name_pause_ms / 1000);
    w->options.facts.keeps_payloads = s->drops_payloads;
    memset(w->options.facts.secret, 7, sizeof w->options.facts.secret);
    model_init(&w->m, &s->limits);
    w->durable = w->m;
    w->durable_ms = w->now_ms;
    if (s->has_crashes)
        w->pending = calloc(PENDING, sizeof *w->pending);
    start_engine(w);
    return w;
}

static enum op any_op(const struct shape *s)
{
    unsigned sum = 0, at;
    int op = 0;

    for (int i = 0; i < OPS; i++)
        sum += s->weights[i];
    at = below(sum);
    while (at >= s->weights[op])
        at -= s->weights[op++];
    return (enum op)op;
}

static void perform(struct world *w, const struct shape *s, enum op op)
{
    switch (op) {
    case OP_CREATE:
        do_create(w, s);
        break;
    case OP_SET:
        do_set(w, s);
        break;
    case OP_DELETE_QUEUE:
        do_delete_queue(w, s);
        break;
    case OP_PURGE:
        do_purge(w, s);
        break;
    case OP_SEND:
        do_send(w, s);
        break;
    case OP_POLL:
        do_poll(w, s);
        break;
    case OP_CANCEL:
        do_cancel(w);
        break;
    case OP_DELETE:
        do_delete(w, s);
        break;
    case OP_CHANGE:
        do_change(w, s);
        break;
    case OP_RETURN:
        do_return(w);
        break;
    case OP_FAKE:
        do_fake(w);
        break;
    case OP_PEEK:
        trace(w, "peek");
        compare_peek(w, any_queue(s), 1 + below(MODEL_MESSAGES));
        break;
    case OP_TICK:
        tick(w, w->now_ms);
        break;
    case OP_STEP:
        do_step(w);
        break;
    case OP_LEAP:
        do_leap(w);
        break;
    case OP_MOVE_START:
        do_move_start(w, s);
        break;
    case OP_MOVE_CANCEL:
        do_move_cancel(w);
        break;
    case OP_MOVE_LIST:
        do_move_list(w, s);
        break;
    case OP_SYNC:
        make_durable(w);
        break;
    case OP_CRASH:
        do_crash(w);
        break;
    case OPS:
        break;
    }
    if (!w->failure[0])
        compare(w);
}

/* What the model has, behind a trace. */
static void show(const struct world *w)
{
    static const char *const statuses[] = {"ready", "delayed", "in flight"};

    for (int queue = 0; queue < MODEL_QUEUES; queue++) {
        int all[MODEL_MESSAGES];
        size_t n = model_list(&w->m, queue, all);

        for (size_t i = 0; i < n; i++) {
            const struct model_message *message = &w->m.messages[all[i]];

            trace(
                w,
                "  %s: message %d at %d, group %d served %d, %s until %+lld ms, %u receives, receipt %u",
                queue_names[queue], (int)message->id, (int)message->place, message->group,
                (int)w->m.queues[queue].served[message->group], statuses[message->status],
                (long long)(message->state.visible_ms - w->now_ms), message->state.receives,
                message->state.receipt);
        }
    }
}

/* How many operations were done; those of `without` (bits) are left out. `failure` has room for what a world says. */
static unsigned run(uint64_t seed, unsigned without, char *failure, size_t size)
{
    unsigned n = 0;
    struct shape s;
    struct world *w;
    enum op op = OPS;

    chance_state = seed;
    shape_choose(&s, without);
    w = world_new(&s);
    for (int i = 0; i < 3; i++)
        do_create(w, &s);
    compare(w);
    while (n < s.steps && !w->failure[0]) {
        op = any_op(&s);
        perform(w, &s, op);
        n++;
    }
    for (int i = 0; i < MODEL_QUEUES && !w->failure[0]; i++)
        compare_peek(w, i, MODEL_MESSAGES);
    failure[0] = '\0';
    if (w->failure[0])
        show(w);
    if (w->failure[0])
        snprintf(failure, size, "operation %u, %s: %s", n, op < OPS ? op_table[op].name : "create",
                 w->failure);
    world_free(w);
    return n;
}

/* Leaves out kinds of operations that the difference does not need, and tells what is left. */
static void tell_difference(uint64_t seed, const char *failure)
{
    unsigned without = 0;
    char text[1200];

    print_error("seed %llu, %s\n", (unsigned long long)seed, failure);
    for (unsigned i = 0; i < OPS; i++) {
        if (op_table[i].always)
            continue;
        run(seed, without | 1U << i, text, sizeof text);
        if (text[0])
            without |= 1U << i;
    }
    for (unsigned i = 0; i < OPS; i++)
        if (without & 1U << i)
            print_error("  also without \"%s\"\n", op_table[i].name);
    run(seed, without, text, sizeof text);
    print_error("SLUICE_SEED=%llu SLUICE_WITHOUT=%u SLUICE_OPS=1 SLUICE_TRACE=1: %s\n",
                (unsigned long long)seed, without, text);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void engine_and_model_agree(void **state)
{
    uint64_t seed = number_from("SLUICE_SEED", (uint64_t)time(NULL) * 1000);
    uint64_t ops = number_from("SLUICE_OPS", 300000), done = 0, runs = 0;
    char failure[1200];

    (void)state;
    print_message("SLUICE_SEED=%llu SLUICE_OPS=%llu\n", (unsigned long long)seed,
                  (unsigned long long)ops);
    for (; done < ops; seed++, runs++) {
        done += run(seed, (unsigned)number_from("SLUICE_WITHOUT", 0), failure, sizeof failure);
        if (!failure[0])
            continue;
        tell_difference(seed, failure);
        fail_msg("%s", failure);
    }
    print_message("%llu operations in %llu runs\n", (unsigned long long)done,
                  (unsigned long long)runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(engine_and_model_agree)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

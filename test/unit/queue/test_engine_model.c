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

#include "test/unit/queue/model_crash.h"
#include "test/unit/queue/model_ops.h"

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

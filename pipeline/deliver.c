/*
 * deliver -- N tasks range over the batches, post each until its events have a fate, and pass it back.
 *
 * A batch is delivered part by part; normally the one part is all of it. A part is the longest stretch of undecided items
 * that fits the byte limit: what a 413 has to be split into, what is left when leases were lost while it waited, and what a
 * source that takes nothing back has to repeat, are all the same thing here. The whole batch goes under the batch's id;
 * every other part has a key of its own, because its bytes are others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/task.h>

#include "core/backoff.h"
#include "core/units.h"
#include "ops/log.h"
#include "pipeline/gate.h"
#include "pipeline/stages.h"

/* The wait before attempt n + 1 is full jitter up to 100 ms x 2^n, at most 5 s: a service that comes back is found within
 * 5 s (reliability.md, R3). While it is paused for, up to a minute. */
#define RETRY_BASE sl_ms(100)
#define RETRY_CAP  sl_sec(5)
#define PROBE_BASE sl_sec(1)
#define PROBE_CAP  sl_sec(60)

/* How often a source that takes nothing back has refused events repeated. */
#define REPEATS_MAX 5

struct delivery {
    struct pipeline *pipeline;
    struct batch_chan *in, *out;
    struct gate gate;
    struct log_limit trouble_log;
    struct gate_seat seats[];
};

/* One delivering task's storage, reused from batch to batch. */
struct courier {
    struct delivery *delivery;
    struct gate_seat *seat;
    unsigned number;
    struct strbuf body; /* of a part that is not the whole batch */
    struct slice *ids;
    bool *failed;
    size_t room; /* of ids and failed */
};

/* What is posted at once: items `first` … of a batch. */
struct part {
    struct batch *batch;
    size_t first, count;
    struct slice body;
    char key[37];
    unsigned attempt; /* made so far */
    struct suspect suspect;
    bool last_try; /* intake had ended before the attempt began */
};

enum step { STEP_AGAIN, STEP_DECIDED, STEP_RECUT };

static void decide(const struct part *part, enum fate fate)
{
    for (size_t i = 0; i < part->count; i++)
        part->batch->items[part->first + i].fate = fate;
}

static void doubt(const struct part *part)
{
    for (size_t i = 0; i < part->count; i++)
        part->batch->items[part->first + i].in_doubt = true;
}

static bool intake_ended(const struct delivery *delivery)
{
    return sl_ctx_err(delivery->pipeline->intake) != SL_OK;
}

/* ---- cutting parts ---- */

static int courier_reserve(struct courier *courier, size_t count)
{
    struct slice *ids;
    bool *failed;

    if (count <= courier->room)
        return 0;
    ids = reallocarray(courier->ids, count, sizeof(*ids));
    if (ids)
        courier->ids = ids;
    failed = reallocarray(courier->failed, count, sizeof(*failed));
    if (failed)
        courier->failed = failed;
    if (!ids || !failed)
        return -ENOMEM;
    courier->room = count;
    return 0;
}

/* Items whose lease was lost are not posted: the queue gives them again. */
static void expire_lost(const struct delivery *delivery, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i].fate == FATE_UNDECIDED &&
            !source_holds(delivery->pipeline->source, batch->items[i].ticket) && !PLANTED(24))
            batch->items[i].fate = FATE_EXPIRED;
}

static bool lost_any(const struct delivery *delivery, const struct part *part)
{
    for (size_t i = 0; i < part->count; i++)
        if (!source_holds(delivery->pipeline->source, part->batch->items[part->first + i].ticket) &&
            !PLANTED(24))
            return true;
    return false;
}

/* The next part at or after `from`, in `part->first` and `count`; false: nothing is undecided there. */
static bool find_part(const struct delivery *delivery, struct batch *batch, size_t from,
                      struct part *part)
{
    const struct format *format = delivery->pipeline->sink->format;
    size_t frame = format->prefix.n + format->suffix.n;
    size_t end;

    while (from < batch->count && batch->items[from].fate != FATE_UNDECIDED)
        from++;
    if (from == batch->count)
        return false;
    for (end = from + 1; end < batch->count && batch->items[end].fate == FATE_UNDECIDED; end++) {
        const struct batch_item *item = &batch->items[end];

        if (item->offset + item->length - batch->items[from].offset + frame >
            pipeline_bytes_max(delivery->pipeline))
            break;
        if (format->one_per_request)
            break;
    }
    *part = (struct part){.batch = batch, .first = from, .count = end - from};
    return true;
}

/* Gives the part its bytes and key. */
static int dress_part(struct courier *courier, struct part *part)
{
    struct batch *batch = part->batch;
    const struct format *format = courier->delivery->pipeline->sink->format;
    int r = courier_reserve(courier, part->count);

    if (r)
        return r;
    suspect_init(&part->suspect, courier->delivery->gate.accepted);
    for (size_t i = 0; i < part->count; i++)
        courier->ids[i] = batch_item_id(batch, part->first + i);
    if (part->count == batch->count) {
        part->body = (struct slice){batch->body.p, batch->body.n};
        memcpy(part->key, batch->id, sizeof(part->key));
        return 0;
    }
    r = batch_slice_body(batch, format, part->first, part->count, &courier->body);
    if (r)
        return r;
    part->body = (struct slice){courier->body.p, courier->body.n};
    sl_uuid4(part->key);
    return 0;
}

/* ---- what an answer leads to ---- */

static void log_accepted(const struct courier *courier, const struct part *part,
                         const struct sink_result *result, sl_dur took)
{
    char size[UNITS_TEXT_SIZE], status[16] = "written";

    if (!log_enabled(LOG_INFO))
        return;
    units_print_size(size, part->body.n);
    if (result->status)
        snprintf(status, sizeof(status), "%d", result->status);
    log_info("batch %s: %zu event%s, %s, %s in %lld ms, attempt %u, worker %u", part->key,
             part->count, part->count == 1 ? "" : "s", size, status, (long long)sl_dur_ms(took),
             part->attempt, courier->number);
}

/* What is shown of the service; a pause shows its own reason for as long as it lasts. NULL: all is well. */
static void show_trouble(struct progress *progress, const char *reason)
{
    if (!progress->paused)
        snprintf(progress->trouble, sizeof(progress->trouble), "%s", reason ? reason : "");
}

static void log_trouble(const struct courier *courier, const struct part *part,
                        const struct sink_result *result, const char *consequence)
{
    struct delivery *delivery = courier->delivery;
    char size[UNITS_TEXT_SIZE];

    units_print_size(size, part->body.n);
    show_trouble(delivery->pipeline->progress, result->reason);
    if (log_limit_pass(&delivery->trouble_log))
        log_warn("batch %s: %zu event%s, %s: %s, attempt %u, worker %u: %s", part->key, part->count,
                 part->count == 1 ? "" : "s", size, result->reason, part->attempt, courier->number,
                 consequence);
}

static enum step on_accepted(struct courier *courier, struct part *part)
{
    struct delivery *delivery = courier->delivery;

    decide(part, FATE_DELETE);
    delivery->pipeline->account->batches++;
    delivery->pipeline->progress->accepted += part->count;
    show_trouble(delivery->pipeline->progress, NULL);
    gate_accepted(&delivery->gate);
    return STEP_DECIDED;
}

static enum step on_partial(struct courier *courier, struct part *part,
                            const struct sink_result *result)
{
    size_t refused = 0;

    for (size_t i = 0; i < part->count; i++) {
        part->batch->items[part->first + i].fate =
            result->failed[i] && !PLANTED(15) ? FATE_REFUSED : FATE_DELETE;
        refused += result->failed[i];
    }
    if (refused < part->count) {
        courier->delivery->pipeline->account->batches++;
        courier->delivery->pipeline->progress->accepted += part->count - refused;
        gate_accepted(&courier->delivery->gate);
    }
    log_trouble(courier, part, result, "the events it names go back, the rest is accepted");
    return STEP_DECIDED;
}

static enum step on_refused(struct courier *courier, struct part *part,
                            const struct sink_result *result)
{
    decide(part, PLANTED(27) ? FATE_DELETE : FATE_REFUSED);
    log_trouble(courier, part, result, "its events go back with a growing delay");
    return STEP_DECIDED;
}

/* A proxy in between, or a part of the service, may have been what took less. */
#define TAUGHT_FOR sl_minutes(10)

size_t pipeline_bytes_max(const struct pipeline *pipeline)
{
    size_t configured = pipeline->config->batch_bytes;

    return pipeline->bytes_taught < configured && sl_time_before(sl_now(), pipeline->taught_until)
               ? pipeline->bytes_taught
               : configured;
}

/* 413. The limit that it teaches holds for later batches too. */
static enum step on_split(struct courier *courier, struct part *part,
                          const struct sink_result *result)
{
    struct pipeline *pipeline = courier->delivery->pipeline;
    size_t half = part->body.n / 2;
    char size[UNITS_TEXT_SIZE], advice[64] = "";

    if (part->count == 1) {
        log_trouble(courier, part, result,
                    "one event alone is too large for the service; it goes back");
        decide(part, FATE_REFUSED);
        return STEP_DECIDED;
    }
    if (half < pipeline_bytes_max(pipeline))
        pipeline->bytes_taught = half;
    pipeline->taught_until = sl_time_add(sl_now(), TAUGHT_FOR);
    if (half < pipeline->bytes_told) {
        pipeline->bytes_told = half;
        units_print_size(size, part->body.n);
        if (half >= 1000) /* the least that the flag takes */
            snprintf(advice, sizeof(advice), "--batch-bytes %zuKB, or ", half / 1000);
        log_error(
            "%s answered 413 to %zu events, %s: the service takes less than that; nothing deleted, "
            "%zu held\n"
            "  do:    %sraise its limit (Express: express.json({limit:'1mb'}); "
            "nginx: client_max_body_size)",
            pipeline->sink->name, part->count, size, source_held(pipeline->source), advice);
    }
    return STEP_RECUT;
}

/* The drain comes first: what is left of the part goes back unsent. */
static enum step give_up(struct courier *courier, struct part *part)
{
    gate_leave(&courier->delivery->gate, courier->seat);
    decide(part, FATE_UNSENT);
    return STEP_DECIDED;
}

/* A Retry-After holds even in the drain, as long as there is time for another try after it. */
static enum step wait_as_told(struct courier *courier, struct part *part, sl_dur delay)
{
    const struct pipeline *pipeline = courier->delivery->pipeline;
    sl_time until = sl_time_add(sl_now(), delay);

    while (sl_time_before(sl_now(), until)) {
        bool draining = intake_ended(courier->delivery);

        if (draining && !sl_time_before(until, sl_ctx_deadline(pipeline->delivery)))
            return give_up(courier, part);
        if (sl_sleep_until(draining ? pipeline->delivery : pipeline->intake, until) != SL_OK &&
            draining)
            return give_up(courier, part);
    }
    return STEP_AGAIN;
}

static enum step on_retry(struct courier *courier, struct part *part,
                          const struct sink_result *result)
{
    struct delivery *delivery = courier->delivery;
    sl_dur delay = backoff_full(RETRY_BASE, RETRY_CAP, part->attempt - 1, sl_random());

    if (part->last_try || sl_ctx_err(delivery->pipeline->delivery))
        return give_up(courier, part);
    if (suspect_failed(&part->suspect, delivery->gate.accepted, result->sent)) {
        log_trouble(courier, part, result,
                    "others are accepted, this one is not: its events go back");
        decide(part, FATE_REFUSED);
        return STEP_DECIDED;
    }
    log_trouble(courier, part, result, "trying again");
    if (result->retry_after.ns > 0 &&
        !PLANTED(20)) /* nothing wakes from that, not even an outage's end */
        return wait_as_told(courier, part, sl_dur_max(result->retry_after, delay));
    (void)gate_back_off(&delivery->gate, courier->seat, delay);
    return STEP_AGAIN;
}

static enum step on_pause(struct courier *courier, struct part *part,
                          const struct sink_result *result)
{
    struct delivery *delivery = courier->delivery;
    struct pipeline *pipeline = delivery->pipeline;
    unsigned tries = part->attempt < 7 ? part->attempt - 1 : 6;

    snprintf(pipeline->progress->trouble, sizeof(pipeline->progress->trouble), "%s",
             result->reason);
    if (gate_shut(&delivery->gate, courier->seat))
        log_error("%s: %s: the service or the set-up is wrong; nothing deleted, nothing dropped, "
                  "%zu held, "
                  "receiving pauses\n  do:    mend the service, its address or the credentials for "
                  "it; sluice tries "
                  "again by itself",
                  pipeline->sink->name, result->reason, source_held(pipeline->source));
    if (part->last_try || intake_ended(delivery))
        return give_up(courier, part);
    if (delivery->gate.prober == courier->seat &&
        gate_back_off(&delivery->gate, courier->seat,
                      sl_dur_max(PROBE_BASE, backoff_full(PROBE_BASE, PROBE_CAP, tries,
                                                          sl_random()))) == SL_CANCELED)
        return give_up(courier, part);
    return STEP_AGAIN;
}

static enum step act(struct courier *courier, struct part *part, const struct sink_result *result)
{
    if (result->outcome != OUTCOME_PAUSE)
        gate_open(&courier->delivery->gate, courier->seat);
    if (PLANTED(1) && result->outcome == OUTCOME_RETRY && result->status >= 500)
        return on_accepted(courier, part);
    switch (result->outcome) {
    case OUTCOME_ACCEPTED:
        return on_accepted(courier, part);
    case OUTCOME_PARTIAL:
        return on_partial(courier, part, result);
    case OUTCOME_REFUSED:
        return on_refused(courier, part, result);
    case OUTCOME_SPLIT:
        return on_split(courier, part, result);
    case OUTCOME_RETRY:
        return on_retry(courier, part, result);
    case OUTCOME_PAUSE:
        return on_pause(courier, part, result);
    }
    sl_assert(!"an outcome is one of these");
    return STEP_DECIDED;
}

/* ---- posting ---- */

/* For the watchdog. */
static void moves(struct courier *courier)
{
    courier->seat->errand.moved_at = sl_now();
    courier->delivery->pipeline->progress->last_event = courier->seat->errand.moved_at;
}

static void be_patient(struct courier *courier)
{
    courier->seat->errand.moved_at = SL_NEVER;
    courier->delivery->pipeline->progress->patient++;
}

static enum step attempt(struct courier *courier, struct part *part)
{
    struct delivery *delivery = courier->delivery;
    struct pipeline *pipeline = delivery->pipeline;
    struct sink_result result = {.failed = courier->failed};
    sl_time began = sl_now();

    part->last_try = intake_ended(delivery);
    part->attempt++;
    if (PLANTED(9) && part->attempt > 1)
        sl_uuid4(part->key);
    if (PLANTED(10) && part->attempt > 1)
        part->body.n--;
    pipeline->account->requests++;
    pipeline->progress->sending++;
    if (pipeline->sink->is_patient)
        be_patient(courier);
    sink_post(pipeline->sink, pipeline->delivery,
              &(struct sink_request){
                  .body = part->body,
                  .key = part->key,
                  .ids = courier->ids,
                  .count = part->count,
                  .attempt = part->attempt,
              },
              &result);
    pipeline->progress->sending--;
    pipeline->progress->patient -= pipeline->sink->is_patient;
    moves(courier);
    if (result.sent && !result.complete)
        doubt(part);
    if (result.gone) {
        log_error("%s: receiving ends, what is held goes back", result.reason);
        sl_ctx_cancel(pipeline->intake, -EPIPE);
        return give_up(courier, part);
    }
    if (result.outcome == OUTCOME_ACCEPTED)
        log_accepted(courier, part, &result, sl_time_sub(sl_now(), began));
    return act(courier, part, &result);
}

/* Posts a part until its items have a fate, or until it has to be cut anew. */
static void deliver_part(struct courier *courier, struct part *part)
{
    struct delivery *delivery = courier->delivery;
    enum step step;

    do {
        if (sl_ctx_err(delivery->pipeline->delivery) || gate_pass(&delivery->gate, courier->seat)) {
            give_up(courier, part);
            return;
        }
        if (lost_any(delivery, part)) {
            gate_leave(&delivery->gate, courier->seat);
            return;
        }
        step = attempt(courier, part);
    } while (step == STEP_AGAIN);
}

/* How far the order of a run has been looked at, from batch to batch of a chain. */
struct order {
    uint32_t run;
    enum fate broken; /* the run's later events get this fate; FATE_UNDECIDED: it is whole so far */
};

/*
 * Order within a run (FIFO): what comes after a failed event of its group goes back too, unposted if there is still time,
 * else also if the service accepted it; the contract tells the service so. The order at the end of the batch.
 */
static struct order keep_order(struct batch *batch, struct order order)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct batch_item *item = &batch->items[i];

        if (item->run != order.run)
            order = (struct order){.run = item->run, .broken = FATE_UNDECIDED};
        if (item->fate == FATE_DELETE || item->fate == FATE_UNDECIDED)
            item->fate = order.broken == FATE_UNDECIDED ? item->fate : order.broken;
        else if (order.broken == FATE_UNDECIDED)
            order.broken = item->fate == FATE_REFUSED ? FATE_REFUSED : FATE_UNSENT;
    }
    return order;
}

/* Events that a source can't take back are tried again under a new key, a few times. */
static bool repeats(struct courier *courier, struct batch *batch, unsigned *rounds)
{
    struct delivery *delivery = courier->delivery;
    bool any = false;

    if (delivery->pipeline->source->takes_back || ++*rounds > REPEATS_MAX || intake_ended(delivery))
        return false;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].fate != FATE_REFUSED)
            continue;
        batch->items[i].fate = FATE_UNDECIDED;
        any = true;
    }
    if (!any)
        return false;
    sl_uuid4(batch->id); /* the service may remember what it answered to the old one */
    (void)gate_back_off(&delivery->gate, courier->seat,
                        backoff_full(RETRY_BASE, RETRY_CAP, *rounds, sl_random()));
    return true;
}

/* Gives all undecided items a fate. `order` is that of the chain before this batch. */
static struct order deliver_batch(struct courier *courier, struct batch *batch, struct order order)
{
    struct delivery *delivery = courier->delivery;
    bool is_fifo = delivery->pipeline->source->is_fifo;
    unsigned rounds = 0;
    struct part part;

    do {
        expire_lost(delivery, batch);
        if (is_fifo)
            (void)keep_order(batch, order);
        while (find_part(delivery, batch, 0, &part)) {
            if (dress_part(courier, &part)) {
                log_error("out of memory for a part of a batch: its events go back");
                decide(&part, FATE_UNSENT);
            } else {
                deliver_part(courier, &part);
            }
            expire_lost(delivery, batch);
            if (is_fifo)
                (void)keep_order(batch, order);
        }
    } while (repeats(courier, batch, &rounds));
    return is_fifo ? keep_order(batch, order) : order;
}

static void deliver_chain(struct courier *courier, struct batch *chain)
{
    struct order order = {.run = UINT32_MAX, .broken = FATE_UNDECIDED};

    for (struct batch *batch = chain; batch; batch = batch->then)
        order = deliver_batch(courier, batch, order);
}

struct deliver {
    struct delivery *delivery;
    unsigned number;
};

SL_TASK(deliver)
{
    struct delivery *delivery = my->delivery;
    struct errands *errands = &delivery->pipeline->progress->errands;
    struct courier courier = {
        .delivery = delivery, .seat = &delivery->seats[my->number - 1], .number = my->number};
    struct batch *batch;

    (void)ctx;
    errand_begin(errands, &courier.seat->errand, "a delivery");
    while (batch_chan_recv(delivery->in, delivery->pipeline->life, &batch) == SL_OK) {
        moves(&courier);
        deliver_chain(&courier, batch);
        courier.seat->errand.moved_at = SL_NEVER;
        if (batch_chan_send(delivery->out, delivery->pipeline->life, batch))
            batch_free(batch); /* life is over: what it holds is abandoned */
    }
    errand_end(errands, &courier.seat->errand);
    strbuf_deinit(&courier.body);
    free(courier.ids);
    free(courier.failed);
    return 0;
}

static void start_couriers(struct delivery *delivery, struct sl_ctx *couriers, size_t tasks)
{
    gate_init(&delivery->gate, delivery->pipeline, delivery->seats, tasks);
    for (unsigned i = 1; i <= tasks; i++)
        SL_GO(couriers, deliver, .delivery = delivery, .number = i);
    if (sl_ctx_err(couriers)) /* one of them could not be had */
        sl_ctx_cancel(delivery->pipeline->life, sl_ctx_cause(couriers));
}

struct deliver_all {
    struct pipeline *pipeline;
    struct batch_chan *in, *out;
};

/* What the delivering tasks share lives as long as the last of them, however many could be started. */
SL_TASK(deliver_all)
{
    struct pipeline *pipeline = my->pipeline;
    size_t tasks = pipeline->config->concurrency;
    struct delivery *delivery = calloc(1, sizeof(*delivery) + tasks * sizeof(delivery->seats[0]));
    struct sl_ctx *couriers;

    if (!delivery) {
        sl_ctx_cancel(pipeline->life, -ENOMEM);
        return -ENOMEM;
    }
    delivery->pipeline = pipeline;
    delivery->in = my->in;
    delivery->out = my->out;
    couriers = sl_ctx_new(ctx, &(struct sl_ctx_options){.name = "deliveries", .keep_going = true});
    start_couriers(delivery, couriers, tasks);
    SL_IGNORE(sl_ctx_wait(couriers, NULL));
    (void)sl_ctx_leave(couriers);
    if (my->out)
        batch_chan_close(my->out);
    free(delivery);
    return 0;
}

struct batch_chan *deliver_batches(struct pipeline *pipeline, struct batch_chan *batches)
{
    size_t room = pipeline->config->source.in_flight_max;
    struct batch_chan *verdicts = batch_chan_new(pipeline->life, room, batch_drop);

    SL_GO(pipeline->life, deliver_all, .pipeline = pipeline, .in = batches, .out = verdicts);
    return verdicts;
}

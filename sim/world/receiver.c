#include "sim/world/receiver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/loop.h>

#include "queue/links.h"
#include "sim/world/text.h"

enum { EVENTS_MAX = 10000 }; /* of a batch: --batch-count's limit */
#define RETRY_AFTER   "2"    /* seconds */
#define RETRY_AFTER_S 2

struct sim_receiver {
    struct sim_net *net;
    struct sim_faults *faults;
    struct sim_ledger *ledger;
    struct sim_random random;
    struct sim_receiver_options options;
    struct sim_receiver_counts counts;
    struct sl_link waiting; /* jobs */
    struct said *said;      /* by hash */
    size_t said_count, said_max;
    size_t learnt_max;   /* the limit that a 413 has told of */
    sl_time begins_next; /* the earliest, for options.apart */
};

/* What goes under a key, or as what a body goes: the contract is that they belong to each other. */
struct said {
    uint64_t hash;      /* of a key; or of a body, and who sends it. 0: free */
    uint64_t with;      /* the other one's */
    sl_time not_before; /* of a key: what Retry-After asked for */
};

/* One batch at the service. */
struct job {
    struct sl_link links;
    struct sim_receiver *receiver;
    struct sim_exchange *exchange; /* NULL: answered */
    struct sl_timer timer;
    uint32_t process;
    uint64_t key; /* hash */
    bool asks_to_wait;
    enum sim_fault fate; /* FAULTS: it does what it should */
    bool has_left;       /* its client waits no more */
    bool is_one_too_many;
    bool is_open;  /* it has committed, and its client waits for the answer */
    bool is_clean; /* what it answers confirms the events that are not failed */
    uint64_t *numbers;
    struct slice *ids;
    bool *failed;
    size_t count;
};

/* ---- the batch ---- */

/* A record of a Lambda event is no shorter: its keys alone, an id, and two digests. */
enum { RECORD_LEAST = 300 };

static void make_room(struct job *job, size_t n)
{
    job->numbers = calloc(n, sizeof *job->numbers);
    job->ids = malloc(n * sizeof *job->ids);
    job->failed = calloc(n, sizeof *job->failed);
    sl_assert(job->numbers && job->ids && job->failed);
}

/* The events and their ids, as they stand in a Lambda event. false: it is none. */
static bool read_batch(struct job *job, struct slice body)
{
    static const char id_key[] = "\"messageId\":\"", event_key[] = "{\\\"event\\\":";
    const char *end = body.p + body.n;
    size_t room = body.n / RECORD_LEAST + 1, at = 0;

    make_room(job, room);
    while (job->count < room && body.n - at > RECORD_LEAST) {
        const char *id = sim_text_find(body, at, (struct slice){id_key, sizeof id_key - 1}, 'I');
        const char *event;

        if (!id)
            break;
        event = sim_text_find(body, (size_t)(id - body.p),
                              (struct slice){event_key, sizeof event_key - 1}, '{');
        if (!event)
            return false;
        job->ids[job->count] = (struct slice){id + sizeof id_key - 1, 36};
        event += sizeof event_key - 1;
        job->numbers[job->count++] = sim_text_number((struct slice){event, (size_t)(end - event)});
        at = (size_t)(event - body.p);
    }
    return job->count > 0 && job->count <= EVENTS_MAX;
}

static bool is_poison(const struct job *job, size_t i)
{
    const struct sim_event *event = sim_ledger_event(job->receiver->ledger, job->numbers[i]);

    return event && event->is_poison;
}

static bool has_poison(const struct job *job)
{
    for (size_t i = 0; i < job->count; i++)
        if (is_poison(job, i))
            return true;
    return false;
}

static void commit(struct job *job)
{
    job->is_open = !job->has_left;
    job->receiver->counts.accepted++;
    for (size_t i = 0; i < job->count; i++)
        if (!job->failed[i]) {
            sim_trace_add(job->receiver->net->trace, "committed", "event", job->numbers[i],
                          job->process);
            sim_ledger_commit(job->receiver->ledger, job->numbers[i], job->process, job->has_left);
        }
}

/* What the client learnt of it, or did not. */
static void settle(struct job *job, bool delivered)
{
    if (!job->is_open)
        return;
    job->is_open = false;
    for (size_t i = 0; i < job->count; i++)
        if (!job->failed[i]) {
            sim_trace_add(job->receiver->net->trace, "answered", "event", job->numbers[i],
                          delivered && job->is_clean);
            sim_ledger_answered(job->receiver->ledger, job->numbers[i], job->process,
                                delivered && job->is_clean);
        }
}

/* ---- keys and bodies ---- */

static struct said *said_slot(struct said *slots, size_t max, uint64_t hash)
{
    size_t i = hash & (max - 1);

    while (slots[i].hash && slots[i].hash != hash)
        i = (i + 1) & (max - 1);
    return &slots[i];
}

static void said_grow(struct sim_receiver *receiver)
{
    size_t max = receiver->said_max ? receiver->said_max * 2 : 1024;
    struct said *slots = calloc(max, sizeof *slots);

    sl_assert(slots);
    for (size_t i = 0; i < receiver->said_max; i++)
        if (receiver->said[i].hash)
            *said_slot(slots, max, receiver->said[i].hash) = receiver->said[i];
    free(receiver->said);
    receiver->said = slots;
    receiver->said_max = max;
}

static struct said *said_of(struct sim_receiver *receiver, uint64_t hash, uint64_t with)
{
    struct said *slot;

    if ((receiver->said_count + 1) * 2 > receiver->said_max)
        said_grow(receiver);
    slot = said_slot(receiver->said, receiver->said_max, hash);
    if (!slot->hash) {
        receiver->said_count++;
        *slot = (struct said){hash, with, {INT64_MIN}};
    }
    return slot;
}

/* A key means one body, a body of one process one key; and who was asked to wait waits. */
static void judge_key(struct job *job, struct slice body)
{
    struct sim_receiver *receiver = job->receiver;
    uint64_t of_body = sim_text_hash(body, 1),
             by_process = of_body ^ job->process * 0x9e3779b97f4a7c15;
    sl_time not_before, began;
    bool is_other_body, is_other_key;

    job->key = sim_text_hash(sim_exchange_header(job->exchange, "Idempotency-Key"), 2);
    is_other_key = said_of(receiver, by_process, job->key)->with != job->key;
    is_other_body = said_of(receiver, job->key, of_body)->with != of_body;
    not_before = said_of(receiver, job->key, of_body)->not_before;
    if (is_other_body || is_other_key)
        sim_ledger_find(receiver->ledger, "process %" PRIu32 " sent %s", job->process,
                        is_other_body ? "another body under the same key"
                                      : "the same body under another key");
    began = sim_exchange_began(job->exchange);
    /* A request that had been sent before it was told so may come late. */
    if (sl_time_before(sl_time_add(not_before, sl_sec(-RETRY_AFTER_S)), began) &&
        sl_time_before(began, not_before))
        sim_ledger_find(receiver->ledger, "process %" PRIu32 " did not wait for Retry-After",
                        job->process);
}

/* ---- answers ---- */

static void answer(struct job *job, int status, const char *type, struct slice body)
{
    struct http_header list[] = {{SLICE("Content-Type"), slice_of(type)},
                                 {SLICE("Retry-After"), SLICE(RETRY_AFTER)}};

    job->asks_to_wait = job->fate == FAULT_BUSY && sim_random_below(&job->receiver->random, 2);
    if (status >= 300)
        sim_ledger_unrest(job->receiver->ledger, job->process);
    for (size_t i = 0; i < job->count; i++)
        if (!job->is_clean || job->failed[i])
            sim_ledger_refused(job->receiver->ledger, job->numbers[i]);
    if (job->is_one_too_many) {
        list[1].value = SLICE("1");
        job->asks_to_wait = true;
    }
    job->receiver->counts.refused += status >= 300;
    sim_exchange_reply(SL_TAKE(job->exchange), status, list, job->asks_to_wait ? 2 : 1, body);
}

static void answer_plain(struct job *job, int status)
{
    answer(job, status, "text/plain", SLICE("as the fault has it\n"));
}

static int one_of(struct sim_receiver *receiver, const int *statuses, size_t count)
{
    return statuses[sim_random_below(&receiver->random, count)];
}

#define ONE_OF(receiver, ...)                                                                      \
    one_of(receiver, (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

/* On a FIFO queue all later ones of a failed one's group fail with it, as a good service has it. */
static void fail_groups(struct job *job)
{
    unsigned groups = job->receiver->ledger->groups;

    for (size_t i = 0; groups > 0 && i < job->count; i++)
        for (size_t j = 0; j < i && !job->failed[i]; j++)
            job->failed[i] = job->failed[j] && job->numbers[j] % groups == job->numbers[i] % groups;
}

static void choose_failures(struct job *job)
{
    job->failed[sim_random_below(&job->receiver->random, job->count)] = true;
    for (size_t i = 0; i < job->count; i++)
        if (sim_random_happens(&job->receiver->random, 100000))
            job->failed[i] = true;
    fail_groups(job);
}

static void name_poison(struct job *job)
{
    for (size_t i = 0; i < job->count; i++)
        job->failed[i] = is_poison(job, i);
    fail_groups(job);
}

static void answer_list(struct job *job, int status)
{
    struct strbuf body = {0};
    const char *comma = "";

    strbuf_adds(&body, "{\"batchItemFailures\":[");
    for (size_t i = 0; i < job->count; i++)
        if (job->failed[i]) {
            strbuf_addf(&body, "%s{\"itemIdentifier\":\"" SLICE_FMT "\"}", comma,
                        SLICE_ARG(job->ids[i]));
            comma = ",";
        }
    strbuf_adds(&body, "]}");
    answer(job, status, "application/json", strbuf_slice(&body));
    strbuf_deinit(&body);
}

static void accept_batch(struct job *job)
{
    job->is_clean = true;
    commit(job);
    answer_list(job, ONE_OF(job->receiver, 200, 200, 201, 202));
}

/* What it does instead of what it should. Kinds of the network and of SQS never are a job's fate. */
static void go_wrong(struct job *job)
{
    struct sim_receiver *r = job->receiver;

    if (job->fate == FAULT_BUSY) {
        answer_plain(job, ONE_OF(r, 503, 429));
    } else if (job->fate == FAULT_SERVER_ERROR) {
        answer_plain(job, ONE_OF(r, 500, 502, 504));
    } else if (job->fate == FAULT_TIMED_OUT) {
        answer_plain(job, ONE_OF(r, 408, 409, 421, 423, 425));
    } else if (job->fate == FAULT_TAKEN_THEN_500) {
        commit(job);
        answer_plain(job, 500);
    } else if (job->fate == FAULT_BAD_ANSWER) {
        commit(job);
        answer(job, 200, "application/json",
               sim_random_below(&r->random, 2)
                   ? SLICE("{\"batchItemFailures\":[{\"itemIdentifier\":\"nobody\"}]}")
                   : SLICE("{\"batchItemFail"));
    } else if (job->fate == FAULT_PARTIAL) {
        choose_failures(job);
        job->is_clean = true;
        commit(job);
        answer_list(job, 200);
    } else if (job->fate == FAULT_REFUSES) {
        answer_plain(job, ONE_OF(r, 400, 422));
    } else if (job->fate == FAULT_TOO_LARGE) {
        answer_plain(job, 413);
    } else if (job->fate == FAULT_WRONG) {
        answer_plain(job, ONE_OF(r, 401, 403, 404, 301, 501));
    } else {
        commit(job);
        answer_plain(job, ONE_OF(r, 203, 207));
    }
}

static void free_job(struct job *job)
{
    sl_timer_stop(&job->timer);
    free(job->numbers);
    free(job->ids);
    free(job->failed);
    free(job);
}

static void begin_next(struct sim_receiver *receiver);

/* The work on a batch is done. */
static void worked(struct sl_timer *timer)
{
    struct job *job = SL_CONTAINER_OF(timer, struct job, timer);
    struct sim_receiver *receiver = job->receiver;

    receiver->counts.working--;
    if (receiver->options.names_poison && job->fate == FAULTS)
        name_poison(job);
    if (has_poison(job) && !receiver->options.names_poison && job->fate == FAULTS)
        answer_plain(job, 422);
    else if (job->fate == FAULTS || job->fate == FAULT_DAWDLES)
        accept_batch(job);
    else
        go_wrong(job);
    begin_next(receiver);
}

static void begin(struct job *job)
{
    struct sim_receiver *r = job->receiver;
    sl_dur work = sim_random_latency(&r->random, r->options.work, r->options.work_p99);

    if (job->fate == FAULT_DAWDLES)
        work = sl_dur_add(work, sl_ms(sim_random_between(&r->random, 1000, 40000)));
    sl_time start = sl_time_max(sl_now(), r->begins_next);
    r->begins_next = sl_time_add(start, r->options.apart);
    r->counts.working++;
    sl_timer_set(&job->timer, sl_time_add(start, work));
}

static bool has_room(const struct sim_receiver *receiver)
{
    return receiver->options.at_once == 0 || receiver->counts.working < receiver->options.at_once;
}

static void begin_next(struct sim_receiver *receiver)
{
    while (!links_empty(&receiver->waiting) && has_room(receiver)) {
        struct job *job = SL_CONTAINER_OF(receiver->waiting.next, struct job, links);

        links_remove(&job->links);
        receiver->counts.waiting--;
        begin(job);
    }
}

/* ---- requests ---- */

static void job_left(void *arg)
{
    ((struct job *)arg)->has_left = true;
    settle(arg, false);
}

static void job_over(void *arg, bool delivered)
{
    struct job *job = arg;

    settle(job, delivered);
    if (delivered && job->asks_to_wait && !job->is_one_too_many)
        said_of(job->receiver, job->key, 0)->not_before =
            sl_time_add(sl_now(), sl_sec(RETRY_AFTER_S));
    free_job(job);
}

static bool is_too_large(const struct sim_receiver *receiver, size_t n)
{
    return receiver->options.body_max > 0 && n > receiver->options.body_max;
}

static enum sim_fault draw_fate(struct sim_receiver *receiver, size_t bytes)
{
    enum sim_fault fate = sim_fault_draw(receiver->faults, FAULT_BUSY, FAULT_REFUSES, LEG_SERVICE);

    if (fate == FAULTS && bytes >= SIM_SERVICE_LARGE)
        fate = sim_fault_draw(receiver->faults, FAULT_TOO_LARGE, FAULT_TOO_LARGE, LEG_SERVICE);
    if (fate == FAULTS)
        fate = sim_fault_draw(receiver->faults, FAULT_WRONG, FAULT_DAWDLES, LEG_SERVICE);
    return fate;
}

static void take(void *arg, struct sim_exchange *exchange)
{
    struct sim_receiver *receiver = arg;
    struct job *job = calloc(1, sizeof *job);
    struct slice body = sim_exchange_body(exchange);

    sl_assert(job);
    job->receiver = receiver;
    job->exchange = exchange;
    job->process = sim_exchange_process(exchange);
    job->has_left = sim_exchange_was_left(exchange);
    sl_timer_init(&job->timer, worked);
    receiver->counts.requests++;
    sim_exchange_watch(exchange,
                       &(struct sim_watch){.left = job_left, .over = job_over, .arg = job});
    job->fate = draw_fate(receiver, body.n);
    bool is_batch = read_batch(job, body);
    judge_key(job, body);
    for (size_t i = 0; i < job->count; i++)
        sim_ledger_posted(receiver->ledger, job->numbers[i], job->process,
                          sim_exchange_began(exchange));
    sim_trace_add(receiver->net->trace, "batch", "service", job->count,
                  (uint64_t)job->fate << 32 | sim_exchange_number(exchange));
    if (!is_batch) {
        answer_plain(job, 400);
    } else if (is_too_large(receiver, body.n)) {
        answer_plain(job, 413);
    } else if (has_room(receiver)) {
        begin(job);
    } else if (receiver->options.refuses_more) {
        job->is_one_too_many = true;
        answer_plain(job, 429);
    } else if (receiver->options.queue_max == 0 ||
               receiver->counts.waiting < receiver->options.queue_max) {
        links_add(&receiver->waiting, &job->links);
        receiver->counts.waiting++;
    } else {
        answer_plain(job, 503);
    }
}

static void missed(void *arg, struct sim_exchange *exchange)
{
    const struct sim_receiver *receiver = arg;

    sim_ledger_unrest(receiver->ledger, sim_exchange_process(exchange));
}

/* ---- making ---- */

struct sim_receiver *sim_receiver_new(struct sim_net *net, struct sim_faults *faults,
                                      struct sim_ledger *ledger, struct sim_random random,
                                      const struct sim_receiver_options *options)
{
    struct sim_receiver *receiver = calloc(1, sizeof *receiver);

    sl_assert(receiver);
    *receiver = (struct sim_receiver){
        .net = net, .faults = faults, .ledger = ledger, .random = random, .options = *options};
    links_init(&receiver->waiting);
    sim_net_add_host(net, &(struct sim_host){.authority = SIM_SERVICE_HOST,
                                             .leg = LEG_SERVICE,
                                             .latency = options->latency,
                                             .latency_p99 = options->latency_p99,
                                             .take = take,
                                             .missed = missed,
                                             .arg = receiver});
    return receiver;
}

void sim_receiver_free(struct sim_receiver *receiver)
{
    sl_assert(links_empty(&receiver->waiting) && receiver->counts.working == 0);
    free(receiver->said);
    free(receiver);
}

struct sim_receiver_counts sim_receiver_counts(const struct sim_receiver *receiver)
{
    return receiver->counts;
}

void sim_receiver_work_set(struct sim_receiver *receiver, sl_dur work, sl_dur work_p99)
{
    receiver->options.work = work;
    receiver->options.work_p99 = work_p99;
}

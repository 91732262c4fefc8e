/*
 * The pipeline in virtual time, between a source and a sink that are scripts. What the stages do is seen from outside: when
 * which events were posted under which key, and what became of each.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <sluice/task.h>

#include "ops/log.h"
#include "pipeline/pipeline.h"
#include "sim/virtual.h"
#include "test/lib/counted.h"

enum { EVENTS_MAX = 4000, POSTS_MAX = 6000 };

/* What was posted. */
struct post {
    sl_dur at; /* since the start */
    size_t count, bytes;
    unsigned attempt;
    char key[37];
    unsigned first; /* number of its first event */
    uint64_t hash;
};

struct world;
typedef enum outcome judge(struct world *w, const struct sink_request *request,
                           struct sink_result *result);

struct world {
    /* the script */
    size_t events; /* how many the source gives */
    sl_dur every;  /* between two of them */
    size_t body_bytes;
    size_t run_length;  /* FIFO: messages in a run; 0: standard */
    bool stays_open;    /* the source waits for intake's end when it has given all */
    bool keeps_nothing; /* the source takes nothing back */
    bool is_deaf;       /* the sink posts on when it is told to stop */
    bool is_patient;    /* the sink waits for its reader as long as it takes */
    judge *judge;
    sl_dur latency;
    sl_dur signal_at[3]; /* 0: none */
    sl_dur stops_at;     /* the process, for an hour; 0: never */
    struct pipeline_config config;

    /* what happened */
    sl_time began;
    struct post posts[POSTS_MAX];
    size_t post_count;
    enum fate fates[EVENTS_MAX];
    unsigned settled[EVENTS_MAX];
    bool doubt[EVENTS_MAX];
    bool lost[EVENTS_MAX]; /* the script takes its lease away */
    struct account account;
    struct progress progress;
    struct pipeline_report report;
    unsigned calls; /* of the judge */
};

struct fake_source {
    struct source base;
    struct world *w;
    size_t held;
};

/* ---- the source ---- */

static struct message *make(struct world *w, unsigned number)
{
    struct strbuf storage = {0};
    struct record record;
    struct message *message;
    struct block *block;
    char id[40], text[64];
    char *body = malloc(w->body_bytes + 1);

    snprintf(id, sizeof(id), "%06u", number);
    snprintf(text, sizeof(text), "event %u ", number);
    memset(body, 'x', w->body_bytes);
    memcpy(body, text, strlen(text) < w->body_bytes ? strlen(text) : w->body_bytes);
    assert_int_equal(
        record_from_text(&record, &storage, id, (struct slice){body, w->body_bytes}, 0), 0);
    free(body);
    block = block_new(&storage);
    message = message_new((struct ticket){number, 1}, &record, block);
    block_unref(block);
    return message;
}

struct give {
    struct fake_source *source;
    struct sl_ctx *intake;
    struct message_chan *out;
};

SL_TASK(give)
{
    struct world *w = my->source->w;
    unsigned run = w->run_length ? (unsigned)w->run_length : 1;

    for (unsigned i = 0; i < w->events; i += run) {
        struct message *first = NULL, **link = &first;

        if (i > 0 && w->every.ns > 0 && sl_sleep(my->intake, w->every) != SL_OK)
            break;
        for (unsigned k = i; k < i + run && k < w->events; k++) {
            *link = make(w, k);
            link = &(*link)->next;
            my->source->held++;
            w->account.received++;
        }
        if (message_chan_send(my->out, my->intake, first) != SL_OK) {
            my->source->held -= message_run_length(first);
            w->account.received -= message_run_length(first);
            message_run_free(first);
            break;
        }
    }
    if (w->stays_open)
        (void)!sl_ctx_wait_done(my->intake, NULL);
    message_chan_close(my->out);
    return 0;
}

static void drop_run(struct message **run)
{
    message_run_free(*run);
}

static struct message_chan *fake_receive(struct source *source, struct sl_ctx *life,
                                         struct sl_ctx *delivery, struct sl_ctx *intake)
{
    struct message_chan *out = message_chan_new(life, 5000, drop_run);

    (void)delivery;
    SL_GO(life, give, .source = (struct fake_source *)source, .intake = intake, .out = out);
    return out;
}

struct take_back {
    struct fake_source *source;
    struct sl_ctx *life;
    struct batch_chan *verdicts;
};

SL_TASK(take_back)
{
    struct fake_source *source = my->source;
    struct batch *verdict;

    while (batch_chan_recv(my->verdicts, my->life, &verdict) == SL_OK) {
        for (struct batch *b = verdict; b; b = b->then)
            for (size_t i = 0; i < b->count; i++) {
                unsigned number = b->items[i].ticket.slot;

                assert_int_not_equal(b->items[i].fate, FATE_UNDECIDED);
                source->w->fates[number] = b->items[i].fate;
                source->w->doubt[number] = b->items[i].in_doubt;
                source->w->settled[number]++;
                source->held--;
            }
        batch_free(verdict);
    }
    return 0;
}

static void fake_settle(struct source *source, struct sl_ctx *life, struct batch_chan *verdicts)
{
    SL_GO(life, take_back, .source = (struct fake_source *)source, .life = life,
          .verdicts = verdicts);
}

static bool fake_holds(const struct source *source, struct ticket ticket)
{
    return !((const struct fake_source *)source)->w->lost[ticket.slot];
}

static size_t fake_held(const struct source *source)
{
    return ((const struct fake_source *)source)->held;
}

static size_t fake_abandon(struct source *source)
{
    source->account->abandoned += fake_held(source);
    return fake_held(source);
}

static const struct source_ops fake_source_ops = {
    .receive = fake_receive,
    .settle = fake_settle,
    .holds = fake_holds,
    .held = fake_held,
    .abandon = fake_abandon,
};

/* ---- the sink ---- */

struct fake_sink {
    struct sink base;
    struct world *w;
};

/* The number of an event; ids are not terminated. */
static unsigned number_of(struct slice id)
{
    unsigned number = 0;

    for (size_t i = 0; i < id.n; i++)
        number = number * 10 + (unsigned)(id.p[i] - '0');
    return number;
}

static uint64_t hash_of(struct slice s)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < s.n; i++)
        hash = (hash ^ (unsigned char)s.p[i]) * 1099511628211u;
    return hash;
}

static void fake_post(struct sink *sink, struct sl_ctx *ctx, const struct sink_request *request,
                      struct sink_result *result)
{
    struct world *w = ((struct fake_sink *)sink)->w;
    struct post *post = &w->posts[w->post_count++];

    assert_true(w->post_count <= POSTS_MAX);
    assert_true(request->count > 0); /* never an empty batch */
    *post = (struct post){
        .at = sl_time_sub(sl_now(), w->began),
        .count = request->count,
        .bytes = request->body.n,
        .attempt = request->attempt,
        .first = number_of(request->ids[0]),
        .hash = hash_of(request->body),
    };
    memcpy(post->key, request->key, sizeof(post->key));
    if (sl_sleep(w->is_deaf ? NULL : ctx, w->latency) != SL_OK) {
        result->outcome = OUTCOME_RETRY;
        result->sent = true;
        snprintf(result->reason, sizeof(result->reason), "cancelled");
        return;
    }
    result->sent = result->complete = true;
    result->outcome = w->judge ? w->judge(w, request, result) : OUTCOME_ACCEPTED;
    w->calls++;
}

static const struct sink_ops fake_sink_ops = {.post = fake_post};

/* ---- running it ---- */

struct signaller {
    struct world *w;
};

SL_TASK(signaller)
{
    for (size_t i = 0; i < 3 && my->w->signal_at[i].ns; i++)
        if (sl_sleep_until(ctx, sl_time_add(my->w->began, my->w->signal_at[i])) == SL_OK)
            sl_virtual_raise(SIGTERM);
    return 0;
}

struct stopper {
    struct world *w;
};

SL_TASK(stopper)
{
    if (sl_sleep(ctx, my->w->stops_at) == SL_OK)
        sl_virtual_leap(sl_hours(1));
    return 0;
}

static int in_world(struct sl_ctx *ctx, void *arg)
{
    struct world *w = arg;
    struct fake_source source = {
        .base = {.ops = &fake_source_ops,
                 .name = "script",
                 .origin = {SLICE("arn:x"), SLICE("local")},
                 .takes_back = !w->keeps_nothing,
                 .is_fifo = w->run_length > 0,
                 .account = &w->account,
                 .progress = &w->progress},
        .w = w,
    };
    struct fake_sink sink = {.base = {.ops = &fake_sink_ops,
                                      .format = w->config.sink.format,
                                      .is_patient = w->is_patient,
                                      .name = "script"},
                             .w = w};
    int signo = SIGTERM;
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct sl_chan *signals = sl_signals(scope, &signo, 1);
    int r;

    w->began = sl_now();
    SL_GO(scope, signaller, .w = w);
    if (w->stops_at.ns)
        SL_GO(scope, stopper, .w = w);
    r = pipeline_run(ctx, &w->config, &source.base, &sink.base, signals, &w->report);
    sl_ctx_cancel(scope, 0);
    sl_ctx_leave(scope);
    return r;
}

static struct world *world_new(size_t events)
{
    struct world *w = calloc(1, sizeof(*w));

    w->events = events;
    w->body_bytes = 100;
    w->latency = sl_ms(50);
    w->config = (struct pipeline_config){
        .source = {.in_flight_max = 5000},
        .sink = {.format = format_find("json"), .timeout = sl_sec(20)},
        .batch_count = 100,
        .batch_bytes = 1000000,
        .batch_age = sl_sec(5),
        .concurrency = 10,
        .drain = sl_sec(25),
        .run_for = SL_FOREVER,
    };
    progress_init(&w->progress);
    return w;
}

static void run(struct world *w, uint64_t seed)
{
    assert_int_equal(sl_virtual_run(&(struct sl_virtual_options){.seed = seed, .shuffle = seed > 3},
                                    in_world, w),
                     0);
}

static size_t count_fates(const struct world *w, enum fate fate)
{
    size_t n = 0;

    for (size_t i = 0; i < w->events; i++)
        n += w->settled[i] == 1 && w->fates[i] == fate;
    return n;
}

static void assert_ms(sl_dur at, int64_t ms)
{
    assert_int_equal(sl_dur_ms(at), ms);
}

/* ---- batching: the demonstration's two bugs ---- */

static void a_batch_leaves_five_seconds_after_its_first_event(void **state)
{
    struct world *w = world_new(120);

    (void)state;
    w->every = sl_ms(100);
    run(w, 1);
    /* Events 0 … 50 came at 0.0 … 5.0 s; the one at 5.0 s may make it or not. */
    assert_ms(w->posts[0].at, 5000);
    assert_in_range(w->posts[0].count, 50, 51);
    assert_int_equal(count_fates(w, FATE_DELETE), 120);
    free(w);
}

static void an_empty_batch_is_never_sent(void **state)
{
    struct world *w = world_new(1);

    (void)state;
    w->stays_open = true;
    w->signal_at[0] = sl_sec(60);
    run(w, 1);
    assert_int_equal(w->post_count, 1);
    assert_int_equal(w->posts[0].count, 1);
    assert_ms(w->posts[0].at, 5000);
    assert_int_equal(w->report.ending, PIPELINE_DRAINED);
    free(w);
}

/* Two deliveries take 20 s, and a third batch waits for one of them: the event that did not fit into it came at once, too. */
static void the_age_counts_from_the_first_event_while_all_deliveries_are_busy(void **state)
{
    struct world *w = world_new(10);

    (void)state;
    w->stays_open = true;
    w->config.concurrency = 2;
    w->config.batch_bytes = 330; /* three events */
    w->config.batch_age = sl_sec(60);
    w->latency = sl_sec(20);
    w->config.run_for = sl_sec(200);
    run(w, 1);
    assert_int_equal(w->post_count, 4);
    assert_ms(w->posts[2].at, 20000);
    assert_int_equal(w->posts[3].count, 1);
    assert_ms(w->posts[3].at, 60000);
    free(w);
}

static void a_full_batch_leaves_at_once(void **state)
{
    struct world *w = world_new(250);

    (void)state;
    w->stays_open = true;
    w->signal_at[0] = sl_sec(30);
    run(w, 1);
    assert_int_equal(w->post_count, 3);
    assert_ms(w->posts[0].at, 0);
    assert_ms(w->posts[1].at, 0);
    assert_int_equal(w->posts[1].count, 100);
    assert_ms(w->posts[2].at, 5000);
    assert_int_equal(w->posts[2].count, 50);
    free(w);
}

static void no_batch_exceeds_the_byte_limit(void **state)
{
    struct world *w = world_new(500);

    (void)state;
    w->config.batch_bytes = 1000;
    run(w, 1);
    for (size_t i = 0; i < w->post_count; i++)
        assert_true(w->posts[i].bytes <= 1000);
    assert_int_equal(w->posts[0].count, 9); /* 9 × 102 + 8 + 2 = 928; ten would be 1,031 */
    assert_int_equal(count_fates(w, FATE_DELETE), 500);
    free(w);
}

static void an_event_above_the_byte_limit_goes_alone(void **state)
{
    struct world *w = world_new(3);

    (void)state;
    w->body_bytes = 5000;
    w->config.batch_bytes = 1000;
    run(w, 1);
    assert_int_equal(w->post_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(w->posts[i].count, 1);
    free(w);
}

static void raw_is_one_event_per_request(void **state)
{
    struct world *w = world_new(7);

    (void)state;
    w->config.sink.format = format_find("raw");
    run(w, 1);
    assert_int_equal(w->post_count, 7);
    assert_int_equal(w->posts[0].bytes, 100);
    free(w);
}

/* ---- outcomes ---- */

static enum outcome fail_three_times(struct world *w, const struct sink_request *request,
                                     struct sink_result *result)
{
    (void)request;
    snprintf(result->reason, sizeof(result->reason), "503");
    return w->calls < 3 ? OUTCOME_RETRY : OUTCOME_ACCEPTED;
}

static void a_retry_has_the_same_bytes_and_key(void **state)
{
    struct world *w = world_new(10);

    (void)state;
    w->judge = fail_three_times;
    run(w, 3);
    assert_int_equal(w->post_count, 4);
    for (size_t i = 1; i < 4; i++) {
        assert_string_equal(w->posts[i].key, w->posts[0].key);
        assert_int_equal(w->posts[i].hash, w->posts[0].hash);
        assert_int_equal(w->posts[i].attempt, i + 1);
    }
    assert_int_equal(count_fates(w, FATE_DELETE), 10);
    assert_int_equal(w->account.requests, 4);
    assert_int_equal(w->account.batches, 1);
    free(w);
}

static enum outcome refuse_every_third(struct world *w, const struct sink_request *request,
                                       struct sink_result *result)
{
    (void)w;
    for (size_t i = 0; i < request->count; i++)
        result->failed[i] = number_of(request->ids[i]) % 3 == 0;
    return OUTCOME_PARTIAL;
}

static void only_what_the_service_names_goes_back(void **state)
{
    struct world *w = world_new(30);

    (void)state;
    w->judge = refuse_every_third;
    run(w, 1);
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(w->fates[i], i % 3 == 0 ? FATE_REFUSED : FATE_DELETE);
    assert_int_equal(w->post_count, 1);
    free(w);
}

static enum outcome refuse_each(struct world *w, const struct sink_request *request,
                                struct sink_result *result)
{
    (void)w;
    for (size_t i = 0; i < request->count; i++)
        result->failed[i] = true;
    return OUTCOME_PARTIAL;
}

static void a_batch_of_which_nothing_is_taken_is_not_delivered(void **state)
{
    struct world *w = world_new(30);

    (void)state;
    w->judge = refuse_each;
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_REFUSED), 30);
    assert_int_equal(w->account.batches, 0);
    assert_int_equal(w->account.requests, 1);
    free(w);
}

static enum outcome too_large(struct world *w, const struct sink_request *request,
                              struct sink_result *result)
{
    (void)w;
    (void)result;
    return request->body.n > 3000 ? OUTCOME_SPLIT : OUTCOME_ACCEPTED;
}

static void a_413_splits_by_bytes_and_is_remembered(void **state)
{
    struct world *w = world_new(200);
    size_t refused = 0;

    (void)state;
    w->judge = too_large;
    w->config.concurrency = 1;
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_DELETE), 200);
    for (size_t i = 0; i < w->post_count; i++)
        refused += w->posts[i].bytes > 3000;
    assert_in_range(refused, 1, 3); /* 10 KB, 5 KB, and the batch that was made meanwhile */
    for (size_t i = 1; i < w->post_count; i++)
        assert_string_not_equal(w->posts[i].key, w->posts[i - 1].key);
    free(w);
}

static enum outcome the_first_is_too_large(struct world *w, const struct sink_request *request,
                                           struct sink_result *result)
{
    (void)request;
    (void)result;
    return w->calls == 0 ? OUTCOME_SPLIT : OUTCOME_ACCEPTED;
}

/* Two events a second and a limit of one for ten minutes; then batches are as large as before. */
static void what_a_413_taught_is_tried_again(void **state)
{
    struct world *w = world_new(2000);
    size_t in_time = 0;

    (void)state;
    w->judge = the_first_is_too_large;
    w->every = sl_ms(500);
    w->config.batch_count = 2;
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_DELETE), 2000);
    for (size_t i = 1; i < w->post_count; i++) {
        bool is_taught = sl_dur_cmp(w->posts[i].at, sl_minutes(10)) < 0;

        in_time += is_taught;
        if (sl_dur_cmp(sl_dur_sub(w->posts[i].at, sl_minutes(10)), sl_sec(5)) > 0 || is_taught)
            assert_int_equal(w->posts[i].count, is_taught ? 1 : 2);
    }
    assert_in_range(in_time, 1190, 1201);
    free(w);
}

static enum outcome always_too_large(struct world *w, const struct sink_request *request,
                                     struct sink_result *result)
{
    (void)w;
    (void)request;
    (void)result;
    return OUTCOME_SPLIT;
}

static void an_event_that_is_too_large_alone_goes_back(void **state)
{
    struct world *w = world_new(5);

    (void)state;
    w->judge = always_too_large;
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_REFUSED), 5);
    free(w);
}

static enum outcome refuse(struct world *w, const struct sink_request *request,
                           struct sink_result *result)
{
    (void)w;
    (void)request;
    (void)result;
    return OUTCOME_REFUSED;
}

static void a_refused_batch_goes_back_whole(void **state)
{
    struct world *w = world_new(5);

    (void)state;
    w->judge = refuse;
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_REFUSED), 5);
    assert_int_equal(w->post_count, 1);
    free(w);
}

static enum outcome wrong_for_a_minute(struct world *w, const struct sink_request *request,
                                       struct sink_result *result)
{
    (void)request;
    (void)result;
    return sl_dur_cmp(sl_time_sub(sl_now(), w->began), sl_sec(60)) < 0 ? OUTCOME_PAUSE
                                                                       : OUTCOME_ACCEPTED;
}

static void a_pause_probes_with_one_batch_and_keeps_everything(void **state)
{
    struct world *w = world_new(500);
    size_t late = 0;

    (void)state;
    w->judge = wrong_for_a_minute;
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_DELETE), 500);
    for (size_t i = 0; i < w->post_count; i++)
        late +=
            sl_dur_cmp(w->posts[i].at, sl_sec(1)) > 0 && sl_dur_cmp(w->posts[i].at, sl_sec(60)) < 0;
    assert_in_range(late, 2, 40); /* one prober, between 1 s and a minute apart */
    assert_false(w->progress.paused);
    free(w);
}

/* The first is wrong, those that were on their way are not, and the probe finds out what is told meanwhile. */
static enum outcome wrong_for_the_first(struct world *w, const struct sink_request *request,
                                        struct sink_result *result)
{
    (void)request;
    if (w->calls == 0) {
        snprintf(result->reason, sizeof(result->reason), "404");
        return OUTCOME_PAUSE;
    }
    if (w->calls == 2) {
        assert_true(w->progress.paused);
        assert_string_equal(w->progress.trouble, "404");
    }
    return OUTCOME_ACCEPTED;
}

static void a_pause_keeps_its_reason_whatever_becomes_of_others(void **state)
{
    struct world *w = world_new(200);

    (void)state;
    w->judge = wrong_for_the_first;
    run(w, 1);
    assert_int_equal(w->calls, 3);
    assert_string_equal(w->progress.trouble, "");
    free(w);
}

static enum outcome chokes_on_event_7(struct world *w, const struct sink_request *request,
                                      struct sink_result *result)
{
    (void)w;
    (void)result;
    for (size_t i = 0; i < request->count; i++)
        if (number_of(request->ids[i]) == 7)
            return OUTCOME_RETRY;
    return OUTCOME_ACCEPTED;
}

static void a_batch_that_fails_while_others_pass_is_suspect(void **state)
{
    struct world *w = world_new(3000);

    (void)state;
    w->every = sl_ms(10);
    w->judge = chokes_on_event_7;
    run(w, 1);
    assert_int_equal(w->fates[7], FATE_REFUSED);
    assert_int_equal(count_fates(w, FATE_REFUSED), 100);
    assert_int_equal(count_fates(w, FATE_DELETE), 2900);
    free(w);
}

static enum outcome down_for_ten_minutes(struct world *w, const struct sink_request *request,
                                         struct sink_result *result)
{
    (void)request;
    (void)result;
    return sl_dur_cmp(sl_time_sub(sl_now(), w->began), sl_minutes(10)) < 0 ? OUTCOME_RETRY
                                                                           : OUTCOME_ACCEPTED;
}

static void an_outage_is_held_and_recovered_from_quickly(void **state)
{
    struct world *w = world_new(1000);

    (void)state;
    w->judge = down_for_ten_minutes;
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_DELETE), 1000);
    assert_true(sl_dur_cmp(w->report.took, sl_sec(606)) < 0);
    free(w);
}

static void a_backoff_lasts_while_others_are_accepted(void **state)
{
    struct world *w = world_new(2000);
    sl_dur last = SL_ZERO;
    unsigned tries = 0;

    (void)state;
    w->every = sl_ms(1);
    w->latency = sl_ms(1);
    w->config.batch_count = 10; /* somebody is accepted every 10 ms */
    w->judge = chokes_on_event_7;
    run(w, 1);
    for (size_t i = 0; i < w->post_count; i++)
        if (w->posts[i].first == 0) {
            last = w->posts[i].at;
            tries++;
        }
    assert_true(tries >= 5);
    assert_true(sl_dur_cmp(last, sl_ms(300)) > 0);
    free(w);
}

static void what_lost_its_lease_is_not_posted(void **state)
{
    struct world *w = world_new(20);

    (void)state;
    w->stays_open = true;
    w->signal_at[0] = sl_sec(10);
    w->lost[3] = w->lost[19] = true;
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_EXPIRED), 2);
    assert_int_equal(count_fates(w, FATE_DELETE), 18);
    for (size_t i = 0; i < w->post_count; i++)
        assert_int_not_equal(w->posts[i].first, 3);
    free(w);
}

static enum outcome refuse_twice(struct world *w, const struct sink_request *request,
                                 struct sink_result *result)
{
    (void)request;
    for (size_t i = 0; i < request->count; i++)
        result->failed[i] = i == 0;
    return w->calls < 2 ? OUTCOME_PARTIAL : OUTCOME_ACCEPTED;
}

static void a_source_that_takes_nothing_back_has_failures_repeated(void **state)
{
    struct world *w = world_new(10);

    (void)state;
    w->keeps_nothing = true;
    w->judge = refuse_twice;
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_DELETE), 10);
    assert_int_equal(w->post_count, 3);
    assert_int_equal(w->posts[1].count, 1);
    assert_string_not_equal(w->posts[1].key, w->posts[0].key);
    free(w);
    w = world_new(
        1); /* the whole batch is repeated: not under the key that the service has answered */
    w->keeps_nothing = true;
    w->judge = refuse_twice;
    run(w, 1);
    assert_int_equal(w->post_count, 3);
    assert_string_not_equal(w->posts[1].key, w->posts[0].key);
    assert_string_not_equal(w->posts[2].key, w->posts[1].key);
    assert_int_equal(w->posts[2].attempt, 1);
    free(w);
}

/* ---- FIFO ---- */

static enum outcome refuse_event_12(struct world *w, const struct sink_request *request,
                                    struct sink_result *result)
{
    (void)w;
    for (size_t i = 0; i < request->count; i++)
        result->failed[i] = number_of(request->ids[i]) == 12;
    return OUTCOME_PARTIAL;
}

static void after_a_failure_the_rest_of_its_group_goes_back(void **state)
{
    struct world *w = world_new(30);

    (void)state;
    w->run_length = 10;
    w->judge = refuse_event_12;
    run(w, 1);
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(w->fates[i], i >= 12 && i < 20 ? FATE_REFUSED : FATE_DELETE);
    free(w);
}

static void a_long_run_is_delivered_in_order_by_one_task(void **state)
{
    struct world *w = world_new(30);

    (void)state;
    w->run_length = 10;
    w->config.batch_count = 3;
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_DELETE), 30);
    for (size_t i = 0; i < w->post_count; i++)
        for (size_t k = 0; k < i; k++)
            if (w->posts[k].first / 10 == w->posts[i].first / 10)
                assert_true(w->posts[k].first < w->posts[i].first &&
                            sl_dur_cmp(sl_dur_add(w->posts[k].at, w->latency), w->posts[i].at) <=
                                0);
    free(w);
}

static enum outcome small_ones_but_not_event_2(struct world *w, const struct sink_request *request,
                                               struct sink_result *result)
{
    (void)w;
    (void)result;
    if (request->body.n > 450)
        return OUTCOME_SPLIT;
    for (size_t i = 0; i < request->count; i++)
        if (number_of(request->ids[i]) == 2)
            return OUTCOME_REFUSED;
    return OUTCOME_ACCEPTED;
}

static void behind_a_refused_part_nothing_of_its_group_is_posted(void **state)
{
    struct world *w = world_new(30);

    (void)state;
    w->run_length = 10;
    w->judge = small_ones_but_not_event_2;
    w->config.concurrency = 1;
    run(w, 1);
    for (size_t i = 0; i < w->post_count; i++)
        if (w->posts[i].bytes <= 450) /* those that a 413 did not stop */
            for (unsigned k = 0; k < w->posts[i].count; k++)
                assert_false(w->posts[i].first + k >= 4 && w->posts[i].first + k < 10);
    for (unsigned i = 10; i < 30; i++)
        assert_int_equal(w->fates[i], FATE_DELETE);
    for (unsigned i = 4; i < 10; i++)
        assert_int_equal(w->fates[i], FATE_REFUSED);
    free(w);
}

static void a_chain_cut_by_the_drain_goes_back_unsent(void **state)
{
    struct world *w = world_new(10);

    (void)state;
    w->run_length = 10;
    w->stays_open = true;
    w->config.batch_count = 3;
    w->latency = sl_hours(1);
    w->signal_at[0] = sl_sec(30);
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_UNSENT), 10);
    free(w);
}

/* ---- the drain ---- */

static void a_signal_sends_the_open_batch_at_once(void **state)
{
    struct world *w = world_new(10);

    (void)state;
    w->stays_open = true;
    w->signal_at[0] = sl_ms(700);
    run(w, 1);
    assert_int_equal(w->post_count, 1);
    assert_ms(w->posts[0].at, 700);
    assert_int_equal(w->report.ending, PIPELINE_DRAINED);
    assert_ms(w->report.drain_took, 50);
    free(w);
}

static enum outcome down(struct world *w, const struct sink_request *request,
                         struct sink_result *result)
{
    (void)w;
    (void)request;
    snprintf(result->reason, sizeof(result->reason), "connection refused");
    result->sent = result->complete = false;
    return OUTCOME_RETRY;
}

static void with_the_service_down_everything_goes_back(void **state)
{
    struct world *w = world_new(950);

    (void)state;
    w->stays_open = true;
    w->judge = down;
    w->signal_at[0] = sl_sec(30);
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_UNSENT), 950);
    assert_int_equal(w->account.abandoned, 0);
    assert_true(sl_dur_cmp(w->report.drain_took, sl_sec(1)) < 0);
    free(w);
}

static void a_hanging_service_is_cut_in_time_to_give_back(void **state)
{
    struct world *w = world_new(300);

    (void)state;
    w->stays_open = true;
    w->latency = sl_hours(1);
    w->signal_at[0] = sl_sec(30);
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_UNSENT), 300);
    assert_int_equal(w->doubt[0], true);
    assert_ms(w->report.drain_took, 23000); /* 25 s less the 2 s for giving back */
    assert_int_equal(w->report.ending, PIPELINE_DRAINED);
    free(w);
}

static void a_second_signal_ends_delivery(void **state)
{
    struct world *w = world_new(300);

    (void)state;
    w->stays_open = true;
    w->latency = sl_hours(1);
    w->signal_at[0] = sl_sec(30);
    w->signal_at[1] = sl_sec(33);
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_UNSENT), 300);
    assert_ms(w->report.drain_took, 3000);
    free(w);
}

static void the_end_of_run_for_drains(void **state)
{
    struct world *w = world_new(10);

    (void)state;
    w->stays_open = true;
    w->config.run_for = sl_sec(2);
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_DELETE), 10);
    assert_ms(w->posts[0].at, 2000);
    free(w);
}

static void the_first_signal_in_a_drain_of_itself_cuts_nothing(void **state)
{
    struct world *w = world_new(10);

    (void)state;
    w->stays_open = true;
    w->latency = sl_sec(3);
    w->config.run_for = sl_sec(2);
    w->signal_at[0] = sl_sec(3);
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_DELETE), 10);
    assert_int_equal(w->report.ending, PIPELINE_DRAINED);
    free(w);
}

/* The third ends it whatever is still on its way: nobody can say what became of that. */
static void a_third_signal_ends_everything(void **state)
{
    struct world *w = world_new(300);

    (void)state;
    w->stays_open = w->is_deaf = true;
    w->latency = sl_sec(10);
    w->signal_at[0] = sl_ms(7000);
    w->signal_at[1] = sl_ms(7100);
    w->signal_at[2] = sl_ms(7200);
    run(w, 1);
    assert_int_equal(w->report.ending, PIPELINE_STOPPED);
    assert_int_equal(w->account.abandoned, 300);
    assert_int_equal(count_fates(w, FATE_DELETE), 0);
    assert_ms(w->report.drain_took, 3000); /* a post that began at 0 s, and does not listen */
    free(w);
}

static void what_the_deadline_cuts_is_abandoned(void **state)
{
    struct world *w = world_new(100);

    (void)state;
    w->stays_open = w->is_deaf = true;
    w->latency = sl_sec(60);
    w->signal_at[0] = sl_sec(10);
    run(w, 1);
    assert_int_equal(w->report.ending, PIPELINE_DEADLINE);
    assert_int_equal(w->account.abandoned, 100);
    free(w);
}

static enum outcome later(struct world *w, const struct sink_request *request,
                          struct sink_result *result)
{
    (void)request;
    result->retry_after = w->calls == 0 ? sl_sec(4) : SL_ZERO;
    return w->calls == 0 ? OUTCOME_RETRY : OUTCOME_ACCEPTED;
}

static void a_retry_after_holds_in_the_drain_too(void **state)
{
    struct world *w = world_new(10);

    (void)state;
    w->stays_open = true;
    w->judge = later;
    w->signal_at[0] = sl_sec(6); /* the batch left at 5 s */
    run(w, 1);
    assert_int_equal(w->post_count, 2);
    assert_ms(w->posts[1].at, 9050);
    assert_int_equal(count_fates(w, FATE_DELETE), 10);
    free(w);
}

static enum outcome much_later(struct world *w, const struct sink_request *request,
                               struct sink_result *result)
{
    (void)w;
    (void)request;
    result->retry_after = sl_minutes(5);
    return OUTCOME_RETRY;
}

static void a_retry_after_beyond_the_drain_is_not_waited_for(void **state)
{
    struct world *w = world_new(10);

    (void)state;
    w->stays_open = true;
    w->judge = much_later;
    w->signal_at[0] = sl_sec(6);
    run(w, 1);
    assert_int_equal(w->post_count, 1);
    assert_int_equal(count_fates(w, FATE_UNSENT), 10);
    assert_ms(w->report.drain_took, 0);
    free(w);
}

static enum outcome gone_at_the_third(struct world *w, const struct sink_request *request,
                                      struct sink_result *result)
{
    (void)request;
    result->gone = w->calls >= 2;
    snprintf(result->reason, sizeof(result->reason), "the pipe is closed");
    return result->gone ? OUTCOME_RETRY : OUTCOME_ACCEPTED;
}

static void a_sink_that_is_gone_ends_intake(void **state)
{
    struct world *w = world_new(1000);

    (void)state;
    w->every = sl_ms(10);
    w->stays_open = true;
    w->judge = gone_at_the_third;
    run(w, 1);
    assert_int_equal(w->report.cause, -EPIPE);
    assert_int_equal(w->report.ending, PIPELINE_DRAINED);
    assert_int_equal(count_fates(w, FATE_DELETE), 200);
    assert_true(w->account.received < 400);
    assert_int_equal(count_fates(w, FATE_UNSENT), w->account.received - 200);
    free(w);
}

/* ---- what is told ---- */

static enum outcome accept_with_200(struct world *w, const struct sink_request *request,
                                    struct sink_result *result)
{
    (void)w;
    (void)request;
    result->status = 200;
    return OUTCOME_ACCEPTED;
}

/* What a run writes to the log, in at most a pipe's worth. */
static void run_and_read_log(struct world *w, char *text, size_t size)
{
    ssize_t n;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    log_open(fds[1], LOG_TEXT, LOG_INFO);
    run(w, 1);
    log_open(-1, LOG_TEXT, LOG_ERROR);
    close(fds[1]);
    n = read(fds[0], text, size - 1);
    close(fds[0]);
    assert_true(n >= 0);
    text[n] = 0;
}

static void contains(const char *text, const char *what)
{
    if (!strstr(text, what))
        fail_msg("no \"%s\" in:\n%s", what, text);
}

static enum outcome above_1000_bytes(struct world *w, const struct sink_request *request,
                                     struct sink_result *result)
{
    (void)w;
    (void)result;
    return request->body.n > 1000 ? OUTCOME_SPLIT : OUTCOME_ACCEPTED;
}

/* The advice of its log is a value of the flag, whatever the batch's size. */
static void the_advice_of_a_413_can_be_followed(void **state)
{
    static const struct {
        size_t events;
        const char *advice;
    } cases[] = {{200, "do:    --batch-bytes 10KB, or raise its limit ("},
                 {15, "do:    raise its limit ("}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_new(cases[i].events);
        char text[8192];

        w->judge = above_1000_bytes;
        w->config.batch_count = 200;
        run_and_read_log(w, text, sizeof(text));
        contains(text, cases[i].advice);
        free(w);
    }
}

static void a_batch_that_was_accepted_is_a_line(void **state)
{
    struct world *w = world_new(7);
    char text[4096], line[100];

    (void)state;
    w->judge = accept_with_200;
    run_and_read_log(w, text, sizeof(text));
    snprintf(line, sizeof(line), " info batch %s: 7 events, ", w->posts[0].key);
    contains(text, line);
    contains(text, ", 200 in 50 ms, attempt 1, worker ");
    free(w);

    w = world_new(1); /* a file has no status */
    run_and_read_log(w, text, sizeof(text));
    snprintf(line, sizeof(line), " info batch %s: 1 event, ", w->posts[0].key);
    contains(text, line);
    contains(text, ", written in 50 ms, ");
    free(w);
}

static void signals_are_told(void **state)
{
    struct world *w = world_new(10);
    char text[4096];

    (void)state;
    w->stays_open = w->is_deaf = true;
    w->latency = sl_sec(10);
    w->signal_at[0] = sl_sec(6);
    w->signal_at[1] = sl_sec(7);
    w->signal_at[2] = sl_sec(8);
    run_and_read_log(w, text, sizeof(text));
    contains(text, "a signal came: draining, 10 held, 25.0 s at most\n");
    contains(text, "signal 2: deliveries end, what is held goes back\n");
    contains(text, "signal 3: ending at once\n");
    free(w);
}

/* ---- what can not be ---- */

static void in_flight_has_to_hold_the_batches(void **state)
{
    struct pipeline_config config = {
        .source = {.in_flight_max = 100 * 11 + 20, .receivers = 2},
        .sink = {.format = format_find("json")},
        .batch_count = 100,
        .concurrency = 10,
    };
    struct problem problem;

    (void)state;
    problem_init(&problem);
    assert_int_equal(pipeline_config_check(&config, &problem), 0);
    config.source.in_flight_max--;
    assert_int_equal(pipeline_config_check(&config, &problem), PROBLEM);
    assert_int_equal(problem.status, EXIT_BAD_USAGE);
    contains(problem.text.p, "--in-flight 1119 is too small");
    contains(problem.text.p, "needs: 1120 = --batch-count 100 x (--concurrency 10 + 1)");
    config.sink.format = format_find("raw"); /* its batches have one event */
    config.source.in_flight_max = 11 + 20;
    assert_int_equal(pipeline_config_check(&config, &problem), 0);
    config.source.in_flight_max--;
    assert_int_equal(pipeline_config_check(&config, &problem), PROBLEM);
    problem_deinit(&problem);
}

/* The status of a child in which `w` is run, and what it wrote to stderr. */
static int run_in_child(struct world *w, char *text, size_t size)
{
    size_t n = 0;
    ssize_t got;
    int fds[2], status;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        dup2(fds[1], STDERR_FILENO);
        log_open(STDERR_FILENO, LOG_TEXT, LOG_ERROR);
        run(w, 1);
        _exit(EXIT_DONE);
    }
    close(fds[1]);
    while ((got = read(fds[0], text + n, size - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = 0;
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_pipeline_that_stands_still_is_ended(void **state)
{
    struct world *w = world_new(100);
    static char text[65536];

    (void)state;
    w->stays_open = true;
    w->latency = sl_hours(1);
    assert_int_equal(run_in_child(w, text, sizeof(text)), EXIT_INTERNAL);
    contains(text, "everything has stood still for too long with 100 events held");
    contains(text, "the queue gives them again");
    contains(text, " tasks:\n"); /* who waits for what */
    contains(text, " deliver (");
    free(w);
}

static enum outcome the_first_hangs(struct world *w, const struct sink_request *request,
                                    struct sink_result *result)
{
    (void)w;
    (void)result;
    if (number_of(request->ids[0]) == 0)
        SL_IGNORE(sl_sleep(NULL, sl_hours(1)));
    return OUTCOME_ACCEPTED;
}

static void one_delivery_that_stands_still_is_seen_among_others(void **state)
{
    struct world *w = world_new(1500);
    static char text[65536];

    (void)state;
    w->every = sl_sec(1);
    w->judge = the_first_hangs;
    assert_int_equal(run_in_child(w, text, sizeof(text)), EXIT_INTERNAL);
    contains(text, "a delivery has stood still for too long with ");
    contains(text, " deliver (");
    free(w);
}

static enum outcome wrong_for_two_hours(struct world *w, const struct sink_request *request,
                                        struct sink_result *result)
{
    (void)request;
    (void)result;
    return sl_dur_cmp(sl_time_sub(sl_now(), w->began), sl_hours(2)) < 0 ? OUTCOME_PAUSE
                                                                        : OUTCOME_ACCEPTED;
}

/* Nine deliveries wait for the tenth, which tries whether the service is mended. */
static void a_service_that_is_wrong_for_hours_is_no_standstill(void **state)
{
    struct world *w = world_new(1500);
    static char text[65536];

    (void)state;
    w->judge = wrong_for_two_hours;
    assert_int_equal(run_in_child(w, text, sizeof(text)), EXIT_DONE);
    contains(text, "receiving pauses");
    assert_null(strstr(text, "stood still"));
    free(w);
}

static void the_end_of_what_nobody_gives_again_is_told_as_such(void **state)
{
    struct world *w = world_new(100);
    static char text[65536];

    (void)state;
    w->keeps_nothing = w->stays_open = true;
    w->latency = sl_hours(1);
    assert_int_equal(run_in_child(w, text, sizeof(text)), EXIT_INTERNAL);
    contains(text, "ending, nobody gives them again");
    free(w);
}

static enum outcome the_first_hangs_and_all_else_is_wrong(struct world *w,
                                                          const struct sink_request *request,
                                                          struct sink_result *result)
{
    if (sl_dur_cmp(sl_time_sub(sl_now(), w->began), sl_minutes(30)) > 0)
        _exit(EXIT_DONE); /* nobody has seen it */
    (void)the_first_hangs(w, request, result);
    return OUTCOME_PAUSE;
}

/* The one that hangs does not wait for the service to be mended, as the others do. */
static void a_delivery_that_stands_still_is_seen_while_the_service_is_wrong(void **state)
{
    struct world *w = world_new(1500);
    static char text[65536];

    (void)state;
    w->judge = the_first_hangs_and_all_else_is_wrong;
    w->stays_open = true;
    assert_int_equal(run_in_child(w, text, sizeof(text)), EXIT_INTERNAL);
    contains(text, "a delivery has stood still for too long with ");
    free(w);
}

/* The batch is old when it leaves, and then the answer takes longer than the watchdog's looks are apart. */
static void a_long_batch_age_is_no_standstill(void **state)
{
    static const struct {
        int64_t age_m, timeout_s, latency_s;
    } cases[] = {{60, 20, 19}, {16, 120, 90}, {60, 900, 61}, {60, 900, 890}};
    static char text[65536];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w = world_new(1);

        w->stays_open = true;
        w->config.batch_age = sl_minutes(cases[i].age_m);
        w->config.sink.timeout = sl_sec(cases[i].timeout_s);
        w->latency = sl_sec(cases[i].latency_s);
        w->config.run_for = sl_minutes(90);
        assert_int_equal(run_in_child(w, text, sizeof(text)), EXIT_DONE);
        assert_string_equal(text, "");
        free(w);
    }
}

static void a_reader_that_takes_nothing_is_no_standstill(void **state)
{
    struct world *w = world_new(100);
    static char text[65536];

    (void)state;
    w->is_patient = true;
    w->latency = sl_hours(2);
    assert_int_equal(run_in_child(w, text, sizeof(text)), EXIT_DONE);
    assert_string_equal(text, "");
    free(w);
}

static void a_slow_answer_is_no_standstill(void **state)
{
    struct world *w = world_new(100);

    (void)state;
    w->latency = sl_minutes(10);
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_DELETE), 100);
    free(w);
}

static enum outcome first_told_to_wait_then_slow(struct world *w,
                                                 const struct sink_request *request,
                                                 struct sink_result *result)
{
    (void)request;
    if (w->calls > 0)
        return OUTCOME_ACCEPTED;
    w->latency = sl_sec(85);
    result->retry_after = sl_sec(60);
    return OUTCOME_RETRY;
}

/* SIGSTOP and SIGCONT, in an attempt, in a Retry-After and in the age of a batch; alone and beside others. */
static void a_process_that_was_stopped_is_given_time(void **state)
{
    static const struct {
        size_t events;
        int64_t every_ms, latency_s, age_s, stops_at_s;
        judge *judge;
    } cases[] = {
        {400, 100, 20, 5, 26, NULL}, /* a look is due at 30 s, and the next answer after it */
        {1, 0, 0, 5, 40, first_told_to_wait_then_slow},
        {1, 0, 85, 50, 40, NULL},
        {1500, 1000, 0, 5, 40, first_told_to_wait_then_slow},
    };
    static char text[65536];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w = world_new(cases[i].events);

        w->every = sl_ms(cases[i].every_ms);
        w->latency = sl_sec(cases[i].latency_s);
        w->judge = cases[i].judge;
        w->config.batch_age = sl_sec(cases[i].age_s);
        w->config.sink.timeout = sl_sec(90);
        w->stops_at = sl_sec(cases[i].stops_at_s);
        w->stays_open = true;
        w->config.run_for = sl_minutes(100);
        assert_int_equal(run_in_child(w, text, sizeof(text)), EXIT_DONE);
        assert_null(strstr(text, "stood still"));
        run(w, 1);
        assert_int_equal(count_fates(w, FATE_DELETE), cases[i].events);
        free(w);
    }
}

/* ---- a queue that is filled here ---- */

/* Somebody who needs that long to stop; more events come meanwhile. */
static void stop_slowly(void *arg, struct sl_ctx *ctx)
{
    const sl_dur *takes = arg;

    SL_IGNORE(sl_sleep(ctx, *takes));
}

static struct world *fed_world(struct pipeline_feed *feed, sl_dur *takes)
{
    struct world *w = world_new(1000);

    *feed = (struct pipeline_feed){.stop = stop_slowly, .arg = takes};
    w->every = sl_ms(100);
    w->stays_open = true;
    w->config.feed = feed;
    return w;
}

static void intake_ends_after_its_feed(void **state)
{
    sl_dur takes = sl_sec(3);
    struct pipeline_feed feed;
    struct world *w = fed_world(&feed, &takes);

    (void)state;
    w->signal_at[0] = sl_ms(2050);
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_DELETE), 51); /* those of 5.05 s */
    assert_int_equal(w->report.ending, PIPELINE_DRAINED);
    assert_ms(w->report.drain_took, 3050);
    free(w);
}

static void a_feed_that_does_not_stop_has_the_time_of_deliveries(void **state)
{
    sl_dur takes = SL_FOREVER;
    struct pipeline_feed feed;
    struct world *w = fed_world(&feed, &takes);

    (void)state;
    w->signal_at[0] = sl_ms(2050);
    run(w, 1);
    assert_true(sl_dur_cmp(w->report.drain_took, sl_sec(23)) >= 0);
    assert_true(sl_dur_cmp(w->report.drain_took, sl_sec(25)) <= 0);
    assert_int_equal(w->report.cause, 0);
    free(w);
}

static void a_second_signal_ends_the_wait_for_a_feed(void **state)
{
    sl_dur takes = SL_FOREVER;
    struct pipeline_feed feed;
    struct world *w = fed_world(&feed, &takes);

    (void)state;
    w->signal_at[0] = sl_ms(2050);
    w->signal_at[1] = sl_ms(4050);
    run(w, 1);
    assert_true(sl_dur_cmp(w->report.drain_took, sl_ms(2100)) < 0);
    free(w);
}

struct end_feed {
    struct sl_chan *over;
};

SL_TASK(end_feed)
{
    if (sl_sleep(ctx, sl_ms(2050)) == SL_OK)
        sl_chan_close(my->over);
    return 0;
}

static int in_fed_world(struct sl_ctx *ctx, void *arg)
{
    struct world *w = arg;
    struct pipeline_feed feed = *w->config.feed;
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    int r;

    feed.over = sl_chan_new(scope, sizeof(int), 0, NULL);
    w->config.feed = &feed;
    SL_GO(scope, end_feed, .over = feed.over);
    r = in_world(ctx, w);
    sl_ctx_leave(scope);
    return r;
}

static void a_feed_that_is_over_begins_the_drain(void **state)
{
    sl_dur takes = sl_ms(1);
    struct pipeline_feed feed;
    struct world *w = fed_world(&feed, &takes);

    (void)state;
    assert_int_equal(sl_virtual_run(&(struct sl_virtual_options){.seed = 1}, in_fed_world, w), 0);
    assert_int_equal(count_fates(w, FATE_DELETE), 21);
    assert_int_equal(w->report.ending, PIPELINE_DRAINED);
    free(w);
}

static enum outcome pause_always(struct world *w, const struct sink_request *request,
                                 struct sink_result *result)
{
    (void)w;
    (void)request;
    (void)result;
    return OUTCOME_PAUSE;
}

static void a_pause_does_not_hold_up_the_drain(void **state)
{
    struct world *w = world_new(950);

    (void)state;
    w->stays_open = true;
    w->judge = pause_always;
    w->signal_at[0] = sl_sec(100);
    run(w, 1);
    assert_int_equal(count_fates(w, FATE_UNSENT), 950);
    assert_true(sl_dur_cmp(w->report.drain_took, sl_sec(1)) < 0);
    free(w);
}

/* ---- whatever happens ---- */

static enum outcome anything(struct world *w, const struct sink_request *request,
                             struct sink_result *result)
{
    uint64_t dice = sl_random() % 100;

    (void)w;
    for (size_t i = 0; i < request->count; i++)
        result->failed[i] = dice % 7 == 0;
    snprintf(result->reason, sizeof(result->reason), "dice %d", (int)dice);
    if (dice < 50)
        return OUTCOME_ACCEPTED;
    if (dice < 70) {
        result->retry_after = dice < 55 ? sl_sec(3) : SL_ZERO;
        return OUTCOME_RETRY;
    }
    if (dice < 80)
        return OUTCOME_PARTIAL;
    if (dice < 85)
        return OUTCOME_REFUSED;
    return dice < 93 ? OUTCOME_SPLIT : OUTCOME_PAUSE;
}

static void every_event_has_exactly_one_fate(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct world *w = world_new(400);

        w->every = sl_ms((int64_t)(seed % 5));
        w->judge = anything;
        w->run_length = seed % 3 == 0 ? 1 + seed % 10 : 0;
        w->stays_open = seed % 2;
        w->keeps_nothing = seed % 7 == 0;
        w->config.batch_count = 1 + seed % 40;
        w->config.batch_bytes = seed % 5 == 0 ? 700 : 100000;
        w->signal_at[0] = sl_ms((int64_t)(seed * 97 % 20000) + 1);
        if (seed % 4 == 0)
            w->signal_at[1] = sl_dur_add(w->signal_at[0], sl_ms(400));
        run(w, seed);
        for (size_t i = 0; i < w->account.received; i++)
            if (w->settled[i] != 1)
                fail_msg("seed %llu: event %zu was settled %u times", (unsigned long long)seed, i,
                         w->settled[i]);
        assert_int_equal(w->account.abandoned, 0);
        free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_leaves_five_seconds_after_its_first_event),
        cmocka_unit_test(an_empty_batch_is_never_sent),
        cmocka_unit_test(the_age_counts_from_the_first_event_while_all_deliveries_are_busy),
        cmocka_unit_test(a_full_batch_leaves_at_once),
        cmocka_unit_test(no_batch_exceeds_the_byte_limit),
        cmocka_unit_test(an_event_above_the_byte_limit_goes_alone),
        cmocka_unit_test(raw_is_one_event_per_request),
        cmocka_unit_test(a_retry_has_the_same_bytes_and_key),
        cmocka_unit_test(only_what_the_service_names_goes_back),
        cmocka_unit_test(a_batch_of_which_nothing_is_taken_is_not_delivered),
        cmocka_unit_test(a_413_splits_by_bytes_and_is_remembered),
        cmocka_unit_test(what_a_413_taught_is_tried_again),
        cmocka_unit_test(the_advice_of_a_413_can_be_followed),
        cmocka_unit_test(an_event_that_is_too_large_alone_goes_back),
        cmocka_unit_test(a_refused_batch_goes_back_whole),
        cmocka_unit_test(a_pause_probes_with_one_batch_and_keeps_everything),
        cmocka_unit_test(a_pause_keeps_its_reason_whatever_becomes_of_others),
        cmocka_unit_test(a_batch_that_fails_while_others_pass_is_suspect),
        cmocka_unit_test(an_outage_is_held_and_recovered_from_quickly),
        cmocka_unit_test(a_backoff_lasts_while_others_are_accepted),
        cmocka_unit_test(what_lost_its_lease_is_not_posted),
        cmocka_unit_test(a_source_that_takes_nothing_back_has_failures_repeated),
        cmocka_unit_test(after_a_failure_the_rest_of_its_group_goes_back),
        cmocka_unit_test(a_long_run_is_delivered_in_order_by_one_task),
        cmocka_unit_test(behind_a_refused_part_nothing_of_its_group_is_posted),
        cmocka_unit_test(a_chain_cut_by_the_drain_goes_back_unsent),
        cmocka_unit_test(a_signal_sends_the_open_batch_at_once),
        cmocka_unit_test(with_the_service_down_everything_goes_back),
        cmocka_unit_test(a_hanging_service_is_cut_in_time_to_give_back),
        cmocka_unit_test(a_second_signal_ends_delivery),
        cmocka_unit_test(a_third_signal_ends_everything),
        cmocka_unit_test(what_the_deadline_cuts_is_abandoned),
        cmocka_unit_test(a_retry_after_holds_in_the_drain_too),
        cmocka_unit_test(a_retry_after_beyond_the_drain_is_not_waited_for),
        cmocka_unit_test(a_sink_that_is_gone_ends_intake),
        cmocka_unit_test(a_batch_that_was_accepted_is_a_line),
        cmocka_unit_test(signals_are_told),
        cmocka_unit_test(in_flight_has_to_hold_the_batches),
        cmocka_unit_test(a_pipeline_that_stands_still_is_ended),
        cmocka_unit_test(one_delivery_that_stands_still_is_seen_among_others),
        cmocka_unit_test(a_delivery_that_stands_still_is_seen_while_the_service_is_wrong),
        cmocka_unit_test(a_service_that_is_wrong_for_hours_is_no_standstill),
        cmocka_unit_test(the_end_of_what_nobody_gives_again_is_told_as_such),
        cmocka_unit_test(a_long_batch_age_is_no_standstill),
        cmocka_unit_test(a_reader_that_takes_nothing_is_no_standstill),
        cmocka_unit_test(a_slow_answer_is_no_standstill),
        cmocka_unit_test(a_process_that_was_stopped_is_given_time),
        cmocka_unit_test(the_end_of_run_for_drains),
        cmocka_unit_test(intake_ends_after_its_feed),
        cmocka_unit_test(a_feed_that_does_not_stop_has_the_time_of_deliveries),
        cmocka_unit_test(a_second_signal_ends_the_wait_for_a_feed),
        cmocka_unit_test(a_feed_that_is_over_begins_the_drain),
        cmocka_unit_test(the_first_signal_in_a_drain_of_itself_cuts_nothing),
        cmocka_unit_test(a_pause_does_not_hold_up_the_drain),
        cmocka_unit_test(every_event_has_exactly_one_fate),
    };

    log_open(-1, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The queue's service, called as a server over HTTP would call it, and between the two: what SQS does of its own accord. What
 * is given out and deleted is read off the requests and answers, as somebody in the middle could.
 */
#include "sim/world/sqs_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/civil_time.h"

/* Where the wall clock of every world begins: 2026-01-01 00:00 UTC. */
#define WALL_START_MS INT64_C(1767225600000)
enum { CHUNK = 64 * 1024 };

int64_t sim_sqs_true_ms(const struct sim_sqs *sqs)
{
    (void)sqs;
    return WALL_START_MS + sl_now().ns / 1000000;
}

const char *sim_sqs_access_key(const struct sim_sqs *sqs)
{
    return sqs->access_key;
}

const struct sim_sqs_bill *sim_sqs_bill(const struct sim_sqs *sqs)
{
    return &sqs->bill;
}

/* ---- an exchange as a caller of the service ---- */

static struct slice header(void *of, const char *name)
{
    return sim_exchange_header(((struct request *)of)->exchange, name);
}

static void headers(void *of, bool (*visit)(void *arg, struct slice name, struct slice value),
                    void *arg)
{
    sim_exchange_headers(((struct request *)of)->exchange, visit, arg);
}

static void request_over(void *arg, bool delivered)
{
    struct request *r = arg;

    bool is_heard = delivered && r->is_fit;

    /* SQS does not always learn what became of an answer. */
    for (size_t i = 0; i < r->count; i++) {
        sim_trace_add(r->sqs->net->trace, r->kind == DELETE ? "delete failed" : "receipt heard",
                      "event", r->numbers[i], is_heard ? r->process : 0);
        if (r->kind == DELETE && is_heard)
            sim_ledger_delete_failed(r->sqs->ledger, r->numbers[i], r->process);
        else if (r->kind == RECEIVE && is_heard)
            sim_ledger_heard(r->sqs->ledger, r->numbers[i], r->process, r->given);
        else if (r->kind == RECEIVE)
            sim_ledger_unheard(r->sqs->ledger, r->numbers[i], r->process,
                               r->call && !delivered && !r->is_gone_unseen);
    }
    r->sqs->bill.receives_empty += r->kind == RECEIVE && is_heard && r->count == 0;
    if (!is_heard)
        sim_ledger_trouble(r->sqs->ledger, r->process);
    if (r->call)
        queue_call_completed(r->call, delivered || r->is_gone_unseen);
    strbuf_deinit(&r->body);
    free(r);
}

static void request_gone(void *arg)
{
    struct request *r = arg;

    if (r->call && !r->is_gone_unseen)
        queue_call_gone(r->call);
}

static bool watch(void *of, struct queue_call *call, bool waits)
{
    struct request *r = of;

    (void)waits;
    r->call = call;
    return true;
}

static void answer(const struct request *r, int status, const struct http_header *list,
                   size_t count, struct slice body)
{
    struct sim_sqs *sqs = r->sqs;
    struct http_header all[8];
    char date[CIVIL_TIME_HTTP_SIZE];

    civil_time_write_http(sim_sqs_true_ms(sqs) / 1000, date);
    all[0] = (struct http_header){SLICE("Date"), slice_of(date)};
    memcpy(all + 1, list, count * sizeof *list);
    sqs->bill.chunks += 1 + (sim_exchange_body(r->exchange).n + body.n) / CHUNK;
    sim_exchange_reply(r->exchange, status, all, count + 1, body);
}

/* One character of a body, so that its digest is another one's. */
static void spoil(struct request *r, struct strbuf *body)
{
    char *found = memmem(body->p, body->n, "....", 4);
    unsigned groups = r->sqs->ledger->groups;

    if (!found)
        return;
    *found = ',';
    /* On a FIFO queue what comes behind it in its group is not to be used either. */
    for (size_t i = 0; i < r->count; i++)
        if (i == 0 || (groups > 0 && r->numbers[i] % groups == r->numbers[0] % groups))
            sim_ledger_unheard(r->sqs->ledger, r->numbers[i], r->process, false);
}

static struct slice malformed(struct sim_sqs *sqs, struct slice body)
{
    static const char *const texts[] = {"",
                                        "<html><body>502 Bad Gateway</body></html>",
                                        "[]",
                                        "{\"Messages\":null,",
                                        "{\"Messages\":[{\"Body\":7,\"MessageId\":null}]}",
                                        "{\"Successful\":[{\"Id\":0}]}"};
    uint64_t which = sim_random_below(&sqs->random, 7);

    return which < 6 ? slice_of(texts[which]) : (struct slice){body.p, body.n / 2};
}

static void reply(void *of, int status, const struct http_header *list, size_t count,
                  struct slice body)
{
    struct request *r = of;
    struct sim_sqs *sqs = r->sqs;

    r->is_fit = status == 200;
    if (status == 200 && r->kind == RECEIVE)
        sqs_see_received(r, body);
    if (status == 200 && r->kind == DELETE)
        sqs_see_deleted(r, body);
    if (status == 200 && r->kind == CHANGE)
        sqs_see_changed(r, body);
    if (r->kind == RECEIVE && r->count > 0 &&
        sim_fault_happens(sqs->faults, FAULT_SQS_BAD_DIGEST, LEG_SQS)) {
        strbuf_reset(&sqs->scratch);
        strbuf_add_slice(&sqs->scratch, body);
        spoil(r, &sqs->scratch);
        body = strbuf_slice(&sqs->scratch);
    }
    if (status == 200 && sim_fault_happens(sqs->faults, FAULT_SQS_MALFORMED, LEG_SQS)) {
        body = malformed(sqs, body);
        r->is_fit = false;
    }
    if (r->kind != RECEIVE && sqs_failed_entries(body))
        sim_ledger_trouble(sqs->ledger, r->process);
    answer(r, status, list, count, body);
}

static void cut(void *of)
{
    sim_exchange_cut(((struct request *)of)->exchange);
}

/* SQS answers whoever asked. */
static bool is_there(void *of)
{
    (void)of;
    return true;
}

static const struct queue_caller_ops over_net = {header, headers, reply, cut, watch, is_there};

/* ---- refusals ---- */

static void refuse(const struct request *r, int status, const char *type, const char *code,
                   const char *text)
{
    struct http_header list[] = {{SLICE("Content-Type"), SLICE("application/x-amz-json-1.0")},
                                 {SLICE("x-amzn-query-error"), slice_of(code)}};
    struct strbuf body = {0};

    strbuf_addf(&body, "{\"__type\":\"com.amazonaws.sqs#%s\",\"message\":\"%s\"}", type, text);
    answer(r, status, list, 2, strbuf_slice(&body));
    strbuf_deinit(&body);
}

static bool is_wrong_date(const struct request *r)
{
    int64_t unix_s, now = sim_sqs_true_ms(r->sqs) / 1000;

    return civil_time_read_amz(sim_exchange_header(r->exchange, "X-Amz-Date"), &unix_s) &&
           (unix_s > now + 900 || unix_s < now - 900);
}

static bool is_old_key(const struct request *r)
{
    struct slice authorization = sim_exchange_header(r->exchange, "Authorization");
    const char *key = r->sqs->access_key;

    return authorization.n > 0 && !memmem(authorization.p, authorization.n, key, strlen(key));
}

static void rotate_keys(struct sim_sqs *sqs)
{
    snprintf(sqs->access_key, sizeof sqs->access_key, "AKIASIM%05uX", ++sqs->key);
}

/* Who may not change visibility timeouts extends no lease from then on. */
static void deny(const struct request *r)
{
    if (r->kind == CHANGE)
        sim_ledger_instance(r->sqs->ledger, r->process)->extends_no_more = true;
    refuse(r, 403, "AccessDeniedException", "AccessDenied;Sender",
           "User is not authorized to perform this action");
}

/* Whether SQS's front door turned the request away. */
static bool is_turned_away(const struct request *r)
{
    struct sim_sqs *sqs = r->sqs;

    if (sim_fault_happens(sqs->faults, FAULT_SQS_OLD_KEYS, LEG_SQS))
        rotate_keys(sqs);
    if (is_wrong_date(r))
        refuse(r, 403, "InvalidSignatureException", "RequestExpired;Sender",
               "Signature expired: the clock is off");
    else if (is_old_key(r))
        refuse(r, 403, "ExpiredTokenException", "ExpiredToken;Sender",
               "The security token included in the request is expired");
    else if (sim_fault_happens(sqs->faults, FAULT_SQS_THROTTLES, LEG_SQS))
        refuse(r, 400, "ThrottlingException", "ThrottlingException;Sender", "Rate exceeded");
    else if (sim_fault_happens(sqs->faults, FAULT_SQS_FAILS, LEG_SQS))
        refuse(r, sim_random_below(&sqs->random, 2) ? 500 : 503, "InternalFailure",
               "InternalFailure;Receiver", "We encountered an internal error.");
    else if (sim_fault_happens(sqs->faults, FAULT_SQS_DENIED, LEG_SQS))
        deny(r);
    else if (sim_fault_happens(sqs->faults, FAULT_SQS_NO_QUEUE, LEG_SQS))
        refuse(r, 400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue;Sender",
               "The specified queue does not exist.");
    else if (r->kind == RECEIVE && sim_fault_happens(sqs->faults, FAULT_SQS_OVER_LIMIT, LEG_SQS))
        refuse(r, 403, "OverLimit", "OverLimit;Sender", "Too many messages in flight");
    else
        return false;
    return true;
}

/* ---- a request ---- */

static enum request_kind kind_of(const struct sim_exchange *x)
{
    struct slice target = sim_exchange_header(x, "X-Amz-Target");

    if (slice_is(target, "AmazonSQS.ReceiveMessage"))
        return RECEIVE;
    if (slice_is(target, "AmazonSQS.DeleteMessageBatch"))
        return DELETE;
    return slice_is(target, "AmazonSQS.ChangeMessageVisibilityBatch") ? CHANGE : OTHER;
}

/* What the service itself does wrong during this request. */
static void set_faults(struct request *r)
{
    struct sim_faults *faults = r->sqs->faults;
    bool is_batch = r->kind == DELETE || r->kind == CHANGE;
    bool is_unordered = r->kind == RECEIVE && r->sqs->ledger->groups == 0; /* a standard queue's */

    r->drops_deletes = r->kind == DELETE && sim_fault_happens(faults, FAULT_SQS_UNDELETED, LEG_SQS);
    queue_service_faults_set(
        r->sqs->service,
        &(struct queue_faults){
            .drop_delete = r->drops_deletes,
            .fail_entry = is_batch && sim_fault_happens(faults, FAULT_SQS_ENTRY, LEG_SQS) ? 0.3 : 0,
            .duplicate =
                is_unordered && sim_fault_happens(faults, FAULT_SQS_TWICE, LEG_SQS) ? 0.2 : 0,
            .shuffle = is_unordered && sim_fault_happens(faults, FAULT_SQS_SHUFFLED, LEG_SQS),
        });
}

/* A request of a process's that did not even arrive. */
static void missed(void *arg, struct sim_exchange *exchange)
{
    struct sim_sqs *sqs = arg;

    sim_ledger_trouble(sqs->ledger, sim_exchange_process(exchange));
}

static void take(void *arg, struct sim_exchange *exchange)
{
    struct sim_sqs *sqs = arg;
    struct request *r = calloc(1, sizeof *r);

    sl_assert(r);
    r->sqs = sqs;
    r->exchange = exchange;
    r->kind = kind_of(exchange);
    r->process = sim_exchange_process(exchange);
    r->is_gone_unseen = sim_random_below(&sqs->random, 4) > 0;
    sim_exchange_watch(exchange,
                       &(struct sim_watch){.gone = request_gone, .over = request_over, .arg = r});
    if (r->kind == OTHER)
        sqs->bill.others++;
    sqs_see_asked(r);
    if (is_turned_away(r))
        return;
    set_faults(r);
    if (r->kind == RECEIVE)
        strbuf_add_slice(&r->body, sim_exchange_body(exchange));
    queue_service_take(
        sqs->service, (struct queue_caller){&over_net, r},
        &(struct queue_request){
            .method = sim_exchange_method(exchange),
            .path = sim_exchange_path(exchange),
            .query = sim_exchange_query(exchange),
            .body = r->kind == RECEIVE ? strbuf_slice(&r->body) : sim_exchange_body(exchange),
        });
}

/* ---- sending, past the network ---- */

static struct slice no_header(void *of, const char *name)
{
    (void)of;
    if (strcmp(name, "X-Amz-Target") == 0)
        return SLICE("AmazonSQS.SendMessageBatch");
    return strcmp(name, "Content-Type") == 0 ? SLICE("application/x-amz-json-1.0")
                                             : (struct slice){NULL, 0};
}

static void no_headers(void *of, bool (*visit)(void *, struct slice, struct slice), void *arg)
{
    (void)of;
    (void)visit;
    (void)arg;
}

static void sent(void *of, int status, const struct http_header *list, size_t count,
                 struct slice body)
{
    (void)of;
    (void)list;
    (void)count;
    sl_assert(status == 200 && !sqs_failed_entries(body));
}

static void not_sent(void *of)
{
    (void)of;
    sl_assert(!"a send can't be cut off");
}

static bool no_watch(void *of, struct queue_call *call, bool waits)
{
    (void)of;
    (void)call;
    (void)waits;
    return false;
}

static const struct queue_caller_ops as_sender = {no_header, no_headers, sent,
                                                  not_sent,  no_watch,   is_there};

/* An event's body as a JSON string: nothing in it but its quotes needs escaping. */
static void add_escaped_event(struct strbuf *out, uint64_t number, size_t size)
{
    const size_t quotes = 5; /* as many backslashes are no part of the event */
    size_t begin = out->n, n;

    strbuf_adds(out, "{\\\"event\\\":");
    strbuf_addu(out, number);
    strbuf_adds(out, ",\\\"pad\\\":\\\"");
    n = out->n - begin - quotes + 2;
    if (n < size)
        strbuf_fill(out, '.', size - n);
    strbuf_adds(out, "\\\"}");
}

static void add_entry(struct strbuf *out, unsigned position, uint64_t number, size_t size,
                      unsigned groups)
{
    strbuf_adds(out, position > 0 ? ",{\"Id\":\"" : "{\"Id\":\"");
    strbuf_addu(out, position);
    strbuf_adds(out, "\",");
    if (groups > 0)
        strbuf_addf(
            out, "\"MessageGroupId\":\"g%" PRIu64 "\",\"MessageDeduplicationId\":\"%" PRIu64 "\",",
            number % groups, number);
    strbuf_adds(out, "\"MessageBody\":\"");
    add_escaped_event(out, number, size);
    strbuf_adds(out, "\"}");
}

void sim_sqs_send(struct sim_sqs *sqs, uint64_t first, unsigned count, size_t size, unsigned groups)
{
    struct strbuf *body = &sqs->sending;

    strbuf_reset(body);
    strbuf_addf(body, "{\"QueueUrl\":\"" SIM_QUEUE_URL "%s\",\"Entries\":[", sqs->options.queue);
    for (unsigned i = 0; i < count; i++)
        add_entry(body, i, first + i, size, groups);
    strbuf_adds(body, "]}");
    sl_assert(!strbuf_failed(body));
    sqs->bill.sends++;
    queue_service_faults_set(sqs->service, &(struct queue_faults){.cut = 0});
    queue_service_take(
        sqs->service, (struct queue_caller){&as_sender, NULL},
        &(struct queue_request){.method = "POST", .path = SLICE("/"), .body = strbuf_slice(body)});
}

/* ---- looking ---- */

struct sim_sqs_counts sim_sqs_counts(const struct sim_sqs *sqs)
{
    struct queue_counts counts = {0}, dead = {0};

    sl_assert(queue_service_counts(sqs->service, sqs->options.queue, &counts));
    if (sqs->options.max_receives > 0)
        sl_assert(queue_service_counts(sqs->service, sqs->dead_letter, &dead));
    return (struct sim_sqs_counts){
        .visible = counts.visible,
        .in_flight = counts.in_flight,
        .delayed = counts.delayed,
        .dead = sqs->dead + dead.visible,
        .oldest_ms = counts.oldest_sent_ms > 0 ? sim_sqs_true_ms(sqs) - counts.oldest_sent_ms : 0,
    };
}

/* ---- the dead-letter queue ---- */

struct collecting {
    struct sim_sqs *sqs;
    size_t count;
    struct strbuf deletes; /* a batch */
};

static struct slice receive_header(void *of, const char *name)
{
    (void)of;
    if (strcmp(name, "X-Amz-Target") == 0)
        return SLICE("AmazonSQS.ReceiveMessage");
    return strcmp(name, "Content-Type") == 0 ? SLICE("application/x-amz-json-1.0")
                                             : (struct slice){NULL, 0};
}

static void collected(void *of, int status, const struct http_header *list, size_t count,
                      struct slice body)
{
    struct collecting *collecting = of;
    struct slice handle;
    uint64_t number;
    size_t at = 0;

    (void)list;
    (void)count;
    sl_assert(status == 200);
    collecting->count = 0;
    while (sqs_next_handle(body, &at, &handle))
        if (sqs_escaped_number(body, at, &number)) {
            sim_ledger_dead(collecting->sqs->ledger, number);
            strbuf_addf(&collecting->deletes, "%s{\"Id\":\"%zu\",\"ReceiptHandle\":\"%.*s\"}",
                        collecting->count > 0 ? "," : "", collecting->count, (int)handle.n,
                        handle.p);
            collecting->count++;
        }
}

static struct slice delete_header(void *of, const char *name)
{
    (void)of;
    if (strcmp(name, "X-Amz-Target") == 0)
        return SLICE("AmazonSQS.DeleteMessageBatch");
    return strcmp(name, "Content-Type") == 0 ? SLICE("application/x-amz-json-1.0")
                                             : (struct slice){NULL, 0};
}

static const struct queue_caller_ops as_collector = {receive_header, no_headers, collected,
                                                     not_sent,       no_watch,   is_there};
static const struct queue_caller_ops as_remover = {delete_header, no_headers, sent,
                                                   not_sent,      no_watch,   is_there};

static void ask(struct sim_sqs *sqs, struct queue_caller caller, const struct strbuf *body)
{
    sl_assert(!strbuf_failed(body));
    queue_service_take(
        sqs->service, caller,
        &(struct queue_request){.method = "POST", .path = SLICE("/"), .body = strbuf_slice(body)});
}

static void collect_some(struct collecting *collecting, const struct strbuf *receive)
{
    struct sim_sqs *sqs = collecting->sqs;

    strbuf_reset(&collecting->deletes);
    strbuf_addf(&collecting->deletes, "{\"QueueUrl\":\"" SIM_QUEUE_URL "%s\",\"Entries\":[",
                sqs->dead_letter);
    ask(sqs, (struct queue_caller){&as_collector, collecting}, receive);
    strbuf_adds(&collecting->deletes, "]}");
    if (collecting->count > 0)
        ask(sqs, (struct queue_caller){&as_remover, NULL}, &collecting->deletes);
    sqs->dead += collecting->count;
}

/* They are deleted: on a FIFO queue one that is only received would hide the next of its group. */
void sim_sqs_collect_dead(struct sim_sqs *sqs)
{
    struct collecting collecting = {.sqs = sqs, .count = 1};
    struct strbuf receive = {0};

    if (sqs->options.max_receives == 0)
        return;
    strbuf_addf(&receive, "{\"QueueUrl\":\"" SIM_QUEUE_URL "%s\",\"MaxNumberOfMessages\":10}",
                sqs->dead_letter);
    queue_service_faults_set(sqs->service, &(struct queue_faults){.cut = 0});
    while (collecting.count > 0)
        collect_some(&collecting, &receive);
    strbuf_deinit(&receive);
    strbuf_deinit(&collecting.deletes);
}

static void collect_dead(void *arg)
{
    sim_sqs_collect_dead(arg);
}

/* ---- making ---- */

struct sim_sqs *sim_sqs_new(struct sl_ctx *ctx, struct sim_net *net, struct sim_faults *faults,
                            struct sim_ledger *ledger, struct sim_random random,
                            const struct sim_sqs_options *options)
{
    struct sim_sqs *sqs = calloc(1, sizeof *sqs);
    struct queue_plan plans[2];
    struct problem problem;
    struct store *store;
    size_t n = strlen(options->queue);
    bool is_fifo = n > 5 && strcmp(options->queue + n - 5, ".fifo") == 0;

    sl_assert(sqs && store_memory_open(&store) == 0);
    *sqs = (struct sim_sqs){.ctx = ctx,
                            .net = net,
                            .faults = faults,
                            .ledger = ledger,
                            .random = random,
                            .options = *options};
    if (options->max_receives > 0) {
        ledger->collect_dead = collect_dead;
        ledger->collect_dead_arg = sqs;
    }
    rotate_keys(sqs);
    snprintf(sqs->dead_letter, sizeof sqs->dead_letter, "dead%s", is_fifo ? ".fifo" : "");
    plans[0] =
        (struct queue_plan){.name = options->queue,
                            .visibility = options->visibility,
                            .delay = sl_ns(-1),
                            .dead_letter = options->max_receives > 0 ? sqs->dead_letter : NULL,
                            .max_receives = options->max_receives};
    plans[1] =
        (struct queue_plan){.name = sqs->dead_letter, .visibility = sl_ns(-1), .delay = sl_ns(-1)};
    problem_init(&problem);
    struct queue_service_config config = {.queues = plans,
                                          .queue_count = 2,
                                          .limits = queue_limits_strict(),
                                          .seed = sim_random_next(&sqs->random) | 1};
    if (options->in_flight_max > 0)
        config.limits.in_flight_max = options->in_flight_max;
    sl_assert(queue_service_new(&sqs->service, store, &config, &problem) == 0);
    sim_net_add_host(net, &(struct sim_host){.authority = SIM_SQS_HOST,
                                             .leg = LEG_SQS,
                                             .latency = options->latency,
                                             .latency_p99 = options->latency_p99,
                                             .take = take,
                                             .missed = missed,
                                             .arg = sqs});
    return sqs;
}

void sim_sqs_free(struct sim_sqs *sqs)
{
    queue_service_stop(sqs->service);
    sl_assert(queue_service_free(sqs->service, NULL) == 0);
    strbuf_deinit(&sqs->scratch);
    strbuf_deinit(&sqs->sending);
    free(sqs->recent.slots);
    free(sqs->given.slots);
    free(sqs);
}

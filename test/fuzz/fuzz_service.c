/*
 * A whole queue in a virtual world, line by line:
 *
 *     OPERATION JSON        a request in AWS JSON; "$1" to "$9" in it are receipt handles of the last receive that had any
 *     ?PATH?QUERY BODY      a request in the Query protocol
 *     +SECONDS              time passes, up to fifteen days at once
 *     -                     the client of the last request that waits leaves
 *     ~                     the answer to the next request does not arrive
 *
 * Each request is answered once; what is answered is what our own client reads: JSON, an error with a class, messages that
 * are fit.
 */
#include "core/json.h"
#include "core/sqs_wire.h"
#include "queue/service.h"
#include "sim/virtual.h"

#include "test/fuzz/fuzz.h"

enum { LINES_MAX = 24, HANDLES = 9, STEP_MAX_S = 15 * 86400 };

struct request {
    struct world *world;
    struct queue_call *call; /* while it wants to hear of the end */
    char operation[48], target[64];
    bool is_query, is_answered, is_lost;
};

struct world {
    struct fuzz *fuzz;
    struct queue_service *service;
    struct request requests[LINES_MAX];
    size_t count;
    bool next_is_lost;
    char handles[HANDLES][64];
};

/* ---- the client's end ---- */

static struct slice header(void *of, const char *name)
{
    const struct request *r = of;

    if (!r->is_query && strcmp(name, "X-Amz-Target") == 0)
        return slice_of(r->target);
    if (strcmp(name, "Host") == 0)
        return SLICE("localhost:9324");
    return (struct slice){NULL, 0};
}

static void headers(void *of, bool (*visit)(void *arg, struct slice name, struct slice value),
                    void *arg)
{
    (void)of;
    (void)visit(arg, SLICE("Host"), SLICE("localhost:9324"));
}

static void take_messages(struct world *w, struct slice answer)
{
    struct sqs_message messages[10];
    size_t count = 0;

    fuzz_check(sqs_read_receive(answer, messages, 10, &count) == 0 && count <= 10);
    for (size_t i = 0; i < count; i++) {
        fuzz_check(!messages[i].unfit);
        if (i < HANDLES)
            snprintf(w->handles[i], sizeof w->handles[i], SLICE_FMT,
                     SLICE_ARG(messages[i].receipt_handle));
    }
}

static void check_answer(struct request *r, int status, struct slice body)
{
    struct sqs_error error;

    if (status != 200) {
        fuzz_check(status >= 400 && status < 600);
        sqs_read_error(status, SLICE(""), body, &error);
        fuzz_check(error.class != SQS_ERROR_NONE && error.code[0]);
        fuzz_check(strcmp(error.code, "InternalFailure") != 0);
        return;
    }
    if (r->is_query)
        return;
    fuzz_check(body.n == 0 || json_is_valid(body));
    if (strcmp(r->operation, "ReceiveMessage") == 0)
        take_messages(r->world, body);
}

static void over(struct request *r)
{
    struct queue_call *call = SL_TAKE(r->call);

    fuzz_check(!r->is_answered);
    r->is_answered = true;
    if (call)
        queue_call_completed(call, !r->is_lost);
}

static void reply(void *of, int status, const struct http_header *list, size_t count,
                  struct slice body)
{
    (void)list;
    fuzz_check(count >= 2);
    if (!((struct request *)of)->is_lost)
        check_answer(of, status, body);
    over(of);
}

static void cut(void *of)
{
    over(of);
}

static bool watch(void *of, struct queue_call *call, bool waits)
{
    struct request *r = of;

    (void)waits;
    r->call = call;
    return true;
}

static bool is_there(void *of)
{
    return !((const struct request *)of)->is_lost;
}

static const struct queue_caller_ops ops = {header, headers, reply, cut, watch, is_there};

/* ---- lines ---- */

/* With the handles put in. */
static void expand(const struct world *w, struct slice text, struct strbuf *out)
{
    for (size_t i = 0; i < text.n; i++) {
        int digit = text.p[i] == '$' && i + 1 < text.n ? text.p[i + 1] - '1' : -1;

        if (digit >= 0 && digit < HANDLES) {
            strbuf_adds(out, w->handles[digit]);
            i++;
        } else {
            strbuf_addc(out, text.p[i]);
        }
    }
}

static void request(struct world *w, struct slice line)
{
    struct request *r = &w->requests[w->count++];
    struct fuzz parts = {.rest = line};
    struct slice word = fuzz_cut(&parts, ' ');
    struct strbuf body = {0};
    struct queue_request q = {.method = "POST", .path = SLICE("/")};

    *r = (struct request){.world = w, .is_lost = w->next_is_lost};
    w->next_is_lost = false;
    if (word.n > 0 && word.p[0] == '?') {
        struct fuzz target = {.rest = {word.p + 1, word.n - 1}};

        r->is_query = true;
        q.path = fuzz_cut(&target, '?');
        q.query = target.rest;
        if (parts.rest.n == 0)
            q.method = "GET";
    } else {
        snprintf(r->operation, sizeof r->operation, SLICE_FMT, SLICE_ARG(word));
        snprintf(r->target, sizeof r->target, "AmazonSQS." SLICE_FMT, SLICE_ARG(word));
    }
    expand(w, parts.rest, &body);
    /* Borrowed until the answer: the fuzz input's pieces last as long. */
    q.body = fuzz_copy(w->fuzz, strbuf_slice(&body), false);
    strbuf_deinit(&body);
    queue_service_take(w->service, (struct queue_caller){&ops, r}, &q);
}

static void leave(struct world *w)
{
    for (size_t i = w->count; i-- > 0;)
        if (!w->requests[i].is_answered && w->requests[i].call) {
            w->requests[i].is_lost = true;
            queue_call_gone(w->requests[i].call);
            return;
        }
}

static void run_line(struct world *w, struct sl_ctx *ctx, struct slice line)
{
    char number[8] = "";

    if (line.n == 0)
        return;
    if (line.p[0] == '+') {
        memcpy(number, line.p + 1, line.n - 1 < sizeof number - 1 ? line.n - 1 : sizeof number - 1);
        SL_IGNORE(sl_sleep(ctx, sl_sec(abs(atoi(number)) % STEP_MAX_S)));
    } else if (line.p[0] == '-') {
        leave(w);
    } else if (line.p[0] == '~') {
        w->next_is_lost = true;
    } else {
        request(w, line);
    }
}

static int live(struct sl_ctx *ctx, void *arg)
{
    static const struct queue_plan queues[] = {
        {.name = "dead", .visibility = {-1}, .delay = {-1}},
        {.name = "q", .visibility = {-1}, .delay = {-1}, .dead_letter = "dead", .max_receives = 2},
        {.name = "q.fifo", .visibility = {-1}, .delay = {-1}},
    };
    struct queue_service_config config = {.queues = queues, .queue_count = 3, .seed = 1};
    struct world w = {.fuzz = arg};
    struct problem problem;
    struct store *store;

    problem_init(&problem);
    fuzz_check(store_memory_open(&store) == 0);
    fuzz_check(queue_service_new(&w.service, store, &config, &problem) == 0);
    for (int i = 0; i < LINES_MAX && w.fuzz->rest.n > 0; i++)
        run_line(&w, ctx, fuzz_cut(w.fuzz, '\n'));
    queue_service_stop(w.service);
    for (size_t i = 0; i < w.count; i++)
        fuzz_check(w.requests[i].is_answered);
    fuzz_check(queue_service_error(w.service) == 0);
    fuzz_check(queue_service_free(w.service, ctx) == 0);
    problem_deinit(&problem);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);

    fuzz_check(sl_virtual_run(&(struct sl_virtual_options){.seed = 1}, live, &f) == 0);
    fuzz_end(&f);
    return 0;
}

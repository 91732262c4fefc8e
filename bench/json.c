/*
 * json -- what it costs to take messages out of a ReceiveMessage answer and to write them into a
 * batch, beside jansson.
 *
 *     bench_json [FILE]
 *
 * with made-up events of 1 KB, and with the real ones of FILE: api.github.com/index.json of the npm
 * package @octokit/webhooks-examples, by default where ./dev test puts it.
 *
 * Each measurement is the best of several rounds, in CPU time: on a shared machine the others
 * measure the neighbours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef HAVE_JANSSON
#include "test/lib/jansson_apart.h"
#endif

#include <sluice/base.h>

#include "core/format.h"
#include "core/json.h"
#include "core/md5.h"
#include "core/sqs_wire.h"

enum { ROUNDS = 9, PER_ANSWER = 10, ANSWERS_MAX = 64, HANDLE_SIZE = 412 };

#define EVENTS                                                                                     \
    "build/peers/events/node_modules/@octokit/webhooks-examples/api.github.com/index.json"

static const int64_t ROUND_NS = 40000000;

struct answers {
    struct strbuf list[ANSWERS_MAX];
    size_t count, bytes, messages;
};

static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- answers as SQS gives them ---- */

static void add_message(struct strbuf *out, size_t i, struct slice body)
{
    char digest[MD5_HEX_SIZE];

    strbuf_addf(out, "%s{\"MessageId\":\"ec354010-c35d-4481-9030-%012zu\",\"ReceiptHandle\":\"AQEB",
                i ? "," : "", i);
    for (size_t n = 0; n < HANDLE_SIZE - 4; n++)
        strbuf_addc(
            out,
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(n * 7 + i) % 64]);
    md5_hex(body, digest);
    strbuf_addf(out, "\",\"MD5OfBody\":\"%s\",\"Body\":\"", digest);
    sl_assert(json_escape(body, out));
    strbuf_adds(out, "\",\"Attributes\":{\"SenderId\":\"AIDAIT2UOQQY3AUEKVGXU\",\"SentTimestamp\":"
                     "\"1795420083961\","
                     "\"ApproximateReceiveCount\":\"1\",\"ApproximateFirstReceiveTimestamp\":"
                     "\"1795420083974\"}}");
}

static void add_event(struct answers *a, struct slice body)
{
    struct strbuf *out;

    if (a->messages == (size_t)PER_ANSWER * ANSWERS_MAX)
        return;
    out = &a->list[a->messages / PER_ANSWER];
    if (a->messages % PER_ANSWER == 0)
        strbuf_adds(out, "{\"Messages\":[");
    add_message(out, a->messages++ % PER_ANSWER, body);
}

/* Whole answers only: the last messages may not fill one. */
static void finish(struct answers *a)
{
    a->count = a->messages / PER_ANSWER;
    a->messages = a->count * PER_ANSWER;
    for (size_t i = 0; i < a->count; i++) {
        strbuf_adds(&a->list[i], "]}");
        sl_assert(!strbuf_failed(&a->list[i]));
        a->bytes += a->list[i].n;
    }
}

static void drop(struct answers *a)
{
    for (size_t i = 0; i < ANSWERS_MAX; i++)
        strbuf_deinit(&a->list[i]);
}

static void make_up(struct answers *a)
{
    struct strbuf body = {0};

    for (unsigned i = 0; i < 8 * PER_ANSWER; i++) {
        strbuf_reset(&body);
        strbuf_addf(&body, "{\"id\":%u,\"kind\":\"order\",\"customer\":\"Grün & Söhne\"", i);
        for (unsigned field = 0; body.n < 1000; field++)
            strbuf_addf(&body, ",\"field-%u\":\"value %u of this event\"", field, field * 7919);
        strbuf_addc(&body, '}');
        add_event(a, strbuf_slice(&body));
    }
    strbuf_deinit(&body);
    finish(a);
}

/* ---- real events ---- */

static void compact(struct slice text, struct strbuf *out)
{
    bool in_string = false;

    strbuf_reset(out);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (!in_string && (c == ' ' || c == '\n' || c == '\r' || c == '\t'))
            continue;
        strbuf_addc(out, c);
        if (in_string && c == '\\')
            strbuf_addc(out, text.p[++i]);
        else if (c == '"')
            in_string = !in_string;
    }
}

/* [{"name":…,"examples":[payload, …]}, …] */
static bool read_examples(struct answers *a, struct slice file)
{
    struct json_value key, value;
    struct strbuf body = {0};
    struct json j;

    json_init(&j, file);
    if (json_next(&j, NULL) != JSON_ARRAY)
        return false;
    while (json_element(&j) && json_next(&j, NULL) == JSON_OBJECT)
        while (json_member(&j, &key)) {
            if (!json_is(&key, "examples")) {
                json_skip(&j, NULL);
                continue;
            }
            json_next(&j, NULL);
            while (json_element(&j) && json_skip(&j, &value)) {
                compact(value.text, &body);
                add_event(a, strbuf_slice(&body));
            }
        }
    strbuf_deinit(&body);
    finish(a);
    return json_end(&j) && a->count > 0;
}

static bool read_file(const char *path, struct strbuf *out)
{
    FILE *file = fopen(path, "rb");
    char piece[65536];
    size_t n;

    if (!file)
        return false;
    while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
        strbuf_add(out, piece, n);
    fclose(file);
    return !strbuf_failed(out);
}

/* ---- what is measured ---- */

static void read_only(struct slice answer)
{
    sl_assert(json_is_valid(answer));
}

static struct sqs_message messages[PER_ANSWER];

static void receive(struct slice answer)
{
    size_t count = 0;

    sl_assert(sqs_read_receive(answer, messages, PER_ANSWER, &count) == 0 && count == PER_ANSWER);
    for (size_t i = 0; i < count; i++)
        sl_assert(!messages[i].unfit);
}

static struct strbuf batch;

static void receive_and_write(struct slice answer)
{
    static const struct record_source source = {
        .arn = SLICE_INIT("arn:aws:sqs:eu-central-1:123456789012:orders"),
        .region = SLICE_INIT("eu-central-1"),
    };
    const struct format *lambda = format_find("lambda");

    receive(answer);
    strbuf_reset(&batch);
    for (size_t i = 0; i < PER_ANSWER; i++) {
        const struct sqs_message *m = &messages[i];
        struct record record = {
            .message_id = m->message_id,
            .receipt_handle = m->receipt_handle,
            .body = m->body,
            .md5_of_body = m->md5_of_body,
            .md5_of_attributes = m->md5_of_attributes,
            .attributes = m->attributes,
            .message_attributes = m->message_attributes,
        };

        sl_assert(lambda->append(&batch, &record, &source) == 0);
    }
}

#ifdef HAVE_JANSSON
static void jansson(struct slice answer)
{
    json_t *root = json_loadb(answer.p, answer.n, 0, NULL);

    sl_assert(root);
    json_decref(root);
}
#endif

/* Nanoseconds for all answers, in the best round. */
static double measure(const struct answers *a, void (*work)(struct slice))
{
    double best = 0;

    for (int round = 0; round < ROUNDS; round++) {
        int64_t began = cpu_ns(), taken;
        unsigned passes = 0;
        double each;

        do {
            for (size_t i = 0; i < a->count; i++)
                work(strbuf_slice(&a->list[i]));
            passes++;
            taken = cpu_ns() - began;
        } while (taken < ROUND_NS);
        each = (double)taken / passes;
        if (round == 0 || each < best)
            best = each;
    }
    return best;
}

static void row(const struct answers *a, const char *name, double ns)
{
    printf("  %-34s %8.0f MB/s %8.2f us a message\n", name, (double)a->bytes * 1e3 / ns,
           ns / 1e3 / (double)a->messages);
}

static void report(const char *what, const struct answers *a)
{
    double ours = measure(a, read_only);

    printf("%s: %zu answers of %zu KB\n", what, a->count, a->bytes / a->count / 1000);
    row(a, "core/json, checked", ours);
    row(a, "with fields and MD5 (receive)", measure(a, receive));
    row(a, "receive and the body for Lambda", measure(a, receive_and_write));
#ifdef HAVE_JANSSON
    double theirs = measure(a, jansson);

    row(a, "jansson", theirs);
    printf("  core/json is %.1f times as fast as jansson\n", theirs / ours);
#endif
}

int main(int argc, char **argv)
{
    static struct answers made_up, real;
    struct strbuf file = {0};
    const char *path = argc > 1 ? argv[1] : EVENTS;

    make_up(&made_up);
    report("made-up events", &made_up);
    drop(&made_up);
    if (!read_file(path, &file)) {
        fprintf(stderr, "bench_json: no real events: %s is not there\n", path);
    } else if (!read_examples(&real, strbuf_slice(&file))) {
        fprintf(stderr, "bench_json: %s is not the examples of @octokit/webhooks-examples\n", path);
        return 1;
    } else {
        report("real events", &real);
        drop(&real);
    }
    strbuf_deinit(&file);
    strbuf_deinit(&batch);
    return 0;
}

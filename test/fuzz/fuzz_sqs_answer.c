/*
 * Answers of SQS, by a first line that says of which call: receive, delete, url, attribute; the rest is the body. What is
 * believed lies within it, is valid JSON where it is passed on as such, and can be made a record of in every format.
 */
#include "core/format.h"
#include "core/json.h"
#include "core/sqs_wire.h"

#include "test/fuzz/fuzz.h"

enum { MAX = 10 };

static void check_record(const struct sqs_message *m)
{
    const struct record record = {
        .message_id = m->message_id,
        .receipt_handle = m->receipt_handle,
        .body = m->body,
        .md5_of_body = m->md5_of_body,
        .md5_of_attributes = m->md5_of_attributes,
        .attributes = m->attributes,
        .message_attributes = m->message_attributes,
    };
    const struct record_source source = {SLICE("arn:aws:sqs:eu-central-1:1:q"),
                                         SLICE("eu-central-1")};
    struct strbuf out = {0};

    for (size_t i = 0; format_at(i); i++) {
        const struct format *format = format_at(i);

        strbuf_reset(&out);
        strbuf_add_slice(&out, format->prefix);
        fuzz_check(format->append(&out, &record, &source) == 0);
        strbuf_add_slice(&out, format->suffix);
        if (strcmp(format->name, "raw") != 0)
            fuzz_check(json_is_valid(strbuf_slice(&out)));
        if (strcmp(format->name, "ndjson") == 0)
            fuzz_check(out.n > 0 && memchr(out.p, '\n', out.n - 1) == NULL);
    }
    strbuf_deinit(&out);
}

static void check_message(const struct sqs_message *m, struct slice answer)
{
    fuzz_check(fuzz_within(m->message_id, answer) && fuzz_within(m->receipt_handle, answer));
    fuzz_check(fuzz_within(m->body, answer) && fuzz_within(m->md5_of_body, answer));
    fuzz_check(fuzz_within(m->group_id, answer));
    if (m->unfit)
        return;
    fuzz_check(m->receipt_handle.n > 0 && m->message_id.n > 0);
    fuzz_check(json_is_valid(m->attributes) && json_is_valid(m->message_attributes));
    fuzz_check(m->attributes.p[0] == '{' && m->message_attributes.p[0] == '{');
    check_record(m);
}

static void receive(struct slice answer)
{
    struct sqs_message messages[MAX];
    size_t count = 0;

    if (sqs_read_receive(answer, messages, MAX, &count) != 0)
        return;
    fuzz_check(json_is_valid(answer));
    for (size_t i = 0; i < count && i < MAX; i++)
        check_message(&messages[i], answer);
}

/* The handles that came go back in a call. */
static void call_again(struct slice answer)
{
    struct sqs_message messages[MAX];
    struct sqs_call_entry entries[MAX];
    struct strbuf out = {0};
    size_t count = 0, fit = 0;

    if (sqs_read_receive(answer, messages, MAX, &count) != 0)
        return;
    for (size_t i = 0; i < count && i < MAX; i++)
        if (!messages[i].unfit)
            entries[fit++] = (struct sqs_call_entry){messages[i].receipt_handle, 30};
    if (fit > 0) {
        sqs_write_delete_batch(&out, SLICE("http://q/1/q"), entries, fit);
        fuzz_check(json_is_valid(strbuf_slice(&out)));
        sqs_write_change_batch(&out, SLICE("http://q/1/q"), entries, fit);
        fuzz_check(json_is_valid(strbuf_slice(&out)));
    }
    strbuf_deinit(&out);
}

static void batch(struct slice answer)
{
    struct sqs_call_result results[MAX];

    memset(results, 0x5a, sizeof results);
    if (sqs_read_batch(answer, results, MAX) != 0)
        return;
    fuzz_check(json_is_valid(answer));
    for (size_t i = 0; i < MAX; i++) {
        fuzz_check(results[i].state <= SQS_CALL_REFUSED);
        if (results[i].state >= SQS_CALL_FAILED) {
            fuzz_check(memchr(results[i].code, 0, SQS_CODE_SIZE));
            fuzz_check(memchr(results[i].message, 0, SQS_MESSAGE_SIZE));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    struct slice call = fuzz_line(&f), answer = fuzz_rest(&f);
    struct strbuf text = {0};

    if (slice_is(call, "receive")) {
        receive(answer);
        call_again(answer);
    } else if (slice_is(call, "delete")) {
        batch(answer);
    } else if (slice_is(call, "url")) {
        if (sqs_read_queue_url(answer, &text) == 0)
            fuzz_check(utf8_is_valid(strbuf_slice(&text)));
    } else if (slice_is(call, "attribute")) {
        if (sqs_read_attribute(answer, "QueueArn", &text) == 0)
            fuzz_check(utf8_is_valid(strbuf_slice(&text)));
    }
    strbuf_deinit(&text);
    fuzz_end(&f);
    return 0;
}

/*
 * Requests to the queue: a line with X-Amz-Target, one with the content type, one with the method, one with the path and the
 * query, then the body. What was read is written back, as an answer or a refusal, and must be JSON that our own reader takes,
 * or XML whose elements all close.
 */
#include "core/json.h"
#include "queue/api.h"

#include "test/fuzz/fuzz.h"

static const struct slice request_id = SLICE_INIT("42d59b56-7407-4c4a-be0f-4c88daeea257");

static void check_xml(struct slice text)
{
    long depth = 0;

    for (const char *p = text.p, *end = p + text.n; p < end; p++) {
        fuzz_check((unsigned char)*p >= 0x20 || *p == '\t' || *p == '\n');
        if (*p != '<' || p + 1 == end || p[1] == '?')
            continue;
        const char *close = memchr(p, '>', (size_t)(end - p));

        fuzz_check(close);
        if (p[1] == '/')
            depth--;
        else if (close[-1] != '/')
            depth++;
        fuzz_check(depth >= 0);
    }
    fuzz_check(depth == 0 && utf8_is_valid(text));
}

static void check_text(enum api_protocol protocol, struct slice text)
{
    if (protocol == API_QUERY)
        check_xml(text);
    else
        fuzz_check(text.n == 0 || json_is_valid(text));
}

/* A receive's answer with all texts of the request in it. */
static void answer_with(const struct api_request *r, struct strbuf *out)
{
    struct payload_attribute attributes[QUEUE_ATTRIBUTES_MAX];
    struct queue_refusal refusal;
    struct answer a;
    size_t count = 0, bytes = 0;

    if (api_check_attributes(&r->message.attributes, attributes, &count, &bytes, &refusal) !=
        QUEUE_OK)
        count = 0;
    answer_begin(&a, r->protocol, OP_RECEIVE_MESSAGE, request_id, out);
    answer_list_begin(&a, "Messages");
    answer_item_begin(&a);
    answer_string(&a, "MessageId", r->queue_url);
    answer_string(&a, "Body", r->message.body);
    if (r->attributes.count > 0) {
        answer_map_begin(&a, "Attributes");
        for (size_t i = 0; i < r->attributes.count; i++)
            answer_map_entry(&a, r->attributes.items[i].name, r->attributes.items[i].value);
        answer_map_end(&a);
    }
    if (count > 0) {
        answer_map_begin(&a, "MessageAttributes");
        for (size_t i = 0; i < count; i++)
            answer_map_attribute(&a, &attributes[i]);
        answer_map_end(&a);
    }
    answer_item_end(&a);
    answer_list_end(&a);
    answer_end(&a);
}

static void check_answer(const struct api_request *r)
{
    struct strbuf out = {0};
    struct queue_refusal refusal;
    struct answer a;

    answer_with(r, &out);
    check_text(r->protocol, strbuf_slice(&out));
    strbuf_reset(&out);
    answer_begin(&a, r->protocol, OP_DELETE_MESSAGE_BATCH, request_id, &out);
    answer_list_begin(&a, "Failed");
    queue_refuse(&refusal, QUEUE_HANDLE_INVALID, "The handle \"" SLICE_FMT "\" is none.",
                 SLICE_ARG(r->handle));
    for (size_t i = 0; i < r->entry_count; i++)
        answer_failed_entry(&a, r->entries[i].id, &refusal);
    answer_list_end(&a);
    answer_end(&a);
    check_text(r->protocol, strbuf_slice(&out));
    strbuf_deinit(&out);
}

static void check_refusal(const struct api_request *r, const struct queue_refusal *refusal)
{
    struct strbuf out = {0}, query_error = {0};
    int status = answer_refusal(r->protocol, refusal, request_id, &out, &query_error);

    fuzz_check(status >= 400 && status < 600);
    fuzz_check(utf8_is_valid(slice_of(refusal->text)));
    check_text(r->protocol, strbuf_slice(&out));
    strbuf_deinit(&out);
    strbuf_deinit(&query_error);
}

static void check_strings(const struct api_request *r)
{
    const struct slice all[] = {r->queue_url,  r->queue_name,   r->owner_account, r->prefix,
                                r->next_token, r->label,        r->handle,        r->attempt_id,
                                r->source_arn, r->message.body, r->message.group, r->message.dedup};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        fuzz_check(utf8_is_valid(all[i]));
    for (size_t i = 0; i < r->entry_count; i++)
        fuzz_check(utf8_is_valid(r->entries[i].id) && utf8_is_valid(r->entries[i].message.body));
    for (size_t i = 0; i < r->tags.count; i++)
        fuzz_check(utf8_is_valid(r->tags.items[i].name) && utf8_is_valid(r->tags.items[i].value));
}

static struct slice none_if_empty(struct slice line)
{
    return line.n > 0 ? line : (struct slice){NULL, 0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct api_request request; /* used again, as a server does */
    struct fuzz f = fuzz_begin(data, size);
    struct api_http http = {0};
    struct queue_refusal refusal = {0};
    struct slice path;

    http.target = none_if_empty(fuzz_line(&f));
    http.content_type = none_if_empty(fuzz_line(&f));
    http.method = fuzz_word(&f);
    path = fuzz_cut(&f, '\n');
    {
        struct fuzz parts = {.rest = path};
        struct slice before = fuzz_cut(&parts, '?');

        http.path = fuzz_copy(&f, before, false);
        http.query = fuzz_copy(&f, parts.rest, false);
    }
    http.body = fuzz_rest(&f);
    if (api_read(&request, &http, &refusal) == QUEUE_OK) {
        fuzz_check(request.operation < OPERATIONS && request.entry_count <= API_ENTRIES_MAX);
        check_strings(&request);
        check_answer(&request);
    } else {
        fuzz_check(refusal.error != QUEUE_OK && refusal.error < QUEUE_ERRORS);
        check_refusal(&request, &refusal);
    }
    if (size % 2)
        api_request_reset(&request);
    else
        api_request_deinit(&request); /* leaks are seen so */
    fuzz_end(&f);
    return 0;
}

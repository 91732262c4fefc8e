/* The two operations of sluice queue's own, and what stands in for one of them elsewhere. */
#include "aws/sqs_look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/task.h>

#include "aws/sqs_call.h"
#include "core/arn.h"
#include "core/json.h"

enum {
    PAGE_SIZE = 1000, /* the most that ListQueues gives at once (SQS API reference) */
    PAGES_MAX = 1000, /* a server that never stops is not asked for ever */
    READERS = 8,      /* GetQueueAttributes at once */
    QUEUES_ANSWER_MAX = 64 << 20,
    MESSAGES_ANSWER_MAX = 256 << 20,
};

static const struct sqs_operation describe_queues = {"DescribeQueues", "sqs:ListQueues",
                                                     SLICE_INIT("Sluice.DescribeQueues"), false};
static const struct sqs_operation peek_messages = {"PeekMessages", "sqs:ReceiveMessage",
                                                   SLICE_INIT("Sluice.PeekMessages"), false};
static const struct sqs_operation list_queues = {"ListQueues", "sqs:ListQueues",
                                                 SLICE_INIT("AmazonSQS.ListQueues"), false};

/* Servers that do not know an operation say so with these, or without any code (moto, ElasticMQ), or look at permissions
 * first. */
static bool is_foreign(const struct sqs_failure *failure)
{
    static const char *const codes[] = {"UnknownOperationException", "UnknownOperation",
                                        "InvalidAction", "UnsupportedOperation", ""};

    if (failure->status < 400)
        return false;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(failure->code, codes[i]) == 0)
            return true;
    return failure->trouble == SQS_TROUBLE_PERMISSION;
}

/* ---- reading ---- */

/* Room for one more of `size`. NULL: no memory. */
static void *add_item(void **items, size_t *count, size_t *max, size_t size)
{
    if (*count == *max) {
        size_t more = *max ? *max * 2 : 64;
        void *grown = reallocarray(*items, more, size);

        if (!grown)
            return NULL;
        *items = grown;
        *max = more;
    }
    return memset((char *)*items + (*count)++ * size, 0, size);
}

/* A string's plain text into *out, which it replaces; other values leave it NULL. false: no memory. */
static bool read_text(const struct json_value *value, char **out)
{
    struct strbuf plain = {0};

    free(*out);
    *out = NULL;
    if (value->type != JSON_STRING)
        return true;
    json_unescape(value->text, &plain);
    *out = strbuf_take(&plain, NULL);
    return *out;
}

static uint64_t read_number(const struct json_value *value)
{
    char text[24];

    if (value->type != JSON_NUMBER || value->text.n >= sizeof(text) || value->text.p[0] == '-')
        return 0;
    memcpy(text, value->text.p, value->text.n);
    text[value->text.n] = '\0';
    return strtoull(text, NULL, 10);
}

/*
 * Reads an answer that has one list: {"NAME":[…]}. For each element it calls `element`, which reads one value and returns
 * 0, or negative. Other members are handed to `other`, or skipped. 0, SQS_MALFORMED or negative.
 */
struct list_reader {
    const char *name;
    int (*element)(struct json *j, void *arg);
    void (*other)(const struct json_value *key, const struct json_value *value, void *arg);
    void *arg;
};

static int read_list(struct slice answer, const struct list_reader *reader)
{
    struct json_value key, value;
    struct json j;
    int result = 0;

    json_init(&j, answer);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return SQS_MALFORMED;
    while (result == 0 && json_member(&j, &key)) {
        if (!json_is(&key, reader->name)) {
            if (json_skip(&j, &value) && reader->other)
                reader->other(&key, &value, reader->arg);
            continue;
        }
        enum json_type type = json_next(&j, NULL);
        if (type != JSON_ARRAY && type != JSON_NULL)
            return SQS_MALFORMED;
        while (type == JSON_ARRAY && result == 0 && json_element(&j))
            result = reader->element(&j, reader->arg);
    }
    return result ? result : json_end(&j) ? 0 : SQS_MALFORMED;
}

/* ---- our own queues ---- */

static bool read_queue_member(const struct json_value *key, const struct json_value *value,
                              struct sqs_look_queue *queue)
{
    if (json_is(key, "Name"))
        return read_text(value, &queue->name);
    if (json_is(key, "QueueUrl"))
        return read_text(value, &queue->url);
    if (json_is(key, "DeadLetter"))
        return read_text(value, &queue->dead_letter);
    if (json_is(key, "Fifo"))
        queue->is_fifo = value->type == JSON_TRUE;
    else if (json_is(key, "Visible"))
        queue->visible = read_number(value);
    else if (json_is(key, "InFlight"))
        queue->in_flight = read_number(value);
    else if (json_is(key, "Delayed"))
        queue->delayed = read_number(value);
    else if (json_is(key, "Sent"))
        queue->sent = read_number(value);
    else if (json_is(key, "OldestSentMs"))
        queue->oldest_sent_ms = (int64_t)(read_number(value) & INT64_MAX);
    else if (json_is(key, "MaxReceives"))
        queue->max_receives = read_number(value);
    return true;
}

static int read_queue(struct json *j, void *arg)
{
    struct sqs_look_queues *queues = arg;
    struct sqs_look_queue *queue =
        add_item((void **)&queues->items, &queues->count, &queues->max, sizeof(*queue));
    struct json_value key, value;

    if (!queue)
        return -ENOMEM;
    if (json_next(j, NULL) != JSON_OBJECT)
        return SQS_MALFORMED;
    while (json_member(j, &key) && json_skip(j, &value))
        if (!read_queue_member(&key, &value, queue))
            return -ENOMEM;
    return queue->name ? 0 : SQS_MALFORMED;
}

/* Writes {"NAME":"prefix"…}; the rest is the caller's. */
static void write_prefix(struct strbuf *out, const char *prefix)
{
    strbuf_adds(out, "{\"QueueNamePrefix\":\"");
    (void)json_escape(slice_of(prefix), out);
    strbuf_addc(out, '"');
}

/* Carries the call out and reads its list. Ends the call. */
static int perform(struct sqs_call *call, struct sl_ctx *ctx, const struct list_reader *reader,
                   struct sqs_failure *failure)
{
    int result = sqs_call_perform(call, ctx, failure);

    if (result == 0) {
        result = read_list(strbuf_slice(&call->answer.body), reader);
        if (result == SQS_MALFORMED)
            result = sqs_call_malformed(call, failure);
    }
    sqs_call_end(call);
    return result;
}

static int describe(struct sqs_queue *all, struct sl_ctx *ctx, const char *prefix,
                    struct sqs_look_queues *out, struct sqs_failure *failure)
{
    struct sqs_call *call = sqs_call_begin(all->client, sqs_queue_target(all), &describe_queues);
    const struct list_reader reader = {.name = "Queues", .element = read_queue, .arg = out};

    if (!call)
        return -ENOMEM;
    write_prefix(&call->body, prefix);
    strbuf_addc(&call->body, '}');
    call->answer_max = QUEUES_ANSWER_MAX;
    return perform(call, ctx, &reader, failure);
}

/* ---- other queues: their names ---- */

struct page {
    struct sqs_look_queues *queues;
    char *next; /* token of the page after it; NULL: it was the last */
    bool failed;
};

static int read_url(struct json *j, void *arg)
{
    struct page *page = arg;
    struct sqs_look_queues *queues = page->queues;
    struct json_value value;
    struct sqs_look_queue *queue;
    struct queue_ref ref;

    if (json_next(j, &value) != JSON_STRING)
        return SQS_MALFORMED;
    queue = add_item((void **)&queues->items, &queues->count, &queues->max, sizeof(*queue));
    if (!queue || !read_text(&value, &queue->url))
        return -ENOMEM;
    if (queue_ref_read(slice_of(queue->url), &ref) != QUEUE_REF_OK)
        return SQS_MALFORMED;
    queue->name = strndup(ref.name.p, ref.name.n);
    queue->is_fifo = ref.is_fifo;
    return queue->name ? 0 : -ENOMEM;
}

static void read_token(const struct json_value *key, const struct json_value *value, void *arg)
{
    struct page *page = arg;

    if (json_is(key, "NextToken") && value->text.n > 0)
        page->failed |= !read_text(value, &page->next);
}

static int list_page(struct sqs_queue *all, struct sl_ctx *ctx, const char *prefix,
                     const char *token, struct page *page, struct sqs_failure *failure)
{
    struct sqs_call *call = sqs_call_begin(all->client, sqs_queue_target(all), &list_queues);
    const struct list_reader reader = {
        .name = "QueueUrls", .element = read_url, .other = read_token, .arg = page};

    if (!call)
        return -ENOMEM;
    write_prefix(&call->body, prefix);
    strbuf_addf(&call->body, ",\"MaxResults\":%d", PAGE_SIZE);
    if (token) {
        strbuf_adds(&call->body, ",\"NextToken\":\"");
        (void)json_escape(slice_of(token), &call->body);
        strbuf_addc(&call->body, '"');
    }
    strbuf_addc(&call->body, '}');
    call->answer_max = QUEUES_ANSWER_MAX;
    int result = perform(call, ctx, &reader, failure);
    return result == 0 && page->failed ? -ENOMEM : result;
}

static int list(struct sqs_queue *all, struct sl_ctx *ctx, const char *prefix,
                struct sqs_look_queues *out, struct sqs_failure *failure)
{
    char *token = NULL;
    int result = 0;

    for (int pages = 0; result == 0 && (pages == 0 || token) && pages < PAGES_MAX; pages++) {
        struct page page = {.queues = out};

        result = list_page(all, ctx, prefix, token, &page, failure);
        free(token);
        token = page.next;
    }
    free(token);
    return result;
}

/* ---- other queues: their numbers, several at once ---- */

struct survey {
    struct sqs_client *client;
    struct sqs_look_queues *queues;
    size_t next; /* the first that nobody looks at yet */
    int error;
};

static char *name_in_arn(const char *text)
{
    struct arn arn;

    return arn_read(slice_of(text), &arn) ? strndup(arn.resource.p, arn.resource.n) : strdup(text);
}

static int take_attributes(struct sqs_look_queue *queue,
                           const struct sqs_queue_attributes *attributes)
{
    queue->visible = attributes->visible;
    queue->in_flight = attributes->in_flight;
    queue->delayed = attributes->delayed;
    queue->max_receives = attributes->max_receive_count;
    if (!attributes->has_redrive)
        return 0;
    queue->dead_letter = name_in_arn(attributes->dead_letter_arn);
    return queue->dead_letter ? 0 : -ENOMEM;
}

static void note_trouble(struct sqs_look_queue *queue, const struct sqs_failure *failure)
{
    if (failure->trouble == SQS_TROUBLE_NO_QUEUE) {
        free(queue->name);
        queue->name = NULL; /* left out */
        return;
    }
    snprintf(queue->trouble, sizeof(queue->trouble), "%s",
             failure->code[0] ? failure->code : "no answer");
}

static int look_at(struct survey *survey, struct sl_ctx *ctx, struct sqs_look_queue *queue)
{
    struct sqs_queue_attributes attributes;
    struct sqs_failure failure;
    struct problem problem;
    struct sqs_queue *open;

    problem_init(&problem);
    int result = sqs_queue_open(&open, survey->client, ctx, queue->url, &problem);
    if (result == PROBLEM)
        snprintf(queue->trouble, sizeof(queue->trouble), "elsewhere");
    problem_deinit(&problem);
    if (result != 0)
        return result == PROBLEM ? 0 : result;
    result = sqs_get_attributes(open, ctx, &attributes, &failure);
    if (result == SQS_FAILED)
        note_trouble(queue, &failure);
    sqs_queue_free(open);
    if (result == 0)
        return take_attributes(queue, &attributes);
    return result == SQS_FAILED ? 0 : result;
}

struct read_numbers {
    struct survey *survey;
};

SL_TASK(read_numbers)
{
    struct survey *survey = my->survey;

    while (survey->error == 0 && survey->next < survey->queues->count) {
        int result = look_at(survey, ctx, &survey->queues->items[survey->next++]);

        if (result != 0)
            survey->error = result;
    }
    return 0;
}

static void drop_nameless(struct sqs_look_queues *queues)
{
    size_t kept = 0;

    for (size_t i = 0; i < queues->count; i++) {
        if (queues->items[i].name)
            queues->items[kept++] = queues->items[i];
        else
            free(queues->items[i].url);
    }
    queues->count = kept;
}

static int read_all_numbers(struct sqs_queue *all, struct sl_ctx *ctx,
                            struct sqs_look_queues *queues)
{
    struct survey survey = {.client = all->client, .queues = queues};
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);

    for (int i = 0; i < READERS; i++)
        SL_GO(scope, read_numbers, .survey = &survey);
    SL_IGNORE(sl_ctx_wait(scope, NULL));
    int left = sl_ctx_leave(scope);
    drop_nameless(queues);
    return survey.error ? survey.error : left;
}

int sqs_look_at_queues(struct sqs_queue *all, struct sl_ctx *ctx, const char *prefix,
                       struct sqs_look_queues *out, struct sqs_failure *failure)
{
    struct sqs_look_queues queues = {.is_own = true};
    int result = describe(all, ctx, prefix, &queues, failure);

    if (result == SQS_FAILED && is_foreign(failure)) {
        sqs_look_queues_deinit(&queues);
        result = list(all, ctx, prefix, &queues, failure);
        if (result == 0)
            result = read_all_numbers(all, ctx, &queues);
    }
    if (result == 0)
        *out = queues;
    else
        sqs_look_queues_deinit(&queues);
    return result;
}

void sqs_look_queues_deinit(struct sqs_look_queues *queues)
{
    for (size_t i = 0; i < queues->count; i++) {
        free(queues->items[i].name);
        free(queues->items[i].url);
        free(queues->items[i].dead_letter);
    }
    free(queues->items);
    *queues = (struct sqs_look_queues){0};
}

/* ---- messages ---- */

static bool read_message_member(const struct json_value *key, const struct json_value *value,
                                struct sqs_look_message *message)
{
    if (json_is(key, "MessageId"))
        return read_text(value, &message->id);
    if (json_is(key, "Status"))
        return read_text(value, &message->status);
    if (json_is(key, "Group"))
        return read_text(value, &message->group);
    if (json_is(key, "Body"))
        return read_text(value, &message->body);
    if (json_is(key, "HiddenForMs"))
        message->hidden_for = sl_ms((int64_t)(read_number(value) & INT64_MAX));
    else if (json_is(key, "Receives"))
        message->receives = read_number(value);
    else if (json_is(key, "SentMs"))
        message->sent_ms = (int64_t)(read_number(value) & INT64_MAX);
    else if (json_is(key, "Bytes"))
        message->bytes = read_number(value);
    return true;
}

static int read_message(struct json *j, void *arg)
{
    struct sqs_look_messages *messages = arg;
    struct sqs_look_message *message =
        add_item((void **)&messages->items, &messages->count, &messages->max, sizeof(*message));
    struct json_value key, value;

    if (!message)
        return -ENOMEM;
    if (json_next(j, NULL) != JSON_OBJECT)
        return SQS_MALFORMED;
    while (json_member(j, &key) && json_skip(j, &value))
        if (!read_message_member(&key, &value, message))
            return -ENOMEM;
    return message->id && message->status ? 0 : SQS_MALFORMED;
}

int sqs_look_at_messages(struct sqs_queue *queue, struct sl_ctx *ctx, size_t max, bool with_body,
                         struct sqs_look_messages *out, struct sqs_failure *failure)
{
    struct sqs_call *call = sqs_call_begin(queue->client, sqs_queue_target(queue), &peek_messages);
    struct sqs_look_messages messages = {0};
    const struct list_reader reader = {
        .name = "Messages", .element = read_message, .arg = &messages};

    if (!call)
        return -ENOMEM;
    strbuf_adds(&call->body, "{\"QueueName\":\"");
    (void)json_escape(slice_of(queue->name), &call->body);
    strbuf_addf(&call->body, "\",\"MaxNumberOfMessages\":%zu,\"Body\":%s}", max,
                with_body ? "true" : "false");
    call->answer_max = MESSAGES_ANSWER_MAX;
    int result = perform(call, ctx, &reader, failure);
    if (result == 0)
        *out = messages;
    else
        sqs_look_messages_deinit(&messages);
    return result == SQS_FAILED && is_foreign(failure) ? SQS_FOREIGN : result;
}

void sqs_look_messages_deinit(struct sqs_look_messages *messages)
{
    for (size_t i = 0; i < messages->count; i++) {
        free(messages->items[i].id);
        free(messages->items[i].status);
        free(messages->items[i].group);
        free(messages->items[i].body);
    }
    free(messages->items);
    *messages = (struct sqs_look_messages){0};
}

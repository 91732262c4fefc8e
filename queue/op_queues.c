/* Queues: made, found, listed, emptied and removed. */
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/json.h"
#include "queue/service_impl.h"

enum { LIST_MAX = 1000, TOKEN_SIZE = QUEUE_NAME_MAX / 3 * 4 + 8 };

static enum step answer_url(struct queue_call *call, const struct queue *queue, enum step step,
                            struct queue_refusal *refusal)
{
    char url[URL_SIZE];

    call_url(call, queue, url);
    call_answer_begin(call);
    answer_string(&call->answer, "QueueUrl", slice_of(url));
    return call_answer_end(call, step, refusal);
}

static enum step answer_nothing(struct queue_call *call, enum step step,
                                struct queue_refusal *refusal)
{
    call_answer_begin(call);
    return call_answer_end(call, step, refusal);
}

/* ---- creating ---- */

static bool asks_for_fifo(const struct api_map *attributes)
{
    for (size_t i = 0; i < attributes->count; i++)
        if (slice_is(attributes->items[i].name, "FifoQueue") &&
            slice_eq_nocase(attributes->items[i].value, SLICE("true")))
            return true;
    return false;
}

static enum queue_error set_all(struct settings *settings, const struct queue_limits *limits,
                                const struct api_map *attributes, bool at_creation,
                                struct queue_refusal *refusal)
{
    enum queue_error error = QUEUE_OK;

    for (size_t i = 0; error == QUEUE_OK && i < attributes->count; i++)
        error = settings_set(settings, limits, attributes->items[i].name,
                             attributes->items[i].value, at_creation, refusal);
    return error != QUEUE_OK ? error : settings_check(settings, refusal);
}

static enum queue_error check_tags(const struct api_map *tags, struct queue_refusal *refusal)
{
    for (size_t i = 0; i < tags->count; i++) {
        struct slice key = tags->items[i].name, value = tags->items[i].value;

        if (key.n == 0 || utf8_count(key) > QUEUE_TAG_KEY_MAX ||
            utf8_count(value) > QUEUE_TAG_VALUE_MAX)
            return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                                "Tag keys must be between 1 and 128 characters in length, and "
                                "values at most 256.");
        if (!api_text_is_allowed(key) || !api_text_is_allowed(value))
            return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                                "Tag keys and values must not have control characters.");
        if (key.n >= 4 && slice_eq_nocase((struct slice){key.p, 4}, SLICE("aws:")))
            return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                                "Tag keys must not start with aws:, which is reserved.");
    }
    return QUEUE_OK;
}

static enum queue_error create(struct queue_call *call, struct moment at, struct settings *settings,
                               struct queue **out, struct queue_refusal *refusal)
{
    const struct api_request *r = &call->request;
    struct slice *given = calloc(r->attributes.count + 1, sizeof *given);
    struct queue_tag *tags = calloc(r->tags.count + 1, sizeof *tags);
    enum queue_error error;

    for (size_t i = 0; given && i < r->attributes.count; i++)
        given[i] = r->attributes.items[i].name;
    for (size_t i = 0; tags && i < r->tags.count; i++)
        tags[i] = (struct queue_tag){r->tags.items[i].name, r->tags.items[i].value};
    if (given && tags)
        error = engine_queue_create(call->service->engine, at, r->queue_name, settings, given,
                                    r->attributes.count, tags, r->tags.count, out, refusal);
    else
        error = queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    free(given);
    free(tags);
    return error;
}

enum step op_create_queue(struct queue_call *call, struct moment at, struct queue_refusal *refusal)
{
    const struct api_request *r = &call->request;
    struct settings settings;
    struct queue *queue = NULL;
    enum queue_error error;

    settings_init(&settings, asks_for_fifo(&r->attributes));
    error = set_all(&settings, &call->service->config.limits, &r->attributes, true, refusal);
    if (error == QUEUE_OK)
        error = check_tags(&r->tags, refusal);
    if (error == QUEUE_OK)
        error = create(call, at, &settings, &queue, refusal);
    settings_deinit(&settings);
    return error == QUEUE_OK ? answer_url(call, queue, STEP_SYNC, refusal) : STEP_REFUSE;
}

enum step op_delete_queue(struct queue_call *call, struct moment at, struct queue_refusal *refusal)
{
    struct queue *queue;

    if (call_queue(call, &queue, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    engine_queue_delete(call->service->engine, at, queue);
    return answer_nothing(call, STEP_SYNC, refusal);
}

enum step op_purge_queue(struct queue_call *call, struct moment at, struct queue_refusal *refusal)
{
    struct queue *queue;

    if (call_queue(call, &queue, refusal) != QUEUE_OK ||
        engine_queue_purge(call->service->engine, at, queue, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    return answer_nothing(call, STEP_SYNC, refusal);
}

/* ---- finding ---- */

enum step op_get_queue_url(struct queue_call *call, struct moment at, struct queue_refusal *refusal)
{
    const struct api_request *r = &call->request;
    const struct queue *queue = engine_queue_find(call->service->engine, r->queue_name);

    (void)at;
    if (r->owner_account.p && !slice_is(r->owner_account, call->service->account))
        queue = NULL;
    if (queue)
        return answer_url(call, queue, STEP_REPLY, refusal);
    queue_refuse(refusal, QUEUE_DOES_NOT_EXIST, "The specified queue does not exist.");
    return STEP_REFUSE;
}

/* A page of a list: where it starts, and how much of it. */
struct page {
    char from[TOKEN_SIZE];
    size_t max;
    bool is_asked; /* MaxResults was given: only then is there a next page */
};

static enum queue_error read_page(const struct api_request *r, struct page *page,
                                  struct queue_refusal *refusal)
{
    size_t n = 0;

    *page = (struct page){.max = LIST_MAX, .is_asked = r->max_results != API_ABSENT};
    if (page->is_asked && (r->max_results < 1 || r->max_results > LIST_MAX))
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Value %lld for parameter MaxResults is invalid. Reason: MaxResults "
                            "must be an integer between 1 and 1000, if provided.",
                            (long long)r->max_results);
    if (page->is_asked)
        page->max = (size_t)r->max_results;
    if (!r->next_token.p || r->next_token.n == 0)
        return QUEUE_OK;
    if (base64_decoded_max(r->next_token.n) >= sizeof page->from ||
        !base64_decode(r->next_token, page->from, &n) || n == 0)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID, "Invalid NextToken value.");
    page->from[n] = '\0';
    return QUEUE_OK;
}

static void answer_token(struct queue_call *call, const struct queue *next)
{
    char token[TOKEN_SIZE];

    base64_write(slice_of(queue_name(next)), token);
    answer_string(&call->answer, "NextToken", slice_of(token));
}

static bool starts_with(const char *name, struct slice prefix)
{
    return strlen(name) >= prefix.n && (prefix.n == 0 || memcmp(name, prefix.p, prefix.n) == 0);
}

/* Which queues are in a list. */
typedef bool in_list(const struct queue_call *call, const struct queue *queue, const void *arg);

static enum step answer_list(struct queue_call *call, const struct page *page, const char *name,
                             in_list *is_in, const void *arg, struct queue_refusal *refusal)
{
    const struct engine *engine = call->service->engine;
    const struct queue *queue = engine_queue_from(engine, slice_of(page->from));
    char url[URL_SIZE];
    size_t n = 0;

    call_answer_begin(call);
    for (; queue && n < page->max; queue = engine_queue_next(engine, queue)) {
        if (!is_in(call, queue, arg))
            continue;
        if (n++ == 0)
            answer_list_begin(&call->answer, name);
        call_url(call, queue, url);
        answer_item_string(&call->answer, slice_of(url));
    }
    if (n > 0)
        answer_list_end(&call->answer);
    else if (call->request.operation == OP_LIST_DEAD_LETTER_SOURCE_QUEUES) {
        answer_list_begin(&call->answer, name); /* the model requires it */
        answer_list_end(&call->answer);
    }
    while (queue && !is_in(call, queue, arg))
        queue = engine_queue_next(engine, queue);
    if (queue && page->is_asked)
        answer_token(call, queue);
    return call_answer_end(call, STEP_REPLY, refusal);
}

static bool has_prefix(const struct queue_call *call, const struct queue *queue, const void *arg)
{
    (void)call;
    return starts_with(queue_name(queue), *(const struct slice *)arg);
}

enum step op_list_queues(struct queue_call *call, struct moment at, struct queue_refusal *refusal)
{
    struct page page;

    (void)at;
    if (read_page(&call->request, &page, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    return answer_list(call, &page, "QueueUrls", has_prefix, &call->request.prefix, refusal);
}

static bool is_source_of(const struct queue_call *call, const struct queue *queue, const void *arg)
{
    const char *arn = queue_settings(queue)->dead_letter_arn;

    (void)call;
    return arn && strcmp(arn, queue_arn(arg)) == 0;
}

enum step op_list_dead_letter_source_queues(struct queue_call *call, struct moment at,
                                            struct queue_refusal *refusal)
{
    struct queue *queue;
    struct page page;

    (void)at;
    if (call_queue(call, &queue, refusal) != QUEUE_OK ||
        read_page(&call->request, &page, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    return answer_list(call, &page, "queueUrls", is_source_of, queue, refusal);
}

/* ---- tags ---- */

enum step op_tag_queue(struct queue_call *call, struct moment at, struct queue_refusal *refusal)
{
    const struct api_map *map = &call->request.tags;
    struct queue_tag tags[QUEUE_TAGS_MAX];
    struct queue *queue;

    (void)at;
    if (call_queue(call, &queue, refusal) != QUEUE_OK || check_tags(map, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    if (map->count > QUEUE_TAGS_MAX) {
        queue_refuse(refusal, QUEUE_PARAMETER_INVALID, "Too many tags added for queue %s.",
                     queue_name(queue));
        return STEP_REFUSE;
    }
    for (size_t i = 0; i < map->count; i++)
        tags[i] = (struct queue_tag){map->items[i].name, map->items[i].value};
    if (engine_queue_tag(call->service->engine, queue, tags, map->count, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    return answer_nothing(call, STEP_SYNC, refusal);
}

enum step op_untag_queue(struct queue_call *call, struct moment at, struct queue_refusal *refusal)
{
    struct queue *queue;

    (void)at;
    if (call_queue(call, &queue, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    engine_queue_untag(call->service->engine, queue, call->request.tag_keys.items,
                       call->request.tag_keys.count);
    return answer_nothing(call, STEP_SYNC, refusal);
}

enum step op_list_queue_tags(struct queue_call *call, struct moment at,
                             struct queue_refusal *refusal)
{
    const struct queue_tag *tags;
    struct queue *queue;
    size_t count;

    (void)at;
    if (call_queue(call, &queue, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    tags = queue_tags(queue, &count);
    call_answer_begin(call);
    if (count > 0) {
        answer_map_begin(&call->answer, "Tags");
        for (size_t i = 0; i < count; i++)
            answer_map_entry(&call->answer, tags[i].key, tags[i].value);
        answer_map_end(&call->answer);
    }
    return call_answer_end(call, STEP_REPLY, refusal);
}

/* ---- attributes and permissions: both change the settings ---- */

static enum step replace_settings(struct queue_call *call, struct moment at, struct queue *queue,
                                  struct settings *settings, enum queue_error error,
                                  struct queue_refusal *refusal)
{
    if (error == QUEUE_OK)
        error = engine_queue_set(call->service->engine, at, queue, settings, refusal);
    settings_deinit(settings);
    return error == QUEUE_OK ? answer_nothing(call, STEP_SYNC, refusal) : STEP_REFUSE;
}

/* The queue and a copy of its settings. */
static bool begin_change(struct queue_call *call, struct queue **queue, struct settings *settings,
                         struct queue_refusal *refusal)
{
    if (call_queue(call, queue, refusal) != QUEUE_OK)
        return false;
    if (settings_copy(settings, queue_settings(*queue)))
        return true;
    queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    return false;
}

enum step op_set_queue_attributes(struct queue_call *call, struct moment at,
                                  struct queue_refusal *refusal)
{
    struct settings settings;
    struct queue *queue;

    if (!begin_change(call, &queue, &settings, refusal))
        return STEP_REFUSE;
    return replace_settings(call, at, queue, &settings,
                            set_all(&settings, &call->service->config.limits,
                                    &call->request.attributes, false, refusal),
                            refusal);
}

enum step op_add_permission(struct queue_call *call, struct moment at,
                            struct queue_refusal *refusal)
{
    const struct api_request *r = &call->request;
    struct settings settings;
    struct queue *queue;

    if (!begin_change(call, &queue, &settings, refusal))
        return STEP_REFUSE;
    return replace_settings(call, at, queue, &settings,
                            settings_permission_add(&settings, slice_of(queue_arn(queue)), r->label,
                                                    r->accounts.items, r->accounts.count,
                                                    r->actions.items, r->actions.count, refusal),
                            refusal);
}

enum step op_remove_permission(struct queue_call *call, struct moment at,
                               struct queue_refusal *refusal)
{
    struct settings settings;
    struct queue *queue;

    if (!begin_change(call, &queue, &settings, refusal))
        return STEP_REFUSE;
    return replace_settings(call, at, queue, &settings,
                            settings_permission_remove(&settings, call->request.label, refusal),
                            refusal);
}

/* ---- what a queue is like ---- */

struct showing {
    struct queue_call *call;
    bool has_map;
};

static bool is_asked(const struct api_strings *asked, const char *name)
{
    for (size_t i = 0; i < asked->count; i++)
        if (slice_is(asked->items[i], "All") || slice_is(asked->items[i], name))
            return true;
    return false;
}

static bool show(void *arg, const char *name, struct slice value)
{
    struct showing *showing = arg;

    if (!is_asked(&showing->call->request.attribute_names, name))
        return true;
    if (!showing->has_map)
        answer_map_begin(&showing->call->answer, "Attributes");
    showing->has_map = true;
    answer_map_entry(&showing->call->answer, slice_of(name), value);
    return true;
}

static void show_number(struct showing *showing, const char *name, uint64_t n)
{
    char text[24];
    struct strbuf buf = {0};

    strbuf_addf(&buf, "%llu", (unsigned long long)n);
    if (!strbuf_failed(&buf)) {
        memcpy(text, buf.p, buf.n);
        show(showing, name, (struct slice){text, buf.n});
    }
    strbuf_deinit(&buf);
}

enum step op_get_queue_attributes(struct queue_call *call, struct moment at,
                                  struct queue_refusal *refusal)
{
    const struct api_strings *asked = &call->request.attribute_names;
    struct showing showing = {call, false};
    struct queue_counts counts;
    struct queue *queue;

    (void)at;
    if (call_queue(call, &queue, refusal) != QUEUE_OK)
        return STEP_REFUSE;
    for (size_t i = 0; i < asked->count; i++)
        if (!settings_name_is_known(asked->items[i])) {
            queue_refuse(refusal, QUEUE_ATTRIBUTE_NAME_INVALID, "Unknown Attribute " SLICE_FMT ".",
                         SLICE_ARG(asked->items[i]));
            return STEP_REFUSE;
        }
    counts = queue_counts(queue);
    call_answer_begin(call);
    show(&showing, "QueueArn", slice_of(queue_arn(queue)));
    show_number(&showing, "ApproximateNumberOfMessages", counts.visible);
    show_number(&showing, "ApproximateNumberOfMessagesNotVisible", counts.in_flight);
    show_number(&showing, "ApproximateNumberOfMessagesDelayed", counts.delayed);
    show_number(&showing, "CreatedTimestamp", (uint64_t)counts.created_ms / 1000);
    show_number(&showing, "LastModifiedTimestamp", (uint64_t)counts.modified_ms / 1000);
    settings_visit(queue_settings(queue), show, &showing);
    if (showing.has_map)
        answer_map_end(&call->answer);
    return call_answer_end(call, STEP_REPLY, refusal);
}

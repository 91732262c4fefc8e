/*
 * api -- which protocol a request speaks, and what both check: that nothing required is missing.
 */
#include "queue/api.h"

#include "queue/api_read.h"

static bool starts_with(struct slice text, const char *start)
{
    size_t n = strlen(start);

    return text.n >= n && strncasecmp(text.p, start, n) == 0;
}

static bool is_json(const struct api_http *http)
{
    return http->target.p || starts_with(http->content_type, "application/x-amz-json-1.");
}

/* Those of the developer guide, "Making Query API requests". */
static bool is_method(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "POST") == 0;
}

enum queue_error api_read(struct api_request *request, const struct api_http *http,
                          struct queue_refusal *refusal)
{
    api_request_reset(request);
    request->protocol = is_json(http) ? API_JSON : API_QUERY;
    request->operation = OPERATIONS;
    if (!is_method(http->method))
        return queue_refuse_plainly(refusal, QUEUE_ACTION_UNKNOWN);
    if (request->protocol == API_JSON)
        return api_read_json(request, http, refusal);
    return api_read_query(request, http, refusal);
}

enum queue_error api_refuse_list(const char *name, struct queue_refusal *refusal)
{
    return queue_refuse(refusal, QUEUE_MALFORMED, "%s has more than %d elements.", name,
                        API_ENTRIES_MAX);
}

/* One is missed in words of its own: what SQS was seen to say. */
static enum queue_error refuse_missing(const struct model_member *member,
                                       struct queue_refusal *refusal)
{
    if (strcmp(member->name, "QueueName") == 0)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Value for parameter QueueName is invalid. Reason: Must specify a "
                            "queue name.");
    return queue_refuse(refusal, QUEUE_PARAMETER_MISSING,
                        "The request must contain the parameter %s.", member->name);
}

enum queue_error api_check_required(const struct model_member *members, uint32_t given,
                                    const char *list, size_t number, struct queue_refusal *refusal)
{
    for (size_t i = 0; members[i].name; i++) {
        if (!members[i].is_required || (given >> i & 1))
            continue;
        /* A batch without entries is an empty one, which the operation has a word for. */
        if (members[i].shape == SHAPE_STRUCTURES)
            continue;
        if (!list)
            return refuse_missing(&members[i], refusal);
        return queue_refuse(refusal, QUEUE_PARAMETER_MISSING,
                            "The request must contain the parameter %s.%zu.%s.", list, number,
                            members[i].name);
    }
    return QUEUE_OK;
}

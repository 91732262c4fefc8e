/* sink -- the calls of sink.h, handed to the kind. */
#include "sink/sink.h"

int sink_open(struct sink **out, struct sl_ctx *ctx, const struct sink_config *config,
              struct problem *problem)
{
    for (const struct sink_kind *const *kind = sink_kinds; *kind; kind++)
        if ((*kind)->takes(config->to))
            return (*kind)->open(out, ctx, config, problem);
    return problem_set(
        problem, EXIT_BAD_USAGE,
        "--to %s is no sink\n"
        "  do:    give the service's URL, https://host/path, or - for standard output",
        config->to);
}

void sink_free(struct sink *sink)
{
    if (sink)
        sink->ops->free(sink);
}

void sink_post(struct sink *sink, struct sl_ctx *ctx, const struct sink_request *request,
               struct sink_result *result)
{
    sink->ops->post(sink, ctx, request, result);
}

/* source -- the calls of source.h, handed to the kind. */
#include "source/source.h"

int source_open(struct source **out, struct sl_ctx *ctx, const struct source_config *config,
                struct problem *problem)
{
    for (const struct source_kind *const *kind = source_kinds; *kind; kind++)
        if ((*kind)->takes(config->from))
            return (*kind)->open(out, ctx, config, problem);
    return problem_set(
        problem, EXIT_BAD_USAGE,
        "--from %s is no source\n"
        "  do:    give a queue's URL, ARN or name, - for standard input, or synthetic:",
        config->from);
}

void source_free(struct source *source)
{
    if (source)
        source->ops->free(source);
}

struct message_chan *source_receive(struct source *source, struct sl_ctx *life,
                                    struct sl_ctx *delivery, struct sl_ctx *intake)
{
    return source->ops->receive(source, life, delivery, intake);
}

void source_settle(struct source *source, struct sl_ctx *life, struct batch_chan *verdicts)
{
    source->ops->settle(source, life, verdicts);
}

bool source_holds(const struct source *source, struct ticket ticket)
{
    return !source->ops->holds || source->ops->holds(source, ticket);
}

size_t source_held(const struct source *source)
{
    return source->ops->held(source);
}

size_t source_abandon(struct source *source)
{
    return source->ops->abandon(source);
}

void source_wake(struct source *source)
{
    if (source->ops->wake)
        source->ops->wake(source);
}

void source_tell_plan(const struct source *source, struct source_plan *plan)
{
    if (source->ops->plan)
        source->ops->plan(source, plan);
}

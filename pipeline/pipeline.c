/*
 * pipeline -- the whole of it in one page: three contexts, four stages, and the conductor that ends them in order.
 *
 * The scope `life` holds every task and channel of the stages. `delivery` and `intake` hold none: they are only asked, by
 * waits that must end earlier.
 */
#include "pipeline/pipeline.h"

#include <errno.h>

#include <sluice/select.h>
#include <sluice/task.h>

#include "core/units.h"
#include "ops/log.h"
#include "pipeline/drain.h"
#include "pipeline/stages.h"
#include "pipeline/watchdog.h"

int pipeline_config_check(const struct pipeline_config *config, struct problem *problem)
{
    const struct source_config *source = &config->source;
    size_t count = config->sink.format->one_per_request ? 1 : config->batch_count;
    size_t least = count * (config->concurrency + 1) + 10 * source->receivers;

    if (source->in_flight_max >= least)
        return 0;
    return problem_set(
        problem, EXIT_BAD_USAGE,
        "--in-flight %zu is too small for these batches\n"
        "  needs: %zu = --batch-count %zu x (--concurrency %zu + 1) + 10 x --receivers %zu\n"
        "  do:    --in-flight %zu or more, or smaller batches",
        source->in_flight_max, least, count, config->concurrency, source->receivers, least + count);
}

static void report_end(const struct pipeline *pipeline, const struct drain *drain,
                       struct pipeline_report *report, sl_time began)
{
    size_t held = source_abandon(pipeline->source);
    sl_time now = sl_now();

    report->visibility = pipeline->source->visibility;
    report->took = sl_time_sub(now, began);
    report->drain_took = drain->signals || drain->due ? sl_time_sub(now, drain->began) : SL_ZERO;
    report->ending = held == 0             ? PIPELINE_DRAINED
                     : drain->signals >= 2 ? PIPELINE_STOPPED
                                           : PIPELINE_DEADLINE;
}

/* Intake ends by a signal, or when the drain's deadline cuts a feed that had not stopped; else a stage has failed. */
static int cause_of(struct sl_ctx *intake)
{
    int cause = sl_ctx_cause(intake);

    return cause == -ECANCELED || sl_ctx_err(intake) == SL_TIMEOUT ? 0 : cause;
}

int pipeline_run(struct sl_ctx *ctx, const struct pipeline_config *config, struct source *source,
                 struct sink *sink, struct sl_chan *signals, struct pipeline_report *report)
{
    struct sl_ctx *life =
        sl_ctx_new(ctx, &(struct sl_ctx_options){.name = "life", .keep_going = true});
    struct sl_ctx *delivery = sl_ctx_new(life, &(struct sl_ctx_options){.name = "delivery"});
    struct sl_ctx *intake = sl_ctx_new(delivery, &(struct sl_ctx_options){.name = "intake"});
    struct sl_ctx *aside =
        sl_ctx_new(ctx, &(struct sl_ctx_options){.name = "aside", .keep_going = true});
    struct pipeline pipeline = {
        .config = config,
        .source = source,
        .sink = sink,
        .life = life,
        .delivery = delivery,
        .intake = intake,
        .account = source->account,
        .progress = source->progress,
        .bytes_taught = SIZE_MAX,
        .bytes_told = SIZE_MAX,
    };
    struct drain drain = {.pipeline = &pipeline, .signals_in = signals};
    sl_time began = sl_now();

    struct message_chan *messages = source_receive(source, life, delivery, intake); /* stage 1 */
    struct batch_chan *batches = batch_messages(&pipeline, messages);               /* stage 2 */
    struct batch_chan *verdicts = deliver_batches(&pipeline, batches);              /* stage 3 */
    source_settle(source, life, verdicts);                                          /* and back */

    drain_conduct(&drain, aside);
    watchdog_start(&pipeline, aside);
    sl_assert(sl_ctx_wait(life, NULL) == SL_OK);

    report->cause = cause_of(intake);
    sl_ctx_cancel(aside, 0); /* before intake, so that the conductor sees an end and not a drain */
    sl_ctx_cancel(intake, 0);
    (void)sl_ctx_leave(aside);
    report_end(&pipeline, &drain, report, began);
    (void)sl_ctx_leave(intake);
    (void)sl_ctx_leave(delivery);
    (void)sl_ctx_leave(life);
    return 0;
}

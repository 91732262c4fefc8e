#include "pipeline/drain.h"

#include <errno.h>

#include <sluice/select.h>
#include <sluice/task.h>

#include "core/units.h"
#include "ops/log.h"

sl_dur drain_return_reserve(sl_dur drain)
{
    sl_dur reserve = sl_dur_cmp(drain, sl_sec(10)) >= 0 ? sl_sec(2) : sl_sec(1);

    return sl_dur_min(reserve, sl_dur_div(drain, 2));
}

/* Where nothing has to be returned over the network or written to a file, delivery has nearly all of
 * the drain. */
static sl_dur reserve_of(const struct pipeline *pipeline)
{
    bool is_needed = pipeline->source->takes_back || pipeline->config->source.undelivered;

    return is_needed ? drain_return_reserve(pipeline->config->drain) : sl_ms(20);
}

struct conduct {
    struct drain *drain;
};

static void end_intake(struct pipeline *pipeline)
{
    sl_ctx_cancel(pipeline->intake, 0);
    source_wake(pipeline->source);
}

struct stop_feed {
    struct pipeline *pipeline;
};

SL_TASK(stop_feed)
{
    const struct pipeline_feed *feed = my->pipeline->config->feed;

    feed->stop(feed->arg, my->pipeline->delivery);
    end_intake(my->pipeline);
    return 0;
}

static void begin(struct drain *drain, struct sl_ctx *scope, const char *why)
{
    struct pipeline *pipeline = drain->pipeline;
    sl_dur length = pipeline->config->drain;
    sl_time end;

    drain->due = true;
    drain->began = sl_now();
    end = sl_time_add(drain->began, length);
    log_info("%s: draining, %zu held, %.1f s at most", why, source_held(pipeline->source),
             sl_dur_seconds(length));
    sl_ctx_deadline_set(pipeline->delivery,
                        sl_time_add(drain->began, sl_dur_sub(length, reserve_of(pipeline))));
    sl_ctx_deadline_set(pipeline->life, end);
    if (pipeline->config->feed)
        SL_GO(scope, stop_feed, .pipeline = pipeline);
    else
        end_intake(pipeline);
}

/* Waits for what begins a drain. NULL: nothing did, all is over. */
static const char *wait_for_cause(struct drain *drain)
{
    const struct pipeline_config *config = drain->pipeline->config;
    sl_time end = sl_time_add(sl_now(), config->run_for);
    int signal, nothing;
    struct sl_case cases[] = {SL_ON_RECV(drain->signals_in, &signal), SL_AT(end),
                              SL_ON_RECV(config->feed ? config->feed->over : NULL, &nothing)};
    int chosen = sl_select(drain->pipeline->intake, cases, 3);

    if (chosen == 1)
        return "the time is up";
    if (chosen == 2)
        return "everything is sent";
    if (chosen == 0 && cases[0].result == SL_OK) {
        drain->signals = 1;
        return "a signal came";
    }
    return "a stage failed";
}

SL_TASK(conduct)
{
    struct drain *drain = my->drain;
    struct pipeline *pipeline = drain->pipeline;
    const char *why = wait_for_cause(drain);
    int signal;

    if (sl_ctx_err(ctx))
        return 0;
    begin(drain, ctx, why);
    while (sl_chan_recv(drain->signals_in, ctx, &signal) == SL_OK) {
        if (++drain->signals == 1) {
            log_info("a signal came: draining already");
            continue;
        }
        log_warn("signal %u: %s", drain->signals,
                 drain->signals == 2 ? "deliveries end, what is held goes back" : "ending at once");
        sl_ctx_cancel(drain->signals == 2 ? pipeline->delivery : pipeline->life, 0);
    }
    return 0;
}

void drain_conduct(struct drain *drain, struct sl_ctx *scope)
{
    SL_GO(scope, conduct, .drain = drain);
}

#include "pipeline/watchdog.h"

#include <unistd.h>

#include <sluice/task.h>

#include "core/problem.h"
#include "ops/log.h"

struct watch_over {
    struct pipeline *pipeline;
};

static bool stands_still(const struct pipeline *pipeline)
{
    sl_time last = pipeline->progress->last_event;

    return source_held(pipeline->source) > 0 &&
           sl_dur_cmp(sl_time_sub(sl_now(), last),
                      sl_dur_add(WATCHDOG_LIMIT, pipeline->config->sink.timeout)) > 0;
}

SL_TASK(watch_over)
{
    unsigned looks = 0;

    while (sl_sleep(ctx, sl_sec(30)) == SL_OK) {
        looks = stands_still(my->pipeline) ? looks + 1 : 0;
        if (looks < 2) /* a process that was stopped for long is given the time to move */
            continue;
        log_error("nothing has moved for too long with %zu events held: this is a fault in sluice; "
                  "ending, the queue gives them again",
                  source_held(my->pipeline->source));
        sl_dump(STDERR_FILENO);
        _exit(EXIT_INTERNAL);
    }
    return 0;
}

void watchdog_start(struct pipeline *pipeline, struct sl_ctx *scope)
{
    pipeline->progress->last_event = sl_now();
    SL_GO(scope, watch_over, .pipeline = pipeline);
}

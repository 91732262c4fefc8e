#include "pipeline/watchdog.h"

#include <unistd.h>

#include <sluice/task.h>

#include "core/problem.h"
#include "ops/log.h"

struct watch_over {
    struct pipeline *pipeline;
};

/* The open batch may wait for others until its age: only from then on is it time for it to move. */
static sl_time should_have_moved(const struct progress *progress)
{
    return sl_time_cmp(progress->open_deadline, SL_NEVER) == 0
               ? progress->last_event
               : sl_time_max(progress->last_event, progress->open_deadline);
}

/* What stands still; NULL: nothing does. */
static const char *stands_still(const struct pipeline *pipeline)
{
    const struct progress *progress = pipeline->progress;
    sl_dur limit = sl_dur_add(WATCHDOG_LIMIT, pipeline->config->sink.timeout);
    sl_time latest = sl_time_add(sl_now(), sl_dur_mul(limit, -1));

    if (source_held(pipeline->source) == 0 || (pipeline->sink->is_patient && progress->sending > 0))
        return NULL;
    if (sl_time_before(should_have_moved(progress), latest))
        return "nothing has";
    return sl_time_before(deliver_stands_since(pipeline), latest) ? "a delivery has not" : NULL;
}

static const char *what_becomes_of_them(const struct source *source)
{
    return source->takes_back ? "the queue gives them again" : "nobody gives them again";
}

SL_TASK(watch_over)
{
    unsigned looks = 0;

    while (sl_sleep(ctx, sl_sec(30)) == SL_OK) {
        const char *what = stands_still(my->pipeline);

        looks = what ? looks + 1 : 0;
        if (looks < 2) /* a process that was stopped for long is given the time to move */
            continue;
        log_error("%s moved for too long with %zu events held: this is a fault in sluice; "
                  "ending, %s",
                  what, source_held(my->pipeline->source),
                  what_becomes_of_them(my->pipeline->source));
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

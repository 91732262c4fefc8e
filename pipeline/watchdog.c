#include "pipeline/watchdog.h"

#include <unistd.h>

#include <sluice/task.h>

#include "core/problem.h"
#include "ops/log.h"

#define LOOK_EVERY sl_sec(30)

struct watch_over {
    struct pipeline *pipeline;
};

/* Since when what is held could have moved, and did not. The open batch may wait for others until its age: only from then on. */
static sl_time nothing_moves_since(const struct pipeline *pipeline)
{
    const struct progress *progress = pipeline->progress;

    if (source_held(pipeline->source) == 0 || progress->patient > 0)
        return SL_NEVER;
    return sl_time_cmp(progress->open_deadline, SL_NEVER) == 0
               ? progress->last_event
               : sl_time_max(progress->last_event, progress->open_deadline);
}

/* What stands still since `latest` or longer; NULL: nothing does. */
static const char *stands_still(const struct pipeline *pipeline, sl_time latest)
{
    const struct errand *oldest = errands_oldest(&pipeline->progress->errands);

    if (sl_time_before(nothing_moves_since(pipeline), latest))
        return "everything";
    return oldest && sl_time_before(oldest->moved_at, latest) ? oldest->what : NULL;
}

static const char *what_becomes_of_them(const struct source *source)
{
    return source->takes_back ? "the queue gives them again" : "nobody gives them again";
}

static _Noreturn void end(const struct pipeline *pipeline, const char *what)
{
    log_error("%s has stood still for too long with %zu events held: this is a fault in sluice; "
              "ending, %s",
              what, source_held(pipeline->source), what_becomes_of_them(pipeline->source));
    sl_dump(STDERR_FILENO);
    _exit(EXIT_INTERNAL);
}

SL_TASK(watch_over)
{
    const struct pipeline *pipeline = my->pipeline;
    sl_dur limit = sl_dur_add(WATCHDOG_LIMIT, pipeline->config->sink.timeout);
    sl_time looked = sl_now(), awake_since = looked;
    unsigned looks = 0;

    while (sl_sleep(ctx, LOOK_EVERY) == SL_OK) {
        sl_time now = sl_now();
        sl_time latest = sl_time_add(now, sl_dur_mul(limit, -1));
        const char *what = NULL;

        if (sl_time_before(sl_time_add(looked, sl_dur_mul(LOOK_EVERY, 2)), now))
            awake_since = now; /* the process was stopped: everything has its time anew */
        looked = now;
        if (sl_time_before(awake_since, latest))
            what = stands_still(pipeline, latest);
        looks = what ? looks + 1 : 0;
        if (looks == 2) /* one look alone may be in the moment in which something moves */
            end(pipeline, what);
    }
    return 0;
}

void watchdog_start(struct pipeline *pipeline, struct sl_ctx *scope)
{
    pipeline->progress->last_event = sl_now();
    SL_GO(scope, watch_over, .pipeline = pipeline);
}

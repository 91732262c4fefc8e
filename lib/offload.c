/* offload -- a task waits while the driver runs a function elsewhere. */
#include <sluice/offload.h>

#include "lib/sched.h"

void sl_job_done(struct sl_job *job)
{
    sl_unpark(&job->done);
}

int sl_offload(int (*fn)(void *arg), void *arg, int *result)
{
    struct sl_sched *s = sl_sched_;
    struct sl_job job = {.fn = fn, .arg = arg};
    int error;

    sl_parker_init(&job.done);
    (void)sched_me(s);
    error = s->driver->offload(s->driver, &job);
    if (error)
        return error;
    s->wakers++;
    SL_IGNORE(sl_park(&job.done, NULL, SL_NEVER, "a function on a helper thread"));
    s->wakers--;
    if (!job.error && result)
        *result = job.result;
    return job.error;
}

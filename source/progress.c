#include "source/progress.h"

void progress_init(struct progress *progress)
{
    *progress = (struct progress){
        .open_since = SL_NEVER,
        .open_deadline = SL_NEVER,
        .queue_visible = UINT64_MAX,
    };
}

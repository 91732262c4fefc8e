#include "core/errand.h"

#include <stddef.h>

void errand_begin(struct errands *errands, struct errand *errand, const char *what)
{
    *errand = (struct errand){.what = what, .moved_at = SL_NEVER, .next = errands->first};
    if (errands->first)
        errands->first->previous = errand;
    errands->first = errand;
}

void errand_end(struct errands *errands, struct errand *errand)
{
    if (errand->previous)
        errand->previous->next = errand->next;
    else
        errands->first = errand->next;
    if (errand->next)
        errand->next->previous = errand->previous;
}

const struct errand *errands_oldest(const struct errands *errands)
{
    const struct errand *oldest = NULL;

    for (const struct errand *errand = errands->first; errand; errand = errand->next)
        if (sl_time_before(errand->moved_at, oldest ? oldest->moved_at : SL_NEVER))
            oldest = errand;
    return oldest;
}

#include "test/sim/plant.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "test/sim/apart.h"

/* By number. */
static const char *const names[] = {
    NULL,
    "deleted though the service failed (5xx)",
    "a stale receipt handle is used",
    "a Failed entry of a batch call is taken for done",
    "leases are extended too late",
    "an extension is believed to last twice as long",
    "close of a channel wakes only one receiver",
    "the drain forgets the batch that is being gathered",
    "backoff overflows after the sixth failure",
    "a retry has another key",
    "a retry has another body",
    "suppression is forgotten: what is confirmed is posted again",
    "credits leak with events that came twice",
    "a second copy of what is held is deleted",
    "given back without a delay outside the drain",
    "events that the service named as failed are deleted",
    "an answer that was cut off is taken for a success",
    "FIFO: a run is split",
    "FIFO: a group is given back first first",
    "207 is taken for a success",
    "Retry-After is ignored",
    "the account misses what was given back",
    "receives start after the signal",
    "what could not be deleted is not remembered",
    "posted after the lease was lost",
    "nobody is woken when the service is mended",
    "one event of a large batch is never deleted",
    "what the service refuses is deleted",
    "results of a batch call go to the wrong entries",
    "expired keys are not renewed",
    "the drain forgets one event that goes back",
    "a delete or return that failed is not tried again",
    "a receive that failed is tried again at once",
    "more is held than the credits allow",
};
enum { COUNT = sizeof names / sizeof names[0] };

#ifdef SLUICE_PLANTED
struct search {
    const struct sim_case *cases;
    uint64_t done, found_by; /* how many seeds it took; 0: not found */
    char finding[sizeof((struct sim_result *)NULL)->finding];
};

static bool look(void *arg, size_t index, const struct sim_result *result)
{
    struct search *search = arg;

    (void)index;
    search->done++;
    if (!result->finding[0])
        return true;
    if (search->found_by == 0) {
        search->found_by = search->done;
        snprintf(search->finding, sizeof search->finding, "%s", result->finding);
    }
    return false;
}

static bool find_one(unsigned number, const struct sim_case *cases, uint64_t seeds, unsigned jobs)
{
    struct search search = {.cases = cases};

    sluice_planted = number;
    sim_run_apart(cases, seeds, jobs, look, &search);
    if (search.found_by > 0)
        printf("| %u | %s | %" PRIu64 " | %s |\n", number, names[number], search.found_by,
               search.finding);
    else
        printf("| %u | %s | NOT FOUND | by %" PRIu64 " |\n", number, names[number], search.done);
    fflush(stdout);
    return search.found_by > 0;
}

int sim_find_planted(unsigned number, const struct sim_case *base, uint64_t seeds, unsigned jobs)
{
    struct sim_case *cases = calloc(seeds, sizeof *cases);
    unsigned missed = 0;

    sl_assert(cases && number < COUNT);
    for (uint64_t i = 0; i < seeds; i++) {
        cases[i] = *base;
        cases[i].seed = i + 1;
    }
    printf("| | planted bug | seeds | what the first said |\n|---|---|---|---|\n");
    for (unsigned i = number ? number : 1; i < COUNT && (number == 0 || i == number); i++)
        missed += !find_one(i, cases, seeds, jobs);
    free(cases);
    return missed > 0 ? 1 : 0;
}
#else
int sim_find_planted(unsigned number, const struct sim_case *base, uint64_t seeds, unsigned jobs)
{
    (void)number;
    (void)base;
    (void)seeds;
    (void)jobs;
    for (unsigned i = 1; i < COUNT; i++)
        fprintf(stderr, "%u %s\n", i, names[i]);
    fprintf(stderr, "sluice_sim: none of these bugs is planted in this build: test/sim/planted\n");
    return 1;
}
#endif

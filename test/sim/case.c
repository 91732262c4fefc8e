#include "test/sim/case.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void leave_out_windows(struct sim_fault_plan *plan, uint64_t bits)
{
    unsigned n = 0;

    for (unsigned i = 0; i < plan->window_count; i++)
        if (!(bits >> i & 1))
            plan->windows[n++] = plan->windows[i];
    plan->window_count = n;
}

void sim_case_config(const struct sim_case *one, struct sim_config *config)
{
    sim_config_draw(config, one->seed, sl_minutes(one->minutes));
    leave_out_windows(&config->faults, one->less_windows);
    sim_fault_plan_keep(&config->faults, one->no_faults ? 0 : ~one->less_kinds);
    if (one->until_s > 0) {
        config->duration = sl_sec(one->until_s);
        config->faults.until = (sl_time){config->duration.ns};
    }
    if (one->processes > 0 && one->processes < config->processes)
        config->processes = one->processes;
    if (one->rate > 0)
        config->arrivals.rate = one->rate;
    if (one->no_poison) {
        config->arrivals.poison = 0;
        config->sqs.max_receives = 0;
    }
}

void sim_case_print(const struct sim_case *one, struct strbuf *out)
{
    strbuf_addf(out, " --seed %" PRIu64 " --minutes %" PRId64, one->seed, one->minutes);
    if (one->until_s > 0)
        strbuf_addf(out, " --until %" PRId64, one->until_s);
    if (one->less_kinds)
        strbuf_addf(out, " --less-kinds 0x%" PRIx64, one->less_kinds);
    if (one->less_windows)
        strbuf_addf(out, " --less-windows 0x%" PRIx64, one->less_windows);
    if (one->processes > 0)
        strbuf_addf(out, " --processes %u", one->processes);
    if (one->rate > 0)
        strbuf_addf(out, " --rate %u", one->rate);
    if (one->no_faults)
        strbuf_adds(out, " --faults none");
    if (one->no_poison)
        strbuf_adds(out, " --poison none");
}

bool sim_case_flag(struct sim_case *one, const char *flag, const char *value)
{
    uint64_t n = strtoull(value, NULL, 0);

    if (strcmp(flag, "--seed") == 0)
        one->seed = n;
    else if (strcmp(flag, "--minutes") == 0)
        one->minutes = (int64_t)n;
    else if (strcmp(flag, "--until") == 0)
        one->until_s = (int64_t)n;
    else if (strcmp(flag, "--less-kinds") == 0)
        one->less_kinds = n;
    else if (strcmp(flag, "--less-windows") == 0)
        one->less_windows = n;
    else if (strcmp(flag, "--processes") == 0)
        one->processes = (unsigned)n;
    else if (strcmp(flag, "--rate") == 0)
        one->rate = (unsigned)n;
    else if (strcmp(flag, "--faults") == 0)
        one->no_faults = strcmp(value, "none") == 0;
    else if (strcmp(flag, "--poison") == 0)
        one->no_poison = strcmp(value, "none") == 0;
    else
        return false;
    return true;
}

bool sim_case_read(struct sim_case *one, char *line)
{
    char *state = NULL, *flag, *value;

    *one = (struct sim_case){.minutes = 10};
    line[strcspn(line, "#\n")] = '\0';
    for (flag = strtok_r(line, " ", &state); flag; flag = strtok_r(NULL, " ", &state)) {
        value = strtok_r(NULL, " ", &state);
        if (!value || !sim_case_flag(one, flag, value))
            return false;
    }
    return one->seed > 0;
}

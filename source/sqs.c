/* sqs -- opens a queue, looks at what it says of itself, and warns of what would hurt. */
#include "source/sqs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_out.h"
#include "core/units.h"

/* Below that an extension every half of it is all that a consumer does (design 5). */
#define VISIBILITY_LEAST sl_sec(10)
/* Above that a crash holds events back for long. */
#define VISIBILITY_LONG sl_minutes(10)
enum { RECEIVES_FEW = 3 };

void sqs_log_failure(struct log_limit *limit, const struct sqs_failure *failure,
                     const char *consequence)
{
    char text[512];

    limit->every = sl_sec(10);
    if (log_limit_pass(limit))
        log_warn("%s: %s", sqs_failure_text(failure, text, sizeof(text)), consequence);
}

int sqs_refresh(struct sqs_source *sqs, struct sl_ctx *ctx, struct sqs_queue_attributes *out,
                struct sqs_failure *failure)
{
    int r = sqs_get_attributes(sqs->queue, ctx, out, failure);

    if (r)
        return r;
    sqs->base.progress->queue_visible = out->visible;
    if (sqs->config.visibility.ns == 0 && sl_dur_cmp(out->visibility, VISIBILITY_LEAST) >= 0 &&
        sl_dur_cmp(out->visibility, sqs->visibility) != 0) {
        sqs->visibility = out->visibility;
        sqs->base.visibility = out->visibility;
        if (sqs->leases)
            lease_visibility_set(sqs->leases, sqs->visibility, sqs->can_extend);
    }
    return 0;
}

/* ---- opening ---- */

static void warn_about(const struct sqs_source *sqs, const struct sqs_queue_attributes *attributes)
{
    char text[UNITS_TEXT_SIZE];

    if (sl_dur_cmp(sqs->visibility, VISIBILITY_LONG) > 0)
        log_warn(
            "the visibility timeout is %s: after a crash what was held stays hidden for that long\n"
            "  do:    --visibility 1m; sluice extends it while it holds an event",
            units_print_duration(text, sqs->visibility));
    if (!attributes->has_redrive)
        log_warn("queue %s has no redrive policy: an event that the service never takes comes back "
                 "for ever\n"
                 "  do:    give it a dead-letter queue",
                 sqs->queue->name);
    else if (attributes->max_receive_count < RECEIVES_FEW)
        log_warn("queue %s gives an event up after %" PRIu64
                 " receives: a restart alone can cost one\n"
                 "  do:    maxReceiveCount 3 or more in its redrive policy",
                 sqs->queue->name, attributes->max_receive_count);
}

/* Reads the attributes; without permission for that the user has to say the visibility timeout. */
static int read_queue(struct sqs_source *sqs, struct sl_ctx *ctx, struct problem *problem)
{
    struct sqs_queue_attributes attributes = {0};
    struct sqs_failure failure;
    int r;

    sqs->visibility = sqs->config.visibility;
    r = sqs_refresh(sqs, ctx, &attributes, &failure);
    if (r == SQS_FAILED && failure.trouble == SQS_TROUBLE_PERMISSION) {
        if (sqs->config.visibility.ns == 0)
            return problem_set(
                problem, EXIT_BAD_CONFIG,
                "may not read the attributes of queue %s, so its visibility timeout is not known\n"
                "  do:    allow sqs:GetQueueAttributes, or say it: --visibility 30s",
                sqs->queue->name);
        log_warn("may not read the attributes of queue %s: relying on --visibility",
                 sqs->queue->name);
        return 0;
    }
    if (r == SQS_FAILED)
        return sqs_explain(sqs->queue, &failure, problem);
    if (r)
        return r > 0 ? -ECANCELED : r;
    sqs->can_read_attributes = true;
    if (sqs->config.visibility.ns == 0)
        sqs->visibility = attributes.visibility;
    if (attributes.arn[0])
        snprintf(sqs->arn, sizeof(sqs->arn), "%s", attributes.arn);
    warn_about(sqs, &attributes);
    return 0;
}

static int check_visibility(const struct sqs_source *sqs, struct problem *problem)
{
    char text[UNITS_TEXT_SIZE];

    if (sl_dur_cmp(sqs->visibility, VISIBILITY_LEAST) >= 0)
        return 0;
    return problem_set(
        problem, EXIT_BAD_CONFIG,
        "the visibility timeout of queue %s is %s: too short to hold events while a batch is made\n"
        "  do:    --visibility 30s, or set it on the queue (10 s at least)",
        sqs->queue->name, units_print_duration(text, sqs->visibility));
}

/* With a handle that is none: who may not is told so before the handle is looked at. */
int sqs_ask_to_extend(struct sqs_source *sqs, struct sl_ctx *ctx, bool *may)
{
    struct sqs_visibility change = {SLICE("sluice-asks-whether-it-may"), 30};
    struct sqs_entry entry;
    struct sqs_failure failure;
    int r = sqs_change_visibility_batch(sqs->queue, ctx, &change, 1, &entry, &failure);

    if (r == 0)
        *may = !strstr(entry.code, "AccessDenied");
    if (r != SQS_FAILED || failure.trouble != SQS_TROUBLE_PERMISSION)
        return r;
    *may = false;
    return 0;
}

static int probe_extending(struct sqs_source *sqs, struct sl_ctx *ctx)
{
    int r;

    sqs->can_extend = true; /* if nobody says no */
    r = sqs_ask_to_extend(sqs, ctx, &sqs->can_extend);
    if (!sqs->can_extend)
        log_warn("may not change visibility timeouts of queue %s: nothing is held past its first "
                 "one, and what is left at "
                 "a stop comes back only then\n  do:    allow sqs:ChangeMessageVisibility",
                 sqs->queue->name);
    return r < 0 ? r : 0;
}

static int make_tables(struct sqs_source *sqs)
{
    const struct source_config *config = &sqs->config;

    sqs->receivers = calloc(config->receivers, sizeof(*sqs->receivers));
    sqs->memos = calloc(config->in_flight_max + 1, sizeof(*sqs->memos));
    sqs->postponed = calloc(config->in_flight_max, sizeof(*sqs->postponed));
    sqs->leases = lease_table_new(&(struct lease_options){
        .slots = (uint32_t)config->in_flight_max,
        .visibility = sqs->visibility,
        .can_extend = sqs->can_extend,
        .account = config->account,
    });
    if (!sqs->receivers || !sqs->memos || !sqs->postponed || !sqs->leases)
        return -ENOMEM;
    credits_init(&sqs->credits, config->in_flight_max, config->in_flight_bytes);
    pacing_init(&sqs->pacing, (unsigned)config->receivers);
    sqs->count_left = config->count ? config->count : UINT64_MAX;
    return 0;
}

static void sqs_source_free(struct source *source)
{
    struct sqs_source *sqs = (struct sqs_source *)source;

    while (sqs->waiting) {
        struct message *next = sqs->waiting->next_run;

        message_run_free(sqs->waiting);
        sqs->waiting = next;
    }
    lease_table_free(sqs->leases);
    sqs_queue_free(sqs->queue);
    sqs_client_free(sqs->client);
    free(sqs->receivers);
    free(sqs->memos);
    free(sqs->postponed);
    free(sqs);
}

static bool sqs_source_holds(const struct source *source, struct ticket ticket)
{
    return lease_holds(((const struct sqs_source *)source)->leases, ticket, sl_now());
}

static size_t sqs_source_held(const struct source *source)
{
    return lease_held(((const struct sqs_source *)source)->leases);
}

static size_t sqs_source_abandon(struct source *source)
{
    return lease_abandon_all(((struct sqs_source *)source)->leases);
}

static void sqs_source_wake(struct source *source)
{
    sqs_wake_receivers((struct sqs_source *)source);
}

static void tell_rows(const struct sqs_source *sqs, struct strbuf *out)
{
    char text[UNITS_TEXT_SIZE];

    strbuf_addf(out, "  queue      %s\n", sqs->queue->url);
    strbuf_addf(out, "  region     %s (%s)\n", sqs->queue->region, sqs->queue->region_origin);
    strbuf_addf(out, "  endpoint   %s\n", sqs->queue->endpoint);
    strbuf_addf(out, "  keys       %s\n", sqs_client_identity(sqs->client));
    strbuf_addf(out, "  visibility %s%s%s\n", units_print_duration(text, sqs->visibility),
                sqs->config.visibility.ns ? "" : ", the queue's own",
                sqs->can_extend ? ", extended while held" : ", NOT extended: no permission");
    if (sqs->base.progress->queue_visible != UINT64_MAX)
        strbuf_addf(out, "  waiting    about %s events\n",
                    units_print_count(text, sqs->base.progress->queue_visible));
}

static void tell_members(const struct sqs_source *sqs, struct strbuf *out)
{
    json_out_text(out, "queue", sqs->queue->url);
    json_out_text(out, "region", sqs->queue->region);
    json_out_text(out, "region_from", sqs->queue->region_origin);
    json_out_text(out, "endpoint", sqs->queue->endpoint);
    json_out_text(out, "keys", sqs_client_identity(sqs->client));
    strbuf_addf(out, ",\"visibility_seconds\":%.3f,\"visibility_from\":\"%s\",\"extends\":%s",
                sl_dur_seconds(sqs->visibility), sqs->config.visibility.ns ? "flag" : "queue",
                sqs->can_extend ? "true" : "false");
    if (sqs->base.progress->queue_visible != UINT64_MAX)
        strbuf_addf(out, ",\"waiting\":%" PRIu64, sqs->base.progress->queue_visible);
}

static void sqs_source_plan(const struct source *source, struct source_plan *plan)
{
    const struct sqs_source *sqs = (const struct sqs_source *)source;

    tell_rows(sqs, &plan->rows);
    tell_members(sqs, &plan->members);
}

static const struct source_ops sqs_ops = {
    .receive = sqs_source_receive,
    .settle = sqs_source_settle,
    .holds = sqs_source_holds,
    .wake = sqs_source_wake,
    .held = sqs_source_held,
    .abandon = sqs_source_abandon,
    .plan = sqs_source_plan,
    .free = sqs_source_free,
};

static bool sqs_takes(const char *from)
{
    return from[0] != '\0';
}

static int set_up(struct sqs_source *sqs, struct sl_ctx *ctx, struct problem *problem)
{
    int r = sqs_client_new(&sqs->client, ctx, sqs->config.aws, sqs->config.http);

    if (!r) {
        sqs_client_watch(sqs->client, &sqs->config.progress->errands);
        r = sqs_queue_open(&sqs->queue, sqs->client, ctx, sqs->config.from, problem);
    }
    if (r)
        return r == SL_CANCELED || r == SL_TIMEOUT ? -ECANCELED : r;
    if (sqs->queue->notice)
        log_warn("%s", sqs->queue->notice);
    snprintf(sqs->region, sizeof(sqs->region), "%s", sqs->queue->region);
    snprintf(sqs->arn, sizeof(sqs->arn), "%s", sqs->queue->arn);
    r = read_queue(sqs, ctx, problem);
    if (!r)
        r = check_visibility(sqs, problem);
    if (!r)
        r = probe_extending(sqs, ctx);
    return r ? r : make_tables(sqs);
}

static int sqs_open(struct source **out, struct sl_ctx *ctx, const struct source_config *config,
                    struct problem *problem)
{
    struct sqs_source *sqs = calloc(1, sizeof(*sqs));
    int r;

    if (!sqs)
        return -ENOMEM;
    sqs->base = (struct source){.ops = &sqs_ops,
                                .takes_back = true,
                                .account = config->account,
                                .progress = config->progress};
    sqs->config = *config;
    if (PLANTED(33))
        sqs->config.in_flight_max *= 2;
    r = set_up(sqs, ctx, problem);
    if (r) {
        sqs_source_free(&sqs->base);
        return r;
    }
    sqs->base.is_fifo = sqs->queue->is_fifo;
    sqs->base.visibility = sqs->visibility;
    sqs->base.origin = (struct record_source){slice_of(sqs->arn), slice_of(sqs->region)};
    snprintf(sqs->base.name, sizeof(sqs->base.name), "%s (%s)", sqs->queue->name, sqs->region);
    *out = &sqs->base;
    return 0;
}

const struct source_kind source_sqs = {.name = "sqs", .takes = sqs_takes, .open = sqs_open};

/*
 * synthetic -- makes events up: one every 1-20 ms, as the demonstration's source did, or --rate of them a second. They look
 * like what a shop's webhook would say, and each is another.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/task.h>

#include "core/json_out.h"
#include "source/local.h"

struct synthetic_source {
    struct local_source local;
};

static int make_event(char *out, size_t size, uint64_t number)
{
    static const char *const kinds[] = {"order.created", "order.paid", "parcel.sent",
                                        "parcel.delivered", "order.returned"};
    static const char *const towns[] = {"Aarhus",    "Gdańsk", "Köln",  "Porto",
                                        "Reykjavík", "Łódź",   "Zürich"};
    uint64_t dice = sl_random();

    return snprintf(out, size,
                    "{\"event\":%llu,\"type\":\"%s\",\"order\":%llu,\"town\":\"%s\",\"amount\":{"
                    "\"value\":\"%llu.%02llu\","
                    "\"currency\":\"EUR\"},\"at\":%lld}",
                    (unsigned long long)number, kinds[dice % 5],
                    (unsigned long long)(100000 + dice / 7 % 900000), towns[dice / 64 % 7],
                    (unsigned long long)(dice / 1024 % 500),
                    (unsigned long long)(dice / 65536 % 100), (long long)sl_wall_ms());
}

/* When the next event is due. A rate keeps to its own beat, also after a stall shorter than a second. */
static sl_time next_at(const struct synthetic_source *synthetic, sl_time due)
{
    double rate = synthetic->local.config.rate;
    sl_time now = sl_now();

    if (rate <= 0)
        return sl_time_add(now, sl_ms(1 + (int64_t)(sl_random() % 20)));
    if (sl_time_before(due, sl_time_add(now, sl_sec(-1))))
        due = now;
    return sl_time_add(due, sl_ns((int64_t)(1e9 / rate)));
}

struct synthesize {
    struct synthetic_source *synthetic;
    struct sl_ctx *intake;
    struct message_chan *out;
};

SL_TASK(synthesize)
{
    struct local_source *local = &my->synthetic->local;
    sl_time due = sl_now();
    char event[512];
    int r = SL_OK;

    for (uint64_t number = 1; r == SL_OK && local->count_left > 0; number++) {
        due = next_at(my->synthetic, due);
        r = sl_sleep_until(my->intake, due);
        if (r == SL_OK) {
            int length = make_event(event, sizeof(event), number);

            r = local_give(local, my->intake, my->out, (struct slice){event, (size_t)length});
        }
    }
    if (my->out)
        message_chan_close(my->out);
    if (r < 0)
        sl_ctx_cancel(my->intake, r);
    return 0;
}

static struct message_chan *synthetic_receive(struct source *source, struct sl_ctx *life,
                                              struct sl_ctx *delivery, struct sl_ctx *intake)
{
    struct synthetic_source *synthetic = (struct synthetic_source *)source;
    struct message_chan *out = local_chan(&synthetic->local, life);

    (void)delivery;
    SL_GO(life, synthesize, .synthetic = synthetic, .intake = intake, .out = out);
    return out;
}

static void synthetic_free(struct source *source)
{
    local_deinit((struct local_source *)source);
    free(source);
}

static void synthetic_plan(const struct source *source, struct source_plan *plan)
{
    (void)source;
    strbuf_adds(&plan->rows, "  events     made up here\n");
    json_out_text(&plan->members, "events", "made up here");
}

static const struct source_ops synthetic_ops = {
    .receive = synthetic_receive,
    .settle = local_settle,
    .held = local_held,
    .abandon = local_abandon,
    .wake = local_wake,
    .plan = synthetic_plan,
    .free = synthetic_free,
};

static bool synthetic_takes(const char *from)
{
    return strcmp(from, "synthetic:") == 0;
}

static int synthetic_open(struct source **out, struct sl_ctx *ctx,
                          const struct source_config *config, struct problem *problem)
{
    struct synthetic_source *synthetic = calloc(1, sizeof(*synthetic));
    int r;

    (void)ctx;
    if (!synthetic)
        return -ENOMEM;
    r = local_init(&synthetic->local, &synthetic_ops, config, "synthetic", problem);
    if (r) {
        synthetic_free(&synthetic->local.base);
        return r;
    }
    snprintf(synthetic->local.base.name, sizeof(synthetic->local.base.name), "synthetic events");
    *out = &synthetic->local.base;
    return 0;
}

const struct source_kind source_synthetic = {
    .name = "synthetic", .takes = synthetic_takes, .open = synthetic_open};

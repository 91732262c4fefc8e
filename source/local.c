#include "source/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sluice/offload.h>
#include <sluice/task.h>

#include "ops/log.h"

#define NO_SLOT UINT32_MAX

int local_init(struct local_source *local, const struct source_ops *ops,
               const struct source_config *config, const char *what, struct problem *problem)
{
    local->base =
        (struct source){.ops = ops, .account = config->account, .progress = config->progress};
    local->config = *config;
    local->undelivered_fd = -1;
    local->count_left = config->count ? config->count : UINT64_MAX;
    snprintf(local->arn, sizeof(local->arn), "arn:aws:sqs:local:000000000000:%s", what);
    local->base.origin = (struct record_source){slice_of(local->arn), SLICE("local")};
    sl_parker_init(&local->room);
    local->slots = calloc(config->in_flight_max, sizeof(*local->slots));
    if (!local->slots)
        return -ENOMEM;
    for (uint32_t i = 0; i < config->in_flight_max; i++)
        local->slots[i].next_free = i + 1 < config->in_flight_max ? i + 1 : NO_SLOT;
    if (config->undelivered) {
        local->undelivered_fd =
            open(config->undelivered, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (local->undelivered_fd < 0)
            return problem_set(problem, EXIT_NOT_AVAILABLE,
                               "--undelivered %s: %s\n  do:    give a file that sluice may write",
                               config->undelivered, strerror(errno));
    }
    return 0;
}

void local_deinit(struct local_source *local)
{
    for (size_t i = 0; local->slots && i < local->config.in_flight_max; i++)
        free(local->slots[i].text);
    free(local->slots);
    if (local->undelivered_fd >= 0)
        close(local->undelivered_fd);
}

struct local_take {
    struct ticket ticket;
    struct local_slot *slot;
};

static struct local_take take_slot(struct local_source *local)
{
    uint32_t i = local->first_free;
    struct local_slot *slot = &local->slots[i];

    sl_assert(i != NO_SLOT && !slot->is_used);
    local->first_free = slot->next_free;
    slot->generation++;
    slot->is_used = true;
    local->held++;
    return (struct local_take){{i, slot->generation}, slot};
}

static void free_slot(struct local_source *local, uint32_t i)
{
    struct local_slot *slot = &local->slots[i];

    local->held--;
    local->held_bytes -= slot->length;
    free(slot->text);
    *slot = (struct local_slot){.generation = slot->generation, .next_free = local->first_free};
    local->first_free = i;
}

void local_wake(struct source *source)
{
    struct local_source *local = (struct local_source *)source;

    if (local->waits)
        sl_unpark(&local->room);
}

static bool has_room(const struct local_source *local, size_t bytes)
{
    if (local->base.progress->paused || local->held == local->config.in_flight_max)
        return false;
    return local->held == 0 || local->held_bytes + bytes <= local->config.in_flight_bytes;
}

static int wait_for_room(struct local_source *local, struct sl_ctx *intake, size_t bytes)
{
    int r = sl_ctx_err(intake);

    while (r == SL_OK && !has_room(local, bytes)) {
        local->waits = true;
        r = sl_park(&local->room, intake, SL_NEVER, "credits");
        local->waits = false;
    }
    return r;
}

/* The message of a text, and its slot. */
static int make_message(struct local_source *local, struct slice text, struct message **out)
{
    struct strbuf storage = {0};
    struct record record;
    struct block *block;
    char *copy = NULL;
    char id[37];
    int r;

    sl_uuid4(id);
    r = record_from_text(&record, &storage, id, text, sl_wall_ms());
    if (!r && local->undelivered_fd >= 0 && !(copy = strndup(text.p, text.n)))
        r = -ENOMEM;
    block = r ? NULL : block_new(&storage);
    *out = block ? message_new((struct ticket){0}, &record, block) : NULL;
    block_unref(block);
    strbuf_deinit(&storage);
    if (!*out) {
        free(copy);
        return r ? r : -ENOMEM;
    }
    struct local_take take = take_slot(local);

    take.slot->text = copy;
    take.slot->length = text.n;
    local->held_bytes += text.n;
    (*out)->ticket = take.ticket;
    return 0;
}

int local_give(struct local_source *local, struct sl_ctx *intake, struct message_chan *out,
               struct slice text)
{
    struct message *message;
    int r = wait_for_room(local, intake, text.n);

    if (!r)
        r = make_message(local, text, &message);
    if (r)
        return r;
    local->base.account->received++;
    local->base.progress->last_event = sl_now();
    if (local->count_left != UINT64_MAX)
        local->count_left--;
    sl_assert(message_chan_try_send(out, message) == SL_OK);
    return SL_OK;
}

/* ---- settling ---- */

struct undelivered {
    int fd;
    const char *text;
    size_t length;
};

static int write_line(void *arg)
{
    const struct undelivered *job = arg;
    char *line = malloc(job->length + 1);
    int r = 0;

    if (!line)
        return -ENOMEM;
    memcpy(line, job->text, job->length);
    line[job->length] = '\n';
    for (size_t at = 0; at <= job->length && !r;) {
        ssize_t n = write(job->fd, line + at, job->length + 1 - at);

        if (n < 0 && errno != EINTR)
            r = -errno;
        else if (n > 0)
            at += (size_t)n;
    }
    free(line);
    return r;
}

/* Writes the event to the file. false: there is none, or it can't be written: the event stays held, to be abandoned. */
static bool keep_undelivered(struct local_source *local, struct slice text)
{
    struct undelivered job = {local->undelivered_fd, text.p, text.n};
    int result = 0;
    int r;

    if (local->undelivered_fd < 0)
        return false;
    local->base.progress->patient++; /* it may be a pipe whose reader takes its time */
    r = sl_offload(write_line, &job, &result);
    local->base.progress->patient--;
    if (r || result) {
        log_error("--undelivered %s: %s", local->config.undelivered,
                  strerror(result ? -result : ENOMEM));
        return false;
    }
    return true;
}

static struct slice text_of(const struct local_slot *slot)
{
    return (struct slice){slot->text, slot->length};
}

void local_forgo(struct local_source *local, struct slice text)
{
    struct account *account = local->base.account;

    account->received++;
    if (keep_undelivered(local, text)) {
        account->returned++;
        account->returned_unsent++;
    } else {
        account->abandoned++;
    }
}

static void settle_item(struct local_source *local, const struct batch_item *item)
{
    struct account *account = local->base.account;
    struct local_slot *slot = &local->slots[item->ticket.slot];

    sl_assert(slot->is_used && slot->generation == item->ticket.generation);
    if (item->fate == FATE_DELETE) {
        account->deleted++;
        free_slot(local, item->ticket.slot);
        return;
    }
    account->in_doubt += item->in_doubt;
    if (!keep_undelivered(local, text_of(slot))) {
        if (item->fate != FATE_REFUSED)
            return;
        if (log_limit_pass(&local->refused_log))
            log_error("events are refused for good and there is nowhere to put them\n  do:    "
                      "--undelivered FILE");
        account->abandoned++;
        free_slot(local, item->ticket.slot);
        return;
    }
    account->returned++;
    account->returned_refused += item->fate == FATE_REFUSED;
    account->returned_unsent += item->fate != FATE_REFUSED;
    free_slot(local, item->ticket.slot);
}

struct settle_here {
    struct local_source *local;
    struct sl_ctx *life;
    struct batch_chan *verdicts;
};

SL_TASK(settle_here)
{
    struct local_source *local = my->local;
    struct batch *verdict;

    while (batch_chan_recv(my->verdicts, my->life, &verdict) == SL_OK) {
        for (struct batch *batch = verdict; batch; batch = batch->then)
            for (size_t i = 0; i < batch->count; i++)
                settle_item(local, &batch->items[i]);
        batch_free(verdict);
        local->base.progress->last_event = sl_now();
        local_wake(&local->base);
    }
    return 0;
}

void local_settle(struct source *source, struct sl_ctx *life, struct batch_chan *verdicts)
{
    SL_GO(life, settle_here, .local = (struct local_source *)source, .life = life,
          .verdicts = verdicts);
}

size_t local_held(const struct source *source)
{
    return ((const struct local_source *)source)->held;
}

size_t local_abandon(struct source *source)
{
    struct local_source *local = (struct local_source *)source;
    size_t held = local->held;

    for (uint32_t i = 0; i < local->config.in_flight_max; i++)
        if (local->slots[i].is_used && !keep_undelivered(local, text_of(&local->slots[i]))) {
            source->account->abandoned++;
            free_slot(local, i);
        } else if (local->slots[i].is_used) {
            source->account->returned++;
            source->account->returned_unsent++;
            free_slot(local, i);
            held--;
        }
    return held;
}

struct message_chan *local_chan(struct local_source *local, struct sl_ctx *life)
{
    return message_chan_new(life, local->config.in_flight_max, message_run_drop);
}

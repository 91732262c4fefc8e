/*
 * Messages that go from queue to queue: to a dead-letter queue when they were received too often, and back by a move task.
 *
 * A dead-lettered message stays the same message (its id, its times, its count). A redriven one is a new message with a new
 * id and time of sending (developer guide, "Configure a dead-letter queue redrive"): it is sent anew, which needs its payload.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/digest.h"
#include "core/json.h"
#include "queue/engine_impl.h"

enum {
    STEP_MAX = 500, /* messages of one step, so that it takes well under a millisecond */
    TASKS_MAX = 10, /* per queue that are remembered (service model, ListMessageMoveTasks) */
    HANDLE_PLAIN = 400,
};

/* Steps of a task with a rate; without one the next step comes at once after the events that wait. */
#define STEP sl_ms(100)

/* ---- dead letters ---- */

bool message_dead_letter(struct engine *engine, struct message *message, sl_time now)
{
    struct queue *from = message->queue;
    const char *arn = from->settings.dead_letter_arn;
    struct queue *to;

    if (!arn || message->receives < from->settings.max_receives)
        return false;
    /* Not received here yet: queues that are each other's dead-letter queues would hand it to and fro for ever. */
    if (message->receives == message->receives_before)
        return false;
    to = engine_queue_find_arn(engine, slice_of(arn));
    if (!to || to == from || to->settings.is_fifo != from->settings.is_fifo ||
        !settings_allow_redrive(&to->settings, slice_of(from->arn)))
        return false;
    return message_moved_to(engine, message, to, engine_intern(engine, slice_of(from->arn)), now);
}

/* ---- tasks ---- */

void task_free(struct task *task)
{
    links_remove(&task->links);
    links_remove(&task->running);
    free(task->source_arn);
    free(task->destination_arn);
    free(task);
}

static struct task *task_of(struct sl_link *link)
{
    return SL_CONTAINER_OF(link, struct task, links);
}

static struct task *running_of(struct sl_link *link)
{
    return SL_CONTAINER_OF(link, struct task, running);
}

static const char *const status_names[] = {"RUNNING", "COMPLETED", "CANCELLING", "CANCELLED",
                                           "FAILED"};

const char *move_status_name(enum move_status status)
{
    return status_names[status];
}

static void add_member(struct strbuf *out, const char *name, const char *text)
{
    strbuf_addf(out, ",\"%s\":\"", name);
    if (!json_escape(slice_of(text), out))
        out->failed = true;
    strbuf_addc(out, '"');
}

static void task_note(struct engine *engine, const struct task *task)
{
    struct strbuf out = {0};

    strbuf_addf(&out, "{\"status\":%d,\"rate\":%u,\"moved\":%llu,\"toMove\":%llu,\"started\":%lld",
                (int)task->status, task->rate, (unsigned long long)task->moved,
                (unsigned long long)task->to_move, (long long)task->started_ms);
    add_member(&out, "uuid", task->uuid);
    add_member(&out, "source", task->source_arn);
    if (task->destination_arn)
        add_member(&out, "destination", task->destination_arn);
    if (task->failure)
        add_member(&out, "failure", task->failure);
    strbuf_addc(&out, '}');
    if (!strbuf_failed(&out))
        engine_note(
            engine,
            &(struct change){.kind = CHANGE_TASK, .seq = task->id, .text = out.p, .text_n = out.n});
    else if (engine->options.changes)
        engine->options.changes->failed = true;
    strbuf_deinit(&out);
}

static void task_end(struct engine *engine, struct task *task, enum move_status status,
                     const char *failure)
{
    task->status = status;
    task->failure = failure;
    links_remove(&task->running);
    links_init(&task->running);
    task_note(engine, task);
}

static struct task *task_new(const char *source_arn, struct slice destination_arn)
{
    struct task *task = calloc(1, sizeof *task);

    if (!task)
        return NULL;
    links_init(&task->links);
    links_init(&task->running);
    task->source_arn = strdup(source_arn);
    task->destination_arn =
        destination_arn.p ? strndup(destination_arn.p, destination_arn.n) : NULL;
    if (task->source_arn && (task->destination_arn || !destination_arn.p))
        return task;
    task_free(task);
    return NULL;
}

static size_t tasks_of(const struct engine *engine, const char *source_arn)
{
    size_t n = 0;

    for (struct sl_link *l = engine->tasks.next; l != &engine->tasks; l = l->next)
        n += strcmp(task_of(l)->source_arn, source_arn) == 0;
    return n;
}

static void forget_oldest(struct engine *engine, const char *source_arn)
{
    for (struct sl_link *l = engine->tasks.prev; l != &engine->tasks; l = l->prev)
        if (strcmp(task_of(l)->source_arn, source_arn) == 0) {
            engine_note(engine, &(struct change){.kind = CHANGE_TASK_GONE, .seq = task_of(l)->id});
            task_free(task_of(l));
            return;
        }
}

void engine_tasks_forget(struct engine *engine, const char *source_arn)
{
    while (tasks_of(engine, source_arn) > 0)
        forget_oldest(engine, source_arn);
}

/* ---- moving ---- */

static struct queue *destination_of(const struct engine *engine, const struct task *task,
                                    const struct message *message)
{
    const char *arn = task->destination_arn ? task->destination_arn : message->origin;

    return arn ? engine_queue_find_arn(engine, slice_of(arn)) : NULL;
}

/* The new id follows from the task and the message, so that nothing random is needed here. */
static void new_id(const struct task *task, uint64_t seq, uint8_t id[16])
{
    const struct slice parts[] = {slice_of(task->uuid), {(const char *)&seq, sizeof seq}};
    uint8_t digest[SHA256_SIZE];

    sha256(parts, 2, digest);
    memcpy(id, digest, 16);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
}

static bool move(struct engine *engine, struct moment at, const struct task *task,
                 struct message *message, struct queue *to)
{
    const struct payload *old = message->payload;
    struct payload_attribute attributes[QUEUE_ATTRIBUTES_MAX];
    uint8_t id[16];
    struct payload *payload;
    struct message *sent;

    new_id(task, message->seq, id);
    payload = payload_new(&(struct payload_source){
        .id = id,
        .sent_ms = at.wall_ms,
        .body = payload_body(old),
        .attributes = attributes,
        .attribute_count = payload_attributes(old, attributes),
        .group = payload_group(old),
        .dedup = payload_dedup(old),
        .trace = payload_trace(old),
        .sender = payload_sender(old),
    });
    if (!payload)
        return false;
    if (to->settings.is_fifo)
        payload->head.sequence = engine->seq + 1;
    sent = message_add(engine, to, payload_group(payload), 0, payload, at.now, at.now, at.now);
    if (!sent)
        return false;
    if (engine->options.changes)
        engine_note(engine, &(struct change){.kind = CHANGE_MESSAGE,
                                             .seq = sent->seq,
                                             .queue = to->id,
                                             .payload = payload_ref(payload)});
    payload_spare(engine, sent);
    engine->moves++;
    message_remove(engine, message, true);
    return true;
}

/* The first that is ready and not too old: a move would give it a new time. */
static struct message *first_to_move(struct engine *engine, struct queue *from, sl_time now)
{
    struct heap_node *node;

    while ((node = heap_first(&from->ready))) {
        struct message *message = group_next(SL_CONTAINER_OF(node, struct group, ready));

        if (!message_is_old(message, now))
            return message;
        message_remove(engine, message, true);
    }
    return NULL;
}

/* The next message to move; *waits: there is one, but its payload is still with the store. */
static struct message *next_to_move(struct engine *engine, struct queue *from, bool *waits,
                                    sl_time now)
{
    struct message *message = first_to_move(engine, from, now);

    *waits = message && !message->payload;
    if (!*waits)
        return message;
    from->ahead = 0;
    queue_look_ahead(engine, from);
    if (!message->is_wanted)
        message_want(engine, message);
    return NULL;
}

/* How many a step may move. */
static uint32_t allowance(const struct task *task)
{
    uint32_t n = task->rate * 100 / 1000;

    return task->rate == 0 ? STEP_MAX : n > 0 ? n : 1;
}

static sl_dur pause_of(const struct task *task)
{
    if (task->rate == 0)
        return sl_ms(1);
    return task->rate >= 10 ? STEP : sl_dur_div(sl_sec(1), task->rate);
}

static void step(struct engine *engine, struct moment at, struct task *task)
{
    struct queue *from = engine_queue_find_arn(engine, slice_of(task->source_arn));
    uint64_t moved = task->moved;
    sl_dur pause = pause_of(task);
    bool waits = false;

    if (task->status == MOVE_CANCELLING || !from) {
        task_end(engine, task, from ? MOVE_CANCELLED : MOVE_FAILED,
                 from ? NULL : "AWS.SimpleQueueService.NonExistentQueue");
        return;
    }
    for (uint32_t n = allowance(task); n > 0; n--) {
        struct message *message = next_to_move(engine, from, &waits, at.now);
        struct queue *to = message ? destination_of(engine, task, message) : NULL;

        if (!message)
            break;
        if (!to || to == from || to->settings.is_fifo != from->settings.is_fifo) {
            task_end(engine, task, MOVE_FAILED,
                     task->destination_arn || message->origin
                         ? "AWS.SimpleQueueService.NonExistentQueue"
                         : "CouldNotDetermineMessageSource");
            return;
        }
        if (!move(engine, at, task, message, to))
            break;
        task->moved++;
    }
    /* What is there may be held back by its group for hours. */
    if (!waits && task->moved == moved)
        pause = sl_dur_max(pause, STEP);
    if (!waits && from->visible == 0) {
        task_end(engine, task, MOVE_COMPLETED, NULL);
        return;
    }
    task->step_at = sl_time_add(at.now, pause);
    if (task->moved != moved)
        task_note(engine, task);
}

void engine_tasks_step(struct engine *engine, struct moment at)
{
    for (struct sl_link *l = engine->running.next, *next; l != &engine->running; l = next) {
        next = l->next;
        if (!sl_time_before(at.now, running_of(l)->step_at))
            step(engine, at, running_of(l));
    }
}

sl_time engine_tasks_deadline(const struct engine *engine)
{
    sl_time next = SL_NEVER;

    for (struct sl_link *l = engine->running.next; l != &engine->running; l = l->next)
        next = sl_time_min(next, running_of(l)->step_at);
    return next;
}

/* ---- what clients do ---- */

static bool is_running(const struct task *task)
{
    return task->status == MOVE_RUNNING || task->status == MOVE_CANCELLING;
}

static bool has_running(const struct engine *engine, const char *source_arn)
{
    for (struct sl_link *l = engine->running.next; l != &engine->running; l = l->next)
        if (strcmp(running_of(l)->source_arn, source_arn) == 0)
            return true;
    return false;
}

static enum queue_error no_such_queue(struct queue_refusal *refusal)
{
    return queue_refuse(refusal, QUEUE_RESOURCE_NOT_FOUND,
                        "The resource that you specified for the SourceArn parameter doesn't "
                        "exist.");
}

static enum queue_error check_start(const struct engine *engine, const struct queue *from,
                                    struct slice destination_arn, int64_t rate,
                                    struct queue_refusal *refusal)
{
    const struct queue *to =
        destination_arn.p ? engine_queue_find_arn(engine, destination_arn) : NULL;

    if (!from)
        return no_such_queue(refusal);
    if (!engine_is_dead_letter(engine, from))
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Source queue must be configured as a Dead Letter Queue.");
    if (destination_arn.p && !to)
        return queue_refuse(refusal, QUEUE_RESOURCE_NOT_FOUND,
                            "The resource that you specified for the DestinationArn parameter "
                            "doesn't exist.");
    if (to == from)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Source queue arn and destination queue arn cannot be the same.");
    if (to && to->settings.is_fifo != from->settings.is_fifo)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Source queue and destination queue must be of the same type.");
    if (rate < 0 || rate > QUEUE_MOVE_RATE_MAX)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Value %lld for parameter MaxNumberOfMessagesPerSecond is invalid. "
                            "Reason: Must be between 1 and %d.",
                            (long long)rate, QUEUE_MOVE_RATE_MAX);
    if (has_running(engine, from->arn))
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "There is already a task running. Only one active task is allowed for "
                            "a source queue arn at a given time.");
    return QUEUE_OK;
}

static void write_handle(const struct task *task, char out[MOVE_HANDLE_SIZE])
{
    char plain[HANDLE_PLAIN];
    int n = snprintf(plain, sizeof plain, "{\"taskId\":\"%s\",\"sourceArn\":\"%s\"}", task->uuid,
                     task->source_arn);

    base64_write((struct slice){plain, (size_t)n < sizeof plain ? (size_t)n : sizeof plain - 1},
                 out);
}

static void write_uuid(const uint8_t id[16], char out[37])
{
    size_t n = 0;

    for (size_t i = 0; i < 16; i++)
        n += (size_t)sprintf(out + n, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                             id[i]);
}

enum queue_error engine_move_start(struct engine *engine, struct moment at, struct slice source_arn,
                                   struct slice destination_arn, int64_t rate, const uint8_t id[16],
                                   char handle[MOVE_HANDLE_SIZE], struct queue_refusal *refusal)
{
    struct queue *from = engine_queue_find_arn(engine, source_arn);
    enum queue_error error;
    struct task *task;

    engine_tick(engine, at); /* it may end the task that runs */
    error = check_start(engine, from, destination_arn, rate, refusal);
    if (error != QUEUE_OK)
        return error;
    task = task_new(from->arn, destination_arn);
    if (!task)
        return queue_refuse_plainly(refusal, QUEUE_INTERNAL_FAILURE);
    if (tasks_of(engine, from->arn) == TASKS_MAX)
        forget_oldest(engine, from->arn);
    task->id = ++engine->seq;
    task->rate = (uint32_t)rate;
    task->to_move = from->visible;
    task->started_ms = at.wall_ms;
    task->step_at = at.now;
    write_uuid(id, task->uuid);
    links_add(engine->tasks.next, &task->links); /* in front */
    links_add(engine->running.next, &task->running);
    task_note(engine, task);
    write_handle(task, handle);
    return QUEUE_OK;
}

static struct task *task_find(const struct engine *engine, struct slice handle)
{
    char text[MOVE_HANDLE_SIZE];

    for (struct sl_link *l = engine->tasks.next; l != &engine->tasks; l = l->next) {
        write_handle(task_of(l), text);
        if (slice_is(handle, text))
            return task_of(l);
    }
    return NULL;
}

/* Whether it is a handle as write_handle makes them; *source_arn points into `plain`. */
static bool read_handle(struct slice handle, char plain[MOVE_HANDLE_SIZE], struct slice *source_arn)
{
    struct json_value key, value;
    bool has_task = false, has_source = false;
    struct json j;
    size_t n;

    if (handle.n >= MOVE_HANDLE_SIZE || !base64_decode(handle, plain, &n))
        return false;
    json_init(&j, (struct slice){plain, n});
    if (json_next(&j, NULL) == JSON_OBJECT)
        while (json_member(&j, &key)) {
            if (!json_skip(&j, &value) || value.type != JSON_STRING)
                return false;
            has_task |= json_is(&key, "taskId");
            if (json_is(&key, "sourceArn")) {
                has_source = true;
                *source_arn = value.text;
            }
        }
    return json_end(&j) && has_task && has_source;
}

enum queue_error engine_move_cancel(struct engine *engine, struct moment at, struct slice handle,
                                    uint64_t *moved, struct queue_refusal *refusal)
{
    char plain[MOVE_HANDLE_SIZE];
    struct slice source_arn;
    struct task *task;

    engine_tick(engine, at); /* it may end by itself */
    if (!read_handle(handle, plain, &source_arn))
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Value for parameter TaskHandle is invalid.");
    if (!engine_queue_find_arn(engine, source_arn))
        return no_such_queue(refusal);
    task = task_find(engine, handle);
    if (!task)
        return queue_refuse(refusal, QUEUE_RESOURCE_NOT_FOUND, "Task does not exist.");
    if (task->status != MOVE_RUNNING)
        return queue_refuse(refusal, QUEUE_UNSUPPORTED_OPERATION,
                            "Only active tasks can be cancelled");
    task->status = MOVE_CANCELLING;
    task->step_at = at.now;
    *moved = task->moved;
    task_note(engine, task);
    return QUEUE_OK;
}

enum queue_error engine_move_list(const struct engine *engine, struct slice source_arn,
                                  struct move_task *out, size_t max, size_t *count,
                                  struct queue_refusal *refusal)
{
    const struct queue *from = engine_queue_find_arn(engine, source_arn);
    size_t n = 0;

    if (!from)
        return no_such_queue(refusal);
    for (struct sl_link *l = engine->tasks.next; l != &engine->tasks && n < max; l = l->next) {
        const struct task *task = task_of(l);

        if (strcmp(task->source_arn, from->arn) != 0)
            continue;
        out[n] = (struct move_task){
            .status = task->status,
            .source_arn = task->source_arn,
            .destination_arn = task->destination_arn,
            .rate = task->rate,
            .moved = task->moved,
            .to_move = task->to_move,
            .started_ms = task->started_ms,
            .failure = task->failure,
        };
        if (task->status == MOVE_RUNNING)
            write_handle(task, out[n].handle);
        n++;
    }
    *count = n;
    return QUEUE_OK;
}

/* ---- from the store ---- */

static int64_t number_of(const struct json_value *value)
{
    char text[32] = "";

    if (value->type != JSON_NUMBER || value->text.n >= sizeof text)
        return 0;
    memcpy(text, value->text.p, value->text.n);
    return strtoll(text, NULL, 10);
}

/* In the place of what was there. false: no memory. */
static bool keep(char **at, const char *text)
{
    free(*at);
    *at = strdup(text);
    return *at != NULL;
}

/* false: no memory. */
static bool read_member(struct engine *engine, struct task *task, const struct json_value *key,
                        const struct json_value *value, struct strbuf *scratch)
{
    const char *text;

    strbuf_reset(scratch);
    if (value->type == JSON_STRING)
        json_unescape(value->text, scratch);
    if (strbuf_failed(scratch))
        return false;
    text = scratch->p ? scratch->p : "";
    if (json_is(key, "source"))
        return keep(&task->source_arn, text);
    if (json_is(key, "destination"))
        return keep(&task->destination_arn, text);
    if (json_is(key, "failure"))
        return (task->failure = engine_intern(engine, slice_of(text))) != NULL;
    if (json_is(key, "status"))
        task->status = (enum move_status)number_of(value);
    else if (json_is(key, "rate"))
        task->rate = (uint32_t)number_of(value);
    else if (json_is(key, "moved"))
        task->moved = (uint64_t)number_of(value);
    else if (json_is(key, "toMove"))
        task->to_move = (uint64_t)number_of(value);
    else if (json_is(key, "started"))
        task->started_ms = number_of(value);
    else if (json_is(key, "uuid"))
        snprintf(task->uuid, sizeof task->uuid, "%s", text);
    return true;
}

int engine_task_restore(struct engine *engine, uint64_t id, struct slice text)
{
    struct task *task = calloc(1, sizeof *task);
    struct json_value key, value;
    struct strbuf scratch = {0};
    struct json j;
    bool ok = true;

    if (!task)
        return -ENOMEM;
    task->id = id;
    links_add(engine->tasks.next, &task->links);
    links_init(&task->running);
    json_init(&j, text);
    if (json_next(&j, NULL) == JSON_OBJECT)
        while (ok && json_member(&j, &key))
            if (json_skip(&j, &value))
                ok = read_member(engine, task, &key, &value, &scratch);
    strbuf_deinit(&scratch);
    if (!ok)
        return -ENOMEM;
    if (!json_end(&j) || !task->source_arn || task->status > MOVE_FAILED)
        return -EINVAL;
    if (is_running(task))
        links_add(engine->running.next, &task->running);
    return 0;
}

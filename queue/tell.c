/* tell -- waits and loads in order, told from the loop; and rows. */
#include "queue/tell.h"

void waits_push(struct waits *waits, struct store_wait *wait)
{
    wait->next_ = NULL;
    *waits->end = wait;
    waits->end = &wait->next_;
}

void loads_push(struct loads *loads, struct store_load *load)
{
    load->next_ = NULL;
    *loads->end = load;
    loads->end = &load->next_;
}

void waits_splice(struct waits *to, struct waits *from)
{
    if (!from->first)
        return;
    *to->end = from->first;
    to->end = from->end;
    waits_init(from);
}

void loads_splice(struct loads *to, struct loads *from)
{
    if (!from->first)
        return;
    *to->end = from->first;
    to->end = from->end;
    loads_init(from);
}

void waits_judge(struct waits *waits, int error)
{
    for (struct store_wait *wait = waits->first; wait; wait = wait->next_)
        wait->error_ = error;
}

void loads_judge(struct loads *loads, int error)
{
    for (struct store_load *load = loads->first; load; load = load->next_)
        load->error_ = error;
}

void waits_tell(struct waits *waits)
{
    struct store_wait *wait = waits->first;

    waits_init(waits);
    while (wait) {
        struct store_wait *next = wait->next_; /* it may be gone after `done` */

        wait->done(wait, wait->error_);
        wait = next;
    }
}

void loads_tell(struct loads *loads)
{
    struct store_load *load = loads->first;

    loads_init(loads);
    while (load) {
        struct store_load *next = load->next_;

        load->done(load, load->error_);
        load = next;
    }
}

static void fired(struct sl_timer *timer)
{
    struct tell *tell = SL_CONTAINER_OF(timer, struct tell, timer);

    waits_tell(&tell->waits);
    loads_tell(&tell->loads);
}

void tell_init(struct tell *tell)
{
    sl_timer_init(&tell->timer, fired);
    waits_init(&tell->waits);
    loads_init(&tell->loads);
}

static void hurry(struct tell *tell)
{
    if (!sl_timer_is_set(&tell->timer))
        sl_timer_set(&tell->timer, sl_now());
}

void tell_wait(struct tell *tell, struct store_wait *wait, int error)
{
    wait->error_ = error;
    waits_push(&tell->waits, wait);
    hurry(tell);
}

void tell_load(struct tell *tell, struct store_load *load, int error)
{
    load->error_ = error;
    loads_push(&tell->loads, load);
    hurry(tell);
}

struct last_wait {
    struct store_wait wait;
    struct sl_parker parker;
};

static void last_is_told(struct store_wait *wait, int error)
{
    (void)error;
    sl_unpark(&SL_CONTAINER_OF(wait, struct last_wait, wait)->parker);
}

void tell_deinit(struct tell *tell)
{
    struct last_wait last = {.wait.done = last_is_told};

    while (tell->waits.first || tell->loads.first) {
        sl_parker_init(&last.parker);
        tell_wait(tell, &last.wait, 0);
        SL_IGNORE(sl_park(&last.parker, NULL, SL_NEVER, "the store to tell the rest"));
    }
    sl_timer_stop(&tell->timer);
}

/* ---- what a store had ---- */

static int tell_row(const struct store_reader *reader, struct change *row)
{
    struct slice text = {row->text, row->text_n};

    switch (row->kind) {
    case CHANGE_QUEUE:
        return reader->queue(reader->arg, row->queue, text);
    case CHANGE_COUNTERS:
        return reader->counters(reader->arg, row->queue, &row->counters);
    case CHANGE_MESSAGE:
        row->state.origin = text;
        return reader->message(reader->arg, row->seq, row->queue, SL_TAKE(row->payload),
                               &row->state);
    case CHANGE_DEDUP:
        return reader->dedup(reader->arg, row->queue, text, &row->dedup);
    case CHANGE_TASK:
        return reader->task(reader->arg, row->seq, text);
    case CHANGE_MESSAGE_STATE:
    case CHANGE_MESSAGE_MOVED:
    case CHANGE_MESSAGE_GONE:
    case CHANGE_QUEUE_GONE:
    case CHANGE_QUEUE_PURGED:
    case CHANGE_DEDUP_GONE:
    case CHANGE_TASK_GONE:
        break;
    }
    sl_assert(!"a kind of row");
}

int rows_tell(const struct store_reader *reader, struct changes *rows)
{
    int r = 0;

    for (size_t i = 0; i < rows->count && r >= 0; i++)
        r = tell_row(reader, &rows->items[i]);
    return r < 0 ? r : 0;
}

#include "cli/demo_feed.h"

#include <errno.h>
#include <stdio.h>

#include <sluice/generate.h>
#include <sluice/task.h>

#include "cli/clients.h"
#include "cli/demo_events.h"

enum { POSTERS = 4 };

/* How often the queue is looked at, when everything is sent, until all of it is received. */
#define LOOK_AGAIN sl_ms(10)
/* A cut request ends at once; longer than that nobody waits for one. */
#define END_LIMIT sl_ms(200)

/* ---- the first stage ---- */

struct invent_events {
    struct sending *sending;
};

/* When the next one is due. A rate keeps to its own beat, also after a stall shorter than a second. */
static sl_time next_at(double rate, sl_time due)
{
    sl_time now = sl_now();

    if (rate <= 0)
        return sl_time_add(now, sl_ms(1 + (int64_t)(sl_random() % 20)));
    if (sl_time_before(due, sl_time_add(now, sl_sec(-1))))
        due = now;
    return sl_time_add(due, sl_ns((int64_t)(1e9 / rate)));
}

static int make_event(struct send_event **out, const struct sending *sending, uint64_t number,
                      struct strbuf *text)
{
    struct strbuf why = {0};

    strbuf_reset(text);
    demo_event_write(text, number, sl_random(), sl_wall_ms());
    int result = strbuf_failed(text)
                     ? -ENOMEM
                     : send_event_make(out, &sending->rules, strbuf_slice(text), &why);
    strbuf_deinit(&why);
    sl_assert(result <= 0); /* SQS takes what is invented here */
    if (result == 0) {
        (*out)->file = "invented event";
        (*out)->line = number;
    }
    return result;
}

SL_GENERATOR(invent_events, event_chan)
{
    struct sending *sending = my->sending;
    struct send_event *event;
    struct strbuf text = {0};
    sl_time due = sl_now();
    int result = SL_OK;

    for (uint64_t number = 1; result == SL_OK; number++) {
        due = next_at(sending->options->rate, due);
        result = sl_sleep_until(ctx, due);
        if (result == SL_OK)
            result = make_event(&event, sending, number, &text);
        if (result != SL_OK)
            break;
        result = event_chan_send(out, ctx, event);
        if (result != SL_OK)
            send_event_free(event);
    }
    sending->exhausted = true; /* there is no end that was not reached */
    strbuf_deinit(&text);
    return result < 0 ? result : 0;
}

/* ---- its end ---- */

struct close_when_sent {
    struct demo_feed *feed;
};

SL_TASK(close_when_sent)
{
    if (sl_ctx_wait(my->feed->sending.life, ctx) == SL_OK)
        sl_chan_close(my->feed->feed.over);
    return 0;
}

static bool is_received(const struct demo_feed *feed)
{
    struct queue_counts counts;
    return !queue_service_counts(queue_server_service(feed->server), feed->queue, &counts) ||
           counts.visible + counts.delayed == 0;
}

static void stop(void *arg, struct sl_ctx *ctx)
{
    struct demo_feed *feed = arg;

    sl_ctx_cancel(feed->sending.intake, 0);
    if (sl_ctx_wait(feed->sending.life, ctx) != SL_OK)
        return;
    while (!is_received(feed) && sl_sleep(ctx, LOOK_AGAIN) == SL_OK)
        ;
}

uint64_t demo_feed_end(struct demo_feed *feed, struct sl_ctx *ctx)
{
    struct sending *sending = &feed->sending;
    struct sl_ctx *ending = sl_ctx_new(ctx, &(struct sl_ctx_options){.timeout = END_LIMIT});

    sl_ctx_cancel(sending->intake, 0);
    sl_ctx_cancel(sending->life, 0);
    SL_IGNORE(sl_ctx_wait(sending->life, ending));
    sl_ctx_leave(ending);
    if (sending->problem.text.n > 0)
        (void)command_refuse(feed->command, &sending->problem);
    return sending->refused;
}

/* ---- its beginning ---- */

static int open_queue(struct demo_feed *feed, struct sl_ctx *ctx, struct aws_config *config,
                      struct problem *problem)
{
    struct http_client *http;
    struct sqs_client *client;

    int result = open_http_client(&http, ctx, POSTERS, NULL);
    if (result == 0)
        result = sqs_client_new(&client, ctx, config, http);
    if (result == 0)
        result = sqs_queue_open(&feed->sending.queue, client, ctx, feed->queue, problem);
    return result;
}

int demo_feed_start(struct demo_feed *feed, struct sl_ctx *ctx, struct aws_config *config,
                    struct problem *problem)
{
    struct sending *sending = &feed->sending;

    feed->options.rate = feed->events ? 0 : feed->rate;
    feed->files[0] = feed->events;
    *sending =
        (struct sending){.command = feed->command, .options = &feed->options, .files = feed->files};
    problem_init(&sending->problem);
    int result = open_queue(feed, ctx, config, problem);
    if (result != 0)
        return result;
    sending->intake = sl_ctx_new(ctx, &(struct sl_ctx_options){.name = "feed's intake"});
    sending->life = sl_ctx_new(ctx, &(struct sl_ctx_options){.name = "feed"});
    feed->feed = (struct pipeline_feed){
        .over = sl_chan_new(ctx, sizeof(int), 0, NULL), .stop = stop, .arg = feed};
    struct event_chan *events =
        feed->events ? send_read_files(sending)
                     : SL_GENERATE(sending->intake, invent_events, .sending = sending);
    send_start(sending, events, POSTERS);
    SL_GO(ctx, close_when_sent, .feed = feed);
    return 0;
}

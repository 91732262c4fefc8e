/*
 * The reader may be stuck in an open or a read that nothing can interrupt (a terminal, a pipe), so
 * nobody waits for it: it lives in intake, and the packing stage ends when intake does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sluice/batch.h>
#include <sluice/generate.h>
#include <sluice/offload.h>
#include <sluice/task.h>

#include "cli/send.h"
#include "core/backoff.h"
#include "core/units.h"
#include "ops/log.h"

enum {
    PIECE_SIZE = 65536,
    ATTEMPTS_MAX =
        6, /* each with the three tries of the client: about 30 s of trouble are outlasted */
};

/* Ten, or what came within this: a slow writer does not wait for nine others. */
#define PACK_AGE   sl_ms(200)
#define RETRY_BASE sl_ms(500)
#define RETRY_CAP  sl_sec(10)

void send_abort(struct sending *sending)
{
    sl_ctx_cancel(sending->intake, 0);
    sl_ctx_cancel(sending->life, 0);
}

/* Tells why an event is not sent, and where it stands. */
static void refuse(struct sending *sending, const char *file, uint64_t line, const char *why)
{
    const char *advice = strstr(why, "\n  do:    ");
    size_t n = advice ? (size_t)(advice - why) : strlen(why);
    const char *name = strcmp(file, "-") == 0 ? "standard input" : file;
    char place[32] = "";

    sending->refused++;
    if (line > 0)
        snprintf(place, sizeof place, ":%llu", (unsigned long long)line);
    if (advice)
        log_error("%s%s %.*s\n  do:    %s", name, place, (int)n, why,
                  advice + strlen("\n  do:    "));
    else
        log_error("%s%s %s", name, place, why);
}

/* ---- stage 1: read ---- */

struct read_events {
    struct sending *sending;
};

/* Opening a FIFO waits until somebody writes to it. */
struct open_job {
    const char *file;
};

static int open_file(void *arg)
{
    const struct open_job *job = arg;
    int fd;
    do
        fd = open(job->file, O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

struct read_job {
    int fd;
    char *p;
    size_t size;
};

static int read_some(void *arg)
{
    const struct read_job *job = arg;
    ssize_t n;
    do
        n = read(job->fd, job->p, job->size);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (int)n;
}

/* The reading side: one file after the other. */
struct reader {
    struct sending *sending;
    struct sl_ctx *ctx;
    struct event_chan *out;
    sl_time next; /* not before, with --rate */
};

/* What was missed while nobody took events is not made up for, beyond a tenth of a second. */
static int wait_turn(struct reader *reader)
{
    sl_dur period = sl_ns((int64_t)(1e9 / reader->sending->options->rate));
    sl_time earliest = sl_time_add(sl_now(), sl_ms(-100));

    reader->next = sl_time_add(sl_time_max(reader->next, earliest), period);
    return sl_sleep_until(reader->ctx, reader->next);
}

/* Sends a line on its way. Negative, or SL_CANCELED: it is over. */
static int pass_on(struct reader *reader, const char *file, uint64_t line, struct slice text)
{
    struct sending *sending = reader->sending;
    struct send_event *event;
    struct strbuf why = {0};
    int result = send_event_make(&event, &sending->rules, text, &why);

    if (result == SEND_REFUSED)
        refuse(sending, file, line, strbuf_failed(&why) ? "is not one that SQS takes" : why.p);
    strbuf_deinit(&why);
    if (result != 0)
        return result == SEND_REFUSED ? 0 : result;
    event->file = file;
    event->line = line;
    if (sending->options->rate > 0) {
        result = wait_turn(reader);
    }
    if (result == 0)
        result = event_chan_send(reader->out, reader->ctx, event);
    if (result != SL_OK)
        send_event_free(event);
    return result;
}

static int pass_lines(struct reader *reader, const char *file, struct lines *lines, bool is_last)
{
    struct slice line;
    int result = 0;
    while (result == 0 && lines_next(lines, is_last, &line))
        if (line.n > 0)
            result = pass_on(reader, file, lines->number, line);
    return result;
}

/* A piece at a time: lines go on as they come, a whole file when it has been read. */
static int read_descriptor(struct reader *reader, const char *file, int fd)
{
    bool is_whole = reader->sending->options->whole;
    struct lines lines = {0};
    char *piece = malloc(PIECE_SIZE);
    int n = piece ? 0 : -ENOMEM;
    int result = 0;

    while (n >= 0 && result == 0) {
        struct read_job job = {fd, piece, PIECE_SIZE};
        result = sl_offload(read_some, &job, &n);
        if (result < 0 || n < 0)
            break;
        lines_feed(&lines, (struct slice){piece, (size_t)n});
        if (strbuf_failed(&lines.held))
            result = -ENOMEM;
        else if (!is_whole)
            result = pass_lines(reader, file, &lines, n == 0);
        else if (n == 0 || lines.held.n > SEND_BYTES_MAX) {
            result = pass_on(reader, file, 0, strbuf_slice(&lines.held));
            break;
        }
        if (n == 0)
            break;
    }
    lines_deinit(&lines);
    free(piece);
    return result ? result : n < 0 ? n : 0;
}

static int read_file(struct reader *reader, const char *file)
{
    bool is_stdin = strcmp(file, "-") == 0;
    struct open_job job = {file};
    int fd = STDIN_FILENO;
    int result = is_stdin ? 0 : sl_offload(open_file, &job, &fd);

    if (result == 0)
        result = fd < 0 ? fd : read_descriptor(reader, file, fd);
    if (fd >= 0 && !is_stdin)
        close(fd);
    if (result < 0) {
        problem_set(&reader->sending->problem, EXIT_BAD_CONFIG, "%s can't be read: %s", file,
                    strerror(-result));
        send_abort(reader->sending);
    }
    return result;
}

SL_GENERATOR(read_events, event_chan)
{
    struct reader reader = {.sending = my->sending, .ctx = ctx, .out = out, .next = sl_now()};
    const char *const *file = my->sending->files;
    while (*file && read_file(&reader, *file) == 0)
        file++;
    my->sending->exhausted = !*file;
    return 0;
}

/* ---- stage 2: pack ---- */

struct pack_events {
    struct sending *sending;
    struct event_chan *in;
};

static void drop_packet(struct packet *packet)
{
    for (size_t i = 0; i < packet->count; i++)
        send_event_free(packet->events[i]);
    packet->count = 0;
}

/* Where a packet is under way. */
struct packing {
    struct sending *sending;
    struct sl_batcher batcher;
    struct packet packet;
    struct packet_chan *out;
    struct sl_ctx *ctx;
};

/* What nobody takes any more is not sent. */
static int flush(struct packing *p)
{
    int result = p->packet.count > 0 ? packet_chan_send(p->out, p->ctx, p->packet) : SL_OK;
    if (result != SL_OK) {
        p->sending->refused += p->packet.count;
        drop_packet(&p->packet);
    }
    p->packet.count = 0;
    sl_batcher_flushed(&p->batcher);
    return result;
}

static bool has_group_of(const struct packet *packet, const struct send_event *event)
{
    for (size_t i = 0; i < packet->count; i++)
        if (slice_eq(send_event_group(packet->events[i]), send_event_group(event)))
            return true;
    return false;
}

/* SQS may take the entries of a call behind one that fails, and they can't be taken back: so on a FIFO queue a call has one
 * event of each group at most, and the next of the group goes when that one's fate is known. */
static int pack(struct packing *p, struct send_event *event)
{
    size_t bytes = send_event_bytes(event, &p->sending->rules);
    int result = SL_OK;
    if (p->sending->queue->is_fifo && has_group_of(&p->packet, event))
        result = flush(p);
    enum sl_batch_fit fit = sl_batcher_offer(&p->batcher, 1, bytes, sl_now());
    if (fit == SL_BATCH_FLUSH_FIRST) {
        result = flush(p);
        fit = sl_batcher_offer(&p->batcher, 1, bytes, sl_now());
    }
    p->packet.events[p->packet.count++] = event;
    if (fit == SL_BATCH_FITS_AND_FULL || result != SL_OK)
        result = flush(p);
    return result;
}

SL_GENERATOR(pack_events, packet_chan)
{
    struct sending *sending = my->sending;
    struct packing p = {.sending = sending, .out = out, .ctx = ctx};
    struct send_event *event;
    int result = SL_OK;

    sl_batcher_init(&p.batcher, &(struct sl_batch_limits){.count = SQS_ENTRIES_MAX,
                                                          .bytes = SEND_BYTES_MAX,
                                                          .age = PACK_AGE});
    while (result == SL_OK) {
        int got =
            event_chan_recv_until(my->in, sending->intake, sl_batcher_deadline(&p.batcher), &event);
        if (got == SL_TIMEOUT) {
            result = flush(&p);
            continue;
        }
        if (got != SL_OK)
            break;
        sending->file = event->file;
        sending->line = event->line;
        result = pack(&p, event);
    }
    (void)flush(&p);
    return 0;
}

/* ---- stage 3: post ---- */

struct post_packets {
    struct sending *sending;
    struct packet_chan *in;
};

static bool is_worth_another_try(enum sqs_trouble trouble)
{
    return trouble == SQS_TROUBLE_UNREACHABLE || trouble == SQS_TROUBLE_SERVICE ||
           trouble == SQS_TROUBLE_THROTTLED;
}

static int call(struct sending *sending, struct sl_ctx *ctx, const struct packet *packet,
                struct sqs_entry *entries, struct sqs_failure *failure)
{
    struct sqs_send_entry messages[SQS_ENTRIES_MAX];
    for (size_t i = 0; i < packet->count; i++)
        messages[i] = (struct sqs_send_entry){
            .body = send_event_body(packet->events[i]),
            .group = send_event_group(packet->events[i]),
            .dedup = send_event_dedup(packet->events[i]),
            .delay_s = sending->options->delay.ns > 0
                           ? (int)(sending->options->delay.ns / 1000000000)
                           : -1,
        };
    sending->calls++;
    return sqs_send_batch(sending->queue, ctx,
                          &(struct sqs_send){.messages = messages,
                                             .count = packet->count,
                                             .attributes = sending->attributes,
                                             .attribute_count = sending->attribute_count},
                          entries, failure);
}

/* Counts and tells what each entry's answer was; keeps in the packet what is worth another try. */
static void judge(struct sending *sending, struct packet *packet, const struct sqs_entry *entries)
{
    size_t kept = 0;
    for (size_t i = 0; i < packet->count; i++) {
        struct send_event *event = packet->events[i];
        char why[64 + SQS_CODE_SIZE + SQS_MESSAGE_SIZE];
        if (entries[i].state == SQS_ENTRY_RETRY && ++event->attempts < ATTEMPTS_MAX) {
            packet->events[kept++] = event;
            continue;
        }
        snprintf(why, sizeof why, "was refused by SQS: %s%s%s", entries[i].code,
                 entries[i].message[0] ? ": " : "", entries[i].message);
        if (entries[i].state == SQS_ENTRY_DONE)
            sending->sent++;
        else {
            refuse(sending, event->file, event->line, why);
            sending->in_doubt += packet->is_in_doubt;
        }
        send_event_free(event);
    }
    packet->count = kept;
}

/* All of it came to nothing: the events of the packet are not sent, or nobody knows. */
static void give_up(struct sending *sending, struct packet *packet)
{
    sending->refused += packet->count;
    if (packet->is_in_doubt)
        sending->in_doubt += packet->count;
    drop_packet(packet);
}

/* Until every event of it is sent or told. */
static void post(struct sending *sending, struct sl_ctx *ctx, struct packet *packet)
{
    for (unsigned attempt = 0; packet->count > 0; attempt++) {
        struct sqs_entry entries[SQS_ENTRIES_MAX];
        struct sqs_failure failure;
        int result = call(sending, ctx, packet, entries, &failure);

        packet->is_in_doubt |= result != 0 && (result != SQS_FAILED || failure.is_ambiguous);
        if (result == 0)
            judge(sending, packet, entries);
        else if (result == SQS_FAILED && is_worth_another_try(failure.trouble) &&
                 attempt + 1 < ATTEMPTS_MAX) {
            char text[300];
            log_warn("%s; trying again", sqs_failure_text(&failure, text, sizeof text));
        } else {
            if (result == SQS_FAILED && sending->problem.text.n == 0)
                sqs_explain(sending->queue, &failure, &sending->problem);
            give_up(sending, packet);
            send_abort(sending);
            return;
        }
        if (packet->count > 0 &&
            sl_sleep(ctx, backoff_full(RETRY_BASE, RETRY_CAP, attempt, sl_random())) != SL_OK) {
            give_up(sending, packet);
            return;
        }
    }
}

SL_TASK(post_packets)
{
    struct packet packet;
    while (packet_chan_recv(my->in, ctx, &packet) == SL_OK)
        post(my->sending, ctx, &packet);
    return 0;
}

struct event_chan *send_read_files(struct sending *sending)
{
    return SL_GENERATE(sending->intake, read_events, .sending = sending);
}

void send_start(struct sending *sending, struct event_chan *events, unsigned posters)
{
    struct packet_chan *packets =
        SL_GENERATE(sending->life, pack_events, .sending = sending, .in = events);
    for (unsigned i = 0; i < posters; i++)
        SL_GO(sending->life, post_packets, .sending = sending, .in = packets);
}

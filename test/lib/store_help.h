/*
 * For tests of stores: lists of changes written in one line each, a wait that is waited for, and all that a store tells at its
 * start as text, one line a row.
 */
#ifndef TEST_LIB_STORE_HELP_H
#define TEST_LIB_STORE_HELP_H

#include <stdio.h>
#include <string.h>

#include <sluice/loop.h>
#include <sluice/task.h>

#include "queue/store.h"

static inline struct payload *help_payload(uint64_t seed, const char *body)
{
    uint8_t id[16] = {0};
    struct payload_source source = {.id = id, .sent_ms = 1000, .body = slice_of(body)};
    struct payload *payload;

    memcpy(id, &seed, sizeof seed);
    payload = payload_new(&source);
    sl_assert(payload);
    return payload;
}

static inline void help_message(struct changes *changes, uint64_t seq, uint32_t queue,
                                const char *body)
{
    changes_add(changes, &(struct change){.kind = CHANGE_MESSAGE,
                                          .seq = seq,
                                          .queue = queue,
                                          .payload = help_payload(seq, body)});
}

static inline void help_state(struct changes *changes, uint64_t seq, uint32_t receives,
                              const char *origin)
{
    changes_add(changes, &(struct change){.kind = CHANGE_MESSAGE_STATE,
                                          .seq = seq,
                                          .state = {.visible_ms = 10 * receives,
                                                    .first_received_ms = 3,
                                                    .received_ms = 4,
                                                    .moved_ms = 5,
                                                    .receives_before = 6,
                                                    .generation = UINT64_MAX - receives,
                                                    .receives = receives,
                                                    .origin = slice_of(origin)}});
}

static inline void help_moved(struct changes *changes, uint64_t seq, uint64_t new_seq,
                              uint32_t queue)
{
    changes_add(changes,
                &(struct change){
                    .kind = CHANGE_MESSAGE_MOVED, .seq = seq, .new_seq = new_seq, .queue = queue});
}

/* Those that have no more than a queue and a seq. */
static inline void help_plain(struct changes *changes, enum change_kind kind, uint32_t queue,
                              uint64_t seq)
{
    changes_add(changes, &(struct change){.kind = kind, .queue = queue, .seq = seq});
}

static inline void help_text(struct changes *changes, enum change_kind kind, uint32_t queue,
                             uint64_t seq, const char *text)
{
    char copy[256];
    struct change change = {.kind = kind, .queue = queue, .seq = seq, .text = copy};

    change.text_n = (size_t)snprintf(copy, sizeof copy, "%s", text);
    if (kind == CHANGE_DEDUP)
        change.dedup =
            (struct dedup_entry){.id = "0123456789abcde", .sequence = 4, .expires_ms = 5};
    changes_add(changes, &change);
}

static inline void help_counters(struct changes *changes, uint32_t queue, uint64_t sent)
{
    changes_add(changes, &(struct change){
                             .kind = CHANGE_COUNTERS, .queue = queue, .counters = {.sent = sent}});
}

/* ---- waits ---- */

struct help_wait {
    struct store_wait wait;
    struct sl_parker parker;
    int error;
    unsigned told;
};

static inline void help_told(struct store_wait *wait, int error)
{
    struct help_wait *me = SL_CONTAINER_OF(wait, struct help_wait, wait);

    me->error = error;
    me->told++;
    sl_unpark(&me->parker);
}

static inline void help_submit(struct store *store, struct changes *changes, struct help_wait *wait)
{
    *wait = (struct help_wait){.wait.done = help_told};
    sl_parker_init(&wait->parker);
    store_submit(store, changes, &wait->wait);
    sl_assert(wait->told == 0);
}

static inline int help_await(struct help_wait *wait)
{
    SL_IGNORE(sl_park(&wait->parker, NULL, SL_NEVER, "a store"));
    sl_assert(wait->told == 1);
    return wait->error;
}

static inline int help_write(struct store *store, struct changes *changes)
{
    struct help_wait wait;

    help_submit(store, changes, &wait);
    return help_await(&wait);
}

struct help_load {
    struct store_load load;
    struct sl_parker parker;
    uint64_t seqs[16];
    struct payload *out[16];
    int error;
    unsigned told;
};

static inline void help_loaded(struct store_load *load, int error)
{
    struct help_load *me = SL_CONTAINER_OF(load, struct help_load, load);

    me->error = error;
    me->told++;
    sl_unpark(&me->parker);
}

static inline void help_load(struct store *store, struct help_load *load)
{
    load->load.seqs = load->seqs;
    load->load.out = load->out;
    load->load.done = help_loaded;
    load->told = 0;
    sl_parker_init(&load->parker);
    store_load(store, &load->load);
    sl_assert(load->told == 0);
}

static inline int help_await_load(struct help_load *load)
{
    SL_IGNORE(sl_park(&load->parker, NULL, SL_NEVER, "a store's load"));
    sl_assert(load->told == 1);
    return load->error;
}

/* The body of a message; "-" when there is none. For 1 KB at most; static storage. */
static inline const char *help_body(struct store *store, uint64_t seq)
{
    static char text[1024];
    struct help_load load = {.seqs = {seq}, .load.count = 1};

    help_load(store, &load);
    snprintf(text, sizeof text, "error %d", help_await_load(&load));
    if (load.error)
        return text;
    if (!load.out[0])
        return "-";
    snprintf(text, sizeof text, SLICE_FMT, SLICE_ARG(payload_body(load.out[0])));
    payload_unref(load.out[0]);
    return text;
}

/* ---- what a store tells ---- */

static inline int help_show_queue(void *arg, uint32_t queue, struct slice text)
{
    strbuf_addf(arg, "queue %u " SLICE_FMT "\n", queue, SLICE_ARG(text));
    return 0;
}

static inline int help_show_counters(void *arg, uint32_t queue,
                                     const struct queue_counters *counters)
{
    strbuf_addf(arg, "counters %u %llu\n", queue, (unsigned long long)counters->sent);
    return 0;
}

static inline int help_show_message(void *arg, uint64_t seq, uint32_t queue,
                                    struct payload *payload, const struct message_state *state)
{
    strbuf_addf(arg,
                "message %llu in %u " SLICE_FMT " %u %lld %lld %lld %lld %u %llu " SLICE_FMT "\n",
                (unsigned long long)seq, queue, SLICE_ARG(payload_body(payload)), state->receives,
                (long long)state->visible_ms, (long long)state->first_received_ms,
                (long long)state->received_ms, (long long)state->moved_ms, state->receives_before,
                (unsigned long long)state->generation, SLICE_ARG(state->origin));
    payload_unref(payload);
    return 0;
}

static inline int help_show_dedup(void *arg, uint32_t queue, struct slice key,
                                  const struct dedup_entry *entry)
{
    strbuf_addf(arg, "dedup %u " SLICE_FMT " %.16s %llu %lld\n", queue, SLICE_ARG(key),
                (const char *)entry->id, (unsigned long long)entry->sequence,
                (long long)entry->expires_ms);
    return 0;
}

static inline int help_show_task(void *arg, uint64_t seq, struct slice text)
{
    strbuf_addf(arg, "task %llu " SLICE_FMT "\n", (unsigned long long)seq, SLICE_ARG(text));
    return 0;
}

static inline struct store_reader help_reader(struct strbuf *out)
{
    return (struct store_reader){help_show_queue, help_show_counters, help_show_message,
                                 help_show_dedup, help_show_task,     out};
}

#endif

/*
 * What a store kept of queues, messages, deduplication ids and move tasks, a row a line, in any state: the engine refuses it,
 * or works with it. As a store's, rows come kind by kind, and each with a key of its own, messages in the order of theirs;
 * what is not so is passed over. Lines:
 *
 *     q ID TEXT                                   a queue
 *     c ID SENT                                   its counter
 *     m SEQ ID VISIBLE RECEIVES GENERATION FIRST SENT GROUP BODY
 *     d ID EXPIRES KEY                            a deduplication id
 *     t SEQ TEXT                                  a move task
 *     p SECONDS                                   time passes, and somebody receives and deletes
 */
#include <inttypes.h>

#include "queue/engine.h"

#include "test/fuzz/fuzz.h"

static const uint8_t id[16] = {1, 2, 3};

static int64_t number(struct fuzz *line)
{
    char text[24] = "";
    struct slice word = fuzz_cut(line, ' ');

    if (word.n < sizeof text)
        memcpy(text, word.p, word.n);
    return strtoll(text, NULL, 10);
}

static int compare(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int give_message(const struct store_reader *reader, struct fuzz *line)
{
    uint64_t seq = (uint64_t)number(line);
    uint32_t queue = (uint32_t)number(line);
    struct message_state state = {.visible_ms = number(line),
                                  .receives = (uint32_t)number(line),
                                  .generation = (uint64_t)number(line),
                                  .first_received_ms = number(line),
                                  .received_ms = 2 * (int64_t)(seq % 3) * 1000,
                                  .moved_ms = (int64_t)(seq % 5) * 1000,
                                  .receives_before = (uint32_t)(seq % 2)};
    struct payload_source source = {.id = id, .sent_ms = number(line)};
    struct payload *payload;

    source.group = fuzz_cut(line, ' ');
    if (source.group.n == 0 || source.group.n > UINT16_MAX)
        source.group = (struct slice){NULL, 0};
    source.body = line->rest;
    payload = payload_new(&source);
    fuzz_check(payload);
    return reader->message(reader->arg, seq, queue, payload, &state);
}

/* What a store promises of its rows. */
struct order {
    const char *kind; /* the last row's, in "qcmdt" */
    uint64_t last;    /* key of the last row of that kind */
    struct slice key; /* of a deduplication id: in its order as well */
};

static bool is_next(struct order *order, char kind, struct fuzz line)
{
    const char *at = memchr(order->kind, kind, strlen(order->kind));
    uint64_t key = (uint64_t)number(&line);

    if (kind == 'd')
        (void)number(&line);
    if (!at || key == 0 || key > INT64_MAX)
        return false;
    if (at == order->kind && (key < order->last || (key == order->last && kind != 'd')))
        return false;
    if (at == order->kind && key == order->last && compare(line.rest, order->key) <= 0)
        return false;
    *order = (struct order){at, key, line.rest};
    return true;
}

static int give_row(const struct store_reader *reader, char kind, struct fuzz *line)
{
    struct dedup_entry entry = {.sequence = 7};
    uint32_t queue;
    uint64_t seq;

    switch (kind) {
    case 'q':
        queue = (uint32_t)number(line);
        return reader->queue(reader->arg, queue, line->rest);
    case 'c':
        queue = (uint32_t)number(line);
        return reader->counters(reader->arg, queue,
                                &(struct queue_counters){.sent = (uint64_t)number(line)});
    case 'm':
        return give_message(reader, line);
    case 'd':
        queue = (uint32_t)number(line);
        entry.expires_ms = number(line);
        return reader->dedup(reader->arg, queue, line->rest, &entry);
    case 't':
        seq = (uint64_t)number(line);
        return reader->task(reader->arg, seq, line->rest);
    default:
        return 0;
    }
}

/* One receive from each queue; the first message of each is deleted. */
static void use(struct engine *engine, struct moment at)
{
    struct queue_refusal refusal;

    for (struct queue *q = engine_queue_from(engine, SLICE("")); q;
         q = engine_queue_next(engine, q)) {
        struct poll poll = {.queue = q, .max = 10, .visibility_s = -1, .until = at.now};
        char handle[HANDLE_SIZE];
        struct poll *answered;

        engine_poll(engine, at, &poll);
        while ((answered = engine_answered(engine)))
            fuzz_check(answered == &poll);
        for (unsigned i = 0; i < poll.count; i++) {
            engine_handle(engine, q, &poll.receipts[i], handle);
            if (i == 0)
                fuzz_check(engine_delete(engine, at, q, slice_of(handle), &refusal) == QUEUE_OK);
            else if (i == 1)
                engine_return(engine, at, &poll.receipts[i]);
        }
        poll_deinit(&poll);
    }
}

static void look(struct engine *engine, struct moment at)
{
    struct peeked peeked[10];
    struct move_task moves[10];
    struct queue_refusal refusal;

    for (struct queue *q = engine_queue_from(engine, SLICE("")); q;
         q = engine_queue_next(engine, q)) {
        size_t n = engine_peek(engine, at, q, peeked, 10), count = 0;

        for (size_t i = 0; i < n; i++) {
            fuzz_check(peeked[i].hidden_for.ns >= 0);
            payload_unref(peeked[i].payload);
        }
        (void)queue_counts(q);
        (void)queue_tags(q, &count);
        (void)engine_is_dead_letter(engine, q);
        if (engine_move_list(engine, slice_of(queue_arn(q)), moves, 10, &count, &refusal) ==
            QUEUE_OK)
            for (size_t i = 0; i < count; i++)
                (void)move_status_name(moves[i].status);
    }
}

static void live(struct engine *engine, struct moment at, struct fuzz *f)
{
    engine_restored(engine, at);
    look(engine, at);
    for (int turns = 0; turns < 8; turns++) {
        struct fuzz line = {.rest = fuzz_cut(f, '\n')};
        int64_t seconds = fuzz_cut(&line, ' ').n ? number(&line) % 2000000 : 1;

        at.now = sl_time_add(at.now, sl_sec(seconds < 0 ? -seconds : seconds));
        at.wall_ms += 1000 * (seconds < 0 ? -seconds : seconds);
        use(engine, at);
        engine_tick(engine, at);
        (void)engine_deadline(engine);
    }
    engine_flush(engine);
    look(engine, at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = fuzz_begin(data, size);
    struct changes changes = {0};
    struct engine_options options = {.account = "000000000000",
                                     .region = "us-east-1",
                                     .limits = queue_limits_strict(),
                                     .facts = {.seq_max = 1000000, .epoch = 2},
                                     .changes = &changes,
                                     .seed = 42};
    struct moment at = {{5000000000}, 1767225600000};
    struct engine *engine = engine_new(&options);
    struct order order = {.kind = "qcmdt"};
    struct store_reader reader;
    int result = 0;

    fuzz_check(engine);
    reader = engine_reader(engine, at);
    while (result == 0 && f.rest.n > 0 && f.rest.p[0] != 'p') {
        struct fuzz line = {.rest = fuzz_cut(&f, '\n')};
        char kind = line.rest.n > 0 ? line.rest.p[0] : ' ';

        (void)fuzz_cut(&line, ' ');
        if (is_next(&order, kind, line))
            result = give_row(&reader, kind, &line);
    }
    fuzz_check(result <= 0);
    if (result == 0)
        live(engine, at, &f);
    engine_free(engine);
    changes_deinit(&changes);
    fuzz_end(&f);
    return 0;
}

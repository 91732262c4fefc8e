/*
 * Receipt handles, and what is done with them.
 *
 * A handle is base64 of 33 bytes: queue, message and generation (what was the newest when it was given), and the first 13
 * bytes of a SHA-256 of the store's secret and these, which nobody else can make. The secret has 32 bytes and the rest always
 * 20, so that nothing can be appended.
 */
#include <string.h>

#include "core/base64.h"
#include "core/digest.h"
#include "queue/engine_impl.h"

enum { QUEUE_N = 4, SEQ_N = 8, GENERATION_N = 8 };
enum { PLAIN_N = QUEUE_N + SEQ_N + GENERATION_N, HANDLE_N = PLAIN_N + PROOF_N };
_Static_assert(HANDLE_SIZE == HANDLE_N / 3 * 4 + 1, "base64 without padding, and a NUL");

static void put(uint8_t *out, uint64_t value, size_t n)
{
    while (n-- > 0) {
        out[n] = (uint8_t)value;
        value >>= 8;
    }
}

static uint64_t get(const uint8_t *in, size_t n)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++)
        value = value << 8 | in[i];
    return value;
}

static void prove(const struct engine *engine, const uint8_t plain[PLAIN_N], uint8_t proof[PROOF_N])
{
    const struct slice parts[] = {
        {(const char *)engine->options.facts.secret, sizeof engine->options.facts.secret},
        {(const char *)plain, PLAIN_N}};
    uint8_t digest[SHA256_SIZE];

    sha256(parts, 2, digest);
    memcpy(proof, digest, PROOF_N);
}

void engine_handle(const struct engine *engine, const struct queue *queue,
                   const struct receipt *receipt, char out[HANDLE_SIZE])
{
    struct message *message = engine_message(engine, receipt->seq);
    uint8_t bytes[HANDLE_N];

    put(bytes, queue->id, QUEUE_N);
    put(bytes + QUEUE_N, receipt->seq, SEQ_N);
    put(bytes + QUEUE_N + SEQ_N, receipt->generation, GENERATION_N);
    prove(engine, bytes, bytes + PLAIN_N);
    if (message && message->generation == receipt->generation)
        memcpy(message->proof, bytes + PLAIN_N, PROOF_N);
    base64_write((struct slice){(const char *)bytes, sizeof bytes}, out);
}

/* ---- what a handle is worth ---- */

enum worth {
    HANDLE_BAD,     /* not one of ours */
    HANDLE_FOREIGN, /* of another queue */
    HANDLE_GONE,    /* its message is: deleted, expired, moved */
    HANDLE_STALE,   /* the message was received again since */
    HANDLE_EXPIRED, /* the newest, but the message is visible again */
    HANDLE_LIVE,
};

/*
 * The newest handle of a message has its generation; or, when a crash lost what was to be written late, a greater one that
 * an earlier start gave out, while the message was not received since. Then nobody knows how long it was to be hidden.
 */
static enum worth worth_of(const struct engine *engine, const struct message *message,
                           uint64_t generation)
{
    uint64_t epoch = (uint64_t)engine->options.facts.epoch << EPOCH_SHIFT;

    if (generation == message->generation)
        return message->status == MESSAGE_IN_FLIGHT ? HANDLE_LIVE : HANDLE_EXPIRED;
    if (generation > message->generation && generation < epoch)
        return HANDLE_LIVE;
    return HANDLE_STALE;
}

/* Whether it is the handle that the message was given last: proven before, so that nothing needs to be computed. */
static bool is_known(const struct message *message, const uint8_t bytes[HANDLE_N])
{
    static const uint8_t not_made_yet[PROOF_N];

    return get(bytes, QUEUE_N) == message->queue->id &&
           get(bytes + QUEUE_N + SEQ_N, GENERATION_N) == message->generation &&
           memcmp(message->proof, not_made_yet, PROOF_N) != 0 &&
           memcmp(message->proof, bytes + PLAIN_N, PROOF_N) == 0;
}

static enum worth read_handle(const struct engine *engine, const struct queue *queue,
                              struct slice handle, struct message **out)
{
    uint8_t bytes[HANDLE_N], proof[PROOF_N];
    size_t n = 0;

    if (handle.n != HANDLE_SIZE - 1 || !base64_decode(handle, (char *)bytes, &n) || n != HANDLE_N)
        return HANDLE_BAD;
    *out = engine_message(engine, get(bytes + QUEUE_N, SEQ_N));
    if (!*out || !is_known(*out, bytes)) {
        prove(engine, bytes, proof);
        if (memcmp(proof, bytes + PLAIN_N, PROOF_N) != 0)
            return HANDLE_BAD;
    }
    if (get(bytes, QUEUE_N) != queue->id)
        return HANDLE_FOREIGN;
    return *out && (*out)->queue == queue
               ? worth_of(engine, *out, get(bytes + QUEUE_N + SEQ_N, GENERATION_N))
               : HANDLE_GONE;
}

/* ---- refusals: texts recorded from AWS ---- */

static enum queue_error refuse_bad(struct slice handle, struct queue_refusal *refusal)
{
    return queue_refuse(refusal, QUEUE_HANDLE_INVALID,
                        "The input receipt handle \"" SLICE_FMT "\" is not a valid receipt handle.",
                        SLICE_ARG(handle));
}

static enum queue_error refuse_foreign(struct slice handle, struct queue_refusal *refusal)
{
    return queue_refuse(refusal, QUEUE_HANDLE_INVALID,
                        "The receipt handle \"" SLICE_FMT "\" is not valid for this queue.",
                        SLICE_ARG(handle));
}

static enum queue_error refuse_because(struct slice handle, const char *why,
                                       struct queue_refusal *refusal)
{
    return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                        "Value " SLICE_FMT " for parameter ReceiptHandle is invalid. Reason: %s",
                        SLICE_ARG(handle), why);
}

static const char EXPIRED[] = "The receipt handle has expired.";

/* ---- delete ---- */

static enum queue_error delete_by(struct engine *engine, const struct queue *queue,
                                  struct slice handle, struct queue_refusal *refusal)
{
    bool is_fifo = queue->settings.is_fifo;
    struct message *message = NULL;

    switch (read_handle(engine, queue, handle, &message)) {
    case HANDLE_BAD:
        return refuse_bad(handle, refusal);
    case HANDLE_FOREIGN:
        return refuse_foreign(handle, refusal);
    case HANDLE_GONE:
        return QUEUE_OK;
    case HANDLE_STALE:
        return is_fifo ? refuse_because(handle, EXPIRED, refusal) : QUEUE_OK;
    case HANDLE_EXPIRED:
        if (is_fifo || engine->options.rules.expired_handle_refused)
            return refuse_because(handle, EXPIRED, refusal);
        break;
    case HANDLE_LIVE:
        break;
    }
    message_remove(engine, message, true);
    return QUEUE_OK;
}

enum queue_error engine_delete(struct engine *engine, struct moment at, struct queue *queue,
                               struct slice handle, struct queue_refusal *refusal)
{
    enum queue_error error;

    engine_tick(engine, at);
    error = delete_by(engine, queue, handle, refusal);
    engine_serve(engine, at); /* the next of its group */
    return error;
}

/* ---- visibility ---- */

static enum queue_error change(struct engine *engine, struct moment at, struct message *message,
                               int64_t seconds, struct queue_refusal *refusal)
{
    sl_time visible_at = sl_time_add(at.now, sl_sec(seconds));
    sl_dur total = sl_time_sub(visible_at, message->received_at);
    bool is_sooner;

    if (sl_dur_cmp(total, sl_sec(QUEUE_VISIBILITY_MAX_S)) > 0)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Value %lld for parameter VisibilityTimeout is invalid. Reason: Total "
                            "VisibilityTimeout for the message is beyond the limit [43200 seconds]",
                            (long long)seconds);
    is_sooner = sl_time_before(visible_at, message->due_at);
    message_enter(engine, message, MESSAGE_IN_FLIGHT, visible_at);
    if (is_sooner)
        message_note_state(engine, message);
    else
        message_touch(engine, message, at.now);
    return QUEUE_OK;
}

static enum queue_error change_by(struct engine *engine, struct moment at,
                                  const struct queue *queue, struct slice handle, int64_t seconds,
                                  struct queue_refusal *refusal)
{
    struct message *message = NULL;

    switch (read_handle(engine, queue, handle, &message)) {
    case HANDLE_BAD:
        return refuse_bad(handle, refusal);
    case HANDLE_FOREIGN:
        return refuse_foreign(handle, refusal);
    case HANDLE_GONE:
        return refuse_because(
            handle, "Message does not exist or is not available for visibility timeout change.",
            refusal);
    case HANDLE_STALE:
    case HANDLE_EXPIRED:
        if (queue->settings.is_fifo)
            return refuse_because(handle, EXPIRED, refusal);
        /* While a later receive holds the message, the handle of an earlier one serves as well: recorded from AWS. */
        if (message->status == MESSAGE_IN_FLIGHT)
            break;
        if (engine->options.rules.expired_change_refused)
            return refuse_because(handle, EXPIRED, refusal);
        return QUEUE_OK;
    case HANDLE_LIVE:
        break;
    }
    return change(engine, at, message, seconds, refusal);
}

enum queue_error engine_change_visibility(struct engine *engine, struct moment at,
                                          struct queue *queue, struct slice handle, int64_t seconds,
                                          struct queue_refusal *refusal)
{
    enum queue_error error;

    engine_tick(engine, at);
    if (seconds < 0 || seconds > QUEUE_VISIBILITY_MAX_S)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Value %lld for parameter VisibilityTimeout is invalid. Reason: Must "
                            "be between 0 and 43200 seconds.",
                            (long long)seconds);
    error = change_by(engine, at, queue, handle, seconds, refusal);
    engine_serve(engine, at);
    return error;
}

/* Visible again at once, unless the receipt is not the newest any more. */
static struct message *give_back(struct engine *engine, const struct receipt *receipt)
{
    struct message *message = engine_message(engine, receipt->seq);

    if (!message || message->generation != receipt->generation ||
        message->status != MESSAGE_IN_FLIGHT)
        return NULL;
    message_enter(engine, message, MESSAGE_READY, SL_NEVER);
    return message;
}

void engine_return(struct engine *engine, struct moment at, const struct receipt *receipt)
{
    struct message *message;

    engine_tick(engine, at);
    message = give_back(engine, receipt);
    if (message)
        message_note_state(engine, message);
    engine_serve(engine, at);
}

void engine_unreceive(struct engine *engine, const struct receipt *receipt)
{
    struct message *message = give_back(engine, receipt);

    if (!message)
        return;
    message->receives--;
    if (message->receives == 0)
        message->first_received_ms = 0;
    message_note_state(engine, message);
}

#include "flow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { PIECE_MS = 20 }; /* a limited bandwidth comes in pieces of so much time */

/* Bytes that wait for their time, or for room. */
struct piece {
    struct piece *next;
    nanos due;
    size_t at, n;
    char bytes[];
};

/* What `flow_take` makes of garbage; eight bytes for each that it changes are the most. */
static char spoilt[FLOW_TAKE_MAX + FLOW_TAKE_MAX / 8];

void flow_init(struct flow *flow, struct toxics *toxics, unsigned conn, enum direction direction)
{
    *flow = (struct flow){
        .toxics = toxics, .conn = conn, .direction = direction, .doom = NO_TOXIC, .end_due = NEVER};
    flow->last = &flow->first;
}

void flow_deinit(struct flow *flow)
{
    for (struct piece *piece = flow->first, *next; piece; piece = next) {
        next = piece->next;
        free(piece);
    }
    flow->first = NULL;
    flow->last = &flow->first;
    flow->queued = 0;
}

bool flow_wants(const struct flow *flow)
{
    return flow->end_due == NEVER && flow->doom == NO_TOXIC && flow->queued < FLOW_QUEUE_MAX;
}

static const struct toxic *active(const struct flow *flow, enum toxic_kind kind)
{
    return toxics_active(flow->toxics, kind, flow->direction);
}

#define INJECTED(flow, kind, ...)                                                                  \
    toxics_injected((flow)->toxics, kind, (flow)->conn, (flow)->direction, __VA_ARGS__)

/* ---- the toxics that end a connection ---- */

/* The fuse of a toxic that is switched on, lit anew if the toxic was; NULL if it is off. */
static struct fuse *fuse_of(struct flow *flow, enum toxic_kind kind)
{
    const struct toxic *toxic = active(flow, kind);
    struct fuse *fuse = &flow->fuses[kind];

    if (!toxic)
        return NULL;
    if (fuse->generation != toxic->generation) {
        fuse->generation = toxic->generation;
        fuse->left = 1 + toxics_random(flow->toxics, toxic->numbers[0] - 1);
    }
    return fuse;
}

/* How many of `n` bytes still pass: fewer than all, or just all, if a toxic is about to strike. */
static size_t count_down(struct flow *flow, size_t n)
{
    static const enum toxic_kind deadly[] = {TIMEOUT, RESET, LIMIT};
    size_t pass = n;

    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        struct fuse *fuse = fuse_of(flow, deadly[i]);

        if (fuse && fuse->left <= pass) {
            pass = (size_t)fuse->left;
            flow->doom = deadly[i];
        }
    }
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        struct fuse *fuse = fuse_of(flow, deadly[i]);

        if (fuse)
            fuse->left -= pass;
    }
    return pass;
}

/* ---- garbage ---- */

/* Writes something else than `old`, or something before it; how many bytes. */
static size_t put_garbage(struct flow *flow, char *out, char old)
{
    size_t n = toxics_random(flow->toxics, 1) ? 1 + toxics_random(flow->toxics, 7) : 0;

    if (n == 0) {
        *out = (char)(old ^ (char)(1 + toxics_random(flow->toxics, 254)));
        INJECTED(flow, GARBAGE, ",\"was\":%d,\"is\":%d", old & 255, *out & 255);
        return 1;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (char)toxics_random(flow->toxics, 255);
    out[n] = old;
    INJECTED(flow, GARBAGE, ",\"inserted\":%zu", n);
    return n + 1;
}

/* Copies to `spoilt`, with garbage in it for as long as there is room. */
static size_t spoil(struct flow *flow, const char *p, size_t n)
{
    uint64_t apart = 2 * active(flow, GARBAGE)->numbers[0];
    struct fuse *fuse = fuse_of(flow, GARBAGE);
    size_t in = 0, out = 0;

    while (fuse->left <= n - in && out + n - in + 8 < sizeof spoilt) {
        size_t before = (size_t)fuse->left - 1;

        memcpy(spoilt + out, p + in, before);
        in += before;
        out += before;
        out += put_garbage(flow, spoilt + out, p[in++]);
        fuse->left = 1 + toxics_random(flow->toxics, apart - 1);
    }
    memcpy(spoilt + out, p + in, n - in);
    fuse->left -= fuse->left > n - in ? n - in : 0;
    return out + n - in;
}

/* ---- delays ---- */

static void append(struct flow *flow, const char *p, size_t n, nanos due)
{
    struct piece *piece = malloc(sizeof *piece + n);

    if (!piece)
        abort();
    *piece = (struct piece){.due = due, .n = n};
    memcpy(piece->bytes, p, n);
    *flow->last = piece;
    flow->last = &piece->next;
    flow->queued += n;
}

/* When what is taken at `now` is due. */
static nanos delayed(struct flow *flow, nanos now)
{
    const struct toxic *latency = active(flow, LATENCY);
    const struct toxic *jitter = active(flow, JITTER);
    nanos due = now;
    uint64_t ms;

    if (latency) {
        due += (nanos)latency->numbers[0] * MS;
        INJECTED(flow, LATENCY, ",\"ms\":%" PRIu64, latency->numbers[0]);
    }
    if (jitter) {
        ms = toxics_random(flow->toxics, jitter->numbers[0]);
        due += (nanos)ms * MS;
        INJECTED(flow, JITTER, ",\"ms\":%" PRIu64, ms);
    }
    return due > flow->free_at ? due : flow->free_at;
}

/* Cuts into pieces, each due a little later than the one before it. */
static void enqueue(struct flow *flow, const char *p, size_t n, nanos now)
{
    const struct toxic *slicer = active(flow, SLICER);
    const struct toxic *rate = active(flow, BANDWIDTH);
    size_t most = rate ? 1 + rate->numbers[0] * PIECE_MS / 1000 : n;
    nanos due = delayed(flow, now);

    if (slicer)
        INJECTED(flow, SLICER, ",\"bytes\":%zu", n);
    if (rate)
        INJECTED(flow, BANDWIDTH, ",\"bytes\":%zu", n);
    if (slicer && most > slicer->numbers[0])
        most = slicer->numbers[0];
    for (size_t size; n > 0; p += size, n -= size) {
        size = slicer ? 1 + toxics_random(flow->toxics, most - 1) : most;
        if (size > n)
            size = n;
        if (slicer)
            due += (nanos)toxics_random(flow->toxics, slicer->numbers[1]) * 1000;
        if (rate)
            due += (nanos)(size * 1000 * (uint64_t)MS / rate->numbers[0]);
        append(flow, p, size, due);
    }
    flow->free_at = due;
}

/* ---- in and out ---- */

void flow_take(struct flow *flow, const char *p, size_t n, nanos now)
{
    n = count_down(flow, n);
    if (active(flow, GARBAGE)) {
        n = spoil(flow, p, n);
        p = spoilt;
    }
    flow->passed += n;
    enqueue(flow, p, n, now);
}

void flow_take_end(struct flow *flow, nanos now)
{
    const struct toxic *slow = active(flow, SLOW_CLOSE);

    flow->end_due = now;
    if (slow) {
        flow->end_due += (nanos)slow->numbers[0] * MS;
        INJECTED(flow, SLOW_CLOSE, ",\"ms\":%" PRIu64, slow->numbers[0]);
    }
}

nanos flow_due(const struct flow *flow)
{
    if (flow->is_blocked)
        return NEVER;
    return flow->first ? flow->first->due : flow->end_due;
}

/* Sends of the first piece what goes; false: nothing more goes, for lack of room or for ever. */
static bool send_first(struct flow *flow, int fd)
{
    struct piece *piece = flow->first;
    ssize_t n = send(fd, piece->bytes + piece->at, piece->n - piece->at, MSG_NOSIGNAL);

    flow->is_blocked = n < 0 && errno == EAGAIN;
    if (n < 0)
        return false;
    piece->at += (size_t)n;
    flow->queued -= (size_t)n;
    if (piece->at < piece->n)
        return true;
    flow->first = piece->next;
    if (!flow->first)
        flow->last = &flow->first;
    free(piece);
    return true;
}

enum flow_result flow_flush(struct flow *flow, int fd, nanos now)
{
    while (!flow->is_blocked && flow->first && flow->first->due <= now)
        if (!send_first(flow, fd) && !flow->is_blocked)
            return FLOW_BROKEN;
    if (flow->first)
        return FLOW_WAITS;
    if (flow->doom != NO_TOXIC)
        return FLOW_DOOMED;
    return flow->end_due <= now ? FLOW_ENDS : FLOW_WAITS;
}

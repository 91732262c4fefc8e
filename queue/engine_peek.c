/*
 * Looking at a queue without touching it. Its messages are in an agenda by age: the oldest of its list come first; those of a heap are found by walking
 * down from the root, past what is younger than the oldest found so far.
 */
#include <stdlib.h>
#include <string.h>

#include "queue/engine_impl.h"

struct peeking {
    const struct message **found; /* the oldest, in order */
    size_t count, max;
    const struct heap_node **open; /* whose siblings are still to be looked at */
    size_t open_count, open_max;
};

static const struct message *by_age(const struct heap_node *node)
{
    return SL_CONTAINER_OF(node, struct message, age);
}

/* false: there are `max` older ones already, and so for all below it. */
static bool keep(struct peeking *p, const struct heap_node *node, const struct heap *heap)
{
    size_t i = p->count;

    while (i > 0 && heap->before(node, &p->found[i - 1]->age))
        i--;
    if (i == p->max)
        return false;
    p->count -= p->count == p->max;
    memmove(p->found + i + 1, p->found + i, (p->count - i) * sizeof *p->found);
    p->found[i] = by_age(node);
    p->count++;
    return true;
}

static bool push(struct peeking *p, const struct heap_node *node)
{
    if (p->open_count == p->open_max) {
        size_t max = p->open_max ? p->open_max * 2 : 64;
        const struct heap_node **open = realloc(p->open, max * sizeof(struct heap_node *));

        if (!open)
            return false;
        p->open = open;
        p->open_max = max;
    }
    p->open[p->open_count++] = node;
    return true;
}

/* Without memory it has seen less. */
static void walk(struct peeking *p, const struct agenda *agenda)
{
    const struct heap *heap = &agenda->rest;

    for (const struct heap_node *node = agenda->first; node && keep(p, node, heap);)
        node = node->next;
    if (!heap->root || !push(p, heap->root))
        return;
    while (p->open_count > 0)
        for (const struct heap_node *node = p->open[--p->open_count]; node; node = node->next)
            if (keep(p, node, heap) && node->child && !push(p, node->child))
                return;
}

static void tell(const struct message *message, sl_time now, struct peeked *out)
{
    *out = (struct peeked){
        .seq = message->seq,
        .payload = message->payload ? payload_ref(message->payload) : NULL,
        .status = message->status,
        .hidden_for = message->status == MESSAGE_READY
                          ? SL_ZERO
                          : sl_dur_max(SL_ZERO, sl_time_sub(message->due_at, now)),
        .receives = message->receives,
    };
}

size_t engine_peek(struct engine *engine, struct moment at, const struct queue *queue,
                   struct peeked *out, size_t max)
{
    struct peeking p = {.max = max, .found = calloc(max, sizeof(struct message *))};

    engine_tick(engine, at);
    if (!p.found)
        return 0;
    walk(&p, &queue->by_age);
    for (size_t i = 0; i < p.count; i++)
        tell(p.found[i], at.now, &out[i]);
    free(p.found);
    free(p.open);
    return p.count;
}

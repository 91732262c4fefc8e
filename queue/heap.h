/*
 * heap -- a pairing heap of things that embed a node: the least is found at once, adding is constant, removing any is
 * logarithmic (amortised). Never allocates; order of equals is the comparison's to say.
 *
 * A zero node is in no heap.
 */
#ifndef QUEUE_HEAP_H
#define QUEUE_HEAP_H

#include <stdbool.h>

struct heap_node {
    struct heap_node *child, *next;
    struct heap_node *
        prev; /* the one before among siblings; of the first its parent; of the root itself; NULL: in no heap */
};

struct heap {
    struct heap_node *root;
    bool (*before)(const struct heap_node *a, const struct heap_node *b); /* a total order */
};

void heap_init(struct heap *heap,
               bool (*before)(const struct heap_node *, const struct heap_node *));
void heap_add(struct heap *heap, struct heap_node *node);
void heap_remove(struct heap *heap, struct heap_node *node);

static inline struct heap_node *heap_first(const struct heap *heap)
{
    return heap->root;
}

static inline bool heap_holds(const struct heap_node *node)
{
    return node->prev;
}

/* Empties it: every node, in no order, as a list by `next`; their other fields are zero. */
struct heap_node *heap_take_all(struct heap *heap);

#endif

/*
 * The pairing heap of Fredman, Sedgewick, Sleator and Tarjan (1986). Removing pairs the children up, left to right, and then
 * melds the pairs, right to left; both in loops, because a heap of a million in a row is as deep as a list.
 */
#include "queue/heap.h"

#include <stddef.h>

void heap_init(struct heap *heap,
               bool (*before)(const struct heap_node *, const struct heap_node *))
{
    heap->root = NULL;
    heap->before = before;
}

/* The later of two roots becomes the first child of the other. */
static struct heap_node *meld(const struct heap *heap, struct heap_node *a, struct heap_node *b)
{
    if (!a || !b)
        return a ? a : b;
    if (heap->before(b, a)) {
        struct heap_node *c = a;

        a = b;
        b = c;
    }
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    b->prev = a;
    a->child = b;
    return a;
}

static void set_root(struct heap *heap, struct heap_node *root)
{
    heap->root = root;
    if (!root)
        return;
    root->prev = root;
    root->next = NULL;
}

void heap_add(struct heap *heap, struct heap_node *node)
{
    node->child = node->next = NULL;
    set_root(heap, meld(heap, heap->root, node));
}

/* Siblings in a row become one tree. */
static struct heap_node *meld_all(const struct heap *heap, struct heap_node *first)
{
    struct heap_node *pairs = NULL, *all = NULL;

    while (first) {
        struct heap_node *a = first, *b = a->next;
        struct heap_node *pair;

        first = b ? b->next : NULL;
        a->next = NULL;
        if (b)
            b->next = NULL;
        pair = meld(heap, a, b);
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs) {
        struct heap_node *next = pairs->next;

        pairs->next = NULL;
        all = meld(heap, all, pairs);
        pairs = next;
    }
    return all;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    struct heap_node *children = meld_all(heap, node->child);

    if (heap->root == node) {
        set_root(heap, children);
    } else {
        if (node->prev->child == node)
            node->prev->child = node->next;
        else
            node->prev->next = node->next;
        if (node->next)
            node->next->prev = node->prev;
        if (children)
            set_root(heap, meld(heap, heap->root, children));
    }
    *node = (struct heap_node){.child = NULL};
}

struct heap_node *heap_take_all(struct heap *heap)
{
    struct heap_node *last = heap->root;

    for (struct heap_node *node = heap->root; node; node = node->next) {
        if (node->child) {
            last->next = node->child;
            while (last->next)
                last = last->next;
        }
        node->child = node->prev = NULL;
    }
    last = heap->root;
    heap->root = NULL;
    return last;
}

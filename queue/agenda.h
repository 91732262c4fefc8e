/*
 * agenda -- things in an order, the least first, of which most come in that order already: a list for those, a pairing heap
 * for the rest. What comes in order is added and taken at constant cost, however many there are: a heap alone would meld a
 * million children when the first of them leaves.
 *
 * A zero node is in no agenda.
 */
#ifndef QUEUE_AGENDA_H
#define QUEUE_AGENDA_H

#include "queue/heap.h"

struct agenda {
    struct heap_node *first,
        *last; /* the list: by `next` and `prev`, where the first's `prev` is itself */
    struct heap rest;
};

void agenda_init(struct agenda *agenda,
                 bool (*before)(const struct heap_node *, const struct heap_node *));
void agenda_add(struct agenda *agenda, struct heap_node *node);
void agenda_remove(struct agenda *agenda, struct heap_node *node);
/* NULL: it is empty. */
struct heap_node *agenda_first(const struct agenda *agenda);
/* Empties it: every node, in no order, as a list by `next`; their other fields are zero. */
struct heap_node *agenda_take_all(struct agenda *agenda);

static inline bool agenda_holds(const struct heap_node *node)
{
    return heap_holds(node);
}

#endif

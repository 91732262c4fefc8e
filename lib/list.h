/*
 * list -- circular, doubly linked, intrusive. An unlinked node points to itself, so that taking it
 * out once more does no harm.
 */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <sluice/base.h>

static inline void list_init(struct sl_link *l)
{
    l->next = l->prev = l;
}

static inline bool list_is_empty(const struct sl_link *head)
{
    return head->next == head;
}

/* At the end: first in, first out. */
static inline void list_add(struct sl_link *head, struct sl_link *l)
{
    struct sl_link *last = head->prev;

    l->next = head;
    l->prev = last;
    last->next = l;
    head->prev = l;
}

/* Leaves `l` dangling: for nodes that are linked anew before they are unlinked again. */
static inline void list_cut(struct sl_link *l)
{
    l->next->prev = l->prev;
    l->prev->next = l->next;
}

static inline void list_del(struct sl_link *l)
{
    list_cut(l);
    list_init(l);
}

#endif

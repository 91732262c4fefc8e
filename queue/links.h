/* links -- circular lists of things that embed a struct sl_link: a head of the same type, which is the list. */
#ifndef QUEUE_LINKS_H
#define QUEUE_LINKS_H

#include <sluice/base.h>

static inline void links_init(struct sl_link *head)
{
    head->next = head->prev = head;
}

/* At the end; in front with the head's first as `head`. */
static inline void links_add(struct sl_link *head, struct sl_link *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

static inline void links_remove(struct sl_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
}

static inline bool links_empty(const struct sl_link *head)
{
    return head->next == head;
}

#endif

#include "queue/agenda.h"

#include <stddef.h>

/* The `child` of a node in the list: a mark, never followed. In the heap no child is this one. */
static struct heap_node in_list;

void agenda_init(struct agenda *agenda,
                 bool (*before)(const struct heap_node *, const struct heap_node *))
{
    agenda->first = agenda->last = NULL;
    heap_init(&agenda->rest, before);
}

void agenda_add(struct agenda *agenda, struct heap_node *node)
{
    struct heap_node *last = agenda->last;

    if (last && agenda->rest.before(node, last)) {
        heap_add(&agenda->rest, node);
        return;
    }
    node->child = &in_list;
    node->next = NULL;
    node->prev = last ? last : node;
    if (last)
        last->next = node;
    else
        agenda->first = node;
    agenda->last = node;
}

static void unlink_listed(struct agenda *agenda, struct heap_node *node)
{
    struct heap_node *next = node->next, *prev = node->prev;
    bool is_first = agenda->first == node;

    if (is_first)
        agenda->first = next;
    else
        prev->next = next;
    if (next)
        next->prev = is_first ? next : prev;
    else
        agenda->last = is_first ? NULL : prev;
}

void agenda_remove(struct agenda *agenda, struct heap_node *node)
{
    if (node->child != &in_list) {
        heap_remove(&agenda->rest, node);
        return;
    }
    unlink_listed(agenda, node);
    *node = (struct heap_node){.child = NULL};
}

struct heap_node *agenda_first(const struct agenda *agenda)
{
    struct heap_node *root = heap_first(&agenda->rest);

    if (!agenda->first || !root)
        return agenda->first ? agenda->first : root;
    return agenda->rest.before(root, agenda->first) ? root : agenda->first;
}

struct heap_node *agenda_take_all(struct agenda *agenda)
{
    struct heap_node *all = heap_take_all(&agenda->rest);

    while (agenda->first) {
        struct heap_node *node = agenda->first;

        agenda_remove(agenda, node);
        node->next = all;
        all = node;
    }
    return all;
}

/* changes -- the list of what an event did. */
#include <stdlib.h>
#include <string.h>

#include "queue/store.h"

enum { FIRST_MAX = 16 };

static bool make_room(struct changes *changes)
{
    size_t max = changes->max ? 2 * changes->max : FIRST_MAX;
    struct change *items;

    if (changes->count < changes->max)
        return true;
    items = reallocarray(changes->items, max, sizeof *items);
    if (!items)
        return false;
    changes->items = items;
    changes->max = max;
    return true;
}

static bool copy_text(struct change *to, const struct change *from)
{
    if (!from->text)
        return true;
    to->text = malloc(from->text_n + 1);
    if (!to->text)
        return false;
    memcpy(to->text, from->text, from->text_n);
    to->text[from->text_n] = '\0';
    return true;
}

void changes_add(struct changes *changes, const struct change *change)
{
    struct change copy = *change;

    if (!make_room(changes) || !copy_text(&copy, change)) {
        payload_unref(change->payload);
        changes->failed = true;
        return;
    }
    changes->items[changes->count++] = copy;
}

void changes_reset(struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        payload_unref(changes->items[i].payload);
        free(changes->items[i].text);
    }
    changes->count = 0;
    changes->failed = false;
}

void changes_deinit(struct changes *changes)
{
    changes_reset(changes);
    free(changes->items);
    *changes = (struct changes){.items = NULL};
}

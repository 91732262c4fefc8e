/* generate -- a task around a generator's body that closes the channel; merging with one task each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sched.h"
#include <sluice/generate.h>

/* Stands before the generator's own arguments, whose alignment it keeps. */
struct generator {
    _Alignas(SL_ALIGN_MAX) struct sl_chan *out;
    int (*body)(struct sl_ctx *ctx, struct sl_chan *out, void *my);
};

_Static_assert(sizeof(struct generator) <= SL_TASK_ARGS_MAX - SL_GENERATOR_ARGS_MAX, "room");

int sl_generator_run_(struct sl_ctx *ctx, void *args)
{
    struct generator *g = args;
    int result = g->body(ctx, g->out, g + 1);

    sl_chan_close(g->out);
    return result;
}

void sl_generate_(struct sl_ctx *ctx, const struct sl_task_site *site, struct sl_chan *out,
                  int (*body)(struct sl_ctx *ctx, struct sl_chan *out, void *my), const void *my)
{
    struct generator *g;

    if (!out)
        return;
    g = task_start(ctx, site);
    if (!g) {
        sl_chan_close(out);
        return;
    }
    *g = (struct generator){out, body};
    memcpy(g + 1, my, site->args_size);
}

struct merge {
    struct sl_chan *out;
    size_t inputs; /* not closed yet: the last one closes `out` */
};

struct merge_one {
    struct merge *merge;
    struct sl_chan *in;
    void *value;
};

static void merge_end(struct merge *m)
{
    if (--m->inputs > 0)
        return;
    sl_chan_close(m->out);
    free(m);
}

SL_TASK(merge_one)
{
    while (sl_chan_recv(my->in, ctx, my->value) == SL_OK) {
        if (sl_chan_send(my->merge->out, ctx, my->value) == SL_OK)
            continue;
        chan_forget(my->in, my->value);
        break;
    }
    free(my->value);
    merge_end(my->merge);
    return 0;
}

static bool merge_start(struct sl_ctx *ctx, struct merge *m, struct sl_chan *in)
{
    static const struct sl_task_site site = {"sl_merge", __FILE__, __LINE__,
                                             sizeof(struct merge_one), sl_task_merge_one};
    struct merge_one *one;
    void *value = malloc(m->out->elem_size + 1);

    if (!value)
        sl_ctx_cancel(ctx, -ENOMEM);
    one = value ? task_start(ctx, &site) : NULL;
    if (!one) {
        free(value);
        return false;
    }
    *one = (struct merge_one){m, in, value};
    return true;
}

struct sl_chan *sl_merge(struct sl_ctx *ctx, struct sl_chan *const *in, size_t n)
{
    const struct sl_chan *like = NULL;
    struct sl_chan *out;
    struct merge *m;

    sl_assert(n > 0);
    for (size_t i = 0; i < n && !like; i++)
        like = in[i];
    out = like ? sl_chan_new(ctx, like->elem_size, 0, NULL) : NULL;
    if (!out)
        return NULL;
    out->name = like->name;
    m = malloc(sizeof(*m));
    if (!m) {
        sl_ctx_cancel(ctx, -ENOMEM);
        sl_chan_close(out);
        return out;
    }
    *m = (struct merge){.out = out, .inputs = n};
    for (size_t i = 0; i < n; i++) {
        sl_assert(!in[i] || in[i]->elem_size == out->elem_size);
        if (!merge_start(ctx, m, in[i]))
            merge_end(m);
    }
    return out;
}

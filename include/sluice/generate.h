/*
 * generate -- stages that own the channel that they fill, and merging many channels into one.
 *
 * A generator is a task that alone sends on a channel, and whose channel is closed when it ends,
 * however it ends:
 *
 *     struct count {
 *         int from, to;
 *     };
 *
 *     SL_GENERATOR(count, ints)          sees `ctx`, `struct ints *out` and `struct count *my`
 *     {
 *         for (int n = my->from; n <= my->to; n++)
 *             if (ints_send(out, ctx, n) != SL_OK)
 *                 break;
 *         return 0;
 *     }
 *
 *     struct ints *numbers = SL_GENERATE(ctx, count, .from = 1, .to = 10);
 *
 * The channel is a rendezvous and belongs to `ctx`. If there is no memory for it the result is NULL;
 * if the task can't be started, which may also be for the number of tasks, it is a channel that is
 * closed already. Either way `ctx` is cancelled with the cause: who receives with it learns it there,
 * and whoever receives until the close is done at once.
 */
#ifndef SLUICE_GENERATE_H
#define SLUICE_GENERATE_H

#include <sluice/chan.h>
#include <sluice/task.h>

/* Defines a generator onto the channel type `chan`, which SL_CHAN_OF has made. */
#define SL_GENERATOR(name, chan)                                                                   \
    static int name(struct sl_ctx *ctx, struct chan *out, struct name *my);                        \
    static int sl_generator_##name(struct sl_ctx *ctx, struct sl_chan *out, void *my)              \
    {                                                                                              \
        return name(ctx, chan##_of(out), my);                                                      \
    }                                                                                              \
    static struct chan *sl_generate_##name(struct sl_ctx *ctx, const struct sl_task_site *site,    \
                                           const struct name *my)                                  \
    {                                                                                              \
        struct chan *out = chan##_new(ctx, 0, NULL);                                               \
                                                                                                   \
        sl_generate_(ctx, site, chan##_chan(out), sl_generator_##name, my);                        \
        return out;                                                                                \
    }                                                                                              \
    static int name(struct sl_ctx *ctx SL_UNUSED, struct chan *out, struct name *my SL_UNUSED)

enum { SL_GENERATOR_ARGS_MAX = SL_TASK_ARGS_MAX - 32 };

/*
 * Starts one in the scope `ctx` and is the channel that it fills: SL_GENERATE(ctx, name, .field =
 * value, ...).
 */
#define SL_GENERATE(ctx, ...) SL_GENERATE_(ctx, __VA_ARGS__, )
#define SL_GENERATE_(ctx_, name, ...)                                                              \
    __extension__({                                                                                \
        static const struct sl_task_site sl_site_ = {                                              \
            #name, __FILE__, __LINE__, (uint32_t)sizeof(struct name), sl_generator_run_};          \
        _Static_assert(sizeof(struct name) <= SL_GENERATOR_ARGS_MAX, "pass a pointer instead");    \
        SL_ASSERT_ALIGN_(struct name);                                                             \
        sl_generate_##name((ctx_), &sl_site_, &(struct name){__VA_ARGS__});                        \
    })

SL_API void sl_generate_(struct sl_ctx *ctx, const struct sl_task_site *site, struct sl_chan *out,
                         int (*body)(struct sl_ctx *ctx, struct sl_chan *out, void *my),
                         const void *my);
SL_API int sl_generator_run_(struct sl_ctx *ctx, void *args);

/*
 * Merges `n` (at least 1) channels of one element size into one: a rendezvous that belongs to
 * `ctx`, and is closed when all of them are closed or `ctx` is cancelled. Values from one channel
 * keep their order. A value that is in hand when `ctx` is cancelled goes to the drop function of
 * the channel that it came from; without one it is forgotten. A NULL channel is never closed. The
 * array is read before it returns. NULL if all of them are; without memory, or tasks, as SL_GENERATE,
 * but if some tasks could be started the channel is closed when those have ended.
 */
SL_API struct sl_chan *sl_merge(struct sl_ctx *ctx, struct sl_chan *const *in, size_t n);

#endif

/*
 * chan -- hands values, and ownership of whatever they point to, from one task to another.
 *
 * A value belongs to the sender until send returns SL_OK, to the channel while queued, and to the
 * receiver from then on. Order is first in, first out; with several receivers each value reaches
 * exactly one. Capacity 0 is a rendezvous: send returns when a receiver has taken the value.
 *
 * Life: new → send, recv → close (by the side that sends, once) → recv until SL_CLOSED → free, at
 * the latest by leaving the scope that it was made in. A channel lives on one scheduler: only its
 * tasks may touch it (asserted).
 *
 * NULL is a channel on which nothing ever happens, as Go's nil: send and receive wait until their
 * context ends.
 *
 * Cancellation comes first: with a cancelled context nothing is sent or taken, even if it could be
 * at once. What was committed counts: a value taken from a waiting sender is SL_OK for it, whatever
 * is cancelled before it runs again.
 *
 * SL_CHAN_OF(ints, int); makes a channel type for one element type, so that nobody passes a void
 * pointer:
 *     struct ints *ints_new(scope, capacity, drop)    drop: void (*)(int *), NULL, or ints_forget
 *     int ints_send(ch, ctx, value)                      int ints_try_send(ch, value)
 *     int ints_recv(ch, ctx, &value)                     int ints_try_recv(ch, &value)
 *     int ints_recv_until(ch, ctx, until, &value)        size_t ints_len(ch)
 *     void ints_close(ch), ints_free(ch)
 *     struct sl_case ints_on_send(ch, &value), ints_on_recv(ch, &value)     for sl_select
 *     struct sl_chan *ints_chan(ch)                      the channel itself
 *     struct ints *ints_of(chan)                    a channel of that element size as this type
 */
#ifndef SLUICE_CHAN_H
#define SLUICE_CHAN_H

#include <sluice/select.h>

/*
 * Makes a channel of `capacity` elements of `elem_size` bytes, owned by `scope`. Elements may be
 * aligned to SL_ALIGN_MAX. `drop` is called for each value that is still inside when the channel is
 * freed, to free what it owns; without it the channel must be empty then (asserted); sl_chan_forget
 * says that values own nothing. Without memory: NULL, and `scope` is cancelled with -ENOMEM.
 */
SL_API struct sl_chan *sl_chan_new(struct sl_ctx *scope, size_t elem_size, size_t capacity,
                                   void (*drop)(void *elem));

/* A drop function for values that own nothing. */
SL_API void sl_chan_forget(void *elem);

/*
 * Copies one value in, waiting while the channel is full, or, at capacity 0, until somebody takes
 * it.
 *   SL_OK        sent: the receiver owns it now
 *   SL_CLOSED    closed before or during the wait   } not sent: the caller
 *   SL_CANCELED  `ctx` was cancelled                } still owns the value
 *   SL_TIMEOUT   the deadline of `ctx` passed       }
 * NULL for `ctx` waits for ever. Never allocates.
 */
SL_API_R int sl_chan_send(struct sl_chan *ch, struct sl_ctx *ctx, const void *value);

/*
 * Takes the oldest value, waiting while there is none. What was sent before the close is still
 * received.
 *   SL_OK        *value is set and the caller's
 *   SL_CLOSED    closed, and nothing is left         }
 *   SL_CANCELED  `ctx` was cancelled                 } *value is untouched
 *   SL_TIMEOUT   the deadline of `ctx` passed        }
 * NULL for `ctx` waits for ever. Never allocates.
 */
SL_API_R int sl_chan_recv(struct sl_chan *ch, struct sl_ctx *ctx, void *value);

/* As sl_chan_recv; also SL_TIMEOUT at `until`. SL_NEVER: no limit. */
SL_API_R int sl_chan_recv_until(struct sl_chan *ch, struct sl_ctx *ctx, sl_time until, void *value);

/*
 * The same without waiting or yielding. Legal in loop context.
 *   SL_OK, SL_CLOSED  as above
 *   SL_WOULD_BLOCK    nobody is there to take it, there is no room, there is no value
 */
SL_API_R int sl_chan_try_send(struct sl_chan *ch, const void *value);
SL_API_R int sl_chan_try_recv(struct sl_chan *ch, void *value);

/*
 * Ends sending and wakes everybody: receivers get what is left and then SL_CLOSED; senders that
 * wait get SL_CLOSED and keep their values. Closing twice, or NULL, is a mistake (asserted). Legal
 * in loop context.
 */
SL_API void sl_chan_close(struct sl_chan *ch);

/* Values inside, at most the capacity. 0 for NULL. */
SL_API size_t sl_chan_len(const struct sl_chan *ch);
SL_API size_t sl_chan_cap(const struct sl_chan *ch);
SL_API size_t sl_chan_elem_size(const struct sl_chan *ch);
SL_API bool sl_chan_is_closed(const struct sl_chan *ch);

/* Frees it before its scope ends. Nobody may be waiting on it (asserted). NULL is fine. */
SL_API void sl_chan_free(struct sl_chan *ch);

/*
 * For SL_CHAN_OF: a channel with a name for sl_dump, and a drop function of any type with what
 * knows how to call it.
 */
struct sl_chan_type {
    const char *name;
    size_t elem_size;
    void (*call_drop)(void (*drop)(void), void *elem);
};
SL_API struct sl_chan *sl_chan_new_typed(struct sl_ctx *scope, const struct sl_chan_type *type,
                                         size_t capacity, void (*drop)(void));

#define SL_WRAP_   SL_UNUSED static inline
#define SL_WRAP_R_ __attribute__((unused, warn_unused_result)) static inline

#define SL_CHAN_OF(name, type)                                                                     \
    struct name;                                                                                   \
    SL_ASSERT_ALIGN_(type);                                                                        \
    SL_WRAP_ struct sl_chan *name##_chan(struct name *ch)                                          \
    {                                                                                              \
        return (struct sl_chan *)(void *)ch;                                                       \
    }                                                                                              \
    SL_WRAP_ struct name *name##_of(struct sl_chan *ch)                                            \
    {                                                                                              \
        sl_assert(!ch || sl_chan_elem_size(ch) == sizeof(type));                                   \
        return (struct name *)(void *)ch;                                                          \
    }                                                                                              \
    SL_WRAP_ void name##_call_drop_(void (*drop)(void), void *elem)                                \
    {                                                                                              \
        ((void (*)(type *))drop)(elem);                                                            \
    }                                                                                              \
    SL_WRAP_ void name##_forget(type *elem)                                                        \
    {                                                                                              \
        (void)elem;                                                                                \
    }                                                                                              \
    SL_WRAP_ struct name *name##_new(struct sl_ctx *scope, size_t capacity, void (*drop)(type *))  \
    {                                                                                              \
        static const struct sl_chan_type chan_type = {#name, sizeof(type), name##_call_drop_};     \
                                                                                                   \
        return name##_of(sl_chan_new_typed(scope, &chan_type, capacity, (void (*)(void))drop));    \
    }                                                                                              \
    SL_WRAP_R_ int name##_send(struct name *ch, struct sl_ctx *ctx, type value)                    \
    {                                                                                              \
        return sl_chan_send(name##_chan(ch), ctx, &value);                                         \
    }                                                                                              \
    SL_WRAP_R_ int name##_recv(struct name *ch, struct sl_ctx *ctx, type *value)                   \
    {                                                                                              \
        return sl_chan_recv(name##_chan(ch), ctx, value);                                          \
    }                                                                                              \
    SL_WRAP_R_ int name##_recv_until(struct name *ch, struct sl_ctx *ctx, sl_time until,           \
                                     type *value)                                                  \
    {                                                                                              \
        return sl_chan_recv_until(name##_chan(ch), ctx, until, value);                             \
    }                                                                                              \
    SL_WRAP_R_ int name##_try_send(struct name *ch, type value)                                    \
    {                                                                                              \
        return sl_chan_try_send(name##_chan(ch), &value);                                          \
    }                                                                                              \
    SL_WRAP_R_ int name##_try_recv(struct name *ch, type *value)                                   \
    {                                                                                              \
        return sl_chan_try_recv(name##_chan(ch), value);                                           \
    }                                                                                              \
    SL_WRAP_ void name##_close(struct name *ch)                                                    \
    {                                                                                              \
        sl_chan_close(name##_chan(ch));                                                            \
    }                                                                                              \
    SL_WRAP_ void name##_free(struct name *ch)                                                     \
    {                                                                                              \
        sl_chan_free(name##_chan(ch));                                                             \
    }                                                                                              \
    SL_WRAP_ size_t name##_len(struct name *ch)                                                    \
    {                                                                                              \
        return sl_chan_len(name##_chan(ch));                                                       \
    }                                                                                              \
    SL_WRAP_ struct sl_case name##_on_send(struct name *ch, type *value)                           \
    {                                                                                              \
        return SL_ON_SEND(name##_chan(ch), value);                                                 \
    }                                                                                              \
    SL_WRAP_ struct sl_case name##_on_recv(struct name *ch, type *value)                           \
    {                                                                                              \
        return SL_ON_RECV(name##_chan(ch), value);                                                 \
    }                                                                                              \
    struct name

#endif

/* batcher -- the policy of batch.h: numbers in, a verdict out. */
#include <sluice/batch.h>

static size_t add(size_t a, size_t b)
{
    size_t sum;

    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

static size_t mul(size_t a, size_t b)
{
    size_t product;

    return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

void sl_batcher_init(struct sl_batcher *b, const struct sl_batch_limits *limits)
{
    *b = (struct sl_batcher){.limits = *limits, .first = SL_NEVER};
}

/* Not even an element without any bytes could be added. */
static bool is_full(const struct sl_batcher *b)
{
    const struct sl_batch_limits *l = &b->limits;

    if (l->count && b->count >= l->count)
        return true;
    return l->bytes && add(b->bytes, l->separator_bytes) >= l->bytes;
}

static bool exceeds(const struct sl_batch_limits *l, size_t count, size_t bytes)
{
    return (l->count && count > l->count) || (l->bytes && bytes > l->bytes);
}

enum sl_batch_fit sl_batcher_offer(struct sl_batcher *b, size_t count, size_t bytes, sl_time now)
{
    const struct sl_batch_limits *l = &b->limits;
    bool first = b->count == 0;
    size_t separators = mul(first ? count - 1 : count, l->separator_bytes);
    size_t with = add(add(first ? l->overhead_bytes : b->bytes, bytes), separators);

    sl_assert(count > 0);
    if (!first && exceeds(l, add(b->count, count), with))
        return SL_BATCH_FLUSH_FIRST;
    if (first)
        b->first = now;
    b->count = add(b->count, count);
    b->bytes = with;
    return is_full(b) ? SL_BATCH_FITS_AND_FULL : SL_BATCH_FITS;
}

sl_time sl_batcher_deadline(const struct sl_batcher *b)
{
    return b->count == 0 ? SL_NEVER : sl_time_add(b->first, b->limits.age);
}

void sl_batcher_flushed(struct sl_batcher *b)
{
    b->count = 0;
    b->bytes = 0;
    b->first = SL_NEVER;
}

void sl_batcher_age_set(struct sl_batcher *b, sl_dur age)
{
    b->limits.age = age;
}

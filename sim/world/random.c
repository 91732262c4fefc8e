#include "sim/world/random.h"

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

struct sim_random sim_random_of(uint64_t seed, uint64_t stream)
{
    return (struct sim_random){mix(seed + 0x9e3779b97f4a7c15) ^ mix(stream * 0xd1342543de82ef95)};
}

uint64_t sim_random_next(struct sim_random *r)
{
    return mix(r->state += 0x9e3779b97f4a7c15);
}

uint64_t sim_random_below(struct sim_random *r, uint64_t n)
{
    /* The high half of a product (Lemire 2019), of 32 bits where they do; a bias of 2^-32 is nothing here. */
    if (n <= UINT32_MAX)
        return (sim_random_next(r) >> 32) * n >> 32;
    return sim_random_next(r) % n;
}

int64_t sim_random_between(struct sim_random *r, int64_t low, int64_t high)
{
    return high <= low ? low : low + (int64_t)sim_random_below(r, (uint64_t)(high - low) + 1);
}

bool sim_random_happens(struct sim_random *r, uint32_t ppm)
{
    return ppm > 0 && sim_random_below(r, 1000000) < ppm;
}

/*
 * -ln(u) without libm, whose last bits differ from machine to machine: u is 2^-k times a fraction, k by counting, and the
 * fraction's logarithm by steps of 1/1,024, from halving squares.
 */
static int64_t minus_ln_1024(uint64_t bits)
{
    uint64_t fraction;
    int64_t log2_1024 = 0;
    int zeros = bits ? __builtin_clzll(bits) : 63;

    fraction = (bits | 1) << zeros >> 32; /* 2^31 to 2^32 */
    for (int i = 9; i >= 0; i--) {
        fraction = fraction * fraction >> 31;
        if (fraction >> 32) {
            fraction >>= 1;
            log2_1024 |= 1 << i;
        }
    }
    /* -log2(u) = zeros + 1 - log2 of the fraction; times ln 2 = 0.693147 */
    return ((zeros + 1) * 1024 - log2_1024) * 693147 / 1000000;
}

sl_dur sim_random_exponential(struct sim_random *r, sl_dur mean)
{
    int64_t k = minus_ln_1024(sim_random_next(r));

    if (k > 16 * 1024)
        k = 16 * 1024;
    return sl_ns(mean.ns / 1024 * k + mean.ns % 1024 * k / 1024);
}

sl_dur sim_random_latency(struct sim_random *r, sl_dur median, sl_dur p99)
{
    /* u in 2^-20: up to 0.5 between half the median and the median, above it towards p99 and beyond. */
    int64_t k =
        minus_ln_1024(sim_random_next(r)); /* of 1/1,024; its median is 710, its 99 % 4,716 */
    int64_t tail = p99.ns - median.ns;

    if (tail <= 0)
        return median;
    if (k <= 710)
        return sl_ns(median.ns / 2 + median.ns / 2 / 710 * k);
    if (k > 4 * 4716)
        k = 4 * 4716;
    /* quadratic: slow at first, so that most are near the median */
    return sl_ns(median.ns + tail / 4006 * (k - 710) / 4006 * (k - 710));
}

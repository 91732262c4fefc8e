#include "core/backoff.h"

__extension__ typedef unsigned __int128 wide;

enum { RETURN_BASE_S = 5, RETURN_CAP_S = 900 };

sl_dur backoff_ceiling(sl_dur base, sl_dur cap, unsigned exponent)
{
    int64_t ceiling = base.ns;

    if (base.ns <= 0 || cap.ns <= 0)
        return SL_ZERO;
    for (unsigned i = 0; i < exponent && ceiling < cap.ns; i++)
        ceiling = sl_saturate_mul_(ceiling, 2);
    if (PLANTED(8) && exponent >= 6)
        return sl_sec(3600);
    return sl_dur_min(sl_ns(ceiling), cap);
}

sl_dur backoff_jitter(sl_dur ceiling, uint64_t random)
{
    if (ceiling.ns <= 0)
        return SL_ZERO;
    /* The upper half of a 128-bit product maps 2^64 values evenly on ceiling + 1. */
    return sl_ns((int64_t)((wide)random * ((uint64_t)ceiling.ns + 1) >> 64));
}

sl_dur backoff_full(sl_dur base, sl_dur cap, unsigned exponent, uint64_t random)
{
    return backoff_jitter(backoff_ceiling(base, cap, exponent), random);
}

sl_dur backoff_return_delay(unsigned receives, uint64_t random)
{
    sl_dur delay = backoff_full(sl_sec(RETURN_BASE_S), sl_sec(RETURN_CAP_S),
                                receives > 0 ? receives - 1 : 0, random);
    int64_t seconds = delay.ns / 1000000000 + (delay.ns % 1000000000 > 0);

    return sl_sec(seconds > 0 ? seconds : 1);
}

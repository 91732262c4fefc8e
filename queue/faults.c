/* What goes wrong on purpose: every choice follows from one seed, in the order of the requests. */
#include "queue/service_impl.h"
#include "queue/table.h"

void faults_init(struct queue_service *service, uint64_t seed)
{
    service->seed = seed != 0 ? seed : sl_random();
    service->random = service->seed;
}

static uint64_t next_random(struct queue_service *service)
{
    return table_hash_number(service->random += 0x9e3779b97f4a7c15); /* splitmix64 */
}

bool fault_happens(struct queue_service *service, double share)
{
    if (share <= 0)
        return false;
    return (double)(next_random(service) >> 11) * 0x1p-53 < share;
}

void faults_shuffle(struct queue_service *service, struct receipt *receipts, unsigned count)
{
    for (unsigned i = count; i > 1; i--) {
        unsigned j = (unsigned)(next_random(service) % i);
        struct receipt one = receipts[i - 1];

        receipts[i - 1] = receipts[j];
        receipts[j] = one;
    }
}

sl_dur fault_latency(struct queue_service *service)
{
    const struct queue_faults *faults = &service->config.faults;
    int64_t spread = faults->latency_max.ns - faults->latency_min.ns;

    if (faults->latency_max.ns <= 0)
        return SL_ZERO;
    if (spread <= 0)
        return faults->latency_min;
    return sl_dur_add(faults->latency_min,
                      sl_ns((int64_t)(next_random(service) % ((uint64_t)spread + 1))));
}

bool faults_refuse(struct queue_service *service, struct queue_refusal *refusal)
{
    const struct queue_faults *faults = &service->config.faults;

    if (fault_happens(service, faults->internal_error))
        queue_refuse(refusal, QUEUE_INTERNAL_FAILURE, "A fault on purpose (--fault 500).");
    else if (fault_happens(service, faults->throttle))
        queue_refuse(refusal, QUEUE_THROTTLED, "Rate exceeded (--fault throttle).");
    else
        return false;
    return true;
}

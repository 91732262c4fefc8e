#include "queue/limits.h"

#include <limits.h>

struct queue_limits queue_limits_strict(void)
{
    return (struct queue_limits){
        .message_max = QUEUE_MESSAGE_MAX,
        .in_flight_max = QUEUE_IN_FLIGHT_MAX,
        .purge_pause_s = 60,
        .name_pause_s = 60,
    };
}

struct queue_limits queue_limits_relaxed(void)
{
    return (struct queue_limits){
        .is_relaxed = true,
        .message_max = QUEUE_RELAXED_MESSAGE_MAX,
        .in_flight_max = UINT_MAX,
    };
}

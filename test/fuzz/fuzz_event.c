/* The SQS event as perseus reads it: what it takes is JSON, and its records lie in it; what it refuses it says why. */
#include "core/json.h"
#include "perseus/event.h"

#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct event event; /* its storage is used again */
    struct fuzz f = fuzz_begin(data, size);
    struct slice body = fuzz_rest(&f);
    char reason[EVENT_REASON_MAX];
    int result;

    memset(reason, 0x5a, sizeof reason);
    result = event_read(&event, body, reason);
    fuzz_check(result == 0 || result == 1);
    if (result == 0) {
        fuzz_check(json_is_valid(body));
        for (size_t i = 0; i < event.count; i++)
            fuzz_check(event.records[i].message_id.n > 0 &&
                       fuzz_within(event.records[i].message_id, body) &&
                       fuzz_within(event.records[i].md5_of_body, body));
    } else {
        fuzz_check(reason[0] && memchr(reason, '\0', sizeof reason));
    }
    if (size % 2)
        event_deinit(&event);
    fuzz_end(&f);
    return 0;
}

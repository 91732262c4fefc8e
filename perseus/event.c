#include "perseus/event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/md5.h"

/* The members of a record, and of what type they are. */
enum member {
    MESSAGE_ID,
    RECEIPT_HANDLE,
    BODY,
    MD5_OF_BODY,
    EVENT_SOURCE,
    EVENT_SOURCE_ARN,
    AWS_REGION,
    ATTRIBUTES,
    MESSAGE_ATTRIBUTES,
    MD5_OF_MESSAGE_ATTRIBUTES,
    MEMBERS
};

static const struct {
    const char *name;
    enum json_type type;
    bool is_optional;
} members[MEMBERS] = {
    [MESSAGE_ID] = {"messageId", JSON_STRING, false},
    [RECEIPT_HANDLE] = {"receiptHandle", JSON_STRING, false},
    [BODY] = {"body", JSON_STRING, false},
    [MD5_OF_BODY] = {"md5OfBody", JSON_STRING, false},
    [EVENT_SOURCE] = {"eventSource", JSON_STRING, false},
    [EVENT_SOURCE_ARN] = {"eventSourceARN", JSON_STRING, false},
    [AWS_REGION] = {"awsRegion", JSON_STRING, false},
    [ATTRIBUTES] = {"attributes", JSON_OBJECT, false},
    [MESSAGE_ATTRIBUTES] = {"messageAttributes", JSON_OBJECT, false},
    [MD5_OF_MESSAGE_ATTRIBUTES] = {"md5OfMessageAttributes", JSON_STRING, true},
};

static int refuse(char reason[EVENT_REASON_MAX], size_t record, const char *what,
                  const char *member)
{
    snprintf(reason, EVENT_REASON_MAX, "Records[%zu]: %s%s", record, what, member);
    return 1;
}

static enum member find_member(const struct json_value *key)
{
    for (enum member m = 0; m < MEMBERS; m++)
        if (json_is(key, members[m].name))
            return m;
    return MEMBERS;
}

static int check_record(const struct json_value *values, size_t at, char reason[EVENT_REASON_MAX])
{
    char md5[MD5_HEX_SIZE];

    for (enum member m = 0; m < MEMBERS; m++) {
        if (values[m].type == JSON_ERROR && !members[m].is_optional)
            return refuse(reason, at, "lacks ", members[m].name);
        if (values[m].type != JSON_ERROR && values[m].type != members[m].type)
            return refuse(reason, at, "has another type than it should have: ", members[m].name);
    }
    if (slice_is_empty(values[MESSAGE_ID].text))
        return refuse(reason, at, "is empty: ", "messageId");
    if (!slice_is(values[EVENT_SOURCE].text, "aws:sqs"))
        return refuse(reason, at, "is not aws:sqs: ", "eventSource");
    md5_hex_unescaped(values[BODY].text, md5);
    if (!slice_is(values[MD5_OF_BODY].text, md5))
        return refuse(reason, at, "is not the MD5 of the body: ", "md5OfBody");
    return 0;
}

/* The reader has just entered the object of a record. */
static int read_record(struct event *event, struct json *json, char reason[EVENT_REASON_MAX])
{
    struct json_value values[MEMBERS] = {{.type = JSON_ERROR}};
    struct json_value key;
    int r;

    while (json_member(json, &key)) {
        enum member m = find_member(&key);
        struct json_value value;

        if (m < MEMBERS && values[m].type != JSON_ERROR)
            return refuse(reason, event->count, "has it twice: ", members[m].name);
        if (!json_skip(json, &value))
            return 0; /* the caller asks for the error */
        if (m < MEMBERS)
            values[m] = value;
    }
    if (json->error)
        return 0;
    r = check_record(values, event->count, reason);
    if (r == 0)
        event->records[event->count++] =
            (struct event_record){values[MESSAGE_ID].text, values[MD5_OF_BODY].text};
    return r;
}

static int read_records(struct event *event, struct json *json, char reason[EVENT_REASON_MAX])
{
    if (json_next(json, NULL) != JSON_ARRAY) {
        snprintf(reason, EVENT_REASON_MAX, "Records is not an array");
        return json->error ? 0 : 1;
    }
    while (json_element(json)) {
        int r;

        if (event->count == event->max) {
            size_t max = event->max ? event->max * 2 : 128;
            struct event_record *records = realloc(event->records, max * sizeof *records);

            if (!records)
                return -ENOMEM;
            event->records = records;
            event->max = max;
        }
        if (json_next(json, NULL) != JSON_OBJECT)
            return json->error ? 0 : refuse(reason, event->count, "is not an object", "");
        r = read_record(event, json, reason);
        if (r != 0)
            return r;
    }
    return 0;
}

int event_read(struct event *event, struct slice body, char reason[EVENT_REASON_MAX])
{
    struct json_value key;
    bool has_records = false;
    struct json json;
    int r = 0;

    event->count = 0;
    json_init(&json, body);
    if (json_next(&json, NULL) != JSON_OBJECT && !json.error) {
        snprintf(reason, EVENT_REASON_MAX, "the body is not a JSON object");
        return 1;
    }
    while (r == 0 && json_member(&json, &key)) {
        if (!json_is(&key, "Records") || has_records) {
            snprintf(reason, EVENT_REASON_MAX, "the body has another member than one Records");
            return 1;
        }
        has_records = true;
        r = read_records(event, &json, reason);
    }
    if (r != 0)
        return r;
    if (!json_end(&json)) {
        snprintf(reason, EVENT_REASON_MAX, "the body is not JSON: %s at byte %zu",
                 json.error ? json.error : "?", json_position(&json));
        return 1;
    }
    if (event->count == 0) {
        snprintf(reason, EVENT_REASON_MAX, "the batch is empty");
        return 1;
    }
    return 0;
}

void event_deinit(struct event *event)
{
    free(event->records);
    *event = (struct event){.records = NULL};
}

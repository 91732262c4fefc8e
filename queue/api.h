/*
 * api -- requests to the queue, read from either protocol into one struct; and answers, written in the protocol of the
 * request.
 *
 * AWS JSON 1.0: X-Amz-Target names the operation, the body is its input. Query: Action and the input are form fields, in
 * the body of a POST or in the query of a GET; the answer is XML. What comes out is plain text: unescaped, decoded from
 * base64. Types and presence are checked here; limits and meaning are not.
 *
 * What is missing or of the wrong type is refused as SQS does: SerializationException and MissingParameter, but
 * InvalidParameterValue without a QueueName, and in the Query protocol QueueDoesNotExist without a QueueUrl. A batch without Entries is an empty
 * one: `entry_count` is 0, and the operation refuses it. Unknown members are passed over, null is "not given", what is given
 * twice counts as it was given last; of a map all entries are kept in their order, also those with the same name. All text
 * is valid UTF-8, and may hold NUL.
 *
 * Life: zero → api_read → the answer is written → api_request_deinit; or api_request_reset, to read the next one with the
 * storage of the last.
 */
#ifndef QUEUE_API_H
#define QUEUE_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/strbuf.h"
#include "queue/error.h"
#include "queue/limits.h"
#include "queue/model.h"
#include "queue/payload.h"

#define API_ABSENT INT64_MIN /* a number that was not given */

enum api_protocol { API_JSON, API_QUERY };

struct api_strings {
    struct slice *items;
    size_t count;
    bool is_given; /* also when it is empty */
};

struct api_pair {
    struct slice name, value;
};

struct api_map {
    struct api_pair *items;
    size_t count;
    bool is_given;
};

/* A message attribute as given: which value members are there is for the operation to judge. */
struct api_attribute {
    struct slice name, type;
    struct slice string, binary; /* {NULL, 0}: not given; `binary` is decoded */
    bool
        has_list; /* StringListValues or BinaryListValues, which SQS does not take, were given, and not empty */
};

struct api_attributes {
    struct api_attribute *items;
    size_t count;
    bool is_given;
};

/* What a message to send has: of SendMessage, and of each entry of SendMessageBatch. */
struct api_message {
    struct slice body;
    int64_t delay;
    struct api_attributes attributes, system_attributes;
    struct slice dedup, group;
};

/* An entry of a batch call. */
struct api_entry {
    struct slice id;
    struct slice handle;
    int64_t visibility;
    struct api_message message;
};

/* All members that any operation has; those that were not given are {NULL, 0}, API_ABSENT or zero. */
struct api_request {
    enum operation operation;
    enum api_protocol protocol;
    struct slice queue_url; /* Query: also from the path, when QueueUrl is not among the fields */
    struct slice queue_name, owner_account, prefix, next_token, label;
    struct slice handle, attempt_id;
    struct slice source_arn, destination_arn, task_handle;
    int64_t max_messages, visibility, wait, max_results, rate;
    struct api_message message;
    struct api_strings
        attribute_names; /* of a queue; of a receive the old name for system attributes */
    struct api_strings system_attribute_names, message_attribute_names;
    struct api_strings accounts, actions, tag_keys;
    struct api_map attributes, tags;
    struct api_entry *entries;
    size_t entry_count; /* may be above QUEUE_BATCH_MAX, up to API_ENTRIES_MAX; all are read */
    bool has_entries;

    /* storage of all of the above: the reader's own */
    struct api_arena {
        struct api_block *blocks;
    } arena;
};

/* More in one list or map is refused as malformed: far above what SQS allows, and below what costs anything. */
enum { API_ENTRIES_MAX = 1000 };

/* A request as it came over HTTP; borrowed until the answer is written. */
struct api_http {
    const char *method;
    struct slice path;         /* "/" or "/000000000000/orders" */
    struct slice query;        /* without '?' */
    struct slice target;       /* X-Amz-Target; {NULL, 0}: none */
    struct slice content_type; /* {NULL, 0}: none */
    struct slice body;
};

/*
 * Reads a request. With a target, or a content type of application/x-amz-json-1.0, it is JSON, else Query. The protocol and,
 * as far as it got, the operation (else OPERATIONS) are set in any case, so that the refusal can be written. What was read
 * before is dropped first. Slices point into `http` or into the request's own storage.
 * QUEUE_OK, or what `refusal` says: an unknown operation, malformed text, a wrong type, a required member that is missing;
 * QUEUE_INTERNAL_FAILURE without memory.
 */
enum queue_error api_read(struct api_request *request, const struct api_http *http,
                          struct queue_refusal *refusal);

/* Drops what was read and keeps its storage, up to 256 KiB of it. */
void api_request_reset(struct api_request *request);
/* Frees everything; the request is zero afterwards. */
void api_request_deinit(struct api_request *request);

/* ---- answers ---- */

/*
 * Writes an answer member by member, in either protocol. Names are those of AWS JSON; what the Query protocol calls the
 * elements of lists and maps comes from the model's rows. Text is plain UTF-8 and escaped here.
 *
 *     answer_begin(&a, request, request_id, &out);
 *     answer_list_begin(&a, "Messages");
 *         answer_item_begin(&a);
 *             answer_string(&a, "MessageId", id);
 *             answer_map_begin(&a, "Attributes");
 *                 answer_map_entry(&a, "SenderId", sender);
 *             answer_map_end(&a);
 *         answer_item_end(&a);
 *     answer_list_end(&a);
 *     answer_end(&a);
 *
 * Lists and maps that hold nothing are not begun: SQS leaves them out. An operation without output answers with an empty
 * body in JSON and the metadata alone in XML; one whose output has no member answers with "{}". What XML has no way to say
 * (most control characters) becomes U+FFFD. A name that the output does not have, or of another shape, is asserted.
 */
struct answer {
    enum api_protocol protocol;
    enum operation operation;
    struct slice request_id;
    struct strbuf *out;
    /* the writer's own */
    const struct model_member *stack[4];
    unsigned depth;
    bool has_comma_due;
};

void answer_begin(struct answer *a, enum api_protocol protocol, enum operation operation,
                  struct slice request_id, struct strbuf *out);
void answer_end(struct answer *a);

void answer_string(struct answer *a, const char *name, struct slice text);
void answer_number(struct answer *a, const char *name, int64_t n);
void answer_bool(struct answer *a, const char *name, bool value);

/* A list of structures, or of strings (answer_item_string). Empty lists that the model requires (Successful, Failed) may be
 * begun and ended: JSON gets [], XML nothing. */
void answer_list_begin(struct answer *a, const char *name);
void answer_list_end(struct answer *a);
void answer_item_begin(struct answer *a);
void answer_item_end(struct answer *a);
void answer_item_string(struct answer *a, struct slice text);

void answer_map_begin(struct answer *a, const char *name);
void answer_map_end(struct answer *a);
void answer_map_entry(struct answer *a, struct slice key, struct slice value);
/* Of a map of message attributes. */
void answer_map_attribute(struct answer *a, const struct payload_attribute *attribute);

/* The content type that goes with a protocol's answers. */
const char *answer_content_type(enum api_protocol protocol);

/*
 * A refusal of a whole request. Writes the body over `out`, and the value of x-amzn-query-error (JSON only; empty otherwise)
 * over `query_error`. Returns the HTTP status.
 */
int answer_refusal(enum api_protocol protocol, const struct queue_refusal *refusal,
                   struct slice request_id, struct strbuf *out, struct strbuf *query_error);

/* An entry of `Failed`: Id, SenderFault, Code, Message; inside a list of them. The code is that of the Query protocol, as SQS
 * has it, and InternalError for an internal failure. */
void answer_failed_entry(struct answer *a, struct slice id, const struct queue_refusal *refusal);

/* ---- what a receive asks for ---- */

/* Whether the message attribute `name` is among those asked for: its name, "All", ".*", "*", or a prefix "foo.*". */
bool api_wants_attribute(const struct api_strings *asked, struct slice name);
/* Whether the system attribute is asked for, by either list ("All" too). */
bool api_wants_system(const struct api_request *request, struct slice name);

/* Whether all of the text is allowed in a message: #x9 #xA #xD #x20-#xD7FF #xE000-#xFFFD #x10000-#x10FFFF, and valid UTF-8
 * (service model, SendMessage). */
bool api_text_is_allowed(struct slice text);

/*
 * Checks the attributes of a message and turns them into a payload's: names, types, values, and the size of all of them
 * (names, types and values count towards the size of the message) in *bytes. `out` has room for QUEUE_ATTRIBUTES_MAX; values
 * are borrowed from `given`. A custom label, Number's syntax, empty values, duplicates and prefixes are judged as SQS does.
 */
enum queue_error api_check_attributes(const struct api_attributes *given,
                                      struct payload_attribute *out, size_t *count, size_t *bytes,
                                      struct queue_refusal *refusal);

#endif

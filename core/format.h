/*
 * format -- the body of a batch: how one event is written, and what stands around and between.
 *
 *     lambda  {"Records":[…]}: the SQS event that every AWS Lambda handler reads (docs/service.md)
 *     json    [ body, body, … ]: a body that is valid JSON as it is, any other as a string
 *     ndjson  one line per event: as json, with the line breaks inside a body's JSON turned into blanks
 *     raw     the body's bytes, one event per request
 *
 * JSON here means what core/json reads: a body nested deeper than 64 levels counts as text. The strings of a record are
 * escaped JSON, as they came: they are copied, not translated.
 */
#ifndef CORE_FORMAT_H
#define CORE_FORMAT_H

#include "core/slice.h"
#include "core/strbuf.h"

/* Where records come from: constant for a pipeline. Plain ASCII, nothing that needs escaping. */
struct record_source {
    struct slice arn, region;
};

/* What a body needs of an event. All slices are the contents of JSON strings, escaped, but the two objects. */
struct record {
    struct slice message_id, receipt_handle, body, md5_of_body;
    struct slice md5_of_attributes; /* empty: there are no message attributes */
    struct slice attributes;        /* JSON object of the system attributes */
    struct slice
        message_attributes; /* JSON object {"name":{"DataType":…,"StringValue":…}}, checked to be one */
};

struct format {
    const char *name;
    const char *content_type;
    struct slice prefix, separator, suffix;
    bool one_per_request;
    /* Writes one record to the end of `out`. 0, or -ENOMEM: what was written before stays, `out` has failed. */
    int (*append)(struct strbuf *out, const struct record *record,
                  const struct record_source *source);
};

/* "lambda", "json", "ndjson", "raw"; NULL: no such format. */
const struct format *format_find(const char *name);
/* The i-th of them, NULL behind the last: for lists. */
const struct format *format_at(size_t i);

/*
 * Makes the record of an event that has only a text: everything else is filled in as SQS would (received once, just now, by
 * "sluice"; the receipt handle is the id). `id` is its message id, `text` its body. The slices point into `storage`, which
 * is written over. 0, -ENOMEM, or -EILSEQ: `text` is not UTF-8.
 */
int record_from_text(struct record *out, struct strbuf *storage, const char *id, struct slice text,
                     int64_t wall_ms);

#endif

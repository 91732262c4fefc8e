/* The kinds of source, asked in this order whether an address is theirs. */
#include "source/source.h"

extern const struct source_kind source_stdin, source_synthetic, source_sqs;

const struct source_kind *const source_kinds[] = {
    &source_stdin,
    &source_synthetic,
    &source_sqs, /* last: anything else is a queue's URL, ARN or name */
    NULL,
};

/* The kinds of sink, asked in this order whether an address is theirs. */
#include "sink/sink.h"

extern const struct sink_kind sink_stdout, sink_http;

const struct sink_kind *const sink_kinds[] = {
    &sink_stdout,
    &sink_http,
    NULL,
};

#include "cli/options_shared.h"

#include "cli/options.h"

const struct flag output_rows[OUTPUT_ROWS] = {
    {.name = "Output", .type = FLAG_SECTION},
    {.name = "log",
     .type = FLAG_CHOICE,
     .at = offsetof(struct output_options, log),
     .value = "text|json",
     .standard = "text",
     .help = "format of the log lines on stderr"},
    {.name = "log-level",
     .type = FLAG_CHOICE,
     .at = offsetof(struct output_options, log_level),
     .value = "debug|info|warn|error",
     .standard = "info",
     .help = "the least that is logged"},
    {.name = "quiet",
     .letter = 'q',
     .type = FLAG_BOOL,
     .at = offsetof(struct output_options, quiet),
     .help = "only errors: no progress, and nothing at the end if all went well"},
    {.name = "json",
     .type = FLAG_BOOL,
     .at = offsetof(struct output_options, json),
     .help = "what is reported as one JSON object on stdout"},
};

const struct flag aws_rows[AWS_ROWS] = {
    {.name = "AWS (what is not given: AWS_* variables and profiles, as in every AWS SDK)",
     .type = FLAG_SECTION},
    {.name = "region",
     .type = FLAG_STRING,
     .at = offsetof(struct aws_options, region),
     .value = "REGION",
     .help = "the queue's region"},
    {.name = "profile",
     .type = FLAG_STRING,
     .at = offsetof(struct aws_options, profile),
     .value = "NAME",
     .help = "profile in ~/.aws/config and ~/.aws/credentials"},
    {.name = "endpoint-url",
     .type = FLAG_STRING,
     .at = offsetof(struct aws_options, endpoint_url),
     .value = "URL",
     .help = "another SQS: sluice queue, ElasticMQ, moto, a VPC endpoint"},
    {.name = "allow-http",
     .type = FLAG_BOOL,
     .at = offsetof(struct aws_options, allow_http),
     .help = "http:// to other machines than this one"},
};

const struct flag_conflict output_conflicts[] = {
    {"quiet", "log-level", "-q is a level of its own"},
    {NULL, NULL, NULL},
};

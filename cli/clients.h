/* clients -- what the commands that talk to others open first. */
#ifndef CLI_CLIENTS_H
#define CLI_CLIENTS_H

#include "aws/config.h"
#include "aws/sqs.h"
#include "cli/options.h"
#include "io/http.h"

/* The AWS configuration as the flags, the environment and the profiles have it: results as aws_config_load. */
int open_aws_config(struct aws_config **out, const struct aws_options *options,
                    struct problem *problem);

/* An HTTP client that calls itself sluice: results as http_client_new. `ca_file` NULL: the system's certificates. */
int open_http_client(struct http_client **out, struct sl_ctx *ctx, size_t connections,
                     const char *ca_file);

/* Both, and an SQS client on them, which live as long as the process. 0, PROBLEM or negative. */
int open_sqs_client(struct sqs_client **out, struct sl_ctx *ctx, const struct aws_options *options,
                    size_t connections, struct problem *problem);

#endif

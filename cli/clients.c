#include "cli/clients.h"

int open_aws_config(struct aws_config **out, const struct aws_options *options,
                    struct problem *problem)
{
    return aws_config_load(out,
                           &(struct aws_config_options){
                               .region = options->region,
                               .profile = options->profile,
                               .endpoint_url = options->endpoint_url,
                               .allow_http = options->allow_http,
                           },
                           problem);
}

int open_http_client(struct http_client **out, struct sl_ctx *ctx, size_t connections,
                     const char *ca_file)
{
    return http_client_new(out, ctx,
                           &(struct http_client_options){
                               .connections_per_host = connections,
                               .ca_file = ca_file,
                               .user_agent = "sluice/" SLUICE_VERSION,
                           });
}

int open_sqs_client(struct sqs_client **out, struct sl_ctx *ctx, const struct aws_options *options,
                    size_t connections, struct problem *problem)
{
    struct aws_config *config = NULL;
    struct http_client *http = NULL;

    int result = open_aws_config(&config, options, problem);
    if (result == 0)
        result = open_http_client(&http, ctx, connections, config->ca_bundle.value);
    return result ? result : sqs_client_new(out, ctx, config, http);
}

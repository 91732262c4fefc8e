/*
 * Places that SDKs look at and sluice does not yet: recognised, so that the error names them
 * instead of going on to somebody else's keys.
 */
#include "aws/credentials.h"

static const char export_advice[] = "eval \"$(aws configure export-credentials --format env)\"";

static int find_web_identity(struct credential_search *search, struct sl_ctx *ctx,
                             struct aws_credentials *out)
{
    (void)ctx;
    (void)out;
    if (!aws_env(search->config, "AWS_WEB_IDENTITY_TOKEN_FILE"))
        return CREDENTIALS_ABSENT;
    credential_tried(search, "AWS_WEB_IDENTITY_TOKEN_FILE",
                     "set, but web identity is not supported yet");
    strbuf_addf(&search->advice, "EKS Pod Identity, or for a try %s", export_advice);
    return CREDENTIALS_BROKEN;
}

const struct credential_provider credential_web_identity = {.name = "web identity",
                                                            .load = find_web_identity};

static int find_instance(struct credential_search *search, struct sl_ctx *ctx,
                         struct aws_credentials *out)
{
    (void)ctx;
    (void)out;
    credential_tried(search, "EC2 instance metadata", "not supported yet");
    return CREDENTIALS_ABSENT;
}

const struct credential_provider credential_instance = {.name = "instance metadata",
                                                        .load = find_instance};

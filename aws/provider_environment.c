/* Keys in AWS_ACCESS_KEY_ID and its companions. */
#include <errno.h>
#include <string.h>

#include "aws/credentials.h"

static int copy_keys(struct aws_credentials *out, const char *id, const char *secret,
                     const char *token)
{
    *out = (struct aws_credentials){
        .access_key_id = strdup(id),
        .secret_access_key = strdup(secret),
        .session_token = token ? strdup(token) : NULL,
        .expires_ms = INT64_MAX,
    };
    if (out->access_key_id && out->secret_access_key && (!token || out->session_token))
        return 0;
    aws_credentials_deinit(out);
    return -ENOMEM;
}

static int load(struct credential_search *search, struct sl_ctx *ctx, struct aws_credentials *out)
{
    const char *id = aws_env(search->config, "AWS_ACCESS_KEY_ID");
    const char *secret = aws_env(search->config, "AWS_SECRET_ACCESS_KEY");
    const char *profile_origin = search->config->profile.origin, *problem;

    (void)ctx;
    /* Who names a profile on the command line means that one (botocore does the same). */
    if (profile_origin && strcmp(profile_origin, "--profile") == 0) {
        if (id)
            credential_tried(search, "AWS_ACCESS_KEY_ID", "not used, because of --profile");
        return CREDENTIALS_ABSENT;
    }
    if (!id && !secret) {
        credential_tried(search, "AWS_ACCESS_KEY_ID", "not set");
        return CREDENTIALS_ABSENT;
    }
    if (!id || !secret) {
        credential_tried(search, id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
                         "not set, but %s is", id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
        return CREDENTIALS_BROKEN;
    }
    if (copy_keys(out, id, secret, aws_env(search->config, "AWS_SESSION_TOKEN")) != 0)
        return -ENOMEM;
    problem = credentials_check(out);
    if (problem) {
        aws_credentials_deinit(out);
        credential_tried(search, "AWS_ACCESS_KEY_ID", "%s", problem);
        return CREDENTIALS_BROKEN;
    }
    strbuf_adds(&search->found, "the environment");
    search->renewal = "get new ones, set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
                      "AWS_SESSION_TOKEN to them, and start again";
    return CREDENTIALS_LOADED;
}

const struct credential_provider credential_environment = {.name = "environment", .load = load};

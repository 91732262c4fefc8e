/*
 * The profile in the shared files: keys that stand there, or a credential_process that prints some.
 * What else a profile may use (roles, SSO, logins) is recognised and named.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include <sluice/time.h>

#include "aws/credentials.h"
#include "aws/ini.h"
#include "aws/process.h"

static const sl_dur process_timeout = SL_DUR_SEC(10);
enum { OUTPUT_MAX = 64 << 10 };

/* Both files, and how the profile appears in each. */
struct files {
    const char *profile;
    struct aws_ini config, credentials;
    struct strbuf config_place, credentials_place; /* "~/.aws/config [profile prod]" */
    int config_result, credentials_result;
};

static void files_deinit(struct files *f)
{
    aws_ini_deinit(&f->config);
    aws_ini_deinit(&f->credentials);
    strbuf_deinit(&f->config_place);
    strbuf_deinit(&f->credentials_place);
}

static int read_one(const struct aws_config *config, const char *path, enum aws_ini_kind kind,
                    const char *profile, struct aws_ini *ini, struct strbuf *place)
{
    bool prefixed = kind == AWS_INI_CONFIG && strcmp(profile, "default") != 0;

    if (path)
        aws_show_path(config, path, place);
    else
        strbuf_adds(place, kind == AWS_INI_CONFIG ? "~/.aws/config" : "~/.aws/credentials");
    strbuf_addf(place, " [%s%s]", prefixed ? "profile " : "", profile);
    return path ? aws_ini_read(ini, kind, path) : AWS_INI_MISSING;
}

static void files_read(struct files *f, const struct aws_config *config)
{
    f->profile = config->profile.value;
    f->credentials_result = read_one(config, config->credentials_path, AWS_INI_CREDENTIALS,
                                     f->profile, &f->credentials, &f->credentials_place);
    f->config_result = read_one(config, config->config_path, AWS_INI_CONFIG, f->profile, &f->config,
                                &f->config_place);
}

/* Why a file had nothing. */
static void tried_file(struct credential_search *search, const struct files *f,
                       const struct aws_ini *ini, int result, const struct strbuf *place)
{
    if (result == AWS_INI_MISSING)
        credential_tried(search, place->p, "no such file");
    else if (result == AWS_INI_MALFORMED)
        credential_tried(search, place->p, "line %d is malformed", ini->line);
    else if (result == AWS_INI_TOO_LARGE)
        credential_tried(search, place->p, "larger than 1 MiB");
    else if (result < 0)
        credential_tried(search, place->p, "%s", strerror(-result));
    else if (aws_ini_has(ini, "profile", f->profile))
        credential_tried(search, place->p, "no keys");
    else
        credential_tried(search, place->p, "no such profile");
}

/* ---- keys that stand in a file ---- */

/* Takes the keys out of one file; absent if it has neither. */
static int load_keys(struct credential_search *search, const struct files *f,
                     const struct aws_ini *ini, const struct strbuf *place,
                     struct aws_credentials *out)
{
    const char *id = aws_ini_get(ini, "profile", f->profile, "aws_access_key_id");
    const char *secret = aws_ini_get(ini, "profile", f->profile, "aws_secret_access_key");
    const char *token = aws_ini_get(ini, "profile", f->profile, "aws_session_token");
    const char *problem;

    if (!id && !secret)
        return CREDENTIALS_ABSENT;
    *out = (struct aws_credentials){
        .access_key_id = id ? strdup(id) : NULL,
        .secret_access_key = secret ? strdup(secret) : NULL,
        .session_token = token ? strdup(token) : NULL,
        .expires_ms = INT64_MAX,
    };
    if ((id && !out->access_key_id) || (secret && !out->secret_access_key) ||
        (token && !out->session_token)) {
        aws_credentials_deinit(out);
        return -ENOMEM;
    }
    problem = credentials_check(out);
    if (!problem) {
        strbuf_add_slice(&search->found, strbuf_slice(place));
        search->renewal = "get new ones, and write them there";
        return CREDENTIALS_LOADED;
    }
    aws_credentials_deinit(out);
    credential_tried(search, place->p, "%s", problem);
    return CREDENTIALS_BROKEN;
}

/* ---- credential_process ---- */

static int read_output(struct credential_search *search, const struct strbuf *place, int outcome,
                       int status, const struct strbuf *output, struct aws_credentials *out)
{
    const char *problem;

    switch (outcome) {
    case PROCESS_DONE:
        problem =
            credentials_read_json(strbuf_slice(output), CREDENTIALS_OF_PROCESS, search->time, out);
        if (!problem) {
            strbuf_addf(&search->found, "the credential_process of %s", place->p);
            search->renewal = "log in anew if that command needs it (aws sso login), and see by "
                              "hand that what it prints is good";
            return CREDENTIALS_LOADED;
        }
        credential_tried(search, place->p, "credential_process: %s", problem);
        break;
    case PROCESS_FAILED:
        credential_tried(search, place->p, "credential_process ended with %s %d",
                         status < 0 ? "signal" : "status", status < 0 ? -status : status);
        break;
    case PROCESS_HANGS:
        credential_tried(search, place->p, "credential_process took longer than 10 s");
        break;
    case PROCESS_TOO_LONG:
        credential_tried(search, place->p, "credential_process printed more than 64 KiB");
        break;
    case PROCESS_CANCELED:
        return -ECANCELED;
    default:
        credential_tried(search, place->p, "credential_process: %s", strerror(-outcome));
    }
    return CREDENTIALS_BROKEN;
}

static int run_process(struct credential_search *search, struct sl_ctx *ctx, const char *command,
                       const struct strbuf *place, struct aws_credentials *out)
{
    struct strbuf output = {0};
    int status = 0, outcome, result;

    outcome = process_output(ctx, command, sl_time_add(sl_now(), process_timeout), OUTPUT_MAX,
                             &output, &status);
    result = read_output(search, place, outcome, status, &output, out);
    if (output.p)
        OPENSSL_cleanse(output.p, output.cap);
    strbuf_deinit(&output);
    return result;
}

/* ---- what is not supported ---- */

static const char *get(const struct files *f, const char *key)
{
    const char *value = aws_ini_get(&f->credentials, "profile", f->profile, key);

    return value ? value : aws_ini_get(&f->config, "profile", f->profile, key);
}

/* The first of these keys that the profile has. */
static const char *unsupported(const struct files *f)
{
    static const char *const keys[] = {"web_identity_token_file", "sso_session", "sso_start_url",
                                       "login_session", NULL};

    for (const char *const *key = keys; *key; key++)
        if (get(f, *key))
            return *key;
    return NULL;
}

static int refuse(struct credential_search *search, const struct files *f, const char *key)
{
    bool in_config = aws_ini_get(&f->config, "profile", f->profile, key) != NULL;

    if (in_config)
        tried_file(search, f, &f->credentials, f->credentials_result, &f->credentials_place);
    credential_tried(search, in_config ? f->config_place.p : f->credentials_place.p,
                     "uses %s, which is not supported yet", key);
    strbuf_adds(&search->advice, "eval \"$(aws configure export-credentials --format env");
    if (search->config->profile.origin)
        strbuf_addf(&search->advice, " --profile %s", f->profile);
    strbuf_adds(&search->advice, ")\"");
    if (search->config->profile.origin && strcmp(search->config->profile.origin, "--profile") == 0)
        strbuf_adds(&search->advice, ", and leave --profile out");
    return CREDENTIALS_BROKEN;
}

/* ---- the order: a role, keys, what else needs a service of AWS, a process ---- */

static int load_from(struct credential_search *search, struct sl_ctx *ctx, const struct files *f,
                     struct aws_credentials *out)
{
    const char *key, *command;
    bool in_credentials;
    int result;

    if (get(f, "role_arn"))
        return refuse(search, f, "role_arn");
    result = load_keys(search, f, &f->credentials, &f->credentials_place, out);
    if (result == CREDENTIALS_ABSENT)
        result = load_keys(search, f, &f->config, &f->config_place, out);
    if (result != CREDENTIALS_ABSENT)
        return result;
    key = unsupported(f);
    if (key)
        return refuse(search, f, key);
    command = get(f, "credential_process");
    if (command) {
        in_credentials =
            aws_ini_get(&f->credentials, "profile", f->profile, "credential_process") != NULL;
        return run_process(search, ctx, command,
                           in_credentials ? &f->credentials_place : &f->config_place, out);
    }
    tried_file(search, f, &f->credentials, f->credentials_result, &f->credentials_place);
    tried_file(search, f, &f->config, f->config_result, &f->config_place);
    return CREDENTIALS_ABSENT;
}

static int load(struct credential_search *search, struct sl_ctx *ctx, struct aws_credentials *out)
{
    struct files f = {0};
    int result;

    files_read(&f, search->config);
    if (f.credentials_result == -ENOMEM || f.config_result == -ENOMEM)
        result = -ENOMEM;
    else
        result = load_from(search, ctx, &f, out);
    files_deinit(&f);
    return result;
}

const struct credential_provider credential_profile = {.name = "profile", .load = load};

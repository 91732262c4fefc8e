/*
 * The JSON in which credential processes and container endpoints give keys. The two differ in the
 * token's name, and a process must say Version 1.
 */
#include <string.h>

#include "aws/credentials.h"
#include "core/civil_time.h"
#include "core/json.h"

/* The plain text of a string value, or of nothing. false: not a string, or no memory. */
static bool take_string(const struct json_value *value, char **out)
{
    struct strbuf plain = {0};

    if (value->type == JSON_NULL)
        return true;
    if (value->type != JSON_STRING || *out)
        return false;
    /* Unescaped is never longer, so the storage does not move and leave a copy behind. */
    strbuf_reserve(&plain, value->text.n);
    json_unescape(value->text, &plain);
    if (plain.n == 0 || strbuf_failed(&plain) || strlen(plain.p) != plain.n) {
        strbuf_deinit(&plain);
        return false;
    }
    *out = strbuf_take(&plain, NULL);
    return true;
}

static const char *take_expiration(const struct json_value *value, struct credential_time time,
                                   struct aws_credentials *out)
{
    int64_t unix_s;

    if (value->type == JSON_NULL || (value->type == JSON_STRING && value->text.n == 0))
        return NULL;
    if (value->type != JSON_STRING || !civil_time_read_iso(value->text, &unix_s))
        return "its Expiration is no date";
    out->expires_ms = unix_s * 1000;
    return !time.is_untold && out->expires_ms <= time.now_ms ? "its keys have expired already"
                                                             : NULL;
}

static const char *take_member(const struct json_value *key, const struct json_value *value,
                               enum credential_json kind, struct credential_time time,
                               bool *has_version, struct aws_credentials *out)
{
    const char *token = kind == CREDENTIALS_OF_PROCESS ? "SessionToken" : "Token";

    if (json_is(key, "Expiration"))
        return take_expiration(value, time, out);
    if (json_is(key, "Version"))
        *has_version = value->type == JSON_NUMBER && slice_is(value->text, "1");
    else if (json_is(key, "AccessKeyId"))
        return take_string(value, &out->access_key_id) ? NULL : "its AccessKeyId is no text";
    else if (json_is(key, "SecretAccessKey"))
        return take_string(value, &out->secret_access_key) ? NULL
                                                           : "its SecretAccessKey is no text";
    else if (json_is(key, token))
        return take_string(value, &out->session_token) ? NULL : "its token is no text";
    return NULL;
}

static const char *read_members(struct slice text, enum credential_json kind,
                                struct credential_time time, struct aws_credentials *out)
{
    struct json_value key, value;
    const char *problem = NULL;
    bool has_version = false;
    struct json j;

    json_init(&j, text);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return "not a JSON object";
    while (!problem && json_member(&j, &key))
        if (json_skip(&j, &value))
            problem = take_member(&key, &value, kind, time, &has_version, out);
    if (problem)
        return problem;
    if (!json_end(&j))
        return "not JSON";
    if (kind == CREDENTIALS_OF_PROCESS && !has_version)
        return "its Version is not 1";
    return credentials_check(out);
}

const char *credentials_read_json(struct slice text, enum credential_json kind,
                                  struct credential_time time, struct aws_credentials *out)
{
    struct aws_credentials read = {.expires_ms = INT64_MAX};
    const char *problem = read_members(text, kind, time, &read);

    if (problem)
        aws_credentials_deinit(&read);
    else
        *out = read;
    return problem;
}

/* Keys become parts of headers: printable ASCII without blanks. */
static bool is_plain(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

const char *credentials_check(const struct aws_credentials *c)
{
    if (!c->access_key_id)
        return "no access key id";
    if (!c->secret_access_key)
        return "no secret access key";
    if (!is_plain(c->access_key_id))
        return "the access key id holds a blank, a line break or the like";
    if (!is_plain(c->secret_access_key))
        return "the secret access key holds a blank, a line break or the like";
    if (c->session_token && !is_plain(c->session_token))
        return "the session token holds a blank, a line break or the like";
    return NULL;
}

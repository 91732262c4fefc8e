/*
 * credentials -- who signs: the chain of places where an AWS SDK looks for keys, and the store that keeps them fresh.
 *
 * A *provider* is one such place. It loads, or is absent (nothing there: the next one is asked), or is broken (set up, but
 * it does not work: the chain stops, because keys of somebody else further down would be a surprise). The store asks the
 * chain once, stays with the provider that answered, and asks it again before what it gave expires: from 15 minutes before
 * expiry in the background, from 10 minutes before with the caller waiting for it, and with the old keys still in use until
 * they expire if it fails. A provider that fails is asked again after 1 s, then 2 s … at most 30 s, so what heals is noticed
 * within a minute. (The two windows are those of botocore.)
 *
 * Keys are wiped when they are freed, and never logged or part of an error.
 *
 * Life of a store: new → get, renew from any number of tasks → free. To add a provider: a file with a struct
 * credential_provider and a row in credentials.c.
 */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include <stdint.h>

#include <sluice/ctx.h>

#include "aws/config.h"
#include "core/problem.h"
#include "core/strbuf.h"
#include "io/http.h"

struct aws_credentials {
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL: long-lived keys have none */
    int64_t expires_ms;  /* Unix time; INT64_MAX = never */
};

/* Wipes and frees what it points to. */
void aws_credentials_deinit(struct aws_credentials *credentials);

/* ---- providers ---- */

enum credential_outcome {
    CREDENTIALS_LOADED = 0,
    CREDENTIALS_ABSENT = 1, /* nothing is set up there */
    CREDENTIALS_BROKEN = 2, /* it is set up, and did not give keys */
};

/* One walk along the chain. */
struct credential_search {
    const struct aws_config *config;
    struct http_client *http;
    int64_t now_ms;       /* Unix time, corrected by what is known of the clock's skew */
    struct strbuf tried;  /* for people: "AWS_ACCESS_KEY_ID (not set), ~/.aws/config [default] (uses sso_session)" */
    const char *advice;   /* what to do about a broken one, if it is not what all get; static storage or NULL */
};

/* Appends "PLACE (WHY)" to what was tried. */
__attribute__((format(printf, 3, 4))) void credential_tried(struct credential_search *search, const char *place,
                                                            const char *why, ...);

struct credential_provider {
    const char *name; /* "environment" */
    /* A credential_outcome (with credential_tried called unless loaded), or negative: -ENOMEM, -ECANCELED, -ETIMEDOUT when
     * `ctx` ended. May wait, 30 s at most. `out` is written when loaded. */
    int (*load)(struct credential_search *search, struct sl_ctx *ctx, struct aws_credentials *out);
};

/* In the order in which they are asked, ended by NULL. */
extern const struct credential_provider *const credential_providers[];
extern const struct credential_provider credential_environment;  /* AWS_ACCESS_KEY_ID … ; skipped with --profile */
extern const struct credential_provider credential_web_identity; /* detects AWS_WEB_IDENTITY_TOKEN_FILE, unsupported */
extern const struct credential_provider credential_profile;      /* shared files: keys, credential_process */
extern const struct credential_provider credential_container;    /* ECS, EKS Pod Identity, Greengrass */

/* Reads {"AccessKeyId", "SecretAccessKey", <token_name>, "Expiration"} of a process or an endpoint, all optional but the
 * first two. NULL, or why the text is none (static storage). `out` is written on success. */
const char *credentials_read_json(struct slice text, const char *token_name, struct aws_credentials *out);

/* ---- the store ---- */

struct credential_store;

/* Makes an empty store; nothing is loaded yet. `config` and `http` are borrowed; it works in a scope of its own under `ctx`.
 * `providers` is a chain to use instead of credential_providers; NULL = that one. 0 or -ENOMEM. */
int credential_store_new(struct credential_store **out, struct sl_ctx *ctx, const struct aws_config *config,
                         struct http_client *http, const struct credential_provider *const *providers);
/* Ends a refresh that is under way, and wipes. Waits for its task. NULL is fine. */
void credential_store_free(struct credential_store *store);

/*
 * The keys to sign with at `now_ms` (Unix, corrected for skew). Waits only while there are none, or they expire within 10
 * minutes and the provider was not tried in vain a moment ago.
 *   0                        *out is borrowed until the caller next waits
 *   CREDENTIALS_NONE         there are none: credentials_explain says why
 *   SL_CANCELED, SL_TIMEOUT  `ctx` ended
 *   -ENOMEM
 */
enum { CREDENTIALS_NONE = 16 };
int credentials_get(struct credential_store *store, struct sl_ctx *ctx, int64_t now_ms,
                    const struct aws_credentials **out);

/*
 * Forces a refresh because AWS refused `access_key_id` (expired, revoked), unless the store has others since. Waits for it.
 * Results as credentials_get, without the keys: 0 means that it is worth another try.
 */
int credentials_renew(struct credential_store *store, struct sl_ctx *ctx, int64_t now_ms, const char *access_key_id);

/* Says in `problem` which places were looked at, why none had keys, and what to do. Returns PROBLEM. */
int credentials_explain(const struct credential_store *store, struct problem *problem);

/* Where the keys came from, for people: "profile prod", "environment"; "" before any were loaded. */
const char *credentials_origin(const struct credential_store *store);

#endif

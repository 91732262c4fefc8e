/*
 * credentials -- who signs: the chain of places where an AWS SDK looks for keys, and the store
 * that keeps them fresh.
 *
 * A *provider* is one such place. It loads, or is absent (nothing there: the next one is asked), or
 * is broken (set up, but it does not work: the chain stops, because keys of somebody else further
 * down would be a surprise).
 *
 * The *store* asks the chain once, stays with the provider that answered, and asks it again before
 * what it gave expires: from 15 minutes before that (botocore's window) in the background, and in
 * the last minute with the caller waiting. A provider that hangs so holds up no call that the
 * present keys are good for. If it fails the old keys stay in use until they expire, and the
 * provider is asked again after 1 s, 2 s … at most 30 s, so that what heals is noticed within a
 * minute.
 *
 * A clock that is ahead makes good keys look expired, and without keys nothing is sent whose answer
 * would tell the time. So while the time is untold, keys that a provider has just given are used
 * whatever their end, and asked for again no more often than from one that fails; the first answer
 * settles it.
 *
 * Keys are wiped when they are freed, and never logged or part of an error.
 *
 * Life of a store: new → get, renew from any number of tasks → free. To add a provider: a file with
 * a struct credential_provider, and a row in credentials.c.
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
    uint64_t generation; /* given by the store: another number for other keys */
};

/* Wipes and frees what it points to. */
void aws_credentials_deinit(struct aws_credentials *credentials);

/* The time that keys are judged by. */
struct credential_time {
    int64_t now_ms; /* Unix time, corrected by what is known of the clock's skew */
    bool is_untold; /* no answer has told the time since the start, or since the clock was set: it
                       may be wrong by more than the life of keys */
};

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
    struct credential_time time;
    struct strbuf tried;  /* "AWS_ACCESS_KEY_ID (not set), ~/.aws/config [default] (uses sso)" */
    struct strbuf found;  /* where the keys were: "profile prod in ~/.aws/credentials" */
    struct strbuf advice; /* what to do, if it is not what everybody gets; empty: it is */
    const char *renewal;  /* what people can do when the keys that were found are over; static */
};

/* Appends "PLACE (WHY)" to what was tried. */
void credential_tried(struct credential_search *search, const char *place, const char *why, ...)
    __attribute__((format(printf, 3, 4)));

struct credential_provider {
    const char *name; /* "environment" */
    /*
     * Looks for keys, 30 s at most. May wait.
     *   CREDENTIALS_LOADED   `out` has them, `found` says where, `renewal` how to get others
     *   CREDENTIALS_ABSENT, CREDENTIALS_BROKEN   `tried` says why
     *   negative             -ENOMEM; -ECANCELED: `ctx` ended
     */
    int (*load)(struct credential_search *search, struct sl_ctx *ctx, struct aws_credentials *out);
};

/* In the order in which they are asked, ended by NULL. */
extern const struct credential_provider *const credential_providers[];
extern const struct credential_provider credential_environment;  /* skipped with --profile */
extern const struct credential_provider credential_web_identity; /* recognised, not supported */
extern const struct credential_provider credential_profile;      /* keys, credential_process */
extern const struct credential_provider credential_container;    /* ECS, EKS Pod Identity */
extern const struct credential_provider credential_instance;     /* named, not supported */

enum credential_json { CREDENTIALS_OF_PROCESS, CREDENTIALS_OF_ENDPOINT };

/* Reads the keys that a process or an endpoint gives as JSON; while the time is untold also ones
 * that seem to have expired. NULL: `out` has them, to be deinited; else what is wrong with the text,
 * in static storage. */
const char *credentials_read_json(struct slice text, enum credential_json kind,
                                  struct credential_time time, struct aws_credentials *out);

/* NULL, or why these can't be keys ("AccessKeyId holds a blank or a line break"). */
const char *credentials_check(const struct aws_credentials *credentials);

/* ---- the store ---- */

struct credential_store;

/*
 * Makes a store; nothing is loaded yet. `config` and `http` are borrowed for its life; it works in
 * a scope of its own under `ctx`. `chain` is asked instead of credential_providers; NULL = those.
 * 0 or -ENOMEM.
 */
int credential_store_new(struct credential_store **out, struct sl_ctx *ctx,
                         const struct aws_config *config, struct http_client *http,
                         const struct credential_provider *const *chain);
/* Ends a refresh that is under way, and wipes. Waits for its task. NULL is fine. */
void credential_store_free(struct credential_store *store);

enum { CREDENTIALS_NONE = 16 };

/*
 * The keys to sign with at `time`. Waits only while there are none, or they expire within a minute
 * and the provider did not fail a moment ago.
 *   0                        *out is borrowed until the caller next waits
 *   CREDENTIALS_NONE         there are none: credentials_explain says why
 *   SL_CANCELED, SL_TIMEOUT  `ctx` ended
 *   -ENOMEM
 */
int credentials_get(struct credential_store *store, struct sl_ctx *ctx, struct credential_time time,
                    const struct aws_credentials **out);

/*
 * Asks the provider again because AWS refused the keys of `generation` (expired, revoked), unless
 * the store has others since. Waits for the answer.
 *   0                        there are other keys: worth another try
 *   CREDENTIALS_NONE         there are not
 *   SL_CANCELED, SL_TIMEOUT  `ctx` ended
 *   -ENOMEM
 */
int credentials_renew(struct credential_store *store, struct sl_ctx *ctx,
                      struct credential_time time, uint64_t generation);

/* Says in `problem` which places were looked at, why none had keys, and what to do. PROBLEM. */
int credentials_explain(const struct credential_store *store, struct problem *problem);

/* Where the keys came from, for people: "profile prod in ~/.aws/credentials"; "" before that. */
const char *credentials_origin(const struct credential_store *store);

/* What to do when AWS says that they are over: "get new ones, and write them there". */
const char *credentials_renewal(const struct credential_store *store);

#endif

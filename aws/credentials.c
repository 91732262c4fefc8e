#include "aws/credentials.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include <sluice/task.h>

#include "core/backoff.h"
#include "core/uri.h"
#include "ops/log.h"

/* In botocore's order. A row is all that a further provider needs. */
const struct credential_provider *const credential_providers[] = {
    &credential_environment, &credential_web_identity, &credential_profile,
    &credential_container,   &credential_instance,     NULL,
};

static const int64_t advisory_ms = 15 * 60 * 1000; /* botocore: _advisory_refresh_timeout */
static const int64_t mandatory_ms = 60 * 1000;     /* what is signed has to arrive in time, too */
static const sl_dur retry_base = SL_DUR_SEC(1);
static const sl_dur retry_cap = SL_DUR_SEC(30); /* so that it heals within 60 s */
static const sl_dur recheck_max = SL_DUR_SEC(60);

struct credential_store {
    const struct aws_config *config;
    struct http_client *http;
    const struct credential_provider *const *chain;
    struct sl_ctx *scope;                       /* of the refreshing task, at most one */
    const struct credential_provider *provider; /* that gave the keys; NULL: none yet */
    struct aws_credentials keys;
    bool has_keys;
    bool refreshing;
    sl_time recheck_at;          /* keys that expire soon are not asked for again before */
    sl_time retry_at;            /* nobody is asked before: the last time was in vain */
    unsigned failures;           /* of the provider, in a row */
    unsigned vain;               /* renewals in a row that brought the same keys */
    bool on_trial;               /* the keys look expired, and came while the time was untold */
    unsigned trials;             /* loads in a row that brought such keys */
    struct strbuf tried, advice; /* of the last search that failed */
    struct strbuf origin;
    const char *renewal; /* static; NULL: nothing special */
};

static void wipe(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void aws_credentials_deinit(struct aws_credentials *credentials)
{
    wipe(credentials->access_key_id);
    wipe(credentials->secret_access_key);
    wipe(credentials->session_token);
    *credentials = (struct aws_credentials){0};
}

void credential_tried(struct credential_search *search, const char *place, const char *why, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, why);
    vsnprintf(text, sizeof(text), why, arguments);
    va_end(arguments);
    strbuf_addf(&search->tried, "%s%s (%s)", search->tried.n ? ", " : "", place, text);
}

/* ---- one search ---- */

static void search_deinit(struct credential_search *search)
{
    strbuf_deinit(&search->tried);
    strbuf_deinit(&search->found);
    strbuf_deinit(&search->advice);
}

/* Asks the providers from `*at` on; `*at` is then the one that answered. */
static int search_chain(struct credential_search *search, struct sl_ctx *ctx,
                        const struct credential_provider *const **at, struct aws_credentials *out)
{
    int result = CREDENTIALS_ABSENT;

    for (; **at; (*at)++) {
        result = (**at)->load(search, ctx, out);
        if (result != CREDENTIALS_ABSENT)
            return result;
    }
    return result;
}

/* Once one provider has given keys the others are never asked: who signs must not change. */
static int look_for_keys(struct credential_store *store, struct sl_ctx *ctx,
                         struct credential_search *search, struct aws_credentials *out)
{
    const struct credential_provider *const *at = store->chain;
    int result;

    if (store->provider)
        return store->provider->load(search, ctx, out);
    result = search_chain(search, ctx, &at, out);
    if (result == CREDENTIALS_LOADED)
        store->provider = *at;
    return result;
}

/* ---- what a search changes ---- */

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void hold_off(struct credential_store *store, unsigned times_before)
{
    sl_dur ceiling = backoff_ceiling(retry_base, retry_cap, times_before);
    sl_dur half = sl_dur_div(ceiling, 2);

    store->retry_at = sl_time_add(sl_now(), sl_dur_add(half, backoff_jitter(half, sl_random())));
}

/* Takes the keys over. Keys that live shorter than the window are looked at again now and then, but
 * not with every request: an endpoint may hand out the same ones until they nearly expire. */
static void take_keys(struct credential_store *store, struct credential_search *search,
                      struct aws_credentials *keys)
{
    bool changed = !store->has_keys || !same(keys->access_key_id, store->keys.access_key_id) ||
                   !same(keys->secret_access_key, store->keys.secret_access_key) ||
                   !same(keys->session_token, store->keys.session_token);
    sl_dur left =
        keys->expires_ms == INT64_MAX ? SL_FOREVER : sl_ms(keys->expires_ms - search->time.now_ms);

    if (store->failures > 0 && store->has_keys)
        log_info("credentials are fresh again");
    keys->generation = store->keys.generation + changed;
    aws_credentials_deinit(&store->keys);
    store->keys = *keys;
    store->has_keys = true;
    store->failures = 0;
    store->vain = changed ? 0 : store->vain;
    store->recheck_at = sl_time_add(sl_now(), sl_dur_min(sl_dur_div(left, 4), recheck_max));
    store->on_trial = search->time.is_untold && left.ns <= 0;
    if (store->on_trial)
        hold_off(store, store->trials++);
    else
        store->trials = 0;
    strbuf_reset(&store->origin);
    strbuf_add_slice(&store->origin, strbuf_slice(&search->found));
    store->renewal = search->renewal;
}

static void keep_reason(struct credential_store *store, const struct credential_search *search)
{
    strbuf_reset(&store->tried);
    strbuf_add_slice(&store->tried, strbuf_slice(&search->tried));
    strbuf_reset(&store->advice);
    strbuf_add_slice(&store->advice, strbuf_slice(&search->advice));
    if (store->has_keys && store->failures == 0)
        log_warn("credentials can't be refreshed: " SLICE_FMT,
                 SLICE_ARG(strbuf_slice(&search->tried)));
    hold_off(store, store->failures++);
}

static void refresh_now(struct credential_store *store, struct sl_ctx *ctx,
                        struct credential_time time)
{
    struct credential_search search = {.config = store->config, .http = store->http, .time = time};
    struct aws_credentials keys = {0};
    int result;

    store->refreshing = true;
    result = look_for_keys(store, ctx, &search, &keys);
    store->refreshing = false;
    if (result == CREDENTIALS_LOADED)
        take_keys(store, &search, &keys);
    else if (result != -ECANCELED)
        keep_reason(store, &search);
    search_deinit(&search);
}

struct refresh {
    struct credential_store *store;
    struct credential_time time;
};

SL_TASK(refresh)
{
    refresh_now(my->store, ctx, my->time);
    return 0;
}

/* Starts a refresh unless one is under way or the last was in vain a moment ago. Does not wait, unless
 * the scope has ended (there was no memory for a task once): then the caller's task does the work. */
static void start_refresh(struct credential_store *store, struct sl_ctx *ctx,
                          struct credential_time time)
{
    if (store->refreshing || sl_time_before(sl_now(), store->retry_at))
        return;
    if (sl_ctx_err(store->scope) != SL_OK) {
        refresh_now(store, ctx, time);
        return;
    }
    SL_GO(store->scope, refresh, .store = store, .time = time);
    store->refreshing = sl_ctx_err(store->scope) == SL_OK;
}

/* ---- the interface ---- */

int credential_store_new(struct credential_store **out, struct sl_ctx *ctx,
                         const struct aws_config *config, struct http_client *http,
                         const struct credential_provider *const *chain)
{
    static const struct sl_ctx_options options = {.keep_going = true, .name = "credentials"};
    struct credential_store *store = calloc(1, sizeof(*store));

    if (!store)
        return -ENOMEM;
    store->config = config;
    store->http = http;
    store->chain = chain ? chain : credential_providers;
    store->retry_at = store->recheck_at = sl_now();
    store->scope = sl_ctx_new(ctx, &options);
    *out = store;
    return 0;
}

void credential_store_free(struct credential_store *store)
{
    if (!store)
        return;
    sl_ctx_leave(store->scope);
    aws_credentials_deinit(&store->keys);
    strbuf_deinit(&store->tried);
    strbuf_deinit(&store->advice);
    strbuf_deinit(&store->origin);
    free(store);
}

/* Waits for a refresh that is under way. */
static int wait_for_refresh(struct credential_store *store, struct sl_ctx *ctx)
{
    return store->refreshing ? sl_ctx_wait(store->scope, ctx) : SL_OK;
}

int credentials_get(struct credential_store *store, struct sl_ctx *ctx, struct credential_time time,
                    const struct aws_credentials **out)
{
    sl_time asked = sl_now();
    int64_t left = store->has_keys ? store->keys.expires_ms - time.now_ms : 0;
    int result = SL_OK;

    store->on_trial = store->on_trial && time.is_untold;
    if (left <= 0 || (left <= advisory_ms && !sl_time_before(asked, store->recheck_at)))
        start_refresh(store, ctx, time);
    if (!store->has_keys || left <= mandatory_ms)
        result = wait_for_refresh(store, ctx);
    if (result != SL_OK)
        return result;
    time.now_ms += sl_dur_ms(sl_time_sub(sl_now(), asked));
    if (!store->has_keys || (store->keys.expires_ms <= time.now_ms && !store->on_trial))
        return CREDENTIALS_NONE;
    *out = &store->keys;
    return 0;
}

int credentials_renew(struct credential_store *store, struct sl_ctx *ctx,
                      struct credential_time time, uint64_t generation)
{
    int result;

    if (store->keys.generation != generation)
        return 0;
    start_refresh(store, ctx, time);
    result = wait_for_refresh(store, ctx);
    if (result != SL_OK)
        return result;
    if (store->keys.generation != generation)
        return 0;
    /* The same keys again, or none: no use asking with each request. */
    if (!sl_time_before(sl_now(), store->retry_at))
        hold_off(store, store->vain++);
    return CREDENTIALS_NONE;
}

/* Custom endpoints often take any keys, but requests are signed all the same. */
static const char *usual_advice(const struct aws_config *config)
{
    struct uri uri;

    if (config->endpoint.value && uri_read(slice_of(config->endpoint.value), &uri) == URI_OK &&
        uri.reach == URI_LOOPBACK)
        return "export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local, if that queue takes "
               "any keys";
    return "aws configure, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
}

int credentials_explain(const struct credential_store *store, struct problem *problem)
{
    const char *advice = store->advice.n ? store->advice.p : usual_advice(store->config);

    return problem_set(problem, EXIT_NO_CREDENTIALS, "no AWS credentials\n  tried: %s\n  do:    %s",
                       store->tried.n ? store->tried.p : "nothing: no memory", advice);
}

const char *credentials_origin(const struct credential_store *store)
{
    return store->origin.n ? store->origin.p : "";
}

const char *credentials_renewal(const struct credential_store *store)
{
    return store->renewal ? store->renewal : "get new ones";
}

/* Where keys are found, what is said when there are none, and how the store keeps them fresh. */
#include "support.h"

#include "aws/credentials.h"

/* ---- the real chain ---- */

static struct script_client http;
static bool is_untold;

static struct credential_time time_now(void)
{
    return (struct credential_time){sl_wall_ms(), is_untold};
}

static int make_home(void **state)
{
    static const struct reply none = {.failure = HTTP_FAIL_CONNECT};

    (void)state;
    home_make();
    script_init(&http, &none, 1);
    return 0;
}

static int remove_home(void **state)
{
    (void)state;
    home_remove();
    return 0;
}

/* Loads through the chain. `key` is the access key that must be found at `origin`. */
static void assert_found_with(struct sl_ctx *ctx, struct aws_config_options options,
                              const char *key, const char *origin)
{
    struct aws_config *config = config_of(options);
    const struct aws_credentials *keys = NULL;
    struct credential_store *store;

    assert_int_equal(credential_store_new(&store, ctx, config, &http.client, NULL), 0);
    assert_int_equal(credentials_get(store, ctx, time_now(), &keys), 0);
    assert_string_equal(keys->access_key_id, key);
    assert_string_equal(credentials_origin(store), origin);
    credential_store_free(store);
    aws_config_free(config);
}

static void assert_found(struct sl_ctx *ctx, const char *key, const char *origin)
{
    assert_found_with(ctx, (struct aws_config_options){0}, key, origin);
}

static void assert_none_with(struct sl_ctx *ctx, struct aws_config_options options,
                             const char *says)
{
    struct aws_config *config = config_of(options);
    const struct aws_credentials *keys = NULL;
    struct credential_store *store;
    struct problem problem;

    problem_init(&problem);
    assert_int_equal(credential_store_new(&store, ctx, config, &http.client, NULL), 0);
    assert_int_equal(credentials_get(store, ctx, time_now(), &keys), CREDENTIALS_NONE);
    assert_int_equal(credentials_explain(store, &problem), PROBLEM);
    assert_int_equal(problem.status, EXIT_NO_CREDENTIALS);
    assert_string_equal(problem.text.p, says);
    problem_deinit(&problem);
    credential_store_free(store);
    aws_config_free(config);
}

static void assert_none(struct sl_ctx *ctx, const char *says)
{
    assert_none_with(ctx, (struct aws_config_options){0}, says);
}

WORLD_TEST(each_place_looked_at_is_named)
{
    assert_none(ctx, "no AWS credentials\n"
                     "  tried: AWS_ACCESS_KEY_ID (not set), "
                     "~/.aws/credentials [default] (no such file), "
                     "~/.aws/config [default] (no such file), "
                     "AWS_CONTAINER_CREDENTIALS_FULL_URI (not set), "
                     "EC2 instance metadata (not supported yet)\n"
                     "  do:    aws configure, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    home_write("config", "[default]\nregion = eu-west-1\nsso_session = mine\n");
    home_write("credentials", "[other]\n");
    assert_none(ctx, "no AWS credentials\n"
                     "  tried: AWS_ACCESS_KEY_ID (not set), "
                     "~/.aws/credentials [default] (no such profile), "
                     "~/.aws/config [default] (uses sso_session, which is not supported yet)\n"
                     "  do:    eval \"$(aws configure export-credentials --format env)\"");
    env_put("AWS_ENDPOINT_URL", "http://localhost:9324");
    home_write("config", "");
    assert_none(ctx, "no AWS credentials\n"
                     "  tried: AWS_ACCESS_KEY_ID (not set), "
                     "~/.aws/credentials [default] (no such profile), "
                     "~/.aws/config [default] (no such profile), "
                     "AWS_CONTAINER_CREDENTIALS_FULL_URI (not set), "
                     "EC2 instance metadata (not supported yet)\n"
                     "  do:    export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local, "
                     "if that queue takes any keys");
}

WORLD_TEST(the_environment_comes_first)
{
    env_put("AWS_ACCESS_KEY_ID", "AKIDENV");
    env_put("AWS_SECRET_ACCESS_KEY", "secret");
    home_write("credentials", "[default]\naws_access_key_id = AKIDFILE\n"
                              "aws_secret_access_key = secret\n"
                              "[prod]\naws_access_key_id = AKIDPROD\n"
                              "aws_secret_access_key = secret\n");
    assert_found(ctx, "AKIDENV", "the environment");
    assert_found_with(ctx, (struct aws_config_options){.profile = "prod"}, "AKIDPROD",
                      "~/.aws/credentials [prod]");
    env_put("AWS_ACCESS_KEY_ID", NULL);
    env_put("AWS_SECRET_ACCESS_KEY", NULL);
    assert_found(ctx, "AKIDFILE", "~/.aws/credentials [default]");
}

WORLD_TEST(half_set_environments_stop_the_chain)
{
    home_write("credentials", "[default]\naws_access_key_id = AKIDFILE\n"
                              "aws_secret_access_key = secret\n");
    env_put("AWS_ACCESS_KEY_ID", "AKIDENV");
    assert_none(ctx, "no AWS credentials\n  tried: AWS_SECRET_ACCESS_KEY (not set, but "
                     "AWS_ACCESS_KEY_ID is)\n  do:    aws configure, or set AWS_ACCESS_KEY_ID and "
                     "AWS_SECRET_ACCESS_KEY");
    env_put("AWS_SECRET_ACCESS_KEY", "canary\n");
    assert_none(ctx, "no AWS credentials\n  tried: AWS_ACCESS_KEY_ID (the secret access key holds "
                     "a blank, a line break or the like)\n  do:    aws configure, or set "
                     "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
}

WORLD_TEST(profiles_may_be_in_either_file)
{
    home_write("config", "[profile a]\naws_access_key_id = AKIDCONFIG\n"
                         "aws_secret_access_key = secret\naws_session_token = token\n"
                         "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/x\n"
                         "source_profile = a\n[profile half]\naws_access_key_id = AKID\n"
                         "[profile empty]\nregion = eu-west-1\n");
    assert_found_with(ctx, (struct aws_config_options){.profile = "a"}, "AKIDCONFIG",
                      "~/.aws/config [profile a]");
    assert_none_with(ctx, (struct aws_config_options){.profile = "role"},
                     "no AWS credentials\n  tried: ~/.aws/credentials [role] (no such file), "
                     "~/.aws/config [profile role] (uses role_arn, which is not supported yet)\n"
                     "  do:    eval \"$(aws configure export-credentials --format env --profile "
                     "role)\", and leave --profile out");
    env_put("AWS_PROFILE", "half");
    assert_none(ctx, "no AWS credentials\n  tried: AWS_ACCESS_KEY_ID (not set), "
                     "~/.aws/config [profile half] (no secret access key)\n"
                     "  do:    aws configure, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
}

WORLD_TEST(web_identity_is_recognised)
{
    env_put("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token");
    assert_none(ctx, "no AWS credentials\n  tried: AWS_ACCESS_KEY_ID (not set), "
                     "AWS_WEB_IDENTITY_TOKEN_FILE (set, but web identity is not supported yet)\n"
                     "  do:    EKS Pod Identity, or for a try eval \"$(aws configure "
                     "export-credentials --format env)\"");
}

/* ---- the container's endpoint ---- */

static const char container_answer[] =
    "{\"RoleArn\":\"r\",\"AccessKeyId\":\"ASIACONTAINER\",\"SecretAccessKey\":\"s\\/3\","
    "\"Token\":\"t\",\"Expiration\":\"2030-01-01T00:00:00Z\"}";

WORLD_TEST(containers_are_asked)
{
    const struct reply answer = {.body = container_answer};

    script_init(&http, &answer, 1);
    env_put("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/id");
    env_put("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://foreign.example/");
    assert_found(ctx, "ASIACONTAINER", "the container's credential endpoint");
    assert_string_equal(http.requests[0].url, "http://169.254.170.2/v2/credentials/id");
    assert_true(http.requests[0].allow_link_local);
    assert_null(strstr(http.requests[0].headers, "Authorization"));
    assert_int_equal(http.requests[0].timeout.ns, sl_sec(2).ns);
}

WORLD_TEST(tokens_of_containers_are_read_anew)
{
    const struct reply answer = {.body = container_answer};
    char path[128];

    script_init(&http, &answer, 1);
    snprintf(path, sizeof(path), "%s/.aws/token", home);
    env_put("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    env_put("AWS_CONTAINER_AUTHORIZATION_TOKEN", "from the environment");
    env_put("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
    home_write("token", "first\n");
    assert_found(ctx, "ASIACONTAINER", "the container's credential endpoint");
    home_write("token", "second");
    assert_found(ctx, "ASIACONTAINER", "the container's credential endpoint");
    assert_non_null(strstr(http.requests[0].headers, "Authorization: first\n"));
    assert_non_null(strstr(http.requests[1].headers, "Authorization: second\n"));
    env_put("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", NULL);
    assert_found(ctx, "ASIACONTAINER", "the container's credential endpoint");
    assert_non_null(strstr(http.requests[2].headers, "Authorization: from the environment\n"));
}

WORLD_TEST(container_hosts_are_allow_listed)
{
    static const struct {
        const char *url;
        bool asked, link_local;
    } rows[] = {
        {"http://localhost:8080/c", true, false},
        {"http://127.0.0.1/c", true, false},
        {"http://[::1]/c", true, false},
        {"http://169.254.170.2/c", true, true},
        {"http://[fd00:ec2::23]/c", true, true},
        {"https://vault.example/c", true, false},
        {"http://vault.example/c", false, false},
        {"http://169.254.169.254/latest/meta-data", false, false},
        {"https://169.254.169.254/latest/meta-data", false, false},
        {"http://169.254.170.2.evil.example/c", false, false},
        {"http://user:pw@localhost/c", false, false},
        {"http://2852039166/c", false, false},
        {"file:///etc/passwd", false, false},
        {"localhost/c", false, false},
    };
    const struct reply answer = {.body = container_answer};

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct aws_config *config;
        struct aws_credentials keys = {0};
        struct credential_search search = {0};

        env_put("AWS_CONTAINER_CREDENTIALS_FULL_URI", rows[i].url);
        script_init(&http, &answer, 1);
        config = config_of((struct aws_config_options){0});
        search = (struct credential_search){.config = config, .http = &http.client};
        assert_int_equal(credential_container.load(&search, ctx, &keys),
                         rows[i].asked ? CREDENTIALS_LOADED : CREDENTIALS_BROKEN);
        assert_int_equal(http.asked, rows[i].asked);
        assert_int_equal(http.requests[0].allow_link_local, rows[i].link_local);
        aws_credentials_deinit(&keys);
        strbuf_deinit(&search.tried);
        strbuf_deinit(&search.found);
        aws_config_free(config);
    }
}

WORLD_TEST(container_failures_are_retried_and_named)
{
    static const struct reply down[] = {{.failure = HTTP_FAIL_CONNECT}, {.status = 500}},
                              denied[] = {{.status = 401, .body = "canary"}},
                              nonsense[] = {{.body = "<html>canary</html>"}},
                              expired[] = {{.body = "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":"
                                                    "\"canary\",\"Expiration\":"
                                                    "\"2020-01-01T00:00:00Z\"}"}};
    static const struct {
        const struct reply *replies;
        size_t count, asked;
        const char *why;
    } rows[] = {
        {down, 2, 3, "answered 500"},
        {down, 1, 3, "no answer: "},
        {denied, 1, 1, "answered 401"},
        {nonsense, 1, 1, "not a JSON object"},
        {expired, 1, 1, "its keys have expired already"},
    };

    env_put("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/c");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct aws_config *config = config_of((struct aws_config_options){0});
        struct credential_search search = {
            .config = config, .http = &http.client, .time = time_now()};
        struct aws_credentials keys = {0};

        script_init(&http, rows[i].replies, rows[i].count);
        assert_int_equal(credential_container.load(&search, ctx, &keys), CREDENTIALS_BROKEN);
        assert_int_equal(http.asked, rows[i].asked);
        assert_non_null(strstr(search.tried.p, rows[i].why));
        assert_null(strstr(search.tried.p, "canary"));
        strbuf_deinit(&search.tried);
        aws_config_free(config);
    }
}

/* ---- the JSON of processes and endpoints ---- */

static void keys_are_read_from_json(void **state)
{
    static const struct {
        enum credential_json kind;
        const char *text, *problem;
    } rows[] = {
        {CREDENTIALS_OF_PROCESS,
         "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
         "\"SessionToken\":\"T\",\"Expiration\":\"2026-11-23T12:00:00+01:00\"}",
         NULL},
        {CREDENTIALS_OF_PROCESS, "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}",
         NULL},
        {CREDENTIALS_OF_ENDPOINT,
         "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Token\":null,\"Expiration\":null}",
         NULL},
        {CREDENTIALS_OF_PROCESS, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}",
         "its Version is not 1"},
        {CREDENTIALS_OF_PROCESS, "{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}",
         "its Version is not 1"},
        {CREDENTIALS_OF_PROCESS, "{\"Version\":1,\"AccessKeyId\":\"A\"}", "no secret access key"},
        {CREDENTIALS_OF_PROCESS, "{\"Version\":1}", "no access key id"},
        {CREDENTIALS_OF_ENDPOINT, "{\"AccessKeyId\":7,\"SecretAccessKey\":\"S\"}",
         "its AccessKeyId is no text"},
        {CREDENTIALS_OF_ENDPOINT, "{\"AccessKeyId\":\"A\\u0000\",\"SecretAccessKey\":\"S\"}",
         "its AccessKeyId is no text"},
        {CREDENTIALS_OF_ENDPOINT, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\\r\\nX: y\"}",
         "the secret access key holds a blank, a line break or the like"},
        {CREDENTIALS_OF_ENDPOINT,
         "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Expiration\":\"soon\"}",
         "its Expiration is no date"},
        {CREDENTIALS_OF_ENDPOINT,
         "{\"AccessKeyId\":\"A\",\"AccessKeyId\":\"B\",\"SecretAccessKey\":\"S\"}",
         "its AccessKeyId is no text"},
        {CREDENTIALS_OF_ENDPOINT, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"} x",
         "not JSON"},
        {CREDENTIALS_OF_ENDPOINT, "", "not a JSON object"},
        {CREDENTIALS_OF_ENDPOINT, "[]", "not a JSON object"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct aws_credentials keys = {0};
        const char *problem =
            credentials_read_json(slice_of(rows[i].text), rows[i].kind,
                                  (struct credential_time){1700000000000, false}, &keys);

        if (rows[i].problem) {
            assert_non_null(problem);
            assert_string_equal(problem, rows[i].problem);
            assert_null(keys.access_key_id);
        } else {
            assert_null(problem);
            assert_string_equal(keys.secret_access_key, "S");
        }
        if (i == 0)
            assert_int_equal(keys.expires_ms, INT64_C(1795431600000));
        aws_credentials_deinit(&keys);
    }
}

static void expired_keys_are_read_while_the_time_is_untold(void **state)
{
    struct slice text = SLICE("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
                              "\"Expiration\":\"2026-11-23T11:00:00Z\"}");
    struct credential_time end = {INT64_C(1795431600000), false};
    struct aws_credentials keys;

    (void)state;
    assert_string_equal(credentials_read_json(text, CREDENTIALS_OF_ENDPOINT, end, &keys),
                        "its keys have expired already");
    end.is_untold = true;
    assert_null(credentials_read_json(text, CREDENTIALS_OF_ENDPOINT, end, &keys));
    assert_int_equal(keys.expires_ms, end.now_ms);
    aws_credentials_deinit(&keys);
}

/* ---- the store ---- */

/* A provider that is played by the test. */
static struct {
    unsigned loads;
    unsigned broken_until; /* loads that fail */
    sl_dur takes;
    sl_dur lives;   /* of the keys; 0 = for ever */
    bool same_keys; /* the same ones each time */
    bool absent;
} act;

static int act_load(struct credential_search *search, struct sl_ctx *ctx,
                    struct aws_credentials *out)
{
    char key[32];

    act.loads++;
    if (sl_sleep(ctx, act.takes) != SL_OK)
        return -ECANCELED;
    if (act.absent || act.loads <= act.broken_until) {
        credential_tried(search, "the act", act.absent ? "absent" : "broken");
        return act.absent ? CREDENTIALS_ABSENT : CREDENTIALS_BROKEN;
    }
    snprintf(key, sizeof(key), "AKID%u", act.same_keys ? 0 : act.loads);
    *out = (struct aws_credentials){
        .access_key_id = strdup(key),
        .secret_access_key = strdup("secret"),
        .expires_ms = act.lives.ns ? sl_wall_ms() + sl_dur_ms(act.lives) : INT64_MAX,
    };
    strbuf_adds(&search->found, "the act");
    return CREDENTIALS_LOADED;
}

static int other_load(struct credential_search *search, struct sl_ctx *ctx,
                      struct aws_credentials *out)
{
    (void)ctx;
    *out = (struct aws_credentials){.access_key_id = strdup("AKIDOTHER"),
                                    .secret_access_key = strdup("secret"),
                                    .expires_ms = INT64_MAX};
    strbuf_adds(&search->found, "another");
    return CREDENTIALS_LOADED;
}

static const struct credential_provider actor = {"act", act_load}, other = {"other", other_load};
static const struct credential_provider *const act_chain[] = {&actor, &other, NULL};
static char default_name[] = "default";
static const struct aws_config no_config = {.profile = {default_name, NULL}};

static struct credential_store *store_of(struct sl_ctx *ctx)
{
    struct credential_store *store = NULL;

    assert_int_equal(credential_store_new(&store, ctx, &no_config, &http.client, act_chain), 0);
    return store;
}

static void pass(struct sl_ctx *ctx, sl_dur d)
{
    assert_int_equal(sl_sleep(ctx, d), SL_OK);
}

/* The access key that is signed with at this moment; "" if there is none. */
static const char *key_now(struct credential_store *store, struct sl_ctx *ctx)
{
    const struct aws_credentials *keys = NULL;
    int result = credentials_get(store, ctx, time_now(), &keys);

    assert_true(result == 0 || result == CREDENTIALS_NONE);
    return result == 0 ? keys->access_key_id : "";
}

WORLD_TEST(keys_that_last_are_loaded_once)
{
    struct credential_store *store;

    memset(&act, 0, sizeof(act));
    store = store_of(ctx);
    assert_string_equal(key_now(store, ctx), "AKID1");
    pass(ctx, sl_hours(1000));
    assert_string_equal(key_now(store, ctx), "AKID1");
    assert_int_equal(act.loads, 1);
    credential_store_free(store);
}

struct getter {
    struct credential_store *store;
    unsigned *got;
};

SL_TASK(getter)
{
    const struct aws_credentials *keys;

    if (credentials_get(my->store, ctx, time_now(), &keys) == 0)
        ++*my->got;
    return 0;
}

WORLD_TEST(many_tasks_wait_for_one_load)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct credential_store *store;
    unsigned got = 0;

    memset(&act, 0, sizeof(act));
    act.takes = sl_sec(1);
    store = store_of(ctx);
    for (int i = 0; i < 20; i++)
        SL_GO(scope, getter, .store = store, .got = &got);
    assert_int_equal(sl_ctx_wait(scope, ctx), SL_OK);
    assert_int_equal(got, 20);
    assert_int_equal(act.loads, 1);
    assert_int_equal(sl_ctx_leave(scope), 0);
    credential_store_free(store);
}

WORLD_TEST(keys_are_refreshed_in_the_background_first)
{
    struct credential_store *store;
    sl_time start;

    memset(&act, 0, sizeof(act));
    act.takes = sl_sec(3);
    act.lives = sl_hours(1);
    store = store_of(ctx);
    assert_string_equal(key_now(store, ctx), "AKID1");
    pass(ctx, sl_minutes(44));
    assert_string_equal(key_now(store, ctx), "AKID1");
    assert_int_equal(act.loads, 1);
    pass(ctx, sl_minutes(2));
    start = sl_now();
    assert_string_equal(key_now(store, ctx), "AKID1"); /* does not wait */
    assert_string_equal(key_now(store, ctx), "AKID1");
    assert_int_equal(sl_time_sub(sl_now(), start).ns, 0);
    pass(ctx, sl_sec(4));
    assert_string_equal(key_now(store, ctx), "AKID2");
    assert_int_equal(act.loads, 2);
    credential_store_free(store);
}

/* A provider that takes its time does not hold up calls for which the present keys are good. */
WORLD_TEST(keys_are_waited_for_in_their_last_minute)
{
    struct credential_store *store;
    sl_time start;

    memset(&act, 0, sizeof(act));
    act.takes = sl_sec(3);
    act.lives = sl_hours(1);
    store = store_of(ctx);
    assert_string_equal(key_now(store, ctx), "AKID1");
    pass(ctx, sl_sec(59 * 60 - 1)); /* 61 s are left */
    start = sl_now();
    assert_string_equal(key_now(store, ctx), "AKID1");
    assert_int_equal(sl_time_sub(sl_now(), start).ns, 0);
    pass(ctx, sl_sec(1));
    assert_string_equal(key_now(store, ctx), "AKID2");
    assert_int_equal(sl_time_sub(sl_now(), start).ns, sl_sec(3).ns);
    assert_int_equal(act.loads, 2);
    credential_store_free(store);
}

WORLD_TEST(a_provider_that_hangs_holds_up_no_call_while_keys_are_good)
{
    struct credential_store *store;
    unsigned loads = 0;
    sl_time start;

    memset(&act, 0, sizeof(act));
    act.lives = sl_hours(1);
    store = store_of(ctx);
    assert_string_equal(key_now(store, ctx), "AKID1");
    act.takes = sl_sec(10);
    act.broken_until = UINT32_MAX;
    pass(ctx, sl_minutes(44));
    for (int s = 44 * 60; s < 59 * 60; s++) {
        start = sl_now();
        assert_string_equal(key_now(store, ctx), "AKID1");
        assert_int_equal(sl_time_sub(sl_now(), start).ns, 0);
        assert_true(act.loads - loads <= 1); /* one at a time */
        loads = act.loads;
        pass(ctx, sl_sec(1));
    }
    assert_true(act.loads > 14 * 60 / 42 && act.loads < 14 * 60 / 20); /* it is held off */
    act.broken_until = 0;                                              /* it heals */
    for (int s = 0; s < 59; s++) {
        assert_string_not_equal(key_now(store, ctx), "");
        pass(ctx, sl_sec(1));
    }
    assert_string_not_equal(key_now(store, ctx), "AKID1");
    credential_store_free(store);
}

WORLD_TEST(old_keys_stay_in_use_until_they_expire)
{
    struct credential_store *store;

    memset(&act, 0, sizeof(act));
    act.lives = sl_hours(1);
    store = store_of(ctx);
    assert_string_equal(key_now(store, ctx), "AKID1");
    act.broken_until = UINT32_MAX;
    pass(ctx, sl_minutes(50));
    for (int s = 0; s < 590; s += 10) {
        assert_string_equal(key_now(store, ctx), "AKID1");
        pass(ctx, sl_sec(10));
    }
    pass(ctx, sl_sec(20));
    assert_string_equal(key_now(store, ctx), "");
    assert_true(act.loads < 60); /* at most every 15 s or so */
    credential_store_free(store);
}

WORLD_TEST(a_provider_that_heals_is_noticed_within_a_minute)
{
    for (unsigned k = 1; k <= 50; k++) {
        struct credential_store *store;
        sl_time healed = SL_NEVER;

        memset(&act, 0, sizeof(act));
        act.broken_until = k;
        act.lives = sl_hours(1);
        store = store_of(ctx);
        while (strcmp(key_now(store, ctx), "") == 0) {
            if (act.loads == k && healed.ns == INT64_MAX)
                healed = sl_now();
            pass(ctx, sl_ms(500));
        }
        assert_true(sl_time_sub(sl_now(), healed).ns <= sl_sec(60).ns);
        assert_int_equal(act.loads, k + 1);
        credential_store_free(store);
    }
}

/* The clock is ahead: what the provider gives looks expired until an answer tells the time. */
WORLD_TEST(keys_that_look_expired_serve_until_the_time_is_told)
{
    struct credential_time corrected = {sl_wall_ms() - 7200000, false};
    const struct aws_credentials *keys;
    struct credential_store *store;

    memset(&act, 0, sizeof(act));
    act.lives = sl_hours(-1);
    store = store_of(ctx);
    is_untold = true;
    for (int i = 0; i < 100; i++) {
        assert_string_not_equal(key_now(store, ctx), "");
        pass(ctx, sl_sec(1));
    }
    assert_true(act.loads > 2 && act.loads < 15); /* asked again, and held off */
    is_untold = false;
    assert_int_equal(credentials_get(store, ctx, corrected, &keys), 0);
    credential_store_free(store);

    act.loads = 0;
    store = store_of(ctx);
    is_untold = true;
    assert_string_equal(key_now(store, ctx), "AKID1");
    is_untold = false; /* the clock is right, and they are over */
    assert_string_equal(key_now(store, ctx), "");
    is_untold = true; /* it was set: what was given before does not count */
    assert_string_equal(key_now(store, ctx), "");
    pass(ctx, sl_sec(1));
    assert_string_equal(key_now(store, ctx), "AKID2");
    is_untold = false;
    credential_store_free(store);
}

WORLD_TEST(short_lived_keys_are_not_asked_for_with_each_request)
{
    struct credential_store *store;

    memset(&act, 0, sizeof(act));
    act.lives = sl_minutes(5);
    act.same_keys = true;
    store = store_of(ctx);
    for (int i = 0; i < 1000; i++) {
        assert_string_equal(key_now(store, ctx), "AKID0");
        pass(ctx, sl_ms(100));
    }
    assert_true(act.loads <= 4);
    credential_store_free(store);
}

WORLD_TEST(who_signs_does_not_change)
{
    struct credential_store *store;

    memset(&act, 0, sizeof(act));
    act.lives = sl_hours(1);
    store = store_of(ctx);
    assert_string_equal(key_now(store, ctx), "AKID1");
    act.absent = true;
    pass(ctx, sl_hours(2));
    assert_string_equal(key_now(store, ctx), "");
    credential_store_free(store);

    act.loads = 0;
    store = store_of(ctx);
    assert_string_equal(key_now(store, ctx), "AKIDOTHER");
    credential_store_free(store);
}

WORLD_TEST(refused_keys_are_renewed_once)
{
    const struct aws_credentials *keys;
    struct credential_store *store;
    uint64_t first;

    memset(&act, 0, sizeof(act));
    store = store_of(ctx);
    assert_int_equal(credentials_get(store, ctx, time_now(), &keys), 0);
    first = keys->generation;
    assert_int_equal(credentials_renew(store, ctx, time_now(), first), 0);
    assert_int_equal(act.loads, 2);
    assert_int_equal(credentials_renew(store, ctx, time_now(), first), 0); /* others since */
    assert_int_equal(act.loads, 2);
    assert_string_equal(key_now(store, ctx), "AKID2");

    act.same_keys = true;
    assert_int_equal(credentials_renew(store, ctx, time_now(), first + 1), 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(credentials_renew(store, ctx, time_now(), first + 2), CREDENTIALS_NONE);
        pass(ctx, sl_sec(1));
    }
    assert_true(act.loads < 15);
    credential_store_free(store);
}

WORLD_TEST(waiting_ends_with_the_context)
{
    static const struct sl_ctx_options soon = {.timeout = SL_DUR_SEC(1)};
    struct sl_ctx *scope = sl_ctx_new(ctx, &soon);
    const struct aws_credentials *keys;
    struct credential_store *store;

    memset(&act, 0, sizeof(act));
    act.takes = sl_minutes(1);
    store = store_of(ctx);
    assert_int_equal(credentials_get(store, scope, time_now(), &keys), SL_TIMEOUT);
    sl_ctx_leave(scope);
    credential_store_free(store); /* while it loads */
}

WORLD_TEST(a_store_without_tasks_still_loads)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct credential_store *store;

    memset(&act, 0, sizeof(act));
    act.takes = sl_sec(1);
    store = store_of(scope);
    sl_ctx_cancel(scope, -ENOMEM);
    assert_string_equal(key_now(store, ctx), "AKID1");
    credential_store_free(store);
    sl_ctx_leave(scope);
}

#define AT_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AT_HOME(each_place_looked_at_is_named),
        AT_HOME(the_environment_comes_first),
        AT_HOME(half_set_environments_stop_the_chain),
        AT_HOME(profiles_may_be_in_either_file),
        AT_HOME(web_identity_is_recognised),
        AT_HOME(containers_are_asked),
        AT_HOME(tokens_of_containers_are_read_anew),
        AT_HOME(container_hosts_are_allow_listed),
        AT_HOME(container_failures_are_retried_and_named),
        cmocka_unit_test(keys_are_read_from_json),
        cmocka_unit_test(expired_keys_are_read_while_the_time_is_untold),
        cmocka_unit_test(keys_that_last_are_loaded_once),
        cmocka_unit_test(many_tasks_wait_for_one_load),
        cmocka_unit_test(keys_are_refreshed_in_the_background_first),
        cmocka_unit_test(keys_are_waited_for_in_their_last_minute),
        cmocka_unit_test(a_provider_that_hangs_holds_up_no_call_while_keys_are_good),
        cmocka_unit_test(old_keys_stay_in_use_until_they_expire),
        cmocka_unit_test(a_provider_that_heals_is_noticed_within_a_minute),
        cmocka_unit_test(keys_that_look_expired_serve_until_the_time_is_told),
        cmocka_unit_test(short_lived_keys_are_not_asked_for_with_each_request),
        cmocka_unit_test(who_signs_does_not_change),
        cmocka_unit_test(refused_keys_are_renewed_once),
        cmocka_unit_test(waiting_ends_with_the_context),
        cmocka_unit_test(a_store_without_tasks_still_loads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

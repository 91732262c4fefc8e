/* Region, endpoint and the like: which of several words counts, and where it came from. */
#include "support.h"

static int make_home(void **state)
{
    (void)state;
    home_make();
    return 0;
}

static int remove_home(void **state)
{
    (void)state;
    home_remove();
    return 0;
}

static void assert_setting(const struct aws_setting *setting, const char *value, const char *origin)
{
    if (!value) {
        assert_null(setting->value);
        return;
    }
    assert_string_equal(setting->value, value);
    if (origin)
        assert_string_equal(setting->origin, origin);
    else
        assert_null(setting->origin);
}

static void nothing_is_set_anywhere(void **state)
{
    struct aws_config *config = config_of((struct aws_config_options){0});

    (void)state;
    assert_setting(&config->profile, "default", NULL);
    assert_setting(&config->region, NULL, NULL);
    assert_setting(&config->endpoint, NULL, NULL);
    assert_int_equal(config->attempts_max, 3);
    assert_true(config->skew_correction);
    assert_false(config->use_fips || config->use_dualstack);
    aws_config_free(config);
}

static void the_nearest_region_counts(void **state)
{
    struct aws_config *config;

    (void)state;
    home_write("config", "[default]\nregion = eu-west-1\n[profile prod]\nregion = eu-central-1\n");
    config = config_of((struct aws_config_options){0});
    assert_setting(&config->region, "eu-west-1", "profile default");
    aws_config_free(config);

    env_put("AWS_PROFILE", "prod");
    config = config_of((struct aws_config_options){0});
    assert_setting(&config->profile, "prod", "AWS_PROFILE");
    assert_setting(&config->region, "eu-central-1", "profile prod");
    aws_config_free(config);

    env_put("AWS_DEFAULT_REGION", "ap-south-1");
    config = config_of((struct aws_config_options){0});
    assert_setting(&config->region, "ap-south-1", "AWS_DEFAULT_REGION");
    aws_config_free(config);

    env_put("AWS_REGION", "us-east-2");
    config = config_of((struct aws_config_options){0});
    assert_setting(&config->region, "us-east-2", "AWS_REGION");
    assert_setting(&config->profile_region, "eu-central-1", "profile prod");
    aws_config_free(config);

    config = config_of((struct aws_config_options){.region = "sa-east-1", .profile = "default"});
    assert_setting(&config->region, "sa-east-1", "--region");
    assert_setting(&config->profile, "default", "--profile");
    aws_config_free(config);
}

/* As in botocore, which lays the credentials file's profile over the config file's. */
static void the_credentials_file_comes_first(void **state)
{
    struct aws_config *config;

    (void)state;
    home_write("config", "[profile prod]\nregion = eu-west-1\nmax_attempts = 7\n"
                         "use_fips_endpoint = true\n");
    home_write("credentials", "[prod]\nregion = us-west-2\nmax_attempts = 5\n");
    config = config_of((struct aws_config_options){.profile = "prod"});
    assert_setting(&config->region, "us-west-2", "profile prod");
    assert_setting(&config->profile_region, "us-west-2", "profile prod");
    assert_int_equal(config->attempts_max, 5);
    assert_true(config->use_fips);
    aws_config_free(config);
}

static void the_nearest_endpoint_counts(void **state)
{
    struct aws_config *config;

    (void)state;
    home_write("config", "[default]\nendpoint_url = http://localhost:1/\n"
                         "[profile s]\nendpoint_url = http://localhost:1\nservices = mine\n"
                         "[services mine]\nsqs =\n  endpoint_url = http://localhost:2/x/\n");
    config = config_of((struct aws_config_options){0});
    assert_setting(&config->endpoint, "http://localhost:1", "profile default");
    aws_config_free(config);

    config = config_of((struct aws_config_options){.profile = "s"});
    assert_setting(&config->endpoint, "http://localhost:2/x", "profile s");
    aws_config_free(config);

    env_put("AWS_ENDPOINT_URL", "https://all.example");
    config = config_of((struct aws_config_options){0});
    assert_setting(&config->endpoint, "https://all.example", "AWS_ENDPOINT_URL");
    aws_config_free(config);

    env_put("AWS_ENDPOINT_URL_SQS", "https://sqs.example");
    config = config_of((struct aws_config_options){0});
    assert_setting(&config->endpoint, "https://sqs.example", "AWS_ENDPOINT_URL_SQS");
    aws_config_free(config);

    env_put("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    config = config_of((struct aws_config_options){0});
    assert_setting(&config->endpoint, NULL, NULL);
    aws_config_free(config);

    config = config_of((struct aws_config_options){.endpoint_url = "http://[::1]:9324"});
    assert_setting(&config->endpoint, "http://[::1]:9324", "--endpoint-url");
    aws_config_free(config);
}

static void files_may_be_elsewhere(void **state)
{
    struct aws_config *config;
    char path[128];

    (void)state;
    home_write("other", "[profile x]\nregion = eu-west-3\nmax_attempts = 5\n"
                        "ca_bundle = /etc/ca.pem\nuse_fips_endpoint = true\n");
    snprintf(path, sizeof(path), "%s/.aws/other", home);
    env_put("AWS_CONFIG_FILE", path);
    config = config_of((struct aws_config_options){.profile = "x"});
    assert_setting(&config->region, "eu-west-3", "profile x");
    assert_setting(&config->ca_bundle, "/etc/ca.pem", "profile x");
    assert_int_equal(config->attempts_max, 5);
    assert_true(config->use_fips);
    aws_config_free(config);

    env_put("AWS_CONFIG_FILE", "~/.aws/other");
    env_put("AWS_MAX_ATTEMPTS", "2");
    env_put("AWS_CA_BUNDLE", "/ca");
    env_put("AWS_USE_FIPS_ENDPOINT", "false");
    env_put("AWS_USE_DUALSTACK_ENDPOINT", "TRUE");
    env_put("AWS_DISABLE_CLOCK_SKEW_CORRECTION", "true");
    config = config_of((struct aws_config_options){.profile = "x"});
    assert_setting(&config->ca_bundle, "/ca", "AWS_CA_BUNDLE");
    assert_int_equal(config->attempts_max, 2);
    assert_false(config->use_fips);
    assert_true(config->use_dualstack);
    assert_false(config->skew_correction);
    aws_config_free(config);
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *config, *variable, *value;
        struct aws_config_options options;
        const char *says;
    } rows[] = {
        {"[profile a]\n[profile b]\n",
         "AWS_PROFILE",
         "c",
         {0},
         "there is no profile c (named by AWS_PROFILE)\n  tried: ~/.aws/config (has a, b), "
         "~/.aws/credentials (has none)\n"},
        {"", NULL, NULL, {.region = "Frankfurt"}, "Frankfurt is no region (it came from --region)"},
        {"",
         "AWS_REGION",
         "eu-west-1.evil.example/",
         {0},
         "is no region (it came from AWS_REGION)"},
        {"[default]\nendpoint_url = ftp://x\n",
         NULL,
         NULL,
         {0},
         "the endpoint from profile default"},
        {"", NULL, NULL, {.endpoint_url = "http://queue.example"}, "--allow-http"},
        {"", NULL, NULL, {.endpoint_url = "http://169.254.169.254"}, "the endpoint from"},
        {"", NULL, NULL, {.endpoint_url = "https://a:b@queue.example"}, "the endpoint from"},
        {"", NULL, NULL, {.endpoint_url = "https://queue.example?a"}, "has a query"},
        {"", "AWS_MAX_ATTEMPTS", "many", {0}, "many is no number of attempts (AWS_MAX_ATTEMPTS)"},
        {"", "AWS_MAX_ATTEMPTS", "0", {0}, "0 is no number of attempts"},
        {"[default]\nregion\n", NULL, NULL, {0}, "~/.aws/config, line 2:"},
        {"[default]\nregion = eu-west-1\n [profile a]\nregion = us-east-1\n",
         NULL,
         NULL,
         {0},
         "~/.aws/config, line 3: neither [section], key = value nor # comment\n"
         "  do:    mend that line; a [section] stands at its beginning "
         "(aws configure list reads the same file)"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct aws_config_options options = rows[i].options;
        struct aws_config *config = NULL;
        struct problem problem;

        problem_init(&problem);
        options.env = fake_env;
        env_clear();
        env_put("HOME", home);
        if (rows[i].variable)
            env_put(rows[i].variable, rows[i].value);
        home_write("config", rows[i].config);
        assert_int_equal(aws_config_load(&config, &options, &problem), PROBLEM);
        assert_int_equal(problem.status, EXIT_BAD_CONFIG);
        if (!strstr(problem.text.p, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", problem.text.p, rows[i].says);
        problem_deinit(&problem);
    }
}

static void endpoints_of_aws(void **state)
{
    static const struct {
        const char *region;
        bool fips, dualstack;
        const char *endpoint, *partition;
    } rows[] = {
        {"eu-central-1", false, false, "https://sqs.eu-central-1.amazonaws.com", "aws"},
        {"us-east-1", true, false, "https://sqs-fips.us-east-1.amazonaws.com", "aws"},
        {"us-east-1", false, true, "https://sqs.us-east-1.api.aws", "aws"},
        {"us-east-1", true, true, "https://sqs-fips.us-east-1.api.aws", "aws"},
        {"cn-north-1", false, false, "https://sqs.cn-north-1.amazonaws.com.cn", "aws-cn"},
        {"cn-north-1", false, true, "https://sqs.cn-north-1.api.amazonwebservices.com.cn",
         "aws-cn"},
        {"us-gov-west-1", false, false, "https://sqs.us-gov-west-1.amazonaws.com", "aws-us-gov"},
        {"us-gov-west-1", true, false, "https://sqs.us-gov-west-1.amazonaws.com", "aws-us-gov"},
        {"us-iso-east-1", false, false, "https://sqs.us-iso-east-1.c2s.ic.gov", "aws-iso"},
        {"us-isob-east-1", false, false, "https://sqs.us-isob-east-1.sc2s.sgov.gov", "aws-iso-b"},
        {"eusc-de-east-1", false, false, "https://sqs.eusc-de-east-1.amazonaws.eu", "aws-eusc"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct aws_config config = {.use_fips = rows[i].fips,
                                          .use_dualstack = rows[i].dualstack};
        struct strbuf out = {0};

        aws_endpoint(&config, slice_of(rows[i].region), &out);
        assert_string_equal(out.p, rows[i].endpoint);
        assert_string_equal(aws_partition(slice_of(rows[i].region)), rows[i].partition);
        strbuf_deinit(&out);
    }
}

#define AT_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AT_HOME(nothing_is_set_anywhere),
        AT_HOME(the_nearest_region_counts),
        AT_HOME(the_credentials_file_comes_first),
        AT_HOME(files_may_be_elsewhere),
        AT_HOME(the_nearest_endpoint_counts),
        AT_HOME(files_may_be_elsewhere),
        AT_HOME(what_is_wrong_is_said),
        cmocka_unit_test(endpoints_of_aws),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

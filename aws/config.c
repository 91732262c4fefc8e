#include "aws/config.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sluice/base.h>

#include "aws/ini.h"
#include "core/arn.h"
#include "core/uri.h"

enum { ATTEMPTS_DEFAULT = 3, ATTEMPTS_MAX = 20 };

/* While loading: the files, which are not kept because they hold secrets. */
struct loading {
    struct aws_config *config;
    struct aws_ini config_file, credentials_file;
    struct problem *problem;
    bool failed; /* no memory */
};

const char *aws_env(const struct aws_config *config, const char *name)
{
    const char *value = config->env(name);

    return value && *value ? value : NULL;
}

static const char *process_env(const char *name)
{
    return getenv(name);
}

static void setting_free(struct aws_setting *setting)
{
    free(setting->value);
    free(setting->origin);
}

void aws_config_free(struct aws_config *config)
{
    if (!config)
        return;
    setting_free(&config->profile);
    setting_free(&config->region);
    setting_free(&config->profile_region);
    setting_free(&config->endpoint);
    setting_free(&config->ca_bundle);
    free(config->config_path);
    free(config->credentials_path);
    free(config->home);
    free(config);
}

static char *copy_of(struct loading *l, const char *text)
{
    char *copy = strdup(text);

    l->failed |= !copy;
    return copy;
}

/* Sets what is not set yet. Nothing any more once memory has failed: what could not be set is not to be had from elsewhere. */
static void settle(struct loading *l, struct aws_setting *setting, const char *value,
                   const char *origin)
{
    if (l->failed || setting->value || !value || !*value)
        return;
    setting->value = copy_of(l, value);
    setting->origin = origin ? copy_of(l, origin) : NULL;
}

static void settle_from_env(struct loading *l, struct aws_setting *setting, const char *name)
{
    settle(l, setting, aws_env(l->config, name), name);
}

/* The value of a key of the profile. The credentials file may hold settings, too, and is laid over
 * the other, as in botocore. */
static const char *profile_get(const struct loading *l, const char *key)
{
    const char *name = l->config->profile.value;
    const char *value = aws_ini_get(&l->credentials_file, "profile", name, key);

    return value ? value : aws_ini_get(&l->config_file, "profile", name, key);
}

static void settle_from_profile(struct loading *l, struct aws_setting *setting, const char *value)
{
    char origin[160];

    snprintf(origin, sizeof(origin), "profile %s", l->config->profile.value);
    settle(l, setting, value, origin);
}

static bool is_true(const char *value)
{
    return value && (strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

/* A switch: the environment's word, else the profile's. */
static bool is_on(const struct loading *l, const char *variable, const char *key)
{
    const char *value = aws_env(l->config, variable);

    return is_true(value ? value : profile_get(l, key));
}

/* ---- where the files are ---- */

static void find_home(struct loading *l)
{
    const char *home = aws_env(l->config, "HOME");
    struct passwd entry, *found = NULL;
    char storage[4096];

    if (!home && l->config->env == process_env &&
        getpwuid_r(getuid(), &entry, storage, sizeof(storage), &found) == 0 && found)
        home = found->pw_dir;
    if (home)
        l->config->home = copy_of(l, home);
}

/* `given`, with its "~/" replaced, else `below_home`. NULL: neither. */
static char *find_path(struct loading *l, const char *given, const char *below_home)
{
    struct strbuf path = {0};
    const char *rest = given ? given : below_home;
    bool in_home = !given || strncmp(given, "~/", 2) == 0;
    char *text;

    if (in_home && !l->config->home)
        return NULL;
    if (in_home)
        strbuf_addf(&path, "%s/", l->config->home);
    strbuf_adds(&path, given && in_home ? rest + 2 : rest);
    text = strbuf_take(&path, NULL);
    l->failed |= !text;
    return text;
}

void aws_show_path(const struct aws_config *config, const char *path, struct strbuf *out)
{
    size_t n = config->home ? strlen(config->home) : 0;

    if (n > 1 && strncmp(path, config->home, n) == 0 && path[n] == '/') {
        strbuf_addc(out, '~');
        path += n;
    }
    strbuf_adds(out, path);
}

/* 0, PROBLEM or negative. */
static int read_file(struct loading *l, struct aws_ini *ini, enum aws_ini_kind kind,
                     const char *path)
{
    struct strbuf shown = {0};
    int result = path ? aws_ini_read(ini, kind, path) : AWS_INI_MISSING;

    if (result == AWS_INI_OK || result == AWS_INI_MISSING || result == -ENOMEM)
        return result == -ENOMEM ? result : 0;
    aws_show_path(l->config, path, &shown);
    if (result == AWS_INI_MALFORMED)
        problem_set(l->problem, EXIT_BAD_CONFIG,
                    "%s, line %d: neither [section], key = value nor # comment\n"
                    "  do:    mend that line; a [section] stands at its beginning "
                    "(aws configure list reads the same file)",
                    shown.p, ini->line);
    else if (result == AWS_INI_TOO_LARGE)
        problem_set(l->problem, EXIT_BAD_CONFIG,
                    "%s is larger than 1 MiB: that is no AWS configuration", shown.p);
    else
        problem_set(l->problem, EXIT_BAD_CONFIG, "%s can't be read: %s", shown.p,
                    strerror(-result));
    strbuf_deinit(&shown);
    return PROBLEM;
}

/* ---- the profile ---- */

/* The names of the profiles that a file has, for an error. */
static void list_profiles(const struct aws_config *config, const struct aws_ini *ini,
                          const char *path, struct strbuf *out)
{
    const char *separator = " (has ";

    strbuf_adds(out, out->n ? ", " : "");
    aws_show_path(config, path ? path : "no file: HOME is not set", out);
    for (size_t i = 0; i < ini->count; i++) {
        if (ini->entries[i].key || strncmp(ini->entries[i].section, "profile ", 8) != 0)
            continue;
        strbuf_addf(out, "%s%.64s", separator, ini->entries[i].section + 8);
        separator = ", ";
    }
    strbuf_adds(out, strcmp(separator, ", ") == 0 ? ")" : " (has none)");
}

/* A profile that was asked for must exist; "default" need not. */
static int check_profile(struct loading *l)
{
    const struct aws_config *config = l->config;
    struct strbuf tried = {0};

    if (!config->profile.origin || aws_ini_has(&l->config_file, "profile", config->profile.value) ||
        aws_ini_has(&l->credentials_file, "profile", config->profile.value))
        return 0;
    list_profiles(config, &l->config_file, config->config_path, &tried);
    list_profiles(config, &l->credentials_file, config->credentials_path, &tried);
    problem_set(l->problem, EXIT_BAD_CONFIG,
                "there is no profile %.100s (named by %s)\n  tried: %s\n"
                "  do:    --profile with one of those, or aws configure --profile %.100s",
                config->profile.value, config->profile.origin, tried.p, config->profile.value);
    strbuf_deinit(&tried);
    return PROBLEM;
}

static void find_profile(struct loading *l, const char *given)
{
    struct aws_setting *profile = &l->config->profile;

    settle(l, profile, given, "--profile");
    settle_from_env(l, profile, "AWS_PROFILE");
    settle_from_env(l, profile, "AWS_DEFAULT_PROFILE");
    settle(l, profile, "default", NULL);
}

/* ---- region and endpoint ---- */

static int find_region(struct loading *l, const char *given)
{
    struct aws_config *config = l->config;
    const char *of_profile = profile_get(l, "region");

    settle(l, &config->region, given, "--region");
    settle_from_env(l, &config->region, "AWS_REGION");
    settle_from_env(l, &config->region, "AWS_DEFAULT_REGION");
    settle_from_profile(l, &config->region, of_profile);
    settle_from_profile(l, &config->profile_region, of_profile);
    if (!config->region.value || arn_region_is_valid(slice_of(config->region.value)))
        return 0;
    return problem_set(l->problem, EXIT_BAD_CONFIG,
                       "%.64s is no region (it came from %s)\n"
                       "  do:    --region with one like eu-central-1",
                       config->region.value, config->region.origin);
}

/* The section that a profile names for endpoints of single services. */
static const char *service_endpoint(const struct loading *l)
{
    const char *services = profile_get(l, "services");

    if (!services)
        return NULL;
    return aws_ini_get(&l->config_file, "services", services, "sqs.endpoint_url");
}

static int find_endpoint(struct loading *l, const char *given)
{
    struct aws_setting *endpoint = &l->config->endpoint;
    enum uri_result result;
    struct uri uri = {0};
    size_t n;

    settle(l, endpoint, given, "--endpoint-url");
    if (!is_on(l, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")) {
        settle_from_env(l, endpoint, "AWS_ENDPOINT_URL_SQS");
        settle_from_env(l, endpoint, "AWS_ENDPOINT_URL");
        settle_from_profile(l, endpoint, service_endpoint(l));
        settle_from_profile(l, endpoint, profile_get(l, "endpoint_url"));
    }
    if (!endpoint->value)
        return 0;
    result = uri_read(slice_of(endpoint->value), &uri);
    if (result == URI_OK)
        result = uri_judge(&uri, l->config->allow_http);
    if (result == URI_OK && uri.query.n == 0) {
        for (n = strlen(endpoint->value); n > 0 && endpoint->value[n - 1] == '/'; n--)
            endpoint->value[n - 1] = '\0';
        return 0;
    }
    return problem_set(l->problem, EXIT_BAD_CONFIG, "the endpoint from %s %s\n  do:    %s",
                       endpoint->origin, result == URI_OK ? "has a query" : uri_problem(result),
                       result == URI_NOT_ENCRYPTED
                           ? "https://, or --allow-http if that network is trusted"
                           : "a URL like https://sqs.eu-central-1.amazonaws.com");
}

/* ---- the rest ---- */

static int find_attempts(struct loading *l)
{
    const char *of_env = aws_env(l->config, "AWS_MAX_ATTEMPTS");
    const char *value = of_env ? of_env : profile_get(l, "max_attempts");
    char *end;
    long n;

    l->config->attempts_max = ATTEMPTS_DEFAULT;
    if (!value)
        return 0;
    n = strtol(value, &end, 10);
    if (*end || end == value || n < 1)
        return problem_set(
            l->problem, EXIT_BAD_CONFIG, "%.32s is no number of attempts (%s): 1 to %d", value,
            of_env ? "AWS_MAX_ATTEMPTS" : "max_attempts of the profile", ATTEMPTS_MAX);
    l->config->attempts_max = n > ATTEMPTS_MAX ? ATTEMPTS_MAX : (unsigned)n;
    return 0;
}

static void find_rest(struct loading *l)
{
    struct aws_config *config = l->config;

    settle_from_env(l, &config->ca_bundle, "AWS_CA_BUNDLE");
    settle_from_profile(l, &config->ca_bundle, profile_get(l, "ca_bundle"));
    config->use_fips = is_on(l, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    config->use_dualstack = is_on(l, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    config->skew_correction = !is_true(aws_env(config, "AWS_DISABLE_CLOCK_SKEW_CORRECTION"));
}

static int load(struct loading *l, const struct aws_config_options *options)
{
    struct aws_config *config = l->config;
    int result;

    find_home(l);
    config->config_path = find_path(l, aws_env(config, "AWS_CONFIG_FILE"), ".aws/config");
    config->credentials_path =
        find_path(l, aws_env(config, "AWS_SHARED_CREDENTIALS_FILE"), ".aws/credentials");
    find_profile(l, options->profile);
    result = l->failed ? -ENOMEM : 0;
    if (result == 0)
        result = read_file(l, &l->config_file, AWS_INI_CONFIG, config->config_path);
    if (result == 0)
        result = read_file(l, &l->credentials_file, AWS_INI_CREDENTIALS, config->credentials_path);
    if (result == 0)
        result = check_profile(l);
    if (result == 0)
        result = find_region(l, options->region);
    if (result == 0)
        result = find_endpoint(l, options->endpoint_url);
    if (result == 0)
        result = find_attempts(l);
    if (result == 0)
        find_rest(l);
    return l->failed ? -ENOMEM : result;
}

int aws_config_load(struct aws_config **out, const struct aws_config_options *options,
                    struct problem *problem)
{
    struct aws_config *config = calloc(1, sizeof(*config));
    struct loading l = {.config = config, .problem = problem};
    int result;

    if (!config)
        return -ENOMEM;
    config->env = options->env ? options->env : process_env;
    config->allow_http = options->allow_http;
    result = load(&l, options);
    aws_ini_deinit(&l.config_file);
    aws_ini_deinit(&l.credentials_file);
    if (result == 0)
        *out = config;
    else
        aws_config_free(config);
    return result;
}

/* ---- AWS's own endpoints ---- */

/* The partitions of botocore's partitions.json; the first prefix that fits is it. */
static const struct partition {
    const char *prefix, *name, *suffix, *dualstack_suffix;
} partitions[] = {
    {"cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"us-gov-", "aws-us-gov", "amazonaws.com", "api.aws"},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"us-iso-", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov"},
    {"eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"", "aws", "amazonaws.com", "api.aws"},
};

static const struct partition *partition_of(struct slice region)
{
    const struct partition *p = partitions;

    while (region.n < strlen(p->prefix) || memcmp(region.p, p->prefix, strlen(p->prefix)) != 0)
        p++;
    return p;
}

const char *aws_partition(struct slice region)
{
    return partition_of(region)->name;
}

void aws_endpoint(const struct aws_config *config, struct slice region, struct strbuf *out)
{
    const struct partition *p = partition_of(region);
    /* In GovCloud the plain name is the FIPS endpoint (the endpoint rules of the service model). */
    bool has_fips_name = strcmp(p->name, "aws-us-gov") != 0 || config->use_dualstack;

    if (config->endpoint.value) {
        strbuf_adds(out, config->endpoint.value);
        return;
    }
    strbuf_adds(out, config->use_fips && has_fips_name ? "https://sqs-fips." : "https://sqs.");
    strbuf_add_slice(out, region);
    strbuf_addc(out, '.');
    strbuf_adds(out, config->use_dualstack ? p->dualstack_suffix : p->suffix);
}

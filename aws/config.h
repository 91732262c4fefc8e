/*
 * aws_config -- region, endpoint and the like, found where every AWS SDK looks for them: flags,
 * then AWS_* variables, then the profile in ~/.aws/config and ~/.aws/credentials.
 *
 * Each value remembers where it came from, because an error that says "the region came from
 * AWS_REGION; profile prod says eu-central-1" is half solved. Secrets are not kept here:
 * credentials.h reads them anew each time it needs them.
 *
 * Life: aws_config_load → read the fields, any number of clients → aws_config_free. It does not
 * change after it is loaded.
 */
#ifndef AWS_CONFIG_H
#define AWS_CONFIG_H

#include <stdbool.h>

#include "core/problem.h"
#include "core/slice.h"

/* A value and where it came from: "--region", "AWS_REGION", "profile prod". Both NULL when it is
 * not set anywhere. */
struct aws_setting {
    char *value;
    char *origin;
};

/* What the user gave as flags. Strings are borrowed for the call; NULL = not given. */
struct aws_config_options {
    const char *region;
    const char *profile;
    const char *endpoint_url;
    bool allow_http;                  /* http:// endpoints other than loopback */
    const char *(*env)(const char *); /* the environment; NULL = getenv */
};

struct aws_config {
    struct aws_setting profile;        /* --profile, AWS_PROFILE, or "default" (origin NULL) */
    struct aws_setting region;         /* value NULL: nobody named one; a queue's URL still may */
    struct aws_setting profile_region; /* what the profile says, also when something else won */
    struct aws_setting endpoint;       /* no slash at the end; value NULL: AWS's own, by region */
    struct aws_setting ca_bundle;      /* PEM file for TLS; value NULL: the system's */
    char *config_path;                 /* AWS_CONFIG_FILE, else ~/.aws/config; NULL: no home */
    char *credentials_path;            /* AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials */
    char *home;                        /* HOME, else the user's entry in passwd; NULL: neither */
    bool allow_http;
    bool use_fips;         /* AWS_USE_FIPS_ENDPOINT, use_fips_endpoint */
    bool use_dualstack;    /* AWS_USE_DUALSTACK_ENDPOINT, use_dualstack_endpoint */
    bool skew_correction;  /* false: AWS_DISABLE_CLOCK_SKEW_CORRECTION */
    unsigned attempts_max; /* AWS_MAX_ATTEMPTS, max_attempts: tries of one request, 1-20; 3 */
    const char *(*env)(const char *);
};

/*
 * Reads flags, environment and files. A file that is not there is as good as an empty one. Does
 * not wait, beyond reading two small files.
 *   0         *out is the caller's: aws_config_free
 *   PROBLEM   a profile that was named and does not exist, an endpoint that is not http(s), a
 *             number that is none, a file that can't be read: `problem` says which
 *   -ENOMEM
 */
int aws_config_load(struct aws_config **out, const struct aws_config_options *options,
                    struct problem *problem);
/* NULL is fine. */
void aws_config_free(struct aws_config *config);

/*
 * Appends the base URL, without a slash at the end, that requests for SQS in `region` go to: the
 * endpoint that is set, else https://sqs.REGION.amazonaws.com and its forms for the other
 * partitions, FIPS and dual stack. `out` fails without memory.
 */
void aws_endpoint(const struct aws_config *config, struct slice region, struct strbuf *out);

/* "aws", "aws-cn", "aws-us-gov" …: the partition of a region, for ARNs. Static storage. */
const char *aws_partition(struct slice region);

/* Appends a path for people: the home directory is "~". */
void aws_show_path(const struct aws_config *config, const char *path, struct strbuf *out);

/* The value of a variable; NULL when it is not set, or empty. */
const char *aws_env(const struct aws_config *config, const char *name);

#endif

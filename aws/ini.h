/*
 * ini -- one of AWS's shared files, ~/.aws/config or ~/.aws/credentials, as a list of sections,
 * keys and values.
 *
 * The dialect is that of the AWS tools. In the config file a profile is [profile NAME], only
 * "default" may stand alone; in the credentials file it is [NAME]. Both are kept as "profile NAME".
 * Other sections ("services NAME", "sso-session NAME") keep their header as it is, with single
 * blanks. What is indented below a key without a value belongs to that key, and is kept as
 * "KEY.SUBKEY" (s3, or sqs in a services section). A later value of a key replaces an earlier one.
 *
 * The values may be secrets: freeing wipes them.
 */
#ifndef AWS_INI_H
#define AWS_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "core/slice.h"

struct aws_ini_entry {
    char *section; /* "profile prod" */
    char *key;     /* lower case; NULL: the section's header itself */
    char *value;
};

struct aws_ini {
    struct aws_ini_entry *entries;
    size_t count, room;
    int line; /* AWS_INI_MALFORMED: of the first bad line, from 1 */
};

enum aws_ini_kind { AWS_INI_CONFIG, AWS_INI_CREDENTIALS };

enum aws_ini_result {
    AWS_INI_OK = 0,
    AWS_INI_MISSING,   /* no such file: `out` is empty, and valid */
    AWS_INI_MALFORMED, /* a line is neither a section, a key nor a comment, or longer than 16 KiB, or
                          a section's header is indented below a key: `out` has only `line` */
    AWS_INI_TOO_LARGE, /* above 1 MiB: not one of these files */
};

/*
 * Reads a file. `out` needs aws_ini_deinit whatever the result. An aws_ini_result, or negative:
 * -errno of what kept the file from being read, -ENOMEM.
 */
int aws_ini_read(struct aws_ini *out, enum aws_ini_kind kind, const char *path);
/* The same from memory. */
int aws_ini_parse(struct aws_ini *out, enum aws_ini_kind kind, struct slice text);
void aws_ini_deinit(struct aws_ini *ini);

/* The value of `key` in the section "TYPE NAME"; NULL when there is none, or it is empty. */
const char *aws_ini_get(const struct aws_ini *ini, const char *type, const char *name,
                        const char *key);
/* Whether there is such a section, even an empty one. */
bool aws_ini_has(const struct aws_ini *ini, const char *type, const char *name);

#endif

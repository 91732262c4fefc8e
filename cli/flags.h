/*
 * flags -- what a command may be told, as tables: the one place that knows a flag's name, type,
 * limits, default and help.
 *
 * A row fills one field of the command's options struct. Its value comes from the command line,
 * else from the environment (SLUICE_BATCH_COUNT for --batch-count), else from the row's default,
 * which is written as a user would write it. Everything that is not understood is refused, with
 * what to do; nothing is ignored.
 *
 *     --batch-count 100   --batch-count=100   -q   --check   --check=false   --   -
 *
 * Strings that are parsed out point into argv, the environment or the table: they live as long as
 * the program. Lists live until flags_deinit.
 */
#ifndef CLI_FLAGS_H
#define CLI_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/problem.h"

enum flag_type {               /* the type of the field */
                 FLAG_SECTION, /* none: the row is a heading in the help */
                 FLAG_BOOL,    /* bool */
                 FLAG_STRING,  /* const char *; NULL: not given */
                 FLAG_CHOICE,  /* const char *, one of `value`, which is written a|b|c */
                 FLAG_LIST, /* const char **, ended by NULL; NULL: not given. In the environment one
                               a line */
                 FLAG_COUNT,    /* uint64_t */
                 FLAG_SIZE,     /* uint64_t, bytes */
                 FLAG_DURATION, /* sl_dur */
                 FLAG_RATE,     /* double, a second */
                 FLAG_SHARE,    /* double, 0 to 1, written as a percentage */
};

struct flag {
    const char *name; /* without the dashes; the heading of a FLAG_SECTION */
    enum flag_type type;
    size_t at;            /* offsetof the field */
    const char *value;    /* what the help calls it: DUR, FILE */
    const char *standard; /* the default; NULL: the field stays zero */
    const char *min;      /* limits, both included, written as a user would; NULL: none */
    const char *max;
    const char *word;  /* a value that is written out and means zero: "queue" */
    const char *help;  /* one sentence, without a full stop */
    const char *alias; /* another name for it; NULL: none */
    char letter;       /* -q; 0: none */
};

/* Rows whose fields are those of a struct that lies at `base` in the options: commands share tables
 * so. */
struct flag_table {
    const struct flag *rows;
    size_t count;
    size_t base;
};
#define FLAG_TABLE(array, base)                                                                    \
    {                                                                                              \
        (array), sizeof(array) / sizeof((array)[0]), (base)                                        \
    }

enum { FLAG_TABLES_MAX = 12, FLAGS_MAX = 64, ARGUMENTS_MAX = 4096 };

/* Two flags that make no sense together; refused when both were given. `why` completes "--a and
 * --b: …". */
struct flag_conflict {
    const char *one, *other, *why;
};

/* What flags_parse works from. */
struct flag_spec {
    const char *command;                       /* "run" */
    struct flag_table tables[FLAG_TABLES_MAX]; /* in the order of the help */
    const struct flag_conflict *conflicts;     /* ended by a NULL row; NULL: none */
    bool takes_arguments;                      /* words that are no flags: sluice send FILE... */
};

enum flag_origin { FLAG_FROM_DEFAULT, FLAG_FROM_ENVIRONMENT, FLAG_FROM_LINE };

/* The result beside the options. */
struct flags {
    const struct flag_spec *spec;
    struct {
        const char *name;
        enum flag_origin origin;
    } given[FLAGS_MAX];
    size_t given_count;
    const char **arguments; /* ended by NULL; NULL: none */
    size_t argument_count;
    void *kept[16]; /* the storage of lists */
    size_t kept_count;
};

enum flags_outcome { FLAGS_DONE = 0, FLAGS_PROBLEM = PROBLEM, FLAGS_HELP, FLAGS_VERSION };

/*
 * Fills `options` (zeroed by the caller) and `flags` from `argv` after the command, and from the
 * environment. FLAGS_DONE      both are filled FLAGS_PROBLEM   the first thing that is wrong, in
 * `problem`, exit status 64 FLAGS_HELP      -h or --help was there FLAGS_VERSION   --version was
 * there
 */
enum flags_outcome flags_parse(struct flags *flags, const struct flag_spec *spec, void *options,
                               const char *const *argv, struct problem *problem);

/* Frees the lists, those in the options included. */
void flags_deinit(struct flags *flags);

/* Where the value of --`name` came from. */
enum flag_origin flags_origin(const struct flags *flags, const char *name);
/* Whether it was given at all, on the command line or in the environment. */
bool flags_given(const struct flags *flags, const char *name);

/* Appends the rows of the tables as help: a flag a line, wrapped at 100 columns. */
void flags_help(const struct flag_spec *spec, struct strbuf *out);

/* The environment variable of a flag: "batch-count" → "SLUICE_BATCH_COUNT". */
void flag_variable(const char *name, char out[64]);

/* The one of `known` (ended by NULL) that `word` is most likely a slip for; NULL when none is near.
 */
const char *closest(const char *word, const char *const *known);

#endif

/*
 * Three passes over the rows: the command line, the environment for what it did not give, the
 * defaults for the rest. Each value goes through the same function, and so do the limits and
 * defaults that the tables hold as text.
 */
#include "cli/flags.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/base.h>

#include "core/units.h"

enum { SHOWN_MAX = 60 };

/* ---- names ---- */

void flag_variable(const char *name, char out[64])
{
    size_t n = (size_t)snprintf(out, 64, "SLUICE_%s", name);
    sl_assert(n < 64);
    for (char *p = out; *p; p++)
        *p = (char)(*p == '-' ? '_' : toupper((unsigned char)*p));
}

/* What the user wrote, fit to be shown: cut, and without control characters. */
static const char *shown(const char *text, char out[SHOWN_MAX + 4])
{
    size_t n = strlen(text);
    bool cut = n > SHOWN_MAX;
    memcpy(out, text, cut ? SHOWN_MAX : n + 1);
    if (cut)
        strcpy(out + SHOWN_MAX, "...");
    for (char *p = out; *p; p++)
        if (iscntrl((unsigned char)*p))
            *p = '?';
    return out;
}

/* ---- rows ---- */

/* A row and where its field lies in the options. */
struct place {
    const struct flag *row;
    size_t at;
};

/* The place of the nth flag of a command; false: there are fewer. */
static bool flag_at(const struct flag_spec *spec, size_t nth, struct place *out)
{
    for (size_t t = 0; t < FLAG_TABLES_MAX; t++)
        for (size_t i = 0; i < spec->tables[t].count; i++) {
            const struct flag *row = &spec->tables[t].rows[i];
            if (row->type == FLAG_SECTION || nth-- > 0)
                continue;
            *out = (struct place){row, spec->tables[t].base + row->at};
            return true;
        }
    return false;
}

static bool is_named(const char *known, const char *name, size_t n)
{
    return known && strlen(known) == n && memcmp(known, name, n) == 0;
}

static bool flag_find(const struct flag_spec *spec, const char *name, size_t n, struct place *out)
{
    for (size_t i = 0; flag_at(spec, i, out); i++)
        if (is_named(out->row->name, name, n) || is_named(out->row->alias, name, n))
            return true;
    return false;
}

static bool flag_find_letter(const struct flag_spec *spec, char letter, struct place *out)
{
    for (size_t i = 0; flag_at(spec, i, out); i++)
        if (out->row->letter == letter)
            return true;
    return false;
}

enum flag_origin flags_origin(const struct flags *flags, const char *name)
{
    for (size_t i = 0; i < flags->given_count; i++)
        if (strcmp(flags->given[i].name, name) == 0)
            return flags->given[i].origin;
    return FLAG_FROM_DEFAULT;
}

bool flags_given(const struct flags *flags, const char *name)
{
    return flags_origin(flags, name) != FLAG_FROM_DEFAULT;
}

/* ---- values ---- */

/* A value on its way from the user into the options. */
struct setting {
    struct flags *flags;
    void *options;
    struct problem *problem;
    struct place place;
    const char *text;
    enum flag_origin origin;
};

/* How the user gave, or should give, a flag: "--batch-count 5", "SLUICE_BATCH_COUNT=5", "--check".
 */
static const char *as_given(const struct setting *s, const char *text, char out[160])
{
    char variable[64], value[SHOWN_MAX + 4];
    flag_variable(s->place.row->name, variable);
    const char *what = text ? shown(text, value) : "";
    if (s->origin == FLAG_FROM_ENVIRONMENT)
        snprintf(out, 160, "%s=%s", variable, what);
    else
        snprintf(out, 160, "--%s%s%s", s->place.row->name, text ? " " : "", what);
    return out;
}

/* What the types with numbers have in common. */
struct number {
    uint64_t whole; /* counts; bytes; ns */
    double real;    /* a second; a share */
};

static const struct number_kind {
    const char *usual_unit, *units, *example;
} number_kinds[] = {
    [FLAG_COUNT] = {"", "none", "100"},
    [FLAG_SIZE] = {"KB", "B KB MB GB TB, KiB MiB GiB TiB", "64KB"},
    [FLAG_DURATION] = {"s", "us ms s m h", "5s"},
    [FLAG_RATE] = {"/s", "/s /m /h", "100/s"},
    [FLAG_SHARE] = {"%", "%", "10%"},
};

static enum units_result number_read(enum flag_type type, const char *text, struct number *out)
{
    enum units_result result = UNITS_MALFORMED;
    sl_dur duration = SL_ZERO;

    *out = (struct number){0};
    if (type == FLAG_COUNT)
        result = units_read_count(text, &out->whole);
    else if (type == FLAG_SIZE)
        result = units_read_size(text, &out->whole);
    else if (type == FLAG_RATE)
        result = units_read_rate(text, &out->real);
    else if (type == FLAG_SHARE)
        result = units_read_share(text, &out->real);
    else if (type == FLAG_DURATION && (result = units_read_duration(text, &duration)) == UNITS_OK)
        out->whole = (uint64_t)duration.ns;
    return result;
}

static void number_store(enum flag_type type, const struct number *number, void *field)
{
    if (type == FLAG_RATE || type == FLAG_SHARE)
        *(double *)field = number->real;
    else if (type == FLAG_DURATION)
        *(sl_dur *)field = sl_ns((int64_t)number->whole);
    else
        *(uint64_t *)field = number->whole;
}

/* -1, 0, 1: below, within, above the limits of the row. */
static int number_outside(const struct flag *row, const struct number *number)
{
    struct number limit;
    if (row->min && number_read(row->type, row->min, &limit) == UNITS_OK &&
        (number->whole < limit.whole || number->real < limit.real))
        return -1;
    if (row->max && number_read(row->type, row->max, &limit) == UNITS_OK &&
        (number->whole > limit.whole || number->real > limit.real))
        return 1;
    return 0;
}

/* A value that shows how one is written: the default, unless that is a word or zero, as without the flag. */
static const char *example_of(const struct flag *row)
{
    struct number standard;

    if (row->standard && !row->word &&
        number_read(row->type, row->standard, &standard) == UNITS_OK &&
        (standard.whole > 0 || standard.real > 0))
        return row->standard;
    return number_kinds[row->type].example;
}

static int bad_number(const struct setting *s, enum units_result result)
{
    const struct number_kind *kind = &number_kinds[s->place.row->type];
    char given[160], better[SHOWN_MAX], advice[160];

    as_given(s, s->text, given);
    if (result == UNITS_NO_UNIT)
        snprintf(better, sizeof better, "%.20s%s", s->text, kind->usual_unit);
    as_given(s, result == UNITS_NO_UNIT ? better : example_of(s->place.row), advice);
    if (s->place.row->type == FLAG_COUNT)
        return problem_set(
            s->problem, EXIT_BAD_USAGE, "%s %s\n  do:    %s", given,
            result == UNITS_TOO_LARGE ? units_problem(result) : "is not a whole number", advice);
    return problem_set(s->problem, EXIT_BAD_USAGE, "%s %s\n  do:    %s (units: %s)", given,
                       units_problem(result), advice, kind->units);
}

static int set_number(const struct setting *s)
{
    void *field = (char *)s->options + s->place.at;
    const struct flag *row = s->place.row;
    struct number number = {0};
    char given[160];

    if (!row->word || strcmp(s->text, row->word) != 0) {
        enum units_result result = number_read(row->type, s->text, &number);
        if (result != UNITS_OK)
            return bad_number(s, result);
        int outside = number_outside(row, &number);
        as_given(s, s->text, given);
        if (outside && row->min && row->max)
            return problem_set(s->problem, EXIT_BAD_USAGE, "%s is out of range: %s to %s", given,
                               row->min, row->max);
        if (outside)
            return problem_set(s->problem, EXIT_BAD_USAGE, "%s is too %s: %s at %s", given,
                               outside < 0 ? "small" : "large", outside < 0 ? row->min : row->max,
                               outside < 0 ? "least" : "most");
    }
    number_store(row->type, &number, field);
    return 0;
}

static int set_bool(const struct setting *s)
{
    static const char *const yes[] = {"true", "1", "yes", "on"};
    static const char *const no[] = {"false", "0", "no", "off"};
    bool *field = (bool *)(void *)((char *)s->options + s->place.at);
    char given[160];

    if (!s->text) {
        *field = true;
        return 0;
    }
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (strcmp(s->text, yes[i]) == 0 || strcmp(s->text, no[i]) == 0) {
            *field = strcmp(s->text, yes[i]) == 0;
            return 0;
        }
    return problem_set(s->problem, EXIT_BAD_USAGE, "%s is neither true nor false",
                       as_given(s, s->text, given));
}

static int set_choice(const struct setting *s)
{
    const char **field = (const char **)(void *)((char *)s->options + s->place.at);
    size_t n = strlen(s->text);
    char given[160];

    for (const char *choice = s->place.row->value; n > 0 && choice; choice = strchr(choice, '|')) {
        choice += *choice == '|';
        if (strncmp(choice, s->text, n) == 0 && (choice[n] == '|' || choice[n] == '\0')) {
            *field = s->text;
            return 0;
        }
    }
    return problem_set(s->problem, EXIT_BAD_USAGE, "%s is none of %s", as_given(s, s->text, given),
                       s->place.row->value);
}

/* Memory that lives as long as `flags`. */
static void *keep(struct flags *flags, void *memory)
{
    if (!memory)
        return NULL;
    sl_assert(flags->kept_count < sizeof flags->kept / sizeof flags->kept[0]);
    flags->kept[flags->kept_count++] = memory;
    return memory;
}

static int out_of_memory(struct problem *problem)
{
    return problem_set(problem, EXIT_INTERNAL, "out of memory");
}

/* One more in the list; its storage, made at the first, has room for `most`. */
static int list_add(const struct setting *s, const char *text, size_t most)
{
    const char ***field = (const char ***)(void *)((char *)s->options + s->place.at);
    size_t n = 0;

    if (!*field && !(*field = keep(s->flags, calloc(most + 1, sizeof **field))))
        return out_of_memory(s->problem);
    while ((*field)[n])
        n++;
    sl_assert(n < most);
    (*field)[n] = text;
    return 0;
}

/* The lines of an environment variable. */
static int set_list_lines(const struct setting *s)
{
    size_t most = 1;
    for (const char *p = s->text; (p = strchr(p, '\n')); p++)
        most++;
    char *copy = keep(s->flags, strdup(s->text));
    if (!copy)
        return out_of_memory(s->problem);
    for (char *rest = copy, *text; (text = strsep(&rest, "\n"));)
        if (*text && list_add(s, text, most))
            return PROBLEM;
    return 0;
}

static int set_value(const struct setting *s)
{
    switch (s->place.row->type) {
    case FLAG_BOOL:
        return set_bool(s);
    case FLAG_CHOICE:
        return set_choice(s);
    case FLAG_STRING:
        *(const char **)(void *)((char *)s->options + s->place.at) = s->text;
        return 0;
    case FLAG_LIST:
        if (s->origin == FLAG_FROM_ENVIRONMENT)
            return set_list_lines(s);
        return list_add(s, s->text, ARGUMENTS_MAX);
    case FLAG_COUNT:
    case FLAG_SIZE:
    case FLAG_DURATION:
    case FLAG_RATE:
    case FLAG_SHARE:
        return set_number(s);
    case FLAG_SECTION:
        break;
    }
    return 0;
}

static int set_given(const struct setting *s)
{
    struct flags *flags = s->flags;
    char given[160];

    if (s->text && *s->text == '\0')
        return problem_set(s->problem, EXIT_BAD_USAGE, "--%s is empty", s->place.row->name);
    if (set_value(s))
        return PROBLEM;
    if (flags_given(flags, s->place.row->name)) {
        if (s->place.row->type == FLAG_LIST)
            return 0;
        return problem_set(s->problem, EXIT_BAD_USAGE, "%s: --%s is given twice",
                           as_given(s, s->text, given), s->place.row->name);
    }
    sl_assert(flags->given_count < FLAGS_MAX);
    flags->given[flags->given_count].name = s->place.row->name;
    flags->given[flags->given_count++].origin = s->origin;
    return 0;
}

/* ---- the command line ---- */

static int unknown_flag(const struct setting *s, const char *name, size_t n)
{
    const char *known[2 * FLAGS_MAX + 3];
    char word[SHOWN_MAX + 4], text[SHOWN_MAX + 1];
    size_t count = 0;

    snprintf(text, sizeof text, "%.*s", n < SHOWN_MAX ? (int)n : SHOWN_MAX, name);
    struct place place;
    for (size_t i = 0; flag_at(s->flags->spec, i, &place); i++) {
        known[count++] = place.row->name;
        if (place.row->alias)
            known[count++] = place.row->alias;
    }
    known[count++] = "help";
    known[count++] = "version";
    known[count] = NULL;
    const char *near = closest(text, known);
    if (near)
        return problem_set(s->problem, EXIT_BAD_USAGE, "unknown flag --%s: did you mean --%s?",
                           shown(text, word), near);
    return problem_set(s->problem, EXIT_BAD_USAGE,
                       "unknown flag --%s\n  do:    sluice help %s lists the flags",
                       shown(text, word), s->flags->spec->command);
}

/* --name, --name=value, --name value. Returns how many words it took, or negative with the problem
 * set. */
static int take_long(struct setting *s, const char *const *argv)
{
    const char *name = argv[0] + 2;
    const char *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    const char *next = argv[1];

    if (!flag_find(s->flags->spec, name, n, &s->place))
        return unknown_flag(s, name, n) ? -1 : 0;
    s->text = equals ? equals + 1 : NULL;
    if (equals || s->place.row->type == FLAG_BOOL)
        return set_given(s) ? -1 : 1;
    if (!next || strncmp(next, "--", 2) == 0) {
        const char *example = s->place.row->standard && !s->place.row->word ? s->place.row->standard
                                                                            : s->place.row->value;
        problem_set(s->problem, EXIT_BAD_USAGE, "--%s needs a value\n  do:    --%s %s",
                    s->place.row->name, s->place.row->name, example);
        return -1;
    }
    s->text = next;
    return set_given(s) ? -1 : 2;
}

static int take_letters(struct setting *s, const char *word)
{
    char text[SHOWN_MAX + 4];
    for (const char *p = word + 1; *p; p++) {
        s->text = NULL;
        if (!flag_find_letter(s->flags->spec, *p, &s->place))
            return problem_set(s->problem, EXIT_BAD_USAGE,
                               "unknown flag %s\n  do:    sluice help %s lists the flags",
                               shown(word, text), s->flags->spec->command);
        if (set_given(s))
            return PROBLEM;
    }
    return 0;
}

static int take_argument(struct setting *s, const char *word)
{
    char text[SHOWN_MAX + 4];
    struct flags *flags = s->flags;
    if (!flags->spec->takes_arguments)
        return problem_set(s->problem, EXIT_BAD_USAGE,
                           "%s is no flag, and %s takes nothing else\n  do:    sluice help %s",
                           shown(word, text), flags->spec->command, flags->spec->command);
    if (flags->argument_count == ARGUMENTS_MAX)
        return problem_set(s->problem, EXIT_BAD_USAGE, "more than %d arguments", ARGUMENTS_MAX);
    if (!flags->arguments &&
        !(flags->arguments = keep(flags, calloc(ARGUMENTS_MAX + 1, sizeof *flags->arguments))))
        return out_of_memory(s->problem);
    flags->arguments[flags->argument_count++] = word;
    return 0;
}

static int parse_line(struct setting *s, const char *const *argv)
{
    s->origin = FLAG_FROM_LINE;
    bool is_over = false;
    while (*argv) {
        const char *word = *argv;
        int used = 1;
        if (is_over || word[0] != '-' || word[1] == '\0')
            used = take_argument(s, word) ? -1 : 1;
        else if (strcmp(word, "--") == 0)
            is_over = true;
        else if (word[1] == '-')
            used = take_long(s, argv);
        else
            used = take_letters(s, word) ? -1 : 1;
        if (used < 0)
            return PROBLEM;
        argv += used;
    }
    return 0;
}

/* ---- environment, defaults ---- */

/* What the environment says about a flag, under its name or its alias. */
static const char *environment_text(const struct flag *row)
{
    char variable[64];
    flag_variable(row->name, variable);
    const char *text = getenv(variable);
    if ((!text || !*text) && row->alias) {
        flag_variable(row->alias, variable);
        text = getenv(variable);
    }
    return text && *text ? text : NULL;
}

static int parse_environment(struct setting *s)
{
    s->origin = FLAG_FROM_ENVIRONMENT;
    for (size_t i = 0; flag_at(s->flags->spec, i, &s->place); i++) {
        s->text = environment_text(s->place.row);
        if (s->text && !flags_given(s->flags, s->place.row->name) && set_given(s))
            return PROBLEM;
    }
    return 0;
}

static int set_defaults(struct setting *s)
{
    s->origin = FLAG_FROM_DEFAULT;
    for (size_t i = 0; flag_at(s->flags->spec, i, &s->place); i++) {
        s->text = s->place.row->standard;
        if (s->text && !flags_given(s->flags, s->place.row->name) && set_value(s))
            return PROBLEM;
    }
    return 0;
}

static int check_conflicts(const struct flags *flags, struct problem *problem)
{
    const struct flag_conflict *c = flags->spec->conflicts;
    for (; c && c->one; c++)
        if (flags_given(flags, c->one) && flags_given(flags, c->other))
            return problem_set(problem, EXIT_BAD_USAGE, "--%s and --%s do not go together: %s",
                               c->one, c->other, c->why);
    return 0;
}

static enum flags_outcome asks_for_help(const char *const *argv)
{
    for (; *argv && strcmp(*argv, "--") != 0; argv++) {
        if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0)
            return FLAGS_HELP;
        if (strcmp(*argv, "--version") == 0)
            return FLAGS_VERSION;
    }
    return FLAGS_DONE;
}

enum flags_outcome flags_parse(struct flags *flags, const struct flag_spec *spec, void *options,
                               const char *const *argv, struct problem *problem)
{
    *flags = (struct flags){.spec = spec};
    enum flags_outcome asked = asks_for_help(argv);
    if (asked != FLAGS_DONE)
        return asked;
    struct setting s = {.flags = flags, .options = options, .problem = problem};
    if (parse_line(&s, argv) || parse_environment(&s) || set_defaults(&s) ||
        check_conflicts(flags, problem))
        return FLAGS_PROBLEM;
    return FLAGS_DONE;
}

void flags_deinit(struct flags *flags)
{
    for (size_t i = 0; i < flags->kept_count; i++)
        free(flags->kept[i]);
    *flags = (struct flags){0};
}

/*
 * The parser of flags over the real tables: what is understood, and the exact words for what is
 * not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

enum { WORDS_MAX = 32 };

/* A command line as one text: words are separated by single blanks, an empty one is written ''. */
struct line {
    char text[512];
    const char *argv[WORDS_MAX + 1];
};

static const char *const *split(struct line *line, const char *text)
{
    size_t n = 0;
    snprintf(line->text, sizeof line->text, "%s", text);
    for (char *rest = line->text, *word; rest && (word = strsep(&rest, " "));) {
        if (*word == '\0')
            continue;
        assert_true(n < WORDS_MAX);
        line->argv[n++] = strcmp(word, "''") == 0 ? "" : word;
    }
    line->argv[n] = NULL;
    return line->argv;
}

static const struct flag_spec *spec_of(const char *command)
{
    const struct flag_spec *const specs[] = {&run_flags,  &demo_flags,  &perseus_flags,
                                             &send_flags, &queue_flags, &queues_flags,
                                             &peek_flags};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        if (strcmp(specs[i]->command, command) == 0)
            return specs[i];
    fail_msg("no command %s", command);
    return NULL;
}

union any_options {
    struct run_options run;
    struct demo_options demo;
    struct perseus_options perseus;
    struct send_options send;
    struct queue_options queue;
    struct queues_options queues;
    struct peek_options peek;
};

static const char *const with_flags[] = {"run",   "demo",   "perseus", "send",
                                         "queue", "queues", "peek",    NULL};

/* "VARIABLE=value": set for one test. */
static void set_environment(const char *setting, bool on)
{
    char name[64];
    const char *equals = setting ? strchr(setting, '=') : NULL;
    if (!equals)
        return;
    snprintf(name, sizeof name, "%.*s", (int)(equals - setting), setting);
    if (on)
        setenv(name, equals + 1, 1);
    else
        unsetenv(name);
}

static const struct {
    const char *command, *environment, *line, *problem;
} refused[] = {
    /* unknown */
    {"run", NULL, "--batch-cuont 5", "unknown flag --batch-cuont: did you mean --batch-count?"},
    {"run", NULL, "--queue-ulr x", "unknown flag --queue-ulr: did you mean --queue-url?"},
    {"run", NULL, "--batch 5", "unknown flag --batch: did you mean --batch-count?"},
    {"run", NULL, "--until-empt=true", "unknown flag --until-empt: did you mean --until-empty?"},
    {"run", NULL, "--versoin", "unknown flag --versoin: did you mean --version?"},
    {"run", NULL, "--ledger f", "unknown flag --ledger\n  do:    sluice help run lists the flags"},
    {"run", NULL, "-x", "unknown flag -x\n  do:    sluice help run lists the flags"},
    {"demo", NULL, "--events f --rate 5/s",
     "--rate and --events do not go together: lines are sent as fast as the queue takes them"},
    {"queue", NULL, "--limits loose", "--limits loose is none of strict|relaxed"},
    {"queue", NULL, "--expired-handles keep", "--expired-handles keep is none of delete|refuse"},
    {"queue", NULL, "--seed 0", "--seed 0 is too small: 1 at least"},
    {"queue", NULL, "orders",
     "orders is no flag, and queue takes nothing else\n  do:    sluice help queue"},
    {"peek", NULL, "--max 101", "--max 101 is out of range: 1 to 100"},
    {"demo", NULL, "--count 5", "unknown flag --count\n  do:    sluice help demo lists the flags"},
    {"run", NULL, "--a\x1b[2J 5", "unknown flag --a?[2J\n  do:    sluice help run lists the flags"},
    /* words that are no flags */
    {"run", NULL, "orders",
     "orders is no flag, and run takes nothing else\n  do:    sluice help run"},
    {"run", NULL, "-- --to",
     "--to is no flag, and run takes nothing else\n  do:    sluice help run"},
    /* missing, empty, twice */
    {"run", NULL, "--batch-count", "--batch-count needs a value\n  do:    --batch-count 100"},
    {"run", NULL, "--from --to x", "--from needs a value\n  do:    --from QUEUE|-|synthetic:"},
    {"run", NULL, "--to ''", "--to is empty"},
    {"run", NULL, "--batch-age=", "--batch-age is empty"},
    {"run", NULL, "--drain 5s --drain 6s", "--drain 6s: --drain is given twice"},
    {"run", NULL, "--from a --queue-url b", "--from b: --from is given twice"},
    {"run", NULL, "--check --check", "--check: --check is given twice"},
    /* numbers */
    {"run", NULL, "--batch-count abc",
     "--batch-count abc is not a whole number\n"
     "  do:    --batch-count 100"},
    {"run", NULL, "--batch-count 0", "--batch-count 0 is out of range: 1 to 10000"},
    {"run", NULL, "--batch-count 10001", "--batch-count 10001 is out of range: 1 to 10000"},
    {"run", NULL, "--batch-age 5",
     "--batch-age 5 has no unit\n"
     "  do:    --batch-age 5s (units: us ms s m h)"},
    {"run", NULL, "--batch-age=0s", "--batch-age 0s is out of range: 1ms to 1h"},
    {"run", NULL, "--receive-wait 21s", "--receive-wait 21s is out of range: 1s to 20s"},
    {"run", NULL, "--visibility 9s", "--visibility 9s is out of range: 10s to 12h"},
    {"run", NULL, "--drain 1s", "--drain 1s is out of range: 2s to 1h"},
    {"run", NULL, "--batch-bytes 64",
     "--batch-bytes 64 has no unit\n"
     "  do:    --batch-bytes 64KB (units: B KB MB GB TB, KiB MiB GiB TiB)"},
    {"run", NULL, "--batch-bytes 1B", "--batch-bytes 1B is out of range: 1KB to 256MiB"},
    {"demo", NULL, "--rate 95", "--rate 95 has no unit\n  do:    --rate 95/s (units: /s /m /h)"},
    {"run", NULL, "--count 0", "--count 0 is too small: 1 at least"},
    {"perseus", NULL, "--fail-rate 5",
     "--fail-rate 5 has no unit\n  do:    --fail-rate 5% (units: %)"},
    {"perseus", NULL, "--fail-rate 101%",
     "--fail-rate 101% is too large\n  do:    --fail-rate 10% (units: %)"},
    {"perseus", NULL, "--fail-item few",
     "--fail-item few is malformed\n  do:    --fail-item 10% (units: %)"},
    {"perseus", NULL, "--status 99", "--status 99 is out of range: 200 to 599"},
    /* choices, booleans */
    {"run", NULL, "--format xml", "--format xml is none of lambda|json|ndjson|raw"},
    {"run", NULL, "--format lamb", "--format lamb is none of lambda|json|ndjson|raw"},
    {"run", NULL, "--check=maybe", "--check maybe is neither true nor false"},
    /* the environment is named */
    {"run", "SLUICE_BATCH_COUNT=many", "",
     "SLUICE_BATCH_COUNT=many is not a whole number\n"
     "  do:    SLUICE_BATCH_COUNT=100"},
    {"run", "SLUICE_BATCH_AGE=5", "",
     "SLUICE_BATCH_AGE=5 has no unit\n"
     "  do:    SLUICE_BATCH_AGE=5s (units: us ms s m h)"},
    {"run", "SLUICE_CONCURRENCY=9999", "", "SLUICE_CONCURRENCY=9999 is out of range: 1 to 1000"},
    {"run", "SLUICE_LOG=xml", "", "SLUICE_LOG=xml is none of text|json"},
    {"run", "SLUICE_QUIET=perhaps", "", "SLUICE_QUIET=perhaps is neither true nor false"},
    /* contradictions */
    {"run", NULL, "-q --log-level debug",
     "--quiet and --log-level do not go together: -q is a level of its own"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct line line;
        struct flags flags;
        struct problem problem;
        union any_options options = {0};
        problem_init(&problem);
        set_environment(refused[i].environment, true);
        enum flags_outcome outcome = flags_parse(&flags, spec_of(refused[i].command), &options,
                                                 split(&line, refused[i].line), &problem);
        set_environment(refused[i].environment, false);
        if (outcome != FLAGS_PROBLEM)
            fail_msg("%s was accepted", refused[i].line);
        assert_string_equal(problem.text.p, refused[i].problem);
        assert_int_equal(problem.status, EXIT_BAD_USAGE);
        problem_deinit(&problem);
        flags_deinit(&flags);
    }
}

static const struct {
    const char *line, *problem;
} mismatched[] = {
    {"", "--from is missing: a queue's URL, ARN or name; to try it here: sluice queue --queue "
         "orders"},
    {"--from orders",
     "no --to: give the service's URL, or - to see the batches on standard output"},
    {"--from - --to - --visibility 30s", "--visibility is about a queue, and --from - is none"},
    {"--from synthetic: --to - --until-empty",
     "--until-empty is about a queue, and --from synthetic: is none"},
    {"--from orders --to - --rate 5/s",
     "--rate is how fast events are invented: it goes with --from synthetic:"},
    {"--from orders --to - --undelivered f",
     "--undelivered goes with --from -: from elsewhere, what could not "
     "be delivered goes back where it came from"},
    {"--from orders --to - --bearer-file f",
     "--bearer-file is about a service, and --to - is standard output"},
    {"--from orders --to - --json", "--json and --to - would both write to standard output\n"
                                    "  do:    --account FILE"},
    {"--from orders --to https://x --bearer-file f --header authorization:x",
     "--bearer-file and --header 'Authorization: ...' do not go together: a request has one "
     "Authorization"},
    {"--from orders --to https://x --header X:a\r\nY:b",
     "--header X: it has a control character, such as a line break"},
    {"--from orders --to https://x --visibility 10.5s",
     "--visibility 10s500ms: SQS counts in whole seconds"},
};

static void test_mismatched(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mismatched / sizeof mismatched[0]; i++) {
        struct line line;
        struct flags flags;
        struct problem problem;
        struct run_options options = {0};
        problem_init(&problem);
        int parsed = (int)flags_parse(&flags, &run_flags, &options,
                                      split(&line, mismatched[i].line), &problem);
        assert_int_equal(parsed, FLAGS_DONE);
        assert_int_equal(run_options_check(&options, &flags, &problem), PROBLEM);
        assert_string_equal(problem.text.p, mismatched[i].problem);
        problem_deinit(&problem);
        flags_deinit(&flags);
    }
}

static void parse_run(struct flags *flags, struct run_options *options, struct line *line,
                      const char *text)
{
    struct problem problem;
    problem_init(&problem);
    *options = (struct run_options){0};
    enum flags_outcome outcome =
        flags_parse(flags, &run_flags, options, split(line, text), &problem);
    if (outcome != FLAGS_DONE)
        fail_msg("%s: %s", text, problem.text.p);
    problem_deinit(&problem);
}

static void test_defaults(void **state)
{
    (void)state;
    struct flags flags;
    struct run_options o;
    struct line line;
    parse_run(&flags, &o, &line, "");
    assert_null(o.from);
    assert_int_equal(o.batch.count, 100);
    assert_int_equal(o.batch.bytes, 1000000);
    assert_int_equal(o.batch.age.ns, 5000000000);
    assert_int_equal(o.batch.concurrency, 10);
    assert_int_equal(o.timeout.ns, 20000000000);
    assert_string_equal(o.format, "lambda");
    assert_int_equal(o.visibility.ns, 0);
    assert_int_equal(o.receivers, 10);
    assert_int_equal(o.receive_wait.ns, 5000000000);
    assert_int_equal(o.in_flight, 0);
    assert_int_equal(o.drain.ns, 25000000000);
    assert_int_equal(o.count, 0);
    assert_int_equal(o.run_for.ns, 0);
    assert_true(o.rate == 0);
    assert_null(o.headers);
    assert_string_equal(o.output.log, "text");
    assert_false(o.check || o.until_empty || o.output.quiet || o.output.json || o.aws.allow_http);
    assert_false(flags_given(&flags, "batch-count"));
    flags_deinit(&flags);
}

static void test_understood(void **state)
{
    (void)state;
    struct flags flags;
    struct run_options o;
    struct line line;
    parse_run(
        &flags, &o, &line,
        "--queue-url=orders --url https://x --batch-count=7 --batch-bytes 64KB --batch-age 1m30s "
        "--visibility 2m --header a:1 --header b:2 -q --check --until-empty=false --format ndjson");
    assert_string_equal(o.from, "orders");
    assert_string_equal(o.to, "https://x");
    assert_int_equal(o.batch.count, 7);
    assert_int_equal(o.batch.bytes, 64000);
    assert_int_equal(o.batch.age.ns, 90000000000);
    assert_int_equal(o.visibility.ns, 120000000000);
    assert_string_equal(o.headers[0], "a:1");
    assert_string_equal(o.headers[1], "b:2");
    assert_null(o.headers[2]);
    assert_true(o.output.quiet);
    assert_true(o.check);
    assert_false(o.until_empty);
    assert_string_equal(o.format, "ndjson");
    assert_int_equal(flags_origin(&flags, "from"), FLAG_FROM_LINE);
    flags_deinit(&flags);
    parse_run(&flags, &o, &line, "--from - --to - --visibility queue");
    assert_string_equal(o.from, "-");
    assert_string_equal(o.to, "-");
    assert_int_equal(o.visibility.ns, 0);
    flags_deinit(&flags);
}

static void test_environment(void **state)
{
    (void)state;
    struct flags flags;
    struct run_options o;
    struct line line;
    setenv("SLUICE_BATCH_COUNT", "50", 1);
    setenv("SLUICE_CONCURRENCY", "3", 1);
    setenv("SLUICE_QUEUE_URL", "orders", 1);
    setenv("SLUICE_HEADER", "a: 1\n\nb: 2\n", 1);
    setenv("SLUICE_UNTIL_EMPTY", "1", 1);
    setenv("SLUICE_DRAIN", "", 1); /* as good as not set: compose files write it so */
    parse_run(&flags, &o, &line, "--batch-count 60");
    assert_int_equal(o.batch.count, 60);
    assert_int_equal(o.batch.concurrency, 3);
    assert_string_equal(o.from, "orders");
    assert_string_equal(o.headers[0], "a: 1");
    assert_string_equal(o.headers[1], "b: 2");
    assert_null(o.headers[2]);
    assert_true(o.until_empty);
    assert_int_equal(o.drain.ns, 25000000000);
    assert_int_equal(flags_origin(&flags, "concurrency"), FLAG_FROM_ENVIRONMENT);
    assert_int_equal(flags_origin(&flags, "drain"), FLAG_FROM_DEFAULT);
    flags_deinit(&flags);
    static const char *const names[] = {"BATCH_COUNT", "CONCURRENCY", "QUEUE_URL",
                                        "HEADER",      "UNTIL_EMPTY", "DRAIN"};
    for (size_t i = 0; i < 6; i++) {
        char variable[64];
        snprintf(variable, sizeof variable, "SLUICE_%s", names[i]);
        unsetenv(variable);
    }
}

static void test_help_and_arguments(void **state)
{
    (void)state;
    struct flags flags;
    struct line line;
    struct problem problem;
    struct send_options o = {0};
    problem_init(&problem);
    assert_int_equal(flags_parse(&flags, &send_flags, &o, split(&line, "--nonsense -h"), &problem),
                     FLAGS_HELP);
    assert_int_equal(flags_parse(&flags, &send_flags, &o, split(&line, "a --help"), &problem),
                     FLAGS_HELP);
    assert_int_equal(flags_parse(&flags, &send_flags, &o, split(&line, "--version"), &problem),
                     FLAGS_VERSION);
    assert_int_equal(
        flags_parse(&flags, &send_flags, &o, split(&line, "--to q one - -- --three"), &problem),
        FLAGS_DONE);
    assert_int_equal(flags.argument_count, 3);
    assert_string_equal(flags.arguments[0], "one");
    assert_string_equal(flags.arguments[1], "-");
    assert_string_equal(flags.arguments[2], "--three");
    assert_null(flags.arguments[3]);
    flags_deinit(&flags);
    problem_deinit(&problem);
}

/* Every row is one that help can print, whose default and limits its own parser takes, and whose
 * names are its alone. */
static void test_tables(void **state)
{
    (void)state;
    for (size_t c = 0; with_flags[c]; c++) {
        struct flags flags;
        struct problem problem;
        union any_options options = {0};
        const char *none[] = {NULL};
        problem_init(&problem);
        const struct flag_spec *spec = spec_of(with_flags[c]);
        assert_int_equal(flags_parse(&flags, spec, &options, none, &problem), FLAGS_DONE);
        struct strbuf help = {0};
        flags_help(spec, &help);
        assert_false(strbuf_failed(&help));
        for (const struct flag_conflict *x = spec->conflicts; x->one; x++) {
            char name[80];
            snprintf(name, sizeof name, "--%s ", x->one);
            assert_non_null(strstr(help.p, name));
            snprintf(name, sizeof name, "--%s ", x->other);
            assert_non_null(strstr(help.p, name));
        }
        for (char *rest = help.p, *text; rest && (text = strsep(&rest, "\n"));)
            assert_true(strlen(text) <= 100);
        strbuf_deinit(&help);
        flags_deinit(&flags);
        problem_deinit(&problem);
    }
}

/* The manual has every flag of every command. */
static void test_manual(void **state)
{
    (void)state;
    static char manual[65536];
    FILE *file = fopen("man/sluice.1.scd", "r");
    assert_non_null(file);
    assert_true(fread(manual, 1, sizeof manual - 1, file) > 0);
    fclose(file);
    for (size_t c = 0; with_flags[c]; c++) {
        const struct flag_spec *spec = spec_of(with_flags[c]);
        for (size_t t = 0; t < FLAG_TABLES_MAX; t++)
            for (size_t i = 0; i < spec->tables[t].count; i++) {
                char name[80];
                snprintf(name, sizeof name, "*--%s*", spec->tables[t].rows[i].name);
                if (spec->tables[t].rows[i].type != FLAG_SECTION && !strstr(manual, name))
                    fail_msg("%s is not in the manual", name);
            }
    }
}

static void test_closest(void **state)
{
    (void)state;
    static const char *const known[] = {"run", "demo", "perseus", "send", "help", NULL};
    assert_string_equal(closest("rnu", known), "run");
    assert_string_equal(closest("persues", known), "perseus");
    assert_string_equal(closest("snd", known), "send");
    assert_string_equal(closest("pers", known), "perseus");
    assert_null(closest("x", known));
    assert_null(closest("deliver", known));
    assert_null(closest("a-word-that-is-far-longer-than-any-name-of-a-flag", known));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_mismatched),
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_understood),
        cmocka_unit_test(test_environment), cmocka_unit_test(test_help_and_arguments),
        cmocka_unit_test(test_tables),      cmocka_unit_test(test_manual),
        cmocka_unit_test(test_closest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

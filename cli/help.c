/* sluice help, --help and --version: the list of commands, and a command's flags out of its table.
 */
#include <string.h>

#include <sluice/task.h>

#include "cli/command.h"
#include "io/versions.h"

static const char NOTES[] =
    "\nDurations: 250ms 5s 10m 1h30m. Sizes: 64KB (1000) 1MiB (1024). Rates: 500/s 30/m. Shares: "
    "1%.\n"
    "Every flag has an environment variable: SLUICE_BATCH_COUNT for --batch-count. The flag wins.\n"
    "Secrets come from files or the environment, never from flags. The manual: man sluice\n";

static void add_overview(struct strbuf *out)
{
    strbuf_adds(out, "sluice takes events from an Amazon SQS queue and posts them in batches to an "
                     "HTTP service.\n"
                     "An event leaves the queue only after the service has confirmed it.\n\n");
    for (const struct command *const *command = commands; *command; command++)
        strbuf_addf(out, "  sluice %-8s  %s\n", (*command)->name, (*command)->summary);
    strbuf_adds(out, "\nsluice help COMMAND lists its flags. To begin:\n"
                     "  sluice demo\n"
                     "  sluice run --from synthetic: --to - --batch-count 2 --count 2\n");
}

static void add_command(const struct command *command, struct strbuf *out)
{
    strbuf_addf(out, "sluice %s %s\n  %s\n", command->name, command->synopsis, command->summary);
    if (command->flags)
        flags_help(command->flags, out);
    if (command->examples)
        strbuf_addf(out, "\nExamples\n%s", command->examples);
    if (command->flags)
        strbuf_adds(out, NOTES);
}

int print_help(const struct command *command)
{
    struct strbuf out = {0};
    if (command)
        add_command(command, &out);
    else
        add_overview(&out);
    int status = print_out(command, &out);
    strbuf_deinit(&out);
    return status;
}

int print_version(void)
{
    struct strbuf out = {0};
    strbuf_addf(&out, "sluice %s\n", SLUICE_VERSION);
    io_versions(&out);
    strbuf_addf(&out, ", %s\n", sl_run_version());
    int status = print_out(NULL, &out);
    strbuf_deinit(&out);
    return status;
}

static int unknown(const struct command *self, const char *word)
{
    struct problem problem;
    problem_init(&problem);
    problem_set(&problem, EXIT_BAD_USAGE,
                "there is no command %.40s\n  do:    sluice help lists them", word);
    int status = command_refuse(self, &problem);
    problem_deinit(&problem);
    return status;
}

static int run_help(const struct command *command, const char *const *argv)
{
    bool is_flag = argv[0] && argv[0][0] == '-';
    if (argv[0] && strcmp(argv[0], "--version") == 0)
        return print_version();
    if (!argv[0] || is_flag)
        return print_help(NULL);
    const struct command *about = command_find(argv[0]);
    return about ? print_help(about) : unknown(command, argv[0]);
}

const struct command command_help = {
    .name = "help",
    .synopsis = "[COMMAND]",
    .summary = "this, or a command's flags",
    .run = run_help,
};

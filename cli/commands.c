/* The subcommands, in the order of the help, and what they share. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/files.h"
#include "ops/log.h"

const struct command *const commands[] = {
    &command_run,    &command_demo, &command_perseus,  &command_send, &command_queue,
    &command_queues, &command_peek, &command_simulate, &command_help, NULL,
};

const struct command *command_find(const char *name)
{
    for (const struct command *const *command = commands; *command; command++)
        if (strcmp((*command)->name, name) == 0)
            return *command;
    return NULL;
}

bool command_begin(const struct command *command, const char *const *argv, void *options,
                   struct flags *flags, int *status)
{
    struct problem problem;
    problem_init(&problem);
    enum flags_outcome outcome = flags_parse(flags, command->flags, options, argv, &problem);
    if (outcome == FLAGS_HELP)
        *status = print_help(command);
    else if (outcome == FLAGS_VERSION)
        *status = print_version();
    else if (outcome == FLAGS_PROBLEM)
        *status = command_refuse(command, &problem);
    problem_deinit(&problem);
    return outcome == FLAGS_DONE;
}

int command_refuse(const struct command *command, const struct problem *problem)
{
    struct strbuf text = {0};
    strbuf_addf(&text, "sluice%s%s: %s\n", command ? " " : "", command ? command->name : "",
                problem->text.n > 0 ? problem->text.p : "out of memory");
    print_err(&text);
    strbuf_deinit(&text);
    return (int)problem->status;
}

int command_fail(const struct command *command, int error)
{
    struct problem problem;
    problem_init(&problem);
    problem_set(&problem, EXIT_INTERNAL, "%s", strerror(-error));
    int status = command_refuse(command, &problem);
    problem_deinit(&problem);
    return status;
}

void output_open(const struct output_options *output)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    enum log_level level = LOG_DEBUG;
    while (level < LOG_ERROR && strcmp(levels[level], output->log_level) != 0)
        level++;
    log_open(STDERR_FILENO, strcmp(output->log, "json") == 0 ? LOG_JSON : LOG_TEXT,
             output->quiet ? LOG_ERROR : level);
}

int print_out(const struct command *command, const struct strbuf *text)
{
    struct problem problem;
    int error = strbuf_failed(text) ? -ENOMEM : write_all(STDOUT_FILENO, strbuf_slice(text));
    if (error == 0 || error == -EPIPE) /* the reader has seen enough */
        return 0;
    problem_init(&problem);
    problem_set(&problem, EXIT_NOT_AVAILABLE, "standard output can't be written: %s",
                write_failure(error));
    int status = command_refuse(command, &problem);
    problem_deinit(&problem);
    return status;
}

void print_err(const struct strbuf *text)
{
    write_briefly(STDERR_FILENO, strbuf_slice(text));
}

void program_end(int status)
{
    fflush(stdout);
    _exit(status);
}

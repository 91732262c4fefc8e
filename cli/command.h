/*
 * command -- the subcommands of sluice, as a table, and what they share: reading their flags,
 * speaking, ending.
 *
 * To add one: a file with a `struct command`, a row in commands.c, and a section in
 * man/sluice.1.scd.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/options.h"
#include "core/problem.h"
#include "core/strbuf.h"

struct command {
    const char *name;
    const char *synopsis;          /* what follows "sluice NAME", as in the manual */
    const char *summary;           /* one line in the list of commands */
    const char *examples;          /* lines of the help; NULL: none */
    const struct flag_spec *flags; /* NULL: reads its words itself */
    int (*run)(const struct command *command,
               const char *const *argv); /* the words after the name; exit status */
};

/* Ended by NULL. */
extern const struct command *const commands[];
extern const struct command command_run, command_demo, command_perseus, command_send, command_queue,
    command_queues, command_peek, command_simulate, command_help;

/* NULL: there is none of that name. */
const struct command *command_find(const char *name);

/*
 * Reads a command's flags into `options` (zeroed). true: go on. false: it has been dealt with
 * (help, version, or a problem told on stderr), and *status is the exit status.
 */
bool command_begin(const struct command *command, const char *const *argv, void *options,
                   struct flags *flags, int *status);

/* Tells a problem on stderr ("sluice run: …") and gives its exit status. */
int command_refuse(const struct command *command, const struct problem *problem);

/* The same for an unforeseen error, negative errno. */
int command_fail(const struct command *command, int error);

/* Opens the log as the flags say. */
void output_open(const struct output_options *output);

/*
 * Writes to standard output, all of it, waiting as long as its reader takes; SIGINT and SIGTERM end the wait: see write_all.
 * 0, or the exit status when it can't be written; that has been told on stderr.
 */
int print_out(const struct command *command, const struct strbuf *text);

/* Writes to stderr what it takes within a second: a pipe that nobody reads holds up nothing. */
void print_err(const struct strbuf *text);

/*
 * Ends the process with that status, at once: what is written is written, and nobody waits for
 * helper threads. Callable from a task.
 */
_Noreturn void program_end(int status);

/* help.c */
int print_help(const struct command *command); /* NULL: of sluice itself. The exit status */
int print_version(void);

#endif

/*
 * main -- finds the command. It ends by _exit: exit would wait for helper threads that are stuck in
 * a look-up or a read.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

static int unknown_command(const char *word)
{
    const char *names[16];
    struct problem problem;
    size_t n = 0;

    for (const struct command *const *command = commands; *command; command++)
        names[n++] = (*command)->name;
    names[n] = NULL;
    const char *near = closest(word, names);
    problem_init(&problem);
    if (near)
        problem_set(&problem, EXIT_BAD_USAGE, "there is no command %.40s: did you mean sluice %s?",
                    word, near);
    else
        problem_set(&problem, EXIT_BAD_USAGE,
                    "there is no command %.40s\n  do:    sluice help lists them", word);
    int status = command_refuse(NULL, &problem);
    problem_deinit(&problem);
    return status;
}

static int dispatch(const char *const *argv)
{
    const char *word = argv[0];
    if (!word) {
        (void)print_help(NULL);
        return EXIT_BAD_USAGE;
    }
    if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
        return print_help(NULL);
    if (strcmp(word, "--version") == 0)
        return print_version();
    const struct command *command = command_find(word);
    return command ? command->run(command, argv + 1) : unknown_command(word);
}

/* The number of a standard descriptor that is closed would be that of the next file, and what is printed would go there. What
 * takes its place fails as a closed one does: it is for reading where one writes, and the reverse. */
static void hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
    (void)argc;
    hold_standard_descriptors();
    signal(SIGPIPE, SIG_IGN);
    /* Who started us may have left it ignored, and a credential_process would have no status. */
    signal(SIGCHLD, SIG_DFL);
    program_end(dispatch((const char *const *)argv + 1));
}

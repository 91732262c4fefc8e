/* The file of keys. What is wrong with it is told by line, and never with what the line says. */
#include "cli/queue_flags.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line each; more than anybody writes, and little memory. */
enum { KEYS_MAX = 1000, KEY_FILE_MAX = 1 << 20, ACCESS_KEY_MAX = 128, SECRET_MAX = 256 };

static int cannot_read(const char *path, int error, struct problem *problem)
{
    return problem_set(problem, EXIT_BAD_CONFIG, "--keys %s can't be read: %s", path,
                       strerror(error));
}

static int check_file(const char *path, const struct stat *status, struct problem *problem)
{
    if (!S_ISREG(status->st_mode))
        return problem_set(problem, EXIT_BAD_CONFIG, "--keys %s is no regular file", path);
    if (status->st_mode & (S_IRWXG | S_IRWXO))
        return problem_set(problem, EXIT_BAD_CONFIG,
                           "--keys %s is open to others than its owner (mode %04o), and has "
                           "secrets in it\n  do:    chmod 600 %s",
                           path, (unsigned)(status->st_mode & 07777), path);
    if (status->st_size > KEY_FILE_MAX)
        return problem_set(problem, EXIT_BAD_CONFIG, "--keys %s is larger than 1 MiB", path);
    return 0;
}

/* All of it, with a NUL behind. 0, PROBLEM or -ENOMEM. */
static int read_text(struct key_list *list, const char *path, int fd, struct problem *problem)
{
    struct stat status;
    ssize_t n = 0;

    if (fstat(fd, &status) < 0)
        return cannot_read(path, errno, problem);
    if (check_file(path, &status, problem))
        return PROBLEM;
    list->text_n = (size_t)status.st_size;
    list->text = calloc(1, list->text_n + 1);
    if (!list->text)
        return -ENOMEM;
    for (size_t at = 0; at < list->text_n; at += (size_t)n) {
        n = read(fd, list->text + at, list->text_n - at);
        if (n < 0 && errno == EINTR)
            n = 0;
        else if (n < 0)
            return cannot_read(path, errno, problem);
        else if (n == 0)
            break;
    }
    return 0;
}

/* Letters that a shell takes as they are: the first access key is printed for one. */
static bool is_access_key(const char *text)
{
    size_t n = strlen(text);
    for (const char *p = text; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
            return false;
    return n > 0 && n <= ACCESS_KEY_MAX;
}

static bool is_secret(const char *text)
{
    size_t n = strlen(text);
    for (const char *p = text; *p; p++)
        if (!isgraph((unsigned char)*p))
            return false;
    return n > 0 && n <= SECRET_MAX;
}

/* The next word of *rest, or NULL; blanks are what separates. */
static char *next_word(char **rest)
{
    char *word;
    do
        word = strsep(rest, " \t\r");
    while (word && *word == '\0');
    return word;
}

static bool is_known(const struct key_list *list, const char *access_key)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].access_key, access_key) == 0)
            return true;
    return false;
}

/* NULL, or what is wrong with the line. */
static const char *read_line(struct key_list *list, char *line)
{
    char *access_key = next_word(&line);
    char *secret = next_word(&line);

    if (!access_key || *access_key == '#')
        return NULL;
    if (!secret || next_word(&line))
        return "has not two words, ACCESS_KEY SECRET";
    if (!is_access_key(access_key))
        return "begins with what is no access key: letters, digits, _ - . alone";
    if (!is_secret(secret))
        return "has a secret with characters that no secret has, or that is too long";
    if (is_known(list, access_key))
        return "has an access key that another line has too";
    if (list->count == KEYS_MAX)
        return "is one key more than the 1,000 that fit";
    list->items[list->count++] = (struct queue_key){access_key, secret};
    return NULL;
}

static int read_lines(struct key_list *list, const char *path, struct problem *problem)
{
    char *rest = list->text, *line;

    sl_assert(list->text);
    if (memchr(list->text, '\0', list->text_n))
        return problem_set(problem, EXIT_BAD_CONFIG, "--keys %s is no text", path);
    list->items = calloc(KEYS_MAX, sizeof *list->items);
    if (!list->items)
        return -ENOMEM;
    for (unsigned number = 1; (line = strsep(&rest, "\n")); number++) {
        const char *wrong = read_line(list, line);
        if (wrong)
            return problem_set(problem, EXIT_BAD_CONFIG, "--keys %s: line %u %s", path, number,
                               wrong);
    }
    if (list->count == 0)
        return problem_set(problem, EXIT_BAD_CONFIG,
                           "--keys %s has no keys\n  do:    a line each: ACCESS_KEY SECRET", path);
    return 0;
}

int key_list_read(struct key_list *out, const char *path, struct problem *problem)
{
    struct key_list list = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return cannot_read(path, errno, problem);
    int result = read_text(&list, path, fd, problem);
    close(fd);
    if (result == 0)
        result = read_lines(&list, path, problem);
    if (result == 0)
        *out = list;
    else
        key_list_deinit(&list);
    return result;
}

void key_list_deinit(struct key_list *list)
{
    if (list->text)
        explicit_bzero(list->text, list->text_n);
    free(list->text);
    free(list->items);
    *list = (struct key_list){0};
}

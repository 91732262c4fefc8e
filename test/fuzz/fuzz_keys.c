/* A file of keys: what is taken are pairs without blanks, and a problem never repeats a line of it. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/queue_flags.h"

#include "test/fuzz/fuzz.h"

static void check_pair(const struct queue_key *key)
{
    fuzz_check(key->access_key[0] && key->secret[0]);
    fuzz_check(!key->access_key[strcspn(key->access_key, " \t\r\n#'\"$`")]);
    fuzz_check(!key->secret[strcspn(key->secret, " \t\r\n")]);
}

/* Words of eight letters and more in the file must not be in what is said about it, unless we say them anyway. */
static void check_secrecy(struct slice text, const struct problem *problem)
{
    static const char known[] = "--keys /proc/self/fd/ line has not two words, ACCESS_KEY SECRET "
                                "begins with what is no access key: letters, digits, _ - . alone "
                                "a secret with characters that no secret has, or is too long "
                                "an access key that another line has too is one more than the "
                                "1,000 that fit no text has keys do: a line each";
    struct fuzz f = {.rest = text};

    while (f.rest.n > 0) {
        struct slice line = fuzz_cut(&f, '\n');

        if (line.n >= 8 && !memmem(known, sizeof known, line.p, line.n))
            fuzz_check(!memmem(problem->text.p, problem->text.n, line.p, line.n));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1; /* one file for all inputs */
    struct key_list list = {0};
    struct problem problem;
    char path[64];

    if (fd < 0)
        fd = memfd_create("keys", MFD_CLOEXEC);
    fuzz_check(fd >= 0 && fchmod(fd, 0600) == 0 && ftruncate(fd, 0) == 0);
    fuzz_check(pwrite(fd, data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    problem_init(&problem);
    if (key_list_read(&list, path, &problem) == 0) {
        fuzz_check(list.count > 0);
        for (size_t i = 0; i < list.count; i++)
            check_pair(&list.items[i]);
        key_list_deinit(&list);
    } else {
        fuzz_check(problem.text.n > 0);
        check_secrecy((struct slice){(const char *)data, size}, &problem);
    }
    problem_deinit(&problem);
    return 0;
}

/* Gives a fuzz target what is in files and folders, once each: how many, or the target's own abort. */
#include <dirent.h>
#include <sys/stat.h>

#include "test/fuzz/fuzz.h"

static unsigned long replayed;

static void replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(size ? size : 1);

    fuzz_check(file && bytes);
    fuzz_check(fread(bytes, 1, size, file) == size);
    fclose(file);
    fprintf(stderr, "%s\r", path); /* the last one told is the one that aborts */
    (void)LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    replayed++;
}

static void replay(const char *path)
{
    struct stat status;
    DIR *folder;

    fuzz_check(stat(path, &status) == 0);
    if (!S_ISDIR(status.st_mode)) {
        replay_file(path, (size_t)status.st_size);
        return;
    }
    folder = opendir(path);
    fuzz_check(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char inner[4096];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        replay(inner);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%lu inputs\n", replayed);
    return replayed > 0 ? 0 : 1;
}

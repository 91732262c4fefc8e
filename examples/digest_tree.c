/*
 * digest_tree -- the MD5 of every file in a tree, by at most 20 tasks, sorted by path: md5sum for a directory.
 *
 *     walk ──paths──▶ digest ×20 ──results──▶ collect, sort, print
 *
 * Reading files blocks, so each digest runs on a helper thread (sl_offload) while its task waits. The first error ends it
 * all: a task that returns it cancels the scope, and leaving the scope returns it. go/digest_tree is the same program.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <sluice/sluice.h>

enum { DIGESTERS = 20, MD5_SIZE = 16 };

struct result {
    char *path; /* owned by whoever holds the result */
    unsigned char md5[MD5_SIZE];
};

SL_CHAN_OF(paths, char *);
SL_CHAN_OF(results, struct result);

static int walk_into(struct sl_ctx *ctx, struct paths *out, const char *path)
{
    struct stat st;
    struct dirent *entry;
    DIR *dir;
    char *child;
    int result = 0;

    if (lstat(path, &st) < 0)
        return -errno;
    if (S_ISREG(st.st_mode)) {
        if (!(child = strdup(path)))
            return -ENOMEM;
        if ((result = paths_send(out, ctx, child)) != SL_OK)
            free(child); /* not sent: still ours */
        return result;
    }
    if (!S_ISDIR(st.st_mode))
        return 0;
    if (!(dir = opendir(path)))
        return -errno;
    while (result == 0 && (entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (asprintf(&child, "%s/%s", path, entry->d_name) < 0) {
            result = -ENOMEM;
            break;
        }
        result = walk_into(ctx, out, child); /* waits in the middle of a recursion: tasks have stacks */
        free(child);
    }
    closedir(dir);
    return result;
}

struct walk { const char *root; };
SL_GENERATOR(walk, paths)
{
    return walk_into(ctx, out, my->root);
}

/* On a helper thread. */
static int digest_file(void *arg)
{
    struct result *result = arg;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int fd = open(result->path, O_RDONLY | O_CLOEXEC);
    unsigned char block[65536];
    ssize_t n = -1;
    int failed = -ENOMEM;

    if (fd < 0)
        failed = -errno;
    else if (md && EVP_DigestInit_ex(md, EVP_md5(), NULL)) {
        while ((n = read(fd, block, sizeof(block))) > 0)
            EVP_DigestUpdate(md, block, (size_t)n);
        failed = n < 0 ? -errno : EVP_DigestFinal_ex(md, result->md5, NULL) ? 0 : -EIO;
    }
    EVP_MD_CTX_free(md);
    if (fd >= 0)
        close(fd);
    return failed;
}

struct digest { struct paths *in; struct results *out; };
SL_TASK(digest)
{
    struct result result = {0};
    int failed = 0, ran;

    while (!failed && paths_recv(my->in, ctx, &result.path) == SL_OK) {
        if ((ran = sl_offload(digest_file, &result, &failed)) < 0)
            failed = ran;
        if (failed || results_send(my->out, ctx, result) != SL_OK) {
            free(result.path);
            break;
        }
    }
    return failed;
}

/* The workers' scope is what Go's WaitGroup is: when all have ended, the generator does, and its channel is closed. */
struct digest_all { struct paths *in; };
SL_GENERATOR(digest_all, results)
{
    struct sl_ctx *workers = sl_ctx_new(ctx, NULL);

    for (int i = 0; i < DIGESTERS; i++)
        SL_GO(workers, digest, .in = my->in, .out = out);
    (void)!sl_ctx_wait(workers, NULL);
    return sl_ctx_leave(workers);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct result *)a)->path, ((const struct result *)b)->path);
}

static void print_and_free(struct result *all, size_t count, int failed)
{
    if (count > 0)
        qsort(all, count, sizeof(*all), by_path);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; !failed && k < MD5_SIZE; k++)
            printf("%02x", all[i].md5[k]);
        if (!failed)
            printf("  %s\n", all[i].path);
        free(all[i].path);
    }
    free(all);
}

static int run(struct sl_ctx *ctx, void *root)
{
    struct sl_ctx *scope = sl_ctx_new(ctx, NULL);
    struct paths *paths = SL_GENERATE(scope, walk, .root = root);
    struct results *results = SL_GENERATE(scope, digest_all, .in = paths);
    struct result *all = NULL, *more, result;
    size_t count = 0, room = 0;
    int failed;

    while (results_recv(results, scope, &result) == SL_OK) {
        if (count == room) {
            room = room ? 2 * room : 64;
            if (!(more = realloc(all, room * sizeof(*all)))) {
                free(result.path);
                sl_ctx_cancel(scope, -ENOMEM);
                break;
            }
            all = more;
        }
        all[count++] = result;
    }
    failed = sl_ctx_leave(scope);
    print_and_free(all, count, failed);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = sl_main(run, argc > 1 ? argv[1] : (char[]){"."});

    if (failed < 0)
        fprintf(stderr, "digest_tree: %s\n", strerror(-failed));
    return failed < 0;
}

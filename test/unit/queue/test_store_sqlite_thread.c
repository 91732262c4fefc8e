/* The durable store's thread: how it keeps its log short, and what it does with what comes while it closes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/store.h"
#include "test/lib/folder.h"
#include "test/lib/store_help.h"

#define expect(x) sl_assert(x)

static char log_path[160];

static int make_folder_and_log(void **state)
{
    int result = make_folder(state);

    snprintf(log_path, sizeof log_path, "%s-wal", path);
    return result;
}

static struct store *open_store(size_t wal_max)
{
    struct store_sqlite_options options = {.path = path, .wal_max = wal_max};
    struct strbuf told = {0};
    struct store_reader reader = help_reader(&told);
    struct problem problem;
    struct store *store;

    problem_init(&problem);
    expect(store_sqlite_open(&store, &options, &problem) == 0);
    expect(store_restore(store, &reader, &problem) == 0);
    problem_deinit(&problem);
    strbuf_deinit(&told);
    return store;
}

static off_t size_of(const char *name)
{
    struct stat st;

    return stat(name, &st) == 0 ? st.st_size : 0;
}

/* ---- the log ---- */

/* More than 16 MiB of it is brought into the database, and its file begins anew. */
static int long_log(struct sl_ctx *ctx, void *arg)
{
    enum { BYTES = 6 << 20, COUNT = 12 };
    struct changes changes = {.count = 0};
    struct store *store = open_store(32 << 20);
    char *body = malloc(BYTES);

    (void)arg;
    expect(body);
    memset(body, 'x', BYTES);
    body[BYTES - 1] = '\0';
    for (uint64_t seq = 1; seq <= COUNT; seq++) {
        help_message(&changes, seq, 1, body);
        expect(help_write(store, &changes) == 0);
    }
    free(body);
    /* The last checkpoint may be under way still; those before it are not. */
    expect(size_of(path) > 36 << 20);
    expect(size_of(log_path) < 36 << 20);
    expect(store_close(store, ctx) == 0);
    expect(size_of(path) > 72 << 20 && size_of(log_path) == 0);
    changes_deinit(&changes);
    return 0;
}

/* When there has been nothing to do for a while the log is emptied. */
static int idle(struct sl_ctx *ctx, void *arg)
{
    struct changes changes = {.count = 0};
    struct store *store = open_store(0);

    (void)arg;
    help_message(&changes, 1, 1, "one");
    expect(help_write(store, &changes) == 0);
    expect(size_of(log_path) > 0);
    while (size_of(log_path) > 0)
        expect(sl_sleep(ctx, sl_ms(10)) == SL_OK);
    help_message(&changes, 2, 1, "two");
    expect(help_write(store, &changes) == 0);
    expect(strcmp(help_body(store, 1), "one") == 0 && strcmp(help_body(store, 2), "two") == 0);
    expect(store_close(store, ctx) == 0);
    changes_deinit(&changes);
    return 0;
}

/* ---- what nobody waits for ---- */

/* So many changes are not kept waiting until it is time for them. */
static int many_unawaited(struct sl_ctx *ctx, void *arg)
{
    struct changes changes = {.count = 0};
    struct store *store = open_store(0);

    (void)arg;
    for (uint64_t seq = 1; seq <= 20000; seq++) {
        help_message(&changes, seq, 1, "a");
        if (seq % 5000 == 0)
            store_submit(store, &changes, NULL);
    }
    expect(changes.count == 0);
    expect(strcmp(help_body(store, 20000), "a") == 0);
    expect(store_close(store, ctx) == 0);
    changes_deinit(&changes);
    return 0;
}

/* ---- closing ---- */

/* Whoever is told at the end asks for more. */
struct greedy {
    struct store_wait wait;
    struct store *store;
    struct changes changes;
    struct help_wait more;
    struct help_load load;
    int error;
};

static void asks_for_more(struct store_wait *wait, int error)
{
    struct greedy *greedy = SL_CONTAINER_OF(wait, struct greedy, wait);

    greedy->error = error;
    help_message(&greedy->changes, 2, 1, "two");
    help_submit(greedy->store, &greedy->changes, &greedy->more);
    help_message(&greedy->changes, 3, 1, "three");
    store_submit(greedy->store, &greedy->changes, NULL);
    help_load(greedy->store, &greedy->load);
}

/* It is refused, and told so before the close is over. */
static int more_at_the_end(struct sl_ctx *ctx, void *arg)
{
    struct greedy greedy = {
        .wait.done = asks_for_more, .store = open_store(0), .load = {.seqs = {1}, .load.count = 1}};

    (void)arg;
    help_message(&greedy.changes, 1, 1, "one");
    store_submit(greedy.store, &greedy.changes, &greedy.wait);
    expect(store_close(greedy.store, ctx) == 0);
    expect(greedy.error == 0);
    expect(greedy.more.told == 1 && greedy.more.error == -ECANCELED);
    expect(greedy.load.told == 1 && greedy.load.error == -ECANCELED && !greedy.load.out[0]);
    greedy.store = open_store(0);
    expect(strcmp(help_body(greedy.store, 1), "one") == 0);
    expect(strcmp(help_body(greedy.store, 2), "-") == 0);
    expect(strcmp(help_body(greedy.store, 3), "-") == 0);
    expect(store_close(greedy.store, ctx) == 0);
    changes_deinit(&greedy.changes);
    return 0;
}

#define TEST(name)                                                                                 \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        assert_int_equal(sl_run(name, NULL), 0);                                                   \
    }

TEST(long_log)
TEST(idle)
TEST(many_unawaited)
TEST(more_at_the_end)

#define IN_FOLDER(name)                                                                            \
    cmocka_unit_test_setup_teardown(test_##name, make_folder_and_log, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(long_log),
        IN_FOLDER(idle),
        IN_FOLDER(many_unawaited),
        IN_FOLDER(more_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

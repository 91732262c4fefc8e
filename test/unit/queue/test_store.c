/* Every kind of store through the interface: order of telling, refusals, barriers, closing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/virtual.h"
#include "test/lib/store_help.h"

#define expect(x) sl_assert(x)

static char folder[64], path[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/test_store.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/queue.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* there is nothing else in it: no log, no shared memory */
}

static int open_sqlite(struct store **out)
{
    struct store_sqlite_options options = {.path = path};
    struct problem problem;
    int r;

    problem_init(&problem);
    r = store_sqlite_open(out, &options, &problem);
    if (r == PROBLEM)
        fprintf(stderr, "%s\n", problem.text.p);
    problem_deinit(&problem);
    return r;
}

struct kind {
    int (*open)(struct store **out);
    bool keeps;
};

static const struct kind memory = {store_memory_open, false}, sqlite = {open_sqlite, true};

static struct store *begin(const struct kind *kind, struct strbuf *told)
{
    struct store_reader reader = help_reader(told);
    struct problem problem;
    struct store *store = NULL;

    expect(kind->open(&store) == 0);
    expect(store->facts.keeps_payloads == kind->keeps && store->error == 0);
    problem_init(&problem);
    expect(store_restore(store, &reader, &problem) == 0);
    problem_deinit(&problem);
    return store;
}

static void add_one_of_each(struct changes *changes)
{
    help_text(changes, CHANGE_QUEUE, 1, 0, "one");
    help_text(changes, CHANGE_QUEUE, 2, 0, "two");
    help_counters(changes, 1, 3);
    help_message(changes, 11, 1, "eleven");
    help_message(changes, 10, 1, "ten");
    help_message(changes, 12, 2, "");
    help_state(changes, 11, 2, "arn:aws:sqs:eu-central-1:000000000000:one");
    help_text(changes, CHANGE_DEDUP, 1, 0, "a key");
    help_text(changes, CHANGE_DEDUP, 1, 0, "");
    help_text(changes, CHANGE_TASK, 0, 13, "a task");
    help_moved(changes, 10, 14, 2);
    help_plain(changes, CHANGE_MESSAGE_GONE, 1, 12);
}

static const char all_of_them[] =
    "queue 1 one\nqueue 2 two\ncounters 1 3\n"
    "message 11 in 1 eleven 2 20 3 4 5 6 18446744073709551613 arn:aws:sqs:eu-central-1:000000000000:one\n"
    "message 14 in 2 ten 0 0 0 0 0 0 0 \n"
    "dedup 1  0123456789abcde 4 5\ndedup 1 a key 0123456789abcde 4 5\ntask 13 a task\n";

/* What was there at the end is there at the start. */
static int survive(struct sl_ctx *ctx, void *arg)
{
    const struct kind *kind = arg;
    struct changes changes = {.count = 0};
    struct strbuf told = {.n = 0};
    struct store *store = begin(kind, &told);
    uint8_t secret[32];

    expect(told.n == 0 && store->facts.epoch == 1 && store->facts.seq_max == 0);
    memcpy(secret, store->facts.secret, sizeof secret);
    add_one_of_each(&changes);
    expect(help_write(store, &changes) == 0 && changes.count == 0);
    expect(strcmp(help_body(store, 11), kind->keeps ? "eleven" : "-") == 0);
    expect(strcmp(help_body(store, 12), "-") == 0);
    expect(store_close(store, ctx) == 0);

    store = begin(kind, &told);
    expect(strcmp(strbuf_slice(&told).p, kind->keeps ? all_of_them : "") == 0);
    expect(store->facts.seq_max == (kind->keeps ? 14 : 0));
    expect(store->facts.epoch == (kind->keeps ? 2 : 1));
    expect((memcmp(secret, store->facts.secret, sizeof secret) == 0) == kind->keeps);
    expect(store_close(store, ctx) == 0);
    strbuf_deinit(&told);
    changes_deinit(&changes);
    return 0;
}

static char order[64];

struct lettered {
    struct help_wait wait;
    char letter;
};

static void note(struct store_wait *wait, int error)
{
    struct lettered *me =
        SL_CONTAINER_OF(SL_CONTAINER_OF(wait, struct help_wait, wait), struct lettered, wait);
    char text[2] = {error ? '!' : me->letter, '\0'};

    strcat(order, text);
    help_told(wait, error);
}

/* Waits are told in the order of submitting, never within the call; a barrier waits for what nobody waits for. */
static int in_order(struct sl_ctx *ctx, void *arg)
{
    struct changes changes = {.count = 0};
    struct strbuf told = {.n = 0};
    struct store *store = begin(arg, &told);
    struct lettered waits[26];

    order[0] = '\0';
    for (unsigned i = 0; i < 26; i++) {
        struct lettered *w = &waits[i];

        *w = (struct lettered){.wait.wait.done = note, .letter = (char)('a' + i)};
        sl_parker_init(&w->wait.parker);
        help_message(&changes, i + 1, 1, "body");
        if (i % 3 == 0)
            store_submit(store, &changes, NULL);
        store_submit(store, &changes, &w->wait.wait);
        expect(changes.count == 0);
    }
    expect(order[0] == '\0');
    expect(help_await(&waits[25].wait) == 0);
    expect(strcmp(order, "abcdefghijklmnopqrstuvwxyz") == 0);
    expect(store_close(store, ctx) == 0);
    strbuf_deinit(&told);
    changes_deinit(&changes);
    return 0;
}

/* A list that lacks something is no success, and harms nothing else. */
static int lacking(struct sl_ctx *ctx, void *arg)
{
    struct changes changes = {.count = 0};
    struct strbuf told = {.n = 0};
    struct store *store = begin(arg, &told);

    help_message(&changes, 1, 1, "lost");
    changes.failed = true;
    expect(help_write(store, &changes) == -ENOMEM);
    expect(changes.count == 0 && !changes.failed);
    help_message(&changes, 2, 1, "kept");
    expect(help_write(store, &changes) == 0 && store->error == 0);
    expect(strcmp(help_body(store, 1), "-") == 0);
    expect(store_close(store, ctx) == 0);
    strbuf_deinit(&told);
    changes_deinit(&changes);
    return 0;
}

/* Closing tells all waits, also with a context that has ended: either it is durable, or it isn't and says so. */
static int close_early(struct sl_ctx *ctx, void *arg)
{
    const struct kind *kind = arg;
    struct sl_ctx *over = sl_ctx_new(ctx, NULL);
    struct changes changes = {.count = 0};
    struct strbuf told = {.n = 0};
    struct store *store = begin(kind, &told);
    struct help_wait waits[8];
    unsigned durable = 0, found = 0;

    for (unsigned i = 0; i < 8; i++) {
        help_message(&changes, i + 1, 1, "body");
        help_submit(store, &changes, &waits[i]);
    }
    sl_ctx_cancel(over, 0);
    expect(store_close(store, over) == 0);
    for (unsigned i = 0; i < 8; i++) {
        expect(waits[i].told == 1 && (waits[i].error == 0 || waits[i].error == -ECANCELED));
        durable += waits[i].error == 0;
    }
    store = begin(kind, &told);
    for (const char *at = strbuf_slice(&told).p; (at = strstr(at, "message ")) != NULL; at++)
        found++;
    expect(!kind->keeps || found == durable);
    sl_ctx_leave(over);
    expect(store_close(store, ctx) == 0);
    strbuf_deinit(&told);
    changes_deinit(&changes);
    return 0;
}

static void run(int (*fn)(struct sl_ctx *ctx, void *arg), const struct kind *kind)
{
    struct kind copy = *kind;

    assert_int_equal(sl_run(fn, &copy), 0);
    if (!kind->keeps)
        assert_int_equal(sl_virtual_run(NULL, fn, &copy), 0);
}

#define BOTH(name)                                                                                 \
    static void test_memory_##name(void **state)                                                   \
    {                                                                                              \
        (void)state;                                                                               \
        run(name, &memory);                                                                        \
    }                                                                                              \
    static void test_sqlite_##name(void **state)                                                   \
    {                                                                                              \
        (void)state;                                                                               \
        run(name, &sqlite);                                                                        \
    }

BOTH(survive)
BOTH(in_order)
BOTH(lacking)
BOTH(close_early)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_survive),
        cmocka_unit_test(test_memory_in_order),
        cmocka_unit_test(test_memory_lacking),
        cmocka_unit_test(test_memory_close_early),
        cmocka_unit_test_setup_teardown(test_sqlite_survive, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_sqlite_in_order, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_sqlite_lacking, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_sqlite_close_early, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

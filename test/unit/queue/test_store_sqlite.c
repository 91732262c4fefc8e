/* The durable store's file: what is refused and left as it is, who may have it, what survives an end without a close. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue/store_sqlite_db.h"
#include "test/lib/folder.h"
#include "test/lib/store_help.h"

#define expect(x) sl_assert(x)

static char log_path[160], words[4096];

static int make_folder_and_log(void **state)
{
    int result = make_folder(state);

    snprintf(log_path, sizeof log_path, "%s-wal", path);
    return result;
}

/* The result; the problem's words are in `words`. */
static int open_db(const char *name, struct store_db **db, struct store_facts *facts)
{
    struct store_sqlite_options options = {.path = name};
    struct problem problem;
    int r;

    problem_init(&problem);
    r = store_db_open(db, &options, facts, &problem);
    snprintf(words, sizeof words, "%s", r == PROBLEM ? problem.text.p : "");
    problem_deinit(&problem);
    return r;
}

static void write_to(struct store_db *db, uint64_t first, unsigned count)
{
    struct changes changes = {.count = 0};

    for (unsigned i = 0; i < count; i++)
        help_message(&changes, first + i, 1, "a body that takes some room in a page");
    assert_int_equal(store_db_apply(db, &changes), 0);
    changes_deinit(&changes);
}

/* A queue with 500 messages, closed well. */
static void make_queue(void)
{
    struct store_facts facts;
    struct store_db *db;

    assert_int_equal(open_db(path, &db, &facts), 0);
    write_to(db, facts.seq_max + 1, 500);
    assert_int_equal(store_db_close(db), 0);
}

static size_t read_file(const char *name, char **out)
{
    struct stat st;
    int fd = open(name, O_RDONLY);

    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    *out = malloc((size_t)st.st_size + 1);
    assert_int_equal(read(fd, *out, (size_t)st.st_size), st.st_size);
    close(fd);
    return (size_t)st.st_size;
}

static void write_file(const char *bytes, size_t n, long at)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    assert_true(fd >= 0 && pwrite(fd, bytes, n, at) == (ssize_t)n);
    close(fd);
}

static void edit(const char *text)
{
    sqlite3 *sqlite;

    assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sqlite, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(sqlite), SQLITE_OK);
}

static void assert_words(const char *expected)
{
    unsigned lines = 1;

    for (const char *p = words; *p; p++)
        lines += *p == '\n';
    if (!strstr(words, expected) || !strstr(words, folder) || lines != 3)
        fail_msg("no three lines with \"%s\": %s", expected, words);
}

/* ---- files that are not ours, or not well ---- */

static void make_text(void)
{
    write_file("dear diary\n", 11, 0);
}

static void make_byte(void)
{
    write_file("", 1, 0);
}

static void make_zeroes(void)
{
    static const char zeroes[8192];

    write_file(zeroes, sizeof zeroes, 0);
}

static void make_noise(void)
{
    char noise[16384];
    uint64_t x = 88172645463325252;

    for (size_t i = 0; i < sizeof noise; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        noise[i] = (char)x;
    }
    write_file(noise, sizeof noise, 0);
}

static void make_others_database(void)
{
    edit("CREATE TABLE diary (page TEXT); INSERT INTO diary VALUES ('dear diary')");
}

static void make_empty_database(void)
{
    edit("CREATE TABLE t (x); DROP TABLE t; VACUUM");
}

static void make_next_version(void)
{
    make_queue();
    edit("PRAGMA user_version = 3");
}

static void make_other_order(void)
{
    make_queue();
    edit("UPDATE meta SET byte_order = byte_order + 1");
}

static void make_without_meta(void)
{
    make_queue();
    edit("DELETE FROM meta");
}

static void make_short_secret(void)
{
    make_queue();
    edit("UPDATE meta SET secret = x'00'");
}

static void make_without_table(void)
{
    make_queue();
    edit("DROP TABLE state");
}

static void make_truncated(void)
{
    struct stat st;

    make_queue();
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size / 2), 0);
}

/* The last page is one of messages; it is looked at because the end was not clean. */
static void make_torn(void)
{
    struct stat st;

    make_queue();
    edit("UPDATE meta SET is_clean = 0");
    assert_int_equal(stat(path, &st), 0);
    write_file("these bytes are no page", 24, (long)st.st_size - 4096);
}

static void make_folder_there(void)
{
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_link(void)
{
    char target[160];

    snprintf(target, sizeof target, "%s/target.db", folder);
    make_queue();
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(symlink(target, path), 0);
}

static void make_dangling_link(void)
{
    assert_int_equal(symlink("/nonexistent/queue.db", path), 0);
}

static void make_pipe(void)
{
    assert_int_equal(mkfifo(path, 0600), 0);
}

static const struct bad {
    void (*make)(void);
    const char *words;
    bool is_no_file;
} bad[] = {
    {make_text, "something else than a queue", false},
    {make_byte, "something else than a queue", false},
    {make_zeroes, "something else than a queue", false},
    {make_noise, "something else than a queue", false},
    {make_others_database, "another program", false},
    {make_empty_database, "another program", false},
    {make_next_version, "another version", false},
    {make_other_order, "byte order", false},
    {make_without_meta, "damaged", false},
    {make_short_secret, "damaged", false},
    {make_without_table, "damaged", false},
    {make_truncated, "damaged", false},
    {make_torn, "damaged", false},
    {make_folder_there, "a folder", true},
    {make_link, "a symbolic link", false},
    {make_dangling_link, "a symbolic link", true},
    {make_pipe, "no regular file", true},
};

static void assert_refused(const struct bad *row)
{
    char *before = NULL, *after = NULL;
    size_t n = row->is_no_file ? 0 : read_file(path, &before);
    struct store_facts facts;
    struct store_db *db = NULL;

    for (int i = 0; i < 2; i++) { /* the first try leaves nothing behind that helps the second */
        if (open_db(path, &db, &facts) != PROBLEM)
            fail_msg("opened, but is \"%s\"", row->words);
        assert_words(row->words);
        if (!row->is_no_file) {
            assert_int_equal(read_file(path, &after), n);
            assert_memory_equal(before, after, n);
            free(after);
        }
    }
    free(before);
}

static void test_refusals(void **state)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        make_folder_and_log(state);
        bad[i].make();
        assert_refused(&bad[i]);
        assert_int_equal(remove_folder(state), 0);
    }
}

static void test_other_owner(void **state)
{
    (void)state;
    make_queue();
    if (chown(path, 12345, (gid_t)-1) != 0) /* only root can give a file away */
        skip();
    assert_refused(&(struct bad){make_queue, "another user's", false});
}

static void test_no_folder(void **state)
{
    struct store_facts facts;
    struct store_db *db;
    char name[160];

    (void)state;
    snprintf(name, sizeof name, "%s/none/queue.db", folder);
    assert_int_equal(open_db(name, &db, &facts), PROBLEM);
    assert_words("No such file or directory");
    snprintf(name, sizeof name, "%s/", folder);
    assert_int_equal(open_db(name, &db, &facts), PROBLEM);
    assert_words("folder");
}

/* A crash between making the file and writing to it leaves an empty one. */
static void test_empty_file(void **state)
{
    (void)state;
    write_file("", 0, 0);
    make_queue();
}

static void test_linked_folder(void **state)
{
    struct store_facts facts;
    struct store_db *db;
    char link[160], name[192];

    (void)state;
    snprintf(link, sizeof link, "%s/link", folder);
    snprintf(name, sizeof name, "%s/queue.db", link);
    assert_int_equal(symlink(folder, link), 0);
    make_queue();
    assert_int_equal(open_db(name, &db, &facts), 0);
    assert_int_equal(facts.seq_max, 500);
    assert_int_equal(store_db_close(db), 0);
}

/* Nobody else reads what is in it, nor what is in the log; there is no shared memory. */
static void test_modes(void **state)
{
    mode_t before = umask(0);
    struct store_facts facts;
    struct store_db *db;
    char shm[160];
    struct stat st;

    (void)state;
    snprintf(shm, sizeof shm, "%s-shm", path);
    assert_int_equal(open_db(path, &db, &facts), 0);
    assert_true(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    assert_true(stat(log_path, &st) == 0 && (st.st_mode & 0777) == 0600);
    assert_true(stat(shm, &st) != 0);
    assert_int_equal(store_db_close(db), 0);
    assert_true(stat(log_path, &st) != 0);
    umask(before);
}

/* ---- one owner ---- */

/* Runs `fn` in another process, up to where it says so, and lets it end when told. */
struct other {
    pid_t pid;
    int said, told;
};

static struct other start_other(void (*fn)(void))
{
    struct other other;
    int said[2], told[2];
    char c = 0;

    assert_true(pipe(said) == 0 && pipe(told) == 0);
    other = (struct other){fork(), said[0], told[1]};
    if (other.pid == 0) {
        close(told[1]);
        fn();
        if (write(said[1], "", 1) == 1)
            SL_IGNORE(read(told[0], &c, 1));
        _exit(0); /* as a kill would: nothing is closed */
    }
    close(said[1]);
    close(told[0]);
    assert_int_equal(read(said[0], &c, 1), 1);
    return other;
}

static void end_other(const struct other *other)
{
    int status;

    close(other->told);
    close(other->said);
    assert_int_equal(waitpid(other->pid, &status, 0), other->pid);
    assert_int_equal(status, 0);
}

static void open_and_write(void)
{
    struct store_facts facts;
    struct store_db *db;

    sl_assert(open_db(path, &db, &facts) == 0);
    write_to(db, facts.seq_max + 1, 10);
}

static void test_second_process(void **state)
{
    struct other other = start_other(open_and_write);
    struct store_facts facts;
    struct store_db *db;

    (void)state;
    assert_int_equal(open_db(path, &db, &facts), PROBLEM);
    assert_words("another process has it open");
    end_other(&other);

    assert_int_equal(open_db(path, &db, &facts), 0);
    assert_int_equal(facts.seq_max, 10);
    assert_int_equal(facts.epoch, 2);
    assert_int_equal(open_db(path, &(struct store_db *){NULL}, &facts), PROBLEM);
    assert_words("another process has it open");
    assert_int_equal(store_db_close(db), 0);
}

static void read_with_sqlite(void)
{
    sqlite3 *sqlite;

    sl_assert(sqlite3_open(path, &sqlite) == SQLITE_OK);
    sl_assert(sqlite3_exec(sqlite, "BEGIN; SELECT * FROM queue", NULL, NULL, NULL) == SQLITE_OK);
}

/* A reader in the way: the log could not be brought in. */
static void test_reader(void **state)
{
    struct store_facts facts;
    struct store_db *db;
    struct other other;

    (void)state;
    make_queue();
    other = start_other(read_with_sqlite);
    assert_int_equal(open_db(path, &db, &facts), PROBLEM);
    assert_words("another process has it open");
    end_other(&other);
    assert_int_equal(open_db(path, &db, &facts), 0);
    assert_int_equal(store_db_close(db), 0);
}

/* ---- the database itself ---- */

static unsigned count_rows(struct store_db *db)
{
    struct changes rows = {.count = 0};
    struct problem problem;
    unsigned count = 0;

    problem_init(&problem);
    for (;;) {
        assert_int_equal(store_db_read(db, &rows, &problem), 0);
        if (rows.count == 0)
            break;
        count += (unsigned)rows.count;
        changes_reset(&rows);
    }
    changes_deinit(&rows);
    problem_deinit(&problem);
    return count;
}

/* Seqs are not used twice, whatever happened to the messages that had them. */
static void test_seq_max(void **state)
{
    struct changes changes = {.count = 0};
    struct store_facts facts;
    struct store_db *db;

    (void)state;
    make_queue();
    assert_int_equal(open_db(path, &db, &facts), 0);
    help_message(&changes, 700, 1, "comes and goes");
    help_plain(&changes, CHANGE_MESSAGE_GONE, 1, 700);
    for (uint64_t seq = 1; seq <= 500; seq++)
        help_plain(&changes, CHANGE_MESSAGE_GONE, 1, seq);
    assert_int_equal(store_db_apply(db, &changes), 0);
    assert_int_equal(store_db_close(db), 0);
    assert_int_equal(open_db(path, &db, &facts), 0);
    assert_int_equal(facts.seq_max, 700);
    assert_int_equal(count_rows(db), 0);
    assert_int_equal(store_db_close(db), 0);
    changes_deinit(&changes);
}

static int64_t count_in(struct store_db *db, const char *table)
{
    char text[64];
    int64_t count = -1;

    snprintf(text, sizeof text, "SELECT count(*) FROM %s", table);
    assert_int_equal(store_db_number(db->sqlite, text, &count), SQLITE_OK);
    return count;
}

/* Gone at once, whatever is swept out when; and a queue that comes after has what it is sent. */
static void test_purge(void **state)
{
    struct changes changes = {.count = 0};
    struct store_facts facts;
    struct payload *payload;
    struct store_db *db;

    (void)state;
    assert_int_equal(open_db(path, &db, &facts), 0);
    for (uint32_t i = 1; i <= 60; i++) {
        help_message(&changes, i, i % 3, "body");
        help_state(&changes, i, i, NULL);
    }
    assert_int_equal(store_db_apply(db, &changes), 0);
    changes_reset(&changes);
    help_plain(&changes, CHANGE_QUEUE_PURGED, 1, 30); /* 10 of them */
    help_text(&changes, CHANGE_QUEUE, 2, 0, "two");
    help_text(&changes, CHANGE_DEDUP, 2, 0, "key");
    help_counters(&changes, 2, 20);
    help_plain(&changes, CHANGE_QUEUE_GONE, 2, 0); /* 20 */
    help_message(&changes, 61, 2, "after it");
    help_plain(&changes, CHANGE_QUEUE_PURGED, 2, 40); /* nothing of it */
    assert_int_equal(store_db_apply(db, &changes), 0);
    assert_int_equal(store_db_load(db, 28, &payload), 0);
    assert_null(payload);
    assert_int_equal(store_db_load(db, 31, &payload), 0);
    assert_non_null(payload);
    payload_unref(payload);
    assert_int_equal(count_rows(db), 31);
    assert_int_equal(store_db_close(db), 0);
    assert_int_equal(open_db(path, &db, &facts), 0);
    assert_int_equal(count_rows(db), 31);
    for (unsigned left = 60; left > 0 && db->needs_sweep; left--)
        assert_int_equal(store_db_sweep(db, 7), 0);
    assert_false(db->needs_sweep);
    assert_int_equal(count_in(db, "message"), 31);
    assert_int_equal(count_in(db, "state"), 30);
    assert_int_equal(count_in(db, "purged"), 0);
    assert_int_equal(store_db_close(db), 0);
    changes_deinit(&changes);
}

/* The log is brought in when asked, is empty after a clean end, and costs nothing to be read again. */
static void test_log(void **state)
{
    struct store_facts facts;
    struct store_db *db;
    struct stat st;

    (void)state;
    assert_int_equal(open_db(path, &db, &facts), 0);
    write_to(db, 1, 1000);
    assert_true(store_db_log_bytes(db) > 4096);
    assert_int_equal(store_db_checkpoint(db, false), 0);
    assert_int_equal(store_db_log_bytes(db), 0);
    write_to(db, 1001, 10);
    assert_in_range(store_db_log_bytes(db), 4096, 10 * 4096); /* it began anew */
    assert_int_equal(store_db_checkpoint(db, true), 0);
    assert_int_equal(store_db_log_bytes(db), 0);
    assert_true(stat(log_path, &st) == 0 && st.st_size == 0);
    assert_int_equal(store_db_close(db), 0);
}

/* A row that can't be read is found when it is, and named. */
static void test_bad_row(void **state)
{
    struct changes rows = {.count = 0};
    struct store_facts facts;
    struct problem problem;
    struct payload *payload;
    struct store_db *db;

    (void)state;
    make_queue();
    edit("UPDATE message SET payload = x'0102' WHERE seq = 400");
    assert_int_equal(open_db(path, &db, &facts), 0);
    problem_init(&problem);
    assert_int_equal(store_db_read(db, &rows, &problem), PROBLEM);
    snprintf(words, sizeof words, "%s", problem.text.p);
    assert_words("table message");
    problem_deinit(&problem);
    assert_int_equal(store_db_load(db, 1, &payload), -EUCLEAN);
    changes_reset(&rows);
    help_message(&rows, 900, 1, "too late");
    assert_int_equal(store_db_apply(db, &rows), -EUCLEAN);
    assert_int_equal(store_db_close(db), -EUCLEAN);
    changes_deinit(&rows);
}

/* ---- through the thread ---- */

static int open_store(struct store **store)
{
    struct store_sqlite_options options = {.path = path};
    struct strbuf told = {.n = 0};
    struct store_reader reader = help_reader(&told);
    struct problem problem;
    int r;

    problem_init(&problem);
    r = store_sqlite_open(store, &options, &problem);
    if (r == 0)
        r = store_restore(*store, &reader, &problem);
    problem_deinit(&problem);
    strbuf_deinit(&told);
    return r;
}

/* Loads see what was submitted before them, waited for or not. */
static int loads(struct sl_ctx *ctx, void *arg)
{
    struct changes changes = {.count = 0};
    struct help_load many = {.seqs = {5, 4, 1}, .load.count = 3};
    struct store *store;

    (void)arg;
    expect(open_store(&store) == 0);
    help_message(&changes, 1, 1, "one");
    store_submit(store, &changes, NULL);
    expect(strcmp(help_body(store, 1), "one") == 0);
    help_moved(&changes, 1, 2, 9);
    store_submit(store, &changes, NULL);
    expect(strcmp(help_body(store, 2), "one") == 0);
    help_message(&changes, 4, 1, "four");
    help_message(&changes, 5, 1, "five");
    help_plain(&changes, CHANGE_MESSAGE_GONE, 1, 4);
    store_submit(store, &changes, NULL);
    help_load(store, &many);
    expect(help_await_load(&many) == 0 && many.out[0] && !many.out[1] && !many.out[2]);
    payload_unref(many.out[0]);
    expect(store_close(store, ctx) == 0);
    changes_deinit(&changes);
    return 0;
}

static void test_loads(void **state)
{
    (void)state;
    assert_int_equal(sl_run(loads, NULL), 0);
}

/* What nobody waits for is written before long. */
static int unawaited(struct sl_ctx *ctx, void *arg)
{
    struct changes changes = {.count = 0};
    struct stat before, after;
    struct store *store;

    (void)arg;
    expect(open_store(&store) == 0);
    expect(stat(log_path, &before) == 0);
    help_message(&changes, 1, 1, "one");
    store_submit(store, &changes, NULL);
    do
        expect(sl_sleep(ctx, sl_ms(1)) == SL_OK && stat(log_path, &after) == 0);
    while (after.st_size == before.st_size);
    expect(store_close(store, ctx) == 0);
    changes_deinit(&changes);
    return 0;
}

static void test_unawaited(void **state)
{
    (void)state;
    assert_int_equal(sl_run(unawaited, NULL), 0);
}

/* A reader's own error ends the restore, and the store can be closed. */
static int no_queue(void *arg, uint32_t queue, struct slice text)
{
    (void)arg, (void)queue, (void)text;
    return -E2BIG;
}

static int refused_by_reader(struct sl_ctx *ctx, void *arg)
{
    struct store_sqlite_options options = {.path = path};
    struct changes changes = {.count = 0};
    struct store_reader reader = {.queue = no_queue};
    struct problem problem;
    struct store *store;

    (void)arg;
    expect(open_store(&store) == 0);
    help_text(&changes, CHANGE_QUEUE, 1, 0, "one");
    help_text(&changes, CHANGE_QUEUE, 2, 0, "two");
    expect(help_write(store, &changes) == 0);
    expect(store_close(store, ctx) == 0);
    problem_init(&problem);
    expect(store_sqlite_open(&store, &options, &problem) == 0);
    expect(store_restore(store, &reader, &problem) == -E2BIG);
    expect(store_close(store, ctx) == 0);
    expect(store_sqlite_open(&store, &options, &problem) == 0);
    expect(store->facts.epoch == 3);
    expect(store_close(store, ctx) == 0); /* without a restore */
    problem_deinit(&problem);
    changes_deinit(&changes);
    return 0;
}

static void test_refused_by_reader(void **state)
{
    (void)state;
    assert_int_equal(sl_run(refused_by_reader, NULL), 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder_and_log, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        IN_FOLDER(test_other_owner),
        IN_FOLDER(test_no_folder),
        IN_FOLDER(test_empty_file),
        IN_FOLDER(test_linked_folder),
        IN_FOLDER(test_modes),
        IN_FOLDER(test_second_process),
        IN_FOLDER(test_reader),
        IN_FOLDER(test_seq_max),
        IN_FOLDER(test_purge),
        IN_FOLDER(test_log),
        IN_FOLDER(test_bad_row),
        IN_FOLDER(test_loads),
        IN_FOLDER(test_unawaited),
        IN_FOLDER(test_refused_by_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

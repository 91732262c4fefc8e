/* The durable store's file: what it may be called, what its rows may be, and what of SQLite's results becomes which errno. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/store_sqlite_db.h"
#include "queue/tell.h"
#include "test/lib/folder.h"
#include "test/lib/store_help.h"

static char words[PATH_MAX + 1024];

/* The result; the problem's words are in `words`. */
static int open_with(const struct store_sqlite_options *options, struct store_db **db,
                     struct store_facts *facts)
{
    struct problem problem;
    int r;

    problem_init(&problem);
    r = store_db_open(db, options, facts, &problem);
    snprintf(words, sizeof words, "%s", r == PROBLEM ? problem.text.p : "");
    problem_deinit(&problem);
    return r;
}

static struct store_db *open_db(void)
{
    struct store_facts facts;
    struct store_db *db;

    assert_int_equal(open_with(&(struct store_sqlite_options){.path = path}, &db, &facts), 0);
    return db;
}

static void assert_problem(const struct store_sqlite_options *options, const char *expected)
{
    struct store_facts facts;
    struct store_db *db = NULL;

    assert_int_equal(open_with(options, &db, &facts), PROBLEM);
    if (!strstr(words, expected))
        fail_msg("no \"%s\": %s", expected, words);
}

static void edit(const char *text)
{
    sqlite3 *sqlite;

    assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sqlite, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(sqlite), SQLITE_OK);
}

static void apply(struct store_db *db, struct changes *changes, int result)
{
    assert_int_equal(store_db_apply(db, changes), result);
    changes_reset(changes);
}

/* All that the file has, as text. */
static void assert_rows(const char *expected)
{
    struct strbuf text = {0};
    struct store_reader reader = help_reader(&text);
    struct store_db *db = open_db();
    struct problem problem;
    struct changes rows = {.count = 0};

    problem_init(&problem);
    do {
        changes_reset(&rows);
        assert_int_equal(store_db_read(db, &rows, &problem), 0);
    } while (rows.count > 0 && rows_tell(&reader, &rows) == 0);
    assert_string_equal(text.p ? text.p : "", expected);
    problem_deinit(&problem);
    changes_deinit(&rows);
    strbuf_deinit(&text);
    assert_int_equal(store_db_close(db), 0);
}

/* ---- its name ---- */

static void test_long_names(void **state)
{
    char name[PATH_MAX + 8];

    (void)state;
    snprintf(name, sizeof name, "/%0*d", NAME_MAX + 1, 0);
    assert_problem(&(struct store_sqlite_options){.path = name}, "its name is too long");
    for (size_t i = 0; i < PATH_MAX; i += 2)
        memcpy(name + i, "./", 3);
    assert_problem(&(struct store_sqlite_options){.path = name}, "its name is too long");
    name[PATH_MAX - 2] = '\0';
    assert_problem(&(struct store_sqlite_options){.path = name}, "a folder");
}

/* Without a folder it is in the current one. */
static void test_plain_name(void **state)
{
    struct store_facts facts;
    struct store_db *db;
    int here = open(".", O_RDONLY | O_DIRECTORY);
    struct stat st;

    (void)state;
    assert_true(here >= 0 && chdir(folder) == 0);
    assert_int_equal(open_with(&(struct store_sqlite_options){.path = "queue.db"}, &db, &facts), 0);
    assert_int_equal(store_db_close(db), 0);
    assert_int_equal(fchdir(here), 0);
    close(here);
    assert_int_equal(stat(path, &st), 0);
}

/* As root it is made all the same. */
static void test_folder_of_others(void **state)
{
    (void)state;
    if (geteuid() == 0)
        skip();
    assert_int_equal(chmod(folder, 0500), 0);
    assert_problem(&(struct store_sqlite_options){.path = path}, "can't be opened: ");
    assert_int_equal(chmod(folder, 0700), 0);
}

/* What SQLite keeps without a log. */
static void test_no_log(void **state)
{
    (void)state;
    assert_problem(&(struct store_sqlite_options){.path = ":memory:", .vfs = "unix"},
                   "this file system has no write-ahead log");
}

static void test_no_vfs(void **state)
{
    (void)state;
    assert_problem(&(struct store_sqlite_options){.path = path, .vfs = "none"}, "no such vfs");
}

/* ---- what it says of itself ---- */

static void test_bad_meta(void **state)
{
    static const char *const edits[] = {
        "DELETE FROM meta",
        "UPDATE meta SET epoch = -1",
        "UPDATE meta SET epoch = 4294967295",
        "UPDATE meta SET secret = x'00'",
    };

    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        make_folder(state);
        assert_int_equal(store_db_close(open_db()), 0);
        edit(edits[i]);
        assert_problem(&(struct store_sqlite_options){.path = path},
                       "what it says of itself can't be read");
        assert_int_equal(remove_folder(state), 0);
    }
}

static void test_last_epoch(void **state)
{
    struct store_facts facts;
    struct store_db *db;

    (void)state;
    assert_int_equal(store_db_close(open_db()), 0);
    edit("UPDATE meta SET epoch = 4294967294");
    assert_int_equal(open_with(&(struct store_sqlite_options){.path = path}, &db, &facts), 0);
    assert_int_equal(facts.epoch, UINT32_MAX);
    assert_int_equal(store_db_close(db), 0);
    assert_problem(&(struct store_sqlite_options){.path = path}, "can't be read");
}

/* ---- rows ---- */

static void test_bad_rows(void **state)
{
    static const struct {
        const char *edit, *table;
    } rows[] = {
        {"INSERT INTO dedup VALUES (1, x'61', x'00', 1, 1)", "table dedup"},
        {"INSERT INTO message VALUES (9, 1, x'')", "table message"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct changes changes = {.count = 0};
        struct problem problem;
        struct store_db *db;
        int result = 0;

        make_folder(state);
        assert_int_equal(store_db_close(open_db()), 0);
        edit(rows[i].edit);
        db = open_db();
        problem_init(&problem);
        while (result == 0)
            result = store_db_read(db, &changes, &problem);
        assert_int_equal(result, PROBLEM);
        assert_non_null(strstr(problem.text.p, rows[i].table));
        problem_deinit(&problem);
        changes_deinit(&changes);
        assert_int_equal(store_db_close(db), -EUCLEAN);
        assert_int_equal(remove_folder(state), 0);
    }
}

/* A payload that is damaged is found when it is loaded, and nothing is believed from there on. */
static void test_bad_payload(void **state)
{
    static const char *const payloads[] = {"x'0102'", "x''"};

    for (size_t i = 0; i < 2; i++) {
        struct changes changes = {.count = 0};
        struct payload *payload = NULL;
        struct store_db *db;
        char text[96];

        make_folder(state);
        db = open_db();
        help_message(&changes, 1, 1, "a");
        help_message(&changes, 2, 1, "b");
        apply(db, &changes, 0);
        assert_int_equal(store_db_close(db), 0);
        snprintf(text, sizeof text, "UPDATE message SET payload = %s WHERE seq = 1", payloads[i]);
        edit(text);
        db = open_db();
        assert_int_equal(store_db_load(db, 2, &payload), 0);
        payload_unref(payload);
        assert_int_equal(store_db_load(db, 1, &payload), -EUCLEAN);
        assert_null(payload);
        assert_int_equal(store_db_load(db, 2, &payload), -EUCLEAN);
        assert_int_equal(store_db_sweep(db, 1), -EUCLEAN);
        assert_int_equal(store_db_checkpoint(db, false), -EUCLEAN);
        assert_int_equal(store_db_close(db), -EUCLEAN);
        changes_deinit(&changes);
        assert_int_equal(remove_folder(state), 0);
    }
}

/* States of no message, before, between and behind those that are there, belong to nobody. */
static void test_stray_states(void **state)
{
    struct changes changes = {.count = 0};
    struct store_db *db = open_db();

    (void)state;
    help_message(&changes, 2, 1, "two");
    help_message(&changes, 4, 1, "four");
    for (uint64_t seq = 1; seq <= 5; seq++)
        if (seq != 2)
            help_state(&changes, seq, 1, NULL);
    apply(db, &changes, 0);
    changes_deinit(&changes);
    assert_int_equal(store_db_close(db), 0);
    assert_rows("message 2 in 1 two 0 0 0 0 0 0 0 \n"
                "message 4 in 1 four 1 10 3 4 5 6 18446744073709551614 \n");
}

/* A file of version 1 knows less of a message's state, and is brought to this version once. */
static void test_version_1(void **state)
{
    struct changes changes = {.count = 0};
    struct store_db *db = open_db();

    (void)state;
    help_message(&changes, 2, 1, "two");
    help_state(&changes, 2, 1, NULL);
    apply(db, &changes, 0);
    assert_int_equal(store_db_close(db), 0);
    edit("ALTER TABLE state DROP COLUMN received_ms; ALTER TABLE state DROP COLUMN moved_ms;"
         "ALTER TABLE state DROP COLUMN receives_before; PRAGMA user_version = 1");
    assert_rows("message 2 in 1 two 1 10 3 0 0 0 18446744073709551614 \n");
    db = open_db();
    help_state(&changes, 2, 1, NULL);
    apply(db, &changes, 0);
    changes_deinit(&changes);
    assert_int_equal(store_db_close(db), 0);
    assert_rows("message 2 in 1 two 1 10 3 4 5 6 18446744073709551614 \n");
}

/* Nobody submits one; if somebody does, nothing of that list is there. */
static void test_a_seq_twice(void **state)
{
    struct changes changes = {.count = 0};
    struct store_db *db = open_db();

    (void)state;
    help_message(&changes, 1, 1, "one");
    apply(db, &changes, 0);
    help_message(&changes, 2, 1, "two");
    help_message(&changes, 1, 1, "again");
    apply(db, &changes, -EUCLEAN);
    help_message(&changes, 3, 1, "three");
    apply(db, &changes, -EUCLEAN);
    changes_deinit(&changes);
    assert_int_equal(store_db_close(db), -EUCLEAN);
    assert_rows("message 1 in 1 one 0 0 0 0 0 0 0 \n");
}

/* What comes and goes in one list leaves nothing but its seq; and nothing to write if that was known. */
static void test_nothing_left(void **state)
{
    struct changes changes = {.count = 0};
    struct store_facts facts;
    struct store_db *db = open_db();
    size_t log;

    (void)state;
    help_message(&changes, 7, 1, "seven");
    help_plain(&changes, CHANGE_MESSAGE_GONE, 1, 7);
    apply(db, &changes, 0);
    log = store_db_log_bytes(db);
    assert_int_equal(store_db_apply(db, &changes), 0); /* an empty list */
    assert_int_equal(store_db_log_bytes(db), log);
    assert_int_equal(store_db_close(db), 0);
    assert_rows("");
    assert_int_equal(open_with(&(struct store_sqlite_options){.path = path}, &db, &facts), 0);
    assert_int_equal(facts.seq_max, 7);
    assert_int_equal(store_db_close(db), 0);
    changes_deinit(&changes);
}

static void test_empty_texts(void **state)
{
    struct changes changes = {.count = 0};
    struct store_db *db = open_db();

    (void)state;
    help_plain(&changes, CHANGE_QUEUE, 1, 0);
    help_plain(&changes, CHANGE_TASK, 0, 3);
    changes_add(&changes, &(struct change){.kind = CHANGE_DEDUP,
                                           .queue = 1,
                                           .dedup = {.id = "0123456789abcde", .sequence = 4}});
    apply(db, &changes, 0);
    assert_int_equal(store_db_close(db), 0);
    assert_rows("queue 1 \ndedup 1  0123456789abcde 4 0\ntask 3 \n");
    db = open_db();
    help_plain(&changes, CHANGE_DEDUP_GONE, 1, 0);
    apply(db, &changes, 0);
    changes_deinit(&changes);
    assert_int_equal(store_db_close(db), 0);
    assert_rows("queue 1 \ntask 3 \n");
}

/* ---- reading in pieces ---- */

/* How many rows come in each piece. */
static void assert_pieces(const size_t *counts, size_t count)
{
    struct store_db *db = open_db();
    struct problem problem;

    problem_init(&problem);
    for (size_t i = 0; i <= count; i++) {
        struct changes rows = {.count = 0};

        assert_int_equal(store_db_read(db, &rows, &problem), 0);
        assert_int_equal(rows.count, i < count ? counts[i] : 0);
        changes_deinit(&rows);
    }
    problem_deinit(&problem);
    assert_int_equal(store_db_close(db), 0);
}

static void test_many_rows(void **state)
{
    struct changes changes = {.count = 0};
    struct store_db *db = open_db();

    (void)state;
    for (uint64_t seq = 1; seq <= 2500; seq++)
        help_message(&changes, seq, 1, "a");
    apply(db, &changes, 0);
    changes_deinit(&changes);
    assert_int_equal(store_db_close(db), 0);
    assert_pieces((const size_t[]){1024, 1024, 452}, 3);
}

static void test_large_rows(void **state)
{
    struct changes changes = {.count = 0};
    struct store_db *db = open_db();
    char *body = malloc(6000001);

    (void)state;
    memset(body, 'x', 6000000);
    body[6000000] = '\0';
    for (uint64_t seq = 1; seq <= 4; seq++)
        help_message(&changes, seq, 1, body);
    free(body);
    apply(db, &changes, 0);
    changes_deinit(&changes);
    assert_int_equal(store_db_close(db), 0);
    assert_pieces((const size_t[]){3, 1}, 2);
}

/* ---- results ---- */

static void test_errnos(void **state)
{
    static const int rows[][2] = {
        {SQLITE_OK, 0},
        {SQLITE_ROW, 0},
        {SQLITE_DONE, 0},
        {SQLITE_FULL, -ENOSPC},
        {SQLITE_NOMEM, -ENOMEM},
        {SQLITE_CORRUPT_INDEX, -EUCLEAN},
        {SQLITE_NOTADB, -EUCLEAN},
        {SQLITE_CONSTRAINT_PRIMARYKEY, -EUCLEAN},
        {SQLITE_BUSY_RECOVERY, -EBUSY},
        {SQLITE_LOCKED, -EBUSY},
        {SQLITE_READONLY_DBMOVED, -EROFS},
        {SQLITE_PERM, -EROFS},
        {SQLITE_TOOBIG, -EFBIG},
        {SQLITE_IOERR_FSYNC, -EIO},
        {SQLITE_ERROR, -EIO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(store_db_errno(rows[i][0]), rows[i][1]);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_names),
        IN_FOLDER(test_plain_name),
        IN_FOLDER(test_folder_of_others),
        cmocka_unit_test(test_no_log),
        IN_FOLDER(test_no_vfs),
        cmocka_unit_test(test_bad_meta),
        IN_FOLDER(test_last_epoch),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_bad_payload),
        IN_FOLDER(test_stray_states),
        IN_FOLDER(test_version_1),
        IN_FOLDER(test_a_seq_twice),
        IN_FOLDER(test_nothing_left),
        IN_FOLDER(test_empty_texts),
        IN_FOLDER(test_many_rows),
        IN_FOLDER(test_large_rows),
        cmocka_unit_test(test_errnos),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

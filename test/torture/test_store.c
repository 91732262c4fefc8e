/*
 * The queue's database: SQLite's allocations fail as well as ours. Whatever fails, what was confirmed is there afterwards, a
 * group of changes is there whole or not at all, and what failed said so.
 */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/store_sqlite_db.h"
#include "queue/tell.h"
#include "test/lib/store_help.h"
#include "test/torture/torture.h"

static char folder[64], path[96], log_path[112];

/* ---- SQLite's allocator: ours, which is the one that fails ---- */

union block {
    size_t n;
    max_align_t align;
};

static void *take(int n)
{
    union block *block = malloc(sizeof *block + (size_t)n);

    if (!block)
        return NULL;
    block->n = (size_t)n;
    return block + 1;
}

static void give(void *p)
{
    free((union block *)p - 1);
}

static void *grow(void *p, int n)
{
    union block *block = realloc((union block *)p - 1, sizeof *block + (size_t)n);

    if (!block)
        return NULL;
    block->n = (size_t)n;
    return block + 1;
}

static int size_of(void *p)
{
    return p ? (int)((union block *)p - 1)->n : 0;
}

static int round_up(int n)
{
    return (n + 7) & ~7;
}

static int init(void *arg)
{
    (void)arg;
    return SQLITE_OK;
}

static void shut_down(void *arg)
{
    (void)arg;
}

/* ---- groups of changes, and what the database holds after each ---- */

enum { GROUPS = 3 };

static const char *const states[GROUPS + 1] = {
    "",
    "queue 1 q\n"
    "queue 2 r\n"
    "counters 1 7\n"
    "message 1 in 1 one 0 0 0 0 0 0 0 \n"
    "message 2 in 1 two 2 20 3 4 5 6 18446744073709551613 arn\n"
    "message 3 in 2 three 0 0 0 0 0 0 0 \n"
    "message 4 in 2 four 1 10 3 4 5 6 18446744073709551614 \n"
    "dedup 1 a 0123456789abcde 4 5\n"
    "dedup 2 b 0123456789abcde 4 5\n"
    "task 5 move\n",
    "queue 1 q\n"
    "counters 1 8\n"
    "message 6 in 1 two 2 20 3 4 5 6 18446744073709551613 arn\n"
    "message 7 in 1 seven 0 0 0 0 0 0 0 \n",
    "queue 1 q\n"
    "counters 1 8\n"
    "message 8 in 1 eight 0 0 0 0 0 0 0 \n",
};

static void make_group(struct changes *changes, int number)
{
    switch (number) {
    case 0:
        help_text(changes, CHANGE_QUEUE, 1, 0, "q");
        help_text(changes, CHANGE_QUEUE, 2, 0, "r");
        help_counters(changes, 1, 7);
        help_message(changes, 1, 1, "one");
        help_message(changes, 2, 1, "two");
        help_state(changes, 2, 2, "arn");
        help_message(changes, 3, 2, "three");
        help_message(changes, 4, 2, "four");
        help_state(changes, 4, 1, NULL);
        help_text(changes, CHANGE_DEDUP, 1, 0, "a");
        help_text(changes, CHANGE_DEDUP, 2, 0, "b");
        help_text(changes, CHANGE_TASK, 0, 5, "move");
        break;
    case 1:
        help_moved(changes, 2, 6, 1);
        help_message(changes, 7, 1, "seven");
        help_plain(changes, CHANGE_MESSAGE_GONE, 0, 1);
        help_plain(changes, CHANGE_QUEUE_GONE, 2, 0);
        help_text(changes, CHANGE_DEDUP_GONE, 1, 0, "a");
        help_plain(changes, CHANGE_TASK_GONE, 0, 5);
        help_counters(changes, 1, 8);
        break;
    default:
        help_plain(changes, CHANGE_QUEUE_PURGED, 1, 7);
        help_message(changes, 8, 1, "eight");
        break;
    }
}

/* ---- what is done ---- */

/* Success, or a failure that has its reason. */
static bool is_done(int result)
{
    torture_check(result == 0 || torture_has_failed());
    torture_check(result <= 0 || result == PROBLEM);
    torture_check(result != -EUCLEAN && result != -EIO); /* nothing is wrong with the disk */
    return result == 0;
}

static struct store_db *open_db(void)
{
    struct store_sqlite_options options = {.path = path};
    struct store_facts facts;
    struct store_db *db = NULL;
    struct problem problem;
    int result;

    problem_init(&problem);
    result = store_db_open(&db, &options, &facts, &problem);
    if (result == PROBLEM && problem.text.p)
        torture_check(!strstr(problem.text.p, "damaged") && !strstr(problem.text.p, "disk"));
    problem_deinit(&problem);
    return is_done(result) ? db : NULL;
}

/* false: it could not be read. The text is the caller's. */
static bool read_all(struct store_db *db, struct strbuf *out)
{
    struct store_reader reader = help_reader(out);
    struct problem problem;
    size_t count = 1;
    int result = 0;

    problem_init(&problem);
    while (result == 0 && count > 0) {
        struct changes rows = {.count = 0};

        result = store_db_read(db, &rows, &problem);
        count = rows.count;
        if (result == 0) {
            torture_pause(); /* the reader is not what is looked at */
            torture_check(rows_tell(&reader, &rows) == 0);
            torture_resume();
        }
        changes_deinit(&rows);
    }
    problem_deinit(&problem);
    return is_done(result);
}

static bool write_group(struct store_db *db, int number)
{
    struct changes changes = {.count = 0};
    bool is_there;

    torture_pause();
    make_group(&changes, number);
    torture_resume();
    is_there = is_done(store_db_apply(db, &changes));
    torture_pause();
    changes_deinit(&changes);
    torture_resume();
    return is_there;
}

static void look(struct store_db *db, uint64_t seq, const char *body)
{
    struct payload *payload = NULL;

    if (is_done(store_db_load(db, seq, &payload)))
        torture_check(body ? payload && slice_is(payload_body(payload), body) : !payload);
    payload_unref(payload);
}

/* Returns how many groups were confirmed; *tried: how many may be there. */
static int write_all(struct store_db *db, int *tried)
{
    int confirmed = 0;

    for (*tried = 1; *tried <= GROUPS && write_group(db, *tried - 1); ++*tried)
        confirmed++;
    if (*tried > GROUPS)
        *tried = GROUPS;
    if (confirmed == GROUPS) {
        look(db, 8, "eight");
        look(db, 7, NULL); /* purged, and not swept out yet */
        SL_IGNORE(is_done(store_db_checkpoint(db, false)));
        for (int i = 0; i < 4 && is_done(store_db_sweep(db, 2)); i++)
            ;
    }
    return confirmed;
}

/* As a reader finds it who has all the memory that it needs. */
static void check_file(int confirmed, int tried)
{
    struct strbuf text = {0};
    struct store_db *db;
    bool is_right = false;

    torture_pause();
    db = open_db();
    torture_check(db && read_all(db, &text) && store_db_close(db) == 0);
    for (int i = confirmed; i <= tried; i++)
        is_right |= strcmp(text.p ? text.p : "", states[i]) == 0;
    if (!is_right)
        fprintf(stderr, "%d to %d groups:\n%s", confirmed, tried, text.p ? text.p : "");
    torture_check(is_right);
    strbuf_deinit(&text);
    torture_resume();
}

static void begin(void)
{
    torture_pause();
    unlink(path);
    unlink(log_path);
    torture_resume();
}

static void write_and_read(void)
{
    struct strbuf text = {0};
    struct store_db *db;
    int confirmed = 0, tried = 0;

    begin();
    db = open_db();
    if (db) {
        confirmed = write_all(db, &tried);
        SL_IGNORE(is_done(store_db_close(db)));
        db = open_db();
    }
    if (db) {
        if (read_all(db, &text))
            torture_check(tried != confirmed ||
                          strcmp(text.p ? text.p : "", states[confirmed]) == 0);
        SL_IGNORE(is_done(store_db_close(db)));
    }
    torture_pause();
    strbuf_deinit(&text);
    torture_resume();
    check_file(confirmed, tried);
    sqlite3_shutdown(); /* what it keeps for itself is freed, too */
}

static void copy_file(const char *from, const char *to)
{
    char bytes[4096];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    size_t n;

    torture_check(in && out);
    while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
        torture_check(fwrite(bytes, 1, n, out) == n);
    torture_check(fclose(in) == 0 && fclose(out) == 0);
    torture_check(chmod(to, 0600) == 0);
}

/* What a process that was killed has left: a log that the database does not have, and a purge that was not swept out. */
static void make_unclean(void)
{
    char kept[112], kept_log[128];
    struct store_db *db;
    int tried;

    torture_pause();
    snprintf(kept, sizeof kept, "%s.kept", path);
    snprintf(kept_log, sizeof kept_log, "%s.kept", log_path);
    db = open_db();
    torture_check(db);
    for (tried = 0; tried < GROUPS; tried++)
        torture_check(write_group(db, tried));
    copy_file(path, kept);
    copy_file(log_path, kept_log);
    torture_check(store_db_close(db) == 0);
    torture_check(rename(kept, path) == 0 && rename(kept_log, log_path) == 0);
    torture_resume();
}

static void mend(void)
{
    struct strbuf text = {0};
    struct store_db *db;

    begin();
    make_unclean();
    sqlite3_shutdown();
    db = open_db();
    if (db) {
        if (read_all(db, &text))
            torture_check(strcmp(text.p, states[GROUPS]) == 0);
        SL_IGNORE(is_done(store_db_close(db)));
    }
    torture_pause();
    strbuf_deinit(&text);
    torture_resume();
    check_file(GROUPS, GROUPS);
    sqlite3_shutdown();
}

/* ---- through its thread: what the loop does may fail ---- */

static struct store *open_store(void)
{
    const struct store_sqlite_options options = {.path = path};
    struct strbuf told = {0};
    struct store_reader reader = help_reader(&told);
    struct problem problem;
    struct store *store = NULL;
    int result;

    problem_init(&problem);
    torture_resume();
    result = store_sqlite_open(&store, &options, &problem);
    torture_pause();
    SL_IGNORE(is_done(result));
    if (result == 0)
        torture_check(store_restore(store, &reader, &problem) == 0);
    problem_deinit(&problem);
    strbuf_deinit(&told);
    return result == 0 ? store : NULL;
}

enum { HANDED_IN = 60 };

/* What nobody waits for yet is gathered. A list that could not be is missing from all that follows, so the store ends. */
static int hand_in(struct sl_ctx *ctx, void *arg)
{
    struct changes changes = {.count = 0};
    unsigned *confirmed = arg;
    struct help_wait wait;
    struct store *store = open_store();

    if (!store)
        return 0;
    for (uint64_t seq = 1; seq <= HANDED_IN; seq++) {
        help_message(&changes, seq, 1, "a");
        if (seq % 20 > 0) /* a list that the one before has no room for */
            continue;
        torture_resume();
        store_submit(store, &changes, NULL);
        torture_pause();
        torture_check(changes.count == 0 && (store->error == 0 || torture_has_failed()));
    }
    help_submit(store, &changes, &wait);
    *confirmed = help_await(&wait) == 0 ? HANDED_IN : 0;
    torture_check((*confirmed > 0) == (store->error == 0));
    changes_deinit(&changes);
    torture_check(store_close(store, ctx) == (*confirmed > 0 ? 0 : -ENOMEM));
    return 0;
}

static void gather(void)
{
    struct strbuf text = {0};
    unsigned confirmed = 0;
    struct store_db *db;

    begin();
    torture_pause();
    torture_check(sl_run(hand_in, &confirmed) == 0);
    db = open_db();
    torture_check(db && read_all(db, &text) && store_db_close(db) == 0);
    for (unsigned seq = 1; seq <= confirmed; seq++) {
        char row[64];

        snprintf(row, sizeof row, "message %u in 1 a ", seq);
        torture_check(strstr(text.p, row));
    }
    strbuf_deinit(&text);
    sqlite3_shutdown();
    torture_resume();
}

int main(void)
{
    static const struct torture scenarios[] = {
        {"write and read", write_and_read}, {"mend", mend}, {"hand in", gather}};
    static const struct sqlite3_mem_methods methods = {take,     give, grow,      size_of,
                                                       round_up, init, shut_down, NULL};
    int result;

    /* In memory where there is a file system in memory: thousands of databases are made. */
    snprintf(folder, sizeof folder, "%s/torture_store.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    torture_check(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/queue.db", folder);
    snprintf(log_path, sizeof log_path, "%s-wal", path);
    torture_check(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK);
    result = torture_run(scenarios, sizeof scenarios / sizeof scenarios[0]);
    begin();
    rmdir(folder);
    return result;
}

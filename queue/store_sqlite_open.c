/*
 * store_sqlite_open -- from a path to a connection: what is there is looked at before anything is written, and refused with
 * a reason when it isn't a queue of ours.
 *
 * The database is made in one transaction of the rollback journal, and becomes a log's afterwards: after a crash there is
 * either nothing in the file, or everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/base.h>

#include "queue/store_sqlite_db.h"

enum {
    APPLICATION_ID = 0x736c7571,      /* "sluq" */
    VERSION = 2,                      /* 1: without the last three of a state */
    BYTE_ORDER_MARK = __BYTE_ORDER__, /* 1234 or 4321: payloads are kept as they lie in memory */
    PAGE_MIN = 512,                   /* of SQLite */
    LOG_MAX = 64 << 20,               /* bytes of a log's file that are kept for the next round */
};

/*
 * Measured with payloads of 1 KB: pages of 4, 8 and 16 KiB cost the same, and so do caches of 8 and 32 MiB. secure_delete is
 * Debian's default, and would write every page that becomes free.
 */
static const char *const settings[] = {
    "PRAGMA locking_mode = EXCLUSIVE", /* before the first look at the file */
    "PRAGMA page_size = 4096",         /* of a file that is made here */
    "PRAGMA cache_size = -8192",       /* KiB: some 20 groups */
    "PRAGMA synchronous = FULL",       "PRAGMA secure_delete = OFF",
    "PRAGMA temp_store = MEMORY",      "PRAGMA mmap_size = 0",
    "PRAGMA cell_size_check = ON",
};

static const char schema[] =
    "CREATE TABLE meta (byte_order INTEGER NOT NULL, secret BLOB NOT NULL, epoch INTEGER NOT NULL,"
    "  seq_max INTEGER NOT NULL, is_clean INTEGER NOT NULL);"
    "CREATE TABLE queue (id INTEGER PRIMARY KEY, text BLOB NOT NULL);"
    "CREATE TABLE counters (queue INTEGER PRIMARY KEY, sent INTEGER NOT NULL);"
    "CREATE TABLE message (seq INTEGER PRIMARY KEY, queue INTEGER NOT NULL,"
    "  payload BLOB NOT NULL);"
    "CREATE TABLE state (seq INTEGER PRIMARY KEY, visible_ms INTEGER NOT NULL,"
    "  first_received_ms INTEGER NOT NULL, generation INTEGER NOT NULL,"
    "  receives INTEGER NOT NULL, origin BLOB, received_ms INTEGER NOT NULL DEFAULT 0,"
    "  moved_ms INTEGER NOT NULL DEFAULT 0, receives_before INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE dedup (queue INTEGER NOT NULL, key BLOB NOT NULL, id BLOB NOT NULL,"
    "  sequence INTEGER NOT NULL, expires_ms INTEGER NOT NULL, PRIMARY KEY (queue, key))"
    "  WITHOUT ROWID;"
    "CREATE TABLE purged (queue INTEGER PRIMARY KEY, seq INTEGER NOT NULL, done INTEGER NOT NULL);"
    "CREATE TABLE task (seq INTEGER PRIMARY KEY, text BLOB NOT NULL);";

static const char from_version_1[] =
    "BEGIN IMMEDIATE;"
    "ALTER TABLE state ADD COLUMN received_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE state ADD COLUMN moved_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE state ADD COLUMN receives_before INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 2;"
    "COMMIT";

/* ---- the words ---- */

static const char not_ours[] = "something else than a queue, or its first page is damaged";
static const char advice_other[] = "name another file with --data: this one is left as it is";

static int refuse(struct problem *problem, const char *path, const char *what, const char *advice)
{
    return problem_set(problem, EXIT_BAD_CONFIG,
                       "the queue's file can't be used: it is %s\n  file:  %.1000s\n  do:    %s",
                       what, path, advice);
}

static int refuse_unavailable(struct problem *problem, const char *path, const char *why,
                              const char *advice)
{
    return problem_set(problem, EXIT_NOT_AVAILABLE,
                       "the queue's file can't be opened: %.300s\n  file:  %.1000s\n  do:    %s",
                       why, path, advice);
}

int store_db_damaged(struct problem *problem, sqlite3 *sqlite, const char *what)
{
    const char *path = sqlite3_db_filename(sqlite, "main");

    return problem_set(problem, EXIT_NOT_AVAILABLE,
                       "the queue's file is damaged: %.300s\n  file:  %.1000s\n"
                       "  do:    put it and its -wal away and restore a copy, or name another "
                       "file with --data; nothing was changed",
                       what, path ? path : "");
}

/* What a result of SQLite's at the opening means. */
static int judge(int result, sqlite3 *sqlite, const char *path, struct problem *problem)
{
    switch (result & 0xff) {
    case SQLITE_OK:
        return 0;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return refuse_unavailable(problem, path, "another process has it open",
                                  "stop that process, or name another file with --data");
    case SQLITE_NOTADB:
        return refuse(problem, path, not_ours, advice_other);
    case SQLITE_CORRUPT:
        return store_db_damaged(problem, sqlite, sqlite3_errmsg(sqlite));
    case SQLITE_FULL:
        return refuse_unavailable(problem, path, "the disk is full", "make room on it");
    default:
        return refuse_unavailable(problem, path, sqlite3_errmsg(sqlite),
                                  "see that this user may write the file and its folder, and "
                                  "that the disk is well");
    }
}

/* ---- the file, before SQLite sees it ---- */

static int look_at_file(const char *path, bool *is_there, struct problem *problem)
{
    struct stat st;

    *is_there = lstat(path, &st) == 0;
    if (!*is_there)
        return errno == ENOENT ? 0
                               : refuse_unavailable(problem, path, strerror(errno),
                                                    "name another file with --data");
    if (S_ISLNK(st.st_mode))
        return refuse(problem, path, "a symbolic link", "name the file that it points to");
    if (S_ISDIR(st.st_mode))
        return refuse(problem, path, "a folder", "name a file in it");
    if (!S_ISREG(st.st_mode))
        return refuse(problem, path, "no regular file", advice_other);
    if (st.st_uid != geteuid())
        return refuse(problem, path, "another user's",
                      "run sluice as its owner, or name another file with --data");
    if (st.st_size > 0 &&
        st.st_size < PAGE_MIN) /* SQLite takes a file of one byte for an empty one */
        return refuse(problem, path, not_ours, advice_other);
    return 0;
}

/* Nobody else may read what is in it: SQLite gives the log the database's mode. */
static int make_file(const char *path, struct problem *problem)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return refuse_unavailable(problem, path, strerror(errno),
                                  "see that the folder is there and that this user may write it");
    close(fd);
    return 0;
}

/* The folder without symbolic links, the last name as it is: SQLite then refuses a link that appears there meanwhile. */
static int resolve(const char *path, char out[PATH_MAX + NAME_MAX + 2], struct problem *problem)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char folder[PATH_MAX], real[PATH_MAX];
    int n = slash ? (int)(slash - path) : 0;

    snprintf(folder, sizeof folder, "%.*s%s", n, path, slash == path ? "/" : n ? "" : ".");
    if (strlen(path) >= PATH_MAX || strlen(name) > NAME_MAX)
        return refuse_unavailable(problem, path, "its name is too long",
                                  "name another file with --data");
    if (!realpath(folder, real))
        return refuse_unavailable(problem, path, strerror(errno),
                                  "see that the folder is there and that this user may use it");
    snprintf(out, PATH_MAX + NAME_MAX + 2, "%s/%s", real, name);
    return 0;
}

/*
 * Makes the folder's entries durable: those of the file and its log. SQLite does so when it makes a log, but not with one
 * that is there already, whose maker may have died before.
 */
static int sync_folder(const char *path, struct problem *problem)
{
    char folder[PATH_MAX];
    int fd, error;

    snprintf(folder, sizeof folder, "%.*s/", (int)(strrchr(path, '/') - path), path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    error = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (!error)
        return 0;
    return refuse_unavailable(problem, path, strerror(error),
                              "see that this user may read the folder, and that the disk is well");
}

static int prepare_file(const char *path, char out[PATH_MAX + NAME_MAX + 2],
                        struct problem *problem)
{
    bool is_there = false;
    int result = resolve(path, out, problem);

    if (result == 0)
        result = look_at_file(out, &is_there, problem);
    if (result == 0 && !is_there)
        result = make_file(out, problem);
    return result == 0 ? sync_folder(out, problem) : result;
}

/* ---- what is in it ---- */

static int run_text(sqlite3 *sqlite, const char *text)
{
    return sqlite3_exec(sqlite, text, NULL, NULL, NULL);
}

int store_db_number(sqlite3 *sqlite, const char *text, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(sqlite, text, -1, &statement, NULL);

    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    if (result == SQLITE_DONE)
        return SQLITE_CORRUPT;
    return result == SQLITE_ROW ? SQLITE_OK : result;
}

static int write_meta(sqlite3 *sqlite)
{
    sqlite3_stmt *statement = NULL;
    uint8_t secret[32];
    int result;

    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return SQLITE_IOERR;
    result = sqlite3_prepare_v2(sqlite,
                                "INSERT INTO meta (byte_order, secret, epoch, seq_max, is_clean) "
                                "VALUES (?1, ?2, 0, 0, 1)",
                                -1, &statement, NULL);
    if (result != SQLITE_OK)
        return result;
    sqlite3_bind_int(statement, 1, BYTE_ORDER_MARK);
    sqlite3_bind_blob(statement, 2, secret, sizeof secret, SQLITE_STATIC);
    result = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int create(sqlite3 *sqlite)
{
    char marks[96];
    int result = run_text(sqlite, "BEGIN IMMEDIATE");

    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, VERSION);
    if (result == SQLITE_OK)
        result = run_text(sqlite, marks);
    if (result == SQLITE_OK)
        result = run_text(sqlite, schema);
    if (result == SQLITE_OK)
        result = write_meta(sqlite);
    return result == SQLITE_OK ? run_text(sqlite, "COMMIT") : result;
}

/* Whose the file is, and of which version; a file without any page is made into one of ours, an older version brought to this. */
static int identify(sqlite3 *sqlite, const char *path, struct problem *problem)
{
    int64_t pages = 0, application = 0, version = 0;
    int result = store_db_number(sqlite, "PRAGMA page_count", &pages);

    if (result == SQLITE_OK && pages == 0)
        result = create(sqlite);
    if (result == SQLITE_OK)
        result = store_db_number(sqlite, "PRAGMA application_id", &application);
    if (result == SQLITE_OK)
        result = store_db_number(sqlite, "PRAGMA user_version", &version);
    if (result == SQLITE_OK && application == APPLICATION_ID && version == 1) {
        result = run_text(sqlite, from_version_1);
        version = VERSION;
    }
    if (result != SQLITE_OK)
        return judge(result, sqlite, path, problem);
    if (application != APPLICATION_ID)
        return refuse(problem, path, "an SQLite database of another program", advice_other);
    if (version != VERSION)
        return refuse(problem, path, "a queue of another version of sluice",
                      "use the sluice that made it, or name another file with --data");
    return 0;
}

/* Creation may have ended before this step, so it is part of every opening. */
static int enter_log_mode(sqlite3 *sqlite, const char *path, struct problem *problem)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(sqlite, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    bool is_log = false;

    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        const char *mode = (const char *)sqlite3_column_text(statement, 0);

        is_log = mode && strcmp(mode, "wal") == 0;
        result = sqlite3_step(statement); /* only this step writes it to the file */
    }
    sqlite3_finalize(statement);
    if (result != SQLITE_DONE)
        return judge(result, sqlite, path, problem);
    if (!is_log)
        return refuse_unavailable(problem, path, "this file system has no write-ahead log",
                                  "name a file on a local disk with --data");
    return 0;
}

static int read_meta_row(sqlite3_stmt *statement, struct db_meta *meta)
{
    int64_t epoch = sqlite3_column_int64(statement, 2);

    if (sqlite3_column_bytes(statement, 1) != sizeof meta->facts.secret || epoch < 0 ||
        epoch >= UINT32_MAX)
        return SQLITE_CORRUPT;
    memcpy(meta->facts.secret, sqlite3_column_blob(statement, 1), sizeof meta->facts.secret);
    meta->facts.epoch = (uint32_t)epoch + 1;
    meta->facts.seq_max = (uint64_t)sqlite3_column_int64(statement, 3);
    meta->facts.keeps_payloads = true;
    meta->is_clean = sqlite3_column_int(statement, 4) == 1;
    return SQLITE_OK;
}

static int read_meta(sqlite3 *sqlite, struct db_meta *meta, const char *path,
                     struct problem *problem)
{
    sqlite3_stmt *statement = NULL;
    int64_t order = BYTE_ORDER_MARK;
    int result =
        sqlite3_prepare_v2(sqlite, "SELECT byte_order, secret, epoch, seq_max, is_clean FROM meta",
                           -1, &statement, NULL);

    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        order = sqlite3_column_int64(statement, 0);
        result = read_meta_row(statement, meta);
    } else if (result == SQLITE_DONE || result == SQLITE_ERROR) { /* no row; no such table */
        result = SQLITE_CORRUPT;
    }
    sqlite3_finalize(statement);
    if (order != BYTE_ORDER_MARK)
        return refuse(problem, path, "a queue of a machine with another byte order",
                      "use it on a machine of that kind, or name another file with --data");
    if (result == SQLITE_CORRUPT)
        return store_db_damaged(problem, sqlite, "what it says of itself can't be read");
    return judge(result, sqlite, path, problem);
}

/* Looks through all pages. What it finds has a headline of its own, and may have more lines. */
static int check_pages(sqlite3 *sqlite, const char *path, struct problem *problem)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(sqlite, "PRAGMA quick_check(1)", -1, &statement, NULL);
    int outcome;

    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    if (result == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        const char *line = text ? strchr(text, '\n') : NULL;
        char what[200];

        line = line ? line + 1 : text ? text : "";
        snprintf(what, sizeof what, "%.*s", (int)strcspn(line, "\n"), line);
        outcome = strcmp(what, "ok") == 0 ? 0 : store_db_damaged(problem, sqlite, what);
    } else {
        outcome = judge(result, sqlite, path, problem);
    }
    sqlite3_finalize(statement);
    return outcome;
}

/*
 * After an unclean end: if it was an fsync that failed, what the system still shows of the log may not be on the disk, and
 * commits behind it would be lost with it. So the log is brought into the database, and begins anew.
 */
static int mend(sqlite3 *sqlite, const char *path, struct problem *problem)
{
    int outcome = check_pages(sqlite, path, problem);

    if (outcome != 0)
        return outcome;
    return judge(sqlite3_wal_checkpoint_v2(sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL),
                 sqlite, path, problem);
}

/* ---- all of it ---- */

static int set_up(sqlite3 *sqlite)
{
    int result = SQLITE_OK;
    char limit[64];

    /* a log is left as it is when something went wrong; a file that somebody prepared runs no code */
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_wal_autocheckpoint(sqlite, 0);
    snprintf(limit, sizeof limit, "PRAGMA journal_size_limit = %d", LOG_MAX);
    for (size_t i = 0; i < sizeof settings / sizeof *settings && result == SQLITE_OK; i++)
        result = run_text(sqlite, settings[i]);
    return result == SQLITE_OK ? run_text(sqlite, limit) : result;
}

static int recognise(sqlite3 *sqlite, struct db_meta *meta, const char *path,
                     struct problem *problem)
{
    int result = judge(set_up(sqlite), sqlite, path, problem);

    if (result == 0)
        result = identify(sqlite, path, problem);
    if (result == 0)
        result = enter_log_mode(sqlite, path, problem);
    return result == 0 ? read_meta(sqlite, meta, path, problem) : result;
}

int store_db_connect(sqlite3 **out, const struct store_sqlite_options *options,
                     struct db_meta *meta, struct problem *problem)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW |
                      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    char path[PATH_MAX + NAME_MAX + 2];
    int result = 0;

    if (options->vfs) /* it may have files that the system knows nothing of */
        snprintf(path, sizeof path, "%s", options->path);
    else
        result = prepare_file(options->path, path, problem);
    if (result != 0)
        return result;
    result = sqlite3_open_v2(path, out, flags, options->vfs);
    if (result != SQLITE_OK)
        return *out ? judge(result, *out, path, problem) : -ENOMEM;
    return recognise(*out, meta, path, problem);
}

int store_db_claim(sqlite3 *sqlite, const struct db_meta *meta, struct problem *problem)
{
    const char *path = sqlite3_db_filename(sqlite, "main");
    int result = meta->is_clean ? 0 : mend(sqlite, path, problem);

    if (result == 0)
        result = judge(run_text(sqlite, "UPDATE meta SET epoch = epoch + 1, is_clean = 0"), sqlite,
                       path, problem);
    return result;
}

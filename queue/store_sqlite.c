/*
 * The durable store: a thread that owns the database, and groups.
 *
 * On the loop, submissions go into the group that is gathering. The thread takes that group when somebody waits for it,
 * writes it as one transaction, and hands it back with its error through the bell; the loop then tells its waits and drops its
 * changes, so payloads are counted on one thread. Of the three groups one gathers, one is written, one is told. Loads are
 * served before the next group, unless they ask for a message that comes into being in it. Between groups, and when there is
 * nothing else to do, the thread keeps house: it sweeps out what was purged, and keeps the log short.
 *
 * Opening, restoring and, if there was no restore, closing run on helper threads: the store's own thread starts when all is
 * restored.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sluice/loop.h>
#include <sluice/offload.h>

#include "queue/store.h"
#include "queue/store_sqlite_db.h"
#include "queue/tell.h"

enum {
    GROUPS = 3,
    UNAWAITED_MAX = 8192, /* changes; more are written though nobody waits: about 2 MiB of them */
    LOG_BYTES_MAX =
        16 << 20,       /* then a checkpoint. Measured: every 4 MiB costs three times as much */
    WAL_MAX = 64 << 20, /* the default of struct store_sqlite_options */
    IDLE_MS = 1000,     /* without work, before the log is emptied */
};

struct group {
    struct group *next;
    struct changes changes;
    struct waits waits;
    struct loads after;  /* of messages that this group brings */
    uint64_t new_min;    /* the smallest seq that it brings; UINT64_MAX: none */
    struct timespec due; /* when it is written though nobody waits; of CLOCK_MONOTONIC */
    int error;
};

struct durable {
    struct store base;
    struct store_db *db; /* the thread's while there is one */
    size_t wal_max;
    struct tell tell;
    struct sl_bell *bell;
    struct sl_parker ended; /* close waits at it */
    pthread_t thread;
    bool has_thread, is_closing, is_over;
    int close_error;
    struct group groups[GROUPS];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock: */
    struct group *gathering, *spare; /* spare: a list */
    struct group *written, **written_end;
    struct loads wanted, loaded;
    bool asked_to_end, gives_up, has_ended;
    int db_error; /* of the database, as the loop may know it */
};

static struct durable *durable_of(struct store *store)
{
    return SL_CONTAINER_OF(store, struct durable, base);
}

static bool group_is_empty(const struct group *group)
{
    return group->changes.count == 0 && !group->waits.first && !group->after.first;
}

static bool group_is_awaited(const struct group *group)
{
    return group->waits.first || group->after.first || group->changes.count > UNAWAITED_MAX;
}

static struct timespec time_in_ms(unsigned ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* ---- the thread ---- */

enum work { WORK_LOADS, WORK_GROUP, WORK_SWEEP, WORK_IDLE, WORK_END };

/* Under the lock: what there is to do, or WORK_IDLE and until when that may change by itself (NULL: it doesn't). */
static enum work find_work(struct durable *durable, const struct timespec *idle,
                           const struct timespec **until, bool is_late)
{
    struct group *gathering = durable->gathering;
    const struct store_db *db = durable->db;
    bool is_empty = group_is_empty(gathering);
    bool can_sweep = db->needs_sweep && !db->error;

    *until = NULL;
    if (durable->wanted.first)
        return WORK_LOADS;
    if (is_empty && durable->asked_to_end)
        return WORK_END;
    if (!is_empty && durable->spare) {
        if (is_late || group_is_awaited(gathering) || durable->asked_to_end || can_sweep)
            return WORK_GROUP;
        *until = &gathering->due;
    } else if (is_empty && can_sweep) {
        return WORK_SWEEP;
    } else if (is_empty && store_db_log_bytes(db) > 0 && !db->error) {
        *until = idle;
    }
    return WORK_IDLE;
}

/* Waits for work. WORK_IDLE: there has been none for a while. */
static enum work wait_for_work(struct durable *durable)
{
    const struct timespec idle = time_in_ms(IDLE_MS);
    const struct timespec *until;
    bool is_late = false;

    for (;;) {
        enum work work = find_work(durable, &idle, &until, is_late);

        if (work != WORK_IDLE || (until == &idle && is_late))
            return work;
        is_late = false;
        if (!until)
            pthread_cond_wait(&durable->changed, &durable->lock);
        else
            is_late = pthread_cond_timedwait(&durable->changed, &durable->lock, until) == ETIMEDOUT;
    }
}

static int read_payloads(struct store_db *db, struct store_load *load)
{
    int error = 0;

    for (size_t i = 0; i < load->count && !error; i++)
        error = store_db_load(db, load->seqs[i], &load->out[i]);
    for (size_t i = 0; i < load->count && error; i++) {
        payload_unref(load->out[i]); /* nobody else has it yet */
        load->out[i] = NULL;
    }
    return error;
}

static void serve_loads(struct durable *durable, struct loads *loads)
{
    for (struct store_load *load = loads->first; load; load = load->next_)
        load->error_ = read_payloads(durable->db, load);
    pthread_mutex_lock(&durable->lock);
    loads_splice(&durable->loaded, loads);
    pthread_mutex_unlock(&durable->lock);
    sl_bell_ring(durable->bell);
}

static void keep_log_short(struct durable *durable)
{
    struct store_db *db = durable->db;

    if (db->error || store_db_log_bytes(db) < LOG_BYTES_MAX)
        return;
    if (store_db_checkpoint(db, false) == 0 && store_db_log_bytes(db) > durable->wal_max)
        db->error = -ENOSPC;
}

/* Between groups, when nobody waits for the last one any more. Errors stay in the database, and end the next group. */
static void keep_house(struct durable *durable)
{
    if (durable->db->needs_sweep)
        SL_IGNORE(store_db_sweep(durable->db, DB_SWEEP_ROWS));
    keep_log_short(durable);
}

static void hand_back(struct durable *durable, struct group *group)
{
    pthread_mutex_lock(&durable->lock);
    group->next = NULL;
    *durable->written_end = group;
    durable->written_end = &group->next;
    pthread_mutex_unlock(&durable->lock);
    sl_bell_ring(durable->bell);
}

static void write_group(struct durable *durable, struct group *group, bool gives_up)
{
    struct loads after;

    loads_init(&after);
    group->error = gives_up ? -ECANCELED : store_db_apply(durable->db, &group->changes);
    waits_judge(&group->waits, group->error);
    loads_judge(&group->after, group->error);
    if (!group->error)
        loads_splice(&after, &group->after);
    hand_back(durable, group);
    if (after.first)
        serve_loads(durable, &after);
    keep_house(durable);
}

/* Under the lock. */
static struct group *take_group(struct durable *durable)
{
    struct group *group = durable->gathering;

    durable->gathering = durable->spare;
    durable->spare = durable->gathering->next;
    return group;
}

/* Errors that no group has told of: of loads, sweeps and checkpoints. */
static void show_error(struct durable *durable)
{
    if (durable->db->error == durable->db_error) /* this thread alone writes it */
        return;
    pthread_mutex_lock(&durable->lock);
    durable->db_error = durable->db->error;
    pthread_mutex_unlock(&durable->lock);
    sl_bell_ring(durable->bell);
}

static bool do_work(struct durable *durable)
{
    struct loads loads;
    struct group *group = NULL;
    enum work work;
    bool gives_up;

    loads_init(&loads);
    pthread_mutex_lock(&durable->lock);
    work = wait_for_work(durable);
    gives_up = durable->gives_up;
    if (work == WORK_LOADS)
        loads_splice(&loads, &durable->wanted);
    else if (work == WORK_GROUP)
        group = take_group(durable);
    pthread_mutex_unlock(&durable->lock);

    switch (work) {
    case WORK_LOADS:
        serve_loads(durable, &loads);
        break;
    case WORK_GROUP:
        write_group(durable, group, gives_up);
        break;
    case WORK_SWEEP:
        keep_house(durable);
        break;
    case WORK_IDLE:
        SL_IGNORE(store_db_checkpoint(durable->db, true));
        break;
    case WORK_END:
        return false;
    }
    show_error(durable);
    return true;
}

static void *run(void *arg)
{
    struct durable *durable = arg;

    while (do_work(durable))
        ;
    durable->close_error = store_db_close(durable->db);
    pthread_mutex_lock(&durable->lock);
    durable->has_ended = true;
    pthread_mutex_unlock(&durable->lock);
    sl_bell_ring(durable->bell);
    return NULL;
}

static int start_thread(struct durable *durable)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&durable->thread, NULL, run, durable);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    durable->has_thread = r == 0;
    return -r;
}

/* ---- the loop ---- */

static void group_reset(struct group *group)
{
    changes_reset(&group->changes);
    group->new_min = UINT64_MAX;
    group->error = 0;
}

/* Tells a written group's waits, and lets it gather again. */
static void tell_group(struct durable *durable, struct group *group)
{
    struct waits waits;
    struct loads after;

    waits_init(&waits);
    loads_init(&after);
    waits_splice(&waits, &group->waits);
    loads_splice(&after, &group->after);
    if (group->error && !durable->base.error && group->error != -ECANCELED)
        durable->base.error = group->error;
    waits_tell(&waits);
    loads_tell(&after);
    group_reset(group);
    pthread_mutex_lock(&durable->lock);
    group->next = durable->spare;
    durable->spare = group;
    pthread_cond_signal(&durable->changed);
    pthread_mutex_unlock(&durable->lock);
}

/* In loop context: the thread has something to tell. */
static void rung(void *arg)
{
    struct durable *durable = arg;
    struct group *written;
    struct loads loaded;
    bool has_ended;
    int error;

    loads_init(&loaded);
    pthread_mutex_lock(&durable->lock);
    written = durable->written;
    durable->written = NULL;
    durable->written_end = &durable->written;
    loads_splice(&loaded, &durable->loaded);
    has_ended = durable->has_ended;
    error = durable->db_error;
    pthread_mutex_unlock(&durable->lock);

    while (written) {
        struct group *next = written->next;

        tell_group(durable, written);
        written = next;
    }
    if (!durable->base.error)
        durable->base.error = error;
    loads_tell(&loaded);
    if (has_ended && !durable->is_over) {
        durable->is_over = true;
        sl_unpark(&durable->ended);
    }
}

/* ---- the interface ---- */

struct opening {
    const struct store_sqlite_options *options;
    struct durable *durable;
    struct problem *problem;
};

static int open_db(void *arg)
{
    struct opening *opening = arg;

    return store_db_open(&opening->durable->db, opening->options, &opening->durable->base.facts,
                         opening->problem);
}

struct reading {
    struct store_db *db;
    struct changes rows;
    struct problem *problem;
};

static int read_rows(void *arg)
{
    struct reading *reading = arg;

    return store_db_read(reading->db, &reading->rows, reading->problem);
}

static int restore(struct store *store, const struct store_reader *reader, struct problem *problem)
{
    struct durable *durable = durable_of(store);
    struct reading reading = {.db = durable->db, .problem = problem};
    bool is_done = false;
    int result = 0, error = 0;

    sl_assert(!durable->has_thread);
    while (!error && result == 0 && !is_done) {
        error = sl_offload(read_rows, &reading, &result);
        if (!error && result == 0)
            error = rows_tell(reader, &reading.rows);
        is_done = reading.rows.count == 0;
        changes_reset(&reading.rows);
    }
    changes_deinit(&reading.rows);
    if (!error && result == 0)
        error = start_thread(durable);
    return error ? error : result;
}

/* Under the lock. false: no memory; the list is as it was. */
static bool gather(struct group *group, struct changes *changes)
{
    struct changes *to = &group->changes;

    if (to->count == 0) { /* the list gets this one's storage back */
        struct changes empty = *to;

        *to = *changes;
        *changes = empty;
        return true;
    }
    if (to->max - to->count < changes->count) {
        size_t max = 2 * (to->count + changes->count);
        struct change *items = reallocarray(to->items, max, sizeof *items);

        if (!items)
            return false;
        to->items = items;
        to->max = max;
    }
    if (changes->count > 0)
        memcpy(to->items + to->count, changes->items, changes->count * sizeof *changes->items);
    to->count += changes->count;
    changes->count = 0;
    return true;
}

static uint64_t find_new_min(const struct changes *changes)
{
    uint64_t min = UINT64_MAX;

    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];

        if (change->kind == CHANGE_MESSAGE && change->seq < min)
            min = change->seq;
        if (change->kind == CHANGE_MESSAGE_MOVED && change->new_seq < min)
            min = change->new_seq;
    }
    return min;
}

/* 0, or -ENOMEM: nothing was taken over. */
static int hand_in(struct durable *durable, struct changes *changes, struct store_wait *wait)
{
    uint64_t new_min = find_new_min(changes);
    bool was_empty, was_awaited, is_gathered;
    struct group *group;

    pthread_mutex_lock(&durable->lock);
    group = durable->gathering;
    was_empty = group_is_empty(group);
    was_awaited = group_is_awaited(group);
    is_gathered = gather(group, changes);
    if (is_gathered) {
        if (was_empty)
            group->due = time_in_ms(STORE_UNAWAITED_MS);
        if (new_min < group->new_min)
            group->new_min = new_min;
        if (wait)
            waits_push(&group->waits, wait);
        if (was_empty || (!was_awaited && group_is_awaited(group)))
            pthread_cond_signal(&durable->changed);
    }
    pthread_mutex_unlock(&durable->lock);
    return is_gathered ? 0 : -ENOMEM;
}

static void submit(struct store *store, struct changes *changes, struct store_wait *wait)
{
    struct durable *durable = durable_of(store);
    int error = store->error;

    sl_assert(durable->has_thread);
    if (!error && changes->failed)
        error = -ENOMEM;
    else if (!error && durable->is_closing)
        error = -ECANCELED;
    else if (!error) /* what is lost here is missing from all that follows */
        error = store->error = hand_in(durable, changes, wait);
    if (!error)
        return;
    changes_reset(changes);
    if (wait)
        tell_wait(&durable->tell, wait, error);
}

static void load(struct store *store, struct store_load *load)
{
    struct durable *durable = durable_of(store);
    struct group *group;
    bool is_after = false;

    sl_assert(durable->has_thread);
    if (durable->is_closing || (store->error && store->error != -ENOSPC)) {
        tell_load(&durable->tell, load, store->error ? store->error : -ECANCELED);
        return;
    }
    pthread_mutex_lock(&durable->lock);
    group = durable->gathering;
    for (size_t i = 0; i < load->count; i++)
        is_after = is_after || load->seqs[i] >= group->new_min;
    loads_push(is_after ? &group->after : &durable->wanted, load);
    pthread_cond_signal(&durable->changed);
    pthread_mutex_unlock(&durable->lock);
}

static int close_db(void *arg)
{
    return store_db_close(arg);
}

static void ask_to_end(struct durable *durable, bool gives_up)
{
    pthread_mutex_lock(&durable->lock);
    durable->asked_to_end = true;
    durable->gives_up = gives_up;
    pthread_cond_signal(&durable->changed);
    pthread_mutex_unlock(&durable->lock);
}

static int end_thread(struct durable *durable, struct sl_ctx *ctx)
{
    ask_to_end(durable, false);
    if (sl_park(&durable->ended, ctx, SL_NEVER, "the store to end") != SL_OK && !durable->is_over) {
        ask_to_end(durable, true);
        SL_IGNORE(sl_park(&durable->ended, NULL, SL_NEVER, "the store's disk"));
    }
    pthread_join(durable->thread, NULL);
    return durable->close_error;
}

static void durable_free(struct durable *durable)
{
    sl_bell_silence(durable->bell);
    sl_bell_unref(durable->bell);
    for (size_t i = 0; i < GROUPS; i++)
        changes_deinit(&durable->groups[i].changes);
    pthread_cond_destroy(&durable->changed);
    pthread_mutex_destroy(&durable->lock);
    free(durable);
}

static int close_durable(struct store *store, struct sl_ctx *ctx)
{
    struct durable *durable = durable_of(store);
    int error, result = 0;

    durable->is_closing = true;
    if (durable->has_thread) {
        error = end_thread(durable, ctx);
    } else {
        error = sl_offload(close_db, durable->db, &result);
        if (error) /* no helper thread: it is not worth a lost file */
            result = store_db_close(durable->db);
        error = result;
    }
    tell_deinit(&durable->tell);
    if (store->error)
        error = store->error;
    durable_free(durable);
    return error;
}

static const struct store_ops ops = {
    .restore = restore,
    .submit = submit,
    .load = load,
    .close = close_durable,
};

static struct durable *durable_new(void)
{
    struct durable *durable = calloc(1, sizeof *durable);
    pthread_condattr_t attr;

    if (!durable)
        return NULL;
    durable->bell = sl_bell_new(rung, durable);
    if (!durable->bell) {
        free(durable);
        return NULL;
    }
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&durable->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&durable->lock, NULL);
    sl_parker_init(&durable->ended);
    tell_init(&durable->tell);
    for (size_t i = 0; i < GROUPS; i++) {
        waits_init(&durable->groups[i].waits);
        loads_init(&durable->groups[i].after);
        group_reset(&durable->groups[i]);
        durable->groups[i].next = i >= 2 ? &durable->groups[i - 1] : NULL;
    }
    durable->gathering = &durable->groups[0];
    durable->spare = &durable->groups[GROUPS - 1];
    durable->written_end = &durable->written;
    loads_init(&durable->wanted);
    loads_init(&durable->loaded);
    durable->base.ops = &ops;
    return durable;
}

int store_sqlite_open(struct store **out, const struct store_sqlite_options *options,
                      struct problem *problem)
{
    struct opening opening = {options, durable_new(), problem};
    int result = 0, error;

    if (!opening.durable)
        return -ENOMEM;
    opening.durable->wal_max = options->wal_max ? options->wal_max : WAL_MAX;
    error = sl_offload(open_db, &opening, &result);
    if (error || result != 0) {
        durable_free(opening.durable);
        return error ? error : result;
    }
    *out = &opening.durable->base;
    return 0;
}

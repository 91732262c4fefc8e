/* disk -- files are inodes with a name; SQLite's file methods work on what is visible, and note what they did. */
#include "test/crash/disk.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/base.h>

#include "test/crash/disk_inside.h"

uint64_t rng_next(struct rng *rng)
{
    uint64_t x = rng->state += 0x9e3779b97f4a7c15;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

unsigned rng_below(struct rng *rng, unsigned n)
{
    return (unsigned)(rng_next(rng) % n);
}

/* ---- bytes ---- */

void bytes_resize(struct bytes *bytes, size_t n)
{
    if (n > bytes->max) {
        bytes->max = n + n / 2;
        bytes->p = realloc(bytes->p, bytes->max);
        sl_assert(bytes->p);
    }
    if (n > bytes->n)
        memset(bytes->p + bytes->n, 0, n - bytes->n);
    bytes->n = n;
}

void bytes_write(struct bytes *bytes, size_t at, const void *p, size_t n)
{
    if (n == 0)
        return; /* as write(): nothing, also behind the end */
    if (bytes->n < at + n)
        bytes_resize(bytes, at + n);
    memcpy(bytes->p + at, p, n);
}

void bytes_copy(struct bytes *to, const struct bytes *from)
{
    bytes_resize(to, 0);
    bytes_write(to, 0, from->p, from->n);
}

/* ---- inodes ---- */

struct inode *disk_add(struct disk *disk, const char *name)
{
    struct inode *inode = calloc(1, sizeof *inode);

    disk->inodes = reallocarray(disk->inodes, disk->inode_count + 1, sizeof(struct inode *));
    sl_assert(inode && disk->inodes && strlen(name) < sizeof inode->name);
    strcpy(inode->name, name);
    inode->number = disk->inode_count;
    inode->is_linked = true;
    disk->inodes[disk->inode_count++] = inode;
    return inode;
}

static struct inode *find(const struct disk *disk, const char *name)
{
    for (size_t i = 0; i < disk->inode_count; i++)
        if (disk->inodes[i]->is_linked && strcmp(disk->inodes[i]->name, name) == 0)
            return disk->inodes[i];
    return NULL;
}

struct disk *disk_new(void)
{
    struct disk *disk = calloc(1, sizeof *disk);

    sl_assert(disk);
    return disk;
}

void disk_free(struct disk *disk)
{
    for (size_t i = 0; i < disk->inode_count; i++) {
        free(disk->inodes[i]->base.p);
        free(disk->inodes[i]->visible.p);
        free(disk->inodes[i]);
    }
    for (size_t i = 0; i < disk->op_count; i++)
        free(disk->ops[i].data);
    free(disk->inodes);
    free(disk->ops);
    free(disk);
}

size_t disk_operations(const struct disk *disk)
{
    return disk->op_count;
}

static void note(struct disk *disk, struct op op, const void *data)
{
    if (disk->op_count == disk->op_max) {
        disk->op_max = disk->op_max ? 2 * disk->op_max : 256;
        disk->ops = reallocarray(disk->ops, disk->op_max, sizeof *disk->ops);
        sl_assert(disk->ops);
    }
    if (data) {
        op.data = malloc(op.n + 1);
        sl_assert(op.data);
        memcpy(op.data, data, op.n);
    }
    disk->ops[disk->op_count++] = op;
}

void disk_sync_folder(struct disk *disk)
{
    note(disk, (struct op){OP_SYNC_FOLDER, 0, 0, 0, NULL, true}, NULL);
}

/* ---- faults ---- */

void disk_set_fault(struct disk *disk, struct fault fault)
{
    disk->fault = fault;
    disk->fault_count = 0;
    disk->has_failed = false;
}

bool disk_has_failed(const struct disk *disk)
{
    return disk->has_failed;
}

static bool fails(struct disk *disk, enum fault_kind kind)
{
    if (disk->fault.kind != kind)
        return false;
    disk->fault_count++;
    if (disk->fault_count < disk->fault.at ||
        (disk->fault_count > disk->fault.at && !disk->fault.stays))
        return false;
    disk->has_failed = true;
    return true;
}

/* ---- SQLite's methods ---- */

struct file {
    sqlite3_file base;
    struct disk *disk;
    struct inode *inode;
    bool syncs_folder; /* a journal or a log that was made here and not synced yet */
};

static struct file *file_of(sqlite3_file *file)
{
    return (struct file *)(void *)file;
}

static int file_close(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
    struct file *f = file_of(file);
    const struct bytes *bytes = &f->inode->visible;
    size_t have = (size_t)at < bytes->n ? bytes->n - (size_t)at : 0;

    if (fails(f->disk, FAULT_READ))
        return SQLITE_IOERR_READ;
    if (have >= (size_t)n) {
        memcpy(out, bytes->p + at, (size_t)n);
        return SQLITE_OK;
    }
    memset(out, 0, (size_t)n);
    if (have > 0)
        memcpy(out, bytes->p + at, have);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
    struct file *f = file_of(file);
    bool is_full = fails(f->disk, FAULT_FULL);
    bool is_failed = fails(f->disk, FAULT_WRITE);
    size_t length = is_full || is_failed ? (size_t)n / 2 : (size_t)n; /* half of it got there */

    bytes_write(&f->inode->visible, (size_t)at, p, length);
    note(f->disk, (struct op){OP_WRITE, f->inode->number, (size_t)at, length, NULL, false}, p);
    if (is_full)
        return SQLITE_FULL;
    return is_failed ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 n)
{
    struct file *f = file_of(file);

    if (fails(f->disk, FAULT_WRITE))
        return SQLITE_IOERR_TRUNCATE;
    bytes_resize(&f->inode->visible, (size_t)n);
    note(f->disk, (struct op){OP_TRUNCATE, f->inode->number, (size_t)n, 0, NULL, false}, NULL);
    return SQLITE_OK;
}

static int file_sync(sqlite3_file *file, int flags)
{
    struct file *f = file_of(file);
    bool is_failed = fails(f->disk, FAULT_SYNC);

    (void)flags;
    note(f->disk,
         (struct op){is_failed ? OP_SYNC_FAILED : OP_SYNC, f->inode->number, 0, 0, NULL,
                     f->syncs_folder},
         NULL);
    if (is_failed)
        return SQLITE_IOERR_FSYNC;
    f->syncs_folder = false;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)file_of(file)->inode->visible.n;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *file, int level)
{
    (void)file, (void)level;
    return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *file, int *out)
{
    (void)file;
    *out = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    (void)file, (void)op, (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

static int file_traits(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* Version 1: no shared memory. A store that locks exclusively needs none. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_lock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
};

static struct disk *mounted;

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    struct file *f = file_of(file);
    struct inode *inode = name ? find(mounted, name) : NULL;
    bool is_new = !inode;

    (void)vfs;
    f->base.pMethods = NULL;
    if (!name || (is_new && !(flags & SQLITE_OPEN_CREATE))) /* temporary files are in memory */
        return SQLITE_CANTOPEN;
    if (is_new) {
        inode = disk_add(mounted, name);
        note(mounted, (struct op){OP_MAKE, inode->number, 0, 0, NULL, false}, NULL);
    }
    *f = (struct file){{&methods},
                       mounted,
                       inode,
                       is_new && (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL))};
    if (out)
        *out = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int syncs)
{
    struct inode *inode = find(mounted, name);

    (void)vfs;
    if (!inode)
        return SQLITE_IOERR_DELETE_NOENT;
    inode->is_linked = false;
    note(mounted, (struct op){OP_DELETE, inode->number, 0, 0, NULL, syncs != 0}, NULL);
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    const struct inode *inode = find(mounted, name);

    (void)vfs;
    *out = inode && (flags != SQLITE_ACCESS_EXISTS || inode->visible.n > 0);
    return SQLITE_OK;
}

static int vfs_full_name(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
    (void)vfs;
    sqlite3_snprintf(n, out, "%s", name);
    return SQLITE_OK;
}

void disk_mount(struct disk *disk)
{
    static sqlite3_vfs vfs;

    mounted = disk;
    if (vfs.zName)
        return;
    vfs = *sqlite3_vfs_find(NULL); /* clock, randomness and the like are the usual ones */
    vfs.zName = DISK_VFS;
    vfs.szOsFile = sizeof(struct file);
    vfs.pNext = NULL;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    vfs.xAccess = vfs_access;
    vfs.xFullPathname = vfs_full_name;
    sl_assert(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
}

/* disk_inside -- what disk.c and replay.c share. */
#ifndef TEST_CRASH_DISK_INSIDE_H
#define TEST_CRASH_DISK_INSIDE_H

#include "test/crash/disk.h"

struct bytes {
    char *p;
    size_t n, max;
};

/* Grows with zeroes. */
void bytes_resize(struct bytes *bytes, size_t n);
void bytes_write(struct bytes *bytes, size_t at, const void *p, size_t n);
void bytes_copy(struct bytes *to, const struct bytes *from);

enum op_kind { OP_MAKE, OP_WRITE, OP_TRUNCATE, OP_SYNC, OP_SYNC_FAILED, OP_SYNC_FOLDER, OP_DELETE };

struct op {
    enum op_kind kind;
    size_t inode;
    size_t at, n; /* of a truncate `at` is the size */
    char *data;
    bool syncs_folder;
};

struct inode {
    char name[64];
    size_t number;
    struct bytes base;    /* on the disk when it was new here */
    struct bytes visible; /* what is read */
    bool is_linked;       /* its name is in the folder */
    bool was_linked;      /* when the disk was new here */
};

struct disk {
    struct inode **inodes;
    size_t inode_count;
    struct op *ops;
    size_t op_count, op_max;
    struct fault fault;
    size_t fault_count;
    bool has_failed;
};

struct inode *disk_add(struct disk *disk, const char *name);

#endif

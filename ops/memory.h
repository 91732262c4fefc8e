/* memory -- how much this process may use, as far as the system limits it. */
#ifndef OPS_MEMORY_H
#define OPS_MEMORY_H

#include <stdint.h>

/* The least of the limits of the process's control groups (v2, or v1 as containers show it),
 * UINT64_MAX: no limit. */
uint64_t memory_limit(void);

/* For tests: the same, with the file systems under `root` in place of "". */
uint64_t memory_limit_under(const char *root);

#endif

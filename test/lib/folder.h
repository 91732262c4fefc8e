/* folder -- for tests of a database: a folder of its own for each, and the path of the file in it. Setup and teardown of cmocka's. */
#ifndef TEST_LIB_FOLDER_H
#define TEST_LIB_FOLDER_H

#include <stdio.h>
#include <stdlib.h>

static char folder[64], path[128];

static inline int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/test_queue.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/queue.db", folder);
    return 0;
}

static inline int remove_folder(void **state)
{
    char command[160];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

#endif

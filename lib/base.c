/* base -- the failed assertion. */
#include <stdio.h>
#include <stdlib.h>

#include <sluice/base.h>

void sl_assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
    abort();
}

/*
 * columns -- rows of text, aligned: a head, and each column as wide as its widest cell.
 *
 * Life: {.heads, .right} → columns_add, a cell after the other → columns_print → columns_deinit.
 */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/strbuf.h"

enum { COLUMNS_MAX = 8 };

struct columns {
    const char *heads[COLUMNS_MAX]; /* ended by NULL, or all of them */
    bool right[COLUMNS_MAX];        /* numbers */
    int widths[COLUMNS_MAX];        /* measured with the head */
    char **cells;
    size_t count, max;
    bool failed; /* no memory */
};

/* Adds the next cell, at most 300 bytes of it; what could move a terminal's cursor becomes '?'. */
__attribute__((format(printf, 2, 3))) void columns_add(struct columns *columns, const char *format,
                                                       ...);

size_t columns_rows(const struct columns *columns); /* the head included */
/* Appends row `row` (0 is the head, and comes first), with its newline and no blanks before it. `out` fails if a cell had no
 * memory. */
void columns_print_row(struct columns *columns, size_t row, struct strbuf *out);
/* All of them. */
void columns_print(struct columns *columns, struct strbuf *out);
void columns_deinit(struct columns *columns);

#endif

#include "cli/columns.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/base.h>

#include "core/json.h"

enum { GAP = 2, CELL_MAX = 300 };

static size_t width_of(const struct columns *columns)
{
    size_t n = 0;
    while (n < COLUMNS_MAX && columns->heads[n])
        n++;
    return n;
}

static bool make_room(struct columns *columns)
{
    if (columns->count < columns->max)
        return true;
    size_t max = columns->max ? columns->max * 2 : 64;
    char **cells = reallocarray(columns->cells, max, sizeof *cells);
    if (!cells)
        return false;
    columns->cells = cells;
    columns->max = max;
    return true;
}

static void hide_controls(char *text)
{
    char *to = text;

    for (const char *p = text; *p; p++) {
        size_t control = utf8_control((struct slice){p, 2}); /* the second may be the end */
        *to++ = control ? '?' : *p;
        p += control > 1;
    }
    *to = '\0';
}

void columns_add(struct columns *columns, const char *format, ...)
{
    char text[CELL_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    hide_controls(text);
    char *cell = make_room(columns) ? strdup(text) : NULL;
    if (cell)
        columns->cells[columns->count++] = cell;
    else
        columns->failed = true;
}

size_t columns_rows(const struct columns *columns)
{
    size_t width = width_of(columns);
    sl_assert(width > 0);
    return 1 + columns->count / width;
}

static const char *cell_at(const struct columns *columns, size_t row, size_t column)
{
    return row == 0 ? columns->heads[column]
                    : columns->cells[(row - 1) * width_of(columns) + column];
}

static size_t widest(const struct columns *columns, size_t column)
{
    size_t most = 0;
    for (size_t row = 0; row < columns_rows(columns); row++) {
        size_t n = strlen(cell_at(columns, row, column));
        most = n > most ? n : most;
    }
    return most;
}

void columns_print_row(struct columns *columns, size_t row, struct strbuf *out)
{
    if (row == 0)
        for (size_t i = 0; i < width_of(columns); i++)
            columns->widths[i] = (int)widest(columns, i);
    for (size_t i = 0; i < width_of(columns); i++) {
        int width = columns->widths[i];
        strbuf_addf(out, "%*s%*s", i ? GAP : 0, "", columns->right[i] ? width : -width,
                    cell_at(columns, row, i));
    }
    while (out->n > 0 && out->p[out->n - 1] == ' ')
        strbuf_truncate(out, out->n - 1);
    strbuf_addc(out, '\n');
    out->failed |= columns->failed;
}

void columns_print(struct columns *columns, struct strbuf *out)
{
    for (size_t row = 0; row < columns_rows(columns); row++)
        columns_print_row(columns, row, out);
}

void columns_deinit(struct columns *columns)
{
    for (size_t i = 0; i < columns->count; i++)
        free(columns->cells[i]);
    free(columns->cells);
    *columns = (struct columns){0};
}

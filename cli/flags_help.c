/* The rows of flag tables as help: two columns, the right one wrapped. */
#include <stdio.h>
#include <string.h>

#include "cli/flags.h"

enum { HELP_WIDTH = 100, HELP_COLUMN = 30 };

/* Adds words one by one, each line starting at HELP_COLUMN. */
static void add_wrapped(struct strbuf *out, const char *text)
{
    size_t column = HELP_COLUMN;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > HELP_COLUMN && column + n > HELP_WIDTH) {
            strbuf_addf(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN)
            strbuf_addc(out, ' ');
        strbuf_add(out, text, n);
        column += n + 1;
        text += n;
        text += *text == ' ';
    }
}

static void add_row(struct strbuf *out, const struct flag *row)
{
    char left[120], right[300];
    char letter[8] = "";
    if (row->letter)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    int n = snprintf(left, sizeof left, "  %s--%s%s%s", letter, row->name, row->value ? " " : "",
                     row->value ? row->value : "");
    if (n + 2 > HELP_COLUMN)
        strbuf_addf(out, "%s\n%*s", left, HELP_COLUMN, "");
    else
        strbuf_addf(out, "%-*s", HELP_COLUMN, left);
    snprintf(right, sizeof right, "%s%s%s%s", row->help, row->standard ? " (default " : "",
             row->standard ? row->standard : "", row->standard ? ")" : "");
    add_wrapped(out, right);
    strbuf_addc(out, '\n');
}

void flags_help(const struct flag_spec *spec, struct strbuf *out)
{
    for (size_t t = 0; t < FLAG_TABLES_MAX; t++)
        for (size_t i = 0; i < spec->tables[t].count; i++) {
            const struct flag *row = &spec->tables[t].rows[i];
            if (row->type == FLAG_SECTION)
                strbuf_addf(out, "\n%s\n", row->name);
            else
                add_row(out, row);
        }
}

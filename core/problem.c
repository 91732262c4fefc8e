#include "core/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void problem_init(struct problem *problem)
{
    *problem = (struct problem){.status = EXIT_INTERNAL};
}

void problem_deinit(struct problem *problem)
{
    strbuf_deinit(&problem->text);
}

int problem_set(struct problem *problem, enum exit_status status, const char *format, ...)
{
    char text[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    problem->status = status;
    strbuf_reset(&problem->text);
    strbuf_adds(&problem->text, text);
    return PROBLEM;
}

void problem_advise(struct problem *problem, const char *advice)
{
    static const char start[] = "\n  do:    ";
    struct strbuf *text = &problem->text;
    const char *found = NULL;

    for (const char *p = text->p; p && (p = strstr(p, start)); p++)
        found = p; /* the last: what looks like it before came in with an argument */
    if (found)
        strbuf_truncate(text, (size_t)(found - text->p));
    strbuf_addf(text, "%s%s", start, advice);
}

/*
 * inih takes the lines apart; this file hands them out and knows what inih does not: that sections
 * may be longer than 49 characters (two SSO profiles may well agree in that many, and taking one
 * for the other would sign with somebody else's keys), and what indentation means to configparser,
 * whose rules the AWS tools follow. inih's limits are raised by the run-time switches of Debian's
 * build: a session token has more than 199 characters.
 */
#include "aws/ini.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include <sluice/base.h>

#include "core/strbuf.h"

enum {
    FILE_MAX = 1 << 20,
    LINE_MAX_BYTES = 16 << 10, /* session tokens have up to 12 KB */
};

struct reader {
    struct aws_ini *ini;
    enum aws_ini_kind kind;
    struct slice rest; /* of the text */
    struct slice line; /* the present one, stripped */
    size_t indent;     /* of the last key that was not nested */
    bool has_key;      /* there was such a key in this section */
    bool nested;       /* the present line is deeper than that */
    char *section;     /* NULL: before the first header, or in one that means nothing here */
    char *block;       /* the last key that was not nested, if it has no value of its own */
    bool failed;       /* no memory */
};

static void wipe(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void aws_ini_deinit(struct aws_ini *ini)
{
    for (size_t i = 0; i < ini->count; i++) {
        free(ini->entries[i].section);
        free(ini->entries[i].key);
        wipe(ini->entries[i].value);
    }
    free(ini->entries);
    *ini = (struct aws_ini){0};
}

static struct aws_ini_entry *find(const struct aws_ini *ini, const char *section, const char *key)
{
    for (size_t i = 0; i < ini->count; i++) {
        struct aws_ini_entry *e = &ini->entries[i];

        if (strcmp(e->section, section) == 0 &&
            (key ? e->key && strcmp(e->key, key) == 0 : !e->key))
            return e;
    }
    return NULL;
}

/* Adds or replaces. `value` may be NULL. false: no memory. */
static bool put(struct aws_ini *ini, const char *section, const char *key, const char *value)
{
    struct aws_ini_entry *e = find(ini, section, key), *bigger;
    char *copy = value ? strdup(value) : NULL;

    if (value && !copy)
        return false;
    if (e) {
        wipe(e->value);
        e->value = copy;
        return true;
    }
    if (ini->count == ini->room) {
        size_t room = ini->room ? 2 * ini->room : 32;

        bigger = reallocarray(ini->entries, room, sizeof(*bigger));
        if (!bigger) {
            wipe(copy);
            return false;
        }
        ini->entries = bigger;
        ini->room = room;
    }
    e = &ini->entries[ini->count];
    *e = (struct aws_ini_entry){
        .section = strdup(section), .key = key ? strdup(key) : NULL, .value = copy};
    if (!e->section || (key && !e->key)) {
        free(e->section);
        free(e->key);
        wipe(copy);
        return false;
    }
    ini->count++;
    return true;
}

static struct slice strip(struct slice s)
{
    while (s.n > 0 && isspace((unsigned char)s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && isspace((unsigned char)s.p[s.n - 1]))
        s.n--;
    return s;
}

/* A name in a header may be quoted: [profile "my profile"]. */
static struct slice unquote(struct slice s)
{
    if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0])
        return (struct slice){s.p + 1, s.n - 2};
    return s;
}

/* The section "TYPE NAME" that a header means; NULL if it means none, or there is no memory. */
static char *section_of(struct reader *r, struct slice header)
{
    struct slice type = header, name = {NULL, 0};
    struct strbuf out = {0};

    if (r->kind == AWS_INI_CREDENTIALS || slice_is(header, "default")) {
        type = SLICE("profile");
        name = unquote(header);
    } else {
        for (size_t i = 0; i < header.n; i++) {
            if (isspace((unsigned char)header.p[i])) {
                type.n = i;
                name = unquote(strip((struct slice){header.p + i, header.n - i}));
                break;
            }
        }
    }
    if (name.n == 0)
        return NULL;
    strbuf_add_slice(&out, type);
    strbuf_addc(&out, ' ');
    strbuf_add_slice(&out, name);
    r->failed |= strbuf_failed(&out);
    return strbuf_take(&out, NULL);
}

static void enter_section(struct reader *r)
{
    const char *end = memchr(r->line.p, ']', r->line.n);

    free(r->section);
    free(r->block);
    r->section = r->block = NULL;
    r->has_key = false;
    if (!end)
        return; /* inih reports it */
    r->section = section_of(r, strip((struct slice){r->line.p + 1, (size_t)(end - r->line.p) - 1}));
    if (r->section && !put(r->ini, r->section, NULL, NULL))
        r->failed = true;
}

/* Takes the next line off the text. false: there is none. */
static bool next_line(struct reader *r)
{
    const char *end;
    struct slice line = r->rest;
    size_t indent = 0;

    if (line.n == 0)
        return false;
    end = memchr(line.p, '\n', line.n);
    if (end)
        line.n = (size_t)(end - line.p) + 1;
    r->rest = (struct slice){line.p + line.n, r->rest.n - line.n};
    while (indent < line.n && (line.p[indent] == ' ' || line.p[indent] == '\t'))
        indent++;
    r->line = strip(line);
    if (r->line.n == 0 || strchr("#;", r->line.p[0]))
        return true;
    r->nested = r->has_key && indent > r->indent;
    if (r->line.p[0] == '[' && !r->nested)
        enter_section(r);
    else if (!r->nested) {
        r->indent = indent;
        r->has_key = true;
    }
    return true;
}

/* inih's fgets. Lines are handed over stripped, so that none is a continuation to inih. */
static char *read_line(char *out, int room, void *user)
{
    struct reader *r = user;

    if (!next_line(r)) {
        OPENSSL_cleanse(out, (size_t)room);
        return NULL;
    }
    /* What continues a value is of no use here unless it is a key of a block. A header that does
     * would leave the keys below it to the section above: who signs must not hang on a blank. */
    if (r->nested && r->line.n > 0 && r->line.p[0] == '[')
        r->line = SLICE("[");
    else if (r->nested && !memchr(r->line.p, '=', r->line.n))
        r->line.n = 0;
    if (r->line.n + 2 > (size_t)room || memchr(r->line.p, '\0', r->line.n)) {
        r->line = SLICE("["); /* an error to inih, on the right line */
    }
    memcpy(out, r->line.p, r->line.n);
    memcpy(out + r->line.n, "\n", 2);
    return out;
}

/* Values end at a comment that follows a blank; commands may hold one of these characters. */
static void cut_comment(const char *key, char *value)
{
    if (strcmp(key, "credential_process") == 0)
        return;
    for (char *p = value; *p; p++) {
        if (isspace((unsigned char)*p) && (p[1] == '#' || p[1] == ';')) {
            while (p > value && isspace((unsigned char)p[-1]))
                p--;
            *p = '\0';
            return;
        }
    }
}

/* Lower case, for keys compare without case. "PARENT.KEY" if there is a parent. NULL: no memory. */
static char *key_of(const char *parent, const char *key)
{
    struct strbuf out = {0};
    char *text;

    if (parent) {
        strbuf_adds(&out, parent);
        strbuf_addc(&out, '.');
    }
    strbuf_adds(&out, key);
    text = strbuf_take(&out, NULL);
    for (char *p = text; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return text;
}

static int found(void *user, const char *inih_section, const char *name, const char *value)
{
    struct reader *r = user;
    char *key, *copy;

    (void)inih_section;
    if (!r->section || (r->nested && !r->block))
        return 1;
    key = key_of(r->nested ? r->block : NULL, name);
    copy = strdup(value);
    if (key && copy)
        cut_comment(key, copy);
    if (!key || !copy || !put(r->ini, r->section, key, copy))
        r->failed = true;
    if (!r->nested) {
        free(r->block);
        r->block = copy && !*copy ? SL_TAKE(key) : NULL;
    }
    free(key);
    wipe(copy);
    return 1;
}

int aws_ini_parse(struct aws_ini *out, enum aws_ini_kind kind, struct slice text)
{
    struct reader r = {.ini = out, .kind = kind, .rest = text};
    int line;

    *out = (struct aws_ini){0};
    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
        r.rest = (struct slice){text.p + 3, text.n - 3};
    ini_use_stack = false;
    ini_max_line = ini_initial_alloc = LINE_MAX_BYTES;
    ini_allow_multiline = false;
    ini_allow_inline_comments = false;
    line = ini_parse_stream(read_line, &r, found, &r);
    free(r.section);
    free(r.block);
    if (line < 0 || r.failed)
        return -ENOMEM;
    if (line > 0)
        aws_ini_deinit(out); /* what follows a bad line may be in the wrong section */
    out->line = line;
    return line > 0 ? AWS_INI_MALFORMED : AWS_INI_OK;
}

int aws_ini_read(struct aws_ini *out, enum aws_ini_kind kind, const char *path)
{
    FILE *file = fopen(path, "re");
    char *text;
    size_t n;
    int result;

    *out = (struct aws_ini){0};
    if (!file)
        return errno == ENOENT || errno == ENOTDIR ? AWS_INI_MISSING : -errno;
    text = malloc(FILE_MAX + 1);
    if (!text) {
        fclose(file);
        return -ENOMEM;
    }
    setvbuf(file, NULL, _IONBF, 0); /* no copy of the keys in stdio's buffer */
    n = fread(text, 1, FILE_MAX + 1, file);
    if (ferror(file))
        result = -EIO; /* a directory, most likely */
    else if (n > FILE_MAX)
        result = AWS_INI_TOO_LARGE;
    else
        result = aws_ini_parse(out, kind, (struct slice){text, n});
    OPENSSL_cleanse(text, n);
    free(text);
    fclose(file);
    return result;
}

/* Whether it is "TYPE NAME". Compared in place: without memory nothing must seem to be absent. */
static bool is_section(const char *section, const char *type, const char *name)
{
    size_t n = strlen(type);

    return strncmp(section, type, n) == 0 && section[n] == ' ' &&
           strcmp(section + n + 1, name) == 0;
}

static const struct aws_ini_entry *find_in(const struct aws_ini *ini, const char *type,
                                           const char *name, const char *key)
{
    for (size_t i = 0; i < ini->count; i++) {
        const struct aws_ini_entry *e = &ini->entries[i];

        if (is_section(e->section, type, name) &&
            (key ? e->key && strcmp(e->key, key) == 0 : !e->key))
            return e;
    }
    return NULL;
}

const char *aws_ini_get(const struct aws_ini *ini, const char *type, const char *name,
                        const char *key)
{
    const struct aws_ini_entry *e = find_in(ini, type, name, key);

    return e && e->value && *e->value ? e->value : NULL;
}

bool aws_ini_has(const struct aws_ini *ini, const char *type, const char *name)
{
    return find_in(ini, type, name, NULL) != NULL;
}

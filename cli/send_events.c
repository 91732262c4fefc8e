#include "cli/send_events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/base.h>

#include "core/json.h"
#include "core/units.h"

enum { NAME_MAX_SIZE = 128 }; /* of a group or a deduplication id (SQS API reference) */

/* ---- lines ---- */

void lines_feed(struct lines *lines, struct slice piece)
{
    size_t left = lines->held.n - lines->at;
    if (lines->at > 0) {
        memmove(lines->held.p, lines->held.p + lines->at, left);
        strbuf_truncate(&lines->held, left);
        lines->at = 0;
    }
    strbuf_add(&lines->held, piece.p, piece.n);
}

/* Takes `used` bytes off what is held, the first `n` of them as a line. */
static bool take_line(struct lines *lines, size_t n, size_t used, struct slice *line)
{
    *line = (struct slice){lines->held.p + lines->at, n};
    lines->at += used;
    lines->number++;
    return true;
}

static size_t without_cr(const char *p, size_t n)
{
    return n > 0 && p[n - 1] == '\r' ? n - 1 : n;
}

bool lines_next(struct lines *lines, bool is_last, struct slice *line)
{
    for (;;) {
        size_t left = lines->held.n - lines->at;
        const char *p = left > 0 ? lines->held.p + lines->at : NULL;
        const char *end = p ? memchr(p, '\n', left) : NULL;
        size_t n = end ? (size_t)(end - p) : left;

        if (lines->skipping) {
            lines->skipping = !end;
            lines->at += end ? n + 1 : n;
            if (!end)
                return false;
            continue;
        }
        if (n > SEND_BYTES_MAX + 1) { /* room for a CR */
            lines->skipping = !end;
            return take_line(lines, SEND_BYTES_MAX + 1, end ? n + 1 : n, line);
        }
        if (end)
            return take_line(lines, without_cr(p, n), n + 1, line);
        return is_last && n > 0 && take_line(lines, without_cr(p, n), n, line);
    }
}

void lines_deinit(struct lines *lines)
{
    strbuf_deinit(&lines->held);
    *lines = (struct lines){0};
}

/* ---- what SQS takes ---- */

/* The code point at p; `text` is UTF-8. */
static uint32_t code_point(const unsigned char *p, size_t *n)
{
    *n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t c = *n == 1 ? p[0] : p[0] & (0xffu >> (*n + 1));
    for (size_t i = 1; i < *n; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

/* #x9 #xA #xD #x20-D7FF E000-FFFD 10000-10FFFF (SQS API reference, SendMessage). */
static bool is_allowed(uint32_t c)
{
    return c >= 0x20 ? c != 0xfffe && c != 0xffff : c == '\t' || c == '\n' || c == '\r';
}

static int check_characters(struct slice text, struct strbuf *why)
{
    const unsigned char *p = (const unsigned char *)text.p;
    size_t n;

    if (!utf8_is_valid(text)) {
        strbuf_adds(
            why,
            "is not UTF-8, and SQS takes nothing else\n  do:    convert it, or send it as base64");
        return SEND_REFUSED;
    }
    for (size_t i = 0; i < text.n; i += n) {
        uint32_t c = code_point(p + i, &n);
        if (is_allowed(c))
            continue;
        strbuf_addf(why,
                    "has the character U+%04X at byte %zu, which SQS does not take\n"
                    "  do:    in JSON write it as \\u%04x; otherwise send it as base64",
                    c, i + 1, c);
        return SEND_REFUSED;
    }
    return 0;
}

static int check_size(const struct send_rules *rules, struct slice text, struct strbuf *why)
{
    char size[UNITS_TEXT_SIZE];
    if (text.n == 0) {
        strbuf_adds(why, "is empty, and SQS takes no empty message");
        return SEND_REFUSED;
    }
    if (text.n + rules->attribute_bytes <= SEND_BYTES_MAX)
        return 0;
    if (text.n > SEND_BYTES_MAX)
        strbuf_adds(why, "is longer than the 1,048,576 bytes that SQS takes");
    else
        strbuf_addf(why, "is, with its attributes, %s bytes long; SQS takes 1,048,576",
                    units_print_count(size, text.n + rules->attribute_bytes));
    strbuf_adds(why, "\n  do:    split it, or put it elsewhere and send where it is");
    return SEND_REFUSED;
}

/* ---- group and deduplication id ---- */

/* Appends the member `name` of the JSON object `text`. */
static int add_member(struct slice text, const char *name, struct strbuf *out, struct strbuf *why)
{
    struct json json;
    struct json_value key, value, found = {.type = JSON_ERROR};

    json_init(&json, text);
    if (json_next(&json, NULL) == JSON_OBJECT)
        while (json_member(&json, &key)) {
            json_skip(&json, &value);
            if (json_is(&key, name))
                found = value;
        }
    if (!json_end(&json)) {
        strbuf_addf(why, "is not a JSON object, so it has no member %s", name);
        return SEND_REFUSED;
    }
    if (found.type == JSON_STRING)
        json_unescape(found.text, out);
    else if (found.type == JSON_NUMBER)
        strbuf_add_slice(out, found.text);
    else {
        strbuf_addf(why, "has no member %s that is a string or a number", name);
        return SEND_REFUSED;
    }
    return 0;
}

/* Appends what `rule` says: the value itself, or a member of the event. */
static int add_name(struct slice text, const char *what, const char *rule, struct strbuf *out,
                    struct strbuf *why)
{
    size_t before = out->n;
    int result = 0;

    if (!rule)
        return 0;
    if (rule[0] == '@')
        result = add_member(text, rule + 1, out, why);
    else
        strbuf_adds(out, rule);
    if (result || strbuf_failed(out))
        return result;
    bool is_fit = out->n > before && out->n - before <= NAME_MAX_SIZE;
    for (size_t i = before; i < out->n; i++)
        is_fit = is_fit && out->p[i] > ' ' && out->p[i] <= '~';
    if (is_fit)
        return 0;
    strbuf_addf(why, "has a %s that SQS does not take: 1 to 128 letters, digits and punctuation",
                what);
    return SEND_REFUSED;
}

/* ---- events ---- */

struct slice send_event_body(const struct send_event *event)
{
    return (struct slice){event->text, event->body_size};
}

struct slice send_event_group(const struct send_event *event)
{
    return (struct slice){event->text + event->body_size, event->group_size};
}

struct slice send_event_dedup(const struct send_event *event)
{
    return (struct slice){event->text + event->body_size + event->group_size, event->dedup_size};
}

size_t send_event_bytes(const struct send_event *event, const struct send_rules *rules)
{
    return event->body_size + rules->attribute_bytes;
}

int send_event_make(struct send_event **out, const struct send_rules *rules, struct slice text,
                    struct strbuf *why)
{
    struct strbuf all = {0};
    struct send_event *event = calloc(1, sizeof *event);
    int result = check_size(rules, text, why);

    if (result == 0)
        result = check_characters(text, why);
    if (result == 0) {
        strbuf_add_slice(&all, text);
        result = add_name(text, "message group", rules->group, &all, why);
    }
    size_t with_group = all.n;
    if (result == 0)
        result = add_name(text, "deduplication id", rules->dedup, &all, why);
    if (result == 0 && (!event || strbuf_failed(&all)))
        result = -ENOMEM;
    if (result != 0) {
        strbuf_deinit(&all);
        free(event);
        return result;
    }
    event->body_size = text.n;
    event->group_size = with_group - text.n;
    event->dedup_size = all.n - with_group;
    event->text = strbuf_take(&all, NULL);
    *out = event;
    return 0;
}

void send_event_free(struct send_event *event)
{
    if (event)
        free(event->text);
    free(event);
}

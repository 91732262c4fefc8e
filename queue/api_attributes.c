/*
 * api_attributes -- what is allowed in a message and its attributes, and which of them a receive asks for. The words of the
 * refusals are SQS's; the rules are in the developer guide, "Amazon SQS message metadata".
 */
#include "core/json.h"
#include "queue/api.h"

enum { TYPE_MAX = 256 };

/* How much of a name or a type a refusal shows. */
enum { SHOWN_MAX = 100 };
#define SHOWN(s) ((s).n < SHOWN_MAX ? (int)(s).n : SHOWN_MAX), (s).p ? (s).p : ""

/* ---- text ---- */

enum { BLOCK = 64 };

/* Whether all of a block is ASCII without control characters. Without branches: compilers make a few vectors of it. */
static bool is_plain_block(const char *p)
{
    unsigned char other = 0;

    for (int i = 0; i < BLOCK; i++)
        other |= (unsigned char)((signed char)p[i] < ' ');
    return !other;
}

static bool is_allowed_at(const char *p, const char *end)
{
    unsigned char c = (unsigned char)*p;

    if (c < 0x20)
        return c == '\t' || c == '\n' || c == '\r';
    return !(c == 0xef && end - p >= 3 && (unsigned char)p[1] == 0xbf &&
             (unsigned char)p[2] >= 0xbe);
}

bool api_text_is_allowed(struct slice text)
{
    const char *p = text.p;
    const char *end = p + text.n;
    bool is_ascii = true;

    while (p < end) {
        const char *block_end = end - p < BLOCK ? end : p + BLOCK;

        if (text.n >= BLOCK && is_plain_block(block_end - BLOCK)) { /* the last one overlaps */
            p = block_end;
            continue;
        }
        for (; p < block_end; p++) {
            if (!is_allowed_at(p, end))
                return false;
            is_ascii = is_ascii && (unsigned char)*p < 0x80;
        }
    }
    return is_ascii || utf8_is_valid(text);
}

/* ---- what a receive asks for ---- */

static bool starts_with(struct slice text, struct slice start)
{
    return text.n >= start.n && (start.n == 0 || memcmp(text.p, start.p, start.n) == 0);
}

static bool is_wanted_by(struct slice asked, struct slice name)
{
    if (slice_is(asked, "All") || slice_is(asked, "*") || slice_eq(asked, name))
        return true;
    /* "foo.*" is all that begin with "foo"; ".*" is all. */
    if (asked.n < 2 || memcmp(asked.p + asked.n - 2, ".*", 2) != 0)
        return false;
    return starts_with(name, (struct slice){asked.p, asked.n - 2});
}

bool api_wants_attribute(const struct api_strings *asked, struct slice name)
{
    for (size_t i = 0; i < asked->count; i++)
        if (is_wanted_by(asked->items[i], name))
            return true;
    return false;
}

static bool has_name(const struct api_strings *asked, struct slice name)
{
    for (size_t i = 0; i < asked->count; i++)
        if (slice_eq(asked->items[i], SLICE("All")) || slice_eq(asked->items[i], name))
            return true;
    return false;
}

bool api_wants_system(const struct api_request *request, struct slice name)
{
    return has_name(&request->system_attribute_names, name) ||
           has_name(&request->attribute_names, name);
}

/* ---- names ---- */

static enum queue_error refuse(struct queue_refusal *refusal, const char *before,
                               struct slice shown, const char *after)
{
    return queue_refuse(refusal, QUEUE_PARAMETER_INVALID, "%s%.*s%s", before, SHOWN(shown), after);
}

/* ASCII letters and digits, '_', '-', '.', and letters from U+00C0 to U+017F, which SQS was seen to take. */
static bool is_name_text(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            c == '_' || c == '-' || c == '.')
            continue;
        /* The two bytes of them: c3 80 to c3 bf, c4 80 to c5 bf. Text is UTF-8. */
        if (c < 0xc3 || c > 0xc5 || ++i == name.n)
            return false;
    }
    return true;
}

static bool is_reserved(struct slice name)
{
    static const struct slice prefixes[] = {SLICE_INIT("AWS."), SLICE_INIT("Amazon.")};

    for (size_t i = 0; i < 2; i++)
        if (name.n >= prefixes[i].n &&
            slice_eq_nocase((struct slice){name.p, prefixes[i].n}, prefixes[i]))
            return true;
    return false;
}

static bool has_two_dots(struct slice name)
{
    for (size_t i = 1; i < name.n; i++)
        if (name.p[i] == '.' && name.p[i - 1] == '.')
            return true;
    return false;
}

static enum queue_error check_name(struct slice name, struct queue_refusal *refusal)
{
    const struct slice none = {NULL, 0};

    if (name.n == 0)
        return refuse(refusal, "The request must contain non-empty message (user) attribute names.",
                      none, "");
    if (name.n > QUEUE_ATTRIBUTE_NAME_MAX)
        return refuse(refusal, "Message (user) attribute name must be shorter than 256 bytes.",
                      none, "");
    if (!is_name_text(name))
        return refuse(refusal,
                      "Message (user) attributes name can only contain upper and lower score "
                      "characters, digits, periods, hyphens and underscores. ",
                      none, "");
    if (is_reserved(name))
        return refuse(refusal,
                      "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. "
                      "These strings are reserved for internal use.",
                      none, "");
    if (name.p[0] == '.')
        return refuse(refusal, "Message (user) attribute name must not begin with character '.'.",
                      none, "");
    if (name.p[name.n - 1] == '.')
        return refuse(refusal, "Message (user) attribute name must not end with character '.'.",
                      none, "");
    if (has_two_dots(name))
        return refuse(refusal,
                      "Message (user) attribute name must not have successive '.' characters.",
                      none, "");
    return QUEUE_OK;
}

/* ---- types and values ---- */

enum base_type { TYPE_UNKNOWN, TYPE_STRING, TYPE_NUMBER, TYPE_BINARY };

/* What stands before the custom label, if there is one. */
static enum base_type base_of(struct slice type)
{
    const char *dot = type.p ? memchr(type.p, '.', type.n) : NULL;
    struct slice base = {type.p, dot ? (size_t)(dot - type.p) : type.n};

    if (!type.p)
        return TYPE_UNKNOWN;
    if (slice_is(base, "String"))
        return TYPE_STRING;
    if (slice_is(base, "Number"))
        return TYPE_NUMBER;
    return slice_is(base, "Binary") ? TYPE_BINARY : TYPE_UNKNOWN;
}

static size_t count_digits(const char *p, const char *end)
{
    const char *start = p;

    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return (size_t)(p - start);
}

/* Sign, digits with a point among them, exponent. */
static bool is_number(struct slice text)
{
    const char *p = text.p;
    const char *end = p + text.n;
    size_t whole, fraction = 0;

    if (p < end && (*p == '-' || *p == '+'))
        p++;
    whole = count_digits(p, end);
    p += whole;
    if (p < end && *p == '.') {
        fraction = count_digits(++p, end);
        p += fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        size_t digits;

        p++;
        if (p < end && (*p == '-' || *p == '+'))
            p++;
        digits = count_digits(p, end);
        if (digits == 0)
            return false;
        p += digits;
    }
    return p == end;
}

static enum queue_error refuse_empty(const struct api_attribute *given,
                                     struct queue_refusal *refusal)
{
    return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                        "Message (user) attribute '%.*s' must contain a non-empty value of type "
                        "'%.*s'.",
                        SHOWN(given->name), SHOWN(given->type));
}

static enum queue_error check_type(const struct api_attribute *given, struct queue_refusal *refusal)
{
    if (given->type.n == 0)
        return refuse(refusal, "The message (user) attribute '", given->name,
                      "' must contain a non-empty message attribute type.");
    if (base_of(given->type) == TYPE_UNKNOWN)
        return refuse(refusal, "The type of message (user) attribute '", given->name,
                      "' is invalid. You must use only the following supported type prefixes: "
                      "Binary, Number, String.");
    if (given->type.n > TYPE_MAX || !api_text_is_allowed(given->type))
        return refuse(refusal, "Message (user) attribute type must be shorter than 256 bytes.",
                      (struct slice){NULL, 0}, "");
    return QUEUE_OK;
}

static enum queue_error check_value(const struct api_attribute *given, enum base_type base,
                                    struct queue_refusal *refusal)
{
    bool is_binary = base == TYPE_BINARY;

    if (given->has_list)
        return queue_refuse(refusal, QUEUE_UNSUPPORTED_OPERATION,
                            "Message attribute list values in SendMessage operation are not "
                            "supported.");
    if (given->string.p && given->binary.p)
        return refuse(refusal, "Message (user) attribute '", given->name,
                      "' must have a single value.");
    if (!given->string.n && !given->binary.n)
        return refuse_empty(given, refusal);
    if (is_binary != (given->binary.p != NULL))
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Message (user) attribute '%.*s' with type '%.*s' must use field '%s'.",
                            SHOWN(given->name), SHOWN(given->type),
                            is_binary ? "Binary" : "String");
    if (!is_binary && !api_text_is_allowed(given->string))
        return refuse(refusal, "Invalid binary character was found in the message attribute '",
                      given->name,
                      "', the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | "
                      "#xE000 to #xFFFD | #x10000 to #x10FFFF");
    if (base == TYPE_NUMBER && !is_number(given->string))
        return refuse(refusal, "Can't cast the value of message (user) attribute '", given->name,
                      "' to a number.");
    return QUEUE_OK;
}

static enum queue_error check_one(const struct api_attribute *given, struct queue_refusal *refusal)
{
    enum queue_error error = check_name(given->name, refusal);

    if (!error && !given->type.p && !given->string.p && !given->binary.p && !given->has_list)
        error = refuse(refusal, "The message (user) attribute '", given->name,
                       "' must contain a non-empty message attribute value.");
    if (!error)
        error = check_type(given, refusal);
    if (!error)
        error = check_value(given, base_of(given->type), refusal);
    return error;
}

static bool is_repeated(const struct api_attributes *given, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (slice_eq(given->items[i].name, given->items[at].name))
            return true;
    return false;
}

enum queue_error api_check_attributes(const struct api_attributes *given,
                                      struct payload_attribute *out, size_t *count, size_t *bytes,
                                      struct queue_refusal *refusal)
{
    *count = *bytes = 0;
    if (given->count > QUEUE_ATTRIBUTES_MAX)
        return queue_refuse(refusal, QUEUE_PARAMETER_INVALID,
                            "Number of message attributes [%zu] exceeds the allowed maximum [%d].",
                            given->count, QUEUE_ATTRIBUTES_MAX);
    for (size_t i = 0; i < given->count; i++) {
        const struct api_attribute *one = &given->items[i];
        bool is_binary = one->binary.p != NULL;
        enum queue_error error = check_one(one, refusal);

        if (!error && is_repeated(given, i))
            error =
                refuse(refusal, "Message (user) attribute name '", one->name, "' already exists.");
        if (error)
            return error;
        out[i] = (struct payload_attribute){
            .name = one->name,
            .type = one->type,
            .kind = is_binary ? PAYLOAD_BINARY : PAYLOAD_STRING,
            .value = is_binary ? one->binary : one->string,
        };
        *bytes += out[i].name.n + out[i].type.n + out[i].value.n;
    }
    *count = given->count;
    return QUEUE_OK;
}

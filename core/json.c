/*
 * json -- the reader. Most of JSON's bytes are inside strings, and most of those are plain: so the one hot loop finds the
 * next byte that is not, 16 at a time; quotes, escapes, control characters and non-ASCII text are then looked at singly.
 */
#include "core/json.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* ---- plain text ---- */

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static const char *skip_plain_bytes(const char *p, const char *end)
{
    while (p < end && is_plain((unsigned char)*p))
        p++;
    return p;
}

#ifdef __SSE2__
/* A bit for each byte that is a quote, a backslash, a control character or not ASCII. */
static unsigned special_bytes(__m128i bytes)
{
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    /* Signed: bytes from 0x80 on are negative, and so below 0x20 as the control characters are. */
    __m128i special =
        _mm_or_si128(_mm_cmplt_epi8(bytes, space),
                     _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));

    return (unsigned)_mm_movemask_epi8(special);
}

/* The first byte that is one of those. */
static const char *skip_plain(const char *p, const char *end)
{
    for (; end - p >= 16; p += 16) {
        unsigned mask = special_bytes(_mm_loadu_si128((const __m128i *)(const void *)p));

        if (mask)
            return p + __builtin_ctz(mask);
    }
    return skip_plain_bytes(p, end);
}
#else
static uint64_t zero_bytes(uint64_t word)
{
    return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
}

/* As above, eight bytes at a time. */
static const char *skip_plain(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t word;

        memcpy(&word, p, sizeof(word));
        if ((word & 0x8080808080808080u) | zero_bytes(word ^ 0x2222222222222222u) |
            zero_bytes(word ^ 0x5c5c5c5c5c5c5c5cu) |
            ((word - 0x2020202020202020u) & 0x8080808080808080u))
            break;
    }
    return skip_plain_bytes(p, end);
}
#endif

/* The length of the UTF-8 sequence at `p`, 0 if it is none (RFC 3629, section 4). */
static size_t utf8_length(const char *p, const char *end)
{
    const unsigned char *s = (const unsigned char *)p;
    size_t left = (size_t)(end - p);
    unsigned char low = 0x80, high = 0xbf;
    size_t n;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (left < n || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool utf8_is_valid(struct slice text)
{
    const char *p = text.p;
    const char *end = text.p + text.n;

    while (p < end) {
        uint64_t word = UINT64_MAX;
        size_t n;

        if (end - p >= (ptrdiff_t)sizeof(word))
            memcpy(&word, p, sizeof(word));
        n = word & 0x8080808080808080u ? utf8_length(p, end) : sizeof(word);
        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

size_t utf8_count(struct slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
    return n;
}

size_t utf8_control(struct slice text)
{
    const unsigned char *p = (const unsigned char *)text.p;

    if (text.n > 0 && (p[0] < 0x20 || p[0] == 0x7f))
        return 1;
    return text.n > 1 && p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0 ? 2 : 0;
}

/* ---- tokens ---- */

static bool fail(struct json *j, const char *at, const char *error)
{
    if (!j->error) {
        j->error = error;
        j->at = at;
    }
    return false;
}

static void skip_space(struct json *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\r' || *j->at == '\t'))
        j->at++;
}

/* The four hex digits of \uXXXX; -1 if they are none. */
static int32_t read_hex4(const char *p, const char *end)
{
    int32_t value = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* The length of the escape at `p` (a backslash), 0 if it is none. A pair of surrogates is one escape. */
static size_t escape_length(const char *p, const char *end)
{
    int32_t unit, low;

    if (end - p < 2)
        return 0;
    switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return 2;
    case 'u':
        break;
    default:
        return 0;
    }
    unit = read_hex4(p + 2, end);
    if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return 0;
    if (unit < 0xd800 || unit > 0xdbff)
        return 6;
    if (end - p < 12 || p[6] != '\\' || p[7] != 'u')
        return 0;
    low = read_hex4(p + 8, end);
    return low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

#ifdef __SSE2__
/* Escapes of two characters: what follows the backslash. */
static const bool is_short_escape[256] = {
    ['"'] = true, ['\\'] = true, ['/'] = true, ['b'] = true,
    ['f'] = true, ['n'] = true,  ['r'] = true, ['t'] = true,
};

/* Passes over plain text and short escapes, which JSON in JSON is full of, up to anything else or near the end. */
static const char *skip_easy(const char *p, const char *end, bool *escaped)
{
    while (end - p > 16) {
        unsigned mask = special_bytes(_mm_loadu_si128((const __m128i *)(const void *)p));

        while (mask) {
            int i = __builtin_ctz(mask);

            if (p[i] != '\\' || !is_short_escape[(unsigned char)p[i + 1]])
                return p + i;
            *escaped = true;
            mask &= ~(3U << i);
            if (i == 15) /* the second character is the next block's first */
                p++;
        }
        p += 16;
    }
    return p;
}
#else
static const char *skip_easy(const char *p, const char *end, bool *escaped)
{
    (void)end;
    (void)escaped;
    return p;
}
#endif

/* j->at is behind the opening quote. */
static bool read_string(struct json *j, struct json_value *out)
{
    const char *start = j->at;
    const char *p = start;
    bool escaped = false;

    for (;;) {
        size_t n;

        p = skip_plain(skip_easy(p, j->end, &escaped), j->end);
        if (p == j->end)
            return fail(j, p, "a string does not end");
        if (*p == '"')
            break;
        if (*p == '\\') {
            n = escape_length(p, j->end);
            if (n == 0)
                return fail(j, p, "not an escape, or half of a surrogate pair");
            escaped = true;
        } else if ((unsigned char)*p < 0x20) {
            return fail(j, p, "a control character in a string");
        } else {
            n = utf8_length(p, j->end);
            if (n == 0)
                return fail(j, p, "not UTF-8");
        }
        p += n;
    }
    *out = (struct json_value){JSON_STRING, {start, (size_t)(p - start)}, escaped};
    j->at = p + 1;
    return true;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && is_digit(*p))
        p++;
    return p;
}

/* Behind the 'e': sign and digits. NULL: none, or above what a double holds. */
static const char *skip_exponent(const char *p, const char *end)
{
    bool negative = p < end && *p == '-';
    const char *digits;
    unsigned value = 0;

    if (p < end && (*p == '+' || *p == '-'))
        p++;
    digits = p;
    p = skip_digits(p, end);
    if (p == digits)
        return NULL;
    for (const char *d = digits; d < p && value < 10000; d++)
        value = value * 10 + (unsigned)(*d - '0');
    return negative || value <= 308 ? p : NULL;
}

static bool read_number(struct json *j, struct json_value *out)
{
    const char *start = j->at;
    bool is_cut = (size_t)(j->end - start) > JSON_NUMBER_MAX;
    const char *end = is_cut ? start + JSON_NUMBER_MAX + 1 : j->end;
    const char *p = start;

    if (p < end && *p == '-')
        p++;
    if (p < end && *p == '0')
        p++;
    else if (p < end && is_digit(*p))
        p = skip_digits(p, end);
    else
        return fail(j, p, "not a value");
    if (p < end && *p == '.') {
        const char *fraction = p + 1;

        p = skip_digits(fraction, end);
        if (p == fraction)
            return fail(j, p, "a number without digits behind its point");
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p = skip_exponent(p + 1, end);
        if (!p)
            return fail(j, start, "a number whose exponent is none, or too large");
    }
    if (is_cut && p == end)
        return fail(j, start, "a number that is too long");
    *out = (struct json_value){JSON_NUMBER, {start, (size_t)(p - start)}, false};
    j->at = p;
    return true;
}

static bool read_word(struct json *j, struct json_value *out, enum json_type type, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(j->end - j->at) < n || memcmp(j->at, word, n) != 0)
        return fail(j, j->at, "not a value");
    *out = (struct json_value){type, {j->at, n}, false};
    j->at += n;
    return true;
}

static bool open_container(struct json *j, struct json_value *out, enum json_type type)
{
    uint64_t bit;

    if (j->depth == JSON_DEPTH_MAX)
        return fail(j, j->at, "more than 64 levels");
    bit = (uint64_t)1 << j->depth++;
    j->begun &= ~bit;
    j->objects = type == JSON_OBJECT ? j->objects | bit : j->objects & ~bit;
    *out = (struct json_value){type, {j->at++, 1}, false};
    return true;
}

/* ---- the reader ---- */

void json_init(struct json *j, struct slice text)
{
    const char *p = text.p ? text.p : "";

    *j = (struct json){.start = p, .at = p, .end = p + text.n};
}

enum json_type json_next(struct json *j, struct json_value *out)
{
    struct json_value value = {0};
    bool ok;

    if (j->error)
        return JSON_ERROR;
    skip_space(j);
    if (j->at == j->end) {
        fail(j, j->at, "a value is missing");
        return JSON_ERROR;
    }
    switch (*j->at) {
    case '"':
        j->at++;
        ok = read_string(j, &value);
        break;
    case '{':
        ok = open_container(j, &value, JSON_OBJECT);
        break;
    case '[':
        ok = open_container(j, &value, JSON_ARRAY);
        break;
    case 't':
        ok = read_word(j, &value, JSON_TRUE, "true");
        break;
    case 'f':
        ok = read_word(j, &value, JSON_FALSE, "false");
        break;
    case 'n':
        ok = read_word(j, &value, JSON_NULL, "null");
        break;
    default:
        ok = read_number(j, &value);
    }
    if (!ok)
        return JSON_ERROR;
    if (out)
        *out = value;
    return value.type;
}

/* Steps to the next thing in the innermost container, over the comma. false: it has ended, and is left. */
static bool step(struct json *j, bool is_object)
{
    uint64_t bit;

    if (j->error)
        return false;
    if (j->depth == 0 || ((j->objects >> (j->depth - 1)) & 1) != is_object)
        return fail(j, j->at, "not inside such a container");
    bit = (uint64_t)1 << (j->depth - 1);
    skip_space(j);
    if (j->at < j->end && *j->at == (is_object ? '}' : ']')) {
        j->at++;
        j->depth--;
        return false;
    }
    if (j->begun & bit) {
        if (j->at == j->end || *j->at != ',')
            return fail(j, j->at, "a comma or the end of a container is missing");
        j->at++;
        skip_space(j);
    }
    j->begun |= bit;
    return true;
}

bool json_member(struct json *j, struct json_value *key)
{
    struct json_value name;

    if (!step(j, true))
        return false;
    if (j->at == j->end || *j->at != '"')
        return fail(j, j->at, "a key is missing");
    j->at++;
    if (!read_string(j, &name))
        return false;
    skip_space(j);
    if (j->at == j->end || *j->at != ':')
        return fail(j, j->at, "a colon is missing");
    j->at++;
    *key = name;
    return true;
}

bool json_element(struct json *j)
{
    return step(j, false);
}

bool json_skip(struct json *j, struct json_value *out)
{
    unsigned level = j->depth;
    struct json_value first, ignored;
    enum json_type type = json_next(j, &first);

    if (type == JSON_ERROR)
        return false;
    while (j->depth > level) {
        bool is_object = (j->objects >> (j->depth - 1)) & 1;

        if (is_object ? json_member(j, &ignored) : json_element(j))
            (void)json_next(j, &ignored);
        if (j->error)
            return false;
    }
    if (type == JSON_OBJECT || type == JSON_ARRAY)
        first.text.n = (size_t)(j->at - first.text.p);
    if (out)
        *out = first;
    return true;
}

bool json_end(struct json *j)
{
    if (j->error)
        return false;
    skip_space(j);
    if (j->at < j->end)
        return fail(j, j->at, "something follows the value");
    return j->depth == 0 ? true : fail(j, j->at, "a container does not end");
}

size_t json_position(const struct json *j)
{
    return (size_t)(j->at - j->start);
}

bool json_is_valid(struct slice text)
{
    struct json j;

    json_init(&j, text);
    return json_skip(&j, NULL) && json_end(&j);
}

/* ---- escapes ---- */

static size_t utf8_write(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* What the character behind a backslash stands for; 0: 'u', or none. */
static const char unescaped[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};

/* Writes what the escape at *p stands for, at most 4 bytes, and moves *p behind it. The escape is known to be one. */
static size_t unescape_one(const char **p, const char *end, char *out)
{
    char kind = (*p)[1];
    uint32_t code;

    if (kind != 'u') {
        out[0] = unescaped[kind & 127];
        *p += 2;
        return 1;
    }
    code = (uint32_t)read_hex4(*p + 2, end);
    *p += 6;
    if (code >= 0xd800 && code <= 0xdbff) {
        code = 0x10000 + ((code & 0x3ff) << 10 | ((uint32_t)read_hex4(*p + 2, end) & 0x3ff));
        *p += 6;
    }
    return utf8_write(code, out);
}

/* Copies what stands before the next backslash, at most `room` bytes of it, and moves *p behind it. */
static size_t copy_plain(const char **p, const char *end, char *out, size_t room)
{
    const char *start = *p;
    size_t left = (size_t)(end - start);
    size_t n = left < room ? left : room;
    size_t done = 0;
    const char *backslash;

#ifdef __SSE2__
    /* Stored whole, counted up to the backslash: `out` has the room, and what is too much is written over. */
    for (; n - done >= 16; done += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(start + done));
        int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));

        _mm_storeu_si128((__m128i *)(void *)(out + done), bytes);
        if (mask) {
            done += (size_t)__builtin_ctz((unsigned)mask);
            *p = start + done;
            return done;
        }
    }
#endif
    backslash = memchr(start + done, '\\', n - done);
    if (backslash)
        n = (size_t)(backslash - start);
    memcpy(out + done, start + done, n - done);
    *p = start + n;
    return n;
}

#ifdef __SSE2__
static void copy_16(char *to, const char *from)
{
    _mm_storeu_si128((__m128i *)(void *)to, _mm_loadu_si128((const __m128i *)(const void *)from));
}

/*
 * Plain text and short escapes, up to anything else or near an end. A block's backslashes are found at once, so that one
 * escape does not wait for the last; what stands between two is stored whole, and what is too much is written over.
 */
static size_t unescape_easy(const char **from, const char *end, char *out, size_t room)
{
    const __m128i backslash = _mm_set1_epi8('\\');
    const char *p = *from;
    char *to = out;

    while (end - p >= 2 * 16 && room - (size_t)(to - out) >= 2 * 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, backslash));
        int done = 0;

        if (!mask) {
            copy_16(to, p);
            to += 16;
            p += 16;
            continue;
        }
        while (mask) {
            int i = __builtin_ctz(mask);
            char c = unescaped[p[i + 1] & 127];

            copy_16(to, p + done);
            to += i - done;
            if (!c) {
                *from = p + i;
                return (size_t)(to - out);
            }
            *to++ = c;
            done = i + 2;
            mask &= ~(3U << i);
        }
        if (done < 16) {
            copy_16(to, p + done);
            to += 16 - done;
        }
        p += done < 16 ? 16 : done;
    }
    *from = p;
    return (size_t)(to - out);
}
#else
static size_t unescape_easy(const char **from, const char *end, char *out, size_t room)
{
    (void)from;
    (void)end;
    (void)out;
    (void)room;
    return 0;
}
#endif

size_t json_unescape_some(struct slice *rest, char *out, size_t size)
{
    const char *p = rest->p;
    const char *end = rest->p + rest->n;
    size_t n = 0;

    while (p < end && size - n >= 4) {
        n += unescape_easy(&p, end, out + n, size - n);
        if (p == end || size - n < 4)
            break;
        if (*p == '\\')
            n += unescape_one(&p, end, out + n);
        else
            n += copy_plain(&p, end, out + n, size - n);
    }
    *rest = (struct slice){p, (size_t)(end - p)};
    return n;
}

void json_unescape(struct slice escaped, struct strbuf *out)
{
    if (!strbuf_reserve(out, escaped.n + 4))
        return;
    while (escaped.n > 0)
        out->n += json_unescape_some(&escaped, out->p + out->n, out->cap - 1 - out->n);
    out->p[out->n] = '\0';
}

bool json_equals_unescaped(const struct json_value *string, struct slice plain)
{
    struct slice rest = string->text;
    size_t at = 0;
    char piece[64];
    size_t n;

    while ((n = json_unescape_some(&rest, piece, sizeof(piece))) > 0) {
        if (at + n > plain.n || memcmp(plain.p + at, piece, n) != 0)
            return false;
        at += n;
    }
    return at == plain.n;
}

/* How a character stands behind a backslash; 0: as \u00XX. */
static const char short_escapes[128] = {
    ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
    ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
};

enum { ESCAPE_MAX = 6 };

static char *put_escape(char *to, char c)
{
    static const char hex[] = "0123456789abcdef";

    *to++ = '\\';
    if (short_escapes[(unsigned char)c]) {
        *to++ = short_escapes[(unsigned char)c];
        return to;
    }
    to[0] = 'u';
    to[1] = to[2] = '0';
    to[3] = hex[(unsigned char)c >> 4];
    to[4] = hex[c & 15];
    return to + 5;
}

/* What one step of json_escape may write: 16 bytes, each with a backslash before it, 16 that are stored too much; a NUL. */
enum { BLOCK = 16, ESCAPE_ROOM = 3 * BLOCK + ESCAPE_MAX + 1 };

#ifdef __SSE2__
/*
 * One block, as far as it needs none but short escapes; false: at *from is something else. The bytes that need one are found
 * at once, so that one escape does not wait for the last.
 */
static bool escape_block(const char **from, char **out)
{
    const char *p = *from;
    unsigned mask = special_bytes(_mm_loadu_si128((const __m128i *)(const void *)p));
    char *to = *out;
    int done = 0;

    for (; mask; mask &= mask - 1) {
        int i = __builtin_ctz(mask);
        char c = p[i] < 0 ? '\0' : short_escapes[(unsigned char)p[i]];

        copy_16(to, p + done);
        to += i - done;
        if (!c) {
            *from = p + i;
            *out = to;
            return false;
        }
        *to++ = '\\';
        *to++ = c;
        done = i + 1;
    }
    copy_16(to, p + done);
    *out = to + BLOCK - done;
    *from = p + BLOCK;
    return true;
}
#endif

/* Passes on what needs none but short escapes, while there is room; *out may be written beyond that. */
static const char *escape_easy(const char *p, const char *end, char **out, const char *limit)
{
    char *to = *out; /* what is written may not be taken for *out itself */

#ifdef __SSE2__
    while (end - p >= 2 * BLOCK && to <= limit)
        if (!escape_block(&p, &to)) {
            *out = to;
            return p;
        }
    /* Near the end a block is passed on only whole: with an escape in it, more would be read than there is. */
    for (; end - p >= BLOCK && to <= limit; p += BLOCK, to += BLOCK) {
        if (special_bytes(_mm_loadu_si128((const __m128i *)(const void *)p)))
            break;
        copy_16(to, p);
    }
    for (; end - p >= 8 && to <= limit; p += 8, to += 8) {
        __m128i half = _mm_loadl_epi64((const __m128i *)(const void *)p);

        if (special_bytes(half) & 0xff)
            break;
        _mm_storel_epi64((__m128i *)(void *)to, half);
    }
#endif
    for (; p < end && to <= limit && is_plain((unsigned char)*p); p++)
        *to++ = *p;
    *out = to;
    return p;
}

/* Where to go on writing, with room for a step, and for `left` bytes as they usually are. NULL: no memory. */
static char *escape_room(struct strbuf *out, char *to, size_t left)
{
    out->n = (size_t)(to - out->p);
    return strbuf_reserve(out, left + left / 8 + ESCAPE_ROOM) ? out->p + out->n : NULL;
}

bool json_escape(struct slice utf8, struct strbuf *out)
{
    const char *p = utf8.p, *end = p + utf8.n;
    size_t before = out->n;
    char *to;

    if (!strbuf_reserve(out, utf8.n + utf8.n / 8 + ESCAPE_ROOM))
        return utf8_is_valid(utf8);
    to = out->p + out->n;
    while (p < end) {
        size_t n;

        if ((size_t)(out->p + out->cap - to) < ESCAPE_ROOM &&
            !(to = escape_room(out, to, (size_t)(end - p))))
            return utf8_is_valid((struct slice){p, (size_t)(end - p)});
        p = escape_easy(p, end, &to, out->p + out->cap - ESCAPE_ROOM);
        if (p == end || is_plain((unsigned char)*p))
            continue;
        if ((unsigned char)*p < 0x80) {
            to = put_escape(to, *p++);
            continue;
        }
        n = utf8_length(p, end);
        if (n == 0) {
            strbuf_truncate(out, before);
            return false;
        }
        for (; n > 0; n--)
            *to++ = *p++;
    }
    *to = '\0';
    out->n = (size_t)(to - out->p);
    return true;
}

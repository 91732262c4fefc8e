#include "core/md5.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>

#include <sluice/base.h>

#include "core/base64.h"
#include "core/json.h"

/* SQS allows 10 attributes a message; other servers more. */
enum { ATTRIBUTES_MAX = 32, PIECE = 4096 };

/* Fetched once: looking an algorithm up costs more than a digest of a small body. */
static EVP_MD *algorithm;
static EVP_MD_CTX *context;
static const struct md5_other *replaced;

void md5_replace(const struct md5_other *other)
{
    replaced = other;
}

void md5_begin(void)
{
    if (replaced) {
        replaced->begin();
        return;
    }
    if (!context) {
        /* No security hangs on it: also where OpenSSL is held to FIPS, which has no MD5. */
        algorithm = EVP_MD_fetch(NULL, "MD5", "-fips");
        context = EVP_MD_CTX_new();
        sl_assert(algorithm && context);
    }
    sl_assert(EVP_DigestInit_ex2(context, algorithm, NULL) == 1);
}

void md5_add(const void *p, size_t n)
{
    if (replaced)
        replaced->add(p, n);
    else
        sl_assert(EVP_DigestUpdate(context, p, n) == 1);
}

void md5_end(uint8_t out[MD5_SIZE])
{
    if (replaced)
        replaced->end(out);
    else
        sl_assert(EVP_DigestFinal_ex(context, out, NULL) == 1);
}

void md5_print(const uint8_t digest[MD5_SIZE], char out[MD5_HEX_SIZE])
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < MD5_SIZE; i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[2 * MD5_SIZE] = '\0';
}

static void finish(char out[MD5_HEX_SIZE])
{
    uint8_t digest[MD5_SIZE];

    md5_end(digest);
    md5_print(digest, out);
}

void md5_hex(struct slice bytes, char out[MD5_HEX_SIZE])
{
    md5_begin();
    md5_add(bytes.p, bytes.n);
    finish(out);
}

static void update_unescaped(struct slice escaped)
{
    char piece[PIECE];
    size_t n;

    while ((n = json_unescape_some(&escaped, piece, sizeof(piece))) > 0)
        md5_add(piece, n);
}

void md5_hex_unescaped(struct slice escaped, char out[MD5_HEX_SIZE])
{
    md5_begin();
    update_unescaped(escaped);
    finish(out);
}

/* ---- message attributes ---- */

struct attribute {
    struct slice name, type, value; /* escaped */
    bool is_binary, has_value;
};

static size_t unescaped_length(struct slice escaped)
{
    char piece[PIECE];
    size_t length = 0, n;

    while ((n = json_unescape_some(&escaped, piece, sizeof(piece))) > 0)
        length += n;
    return length;
}

static void update_length(size_t n)
{
    unsigned char length[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16),
                               (unsigned char)(n >> 8), (unsigned char)n};

    md5_add(length, sizeof(length));
}

static void update_text(struct slice escaped)
{
    update_length(unescaped_length(escaped));
    update_unescaped(escaped);
}

/* The length of base64 text, and how many '=' are at its end: 0 to 2. */
static size_t measure_base64(struct slice escaped, size_t *padding)
{
    char piece[PIECE], last = '\0', before = '\0';
    size_t length = 0, n;

    while ((n = json_unescape_some(&escaped, piece, sizeof(piece))) > 0) {
        length += n;
        before = n > 1 ? piece[n - 2] : last;
        last = piece[n - 1];
    }
    *padding = last != '=' ? 0 : before != '=' ? 1 : 2;
    return length;
}

/* Digests the bytes of `n` digits, and moves *word on, which holds the last four of them. */
static bool update_digits(const char *digits, size_t n, uint32_t *word, size_t *count)
{
    unsigned char bytes[PIECE / 4 * 3 + 3];
    size_t out = 0;

    for (size_t i = 0; i < n; i++) {
        int digit = base64_digit(digits[i]);

        if (digit < 0)
            return false;
        *word = *word << 6 | (uint32_t)digit;
        if (++*count % 4)
            continue;
        bytes[out++] = (unsigned char)(*word >> 16);
        bytes[out++] = (unsigned char)(*word >> 8);
        bytes[out++] = (unsigned char)*word;
    }
    md5_add(bytes, out);
    return true;
}

/* The bytes that base64 text stands for, with their length before them. */
static bool update_base64(struct slice escaped)
{
    char piece[PIECE];
    uint32_t word = 0;
    size_t padding, digits, n;
    size_t count = 0;
    size_t length = measure_base64(escaped, &padding);

    if (length % 4)
        return false;
    digits = length - padding;
    update_length(length / 4 * 3 - padding);
    while (count < digits && (n = json_unescape_some(&escaped, piece, sizeof(piece))) > 0)
        if (!update_digits(piece, n < digits - count ? n : digits - count, &word, &count))
            return false;
    if (padding) {
        unsigned char rest[2] = {(unsigned char)(word << 6 * padding >> 16),
                                 (unsigned char)(word << 6 * padding >> 8)};

        md5_add(rest, 3 - padding);
    }
    return true;
}

static bool read_attribute(struct json *j, struct attribute *out)
{
    struct json_value key, value;

    if (json_next(j, NULL) != JSON_OBJECT)
        return false;
    while (json_member(j, &key)) {
        bool is_type = json_is(&key, "DataType");
        bool is_string = json_is(&key, "StringValue");
        bool is_binary = json_is(&key, "BinaryValue");

        if (!json_skip(j, &value))
            return false;
        if (value.type != JSON_STRING)
            continue;
        if (is_type)
            out->type = value.text;
        if (is_string || is_binary) {
            out->value = value.text;
            out->is_binary = is_binary;
            out->has_value = true;
        }
    }
    return !j->error && out->type.p && out->has_value;
}

static int by_name(const void *a, const void *b)
{
    const struct attribute *x = a, *y = b;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int order = memcmp(x->name.p, y->name.p, n);

    return order ? order : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

bool md5_hex_attributes(struct slice attributes, char out[MD5_HEX_SIZE])
{
    struct attribute list[ATTRIBUTES_MAX];
    size_t count = 0;
    struct json_value key;
    struct json j;

    json_init(&j, attributes);
    if (json_next(&j, NULL) != JSON_OBJECT)
        return false;
    while (json_member(&j, &key)) {
        if (count == ATTRIBUTES_MAX)
            return false;
        list[count] = (struct attribute){.name = key.text};
        if (!read_attribute(&j, &list[count++]))
            return false;
    }
    if (!json_end(&j))
        return false;
    qsort(list, count, sizeof(list[0]), by_name);
    md5_begin();
    for (size_t i = 0; i < count; i++) {
        update_text(list[i].name);
        update_text(list[i].type);
        md5_add(list[i].is_binary ? "\2" : "\1", 1);
        if (!list[i].is_binary)
            update_text(list[i].value);
        else if (!update_base64(list[i].value))
            return false;
    }
    finish(out);
    return true;
}

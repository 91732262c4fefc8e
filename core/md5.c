#include "core/md5.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>

#include <sluice/base.h>

#include "core/json.h"

/* SQS allows 10 attributes a message; other servers more. */
enum { ATTRIBUTES_MAX = 32, PIECE = 4096 };

/* Fetched once: looking an algorithm up costs more than a digest of a small body. */
static EVP_MD *algorithm;
static EVP_MD_CTX *context;

static void begin(void)
{
    if (!context) {
        algorithm = EVP_MD_fetch(NULL, "MD5", NULL);
        context = EVP_MD_CTX_new();
        sl_assert(algorithm && context);
    }
    sl_assert(EVP_DigestInit_ex2(context, algorithm, NULL) == 1);
}

static void update(const void *p, size_t n)
{
    sl_assert(EVP_DigestUpdate(context, p, n) == 1);
}

static void finish(char out[MD5_HEX_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[16];

    sl_assert(EVP_DigestFinal_ex(context, digest, NULL) == 1);
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[2 * sizeof(digest)] = '\0';
}

void md5_hex(struct slice bytes, char out[MD5_HEX_SIZE])
{
    begin();
    update(bytes.p, bytes.n);
    finish(out);
}

static void update_unescaped(struct slice escaped)
{
    char piece[PIECE];
    size_t n;

    while ((n = json_unescape_some(&escaped, piece, sizeof(piece))) > 0)
        update(piece, n);
}

void md5_hex_unescaped(struct slice escaped, char out[MD5_HEX_SIZE])
{
    begin();
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

    update(length, sizeof(length));
}

static void update_text(struct slice escaped)
{
    update_length(unescaped_length(escaped));
    update_unescaped(escaped);
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;

    return found ? (int)(found - digits) : -1;
}

/* Base64 may come with its slashes escaped: it is looked at unescaped, four characters at a time. */
static bool update_base64(struct slice escaped)
{
    char plain[PIECE];
    struct slice rest = escaped;
    size_t length = 0, n;
    char last[2] = {0};
    size_t padding = 0;

    while ((n = json_unescape_some(&rest, plain, sizeof(plain))) > 0) {
        length += n;
        last[0] = n > 1 ? plain[n - 2] : last[1];
        last[1] = plain[n - 1];
    }
    if (length % 4)
        return false;
    if (length > 0)
        padding = (size_t)(last[1] == '=') + (last[1] == '=' && last[0] == '=');
    update_length(length / 4 * 3 - padding);
    for (size_t at = 0; at < length;) {
        unsigned char bytes[PIECE / 4 * 3];
        size_t out = 0;

        n = json_unescape_some(&escaped, plain, sizeof(plain) - sizeof(plain) % 4);
        for (size_t i = 0; i + 4 <= n; i += 4) {
            uint32_t word = 0;
            size_t take = at + i + 4 == length ? 4 - padding : 4;

            for (size_t k = 0; k < 4; k++) {
                int digit = k < take ? base64_digit(plain[i + k]) : 0;

                if (digit < 0)
                    return false;
                word = word << 6 | (uint32_t)digit;
            }
            bytes[out++] = (unsigned char)(word >> 16);
            if (take > 2)
                bytes[out++] = (unsigned char)(word >> 8);
            if (take > 3)
                bytes[out++] = (unsigned char)word;
        }
        if (n == 0 || n % 4)
            return false;
        at += n;
        update(bytes, out);
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
    begin();
    for (size_t i = 0; i < count; i++) {
        update_text(list[i].name);
        update_text(list[i].type);
        update(list[i].is_binary ? "\2" : "\1", 1);
        if (!list[i].is_binary)
            update_text(list[i].value);
        else if (!update_base64(list[i].value))
            return false;
    }
    finish(out);
    return true;
}

/*
 * md5 -- the digests by which SQS lets its clients check what they received. Over OpenSSL, whose algorithm is fetched once;
 * no allocation per digest. One thread.
 */
#ifndef CORE_MD5_H
#define CORE_MD5_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"

enum { MD5_SIZE = 16, MD5_HEX_SIZE = 33 };

/* In pieces: md5_begin, md5_add …, md5_end, nothing else of this file between them. */
void md5_begin(void);
void md5_add(const void *p, size_t n);
void md5_end(uint8_t out[MD5_SIZE]);

/*
 * Another algorithm in MD5's place, of this process: a simulation digests every body at both ends, and needs digests that agree
 * there, quickly, rather than MD5's. NULL: MD5. What it points to has to stay.
 */
struct md5_other {
    void (*begin)(void);
    void (*add)(const void *p, size_t n);
    void (*end)(uint8_t out[MD5_SIZE]);
};
void md5_replace(const struct md5_other *other);

/* A digest as lower-case hex and a NUL. */
void md5_print(const uint8_t digest[MD5_SIZE], char out[MD5_HEX_SIZE]);

/* Of plain bytes: lower-case hex and a NUL. */
void md5_hex(struct slice bytes, char out[MD5_HEX_SIZE]);

/* Of the text that an escaped JSON string stands for: SQS's MD5OfBody. */
void md5_hex_unescaped(struct slice escaped, char out[MD5_HEX_SIZE]);

/*
 * SQS's MD5OfMessageAttributes of a JSON object {"name":{"DataType":…,"StringValue":…|"BinaryValue":…}, …}: over all of
 * them in the order of their names, each name, type and value with its length before it, and Binary as raw bytes (SQS
 * developer guide, "Calculating the MD5 message digest for message attributes").
 * false: they can't be read: not such an object, more than 32 of them, a value that is missing or no base64.
 */
bool md5_hex_attributes(struct slice attributes, char out[MD5_HEX_SIZE]);

#endif
